//! A borrowed view of DER: tags, lengths and values as they stand, nothing decoded that is not asked for.
//!
//! Signatures and digests cover original bytes, so the view keeps them; it never encodes again. It does
//! not recurse, so deep nesting costs nothing.

pub(crate) mod ber;
pub(crate) mod encode;
pub(crate) mod name;
pub(crate) mod oid;
pub(crate) mod time;

pub(crate) use oid::Oid;

/// Universal tags used here.
pub(crate) mod tag {
    pub(crate) const BOOLEAN: u8 = 0x01;
    pub(crate) const INTEGER: u8 = 0x02;
    pub(crate) const BIT_STRING: u8 = 0x03;
    pub(crate) const OCTET_STRING: u8 = 0x04;
    pub(crate) const NULL: u8 = 0x05;
    pub(crate) const OID: u8 = 0x06;
    pub(crate) const ENUMERATED: u8 = 0x0a;
    pub(crate) const UTC_TIME: u8 = 0x17;
    pub(crate) const GENERALIZED_TIME: u8 = 0x18;
    pub(crate) const SEQUENCE: u8 = 0x30;
    pub(crate) const SET: u8 = 0x31;
    /// `[n]`, primitive (implicit string types).
    pub(crate) const fn context(number: u8) -> u8 {
        0x80 | number
    }
    /// `[n]`, constructed (explicit, or implicit SEQUENCE and SET).
    pub(crate) const fn context_constructed(number: u8) -> u8 {
        0xa0 | number
    }
}

/// Why bytes are not the DER that was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Asn1Error {
    /// The bytes end inside an element.
    #[error("the bytes end inside an element")]
    Truncated,
    /// Bytes stand after the last element (pki.md section 5, pitfall 11).
    #[error("bytes after the end")]
    Trailing,
    /// Another element stands where the structure wants one.
    #[error("unexpected element, {expected} expected")]
    Unexpected {
        /// What belongs there.
        expected: &'static str,
    },
    /// A length is not in its shortest form, or indefinite where DER is required.
    #[error("length not in DER")]
    Length,
    /// A value breaks the rules of its type.
    #[error("malformed {what}")]
    Value {
        /// Which value.
        what: &'static str,
    },
    /// A ceiling of `limits` is passed.
    #[error("more than {max} {what}")]
    Limit {
        /// What there is too much of.
        what: &'static str,
        /// The ceiling.
        max: usize,
    },
}

/// One element: its tag, its contents and all its bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tlv<'a> {
    pub(crate) tag: u8,
    pub(crate) value: &'a [u8],
    pub(crate) raw: &'a [u8],
}

impl<'a> Tlv<'a> {
    /// The only element in the bytes.
    pub(crate) fn only(bytes: &'a [u8]) -> Result<Self, Asn1Error> {
        let mut reader = Reader::new(bytes);
        let tlv = reader.any()?;
        reader.finish()?;
        Ok(tlv)
    }

    /// A reader over the contents.
    pub(crate) const fn reader(&self) -> Reader<'a> {
        Reader::new(self.value)
    }

    pub(crate) fn expect(self, tag: u8, expected: &'static str) -> Result<Self, Asn1Error> {
        if self.tag == tag { Ok(self) } else { Err(Asn1Error::Unexpected { expected }) }
    }

    /// The octets of a BIT STRING without unused bits (keys, signatures).
    pub(crate) fn bit_string_octets(&self) -> Result<&'a [u8], Asn1Error> {
        match self.value.split_first() {
            Some((0, octets)) if self.tag == tag::BIT_STRING => Ok(octets),
            _ => Err(Asn1Error::Value { what: "bit string" }),
        }
    }

    pub(crate) fn boolean(&self) -> Result<bool, Asn1Error> {
        match (self.tag, self.value) {
            (tag::BOOLEAN, [0xff]) => Ok(true),
            (tag::BOOLEAN, [0]) => Ok(false),
            _ => Err(Asn1Error::Value { what: "boolean" }),
        }
    }

    /// A small non-negative INTEGER or ENUMERATED.
    pub(crate) fn small_integer(&self) -> Result<u32, Asn1Error> {
        let error = Asn1Error::Value { what: "integer" };
        match self.value {
            [] => Err(error),
            [0, next, ..] if *next < 0x80 => Err(error),
            [first, ..] if *first >= 0x80 => Err(error),
            bytes if bytes.len() > 5 || (bytes.len() == 5 && bytes.first() != Some(&0)) => Err(error),
            bytes => Ok(bytes.iter().fold(0_u32, |sum, byte| (sum << 8) | u32::from(*byte))),
        }
    }
}

/// The digits of an INTEGER that is a number and not a text: without leading zeros, which some issuers write too many or
/// too few of. Whoever looks for a serial number must not miss it for that.
pub(crate) fn magnitude(value: &[u8]) -> &[u8] {
    let zeros = value.iter().take_while(|octet| **octet == 0).count();
    value.get(zeros..).unwrap_or_default()
}

