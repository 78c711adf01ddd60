//! Events: what happened, one variant per type, each with its frozen rule of streams.
//!
//! What concerns one recipient is homed in its `delivery`, and no record homed in `document` names a recipient, so
//! that recipients do not learn of one another (format.md section 1). All are of schema version 1.
//! `parties` are sender and recipient; `signer` is certificate, key and participant of the signature.
//!
//! | event | home | also names | clauses | payload slots (`?` optional) |
//! |---|---|---|---|---|
//! | `participant.registered` | participant | identity | 2.1, 1.22 | client-data |
//! | `agreement.accepted` | participant | | 1.7, 1.16 | |
//! | `certificate.registered` | certificate | key, participant | 3.5.1, 8.1 | certificate, chain?, evidence?, possession, report |
//! | `key.compromise_reported` | key | certificate, participant | 8.7, 8.9, 2.17 | statement? |
//! | `key.use_suspended` | key | participant | 8.8 | |
//! | `key.annulled` | key | participant | 8.10 | |
//! | `key.use_resumed` | key | participant | 8.8 | |
//! | `document.formed` | document | participants of the slots, sender | 5.3.1.1, 5.3.2 | content, content-info |
//! | `document.signature_applied` | document | signer | 5.3.2, 8.2, 8.4 | cms, evidence?, report |
//! | `document.finding_recorded` | document | signer | 8.2, 8.10, 5.2.3 | evidence?, report |
//! | `document.sent` | document | sender | 5.3.1.2, 2.23 | |
//! | `delivery.opened` | delivery | document, parties | 5.3.1.2 | |
//! | `delivery.accounted` | delivery | document, parties | 5.2.4, 5.3.6, 5.3.7 | evidence-N? and report-N per signature |
//! | `delivery.receipt_issued` | delivery | parties | 5.2.4 | |
//! | `delivery.receipt_delivered` | delivery | parties | 5.2.4 | |
//! | `delivery.deemed_not_received` | delivery | document, parties | 5.3.6 | evidence-N? and report-N per signature |
//! | `delivery.countersignature_applied` | delivery | document, parties, signer | 5.3.4, 8.2 | cms, evidence?, report, reservations? |
//! | `delivery.finding_recorded` | delivery | document, parties, signer | 8.2, 8.10, 5.2.3 | evidence?, report |
//! | `delivery.answer_refused` | delivery | document, parties, signer | 5.3.4 | cms, evidence?, reason, report |
//! | `delivery.recalled` | delivery | document, parties, signer | 5.3.1.5 | cms, evidence?, report |
//! | `delivery.withdrawn` | delivery | document, parties, signer | 5.3.1.5 | cms, evidence?, reason, report |
//! | `delivery.annulment_proposed` | delivery | document, parties, signer | 5.3.1.5 | cms, evidence?, reason, report |
//! | `delivery.annulment_accepted` | delivery | document, parties, signer | 5.3.1.5 | cms, evidence?, report |
//! | `delivery.annulment_refused` | delivery | document, parties, signer | 5.3.1.5 | cms, evidence?, reason, report |
//! | `delivery.annulment_proposal_withdrawn` | delivery | document, parties, signer | 5.3.1.5 | cms, evidence?, report |
//! | `delivery.annulled` | delivery | document, parties | 5.3.1.5 | |
//! | `ledger.trust_published` | ledger | | 8.2 | policy, trust |
//! | `ledger.crl_recorded` | ledger | | 2.12, 8.2 | crl |
//! | `command.refused` | participant | | 5.3.6 | details |
//!
//! Payloads: `certificate`, `crl` DER; `chain` DER certificates one after the other; `possession`, `cms` CMS as it
//! came; `report`, `client-data` `{name, number}`, `content-info` `{bytes, media_type, sha256, title}`, `details`
//! canonical JSON; `evidence` what a check used beside the CMS, registered certificates and recorded lists, canonical
//! JSON (docs/FORMAT.md section 6); `reason`, `reservations`, `statement` UTF-8 text.

use std::borrow::Cow;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::canonical::{self, CanonicalError};
use crate::domain::refusal::RefusalCode;
use crate::id::{DeliveryId, EventId, IdError, ParticipantId, StreamId};
use crate::payload::Slot;
use crate::record::{EventType, Record};

