//! Ed25519 (RFC 8032, RFC 8410, in CMS RFC 8419), strict: no small-order keys, no malleable signatures.

use const_oid::ObjectIdentifier;
use ed25519_dalek::{Signature, VerifyingKey};

use super::digest::Digest;
use super::{AlgorithmError, PublicKeyInfo, SignatureRequest, SignatureScheme, Verified, algorithm, claimed};

const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// Pure Ed25519.
#[derive(Debug)]
pub(super) struct Ed25519;

impl SignatureScheme for Ed25519 {
    fn claims(&self, request: &SignatureRequest<'_>) -> bool {
        claimed(request).is_some_and(|oid| oid.is(&ED25519))
    }

    fn verify(&self, request: &SignatureRequest<'_>) -> Result<Verified, AlgorithmError> {
        if algorithm(request.algorithm)?.parameters.is_some() {
            return Err(AlgorithmError::BadParameters { what: "parameters of Ed25519" });
        }
        // RFC 8419 section 3.1: with signed attributes the digest is SHA-512.
        if request.cms_digest.is_some_and(|der| Digest::from_algorithm(der) != Some(Digest::Sha512)) {
            return Err(AlgorithmError::BadParameters { what: "digest of Ed25519 in CMS is not SHA-512" });
        }
        let info = PublicKeyInfo::parse(request.key)?;
        if !info.algorithm.oid.is(&ED25519) {
            return Err(AlgorithmError::KeyMismatch);
        }
        let bad_key = AlgorithmError::BadKey { what: "Ed25519 key" };
        if info.algorithm.parameters.is_some() {
            return Err(bad_key);
        }
        let bytes = <&[u8; 32]>::try_from(info.key).map_err(|_| bad_key.clone())?;
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| bad_key)?;
        let signature = Signature::from_slice(request.signature).map_err(|_| AlgorithmError::BadSignature)?;
        key.verify_strict(request.message, &signature).map_err(|_| AlgorithmError::BadSignature)?;
        Ok(Verified { scheme: "ed25519".to_owned(), key_bits: 256, weakness: None })
    }
}