/// Reads elements one after the other.
#[derive(Debug, Clone)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// The next element, whatever it is.
    pub(crate) fn any(&mut self) -> Result<Tlv<'a>, Asn1Error> {
        let header = header(self.rest)?;
        let length = header.length.ok_or(Asn1Error::Length)?;
        let end = header.bytes.checked_add(length).ok_or(Asn1Error::Truncated)?;
        let (raw, rest) = self.rest.split_at_checked(end).ok_or(Asn1Error::Truncated)?;
        let value = raw.get(header.bytes..).ok_or(Asn1Error::Truncated)?;
        if !header.minimal {
            return Err(Asn1Error::Length);
        }
        self.rest = rest;
        Ok(Tlv { tag: header.tag, value, raw })
    }

    pub(crate) fn take(&mut self, tag: u8, expected: &'static str) -> Result<Tlv<'a>, Asn1Error> {
        if self.peek() == Some(tag) { self.any() } else { Err(Asn1Error::Unexpected { expected }) }
    }

    pub(crate) fn optional(&mut self, tag: u8) -> Result<Option<Tlv<'a>>, Asn1Error> {
        if self.peek() == Some(tag) { self.any().map(Some) } else { Ok(None) }
    }

    pub(crate) fn oid(&mut self) -> Result<Oid<'a>, Asn1Error> {
        Oid::new(self.take(tag::OID, "object identifier")?.value)
    }

    pub(crate) const fn finish(self) -> Result<(), Asn1Error> {
        if self.rest.is_empty() { Ok(()) } else { Err(Asn1Error::Trailing) }
    }
}

/// The tag and length in front of a value. `length` is `None` for the indefinite form.
pub(crate) struct Header {
    pub(crate) tag: u8,
    pub(crate) bytes: usize,
    pub(crate) length: Option<usize>,
    pub(crate) minimal: bool,
}

pub(crate) fn header(bytes: &[u8]) -> Result<Header, Asn1Error> {
    let (&tag, rest) = bytes.split_first().ok_or(Asn1Error::Truncated)?;
    // Tag numbers above 30 take several bytes; no structure here has them.
    if tag & 0x1f == 0x1f {
        return Err(Asn1Error::Value { what: "tag" });
    }
    let (&first, rest) = rest.split_first().ok_or(Asn1Error::Truncated)?;
    if first < 0x80 {
        return Ok(Header { tag, bytes: 2, length: Some(usize::from(first)), minimal: true });
    }
    if first == 0x80 {
        return Ok(Header { tag, bytes: 2, length: None, minimal: false });
    }
    let count = usize::from(first & 0x7f);
    // Four bytes of length are 4 GiB, beyond every limit here.
    if count > 4 {
        return Err(Asn1Error::Length);
    }
    let digits = rest.get(..count).ok_or(Asn1Error::Truncated)?;
    let length = digits.iter().fold(0_usize, |sum, byte| (sum << 8) | usize::from(*byte));
    let minimal = length >= 0x80 && digits.first() != Some(&0);
    Ok(Header { tag, bytes: 2 + count, length: Some(length), minimal })
}

/// An `AlgorithmIdentifier` as it stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AlgorithmIdentifier<'a> {
    pub(crate) oid: Oid<'a>,
    /// The parameters with their tag; `None` when absent.
    pub(crate) parameters: Option<&'a [u8]>,
}

impl<'a> AlgorithmIdentifier<'a> {
    pub(crate) fn from_tlv(tlv: Tlv<'a>) -> Result<Self, Asn1Error> {
        let tlv = tlv.expect(tag::SEQUENCE, "algorithm identifier")?;
        let mut reader = tlv.reader();
        let oid = reader.oid()?;
        let parameters = if reader.is_empty() { None } else { Some(reader.any()?.raw) };
        reader.finish()?;
        Ok(Self { oid, parameters })
    }

    pub(crate) fn parse(raw: &'a [u8]) -> Result<Self, Asn1Error> {
        Self::from_tlv(Tlv::only(raw)?)
    }

    /// Parameters are absent or NULL, which many writers do not tell apart.
    pub(crate) fn has_no_parameters(&self) -> bool {
        matches!(self.parameters, None | Some([tag::NULL, 0]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_that_are_not_the_shortest_are_refused() {
        for (bytes, expected) in [
            (&[0x04_u8, 0x81, 0x01, 0xaa][..], Asn1Error::Length),
            (&[0x04, 0x82, 0x00, 0x01, 0xaa], Asn1Error::Length),
            (&[0x24, 0x80, 0x00, 0x00], Asn1Error::Length),
            (&[0x04, 0x85, 1, 1, 1, 1, 1], Asn1Error::Length),
            (&[0x04, 0x02, 0xaa], Asn1Error::Truncated),
            (&[0x04, 0x84, 0xff, 0xff, 0xff, 0xff], Asn1Error::Truncated),
            (&[0x04], Asn1Error::Truncated),
            (&[], Asn1Error::Truncated),
            (&[0x1f, 0x81, 0x00], Asn1Error::Value { what: "tag" }),
            (&[0x05, 0x00, 0x00], Asn1Error::Trailing),
        ] {
            assert_eq!(Tlv::only(bytes).map(|tlv| tlv.tag), Err(expected), "{bytes:02x?}");
        }
        assert_eq!(Tlv::only(&[0x04, 0x01, 0xaa]).unwrap().value, [0xaa]);
    }

    #[test]
    fn small_integers_are_minimal_and_not_negative() {
        let cases: &[(&[u8], Option<u32>)] = &[
            (&[0x02, 0x01, 0x00], Some(0)),
            (&[0x02, 0x01, 0x7f], Some(127)),
            (&[0x02, 0x02, 0x00, 0x80], Some(128)),
            (&[0x02, 0x05, 0x00, 0xff, 0xff, 0xff, 0xff], Some(u32::MAX)),
            (&[0x02, 0x05, 0x01, 0xff, 0xff, 0xff, 0xff], None),
            (&[0x02, 0x01, 0x80], None),
            (&[0x02, 0x02, 0x00, 0x7f], None),
            (&[0x02, 0x00], None),
        ];
        for (bytes, expected) in cases {
            assert_eq!(Tlv::only(bytes).unwrap().small_integer().ok(), *expected, "{bytes:02x?}");
        }
    }
}
