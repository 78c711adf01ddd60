//! The genesis: leaf 0, which says what the ledger is. Verifiers pin its leaf hash (format section 4).

use serde::{Deserialize, Serialize};

use super::leaf::{self, LeafError};
use super::merkle::leaf_hash;
use super::note::{KeyAlgorithm, VerifierKey};
use crate::canonical::{self, CanonicalError};
use crate::digest::{Digest, tagged};
use crate::id::{IdentifierMode, Origin, StreamId, TreeSize};
use crate::time::Timestamp;

/// More keys than any ceremony has; a longer list only costs verifications.
const KEYS_MAX: usize = 16;

/// The first leaf. It is in the stream [ledger, origin], at position 0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Genesis {
    /// Says that this is a genesis.
    pub t: GenesisType,
    /// When the ledger was made.
    pub at: Timestamp,
    /// Name of the log, unique per era.
    pub origin: Origin,
    /// Version of the format: 1.
    pub format: u64,
    /// The hashes of the two trees.
    pub hashes: TreeHashes,
    /// Keys that sign checkpoints from the beginning, as verifier keys of signed notes.
    pub log_keys: Vec<VerifierKey>,
    /// Keys of which a quorum replaces a lost or compromised log key.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recovery_keys: Vec<VerifierKey>,
    /// Digest of the policy on witnesses and time-stamping authorities; `None` is written "none".
    #[serde(with = "or_none")]
    pub policy: Option<Digest>,
    /// Limits that verifiers hold the operator to.
    pub limits: Limits,
    /// Commitment to the key under which identities are indexed, see [`index_key_commitment`].
    pub index_key: Digest,
    /// Whether identification numbers are real ones.
    pub identifiers: IdentifierMode,
    /// End of the era before; `None` is written "none".
    #[serde(with = "or_none")]
    pub previous: Option<PreviousEra>,
}

/// The `t` of a genesis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum GenesisType {
    /// Version 1.
    #[serde(rename = "edl/v1/genesis")]
    V1,
}

/// The hashes of the two trees; format 1 knows one pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TreeHashes {
    /// The log's tree.
    pub tree: LogTreeHash,
    /// The tree under `alt_root`.
    pub second: SecondTreeHash,
}

impl TreeHashes {
    /// The pair of format 1.
    pub const V1: Self = Self { tree: LogTreeHash::Sha256, second: SecondTreeHash::Sha3 };
}

/// Hash of the log's tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum LogTreeHash {
    /// SHA-256.
    #[serde(rename = "sha-256")]
    Sha256,
}

/// Hash of the second tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SecondTreeHash {
    /// SHA3-256.
    #[serde(rename = "sha3-256")]
    Sha3,
}

/// Limits that verifiers hold the operator to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// The most records between two seals.
    pub batch_records_max: u64,
    /// The longest time between two seals in milliseconds.
    pub seal_interval_ms: u64,
    /// The longest time between two anchors in milliseconds.
    pub anchor_interval_ms: u64,
    /// How far `at` may lie outside the anchors around it in milliseconds.
    pub clock_skew_ms: u64,
}

/// Where the era before ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PreviousEra {
    /// Its log.
    pub origin: Origin,
    /// Its last size.
    pub size: TreeSize,
    /// Its last root.
    pub root: Digest,
    /// Its last SHA3-256 root.
    pub alt_root: Digest,
}

/// SHA-256("edl/v1/indexkey" 00 key).
pub fn index_key_commitment(index_key: &[u8; 32]) -> Digest {
    tagged("edl/v1/indexkey", &[index_key])
}

impl Genesis {
    /// The bytes of the leaf.
    pub fn encode(&self) -> Result<Vec<u8>, CanonicalError> {
        canonical::encode(self)
    }

