//! An OCSP answer (RFC 6960): read once, its original bytes kept, nothing trusted for being there.
//!
//! In scope: the basic response with one or several single responses, and the request that asks for one. Who may
//! answer for a CA, and what an answer is worth at a time, is asked in [`super::revocation`]. Left to others:
//! sending anything, and signed requests.

mod certificate_id;
mod request;

use std::sync::Arc;

use const_oid::ObjectIdentifier;

pub(crate) use certificate_id::CertificateIdentifier;
pub use request::request;

use super::alg::{AlgorithmError, AlgorithmRegistry, SignatureRequest, Verified};
use super::asn1::name::Name;
use super::asn1::{AlgorithmIdentifier, Asn1Error, Tlv, tag, time};
use super::certificate::{Certificate, CertificateError, Extension, parse_extensions};
use super::limits::{OCSP_ANSWERS_MAX, OCSP_BYTES_MAX, OCSP_CERTIFICATES_MAX};
use crate::digest::Digest;
use crate::time::Timestamp;

/// Why bytes are not an answer that says anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OcspError {
    /// Larger than any answer.
    #[error("an OCSP response of {bytes} bytes, at most {OCSP_BYTES_MAX} are read")]
    TooLong {
        /// Length in bytes.
        bytes: usize,
    },
    /// Not DER, or not the structure of RFC 6960 4.2.1.
    #[error("not an OCSP response in DER")]
    Structure {
        /// What is wrong.
        #[from]
        source: Asn1Error,
    },
    /// The responder did not answer the question (RFC 6960 4.2.2.3): ask again later, or ask another one.
    #[error("the responder says {}", refusal(*.status))]
    NotSuccessful {
        /// `OCSPResponseStatus`: 1 malformed request, 2 internal error, 3 try later, 5 signature required,
        /// 6 unauthorized.
        status: u32,
    },
    /// Not a basic response, the only kind there is.
    #[error("not a basic OCSP response")]
    Type,
    /// An extension stands twice or is malformed.
    #[error("malformed OCSP extensions")]
    Extensions {
        /// Why.
        source: CertificateError,
    },
}

const fn refusal(status: u32) -> &'static str {
    match status {
        1 => "malformed request",
        2 => "internal error",
        3 => "try later",
        5 => "signature required",
        6 => "unauthorized",
        _ => "an unknown status",
    }
}

/// A parsed answer.
#[derive(Debug)]
pub struct OcspResponse {
    der: Vec<u8>,
    digest: Digest,
    tbs: Vec<u8>,
    algorithm: Vec<u8>,
    signature: Vec<u8>,
    responder: ResponderId,
    produced_at: Timestamp,
    answers: Vec<SingleAnswer>,
    certificates: Vec<Arc<Certificate>>,
    nonce: Option<Vec<u8>>,
    unusable: Option<&'static str>,
}

/// Who says to have answered.
#[derive(Debug, Clone)]
enum ResponderId {
    Name(Name),
    /// SHA-1 of the public key; an identifier, not a signature.
    Key(Vec<u8>),
}

/// What is said about one certificate.
#[derive(Debug, Clone)]
pub(crate) struct SingleAnswer {
    pub(crate) about: CertificateIdentifier,
    pub(crate) status: AnswerStatus,
    pub(crate) this_update: Timestamp,
    pub(crate) next_update: Option<Timestamp>,
    /// Certificates that ran out at this time or later are still answered for (RFC 6960 4.4.4).
    pub(crate) archive_cutoff: Option<Timestamp>,
    /// Why it proves nothing, if so.
    pub(crate) unusable: Option<&'static str>,
}

/// The status of RFC 6960 4.2.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AnswerStatus {
    Good,
    Revoked {
        at: Timestamp,
        reason: u8,
        invalidity: Option<Timestamp>,
    },
    /// The responder knows nothing about the certificate.
    Unknown,
}

