//! Refusals: the rules said no, with every reason at once, each with its clause and what to do about it.

use std::fmt;

use serde::ser::SerializeStruct as _;
use serde::{Deserialize, Serialize, Serializer};

use crate::domain::command::CommandKind;
use crate::id::EventId;

/// Why a command was refused. Never empty; every broken rule is listed, not the first one only (clause 5.3.6).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("refused: {}", self.codes().iter().map(|code| code.as_str()).collect::<Vec<_>>().join(", "))]
pub struct Refusal {
    /// Not empty: a refusal without a reason cannot be made.
    findings: Vec<Finding>,
}

impl Refusal {
    /// A refusal for one reason.
    pub fn of(finding: Finding) -> Self {
        Self { findings: vec![finding] }
    }

    /// A refusal for these reasons, if there are any.
    pub fn of_all(findings: Vec<Finding>) -> Option<Self> {
        if findings.is_empty() { None } else { Some(Self { findings }) }
    }

    /// All reasons, in the order in which the rules were asked.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// The codes, sorted, each once: what a `command.refused` record says.
    pub fn codes(&self) -> Vec<RefusalCode> {
        let mut codes: Vec<_> = self.findings.iter().map(|finding| finding.code).collect();
        codes.sort_unstable_by_key(|code| code.as_str());
        codes.dedup();
        codes
    }

    /// Whether the same command may succeed later without being changed.
    pub fn is_retryable(&self) -> bool {
        self.findings.iter().all(|finding| finding.code.is_retryable())
    }
}

/// `{"findings":[...]}`: the payload `details` of `command.refused`.
impl Serialize for Refusal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Refusal", 1)?;
        object.serialize_field("findings", &self.findings)?;
        object.end()
    }
}

/// Passes when nothing was found.
pub(crate) fn refuse_if_any(findings: Vec<Finding>) -> Result<(), Refusal> {
    Refusal::of_all(findings).map_or(Ok(()), Err)
}

/// One broken rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Which rule.
    pub code: RefusalCode,
    /// The clause that the rule carries out.
    pub clause: &'static str,
    /// The member of the command that it is about, for example `recipients/2`; never its value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// Facts that help to put it right; no personal data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<Detail>,
}

impl Finding {
    /// A finding about the command as a whole.
    pub const fn new(code: RefusalCode) -> Self {
        Self { code, clause: code.clause(), field: None, detail: None }
    }

    /// A finding about one member of the command.
    pub fn at(code: RefusalCode, field: impl Into<String>) -> Self {
        Self { field: Some(field.into()), ..Self::new(code) }
    }

    /// Adds facts.
    #[must_use]
    pub fn with(mut self, detail: Detail) -> Self {
        self.detail = Some(detail);
        self
    }
}

/// Facts beside a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Detail {
    /// The state that forbids it and what the acting party may do instead.
    State {
        /// Name of the state, for example `accounted`.
        state: &'static str,
        /// The event that led to it: in a race, the one that came first.
        #[serde(skip_serializing_if = "Option::is_none")]
        event: Option<EventId>,
        /// What may be asked now.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        allowed: Vec<CommandKind>,
    },
    /// A limit and what was given, in the unit of the rule (bytes, items).
    Limit {
        /// The most that is allowed.
        max: u64,
        /// What was given.
        given: u64,
    },
    /// What the content turned out to be, a name of the format registry's signatures.
    Found {
        /// For example `png`.
        format: &'static str,
    },
    /// What the signature or certificate check found.
    Check {
        /// Its code in the report, for example `certificate-revoked`.
        code: String,
    },
}

