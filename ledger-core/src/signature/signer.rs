//! One signer of a CMS: each thing is checked on its own, and nothing that fails keeps the others from being said.

use std::sync::Arc;

use const_oid::ObjectIdentifier;
use sha1::{Digest as _, Sha1};

use super::VerifyInput;
use super::attributes::{
    Attributes, CONTENT_TYPE, MESSAGE_DIGEST, SIGNATURE_TIMESTAMP, SIGNING_CERTIFICATE, SIGNING_CERTIFICATE_V2,
    SIGNING_TIME, Single,
};
use super::cms::{SignedData, SignerIdentifier, SignerInfo};
use super::report::{IntegrityChecks, RevocationAt, SignatureReport, SignerCheck, TimeProof};
use crate::digest::Digest;
use crate::pki::alg::{AlgorithmError, AlgorithmRegistry, SignatureRequest, Verified};
use crate::pki::asn1::name::Name;
use crate::pki::asn1::{AlgorithmIdentifier, Asn1Error, Oid, Tlv, tag, time};
use crate::pki::certificate::Certificate;
use crate::pki::policy::SignaturePolicy;
use crate::pki::report::{AlgorithmUse, ChainCheck, Check, PerTime, SubCode, Verdict, codes};
use crate::pki::validation::{self, Moment, Validator};

const DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.1");

pub(super) fn verify(
    index: usize,
    signer: &SignerInfo<'_>,
    data: &SignedData<'_>,
    input: &VerifyInput<'_>,
    validator: &mut Validator<'_>,
) -> SignatureReport {
    let (attributes, mut format) = signed_attributes(signer);
    // Other content types carry structures that sign something else (a timestamp, a receipt, a whole signature).
    if !data.content_type.is(&DATA) {
        format =
            Check::fail(codes::CONTENT_NOT_DATA, SubCode::FormatFailure).with_detail(data.content_type.to_string());
    }
    let found = find_certificate(signer, validator.evidence.certificates()).map_err(|check| {
        // A certificate that does not parse (an extension twice, say) may be the signer's; it is not usable for anything.
        let missing = check.code.as_str() == codes::SIGNER_CERTIFICATE_MISSING;
        let odd = missing.then(|| data.certificates.iter().find_map(|der| Certificate::parse(der).err())).flatten();
        odd.map_or(check, |error| {
            let malformed = codes::SIGNER_CERTIFICATE_MALFORMED;
            Check::indeterminate(malformed, SubCode::NoSigningCertificateFound).with_detail(error.to_string())
        })
    });
    let (integrity, verified) =
        integrity(signer, data, attributes.as_ref(), found.as_ref().ok(), input.document, validator);
    let signing_certificate_attr = match (&attributes, &found) {
        (Some(attributes), Ok(certificate)) => {
            signing_certificate(attributes, certificate, input.policy, validator.registry)
        }
        _ => Check::indeterminate(codes::NOT_REACHED, SubCode::NoSigningCertificateFound),
    };
    let (moments, key_usage) = if let Ok(certificate) = &found {
        let paths = validator.paths(certificate, &[input.signing_time, input.receipt_time]);
        let at_signing = validator.at(certificate, &paths, input.signing_time);
        let at_receipt = if input.receipt_time == input.signing_time {
            at_signing.clone()
        } else {
            validator.at(certificate, &paths, input.receipt_time)
        };
        (PerTime { at_signing, at_receipt }, validation::key_usage(certificate, input.policy))
    } else {
        (PerTime { at_signing: not_reached(), at_receipt: not_reached() }, not_reached_check())
    };
    let own_algorithm = match &verified {
        Ok(verified) => input.policy.algorithm(verified, input.signing_time),
        Err(AlgorithmError::Forbidden { what }) => {
            Check::fail(codes::WEAK_DIGEST, SubCode::CryptoConstraintsFailure).with_detail(what)
        }
        Err(AlgorithmError::Unsupported { oid }) => {
            Check::indeterminate(codes::UNSUPPORTED_ALGORITHM, SubCode::Generic).with_detail(oid)
        }
        Err(_) => Check::not_applicable(codes::NOT_REACHED),
    };
    let algorithms = validation::weakest([own_algorithm, moments.at_signing.algorithms.clone()]);
    let algorithms_used = verified.iter().map(|verified| AlgorithmUse::of(None, verified));
    let algorithms_used = algorithms_used.chain(moments.at_signing.algorithms_used.iter().cloned()).collect();
    let identity = found.as_ref().map(|certificate| certificate.identity()).unwrap_or_default();
    let roles = found.as_ref().map(|certificate| certificate.roles()).unwrap_or_default();
    let of_signer = |check: Check| if found.is_ok() { check } else { not_reached_check() };
    let signer_check = SignerCheck {
        identifiers: of_signer(input.policy.identifiers(&identity)),
        authority: of_signer(input.policy.authority(input.document_type, &roles)),
        roles: roles.known.into_iter().collect(),
        unknown_roles: roles.unknown.into_iter().collect(),
        check: found.as_ref().err().cloned().unwrap_or_else(Check::pass),
        signing_certificate_attr,
        certificate: found.as_ref().ok().map(|certificate| certificate.id()),
        key: found.as_ref().ok().map(|certificate| certificate.key()),
        bin: identity.bin,
        iin: identity.iin,
    };
    // In the order of what explains most: form, document, signer, key, algorithms, purpose, then the moments.
    let verdict = Verdict::worst(
        [
            &format,
            &integrity.content_type,
            &integrity.message_digest,
            &signer_check.check,
            &integrity.signature_value,
            &integrity.signed_attrs_der,
            &signer_check.signing_certificate_attr,
            &algorithms,
            &key_usage,
            &signer_check.identifiers,
            &signer_check.authority,
        ]
        .into_iter()
        .map(Check::verdict)
        .chain(validation::verdicts(&moments.at_signing))
        .chain(validation::verdicts(&moments.at_receipt)),
    );
    let split = |moment: Moment| (moment.chain, moment.validity, moment.revocation);
    let (signing, receipt) = (split(moments.at_signing), split(moments.at_receipt));
    SignatureReport {
        id: Digest::sha256(&[signer.raw]),
        index: u64::try_from(index).unwrap_or(u64::MAX),
        claimed_signing_time: attributes.as_ref().and_then(claimed_time),
        best_signature_time: TimeProof::Receipt { at: input.signing_time },
        format,
        integrity,
        signer: signer_check,
        algorithms,
        algorithms_used,
        chain_at: PerTime { at_signing: signing.0, at_receipt: receipt.0 },
        certificate_validity_at: PerTime { at_signing: signing.1, at_receipt: receipt.1 },
        revocation_at: RevocationAt { at_signing: signing.2, at_receipt: receipt.2 },
        key_usage,
        timestamps: timestamps(signer),
        verdict,
    }
}

