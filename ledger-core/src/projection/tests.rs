//! Tests of the projections: tables of the states, windows and conditions, and a naive journal.

#![expect(clippy::wildcard_enum_match_arm, reason = "a row changes some events and leaves the others")]

use proptest::prelude::*;

use super::certificate::CertificateView;
use super::conditions::{self, Assessment, Finding, FourConditions, Revoked};
use super::document::{self, DocumentView};
use super::impact::{ImpactReport, Window};
use super::journal::{Direction, JournalId, Journals, journal_year};
use super::participant::ParticipantView;
use super::parts::{
    AnswerState, Awaiting, Badge, Dispatch, DisplayStatus, Notice, Receipt, Revocation, Signing, Validity,
};
use super::testing::{DOCUMENT, Log, sample, samples_of};
use super::*;
use crate::canonical;
use crate::domain::command::CommandKind;
use crate::domain::event::samples::{RECIPIENT, SENDER, certificate, delivery, key, participant, time};
use crate::domain::event::{Answer, CheckedSignature, Verdict};
use crate::domain::refusal::RefusalCode;
use crate::id::DocumentId;

const SEEN_BY_SENDER: Viewer = Viewer::Participant(ParticipantId::from_random([SENDER; 16]));
const SEEN_BY_RECIPIENT: Viewer = Viewer::Participant(ParticipantId::from_random([RECIPIENT; 16]));
const SEEN_BY_STRANGER: Viewer = Viewer::Participant(ParticipantId::from_random([77; 16]));

/// From forming to sending; the delivery asks for an answer.
const SENT: [&str; 4] = ["document.formed", "document.signature_applied", "document.sent", "delivery.opened"];

fn after(more: &[&str]) -> Vec<Event> {
    samples_of(&[&SENT, more].concat())
}

fn without_answer(mut events: Vec<Event>) -> Vec<Event> {
    for event in &mut events {
        if let Event::DeliveryOpened(e) = event {
            e.answer = Answer::NotRequired;
        }
    }
    events
}

fn view(events: Vec<Event>, viewer: Viewer) -> Option<DocumentView> {
    document::fold(DOCUMENT, Log::of(events).iter(), viewer)
}

fn seen(events: Vec<Event>, viewer: Viewer) -> DocumentView {
    view(events, viewer).unwrap()
}

