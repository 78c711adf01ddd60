//! The rules of the exchange over the whole log: an event that an honest ledger would have refused is found here.

use std::collections::{BTreeMap, BTreeSet};

use super::EventLeaf;
use crate::digest::Digest;
use crate::domain::certificate::Certificate;
use crate::domain::delivery::Delivery;
use crate::domain::document::Document;
use crate::domain::event::{Event, Signed};
use crate::domain::key::Key;
use crate::domain::ledger_acts::LedgerActs;
use crate::domain::participant::Participant;
use crate::domain::{Aggregate, Recorded};
use crate::evidence::finding::Code;
use crate::id::{
    CertificateId, DeliveryId, DocumentId, EventId, IdentityId, KeyId, LeafIndex, Origin, ParticipantId, StreamId,
    StreamKind,
};

/// The state of everything that decides about itself, and what is needed across.
#[derive(Debug, Default)]
pub(super) struct Rules {
    certificates: BTreeMap<CertificateId, Certificate>,
    deliveries: BTreeMap<DeliveryId, Delivery>,
    documents: BTreeMap<DocumentId, Document>,
    keys: BTreeMap<KeyId, Key>,
    participants: BTreeMap<ParticipantId, Participant>,
    ledger: LedgerActs,
    identities: BTreeSet<IdentityId>,
    registered: BTreeMap<CertificateId, (ParticipantId, KeyId)>,
    suspended: BTreeMap<KeyId, LeafIndex>,
    trusts: BTreeSet<(Digest, Digest)>,
    crls: BTreeSet<EventId>,
}

impl Rules {
    /// Follows one event; what is not allowed is found and applied all the same, for it stands in the log.
    pub(super) fn event(
        &mut self,
        index: LeafIndex,
        record: &EventLeaf,
        origin: Option<&Origin>,
        find: &mut dyn FnMut(Code, String),
    ) {
        let event = &record.event;
        let mut found = |code, why: &str| find(code, format!("{}: {why}", event.type_name()));
        self.across(event, record, origin, &mut found);
        let recorded = Recorded { id: record.id, at: record.at };
        let mut not_allowed =
            |why: Option<&'static str>| why.into_iter().for_each(|why| found(Code::EventNotAllowed, why));
        not_allowed(match event {
            Event::ParticipantRegistered(e) => {
                follow(self.participants.entry(e.participant).or_default(), event, recorded)
            }
            Event::AgreementAccepted(e) => follow(self.participants.entry(e.participant).or_default(), event, recorded),
            Event::CommandRefused(e) => follow(self.participants.entry(e.participant).or_default(), event, recorded),
            Event::CertificateRegistered(e) => {
                follow(self.certificates.entry(e.certificate).or_default(), event, recorded)
            }
            Event::CompromiseReported(e) => follow(self.keys.entry(e.key).or_default(), event, recorded),
            Event::KeyUseSuspended(e) => follow(self.keys.entry(e.key).or_default(), event, recorded),
            Event::KeyAnnulled(e) => follow(self.keys.entry(e.key).or_default(), event, recorded),
            Event::KeyUseResumed(e) => follow(self.keys.entry(e.key).or_default(), event, recorded),
            Event::DocumentFormed(e) => follow(self.documents.entry(e.document).or_default(), event, recorded),
            Event::SignatureApplied(e) => follow(self.documents.entry(e.document).or_default(), event, recorded),
            Event::FindingRecorded(e) => follow(self.documents.entry(e.document).or_default(), event, recorded),
            Event::DocumentSent(e) => follow(self.documents.entry(e.document).or_default(), event, recorded),
            Event::TrustPublished(_) | Event::CrlRecorded(_) => follow(&mut self.ledger, event, recorded),
            Event::DeliveryOpened(_)
            | Event::DeliveryAccounted(_)
            | Event::ReceiptIssued(_)
            | Event::ReceiptDelivered(_)
            | Event::DeliveryDeemedNotReceived(_)
            | Event::CountersignatureApplied(_)
            | Event::DeliveryFinding(_)
            | Event::AnswerRefused(_)
            | Event::DeliveryRecalled(_)
            | Event::DeliveryWithdrawn(_)
            | Event::AnnulmentProposed(_)
            | Event::AnnulmentAccepted(_)
            | Event::AnnulmentRefused(_)
            | Event::AnnulmentProposalWithdrawn(_)
            | Event::DeliveryAnnulled(_) => {
                let delivery = event.delivery().map(|id| self.deliveries.entry(id).or_default());
                delivery.and_then(|delivery| follow(delivery, event, recorded))
            }
        });
        self.remember(index, record, event);
    }

