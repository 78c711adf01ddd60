//! Public PKI material of Kazakhstan (`kz-pki`), RSA and GOST: certificates, CRLs and signatures verify as their
//! manifest says; and the published test keys sign here.

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
use ledger_core::time::Timestamp;

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
        document_type: None,
    })
}

fn passes(report: &VerificationReport, signer: usize) -> [Outcome; 2] {
    let checks = &report.signatures[signer].integrity;
    [checks.message_digest.outcome, checks.signature_value.outcome]
}

/// The middle of a certificate's life: an accredited CA is older than the root that was issued again for its issuer.
fn middle(certificate: &Certificate) -> Timestamp {
    let life = certificate.not_after().unix_ms() - certificate.not_before().unix_ms();
    certificate.not_before().plus_ms(life / 2)
}

#[test]
fn every_certificate_has_a_path_to_its_root_and_signing_ones_may_sign() {
    let (trust, policy) = (trust(), SignaturePolicy { require_revocation: false, ..SignaturePolicy::default_2026() });
    for name in ["user", "ca/prod", "ca/test"].into_iter().flat_map(|folder| names(folder, "")) {
        let der = read(&name);
        let certificate = Certificate::parse(&der).unwrap();
        let report = verify_certificate(&der, &EvidenceSet::default(), &trust, &policy, middle(&certificate), None);
        assert_eq!(report.chain.check.outcome, Outcome::Pass, "{name}: {report:?}");
        // Pitfall 15: authentication, time-stamping and CA certificates have sound paths, and must not sign.
        let signs = name.contains("_sign_");
        assert_eq!(report.key_usage.outcome == Outcome::Pass, signs, "{name}");
        assert_eq!(report.verdict.is_passed(), signs, "{name}: {report:?}");
    }
}

#[test]
fn every_certificate_is_broken_by_one_changed_bit() {
    let (trust, policy) = (trust(), SignaturePolicy { require_revocation: false, ..SignaturePolicy::default_2026() });
    for name in names("user", "") {
        let der = read(&name);
        let at = middle(&Certificate::parse(&der).unwrap());
        // The last octet of the signature, and the first of the serial number, which stands behind the version.
        for place in [der.len() - 1, 20] {
            let mut changed = der.clone();
            changed[place] ^= 1;
            let report = verify_certificate(&changed, &EvidenceSet::default(), &trust, &policy, at, None);
            assert_eq!(report.chain.check.code.as_str(), codes::PATH_SIGNATURE, "{name} {place}: {report:?}");
            assert!(matches!(report.verdict, Verdict::Failed(_)), "{name} {place}");
        }
    }
}

#[test]
fn roots_are_anchors_and_need_no_status() {
    for name in names("ca/prod", "root").into_iter().chain(names("ca/test", "root")) {
        let der = read(&name);
        let at = Certificate::parse(&der).unwrap().not_before().plus_ms(1000);
        let report =
            verify_certificate(&der, &EvidenceSet::default(), &trust(), &SignaturePolicy::default_2026(), at, None);
        assert_eq!(report.chain.check.outcome, Outcome::Pass, "{name}");
        assert_eq!(report.revocation[0].check.code.as_str(), codes::TRUST_ANCHOR, "{name}");
    }
}

/// `20241029114553Z` of the manifest.
fn moment(digits: &str) -> Timestamp {
    let part = |from: usize, to: usize| &digits[from..to];
    let (day, time) =
        ([part(0, 4), part(4, 6), part(6, 8)].join("-"), [part(8, 10), part(10, 12), part(12, 14)].join(":"));
    format!("{day}T{time}.000Z").parse().unwrap()
}

/// The certificates that the manifest calls revoked, by lists that are here: name, time, reason and list.
fn revoked() -> Vec<(String, Timestamp, String, String)> {
    let manifest = String::from_utf8(read("MANIFEST.tsv")).unwrap();
    let rows = manifest.lines().filter(|row| row.starts_with("user/"));
    rows.filter_map(|row| {
        let (_, rest) = row.split_once("REVOKED ")?;
        let (reason, list) = rest.split_once("reason ")?.1.split_once(" per ")?;
        let list = list.split(['\t', ' ', ';']).next()?;
        let name = row.split('\t').next()?;
        let here = Path::new(&format!("{DATA}{list}")).exists();
        here.then(|| (name.to_owned(), moment(rest), reason.to_owned(), list.to_owned()))
    })
    .collect()
}

