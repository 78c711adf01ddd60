//! One signer of a CMS: each thing is checked on its own, and nothing that fails keeps the others from being said.

use std::sync::Arc;

use const_oid::ObjectIdentifier;

use super::VerifyInput;
use super::attributes::{Attributes, COUNTER_SIGNATURE, SIGNING_TIME, Single};
use super::cms::{SignedData, SignerIdentifier, SignerInfo};
use super::content::Content;
use super::report::{RevocationAt, SignatureReport, SignerCheck};
use super::timestamp::{self, TimestampReport};
use super::{integrity, signing_certificate};
use crate::digest::Digest;
use crate::pki::alg::{AlgorithmError, AlgorithmRegistry, Verified};
use crate::pki::asn1::name::Name;
use crate::pki::asn1::time;
use crate::pki::certificate::Certificate;
use crate::pki::policy::SignaturePolicy;
use crate::pki::report::{AlgorithmUse, ChainCheck, Check, PerTime, SubCode, Verdict, codes};
use crate::pki::validation::{self, Moment, Validator};
use crate::time::Timestamp;

const DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.1");

pub(super) fn verify(
    index: u64,
    signer: &SignerInfo<'_>,
    data: &SignedData<'_>,
    document: &mut Content<'_>,
    input: &VerifyInput<'_>,
    validator: &mut Validator<'_>,
) -> (SignatureReport, Vec<TimestampReport>) {
    let (attributes, mut format) = signed_attributes(signer);
    // Other content types carry structures that sign something else (a timestamp, a receipt, a whole signature).
    if !data.content_type.is(&DATA) {
        format =
            Check::fail(codes::CONTENT_NOT_DATA, SubCode::FormatFailure).with_detail(data.content_type.to_string());
    }
    let pool = validator.evidence.certificates();
    let found = find_certificate(signer, attributes.as_ref(), pool, validator.registry)
        .map_err(|check| missing_or_malformed(check, data));
    let (integrity, verified) =
        integrity::check(signer, data, attributes.as_ref(), found.as_ref().ok(), document, validator);
    let signing_certificate_attr = match (&attributes, &found) {
        (Some(attributes), Ok(certificate)) => signing_certificate::check(
            attributes,
            certificate,
            input.policy.require_signing_certificate,
            validator.registry,
        ),
        _ => Check::indeterminate(codes::NOT_REACHED, SubCode::NoSigningCertificateFound),
    };
    let (mut timestamps, timestamp) =
        timestamp::of_signature(signer, attributes.as_ref(), document, input.signing_time, validator);
    for token in &mut timestamps {
        token.signature = Some(index);
    }
    let best_signature_time = timestamp::earliest(input.signing_time, &timestamps);
    let signed_at = best_signature_time.at();
    let (moments, key_usage) = if let Ok(certificate) = &found {
        let paths = validator.paths(certificate, &[signed_at, input.receipt_time]);
        let at_signing = validator.at(certificate, &paths, signed_at);
        let at_receipt = if input.receipt_time == signed_at {
            at_signing.clone()
        } else {
            validator.at(certificate, &paths, input.receipt_time)
        };
        (PerTime { at_signing, at_receipt }, validation::key_usage(certificate, input.policy))
    } else {
        (PerTime { at_signing: not_reached(), at_receipt: not_reached() }, not_reached_check())
    };
    let own_algorithm = own_algorithm(&verified, input.policy, signed_at);
    let algorithms = validation::weakest([own_algorithm, moments.at_signing.algorithms.clone()]);
    let algorithms_used = verified.iter().map(|verified| AlgorithmUse::of(None, verified));
    let algorithms_used = algorithms_used.chain(moments.at_signing.algorithms_used.iter().cloned()).collect();
    let signer_check = signer_check(found.as_ref(), signing_certificate_attr, input);
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
    let report = SignatureReport {
        id: Digest::sha256(&[signer.raw]),
        index,
        claimed_signing_time: attributes.as_ref().and_then(claimed_time),
        best_signature_time,
        format,
        integrity,
        signer: signer_check,
        algorithms,
        algorithms_used,
        chain_at: PerTime { at_signing: signing.0, at_receipt: receipt.0 },
        certificate_validity_at: PerTime { at_signing: signing.1, at_receipt: receipt.1 },
        revocation_at: RevocationAt { at_signing: signing.2, at_receipt: receipt.2 },
        key_usage,
        timestamp,
        counter_signatures: counter_signatures(signer),
        verdict,
    };
    (report, timestamps)
}

/// A certificate that does not parse (an extension twice, say) may be the signer's; it is not usable for anything.
fn missing_or_malformed(check: Check, data: &SignedData<'_>) -> Check {
    let missing = check.code.as_str() == codes::SIGNER_CERTIFICATE_MISSING;
    let odd = missing.then(|| data.certificates.iter().find_map(|der| Certificate::parse(der).err())).flatten();
    odd.map_or(check, |error| {
        let malformed = codes::SIGNER_CERTIFICATE_MALFORMED;
        Check::indeterminate(malformed, SubCode::NoSigningCertificateFound).with_detail(error.to_string())
    })
}

