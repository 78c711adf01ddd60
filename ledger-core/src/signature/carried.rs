//! Certificates and revocation data that a message carries. They join a pool to be searched, and are trusted for
//! nothing: whoever holds the message can write them (pki.md section 5, pitfall 5).

use super::attributes::{Attributes, CERTIFICATE_VALUES, REVOCATION_VALUES};
use super::cms::{OCSP_BASIC, OcspValue, SignedData};
use crate::pki::asn1::{Asn1Error, Tlv, encode, tag};
use crate::pki::evidence::EvidenceSet;

/// Adds what is in the message and in the unsigned attributes of its signers. What does not parse stays out.
pub(super) fn add_to(pool: &mut EvidenceSet, data: &SignedData<'_>) {
    for der in &data.certificates {
        pool.add_certificate(der);
    }
    for der in &data.crls {
        pool.add_crl(der);
    }
    for answer in &data.ocsp {
        add_ocsp(pool, *answer);
    }
    for signer in &data.signers {
        let Some(Ok(attributes)) = signer.unsigned_attributes.map(Attributes::parse_unsigned) else { continue };
        for value in attributes.values(&[CERTIFICATE_VALUES]) {
            for certificate in elements(value) {
                pool.add_certificate(certificate.raw);
            }
        }
        for value in attributes.values(&[REVOCATION_VALUES]) {
            // A value that ends in the middle has given what it had.
            let _ = add_revocation_values(pool, value);
        }
    }
}

/// `RevocationValues` (RFC 5126 6.3.4).
fn add_revocation_values(pool: &mut EvidenceSet, value: Tlv<'_>) -> Result<(), Asn1Error> {
    let mut fields = value.expect(tag::SEQUENCE, "revocation values")?.reader();
    if let Some(crls) = fields.optional(tag::context_constructed(0))? {
        for crl in elements(Tlv::only(crls.value)?) {
            pool.add_crl(crl.raw);
        }
    }
    if let Some(answers) = fields.optional(tag::context_constructed(1))? {
        for answer in elements(Tlv::only(answers.value)?) {
            add_ocsp(pool, OcspValue::Basic(answer.raw));
        }
    }
    Ok(())
}

/// The elements of a SEQUENCE, as far as they can be read.
fn elements(sequence: Tlv<'_>) -> Vec<Tlv<'_>> {
    let mut reader = sequence.reader();
    std::iter::from_fn(|| reader.any().ok()).collect()
}

/// Archives keep the inner part of an answer without the envelope that says "successful" (RFC 5126 6.3.4).
fn add_ocsp(pool: &mut EvidenceSet, answer: OcspValue<'_>) {
    match answer {
        OcspValue::Response(der) => pool.add_ocsp(der),
        OcspValue::Basic(der) => {
            let octets = encode::element(tag::OCTET_STRING, &[der]);
            let oid = encode::element(tag::OID, &[OCSP_BASIC.as_bytes()]);
            let bytes = encode::element(tag::SEQUENCE, &[&oid, &octets]);
            let bytes = encode::element(tag::context_constructed(0), &[&bytes]);
            let successful = [tag::ENUMERATED, 1, 0];
            pool.add_ocsp(&encode::element(tag::SEQUENCE, &[&successful, &bytes]));
        }
    }
}
