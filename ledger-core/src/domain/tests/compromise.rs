//! The windows of a compromise (product.md C.3.6; clauses 8.7 to 8.10): a new signature, and a document in the ledger.
//!
//! Claimed since second 10, notice received at second 30, recorded and suspended after it; now is second 1000.

use RefusalCode as R;

use super::*;

/// What is on record about the key.
#[derive(Debug, Clone, Copy)]
enum Course {
    InUse,
    Suspended,
    Annulled,
    FalseAlarm,
}

fn key_after(course: Course) -> Key {
    let facts = CompromiseFacts { certificates: vec![certified(SENDER)] };
    let reported = Key::default().decide(&KeyCommand::ReportCompromise(report(SENDER), facts), &operator()).unwrap();
    let mut events: Vec<Event> = reported.into_iter().map(|new| new.event).collect();
    let command = match course {
        Course::InUse => return Key::default(),
        Course::Suspended => None,
        Course::Annulled => Some((annul(), "key.annulled")),
        Course::FalseAlarm => Some((resume(), "key.use_resumed")),
    };
    if let Some((command, event)) = command {
        events.extend(check::<Key>(&events, &command, &operator(), Ok(&[event])));
    }
    past(&events)
}

#[test]
fn new_signatures_are_accepted_or_refused_by_the_window_in_which_they_were_made() {
    // What a trusted time-stamp proves; none means that now is the best proof.
    let (before, after) = (Some(time(9)), Some(time(10)));
    let table: &[(Course, Option<Timestamp>, Option<R>)] = &[
        (Course::InUse, None, None),
        (Course::InUse, before, None),
        (Course::Suspended, None, Some(R::CertificateSuspended)),
        (Course::Suspended, after, Some(R::CertificateSuspended)),
        (Course::Suspended, before, None),
        // Back-dated after the annulment (C.7, test 14): a claimed time is nothing, a proven one counts.
        (Course::Annulled, None, Some(R::CertificateAnnulled)),
        (Course::Annulled, after, Some(R::CertificateAnnulled)),
        (Course::Annulled, before, None),
        (Course::FalseAlarm, None, None),
        (Course::FalseAlarm, after, None),
    ];
    for (course, proven_at, refused) in table {
        let mut facts = signer(SENDER);
        facts.key = key_after(*course);
        facts.check.proven_at = *proven_at;
        let command = DocumentCommand::Sign(ApplySignature { document: document(), cms: cms() }, facts);
        let decided = past::<Document>(&[formed(&[(SENDER, true, 1)])]).decide(&command, &by(SENDER));
        match (decided, refused) {
            (Ok(events), None) => {
                let Event::SignatureApplied(event) = &events[0].event else { panic!("a signature") };
                assert_eq!(event.signature.proven_at, *proven_at, "{course:?}");
            }
            (Err(refusal), Some(code)) => assert_eq!(refusal.codes(), [*code], "{course:?} {proven_at:?}"),
            (decided, _) => panic!("{course:?} {proven_at:?}: {decided:?}"),
        }
    }
}

#[test]
fn documents_in_the_ledger_are_accounted_or_not_by_the_window_in_which_they_were_signed() {
    let table: &[(Course, u64, Option<R>)] = &[
        (Course::InUse, 9, None),
        (Course::Suspended, 9, None),
        (Course::Suspended, 10, Some(R::CertificateSuspended)),
        (Course::Suspended, 29, Some(R::CertificateSuspended)),
        (Course::Suspended, 30, Some(R::CertificateSuspended)),
        (Course::Annulled, 9, None),
        (Course::Annulled, 10, Some(R::CertificateAnnulled)),
        (Course::Annulled, 500, Some(R::CertificateAnnulled)),
        (Course::FalseAlarm, 9, None),
        (Course::FalseAlarm, 500, None),
    ];
    for (course, signed_at, reason) in table {
        let mut facts = receiving();
        facts.signatures[0].signed_at = time(*signed_at);
        facts.signatures[0].key = key_after(*course);
        let decided = past::<Delivery>(&[opened(Answer::Required)]).decide(&receive(facts), &system()).unwrap();
        match (&decided[0].event, reason) {
            (Event::DeliveryAccounted(_), None) => {}
            (Event::DeliveryDeemedNotReceived(event), Some(code)) => {
                assert_eq!(event.reasons, [*code], "{course:?} {signed_at}");
            }
            (event, _) => panic!("{course:?} {signed_at}: {event:?}"),
        }
    }
}

/// A certificate that ran out before the signature reached the ledger: only a time-stamp can show that it was in force.
#[test]
fn an_expired_certificate_signs_only_with_a_proof_that_the_signature_is_older() {
    for (proven_at, accepted) in [(None, false), (Some(time(901)), false), (Some(time(900)), true)] {
        let mut facts = signer(SENDER);
        facts.certificate.registered.as_mut().unwrap().not_after = time(900);
        facts.check.proven_at = proven_at;
        let command = DocumentCommand::Sign(ApplySignature { document: document(), cms: cms() }, facts);
        let decided = past::<Document>(&[formed(&[(SENDER, true, 1)])]).decide(&command, &by(SENDER));
        assert_eq!(decided.is_ok(), accepted, "{proven_at:?}");
    }
}

#[test]
fn a_false_alarm_leaves_the_key_as_if_nothing_had_been_reported_and_it_may_be_reported_again() {
    assert_eq!(key_after(Course::FalseAlarm), Key::default());
    let annulled = key_after(Course::Annulled);
    let compromise = annulled.compromise.as_ref().unwrap();
    let times = (compromise.learned_at, compromise.claimed_since, compromise.received_at);
    assert_eq!(times, (time(20), time(10), time(30)));
    assert_eq!((annulled.reported_at, annulled.suspended_at, annulled.annulled_at), {
        let recorded = |second| Some(time(second));
        (recorded(0), recorded(1), recorded(2))
    });
}
