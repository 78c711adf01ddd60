//! Evidence records (RFC 4998): proof that objects existed at a time, renewed before certificates or digests weaken.
//!
//! A record has chains of timestamps. In a chain each timestamp covers the one before it (*timestamp renewal*); a new
//! chain covers the objects again by another digest, together with all chains before it (*hash-tree renewal*). In
//! scope: verification, objects given as bytes or as digests. Left to others: making records, and encrypted objects.

mod digest;
mod parse;
mod report;
mod tree;

use std::sync::Arc;

pub use report::{ArchiveTimestampReport, EvidenceRecordReport};

use super::integrity;
use super::timestamp::{self, Stamped};
use crate::digest::Digest;
use crate::pki::alg::{AlgorithmError, AlgorithmRegistry};
use crate::pki::asn1::{AlgorithmIdentifier, ber, encode, tag};
use crate::pki::evidence::EvidenceSet;
use crate::pki::limits::EVIDENCE_RECORD_BYTES_MAX;
use crate::pki::policy::SignaturePolicy;
use crate::pki::report::{Check, SubCode, Verdict, codes};
use crate::pki::trust::TrustSnapshot;
use crate::pki::validation::{self, Validator};
use crate::time::Timestamp;
use parse::{ArchiveTimestamp, EvidenceRecord};

/// An object whose existence a record should prove.
#[derive(Debug, Clone, Copy)]
pub enum ArchivedObject<'a> {
    /// The object itself.
    Bytes(&'a [u8]),
    /// Its digests, one for each algorithm: a renewed record needs one for the algorithm of every chain.
    Digests(&'a [ObjectDigest<'a>]),
}

/// A digest of an object.
#[derive(Debug, Clone, Copy)]
pub struct ObjectDigest<'a> {
    /// The algorithm, a dotted object identifier.
    pub algorithm: &'a str,
    /// The digest.
    pub value: &'a [u8],
}

/// Everything that the verification of a record depends on.
#[derive(Debug, Clone, Copy)]
pub struct EvidenceRecordInput<'a> {
    /// The record, DER or BER.
    pub record: &'a [u8],
    /// The objects; each must be covered. Without any, the outcome is indeterminate.
    pub objects: &'a [ArchivedObject<'a>],
    /// Certificates and revocation data collected for the timestamps.
    pub evidence: &'a EvidenceSet,
    /// Who is trusted.
    pub trust: &'a TrustSnapshot,
    /// What is demanded.
    pub policy: &'a SignaturePolicy,
    /// The time of verification: the last timestamp must hold until then.
    pub at: Timestamp,
    /// Evidence produced later than this is ignored; absent, everything counts that is in the set.
    pub known_until: Option<Timestamp>,
}

/// Verifies with the algorithms of [`AlgorithmRegistry::standard`].
pub fn verify_evidence_record(input: &EvidenceRecordInput<'_>) -> EvidenceRecordReport {
    verify_evidence_record_with(input, AlgorithmRegistry::standard())
}

/// Verifies with other algorithms.
pub fn verify_evidence_record_with(
    input: &EvidenceRecordInput<'_>,
    registry: &AlgorithmRegistry,
) -> EvidenceRecordReport {
    let mut report = EvidenceRecordReport {
        schema: 1,
        record: Digest::sha256(&[input.record]),
        policy: input.policy.id(),
        trust: input.trust.id(),
        at: input.at,
        format: Check::pass(),
        objects: Vec::new(),
        archive_timestamps: Vec::new(),
        existed_by: None,
        verdict: Verdict::Passed,
    };
    let malformed = |code, detail: String| Check::fail(code, SubCode::FormatFailure).with_detail(detail);
    let refused = |mut report: EvidenceRecordReport, check: Check| {
        report.verdict = check.verdict();
        report.format = check;
        report
    };
    if input.record.len() > EVIDENCE_RECORD_BYTES_MAX {
        return refused(report, malformed(codes::TOO_LARGE, String::new()));
    }
    let der = match ber::to_definite(input.record) {
        Ok(der) => der,
        Err(error) => return refused(report, malformed(codes::PARSE, error.to_string())),
    };
    let record = match EvidenceRecord::parse(&der) {
        Ok(record) => record,
        Err(error) => return refused(report, malformed(codes::PARSE, error.to_string())),
    };
    let registry = registry.clone().with_digest(Arc::new(digest::Sha224));
    let mut validator = Validator::new(input.trust, input.evidence, input.policy, &registry, input.known_until);
    let walked = Walk::over(&record, input, &mut validator);
    report.objects = walked.objects;
    report.archive_timestamps = walked.timestamps;
    if report.objects.is_empty() {
        report.format = Check::indeterminate(codes::ARCHIVED_OBJECT_ABSENT, SubCode::SignedDataNotFound);
    }
    let timestamps =
        report.archive_timestamps.iter().flat_map(|one| [one.renewal.verdict(), one.token.verdict, one.held.verdict()]);
    let objects = report.objects.iter().map(Check::verdict);
    report.verdict = Verdict::worst(objects.chain(timestamps).chain([report.format.verdict()]));
    if report.verdict.is_passed() {
        report.existed_by = report.archive_timestamps.first().and_then(|one| one.token.latest);
    }
    report
}

