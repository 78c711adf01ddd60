//! `ledger-audit signature`, `certificate` and `explain` over national and European files, as a person uses them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use ledger_api::audit;
use ledger_core::pki::report::{Language, Words, codes};
use ledger_core::signature::SignaturePolicy;
use serde_json::Value;

const NATIONAL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/kz-pki");
const EUROPEAN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/pki-suites/cades-dss");

/// Exit code, output and errors.
fn run(arguments: &[&str]) -> (u8, String, String) {
    let (mut out, mut errors) = (Vec::new(), Vec::new());
    let arguments = arguments.iter().map(OsString::from);
    let code = audit::run(arguments, &mut out, &mut errors, false).unwrap();
    (code, String::from_utf8(out).unwrap(), String::from_utf8(errors).unwrap())
}

fn national(name: &str) -> String {
    format!("{NATIONAL}/{name}")
}

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("signature-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// The default policy without the demand for evidence of revocation: the national lists of the day are not here.
    fn policy(&self) -> String {
        let policy = SignaturePolicy { require_revocation: false, ..SignaturePolicy::default_2026() };
        self.write("policy.json", &policy.to_canonical_bytes().unwrap())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

const AT: &str = "2026-07-20T12:00:00.000Z";

#[test]
fn a_national_signature_passes_only_where_test_keys_are_let_in() {
    let folder = Folder::new("national");
    let (file, content, policy) =
        (national("cms/gost2015_individual_detached_cades-t.der"), national("cms/individual.txt"), folder.policy());
    let given = ["signature", &file, "--content", &content, "--trust", NATIONAL, "--at", AT, "--policy", &policy];
    let (code, out, errors) = run(&given);
    assert_eq!((code, errors.as_str()), (1, ""), "{out}");
    assert!(out.starts_with("FAILED (CHAIN_CONSTRAINTS_FAILURE)"), "{out}");
    assert!(out.contains("[path-test-hierarchy]") && out.contains("TEST hierarchy"), "{out}");

    let (code, out, errors) = run(&[&given[..], &["--test-hierarchy"]].concat());
    assert_eq!((code, errors.as_str()), (0, ""), "{out}");
    assert!(out.starts_with("PASSED  gost2015_individual_detached_cades-t.der\n"), "{out}");
    for text in ["123456789011", "ТЕСТОВ ТЕСТ", "[individual]", "individual.txt, 86 B", "signature value", AT, "  3. "]
    {
        assert!(out.contains(text), "{text} not in {out}");
    }
    for (language, verdict) in [("ru", "ПРОЙДЕНО"), ("kk", "ӨТТІ")] {
        let (code, out, _) = run(&[&given[..], &["--test-hierarchy", "--lang", language]].concat());
        assert_eq!(code, 0);
        assert!(out.starts_with(verdict), "{out}");
    }
    // Without a policy the status of each certificate is demanded, and nothing here tells it.
    let (code, out, _) =
        run(&["signature", &file, "--content", &content, "--trust", NATIONAL, "--at", AT, "--test-hierarchy"]);
    assert_eq!(code, 2, "{out}");
    assert!(out.contains("[no-revocation-evidence]"), "{out}");
}

#[test]
fn the_document_is_the_one_named_or_the_one_inside() {
    let folder = Folder::new("document");
    let policy = folder.policy();
    let run_over = |file: &str, content: Option<&str>| {
        let file = national(file);
        let mut arguments = vec!["signature", &file, "--trust", NATIONAL, "--at", AT, "--policy", &policy];
        arguments.push("--test-hierarchy");
        arguments.extend(content.iter().flat_map(|content| ["--content", content]));
        run(&arguments)
    };
    let (right, other) = (national("cms/individual.txt"), national("README.md"));
    let (attached, detached) =
        ("cms/gost2015_individual_attached_cades-t.der", "cms/gost2015_individual_detached_cades-t.der");
    let (code, out, _) = run_over(attached, None);
    assert_eq!(code, 0, "{out}");
    assert!(out.contains("taken out of the signature itself"), "{out}");
    let (code, out, _) = run_over(attached, Some(&right));
    assert_eq!(code, 0, "{out}");
    assert!(!out.contains("taken out of the signature itself"), "{out}");
    for file in [attached, detached] {
        let (code, out, _) = run_over(file, Some(&other));
        assert_eq!(code, 1);
        assert!(out.contains("HASH_FAILURE") && out.contains("[message-digest]"), "{out}");
    }
    let (code, out, errors) = run_over(detached, None);
    assert_eq!((code, out.as_str()), (3, ""));
    assert!(errors.contains("--content"), "{errors}");
}

#[test]
fn pem_and_base64_are_the_same_signature() {
    let folder = Folder::new("spelling");
    let file = national("cms/rsa_individual_attached.der");
    let pem = folder.0.join("signature.pem").to_str().unwrap().to_owned();
    let converted = Command::new("openssl")
        .args(["cms", "-cmsout", "-inform", "DER", "-in", &file, "-outform", "PEM", "-out", &pem])
        .status()
        .unwrap();
    assert!(converted.success());
    let text = std::fs::read_to_string(&pem).unwrap();
    let base64: String = text.lines().filter(|line| !line.starts_with("-----")).collect();
    let base64 = folder.write("signature.b64", base64.as_bytes());
    let reports = [file.as_str(), &pem, &base64].map(|file| {
        let (code, out, errors) = run(&[
            "signature",
            file,
            "--trust",
            NATIONAL,
            "--at",
            "2022-09-15T00:00:00.000Z",
            "--test-hierarchy",
            "--json",
        ]);
        assert_eq!((code, errors.as_str()), (1, ""), "{file}");
        out
    });
    assert_eq!(reports[0], reports[1]);
    assert_eq!(reports[0], reports[2]);
    let report: Value = serde_json::from_str(&reports[0]).unwrap();
    // Signed eight months after its certificate had run out, says the manifest.
    assert_eq!(report["signatures"][0]["certificate_validity_at"]["at_signing"]["code"], "certificate-expired");
    assert!(report["engine"].as_str().unwrap().starts_with("ledger-core/"));
    assert!(report["signatures"][0]["algorithms_used"].as_array().unwrap().len() >= 2);
}

/// The authority of the token is the production one, says the manifest, whatever the signer's.
#[test]
fn a_token_inside_and_one_handed_in_are_reported_with_their_time() {
    let folder = Folder::new("token");
    let (policy, token) = (folder.policy(), national("tsp/gost2015_prod_token.der"));
    let file = national("cms/gost2015_individual_attached_cades-t.der");
    let given = ["signature", &file, "--trust", NATIONAL, "--at", AT, "--policy", &policy, "--test-hierarchy"];
    for more in [&[][..], &["--timestamp", &token]] {
        let (code, out, errors) = run(&[&given[..], more].concat());
        assert_eq!((code, errors.as_str()), (0, ""), "{out}");
        let (_, stamp) = out.split_once("\nTimestamp (signature 1)\n  PASSED\n").expect(&out);
        assert!(stamp.contains("production hierarchy") && stamp.contains("2026-07-20T"), "{stamp}");
        // The token makes the signature older than the moment given; then both moments are told.
        for moment in ["at signing", "at receipt"] {
            assert!(out.contains(&format!("chain to a trusted root, {moment}: right [ok]")), "{out}");
        }
    }
}

#[test]
fn a_role_is_demanded_by_the_type_of_the_document() {
    let folder = Folder::new("role");
    let mut policy: Value = serde_json::from_slice(&std::fs::read(folder.policy()).unwrap()).unwrap();
    policy["signing_authority"] = serde_json::json!([{ "document_type": "contract", "roles": ["head", "may-sign"] }]);
    let policy = folder.write("roles.json", policy.to_string().as_bytes());
    let file = national("cms/gost2015_individual_attached_cades-t.der");
    let given = ["signature", &file, "--trust", NATIONAL, "--at", AT, "--policy", &policy, "--test-hierarchy"];
    for (document_type, code, text) in [("contract", 1, "[signer-role]"), ("letter", 0, "[authority-not-demanded]")] {
        let (found, out, _) = run(&[&given[..], &["--document-type", document_type]].concat());
        assert_eq!(found, code, "{out}");
        assert!(out.contains(text), "{out}");
    }
}

#[test]
fn a_key_for_logging_in_does_not_sign() {
    let file = national("cms/rsa_auth-cert_attached.der");
    let (code, out, _) =
        run(&["signature", &file, "--trust", NATIONAL, "--at", "2022-09-15T00:00:00.000Z", "--test-hierarchy"]);
    assert_eq!(code, 1);
    assert!(out.contains("[key-usage]"), "{out}");
}

/// The exit code is the verdict of the report, in both forms, whatever the file; and nobody passes untrusted.
#[test]
fn european_files_are_reported_in_both_forms() {
    let suite: Value = serde_json::from_slice(&std::fs::read(format!("{EUROPEAN}/cases.json")).unwrap()).unwrap();
    let mut reported = 0;
    for case in suite["cases"].as_array().unwrap() {
        let file = format!("{EUROPEAN}/{}", case["file"].as_str().unwrap());
        let content = case["detached"].as_str().map(|name| format!("{EUROPEAN}/{name}"));
        let mut arguments = vec!["signature", &file, "--trust", NATIONAL, "--at", "2020-01-01T00:00:00.000Z"];
        arguments.extend(content.iter().flat_map(|content| ["--content", content]));
        let (code, text, errors) = run(&arguments);
        if code == 3 {
            // Detached, and the suite has no content; or not DER.
            assert!(text.is_empty() && errors.lines().count() == 1, "{file}: {errors}");
            continue;
        }
        arguments.push("--json");
        let (again, json, _) = run(&arguments);
        let report: Value = serde_json::from_str(&json).unwrap();
        let expected = match report["overall"]["result"].as_str().unwrap() {
            "failed" => 1,
            "indeterminate" => 2,
            other => panic!("{file}: {other} though nobody is trusted"),
        };
        assert_eq!((code, again), (expected, expected), "{file}");
        for signature in report["signatures"].as_array().into_iter().flatten() {
            for check in ["content_type", "message_digest", "signature_value"] {
                let check = &signature["integrity"][check]["code"];
                assert!(text.contains(&format!("[{}]", check.as_str().unwrap())), "{file}: {text}");
            }
        }
        reported += 1;
    }
    assert!(reported > 0);
}

#[test]
fn a_certificate_is_checked_alone() {
    let folder = Folder::new("certificate");
    let policy = folder.policy();
    let file = national("user/gost2015_legal-head_sign_20260508_abbe4e.cer");
    let given = ["certificate", &file, "--trust", NATIONAL, "--at", AT, "--policy", &policy];
    let (code, out, _) = run(&given);
    assert_eq!(code, 1);
    assert!(out.contains("[path-test-hierarchy]"), "{out}");
    let (code, out, _) = run(&[&given[..], &["--test-hierarchy"]].concat());
    assert_eq!(code, 0, "{out}");
    for text in ["123456789021", "123456789011", "[head]", "[legal-entity]", "TEST hierarchy"] {
        assert!(out.contains(text), "{text} not in {out}");
    }
    let (code, out, _) = run(&[&given[..], &["--test-hierarchy", "--json"]].concat());
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &report["chain"]["hierarchy"]), (0, &"test".into()));

    let list = national("crl/nca_rsa_test_2019_20220329.crl");
    let revoked = national("user/rsa_individual_sign_20220118_3f32db.cer");
    let (code, out, _) = run(&[
        "certificate",
        &revoked,
        "--trust",
        NATIONAL,
        "--at",
        "2022-03-01T00:00:00.000Z",
        "--crl",
        &list,
        "--test-hierarchy",
    ]);
    assert_eq!(code, 1);
    assert!(out.starts_with("FAILED (REVOKED)") && out.contains("[certificate-revoked]"), "{out}");
}

