//! The verifier: a bundle, a trust directory and nothing else in; everything that can be said about it out.
//!
//! Pure: no clock, no network, no ledger. No check stops the others; a verdict is the worst of all findings.
//! Not here: what needs more than one document (journal numbers, omissions from the map itself), which
//! a replay of the whole ledger finds.

use std::collections::BTreeMap;

use serde::Serialize;

use super::bundle::{self, Bundle, BundleError};
use super::conditions::{self, FourConditions};
use super::container::{CONTAINER_BYTES_MAX, ContainerError};
use super::finding::{Code, Finding, Outcome};
use super::questions::{self, Answer};
use super::trust::TrustDirectory;
use crate::digest::Digest;
use crate::domain::Recorded;
use crate::domain::event::Event;
use crate::id::{DocumentId, EventId, LeafIndex, Origin, StreamId, TreeSize};
use crate::log::checkpoint::VerifiedCheckpoint;
use crate::log::genesis::Genesis;
use crate::log::seal::Seal;
use crate::record::Record;
use crate::time::Timestamp;

mod files;
mod ledger;
mod payloads;
mod records;
mod rules;
pub(super) mod signatures;
mod streams;

/// How to verify.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Answer as of this time instead of the checkpoint's; everything is checked all the same.
    pub as_of: Option<Timestamp>,
    /// What time it is now, to say how old the checkpoint is. Nothing else depends on it.
    pub now: Option<Timestamp>,
}

/// What everything comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Every check was made and holds.
    Passed,
    /// Something is wrong.
    Failed,
    /// Nothing is wrong, and something could not be found out.
    Indeterminate,
}

/// Everything that a verification has to say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The worst of all findings.
    pub verdict: Verdict,
    /// The document that the bundle is about, as it says itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub document: Option<DocumentId>,
    /// The ledger of the trust directory.
    pub origin: Origin,
    /// Size of the verified checkpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<TreeSize>,
    /// Time of the verified seal: what happened later is not in the bundle.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sealed_at: Option<Timestamp>,
    /// The answers to the five questions (clause 9.15).
    pub questions: Vec<Answer>,
    /// The four conditions for each signature and recipient (clause 5.2.3).
    pub conditions: Vec<FourConditions>,
    /// The records about the document, in order.
    pub timeline: Vec<TimelineEntry>,
    /// All findings: failures first, then what is open, then remarks, then what holds.
    pub findings: Vec<Finding>,
}

/// One record about the document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TimelineEntry {
    /// Its place in the log.
    pub index: LeafIndex,
    /// When the operator recorded it.
    pub at: Timestamp,
    /// What happened.
    pub event: &'static str,
    /// The event's id.
    pub id: EventId,
    /// The stream that it is homed in.
    pub stream: StreamId,
}

/// The input is no bundle at all; there is nothing to verify.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// Not a ZIP.
    #[error("not an evidence bundle: it does not begin as a ZIP file")]
    NotZip,
    /// Larger than any bundle.
    #[error("not an evidence bundle: larger than {CONTAINER_BYTES_MAX} bytes or too many entries")]
    TooLarge(#[source] ContainerError),
}

/// A record that was read.
#[derive(Debug, Clone)]
pub(super) struct Shown {
    /// Its leaf hash.
    pub(super) leaf: Digest,
    pub(super) record: Record,
    pub(super) event: Event,
}

impl Shown {
    /// How an aggregate folds it.
    pub(super) const fn recorded(&self) -> Recorded {
        Recorded { id: self.record.id, at: self.record.at }
    }
}

/// A stream that the sealed map confirms.
#[derive(Debug, Clone, Default)]
pub(super) struct CompleteStream {
    /// Every position, with the leaf hash; those withheld have no record.
    pub(super) positions: Vec<(LeafIndex, Digest)>,
    /// How many are withheld.
    pub(super) withheld: usize,
}

/// What the checks have found so far and build upon.
pub(super) struct Case<'a> {
    pub(super) bundle: Bundle<'a>,
    pub(super) trust: &'a TrustDirectory,
    pub(super) findings: Vec<Finding>,
    pub(super) genesis: Option<Genesis>,
    pub(super) checkpoint: Option<VerifiedCheckpoint>,
    pub(super) seal: Option<Seal>,
    /// Leaf hash of every shown leaf.
    pub(super) leaves: BTreeMap<LeafIndex, Digest>,
    pub(super) records: BTreeMap<LeafIndex, Shown>,
    pub(super) streams: BTreeMap<StreamId, CompleteStream>,
    /// Answers take records up to this one only.
    pub(super) until: Option<Timestamp>,
}

