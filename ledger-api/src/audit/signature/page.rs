//! A report about a signature or certificate for people: the verdict, who signed, every check with its code.
//!
//! Checks are looked for in the report as it is written down, so that none can be left out here.

use std::fmt::Write as _;
use std::sync::Arc;

use ledger_core::digest::Digest;
use ledger_core::pki::certificate::Certificate;
use ledger_core::pki::report::{ChainCheck, Check, Language, Outcome, Words};
use ledger_core::signature::report::InputDigests;
use ledger_core::signature::timestamp::TimestampReport;
use ledger_core::signature::{SignaturePolicy, SignatureReport, TrustSnapshot, Verdict};
use ledger_core::time::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::wording::{self, Wording};

const GREEN: &str = "32";
const RED: &str = "31";
const YELLOW: &str = "33";
const DIM: &str = "2";
const BOLD: &str = "1";

/// The page as far as it is written.
pub(super) struct Page {
    out: String,
    colour: bool,
    language: Language,
    words: &'static Wording,
    known: Vec<Arc<Certificate>>,
    receipt: Option<Timestamp>,
    /// Both moments are one; what is said of the second is the same.
    one_moment: bool,
}

/// A check with its place in the report.
struct Found {
    /// The kind of check, then the moment.
    order: (usize, bool),
    label: String,
    moment: Option<&'static str>,
    check: Check,
}

impl Page {
    pub(super) fn new(language: Language, colour: bool, known: Vec<Arc<Certificate>>) -> Self {
        let words = wording::of(language);
        Self { out: String::new(), colour, language, words, known, receipt: None, one_moment: true }
    }

    pub(super) fn finish(self) -> String {
        self.out
    }

    fn line(&mut self, text: &str) {
        self.out.push_str(text);
        self.out.push('\n');
    }

    fn fact(&mut self, label: &str, text: &str) {
        // Writing to a string does not fail.
        let _ = writeln!(self.out, "  {label:<18} {text}");
    }

    fn heading(&mut self, text: &str) {
        let text = self.paint(text, BOLD);
        self.line(&format!("\n{text}"));
    }