    /// Rules that need several streams.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the other events have no rule across streams")]
    fn across(&self, event: &Event, record: &EventLeaf, origin: Option<&Origin>, found: &mut dyn FnMut(Code, &str)) {
        let mut rule = |holds: bool, why: &str| {
            if !holds {
                found(Code::EventNotAllowed, why);
            }
        };
        let is_registered = |participant: &ParticipantId| self.participants.contains_key(participant);
        match event {
            Event::ParticipantRegistered(e) => {
                rule(!self.identities.contains(&e.identity), "the number is registered already");
            }
            Event::CertificateRegistered(e) => rule(is_registered(&e.participant), "its participant is not registered"),
            Event::DocumentFormed(e) => rule(is_registered(&e.sender), "its sender is not registered"),
            Event::DeliveryOpened(e) => {
                rule(is_registered(&e.recipient), "its recipient is not registered");
                let sent = self.documents.get(&e.document).is_some_and(|document| {
                    document.sent_at.is_some() && document.formed.as_ref().is_some_and(|f| f.sender == e.sender)
                });
                rule(sent, "its sender did not send the document before");
            }
            Event::DeliveryAccounted(e) => {
                let document = self.documents.get(&e.document);
                let applied = document.into_iter().flat_map(Document::standing);
                let mut applied: Vec<_> = applied.map(|one| (one.slot, one.signature.certificate)).collect();
                applied.sort_unstable();
                let checked = e.signatures.iter().map(|one| (one.slot, one.certificate));
                rule(applied.into_iter().eq(checked), "other signatures were checked than the document has");
            }
            Event::DeliveryFinding(e) if e.slot.is_some() => {
                let mut standing = self.documents.get(&e.document).into_iter().flat_map(Document::standing);
                rule(standing.any(|one| one.is_found_by(e)), "it is about no signature of the document");
            }
            _ => {}
        }
        if let Some(origin) = origin.filter(|_| record.home.kind() == StreamKind::Ledger) {
            rule(record.home == StreamId::ledger(origin), "it is an act of another ledger");
        }
        if let Some(finding) = event.finding() {
            self.checked(finding.signature, record, found);
        }
        let Some(signed) = event.signature() else { return };
        let signed_at = signed.proven_at.unwrap_or(record.at);
        if self.keys.get(&signed.key).is_some_and(|key| key.bars(signed_at).is_some()) {
            let since = self.suspended.get(&signed.key).copied();
            let since = since.map(|leaf| leaf.to_string()).unwrap_or_default();
            found(Code::SuspendedKeyUsed, &format!("suspended by leaf {since}"));
        }
        self.checked(signed, record, found);
    }

    /// What a check says that it used must have been there.
    fn checked(&self, signed: &Signed, record: &EventLeaf, found: &mut dyn FnMut(Code, &str)) {
        let mut rule = |holds: bool, why: &str| {
            if !holds {
                found(Code::EventNotAllowed, why);
            }
        };
        match self.registered.get(&signed.certificate) {
            None => rule(false, "the certificate was not registered before"),
            Some(owner) => rule(
                *owner == (signed.participant, signed.key),
                "the certificate is registered to another participant or key",
            ),
        }
        rule(self.trusts.contains(&(signed.trust, signed.policy)), "trust and policy were not published before");
        let known = signed.evidence.iter().all(|event| self.crls.contains(event));
        rule(known, "a revocation list was not recorded before");
        rule(signed.proven_at.is_none_or(|at| at < record.at), "the time-stamp is not earlier than the record");
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the other events are remembered by their own stream")]
    fn remember(&mut self, index: LeafIndex, record: &EventLeaf, event: &Event) {
        match event {
            Event::ParticipantRegistered(e) => drop(self.identities.insert(e.identity)),
            Event::CertificateRegistered(e) => {
                self.registered.entry(e.certificate).or_insert((e.participant, e.key));
            }
            Event::KeyUseSuspended(e) => {
                self.suspended.insert(e.key, index);
            }
            Event::TrustPublished(e) => drop(self.trusts.insert((e.trust, e.policy))),
            Event::CrlRecorded(_) => drop(self.crls.insert(record.id)),
            _ => {}
        }
    }
}

fn follow<A: Aggregate>(state: &mut A, event: &Event, recorded: Recorded) -> Option<&'static str> {
    let why = state.follows(event).err();
    state.apply(event, recorded);
    why
}
