//! Asking a timestamp authority and reading what it answers (RFC 3161 2.4), without any transport.

use const_oid::ObjectIdentifier;

use super::info::{Imprint, TstInfo};
use crate::digest::Digest;
use crate::pki::alg::{AlgorithmError, AlgorithmRegistry};
use crate::pki::asn1::{Asn1Error, Oid, Tlv, ber, encode, tag};
use crate::pki::limits::TIMESTAMP_BYTES_MAX;
use crate::signature::cms::SignedData;

/// Why an answer of an authority gives no token, or a question cannot be asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TimestampError {
    /// An object identifier is malformed. Correct the configuration.
    #[error("{text} is not an object identifier")]
    ObjectIdentifier {
        /// The text.
        text: String,
    },
    /// The digest for the imprint is unknown or forbidden. Correct the configuration.
    #[error("no digest for the imprint")]
    Digest {
        /// Why.
        source: AlgorithmError,
    },
    /// The request is not a `TimeStampReq`.
    #[error("not a timestamp request")]
    Request {
        /// What is wrong.
        source: Asn1Error,
    },
    /// The answer is not a `TimeStampResp` with a token. Ask again, or ask somebody else.
    #[error("not a timestamp response")]
    Response {
        /// What is wrong.
        #[from]
        source: Asn1Error,
    },
    /// The answer is larger than any honest one.
    #[error("a response of {bytes} bytes, at most {TIMESTAMP_BYTES_MAX} are read")]
    TooLong {
        /// Length in bytes.
        bytes: usize,
    },
    /// The authority refused.
    #[error("the authority refused with status {status}, failure info {failure_info:?}")]
    NotGranted {
        /// `PKIStatus`: 2 is rejection, 3 waiting.
        status: u32,
        /// The number of the first bit set in `PKIFailureInfo`, if given: 0 is an unknown digest algorithm.
        failure_info: Option<u32>,
    },
    /// The token is for other bytes than asked for.
    #[error("the token is for another imprint")]
    Imprint,
    /// The token carries another nonce or none: it may be an old one.
    #[error("the token has another nonce than the request")]
    Nonce,
    /// The token was made under another policy than asked for.
    #[error("the token was made under another policy")]
    Policy,
}

/// The bytes to be stamped, as a digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageImprint {
    algorithm: Vec<u8>,
    digest: Vec<u8>,
}

impl MessageImprint {
    /// A digest by the algorithm of a dotted object identifier (without parameters, as RFC 5754 and the national
    /// digests have it).
    pub fn new(algorithm: &str, digest: &[u8]) -> Result<Self, TimestampError> {
        let algorithm = encode::element(tag::SEQUENCE, &[&object_identifier(algorithm)?]);
        Ok(Self { algorithm, digest: digest.to_vec() })
    }

    /// The digest of the bytes by an algorithm of the registry, named by its dotted object identifier.
    pub fn of(registry: &AlgorithmRegistry, algorithm: &str, bytes: &[u8]) -> Result<Self, TimestampError> {
        let algorithm = encode::element(tag::SEQUENCE, &[&object_identifier(algorithm)?]);
        let digest = registry.digest(&algorithm, &[bytes]).map_err(|source| TimestampError::Digest { source })?;
        Ok(Self { algorithm, digest })
    }

    /// SHA-256 of the bytes.
    pub fn sha256(bytes: &[u8]) -> Self {
        const SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
        let algorithm = encode::element(tag::SEQUENCE, &[&encode::element(tag::OID, &[SHA256.as_bytes()])]);
        Self { algorithm, digest: Digest::sha256(&[bytes]).as_bytes().to_vec() }
    }
}

fn object_identifier(text: &str) -> Result<Vec<u8>, TimestampError> {
    let oid = ObjectIdentifier::new(text)
        .map_err(|_| TimestampError::ObjectIdentifier { text: text.chars().take(128).collect() })?;
    Ok(encode::element(tag::OID, &[oid.as_bytes()]))
}

