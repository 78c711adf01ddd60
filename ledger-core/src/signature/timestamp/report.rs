//! The report about one timestamp token: every check on its own, as for a signature.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::id::CertificateId;
use crate::pki::report::{AlgorithmUse, ChainCheck, Check, RevocationCheck, SubCode, Verdict, codes};
use crate::time::Timestamp;

/// What a token is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimestampKind {
    /// The value of a signature: it existed by then (RFC 3161 appendix A). Only these can prove the time of signing.
    Signature,
    /// The document, before it was signed (CAdES content-time-stamp). Says nothing about when it was signed.
    Content,
    /// A signature with more around it (archive and similar timestamps). Recognised, not evaluated.
    Archive,
    /// Bytes or a digest given by whoever asks ([`super::verify_timestamp`], evidence records).
    Data,
}

/// Where a token was found. Only a signed attribute is the signer's; anybody can write the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimestampOrigin {
    /// Among the signed attributes.
    SignedAttribute,
    /// Among the unsigned attributes.
    UnsignedAttribute,
    /// Handed in with the evidence.
    Evidence,
}

/// The report about one token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimestampReport {
    /// SHA-256 of the token.
    pub id: Digest,
    /// The index of the signature that it belongs to; absent for a token verified on its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<u64>,
    /// What it is about.
    pub kind: TimestampKind,
    /// Where it was found.
    pub origin: TimestampOrigin,
    /// What the authority's clock showed; absent when the token does not parse.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gen_time: Option<Timestamp>,
    /// The same plus the stated accuracy: the time by which the stamped bytes existed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latest: Option<Timestamp>,
    /// The policy of the authority, dotted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// The serial number in lower-case hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
    /// The digest algorithm of the imprint, dotted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub imprint_algorithm: Option<String>,
    /// The imprint in lower-case hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub imprint: Option<String>,
    /// The ledger's id of the authority's certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<CertificateId>,
    /// Whether it is a token after RFC 3161 2.4.2.
    pub format: Check,
    /// Whether it is about the bytes that it should be about.
    pub imprint_check: Check,
    /// Whether content and key belong together (content type, message digest, signature value).
    pub integrity: Check,
    /// Attribute signing-certificate(-v2), which a token must have.
    pub signing_certificate_attr: Check,
    /// Whether the certificate is for timestamps alone.
    pub key_usage: Check,
    /// The algorithms of token and path, by the policy at the time of the token.
    pub algorithms: Check,
    /// Every algorithm in the picture: that of the token, then those of the certificates of the path.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub algorithms_used: Vec<AlgorithmUse>,
    /// The path to a trust anchor at that time.
    pub chain: ChainCheck,
    /// The validity of the authority's certificate at that time.
    pub certificate_validity: Check,
    /// One for each certificate of the path, at that time; absent without a path.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub revocation: Vec<RevocationCheck>,
    /// What it comes to. Only a passed token proves a time.
    pub verdict: Verdict,
}

impl TimestampReport {
    /// A token of which nothing but its bytes is known.
    pub(super) fn unreadable(token: &[u8], kind: TimestampKind, origin: TimestampOrigin, format: Check) -> Self {
        let not_reached = || Check::indeterminate(codes::NOT_REACHED, SubCode::FormatFailure);
        Self {
            id: Digest::sha256(&[token]),
            signature: None,
            kind,
            origin,
            gen_time: None,
            latest: None,
            policy: None,
            serial: None,
            imprint_algorithm: None,
            imprint: None,
            certificate: None,
            imprint_check: not_reached(),
            integrity: not_reached(),
            signing_certificate_attr: not_reached(),
            key_usage: not_reached(),
            algorithms: not_reached(),
            algorithms_used: Vec::new(),
            chain: ChainCheck::without_path(not_reached()),
            certificate_validity: not_reached(),
            revocation: Vec::new(),
            verdict: match format.verdict() {
                Verdict::Passed => Verdict::Indeterminate(SubCode::Generic),
                worse @ (Verdict::Failed(_) | Verdict::Indeterminate(_)) => worse,
            },
            format,
        }
    }
}
