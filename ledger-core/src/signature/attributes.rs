//! Attributes of a signer: found by type, exactly one with exactly one value where RFC 5652 section 11 says so.

use const_oid::ObjectIdentifier;

use crate::pki::asn1::{Asn1Error, Oid, Reader, Tlv, tag};
use crate::pki::limits::{ATTRIBUTE_BYTES_MAX, ATTRIBUTES_MAX};

pub(crate) const CONTENT_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.3");
pub(crate) const MESSAGE_DIGEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.4");
pub(crate) const SIGNING_TIME: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.5");
pub(crate) const SIGNING_CERTIFICATE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.12");
pub(crate) const SIGNING_CERTIFICATE_V2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.47");
pub(crate) const SIGNATURE_TIMESTAMP: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.14");

/// The attributes of a signer, signed or unsigned.
#[derive(Debug, Default)]
pub(crate) struct Attributes<'a> {
    list: Vec<(Oid<'a>, Tlv<'a>)>,
    raw: Vec<&'a [u8]>,
}

/// How often an attribute is there.
#[derive(Debug)]
pub(crate) enum Single<'a> {
    Absent,
    One(Tlv<'a>),
    /// Several attributes of the type, or none or several values in it.
    Malformed,
}

impl<'a> Attributes<'a> {
    /// Reads the contents of a SET OF Attribute.
    pub(crate) fn parse(contents: &'a [u8]) -> Result<Self, Asn1Error> {
        let mut this = Self::default();
        let mut reader = Reader::new(contents);
        while !reader.is_empty() {
            if this.list.len() == ATTRIBUTES_MAX {
                return Err(Asn1Error::Limit { what: "attributes", max: ATTRIBUTES_MAX });
            }
            let attribute = reader.take(tag::SEQUENCE, "attribute")?;
            if attribute.raw.len() > ATTRIBUTE_BYTES_MAX {
                return Err(Asn1Error::Limit { what: "bytes in an attribute", max: ATTRIBUTE_BYTES_MAX });
            }
            let mut fields = attribute.reader();
            let oid = fields.oid()?;
            let values = fields.take(tag::SET, "attribute values")?;
            fields.finish()?;
            this.list.push((oid, values));
            this.raw.push(attribute.raw);
        }
        Ok(this)
    }

    pub(crate) fn count(&self, oid: &ObjectIdentifier) -> usize {
        self.list.iter().filter(|(other, _)| other.is(oid)).count()
    }

    /// The one value of the one attribute of the type.
    pub(crate) fn single(&self, oid: &ObjectIdentifier) -> Single<'a> {
        let mut found = self.list.iter().filter(|(other, _)| other.is(oid));
        match (found.next(), found.next()) {
            (None, _) => Single::Absent,
            (Some((_, values)), None) => Tlv::only(values.value).map_or(Single::Malformed, Single::One),
            _ => Single::Malformed,
        }
    }

    /// Whether they stand in the order of DER.
    pub(crate) fn is_sorted(&self) -> bool {
        self.raw.is_sorted()
    }

    /// The bytes that a signature covers, as they were sent: the tag is SET in place of `[0]` (RFC 5652 5.4).
    pub(crate) fn signed_bytes(contents: &[u8]) -> Vec<u8> {
        set(contents)
    }

    /// The same with the attributes sorted, which is what RFC 5652 means and some signers did not send.
    pub(crate) fn sorted_bytes(&self) -> Vec<u8> {
        let mut sorted = self.raw.clone();
        // DER compares as if the shorter were padded with zero bytes; no attribute is a prefix of another.
        sorted.sort_unstable();
        set(&sorted.concat())
    }
}

fn set(contents: &[u8]) -> Vec<u8> {
    let mut out = vec![tag::SET];
    let digits = contents.len().to_be_bytes();
    match u8::try_from(contents.len()) {
        Ok(short) if short < 0x80 => out.push(short),
        _ => {
            let significant = digits.iter().skip_while(|digit| **digit == 0);
            out.push(0x80 | u8::try_from(significant.clone().count()).unwrap_or(8));
            out.extend(significant);
        }
    }
    out.extend_from_slice(contents);
    out
}
