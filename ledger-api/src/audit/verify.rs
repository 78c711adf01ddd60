//! `ledger-audit verify`: an evidence bundle against a trust directory.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;

use ledger_core::evidence::container::CONTAINER_BYTES_MAX;
use ledger_core::evidence::{Options, Verdict, verify};

use super::input::{InputError, read, read_trust, time, unusable};
use super::text;

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
