//! The algorithm registry: one place that verifies signatures for CMS, certificates and CRLs alike.
//!
//! A scheme claims a request by the exact object identifier of the signature algorithm (for key identifiers
//! used as such, together with the digest of the CMS) and then demands the key type that belongs to it. No
//! claim is *unsupported* (indeterminate), two claims are an error; the key always comes from a certificate,
//! never from the message (pki.md section 5, pitfall 1). Other schemes are added from outside with
//! [`AlgorithmRegistry::with_scheme`] and [`AlgorithmRegistry::with_digest`].

mod digest;
mod ecdsa;
mod ed25519;
mod gost;
mod historic;
mod rsa;

use std::fmt;
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};

pub use self::gost::{Gost, GostDigest};
use super::asn1::{AlgorithmIdentifier, Asn1Error, Oid, Tlv, tag};

/// Everything a scheme may look at: raw bytes of the objects, as they stand.
#[derive(Debug, Clone, Copy)]
pub struct SignatureRequest<'a> {
    /// The `AlgorithmIdentifier` of the signature, DER.
    pub algorithm: &'a [u8],
    /// The `SubjectPublicKeyInfo` of the signer's certificate, DER.
    pub key: &'a [u8],
    /// `SignerInfo.digestAlgorithm`, DER; absent for certificates and CRLs.
    pub cms_digest: Option<&'a [u8]>,
    /// The signed bytes.
    pub message: &'a [u8],
    /// The signature octets.
    pub signature: &'a [u8],
}

/// A signature that holds: by which scheme, and how strong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verified {
    /// Stable name of the scheme, `rsa-pkcs1-sha256` for example.
    pub scheme: String,
    /// Size of the key in bits (modulus, or order of the curve's group).
    pub key_bits: u32,
    /// What is legal but weak about it; a policy decides (`rsa-exponent-below-65537`, `pss-salt-short`,
    /// `digest-of-signature-algorithm-differs`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weakness: Option<String>,
}

/// Why a signature was not found to hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AlgorithmError {
    /// No scheme knows the algorithm. Nothing is known about the signature.
    #[error("algorithm {oid} is not supported")]
    Unsupported {
        /// The identifier, dotted, or the parameter that is not supported.
        oid: String,
    },
    /// The algorithm is broken, and refused before any mathematics (MD5, SHA-1).
    #[error("algorithm {what} is forbidden")]
    Forbidden {
        /// Which.
        what: &'static str,
    },
    /// Two schemes claim the request: the registry is put together wrongly.
    #[error("two schemes claim algorithm {oid}")]
    Ambiguous {
        /// The identifier, dotted.
        oid: String,
    },
    /// The certificate's key is of another type than the signature algorithm, or restricted to another scheme.
    #[error("the key does not belong to the signature algorithm")]
    KeyMismatch,
    /// Parameters that break the rules of the algorithm.
    #[error("malformed parameters: {what}")]
    BadParameters {
        /// Which.
        what: &'static str,
    },
    /// The public key is malformed or outside every limit.
    #[error("unusable key: {what}")]
    BadKey {
        /// Why.
        what: &'static str,
    },
    /// The mathematics says no.
    #[error("the signature does not belong to the message")]
    BadSignature,
}

