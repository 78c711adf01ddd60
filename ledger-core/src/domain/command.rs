//! Commands: what API clients and embedders ask for, as parsed from the wire and not yet decided.
//!
//! Each command is a plain struct; [`Command`] is any of them. Bytes are what the party sent, untouched.
//! Texts and bytes are serialised as their SHA-256: the serialised form is what a request digest is made over
//! (`cause.request`, format.md section 1), never a wire format.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use crate::canonical::{self, CanonicalError};
use crate::digest::Digest;
use crate::domain::event::{Answer, Channel, DocumentType, Format, ParticipantKind, VersionName, words};
use crate::id::{CertificateId, DeliveryId, DocumentId, EventId, IdentityKind, KeyId, ParticipantId, RequestDigest};
use crate::pki::certificate::Role;
use crate::pki::trust::TrustTerms;
use crate::time::Timestamp;

/// Declares the commands, their kinds and the enum over them.
macro_rules! commands {
    ($($(#[$doc:meta])* $name:ident = $word:literal {
        $($(#[$member_doc:meta])* $member:ident: $type:ty $(= $with:literal)?,)*
    })*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, PartialEq, Eq, Serialize)]
            pub struct $name {
                $($(#[$member_doc])* $(#[serde(serialize_with = $with)])? pub $member: $type,)*
            }

            impl From<$name> for Command {
                fn from(command: $name) -> Self {
                    Self::$name(command)
                }
            }
        )*

        /// Anything that can be asked.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum Command {
            $($(#[$doc])* $name($name),)*
        }

        impl Command {
            /// What kind of command it is.
            pub const fn kind(&self) -> CommandKind {
                match self { $(Self::$name(_) => CommandKind::$name,)* }
            }
        }

        words! {
            /// The kinds of commands.
            CommandKind { $(#[doc = concat!("[`", stringify!($name), "`].")] $name = $word,)* }
        }
    };
}

commands! {
    /// Registers a client and its acceptance of the terms (clauses 2.1, 1.7). The operator may.
    /// Refused: a wrong BIN or IIN, one that is registered, terms not in force.
    RegisterParticipant = "register-participant" {
        /// Which register the number is from.
        identity_kind: IdentityKind,
        /// The BIN or IIN: twelve digits. Goes into a payload only.
        number: String = "text_as_digest",
        /// Name as registered, 1 to 300 characters. Goes into a payload only.
        name: String = "text_as_digest",
        /// What the participant is.
        kind: ParticipantKind,
        /// Version of the terms that it accepted.
        terms: VersionName,
    }

    /// Registers a certificate for a participant (clauses 3.5.1, 8.1). The participant or the operator may.
    /// Refused: not a certificate in force for signing that names the participant, already registered, no proof of possession.
    RegisterCertificate = "register-certificate" {
        /// The participant that it is for.
        participant: ParticipantId,
        /// The certificate in DER.
        certificate: Vec<u8> = "bytes_as_digest",
        /// Intermediate certificates in DER, at most 8.
        chain: Vec<Vec<u8>> = "list_as_digest",
        /// CMS over [`super::statement::possession`].
        possession: Vec<u8> = "bytes_as_digest",
    }

    /// Forms a document: freezes its bytes and signers (clauses 5.3.1.1, 5.3.2). The sender may.
    /// Refused: content that is empty, too large, not of the declared format or digest; unknown signers.
    FormDocument = "form-document" {
        /// Who forms and may send it.
        sender: ParticipantId,
        /// The declared format.
        format: Format,
        /// Its type, by which the signature policy may demand roles of the signers (clauses 4.1, 8.6).
        #[serde(skip_serializing_if = "Option::is_none")]
        document_type: Option<DocumentType>,
        /// Title for people, 1 to 300 characters. Goes into a payload only.
        title: String = "text_as_digest",
        /// The document.
        content: Vec<u8> = "bytes_as_digest",
        /// SHA-256 that the client computed before the upload.
        #[serde(skip_serializing_if = "Option::is_none")]
        declared_sha256: Option<Digest>,
        /// Who signs; none means the sender alone.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        signers: Vec<SlotRequest>,
    }

    /// Applies a detached signature over the document (clauses 5.3.2, 8.2). A participant with a waiting slot may.
    /// Refused: anything but a passed check by a registered certificate whose key is not suspended; a signer that is not due.
    ApplySignature = "apply-signature" {
        /// The document.
        document: DocumentId,
        /// CMS SignedData; its bytes are kept untouched.
        cms: Vec<u8> = "bytes_as_digest",
    }

    /// Sends a document to recipients (clauses 5.3.1.2, 2.23). The sender may, once.
    /// Refused: mandatory signatures missing; recipients unknown, doubled, without agreement, or the sender itself.
    SendDocument = "send-document" {
        /// The document.
        document: DocumentId,
        /// To whom.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        recipients: Vec<RecipientRequest>,
    }

    /// Checks a delivery and accounts it, or deems it not received (clauses 5.2.4, 5.3.6). The ledger, the operator
    /// or the recipient may. Refused: a delivery that is not pending; a check that came to no end.
    Receive = "receive" {
        /// The delivery.
        delivery: DeliveryId,
    }

    /// Records that the sender has the receipt (clause 5.2.4; law art. 7(4)). The sender or the ledger may.
    /// Refused: no receipt was issued, or it is recorded as delivered already.
    ConfirmReceiptDelivered = "confirm-receipt-delivered" {
        /// The delivery.
        delivery: DeliveryId,
    }

    /// Answers a document by signing it (clause 5.3.4). The recipient may, while its answer is awaited.
    /// Refused: as [`ApplySignature`]; a delivery that was withdrawn or answered.
    Countersign = "countersign" {
        /// The delivery.
        delivery: DeliveryId,
        /// CMS over the document.
        cms: Vec<u8> = "bytes_as_digest",
        /// Reservations of the recipient, at most 10 000 characters. Goes into a payload only.
        #[serde(skip_serializing_if = "Option::is_none")]
        reservations: Option<String> = "optional_text_as_digest",
    }

    /// Answers a document by refusing it (clause 5.3.4): it was received, its content is not accepted.
    /// The recipient may, while its answer is awaited. Refused: as [`Countersign`]; no reason.
    RefuseAnswer = "refuse-answer" {
        /// The delivery.
        delivery: DeliveryId,
        /// Why, 1 to 10 000 characters. Goes into a payload only.
        reason: String = "text_as_digest",
        /// CMS over [`super::statement::of_act`].
        cms: Vec<u8> = "bytes_as_digest",
    }

    /// Recalls a delivery before it is accounted (clause 5.3.1.5). The sender may.
    /// Refused: a delivery that is not pending (the accounting came first); as [`ApplySignature`].
    Recall = "recall" {
        /// The delivery.
        delivery: DeliveryId,
        /// CMS over [`super::statement::of_act`].
        cms: Vec<u8> = "bytes_as_digest",
    }

    /// Withdraws a received document before its answer (clause 5.3.1.5). The sender may.
    /// Refused: no answer is awaited (the answer came first); no reason; as [`ApplySignature`].
    Withdraw = "withdraw" {
        /// The delivery.
        delivery: DeliveryId,
        /// Why, 1 to 10 000 characters. Goes into a payload only.
        reason: String = "text_as_digest",
        /// CMS over [`super::statement::of_act`].
        cms: Vec<u8> = "bytes_as_digest",
    }

    /// Proposes annulment by consent (clause 5.3.1.5). Either party may, after the countersignature, or after the
    /// accounting where no answer was asked for. Refused: other states, an open proposal; no reason; as [`ApplySignature`].
    ProposeAnnulment = "propose-annulment" {
        /// The delivery.
        delivery: DeliveryId,
        /// Why, 1 to 10 000 characters. Goes into a payload only.
        reason: String = "text_as_digest",
        /// CMS over [`super::statement::of_act`].
        cms: Vec<u8> = "bytes_as_digest",
    }

    /// Consents to an annulment, which thereby takes effect (clause 5.3.1.5). The other party may.
    /// Refused: no open proposal, one of its own; as [`ApplySignature`].
    AcceptAnnulment = "accept-annulment" {
        /// The delivery.
        delivery: DeliveryId,
        /// CMS over [`super::statement::of_act`].
        cms: Vec<u8> = "bytes_as_digest",
    }

    /// Refuses an annulment; the document stays in force (clause 5.3.1.5). The other party may.
    /// Refused: no open proposal, one of its own; no reason; as [`ApplySignature`].
    RefuseAnnulment = "refuse-annulment" {
        /// The delivery.
        delivery: DeliveryId,
        /// Why, 1 to 10 000 characters. Goes into a payload only.
        reason: String = "text_as_digest",
        /// CMS over [`super::statement::of_act`].
        cms: Vec<u8> = "bytes_as_digest",
    }

    /// Takes a proposal of annulment back (clause 5.3.1.5). The proposer may.
    /// Refused: no open proposal, one of the other party; as [`ApplySignature`].
    WithdrawAnnulmentProposal = "withdraw-annulment-proposal" {
        /// The delivery.
        delivery: DeliveryId,
        /// CMS over [`super::statement::of_act`].
        cms: Vec<u8> = "bytes_as_digest",
    }

    /// Reports a key as compromised, which suspends it at once (clauses 8.7 to 8.10). Its owner may, or the operator
    /// on the owner's notice. Refused: an unknown or suspended key, not the owner, times that cannot be.
    ReportCompromise = "report-compromise" {
        /// The key.
        key: KeyId,
        /// Which certificate of the key; none means the first that is registered.
        #[serde(skip_serializing_if = "Option::is_none")]
        certificate: Option<CertificateId>,
        /// How the notice came.
        channel: Channel,
        /// When the owner learned of it.
        learned_at: Timestamp,
        /// Since when the key is compromised.
        claimed_since: Timestamp,
        /// When the notice was received. Not part of the request digest: of an owner's own notice the service writes it
        /// down, and a repeated one is still the same.
        #[serde(skip_serializing)]
        received_at: Timestamp,
    }

    /// Has a recorded signature checked again, as of the same moments with what is known now (clauses 5.2.3.2, 8.2, 8.10).
    /// The operator, the ledger and the parties concerned may. The verdict is not theirs to give: the ledger checks.
    /// Refused: no such signature; one that the delivery did not receive; a check that comes to what is on record already.
    RecordFinding = "record-finding" {
        /// The document.
        document: DocumentId,
        /// The event that recorded the signature: `document.signature_applied` or `delivery.countersignature_applied`.
        signature: EventId,
        /// The delivery whose receipt is the second moment of the check; none for the moment of signing alone. A
        /// countersignature has no other moment, so there it says nothing more.
        #[serde(skip_serializing_if = "Option::is_none")]
        delivery: Option<DeliveryId>,
    }

    /// Annuls a key whose compromise is on record, for good (clause 8.10). The operator may.
    /// Refused: a key that is not suspended, or annulled already.
    AnnulKey = "annul-key" {
        /// The key.
        key: KeyId,
    }

    /// Resumes the use of a key whose notice of compromise was a false alarm (clause 8.8). The operator may, when the
    /// owner asked for it by other means than the key itself. Refused: a key that is not suspended, or annulled.
    ResumeKey = "resume-key" {
        /// The key.
        key: KeyId,
    }

    /// Publishes which certification authorities the ledger trusts and by which policy it checks (clause 8.2).
    /// The operator may. Refused: no anchor, something that is not a certificate, terms for none of them, what is in
    /// force already; in a ledger of real documents a policy that lets tests count.
    PublishTrust = "publish-trust" {
        /// Trust anchors in DER.
        anchors: Vec<Vec<u8>> = "list_as_digest",
        /// Intermediate certificates in DER.
        intermediates: Vec<Vec<u8>> = "list_as_digest",
        /// On which terms certificates among them are trusted, by SHA-256 of the certificate; without terms for all.
        #[serde(skip_serializing_if = "BTreeMap::is_empty")]
        terms: BTreeMap<Digest, TrustTerms>,
        /// The signature policy in canonical form.
        policy: Vec<u8> = "bytes_as_digest",
    }

    /// Records a certificate revocation list (clause 2.12). The operator may, or the ledger, which fetched it.
    /// Refused: not a list, not of a trusted issuer, recorded already.
    RecordCrl = "record-crl" {
        /// The list in DER.
        crl: Vec<u8> = "bytes_as_digest",
    }
}

/// Who is to sign a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct SlotRequest {
    /// The participant.
    pub participant: ParticipantId,
    /// Whether the document cannot be sent without its signature.
    pub mandatory: bool,
    /// Groups sign one after the other, from 1.
    pub group: u64,
    /// The role that the signer's certificate must state (clauses 4.1, 8.6).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub required_role: Option<Role>,
}

/// To whom a document goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct RecipientRequest {
    /// The participant.
    pub participant: ParticipantId,
    /// Whether it is asked to countersign.
    pub answer: Answer,
}

impl PublishTrust {
    /// Trust in these anchors without terms, and no intermediates.
    pub const fn of_anchors(anchors: Vec<Vec<u8>>, policy: Vec<u8>) -> Self {
        Self { anchors, intermediates: Vec::new(), terms: BTreeMap::new(), policy }
    }
}

impl Command {
    /// The digest of what is asked, by which a repeated command is told from a different one under the same id.
    pub fn request_digest(&self, ledger_secret: &[u8; 32]) -> Result<RequestDigest, CanonicalError> {
        Ok(RequestDigest::of_request(ledger_secret, &canonical::encode_any_length(self)?))
    }
}

fn bytes_as_digest<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    Digest::sha256(&[bytes]).serialize(serializer)
}

fn text_as_digest<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    bytes_as_digest(text.as_bytes(), serializer)
}

