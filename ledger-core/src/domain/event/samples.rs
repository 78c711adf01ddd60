//! One sample of every event, for tests: all members set, all ids different.

use super::*;
use crate::digest::Digest;
use crate::domain::command::CommandKind;
use crate::domain::refusal::RefusalCode;
use crate::id::{CertificateId, DeliveryId, DocumentId, EventId, IdentityId, IdentityKind, KeyId, Origin};
use crate::time::Timestamp;

pub(crate) fn participant(n: u8) -> ParticipantId {
    ParticipantId::from_random([n; 16])
}

pub(crate) fn certificate(n: u8) -> CertificateId {
    CertificateId::of_der(&[n])
}

pub(crate) fn key(n: u8) -> KeyId {
    KeyId::of_spki_der(&[n])
}

pub(crate) fn document() -> DocumentId {
    DocumentId::from_random([0xd0; 16])
}

pub(crate) fn delivery(n: u8) -> DeliveryId {
    DeliveryId::from_random([n; 16])
}

pub(crate) fn time(second: u64) -> Timestamp {
    Timestamp::from_unix_seconds(1_780_000_000 + second).unwrap()
}

pub(crate) fn event_id(n: u8) -> EventId {
    EventId::from_time_and_random(time(0), [n; 10])
}

pub(crate) fn identity(n: u8) -> IdentityId {
    IdentityId::of_number(&[1; 32], IdentityKind::Bin, &n.to_string())
}

pub(crate) fn origin() -> Origin {
    Origin::from_name_and_random("ledger.example", [7; 16]).unwrap()
}

pub(crate) const SENDER: u8 = 1;
pub(crate) const RECIPIENT: u8 = 2;

pub(crate) fn signed_by(n: u8) -> Signed {
    Signed {
        participant: participant(n),
        certificate: certificate(n),
        key: key(n),
        verdict: Verdict::Passed,
        trust: Digest::sha256(&[b"trust"]),
        policy: Digest::sha256(&[b"policy"]),
        evidence: vec![event_id(1), event_id(2)],
        proven_at: None,
    }
}

