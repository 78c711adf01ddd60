//! Clause 5.2.3 is assessed twice: by the read model, from the events on record, and by the verifier of a bundle, which
//! checks every signature again. On histories of an honest ledger both establish the same.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ledger_core::domain::command::{
    ApplySignature, Command, CommandKind, FormDocument, PublishTrust, Recall, Receive, RecipientRequest, RecordCrl,
    RecordFinding, RegisterCertificate, RegisterParticipant, ReportCompromise, SendDocument,
};
use ledger_core::domain::event::{Answer, Channel, Format, ParticipantKind};
use ledger_core::evidence::conditions::Condition;
use ledger_core::evidence::trust::TrustDirectory;
use ledger_core::evidence::verify::{self, Options};
use ledger_core::id::{DeliveryId, DocumentId, EventId, IdentifierMode, IdentityKind, ParticipantId, StreamKind};
use ledger_core::pki::certificate::Certificate;
use ledger_core::projection::Viewer;
use ledger_core::projection::conditions::{Assessment, Finding};
use ledger_core::record::{Actor, Capacity};
use ledger_core::signature::SignaturePolicy;
use ledger_core::time::Timestamp;
use ledger_store::environment::Clock;
use ledger_store::test_ca::{Algorithm, Party, PartySpec, Purpose, TestCa};
use ledger_store::{Executed, Ledger, LedgerError, LedgerOptions};

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

/// What happens in one hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// A document is formed, signed and sent to both recipients, if the signer still can.
    Send,
    /// The delivery of a document to a recipient is received.
    Receive(usize, usize),
    /// It is recalled.
    Recall(usize, usize),
    /// A list comes that says that the signer's certificate is revoked since so many hours.
    Revoked(u64),
    /// The owner reports the key as compromised since so many hours.
    Compromised(u64),
    /// A document's signature is checked again.
    Find(usize),
    /// It is checked again as of a receipt.
    FindAtReceipt(usize, usize),
}

struct Sent {
    document: DocumentId,
    signature: EventId,
    deliveries: Vec<DeliveryId>,
}