#[test]
fn a_document_passes_from_forming_to_sending() {
    use CommandKind::{ApplySignature, SendDocument};
    for (length, signing, dispatch, status, actions) in [
        (1, Signing::Waiting, Dispatch::NotSent, DisplayStatus::AwaitingSignatures, vec![ApplySignature]),
        (2, Signing::Signed, Dispatch::NotSent, DisplayStatus::Formed, vec![SendDocument]),
        (3, Signing::Signed, Dispatch::Sent, DisplayStatus::Sent, vec![]),
    ] {
        let view = seen(samples_of(&SENT[..length]), SEEN_BY_SENDER);
        assert_eq!(
            (view.slots[0].state, view.dispatch, view.display_status, view.allowed_actions),
            (signing, dispatch, status, actions),
            "{length}"
        );
    }
    assert_eq!(view(vec![], Viewer::Operator), None);
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table")]
fn a_delivery_passes_through_the_states_of_the_table() {
    use CommandKind as C;
    type Row = (
        &'static [&'static str],
        Receipt,
        AnswerState,
        Revocation,
        DisplayStatus,
        &'static [CommandKind],
        &'static [CommandKind],
    );
    const ACCOUNTED: &[&str] = &["delivery.accounted"];
    let table: &[Row] = &[
        (
            &[],
            Receipt::Pending,
            AnswerState::Awaiting,
            Revocation::None,
            DisplayStatus::Sent,
            &[C::Recall],
            &[C::Receive],
        ),
        (
            ACCOUNTED,
            Receipt::Accounted,
            AnswerState::Awaiting,
            Revocation::None,
            DisplayStatus::AwaitingAnswer,
            &[C::Withdraw],
            &[C::Countersign, C::RefuseAnswer],
        ),
        (
            &["delivery.deemed_not_received"],
            Receipt::DeemedNotReceived,
            AnswerState::Awaiting,
            Revocation::None,
            DisplayStatus::DeemedNotReceived,
            &[],
            &[],
        ),
        (
            &["delivery.recalled"],
            Receipt::Pending,
            AnswerState::Awaiting,
            Revocation::Recalled,
            DisplayStatus::Recalled,
            &[],
            &[],
        ),
        (
            &["delivery.accounted", "delivery.withdrawn"],
            Receipt::Accounted,
            AnswerState::Awaiting,
            Revocation::Withdrawn,
            DisplayStatus::Withdrawn,
            &[],
            &[],
        ),
        (
            &["delivery.accounted", "delivery.answer_refused"],
            Receipt::Accounted,
            AnswerState::Refused,
            Revocation::None,
            DisplayStatus::Refused,
            &[],
            &[],
        ),
        (
            &["delivery.accounted", "delivery.countersignature_applied"],
            Receipt::Accounted,
            AnswerState::Countersigned,
            Revocation::None,
            DisplayStatus::Countersigned,
            &[C::ProposeAnnulment],
            &[C::ProposeAnnulment],
        ),
        (
            &["delivery.accounted", "delivery.countersignature_applied", "delivery.annulment_proposed"],
            Receipt::Accounted,
            AnswerState::Countersigned,
            Revocation::AnnulmentProposed,
            DisplayStatus::AnnulmentProposed,
            &[C::WithdrawAnnulmentProposal],
            &[C::AcceptAnnulment, C::RefuseAnnulment],
        ),
        (
            &[
                "delivery.accounted",
                "delivery.countersignature_applied",
                "delivery.annulment_proposed",
                "delivery.annulment_refused",
            ],
            Receipt::Accounted,
            AnswerState::Countersigned,
            Revocation::AnnulmentRefused,
            DisplayStatus::Countersigned,
            &[C::ProposeAnnulment],
            &[C::ProposeAnnulment],
        ),
        (
            &[
                "delivery.accounted",
                "delivery.countersignature_applied",
                "delivery.annulment_proposed",
                "delivery.annulment_proposal_withdrawn",
            ],
            Receipt::Accounted,
            AnswerState::Countersigned,
            Revocation::ProposalWithdrawn,
            DisplayStatus::Countersigned,
            &[C::ProposeAnnulment],
            &[C::ProposeAnnulment],
        ),
        (
            &[
                "delivery.accounted",
                "delivery.countersignature_applied",
                "delivery.annulment_proposed",
                "delivery.annulment_accepted",
                "delivery.annulled",
            ],
            Receipt::Accounted,
            AnswerState::Countersigned,
            Revocation::Annulled,
            DisplayStatus::Annulled,
            &[],
            &[],
        ),
    ];
    for (events, receipt, answer, revocation, status, by_sender, by_recipient) in table {
        for (viewer, allowed) in [(SEEN_BY_SENDER, by_sender), (SEEN_BY_RECIPIENT, by_recipient)] {
            let document = seen(after(events), viewer);
            let one = &document.deliveries[0];
            assert_eq!((one.receipt, one.answer, one.revocation), (*receipt, *answer, *revocation), "{events:?}");
            assert_eq!((one.display_status, document.display_status), (*status, *status), "{events:?}");
            let mut allowed = allowed.to_vec();
            allowed.sort_unstable();
            assert_eq!(one.allowed_actions, allowed, "{events:?} {viewer:?}");
        }
    }
}

#[test]
fn a_receipt_without_answer_is_complete_when_the_sender_has_the_notice() {
    for (events, notice, status, badges) in [
        (&["delivery.accounted"][..], Notice::None, DisplayStatus::Accounted, vec![]),
        (
            &["delivery.accounted", "delivery.receipt_issued"],
            Notice::Issued,
            DisplayStatus::Accounted,
            vec![Badge::NoticeNotDelivered],
        ),
        (
            &["delivery.accounted", "delivery.receipt_issued", "delivery.receipt_delivered"],
            Notice::Delivered,
            DisplayStatus::Completed,
            vec![],
        ),
    ] {
        let document = seen(without_answer(after(events)), SEEN_BY_SENDER);
        assert_eq!((document.deliveries[0].notice, document.display_status), (notice, status));
        assert_eq!(document.badges, badges);
    }
}