const BASIC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1.1");
const NONCE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1.2");
const ARCHIVE_CUTOFF: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1.6");
/// Extensions of a CRL entry may stand in a single response (RFC 6960 4.4.5).
const REASON: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.21");
const INVALIDITY_DATE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.24");

impl OcspResponse {
    /// Reads DER; nothing may follow it.
    pub fn parse(der: &[u8]) -> Result<Self, OcspError> {
        if der.len() > OCSP_BYTES_MAX {
            return Err(OcspError::TooLong { bytes: der.len() });
        }
        let mut outer = Tlv::only(der)?.expect(tag::SEQUENCE, "OCSPResponse")?.reader();
        let status = outer.take(tag::ENUMERATED, "response status")?.small_integer()?;
        if status != 0 {
            return Err(OcspError::NotSuccessful { status });
        }
        let bytes = outer.take(tag::context_constructed(0), "response bytes")?;
        outer.finish()?;
        let mut bytes = Tlv::only(bytes.value)?.expect(tag::SEQUENCE, "response bytes")?.reader();
        if !bytes.oid()?.is(&BASIC) {
            return Err(OcspError::Type);
        }
        let basic = bytes.take(tag::OCTET_STRING, "response")?.value;
        bytes.finish()?;

        let mut basic = Tlv::only(basic)?.expect(tag::SEQUENCE, "basic response")?.reader();
        let tbs = basic.take(tag::SEQUENCE, "response data")?;
        let algorithm = basic.take(tag::SEQUENCE, "signature algorithm")?;
        AlgorithmIdentifier::from_tlv(algorithm)?;
        let signature = basic.any()?.bit_string_octets()?;
        let certificates = match basic.optional(tag::context_constructed(0))? {
            Some(explicit) => certificates(Tlv::only(explicit.value)?)?,
            None => Vec::new(),
        };
        basic.finish()?;

        let mut fields = tbs.reader();
        if let Some(version) = fields.optional(tag::context_constructed(0))?
            && Tlv::only(version.value)?.expect(tag::INTEGER, "version")?.small_integer()? != 0
        {
            return Err(Asn1Error::Value { what: "version" }.into());
        }
        let responder = ResponderId::parse(fields.any()?)?;
        let produced_at = time::parse_with_fraction(fields.any()?, false)?;
        let mut answers = Vec::new();
        let mut list = fields.take(tag::SEQUENCE, "responses")?.reader();
        while !list.is_empty() {
            if answers.len() == OCSP_ANSWERS_MAX {
                return Err(Asn1Error::Limit { what: "OCSP answers", max: OCSP_ANSWERS_MAX }.into());
            }
            answers.push(SingleAnswer::parse(list.take(tag::SEQUENCE, "single response")?)?);
        }
        let extensions = extensions(fields.optional(tag::context_constructed(1))?)?;
        fields.finish()?;
        let nonce = extensions.iter().find(|extension| is(extension, &NONCE));
        let unknown = extensions.iter().any(|extension| extension.critical && !is(extension, &NONCE));
        Ok(Self {
            der: der.to_vec(),
            digest: Digest::sha256(&[der]),
            tbs: tbs.raw.to_vec(),
            algorithm: algorithm.raw.to_vec(),
            signature: signature.to_vec(),
            responder,
            produced_at,
            answers,
            certificates,
            nonce: nonce.map(|extension| extension.value.clone()),
            unusable: unknown.then_some("unknown critical extension"),
        })
    }

    /// SHA-256 of the DER, by which evidence names it.
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// The original bytes.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// When it was signed.
    pub const fn produced_at(&self) -> Timestamp {
        self.produced_at
    }

    /// The oldest time for which one of its single responses was known to be right.
    pub fn this_update(&self) -> Option<Timestamp> {
        self.answers.iter().map(|answer| answer.this_update).min()
    }

    /// When newer information is there at the latest: the earliest of its single responses; none when none says.
    pub fn next_update(&self) -> Option<Timestamp> {
        self.answers.iter().filter_map(|answer| answer.next_update).min()
    }

