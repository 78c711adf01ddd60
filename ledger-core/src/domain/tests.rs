//! Tests of the rules: given the past, when a command arrives, then these events or this refusal.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::certificate::{Certificate, CertificateCommand, CertificateFacts};
use super::check::{
    Authority, CertificateCheck, CertificateContents, CheckBasis, CheckOutcome, Shortfall, SignatureCheck, SignerFacts,
};
use super::command::{
    AcceptAnnulment, AnnulKey, ApplySignature, Command, ConfirmReceiptDelivered, Countersign, FormDocument,
    ProposeAnnulment, PublishTrust, Recall, Receive, RecipientRequest, RecordCrl, RecordFinding, RefuseAnnulment,
    RefuseAnswer, RegisterCertificate, RegisterParticipant, ReportCompromise, ResumeKey, SendDocument, SlotRequest,
    Withdraw, WithdrawAnnulmentProposal,
};
use super::delivery::{Delivery, DeliveryCommand, ReceiptFacts, ReceiptFindingFacts, ReceivedSignature};
use super::document::{Document, DocumentCommand, FindingFacts, FormFacts, RecipientFacts, SendFacts};
use super::event::samples::{
    RECIPIENT, SENDER, all, certificate, delivery, document, event_id, identity, key, origin, participant, signed_by,
    time,
};
use super::event::{
    AgreementAccepted, AnnulmentSigned, Answer, CertificateRegistered, Channel, DocumentFormed, Event, Format,
    ParticipantKind, ParticipantRegistered, SignatureApplied, SignatureSlot, Signed, Verdict,
};
use super::key::{CompromiseFacts, Key, KeyCommand};
use super::ledger_acts::{CrlContents, CrlFacts, LedgerActs, LedgerCommand, TrustFacts};
use super::participant::{Participant, ParticipantCommand, RegistrationFacts};
use super::refusal::{Refusal, RefusalCode};
use super::*;
use crate::digest::Digest;
use crate::id::{IdentifierMode, IdentityKind, UserId};
use crate::record::Capacity;

mod compromise;
mod findings;
mod lives;
mod refusals;

/// A third participant: a second signer, or a stranger.
const THIRD: u8 = 3;

fn who(capacity: Capacity, participant: Option<u8>) -> Circumstances {
    Circumstances {
        actor: Actor {
            capacity,
            participant: participant.map(super::event::samples::participant),
            user: Some(UserId::from_random([0xaa; 16])),
        },
        now: time(1000),
    }
}

fn by(n: u8) -> Circumstances {
    who(Capacity::Participant, Some(n))
}

fn operator() -> Circumstances {
    who(Capacity::Operator, None)
}

fn system() -> Circumstances {
    who(Capacity::System, None)
}

/// Folds a past, event n being recorded at second n.
fn past<A: Aggregate>(events: &[Event]) -> A {
    let mut state = A::default();
    for (event, n) in events.iter().zip(0_u8..) {
        state.apply(event, Recorded { id: event_id(100 + n), at: time(n.into()) });
    }
    state
}

fn registered(n: u8) -> Participant {
    past(&[
        Event::ParticipantRegistered(ParticipantRegistered {
            participant: participant(n),
            identity: identity(n),
            identity_kind: IdentityKind::Bin,
            kind: ParticipantKind::LegalEntity,
        }),
        Event::AgreementAccepted(AgreementAccepted {
            participant: participant(n),
            terms: "idocs-2021-10-11".parse().unwrap(),
            method: super::event::AcceptanceMethod::OperatorRegistration,
        }),
    ])
}

fn certified(n: u8) -> Certificate {
    past(&[Event::CertificateRegistered(CertificateRegistered {
        certificate: certificate(n),
        key: key(n),
        participant: participant(n),
        not_before: time(0),
        not_after: time(1_000_000),
        trust: Digest::sha256(&[b"trust"]),
        policy: Digest::sha256(&[b"policy"]),
    })])
}

fn suspended(n: u8) -> Key {
    let facts = CompromiseFacts { certificates: vec![certified(n)] };
    let events = Key::default().decide(&KeyCommand::ReportCompromise(report(n), facts), &operator()).unwrap();
    past(&events.into_iter().map(|new| new.event).collect::<Vec<_>>())
}

fn report(n: u8) -> ReportCompromise {
    ReportCompromise {
        key: key(n),
        certificate: None,
        channel: Channel::Phone,
        learned_at: time(20),
        claimed_since: time(10),
        received_at: time(30),
    }
}

