//! Signatures over documents: CMS SignedData (RFC 5652), verified as a pure function of bytes, evidence, trust,
//! policy and two moments. No clock, no network: the same input gives the same report in ten years.
//!
//! In scope: signed attributes (required), detached or attached, DER and BER, any number of signers, each with a
//! verdict of its own; timestamps over signatures. Left to others: which signatures a document needs (the domain),
//! counter-signatures and archive attributes (reported, never counted in favour of a signature).

pub(crate) mod attributes;
mod carried;
pub(crate) mod cms;
mod content;
pub mod evidence_record;
mod integrity;
pub mod private_key;
pub mod report;
mod parts;
mod signer;
mod signing_certificate;
pub mod timestamp;

use std::borrow::Cow;
use std::sync::Arc;

pub use parts::{Parts, parts};
pub use report::{CertificateReport, SignatureReport, VerificationReport};

pub use crate::pki::evidence::EvidenceSet;
pub use crate::pki::policy::SignaturePolicy;
pub use crate::pki::report::{Check, Outcome, PerTime, SubCode, Verdict};
pub use crate::pki::trust::TrustSnapshot;

use crate::digest::Digest;
use crate::pki::alg::AlgorithmRegistry;
use crate::pki::asn1::{Reader, Tlv, ber, tag};
use crate::pki::certificate::{Certificate, Role};
use crate::pki::limits::{CMS_BYTES_MAX, CMS_DETACHED_BYTES_MAX};
use crate::pki::report::codes;
use crate::pki::validation::{self, Validator};
use crate::time::Timestamp;
use cms::SignedData;
use content::Content;
use report::{Container, InputDigests};

/// Everything that a verification depends on.
#[derive(Debug, Clone, Copy)]
pub struct VerifyInput<'a> {
    /// The document, chosen by the ledger, never by the signature (pki.md section 5, pitfall 3).
    pub document: &'a [u8],
    /// The CMS as received.
    pub signature: &'a [u8],
    /// Certificates, CRLs and OCSP answers collected for it.
    pub evidence: &'a EvidenceSet,
    /// Who is trusted.
    pub trust: &'a TrustSnapshot,
    /// What is demanded.
    pub policy: &'a SignaturePolicy,
    /// When the ledger took the signature: the trusted time of signing, unless a timestamp over the signature proves an
    /// earlier one. The signer's own claim is never used.
    pub signing_time: Timestamp,
    /// The time of receipt by the addressee.
    pub receipt_time: Timestamp,
    /// Evidence produced later than this is ignored; absent, everything counts that is in the set. It repeats what
    /// could be known at some time, whatever has been collected since.
    pub known_until: Option<Timestamp>,
    /// The type of the document, by which the policy demands roles of the signer; `None` where there is none.
    pub document_type: Option<&'a str>,
}

/// What a signature is over, chosen by the ledger: a document, of a type or none, or the statement of an act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedContent<'a> {
    /// The bytes.
    pub bytes: Cow<'a, [u8]>,
    /// The type of a document, as in [`VerifyInput::document_type`].
    pub document_type: Option<Box<str>>,
    /// The role that the signer's slot on the document demands.
    pub required_role: Option<Role>,
}

impl<'a> SignedContent<'a> {
    /// Bytes without a type.
    pub fn statement(bytes: impl Into<Cow<'a, [u8]>>) -> Self {
        Self { bytes: bytes.into(), document_type: None, required_role: None }
    }

    /// A document.
    pub fn document(bytes: impl Into<Cow<'a, [u8]>>, document_type: Option<&str>) -> Self {
        Self { bytes: bytes.into(), document_type: document_type.map(Box::from), required_role: None }
    }
}

impl SignedContent<'_> {
    /// The same, to be signed in a slot that demands this role.
    #[must_use]
    pub fn in_slot(mut self, required_role: Option<Role>) -> Self {
        self.required_role = required_role;
        self
    }
}

/// Verifies with the algorithms of [`AlgorithmRegistry::standard`].
pub fn verify(input: &VerifyInput<'_>) -> VerificationReport {
    verify_with(input, AlgorithmRegistry::standard())
}