mod data;
mod subject;
#[cfg(test)]
pub(crate) mod samples;

pub use data::*;

/// How many signature slots a document may have: each may be one stream and one report of an event (both at most 64).
pub const SIGNERS_MAX: usize = 32;

/// A later check of a recorded signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordedFinding<'a> {
    /// The event that recorded the signature.
    pub of: EventId,
    /// The signature, with what the check came to and used.
    pub signature: &'a Signed,
    /// Why it failed.
    pub reasons: &'a [RefusalCode],
    /// The delivery whose receipt is the second moment of the check; none for the moment of signing alone.
    pub received_by: Option<DeliveryId>,
}

/// When a payload belongs to an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// Always.
    Required,
    /// As the party wished.
    Optional,
    /// One for each signature that the event lists; the slot is the name, `-` and the signature's number.
    PerSignature,
    /// As [`Presence::PerSignature`], where there is something to keep.
    OptionalPerSignature,
}

/// Why a record is not an event of ours.
#[derive(Debug, thiserror::Error)]
pub enum EventError {
    /// Written by a newer program, or not an event: a verifier must not skip it.
    #[error("unknown event {event_type} in version {version}")]
    Unknown {
        /// The record's type.
        event_type: EventType,
        /// The record's version.
        version: u64,
    },
    /// `data` is not in the closed schema.
    #[error("data of {event_type} is not of its schema")]
    Data {
        /// The record's type.
        event_type: EventType,
        /// What the parser found.
        source: serde_json::Error,
    },
    /// `data` breaks a rule that the schema cannot say.
    #[error("data of {event_type} breaks a rule: {rule}")]
    Rule {
        /// The record's type.
        event_type: EventType,
        /// The rule.
        rule: &'static str,
    },
    /// The record names other streams than its data demand.
    #[error("streams of {event_type} are not those of its data")]
    Streams {
        /// The record's type.
        event_type: EventType,
    },
    /// A payload is missing, or one has no place in this event.
    #[error("payload slot {slot} of {event_type} is missing or has no place there")]
    Slot {
        /// The record's type.
        event_type: EventType,
        /// The slot.
        slot: String,
    },
}

/// Declares the enum and its table; nothing else may know the names.
macro_rules! events {
    ($($name:ident($data:ident) = $type:literal, [$($clause:literal),*], [$($slot:literal $presence:ident),*];)*) => {
        /// An event of version 1.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Event {
            $(#[doc = concat!("`", $type, "`.")] $name($data),)*
        }

        impl Event {
            /// Every event type.
            pub const TYPES: &'static [&'static str] = &[$($type,)*];

            /// The type as it stands in records.
            pub const fn type_name(&self) -> &'static str {
                match self { $(Self::$name(_) => $type,)* }
            }

            /// The clauses of the agreement that the event discharges.
            pub const fn clauses(&self) -> &'static [&'static str] {
                match self { $(Self::$name(_) => &[$($clause),*],)* }
            }

            /// The payload slots, sorted.
            pub const fn slots(&self) -> &'static [(&'static str, Presence)] {
                match self { $(Self::$name(_) => &[$(($slot, Presence::$presence)),*],)* }
            }

            /// The public part: a canonical JSON object.
            pub fn data(&self) -> Result<Box<str>, CanonicalError> {
                match self { $(Self::$name(data) => encode(data),)* }
            }

            /// Reads `data` of a type and version; neither streams nor payloads are looked at.
            fn decode_data(record: &Record) -> Result<Self, EventError> {
                match (record.event_type.as_str(), record.version) {
                    $(($type, 1) => decode(record).map(Self::$name),)*
                    _ => Err(EventError::Unknown {
                        event_type: record.event_type.clone(),
                        version: record.version,
                    }),
                }
            }
        }

    };
}

fn encode<T: Serialize>(data: &T) -> Result<Box<str>, CanonicalError> {
    let bytes = canonical::encode(data)?;
    // Canonical bytes are UTF-8 by their own check.
    String::from_utf8(bytes).map(String::into_boxed_str).map_err(|_| CanonicalError::Unrepresentable { what: "text" })
}