    /// How many single responses it has.
    pub const fn answers(&self) -> usize {
        self.answers.len()
    }

    /// Whether one of its single responses names the certificate, by the standard digests and SHA-1. Whether
    /// anything is proven by it is another question.
    pub fn is_about(&self, certificate: &Certificate, issuer: &Certificate) -> bool {
        self.about(certificate, issuer, AlgorithmRegistry::standard()).next().is_some()
    }

    /// Whether it answers this request of ours (RFC 8954): the nonce is the one sent, or none was sent. An answer out
    /// of an archive was asked for by nobody, so this is asked only of an answer just received.
    pub fn answers_request(&self, request_der: &[u8]) -> bool {
        match request::nonce_of(request_der) {
            Ok(Some(sent)) => self.nonce.as_deref() == Some(&sent),
            Ok(None) => true,
            Err(_) => false,
        }
    }

    /// Certificates that came with it; each may be anybody's.
    pub fn certificates(&self) -> &[Arc<Certificate>] {
        &self.certificates
    }

    /// Why it can prove nothing, if so.
    pub(crate) const fn unusable(&self) -> Option<&'static str> {
        self.unusable
    }

    /// The single responses about a certificate (pki.md section 5, pitfall 12: byte for byte).
    pub(crate) fn about(
        &self,
        certificate: &Certificate,
        issuer: &Certificate,
        registry: &AlgorithmRegistry,
    ) -> impl Iterator<Item = &SingleAnswer> {
        self.answers.iter().filter(move |answer| answer.about.names(certificate, issuer, registry))
    }

    /// Whether the certificate is the one that the answer names as its responder.
    pub(crate) fn names_responder(&self, certificate: &Certificate) -> bool {
        match &self.responder {
            ResponderId::Name(name) => name == certificate.subject(),
            ResponderId::Key(hash) => certificate_id::key_sha1(certificate).as_ref() == Some(hash),
        }
    }

    /// What its signature covers, by whom, with the key of `responder`.
    pub(crate) fn signature_request<'a>(&'a self, responder: &'a Certificate) -> SignatureRequest<'a> {
        SignatureRequest {
            algorithm: &self.algorithm,
            key: responder.spki_der(),
            cms_digest: None,
            message: &self.tbs,
            signature: &self.signature,
        }
    }

    /// Whether the signature holds under the key of `responder`; nothing is said about whether it may answer.
    pub fn verify(&self, responder: &Certificate, registry: &AlgorithmRegistry) -> Result<Verified, AlgorithmError> {
        registry.verify(&self.signature_request(responder))
    }
}

/// The certificates that parse: one odd one must not spoil the answer, which may not need it.
fn certificates(list: Tlv<'_>) -> Result<Vec<Arc<Certificate>>, Asn1Error> {
    let mut found = Vec::new();
    let mut reader = list.expect(tag::SEQUENCE, "certificates")?.reader();
    let mut count = 0;
    while !reader.is_empty() {
        count += 1;
        if count > OCSP_CERTIFICATES_MAX {
            return Err(Asn1Error::Limit { what: "certificates of an OCSP response", max: OCSP_CERTIFICATES_MAX });
        }
        found.extend(Certificate::parse(reader.any()?.raw).ok().map(Arc::new));
    }
    Ok(found)
}

/// `[1] EXPLICIT Extensions`; none when absent.
fn extensions(explicit: Option<Tlv<'_>>) -> Result<Vec<Extension>, OcspError> {
    let Some(explicit) = explicit else { return Ok(Vec::new()) };
    parse_extensions(Tlv::only(explicit.value)?).map_err(|source| OcspError::Extensions { source })
}

fn is(extension: &Extension, oid: &ObjectIdentifier) -> bool {
    extension.oid == oid.as_bytes()
}

impl ResponderId {
    fn parse(tlv: Tlv<'_>) -> Result<Self, Asn1Error> {
        let inner = Tlv::only(tlv.value)?;
        if tlv.tag == tag::context_constructed(1) {
            return Ok(Self::Name(Name::parse(inner)?));
        }
        tlv.expect(tag::context_constructed(2), "responder")?;
        Ok(Self::Key(inner.expect(tag::OCTET_STRING, "responder key")?.value.to_vec()))
    }
}

