//! What was checked, each thing on its own, with an outcome that is never a bare yes or no (pki.md 7.4).
//!
//! A check that could not be made stands in the report as *indeterminate* or *not applicable*, with its code;
//! none is ever left out. Codes are stable strings: programs and people look them up.

mod words;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

pub use words::{Language, Words};

use super::alg::Verified;
use super::asn1::name::printable;
use super::trust::{Authority, Hierarchy};
use crate::digest::Digest;
use crate::time::Timestamp;

/// How one check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Checked and right.
    Pass,
    /// Checked and right, with something that a person should know.
    Warning,
    /// Nothing to check here.
    NotApplicable,
    /// Could not be found out with what is there. Never counts as right.
    Indeterminate,
    /// Checked and wrong.
    Fail,
}

/// A stable code from [`codes`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Code(Cow<'static, str>);

impl Code {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&'static str> for Code {
    fn from(code: &'static str) -> Self {
        Self(Cow::Borrowed(code))
    }
}

/// One check: its outcome, why, and the evidence it rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// How it came out.
    pub outcome: Outcome,
    /// Why, as a stable code.
    pub code: Code,
    /// Facts for people: an algorithm, a name, a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// SHA-256 of the certificates and CRLs that the outcome rests on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Digest>,
    /// What the outcome means for the verdict when it is not right; absent when it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sub_code: Option<SubCode>,
}

impl Check {
    /// Checked and right.
    pub fn pass() -> Self {
        Self::new(Outcome::Pass, codes::OK, None)
    }

    /// Right, with a remark.
    pub fn warning(code: &'static str) -> Self {
        Self::new(Outcome::Warning, code, None)
    }

    /// Nothing to check.
    pub fn not_applicable(code: &'static str) -> Self {
        Self::new(Outcome::NotApplicable, code, None)
    }

    /// Could not be found out.
    pub fn indeterminate(code: &'static str, sub_code: SubCode) -> Self {
        Self::new(Outcome::Indeterminate, code, Some(sub_code))
    }

    /// Wrong.
    pub fn fail(code: &'static str, sub_code: SubCode) -> Self {
        Self::new(Outcome::Fail, code, Some(sub_code))
    }

    fn new(outcome: Outcome, code: &'static str, sub_code: Option<SubCode>) -> Self {
        Self { outcome, code: code.into(), detail: None, evidence: Vec::new(), sub_code }
    }

    /// Adds facts for people; characters that could forge a line are replaced, and the length is bounded.
    #[must_use]
    pub fn with_detail(mut self, detail: impl AsRef<str>) -> Self {
        let text: String = detail.as_ref().chars().take(512).map(printable).collect();
        self.detail = (!text.is_empty()).then_some(text);
        self
    }

    /// Adds evidence.
    #[must_use]
    pub fn with_evidence(mut self, evidence: Vec<Digest>) -> Self {
        self.evidence = evidence;
        self
    }

    /// What the check says about the whole.
    pub fn verdict(&self) -> Verdict {
        let sub_code = self.sub_code.unwrap_or(SubCode::Generic);
        match self.outcome {
            Outcome::Pass | Outcome::Warning | Outcome::NotApplicable => Verdict::Passed,
            Outcome::Indeterminate => Verdict::Indeterminate(sub_code),
            Outcome::Fail => Verdict::Failed(sub_code),
        }
    }
}

/// What a whole comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "result", content = "sub_code", rename_all = "snake_case")]
pub enum Verdict {
    /// Every check that applies is right.
    Passed,
    /// Something is wrong.
    Failed(SubCode),
    /// Nothing is wrong, and something could not be found out.
    Indeterminate(SubCode),
}

impl Verdict {
    /// The worst of several, the first of the worst; passed when there is none.
    pub fn worst(verdicts: impl IntoIterator<Item = Self>) -> Self {
        verdicts.into_iter().fold(Self::Passed, |worst, next| if next.rank() > worst.rank() { next } else { worst })
    }

