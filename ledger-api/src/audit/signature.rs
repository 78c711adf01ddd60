//! `ledger-audit signature` and `ledger-audit certificate`: one CMS or one certificate, without any ledger.
//!
//! The times are the asker's word: no clock is read. Whom to trust comes from the directory, never from the file.

mod page;
mod wording;

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ledger_core::pki::certificate::Certificate;
use ledger_core::pki::limits::{CERTIFICATE_BYTES_MAX, CMS_BYTES_MAX, CRL_BYTES_MAX};
use ledger_core::pki::pem::Kind;
use ledger_core::pki::report::Language;
use ledger_core::signature::{
    EvidenceSet, SignaturePolicy, TrustSnapshot, Verdict, VerifyInput, carried_certificates, embedded_content, verify,
    verify_certificate,
};
use ledger_core::time::Timestamp;
use page::Page;

use super::input::{InputError, read, read_all, read_authorities, read_one, time, unusable};

/// A policy in JSON; the longest rules have some KiB.
const POLICY_BYTES_MAX: usize = 1024 * 1024;
/// A file of evidence may hold several PEM blocks, in text a third longer.
const EVIDENCE_BYTES_MAX: usize = CRL_BYTES_MAX * 2;

#[derive(Default)]
struct Arguments {
    file: Option<PathBuf>,
    content: Option<PathBuf>,
    trust: Option<PathBuf>,
    at: Option<Timestamp>,
    receipt: Option<Timestamp>,
    policy: Option<PathBuf>,
    evidence: Vec<(Kind, PathBuf)>,
    document_type: Option<String>,
    test_hierarchy: bool,
    language: Option<Language>,
    json: bool,
}

/// What both commands need, read and parsed.
struct Setting {
    file: PathBuf,
    at: Timestamp,
    trust: TrustSnapshot,
    policy: SignaturePolicy,
    evidence: EvidenceSet,
    language: Language,
}

/// Runs `ledger-audit signature` with its arguments; the result is the exit code.
pub fn run(arguments: Vec<OsString>, out: &mut dyn Write, errors: &mut dyn Write, colour: bool) -> io::Result<u8> {
    let done = parse(arguments).and_then(|arguments| Ok((check(&arguments, colour)?, arguments.json)));
    finish(done, out, errors)
}

/// Runs `ledger-audit certificate` with its arguments; the result is the exit code.
pub fn run_certificate(
    arguments: Vec<OsString>,
    out: &mut dyn Write,
    errors: &mut dyn Write,
    colour: bool,
) -> io::Result<u8> {
    let done = parse(arguments).and_then(|arguments| Ok((check_certificate(&arguments, colour)?, arguments.json)));
    finish(done, out, errors)
}

/// A report in both forms.
struct Done {
    verdict: Verdict,
    canonical: Vec<u8>,
    text: String,
}

fn finish(done: Result<(Done, bool), InputError>, out: &mut dyn Write, errors: &mut dyn Write) -> io::Result<u8> {
    match done {
        Ok((done, json)) => {
            if json {
                out.write_all(&done.canonical)?;
                writeln!(out)?;
            } else {
                out.write_all(done.text.as_bytes())?;
            }
            Ok(match done.verdict {
                Verdict::Passed => 0,
                Verdict::Failed(_) => 1,
                Verdict::Indeterminate(_) => 2,
            })
        }
        Err(error) => unusable(errors, &error),
    }
}

fn check(arguments: &Arguments, colour: bool) -> Result<Done, InputError> {
    let setting = Setting::read(arguments)?;
    let signature = read_one(&setting.file, CMS_BYTES_MAX * 2, Kind::Signature)?;
    let inside = embedded_content(&signature);
    let document = match (&arguments.content, inside) {
        (Some(path), _) => read(path, CMS_BYTES_MAX)?,
        (None, Some(inside)) => inside,
        (None, None) => {
            let missing = "no document is inside the file: name the signed one with --content";
            return Err(InputError::Arguments(missing));
        }
    };
    let report = verify(&VerifyInput {
        document: &document,
        signature: &signature,
        evidence: &setting.evidence,
        trust: &setting.trust,
        policy: &setting.policy,
        signing_time: setting.at,
        receipt_time: arguments.receipt.unwrap_or(setting.at),
        known_until: None,
        document_type: arguments.document_type.as_deref(),
    });
    let canonical = report.to_canonical_bytes()?;
    let of_tokens = setting.evidence.timestamps().iter().flat_map(|token| carried_certificates(token));
    let carried = carried_certificates(&signature).into_iter().chain(of_tokens).collect();
    let mut page = Page::new(setting.language, colour, setting.known(carried));
    page.verdict(report.overall, &name(&setting.file));
    page.document(arguments.content.as_deref().map(name).as_deref(), &document, &report.input.document);
    page.setting(&setting.policy, report.policy, &setting.trust, report.trust);
    page.moments(&report.input);
    page.unusable(setting.evidence.unusable());
    page.checks(&report.format, report.overall);
    for signature in &report.signatures {
        page.signature(signature, report.signatures.len());
    }
    for timestamp in &report.timestamps {
        page.timestamp(timestamp);
    }
    Ok(Done { verdict: report.overall, canonical, text: page.finish() })
}

