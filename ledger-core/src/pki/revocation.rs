//! Revocation status at a time, from evidence that may have been collected later (pki.md 7.4, last paragraph).
//!
//! Today the evidence is full CRLs; OCSP answers and delta CRLs come into this file. No evidence is never good.

use const_oid::ObjectIdentifier;

use super::alg::{AlgorithmError, AlgorithmRegistry};
use super::certificate::{Certificate, KeyUsage};
use super::crl::{Crl, Revoked};
use super::evidence::EvidenceSet;
use super::policy::SignaturePolicy;
use super::report::{Check, RevocationCheck, RevocationSource, RevocationStatus, SubCode, codes};
use crate::time::Timestamp;

/// `CRLReason` certificateHold (RFC 5280 5.3.1).
const ON_HOLD: u8 = 6;
/// freshestCRL (RFC 5280 4.2.1.15): every user certificate of the national authority has it.
const FRESHEST_CRL: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.46");

/// What a status is made from.
#[derive(Debug, Clone, Copy)]
pub struct StatusInput<'a> {
    /// The certificate in question.
    pub certificate: &'a Certificate,
    /// The certificate of its issuer, as the path has it.
    pub issuer: &'a Certificate,
    /// Everything collected.
    pub evidence: &'a EvidenceSet,
    /// The rules.
    pub policy: &'a SignaturePolicy,
    /// The algorithms.
    pub registry: &'a AlgorithmRegistry,
    /// The moment asked about.
    pub at: Timestamp,
    /// Evidence produced later than this is ignored.
    pub known_until: Option<Timestamp>,
}

/// The status of a trust anchor, which is a decision and needs none.
pub fn of_trust_anchor(anchor: &Certificate) -> RevocationCheck {
    RevocationCheck {
        certificate: anchor.digest(),
        revocation: RevocationStatus::TrustAnchor,
        source: RevocationSource::NoCheck,
        this_update: None,
        next_update: None,
        check: Check::not_applicable(codes::TRUST_ANCHOR),
        evidence: Vec::new(),
    }
}

/// The status of a certificate at a moment. `operations` is what is left of signature operations.
pub fn status(input: &StatusInput<'_>, operations: &mut u32) -> RevocationCheck {
    let mut obstacle = None;
    let mut contested = None;
    let mut usable: Vec<(&Crl, Option<Revoked>)> = Vec::new();
    for crl in input.evidence.crls() {
        if input.known_until.is_some_and(|until| crl.this_update() > until) {
            continue;
        }
        let listed = || crl.find(input.certificate.serial());
        match admit(crl, input, operations) {
            Admission::Foreign => {}
            Admission::Usable => usable.push((crl, listed())),
            Admission::Mute(check) => {
                let check = check.with_evidence(vec![crl.digest()]);
                if listed().is_some_and(|revoked| revoked.at <= input.at) {
                    contested = contested.or_else(|| Some(check.clone()));
                }
                obstacle = obstacle.or(Some(check));
            }
            Admission::Unproven(check) => obstacle = obstacle.or(Some(check.with_evidence(vec![crl.digest()]))),
        }
    }
    // Newest first.
    usable.sort_by_key(|(crl, _)| std::cmp::Reverse(crl.this_update()));
    let result = |revocation, crl: &Crl, check: Check| RevocationCheck {
        certificate: input.certificate.digest(),
        revocation,
        source: RevocationSource::Crl,
        this_update: Some(crl.this_update()),
        next_update: crl.next_update(),
        check,
        evidence: vec![crl.digest()],
    };

    if let Some((crl, revoked)) = revoked_for_good(&usable, input.at) {
        let status =
            RevocationStatus::Revoked { at: revoked.at, reason: revoked.reason, invalidity: revoked.invalidity };
        let detail = format!("revoked at {}, reason {}", revoked.at, revoked.reason);
        return result(status, crl, Check::fail(codes::REVOKED, SubCode::Revoked).with_detail(detail));
    }
    if contested.is_some() {
        // The issuer says something about this very certificate in a form that is not understood here (a delta, some
        // reasons only): what the other lists say is then not the whole truth.
        return unknown(input, None, contested);
    }
    if let Some((crl, hold)) = on_hold(&usable, input.at) {
        let check = Check::fail(codes::ON_HOLD, SubCode::Revoked).with_detail(format!("on hold since {}", hold.at));
        return result(RevocationStatus::OnHold { at: hold.at }, crl, check);
    }
    for (crl, listed) in &usable {
        if !proves_good(crl, listed.as_ref(), input) {
            continue;
        }
        // The issuer revoked later and says that the key must be thought compromised from before the time asked.
        let suspect =
            usable.iter().filter_map(|(_, listed)| listed.as_ref()?.invalidity).any(|since| since <= input.at);
        let fresher = crl.this_update() < input.at && input.certificate.extension(&FRESHEST_CRL).is_some();
        let check = match (suspect, fresher) {
            (true, _) => Check::warning(codes::INVALIDITY_DATE),
            (false, true) => Check::warning(codes::FRESHEST_CRL_ABSENT),
            (false, false) => Check::pass(),
        };
        return result(RevocationStatus::Good, crl, check);
    }
    unknown(input, usable.first().map(|(crl, _)| *crl), obstacle)
}

