//! A borrowed view of CMS SignedData (RFC 5652 section 5): original bytes, nothing sorted, nothing encoded again.
//!
//! One odd certificate does not spoil the message: certificates and CRLs are only cut out here.

use const_oid::ObjectIdentifier;

use crate::pki::asn1::{AlgorithmIdentifier, Asn1Error, Oid, Tlv, tag};
use crate::pki::limits::{CMS_CERTIFICATES_MAX, CMS_CRLS_MAX, SIGNERS_MAX};

const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
/// id-ri-ocsp-response (RFC 5940).
pub(crate) const OCSP_RESPONSE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.16.2");
/// id-pkix-ocsp-basic, which some archives put there.
pub(crate) const OCSP_BASIC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1.1");

/// A SignedData.
#[derive(Debug)]
pub(crate) struct SignedData<'a> {
    pub(crate) content_type: Oid<'a>,
    /// The octets inside; absent in a detached signature.
    pub(crate) content: Option<&'a [u8]>,
    /// The content is an OCTET STRING, as CMS has it; PKCS#7 1.5 put other elements there, whose contents were signed.
    pub(crate) content_is_octets: bool,
    /// DER of the X.509 certificates carried.
    pub(crate) certificates: Vec<&'a [u8]>,
    /// DER of the X.509 CRLs carried.
    pub(crate) crls: Vec<&'a [u8]>,
    /// OCSP answers carried beside the CRLs (RFC 5940 2.1).
    pub(crate) ocsp: Vec<OcspValue<'a>>,
    pub(crate) signers: Vec<SignerInfo<'a>>,
}

/// An OCSP answer as messages carry it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum OcspValue<'a> {
    /// A whole `OCSPResponse`.
    Response(&'a [u8]),
    /// A `BasicOCSPResponse` without its envelope.
    Basic(&'a [u8]),
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
            Some(explicit) => Some(Tlv::only(explicit.value)?),
            None => None,
        };
        encapsulated.finish()?;
        let choices = choices(fields.optional(tag::context_constructed(0))?, "certificates", CMS_CERTIFICATES_MAX)?;
        let certificates = plain(&choices);
        let revocation = self::choices(fields.optional(tag::context_constructed(1))?, "CRLs", CMS_CRLS_MAX)?;
        let mut list = fields.take(tag::SET, "signer infos")?.reader();
        fields.finish()?;
        let mut signers = Vec::new();
        while !list.is_empty() {
            if signers.len() == SIGNERS_MAX {
                return Err(Asn1Error::Limit { what: "signers", max: SIGNERS_MAX });
            }
            signers.push(SignerInfo::parse(list.any()?)?);
        }
        Ok(Self {
            content_type,
            content: content.map(|content| content.value),
            content_is_octets: content.is_none_or(|content| content.tag == tag::OCTET_STRING),
            certificates,
            crls: plain(&revocation),
            ocsp: revocation.iter().filter_map(|choice| ocsp(*choice).ok().flatten()).collect(),
            signers,
        })
    }
}

fn choices<'a>(set: Option<Tlv<'a>>, what: &'static str, max: usize) -> Result<Vec<Tlv<'a>>, Asn1Error> {
    let mut found = Vec::new();
    let Some(set) = set else { return Ok(found) };
    let mut reader = set.reader();
    while !reader.is_empty() {
        if found.len() == max {
            return Err(Asn1Error::Limit { what, max });
        }
        found.push(reader.any()?);
    }
    Ok(found)
}

/// The plain SEQUENCEs among the choices (X.509); attribute certificates and other formats are passed over.
fn plain<'a>(choices: &[Tlv<'a>]) -> Vec<&'a [u8]> {
    choices.iter().filter(|choice| choice.tag == tag::SEQUENCE).map(|choice| choice.raw).collect()
}

/// `[1] OtherRevocationInfoFormat` with an OCSP answer; `None` for other formats.
fn ocsp(choice: Tlv<'_>) -> Result<Option<OcspValue<'_>>, Asn1Error> {
    if choice.tag != tag::context_constructed(1) {
        return Ok(None);
    }
    let mut fields = choice.reader();
    let format = fields.oid()?;
    let info = fields.any()?.raw;
    fields.finish()?;
    Ok(if format.is(&OCSP_RESPONSE) {
        Some(OcspValue::Response(info))
    } else if format.is(&OCSP_BASIC) {
        Some(OcspValue::Basic(info))
    } else {
        None
    })
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
