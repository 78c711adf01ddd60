//! Reading the published log: leaves by index, ids, and the receipts of a batch of long ago.

use std::sync::Arc;

use ledger_core::digest::Digest;
use ledger_core::id::{CommandId, EventId, LeafIndex, RequestDigest, TreeSize};
use ledger_core::log::merkle::{Sha256Tree, prove_inclusion};
use ledger_core::log::receipt::Receipt;

use super::files::Files;
use super::frame::Kind;
use super::ids::{command_prefix, event_prefix};
use super::leaf::EventFacts;
use super::segment::{Position, SegmentError, SegmentFiles};
use super::state::Published;
use crate::sequencer::{BatchEnd, Outcome};
use crate::store::StoreError;

/// What readers and the writer share.
#[derive(Debug)]
pub(crate) struct LogReader {
    files: Arc<dyn Files>,
    segments: Arc<SegmentFiles>,
    published: Published,
}

impl LogReader {
    pub(crate) const fn new(files: Arc<dyn Files>, segments: Arc<SegmentFiles>, published: Published) -> Self {
        Self { files, segments, published }
    }

    pub(crate) fn files(&self) -> &dyn Files {
        self.files.as_ref()
    }

    pub(crate) const fn published(&self) -> &Published {
        &self.published
    }

    fn position(&self, index: u64) -> Option<Position> {
        self.published.log().position(index)
    }

    /// The bytes of a leaf; `None` beyond the published head.
    pub(crate) fn leaf(&self, index: u64) -> Result<Option<Vec<u8>>, StoreError> {
        match self.position(index) {
            None => Ok(None),
            Some(position) => Ok(Some(self.segments.read(position, Kind::Leaf, index)?)),
        }
    }

    fn event(&self, index: u64) -> Result<Option<(EventFacts, Vec<u8>)>, StoreError> {
        let Some(position) = self.position(index) else { return Ok(None) };
        let bytes = self.segments.read(position, Kind::Leaf, index)?;
        let facts = EventFacts::read(&bytes).map_err(|reason| SegmentError::corrupt(position, reason))?;
        Ok(Some((facts, bytes)))
    }

    pub(crate) fn find_event(&self, id: EventId) -> Result<Option<LeafIndex>, StoreError> {
        let candidates: Vec<_> = self.published.log().events.candidates(event_prefix(&id)).collect();
        for index in candidates {
            if self.event(index)?.is_some_and(|(facts, _)| facts.id == id) {
                return Ok(Some(LeafIndex(index)));
            }
        }
        Ok(None)
    }

    /// The first record of a command and what the command asked for.
    pub(crate) fn find_command(&self, id: CommandId) -> Result<Option<(LeafIndex, RequestDigest)>, StoreError> {
        let candidates: Vec<_> = self.published.log().commands.candidates(command_prefix(id)).collect();
        for index in candidates {
            if let Some((facts, _)) = self.event(index)?.filter(|(facts, _)| facts.command == id) {
                return Ok(Some((LeafIndex(index), facts.request)));
            }
        }
        Ok(None)
    }

    /// What was answered when the command was carried out first, byte for byte.
    pub(crate) fn outcome_of(&self, first: LeafIndex, command: CommandId) -> Result<Outcome, StoreError> {
        let end = self.batch_end(first.0)?.ok_or(StoreError::Invalid("no such leaf"))?;
        let mut leaves = Vec::new();
        for index in first.0..end.seal_index.0 {
            match self.event(index)? {
                Some((facts, bytes)) if facts.command == command => leaves.push(bytes),
                Some(_) | None => break,
            }
        }
        Ok(Outcome { first_index: first.0, leaves, end: Arc::new(end), replayed: true })
    }

    /// What ends the batch of a leaf.
    pub(crate) fn batch_end(&self, index: u64) -> Result<Option<BatchEnd>, StoreError> {
        let seal = self.published.log().seal_of(index);
        let Some((seal, position)) = seal.and_then(|seal| Some((seal, self.position(seal)?))) else { return Ok(None) };
        let (seal_leaf, next) = self.segments.read_with_next(position, Kind::Leaf, seal)?;
        let note = self.segments.read(next, Kind::Note, seal + 1)?;
        let text = |bytes| String::from_utf8(bytes).map_err(|_| SegmentError::corrupt(position, "not UTF-8"));
        let size = TreeSize(seal + 1);
        let seal_inclusion = self.inclusion(LeafIndex(seal), size)?;
        let (checkpoint, seal_leaf) = (text(note)?, text(seal_leaf)?);
        Ok(Some(BatchEnd { size, checkpoint, seal_index: LeafIndex(seal), seal_leaf, seal_inclusion }))
    }

    pub(crate) fn inclusion(&self, index: LeafIndex, size: TreeSize) -> Result<Vec<Digest>, StoreError> {
        let proof = prove_inclusion::<Sha256Tree>(&self.published.log().tree, index, size);
        proof.map(|proof| proof.path).map_err(|_| StoreError::Invalid("no such leaf or tree"))
    }

    /// The receipt of a leaf under the end of its batch.
    pub(crate) fn receipt(&self, index: u64, leaf: Vec<u8>, end: &BatchEnd) -> Result<Receipt, StoreError> {
        let leaf = String::from_utf8(leaf).map_err(|_| StoreError::Invalid("a leaf is not UTF-8"))?;
        Ok(Receipt {
            index: LeafIndex(index),
            leaf,
            inclusion: self.inclusion(LeafIndex(index), end.size)?,
            checkpoint: end.checkpoint.clone(),
            seal_index: end.seal_index,
            seal_leaf: end.seal_leaf.clone(),
            seal_inclusion: end.seal_inclusion.clone(),
        })
    }
}
