//! Meshes of cross-certified authorities and other paths that a hostile pool can offer, made here with Ed25519.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_types,
    reason = "a test that cannot go on has failed"
)]

use ed25519_dalek::{Signer as _, SigningKey};
use ledger_core::pki::report::codes;
use ledger_core::signature::{
    CertificateReport, EvidenceSet, Outcome, SignaturePolicy, TrustSnapshot, verify_certificate,
};

const ED25519: [u8; 7] = [0x30, 5, 6, 3, 0x2b, 0x65, 0x70];

fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    let length = u16::try_from(body.len()).unwrap().to_be_bytes();
    match body.len() {
        0..0x80 => [&[tag, length[1]], body.as_slice()].concat(),
        0x80..0x100 => [&[tag, 0x81, length[1]], body.as_slice()].concat(),
        _ => [&[tag, 0x82, length[0], length[1]], body.as_slice()].concat(),
    }
}

fn name(text: &str) -> Vec<u8> {
    tlv(0x30, &[&tlv(0x31, &[&tlv(0x30, &[&[6, 3, 0x55, 4, 3], &tlv(0x0c, &[text.as_bytes()])])])])
}

fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

fn extension(oid_end: u8, critical: bool, value: &[u8]) -> Vec<u8> {
    let flag: &[u8] = if critical { &[1, 1, 0xff] } else { &[] };
    tlv(0x30, &[&[6, 3, 0x55, 0x1d, oid_end], flag, &tlv(4, &[value])])
}

const CA: &[&[u8]] = &[&[19, 0x30, 3, 1, 1, 0xff], &[15, 3, 2, 1, 6]];
const LEAF: &[&[u8]] = &[&[15, 3, 2, 6, 0xc0]];

/// A certificate, valid 2020 to 2040; `extensions` are (last byte of 2.5.29.x, value) and critical.
fn certificate(issuer: (&str, u8), subject: (&str, u8), extensions: &[&[u8]]) -> Vec<u8> {
    let spki = tlv(0x30, &[&ED25519, &tlv(3, &[&[0], key(subject.1).verifying_key().as_bytes()])]);
    let validity = tlv(0x30, &[&tlv(0x17, &[b"200101000000Z"]), &tlv(0x17, &[b"400101000000Z"])]);
    let list: Vec<u8> = extensions.iter().flat_map(|one| extension(one[0], true, &one[1..])).collect();
    let list = tlv(0xa3, &[&tlv(0x30, &[&list])]);
    let serial = [2, 2, 1, subject.1];
    let fields: [&[u8]; 8] =
        [&[0xa0, 3, 2, 1, 2], &serial, &ED25519, &name(issuer.0), &validity, &name(subject.0), &spki, &list];
    let tbs = tlv(0x30, &fields);
    let signature = key(issuer.1).sign(&tbs).to_bytes();
    tlv(0x30, &[&tbs, &ED25519, &tlv(3, &[&[0], &signature])])
}

fn judge(target: &[u8], pool: &[Vec<u8>], anchors: &[Vec<u8>]) -> CertificateReport {
    let trust = TrustSnapshot::from_parts(anchors.to_vec(), Vec::new()).unwrap();
    let policy = SignaturePolicy { require_revocation: false, ..SignaturePolicy::default_2026() };
    let at = "2026-01-01T00:00:00.000Z".parse().unwrap();
    verify_certificate(target, &EvidenceSet::new(pool, &[]), &trust, &policy, at, None)
}

#[test]
fn a_path_of_ed25519_certificates_passes() {
    let root = certificate(("root", 1), ("root", 1), CA);
    let middle = certificate(("root", 1), ("middle", 2), CA);
    let leaf = certificate(("middle", 2), ("leaf", 3), LEAF);
    let report = judge(&leaf, std::slice::from_ref(&middle), std::slice::from_ref(&root));
    assert!(report.verdict.is_passed(), "{report:#?}");
    assert_eq!(report.chain.path.len(), 3);
}

/// Pitfall 5: what a message brings along is a pool, never trust.
#[test]
fn a_root_in_the_pool_is_not_trusted() {
    let root = certificate(("root", 1), ("root", 1), CA);
    let middle = certificate(("root", 1), ("middle", 2), CA);
    let leaf = certificate(("middle", 2), ("leaf", 3), LEAF);
    let other = certificate(("other root", 7), ("other root", 7), CA);
    let report = judge(&leaf, &[middle, root], &[other]);
    assert_eq!(report.chain.check.code.as_str(), codes::NO_PATH);
    assert!(!report.verdict.is_passed());
}