fn check_certificate(arguments: &Arguments, colour: bool) -> Result<Done, InputError> {
    if arguments.content.is_some() || arguments.receipt.is_some() || arguments.document_type.is_some() {
        return Err(InputError::Arguments("--content, --receipt and --document-type are for signatures"));
    }
    let setting = Setting::read(arguments)?;
    let der = read_one(&setting.file, CERTIFICATE_BYTES_MAX * 2, Kind::Certificate)?;
    let report = verify_certificate(&der, &setting.evidence, &setting.trust, &setting.policy, setting.at, None);
    let canonical = report.to_canonical_bytes()?;
    let own = Certificate::parse(&der).ok().map(Arc::new);
    let mut page = Page::new(setting.language, colour, setting.known(own.iter().cloned().collect()));
    page.verdict(report.verdict, &name(&setting.file));
    page.setting(&setting.policy, report.policy, &setting.trust, report.trust);
    page.moment(report.at);
    page.unusable(setting.evidence.unusable());
    if let Some(own) = &own {
        page.certificate(own);
    }
    page.chain(&report.chain);
    page.checks(&report, report.verdict);
    Ok(Done { verdict: report.verdict, canonical, text: page.finish() })
}

fn name(path: impl AsRef<Path>) -> String {
    path.as_ref().file_name().unwrap_or_default().to_string_lossy().into_owned()
}

impl Setting {
    fn read(arguments: &Arguments) -> Result<Self, InputError> {
        let missing = InputError::Arguments;
        let file = arguments.file.clone().ok_or(missing("no file is named"))?;
        let trust = arguments.trust.as_deref();
        let trust = trust.ok_or(missing("--trust DIR is missing: whom to trust never comes from the file"))?;
        let at = arguments.at.ok_or(missing("--at TIME is missing: no clock is read here"))?;
        if arguments.receipt.is_some_and(|receipt| receipt < at) {
            return Err(missing("the time of receipt lies before that of signing"));
        }
        let mut policy = match &arguments.policy {
            Some(path) => serde_json::from_slice(&read(path, POLICY_BYTES_MAX)?)
                .map_err(|source| InputError::Policy { path: path.clone(), source })?,
            None => SignaturePolicy::default_2026(),
        };
        policy.accept_test_hierarchy |= arguments.test_hierarchy;
        let trust = read_authorities(trust)?;
        let mut evidence = EvidenceSet::default();
        for (kind, path) in &arguments.evidence {
            for der in read_all(path, EVIDENCE_BYTES_MAX, *kind)? {
                match kind {
                    Kind::Certificate => evidence.add_certificate(&der),
                    Kind::Crl => evidence.add_crl(&der),
                    Kind::Ocsp => evidence.add_ocsp(&der),
                    Kind::Timestamp => evidence.add_timestamp(&der),
                    // No option gives another signature.
                    Kind::Signature => {}
                }
            }
        }
        let language = arguments.language.unwrap_or(Language::English);
        Ok(Self { file, at, trust, policy, evidence, language })
    }

    /// Every certificate that may stand in a chain, to call it by its name.
    fn known(&self, more: Vec<Arc<Certificate>>) -> Vec<Arc<Certificate>> {
        let own = self.trust.anchors().iter().chain(self.trust.intermediates()).chain(self.evidence.certificates());
        own.cloned().chain(more).collect()
    }
}

fn parse(arguments: Vec<OsString>) -> Result<Arguments, InputError> {
    let mut parsed = Arguments::default();
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        let mut value = |what| arguments.next().ok_or(InputError::Arguments(what));
        let mut file = || value("the option needs a file").map(PathBuf::from);
        match argument.to_str() {
            Some("--json") => parsed.json = true,
            Some("--test-hierarchy") => parsed.test_hierarchy = true,
            Some("--trust") => parsed.trust = Some(PathBuf::from(value("--trust needs a directory")?)),
            Some("--at") => parsed.at = Some(time(&value("--at needs a time")?)?),
            Some("--receipt") => parsed.receipt = Some(time(&value("--receipt needs a time")?)?),
            Some("--content") => parsed.content = Some(file()?),
            Some("--policy") => parsed.policy = Some(file()?),
            Some("--crl") => parsed.evidence.push((Kind::Crl, file()?)),
            Some("--ocsp") => parsed.evidence.push((Kind::Ocsp, file()?)),
            Some("--timestamp") => parsed.evidence.push((Kind::Timestamp, file()?)),
            Some("--certificate") => parsed.evidence.push((Kind::Certificate, file()?)),
            Some("--document-type") => {
                let text = value("--document-type needs a type")?.into_string();
                parsed.document_type = Some(text.map_err(|_| InputError::Arguments("the document type is no text"))?);
            }
            Some("--lang") => {
                let language = value("--lang needs ru, kk or en")?;
                let language = language.to_str().and_then(Language::parse);
                parsed.language = Some(language.ok_or(InputError::Arguments("--lang is ru, kk or en"))?);
            }
            Some(option) if option.starts_with("--") => return Err(InputError::Arguments("unknown option")),
            _ if parsed.file.is_none() => parsed.file = Some(PathBuf::from(argument)),
            _ => return Err(InputError::Arguments("one file at a time")),
        }
    }
    Ok(parsed)
}
