//! What each event says: the closed `data` objects of version 1 (format.md section 1).
//!
//! Enums, numbers, dates, ids and digests of public material only; no free text, no digest of a party's content.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::digest::Digest;
use crate::domain::command::CommandKind;
use crate::domain::refusal::RefusalCode;
use crate::id::{
    CertificateId, DeliveryId, DocumentId, EventId, IdError, IdentityId, IdentityKind, KeyId, Origin, ParticipantId,
    serde_as_text,
};
use crate::pki::certificate::Role;
use crate::time::Timestamp;

/// Name of a version of terms or of a registry: `idocs-2021-10-11`, `2026-11`; `[a-z0-9.-]{1,40}`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VersionName(Box<str>);

impl VersionName {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for VersionName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::fmt::Debug for VersionName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for VersionName {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-');
        if (1..=40).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text.into()))
        } else {
            Err(IdError { kind: "version name", expected: "[a-z0-9.-], 1 to 40" })
        }
    }
}

serde_as_text!(VersionName);

/// The type of a document, by which a signature policy demands roles of its signers: `contract`, `invoice`;
/// `[a-z0-9-]{1,32}`. The words are the operator's; whatever names a party has no place here.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DocumentType(Box<str>);

impl DocumentType {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for DocumentType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::fmt::Debug for DocumentType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for DocumentType {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
        if (1..=32).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text.into()))
        } else {
            Err(IdError { kind: "document type", expected: "[a-z0-9-], 1 to 32" })
        }
    }
}

serde_as_text!(DocumentType);

