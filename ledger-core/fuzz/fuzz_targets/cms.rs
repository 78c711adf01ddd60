//! Signatures: any bytes give a report that can be written down; without trust in anybody none ever passes.
#![no_main]

use ledger_core::signature::{self, EvidenceSet, SignaturePolicy, TrustSnapshot, VerifyInput};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let at = "2026-06-01T00:00:00.000Z".parse().expect("a time");
    let policy = SignaturePolicy::default_2026();
    let report = signature::verify(&VerifyInput {
        document: b"test123",
        signature: bytes,
        evidence: &EvidenceSet::default(),
        trust: &TrustSnapshot::nobody(),
        policy: &policy,
        signing_time: at,
        receipt_time: at,
    });
    assert!(!report.overall.is_passed());
    report.to_canonical_bytes().expect("every report can be written");
    let _ = signature::signer_certificate(bytes, &EvidenceSet::default());
    let _ = signature::private_key::looks_like_private_key(bytes);
});
