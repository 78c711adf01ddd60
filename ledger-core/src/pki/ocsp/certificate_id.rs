//! Which certificate an answer is about: digests of its issuer's name and key, and its serial number (`CertID`).

use super::{AlgorithmRegistry, Asn1Error, Certificate, Tlv, tag};
use crate::pki::asn1::{AlgorithmIdentifier, encode, magnitude};

use const_oid::ObjectIdentifier;
use sha1::Digest as _;

/// SHA-1 is a name here, not a signature: a second certificate under it would still need the issuer's signature.
const SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.14.3.2.26");
const SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");

/// A `CertID` as it stands.
#[derive(Debug, Clone)]
pub(crate) struct CertificateIdentifier {
    algorithm: Vec<u8>,
    name_hash: Vec<u8>,
    key_hash: Vec<u8>,
    serial: Vec<u8>,
}

impl CertificateIdentifier {
    pub(super) fn parse(tlv: Tlv<'_>) -> Result<Self, Asn1Error> {
        let mut fields = tlv.reader();
        let algorithm = fields.take(tag::SEQUENCE, "digest algorithm")?;
        AlgorithmIdentifier::from_tlv(algorithm)?;
        let name_hash = fields.take(tag::OCTET_STRING, "digest of the issuer's name")?.value.to_vec();
        let key_hash = fields.take(tag::OCTET_STRING, "digest of the issuer's key")?.value.to_vec();
        let serial = fields.take(tag::INTEGER, "serial number")?.value.to_vec();
        fields.finish()?;
        Ok(Self { algorithm: algorithm.raw.to_vec(), name_hash, key_hash, serial })
    }

    /// The DER of the identifier of a certificate, with SHA-256.
    pub(super) fn encode(certificate: &Certificate, issuer: &Certificate) -> Vec<u8> {
        let sha256 = |bytes: &[u8]| sha2::Sha256::digest(bytes).to_vec();
        let algorithm = encode::element(
            tag::SEQUENCE,
            &[&encode::element(tag::OID, &[SHA256.as_bytes()]), &encode::element(tag::NULL, &[])],
        );
        encode::element(
            tag::SEQUENCE,
            &[
                &algorithm,
                &encode::element(tag::OCTET_STRING, &[&sha256(certificate.issuer().der())]),
                &encode::element(tag::OCTET_STRING, &[&sha256(key_octets(issuer).unwrap_or_default())]),
                &encode::element(tag::INTEGER, &[certificate.serial()]),
            ],
        )
    }

    /// Whether it names the certificate. A digest that is not known names nothing.
    pub(super) fn names(&self, certificate: &Certificate, issuer: &Certificate, registry: &AlgorithmRegistry) -> bool {
        if magnitude(&self.serial) != magnitude(certificate.serial()) {
            return false;
        }
        let digest = |bytes: &[u8]| match registry.digest(&self.algorithm, &[bytes]) {
            Ok(digest) => Some(digest),
            Err(_) => self.is_sha1().then(|| sha1::Sha1::digest(bytes).to_vec()),
        };
        let key = key_octets(issuer).and_then(digest);
        digest(certificate.issuer().der()).as_ref() == Some(&self.name_hash) && key.as_ref() == Some(&self.key_hash)
    }

    /// Whether its digest is SHA-1, which deserves a remark.
    pub(crate) fn is_sha1(&self) -> bool {
        AlgorithmIdentifier::parse(&self.algorithm)
            .is_ok_and(|algorithm| algorithm.oid.is(&SHA1) && algorithm.has_no_parameters())
    }
}

/// The octets of the BIT STRING of the public key (RFC 6960 4.1.1: without tag, length and unused bits).
fn key_octets(certificate: &Certificate) -> Option<&[u8]> {
    let mut fields = Tlv::only(certificate.spki_der()).ok()?.reader();
    fields.any().ok()?;
    fields.any().ok()?.bit_string_octets().ok()
}

/// What a responder is named by when it is named by key.
pub(super) fn key_sha1(certificate: &Certificate) -> Option<Vec<u8>> {
    key_octets(certificate).map(|key| sha1::Sha1::digest(key).to_vec())
}
