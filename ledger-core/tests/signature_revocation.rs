//! Revocation status at a time: `pki-suites/revtime`, `ocsp-openssl`, `revtime-pyhanko`, `pyca`, and the lists and
//! answers of `kz-pki`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_types,
    clippy::case_sensitive_file_extension_comparisons,
    reason = "a test that cannot go on has failed"
)]

use std::time::{Duration, Instant};

use ledger_core::pki::alg::AlgorithmRegistry;
use ledger_core::pki::certificate::Certificate;
use ledger_core::pki::crl::Crl;
use ledger_core::pki::ocsp::OcspResponse;
use ledger_core::pki::pem;
use ledger_core::pki::policy::AlgorithmRule;
use ledger_core::pki::report::{RevocationCheck, RevocationSource, RevocationStatus, codes};
use ledger_core::signature::{
    CertificateReport, EvidenceSet, Outcome, SignaturePolicy, TrustSnapshot, verify_certificate,
    verify_certificate_with,
};
use ledger_core::time::Timestamp;
use serde_json::Value;

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/");

fn data(path: &str) -> Vec<u8> {
    std::fs::read(format!("{DATA}{path}")).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn read(name: &str) -> Vec<u8> {
    data(&format!("pki-suites/revtime/{name}"))
}

fn cases(suite: &str) -> Vec<Value> {
    let all: Value = serde_json::from_slice(&data(&format!("pki-suites/{suite}/cases.json"))).unwrap();
    all["cases"].as_array().unwrap().clone()
}

fn strings<'v>(case: &'v Value, name: &str) -> Vec<&'v str> {
    case[name].as_array().map(|list| list.iter().filter_map(Value::as_str).collect()).unwrap_or_default()
}

fn time(text: &str) -> Timestamp {
    text.replace('Z', ".000Z").parse().unwrap()
}

/// Files by what they are: answers, lists.
fn collected(files: &[(&str, Vec<u8>)]) -> EvidenceSet {
    let mut evidence = EvidenceSet::default();
    for (name, bytes) in files {
        match OcspResponse::parse(bytes) {
            Ok(_) => evidence.add_ocsp(bytes),
            Err(_) if Crl::parse(bytes).is_ok() => evidence.add_crl(bytes),
            Err(error) => panic!("{name}: {error}"),
        }
    }
    evidence
}

fn report_of(certificate: &str, files: &[&str], at: Timestamp, known_until: Option<Timestamp>) -> CertificateReport {
    let trust = TrustSnapshot::from_certificates([read("Root.der"), read("Issuing_CA.der")]).unwrap();
    let evidence = collected(&files.iter().map(|name| (*name, read(name))).collect::<Vec<_>>());
    verify_certificate(&read(certificate), &evidence, &trust, &SignaturePolicy::default_2026(), at, known_until)
}

/// Status of a leaf at a time.
fn status(certificate: &str, files: &[&str], at: &str) -> RevocationCheck {
    report_of(certificate, files, time(at), None).revocation[0].clone()
}

fn is_good(check: &RevocationCheck) -> bool {
    check.revocation == RevocationStatus::Good && check.check.outcome == Outcome::Pass
}

/// Neither proof for the certificate nor against it.
fn is_undetermined(check: &RevocationCheck) -> bool {
    check.revocation == RevocationStatus::Unknown && check.check.outcome == Outcome::Indeterminate
}

