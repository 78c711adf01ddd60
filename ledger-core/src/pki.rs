//! Certificates: parsing, names, paths to trust anchors, revocation; everything by given bytes and given times.
//!
//! In scope: X.509 certificates, CRLs of every scope with their deltas, OCSP answers, path validation after RFC 5280
//! 6.1, revocation at a time, the algorithms of [`alg`]. Left to others: CMS and timestamps
//! ([`crate::signature`]), fetching anything (this crate knows no network and no clock).

pub mod alg;
pub(crate) mod asn1;
pub mod certificate;
pub mod crl;
pub mod evidence;
pub mod limits;
pub mod ocsp;
pub mod path;
pub mod pem;
pub mod policy;
pub mod report;
pub mod revocation;
pub mod trust;
pub(crate) mod validation;

pub use asn1::Asn1Error;
