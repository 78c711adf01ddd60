//! `ledgerd demo`: the main job end to end, in one folder.
//!
//! Two companies exchange documents and do all six actions; the demo shows what the ledger then knows, writes a bundle
//! of evidence and lets the offline verifier check it, once as it is and once with one byte changed.
//! Whatever a user could do goes through [`Ledger`], as any embedder would do it.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use ledger_core::time::Timestamp;
use ledger_store::{Ledger, LedgerError, LedgerOptions};

use self::screen::{Paint, Screen};

mod cast;
mod pdf;
mod proof;
mod screen;
mod story;
mod tables;

/// Why the demo did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The folder has something in it. The demo deletes nothing: remove it or name another folder.
    #[error("{} is not empty; remove it (rm -r {}) or run the demo in another folder (ledgerd demo FOLDER)", .0.display(), .0.display())]
    NotEmpty(PathBuf),
    /// A file could not be read or written, or the screen is gone.
    #[error("cannot write {what}")]
    Io {
        /// What was to be written.
        what: String,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// The ledger did not do what the demo asked: a defect, please report it.
    #[error("the ledger refused to {what}")]
    Ledger {
        /// What was asked.
        what: String,
        /// Its answer.
        #[source]
        source: LedgerError,
    },
    /// Something did not come out as the demo promises: a defect, please report it.
    #[error("the demo expected {0}")]
    Unexpected(String),
}

impl From<io::Error> for DemoError {
    fn from(source: io::Error) -> Self {
        Self::Io { what: "the output".into(), source }
    }
}

/// Runs the demo in `dir`, which is made when it is not there, and prints to `out`; `colours` when a person looks.
///
/// Leaves `contract.pdf`, `ledger/`, `evidence.zip`, `trust/` and `altered.zip` in `dir`.
pub async fn run(dir: &Path, out: &mut dyn Write, colours: bool) -> Result<(), DemoError> {
    let mut screen = Screen::new(out, colours);
    screen.line(Paint::Bold, "Document ledger: two companies exchange a contract, and anybody can check it")?;
    prepare_folder(dir)?;

    let cast = cast::Cast::assemble(now()?);
    let options = LedgerOptions { name: "demo.example".into(), ..LedgerOptions::default() };
    let opened = Ledger::create(&dir.join("ledger"), options).await;
    let ledger = opened.map_err(|source| DemoError::Ledger { what: "open".into(), source })?;

    let story = story::tell(&ledger, &cast, dir, &mut screen).await?;
    tables::show(&ledger, &story, &mut screen).await?;
    proof::give(&ledger, &story, dir, &mut screen).await?;
    ledger.close().await.map_err(|source| DemoError::Ledger { what: "close".into(), source })
}

/// The folder must be empty, so that the demo never overwrites anybody's work.
fn prepare_folder(dir: &Path) -> Result<(), DemoError> {
    let failed = |source| DemoError::Io { what: dir.display().to_string(), source };
    std::fs::create_dir_all(dir).map_err(failed)?;
    match std::fs::read_dir(dir).map_err(failed)?.next() {
        None => Ok(()),
        Some(_) => Err(DemoError::NotEmpty(dir.to_owned())),
    }
}

fn write(dir: &Path, name: &str, bytes: &[u8]) -> Result<PathBuf, DemoError> {
    let path = dir.join(name);
    let failed = |source| DemoError::Io { what: path.display().to_string(), source };
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).map_err(failed)?;
    }
    std::fs::write(&path, bytes).map_err(failed)?;
    Ok(path)
}

/// The system clock; the demo is an edge, nothing below it has one.
fn now() -> Result<Timestamp, DemoError> {
    let elapsed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let ms = u64::try_from(elapsed.as_millis()).ok();
    ms.and_then(Timestamp::from_unix_ms).ok_or_else(|| DemoError::Unexpected("a clock before the year 10000".into()))
}
