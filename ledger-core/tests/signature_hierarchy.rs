//! Which hierarchy a certificate belongs to, and paths that are harder to find: the national authorities
//! (`kz-pki`) and key rollover (`pki-suites/pkits`).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

use ledger_core::pki::certificate::Certificate;
use ledger_core::pki::report::codes;
use ledger_core::pki::trust::{Hierarchy, TrustTerms, directory};
use ledger_core::signature::{
    CertificateReport, EvidenceSet, Outcome, SignaturePolicy, TrustSnapshot, verify_certificate,
};
use ledger_core::time::Timestamp;
use serde_json::Value;

const NATIONAL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/kz-pki/");
const PKITS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/pki-suites/pkits/");

fn names(folder: &str) -> Vec<String> {
    let entries = std::fs::read_dir(format!("{NATIONAL}{folder}")).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| format!("{folder}/{}", entry.unwrap().file_name().into_string().unwrap())).collect();
    names.sort();
    names
}

fn national(name: &str) -> Vec<u8> {
    std::fs::read(format!("{NATIONAL}{name}")).unwrap()
}

/// The trust that a directory with these folders of the suite gives.
fn trust(folders: &[&str]) -> TrustSnapshot {
    let files: Vec<_> =
        folders.iter().flat_map(|folder| names(folder)).map(|name| (name.clone(), national(&name))).collect();
    directory::from_files(files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice()))).unwrap().unwrap()
}

fn policy(accept_test_hierarchy: bool) -> SignaturePolicy {
    SignaturePolicy { require_revocation: false, accept_test_hierarchy, ..SignaturePolicy::default_2026() }
}

fn check(der: &[u8], trust: &TrustSnapshot, policy: &SignaturePolicy, at: Timestamp) -> CertificateReport {
    verify_certificate(der, &EvidenceSet::default(), trust, policy, at, None)
}

/// The 2018 test persons were certified by the production authority, says the suite; so both hierarchies have users.
#[test]
fn every_user_certificate_has_a_path_in_one_hierarchy_and_the_test_one_never_counts_unasked() {
    let (both, production, test) = (trust(&["ca/prod", "ca/test"]), trust(&["ca/prod"]), trust(&["ca/test"]));
    for name in names("user") {
        let der = national(&name);
        let at = Certificate::parse(&der).unwrap().not_before().plus_ms(1000);
        let path_under = |trust, accept| check(&der, trust, &policy(accept), at).chain;
        let is_test = path_under(&test, true).check.outcome == Outcome::Pass;
        assert_eq!(path_under(&production, true).check.outcome == Outcome::Pass, !is_test, "{name}");

        let asked = path_under(&both, true);
        let hierarchy = if is_test { Hierarchy::Test } else { Hierarchy::Production };
        assert_eq!((asked.check.outcome, asked.hierarchy), (Outcome::Pass, Some(hierarchy)), "{name}");
        assert_eq!(asked.path.len(), 3, "{name}");
        let unasked = path_under(&both, false);
        let code = if is_test { codes::PATH_TEST_HIERARCHY } else { codes::OK };
        assert_eq!(unasked.check.code.as_str(), code, "{name}");
        assert_eq!(unasked.hierarchy, Some(hierarchy), "{name}: the report says where the path ends");
    }
}

/// BTSD's certificate is older than the root that stands here: the root was issued again under the same key.
#[test]
fn an_authority_older_than_its_root_has_a_path_and_validity_is_judged_for_each_at_the_time() {
    let authority = national("ca/prod/btsd_gost_2019.cer");
    let (child, root) =
        (Certificate::parse(&authority).unwrap(), Certificate::parse(&national("ca/prod/root_gost_2020.cer")).unwrap());
    assert!(child.not_before() < root.not_before());
    let trust = trust(&["ca/prod"]);
    let later = check(&authority, &trust, &policy(false), root.not_before().plus_ms(1000));
    assert_eq!((later.chain.check.outcome, later.chain.path.len()), (Outcome::Pass, 2), "{later:?}");
    assert_eq!(later.validity.outcome, Outcome::Pass);
    // Before the root's own validity the path does not count, unless trust in it has a date of its own.
    let before = child.not_before().plus_ms(1000);
    let early = check(&authority, &trust, &policy(false), before);
    assert_eq!(early.chain.check.code.as_str(), codes::PATH_VALIDITY);
    let decided = TrustTerms { trusted_from: Some(child.not_before()), ..TrustTerms::default() };
    let trust = trust.with_terms([(root.digest(), decided)].into()).unwrap();
    assert_eq!(check(&authority, &trust, &policy(false), before).chain.check.outcome, Outcome::Pass);
}

fn pkits(section: &str) -> Vec<Value> {
    let all: Value = serde_json::from_slice(&std::fs::read(format!("{PKITS}cases.json")).unwrap()).unwrap();
    let cases = all["cases"].as_array().unwrap();
    cases.iter().filter(|case| case["id"].as_str().unwrap().starts_with(section)).cloned().collect()
}

fn check_pkits(case: &Value) -> CertificateReport {
    let certificate = |name: &Value| std::fs::read(format!("{PKITS}certs/{}", name.as_str().unwrap())).unwrap();
    let intermediates: Vec<_> = case["intermediates"].as_array().unwrap().iter().map(certificate).collect();
    let trust = TrustSnapshot::from_parts([certificate(&case["trust_anchor"])], Vec::<Vec<u8>>::new()).unwrap();
    let at = case["validation_time"].as_str().unwrap().replace('Z', ".000Z").parse().unwrap();
    let evidence = EvidenceSet::new(&intermediates, &[]);
    verify_certificate(&certificate(&case["target"]), &evidence, &trust, &policy(false), at, None)
}

/// Section 4.5: the authority has a new key, so several of its certificates have one name and different keys, and
/// self-issued ones lead from the old to the new.
#[test]
fn a_path_leads_through_the_self_issued_certificates_of_a_key_rollover() {
    for case in pkits("4.5.").iter().filter(|case| case["reason"] != "path") {
        let report = check_pkits(case);
        assert_eq!(report.chain.check.outcome, Outcome::Pass, "{}", case["id"]);
        assert!(report.chain.path.len() >= 3, "{}", case["id"]);
    }
}

/// DSA is known to nobody here, and here it signs SHA-1: unsupported, or refused for its digest, and never a path.
#[test]
fn a_chain_signed_with_dsa_is_no_path() {
    for case in pkits("4.1.4:").iter().chain(&pkits("4.1.5:")) {
        let chain = check_pkits(case).chain;
        assert!(
            [codes::UNSUPPORTED_ALGORITHM, codes::WEAK_DIGEST].contains(&chain.check.code.as_str()),
            "{}",
            case["id"]
        );
        assert!(chain.path.is_empty(), "{}", case["id"]);
    }
}
