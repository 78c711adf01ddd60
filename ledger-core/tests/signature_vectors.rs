//! Wycheproof vectors against the algorithm registry: every invalid one is refused, every valid one accepted or
//! reported as an unsupported algorithm, never as a bad signature.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test that cannot go on has failed"
)]

use ledger_core::digest::encode_hex;
use ledger_core::pki::alg::{AlgorithmError, AlgorithmRegistry, SignatureRequest};
use serde_json::Value;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/pki-suites/wycheproof/");

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn tlv(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = u8::try_from(body.len()).unwrap();
    assert!(length < 0x80);
    [&[tag, length], body].concat()
}

fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    tlv(0x30, &parts.concat())
}

fn sha2(name: &str) -> Option<Vec<u8>> {
    let last = match name {
        "SHA-256" => 1,
        "SHA-384" => 2,
        "SHA-512" => 3,
        _ => return None,
    };
    Some(sequence(&[unhex(&format!("06096086480165030402{last:02x}")), vec![5, 0]]))
}

/// The `AlgorithmIdentifier` that a certificate would carry for the group; `None` for digests outside the registry.
fn algorithm(file: &str, group: &Value) -> Option<Vec<u8>> {
    if file.starts_with("ed25519") {
        return Some(sequence(&[unhex("06032b6570")]));
    }
    let sha = group["sha"].as_str().unwrap();
    let digest = sha2(sha)?;
    let number = digest[12];
    if file.starts_with("ecdsa") {
        return Some(sequence(&[unhex(&format!("06082a8648ce3d0403{:02x}", number + 1))]));
    }
    if file.starts_with("rsa_signature") {
        return Some(sequence(&[unhex(&format!("06092a864886f70d0101{:02x}", number + 10)), vec![5, 0]]));
    }
    let mask = match group["mgfSha"].as_str().unwrap() {
        "SHA-1" => sequence(&[unhex("06052b0e03021a"), vec![5, 0]]),
        other => sha2(other)?,
    };
    let mask = sequence(&[unhex("06092a864886f70d010108"), mask]);
    let salt = group["sLen"].as_u64().unwrap();
    let parameters =
        sequence(&[tlv(0xa0, &digest), tlv(0xa1, &mask), tlv(0xa2, &tlv(2, &[u8::try_from(salt).unwrap()]))]);
    Some(sequence(&[unhex("06092a864886f70d01010a"), parameters]))
}

#[test]
fn wycheproof_has_no_deviation() {
    let registry = AlgorithmRegistry::standard();
    let (mut verified, mut refused, mut unsupported, mut files) = (0, 0, 0, 0);
    for entry in std::fs::read_dir(FOLDER).unwrap() {
        let path = entry.unwrap().path();
        let file = path.file_name().unwrap().to_str().unwrap().to_owned();
        if !file.ends_with(".json.gz") {
            continue;
        }
        let output = std::process::Command::new("gzip").args(["-dc".as_ref(), path.as_os_str()]).output().unwrap();
        let suite: Value = serde_json::from_slice(&output.stdout).unwrap();
        files += 1;
        for group in suite["testGroups"].as_array().unwrap() {
            let key = group["publicKeyDer"].as_str().map(unhex).unwrap();
            let algorithm = algorithm(&file, group);
            for test in group["tests"].as_array().unwrap() {
                let (message, signature) = (unhex(test["msg"].as_str().unwrap()), unhex(test["sig"].as_str().unwrap()));
                let result = match &algorithm {
                    None => Err(AlgorithmError::Unsupported { oid: "digest outside the registry".to_owned() }),
                    Some(algorithm) => registry.verify(&SignatureRequest {
                        algorithm,
                        key: &key,
                        cms_digest: None,
                        message: &message,
                        signature: &signature,
                    }),
                };
                let at = format!("{file} {}: {} {}", test["tcId"], test["comment"], encode_hex(&signature));
                match (test["result"].as_str().unwrap(), result) {
                    ("valid", Ok(_)) => verified += 1,
                    (_, Err(AlgorithmError::Unsupported { .. })) => unsupported += 1,
                    // Pinned: the one class of `acceptable` is DigestInfo without NULL, which is refused.
                    ("invalid", Err(_)) | ("acceptable", Err(AlgorithmError::BadSignature)) => refused += 1,
                    (expected, result) => panic!("{at}: {expected}, got {result:?}"),
                }
            }
        }
    }
    println!("{files} files: {verified} verified, {refused} refused, {unsupported} unsupported");
    assert_eq!(files, 22);
    assert!(verified > 1000 && refused > 2000, "{verified} {refused} {unsupported}");
}

/// Pitfall 9.
#[test]
fn broken_digests_are_forbidden_and_unknown_algorithms_unsupported() {
    let registry = AlgorithmRegistry::standard();
    let verify = |algorithm: &[u8]| {
        let request = SignatureRequest { algorithm, key: &[], cms_digest: None, message: &[], signature: &[] };
        registry.verify(&request).unwrap_err()
    };
    let sha1_with_rsa = sequence(&[unhex("06092a864886f70d010105"), vec![5, 0]]);
    let md5_with_rsa = sequence(&[unhex("06092a864886f70d010104"), vec![5, 0]]);
    let ecdsa_with_sha1 = sequence(&[unhex("06072a8648ce3d0401")]);
    // GOST of Tumar CSP, from before 2015.
    let old_gost = sequence(&[unhex("060a2b06010401b511010202")]);
    let rsa_key = sequence(&[unhex("06092a864886f70d010101"), vec![5, 0]]);
    assert_eq!(verify(&sha1_with_rsa), AlgorithmError::Forbidden { what: "sha1" });
    assert_eq!(verify(&md5_with_rsa), AlgorithmError::Forbidden { what: "md5" });
    assert_eq!(verify(&ecdsa_with_sha1), AlgorithmError::Forbidden { what: "sha1" });
    assert!(matches!(verify(&old_gost), AlgorithmError::Unsupported { .. }));
    // A key's identifier is a signature algorithm in CMS alone.
    assert!(matches!(verify(&rsa_key), AlgorithmError::Unsupported { .. }));
}
