//! The map against a naive one, and proofs against every flipped bit.

#![expect(clippy::as_conversions, clippy::cast_possible_truncation, reason = "small numbers of a test")]

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// The definition: divide the sorted entries at the first bit in which any two differ.
fn naive_root(entries: &[(Digest, Digest)]) -> Digest {
    match entries {
        [] => Digest::sha256(&[]),
        [(key, value)] => {
            let mut bytes = vec![0, 32];
            bytes.extend(key.as_bytes());
            bytes.push(32);
            bytes.extend(value.as_bytes());
            Digest::sha256(&[&bytes])
        }
        [(first, _), .., (last, _)] => {
            let bit_at = |key: &Digest, bit: usize| key.as_bytes()[bit / 8] >> (7 - bit % 8) & 1;
            let bit = (0..256).find(|bit| bit_at(first, *bit) != bit_at(last, *bit)).unwrap();
            let middle = entries.iter().position(|(key, _)| bit_at(key, bit) == 1).unwrap();
            let mut bytes = vec![1];
            if bit < 128 {
                bytes.push(bit as u8);
            } else {
                bytes.extend([bit as u8, 1]);
            }
            bytes.extend(naive_root(&entries[..middle]).as_bytes());
            bytes.extend(naive_root(&entries[middle..]).as_bytes());
            Digest::sha256(&[&bytes])
        }
    }
}

/// Keys that share long prefixes, as an attacker would choose them, and random ones.
fn any_key() -> impl Strategy<Value = Digest> {
    prop_oneof![
        any::<[u8; 32]>(),
        (0_usize..256).prop_map(|bit| {
            let mut key = [0; 32];
            key[bit / 8] = 0x80 >> (bit % 8);
            key
        }),
        any::<[u8; 2]>().prop_map(|[first, last]| {
            let mut key = [0xaa; 32];
            key[0] = first & 3;
            key[31] = last;
            key
        }),
    ]
    .prop_map(Digest::new)
}

fn any_value() -> impl Strategy<Value = Digest> {
    any::<[u8; 32]>().prop_map(Digest::new)
}

fn flipped(digest: Digest, bit: usize) -> Digest {
    let mut bytes = *digest.as_bytes();
    bytes[bit / 8] ^= 1 << (bit % 8);
    Digest::new(bytes)
}

proptest! {
    #[test]
    fn the_root_is_that_of_the_definition_after_every_batch_of_updates(
        batches in prop::collection::vec(prop::collection::vec((any_key(), any_value()), 0..12), 1..6)
    ) {
        let mut map = StreamMap::new();
        let mut naive = BTreeMap::new();
        for batch in batches {
            for (key, value) in batch {
                map.insert(key, value).unwrap();
                naive.insert(key, value);
            }
            let sorted: Vec<_> = naive.clone().into_iter().collect();
            let proof_before_root = sorted.first().map(|(key, _)| map.prove(key));
            prop_assert_eq!(map.root(), naive_root(&sorted));
            prop_assert_eq!(proof_before_root, sorted.first().map(|(key, _)| map.prove(key)));
            prop_assert_eq!(map.len(), naive.len());
            prop_assert_eq!(map.entries().collect::<Vec<_>>(), sorted.clone());
            let mut built = StreamMap::from_sorted(sorted.clone()).unwrap();
            prop_assert_eq!(built.root(), map.root());
            if sorted.len() > 1 {
                prop_assert!(StreamMap::from_sorted(sorted.into_iter().rev()).is_err());
            }
        }
    }

    #[test]
    fn presence_and_absence_are_proven_and_nothing_else_is(
        entries in prop::collection::btree_map(any_key(), any_value(), 0..40),
        key in any_key(),
        pick in any::<prop::sample::Index>(),
        bit in any::<prop::sample::Index>(),
    ) {
        let mut map = StreamMap::new();
        for (key, value) in &entries {
            map.insert(*key, *value).unwrap();
        }
        let root = map.root();
        let picked = (!entries.is_empty()).then(|| *entries.keys().nth(pick.index(entries.len())).unwrap());
        for key in [Some(key), picked].into_iter().flatten() {
            let value = entries.get(&key);
            prop_assert_eq!(map.get(&key), value.copied());
            let proof = map.prove(&key);
            prop_assert_eq!(proof.verify(&root, &key, value), Ok(()));
            let bytes = proof.encode();
            let decode = |bytes: &[u8]| match value {
                Some(_) => MapProof::decode_present(bytes),
                None => MapProof::decode_absent(bytes),
            };
            prop_assert_eq!(decode(&bytes).unwrap(), proof.clone());

            let flip = bit.index(256);
            prop_assert!(proof.verify(&flipped(root, flip), &key, value).is_err());
            match value {
                Some(value) => {
                    prop_assert!(proof.verify(&root, &key, Some(&flipped(*value, flip))).is_err());
                    prop_assert!(proof.verify(&root, &key, None).is_err());
                }
                None => prop_assert!(proof.verify(&root, &key, Some(&root)).is_err()),
            }
            if !bytes.is_empty() {
                let mut broken = bytes.clone();
                let place = bit.index(bytes.len() * 8);
                broken[place / 8] ^= 1 << (place % 8);
                prop_assert!(decode(&broken).and_then(|proof| proof.verify(&root, &key, value)).is_err());
                broken = bytes.clone();
                broken.pop();
                prop_assert!(decode(&broken).and_then(|proof| proof.verify(&root, &key, value)).is_err());
            }
        }
    }

    /// The lies of an operator who has real leaves and real paths.
    #[test]
    fn a_key_that_is_there_cannot_be_proven_absent(
        entries in prop::collection::btree_map(any_key(), any_value(), 1..20),
    ) {
        let mut map = StreamMap::from_sorted(entries.clone()).unwrap();
        let root = map.root();
        for key in entries.keys() {
            for (other, value) in &entries {
                let MapProof::Present { path } = map.prove(other) else { panic!("{other} is there") };
                let lie = MapProof::Absent { other: Some((*other, *value)), path };
                prop_assert_eq!(lie.verify(&root, key, None), Err(MapProofError::OtherKey));
            }
            let lie = MapProof::Absent { other: None, path: Vec::new() };
            prop_assert_eq!(lie.verify(&root, key, None), Err(MapProofError::Root));
        }
    }

    #[test]
    fn any_bytes_are_answered_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), key in any_key()) {
        for proof in [MapProof::decode_present(&bytes), MapProof::decode_absent(&bytes)].into_iter().flatten() {
            prop_assert!(proof.verify(&key, &key, None).is_err() && proof.verify(&key, &key, Some(&key)).is_err());
        }
    }
}

#[test]
fn a_key_costs_at_most_150_bytes() {
    assert!(size_of::<Leaf>() + size_of::<Inner>() <= 144);
}

#[test]
fn varints_have_one_spelling_and_bits_increase_from_the_root() {
    let sibling = [0; 32];
    let encode = |prefix: &[u8]| [prefix, &sibling].concat();
    assert!(MapProof::decode_present(&encode(&[0x80, 1])).is_ok());
    assert!(MapProof::decode_present(&encode(&[0x80, 0])).is_err());
    assert!(MapProof::decode_present(&encode(&[0x80, 2])).is_err());
    let path = vec![(3, Digest::default()), (3, Digest::default())];
    let key = Digest::default();
    assert_eq!(MapProof::Present { path }.verify(&key, &key, Some(&key)), Err(MapProofError::BitOrder));
}
