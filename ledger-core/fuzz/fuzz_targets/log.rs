//! Notes, checkpoints, proofs and tiles: what parses prints as the same bytes again.
#![no_main]

use ledger_core::log::checkpoint::CheckpointBody;
use ledger_core::log::map::MapProof;
use ledger_core::log::note::Note;
use ledger_core::log::proof::TlogProof;
use ledger_core::log::tile;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(note) = Note::parse(bytes) {
        assert_eq!(note.to_string().as_bytes(), bytes);
        if let Ok(body) = CheckpointBody::parse(note.text()) {
            assert_eq!(body.to_string(), note.text());
        }
    }
    if let Ok(proof) = TlogProof::parse(bytes) {
        assert_eq!(proof.to_string().as_bytes(), bytes);
    }
    let _ = tile::decode_bundle(bytes);
    for proof in [MapProof::decode_present(bytes), MapProof::decode_absent(bytes)].into_iter().flatten() {
        assert_eq!(proof.encode(), bytes);
    }
});
