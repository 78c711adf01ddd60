//! GOST keys as the national authority writes them, and its key containers (PKCS#12, RFC 7292).

use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeDecrypt as _, KeyIvInit as _};
use ledger_core::pki::alg::{DigestScheme as _, GostDigest};
use num_bigint::BigUint;
use rsa::pkcs8::DecodePrivateKey as _;
use sha1::{Digest as _, Sha1};
use thiserror::Error;

use super::der::{INTEGER, NULL, OCTET_STRING, SEQUENCE, integer, oid, sequence, tlv};
use super::gost::{self, Curve};
use super::key::PrivateKey;

/// Which GOST: key, curve and digest belong together.
#[derive(Clone, Copy)]
pub(super) enum Row {
    Gost2004,
    Gost2015,
}

impl Row {
    fn curve(self) -> Curve {
        match self {
            Self::Gost2004 => gost::crypto_pro_a(),
            Self::Gost2015 => gost::tc26_a_512(),
        }
    }

    const fn digest(self) -> GostDigest {
        match self {
            Self::Gost2004 => GostDigest::Gost34311,
            Self::Gost2015 => GostDigest::Streebog512,
        }
    }

    /// Algorithm, curve and digest parameters of the key; algorithm of the signature.
    const fn identifiers(self) -> ([&'static str; 3], &'static str) {
        match self {
            Self::Gost2004 => {
                (["1.2.398.3.10.1.1.1.1", "1.2.398.3.10.1.1.1.1.1", "1.2.398.3.10.1.3.1.1.0"], "1.2.398.3.10.1.1.1.2")
            }
            Self::Gost2015 => {
                (["1.2.398.3.10.1.1.2.2", "1.2.398.3.10.1.1.2.2.1", "1.2.398.3.10.1.3.3"], "1.2.398.3.10.1.1.2.3.2")
            }
        }
    }
}

/// A private key of GOST R 34.10.
#[derive(Clone)]
pub(super) struct GostKey {
    row: Row,
    private: BigUint,
    /// x then y, little-endian.
    public: Vec<u8>,
}

impl GostKey {
    pub(super) fn from_seed(row: Row, seed: [u8; 32]) -> Self {
        // Twice as long as needed for 256 bits, and the order of 512 bits is almost 2^512: no bias that a test minds.
        Self::new(row, BigUint::from_bytes_be(&GostDigest::Streebog512.digest(&[&seed])))
    }

    fn new(row: Row, private: BigUint) -> Self {
        let curve = row.curve();
        let private = private % &curve.q;
        let public = curve.public(&private).map(|(x, y)| curve.octets((&x, &y))).unwrap_or_default();
        Self { row, private, public }
    }

    pub(super) fn digest(&self, message: &[u8]) -> Vec<u8> {
        self.row.digest().digest(&[message])
    }

    pub(super) fn digest_algorithm(&self) -> Vec<u8> {
        sequence(&[&oid(self.row.digest().oid()), &NULL])
    }

    pub(super) fn signature_algorithm(&self) -> Vec<u8> {
        sequence(&[&oid(self.row.identifiers().1), &NULL])
    }

    pub(super) fn key_algorithm(&self) -> Vec<u8> {
        let ([key, curve, digest], _) = self.row.identifiers();
        sequence(&[&oid(key), &sequence(&[&oid(curve), &oid(digest)])])
    }

    pub(super) fn public_key(&self) -> Vec<u8> {
        tlv(OCTET_STRING, &self.public)
    }

    /// r then s, little-endian; the one-time number comes out of key and message, so that a signature repeats.
    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        let curve = self.row.curve();
        let digest = BigUint::from_bytes_le(&self.digest(message));
        let mut k = GostDigest::Streebog512.digest(&[&self.private.to_bytes_be(), message]);
        loop {
            if let Some((r, s)) = curve.sign(&self.private, &digest, &BigUint::from_bytes_be(&k)) {
                return curve.octets((&r, &s));
            }
            k = GostDigest::Streebog512.digest(&[&k]);
        }
    }

    /// The octets of a PKCS#8 `privateKey`.
    pub(super) fn private_key(&self) -> Vec<u8> {
        match self.row {
            Row::Gost2004 => integer(&self.private.to_bytes_be()),
            Row::Gost2015 => tlv(OCTET_STRING, &gost::little_endian(&self.private, self.row.curve().length)),
        }
    }
}

/// Why a key container gives no party.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ContainerError {
    /// No key bag with the national authority's encryption is inside.
    #[error("no key bag in the container")]
    NoKeyBag,
    /// The password is another, or the bag is damaged.
    #[error("the key bag does not open")]
    Password,
    /// The key is of no algorithm known here.
    #[error("the key is of an unknown algorithm")]
    Algorithm,
    /// The certificate cannot be read.
    #[error("the certificate cannot be read")]
    Certificate,
    /// The certificate is for another key.
    #[error("the certificate is for another key")]
    OtherKey,
}

