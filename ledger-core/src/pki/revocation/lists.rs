//! CRLs as evidence: who may sign one, what it covers, and how a delta changes its base (RFC 5280 6.3.3; pki.md
//! section 5, pitfall 13).

use std::sync::Arc;

use super::statement::{Findings, Says, Statement};
use super::{Evaluator, Question, is_known, unusable};
use crate::digest::Digest;
use crate::id::KeyId;
use crate::pki::certificate::{Certificate, KeyUsage};
use crate::pki::crl::{Coverage, Crl, DeltaFit, Reasons, Revoked};
use crate::pki::limits::{EVIDENCE_SIGNERS_MAX, REVOCATION_DEPTH_MAX};
use crate::pki::path::{self, PathSettings};
use crate::pki::report::{Check, RevocationSource, codes};
use crate::time::Timestamp;

/// A CRL that is authentic and speaks about the certificate.
struct Admitted<'c> {
    crl: &'c Crl,
    reasons: Reasons,
    signer: Signer,
    listed: Option<Revoked>,
}

/// The key that signed a list, and its certificate when it is not the issuer's of the path.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Signer {
    key: KeyId,
    certificate: Option<Digest>,
}

impl Evaluator<'_> {
    /// Collects what the CRLs say.
    pub(super) fn ask_lists(&mut self, question: &Question<'_>, findings: &mut Findings) {
        let (evidence, known_until) = (self.evidence, self.known_until);
        let (mut full, mut deltas) = (Vec::new(), Vec::new());
        let known = evidence.crls_by_origin().filter(|(crl, _)| is_known(crl.this_update(), known_until));
        for (crl, carried) in known {
            let coverage = crl.coverage(question.certificate);
            if coverage == Coverage::Foreign {
                continue;
            }
            let signer = match self.about_evidence(carried, |this| this.list_signer(crl, question)) {
                Ok(signer) => signer,
                Err(check) => {
                    findings.refuse(check, crl.digest());
                    continue;
                }
            };
            let listed = crl.find(question.certificate);
            match (coverage, crl.unusable_about(listed)) {
                (_, Some(why)) => findings.contest(listed, unusable(why), crl.digest()),
                (Coverage::Covered(reasons), None) => {
                    let admitted = Admitted { crl: crl.as_ref(), reasons, signer, listed };
                    if crl.is_delta() { deltas.push(admitted) } else { full.push(admitted) }
                }
                (Coverage::Foreign | Coverage::OutOfScope, None) => {
                    findings.contest(listed, unusable("out of scope"), crl.digest());
                }
            }
        }
        for delta in &deltas {
            let fits = |base: &&Admitted<'_>| base.signer.key == delta.signer.key;
            let candidates = full.iter().filter(fits);
            let base = candidates
                .map(|base| (base, base.crl.is_base_of(delta.crl)))
                .filter(|(_, fit)| *fit != DeltaFit::No)
                .max_by_key(|(base, fit)| (*fit == DeltaFit::Yes, base.crl.this_update()));
            match base {
                Some((base, fit)) => findings.statements.push(merged(base, delta, fit, question)),
                // A full list that is as new says the same and more.
                None if full.iter().any(|full| {
                    full.signer.key == delta.signer.key && full.crl.this_update() >= delta.crl.this_update()
                }) => {}
                None => findings.contest(delta.listed, unusable("a delta without its base"), delta.crl.digest()),
            }
        }
        findings.statements.extend(full.iter().map(|admitted| alone(admitted, question)));
    }

    /// Finds out who signed a list and whether that key may: the issuer itself, another key of the issuer, or the
    /// issuer of an indirect list that the certificate names.
    fn list_signer(&mut self, crl: &Crl, question: &Question<'_>) -> Result<Signer, Check> {
        let mut refusal = None;
        if crl.issuer() == question.issuer.subject() && !crl.names_another_key(question.issuer) {
            match self.list_signature(crl, question.issuer) {
                Ok(()) => return Ok(Signer { key: question.issuer.key(), certificate: None }),
                Err(check) => refusal = Some(check),
            }
        }
        let (trust, evidence) = (self.trust, self.evidence);
        let pool = trust.anchors().iter().chain(trust.intermediates()).chain(evidence.certificates());
        let candidates = pool.chain(question.above).filter(|candidate| {
            candidate.subject() == crl.issuer()
                && candidate.spki_der() != question.issuer.spki_der()
                && !crl.names_another_key(candidate)
        });
        let mut tried: Vec<Digest> = Vec::new();
        for candidate in candidates {
            if tried.len() == EVIDENCE_SIGNERS_MAX {
                refusal = refusal.or_else(|| Some(unusable("too many certificates of the name of the list's issuer")));
                break;
            }
            if tried.contains(&candidate.digest()) {
                continue;
            }
            tried.push(candidate.digest());
            let trusted =
                self.list_signature(crl, candidate).and_then(|()| self.is_authority(candidate, crl, question));
            match trusted {
                Ok(()) => return Ok(Signer { key: candidate.key(), certificate: Some(candidate.digest()) }),
                // Most telling is what came closest.
                Err(check) => refusal = Some(check),
            }
        }
        Err(refusal.unwrap_or_else(|| unusable("the signer of the list is not there")))
    }

    fn list_signature(&mut self, crl: &Crl, signer: &Certificate) -> Result<(), Check> {
        if signer.key_usage().is_some_and(|usage| !usage.has(KeyUsage::CRL_SIGN)) {
            return Err(unusable("the issuer may not sign lists"));
        }
        if !signer.in_force_at(crl.this_update()) {
            return Err(unusable("issued outside the validity of the issuer"));
        }
        self.verify(crl.digest(), signer, crl.this_update(), |registry| crl.verify(signer, registry))
    }

    /// RFC 5280 6.3.3 (f): another signer needs a path of its own to the anchor of the certificate's path, in force
    /// and good when the list was made.
    fn is_authority(&mut self, signer: &Arc<Certificate>, crl: &Crl, question: &Question<'_>) -> Result<(), Check> {
        let at = crl.this_update();
        let Some(anchor) = question.above.last() else { return Err(unusable("no anchor")) };
        if signer == anchor {
            return Ok(());
        }
        if signer == question.certificate {
            // A signer of indirect lists that its issuer put on no list but its own: were it revoked, that would say
            // so. A key of the issuer itself has other lists, and must not judge itself.
            let appointed = crl.issuer() != question.certificate.issuer();
            return if appointed { Ok(()) } else { Err(unusable("a key that vouches for itself")) };
        }
        if self.visiting.contains(&signer.digest()) {
            return Err(unusable("signers of lists that vouch for each other"));
        }
        if self.visiting.len() == REVOCATION_DEPTH_MAX {
            return Err(unusable("evidence about evidence, too deep"));
        }
        let path = self.path_of_signer(signer, anchor, at)?;
        if crl.issuer() == question.certificate.issuer() && !same_superior(&path, question.above, signer) {
            return Err(unusable("a namesake of the issuer under another authority"));
        }
        self.visiting.push(signer.digest());
        let good = self.is_good(&path, at);
        self.visiting.pop();
        good
    }

    fn path_of_signer(
        &mut self,
        signer: &Arc<Certificate>,
        anchor: &Arc<Certificate>,
        at: Timestamp,
    ) -> Result<Vec<Arc<Certificate>>, Check> {
        let pool: Vec<Arc<Certificate>> =
            self.trust.intermediates().iter().chain(self.evidence.certificates()).cloned().collect();
        let in_force = |path: &[Arc<Certificate>]| path.iter().all(|certificate| certificate.in_force_at(at));
        let found = path::find(
            signer,
            &pool,
            std::slice::from_ref(anchor),
            self.registry,
            &PathSettings::default(),
            &mut self.operations,
            &mut |path| in_force(path.certificates()),
        );
        let paths = found.map_err(|error| unusable(format!("the signer of the list: {error}")))?;
        let mut paths = paths.into_iter().map(|path| path.certificates().to_vec());
        paths.find(|path| in_force(path)).ok_or_else(|| unusable("the signer of the list was not in force"))
    }
}