#[test]
fn who_is_awaited_depends_on_who_looks() {
    let answer = || after(&["delivery.accounted"]);
    let annulment = || without_answer(after(&["delivery.accounted", "delivery.annulment_proposed"]));
    let (you, other) = (Some(Awaiting::You), Some(Awaiting::Counterparty));
    for (events, viewer, awaiting) in [
        (samples_of(&SENT[..1]), SEEN_BY_SENDER, you),
        (answer(), SEEN_BY_RECIPIENT, you),
        (answer(), SEEN_BY_SENDER, other),
        (answer(), Viewer::Operator, None),
        (annulment(), SEEN_BY_SENDER, other),
        (annulment(), SEEN_BY_RECIPIENT, you),
        (after(&["delivery.deemed_not_received"]), SEEN_BY_SENDER, None),
    ] {
        assert_eq!(seen(events, viewer).awaiting, awaiting, "{viewer:?}");
    }
}

/// The order of product.md C.3.7, lowest first, as far as today's events reach it.
#[test]
fn display_statuses_stand_in_the_order_of_precedence() {
    use DisplayStatus as D;
    let order = [
        D::Formed,
        D::AwaitingSignatures,
        D::Sent,
        D::Accounted,
        D::Completed,
        D::Countersigned,
        D::AwaitingAnswer,
        D::AnnulmentProposed,
        D::Refused,
        D::DeemedNotReceived,
        D::Contested,
        D::Recalled,
        D::Withdrawn,
        D::Annulled,
    ];
    assert!(order.is_sorted_by(|a, b| a < b));
    assert_eq!(order.len(), D::ALL.len());
}

/// Replaces the delivery and recipient of an event that is homed in a delivery.
fn to_other(event: Event) -> Event {
    match event {
        Event::DeliveryOpened(mut e) => {
            (e.delivery, e.recipient) = (delivery(10), participant(3));
            Event::DeliveryOpened(e)
        }
        Event::DeliveryAccounted(mut e) => {
            (e.delivery, e.recipient) = (delivery(10), participant(3));
            Event::DeliveryAccounted(e)
        }
        Event::DeliveryRecalled(mut e) => {
            (e.delivery, e.recipient) = (delivery(10), participant(3));
            Event::DeliveryRecalled(e)
        }
        other => other,
    }
}

#[test]
fn a_recipient_sees_its_own_delivery_and_not_that_there_are_others() {
    let mut events = after(&["delivery.accounted"]);
    events.push(to_other(sample("delivery.opened")));
    events.push(to_other(sample("delivery.recalled")));
    let of = |viewer| view(events.clone(), viewer);
    for (viewer, deliveries, status) in [
        (SEEN_BY_SENDER, 2, DisplayStatus::Recalled),
        (Viewer::Operator, 2, DisplayStatus::Recalled),
        (Viewer::Auditor, 2, DisplayStatus::Recalled),
        (SEEN_BY_RECIPIENT, 1, DisplayStatus::AwaitingAnswer),
    ] {
        let document = of(viewer).unwrap();
        assert_eq!((document.deliveries.len(), document.display_status), (deliveries, status), "{viewer:?}");
    }
    assert_eq!(of(SEEN_BY_STRANGER), None);
    let recipient = of(SEEN_BY_RECIPIENT).unwrap();
    assert!(recipient.timeline.iter().all(|entry| entry.delivery.is_none_or(|id| id == delivery(9))));
    assert_eq!(recipient.timeline.len(), 5);
    let text = String::from_utf8(canonical::encode_any_length(&recipient).unwrap()).unwrap();
    assert!(!text.contains(&participant(3).to_string()), "the other recipient is nowhere: {text}");
}

#[test]
fn a_recipient_gets_the_content_after_its_receipt_only() {
    for (more, available) in [
        (&[][..], false),
        (&["delivery.recalled"], false),
        (&["delivery.deemed_not_received"], false),
        (&["delivery.accounted"], true),
    ] {
        assert_eq!(seen(after(more), SEEN_BY_RECIPIENT).content_available, available, "{more:?}");
        assert!(seen(after(more), SEEN_BY_SENDER).content_available);
    }
}

#[test]
fn an_auditor_may_do_nothing_and_the_operator_account() {
    let operator = seen(after(&[]), Viewer::Operator);
    assert_eq!(operator.deliveries[0].allowed_actions, [CommandKind::Receive]);
    let auditor = seen(after(&[]), Viewer::Auditor);
    assert!(auditor.deliveries[0].allowed_actions.is_empty() && auditor.allowed_actions.is_empty());
}

