//! Completeness: every stream that the question needs, with all its positions, against the sealed map.

use std::collections::BTreeSet;

use super::{Case, CompleteStream};
use crate::digest::Digest;
use crate::evidence::finding::{Code, Finding};
use crate::evidence::manifest::StreamClaim;
use crate::id::{LeafIndex, StreamId, StreamKind};
use crate::log::map::MapProof;
use crate::log::stream::StreamFrontier;

pub(super) fn check(case: &mut Case<'_>) {
    let claims = case.bundle.streams.streams.clone();
    for claim in &claims {
        let before = case.findings.len();
        let stream = check_claim(case, claim);
        if case.findings.len() == before {
            let detail = format!("{}: {} records", claim.stream, claim.count);
            case.find(Code::StreamComplete, detail);
        }
        if let Some(stream) = stream {
            if stream.withheld > 0 {
                let detail = format!("{}: {} of {} withheld", claim.stream, stream.withheld, claim.count);
                case.find(Code::StreamWithheld, detail);
            }
            case.streams.insert(claim.stream.clone(), stream);
        }
    }
    check_required(case, &claims);
}

/// The stream, if the sealed map confirms it.
fn check_claim(case: &mut Case<'_>, claim: &StreamClaim) -> Option<CompleteStream> {
    let stream = &claim.stream;
    let mut complete = CompleteStream::default();
    let mut frontier = StreamFrontier::default();
    let mut indexes = BTreeSet::new();
    let mut in_order = true;
    for position in &claim.positions {
        let index = position.index;
        let leaf = match (position.withheld, case.leaves.get(&index).copied()) {
            (None, Some(leaf)) => leaf,
            (Some(leaf), None) => {
                complete.withheld += 1;
                leaf
            }
            (None, None) | (Some(_), Some(_)) => {
                case.find_at(Code::StreamOrder, index, format!("{stream}: shown and withheld, or neither"));
                in_order = false;
                continue;
            }
        };
        if frontier.push(index, &leaf).is_err() {
            case.find_at(Code::StreamOrder, index, format!("{stream}: out of order"));
            in_order = false;
        }
        let foreign = case.records.get(&index).is_some_and(|shown| !shown.record.streams.contains(stream));
        if foreign {
            case.find_at(Code::StreamForeignLeaf, index, stream.to_string());
        }
        indexes.insert(index);
        complete.positions.push((index, leaf));
    }
    let names = |shown: &super::Shown| shown.record.streams.contains(stream);
    let omitted: Vec<LeafIndex> = case
        .records
        .iter()
        .filter(|(index, shown)| names(shown) && !indexes.contains(index))
        .map(|(i, _)| *i)
        .collect();
    for index in omitted {
        case.find_at(Code::StreamOmitsRecord, index, stream.to_string());
    }
    check_gaps(case, stream, &complete);
    let counted = frontier.count() == claim.count;
    let proof = MapProof::decode_present(&claim.map.0);
    let map_root = case.seal.as_ref().map(|seal| seal.map_root);
    let proven = match (map_root, proof) {
        (Some(root), Ok(proof)) => proof.verify(&root, &stream.map_key(), Some(&frontier.head_value())).is_ok(),
        _ => false,
    };
    if !(counted && in_order && proven) {
        let why = match (counted && in_order, map_root) {
            (false, _) => "the positions are not as many as they should be",
            (true, None) => "there is no seal to hold it against",
            (true, Some(_)) => "the map of the seal holds another head",
        };
        case.find(Code::StreamIncomplete, format!("{stream}: {why}"));
        return None;
    }
    Some(complete)
}

/// In a complete stream every home record is shown or withheld: where `seq` jumps, that many must be withheld between.
fn check_gaps(case: &mut Case<'_>, stream: &StreamId, complete: &CompleteStream) {
    let (mut expected, mut prev, mut hidden) = (0, case.trust.genesis, BTreeSet::<Digest>::new());
    let mut findings = Vec::new();
    for (index, leaf) in &complete.positions {
        let Some(shown) = case.records.get(index) else {
            hidden.insert(*leaf);
            continue;
        };
        if shown.record.home() != Some(stream) {
            continue;
        }
        let missing = shown.record.seq.checked_sub(expected).and_then(|missing| usize::try_from(missing).ok());
        let fits = match missing {
            Some(0) => shown.record.prev == prev,
            Some(missing) => missing <= hidden.len() && hidden.contains(&shown.record.prev),
            None => false,
        };
        if !fits {
            let detail = format!("seq {} of {stream}, {expected} was due", shown.record.seq);
            findings.push(Finding::new(Code::ChainBroken, detail).about(*index, Some(shown.record.id)));
        }
        (expected, prev) = (shown.record.seq.saturating_add(1), *leaf);
        hidden.clear();
    }
    case.findings.extend(findings.into_iter().filter(|finding| !case.findings.contains(finding)).collect::<Vec<_>>());
}

/// The streams without which the five questions cannot be answered.
fn check_required(case: &mut Case<'_>, claims: &[StreamClaim]) {
    let document = StreamId::document(case.bundle.manifest.document);
    let mut required = BTreeSet::from([document.clone()]);
    for shown in case.records.values().filter(|shown| shown.record.streams.contains(&document)) {
        required.extend(shown.record.home().filter(|home| home.kind() == StreamKind::Delivery).cloned());
        if let Some(signed) = shown.event.signature() {
            required.extend([StreamId::certificate(signed.certificate), StreamId::key(signed.key)]);
        }
    }
    for stream in required.into_iter().filter(|stream| !claims.iter().any(|claim| claim.stream == *stream)) {
        case.find(Code::StreamMissing, stream.to_string());
    }
}
