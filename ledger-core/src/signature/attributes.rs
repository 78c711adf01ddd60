//! Attributes of a signer: found by type, exactly one with exactly one value where RFC 5652 section 11 says so.

use const_oid::ObjectIdentifier;

use crate::pki::asn1::{Asn1Error, Oid, Reader, Tlv, encode, tag};
use crate::pki::limits::{ATTRIBUTE_BYTES_MAX, ATTRIBUTES_MAX};

pub(crate) const CONTENT_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.3");
pub(crate) const MESSAGE_DIGEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.4");
pub(crate) const SIGNING_TIME: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.5");
pub(crate) const SIGNING_CERTIFICATE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.12");
pub(crate) const SIGNING_CERTIFICATE_V2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.47");
/// Unsigned (RFC 3161 appendix A).
pub(crate) const SIGNATURE_TIMESTAMP: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.14");
/// Signed (CAdES 5.2.8).
pub(crate) const CONTENT_TIMESTAMP: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.20");
/// Unsigned (RFC 5652 11.4).
pub(crate) const COUNTER_SIGNATURE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.6");
/// Unsigned (RFC 5126 6.3.3).
pub(crate) const CERTIFICATE_VALUES: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.23");
/// Unsigned (RFC 5126 6.3.4).
pub(crate) const REVOCATION_VALUES: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.24");
/// Timestamps over more than a signature value, in unsigned attributes: archive-time-stamp of all three versions,
/// CAdES-C-timestamp, certs-crls-timestamp (RFC 5126 6.3.5, 6.3.6, 6.4; ETSI EN 319 122-1 5.5.3).
pub(crate) const OTHER_TIMESTAMPS: [ObjectIdentifier; 5] = [
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.27"),
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.48"),
    ObjectIdentifier::new_unwrap("0.4.0.1733.2.4"),
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.25"),
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.26"),
];

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
    /// Reads the contents of a SET OF signed Attribute.
    pub(crate) fn parse(contents: &'a [u8]) -> Result<Self, Asn1Error> {
        Self::parse_within(contents, ATTRIBUTE_BYTES_MAX)
    }

    /// Reads the contents of a SET OF unsigned Attribute: long-term forms put whole CRLs there, so the message is the
    /// only limit of their size.
    pub(crate) fn parse_unsigned(contents: &'a [u8]) -> Result<Self, Asn1Error> {
        Self::parse_within(contents, contents.len())
    }

    fn parse_within(contents: &'a [u8], bytes_max: usize) -> Result<Self, Asn1Error> {
        let mut this = Self::default();
        let mut reader = Reader::new(contents);
        while !reader.is_empty() {
            if this.list.len() == ATTRIBUTES_MAX {
                return Err(Asn1Error::Limit { what: "attributes", max: ATTRIBUTES_MAX });
            }
            let attribute = reader.take(tag::SEQUENCE, "attribute")?;
            if attribute.raw.len() > bytes_max {
                return Err(Asn1Error::Limit { what: "bytes in an attribute", max: bytes_max });
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

    /// The values of all attributes of the types, as far as they can be read: unsigned ones may stand several times.
    pub(crate) fn values(&self, oids: &[ObjectIdentifier]) -> Vec<Tlv<'a>> {
        let mut found = Vec::new();
        for (_, values) in self.list.iter().filter(|(other, _)| other.is_one_of(oids)) {
            let mut reader = values.reader();
            while let Ok(value) = reader.any() {
                found.push(value);
            }
        }
        found
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
        encode::element(tag::SET, &[contents])
    }

    /// The same with the attributes sorted, which is what RFC 5652 means and some signers did not send.
    pub(crate) fn sorted_bytes(&self) -> Vec<u8> {
        let mut sorted = self.raw.clone();
        // DER compares as if the shorter were padded with zero bytes; no attribute is a prefix of another.
        sorted.sort_unstable();
        encode::element(tag::SET, &[&sorted.concat()])
    }
}
