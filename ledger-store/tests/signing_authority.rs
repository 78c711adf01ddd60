//! Who may sign documents of a type: the roles that the operator's signature policy demands (clauses 4.1, 8.6).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::too_many_lines,
    reason = "a test that cannot go on has failed"
)]

use ledger_core::domain::command::{
    ApplySignature, FormDocument, PublishTrust, RecordCrl, RegisterCertificate, RegisterParticipant, SlotRequest,
};
use ledger_core::domain::event::{Format, ParticipantKind};
use ledger_core::domain::refusal::RefusalCode;
use ledger_core::evidence::trust::TrustDirectory;
use ledger_core::evidence::verify::{self, Options};
use ledger_core::id::{DocumentId, IdentifierMode, IdentityKind, ParticipantId, StreamKind};
use ledger_core::pki::certificate::Role;
use ledger_core::pki::policy::AuthorityRule;
use ledger_core::projection::Viewer;
use ledger_core::record::{Actor, Capacity};
use ledger_core::signature::SignaturePolicy;
use ledger_store::environment::{Clock as _, SystemClock};
use ledger_store::test_ca::{Algorithm, PartySpec, Purpose, TestCa};
use ledger_store::{Executed, Ledger, LedgerError, LedgerOptions};

const DAY_MS: u64 = 86_400_000;

fn made<T: std::str::FromStr>(kind: StreamKind, executed: &Executed) -> T {
    let stream = executed.subjects.iter().find(|stream| stream.kind() == kind).unwrap();
    stream.id().parse().ok().unwrap()
}

