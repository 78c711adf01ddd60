//! Weighs the statements about one certificate at one moment (pki.md 7.4, last paragraph).
//!
//! In this order: a revocation for good that had begun; evidence against the certificate that is not understood; a
//! hold that lasted; proof that nothing of the kind was known. Else the status is unknown.

use std::cmp::Reverse;

use super::Question;
use super::statement::{Findings, Says, Statement};
use crate::pki::crl::{Reasons, Revoked};
use crate::pki::policy::SignaturePolicy;
use crate::pki::report::{Check, RevocationCheck, RevocationSource, RevocationStatus, SubCode, codes};
use crate::time::Timestamp;

pub(super) fn judge(findings: &Findings, question: &Question<'_>, policy: &SignaturePolicy) -> RevocationCheck {
    let case = Case { statements: newest_first(findings), question, policy };
    if let Some((statement, revoked)) = case.revoked_for_good() {
        let status =
            RevocationStatus::Revoked { at: revoked.at, reason: revoked.reason, invalidity: revoked.invalidity };
        let code = if case.is_contradicted(statement) { codes::REVOCATION_CONTRADICTION } else { codes::REVOKED };
        let detail = format!("revoked at {}, reason {}", revoked.at, revoked.reason);
        return case.result(status, statement, Check::fail(code, SubCode::Revoked).with_detail(detail));
    }
    if let Some((_, check)) = findings.contested.iter().find(|(since, _)| case.has_begun(*since)) {
        return case.unknown(check.clone());
    }
    if let Some((statement, hold)) = case.on_hold() {
        let check = Check::fail(codes::ON_HOLD, SubCode::Revoked).with_detail(format!("on hold since {}", hold.at));
        return case.result(RevocationStatus::OnHold { at: hold.at }, statement, check);
    }
    case.good().unwrap_or_else(|| case.unknown(case.shortage(findings)))
}

struct Case<'c> {
    /// Newest first; of one time in the order found.
    statements: Vec<&'c Statement>,
    question: &'c Question<'c>,
    policy: &'c SignaturePolicy,
}

fn newest_first(findings: &Findings) -> Vec<&Statement> {
    let mut statements: Vec<&Statement> = findings.statements.iter().collect();
    statements.sort_by_key(|statement| Reverse(statement.this_update));
    statements
}

impl<'c> Case<'c> {
    /// Whether a revocation of that date holds at the moment asked. A date before the certificate existed (1970, for
    /// some authorities) says that it never was good.
    fn has_begun(&self, date: Timestamp) -> bool {
        date <= self.question.at || date < self.question.certificate.not_before()
    }

    fn listed(statement: &Statement) -> Option<Revoked> {
        match statement.says {
            Says::Revoked(revoked) => Some(revoked),
            Says::NotRevoked | Says::Unknown => None,
        }
    }

    /// A revocation that nothing later can take back: of contradicting statements the worse one counts.
    fn revoked_for_good(&self) -> Option<(&'c Statement, Revoked)> {
        let all = self.statements.iter().filter_map(|statement| Some((*statement, Self::listed(statement)?)));
        all.into_iter().find(|(_, revoked)| !revoked.is_hold() && self.has_begun(revoked.at))
    }

    /// Whether something that is as new or newer, and would know, does not say that it is revoked.
    fn is_contradicted(&self, revoking: &Statement) -> bool {
        self.statements.iter().any(|other| {
            other.says == Says::NotRevoked
                && other.this_update >= revoking.this_update
                && other.covers_expiry
                && other.reasons == Reasons::ALL
        })
    }

