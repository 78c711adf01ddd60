//! What an outage of a responder does to a ledger: a signature waits, a later finding settles it, and nothing of what
//! was recorded changes.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ledger_core::digest::encode_hex;
use ledger_core::domain::command::{
    ApplySignature, Command, FormDocument, PublishTrust, Receive, RecipientRequest, RegisterCertificate,
    RegisterParticipant, SendDocument,
};
use ledger_core::domain::event::{Answer, Format, ParticipantKind, Verdict};
use ledger_core::evidence::trust::TrustDirectory;
use ledger_core::evidence::verify::{self, Options};
use ledger_core::id::{DocumentId, IdentifierMode, IdentityKind, ParticipantId, StreamKind};
use ledger_core::pki::certificate::Certificate;
use ledger_core::projection::Viewer;
use ledger_core::projection::document::SignatureView;
use ledger_core::projection::parts::Signing;
use ledger_core::record::{Actor, Capacity};
use ledger_core::signature::SignaturePolicy;
use ledger_core::time::Timestamp;
use ledger_store::environment::{Clock as _, SystemClock};
use ledger_store::fetch::{Background, FetchSettings, Fetcher};
use ledger_store::test_ca::{Algorithm, Party, PartySpec, Purpose, TestCa};
use ledger_store::{Executed, Ledger, LedgerError, LedgerOptions};

use crate::authority::{Authority, Status};
use crate::server::{Reply, Server};
use crate::waiting::eventually;

const DAY_MS: u64 = 86_400_000;

/// What the responder says about every certificate; nothing while it is down.
type Says = Arc<Mutex<Option<Status>>>;

struct World {
    ledger: Ledger,
    fetcher: Fetcher,
    directory: PathBuf,
    signer: Party,
    now: Timestamp,
    sender: ParticipantId,
    recipient: ParticipantId,
    says: Says,
    server: Server,
}

fn actor(participant: Option<ParticipantId>) -> Actor {
    let capacity = if participant.is_some() { Capacity::Participant } else { Capacity::Operator };
    Actor { capacity, participant, user: None }
}

fn made<T: std::str::FromStr>(kind: StreamKind, executed: &Executed) -> T {
    let subject = executed.subjects.iter().find(|stream| stream.kind() == kind).unwrap();
    subject.id().parse().ok().unwrap()
}

impl World {
    /// A ledger without any revocation list: only the responder, `openssl ocsp` behind a server, can say something.
    async fn new(name: &str) -> Self {
        Self::with(name, "").await
    }