fn not_reached_check() -> Check {
    Check::indeterminate(codes::NOT_REACHED, SubCode::NoSigningCertificateFound)
}

fn not_reached() -> Moment {
    Moment {
        chain: ChainCheck::without_path(not_reached_check()),
        validity: not_reached_check(),
        revocation: Vec::new(),
        algorithms: not_reached_check(),
        algorithms_used: Vec::new(),
    }
}

/// Signed attributes are required (pki.md section 5, pitfall 2).
fn signed_attributes<'a>(signer: &SignerInfo<'a>) -> (Option<Attributes<'a>>, Check) {
    let Some(contents) = signer.signed_attributes else {
        return (None, Check::fail(codes::SIGNED_ATTRIBUTES_MISSING, SubCode::FormatFailure));
    };
    match Attributes::parse(contents) {
        Ok(attributes) => (Some(attributes), Check::pass()),
        Err(error) => {
            let check = Check::fail(codes::ATTRIBUTES_MALFORMED, SubCode::FormatFailure).with_detail(error.to_string());
            (None, check)
        }
    }
}

/// The one certificate that the signer identifier names.
pub(super) fn find_certificate(signer: &SignerInfo<'_>, pool: &[Arc<Certificate>]) -> Result<Arc<Certificate>, Check> {
    let missing = || Check::indeterminate(codes::SIGNER_CERTIFICATE_MISSING, SubCode::NoSigningCertificateFound);
    let matching: Vec<_> = match signer.identifier {
        SignerIdentifier::IssuerAndSerial { issuer, serial } => {
            let issuer = Name::parse(issuer).map_err(|_| missing())?;
            pool.iter().filter(|one| one.serial() == serial && *one.issuer() == issuer).collect()
        }
        SignerIdentifier::SubjectKeyId(id) => pool.iter().filter(|one| one.subject_key_id() == Some(id)).collect(),
    };
    match matching.as_slice() {
        [] => Err(missing()),
        [one] => Ok(Arc::clone(one)),
        _ => Err(Check::indeterminate(codes::SIGNER_CERTIFICATE_AMBIGUOUS, SubCode::NoSigningCertificateFound)),
    }
}

