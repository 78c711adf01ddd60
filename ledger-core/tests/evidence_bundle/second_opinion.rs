//! The independent verifier in Python, run beside ours: what both can judge, both must judge alike.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};

use ledger_core::evidence::Report;
use ledger_core::evidence::finding::Outcome;
use ledger_core::log::merkle::leaf_hash;

use crate::ledger::{Ledger, file, origin, signer};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/verify_bundle.py");

/// What the Python verifier leaves to ours (docs/FORMAT.md section 12): most rules, revocation, recorded verdicts.
const NOT_IN_PYTHON: [&str; 6] = [
    "event-not-allowed",
    "verdict-differs",
    "certificate-failed",
    "signature-failed",
    // Ours looks at the validity and, where nothing else failed, at the certificate inside a CMS too.
    "id-mismatch",
    "readme-differs",
];

/// A folder of this test with the trust directory in it.
pub fn folder(test: &str, ledger: &Ledger) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("python_verifier").join(test);
    std::fs::create_dir_all(folder.join("trust/ca")).unwrap();
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.join("trust").join(name), bytes).unwrap();
    write("origin", format!("{}\n", origin()).as_bytes());
    write("genesis.sha256", format!("{}\n", leaf_hash(&ledger.genesis)).as_bytes());
    write("log.vkey", format!("{}\n", signer().verifier()).as_bytes());
    write("ca/root.der", &file("ca.der"));
    folder
}

/// Exit code and report of the Python verifier.
pub fn python(folder: &Path, name: &str, bundle: &[u8]) -> (i32, String) {
    let path = folder.join(name);
    std::fs::write(&path, bundle).unwrap();
    let output =
        Command::new("python3").arg(SCRIPT).arg(&path).arg("--trust").arg(folder.join("trust")).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8_lossy(&text).into_owned())
}

/// Checks that both verifiers find the same failures in a bundle of the ledger.
pub fn agrees(ledger: &Ledger, bundle: &[u8], report: &Report) {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let folder = folder(&format!("agree-{}-{number}", std::process::id()), ledger);
    let (_, text) = python(&folder, "bundle.zip", bundle);
    std::fs::remove_dir_all(&folder).unwrap();
    let common = |code: &&str| !NOT_IN_PYTHON.contains(code);
    let fails = report.findings.iter().filter(|finding| finding.outcome == Outcome::Fail);
    let ours: BTreeSet<&str> = fails.map(|finding| finding.code.as_str()).filter(common).collect();
    let lines = text.lines().filter_map(|line| line.strip_prefix("FAIL "));
    let theirs: BTreeSet<&str> = lines.filter_map(|line| line.split_whitespace().next()).filter(common).collect();
    assert_eq!(ours, theirs, "ours and the second verifier's\n{text}");
}