fn decode<T: DeserializeOwned>(record: &Record) -> Result<T, EventError> {
    serde_json::from_str(&record.data)
        .map_err(|source| EventError::Data { event_type: record.event_type.clone(), source })
}

events! {
    ParticipantRegistered(ParticipantRegistered) = "participant.registered", ["2.1", "1.22"], ["client-data" Required];
    AgreementAccepted(AgreementAccepted) = "agreement.accepted", ["1.7", "1.16"], [];
    CertificateRegistered(CertificateRegistered) = "certificate.registered", ["3.5.1", "8.1"],
        ["certificate" Required, "chain" Optional, "evidence" Optional, "possession" Required, "report" Required];
    CompromiseReported(CompromiseReported) = "key.compromise_reported", ["8.7", "8.9", "2.17"], ["statement" Optional];
    KeyUseSuspended(KeyUseSuspended) = "key.use_suspended", ["8.8"], [];
    KeyAnnulled(KeyAnnulled) = "key.annulled", ["8.10"], [];
    KeyUseResumed(KeyUseResumed) = "key.use_resumed", ["8.8"], [];
    DocumentFormed(DocumentFormed) = "document.formed", ["5.3.1.1", "5.3.2"],
        ["content" Required, "content-info" Required];
    SignatureApplied(SignatureApplied) = "document.signature_applied", ["5.3.2", "8.2", "8.4"],
        ["cms" Required, "evidence" Optional, "report" Required];
    FindingRecorded(FindingRecorded) = "document.finding_recorded", ["8.2", "8.10", "5.2.3"],
        ["evidence" Optional, "report" Required];
    DocumentSent(DocumentSent) = "document.sent", ["5.3.1.2", "2.23"], [];
    DeliveryOpened(DeliveryOpened) = "delivery.opened", ["5.3.1.2"], [];
    DeliveryAccounted(DeliveryAccounted) = "delivery.accounted", ["5.2.4", "5.3.6", "5.3.7"],
        ["evidence" OptionalPerSignature, "report" PerSignature];
    ReceiptIssued(DeliveryNoticed) = "delivery.receipt_issued", ["5.2.4"], [];
    ReceiptDelivered(DeliveryNoticed) = "delivery.receipt_delivered", ["5.2.4"], [];
    DeliveryDeemedNotReceived(DeliveryDeemedNotReceived) = "delivery.deemed_not_received", ["5.3.6"],
        ["evidence" OptionalPerSignature, "report" PerSignature];
    CountersignatureApplied(CountersignatureApplied) = "delivery.countersignature_applied", ["5.3.4", "8.2"],
        ["cms" Required, "evidence" Optional, "report" Required, "reservations" Optional];
    DeliveryFinding(DeliveryFinding) = "delivery.finding_recorded", ["8.2", "8.10", "5.2.3"],
        ["evidence" Optional, "report" Required];
    AnswerRefused(DeliveryActSigned) = "delivery.answer_refused", ["5.3.4"],
        ["cms" Required, "evidence" Optional, "reason" Required, "report" Required];
    DeliveryRecalled(DeliveryActSigned) = "delivery.recalled", ["5.3.1.5"], ["cms" Required, "evidence" Optional, "report" Required];
    DeliveryWithdrawn(DeliveryActSigned) = "delivery.withdrawn", ["5.3.1.5"],
        ["cms" Required, "evidence" Optional, "reason" Required, "report" Required];
    AnnulmentProposed(AnnulmentSigned) = "delivery.annulment_proposed", ["5.3.1.5"],
        ["cms" Required, "evidence" Optional, "reason" Required, "report" Required];
    AnnulmentAccepted(AnnulmentSigned) = "delivery.annulment_accepted", ["5.3.1.5"],
        ["cms" Required, "evidence" Optional, "report" Required];
    AnnulmentRefused(AnnulmentSigned) = "delivery.annulment_refused", ["5.3.1.5"],
        ["cms" Required, "evidence" Optional, "reason" Required, "report" Required];
    AnnulmentProposalWithdrawn(AnnulmentSigned) = "delivery.annulment_proposal_withdrawn", ["5.3.1.5"],
        ["cms" Required, "evidence" Optional, "report" Required];
    DeliveryAnnulled(DeliveryAnnulled) = "delivery.annulled", ["5.3.1.5"], [];
    TrustPublished(TrustPublished) = "ledger.trust_published", ["8.2"], ["policy" Required, "trust" Required];
    CrlRecorded(CrlRecorded) = "ledger.crl_recorded", ["2.12", "8.2"], ["crl" Required];
    CommandRefused(CommandRefused) = "command.refused", ["5.3.6"], ["details" Required];
}

