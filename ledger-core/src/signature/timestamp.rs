//! Timestamps (RFC 3161, RFC 5816): asking for one, reading the answer, verifying a token.
//!
//! A token counts only after its full verification, and only over the bytes that it should cover. It then proves that
//! those bytes existed by its time plus its stated accuracy: of the span in which the authority's clock may have been,
//! the end is taken, so that a token never proves more than it says; an accuracy that is not stated is taken as none.
//! In scope: signature-time-stamp, content-time-stamp, tokens over given bytes. Left to others: transport, random
//! numbers, and archive timestamps (recognised, not evaluated; `evidence_record` is the way of this ledger).

mod exchange;
pub(crate) mod info;
mod report;
mod verify;

pub use exchange::{MessageImprint, TimestampError, request, token_of_response};
pub use report::{TimestampKind, TimestampOrigin, TimestampReport};
pub use verify::Stamped;

pub(super) use verify::{gen_time, imprint_of, verify, verify_until};

use super::attributes::{Attributes, CONTENT_TIMESTAMP, OTHER_TIMESTAMPS, SIGNATURE_TIMESTAMP};
use super::cms::SignerInfo;
use super::content::Content;
use super::report::TimeProof;
use crate::pki::alg::AlgorithmRegistry;
use crate::pki::asn1::Tlv;
use crate::pki::evidence::EvidenceSet;
use crate::pki::limits::TIMESTAMPS_MAX;
use crate::pki::policy::SignaturePolicy;
use crate::pki::report::{Check, Verdict, codes};
use crate::pki::trust::TrustSnapshot;
use crate::pki::validation::Validator;
use crate::time::Timestamp;

/// Everything that the verification of a token depends on.
#[derive(Debug, Clone, Copy)]
pub struct TimestampInput<'a> {
    /// The token, DER or BER.
    pub token: &'a [u8],
    /// What it should be about.
    pub stamped: Stamped<'a>,
    /// Certificates and revocation data collected for it; its own certificate may be here instead of inside.
    pub evidence: &'a EvidenceSet,
    /// Who is trusted.
    pub trust: &'a TrustSnapshot,
    /// What is demanded.
    pub policy: &'a SignaturePolicy,
    /// Evidence produced later than this is ignored; absent, everything counts that is in the set.
    pub known_until: Option<Timestamp>,
}

/// Verifies a token with the algorithms of [`AlgorithmRegistry::standard`], at the time that it states itself.
pub fn verify_timestamp(input: &TimestampInput<'_>) -> TimestampReport {
    verify_timestamp_with(input, AlgorithmRegistry::standard())
}

/// Verifies with other algorithms.
pub fn verify_timestamp_with(input: &TimestampInput<'_>, registry: &AlgorithmRegistry) -> TimestampReport {
    let mut validator = Validator::new(input.trust, input.evidence, input.policy, registry, input.known_until);
    // Nobody says since when the token is there: whatever became known of its authority counts.
    let received = Timestamp::EPOCH.plus_ms(u64::MAX);
    verify(input.token, TimestampKind::Data, TimestampOrigin::Evidence, input.stamped, received, &mut validator)
}

/// Verifies every token that belongs to a signature: in its attributes, and of the evidence those over this very
/// signature value. Those beyond the limit are left out, and the summary says so. `received` is when the signature was
/// there by the ledger's own clock.
pub(super) fn of_signature<'a>(
    signer: &SignerInfo<'a>,
    attributes: Option<&Attributes<'a>>,
    document: &mut Content<'_>,
    received: Timestamp,
    validator: &mut Validator<'_>,
) -> (Vec<TimestampReport>, Check) {
    let unsigned = match signer.unsigned_attributes.map(Attributes::parse_unsigned) {
        Some(Ok(attributes)) => attributes,
        Some(Err(_)) | None => Attributes::default(),
    };
    let content = attributes.map(|attributes| attributes.values(&[CONTENT_TIMESTAMP])).unwrap_or_default();
    let (values, others) = (unsigned.values(&[SIGNATURE_TIMESTAMP]), unsigned.values(&OTHER_TIMESTAMPS));
    // The evidence is of many signatures; a token over another one is not about this.
    let collected = validator.evidence.timestamps().iter();
    let collected: Vec<_> =
        collected.filter(|token| verify::may_cover(token, signer.signature, validator)).cloned().collect();
    let attribute = |values: &[Tlv<'a>], kind, origin| -> Vec<(&[u8], TimestampKind, TimestampOrigin)> {
        values.iter().map(|value| (value.raw, kind, origin)).collect()
    };
    // What the ledger collected comes first: whoever adds tokens to a message must not push it out.
    let collected = collected.iter().map(|der| (&**der, TimestampKind::Signature, TimestampOrigin::Evidence));
    let mut tokens: Vec<_> = collected.collect();
    tokens.extend(attribute(&values, TimestampKind::Signature, TimestampOrigin::UnsignedAttribute));
    tokens.extend(attribute(&content, TimestampKind::Content, TimestampOrigin::SignedAttribute));
    tokens.extend(attribute(&others, TimestampKind::Archive, TimestampOrigin::UnsignedAttribute));
    let beyond = tokens.len() > TIMESTAMPS_MAX;
    let mut reports = Vec::new();
    for (token, kind, origin) in tokens.into_iter().take(TIMESTAMPS_MAX) {
        reports.push(match kind {
            TimestampKind::Signature => {
                verify(token, kind, origin, Stamped::Bytes(signer.signature), received, validator)
            }
            TimestampKind::Content | TimestampKind::Data => {
                let imprint = verify::imprint_of(token).and_then(|(algorithm, _)| {
                    let value = document.digest(&algorithm, validator.registry).ok()?;
                    Some((algorithm, value))
                });
                // Without a digest, the token's own report says why.
                let stamped = match &imprint {
                    Some((algorithm, value)) => Stamped::Digest { algorithm, value },
                    None => Stamped::Bytes(document.bytes()),
                };
                verify(token, kind, origin, stamped, received, validator)
            }
            TimestampKind::Archive => {
                let check = Check::not_applicable(codes::TIMESTAMP_UNSUPPORTED);
                TimestampReport::unreadable(token, kind, origin, check)
            }
        });
    }
    let summary = summary(&reports, beyond);
    (reports, summary)
}

/// What the tokens come to, never worse than a warning: anybody can add tokens to a signature.
fn summary(reports: &[TimestampReport], beyond: bool) -> Check {
    let mut over_signature = reports.iter().filter(|report| report.kind == TimestampKind::Signature).peekable();
    let check = if over_signature.peek().is_none() {
        Check::not_applicable(codes::ABSENT)
    } else if over_signature.any(|report| report.verdict == Verdict::Passed) {
        Check::pass()
    } else {
        Check::warning(codes::TIMESTAMP_NOT_COUNTED)
    };
    if beyond { check.with_detail(format!("only the first {TIMESTAMPS_MAX} tokens were looked at")) } else { check }
}

/// The earliest trusted time of a signature: of the ledger's receipt and of every token over the signature value that
/// passed.
pub(super) fn earliest(receipt: Timestamp, reports: &[TimestampReport]) -> TimeProof {
    let passed = reports
        .iter()
        .filter(|report| report.kind == TimestampKind::Signature && report.verdict == Verdict::Passed)
        .filter_map(|report| report.latest.map(|at| (at, report.id)));
    match passed.min() {
        Some((at, token)) if at < receipt => TimeProof::Timestamp { at, token },
        Some(_) | None => TimeProof::Receipt { at: receipt },
    }
}