/// Pitfall 10: every authority has certified every other; none leads to the anchor.
#[test]
fn a_mesh_of_cross_certified_authorities_ends_quickly_and_undecided() {
    let names: Vec<String> = (10..24).map(|seed| format!("authority {seed}")).collect();
    let seeds: Vec<(&str, u8)> = names.iter().map(String::as_str).zip(10..24).collect();
    let mut pool = Vec::new();
    for issuer in &seeds {
        for subject in seeds.iter().filter(|subject| subject != &issuer) {
            pool.push(certificate(*issuer, *subject, CA));
        }
    }
    let anchor = certificate(("root", 1), ("root", 1), CA);
    let leaf = certificate(seeds[0], ("leaf", 3), LEAF);
    let started = std::time::Instant::now();
    let report = judge(&leaf, &pool, &[anchor]);
    assert!(started.elapsed().as_secs() < 3, "{:?}", started.elapsed());
    assert_eq!(report.chain.check.code.as_str(), codes::PATH_LIMIT);
    assert_eq!(report.chain.check.outcome, Outcome::Indeterminate);
}

/// Each row breaks one thing of a sound path; none may pass (pitfalls 11 and 15, traps 4 and 5 of `certval`).
#[test]
fn a_path_with_one_thing_broken_never_passes() {
    let root = certificate(("root", 1), ("root", 1), CA);
    let middle = |extensions: &[&[u8]]| certificate(("root", 1), ("middle", 2), extensions);
    let leaf = |extensions: &[&[u8]]| certificate(("middle", 2), ("leaf", 3), extensions);
    let basic: &[u8] = CA[0];
    let usage: &[u8] = CA[1];
    let rows: [(&str, Vec<u8>, Vec<u8>, &str); 9] = [
        ("the issuer is no authority", middle(LEAF), leaf(LEAF), codes::PATH_CONSTRAINT),
        (
            "the issuer may not sign certificates",
            middle(&[basic, &[15, 3, 2, 1, 2]]),
            leaf(LEAF),
            codes::PATH_CONSTRAINT,
        ),
        ("another key has signed", middle(CA), certificate(("middle", 9), ("leaf", 3), LEAF), codes::PATH_SIGNATURE),
        ("an unknown critical extension", middle(CA), leaf(&[LEAF[0], &[99, 5, 0]]), codes::PATH_CRITICAL_EXTENSION),
        ("the issuer is not there", middle(CA), certificate(("nobody", 2), ("leaf", 3), LEAF), codes::NO_PATH),
        ("an extension twice", middle(CA), leaf(&[LEAF[0], LEAF[0]]), codes::NOT_REACHED),
        ("no purpose in extKeyUsage", middle(CA), leaf(&[LEAF[0], &[37, 0x30, 0]]), codes::NOT_REACHED),
        ("an extension of the issuer twice", middle(&[basic, usage, usage]), leaf(LEAF), codes::NO_PATH),
        (
            "the path is too long for the issuer",
            middle(&[&[19, 0x30, 6, 1, 1, 0xff, 2, 1, 0], usage]),
            leaf(LEAF),
            codes::OK,
        ),
    ];
    for (what, middle, leaf, code) in rows {
        let report = judge(&leaf, std::slice::from_ref(&middle), std::slice::from_ref(&root));
        assert_eq!(report.chain.check.code.as_str(), code, "{what}: {report:#?}");
        // The last row is the counter-example: length 0 allows leaves.
        assert_eq!(report.verdict.is_passed(), code == codes::OK, "{what}: {report:#?}");
    }
    let too_long = certificate(("middle", 2), ("lower", 4), CA);
    let leaf = certificate(("lower", 4), ("leaf", 3), LEAF);
    let report = judge(&leaf, &[middle(&[&[19, 0x30, 6, 1, 1, 0xff, 2, 1, 0], usage]), too_long], &[root]);
    assert_eq!(report.chain.check.code.as_str(), codes::PATH_CONSTRAINT, "{report:#?}");
}
