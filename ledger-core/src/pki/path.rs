//! Certification paths: found by a bounded search, each signature verified by the registry, the rules of RFC 5280
//! section 6.1 applied by a validator behind one function.
//!
//! Validity at a time is left to `validation`: a path is found once and looked at for two moments.

mod builder;
mod certval;
mod names;

use std::sync::Arc;

pub use builder::find;

use super::alg::Verified;
use super::certificate::Certificate;

/// A path whose signatures and constraints hold; nothing is said yet about time and revocation.
#[derive(Debug, Clone)]
pub struct CertificationPath {
    /// Target first, trust anchor last; the target alone when it is an anchor itself.
    certificates: Vec<Arc<Certificate>>,
    algorithms: Vec<Verified>,
}

impl CertificationPath {
    /// Target first, trust anchor last.
    pub fn certificates(&self) -> &[Arc<Certificate>] {
        &self.certificates
    }

    /// How each certificate but the anchor is signed, target first.
    pub fn algorithms(&self) -> &[Verified] {
        &self.algorithms
    }
}

/// The inputs of RFC 5280 6.1.1 (c) to (g).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PathSettings {
    /// Acceptable certificate policies, dotted; absent is any-policy.
    pub initial_policies: Option<Vec<String>>,
    /// initial-explicit-policy.
    pub explicit_policy: bool,
    /// initial-policy-mapping-inhibit.
    pub inhibit_policy_mapping: bool,
    /// initial-any-policy-inhibit.
    pub inhibit_any_policy: bool,
}

/// Why no path holds; of several candidates the most telling reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// No issuer leads to an anchor. More certificates may help.
    #[error("no path to a trust anchor")]
    NoPath,
    /// The search is at its limit.
    #[error("the search for a path is at its limit")]
    Limit,
    /// A signature on the way does not hold.
    #[error("the signature of certificate {subject} does not hold")]
    Signature {
        /// The subject of the certificate, for people.
        subject: String,
    },
    /// A certificate is signed with an algorithm that is forbidden.
    #[error("a certificate is signed with {what}")]
    Forbidden {
        /// Which.
        what: &'static str,
    },
    /// Name constraints are broken.
    #[error("name constraints are broken")]
    NameConstraint,
    /// No acceptable certificate policy is left.
    #[error("certificate policies: {what}")]
    Policy {
        /// The rule.
        what: String,
    },
    /// A critical extension is not understood.
    #[error("a critical extension is not understood")]
    CriticalExtension,
    /// Another rule of RFC 5280 6.1 is broken.
    #[error("path rule broken: {what}")]
    Constraint {
        /// The rule.
        what: String,
    },
    /// A certificate is signed with an algorithm that is not known here. Nothing is known about the path.
    #[error("a certificate is signed with {oid}, which is not supported")]
    Unsupported {
        /// The algorithm, dotted.
        oid: String,
    },
}