#[test]
fn a_certificate_on_a_national_list_is_revoked_from_its_date_on() {
    let revoked = revoked();
    for prefix in ["user/rsa", "user/gost2015"] {
        assert!(revoked.iter().any(|(name, ..)| name.starts_with(prefix)), "{prefix}");
    }
    for (name, at, reason, list) in revoked {
        // Reason 6 is certificateHold.
        let code = if reason == "6" { codes::ON_HOLD } else { codes::REVOKED };
        let evidence = EvidenceSet::new(&[], &[read(&list)]);
        let status = |at: Timestamp| {
            let policy = SignaturePolicy::default_2026();
            verify_certificate(&read(&name), &evidence, &trust(), &policy, at, None)
        };
        for at in [at, at.plus_ms(3_600_000)] {
            let report = status(at);
            assert_eq!(report.revocation[0].check.code.as_str(), code, "{name} {at}: {report:?}");
            assert!(matches!(report.verdict, Verdict::Failed(_)), "{name} {at}");
        }
        // On hold from before its own life until the holder takes it: never good.
        if at > Certificate::parse(&read(&name)).unwrap().not_before() {
            let before = status(at.minus_ms(1000));
            assert_eq!(before.revocation[0].check.outcome, Outcome::Pass, "{name}: {before:?}");
        }
    }
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
    for (document, digest) in [(&b"test123"[..], Outcome::Pass), (b"test124", Outcome::Fail)] {
        let report = check(document, &signature, &evidence, "2022-09-15T00:00:00.000Z");
        assert_eq!(report.signatures.len(), 2);
        for signer in 0..2 {
            assert_eq!(passes(&report, signer), [digest, Outcome::Pass], "{report:?}");
        }
        assert!(!report.overall.is_passed());
    }
    // One signer whose value is wrong: his document is the same, and the other's signature holds.
    let signature = read("cms/mixed_two_signers_one_bad.der");
    let manifest = read("cms/rsa_auth-cert_detached_manifest.xml");
    let report = check(&manifest, &signature, &evidence, "2022-09-15T00:00:00.000Z");
    let values: Vec<_> = (0..report.signatures.len()).map(|signer| passes(&report, signer)).collect();
    assert_eq!(values, [[Outcome::Pass, Outcome::Fail], [Outcome::Pass; 2]], "{report:?}");
    assert_eq!(report.signatures[0].integrity.signature_value.code.as_str(), codes::SIGNATURE);
    assert!(matches!(report.overall, Verdict::Failed(_)));
}

/// The document inside a CMS in DER: the first octet string behind the identifier of `data`.
fn content(signature: &[u8]) -> Vec<u8> {
    let data = [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01];
    let start = signature.windows(data.len()).position(|window| window == data).unwrap() + data.len() + 2;
    assert_eq!(signature[start], 4);
    let length = usize::from(signature[start + 1]);
    signature[start + 2..start + 2 + length].to_vec()
}

#[test]
fn gost_signatures_verify_as_the_manifest_says() {
    let evidence = EvidenceSet::default();
    let individual = read("cms/individual.txt");
    let inside = |name: &str| (name.to_owned(), content(&read(name)));
    let cases = [
        ("cms/gost2015_individual_attached_cades-t.der".to_owned(), individual.clone()),
        ("cms/gost2015_individual_detached_cades-t.der".to_owned(), individual),
        inside("cms/gost2004_hr_attached.der"),
        inside("cms/gost2004_head_attached_hello.der"),
        ("cms/gost2004_ncazip_manifest_detached.der".to_owned(), read("cms/gost2004_ncazip_manifest.xml")),
    ];
    for (name, document) in cases {
        let signature = read(&name);
        let signer = signer_certificate(&signature, &evidence).unwrap();
        let at = middle(&signer).to_string();
        let report = check(&document, &signature, &evidence, &at);
        let one = &report.signatures[0];
        assert_eq!(passes(&report, 0), [Outcome::Pass; 2], "{name}: {report:?}");
        assert_eq!(one.chain_at.at_signing.check.outcome, Outcome::Pass, "{name}: {report:?}");
        assert_eq!(one.algorithms.outcome, Outcome::Pass, "{name}: {report:?}");
        assert_ne!(one.signer.signing_certificate_attr.outcome, Outcome::Fail, "{name}: {report:?}");
        // Everything holds but the status, of which nothing is known here.
        assert_eq!(report.overall, Verdict::Indeterminate(SubCode::TryLater), "{name}: {report:?}");
        let other = check(&[document.as_slice(), b"."].concat(), &signature, &evidence, &at);
        assert_eq!(other.overall, Verdict::Failed(SubCode::HashFailure), "{name}");
        assert_eq!(other.signatures[0].integrity.message_digest.code.as_str(), codes::MESSAGE_DIGEST, "{name}");
    }
    // Signed fourteen months after its certificate had run out.
    let (name, document) = inside("cms/gost2004_head_attached_hello.der");
    let report = check(&document, &read(&name), &evidence, "2020-10-15T00:00:00.000Z");
    assert_eq!(report.signatures[0].certificate_validity_at.at_signing.code.as_str(), codes::EXPIRED);
    assert!(matches!(report.overall, Verdict::Failed(_)));
}

/// A signature whose algorithm nobody knows is not called invalid: the identifiers of one that holds, from before 2015.
#[test]
fn an_unknown_algorithm_is_indeterminate() {
    let mut signature = read("cms/gost2004_head_attached_hello.der");
    // 1.2.398.3.10.1.1.1.1 to the unregistered 1.2.398.3.11.1.1.1.1, in the message's last algorithm identifier.
    let known = [0x06, 0x09, 0x2a, 0x83, 0x0e, 0x03, 0x0a, 0x01, 0x01, 0x01, 0x01];
    let place = signature.windows(known.len()).rposition(|window| window == known).unwrap();
    signature[place + 6] = 0x0b;
    let at = "2019-01-01T00:00:00.000Z";
    let report = check(&content(&signature), &signature, &EvidenceSet::default(), at);
    let value = &report.signatures[0].integrity.signature_value;
    assert_eq!(value.code.as_str(), codes::UNSUPPORTED_ALGORITHM, "{report:?}");
    assert_eq!(value.outcome, Outcome::Indeterminate);
    assert!(matches!(report.overall, Verdict::Indeterminate(_)), "{report:?}");
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
            document_type: None,
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
