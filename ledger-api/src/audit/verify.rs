//! `ledger-audit verify`: an evidence bundle against a trust directory.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read as _, Write};
use std::path::{Path, PathBuf};

use ledger_core::evidence::container::CONTAINER_BYTES_MAX;
use ledger_core::evidence::trust::{TRUST_FILE_BYTES_MAX, TRUST_FILES_MAX, TrustDirectory, TrustDirectoryError};
use ledger_core::evidence::{Options, Unusable, Verdict, verify};
use ledger_core::time::Timestamp;

use super::{UNUSABLE, text};

/// Why nothing was verified.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// The arguments are not those of the command.
    #[error("{0}; see `ledger-audit --help`")]
    Arguments(&'static str),
    /// A file cannot be read.
    #[error("{path} cannot be read")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file is larger than any that is used here.
    #[error("{path} has more than {limit} bytes")]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The limit in bytes.
        limit: usize,
    },
    /// The directory is no trust directory.
    #[error("the trust directory cannot be used")]
    Trust(#[from] TrustDirectoryError),
    /// The file is no bundle.
    #[error("the file cannot be used")]
    Bundle(#[from] Unusable),
}

struct Arguments {
    file: PathBuf,
    trust: PathBuf,
    json: bool,
    options: Options,
}

/// Runs the command with its arguments; the result is the exit code.
pub fn run(arguments: Vec<OsString>, out: &mut dyn Write, errors: &mut dyn Write, colour: bool) -> io::Result<u8> {
    let arguments = match parse(arguments) {
        Ok(arguments) => arguments,
        Err(error) => return unusable(errors, &error),
    };
    let report = read(&arguments.file, CONTAINER_BYTES_MAX)
        .and_then(|bytes| Ok((bytes, read_trust(&arguments.trust)?)))
        .and_then(|(bytes, trust)| Ok(verify(&bytes, &trust, arguments.options)?));
    let report = match report {
        Ok(report) => report,
        Err(error) => return unusable(errors, &error),
    };
    if arguments.json {
        serde_json::to_writer_pretty(&mut *out, &report)?;
        writeln!(out)?;
    } else {
        let name = arguments.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        out.write_all(text::render(&report, &name, colour).as_bytes())?;
    }
    Ok(exit_code(report.verdict))
}

/// The exit code of a verdict.
pub const fn exit_code(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Passed => 0,
        Verdict::Failed => 1,
        Verdict::Indeterminate => 2,
    }
}

fn unusable(errors: &mut dyn Write, error: &InputError) -> io::Result<u8> {
    write!(errors, "ledger-audit: {error}")?;
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        write!(errors, ": {cause}")?;
        source = cause.source();
    }
    writeln!(errors)?;
    Ok(UNUSABLE)
}

fn parse(arguments: Vec<OsString>) -> Result<Arguments, InputError> {
    let (mut file, mut trust, mut json, mut options) = (None, None, false, Options::default());
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        let mut value = |what| arguments.next().ok_or(InputError::Arguments(what));
        match argument.to_str() {
            Some("--json") => json = true,
            Some("--trust") => trust = Some(PathBuf::from(value("--trust needs a directory")?)),
            Some("--as-of") => options.as_of = Some(time(&value("--as-of needs a time")?)?),
            Some("--now") => options.now = Some(time(&value("--now needs a time")?)?),
            Some(option) if option.starts_with("--") => return Err(InputError::Arguments("unknown option")),
            _ if file.is_none() => file = Some(PathBuf::from(argument)),
            _ => return Err(InputError::Arguments("one file at a time")),
        }
    }
    let file = file.ok_or(InputError::Arguments("no file is named"))?;
    let trust =
        trust.ok_or(InputError::Arguments("--trust DIR is missing: whom to trust never comes from the file"))?;
    Ok(Arguments { file, trust, json, options })
}

fn time(text: &OsString) -> Result<Timestamp, InputError> {
    let text = text.to_str().and_then(|text| text.parse().ok());
    text.ok_or(InputError::Arguments("times are written 2026-11-24T09:30:00.000Z"))
}

pub(super) fn read(path: &Path, limit: usize) -> Result<Vec<u8>, InputError> {
    let failed = |source| InputError::Read { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    // One byte more than allowed, to notice that there is more; a file may grow while it is read.
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes)).map_err(failed)?;
    if bytes.len() > limit { Err(InputError::TooLarge { path: path.to_owned(), limit }) } else { Ok(bytes) }
}

/// Reads a trust directory from disk.
pub fn read_trust(directory: &Path) -> Result<TrustDirectory, InputError> {
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    for name in ["origin", "genesis.sha256", "log.vkey"] {
        let path = directory.join(name);
        if path.exists() || !directory.is_dir() {
            files.push((name.to_owned(), read(&path, TRUST_FILE_BYTES_MAX)?));
        }
    }
    let authorities = directory.join("ca");
    if authorities.is_dir() {
        let failed = |source| InputError::Read { path: authorities.clone(), source };
        for entry in std::fs::read_dir(&authorities).map_err(failed)?.take(TRUST_FILES_MAX) {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            // Notes and editors' leftovers may lie beside the certificates.
            if [".pem", ".der", ".crt", ".cer"].iter().any(|ending| name.ends_with(ending)) {
                files.push((format!("ca/{name}"), read(&entry.path(), TRUST_FILE_BYTES_MAX)?));
            }
        }
    }
    files.sort();
    Ok(TrustDirectory::from_files(files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())))?)
}
