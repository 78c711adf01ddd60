//! Signatures that wait for revocation data, against a source that answers, lies or is away (clause 8.2; product.md
//! C.7, test 3), down to the evidence file that proves them offline.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    reason = "a test that cannot go on has failed"
)]

#[path = "pending/asking.rs"]
mod asking;
#[path = "pending/again.rs"]
mod again;
#[path = "pending/signers.rs"]
mod signers;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ledger_core::digest::Digest;
use ledger_core::domain::command::{
    AnnulKey, ApplySignature, Command, FormDocument, PublishTrust, Receive, RecipientRequest, RecordCrl, RecordFinding,
    RegisterCertificate, RegisterParticipant, ReportCompromise, ResumeKey, SendDocument, SlotRequest,
};
use ledger_core::domain::event::{Answer, Channel, Format, ParticipantKind, Verdict};
use ledger_core::domain::refusal::RefusalCode;
use ledger_core::evidence::container;
use ledger_core::evidence::manifest::Manifest;
use ledger_core::evidence::trust::TrustDirectory;
use ledger_core::evidence::{self, Options};
use ledger_core::id::{
    DeliveryId, DocumentId, EventId, IdentifierMode, IdentityKind, KeyId, ParticipantId, StreamKind,
};
use ledger_core::pki::certificate::Certificate;
use ledger_core::projection::Viewer;
use ledger_core::projection::impact::Window;
use ledger_core::projection::parts::{DisplayStatus, Signing, Validity};
use ledger_core::record::{Actor, Capacity};
use ledger_core::signature::SignaturePolicy;
use ledger_core::time::Timestamp;
use ledger_store::environment::Clock;
use ledger_store::evidence_source::{EvidenceService, EvidenceSource, GatherFailure, Gathered, Gathering, Wanted};
use ledger_store::test_ca::{Algorithm, Party, PartySpec, Purpose, TestCa};
use ledger_store::{Executed, Ledger, LedgerError, LedgerOptions, Resolved};

const HOUR_MS: u64 = 3_600_000;
const START: &str = "2026-06-01T12:00:00.000Z";

/// A clock that goes when it is told to, and one millisecond with every look.
#[derive(Debug)]
struct Hand(AtomicU64);

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        Timestamp::EPOCH.plus_ms(self.0.fetch_add(1, Ordering::Relaxed))
    }
}

/// What the source does when it is asked.
#[derive(Debug, Clone)]
enum Answers {
    Unreachable,
    Good,
    RevokedSince(Timestamp),
    Hostile,
    /// Says nothing until as many have asked.
    Together(Arc<tokio::sync::Barrier>),
    /// Never says anything, and does not keep within its limit either.
    Hanging,
}

/// Something that happens while the ledger waits for the source.
type Meanwhile = Box<dyn FnOnce() -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>> + Send>;

struct Source {
    ca: TestCa,
    clock: Arc<Hand>,
    answers: Mutex<Answers>,
    asked: AtomicUsize,
    patience: Mutex<Duration>,
    meanwhile: Mutex<Option<Meanwhile>>,
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source").finish_non_exhaustive()
    }
}

impl EvidenceSource for Source {
    fn patience(&self) -> Duration {
        *self.patience.lock().unwrap()
    }

