//! PEM (RFC 7468): takes certificates and CRLs out of a text, leaves everything else alone.

use base64ct::{Base64, Encoding as _};

use super::limits::{EVIDENCE_ITEMS_MAX, PEM_BYTES_MAX};

/// Why a PEM text cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PemError {
    /// The text is larger than any trust store, or has more blocks.
    #[error("too large for a PEM file")]
    TooLarge,
    /// The bytes are in none of the spellings.
    #[error("neither DER nor PEM nor base64")]
    NoSpelling,
    /// A block does not end, or ends with another label.
    #[error("PEM block {label} does not end")]
    Unterminated {
        /// The label of the block.
        label: String,
    },
    /// A block is not base64.
    #[error("PEM block {label} is not base64")]
    Base64 {
        /// The label of the block.
        label: String,
    },
}

/// How a file from outside is spelled: DER (or BER), PEM, or bare base64.
///
/// Only the spelling is undone: what comes out is for the parsers to judge. Empty when a text has no block of the kind.
pub fn any_spelling(bytes: &[u8], kind: Kind) -> Result<Vec<Vec<u8>>, PemError> {
    if bytes.first() == Some(&SEQUENCE) {
        return Ok(vec![bytes.to_vec()]);
    }
    if bytes.len() > PEM_BYTES_MAX {
        return Err(PemError::TooLarge);
    }
    // A mark that some editors put first.
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|_| PemError::NoSpelling)?;
    if text.contains("-----BEGIN ") {
        return blocks(text, kind.labels());
    }
    let body: String = text.split_whitespace().collect();
    let der = Base64::decode_vec(&body).map_err(|_| PemError::NoSpelling)?;
    if der.first() == Some(&SEQUENCE) { Ok(vec![der]) } else { Err(PemError::NoSpelling) }
}

/// The first byte of everything in DER that is read here.
const SEQUENCE: u8 = 0x30;

/// What a file is to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Certificates.
    Certificate,
    /// Certificate revocation lists.
    Crl,
    /// CMS signatures.
    Signature,
    /// OCSP answers; there is no agreed label, programs write this one.
    Ocsp,
    /// Timestamp tokens: CMS by form.
    Timestamp,
}

impl Kind {
    const fn labels(self) -> &'static [&'static str] {
        match self {
            Self::Certificate => &["CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"],
            Self::Crl => &["X509 CRL", "CRL"],
            Self::Signature => &["CMS", "PKCS7", "PKCS #7 SIGNED DATA"],
            Self::Ocsp => &["OCSP RESPONSE"],
            Self::Timestamp => &["CMS", "PKCS7", "TIMESTAMP TOKEN"],
        }
    }
}

/// The DER of every `CERTIFICATE` block, in order; empty when there is none.
pub fn certificates(text: &str) -> Result<Vec<Vec<u8>>, PemError> {
    blocks(text, Kind::Certificate.labels())
}

/// The DER of every `X509 CRL` block, in order; empty when there is none.
pub fn crls(text: &str) -> Result<Vec<Vec<u8>>, PemError> {
    blocks(text, Kind::Crl.labels())
}

/// The DER of every `CMS`, `PKCS7` or `PKCS #7 SIGNED DATA` block.
pub fn signatures(text: &str) -> Result<Vec<Vec<u8>>, PemError> {
    blocks(text, Kind::Signature.labels())
}

fn blocks(text: &str, labels: &[&str]) -> Result<Vec<Vec<u8>>, PemError> {
    if text.len() > PEM_BYTES_MAX {
        return Err(PemError::TooLarge);
    }
    let mut found = Vec::new();
    let mut lines = text.lines().map(str::trim);
    while let Some(line) = lines.next() {
        let label = line.strip_prefix("-----BEGIN ").and_then(|rest| rest.strip_suffix("-----"));
        let Some(label) = label.filter(|label| labels.contains(label)) else { continue };
        let end = format!("-----END {label}-----");
        let mut body = String::new();
        loop {
            match lines.next() {
                Some(line) if line == end => break,
                Some(line) if !line.starts_with("-----") => body.extend(line.split_whitespace()),
                _ => return Err(PemError::Unterminated { label: label.to_owned() }),
            }
        }
        found.push(Base64::decode_vec(&body).map_err(|_| PemError::Base64 { label: label.to_owned() })?);
        if found.len() > EVIDENCE_ITEMS_MAX {
            return Err(PemError::TooLarge);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_of_the_label_are_found_and_others_left() {
        let text = "x\r\n-----BEGIN CERTIFICATE-----\r\nAQID\r\nBA==\r\n-----END CERTIFICATE-----\r\n\
                    -----BEGIN X509 CRL-----\nBQ==\n-----END X509 CRL-----\n";
        assert_eq!(certificates(text).unwrap(), [vec![1, 2, 3, 4]]);
        assert_eq!(crls(text).unwrap(), [vec![5]]);
        assert_eq!(certificates("").unwrap(), Vec::<Vec<u8>>::new());
    }

    #[test]
    fn each_spelling_of_one_thing_gives_the_same_bytes() {
        let der = vec![0x30, 1, 2, 3];
        let pem = "note\n-----BEGIN CMS-----\nMAECAw==\n-----END CMS-----\n";
        for text in ["MAECAw==", " MAEC\r\nAw==\n", "\u{feff}MAECAw==", pem] {
            assert_eq!(any_spelling(text.as_bytes(), Kind::Signature).unwrap(), std::slice::from_ref(&der), "{text}");
        }
        assert_eq!(any_spelling(&der, Kind::Signature).unwrap(), [der]);
        for bytes in [&b""[..], b"%PDF-1.7", b"AQID", b"\xff\xfe", b"MAEC?w=="] {
            assert_eq!(any_spelling(bytes, Kind::Signature), Err(PemError::NoSpelling), "{bytes:?}");
        }
        assert_eq!(any_spelling(pem.as_bytes(), Kind::Certificate).unwrap(), Vec::<Vec<u8>>::new());
    }

    #[test]
    fn broken_blocks_are_errors() {
        let label = || "CERTIFICATE".to_owned();
        for (text, error) in [
            ("-----BEGIN CERTIFICATE-----\nAQID", PemError::Unterminated { label: label() }),
            ("-----BEGIN CERTIFICATE-----\nAQID\n-----END X-----", PemError::Unterminated { label: label() }),
            ("-----BEGIN CERTIFICATE-----\n?\n-----END CERTIFICATE-----", PemError::Base64 { label: label() }),
        ] {
            assert_eq!(certificates(text), Err(error), "{text}");
        }
    }
}
