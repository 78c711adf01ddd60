//! The trees against RFC 6962 written down as it stands there.

#![expect(clippy::as_conversions, clippy::cast_possible_truncation, reason = "small numbers of a test")]

use proptest::prelude::*;

use super::*;
use crate::id::{LeafIndex, TreeSize};

/// MTH of RFC 6962 section 2.1, over leaf hashes.
fn naive_root<H: TreeHash>(leaves: &[Digest]) -> Digest {
    match leaves {
        [] => H::empty(),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(naive_split(leaves.len()));
            H::node(&naive_root::<H>(left), &naive_root::<H>(right))
        }
    }
}

/// PATH of RFC 6962 section 2.1.1.
fn naive_path(index: usize, leaves: &[Digest]) -> Vec<Digest> {
    if leaves.len() == 1 {
        return Vec::new();
    }
    let k = naive_split(leaves.len());
    let (left, right) = leaves.split_at(k);
    let (mut path, sibling) = if index < k {
        (naive_path(index, left), naive_root::<Sha256Tree>(right))
    } else {
        (naive_path(index - k, right), naive_root::<Sha256Tree>(left))
    };
    path.push(sibling);
    path
}

/// SUBPROOF of RFC 6962 section 2.1.2.
fn naive_subproof(m: usize, leaves: &[Digest], whole: bool) -> Vec<Digest> {
    if m == leaves.len() {
        return if whole { Vec::new() } else { vec![naive_root::<Sha256Tree>(leaves)] };
    }
    let k = naive_split(leaves.len());
    let (left, right) = leaves.split_at(k);
    let (mut path, sibling) = if m <= k {
        (naive_subproof(m, left, whole), naive_root::<Sha256Tree>(right))
    } else {
        (naive_subproof(m - k, right, false), naive_root::<Sha256Tree>(left))
    };
    path.push(sibling);
    path
}

fn naive_split(n: usize) -> usize {
    (1..n).filter(|k| k.is_power_of_two()).max().unwrap()
}

fn leaves(count: u64) -> Vec<Digest> {
    (0..count).map(|index| leaf_hash(&index.to_be_bytes())).collect()
}

#[test]
fn frontier_and_tree_give_the_roots_of_the_rfc_at_every_size() {
    let all = leaves(70);
    let tree: MerkleTree = all.iter().copied().collect();
    let mut frontier = Frontier::<Sha256Tree>::new();
    let mut alt = Frontier::<Sha3Tree>::new();
    for size in 0..=all.len() {
        let root = naive_root::<Sha256Tree>(&all[..size]);
        let size_u64 = TreeSize(size as u64);
        assert_eq!(frontier.root(), root, "{size}");
        assert_eq!(alt.root(), naive_root::<Sha3Tree>(&all[..size]), "{size}");
        assert_eq!(tree.root_at(size_u64), Ok(root), "{size}");
        let restored = Frontier::restore(frontier.size(), frontier.hashes().to_vec()).unwrap();
        assert_eq!(restored, frontier);
        assert!(Frontier::<Sha256Tree>::restore(TreeSize(size as u64 + 1), vec![root; 7]).is_err());
        if let Some(leaf) = all.get(size) {
            frontier.push(*leaf);
            alt.push(*leaf);
        }
    }
}

#[test]
fn every_proof_of_every_small_tree_is_that_of_the_rfc() {
    let all = leaves(34);
    let tree: MerkleTree = all.iter().copied().collect();
    for size in 1..=all.len() {
        let new = TreeSize(size as u64);
        let root = tree.root_at(new).unwrap();
        for index in 0..size {
            let proof = prove_inclusion::<Sha256Tree>(&tree, LeafIndex(index as u64), new).unwrap();
            assert_eq!(proof.path, naive_path(index, &all[..size]));
            assert_eq!(proof.verify(&all[index], &root), Ok(()));
            assert!(proof.verify(&all[(index + 1) % all.len()], &root).is_err());
            let old = TreeSize(index as u64 + 1);
            let proof = prove_consistency::<Sha256Tree>(&tree, old, new).unwrap();
            assert_eq!(proof.path, naive_subproof(index + 1, &all[..size], true));
            assert_eq!(proof.verify(&tree.root_at(old).unwrap(), &root), Ok(()));
        }
    }
}