#[test]
fn unusable_input_gets_one_line_and_names_nobody() {
    let folder = Folder::new("unusable");
    let file = national("cms/rsa_individual_attached.der");
    let store = national("p12/rsa_individual_sign_20220118_3f32db.p12");
    let text = folder.write("letter.txt", "Письмо".as_bytes());
    let empty = folder.0.to_str().unwrap();
    let good = ["signature", &file, "--trust", NATIONAL, "--at", AT];
    let with = |more: &[&'static str]| [&good[..], more].concat();
    let cases: Vec<(Vec<&str>, &str)> = vec![
        (vec!["signature", "--trust", NATIONAL, "--at", AT], "no file"),
        (vec!["signature", &file, "--at", AT], "--trust DIR is missing"),
        (vec!["signature", &file, "--trust", NATIONAL], "--at TIME is missing"),
        (vec!["signature", &file, "--trust", empty, "--at", AT], "no certificate in ca/"),
        (vec!["signature", &file, "--trust", "/nowhere", "--at", AT], "cannot be read"),
        (vec!["signature", &text, "--trust", NATIONAL, "--at", AT], "does not hold a CMS signature"),
        (vec!["signature", &store, "--trust", NATIONAL, "--at", AT], "show it to nobody"),
        (vec!["certificate", &text, "--trust", NATIONAL, "--at", AT], "does not hold a certificate"),
        (vec!["certificate", &file, "--trust", NATIONAL, "--at", AT, "--content", &text], "are for signatures"),
        (with(&["--receipt", "2020-01-01T00:00:00.000Z"]), "lies before"),
        (with(&["--receipt", "tomorrow"]), "times are written"),
        (with(&["--lang", "de"]), "ru, kk or en"),
        (with(&["--fast"]), "unknown option"),
        (with(&["--crl"]), "needs a file"),
        (with(&["--policy", "/nowhere"]), "cannot be read"),
        (with(&["another"]), "one file at a time"),
    ];
    for (arguments, expected) in cases {
        let (code, out, errors) = run(&arguments);
        assert_eq!((code, out.as_str()), (3, ""), "{arguments:?}");
        assert!(errors.contains(expected), "{arguments:?}: {errors}");
        assert_eq!(errors.lines().count(), 1, "{errors}");
        assert!(!errors.contains("ТЕСТОВ") && !errors.contains("123456789"), "{errors}");
    }
    let policy = folder.write("policy.json", b"{}");
    let (code, _, errors) = run(&[&good[..], &["--policy", &policy]].concat());
    assert_eq!(code, 3);
    assert!(errors.contains("not a signature policy"), "{errors}");
}

#[test]
fn every_code_of_a_check_is_explained_in_each_language() {
    for language in Language::ALL {
        let (code, all, _) = run(&["explain", "--lang", language.as_str()]);
        assert_eq!(code, 0);
        for check in codes::ALL {
            let words = Words::of(check, language).unwrap();
            assert!(all.contains(words.title), "{check}");
            let (code, out, _) = run(&["explain", check, "--lang", language.as_str()]);
            assert_eq!(code, 0);
            assert!(out.contains(words.title) && out.contains(words.explanation), "{out}");
        }
    }
    let (code, out, _) = run(&["explain", codes::REVOKED]);
    assert_eq!(code, 0);
    for language in Language::ALL {
        assert!(out.contains(Words::of(codes::REVOKED, language).unwrap().title), "{out}");
    }
}
