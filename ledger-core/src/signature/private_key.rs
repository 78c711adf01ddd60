//! Recognises private keys, which must never be sent to the ledger (clause 5.1.4: the owner keeps them secret).

use crate::pki::asn1::{Reader, Tlv, tag};

/// Whether the bytes are a private key, in DER or PEM: PKCS#12 container, PKCS#8, PKCS#1, SEC1, OpenSSH, `PuTTY`.
///
/// A guess in favour of safety: it looks at the outer structure only. Whoever gets `true` refuses the upload,
/// keeps nothing of it, and tells the owner that the key has to be thought compromised.
pub fn looks_like_private_key(bytes: &[u8]) -> bool {
    if let Some(start) = bytes.get(..bytes.len().min(TEXT_SEARCHED_BYTES)) {
        let text = String::from_utf8_lossy(start);
        let pem = text.split("-----BEGIN ").skip(1).filter_map(|rest| rest.split_once("-----"));
        if pem.into_iter().any(|(label, _)| label.ends_with("PRIVATE KEY")) || text.starts_with("PuTTY-User-Key-File") {
            return true;
        }
    }
    // A container of BER may be of indefinite length; only its beginning is looked at.
    let Some(body) = sequence_body(bytes) else { return false };
    let mut fields = Reader::new(body);
    let Ok(first) = fields.any() else { return false };
    match (first.tag, fields.peek()) {
        // EncryptedPrivateKeyInfo: an encryption algorithm of PKCS#5 or PKCS#12, then octets.
        (tag::SEQUENCE, Some(tag::OCTET_STRING)) => {
            let oid = first.reader().oid().map(|oid| oid.as_bytes().to_vec()).unwrap_or_default();
            oid.starts_with(PKCS5) || oid.starts_with(PKCS12)
        }
        (tag::INTEGER, Some(next)) => match (first.value, next) {
            // PFX: version 3, then a ContentInfo. A SignedData starts with an OID instead, a certificate with none of these.
            ([3], tag::SEQUENCE) => true,
            // PrivateKeyInfo: version 0 or 1, algorithm, octets.
            ([0 | 1], tag::SEQUENCE) => fields.any().is_ok() && fields.peek() == Some(tag::OCTET_STRING),
            // ECPrivateKey: version 1, octets of 24 to 66 bytes.
            ([1], tag::OCTET_STRING) => fields.any().is_ok_and(|key| (24..=66).contains(&key.value.len())),
            // RSAPrivateKey: version 0 and eight more numbers.
            ([0 | 1], tag::INTEGER) => {
                let mut count = 0;
                while fields.take(tag::INTEGER, "integer").is_ok() {
                    count += 1;
                }
                count >= 8
            }
            _ => false,
        },
        _ => false,
    }
}

/// PEM stands at the beginning, perhaps after the attributes that OpenSSL writes before it.
const TEXT_SEARCHED_BYTES: usize = 64 * 1024;
/// 1.2.840.113549.1.5.
const PKCS5: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05];
/// 1.2.840.113549.1.12.
const PKCS12: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x0c];

fn sequence_body(bytes: &[u8]) -> Option<&[u8]> {
    if let Ok(tlv) = Tlv::only(bytes) {
        return (tlv.tag == tag::SEQUENCE).then_some(tlv.value);
    }
    bytes.strip_prefix(&[tag::SEQUENCE, 0x80])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_keys_are_recognised_and_public_objects_are_not() {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/kz-pki/");
        let mut checked = 0;
        for (folder, expected) in
            [("p12", true), ("user", false), ("ca/prod", false), ("cms", false), ("crl", false), ("ocsp", false)]
        {
            for entry in std::fs::read_dir(format!("{root}{folder}")).unwrap() {
                let path = entry.unwrap().path();
                assert_eq!(looks_like_private_key(&std::fs::read(&path).unwrap()), expected, "{}", path.display());
                checked += 1;
            }
        }
        assert!(checked > 60, "{checked}");
    }

    #[test]
    fn pem_keys_are_recognised_by_label() {
        for (text, expected) in [
            ("-----BEGIN PRIVATE KEY-----\n", true),
            ("Bag Attributes\n-----BEGIN ENCRYPTED PRIVATE KEY-----\n", true),
            ("-----BEGIN EC PRIVATE KEY-----\n", true),
            ("-----BEGIN OPENSSH PRIVATE KEY-----\n", true),
            ("-----BEGIN CERTIFICATE-----\n", false),
            ("-----BEGIN PUBLIC KEY-----\n", false),
            ("a contract about a PRIVATE KEY", false),
            ("", false),
        ] {
            assert_eq!(looks_like_private_key(text.as_bytes()), expected, "{text}");
        }
    }
}
