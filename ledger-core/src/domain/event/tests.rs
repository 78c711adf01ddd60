//! Tests of the events as records: schemas, frozen streams, payload slots, rules.

use super::*;
use crate::digest::Digest;
use crate::id::{CommandId, EventId, RequestDigest};
use crate::payload::{Commitment, Salt};
use crate::record::{Actor, Basis, Capacity, Cause};
use crate::time::Timestamp;

/// A record of the event with all its payloads, optional ones too.
fn record(event: &Event) -> Record {
    let id = EventId::from_time_and_random(Timestamp::from_unix_ms(1).unwrap(), [9; 10]);
    let salt = Salt::from_random([3; 32]);
    let mut slots: Vec<String> = vec![];
    for (name, presence) in event.slots() {
        match presence {
            Presence::PerSignature | Presence::OptionalPerSignature => {
                slots.extend(event.checked().iter().map(|one| format!("{name}-{}", one.slot)));
            }
            Presence::Required | Presence::Optional => slots.push((*name).to_owned()),
        }
    }
    slots.sort();
    Record {
        actor: Actor { capacity: Capacity::System, participant: None, user: None },
        at: Timestamp::from_unix_ms(5).unwrap(),
        basis: Basis {
            clauses: event.clauses().iter().map(|clause| (*clause).to_owned()).collect(),
            terms: "idocs-2021-10-11".into(),
        },
        cause: Cause {
            command: CommandId::of_idempotency_key(&[4; 32], samples::participant(1), "k"),
            event: None,
            request: RequestDigest::of_request(&[4; 32], b"r"),
        },
        data: event.data().unwrap(),
        id,
        prev: Digest::default(),
        sealed: slots
            .iter()
            .map(|slot| Commitment::to_payload(id, &slot.parse().unwrap(), &salt, b"x").unwrap())
            .collect(),
        seq: 0,
        streams: event.streams(),
        event_type: event.event_type().unwrap(),
        version: event.version(),
    }
}

#[test]
fn every_event_survives_being_a_record() {
    let events = samples::all();
    assert_eq!(events.iter().map(Event::type_name).collect::<Vec<_>>(), Event::TYPES);
    for event in events {
        let bytes = record(&event).encode().unwrap();
        assert_eq!(Event::decode(&Record::decode(bytes.as_bytes()).unwrap()).unwrap(), event);
    }
}

/// The published function from type and version to streams. A change here is a new version of the event.
#[test]
fn the_streams_of_every_event_are_the_frozen_ones() {
    let names = |event: &Event| {
        let streams: Vec<_> = event
            .streams()
            .iter()
            .map(|stream| {
                let known = [
                    ("sender", StreamId::participant(samples::participant(samples::SENDER))),
                    ("recipient", StreamId::participant(samples::participant(samples::RECIPIENT))),
                    ("signer-3", StreamId::participant(samples::participant(3))),
                ];
                let known = known.into_iter().find(|(_, known)| known == stream);
                known.map_or(stream.kind().as_str(), |(name, _)| name)
            })
            .collect();
        format!("{} {}: {}", event.type_name(), event.version(), streams.join(" "))
    };
    let frozen = [
        "participant.registered 1: sender identity",
        "agreement.accepted 1: sender",
        "certificate.registered 1: certificate key sender",
        "key.compromise_reported 1: key certificate sender",
        "key.use_suspended 1: key sender",
        "key.annulled 1: key sender",
        "key.use_resumed 1: key sender",
        "document.formed 1: document sender signer-3",
        "document.signature_applied 1: document certificate key sender",
        "document.finding_recorded 1: document certificate key sender",
        "document.sent 1: document sender",
        "delivery.opened 1: delivery document sender recipient",
        "delivery.accounted 1: delivery document sender recipient",
        "delivery.receipt_issued 1: delivery sender recipient",
        "delivery.receipt_delivered 1: delivery sender recipient",
        "delivery.deemed_not_received 1: delivery document sender recipient",
        "delivery.countersignature_applied 1: delivery certificate document key sender recipient",
        "delivery.finding_recorded 1: delivery certificate document key sender recipient",
        "delivery.answer_refused 1: delivery certificate document key sender recipient",
        "delivery.recalled 1: delivery certificate document key sender recipient",
        "delivery.withdrawn 1: delivery certificate document key sender recipient",
        "delivery.annulment_proposed 1: delivery certificate document key sender recipient",
        "delivery.annulment_accepted 1: delivery certificate document key sender recipient",
        "delivery.annulment_refused 1: delivery certificate document key sender recipient",
        "delivery.annulment_proposal_withdrawn 1: delivery certificate document key sender recipient",
        "delivery.annulled 1: delivery document sender recipient",
        "ledger.trust_published 1: ledger",
        "ledger.crl_recorded 1: ledger",
        "command.refused 1: sender",
    ];
    assert_eq!(samples::all().iter().map(names).collect::<Vec<_>>(), frozen);
}

#[test]
fn streams_are_sorted_and_none_is_named_twice_even_if_the_parties_are_one() {
    for mut event in samples::all() {
        if let Event::DocumentFormed(formed) = &mut event {
            formed.slots[1].participant = formed.sender;
        }
        let streams = event.streams();
        let (home, others) = streams.split_first().unwrap();
        assert!(others.is_sorted_by(|a, b| a < b) && !others.contains(home), "{event:?}");
    }
}