fn integrity(
    signer: &SignerInfo<'_>,
    data: &SignedData<'_>,
    attributes: Option<&Attributes<'_>>,
    certificate: Option<&Arc<Certificate>>,
    document: &[u8],
    validator: &mut Validator<'_>,
) -> (IntegrityChecks, Result<Verified, AlgorithmError>) {
    let content_type = content_type(data, attributes);
    let message_digest = message_digest(signer, attributes, document, validator.registry);
    let mut signed_attrs_der = match attributes {
        Some(attributes) if attributes.is_sorted() => Check::pass(),
        Some(_) => Check::warning(codes::ATTRIBUTES_NOT_DER),
        None => Check::not_applicable(codes::ABSENT),
    };
    let unreached = Err(AlgorithmError::BadParameters { what: "not reached" });
    let Some(certificate) = certificate else {
        let signature_value = not_reached_check();
        return (IntegrityChecks { content_type, message_digest, signature_value, signed_attrs_der }, unreached);
    };
    // Without attributes the mathematics is over the content; the format check refuses such signatures anyway.
    let message = match signer.signed_attributes {
        Some(contents) => Attributes::signed_bytes(contents),
        None => document.to_vec(),
    };
    let verify = |message: &[u8]| {
        validator.registry.verify(&SignatureRequest {
            algorithm: signer.signature_algorithm,
            key: certificate.spki_der(),
            cms_digest: Some(signer.digest_algorithm),
            message,
            signature: signer.signature,
        })
    };
    let mut verified = verify(&message);
    if let (Err(AlgorithmError::BadSignature), Some(attributes)) = (&verified, attributes)
        && !attributes.is_sorted()
    {
        // Exactly two byte strings are accepted: as sent, and sorted (RFC 5652 5.4 means the latter).
        verified = verify(&attributes.sorted_bytes());
        if verified.is_ok() {
            signed_attrs_der = signed_attrs_der.with_detail("signed in DER order, sent in another");
        }
    }
    if !validator.take_operation() {
        let signature_value = Check::indeterminate(codes::PATH_LIMIT, SubCode::Generic);
        return (IntegrityChecks { content_type, message_digest, signature_value, signed_attrs_der }, unreached);
    }
    let signature_value = match &verified {
        Ok(_) => Check::pass(),
        Err(error) => signature_error(error).with_detail(error.to_string()),
    };
    (IntegrityChecks { content_type, message_digest, signature_value, signed_attrs_der }, verified)
}

fn signature_error(error: &AlgorithmError) -> Check {
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
    document: &[u8],
    registry: &AlgorithmRegistry,
) -> Check {
    let Some(attributes) = attributes else { return Check::not_applicable(codes::ABSENT) };
    let Single::One(value) = attributes.single(&MESSAGE_DIGEST) else {
        return Check::fail(codes::MESSAGE_DIGEST_ATTRIBUTE, SubCode::FormatFailure);
    };
    if value.tag != tag::OCTET_STRING {
        return Check::fail(codes::MESSAGE_DIGEST_ATTRIBUTE, SubCode::FormatFailure);
    }
    match registry.digest(signer.digest_algorithm, &[document]) {
        Ok(digest) if digest == value.value => Check::pass(),
        Ok(_) => Check::fail(codes::MESSAGE_DIGEST, SubCode::HashFailure),
        Err(error) => signature_error(&error).with_detail(error.to_string()),
    }
}