impl Event {
    /// The type, for a record.
    pub fn event_type(&self) -> Result<EventType, IdError> {
        self.type_name().parse()
    }

    /// The schema version of `data`.
    pub const fn version(&self) -> u64 {
        1
    }

    /// The streams: home first, the rest sorted, none twice. A frozen function of type, version and data.
    pub fn streams(&self) -> Vec<StreamId> {
        let participant = StreamId::participant;
        match self {
            Self::ParticipantRegistered(e) => named(participant(e.participant), [StreamId::identity(e.identity)]),
            Self::AgreementAccepted(e) => named(participant(e.participant), []),
            Self::CertificateRegistered(e) => {
                named(StreamId::certificate(e.certificate), [StreamId::key(e.key), participant(e.participant)])
            }
            Self::CompromiseReported(e) => {
                named(StreamId::key(e.key), [StreamId::certificate(e.certificate), participant(e.participant)])
            }
            Self::KeyUseSuspended(e) => named(StreamId::key(e.key), [participant(e.participant)]),
            Self::KeyAnnulled(e) => named(StreamId::key(e.key), [participant(e.participant)]),
            Self::KeyUseResumed(e) => named(StreamId::key(e.key), [participant(e.participant)]),
            Self::DocumentFormed(e) => {
                let signers = e.slots.iter().map(|slot| slot.participant);
                named(StreamId::document(e.document), signers.chain([e.sender]).map(participant))
            }
            Self::SignatureApplied(e) => named(StreamId::document(e.document), signer(&e.signature)),
            Self::FindingRecorded(e) => named(StreamId::document(e.document), signer(&e.signature)),
            Self::DocumentSent(e) => named(StreamId::document(e.document), [participant(e.sender)]),
            Self::DeliveryOpened(e) => {
                named(StreamId::delivery(e.delivery), with_document(e.document, e.sender, e.recipient))
            }
            Self::DeliveryAccounted(e) => {
                named(StreamId::delivery(e.delivery), with_document(e.document, e.sender, e.recipient))
            }
            Self::ReceiptIssued(e) | Self::ReceiptDelivered(e) => {
                named(StreamId::delivery(e.delivery), [participant(e.sender), participant(e.recipient)])
            }
            Self::DeliveryDeemedNotReceived(e) => {
                named(StreamId::delivery(e.delivery), with_document(e.document, e.sender, e.recipient))
            }
            Self::CountersignatureApplied(e) => {
                let parties = with_document(e.document, e.sender, e.recipient);
                named(StreamId::delivery(e.delivery), parties.into_iter().chain(signer(&e.signature)))
            }
            Self::DeliveryFinding(e) => {
                let parties = with_document(e.document, e.sender, e.recipient);
                named(StreamId::delivery(e.delivery), parties.into_iter().chain(signer(&e.signature)))
            }
            Self::AnswerRefused(e) | Self::DeliveryRecalled(e) | Self::DeliveryWithdrawn(e) => {
                let parties = with_document(e.document, e.sender, e.recipient);
                named(StreamId::delivery(e.delivery), parties.into_iter().chain(signer(&e.signature)))
            }
            Self::AnnulmentProposed(e)
            | Self::AnnulmentAccepted(e)
            | Self::AnnulmentRefused(e)
            | Self::AnnulmentProposalWithdrawn(e) => {
                let parties = with_document(e.document, e.sender, e.recipient);
                named(StreamId::delivery(e.delivery), parties.into_iter().chain(signer(&e.signature)))
            }
            Self::DeliveryAnnulled(e) => {
                named(StreamId::delivery(e.delivery), with_document(e.document, e.sender, e.recipient))
            }
            Self::TrustPublished(e) => named(StreamId::ledger(&e.origin), []),
            Self::CrlRecorded(e) => named(StreamId::ledger(&e.origin), []),
            Self::CommandRefused(e) => named(participant(e.participant), []),
        }
    }

