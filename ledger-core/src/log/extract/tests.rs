//! A small ledger, honest and lying.

#![expect(clippy::as_conversions, clippy::cast_possible_truncation, reason = "small numbers of a test")]

use proptest::prelude::*;

use super::*;
use crate::id::DocumentId;
use crate::log::checkpoint::CheckpointBody;
use crate::log::map::StreamMap;
use crate::log::merkle::{Frontier, MerkleTree, Sha3Tree, alt_leaf_hash};
use crate::log::note::SignerKey;
use crate::log::receipt::{Receipt, ReceiptError};
use crate::log::seal::{PreviousSeal, SealType};
use crate::log::stream::StreamFrontier;
use crate::time::Timestamp;

struct Ledger {
    origin: Origin,
    signer: SignerKey,
    genesis: Digest,
    leaves: Vec<String>,
    tree: MerkleTree,
    map: StreamMap,
    head: SealedCheckpoint,
}

fn stream(number: u8) -> StreamId {
    StreamId::document(DocumentId::from_random([number; 16]))
}

fn event(stream: &StreamId, number: usize) -> String {
    let event = serde_json::json!({
        "t": "edl/v1/event", "n": number, "streams": [[stream.kind().as_str(), stream.id()]],
    });
    String::from_utf8(crate::canonical::encode(&event).unwrap()).unwrap()
}

/// A ledger with one batch: the genesis, events of the streams in this order, a seal. An operator who
/// lies leaves the leaves at `hidden` out of the stream trees.
fn ledger(order: &[u8], hidden: &[usize]) -> Ledger {
    let origin = Origin::from_name_and_random("ledger.example", [1; 16]).unwrap();
    let signer = SignerKey::from_seed(origin.as_str(), &[3; 32]).unwrap();
    let mut leaves = vec!["{\"t\":\"edl/v1/genesis\"}".to_owned()];
    leaves.extend(order.iter().enumerate().map(|(number, name)| event(&stream(*name), number + 1)));
    let genesis = leaf_hash(leaves[0].as_bytes());
    let mut map = StreamMap::new();
    for name in 0..=u8::MAX {
        let mut frontier = StreamFrontier::default();
        for index in positions_of(&leaves, &stream(name)) {
            if !hidden.contains(&index) {
                frontier.push(LeafIndex(index as u64), &leaf_hash(leaves[index].as_bytes())).unwrap();
            }
        }
        if frontier.count().0 > 0 {
            map.insert(stream(name).map_key(), frontier.head_value()).unwrap();
        }
    }
    let mut alt = Frontier::<Sha3Tree>::new();
    for leaf in &leaves {
        alt.push(alt_leaf_hash(leaf.as_bytes()));
    }
    let seal = Seal {
        t: SealType::V1,
        at: Timestamp::from_unix_ms(5).unwrap(),
        genesis,
        size: TreeSize(leaves.len() as u64),
        map_root: map.root(),
        alt_root: alt.root(),
        prev_seal: PreviousSeal { index: LeafIndex(u64::from(leaves.len() > 1)), leaf: genesis },
    };
    let seal = String::from_utf8(seal.encode().unwrap()).unwrap();
    leaves.push(seal.clone());
    let tree: MerkleTree = leaves.iter().map(|leaf| leaf_hash(leaf.as_bytes())).collect();
    let body = CheckpointBody::new(origin.as_str(), tree.size(), tree.root());
    let head = SealedCheckpoint { size: tree.size(), note: body.sign(&signer).unwrap().to_string(), seal };
    Ledger { origin, signer, genesis, leaves, tree, map, head }
}

fn positions_of(leaves: &[String], stream: &StreamId) -> Vec<usize> {
    (0..leaves.len())
        .filter(|index| names_stream(leaves[*index].as_bytes(), LeafIndex(*index as u64), stream).unwrap())
        .collect()
}

/// How a position is given.
#[derive(Debug, Clone, Copy)]
enum As {
    Shown,
    Withheld,
    Untold,
}

impl Ledger {
    fn extract(&self, name: u8, hidden: &[usize], how: impl Fn(u64) -> As) -> StreamExtract {
        let stream = stream(name);
        let mut indexes = positions_of(&self.leaves, &stream);
        indexes.retain(|index| !hidden.contains(index));
        let hash = |index: usize| leaf_hash(self.leaves[index].as_bytes());
        let tree: MerkleTree =
            indexes.iter().map(|index| stream_leaf_hash(LeafIndex(*index as u64), &hash(*index))).collect();
        let positions = (0_u64..).zip(&indexes).filter_map(|(position, at)| {
            let index = LeafIndex(*at as u64);
            match how(position) {
                As::Shown => Some(Position::Shown { position, index, leaf: self.leaves[*at].clone() }),
                As::Withheld => Some(Position::Withheld { position, index, leaf_hash: hash(*at) }),
                As::Untold => None,
            }
        });
        let map = self.map.prove(&stream.map_key());
        let positions = positions.collect();
        StreamExtract::prove(stream, self.head.clone(), positions, tree.size(), &self.tree, &tree, &map).unwrap()
    }

