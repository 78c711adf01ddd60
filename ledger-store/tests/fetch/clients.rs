//! OCSP, time-stamp and list clients against real responders, and against servers that answer wrongly.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ledger_core::time::Timestamp;
use ledger_store::environment::{Clock, SystemEntropy};
use ledger_store::evidence_source::{EvidenceService, EvidenceSource as _, Gathered, Wanted, WantedStatus};
use ledger_store::fetch::{FetchSettings, Fetcher};

use crate::authority::{Authority, Issued, Status};
use crate::server::{Reply, Request, Server};
use crate::waiting::eventually;

/// How a server of the hostile kind answers.
type Answer = Box<dyn Fn(&Request) -> Reply + Send + Sync>;

const SIGNER: &str = "keyUsage=critical,digitalSignature,nonRepudiation\n";

/// Settings that ask one responder on this machine; a test changes what it is about.
fn settings(host: &str, url: &str) -> FetchSettings {
    let text = format!(
        r#"{{"private_hosts": ["{host}"], "ocsp": {{"responders": [{{"url": "{url}"}}]}}, "attempts": 1,
            "exchange_ms": 60000, "connect_ms": 30000, "gather_ms": 120000, "pause_ms": 1}}"#
    );
    FetchSettings::from_json(text.as_bytes()).unwrap()
}

fn status_of(authority: &Authority, issued: &Issued) -> Wanted {
    let status = WantedStatus { certificate: issued.der.clone(), issuer: authority.certificate_der() };
    Wanted { statuses: vec![status], signature_value: None }
}

async fn gather(settings: &FetchSettings, wanted: Wanted) -> Gathered {
    let fetcher = Fetcher::new(settings).unwrap();
    fetcher.gather(wanted, fetcher.patience()).await
}

#[track_caller]
fn failed(gathered: &Gathered, service: EvidenceService, reason: &str) {
    assert!(gathered.ocsp.is_empty() && gathered.timestamps.is_empty(), "{gathered:?}");
    let failures: Vec<_> = gathered.failures.iter().map(|failure| (failure.service, failure.reason)).collect();
    assert_eq!(failures, [(service, reason)]);
}

/// A clock that a test moves.
#[derive(Debug)]
struct HandClock(AtomicU64);

impl HandClock {
    fn advance(&self, ms: u64) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_ms(self.0.load(Ordering::SeqCst)).unwrap()
    }
}

fn hand_clock() -> Arc<HandClock> {
    let now = ledger_store::environment::SystemClock.now();
    Arc::new(HandClock(AtomicU64::new(now.unix_ms())))
}

#[tokio::test]
async fn openssl_ocsp_is_asked_about_good_revoked_and_unknown_certificates() {
    let authority = Authority::new("real");
    let (good, revoked, unknown) = (authority.issue(SIGNER), authority.issue(SIGNER), authority.issue(SIGNER));
    let statuses = [(good.serial.as_str(), Status::Good), (revoked.serial.as_str(), Status::Revoked)];
    let responder = authority.responder(&statuses);
    let settings = settings(&responder.host(), &responder.url());
    for (issued, says) in [(&good, "good"), (&revoked, "revoked"), (&unknown, "unknown")] {
        let gathered = gather(&settings, status_of(&authority, issued)).await;
        assert!(gathered.failures.is_empty(), "{gathered:?}");
        // What OpenSSL reads in the answer that it gave.
        assert_eq!(authority.reads(&gathered.ocsp[0]), says);
    }
}

