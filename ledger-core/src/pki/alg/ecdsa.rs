//! ECDSA over P-256 and P-384 by named curve (RFC 5758, RFC 5480).

use const_oid::ObjectIdentifier;
use signature::hazmat::PrehashVerifier as _;

use super::digest::Digest;
use super::{AlgorithmError, PublicKeyInfo, SignatureRequest, SignatureScheme, Verified, algorithm, claimed};
use crate::pki::asn1::{Oid, Tlv, tag};

const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const ECDSA_WITH_SHA2: [(ObjectIdentifier, Digest); 3] = [
    (ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2"), Digest::Sha256),
    (ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3"), Digest::Sha384),
    (ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.4"), Digest::Sha512),
];

/// ECDSA with SHA-2.
#[derive(Debug)]
pub(super) struct Ecdsa;

impl SignatureScheme for Ecdsa {
    fn claims(&self, request: &SignatureRequest<'_>) -> bool {
        claimed(request).is_some_and(|oid| ECDSA_WITH_SHA2.iter().any(|(known, _)| oid.is(known)))
    }

    fn verify(&self, request: &SignatureRequest<'_>) -> Result<Verified, AlgorithmError> {
        let signature_algorithm = algorithm(request.algorithm)?;
        let digest =
            ECDSA_WITH_SHA2.iter().find(|(known, _)| signature_algorithm.oid.is(known)).map(|(_, digest)| *digest);
        let digest = digest.ok_or_else(|| AlgorithmError::Unsupported { oid: signature_algorithm.oid.to_string() })?;
        // RFC 5758 says absent; NULL is written by some and changes nothing.
        if !signature_algorithm.has_no_parameters() {
            return Err(AlgorithmError::BadParameters { what: "parameters of ECDSA" });
        }
        let info = PublicKeyInfo::parse(request.key)?;
        if !info.algorithm.oid.is(&EC_PUBLIC_KEY) {
            return Err(AlgorithmError::KeyMismatch);
        }
        // Explicit parameters would let the certificate choose its own group.
        let curve = info
            .algorithm
            .parameters
            .and_then(|der| Tlv::only(der).ok())
            .filter(|tlv| tlv.tag == tag::OID)
            .and_then(|tlv| Oid::new(tlv.value).ok())
            .ok_or(AlgorithmError::BadKey { what: "curve not given by name" })?;
        let hash = digest.of(&[request.message]);
        let key_error = |_| AlgorithmError::BadKey { what: "point not on the curve" };
        let signature_error = |_| AlgorithmError::BadSignature;
        let (name, key_bits) = if curve.is(&P256) {
            let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(info.key).map_err(key_error)?;
            let signature = p256::ecdsa::Signature::from_der(request.signature).map_err(signature_error)?;
            key.verify_prehash(&hash, &signature).map_err(signature_error)?;
            ("p256", 256)
        } else if curve.is(&P384) {
            let key = p384::ecdsa::VerifyingKey::from_sec1_bytes(info.key).map_err(key_error)?;
            let signature = p384::ecdsa::Signature::from_der(request.signature).map_err(signature_error)?;
            key.verify_prehash(&hash, &signature).map_err(signature_error)?;
            ("p384", 384)
        } else {
            return Err(AlgorithmError::Unsupported { oid: format!("ECDSA over {curve}") });
        };
        Ok(Verified { scheme: format!("ecdsa-{name}-{}", digest.name()), key_bits, weakness: None })
    }
}
