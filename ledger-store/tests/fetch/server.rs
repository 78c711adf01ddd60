//! A small HTTP server on the loopback interface that answers as a test wants, also wrongly.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// What came.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }
}

/// What goes back.
pub(crate) enum Reply {
    /// 200 with a body.
    Ok(Vec<u8>),
    /// These bytes, and the connection is closed.
    Raw(Vec<u8>),
    /// These bytes, and then a byte every 20 ms until the other side has gone.
    Drip(Vec<u8>),
    /// The first bytes once, and then the others again and again until the other side has gone.
    Flood(Vec<u8>, Vec<u8>),
    /// Closed without a word.
    Nothing,
}

impl Reply {
    pub(crate) fn status(status: u16, headers: &str) -> Self {
        Self::Raw(format!("HTTP/1.1 {status} Some\r\ncontent-length: 0\r\n{headers}\r\n").into_bytes())
    }
}

type Answer = dyn Fn(&Request) -> Reply + Send + Sync;

/// A server; it stops when it is dropped.
pub(crate) struct Server {
    port: u16,
    requests: Arc<Mutex<Vec<Request>>>,
    stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub(crate) fn start(answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        Self::at(TcpListener::bind("127.0.0.1:0").unwrap(), answer)
    }

    pub(crate) fn at(listener: TcpListener, answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let stopping = Arc::new(AtomicBool::new(false));
        let (kept, stop) = (Arc::clone(&requests), Arc::clone(&stopping));
        let answer: Arc<Answer> = Arc::new(answer);
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                let (kept, answer, stop) = (Arc::clone(&kept), Arc::clone(&answer), Arc::clone(&stop));
                std::thread::spawn(move || serve(stream.unwrap(), &kept, &*answer, &stop));
            }
        });
        Self { port, requests, stopping, thread: Some(thread) }
    }

    pub(crate) fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/service", self.host())
    }

    /// What came until now.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::SeqCst);
        // Wakes the thread that waits for connections.
        let _ = TcpStream::connect(self.host());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn serve(mut stream: TcpStream, kept: &Mutex<Vec<Request>>, answer: &Answer, stopping: &AtomicBool) {
    let Some(request) = read(&stream) else { return };
    kept.lock().unwrap().push(request.clone());
    // The other side may have had enough; that is its good right.
    let _ = match answer(&request) {
        Reply::Ok(body) => {
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
            stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body))
        }
        Reply::Raw(bytes) => stream.write_all(&bytes),
        Reply::Drip(bytes) => {
            let mut written = stream.write_all(&bytes);
            while written.is_ok() && !stopping.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(20));
                written = stream.write_all(b"x");
            }
            written
        }
        Reply::Flood(first, again) => {
            let mut written = stream.write_all(&first);
            while written.is_ok() && !stopping.load(Ordering::SeqCst) {
                written = stream.write_all(&again);
            }
            written
        }
        Reply::Nothing => Ok(()),
    };
    let _ = stream.shutdown(Shutdown::Both);
}

fn read(stream: &TcpStream) -> Option<Request> {
    let mut reader = BufReader::new(stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|length| *length > 0)?;
        match line.trim_end() {
            "" => break,
            text => lines.push(text.to_owned()),
        }
    }
    let header = |line: &String| {
        let (name, value) = line.split_once(':')?;
        Some((name.to_ascii_lowercase(), value.trim().to_owned()))
    };
    let headers: Vec<_> = lines.iter().skip(1).filter_map(header).collect();
    let length = headers.iter().find(|(name, _)| name == "content-length").and_then(|(_, value)| value.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    Some(Request { headers, body })
}
