//! The whole log, followed again from its first leaf: every hash, every chain, every seal, every rule.
//!
//! Where a bundle shows one document, a replay is given everything, so nothing can be hidden from it (format.md
//! section 4). [`decode()`] looks at one leaf alone and may run on many threads; [`Replay`] takes the decoded leaves in
//! order. Nothing stops it: every finding is reported and the walk goes on.
//!
//! In memory stay the head of each stream, the map over them, the ids of all events (16 bytes each) and what the
//! rules of the exchange need to know of each document; nothing grows with the length of a record.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Verdict;
use super::finding::{Code, Finding, Outcome};
use super::trust::TrustDirectory;
use crate::digest::Digest;
use crate::id::{EventId, LeafIndex, Origin, TreeSize};
use crate::log::checkpoint::VerifiedCheckpoint;
use crate::log::genesis::Genesis;
use crate::log::merkle::{Frontier, Sha3Tree};
use crate::log::note::VerifierKey;
use crate::log::receipt::Receipt;
use crate::log::seal::{PreviousSeal, Seal};
use crate::log::stream::stream_leaf_hash;
use crate::time::Timestamp;

mod decode;
mod heads;
mod payloads;
mod rules;

pub use decode::{Content, Decoded, EventLeaf, decode};
use heads::Heads;
use payloads::PayloadAudit;
pub use payloads::{Opened, PayloadSource};
use rules::Rules;

/// How many findings are kept; the others are counted. A damaged log breaks everything that follows.
pub const FINDINGS_MAX: usize = 1000;

/// The replay of one log.
#[derive(Debug)]
pub struct Replay {
    trust: Option<TrustDirectory>,
    receipts: Vec<(String, Receipt)>,
    notes_held: Vec<(String, Vec<u8>)>,
    /// What verified receipts say of leaves and of sizes.
    promised_leaves: BTreeMap<LeafIndex, Vec<(Digest, String)>>,
    promised_roots: BTreeMap<TreeSize, Vec<(Digest, String)>>,
    /// The genesis, if there is one that can be used.
    known: Option<Known>,
    log: Frontier,
    alt: Frontier<Sha3Tree>,
    heads: Heads,
    ids: Vec<u128>,
    rules: Option<Rules>,
    payloads: Option<PayloadAudit>,
    last_at: Timestamp,
    previous_seal: PreviousSeal,
    sealed_at: Option<Timestamp>,
    /// Leaves since the last note.
    batch: u64,
    /// The last leaf is a seal for which no note was given yet.
    awaits_note: bool,
    notes: u64,
    findings: Findings,
}

#[derive(Debug)]
struct Known {
    origin: Origin,
    key: VerifierKey,
    hash: Digest,
    batch_records_max: u64,
}

/// What a replay found.
#[derive(Debug, Clone, Serialize)]
pub struct ReplayReport {
    /// Passed only if everything was checked and is right.
    pub verdict: Verdict,
    /// The log's name, if its genesis could be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// Leaf hash of the genesis.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub genesis: Option<Digest>,
    /// Number of leaves.
    pub size: TreeSize,
    /// Root over them.
    pub root: Digest,
    /// SHA3-256 root over them.
    pub alt_root: Digest,
    /// Root of the map over all streams.
    pub map_root: Digest,
    /// Number of streams.
    pub streams: u64,
    /// Number of events.
    pub events: u64,
    /// When the last seal was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sealed_at: Option<Timestamp>,
    /// The findings, in the order of the log; at most [`FINDINGS_MAX`], beside those that sum up.
    pub findings: Vec<Finding>,
    /// How many findings there were beyond those.
    pub omitted: u64,
}

#[derive(Debug, Default)]
struct Findings {
    kept: Vec<Finding>,
    omitted: u64,
    omitted_failure: bool,
}

impl Findings {
    fn add(&mut self, finding: Finding) {
        if self.kept.len() < FINDINGS_MAX {
            self.kept.push(finding);
        } else {
            self.omitted += 1;
            self.omitted_failure |= finding.outcome == Outcome::Fail;
        }
    }
}

impl Replay {
    /// A replay of a log from its beginning. Without a trust directory the log is checked only against itself.
    /// Receipts are those that participants hold, each with a name for the findings.
    pub fn new(trust: Option<TrustDirectory>, receipts: Vec<(String, Receipt)>) -> Self {
        Self {
            trust,
            receipts,
            notes_held: Vec::new(),
            promised_leaves: BTreeMap::new(),
            promised_roots: BTreeMap::new(),
            known: None,
            log: Frontier::new(),
            alt: Frontier::new(),
            heads: Heads::default(),
            ids: Vec::new(),
            rules: Some(Rules::default()),
            payloads: None,
            last_at: Timestamp::EPOCH,
            previous_seal: PreviousSeal { index: LeafIndex(0), leaf: Digest::default() },
            sealed_at: None,
            batch: 0,
            awaits_note: false,
            notes: 0,
            findings: Findings::default(),
        }
    }

