//! `ledger-audit replay`: the whole log of a closed ledger, from its first leaf. Reads only; takes no lock.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use ledger_core::digest::parse_hex;
use ledger_core::evidence::finding::{Code, Finding};
use ledger_core::evidence::replay::{Replay, ReplayReport};
use ledger_core::id::Origin;
use ledger_core::log::genesis::Genesis;
use ledger_core::log::leaf::LeafError;
use ledger_core::log::receipt::Receipt;
use ledger_core::payload::sealed::VaultKey;

use super::UNUSABLE;
use super::input::{InputError, read, read_trust};
use super::segments::{self, SegmentsError};
use super::verify::exit_code;

mod payloads;
mod pipeline;
mod text;

use payloads::VaultDirectory;
use pipeline::Pipeline;

/// A genesis or receipt has at most two leaves, two proofs and a note.
const SMALL_FILE_BYTES_MAX: usize = 1 << 20;

/// Why nothing was replayed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayInputError {
    /// As for the other commands.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The directory is no ledger.
    #[error("the directory is not that of a ledger")]
    Segments(#[from] SegmentsError),
    /// The directory's genesis cannot be read, so it is not known how to read the rest.
    #[error("genesis.json is not a genesis")]
    Genesis(#[source] LeafError),
    /// A file given with `--against` is neither a receipt nor a checkpoint.
    #[error("{path} is neither a receipt nor a checkpoint")]
    Against {
        /// The file.
        path: PathBuf,
        /// Why it is no receipt.
        source: serde_json::Error,
    },
}

struct Arguments {
    directory: PathBuf,
    trust: Option<PathBuf>,
    vault_key: Option<PathBuf>,
    against: Vec<PathBuf>,
    json: bool,
}

/// Runs the command with its arguments; the result is the exit code.
pub fn run(arguments: Vec<OsString>, out: &mut dyn Write, errors: &mut dyn Write, colour: bool) -> io::Result<u8> {
    let done = parse(arguments).map_err(ReplayInputError::Input).and_then(|arguments| {
        let report = replay(&arguments)?;
        Ok((arguments, report))
    });
    let (arguments, report) = match done {
        Ok(done) => done,
        Err(error) => {
            write!(errors, "ledger-audit: {error}")?;
            let mut source = std::error::Error::source(&error);
            while let Some(cause) = source {
                write!(errors, ": {cause}")?;
                source = cause.source();
            }
            writeln!(errors)?;
            return Ok(UNUSABLE);
        }
    };
    if arguments.json {
        serde_json::to_writer_pretty(&mut *out, &report)?;
        writeln!(out)?;
    } else {
        let name = arguments.directory.file_name().unwrap_or_default().to_string_lossy().into_owned();
        out.write_all(text::render(&report, &name, colour).as_bytes())?;
    }
    Ok(exit_code(report.verdict))
}

fn parse(arguments: Vec<OsString>) -> Result<Arguments, InputError> {
    let (mut directory, mut trust, mut vault_key, mut against, mut json) = (None, None, None, Vec::new(), false);
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        let mut value = |what| arguments.next().map(PathBuf::from).ok_or(InputError::Arguments(what));
        match argument.to_str() {
            Some("--json") => json = true,
            Some("--trust") => trust = Some(value("--trust needs a directory")?),
            Some("--vault-key") => vault_key = Some(value("--vault-key needs a file")?),
            Some("--against") => against.push(value("--against needs a file")?),
            Some(option) if option.starts_with("--") => return Err(InputError::Arguments("unknown option")),
            _ if directory.is_none() => directory = Some(PathBuf::from(argument)),
            _ => return Err(InputError::Arguments("one ledger at a time")),
        }
    }
    let directory = directory.ok_or(InputError::Arguments("no directory is named"))?;
    Ok(Arguments { directory, trust, vault_key, against, json })
}

fn replay(arguments: &Arguments) -> Result<ReplayReport, ReplayInputError> {
    let trust = arguments.trust.as_deref().map(read_trust).transpose()?;
    let (receipts, notes) = read_against(&arguments.against)?;
    let directory = &arguments.directory;
    let genesis_bytes = read(&directory.join("genesis.json"), SMALL_FILE_BYTES_MAX)?;
    // The files are named after the pinned origin; without one, after the directory's own.
    let origin: Origin = match &trust {
        Some(trust) => trust.origin.clone(),
        None => Genesis::decode(&genesis_bytes).map_err(ReplayInputError::Genesis)?.origin,
    };
    let mut replay = Replay::new(trust, receipts);
    for (name, note) in notes {
        replay.expect_note(name, note);
    }
    read_head(&directory.join("head"), &mut replay);
    match &arguments.vault_key {
        None => replay.find(Finding::new(Code::PayloadsUnchecked, "")),
        Some(path) => {
            let text = read(path, SMALL_FILE_BYTES_MAX)?;
            let key = std::str::from_utf8(&text).ok().and_then(|text| parse_hex(text.trim()).ok());
            let key = VaultKey::new(key.ok_or(InputError::Arguments("the vault key is not 64 lower-case hex digits"))?);
            replay = replay.with_payloads(Box::new(VaultDirectory::new(&directory.join("payloads"), key)));
        }
    }
    let mut same_genesis = false;
    let mut pipeline = Pipeline::new(replay);
    let result = segments::read(directory, &origin, &mut |batch| {
        if batch.first_index == 0 {
            same_genesis = batch.leaf(0) == Some(&*genesis_bytes);
        }
        pipeline.push(batch);
        true
    });
    let mut replay = pipeline.finish();
    match result {
        Ok(None) => {}
        Ok(Some(torn)) => replay.find(Finding::new(Code::TornTail, torn.to_string())),
        Err(error @ SegmentsError::Damaged { .. }) => {
            replay.find(Finding::new(Code::LedgerDamaged, error.to_string()));
        }
        Err(error @ SegmentsError::Read { .. }) => return Err(error.into()),
    }
    if !same_genesis {
        replay.find(Finding::new(Code::LedgerDamaged, "genesis.json is not leaf 0"));
    }
    Ok(replay.finish())
}

/// The head file lies apart from the segments: a tail that has disappeared from them shows here.
fn read_head(path: &Path, replay: &mut Replay) {
    let damaged = |what: &str| Finding::new(Code::LedgerDamaged, format!("head: {what}"));
    match read(path, SMALL_FILE_BYTES_MAX) {
        Err(_) => replay.find(damaged("the file cannot be read")),
        Ok(bytes) => {
            let (note, slot_damaged) = segments::kept_head(&bytes);
            if slot_damaged {
                replay.find(damaged("a slot does not have its checksum"));
            }
            match note {
                Some(note) => replay.expect_note("head".to_owned(), note),
                None => replay.find(damaged("there is no checkpoint in it")),
            }
        }
    }
}

type Against = (Vec<(String, Receipt)>, Vec<(String, Vec<u8>)>);

fn read_against(paths: &[PathBuf]) -> Result<Against, ReplayInputError> {
    let (mut receipts, mut notes) = (Vec::new(), Vec::new());
    for path in paths {
        let bytes = read(path, SMALL_FILE_BYTES_MAX)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if bytes.trim_ascii_start().starts_with(b"{") {
            let receipt = serde_json::from_slice(&bytes);
            let receipt = receipt.map_err(|source| ReplayInputError::Against { path: path.clone(), source })?;
            receipts.push((name, receipt));
        } else {
            notes.push((name, bytes));
        }
    }
    Ok((receipts, notes))
}
