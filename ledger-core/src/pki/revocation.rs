//! Revocation status at a time, from evidence that may have been collected later (pki.md 7.4, last paragraph).
//!
//! Every CRL and OCSP answer is first asked whether it may speak about the certificate at all (`lists`, `answers`);
//! what remains are statements, all of one shape, and `judge` weighs them. Nothing fails open: what is not
//! understood, not authorised or not there proves nothing, and no evidence is never good.

mod answers;
mod judge;
mod lists;
mod statement;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::alg::{AlgorithmError, AlgorithmRegistry, SignatureRequest, Verified};
use super::certificate::Certificate;
use super::evidence::EvidenceSet;
use super::limits::{REVOCATION_QUESTIONS_MAX, SIGNATURE_OPERATIONS_MAX};
use super::policy::SignaturePolicy;
use super::report::{Check, Outcome, RevocationCheck, RevocationSource, RevocationStatus, SubCode, codes};
use super::trust::TrustSnapshot;
use crate::digest::Digest;
use crate::id::KeyId;
use crate::time::Timestamp;
use statement::Findings;

/// What statuses are made from. Lives for one report and counts its signature operations.
#[derive(Debug)]
pub(crate) struct Evaluator<'a> {
    pub(crate) trust: &'a TrustSnapshot,
    pub(crate) evidence: &'a EvidenceSet,
    pub(crate) policy: &'a SignaturePolicy,
    pub(crate) registry: &'a AlgorithmRegistry,
    /// Evidence produced later is ignored.
    pub(crate) known_until: Option<Timestamp>,
    /// What is left of signature operations.
    pub(crate) operations: u32,
    /// Of these, what evidence out of messages may take: anybody can add some, and must not exhaust what was collected.
    carried: u32,
    /// What is left of questions about one certificate: evidence about the signers of evidence asks more of them.
    questions: u32,
    /// Signatures verified already, by signed object and key: two moments cost one operation.
    verified: BTreeMap<(Digest, KeyId), Result<Verified, AlgorithmError>>,
    /// The signers of evidence whose own status is being found out, so that no two of them vouch for each other.
    visiting: Vec<Digest>,
}

/// The question: one certificate and everything above it, at one moment.
#[derive(Debug, Clone, Copy)]
struct Question<'q> {
    certificate: &'q Arc<Certificate>,
    issuer: &'q Arc<Certificate>,
    /// The path from the issuer up, anchor last.
    above: &'q [Arc<Certificate>],
    at: Timestamp,
    /// From when on the issuer's key is not to be believed: it was revoked for good.
    issuer_revoked: Option<Timestamp>,
}

impl<'a> Evaluator<'a> {
    pub(crate) const fn new(
        trust: &'a TrustSnapshot,
        evidence: &'a EvidenceSet,
        policy: &'a SignaturePolicy,
        registry: &'a AlgorithmRegistry,
        known_until: Option<Timestamp>,
        operations: u32,
    ) -> Self {
        Self {
            trust,
            evidence,
            policy,
            registry,
            known_until,
            operations,
            carried: operations / 2,
            questions: REVOCATION_QUESTIONS_MAX,
            verified: BTreeMap::new(),
            visiting: Vec::new(),
        }
    }

