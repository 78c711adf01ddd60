//! Certificates: any bytes parse or give an error; what parses keeps its bytes and answers every question.
#![no_main]

use ledger_core::pki::certificate::Certificate;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(certificate) = Certificate::parse(bytes) else { return };
    assert_eq!(certificate.der(), bytes);
    let _ = (certificate.identity(), certificate.purpose(), certificate.extended_key_usages());
    let _ = (certificate.subject_display(), certificate.issuer_display(), certificate.serial_hex());
    assert!(!certificate.subject_display().contains('\n'));
});
