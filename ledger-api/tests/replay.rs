//! `ledger-audit replay` over ledgers that the store wrote: the auditor's own reader and the store agree.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_imports,
    unreachable_pub,
    dead_code,
    missing_docs,
    missing_debug_implementations,
    reason = "a test that cannot go on has failed"
)]

#[path = "../../ledger-core/tests/evidence_bundle/ledger.rs"]
mod ledger;
#[path = "support/auditor.rs"]
mod auditor;

use std::fs;
use std::path::{Path, PathBuf};

use ledger_core::id::{CommandId, LeafIndex};
use ledger_core::log::genesis::Genesis;
use ledger_core::log::merkle::leaf_hash;
use ledger_core::record::Record;
use ledger_store::EmbeddedStore;
use ledger_store::store::{Append, Draft};
use ledger_store::testing::options;

use self::auditor::{Folder, run};

impl Folder {
    /// A ledger of the store in `ledger`, closed, with a trust directory and a receipt.
    fn new(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("replay-{name}-{}", std::process::id()));
        fs::create_dir_all(folder.join("trust")).unwrap();
        let exchange = ledger::sealed();
        let genesis = Genesis::decode(&exchange.genesis).unwrap();
        let store = EmbeddedStore::create(&folder.join("ledger"), &genesis, &[3; 32], options(1)).unwrap();
        let mut last = None;
        for (number, leaf) in exchange.leaves.iter().enumerate() {
            let Ok(mut record) = Record::decode(leaf) else { continue };
            record.cause.command = CommandId::of_idempotency_key(&[4; 32], ledger::party(1), &number.to_string());
            let (command, request) = (record.cause.command, record.cause.request);
            let records = vec![Draft::encode(&record).unwrap()];
            let done = store.append_blocking(Append { records, expect: Vec::new(), command, request }).unwrap();
            last = done.receipts.first().cloned();
        }
        let genesis = leaf_hash(&store.read(LeafIndex(0)).unwrap().unwrap());
        store.close().unwrap();
        let write = |name: &str, bytes: &[u8]| fs::write(folder.join(name), bytes).unwrap();
        write("receipt.json", &serde_json::to_vec(&last.unwrap()).unwrap());
        write("trust/origin", ledger::origin().to_string().as_bytes());
        write("trust/genesis.sha256", genesis.to_string().as_bytes());
        write("trust/log.vkey", ledger::signer().verifier().to_string().as_bytes());
        Self(folder)
    }

    fn replay(&self) -> (u8, String, String) {
        run(&["replay", &self.path("ledger"), "--trust", &self.path("trust"), "--json"])
    }

    fn segments(&self) -> Vec<PathBuf> {
        let mut paths: Vec<_> =
            fs::read_dir(self.0.join("ledger/segments")).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        paths
    }
}

#[test]
fn a_ledger_of_the_store_is_found_right_but_for_what_needs_the_vault_key() {
    let folder = Folder::new("right");
    assert!(folder.segments().len() > 1, "the test is to see more than one segment");
    let (code, out, errors) = folder.replay();
    assert_eq!((code, errors.as_str()), (2, ""), "{out}");
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    let codes: Vec<_> =
        report["findings"].as_array().unwrap().iter().map(|finding| finding["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["payloads-unchecked", "log-verified"], "{out}");
    let (ledger, trust, receipt) = (folder.path("ledger"), folder.path("trust"), folder.path("receipt.json"));
    let (code, out, _) = run(&["replay", &ledger, "--trust", &trust, "--against", &receipt]);
    assert_eq!(code, 2, "{out}");
    assert!(out.starts_with("INDETERMINATE") && out.contains("no vault key") && !out.contains("fork"), "{out}");
    let (code, out, _) = run(&["replay", &ledger]);
    assert_eq!(code, 2);
    assert!(out.contains("genesis-unpinned"), "{out}");
}

#[test]
fn what_is_no_ledger_is_unusable() {
    for arguments in [&["replay"][..], &["replay", "/nowhere"], &["replay", "a", "b"], &["replay", "a", "--what"]] {
        let (code, out, errors) = run(arguments);
        assert_eq!((code, out.as_str()), (3, ""));
        assert!(errors.starts_with("ledger-audit: "), "{errors}");
    }
}

#[test]
fn flipped_bytes_of_the_files_are_found() {
    let folder = Folder::new("flipped");
    let mut paths = folder.segments();
    paths.push(folder.0.join("ledger/head"));
    paths.push(folder.0.join("ledger/genesis.json"));
    for path in paths {
        let bytes = fs::read(&path).unwrap();
        // All of a head and of the first frame, then every 13th byte: a prime, so that all members of frames are met.
        for at in (0..bytes.len()).filter(|at| *at < 180 || at.is_multiple_of(13)) {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << (at % 8);
            fs::write(&path, &changed).unwrap();
            let (code, out, _) = folder.replay();
            // A genesis that cannot be read is unusable input.
            assert!(code == 1 || code == 3, "{} byte {at}: {code} {out}", path.display());
        }
        fs::write(&path, &bytes).unwrap();
    }
    assert_eq!(folder.replay().0, 2);
}

#[test]
fn a_cut_tail_is_found_by_the_head_file_and_by_a_receipt() {
    let folder = Folder::new("cut");
    let path = folder.segments().pop().unwrap();
    let bytes = fs::read(&path).unwrap();
    for keep in [133, bytes.len() / 2, bytes.len() - 1] {
        fs::write(&path, &bytes[..keep]).unwrap();
        let (code, out, _) = folder.replay();
        assert_eq!(code, 1, "{out}");
        assert!(out.contains("\"fork\""), "{out}");
    }
    fs::remove_file(&path).unwrap();
    let head = folder.0.join("ledger/head");
    let newest = fs::read(&head).unwrap();
    fs::write(&head, vec![0; newest.len()]).unwrap();
    let (ledger, trust, receipt) = (folder.path("ledger"), folder.path("trust"), folder.path("receipt.json"));
    let (code, out, _) = run(&["replay", &ledger, "--trust", &trust, "--against", &receipt]);
    assert_eq!(code, 1, "{out}");
    assert!(out.contains("receipt.json: a log of size"), "{out}");
}
