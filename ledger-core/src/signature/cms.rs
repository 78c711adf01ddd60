//! A borrowed view of CMS SignedData (RFC 5652 section 5): original bytes, nothing sorted, nothing encoded again.
//!
//! One odd certificate does not spoil the message: certificates and CRLs are only cut out here.

use const_oid::ObjectIdentifier;

use crate::pki::asn1::{AlgorithmIdentifier, Asn1Error, Oid, Tlv, tag};
use crate::pki::limits::{CMS_CERTIFICATES_MAX, CMS_CRLS_MAX, SIGNERS_MAX};

const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");

/// A SignedData.
#[derive(Debug)]
pub(crate) struct SignedData<'a> {
    pub(crate) content_type: Oid<'a>,
    /// The octets inside; absent in a detached signature.
    pub(crate) content: Option<&'a [u8]>,
    /// DER of the X.509 certificates carried.
    pub(crate) certificates: Vec<&'a [u8]>,
    /// DER of the X.509 CRLs carried.
    pub(crate) crls: Vec<&'a [u8]>,
    pub(crate) signers: Vec<SignerInfo<'a>>,
}

/// A SignerInfo.
#[derive(Debug)]
pub(crate) struct SignerInfo<'a> {
    pub(crate) raw: &'a [u8],
    pub(crate) identifier: SignerIdentifier<'a>,
    /// DER of the digest algorithm.
    pub(crate) digest_algorithm: &'a [u8],
    /// The contents of `[0] signedAttrs`.
    pub(crate) signed_attributes: Option<&'a [u8]>,
    /// DER of the signature algorithm.
    pub(crate) signature_algorithm: &'a [u8],
    pub(crate) signature: &'a [u8],
    /// The contents of `[1] unsignedAttrs`.
    pub(crate) unsigned_attributes: Option<&'a [u8]>,
}

/// How a signer's certificate is named.
#[derive(Debug, Clone, Copy)]
pub(crate) enum SignerIdentifier<'a> {
    IssuerAndSerial { issuer: Tlv<'a>, serial: &'a [u8] },
    SubjectKeyId(&'a [u8]),
}

impl<'a> SignedData<'a> {
    /// Reads a `ContentInfo` in definite form; nothing may follow it.
    pub(crate) fn parse(der: &'a [u8]) -> Result<Self, Asn1Error> {
        let mut info = Tlv::only(der)?.expect(tag::SEQUENCE, "ContentInfo")?.reader();
        if !info.oid()?.is(&SIGNED_DATA) {
            return Err(Asn1Error::Unexpected { expected: "SignedData" });
        }
        let explicit = info.take(tag::context_constructed(0), "SignedData")?;
        info.finish()?;
        let mut fields = Tlv::only(explicit.value)?.expect(tag::SEQUENCE, "SignedData")?.reader();
        fields.take(tag::INTEGER, "version")?.small_integer()?;
        // The list of digests is a hint for one-pass readers; every signer names its own.
        fields.take(tag::SET, "digest algorithms")?;
        let mut encapsulated = fields.take(tag::SEQUENCE, "encapsulated content")?.reader();
        let content_type = encapsulated.oid()?;
        let content = match encapsulated.optional(tag::context_constructed(0))? {
            Some(explicit) => Some(Tlv::only(explicit.value)?.expect(tag::OCTET_STRING, "content octets")?.value),
            None => None,
        };
        encapsulated.finish()?;
        let certificates =
            sequences(fields.optional(tag::context_constructed(0))?, "certificates", CMS_CERTIFICATES_MAX)?;
        let crls = sequences(fields.optional(tag::context_constructed(1))?, "CRLs", CMS_CRLS_MAX)?;
        let mut list = fields.take(tag::SET, "signer infos")?.reader();
        fields.finish()?;
        let mut signers = Vec::new();
        while !list.is_empty() {
            if signers.len() == SIGNERS_MAX {
                return Err(Asn1Error::Limit { what: "signers", max: SIGNERS_MAX });
            }
            signers.push(SignerInfo::parse(list.any()?)?);
        }
        Ok(Self { content_type, content, certificates, crls, signers })
    }
}

/// The plain SEQUENCEs among the choices (X.509); attribute certificates and other formats are passed over.
fn sequences<'a>(set: Option<Tlv<'a>>, what: &'static str, max: usize) -> Result<Vec<&'a [u8]>, Asn1Error> {
    let mut found = Vec::new();
    let Some(set) = set else { return Ok(found) };
    let mut reader = set.reader();
    let mut count = 0;
    while !reader.is_empty() {
        count += 1;
        if count > max {
            return Err(Asn1Error::Limit { what, max });
        }
        let choice = reader.any()?;
        if choice.tag == tag::SEQUENCE {
            found.push(choice.raw);
        }
    }
    Ok(found)
}

impl<'a> SignerInfo<'a> {
    fn parse(tlv: Tlv<'a>) -> Result<Self, Asn1Error> {
        let mut fields = tlv.expect(tag::SEQUENCE, "SignerInfo")?.reader();
        fields.take(tag::INTEGER, "version")?.small_integer()?;
        let identifier = fields.any()?;
        let identifier = if identifier.tag == tag::context(0) {
            SignerIdentifier::SubjectKeyId(identifier.value)
        } else {
            let mut names = identifier.expect(tag::SEQUENCE, "signer identifier")?.reader();
            let issuer = names.take(tag::SEQUENCE, "issuer")?;
            let serial = names.take(tag::INTEGER, "serial number")?.value;
            names.finish()?;
            SignerIdentifier::IssuerAndSerial { issuer, serial }
        };
        let digest_algorithm = fields.any()?;
        AlgorithmIdentifier::from_tlv(digest_algorithm)?;
        let signed_attributes = fields.optional(tag::context_constructed(0))?.map(|tlv| tlv.value);
        let signature_algorithm = fields.any()?;
        AlgorithmIdentifier::from_tlv(signature_algorithm)?;
        let signature = fields.take(tag::OCTET_STRING, "signature")?.value;
        let unsigned_attributes = fields.optional(tag::context_constructed(1))?.map(|tlv| tlv.value);
        fields.finish()?;
        Ok(Self {
            raw: tlv.raw,
            identifier,
            digest_algorithm: digest_algorithm.raw,
            signed_attributes,
            signature_algorithm: signature_algorithm.raw,
            signature,
            unsigned_attributes,
        })
    }
}
