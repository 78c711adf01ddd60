//! What a report comes to in the words of the domain: its verdict and everything that did not pass.

use serde::Serialize;
use serde_json::Value;

use super::used::recorded;
use crate::canonical::CanonicalError;
use crate::domain::check::{CheckOutcome, Shortfall};
use crate::domain::event::{Signed, Verdict};
use crate::domain::refusal::RefusalCode;
use crate::signature::report::SignatureReport;
use crate::signature::{self, CertificateReport, VerificationReport};

/// The outcome of a check of a CMS, which must have exactly one signer: each hands in a CMS of its own, so that one
/// signature's fate never hangs on another's.
pub fn of_signature(report: &VerificationReport) -> Result<CheckOutcome, CanonicalError> {
    let mut outcome = CheckOutcome {
        verdict: recorded(report.overall),
        shortfalls: shortfalls(report)?,
        report: report.to_canonical_bytes()?,
    };
    if report.signatures.len() > 1 {
        outcome.verdict = Verdict::Failed;
        let (verdict, code) = (Verdict::Failed, "several-signers".to_owned());
        outcome.shortfalls.push(Shortfall { verdict, code, may_settle: false });
    }
    Ok(outcome)
}

/// The outcome of a check of a certificate alone.
pub fn of_certificate(report: &CertificateReport) -> Result<CheckOutcome, CanonicalError> {
    Ok(CheckOutcome {
        verdict: recorded(report.verdict),
        shortfalls: shortfalls(report)?,
        report: report.to_canonical_bytes()?,
    })
}

/// The one signer of a message; none where there are several, or where it could not be read.
pub fn only_signer(report: &VerificationReport) -> Option<&SignatureReport> {
    match report.signatures.as_slice() {
        [one] => Some(one),
        _ => None,
    }
}

/// Whether the signature is authentic (clause 5.2.3.1), as far as a check came: a certificate that was not in force takes
/// nothing from that; it is a matter of clause 5.2.3.2.
pub(super) fn authentic(report: &VerificationReport) -> signature::Verdict {
    let of_certificate_alone = || {
        let outcome = of_signature(report).ok()?;
        let (reasons, _) = outcome.judge();
        Some(!reasons.is_empty() && reasons.into_iter().all(RefusalCode::is_about_certificate))
    };
    let failed = matches!(report.overall, signature::Verdict::Failed(_));
    if failed && of_certificate_alone() == Some(true) { signature::Verdict::Passed } else { report.overall }
}

/// Whether a check comes to what is on record: for a finding the verdict that the rules make of it, with its reasons.
pub(super) fn is_as_recorded(report: &VerificationReport, signed: &Signed, finding: Option<&[RefusalCode]>) -> bool {
    let Some(reasons) = finding else { return recorded(report.overall) == signed.verdict };
    let found = only_signer(report).and_then(|one| one.signer.certificate);
    let Ok(outcome) = of_signature(report) else { return false };
    let (verdict, reasons_again) = outcome.verdict_on(signed.certificate, found);
    verdict == signed.verdict && reasons_again == reasons
}

/// Every check of a report that did not pass, wherever it stands in it, but for those of time-stamp tokens: anybody can
/// add a token to a signature, so a bad one is no reason against the signature (pki.md section 5, pitfall 5).
fn shortfalls(report: &impl Serialize) -> Result<Vec<Shortfall>, CanonicalError> {
    let value = serde_json::to_value(report).map_err(|_| CanonicalError::Unrepresentable { what: "a report" })?;
    let mut found = Vec::new();
    collect(&value, &mut found);
    Ok(found)
}

#[expect(clippy::wildcard_enum_match_arm, reason = "other values hold no checks")]
fn collect(value: &Value, found: &mut Vec<Shortfall>) {
    match value {
        Value::Object(members) => {
            let text = |name: &str| members.get(name).and_then(Value::as_str);
            let verdict = match text("outcome") {
                Some("fail") => Some(Verdict::Failed),
                Some("indeterminate") => Some(Verdict::Indeterminate),
                _ => None,
            };
            if let (Some(verdict), Some(code)) = (verdict, text("code")) {
                let may_settle = text("sub_code") == Some("TRY_LATER");
                let shortfall = Shortfall { verdict, code: code.to_owned(), may_settle };
                if !found.contains(&shortfall) {
                    found.push(shortfall);
                }
            }
            let of_signature = members.iter().filter(|(name, _)| *name != "timestamps");
            of_signature.for_each(|(_, member)| collect(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_token_is_no_shortfall_of_its_signature() {
        let report = serde_json::json!({
            "signatures": [{
                "chain_at": {"check": {"code": "ok", "outcome": "pass"}},
                "revocation": {"code": "no-revocation-evidence", "outcome": "indeterminate", "sub_code": "TRY_LATER"},
            }],
            "timestamps": [
                {"format": {"code": "parse", "outcome": "fail", "sub_code": "FORMAT_FAILURE"}},
                {"chain": {"check": {"code": "no-path", "outcome": "indeterminate"}}},
            ],
        });
        let found = shortfalls(&report).unwrap();
        let waiting =
            Shortfall { verdict: Verdict::Indeterminate, code: "no-revocation-evidence".to_owned(), may_settle: true };
        assert_eq!(found, [waiting]);
    }
}
