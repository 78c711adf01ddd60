//! Evidence bundles: any bytes give a report or an error, and the report of a file that nobody signed never passes.
//!
//! A change of length or content breaks the headers and checksums of a container, so a fuzzer alone would never come
//! behind them. Each input is therefore tried twice: as it is, and with its entries packed anew.
#![no_main]

use std::sync::OnceLock;

use ledger_core::evidence::container::{self, Entry, MIMETYPE_NAME};
use ledger_core::evidence::trust::TrustDirectory;
use ledger_core::evidence::verify::{self, Options, Verdict};
use ledger_core::log::note::SignerKey;
use libfuzzer_sys::fuzz_target;

const CA: &[u8] = include_bytes!("../../tests/data/evidence/ca.der");
const ORIGIN: &str = "fuzz.example/000102030405060708090a0b0c0d0e0f";
const LOCAL: &[u8] = b"PK\x03\x04";
const LOCAL_BYTES: usize = 30;

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
    let packed = packed_anew(bytes);
    for bytes in std::iter::once(bytes).chain(packed.as_deref()) {
        if let Ok(report) = verify::verify(bytes, trust, Options::default()) {
            assert_ne!(report.verdict, Verdict::Passed);
        }
    }
});

/// What stands between two local headers is the content of the first.
fn packed_anew(bytes: &[u8]) -> Option<Vec<u8>> {
    let starts: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(LOCAL)).collect();
    let mut entries: Vec<Entry<'_>> = Vec::new();
    for (number, start) in starts.iter().enumerate() {
        let end = starts.get(number + 1).copied().unwrap_or(bytes.len());
        let Some(header) = bytes.get(*start..start + LOCAL_BYTES) else { continue };
        let name_bytes = usize::from(u16::from_le_bytes([header[26], header[27]]));
        let content_at = start + LOCAL_BYTES + name_bytes;
        let Some(name) = bytes.get(start + LOCAL_BYTES..content_at) else { continue };
        let Ok(name) = std::str::from_utf8(name) else { continue };
        if name != MIMETYPE_NAME && content_at <= end {
            entries.push(Entry { name, content: &bytes[content_at..end] });
        }
    }
    // The directory at the end belongs to no entry.
    if let Some(last) = entries.last_mut() {
        let directory = last.content.windows(4).position(|four| four == b"PK\x01\x02");
        last.content = &last.content[..directory.unwrap_or(last.content.len())];
    }
    entries.sort_by_key(|entry| entry.name);
    container::write(&entries).ok()
}