    fn receipt(&self, index: u64) -> Receipt {
        let path = |index| prove_inclusion::<Sha256Tree>(&self.tree, LeafIndex(index), self.head.size).unwrap().path;
        let seal = self.head.size.0 - 1;
        Receipt {
            index: LeafIndex(index),
            leaf: self.leaves[index as usize].clone(),
            inclusion: path(index),
            checkpoint: self.head.note.clone(),
            seal_index: LeafIndex(seal),
            seal_leaf: self.head.seal.clone(),
            seal_inclusion: path(seal),
        }
    }

    fn verify(&self, extract: &StreamExtract) -> Result<VerifiedExtract, ExtractError> {
        extract.verify(&self.origin, self.signer.verifier(), &self.genesis)
    }

    fn verify_receipt(&self, receipt: &Receipt) -> Option<super::super::receipt::VerifiedReceipt> {
        receipt.verify(&self.origin, self.signer.verifier(), &self.genesis).ok()
    }

    fn absence(&self, name: u8) -> Result<VerifiedAbsence, ExtractError> {
        let map = self.map.prove(&stream(name).map_key());
        let absence = Absence::prove(stream(name), self.head.clone(), &self.tree, &map).unwrap();
        let json = serde_json::to_string(&absence).unwrap();
        let absence: Absence = serde_json::from_str(&json).unwrap();
        absence.verify(&self.origin, self.signer.verifier(), &self.genesis)
    }
}

const ORDER: [u8; 9] = [7, 8, 7, 9, 7, 8, 7, 7, 9];

#[test]
fn a_complete_extract_says_so_and_a_partial_one_counts_what_it_leaves_out() {
    let ledger = ledger(&ORDER, &[]);
    let complete = ledger.verify(&ledger.extract(7, &[], |_| As::Shown)).unwrap();
    assert_eq!((complete.count(), complete.is_complete()), (TreeSize(5), true));
    assert_eq!(complete.shown().map(|(_, index, _)| index.0).collect::<Vec<_>>(), [1, 3, 5, 7, 8]);
    let partial = ledger.extract(7, &[], |position| match position {
        1 => As::Withheld,
        2 | 3 => As::Untold,
        _ => As::Shown,
    });
    let json = serde_json::to_string(&partial).unwrap();
    assert_eq!(serde_json::from_str::<StreamExtract>(&json).unwrap(), partial);
    let partial = ledger.verify(&partial).unwrap();
    assert_eq!(partial.counts(), Counts { shown: 2, withheld: 1, untold: 2 });
    assert!(!partial.is_complete());
    let nothing_told = ledger.verify(&ledger.extract(7, &[], |_| As::Untold)).unwrap();
    assert_eq!(nothing_told.counts(), Counts { shown: 0, withheld: 0, untold: 5 });
}

#[test]
fn every_lie_in_an_extract_has_its_own_reason() {
    let ledger = ledger(&ORDER, &[]);
    let honest = ledger.extract(7, &[], |_| As::Shown);
    let lie = |change: &dyn Fn(&mut StreamExtract)| {
        let mut extract = honest.clone();
        change(&mut extract);
        ledger.verify(&extract).unwrap_err()
    };
    let dropped = ledger.extract(7, &[5], |_| As::Shown);
    assert!(matches!(ledger.verify(&dropped), Err(ExtractError::Map(MapProofError::Root))));
    let tail_cut = ledger.extract(7, &[8], |_| As::Shown);
    assert!(matches!(ledger.verify(&tail_cut), Err(ExtractError::Map(MapProofError::Root))));
    let foreign = lie(&|extract| {
        extract.positions[1] = Position::Shown { position: 1, index: LeafIndex(2), leaf: ledger.leaves[2].clone() };
    });
    assert!(matches!(foreign, ExtractError::Foreign { index: LeafIndex(2) }));
    let edited = lie(&|extract| {
        if let Position::Shown { leaf, .. } = &mut extract.positions[1] {
            *leaf = leaf.replace("\"n\":3", "\"n\":4");
        }
    });
    assert!(matches!(edited, ExtractError::LogInclusion(ProofError::Root)));
    let swapped = lie(&|extract| extract.positions.swap(0, 1));
    assert!(matches!(swapped, ExtractError::Order { .. }));
    let doubled = lie(&|extract| extract.positions.insert(1, extract.positions[0].clone()));
    assert!(matches!(doubled, ExtractError::Order { .. }));
    let withheld = |position, index| Position::Withheld { position, index, leaf_hash: Digest::default() };
    let seal = LeafIndex(ledger.head.size.0 - 1);
    for positions in [
        // Two records left out before it, and one place in the log for them.
        vec![withheld(2, LeafIndex(1))],
        vec![withheld(0, LeafIndex(3)), withheld(2, LeafIndex(4))],
        // The seal is in no stream, and what comes after it is not sealed.
        vec![withheld(4, seal)],
        vec![withheld(5, LeafIndex(8))],
    ] {
        let misplaced = lie(&|extract| extract.positions = positions.clone());
        assert!(matches!(misplaced, ExtractError::Order { .. }), "{positions:?}");
    }
    let other_stream = lie(&|extract| {
        extract.stream = stream(8);
        extract.positions.clear();
        extract.tree.nodes = vec![Digest::default()];
    });
    assert!(matches!(other_stream, ExtractError::LogInclusion(_)));
    let other_seal = lie(&|extract| extract.seal = ledger.leaves[1].clone());
    assert!(matches!(other_seal, ExtractError::Seal(SealError::Leaf(_))));
    let other_genesis = honest.verify(&ledger.origin, ledger.signer.verifier(), &Digest::default());
    assert!(matches!(other_genesis, Err(ExtractError::Seal(SealError::Genesis { .. }))));
    // A map of another log, with the same shape.
    let other = super::tests::ledger(&[7, 8, 8, 9, 7, 8, 7, 7, 9], &[]);
    let foreign_map = lie(&|extract| extract.map = other.extract(7, &[], |_| As::Shown).map);
    assert!(matches!(foreign_map, ExtractError::Map(_)));
}

