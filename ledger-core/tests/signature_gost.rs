//! GOST signatures through the algorithm registry: real vectors of the national authority, a second opinion in plain
//! big integers, and everything that must not hold.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::many_single_char_names,
    clippy::unused_self,
    clippy::wrong_self_convention,
    clippy::filter_map_next,
    reason = "a test that cannot go on has failed"
)]

use gost94::{Digest as _, Gost94CryptoPro};
use ledger_core::digest::encode_hex;
use ledger_core::pki::alg::{
    AlgorithmError, AlgorithmRegistry, DigestScheme, Gost, GostDigest, SignatureRequest, SignatureScheme as _, Verified,
};
use num_bigint::BigUint;
use proptest::prelude::*;
use serde_json::Value;

#[allow(dead_code, reason = "each test uses a part")]
#[path = "support/der.rs"]
mod der;
#[path = "../../ledger-store/src/test_ca/gost.rs"]
#[allow(dead_code, reason = "each test uses a part")]
mod gost;

use der::{NULL, bit_string, octet_string, oid, sequence};
use gost::Curve;

const VECTORS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/kz-pki/vectors/");

fn json(name: &str) -> Vec<Value> {
    serde_json::from_slice(&std::fs::read(format!("{VECTORS}{name}")).unwrap()).unwrap()
}

