//! From bytes to commands: headers, queries and bodies, each with its limit.

use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName};
use actix_web::web::Bytes;
use actix_web::{FromRequest, HttpRequest, web};
use base64ct::{Base64, Encoding as _};
use ledger_core::digest::Digest;
use ledger_core::domain::command::Command;
use ledger_core::domain::refusal::RefusalCode;

use ledger_store::Ledger;

use super::auth::Caller;
use super::json::{self, Json, Members};
use super::problem::{Edge, Problem};
use super::{Answer, State, view};

/// The largest document (format registry); raw uploads may be as large.
pub(super) const CONTENT_BYTES_MAX: usize = 64 * 1024 * 1024;
/// A document in JSON: base64 makes three bytes four, and the other members need a little.
pub(super) const DOCUMENT_JSON_BYTES_MAX: usize = CONTENT_BYTES_MAX / 3 * 4 + SMALL_BYTES_MAX;
/// Every other body: a CMS with its chain has some kilobytes.
pub(super) const SMALL_BYTES_MAX: usize = 1024 * 1024;
/// Revocation lists of a national authority grow to some megabytes.
pub(super) const CRL_JSON_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Large bodies in memory at once: four of them are a third of a gigabyte.
pub(super) const LARGE_BODIES_MAX: usize = 4;
/// Commands at once: as many as connections, and those whose senders have gone.
pub(super) const COMMANDS_MAX: usize = 1024;
/// As large a body as fits comes in this time over a slow line; a client that trickles is cut off.
const BODY_TIMEOUT: Duration = Duration::from_mins(2);
/// The longest page of a list (product.md C.5.1).
pub(super) const PAGE_ITEMS_MAX: u32 = 200;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const DOCUMENT_TITLE: HeaderName = HeaderName::from_static("document-title");
const CONTENT_DIGEST: HeaderName = HeaderName::from_static("content-digest");
/// Keys that begin so are the service's own.
pub(super) const OWN_KEYS: &str = "edl:";

/// The query of a request, as members.
#[derive(Debug)]
pub(super) struct Query(pub Members);

impl FromRequest for Query {
    type Error = Problem;
    type Future = std::future::Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let pairs = web::Query::<Vec<(String, String)>>::from_query(request.query_string());
        let query = pairs.map(|pairs| Self(Members::of_query(pairs.into_inner())));
        std::future::ready(query.map_err(|_| Problem::edge(Edge::QueryInvalid)))
    }
}

impl Query {
    /// Ends the reading: the parameters, or everything that was wrong with them.
    pub(super) fn build<T>(self, parameters: Option<T>) -> Result<T, Problem> {
        build(self.0, Edge::QueryInvalid, parameters)
    }

    /// Where the page before ended.
    pub(super) fn cursor(&mut self) -> Option<u64> {
        let text = self.0.optional("after", "the next of the page before", json::text)?;
        let cursor = text.parse().ok();
        if cursor.is_none() {
            self.0.fault("after", Edge::CursorInvalid.slug(), "the next of the page before");
        }
        cursor
    }

    /// How many items a page is to have.
    pub(super) fn limit(&mut self) -> u32 {
        let in_range = |value: Json| json::parsed::<u32>(value).filter(|limit| (1..=PAGE_ITEMS_MAX).contains(limit));
        self.0.optional("limit", "1 to 200", in_range).unwrap_or(50)
    }
}

/// A path parameter; one that does not parse names nothing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Id<T>(pub T);

impl<T: std::str::FromStr> FromRequest for Id<T> {
    type Error = Problem;
    type Future = std::future::Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let id = request.match_info().get("id").and_then(|text| text.parse().ok());
        std::future::ready(id.map(Self).ok_or_else(Problem::not_found))
    }
}

