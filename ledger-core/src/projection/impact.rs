//! What a compromised key has signed: every signature in its window (product.md C.3.6; clauses 8.7 to 8.10).
//!
//! The report states facts and decides nothing: a signature in the contested window is cryptographically valid, and
//! its owner claims that somebody else could have made it. The trusted time of a signature is that of its record, or
//! the earlier one that a trusted time-stamp proves; the time which the signer claims is never used in the signer's favour.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{EventRef, Logged, Viewer};
use crate::domain::event::{Channel, CompromiseReported, Event, words};
use crate::id::{CertificateId, DeliveryId, DocumentId, KeyId, ParticipantId};
use crate::time::Timestamp;

words! {
    /// When a signature was made, against the times of the notice.
    Window {
        /// Before the time since which the key is claimed to be compromised: the signature stands.
        BeforeCompromise = "before-compromise",
        /// From then to the receipt of the notice: contested, no automatic invalidity.
        Contested = "contested",
        /// From the receipt of the notice to the suspension (24 hours at most, clause 2.16): contested, on the operator's side.
        Reaction = "reaction",
        /// After the suspension: no such signature should have been accepted (clause 8.8).
        AfterSuspension = "after-suspension",
        /// After the annulment: the same, for good (clause 8.10).
        AfterAnnulment = "after-annulment",
        /// The notice was a false alarm: what was contested is contested no more (clause 8.8).
        FalseAlarm = "false-alarm",
    }
}

impl Window {
    /// Whether a signature in this window is marked as contested.
    pub const fn is_contested(self) -> bool {
        match self {
            Self::BeforeCompromise | Self::FalseAlarm => false,
            Self::Contested | Self::Reaction | Self::AfterSuspension | Self::AfterAnnulment => true,
        }
    }
}

/// A notice of compromise; its times are kept apart, because each means something else in a dispute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CompromiseNotice {
    /// The certificate by which the reporter owns the key.
    pub certificate: CertificateId,
    /// How the notice came.
    pub channel: Channel,
    /// Since when the key is claimed to be compromised (clause 8.10).
    pub claimed_since: Timestamp,
    /// When the owner learned of it, by its own word (clause 8.7).
    pub learned_at: Timestamp,
    /// When the notice was actually received (clause 8.9).
    pub received_at: Timestamp,
    /// The event.
    pub reported: EventRef,
    /// The resumption that took the notice back as a false alarm.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closed: Option<EventRef>,
}

/// What the log says about the compromise of one key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct KeyHistory {
    /// The notices, in log order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<CompromiseNotice>,
    /// Since when the use of the key is suspended (clause 8.8).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suspended: Option<EventRef>,
    /// When the key was annulled (clause 8.10).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub annulled: Option<EventRef>,
    /// When its use was resumed last (clause 8.8).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resumed: Option<EventRef>,
}

impl KeyHistory {
    /// The key that an event of its history is about.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the others say nothing about the compromise of a key")]
    pub const fn key_of(event: &Event) -> Option<KeyId> {
        match event {
            Event::CompromiseReported(e) => Some(e.key),
            Event::KeyUseSuspended(e) => Some(e.key),
            Event::KeyAnnulled(e) => Some(e.key),
            Event::KeyUseResumed(e) => Some(e.key),
            _ => None,
        }
    }

    /// Takes in an event of the key's history; other events, and those of other keys, are the caller's to keep away.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the others say nothing about the compromise of a key")]
    pub fn apply(&mut self, logged: Logged<'_>) {
        let at = EventRef::of(logged);
        match logged.2 {
            Event::CompromiseReported(notice) => {
                let CompromiseReported { certificate, channel, learned_at, claimed_since, received_at, .. } = *notice;
                let (reported, closed) = (at, None);
                let notice =
                    CompromiseNotice { certificate, channel, claimed_since, learned_at, received_at, reported, closed };
                self.notices.push(notice);
            }
            Event::KeyUseSuspended(_) => drop(self.suspended.get_or_insert(at)),
            Event::KeyAnnulled(_) => drop(self.annulled.get_or_insert(at)),
            Event::KeyUseResumed(_) => {
                self.suspended = None;
                self.resumed = Some(at);
                for notice in &mut self.notices {
                    notice.closed.get_or_insert(at);
                }
            }
            _ => {}
        }
    }

