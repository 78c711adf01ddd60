//! Signatures that wait for revocation data, and what later checks find (clause 8.2; product.md C.7, tests 1 and 3).

use RefusalCode as R;

use super::*;
use crate::domain::command::CommandKind;

fn sign(facts: SignerFacts) -> DocumentCommand {
    DocumentCommand::Sign(ApplySignature { document: document(), cms: cms() }, facts)
}

fn send() -> DocumentCommand {
    let (command, facts) = sending(&[RECIPIENT]);
    DocumentCommand::Send(command, facts)
}

fn record(event: u8, outcome: CheckOutcome) -> DocumentCommand {
    DocumentCommand::RecordFinding(finding(event), found(SENDER, outcome))
}

fn waits() -> CheckOutcome {
    short(Verdict::Indeterminate, &["no-revocation-evidence", "not-reached"])
}

fn revoked() -> CheckOutcome {
    short(Verdict::Failed, &["certificate-revoked"])
}

/// OCSP does not answer: the signature is recorded as indeterminate and counts for nothing, until a finding settles it.
#[test]
fn a_signature_that_waits_does_not_count_until_a_finding_confirms_it() {
    let mut given = vec![formed(&[(SENDER, true, 1)])];
    let mut facts = signer(SENDER);
    facts.check.outcome = waits();
    facts.check.evidence = Some(b"{}".to_vec());
    given.extend(check::<Document>(&given, &sign(facts), &by(SENDER), Ok(&["document.signature_applied"])));
    let Some(Event::SignatureApplied(applied)) = given.last() else { panic!("a signature") };
    assert_eq!(applied.signature.verdict, Verdict::Indeterminate);
    let waiting: Document = past(&given);
    assert_eq!((waiting.state(), waiting.is_signed()), ("formed", false));
    assert_eq!(waiting.allowed(participant(SENDER)), [CommandKind::RecordFinding]);
    check::<Document>(&given, &send(), &by(SENDER), Err(&[R::SignaturePending]));

    // The responder is still away; then it answers.
    check::<Document>(&given, &record(101, waits()), &system(), Err(&[R::FindingUnchanged]));
    given.extend(check::<Document>(&given, &record(101, passed()), &system(), Ok(&["document.finding_recorded"])));
    let signed: Document = past(&given);
    assert!(signed.is_signed());
    assert_eq!(signed.signatures[0].signature.verdict, Verdict::Indeterminate, "history is not rewritten");
    check::<Document>(&given, &send(), &by(SENDER), Ok(&["document.sent", "delivery.opened"]));
}

#[test]
fn a_signature_that_fails_before_the_sending_is_set_aside_and_its_slot_is_open_again() {
    let mut given = vec![formed(&[(SENDER, true, 1)]), pending(1, SENDER)];
    given.extend(check::<Document>(&given, &record(101, revoked()), &by(SENDER), Ok(&["document.finding_recorded"])));
    let state: Document = past(&given);
    assert!(state.signatures[0].set_aside && !state.is_signed());
    check::<Document>(&given, &send(), &by(SENDER), Err(&[R::DocumentUnsigned]));
    check::<Document>(&given, &record(101, passed()), &system(), Err(&[R::SignatureUnknown]));
    given.extend(check::<Document>(&given, &sign(signer(SENDER)), &by(SENDER), Ok(&["document.signature_applied"])));
    check::<Document>(&given, &send(), &by(SENDER), Ok(&["document.sent", "delivery.opened"]));
    let standing: Vec<_> = past::<Document>(&given).standing().map(|one| one.event).collect();
    assert_eq!(standing, [event_id(103)]);
}

/// The issuer says later that the certificate was revoked before the signing (product.md C.3.6, last line).
#[test]
fn a_finding_after_the_sending_contradicts_and_takes_nothing_back() {
    let mut given = vec![formed(&[(SENDER, true, 1)]), signature(1, SENDER), sample("document.sent")];
    given.extend(check::<Document>(&given, &record(101, revoked()), &operator(), Ok(&["document.finding_recorded"])));
    let state: Document = past(&given);
    let applied = &state.signatures[0];
    assert_eq!((applied.verdict, applied.signature.verdict), (Verdict::Failed, Verdict::Passed));
    assert!(!applied.set_aside && state.standing().count() == 1);
    assert_eq!(state.state(), "sent");
    check::<Document>(&given, &record(101, revoked()), &operator(), Err(&[R::FindingUnchanged]));
}

