//! A replay's report for people: the verdict first, then numbers and findings.

use std::fmt::{self, Write as _};

use ledger_core::evidence::Verdict;
use ledger_core::evidence::finding::Outcome;
use ledger_core::evidence::replay::ReplayReport;

/// The report as text; `name` is what the reader calls the ledger.
pub(super) fn render(report: &ReplayReport, name: &str, colour: bool) -> String {
    let mut out = String::new();
    // Writing to a string does not fail.
    let _ = write(&mut out, report, name, colour);
    out
}

fn write(out: &mut String, report: &ReplayReport, name: &str, colour: bool) -> fmt::Result {
    let paint = |text: &str, style: &str| {
        if colour { format!("\u{1b}[{style}m{text}\u{1b}[0m") } else { text.to_owned() }
    };
    let (word, style) = match report.verdict {
        Verdict::Passed => ("PASSED", "1;32"),
        Verdict::Failed => ("FAILED", "1;31"),
        Verdict::Indeterminate => ("INDETERMINATE", "1;33"),
    };
    writeln!(out, "{}  {name}", paint(word, style))?;
    if let (Some(origin), Some(genesis)) = (&report.origin, report.genesis) {
        writeln!(out, "  ledger    {origin}\n  genesis   {genesis}")?;
    }
    writeln!(out, "  size      {} leaves, {} events, {} streams", report.size, report.events, report.streams)?;
    if let Some(at) = report.sealed_at {
        writeln!(out, "  sealed    {at}")?;
    }
    writeln!(out, "  root      {}\n  alt root  {}\n  map root  {}", report.root, report.alt_root, report.map_root)?;
    for (wanted, title) in [
        (Outcome::Fail, "Failures"),
        (Outcome::Indeterminate, "Could not be found out"),
        (Outcome::Info, "Remarks"),
        (Outcome::Pass, "What holds"),
    ] {
        let mut findings = report.findings.iter().filter(|finding| finding.outcome == wanted).peekable();
        if findings.peek().is_some() {
            writeln!(out, "\n{}", paint(title, "1"))?;
        }
        for finding in findings {
            let place = finding.event.as_ref().map_or_else(String::new, |event| match event.id {
                Some(id) => format!(", leaf {} event {id}", event.index),
                None => format!(", leaf {}", event.index),
            });
            writeln!(
                out,
                "  {:<20} {} (clause {}{place})",
                finding.code.as_str(),
                finding.code.title(),
                finding.clause
            )?;
            if !finding.detail.is_empty() {
                writeln!(out, "       {}", paint(&finding.detail, "2"))?;
            }
        }
    }
    Ok(())
}
