//! The facade as an embedder uses it: repeated commands, races, privacy of bundles, read models.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ledger_core::domain::command::{
    ApplySignature, Command, CommandKind, FormDocument, PublishTrust, Recall, Receive, RecipientRequest, RecordCrl,
    RegisterCertificate, RegisterParticipant, SendDocument,
};
use ledger_core::domain::event::{Answer, Format, ParticipantKind};
use ledger_core::domain::refusal::RefusalCode;
use ledger_core::id::{DeliveryId, DocumentId, IdentifierMode, IdentityKind, ParticipantId, StreamKind};
use ledger_core::log::merkle::leaf_hash;
use ledger_core::projection::Viewer;
use ledger_core::projection::journal::{Direction, journal_year};
use ledger_core::record::{Actor, Capacity};
use ledger_core::signature::SignaturePolicy;
use ledger_core::time::Timestamp;
use ledger_store::environment::{Clock, SystemClock};
use ledger_store::ledger::RefusalEntry;
use ledger_store::test_ca::{Algorithm, Party, PartySpec, Purpose, TestCa};
use ledger_store::{Executed, Ledger, LedgerError, LedgerOptions};

const DAY_MS: u64 = 86_400_000;

struct World {
    ledger: Ledger,
    directory: PathBuf,
    signer: Party,
    now: Timestamp,
    sender: ParticipantId,
    recipients: Vec<ParticipantId>,
}

fn options() -> LedgerOptions {
    LedgerOptions { identifiers: IdentifierMode::TestIdentifiers, ..LedgerOptions::default() }
}

fn actor(participant: Option<ParticipantId>) -> Actor {
    let capacity = if participant.is_some() { Capacity::Participant } else { Capacity::Operator };
    Actor { capacity, participant, user: None }
}

fn made<T: std::str::FromStr>(kind: StreamKind, executed: &Executed) -> Vec<T> {
    let subjects = executed.subjects.iter().filter(|stream| stream.kind() == kind);
    subjects.filter_map(|stream| stream.id().parse().ok()).collect()
}

impl World {
    async fn new(name: &str) -> Self {
        Self::with(name, options()).await
    }

    async fn with(name: &str, options: LedgerOptions) -> Self {
        let directory = std::env::temp_dir().join(format!("edl-ledger-{name}-{}", std::process::id()));
        let _left_over = std::fs::remove_dir_all(&directory);
        let ledger = Ledger::create(&directory, options).await.unwrap();
        let now = SystemClock.now();
        let not_before = now.minus_ms(DAY_MS);
        let mut ca = TestCa::new("TEST CA", not_before, [1; 32]);
        let spec = PartySpec {
            common_name: "DIRECTOR".into(),
            organization: Some("Sender".into()),
            bin: Some("123456789021".into()),
            iin: "123456789011".into(),
            algorithm: Algorithm::P256,
            not_before,
            not_after: now.plus_ms(365 * DAY_MS),
            purpose: Purpose::Signing,
        };
        let signer = ca.issue(&spec, [2; 32]);
        let policy = SignaturePolicy::default_2026().to_canonical_bytes().unwrap();
        let trust = PublishTrust::of_anchors(vec![ca.certificate_der().to_vec()], policy);
        let crl = RecordCrl { crl: ca.crl(&[], not_before, now.plus_ms(DAY_MS)) };
        ledger.execute(&actor(None), "trust", trust.into()).await.unwrap();
        ledger.execute(&actor(None), "crl", crl.into()).await.unwrap();
        let mut participants = Vec::new();
        for number in ["123456789021", "123456789031", "123456789041"] {
            let register = RegisterParticipant {
                identity_kind: IdentityKind::Bin,
                number: number.into(),
                name: format!("Company {number}"),
                kind: ParticipantKind::LegalEntity,
                terms: "idocs-2021-10-11".parse().unwrap(),
            };
            let registered = ledger.execute(&actor(None), number, register.into()).await.unwrap();
            participants.extend(made::<ParticipantId>(StreamKind::Participant, &registered));
        }
        let sender = participants.remove(0);
        let possession = signer.sign_detached(&ledger.possession_statement(sender).unwrap(), now);
        let certificate = signer.certificate_der.clone();
        let register = RegisterCertificate { participant: sender, certificate, chain: vec![], possession };
        ledger.execute(&actor(Some(sender)), "certificate", register.into()).await.unwrap();
        Self { ledger, directory, signer, now, sender, recipients: participants }
    }

    async fn close(self) {
        self.ledger.close().await.unwrap();
    }