/// Declares the closed list of codes.
macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $slug:literal, $clause:literal, $retryable:literal, $advice:literal;)*) => {
        /// The closed list of reasons for which these commands are refused (clauses.md A.17).
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum RefusalCode {
            $(#[doc = $advice] #[serde(rename = $slug)] $name,)*
        }

        impl RefusalCode {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The slug: last part of the problem type, and what records say.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $slug,)* }
            }

            /// The clause that the rule carries out.
            pub const fn clause(self) -> &'static str {
                match self { $(Self::$name => $clause,)* }
            }

            /// What to do, in one English sentence.
            pub const fn advice(self) -> &'static str {
                match self { $(Self::$name => $advice,)* }
            }

            /// Whether the same command may succeed later without being changed.
            pub const fn is_retryable(self) -> bool {
                match self { $(Self::$name => $retryable,)* }
            }
        }
    };
}

codes! {
    AgreementNotActive = "agreement-not-active", "1.16", false, "The participant must accept the terms in force first.";
    AuthorityMissing = "authority-missing", "4.1", false, "Show an authority that covers this act, or let somebody sign who has it.";
    CertificateAnnulled = "certificate-annulled", "8.10", false, "Register another certificate; this one is annulled for good.";
    CertificateExists = "certificate-exists", "8.1", false, "This certificate is registered already; use it.";
    CertificateExpired = "certificate-expired", "8.1", false, "The certificate's validity is over; renew it and register the new one.";
    CertificateIndeterminate = "certificate-indeterminate", "8.2", true, "The certificate could not be checked to the end, usually for want of revocation data; try again later.";
    CertificateMalformed = "certificate-malformed", "8.1", false, "Send one X.509 certificate in DER.";
    CertificateNotRegistered = "certificate-not-registered", "8.4", false, "Register the signer's certificate before signing with it.";
    CertificateNotYetValid = "certificate-not-yet-valid", "8.1", true, "Wait until the certificate's validity begins.";
    CertificatePurpose = "certificate-purpose", "8.1", false, "Use the certificate that was issued for signing, not the one for authentication or of a CA.";
    CertificateRevoked = "certificate-revoked", "8.2", false, "The issuer revoked the certificate; register another one.";
    CertificateSubjectMismatch = "certificate-subject-mismatch", "8.4", false, "The certificate names another BIN or IIN than the participant's.";
    CertificateSuspended = "certificate-suspended", "8.8", false, "The key is suspended after a compromise report; sign with another registered key.";
    CertificateUntrusted = "certificate-untrusted", "8.2", false, "The certificate does not lead to a trust anchor of this ledger.";
    CompromiseBeforeCertificate = "compromise-before-certificate", "8.7", false, "The key cannot have been compromised as this certificate's before the certificate's validity began.";
    CompromiseTimeInFuture = "compromise-time-in-future", "8.9", false, "Times of learning, compromise and receipt cannot be later than the receipt, nor the receipt later than now.";
    ContentTooLarge = "content-too-large", "2.30", false, "Send a smaller content: scans up to 10 MiB, other documents up to 64 MiB.";
    CrlExists = "crl-exists", "2.12", false, "This revocation list is recorded already.";
    CrlMalformed = "crl-malformed", "2.12", false, "Send one X.509 revocation list in DER.";
    CrlUntrusted = "crl-untrusted", "2.12", false, "The revocation list is not signed by an issuer that this ledger trusts.";
    DigestMismatch = "digest-mismatch", "5.3.2", false, "The content is not the one whose SHA-256 was declared; upload it again.";
    DocumentState = "document-state", "5.3.1", false, "The state does not allow this; see the state and the allowed actions.";
    DocumentUnsigned = "document-unsigned", "8.3", false, "All mandatory signers must sign before the document is sent.";
    EmptyContent = "empty-content", "5.3.5.1", false, "Send a content of at least one byte.";
    FindingUnchanged = "finding-unchanged", "8.2", true, "The check comes to what is on record already; try again when there is new revocation data.";
    FormatUnknown = "format-unknown", "2.28", false, "Use a format of the registry.";
    FormatViolation = "format-violation", "5.3.5.1", false, "The content does not follow the declared format; see what it turned out to be.";
    InvalidBin = "invalid-bin", "2.1", false, "Give the 12 digits of the BIN with the right check digit.";
    InvalidIin = "invalid-iin", "2.19", false, "Give the 12 digits of the IIN with the right check digit.";
    KeyNotSuspended = "key-not-suspended", "8.10", false, "Only a key with a compromise on record can be annulled or resumed.";
    KeyUnknown = "key-unknown", "8.7", false, "No certificate for this key is registered here.";
    MediaTypeMismatch = "media-type-mismatch", "2.30", false, "The content is of another kind than declared; see what it turned out to be.";
    NotTheOwner = "not-the-owner", "4.1", false, "Only the participant concerned may ask for this.";
    OperatorOnly = "operator-only", "5.3.13", false, "Only the operator may ask for this.";
    ParticipantExists = "participant-exists", "2.1", false, "This BIN or IIN is registered already.";
    ParticipantUnknown = "participant-unknown", "1.1", false, "Name a registered participant.";
    PolicyForTests = "policy-for-tests", "8.2", false, "The policy lets test certificates or test numbers count, and this ledger is of real documents. Leave both out, or make a ledger for tests.";
    PossessionMissing = "possession-missing", "8.1", false, "Prove possession of the key by signing the possession statement with this certificate.";
    PrivateKeyMaterialRefused = "private-key-material-refused", "5.1.4.2", false, "Never send a private key; send the certificate or signature only, and consider this key exposed.";
    RecipientDuplicate = "recipient-duplicate", "5.3.1.2", false, "Name each recipient once.";
    RecipientSelf = "recipient-self", "5.3.1.2", false, "The sender cannot be a recipient.";
    RecipientSuspended = "recipient-suspended", "5.5.3", true, "The recipient has no active agreement; send when it has.";
    RecipientUnknown = "recipient-unknown", "5.3.1.2", false, "Name registered participants as recipients.";
    RecipientsMissing = "recipients-missing", "5.3.1.2", false, "Name at least one recipient and not more than the limit.";
    RequisitesMissing = "requisites-missing", "2.29", false, "Fill in every mandatory requisite within its limits.";
    SignatureAlgorithmUnsupported = "signature-algorithm-unsupported", "8.2", false, "The signature's algorithm cannot be checked here; sign with a supported one.";
    SignatureDigestMismatch = "signature-digest-mismatch", "8.2", false, "The signature covers other bytes; sign exactly the bytes that are stored here.";
    SignatureIndeterminate = "signature-indeterminate", "8.2", true, "The signature could not be checked to the end, usually for want of revocation data; try again later.";
    SignatureInvalid = "signature-invalid", "8.2", false, "The signature check failed; sign again.";
    SignatureMalformed = "signature-malformed", "8.3", false, "Send a detached CMS SignedData in DER with one signer and its certificate.";
    SignaturePending = "signature-pending", "8.2", true, "A signature is waiting for revocation data; it counts when a finding confirms it.";
    SignatureUnknown = "signature-unknown", "8.2", false, "Name the event of a signature that stands on this document.";
    SignerAlreadySigned = "signer-already-signed", "5.3.2", false, "This participant has signed already.";
    SignerNotExpected = "signer-not-expected", "8.4", false, "The certificate belongs to a participant whose signature is not due here.";
    SignerRole = "signer-role", "4.1", false, "The certificate gives its owner no role that may sign documents of this type; let somebody sign who has one.";
    SignersInvalid = "signers-invalid", "5.3.2", false, "Name at least one mandatory signer, not more than the limit, with groups from 1.";
    SigningOrder = "signing-order", "5.3.2", true, "Earlier signing groups must sign first.";
    SlotRole = "slot-role", "8.6", false, "The certificate does not state the role that this signer's slot demands; let somebody sign who has it.";
    TermsUnknown = "terms-unknown", "1.7", false, "Accept the terms that are in force.";
    TrustInvalid = "trust-invalid", "8.2", false, "Give at least one CA certificate as trust anchor, all in DER.";
    TrustUnchanged = "trust-unchanged", "8.2", false, "These trust anchors and this policy are in force already.";
}

