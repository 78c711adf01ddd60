//! Private keys of every algorithm, made from seeds, behind one way to sign.

use std::convert::Infallible;

use ed25519_dalek::Signer as _;
use rsa::pkcs8::EncodePrivateKey as _;
use rsa::rand_core::{TryCryptoRng, TryRng};
use sha2::{Digest as _, Sha256, Sha512};

use super::Algorithm;
use super::der::{NULL, OCTET_STRING, bit_string, context, integer, oid, sequence, tlv};
use super::national::{GostKey, Row};

pub(super) const SHA256: &str = "2.16.840.1.101.3.4.2.1";
const SHA512: &str = "2.16.840.1.101.3.4.2.3";
const ED25519: &str = "1.3.101.112";
const EC_PUBLIC_KEY: &str = "1.2.840.10045.2.1";
const PRIME256V1: &str = "1.2.840.10045.3.1.7";
const ECDSA_WITH_SHA256: &str = "1.2.840.10045.4.3.2";
const SHA256_WITH_RSA: &str = "1.2.840.113549.1.1.11";
/// DER of `DigestInfo` for SHA-256 up to the digest (RFC 8017, 9.2, note 1).
const SHA256_DIGEST_INFO: [u8; 19] = *b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20";

/// A private key. Test material: not wiped from memory.
#[derive(Clone)]
pub(super) enum PrivateKey {
    Rsa(Box<rsa::PrivateKey>),
    P256(p256::ecdsa::SigningKey),
    Ed25519(Box<ed25519_dalek::SigningKey>),
    Gost(GostKey),
}

impl PrivateKey {
    pub(super) fn from_seed(algorithm: Algorithm, seed: [u8; 32]) -> Self {
        match algorithm {
            Algorithm::Rsa2048 => {
                #[expect(clippy::expect_used, reason = "2048 bits are allowed and the generator never fails")]
                let key = rsa::PrivateKey::new(&mut SeededRng::new(seed), 2048).expect("an RSA key of 2048 bits");
                Self::Rsa(Box::new(key))
            }
            Algorithm::P256 => {
                // A scalar outside 1..n comes with probability 2^-32; the next hash is another try.
                let mut scalar = seed;
                loop {
                    match p256::ecdsa::SigningKey::from_slice(&scalar) {
                        Ok(key) => return Self::P256(key),
                        Err(_) => scalar = Sha256::digest(scalar).into(),
                    }
                }
            }
            Algorithm::Ed25519 => Self::Ed25519(Box::new(ed25519_dalek::SigningKey::from_bytes(&seed))),
            Algorithm::Gost2004 => Self::Gost(GostKey::from_seed(Row::Gost2004, seed)),
            Algorithm::Gost2015 => Self::Gost(GostKey::from_seed(Row::Gost2015, seed)),
        }
    }