impl SingleAnswer {
    fn parse(tlv: Tlv<'_>) -> Result<Self, OcspError> {
        let mut fields = tlv.reader();
        let about = CertificateIdentifier::parse(fields.take(tag::SEQUENCE, "certificate identifier")?)?;
        let mut status = AnswerStatus::parse(fields.any()?)?;
        let this_update = time::parse_with_fraction(fields.any()?, false)?;
        let next_update = fields.optional(tag::context_constructed(0))?;
        let next_update = next_update.map(|tlv| time::parse_with_fraction(Tlv::only(tlv.value)?, false)).transpose()?;
        let extensions = extensions(fields.optional(tag::context_constructed(1))?)?;
        fields.finish()?;
        let (mut archive_cutoff, mut unusable) = (None, None);
        for extension in &extensions {
            let value = Tlv::only(&extension.value);
            if is(extension, &ARCHIVE_CUTOFF) {
                archive_cutoff = Some(time::parse_with_fraction(value?, true)?);
            } else if is(extension, &INVALIDITY_DATE) {
                let since = time::parse_with_fraction(value?, true)?;
                if let AnswerStatus::Revoked { invalidity, .. } = &mut status {
                    *invalidity = Some(since);
                }
            } else if extension.critical && !is(extension, &REASON) {
                unusable = Some("unknown critical extension");
            }
        }
        Ok(Self { about, status, this_update, next_update, archive_cutoff, unusable })
    }
}