#[tokio::test]
async fn a_burst_of_questions_about_one_certificate_costs_one_request() {
    let authority = Arc::new(Authority::new("burst"));
    let issued = authority.issue(SIGNER);
    let (ca, serial) = (Arc::clone(&authority), issued.serial.clone());
    let server = Server::start(move |request| Reply::Ok(ca.answer(&request.body, &[(&serial, Status::Good)])));
    let clock = hand_clock();
    let settings = settings(&server.host(), &server.url());
    let fetcher = Fetcher::with_environment(&settings, clock.clone(), Arc::new(SystemEntropy)).unwrap();
    let questions: Vec<_> = (0..20)
        .map(|_| {
            let (fetcher, wanted) = (fetcher.clone(), status_of(&authority, &issued));
            tokio::spawn(async move { fetcher.gather(wanted, fetcher.patience()).await })
        })
        .collect();
    let mut answers = Vec::new();
    for question in questions {
        answers.extend(question.await.unwrap().ocsp);
    }
    assert_eq!((answers.len(), server.requests().len()), (20, 1));
    answers.dedup();
    assert_eq!(answers.len(), 1, "all got the same answer");

    clock.advance(settings.ocsp.reuse_ms);
    fetcher.gather(status_of(&authority, &issued), fetcher.patience()).await;
    assert_eq!(server.requests().len(), 2, "an answer serves no longer than configured");
    fetcher.gather(status_of(&authority, &authority.issue(SIGNER)), fetcher.patience()).await;
    assert_eq!(server.requests().len(), 3, "another certificate is another question");
}