    /// The same over another pool with fewer operations; what it has verified is given back by [`Evaluator::learn`].
    pub(crate) fn over<'b>(&mut self, evidence: &'b EvidenceSet, operations: u32) -> Evaluator<'b>
    where
        'a: 'b,
    {
        Evaluator {
            evidence,
            operations,
            carried: operations / 2,
            questions: self.questions,
            verified: std::mem::take(&mut self.verified),
            visiting: Vec::new(),
            ..*self
        }
    }

    /// Takes over what another one verified, and counts its questions.
    pub(crate) fn learn(&mut self, other: Evaluator<'_>) {
        self.questions = other.questions;
        self.verified.extend(other.verified);
    }

    /// The status of every certificate of a path (target first, anchor last) at a moment.
    pub(crate) fn path(&mut self, path: &[Arc<Certificate>], at: Timestamp) -> Vec<RevocationCheck> {
        let mut checks = Vec::new();
        let mut issuer_revoked = None;
        // From the anchor down: what an issuer says after its own revocation proves nothing.
        for index in (0..path.len()).rev() {
            let Some(certificate) = path.get(index) else { break };
            let above = path.get(index.saturating_add(1)..).unwrap_or_default();
            let check = match above.first() {
                None => of_trust_anchor(certificate),
                Some(issuer) => {
                    let question = Question { certificate, issuer, above, at, issuer_revoked };
                    let (check, revoked) = self.status(&question);
                    issuer_revoked = revoked;
                    check
                }
            };
            checks.push(check);
        }
        checks.reverse();
        checks
    }

    /// The status of one certificate, and since when it is revoked for good whatever the moment asked.
    fn status(&mut self, question: &Question<'_>) -> (RevocationCheck, Option<Timestamp>) {
        let mut findings = Findings::default();
        let Some(left) = self.questions.checked_sub(1) else {
            findings.obstacle = Some(unusable("limit of questions"));
            return (judge::judge(&findings, question, self.policy), None);
        };
        self.questions = left;
        self.ask_lists(question, &mut findings);
        self.ask_answers(question, &mut findings);
        let revoked = findings.revoked_since();
        (judge::judge(&findings, question, self.policy), revoked)
    }

    /// Runs something about one piece of evidence: one out of a message may only take operations that are set aside for
    /// such.
    fn about_evidence<T>(&mut self, carried: bool, run: impl FnOnce(&mut Self) -> T) -> T {
        if !carried {
            return run(self);
        }
        let held_back = self.operations.saturating_sub(self.carried);
        self.operations -= held_back;
        let result = run(self);
        self.carried = self.operations;
        self.operations += held_back;
        result
    }

    /// Whether the certificates of a path, anchor last, were all good at a time.
    fn is_good(&mut self, path: &[Arc<Certificate>], at: Timestamp) -> Result<(), Check> {
        let checks = self.path(path, at);
        let bad = path.iter().zip(checks).find(|(_, check)| match check.revocation {
            RevocationStatus::Good | RevocationStatus::TrustAnchor => false,
            RevocationStatus::Revoked { .. } | RevocationStatus::OnHold { .. } | RevocationStatus::Unknown => true,
        });
        match bad {
            None => Ok(()),
            Some((certificate, check)) => Err(unusable(format!(
                "signed by {}, whose status is {}",
                certificate.subject_display(),
                check.check.code.as_str()
            ))),
        }
    }

    /// Verifies one signature, at most once per report, and asks the policy about its algorithm at the time `made`.
    fn verify(
        &mut self,
        object: Digest,
        key: &Certificate,
        made: Timestamp,
        verify: impl FnOnce(&AlgorithmRegistry) -> Result<Verified, AlgorithmError>,
    ) -> Result<(), Check> {
        let id = (object, key.key());
        let known = self.verified.get(&id).cloned();
        let result = if let Some(known) = known {
            known
        } else {
            let Some(left) = self.operations.checked_sub(1) else {
                return Err(unusable("limit of signature operations"));
            };
            self.operations = left;
            let result = verify(self.registry);
            self.verified.insert(id, result.clone());
            result
        };
        let indeterminate = |code| Check::indeterminate(code, SubCode::TryLater);
        match result {
            Ok(verified) => {
                let judged = self.policy.algorithm(&verified, made);
                if judged.outcome == Outcome::Fail {
                    return Err(indeterminate(codes::WEAK_ALGORITHM).with_detail(judged.detail.unwrap_or_default()));
                }
                Ok(())
            }
            Err(AlgorithmError::Unsupported { oid }) => {
                Err(indeterminate(codes::UNSUPPORTED_ALGORITHM).with_detail(oid))
            }
            Err(AlgorithmError::Forbidden { what }) => Err(indeterminate(codes::WEAK_DIGEST).with_detail(what)),
            Err(error) => Err(unusable(error.to_string())),
        }
    }

    /// Verifies that the key of `issuer` signed `certificate`, with an algorithm that was good enough at a time.
    fn verify_certificate(
        &mut self,
        certificate: &Certificate,
        issuer: &Certificate,
        at: Timestamp,
    ) -> Result<(), Check> {
        self.verify(certificate.digest(), issuer, at, |registry| {
            registry.verify(&SignatureRequest {
                algorithm: certificate.algorithm(),
                key: issuer.spki_der(),
                cms_digest: None,
                message: certificate.tbs(),
                signature: certificate.signature(),
            })
        })
    }
}

/// The status of a certificate that a pool of evidence shows at a moment, its issuer taken for an anchor.
///
/// For callers that collect evidence and want to know whether it proves anything; what it proves of a whole path is
/// for the report to say.
pub fn status_under(
    certificate: &Certificate,
    issuer: &Certificate,
    evidence: &EvidenceSet,
    at: Timestamp,
) -> RevocationStatus {
    let (trust, policy) = (TrustSnapshot::nobody(), SignaturePolicy::default_2026());
    let registry = AlgorithmRegistry::standard();
    let mut evaluator = Evaluator::new(&trust, evidence, &policy, registry, None, SIGNATURE_OPERATIONS_MAX);
    let path = [Arc::new(certificate.clone()), Arc::new(issuer.clone())];
    let status = evaluator.path(&path, at).into_iter().next().map(|check| check.revocation);
    status.unwrap_or(RevocationStatus::Unknown)
}

/// Whether evidence produced then was known at the time that verification is limited to.
fn is_known(produced: Timestamp, known_until: Option<Timestamp>) -> bool {
    known_until.is_none_or(|until| produced <= until)
}

/// Evidence that proves nothing, and why.
fn unusable(detail: impl AsRef<str>) -> Check {
    Check::indeterminate(codes::REVOCATION_UNUSABLE, SubCode::TryLater).with_detail(detail)
}

/// The status of a trust anchor, which is a decision and needs none.
pub(crate) fn of_trust_anchor(anchor: &Certificate) -> RevocationCheck {
    RevocationCheck {
        certificate: anchor.digest(),
        revocation: RevocationStatus::TrustAnchor,
        source: RevocationSource::NoCheck,
        this_update: None,
        next_update: None,
        produced_at: None,
        responder: None,
        check: Check::not_applicable(codes::TRUST_ANCHOR),
        evidence: Vec::new(),
    }
}