    /// As [`World::new`]; `also` are more settings, in which `{}` stands for the server, a time-stamping authority as well.
    async fn with(name: &str, also: &str) -> Self {
        let directory = std::env::temp_dir().join(format!("edl-fetch-outage-{name}-{}", std::process::id()));
        let _left_over = std::fs::remove_dir_all(&directory);
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
        let authority = Authority::of(&ca.certificate_pem(), &ca.private_key_pem(), ca.certificate_der());
        let serial = encode_hex(&signer.serial).to_uppercase();
        let stamping = Certificate::parse(&authority.add_time_stamping()).unwrap().serial_hex().to_uppercase();
        let says: Says = Arc::new(Mutex::new(Some(Status::Good)));
        let heard = Arc::clone(&says);
        let server = Server::start(move |request| match *heard.lock().unwrap() {
            None => Reply::Nothing,
            Some(_) if request.header("content-type") == Some("application/timestamp-query") => {
                let token = authority.timestamp(&request.body);
                // A token proves the end of its second plus its accuracy of one; the ledger's own time must be later.
                std::thread::sleep(Duration::from_millis(2100));
                Reply::Ok(token)
            }
            Some(status) => Reply::Ok(authority.answer(&request.body, &[(&serial, status), (&stamping, Status::Good)])),
        });
        let text = format!(
            r#"{{"private_hosts": ["{}"], "ocsp": {{"responders": [{{"url": "{}"}}], "reuse_ms": 0}}, "attempts": 1,
                "exchange_ms": 60000, "connect_ms": 30000, "gather_ms": 120000, "breaker_failures": 1000,
                "resolve_ms": 20 {}}}"#,
            server.host(),
            server.url(),
            also.replace("{}", &server.url())
        );
        let fetcher = Fetcher::new(&FetchSettings::from_json(text.as_bytes()).unwrap()).unwrap();
        let options = LedgerOptions {
            identifiers: IdentifierMode::TestIdentifiers,
            evidence_source: Some(Arc::new(fetcher.clone())),
            ..LedgerOptions::default()
        };
        let ledger = Ledger::create(&directory, options).await.unwrap();
        let policy = SignaturePolicy::default_2026().to_canonical_bytes().unwrap();
        let trust = PublishTrust::of_anchors(vec![ca.certificate_der().to_vec()], policy);
        ledger.execute(&actor(None), "trust", trust.into()).await.unwrap();
        let mut participants = Vec::new();
        for number in ["123456789021", "123456789031"] {
            let register = RegisterParticipant {
                identity_kind: IdentityKind::Bin,
                number: number.into(),
                name: format!("Company {number}"),
                kind: ParticipantKind::LegalEntity,
                terms: "idocs-2021-10-11".parse().unwrap(),
            };
            let registered = ledger.execute(&actor(None), number, register.into()).await.unwrap();
            participants.push(made::<ParticipantId>(StreamKind::Participant, &registered));
        }
        let (sender, recipient) = (participants[0], participants[1]);
        let possession = signer.sign_detached(&ledger.possession_statement(sender).unwrap(), now);
        let certificate = signer.certificate_der.clone();
        let register = RegisterCertificate { participant: sender, certificate, chain: vec![], possession };
        ledger.execute(&actor(Some(sender)), "certificate", register.into()).await.unwrap();
        Self { ledger, fetcher, directory, signer, now, sender, recipient, says, server }
    }

    /// What the responder says from now on.
    fn responder(&self, says: Option<Status>) {
        *self.says.lock().unwrap() = says;
    }

    async fn execute(&self, key: &str, command: impl Into<Command>) -> Result<Executed, LedgerError> {
        self.ledger.execute(&actor(Some(self.sender)), key, command.into()).await
    }

    /// A document that was formed and signed now.
    async fn signed(&self) -> DocumentId {
        let form = FormDocument {
            document_type: None,
            sender: self.sender,
            format: Format::Text,
            title: "Contract".into(),
            content: b"text".to_vec(),
            declared_sha256: None,
            signers: vec![],
        };
        let document = made(StreamKind::Document, &self.execute("form", form).await.unwrap());
        let cms = self.signer.sign_detached(b"text", self.now);
        self.execute("sign", ApplySignature { document, cms }).await.unwrap();
        document
    }

    async fn send(&self, key: &str, document: DocumentId) -> Result<Executed, LedgerError> {
        let recipients = vec![RecipientRequest { participant: self.recipient, answer: Answer::NotRequired }];
        self.execute(key, SendDocument { document, recipients }).await
    }

    async fn signature(&self, document: DocumentId) -> SignatureView {
        let view = self.ledger.document(document, Viewer::Operator).await.unwrap().unwrap();
        view.slots[0].signature.clone().unwrap()
    }

    /// Every leaf until now.
    async fn leaves(&self) -> Vec<String> {
        let items = self.ledger.feed(None, 10_000, Viewer::Operator).await.unwrap();
        items.into_iter().map(|item| item.record).collect()
    }

    fn trust(&self) -> TrustDirectory {
        let files = self.ledger.export_trust();
        TrustDirectory::from_files(files.iter().map(|file| (file.name.as_str(), file.bytes.as_slice()))).unwrap()
    }

    async fn close(self) {
        self.ledger.close().await.unwrap();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_made_during_an_outage_waits_and_counts_once_the_responder_answers() {
    let world = World::new("good").await;
    world.responder(None);
    let document = world.signed().await;
    let recorded = world.signature(document).await;
    assert_eq!((recorded.verdict, recorded.finding), (Verdict::Indeterminate, None));
    assert!(matches!(world.send("too-early", document).await, Err(LedgerError::Refused(_))));
    let still = world.ledger.resolve_pending().await.unwrap();
    assert_eq!((still.settled, still.waiting), (0, 1), "the responder is still down");
    let history = world.leaves().await;

    world.responder(Some(Status::Good));
    let resolved = world.ledger.resolve_pending().await.unwrap();
    assert_eq!((resolved.settled, resolved.waiting), (1, 0));
    let after = world.signature(document).await;
    assert_eq!(after.verdict, Verdict::Indeterminate, "the verdict of history is never rewritten");
    assert_eq!(after.finding.unwrap().verdict, Verdict::Passed);
    assert!(world.leaves().await.starts_with(&history));
    let sent = world.send("now", document).await.unwrap();
    let receive = Receive { delivery: made(StreamKind::Delivery, &sent) };
    world.ledger.execute(&actor(Some(world.recipient)), "receive", receive.into()).await.unwrap();

    // Offline, with the responder gone: the bundle carries what the finding rests on.
    world.responder(None);
    let bundle = world.ledger.export(document, Viewer::Operator).await.unwrap();
    let report = verify::verify(&bundle, &world.trust(), Options::default()).unwrap();
    assert_eq!(report.verdict, verify::Verdict::Passed, "{:#?}", report.findings);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_whose_certificate_turns_out_revoked_after_the_outage_fails_by_a_finding() {
    let world = World::new("revoked").await;
    world.responder(None);
    let document = world.signed().await;
    let history = world.leaves().await;
    world.responder(Some(Status::Revoked));
    let background = Background::start(&world.ledger, &world.fetcher, |said| println!("{said}"));
    eventually("a finding", || {
        let pending = tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(world.ledger.pending_signatures(None, 10))
        });
        pending.unwrap().is_empty().then_some(())
    })
    .await;
    background.stop().await;
    let leaves = world.leaves().await;
    assert!(leaves.starts_with(&history), "the verdict of history is never rewritten");
    let finding = leaves.iter().find(|leaf| leaf.contains("document.finding_recorded")).unwrap();
    assert!(finding.contains(r#""verdict":"failed""#), "{finding}");
    let view = world.ledger.document(document, Viewer::Operator).await.unwrap().unwrap();
    assert_eq!((view.slots[0].state, view.slots[0].signature.is_none()), (Signing::Waiting, true));
    assert!(matches!(world.send("never", document).await, Err(LedgerError::Refused(_))));
    assert!(!world.server.requests().is_empty());
    world.close().await;
}

/// No list is recorded: what the ledger knows of the authority's certificate is the answer that it asked for.
#[tokio::test(flavor = "multi_thread")]
async fn a_time_stamp_counts_because_the_status_of_its_authority_is_asked_for_too() {
    let world = World::with("stamped", r#", "timestamps": [{"url": "{}"}]"#).await;
    let document = world.signed().await;
    let signature = world.signature(document).await;
    assert_eq!(signature.verdict, Verdict::Passed);
    assert!(signature.proven_at.is_some_and(|at| at >= world.now.minus_ms(1000)), "{signature:?}");
    world.responder(None);
    let bundle = world.ledger.export(document, Viewer::Operator).await.unwrap();
    let report = verify::verify(&bundle, &world.trust(), Options::default()).unwrap();
    assert_eq!(report.verdict, verify::Verdict::Passed, "{:#?}", report.findings);
    world.close().await;
}