fn basis() -> CheckBasis {
    CheckBasis {
        trust: Digest::sha256(&[b"trust"]),
        policy: Digest::sha256(&[b"policy"]),
        evidence: vec![event_id(2), event_id(1), event_id(2)],
    }
}

fn passed() -> CheckOutcome {
    CheckOutcome { verdict: Verdict::Passed, shortfalls: vec![], report: b"{}".to_vec() }
}

fn short(verdict: Verdict, codes: &[&str]) -> CheckOutcome {
    let may_settle = |code: &str| ["TRY_LATER", "no-revocation-evidence", "revocation-not-current"].contains(&code);
    let shortfall = |code: &&str| Shortfall { verdict, code: (*code).to_owned(), may_settle: may_settle(code) };
    let shortfalls = codes.iter().map(shortfall).collect();
    CheckOutcome { verdict, shortfalls, report: b"{}".to_vec() }
}

fn checked(n: u8, outcome: CheckOutcome) -> SignatureCheck {
    SignatureCheck {
        outcome,
        certificate: Some(certificate(n)),
        key: Some(key(n)),
        required_role: None,
        purpose_is_signing: true,
        private_key_material: false,
        proven_at: None,
        evidence: None,
    }
}

/// A signer without fault.
fn signer(n: u8) -> SignerFacts {
    SignerFacts {
        check: checked(n, passed()),
        certificate: certified(n),
        key: Key::default(),
        participant: registered(n),
        basis: basis(),
        authority: Authority::NotApplicable,
    }
}

fn registration() -> (RegisterParticipant, RegistrationFacts) {
    let command = RegisterParticipant {
        identity_kind: IdentityKind::Bin,
        number: "171140001255".to_owned(),
        name: "ТОО «Пример»".to_owned(),
        kind: ParticipantKind::LegalEntity,
        terms: "idocs-2021-10-11".parse().unwrap(),
    };
    let facts = RegistrationFacts {
        participant: participant(SENDER),
        identity: identity(SENDER),
        identity_is_registered: false,
        mode: IdentifierMode::Strict,
        terms_in_force: vec!["idocs-2021-10-11".parse().unwrap()],
    };
    (command, facts)
}

fn certification() -> (RegisterCertificate, CertificateFacts) {
    let command = RegisterCertificate {
        participant: participant(SENDER),
        certificate: b"der".to_vec(),
        chain: vec![b"ca".to_vec()],
        possession: b"cms".to_vec(),
    };
    let contents = CertificateContents {
        certificate: certificate(SENDER),
        key: key(SENDER),
        not_before: time(0),
        not_after: time(1_000_000),
        purpose_is_signing: true,
        bin: Some(identity(SENDER)),
        iin: Some(identity(77)),
    };
    let facts = CertificateFacts {
        check: CertificateCheck {
            outcome: passed(),
            contents: Some(contents),
            private_key_material: false,
            evidence: None,
        },
        possession: checked(SENDER, passed()),
        participant: registered(SENDER),
        key_is_suspended: false,
        basis: basis(),
    };
    (command, facts)
}

fn forming() -> (FormDocument, FormFacts) {
    let command = FormDocument {
        document_type: None,
        sender: participant(SENDER),
        format: Format::Text,
        title: "Договор".to_owned(),
        content: b"text".to_vec(),
        declared_sha256: Some(Digest::sha256(&[b"text"])),
        signers: vec![],
    };
    let facts = FormFacts {
        document: document(),
        sender: registered(SENDER),
        signers: [(participant(THIRD), registered(THIRD))].into(),
        private_key_material: false,
    };
    (command, facts)
}

fn formed(slots: &[(u8, bool, u64)]) -> Event {
    let slot = |(number, (n, mandatory, group)): (u64, &(u8, bool, u64))| SignatureSlot {
        slot: number,
        participant: participant(*n),
        mandatory: *mandatory,
        group: *group,
        required_role: None,
    };
    Event::DocumentFormed(DocumentFormed {
        document_type: None,
        document: document(),
        sender: participant(SENDER),
        format: Format::Text,
        formats: "2026-11".parse().unwrap(),
        slots: (1..).zip(slots).map(slot).collect(),
    })
}

fn signature(slot: u64, n: u8) -> Event {
    Event::SignatureApplied(SignatureApplied { document: document(), slot, signature: signed_by(n) })
}

/// A signature that waits for revocation data.
fn pending(slot: u64, n: u8) -> Event {
    let signature = Signed { verdict: Verdict::Indeterminate, ..signed_by(n) };
    Event::SignatureApplied(SignatureApplied { document: document(), slot, signature })
}

