//! What one piece of admitted evidence says about the certificate asked about, whatever kind of evidence it is.

use crate::digest::Digest;
use crate::pki::crl::{Reasons, Revoked};
use crate::pki::report::{Check, RevocationSource};
use crate::time::Timestamp;

/// One statement by someone who may make it.
#[derive(Debug, Clone)]
pub(super) struct Statement {
    pub(super) source: RevocationSource,
    pub(super) this_update: Timestamp,
    pub(super) next_update: Option<Timestamp>,
    /// When it was signed.
    pub(super) produced_at: Timestamp,
    /// The certificate that signed it, when it is not the issuer's.
    pub(super) signer: Option<Digest>,
    pub(super) says: Says,
    /// When a hold ended, if the statement says that.
    pub(super) released: Option<Timestamp>,
    /// The reasons for which it would tell a revocation.
    pub(super) reasons: Reasons,
    /// Whether it still speaks about a certificate that had run out when it was made.
    pub(super) covers_expiry: bool,
    /// The issuer publishes deltas that this statement does not take into account.
    pub(super) awaits_delta: bool,
    /// A code for a remark about the evidence itself, with facts for people.
    pub(super) remark: Option<(&'static str, String)>,
    /// SHA-256 of what it rests on.
    pub(super) evidence: Vec<Digest>,
}

/// The content of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Says {
    NotRevoked,
    /// Revoked or on hold since a date, which may lie after the moment asked about.
    Revoked(Revoked),
    /// The responder knows nothing about the certificate.
    Unknown,
}

/// Everything that was found about one certificate.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) statements: Vec<Statement>,
    /// The first reason why a piece of evidence was not admitted.
    pub(super) obstacle: Option<Check>,
    /// Dates at which evidence that is authentic and not understood in full speaks against the certificate: what the
    /// rest says is then not the whole truth.
    pub(super) contested: Vec<(Timestamp, Check)>,
}

impl Findings {
    pub(super) fn refuse(&mut self, check: Check, evidence: Digest) {
        self.obstacle.get_or_insert_with(|| check.with_evidence(vec![evidence]));
    }

    /// Refuses authentic evidence that is not understood in full.
    pub(super) fn contest(&mut self, against: Option<Revoked>, check: Check, evidence: Digest) {
        if let Some(revoked) = against.filter(|revoked| !revoked.is_removal()) {
            self.contested.push((revoked.at, check.clone().with_evidence(vec![evidence])));
        }
        self.refuse(check, evidence);
    }

    /// The earliest date of a revocation for good.
    pub(super) fn revoked_since(&self) -> Option<Timestamp> {
        let dates = self.statements.iter().filter_map(|statement| match statement.says {
            Says::Revoked(revoked) if !revoked.is_hold() => Some(revoked.at),
            Says::Revoked(_) | Says::NotRevoked | Says::Unknown => None,
        });
        dates.min()
    }
}