#[expect(clippy::ref_option, reason = "the signature is serde's")]
fn optional_text_as_digest<S: Serializer>(text: &Option<String>, serializer: S) -> Result<S::Ok, S::Error> {
    text_as_digest(text.as_deref().unwrap_or_default(), serializer)
}

/// Digest of the digests, so that no two lists share one.
fn list_as_digest<S: Serializer>(list: &[Vec<u8>], serializer: S) -> Result<S::Ok, S::Error> {
    let digests: Vec<_> = list.iter().map(|item| Digest::sha256(&[item])).collect();
    let parts: Vec<&[u8]> = digests.iter().map(|digest| digest.as_bytes().as_slice()).collect();
    Digest::sha256(&parts).serialize(serializer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_that_differ_in_anything_have_different_digests() {
        let base = Countersign {
            delivery: DeliveryId::from_random([1; 16]),
            cms: b"cms".to_vec(),
            reservations: Some("with\nlines\u{0}".to_owned()),
        };
        let others = [
            Countersign { cms: b"cmt".to_vec(), ..base.clone() }.into(),
            Countersign { reservations: None, ..base.clone() }.into(),
            Countersign { reservations: Some(String::new()), ..base.clone() }.into(),
            Countersign { delivery: DeliveryId::from_random([2; 16]), ..base.clone() }.into(),
            Recall { delivery: base.delivery, cms: base.cms.clone() }.into(),
        ];
        let digest = |command: &Command| command.request_digest(&[7; 32]).unwrap();
        let base = Command::from(base);
        assert_eq!(digest(&base), digest(&base.clone()));
        for other in &others {
            assert_ne!(digest(&base), digest(other), "{other:?}");
        }
    }

    #[test]
    fn a_list_is_not_its_concatenation() {
        let trust = |anchors: Vec<Vec<u8>>| Command::from(PublishTrust::of_anchors(anchors, b"{}".to_vec()));
        let digest = |command: Command| command.request_digest(&[7; 32]).unwrap();
        assert_ne!(digest(trust(vec![b"ab".to_vec()])), digest(trust(vec![b"a".to_vec(), b"b".to_vec()])));
    }
}