/// Whether the first authority of another name above the signer is that above the issuer, by name and key: a namesake
/// elsewhere in the hierarchy must not speak for the issuer.
fn same_superior(path: &[Arc<Certificate>], above: &[Arc<Certificate>], signer: &Certificate) -> bool {
    let superior =
        |path: &[Arc<Certificate>]| path.iter().find(|one| one.subject() != signer.subject()).map(Arc::clone);
    match (superior(path), superior(above)) {
        (Some(one), Some(other)) => one.subject() == other.subject() && one.spki_der() == other.spki_der(),
        // All the way up the issuer's own name: the anchor, which is the same.
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    }
}

fn alone(admitted: &Admitted<'_>, question: &Question<'_>) -> Statement {
    let crl = admitted.crl;
    Statement {
        source: RevocationSource::Crl,
        this_update: crl.this_update(),
        next_update: crl.next_update(),
        produced_at: crl.this_update(),
        signer: admitted.signer.certificate,
        says: says(admitted.listed),
        released: None,
        reasons: admitted.reasons,
        covers_expiry: crl.covers_expiry(question.certificate.not_after()),
        awaits_delta: crl.has_delta() || question.certificate.has_delta_crl(),
        remark: None,
        evidence: vec![crl.digest()],
    }
}

/// A base with its delta says what a full list of the delta's time would (RFC 5280 5.2.4).
fn merged(base: &Admitted<'_>, delta: &Admitted<'_>, fit: DeltaFit, question: &Question<'_>) -> Statement {
    let remark = (fit == DeltaFit::OutOfSequence).then(|| (codes::DELTA_OUT_OF_SEQUENCE, String::new()));
    // RFC 5280 does not say which date a removal carries. One later than that of the hold can only be its end; the
    // same date tells nothing.
    let released = match (base.listed, delta.listed) {
        (Some(hold), Some(end)) if hold.is_hold() && end.is_removal() && end.at > hold.at => Some(end.at),
        _ => None,
    };
    Statement {
        source: RevocationSource::CrlWithDelta,
        says: says(delta.listed.or(base.listed)),
        released,
        awaits_delta: false,
        remark,
        evidence: vec![base.crl.digest(), delta.crl.digest()],
        ..alone(delta, question)
    }
}

fn says(listed: Option<Revoked>) -> Says {
    match listed {
        Some(revoked) if !revoked.is_removal() => Says::Revoked(revoked),
        Some(_) | None => Says::NotRevoked,
    }
}