fn finding(event: u8) -> RecordFinding {
    RecordFinding { document: document(), signature: event_id(event), delivery: None }
}

fn found(n: u8, outcome: CheckOutcome) -> FindingFacts {
    FindingFacts { check: checked(n, outcome), basis: basis() }
}

fn annul() -> KeyCommand {
    KeyCommand::Annul(AnnulKey { key: key(SENDER) })
}

fn resume() -> KeyCommand {
    KeyCommand::Resume(ResumeKey { key: key(SENDER) })
}

fn sending(recipients: &[u8]) -> (SendDocument, SendFacts) {
    let request = |n: &u8| RecipientRequest { participant: participant(*n), answer: Answer::Required };
    let fact = |n: &u8| (participant(*n), RecipientFacts { participant: registered(*n), delivery: delivery(*n) });
    let command = SendDocument { document: document(), recipients: recipients.iter().map(request).collect() };
    let facts = SendFacts { sender: registered(SENDER), recipients: recipients.iter().map(fact).collect() };
    (command, facts)
}

/// The first events of a kind, from the samples.
fn sample(name: &str) -> Event {
    all().into_iter().find(|event| event.type_name() == name).unwrap()
}

fn opened(answer: Answer) -> Event {
    let mut event = sample("delivery.opened");
    if let Event::DeliveryOpened(opened) = &mut event {
        opened.answer = answer;
    }
    event
}

fn accounted() -> Vec<Event> {
    vec![sample("delivery.accounted"), sample("delivery.receipt_issued")]
}

fn receiving() -> ReceiptFacts {
    let one = |slot, n| ReceivedSignature {
        slot,
        certificate: certificate(n),
        signed_at: time(5),
        key: Key::default(),
        check: checked(n, passed()),
    };
    ReceiptFacts { signatures: vec![one(2, THIRD), one(1, SENDER)], basis: basis() }
}

fn receive(facts: ReceiptFacts) -> DeliveryCommand {
    DeliveryCommand::Receive(Receive { delivery: delivery(9) }, facts)
}

fn cms() -> Vec<u8> {
    b"cms".to_vec()
}

fn reason() -> String {
    "не согласны".to_owned()
}

fn recall(n: u8) -> DeliveryCommand {
    DeliveryCommand::Recall(Recall { delivery: delivery(9), cms: cms() }, signer(n))
}

fn withdraw(n: u8) -> DeliveryCommand {
    DeliveryCommand::Withdraw(Withdraw { delivery: delivery(9), reason: reason(), cms: cms() }, signer(n))
}

fn countersign(n: u8) -> DeliveryCommand {
    let command = Countersign { delivery: delivery(9), cms: cms(), reservations: None };
    DeliveryCommand::Countersign(command, signer(n))
}

fn refuse_answer(n: u8) -> DeliveryCommand {
    DeliveryCommand::RefuseAnswer(RefuseAnswer { delivery: delivery(9), reason: reason(), cms: cms() }, signer(n))
}

fn propose(n: u8) -> DeliveryCommand {
    let command = ProposeAnnulment { delivery: delivery(9), reason: reason(), cms: cms() };
    DeliveryCommand::ProposeAnnulment(command, signer(n))
}

fn accept(n: u8) -> DeliveryCommand {
    DeliveryCommand::AcceptAnnulment(AcceptAnnulment { delivery: delivery(9), cms: cms() }, signer(n))
}

fn refuse_annulment(n: u8) -> DeliveryCommand {
    let command = RefuseAnnulment { delivery: delivery(9), reason: reason(), cms: cms() };
    DeliveryCommand::RefuseAnnulment(command, signer(n))
}

fn withdraw_proposal(n: u8) -> DeliveryCommand {
    let command = WithdrawAnnulmentProposal { delivery: delivery(9), cms: cms() };
    DeliveryCommand::WithdrawAnnulmentProposal(command, signer(n))
}

fn confirm() -> DeliveryCommand {
    DeliveryCommand::ConfirmReceiptDelivered(ConfirmReceiptDelivered { delivery: delivery(9) })
}

/// What is appended is well-formed: canonical data, all rules, exactly the payloads, home stream of the aggregate.
fn assert_well_formed<A: Aggregate>(events: &[NewEvent]) {
    assert_eq!(events[0].event.streams()[0].kind(), A::KIND);
    for new in events {
        assert!(new.event.data().unwrap().starts_with('{'));
        assert_eq!(new.event.check_rules(), Ok(()));
        let slots = new.payloads.iter().map(|(slot, _)| slot.as_str());
        assert_eq!(new.event.check_slots(slots), Ok(()), "{}", new.event.type_name());
    }
}