/// A request to change something: who asks, under which idempotency key, and a body still unread.
pub(super) struct Act {
    /// Who asks.
    pub caller: Caller,
    /// Its query, but for `dry_run`.
    pub query: Query,
    state: web::Data<State>,
    request: HttpRequest,
    payload: Option<web::Payload>,
    idempotency_key: Option<String>,
    dry_run: bool,
}

impl FromRequest for Act {
    type Error = Problem;
    type Future = std::future::Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        std::future::ready(open(request, payload))
    }
}

fn open(request: &HttpRequest, payload: &mut Payload) -> Result<Act, Problem> {
    let caller = Caller::from_request(request, payload).into_inner()?;
    caller.actor()?;
    let mut query = Query::from_request(request, payload).into_inner()?;
    let dry_run = query.0.optional("dry_run", "true or false", json::parsed).unwrap_or(false);
    let state = request.app_data::<web::Data<State>>().ok_or_else(|| Problem::internal("no state"))?.clone();
    Ok(Act {
        caller,
        query,
        state,
        request: request.clone(),
        payload: Some(web::Payload::from_request(request, payload).into_inner().map_err(Problem::internal)?),
        idempotency_key: idempotency_key(request)?,
        dry_run,
    })
}

fn idempotency_key(request: &HttpRequest) -> Result<Option<String>, Problem> {
    let mut values = request.headers().get_all(IDEMPOTENCY_KEY);
    let Some(value) = values.next() else { return Ok(None) };
    let visible = |key: &&str| (1..=128).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
    match value.to_str().ok().filter(visible) {
        Some(key) if values.next().is_none() && !key.starts_with(OWN_KEYS) => Ok(Some(key.to_owned())),
        _ => Err(Problem::edge(Edge::IdempotencyKeyInvalid)),
    }
}

impl Act {
    /// The ledger that is asked.
    pub(super) fn ledger(&self) -> &Ledger {
        &self.state.ledger
    }

    /// Stops a request that would act without an idempotency key, before its body is read.
    fn due_key(&self) -> Result<(), Problem> {
        let missing = self.idempotency_key.is_none() && !self.dry_run;
        if missing { Err(Problem::edge(Edge::IdempotencyKeyMissing)) } else { Ok(()) }
    }

    /// Reads a JSON body.
    pub(super) async fn json(&mut self, bytes_max: usize) -> Result<Members, Problem> {
        self.due_key()?;
        if self.media_type() != "application/json" {
            return Err(Problem::with_detail(Edge::MediaTypeUnsupported, "this route reads application/json"));
        }
        json_body(&self.state, &self.request, self.payload.take(), bytes_max).await
    }

    /// Reads a body of bytes of this type.
    pub(super) async fn raw(&mut self, bytes_max: usize) -> Result<Bytes, Problem> {
        self.due_key()?;
        body(&self.state, &self.request, self.payload.take(), bytes_max).await
    }

    /// Reads the body of an act that needs none: nothing, or an empty JSON object.
    pub(super) async fn nothing(&mut self) -> Result<(), Problem> {
        self.due_key()?;
        let bytes = body(&self.state, &self.request, self.payload.take(), SMALL_BYTES_MAX).await?;
        if bytes.is_empty() {
            return Ok(());
        }
        let json = json::parse(&bytes).map_err(|error| Problem::malformed(error.to_string()))?;
        build_body(Members::of(json), Some(()))
    }

    /// Reads a CMS: as it is (`application/pkcs7-signature`, `application/pkcs7-mime`) or as member `cms` of a JSON object.
    pub(super) async fn cms(&mut self) -> Result<Vec<u8>, Problem> {
        match self.media_type().as_str() {
            "application/pkcs7-signature" | "application/pkcs7-mime" => {
                let raw = self.raw(SMALL_BYTES_MAX).await?;
                let cms = pem_or_der(&raw).ok_or_else(|| Problem::of(RefusalCode::SignatureMalformed))?;
                if is_private_key(&cms) || has_private_key_label(&raw) {
                    return Err(Problem::of(RefusalCode::PrivateKeyMaterialRefused));
                }
                Ok(cms)
            }
            "application/json" => {
                let mut body = self.json(SMALL_BYTES_MAX).await?;
                let cms = bytes(&mut body, "cms");
                build_body(body, cms)
            }
            _ => Err(Problem::with_detail(
                Edge::MediaTypeUnsupported,
                "this route reads application/pkcs7-signature and application/json",
            )),
        }
    }