    fn paint(&self, text: &str, style: &str) -> String {
        if self.colour { format!("\u{1b}[{style}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    fn verdict_word(&self, verdict: Verdict) -> String {
        let (word, style, sub_code) = match verdict {
            Verdict::Passed => (self.words.passed, GREEN, None),
            Verdict::Failed(sub_code) => (self.words.failed, RED, Some(sub_code)),
            Verdict::Indeterminate(sub_code) => (self.words.indeterminate, YELLOW, Some(sub_code)),
        };
        let word = self.paint(word, &format!("{BOLD};{style}"));
        // The names of ETSI EN 319 102-1, as the report writes them.
        let sub_code = sub_code.and_then(|sub_code| serde_json::to_value(sub_code).ok());
        match sub_code.as_ref().and_then(Value::as_str) {
            Some(sub_code) => format!("{word} ({sub_code})"),
            None => word,
        }
    }

    pub(super) fn verdict(&mut self, verdict: Verdict, name: &str) {
        let word = self.verdict_word(verdict);
        self.line(&format!("{word}  {name}"));
    }

    /// The document; without a name it came out of the signature.
    pub(super) fn document(&mut self, name: Option<&str>, document: &[u8], digest: &Digest) {
        let words = self.words;
        self.fact(words.document, &format!("{}, {} B, SHA-256 {digest}", name.unwrap_or("-"), document.len()));
        if name.is_none() {
            self.fact("", words.inside);
        }
    }

    pub(super) fn setting(&mut self, policy: &SignaturePolicy, policy_id: Digest, trust: &TrustSnapshot, id: Digest) {
        let words = self.words;
        self.fact(words.policy, &format!("{}, {policy_id}", policy.name));
        self.fact(words.trust, &format!("{} {}, {id}", trust.anchors().len(), words.roots));
    }

    pub(super) fn moment(&mut self, at: Timestamp) {
        self.fact(self.words.at, &format!("{at} ({})", self.words.given));
    }

    pub(super) fn moments(&mut self, input: &InputDigests) {
        self.receipt = Some(input.receipt_time);
        self.moment(input.signing_time);
        if input.receipt_time != input.signing_time {
            self.fact(self.words.at_receipt, &format!("{} ({})", input.receipt_time, self.words.given));
        }
    }

    pub(super) fn unusable(&mut self, digests: &[Digest]) {
        for digest in digests {
            self.fact(self.words.unusable, &digest.to_string());
        }
    }

    pub(super) fn signature(&mut self, report: &SignatureReport, count: usize) {
        let words = self.words;
        // A timestamp may prove that the signature is older than the moment given.
        self.one_moment = self.receipt == Some(report.best_signature_time.at());
        let verdict = self.verdict_word(report.verdict);
        let number = report.index.saturating_add(1);
        self.heading(&format!("{} {number}/{count}", words.signature));
        self.line(&format!("  {verdict}"));
        let signer = report.signer.certificate;
        let certificate = self.known.iter().find(|known| Some(known.id()) == signer).cloned();
        if let Some(certificate) = certificate {
            self.certificate(&certificate);
        }
        if let Some(claimed) = report.claimed_signing_time {
            self.fact(words.claimed, &format!("{claimed} ({})", words.only_claimed));
        }
        if let Ok(Value::Object(proof)) = serde_json::to_value(report.best_signature_time) {
            let parts: Vec<String> = ["kind", "at"].iter().filter_map(|name| text_of(proof.get(*name)?)).collect();
            self.fact(words.proven, &parts.join(" "));
        }
        self.chain(&report.chain_at.at_signing);
        if !report.algorithms_used.is_empty() {
            self.heading(words.algorithms);
            for one in &report.algorithms_used {
                let what = one.certificate.map_or_else(|| words.signature.to_lowercase(), |digest| self.call(digest));
                self.line(&format!("  {} ({} bit)  {what}", one.scheme, one.key_bits));
            }
        }
        self.checks(report, report.verdict);
    }

    /// A token. Its checks are as of its own time.
    pub(super) fn timestamp(&mut self, report: &TimestampReport) {
        let words = self.words;
        let verdict = self.verdict_word(report.verdict);
        let over = report.signature.map_or_else(String::new, |index| {
            format!(" ({} {})", words.signature.to_lowercase(), index.saturating_add(1))
        });
        self.heading(&format!("{}{over}", words.timestamp));
        self.line(&format!("  {verdict}"));
        if let Some(time) = report.gen_time {
            self.fact(words.time, &time.to_string());
        }
        let authority = self.known.iter().find(|known| Some(known.id()) == report.certificate);
        if let Some(name) = authority.map(|known| known.subject_display()) {
            self.fact(words.certificate, &name);
        }
        self.chain(&report.chain);
        self.checks(report, report.verdict);
    }

    pub(super) fn certificate(&mut self, certificate: &Certificate) {
        let (words, language) = (self.words, self.language);
        self.fact(words.certificate, &certificate.subject_display());
        let identity = certificate.identity();
        for (label, number) in [("BIN", identity.bin), ("IIN", identity.iin)] {
            if let Some(number) = number {
                self.fact(label, &number);
            }
        }
        let roles = certificate.roles();
        let known = roles.known.iter().map(|role| format!("{} [{}]", wording::role(*role, language), role.as_str()));
        let all: Vec<String> = known.chain(roles.unknown).collect();
        if !all.is_empty() {
            self.fact(words.roles, &all.join(", "));
        }
        self.fact(words.serial, &certificate.serial_hex());
        self.fact(words.issuer, &certificate.issuer_display());
        self.fact(words.valid, &format!("{} - {}", certificate.not_before(), certificate.not_after()));
    }

    pub(super) fn chain(&mut self, chain: &ChainCheck) {
        if chain.path.is_empty() {
            return;
        }
        let hierarchy = chain.hierarchy.map(|one| wording::hierarchy(one, self.language));
        let authority = chain.authority.map(|one| wording::authority(one, self.language));
        let under: Vec<&str> = hierarchy.into_iter().chain(authority).collect();
        let under = if under.is_empty() { String::new() } else { format!(" ({})", under.join(", ")) };
        self.heading(&format!("{}{under}", self.words.chain));
        for (index, digest) in chain.path.iter().enumerate() {
            let name = self.call(*digest);
            self.line(&format!("  {}. {name}", index + 1));
        }
    }

    /// What people call a certificate.
    fn call(&self, digest: Digest) -> String {
        let known = self.known.iter().find(|known| known.digest() == digest);
        known.map_or_else(|| digest.to_string(), |known| known.subject_display())
    }

    /// Every check in the value, the first of the page under `Message` when the value is a check itself.
    pub(super) fn checks(&mut self, value: &impl Serialize, verdict: Verdict) {
        let Ok(value) = serde_json::to_value(value) else { return };
        let mut found = Vec::new();
        self.collect(&value, &mut Vec::new(), &mut found);
        found.sort_by_key(|found| found.order);
        let alone = found.len() == 1 && found.iter().all(|one| one.label == wording::check("", self.language).1);
        if alone && verdict.is_passed() && found.iter().all(|one| one.check.outcome == Outcome::Pass) {
            return;
        }
        self.heading(if alone { self.words.message } else { self.words.checks });
        for one in found {
            self.check(&one);
        }
    }

    fn collect(&self, value: &Value, place: &mut Vec<String>, found: &mut Vec<Found>) {
        match value {
            Value::Object(members) if members.contains_key("outcome") && members.contains_key("code") => {
                let Ok(check) = serde_json::from_value::<Check>(value.clone()) else { return };
                let moment = match place.iter().find(|part| part.starts_with("at_")).map(String::as_str) {
                    Some("at_signing") => Some(self.words.at),
                    Some("at_receipt") => Some(self.words.at_receipt),
                    _ => None,
                };
                let is_number = |part: &&String| part.bytes().all(|byte| byte.is_ascii_digit());
                let number = place.iter().find(is_number).and_then(|part| part.parse::<usize>().ok());
                let named: Vec<&str> = place
                    .iter()
                    .filter(|part| !is_number(part) && !matches!(part.as_str(), "at_signing" | "at_receipt"))
                    .map(String::as_str)
                    .collect();
                let (order, mut label) = wording::check(&named.join("."), self.language);
                if let Some(number) = number {
                    let _ = write!(label, " {}", number + 1);
                }
                let later = moment == Some(self.words.at_receipt);
                found.push(Found { order: (order, later), label, moment, check });
            }
            Value::Object(members) => {
                for (name, inner) in members {
                    if name == "at_receipt" && self.one_moment {
                        continue;
                    }
                    place.push(name.clone());
                    self.collect(inner, place, found);
                    place.pop();
                }
            }
            Value::Array(list) => {
                for (index, inner) in list.iter().enumerate() {
                    place.push(index.to_string());
                    self.collect(inner, place, found);
                    place.pop();
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    fn check(&mut self, found: &Found) {
        let check = &found.check;
        let (style, matters) = match check.outcome {
            Outcome::Pass => (GREEN, false),
            Outcome::NotApplicable => (DIM, false),
            Outcome::Warning | Outcome::Indeterminate => (YELLOW, true),
            Outcome::Fail => (RED, true),
        };
        let mark = self.paint(&format!("{:<9}", wording::outcome(check.outcome, self.language)), style);
        let words = Words::of(check.code.as_str(), self.language);
        let title = words.map_or("", |words| words.title);
        let label = match found.moment {
            Some(moment) if !self.one_moment => format!("{}, {moment}", found.label),
            _ => found.label.clone(),
        };
        self.line(&format!("  {mark} {label}: {title} [{}]", check.code.as_str()));
        if let Some(words) = words.filter(|_| matters) {
            self.line(&format!("            {}", words.explanation));
        }
        if let Some(detail) = &check.detail {
            let detail = self.paint(detail, DIM);
            self.line(&format!("            {detail}"));
        }
    }
}

fn text_of(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}