    fn form(&self, content: &str) -> Command {
        FormDocument {
            document_type: None,
            sender: self.sender,
            format: Format::Text,
            title: "Contract".into(),
            content: content.as_bytes().to_vec(),
            declared_sha256: None,
            signers: vec![],
        }
        .into()
    }

    /// A signed document on its way to these recipients.
    async fn sent(&self, key: &str, recipients: &[ParticipantId]) -> (DocumentId, Vec<DeliveryId>) {
        let sender = actor(Some(self.sender));
        let formed = self.ledger.execute(&sender, &format!("{key}-form"), self.form(key)).await.unwrap();
        let document = made(StreamKind::Document, &formed)[0];
        let cms = self.signer.sign_detached(key.as_bytes(), self.now);
        let sign = ApplySignature { document, cms };
        self.ledger.execute(&sender, &format!("{key}-sign"), sign.into()).await.unwrap();
        let request =
            |participant: &ParticipantId| RecipientRequest { participant: *participant, answer: Answer::NotRequired };
        let send = SendDocument { document, recipients: recipients.iter().map(request).collect() };
        let dispatched = self.ledger.execute(&sender, &format!("{key}-send"), send.into()).await.unwrap();
        (document, made(StreamKind::Delivery, &dispatched))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_command_gets_the_first_receipts_even_after_reopening() {
    let world = World::new("repeat").await;
    let sender = actor(Some(world.sender));
    let first = world.ledger.execute(&sender, "once", world.form("text")).await.unwrap();
    let again = world.ledger.execute(&sender, "once", world.form("text")).await.unwrap();
    assert_eq!(again, Executed { replayed: true, ..first.clone() });
    let other = world.ledger.execute(&sender, "once", world.form("other text")).await;
    assert!(matches!(other, Err(LedgerError::CommandReused)), "{other:?}");
    let second = Ledger::open(&world.directory, options()).await;
    assert!(matches!(second, Err(LedgerError::Locked(_))), "one process at a time");

    let command = world.form("text");
    let directory = world.directory.clone();
    world.close().await;
    let ledger = Ledger::open(&directory, options()).await.unwrap();
    let after = ledger.execute(&sender, "once", command).await.unwrap();
    assert_eq!(after.receipts, first.receipts);
    for receipt in &after.receipts {
        receipt.verify(ledger.origin(), ledger.verifier_key(), &ledger.genesis_hash()).unwrap();
    }
    ledger.close().await.unwrap();
    std::fs::remove_dir_all(&directory).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn recall_and_accounting_race_and_exactly_one_wins() {
    let world = World::new("race").await;
    let recipient = world.recipients[0];
    for round in 0..10 {
        let (_, deliveries) = world.sent(&format!("race-{round}"), &[recipient]).await;
        let delivery = deliveries[0];
        let statement = world.ledger.statement(delivery, CommandKind::Recall, "", Viewer::Participant(world.sender));
        let cms = world.signer.sign_detached(&statement.await.unwrap().unwrap(), world.now);
        let (sender, buyer) = (actor(Some(world.sender)), actor(Some(recipient)));
        let (recall_key, receive_key) = (format!("recall-{round}"), format!("receive-{round}"));
        let (recalled, received) = tokio::join!(
            world.ledger.execute(&sender, &recall_key, Recall { delivery, cms }.into()),
            world.ledger.execute(&buyer, &receive_key, Receive { delivery }.into()),
        );
        assert_eq!(u8::from(recalled.is_ok()) + u8::from(received.is_ok()), 1, "{recalled:?} {received:?}");
        for refused in [recalled, received].into_iter().filter_map(Result::err) {
            assert!(matches!(refused, LedgerError::Refused(_)), "{refused:?}");
        }
    }
}

/// How many files lie below a directory.
fn files(directory: &std::path::Path) -> usize {
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| if path.is_dir() { files(&path) } else { 1 }).sum()
}

/// A store of keys that fails, where there are more files than one to write.
#[tokio::test(flavor = "multi_thread")]
async fn a_command_whose_payloads_cannot_be_stored_leaves_none_of_them_behind() {
    let world = World::new("vault").await;
    let (boxes, keys) = (world.directory.join("payloads/boxes"), world.directory.join("payloads/keys"));
    let (aside, before) = (world.directory.join("payloads/aside"), files(&boxes));
    std::fs::rename(&keys, &aside).unwrap();
    std::fs::write(&keys, b"no directory").unwrap();
    let sender = actor(Some(world.sender));
    let refused = world.ledger.execute(&sender, "form", world.form("text")).await;
    assert!(matches!(refused, Err(LedgerError::Vault(_))), "{refused:?}");
    assert_eq!(files(&boxes), before);
    std::fs::remove_file(&keys).unwrap();
    std::fs::rename(&aside, &keys).unwrap();
    world.ledger.execute(&sender, "form", world.form("text")).await.unwrap();
    assert_eq!(files(&boxes), files(&keys));
    assert!(files(&boxes) > before);
}

/// A clock that stands still.
#[derive(Debug)]
struct Still(Timestamp);

impl Clock for Still {
    fn now(&self) -> Timestamp {
        self.0
    }
}

/// The feed goes by places in the log, never by times (product.md C.7, test 4).
#[tokio::test(flavor = "multi_thread")]
async fn events_of_one_moment_are_all_in_the_feed_wherever_a_page_ends() {
    let options = LedgerOptions { clock: Arc::new(Still(SystemClock.now())), ..options() };
    let world = World::with("one-moment", options).await;
    world.sent("one-moment", &world.recipients).await;
    for viewer in [Viewer::Operator, Viewer::Participant(world.sender), Viewer::Participant(world.recipients[0])] {
        let whole = world.ledger.feed(None, 1000, viewer).await.unwrap();
        assert!(whole.len() >= 3, "{viewer:?}");
        for limit in 1..=whole.len() {
            let (mut pages, mut after) = (Vec::new(), None);
            loop {
                let page = world.ledger.feed(after, limit, viewer).await.unwrap();
                let Some(last) = page.last() else { break };
                after = Some(last.position);
                pages.extend(page);
            }
            assert_eq!(pages, whole, "{viewer:?}, pages of {limit}");
        }
    }
    world.close().await;
}

/// Product.md C.7, test 16.
#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_that_is_made_twice_has_the_same_bytes_also_after_reopening() {
    let world = World::new("twice").await;
    let (document, _) = world.sent("twice", &world.recipients).await;
    let viewer = Viewer::Participant(world.recipients[0]);
    let first = world.ledger.export(document, viewer).await.unwrap();
    assert_eq!(world.ledger.export(document, viewer).await.unwrap(), first);
    world.ledger.rebuild_views().await.unwrap();
    assert_eq!(world.ledger.export(document, viewer).await.unwrap(), first);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recipients_bundle_does_not_name_the_other_recipients() {
    let world = World::new("privacy").await;
    let (document, deliveries) = world.sent("both", &world.recipients).await;
    for (delivery, recipient) in deliveries.iter().zip(&world.recipients) {
        let receive = Receive { delivery: *delivery };
        world.ledger.execute(&actor(Some(*recipient)), &delivery.to_string(), receive.into()).await.unwrap();
    }
    let contains = |bundle: &[u8], text: &str| bundle.windows(text.len()).any(|window| window == text.as_bytes());
    let whole = world.ledger.export(document, Viewer::Operator).await.unwrap();
    let own = world.ledger.export(document, Viewer::Participant(world.recipients[0])).await.unwrap();
    for text in [world.recipients[1].to_string(), deliveries[1].to_string()] {
        assert!(contains(&whole, &text), "the operator's bundle is whole");
        assert!(!contains(&own, &text), "the recipient's bundle names another recipient");
    }
    assert!(contains(&own, &deliveries[0].to_string()));
    let stranger = world.ledger.export(document, Viewer::Participant(ParticipantId::from_random([9; 16]))).await;
    assert!(matches!(stranger, Err(LedgerError::NotFound(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn journals_are_numbered_without_gaps_and_can_be_rebuilt() {
    let world = World::new("journal").await;
    let recipient = world.recipients[0];
    for round in 0..3 {
        let (_, deliveries) = world.sent(&format!("doc-{round}"), &[recipient]).await;
        let receive = Receive { delivery: deliveries[0] };
        world.ledger.execute(&actor(Some(recipient)), &format!("r-{round}"), receive.into()).await.unwrap();
    }
    let year = journal_year(world.now);
    let numbers = async |participant, direction| {
        let lines = world.ledger.journal(participant, direction, year, None, 100).await.unwrap();
        lines.into_iter().map(|line| line.number).collect::<Vec<_>>()
    };
    assert_eq!(numbers(recipient, Direction::Incoming).await, [1, 2, 3]);
    assert_eq!(numbers(world.sender, Direction::Outgoing).await, [1, 2, 3]);
    world.ledger.rebuild_views().await.unwrap();
    assert_eq!(numbers(recipient, Direction::Incoming).await, [1, 2, 3]);
    let report = world.ledger.check_views().await.unwrap();
    assert!(report.differences.is_empty(), "{report:?}");
}

/// The system's clock, so much later.
#[derive(Debug, Default)]
struct LaterClock {
    ms: AtomicU64,
}

impl Clock for LaterClock {
    fn now(&self) -> Timestamp {
        SystemClock.now().plus_ms(self.ms.load(Ordering::Relaxed))
    }
}

impl World {
    /// Asks for what is refused: no title, and a document that is not there to be sent.
    async fn is_refused(&self, key: &str) {
        let mut command = FormDocument {
            document_type: None,
            sender: self.sender,
            format: Format::Text,
            title: String::new(),
            content: b"text".to_vec(),
            declared_sha256: None,
            signers: vec![],
        };
        if key.ends_with('7') {
            command.content.clear();
        }
        let refused = self.ledger.execute(&actor(Some(self.sender)), key, command.into()).await;
        assert!(matches!(refused, Err(LedgerError::Refused(_))), "{refused:?}");
    }
}

/// All records of refusals, with every proof in them checked.
async fn refusals(ledger: &Ledger, participant: ParticipantId) -> Vec<RefusalEntry> {
    let viewer = Viewer::Participant(participant);
    let entries = ledger.refusals(participant, viewer, None, usize::MAX).await.unwrap().unwrap();
    for entry in &entries {
        match entry.refused.root {
            None => assert!(entry.refused.attempts == 1 && entry.details.is_some(), "{entry:?}"),
            Some(root) => {
                assert_eq!(u64::try_from(entry.attempts.len()), Ok(entry.refused.attempts));
                for attempt in &entry.attempts {
                    attempt.proof.verify(&leaf_hash(attempt.attempt.as_bytes()), &root).unwrap();
                    assert!(attempt.attempt.contains("requisites-missing"), "{}", attempt.attempt);
                }
            }
        }
    }
    entries
}

fn attempts(entries: &[RefusalEntry]) -> Vec<u64> {
    entries.iter().map(|entry| entry.refused.attempts).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_refused_attempt_has_a_proof_and_none_is_lost_when_the_ledger_is_closed() {
    let world = World::new("refusals").await;
    for number in 0..40 {
        world.is_refused(&format!("refused-{number}")).await;
    }
    assert_eq!(attempts(&refusals(&world.ledger, world.sender).await), [1; 30]);
    let (directory, sender, stranger) = (world.directory.clone(), world.sender, world.recipients[0]);
    world.close().await;

    let ledger = Ledger::open(&directory, options()).await.unwrap();
    let entries = refusals(&ledger, sender).await;
    assert_eq!(attempts(&entries), [&[1; 30][..], &[10]].concat());
    let together = entries.last().unwrap();
    assert_eq!(together.refused.codes, [RefusalCode::EmptyContent, RefusalCode::RequisitesMissing]);
    let view = ledger.participant(sender, Viewer::Participant(sender)).await.unwrap().unwrap();
    assert_eq!(view.refused_commands, 40);
    let page = ledger.refusals(sender, Viewer::Operator, Some(entries[28].position), 1).await.unwrap().unwrap();
    assert_eq!(page, entries[29..30]);
    assert_eq!(ledger.refusals(sender, Viewer::Participant(stranger), None, 1).await.unwrap(), None);
    ledger.close().await.unwrap();
    std::fs::remove_dir_all(&directory).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_that_waited_are_recorded_when_their_minute_is_over() {
    let clock = Arc::new(LaterClock::default());
    let world = World::with("minute", LedgerOptions { clock: clock.clone(), ..options() }).await;
    for number in 0..33 {
        world.is_refused(&format!("first-{number}")).await;
    }
    clock.ms.store(60_000, Ordering::Relaxed);
    // By the next refusal, or without any by the watch, whichever comes first.
    world.is_refused("second").await;
    assert_eq!(attempts(&refusals(&world.ledger, world.sender).await), [&[1; 30][..], &[3, 1]].concat());
    for number in 0..31 {
        world.is_refused(&format!("third-{number}")).await;
    }
    clock.ms.store(120_000, Ordering::Relaxed);
    let expected = [&[1; 30][..], &[3], &[1; 30], &[2]].concat();
    let mut found = Vec::new();
    for _ in 0..200 {
        found = attempts(&refusals(&world.ledger, world.sender).await);
        if found.len() == expected.len() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(found, expected);
    let directory = world.directory.clone();
    world.close().await;
    std::fs::remove_dir_all(&directory).unwrap();
}
