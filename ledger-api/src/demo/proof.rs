//! The end of the demo: evidence for the contract, checked offline, and what becomes of one changed byte.

use std::path::Path;

use ledger_core::evidence::verify::{self, Options, Report};
use ledger_core::evidence::{Outcome, TrustDirectory};
use ledger_store::ledger::Ledger;

use super::screen::{Cell, Paint, Screen, painted};
use super::story::{PRICE, Story};
use super::{DemoError, write};

pub(super) async fn give(
    ledger: &Ledger,
    story: &Story,
    dir: &Path,
    screen: &mut Screen<'_>,
) -> Result<(), DemoError> {
    screen.heading("Evidence: one file that anybody can check without this ledger")?;
    let bundle = ledger.export(story.contract).await;
    let bundle = bundle.map_err(|source| DemoError::Ledger { what: "export evidence".into(), source })?;
    let path = write(dir, "evidence.zip", &bundle)?;
    screen.done(&format!("{} ({} bytes)", path.display(), bundle.len()))?;
    let trust = ledger.export_trust().await;
    let trust = trust.map_err(|source| DemoError::Ledger { what: "export trust".into(), source })?;
    for (name, bytes) in &trust {
        let path = write(&dir.join("trust"), name, bytes)?;
        screen.done(&path.display().to_string())?;
    }
    screen.note("A verifier gets the files in trust/ from elsewhere: never from the bundle, never from the other party.")?;
    let trust = TrustDirectory::from_files(&trust).map_err(|error| DemoError::Unexpected(error.to_string()))?;

    screen.heading("The offline verifier: ledger-audit verify evidence.zip --trust trust")?;
    let report = verify::verify(&bundle, &trust, &Options::default());
    show(&report, screen)?;
    if report.verdict != Outcome::Pass {
        return Err(DemoError::Unexpected("the evidence to pass".into()));
    }

    let place = bundle.windows(PRICE.len()).position(|window| window == PRICE.as_bytes());
    let place = place.ok_or_else(|| DemoError::Unexpected("the price in the bundle".into()))?;
    let mut altered = bundle;
    if let Some(byte) = altered.get_mut(place) {
        *byte = b'9';
    }
    screen.heading(&format!("The same with one byte changed: {PRICE} becomes 9{}", PRICE.get(1..).unwrap_or_default()))?;
    let path = write(dir, "altered.zip", &altered)?;
    screen.done(&format!("{}, byte {place}", path.display()))?;
    let report = verify::verify(&altered, &trust, &Options::default());
    show(&report, screen)?;
    if report.verdict != Outcome::Fail {
        return Err(DemoError::Unexpected("the altered evidence to fail".into()));
    }
    Ok(())
}
