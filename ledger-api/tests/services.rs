//! `ledgerd serve --services`: what it asks of the world outside, what it shows of it, and that it stops all the same.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first thing that is not as it should be"
)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use base64ct::{Base64, Encoding as _};
use ledger_store::environment::{Clock as _, SystemClock};
use ledger_store::test_ca::{Algorithm, PartySpec, Purpose, TestCa};
use serde_json::{Value, json};

const DAY_MS: u64 = 86_400_000;

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

    /// Starts the service; gives its address.
    fn serve(&mut self) -> (String, impl Iterator<Item = String> + use<>) {
        let mut service = self
            .ledgerd("serve --data data --services services.json --listen 127.0.0.1:0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(service.stdout.take().unwrap()).lines().map_while(Result::ok);
        self.service = Some(service);
        let serving = lines.find(|line| line.starts_with("serving ")).expect("it serves");
        let address = serving.split_whitespace().find_map(|word| word.strip_prefix("http://")).unwrap();
        (address.to_owned(), lines)
    }

    /// Tells the service to stop, and sees it end well.
    fn stop(&mut self, mut lines: impl Iterator<Item = String>) {
        let mut service = self.service.take().unwrap();
        // The shell's own: a small system has no program of that name.
        let kill = format!("kill -TERM {}", service.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
        assert!(lines.any(|line| line == "closed cleanly"), "it closes the ledger before it ends");
        assert!(service.wait().unwrap().success());
    }

    fn token(&self, arguments: &str) -> String {
        let printed = String::from_utf8(self.run(arguments).stdout).unwrap();
        printed.split_whitespace().find(|word| word.starts_with("edl_")).expect("a token is printed").to_owned()
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

fn write_request(mut stream: &TcpStream, token: &str, line: &str, body: &[u8]) {
    let head = format!(
        "{line} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\nconnection: close\r\ncontent-length: {}\r\n\
         content-type: application/json\r\nidempotency-key: {}\r\n\r\n",
        body.len(),
        line.replace(' ', ":")
    );
    stream.write_all(&[head.as_bytes(), body].concat()).unwrap();
}

/// The status and the body of the answer.
fn ask(address: &str, token: &str, line: &str, body: &[u8]) -> (u16, Vec<u8>) {
    let mut stream = TcpStream::connect(address).unwrap();
    write_request(&stream, token, line, body);
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), answer.split_off(end + 4))
}

fn status(address: &str, token: &str) -> Value {
    let (status, body) = ask(address, token, "GET /v1/status", b"");
    assert_eq!(status, 200);
    serde_json::from_slice(&body).unwrap()
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
    let operator = place.token("init --data data");
    let participant = "token create --data data --role participant --participant 0123456789abcdef0123456789abcdef";
    let participant = place.token(participant);
    let (address, lines) = place.serve();

    assert_eq!(status(&address, &participant).get("services"), None, "a participant need not know");
    let started = Instant::now();
    let lists = loop {
        let shown = status(&address, &operator);
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

    place.stop(lines);
}

/// Registers a company; gives the path for its certificate and what is to be sent there.
fn company(address: &str, operator: &str) -> (String, Value) {
    let now = SystemClock.now();
    let mut ca = TestCa::new("TEST CA", now.minus_ms(DAY_MS), [1; 32]);
    let spec = PartySpec {
        common_name: "DIRECTOR".into(),
        organization: Some("Company".into()),
        bin: Some("123456789021".into()),
        iin: "123456789011".into(),
        algorithm: Algorithm::P256,
        not_before: now.minus_ms(DAY_MS),
        not_after: now.plus_ms(DAY_MS),
        purpose: Purpose::Signing,
    };
    let signer = ca.issue(&spec, [2; 32]);
    let post = |path: &str, token: &str, body: &Value| {
        ask(address, token, &format!("POST {path}"), body.to_string().as_bytes())
    };
    let anchors = json!({"anchors": [Base64::encode_string(ca.certificate_der())]});
    assert_eq!(post("/v1/trust", operator, &anchors).0, 201);
    let company = json!({"identity_kind": "bin", "number": "123456789021", "name": "C", "kind": "legal-entity",
        "terms": "idocs-2021-10-11"});
    let (status, made) = post("/v1/participants", operator, &company);
    assert_eq!(status, 201);
    let made: Value = serde_json::from_slice(&made).unwrap();
    let id = made["id"].as_str().unwrap();
    let (_, statement) = ask(address, operator, &format!("GET /v1/participants/{id}/possession"), b"");
    let registration = json!({
        "certificate": Base64::encode_string(&signer.certificate_der),
        "possession": Base64::encode_string(&signer.sign_detached(&statement, now)),
    });
    let path = format!("/v1/participants/{id}/certificates");
    (path, registration)
}

/// The command is answered with what is known by then; nobody has to wait until the responder gives up.
#[test]
fn the_service_stops_at_once_while_a_command_waits_for_a_responder() {
    let mut place = Place::new("waiting");
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = silent.local_addr().unwrap();
    let services = format!(
        r#"{{"private_hosts": ["{host}"], "ocsp": {{"responders": [{{"url": "http://{host}/"}}]}}, "attempts": 1,
            "exchange_ms": 600000, "gather_ms": 600000}}"#
    );
    place.write("services.json", &services);
    let operator = place.token("init --data data --test-identifiers");
    let (address, lines) = place.serve();

    let (path, registration) = company(&address, &operator);
    let post = |path: &str, token: &str, body: &Value| {
        ask(&address, token, &format!("POST {path}"), body.to_string().as_bytes())
    };
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| post(&path, &operator, &registration));
        let (_connection, _) = silent.accept().expect("the responder is asked");
        let started = Instant::now();
        place.stop(lines);
        // Running requests have 30 seconds to end, and would use them.
        assert!(started.elapsed() < Duration::from_secs(25), "{:?}", started.elapsed());
        let (status, refused) = waiting.join().unwrap();
        assert_eq!(status, 422, "{}", String::from_utf8_lossy(&refused));
        assert!(String::from_utf8_lossy(&refused).contains("certificate-indeterminate"));
    });
}

