//! `ledger-audit explain`: the codes of evidence findings and of signature checks, for people.

use std::ffi::OsString;
use std::io::{self, Write};

use ledger_core::evidence::finding::Code;
use ledger_core::pki::report::{Language, Words, codes};

use super::UNUSABLE;

/// Runs the command with its arguments; the result is the exit code.
pub fn run(arguments: &[OsString], out: &mut dyn Write, errors: &mut dyn Write) -> io::Result<u8> {
    let (mut code, mut language) = (None, None);
    let mut arguments = arguments.iter().map(|argument| argument.to_str().unwrap_or_default());
    while let Some(argument) = arguments.next() {
        if argument == "--lang" {
            language = arguments.next().and_then(Language::parse);
            if language.is_none() {
                writeln!(errors, "--lang is ru, kk or en")?;
                return Ok(UNUSABLE);
            }
        } else if code.replace(argument).is_some() {
            writeln!(errors, "one code at a time")?;
            return Ok(UNUSABLE);
        }
    }
    let Some(code) = code else {
        list(out, language.unwrap_or(Language::English))?;
        return Ok(0);
    };
    // A code of a finding and one of a check may read alike; then both are meant.
    let finding = Code::parse(code);
    let check = codes::ALL.iter().find(|known| **known == code);
    if let Some(finding) = finding {
        explain_finding(out, finding, language)?;
    }
    if let Some(check) = check {
        explain_check(out, check, language)?;
    }
    if finding.is_none() && check.is_none() {
        writeln!(errors, "no such code; `ledger-audit explain` lists all of them")?;
        return Ok(UNUSABLE);
    }
    Ok(0)
}

fn list(out: &mut dyn Write, language: Language) -> io::Result<()> {
    for code in Code::ALL {
        writeln!(out, "{:<38} {:<14} {}", code.as_str(), code.outcome().as_str(), title(*code, language))?;
    }
    for code in codes::ALL {
        let title = Words::of(code, language).map_or("", |words| words.title);
        writeln!(out, "{code:<38} {:<14} {title}", "check")?;
    }
    Ok(())
}

const fn title(code: Code, language: Language) -> &'static str {
    match language {
        Language::English => code.title(),
        Language::Russian => code.title_ru(),
        Language::Kazakh => code.title_kk(),
    }
}

/// The languages to show: the one asked for, or all.
fn shown(language: Option<Language>) -> impl Iterator<Item = Language> {
    Language::ALL.into_iter().filter(move |one| language.is_none_or(|wanted| wanted == *one))
}

/// What a finding means is written in English; its title in every language.
fn explain_finding(out: &mut dyn Write, code: Code, language: Option<Language>) -> io::Result<()> {
    writeln!(out, "{code} ({}, clause {})", code.outcome().as_str(), code.clause())?;
    for one in shown(language) {
        writeln!(out, "  {}  {}", one.as_str(), title(code, one))?;
    }
    writeln!(out, "\n{}", code.explanation())
}

fn explain_check(out: &mut dyn Write, code: &str, language: Option<Language>) -> io::Result<()> {
    writeln!(out, "{code} (check of a signature or certificate, clause 8.2)")?;
    for one in shown(language) {
        let Some(words) = Words::of(code, one) else { continue };
        writeln!(out, "  {}  {}\n      {}", one.as_str(), words.title, words.explanation)?;
    }
    Ok(())
}