/// A ledger with one signer and two recipients.
struct World {
    ledger: Ledger,
    directory: std::path::PathBuf,
    clock: Arc<Hand>,
    ca: TestCa,
    signer: Party,
    sender: ParticipantId,
    recipients: Vec<ParticipantId>,
    sent: Vec<Sent>,
    commands: u64,
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
        Self::with_keys_of(Algorithm::P256, name).await
    }

    /// The authority's key and the signer's are of one algorithm.
    async fn with_keys_of(algorithm: Algorithm, name: &str) -> Self {
        let directory = std::env::temp_dir().join(format!("edl-conditions-{name}-{}", std::process::id()));
        let _left_over = std::fs::remove_dir_all(&directory);
        let start: Timestamp = START.parse().unwrap();
        let clock = Arc::new(Hand(AtomicU64::new(start.unix_ms())));
        let same: Arc<dyn Clock> = clock.clone();
        let options =
            LedgerOptions { identifiers: IdentifierMode::TestIdentifiers, clock: same, ..LedgerOptions::default() };
        let ledger = Ledger::create(&directory, options).await.unwrap();
        let not_before = start.minus_ms(48 * HOUR_MS);
        let mut ca = TestCa::with_algorithm(algorithm, "TEST CA", not_before, [1; 32]);
        let spec = PartySpec {
            common_name: "DIRECTOR".into(),
            organization: Some("Sender".into()),
            bin: Some("123456789021".into()),
            iin: "123456789011".into(),
            algorithm,
            not_before,
            not_after: start.plus_ms(365 * 24 * HOUR_MS),
            purpose: Purpose::Signing,
        };
        let signer = ca.issue(&spec, [2; 32]);
        let policy = SignaturePolicy::default_2026().to_canonical_bytes().unwrap();
        let trust = PublishTrust::of_anchors(vec![ca.certificate_der().to_vec()], policy);
        let crl = RecordCrl { crl: ca.crl(&[], start.minus_ms(HOUR_MS), start.plus_ms(1000 * HOUR_MS)) };
        ledger.execute(&actor(None), "trust", trust.into()).await.unwrap();
        ledger.execute(&actor(None), "crl", crl.into()).await.unwrap();
        let mut participants = Vec::new();
        for number in ["123456789021", "123456789031", "123456789041"] {
            let register = RegisterParticipant {
                identity_kind: IdentityKind::Bin,
                number: number.into(),
                name: "Company".into(),
                kind: ParticipantKind::LegalEntity,
                terms: "idocs-2021-10-11".parse().unwrap(),
            };
            let registered = ledger.execute(&actor(None), number, register.into()).await.unwrap();
            participants.extend(made::<ParticipantId>(StreamKind::Participant, &registered));
        }
        let (sender, recipients) = (participants[0], participants[1..].to_vec());
        let possession = signer.sign_detached(&ledger.possession_statement(sender).unwrap(), start);
        let certificate = signer.certificate_der.clone();
        let register = RegisterCertificate { participant: sender, certificate, chain: vec![], possession };
        ledger.execute(&actor(Some(sender)), "certificate", register.into()).await.unwrap();
        Self { ledger, directory, clock, ca, signer, sender, recipients, sent: Vec::new(), commands: 0 }
    }

    /// Carries out a command; none if the rules refuse it.
    async fn run(&mut self, participant: Option<ParticipantId>, command: impl Into<Command>) -> Option<Executed> {
        self.commands += 1;
        match self.ledger.execute(&actor(participant), &format!("command-{}", self.commands), command.into()).await {
            Ok(executed) => Some(executed),
            Err(LedgerError::Refused(_) | LedgerError::NotFound(_)) => None,
            Err(error) => panic!("{error:?}"),
        }
    }

    async fn step(&mut self, step: Step) {
        self.clock.0.fetch_add(HOUR_MS, Ordering::Relaxed);
        match step {
            Step::Send => self.send().await,
            Step::Receive(document, recipient) => {
                let Some(delivery) = self.delivery(document, recipient) else { return };
                self.run(Some(self.recipients[recipient]), Receive { delivery }).await;
            }
            Step::Recall(document, recipient) => {
                let Some(delivery) = self.delivery(document, recipient) else { return };
                let viewer = Viewer::Participant(self.sender);
                let statement = self.ledger.statement(delivery, CommandKind::Recall, "", viewer).await;
                let Ok(Some(statement)) = statement else { return };
                let cms = self.signer.sign_detached(&statement, self.clock.now());
                self.run(Some(self.sender), Recall { delivery, cms }).await;
            }
            Step::Revoked(hours) => {
                let now = self.clock.now();
                let since = now.minus_ms(hours * HOUR_MS);
                let crl = self.ca.crl(&[(&self.signer.serial, since)], now, now.plus_ms(1000 * HOUR_MS));
                self.run(None, RecordCrl { crl }).await;
            }
            Step::Compromised(hours) => {
                let now = self.clock.now();
                let report = ReportCompromise {
                    key: Certificate::parse(&self.signer.certificate_der).unwrap().key(),
                    certificate: None,
                    channel: Channel::Written,
                    learned_at: now,
                    claimed_since: now.minus_ms(hours * HOUR_MS),
                    received_at: now,
                };
                self.run(None, report).await;
            }
            Step::Find(document) => {
                let Some(Sent { document, signature, .. }) = self.sent.get(document) else { return };
                let command = RecordFinding { document: *document, signature: *signature, delivery: None };
                self.run(Some(self.sender), command).await;
            }
            Step::FindAtReceipt(document, recipient) => {
                let delivery = self.delivery(document, recipient);
                let Some(Sent { document, signature, .. }) = self.sent.get(document) else { return };
                let command = RecordFinding { document: *document, signature: *signature, delivery };
                self.run(Some(self.recipients[recipient]), command).await;
            }
        }
    }

    async fn send(&mut self) {
        let content = format!("document {}", self.sent.len()).into_bytes();
        let form = FormDocument {
            document_type: None,
            sender: self.sender,
            format: Format::Text,
            title: "Contract".into(),
            content: content.clone(),
            declared_sha256: None,
            signers: vec![],
        };
        let formed = self.run(Some(self.sender), form).await.unwrap();
        let document: DocumentId = made(StreamKind::Document, &formed)[0];
        let cms = self.signer.sign_detached(&content, self.clock.now());
        let Some(signed) = self.run(Some(self.sender), ApplySignature { document, cms }).await else { return };
        let to =
            |participant: &ParticipantId| RecipientRequest { participant: *participant, answer: Answer::NotRequired };
        let recipients = self.recipients.iter().map(to).collect();
        let dispatched = self.run(Some(self.sender), SendDocument { document, recipients }).await.unwrap();
        let deliveries = made(StreamKind::Delivery, &dispatched);
        self.sent.push(Sent { document, signature: signed.event().unwrap(), deliveries });
    }

    fn delivery(&self, document: usize, recipient: usize) -> Option<DeliveryId> {
        self.sent.get(document).map(|sent| sent.deliveries[recipient])
    }

    /// What each assessment says of a document's conditions, by delivery; both agree. One letter a condition: `E`
    /// established, `-` not.
    async fn agreed(&self, document: usize, told: &str) -> Vec<String> {
        let Sent { document, deliveries, .. } = &self.sent[document];
        let files = self.ledger.export_trust();
        let files = files.iter().map(|file| (file.name.as_str(), file.bytes.as_slice()));
        let trust = TrustDirectory::from_files(files).unwrap();
        let bundle = self.ledger.export(*document, Viewer::Operator).await.unwrap();
        let report = verify::verify(&bundle, &trust, Options::default()).unwrap();
        let lie = |code: &str| ["verdict-differs", "event-not-allowed", "record-malformed"].contains(&code);
        assert!(!report.findings.iter().any(|one| lie(one.code.as_str())), "{told}: {:#?}", report.findings);
        let verified = report.conditions;
        let projected = self.ledger.assessment(*document, Viewer::Operator).await.unwrap().unwrap();
        assert_eq!((verified.len(), projected.len()), (deliveries.len(), deliveries.len()), "{told}");
        let mut all = Vec::new();
        for delivery in deliveries {
            let one = projected.iter().find(|one| one.delivery == *delivery).unwrap();
            let other = verified.iter().find(|other| other.delivery == *delivery).unwrap();
            let pairs = [other.authentic, other.in_force, other.accounted, other.regulated];
            for (condition, verified) in one.conditions.iter().zip(pairs) {
                assert_eq!(
                    condition.finding == Finding::Established,
                    verified == Condition::Established,
                    "{told} {}: {condition:?}, {verified:?}\n{one:#?}\n{other:#?}",
                    condition.clause
                );
            }
            let indisputable = other.all == Condition::Established && !other.contested;
            assert_eq!(one.assessment == Assessment::Indisputable, indisputable, "{told}: {one:#?}\n{other:#?}");
            assert_eq!((one.slot, one.signer, one.certificate), (Some(other.slot), other.signer, other.certificate));
            assert_eq!(one.received.map(|at| at.at), other.received_at);
            let letter = |condition: &Condition| if *condition == Condition::Established { 'E' } else { '-' };
            all.push(pairs.iter().map(letter).collect());
        }
        all
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _left_over = std::fs::remove_dir_all(&self.directory);
    }
}

