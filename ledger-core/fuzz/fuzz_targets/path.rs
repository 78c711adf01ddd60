//! Paths and revocation over a hostile pool: the input is a row of DER values. The first certificate is judged, the last
//! one is trusted, and everything between, certificates, lists and answers, is the pool.
#![no_main]

use ledger_core::pki::certificate::Certificate;
use ledger_core::signature::{self, EvidenceSet, SignaturePolicy, TrustSnapshot};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let values = row(bytes);
    let certificates: Vec<Certificate> = values.iter().filter_map(|value| Certificate::parse(value).ok()).collect();
    let (Some(first), Some(last)) = (certificates.first(), certificates.last()) else { return };
    let Ok(trust) = TrustSnapshot::from_certificates([last.der()]) else { return };
    let mut evidence = EvidenceSet::default();
    for value in values {
        evidence.add_certificate(value);
        evidence.add_crl(value);
        evidence.add_ocsp(value);
    }
    let policy = SignaturePolicy::default_2026();
    for at in [first.not_before().plus_ms(1000), first.not_after()] {
        for known_until in [None, Some(at)] {
            let report = signature::verify_certificate(first.der(), &evidence, &trust, &policy, at, known_until);
            report.to_canonical_bytes().expect("every report can be written");
        }
    }
});

/// Splits the input into SEQUENCEs with a length of two bytes, as certificates and lists have.
fn row(mut bytes: &[u8]) -> Vec<&[u8]> {
    let mut values = Vec::new();
    while let [0x30, 0x82, high, low, ..] = bytes {
        let end = 4 + usize::from(u16::from_be_bytes([*high, *low]));
        let Some((value, rest)) = bytes.split_at_checked(end) else { break };
        values.push(value);
        bytes = rest;
    }
    values
}