#[tokio::test]
async fn a_type_of_document_is_signed_by_the_roles_that_the_policy_names_and_the_bundle_repeats_it() {
    let directory = std::env::temp_dir().join(format!("edl-authority-{}", std::process::id()));
    let _left_over = std::fs::remove_dir_all(&directory);
    let options = LedgerOptions { identifiers: IdentifierMode::TestIdentifiers, ..LedgerOptions::default() };
    let ledger = Ledger::create(&directory, options).await.unwrap();
    let now = SystemClock.now();
    let mut ca = TestCa::new("TEST CA", now.minus_ms(2 * DAY_MS), [1; 32]);
    let signer = ca.issue(
        &PartySpec {
            common_name: "EMPLOYEE".into(),
            organization: Some("Sender".into()),
            bin: Some("123456789021".into()),
            iin: "123456789011".into(),
            algorithm: Algorithm::Gost2015,
            not_before: now.minus_ms(DAY_MS),
            not_after: now.plus_ms(365 * DAY_MS),
            purpose: Purpose::Signing,
        },
        [2; 32],
    );
    let rule = |document_type: &str, role| AuthorityRule {
        document_type: Some(document_type.to_owned()),
        roles: [role].into(),
    };
    // The test CA's certificates say that their owner acts for a legal entity, and nothing about heads.
    let policy = SignaturePolicy {
        signing_authority: vec![rule("contract", Role::Head), rule("note", Role::LegalEntity)],
        ..SignaturePolicy::default_2026()
    };
    let operator = Actor { capacity: Capacity::Operator, participant: None, user: None };
    let policy = policy.to_canonical_bytes().unwrap();
    let trust = PublishTrust::of_anchors(vec![ca.certificate_der().to_vec()], policy);
    ledger.execute(&operator, "trust", trust.into()).await.unwrap();
    let crl = RecordCrl { crl: ca.crl(&[], now.minus_ms(DAY_MS), now.plus_ms(DAY_MS)) };
    ledger.execute(&operator, "crl", crl.into()).await.unwrap();
    let register = RegisterParticipant {
        identity_kind: IdentityKind::Bin,
        number: "123456789021".into(),
        name: "Company".into(),
        kind: ParticipantKind::LegalEntity,
        terms: "idocs-2021-10-11".parse().unwrap(),
    };
    let owner: ParticipantId =
        made(StreamKind::Participant, &ledger.execute(&operator, "company", register.into()).await.unwrap());
    let sender = Actor { capacity: Capacity::Participant, participant: Some(owner), user: None };
    let possession = signer.sign_detached(&ledger.possession_statement(owner).unwrap(), now);
    let certificate = signer.certificate_der.clone();
    let register = RegisterCertificate { participant: owner, certificate, chain: vec![], possession };
    ledger.execute(&sender, "certificate", register.into()).await.unwrap();

    let mut documents = Vec::new();
    for (document_type, refused) in [(Some("contract"), true), (Some("note"), false), (None, false)] {
        let name = document_type.unwrap_or("untyped");
        let content = format!("a {name}").into_bytes();
        let form = FormDocument {
            sender: owner,
            format: Format::Text,
            document_type: document_type.map(|text| text.parse().unwrap()),
            title: name.into(),
            content: content.clone(),
            declared_sha256: None,
            signers: vec![],
        };
        let formed = ledger.execute(&sender, &format!("form-{name}"), form.into()).await.unwrap();
        let document: DocumentId = made(StreamKind::Document, &formed);
        let sign = ApplySignature { document, cms: signer.sign_detached(&content, now) };
        let outcome = ledger.execute(&sender, &format!("sign-{name}"), sign.into()).await;
        match outcome {
            Err(LedgerError::Refused(refusal)) if refused => {
                assert_eq!(refusal.codes(), [RefusalCode::SignerRole], "{name}");
            }
            outcome => assert!(outcome.is_ok() && !refused, "{name}: {outcome:?}"),
        }
        let view = ledger.document(document, Viewer::Operator).await.unwrap().unwrap();
        assert_eq!(view.document_type.as_ref().map(ToString::to_string).as_deref(), document_type);
        if !refused {
            documents.push(document);
        }
    }

    // A slot demands a role of its own, whatever the document's type.
    for (required_role, document_type, refused) in [
        (Role::Head, None, &[RefusalCode::SlotRole][..]),
        (Role::Head, Some("contract"), &[RefusalCode::SignerRole, RefusalCode::SlotRole]),
        (Role::LegalEntity, None, &[]),
    ] {
        let name = format!("{required_role:?} {document_type:?}").replace(' ', "-");
        let content = format!("for {name}").into_bytes();
        let slot = SlotRequest { participant: owner, mandatory: true, group: 1, required_role: Some(required_role) };
        let form = FormDocument {
            sender: owner,
            format: Format::Text,
            document_type: document_type.map(|text| text.parse().unwrap()),
            title: name.clone(),
            content: content.clone(),
            declared_sha256: None,
            signers: vec![slot],
        };
        let formed = ledger.execute(&sender, &format!("form-{name}"), form.into()).await.unwrap();
        let document: DocumentId = made(StreamKind::Document, &formed);
        let sign = ApplySignature { document, cms: signer.sign_detached(&content, now) };
        match ledger.execute(&sender, &format!("sign-{name}"), sign.into()).await {
            Err(LedgerError::Refused(refusal)) => assert_eq!(refusal.codes(), refused, "{name}"),
            outcome => assert!(outcome.is_ok() && refused.is_empty(), "{name}: {outcome:?}"),
        }
        let view = ledger.document(document, Viewer::Operator).await.unwrap().unwrap();
        assert_eq!(view.slots[0].required_role, Some(required_role));
        if refused.is_empty() {
            documents.push(document);
        }
    }

    let files = ledger.export_trust();
    let files = files.iter().map(|file| (file.name.as_str(), file.bytes.as_slice()));
    let trust = TrustDirectory::from_files(files).unwrap();
    for document in documents {
        let bundle = ledger.export(document, Viewer::Operator).await.unwrap();
        let report = verify::verify(&bundle, &trust, Options::default()).unwrap();
        assert_eq!(report.verdict, verify::Verdict::Passed, "{:#?}", report.findings);
    }
    ledger.close().await.unwrap();
    std::fs::remove_dir_all(directory).unwrap();
}
