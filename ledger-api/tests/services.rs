//! `ledgerd serve --services`: what it asks of the world outside, what it shows of it, and that it stops all the same.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at the first thing that is not as it should be"
)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// A folder of one test, and the service that runs in it.
struct Place {
    folder: PathBuf,
    service: Option<Child>,
}

impl Place {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("edl-services-{name}-{}", std::process::id()));
        let _left_over = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        Self { folder, service: None }
    }

    fn ledgerd(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ledgerd"));
        command.args(arguments.split(' ')).current_dir(&self.folder);
        command
    }

    fn run(&self, arguments: &str) -> Output {
        self.ledgerd(arguments).output().unwrap()
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.join(name), text).unwrap();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(service) = &mut self.service {
            let _ = service.kill();
            let _ = service.wait();
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn status(address: &str, token: &str) -> Value {
    let mut stream = TcpStream::connect(address).unwrap();
    let head =
        format!("GET /v1/status HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "{answer}");
    serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {body}"))
}

#[test]
fn a_mistake_in_the_file_of_services_stops_the_start() {
    let place = Place::new("mistake");
    for (text, says) in [
        (r#"{"crls": ["http://crl.example/a.crl"]}"#, "http://crl.example:80/a.crl is on none of the lists of hosts"),
        (r#"{"hosts": ["crl.example"], "crls": ["https://crl.example/a.crl"]}"#, "not an http URL"),
        ("hosts: []", "malformed"),
    ] {
        place.write("services.json", text);
        let refused = place.run("serve --data data --services services.json --listen 127.0.0.1:0");
        let complaint = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(refused.status.code() == Some(1) && complaint.contains(says), "{complaint}");
    }
    let absent = place.run("serve --data data --services nowhere.json --listen 127.0.0.1:0");
    assert!(String::from_utf8_lossy(&absent.stderr).contains("cannot read nowhere.json"));
    assert!(!place.folder.join("data").exists(), "nothing was made");
}

#[test]
fn the_operator_sees_how_the_services_are_and_the_service_stops_while_one_keeps_it_waiting() {
    let mut place = Place::new("status");
    // Takes connections and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = silent.local_addr().unwrap();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let services = format!(
        r#"{{"private_hosts": ["{host}", "{closed}"], "crls": ["http://{host}/a.crl", "http://{closed}/b.crl"],
            "attempts": 1, "list_ms": 1000}}"#
    );
    place.write("services.json", &services);
    let made = String::from_utf8(place.run("init --data data").stdout).unwrap();
    let operator = made.split_whitespace().find(|word| word.starts_with("edl_")).expect("init prints the token");
    let participant = "token create --data data --role participant --participant 0123456789abcdef0123456789abcdef";
    let participant = String::from_utf8(place.run(participant).stdout).unwrap();

    let mut service = place
        .ledgerd("serve --data data --services services.json --listen 127.0.0.1:0")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(service.stdout.take().unwrap()).lines();
    let id = service.id();
    place.service = Some(service);
    let serving = lines.find_map(|line| line.ok().filter(|line| line.starts_with("serving "))).expect("it serves");
    let address = serving.split_whitespace().find_map(|word| word.strip_prefix("http://")).unwrap();

    assert_eq!(status(address, participant.trim()).get("services"), None, "a participant need not know");
    let started = Instant::now();
    let lists = loop {
        let shown = status(address, operator);
        assert_eq!(shown.pointer("/services/hosts").and_then(Value::as_array).map(Vec::len), Some(2), "{shown}");
        let failure = |list: usize| {
            let failure = shown.pointer(&format!("/services/lists/{list}/failure"))?;
            failure.as_str().map(str::to_owned)
        };
        if let (Some(one), Some(other)) = (failure(0), failure(1)) {
            break (one, other);
        }
        assert!(started.elapsed() < Duration::from_mins(2), "{shown}");
        std::thread::sleep(Duration::from_millis(50));
    };
    assert!(lists.0.contains("did not answer within 1000 ms") && lists.1.contains("cannot be reached"), "{lists:?}");

    // The shell's own: a small system has no program of that name.
    assert!(Command::new("sh").args(["-c", &format!("kill -TERM {id}")]).status().unwrap().success());
    let closed = lines.find_map(|line| line.ok().filter(|line| line == "closed cleanly"));
    assert!(closed.is_some(), "it closes the ledger before it ends");
    assert!(place.service.take().unwrap().wait().unwrap().success());
}
