//! Evidence records (`pki-suites/ers`): reduced hash trees, renewed timestamps, renewed hash trees, and broken ones.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

use std::collections::BTreeSet;

use base64ct::{Base64, Encoding as _};
use ledger_core::pki::report::codes;
use ledger_core::signature::evidence_record::{
    ArchivedObject, EvidenceRecordInput, EvidenceRecordReport, ObjectDigest, verify_evidence_record,
};
use ledger_core::signature::{EvidenceSet, Outcome, SignaturePolicy, TrustSnapshot, Verdict};
use proptest::prelude::*;
use serde_json::Value;

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/");

fn read(name: &str) -> Vec<u8> {
    let path = format!("{DATA}pki-suites/ers/{name}");
    std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The roots of the suite's authorities are not in it: nobody is trusted, and every verdict is at best indeterminate.
fn trust() -> TrustSnapshot {
    let foreign = std::fs::read(format!("{DATA}kz-pki/ca/prod/root_rsa_2020.cer")).unwrap();
    TrustSnapshot::from_certificates([foreign]).unwrap()
}

fn check(record: &[u8], objects: &[ArchivedObject<'_>]) -> EvidenceRecordReport {
    let policy = SignaturePolicy { require_revocation: false, ..SignaturePolicy::default_2026() };
    let report = verify_evidence_record(&EvidenceRecordInput {
        record,
        objects,
        evidence: &EvidenceSet::default(),
        trust: &trust(),
        policy: &policy,
        at: "2026-11-22T00:00:00.000Z".parse().unwrap(),
        known_until: None,
    });
    let bytes = report.to_canonical_bytes().unwrap();
    ledger_core::canonical::check_any_length(&bytes).unwrap();
    assert_eq!(serde_json::from_slice::<EvidenceRecordReport>(&bytes).unwrap(), report);
    report
}

/// The suite gives text as it stands in the source of Java tests.
fn java(text: &str) -> Vec<u8> {
    match text {
        "\\t" => b"\t".to_vec(),
        "\\n" => b"\n".to_vec(),
        "\\r" => b"\r".to_vec(),
        _ => match text.strip_prefix("\\u") {
            Some(hex) => char::from_u32(u32::from_str_radix(hex, 16).unwrap()).unwrap().to_string().into_bytes(),
            None => text.as_bytes().to_vec(),
        },
    }
}

const fn oid(name: &[u8]) -> &'static str {
    match name {
        b"SHA224" => "2.16.840.1.101.3.4.2.4",
        b"SHA256" => "2.16.840.1.101.3.4.2.1",
        b"SHA384" => "2.16.840.1.101.3.4.2.2",
        b"SHA512" => "2.16.840.1.101.3.4.2.3",
        _ => "1.3.14.3.2.26",
    }
}

/// Everything that is not a question of trust: hash trees, renewals, and each token over its root. Some tokens are
/// signed by an algorithm that is not known here (RSASSA-PSS with SHA-224): nothing is said against them.
fn holds(report: &EvidenceRecordReport) -> bool {
    let fine = |check: &ledger_core::signature::Check| {
        matches!(check.outcome, Outcome::Pass | Outcome::Warning | Outcome::NotApplicable)
    };
    report.format.outcome != Outcome::Fail
        && !report.archive_timestamps.is_empty()
        && report.archive_timestamps.iter().all(|one| {
            let token = &one.token;
            let unsupported = token.integrity.code.as_str() == codes::UNSUPPORTED_ALGORITHM;
            let whole = [&one.renewal, &token.format, &token.imprint_check];
            whole.into_iter().all(fine) && (fine(&token.integrity) || unsupported)
        })
}

fn all_covered(report: &EvidenceRecordReport) -> bool {
    !report.objects.is_empty() && report.objects.iter().all(|check| check.outcome == Outcome::Pass)
}

#[test]
fn every_record_is_judged_as_the_suite_says() {
    let suite: Value = serde_json::from_slice(&read("cases.json")).unwrap();
    for case in suite["cases"].as_array().unwrap() {
        let id = case["id"].as_str().unwrap();
        let record = read(case["file"].as_str().unwrap());
        let list = |name: &str| case[name].as_array().cloned().unwrap_or_default();
        let mut contents: BTreeSet<Vec<u8>> =
            list("documents").iter().map(|name| read(name.as_str().unwrap())).collect();
        contents.extend(list("inline").iter().map(|text| java(text.as_str().unwrap())));
        let digests: Vec<(&str, Vec<u8>)> = list("digests")
            .iter()
            .map(|digest| {
                let value = Base64::decode_vec(digest["base64"].as_str().unwrap()).unwrap();
                (oid(digest["alg"].as_str().unwrap().as_bytes()), value)
            })
            .collect();
        let digests: Vec<ObjectDigest<'_>> =
            digests.iter().map(|(algorithm, value)| ObjectDigest { algorithm, value }).collect();
        // Digests by different algorithms are of one object, by one algorithm of several.
        let algorithms: BTreeSet<&str> = digests.iter().map(|digest| digest.algorithm).collect();
        let each = if algorithms.len() == digests.len() { digests.len().max(1) } else { 1 };
        let mut objects: Vec<_> = contents.iter().map(|bytes| ArchivedObject::Bytes(bytes)).collect();
        objects.extend(digests.chunks(each).map(ArchivedObject::Digests));

        let report = check(&record, &objects);
        // Nobody is trusted here, so nothing may pass; and what does not hold may not look merely unknown.
        assert!(!report.verdict.is_passed() && report.existed_by.is_none(), "{id}");
        let complete = case["inputs_complete"] == true;
        match case["expect"].as_str().unwrap() {
            "valid" => {
                assert!(holds(&report), "{id}: {report:#?}");
                // Two records of the BSI are about another object than the file beside them: none of its digests is in
                // the record. The record itself holds, and does not prove that file.
                let inside = |bytes: &Vec<u8>| {
                    let digest = ledger_core::digest::Digest::sha256(&[bytes]);
                    record.windows(32).any(|window| window == digest.as_bytes())
                };
                let about_another = !contents.is_empty()
                    && digests.is_empty()
                    && report.objects.iter().any(|check| check.outcome == Outcome::Fail)
                    && !contents.iter().any(inside);
                assert!(!complete || all_covered(&report) || about_another, "{id}: {report:#?}");
            }
            "invalid" | "invalid-or-incomplete" => {
                assert!(!holds(&report) || !all_covered(&report), "{id}: {report:#?}");
                let failed = matches!(report.verdict, Verdict::Failed(_));
                assert!(!complete || failed, "{id}: {report:#?}");
            }
            "unknown" => {}
            other => panic!("{id}: {other}"),
        }
    }
}

#[test]
fn a_record_without_its_object_proves_nothing() {
    let report = check(&read("dss/er-asn1-simple.ers"), &[]);
    assert_eq!(report.format.code.as_str(), codes::ARCHIVED_OBJECT_ABSENT);
    assert!(!report.verdict.is_passed());
    // One object of the two that are asked about.
    let report = check(&read("dss/er-asn1-simple.ers"), &[ArchivedObject::Bytes(b"1"), ArchivedObject::Bytes(b"0")]);
    assert_eq!(report.objects[0].outcome, Outcome::Pass);
    assert_eq!(report.objects[1].code.as_str(), codes::ARCHIVED_OBJECT_NOT_COVERED);
    // A digest by an algorithm that no chain has.
    let other = [ObjectDigest { algorithm: oid(b"SHA256"), value: &[0; 32] }];
    let report = check(&read("dss/er-asn1-simple.ers"), &[ArchivedObject::Digests(&other)]);
    assert_eq!(report.objects[0].outcome, Outcome::Indeterminate);
}

/// RFC 4998 5.2: the second chain covers the object and the whole first chain.
#[test]
fn a_renewed_record_needs_the_object_in_every_chain() {
    let record = read("dss/LKSG_4.ers");
    let cases: Value = serde_json::from_slice(&read("cases.json")).unwrap();
    let case = cases["cases"].as_array().unwrap().iter().find(|case| case["file"] == "dss/LKSG_4.ers").unwrap();
    let value = |at: usize| Base64::decode_vec(case["digests"][at]["base64"].as_str().unwrap()).unwrap();
    let (old, new) = (value(0), value(1));
    let sha256 = ObjectDigest { algorithm: oid(b"SHA256"), value: &old };
    let sha384 = ObjectDigest { algorithm: oid(b"SHA384"), value: &new };
    let outcome = |digests: &[ObjectDigest<'_>]| check(&record, &[ArchivedObject::Digests(digests)]).objects[0].outcome;
    assert_eq!(outcome(&[sha256, sha384]), Outcome::Pass);
    assert_eq!(outcome(&[sha256]), Outcome::Indeterminate);
    assert_eq!(outcome(&[sha256, ObjectDigest { value: &[0; 48], ..sha384 }]), Outcome::Fail);
}

/// Pitfall 10.
#[test]
fn records_beyond_the_limits_are_refused() {
    let report = check(&vec![0x30; 1024 * 1024 + 1], &[]);
    assert_eq!(report.format.code.as_str(), codes::TOO_LARGE);
    let tower: Vec<u8> = [0x30, 0x80].repeat(100_000);
    let report = check(&tower, &[]);
    assert_eq!(report.format.code.as_str(), codes::PARSE);
    // 101 empty chains.
    let chains = [0x30, 0].repeat(101);
    let sequence = [&[0x30, 0x81, 202][..], &chains].concat();
    let record = [&[0x30, 0x81, 210, 2, 1, 1, 0x30, 0][..], &sequence].concat();
    let report = check(&record, &[]);
    assert!(matches!(report.verdict, Verdict::Failed(_)) && report.archive_timestamps.is_empty(), "{report:#?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    /// Pitfalls 10 and 20. A record that still covers the object and still holds says the same as before.
    #[test]
    fn a_changed_or_cut_record_never_panics_and_never_says_anything_else(
        at: prop::sample::Index, byte: u8, cut: prop::sample::Index, which in 0_usize..3,
    ) {
        let (name, object) = [
            ("dss/er-asn1-simple.ers", &b"1"[..]),
            ("dss/er-asn1-full-renewal-tst-renewal.ers", b"\x03"),
            ("dss/1_1_Renew_Unsorted.er", b"123456"),
        ][which];
        let original = read(name);
        let objects = [ArchivedObject::Bytes(object)];
        let mut changed = original.clone();
        changed[at.index(original.len())] = byte;
        let report = check(&changed, &objects);
        if holds(&report) && all_covered(&report) {
            let times = |report: &EvidenceRecordReport| -> Vec<_> {
                report.archive_timestamps.iter().map(|one| (one.token.gen_time, one.token.imprint.clone())).collect()
            };
            prop_assert_eq!(times(&report), times(&check(&original, &objects)));
        }
        let part = check(&original[..cut.index(original.len())], &objects);
        prop_assert!(matches!(part.verdict, Verdict::Failed(_)));
    }
}
