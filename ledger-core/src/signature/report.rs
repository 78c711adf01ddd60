//! The report of a verification: every check, always present, in canonical bytes whose digest goes into an event.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::timestamp::TimestampReport;
use crate::canonical::{self, CanonicalError};
use crate::digest::Digest;
use crate::id::{CertificateId, KeyId};
use crate::pki::certificate::{Certificate, CertificateError, Role};
use crate::pki::policy::SignaturePolicy;
use crate::pki::report::{AlgorithmUse, ChainCheck, Check, PerTime, RevocationCheck, SubCode, Verdict, codes};
use crate::pki::trust::TrustSnapshot;
use crate::pki::validation::{self, Moment};
use crate::time::Timestamp;

/// What writes the reports.
pub(super) const ENGINE: &str = concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION"));

/// What came out of [`super::verify`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerificationReport {
    /// Version of this structure: 1.
    pub schema: u64,
    /// What wrote it, with its version.
    pub engine: String,
    /// Id of the signature policy.
    pub policy: Digest,
    /// Id of the trust snapshot.
    pub trust: Digest,
    /// What was verified, and for which moments.
    pub input: InputDigests,
    /// Facts about the message.
    pub container: Container,
    /// Whether message and document are of an acceptable form, and belong together if the document is inside.
    pub format: Check,
    /// One for each signer, in the order of the message; absent when it does not parse.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signatures: Vec<SignatureReport>,
    /// One for each timestamp token that belongs to a signature; absent when there is none. Here and not in the report
    /// of the signature, for a report nests as deep as canonical JSON allows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub timestamps: Vec<TimestampReport>,
    /// The worst of all. Which signers a document needs is for the domain to say.
    pub overall: Verdict,
}

impl VerificationReport {
    /// The timestamps that belong to a signature.
    pub fn timestamps_of(&self, signature: &SignatureReport) -> impl Iterator<Item = &TimestampReport> {
        let index = signature.index;
        self.timestamps.iter().filter(move |token| token.signature == Some(index))
    }

    /// Demands a role of every signer (clauses 4.1, 8.6): without it the signature fails, and where the certificate states
    /// no role, or one that is not known here, nobody can say that it lacks it.
    #[must_use]
    pub fn with_role(mut self, required: Option<Role>) -> Self {
        let Some(role) = required else { return self };
        self.input.required_role = required;
        for signature in &mut self.signatures {
            let signer = &mut signature.signer;
            let stated = signer.roles.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(", ");
            let detail = format!("needed: {}; stated: {stated}", role.as_str());
            signer.slot_role = if signer.roles.contains(&role) {
                Check::pass().with_detail(role.as_str())
            } else if signer.roles.is_empty() || !signer.unknown_roles.is_empty() {
                Check::indeterminate(codes::SLOT_ROLE_UNKNOWN, SubCode::SigConstraintsFailure).with_detail(detail)
            } else {
                Check::fail(codes::SLOT_ROLE, SubCode::SigConstraintsFailure).with_detail(detail)
            };
            signature.verdict = Verdict::worst([signature.verdict, signer.slot_role.verdict()]);
        }
        let signers = self.signatures.iter().map(|signature| signature.verdict);
        self.overall = Verdict::worst(std::iter::once(self.overall).chain(signers));
        self
    }

    pub(super) fn refused(mut self, check: Check) -> Self {
        self.overall = check.verdict();
        self.format = check;
        self
    }

    /// The canonical bytes.
    pub fn to_canonical_bytes(&self) -> Result<Vec<u8>, CanonicalError> {
        canonical::encode_any_length(self)
    }

    /// SHA-256 of the canonical bytes.
    pub fn digest(&self) -> Result<Digest, CanonicalError> {
        Ok(Digest::sha256(&[&self.to_canonical_bytes()?]))
    }
}

/// The input by its digests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputDigests {
    /// SHA-256 of the document.
    pub document: Digest,
    /// SHA-256 of the whole CMS, unsigned parts included: anyone could change those later.
    pub signature: Digest,
    /// The trusted time of signing.
    pub signing_time: Timestamp,
    /// The time of receipt.
    pub receipt_time: Timestamp,
    /// The type of the document, by which the policy demands roles.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document_type: Option<String>,
    /// The role that the signer's slot on the document demands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub required_role: Option<Role>,
}

/// Facts about the CMS message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Container {
    /// It came in BER and was brought to definite form for reading.
    pub ber: bool,
    /// Its length in bytes.
    pub bytes: u64,
    /// How many signers it has.
    pub signers: u64,
    /// The document is not inside.
    pub detached: bool,
}

/// What proves the time of a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum TimeProof {
    /// The ledger took it at this time.
    Receipt {
        /// The time.
        at: Timestamp,
    },
    /// A timestamp over the signature value, fully verified, says that it existed by then.
    Timestamp {
        /// The time of the token plus its stated accuracy.
        at: Timestamp,
        /// SHA-256 of the token, which names its report.
        token: Digest,
    },
}

impl TimeProof {
    /// The time by which the signature existed.
    pub const fn at(&self) -> Timestamp {
        match self {
            Self::Receipt { at } | Self::Timestamp { at, .. } => *at,
        }
    }
}

/// The checks that bind a document to a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IntegrityChecks {
    /// Attribute content-type, and the type of the content.
    pub content_type: Check,
    /// Attribute message-digest against the document.
    pub message_digest: Check,
    /// The signature value.
    pub signature_value: Check,
    /// Whether the signed attributes were sent in DER.
    pub signed_attrs_der: Check,
}