#[test]
fn every_subtree_is_proven_to_be_in_the_tree() {
    let all = leaves(21);
    let tree: MerkleTree = all.iter().copied().collect();
    let mut proven = 0;
    for size in 0..=21_u64 {
        let root = tree.root_at(TreeSize(size)).unwrap();
        for (start, end) in (0..=size).flat_map(|end| (0..=end).map(move |start| (start, end))) {
            let Ok(subtree) = Subtree::new(start, end) else { continue };
            let part = naive_root::<Sha256Tree>(&all[start as usize..end as usize]);
            let path = prove_subtree_consistency::<Sha256Tree>(&tree, subtree, TreeSize(size)).unwrap();
            let check = verify_subtree_consistency::<Sha256Tree>(subtree, TreeSize(size), &path, &part, &root);
            assert_eq!(check, Ok(()), "{start}..{end} of {size}");
            proven += 1;
        }
    }
    assert!(proven > 500);
}

#[test]
fn a_source_without_the_node_says_which_is_missing() {
    let tree: MerkleTree = leaves(5).into_iter().collect();
    let error = prove_inclusion::<Sha256Tree>(&tree, LeafIndex(0), TreeSize(8)).unwrap_err();
    assert_eq!(error, ProofError::MissingNode { level: 2, index: 1 });
}

#[test]
fn sizes_at_the_end_of_the_range_are_answered_without_a_panic() {
    let root = Digest::default();
    for size in [u64::MAX, u64::MAX - 1, 1 << 63, (1 << 63) + 1] {
        for index in [0, 1, size / 2, size - 1] {
            let proof = InclusionProof { index: LeafIndex(index), size: TreeSize(size), path: vec![root; 64] };
            assert!(proof.verify(&root, &root).is_err());
            let proof = ConsistencyProof { old: TreeSize(index), new: TreeSize(size), path: vec![root; 200] };
            assert!(proof.verify(&root, &root).is_err());
            let proof = BatchInclusion { size: TreeSize(size), nodes: vec![root; 200] };
            assert!(proof.verify(&[(LeafIndex(index), root)], &root).is_err());
        }
    }
}

fn flip(digest: &mut Digest, bit: usize) {
    let mut bytes = *digest.as_bytes();
    bytes[bit / 8] ^= 1 << (bit % 8);
    *digest = Digest::new(bytes);
}

proptest! {
    #[test]
    fn a_batch_proof_proves_what_the_single_proofs_prove(
        size in 1_u64..300,
        picks in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
        bit in 0_usize..256,
        place in any::<prop::sample::Index>(),
    ) {
        let all = leaves(size);
        let tree: MerkleTree = all.iter().copied().collect();
        let root = tree.root();
        let indexes: std::collections::BTreeSet<_> = picks.iter().map(|pick| pick.index(all.len())).collect();
        let indexes: Vec<_> = indexes.into_iter().map(|index| LeafIndex(index as u64)).collect();
        let proof = prove_batch::<Sha256Tree>(&tree, &indexes, TreeSize(size)).unwrap();
        let mut chosen: Vec<_> = indexes.iter().map(|index| (*index, all[index.0 as usize])).collect();
        prop_assert_eq!(proof.verify(&chosen, &root), Ok(()));
        let single: usize = indexes.iter()
            .map(|index| prove_inclusion::<Sha256Tree>(&tree, *index, TreeSize(size)).unwrap().path.len()).sum();
        prop_assert!(indexes.is_empty() || proof.nodes.len() <= single);
        let json = serde_json::to_string(&proof).unwrap();
        prop_assert_eq!(&serde_json::from_str::<BatchInclusion>(&json).unwrap(), &proof);

        if !proof.nodes.is_empty() {
            let mut broken = proof.clone();
            flip(&mut broken.nodes[place.index(proof.nodes.len())], bit);
            prop_assert_eq!(broken.verify(&chosen, &root), Err(ProofError::Root));
            broken = proof.clone();
            broken.nodes.push(root);
            prop_assert_eq!(broken.verify(&chosen, &root), Err(ProofError::Length));
            broken = proof.clone();
            broken.nodes.pop();
            prop_assert!(broken.verify(&chosen, &root).is_err());
        }
        if !chosen.is_empty() {
            let at = place.index(chosen.len());
            flip(&mut chosen[at].1, bit);
            prop_assert_eq!(proof.verify(&chosen, &root), Err(ProofError::Root));
        }
    }

    #[test]
    fn a_flipped_bit_in_a_consistency_proof_is_found(old in 1_u64..100, more in 1_u64..100, place in any::<prop::sample::Index>(), bit in 0_usize..256) {
        let new = TreeSize(old + more);
        let tree: MerkleTree = leaves(new.0).into_iter().collect();
        let mut proof = prove_consistency::<Sha256Tree>(&tree, TreeSize(old), new).unwrap();
        let at = place.index(proof.path.len());
        flip(&mut proof.path[at], bit);
        prop_assert_eq!(proof.verify(&tree.root_at(TreeSize(old)).unwrap(), &tree.root()), Err(ProofError::Root));
    }
}
