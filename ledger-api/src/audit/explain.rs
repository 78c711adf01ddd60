//! `ledger-audit explain`: the table of codes for people.

use std::ffi::OsString;
use std::io::{self, Write};

use ledger_core::evidence::finding::Code;

use super::UNUSABLE;

/// Runs the command with its arguments; the result is the exit code.
pub fn run(arguments: &[OsString], out: &mut dyn Write, errors: &mut dyn Write) -> io::Result<u8> {
    match arguments {
        [] => {
            for code in Code::ALL {
                writeln!(out, "{:<24} {:<14} {}", code.as_str(), code.outcome().as_str(), code.title())?;
            }
            Ok(0)
        }
        [text] => {
            let Some(code) = text.to_str().and_then(Code::parse) else {
                writeln!(errors, "no such code; `ledger-audit explain` lists all of them")?;
                return Ok(UNUSABLE);
            };
            writeln!(out, "{code} ({}, clause {})", code.outcome().as_str(), code.clause())?;
            writeln!(out, "  en  {}\n  ru  {}\n  kk  {}", code.title(), code.title_ru(), code.title_kk())?;
            writeln!(out, "\n{}", code.explanation())?;
            Ok(0)
        }
        _ => {
            writeln!(errors, "one code at a time")?;
            Ok(UNUSABLE)
        }
    }
}
