//! An algorithm that the library does not know is added from outside: Russian GOST R 34.10-2012 with 256 bits, over
//! signatures made by another implementation (`pki-suites/gost-custom-algorithm`).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

use std::sync::Arc;

use ledger_core::pki::alg::{
    AlgorithmError, AlgorithmRegistry, DigestScheme, GostDigest, SignatureRequest, SignatureScheme, Verified,
};
use ledger_core::pki::policy::AlgorithmRule;
use ledger_core::pki::report::codes;
use ledger_core::signature::{
    EvidenceSet, Outcome, SignaturePolicy, SubCode, TrustSnapshot, Verdict, VerificationReport, VerifyInput, verify,
    verify_with,
};
use num_bigint::BigUint;
use serde_json::Value;

#[allow(dead_code, reason = "each test uses a part")]
#[path = "support/der.rs"]
mod der;
#[allow(dead_code, reason = "each test uses a part")]
#[path = "../../ledger-store/src/test_ca/gost.rs"]
mod gost;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/pki-suites/gost-custom-algorithm/");

fn read(name: &str) -> Vec<u8> {
    std::fs::read(format!("{FOLDER}{name}")).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// GOST R 34.10-2012 after RFC 9215, over the curve CryptoPro-A.
#[derive(Debug)]
struct Russian;

const SIGNATURE: &str = "1.2.643.7.1.1.3.2";
const KEY: &str = "1.2.643.7.1.1.1.1";

impl SignatureScheme for Russian {
    fn claims(&self, request: &SignatureRequest<'_>) -> bool {
        let named = |dotted: &str| request.algorithm.windows(10).any(|window| window == der::oid(dotted));
        named(SIGNATURE) || request.cms_digest.is_some() && named(KEY)
    }

    fn verify(&self, request: &SignatureRequest<'_>) -> Result<Verified, AlgorithmError> {
        let curve = gost::crypto_pro_a();
        let parameters = der::sequence(&[&der::oid("1.2.643.2.2.35.1"), &der::oid(RussianDigest.oid())]);
        let point = request.key.last_chunk::<64>().filter(|point| {
            let algorithm = der::sequence(&[&der::oid(KEY), &parameters]);
            request.key == der::sequence(&[&algorithm, &der::bit_string(&der::octet_string(&point[..]))])
        });
        let key = point.and_then(|point| curve.numbers(point)).ok_or(AlgorithmError::KeyMismatch)?;
        let (s, r) = request.signature.split_at_checked(32).ok_or(AlgorithmError::BadSignature)?;
        let digest = BigUint::from_bytes_le(&RussianDigest.digest(&[request.message]));
        if !curve.verify(&key, &digest, (&BigUint::from_bytes_be(r), &BigUint::from_bytes_be(s))) {
            return Err(AlgorithmError::BadSignature);
        }
        Ok(Verified { scheme: "gost-r-3410-2012-256".to_owned(), key_bits: 256, weakness: None })
    }
}

/// Streebog with 256 bits under its Russian name.
#[derive(Debug)]
struct RussianDigest;

impl DigestScheme for RussianDigest {
    fn oid(&self) -> &'static str {
        "1.2.643.7.1.1.2.2"
    }

    fn digest(&self, parts: &[&[u8]]) -> Vec<u8> {
        GostDigest::Streebog256.digest(parts)
    }
}

#[test]
fn a_scheme_from_outside_verifies_what_the_standard_registry_calls_unsupported() {
    let suite: Value = serde_json::from_slice(&read("cases.json")).unwrap();
    let trust = TrustSnapshot::from_certificates([read(suite["trust_anchor"].as_str().unwrap())]).unwrap();
    let registry =
        AlgorithmRegistry::standard().clone().with_scheme(Arc::new(Russian)).with_digest(Arc::new(RussianDigest));
    let mut policy = SignaturePolicy { require_revocation: false, ..SignaturePolicy::default_2026() };
    let until = policy.algorithms[0].until;
    policy.algorithms.push(AlgorithmRule { scheme: "gost-r-3410-2012-".to_owned(), key_bits_min: 256, until });
    let at = suite["verification_time"].as_str().unwrap().replace('Z', ".000Z").parse().unwrap();
    let cases = suite["cases"].as_array().unwrap();
    assert!(!cases.is_empty());
    for case in cases {
        let file = case["file"].as_str().unwrap();
        let (signature, document) = (read(file), read(case["detached"].as_str().unwrap_or("doc.txt")));
        let evidence = EvidenceSet::default();
        let input = |document| VerifyInput {
            document,
            signature: &signature,
            evidence: &evidence,
            trust: &trust,
            policy: &policy,
            signing_time: at,
            receipt_time: at,
            known_until: None,
            document_type: None,
        };
        let integrity = |report: &VerificationReport| {
            let checks = &report.signatures[0].integrity;
            [checks.message_digest.outcome, checks.signature_value.outcome]
        };
        let without = verify(&input(&document));
        assert_eq!(integrity(&without), [Outcome::Indeterminate; 2], "{file}: {without:?}");
        assert_eq!(without.signatures[0].integrity.signature_value.code.as_str(), codes::UNSUPPORTED_ALGORITHM);
        assert!(matches!(without.overall, Verdict::Indeterminate(_)), "{file}: {without:?}");
        let with = verify_with(&input(&document), &registry);
        assert_eq!(integrity(&with), [Outcome::Pass; 2], "{file}: {with:?}");
        assert_eq!(with.signatures[0].chain_at.at_signing.check.outcome, Outcome::Pass, "{file}: {with:?}");
        assert_eq!(with.signatures[0].algorithms.outcome, Outcome::Pass, "{file}: {with:?}");
        let other = verify_with(&input(b"another document"), &registry);
        assert_eq!(other.overall, Verdict::Failed(SubCode::HashFailure), "{file}");
    }
}