/// Encodes a `TimeStampReq`.
///
/// `nonce` is a fresh random number when the answer must be fresh; `policy` a dotted object identifier when the
/// authority offers several; `certificates` asks for the authority's certificate in the token.
pub fn request(
    imprint: &MessageImprint,
    nonce: Option<u64>,
    policy: Option<&str>,
    certificates: bool,
) -> Result<Vec<u8>, TimestampError> {
    let policy = policy.map(object_identifier).transpose()?.unwrap_or_default();
    let nonce = nonce.map(encode::integer).unwrap_or_default();
    // DER leaves out a false default.
    let certificates: &[u8] = if certificates { &[tag::BOOLEAN, 1, 0xff] } else { &[] };
    let digest = encode::element(tag::OCTET_STRING, &[&imprint.digest]);
    let imprint = encode::element(tag::SEQUENCE, &[&imprint.algorithm, &digest]);
    Ok(encode::element(tag::SEQUENCE, &[&encode::integer(1), &imprint, &policy, &nonce, certificates]))
}

/// What was asked.
struct Asked<'a> {
    imprint: Imprint<'a>,
    policy: Option<Oid<'a>>,
    nonce: Option<&'a [u8]>,
}

impl<'a> Asked<'a> {
    fn parse(der: &'a [u8]) -> Result<Self, Asn1Error> {
        let mut fields = Tlv::only(der)?.expect(tag::SEQUENCE, "TimeStampReq")?.reader();
        fields.take(tag::INTEGER, "version")?.small_integer()?;
        let imprint = Imprint::parse(fields.any()?)?;
        let policy = fields.optional(tag::OID)?.map(|tlv| Oid::new(tlv.value)).transpose()?;
        let nonce = fields.optional(tag::INTEGER)?.map(|tlv| tlv.value);
        Ok(Self { imprint, policy, nonce })
    }
}

/// The token out of a `TimeStampResp`, when it was granted and answers exactly the request. Nothing is verified yet:
/// that is for [`super::verify_timestamp`].
pub fn token_of_response(request: &[u8], response: &[u8]) -> Result<Vec<u8>, TimestampError> {
    let asked = Asked::parse(request).map_err(|source| TimestampError::Request { source })?;
    if response.len() > TIMESTAMP_BYTES_MAX {
        return Err(TimestampError::TooLong { bytes: response.len() });
    }
    let response = ber::to_definite(response)?;
    let mut fields = Tlv::only(&response)?.expect(tag::SEQUENCE, "TimeStampResp")?.reader();
    granted(fields.take(tag::SEQUENCE, "status")?)?;
    let token = fields.take(tag::SEQUENCE, "token")?.raw;
    fields.finish()?;
    let data = SignedData::parse(token)?;
    let content = data.content.ok_or(Asn1Error::Unexpected { expected: "TSTInfo" })?;
    let info = TstInfo::parse(content)?;
    if info.imprint.oid != asked.imprint.oid || info.imprint.digest != asked.imprint.digest {
        return Err(TimestampError::Imprint);
    }
    if info.nonce != asked.nonce {
        return Err(TimestampError::Nonce);
    }
    if asked.policy.is_some_and(|policy| policy != info.policy) {
        return Err(TimestampError::Policy);
    }
    Ok(token.to_vec())
}

/// `PKIStatusInfo`: granted (0) and grantedWithMods (1) alone come with a token.
fn granted(info: Tlv<'_>) -> Result<(), TimestampError> {
    let mut fields = info.reader();
    let status = fields.take(tag::INTEGER, "status")?.small_integer()?;
    fields.optional(tag::SEQUENCE)?;
    let failure_info = fields.optional(tag::BIT_STRING)?.and_then(|bits| {
        let octets = bits.value.get(1..)?;
        let at = octets.iter().position(|octet| *octet != 0)?;
        Some(u32::try_from(at).ok()? * 8 + octets.get(at)?.leading_zeros())
    });
    fields.finish()?;
    if status > 1 { Err(TimestampError::NotGranted { status, failure_info }) } else { Ok(()) }
}