    fn gather(&self, wanted: Wanted, _: Duration) -> Gathering<'_> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let now = self.clock.now();
        let mut gathered = Gathered::default();
        let answers = self.answers.lock().unwrap().clone();
        for status in &wanted.statuses {
            let certificate = Certificate::parse(&status.certificate).unwrap();
            let serial = hex(&certificate.serial_hex());
            let (from, until) = (now.minus_ms(1000), now.plus_ms(HOUR_MS));
            match &answers {
                Answers::Unreachable => {
                    let (service, host) = (EvidenceService::Ocsp, Some("ocsp.example:80".to_owned()));
                    gathered.failures.push(GatherFailure { service, host, reason: "no connection" });
                }
                Answers::Good => gathered.ocsp.push(self.ca.ocsp(&serial, None, from, until)),
                Answers::RevokedSince(at) => gathered.ocsp.push(self.ca.ocsp(&serial, Some(*at), from, until)),
                Answers::Together(_) | Answers::Hanging => {}
                // Noise, an answer about another certificate, one with a broken signature, and a flood.
                Answers::Hostile => {
                    let mut forged = self.ca.ocsp(&serial, None, from, until);
                    *forged.last_mut().unwrap() ^= 1;
                    let foreign = self.ca.ocsp(b"\x01", None, from, until);
                    gathered.ocsp.extend([vec![], vec![0x30, 0x80], vec![0xff; 1 << 20], foreign, forged]);
                    gathered.timestamps.extend([vec![], b"no token".to_vec(), vec![0; 1 << 20]]);
                }
            }
        }
        let meanwhile = self.meanwhile.lock().unwrap().take();
        Box::pin(async move {
            match answers {
                Answers::Together(all) => {
                    all.wait().await;
                }
                Answers::Hanging => std::future::pending().await,
                Answers::Unreachable | Answers::Good | Answers::RevokedSince(_) | Answers::Hostile => {}
            }
            if let Some(meanwhile) = meanwhile {
                meanwhile().await;
            }
            gathered
        })
    }
}

fn hex(text: &str) -> Vec<u8> {
    let pairs = text.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
    pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}

struct World {
    ledger: Ledger,
    directory: PathBuf,
    clock: Arc<Hand>,
    source: Arc<Source>,
    ca: TestCa,
    signer: Party,
    sender: ParticipantId,
    recipient: ParticipantId,
}

fn actor(participant: Option<ParticipantId>) -> Actor {
    let capacity = if participant.is_some() { Capacity::Participant } else { Capacity::Operator };
    Actor { capacity, participant, user: None }
}

fn made<T: std::str::FromStr>(kind: StreamKind, executed: &Executed) -> T {
    let subject = executed.subjects.iter().find(|stream| stream.kind() == kind).unwrap();
    subject.id().parse().ok().unwrap()
}

fn codes(outcome: Result<Executed, LedgerError>) -> Vec<RefusalCode> {
    match outcome {
        Err(LedgerError::Refused(refusal)) => refusal.codes(),
        other => panic!("{other:?}"),
    }
}

impl World {
    /// A registered sender whose certificate was good an hour ago; no revocation list is current any more.
    async fn new(name: &str) -> Self {
        let directory = std::env::temp_dir().join(format!("edl-pending-{name}-{}", std::process::id()));
        let _left_over = std::fs::remove_dir_all(&directory);
        let start: Timestamp = START.parse().unwrap();
        let clock = Arc::new(Hand(AtomicU64::new(start.unix_ms())));
        let not_before = start.minus_ms(24 * HOUR_MS);
        let mut ca = TestCa::new("TEST CA", not_before, [1; 32]);
        let spec = PartySpec {
            common_name: "DIRECTOR".into(),
            organization: Some("Sender".into()),
            bin: Some("123456789021".into()),
            iin: "123456789011".into(),
            algorithm: Algorithm::P256,
            not_before,
            not_after: start.plus_ms(365 * 24 * HOUR_MS),
            purpose: Purpose::Signing,
        };
        let signer = ca.issue(&spec, [2; 32]);
        let source = Arc::new(Source {
            ca: ca.clone(),
            clock: Arc::clone(&clock),
            answers: Mutex::new(Answers::Unreachable),
            asked: AtomicUsize::new(0),
            patience: Mutex::new(Duration::from_mins(2)),
            meanwhile: Mutex::default(),
        });
        let options = LedgerOptions {
            identifiers: IdentifierMode::TestIdentifiers,
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            evidence_source: Some(Arc::clone(&source) as Arc<dyn EvidenceSource>),
            ..LedgerOptions::default()
        };
        let ledger = Ledger::create(&directory, options).await.unwrap();
        let operator = actor(None);
        let policy = SignaturePolicy::default_2026().to_canonical_bytes().unwrap();
        let trust = PublishTrust::of_anchors(vec![ca.certificate_der().to_vec()], policy);
        ledger.execute(&operator, "trust", trust.into()).await.unwrap();
        let crl = RecordCrl { crl: ca.crl(&[], start.minus_ms(HOUR_MS), start.plus_ms(HOUR_MS)) };
        ledger.execute(&operator, "crl", crl.into()).await.unwrap();
        let mut participants = Vec::new();
        for number in ["123456789021", "123456789031"] {
            let register = RegisterParticipant {
                identity_kind: IdentityKind::Bin,
                number: number.into(),
                name: format!("Company {number}"),
                kind: ParticipantKind::LegalEntity,
                terms: "idocs-2021-10-11".parse().unwrap(),
            };
            let registered = ledger.execute(&operator, number, register.into()).await.unwrap();
            participants.push(made(StreamKind::Participant, &registered));
        }
        let (sender, recipient) = (participants[0], participants[1]);
        let possession = signer.sign_detached(&ledger.possession_statement(sender).unwrap(), start);
        let certificate = signer.certificate_der.clone();
        let register = RegisterCertificate { participant: sender, certificate, chain: vec![], possession };
        ledger.execute(&actor(Some(sender)), "certificate", register.into()).await.unwrap();
        let world = Self { ledger, directory, clock, source, ca, signer, sender, recipient };
        world.wait_hours(2);
        world
    }

