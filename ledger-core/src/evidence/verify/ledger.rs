//! The ledger: that it is the trusted one, that its checkpoint is signed, and that all shown leaves are under it.

use super::Case;
use crate::evidence::finding::Code;
use crate::id::LeafIndex;
use crate::log::checkpoint::VerifiedCheckpoint;
use crate::log::genesis::Genesis;
use crate::log::merkle::leaf_hash;
use crate::log::seal::Seal;

pub(super) fn check(case: &mut Case<'_>) {
    case.leaves = case.bundle.leaves.iter().map(|(index, bytes)| (*index, leaf_hash(bytes))).collect();
    check_genesis(case);
    check_checkpoint(case);
    check_inclusion(case);
    check_seal(case);
    check_manifest(case);
}

fn check_genesis(case: &mut Case<'_>) {
    let (trust, leaf) = (case.trust, case.leaves.get(&LeafIndex(0)).copied());
    if leaf != Some(trust.genesis) {
        return case.find(Code::GenesisMismatch, format!("trusted is {}", trust.genesis));
    }
    let bytes = case.bundle.leaves.get(&LeafIndex(0)).copied().unwrap_or_default();
    match Genesis::decode(bytes) {
        Err(error) => case.find(Code::GenesisInvalid, error.to_string()),
        Ok(genesis) if genesis.origin != trust.origin => {
            case.find(Code::GenesisInvalid, format!("its origin is {}", genesis.origin));
        }
        Ok(genesis) if !genesis.log_keys.contains(&trust.log_key) => {
            case.find(Code::GenesisInvalid, "the trusted log key is not one of its keys");
        }
        Ok(genesis) => {
            case.genesis = Some(genesis);
            case.find(Code::GenesisVerified, trust.origin.to_string());
        }
    }
}

fn check_checkpoint(case: &mut Case<'_>) {
    let trust = case.trust;
    match VerifiedCheckpoint::verify(case.bundle.checkpoint(), trust.origin.as_str(), &trust.log_key) {
        Err(error) => case.find(Code::CheckpointInvalid, error.to_string()),
        Ok(checkpoint) => {
            case.find(Code::CheckpointVerified, format!("size {}", checkpoint.size()));
            case.checkpoint = Some(checkpoint);
        }
    }
}

/// Without a checkpoint there is nothing to be included in, and that is a failure already.
fn check_inclusion(case: &mut Case<'_>) {
    let Some(checkpoint) = case.checkpoint.clone() else { return };
    let inclusion = &case.bundle.inclusion;
    if inclusion.size != checkpoint.size() {
        let detail = format!("the proof is for size {}, the checkpoint has {}", inclusion.size, checkpoint.size());
        return case.find(Code::InclusionFailed, detail);
    }
    let leaves: Vec<_> = case.leaves.iter().map(|(index, leaf)| (*index, *leaf)).collect();
    match inclusion.verify(&leaves, checkpoint.root()) {
        Ok(()) => case.find(Code::InclusionVerified, format!("{} leaves", leaves.len())),
        Err(error) => case.find(Code::InclusionFailed, error.to_string()),
    }
}

fn check_seal(case: &mut Case<'_>) {
    let Some(checkpoint) = case.checkpoint.clone() else { return };
    let last = LeafIndex(checkpoint.size().0.saturating_sub(1));
    let Some(bytes) = case.bundle.leaves.get(&last) else {
        return case.find(Code::SealInvalid, format!("leaf {last} is not there"));
    };
    match Seal::verify(bytes, &checkpoint, &case.trust.genesis) {
        Ok(seal) => {
            case.find(Code::SealVerified, format!("sealed at {}", seal.at));
            case.seal = Some(seal);
        }
        Err(error) => case.find(Code::SealInvalid, error.to_string()),
    }
}

fn check_manifest(case: &mut Case<'_>) {
    let manifest = &case.bundle.manifest;
    let size = case.checkpoint.as_ref().map(VerifiedCheckpoint::size);
    let mut differing = Vec::new();
    let mut compare = |same: bool, what: &str| {
        if !same {
            differing.push(what.to_owned());
        }
    };
    compare(manifest.origin == case.trust.origin, "origin");
    compare(Some(&manifest.genesis) == case.leaves.get(&LeafIndex(0)), "genesis");
    compare(size.is_none_or(|size| size == manifest.size), "size");
    if !differing.is_empty() {
        case.find(Code::ManifestDiffers, differing.join(", "));
    }
}