#[test]
fn findings_of_the_check_at_receipt_are_an_overlay_per_recipient() {
    for (verdict, validity) in [
        (Verdict::Passed, Validity::Valid),
        (Verdict::Failed, Validity::Invalid),
        (Verdict::Indeterminate, Validity::Indeterminate),
    ] {
        let mut events = after(&["delivery.deemed_not_received"]);
        if let Some(Event::DeliveryDeemedNotReceived(e)) = events.last_mut() {
            e.signatures = vec![checked(verdict)];
        }
        let document = seen(events, SEEN_BY_SENDER);
        assert_eq!(document.deliveries[0].findings[0].validity, validity);
        assert_eq!(document.slots[0].signature.as_ref().unwrap().verdict, Verdict::Passed, "history is not edited");
        assert_eq!(document.badges.contains(&Badge::Finding), validity != Validity::Valid);
    }
}

fn checked(verdict: Verdict) -> CheckedSignature {
    CheckedSignature { slot: 1, certificate: certificate(SENDER), verdict }
}

#[test]
fn views_are_canonical_json_without_null_or_float() {
    let mut events = vec![sample("certificate.registered")];
    events.extend(after(&["delivery.accounted", "delivery.receipt_issued", "delivery.countersignature_applied"]));
    events.extend(samples_of(&["key.compromise_reported", "key.use_suspended"]));
    let log = Log::of(events);
    let mut texts = vec![
        canonical::encode_any_length(&document::fold(DOCUMENT, log.iter(), SEEN_BY_SENDER).unwrap()).unwrap(),
        canonical::encode_any_length(&ImpactReport::fold(key(SENDER), log.iter(), Viewer::Operator).unwrap()).unwrap(),
        canonical::encode_any_length(&CertificateView::fold(certificate(SENDER), log.iter()).unwrap()).unwrap(),
    ];
    for one in conditions::assess(DOCUMENT, log.iter(), Viewer::Operator, &Revoked::new()) {
        texts.push(canonical::encode_any_length(&one).unwrap());
    }
    assert_eq!(texts.len(), 5);
    for text in texts {
        assert!(!String::from_utf8(text).unwrap().contains("null"));
    }
}

// ---- compromise ----

/// A signature at second 100 against a notice that claims, was received and suspended at these seconds.
#[test]
fn a_signature_falls_into_the_window_of_its_record() {
    for (claimed, received, suspended, window) in [
        (101, 110, 120, Window::BeforeCompromise),
        (100, 110, 120, Window::Contested),
        (50, 101, 120, Window::Contested),
        (50, 100, 120, Window::Reaction),
        (50, 60, 101, Window::Reaction),
        (50, 60, 99, Window::AfterSuspension),
    ] {
        let mut log = Log::default();
        log.push_at(time(0), sample("certificate.registered"));
        let mut reported = sample("key.compromise_reported");
        if let Event::CompromiseReported(e) = &mut reported {
            (e.claimed_since, e.received_at) = (time(claimed), time(received));
        }
        let mut push = |second, event| log.push_at(time(second), event);
        if suspended < 100 {
            push(suspended, reported.clone());
            push(suspended, sample("key.use_suspended"));
        }
        push(100, sample("document.formed"));
        push(100, sample("document.signature_applied"));
        push(100, sample("delivery.opened"));
        if suspended > 100 {
            push(suspended, reported);
            push(suspended, sample("key.use_suspended"));
        }
        let report = ImpactReport::fold(key(SENDER), log.iter(), Viewer::Operator).unwrap();
        assert_eq!(report.signatures.len(), 1);
        assert_eq!(report.signatures[0].window, Some(window), "{claimed} {received} {suspended}");
        assert_eq!(report.counts.get(&window), Some(&1));
        let notice = &report.history.notices[0];
        assert_eq!(
            (notice.learned_at, notice.claimed_since, notice.received_at),
            (time(20), time(claimed), time(received)),
            "the times are kept apart"
        );
        assert_eq!(report.history.suspended.unwrap().at, time(suspended));
        let contested = window.is_contested();
        let view = document::fold(DOCUMENT, log.iter(), SEEN_BY_RECIPIENT).unwrap();
        assert_eq!(view.display_status == DisplayStatus::Contested, contested, "{window:?}");
        assert_eq!(view.deliveries[0].findings[0].validity, Validity::Valid, "no automatic invalidity");
    }
}

