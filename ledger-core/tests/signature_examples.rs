//! The examples of RFC 4134 (`pki-suites/rfc4134`): twenty-year-old signatures with SHA-1, MD5 and DSA. Every structure is
//! read, none is trusted.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

use ledger_core::pki::report::codes;
use ledger_core::signature::{EvidenceSet, Outcome, SignaturePolicy, TrustSnapshot, VerifyInput, verify};

const SUITE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/pki-suites/rfc4134/");

fn files(ending: &str) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(SUITE).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<_> = entries
        .filter(|path| path.to_str().unwrap().ends_with(ending))
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), std::fs::read(&path).unwrap()))
        .collect();
    found.sort();
    assert!(!found.is_empty(), "{ending}");
    found
}

/// Pitfall 9. The roots of the examples are trusted here, and it helps nothing.
#[test]
fn weak_and_foreign_algorithms_are_refused_or_unsupported_and_nothing_panics() {
    let evidence = EvidenceSet::new(
        &files(".cer").into_iter().map(|(_, der)| der).collect::<Vec<_>>(),
        &files(".crl").into_iter().map(|(_, der)| der).collect::<Vec<_>>(),
    );
    let roots = files("Self.cer").into_iter().map(|(_, der)| der);
    let trust = TrustSnapshot::from_certificates(roots).unwrap();
    let document = std::fs::read(format!("{SUITE}ExContent.bin")).unwrap();
    let policy = SignaturePolicy { require_revocation: false, ..SignaturePolicy::default_2026() };
    let at = "2005-08-01T00:00:00.000Z".parse().unwrap();
    let (mut signers, mut several) = (0, 0);
    for (name, signature) in files(".bin").into_iter().chain(files(".eml")) {
        let report = verify(&VerifyInput {
            document: &document,
            signature: &signature,
            evidence: &evidence,
            trust: &trust,
            policy: &policy,
            signing_time: at,
            receipt_time: at,
            known_until: None,
            document_type: None,
        });
        assert!(!report.overall.is_passed(), "{name}: {report:#?}");
        signers += report.signatures.len();
        several += usize::from(report.signatures.len() > 1);
        for one in &report.signatures {
            assert!(!one.verdict.is_passed(), "{name}: {one:#?}");
            let value = &one.integrity.signature_value;
            assert_ne!(value.outcome, Outcome::Pass, "{name}: {one:#?}");
            let known = [
                codes::WEAK_DIGEST,
                codes::UNSUPPORTED_ALGORITHM,
                codes::NOT_REACHED,
                codes::SIGNATURE,
                codes::KEY_MALFORMED,
                codes::KEY_ALGORITHM_MISMATCH,
                codes::ALGORITHM_PARAMETERS,
            ];
            assert!(known.contains(&value.code.as_str()), "{name}: {value:?}");
        }
    }
    assert!(signers > 1 && several > 0, "{signers} signers, {several} messages with several");
}