/// The private key of a container. The bag is found by the identifier of its encryption, whatever BER stands around
/// it; the code of integrity (MAC) is not looked at, since the key is compared with its certificate.
pub(super) fn open(container: &[u8], password: &str) -> Result<PrivateKey, ContainerError> {
    // pbeWithSHAAnd3-KeyTripleDES-CBC.
    let encryption = oid("1.2.840.113549.1.12.1.3");
    let found = container.windows(encryption.len()).position(|window| window == encryption);
    let rest = found.and_then(|at| container.get(at + encryption.len()..)).ok_or(ContainerError::NoKeyBag)?;
    let bag = || {
        let (parameters, rest) = element(SEQUENCE, rest)?;
        let (salt, parameters) = element(OCTET_STRING, parameters)?;
        let (iterations, _) = element(INTEGER, parameters)?;
        let (encrypted, _) = element(OCTET_STRING, rest)?;
        Some((salt, u32::try_from(number(iterations)).ok()?, encrypted))
    };
    let (salt, iterations, encrypted) = bag().ok_or(ContainerError::NoKeyBag)?;
    let password: Vec<u8> = password.encode_utf16().chain([0]).flat_map(u16::to_be_bytes).collect();
    let key = derive(1, 24, &password, salt, iterations);
    let vector = derive(2, 8, &password, salt, iterations);
    let decryptor =
        cbc::Decryptor::<des::TdesEde3>::new_from_slices(&key, &vector).map_err(|_| ContainerError::Password)?;
    let mut bytes = encrypted.to_vec();
    let info = decryptor.decrypt_padded::<Pkcs7>(&mut bytes).map_err(|_| ContainerError::Password)?;
    private_key(info)
}

fn number(octets: &[u8]) -> u64 {
    octets.iter().take(8).fold(0, |sum, octet| sum << 8 | u64::from(*octet))
}

/// The key derivation of PKCS#12 (RFC 7292 appendix B.2) with SHA-1, for salts and passwords of any length.
fn derive(purpose: u8, length: usize, password: &[u8], salt: &[u8], iterations: u32) -> Vec<u8> {
    const BLOCK: usize = 64;
    let fill = |octets: &[u8]| -> Vec<u8> {
        octets.iter().copied().cycle().take(octets.len().div_ceil(BLOCK) * BLOCK).collect()
    };
    let mut input = [fill(salt), fill(password)].concat();
    let mut derived = Vec::new();
    loop {
        let first = Sha1::new().chain_update([purpose; BLOCK]).chain_update(&input).finalize();
        let hash = (1..iterations).fold(first, |hash, _| Sha1::digest(hash));
        derived.extend(hash);
        if derived.len() >= length {
            derived.truncate(length);
            return derived;
        }
        // Each block of the input plus the hash, repeated, plus one.
        let step = BigUint::from_bytes_be(&hash.iter().copied().cycle().take(BLOCK).collect::<Vec<_>>()) + 1_u32;
        let add = |block: &[u8]| {
            let mut sum = gost::little_endian(&(BigUint::from_bytes_be(block) + &step), BLOCK);
            sum.truncate(BLOCK);
            sum.reverse();
            sum
        };
        input = input.chunks(BLOCK).flat_map(add).collect();
    }
}

/// From PKCS#8.
fn private_key(info: &[u8]) -> Result<PrivateKey, ContainerError> {
    let parts = || {
        let (body, _) = element(SEQUENCE, info)?;
        let (_, rest) = element(INTEGER, body)?;
        let (algorithm, rest) = element(SEQUENCE, rest)?;
        Some((algorithm, element(OCTET_STRING, rest)?.0))
    };
    let (algorithm, octets) = parts().ok_or(ContainerError::Password)?;
    for row in [Row::Gost2004, Row::Gost2015] {
        let ([key, ..], _) = row.identifiers();
        if algorithm.starts_with(&oid(key)) {
            let private = match row {
                Row::Gost2004 => element(INTEGER, octets).map(|(octets, _)| BigUint::from_bytes_be(octets)),
                Row::Gost2015 => element(OCTET_STRING, octets).map(|(octets, _)| BigUint::from_bytes_le(octets)),
            };
            return Ok(PrivateKey::Gost(GostKey::new(row, private.ok_or(ContainerError::Password)?)));
        }
    }
    rsa::PrivateKey::from_pkcs8_der(info)
        .map(|key| PrivateKey::Rsa(Box::new(key)))
        .map_err(|_| ContainerError::Algorithm)
}

/// Name of the issuer, DER, and serial number of a certificate.
pub(super) fn issuer_and_serial(certificate: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let (outer, _) = element(SEQUENCE, certificate)?;
    let (body, _) = element(SEQUENCE, outer)?;
    let (_, rest) = element(0xa0, body)?;
    let (serial, rest) = element(INTEGER, rest)?;
    let (_, rest) = element(SEQUENCE, rest)?;
    let (issuer, _) = element(SEQUENCE, rest)?;
    Some((tlv(SEQUENCE, issuer), serial.to_vec()))
}

/// Contents of the first element, which must have this tag, and what follows it.
fn element(tag: u8, bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&length, rest) = bytes.strip_prefix(&[tag])?.split_first()?;
    let (length, rest) = match length {
        0..=0x7f => (u64::from(length), rest),
        0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(length & 0x7f))?;
            (number(digits), rest)
        }
        _ => return None,
    };
    rest.split_at_checked(usize::try_from(length).ok()?)
}
