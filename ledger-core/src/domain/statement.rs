//! Statements: the exact bytes that a party signs for an act other than signing the document itself.
//!
//! Canonical JSON, so that anyone can rebuild it: for a recall
//! `{"act":"recall","delivery":"…","document":"…","ledger":"…","t":"edl/v1/statement"}`. Each names the ledger, the
//! delivery and, in annulments, the number of the proposal, so that no signature can be used twice.

use serde::Serialize;

use crate::canonical::{self, CanonicalError};
use crate::digest::Digest;
use crate::domain::command::CommandKind;
use crate::domain::delivery::Delivery;
use crate::id::{DeliveryId, DocumentId, Origin, ParticipantId};

/// `t` of every statement.
pub const STATEMENT_TAG: &str = "edl/v1/statement";

#[derive(Serialize)]
struct Possession<'a> {
    act: &'static str,
    ledger: &'a Origin,
    participant: ParticipantId,
    t: &'static str,
}

/// What the owner of a certificate signs with it to show that it has the key (clause 8.1).
pub fn possession(origin: &Origin, participant: ParticipantId) -> Result<Vec<u8>, CanonicalError> {
    canonical::encode(&Possession { act: "register-certificate", ledger: origin, participant, t: STATEMENT_TAG })
}

#[derive(Serialize)]
struct SignedStatement<'a> {
    act: CommandKind,
    delivery: DeliveryId,
    document: DocumentId,
    ledger: &'a Origin,
    #[serde(skip_serializing_if = "Option::is_none")]
    proposal: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason_sha256: Option<Digest>,
    t: &'static str,
}

/// What a party signs for an act on a delivery (clauses 5.3.1.5, 5.3.4); `None` for acts that are not signed by a
/// statement (a countersignature covers the document itself) and deliveries that do not exist.
///
/// `reason` is the text of the same command; acts without one ignore it.
pub fn of_act(
    origin: &Origin,
    act: CommandKind,
    delivery: &Delivery,
    reason: &str,
) -> Option<Result<Vec<u8>, CanonicalError>> {
    let opened = delivery.opened.as_ref()?;
    let reason = || Some(Digest::sha256(&[reason.as_bytes()]));
    let next_proposal = delivery.proposals.saturating_add(1);
    let (proposal, reason_sha256) = match act {
        CommandKind::Recall => (None, None),
        CommandKind::Withdraw | CommandKind::RefuseAnswer => (None, reason()),
        CommandKind::ProposeAnnulment => (Some(next_proposal), reason()),
        CommandKind::RefuseAnnulment => (Some(delivery.proposals), reason()),
        CommandKind::AcceptAnnulment | CommandKind::WithdrawAnnulmentProposal => (Some(delivery.proposals), None),
        CommandKind::RegisterParticipant
        | CommandKind::RegisterCertificate
        | CommandKind::FormDocument
        | CommandKind::ApplySignature
        | CommandKind::SendDocument
        | CommandKind::Receive
        | CommandKind::ConfirmReceiptDelivered
        | CommandKind::Countersign
        | CommandKind::ReportCompromise
        | CommandKind::RecordFinding
        | CommandKind::AnnulKey
        | CommandKind::ResumeKey
        | CommandKind::PublishTrust
        | CommandKind::RecordCrl => return None,
    };
    Some(canonical::encode(&SignedStatement {
        act,
        delivery: opened.delivery,
        document: opened.document,
        ledger: origin,
        proposal,
        reason_sha256,
        t: STATEMENT_TAG,
    }))
}