/// Verifies with other algorithms.
pub fn verify_with(input: &VerifyInput<'_>, registry: &AlgorithmRegistry) -> VerificationReport {
    let mut report = VerificationReport {
        schema: 1,
        engine: report::ENGINE.to_owned(),
        policy: input.policy.id(),
        trust: input.trust.id(),
        input: InputDigests {
            document: Digest::sha256(&[input.document]),
            signature: Digest::sha256(&[input.signature]),
            signing_time: input.signing_time,
            receipt_time: input.receipt_time,
            document_type: input.document_type.map(str::to_owned),
            required_role: None,
        },
        container: Container { ber: false, bytes: length(input.signature), signers: 0, detached: false },
        format: Check::pass(),
        signatures: Vec::new(),
        timestamps: Vec::new(),
        overall: Verdict::Passed,
    };
    let der = match definite(input.signature) {
        Ok(der) => der,
        Err(check) => return report.refused(check),
    };
    report.container.ber = matches!(der, std::borrow::Cow::Owned(_));
    let data = match SignedData::parse(&der) {
        Ok(data) => data,
        Err(error) => {
            return report.refused(Check::fail(codes::PARSE, SubCode::FormatFailure).with_detail(error.to_string()));
        }
    };
    report.container.signers = u64::try_from(data.signers.len()).unwrap_or(u64::MAX);
    report.container.detached = data.content.is_none();
    if data.content.is_none() && input.signature.len() > CMS_DETACHED_BYTES_MAX {
        return report.refused(Check::fail(codes::TOO_LARGE, SubCode::FormatFailure));
    }
    if data.signers.is_empty() {
        return report.refused(Check::fail(codes::NO_SIGNERS, SubCode::FormatFailure));
    }
    if !data.content_is_octets {
        // PKCS#7 1.5 signs the contents of other elements without their tag, which says less than it seems to.
        report.format = Check::fail(codes::CONTENT_NOT_DATA, SubCode::FormatFailure).with_detail("not octets");
    } else if looks_like_attributes(input.document) {
        report.format = Check::fail(codes::DOCUMENT_LOOKS_LIKE_ATTRIBUTES, SubCode::FormatFailure);
    } else if data.content.is_some_and(|content| content != input.document) {
        report.format = Check::fail(codes::CONTENT_DIFFERS, SubCode::HashFailure);
    }

    // What the message carries joins the pool; it is not trusted for being there (pitfall 5).
    let mut evidence = input.evidence.clone();
    carried::add_to(&mut evidence, &data);
    let validator = Validator::new(input.trust, &evidence, input.policy, registry, input.known_until);
    let mut validator = validator.reserving_for_signatures();
    let mut document = Content::new(input.document);
    for (index, signer) in data.signers.iter().enumerate() {
        let index = u64::try_from(index).unwrap_or(u64::MAX);
        let (signature, timestamps) = signer::verify(index, signer, &data, &mut document, input, &mut validator);
        report.signatures.push(signature);
        report.timestamps.extend(timestamps);
    }
    let signers = report.signatures.iter().map(|signature| signature.verdict);
    report.overall = Verdict::worst(std::iter::once(report.format.verdict()).chain(signers));
    report
}

fn definite(signature: &[u8]) -> Result<std::borrow::Cow<'_, [u8]>, Check> {
    if signature.len() > CMS_BYTES_MAX {
        return Err(Check::fail(codes::TOO_LARGE, SubCode::FormatFailure));
    }
    ber::to_definite(signature)
        .map_err(|error| Check::fail(codes::PARSE, SubCode::FormatFailure).with_detail(error.to_string()))
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

/// Whether the bytes read as a DER SET OF Attribute: a signature over such a document could be shown again as
/// one over attributes (draft-ietf-lamps-cms-euf-cma-signeddata; pitfall 2).
fn looks_like_attributes(document: &[u8]) -> bool {
    let Ok(set) = Tlv::only(document) else { return false };
    let mut reader: Reader<'_> = set.reader();
    if set.tag != tag::SET || reader.is_empty() {
        return false;
    }
    while !reader.is_empty() {
        let Ok(attribute) = reader.take(tag::SEQUENCE, "attribute") else { return false };
        let mut fields = attribute.reader();
        if fields.oid().is_err() || fields.take(tag::SET, "values").is_err() || !fields.is_empty() {
            return false;
        }
    }
    true
}

