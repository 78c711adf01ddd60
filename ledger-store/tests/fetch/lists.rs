//! Revocation lists from a file server: recorded once, asked for politely, and never given up for a worse one.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use ledger_core::domain::command::PublishTrust;
use ledger_core::id::{IdentifierMode, StreamId};
use ledger_core::record::{Actor, Capacity};
use ledger_core::signature::SignaturePolicy;
use ledger_core::time::Timestamp;
use ledger_store::environment::{Clock as _, SystemClock};
use ledger_store::evidence_source::{EvidenceSource as _, ListStatus};
use ledger_store::fetch::{Background, FetchSettings, Fetcher};
use ledger_store::test_ca::TestCa;
use ledger_store::{Ledger, LedgerOptions};

use crate::server::{Reply, Request, Server};
use crate::waiting::eventually;

const HOUR_MS: u64 = 3_600_000;

/// What the file server has: a list and its `ETag`.
type File = Arc<Mutex<(Vec<u8>, String)>>;

fn serve(file: File) -> Server {
    Server::start(move |request: &Request| {
        let (list, etag) = file.lock().unwrap().clone();
        if request.header("if-none-match") == Some(etag.as_str()) {
            return Reply::status(304, &format!("etag: {etag}\r\n"));
        }
        let head = format!("HTTP/1.1 200 OK\r\netag: {etag}\r\ncontent-length: {}\r\n\r\n", list.len());
        Reply::Raw([head.into_bytes(), list].concat())
    })
}

/// A ledger that trusts a CA.
async fn ledger(name: &str, ca: &TestCa) -> (Ledger, PathBuf) {
    let directory = std::env::temp_dir().join(format!("edl-fetch-lists-{name}-{}", std::process::id()));
    let _left_over = std::fs::remove_dir_all(&directory);
    let options = LedgerOptions { identifiers: IdentifierMode::TestIdentifiers, ..LedgerOptions::default() };
    let ledger = Ledger::create(&directory, options).await.unwrap();
    let policy = SignaturePolicy::default_2026().to_canonical_bytes().unwrap();
    let trust = PublishTrust::of_anchors(vec![ca.certificate_der().to_vec()], policy);
    let operator = Actor { capacity: Capacity::Operator, participant: None, user: None };
    ledger.execute(&operator, "trust", trust.into()).await.unwrap();
    (ledger, directory)
}

/// How many lists are on record: after the genesis and the operator's publication of trust.
fn recorded(ledger: &Ledger) -> usize {
    ledger.store().records_of_stream(&StreamId::ledger(ledger.origin())).unwrap().len() - 2
}

fn fetcher(server: &Server) -> Fetcher {
    let text = format!(
        r#"{{"private_hosts": ["{}"], "crls": ["{}"], "attempts": 1, "resolve_ms": 20, "list_interval_ms": 20}}"#,
        server.host(),
        server.url()
    );
    Fetcher::new(&FetchSettings::from_json(text.as_bytes()).unwrap()).unwrap()
}

fn list(fetcher: &Fetcher) -> ListStatus {
    fetcher.status().lists.remove(0)
}

fn seconds(at: Timestamp) -> Timestamp {
    Timestamp::from_unix_seconds(at.unix_seconds()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_recorded_by_the_system_once_and_its_successor_when_it_appears() {
    let now = seconds(SystemClock.now());
    let ca = TestCa::new("TEST CA", now.minus_ms(48 * HOUR_MS), [1; 32]);
    let crl = |hours_ago: u64| ca.crl(&[], now.minus_ms(hours_ago * HOUR_MS), now.plus_ms(24 * HOUR_MS));
    let file: File = Arc::new(Mutex::new((crl(3), "\"one\"".to_owned())));
    let server = serve(Arc::clone(&file));
    let (ledger, directory) = ledger("successor", &ca).await;
    let fetcher = fetcher(&server);
    let background = Background::start(&ledger, &fetcher, |said| println!("{said}"));

    eventually("the first list", || (recorded(&ledger) == 1).then_some(())).await;
    // The list is there unchanged, again and again.
    let polite = || server.requests().iter().filter(|request| request.header("if-none-match").is_some()).count();
    eventually("conditional requests", || (polite() >= 3).then_some(())).await;
    assert_eq!(recorded(&ledger), 1);

    *file.lock().unwrap() = (crl(2), "\"two\"".to_owned());
    eventually("the second list", || (recorded(&ledger) == 2).then_some(())).await;
    let second = Some(now.minus_ms(2 * HOUR_MS));
    let status = eventually("its status", || Some(list(&fetcher)).filter(|list| list.this_update == second)).await;
    assert_eq!(status.next_update, Some(now.plus_ms(24 * HOUR_MS)));

    // An older list, rubbish, and a list of a stranger: the last good one stays, and nothing comes into the log.
    let stranger = TestCa::new("TEST CA", now.minus_ms(48 * HOUR_MS), [9; 32]);
    let forged = stranger.crl(&[], now, now.plus_ms(24 * HOUR_MS));
    let mut last = None;
    for (bytes, etag) in [(crl(3), "\"old\""), (b"rubbish".to_vec(), "\"rubbish\""), (forged, "\"forged\"")] {
        *file.lock().unwrap() = (bytes, etag.to_owned());
        // Each of them fails with words of its own.
        let failure =
            eventually(etag, || list(&fetcher).failure.filter(|failure| last.as_ref() != Some(failure))).await;
        assert_eq!((recorded(&ledger), list(&fetcher).this_update), (2, status.this_update), "{failure}");
        last = Some(failure);
    }
    *file.lock().unwrap() = (crl(1), "\"three\"".to_owned());
    eventually("the third list", || (recorded(&ledger) == 3).then_some(())).await;
    // A delta to it is a list like others.
    let delta = ca.delta_crl(now.minus_ms(HOUR_MS), &[], now, now.plus_ms(24 * HOUR_MS));
    *file.lock().unwrap() = (delta, "\"delta\"".to_owned());
    eventually("the delta", || (recorded(&ledger) == 4).then_some(())).await;

    background.stop().await;
    ledger.close().await.unwrap();
    // Closed cleanly: the background held no clone any more, so it can be opened again, and then knows the list.
    let ledger = Ledger::open(&directory, LedgerOptions::default()).await.unwrap();
    let fetcher = self::fetcher(&server);
    let background = Background::start(&ledger, &fetcher, |said| println!("{said}"));
    eventually("the list again", || list(&fetcher).this_update).await;
    assert_eq!(recorded(&ledger), 4);
    background.stop().await;
    ledger.close().await.unwrap();
    let _ = std::fs::remove_dir_all(directory);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_background_stops_while_a_service_keeps_it_waiting() {
    let now = seconds(SystemClock.now());
    let ca = TestCa::new("TEST CA", now.minus_ms(48 * HOUR_MS), [1; 32]);
    let server = Server::start(|_| Reply::Drip(b"HTTP/1.1 200 OK\r\n".to_vec()));
    let (ledger, directory) = ledger("stop", &ca).await;
    let background = Background::start(&ledger, &fetcher(&server), |said| println!("{said}"));
    eventually("a request", || (!server.requests().is_empty()).then_some(())).await;
    background.stop().await;
    ledger.close().await.unwrap();
    let ledger = Ledger::open(&directory, LedgerOptions::default()).await.unwrap();
    ledger.close().await.unwrap();
    let _ = std::fs::remove_dir_all(directory);
}
