//! Timestamps: third-party answers (`pki-suites/tsp`, the national tokens of `kz-pki`), and signatures with tokens of an
//! authority that OpenSSL plays here.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

#[path = "signature_timestamp/authority.rs"]
mod authority;
#[path = "signature_timestamp/der.rs"]
mod der;
#[path = "signature_timestamp/records.rs"]
mod records;
#[path = "signature_timestamp/signatures.rs"]
mod signatures;

use ledger_core::pki::pem;
use ledger_core::pki::report::codes;
use ledger_core::signature::report::TimeProof;
use ledger_core::signature::timestamp::{
    MessageImprint, Stamped, TimestampError, TimestampInput, TimestampReport, request, token_of_response,
    verify_timestamp,
};
use ledger_core::signature::{EvidenceSet, Outcome, SignaturePolicy, TrustSnapshot, Verdict, VerifyInput, verify};
use proptest::prelude::*;
use serde_json::Value;

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/");

fn read(name: &str) -> Vec<u8> {
    std::fs::read(format!("{DATA}{name}")).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn suite(name: &str) -> Vec<u8> {
    read(&format!("pki-suites/tsp/{name}"))
}

fn pem_chain(name: &str) -> Vec<Vec<u8>> {
    pem::certificates(&String::from_utf8(suite(name)).unwrap()).unwrap()
}

/// No status lists come with these tokens.
fn policy() -> SignaturePolicy {
    SignaturePolicy { require_revocation: false, ..SignaturePolicy::default_2026() }
}

/// The token of a response, or the bytes themselves when they are one already. Reads no more than that.
fn bare(bytes: &[u8]) -> Vec<u8> {
    let outer = der::children(der::value(bytes));
    if bytes[der::header_length(bytes)] == 0x30 { outer[1].to_vec() } else { bytes.to_vec() }
}

/// Algorithm and digest of a request.
fn imprint_of(request: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let fields = der::children(der::value(request));
    let imprint = der::children(der::value(fields[1]));
    (imprint[0].to_vec(), der::value(imprint[1]).to_vec())
}

/// A second opinion about request, response and chain.
fn openssl_agrees(case: &Value) -> bool {
    let path = |name: &str| format!("{DATA}pki-suites/tsp/{}", case[name].as_str().unwrap());
    let arguments = ["-queryfile", &path("request"), "-in", &path("response"), "-CAfile", &path("chain")];
    let output = std::process::Command::new("openssl").args(["ts", "-verify"]).args(arguments).output().unwrap();
    output.status.success()
}

fn check(token: &[u8], stamped: Stamped<'_>, trust: &TrustSnapshot, evidence: &EvidenceSet) -> TimestampReport {
    verify_timestamp(&TimestampInput { token, stamped, evidence, trust, policy: &policy(), known_until: None })
}

/// Somebody else's root: nothing of the suite leads there.
fn foreign_trust() -> TrustSnapshot {
    TrustSnapshot::from_certificates([read("kz-pki/ca/prod/root_rsa_2020.cer")]).unwrap()
}

fn signature_holds(report: &TimestampReport) -> bool {
    let named = matches!(report.signing_certificate_attr.outcome, Outcome::Pass | Outcome::Warning);
    report.integrity.outcome == Outcome::Pass && named
}

#[test]
fn every_answer_of_other_authorities_is_judged_as_the_suite_says() {
    let cases: Value = serde_json::from_slice(&suite("cases.json")).unwrap();
    for case in cases["cases"].as_array().unwrap() {
        let id = case["id"].as_str().unwrap();
        let response = suite(case["response"].as_str().unwrap());
        let asked = case["request"].as_str().map(suite);
        let chain = case["chain"].as_str().map(pem_chain);
        let trust = chain.as_ref().map_or_else(foreign_trust, |chain| TrustSnapshot::from_certificates(chain).unwrap());
        let token = bare(&response);
        let answered = asked.as_ref().map(|asked| token_of_response(asked, &response));
        let (algorithm, value) = asked.as_deref().map(imprint_of).unwrap_or_default();
        let stamped = Stamped::Digest { algorithm: &algorithm, value: &value };
        let report = check(&token, stamped, &trust, &EvidenceSet::default());
        match case["expect"].as_str().unwrap() {
            "valid" if openssl_agrees(case) => {
                assert_eq!(answered, Some(Ok(token)), "{id}");
                assert_eq!(report.verdict, Verdict::Passed, "{id}: {report:#?}");
            }
            "invalid" => {
                assert!(!report.verdict.is_passed(), "{id}: {report:#?}");
                let refused = matches!(answered, Some(Err(_)));
                assert!(refused || matches!(report.verdict, Verdict::Failed(_)), "{id}: {report:#?}");
            }
            // One "valid" case pairs a request with an answer that has another nonce, and a chain with a token that is not
            // of it: the token holds, the exchange does not (RFC 3161 2.4.2), and OpenSSL refuses too.
            "valid" | "signature-valid" | "expired-certificate" => {
                assert!(signature_holds(&report), "{id}: {report:#?}");
            }
            "valid-if-certificate-supplied" => {
                let none = EvidenceSet::default();
                let without = check(&token, stamped, &foreign_trust(), &none);
                assert_eq!(without.integrity.code.as_str(), codes::NOT_REACHED, "{id}: {without:#?}");
                assert_eq!(without.chain.check.code.as_str(), codes::SIGNER_CERTIFICATE_MISSING, "{id}");
                assert!(!without.verdict.is_passed(), "{id}");
                // Supplied as evidence, or known beforehand. The imprint is not what the case is about.
                let evidence = EvidenceSet::new(&chain.unwrap(), &[]);
                assert!(signature_holds(&check(&token, stamped, &foreign_trust(), &evidence)), "{id}");
                assert!(signature_holds(&report) && report.chain.check.outcome == Outcome::Pass, "{id}: {report:#?}");
            }
            // Certificates that nobody signed for are in the token: the authority is the one that the chain knows.
            "see-why" => {
                assert!(signature_holds(&report), "{id}: {report:#?}");
                assert_eq!(report.chain.check.outcome, Outcome::Pass, "{id}: {report:#?}");
                assert_eq!(report.verdict, Verdict::Passed, "{id}: {report:#?}");
            }
            other => panic!("{id}: {other}"),
        }
    }
}

#[test]
fn a_fraction_of_a_second_and_an_accuracy_are_read_from_a_qualified_token() {
    let token = bare(&suite("dss/disig.tst"));
    let report = check(&token, Stamped::Bytes(b""), &foreign_trust(), &EvidenceSet::default());
    // `openssl ts -reply -token_in -text`: Apr 12 09:00:32.613 2019 GMT, accuracy 0x01F4 millis.
    assert_eq!(report.gen_time.unwrap().to_string(), "2019-04-12T09:00:32.613Z");
    assert_eq!(report.latest.unwrap().to_string(), "2019-04-12T09:00:33.113Z");
    assert_eq!(report.imprint_check.code.as_str(), codes::TIMESTAMP_IMPRINT);
    assert!(!report.verdict.is_passed());
}

#[test]
fn a_request_reads_in_openssl_as_it_was_meant() {
    let imprint = MessageImprint::sha256(b"a signature value");
    let der = request(&imprint, Some(0xfedc_ba98_7654_3210), Some("1.2.398.3.3.2.6.4"), true).unwrap();
    let scratch = authority::Scratch::new("request");
    let path = scratch.write("request.tsq", &der);
    let text = authority::openssl(&["ts", "-query", "-in", path.to_str().unwrap(), "-text"]);
    let text = String::from_utf8(text).unwrap();
    for expected in ["Version: 1", "sha256", "1.2.398.3.3.2.6.4", "0xFEDCBA9876543210", "Certificate required: yes"] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    assert!(matches!(request(&imprint, None, Some("1.2.x"), false), Err(TimestampError::ObjectIdentifier { .. })));
    assert!(MessageImprint::new("", b"").is_err());
}

#[test]
fn an_answer_to_another_question_or_a_refusal_gives_no_token() {
    let response = suite("rfc3161-client/test_tsa/response.tsr");
    let asked = suite("rfc3161-client/test_tsa/request.der");
    let (algorithm, digest) = imprint_of(&asked);
    let sha512 = "2.16.840.1.101.3.4.2.3";
    assert!(algorithm.ends_with(&[0x05, 0x00]), "the suite writes NULL parameters");
    let imprint = MessageImprint::new(sha512, &digest).unwrap();
    // OpenSSL prints the nonce of the response: 0x36A44F9F4A391FD3, policy 1.3.6.1.4.1.57264.2.
    let nonce = Some(0x36A4_4F9F_4A39_1FD3);
    let ask = |imprint: &MessageImprint, nonce, policy| {
        token_of_response(&request(imprint, nonce, policy, false).unwrap(), &response)
    };
    assert_eq!(ask(&imprint, nonce, Some("1.3.6.1.4.1.57264.2")), Ok(bare(&response)));
    assert_eq!(ask(&imprint, nonce, Some("1.3.6.1.4.1.57264.3")), Err(TimestampError::Policy));
    assert_eq!(ask(&imprint, Some(1), None), Err(TimestampError::Nonce));
    assert_eq!(ask(&imprint, None, None), Err(TimestampError::Nonce));
    assert_eq!(ask(&MessageImprint::sha256(b"x"), nonce, None), Err(TimestampError::Imprint));
    assert_eq!(ask(&MessageImprint::new(sha512, &[0; 64]).unwrap(), nonce, None), Err(TimestampError::Imprint));
    // The same answer, its status changed from granted.
    let mut refused = response.clone();
    let status = response.windows(5).position(|bytes| bytes == [0x30, 3, 2, 1, 0]).unwrap();
    refused[status + 4] = 2;
    assert_eq!(token_of_response(&asked, &refused), Err(TimestampError::NotGranted { status: 2, failure_info: None }));
    refused[status + 4] = 1;
    assert_eq!(token_of_response(&asked, &refused), Ok(bare(&response)), "granted with modifications");
    assert!(matches!(token_of_response(&asked, &[]), Err(TimestampError::Response { .. })));
    assert!(matches!(token_of_response(&response, &response), Err(TimestampError::Request { .. })));
    assert_eq!(token_of_response(&asked, &vec![0; 300_000]), Err(TimestampError::TooLong { bytes: 300_000 }));
}

fn certificates(folder: &str) -> Vec<Vec<u8>> {
    let entries = std::fs::read_dir(format!("{DATA}kz-pki/ca/{folder}")).unwrap();
    entries.map(|entry| std::fs::read(entry.unwrap().path()).unwrap()).collect()
}

/// `kz-pki`, MANIFEST: token signature, imprint over the signature value; chain to the production root.
#[test]
fn the_national_token_of_2026_verifies_over_its_signature() {
    let trust = TrustSnapshot::from_certificates(certificates("prod")).unwrap();
    let none = EvidenceSet::default();
    let signature = der::signature_value(&read("kz-pki/cms/gost2015_individual_attached_cades-t.der"));
    let token = read("kz-pki/tsp/gost2015_prod_token.der");
    let report = check(&token, Stamped::Bytes(&signature), &trust, &none);
    assert_eq!(report.verdict, Verdict::Passed, "{report:#?}");
    assert_eq!(report.policy.as_deref(), Some("1.2.398.3.3.2.6.4"));
    let report = check(&token, Stamped::Bytes(b"another signature"), &trust, &none);
    assert_eq!(report.imprint_check.code.as_str(), codes::TIMESTAMP_IMPRINT);
    assert!(!report.verdict.is_passed());
    let test_only = TrustSnapshot::from_certificates(certificates("test")).unwrap();
    let report = check(&token, Stamped::Bytes(&signature), &test_only, &none);
    assert!(matches!(report.verdict, Verdict::Indeterminate(_)), "{report:#?}");
}

#[test]
fn the_national_token_of_2004_holds_although_its_authority_is_not_trusted_any_more() {
    let trust = TrustSnapshot::from_certificates(certificates("test")).unwrap();
    let report =
        check(&read("kz-pki/tsp/gost2004_test_token.der"), Stamped::Bytes(b""), &trust, &EvidenceSet::default());
    assert!(signature_holds(&report) || report.integrity.code.as_str() == codes::NOT_REACHED, "{report:#?}");
    assert!(!report.verdict.is_passed());
}

/// `kz-pki`, MANIFEST: the signer's chain ends at the test root, that of the authority at the production root.
#[test]
fn a_national_signature_is_timestamped_under_another_root_than_its_own() {
    let both: Vec<_> = certificates("prod").into_iter().chain(certificates("test")).collect();
    let document = read("kz-pki/cms/individual.txt");
    for name in ["attached", "detached"] {
        let signature = read(&format!("kz-pki/cms/gost2015_individual_{name}_cades-t.der"));
        let late = "2027-01-01T00:00:00.000Z".parse().unwrap();
        let judge = |certificates: &[Vec<u8>]| {
            verify(&VerifyInput {
                document: &document,
                signature: &signature,
                evidence: &EvidenceSet::default(),
                trust: &TrustSnapshot::from_certificates(certificates).unwrap(),
                policy: &policy(),
                signing_time: late,
                receipt_time: late,
                known_until: None,
                document_type: None,
            })
        };
        let report = judge(&both);
        let [token] = report.timestamps.as_slice() else { panic!("{name}: {report:#?}") };
        let at = token.latest.unwrap();
        let one = &report.signatures[0];
        assert_eq!(one.best_signature_time, TimeProof::Timestamp { at, token: token.id }, "{name}: {report:#?}");
        assert_eq!(one.certificate_validity_at.at_signing.outcome, Outcome::Pass, "{name}");
        assert!(at < late && one.claimed_signing_time.unwrap() <= at, "{name}");
        // Under the signer's root alone the token cannot be judged, and the receipt counts.
        let report = judge(&certificates("test"));
        assert_eq!(report.signatures[0].best_signature_time, TimeProof::Receipt { at: late }, "{name}");
        assert_eq!(report.signatures[0].timestamp.code.as_str(), codes::TIMESTAMP_NOT_COUNTED, "{name}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Pitfalls 10, 11 and 20.
    #[test]
    fn a_changed_or_cut_token_never_panics_and_never_says_anything_else(
        at: prop::sample::Index, byte: u8, cut: prop::sample::Index,
    ) {
        let asked = suite("rfc3161-client/test_tsa/request.der");
        let response = suite("rfc3161-client/test_tsa/response.tsr");
        let chain = pem_chain("rfc3161-client/test_tsa/ts_chain.pem");
        let trust = TrustSnapshot::from_certificates(&chain).unwrap();
        let (algorithm, value) = imprint_of(&asked);
        let stamped = Stamped::Digest { algorithm: &algorithm, value: &value };
        let evidence = EvidenceSet::default();
        let original = bare(&response);
        let clean = check(&original, stamped, &trust, &evidence);
        let mut changed = original.clone();
        changed[at.index(original.len())] = byte;
        let report = check(&changed, stamped, &trust, &evidence);
        // What is not signed may change (a certificate beside the authority's, versions): the statement may not.
        if report.verdict.is_passed() {
            prop_assert_eq!(
                (report.gen_time, report.latest, &report.policy, &report.serial, &report.certificate),
                (clean.gen_time, clean.latest, &clean.policy, &clean.serial, &clean.certificate)
            );
        }
        prop_assert!(!check(&original[..cut.index(original.len())], stamped, &trust, &evidence).verdict.is_passed());
        let mut changed = response.clone();
        changed[at.index(response.len())] = byte;
        let _ = token_of_response(&asked, &changed);
        let _ = token_of_response(&changed, &response);
        prop_assert!(token_of_response(&asked, &response[..cut.index(response.len())]).is_err());
    }
}