    fn wait_hours(&self, hours: u64) {
        self.clock.0.fetch_add(hours * HOUR_MS, Ordering::Relaxed);
    }

    fn answer(&self, answers: Answers) {
        *self.source.answers.lock().unwrap() = answers;
    }

    async fn run(&self, key: &str, command: impl Into<Command>) -> Result<Executed, LedgerError> {
        self.ledger.execute(&actor(Some(self.sender)), key, command.into()).await
    }

    async fn operate(&self, key: &str, command: impl Into<Command>) -> Result<Executed, LedgerError> {
        self.ledger.execute(&actor(None), key, command.into()).await
    }

    async fn form(&self, content: &str) -> DocumentId {
        self.form_for(content, vec![]).await
    }

    async fn form_for(&self, content: &str, signers: Vec<SlotRequest>) -> DocumentId {
        let form = FormDocument {
            document_type: None,
            sender: self.sender,
            format: Format::Text,
            title: "Contract".into(),
            content: content.as_bytes().to_vec(),
            declared_sha256: None,
            signers,
        };
        made(StreamKind::Document, &self.run(&format!("form-{content}"), form).await.unwrap())
    }

    async fn sign(&self, document: DocumentId, content: &str, key: &str) -> Result<Executed, LedgerError> {
        let cms = self.signer.sign_detached(content.as_bytes(), self.clock.now());
        self.run(key, ApplySignature { document, cms }).await
    }

    async fn send(&self, document: DocumentId, key: &str) -> Result<Executed, LedgerError> {
        let to = RecipientRequest { participant: self.recipient, answer: Answer::NotRequired };
        self.run(key, SendDocument { document, recipients: vec![to] }).await
    }

    async fn slot(&self, document: DocumentId) -> ledger_core::projection::document::SlotView {
        let view = self.ledger.document(document, Viewer::Operator).await.unwrap().unwrap();
        view.slots[0].clone()
    }

    /// The outcome of the evidence file, verified with nothing but the trust directory, and its codes.
    async fn verify(&self, document: DocumentId) -> (evidence::Verdict, Vec<String>) {
        self.verify_bundle(&self.ledger.export(document, Viewer::Operator).await.unwrap())
    }

