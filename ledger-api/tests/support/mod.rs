//! A real service on a free port, and an HTTP client of sixty lines.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ledger_api::server::auth::{Role, Tokens};
use ledger_api::server::{self, now};
use ledger_core::id::ParticipantId;
use ledger_store::{Ledger, LedgerOptions};
use serde_json::Value;

/// A service in its own thread over a new ledger; stopped and removed when dropped.
pub(crate) struct Service {
    pub(crate) address: SocketAddr,
    pub(crate) tokens: Arc<Tokens>,
    handle: Option<actix_web::dev::ServerHandle>,
    thread: Option<std::thread::JoinHandle<()>>,
    folder: PathBuf,
}

static NEXT: AtomicU64 = AtomicU64::new(0);

impl Service {
    pub(crate) fn start() -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("edl-http-{}-{number}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        let (send, receive) = std::sync::mpsc::channel();
        let data = folder.join("data");
        let thread = std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async {
                let ledger = Ledger::create(&data, LedgerOptions::default()).await.unwrap();
                let tokens = Arc::new(Tokens::open(&data).unwrap());
                let listener = TcpListener::bind("127.0.0.1:0").unwrap();
                let address = listener.local_addr().unwrap();
                let service = server::serve(ledger.clone(), tokens.clone(), listener).unwrap();
                send.send((address, tokens, service.handle)).unwrap();
                service.running.await.unwrap();
                ledger.close().await.unwrap();
            });
        });
        let (address, tokens, handle) = receive.recv().unwrap();
        Self { address, tokens, handle: Some(handle), thread: Some(thread), folder }
    }

    pub(crate) fn client(&self, role: Role) -> Client {
        Client { address: self.address, token: Some(self.tokens.create(role, now()).unwrap().0) }
    }

    pub(crate) fn operator(&self) -> Client {
        self.client(Role::Operator)
    }

    pub(crate) fn participant(&self, id: &str) -> Client {
        self.client(Role::Participant(id.parse::<ParticipantId>().unwrap()))
    }

    pub(crate) fn stranger(&self) -> Client {
        Client { address: self.address, token: None }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if let Some(handle) = self.handle.take() {
            drop(handle.stop(true));
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

#[derive(Clone)]
pub(crate) struct Client {
    address: SocketAddr,
    pub(crate) token: Option<String>,
}

#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self}"))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// Asserts the problem type and status; gives the problem.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16, slug: &str) -> Value {
        assert_eq!(self.status, status, "{self}");
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self}");
        let problem = self.json();
        assert_eq!(problem["type"], format!("urn:edl:problem:{slug}"), "{self}");
        problem
    }

    #[track_caller]
    pub(crate) fn ok(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{self}");
        self.json()
    }
}

impl std::fmt::Display for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}\n{}", self.head, String::from_utf8_lossy(&self.body))
    }
}

impl Client {
    pub(crate) fn get(&self, path: &str) -> Reply {
        self.send("GET", path, &[], b"")
    }

    /// A JSON body under an idempotency key.
    pub(crate) fn post(&self, path: &str, key: &str, body: &Value) -> Reply {
        let headers = [("Content-Type", "application/json"), ("Idempotency-Key", key)];
        self.send("POST", path, &headers, body.to_string().as_bytes())
    }

    pub(crate) fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: ledger\r\nConnection: close\r\n");
        if let Some(token) = &self.token {
            head.extend(["Authorization: Bearer ", token, "\r\n"]);
        }
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-length")) {
            head.extend(["Content-Length: ", &body.len().to_string(), "\r\n"]);
        }
        for (name, value) in headers {
            head.extend([*name, ": ", *value, "\r\n"]);
        }
        self.raw(&[head.as_bytes(), b"\r\n", body].concat())
    }

    pub(crate) fn raw(&self, bytes: &[u8]) -> Reply {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
        // The service may answer and close before it has read everything.
        let _ = stream.write_all(bytes);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap_or(answer.len());
        let head = String::from_utf8_lossy(&answer[..end]).into_owned();
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        let mut body = answer.get(end + 4..).unwrap_or_default().to_vec();
        if head.to_ascii_lowercase().contains("transfer-encoding: chunked") {
            body = unchunk(&body);
        }
        Reply { status, head, body }
    }
}

fn unchunk(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = rest.windows(2).position(|window| window == b"\r\n") {
        let length = usize::from_str_radix(std::str::from_utf8(&rest[..end]).unwrap().trim(), 16).unwrap();
        body.extend_from_slice(&rest[end + 2..][..length]);
        rest = rest.get(end + 2 + length + 2..).unwrap_or_default();
    }
    body
}
