//! Revocation status at a time (`pki-suites/revtime`, the cases whose evidence is CRLs alone).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test that cannot go on has failed"
)]

use ledger_core::pki::report::{RevocationStatus, codes};
use ledger_core::signature::{EvidenceSet, Outcome, SignaturePolicy, TrustSnapshot, verify_certificate};
use ledger_core::time::Timestamp;
use serde_json::Value;

const SUITE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/pki-suites/revtime/");

fn read(name: &str) -> Vec<u8> {
    std::fs::read(format!("{SUITE}{name}")).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn time(text: &str) -> Timestamp {
    text.replace('Z', ".000Z").parse().unwrap()
}

/// Status of a leaf at a time by CRLs.
fn status(certificate: &str, crls: &[&str], at: Timestamp) -> (RevocationStatus, Outcome, String) {
    let trust = TrustSnapshot::from_certificates([read("Root.der"), read("Issuing_CA.der")]).unwrap();
    let evidence = EvidenceSet::new(&[], &crls.iter().copied().map(read).collect::<Vec<_>>());
    let policy = SignaturePolicy::default_2026();
    let report = verify_certificate(&read(certificate), &evidence, &trust, &policy, at, None);
    let leaf = &report.revocation[0];
    (leaf.revocation, leaf.check.outcome, leaf.check.code.as_str().to_owned())
}

#[test]
fn no_case_of_the_suite_ends_falsely_good_and_those_with_full_crls_end_as_it_says() {
    let suite: Value = serde_json::from_slice(&read("cases.json")).unwrap();
    let (mut decided, mut left) = (0, 0);
    for case in suite["cases"].as_array().unwrap() {
        let id = case["id"].as_str().unwrap();
        let files: Vec<&str> = case["evidence"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        let crls: Vec<&str> = files.iter().copied().filter(|name| !name.starts_with("ocsp")).collect();
        let (status, outcome, code) =
            status(case["certificate"].as_str().unwrap(), &crls, time(case["status_at"].as_str().unwrap()));
        let good = status == RevocationStatus::Good && outcome == Outcome::Pass;
        let revoked = outcome == Outcome::Fail;
        // Left out, with the reason: OCSP answers and delta CRLs come with the next issue; a case with such evidence
        // must only not end falsely good or revoked.
        let only_full = crls.len() == files.len() && files.iter().all(|name| !name.starts_with("delta"));
        let expect = case["expect"].as_str().unwrap();
        let fits = match expect {
            "good" => !revoked && (good || !only_full),
            "revoked" => !good && (revoked || !only_full),
            "good-with-warning" => !revoked && !good && (outcome == Outcome::Warning || !only_full),
            "undetermined" | "undetermined-or-good-with-warning" => !good && !revoked,
            // About the intermediate and about the path: the leaf's status is not asked.
            "undetermined-for-intermediate" | "chain-not-valid-at-time" => true,
            other => panic!("{id}: {other}"),
        };
        assert!(fits, "{id}: {expect}, got {status:?} {outcome:?} {code} from {files:?}");
        if only_full { decided += 1 } else { left += 1 }
    }
    println!("{decided} decided by full CRLs, {left} need OCSP or deltas");
    assert!(decided >= 4, "{decided}");
}

/// Pitfall 13, in a table: what a list says depends on the time asked, the list's time and what the entry says.
#[test]
fn a_list_speaks_for_the_time_it_covers() {
    let good = codes::OK;
    for (certificate, crls, at, code) in [
        ("Good.der", &["crl_0602.crl"][..], "2026-06-01T12:00:00Z", good),
        ("Good.der", &["crl_0530.crl"], "2026-05-20T12:00:00Z", good),
        ("Good.der", &["crl_0530.crl"], "2026-05-30T12:00:00Z", codes::FRESHEST_CRL_ABSENT),
        ("Good.der", &["crl_0530.crl"], "2027-06-02T12:00:00Z", codes::REVOCATION_NOT_CURRENT),
        ("Revoked.der", &["crl_0602.crl"], "2026-06-01T12:00:00Z", codes::REVOKED),
        ("Revoked.der", &["crl_0602.crl"], "2026-06-01T11:59:59Z", good),
        // A later list revokes, whatever the older one says; order does not matter.
        ("Revoked.der", &["crl_0530.crl", "crl_0602.crl"], "2026-06-02T12:00:00Z", codes::REVOKED),
        ("Revoked.der", &["crl_0602.crl", "crl_0530.crl"], "2026-06-02T12:00:00Z", codes::REVOKED),
        ("Revoked.der", &["crl_0602_invalidity.crl"], "2026-05-31T12:00:00Z", codes::INVALIDITY_DATE),
        ("Held.der", &["crl_0530.crl"], "2026-05-20T12:00:00Z", codes::ON_HOLD),
        ("Held.der", &["crl_0530.crl"], "2026-05-10T12:00:00Z", good),
        // Lists of another issuer, lists for CA certificates alone and deltas alone prove nothing.
        ("Good.der", &["root.crl"], "2026-05-20T12:00:00Z", codes::NO_REVOCATION_EVIDENCE),
        ("Good.der", &["crl_only_ca_0602.crl"], "2026-05-20T12:00:00Z", codes::REVOCATION_UNUSABLE),
        ("Good.der", &["delta_0601.crl"], "2026-05-20T12:00:00Z", codes::REVOCATION_UNUSABLE),
        ("Good.der", &[], "2026-05-20T12:00:00Z", codes::NO_REVOCATION_EVIDENCE),
        // A delta that says something about the certificate keeps the full list from being the whole truth.
        ("Held.der", &["crl_0530.crl", "delta_0601.crl"], "2026-06-01T13:00:00Z", codes::REVOCATION_UNUSABLE),
    ] {
        let (status, outcome, actual) = status(certificate, crls, time(at));
        assert_eq!(actual, code, "{certificate} {crls:?} {at}: {status:?} {outcome:?}");
    }
}

/// Pitfall 13: a list whose signature does not hold neither clears nor condemns anybody.
#[test]
fn a_list_with_a_broken_signature_says_nothing() {
    let trust = TrustSnapshot::from_certificates([read("Root.der"), read("Issuing_CA.der")]).unwrap();
    for certificate in ["Good.der", "Revoked.der"] {
        let mut forged = read("crl_0602.crl");
        *forged.last_mut().unwrap() ^= 1;
        let evidence = EvidenceSet::new(&[], &[forged]);
        let policy = SignaturePolicy::default_2026();
        let at = time("2026-06-02T12:00:00Z");
        let report = verify_certificate(&read(certificate), &evidence, &trust, &policy, at, None);
        assert_eq!(report.revocation[0].revocation, RevocationStatus::Unknown, "{certificate}");
        assert_eq!(report.revocation[0].check.outcome, Outcome::Indeterminate, "{certificate}");
        assert_eq!(report.revocation[0].check.code.as_str(), codes::REVOCATION_UNUSABLE, "{certificate}");
    }
}