    const fn rank(self) -> u8 {
        match self {
            Self::Passed => 0,
            Self::Indeterminate(_) => 1,
            Self::Failed(_) => 2,
        }
    }

    /// Whether it is [`Verdict::Passed`].
    pub const fn is_passed(self) -> bool {
        matches!(self, Self::Passed)
    }
}

/// The reason of a verdict, in the words of ETSI EN 319 102-1 where it has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SubCode {
    /// The signature is not of a format that is accepted.
    FormatFailure,
    /// The document is not the one that was signed.
    HashFailure,
    /// The signature value does not belong to the signer's key.
    SigCryptoFailure,
    /// The signed content is not there.
    SignedDataNotFound,
    /// The certificate of the signer is not there.
    NoSigningCertificateFound,
    /// No path to a trust anchor can be built with what is there.
    NoCertificateChainFound,
    /// There is a path, and it breaks a rule.
    ChainConstraintsFailure,
    /// An algorithm or key is too weak.
    CryptoConstraintsFailure,
    /// An algorithm or key was too weak at the time, and nothing proves that the signature is older.
    CryptoConstraintsFailureNoPoe,
    /// The signature breaks a rule of the policy (key usage, attributes).
    SigConstraintsFailure,
    /// A certificate had run out.
    Expired,
    /// A certificate was not in force yet.
    NotYetValid,
    /// A certificate was revoked or suspended at the time.
    Revoked,
    /// A certificate is revoked, and nothing proves that the signature is older.
    RevokedNoPoe,
    /// The certificate is out of its validity, and nothing proves that the signature was made within it.
    OutOfBoundsNoPoe,
    /// The revocation status is not known yet; later evidence may settle it.
    TryLater,
    /// Anything else.
    Generic,
}

/// The same question at the two moments that count (clause 5.2.3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PerTime<T> {
    /// At the trusted time of signing.
    pub at_signing: T,
    /// At the time of receipt.
    pub at_receipt: T,
}

/// The path of a certificate at a moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChainCheck {
    /// Whether a path to a trust anchor holds.
    pub check: Check,
    /// SHA-256 of the certificates of the path, target first, anchor last; absent without a path.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub path: Vec<Digest>,
    /// Under which hierarchy the path ends, if the trust snapshot says so of its anchor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hierarchy: Option<Hierarchy>,
    /// Whose authority issued the certificate, if the trust snapshot says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authority: Option<Authority>,
}

impl ChainCheck {
    /// No path, for the reason given.
    pub const fn without_path(check: Check) -> Self {
        Self { check, path: Vec::new(), hierarchy: None, authority: None }
    }
}

/// An algorithm that the outcome rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlgorithmUse {
    /// The certificate that is signed so; absent for the signature itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<Digest>,
    /// The scheme's stable name (`rsa-pkcs1-sha256`).
    pub scheme: String,
    /// Size of the key in bits.
    pub key_bits: u64,
}

impl AlgorithmUse {
    pub(crate) fn of(certificate: Option<Digest>, verified: &Verified) -> Self {
        Self { certificate, scheme: verified.scheme.clone(), key_bits: u64::from(verified.key_bits) }
    }
}

/// Whether a certificate was revoked at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case", deny_unknown_fields)]
pub enum RevocationStatus {
    /// Evidence says: not revoked.
    Good,
    /// Revoked for good.
    Revoked {
        /// From when on.
        at: Timestamp,
        /// `CRLReason` (RFC 5280 5.3.1).
        reason: u8,
        /// From when on it must be thought compromised, if the issuer says so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        invalidity: Option<Timestamp>,
    },
    /// Suspended: revoked while it lasts.
    OnHold {
        /// From when on.
        at: Timestamp,
    },
    /// No evidence that counts.
    Unknown,
    /// A trust anchor: its trust is a decision, not a status.
    TrustAnchor,
}

