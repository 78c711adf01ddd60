//! What a check used beside the CMS, the registered certificates and the recorded revocation lists: the payload
//! `evidence`, so that the check can be repeated with exactly that.
//!
//! `{"certificates"?:[…],"ocsp"?:[…],"schema":1,"timestamps"?:[…]}`, canonical; every item is DER in base64, none twice.
//! Nothing is trusted for standing in it.

use std::fmt;

use base64ct::{Base64, Encoding as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::canonical::{self, CanonicalError};
use crate::domain::event::Verdict;
use crate::pki::certificate::Role;
use crate::pki::limits::{USED_EVIDENCE_ITEM_BYTES_MAX, USED_EVIDENCE_ITEMS_MAX};
use crate::signature::report::TimeProof;
use crate::signature::{self, EvidenceSet, VerificationReport, VerifyInput};
use crate::time::Timestamp;

/// The only version of the payload.
const SCHEMA: u64 = 1;

/// DER of one certificate, OCSP response or time-stamp token.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Der(pub Vec<u8>);

impl fmt::Debug for Der {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Der({} bytes)", self.0.len())
    }
}

impl Serialize for Der {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Base64::encode_string(&self.0).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Der {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Base64::decode_vec(&text).map(Self).map_err(|_| serde::de::Error::custom("not base64"))
    }
}

/// Evidence that somebody gathered for one check.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UsedEvidence {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    certificates: Vec<Der>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    ocsp: Vec<Der>,
    schema: u64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    timestamps: Vec<Der>,
}