/// Declares a closed enum with its spelling in records.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $word)] $variant,)*
        }

        impl $name {
            /// Every value.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The spelling in records and over the API.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

pub(crate) use words;

words! {
    /// What a participant is (clause 1.22).
    ParticipantKind {
        /// A legal entity; its identity is a BIN.
        LegalEntity = "legal-entity",
        /// An individual entrepreneur; an IIN, or a BIN for a joint one.
        IndividualEntrepreneur = "individual-entrepreneur",
        /// An individual; an IIN.
        Individual = "individual",
    }
}

words! {
    /// How the agreement was accepted (clauses 1.7, 1.8).
    AcceptanceMethod {
        /// The operator registered the participant, having its acceptance on file.
        OperatorRegistration = "operator-registration",
    }
}

words! {
    /// By which way a compromise notice reached the operator (clauses 8.7, 8.9).
    Channel {
        /// By telephone to the authorised officer.
        Phone = "phone",
        /// In writing.
        Written = "written",
        /// Through the API, by the owner.
        Api = "api",
    }
}

words! {
    /// Why the use of a key is suspended (clause 8.8).
    SuspensionGround {
        /// Its owner reported a compromise.
        Compromise = "compromise",
    }
}

words! {
    /// Why the use of a key was resumed (clause 8.8).
    ResumptionGround {
        /// The notice of compromise was a false alarm.
        FalseAlarm = "false-alarm",
    }
}

words! {
    /// What a signature check came to.
    Verdict {
        /// Every check passed.
        Passed = "passed",
        /// A check failed.
        Failed = "failed",
        /// A check came to no end; never counts as passed.
        Indeterminate = "indeterminate",
    }
}

words! {
    /// Whether the sender asked the recipient for an answer.
    Answer {
        /// The recipient countersigns or refuses.
        Required = "required",
        /// Receipt is enough.
        NotRequired = "not-required",
    }
}

words! {
    /// Formats of documents; the registry says what each demands (clause 2.28).
    Format {
        /// Portable Document Format.
        Pdf = "pdf",
        /// XML.
        Xml = "xml",
        /// JSON.
        Json = "json",
        /// Plain text in UTF-8.
        Text = "text",
        /// A scan image in PDF (clause 2.30).
        ScanPdf = "scan-pdf",
        /// A scan image in JPEG.
        ScanJpeg = "scan-jpeg",
        /// A scan image in PNG.
        ScanPng = "scan-png",
    }
}

/// Declares a closed `data` object whose members are all required unless marked with `?`.
macro_rules! data {
    ($($(#[$doc:meta])* $name:ident { $($(#[$member_doc:meta])* $member:ident: $type:ty,)* })*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
            #[serde(deny_unknown_fields)]
            pub struct $name {
                $($(#[$member_doc])* pub $member: $type,)*
            }
        )*
    };
}

data! {
    /// `participant.registered`.
    ParticipantRegistered {
        /// The participant's random id.
        participant: ParticipantId,
        /// Its BIN or IIN under the index key.
        identity: IdentityId,
        /// Which register the number is from.
        identity_kind: IdentityKind,
        /// What the participant is.
        kind: ParticipantKind,
    }

    /// `agreement.accepted`.
    AgreementAccepted {
        /// Who accepted.
        participant: ParticipantId,
        /// Version of the terms.
        terms: VersionName,
        /// How.
        method: AcceptanceMethod,
    }

    /// `certificate.registered`.
    CertificateRegistered {
        /// The certificate.
        certificate: CertificateId,
        /// Its public key.
        key: KeyId,
        /// To whom it is registered.
        participant: ParticipantId,
        /// Begin of validity.
        not_before: Timestamp,
        /// End of validity.
        not_after: Timestamp,
        /// Trust snapshot that the check used.
        trust: Digest,
        /// Policy that the check followed.
        policy: Digest,
    }

    /// `key.compromise_reported`.
    CompromiseReported {
        /// The key.
        key: KeyId,
        /// The certificate by which the reporter owns it.
        certificate: CertificateId,
        /// The owner.
        participant: ParticipantId,
        /// How the notice came.
        channel: Channel,
        /// When the owner learned of it (clause 8.7); claimed.
        learned_at: Timestamp,
        /// Since when the key is compromised (clause 8.10); claimed.
        claimed_since: Timestamp,
        /// When the notice was actually received (clause 8.9).
        received_at: Timestamp,
    }

    /// `key.use_suspended`.
    KeyUseSuspended {
        /// The key.
        key: KeyId,
        /// Its owner.
        participant: ParticipantId,
        /// Why.
        ground: SuspensionGround,
    }

    /// `key.annulled`.
    KeyAnnulled {
        /// The key.
        key: KeyId,
        /// Its owner.
        participant: ParticipantId,
        /// The `key.compromise_reported` that the annulment confirms.
        notice: EventId,
        /// Since when documents signed with it are not accepted (clause 8.10): the time that the notice claims.
        compromised_since: Timestamp,
    }

    /// `key.use_resumed`.
    KeyUseResumed {
        /// The key.
        key: KeyId,
        /// Its owner.
        participant: ParticipantId,
        /// The `key.compromise_reported` that is taken back: marks that rest on it are closed.
        notice: EventId,
        /// Why.
        ground: ResumptionGround,
    }

    /// One place for a signature on a document.
    SignatureSlot {
        /// Number, from 1.
        slot: u64,
        /// Who is to sign.
        participant: ParticipantId,
        /// Whether the document cannot be sent without it.
        mandatory: bool,
        /// Groups sign one after the other, from 1; within a group in any order.
        group: u64,
        /// The role that the signer's certificate must state (clauses 4.1, 8.6); left out where none is demanded.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        required_role: Option<Role>,
    }

    /// `document.formed`.
    DocumentFormed {
        /// The document.
        document: DocumentId,
        /// Its type, if the sender gave one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        document_type: Option<DocumentType>,
        /// Who formed it and may send it.
        sender: ParticipantId,
        /// Its format.
        format: Format,
        /// Version of the format registry.
        formats: VersionName,
        /// Who signs, in slots from 1.
        slots: Vec<SignatureSlot>,
    }

    /// `document.sent`. Recipients are named by their deliveries only, so that they do not learn of one another.
    DocumentSent {
        /// The document.
        document: DocumentId,
        /// Who sent it.
        sender: ParticipantId,
    }

    /// `delivery.opened`.
    DeliveryOpened {
        /// The delivery.
        delivery: DeliveryId,
        /// The document.
        document: DocumentId,
        /// Who sent it.
        sender: ParticipantId,
        /// To whom.
        recipient: ParticipantId,
        /// Whether an answer is asked for.
        answer: Answer,
    }

    /// The check of one of the document's signatures at the moment of receipt.
    CheckedSignature {
        /// The signature's slot on the document; its report is the payload `report-` and this number.
        slot: u64,
        /// The signer's certificate.
        certificate: CertificateId,
        /// What the check came to.
        verdict: Verdict,
    }

    /// `delivery.accounted`.
    DeliveryAccounted {
        /// The delivery.
        delivery: DeliveryId,
        /// The document.
        document: DocumentId,
        /// Who sent it.
        sender: ParticipantId,
        /// Who received it.
        recipient: ParticipantId,
        /// Trust snapshot that the checks used.
        trust: Digest,
        /// Policy that the checks followed.
        policy: Digest,
        /// Each signature, by slot; all passed.
        signatures: Vec<CheckedSignature>,
        /// The `ledger.crl_recorded` events whose lists the checks used, sorted.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        evidence: Vec<EventId>,
    }

    /// `delivery.deemed_not_received`.
    DeliveryDeemedNotReceived {
        /// The delivery.
        delivery: DeliveryId,
        /// The document.
        document: DocumentId,
        /// Who sent it.
        sender: ParticipantId,
        /// Who would have received it.
        recipient: ParticipantId,
        /// Trust snapshot that the checks used.
        trust: Digest,
        /// Policy that the checks followed.
        policy: Digest,
        /// Each signature, by slot.
        signatures: Vec<CheckedSignature>,
        /// All reasons, sorted by their spelling.
        reasons: Vec<RefusalCode>,
        /// The `ledger.crl_recorded` events whose lists the checks used, sorted.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        evidence: Vec<EventId>,
    }

    /// `delivery.receipt_issued`, `delivery.receipt_delivered`.
    DeliveryNoticed {
        /// The delivery.
        delivery: DeliveryId,
        /// The document.
        document: DocumentId,
        /// Who sent it.
        sender: ParticipantId,
        /// Who received it.
        recipient: ParticipantId,
    }

    /// `delivery.annulled`.
    DeliveryAnnulled {
        /// The delivery.
        delivery: DeliveryId,
        /// The document.
        document: DocumentId,
        /// Who sent it.
        sender: ParticipantId,
        /// Who received it.
        recipient: ParticipantId,
        /// The proposal that was accepted, from 1.
        proposal: u64,
    }

    /// `ledger.trust_published`.
    TrustPublished {
        /// The ledger.
        origin: Origin,
        /// Trust snapshot: anchors and intermediates.
        trust: Digest,
        /// Signature policy.
        policy: Digest,
    }
}

impl DocumentFormed {
    /// A slot by its number.
    pub fn slot(&self, number: u64) -> Option<&SignatureSlot> {
        self.slots.iter().find(|slot| slot.slot == number)
    }
}

/// A signature that an event is about: whose it is and by what it was checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signed {
    /// To whom the certificate is registered.
    pub participant: ParticipantId,
    /// The signer's certificate.
    pub certificate: CertificateId,
    /// Its public key.
    pub key: KeyId,
    /// What the check came to. A signature over the document may be indeterminate where nothing but revocation data is
    /// missing, and then counts for nothing until a finding says more; all other acts are recorded for passed ones only.
    pub verdict: Verdict,
    /// Trust snapshot that the check used.
    pub trust: Digest,
    /// Policy that the check followed.
    pub policy: Digest,
    /// The `ledger.crl_recorded` events whose lists the check used, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<EventId>,
    /// The time before which a trusted time-stamp proves that the signature existed; left out where the record's own
    /// time is the best proof.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proven_at: Option<Timestamp>,
}

data! {
    /// `document.signature_applied`.
    SignatureApplied {
        /// The document.
        document: DocumentId,
        /// The slot that is signed now.
        slot: u64,
        /// The signature.
        signature: Signed,
    }

    /// `document.finding_recorded`: a signature on the document was checked again, as of the same moments.
    FindingRecorded {
        /// The document.
        document: DocumentId,
        /// The `document.signature_applied` that recorded the signature.
        event: EventId,
        /// Why it failed, sorted by their spelling; left out for another verdict.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        reasons: Vec<RefusalCode>,
        /// Its slot.
        slot: u64,
        /// The signature, with what this check came to and used.
        signature: Signed,
    }

    /// `delivery.finding_recorded`: the countersignature was checked again, as of the same moment; or a signature on the
    /// document was, as of the moments of its signing and of its receipt by this delivery (clause 5.2.3.2).
    DeliveryFinding {
        /// The delivery.
        delivery: DeliveryId,
        /// The document.
        document: DocumentId,
        /// Who sent it.
        sender: ParticipantId,
        /// Who received it.
        recipient: ParticipantId,
        /// The event that recorded the signature: `document.signature_applied` where there is a slot, or else
        /// `delivery.countersignature_applied`.
        event: EventId,
        /// Why it failed, sorted by their spelling; left out for another verdict.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        reasons: Vec<RefusalCode>,
        /// The signature's slot on the document; left out for the countersignature.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        slot: Option<u64>,
        /// The signature, with what this check came to and used.
        signature: Signed,
    }

    /// `delivery.answer_refused`, `delivery.recalled`, `delivery.withdrawn`: an act that a party signed.
    DeliveryActSigned {
        /// The delivery.
        delivery: DeliveryId,
        /// The document.
        document: DocumentId,
        /// Who sent it.
        sender: ParticipantId,
        /// To whom.
        recipient: ParticipantId,
        /// The signature over the statement of the act.
        signature: Signed,
    }

    /// `delivery.countersignature_applied`.
    CountersignatureApplied {
        /// The delivery.
        delivery: DeliveryId,
        /// The document.
        document: DocumentId,
        /// Who sent it.
        sender: ParticipantId,
        /// Who countersigned.
        recipient: ParticipantId,
        /// Whether the recipient stated reservations (payload `reservations`).
        reservations: bool,
        /// The signature over the document.
        signature: Signed,
    }

    /// `delivery.annulment_proposed`, `_accepted`, `_refused`, `_proposal_withdrawn`.
    AnnulmentSigned {
        /// The delivery.
        delivery: DeliveryId,
        /// The document.
        document: DocumentId,
        /// Who sent it.
        sender: ParticipantId,
        /// Who received it.
        recipient: ParticipantId,
        /// Number of the proposal within the delivery, from 1.
        proposal: u64,
        /// The signature over the statement of the act.
        signature: Signed,
    }
}

/// `ledger.crl_recorded`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CrlRecorded {
    /// The ledger.
    pub origin: Origin,
    /// SHA-256 of the list's DER: public material.
    pub crl: Digest,
    /// SHA-256 of the issuer's name in DER.
    pub issuer: Digest,
    /// When it was issued.
    pub this_update: Timestamp,
    /// When the next one is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_update: Option<Timestamp>,
}

/// `command.refused`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommandRefused {
    /// Who asked.
    pub participant: ParticipantId,
    /// What was asked.
    pub command: CommandKind,
    /// All reasons, sorted by their spelling.
    pub codes: Vec<RefusalCode>,
    /// How many attempts this record stands for, at least 1.
    pub attempts: u64,
    /// RFC 6962 root over the attempts; left out for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<Digest>,
}
