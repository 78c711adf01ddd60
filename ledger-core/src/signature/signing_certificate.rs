//! The attribute signing-certificate(-v2): a signature names the certificate it wants to be verified with.

use const_oid::ObjectIdentifier;
use sha1::{Digest as _, Sha1};

use super::attributes::{Attributes, SIGNING_CERTIFICATE, SIGNING_CERTIFICATE_V2, Single};
use crate::pki::alg::{AlgorithmError, AlgorithmRegistry};
use crate::pki::asn1::name::Name;
use crate::pki::asn1::{AlgorithmIdentifier, Asn1Error, Tlv, tag};
use crate::pki::certificate::Certificate;
use crate::pki::report::{Check, Outcome, SubCode, codes};
use crate::pki::validation;

const SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.14.3.2.26");

/// The first `ESSCertID` must be the signer's certificate (RFC 5035; CAdES 5.2.2).
pub(super) fn check(
    attributes: &Attributes<'_>,
    certificate: &Certificate,
    required: bool,
    registry: &AlgorithmRegistry,
) -> Check {
    let mismatch = || Check::fail(codes::SIGNING_CERTIFICATE_MISMATCH, SubCode::SigConstraintsFailure);
    let (first, second) = (attributes.single(&SIGNING_CERTIFICATE), attributes.single(&SIGNING_CERTIFICATE_V2));
    let check = |value: Tlv<'_>, version_2: bool| match names(value, version_2, certificate, registry) {
        Ok(Named::This) => Check::pass(),
        Ok(Named::ThisBySha1) => Check::warning(codes::SIGNING_CERTIFICATE_SHA1),
        Ok(Named::Another) => mismatch(),
        // Nothing is known about what it names.
        Ok(Named::Unsupported(error)) => {
            Check::indeterminate(codes::UNSUPPORTED_ALGORITHM, SubCode::Generic).with_detail(error.to_string())
        }
        Err(error) => mismatch().with_detail(error.to_string()),
    };
    match (first, second) {
        (Single::Absent, Single::Absent) if required => {
            Check::fail(codes::SIGNING_CERTIFICATE_ABSENT, SubCode::SigConstraintsFailure)
        }
        (Single::Absent, Single::Absent) => Check::warning(codes::SIGNING_CERTIFICATE_ABSENT),
        (Single::Absent, Single::One(value)) => check(value, true),
        (Single::One(value), Single::Absent) => check(value, false),
        // Both may be there for old readers; then both must agree.
        (Single::One(first), Single::One(second)) => validation::weakest([check(first, false), check(second, true)]),
        _ => mismatch(),
    }
}

/// Whether the attribute is there and names the certificate.
pub(super) fn is_named(attributes: &Attributes<'_>, certificate: &Certificate, registry: &AlgorithmRegistry) -> bool {
    matches!(check(attributes, certificate, true, registry).outcome, Outcome::Pass | Outcome::Warning)
}

/// Which certificate an attribute names.
enum Named {
    This,
    /// This one, by SHA-1: an identifier here, no proof.
    ThisBySha1,
    Another,
    /// By a digest that is not known here.
    Unsupported(AlgorithmError),
}

fn names(
    value: Tlv<'_>,
    version_2: bool,
    certificate: &Certificate,
    registry: &AlgorithmRegistry,
) -> Result<Named, Asn1Error> {
    let mut attribute = value.expect(tag::SEQUENCE, "signing certificate")?.reader();
    let mut identifiers = attribute.take(tag::SEQUENCE, "certificate identifiers")?.reader();
    let mut fields = identifiers.take(tag::SEQUENCE, "certificate identifier")?.reader();
    let algorithm = if version_2 { fields.optional(tag::SEQUENCE)? } else { None };
    let hash = fields.take(tag::OCTET_STRING, "certificate hash")?.value;
    let sha1 = match algorithm {
        Some(algorithm) => AlgorithmIdentifier::from_tlv(algorithm)?.oid.is(&SHA1),
        None => !version_2,
    };
    let expected = match algorithm {
        _ if sha1 => Sha1::digest(certificate.der()).to_vec(),
        Some(algorithm) => match registry.digest(algorithm.raw, &[certificate.der()]) {
            Ok(digest) => digest,
            Err(error) => return Ok(Named::Unsupported(error)),
        },
        None => certificate.digest().as_bytes().to_vec(),
    };
    let named = if sha1 { Named::ThisBySha1 } else { Named::This };
    if hash != expected {
        return Ok(Named::Another);
    }
    let Some(issuer_serial) = fields.optional(tag::SEQUENCE)? else { return Ok(named) };
    let mut issuer_serial = issuer_serial.reader();
    let mut issuers = issuer_serial.take(tag::SEQUENCE, "issuer names")?.reader();
    let mut issuer_matches = false;
    while !issuers.is_empty() {
        let name = issuers.any()?;
        if name.tag == tag::context_constructed(4) {
            // By the rules of names, not by bytes: signers write other string types.
            issuer_matches |= Name::parse(Tlv::only(name.value)?)? == *certificate.issuer();
        }
    }
    let serial = issuer_serial.take(tag::INTEGER, "serial number")?.value;
    Ok(if issuer_matches && serial == certificate.serial() { named } else { Named::Another })
}