/// Why bytes are not such a payload.
#[derive(Debug, thiserror::Error)]
pub enum UsedEvidenceError {
    /// Not canonical JSON.
    #[error(transparent)]
    Canonical(#[from] CanonicalError),
    /// Not of the schema.
    #[error("the evidence is not of its schema")]
    Schema(#[source] serde_json::Error),
    /// Another version, nothing at all, too much, or something twice.
    #[error("the evidence breaks a rule: {0}")]
    Rule(&'static str),
}

impl UsedEvidence {
    /// Sorts out what can be kept: items beyond the limits, and items that are there already, stay out.
    pub fn new(
        certificates: impl IntoIterator<Item = Vec<u8>>,
        ocsp: impl IntoIterator<Item = Vec<u8>>,
        timestamps: impl IntoIterator<Item = Vec<u8>>,
    ) -> Self {
        let mut used = Self { schema: SCHEMA, ..Self::default() };
        certificates.into_iter().for_each(|der| add(&mut used.certificates, Der(der)));
        ocsp.into_iter().for_each(|der| add(&mut used.ocsp, Der(der)));
        timestamps.into_iter().for_each(|der| add(&mut used.timestamps, Der(der)));
        used
    }

    /// Adds what other evidence has.
    pub fn extend(&mut self, other: &Self) {
        self.schema = SCHEMA;
        other.certificates.iter().for_each(|der| add(&mut self.certificates, der.clone()));
        other.ocsp.iter().for_each(|der| add(&mut self.ocsp, der.clone()));
        other.timestamps.iter().for_each(|der| add(&mut self.timestamps, der.clone()));
    }

    /// Whether there is nothing to keep; then there is no payload.
    pub const fn is_empty(&self) -> bool {
        self.certificates.is_empty() && self.ocsp.is_empty() && self.timestamps.is_empty()
    }

    /// The OCSP responses.
    pub fn ocsp(&self) -> impl Iterator<Item = &[u8]> {
        self.ocsp.iter().map(|der| der.0.as_slice())
    }

    /// The time-stamp tokens.
    pub fn timestamps(&self) -> impl Iterator<Item = &[u8]> {
        self.timestamps.iter().map(|der| der.0.as_slice())
    }

    /// The payload; `None` where there is nothing to keep.
    pub fn encode(&self) -> Result<Option<Vec<u8>>, CanonicalError> {
        if self.is_empty() { Ok(None) } else { canonical::encode_any_length(self).map(Some) }
    }

    /// Reads a payload.
    pub fn decode(bytes: &[u8]) -> Result<Self, UsedEvidenceError> {
        canonical::check_any_length(bytes)?;
        let used: Self = serde_json::from_slice(bytes).map_err(UsedEvidenceError::Schema)?;
        let rule = |holds: bool, text| if holds { Ok(()) } else { Err(UsedEvidenceError::Rule(text)) };
        rule(used.schema == SCHEMA, "another version")?;
        rule(!used.is_empty(), "nothing")?;
        for list in [&used.certificates, &used.ocsp, &used.timestamps] {
            rule(list.len() <= USED_EVIDENCE_ITEMS_MAX, "too many items")?;
            rule(list.iter().all(|der| der.0.len() <= USED_EVIDENCE_ITEM_BYTES_MAX), "too large an item")?;
            let mut sorted: Vec<&Der> = list.iter().collect();
            sorted.sort_unstable();
            rule(sorted.is_sorted_by(|a, b| a < b), "an item stands twice")?;
        }
        Ok(used)
    }

    /// Puts everything into a pool. What does not parse stays out of it there.
    pub fn add_to(&self, set: &mut EvidenceSet) {
        self.certificates.iter().for_each(|der| set.add_certificate(&der.0));
        self.ocsp().for_each(|der| set.add_ocsp(der));
        self.timestamps().for_each(|token| set.add_timestamp(token));
    }
}

/// A check as of the moment of signing.
#[derive(Debug)]
pub struct AtSigning {
    /// The report.
    pub report: VerificationReport,
    /// The earlier time that a trusted time-stamp proves for the signature, if one does.
    pub proven_at: Option<Timestamp>,
}

/// Checks a signature as of the moment of its recording, which is also `receipt_time` here: the receipts come later, each
/// with a check of its own.
///
/// Where a trusted time-stamp proves that the signature is older, the certificate need not be in force any more when the
/// ledger takes the signature (product.md C.3.6): then the moment is the proven one.
pub fn at_signing(input: &VerifyInput<'_>, required_role: Option<Role>) -> AtSigning {
    let report = signature::verify(input).with_role(required_role);
    let proven_at = proven_at(&report).filter(|at| *at < input.signing_time);
    match proven_at {
        Some(receipt_time) if !report.overall.is_passed() => AtSigning {
            report: signature::verify(&VerifyInput { receipt_time, ..*input }).with_role(required_role),
            proven_at,
        },
        Some(_) | None => AtSigning { report, proven_at },
    }
}

fn proven_at(report: &VerificationReport) -> Option<Timestamp> {
    let [signature] = report.signatures.as_slice() else { return None };
    match signature.best_signature_time {
        TimeProof::Receipt { .. } => None,
        TimeProof::Timestamp { at, .. } => Some(at),
    }
}

/// The verdict in the words of events.
pub const fn recorded(verdict: signature::Verdict) -> Verdict {
    match verdict {
        signature::Verdict::Passed => Verdict::Passed,
        signature::Verdict::Failed(_) => Verdict::Failed,
        signature::Verdict::Indeterminate(_) => Verdict::Indeterminate,
    }
}

fn add(list: &mut Vec<Der>, der: Der) {
    if list.len() < USED_EVIDENCE_ITEMS_MAX && der.0.len() <= USED_EVIDENCE_ITEM_BYTES_MAX && !list.contains(&der) {
        list.push(der);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used() -> UsedEvidence {
        UsedEvidence::new([b"c".to_vec()], [b"o1".to_vec(), b"o2".to_vec(), b"o1".to_vec()], [b"t".to_vec()])
    }

    #[test]
    fn evidence_is_kept_in_one_spelling_and_read_again() {
        let bytes = used().encode().unwrap().unwrap();
        let text = r#"{"certificates":["Yw=="],"ocsp":["bzE=","bzI="],"schema":1,"timestamps":["dA=="]}"#;
        assert_eq!(String::from_utf8(bytes).unwrap(), text);
        assert_eq!(UsedEvidence::decode(text.as_bytes()).unwrap(), used());
        let mut twice = used();
        twice.extend(&used());
        assert_eq!(twice, used());
    }

    #[test]
    fn nothing_gathered_is_no_payload() {
        assert_eq!(UsedEvidence::default().encode().unwrap(), None);
        assert_eq!(UsedEvidence::new([], [], []).encode().unwrap(), None);
    }

    #[test]
    fn what_is_beyond_the_limits_stays_out() {
        let many = (0..100_u8).map(|n| vec![n]);
        let large = vec![0; USED_EVIDENCE_ITEM_BYTES_MAX + 1];
        let used = UsedEvidence::new([], many, [large]);
        assert_eq!((used.ocsp().count(), used.timestamps().count()), (USED_EVIDENCE_ITEMS_MAX, 0));
        assert_eq!(UsedEvidence::decode(&used.encode().unwrap().unwrap()).unwrap(), used);
    }

    #[test]
    fn what_is_not_of_the_schema_is_refused() {
        for text in [
            r#"{"schema":1}"#,
            r#"{"ocsp":["bzE="],"schema":2}"#,
            r#"{"ocsp":["bzE="]}"#,
            r#"{"ocsp":["bzE=","bzE="],"schema":1}"#,
            r#"{"ocsp":["bzF"],"schema":1}"#,
            r#"{"more":1,"ocsp":["bzE="],"schema":1}"#,
            r#"{"schema":1,"ocsp":["bzE="]}"#,
            "",
        ] {
            assert!(UsedEvidence::decode(text.as_bytes()).is_err(), "{text}");
        }
    }
}
