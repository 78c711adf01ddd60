//! Revocation lists: any bytes parse or give an error; a list that was not signed by the issuer never says that it was.
#![no_main]

use std::sync::OnceLock;

use ledger_core::pki::certificate::Certificate;
use ledger_core::pki::crl::Crl;
use libfuzzer_sys::fuzz_target;

const ISSUER: &[u8] = include_bytes!("../../tests/data/evidence/other-ca.der");

fuzz_target!(|bytes: &[u8]| {
    static ISSUER_OF_NOTHING: OnceLock<Certificate> = OnceLock::new();
    let issuer = ISSUER_OF_NOTHING.get_or_init(|| Certificate::parse(ISSUER).expect("a certificate"));
    let Ok(crl) = Crl::parse(bytes) else { return };
    let _ = (crl.entries(), crl.unusable(), crl.issuer_display());
    // No seed is signed by it.
    assert!(!crl.is_signed_by(issuer));
});
