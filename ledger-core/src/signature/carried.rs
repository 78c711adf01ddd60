//! Certificates and revocation data that a message carries. They join a pool to be searched, and are trusted for
//! nothing: whoever holds the message can write them (pki.md section 5, pitfall 5).

use super::attributes::{Attributes, CERTIFICATE_VALUES, REVOCATION_VALUES};
use super::cms::{OCSP_BASIC, OcspValue, SignedData};
use crate::pki::asn1::{Asn1Error, Tlv, encode, tag};
use crate::pki::evidence::EvidenceSet;
use crate::pki::limits::CMS_CERTIFICATES_MAX;

/// Adds what is in the message and in the unsigned attributes of its signers. What does not parse stays out.
pub(super) fn add_to(pool: &mut EvidenceSet, data: &SignedData<'_>) {
    pool.carried_from_here();
    for der in &data.certificates {
        pool.add_certificate(der);
    }
    for der in &data.crls {
        pool.add_crl(der);
    }
    for answer in &data.ocsp {
        add_ocsp(pool, *answer);
    }
    // A pool is finite: what messages add must leave room for the tokens over their signatures.
    let mut certificates = CMS_CERTIFICATES_MAX;
    for signer in &data.signers {
        let Some(Ok(attributes)) = signer.unsigned_attributes.map(Attributes::parse_unsigned) else { continue };
        for value in attributes.values(&[CERTIFICATE_VALUES]) {
            for certificate in elements(value).into_iter().take(certificates) {
                pool.add_certificate(certificate.raw);
                certificates -= 1;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(message: &[u8]) -> EvidenceSet {
        let mut pool = EvidenceSet::default();
        add_to(&mut pool, &SignedData::parse(message).unwrap());
        pool
    }

    /// A `ContentInfo` without signers, with one element among the revocation data.
    fn message(choice: &[u8]) -> Vec<u8> {
        let element = encode::element;
        let oid = |last: u8| element(tag::OID, &[&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, last]]);
        let content = element(tag::SEQUENCE, &[&oid(1)]);
        let revocation = element(tag::context_constructed(1), &[choice]);
        let empty = element(tag::SET, &[]);
        let data = element(tag::SEQUENCE, &[&encode::integer(5), &empty, &content, &revocation, &empty]);
        element(tag::SEQUENCE, &[&oid(2), &element(tag::context_constructed(0), &[&data])])
    }

    #[test]
    fn an_ocsp_answer_among_the_crls_joins_the_pool_whole_or_without_its_envelope() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/pki-suites/cms-corner/ocsp/rsa.ocspresp");
        let response = std::fs::read(path).unwrap();
        let other = |oid: const_oid::ObjectIdentifier, info: &[u8]| {
            let oid = encode::element(tag::OID, &[oid.as_bytes()]);
            message(&encode::element(tag::context_constructed(1), &[&oid, info]))
        };
        // OCSPResponse, responseBytes, ResponseBytes: the last element is the octets of the basic response.
        let bytes = Tlv::only(&response).unwrap().reader();
        let bytes = elements_of(bytes).last().copied().unwrap();
        let inner = elements(Tlv::only(bytes.value).unwrap());
        let basic = inner.last().unwrap().value;
        for message in [other(super::super::cms::OCSP_RESPONSE, &response), other(OCSP_BASIC, basic)] {
            let pool = pool(&message);
            assert_eq!(pool.ocsp_responses().len(), 1);
            assert_eq!(pool.ocsp_responses()[0].der(), response);
        }
        let unknown = const_oid::ObjectIdentifier::new_unwrap("1.2.3");
        assert!(pool(&other(unknown, &response)).ocsp_responses().is_empty());
    }

    fn elements_of(mut reader: crate::pki::asn1::Reader<'_>) -> Vec<Tlv<'_>> {
        std::iter::from_fn(|| reader.any().ok()).collect()
    }

    #[test]
    fn long_term_samples_bring_certificates_crls_and_ocsp_answers() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/pki-suites/cades-dss");
        let (mut certificates, mut crls, mut answers) = (0, 0, 0);
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let Some(bytes) = path.is_file().then(|| std::fs::read(path).unwrap()) else { continue };
            let Ok(der) = crate::pki::asn1::ber::to_definite(&bytes) else { continue };
            let Ok(data) = SignedData::parse(&der) else { continue };
            let mut pool = EvidenceSet::default();
            add_to(&mut pool, &data);
            certificates += pool.certificates().len();
            crls += pool.crls().len();
            answers += pool.ocsp_responses().len();
        }
        assert!(certificates > 0 && crls > 0 && answers > 0, "{certificates} {crls} {answers}");
    }
}
