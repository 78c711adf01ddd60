//! The registry against `ring`, an independent implementation: the same verdict over every Wycheproof vector it can
//! judge, and over random changes of the valid ones, but for differences that are listed here with their reasons.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test that cannot go on has failed"
)]

use std::collections::BTreeMap;

use ledger_core::pki::alg::{AlgorithmError, AlgorithmRegistry, SignatureRequest};
use ring::signature::{self as ring_signature, UnparsedPublicKey, VerificationAlgorithm};
use serde_json::Value;

#[allow(dead_code, reason = "each test uses a part")]
#[path = "support/der.rs"]
mod der;

use der::{NULL, oid, sequence, tlv};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/pki-suites/wycheproof/");

/// One way to sign, for both sides.
struct Both {
    algorithm: Vec<u8>,
    ring: &'static dyn VerificationAlgorithm,
    /// Only signatures that the algorithm identifier's parameters fit are comparable: `ring` takes one salt length.
    comparable: bool,
}

/// `None` where `ring` or the registry has no such algorithm.
fn both(file: &str, group: &Value) -> Option<Both> {
    let sha = group["sha"].as_str().unwrap_or_default();
    let bits = match sha {
        "SHA-256" => 256_u64,
        "SHA-384" => 384,
        "SHA-512" => 512,
        _ if file.starts_with("ed25519") => 0,
        _ => return None,
    };
    let digest = |last: &str| sequence(&[&oid(&format!("2.16.840.1.101.3.4.2.{last}")), &NULL]);
    let number = match bits {
        384 => "2",
        512 => "3",
        _ => "1",
    };
    let (algorithm, ring): (Vec<u8>, &'static dyn VerificationAlgorithm) = if file.starts_with("ed25519") {
        (sequence(&[&oid("1.3.101.112")]), &ring_signature::ED25519)
    } else if file.starts_with("ecdsa") {
        let ring: &'static dyn VerificationAlgorithm = match (group["publicKey"]["curve"].as_str()?, bits) {
            ("secp256r1", 256) => &ring_signature::ECDSA_P256_SHA256_ASN1,
            ("secp256r1", 384) => &ring_signature::ECDSA_P256_SHA384_ASN1,
            ("secp384r1", 256) => &ring_signature::ECDSA_P384_SHA256_ASN1,
            ("secp384r1", 384) => &ring_signature::ECDSA_P384_SHA384_ASN1,
            _ => return None,
        };
        let last = if bits == 256 { "2" } else { "3" };
        (sequence(&[&oid(&format!("1.2.840.10045.4.3.{last}"))]), ring)
    } else if file.starts_with("rsa_pss") {
        if group["mgfSha"].as_str()? != sha {
            return None;
        }
        let mask = sequence(&[&oid("1.2.840.113549.1.1.8"), &digest(number)]);
        let salt = u8::try_from(group["sLen"].as_u64()?).unwrap();
        let parameters = sequence(&[&tlv(0xa0, &digest(number)), &tlv(0xa1, &mask), &tlv(0xa2, &tlv(2, &[salt]))]);
        let ring: &'static dyn VerificationAlgorithm = match bits {
            256 => &ring_signature::RSA_PSS_2048_8192_SHA256,
            384 => &ring_signature::RSA_PSS_2048_8192_SHA384,
            _ => &ring_signature::RSA_PSS_2048_8192_SHA512,
        };
        (sequence(&[&oid("1.2.840.113549.1.1.10"), &parameters]), ring)
    } else {
        let (last, ring): (&str, &'static dyn VerificationAlgorithm) = match bits {
            256 => ("11", &ring_signature::RSA_PKCS1_2048_8192_SHA256),
            384 => ("12", &ring_signature::RSA_PKCS1_2048_8192_SHA384),
            _ => ("13", &ring_signature::RSA_PKCS1_2048_8192_SHA512),
        };
        (sequence(&[&oid(&format!("1.2.840.113549.1.1.{last}")), &NULL]), ring)
    };
    // RFC 4055 lets a signer choose; `ring` wants the length of the digest.
    let comparable = group["sLen"].as_u64().is_none_or(|salt| salt * 8 == bits);
    Some(Both { algorithm, ring, comparable })
}