/// What kind of evidence a status rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RevocationSource {
    /// An OCSP answer.
    Ocsp,
    /// A full CRL.
    Crl,
    /// A full CRL with a delta CRL.
    CrlWithDelta,
    /// None is needed.
    NoCheck,
    /// None was found.
    None,
}

/// The revocation status of one certificate of a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RevocationCheck {
    /// SHA-256 of the certificate.
    pub certificate: Digest,
    /// The status.
    pub revocation: RevocationStatus,
    /// What it rests on.
    pub source: RevocationSource,
    /// When the evidence was issued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub this_update: Option<Timestamp>,
    /// When newer evidence is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_update: Option<Timestamp>,
    /// When an OCSP answer was signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub produced_at: Option<Timestamp>,
    /// SHA-256 of the certificate of whoever signed the evidence, when it is not the issuer's: a responder, or another
    /// key for lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub responder: Option<Digest>,
    /// The outcome with its code.
    pub check: Check,
    /// SHA-256 of the CRLs and OCSP answers that it rests on; here and not in the check, for a report
    /// nests as deep as canonical JSON allows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Digest>,
}

impl RevocationCheck {
    /// Moves the evidence of the check to where this structure keeps it.
    #[must_use]
    pub(crate) fn flattened(mut self) -> Self {
        self.evidence.append(&mut self.check.evidence);
        self
    }
}