    /// A hold counts while it lasts: it was on at the moment when a statement of that time or later shows it with an
    /// earlier date; else the newest statements up to the moment decide, unless a later one dates the end before it.
    fn on_hold(&self) -> Option<(&'c Statement, Revoked)> {
        let held = |statement: &'c Statement| {
            let hold = Self::listed(statement).filter(|hold| hold.is_hold() && self.has_begun(hold.at))?;
            Some((statement, hold))
        };
        let at = self.question.at;
        let told = || self.statements.iter().copied().filter(|one| one.reasons.has_hold() && one.says != Says::Unknown);
        if let Some(lasting) = told().filter(|statement| statement.this_update >= at).find_map(held) {
            return Some(lasting);
        }
        let latest = told().find(|statement| statement.this_update <= at)?.this_update;
        let ended = |hold: Revoked| {
            let mut ends = self.statements.iter().filter_map(|statement| statement.released);
            ends.any(|end| hold.at < end && end <= at)
        };
        told().filter(|one| one.this_update == latest).find_map(held).filter(|(_, hold)| !ended(*hold))
    }

    /// Proof that it was not revoked: by one statement for all reasons, or by several that share the reasons.
    fn good(&self) -> Option<RevocationCheck> {
        let proofs: Vec<&Statement> = self.statements.iter().copied().filter(|one| self.proves_good(one)).collect();
        let whole = |statement: &&&Statement| statement.reasons == Reasons::ALL;
        let plain = proofs.iter().filter(whole).find(|statement| self.remark(statement).is_none());
        if let Some(statement) = plain.or_else(|| proofs.iter().find(whole)) {
            return Some(self.result(RevocationStatus::Good, statement, self.good_check(statement)));
        }
        let covered = proofs.iter().fold(Reasons::NONE, |sum, statement| sum.or(statement.reasons));
        // Newest first: the last one is the oldest, and the whole is no newer than that.
        let oldest = proofs.last().filter(|_| covered == Reasons::ALL)?;
        let mut result = self.result(RevocationStatus::Good, oldest, self.good_check(oldest));
        result.evidence = proofs.iter().flat_map(|statement| statement.evidence.iter().copied()).collect();
        result.evidence.dedup();
        Some(result)
    }

    fn proves_good(&self, statement: &Statement) -> bool {
        let at = self.question.at;
        let listed = match statement.says {
            Says::NotRevoked => false,
            // Listed with a later date is as good as not listed.
            Says::Revoked(revoked) if !self.has_begun(revoked.at) => true,
            Says::Revoked(_) | Says::Unknown => return false,
        };
        // A key that was revoked can be made to say anything afterwards.
        if self.question.issuer_revoked.is_some_and(|since| since <= statement.produced_at) {
            return false;
        }
        if self.is_doubted(statement) {
            return false;
        }
        if statement.this_update >= at {
            // Evidence made after the certificate ran out may not know it any more.
            return listed || statement.covers_expiry;
        }
        let window_ms = self.policy.revocation_window_seconds.saturating_mul(1000);
        match statement.next_update {
            Some(next) => at <= next,
            None => at <= statement.this_update.plus_ms(window_ms),
        }
    }

    /// An answer `unknown` of the same time, or of a later time while this one only promised to be right until the
    /// moment asked, takes its force.
    fn is_doubted(&self, statement: &Statement) -> bool {
        let promised = statement.this_update < self.question.at;
        self.statements.iter().filter(|other| other.says == Says::Unknown).any(|other| {
            other.this_update == statement.this_update || promised && other.this_update > statement.this_update
        })
    }

    fn good_check(&self, statement: &Statement) -> Check {
        match self.remark(statement) {
            Some((code, detail)) => Check::warning(code).with_detail(detail),
            None => Check::pass(),
        }
    }

    /// What a person should know about a certificate that was good.
    fn remark(&self, statement: &Statement) -> Option<(&'static str, String)> {
        let at = self.question.at;
        // The issuer revoked later and says that the key must be thought compromised from before the moment asked.
        let suspect = self.statements.iter().filter_map(|one| Self::listed(one)?.invalidity).find(|since| *since <= at);
        if let Some(since) = suspect {
            return Some((codes::INVALIDITY_DATE, format!("thought compromised since {since}")));
        }
        if statement.awaits_delta && statement.this_update < at {
            return Some((codes::FRESHEST_CRL_ABSENT, String::new()));
        }
        statement.remark.clone()
    }

    fn result(&self, revocation: RevocationStatus, statement: &Statement, check: Check) -> RevocationCheck {
        RevocationCheck {
            certificate: self.question.certificate.digest(),
            revocation,
            source: statement.source,
            this_update: Some(statement.this_update),
            next_update: statement.next_update,
            produced_at: (statement.source == RevocationSource::Ocsp).then_some(statement.produced_at),
            responder: statement.signer,
            check,
            evidence: statement.evidence.clone(),
        }
    }

    /// Why there is neither proof for the certificate nor against it.
    fn shortage(&self, findings: &Findings) -> Check {
        let newest = self.statements.first();
        let unknown = |newest: &Statement| {
            self.statements.iter().any(|one| one.says == Says::Unknown && one.this_update == newest.this_update)
        };
        let code = match (newest, &findings.obstacle) {
            (Some(newest), _) if unknown(newest) => codes::OCSP_UNKNOWN,
            (Some(_), _) => codes::REVOCATION_NOT_CURRENT,
            (None, Some(obstacle)) => return obstacle.clone(),
            (None, None) => codes::NO_REVOCATION_EVIDENCE,
        };
        let evidence = newest.map(|newest| newest.evidence.clone()).unwrap_or_default();
        Check::indeterminate(code, SubCode::TryLater).with_evidence(evidence)
    }

    fn unknown(&self, mut check: Check) -> RevocationCheck {
        if !self.policy.require_revocation {
            check = Check::warning(codes::REVOCATION_NOT_REQUIRED)
                .with_detail(check.code.as_str())
                .with_evidence(check.evidence);
        }
        let newest = self.statements.first();
        RevocationCheck {
            certificate: self.question.certificate.digest(),
            revocation: RevocationStatus::Unknown,
            source: RevocationSource::None,
            this_update: newest.map(|newest| newest.this_update),
            next_update: newest.and_then(|newest| newest.next_update),
            produced_at: None,
            responder: None,
            check,
            evidence: Vec::new(),
        }
        .flattened()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::pki::certificate::Certificate;

    fn read(name: &str) -> Arc<Certificate> {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/pki-suites/revtime/");
        Arc::new(Certificate::parse(&std::fs::read(format!("{root}{name}")).unwrap()).unwrap())
    }

    fn day(text: &str) -> Timestamp {
        format!("{text}T00:00:00.000Z").parse().unwrap()
    }

    /// Made on a day, with nothing promised for later.
    fn made(on: &str, says: Says) -> Statement {
        Statement {
            source: RevocationSource::Crl,
            this_update: day(on),
            next_update: Some(day(on)),
            produced_at: day(on),
            signer: None,
            says,
            released: None,
            reasons: Reasons::ALL,
            covers_expiry: true,
            awaits_delta: false,
            remark: None,
            evidence: Vec::new(),
        }
    }

    fn revoked(on: &str, reason: u8) -> Says {
        Says::Revoked(Revoked { at: day(on), reason, invalidity: None })
    }

    /// What the statements come to on the 15th of May, for a certificate of 2026.
    #[track_caller]
    fn check(statements: Vec<Statement>, code: &str) {
        check_under(statements, None, code);
    }

    #[track_caller]
    fn check_under(statements: Vec<Statement>, issuer_revoked: Option<Timestamp>, code: &str) {
        let (certificate, issuer) = (read("Good.der"), read("Issuing_CA.der"));
        let above = [Arc::clone(&issuer)];
        let question = Question {
            certificate: &certificate,
            issuer: &issuer,
            above: &above,
            at: day("2026-05-15"),
            issuer_revoked,
        };
        let policy = SignaturePolicy::default_2026();
        let mut findings = Findings { statements, ..Findings::default() };
        let forward = judge(&findings, &question, &policy);
        assert_eq!(forward.check.code.as_str(), code, "{forward:?}");
        findings.statements.reverse();
        assert_eq!(judge(&findings, &question, &policy).check.code.as_str(), code, "in the other order");
    }

    const GOOD: Says = Says::NotRevoked;
    const HOLD: u8 = 6;

    /// Pitfall 14: nothing, or nothing that covers the time, is not good.
    #[test]
    fn silence_and_old_news_are_not_good() {
        check(vec![], codes::NO_REVOCATION_EVIDENCE);
        check(vec![made("2026-05-14", GOOD)], codes::REVOCATION_NOT_CURRENT);
        check(vec![made("2026-06-01", Says::Unknown)], codes::OCSP_UNKNOWN);
        let promised = Statement { next_update: Some(day("2026-05-16")), ..made("2026-05-14", GOOD) };
        check(vec![promised.clone()], codes::OK);
        check(vec![promised.clone(), made("2026-05-15", Says::Unknown)], codes::OCSP_UNKNOWN);
        // Long afterwards a responder forgets; what was proven stays proven.
        check(vec![made("2026-05-20", GOOD), made("2027-05-20", Says::Unknown)], codes::OK);
        let expired = Statement { covers_expiry: false, ..made("2026-06-01", GOOD) };
        check(vec![expired], codes::REVOCATION_NOT_CURRENT);
    }

    #[test]
    fn evidence_without_next_update_counts_for_the_window_of_the_policy() {
        let open = |on| Statement { next_update: None, ..made(on, GOOD) };
        check(vec![open("2026-05-12")], codes::OK);
        check(vec![open("2026-05-11")], codes::REVOCATION_NOT_CURRENT);
    }

    /// Some authorities write 1970 for a certificate that was never put in force.
    #[test]
    fn a_revocation_dated_before_the_certificate_always_holds() {
        check(vec![made("2026-06-01", revoked("1970-01-01", 4))], codes::REVOKED);
        check(vec![made("2026-06-01", revoked("1970-01-01", HOLD))], codes::ON_HOLD);
        check(vec![made("2026-05-14", revoked("1970-01-01", 4))], codes::REVOKED);
    }

    #[test]
    fn a_revocation_for_good_is_never_taken_back_and_contradictions_show() {
        let bad = made("2026-05-01", revoked("2026-04-30", 1));
        check(vec![bad.clone()], codes::REVOKED);
        check(vec![bad.clone(), made("2026-04-30", GOOD)], codes::REVOKED);
        check(vec![bad.clone(), made("2026-06-01", GOOD)], codes::REVOCATION_CONTRADICTION);
        check(vec![bad, made("2026-05-01", GOOD)], codes::REVOCATION_CONTRADICTION);
        check(vec![made("2026-06-01", revoked("2026-05-16", 1))], codes::OK);
    }

    #[test]
    fn a_hold_counts_while_it_lasts() {
        let held = |made_on| made(made_on, revoked("2026-05-01", HOLD));
        let current = Statement { next_update: Some(day("2026-05-20")), ..made("2026-05-12", GOOD) };
        check(vec![held("2026-05-10"), current.clone()], codes::OK);
        check(vec![held("2026-05-16"), current], codes::ON_HOLD);
        check(vec![held("2026-05-10"), made("2026-05-20", GOOD)], codes::ON_HOLD);
        // The end is known by its date, before or after the moment asked.
        let ended = |on| Statement { released: Some(day(on)), ..made("2026-05-20", GOOD) };
        check(vec![held("2026-05-10"), ended("2026-05-15")], codes::OK);
        check(vec![held("2026-05-10"), ended("2026-05-16")], codes::ON_HOLD);
        // Of the same time: the worse one counts.
        check(vec![held("2026-05-14"), made("2026-05-14", GOOD)], codes::ON_HOLD);
    }

    #[test]
    fn lists_for_some_reasons_prove_good_only_together() {
        let some = |bits| Statement { reasons: Reasons::from_bits(bits), ..made("2026-05-20", GOOD) };
        check(vec![some(0x6000), some(0x1f80)], codes::OK);
        check(vec![some(0x6000), some(0x1f00)], codes::REVOCATION_NOT_CURRENT);
        check(vec![some(0x6000)], codes::REVOCATION_NOT_CURRENT);
    }

    #[test]
    fn what_an_issuer_says_after_its_own_revocation_may_accuse_and_not_clear() {
        let since = Some(day("2026-05-20"));
        check_under(vec![made("2026-05-20", GOOD)], since, codes::REVOCATION_NOT_CURRENT);
        check_under(vec![made("2026-05-19", GOOD)], since, codes::OK);
        check_under(vec![made("2026-06-01", revoked("2026-05-01", 1))], since, codes::REVOKED);
    }
}
