//! OCSP answers as evidence: who may give one, and whether it is about the certificate (RFC 6960 4.2.2; pki.md
//! section 5, pitfall 12).

use std::sync::Arc;

use const_oid::ObjectIdentifier;

use super::statement::{Findings, Says, Statement};
use super::{Evaluator, Question, is_known, unusable};
use crate::digest::Digest;
use crate::pki::certificate::Certificate;
use crate::pki::crl::{Reasons, Revoked};
use crate::pki::limits::{EVIDENCE_SIGNERS_MAX, REVOCATION_DEPTH_MAX};
use crate::pki::ocsp::{AnswerStatus, OcspResponse, SingleAnswer};
use crate::pki::report::{Check, RevocationSource, RevocationStatus};

/// id-pkix-ocsp-nocheck (RFC 6960 4.2.2.2.1): the CA vouches for the responder until its certificate runs out.
const NO_CHECK: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1.5");
/// Critical extensions of a responder's certificate that are looked at or say nothing against answering.
const KNOWN: [ObjectIdentifier; 6] = [
    NO_CHECK,
    ObjectIdentifier::new_unwrap("2.5.29.15"),
    ObjectIdentifier::new_unwrap("2.5.29.19"),
    ObjectIdentifier::new_unwrap("2.5.29.32"),
    ObjectIdentifier::new_unwrap("2.5.29.37"),
    ObjectIdentifier::new_unwrap("2.5.29.17"),
];

impl Evaluator<'_> {
    /// Collects what the OCSP answers say.
    pub(super) fn ask_answers(&mut self, question: &Question<'_>, findings: &mut Findings) {
        let (evidence, registry, known_until) = (self.evidence, self.registry, self.known_until);
        let known = |(response, _): &(&Arc<OcspResponse>, bool)| is_known(response.produced_at(), known_until);
        for (response, carried) in evidence.ocsp_responses_by_origin().filter(known) {
            let about: Vec<&SingleAnswer> = response.about(question.certificate, question.issuer, registry).collect();
            if about.is_empty() {
                continue;
            }
            let signer = match self.about_evidence(carried, |this| this.responder(response, question)) {
                Ok(signer) => signer,
                Err(check) => {
                    findings.refuse(check, response.digest());
                    continue;
                }
            };
            for answer in about {
                match response.unusable().or(answer.unusable) {
                    Some(why) => findings.contest(revoked(answer), unusable(why), response.digest()),
                    None => findings.statements.push(statement(response, answer, signer, question)),
                }
            }
        }
    }

    /// The responder that signed the answer: the issuer itself (none is returned), or a certificate issued for that
    /// by the same key.
    fn responder(&mut self, response: &OcspResponse, question: &Question<'_>) -> Result<Option<Digest>, Check> {
        let issuer = question.issuer;
        let mut refusal = unusable("the responder's certificate is not there");
        if response.names_responder(issuer) {
            if issuer.in_force_at(response.produced_at()) {
                match self.answer_signature(response, issuer) {
                    Ok(()) => return Ok(None),
                    Err(check) => refusal = check,
                }
            } else {
                refusal = unusable("answered outside the validity of the issuer");
            }
        }
        let (trust, evidence) = (self.trust, self.evidence);
        let pool = response.certificates().iter().chain(evidence.certificates()).chain(trust.intermediates());
        let mut tried: Vec<Digest> = Vec::new();
        for candidate in pool.filter(|candidate| *candidate != issuer && response.names_responder(candidate)) {
            if tried.contains(&candidate.digest()) {
                continue;
            }
            if tried.len() == EVIDENCE_SIGNERS_MAX {
                break;
            }
            tried.push(candidate.digest());
            match self.may_answer(candidate, response, question) {
                Ok(()) => return Ok(Some(candidate.digest())),
                Err(check) => refusal = check,
            }
        }
        Err(refusal)
    }

    fn answer_signature(&mut self, response: &OcspResponse, signer: &Certificate) -> Result<(), Check> {
        self.verify(response.digest(), signer, response.produced_at(), |registry| response.verify(signer, registry))
    }

    /// RFC 6960 4.2.2.2: issued by the very CA, for this purpose, in force and not revoked when it answered.
    fn may_answer(
        &mut self,
        responder: &Arc<Certificate>,
        response: &OcspResponse,
        question: &Question<'_>,
    ) -> Result<(), Check> {
        let (issuer, at) = (question.issuer, response.produced_at());
        if responder.issuer() != issuer.subject() {
            return Err(unusable("the responder's certificate is of another CA"));
        }
        if !responder.is_for_ocsp() {
            return Err(unusable("the responder's certificate is not for OCSP"));
        }
        if !responder.in_force_at(at) || !issuer.in_force_at(at) {
            return Err(unusable("answered outside the validity of the responder or of its issuer"));
        }
        if responder.has_unknown_critical_extension(&KNOWN) {
            return Err(unusable("unknown critical extension in the responder's certificate"));
        }
        self.verify_certificate(responder, issuer, at)?;
        self.answer_signature(response, responder)?;
        if responder.extension(&NO_CHECK).is_some() {
            return Ok(());
        }
        if self.visiting.contains(&responder.digest()) {
            return Err(unusable("the responder vouches for itself"));
        }
        if self.visiting.len() == REVOCATION_DEPTH_MAX {
            return Err(unusable("evidence about evidence, too deep"));
        }
        self.visiting.push(responder.digest());
        let inner = Question {
            certificate: responder,
            issuer,
            above: question.above,
            at,
            issuer_revoked: question.issuer_revoked,
        };
        let (status, _) = self.status(&inner);
        self.visiting.pop();
        if status.revocation == RevocationStatus::Good {
            Ok(())
        } else {
            Err(unusable(format!("the responder's status is {}", status.check.code.as_str())))
        }
    }
}

fn revoked(answer: &SingleAnswer) -> Option<Revoked> {
    match answer.status {
        AnswerStatus::Revoked { at, reason, invalidity } => Some(Revoked { at, reason, invalidity }),
        AnswerStatus::Good | AnswerStatus::Unknown => None,
    }
}

fn statement(
    response: &OcspResponse,
    answer: &SingleAnswer,
    signer: Option<Digest>,
    question: &Question<'_>,
) -> Statement {
    let says = match answer.status {
        AnswerStatus::Good => Says::NotRevoked,
        AnswerStatus::Unknown => Says::Unknown,
        AnswerStatus::Revoked { at, reason, invalidity } => Says::Revoked(Revoked { at, reason, invalidity }),
    };
    let not_after = question.certificate.not_after();
    // Nobody knows more than at the time of signing.
    let this_update = answer.this_update.min(response.produced_at());
    Statement {
        source: RevocationSource::Ocsp,
        this_update,
        next_update: answer.next_update,
        produced_at: response.produced_at(),
        signer,
        says,
        released: None,
        reasons: Reasons::ALL,
        // RFC 6960 4.4.4: without an archive cutoff nothing is said about certificates that have run out.
        covers_expiry: this_update.unix_seconds() <= not_after.unix_seconds()
            || answer.archive_cutoff.is_some_and(|cutoff| cutoff <= not_after),
        awaits_delta: false,
        remark: None,
        evidence: vec![response.digest()],
    }
}
