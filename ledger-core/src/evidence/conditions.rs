//! The four conditions of clause 5.2.3, for each signature on the document and each recipient.
//!
//! Facts only: whether a document "cannot be disputed" is for the reader of the agreement; here stands which of the
//! conditions the evidence establishes.

use serde::Serialize;

use super::finding::EventRef;
use super::verify::signatures::Judged;
use super::verify::{Case, Shown};
use crate::domain::event::Event;
use crate::id::{CertificateId, DeliveryId, LeafIndex, ParticipantId, StreamId};
use crate::signature::Verdict;
use crate::time::Timestamp;

/// Whether a condition is established.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Condition {
    /// The evidence shows that it does not hold, or not yet.
    NotEstablished,
    /// The evidence does not say.
    Indeterminate,
    /// The evidence shows that it holds.
    Established,
}

/// The four conditions for one signature and one recipient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FourConditions {
    /// The signature.
    pub signature: EventRef,
    /// Its slot on the document.
    pub slot: u64,
    /// The signer.
    pub signer: ParticipantId,
    /// The signer's certificate.
    pub certificate: CertificateId,
    /// The delivery.
    pub delivery: DeliveryId,
    /// Its recipient.
    pub recipient: ParticipantId,
    /// When the ledger took the signature: the first of the two moments.
    pub signed_at: Timestamp,
    /// When the document was accounted for this recipient: the second; absent if it was not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub received_at: Option<Timestamp>,
    /// 5.2.3.1: the signature is authentic.
    pub authentic: Condition,
    /// 5.2.3.2: the certificate was in force at signing and at receipt.
    pub in_force: Condition,
    /// 5.2.3.3: the operator accounted the document.
    pub accounted: Condition,
    /// 5.2.3.4: the signature was used in relations that the agreement regulates.
    pub regulated: Condition,
    /// The worst of the four.
    pub all: Condition,
    /// The owner reported the key compromised since before the signature (clause 8.10).
    pub contested: bool,
}

/// Assesses the conditions from the records that a verification has read.
pub(super) fn assess(case: &Case<'_>, judged: &[Judged]) -> Vec<FourConditions> {
    let document = case.bundle.manifest.document;
    let deliveries: Vec<_> = case
        .considered()
        .filter_map(|(_, shown)| {
            let Event::DeliveryOpened(event) = &shown.event else { return None };
            (event.document == document).then(|| event.clone())
        })
        .collect();
    let mut conditions = Vec::new();
    for one in judged {
        let (Some(slot), Some(signature)) = (one.slot, case.records.get(&one.index)) else { continue };
        let signed_at = signature.record.at;
        if case.until.is_some_and(|until| signed_at > until) {
            continue;
        }
        for delivery in &deliveries {
            let received = received(case, delivery.delivery);
            let contradicted = case.is_contradicted_beside_its_signature(one.index);
            let authentic = if contradicted { Condition::NotEstablished } else { established(one.authentic) };
            let in_force = match (received, one.at_receipt.get(&delivery.delivery)) {
                (None, _) => Condition::NotEstablished,
                (Some(_), None) => Condition::Indeterminate,
                (Some(_), Some(verdict)) => established(*verdict),
            };
            let stream = StreamId::delivery(delivery.delivery);
            let accounted = match received {
                None => Condition::NotEstablished,
                Some((index, _)) if case.is_contradicted(index) => Condition::NotEstablished,
                Some(_) if case.streams.contains_key(&stream) => Condition::Established,
                Some(_) => Condition::Indeterminate,
            };
            let parties = [one.signed.participant, delivery.sender, delivery.recipient];
            let agreed = parties.iter().all(|party| has_agreed(case, *party));
            let regulated = if agreed { Condition::Established } else { Condition::Indeterminate };
            conditions.push(FourConditions {
                signature: EventRef { index: one.index, id: Some(one.event) },
                slot,
                signer: one.signed.participant,
                certificate: one.signed.certificate,
                delivery: delivery.delivery,
                recipient: delivery.recipient,
                signed_at,
                received_at: received.map(|(_, at)| at),
                authentic,
                in_force,
                accounted,
                regulated,
                all: authentic.min(in_force).min(accounted).min(regulated),
                contested: one.contested,
            });
        }
    }
    conditions
}

const fn established(verdict: Verdict) -> Condition {
    match verdict {
        Verdict::Passed => Condition::Established,
        Verdict::Failed(_) => Condition::NotEstablished,
        Verdict::Indeterminate(_) => Condition::Indeterminate,
    }
}

fn received(case: &Case<'_>, delivery: DeliveryId) -> Option<(LeafIndex, Timestamp)> {
    let is = |shown: &Shown| matches!(&shown.event, Event::DeliveryAccounted(event) if event.delivery == delivery);
    case.considered().find(|(_, shown)| is(shown)).map(|(index, shown)| (index, shown.record.at))
}

/// Whether the participant had accepted the agreement; the recipient may have done so after the signature.
fn has_agreed(case: &Case<'_>, participant: ParticipantId) -> bool {
    let is =
        |shown: &Shown| matches!(&shown.event, Event::AgreementAccepted(event) if event.participant == participant);
    case.considered().any(|(_, shown)| is(shown))
}
