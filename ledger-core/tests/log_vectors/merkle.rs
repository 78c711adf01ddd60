//! transparency-dev/merkle's proofs, the reference tree, and a real CT log.

#![expect(clippy::as_conversions, clippy::cast_possible_truncation, reason = "small numbers of a test")]

use base64ct::Encoding as _;
use ledger_core::digest::Digest;
use ledger_core::id::{LeafIndex, TreeSize};
use ledger_core::log::merkle::{
    ConsistencyProof, Frontier, InclusionProof, MerkleTree, NodeSource, Sha256Tree, Subtree, leaf_hash,
    verify_subtree_consistency, verify_subtree_inclusion,
};
use serde_json::Value;

use super::{base64, hex, json, json_files};

fn path(value: &Value) -> Option<Vec<Digest>> {
    value.as_array().map_or(Some(Vec::new()), |hashes| hashes.iter().map(base64).collect())
}

/// Some files have texts of other lengths as roots; a type of 32 bytes holds their digests instead, as equal or unequal.
fn placeholder(value: &Value) -> Option<Digest> {
    base64(value).or_else(|| Some(Digest::sha256(&[value.as_str()?.as_bytes()])))
}

/// `None` when the case cannot even be said in our types, which is a rejection too.
fn check_all(folder: &str, count: usize, verify: impl Fn(&Value) -> Option<bool>) {
    let files = json_files(&format!("rfc6962-merkle/{folder}"));
    assert_eq!(files.len(), count, "{folder}");
    for (name, case) in files {
        let accepted = verify(&case).unwrap_or(false);
        assert_eq!(accepted, !case["wantErr"].as_bool().unwrap(), "{name}: {}", case["desc"]);
    }
}

#[test]
fn every_inclusion_vector_is_answered_as_its_file_says() {
    check_all("inclusion", 74, |case| {
        let proof = InclusionProof {
            index: LeafIndex(case["leafIdx"].as_u64()?),
            size: TreeSize(case["treeSize"].as_u64()?),
            path: path(&case["proof"])?,
        };
        Some(proof.verify(&base64(&case["leafHash"])?, &base64(&case["root"])?).is_ok())
    });
}

#[test]
fn every_consistency_vector_is_answered_as_its_file_says() {
    check_all("consistency", 73, |case| {
        let proof = ConsistencyProof {
            old: TreeSize(case["size1"].as_u64()?),
            new: TreeSize(case["size2"].as_u64()?),
            path: path(&case["proof"])?,
        };
        Some(proof.verify(&placeholder(&case["root1"])?, &placeholder(&case["root2"])?).is_ok())
    });
}

#[test]
fn every_subtree_inclusion_vector_is_answered_as_its_file_says() {
    check_all("subtreeinclusion", 153, |case| {
        let subtree = Subtree::new(case["start"].as_u64()?, case["end"].as_u64()?).ok()?;
        let index = LeafIndex(case["leafIdx"].as_u64()?);
        let (path, leaf, root) = (path(&case["proof"])?, base64(&case["leafHash"])?, base64(&case["root"])?);
        Some(verify_subtree_inclusion::<Sha256Tree>(index, subtree, &path, &leaf, &root).is_ok())
    });
}

#[test]
fn every_subtree_consistency_vector_is_answered_as_its_file_says() {
    check_all("subtreeconsistency", 88, |case| {
        let subtree = Subtree::new(case["start"].as_u64()?, case["end"].as_u64()?).ok()?;
        let size = TreeSize(case["size"].as_u64()?);
        let (path, root1, root2) = (path(&case["proof"])?, placeholder(&case["root1"])?, placeholder(&case["root2"])?);
        Some(verify_subtree_consistency::<Sha256Tree>(subtree, size, &path, &root1, &root2).is_ok())
    });
}

#[test]
fn the_reference_tree_has_its_nodes_and_roots() {
    let case = json("rfc6962-merkle/reference-tree.json");
    let digest = |value: &Value| Digest::from_slice(&hex(value.as_str().unwrap())).unwrap();
    let leaves = case["leaf_inputs_hex"].as_array().unwrap().iter().map(|leaf| leaf_hash(&hex(leaf.as_str().unwrap())));
    let leaves: Vec<_> = leaves.collect();
    let tree: MerkleTree = leaves.iter().copied().collect();
    for level in 0..4_u8 {
        let nodes = case["node_hashes_hex"][format!("level{level}")].as_array().unwrap();
        for (index, node) in (0..).zip(nodes) {
            assert_eq!(tree.node(level, index), Some(digest(node)), "{level} {index}");
        }
    }
    let mut frontier = Frontier::<Sha256Tree>::new();
    let roots = case["root_hex_by_size"].as_array().unwrap();
    assert_eq!(roots.len(), 9);
    for (size, root) in (0..).zip(roots) {
        assert_eq!(tree.root_at(TreeSize(size)), Ok(digest(root)));
        assert_eq!(frontier.root(), digest(root));
        leaves.get(size as usize).into_iter().for_each(|leaf| frontier.push(*leaf));
    }
}

#[test]
fn a_real_ct_log_of_961_984_013_leaves_verifies() {
    let head = json("golang-mod-argon2020/sth.json");
    let size = TreeSize(head["tree_size"].as_u64().unwrap());
    let root = base64(&head["sha256_root_hash"]).unwrap();
    let proof = json("golang-mod-argon2020/proof.json");
    let inclusion = InclusionProof {
        index: LeafIndex(proof["leaf_index"].as_u64().unwrap()),
        size,
        path: path(&proof["audit_path"]).unwrap(),
    };
    assert_eq!(inclusion.path.len(), 30);
    let entries = json("golang-mod-argon2020/entries.json");
    let leaf = base64ct::Base64::decode_vec(entries["entries"][0]["leaf_input"].as_str().unwrap()).unwrap();
    assert_eq!(inclusion.verify(&leaf_hash(&leaf), &root), Ok(()));
    let expect = json("golang-mod-argon2020/expect.json");
    let mut consistency = ConsistencyProof {
        old: TreeSize(expect["consistency"]["first_size"].as_u64().unwrap()),
        new: size,
        path: path(&json("golang-mod-argon2020/consistency.json")["consistency"]).unwrap(),
    };
    let first = base64(&expect["consistency"]["first_root"]).unwrap();
    assert_eq!(consistency.verify(&first, &root), Ok(()));
    consistency.old.0 += 1;
    assert!(consistency.verify(&first, &root).is_err());
}