/// An attempt is on record whether or not its sender waits for the answer.
#[test]
fn a_command_whose_sender_hangs_up_is_carried_out_to_its_end() {
    let mut place = Place::new("hung-up");
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = silent.local_addr().unwrap();
    let services = format!(
        r#"{{"private_hosts": ["{host}"], "ocsp": {{"responders": [{{"url": "http://{host}/"}}]}}, "attempts": 1}}"#
    );
    place.write("services.json", &services);
    let operator = place.token("init --data data --test-identifiers");
    let (address, lines) = place.serve();
    let (path, registration) = company(&address, &operator);
    let id = path.split('/').nth(3).unwrap();
    let participant = place.token(&format!("token create --data data --role participant --participant {id}"));
    let mut sender = TcpStream::connect(&address).unwrap();
    // Who hangs up with an answer unread resets the connection.
    sender.write_all(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    write_request(&sender, &participant, &format!("POST {path}"), registration.to_string().as_bytes());
    let (connection, _) = silent.accept().expect("the responder is asked");
    drop(sender);
    std::thread::sleep(Duration::from_millis(500));
    drop(connection);
    let started = Instant::now();
    loop {
        let (status, refusals) = ask(&address, &participant, &format!("GET /v1/participants/{id}/refusals"), b"");
        assert_eq!(status, 200);
        if String::from_utf8_lossy(&refusals).contains("certificate-indeterminate") {
            break;
        }
        assert!(started.elapsed() < Duration::from_secs(30), "{}", String::from_utf8_lossy(&refusals));
        std::thread::sleep(Duration::from_millis(50));
    }
    place.stop(lines);
}