    /// Leaves the rules of the exchange out: what remains are hashes, trees, map, seals and chains.
    #[must_use]
    pub fn without_rules(mut self) -> Self {
        self.rules = None;
        self
    }

    /// Also opens every payload, and verifies every signature again with the roots of the trust directory.
    #[must_use]
    pub fn with_payloads(mut self, source: Box<dyn PayloadSource>) -> Self {
        let authorities = self.trust.as_ref().and_then(|trust| trust.authorities.clone());
        self.payloads = Some(PayloadAudit::new(source, authorities));
        self
    }

    /// Holds the log to a signed checkpoint that was kept elsewhere. To be called before the first leaf.
    pub fn expect_note(&mut self, name: String, note: Vec<u8>) {
        self.notes_held.push((name, note));
    }

    /// The index that the next leaf gets.
    pub const fn next_index(&self) -> LeafIndex {
        LeafIndex(self.log.size().0)
    }

    /// Adds what somebody else found about the same log (files, payloads).
    pub fn find(&mut self, finding: Finding) {
        self.findings.add(finding);
    }

    /// Takes the next leaf; it must have been decoded for [`Replay::next_index`].
    pub fn push(&mut self, leaf: &Decoded) {
        let index = self.next_index();
        if self.awaits_note {
            self.fail(Code::BatchInvalid, index, None, "the seal before is not followed by a checkpoint");
            self.end_batch();
        }
        self.batch += 1;
        match &leaf.content {
            Content::Genesis(genesis) if index.0 == 0 => self.genesis(genesis, leaf.hash),
            Content::Event(event) if index.0 > 0 => self.event(index, leaf, event),
            Content::Seal(seal) if index.0 > 0 => self.seal(index, leaf.hash, seal),
            Content::Malformed { code, id, reason } => self.fail(*code, index, *id, reason),
            Content::Genesis(_) => {
                self.fail(Code::RecordMalformed, index, None, "a genesis stands behind the beginning");
            }
            Content::Event(_) | Content::Seal(_) => {
                self.fail(Code::GenesisInvalid, index, None, "leaf 0 is no genesis");
            }
        }
        for (promised, name) in self.promised_leaves.remove(&index).unwrap_or_default() {
            if promised != leaf.hash {
                self.fail(Code::Fork, index, None, format!("{name}: another leaf was acknowledged for this place"));
            }
        }
        self.log.push(leaf.hash);
        self.alt.push(leaf.alt_hash);
        self.compare_root();
    }

    fn compare_root(&mut self) {
        let size = self.log.size();
        let Some(promised) = self.promised_roots.remove(&size) else { return };
        let root = self.log.root();
        for (_, name) in promised.into_iter().filter(|(promised, _)| *promised != root) {
            let detail = format!("{name}: another root was signed for size {size}");
            self.fail(Code::Fork, LeafIndex(size.0.saturating_sub(1)), None, detail);
        }
    }

