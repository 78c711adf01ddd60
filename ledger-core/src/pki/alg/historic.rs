//! SHA-1 signatures, for looking back at evidence of the time before 2014. Never part of the standard registry.

use const_oid::ObjectIdentifier;
use sha1::{Digest as _, Sha1};

use super::rsa::Key;
use super::{AlgorithmError, PublicKeyInfo, SignatureRequest, SignatureScheme, Verified, claimed};

const SHA1_WITH_RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.5");
/// The DER of DigestInfo up to the digest (RFC 8017 section 9.2, note 1).
const DIGEST_INFO: [u8; 15] =
    [0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00, 0x04, 0x14];

/// RSASSA-PKCS1-v1_5 with SHA-1. Its name begins like no other scheme's, so no rule for RSA lets it in by accident.
#[derive(Debug)]
pub(super) struct RsaSha1;

impl SignatureScheme for RsaSha1 {
    fn claims(&self, request: &SignatureRequest<'_>) -> bool {
        claimed(request).is_some_and(|oid| oid.is(&SHA1_WITH_RSA))
    }

    fn verify(&self, request: &SignatureRequest<'_>) -> Result<Verified, AlgorithmError> {
        let key = Key::parse_plain(&PublicKeyInfo::parse(request.key)?)?;
        let hash = Sha1::digest(request.message);
        if key.holds_hash(DIGEST_INFO.into(), &hash, request.signature) {
            Ok(key.verified("sha1-rsa-pkcs1".to_owned(), None))
        } else {
            Err(AlgorithmError::BadSignature)
        }
    }
}