/// An auditor who knows the streams alone finds nothing wrong with what was decided.
#[track_caller]
fn assert_follow<A: Aggregate>(given: &[Event], events: &[NewEvent]) {
    let mut state: A = past(given);
    for new in events {
        let home = new.event.streams()[0].kind();
        if home == A::KIND {
            assert_eq!(state.follows(&new.event), Ok(()), "{}", new.event.type_name());
            state.apply(&new.event, Recorded { id: event_id(1), at: time(0) });
        } else {
            assert_eq!(home, StreamKind::Delivery);
            assert_eq!(Delivery::default().follows(&new.event), Ok(()));
        }
    }
}

/// Given the past, when a command arrives, then events of these types or a refusal with exactly these codes.
#[track_caller]
fn check<A: Aggregate>(
    given: &[Event],
    when: &A::Command,
    circumstances: &Circumstances,
    then: Result<&[&str], &[RefusalCode]>,
) -> Vec<Event> {
    match past::<A>(given).decide(when, circumstances) {
        Ok(events) => {
            assert_well_formed::<A>(&events);
            let types: Vec<_> = events.iter().map(|new| new.event.type_name()).collect();
            assert_eq!(Ok(types.as_slice()), then);
            assert_follow::<A>(given, &events);
            events.into_iter().map(|new| new.event).collect()
        }
        Err(refusal) => {
            assert_eq!(Err(refusal.codes().as_slice()), then);
            vec![]
        }
    }
}

/// Any event at any time: hostile or damaged logs are replayed too.
fn any_event() -> impl Strategy<Value = Event> {
    let events = all();
    (0..events.len(), 0_u64..3).prop_map(move |(place, proposal)| {
        let mut event = events[place].clone();
        if let Event::AnnulmentProposed(AnnulmentSigned { proposal: number, .. }) = &mut event {
            *number = proposal;
        }
        event
    })
}

fn survives<A: Aggregate + PartialEq>(events: &[Event]) {
    let state: A = past(events);
    let text = serde_json::to_string(&state).unwrap();
    assert_eq!(serde_json::from_str::<A>(&text).unwrap(), state);
}

proptest! {
    #[test]
    fn events_in_any_order_are_folded_and_the_state_survives_a_snapshot(
        events in proptest::collection::vec(any_event(), 0..40),
    ) {
        survives::<Participant>(&events);
        survives::<Certificate>(&events);
        survives::<Key>(&events);
        survives::<Document>(&events);
        survives::<Delivery>(&events);
        survives::<LedgerActs>(&events);
    }

    /// Events of other kinds change nothing, so a fold over all records equals a fold over the stream's own.
    #[test]
    fn an_aggregate_folds_only_what_is_homed_in_its_streams(
        events in proptest::collection::vec(any_event(), 0..40),
    ) {
        fn folds_own_only<A: Aggregate + PartialEq>(events: &[Event]) {
            let (mut every, mut own) = (A::default(), A::default());
            for (event, n) in events.iter().zip(0_u8..) {
                let recorded = Recorded { id: event_id(n), at: time(n.into()) };
                every.apply(event, recorded);
                if event.streams()[0].kind() == A::KIND {
                    own.apply(event, recorded);
                }
            }
            assert_eq!(every, own);
        }
        folds_own_only::<Participant>(&events);
        folds_own_only::<Certificate>(&events);
        folds_own_only::<Key>(&events);
        folds_own_only::<Document>(&events);
        folds_own_only::<Delivery>(&events);
        folds_own_only::<LedgerActs>(&events);
    }

    /// Whatever an auditor lets pass, every end is an end: after it, nothing but notices follows.
    #[test]
    fn after_an_end_no_act_follows(events in proptest::collection::vec(any_event(), 0..200)) {
        let mut state = Delivery::default();
        let mut over = false;
        for event in &events {
            if state.follows(event).is_ok() {
                // A finding is an overlay: it may come at any time and moves no part.
                let is_notice = matches!(
                    event,
                    Event::ReceiptIssued(_) | Event::ReceiptDelivered(_) | Event::DeliveryFinding(_)
                );
                prop_assert!(!over || is_notice, "{} after {}", event.type_name(), state.state());
                state.apply(event, Recorded { id: event_id(1), at: time(0) });
                over |= matches!(
                    state.state(),
                    "annulled" | "withdrawn" | "recalled" | "deemed-not-received" | "answer-refused"
                );
            }
        }
    }
}