/// Who signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignerCheck {
    /// Whether the one certificate of the signer is there.
    pub check: Check,
    /// Attribute signing-certificate(-v2).
    pub signing_certificate_attr: Check,
    /// The ledger's id of the certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<CertificateId>,
    /// The ledger's id of its key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<KeyId>,
    /// Business identification number in its subject.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bin: Option<String>,
    /// Individual identification number in its subject.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iin: Option<String>,
    /// The roles that it states, in the order of [`Role`]; absent when it states none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<Role>,
    /// National usages in it that name no role known here, dotted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown_roles: Vec<String>,
    /// Whether the numbers in it can be issued ones.
    pub identifiers: Check,
    /// Whether a certificate with its roles may sign a document of the type (clauses 2.11, 8.6).
    pub authority: Check,
    /// Whether it states the role that the signer's slot on the document demands (clauses 4.1, 8.6).
    pub slot_role: Check,
}

/// One signer's report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignatureReport {
    /// SHA-256 of the SignerInfo, which names the signature.
    pub id: Digest,
    /// Place in the message, from 0.
    pub index: u64,
    /// What the signer claims; never used for anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claimed_signing_time: Option<Timestamp>,
    /// The earliest trusted time of the signature, at which "at signing" is judged.
    pub best_signature_time: TimeProof,
    /// Whether the signature is of an acceptable form.
    pub format: Check,
    /// Whether the document is the signed one.
    pub integrity: IntegrityChecks,
    /// Who signed.
    pub signer: SignerCheck,
    /// The algorithms of signature and path, by the policy at the time of signing; the weakest counts.
    pub algorithms: Check,
    /// Every algorithm in the picture: that of the signature, then those of the certificates of the path.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub algorithms_used: Vec<AlgorithmUse>,
    /// The path to a trust anchor.
    pub chain_at: PerTime<ChainCheck>,
    /// The validity of the signer's certificate.
    pub certificate_validity_at: PerTime<Check>,
    /// One for each certificate of the path; absent without a path.
    #[serde(default, skip_serializing_if = "RevocationAt::is_empty")]
    pub revocation_at: RevocationAt,
    /// Whether the certificate may sign documents.
    pub key_usage: Check,
    /// What the timestamps over the signature value come to: a pass when one counts, a warning when none of those that
    /// are there does. Never worse, for anybody can add one.
    pub timestamp: Check,
    /// Whether there are counter-signatures, which are about the signature and not about the document.
    pub counter_signatures: Check,
    /// What it comes to.
    pub verdict: Verdict,
}

/// The revocation status of every certificate of the path, target first, anchor last; absent without a path.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RevocationAt {
    /// At the trusted time of signing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub at_signing: Vec<RevocationCheck>,
    /// At the time of receipt.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub at_receipt: Vec<RevocationCheck>,
}

impl RevocationAt {
    const fn is_empty(&self) -> bool {
        self.at_signing.is_empty() && self.at_receipt.is_empty()
    }
}

/// What came out of [`super::verify_certificate`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertificateReport {
    /// Version of this structure: 1.
    pub schema: u64,
    /// Id of the signature policy.
    pub policy: Digest,
    /// Id of the trust snapshot.
    pub trust: Digest,
    /// The ledger's id of the certificate.
    pub certificate: CertificateId,
    /// The ledger's id of its key; absent when it does not parse.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<KeyId>,
    /// The moment asked about.
    pub at: Timestamp,
    /// Whether it is a certificate of sound structure.
    pub format: Check,
    /// The path to a trust anchor.
    pub chain: ChainCheck,
    /// Its own validity.
    pub validity: Check,
    /// Target first, anchor last; absent without a path.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub revocation: Vec<RevocationCheck>,
    /// The algorithms of the path, by the policy at the time.
    pub algorithms: Check,
    /// Whether it may sign documents.
    pub key_usage: Check,
    /// What it comes to.
    pub verdict: Verdict,
}

impl CertificateReport {
    pub(super) fn new(
        certificate: &Arc<Certificate>,
        policy: &SignaturePolicy,
        trust: &TrustSnapshot,
        at: Timestamp,
        moment: Moment,
        key_usage: Check,
    ) -> Self {
        let own =
            [key_usage.verdict()].into_iter().chain(validation::verdicts(&moment)).chain([moment.algorithms.verdict()]);
        let verdict = Verdict::worst(own);
        Self {
            schema: 1,
            policy: policy.id(),
            trust: trust.id(),
            certificate: certificate.id(),
            key: Some(certificate.key()),
            at,
            format: Check::pass(),
            chain: moment.chain,
            validity: moment.validity,
            revocation: moment.revocation,
            algorithms: moment.algorithms,
            key_usage,
            verdict,
        }
    }

    pub(super) fn unreadable(
        der: &[u8],
        policy: &SignaturePolicy,
        trust: &TrustSnapshot,
        at: Timestamp,
        error: &CertificateError,
    ) -> Self {
        let format = Check::fail(codes::PARSE, SubCode::FormatFailure).with_detail(error.to_string());
        let not_reached = || Check::indeterminate(codes::NOT_REACHED, SubCode::FormatFailure);
        Self {
            schema: 1,
            policy: policy.id(),
            trust: trust.id(),
            certificate: CertificateId::of_der(der),
            key: None,
            at,
            verdict: format.verdict(),
            format,
            chain: ChainCheck::without_path(not_reached()),
            validity: not_reached(),
            revocation: Vec::new(),
            algorithms: not_reached(),
            key_usage: not_reached(),
        }
    }

    /// The canonical bytes.
    pub fn to_canonical_bytes(&self) -> Result<Vec<u8>, CanonicalError> {
        canonical::encode_any_length(self)
    }

    /// SHA-256 of the canonical bytes.
    pub fn digest(&self) -> Result<Digest, CanonicalError> {
        Ok(Digest::sha256(&[&self.to_canonical_bytes()?]))
    }
}
