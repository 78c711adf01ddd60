//! Proof that the operator left a record out of a stream: a receipt of the record, and the stream without it.

use super::{VerifiedAbsence, VerifiedExtract};
use crate::digest::Digest;
use crate::id::{LeafIndex, StreamId};
use crate::log::checkpoint::VerifiedCheckpoint;
use crate::log::leaf::{LeafError, names_stream};
use crate::log::receipt::VerifiedReceipt;
use crate::log::seal::Seal;

/// What the operator says a stream consists of.
#[derive(Debug, Clone, Copy)]
pub enum Completeness<'a> {
    /// These positions.
    Extract(&'a VerifiedExtract),
    /// Nothing.
    Absence(&'a VerifiedAbsence),
}

/// The operator signed that the log holds a record of the stream, and that the stream does not hold it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Omission {
    /// The stream.
    pub stream: StreamId,
    /// Place in the log of the record left out.
    pub index: LeafIndex,
    /// Its leaf hash.
    pub leaf_hash: Digest,
    /// The position before it (place in the stream, place in the log), if there is one.
    pub before: Option<(u64, LeafIndex)>,
    /// The position after it, if there is one.
    pub after: Option<(u64, LeafIndex)>,
}

/// Why there is no proof of omission.
#[derive(Debug, thiserror::Error)]
pub enum NoOmission {
    /// The receipt's leaf cannot be read.
    #[error("the leaf of the receipt cannot be read")]
    Leaf(#[from] LeafError),
    /// The record does not belong to the stream.
    #[error("the record is not of the stream")]
    NotNamed,
    /// Receipt and extract are of different ledgers.
    #[error("receipt and extract are of different ledgers")]
    OtherLedger,
    /// The record came after the extract was sealed.
    #[error("the record at {index} came after the seal at {seal}")]
    Later {
        /// Place of the record.
        index: LeafIndex,
        /// Place of the seal.
        seal: LeafIndex,
    },
    /// The record is where it belongs.
    #[error("the record is position {position} of the stream")]
    Included {
        /// Place in the stream.
        position: u64,
    },
    /// The positions around the record are not all given; ask for more of the extract.
    #[error("the extract does not tell the positions around log index {index}")]
    Untold {
        /// Place of the record.
        index: LeafIndex,
    },
}

/// Looks for the record of the receipt in the stream.
///
/// The record and the stream can be of different checkpoints. If the log of one does not extend the log of
/// the other, that is a fork and worse; both are signed by the operator.
pub fn check_omission(receipt: &VerifiedReceipt, completeness: Completeness<'_>) -> Result<Omission, NoOmission> {
    let (stream, checkpoint, seal): (&StreamId, &VerifiedCheckpoint, &Seal) = match completeness {
        Completeness::Extract(extract) => (extract.stream(), extract.checkpoint(), extract.seal()),
        Completeness::Absence(absence) => (absence.stream(), absence.checkpoint(), absence.seal()),
    };
    let (index, leaf_hash) = (receipt.index(), *receipt.leaf_hash());
    if receipt.seal().genesis != seal.genesis || receipt.checkpoint().body().origin != checkpoint.body().origin {
        return Err(NoOmission::OtherLedger);
    }
    if !names_stream(receipt.leaf().as_bytes(), index, stream)? {
        return Err(NoOmission::NotNamed);
    }
    if index >= seal.index() {
        return Err(NoOmission::Later { index, seal: seal.index() });
    }
    let omission = |before, after| Ok(Omission { stream: stream.clone(), index, leaf_hash, before, after });
    let Completeness::Extract(extract) = completeness else { return omission(None, None) };
    let positions = extract.positions();
    let (before, from) = positions.split_at(positions.partition_point(|known| known.index() < index));
    if let Some(known) = from.first().filter(|known| known.index() == index) {
        // Another record at the same index is a fork of the log: the stream does not hold this one.
        if known.leaf_hash() == leaf_hash {
            return Err(NoOmission::Included { position: known.position() });
        }
    }
    let place = |known: &super::Position| (known.position(), known.index());
    let (before, after) = (before.last().map(place), from.first().map(place));
    // Adjacent: no untold position between the two, before the first or after the last.
    let next = before.map_or(0, |(position, _)| position.saturating_add(1));
    let adjacent = next == after.map_or(extract.count().0, |(position, _)| position);
    if adjacent { omission(before, after) } else { Err(NoOmission::Untold { index }) }
}
