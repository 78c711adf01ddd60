//! Timestamp tokens and answers of their authorities: any bytes give a report that can be written down; without trust
//! in the authority none ever passes.
#![no_main]

use ledger_core::signature::timestamp::{self, MessageImprint, Stamped, TimestampInput};
use ledger_core::signature::{EvidenceSet, SignaturePolicy, TrustSnapshot};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let report = timestamp::verify_timestamp(&TimestampInput {
        token: bytes,
        stamped: Stamped::Bytes(b"test123"),
        evidence: &EvidenceSet::default(),
        trust: &TrustSnapshot::nobody(),
        policy: &SignaturePolicy::default_2026(),
        known_until: None,
    });
    assert!(!report.verdict.is_passed());
    let request = timestamp::request(&MessageImprint::sha256(b"test123"), Some(7), None, true).expect("a request");
    let _ = timestamp::token_of_response(&request, bytes);
    let _ = timestamp::token_of_response(bytes, bytes);
});
