//! Our own corner cases of CMS (`pki-suites/cms-corner`): every algorithm and packaging, and hostile structures.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test that cannot go on has failed"
)]

#[path = "signature_timestamp/der.rs"]
#[expect(dead_code, reason = "shared with the tests of timestamps")]
mod der;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ledger_core::pki::alg::{AlgorithmRegistry, DigestScheme};
use ledger_core::pki::report::{RevocationSource, RevocationStatus, codes};
use ledger_core::signature::report::TimeProof;
use ledger_core::signature::timestamp::{
    MessageImprint, Stamped, TimestampError, TimestampInput, request, token_of_response, verify_timestamp,
};
use ledger_core::signature::{
    EvidenceSet, Outcome, SignaturePolicy, SignatureReport, SubCode, TrustSnapshot, Verdict, VerificationReport,
    VerifyInput, verify, verify_certificate, verify_with,
};
use ledger_core::time::Timestamp;
use proptest::prelude::*;
use serde_json::Value;

const SUITE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/pki-suites/cms-corner/");

fn read(name: &str) -> Vec<u8> {
    std::fs::read(format!("{SUITE}{name}")).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn document() -> Vec<u8> {
    read("docs/doc.txt")
}

/// The content inside an attached message, by OpenSSL without looking at signatures: an independent reader.
fn eaten(name: &str) -> Vec<u8> {
    let path = format!("{SUITE}{name}");
    let arguments = ["cms", "-verify", "-noverify", "-nosigs", "-binary", "-inform", "DER", "-in", &path];
    let output = std::process::Command::new("openssl").args(arguments).output().unwrap();
    assert!(!output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn text(report: &VerificationReport) -> String {
    serde_json::to_string(report).unwrap()
}

struct World {
    cases: Value,
    trust: TrustSnapshot,
    evidence: EvidenceSet,
    at: Timestamp,
}

impl World {
    fn new() -> Self {
        let cases: Value = serde_json::from_slice(&read("cases.json")).unwrap();
        let at = cases["verification_time"].as_str().unwrap().replace('Z', ".000Z").parse().unwrap();
        Self {
            trust: TrustSnapshot::from_certificates([read("pki/root.der"), read("pki/int.der")]).unwrap(),
            evidence: EvidenceSet::new(&[], &[read("pki/int.crl"), read("pki/root.crl")]),
            cases,
            at,
        }
    }

    fn verify(&self, document: &[u8], signature: &[u8]) -> VerificationReport {
        self.verify_by(&SignaturePolicy::default_2026(), document, signature)
    }

    fn verify_by(&self, policy: &SignaturePolicy, document: &[u8], signature: &[u8]) -> VerificationReport {
        verify(&VerifyInput {
            document,
            signature,
            evidence: &self.evidence,
            trust: &self.trust,
            policy,
            signing_time: self.at,
            receipt_time: self.at,
            known_until: None,
            document_type: None,
        })
    }
}

/// Integrity in the suite's sense: does the mathematics bind the content to the signer's key.
fn integrity(report: &SignatureReport) -> &'static str {
    let checks = &report.integrity;
    let outcomes = [&checks.content_type, &checks.message_digest, &checks.signature_value].map(|check| check.outcome);
    if outcomes.contains(&Outcome::Fail) {
        "fail"
    } else if outcomes.contains(&Outcome::Indeterminate) {
        "indeterminate"
    } else {
        "pass"
    }
}

fn has_warning(report: &SignatureReport) -> bool {
    let checks = [&report.integrity.signed_attrs_der, &report.signer.signing_certificate_attr, &report.algorithms];
    checks.iter().any(|check| check.outcome == Outcome::Warning)
}

#[test]
fn every_corner_case_ends_as_the_suite_says() {
    let world = World::new();
    let document = document();
    let mut seen = 0;
    for case in world.cases["cms"].as_array().unwrap() {
        let id = case["id"].as_str().unwrap();
        let signature = read(case["file"].as_str().unwrap());
        // An attached message is verified against the document that the ledger has: here the one inside.
        let attached = case["detached"].is_null();
        let readable = attached && id != "NEG_ber_octet_bomb";
        let inner = if readable { eaten(&format!("cms/{id}.p7s")) } else { document.clone() };
        let report = world.verify(&inner, &signature);
        let expected: Vec<&str> =
            case["integrity_per_signer"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        let actual: Vec<&str> = report.signatures.iter().map(integrity).collect();
        assert_eq!(actual, expected, "{id}: {}", text(&report));
        let policy = case["default_policy"].as_str().unwrap();
        let as_expected = match policy {
            "accept" => report.overall == Verdict::Passed,
            // `unsorted_sig_der` as delivered is in DER order (its encoder sorted it), so there is nothing to remark.
            "warn" => {
                report.overall == Verdict::Passed && (has_warning(&report.signatures[0]) || id == "unsorted_sig_der")
            }
            "reject" => matches!(report.overall, Verdict::Failed(_)),
            "indeterminate" => matches!(report.overall, Verdict::Indeterminate(_)),
            "revoked" => report.overall == Verdict::Failed(SubCode::Revoked),
            // The token is sound and about something else: it is ignored, and the signature is judged without it.
            "timestamp-invalid" => {
                let one = &report.signatures[0];
                report.timestamps_of(one).any(|token| token.imprint_check.code.as_str() == codes::TIMESTAMP_IMPRINT)
                    && one.timestamp.code.as_str() == codes::TIMESTAMP_NOT_COUNTED
                    && matches!(one.best_signature_time, TimeProof::Receipt { .. })
                    && report.overall == Verdict::Passed
            }
            other => panic!("{id}: {other}"),
        };
        assert!(as_expected, "{id} should be {policy}: {}", text(&report));
        seen += 1;
    }
    assert_eq!(seen, world.cases["cms"].as_array().unwrap().len());
}

/// Pitfall 6.
#[test]
fn every_timestamp_answer_ends_as_the_suite_says() {
    let world = World::new();
    let policy = SignaturePolicy::default_2026();
    for case in world.cases["timestamps"].as_array().unwrap() {
        let name = case["response"].as_str().unwrap();
        let (response, data) = (read(name), read(case["data"].as_str().unwrap()));
        let question = std::fs::read(format!("{SUITE}{}", name.replace(".tsr", ".tsq")));
        let question = question.unwrap_or_else(|_| request(&MessageImprint::sha256(&data), None, None, true).unwrap());
        let answer = token_of_response(&question, &response);
        let verify = |token: &[u8], bytes: &[u8]| {
            let stamped = Stamped::Bytes(bytes);
            let (evidence, trust) = (&world.evidence, &world.trust);
            verify_timestamp(&TimestampInput { token, stamped, evidence, trust, policy: &policy, known_until: None })
        };
        match case["expect"].as_str().unwrap() {
            "valid" => {
                let token = answer.unwrap();
                let report = verify(&token, &data);
                assert_eq!(report.verdict, Verdict::Passed, "{name}: {report:#?}");
                assert_eq!(verify(&token, b"other data").imprint_check.code.as_str(), codes::TIMESTAMP_IMPRINT);
            }
            "rejected-by-tsa" => assert!(matches!(answer, Err(TimestampError::NotGranted { status: 2, .. })), "{name}"),
            "invalid" => {
                assert!(answer.map_or(true, |token| !verify(&token, &data).verdict.is_passed()), "{name}");
            }
            other => panic!("{name}: {other}"),
        }
    }
}

/// Pitfall 12: who may answer for a certificate, and about which one an answer is.
#[test]
fn every_ocsp_answer_ends_as_the_suite_says() {
    let world = World::new();
    for case in world.cases["ocsp"].as_array().unwrap() {
        let [response, certificate] = ["response", "certificate"].map(|member| case[member].as_str().unwrap());
        // The answers are about leaves; the list of the root is for the intermediate.
        let mut evidence = EvidenceSet::new(&[], &[read("pki/root.crl")]);
        evidence.add_ocsp(&read(response));
        let policy = SignaturePolicy::default_2026();
        let report = verify_certificate(&read(certificate), &evidence, &world.trust, &policy, world.at, None);
        let status = &report.revocation[0];
        let expected = case["expect"].as_str().unwrap();
        let as_expected = match expected {
            "good" => status.revocation == RevocationStatus::Good && status.source == RevocationSource::Ocsp,
            "revoked" => matches!(status.revocation, RevocationStatus::Revoked { .. }),
            "undetermined" => status.revocation == RevocationStatus::Unknown && !report.verdict.is_passed(),
            other => panic!("{response}: {other}"),
        };
        assert!(as_expected, "{response} about {certificate} should be {expected}: {report:#?}");
    }
}

/// An answer carried in the message counts as one that was collected (RFC 5940), and is trusted for nothing.
#[test]
fn an_ocsp_answer_inside_the_message_helps_like_one_beside_it() {
    let mut world = World::new();
    let cms = read("cms/rsa_cades.p7s");
    let info = der::children(der::value(&cms));
    let fields = der::children(der::value(der::value(info[1])));
    let with_answer = |response: &str| {
        let oid = der::tlv(6, &[&[0x2b, 6, 1, 5, 5, 7, 16, 2]]);
        let revocation = der::tlv(0xa1, &[&der::tlv(0xa1, &[&oid, &read(response)])]);
        let changed = [fields[..4].concat(), revocation, fields[4..].concat()].concat();
        der::tlv(0x30, &[info[0], &der::tlv(0xa0, &[&der::tlv(0x30, &[&changed])])])
    };
    world.evidence = EvidenceSet::new(&[], &[read("pki/root.crl")]);
    assert!(matches!(world.verify(&document(), &cms).overall, Verdict::Indeterminate(_)));
    let report = world.verify(&document(), &with_answer("ocsp/rsa.ocspresp"));
    assert_eq!(report.overall, Verdict::Passed, "{}", text(&report));
    let report = world.verify(&document(), &with_answer("ocsp/rsa.badresponder.ocspresp"));
    assert!(matches!(report.overall, Verdict::Indeterminate(_)), "{}", text(&report));
}

/// Pitfall 9 among others.
#[test]
fn failing_checks_are_the_ones_the_suite_names() {
    let world = World::new();
    let document = document();
    for case in world.cases["cms"].as_array().unwrap() {
        let Some(failing) = case["failing_check"].as_str() else { continue };
        let id = case["id"].as_str().unwrap();
        let report = world.verify(&document, &read(case["file"].as_str().unwrap()));
        let code = match (failing, report.signatures.first()) {
            ("parse", None) => report.format.code.clone(),
            ("message-digest", Some(one)) => one.integrity.message_digest.code.clone(),
            ("content-type", Some(one)) => one.integrity.content_type.code.clone(),
            ("signer-certificate", Some(one)) => one.signer.check.code.clone(),
            ("weak-digest", Some(one)) => one.algorithms.code.clone(),
            (_, Some(one)) => one.integrity.signature_value.code.clone(),
            (_, None) => panic!("{id}: {}", text(&report)),
        };
        let expected = if failing == "message-digest" { codes::MESSAGE_DIGEST_ATTRIBUTE } else { failing };
        assert_eq!(code.as_str(), expected, "{id}: {}", text(&report));
    }
}

/// Pitfall 1.
#[test]
fn a_signature_algorithm_of_another_key_type_is_refused_not_tried() {
    let world = World::new();
    for id in ["NEG_p256key_as_rsa", "pss_key"] {
        let report = world.verify(&document(), &read(&format!("cms/{id}.p7s")));
        assert_eq!(report.signatures[0].integrity.signature_value.code.as_str(), codes::KEY_ALGORITHM_MISMATCH, "{id}");
        assert_eq!(report.overall, Verdict::Failed(SubCode::SigCryptoFailure), "{id}");
    }
}

/// Pitfall 2.
#[test]
fn a_signature_without_signed_attributes_is_refused_although_its_mathematics_holds() {
    let world = World::new();
    let report = world.verify(&document(), &read("cms/rsa_noattr.p7s"));
    assert_eq!(report.signatures[0].format.code.as_str(), codes::SIGNED_ATTRIBUTES_MISSING);
    assert_eq!(report.signatures[0].integrity.signature_value.outcome, Outcome::Pass);
    assert_eq!(report.overall, Verdict::Failed(SubCode::FormatFailure));
}

/// Pitfall 2, the other side: a document that is itself a set of attributes.
#[test]
fn a_document_that_reads_as_signed_attributes_is_refused() {
    let world = World::new();
    let stripped = read("cms/NEG_attr_strip_attached.p7s");
    let inner = eaten("cms/NEG_attr_strip_attached.p7s");
    let report = world.verify(&inner, &stripped);
    assert_eq!(report.format.code.as_str(), codes::DOCUMENT_LOOKS_LIKE_ATTRIBUTES);
    assert!(matches!(report.overall, Verdict::Failed(_)));
}

/// Pitfall 3.
#[test]
fn the_document_is_the_ledgers_and_never_the_one_inside_the_signature() {
    let world = World::new();
    let attached = read("cms/rsa_att.p7s");
    let inside = eaten("cms/rsa_att.p7s");
    assert_eq!(world.verify(&inside, &attached).overall, Verdict::Passed);
    let report = world.verify(b"another document", &attached);
    assert_eq!(report.format.code.as_str(), codes::CONTENT_DIFFERS);
    assert_eq!(report.overall, Verdict::Failed(SubCode::HashFailure));
    let report = world.verify(b"another document", &read("cms/rsa_cades.p7s"));
    assert_eq!(report.overall, Verdict::Failed(SubCode::HashFailure));
}

/// Pitfalls 7 and 8: only the given moments count; the two are judged apart.
#[test]
fn the_times_that_count_are_given_and_each_has_a_result_of_its_own() {
    let world = World::new();
    let (document, signature) = (document(), read("cms/rsa_cades.p7s"));
    let policy = SignaturePolicy::default_2026();
    let input = VerifyInput {
        document: &document,
        signature: &signature,
        evidence: &world.evidence,
        trust: &world.trust,
        policy: &policy,
        signing_time: world.at,
        receipt_time: "2060-01-01T00:00:00.000Z".parse().unwrap(),
        known_until: None,
        document_type: None,
    };
    let report = verify(&input);
    let one = &report.signatures[0];
    assert!(one.claimed_signing_time.is_some());
    assert_eq!(one.certificate_validity_at.at_signing.outcome, Outcome::Pass);
    assert_eq!(one.certificate_validity_at.at_receipt.code.as_str(), codes::EXPIRED);
    assert!(matches!(report.overall, Verdict::Failed(_)));
    let early = verify(&VerifyInput { signing_time: "2001-01-01T00:00:00.000Z".parse().unwrap(), ..input });
    assert_eq!(early.signatures[0].certificate_validity_at.at_signing.code.as_str(), codes::NOT_YET_VALID);
}

#[test]
fn attributes_out_of_der_order_are_accepted_in_the_sorted_form_with_a_warning() {
    let world = World::new();
    let sorted = read("cms/unsorted_sig_der.p7s");
    // contentType (26 bytes) and signingTime (30 bytes) stand one after the other; put the second first.
    let at =
        sorted.windows(13).position(|bytes| bytes == b"\x30\x18\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x03").unwrap();
    let mut unsorted = sorted.clone();
    unsorted[at..at + 56].rotate_left(26);
    assert_ne!(unsorted, sorted);
    let report = world.verify(&document(), &unsorted);
    assert_eq!(report.signatures[0].integrity.signed_attrs_der.code.as_str(), codes::ATTRIBUTES_NOT_DER);
    assert_eq!(report.overall, Verdict::Passed);
    // A third form is not tried: an attribute changed in place stays refused.
    unsorted[at + 40] ^= 1;
    assert_ne!(world.verify(&document(), &unsorted).overall, Verdict::Passed);
}

/// Pitfall 11.
#[test]
fn bytes_after_a_signature_are_refused() {
    let world = World::new();
    let mut signature = read("cms/rsa_cades.p7s");
    signature.push(0);
    let report = world.verify(&document(), &signature);
    assert_eq!(report.overall, Verdict::Failed(SubCode::FormatFailure));
}

/// Pitfall 14.
#[test]
fn without_evidence_a_status_is_indeterminate_and_never_good() {
    let mut world = World::new();
    let (document, signature) = (document(), read("cms/rsa_cades.p7s"));
    let all = std::mem::take(&mut world.evidence);
    let report = world.verify(&document, &signature);
    assert_eq!(report.overall, Verdict::Indeterminate(SubCode::TryLater));
    let statuses = &report.signatures[0].revocation_at.at_signing;
    let codes_of: Vec<_> = statuses.iter().map(|status| status.check.code.as_str()).collect();
    assert_eq!(codes_of, [codes::NO_REVOCATION_EVIDENCE, codes::NO_REVOCATION_EVIDENCE, codes::TRUST_ANCHOR]);
    // A policy may do without, and then says so.
    let lenient = SignaturePolicy { require_revocation: false, ..SignaturePolicy::default_2026() };
    let report = world.verify_by(&lenient, &document, &signature);
    assert_eq!(report.overall, Verdict::Passed);
    // The leaf alone is not enough: the intermediate needs a status too.
    world.evidence = EvidenceSet::new(&[], &[read("pki/int.crl")]);
    assert_eq!(world.verify(&document, &signature).overall, Verdict::Indeterminate(SubCode::TryLater));
    world.evidence = all;
    assert_eq!(world.verify(&document, &signature).overall, Verdict::Passed);
}

/// Pitfall 14.
#[test]
fn without_the_anchor_no_path_is_found_and_the_verdict_is_indeterminate() {
    let mut world = World::new();
    let foreign = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/kz-pki/ca/prod/root_rsa_2020.cer");
    world.trust = TrustSnapshot::from_certificates([std::fs::read(foreign).unwrap()]).unwrap();
    let report = world.verify(&document(), &read("cms/rsa_cades.p7s"));
    assert_eq!(report.overall, Verdict::Indeterminate(SubCode::NoCertificateChainFound));
}

/// Pitfall 15.
#[test]
fn a_timestamping_certificate_may_not_sign_documents() {
    let world = World::new();
    let report = world.verify(&document(), &read("cms/tsa_as_signer.p7s"));
    assert_eq!(report.signatures[0].key_usage.code.as_str(), codes::KEY_USAGE);
    assert_eq!(report.signatures[0].integrity.signature_value.outcome, Outcome::Pass);
}

#[test]
fn reports_are_canonical_and_the_same_every_time() {
    let world = World::new();
    for name in ["rsa_cades", "rev_cades", "NEG_ber_octet_bomb", "rsa_nocerts", "sha1", "ed_cades"] {
        let signature = read(&format!("cms/{name}.p7s"));
        let report = world.verify(&document(), &signature);
        let bytes = report.to_canonical_bytes().unwrap();
        ledger_core::canonical::check_any_length(&bytes).unwrap();
        assert_eq!(serde_json::from_slice::<VerificationReport>(&bytes).unwrap(), report, "{name}");
        assert_eq!(world.verify(&document(), &signature).digest().unwrap(), report.digest().unwrap(), "{name}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn a_flipped_bit_in_document_or_signed_part_never_passes(at: prop::sample::Index, bit in 0_u8..8, which in 0_usize..4) {
        let world = World::new();
        let name = ["rsa_cades", "ed_cades", "p256_det", "rsa_pss"][which];
        let original = (document(), read(&format!("cms/{name}.p7s")));
        let (mut document, mut signature) = original.clone();
        let whole = document.len() + signature.len();
        let at = at.index(whole);
        match at.checked_sub(document.len()) {
            None => document[at] ^= 1 << bit,
            Some(at) => signature[at] ^= 1 << bit,
        }
        let clean = world.verify(&original.0, &original.1);
        let report = world.verify(&document, &signature);
        // What a flip may reach without breaking anything is not signed: the hint list of digest algorithms, a
        // carried certificate that is not the signer's, versions, NULL parameters. Then the same signer signed the same document.
        if report.overall.is_passed() {
            prop_assert!(at >= document.len());
            let (before, after) = (&clean.signatures[0], &report.signatures[0]);
            prop_assert_eq!(&before.signer.certificate, &after.signer.certificate);
            prop_assert_eq!(&before.integrity.message_digest, &after.integrity.message_digest);
            prop_assert_eq!(clean.input.document, report.input.document);
        }
    }

    #[test]
    fn mutated_and_cut_messages_never_panic(
        at: prop::sample::Index, byte: u8, cut: prop::sample::Index, which in 0_usize..4,
    ) {
        let world = World::new();
        let name = ["rsa_indef", "ber_constructed_octets", "rsa_cades", "NEG_cades_t_over_content"][which];
        let mut signature = read(&format!("cms/{name}.p7s"));
        let length = signature.len();
        signature[at.index(length)] = byte;
        let whole = world.verify(b"x", &signature);
        let part = world.verify(b"x", &signature[..cut.index(length)]);
        prop_assert!(!whole.overall.is_passed() && !part.overall.is_passed());
        prop_assert!(whole.to_canonical_bytes().is_ok(), "{:?} {}", whole.to_canonical_bytes(), text(&whole));
        prop_assert!(part.to_canonical_bytes().is_ok());
    }
}

/// Pitfalls 5 and 19: anybody may put a namesake of the signer's certificate into a message; what is known of the real
/// one never covers it, and it keeps nobody from finding the real one.
#[test]
fn a_namesake_of_a_certificate_is_neither_taken_for_it_nor_in_its_way() {
    let mut world = World::new();
    let (document, signature) = (document(), read("cms/rsa_cades.p7s"));
    let forged = |name: &str| {
        let mut der = read(name);
        let last = der.len() - 1;
        der[last] ^= 1;
        der
    };
    let (signer, issuer) = (forged("pki/rsa.der"), forged("pki/int.der"));
    world.evidence = EvidenceSet::new(&[signer, issuer.clone()], &[read("pki/int.crl"), read("pki/root.crl")]);
    assert_eq!(world.verify(&document, &signature).overall, Verdict::Passed);
    // Without a signed attribute that says which one, nothing can be said.
    let report = world.verify(&document, &read("cms/rsa_keyid.p7s"));
    assert_eq!(report.signatures[0].signer.check.code.as_str(), codes::SIGNER_CERTIFICATE_AMBIGUOUS);
    assert!(matches!(report.overall, Verdict::Indeterminate(_)));
    // With the forged issuer alone there is no path.
    world.trust = TrustSnapshot::from_certificates([read("pki/root.der")]).unwrap();
    let bare = read("cms/rsa_nocerts.p7s");
    world.evidence = EvidenceSet::new(&[read("pki/rsa.der"), issuer], &[]);
    let report = world.verify(&document, &bare);
    assert_eq!(report.signatures[0].integrity.signature_value.outcome, Outcome::Pass);
    assert_eq!(report.signatures[0].chain_at.at_signing.check.code.as_str(), codes::NO_PATH);
}

/// Attribute certificates and other formats among the certificates are passed over (RFC 5652 10.2.2).
#[test]
fn certificates_of_other_kinds_in_a_message_are_passed_over() {
    let world = World::new();
    let cms = read("cms/rsa_cades.p7s");
    let info = der::children(der::value(&cms));
    let fields = der::children(der::value(der::value(info[1])));
    let certificates = [der::value(fields[3]), &[0xa1, 2, 5, 0], &[0xa2, 2, 5, 0], &[0xa3, 2, 5, 0]].concat();
    assert_eq!(fields[3][0], 0xa0);
    let changed = [fields[..3].concat(), der::tlv(0xa0, &[&certificates]), fields[4..].concat()].concat();
    let data = der::tlv(0x30, &[&changed]);
    let message = der::tlv(0x30, &[info[0], &der::tlv(0xa0, &[&data])]);
    assert_eq!(world.verify(&document(), &message).overall, Verdict::Passed);
}

/// PKCS#7 1.5 has other elements than an OCTET STRING as content, and signs their contents without the tag.
#[test]
fn a_content_that_is_not_octets_is_refused_although_its_mathematics_holds() {
    let world = World::new();
    let cms = read("cms/rsa_att.p7s");
    let inside = eaten("cms/rsa_att.p7s");
    let info = der::children(der::value(&cms));
    let fields = der::children(der::value(der::value(info[1])));
    let content_type = der::children(der::value(fields[2]))[0];
    let content = der::tlv(0xa0, &[&der::tlv(0x30, &[&inside])]);
    let encapsulated = der::tlv(0x30, &[content_type, &content]);
    let changed = [fields[..2].concat(), encapsulated, fields[3..].concat()].concat();
    let message = der::tlv(0x30, &[info[0], &der::tlv(0xa0, &[&der::tlv(0x30, &[&changed])])]);
    let report = world.verify(&inside, &message);
    assert!(matches!(report.overall, Verdict::Failed(_)), "{}", text(&report));
}

/// Pitfall 10.
#[test]
fn more_certificates_or_signers_than_anyone_carries_are_refused_before_they_are_read() {
    const SIGNED_DATA: [u8; 11] = [6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2];
    const DATA: [u8; 11] = [6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 1];
    let tlv = |tag: u8, body: &[u8]| der::tlv(tag, &[body]);
    let message = |certificates: usize, signers: usize| {
        let fields = [
            vec![2, 1, 1],
            tlv(0x31, &[]),
            tlv(0x30, &DATA),
            tlv(0xa0, &[0x30, 0x00].repeat(certificates)),
            tlv(0x31, &[0x30, 0x00].repeat(signers)),
        ];
        tlv(0x30, &[SIGNED_DATA.to_vec(), tlv(0xa0, &tlv(0x30, &fields.concat()))].concat())
    };
    let world = World::new();
    for (certificates, signers, detail) in [
        (10_000, 1, "more than 64 certificates"),
        (1, 33, "unexpected element, integer expected"),
        (1, 0, ""),
        (100_001, 1, "more than 64 certificates"),
        (200_001, 1, "more than 200000 elements"),
    ] {
        let report = world.verify(b"x", &message(certificates, signers));
        assert_eq!(report.overall, Verdict::Failed(SubCode::FormatFailure));
        assert!(report.format.detail.unwrap_or_default().starts_with(detail) || signers == 33, "{certificates}");
    }
}

/// Pitfalls 5 and 10: whoever holds a message can add lists to it, and each takes an operation to be refused. The
/// list of the issuer, which the ledger had collected, was then not looked at any more.
#[test]
fn lists_added_to_a_message_leave_the_operations_for_what_was_collected() {
    let world = World::new();
    let forged = (1..=u8::MAX).map(|change| {
        let mut list = read("pki/root.crl");
        let at = list.len() - 10;
        list[at] = list[at].wrapping_add(change);
        list
    });
    let lists = der::tlv(0xa0, &[&der::tlv(0x30, &[&forged.collect::<Vec<_>>().concat()])]);
    let values = der::attribute(24, &[&der::tlv(0x30, &[&lists])]);
    let signature = der::with_unsigned(&read("cms/rsa_cades.p7s"), &values);
    let report = world.verify(&document(), &signature);
    assert_eq!(report.overall, Verdict::Passed, "{}", text(&report));
}

/// The one signer of `rsa_cades`, its fields changed, so many times in a message.
fn signers(count: usize, change: impl Fn(&mut Vec<Vec<u8>>)) -> Vec<u8> {
    let cms = read("cms/rsa_cades.p7s");
    let info = der::children(der::value(&cms));
    let mut fields = der::children(der::value(der::value(info[1])));
    let last = fields.pop().unwrap();
    let mut signer: Vec<Vec<u8>> =
        der::children(der::value(der::value(last))).into_iter().map(<[u8]>::to_vec).collect();
    change(&mut signer);
    let signers = der::tlv(0x31, &[&der::tlv(0x30, &[&signer.concat()]).repeat(count)]);
    let data = der::tlv(0x30, &[&fields.concat(), &signers]);
    der::tlv(0x30, &[info[0], &der::tlv(0xa0, &[&data])])
}

/// SHA-256 under another name, which counts the bytes.
#[derive(Debug, Default)]
struct Counting(AtomicUsize);

impl DigestScheme for Counting {
    fn oid(&self) -> &'static str {
        "1.2.3.4"
    }

    fn digest(&self, parts: &[&[u8]]) -> Vec<u8> {
        self.0.fetch_add(parts.concat().len(), Ordering::Relaxed);
        ledger_core::digest::Digest::sha256(parts).as_bytes().to_vec()
    }
}

/// Pitfall 10: 32 signers with 16 timestamps over the content each digested a document 544 times; at 64 MiB and the
/// speed of the national digests that was a quarter of an hour for one message of half a megabyte.
#[test]
fn a_document_is_digested_once_by_an_algorithm_however_many_signers_and_tokens_speak_about_it() {
    let algorithm = der::tlv(0x30, &[&[6, 3, 0x2a, 3, 4]]);
    let with_null = der::tlv(0x30, &[&[6, 3, 0x2a, 3, 4, 5, 0]]);
    let imprint = der::tlv(0x30, &[&with_null, &der::tlv(4, &[&[7; 32]])]);
    let time = der::tlv(0x18, &[b"20260101000000Z"]);
    let info = der::tlv(0x30, &[&[2, 1, 1, 6, 1, 0x2a], &imprint, &[2, 1, 9], &time]);
    let oid = |last: &[u8]| der::tlv(6, &[&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1], last]);
    let content = der::tlv(0x30, &[&oid(&[9, 16, 1, 4]), &der::tlv(0xa0, &[&der::tlv(4, &[&info])])]);
    let data = der::tlv(0x30, &[&[2, 1, 3, 0x31, 0], &content, &[0x31, 0]]);
    let token = der::tlv(0x30, &[&oid(&[7, 2]), &der::tlv(0xa0, &[&data])]);
    let message = signers(32, |fields| {
        fields[2].clone_from(&algorithm);
        let tokens = der::attribute(20, &[&token; 16].map(Vec::as_slice));
        fields[3] = der::tlv(0xa0, &[der::value(&fields[3]), &tokens]);
    });
    let (world, document, counting) = (World::new(), vec![0; 1000], Arc::new(Counting::default()));
    let registry = AlgorithmRegistry::standard().clone().with_digest(Arc::<Counting>::clone(&counting));
    let input = VerifyInput {
        document: &document,
        signature: &message,
        evidence: &world.evidence,
        trust: &world.trust,
        policy: &SignaturePolicy::default_2026(),
        signing_time: world.at,
        receipt_time: world.at,
        known_until: None,
        document_type: None,
    };
    let report = verify_with(&input, &registry);
    assert_eq!((report.signatures.len(), report.timestamps.len()), (32, 32 * 16));
    assert!(report.timestamps.iter().all(|token| token.imprint_check.code.as_str() == codes::TIMESTAMP_IMPRINT));
    assert!(report.signatures.iter().all(|one| one.integrity.message_digest.outcome == Outcome::Fail));
    assert_eq!(counting.0.load(Ordering::Relaxed), document.len());
    // The largest report there is can be recorded.
    assert!(report.to_canonical_bytes().is_ok());
}

/// Pitfalls 2 and 10: a signer without attributes is refused, and its signature goes over the whole document.
#[test]
fn signers_without_attributes_cost_by_the_length_of_the_document() {
    let message = signers(32, |fields| drop(fields.remove(3)));
    let report = World::new().verify(&vec![0; 64 * 1024 * 1024], &message);
    let looked_at = |one: &&SignatureReport| one.integrity.signature_value.code.as_str() == codes::SIGNATURE;
    assert_eq!(report.signatures.iter().filter(looked_at).count(), 2, "200 operations; 65 for each, and its path");
    assert!(report.signatures.iter().all(|one| matches!(one.verdict, Verdict::Failed(SubCode::FormatFailure))));
}

/// Pitfall 7: the claim counts for nothing, and still there is one or none (RFC 5652 11.3; pki.md 3.1).
#[test]
fn a_signing_time_twice_or_with_two_values_is_malformed() {
    const SIGNING_TIME: [u8; 11] = [6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 5];
    let time = der::tlv(0x17, &[b"260101000000Z"]);
    let with = |attributes: &[Vec<u8>]| {
        let message = signers(1, |fields| {
            let others: Vec<&[u8]> = der::children(der::value(&fields[3]));
            let others = others.into_iter().filter(|one| !der::value(one).starts_with(&SIGNING_TIME));
            fields[3] = der::tlv(0xa0, &[&others.collect::<Vec<_>>().concat(), &attributes.concat()]);
        });
        World::new().verify(&document(), &message).signatures[0].format.clone()
    };
    let attribute = |values: &[&[u8]]| der::tlv(0x30, &[&SIGNING_TIME, &der::tlv(0x31, values)]);
    assert_eq!(with(&[]).outcome, Outcome::Pass);
    assert_eq!(with(&[attribute(&[&time])]).outcome, Outcome::Pass);
    for attributes in [vec![attribute(&[&time]); 2], vec![attribute(&[&time, &time])], vec![attribute(&[])]] {
        assert_eq!(with(&attributes).code.as_str(), codes::ATTRIBUTES_MALFORMED);
    }
}
