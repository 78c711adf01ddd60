//! Clause 5.2.3 is assessed twice: by the read model, from the events on record, and by the verifier of a bundle, which
//! checks every signature again. On histories of an honest ledger both establish the same.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

use ledger_core::domain::command::{
    ApplySignature, CommandKind, FormDocument, PublishTrust, Recall, Receive, RecipientRequest, RecordCrl,
    RegisterCertificate, RegisterParticipant, ReportCompromise, SendDocument,
};
use ledger_core::domain::event::{Answer, Channel, Format, ParticipantKind};
use ledger_core::evidence::conditions::Condition;
use ledger_core::evidence::trust::TrustDirectory;
use ledger_core::evidence::verify::{self, Options};
use ledger_core::id::{DeliveryId, DocumentId, IdentifierMode, IdentityKind, ParticipantId, StreamKind};
use ledger_core::pki::certificate::Certificate;
use ledger_core::projection::Viewer;
use ledger_core::projection::conditions::{Assessment, Finding};
use ledger_core::record::{Actor, Capacity};
use ledger_core::signature::SignaturePolicy;
use ledger_store::environment::{Clock as _, SystemClock};
use ledger_store::test_ca::{Algorithm, PartySpec, Purpose, TestCa};
use ledger_store::{Executed, Ledger, LedgerOptions};

const DAY_MS: u64 = 86_400_000;

/// What happens to the signer's certificate after everything is sent and half of it received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mishap {
    Nothing,
    Revoked,
    CompromisedSinceBefore,
    CompromisedNow,
}

fn actor(participant: Option<ParticipantId>) -> Actor {
    let capacity = if participant.is_some() { Capacity::Participant } else { Capacity::Operator };
    Actor { capacity, participant, user: None }
}

fn made<T: std::str::FromStr>(kind: StreamKind, executed: &Executed) -> Vec<T> {
    let subjects = executed.subjects.iter().filter(|stream| stream.kind() == kind);
    subjects.filter_map(|stream| stream.id().parse().ok()).collect()
}