/// Who the certificate names, with which roles, and whether it may sign a document of the type.
fn signer_check(
    found: Result<&Arc<Certificate>, &Check>,
    signing_certificate_attr: Check,
    input: &VerifyInput<'_>,
) -> SignerCheck {
    let identity = found.map(|certificate| certificate.identity()).unwrap_or_default();
    let roles = found.map(|certificate| certificate.roles()).unwrap_or_default();
    let of_signer = |check: Check| if found.is_ok() { check } else { not_reached_check() };
    SignerCheck {
        identifiers: of_signer(input.policy.identifiers(&identity)),
        slot_role: Check::not_applicable(codes::SLOT_ROLE_NOT_DEMANDED),
        authority: of_signer(input.policy.authority(input.document_type, &roles)),
        roles: roles.known.into_iter().collect(),
        unknown_roles: roles.unknown.into_iter().collect(),
        check: found.err().cloned().unwrap_or_else(Check::pass),
        signing_certificate_attr,
        certificate: found.ok().map(|certificate| certificate.id()),
        key: found.ok().map(|certificate| certificate.key()),
        bin: identity.bin,
        iin: identity.iin,
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

/// The algorithm of the signature itself, by the policy at a time.
pub(super) fn own_algorithm(
    verified: &Result<Verified, AlgorithmError>,
    policy: &SignaturePolicy,
    at: Timestamp,
) -> Check {
    match verified {
        Ok(verified) => policy.algorithm(verified, at),
        Err(AlgorithmError::Forbidden { what }) => {
            Check::fail(codes::WEAK_DIGEST, SubCode::CryptoConstraintsFailure).with_detail(what)
        }
        Err(AlgorithmError::Unsupported { oid }) => {
            Check::indeterminate(codes::UNSUPPORTED_ALGORITHM, SubCode::Generic).with_detail(oid)
        }
        Err(_) => Check::not_applicable(codes::NOT_REACHED),
    }
}

/// Signed attributes are required (pki.md section 5, pitfall 2).
pub(super) fn signed_attributes<'a>(signer: &SignerInfo<'a>) -> (Option<Attributes<'a>>, Check) {
    let Some(contents) = signer.signed_attributes else {
        return (None, Check::fail(codes::SIGNED_ATTRIBUTES_MISSING, SubCode::FormatFailure));
    };
    match Attributes::parse(contents) {
        Ok(attributes) => {
            let check = claimed_once(&attributes);
            (Some(attributes), check)
        }
        Err(error) => {
            let check = Check::fail(codes::ATTRIBUTES_MALFORMED, SubCode::FormatFailure).with_detail(error.to_string());
            (None, check)
        }
    }
}

/// The one certificate that the signer identifier names. Where several match, for anybody may put namesakes into a
/// message, the signed attribute signing-certificate decides.
pub(super) fn find_certificate(
    signer: &SignerInfo<'_>,
    attributes: Option<&Attributes<'_>>,
    pool: &[Arc<Certificate>],
    registry: &AlgorithmRegistry,
) -> Result<Arc<Certificate>, Check> {
    let missing = || Check::indeterminate(codes::SIGNER_CERTIFICATE_MISSING, SubCode::NoSigningCertificateFound);
    let mut matching: Vec<_> = match signer.identifier {
        SignerIdentifier::IssuerAndSerial { issuer, serial } => {
            let issuer = Name::parse(issuer).map_err(|_| missing())?;
            pool.iter().filter(|one| one.serial() == serial && *one.issuer() == issuer).collect()
        }
        SignerIdentifier::SubjectKeyId(id) => pool.iter().filter(|one| one.subject_key_id() == Some(id)).collect(),
    };
    if let (true, Some(attributes)) = (matching.len() > 1, attributes) {
        matching.retain(|one| signing_certificate::is_named(attributes, one, registry));
        if matching.is_empty() {
            return Err(Check::indeterminate(codes::SIGNER_CERTIFICATE_AMBIGUOUS, SubCode::NoSigningCertificateFound));
        }
    }
    match matching.as_slice() {
        [] => Err(missing()),
        [one] => Ok(Arc::clone(one)),
        _ => Err(Check::indeterminate(codes::SIGNER_CERTIFICATE_AMBIGUOUS, SubCode::NoSigningCertificateFound)),
    }
}

/// Counter-signatures are about the signature value, not about the document (pki.md section 5, pitfall 4): said to be
/// there, verified by nobody here, counted for nothing.
fn counter_signatures(signer: &SignerInfo<'_>) -> Check {
    let attributes = signer.unsigned_attributes.map(Attributes::parse_unsigned);
    match attributes.and_then(Result::ok).map_or(0, |attributes| attributes.values(&[COUNTER_SIGNATURE]).len()) {
        0 => Check::not_applicable(codes::ABSENT),
        count => Check::not_applicable(codes::COUNTER_SIGNATURES).with_detail(count.to_string()),
    }
}

/// RFC 5652 11.3: a signer claims one time or none, though the claim counts for nothing.
fn claimed_once(attributes: &Attributes<'_>) -> Check {
    match attributes.single(&SIGNING_TIME) {
        Single::Absent | Single::One(_) => Check::pass(),
        Single::Malformed => Check::fail(codes::ATTRIBUTES_MALFORMED, SubCode::FormatFailure)
            .with_detail("signing-time is not one value"),
    }
}

fn claimed_time(attributes: &Attributes<'_>) -> Option<Timestamp> {
    match attributes.single(&SIGNING_TIME) {
        Single::One(value) => time::parse(value).ok(),
        Single::Absent | Single::Malformed => None,
    }
}