impl RefusalCode {
    /// The code of a failed check of a signature or certificate, from the code of that check in the report
    /// (`certificate-revoked`) or from a verdict's sub-code (`REVOKED`, ETSI EN 319 102-1 words). What is not known
    /// here is a signature that failed: never a reason to pass.
    pub fn of_failed_check(code: &str) -> Self {
        match code {
            "parse"
            | "too-large"
            | "no-signers"
            | "several-signers"
            | "signed-attributes-missing"
            | "attributes-malformed"
            | "document-looks-like-signed-attributes"
            | "content-not-data"
            | "content-type"
            | "message-digest-attribute"
            | "signer-certificate"
            | "signer-certificate-ambiguous"
            | "signer-certificate-malformed"
            | "FORMAT_FAILURE"
            | "NO_SIGNING_CERTIFICATE_FOUND" => Self::SignatureMalformed,
            "message-digest" | "content-differs-from-document" | "HASH_FAILURE" | "SIGNED_DATA_NOT_FOUND" => {
                Self::SignatureDigestMismatch
            }
            "certificate-expired" | "EXPIRED" | "OUT_OF_BOUNDS_NO_POE" => Self::CertificateExpired,
            "certificate-not-yet-valid" | "NOT_YET_VALID" => Self::CertificateNotYetValid,
            "certificate-revoked" | "certificate-on-hold" | "REVOKED" | "REVOKED_NO_POE" => Self::CertificateRevoked,
            "no-path"
            | "path-signature"
            | "path-constraint"
            | "path-name-constraint"
            | "path-policy"
            | "path-critical-extension"
            | "path-validity"
            | "NO_CERTIFICATE_CHAIN_FOUND"
            | "CHAIN_CONSTRAINTS_FAILURE" => Self::CertificateUntrusted,
            "key-usage" => Self::CertificatePurpose,
            "signer-role" | "signer-role-unknown" => Self::SignerRole,
            "slot-role" | "slot-role-unknown" => Self::SlotRole,
            "unsupported-algorithm"
            | "weak-digest"
            | "weak-algorithm"
            | "CRYPTO_CONSTRAINTS_FAILURE"
            | "CRYPTO_CONSTRAINTS_FAILURE_NO_POE" => Self::SignatureAlgorithmUnsupported,
            _ => Self::SignatureInvalid,
        }
    }

