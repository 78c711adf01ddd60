//! The auditor: checks evidence offline, with what the reader trusts and nothing from the operator.
//!
//! Exit codes: 0 passed, 1 failed, 2 indeterminate, 3 unusable input.

use std::ffi::OsString;
use std::io::{self, Write};

pub mod explain;
pub mod replay;
pub mod segments;
pub mod text;
pub mod verify;

/// What `--help` prints.
const HELP: &str = "ledger-audit: checks the evidence of a document ledger, offline

  ledger-audit verify FILE --trust DIR [--json] [--as-of TIME] [--now TIME]
      checks an evidence bundle. DIR holds what you trust: origin, genesis.sha256, log.vkey, ca/*.pem or ca/*.der.
      TIME is written 2026-11-24T09:30:00.000Z. --as-of answers for an earlier time; --now remarks on an old checkpoint.

  ledger-audit replay DIR [--trust DIR] [--vault-key FILE] [--against FILE ...] [--json]
      follows the whole log of a closed ledger from its first leaf: hashes, chains, streams, seals, checkpoints, rules.
      --vault-key also opens the payloads and verifies every signature again. --against holds the log to receipts
      (JSON) or checkpoints that somebody kept.

  ledger-audit explain [CODE]
      says what a finding means; without a code, lists all of them.

Exit code: 0 passed, 1 failed, 2 indeterminate, 3 unusable input.
";

/// Exit code for input that cannot be used at all.
pub const UNUSABLE: u8 = 3;

/// Runs the program with its arguments (without its name); the result is the exit code.
pub fn run(
    arguments: impl IntoIterator<Item = OsString>,
    out: &mut dyn Write,
    errors: &mut dyn Write,
    colour: bool,
) -> io::Result<u8> {
    let mut arguments = arguments.into_iter();
    let command = arguments.next().unwrap_or_default();
    let rest: Vec<OsString> = arguments.collect();
    match command.to_str() {
        Some("verify") => verify::run(rest, out, errors, colour),
        Some("replay") => replay::run(rest, out, errors, colour),
        Some("explain") => explain::run(&rest, out, errors),
        Some("--help" | "-h" | "help") => {
            out.write_all(HELP.as_bytes())?;
            Ok(0)
        }
        _ => {
            errors.write_all(HELP.as_bytes())?;
            Ok(UNUSABLE)
        }
    }
}
