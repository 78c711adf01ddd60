//! Public PKI material of Kazakhstan (`kz-pki`): the RSA part verifies as its manifest says, the GOST part is
//! unsupported and never valid or invalid; and the published RSA test keys sign here, through OpenSSL.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test that cannot go on has failed"
)]

use std::path::{Path, PathBuf};
use std::process::Command;

use ledger_core::pki::certificate::Certificate;
use ledger_core::pki::report::codes;
use ledger_core::signature::{
    EvidenceSet, Outcome, SignaturePolicy, SubCode, TrustSnapshot, Verdict, VerificationReport, VerifyInput,
    signer_certificate, verify, verify_certificate,
};

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/kz-pki/");

fn read(name: &str) -> Vec<u8> {
    std::fs::read(format!("{DATA}{name}")).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn names(folder: &str, prefix: &str) -> Vec<String> {
    let entries = std::fs::read_dir(format!("{DATA}{folder}")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> =
        names.filter(|name| name.starts_with(prefix)).map(|name| format!("{folder}/{name}")).collect();
    names.sort();
    assert!(!names.is_empty());
    names
}

/// Every CA of the folder, production and test together: only tests may trust so much.
fn trust() -> TrustSnapshot {
    let all = names("ca/prod", "").into_iter().chain(names("ca/test", "")).filter(|name| !name.contains("tsa"));
    TrustSnapshot::from_certificates(all.map(|name| read(&name))).unwrap()
}

fn check(document: &[u8], signature: &[u8], evidence: &EvidenceSet, at: &str) -> VerificationReport {
    let at = at.parse().unwrap();
    verify(&VerifyInput {
        document,
        signature,
        evidence,
        trust: &trust(),
        policy: &SignaturePolicy::default_2026(),
        signing_time: at,
        receipt_time: at,
        known_until: None,
    })
}

fn passes(report: &VerificationReport, signer: usize) -> [Outcome; 2] {
    let checks = &report.signatures[signer].integrity;
    [checks.message_digest.outcome, checks.signature_value.outcome]
}

#[test]
fn rsa_certificates_have_paths_to_their_roots_and_gost_ones_are_unsupported() {
    let (trust, policy) = (trust(), SignaturePolicy { require_revocation: false, ..SignaturePolicy::default_2026() });
    for name in names("user", "").into_iter().chain(names("ca/prod", "nca")).chain(names("ca/test", "nca")) {
        let der = read(&name);
        let certificate = Certificate::parse(&der).unwrap();
        let at = certificate.not_before().plus_ms(1000);
        let report = verify_certificate(&der, &EvidenceSet::default(), &trust, &policy, at, None);
        if name.contains("rsa") {
            assert_eq!(report.chain.check.outcome, Outcome::Pass, "{name}: {report:?}");
            let signs = name.contains("_sign_");
            assert_eq!(report.verdict.is_passed(), signs, "{name}: {report:?}");
            // Pitfall 15: authentication and CA certificates have sound paths, and must not sign.
            assert_eq!(report.key_usage.outcome == Outcome::Pass, signs, "{name}");
        } else {
            assert_eq!(report.chain.check.code.as_str(), codes::UNSUPPORTED_ALGORITHM, "{name}: {report:?}");
            assert_eq!(report.chain.check.outcome, Outcome::Indeterminate, "{name}");
            assert!(!report.verdict.is_passed(), "{name}");
        }
    }
}

#[test]
fn roots_are_anchors_and_need_no_status() {
    for name in ["ca/prod/root_rsa_2015.cer", "ca/prod/root_rsa_2020.cer", "ca/test/root_rsa_test_2018.cer"] {
        let der = read(name);
        let at = Certificate::parse(&der).unwrap().not_before().plus_ms(1000);
        let report =
            verify_certificate(&der, &EvidenceSet::default(), &trust(), &SignaturePolicy::default_2026(), at, None);
        assert_eq!(report.chain.check.outcome, Outcome::Pass, "{name}");
        assert_eq!(report.revocation[0].check.code.as_str(), codes::TRUST_ANCHOR, "{name}");
    }
}

#[test]
fn a_certificate_on_the_national_list_is_revoked_from_its_date_on() {
    let evidence = EvidenceSet::new(&[], &[read("crl/nca_rsa_test_2019_20220329.crl")]);
    let der = read("user/rsa_individual_sign_20220118_3f32db.cer");
    for (at, code) in [("2022-03-01T00:00:00.000Z", codes::REVOKED), ("2022-01-18T04:40:24.000Z", codes::REVOKED)] {
        let report =
            verify_certificate(&der, &evidence, &trust(), &SignaturePolicy::default_2026(), at.parse().unwrap(), None);
        assert_eq!(report.revocation[0].check.code.as_str(), code, "{at}");
        assert!(matches!(report.verdict, Verdict::Failed(_)), "{at}: {report:?}");
    }
    let before = "2022-01-18T04:40:23.000Z".parse().unwrap();
    let report = verify_certificate(&der, &evidence, &trust(), &SignaturePolicy::default_2026(), before, None);
    assert_eq!(report.revocation[0].check.outcome, Outcome::Pass, "{report:?}");
}

#[test]
fn rsa_signatures_of_the_sdk_verify_as_the_manifest_says() {
    let evidence = EvidenceSet::default();
    // Signed eight months after its certificate had run out.
    let report = check(b"test123", &read("cms/rsa_individual_attached.der"), &evidence, "2022-09-15T00:00:00.000Z");
    assert_eq!(passes(&report, 0), [Outcome::Pass; 2]);
    assert_eq!(report.signatures[0].certificate_validity_at.at_signing.code.as_str(), codes::EXPIRED);
    assert!(matches!(report.overall, Verdict::Failed(_)));
    // By authentication certificates.
    let manifest = read("cms/rsa_auth-cert_detached_manifest.xml");
    for (document, name) in
        [(manifest.as_slice(), "cms/rsa_auth-cert_detached.der"), (b"asdasd", "cms/rsa_auth-cert_attached.der")]
    {
        let report = check(document, &read(name), &evidence, "2022-09-15T00:00:00.000Z");
        assert_eq!(passes(&report, 0), [Outcome::Pass; 2], "{name}");
        assert_eq!(report.signatures[0].key_usage.code.as_str(), codes::KEY_USAGE, "{name}");
        assert!(matches!(report.overall, Verdict::Failed(_)), "{name}");
    }
}

/// Pitfall 4.
#[test]
fn each_of_several_signers_has_a_verdict_of_its_own() {
    let signature = read("cms/mixed_two_signers_detached.der");
    let evidence = EvidenceSet::default();
    for (document, rsa) in [(&b"test123"[..], Outcome::Pass), (b"test124", Outcome::Fail)] {
        let report = check(document, &signature, &evidence, "2022-09-15T00:00:00.000Z");
        assert_eq!(report.signatures.len(), 2);
        let by_rsa: Vec<bool> =
            report.signatures.iter().map(|one| one.integrity.message_digest.outcome == rsa).collect();
        assert_eq!(by_rsa.iter().filter(|matches| **matches).count(), 1, "{report:?}");
        let gost = report.signatures.iter().find(|one| one.integrity.message_digest.outcome == Outcome::Indeterminate);
        assert_eq!(gost.unwrap().integrity.message_digest.code.as_str(), codes::UNSUPPORTED_ALGORITHM);
        assert!(!report.overall.is_passed());
    }
}

#[test]
fn gost_signatures_are_unsupported_and_neither_valid_nor_invalid() {
    for name in names("cms", "gost").into_iter().filter(|name| !name.contains("manifest.xml")) {
        let signature = read(&name);
        let evidence = EvidenceSet::default();
        let signer = signer_certificate(&signature, &evidence).unwrap();
        let report = check(b"", &signature, &evidence, &signer.not_before().plus_ms(1000).to_string());
        let one = &report.signatures[0];
        assert_eq!(one.integrity.message_digest.outcome, Outcome::Indeterminate, "{name}");
        assert_eq!(one.integrity.signature_value.code.as_str(), codes::UNSUPPORTED_ALGORITHM, "{name}");
        assert_eq!(one.integrity.signature_value.outcome, Outcome::Indeterminate, "{name}");
    }
}

/// A scratch folder that goes with its test.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("ledger-core-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn openssl(arguments: &[&str]) {
    let output = Command::new("openssl").args(arguments).output().expect("openssl is needed for this test");
    assert!(output.status.success(), "openssl {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The signer's way: the published key container, `openssl cms`, a detached signature over a file.
fn sign(scratch: &Scratch, container: &str, document: &[u8], options: &[&str]) -> Vec<u8> {
    let container = format!("{DATA}p12/{container}");
    let (key, file, out) =
        (scratch.0.join("key.pem"), scratch.write("document", document), scratch.0.join("signature"));
    openssl(&["pkcs12", "-legacy", "-in", &container, "-nodes", "-passin", "pass:Qwerty12", "-out", text(&key)]);
    let mut arguments = vec!["cms", "-sign", "-binary", "-outform", "DER", "-md", "sha256", "-in", text(&file)];
    arguments.extend(["-signer", text(&key), "-inkey", text(&key), "-out", text(&out)]);
    arguments.extend(options);
    openssl(&arguments);
    std::fs::read(out).unwrap()
}

#[test]
fn the_published_rsa_test_keys_sign_documents_that_verify() {
    let scratch = Scratch::new("national");
    let document = b"%PDF-1.7 a contract";
    let (at, policy) =
        ("2018-12-01T00:00:00.000Z", SignaturePolicy { require_revocation: false, ..SignaturePolicy::default_2026() });
    let packagings: [&[&str]; 4] =
        [&["-cades"], &[], &["-cades", "-keyopt", "rsa_padding_mode:pss"], &["-cades", "-stream", "-nodetach"]];
    for options in packagings {
        let signature = sign(&scratch, "rsa_individual_sign_20180822_b87c12.p12", document, options);
        let report = verify(&VerifyInput {
            document,
            signature: &signature,
            evidence: &EvidenceSet::default(),
            trust: &trust(),
            policy: &policy,
            signing_time: at.parse().unwrap(),
            receipt_time: at.parse().unwrap(),
            known_until: None,
        });
        assert_eq!(report.overall, Verdict::Passed, "{options:?}: {report:#?}");
        assert_eq!(report.signatures[0].signer.iin.as_deref(), Some("123456789011"));
        // The same, with status demanded and none known; and over another document.
        let evidence = EvidenceSet::default();
        assert_eq!(check(document, &signature, &evidence, at).overall, Verdict::Indeterminate(SubCode::TryLater));
        assert_eq!(
            check(b"%PDF-1.7 another", &signature, &evidence, at).overall,
            Verdict::Failed(SubCode::HashFailure)
        );
    }
}

#[test]
fn a_signature_by_a_revoked_or_an_authentication_key_is_refused() {
    let scratch = Scratch::new("national-refused");
    let evidence = EvidenceSet::new(&[], &[read("crl/nca_rsa_test_2019_20220329.crl")]);
    for (container, code) in [
        ("rsa_individual_sign_20220118_3f32db.p12", SubCode::Revoked),
        ("rsa_individual_auth_20220118_fa3f98.p12", SubCode::SigConstraintsFailure),
    ] {
        let signature = sign(&scratch, container, b"a contract", &["-cades"]);
        let report = check(b"a contract", &signature, &evidence, "2022-03-29T12:00:00.000Z");
        assert_eq!(passes(&report, 0), [Outcome::Pass; 2], "{container}");
        assert_eq!(report.overall, Verdict::Failed(code), "{container}: {report:#?}");
    }
}
