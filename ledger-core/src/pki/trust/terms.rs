//! What a certificate of a trust snapshot is trusted for: which hierarchy it is of, whose it is, for which purposes
//! and from when until when. Each of them is a decision of whoever publishes the snapshot.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::pki::certificate::{Certificate, Purpose};
use crate::time::Timestamp;

/// Whether a root certifies real persons or a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hierarchy {
    /// Real persons and legal entities.
    Production,
    /// Keys that are published for tests. Proves nothing about anybody.
    Test,
}

/// Whose certification authority it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Authority {
    /// The root authority of the Republic (КУЦ РК).
    Root,
    /// The national authority (НУЦ РК).
    National,
    /// The authority of state bodies (УЦ ГО).
    StateBodies,
    /// The accredited authority of BTS Digital.
    Btsd,
    /// The authority of a bank.
    Bank,
    /// An authority for timestamps.
    Timestamping,
    /// Another accredited or foreign one.
    Other,
}

/// What a path may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TrustPurpose {
    /// Signatures over documents, and whatever else has no purpose of its own.
    DocumentSigning,
    /// Timestamps.
    Timestamping,
    /// Answers about revocation.
    Ocsp,
}

impl TrustPurpose {
    /// What a path to this certificate would be used for.
    pub(crate) fn of(certificate: &Certificate) -> Self {
        match certificate.purpose() {
            Purpose::Timestamping => Self::Timestamping,
            Purpose::Ocsp => Self::Ocsp,
            Purpose::Signing | Purpose::Authentication | Purpose::CertificateAuthority | Purpose::Other => {
                Self::DocumentSigning
            }
        }
    }
}

/// The terms on which one certificate of a snapshot, anchor or intermediate, is trusted, and with it every certificate
/// of the same name and key that is not in the snapshot. What is absent limits nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustTerms {
    /// The hierarchy; counts at anchors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hierarchy: Option<Hierarchy>,
    /// Whose authority it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authority: Option<Authority>,
    /// The purposes that paths through it may serve; empty: all.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub purposes: BTreeSet<TrustPurpose>,
    /// From when on it is trusted. At an anchor it takes the place of the certificate's notBefore: a root that was
    /// issued again under the same key is trusted for what its key certified before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trusted_from: Option<Timestamp>,
    /// The last moment at which it is trusted: its removal, or at an anchor its expiry, as a decision with a date.
    /// At an anchor it takes the place of the certificate's notAfter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trusted_until: Option<Timestamp>,
}

impl TrustTerms {
    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Terms that say only which hierarchy it is.
    pub fn of_hierarchy(hierarchy: Hierarchy) -> Self {
        Self { hierarchy: Some(hierarchy), ..Self::default() }
    }

    pub(crate) fn serve(&self, purpose: TrustPurpose) -> bool {
        self.purposes.is_empty() || self.purposes.contains(&purpose)
    }

    /// Whether the decision covers the moment; the second of `trusted_until` still belongs to it.
    pub(crate) fn cover(&self, at: Timestamp) -> bool {
        self.trusted_from.is_none_or(|from| from <= at)
            && self.trusted_until.is_none_or(|until| at.unix_seconds() <= until.unix_seconds())
    }
}