#[tokio::test]
async fn an_answer_that_proves_nothing_is_handed_on_and_never_used_again() {
    let authority = Arc::new(Authority::new("unproven"));
    let issued = authority.issue(SIGNER);
    let serial = issued.serial.clone();
    let (ca, stranger) = (Arc::clone(&authority), Authority::new("stranger"));
    let server = Server::start(move |request| {
        Reply::Ok(ca.answer_of_stranger(&stranger, &request.body, &[(&serial, Status::Good)]))
    });
    let fetcher = Fetcher::new(&settings(&server.host(), &server.url())).unwrap();
    for _ in 0..2 {
        let gathered = fetcher.gather(status_of(&authority, &issued), fetcher.patience()).await;
        assert_eq!((gathered.ocsp.len(), gathered.failures.len()), (1, 0));
    }
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn answers_to_other_questions_are_refused() {
    let authority = Arc::new(Authority::new("other"));
    let (ours, other) = (authority.issue(SIGNER), authority.issue(SIGNER));
    let (ca, serial) = (Arc::clone(&authority), ours.serial.clone());
    let first = Mutex::new(None);
    // Replays its first answer for ever.
    let replaying = Server::start(move |request| {
        let mut first = first.lock().unwrap();
        Reply::Ok(first.get_or_insert_with(|| ca.answer(&request.body, &[(&serial, Status::Good)])).clone())
    });
    let mut once = settings(&replaying.host(), &replaying.url());
    once.ocsp.reuse_ms = 0;
    assert_eq!(gather(&once, status_of(&authority, &ours)).await.ocsp.len(), 1);
    failed(&gather(&once, status_of(&authority, &ours)).await, EvidenceService::Ocsp, "another nonce");
    // Where prepared answers without a nonce are allowed, an answer about another certificate still is none.
    once.ocsp.without_nonce = true;
    assert_eq!(gather(&once, status_of(&authority, &ours)).await.ocsp.len(), 1);
    failed(&gather(&once, status_of(&authority, &other)).await, EvidenceService::Ocsp, "about another certificate");
}

#[tokio::test]
async fn whatever_a_server_sends_or_does_not_send_ends_as_a_failure_with_a_reason() {
    let authority = Authority::new("hostile");
    let issued = authority.issue(SIGNER);
    let head = |length: usize| format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n").into_bytes();
    let raw = |bytes: Vec<u8>| -> Answer { Box::new(move |_| Reply::Raw(bytes.clone())) };
    let drip = |bytes: Vec<u8>| -> Answer { Box::new(move |_| Reply::Drip(bytes.clone())) };
    let flood = |first: &'static str, again: &str| -> Answer {
        let again = again.repeat(100);
        Box::new(move |_| Reply::Flood(first.into(), again.clone().into_bytes()))
    };
    let answer = |head: &str, body: &[u8]| raw([b"HTTP/1.1 ", head.as_bytes(), b"\r\n\r\n", body].concat());
    let endless = [b"HTTP/1.1 200 OK\r\n\r\n".as_slice(), &vec![b'a'; 33 * 1024]].concat();
    let chunk = [b"8000\r\n".to_vec(), vec![b'a'; 0x8000], b"\r\n".to_vec()].concat();
    let chunked = [b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec(), chunk.repeat(10)].concat();
    let redirect = b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n".to_vec();
    let many_headers = [b"HTTP/1.1 200 OK\r\n".to_vec(), b"a: b\r\n".repeat(1000), b"\r\n".to_vec()].concat();
    let rows: Vec<(Answer, &str)> = vec![
        (Box::new(|_| Reply::Nothing), "broken conversation"),
        (raw(b"SSH-2.0-OpenSSH_9.2\r\n".to_vec()), "broken conversation"),
        (raw([head(1000), vec![0x30; 10]].concat()), "broken conversation"),
        (raw(many_headers), "broken conversation"),
        (raw(redirect), "http status"),
        (raw(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".to_vec()), "http status"),
        (raw(b"HTTP/1.1 304 Not Modified\r\n\r\n".to_vec()), "http status"),
        (raw(b"HTTP/1.1 204 No Content\r\n\r\n".to_vec()), "http status"),
        (raw(head(32 * 1024 + 1)), "answer too large"),
        (raw(head(1 << 50)), "answer too large"),
        (raw(endless), "answer too large"),
        (raw(chunked), "answer too large"),
        (raw(head(0)), "not an OCSP response"),
        (raw([head(6), b"<html>".to_vec()].concat()), "not an OCSP response"),
        // OCSPResponseStatus unauthorized and tryLater (RFC 6960 4.2.1).
        (raw([head(5), vec![0x30, 3, 0x0a, 1, 6]].concat()), "the responder refuses"),
        (raw([head(5), vec![0x30, 3, 0x0a, 1, 3]].concat()), "the responder refuses"),
        // Without an end: a header, headers, informational answers, chunk extensions, chunks, trailers, and a body.
        (flood("HTTP/1.1 200 OK\r\nx: ", "x"), "broken conversation"),
        (flood("HTTP/1.1 200 OK\r\n", "x: y\r\n"), "broken conversation"),
        (flood("", "HTTP/1.1 100 Continue\r\n\r\n"), "timeout"),
        (flood("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1;", "x"), "broken conversation"),
        (flood("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", "1;x=y\r\na\r\n"), "broken conversation"),
        (flood("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", "1\r\na\r\n"), "answer too large"),
        (flood("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n", "x: y\r\n"), "broken conversation"),
        (flood("HTTP/1.1 200 OK\r\n\r\n", "x"), "answer too large"),
        // Lengths that contradict one another, or are none.
        (answer("200 OK\r\ncontent-length: 1\r\ncontent-length: 2", b"ab"), "broken conversation"),
        (answer("200 OK\r\ncontent-length: -1", b"ab"), "broken conversation"),
        (
            answer("200 OK\r\ntransfer-encoding: chunked\r\ncontent-length: 400000", b"1\r\na\r\n0\r\n\r\n"),
            "not an OCSP response",
        ),
        (answer("200 OK\r\ntransfer-encoding: chunked", b"fffffffffffffffff\r\n"), "broken conversation"),
        (answer("200 OK\r\ntransfer-encoding: gzip", b"ab"), "not an OCSP response"),
        // Answers without a body that have one, and ways elsewhere.
        (answer("204 No Content\r\ncontent-length: 2", b"ab"), "http status"),
        (answer("304 Not Modified\r\ncontent-length: 2", b"ab"), "http status"),
        (answer("101 Switching Protocols\r\nupgrade: h2c\r\nconnection: upgrade", b""), "http status"),
        (answer("307 Temporary Redirect\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0", b""), "http status"),
        (answer("300 Multiple Choices\r\nlocation: //127.0.0.1:1/\r\ncontent-length: 0", b""), "http status"),
        (raw(b"HTTP/2.0 200 OK\r\n\r\n".to_vec()), "broken conversation"),
        // Slow in the head, and slow in the body.
        (drip(b"HTTP/1.1 200 OK\r\nx: ".to_vec()), "timeout"),
        (drip(head(20_000)), "timeout"),
    ];
    for (answer, reason) in rows {
        let server = Server::start(answer);
        let mut settings = settings(&server.host(), &server.url());
        if reason == "timeout" {
            settings.exchange_ms = 1_000;
        }
        failed(&gather(&settings, status_of(&authority, &issued)).await, EvidenceService::Ocsp, reason);
        assert_eq!(server.requests().len(), 1, "{reason}");
    }
}

#[tokio::test]
async fn the_whole_of_a_command_waits_no_longer_than_configured() {
    let authority = Authority::new("deadline");
    let issued = authority.issue(SIGNER);
    let server = Server::start(|_| Reply::Drip(b"HTTP/1.1 200 OK\r\n".to_vec()));
    let mut settings = settings(&server.host(), &server.url());
    settings.gather_ms = 200;
    let started = Instant::now();
    failed(&gather(&settings, status_of(&authority, &issued)).await, EvidenceService::Ocsp, "too late");
    // The machine may be busy; the exchange alone would have taken a minute.
    assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_fetcher_that_is_stopped_lets_go_of_what_it_waits_for_and_asks_no_more() {
    let authority = Authority::new("stopped");
    let issued = authority.issue(SIGNER);
    let server = Server::start(|_| Reply::Drip(b"HTTP/1.1 200 OK\r\n".to_vec()));
    let settings = settings(&server.host(), &server.url());
    let fetcher = Fetcher::new(&settings).unwrap();
    let (waiting, wanted) = (fetcher.clone(), status_of(&authority, &issued));
    let waiting = tokio::spawn(async move { waiting.gather(wanted, waiting.patience()).await });
    eventually("a question", || (!server.requests().is_empty()).then_some(())).await;
    let started = Instant::now();
    fetcher.stop();
    failed(&waiting.await.unwrap(), EvidenceService::Ocsp, "the service stops");
    assert!(started.elapsed() < Duration::from_secs(30), "a minute is what one exchange may take");
    let afterwards = fetcher.gather(status_of(&authority, &issued), fetcher.patience()).await;
    failed(&afterwards, EvidenceService::Ocsp, "the service stops");
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn an_error_that_passes_is_tried_again_and_a_lasting_one_is_not() {
    let authority = Arc::new(Authority::new("again"));
    let issued = authority.issue(SIGNER);
    for (head, tries, answers) in [(500, 2, 1), (503, 2, 1), (404, 1, 0)] {
        let (ca, serial) = (Arc::clone(&authority), issued.serial.clone());
        let count = AtomicUsize::new(0);
        let server = Server::start(move |request| match count.fetch_add(1, Ordering::SeqCst) {
            0 => Reply::status(head, ""),
            _ => Reply::Ok(ca.answer(&request.body, &[(&serial, Status::Good)])),
        });
        let mut settings = settings(&server.host(), &server.url());
        settings.attempts = 3;
        let gathered = gather(&settings, status_of(&authority, &issued)).await;
        assert_eq!((server.requests().len(), gathered.ocsp.len()), (tries, answers), "{head}");
    }
}

#[tokio::test]
async fn a_host_that_fails_again_and_again_is_left_alone_and_then_tried_once() {
    let authority = Authority::new("breaker");
    let issued = authority.issue(SIGNER);
    let server = Server::start(|_| Reply::status(500, ""));
    let clock = hand_clock();
    let mut settings = settings(&server.host(), &server.url());
    settings.breaker_failures = 3;
    let fetcher = Fetcher::with_environment(&settings, clock.clone(), Arc::new(SystemEntropy)).unwrap();
    for (asked, reason) in
        [(1, "http status"), (2, "http status"), (3, "http status"), (3, "left alone after failures")]
    {
        failed(
            &fetcher.gather(status_of(&authority, &issued), fetcher.patience()).await,
            EvidenceService::Ocsp,
            reason,
        );
        assert_eq!(server.requests().len(), asked);
    }
    let host = fetcher.status().hosts[0].clone();
    assert_eq!((host.failures_in_a_row, host.last_failure_reason, host.last_success), (3, Some("http status"), None));
    assert_eq!(host.left_alone_until, Some(clock.now().plus_ms(settings.breaker_pause_ms)));

    clock.advance(settings.breaker_pause_ms);
    failed(
        &fetcher.gather(status_of(&authority, &issued), fetcher.patience()).await,
        EvidenceService::Ocsp,
        "http status",
    );
    failed(
        &fetcher.gather(status_of(&authority, &issued), fetcher.patience()).await,
        EvidenceService::Ocsp,
        "left alone after failures",
    );
    assert_eq!(server.requests().len(), 4, "one question goes ahead");
    let host = fetcher.status().hosts[0].clone();
    assert_eq!(host.left_alone_until, Some(clock.now().plus_ms(2 * settings.breaker_pause_ms)));
}

#[tokio::test]
async fn hosts_that_are_not_listed_or_lead_into_the_private_network_are_not_talked_to() {
    let authority = Authority::new("hosts");
    let server = Server::start(|_| Reply::Nothing);
    // Pitfall 18: the address stands in the certificate, so a stranger chose it.
    let issued = authority.issue(&format!("authorityInfoAccess=OCSP;URI:{}\n{SIGNER}", server.url()));
    let wanted = status_of(&authority, &issued);
    let with_addresses = |hosts: &str| {
        let text = format!(r#"{{{hosts} "ocsp": {{"addresses_in_certificates": true}}, "attempts": 1}}"#);
        FetchSettings::from_json(text.as_bytes()).unwrap()
    };
    let nobody = gather(&with_addresses(""), wanted.clone()).await;
    failed(&nobody, EvidenceService::Ocsp, "no responder configured");
    let other_port = with_addresses(r#""private_hosts": ["127.0.0.1:1"],"#);
    failed(&gather(&other_port, wanted.clone()).await, EvidenceService::Ocsp, "no responder configured");
    let public_only = with_addresses(&format!(r#""hosts": ["{}"],"#, server.host()));
    failed(&gather(&public_only, wanted.clone()).await, EvidenceService::Ocsp, "private address");
    // A name is no better than where it leads.
    let port = server.host().split(':').nth(1).unwrap().to_owned();
    let named = authority.issue(&format!("authorityInfoAccess=OCSP;URI:http://localhost:{port}/\n{SIGNER}"));
    let name_listed = with_addresses(&format!(r#""hosts": ["localhost:{port}"],"#));
    failed(&gather(&name_listed, status_of(&authority, &named)).await, EvidenceService::Ocsp, "private address");
    assert!(server.requests().is_empty());

    let allowed = with_addresses(&format!(r#""private_hosts": ["{}"],"#, server.host()));
    failed(&gather(&allowed, wanted.clone()).await, EvidenceService::Ocsp, "broken conversation");
    let mut addresses_ignored = allowed;
    addresses_ignored.ocsp.addresses_in_certificates = false;
    failed(&gather(&addresses_ignored, wanted).await, EvidenceService::Ocsp, "no responder configured");
    assert_eq!(server.requests().len(), 1);
}

/// Other spellings of this machine are names like any other: what they lead to is looked at.
#[tokio::test]
async fn no_spelling_of_a_private_address_passes_for_a_public_host() {
    let authority = Authority::new("spellings");
    let server = Server::start(|_| Reply::Nothing);
    let port = server.host().split(':').nth(1).unwrap().to_owned();
    for name in [
        "127.0.0.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "127.1",
        "0",
        "localhost",
        "LOCALHOST",
        "localhost.",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[0:0:0:0:0:0:0:1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
    ] {
        let issued = authority.issue(&format!("authorityInfoAccess=OCSP;URI:http://{name}:{port}/\n{SIGNER}"));
        let text =
            format!(r#"{{"hosts": ["{name}:{port}"], "ocsp": {{"addresses_in_certificates": true}}, "attempts": 1}}"#);
        let settings = FetchSettings::from_json(text.as_bytes()).unwrap();
        let gathered = gather(&settings, status_of(&authority, &issued)).await;
        let [failure] = gathered.failures.as_slice() else { panic!("{name}: {gathered:?}") };
        // Systems differ in which of them they take for an address at all.
        assert!(["private address", "unreachable"].contains(&failure.reason), "{name}: {failure:?}");
        assert!(failure.host.is_some(), "{name} was tried");
    }
    // Listed is a name as it is written, whatever else leads to the same place.
    let listed =
        format!(r#"{{"private_hosts": ["{}"], "ocsp": {{"addresses_in_certificates": true}}}}"#, server.host());
    let settings = FetchSettings::from_json(listed.as_bytes()).unwrap();
    for url in [
        format!("http://localhost:{port}/"),
        format!("http://2130706433:{port}/"),
        format!("http://127.0.0.1.:{port}/"),
        format!("http://[::ffff:127.0.0.1]:{port}/"),
        format!("http://x@127.0.0.1:{port}/"),
        format!("http://127.0.0.1:{port}@evil.example/"),
        format!("http://evil.example/@127.0.0.1:{port}/"),
        format!("https://127.0.0.1:{port}/"),
        format!("http://127.0.0.1:{port}%2f/"),
    ] {
        let issued = authority.issue(&format!("authorityInfoAccess=OCSP;URI:{url}\n{SIGNER}"));
        let gathered = gather(&settings, status_of(&authority, &issued)).await;
        failed(&gathered, EvidenceService::Ocsp, "no responder configured");
    }
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_refused_connection_is_unreachable_and_rubbish_is_no_certificate() {
    let authority = Authority::new("refused");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    drop(listener);
    let settings = settings(&host, &format!("http://{host}/"));
    let gathered = gather(&settings, status_of(&authority, &authority.issue(SIGNER))).await;
    failed(&gathered, EvidenceService::Ocsp, "unreachable");
    assert_eq!(gathered.failures[0].host.as_deref(), Some(host.as_str()));
    let rubbish = WantedStatus { certificate: vec![1, 2, 3], issuer: vec![] };
    let wanted = Wanted { statuses: vec![rubbish], signature_value: None };
    failed(&gather(&settings, wanted).await, EvidenceService::Ocsp, "not a certificate");
}

#[tokio::test]
async fn the_responder_of_the_issuer_goes_before_the_address_in_the_certificate_and_that_before_the_general_one() {
    let authority = Authority::new("order");
    let (of_issuer, in_certificate, general) =
        (Server::start(|_| Reply::Nothing), Server::start(|_| Reply::Nothing), Server::start(|_| Reply::Nothing));
    let issued = authority.issue(&format!("authorityInfoAccess=OCSP;URI:{}\n{SIGNER}", in_certificate.url()));
    let ca = ledger_core::digest::Digest::sha256(&[&authority.certificate_der()]);
    let text = format!(
        r#"{{"private_hosts": ["{}", "{}", "{}"], "attempts": 1, "ocsp": {{"addresses_in_certificates": true,
            "responders": [{{"url": "{}"}}, {{"issuer": "{ca}", "url": "{}"}}]}}}}"#,
        of_issuer.host(),
        in_certificate.host(),
        general.host(),
        general.url(),
        of_issuer.url()
    );
    let mut settings = FetchSettings::from_json(text.as_bytes()).unwrap();
    gather(&settings, status_of(&authority, &issued)).await;
    let asked = || [&of_issuer, &in_certificate, &general].map(|server| server.requests().len());
    assert_eq!(asked(), [1, 0, 0]);
    settings.ocsp.responders.pop();
    gather(&settings, status_of(&authority, &issued)).await;
    assert_eq!(asked(), [1, 1, 1], "the general one was asked because the other did not answer");
}

#[tokio::test]
async fn openssl_ts_stamps_a_signature_value_and_the_second_authority_helps_out() {
    let authority = Arc::new(Authority::new("ts"));
    authority.add_time_stamping();
    let (ca, broken) = (Arc::clone(&authority), Server::start(|_| Reply::status(503, "")));
    let server = Server::start(move |request| Reply::Ok(ca.timestamp(&request.body)));
    let text = format!(
        r#"{{"private_hosts": ["{}", "{}"], "attempts": 1, "gather_ms": 120000, "exchange_ms": 60000,
            "timestamps": [{{"url": "{}"}}, {{"url": "{}", "policy": "1.2.3.4.5", "imprint": "2.16.840.1.101.3.4.2.3"}}]}}"#,
        broken.host(),
        server.host(),
        broken.url(),
        server.url()
    );
    let settings = FetchSettings::from_json(text.as_bytes()).unwrap();
    let stamp = |value: &[u8]| Wanted { statuses: vec![], signature_value: Some(value.to_vec()) };
    let gathered = gather(&settings, stamp(b"signature value")).await;
    assert!(gathered.failures.is_empty(), "{gathered:?}");
    let read = authority.reads_token(&gathered.timestamps[0], b"signature value");
    assert!(read.contains("Policy OID: 1.2.3.4.5") && read.contains("Hash Algorithm: sha512"), "{read}");
    assert_eq!(server.requests()[0].header("content-type"), Some("application/timestamp-query"));
}

#[tokio::test]
async fn a_token_over_other_bytes_or_of_another_request_is_refused() {
    let authority = Arc::new(Authority::new("tswrong"));
    authority.add_time_stamping();
    let wanted = |value: &[u8]| Wanted { statuses: vec![], signature_value: Some(value.to_vec()) };
    let settings = |server: &Server, policy: &str| {
        let text = format!(
            r#"{{"private_hosts": ["{}"], "timestamps": [{{"url": "{}"{policy}}}], "attempts": 1,
                "gather_ms": 120000, "exchange_ms": 60000}}"#,
            server.host(),
            server.url()
        );
        FetchSettings::from_json(text.as_bytes()).unwrap()
    };
    let (ca, first) = (Arc::clone(&authority), Mutex::new(None));
    let replaying = Server::start(move |request| {
        let mut first = first.lock().unwrap();
        Reply::Ok(first.get_or_insert_with(|| ca.timestamp(&request.body)).clone())
    });
    let replay = settings(&replaying, "");
    assert_eq!(gather(&replay, wanted(b"one")).await.timestamps.len(), 1);
    for value in [b"one".as_slice(), b"two"] {
        failed(&gather(&replay, wanted(value)).await, EvidenceService::Timestamp, "no token for the request");
    }
    // `openssl ts` rejects a policy that it does not have; the answer is a rejection and no token.
    let ca = Arc::clone(&authority);
    let strict = Server::start(move |request| Reply::Ok(ca.timestamp(&request.body)));
    let other_policy = settings(&strict, r#", "policy": "1.2.3.4.99""#);
    failed(&gather(&other_policy, wanted(b"one")).await, EvidenceService::Timestamp, "no token for the request");
    let rubbish = Server::start(|_| Reply::Ok(b"rubbish".to_vec()));
    failed(
        &gather(&settings(&rubbish, ""), wanted(b"one")).await,
        EvidenceService::Timestamp,
        "no token for the request",
    );
}