#[test]
fn two_records_in_one_millisecond_stand_in_the_order_of_the_log() {
    let mut events = vec![sample("certificate.registered")];
    events.extend(samples_of(&SENT));
    events.extend(samples_of(&["key.compromise_reported", "key.use_suspended"]));
    let mut log = Log::default();
    for event in events {
        log.push_at(time(30), event);
    }
    let report = ImpactReport::fold(key(SENDER), log.iter(), Viewer::Auditor).unwrap();
    assert_eq!(report.signatures[0].window, Some(Window::Reaction), "the suspension came second");
}

#[test]
fn an_impact_report_shows_a_counterparty_its_own_rows_and_a_stranger_none() {
    let mut events = vec![sample("certificate.registered")];
    events.extend(after(&["delivery.accounted", "delivery.recalled"]));
    events.insert(5, to_other(sample("delivery.opened")));
    events.extend(samples_of(&["key.compromise_reported", "key.use_suspended"]));
    let log = Log::of(events);
    let rows = |viewer| {
        let report = ImpactReport::fold(key(SENDER), log.iter(), viewer)?;
        Some(report.signatures.iter().map(|row| row.deliveries.len()).collect::<Vec<_>>())
    };
    for viewer in [Viewer::Operator, Viewer::Auditor, SEEN_BY_SENDER] {
        assert_eq!(rows(viewer), Some(vec![2, 1]), "a signature concerns all deliveries, an act its own");
    }
    assert_eq!(rows(SEEN_BY_RECIPIENT), Some(vec![1, 1]));
    assert_eq!(rows(Viewer::Participant(participant(3))), Some(vec![1]));
    assert_eq!(rows(SEEN_BY_STRANGER), None);
    assert_eq!(ImpactReport::fold(key(99), log.iter(), Viewer::Operator), None);
}

// ---- four conditions ----

/// All that is needed for four established conditions.
fn indisputable() -> Vec<Event> {
    let mut events = samples_of(&["participant.registered", "agreement.accepted", "certificate.registered"]);
    for mut event in samples_of(&["participant.registered", "agreement.accepted"]) {
        match &mut event {
            Event::ParticipantRegistered(e) => e.participant = participant(RECIPIENT),
            Event::AgreementAccepted(e) => e.participant = participant(RECIPIENT),
            _ => unreachable!(),
        }
        events.push(event);
    }
    events.extend(after(&["delivery.accounted"]));
    events
}

fn assess(events: Vec<Event>) -> FourConditions {
    conditions::assess(DOCUMENT, Log::of(events).iter(), Viewer::Operator, &Revoked::new()).remove(0)
}

fn rejected(signatures: Vec<CheckedSignature>, reasons: Vec<RefusalCode>) -> Event {
    let mut event = sample("delivery.deemed_not_received");
    if let Event::DeliveryDeemedNotReceived(e) = &mut event {
        (e.signatures, e.reasons) = (signatures, reasons);
    }
    event
}

fn without(event_type: &str, of: u8) -> Vec<Event> {
    let other = |event: &Event| match event {
        Event::AgreementAccepted(e) => e.participant == participant(of),
        Event::ParticipantRegistered(e) => e.participant == participant(of),
        _ => true,
    };
    let mut events = indisputable();
    events.retain(|event| !(event.type_name() == event_type && other(event)));
    events
}

fn valid_until(second: u64) -> Vec<Event> {
    let mut events = indisputable();
    for event in &mut events {
        if let Event::CertificateRegistered(e) = event {
            e.not_after = time(second);
        }
    }
    events
}

fn ending_in(event: Event) -> Vec<Event> {
    let mut events = indisputable();
    *events.last_mut().unwrap() = event;
    events
}