impl Case<'_> {
    pub(super) fn find(&mut self, code: Code, detail: impl Into<String>) {
        self.findings.push(Finding::new(code, detail));
    }

    pub(super) fn find_at(&mut self, code: Code, index: LeafIndex, detail: impl Into<String>) {
        let id = self.records.get(&index).map(|shown| shown.record.id);
        self.findings.push(Finding::new(code, detail).about(index, id));
    }

    /// Whether a failure of this code was found.
    pub(super) fn has(&self, code: Code) -> bool {
        self.findings.iter().any(|finding| finding.code == code)
    }

    /// Whether something is wrong with this record, or with the bundle as a whole.
    pub(super) fn is_contradicted(&self, index: LeafIndex) -> bool {
        let bears = |finding: &Finding| finding.event.as_ref().is_none_or(|event| event.index == index);
        self.findings.iter().any(|finding| finding.outcome == Outcome::Fail && bears(finding))
    }

    /// Whether something is wrong with this record or with the bundle as a whole, other than what the check of the
    /// record's signature came to.
    pub(super) fn is_contradicted_beside_its_signature(&self, index: LeafIndex) -> bool {
        let bears = |finding: &Finding| match &finding.event {
            None => true,
            Some(event) => event.index == index && finding.code != Code::SignatureFailed,
        };
        self.findings.iter().any(|finding| finding.outcome == Outcome::Fail && bears(finding))
    }

    /// The records that answers take into account, in log order.
    pub(super) fn considered(&self) -> impl Iterator<Item = (LeafIndex, &Shown)> {
        let until = self.until;
        let in_time = move |shown: &Shown| until.is_none_or(|until| shown.record.at <= until);
        self.records.iter().map(|(index, shown)| (*index, shown)).filter(move |(_, shown)| in_time(shown))
    }

    /// The records homed in a stream, in log order.
    pub(super) fn homed<'a>(&'a self, stream: &'a StreamId) -> impl Iterator<Item = (LeafIndex, &'a Shown)> {
        self.considered().filter(move |(_, shown)| shown.record.home() == Some(stream))
    }
}

/// Verifies a bundle.
pub fn verify(bytes: &[u8], trust: &TrustDirectory, options: Options) -> Result<Report, Unusable> {
    if !bytes.starts_with(b"PK\x03\x04") {
        return Err(Unusable::NotZip);
    }
    let bundle = match bundle::open(bytes) {
        Ok(bundle) => bundle,
        Err(BundleError::Container(error @ ContainerError::Limit { .. })) => return Err(Unusable::TooLarge(error)),
        Err(error) => return Ok(unreadable(trust, &error)),
    };
    let mut case = Case {
        bundle,
        trust,
        findings: Vec::new(),
        genesis: None,
        checkpoint: None,
        seal: None,
        leaves: BTreeMap::new(),
        records: BTreeMap::new(),
        streams: BTreeMap::new(),
        until: options.as_of,
    };
    files::check(&mut case);
    ledger::check(&mut case);
    records::check(&mut case);
    streams::check(&mut case);
    payloads::check(&mut case);
    rules::check(&mut case);
    let judged = signatures::check(&mut case);
    remarks(&mut case, options);
    let conditions = conditions::assess(&case, &judged);
    let questions = questions::answer(&case, &judged);
    Ok(report(case, questions, conditions))
}

fn unreadable(trust: &TrustDirectory, error: &BundleError) -> Report {
    let code = match error {
        BundleError::Container(_) => Code::ContainerDamaged,
        BundleError::FileMissing { .. } | BundleError::File { .. } | BundleError::LeafName { .. } => {
            Code::ManifestInvalid
        }
    };
    let mut detail = error.to_string();
    if let Some(source) = std::error::Error::source(error) {
        detail = format!("{detail}: {source}");
    }
    Report {
        verdict: Verdict::Failed,
        document: None,
        origin: trust.origin.clone(),
        size: None,
        sealed_at: None,
        questions: Vec::new(),
        conditions: Vec::new(),
        timeline: Vec::new(),
        findings: vec![Finding::new(code, detail)],
    }
}

/// A checkpoint older than this is worth a remark.
const OLD_AFTER_MS: u64 = 24 * 3600 * 1000;

fn remarks(case: &mut Case<'_>, options: Options) {
    case.find(Code::OperatorWordOnly, "");
    case.find(Code::TimesOperator, "");
    case.find(Code::JournalNumbers, "");
    if let Some(as_of) = options.as_of {
        case.find(Code::AsOf, as_of.to_string());
    }
    let sealed_at = case.seal.as_ref().map(|seal| seal.at);
    if let (Some(now), Some(at)) = (options.now, sealed_at)
        && now > at.plus_ms(OLD_AFTER_MS)
    {
        case.find(Code::CheckpointOld, format!("sealed at {at}"));
    }
}

fn report(case: Case<'_>, questions: Vec<Answer>, conditions: Vec<FourConditions>) -> Report {
    let document = case.bundle.manifest.document;
    let of_document = StreamId::document(document);
    let timeline = case
        .considered()
        .filter(|(_, shown)| shown.event.document() == Some(document) || shown.record.streams.contains(&of_document))
        .filter_map(|(index, shown)| {
            Some(TimelineEntry {
                index,
                at: shown.record.at,
                event: shown.event.type_name(),
                id: shown.record.id,
                stream: shown.record.home()?.clone(),
            })
        })
        .collect();
    let mut findings = case.findings;
    findings.sort_by_key(|finding| (finding.outcome, finding.event.as_ref().map(|event| event.index)));
    let has = |outcome| findings.iter().any(|finding| finding.outcome == outcome);
    let verdict = match (has(Outcome::Fail), has(Outcome::Indeterminate)) {
        (true, _) => Verdict::Failed,
        (false, true) => Verdict::Indeterminate,
        (false, false) => Verdict::Passed,
    };
    Report {
        verdict,
        document: Some(document),
        origin: case.trust.origin.clone(),
        size: case.checkpoint.as_ref().map(VerifiedCheckpoint::size),
        sealed_at: case.seal.as_ref().map(|seal| seal.at),
        questions,
        conditions,
        timeline,
        findings,
    }
}
