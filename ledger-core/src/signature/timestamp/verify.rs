//! A token is verified like a signature of its own: over the content inside, by the profile of RFC 3161.

use std::sync::Arc;

use const_oid::ObjectIdentifier;

use super::info::{Imprint, TstInfo};
use super::report::{TimestampKind, TimestampOrigin, TimestampReport};
use crate::digest::encode_hex;
use crate::pki::alg::{AlgorithmError, AlgorithmRegistry};
use crate::pki::asn1::{AlgorithmIdentifier, ber};
use crate::pki::certificate::{Certificate, KeyUsage, Purpose};
use crate::pki::limits::TIMESTAMP_BYTES_MAX;
use crate::pki::report::{
    AlgorithmUse, ChainCheck, Check, Outcome, RevocationCheck, RevocationStatus, SubCode, Verdict, codes,
};
use crate::pki::validation::{self, Moment, Validator};
use crate::signature::cms::SignedData;
use crate::signature::content::Content;
use crate::signature::{carried, integrity, signer, signing_certificate};
use crate::time::Timestamp;

/// id-ct-TSTInfo.
const TST_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.4");
/// id-kp-timeStamping.
const TIME_STAMPING: &str = "1.3.6.1.5.5.7.3.8";
const EXTENDED_KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37");

/// For how long a token must be believed.
#[derive(Debug, Clone, Copy)]
enum Held {
    /// Until it was received, after which nobody could put it there.
    Received(Timestamp),
    /// Until another one covers it, or until it is verified.
    Until(Timestamp),
}

/// What a token should be about. Chosen by whoever asks, never by the token (pki.md section 5, pitfall 6).
#[derive(Debug, Clone, Copy)]
pub enum Stamped<'a> {
    /// These bytes, digested by the algorithm that the token names.
    Bytes(&'a [u8]),
    /// This digest by exactly this algorithm.
    Digest {
        /// DER of the algorithm.
        algorithm: &'a [u8],
        /// The digest.
        value: &'a [u8],
    },
}

pub(in crate::signature) fn verify(
    token: &[u8],
    kind: TimestampKind,
    origin: TimestampOrigin,
    stamped: Stamped<'_>,
    received: Timestamp,
    validator: &mut Validator<'_>,
) -> TimestampReport {
    verify_at(token, (kind, origin), stamped, Held::Received(received), validator).0
}

/// Verifies a token over given data, and whether its certificate and algorithms held on until a later time.
pub(in crate::signature) fn verify_until(
    token: &[u8],
    stamped: Stamped<'_>,
    until: Timestamp,
    validator: &mut Validator<'_>,
) -> (TimestampReport, Check) {
    verify_at(token, (TimestampKind::Data, TimestampOrigin::Evidence), stamped, Held::Until(until), validator)
}

fn verify_at(
    token: &[u8],
    (kind, origin): (TimestampKind, TimestampOrigin),
    stamped: Stamped<'_>,
    held_for: Held,
    validator: &mut Validator<'_>,
) -> (TimestampReport, Check) {
    let not_held = Check::indeterminate(codes::NOT_REACHED, SubCode::Generic);
    let malformed = |code, detail: String| {
        let check = Check::fail(code, SubCode::FormatFailure).with_detail(detail);
        (TimestampReport::unreadable(token, kind, origin, check), not_held.clone())
    };
    if token.len() > TIMESTAMP_BYTES_MAX {
        return malformed(codes::TOO_LARGE, String::new());
    }
    let der = match ber::to_definite(token) {
        Ok(der) => der,
        Err(error) => return malformed(codes::PARSE, error.to_string()),
    };
    let data = match SignedData::parse(&der) {
        Ok(data) => data,
        Err(error) => return malformed(codes::PARSE, error.to_string()),
    };
    let Some(content) = data.content.filter(|_| data.content_is_octets && data.content_type.is(&TST_INFO)) else {
        return malformed(codes::TIMESTAMP_CONTENT, data.content_type.to_string());
    };
    let info = match TstInfo::parse(content) {
        Ok(info) => info,
        Err(error) => return malformed(codes::TIMESTAMP_CONTENT, error.to_string()),
    };
    let mut report = TimestampReport::unreadable(token, kind, origin, Check::pass());
    report.gen_time = Some(info.gen_time);
    report.latest = Some(info.latest);
    report.policy = Some(info.policy.to_string());
    report.serial = Some(encode_hex(info.serial));
    report.imprint_algorithm = Some(info.imprint.oid.to_string());
    report.imprint = Some(encode_hex(info.imprint.digest));
    report.imprint_check = imprint(&info.imprint, stamped, validator.registry);
    // What the token carries helps to verify the token, and nothing else. Its own certificate may be left out of it
    // (certReq false) and be known beforehand.
    let mut pool = validator.evidence.clone();
    for certificate in validator.trust.intermediates() {
        pool.add_parsed_certificate(Arc::clone(certificate));
    }
    carried::add_to(&mut pool, &data);
    let mut held = not_held.clone();
    validator.for_timestamp(&pool, |validator| {
        if let Some(later) = signed(&mut report, &data, content, &info, held_for, validator) {
            held = later;
        }
    });
    report.verdict = Verdict::worst(
        [
            &report.format,
            &report.imprint_check,
            &report.integrity,
            &report.signing_certificate_attr,
            &report.key_usage,
            &report.algorithms,
            &report.chain.check,
            &report.certificate_validity,
        ]
        .into_iter()
        .map(Check::verdict)
        .chain(report.revocation.iter().map(|status| status.check.verdict())),
    );
    (report, held)
}