/// Each hour one step; the letters are those of the first document's two deliveries.
#[tokio::test(flavor = "multi_thread")]
async fn what_becomes_known_later_of_an_earlier_time_belongs_to_the_certificate_and_to_its_moment() {
    use Step::{Compromised, Find, FindAtReceipt, Recall, Receive, Revoked, Send};
    let stories: [(&str, &[Step], [&str; 2]); 10] = [
        ("all is well", &[Send, Receive(0, 0), Receive(0, 1)], ["EEEE", "EEEE"]),
        ("one recalled", &[Send, Receive(0, 0), Recall(0, 1)], ["EEEE", "E--E"]),
        // Hours: signed 1, received 2 and 4, the list at 5.
        ("revoked before the signing", &[Send, Receive(0, 0), Send, Receive(0, 1), Revoked(5)], ["E-EE", "E-EE"]),
        (
            "the same, with findings",
            &[Send, Receive(0, 0), Send, Receive(0, 1), Revoked(5), Find(0), FindAtReceipt(0, 0), FindAtReceipt(0, 1)],
            ["E-EE", "E-EE"],
        ),
        (
            "the same, found about the signing alone",
            &[Send, Receive(0, 0), Receive(0, 1), Revoked(5), Find(0)],
            ["E-EE", "E-EE"],
        ),
        (
            "revoked between signing and one receipt",
            &[Send, Receive(0, 0), Send, Receive(0, 1), Revoked(2)],
            ["EEEE", "E-EE"],
        ),
        (
            "the same, with findings",
            &[Send, Receive(0, 0), Send, Receive(0, 1), Revoked(2), Find(0), FindAtReceipt(0, 0), FindAtReceipt(0, 1)],
            ["EEEE", "E-EE"],
        ),
        ("revoked after both receipts", &[Send, Receive(0, 0), Receive(0, 1), Revoked(0)], ["EEEE", "EEEE"]),
        ("revoked before the second receipt", &[Send, Receive(0, 0), Revoked(4), Receive(0, 1)], ["E-EE", "E--E"]),
        ("compromised since before", &[Send, Receive(0, 0), Compromised(9), Receive(0, 1)], ["EEEE", "E--E"]),
    ];
    for (number, (name, steps, expected)) in stories.into_iter().enumerate() {
        let mut world = World::new(&format!("story-{number}")).await;
        for step in steps {
            world.step(*step).await;
        }
        assert_eq!(world.agreed(0, name).await, expected, "{name}");
    }
}