/// The way through the timestamps, oldest first.
struct Walk {
    objects: Vec<Check>,
    timestamps: Vec<ArchiveTimestampReport>,
}

impl Walk {
    fn over(record: &EvidenceRecord<'_>, input: &EvidenceRecordInput<'_>, validator: &mut Validator<'_>) -> Self {
        let registry = validator.registry;
        let mut walk = Self { objects: input.objects.iter().map(|_| Check::pass()).collect(), timestamps: Vec::new() };
        let all: Vec<&ArchiveTimestamp<'_>> = record.chains.iter().flat_map(|chain| &chain.timestamps).collect();
        let times: Vec<Option<Timestamp>> = all.iter().map(|one| timestamp::gen_time(one.token)).collect();
        let mut place = 0_usize;
        let mut before: Vec<u8> = Vec::new();
        for (chain_index, chain) in record.chains.iter().enumerate() {
            let mut previous: Option<&ArchiveTimestamp<'_>> = None;
            let mut chain_algorithm: Option<Vec<u8>> = None;
            for (index, one) in chain.timestamps.iter().enumerate() {
                let algorithm = algorithm_of(one);
                let leaves = leaves(one);
                let mut renewal = match previous {
                    // The first of a chain covers the objects, and all chains before.
                    None => {
                        let covered = (chain_index > 0).then_some(before.as_slice());
                        for (object, check) in input.objects.iter().zip(&mut walk.objects) {
                            let next = covers(object, covered, &algorithm, &leaves, registry);
                            *check = validation::weakest([check.clone(), next]);
                        }
                        Check::not_applicable(codes::ABSENT)
                    }
                    Some(previous) => match registry.digest(&algorithm, &[previous.token]) {
                        Ok(digest) if leaves.contains(&digest) => Check::pass(),
                        Ok(_) => broken("the timestamp before it is not covered"),
                        Err(error) => digest_error(&error),
                    },
                };
                // RFC 4998 5.2: one digest algorithm in a chain; a new one begins a new chain.
                if chain_algorithm.as_ref().is_some_and(|first| !same_algorithm(first, &algorithm)) {
                    renewal = broken("another digest algorithm within a chain");
                }
                let (time, next) = (times.get(place).copied().flatten(), times.get(place + 1).copied().flatten());
                let earlier = place.checked_sub(1).and_then(|place| times.get(place).copied().flatten());
                if let (Some(earlier), Some(time)) = (earlier, time)
                    && time < earlier
                {
                    renewal = broken("older than the timestamp before it");
                }
                let (token, held) = match root(one, &algorithm, &leaves, registry) {
                    Ok(root) => timestamp::verify_until(
                        one.token,
                        Stamped::Digest { algorithm: &algorithm, value: &root },
                        next.unwrap_or(input.at),
                        validator,
                    ),
                    Err(error) => {
                        let check = digest_error(&error);
                        renewal = validation::weakest([renewal, check]);
                        let stamped = Stamped::Digest { algorithm: &algorithm, value: &[] };
                        timestamp::verify_until(one.token, stamped, next.unwrap_or(input.at), validator)
                    }
                };
                walk.timestamps.push(ArchiveTimestampReport {
                    chain: u64::try_from(chain_index).unwrap_or(u64::MAX),
                    index: u64::try_from(index).unwrap_or(u64::MAX),
                    renewal,
                    held,
                    token,
                });
                chain_algorithm.get_or_insert(algorithm);
                previous = Some(one);
                place += 1;
            }
            before.extend_from_slice(chain.raw);
        }
        walk
    }
}