/// Whether a token is not plainly about other bytes, nor made later than what may be known. Says nothing about whether
/// it holds.
pub(super) fn may_cover(token: &[u8], bytes: &[u8], validator: &Validator<'_>) -> bool {
    let Ok(der) = ber::to_definite(token) else { return false };
    let Ok(data) = SignedData::parse(&der) else { return false };
    let Some(Ok(info)) = data.content.map(TstInfo::parse) else { return false };
    let known = validator.known_until.is_none_or(|until| info.gen_time <= until);
    known && imprint(&info.imprint, Stamped::Bytes(bytes), validator.registry).code.as_str() != codes::TIMESTAMP_IMPRINT
}

/// When a token says that it was made; `None` when it does not parse.
pub(in crate::signature) fn gen_time(token: &[u8]) -> Option<Timestamp> {
    let data = SignedData::parse(token).ok()?;
    TstInfo::parse(data.content?).ok().map(|info| info.gen_time)
}

/// DER of the digest algorithm, and the digest that a token stamps; `None` when it does not parse.
pub(in crate::signature) fn imprint_of(token: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let data = SignedData::parse(token).ok()?;
    let info = TstInfo::parse(data.content?).ok()?;
    Some((info.imprint.algorithm.to_vec(), info.imprint.digest.to_vec()))
}

/// Everything that depends on the signer of the token. Returns whether it held until a later time, if one is given.
fn signed(
    report: &mut TimestampReport,
    data: &SignedData<'_>,
    content: &[u8],
    info: &TstInfo<'_>,
    held_for: Held,
    validator: &mut Validator<'_>,
) -> Option<Check> {
    // RFC 3161 2.4.2: a token has the signature of the authority alone.
    let [signer] = data.signers.as_slice() else {
        report.format =
            Check::fail(codes::TIMESTAMP_SIGNERS, SubCode::FormatFailure).with_detail(data.signers.len().to_string());
        return None;
    };
    let (attributes, format) = signer::signed_attributes(signer);
    report.format = if info.has_critical_extension {
        Check::fail(codes::TIMESTAMP_CONTENT, SubCode::FormatFailure).with_detail("a critical extension")
    } else {
        format
    };
    let found =
        signer::find_certificate(signer, attributes.as_ref(), validator.evidence.certificates(), validator.registry);
    let (checks, verified) =
        integrity::check(signer, data, attributes.as_ref(), found.as_ref().ok(), &mut Content::new(content), validator);
    report.integrity = validation::weakest([checks.content_type, checks.message_digest, checks.signature_value]);
    let certificate = match found {
        Ok(certificate) => certificate,
        Err(check) => {
            let not_reached = Check::indeterminate(codes::NOT_REACHED, SubCode::NoSigningCertificateFound);
            report.signing_certificate_attr = not_reached.clone();
            report.key_usage = not_reached.clone();
            report.algorithms = not_reached.clone();
            report.certificate_validity = not_reached;
            report.chain = ChainCheck::without_path(check);
            return None;
        }
    };
    report.certificate = Some(certificate.id());
    report.signing_certificate_attr = match &attributes {
        Some(attributes) => signing_certificate::check(attributes, &certificate, true, validator.registry),
        None => Check::fail(codes::SIGNING_CERTIFICATE_ABSENT, SubCode::SigConstraintsFailure),
    };
    report.key_usage = key_usage(&certificate);
    let until = match held_for {
        Held::Until(until) => Some(until),
        Held::Received(_) => None,
    };
    let paths = validator.paths(&certificate, &[info.gen_time, until.unwrap_or(info.gen_time)]);
    let moment = validator.at(&certificate, &paths, info.gen_time);
    let known_at_receipt = match held_for {
        Held::Received(at) => validator.statuses(&paths, &moment, at),
        Held::Until(_) => Vec::new(),
    };
    let Moment { chain, validity, mut revocation, algorithms, algorithms_used } = moment;
    for (status, later) in revocation.iter_mut().zip(known_at_receipt) {
        if backdates(&later) {
            *status = later;
        }
    }
    let own = signer::own_algorithm(&verified, validator.policy, info.gen_time);
    report.algorithms = validation::weakest([own, algorithms]);
    let used = verified.iter().map(|verified| AlgorithmUse::of(None, verified));
    report.algorithms_used = used.chain(algorithms_used).collect();
    report.chain = chain;
    report.certificate_validity = validity;
    report.revocation = revocation;
    let later = validator.at(&certificate, &paths, until?);
    let own = signer::own_algorithm(&verified, validator.policy, until?);
    let status = later.revocation.into_iter().map(|status| status.check);
    let checks = [later.chain.check, later.validity, own, later.algorithms].into_iter().chain(status);
    Some(validation::weakest(checks.filter(|check| check.outcome != Outcome::NotApplicable)))
}

