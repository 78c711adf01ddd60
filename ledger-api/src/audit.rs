//! The auditor: checks evidence offline, with what the reader trusts and nothing from the operator.
//!
//! Exit codes: 0 passed, 1 failed, 2 indeterminate, 3 unusable input.

use std::ffi::OsString;
use std::io::{self, Write};

pub mod explain;
pub mod input;
pub mod replay;
pub mod segments;
pub mod signature;
pub mod text;
pub mod verify;

/// What `--help` prints.
const HELP: &str = "ledger-audit: checks the evidence of a document ledger, offline

  ledger-audit verify FILE --trust DIR [--json] [--as-of TIME] [--now TIME]
      checks an evidence bundle. DIR holds what you trust: origin, genesis.sha256, log.vkey and certificates (below).
      TIME is written 2026-11-24T09:30:00.000Z. --as-of answers for an earlier time; --now remarks on an old checkpoint.

  ledger-audit replay DIR [--trust DIR] [--vault-key FILE] [--against FILE ...] [--json]
      follows the whole log of a closed ledger from its first leaf: hashes, chains, streams, seals, checkpoints, rules.
      --vault-key also opens the payloads and verifies every signature again. --against holds the log to receipts
      (JSON) or checkpoints that somebody kept.

  ledger-audit signature FILE [--content FILE] --trust DIR --at TIME [--receipt TIME] [--policy FILE]
               [--crl FILE ...] [--ocsp FILE ...] [--certificate FILE ...] [--timestamp FILE ...]
               [--document-type TYPE] [--test-hierarchy] [--lang ru|kk|en] [--json]
      checks one CMS signature without any ledger, as of the time of signing that you state and that of receipt.
      Without --content the document is the one inside. Files may be DER, PEM or base64. The policy is JSON; without
      one it is default-2026, which demands evidence of revocation. --json prints the canonical report.

  ledger-audit certificate FILE --trust DIR --at TIME [--policy FILE] [--crl FILE ...] [--ocsp FILE ...]
               [--certificate FILE ...] [--test-hierarchy] [--lang ru|kk|en] [--json]
      checks one certificate likewise.

  ledger-audit explain [CODE] [--lang ru|kk|en]
      says what a finding or a check means; without a code, lists all of them.

Certificates in the trust directory (*.pem, *.der, *.crt, *.cer):
  ca/       every one is a trusted root, self-issued or not
  ca/prod/  the self-issued ones are roots of real persons, the others help to build chains
  ca/test/  likewise of test keys; their signatures count with --test-hierarchy only, or where the policy says so
  tsa/, tsa/prod/, tsa/test/  likewise, for timestamps alone
  terms.json  from SHA-256 of a certificate to terms: hierarchy, authority, purposes, trusted_from, trusted_until

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
        Some("signature") => signature::run(rest, out, errors, colour),
        Some("certificate") => signature::run_certificate(rest, out, errors, colour),
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