    fn genesis(&mut self, genesis: &Genesis, hash: Digest) {
        let stream = genesis.stream().map_key();
        // The first record of an empty stream.
        let _ = self.heads.push(stream, LeafIndex(0), stream_leaf_hash(LeafIndex(0), &hash), None);
        self.last_at = genesis.at;
        if let Some(payloads) = &mut self.payloads {
            payloads.begin(genesis);
        }
        self.previous_seal = PreviousSeal { index: LeafIndex(0), leaf: hash };
        let own_key = genesis.log_keys.first().cloned();
        let mut key = own_key.clone();
        match self.trust.clone() {
            None => {
                let detail = "no trust directory: the log is checked only against itself";
                self.findings.add(Finding::new(Code::GenesisUnpinned, detail).about(LeafIndex(0), None));
            }
            Some(trust) => {
                if trust.genesis != hash {
                    self.fail(Code::GenesisMismatch, LeafIndex(0), None, format!("leaf hash {hash}"));
                }
                if trust.origin != genesis.origin || !genesis.log_keys.contains(&trust.log_key) {
                    let detail = "origin or log key is not the pinned one";
                    self.fail(Code::GenesisInvalid, LeafIndex(0), None, detail);
                }
                key = Some(trust.log_key);
            }
        }
        let Some(key) = key.or(own_key) else { return };
        let origin = genesis.origin.clone();
        for (name, receipt) in std::mem::take(&mut self.receipts) {
            match receipt.verify(&origin, &key, &hash) {
                Ok(verified) => {
                    let leaves = self.promised_leaves.entry(verified.index()).or_default();
                    leaves.push((*verified.leaf_hash(), name.clone()));
                    let roots = self.promised_roots.entry(verified.checkpoint().size()).or_default();
                    roots.push((*verified.checkpoint().root(), name));
                }
                Err(error) => self.findings.add(Finding::new(Code::ReceiptInvalid, format!("{name}: {error}"))),
            }
        }
        for (name, note) in std::mem::take(&mut self.notes_held) {
            match VerifiedCheckpoint::verify(&note, origin.as_str(), &key) {
                Ok(checkpoint) => {
                    self.promised_roots.entry(checkpoint.size()).or_default().push((*checkpoint.root(), name));
                }
                Err(error) => self.findings.add(Finding::new(Code::CheckpointInvalid, format!("{name}: {error}"))),
            }
        }
        if self.promised_leaves.remove(&LeafIndex(0)).is_some_and(|all| all.iter().any(|(leaf, _)| *leaf != hash)) {
            self.fail(Code::Fork, LeafIndex(0), None, "a receipt is of another genesis");
        }
        let batch_records_max = genesis.limits.batch_records_max;
        self.known = Some(Known { origin, key, hash, batch_records_max });
    }

    fn event(&mut self, index: LeafIndex, leaf: &Decoded, event: &EventLeaf) {
        let EventLeaf { id, at, seq, prev, keys, stream_hash, .. } = event;
        self.ids.push(u128::from_be_bytes(*id.as_bytes()));
        let id = Some(*id);
        if *at < self.last_at {
            let detail = format!("at {at} after {}", self.last_at);
            self.fail(Code::RecordOrder, index, id, detail);
        }
        self.last_at = self.last_at.max(*at);
        let genesis = self.known.as_ref().map(|known| known.hash);
        if let Some(home) = keys.first() {
            let (next, last) = self.heads.chain(home);
            let last = last.or(genesis).unwrap_or_default();
            if *seq != next {
                self.fail(Code::ChainBroken, index, id, format!("seq is {seq}, not {next}"));
            }
            if *prev != last {
                self.fail(Code::ChainBroken, index, id, format!("prev is {prev}, not {last}"));
            }
        }
        for (place, key) in keys.iter().enumerate() {
            if self.heads.push(*key, index, *stream_hash, (place == 0).then_some(leaf.hash)).is_err() {
                self.fail(Code::StreamOrder, index, id, "the stream cannot take the record");
            }
        }
        if let Some(rules) = &mut self.rules {
            let findings = &mut self.findings;
            let origin = self.known.as_ref().map(|known| &known.origin);
            rules.event(index, event, origin, &mut |code, detail| {
                findings.add(Finding::new(code, detail).about(index, id));
            });
        }
        if let (Some(payloads), Some(known)) = (&mut self.payloads, &self.known) {
            let findings = &mut self.findings;
            payloads.event(event, &known.origin, &mut |code, detail| {
                findings.add(Finding::new(code, detail).about(index, id));
            });
        }
    }

    fn seal(&mut self, index: LeafIndex, hash: Digest, seal: &Seal) {
        let mut wrong = Vec::new();
        if let Some(known) = &self.known {
            if seal.genesis != known.hash {
                wrong.push((Code::SealInvalid, "it names another genesis".to_owned()));
            }
            if self.batch - 1 > known.batch_records_max {
                wrong.push((Code::BatchInvalid, format!("{} records in one batch", self.batch - 1)));
            }
        }
        if seal.index() != index {
            wrong.push((Code::SealInvalid, format!("it gives itself the place {}", seal.index())));
        }
        if seal.prev_seal != self.previous_seal {
            wrong.push((Code::SealInvalid, "prev_seal is not the seal before".to_owned()));
        }
        if seal.at < self.last_at {
            wrong.push((Code::RecordOrder, format!("the seal's at {} after {}", seal.at, self.last_at)));
        }
        let map_root = self.map_root(index);
        if seal.map_root != map_root {
            wrong.push((Code::MapMismatch, format!("the map has the root {map_root}, not {}", seal.map_root)));
        }
        let alt_root = self.alt.root();
        if seal.alt_root != alt_root {
            wrong.push((Code::AltRootMismatch, format!("the second tree has the root {alt_root}")));
        }
        for (code, detail) in wrong {
            self.fail(code, index, None, detail);
        }
        self.last_at = self.last_at.max(seal.at);
        self.sealed_at = Some(seal.at);
        self.previous_seal = PreviousSeal { index, leaf: hash };
        self.awaits_note = true;
    }

