//! An OCSP response as a CA gives it that answers for itself (RFC 6960, 4.2): one certificate, SHA-256 in its identifier.

use ledger_core::time::Timestamp;
use sha2::{Digest as _, Sha256};

use super::der::{GENERALIZED_TIME, OCTET_STRING, context, integer, oid, sequence, tlv};

const ENUMERATED: u8 = 0x0a;
const GOOD: [u8; 2] = [0x80, 0x00];
const SHA_256: &str = "2.16.840.1.101.3.4.2.1";
const ID_PKIX_OCSP_BASIC: &str = "1.3.6.1.5.5.7.48.1.1";

/// What a response says.
pub(super) struct Statement<'a> {
    /// DER of the issuer's name, which is also the responder's.
    pub(super) issuer: &'a [u8],
    /// The issuer's public key, as its hash in an identifier covers it.
    pub(super) issuer_key: &'a [u8],
    pub(super) serial: &'a [u8],
    /// Since when it is revoked; none for a good one.
    pub(super) revoked_at: Option<Timestamp>,
    pub(super) this_update: Timestamp,
    pub(super) next_update: Timestamp,
}

/// `ResponseData`, to be signed.
pub(super) fn response_data(statement: &Statement<'_>) -> Vec<u8> {
    let status = match statement.revoked_at {
        None => GOOD.to_vec(),
        Some(at) => tlv(0xa1, &time(at)),
    };
    let hash = |bytes: &[u8]| tlv(OCTET_STRING, &Sha256::digest(bytes));
    let certificate = sequence(&[
        &sequence(&[&oid(SHA_256)]),
        &hash(statement.issuer),
        &hash(statement.issuer_key),
        &integer(statement.serial),
    ]);
    let (this_update, next_update) = (time(statement.this_update), context(0, &time(statement.next_update)));
    let single = sequence(&[&certificate, &status, &this_update, &next_update]);
    sequence(&[&context(1, statement.issuer), &this_update, &sequence(&[&single])])
}

/// A successful `OCSPResponse` around a signed `BasicOCSPResponse`.
pub(super) fn response(basic: &[u8]) -> Vec<u8> {
    let bytes = sequence(&[&oid(ID_PKIX_OCSP_BASIC), &tlv(OCTET_STRING, basic)]);
    sequence(&[&tlv(ENUMERATED, &[0]), &context(0, &bytes)])
}

/// The times of OCSP are never `UTCTime`; whole seconds.
fn time(at: Timestamp) -> Vec<u8> {
    let digits: String = at.to_string().chars().filter(char::is_ascii_digit).take(14).collect();
    tlv(GENERALIZED_TIME, format!("{digits}Z").as_bytes())
}
