//! Evidence bundles: any bytes give a report or an error, and the report of a file that nobody signed never passes.
#![no_main]

use std::sync::OnceLock;

use ledger_core::evidence::trust::TrustDirectory;
use ledger_core::evidence::verify::{self, Options, Verdict};
use ledger_core::log::note::SignerKey;
use libfuzzer_sys::fuzz_target;

const CA: &[u8] = include_bytes!("../../tests/data/evidence/ca.der");
const ORIGIN: &str = "fuzz.example/000102030405060708090a0b0c0d0e0f";

fuzz_target!(|bytes: &[u8]| {
    static TRUST: OnceLock<TrustDirectory> = OnceLock::new();
    let trust = TRUST.get_or_init(|| {
        // A key that signed no seed.
        let key = SignerKey::from_seed(ORIGIN, &[7; 32]).expect("a key").verifier().to_string();
        let genesis = [b'0'; 64];
        let files: [(&str, &[u8]); 4] =
            [("origin", ORIGIN.as_bytes()), ("genesis.sha256", &genesis), ("log.vkey", key.as_bytes()), ("ca/root.der", CA)];
        TrustDirectory::from_files(files).expect("a trust directory")
    });
    if let Ok(report) = verify::verify(bytes, trust, Options::default()) {
        assert_ne!(report.verdict, Verdict::Passed);
    }
});