impl AnswerStatus {
    fn parse(tlv: Tlv<'_>) -> Result<Self, Asn1Error> {
        const REVOKED: u8 = tag::context_constructed(1);
        const GOOD: u8 = tag::context(0);
        const UNKNOWN: u8 = tag::context(2);
        match (tlv.tag, tlv.value) {
            (GOOD, []) => Ok(Self::Good),
            (UNKNOWN, []) => Ok(Self::Unknown),
            (REVOKED, _) => {
                let mut fields = tlv.reader();
                let at = time::parse_with_fraction(fields.any()?, true)?;
                let reason = match fields.optional(tag::context_constructed(0))? {
                    Some(explicit) => Tlv::only(explicit.value)?.expect(tag::ENUMERATED, "reason")?.small_integer()?,
                    None => 0,
                };
                fields.finish()?;
                let reason = u8::try_from(reason).map_err(|_| Asn1Error::Value { what: "reason" })?;
                Ok(Self::Revoked { at, reason, invalidity: None })
            }
            _ => Err(Asn1Error::Value { what: "certificate status" }),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shared(path: &str) -> Vec<u8> {
        std::fs::read(format!("{}{path}", concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/"))).unwrap()
    }

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn national_answers_read_as_their_manifest_says() {
        let good = OcspResponse::parse(&shared("kz-pki/ocsp/rsa_good.der")).unwrap();
        assert_eq!(good.produced_at(), time("2022-09-02T16:53:59.000Z"));
        assert_eq!((good.this_update(), good.next_update()), (Some(good.produced_at()), None));
        assert_eq!(good.answers[0].status, AnswerStatus::Good);
        let responder = &good.certificates()[0];
        assert!(good.names_responder(responder));
        assert_eq!(good.verify(responder, AlgorithmRegistry::standard()).unwrap().scheme, "rsa-pkcs1-sha256");

        let revoked = OcspResponse::parse(&shared("kz-pki/ocsp/gost2004_revoked.der")).unwrap();
        let at = time("2022-01-18T06:30:55.000Z");
        assert_eq!(revoked.answers[0].status, AnswerStatus::Revoked { at, reason: 4, invalidity: None });

        let nonsense = OcspResponse::parse(&shared("kz-pki/ocsp/gost2015_revoked_1970.der")).unwrap();
        let always = AnswerStatus::Revoked { at: Timestamp::EPOCH, reason: 6, invalidity: None };
        assert_eq!(nonsense.answers[0].status, always);
    }

    /// Pitfall 12: the name hash, the key hash and the serial number all have to be the certificate's.
    #[test]
    fn an_answer_is_about_one_certificate_of_one_key() {
        let read = |name: &str| Certificate::parse(&shared(&format!("pki-suites/revtime/{name}"))).unwrap();
        let (issuer, root) = (read("Issuing_CA.der"), read("Root.der"));
        for name in ["ocsp_R_good_0531.der", "ocsp_R_revoked_0602.der", "ocsp_R_two_answers_0602.der"] {
            let answer = OcspResponse::parse(&shared(&format!("pki-suites/revtime/{name}"))).unwrap();
            assert!(answer.is_about(&read("Revoked.der"), &issuer), "{name}");
            assert!(!answer.is_about(&read("Good.der"), &issuer), "{name}");
            assert!(!answer.is_about(&read("Revoked.der"), &root), "{name}");
        }
        let sha1 = OcspResponse::parse(&shared("pki-suites/revtime/ocsp_A_sha1_certid_0520.der")).unwrap();
        assert!(sha1.is_about(&read("Good.der"), &issuer));
    }

    #[test]
    fn a_responder_that_did_not_answer_says_why() {
        for (name, status) in [("resp-unauthorized", 6), ("resp-unknown-response-status", 0xff)] {
            let error = OcspResponse::parse(&shared(&format!("pki-suites/pyca/ocsp/{name}.der"))).unwrap_err();
            // The second is no status at all, so it need not be read as one.
            let said = matches!(error, OcspError::NotSuccessful { status: actual } if actual == status);
            assert!(said || status == 0xff, "{name}: {error:?}");
        }
        let empty = OcspResponse::parse(&shared("pki-suites/pyca/ocsp/resp-successful-no-response-bytes.der"));
        assert!(empty.is_err());
    }

    #[test]
    fn only_an_answer_with_the_nonce_sent_answers_the_request() {
        let read = |name: &str| Certificate::parse(&shared(&format!("pki-suites/revtime/{name}"))).unwrap();
        let answer = OcspResponse::parse(&shared("kz-pki/ocsp/rsa_good.der")).unwrap();
        // The nonce as `openssl ocsp -resp_text` shows it.
        let nonce = [0xb5, 0xe5, 0xc9, 0xb5, 0x52, 0xcb, 0xca, 0xc4];
        let ask = |nonce: Option<&[u8]>| request(&read("Good.der"), &read("Issuing_CA.der"), nonce);
        assert!(answer.answers_request(&ask(Some(&nonce))));
        assert!(answer.answers_request(&ask(None)));
        assert!(!answer.answers_request(&ask(Some(&nonce[1..]))));
        assert!(!answer.answers_request(&[]));
        let without = OcspResponse::parse(&shared("pki-suites/revtime/ocsp_good_0520.der")).unwrap();
        assert!(!without.answers_request(&ask(Some(&nonce))));
    }

    proptest! {
        #[test]
        fn mutated_answers_never_panic_and_never_verify(at in 0_usize..2000, bit in 0_u8..8) {
            let original = shared("pki-suites/revtime/ocsp_R_two_answers_0602.der");
            let parsed = OcspResponse::parse(&original).unwrap();
            let mut der = original.clone();
            let at = at % der.len();
            der[at] ^= 1 << bit;
            if let Ok(answer) = OcspResponse::parse(&der) {
                let responder = parsed.certificates().first().unwrap();
                let signed = answer.tbs != parsed.tbs
                    || answer.signature != parsed.signature
                    || answer.algorithm != parsed.algorithm;
                // Elsewhere stand only the certificates and the wrapping, which nothing covers.
                prop_assert_eq!(answer.verify(responder, AlgorithmRegistry::standard()).is_err(), signed);
            }
        }
    }
}