    /// Reads the event of a record and checks all that follows from it: streams, payload slots, rules of the data.
    pub fn decode(record: &Record) -> Result<Self, EventError> {
        let event = Self::decode_data(record)?;
        let event_type = || record.event_type.clone();
        event.check_rules().map_err(|rule| EventError::Rule { event_type: event_type(), rule })?;
        if event.streams() != record.streams {
            return Err(EventError::Streams { event_type: event_type() });
        }
        let given = record.sealed.iter().map(|commitment| commitment.slot.as_str());
        event.check_slots(given).map_err(|slot| EventError::Slot { event_type: event_type(), slot })?;
        Ok(event)
    }

    /// Checks that exactly the payloads are there that the event has; the error names the slot.
    pub fn check_slots<'a>(&self, given: impl IntoIterator<Item = &'a str>) -> Result<(), String> {
        let numbered = |name: &str| self.checked().iter().map(|checked| format!("{name}-{}", checked.slot)).collect();
        let mut expected: Vec<(Cow<'static, str>, bool)> = Vec::new();
        for (name, presence) in self.slots() {
            match presence {
                Presence::Required => expected.push((Cow::Borrowed(*name), true)),
                Presence::Optional => expected.push((Cow::Borrowed(*name), false)),
                Presence::PerSignature | Presence::OptionalPerSignature => {
                    let names: Vec<String> = numbered(name);
                    let required = *presence == Presence::PerSignature;
                    expected.extend(names.into_iter().map(|name| (Cow::Owned(name), required)));
                }
            }
        }
        for slot in given {
            let place = expected.iter().position(|(name, _)| name == slot).ok_or(slot)?;
            expected.swap_remove(place);
        }
        expected.into_iter().find(|(_, required)| *required).map_or(Ok(()), |(name, _)| Err(name.into_owned()))
    }

    /// The signatures that were checked at receipt.
    #[expect(clippy::wildcard_enum_match_arm, reason = "only these two events check again")]
    fn checked(&self) -> &[CheckedSignature] {
        match self {
            Self::DeliveryAccounted(e) => &e.signatures,
            Self::DeliveryDeemedNotReceived(e) => &e.signatures,
            _ => &[],
        }
    }

    /// The signature that the event records.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the others record no signature")]
    pub const fn signature(&self) -> Option<&Signed> {
        match self {
            Self::SignatureApplied(e) => Some(&e.signature),
            Self::CountersignatureApplied(e) => Some(&e.signature),
            Self::AnswerRefused(e) | Self::DeliveryRecalled(e) | Self::DeliveryWithdrawn(e) => Some(&e.signature),
            Self::AnnulmentProposed(e)
            | Self::AnnulmentAccepted(e)
            | Self::AnnulmentRefused(e)
            | Self::AnnulmentProposalWithdrawn(e) => Some(&e.signature),
            _ => None,
        }
    }

    /// What a later check of a recorded signature came to.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the others record no finding")]
    pub fn finding(&self) -> Option<RecordedFinding<'_>> {
        match self {
            Self::FindingRecorded(e) => {
                Some(RecordedFinding { of: e.event, signature: &e.signature, reasons: &e.reasons, received_by: None })
            }
            Self::DeliveryFinding(e) => {
                let received_by = e.slot.map(|_| e.delivery);
                Some(RecordedFinding { of: e.event, signature: &e.signature, reasons: &e.reasons, received_by })
            }
            _ => None,
        }
    }

    /// Whether the signature is over the document itself: those may wait for revocation data.
    const fn may_be_pending(&self) -> bool {
        matches!(self, Self::SignatureApplied(_) | Self::CountersignatureApplied(_))
    }

    /// What the closed schemas cannot say.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the others have no rule beyond their schema")]
    pub(crate) fn check_rules(&self) -> Result<(), &'static str> {
        let rule = |holds: bool, text| if holds { Ok(()) } else { Err(text) };
        let in_order =
            |evidence: &[EventId]| rule(evidence.is_sorted_by(|a, b| a < b), "evidence is not sorted or doubled");
        if let Some(signature) = self.signature() {
            let pending = self.may_be_pending() && signature.verdict == Verdict::Indeterminate;
            rule(pending || signature.verdict == Verdict::Passed, "a signature that did not pass makes no event")?;
            in_order(&signature.evidence)?;
        }
        if let Some(finding) = self.finding() {
            in_order(&finding.signature.evidence)?;
            let has_reasons = codes_are_sorted(finding.reasons);
            let failed = finding.signature.verdict == Verdict::Failed;
            rule(
                has_reasons || (!failed && finding.reasons.is_empty()),
                "reasons are not sorted or doubled, or missing",
            )?;
            rule(failed || !has_reasons, "reasons without a failed check")?;
            let proves_time = finding.received_by.is_some() && finding.signature.proven_at.is_some();
            rule(!proves_time, "a check at the receipt proves no time")?;
        }
        let checked = self.checked();
        rule(checked.len() <= SIGNERS_MAX, "more than 32 signatures")?;
        rule(checked.is_sorted_by(|a, b| a.slot < b.slot), "signatures are not sorted by slot or doubled")?;
        match self {
            Self::DocumentFormed(e) => {
                rule((1..=SIGNERS_MAX).contains(&e.slots.len()), "no slot or more than 32")?;
                rule(e.slots.iter().zip(1..).all(|(slot, number)| slot.slot == number), "slots are not 1, 2, 3 ...")?;
                rule(e.slots.iter().any(|slot| slot.mandatory), "no mandatory slot")
            }
            Self::DeliveryAccounted(e) => {
                in_order(&e.evidence)?;
                rule(!checked.is_empty(), "no signature")?;
                rule(checked.iter().all(|one| one.verdict == Verdict::Passed), "a signature has not passed")
            }
            Self::DeliveryDeemedNotReceived(e) => {
                in_order(&e.evidence)?;
                rule(codes_are_sorted(&e.reasons), "reasons are not sorted or doubled")
            }
            Self::CommandRefused(e) => {
                rule(codes_are_sorted(&e.codes), "codes are not sorted or doubled")?;
                rule(e.attempts >= 1 && e.root.is_some() == (e.attempts > 1), "a root stands for several attempts only")
            }
            _ => Ok(()),
        }
    }
}

