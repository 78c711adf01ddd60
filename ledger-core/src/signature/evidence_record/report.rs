//! The report about an evidence record: each archived object and each timestamp on its own.

use serde::{Deserialize, Serialize};

use crate::canonical::{self, CanonicalError};
use crate::digest::Digest;
use crate::pki::report::{Check, Verdict};
use crate::signature::timestamp::TimestampReport;
use crate::time::Timestamp;

/// What came out of [`super::verify_evidence_record`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvidenceRecordReport {
    /// Version of this structure: 1.
    pub schema: u64,
    /// SHA-256 of the record as it came.
    pub record: Digest,
    /// Id of the signature policy.
    pub policy: Digest,
    /// Id of the trust snapshot.
    pub trust: Digest,
    /// The time up to which the last timestamp must hold.
    pub at: Timestamp,
    /// Whether it is an evidence record within the limits.
    pub format: Check,
    /// For each object, in the order given: whether every chain covers it. Absent when none was given, or the record
    /// does not parse.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub objects: Vec<Check>,
    /// The timestamps, oldest first; absent when the record does not parse.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub archive_timestamps: Vec<ArchiveTimestampReport>,
    /// The time by which the objects existed; only with a passed verdict.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub existed_by: Option<Timestamp>,
    /// What it comes to.
    pub verdict: Verdict,
}

impl EvidenceRecordReport {
    /// The canonical bytes.
    pub fn to_canonical_bytes(&self) -> Result<Vec<u8>, CanonicalError> {
        canonical::encode_any_length(self)
    }
}

/// One `ArchiveTimeStamp`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArchiveTimestampReport {
    /// The chain it is of, from 0.
    pub chain: u64,
    /// Its place in the chain, from 0.
    pub index: u64,
    /// Whether it covers what came before it, in the right order and by the right digest.
    pub renewal: Check,
    /// Whether its certificate and algorithms held until it was renewed, or until the time of verification.
    pub held: Check,
    /// The token itself, over the root of the hash tree.
    pub token: TimestampReport,
}