/// One family of signature algorithms.
pub trait SignatureScheme: Send + Sync + fmt::Debug {
    /// Whether the request is of this family, judged by object identifiers alone.
    fn claims(&self, request: &SignatureRequest<'_>) -> bool;
    /// Checks parameters, key and signature.
    fn verify(&self, request: &SignatureRequest<'_>) -> Result<Verified, AlgorithmError>;
}

/// One digest algorithm.
pub trait DigestScheme: Send + Sync + fmt::Debug {
    /// Dotted object identifier.
    fn oid(&self) -> &'static str;
    /// The digest of the parts, one after the other.
    fn digest(&self, parts: &[&[u8]]) -> Vec<u8>;
}

/// The schemes in use. Built once, never changed afterwards.
#[derive(Debug, Clone, Default)]
pub struct AlgorithmRegistry {
    schemes: Vec<Arc<dyn SignatureScheme>>,
    digests: Vec<Arc<dyn DigestScheme>>,
}

impl AlgorithmRegistry {
    /// RSA (PKCS#1 v1.5, PSS), ECDSA over P-256 and P-384, Ed25519, the Kazakh GOST of 2004 and of 2015 with 512
    /// bits; SHA-256, SHA-384, SHA-512, GOST 34.311-95 and Streebog-512.
    pub fn standard() -> &'static Self {
        static STANDARD: OnceLock<AlgorithmRegistry> = OnceLock::new();
        STANDARD.get_or_init(|| {
            Self::default()
                .with_scheme(Arc::new(rsa::RsaPkcs1))
                .with_scheme(Arc::new(rsa::RsaPss))
                .with_scheme(Arc::new(ecdsa::Ecdsa))
                .with_scheme(Arc::new(ed25519::Ed25519))
                .with_scheme(Arc::new(Gost::Gost2004))
                .with_scheme(Arc::new(Gost::Gost2015Bits512))
                .with_digest(Arc::new(digest::Digest::Sha256))
                .with_digest(Arc::new(digest::Digest::Sha384))
                .with_digest(Arc::new(digest::Digest::Sha512))
                .with_digest(Arc::new(GostDigest::Gost34311))
                .with_digest(Arc::new(GostDigest::Streebog512))
        })
    }

    /// The same with RSA over SHA-1, to look back at evidence of the time before 2014. A policy has to let it in by a
    /// rule of its own (`sha1-rsa-`).
    #[must_use]
    pub fn with_sha1(self) -> Self {
        self.with_scheme(Arc::new(historic::RsaSha1))
    }

    /// The same with one scheme more.
    #[must_use]
    pub fn with_scheme(mut self, scheme: Arc<dyn SignatureScheme>) -> Self {
        self.schemes.push(scheme);
        self
    }

    /// The same with one digest more.
    #[must_use]
    pub fn with_digest(mut self, digest: Arc<dyn DigestScheme>) -> Self {
        self.digests.push(digest);
        self
    }

    /// Verifies with the one scheme that claims the request.
    pub fn verify(&self, request: &SignatureRequest<'_>) -> Result<Verified, AlgorithmError> {
        let oid = algorithm(request.algorithm)?.oid;
        let mut claims = self.schemes.iter().filter(|scheme| scheme.claims(request));
        match (claims.next(), claims.next()) {
            (Some(scheme), None) => scheme.verify(request),
            (Some(_), Some(_)) => Err(AlgorithmError::Ambiguous { oid: oid.to_string() }),
            (None, _) => Err(digest::forbidden_signature(oid).map_or_else(
                || AlgorithmError::Unsupported { oid: oid.to_string() },
                |what| AlgorithmError::Forbidden { what },
            )),
        }
    }

    /// The digest of `parts` by the algorithm whose `AlgorithmIdentifier` is given in DER.
    pub fn digest(&self, algorithm_der: &[u8], parts: &[&[u8]]) -> Result<Vec<u8>, AlgorithmError> {
        let algorithm = algorithm(algorithm_der)?;
        let dotted = algorithm.oid.to_string();
        if let Some(digest) = self.digests.iter().find(|digest| digest.oid() == dotted) {
            return Ok(digest.digest(parts));
        }
        Err(digest::forbidden_digest(algorithm.oid)
            .map_or(AlgorithmError::Unsupported { oid: dotted }, |what| AlgorithmError::Forbidden { what }))
    }
}

fn algorithm(der: &[u8]) -> Result<AlgorithmIdentifier<'_>, AlgorithmError> {
    AlgorithmIdentifier::parse(der).map_err(|_| AlgorithmError::BadParameters { what: "algorithm identifier" })
}

/// A `SubjectPublicKeyInfo` taken apart.
struct PublicKeyInfo<'a> {
    algorithm: AlgorithmIdentifier<'a>,
    key: &'a [u8],
}

impl<'a> PublicKeyInfo<'a> {
    fn parse(der: &'a [u8]) -> Result<Self, AlgorithmError> {
        let parse = || -> Result<Self, Asn1Error> {
            let mut reader = Tlv::only(der)?.expect(tag::SEQUENCE, "public key")?.reader();
            let algorithm = AlgorithmIdentifier::from_tlv(reader.any()?)?;
            let key = reader.any()?.bit_string_octets()?;
            reader.finish()?;
            Ok(Self { algorithm, key })
        };
        parse().map_err(|_| AlgorithmError::BadKey { what: "public key structure" })
    }
}

/// The object identifier of the signature algorithm; `None` when it is malformed.
fn claimed<'a>(request: &SignatureRequest<'a>) -> Option<Oid<'a>> {
    AlgorithmIdentifier::parse(request.algorithm).ok().map(|algorithm| algorithm.oid)
}