#[test]
fn absence_is_proven_of_absent_streams_only() {
    let ledger = ledger(&ORDER, &[]);
    assert_eq!(ledger.absence(3).unwrap().stream(), &stream(3));
    assert!(matches!(ledger.absence(7), Err(ExtractError::Map(_))));
}

#[test]
fn a_record_left_out_of_its_stream_is_proven_by_its_receipt() {
    // The record in the middle, the first, the last, and the only one.
    for (name, hidden, before, after) in [
        (7, 5, Some((1, LeafIndex(3))), Some((2, LeafIndex(7)))),
        (7, 1, None, Some((0, LeafIndex(3)))),
        (7, 8, Some((3, LeafIndex(7))), None),
    ] {
        let ledger = ledger(&ORDER, &[hidden]);
        let receipt = ledger.verify_receipt(&ledger.receipt(hidden as u64)).unwrap();
        let extract = ledger.verify(&ledger.extract(name, &[hidden], |_| As::Withheld)).unwrap();
        let omission = check_omission(&receipt, Completeness::Extract(&extract)).unwrap();
        assert_eq!((omission.index, omission.before, omission.after), (LeafIndex(hidden as u64), before, after));
        // The two positions around it are enough; without them nothing is proven.
        let around = ledger.extract(name, &[hidden], |position| {
            let known = [before, after].into_iter().flatten().any(|(known, _)| known == position);
            if known { As::Withheld } else { As::Untold }
        });
        let extract = ledger.verify(&around).unwrap();
        assert_eq!(check_omission(&receipt, Completeness::Extract(&extract)).unwrap(), omission);
        let extract = ledger.verify(&ledger.extract(name, &[hidden], |_| As::Untold)).unwrap();
        let untold = check_omission(&receipt, Completeness::Extract(&extract));
        assert!(matches!(untold, Err(NoOmission::Untold { .. })));
    }
    let ledger = ledger(&[7, 8], &[2]);
    let receipt = ledger.verify_receipt(&ledger.receipt(2)).unwrap();
    let absence = ledger.absence(8).unwrap();
    assert_eq!(check_omission(&receipt, Completeness::Absence(&absence)).unwrap().index, LeafIndex(2));
}

#[test]
fn an_honest_operator_cannot_be_accused_of_omission() {
    let ledger = ledger(&ORDER, &[]);
    let extract = ledger.verify(&ledger.extract(7, &[], |_| As::Withheld)).unwrap();
    for index in 1..=9 {
        let receipt = ledger.verify_receipt(&ledger.receipt(index)).unwrap();
        let found = check_omission(&receipt, Completeness::Extract(&extract)).unwrap_err();
        let of_stream = ORDER[index as usize - 1] == 7;
        assert_eq!(matches!(found, NoOmission::Included { .. }), of_stream, "{index}: {found}");
        assert_eq!(matches!(found, NoOmission::NotNamed), !of_stream, "{index}: {found}");
    }
    // A record that came after the extract.
    let later = super::tests::ledger(&[&ORDER[..], &[9, 9, 7]].concat(), &[]);
    let receipt = later.verify_receipt(&later.receipt(12)).unwrap();
    let found = check_omission(&receipt, Completeness::Extract(&extract)).unwrap_err();
    assert!(matches!(found, NoOmission::Later { .. }), "{found}");
}