fn unhex(text: &Value) -> Vec<u8> {
    let text = text.as_str().unwrap();
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

/// One row of the national registry, as its papers have it.
struct Row {
    scheme: Gost,
    name: &'static str,
    key: &'static str,
    parameters: [&'static str; 2],
    signature: &'static str,
    digest: GostDigest,
    curve: Curve,
}

fn row_2004() -> Row {
    Row {
        scheme: Gost::Gost2004,
        name: "gost-34310-2004",
        key: "1.2.398.3.10.1.1.1.1",
        parameters: ["1.2.398.3.10.1.1.1.1.1", "1.2.398.3.10.1.3.1.1.0"],
        signature: "1.2.398.3.10.1.1.1.2",
        digest: GostDigest::Gost34311,
        curve: gost::crypto_pro_a(),
    }
}

fn row_2015_256() -> Row {
    Row {
        scheme: Gost::Gost2015Bits256,
        name: "gost-34310-2015-256",
        key: "1.2.398.3.10.1.1.2.1",
        parameters: ["1.2.398.3.10.1.1.2.1.1", "1.2.398.3.10.1.3.2"],
        signature: "1.2.398.3.10.1.1.2.3.1",
        digest: GostDigest::Streebog256,
        curve: gost::tc26_a_256(),
    }
}

fn row_2015_512() -> Row {
    Row {
        scheme: Gost::Gost2015Bits512,
        name: "gost-34310-2015-512",
        key: "1.2.398.3.10.1.1.2.2",
        parameters: ["1.2.398.3.10.1.1.2.2.1", "1.2.398.3.10.1.3.3"],
        signature: "1.2.398.3.10.1.1.2.3.2",
        digest: GostDigest::Streebog512,
        curve: gost::tc26_a_512(),
    }
}

fn rows() -> [Row; 3] {
    [row_2004(), row_2015_256(), row_2015_512()]
}

impl Row {
    fn spki_with(&self, key: &str, parameters: &[u8], point: &[u8]) -> Vec<u8> {
        sequence(&[&sequence(&[&oid(key), parameters]), &bit_string(point)])
    }

    fn spki(&self, point: &[u8]) -> Vec<u8> {
        let parameters = sequence(&[&oid(self.parameters[0]), &oid(self.parameters[1])]);
        self.spki_with(self.key, &parameters, &octet_string(point))
    }

    /// By the scheme alone, so that the row that is switched off can be asked too.
    fn verify(&self, point: &[u8], message: &[u8], signature: &[u8]) -> Result<Verified, AlgorithmError> {
        let algorithm = sequence(&[&oid(self.signature), &NULL]);
        let key = self.spki(point);
        self.scheme.verify(&SignatureRequest { algorithm: &algorithm, key: &key, cms_digest: None, message, signature })
    }

    fn digest_number(&self, message: &[u8]) -> BigUint {
        BigUint::from_bytes_le(&self.digest.digest(&[message]))
    }

    /// The verdict in plain big integers.
    fn second_opinion(&self, point: &[u8], message: &[u8], signature: &[u8]) -> bool {
        let (Some(key), Some((r, s))) = (self.curve.numbers(point), self.curve.numbers(signature)) else {
            return false;
        };
        self.curve.verify(&key, &self.digest_number(message), (&r, &s))
    }

    /// Key and signature over `message`, made in plain big integers.
    fn signed(&self, seed: u64, message: &[u8]) -> Signed {
        let private = self.from_seed(seed, "key");
        let (x, y) = self.curve.public(&private).unwrap();
        let k = self.from_seed(seed, "k");
        let (r, s) = self.curve.sign(&private, &self.digest_number(message), &k).unwrap();
        let signature = self.curve.octets((&r, &s));
        Signed { private, point: self.curve.octets((&x, &y)), signature }
    }

    fn from_seed(&self, seed: u64, label: &str) -> BigUint {
        let octets = GostDigest::Streebog512.digest(&[&seed.to_be_bytes(), label.as_bytes()]);
        BigUint::from_bytes_be(&octets) % &self.curve.q
    }
}

struct Signed {
    private: BigUint,
    point: Vec<u8>,
    signature: Vec<u8>,
}

/// The vector, its row, and its parts: key, message, signature.
fn vectors() -> Vec<(Value, Row, [Vec<u8>; 3])> {
    let vectors = json("gost_verify.json").into_iter();
    vectors
        .map(|vector| {
            let row = match vector["row"].as_str().unwrap() {
                "GOST-2004" => row_2004(),
                "GOST-2015-512" => row_2015_512(),
                other => panic!("{other}"),
            };
            let parts = ["pub_hex", "tbs_hex", "sig_hex"].map(|name| unhex(&vector[name]));
            (vector, row, parts)
        })
        .collect()
}

fn flipped(octets: &[u8], bit: usize) -> Vec<u8> {
    let mut octets = octets.to_vec();
    octets[bit / 8] ^= 1 << (bit % 8);
    octets
}

fn reversed(octets: &[u8]) -> Vec<u8> {
    octets.iter().rev().copied().collect()
}

#[test]
fn digests_give_the_known_answers() {
    let answers = json("hash_kat.json");
    assert!(!answers.is_empty());
    for answer in answers {
        let message = unhex(&answer["msg_hex"]);
        for (digest, name) in [
            (GostDigest::Gost34311, "gost34311_95_param0"),
            (GostDigest::Streebog256, "streebog256"),
            (GostDigest::Streebog512, "streebog512"),
        ] {
            assert_eq!(encode_hex(&digest.digest(&[&message])), answer[name].as_str().unwrap(), "{name}");
            let (first, second) = message.split_at(message.len() / 2);
            assert_eq!(digest.digest(&[first, second]), digest.digest(&[&message]));
        }
        let russian = encode_hex(&Gost94CryptoPro::digest(&message));
        assert_eq!(russian, answer["gost34311_94_cryptopro_WRONG_FOR_KZ"].as_str().unwrap());
    }
}

#[test]
fn every_vector_of_the_national_authority_gets_its_verdict_from_the_registry() {
    let registry = AlgorithmRegistry::standard();
    let (mut valid, mut invalid) = (0, 0);
    for (vector, row, [point, message, signature]) in vectors() {
        let id = &vector["id"];
        let digest = registry.digest(&sequence(&[&oid(row.digest.oid()), &NULL]), &[&message]).unwrap();
        assert_eq!(digest, unhex(&vector["digest_hex"]), "{id}");
        let (r, s) = row.curve.numbers(&signature).unwrap();
        assert_eq!(r, BigUint::from_bytes_be(&unhex(&vector["r_hex_be"])), "{id}");
        assert_eq!(s, BigUint::from_bytes_be(&unhex(&vector["s_hex_be"])), "{id}");
        let algorithm = sequence(&[&oid(row.signature), &NULL]);
        let request = SignatureRequest {
            algorithm: &algorithm,
            key: &row.spki(&point),
            cms_digest: None,
            message: &message,
            signature: &signature,
        };
        if vector["valid"].as_bool().unwrap() {
            let verified = registry.verify(&request).unwrap_or_else(|error| panic!("{id}: {error}"));
            let key_bits = u32::try_from(row.curve.length * 8).unwrap();
            assert_eq!(verified, Verified { scheme: row.name.to_owned(), key_bits, weakness: None }, "{id}");
            valid += 1;
        } else {
            assert_eq!(registry.verify(&request), Err(AlgorithmError::BadSignature), "{id}");
            invalid += 1;
        }
    }
    println!("{valid} valid, {invalid} invalid");
    assert!(valid > 0 && invalid > 0);
}

/// One vector of each row; the rows differ in numbers alone.
fn one_vector_of_each_row() -> Vec<(Row, [Vec<u8>; 3])> {
    let all = || vectors().into_iter().filter(|(vector, ..)| vector["valid"].as_bool().unwrap());
    ["GOST-2004", "GOST-2015-512"]
        .map(|name| {
            let (_, row, parts) = all().find(|(vector, ..)| vector["row"] == name).unwrap();
            (row, parts)
        })
        .into()
}

#[test]
fn no_flipped_bit_of_signature_or_key_verifies() {
    for (row, [point, message, signature]) in one_vector_of_each_row() {
        // Every octet, each time another bit of it: all bits of the small examples are flipped beside the arithmetic.
        for octet in 0..signature.len() {
            let bit = octet * 8 + octet % 8;
            assert_eq!(row.verify(&point, &message, &flipped(&signature, bit)), Err(AlgorithmError::BadSignature));
            let error = row.verify(&flipped(&point, bit), &message, &signature).unwrap_err();
            assert!(matches!(error, AlgorithmError::BadKey { .. }), "{error}");
        }
    }
}

#[test]
fn no_other_byte_order_of_a_signature_or_key_verifies() {
    for (row, [point, message, signature]) in one_vector_of_each_row() {
        let (r, s) = signature.split_at(row.curve.length);
        for (what, other) in [
            ("s, r", [s, r].concat()),
            ("r, s, big-endian", [reversed(r), reversed(s)].concat()),
            // RFC 4491 and RFC 9215: what Russian implementations write.
            ("s, r, big-endian", [reversed(s), reversed(r)].concat()),
        ] {
            assert_eq!(row.verify(&point, &message, &other), Err(AlgorithmError::BadSignature), "{what}");
        }
        let (x, y) = point.split_at(row.curve.length);
        for other in [[y, x].concat(), [reversed(x), reversed(y)].concat(), [reversed(y), reversed(x)].concat()] {
            assert!(matches!(row.verify(&other, &message, &signature), Err(AlgorithmError::BadKey { .. })));
        }
        // The digest read big-endian, by a signer who does so.
        let signed = row.signed(1, &message);
        let k = row.from_seed(2, "k");
        let digest = BigUint::from_bytes_be(&row.digest.digest(&[&message]));
        let (r, s) = row.curve.sign(&signed.private, &digest, &k).unwrap();
        let signature = row.curve.octets((&r, &s));
        assert_eq!(row.verify(&signed.point, &message, &signature), Err(AlgorithmError::BadSignature));
    }
}

#[test]
fn numbers_out_of_range_never_verify() {
    for row in rows() {
        let message = b"a contract";
        let Signed { point, signature, .. } = row.signed(3, message);
        assert!(row.verify(&point, message, &signature).is_ok());
        let (r, s) = row.curve.numbers(&signature).unwrap();
        let (zero, q) = (BigUint::ZERO, row.curve.q.clone());
        let largest = BigUint::from_bytes_le(&vec![0xff; row.curve.length]);
        for (r, s) in [(&zero, &s), (&r, &zero), (&zero, &zero), (&q, &s), (&r, &q), (&largest, &s), (&r, &largest)] {
            let other = row.curve.octets((r, s));
            assert_eq!(row.verify(&point, message, &other), Err(AlgorithmError::BadSignature), "{r} {s}");
        }
        // The same numbers modulo q, where the octets have room for them.
        for (r, s) in [(&r + &q, s.clone()), (r.clone(), &s + &q)] {
            if r <= largest && s <= largest {
                let other = row.curve.octets((&r, &s));
                assert_eq!(row.verify(&point, message, &other), Err(AlgorithmError::BadSignature));
            }
        }
        let (x, y) = row.curve.numbers(&point).unwrap();
        let p = row.curve.p.clone();
        let one = BigUint::from(1_u32);
        let keys = [
            (x.clone(), p.clone()),
            (p.clone(), y.clone()),
            (largest.clone(), y.clone()),
            (x, y + &one),
            (zero.clone(), zero),
        ];
        for (x, y) in keys.into_iter().filter(|(_, y)| *y <= largest) {
            let error = row.verify(&row.curve.octets((&x, &y)), message, &signature).unwrap_err();
            assert!(matches!(error, AlgorithmError::BadKey { .. }), "{error}");
        }
    }
}

/// x = 1 is on the curve of 2004, and so would be x = p + 1 if numbers were not asked to be reduced.
#[test]
fn a_coordinate_that_is_not_reduced_is_no_key() {
    let row = row_2004();
    let (x, y) = row.curve.base.clone();
    let one = BigUint::from(1_u32);
    let (r, s) = row.curve.sign(&one, &row.digest_number(b""), &BigUint::from(7_u32)).unwrap();
    let signature = row.curve.octets((&r, &s));
    assert!(row.verify(&row.curve.octets((&x, &y)), b"", &signature).is_ok());
    let moved = row.curve.octets((&(x + &row.curve.p), &y));
    assert!(matches!(row.verify(&moved, b"", &signature), Err(AlgorithmError::BadKey { .. })));
}

#[test]
fn other_lengths_never_verify() {
    for (row, [point, message, signature]) in one_vector_of_each_row() {
        for length in [0, 1, row.curve.length, signature.len() - 1] {
            assert_eq!(row.verify(&point, &message, &signature[..length]), Err(AlgorithmError::BadSignature));
            let error = row.verify(&point[..length], &message, &signature).unwrap_err();
            assert!(matches!(error, AlgorithmError::BadKey { .. }), "{error}");
        }
        let longer = |octets: &[u8]| [octets, &[0]].concat();
        assert_eq!(row.verify(&point, &message, &longer(&signature)), Err(AlgorithmError::BadSignature));
        assert!(matches!(row.verify(&longer(&point), &message, &signature), Err(AlgorithmError::BadKey { .. })));
    }
}

#[test]
fn a_signature_over_the_digest_with_the_russian_s_box_does_not_verify() {
    let row = row_2004();
    let message = b"a contract";
    let Signed { private, point, signature } = row.signed(4, message);
    assert!(row.verify(&point, message, &signature).is_ok());
    let digest = BigUint::from_bytes_le(&Gost94CryptoPro::digest(message));
    let (r, s) = row.curve.sign(&private, &digest, &row.from_seed(5, "k")).unwrap();
    let russian = row.curve.octets((&r, &s));
    assert_eq!(row.verify(&point, message, &russian), Err(AlgorithmError::BadSignature));
}

/// The curve of 256 bits has four times as many points as its group.
#[test]
fn a_point_outside_the_group_is_no_key() {
    let row = row_2015_256();
    let curve = &row.curve;
    let root = |square: &BigUint| square.modpow(&((&curve.p + 1_u32) / 4_u32), &curve.p);
    let outside = (2_u32..)
        .filter_map(|x| {
            let x = BigUint::from(x);
            let y = root(&((&x * &x * &x + &curve.a * &x + &curve.b) % &curve.p));
            let point = (x, y);
            (curve.contains(&point) && curve.multiply(&curve.q, &Some(point.clone())).is_some()).then_some(point)
        })
        .next()
        .unwrap();
    let signature = row.signed(6, b"").signature;
    let error = row.verify(&curve.octets((&outside.0, &outside.1)), b"", &signature).unwrap_err();
    assert!(matches!(error, AlgorithmError::BadKey { .. }), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    /// The second opinion signs and verifies in plain big integers; the library must say the same of each change.
    #[test]
    fn the_library_agrees_with_the_second_opinion(
        seed: u64,
        message in proptest::collection::vec(any::<u8>(), 0..200),
        part in 0_usize..4,
        bit: proptest::sample::Index,
    ) {
        for row in rows() {
            let Signed { mut point, mut signature, .. } = row.signed(seed, &message);
            let mut message = message.clone();
            match part {
                1 => signature = flipped(&signature, bit.index(signature.len() * 8)),
                2 => point = flipped(&point, bit.index(point.len() * 8)),
                3 if !message.is_empty() => message = flipped(&message, bit.index(message.len() * 8)),
                _ => {}
            }
            let ours = row.verify(&point, &message, &signature);
            prop_assert_eq!(ours.is_ok(), row.second_opinion(&point, &message, &signature), "{:?}", ours);
            prop_assert_eq!(ours.is_ok(), part == 0 || part == 3 && message.is_empty());
        }
    }
}

/// An algorithm identifier that a CMS of the row may carry, and what the registry says of it.
#[test]
fn the_key_decides_the_row_and_the_identifiers_must_be_its_own() {
    let registry = AlgorithmRegistry::standard();
    let (old, new, message) = (row_2004(), row_2015_512(), b"a contract");
    let null = |dotted: &str| sequence(&[&oid(dotted), &NULL]);
    for (row, other) in [(&old, &new), (&new, &old)] {
        let Signed { point, signature, .. } = row.signed(7, message);
        let spki = row.spki(&point);
        let verify = |algorithm: &[u8], cms_digest: Option<&[u8]>, key: &[u8]| {
            registry.verify(&SignatureRequest { algorithm, key, cms_digest, message, signature: &signature })
        };
        let digest = null(row.digest.oid());
        // KalkanCrypt writes the key's identifier, others the signature's; both with NULL or without.
        for algorithm in [null(row.signature), null(row.key), sequence(&[&oid(row.signature)])] {
            assert!(verify(&algorithm, Some(&digest), &spki).is_ok());
        }
        assert!(verify(&null(row.signature), None, &spki).is_ok());
        // In certificates the key's identifier is no signature algorithm.
        assert!(matches!(verify(&null(row.key), None, &spki), Err(AlgorithmError::Unsupported { .. })));
        for digest in [
            null(other.digest.oid()),
            null("2.16.840.1.101.3.4.2.1"),
            sequence(&[&oid(row.digest.oid()), &oid("1.2.3")]),
        ] {
            let result = verify(&null(row.signature), Some(&digest), &spki);
            assert!(matches!(result, Err(AlgorithmError::BadParameters { .. })), "{result:?}");
        }
        let parameters = sequence(&[&oid(row.signature), &oid(row.parameters[0])]);
        assert!(matches!(verify(&parameters, None, &spki), Err(AlgorithmError::BadParameters { .. })));
        // The other row's key under this row's identifier, and the reverse.
        assert_eq!(verify(&null(row.signature), None, &other.spki(&point)), Err(AlgorithmError::KeyMismatch));
        assert_eq!(verify(&null(other.signature), None, &spki), Err(AlgorithmError::KeyMismatch));
        // Identifiers of before 2015.
        for old in ["1.3.6.1.4.1.6801.1.2.2", "1.2.398.3.3.3.1.1"] {
            assert!(matches!(verify(&null(old), None, &spki), Err(AlgorithmError::Unsupported { .. })));
        }
    }
}

#[test]
fn a_key_with_other_parameters_is_unsupported_and_a_malformed_one_refused() {
    let registry = AlgorithmRegistry::standard();
    for row in [row_2004(), row_2015_512()] {
        let message = b"a contract";
        let Signed { point, signature, .. } = row.signed(8, message);
        let verify = |key: &[u8]| {
            let algorithm = sequence(&[&oid(row.signature), &NULL]);
            registry.verify(&SignatureRequest {
                algorithm: &algorithm,
                key,
                cms_digest: None,
                message,
                signature: &signature,
            })
        };
        let point = octet_string(&point);
        let [curve, digest] = row.parameters.map(oid);
        let key = |parameters: &[u8]| row.spki_with(row.key, parameters, &point);
        assert!(verify(&key(&sequence(&[&curve, &digest]))).is_ok());
        let others = [
            // Registered sets B and C, hash parameter 1, the Russian names, the pair in the other order.
            sequence(&[&oid("1.2.398.3.10.1.1.1.1.2"), &digest]),
            sequence(&[&oid("1.2.398.3.10.1.1.1.1.3"), &digest]),
            sequence(&[&curve, &oid("1.2.398.3.10.1.3.1.1.1")]),
            sequence(&[&oid("1.2.643.2.2.35.1"), &oid("1.2.643.2.2.30.1")]),
            sequence(&[&digest, &curve]),
        ];
        for parameters in others {
            let result = verify(&key(&parameters));
            assert!(matches!(result, Err(AlgorithmError::Unsupported { .. })), "{result:?}");
        }
        let malformed = [
            key(&[]),
            key(&NULL),
            key(&curve),
            key(&sequence(&[&curve])),
            key(&sequence(&[&curve, &digest, &digest])),
            key(&sequence(&[&curve, &digest, &NULL])),
            // The point without its OCTET STRING.
            row.spki_with(row.key, &sequence(&[&curve, &digest]), &point[2..]),
            Vec::new(),
        ];
        for key in malformed {
            let result = verify(&key);
            assert!(matches!(result, Err(AlgorithmError::BadKey { .. })), "{result:?}");
        }
    }
}

/// Its code is right by the second opinion, but no object of the national authority proves it.
#[test]
fn the_unproved_row_is_unsupported_until_somebody_adds_it() {
    let row = row_2015_256();
    let message = b"a contract";
    let Signed { point, signature, .. } = row.signed(9, message);
    let (algorithm, key) = (sequence(&[&oid(row.signature), &NULL]), row.spki(&point));
    let request =
        SignatureRequest { algorithm: &algorithm, key: &key, cms_digest: None, message, signature: &signature };
    let standard = AlgorithmRegistry::standard();
    assert_eq!(standard.verify(&request), Err(AlgorithmError::Unsupported { oid: row.signature.to_owned() }));
    let digest = sequence(&[&oid(row.digest.oid()), &NULL]);
    assert!(matches!(standard.digest(&digest, &[message]), Err(AlgorithmError::Unsupported { .. })));
    let added =
        standard.clone().with_scheme(std::sync::Arc::new(row.scheme)).with_digest(std::sync::Arc::new(row.digest));
    assert_eq!(added.verify(&request).unwrap().scheme, row.name);
    assert_eq!(added.digest(&digest, &[message]).unwrap(), row.digest.digest(&[message]));
}