    fn verify_bundle(&self, bundle: &[u8]) -> (evidence::Verdict, Vec<String>) {
        let files = self.ledger.export_trust();
        let files = files.iter().map(|file| (file.name.as_str(), file.bytes.as_slice()));
        let trust = TrustDirectory::from_files(files).unwrap();
        let report = evidence::verify(bundle, &trust, Options::default()).unwrap();
        let findings = report.findings.iter().map(|finding| format!("{} {}", finding.code, finding.detail));
        (report.verdict, findings.collect())
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _left_over = std::fs::remove_dir_all(&self.directory);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_responder_confirms_later_counts_later_and_is_proven_offline_by_its_answer_alone() {
    let world = World::new("confirmed").await;
    let document = world.form("later").await;
    let signed = world.sign(document, "later", "sign").await.unwrap();
    let signature: EventId = signed.event().unwrap();
    let slot = world.slot(document).await;
    assert_eq!((slot.state, slot.signature.unwrap().verdict), (Signing::Pending, Verdict::Indeterminate));
    assert_eq!(codes(world.send(document, "too-early").await), [RefusalCode::SignaturePending]);
    assert_eq!(codes(world.sign(document, "later", "again").await), [RefusalCode::SignaturePending]);
    let waiting = world.ledger.pending_signatures(None, 10).await.unwrap();
    assert_eq!(waiting.iter().map(|one| (one.document, one.signature)).collect::<Vec<_>>(), [(document, signature)]);
    let (verdict, findings) = world.verify(document).await;
    assert_eq!(verdict, evidence::Verdict::Indeterminate, "{findings:#?}");

    assert_eq!(world.ledger.resolve_pending().await.unwrap(), Resolved { settled: 0, waiting: 1 });
    world.answer(Answers::Good);
    assert_eq!(world.ledger.resolve_pending().await.unwrap(), Resolved { settled: 1, waiting: 0 });
    assert_eq!(world.ledger.resolve_pending().await.unwrap(), Resolved::default());
    let slot = world.slot(document).await;
    let view = slot.signature.unwrap();
    assert_eq!((slot.state, view.verdict), (Signing::Signed, Verdict::Indeterminate), "history stays");
    assert_eq!(view.finding.unwrap().verdict, Verdict::Passed);

    let sent = world.send(document, "send").await.unwrap();
    let delivery: DeliveryId = made(StreamKind::Delivery, &sent);
    world.ledger.execute(&actor(Some(world.recipient)), "receive", Receive { delivery }.into()).await.unwrap();
    let (verdict, findings) = world.verify(document).await;
    assert_eq!(verdict, evidence::Verdict::Passed, "{findings:#?}");
    assert!(world.ledger.check_views().await.unwrap().agrees());

    // What the checks used can neither be exchanged nor left away, however well the bundle is packed again.
    let bundle = world.ledger.export(document, Viewer::Operator).await.unwrap();
    let used = evidence_files(&bundle);
    assert!(used.len() > 1, "{used:?}");
    for (number, file) in used.iter().enumerate() {
        let other = used[(number + 1) % used.len()].clone();
        let emptied = br#"{"certificates":["AA=="],"schema":1}"#.to_vec();
        let own = contents(&bundle, file);
        // Two checks may have used the same.
        for content in [contents(&bundle, &other), emptied].into_iter().filter(|content| *content != own) {
            let changed = packed_with(&bundle, file, content);
            let (verdict, findings) = world.verify_bundle(&changed);
            assert_eq!(verdict, evidence::Verdict::Failed, "{file}: {findings:#?}");
            assert!(findings.iter().any(|finding| finding.starts_with("payload-")), "{file}: {findings:#?}");
        }
    }
}

/// The files of a bundle with what checks used.
fn evidence_files(bundle: &[u8]) -> Vec<String> {
    let entries = container::read(bundle).unwrap().entries;
    let names = entries.iter().map(|entry| entry.name).filter(|name| name.contains("-evidence"));
    names.map(str::to_owned).collect()
}

fn contents(bundle: &[u8], name: &str) -> Vec<u8> {
    let entries = container::read(bundle).unwrap().entries;
    entries.iter().find(|entry| entry.name == name).unwrap().content.to_vec()
}

/// The bundle with another content of a file, and a manifest that says so.
fn packed_with(bundle: &[u8], name: &str, content: Vec<u8>) -> Vec<u8> {
    let mut manifest = Manifest::decode(&contents(bundle, "bundle.json")).unwrap();
    let file = manifest.files.iter_mut().find(|file| file.name == name).unwrap();
    (file.bytes, file.sha256) = (u64::try_from(content.len()).unwrap(), Digest::sha256(&[&content]));
    let manifest = manifest.encode().unwrap();
    let mut entries = container::read(bundle).unwrap().entries;
    for entry in &mut entries {
        match entry.name {
            "bundle.json" => entry.content = &manifest,
            other if other == name => entry.content = &content,
            _ => {}
        }
    }
    container::write(&entries).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_responder_denies_later_is_set_aside_and_the_slot_is_open_again() {
    let world = World::new("denied").await;
    let document = world.form("denied").await;
    let before = world.clock.now();
    let signature = world.sign(document, "denied", "sign").await.unwrap().event().unwrap();
    world.answer(Answers::RevokedSince(before.minus_ms(HOUR_MS)));
    let finding = RecordFinding { document, signature, delivery: None };
    world.run("finding", finding.clone()).await.unwrap();
    assert_eq!(world.slot(document).await.state, Signing::Waiting);
    assert_eq!(codes(world.send(document, "send").await), [RefusalCode::DocumentUnsigned]);
    assert_eq!(codes(world.run("again", finding).await), [RefusalCode::SignatureUnknown]);
    assert_eq!(codes(world.sign(document, "denied", "retry").await), [RefusalCode::CertificateRevoked]);
    let (_, findings) = world.verify(document).await;
    assert!(findings.iter().any(|finding| finding.starts_with("signature-set-aside")), "{findings:#?}");
    assert!(!findings.iter().any(|finding| finding.starts_with("verdict-differs")), "{findings:#?}");
}

/// The certificate is reported as revoked since before the signing after everything went well: the view and the four
/// conditions say so, and nothing that was recorded is taken back (product.md C.3.6, last line).
#[tokio::test(flavor = "multi_thread")]
async fn a_late_revocation_becomes_a_finding_and_changes_no_history() {
    let world = World::new("late").await;
    world.answer(Answers::Good);
    let document = world.form("late").await;
    let before = world.clock.now();
    let signature = world.sign(document, "late", "sign").await.unwrap().event().unwrap();
    assert_eq!(world.slot(document).await.state, Signing::Signed);
    let delivery: DeliveryId = made(StreamKind::Delivery, &world.send(document, "send").await.unwrap());
    world.ledger.execute(&actor(Some(world.recipient)), "receive", Receive { delivery }.into()).await.unwrap();
    let (verdict, findings) = world.verify(document).await;
    assert_eq!(verdict, evidence::Verdict::Passed, "{findings:#?}");

    world.wait_hours(3);
    world.answer(Answers::RevokedSince(before.minus_ms(HOUR_MS)));
    world.operate("finding", RecordFinding { document, signature, delivery: None }).await.unwrap();
    let view = world.ledger.document(document, Viewer::Operator).await.unwrap().unwrap();
    let [delivered] = view.deliveries.as_slice() else { panic!("one delivery") };
    assert_eq!(delivered.findings[0].validity, Validity::Invalid);
    assert_eq!((view.slots[0].state, delivered.display_status), (Signing::Signed, DisplayStatus::Accounted));
    assert_eq!(view.slots[0].signature.as_ref().unwrap().verdict, Verdict::Passed, "history stays");
    let assessed = world.ledger.assessment(document, Viewer::Operator).await.unwrap().unwrap();
    assert_eq!(assessed[0].assessment.as_str(), "not-established");
    assert_eq!(assessed[0].conditions[1].finding.as_str(), "not-established");
    let (verdict, findings) = world.verify(document).await;
    assert_eq!(verdict, evidence::Verdict::Failed);
    assert!(!findings.iter().any(|finding| finding.starts_with("verdict-differs")), "{findings:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_a_hostile_source_says_makes_a_signature_count() {
    let world = World::new("hostile").await;
    world.answer(Answers::Hostile);
    let document = world.form("hostile").await;
    world.sign(document, "hostile", "sign").await.unwrap();
    assert_eq!(world.slot(document).await.state, Signing::Pending);
    assert_eq!(world.ledger.resolve_pending().await.unwrap(), Resolved { settled: 0, waiting: 1 });
    let (verdict, findings) = world.verify(document).await;
    assert_eq!(verdict, evidence::Verdict::Indeterminate, "{findings:#?}");
}

/// A list that is recorded later settles what no responder would answer.
#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_list_that_comes_later_settles_what_waits() {
    let world = World::new("list").await;
    let document = world.form("list").await;
    world.sign(document, "list", "sign").await.unwrap();
    let now = world.clock.now();
    let system = Actor { capacity: Capacity::System, participant: None, user: None };
    let crl = RecordCrl { crl: world.ca.crl(&[], now, now.plus_ms(24 * HOUR_MS)) };
    world.ledger.execute(&system, "list", crl.into()).await.unwrap();
    assert_eq!(world.ledger.resolve_pending().await.unwrap(), Resolved { settled: 1, waiting: 0 });
    let delivery: DeliveryId = made(StreamKind::Delivery, &world.send(document, "send").await.unwrap());
    world.ledger.execute(&actor(Some(world.recipient)), "receive", Receive { delivery }.into()).await.unwrap();
    let (verdict, findings) = world.verify(document).await;
    assert_eq!(verdict, evidence::Verdict::Passed, "{findings:#?}");
}

/// One after the other would wait here for ever.
#[tokio::test]
async fn a_responder_that_keeps_one_waiting_keeps_no_other_from_being_looked_at() {
    let world = World::new("together").await;
    world.wait_hours(2);
    for content in ["one", "two", "three"] {
        let document = world.form(content).await;
        world.sign(document, content, content).await.unwrap();
    }
    world.answer(Answers::Together(Arc::new(tokio::sync::Barrier::new(3))));
    let looked = tokio::time::timeout(Duration::from_mins(1), world.ledger.resolve_pending()).await;
    assert_eq!(looked.unwrap().unwrap(), Resolved { settled: 0, waiting: 3 });
}

/// The operator's answers to a notice: the key comes back after a false alarm, or never.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_resumed_after_a_false_alarm_and_annulled_for_good() {
    let world = World::new("key").await;
    world.answer(Answers::Good);
    let document = world.form("key").await;
    world.sign(document, "key", "sign").await.unwrap();
    let key: KeyId = Certificate::parse(&world.signer.certificate_der).unwrap().key();
    let window = async || world.slot(document).await.signature.unwrap().window;
    assert_eq!(codes(world.operate("early", AnnulKey { key }).await), [RefusalCode::KeyNotSuspended]);
    let report = |at: Timestamp| ReportCompromise {
        key,
        certificate: None,
        channel: Channel::Phone,
        learned_at: at,
        claimed_since: at.minus_ms(HOUR_MS),
        received_at: at,
    };
    world.operate("report", report(world.clock.now())).await.unwrap();
    assert_eq!(window().await, Some(Window::Contested));
    let other = world.form("other").await;
    assert_eq!(codes(world.sign(other, "other", "refused").await), [RefusalCode::CertificateSuspended]);
    world.operate("resume", ResumeKey { key }).await.unwrap();
    assert_eq!(window().await, Some(Window::FalseAlarm));
    world.sign(other, "other", "accepted").await.unwrap();
    world.operate("report-2", report(world.clock.now())).await.unwrap();
    world.operate("annul", AnnulKey { key }).await.unwrap();
    let third = world.form("third").await;
    assert_eq!(codes(world.sign(third, "third", "annulled").await), [RefusalCode::CertificateAnnulled]);
    assert_eq!(codes(world.operate("resume-2", ResumeKey { key }).await), [RefusalCode::CertificateAnnulled]);
    let (_, findings) = world.verify(document).await;
    for wrong in ["event-not-allowed", "suspended-key-used", "verdict-differs"] {
        assert!(!findings.iter().any(|finding| finding.starts_with(wrong)), "{findings:#?}");
    }
}
