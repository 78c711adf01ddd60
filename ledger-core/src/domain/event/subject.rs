//! What an event is about: its document, its delivery, the act whose statement was signed.

use super::Event;
use crate::domain::command::CommandKind;
use crate::id::{DeliveryId, DocumentId};

impl Event {
    /// The document that the event is about; receipts do not name it among their streams.
    pub const fn document(&self) -> Option<DocumentId> {
        match self {
            Self::DocumentFormed(e) => Some(e.document),
            Self::SignatureApplied(e) => Some(e.document),
            Self::FindingRecorded(e) => Some(e.document),
            Self::DocumentSent(e) => Some(e.document),
            Self::DeliveryOpened(e) => Some(e.document),
            Self::DeliveryAccounted(e) => Some(e.document),
            Self::ReceiptIssued(e) | Self::ReceiptDelivered(e) => Some(e.document),
            Self::DeliveryDeemedNotReceived(e) => Some(e.document),
            Self::CountersignatureApplied(e) => Some(e.document),
            Self::DeliveryFinding(e) => Some(e.document),
            Self::AnswerRefused(e) | Self::DeliveryRecalled(e) | Self::DeliveryWithdrawn(e) => Some(e.document),
            Self::AnnulmentProposed(e)
            | Self::AnnulmentAccepted(e)
            | Self::AnnulmentRefused(e)
            | Self::AnnulmentProposalWithdrawn(e) => Some(e.document),
            Self::DeliveryAnnulled(e) => Some(e.document),
            Self::ParticipantRegistered(_)
            | Self::AgreementAccepted(_)
            | Self::CertificateRegistered(_)
            | Self::CompromiseReported(_)
            | Self::KeyUseSuspended(_)
            | Self::KeyAnnulled(_)
            | Self::KeyUseResumed(_)
            | Self::TrustPublished(_)
            | Self::CrlRecorded(_)
            | Self::CommandRefused(_) => None,
        }
    }

    /// The delivery whose stream the event is homed in.
    pub const fn delivery(&self) -> Option<DeliveryId> {
        match self {
            Self::DeliveryOpened(e) => Some(e.delivery),
            Self::DeliveryAccounted(e) => Some(e.delivery),
            Self::ReceiptIssued(e) | Self::ReceiptDelivered(e) => Some(e.delivery),
            Self::DeliveryDeemedNotReceived(e) => Some(e.delivery),
            Self::CountersignatureApplied(e) => Some(e.delivery),
            Self::DeliveryFinding(e) => Some(e.delivery),
            Self::AnswerRefused(e) | Self::DeliveryRecalled(e) | Self::DeliveryWithdrawn(e) => Some(e.delivery),
            Self::AnnulmentProposed(e)
            | Self::AnnulmentAccepted(e)
            | Self::AnnulmentRefused(e)
            | Self::AnnulmentProposalWithdrawn(e) => Some(e.delivery),
            Self::DeliveryAnnulled(e) => Some(e.delivery),
            Self::ParticipantRegistered(_)
            | Self::AgreementAccepted(_)
            | Self::CertificateRegistered(_)
            | Self::CompromiseReported(_)
            | Self::KeyUseSuspended(_)
            | Self::KeyAnnulled(_)
            | Self::KeyUseResumed(_)
            | Self::DocumentFormed(_)
            | Self::SignatureApplied(_)
            | Self::FindingRecorded(_)
            | Self::DocumentSent(_)
            | Self::TrustPublished(_)
            | Self::CrlRecorded(_)
            | Self::CommandRefused(_) => None,
        }
    }

    /// The act whose statement the signature of the event covers; none where it covers the document, or there is none.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the other events are no acts that a statement is signed for")]
    pub const fn signed_act(&self) -> Option<CommandKind> {
        match self {
            Self::AnswerRefused(_) => Some(CommandKind::RefuseAnswer),
            Self::DeliveryRecalled(_) => Some(CommandKind::Recall),
            Self::DeliveryWithdrawn(_) => Some(CommandKind::Withdraw),
            Self::AnnulmentProposed(_) => Some(CommandKind::ProposeAnnulment),
            Self::AnnulmentAccepted(_) => Some(CommandKind::AcceptAnnulment),
            Self::AnnulmentRefused(_) => Some(CommandKind::RefuseAnnulment),
            Self::AnnulmentProposalWithdrawn(_) => Some(CommandKind::WithdrawAnnulmentProposal),
            _ => None,
        }
    }
}
