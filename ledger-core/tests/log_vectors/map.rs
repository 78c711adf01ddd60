//! torchwood's Merkle Patricia maps.

use ledger_core::digest::Digest;
use ledger_core::log::map::{MapProof, StreamMap};

use super::{hex, text};

#[test]
fn every_snapshot_has_its_hash_in_any_order_of_insertion() {
    let mut pairs: Vec<(Digest, Digest)> = Vec::new();
    let mut snapshots = 0;
    for line in text("mpt/treehash-subset.txt").lines() {
        let words: Vec<_> = line.split_whitespace().collect();
        match words[..] {
            ["kv", key, value] => pairs.push((key.parse().unwrap(), value.parse().unwrap())),
            ["hash", root] => {
                for _ in 0..pairs.len().max(1) {
                    let mut map = StreamMap::new();
                    for (key, value) in &pairs {
                        map.insert(*key, *value).unwrap();
                    }
                    assert_eq!(map.root().to_string(), root, "{pairs:?}");
                    if !pairs.is_empty() {
                        pairs.rotate_left(1);
                    }
                }
                pairs.sort();
                assert_eq!(StreamMap::from_sorted(pairs.drain(..)).unwrap().root().to_string(), root);
                snapshots += 1;
            }
            _ => assert!(line.is_empty() || line.starts_with('#'), "{line}"),
        }
    }
    assert_eq!(snapshots, 9);
}

#[test]
fn every_proof_is_answered_as_its_line_says() {
    let (mut root, mut key, mut value, mut proof) = (Digest::default(), Digest::default(), None, Vec::new());
    let mut checks = [0, 0];
    for (number, line) in text("mpt/verify-subset.txt").lines().enumerate() {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "snap" => root = rest.parse().unwrap(),
            "key" => key = rest.parse().unwrap(),
            "val" => value = (rest != "-").then(|| rest.parse::<Digest>().unwrap()),
            "proof" if rest == "''" => proof.clear(),
            "proof" => proof = hex(&rest.replace(' ', "")),
            "verify" => {
                let decoded = match value {
                    Some(_) => MapProof::decode_present(&proof),
                    None => MapProof::decode_absent(&proof),
                };
                let verified = decoded.and_then(|decoded| {
                    assert_eq!(decoded.encode(), proof);
                    decoded.verify(&root, &key, value.as_ref())
                });
                assert_eq!(verified.is_ok(), rest == "true", "line {}: {verified:?}", number + 1);
                checks[usize::from(rest == "true")] += 1;
            }
            _ => assert!(line.is_empty() || line.starts_with('#'), "{line}"),
        }
    }
    assert_eq!(checks, [10, 10]);
}