/// The first `ESSCertID` must be the signer's certificate (RFC 5035; CAdES 5.2.2).
fn signing_certificate(
    attributes: &Attributes<'_>,
    certificate: &Certificate,
    policy: &SignaturePolicy,
    registry: &AlgorithmRegistry,
) -> Check {
    let mismatch = || Check::fail(codes::SIGNING_CERTIFICATE_MISMATCH, SubCode::SigConstraintsFailure);
    let (first, second) = (attributes.single(&SIGNING_CERTIFICATE), attributes.single(&SIGNING_CERTIFICATE_V2));
    let check = |value: Tlv<'_>, version_2: bool| match names_certificate(value, version_2, certificate, registry) {
        Ok(true) if version_2 => Check::pass(),
        Ok(true) => Check::warning(codes::SIGNING_CERTIFICATE_SHA1),
        Ok(false) => mismatch(),
        Err(NamingError::Malformed(error)) => mismatch().with_detail(error.to_string()),
        Err(NamingError::Unsupported(error)) => signature_error(&error).with_detail(error.to_string()),
    };
    match (first, second) {
        (Single::Absent, Single::Absent) if policy.require_signing_certificate => {
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

/// Why it cannot be said which certificate the attribute names.
#[derive(Debug, thiserror::Error)]
enum NamingError {
    #[error(transparent)]
    Malformed(#[from] Asn1Error),
    /// The digest is by an algorithm that is not known here: it may be that of the certificate or not.
    #[error(transparent)]
    Unsupported(AlgorithmError),
}

fn names_certificate(
    value: Tlv<'_>,
    version_2: bool,
    certificate: &Certificate,
    registry: &AlgorithmRegistry,
) -> Result<bool, NamingError> {
    let mut attribute = value.expect(tag::SEQUENCE, "signing certificate")?.reader();
    let mut identifiers = attribute.take(tag::SEQUENCE, "certificate identifiers")?.reader();
    let mut fields = identifiers.take(tag::SEQUENCE, "certificate identifier")?.reader();
    let algorithm = if version_2 { fields.optional(tag::SEQUENCE)? } else { None };
    let hash = fields.take(tag::OCTET_STRING, "certificate hash")?.value;
    let expected = match algorithm {
        Some(algorithm) => {
            AlgorithmIdentifier::from_tlv(algorithm)?;
            match registry.digest(algorithm.raw, &[certificate.der()]) {
                Ok(digest) => digest,
                Err(error @ AlgorithmError::Unsupported { .. }) => return Err(NamingError::Unsupported(error)),
                Err(_) => {
                    return Err(Asn1Error::Value { what: "hash algorithm of the certificate identifier" }.into());
                }
            }
        }
        None if version_2 => certificate.digest().as_bytes().to_vec(),
        // SHA-1 is an identifier here, no proof.
        None => Sha1::digest(certificate.der()).to_vec(),
    };
    if hash != expected {
        return Ok(false);
    }
    let Some(issuer_serial) = fields.optional(tag::SEQUENCE)? else { return Ok(true) };
    let mut issuer_serial = issuer_serial.reader();
    let mut names = issuer_serial.take(tag::SEQUENCE, "issuer names")?.reader();
    let mut issuer_matches = false;
    while !names.is_empty() {
        let name = names.any()?;
        if name.tag == tag::context_constructed(4) {
            // By the rules of names, not by bytes: signers write other string types.
            issuer_matches |= Name::parse(Tlv::only(name.value)?)? == *certificate.issuer();
        }
    }
    let serial = issuer_serial.take(tag::INTEGER, "serial number")?.value;
    Ok(issuer_matches && serial == certificate.serial())
}

fn claimed_time(attributes: &Attributes<'_>) -> Option<crate::time::Timestamp> {
    match attributes.single(&SIGNING_TIME) {
        Single::One(value) => time::parse(value).ok(),
        Single::Absent | Single::Malformed => None,
    }
}

/// Unsigned attributes are anybody's to write; a timestamp counts only when it is verified itself (pitfall 5).
fn timestamps(signer: &SignerInfo<'_>) -> Check {
    let Some(contents) = signer.unsigned_attributes else { return Check::not_applicable(codes::ABSENT) };
    match Attributes::parse(contents) {
        Ok(attributes) if attributes.count(&SIGNATURE_TIMESTAMP) > 0 => {
            Check::indeterminate(codes::TIMESTAMP_UNSUPPORTED, SubCode::Generic)
        }
        Ok(_) | Err(_) => Check::not_applicable(codes::UNSIGNED_ATTRIBUTES),
    }
}
