//! Whom a ledger trusts: terms of a publication, tests among real documents, full lists with their deltas.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

use std::collections::BTreeMap;
use std::path::PathBuf;

use ledger_core::digest::Digest;
use ledger_core::domain::command::{
    ApplySignature, Command, FormDocument, PublishTrust, RecordCrl, RegisterCertificate, RegisterParticipant,
};
use ledger_core::domain::event::{Format, ParticipantKind};
use ledger_core::domain::refusal::RefusalCode;
use ledger_core::evidence::trust::TrustDirectory;
use ledger_core::evidence::verify::{self, Options};
use ledger_core::id::{Bin, DocumentId, IdentifierMode, IdentityKind, Iin, ParticipantId, StreamKind};
use ledger_core::pki::trust::{Hierarchy, TrustTerms};
use ledger_core::projection::Viewer;
use ledger_core::record::{Actor, Capacity};
use ledger_core::signature::SignaturePolicy;
use ledger_core::time::Timestamp;
use ledger_store::environment::{Clock as _, SystemClock};
use ledger_store::test_ca::{Algorithm, Party, PartySpec, Purpose, TestCa};
use ledger_store::{Executed, Ledger, LedgerError, LedgerOptions};

const DAY_MS: u64 = 86_400_000;
const BIN: &str = "171140001255";

/// A ledger, a company with a certificate of the CA, and what they did.
struct Setting {
    directory: PathBuf,
    ledger: Ledger,
    ca: TestCa,
    signer: Party,
    now: Timestamp,
    asked: usize,
    /// Those last published.
    terms: BTreeMap<Digest, TrustTerms>,
}

fn operator() -> Actor {
    Actor { capacity: Capacity::Operator, participant: None, user: None }
}

fn made<T: std::str::FromStr>(kind: StreamKind, executed: &Executed) -> T {
    let stream = executed.subjects.iter().find(|stream| stream.kind() == kind).unwrap();
    stream.id().parse().ok().unwrap()
}

/// A number whose check digit is right, so that real and test ledgers take it.
fn iin() -> String {
    let candidates = (0..10).map(|digit| format!("90010130010{digit}"));
    candidates.into_iter().find(|number| Iin::parse(number, IdentifierMode::Strict).is_ok()).unwrap()
}

impl Setting {
    async fn open(name: &str, identifiers: IdentifierMode) -> Self {
        assert!(Bin::parse(BIN, IdentifierMode::Strict).is_ok());
        let directory = std::env::temp_dir().join(format!("edl-trust-{name}-{}", std::process::id()));
        let _left_over = std::fs::remove_dir_all(&directory);
        let ledger = Ledger::create(&directory, LedgerOptions { identifiers, ..LedgerOptions::default() }).await;
        let now = Timestamp::from_unix_seconds(SystemClock.now().unix_seconds()).unwrap();
        let mut ca = TestCa::new("TEST CA", now.minus_ms(30 * DAY_MS), [1; 32]);
        let spec = PartySpec {
            common_name: "HEAD".into(),
            organization: Some("Company".into()),
            bin: Some(BIN.into()),
            iin: iin(),
            algorithm: Algorithm::P256,
            not_before: now.minus_ms(20 * DAY_MS),
            not_after: now.plus_ms(365 * DAY_MS),
            purpose: Purpose::Signing,
        };
        let signer = ca.issue(&spec, [2; 32]);
        Self { directory, ledger: ledger.unwrap(), ca, signer, now, asked: 0, terms: BTreeMap::new() }
    }

    async fn ask(&mut self, actor: &Actor, command: impl Into<Command>) -> Result<Executed, Vec<RefusalCode>> {
        self.asked += 1;
        match self.ledger.execute(actor, &format!("command-{}", self.asked), command.into()).await {
            Ok(executed) => Ok(executed),
            Err(LedgerError::Refused(refusal)) => Err(refusal.codes().clone()),
            Err(error) => panic!("{error}"),
        }
    }

    fn trust(&mut self, hierarchy: Option<Hierarchy>, policy: &SignaturePolicy) -> PublishTrust {
        let anchor = self.ca.certificate_der().to_vec();
        let digest = Digest::sha256(&[&anchor]);
        let mut trust = PublishTrust::of_anchors(vec![anchor], policy.to_canonical_bytes().unwrap());
        trust.terms.extend(hierarchy.map(|hierarchy| (digest, TrustTerms::of_hierarchy(hierarchy))));
        self.terms = trust.terms.clone();
        trust
    }

    async fn company(&mut self) -> ParticipantId {
        let register = RegisterParticipant {
            identity_kind: IdentityKind::Bin,
            number: BIN.into(),
            name: "Company".into(),
            kind: ParticipantKind::LegalEntity,
            terms: "idocs-2021-10-11".parse().unwrap(),
        };
        made(StreamKind::Participant, &self.ask(&operator(), register).await.unwrap())
    }

    async fn register(&mut self, participant: ParticipantId) -> Result<Executed, Vec<RefusalCode>> {
        let possession = self.signer.sign_detached(&self.ledger.possession_statement(participant).unwrap(), self.now);
        let certificate = self.signer.certificate_der.clone();
        self.ask(&owner(participant), RegisterCertificate { participant, certificate, chain: vec![], possession }).await
    }

    async fn sign(&mut self, participant: ParticipantId) -> Result<DocumentId, Vec<RefusalCode>> {
        let content = format!("document {}", self.asked).into_bytes();
        let form = FormDocument {
            sender: participant,
            format: Format::Text,
            document_type: None,
            title: "Document".into(),
            content: content.clone(),
            declared_sha256: None,
            signers: vec![],
        };
        let document = made(StreamKind::Document, &self.ask(&owner(participant), form).await.unwrap());
        let cms = self.signer.sign_detached(&content, self.now);
        self.ask(&owner(participant), ApplySignature { document, cms }).await.map(|_| document)
    }