/// A history: three documents to two recipients each, some accounted, some recalled, some left, then the mishap, and
/// the rest accounted or deemed not received. Gives how many conditions each assessment established in all.
#[expect(clippy::too_many_lines, reason = "a history told from beginning to end")]
async fn compare(mishap: Mishap) -> usize {
    let directory = std::env::temp_dir().join(format!("edl-conditions-{mishap:?}-{}", std::process::id()));
    let _left_over = std::fs::remove_dir_all(&directory);
    let options = LedgerOptions { identifiers: IdentifierMode::TestIdentifiers, ..LedgerOptions::default() };
    let ledger = Ledger::create(&directory, options).await.unwrap();
    let now = SystemClock.now();
    let mut ca = TestCa::new("TEST CA", now.minus_ms(2 * DAY_MS), [1; 32]);
    let spec = PartySpec {
        common_name: "DIRECTOR".into(),
        organization: Some("Sender".into()),
        bin: Some("123456789021".into()),
        iin: "123456789011".into(),
        algorithm: Algorithm::P256,
        not_before: now.minus_ms(DAY_MS),
        not_after: now.plus_ms(365 * DAY_MS),
        purpose: Purpose::Signing,
    };
    let signer = ca.issue(&spec, [2; 32]);
    let policy = SignaturePolicy::default_2026().to_canonical_bytes().unwrap();
    let trust = PublishTrust::of_anchors(vec![ca.certificate_der().to_vec()], policy);
    let crl = RecordCrl { crl: ca.crl(&[], now.minus_ms(DAY_MS), now.plus_ms(DAY_MS)) };
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
    let (owner, recipients) = participants.split_first().unwrap();
    let sender = actor(Some(*owner));
    let possession = signer.sign_detached(&ledger.possession_statement(*owner).unwrap(), now);
    let certificate = signer.certificate_der.clone();
    let register = RegisterCertificate { participant: *owner, certificate, chain: vec![], possession };
    ledger.execute(&sender, "certificate", register.into()).await.unwrap();

    let mut sent: Vec<(DocumentId, Vec<DeliveryId>)> = Vec::new();
    for number in 0..3 {
        let content = format!("document {number}").into_bytes();
        let form = FormDocument {
            document_type: None,
            sender: *owner,
            format: Format::Text,
            title: "Contract".into(),
            content: content.clone(),
            declared_sha256: None,
            signers: vec![],
        };
        let formed = ledger.execute(&sender, &format!("form-{number}"), form.into()).await.unwrap();
        let document: DocumentId = made(StreamKind::Document, &formed)[0];
        let sign = ApplySignature { document, cms: signer.sign_detached(&content, now) };
        ledger.execute(&sender, &format!("sign-{number}"), sign.into()).await.unwrap();
        let to =
            |participant: &ParticipantId| RecipientRequest { participant: *participant, answer: Answer::NotRequired };
        let sending = SendDocument { document, recipients: recipients.iter().map(to).collect() };
        let dispatched = ledger.execute(&sender, &format!("send-{number}"), sending.into()).await.unwrap();
        sent.push((document, made(StreamKind::Delivery, &dispatched)));
    }
    let receive = async |delivery: DeliveryId, recipient: ParticipantId| {
        let command = Receive { delivery };
        ledger.execute(&actor(Some(recipient)), &format!("receive-{delivery}"), command.into()).await.unwrap();
    };
    receive(sent[0].1[0], recipients[0]).await;
    let statement = ledger.statement(sent[2].1[0], CommandKind::Recall, "", Viewer::Participant(*owner)).await;
    let cms = signer.sign_detached(&statement.unwrap().unwrap(), now);
    ledger.execute(&sender, "recall", Recall { delivery: sent[2].1[0], cms }.into()).await.unwrap();

    let key = Certificate::parse(&signer.certificate_der).unwrap().key();
    let report = async |claimed_since| {
        let received_at = SystemClock.now();
        let channel = Channel::Written;
        let learned_at = now;
        let report = ReportCompromise { key, certificate: None, channel, learned_at, claimed_since, received_at };
        ledger.execute(&actor(None), "compromise", report.into()).await.unwrap();
    };
    match mishap {
        Mishap::Nothing => {}
        Mishap::Revoked => {
            // After the signing: what a list says of an earlier time, the events on record cannot know.
            tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
            let at = SystemClock.now();
            let crl = RecordCrl { crl: ca.crl(&[(signer.serial.as_slice(), at)], at, now.plus_ms(DAY_MS)) };
            ledger.execute(&actor(None), "revoked", crl.into()).await.unwrap();
        }
        Mishap::CompromisedSinceBefore => report(now.minus_ms(1000)).await,
        Mishap::CompromisedNow => report(SystemClock.now()).await,
    }
    // As recorded: accounted, or deemed not received. One delivery stays on its way.
    receive(sent[1].1[0], recipients[0]).await;
    receive(sent[1].1[1], recipients[1]).await;
    receive(sent[2].1[1], recipients[1]).await;

    let files = ledger.export_trust();
    let files = files.iter().map(|file| (file.name.as_str(), file.bytes.as_slice()));
    let trust = TrustDirectory::from_files(files).unwrap();
    let mut established = 0;
    for (document, deliveries) in &sent {
        let bundle = ledger.export(*document, Viewer::Operator).await.unwrap();
        let verified = verify::verify(&bundle, &trust, Options::default()).unwrap().conditions;
        let projected = ledger.assessment(*document, Viewer::Operator).await.unwrap().unwrap();
        assert_eq!((verified.len(), projected.len()), (deliveries.len(), deliveries.len()), "{mishap:?}");
        for one in &projected {
            let other = verified.iter().find(|other| other.delivery == one.delivery).unwrap();
            let pairs = [other.authentic, other.in_force, other.accounted, other.regulated];
            for (condition, verified) in one.conditions.iter().zip(pairs) {
                let both = (condition.finding == Finding::Established, verified == Condition::Established);
                assert_eq!(
                    both.0, both.1,
                    "{mishap:?} {}: {condition:?}, {verified:?}\n{one:#?}\n{other:#?}",
                    condition.clause
                );
                established += usize::from(both.0);
            }
            let indisputable = other.all == Condition::Established && !other.contested;
            assert_eq!(one.assessment == Assessment::Indisputable, indisputable, "{mishap:?}: {one:#?}\n{other:#?}");
            assert_eq!((one.slot, one.signer, one.certificate), (Some(other.slot), other.signer, other.certificate));
            assert_eq!(one.received.map(|at| at.at), other.received_at);
        }
    }
    ledger.close().await.unwrap();
    std::fs::remove_dir_all(&directory).unwrap();
    established
}

#[tokio::test(flavor = "multi_thread")]
async fn the_read_model_and_the_verifier_establish_the_same_conditions() {
    let mut established = Vec::new();
    for mishap in [Mishap::Nothing, Mishap::Revoked, Mishap::CompromisedSinceBefore, Mishap::CompromisedNow] {
        established.push(compare(mishap).await);
    }
    assert!(established.iter().all(|count| *count > 0) && established[1] < established[0], "{established:?}");
}
