//! One HTTP conversation: resolve, connect, ask, read, each within limits.
//!
//! It does what these services need and cannot do more: no redirects, proxies, cookies, compression or kept
//! connections. What comes back is a stranger's bytes, whatever its content type says.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, CONNECTION, CONTENT_TYPE, ETAG, HOST, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED};
use hyper::header::{HeaderMap, HeaderName, USER_AGENT};
use hyper::{Method, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::url::{Host, ServiceUrl, is_public};

/// Addresses of one name that are tried.
const ADDRESSES_MAX: usize = 4;
/// Headers of an answer, and its whole head in bytes.
const HEADERS_MAX: usize = 64;
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// A validator of a list (`ETag`, `Last-Modified`) that is kept and sent back.
const VALIDATOR_BYTES_MAX: usize = 512;
/// The largest answer of a responder or time-stamping authority. It may be kept beside a record for ever, and real ones with
/// their certificates have less than 10 KiB.
pub(super) const ANSWER_BYTES_MAX: usize = 32 * 1024;
/// Memory set aside for a body on its sender's word.
const BODY_BYTES_FIRST: u64 = 256 * 1024;

/// Why nothing useful came back.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The host is on no list. Add it, or do not trust who named it.
    #[error("{0} is on no list of hosts")]
    NotAllowed(Host),
    /// The name leads into a private network. List it as private, if that is meant.
    #[error("{host} has the address {address}, which is not public")]
    Private {
        /// The host.
        host: Host,
        /// Where it leads.
        address: IpAddr,
    },
    /// The host failed too often lately and is left alone for a while.
    #[error("{0} failed too often and is left alone for a while")]
    LeftAlone(Host),
    /// No address, or no connection.
    #[error("{host} cannot be reached")]
    Unreachable {
        /// The host.
        host: Host,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Too slow.
    #[error("{host} did not answer within {ms} ms")]
    Timeout {
        /// The host.
        host: Host,
        /// How long was waited, in milliseconds.
        ms: u64,
    },
    /// The conversation broke off, or it is not HTTP.
    #[error("the conversation with {host} broke off")]
    Broken {
        /// The host.
        host: Host,
        /// Why.
        #[source]
        source: hyper::Error,
    },
    /// A status other than 200 (redirects are among them: they are never followed).
    #[error("{host} answers with status {status}")]
    Status {
        /// The host.
        host: Host,
        /// HTTP status code.
        status: u16,
    },
    /// Larger than anything that was asked for.
    #[error("{host} sends more than {max} bytes")]
    TooLarge {
        /// The host.
        host: Host,
        /// The limit.
        max: usize,
    },
    /// It is not an answer to the question.
    #[error("the answer of {host} is no use: {why}")]
    Answer {
        /// The host.
        host: Host,
        /// What is wrong with it.
        why: &'static str,
    },
    /// No random bytes for a nonce.
    #[error("no random bytes")]
    Entropy(#[source] io::Error),
}

impl FetchError {
    /// In a few words, without names: for records and metrics.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::NotAllowed(_) => "host not allowed",
            Self::Private { .. } => "private address",
            Self::LeftAlone(_) => "left alone after failures",
            Self::Unreachable { .. } => "unreachable",
            Self::Timeout { .. } => "timeout",
            Self::Broken { .. } => "broken conversation",
            Self::Status { .. } => "http status",
            Self::TooLarge { .. } => "answer too large",
            Self::Answer { why, .. } => why,
            Self::Entropy(_) => "no random bytes",
        }
    }

    /// Whether the same question may be answered a moment later.
    pub(super) const fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Timeout { .. } | Self::Broken { .. } => true,
            Self::Status { status, .. } => *status >= 500 || *status == 429 || *status == 408,
            Self::NotAllowed(_)
            | Self::Private { .. }
            | Self::LeftAlone(_)
            | Self::TooLarge { .. }
            | Self::Answer { .. }
            | Self::Entropy(_) => false,
        }
    }
}

/// A question.
#[derive(Debug, Clone)]
pub(super) struct Question {
    pub(super) url: ServiceUrl,
    /// Content type and body of a POST; a GET without.
    pub(super) post: Option<(&'static str, Vec<u8>)>,
    /// Content type that is hoped for.
    pub(super) accept: &'static str,
    /// What was had before, so that it need not be sent again.
    pub(super) known: Validators,
    /// Limit of the body.
    pub(super) bytes_max: usize,
    /// Limit of the time.
    pub(super) ms_max: u64,
}

/// By what a server recognises the version that we have (RFC 9110, 8.8).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Validators {
    etag: Option<String>,
    last_modified: Option<String>,
}

impl Validators {
    fn of(headers: &HeaderMap) -> Self {
        let text = |name: HeaderName| {
            let value = headers.get(name)?.to_str().ok()?;
            (value.len() <= VALIDATOR_BYTES_MAX).then(|| value.to_owned())
        };
        Self { etag: text(ETAG), last_modified: text(LAST_MODIFIED) }
    }

    fn is_empty(&self) -> bool {
        self.etag.is_none() && self.last_modified.is_none()
    }
}

/// An answer.
#[derive(Debug)]
pub(super) enum Reply {
    /// 200 and a body.
    Body { bytes: Vec<u8>, validators: Validators },
    /// 304: what is known is still the newest.
    Unchanged,
}

/// Has one conversation. Whether the host may be talked to was decided before; whether its address may, is here.
pub(super) async fn converse(
    question: &Question,
    connect: Duration,
    private_allowed: bool,
) -> Result<Reply, FetchError> {
    let host = question.url.host();
    let all = async {
        let stream = connected(host, connect, private_allowed, resolved).await?;
        talk(stream, question).await
    };
    let late = |_| FetchError::Timeout { host: host.clone(), ms: question.ms_max };
    timeout(Duration::from_millis(question.ms_max), all).await.map_err(late)?
}

