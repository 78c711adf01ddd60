//! Whole lives: what succeeds, in which order, and who wins a race.

use super::*;
use crate::domain::command::CommandKind;
use crate::domain::delivery::{AnswerState, Notice, Party, Receipt, Revocation};
use crate::domain::refusal::Detail;
use crate::domain::statement;
use crate::id::StreamId;

#[test]
fn a_participant_is_registered_with_its_agreement() {
    let (command, facts) = registration();
    let types: &[&str] = &["participant.registered", "agreement.accepted"];
    let events = check::<Participant>(&[], &ParticipantCommand::Register(command, facts), &operator(), Ok(types));
    let state: Participant = past(&events);
    assert!(state.is(participant(SENDER)) && !state.is(participant(RECIPIENT)));
}

#[test]
fn names_and_numbers_stand_in_payloads_only() {
    let (command, facts) = registration();
    let (name, number) = (command.name.clone(), command.number.clone());
    let events = Participant::default().decide(&ParticipantCommand::Register(command, facts), &operator()).unwrap();
    for new in &events {
        let data = new.event.data().unwrap();
        assert!(!data.contains(&number) && !data.contains(&name), "{data}");
    }
    let client_data = format!("{{\"name\":\"{name}\",\"number\":\"{number}\"}}");
    assert_eq!(events[0].payloads[0].1, client_data.into_bytes());
}

#[test]
fn a_certificate_is_registered_by_its_participant_or_the_operator() {
    for circumstances in [by(SENDER), operator()] {
        let (command, facts) = certification();
        let types: &[&str] = &["certificate.registered"];
        let command = CertificateCommand::Register(command, facts);
        let events = check::<Certificate>(&[], &command, &circumstances, Ok(types));
        assert!(past::<Certificate>(&events).is_registered());
    }
}

/// Clauses 8.1 and 8.4. A branch is registered under a BIN of its own, beside the IIN of whoever signs for it.
#[test]
fn a_certificate_speaks_for_the_participant_whose_number_it_names_and_for_nobody_else() {
    use IdentityKind::{Bin, Iin};
    let (entity, branch, person, other) = (identity(70), identity(71), identity(77), identity(78));
    let cases = [
        ("the entity, by its head", Bin, entity, Some(entity), Some(person), true),
        ("the entity, by its information system", Bin, entity, Some(entity), None, true),
        ("the branch, by the same person", Bin, branch, Some(branch), Some(person), true),
        ("the entity, by a certificate of its branch", Bin, entity, Some(branch), Some(person), false),
        ("the branch, by a certificate of the entity", Bin, branch, Some(entity), Some(person), false),
        ("the entity, by a certificate of the person alone", Bin, entity, None, Some(person), false),
        ("the entity, by a certificate that names nobody", Bin, entity, None, None, false),
        ("the entity, by a number of the other kind", Bin, entity, None, Some(entity), false),
        ("the person", Iin, person, None, Some(person), true),
        ("the person, by a certificate of an entity", Iin, person, Some(entity), Some(person), false),
        ("the person, by a certificate of another", Iin, person, None, Some(other), false),
        ("the person, by a number of the other kind", Iin, person, Some(person), None, false),
        ("the person, by a certificate that names nobody", Iin, person, None, None, false),
    ];
    for (name, kind, registered_as, bin, iin, speaks) in cases {
        let (command, mut facts) = certification();
        let registered = facts.participant.registered.as_mut().unwrap();
        (registered.identity, registered.identity_kind) = (registered_as, kind);
        let contents = facts.check.contents.as_mut().unwrap();
        (contents.bin, contents.iin) = (bin, iin);
        let command = CertificateCommand::Register(command, facts);
        let decided = Certificate::default().decide(&command, &operator());
        let expected = if speaks { None } else { Some(vec![RefusalCode::CertificateSubjectMismatch]) };
        let refused = decided.err().map(|refusal| refusal.codes());
        assert_eq!(refused, expected, "{name}");
    }
}

#[test]
fn a_compromise_report_suspends_the_key_at_once() {
    let facts = CompromiseFacts { certificates: vec![certified(SENDER)] };
    let types: &[&str] = &["key.compromise_reported", "key.use_suspended"];
    for circumstances in [by(SENDER), operator()] {
        let command = KeyCommand::ReportCompromise(report(SENDER), facts.clone());
        let events = check::<Key>(&[], &command, &circumstances, Ok(types));
        let state: Key = past(&events);
        assert!(state.is_suspended());
        assert!(!state.is_compromised_at(time(9)) && state.is_compromised_at(time(10)));
    }
}