#[test]
fn every_revtime_case_ends_as_the_suite_says() {
    let mut wrong = Vec::new();
    for case in cases("revtime") {
        let id = case["id"].as_str().unwrap();
        let known_until = case["evidence_known_at"].as_str().map(time);
        let at = time(case["status_at"].as_str().unwrap());
        let report = report_of(case["certificate"].as_str().unwrap(), &strings(&case, "evidence"), at, known_until);
        let leaf = report.revocation.first();
        let good = leaf.is_some_and(is_good);
        let with_warning = leaf
            .is_some_and(|leaf| leaf.revocation == RevocationStatus::Good && leaf.check.outcome == Outcome::Warning);
        let undetermined = leaf.is_some_and(is_undetermined);
        let fits = match case["expect"].as_str().unwrap() {
            "good" => good,
            "revoked" => leaf.is_some_and(|leaf| leaf.check.outcome == Outcome::Fail),
            "good-with-warning" => with_warning,
            "undetermined" => undetermined,
            "undetermined-or-good-with-warning" => undetermined || with_warning,
            "undetermined-for-intermediate" => is_undetermined(&report.revocation[1]) && !report.verdict.is_passed(),
            "chain-not-valid-at-time" => {
                let sound = [&report.chain.check, &report.validity].iter().all(|check| check.outcome == Outcome::Pass);
                !sound && !report.verdict.is_passed()
            }
            other => panic!("{id}: {other}"),
        };
        if !fits {
            wrong.push(format!("{id}: {} expected, got {leaf:?}", case["expect"]));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Pitfall 13, in a table: what a list says depends on the time asked, the list's time and what the entry says.
#[test]
fn a_list_speaks_for_the_time_it_covers() {
    let good = codes::OK;
    for (certificate, lists, at, code) in [
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
        // A delta with its base says what a full list of its time would: one held before is free again, one is revoked.
        ("Held.der", &["crl_0530.crl", "delta_0601.crl"], "2026-06-01T13:00:00Z", good),
        ("Held.der", &["delta_0601.crl", "crl_0530.crl"], "2026-05-31T10:00:00Z", codes::ON_HOLD),
        ("Held.der", &["crl_0530.crl", "delta_0601.crl"], "2026-06-01T12:29:59Z", codes::ON_HOLD),
        ("Held.der", &["crl_0530.crl", "delta_0601.crl"], "2026-06-01T12:30:00Z", good),
        ("Good.der", &["crl_0530.crl", "delta_0601.crl"], "2026-06-01T12:00:00Z", good),
        ("Revoked.der", &["crl_0530.crl", "delta_0601.crl"], "2026-06-01T12:00:00Z", codes::REVOKED),
        ("Revoked.der", &["crl_0530.crl", "delta_0601.crl"], "2026-06-01T11:00:00Z", good),
        // A delta to another base that speaks against the certificate keeps the full list from being the whole truth.
        (
            "Revoked.der",
            &["crl_0530.crl", "delta_0601_wrong_base.crl"],
            "2026-06-01T13:30:00Z",
            codes::REVOCATION_UNUSABLE,
        ),
    ] {
        let check = status(certificate, lists, at);
        assert_eq!(check.check.code.as_str(), code, "{certificate} {lists:?} {at}: {check:?}");
        if check.source == RevocationSource::CrlWithDelta {
            assert_eq!(check.evidence.len(), 2, "{certificate} {at}");
        }
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
        assert!(is_undetermined(&report.revocation[0]), "{certificate}");
        assert_eq!(report.revocation[0].check.code.as_str(), codes::REVOCATION_UNUSABLE, "{certificate}");
    }
}

/// Pitfall 12, in a table: who may answer, about which certificate, and what an answer says about a time.
#[test]
fn only_the_ca_or_whom_it_appointed_answers_and_only_about_one_certificate() {
    let at = "2026-05-20T12:00:00Z";
    let good = codes::OK;
    for (certificate, answers, at, code) in [
        ("Good.der", &["ocsp_A_direct_0520.der"][..], at, good),
        ("Good.der", &["ocsp_A_sha1_certid_0520.der"], at, good),
        ("Good.der", &["ocsp_A_no_eku_0520.der"], at, codes::REVOCATION_UNUSABLE),
        ("Good.der", &["ocsp_A_expired_responder_0520.der"], at, codes::REVOCATION_UNUSABLE),
        ("Good.der", &["ocsp_A_foreign_responder_0520.der"], at, codes::REVOCATION_UNUSABLE),
        ("Good.der", &["ocsp_A_bad_signature_0520.der"], at, codes::REVOCATION_UNUSABLE),
        ("Good.der", &["ocsp_A_unknown_0520.der"], at, codes::OCSP_UNKNOWN),
        ("Good.der", &["ocsp_R_good_0531.der"], at, codes::NO_REVOCATION_EVIDENCE),
        // Of the same time: the one that knows nothing takes the force of the one that says good.
        ("Good.der", &["ocsp_A_direct_0520.der", "ocsp_A_unknown_0520.der"], at, codes::OCSP_UNKNOWN),
        // A forged answer beside a good one changes nothing.
        ("Good.der", &["ocsp_A_bad_signature_0520.der", "ocsp_good_0520.der"], at, good),
        ("Revoked.der", &["ocsp_R_two_answers_0602.der"], "2026-06-02T10:00:00Z", codes::REVOCATION_CONTRADICTION),
        ("Revoked.der", &["ocsp_R_revoked_0602.der"], "2026-06-01T12:00:00Z", codes::REVOKED),
        ("Revoked.der", &["ocsp_R_revoked_0602.der"], "2026-06-01T11:59:59Z", good),
        // Answers and lists are weighed together.
        ("Revoked.der", &["ocsp_R_good_0531.der", "crl_0602.crl"], "2026-06-01T12:00:00Z", codes::REVOKED),
        ("Revoked.der", &["crl_0530.crl", "ocsp_R_revoked_0602.der"], "2026-06-01T12:00:00Z", codes::REVOKED),
    ] {
        let check = status(certificate, answers, at);
        assert_eq!(check.check.code.as_str(), code, "{certificate} {answers:?} {at}: {check:?}");
    }
    let direct = status("Good.der", &["ocsp_A_direct_0520.der"], at);
    assert_eq!((direct.source, direct.responder), (RevocationSource::Ocsp, None));
    let delegated = status("Good.der", &["ocsp_good_0520.der"], at);
    assert!(delegated.responder.is_some() && delegated.produced_at.is_some(), "{delegated:?}");
}

/// Pitfall 14: leaving something out never makes a certificate good, and one without evidence above it is not good
/// as a whole.
#[test]
fn nothing_left_out_makes_anybody_good() {
    let at = time("2026-05-31T10:00:00Z");
    for certificate in ["Good.der", "Revoked.der", "Held.der"] {
        let none = report_of(certificate, &[], at, None);
        assert!(is_undetermined(&none.revocation[0]) && is_undetermined(&none.revocation[1]), "{certificate}");
        assert!(!none.verdict.is_passed(), "{certificate}");
    }
    let whole = report_of("Good.der", &["crl_0602.crl", "root.crl"], at, None);
    assert!(is_good(&whole.revocation[0]) && is_good(&whole.revocation[1]), "{whole:?}");
    let leaf_alone = report_of("Good.der", &["crl_0602.crl"], at, None);
    assert!(is_undetermined(&leaf_alone.revocation[1]) && !leaf_alone.verdict.is_passed());
    let issuer_alone = report_of("Good.der", &["root.crl"], at, None);
    assert!(is_undetermined(&issuer_alone.revocation[0]) && !issuer_alone.verdict.is_passed());
}

#[test]
fn evidence_that_was_not_known_yet_is_ignored() {
    let (at, files) = (time("2026-06-01T13:00:00Z"), ["ocsp_R_good_0531.der", "ocsp_R_revoked_0602.der"]);
    let early = report_of("Revoked.der", &files, at, Some(time("2026-06-01T13:00:00Z")));
    assert!(!matches!(early.revocation[0].revocation, RevocationStatus::Revoked { .. }), "{:?}", early.revocation[0]);
    let late = report_of("Revoked.der", &files, at, Some(time("2026-06-03T00:00:00Z")));
    assert!(matches!(late.revocation[0].revocation, RevocationStatus::Revoked { .. }), "{:?}", late.revocation[0]);
    let lists = report_of("Revoked.der", &["crl_0602.crl"], at, Some(time("2026-06-01T13:00:00Z")));
    assert_eq!(lists.revocation[0].check.code.as_str(), codes::NO_REVOCATION_EVIDENCE);
}

/// Whatever evidence is added, an answer or list that revokes is not outweighed by any number of others.
#[test]
fn no_further_evidence_makes_a_revoked_certificate_good() {
    let all: Vec<String> = std::fs::read_dir(format!("{DATA}pki-suites/revtime"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".crl") || name.starts_with("ocsp"))
        .collect();
    for revoking in ["crl_0602.crl", "ocsp_R_revoked_0602.der"] {
        for other in &all {
            for files in [[revoking, other.as_str()], [other.as_str(), revoking]] {
                let check = status("Revoked.der", &files, "2026-06-02T09:00:00Z");
                assert_eq!(check.check.outcome, Outcome::Fail, "{files:?}: {check:?}");
            }
        }
    }
}

/// PEM with any label, the base64 of DER, or DER.
fn binary(bytes: &[u8]) -> Vec<u8> {
    let Ok(text) = std::str::from_utf8(bytes) else { return bytes.to_vec() };
    let block = text
        .split_once("-----BEGIN ")
        .and_then(|(_, rest)| rest.split_once("-----END "))
        .map_or(text, |(block, _)| block);
    let body: Vec<&str> = block.lines().filter(|line| !line.contains('-') && !line.contains(':')).collect();
    let armoured = format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", body.join("\n"));
    pem::certificates(&armoured).ok().and_then(|all| all.into_iter().next()).unwrap_or_else(|| bytes.to_vec())
}

/// With SHA-1 in the registry and in the policy, as the data of 2012 needs it.
fn historic() -> (AlgorithmRegistry, SignaturePolicy) {
    let mut policy = SignaturePolicy::default_2026();
    policy.algorithms.push(AlgorithmRule {
        scheme: "sha1-rsa-".to_owned(),
        key_bits_min: 1024,
        until: time("2013-12-31T23:59:59Z"),
    });
    (AlgorithmRegistry::standard().clone().with_sha1(), policy)
}

#[test]
fn every_answer_of_the_openssl_suite_ends_as_it_says_and_as_weak_by_default() {
    let file = |name: &str| binary(&data(&format!("pki-suites/ocsp-openssl/{name}")));
    let (registry, policy) = historic();
    let mut wrong = Vec::new();
    for case in cases("ocsp-openssl") {
        let id = case["id"].as_str().unwrap();
        let intermediates: Vec<_> = strings(&case, "intermediates").into_iter().map(file).collect();
        let trust = TrustSnapshot::from_parts([file(case["trust_anchor"].as_str().unwrap())], intermediates).unwrap();
        let mut evidence = EvidenceSet::default();
        for name in strings(&case, "ocsp_responses") {
            evidence.add_ocsp(&file(name));
        }
        assert!(evidence.unusable().is_empty(), "{id}");
        let target = file(case["certificate"].as_str().unwrap());
        let at = time(case["status_at"].as_str().unwrap());
        let report = verify_certificate_with(&target, &evidence, &trust, &policy, at, None, &registry);
        let sound = report.chain.check.outcome == Outcome::Pass;
        let statuses = report.revocation.split_last().map(|(_, below)| below).unwrap_or_default();
        let good = sound && statuses.iter().all(is_good);
        let undetermined = sound && !good && statuses.iter().all(|check| is_good(check) || is_undetermined(check));
        let fits = match case["expect"].as_str().unwrap() {
            "good" => good,
            "path-error" => !sound || report.validity.outcome != Outcome::Pass,
            // One of the cases says so in the words of its origin: stale.
            _ => undetermined,
        };
        if !fits {
            wrong.push(format!("{id}: {} expected, {:?} {:?}", case["expect"], report.chain.check, report.revocation));
        }
        let default = verify_certificate(&target, &evidence, &trust, &SignaturePolicy::default_2026(), at, None);
        assert!(!default.verdict.is_passed() && !default.revocation.iter().any(is_good), "{id}: {default:?}");
        assert_eq!(default.chain.check.code.as_str(), codes::WEAK_DIGEST, "{id}");
        // The registry knows SHA-1 and the policy has no rule for it: weak as well.
        let policy = SignaturePolicy::default_2026();
        let known = verify_certificate_with(&target, &evidence, &trust, &policy, at, None, &registry);
        assert!(!known.verdict.is_passed() && !known.revocation.iter().any(is_good), "{id}: {known:?}");
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_data_of_each_day_says_what_was_known_that_day() {
    let file = |name: &str| binary(&data(&format!("pki-suites/revtime-pyhanko/time-slide/{name}")));
    let trust = TrustSnapshot::from_parts([file("certs/root.crt")], [file("certs/interm-revoked.crt")]).unwrap();
    let mut days: Vec<String> = std::fs::read_dir(format!("{DATA}pki-suites/revtime-pyhanko/time-slide"))
        .unwrap()
        .filter_map(|entry| {
            let name = entry.unwrap().file_name().into_string().unwrap();
            Some(name.strip_prefix("alice-")?.strip_suffix(".ors")?.to_owned())
        })
        .collect();
    days.sort();
    let collect = |days: &[String]| {
        let mut evidence = EvidenceSet::new(&[file("certs/interm-ocsp.crt")], &[]);
        for day in days {
            evidence.add_ocsp(&file(&format!("alice-{day}.ors")));
            evidence.add_crl(&file(&format!("root-{day}.crl")));
        }
        assert!(evidence.unusable().is_empty(), "{days:?}");
        evidence
    };
    let check = |certificate: &str, days: &[String], at: &str, known: Option<&str>| {
        let (evidence, policy) = (collect(days), SignaturePolicy::default_2026());
        let report = verify_certificate(&file(certificate), &evidence, &trust, &policy, time(at), known.map(time));
        assert_eq!(report.chain.check.outcome, Outcome::Pass, "{certificate} {at}");
        report.revocation
    };
    // Five minutes into a day, with the data of that day: nothing is revoked before December.
    for day in days.iter().filter(|day| day.as_str() < "2020-12") {
        let statuses = check("certs/alice.crt", std::slice::from_ref(day), &format!("{day}T00:05:00Z"), None);
        assert!(is_good(&statuses[0]) && is_good(&statuses[1]), "{day}: {statuses:#?}");
    }
    // With everything that has come to be known, revoked from the first of December on, and not a second earlier.
    for (at, revoked) in
        [("2020-12-10T00:05:00Z", true), ("2020-12-01T00:00:00Z", true), ("2020-11-30T23:59:59Z", false)]
    {
        let statuses = check("certs/alice.crt", &days, at, None);
        for (index, status) in statuses.iter().take(2).enumerate() {
            let is_revoked = matches!(status.revocation, RevocationStatus::Revoked { .. });
            assert_eq!(is_revoked, revoked, "certificate {index} at {at}: {status:#?}");
        }
    }
    // The old state of knowledge can be repeated with all the data at hand.
    let statuses = check("certs/alice.crt", &days, "2020-11-29T00:05:00Z", Some("2020-11-29T00:05:00Z"));
    assert!(is_good(&statuses[0]) && is_good(&statuses[1]), "{statuses:#?}");
    // What the intermediate CA had signed after its own revocation proves nobody good, though it may accuse.
    let newest = days.last().map(std::slice::from_ref).unwrap();
    let statuses = check("certs/alice.crt", newest, "2020-11-29T00:05:00Z", None);
    assert!(is_undetermined(&statuses[0]) && is_good(&statuses[1]), "{statuses:#?}");
}

#[test]
fn odd_answers_lists_and_certificates_end_in_bounded_time_and_prove_nothing() {
    let folders = ["pki-suites/pyca/ocsp", "pki-suites/pyca/custom"];
    let (trust, policy) = (
        TrustSnapshot::from_certificates([read("Root.der"), read("Issuing_CA.der")]).unwrap(),
        SignaturePolicy { require_revocation: true, ..SignaturePolicy::default_2026() },
    );
    let mut evidence = EvidenceSet::default();
    let (mut certificates, mut lists, mut answers) = (Vec::new(), 0, 0);
    for folder in folders {
        for entry in std::fs::read_dir(format!("{DATA}{folder}")).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let der = binary(&data(&format!("{folder}/{name}")));
            let started = Instant::now();
            let crl = Crl::parse(&der);
            let answer = OcspResponse::parse(&der);
            let certificate = Certificate::parse(&der);
            assert!(started.elapsed() < Duration::from_secs(1), "{name}");
            // The extension of `crl_unrecognized_extension` is not critical.
            if name.contains("unknown_crit") || name.contains("dup_entry_ext") {
                assert!(crl.as_ref().is_ok_and(|crl| crl.unusable().is_some()), "{name}");
            }
            if name.contains("bad_version") {
                assert!(crl.is_err() && answer.is_err(), "{name}");
            }
            lists += usize::from(crl.is_ok());
            answers += usize::from(answer.is_ok());
            evidence.add_crl(&der);
            evidence.add_ocsp(&der);
            if certificate.is_ok() {
                certificates.push((name, der));
            }
        }
    }
    for (_, der) in &certificates {
        evidence.add_certificate(der);
    }
    println!("{} certificates, {lists} lists, {answers} answers", certificates.len());
    let standard = AlgorithmRegistry::standard();
    let forged = Crl::parse(&binary(&data("pki-suites/pyca/custom/invalid_signature_crl.pem"))).unwrap();
    // None of them is anybody's evidence here, in this hierarchy or as anchors of their own.
    for (name, der) in &certificates {
        let certificate = Certificate::parse(der).unwrap();
        assert!(forged.verify(&certificate, standard).is_err(), "{name}");
        let at = certificate.not_before().plus_ms(1000);
        let report = verify_certificate(der, &evidence, &trust, &policy, at, None);
        assert!(!report.verdict.is_passed(), "{name}");
        if name.contains("bad") || name.contains("invalid") || name.contains("critical") {
            let others = certificates.iter().map(|(_, other)| other).filter(|other| *other != der);
            let own = TrustSnapshot::from_parts(others, []);
            let report = verify_certificate(der, &evidence, &own.unwrap(), &policy, at, None);
            assert!(!report.verdict.is_passed(), "{name}: {report:?}");
        }
    }
    let report = verify_certificate(&read("Good.der"), &evidence, &trust, &policy, time("2026-06-02T00:00:00Z"), None);
    assert!(is_undetermined(&report.revocation[0]), "{report:?}");
}

/// The CAs and roots of both national hierarchies: only tests may trust so much.
fn national_trust() -> TrustSnapshot {
    let folders = ["kz-pki/ca/prod", "kz-pki/ca/test"].map(|folder| {
        let entries = std::fs::read_dir(format!("{DATA}{folder}")).unwrap();
        entries.map(move |entry| format!("{folder}/{}", entry.unwrap().file_name().into_string().unwrap()))
    });
    let names = folders.into_iter().flatten().filter(|name| !name.contains("tsa"));
    TrustSnapshot::from_certificates(names.map(|name| data(&name))).unwrap()
}

/// Every answer is signed by the responder that came with it, which the CA of the manifest appointed; those with a
/// certificate at hand say what the manifest says.
#[test]
fn national_answers_verify_and_revoke_as_their_manifest_says() {
    let registry = AlgorithmRegistry::standard();
    let trust = national_trust();
    let users: Vec<Certificate> = std::fs::read_dir(format!("{DATA}kz-pki/user"))
        .unwrap()
        .map(|entry| Certificate::parse(&std::fs::read(entry.unwrap().path()).unwrap()).unwrap())
        .collect();
    let mut judged = 0;
    for entry in std::fs::read_dir(format!("{DATA}kz-pki/ocsp")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let response = OcspResponse::parse(&data(&format!("kz-pki/ocsp/{name}"))).unwrap();
        let responder = &response.certificates()[0];
        assert!(response.verify(responder, registry).is_ok(), "{name}");
        let issuers: Vec<_> =
            trust.intermediates().iter().filter(|ca| users.iter().any(|user| response.is_about(user, ca))).collect();
        for user in users.iter().filter(|user| issuers.iter().any(|ca| response.is_about(user, ca))) {
            let mut evidence = EvidenceSet::default();
            evidence.add_ocsp(response.der());
            // The responders of the test hierarchy have no nocheck: their own status is asked of the list of the CA.
            for entry in std::fs::read_dir(format!("{DATA}kz-pki/crl")).unwrap() {
                evidence.add_crl(&std::fs::read(entry.unwrap().path()).unwrap());
            }
            let policy = SignaturePolicy::default_2026();
            let report = verify_certificate(user.der(), &evidence, &trust, &policy, response.produced_at(), None);
            let check = &report.revocation[0];
            println!("{name}: {check:?}");
            // Never good: the manifest says revoked. Without a list that covers the responder nothing is proven.
            if name.contains("revoked") {
                assert!(!is_good(check), "{name}: {check:?}");
            }
            judged += 1;
        }
    }
    assert!(judged > 0);
}

/// The delta of the national authority names the number of its full list and counts itself apart: together they speak
/// for a time, with a remark; the delta alone does not.
#[test]
fn a_national_full_list_and_its_delta_speak_together() {
    let (trust, policy) = (national_trust(), SignaturePolicy::default_2026());
    let full = data("kz-pki/crl/nca_gost_test_2022_20250429.crl");
    let delta = data("kz-pki/crl/nca_gost_test_2022_delta_20250429.crl");
    let at = time("2025-05-01T00:00:00Z");
    let of = |name: &str, lists: &[&Vec<u8>]| {
        let lists: Vec<Vec<u8>> = lists.iter().map(|list| (*list).clone()).collect();
        let evidence = EvidenceSet::new(&[], &lists);
        verify_certificate(&data(name), &evidence, &trust, &policy, at, None).revocation[0].clone()
    };
    let revoked = "kz-pki/user/gost2015_legal-head_sign_20241029_72218d.cer";
    let sound = "kz-pki/user/gost2015_individual_sign_20241029_4b6f24.cer";
    let both = of(sound, &[&full, &delta]);
    assert_eq!((both.source, both.revocation), (RevocationSource::CrlWithDelta, RevocationStatus::Good), "{both:?}");
    assert_eq!(both.check.code.as_str(), codes::DELTA_OUT_OF_SEQUENCE);
    assert_eq!(of(revoked, &[&delta, &full]).check.code.as_str(), codes::REVOKED);
    assert_eq!(of(sound, &[&full]).check.code.as_str(), codes::FRESHEST_CRL_ABSENT);
    for name in [revoked, sound] {
        assert!(is_undetermined(&of(name, &[&delta])), "{name}");
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(128))]

    /// Whatever bit is flipped in whatever evidence, it proves nothing any more.
    #[test]
    fn any_single_bit_flip_in_evidence_takes_its_force(file in 0_usize..6, at in 0_usize..65536, bit in 0_u8..8) {
        let files = [
            "ocsp_A_direct_0520.der", "ocsp_good_0520.der", "ocsp_A_sha1_certid_0520.der", "crl_0602.crl",
            "ocsp_A_no_nextupdate_0520.der", "crl_0530.crl",
        ];
        let mut bytes = read(files[file]);
        let at = at % bytes.len();
        bytes[at] ^= 1 << bit;
        let mut evidence = EvidenceSet::new(&[], std::slice::from_ref(&bytes));
        evidence.add_ocsp(&bytes);
        let trust = TrustSnapshot::from_certificates([read("Root.der"), read("Issuing_CA.der")]).unwrap();
        let policy = SignaturePolicy::default_2026();
        let moment = time("2026-05-20T00:00:00Z");
        let report = verify_certificate(&read("Good.der"), &evidence, &trust, &policy, moment, None);
        proptest::prop_assert_eq!(report.revocation[0].revocation, RevocationStatus::Unknown);
    }
}
