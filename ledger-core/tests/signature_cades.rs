//! CAdES samples of the European Commission's DSS (`pki-suites/cades-dss`): whether content and signer belong together.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test that cannot go on has failed"
)]

use ledger_core::pki::report::codes;
use ledger_core::signature::report::TimeProof;
use ledger_core::signature::timestamp::{TimestampKind, TimestampReport};
use ledger_core::signature::{
    EvidenceSet, Outcome, SignaturePolicy, SignatureReport, TrustSnapshot, VerifyInput, verify,
};
use serde_json::Value;

const SUITE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/pki-suites/cades-dss/");

fn read(name: &str) -> Vec<u8> {
    std::fs::read(format!("{SUITE}{name}")).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The content inside an attached message, by OpenSSL without looking at signatures.
fn content(name: &str) -> Vec<u8> {
    let path = format!("{SUITE}{name}");
    let arguments = ["cms", "-verify", "-noverify", "-nosigs", "-binary", "-inform", "DER", "-in", &path];
    std::process::Command::new("openssl").args(arguments).output().unwrap().stdout
}

#[test]
fn integrity_of_every_sample_is_judged_as_its_makers_say() {
    let anchor = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/kz-pki/ca/prod/root_rsa_2020.cer");
    let trust = TrustSnapshot::from_certificates([std::fs::read(anchor).unwrap()]).unwrap();
    let (evidence, policy) = (EvidenceSet::default(), SignaturePolicy::default_2026());
    let at = "2020-01-01T00:00:00.000Z".parse().unwrap();
    let suite: Value = serde_json::from_slice(&read("cases.json")).unwrap();
    let (mut agreed, mut wrong) = (0, Vec::new());
    for case in suite["cases"].as_array().unwrap() {
        let file = case["file"].as_str().unwrap();
        let by_digest = !case["detached_digest"].is_null();
        let document = match case["detached"].as_str() {
            Some(name) => read(name),
            None => content(file),
        };
        let report = verify(&VerifyInput {
            document: &document,
            signature: &read(file),
            evidence: &evidence,
            trust: &trust,
            policy: &policy,
            signing_time: at,
            receipt_time: at,
            known_until: None,
            document_type: None,
        });
        assert!(!report.overall.is_passed(), "{file}: nobody here is trusted");
        let outcomes: Vec<Outcome> = report
            .signatures
            .iter()
            .flat_map(|one| {
                let checks = &one.integrity;
                // A case without its content, by digest alone, is judged by the signature value.
                let digest = if by_digest { &checks.content_type } else { &checks.message_digest };
                [&checks.content_type, digest, &checks.signature_value].map(|check| check.outcome)
            })
            .chain([report.format.outcome])
            .collect();
        let fails = outcomes.contains(&Outcome::Fail);
        let passes = !fails && !outcomes.contains(&Outcome::Indeterminate);
        let notes = case["notes"].to_string();
        let fits = match case["expect_integrity"].as_str().unwrap() {
            // Weak or foreign algorithms and trailing bytes are refused by policy, whatever the mathematics says. These
            // are all the divergences from the suite; one that passes all of a sudden is a mistake too.
            "pass" => passes != ["weak-digest", "sha3", "trailing-bytes"].iter().any(|note| notes.contains(note)),
            "contested" => continue,
            // Attributes sent out of order: DSS and Bouncy Castle accept the sorted form, as RFC 5652 says; OpenSSL
            // alone refuses.
            "fail" if case["oracles"]["dss_b_level"] == "valid" => continue,
            "fail" | "no-content" | "signer-not-found" => !passes,
            other => panic!("{file}: {other}"),
        };
        if fits {
            agreed += 1;
        } else {
            let codes: Vec<_> =
                report.signatures.iter().map(|one| format!("{:?} {:?}", one.integrity, one.signer)).collect();
            wrong.push(format!("{file}: {} {notes} {:?} {codes:?}", case["expect_integrity"], report.format));
        }
    }
    assert!(wrong.is_empty(), "{agreed} agreed, not {}: {wrong:#?}", wrong.len());
    assert!(agreed > 60, "{agreed}");
}

/// What DSS asserts about the timestamps: how many there are, whether each is over what it should be over.
#[test]
fn timestamps_of_every_sample_are_found_and_judged_as_its_makers_say() {
    let anchor = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/kz-pki/ca/prod/root_rsa_2020.cer");
    let trust = TrustSnapshot::from_certificates([std::fs::read(anchor).unwrap()]).unwrap();
    let at = "2020-01-01T00:00:00.000Z".parse().unwrap();
    let suite: Value = serde_json::from_slice(&read("cases.json")).unwrap();
    for case in suite["cases"].as_array().unwrap() {
        let file = case["file"].as_str().unwrap();
        let Some(asserts) = case["dss_expectations"]["checkTimestamps"].as_array() else { continue };
        let asserts: Vec<&str> = asserts.iter().filter_map(Value::as_str).collect();
        let document = case["detached"].as_str().map_or_else(|| content(file), read);
        let report = verify(&VerifyInput {
            document: &document,
            signature: &read(file),
            evidence: &EvidenceSet::default(),
            trust: &trust,
            policy: &SignaturePolicy::default_2026(),
            signing_time: at,
            receipt_time: at,
            known_until: None,
            document_type: None,
        });
        let count = asserts.iter().find_map(|line| {
            let rest = line.strip_prefix("assertEquals(")?;
            let (count, rest) = rest.split_once(',')?;
            rest.to_ascii_lowercase().contains("timestamplist").then(|| count.trim().parse::<usize>().ok())?
        });
        if let Some(count) = count {
            assert_eq!(report.timestamps.len(), count, "{file}: {:#?}", report.timestamps);
        }
        let judged: Vec<_> = report.timestamps.iter().filter(|one| one.kind != TimestampKind::Archive).collect();
        // What is only partly so is not said of which timestamp.
        let says = |what: &str| asserts.iter().any(|line| line.contains(what));
        let not = |what: &str| asserts.iter().any(|line| line.starts_with("assertFalse(") && line.contains(what));
        if says("isMessageImprintDataIntact()") && !not("isMessageImprintDataIntact()") {
            let intact = |one: &&TimestampReport| {
                one.imprint_check.outcome == Outcome::Pass || one.imprint_check.code.as_str() == codes::WEAK_DIGEST
            };
            assert!(judged.iter().all(intact), "{file}: {judged:#?}");
        }
        // Where DSS says that the signature of a token is not intact, OpenSSL says that it is, in one of two samples; so
        // that is not asked here.
        assert!(report.timestamps.iter().all(|one| !one.verdict.is_passed()), "{file}: nobody here is trusted");
        let receipt = |one: &SignatureReport| matches!(one.best_signature_time, TimeProof::Receipt { .. });
        assert!(report.signatures.iter().all(receipt), "{file}");
    }
}
