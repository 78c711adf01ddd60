//! The records: canonical, of a known type, naming the right streams, in order, each once.

use std::collections::BTreeMap;

use super::{Case, Shown};
use crate::digest::Digest;
use crate::domain::event::{Event, EventError};
use crate::evidence::finding::{Code, Finding};
use crate::id::{EventId, LeafIndex};
use crate::record::Record;

pub(super) fn check(case: &mut Case<'_>) {
    let seal = LeafIndex(case.bundle.inclusion.size.0.saturating_sub(1));
    let leaves: Vec<(LeafIndex, &[u8])> = case.bundle.leaves.iter().map(|(index, bytes)| (*index, *bytes)).collect();
    let (mut broken, mut ids) = (false, BTreeMap::<EventId, LeafIndex>::new());
    let mut before = case.genesis.as_ref().map(|genesis| genesis.at);
    let until = case.seal.as_ref().map(|seal| seal.at);
    for (index, bytes) in leaves.into_iter().filter(|(index, _)| index.0 > 0 && *index != seal) {
        let leaf = case.leaves.get(&index).copied().unwrap_or_default();
        let record = match Record::decode(bytes) {
            Ok(record) => record,
            Err(error) => {
                broken = true;
                case.find_at(Code::RecordMalformed, index, error.to_string());
                continue;
            }
        };
        let mut found = |code, detail: String| {
            broken = true;
            case.findings.push(Finding::new(code, detail).about(index, Some(record.id)));
        };
        if before.is_some_and(|before| record.at < before) || until.is_some_and(|until| record.at > until) {
            found(Code::RecordOrder, format!("recorded at {}", record.at));
        }
        before = before.max(Some(record.at));
        if let Some(first) = ids.insert(record.id, index) {
            found(Code::RecordDoubled, format!("also at leaf {first}"));
        }
        match Event::decode(&record) {
            Ok(event) => drop(case.records.insert(index, Shown { leaf, record, event })),
            Err(error @ EventError::Streams { .. }) => found(Code::RecordStreams, error.to_string()),
            Err(error) => found(Code::RecordMalformed, error.to_string()),
        }
    }
    broken |= check_chains(case);
    if !broken {
        case.find(Code::RecordsVerified, format!("{} records", case.records.len()));
    }
}

/// The chain of each home stream, as far as its records are shown. Whether one is missing is for the stream's
/// completeness to say; here neighbours must fit and the first must follow the genesis.
fn check_chains(case: &mut Case<'_>) -> bool {
    let genesis = case.trust.genesis;
    let mut heads: BTreeMap<&crate::id::StreamId, (u64, Digest)> = BTreeMap::new();
    let mut findings = Vec::new();
    for (index, shown) in &case.records {
        let Some(home) = shown.record.home() else { continue };
        let (seq, prev) = (shown.record.seq, shown.record.prev);
        let fits = match heads.insert(home, (seq, shown.leaf)) {
            None => (seq == 0) == (prev == genesis),
            Some((last, leaf)) if last.checked_add(1) == Some(seq) => prev == leaf,
            Some((last, _)) => seq > last,
        };
        if !fits {
            let detail = format!("seq {seq} of {home}");
            findings.push(Finding::new(Code::ChainBroken, detail).about(*index, Some(shown.record.id)));
        }
    }
    case.findings.extend(findings.iter().cloned());
    !findings.is_empty()
}