    /// The window of a signature, by its record and the earlier time that a trusted time-stamp proves; `None` where
    /// nothing on record concerns it.
    ///
    /// Of several notices the earliest claim and the earliest receipt count. Whether the suspension came first is read
    /// from the order of the log, because two records may share a millisecond.
    pub fn window(&self, signature: EventRef, proven_at: Option<Timestamp>) -> Option<Window> {
        let open = || self.notices.iter().filter(|notice| notice.closed.is_none());
        let closed_later = |at: EventRef| at.index > signature.index;
        let Some(claimed_since) = open().map(|notice| notice.claimed_since).min() else {
            let closed = self.notices.iter().any(|notice| notice.closed.is_some_and(closed_later));
            return closed.then_some(Window::FalseAlarm);
        };
        let signed_at = proven_at.unwrap_or(signature.at);
        let before = |act: &Option<EventRef>| act.is_some_and(|act| act.index < signature.index);
        if signed_at < claimed_since {
            return Some(Window::BeforeCompromise);
        } else if before(&self.annulled) {
            return Some(Window::AfterAnnulment);
        } else if before(&self.suspended) {
            return Some(Window::AfterSuspension);
        }
        let received_at = open().map(|notice| notice.received_at).min()?;
        Some(match signed_at {
            at if at < claimed_since => Window::BeforeCompromise,
            at if at < received_at => Window::Contested,
            _ => Window::Reaction,
        })
    }
}

/// A delivery of a document that was signed with the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct AffectedDelivery {
    /// The delivery.
    pub delivery: DeliveryId,
    /// To whom.
    pub recipient: ParticipantId,
    /// By whom.
    pub sender: ParticipantId,
}

/// A signature that was made with the key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AffectedSignature {
    /// The signer's certificate; two certificates may hold one key.
    pub certificate: CertificateId,
    /// The deliveries concerned: all of the document for a signature on it, one for an act on a delivery.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub deliveries: Vec<AffectedDelivery>,
    /// The document.
    pub document: DocumentId,
    /// The signature's event: its time is the trusted one.
    pub signed: EventRef,
    /// What was signed: the event's type.
    #[serde(rename = "type")]
    pub event_type: &'static str,
    /// The window; left out while no compromise is on record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
}

/// The affected-documents report of a key.
///
/// Five times are kept apart: learned, claimed and received in each notice, suspended and annulled here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImpactReport {
    /// How many of the signatures shown fall into each window, windows without any left out.
    pub counts: BTreeMap<Window, u64>,
    /// Notices and suspension.
    #[serde(flatten)]
    pub history: KeyHistory,
    /// The key.
    pub key: KeyId,
    /// To whom its certificates are registered.
    pub owners: Vec<ParticipantId>,
    /// Every signature with the key that the viewer may see, in log order.
    pub signatures: Vec<AffectedSignature>,
}

impl ImpactReport {
    /// Folds the records of the key's stream and of the documents that it signed.
    ///
    /// Operator, auditor and owner see every row, a counterparty the rows of its own deliveries, and a stranger
    /// nothing (`None`, as for a key that was never registered).
    #[expect(clippy::wildcard_enum_match_arm, reason = "every other event that holds a signature is treated alike")]
    pub fn fold<'a>(key: KeyId, records: impl IntoIterator<Item = Logged<'a>>, viewer: Viewer) -> Option<Self> {
        let mut owners = Vec::new();
        let mut history = KeyHistory::default();
        let mut signatures = Vec::new();
        let mut deliveries: BTreeMap<DocumentId, Vec<AffectedDelivery>> = BTreeMap::new();
        for logged in records {
            let (_, _, event) = logged;
            match event {
                Event::CertificateRegistered(e) if e.key == key && !owners.contains(&e.participant) => {
                    owners.push(e.participant);
                }
                other if KeyHistory::key_of(other) == Some(key) => history.apply(logged),
                Event::DeliveryOpened(e) => deliveries.entry(e.document).or_default().push(AffectedDelivery {
                    delivery: e.delivery,
                    recipient: e.recipient,
                    sender: e.sender,
                }),
                other => {
                    if let (Some(signed), Some(document)) = (other.signature(), other.document())
                        && signed.key == key
                    {
                        signatures.push((logged, document, signed));
                    }
                }
            }
        }
        let sees_all = viewer.sees_all() || owners.iter().any(|owner| viewer.is(*owner));
        let rows: Vec<AffectedSignature> = signatures
            .into_iter()
            .map(|(logged, document, signature)| {
                let act_on = logged.2.delivery();
                let concerned = deliveries.get(&document).into_iter().flatten().filter(|row| {
                    act_on.is_none_or(|delivery| delivery == row.delivery)
                        && (sees_all || viewer.is(row.sender) || viewer.is(row.recipient))
                });
                let signed = EventRef::of(logged);
                AffectedSignature {
                    certificate: signature.certificate,
                    deliveries: concerned.copied().collect(),
                    document,
                    signed,
                    event_type: logged.2.type_name(),
                    window: history.window(signed, signature.proven_at),
                }
            })
            .filter(|row| sees_all || !row.deliveries.is_empty())
            .collect();
        if owners.is_empty() || (!sees_all && rows.is_empty()) {
            return None;
        }
        let mut counts = BTreeMap::new();
        for window in rows.iter().filter_map(|row| row.window) {
            *counts.entry(window).or_default() += 1;
        }
        Some(Self { counts, history, key, owners, signatures: rows })
    }
}
