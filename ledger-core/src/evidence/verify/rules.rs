//! The rules of the exchange, followed again: an event that an honest ledger would have refused is found here.

use std::collections::BTreeMap;

use super::{Case, Shown};
use crate::domain::Aggregate;
use crate::domain::certificate::Certificate;
use crate::domain::delivery::Delivery;
use crate::domain::document::Document;
use crate::domain::event::{Event, Signed};
use crate::domain::key::Key;
use crate::evidence::finding::{Code, Finding};
use crate::id::{DocumentId, KeyId, LeafIndex, StreamId, StreamKind};
use crate::projection::impact::KeyHistory;

pub(super) fn check(case: &mut Case<'_>) {
    let mut broken: Vec<Finding> = Vec::new();
    let streams: Vec<StreamId> = case.streams.keys().cloned().collect();
    for stream in &streams {
        match stream.kind() {
            StreamKind::Document => follow::<Document>(case, stream, &mut broken),
            StreamKind::Delivery => follow::<Delivery>(case, stream, &mut broken),
            StreamKind::Certificate => follow::<Certificate>(case, stream, &mut broken),
            StreamKind::Key => follow::<Key>(case, stream, &mut broken),
            // Never complete in a bundle: their rules are for a replay.
            StreamKind::Participant | StreamKind::Identity | StreamKind::Ledger | StreamKind::Dispute => {}
        }
    }
    check_across(case, &mut broken);
    if broken.is_empty() {
        let events = case.records.len();
        case.find(Code::RulesVerified, format!("{events} events"));
    }
    case.findings.extend(broken);
}

fn not_allowed(code: Code, index: LeafIndex, shown: &Shown, why: &str) -> Finding {
    Finding::new(code, format!("{}: {why}", shown.event.type_name())).about(index, Some(shown.record.id))
}

/// Follows one stream from its first event as far as its home records are shown without a gap.
fn follow<A: Aggregate>(case: &Case<'_>, stream: &StreamId, broken: &mut Vec<Finding>) {
    let mut state = A::default();
    let homed = case.records.iter().filter(|(_, shown)| shown.record.home() == Some(stream));
    for (expected, (index, shown)) in (0_u64..).zip(homed) {
        if shown.record.seq != expected {
            // What is withheld may have changed the state; the gap is reported already.
            return;
        }
        if let Err(why) = state.follows(&shown.event) {
            broken.push(not_allowed(Code::EventNotAllowed, *index, shown, why));
        }
        state.apply(&shown.event, shown.recorded());
    }
}

/// Rules that need several streams.
fn check_across(case: &Case<'_>, broken: &mut Vec<Finding>) {
    let mut keys: BTreeMap<KeyId, Key> = BTreeMap::new();
    let mut registered: BTreeMap<StreamId, &Event> = BTreeMap::new();
    let mut documents: BTreeMap<DocumentId, Document> = BTreeMap::new();
    for (index, shown) in &case.records {
        let mut found = |code, why: &str| broken.push(not_allowed(code, *index, shown, why));
        if let Some(signed) = shown.event.signature() {
            let signed_at = signed.proven_at.unwrap_or(shown.record.at);
            if let Some(key) = keys.get(&signed.key).filter(|key| key.bars(signed_at).is_some()) {
                let since = key.suspended_at.map(|at| at.to_string()).unwrap_or_default();
                found(Code::SuspendedKeyUsed, &format!("suspended since {since}"));
            }
            let stream = StreamId::certificate(signed.certificate);
            match registered.get(&stream) {
                Some(event) if is_registered_to(event, signed) => {}
                Some(_) => found(Code::EventNotAllowed, "the certificate is registered to another participant or key"),
                None if case.streams.contains_key(&stream) => {
                    found(Code::EventNotAllowed, "the certificate was not registered before");
                }
                // Without the certificate's stream nobody can say; that it is missing is reported already.
                None => {}
            }
        }
        let document = shown.event.document();
        let of_document = document.and_then(|id| documents.get(&id));
        let complete = document.is_some_and(|id| case.streams.contains_key(&StreamId::document(id)));
        #[expect(clippy::wildcard_enum_match_arm, reason = "the other events have no rule across streams")]
        match &shown.event {
            Event::CertificateRegistered(_) => {
                registered.extend(shown.record.home().map(|home| (home.clone(), &shown.event)));
            }
            Event::DeliveryOpened(e) if complete => {
                let sent = of_document.is_some_and(|document| {
                    document.sent_at.is_some() && document.formed.as_ref().is_some_and(|f| f.sender == e.sender)
                });
                if !sent {
                    found(Code::EventNotAllowed, "its sender did not send the document before");
                }
            }
            Event::DeliveryAccounted(e) if complete => {
                let applied = of_document.into_iter().flat_map(Document::standing);
                let mut applied: Vec<_> = applied.map(|one| (one.slot, one.signature.certificate)).collect();
                applied.sort_unstable();
                let checked = e.signatures.iter().map(|one| (one.slot, one.certificate));
                if !applied.into_iter().eq(checked) {
                    found(Code::EventNotAllowed, "other signatures were checked than the document has");
                }
            }
            Event::DeliveryFinding(e) if complete && e.slot.is_some() => {
                let mut standing = of_document.into_iter().flat_map(Document::standing);
                if !standing.any(|one| one.is_found_by(e)) {
                    found(Code::EventNotAllowed, "it is about no signature of the document");
                }
            }
            _ => {}
        }
        if let Some(key) = KeyHistory::key_of(&shown.event) {
            keys.entry(key).or_default().apply(&shown.event, shown.recorded());
        }
        if let (Some(id), Some(StreamKind::Document)) = (document, shown.record.home().map(StreamId::kind)) {
            documents.entry(id).or_default().apply(&shown.event, shown.recorded());
        }
    }
}

fn is_registered_to(event: &Event, signed: &Signed) -> bool {
    matches!(event, Event::CertificateRegistered(e) if e.participant == signed.participant && e.key == signed.key)
}