    /// The body's media type, without parameters, in lower case.
    pub(super) fn media_type(&self) -> String {
        media_type(&self.request)
    }

    /// The title of a raw upload: a header, because a title may name people and URLs stand in logs.
    pub(super) fn title(&self) -> Result<String, Problem> {
        let invalid = || Problem::with_detail(Edge::BodyInvalid, "Document-Title must be percent-encoded UTF-8");
        let value = self.request.headers().get(DOCUMENT_TITLE).ok_or_else(invalid)?;
        percent_decode(value.to_str().map_err(|_| invalid())?).ok_or_else(invalid)
    }

    /// SHA-256 of the body as the client declares it (RFC 9530, `Content-Digest: sha-256=:…:`).
    pub(super) fn declared_sha256(&self) -> Result<Option<Digest>, Problem> {
        let Some(value) = self.request.headers().get(CONTENT_DIGEST) else { return Ok(None) };
        let digest = value.to_str().ok().and_then(|text| {
            let mut members = text.split(',').map(str::trim);
            let encoded = members.find_map(|member| member.strip_prefix("sha-256=:")?.strip_suffix(':'))?;
            Digest::from_slice(&Base64::decode_vec(encoded).ok()?)
        });
        let invalid = || Problem::with_detail(Edge::BodyInvalid, "Content-Digest must be sha-256=:base64:");
        digest.map(Some).ok_or_else(invalid)
    }

    /// Lets the ledger do it, or in a dry run only say whether it would.
    pub(super) async fn execute(self, command: impl Into<Command>) -> Answer {
        self.query.build(Some(()))?;
        let actor = self.caller.actor()?;
        if self.dry_run {
            self.state.ledger.check(&actor, command.into()).await?;
            return Ok(view::would_pass());
        }
        let key = self.idempotency_key.ok_or_else(|| Problem::edge(Edge::IdempotencyKeyMissing))?;
        let (state, command) = (self.state, command.into());
        // A sender that resets its connection takes its handler along, but not what it asked for: an attempt ends on record.
        let running = actix_web::rt::spawn(async move {
            let _place = state.running.try_acquire().map_err(|_| Problem::edge(Edge::Busy))?;
            Ok::<_, Problem>(state.ledger.execute(&actor, &key, command).await?)
        });
        // The message of a panic may hold what the client sent.
        let executed = running.await.map_err(|_| Problem::internal("a command did not end"))??;
        Ok(view::executed(&executed))
    }
}

/// Reads a JSON body of a request that is no [`Act`].
pub(super) async fn json_body(
    state: &State,
    request: &HttpRequest,
    payload: Option<web::Payload>,
    bytes_max: usize,
) -> Result<Members, Problem> {
    if media_type(request) != "application/json" {
        return Err(Problem::with_detail(Edge::MediaTypeUnsupported, "this route reads application/json"));
    }
    let bytes = body(state, request, payload, bytes_max).await?;
    match json::parse(&bytes) {
        Ok(json) => Ok(Members::of(json)),
        Err(error) => Err(Problem::malformed(error.to_string())),
    }
}