fn codes_are_sorted(codes: &[RefusalCode]) -> bool {
    !codes.is_empty() && codes.is_sorted_by(|a, b| a.as_str() < b.as_str())
}

fn named(home: StreamId, others: impl IntoIterator<Item = StreamId>) -> Vec<StreamId> {
    let mut streams = vec![home.clone()];
    streams.extend(others.into_iter().filter(|other| *other != home));
    if let Some((_, others)) = streams.split_first_mut() {
        others.sort_unstable();
    }
    streams.dedup();
    streams
}

fn with_document(document: crate::id::DocumentId, sender: ParticipantId, recipient: ParticipantId) -> [StreamId; 3] {
    [StreamId::document(document), StreamId::participant(sender), StreamId::participant(recipient)]
}

fn signer(signature: &Signed) -> [StreamId; 3] {
    [
        StreamId::certificate(signature.certificate),
        StreamId::key(signature.key),
        StreamId::participant(signature.participant),
    ]
}

/// An event that was decided, with the payloads that go with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    /// What happened.
    pub event: Event,
    /// What is kept outside the record, by slot.
    pub payloads: Vec<(Slot, Vec<u8>)>,
}

impl NewEvent {
    /// An event without payloads.
    pub const fn new(event: Event) -> Self {
        Self { event, payloads: Vec::new() }
    }

    /// Adds a payload. The slot names are those of [`Event::slots`], so a wrong one is found by the tests of its rule.
    #[must_use]
    pub(crate) fn with(mut self, slot: &str, bytes: impl Into<Vec<u8>>) -> Self {
        if let Ok(slot) = slot.parse() {
            self.payloads.push((slot, bytes.into()));
        }
        self
    }

    /// Adds the payload `evidence`, where there is one.
    #[must_use]
    pub(crate) fn with_evidence(self, evidence: Option<&Vec<u8>>) -> Self {
        match evidence {
            Some(evidence) => self.with("evidence", evidence.clone()),
            None => self,
        }
    }
}

#[cfg(test)]
mod tests;