    /// Reads a leaf that must be a genesis of format 1.
    pub fn decode(bytes: &[u8]) -> Result<Self, LeafError> {
        let genesis: Self = leaf::decode(bytes, "a genesis")?;
        let value = |good: bool, what| if good { Ok(()) } else { Err(LeafError::Value { what }) };
        value(genesis.format == 1, "format is 1")?;
        value((1..=KEYS_MAX).contains(&genesis.log_keys.len()), "there are 1 to 16 log keys")?;
        value(genesis.recovery_keys.len() <= KEYS_MAX, "there are at most 16 recovery keys")?;
        let mut keys = genesis.log_keys.iter().chain(&genesis.recovery_keys);
        value(keys.all(|key| key.algorithm() == KeyAlgorithm::Ed25519), "log and recovery keys are plain Ed25519")?;
        value(genesis.limits.batch_records_max > 0, "a batch holds a record")?;
        value(genesis.limits.seal_interval_ms > 0, "seals have an interval")?;
        value(genesis.previous.as_ref().is_none_or(|era| era.origin != genesis.origin), "an era has its own origin")?;
        // `"recovery_keys":[]` is not canonical, so one genesis has one spelling.
        Ok(genesis)
    }

    /// The stream that it begins.
    pub fn stream(&self) -> StreamId {
        StreamId::ledger(&self.origin)
    }

    /// The leaf hash that verifiers pin, from the bytes of the leaf.
    pub fn pin(leaf: &[u8]) -> Digest {
        leaf_hash(leaf)
    }
}

/// A value, or the text "none".
mod or_none {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    enum Nothing {
        #[serde(rename = "none")]
        None,
    }

    #[derive(Serialize, Deserialize)]
    #[serde(untagged)]
    enum OrNone<T> {
        Some(T),
        None(Nothing),
    }

    #[expect(clippy::ref_option, reason = "the signature that serde calls")]
    pub(super) fn serialize<T: Serialize, S: Serializer>(value: &Option<T>, serializer: S) -> Result<S::Ok, S::Error> {
        value.as_ref().map_or(OrNone::None(Nothing::None), OrNone::Some).serialize(serializer)
    }

    pub(super) fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<T>, D::Error> {
        Ok(match OrNone::deserialize(deserializer)? {
            OrNone::Some(value) => Some(value),
            OrNone::None(Nothing::None) => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::note::SignerKey;
    use super::*;
    use crate::id::LeafIndex;

    fn genesis() -> Genesis {
        let origin = Origin::from_name_and_random("ledger.example", [1; 16]).unwrap();
        let key = SignerKey::from_seed(origin.as_str(), &[3; 32]).unwrap();
        Genesis {
            t: GenesisType::V1,
            at: Timestamp::from_unix_ms(1_800_000_000_000).unwrap(),
            origin,
            format: 1,
            hashes: TreeHashes::V1,
            log_keys: vec![key.verifier().clone()],
            recovery_keys: Vec::new(),
            policy: None,
            limits: Limits {
                batch_records_max: 4096,
                seal_interval_ms: 60_000,
                anchor_interval_ms: 60_000,
                clock_skew_ms: 1000,
            },
            index_key: index_key_commitment(&[9; 32]),
            identifiers: IdentifierMode::Strict,
            previous: None,
        }
    }

    #[test]
    fn a_genesis_is_encoded_in_one_way_and_read_strictly() {
        let mut with_all = genesis();
        with_all.policy = Some(Digest::new([4; 32]));
        with_all.recovery_keys = vec![SignerKey::from_seed("recovery-1", &[5; 32]).unwrap().verifier().clone()];
        with_all.previous = Some(PreviousEra {
            origin: Origin::from_name_and_random("ledger.example", [2; 16]).unwrap(),
            size: TreeSize(5),
            root: Digest::new([6; 32]),
            alt_root: Digest::new([7; 32]),
        });
        for genesis in [genesis(), with_all] {
            let bytes = genesis.encode().unwrap();
            assert_eq!(Genesis::decode(&bytes).unwrap(), genesis);
            assert!(leaf::names_stream(&bytes, LeafIndex(0), &genesis.stream()).unwrap());
            assert!(!leaf::names_stream(&bytes, LeafIndex(1), &genesis.stream()).unwrap());
        }
        let text = String::from_utf8(genesis().encode().unwrap()).unwrap();
        assert!(text.contains("\"policy\":\"none\",\"previous\":\"none\",\"t\":\"edl/v1/genesis\""), "{text}");
        for bad in [
            text.replace("\"format\":1", "\"format\":2"),
            text.replace("\"none\",\"t\"", "\"nothing\",\"t\""),
            text.replace("\"sha-256\"", "\"sha-1\""),
            text.replace("ledger.example/01", "ledger.example/02"),
            text.replace("\"batch_records_max\":4096", "\"batch_records_max\":0"),
        ] {
            assert!(bad != text && Genesis::decode(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