#[test]
fn a_document_is_formed_with_the_sender_as_signer_if_none_is_named() {
    let (command, facts) = forming();
    let command = DocumentCommand::Form(command, facts);
    let events = check::<Document>(&[], &command, &by(SENDER), Ok(&["document.formed"]));
    assert_eq!(events, [formed(&[(SENDER, true, 1)])]);
}

#[test]
fn no_digest_of_the_content_stands_in_the_record() {
    let (command, facts) = forming();
    let digest = Digest::sha256(&[&command.content]).to_string();
    let events = Document::default().decide(&DocumentCommand::Form(command, facts), &by(SENDER)).unwrap();
    assert!(!events[0].event.data().unwrap().contains(&digest));
    let info = std::str::from_utf8(&events[0].payloads[1].1).unwrap();
    assert!(info.contains(&digest), "the payload has it: {info}");
}

#[test]
fn groups_sign_one_after_the_other_and_a_participant_fills_its_own_slots() {
    let given = |signatures: &[(u64, u8)]| {
        let mut events = vec![formed(&[(SENDER, true, 1), (THIRD, false, 1), (THIRD, true, 2)])];
        events.extend(signatures.iter().map(|(slot, n)| signature(*slot, *n)));
        events
    };
    let sign = |n| DocumentCommand::Sign(ApplySignature { document: document(), cms: cms() }, signer(n));
    let types: &[&str] = &["document.signature_applied"];
    for (signed, n, slot) in
        [(&[][..], THIRD, 2), (&[], SENDER, 1), (&[(1, SENDER)], THIRD, 2), (&[(1, SENDER), (2, THIRD)], THIRD, 3)]
    {
        let events = check::<Document>(&given(signed), &sign(n), &by(n), Ok(types));
        assert_eq!(events, [signature(slot, n)]);
    }
    let order: &[RefusalCode] = &[RefusalCode::SigningOrder];
    check::<Document>(&given(&[(2, THIRD)]), &sign(THIRD), &by(THIRD), Err(order));
    let state: Document = past(&given(&[(1, SENDER), (3, THIRD)]));
    assert!(state.is_signed(), "an optional slot may stay empty");
    assert_eq!(state.allowed(participant(THIRD)), [CommandKind::ApplySignature]);
    assert_eq!(state.allowed(participant(SENDER)), [CommandKind::SendDocument]);
}

#[test]
fn an_optional_signer_does_not_hold_up_later_groups() {
    let given = [formed(&[(SENDER, true, 1), (RECIPIENT, false, 1), (THIRD, true, 2)]), signature(1, SENDER)];
    let sign = DocumentCommand::Sign(ApplySignature { document: document(), cms: cms() }, signer(THIRD));
    let events = check::<Document>(&given, &sign, &by(THIRD), Ok(&["document.signature_applied"]));
    assert_eq!(events, [signature(3, THIRD)]);
}