    /// SHA-512 with Ed25519 (RFC 8419, 3.1), their own with GOST keys, SHA-256 otherwise.
    pub(super) fn digest(&self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Ed25519(_) => Sha512::digest(message).to_vec(),
            Self::Gost(key) => key.digest(message),
            Self::Rsa(_) | Self::P256(_) => Sha256::digest(message).to_vec(),
        }
    }

    pub(super) fn digest_algorithm(&self) -> Vec<u8> {
        match self {
            Self::Ed25519(_) => sequence(&[&oid(SHA512)]),
            Self::Gost(key) => key.digest_algorithm(),
            Self::Rsa(_) | Self::P256(_) => sequence(&[&oid(SHA256)]),
        }
    }

    pub(super) fn signature_algorithm(&self) -> Vec<u8> {
        match self {
            Self::Rsa(_) => sequence(&[&oid(SHA256_WITH_RSA), &NULL]),
            Self::P256(_) => sequence(&[&oid(ECDSA_WITH_SHA256)]),
            Self::Ed25519(_) => sequence(&[&oid(ED25519)]),
            Self::Gost(key) => key.signature_algorithm(),
        }
    }

    /// The signature value as certificates and CMS carry it.
    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Rsa(key) => {
                let padding = rsa::Pkcs1v15Sign { hash_len: Some(32), prefix: Box::new(SHA256_DIGEST_INFO) };
                let mut blinding = SeededRng::new(Sha256::digest(message).into());
                #[expect(clippy::expect_used, reason = "a 2048-bit key has room for a SHA-256 digest")]
                key.sign_with_rng(&mut blinding, padding, &Sha256::digest(message)).expect("an RSA signature")
            }
            Self::P256(key) => {
                let signature: p256::ecdsa::Signature = key.sign(message);
                signature.to_der().as_bytes().to_vec()
            }
            Self::Ed25519(key) => key.sign(message).to_bytes().to_vec(),
            Self::Gost(key) => key.sign(message),
        }
    }

    /// `SubjectPublicKeyInfo`.
    pub(super) fn public_key_info(&self) -> Vec<u8> {
        sequence(&[&self.key_algorithm(), &bit_string(&self.public_key())])
    }

    /// The value of the `subjectPublicKey` bit string; key identifiers are digests of it.
    pub(super) fn public_key(&self) -> Vec<u8> {
        match self {
            Self::Rsa(key) => {
                use rsa::traits::PublicKeyParts as _;
                sequence(&[&integer(&key.n().to_be_bytes()), &integer(&key.e().to_be_bytes())])
            }
            Self::P256(key) => key.verifying_key().to_sec1_point(false).as_bytes().to_vec(),
            Self::Ed25519(key) => key.verifying_key().to_bytes().to_vec(),
            Self::Gost(key) => key.public_key(),
        }
    }

    fn key_algorithm(&self) -> Vec<u8> {
        match self {
            Self::Rsa(_) => sequence(&[&oid("1.2.840.113549.1.1.1"), &NULL]),
            Self::P256(_) => sequence(&[&oid(EC_PUBLIC_KEY), &oid(PRIME256V1)]),
            Self::Ed25519(_) => sequence(&[&oid(ED25519)]),
            Self::Gost(key) => key.key_algorithm(),
        }
    }

    /// PKCS#8 (RFC 5958, version 1).
    pub(super) fn to_pkcs8(&self) -> Vec<u8> {
        let wrap = |inner: Vec<u8>| sequence(&[&integer(&[]), &self.key_algorithm(), &tlv(OCTET_STRING, &inner)]);
        match self {
            #[expect(clippy::expect_used, reason = "a valid key always has an encoding")]
            Self::Rsa(key) => key.to_pkcs8_der().expect("an encoded RSA key").as_bytes().to_vec(),
            Self::P256(key) => wrap(sequence(&[
                &integer(&[1]),
                &tlv(OCTET_STRING, &key.to_bytes()),
                &context(1, &bit_string(&self.public_key())),
            ])),
            Self::Ed25519(key) => wrap(tlv(OCTET_STRING, &key.to_bytes())),
            Self::Gost(key) => wrap(key.private_key()),
        }
    }
}

/// SHA-256(seed || counter) as a stream, so that one seed always gives one RSA key.
struct SeededRng {
    seed: [u8; 32],
    counter: u64,
}

impl SeededRng {
    const fn new(seed: [u8; 32]) -> Self {
        Self { seed, counter: 0 }
    }

    fn next<const LENGTH: usize>(&mut self) -> [u8; LENGTH] {
        let mut bytes = [0; LENGTH];
        self.fill(&mut bytes);
        bytes
    }

    fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(32) {
            let block = Sha256::new().chain_update(self.seed).chain_update(self.counter.to_be_bytes()).finalize();
            self.counter += 1;
            chunk.iter_mut().zip(block).for_each(|(to, from)| *to = from);
        }
    }
}

impl TryRng for SeededRng {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(u32::from_be_bytes(self.next()))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(u64::from_be_bytes(self.next()))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.fill(bytes);
        Ok(())
    }
}

impl TryCryptoRng for SeededRng {}
