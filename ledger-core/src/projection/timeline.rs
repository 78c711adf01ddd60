//! The time line: one line per event, without personal data.

use serde::Serialize;

use super::{EventRef, Logged};
use crate::domain::event::{Answer, Event, Verdict};
use crate::id::DeliveryId;
use crate::record::Capacity;

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TimelineEntry {
    /// In which capacity somebody acted.
    pub actor: Capacity,
    /// The clauses that the event discharges.
    pub clauses: Vec<String>,
    /// The delivery that it belongs to; none for the document itself and for keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivery: Option<DeliveryId>,
    /// Where the event stands.
    #[serde(flatten)]
    pub event: EventRef,
    /// The event's type.
    #[serde(rename = "type")]
    pub event_type: &'static str,
    /// One sentence in English; names and numbers are in the payloads, not here.
    pub text: String,
}

impl TimelineEntry {
    /// The line of an event.
    pub fn of(logged: Logged<'_>) -> Self {
        let (_, record, event) = logged;
        Self {
            actor: record.actor.capacity,
            clauses: record.basis.clauses.clone(),
            delivery: event.delivery(),
            event: EventRef::of(logged),
            event_type: event.type_name(),
            text: text_of(event),
        }
    }
}

fn text_of(event: &Event) -> String {
    let text = match event {
        Event::ParticipantRegistered(_) => "the participant was registered",
        Event::AgreementAccepted(e) => return format!("the terms {} were accepted", e.terms),
        Event::CertificateRegistered(_) => "a certificate was registered after proof of possession of its key",
        Event::CompromiseReported(e) => {
            return format!(
                "the owner reported the key as compromised since {}; the notice was received at {}",
                e.claimed_since, e.received_at
            );
        }
        Event::KeyUseSuspended(_) => "the use of the key was suspended",
        Event::KeyAnnulled(e) => {
            return format!("the key was annulled; what it signed since {} is not accepted", e.compromised_since);
        }
        Event::KeyUseResumed(_) => "the notice of compromise was a false alarm; the use of the key was resumed",
        Event::DocumentFormed(e) => {
            return format!("the document was formed as {} for {} signer(s)", e.format, e.slots.len());
        }
        Event::SignatureApplied(e) if e.signature.verdict == Verdict::Indeterminate => {
            return format!("a signature for slot {} was recorded; it waits for revocation data", e.slot);
        }
        Event::SignatureApplied(e) => return format!("the signature of slot {} was checked and applied", e.slot),
        Event::FindingRecorded(e) => {
            return format!("the signature of slot {} was checked again: {}", e.slot, e.signature.verdict);
        }
        Event::DocumentSent(_) => "the document was sent",
        Event::DeliveryOpened(e) => match e.answer {
            Answer::Required => "the delivery was opened; an answer is asked for",
            Answer::NotRequired => "the delivery was opened; no answer is asked for",
        },
        Event::DeliveryAccounted(e) => {
            return format!("the document was checked ({} signature(s) passed) and accounted", e.signatures.len());
        }
        Event::ReceiptIssued(_) => "the receipt for the sender was issued",
        Event::ReceiptDelivered(_) => "the sender got the receipt",
        Event::DeliveryDeemedNotReceived(e) => {
            let reasons: Vec<_> = e.reasons.iter().map(|code| code.as_str()).collect();
            return format!("the check failed, the document is deemed not received: {}", reasons.join(", "));
        }
        Event::CountersignatureApplied(e) if e.signature.verdict == Verdict::Indeterminate => {
            "a countersignature was recorded; it waits for revocation data"
        }
        Event::CountersignatureApplied(e) if e.reservations => "the recipient countersigned with reservations",
        Event::CountersignatureApplied(_) => "the recipient countersigned",
        Event::DeliveryFinding(e) => {
            let verdict = e.signature.verdict;
            return match e.slot {
                Some(slot) => format!("the signature of slot {slot} was checked again as of its receipt: {verdict}"),
                None => format!("the countersignature was checked again: {verdict}"),
            };
        }
        Event::AnswerRefused(_) => "the recipient refused the answer",
        Event::DeliveryRecalled(_) => "the sender recalled the document before its receipt",
        Event::DeliveryWithdrawn(_) => "the sender withdrew the document before its answer",
        Event::AnnulmentProposed(e) => return format!("annulment was proposed (proposal {})", e.proposal),
        Event::AnnulmentAccepted(e) => return format!("the other party consented to proposal {}", e.proposal),
        Event::AnnulmentRefused(e) => return format!("the other party refused proposal {}", e.proposal),
        Event::AnnulmentProposalWithdrawn(e) => return format!("proposal {} was taken back", e.proposal),
        Event::DeliveryAnnulled(_) => "the document was annulled by consent",
        Event::TrustPublished(_) => "trust anchors and signature policy were published",
        Event::CrlRecorded(_) => "a certificate revocation list was recorded",
        Event::CommandRefused(e) => return format!("a command was refused: {}", e.command),
    };
    text.to_owned()
}
