//! The question to a responder (RFC 6960 4.1): about one certificate, unsigned.

use super::{Asn1Error, Certificate, CertificateIdentifier, NONCE, Tlv, tag};
use crate::pki::asn1::encode::element;
use crate::pki::certificate::parse_extensions;

/// The DER of a request about `certificate`, issued by `issuer`.
///
/// `nonce` (RFC 8954: 1 to 128 octets, at least 32 are advised) ties the answer to the request. Many responders
/// answer beforehand and ignore it; the answer then does not fit [`super::OcspResponse::answers_request`].
pub fn request(certificate: &Certificate, issuer: &Certificate, nonce: Option<&[u8]>) -> Vec<u8> {
    let one = element(tag::SEQUENCE, &[&CertificateIdentifier::encode(certificate, issuer)]);
    let list = element(tag::SEQUENCE, &[&one]);
    let extensions = nonce.map(|nonce| {
        let value = element(tag::OCTET_STRING, &[&element(tag::OCTET_STRING, &[nonce])]);
        let extension = element(tag::SEQUENCE, &[&element(tag::OID, &[NONCE.as_bytes()]), &value]);
        element(tag::context_constructed(2), &[&element(tag::SEQUENCE, &[&extension])])
    });
    let body = element(tag::SEQUENCE, &[&list, extensions.as_deref().unwrap_or_default()]);
    element(tag::SEQUENCE, &[&body])
}

/// The nonce of a request, as its extension has it.
pub(super) fn nonce_of(request: &[u8]) -> Result<Option<Vec<u8>>, Asn1Error> {
    let outer = Tlv::only(request)?.expect(tag::SEQUENCE, "OCSP request")?;
    let mut fields = outer.reader().take(tag::SEQUENCE, "request")?.reader();
    while !fields.is_empty() {
        let field = fields.any()?;
        if field.tag == tag::context_constructed(2) {
            let malformed = |_| Asn1Error::Value { what: "extensions" };
            let extensions = parse_extensions(Tlv::only(field.value)?).map_err(malformed)?;
            let nonce = extensions.into_iter().find(|extension| super::is(extension, &NONCE));
            return Ok(nonce.map(|extension| extension.value));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str) -> Certificate {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/pki-suites/revtime/");
        Certificate::parse(&std::fs::read(format!("{root}{name}")).unwrap()).unwrap()
    }

    /// Against OpenSSL: `openssl ocsp -issuer Issuing_CA.der -sha256 -cert Good.der -no_nonce -reqout`.
    #[test]
    fn a_request_is_the_one_that_openssl_writes() {
        let expected = include_bytes!("../../../tests/data/ocsp_request_openssl.der");
        assert_eq!(request(&read("Good.der"), &read("Issuing_CA.der"), None), expected);
    }

    #[test]
    fn a_nonce_is_found_again() {
        let (certificate, issuer) = (read("Good.der"), read("Issuing_CA.der"));
        assert_eq!(nonce_of(&request(&certificate, &issuer, None)), Ok(None));
        let nonce = [7; 32];
        let found = nonce_of(&request(&certificate, &issuer, Some(&nonce))).unwrap();
        assert_eq!(found, Some(element(tag::OCTET_STRING, &[&nonce])));
    }
}