/// DER of the digest algorithm of a timestamp: its own, else that of its token. Empty when neither can be read.
fn algorithm_of(one: &ArchiveTimestamp<'_>) -> Vec<u8> {
    match one.digest_algorithm {
        Some(contents) => encode::element(tag::SEQUENCE, &[contents]),
        None => timestamp::imprint_of(one.token).map(|(algorithm, _)| algorithm).unwrap_or_default(),
    }
}

fn same_algorithm(one: &[u8], other: &[u8]) -> bool {
    match (AlgorithmIdentifier::parse(one), AlgorithmIdentifier::parse(other)) {
        (Ok(one), Ok(other)) => one.oid == other.oid,
        _ => false,
    }
}

/// The digests that a timestamp covers directly: the first list of its tree; without a tree, what the token stamps.
fn leaves(one: &ArchiveTimestamp<'_>) -> Vec<Vec<u8>> {
    match &one.tree {
        Some(lists) => {
            lists.first().map(|list| list.iter().map(|digest| digest.to_vec()).collect()).unwrap_or_default()
        }
        None => timestamp::imprint_of(one.token).map(|(_, digest)| vec![digest]).unwrap_or_default(),
    }
}

fn root(
    one: &ArchiveTimestamp<'_>,
    algorithm: &[u8],
    leaves: &[Vec<u8>],
    registry: &AlgorithmRegistry,
) -> Result<Vec<u8>, AlgorithmError> {
    match &one.tree {
        Some(lists) => tree::root(lists, algorithm, registry),
        None => Ok(leaves.first().cloned().unwrap_or_default()),
    }
}

/// Whether a timestamp that begins a chain covers an object; in a later chain together with the chains before, whose
/// bytes `before` has (RFC 4998 5.2: the two digests are concatenated as they are, not sorted).
fn covers(
    object: &ArchivedObject<'_>,
    before: Option<&[u8]>,
    algorithm: &[u8],
    leaves: &[Vec<u8>],
    registry: &AlgorithmRegistry,
) -> Check {
    let own = match object {
        ArchivedObject::Bytes(bytes) => match registry.digest(algorithm, &[bytes]) {
            Ok(digest) => digest,
            Err(error) => return digest_error(&error),
        },
        ArchivedObject::Digests(digests) => {
            let dotted = AlgorithmIdentifier::parse(algorithm).map(|algorithm| algorithm.oid.to_string());
            let Some(digest) = digests.iter().find(|digest| dotted.as_deref() == Ok(digest.algorithm)) else {
                return Check::indeterminate(codes::ARCHIVED_OBJECT_ABSENT, SubCode::SignedDataNotFound)
                    .with_detail(dotted.unwrap_or_default());
            };
            digest.value.to_vec()
        }
    };
    let expected = match before {
        None => Ok(own),
        Some(before) => {
            let sequence = encode::element(tag::SEQUENCE, &[before]);
            registry.digest(algorithm, &[&sequence]).and_then(|chains| registry.digest(algorithm, &[&own, &chains]))
        }
    };
    match expected {
        Ok(expected) if leaves.contains(&expected) => Check::pass(),
        Ok(_) => Check::fail(codes::ARCHIVED_OBJECT_NOT_COVERED, SubCode::HashFailure),
        Err(error) => digest_error(&error),
    }
}

fn broken(detail: &str) -> Check {
    Check::fail(codes::ARCHIVE_TIMESTAMP_RENEWAL, SubCode::HashFailure).with_detail(detail)
}

fn digest_error(error: &AlgorithmError) -> Check {
    integrity::algorithm_error(error).with_detail(error.to_string())
}