    /// With what the ledger itself hands out for verifiers.
    async fn assert_passes_offline(&self, document: DocumentId) {
        let bundle = self.ledger.export(document, Viewer::Operator).await.unwrap();
        let files = self.ledger.export_trust();
        let files = files.iter().map(|file| (file.name.as_str(), file.bytes.as_slice()));
        let directory = TrustDirectory::from_files(files).unwrap();
        let terms = directory.authorities.as_ref().unwrap().terms().clone();
        assert_eq!(terms, self.terms);
        let report = verify::verify(&bundle, &directory, Options::default()).unwrap();
        assert_eq!(report.verdict, verify::Verdict::Passed, "{:#?}", report.findings);
    }

    async fn close(self) {
        self.ledger.close().await.unwrap();
        std::fs::remove_dir_all(self.directory).unwrap();
    }
}

fn owner(participant: ParticipantId) -> Actor {
    Actor { capacity: Capacity::Participant, participant: Some(participant), user: None }
}

#[tokio::test]
async fn a_test_hierarchy_counts_in_a_ledger_of_tests_only() {
    use Hierarchy::{Production, Test};
    use IdentifierMode::{Strict, TestIdentifiers};
    let untrusted = Some(RefusalCode::CertificateUntrusted);
    let rows = [
        ("strict-test", Strict, Some(Test), untrusted),
        ("strict-production", Strict, Some(Production), None),
        ("strict-unmarked", Strict, None, None),
        ("tests-test", TestIdentifiers, Some(Test), None),
    ];
    for (name, mode, hierarchy, refused) in rows {
        let mut setting = Setting::open(name, mode).await;
        let trust = setting.trust(hierarchy, &SignaturePolicy::for_ledger(mode));
        setting.ask(&operator(), trust).await.unwrap();
        let (from, until) = (setting.now.minus_ms(DAY_MS), setting.now.plus_ms(DAY_MS));
        let crl = RecordCrl { crl: setting.ca.crl(&[], from, until) };
        setting.ask(&operator(), crl).await.unwrap();
        let company = setting.company().await;
        let codes = setting.register(company).await.err().unwrap_or_default();
        assert_eq!(codes.first().copied(), refused, "{name}");
        if refused.is_none() {
            let document = setting.sign(company).await.unwrap();
            setting.assert_passes_offline(document).await;
        }
        setting.close().await;
    }
}

#[tokio::test]
async fn a_ledger_of_real_documents_takes_no_policy_for_tests_and_no_terms_for_strangers() {
    let mut setting = Setting::open("policy", IdentifierMode::Strict).await;
    let for_tests = setting.trust(None, &SignaturePolicy::for_ledger(IdentifierMode::TestIdentifiers));
    assert_eq!(setting.ask(&operator(), for_tests).await.unwrap_err(), [RefusalCode::PolicyForTests]);
    let mut strangers = setting.trust(None, &SignaturePolicy::for_ledger(IdentifierMode::Strict));
    strangers.terms.insert(Digest::sha256(&[b"a stranger"]), TrustTerms::of_hierarchy(Hierarchy::Test));
    assert_eq!(setting.ask(&operator(), strangers).await.unwrap_err(), [RefusalCode::TrustInvalid]);
    // The same certificates on other terms are another trust.
    for hierarchy in [None, Some(Hierarchy::Production), None] {
        let trust = setting.trust(hierarchy, &SignaturePolicy::for_ledger(IdentifierMode::Strict));
        setting.ask(&operator(), trust).await.unwrap();
    }
    setting.close().await;
}

/// The national authority publishes a full list with deltas between.
#[tokio::test]
async fn a_delta_counts_with_its_base_and_the_bundle_carries_both() {
    let mut setting = Setting::open("delta", IdentifierMode::Strict).await;
    let trust = setting.trust(None, &SignaturePolicy::for_ledger(IdentifierMode::Strict));
    setting.ask(&operator(), trust).await.unwrap();
    let now = setting.now;
    let (base, late) = (now.minus_ms(10 * DAY_MS), now.plus_ms(DAY_MS));
    let full = setting.ca.crl(&[], base, late);
    let fresh = setting.ca.delta_crl(base, &[], now.minus_ms(3 * DAY_MS), late);
    setting.ask(&operator(), RecordCrl { crl: full }).await.unwrap();
    setting.ask(&operator(), RecordCrl { crl: fresh }).await.unwrap();
    let company = setting.company().await;
    setting.register(company).await.unwrap();
    let document = setting.sign(company).await.unwrap();

    setting.assert_passes_offline(document).await;

    // Hourly deltas, all of them good for a day, do not push out their base.
    for hours in 1..24 {
        let at = now.minus_ms(3 * DAY_MS - hours * 3_600_000);
        let hourly = setting.ca.delta_crl(base, &[], at, late);
        setting.ask(&operator(), RecordCrl { crl: hourly }).await.unwrap();
    }
    setting.sign(company).await.unwrap();

    // The next delta revokes.
    let serial = setting.signer.serial.clone();
    let revoking = setting.ca.delta_crl(base, &[(&serial, now.minus_ms(DAY_MS))], now.minus_ms(DAY_MS), late);
    setting.ask(&operator(), RecordCrl { crl: revoking }).await.unwrap();
    assert_eq!(setting.sign(company).await.unwrap_err(), [RefusalCode::CertificateRevoked]);
    setting.close().await;
}
