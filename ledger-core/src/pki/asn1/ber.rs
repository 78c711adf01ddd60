//! Brings BER (indefinite lengths, octet strings in pieces, long lengths) to definite form, within limits.
//!
//! `openssl cms -stream` and large files come so. What is in definite form already stays byte for byte;
//! the original message stays the evidence.

use std::borrow::Cow;

use super::{Asn1Error, encode, header, tag};
use crate::pki::limits::{BER_DEPTH_MAX, BER_ELEMENTS_MAX};

/// The one element in the bytes, in definite form; borrowed when nothing had to change.
pub(crate) fn to_definite(bytes: &[u8]) -> Result<Cow<'_, [u8]>, Asn1Error> {
    let mut scan = Scan { elements: 0, changes: false };
    let end = scan.element(bytes, 1)?;
    if end != bytes.len() {
        return Err(Asn1Error::Trailing);
    }
    if !scan.changes {
        return Ok(Cow::Borrowed(bytes));
    }
    let mut out = Vec::with_capacity(bytes.len());
    write_element(bytes, &mut out)?;
    Ok(Cow::Owned(out))
}

const CONSTRUCTED: u8 = 0x20;
const CONSTRUCTED_OCTET_STRING: u8 = tag::OCTET_STRING | CONSTRUCTED;

/// The first pass: checks the limits without memory, and says whether a second one is needed.
struct Scan {
    elements: u32,
    changes: bool,
}

impl Scan {
    /// Returns the length of the element. Recurses at most [`BER_DEPTH_MAX`] deep.
    fn element(&mut self, bytes: &[u8], depth: u32) -> Result<usize, Asn1Error> {
        if depth > BER_DEPTH_MAX {
            return Err(Asn1Error::Limit { what: "levels of nesting", max: 32 });
        }
        self.elements += 1;
        if self.elements > BER_ELEMENTS_MAX {
            return Err(Asn1Error::Limit { what: "elements", max: 200_000 });
        }
        let header = header(bytes)?;
        let constructed = header.tag & CONSTRUCTED != 0;
        self.changes |= !header.minimal || header.tag == CONSTRUCTED_OCTET_STRING;
        let contents = bytes.get(header.bytes..).ok_or(Asn1Error::Truncated)?;
        let contents = match header.length {
            Some(length) => contents.get(..length).ok_or(Asn1Error::Truncated)?,
            None if constructed => contents,
            None => return Err(Asn1Error::Length),
        };
        if !constructed {
            return Ok(header.bytes + contents.len());
        }
        // DER forbids constructed strings; only the octet string is put together here.
        if matches!(header.tag, 0x23 | 0x2c | 0x33..=0x3e) {
            return Err(Asn1Error::Unexpected { expected: "a primitive string" });
        }
        let mut at = 0;
        loop {
            let rest = contents.get(at..).ok_or(Asn1Error::Truncated)?;
            match (header.length, rest) {
                (Some(_), []) => return Ok(header.bytes + at),
                (None, [0, 0, ..]) => return Ok(header.bytes + at + 2),
                _ => {}
            }
            let piece = rest.first().copied().unwrap_or_default();
            if header.tag == CONSTRUCTED_OCTET_STRING && piece & !CONSTRUCTED != tag::OCTET_STRING {
                return Err(Asn1Error::Unexpected { expected: "a piece of an octet string" });
            }
            at += self.element(rest, depth + 1)?;
        }
    }
}

/// The second pass over bytes that [`Scan`] has passed. Returns the length of the element read.
fn write_element(bytes: &[u8], out: &mut Vec<u8>) -> Result<usize, Asn1Error> {
    let header = header(bytes)?;
    let contents = bytes.get(header.bytes..).ok_or(Asn1Error::Truncated)?;
    if header.tag & CONSTRUCTED == 0 {
        let length = header.length.ok_or(Asn1Error::Length)?;
        encode::header(header.tag, length, out);
        out.extend_from_slice(contents.get(..length).ok_or(Asn1Error::Truncated)?);
        return Ok(header.bytes + length);
    }
    let flatten = header.tag == CONSTRUCTED_OCTET_STRING;
    let mut inner = Vec::new();
    let mut at = 0;
    let end = loop {
        let rest = contents.get(at..).ok_or(Asn1Error::Truncated)?;
        match header.length {
            Some(length) if at >= length => break at,
            None if rest.starts_with(&[0, 0]) => break at + 2,
            _ => {}
        }
        let before = inner.len();
        at += write_element(rest, &mut inner)?;
        if flatten {
            let piece = super::header(inner.get(before..).ok_or(Asn1Error::Truncated)?)?;
            inner.drain(before..before + piece.bytes);
        }
    };
    let tag = if flatten { tag::OCTET_STRING } else { header.tag };
    encode::header(tag, inner.len(), out);
    out.extend_from_slice(&inner);
    Ok(header.bytes + end)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn indefinite_lengths_and_pieces_are_put_together() {
        let cases: &[(&[u8], &[u8])] = &[
            (&[0x30, 0x80, 0x05, 0x00, 0x00, 0x00], &[0x30, 0x02, 0x05, 0x00]),
            (&[0x24, 0x80, 0x04, 0x01, 0xaa, 0x04, 0x01, 0xbb, 0x00, 0x00], &[0x04, 0x02, 0xaa, 0xbb]),
            (&[0x24, 0x06, 0x04, 0x01, 0xaa, 0x04, 0x01, 0xbb], &[0x04, 0x02, 0xaa, 0xbb]),
            (&[0x24, 0x80, 0x24, 0x80, 0x04, 0x01, 0xaa, 0, 0, 0x04, 0x01, 0xbb, 0, 0], &[0x04, 0x02, 0xaa, 0xbb]),
            (&[0x30, 0x81, 0x02, 0x05, 0x00], &[0x30, 0x02, 0x05, 0x00]),
            (&[0x24, 0x00], &[0x04, 0x00]),
        ];
        for (ber, der) in cases {
            assert_eq!(to_definite(ber).unwrap().as_ref(), *der, "{ber:02x?}");
        }
    }

    #[test]
    fn bombs_of_nesting_and_elements_are_refused() {
        let tower: Vec<u8> = [0x24, 0x80].repeat(100_000);
        assert_eq!(to_definite(&tower), Err(Asn1Error::Limit { what: "levels of nesting", max: 32 }));
        let mut many = vec![0x30, 0x80];
        many.extend([0x05, 0x00].repeat(200_001));
        many.extend([0, 0]);
        assert_eq!(to_definite(&many), Err(Asn1Error::Limit { what: "elements", max: 200_000 }));
        assert_eq!(to_definite(&[0x04, 0x80, 0, 0]), Err(Asn1Error::Length));
        assert_eq!(to_definite(&[0x30, 0x80, 0x05, 0x00]), Err(Asn1Error::Truncated));
        assert_eq!(to_definite(&[0x30, 0x00, 0x00]), Err(Asn1Error::Trailing));
    }

    proptest! {
        #[test]
        fn any_bytes_give_definite_form_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(definite) = to_definite(&bytes) {
                // Bringing to definite form twice changes nothing.
                let again = to_definite(&definite).unwrap();
                prop_assert!(matches!(again, Cow::Borrowed(_)));
            }
        }
    }
}