/// A revocation between signing and receipt, learned after the accounting: a finding about that receipt (clause 5.2.3.2).
#[test]
fn a_finding_about_a_receipt_contradicts_and_takes_nothing_back() {
    let record = |slot, outcome| {
        let command = RecordFinding { delivery: Some(delivery(9)), ..finding(101) };
        let facts = ReceiptFindingFacts { signature: signed_by(SENDER), slot, finding: found(SENDER, outcome) };
        DeliveryCommand::RecordReceiptFinding(command, facts)
    };
    let pending = [opened(Answer::Required)];
    check::<Delivery>(&pending, &record(1, revoked()), &by(RECIPIENT), Err(&[R::SignatureUnknown]));
    let mut given = [pending.to_vec(), accounted()].concat();
    let before: Delivery = past(&given);
    check::<Delivery>(&given, &record(2, revoked()), &by(RECIPIENT), Err(&[R::SignatureUnknown]));
    check::<Delivery>(&given, &record(1, passed()), &by(THIRD), Err(&[R::FindingUnchanged, R::NotTheOwner]));
    let events = check::<Delivery>(&given, &record(1, revoked()), &by(RECIPIENT), Ok(&["delivery.finding_recorded"]));
    let [Event::DeliveryFinding(event)] = events.as_slice() else { panic!("a finding") };
    assert_eq!((event.slot, event.reasons.as_slice()), (Some(1), &[R::CertificateRevoked][..]));
    given.extend(events);
    let after: Delivery = past(&given);
    assert_eq!((after.receipt, after.answer, after.accounted_at), (before.receipt, before.answer, before.accounted_at));
    let verdicts: Vec<_> = after.received.iter().map(|one| (one.slot, one.verdict)).collect();
    assert_eq!(verdicts, [(1, Verdict::Failed), (3, Verdict::Passed)]);
    check::<Delivery>(&given, &record(1, revoked()), &operator(), Err(&[R::FindingUnchanged]));
    check::<Delivery>(&given, &record(1, waits()), &system(), Ok(&["delivery.finding_recorded"]));
    check::<Delivery>(&given, &countersign(RECIPIENT), &by(RECIPIENT), Ok(&["delivery.countersignature_applied"]));
}

#[test]
fn a_countersignature_that_waits_is_no_answer_and_no_other_act_comes_before_it() {
    let mut given = [vec![opened(Answer::Required)], accounted()].concat();
    let mut facts = signer(RECIPIENT);
    facts.check.outcome = waits();
    let command = Countersign { delivery: delivery(9), cms: cms(), reservations: Some("но".to_owned()) };
    let command = DeliveryCommand::Countersign(command, facts);
    given.extend(check::<Delivery>(&given, &command, &by(RECIPIENT), Ok(&["delivery.countersignature_applied"])));
    let state: Delivery = past(&given);
    assert_eq!(state.state(), "countersignature-pending");
    check::<Delivery>(&given, &withdraw(SENDER), &by(SENDER), Err(&[R::DocumentState]));
    check::<Delivery>(&given, &countersign(RECIPIENT), &by(RECIPIENT), Err(&[R::DocumentState]));
    check::<Delivery>(&given, &propose(SENDER), &by(SENDER), Err(&[R::DocumentState]));

    let record = |outcome| DeliveryCommand::RecordFinding(finding(103), found(RECIPIENT, outcome));
    let confirmed = check::<Delivery>(&given, &record(passed()), &system(), Ok(&["delivery.finding_recorded"]));
    let state: Delivery = past(&[given.clone(), confirmed].concat());
    assert_eq!(state.state(), "countersigned-with-reservations");
    let failed = check::<Delivery>(&given, &record(revoked()), &by(SENDER), Ok(&["delivery.finding_recorded"]));
    let given = [given, failed].concat();
    assert_eq!(past::<Delivery>(&given).state(), "awaiting-answer");
    check::<Delivery>(&given, &countersign(RECIPIENT), &by(RECIPIENT), Ok(&["delivery.countersignature_applied"]));
}

#[test]
fn an_act_that_takes_effect_at_once_cannot_wait() {
    let mut facts = signer(SENDER);
    facts.check.outcome = waits();
    let command = DeliveryCommand::Recall(Recall { delivery: delivery(9), cms: cms() }, facts);
    check::<Delivery>(&[opened(Answer::Required)], &command, &by(SENDER), Err(&[R::SignatureIndeterminate]));
}

/// Product.md C.7, test 1: valid at the signing, the certificate expired before the document was accounted.
#[test]
fn a_certificate_that_expires_between_signing_and_accounting_makes_the_document_deemed_not_received() {
    let mut facts = receiving();
    facts.signatures[0].check.outcome = short(Verdict::Failed, &["certificate-expired"]);
    let given = [opened(Answer::Required)];
    let events = check::<Delivery>(&given, &receive(facts), &system(), Ok(&["delivery.deemed_not_received"]));
    let [Event::DeliveryDeemedNotReceived(event)] = events.as_slice() else { panic!("deemed not received") };
    assert_eq!(event.reasons, [R::CertificateExpired]);
}

#[test]
fn the_evidence_of_each_check_goes_with_it() {
    let mut facts = receiving();
    facts.signatures[1].check.evidence = Some(b"{}".to_vec());
    let decided = past::<Delivery>(&[opened(Answer::Required)]).decide(&receive(facts), &system()).unwrap();
    let slots: Vec<_> = decided[0].payloads.iter().map(|(slot, _)| slot.as_str()).collect();
    assert_eq!(slots, ["report-1", "evidence-1", "report-2"]);
    let mut facts = signer(SENDER);
    facts.check.evidence = Some(b"{}".to_vec());
    let decided = past::<Document>(&[formed(&[(SENDER, true, 1)])]).decide(&sign(facts), &by(SENDER)).unwrap();
    assert!(decided[0].payloads.iter().any(|(slot, _)| slot.as_str() == "evidence"));
}
