//! What binds a content to a key: content type, message digest, signature value. The same for a document and for the
//! content of a timestamp token.

use std::borrow::Cow;
use std::sync::Arc;

use super::attributes::{Attributes, CONTENT_TYPE, MESSAGE_DIGEST, Single};
use super::cms::{SignedData, SignerInfo};
use super::content::Content;
use super::report::IntegrityChecks;
use crate::pki::alg::{AlgorithmError, AlgorithmRegistry, SignatureRequest, Verified};
use crate::pki::asn1::{Oid, tag};
use crate::pki::certificate::Certificate;
use crate::pki::limits::BYTES_OF_ONE_OPERATION;
use crate::pki::report::{Check, SubCode, codes};
use crate::pki::validation::Validator;

/// Checks a signer over `content` with the key of `certificate`. The second value says by which algorithm the
/// signature holds, or why it was not found to.
pub(super) fn check(
    signer: &SignerInfo<'_>,
    data: &SignedData<'_>,
    attributes: Option<&Attributes<'_>>,
    certificate: Option<&Arc<Certificate>>,
    content: &mut Content<'_>,
    validator: &mut Validator<'_>,
) -> (IntegrityChecks, Result<Verified, AlgorithmError>) {
    let content_type = content_type(data, attributes);
    let message_digest = message_digest(signer, attributes, content, validator.registry);
    let mut signed_attrs_der = match attributes {
        Some(attributes) if attributes.is_sorted() => Check::pass(),
        Some(_) => Check::warning(codes::ATTRIBUTES_NOT_DER),
        None => Check::not_applicable(codes::ABSENT),
    };
    let unreached = Err(AlgorithmError::BadParameters { what: "not reached" });
    let Some(certificate) = certificate else {
        let signature_value = Check::indeterminate(codes::NOT_REACHED, SubCode::NoSigningCertificateFound);
        return (IntegrityChecks { content_type, message_digest, signature_value, signed_attrs_der }, unreached);
    };
    // Without attributes the whole content goes through the operation, once for each signer: it costs accordingly.
    let cost = if signer.signed_attributes.is_some() { 0 } else { content.bytes().len() / BYTES_OF_ONE_OPERATION };
    if !validator.take_operations(u32::try_from(cost).unwrap_or(u32::MAX).saturating_add(1)) {
        let signature_value = Check::indeterminate(codes::PATH_LIMIT, SubCode::Generic);
        return (IntegrityChecks { content_type, message_digest, signature_value, signed_attrs_der }, unreached);
    }
    // Without attributes the mathematics is over the content; the format check refuses such signatures anyway.
    let message = match signer.signed_attributes {
        Some(contents) => Cow::Owned(Attributes::signed_bytes(contents)),
        None => Cow::Borrowed(content.bytes()),
    };
    let verify = |validator: &Validator<'_>, message: &[u8]| {
        validator.registry.verify(&SignatureRequest {
            algorithm: signer.signature_algorithm,
            key: certificate.spki_der(),
            cms_digest: Some(signer.digest_algorithm),
            message,
            signature: signer.signature,
        })
    };
    let mut verified = verify(validator, &message);
    if let (Err(AlgorithmError::BadSignature), Some(attributes)) = (&verified, attributes)
        && !attributes.is_sorted()
        && validator.take_operations(1)
    {
        // Exactly two byte strings are accepted: as sent, and sorted (RFC 5652 5.4 means the latter).
        verified = verify(validator, &attributes.sorted_bytes());
        if verified.is_ok() {
            signed_attrs_der = signed_attrs_der.with_detail("signed in DER order, sent in another");
        }
    }
    let signature_value = match &verified {
        Ok(_) => Check::pass(),
        Err(error) => algorithm_error(error).with_detail(error.to_string()),
    };
    (IntegrityChecks { content_type, message_digest, signature_value, signed_attrs_der }, verified)
}

pub(super) fn algorithm_error(error: &AlgorithmError) -> Check {
    let failed = SubCode::SigCryptoFailure;
    match error {
        AlgorithmError::Unsupported { .. } => Check::indeterminate(codes::UNSUPPORTED_ALGORITHM, SubCode::Generic),
        AlgorithmError::Ambiguous { .. } => Check::indeterminate(codes::ALGORITHM_PARAMETERS, SubCode::Generic),
        // Nothing is said about the mathematics; the check of algorithms refuses it.
        AlgorithmError::Forbidden { .. } => Check::indeterminate(codes::WEAK_DIGEST, SubCode::CryptoConstraintsFailure),
        AlgorithmError::KeyMismatch => Check::fail(codes::KEY_ALGORITHM_MISMATCH, failed),
        AlgorithmError::BadParameters { .. } => Check::fail(codes::ALGORITHM_PARAMETERS, failed),
        AlgorithmError::BadKey { .. } => Check::fail(codes::KEY_MALFORMED, failed),
        AlgorithmError::BadSignature => Check::fail(codes::SIGNATURE, failed),
    }
}

fn content_type(data: &SignedData<'_>, attributes: Option<&Attributes<'_>>) -> Check {
    let Some(attributes) = attributes else { return Check::not_applicable(codes::ABSENT) };
    match attributes.single(&CONTENT_TYPE) {
        Single::One(value) if value.tag == tag::OID && Oid::new(value.value) == Ok(data.content_type) => Check::pass(),
        Single::One(_) | Single::Absent | Single::Malformed => Check::fail(codes::CONTENT_TYPE, SubCode::FormatFailure),
    }
}

fn message_digest(
    signer: &SignerInfo<'_>,
    attributes: Option<&Attributes<'_>>,
    content: &mut Content<'_>,
    registry: &AlgorithmRegistry,
) -> Check {
    let Some(attributes) = attributes else { return Check::not_applicable(codes::ABSENT) };
    let Single::One(value) = attributes.single(&MESSAGE_DIGEST) else {
        return Check::fail(codes::MESSAGE_DIGEST_ATTRIBUTE, SubCode::FormatFailure);
    };
    if value.tag != tag::OCTET_STRING {
        return Check::fail(codes::MESSAGE_DIGEST_ATTRIBUTE, SubCode::FormatFailure);
    }
    match content.digest(signer.digest_algorithm, registry) {
        Ok(digest) if digest == value.value => Check::pass(),
        Ok(_) => Check::fail(codes::MESSAGE_DIGEST, SubCode::HashFailure),
        Err(error) => algorithm_error(&error).with_detail(error.to_string()),
    }
}
