//! `ledger-audit` as a person uses it: exit codes, text, JSON, explanations.

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

use std::path::Path;

use ledger_core::evidence::finding::Code;
use ledger_core::log::merkle::leaf_hash;

use self::auditor::{Folder, run};

impl Folder {
    /// A bundle and a trust directory, written as an operator hands them out.
    fn new(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("audit-{name}-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("trust/ca")).unwrap();
        let ledger = ledger::sealed();
        let genesis = leaf_hash(&ledger.genesis);
        let write = |name: &str, bytes: &[u8]| std::fs::write(folder.join(name), bytes).unwrap();
        write("evidence.zip", &ledger.bundle());
        write("trust/origin", format!("{}\n", ledger::origin()).as_bytes());
        write("trust/genesis.sha256", format!("{genesis}\n").as_bytes());
        write("trust/log.vkey", format!("{}\n", ledger::signer().verifier()).as_bytes());
        write("trust/ca/root.der", &ledger::file("ca.der"));
        write("trust/ca/notes.txt", b"not a certificate");
        Self(folder)
    }
}

#[test]
fn a_good_bundle_passes_and_the_verdict_stands_first() {
    let folder = Folder::new("good");
    let (code, out, errors) = run(&["verify", &folder.path("evidence.zip"), "--trust", &folder.path("trust")]);
    assert_eq!((code, errors.as_str()), (0, ""), "{out}");
    assert!(out.starts_with("PASSED  evidence.zip\n"), "{out}");
    for text in ["Q5", "5.2.3.4", "delivery.accounted", "operator-word-only", "stream-complete"] {
        assert!(out.contains(text), "{text} not in {out}");
    }
    let arguments = ["verify", &folder.path("evidence.zip"), "--json", "--trust", &folder.path("trust")];
    let (code, out, _) = run(&arguments);
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &report["verdict"]), (0, &"passed".into()));
    assert!(report["findings"][0]["code"].is_string() && report["findings"][0]["clause"].is_string());
}

#[test]
fn a_changed_byte_fails_and_the_report_says_where() {
    let folder = Folder::new("changed");
    let mut bytes = std::fs::read(folder.path("evidence.zip")).unwrap();
    let content = ledger::file("content.txt");
    let place = bytes.windows(content.len()).position(|window| window == content).unwrap();
    bytes[place] ^= 1;
    std::fs::write(folder.path("evidence.zip"), bytes).unwrap();
    let (code, out, _) = run(&["verify", &folder.path("evidence.zip"), "--trust", &folder.path("trust")]);
    assert_eq!(code, 1);
    assert!(out.starts_with("FAILED"), "{out}");
    for text in ["content.txt", "entry-damaged", "file-digest", "payload-mismatch", "signature-failed", "HASH_FAILURE"]
    {
        assert!(out.contains(text), "{text} not in {out}");
    }
}

#[test]
fn unknown_roots_are_indeterminate_and_unusable_input_is_named() {
    let folder = Folder::new("unusable");
    let (file, trust) = (folder.path("evidence.zip"), folder.path("trust"));
    std::fs::remove_file(folder.path("trust/ca/root.der")).unwrap();
    let (code, out, _) = run(&["verify", &file, "--trust", &trust]);
    assert_eq!(code, 2);
    assert!(out.starts_with("INDETERMINATE") && out.contains("NO_CERTIFICATE_CHAIN_FOUND"), "{out}");
    let no_bundle = folder.path("trust/origin");
    for (arguments, text) in [
        (vec!["verify", &file], "--trust"),
        (vec!["verify", "--trust", &trust], "no file"),
        (vec!["verify", &file, "--trust"], "needs a directory"),
        (vec!["verify", &file, "--trust", &trust, "--as-of", "yesterday"], "times are written"),
        (vec!["verify", &file, "--trust", &trust, "--fast"], "unknown option"),
        (vec!["verify", &no_bundle, "--trust", &trust], "not an evidence bundle"),
        (vec!["verify", "/nowhere/evidence.zip", "--trust", &trust], "cannot be read"),
        (vec!["verify", &file, "--trust", "/nowhere"], "cannot be read"),
        (vec!["explain", "no-such-code"], "no such code"),
        (vec!["check"], "ledger-audit verify"),
        (vec![], "ledger-audit verify"),
    ] {
        let (code, out, errors) = run(&arguments);
        assert_eq!((code, out.as_str()), (3, ""), "{arguments:?}");
        assert!(errors.contains(text), "{arguments:?}: {errors}");
    }
}

#[test]
fn every_code_can_be_explained() {
    let (code, all, _) = run(&["explain"]);
    assert_eq!(code, 0);
    for finding in Code::ALL {
        assert!(all.contains(finding.as_str()));
        let (code, out, _) = run(&["explain", finding.as_str()]);
        assert_eq!(code, 0);
        assert!(out.contains(finding.explanation()) && out.contains(finding.title_kk()), "{out}");
    }
}
