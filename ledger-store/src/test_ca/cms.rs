//! A detached CMS signature as the national CA's tools make it: CAdES-BES with the signer's certificate inside.

use ledger_core::time::Timestamp;
use sha2::{Digest as _, Sha256};

use super::der::{OCTET_STRING, context, integer, oid, sequence, set_of, time, tlv};
use super::key::PrivateKey;

const ID_DATA: &str = "1.2.840.113549.1.7.1";
const ID_SIGNED_DATA: &str = "1.2.840.113549.1.7.2";
const CONTENT_TYPE: &str = "1.2.840.113549.1.9.3";
const MESSAGE_DIGEST: &str = "1.2.840.113549.1.9.4";
const SIGNING_TIME: &str = "1.2.840.113549.1.9.5";
const SIGNING_CERTIFICATE_V2: &str = "1.2.840.113549.1.9.16.2.47";

/// What the signature says about its signer.
pub(super) struct Signer<'a> {
    pub(super) key: &'a PrivateKey,
    pub(super) certificate: &'a [u8],
    pub(super) issuer: &'a [u8],
    pub(super) serial: &'a [u8],
}

/// `ContentInfo` with SignedData, version 1, without eContent (RFC 5652, 5.1).
pub(super) fn sign_detached(signer: &Signer<'_>, document: &[u8], at: Timestamp) -> Vec<u8> {
    let attributes = set_of(vec![
        attribute(CONTENT_TYPE, &oid(ID_DATA)),
        attribute(SIGNING_TIME, &time(at)),
        attribute(MESSAGE_DIGEST, &tlv(OCTET_STRING, &signer.key.digest(document))),
        attribute(SIGNING_CERTIFICATE_V2, &signing_certificate(signer)),
    ]);
    // Signed as SET OF, carried under [0] (RFC 5652, 5.4).
    let signature = signer.key.sign(&attributes);
    let carried: Vec<u8> = std::iter::once(0xa0).chain(attributes.iter().copied().skip(1)).collect();
    let signer_info = sequence(&[
        &integer(&[1]),
        &sequence(&[signer.issuer, &integer(signer.serial)]),
        &signer.key.digest_algorithm(),
        &carried,
        &signer.key.signature_algorithm(),
        &tlv(OCTET_STRING, &signature),
    ]);
    let signed_data = sequence(&[
        &integer(&[1]),
        &set_of(vec![signer.key.digest_algorithm()]),
        &sequence(&[&oid(ID_DATA)]),
        &context(0, signer.certificate),
        &set_of(vec![signer_info]),
    ]);
    sequence(&[&oid(ID_SIGNED_DATA), &context(0, &signed_data)])
}

fn attribute(kind: &str, value: &[u8]) -> Vec<u8> {
    sequence(&[&oid(kind), &set_of(vec![value.to_vec()])])
}

/// `SigningCertificateV2` with one `ESSCertIDv2`; SHA-256 is the default and therefore left out (RFC 5035, 4).
fn signing_certificate(signer: &Signer<'_>) -> Vec<u8> {
    let issuer = sequence(&[&context(4, signer.issuer)]);
    let issuer_serial = sequence(&[&issuer, &integer(signer.serial)]);
    let id = sequence(&[&tlv(OCTET_STRING, &Sha256::digest(signer.certificate)), &issuer_serial]);
    sequence(&[&sequence(&[&id])])
}