/// The addresses of a name, as the system has them.
async fn resolved(name: String, port: u16) -> io::Result<Vec<SocketAddr>> {
    Ok(tokio::net::lookup_host((name, port)).await?.collect())
}

/// Connects to an address that was looked at: the name is not resolved a second time.
async fn connected(
    host: &Host,
    limit: Duration,
    private_allowed: bool,
    resolve: impl AsyncFnOnce(String, u16) -> io::Result<Vec<SocketAddr>>,
) -> Result<TcpStream, FetchError> {
    let unreachable = |source| FetchError::Unreachable { host: host.clone(), source };
    let addresses = match host.name().parse::<IpAddr>() {
        Ok(address) => vec![SocketAddr::new(address, host.port())],
        Err(_) => resolve(host.name().to_owned(), host.port()).await.map_err(unreachable)?,
    };
    // One private address among public ones is a name that somebody is playing with.
    if !private_allowed && let Some(private) = addresses.iter().find(|address| !is_public(address.ip())) {
        return Err(FetchError::Private { host: host.clone(), address: private.ip() });
    }
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for address in addresses.into_iter().take(ADDRESSES_MAX) {
        match timeout(limit, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = error,
            Err(_) => last = io::Error::from(io::ErrorKind::TimedOut),
        }
    }
    Err(unreachable(last))
}

async fn talk(stream: TcpStream, question: &Question) -> Result<Reply, FetchError> {
    let broken = |source| FetchError::Broken { host: question.url.host().clone(), source };
    let mut client = http1::Builder::new();
    client.max_headers(HEADERS_MAX).max_buf_size(HEAD_BYTES_MAX);
    let (mut sender, connection) = client.handshake(TokioIo::new(stream)).await.map_err(broken)?;
    let request = request(question)?;
    let conversation = async move {
        let response = sender.send_request(request).await.map_err(broken)?;
        reply(response, question).await
    };
    let mut conversation = pin!(conversation);
    // The connection moves the bytes; once it is over, what it has read is still in the channel.
    tokio::select! {
        biased;
        reply = &mut conversation => reply,
        _ = connection => conversation.await,
    }
}

fn request(question: &Question) -> Result<hyper::Request<Full<Bytes>>, FetchError> {
    let host = question.url.host();
    let named = if host.port() == 80 { host.name().to_owned() } else { host.to_string() };
    let mut builder = hyper::Request::builder()
        .uri(question.url.path())
        .header(HOST, named)
        .header(USER_AGENT, "document-ledger")
        .header(ACCEPT, question.accept)
        .header(CONNECTION, "close");
    for (name, value) in [(IF_NONE_MATCH, &question.known.etag), (IF_MODIFIED_SINCE, &question.known.last_modified)] {
        if let Some(value) = value {
            builder = builder.header(name, value);
        }
    }
    let body = match &question.post {
        Some((kind, body)) => {
            builder = builder.method(Method::POST).header(CONTENT_TYPE, *kind);
            Full::new(Bytes::copy_from_slice(body))
        }
        None => Full::default(),
    };
    // A path or validator that has no form in HTTP.
    builder.body(body).map_err(|_| FetchError::Answer { host: host.clone(), why: "no request possible" })
}

async fn reply(response: Response<Incoming>, question: &Question) -> Result<Reply, FetchError> {
    let host = || question.url.host().clone();
    let status = response.status();
    if status == StatusCode::NOT_MODIFIED && !question.known.is_empty() {
        return Ok(Reply::Unchanged);
    }
    if status != StatusCode::OK {
        return Err(FetchError::Status { host: host(), status: status.as_u16() });
    }
    let validators = Validators::of(response.headers());
    let mut body = response.into_body();
    let too_large = || FetchError::TooLarge { host: host(), max: question.bytes_max };
    let announced = body.size_hint().lower();
    if usize::try_from(announced).map_or(true, |announced| announced > question.bytes_max) {
        return Err(too_large());
    }
    let mut bytes = Vec::with_capacity(usize::try_from(announced.min(BODY_BYTES_FIRST)).unwrap_or_default());
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|source| FetchError::Broken { host: host(), source })?;
        // Trailers are of no interest.
        if let Some(data) = frame.data_ref() {
            if bytes.len().saturating_add(data.len()) > question.bytes_max {
                return Err(too_large());
            }
            bytes.extend_from_slice(data);
        }
    }
    Ok(Reply::Body { bytes, validators })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A name that is public when it is looked at and private when it is connected to (DNS rebinding): there is one look.
    #[tokio::test]
    async fn the_address_that_was_looked_at_is_connected_to_and_one_private_address_spoils_the_name() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let here = listener.local_addr().unwrap();
        let host: Host = format!("rebinding.example:{}", here.port()).parse().unwrap();
        let limit = Duration::from_secs(30);
        // The resolver can be asked once: its type says so.
        let stream = connected(&host, limit, true, async move |_, _| Ok(vec![here])).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), here);
        for private in ["127.0.0.1:80", "[::1]:80", "[::ffff:127.0.0.1]:80", "169.254.169.254:80", "[fd00::1]:80"] {
            let addresses = vec!["93.184.216.34:80".parse().unwrap(), private.parse().unwrap()];
            let refused = connected(&host, limit, false, async move |_, _| Ok(addresses)).await;
            assert!(matches!(refused, Err(FetchError::Private { .. })), "{private}: {refused:?}");
        }
        let nowhere = connected(&host, limit, true, async move |_, _| Ok(vec![])).await;
        assert!(matches!(nowhere, Err(FetchError::Unreachable { .. })), "{nowhere:?}");
    }
}