/// Whether the token is about the bytes that it should be about.
fn imprint(imprint: &Imprint<'_>, stamped: Stamped<'_>, registry: &AlgorithmRegistry) -> Check {
    let matches = match stamped {
        Stamped::Bytes(bytes) => match registry.digest(imprint.algorithm, &[bytes]) {
            Ok(digest) => digest == imprint.digest,
            Err(AlgorithmError::Forbidden { what }) => {
                // Two documents with one such imprint can be made.
                return Check::fail(codes::WEAK_DIGEST, SubCode::CryptoConstraintsFailure).with_detail(what);
            }
            Err(error) => return integrity::algorithm_error(&error).with_detail(error.to_string()),
        },
        Stamped::Digest { algorithm, value } => {
            AlgorithmIdentifier::parse(algorithm).is_ok_and(|algorithm| algorithm.oid == imprint.oid)
                && value == imprint.digest
        }
    };
    if matches { Check::pass() } else { Check::fail(codes::TIMESTAMP_IMPRINT, SubCode::HashFailure) }
}

/// RFC 3161 section 4: whoever has a stolen key can write any time. Only an authority that stopped for another reason, and
/// says so, is believed about the time before; 0 stands also for no reason given.
fn backdates(status: &RevocationCheck) -> bool {
    const AFFILIATION_CHANGED: u8 = 3;
    const CESSATION_OF_OPERATION: u8 = 5;
    match status.revocation {
        RevocationStatus::Revoked { reason, .. } => !(AFFILIATION_CHANGED..=CESSATION_OF_OPERATION).contains(&reason),
        RevocationStatus::Good
        | RevocationStatus::OnHold { .. }
        | RevocationStatus::Unknown
        | RevocationStatus::TrustAnchor => false,
    }
}

/// RFC 3161 2.3: the key is for timestamps alone, and the extension that says so is critical.
fn key_usage(certificate: &Arc<Certificate>) -> Check {
    let fail =
        |detail: &str| Check::fail(codes::TIMESTAMP_KEY_USAGE, SubCode::SigConstraintsFailure).with_detail(detail);
    if certificate.purpose() != Purpose::Timestamping {
        return fail("not a certificate of a timestamp authority");
    }
    if certificate.extended_key_usages() != [TIME_STAMPING] {
        return fail("timeStamping is not the only extended key usage");
    }
    if !certificate.extension(&EXTENDED_KEY_USAGE).is_some_and(|extension| extension.critical) {
        return fail("the extended key usage is not critical");
    }
    let signs = |usage: KeyUsage| usage.has(KeyUsage::DIGITAL_SIGNATURE) || usage.has(KeyUsage::NON_REPUDIATION);
    if !certificate.key_usage().is_none_or(signs) {
        return fail("the key is not for signing");
    }
    Check::pass()
}
