//! OCSP answers: any bytes parse or give an error; nothing that the certificate's issuer did not sign makes it good.
#![no_main]

use std::sync::OnceLock;

use ledger_core::pki::certificate::Certificate;
use ledger_core::pki::ocsp::OcspResponse;
use ledger_core::pki::report::RevocationStatus;
use ledger_core::signature::{self, EvidenceSet, SignaturePolicy, TrustSnapshot};
use libfuzzer_sys::fuzz_target;

const CA: &[u8] = include_bytes!("../../tests/data/evidence/ca.der");
const CERTIFICATE: &[u8] = include_bytes!("../../tests/data/evidence/sender.der");

fuzz_target!(|bytes: &[u8]| {
    static TRUST: OnceLock<(TrustSnapshot, Certificate)> = OnceLock::new();
    let (trust, issuer) = TRUST.get_or_init(|| {
        let trust = TrustSnapshot::from_certificates([CA]).expect("an anchor");
        (trust, Certificate::parse(CA).expect("a certificate"))
    });
    let certificate = Certificate::parse(CERTIFICATE).expect("a certificate");
    let Ok(response) = OcspResponse::parse(bytes) else { return };
    assert_eq!(response.der(), bytes);
    let _ = (response.this_update(), response.next_update(), response.is_about(&certificate, issuer));
    let _ = response.answers_request(bytes);
    let mut evidence = EvidenceSet::default();
    evidence.add_ocsp(bytes);
    let policy = SignaturePolicy::default_2026();
    let at = certificate.not_before().plus_ms(1000);
    // No seed is signed by this issuer.
    let report = signature::verify_certificate(CERTIFICATE, &evidence, trust, &policy, at, None);
    assert!(report.revocation.first().is_none_or(|status| status.revocation == RevocationStatus::Unknown));
    assert!(!report.verdict.is_passed());
});