/// Every event once, in the order of the table.
#[expect(clippy::too_many_lines, reason = "a table")]
pub(crate) fn all() -> Vec<Event> {
    let (sender, recipient) = (participant(SENDER), participant(RECIPIENT));
    let (delivery, document) = (delivery(9), document());
    let trust = Digest::sha256(&[b"trust"]);
    let policy = Digest::sha256(&[b"policy"]);
    let noticed = || DeliveryNoticed { delivery, document, sender, recipient };
    let checked = |slot, verdict| CheckedSignature { slot, certificate: certificate(SENDER), verdict };
    let act = |n| DeliveryActSigned { delivery, document, sender, recipient, signature: signed_by(n) };
    let annulment = |n| AnnulmentSigned { delivery, document, sender, recipient, proposal: 1, signature: signed_by(n) };
    let slot = |slot, n| SignatureSlot {
        slot,
        participant: participant(n),
        mandatory: true,
        group: slot,
        required_role: None,
    };
    vec![
        Event::ParticipantRegistered(ParticipantRegistered {
            participant: sender,
            identity: identity(SENDER),
            identity_kind: IdentityKind::Bin,
            kind: ParticipantKind::LegalEntity,
        }),
        Event::AgreementAccepted(AgreementAccepted {
            participant: sender,
            terms: "idocs-2021-10-11".parse().unwrap(),
            method: AcceptanceMethod::OperatorRegistration,
        }),
        Event::CertificateRegistered(CertificateRegistered {
            certificate: certificate(SENDER),
            key: key(SENDER),
            participant: sender,
            not_before: time(0),
            not_after: time(1_000_000),
            trust,
            policy,
        }),
        Event::CompromiseReported(CompromiseReported {
            key: key(SENDER),
            certificate: certificate(SENDER),
            participant: sender,
            channel: Channel::Phone,
            learned_at: time(20),
            claimed_since: time(10),
            received_at: time(30),
        }),
        Event::KeyUseSuspended(KeyUseSuspended {
            key: key(SENDER),
            participant: sender,
            ground: SuspensionGround::Compromise,
        }),
        Event::KeyAnnulled(KeyAnnulled {
            key: key(SENDER),
            participant: sender,
            notice: event_id(3),
            compromised_since: time(10),
        }),
        Event::KeyUseResumed(KeyUseResumed {
            key: key(SENDER),
            participant: sender,
            notice: event_id(3),
            ground: ResumptionGround::FalseAlarm,
        }),
        Event::DocumentFormed(DocumentFormed {
            document_type: None,
            document,
            sender,
            format: Format::Pdf,
            formats: "2026-11".parse().unwrap(),
            slots: vec![slot(1, SENDER), slot(2, 3)],
        }),
        Event::SignatureApplied(SignatureApplied { document, slot: 1, signature: signed_by(SENDER) }),
        Event::FindingRecorded(FindingRecorded {
            document,
            event: event_id(4),
            reasons: vec![RefusalCode::CertificateRevoked],
            slot: 1,
            signature: Signed { verdict: Verdict::Failed, proven_at: Some(time(3)), ..signed_by(SENDER) },
        }),
        Event::DocumentSent(DocumentSent { document, sender }),
        Event::DeliveryOpened(DeliveryOpened { delivery, document, sender, recipient, answer: Answer::Required }),
        Event::DeliveryAccounted(DeliveryAccounted {
            delivery,
            document,
            sender,
            recipient,
            trust,
            policy,
            signatures: vec![checked(1, Verdict::Passed), checked(3, Verdict::Passed)],
            evidence: vec![event_id(1), event_id(2)],
        }),
        Event::ReceiptIssued(noticed()),
        Event::ReceiptDelivered(noticed()),
        Event::DeliveryDeemedNotReceived(DeliveryDeemedNotReceived {
            delivery,
            document,
            sender,
            recipient,
            trust,
            policy,
            signatures: vec![checked(1, Verdict::Failed), checked(2, Verdict::Passed)],
            reasons: vec![RefusalCode::CertificateExpired, RefusalCode::SignatureInvalid],
            evidence: vec![event_id(1)],
        }),
        Event::CountersignatureApplied(CountersignatureApplied {
            delivery,
            document,
            sender,
            recipient,
            reservations: true,
            signature: signed_by(RECIPIENT),
        }),
        Event::DeliveryFinding(DeliveryFinding {
            delivery,
            document,
            sender,
            recipient,
            event: event_id(5),
            reasons: vec![],
            slot: None,
            signature: signed_by(RECIPIENT),
        }),
        Event::AnswerRefused(act(RECIPIENT)),
        Event::DeliveryRecalled(act(SENDER)),
        Event::DeliveryWithdrawn(act(SENDER)),
        Event::AnnulmentProposed(annulment(SENDER)),
        Event::AnnulmentAccepted(annulment(RECIPIENT)),
        Event::AnnulmentRefused(annulment(RECIPIENT)),
        Event::AnnulmentProposalWithdrawn(annulment(SENDER)),
        Event::DeliveryAnnulled(DeliveryAnnulled { delivery, document, sender, recipient, proposal: 1 }),
        Event::TrustPublished(TrustPublished { origin: origin(), trust, policy }),
        Event::CrlRecorded(CrlRecorded {
            origin: origin(),
            crl: Digest::sha256(&[b"crl"]),
            issuer: Digest::sha256(&[b"issuer"]),
            this_update: time(0),
            next_update: Some(time(100)),
        }),
        Event::CommandRefused(CommandRefused {
            participant: sender,
            command: CommandKind::SendDocument,
            codes: vec![RefusalCode::DocumentUnsigned, RefusalCode::RecipientsMissing],
            attempts: 2,
            root: Some(Digest::sha256(&[b"root"])),
        }),
    ]
}