    fn map_root(&mut self, index: LeafIndex) -> Digest {
        self.heads.root().unwrap_or_else(|_| {
            self.fail(Code::MapMismatch, index, None, "the map is full");
            Digest::default()
        })
    }

    /// Takes the signed checkpoint that stands behind a seal.
    pub fn note(&mut self, note: &[u8]) {
        let last = LeafIndex(self.log.size().0.saturating_sub(1));
        self.notes += 1;
        if !self.awaits_note {
            self.fail(Code::BatchInvalid, last, None, "a checkpoint does not stand behind a seal");
        }
        self.end_batch();
        let Some(known) = &self.known else { return };
        match VerifiedCheckpoint::verify(note, known.origin.as_str(), &known.key) {
            Err(error) => self.fail(Code::CheckpointInvalid, last, None, error.to_string()),
            Ok(checkpoint) => {
                let (size, root) = (self.log.size(), self.log.root());
                if checkpoint.size() != size || *checkpoint.root() != root {
                    let detail = format!("signed size {} and root {}", checkpoint.size(), checkpoint.root());
                    self.fail(Code::CheckpointDiffers, last, None, format!("{detail}, not {size} and {root}"));
                }
            }
        }
    }

    fn end_batch(&mut self) {
        self.batch = 0;
        self.awaits_note = false;
    }

    fn fail(&mut self, code: Code, index: LeafIndex, id: Option<EventId>, detail: impl Into<String>) {
        self.findings.add(Finding::new(code, detail).about(index, id));
    }

    /// Ends the log: what is missing now is missing.
    pub fn finish(mut self) -> ReplayReport {
        let size = self.log.size();
        let last = LeafIndex(size.0.saturating_sub(1));
        if size.0 == 0 {
            self.findings.add(Finding::new(Code::GenesisInvalid, "the log is empty"));
        } else if self.awaits_note || self.batch > 0 {
            self.fail(Code::BatchInvalid, last, None, "the last batch has no seal or no checkpoint");
        }
        for (name, _) in std::mem::take(&mut self.receipts) {
            self.findings
                .add(Finding::new(Code::ReceiptInvalid, format!("{name}: the log has no genesis to check it")));
        }
        for (name, _) in std::mem::take(&mut self.notes_held) {
            self.findings
                .add(Finding::new(Code::CheckpointInvalid, format!("{name}: the log has no genesis to check it")));
        }
        for (size, promised) in std::mem::take(&mut self.promised_roots) {
            for (_, name) in promised {
                self.fail(
                    Code::Fork,
                    last,
                    None,
                    format!("{name}: a log of size {size} was signed, which is not here"),
                );
            }
        }
        let events = u64::try_from(self.ids.len()).unwrap_or(u64::MAX);
        self.ids.sort_unstable();
        for pair in self.ids.windows(2) {
            if let [one, other] = pair
                && one == other
            {
                self.findings.add(Finding::new(Code::RecordDoubled, format!("event {one:032x} stands twice")));
            }
        }
        for (event, name) in self.payloads.take().into_iter().flat_map(PayloadAudit::unresolved) {
            let detail = format!("{name} {event}: TRY_LATER, no later finding says more");
            self.findings.add(Finding::new(Code::SignatureIndeterminate, detail));
        }
        let map_root = self.map_root(last);
        let Findings { kept: mut findings, omitted, omitted_failure } = self.findings;
        if omitted > 0 {
            findings.push(Finding::new(Code::FindingsOmitted, format!("{omitted} more")));
        }
        let has = |outcome| findings.iter().any(|finding| finding.outcome == outcome);
        let verdict = match (has(Outcome::Fail) || omitted_failure, has(Outcome::Indeterminate)) {
            (true, _) => Verdict::Failed,
            (false, true) => Verdict::Indeterminate,
            (false, false) => Verdict::Passed,
        };
        if verdict != Verdict::Failed {
            let detail = format!("{size} leaves, {} checkpoints, {} streams", self.notes, self.heads.len());
            findings.push(Finding::new(Code::LogVerified, detail));
        }
        ReplayReport {
            verdict,
            origin: self.known.as_ref().map(|known| known.origin.clone()),
            genesis: self.known.as_ref().map(|known| known.hash),
            size,
            root: self.log.root(),
            alt_root: self.alt.root(),
            map_root,
            streams: self.heads.len(),
            events,
            sealed_at: self.sealed_at,
            findings,
            omitted,
        }
    }
}
