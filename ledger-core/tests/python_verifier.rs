//! The second, independent verifier (`docs/verify_bundle.py`, written from `docs/FORMAT.md`) on the bundles of the
//! tests, honest and tampered: it must say what this crate's verifier says.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_imports,
    dead_code,
    unreachable_pub,
    missing_docs,
    missing_debug_implementations,
    reason = "a test that cannot go on has failed"
)]

#[path = "evidence_bundle/ledger.rs"]
mod ledger;
#[path = "evidence_bundle/second_opinion.rs"]
mod second_opinion;

use ledger::*;
use ledger_core::evidence::bundle::{BundleInput, build};
use ledger_core::evidence::{Options, Verdict, verify};
use ledger_core::id::LeafIndex;
use ledger_core::log::note::SignerKey;
use second_opinion::{folder, python};

fn rust(ledger: &Ledger, bundle: &[u8]) -> i32 {
    match verify(bundle, &ledger.trust(), Options::default()).map(|report| report.verdict) {
        Ok(Verdict::Passed) => 0,
        Ok(Verdict::Failed) => 1,
        Ok(Verdict::Indeterminate) => 2,
        Err(_) => 3,
    }
}

#[test]
fn an_honest_bundle_passes_both_verifiers() {
    let ledger = sealed();
    let folder = folder("honest", &ledger);
    let (code, text) = python(&folder, "honest.zip", &ledger.bundle());
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("PASSED"), "{text}");
    assert_eq!(rust(&ledger, &ledger.bundle()), 0);
}

#[test]
fn findings_are_read_alike_by_both_verifiers() {
    for (name, ledger) in [("waited", exchange_that_waited()), ("received", exchange_found_at_receipt())] {
        let (code, text) = python(&folder(name, &ledger), "found.zip", &ledger.bundle());
        assert_eq!((code, rust(&ledger, &ledger.bundle())), (0, 0), "{name}: {text}");
    }
    for (name, ledger) in dishonest_findings_at_receipt() {
        let (code, text) = python(&folder(&format!("found-{name}"), &ledger), "found.zip", &ledger.bundle());
        assert_eq!((code, rust(&ledger, &ledger.bundle())), (1, 1), "{name}: {text}");
    }
}

/// Lies of an exporter who packs the bundle again, with fresh checksums and digests.
#[test]
fn each_lie_is_found_by_both_verifiers() {
    type Lie = (&'static str, &'static str, fn(&Ledger, &mut BundleInput));
    let lies: &[Lie] = &[
        ("content", "payload", |_, input| {
            let payload = input.payloads.iter_mut().find(|payload| payload.slot.as_str() == "content").unwrap();
            payload.bytes[0] ^= 1;
        }),
        ("salt", "payload", |_, input| {
            input.payloads[0].salt = ledger_core::payload::Salt::from_random([0xee; 32]);
        }),
        ("record", "inclusion", |_, input| {
            let leaf = input.leaves.get_mut(&LeafIndex(9)).unwrap();
            *leaf = String::from_utf8(leaf.clone()).unwrap().replacen("2026-06-01T", "2026-06-02T", 1).into_bytes();
        }),
        ("dropped", "inclusion", |_, input| drop(input.leaves.remove(&LeafIndex(12)))),
        ("position", "stream", |_, input| {
            let stream = input.streams.iter_mut().find(|stream| stream.positions.len() > 2).unwrap();
            stream.positions.remove(1);
        }),
        ("proof", "stream", |_, input| {
            let other = input.streams[1].proof.clone();
            input.streams[0].proof = other;
        }),
        ("missing", "payload", |_, input| drop(input.payloads.pop())),
        ("key", "checkpoint", |ledger, input| {
            let forger = SignerKey::from_seed(origin().as_str(), &[66; 32]).unwrap();
            *input = ledger.input_signed_by(&forger);
        }),
    ];
    let ledger = sealed();
    let folder = folder("lies", &ledger);
    for (name, word, lie) in lies {
        let mut input = ledger.input();
        lie(&ledger, &mut input);
        let bundle = build(&input).unwrap();
        let (code, text) = python(&folder, &format!("{name}.zip"), &bundle);
        assert_eq!(code, 1, "{name}: {text}");
        assert!(text.lines().any(|line| line.starts_with("FAIL") && line.contains(word)), "{name}: {text}");
        assert_eq!(rust(&ledger, &bundle), 1, "{name}");
    }
}

#[test]
fn flipped_bytes_and_cut_files_never_pass() {
    let ledger = sealed();
    let folder = folder("flips", &ledger);
    let bundle = ledger.bundle();
    let step = bundle.len() / 24;
    for place in (0..bundle.len()).step_by(step) {
        let mut copy = bundle.clone();
        copy[place] ^= 1 << (place % 8);
        let (code, text) = python(&folder, "flipped.zip", &copy);
        assert!(matches!(code, 1 | 3), "byte {place}: {code} {text}");
    }
    let (code, text) = python(&folder, "cut.zip", &bundle[..bundle.len() / 2]);
    assert_eq!(code, 1, "{text}");
    let (code, text) = python(&folder, "none.zip", b"not a bundle");
    assert_eq!(code, 3, "{text}");
}

#[test]
fn a_bundle_of_another_ledger_is_refused() {
    let ledger = sealed();
    let folder = folder("other", &ledger);
    std::fs::write(folder.join("trust/genesis.sha256"), "00".repeat(32)).unwrap();
    let (code, text) = python(&folder, "other.zip", &ledger.bundle());
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("FAIL") && text.contains("genesis"), "{text}");
}