#[test]
fn no_event_homed_in_a_document_names_a_recipient() {
    for event in samples::all() {
        if event.streams()[0].kind() == crate::id::StreamKind::Document {
            let recipient = samples::participant(samples::RECIPIENT);
            assert!(!event.streams().contains(&StreamId::participant(recipient)), "{event:?}");
            assert!(!event.data().unwrap().contains(&recipient.to_string()), "{event:?}");
        }
    }
}

#[test]
fn unknown_types_versions_and_members_are_refused_never_skipped() {
    for event in samples::all() {
        let good = record(&event);
        let newer = Record { version: 2, ..good.clone() };
        assert!(matches!(Event::decode(&newer), Err(EventError::Unknown { version: 2, .. })), "{event:?}");
        let member = good.data.replacen('{', "{\"aaa\":1,", 1).into();
        let more = Record { data: member, ..good.clone() };
        assert!(matches!(Event::decode(&more), Err(EventError::Data { .. })), "{event:?}");
        let less = Record { data: "{}".into(), ..good };
        assert!(matches!(Event::decode(&less), Err(EventError::Data { .. })), "{event:?}");
    }
    let renamed = Record { event_type: "document.sung".parse().unwrap(), ..record(&samples::all()[0]) };
    assert!(matches!(Event::decode(&renamed), Err(EventError::Unknown { .. })));
}

#[test]
fn wrong_streams_and_payload_slots_are_refused() {
    for event in samples::all() {
        let mut foreign = record(&event);
        foreign.streams.push(StreamId::participant(samples::participant(0xee)));
        assert!(matches!(Event::decode(&foreign), Err(EventError::Streams { .. })), "{event:?}");
        let mut extra = record(&event);
        let id = extra.id;
        let salt = Salt::from_random([3; 32]);
        extra.sealed.push(Commitment::to_payload(id, &"zzz".parse().unwrap(), &salt, b"x").unwrap());
        assert!(matches!(Event::decode(&extra), Err(EventError::Slot { .. })), "{event:?}");
        let all = record(&event);
        for place in 0..all.sealed.len() {
            let mut less = all.clone();
            let slot = less.sealed.remove(place).slot;
            let optional =
                event.slots().contains(&(slot.as_str(), Presence::Optional)) || slot.as_str().starts_with("evidence-");
            assert_eq!(Event::decode(&less).is_ok(), optional, "{event:?} without {slot}");
        }
    }
}

/// A change that breaks a rule of the event it names.
type Breaking = (&'static str, fn(&mut Event));

#[test]
fn rules_that_a_schema_cannot_say_are_checked() {
    let broken: &[Breaking] = &[
        ("document.formed", |event| {
            if let Event::DocumentFormed(event) = event {
                event.slots[1].slot = 3;
            }
        }),
        ("document.formed", |event| {
            if let Event::DocumentFormed(event) = event {
                event.slots.iter_mut().for_each(|slot| slot.mandatory = false);
            }
        }),
        ("document.signature_applied", |event| {
            if let Event::SignatureApplied(event) = event {
                event.signature.verdict = Verdict::Failed;
            }
        }),
        ("delivery.recalled", |event| {
            if let Event::DeliveryRecalled(event) = event {
                event.signature.verdict = Verdict::Indeterminate;
            }
        }),
        ("document.finding_recorded", |event| {
            if let Event::FindingRecorded(event) = event {
                event.reasons.clear();
            }
        }),
        ("document.finding_recorded", |event| {
            if let Event::FindingRecorded(event) = event {
                event.signature.verdict = Verdict::Passed;
            }
        }),
        ("delivery.finding_recorded", |event| {
            if let Event::DeliveryFinding(event) = event {
                (event.slot, event.signature.proven_at) = (Some(1), Some(samples::time(1)));
            }
        }),
        ("document.finding_recorded", |event| {
            if let Event::FindingRecorded(event) = event {
                event.signature.evidence.reverse();
            }
        }),
        ("document.signature_applied", |event| {
            if let Event::SignatureApplied(event) = event {
                event.signature.evidence.reverse();
            }
        }),
        ("delivery.accounted", |event| {
            if let Event::DeliveryAccounted(event) = event {
                event.signatures[0].verdict = Verdict::Failed;
            }
        }),
        ("delivery.accounted", |event| {
            if let Event::DeliveryAccounted(event) = event {
                event.signatures.reverse();
            }
        }),
        ("delivery.deemed_not_received", |event| {
            if let Event::DeliveryDeemedNotReceived(event) = event {
                event.reasons.reverse();
            }
        }),
        ("command.refused", |event| {
            if let Event::CommandRefused(event) = event {
                event.attempts = 0;
            }
        }),
        ("command.refused", |event| {
            if let Event::CommandRefused(event) = event {
                event.root = None;
            }
        }),
    ];
    for (name, breaking) in broken {
        let mut event = samples::all().into_iter().find(|event| event.type_name() == *name).unwrap();
        assert!(Event::decode(&record(&event)).is_ok());
        breaking(&mut event);
        assert!(matches!(Event::decode(&record(&event)), Err(EventError::Rule { .. })), "{event:?}");
    }
}
