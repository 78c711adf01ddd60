//! RSA: PKCS#1 v1.5 and PSS (RFC 8017, RFC 4055), verification only. The only file that knows the crate `rsa`.

use const_oid::ObjectIdentifier;
use rsa::pkcs1::DecodeRsaPublicKey as _;
use rsa::traits::PublicKeyParts as _;
use rsa::{Pkcs1v15Sign, Pss, PublicKey};
use sha2::{Sha256, Sha384, Sha512};

use super::digest::{Digest, forbidden_digest};
use super::{
    AlgorithmError, AlgorithmIdentifier, PublicKeyInfo, SignatureRequest, SignatureScheme, Verified, algorithm, claimed,
};
use crate::pki::asn1::{Asn1Error, Tlv, tag};

const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const RSASSA_PSS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10");
const MGF1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.8");
const SHA2_WITH_RSA: [(ObjectIdentifier, Digest); 3] = [
    (ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11"), Digest::Sha256),
    (ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.12"), Digest::Sha384),
    (ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.13"), Digest::Sha512),
];

/// RSASSA-PKCS1-v1_5 with SHA-2; in CMS also under the key's identifier with the digest of the SignerInfo.
#[derive(Debug)]
pub(super) struct RsaPkcs1;

impl SignatureScheme for RsaPkcs1 {
    fn claims(&self, request: &SignatureRequest<'_>) -> bool {
        claimed(request).is_some_and(|oid| {
            SHA2_WITH_RSA.iter().any(|(known, _)| oid.is(known))
                || (oid.is(&RSA_ENCRYPTION) && request.cms_digest.is_some())
        })
    }

    fn verify(&self, request: &SignatureRequest<'_>) -> Result<Verified, AlgorithmError> {
        let signature_algorithm = algorithm(request.algorithm)?;
        if !signature_algorithm.has_no_parameters() {
            return Err(AlgorithmError::BadParameters { what: "parameters of RSA with PKCS#1 v1.5" });
        }
        let digest = match SHA2_WITH_RSA.iter().find(|(known, _)| signature_algorithm.oid.is(known)) {
            Some((_, digest)) => *digest,
            None => cms_digest(request)?,
        };
        let key = Key::parse_plain(&PublicKeyInfo::parse(request.key)?)?;
        if key.holds(digest, request) {
            return Ok(key.verified(format!("rsa-pkcs1-{}", digest.name()), None));
        }
        // RFC 5652 5.4 digests the attributes with the digest algorithm of the signer; where the signature algorithm
        // names another one, signers differ. Both are bound by DigestInfo, and no third is tried.
        match request.cms_digest.and_then(Digest::from_algorithm) {
            Some(other) if other != digest && key.holds(other, request) => {
                Ok(key.verified(format!("rsa-pkcs1-{}", other.name()), Some("digest-of-signature-algorithm-differs")))
            }
            _ => Err(AlgorithmError::BadSignature),
        }
    }
}

fn cms_digest(request: &SignatureRequest<'_>) -> Result<Digest, AlgorithmError> {
    let algorithm = algorithm(request.cms_digest.unwrap_or_default())?;
    if let Some(what) = forbidden_digest(algorithm.oid) {
        return Err(AlgorithmError::Forbidden { what });
    }
    Digest::from_oid(algorithm.oid).ok_or_else(|| AlgorithmError::Unsupported { oid: algorithm.oid.to_string() })
}

/// The DER of DigestInfo up to the digest (RFC 8017 section 9.2, note 1).
const fn digest_info_prefix(digest: Digest) -> [u8; 19] {
    let (total, last, length) = match digest {
        Digest::Sha256 => (0x31, 1, 0x20),
        Digest::Sha384 => (0x41, 2, 0x30),
        Digest::Sha512 => (0x51, 3, 0x40),
    };
    [
        0x30, total, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, last, 0x05, 0x00, 0x04,
        length,
    ]
}

/// RSASSA-PSS with MGF1 over the same SHA-2. The declared salt length is the one that counts.
#[derive(Debug)]
pub(super) struct RsaPss;

impl SignatureScheme for RsaPss {
    fn claims(&self, request: &SignatureRequest<'_>) -> bool {
        claimed(request).is_some_and(|oid| oid.is(&RSASSA_PSS))
    }

    fn verify(&self, request: &SignatureRequest<'_>) -> Result<Verified, AlgorithmError> {
        let parameters = algorithm(request.algorithm)?
            .parameters
            .ok_or(AlgorithmError::BadParameters { what: "RSASSA-PSS without parameters" })?;
        let parameters = PssParameters::parse(parameters)?;
        let info = PublicKeyInfo::parse(request.key)?;
        if info.algorithm.oid.is(&RSASSA_PSS) {
            // RFC 4055 section 3.3: parameters of the key bind the hash and the least salt.
            if let Some(bound) = info.algorithm.parameters {
                let bound = PssParameters::parse(bound)?;
                if bound.digest != parameters.digest || parameters.salt < bound.salt {
                    return Err(AlgorithmError::KeyMismatch);
                }
            }
        } else if !info.algorithm.oid.is(&RSA_ENCRYPTION) {
            return Err(AlgorithmError::KeyMismatch);
        }
        let key = Key::parse(&info)?;
        let digest = parameters.digest;
        let hash = digest.of(&[request.message]);
        // A salt longer than the encoded message can hold cannot verify, and must not reach any arithmetic.
        if parameters.salt > key.inner.size() {
            return Err(AlgorithmError::BadSignature);
        }
        match digest {
            Digest::Sha256 => key.inner.verify(Pss::<Sha256>::new_with_salt(parameters.salt), &hash, request.signature),
            Digest::Sha384 => key.inner.verify(Pss::<Sha384>::new_with_salt(parameters.salt), &hash, request.signature),
            Digest::Sha512 => key.inner.verify(Pss::<Sha512>::new_with_salt(parameters.salt), &hash, request.signature),
        }
        .map_err(|_| AlgorithmError::BadSignature)?;
        let weakness = (parameters.salt < digest.length()).then_some("pss-salt-short");
        Ok(key.verified(format!("rsa-pss-{}", digest.name()), weakness))
    }
}

struct PssParameters {
    digest: Digest,
    salt: usize,
}

impl PssParameters {
    fn parse(der: &[u8]) -> Result<Self, AlgorithmError> {
        let malformed = |_: Asn1Error| AlgorithmError::BadParameters { what: "RSASSA-PSS parameters" };
        let mut reader =
            Tlv::only(der).and_then(|tlv| tlv.expect(tag::SEQUENCE, "parameters")).map_err(malformed)?.reader();
        let mut field = |number: u8| -> Result<Option<Tlv<'_>>, AlgorithmError> {
            let explicit = reader.optional(tag::context_constructed(number)).map_err(malformed)?;
            explicit.map(|tlv| Tlv::only(tlv.value)).transpose().map_err(malformed)
        };
        // RFC 4055 section 3.1: every default is that of SHA-1.
        let hash = field(0)?;
        let mask = field(1)?;
        let salt = field(2)?;
        let trailer = field(3)?;
        reader.finish().map_err(malformed)?;
        let Some(hash) = hash else { return Err(AlgorithmError::Forbidden { what: "sha1" }) };
        let hash = AlgorithmIdentifier::from_tlv(hash).map_err(malformed)?;
        if let Some(what) = forbidden_digest(hash.oid) {
            return Err(AlgorithmError::Forbidden { what });
        }
        let digest = Digest::from_oid(hash.oid)
            .ok_or_else(|| AlgorithmError::Unsupported { oid: format!("RSASSA-PSS with {}", hash.oid) })?;
        // Another hash in MGF1 (SHA-1 when nothing is said) is legal, but neither `rsa` nor other libraries do it.
        let other_mask = || AlgorithmError::Unsupported { oid: "RSASSA-PSS with another mask generation".to_owned() };
        let mask = AlgorithmIdentifier::from_tlv(mask.ok_or_else(other_mask)?).map_err(malformed)?;
        let mask_hash = mask.parameters.and_then(|der| AlgorithmIdentifier::parse(der).ok());
        if !mask.oid.is(&MGF1) || mask_hash.is_none_or(|inner| Digest::from_oid(inner.oid) != Some(digest)) {
            return Err(other_mask());
        }
        if !hash.has_no_parameters() || mask_hash.is_some_and(|inner| !inner.has_no_parameters()) {
            return Err(AlgorithmError::BadParameters { what: "RSASSA-PSS hash parameters" });
        }
        let salt =
            salt.map_or(Ok(20), |tlv| tlv.expect(tag::INTEGER, "salt length")?.small_integer()).map_err(malformed)?;
        let trailer =
            trailer.map_or(Ok(1), |tlv| tlv.expect(tag::INTEGER, "trailer")?.small_integer()).map_err(malformed)?;
        if trailer != 1 {
            return Err(AlgorithmError::BadParameters { what: "RSASSA-PSS trailer" });
        }
        Ok(Self { digest, salt: usize::try_from(salt).unwrap_or(usize::MAX) })
    }
}

pub(super) struct Key {
    inner: PublicKey,
    bits: u32,
    small_exponent: bool,
}

impl Key {
    fn parse(info: &PublicKeyInfo<'_>) -> Result<Self, AlgorithmError> {
        if info.algorithm.oid.is(&RSA_ENCRYPTION) && !info.algorithm.has_no_parameters() {
            return Err(AlgorithmError::BadKey { what: "parameters of an RSA key" });
        }
        // The crate refuses fewer than 1024 and more than 8192 bits and even exponents; the policy wants more.
        let inner = PublicKey::from_pkcs1_der(info.key).map_err(|_| AlgorithmError::BadKey { what: "RSA key" })?;
        let bits = inner.n().bit_width();
        let small_exponent = inner.e().bit_width() <= 16;
        Ok(Self { inner, bits, small_exponent })
    }

    /// A key for RSASSA-PKCS1-v1_5: one under id-RSASSA-PSS is restricted to PSS (RFC 4055 section 1.2).
    pub(super) fn parse_plain(info: &PublicKeyInfo<'_>) -> Result<Self, AlgorithmError> {
        if info.algorithm.oid.is(&RSA_ENCRYPTION) { Self::parse(info) } else { Err(AlgorithmError::KeyMismatch) }
    }

    fn holds(&self, digest: Digest, request: &SignatureRequest<'_>) -> bool {
        self.holds_hash(digest_info_prefix(digest).into(), &digest.of(&[request.message]), request.signature)
    }

    /// Whether the signature is that of DigestInfo: `prefix`, then `hash`.
    pub(super) fn holds_hash(&self, prefix: Box<[u8]>, hash: &[u8], signature: &[u8]) -> bool {
        let scheme = Pkcs1v15Sign { hash_len: Some(hash.len()), prefix };
        self.inner.verify(scheme, hash, signature).is_ok()
    }

    pub(super) fn verified(&self, scheme: String, weakness: Option<&str>) -> Verified {
        let weakness = if self.small_exponent { Some("rsa-exponent-below-65537") } else { weakness };
        Verified { scheme, key_bits: self.bits, weakness: weakness.map(str::to_owned) }
    }
}