/// Every code that a check can carry. None is ever renamed or removed.
pub mod codes {
    macro_rules! codes {
        ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
            $($(#[$doc])* pub const $name: &str = $text;)*
            /// All of them.
            pub const ALL: &[&str] = &[$($text),*];
        };
    }
    codes! {
        /// Right.
        OK = "ok";
        /// Not reached, because something before it did not hold.
        NOT_REACHED = "not-reached";
        /// Nothing of the kind is in the signature.
        ABSENT = "absent";
        /// The bytes are not a CMS SignedData within the limits.
        PARSE = "parse";
        /// A detached signature larger than any honest one.
        TOO_LARGE = "too-large";
        /// No signer.
        NO_SIGNERS = "no-signers";
        /// No signed attributes: such a signature can be re-interpreted (pitfall 2).
        SIGNED_ATTRIBUTES_MISSING = "signed-attributes-missing";
        /// An attribute is malformed, or there are too many.
        ATTRIBUTES_MALFORMED = "attributes-malformed";
        /// The document itself reads as signed attributes (pitfall 2).
        DOCUMENT_LOOKS_LIKE_ATTRIBUTES = "document-looks-like-signed-attributes";
        /// The content inside the signature is not the document (pitfall 3).
        CONTENT_DIFFERS = "content-differs-from-document";
        /// The content is not plain data.
        CONTENT_NOT_DATA = "content-not-data";
        /// Attribute content-type is absent, doubled or says another type.
        CONTENT_TYPE = "content-type";
        /// Attribute message-digest is absent, doubled or malformed.
        MESSAGE_DIGEST_ATTRIBUTE = "message-digest-attribute";
        /// The digest of the document is another one.
        MESSAGE_DIGEST = "message-digest";
        /// Attributes signed in the order sent, not in DER order.
        ATTRIBUTES_NOT_DER = "signed-attributes-not-der";
        /// The signature value does not hold.
        SIGNATURE = "signature";
        /// Key and signature algorithm do not belong together.
        KEY_ALGORITHM_MISMATCH = "key-algorithm-mismatch";
        /// Malformed algorithm parameters.
        ALGORITHM_PARAMETERS = "algorithm-parameters";
        /// The key is malformed.
        KEY_MALFORMED = "key-malformed";
        /// The algorithm is not known here.
        UNSUPPORTED_ALGORITHM = "unsupported-algorithm";
        /// The digest is broken (MD5, SHA-1).
        WEAK_DIGEST = "weak-digest";
        /// The algorithm or key is below the policy at the time.
        WEAK_ALGORITHM = "weak-algorithm";
        /// Legal and weak; allowed with a remark.
        WEAK_PARAMETERS = "weak-parameters";
        /// The signer's certificate is neither in the signature nor in the evidence.
        SIGNER_CERTIFICATE_MISSING = "signer-certificate";
        /// Two different certificates match the signer identifier.
        SIGNER_CERTIFICATE_AMBIGUOUS = "signer-certificate-ambiguous";
        /// The signer's certificate does not parse or has a malformed extension.
        SIGNER_CERTIFICATE_MALFORMED = "signer-certificate-malformed";
        /// No signing-certificate attribute.
        SIGNING_CERTIFICATE_ABSENT = "signing-certificate-absent";
        /// The signing-certificate attribute names another certificate, or is malformed or doubled.
        SIGNING_CERTIFICATE_MISMATCH = "signing-certificate-mismatch";
        /// The signing-certificate attribute is version 1 (SHA-1 as an identifier).
        SIGNING_CERTIFICATE_SHA1 = "signing-certificate-sha1";
        /// No path to a trust anchor.
        NO_PATH = "no-path";
        /// A certificate's signature does not hold.
        PATH_SIGNATURE = "path-signature";
        /// The path breaks a rule of RFC 5280 section 6.
        PATH_CONSTRAINT = "path-constraint";
        /// The path breaks name constraints.
        PATH_NAME_CONSTRAINT = "path-name-constraint";
        /// The path breaks certificate policies.
        PATH_POLICY = "path-policy";
        /// A critical extension is not understood.
        PATH_CRITICAL_EXTENSION = "path-critical-extension";
        /// The search for a path came to its limit.
        PATH_LIMIT = "path-limit";
        /// A CA certificate or the anchor was out of its validity.
        PATH_VALIDITY = "path-validity";
        /// The path ends in a test hierarchy, which the policy does not accept.
        PATH_TEST_HIERARCHY = "path-test-hierarchy";
        /// A certificate of the path is not trusted for this purpose.
        TRUST_PURPOSE = "trust-purpose";
        /// The trust in a certificate of the path had not begun or had been ended by decision.
        TRUST_WINDOW = "trust-window";
        /// The certificate had run out.
        EXPIRED = "certificate-expired";
        /// The certificate was not in force yet.
        NOT_YET_VALID = "certificate-not-yet-valid";
        /// The certificate was revoked.
        REVOKED = "certificate-revoked";
        /// The certificate was suspended.
        ON_HOLD = "certificate-on-hold";
        /// Revoked later; the issuer says it must be thought compromised from an earlier time on.
        INVALIDITY_DATE = "invalidity-date";
        /// No revocation evidence that covers the time.
        NO_REVOCATION_EVIDENCE = "no-revocation-evidence";
        /// The certificate names a delta CRL that might say more, and none is there.
        FRESHEST_CRL_ABSENT = "freshest-crl-absent";
        /// The evidence that there is was not current at the time.
        REVOCATION_NOT_CURRENT = "revocation-not-current";
        /// A delta CRL fits its base by content and date, and its number does not follow.
        DELTA_OUT_OF_SEQUENCE = "delta-out-of-sequence";
        /// The responder knows nothing about the certificate.
        OCSP_UNKNOWN = "ocsp-unknown";
        /// The evidence is of a kind not supported yet, out of scope or not authorised.
        REVOCATION_UNUSABLE = "revocation-unusable";
        /// Two pieces of evidence contradict each other; the worse one counts.
        REVOCATION_CONTRADICTION = "revocation-contradiction";
        /// A trust anchor needs no status.
        TRUST_ANCHOR = "trust-anchor";
        /// The policy does not demand a status.
        REVOCATION_NOT_REQUIRED = "revocation-not-required";
        /// The certificate is not for signing documents.
        KEY_USAGE = "key-usage";
        /// No rule of the policy demands a role for such a document.
        AUTHORITY_NOT_DEMANDED = "authority-not-demanded";
        /// The certificate states another role than the policy demands for such a document.
        SIGNER_ROLE = "signer-role";
        /// The policy demands a role, and the certificate states none, or one that is not known here.
        SIGNER_ROLE_UNKNOWN = "signer-role-unknown";
        /// The signer's slot on the document demands no role.
        SLOT_ROLE_NOT_DEMANDED = "slot-role-not-demanded";
        /// The certificate states another role than the signer's slot on the document demands.
        SLOT_ROLE = "slot-role";
        /// The signer's slot demands a role, and the certificate states none, or one that is not known here.
        SLOT_ROLE_UNKNOWN = "slot-role-unknown";
        /// An identification number in the certificate is not an issued one (check digit, placeholder).
        IDENTIFIER = "identifier";
        /// The policy does not say how identification numbers are judged.
        IDENTIFIERS_NOT_JUDGED = "identifiers-not-judged";
        /// A timestamp of a kind that is recognised and not evaluated (archive timestamps).
        TIMESTAMP_UNSUPPORTED = "timestamp-unsupported";
        /// Unsigned attributes are there; they are not covered by the signature.
        UNSIGNED_ATTRIBUTES = "unsigned-attributes";
        /// There are timestamps over the signature, and none of them could be verified: none counts.
        TIMESTAMP_NOT_COUNTED = "timestamp-not-counted";
        /// The content of a timestamp token is malformed, or of another type (RFC 3161 2.4.2).
        TIMESTAMP_CONTENT = "timestamp-content";
        /// A timestamp token must have one signer.
        TIMESTAMP_SIGNERS = "timestamp-signers";
        /// The timestamp is about other bytes than it should be (pitfall 6).
        TIMESTAMP_IMPRINT = "timestamp-imprint";
        /// The certificate is not one for timestamps alone (RFC 3161 2.3).
        TIMESTAMP_KEY_USAGE = "timestamp-key-usage";
        /// Counter-signatures are there; they are about the signature, not about the document.
        COUNTER_SIGNATURES = "counter-signatures";
        /// The evidence record does not cover the object.
        ARCHIVED_OBJECT_NOT_COVERED = "archived-object-not-covered";
        /// No object was given, or no digest of it by the algorithm of a chain of the evidence record.
        ARCHIVED_OBJECT_ABSENT = "archived-object-absent";
        /// A timestamp of the evidence record does not cover what came before it, or is out of order.
        ARCHIVE_TIMESTAMP_RENEWAL = "archive-timestamp-renewal";
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_code_disappears_or_stands_twice() {
        let mut codes = codes::ALL.to_vec();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), codes::ALL.len());
        let known = include_str!("report/codes.txt");
        for code in known.lines() {
            assert!(codes.binary_search(&code).is_ok(), "{code} has disappeared");
        }
        assert_eq!(known.lines().count(), codes.len(), "write new codes into report/codes.txt");
    }

    #[test]
    fn verdicts_are_written_with_their_sub_code() {
        for (verdict, text) in [
            (Verdict::Passed, r#"{"result":"passed"}"#),
            (Verdict::Failed(SubCode::HashFailure), r#"{"result":"failed","sub_code":"HASH_FAILURE"}"#),
            (Verdict::Indeterminate(SubCode::TryLater), r#"{"result":"indeterminate","sub_code":"TRY_LATER"}"#),
        ] {
            assert_eq!(serde_json::to_string(&verdict).unwrap(), text);
            assert_eq!(serde_json::from_str::<Verdict>(text).unwrap(), verdict);
        }
    }

    #[test]
    fn the_worst_verdict_counts_and_of_equals_the_first() {
        use SubCode::{Expired, HashFailure, TryLater};
        use Verdict::{Failed, Indeterminate, Passed};
        for (verdicts, worst) in [
            (vec![], Passed),
            (vec![Passed, Indeterminate(TryLater)], Indeterminate(TryLater)),
            (vec![Indeterminate(TryLater), Failed(HashFailure), Failed(Expired)], Failed(HashFailure)),
        ] {
            assert_eq!(Verdict::worst(verdicts), worst);
        }
    }
}