#[test]
fn each_condition_can_fail_alone_and_the_whole_needs_all_four() {
    use Finding::{Established as E, Indeterminate as I, NotEstablished as N};
    let failed = |reason| ending_in(rejected(vec![checked(Verdict::Failed)], vec![reason]));
    let mut unverified = indisputable();
    for event in &mut unverified {
        if let Event::SignatureApplied(e) = event {
            e.signature.verdict = Verdict::Failed;
        }
    }
    let mut unfinished = indisputable();
    if let Some(Event::DeliveryAccounted(e)) = unfinished.last_mut() {
        e.signatures = vec![checked(Verdict::Indeterminate)];
    }
    let two_failed = ending_in(rejected(
        vec![checked(Verdict::Failed), CheckedSignature { slot: 2, ..checked(Verdict::Failed) }],
        vec![RefusalCode::CertificateExpired, RefusalCode::SignatureInvalid],
    ));
    let late = {
        let mut events = without("agreement.accepted", RECIPIENT);
        let mut accepted = sample("agreement.accepted");
        if let Event::AgreementAccepted(e) = &mut accepted {
            e.participant = participant(RECIPIENT);
        }
        events.push(accepted);
        events
    };
    for (name, events, findings, whole) in [
        ("all", indisputable(), [E, E, E, E], Assessment::Indisputable),
        ("1 alone", unverified, [N, E, E, E], Assessment::NotEstablished),
        ("2 alone, at the receipt", valid_until(8), [E, N, E, E], Assessment::NotEstablished),
        ("2 alone, at the signing", valid_until(3), [E, N, E, E], Assessment::NotEstablished),
        ("3 alone", ending_in(sample("delivery.receipt_issued")), [E, I, N, E], Assessment::NotEstablished),
        ("4 alone", without("agreement.accepted", RECIPIENT), [E, E, E, N], Assessment::NotEstablished),
        ("4, accepted afterwards", late, [E, E, E, N], Assessment::NotEstablished),
        ("certificate unknown", without("certificate.registered", 0), [E, I, E, E], Assessment::Indeterminate),
        ("unfinished check", unfinished, [I, I, E, E], Assessment::Indeterminate),
        ("signature failed", failed(RefusalCode::SignatureInvalid), [N, I, N, E], Assessment::NotEstablished),
        ("certificate failed", failed(RefusalCode::CertificateRevoked), [E, N, N, E], Assessment::NotEstablished),
        ("two failed", two_failed, [I, I, N, E], Assessment::NotEstablished),
        ("recalled", ending_in(sample("delivery.recalled")), [E, I, N, E], Assessment::NotEstablished),
    ] {
        let assessed = assess(events);
        assert_eq!(assessed.conditions.each_ref().map(|condition| condition.finding), findings, "{name}");
        assert_eq!(assessed.assessment, whole, "{name}");
        let clauses = assessed.conditions.each_ref().map(|condition| condition.clause);
        assert_eq!(clauses, ["5.2.3.1", "5.2.3.2", "5.2.3.3", "5.2.3.4"]);
    }
}

/// A later check of the received signature, as of both moments.
fn found_at_receipt(verdict: Verdict, reasons: Vec<RefusalCode>) -> Event {
    let mut event = sample("delivery.finding_recorded");
    if let Event::DeliveryFinding(e) = &mut event {
        (e.slot, e.reasons) = (Some(1), reasons);
        e.signature = crate::domain::event::Signed { verdict, ..crate::domain::event::samples::signed_by(SENDER) };
    }
    event
}

/// What becomes known later of the time between signing and receipt changes the four conditions and no history; the last
/// check on record counts (clause 5.2.3.2).
#[test]
fn a_finding_about_a_receipt_speaks_about_that_receipt_alone() {
    use Finding::{Established as E, Indeterminate as I, NotEstablished as N};
    let revoked = || found_at_receipt(Verdict::Failed, vec![RefusalCode::CertificateRevoked]);
    let broken = found_at_receipt(
        Verdict::Failed,
        vec![RefusalCode::CertificateRevoked, RefusalCode::SignatureAlgorithmUnsupported],
    );
    let open = || found_at_receipt(Verdict::Indeterminate, vec![]);
    let confirmed = found_at_receipt(Verdict::Passed, vec![]);
    for (name, found, findings, validity) in [
        ("revoked", vec![revoked()], [E, N, E, E], Validity::Invalid),
        ("algorithm", vec![broken], [N, N, E, E], Validity::Invalid),
        ("open", vec![open()], [I, I, E, E], Validity::Indeterminate),
        ("revoked, then open", vec![revoked(), open()], [I, I, E, E], Validity::Indeterminate),
        ("open, then confirmed", vec![open(), confirmed], [E, E, E, E], Validity::Valid),
    ] {
        let mut events = indisputable();
        events.insert(9, to_other(sample("delivery.opened")));
        events.push(to_other(sample("delivery.accounted")));
        events.extend(found);
        let log = Log::of(events);
        let assessed = conditions::assess(DOCUMENT, log.iter(), Viewer::Operator, &Revoked::new());
        assert_eq!(assessed[0].conditions.each_ref().map(|condition| condition.finding), findings, "{name}");
        let other = assessed[1].conditions.each_ref().map(|condition| condition.finding);
        assert_eq!((assessed[1].delivery, other[0], other[1]), (delivery(10), E, E), "{name}");
        let view = document::fold(DOCUMENT, log.iter(), Viewer::Operator).unwrap();
        let [one, two] = view.deliveries.as_slice() else { panic!("two deliveries") };
        assert_eq!((one.findings[0].validity, two.findings[0].validity), (validity, Validity::Valid), "{name}");
        assert!(one.findings[0].at_receipt.is_some() && two.findings[0].at_receipt.is_none(), "{name}");
        assert_eq!((one.receipt, view.slots[0].signature.as_ref().unwrap().finding), (Receipt::Accounted, None));
    }
}