    /// Whether the reason is about the certificate (clause 5.2.3.2) and not about the signature itself (5.2.3.1).
    pub const fn is_about_certificate(self) -> bool {
        matches!(
            self,
            Self::CertificateAnnulled
                | Self::CertificateExpired
                | Self::CertificateNotRegistered
                | Self::CertificateNotYetValid
                | Self::CertificatePurpose
                | Self::CertificateRevoked
                | Self::CertificateSubjectMismatch
                | Self::CertificateSuspended
                | Self::CertificateUntrusted
        )
    }

    /// The code of a check that came to no end: what is certain or will not change by waiting keeps its own code.
    #[expect(clippy::wildcard_enum_match_arm, reason = "every other code would say more than is known")]
    pub fn of_indeterminate_check(code: &str) -> Self {
        match Self::of_failed_check(code) {
            known @ (Self::SignatureAlgorithmUnsupported
            | Self::SignatureMalformed
            | Self::CertificateExpired
            | Self::CertificateNotYetValid
            | Self::CertificateRevoked
            | Self::CertificateUntrusted
            | Self::CertificatePurpose
            | Self::SignerRole
            | Self::SlotRole) => known,
            _ => Self::SignatureIndeterminate,
        }
    }
}

impl fmt::Debug for RefusalCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for RefusalCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
