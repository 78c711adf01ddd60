//! PEM (RFC 7468): takes certificates and CRLs out of a text, leaves everything else alone.

use base64ct::{Base64, Encoding as _};

use super::limits::{EVIDENCE_ITEMS_MAX, PEM_BYTES_MAX};

/// Why a PEM text cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PemError {
    /// The text is larger than any trust store, or has more blocks.
    #[error("too large for a PEM file")]
    TooLarge,
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

/// The DER of every `CERTIFICATE` block, in order; empty when there is none.
pub fn certificates(text: &str) -> Result<Vec<Vec<u8>>, PemError> {
    blocks(text, &["CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"])
}

/// The DER of every `X509 CRL` block, in order; empty when there is none.
pub fn crls(text: &str) -> Result<Vec<Vec<u8>>, PemError> {
    blocks(text, &["X509 CRL", "CRL"])
}

/// The DER of every `CMS`, `PKCS7` or `PKCS #7 SIGNED DATA` block.
pub fn signatures(text: &str) -> Result<Vec<Vec<u8>>, PemError> {
    blocks(text, &["CMS", "PKCS7", "PKCS #7 SIGNED DATA"])
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
