//! A whole tlog-tiles log, and a tlog-proof of a real one.

use std::collections::BTreeMap;

use ledger_core::digest::{Digest, encode_hex};
use ledger_core::id::TreeSize;
use ledger_core::log::checkpoint::{CheckpointBody, VerifiedCheckpoint};
use ledger_core::log::merkle::{MerkleTree, leaf_hash};
use ledger_core::log::note::{SignerKey, VerifierKey};
use ledger_core::log::proof::TlogProof;
use ledger_core::log::tile::{bundle_path, decode_bundle, encode_bundle, hash_tile, hash_tile_path};

use super::{bytes, hex, json};

#[test]
fn the_log_of_tesserae_is_written_again_byte_for_byte() {
    let log = json("tlog-tiles-log/log.json");
    let signer = SignerKey::parse(log["test_only_skey"].as_str().unwrap()).unwrap();
    let key: VerifierKey = log["vkey"].as_str().unwrap().parse().unwrap();
    assert_eq!(*signer.verifier(), key);
    let leaves: Vec<_> =
        log["leaves_utf8"].as_array().unwrap().iter().map(|leaf| leaf.as_str().unwrap().as_bytes()).collect();
    let tree: MerkleTree = leaves.iter().map(|leaf| leaf_hash(leaf)).collect();
    let mut resources: BTreeMap<String, String> = serde_json::from_value(log["resources_hex"].clone()).unwrap();
    for size in 0..=15_u16 {
        let root = tree.root_at(TreeSize(size.into())).unwrap();
        let body = CheckpointBody::new("example.com/log/testdata", TreeSize(size.into()), root);
        let expected = log["checkpoints_by_size"][size.to_string()].as_str().unwrap();
        assert_eq!(body.sign(&signer).unwrap().to_string(), expected);
        let read = VerifiedCheckpoint::verify(expected.as_bytes(), "example.com/log/testdata", &key).unwrap();
        assert_eq!(*read.body(), body);
        if size == 0 {
            continue;
        }
        let tile = hash_tile(&tree, 0, 0, size).unwrap();
        assert_eq!(resources.remove(&hash_tile_path(0, 0, size)).unwrap(), encode_hex(&tile));
        let bundle = encode_bundle(leaves.iter().copied().take(size.into())).unwrap();
        let expected = resources.remove(&bundle_path(0, size)).unwrap();
        assert_eq!(expected, encode_hex(&bundle));
        assert_eq!(decode_bundle(&hex(&expected)).unwrap(), leaves[..size.into()]);
    }
    assert_eq!(resources, BTreeMap::new());
}

#[test]
fn a_proof_of_the_go_checksum_database_verifies_and_each_mutation_fails() {
    let expect = json("tlog-proof/expect.json");
    let text = |name: &str| expect[name].as_str().unwrap();
    let (origin, vkey) = (text("origin"), text("log_vkey"));
    let key: VerifierKey = vkey.parse().unwrap();
    let leaf: Digest = text("leaf_hash_hex").parse().unwrap();
    assert_eq!(leaf_hash(&bytes("tlog-proof/go.sum-database-tree-43930254.raw")), leaf);
    let file = bytes("tlog-proof/go.sum-database-tree-43930254.tlog-proof");
    let proof = TlogProof::parse(&file).unwrap();
    assert_eq!(proof.to_string().as_bytes(), file);
    assert_eq!(proof.verify(&leaf, origin, &key).unwrap().size(), TreeSize(58_253_265));

    let mut other_leaf = *leaf.as_bytes();
    other_leaf[0] ^= 0xff;
    assert!(proof.verify(&Digest::new(other_leaf), origin, &key).is_err());
    let other_key = format!("{}9", vkey.strip_suffix('8').unwrap());
    assert!(other_key.parse::<VerifierKey>().is_err());
    let cut = TlogProof::parse(&file[..file.len() - 50]);
    assert!(cut.and_then(|proof| proof.verify(&leaf, origin, &key)).is_err());
    let mut next = proof.clone();
    next.index.0 += 1;
    assert!(next.verify(&leaf, origin, &key).is_err());
    for place in 0..proof.path.len() {
        for bit in 0..256 {
            let mut changed = proof.clone();
            let mut hash = *changed.path[place].as_bytes();
            hash[bit / 8] ^= 1 << (bit % 8);
            changed.path[place] = Digest::new(hash);
            assert!(changed.verify(&leaf, origin, &key).is_err());
        }
        let text = String::from_utf8(file.clone()).unwrap();
        let line = text.lines().nth(2 + place).unwrap();
        let shorter = text.replace(&format!("{line}\n"), "");
        let shorter = TlogProof::parse(shorter.as_bytes());
        assert!(shorter.and_then(|proof| proof.verify(&leaf, origin, &key)).is_err());
    }
    let with_extra = TlogProof { extra: Some(b"context".to_vec()), ..proof };
    assert_eq!(TlogProof::parse(with_extra.to_string().as_bytes()).unwrap(), with_extra);
}
