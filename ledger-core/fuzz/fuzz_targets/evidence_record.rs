//! Evidence records: any bytes give a report that can be written down; without trust in an authority none ever passes.
#![no_main]

use ledger_core::signature::evidence_record::{ArchivedObject, EvidenceRecordInput, verify_evidence_record};
use ledger_core::signature::{EvidenceSet, SignaturePolicy, TrustSnapshot};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let report = verify_evidence_record(&EvidenceRecordInput {
        record: bytes,
        objects: &[ArchivedObject::Bytes(b"test123")],
        evidence: &EvidenceSet::default(),
        trust: &TrustSnapshot::nobody(),
        policy: &SignaturePolicy::default_2026(),
        at: "2026-06-01T00:00:00.000Z".parse().expect("a time"),
        known_until: None,
    });
    assert!(!report.verdict.is_passed());
    report.to_canonical_bytes().expect("every report can be written");
});