async fn body(
    state: &State,
    request: &HttpRequest,
    payload: Option<web::Payload>,
    bytes_max: usize,
) -> Result<Bytes, Problem> {
    let declared = request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if declared.is_some_and(|length| length > bytes_max) {
        return Err(Problem::edge(Edge::BodyTooLarge));
    }
    // A body of unknown length may become large.
    let large = declared.unwrap_or(bytes_max) > SMALL_BYTES_MAX;
    let _place =
        if large { Some(state.large_bodies.try_acquire().map_err(|_| Problem::edge(Edge::Busy))?) } else { None };
    let payload = payload.ok_or_else(|| Problem::internal("body read twice"))?;
    match tokio::time::timeout(BODY_TIMEOUT, payload.to_bytes_limited(bytes_max)).await {
        Ok(Ok(Ok(bytes))) => Ok(bytes),
        Ok(Ok(Err(_))) => Err(Problem::edge(Edge::BodyMalformed)),
        Ok(Err(_)) => Err(Problem::edge(Edge::BodyTooLarge)),
        Err(_) => Err(Problem::edge(Edge::RequestTimeout)),
    }
}

fn media_type(request: &HttpRequest) -> String {
    let value = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Ends the reading of a body: what was built, or everything that was wrong.
pub(super) fn build_body<T>(members: Members, built: Option<T>) -> Result<T, Problem> {
    build(members, Edge::BodyInvalid, built)
}

fn build<T>(members: Members, edge: Edge, built: Option<T>) -> Result<T, Problem> {
    members.finish().map_err(|faults| Problem::faults(edge, &faults))?;
    built.ok_or_else(|| Problem::internal("a member was missed without a fault"))
}

/// A required member that holds a certificate, CMS or list: base64 of its DER, or PEM.
pub(super) fn bytes(body: &mut Members, name: &str) -> Option<Vec<u8>> {
    let text = body.required(name, "base64 of DER, or PEM", json::text)?;
    decoded(body, name, &text)
}

/// An optional array of such members, at most this many.
pub(super) fn bytes_list(body: &mut Members, name: &str, items_max: usize) -> Option<Vec<Vec<u8>>> {
    let texts = |json: Json| match json {
        Json::Array(items) if items.len() <= items_max => items.into_iter().map(json::text).collect(),
        Json::Array(_) | Json::Bool(_) | Json::Number(_) | Json::Text(_) | Json::Object(_) => None,
    };
    let texts: Vec<String> =
        body.optional(name, "an array of base64 or PEM texts, not too long", texts).unwrap_or_default();
    let all: Vec<_> = texts.iter().map(|text| decoded(body, name, text)).collect();
    all.into_iter().collect()
}

fn decoded(body: &mut Members, name: &str, text: &str) -> Option<Vec<u8>> {
    let private = has_private_key_label(text.as_bytes());
    let der = pem_or_base64(text);
    if private || der.as_deref().is_some_and(is_private_key) {
        body.fault(name, RefusalCode::PrivateKeyMaterialRefused.as_str(), "no private key, ever");
        return None;
    }
    if der.is_none() {
        body.fault(name, "member-malformed", "base64 of DER, or PEM");
    }
    der
}

/// The content of a document in strict base64; a private key is no document.
pub(super) fn content(body: &mut Members, name: &str) -> Option<Vec<u8>> {
    let decode = |json: Json| Base64::decode_vec(&json::text(json)?).ok();
    let content = body.required(name, "base64", decode)?;
    if looks_like_private_key_file(&content) {
        body.fault(name, RefusalCode::PrivateKeyMaterialRefused.as_str(), "no private key, ever");
        return None;
    }
    Some(content)
}

/// Whether somebody uploads a key file in place of a document.
pub(super) fn looks_like_private_key_file(content: &[u8]) -> bool {
    let start = content.trim_ascii_start();
    let start = start.get(..1024.min(start.len())).unwrap_or_default();
    is_private_key(content) || start.starts_with(b"-----BEGIN ") && has_private_key_label(start)
}

fn pem_or_der(raw: &[u8]) -> Option<Vec<u8>> {
    match std::str::from_utf8(raw) {
        Ok(text) if text.trim_start().starts_with("-----BEGIN ") => pem_or_base64(text),
        _ => Some(raw.to_vec()),
    }
}

/// One PEM block, or base64 with line breaks as `openssl` prints it.
fn pem_or_base64(text: &str) -> Option<Vec<u8>> {
    let text = text.trim();
    let inner = match text.strip_prefix("-----BEGIN ") {
        Some(rest) => rest.split_once("-----")?.1.split_once("-----END ")?.0,
        None => text,
    };
    let encoded: String = inner.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    Base64::decode_vec(&encoded).ok().filter(|der| !der.is_empty())
}

fn has_private_key_label(bytes: &[u8]) -> bool {
    const LABEL: &[u8] = b"PRIVATE KEY-----";
    bytes.windows(LABEL.len()).any(|window| window == LABEL)
}

/// Whether DER is a private key: PKCS#1, PKCS#8, SEC 1 and PKCS#12 all are a sequence that begins with a small
/// version number, which no certificate, CMS or revocation list of ours does (a version 2 CRL begins with a sequence).
fn is_private_key(der: &[u8]) -> bool {
    // 0x80 is the indefinite length: PKCS#12 files from some tools are BER.
    let ([0x30, ..=0x80, contents @ ..]
    | [0x30, 0x81, _, contents @ ..]
    | [0x30, 0x82, _, _, contents @ ..]
    | [0x30, 0x83, _, _, _, contents @ ..]) = der
    else {
        return false;
    };
    matches!(contents, [0x02, 0x01, 0..=3, 0x02 | 0x04 | 0x30, ..])
}

fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digit = |byte: Option<u8>| char::from(byte?).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
            let (high, low) = (digit(rest.next())?, digit(rest.next())?);
            bytes.push(high << 4 | low);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_private_key_is_known_and_certificates_and_signatures_are_not_taken_for_one() {
        let long = |inner: &[u8]| [&[0x30, 0x82, 0x01, 0x00], inner].concat();
        for (name, der, private) in [
            ("PKCS#1", long(&[2, 1, 0, 2, 0x82]), true),
            ("PKCS#8", long(&[2, 1, 0, 0x30, 0x0d]), true),
            ("SEC 1", vec![0x30, 0x77, 2, 1, 1, 4, 0x20], true),
            ("PKCS#12", long(&[2, 1, 3, 0x30, 0x82]), true),
            ("PKCS#12 in BER", vec![0x30, 0x80, 2, 1, 3, 0x30, 0x80], true),
            ("certificate", long(&[0x30, 0x82, 1, 0]), false),
            ("CMS", long(&[6, 9, 0x2a, 0x86]), false),
            ("nothing", vec![], false),
            ("text", b"0 is not a key".to_vec(), false),
        ] {
            assert_eq!(is_private_key(&der), private, "{name}");
        }
        assert!(looks_like_private_key_file(b"\n-----BEGIN RSA PRIVATE KEY-----\nabc"));
        assert!(looks_like_private_key_file(b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nabc"));
        assert!(!looks_like_private_key_file(b"Never send a -----BEGIN PRIVATE KEY----- by mail"));
    }

    #[test]
    fn base64_comes_with_line_breaks_or_as_pem_and_otherwise_strictly() {
        for good in ["AQID", "AQ\nID\n", "-----BEGIN CERTIFICATE-----\nAQID\n-----END CERTIFICATE-----\n"] {
            assert_eq!(pem_or_base64(good), Some(vec![1, 2, 3]), "{good}");
        }
        for bad in ["", "AQI", "AQI*", "-----BEGIN CERTIFICATE-----", "AR==", "-----BEGIN X-----AQID"] {
            assert_eq!(pem_or_base64(bad), None, "{bad}");
        }
    }

    #[test]
    fn titles_are_percent_decoded_as_utf_8() {
        assert_eq!(percent_decode("%D0%94oc%201"), Some("Дoc 1".to_owned()));
        assert_eq!(percent_decode("%D0"), None);
        assert_eq!(percent_decode("%4"), None);
        assert_eq!(percent_decode("%+1"), None);
    }
}
