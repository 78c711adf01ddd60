//! The end of the demo: evidence for the contract, checked offline, and what becomes of one changed byte.

use std::path::Path;

use ledger_core::evidence::finding::{Finding, Outcome};
use ledger_core::evidence::questions::Establishment;
use ledger_core::evidence::trust::TrustDirectory;
use ledger_core::evidence::verify::{self, Options, Report, Verdict};
use ledger_core::projection::Viewer;
use ledger_store::Ledger;

use super::screen::{Cell, Paint, Screen, painted};
use super::story::{PRICE, Story};
use super::{DemoError, write};

/// How many findings of a kind are shown; `ledger-audit verify` shows all.
const FINDINGS_SHOWN: usize = 8;

pub(super) async fn give(ledger: &Ledger, story: &Story, dir: &Path, screen: &mut Screen<'_>) -> Result<(), DemoError> {
    screen.heading("Evidence: one file that anybody can check without this ledger")?;
    let bundle = ledger.export(story.contract, Viewer::Operator).await;
    let bundle = bundle.map_err(|source| DemoError::Ledger { what: "export evidence".into(), source })?;
    let path = write(dir, "evidence.zip", &bundle)?;
    screen.done(&format!("{} ({} bytes)", path.display(), bundle.len()))?;
    let files = ledger.export_trust();
    for file in &files {
        let path = write(&dir.join("trust"), &file.name, &file.bytes)?;
        screen.done(&path.display().to_string())?;
    }
    screen.note(
        "A verifier gets the files in trust/ from elsewhere: never from the bundle, never from the other party.",
    )?;
    let trust = TrustDirectory::from_files(files.iter().map(|file| (file.name.as_str(), file.bytes.as_slice())));
    let trust = trust.map_err(|error| DemoError::Unexpected(error.to_string()))?;

    screen.heading("The offline verifier: ledger-audit verify evidence.zip --trust trust")?;
    check(&bundle, &trust, Verdict::Passed, screen)?;

    let place = bundle.windows(PRICE.len()).position(|window| window == PRICE.as_bytes());
    let place = place.ok_or_else(|| DemoError::Unexpected("the price in the bundle".into()))?;
    let mut altered = bundle;
    if let Some(byte) = altered.get_mut(place) {
        *byte = b'9';
    }
    screen
        .heading(&format!("The same with one byte changed: {PRICE} becomes 9{}", PRICE.get(1..).unwrap_or_default()))?;
    let path = write(dir, "altered.zip", &altered)?;
    screen.done(&format!("{}, byte {place}", path.display()))?;
    check(&altered, &trust, Verdict::Failed, screen)
}

/// Verifies, shows what was found and holds it against what the demo promises.
fn check(bundle: &[u8], trust: &TrustDirectory, expected: Verdict, screen: &mut Screen<'_>) -> Result<(), DemoError> {
    let report = verify::verify(bundle, trust, Options::default());
    let report = report.map_err(|error| DemoError::Unexpected(format!("a bundle, but it is {error}")))?;
    show(&report, screen)?;
    if report.verdict == expected {
        Ok(())
    } else {
        Err(DemoError::Unexpected(format!("the verdict {expected:?}, not {:?}", report.verdict)))
    }
}

fn show(report: &Report, screen: &mut Screen<'_>) -> Result<(), DemoError> {
    let questions: Vec<Vec<Cell>> = report
        .questions
        .iter()
        .map(|answer| {
            let (paint, word) = match answer.answer {
                Establishment::Established => (Paint::Good, "established"),
                Establishment::NotEstablished => (Paint::Bad, "not established"),
                Establishment::Contradicted => (Paint::Bad, "contradicted"),
                Establishment::Indeterminate => (Paint::Warning, "indeterminate"),
            };
            vec![answer.question.into(), answer.text.into(), painted(paint, word)]
        })
        .collect();
    screen.table(&["", "question of an expert commission (clause 9.15)", "answer"], &questions)?;
    let of = |outcome| report.findings.iter().filter(move |finding: &&Finding| finding.outcome == outcome);
    for finding in of(Outcome::Fail).chain(of(Outcome::Indeterminate)).take(FINDINGS_SHOWN) {
        let place = finding.event.as_ref().map_or_else(String::new, |event| format!(", leaf {}", event.index));
        screen.refused(&format!("{}{place} (clause {}): {}", finding.code.as_str(), finding.clause, finding.detail))?;
    }
    let count = |outcome| of(outcome).count();
    screen.note(&format!(
        "{} checks passed, {} failed, {} open, {} remarks",
        count(Outcome::Pass),
        count(Outcome::Fail),
        count(Outcome::Indeterminate),
        count(Outcome::Info)
    ))?;
    match report.verdict {
        Verdict::Passed => screen.line(Paint::Good, "   PASSED")?,
        Verdict::Failed => screen.line(Paint::Bad, "   FAILED")?,
        Verdict::Indeterminate => screen.line(Paint::Warning, "   INDETERMINATE")?,
    }
    Ok(())
}
