//! Signatures: any bytes give a report that can be written down; without evidence about revocation none ever passes.
#![no_main]

use std::sync::OnceLock;

use ledger_core::signature::{self, EvidenceSet, SignaturePolicy, TrustSnapshot, VerifyInput};
use libfuzzer_sys::fuzz_target;

const CA: &[u8] = include_bytes!("../../tests/data/evidence/ca.der");
const CONTENT: &[u8] = include_bytes!("../../tests/data/evidence/content.txt");

fuzz_target!(|bytes: &[u8]| {
    static TRUST: OnceLock<TrustSnapshot> = OnceLock::new();
    let trust = TRUST.get_or_init(|| TrustSnapshot::from_certificates([CA]).expect("an anchor"));
    let at = "2026-06-01T00:00:00.000Z".parse().expect("a time");
    let policy = SignaturePolicy::default_2026();
    let report = signature::verify(&VerifyInput {
        document: CONTENT,
        signature: bytes,
        evidence: &EvidenceSet::default(),
        trust: trust,
        policy: &policy,
        signing_time: at,
        receipt_time: at,
        known_until: None,
        document_type: None,
    });
    assert!(!report.overall.is_passed());
    report.to_canonical_bytes().expect("every report can be written");
    let _ = signature::signer_certificate(bytes, &EvidenceSet::default());
    let _ = signature::private_key::looks_like_private_key(bytes);
});