/// A stream, and an event that no honest decision could have put behind it.
#[test]
fn an_auditor_finds_events_that_the_rules_do_not_let_follow() {
    fn refused<A: Aggregate>(given: &[Event], event: &Event) {
        assert!(past::<A>(given).follows(event).is_err(), "{} after {given:?}", event.type_name());
    }
    let unsent = [formed(&[(SENDER, true, 1), (THIRD, true, 2)])];
    let signed = [&unsent[..], &[signature(1, SENDER), signature(2, THIRD)]].concat();
    let sent = [&signed[..], &[sample("document.sent")]].concat();
    refused::<Document>(&[], &signature(1, SENDER));
    refused::<Document>(&unsent, &signature(2, THIRD));
    refused::<Document>(&unsent, &signature(1, THIRD));
    refused::<Document>(&unsent, &signature(3, SENDER));
    refused::<Document>(&signed, &signature(1, SENDER));
    refused::<Document>(&unsent, &sample("document.sent"));
    refused::<Document>(&sent, &sample("document.sent"));
    refused::<Document>(&sent, &unsent[0]);
    let pending = vec![opened(Answer::Required)];
    let received = [pending.clone(), accounted()].concat();
    let proposed =
        [received.clone(), vec![sample("delivery.countersignature_applied"), sample("delivery.annulment_proposed")]]
            .concat();
    for name in ["delivery.withdrawn", "delivery.receipt_issued", "delivery.annulled", "delivery.annulment_proposed"] {
        refused::<Delivery>(&pending, &sample(name));
    }
    for name in ["delivery.recalled", "delivery.accounted", "delivery.opened", "delivery.annulment_accepted"] {
        refused::<Delivery>(&received, &sample(name));
    }
    refused::<Delivery>(&proposed, &sample("delivery.annulled"));
    refused::<Delivery>(&[], &sample("delivery.accounted"));
    let mut foreign = sample("delivery.recalled");
    if let Event::DeliveryRecalled(event) = &mut foreign {
        event.signature.participant = participant(THIRD);
    }
    refused::<Delivery>(&pending, &foreign);
    if let Event::DeliveryRecalled(event) = &mut foreign {
        event.signature.participant = participant(RECIPIENT);
    }
    refused::<Delivery>(&pending, &foreign);
    if let Event::DeliveryRecalled(event) = &mut foreign {
        (event.signature.participant, event.recipient) = (participant(SENDER), participant(THIRD));
    }
    refused::<Delivery>(&pending, &foreign);
    refused::<Key>(&[], &sample("key.use_suspended"));
    refused::<Participant>(&[], &sample("command.refused"));
    refused::<Certificate>(&[sample("certificate.registered")], &sample("certificate.registered"));
    refused::<LedgerActs>(&[sample("ledger.crl_recorded")], &sample("ledger.crl_recorded"));
    for event in all() {
        let home = event.streams()[0].kind();
        assert_eq!(home != StreamKind::Key, past::<Key>(&[]).follows(&event) == Err(FOREIGN), "{}", event.type_name());
    }
}

#[test]
fn sending_opens_one_delivery_for_each_recipient_and_tells_none_of_another() {
    let (command, facts) = sending(&[RECIPIENT, THIRD]);
    let given = [formed(&[(SENDER, true, 1)]), signature(1, SENDER)];
    let types: &[&str] = &["document.sent", "delivery.opened", "delivery.opened"];
    let events = check::<Document>(&given, &DocumentCommand::Send(command, facts), &by(SENDER), Ok(types));
    let names = |event: &Event, n| event.streams().contains(&StreamId::participant(participant(n)));
    assert!(!names(&events[0], RECIPIENT) && !names(&events[0], THIRD));
    assert!(names(&events[1], RECIPIENT) && !names(&events[1], THIRD));
    assert!(names(&events[2], THIRD) && !names(&events[2], RECIPIENT));
    assert_eq!(events[2].streams()[0], StreamId::delivery(delivery(THIRD)));
}

#[test]
fn receipt_is_accounting_with_a_receipt_that_then_reaches_the_sender() {
    let types: &[&str] = &["delivery.accounted", "delivery.receipt_issued"];
    for circumstances in [by(RECIPIENT), operator(), system()] {
        let given = [opened(Answer::Required)];
        let events = check::<Delivery>(&given, &receive(receiving()), &circumstances, Ok(types));
        let given = [&given[..], &events].concat();
        let state: Delivery = past(&given);
        assert_eq!(
            (state.receipt, state.notice, state.answer),
            (Receipt::Accounted, Notice::Issued, AnswerState::Awaiting)
        );
        assert_eq!(state.accounted_at, Some(time(1)));
        let events = check::<Delivery>(&given, &confirm(), &by(SENDER), Ok(&["delivery.receipt_delivered"]));
        assert_eq!(past::<Delivery>(&[&given[..], &events].concat()).notice, Notice::Delivered);
    }
}