/// The issuer's list came after everything; nobody has recorded a finding.
#[test]
fn what_the_issuer_says_by_now_counts_without_a_finding() {
    use Finding::{Established as E, NotEstablished as N};
    // Signed at second 6, received at second 9.
    for (since, expected) in [(6, [E, N, E, E]), (7, [E, N, E, E]), (9, [E, N, E, E]), (10, [E, E, E, E])] {
        let revoked = Revoked::from([(certificate(SENDER), time(since))]);
        let log = Log::of(indisputable());
        let assessed = conditions::assess(DOCUMENT, log.iter(), Viewer::Operator, &revoked).remove(0);
        assert_eq!((assessed.signed.at, assessed.received.unwrap().at), (time(6), time(9)));
        assert_eq!(assessed.conditions.each_ref().map(|condition| condition.finding), expected, "{since}");
    }
}

#[test]
fn what_is_not_at_hand_is_indeterminate_and_never_established() {
    let mut events = without("agreement.accepted", RECIPIENT);
    events.retain(|event| !matches!(event, Event::ParticipantRegistered(_)));
    let assessed = assess(events);
    assert_eq!(assessed.conditions[3].finding, Finding::Indeterminate);
    assert_eq!(assessed.assessment, Assessment::Indeterminate);
}

#[test]
fn a_claimed_compromise_contests_a_signature_and_leaves_its_conditions() {
    for (claimed, assessment) in [(6, Assessment::Contested), (7, Assessment::Indisputable)] {
        let mut events = indisputable();
        let mut reported = sample("key.compromise_reported");
        if let Event::CompromiseReported(e) = &mut reported {
            e.claimed_since = time(claimed);
        }
        events.extend([reported, sample("key.use_suspended")]);
        let assessed = assess(events);
        assert_eq!(assessed.signed.at, time(6));
        assert_eq!(assessed.assessment, assessment, "{claimed}");
        assert!(assessed.conditions.iter().all(|condition| condition.finding == Finding::Established));
    }
}

#[test]
fn there_is_one_assessment_per_signature_and_recipient_with_both_moments_and_evidence() {
    let mut events = indisputable();
    events.push(sample("delivery.countersignature_applied"));
    events.insert(9, to_other(sample("delivery.opened")));
    let log = Log::of(events);
    let all = conditions::assess(DOCUMENT, log.iter(), Viewer::Operator, &Revoked::new());
    let keys: Vec<_> = all.iter().map(|one| (one.delivery, one.slot)).collect();
    assert_eq!(keys, [(delivery(9), Some(1)), (delivery(9), None), (delivery(10), Some(1))]);
    assert_eq!((all[0].signed.at, all[0].received.unwrap().at), (time(6), time(10)));
    assert_eq!(all[0].conditions[1].evidence, [2, 6, 10].map(LeafIndex));
    let own = conditions::assess(DOCUMENT, log.iter(), SEEN_BY_RECIPIENT, &Revoked::new());
    assert!(own.iter().all(|one| one.delivery == delivery(9)) && own.len() == 2);
    assert!(conditions::assess(DOCUMENT, log.iter(), SEEN_BY_STRANGER, &Revoked::new()).is_empty());
}

