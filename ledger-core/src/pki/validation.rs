//! A certificate at a moment: its path, its validity, the revocation of everything on the path, the algorithms.

use std::sync::Arc;

use super::alg::AlgorithmRegistry;
use super::certificate::Certificate;
use super::evidence::EvidenceSet;
use super::limits::{SIGNATURE_OPERATIONS_MAX, SIGNATURE_OPERATIONS_RESERVED};
use super::path::{self, CertificationPath, PathError, PathSettings};
use super::policy::SignaturePolicy;
use super::report::{AlgorithmUse, ChainCheck, Check, RevocationCheck, SubCode, codes};
use super::revocation::Evaluator;
use super::trust::TrustSnapshot;
use crate::time::Timestamp;

/// What validation needs besides the certificate and the time. Lives for one report and counts its operations.
#[derive(Debug)]
pub(crate) struct Validator<'a> {
    pub(crate) trust: &'a TrustSnapshot,
    pub(crate) evidence: &'a EvidenceSet,
    pub(crate) policy: &'a SignaturePolicy,
    pub(crate) registry: &'a AlgorithmRegistry,
    /// Evidence produced later is ignored.
    pub(crate) known_until: Option<Timestamp>,
    /// Operations that timestamps leave.
    reserved: u32,
    evaluator: Evaluator<'a>,
}

/// The findings for one moment.
#[derive(Debug, Clone)]
pub(crate) struct Moment {
    pub(crate) chain: ChainCheck,
    pub(crate) validity: Check,
    pub(crate) revocation: Vec<RevocationCheck>,
    /// The weakest algorithm of the path at the time.
    pub(crate) algorithms: Check,
    /// Every algorithm of the path, target first.
    pub(crate) algorithms_used: Vec<AlgorithmUse>,
}

impl<'a> Validator<'a> {
    pub(crate) const fn new(
        trust: &'a TrustSnapshot,
        evidence: &'a EvidenceSet,
        policy: &'a SignaturePolicy,
        registry: &'a AlgorithmRegistry,
        known_until: Option<Timestamp>,
    ) -> Self {
        let evaluator = Evaluator::new(trust, evidence, policy, registry, known_until, SIGNATURE_OPERATIONS_MAX);
        Self { trust, evidence, policy, registry, known_until, reserved: 0, evaluator }
    }

    /// The same with operations that only signatures may take.
    pub(crate) const fn reserving_for_signatures(mut self) -> Self {
        self.reserved = SIGNATURE_OPERATIONS_RESERVED;
        self
    }

    /// Takes some of the signature operations that a report may cost.
    pub(crate) const fn take_operations(&mut self, count: u32) -> bool {
        match self.evaluator.operations.checked_sub(count) {
            Some(left) => {
                self.evaluator.operations = left;
                true
            }
            None => false,
        }
    }