#[test]
fn a_failed_check_at_receipt_means_deemed_not_received_with_all_reasons() {
    let mut facts = receiving();
    facts.signatures[0].check.outcome = short(Verdict::Failed, &["REVOKED", "HASH_FAILURE"]);
    facts.signatures[1].check.outcome = short(Verdict::Indeterminate, &["EXPIRED"]);
    let types: &[&str] = &["delivery.deemed_not_received"];
    let events = check::<Delivery>(&[opened(Answer::Required)], &receive(facts), &system(), Ok(types));
    let [Event::DeliveryDeemedNotReceived(event)] = events.as_slice() else { panic!("{events:?}") };
    let reasons =
        [RefusalCode::CertificateExpired, RefusalCode::CertificateRevoked, RefusalCode::SignatureDigestMismatch];
    assert_eq!(event.reasons, reasons);
    assert_eq!(event.signatures.iter().map(|one| one.slot).collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn a_check_without_an_end_neither_accounts_nor_rejects_unless_another_one_failed() {
    let given = [opened(Answer::Required)];
    let mut facts = receiving();
    facts.signatures[0].check.outcome = short(Verdict::Indeterminate, &["TRY_LATER"]);
    let refusal = past::<Delivery>(&given).decide(&receive(facts.clone()), &system()).unwrap_err();
    assert_eq!(refusal.codes(), [RefusalCode::SignatureIndeterminate]);
    assert!(refusal.is_retryable());
    facts.signatures[1].check.outcome = short(Verdict::Failed, &["SIG_CRYPTO_FAILURE"]);
    let types: &[&str] = &["delivery.deemed_not_received"];
    let events = check::<Delivery>(&given, &receive(facts), &system(), Ok(types));
    let [Event::DeliveryDeemedNotReceived(event)] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!(event.reasons, [RefusalCode::SignatureInvalid]);
    assert_eq!(event.signatures[1].verdict, Verdict::Indeterminate);
}

#[test]
fn a_signature_made_after_the_compromise_is_not_accepted_one_made_before_is() {
    for (signed_at, then) in [
        (time(9), &["delivery.accounted", "delivery.receipt_issued"][..]),
        (time(10), &["delivery.deemed_not_received"]),
    ] {
        let mut facts = receiving();
        facts.signatures[1].key = suspended(SENDER);
        facts.signatures[1].signed_at = signed_at;
        check::<Delivery>(&[opened(Answer::Required)], &receive(facts), &system(), Ok(then));
    }
}

#[test]
fn another_signature_than_the_recorded_one_does_not_pass_at_receipt() {
    let mut facts = receiving();
    facts.signatures[0].check.certificate = Some(certificate(SENDER));
    check::<Delivery>(&[opened(Answer::Required)], &receive(facts), &system(), Ok(&["delivery.deemed_not_received"]));
}

/// One step: who does what, and what comes of it. `None`: refused with `document-state`.
type Step = (u8, fn(u8) -> DeliveryCommand, Option<&'static [&'static str]>);

#[track_caller]
fn live(answer: Answer, received: bool, steps: &[Step]) -> Delivery {
    let mut given = vec![opened(answer)];
    if received {
        given.extend(accounted());
    }
    for (n, command, then) in steps {
        let then = then.ok_or(&[RefusalCode::DocumentState][..]);
        given.extend(check::<Delivery>(&given, &command(*n), &by(*n), then));
    }
    past(&given)
}

const RECALLED: Option<&[&str]> = Some(&["delivery.recalled"]);
const WITHDRAWN: Option<&[&str]> = Some(&["delivery.withdrawn"]);
const COUNTERSIGNED: Option<&[&str]> = Some(&["delivery.countersignature_applied"]);
const ANSWER_REFUSED: Option<&[&str]> = Some(&["delivery.answer_refused"]);
const PROPOSED: Option<&[&str]> = Some(&["delivery.annulment_proposed"]);
const ANNULLED: Option<&[&str]> = Some(&["delivery.annulment_accepted", "delivery.annulled"]);
const REFUSED: Option<&[&str]> = Some(&["delivery.annulment_refused"]);
const TAKEN_BACK: Option<&[&str]> = Some(&["delivery.annulment_proposal_withdrawn"]);

#[test]
fn a_recall_before_the_accounting_wins_and_ends_everything() {
    let again = |_| receive(receiving());
    let state = live(
        Answer::Required,
        false,
        &[
            (SENDER, recall, RECALLED),
            (RECIPIENT, again, None),
            (SENDER, recall, None),
            (RECIPIENT, countersign, None),
            (SENDER, withdraw, None),
            (SENDER, propose, None),
        ],
    );
    assert_eq!((state.revocation, state.receipt), (Revocation::Recalled, Receipt::Pending));
    assert_eq!((state.allowed(Party::Sender), state.allowed(Party::Recipient)), (vec![], vec![]));
}

#[test]
fn an_accounting_before_the_recall_wins_and_the_loser_learns_of_it() {
    live(Answer::Required, true, &[(SENDER, recall, None)]);
    let mut given = vec![opened(Answer::Required)];
    given.extend(accounted());
    let refusal = past::<Delivery>(&given).decide(&recall(SENDER), &by(SENDER)).unwrap_err();
    let allowed = vec![CommandKind::ConfirmReceiptDelivered, CommandKind::Withdraw];
    let detail = Detail::State { state: "awaiting-answer", event: Some(event_id(102)), allowed };
    assert_eq!(refusal.findings()[0].detail, Some(detail));
}

#[test]
fn withdrawal_and_answer_exclude_each_other() {
    let after_withdrawal = live(
        Answer::Required,
        true,
        &[
            (SENDER, withdraw, WITHDRAWN),
            (RECIPIENT, countersign, None),
            (RECIPIENT, refuse_answer, None),
            (SENDER, propose, None),
        ],
    );
    assert_eq!(after_withdrawal.state(), "withdrawn");
    let after_answer = live(
        Answer::Required,
        true,
        &[
            (RECIPIENT, countersign, COUNTERSIGNED),
            (SENDER, withdraw, None),
            (RECIPIENT, refuse_answer, None),
            (RECIPIENT, countersign, None),
        ],
    );
    assert_eq!(after_answer.state(), "countersigned");
    let after_refusal = live(
        Answer::Required,
        true,
        &[
            (RECIPIENT, refuse_answer, ANSWER_REFUSED),
            (RECIPIENT, countersign, None),
            (SENDER, withdraw, None),
            (SENDER, propose, None),
            (RECIPIENT, propose, None),
        ],
    );
    assert_eq!((after_refusal.state(), after_refusal.receipt), ("answer-refused", Receipt::Accounted));
    live(Answer::NotRequired, true, &[(SENDER, withdraw, None), (RECIPIENT, countersign, None)]);
}

#[test]
fn annulment_takes_the_consent_of_the_other_side() {
    for (first, second) in [(SENDER, RECIPIENT), (RECIPIENT, SENDER)] {
        let state = live(
            Answer::Required,
            true,
            &[
                (first, propose, None),
                (RECIPIENT, countersign, COUNTERSIGNED),
                (second, accept, None),
                (first, propose, PROPOSED),
                (second, propose, None),
                (first, accept, None),
                (first, refuse_annulment, None),
                (second, withdraw_proposal, None),
                (second, accept, ANNULLED),
                (first, propose, None),
                (second, refuse_annulment, None),
            ],
        );
        assert_eq!(state.state(), "annulled");
    }
}

#[test]
fn a_refused_or_withdrawn_proposal_leaves_the_document_in_force_and_may_come_again() {
    let state = live(
        Answer::NotRequired,
        true,
        &[
            (SENDER, propose, PROPOSED),
            (RECIPIENT, refuse_annulment, REFUSED),
            (RECIPIENT, accept, None),
            (RECIPIENT, propose, PROPOSED),
            (RECIPIENT, withdraw_proposal, TAKEN_BACK),
            (SENDER, propose, PROPOSED),
        ],
    );
    assert_eq!((state.proposals, state.proposer), (3, Some(Party::Sender)));
    assert_eq!(state.revocation, Revocation::AnnulmentProposed);
}

#[test]
fn a_delivery_deemed_not_received_is_over() {
    let given = [opened(Answer::Required), sample("delivery.deemed_not_received")];
    for (n, command) in [
        (SENDER, recall(SENDER)),
        (SENDER, withdraw(SENDER)),
        (RECIPIENT, countersign(RECIPIENT)),
        (SENDER, propose(SENDER)),
    ] {
        check::<Delivery>(&given, &command, &by(n), Err(&[RefusalCode::DocumentState]));
    }
    check::<Delivery>(&given, &receive(receiving()), &system(), Err(&[RefusalCode::DocumentState]));
}

#[test]
fn reservations_are_kept_as_a_payload() {
    let mut given = vec![opened(Answer::Required)];
    given.extend(accounted());
    let command =
        Countersign {
            delivery: delivery(9), cms: cms(), reservations: Some("с протоколом\nразногласий".into())
        };
    let command = DeliveryCommand::Countersign(command, signer(RECIPIENT));
    let events = past::<Delivery>(&given).decide(&command, &by(RECIPIENT)).unwrap();
    assert!(events[0].payloads.iter().any(|(slot, _)| slot.as_str() == "reservations"));
    given.extend(check::<Delivery>(&given, &command, &by(RECIPIENT), Ok(COUNTERSIGNED.unwrap())));
    assert_eq!(past::<Delivery>(&given).answer, AnswerState::CountersignedWithReservations);
}

#[test]
fn every_statement_is_its_own_bytes_and_canonical() {
    let delivery: Delivery = past(&[opened(Answer::NotRequired)]);
    let mut later = delivery.clone();
    later.proposals = 1;
    let of = |act, delivery: &Delivery, reason| statement::of_act(&origin(), act, delivery, reason);
    let mut statements = vec![statement::possession(&origin(), participant(SENDER)).unwrap()];
    for act in CommandKind::ALL {
        if let Some(bytes) = of(*act, &delivery, "a") {
            statements.push(bytes.unwrap());
        }
    }
    assert_eq!(statements.len(), 8);
    statements.push(of(CommandKind::Withdraw, &delivery, "b").unwrap().unwrap());
    statements.push(of(CommandKind::ProposeAnnulment, &later, "a").unwrap().unwrap());
    statements.push(of(CommandKind::AcceptAnnulment, &later, "a").unwrap().unwrap());
    for (place, statement) in statements.iter().enumerate() {
        crate::canonical::check(statement).unwrap();
        assert!(!statements[..place].contains(statement), "{}", String::from_utf8_lossy(statement));
    }
    let recall = of(CommandKind::Recall, &delivery, "ignored").unwrap().unwrap();
    let expected = format!(
        "{{\"act\":\"recall\",\"delivery\":\"{}\",\"document\":\"{}\",\"ledger\":\"{}\",\"t\":\"edl/v1/statement\"}}",
        "09".repeat(16),
        "d0".repeat(16),
        origin().as_str()
    );
    assert_eq!(String::from_utf8(recall).unwrap(), expected);
    assert!(of(CommandKind::Recall, &Delivery::default(), "").is_none());
}

#[test]
fn the_operators_acts_are_folded_with_their_events() {
    let trust = Digest::sha256(&[b"new"]);
    let publish = PublishTrust::of_anchors(vec![b"ca".to_vec()], b"{}".to_vec());
    let facts = TrustFacts {
        origin: origin(),
        snapshot: Some(b"{}".to_vec()),
        trust,
        policy: Some(Digest::sha256(&[b"p"])),
        policy_is_for_tests: false,
        mode: IdentifierMode::Strict,
    };
    let command = LedgerCommand::PublishTrust(publish, facts);
    let mut given = check::<LedgerActs>(&[], &command, &operator(), Ok(&["ledger.trust_published"]));
    let contents = CrlContents { issuer: trust, this_update: time(0), next_update: None, is_trusted: true };
    let record = RecordCrl { crl: b"crl".to_vec() };
    let command = LedgerCommand::RecordCrl(record, CrlFacts { origin: origin(), contents: Some(contents) });
    given.extend(check::<LedgerActs>(&given, &command, &operator(), Ok(&["ledger.crl_recorded"])));
    let state: LedgerActs = past(&given);
    assert_eq!(state.trust.unwrap().trust, trust);
    assert_eq!(state.crls[0].event, event_id(101));
    assert_eq!(state.crls[0].crl.crl, Digest::sha256(&[b"crl"]));
}

#[test]
fn a_refusal_is_recorded_in_the_askers_stream_alone_with_all_codes() {
    let (mut command, facts) = sending(&[RECIPIENT]);
    command.recipients.push(RecipientRequest { participant: participant(SENDER), answer: Answer::Required });
    let refusal = past::<Document>(&[formed(&[(SENDER, true, 1)])])
        .decide(&DocumentCommand::Send(command, facts), &by(SENDER))
        .unwrap_err();
    let new = Participant::refused(participant(SENDER), CommandKind::SendDocument, &refusal);
    assert_well_formed::<Participant>(std::slice::from_ref(&new));
    assert_eq!(new.event.streams(), [StreamId::participant(participant(SENDER))]);
    let Event::CommandRefused(event) = &new.event else { panic!("{new:?}") };
    let codes = [RefusalCode::DocumentUnsigned, RefusalCode::RecipientSelf, RefusalCode::RecipientUnknown];
    assert_eq!((event.codes.as_slice(), event.attempts), (&codes[..], 1));
    let details = std::str::from_utf8(&new.payloads[0].1).unwrap();
    assert!(details.contains("\"field\":\"recipients/1\""), "{details}");
    assert!(refusal.to_string().contains("recipient-self"), "{refusal}");
    assert_eq!(past::<Participant>(std::slice::from_ref(&new.event)).refused_commands, 1);
}