/// The certificate of the first signer, out of the message or the evidence; `None` when it is in neither, or when
/// the message does not parse. For display and registers: nothing is verified here.
pub fn signer_certificate(signature: &[u8], evidence: &EvidenceSet) -> Option<Arc<Certificate>> {
    let der = definite(signature).ok()?;
    let data = SignedData::parse(&der).ok()?;
    let mut pool = evidence.clone();
    carried::add_to(&mut pool, &data);
    let signer = data.signers.first()?;
    let (attributes, _) = signer::signed_attributes(signer);
    signer::find_certificate(signer, attributes.as_ref(), pool.certificates(), AlgorithmRegistry::standard()).ok()
}

/// The document inside an attached signature; `None` when the signature is detached or does not parse. Nothing is
/// verified here. A ledger never takes its document from a signature (pki.md section 5, pitfall 3); somebody who has
/// nothing but the signature may ask what was signed.
pub fn embedded_content(signature: &[u8]) -> Option<Vec<u8>> {
    let der = definite(signature).ok()?;
    SignedData::parse(&der).ok()?.content.map(<[u8]>::to_vec)
}

/// The certificates that the message carries and that parse; empty when the message does not. They are an offer:
/// nothing is trusted for being there.
pub fn carried_certificates(signature: &[u8]) -> Vec<Arc<Certificate>> {
    let Ok(der) = definite(signature) else { return Vec::new() };
    let Ok(data) = SignedData::parse(&der) else { return Vec::new() };
    data.certificates.iter().filter_map(|der| Certificate::parse(der).ok()).map(Arc::new).collect()
}

/// Checks a certificate alone, as at registration (clause 8.1): path, validity, revocation and purpose at a time.
/// Evidence produced later than `known_until` is ignored.
pub fn verify_certificate(
    der: &[u8],
    evidence: &EvidenceSet,
    trust: &TrustSnapshot,
    policy: &SignaturePolicy,
    at: Timestamp,
    known_until: Option<Timestamp>,
) -> CertificateReport {
    verify_certificate_with(der, evidence, trust, policy, at, known_until, AlgorithmRegistry::standard())
}

/// As [`verify_certificate`], with other algorithms.
pub fn verify_certificate_with(
    der: &[u8],
    evidence: &EvidenceSet,
    trust: &TrustSnapshot,
    policy: &SignaturePolicy,
    at: Timestamp,
    known_until: Option<Timestamp>,
    registry: &AlgorithmRegistry,
) -> CertificateReport {
    let certificate = match Certificate::parse(der) {
        Ok(certificate) => Arc::new(certificate),
        Err(error) => return CertificateReport::unreadable(der, policy, trust, at, &error),
    };
    let mut validator = Validator::new(trust, evidence, policy, registry, known_until);
    let paths = validator.paths(&certificate, &[at]);
    let moment = validator.at(&certificate, &paths, at);
    let key_usage = validation::key_usage(&certificate, policy);
    CertificateReport::new(&certificate, policy, trust, at, moment, key_usage)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_sets_of_attributes_look_like_attributes() {
        let attribute = [0x30, 0x07, 0x06, 0x01, 0x2a, 0x31, 0x02, 0x05, 0x00];
        let set = |body: &[u8]| [&[0x31, u8::try_from(body.len()).unwrap()], body].concat();
        for (document, expected) in [
            (set(&attribute), true),
            (set(&[attribute, attribute].concat()), true),
            ([set(&attribute), vec![0]].concat(), false),
            (set(&[]), false),
            (b"1\x031=2".to_vec(), false),
            (b"%PDF-1.7".to_vec(), false),
            (Vec::new(), false),
        ] {
            assert_eq!(looks_like_attributes(&document), expected, "{document:02x?}");
        }
    }
}
