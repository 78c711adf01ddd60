//! A verification report for people: the verdict first, then questions, conditions, timeline and findings.

use std::fmt::{self, Write as _};

use ledger_core::evidence::conditions::{Condition, FourConditions};
use ledger_core::evidence::finding::{Finding, Outcome};
use ledger_core::evidence::questions::Establishment;
use ledger_core::evidence::{Report, Verdict};

/// The report as text; `name` is what the reader calls the file.
pub fn render(report: &Report, name: &str, colour: bool) -> String {
    let mut out = String::new();
    // Writing to a string does not fail.
    let _ = Page { out: &mut out, colour }.write(report, name);
    out
}

struct Page<'a> {
    out: &'a mut String,
    colour: bool,
}

const GREEN: &str = "32";
const RED: &str = "31";
const YELLOW: &str = "33";
const DIM: &str = "2";
const BOLD: &str = "1";

impl Page<'_> {
    fn paint(&self, text: &str, style: &str) -> String {
        if self.colour { format!("\u{1b}[{style}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    fn write(&mut self, report: &Report, name: &str) -> fmt::Result {
        let (word, style) = match report.verdict {
            Verdict::Passed => ("PASSED", GREEN),
            Verdict::Failed => ("FAILED", RED),
            Verdict::Indeterminate => ("INDETERMINATE", YELLOW),
        };
        let verdict = self.paint(word, &format!("{BOLD};{style}"));
        writeln!(self.out, "{verdict}  {name}")?;
        let counts = [Outcome::Fail, Outcome::Indeterminate, Outcome::Info, Outcome::Pass]
            .map(|outcome| report.findings.iter().filter(|finding| finding.outcome == outcome).count());
        let [failed, open, remarks, passed] = counts;
        writeln!(self.out, "  {passed} checks hold, {failed} fail, {open} are open, {remarks} remarks")?;
        if let Some(document) = report.document {
            writeln!(self.out, "  document    {document}")?;
        }
        writeln!(self.out, "  ledger      {}", report.origin)?;
        if let (Some(size), Some(at)) = (report.size, report.sealed_at) {
            writeln!(self.out, "  checkpoint  {size} records, sealed at {at}; what happened later is not in the file")?;
        }
        self.findings(report, |outcome| outcome == Outcome::Fail, "Failures")?;
        self.findings(report, |outcome| outcome == Outcome::Indeterminate, "Could not be found out")?;
        self.questions(report)?;
        self.conditions(report)?;
        self.timeline(report)?;
        self.findings(report, |outcome| outcome == Outcome::Info, "Remarks")?;
        self.findings(report, |outcome| outcome == Outcome::Pass, "What holds")
    }

    fn heading(&mut self, text: &str) -> fmt::Result {
        let text = self.paint(text, BOLD);
        writeln!(self.out, "\n{text}")
    }

    fn questions(&mut self, report: &Report) -> fmt::Result {
        if report.questions.is_empty() {
            return Ok(());
        }
        self.heading("Questions of a commission (clause 9.15)")?;
        for answer in &report.questions {
            let (word, style) = match answer.answer {
                Establishment::Established => ("established", GREEN),
                Establishment::NotEstablished => ("not established", YELLOW),
                Establishment::Contradicted => ("contradicted", RED),
                Establishment::Indeterminate => ("indeterminate", YELLOW),
            };
            let word = self.paint(word, style);
            writeln!(self.out, "  {} {}  {word}\n     {}", answer.question, answer.text, answer.statement)?;
        }
        Ok(())
    }

    fn conditions(&mut self, report: &Report) -> fmt::Result {
        if report.conditions.is_empty() {
            return Ok(());
        }
        self.heading("Four conditions (clause 5.2.3) for each signature and recipient")?;
        for one in &report.conditions {
            let all = self.condition(one.all);
            let contested = if one.contested { "; contested: compromise of the key is reported" } else { "" };
            writeln!(self.out, "  slot {} by {} to {}  {all}{contested}", one.slot, one.signer, one.recipient)?;
            self.each_condition(one)?;
        }
        Ok(())
    }

    fn each_condition(&mut self, one: &FourConditions) -> fmt::Result {
        let received = one.received_at.map_or_else(|| "not received".to_owned(), |at| format!("received {at}"));
        let moments = format!("signed {}, {received}", one.signed_at);
        for (clause, text, condition) in [
            ("5.2.3.1", "signature authentic", one.authentic),
            ("5.2.3.2", "certificate in force at signing and receipt", one.in_force),
            ("5.2.3.3", "accounted by the operator", one.accounted),
            ("5.2.3.4", "used under the agreement", one.regulated),
        ] {
            let word = self.condition(condition);
            writeln!(self.out, "     {clause}  {text:<44} {word}")?;
        }
        let moments = self.paint(&moments, DIM);
        writeln!(self.out, "     {moments}")
    }

    fn condition(&self, condition: Condition) -> String {
        match condition {
            Condition::Established => self.paint("established", GREEN),
            Condition::NotEstablished => self.paint("not established", YELLOW),
            Condition::Indeterminate => self.paint("indeterminate", YELLOW),
        }
    }

    fn timeline(&mut self, report: &Report) -> fmt::Result {
        if report.timeline.is_empty() {
            return Ok(());
        }
        self.heading("Timeline")?;
        for entry in &report.timeline {
            writeln!(self.out, "  {}  {:<38} leaf {:<6} {}", entry.at, entry.event, entry.index, entry.id)?;
        }
        Ok(())
    }

    fn findings(&mut self, report: &Report, wanted: impl Fn(Outcome) -> bool, title: &str) -> fmt::Result {
        let findings: Vec<&Finding> = report.findings.iter().filter(|finding| wanted(finding.outcome)).collect();
        if findings.is_empty() {
            return Ok(());
        }
        self.heading(title)?;
        for finding in findings {
            let (mark, style) = match finding.outcome {
                Outcome::Fail => ("FAIL", RED),
                Outcome::Indeterminate => ("OPEN", YELLOW),
                Outcome::Info => ("note", DIM),
                Outcome::Pass => ("ok", GREEN),
            };
            let mark = self.paint(&format!("{mark:<4}"), style);
            let place = finding.event.as_ref().map_or_else(String::new, |event| match event.id {
                Some(id) => format!(", leaf {} event {id}", event.index),
                None => format!(", leaf {}", event.index),
            });
            let clause = finding.clause;
            let code = finding.code;
            writeln!(self.out, "  {mark} {:<24} {} (clause {clause}{place})", code.as_str(), code.title())?;
            if !finding.detail.is_empty() {
                let detail = self.paint(&finding.detail, DIM);
                writeln!(self.out, "       {detail}")?;
            }
        }
        Ok(())
    }
}