    /// Runs something about a timestamp over another pool, with what operations it may take; the rest is the signatures'.
    pub(crate) fn for_timestamp<T>(&mut self, evidence: &EvidenceSet, run: impl FnOnce(&mut Validator<'_>) -> T) -> T {
        let given = self.evaluator.operations.saturating_sub(self.reserved);
        let mut inner = Validator {
            trust: self.trust,
            evidence,
            policy: self.policy,
            registry: self.registry,
            known_until: self.known_until,
            reserved: 0,
            evaluator: self.evaluator.over(evidence, given),
        };
        let result = run(&mut inner);
        let spent = given.saturating_sub(inner.evaluator.operations);
        self.evaluator.operations = self.evaluator.operations.saturating_sub(spent);
        self.evaluator.learn(inner.evaluator);
        result
    }

    /// Finds the paths that hold, until one is in force at all the times.
    pub(crate) fn paths(
        &mut self,
        target: &Arc<Certificate>,
        times: &[Timestamp],
    ) -> Result<Vec<CertificationPath>, PathError> {
        let pool: Vec<Arc<Certificate>> =
            self.trust.intermediates().iter().chain(self.evidence.certificates()).cloned().collect();
        let (trust, accept_test) = (self.trust, self.policy.accept_test_hierarchy);
        let mut enough = |path: &CertificationPath| {
            let counts = |at: &Timestamp| trust.judge(path.certificates(), *at, accept_test).verdict().is_passed();
            times.iter().all(counts)
        };
        path::find(
            target,
            &pool,
            self.trust.anchors(),
            self.registry,
            &PathSettings::default(),
            &mut self.evaluator.operations,
            &mut enough,
        )
    }

    /// The revocation statuses at another moment, of the path that was looked at for one.
    pub(crate) fn statuses(
        &mut self,
        paths: &Result<Vec<CertificationPath>, PathError>,
        moment: &Moment,
        at: Timestamp,
    ) -> Vec<RevocationCheck> {
        let looked_at = |path: &&CertificationPath| {
            path.certificates().iter().map(|certificate| certificate.digest()).eq(moment.chain.path.iter().copied())
        };
        let path = paths.iter().flatten().find(looked_at);
        path.map(|path| self.evaluator.path(path.certificates(), at)).unwrap_or_default()
    }

    /// What is said of a path at a moment: trust and validity of everything above the target.
    fn judge(&self, path: &CertificationPath, at: Timestamp) -> Check {
        self.trust.judge(path.certificates(), at, self.policy.accept_test_hierarchy)
    }

    /// Looks at the paths at one moment: the first that counts then, else the first.
    pub(crate) fn at(
        &mut self,
        target: &Certificate,
        paths: &Result<Vec<CertificationPath>, PathError>,
        at: Timestamp,
    ) -> Moment {
        let validity = validity(target, at);
        let path = match paths {
            Ok(paths) => {
                let counts = |path: &&CertificationPath| self.judge(path, at).verdict().is_passed();
                paths.iter().find(counts).or_else(|| paths.first())
            }
            Err(_) => None,
        };
        let Some(path) = path else {
            let check = paths.as_ref().err().map_or_else(|| path_check(&PathError::NoPath), path_check);
            let not_reached = Check::indeterminate(codes::NOT_REACHED, SubCode::NoCertificateChainFound);
            return Moment {
                chain: ChainCheck::without_path(check),
                validity,
                revocation: Vec::new(),
                algorithms: not_reached,
                algorithms_used: Vec::new(),
            };
        };
        let digests: Vec<_> = path.certificates().iter().map(|certificate| certificate.digest()).collect();
        let revocation = self.evaluator.path(path.certificates(), at);
        let signed = digests.iter().zip(path.algorithms());
        let algorithms_used = signed.map(|(digest, verified)| AlgorithmUse::of(Some(*digest), verified)).collect();
        let algorithms = path.algorithms().iter().map(|verified| self.policy.algorithm(verified, at));
        let algorithms = weakest(algorithms);
        let ending = self.trust.ending(path.certificates());
        let chain = ChainCheck {
            check: self.judge(path, at),
            path: digests,
            hierarchy: ending.hierarchy,
            authority: ending.authority,
        };
        Moment { chain, validity, revocation, algorithms, algorithms_used }
    }
}

/// The worst of several checks; a pass when there is none.
pub(crate) fn weakest(checks: impl IntoIterator<Item = Check>) -> Check {
    checks.into_iter().fold(Check::pass(), |worst, next| {
        let worse = next.outcome > worst.outcome || worst.detail.is_none() && next.outcome == worst.outcome;
        if worse { next } else { worst }
    })
}

fn validity(certificate: &Certificate, at: Timestamp) -> Check {
    let (from, until) = (certificate.not_before(), certificate.not_after());
    let check = if certificate.in_force_at(at) {
        return Check::pass();
    } else if at < from {
        Check::fail(codes::NOT_YET_VALID, SubCode::NotYetValid)
    } else {
        Check::fail(codes::EXPIRED, SubCode::Expired)
    };
    check.with_detail(format!("valid from {from} until {until}, asked at {at}"))
}

fn path_check(error: &PathError) -> Check {
    let broken = SubCode::ChainConstraintsFailure;
    let missing = SubCode::NoCertificateChainFound;
    let check = match error {
        PathError::NoPath => Check::indeterminate(codes::NO_PATH, missing),
        PathError::Limit => Check::indeterminate(codes::PATH_LIMIT, missing),
        PathError::Unsupported { .. } => Check::indeterminate(codes::UNSUPPORTED_ALGORITHM, missing),
        PathError::Signature { .. } => Check::fail(codes::PATH_SIGNATURE, broken),
        PathError::Forbidden { .. } => Check::fail(codes::WEAK_DIGEST, SubCode::CryptoConstraintsFailure),
        PathError::NameConstraint => Check::fail(codes::PATH_NAME_CONSTRAINT, broken),
        PathError::Policy { .. } => Check::fail(codes::PATH_POLICY, broken),
        PathError::CriticalExtension => Check::fail(codes::PATH_CRITICAL_EXTENSION, broken),
        PathError::Constraint { .. } => Check::fail(codes::PATH_CONSTRAINT, broken),
    };
    check.with_detail(error.to_string())
}

/// Whether the certificate may sign documents (pki.md section 5, pitfall 15).
pub(crate) fn key_usage(certificate: &Certificate, policy: &SignaturePolicy) -> Check {
    let purpose = certificate.purpose();
    if purpose != super::certificate::Purpose::Signing {
        return Check::fail(codes::KEY_USAGE, SubCode::SigConstraintsFailure)
            .with_detail(format!("the certificate is for {purpose:?}"));
    }
    if policy.require_content_commitment && !certificate.has_content_commitment() {
        return Check::fail(codes::KEY_USAGE, SubCode::SigConstraintsFailure).with_detail("no nonRepudiation");
    }
    Check::pass()
}

/// The verdict of one moment: path, validity and revocation of every certificate.
pub(crate) fn verdicts(moment: &Moment) -> impl Iterator<Item = super::report::Verdict> {
    let status = moment.revocation.iter().map(|status| status.check.verdict());
    [moment.chain.check.verdict(), moment.validity.verdict()].into_iter().chain(status)
}