/// Reports state facts; judging is for the commission (clause 9.17).
#[test]
fn the_wording_of_conditions_and_time_lines_states_facts_only() {
    let mut texts: Vec<String> = Log::of(crate::domain::event::samples::all())
        .iter()
        .map(|logged| super::timeline::TimelineEntry::of(logged).text)
        .collect();
    let assessed = assess(indisputable());
    texts.extend(assessed.conditions.iter().map(|condition| condition.text.to_owned()));
    for text in texts {
        for word in ["guilty", "fraud", "violat", "must", "illegal", "fault", "void"] {
            assert!(!text.contains(word), "{text}");
        }
    }
}

// ---- participants and certificates ----

#[test]
fn a_participant_shows_its_agreement_certificates_and_refusals() {
    let log = Log::of(samples_of(&[
        "participant.registered",
        "agreement.accepted",
        "certificate.registered",
        "command.refused",
        "key.use_suspended",
    ]));
    let view = ParticipantView::fold(participant(SENDER), log.iter()).unwrap();
    assert_eq!((view.agreements.len(), view.certificates.len(), view.refused_commands), (1, 1, 2));
    assert_eq!(view.certificates[0].suspended.unwrap().index, LeafIndex(4));
    assert_eq!(ParticipantView::fold(participant(8), log.iter()), None);
    let certificate = CertificateView::fold(certificate(SENDER), log.iter()).unwrap();
    assert_eq!(certificate.history.suspended.unwrap().index, LeafIndex(4));
}

// ---- journals ----

#[test]
fn the_journal_year_changes_at_midnight_in_almaty_by_the_offset_of_its_day() {
    for (at, year) in [
        ("2023-12-31T17:59:59.999Z", 2023),
        ("2023-12-31T18:00:00.000Z", 2024),
        ("2024-12-31T18:59:59.999Z", 2024),
        ("2024-12-31T19:00:00.000Z", 2025),
        ("2024-02-29T18:00:00.000Z", 2024),
    ] {
        assert_eq!(journal_year(at.parse().unwrap()), year, "{at}");
    }
}

/// (hours since the eve of 2027, sent or accounted, sender, recipient)
fn traffic() -> impl Strategy<Value = Vec<(u64, bool, u8, u8)>> {
    proptest::collection::vec((0..3_u64, any::<bool>(), 1..4_u8, 1..4_u8), 0..60)
}

proptest! {
    /// The oracle counts, for each line, all earlier events of the same journal in the whole log.
    #[test]
    fn journals_have_no_gaps_and_follow_from_the_order_of_the_log(traffic in traffic()) {
        let eve: Timestamp = "2026-12-31T10:00:00.000Z".parse().unwrap();
        let mut log = Log::default();
        let mut hours = 0;
        for (at, (step, sent, sender, recipient)) in traffic.iter().enumerate() {
            hours += step;
            let document = DocumentId::from_random([u8::try_from(at).unwrap(); 16]);
            let mut event = sample(if *sent { "document.sent" } else { "delivery.accounted" });
            match &mut event {
                Event::DocumentSent(e) => (e.document, e.sender) = (document, participant(*sender)),
                Event::DeliveryAccounted(e) => {
                    (e.document, e.sender, e.recipient) = (document, participant(*sender), participant(*recipient));
                }
                _ => unreachable!(),
            }
            log.push_at(eve.plus_ms(hours * 3_600_000), event);
            log.push_at(eve.plus_ms(hours * 3_600_000), sample("delivery.receipt_issued"));
        }
        let mut journals = Journals::default();
        let mut lines = Vec::new();
        for logged in log.iter() {
            lines.extend(journals.apply(logged));
        }
        prop_assert_eq!(lines.len(), traffic.len());
        let owner = |(_, sent, sender, recipient): &(u64, bool, u8, u8)| {
            (participant(if *sent { *sender } else { *recipient }), *sent)
        };
        for (at, line) in lines.iter().enumerate() {
            let same_year = |other: usize| (lines[other].event.at < "2026-12-31T19:00:00.000Z".parse().unwrap())
                == (line.event.at < "2026-12-31T19:00:00.000Z".parse().unwrap());
            let earlier = (0..=at).filter(|other| owner(&traffic[*other]) == owner(&traffic[at]) && same_year(*other));
            prop_assert_eq!(line.number, u64::try_from(earlier.count()).unwrap());
            prop_assert_eq!(line.journal.direction == Direction::Outgoing, traffic[at].1);
            let JournalId { .. } = line.journal;
            prop_assert!(journals.last(line.journal) >= line.number);
        }
    }
}