/// Registered, signed, sent, received, revoked and found, down to the evidence file, with the national algorithms.
#[tokio::test(flavor = "multi_thread")]
async fn keys_of_the_national_algorithms_serve_from_registration_to_the_offline_check() {
    for algorithm in [Algorithm::Gost2004, Algorithm::Gost2015] {
        let mut world = World::with_keys_of(algorithm, &format!("{algorithm:?}")).await;
        for step in [Step::Send, Step::Receive(0, 0), Step::Send, Step::Receive(0, 1), Step::Revoked(2)] {
            world.step(step).await;
        }
        assert_eq!(world.agreed(0, "national").await, ["EEEE", "E-EE"], "{algorithm:?}");
        world.step(Step::FindAtReceipt(0, 1)).await;
        assert_eq!(world.agreed(0, "national, found").await, ["EEEE", "E-EE"], "{algorithm:?}");
    }
}

/// Numbers that look random and are the same in every run (xorshift64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }

    fn place(&mut self, sides: u64) -> usize {
        usize::try_from(self.below(sides)).unwrap()
    }

    fn step(&mut self, is_revoked: &mut bool) -> Step {
        match self.below(12) {
            0..=2 => Step::Send,
            3..=6 => Step::Receive(self.place(3), self.place(2)),
            7 => Step::Recall(self.place(3), self.place(2)),
            8 if !*is_revoked => {
                *is_revoked = true;
                Step::Revoked(self.below(10))
            }
            9 if self.below(2) == 0 => Step::Compromised(self.below(10)),
            10 => Step::Find(self.place(3)),
            _ => Step::FindAtReceipt(self.place(3), self.place(2)),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_read_model_and_the_verifier_establish_the_same_conditions() {
    let mut letters = String::new();
    for seed in 1..=16_u64 {
        let mut world = World::new(&format!("seed-{seed}")).await;
        let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut is_revoked = false;
        let mut steps = vec![Step::Send];
        steps.extend((0..14).map(|_| dice.step(&mut is_revoked)));
        for step in &steps {
            world.step(*step).await;
        }
        for document in 0..world.sent.len() {
            let told = format!("seed {seed}, document {document}, {steps:?}");
            letters.extend(world.agreed(document, &told).await);
        }
    }
    assert!(letters.contains('E') && letters.contains('-'), "{letters}");
}