/// The octets of the bit string in a `SubjectPublicKeyInfo`.
fn public_key(spki: &[u8]) -> &[u8] {
    let contents = |bytes| {
        let header = match <[u8]>::get(bytes, 1) {
            Some(0x81) => 3,
            Some(0x82) => 4,
            _ => 2,
        };
        &bytes[header..]
    };
    let outer = contents(spki);
    let algorithm = usize::from(outer[1]) + 2;
    &contents(&outer[algorithm..])[1..]
}

fn unhex(text: &Value) -> Vec<u8> {
    let text = text.as_str().unwrap();
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

/// A generator that gives the same numbers every time (splitmix64): a failure can be seen again.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % u64::try_from(limit).unwrap()).unwrap()
    }
}

#[test]
fn the_registry_and_ring_give_the_same_verdicts() {
    let registry = AlgorithmRegistry::standard();
    let mut numbers = Numbers(1);
    let mut compared: BTreeMap<&str, [usize; 2]> = BTreeMap::new();
    let mut files: Vec<_> = std::fs::read_dir(FOLDER).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for path in files.iter().filter(|path| path.extension().is_some_and(|extension| extension == "gz")) {
        let file = path.file_name().unwrap().to_str().unwrap();
        let output = std::process::Command::new("gzip").args(["-dc".as_ref(), path.as_os_str()]).output().unwrap();
        let suite: Value = serde_json::from_slice(&output.stdout).unwrap();
        for group in suite["testGroups"].as_array().unwrap() {
            let Some(Both { algorithm, ring, comparable }) = both(file, group) else { continue };
            let key = unhex(&group["publicKeyDer"]);
            // Policy: the registry takes 1024 bits and leaves the size to the policy; `ring` takes 2048.
            let too_short =
                group["keySize"].as_u64().or(group["publicKey"]["keySize"].as_u64()).is_some_and(|bits| bits < 2048);
            if !comparable || file.starts_with("rsa") && too_short {
                continue;
            }
            let family = ["ecdsa", "ed25519", "rsa_pss", "rsa_signature"];
            let family = family.into_iter().find(|family| file.starts_with(family)).unwrap();
            let mut compare = |message: &[u8], signature: &[u8], at: &str| {
                let request =
                    SignatureRequest { algorithm: &algorithm, key: &key, cms_digest: None, message, signature };
                let ours = registry.verify(&request);
                let theirs = UnparsedPublicKey::new(ring, public_key(&key)).verify(message, signature);
                assert!(!matches!(ours, Err(AlgorithmError::Unsupported { .. })), "{at}: {ours:?}");
                assert_eq!(ours.is_ok(), theirs.is_ok(), "{at}: {ours:?}");
                compared.entry(family).or_default()[usize::from(ours.is_ok())] += 1;
            };
            for test in group["tests"].as_array().unwrap() {
                let (message, signature) = (unhex(&test["msg"]), unhex(&test["sig"]));
                let at = format!("{file} {}: {}", test["tcId"], test["comment"]);
                compare(&message, &signature, &at);
                if test["result"] == "valid" && !signature.is_empty() {
                    let mut changed = signature.clone();
                    changed[numbers.below(signature.len())] ^= 1 << numbers.below(8);
                    compare(&message, &changed, &at);
                    compare(&message, &signature[..numbers.below(signature.len())], &at);
                    compare(&[&message[..], &[0]].concat(), &signature, &at);
                }
            }
        }
    }
    println!("refused and accepted by both: {compared:?}");
    assert_eq!(compared.len(), 4);
    assert!(compared.values().all(|[refused, accepted]| *refused > 100 && *accepted > 20), "{compared:?}");
}