fn unknown(input: &StatusInput<'_>, newest: Option<&Crl>, obstacle: Option<Check>) -> RevocationCheck {
    let mut check = match (newest, obstacle) {
        (Some(crl), _) => {
            Check::indeterminate(codes::REVOCATION_NOT_CURRENT, SubCode::TryLater).with_evidence(vec![crl.digest()])
        }
        (None, Some(obstacle)) => obstacle,
        (None, None) => Check::indeterminate(codes::NO_REVOCATION_EVIDENCE, SubCode::TryLater),
    };
    if !input.policy.require_revocation {
        check = Check::warning(codes::REVOCATION_NOT_REQUIRED)
            .with_detail(check.code.as_str())
            .with_evidence(check.evidence);
    }
    RevocationCheck {
        certificate: input.certificate.digest(),
        revocation: RevocationStatus::Unknown,
        source: RevocationSource::None,
        this_update: newest.map(Crl::this_update),
        next_update: newest.and_then(Crl::next_update),
        check,
        evidence: Vec::new(),
    }
    .flattened()
}

/// What a CRL is worth for a certificate.
enum Admission {
    /// From another issuer, or under another key.
    Foreign,
    /// It is the issuer's, and speaks about the certificate.
    Usable,
    /// It is the issuer's, and its scope or an extension keeps it from proving anything.
    Mute(Check),
    /// It might have helped, had its origin been provable.
    Unproven(Check),
}

/// Looks at issuer, authority, signature and scope (pitfall 13).
fn admit(crl: &Crl, input: &StatusInput<'_>, operations: &mut u32) -> Admission {
    let issuer = input.issuer;
    if crl.issuer() != input.certificate.issuer() || crl.names_another_key(issuer) {
        return Admission::Foreign;
    }
    let unusable =
        |detail: &str| Check::indeterminate(codes::REVOCATION_UNUSABLE, SubCode::TryLater).with_detail(detail);
    if issuer.key_usage().is_some_and(|usage| !usage.has(KeyUsage::CRL_SIGN)) {
        return Admission::Unproven(unusable("the issuer may not sign lists"));
    }
    if !issuer.in_force_at(crl.this_update()) {
        return Admission::Unproven(unusable("issued outside the validity of the issuer"));
    }
    let Some(left) = operations.checked_sub(1) else {
        return Admission::Unproven(unusable("limit of signature operations"));
    };
    *operations = left;
    match crl.verify(issuer, input.registry) {
        Ok(()) => {}
        Err(AlgorithmError::Unsupported { oid }) => {
            let check = Check::indeterminate(codes::UNSUPPORTED_ALGORITHM, SubCode::TryLater);
            return Admission::Unproven(check.with_detail(oid));
        }
        Err(error) => return Admission::Unproven(unusable(&error.to_string())),
    }
    match crl.unusable() {
        Some(why) => Admission::Mute(unusable(why)),
        None if crl.covers(input.certificate) => Admission::Usable,
        None => Admission::Mute(unusable("out of scope")),
    }
}

/// An entry that no later list can take back: of contradicting lists the worse one counts.
fn revoked_for_good<'a>(usable: &[(&'a Crl, Option<Revoked>)], at: Timestamp) -> Option<(&'a Crl, Revoked)> {
    usable
        .iter()
        .filter_map(|(crl, listed)| listed.map(|revoked| (*crl, revoked)))
        .find(|(_, revoked)| revoked.reason != ON_HOLD && revoked.at <= at)
}

/// A hold counts while it lasts: it was on at the time when a list of that time or later shows it with an earlier
/// date; else the newest list up to the time decides.
fn on_hold<'a>(usable: &[(&'a Crl, Option<Revoked>)], at: Timestamp) -> Option<(&'a Crl, Revoked)> {
    let held = |listed: &Option<Revoked>| listed.filter(|hold| hold.reason == ON_HOLD && hold.at <= at);
    let lasting = usable.iter().find(|(crl, listed)| crl.this_update() >= at && held(listed).is_some());
    let latest = || usable.iter().find(|(crl, _)| crl.this_update() <= at);
    let (crl, listed) = lasting.or_else(latest)?;
    held(listed).map(|hold| (*crl, hold))
}

fn proves_good(crl: &Crl, listed: Option<&Revoked>, input: &StatusInput<'_>) -> bool {
    let at = input.at;
    let window_ms = input.policy.revocation_window_seconds.saturating_mul(1000);
    if crl.this_update() >= at {
        // Listed with a later date is as good as not listed; a list after expiry may have dropped the certificate.
        return listed.is_some_and(|revoked| revoked.at > at) || crl.covers_expiry(input.certificate.not_after());
    }
    match crl.next_update() {
        Some(next) => at <= next,
        None => at <= crl.this_update().plus_ms(window_ms),
    }
}