#[test]
fn a_receipt_of_another_genesis_or_of_another_place_is_refused() {
    let ledger = ledger(&ORDER, &[]);
    let key = ledger.signer.verifier();
    let verify = |receipt: &Receipt, genesis: &Digest| receipt.verify(&ledger.origin, key, genesis);
    assert!(verify(&ledger.receipt(0), &ledger.genesis).is_ok());
    let other = verify(&ledger.receipt(0), &Digest::default());
    assert!(matches!(other, Err(ReceiptError::Genesis { .. })));
    let other = verify(&ledger.receipt(1), &Digest::default());
    assert!(matches!(other, Err(ReceiptError::Seal(SealError::Genesis { .. }))));
    let moved = Receipt { index: LeafIndex(2), ..ledger.receipt(3) };
    assert!(matches!(verify(&moved, &ledger.genesis), Err(ReceiptError::LeafInclusion(_))));
    let misplaced = Receipt { seal_index: LeafIndex(3), ..ledger.receipt(3) };
    assert!(matches!(verify(&misplaced, &ledger.genesis), Err(ReceiptError::SealIndex { .. })));
    // Below the newest seal no other leaf is evidence, not even a seal.
    let no_seal = Receipt { seal_leaf: ledger.leaves[1].clone(), ..ledger.receipt(3) };
    assert!(matches!(verify(&no_seal, &ledger.genesis), Err(ReceiptError::Seal(SealError::Leaf(_)))));
    let other_path = Receipt { seal_inclusion: ledger.receipt(3).inclusion, ..ledger.receipt(3) };
    assert!(matches!(verify(&other_path, &ledger.genesis), Err(ReceiptError::SealInclusion(_))));
}

#[test]
fn the_proof_of_a_document_with_20_events_has_at_most_16_kib() {
    /// Sizes of proofs depend on the shape of trees alone.
    struct Shape;
    impl NodeSource for Shape {
        fn node(&self, _: u8, _: u64) -> Option<Digest> {
            Some(Digest::default())
        }
    }
    // A document's life in a log of ten million leaves: bursts of four events, five times.
    let head = SealedCheckpoint { size: TreeSize(10_000_000), note: "n".repeat(250), seal: "s".repeat(420) };
    let positions = (0..20_u64).map(|position| Position::Withheld {
        position,
        index: LeafIndex(1_234_567 + position / 4 * 1_654_321 + position % 4 * 50),
        leaf_hash: Digest::default(),
    });
    // A million streams: the path in the map has some twenty steps.
    let map = MapProof::Present { path: vec![(0, Digest::default()); 24] };
    let positions = positions.collect();
    let extract =
        StreamExtract::prove(stream(1), head, positions, TreeSize(20), &Shape, &MerkleTree::<Sha256Tree>::new(), &map);
    let bytes = serde_json::to_string(&extract.unwrap()).unwrap().len();
    assert!(bytes <= 16 * 1024, "{bytes}");
}

fn flip_text(text: &str, place: prop::sample::Index, bit: u32) -> Option<String> {
    let mut bytes = text.as_bytes().to_vec();
    let place = place.index(bytes.len());
    bytes[place] ^= 1 << bit;
    String::from_utf8(bytes).ok()
}

proptest! {
    #[test]
    fn any_single_bit_flip_in_an_extract_is_found(place in any::<prop::sample::Index>(), bit in 0_u32..8) {
        let ledger = ledger(&ORDER, &[]);
        let extract = ledger.extract(7, &[], |position| match position {
            1 => As::Withheld,
            3 => As::Untold,
            _ => As::Shown,
        });
        let json = serde_json::to_string(&extract).unwrap();
        // JSON has two spellings of some escapes; what is read must then be the same.
        let read = flip_text(&json, place, bit).and_then(|json| serde_json::from_str::<StreamExtract>(&json).ok());
        if let Some(changed) = read.filter(|changed| *changed != extract) {
            prop_assert!(ledger.verify(&changed).is_err());
        }
    }

    #[test]
    fn any_single_bit_flip_in_a_receipt_is_found(place in any::<prop::sample::Index>(), bit in 0_u32..8) {
        let ledger = ledger(&ORDER, &[]);
        let receipt = ledger.receipt(4);
        prop_assert!(ledger.verify_receipt(&receipt).is_some());
        let json = serde_json::to_string(&receipt).unwrap();
        let read = flip_text(&json, place, bit).and_then(|json| serde_json::from_str::<Receipt>(&json).ok());
        if let Some(changed) = read.filter(|changed| *changed != receipt) {
            prop_assert!(ledger.verify_receipt(&changed).is_none());
        }
    }
}
