//! What the bundle says about itself: `bundle.json` and `ledger/streams.json`, both canonical JSON with closed schemas.
//!
//! None of it is believed. It tells the verifier where to look; what is found there must prove itself.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::canonical::{self, CanonicalError};
use crate::digest::{Digest, HexError, encode_hex, parse_hex_vec};
use crate::id::{DocumentId, LeafIndex, Origin, StreamId, TreeSize, serde_as_text};
use crate::log::map::MapProof;
use crate::payload::{Salt, Slot};

/// `t` of `bundle.json`.
pub const BUNDLE_TAG: &str = "edl/v1/bundle";
/// `t` of `ledger/streams.json`.
pub const STREAMS_TAG: &str = "edl/v1/streams";
/// The most streams: a document with a thousand deliveries has some thousands. Each is compared with each record.
pub const STREAMS_MAX: usize = 4096;

/// `bundle.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The document that the bundle is about.
    pub document: DocumentId,
    /// Every file but `mimetype` and `bundle.json`, sorted by name.
    pub files: Vec<FileEntry>,
    /// Leaf hash of the genesis.
    pub genesis: Digest,
    /// The ledger.
    pub origin: Origin,
    /// The payloads that are here, sorted by leaf and slot.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub payloads: Vec<PayloadEntry>,
    /// Size of the checkpoint.
    pub size: TreeSize,
    /// [`BUNDLE_TAG`].
    pub t: String,
    /// The payloads that shown records commit to and that are not here, sorted by leaf and slot.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unavailable: Vec<UnavailablePayload>,
}

/// One file with its digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    /// Length in bytes.
    pub bytes: u64,
    /// Name in the container.
    pub name: String,
    /// SHA-256 of the content, as `sha256sum` prints it.
    pub sha256: Digest,
}

/// Where a payload is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PayloadEntry {
    /// Name in the container.
    pub file: String,
    /// The record that commits to it.
    pub leaf: LeafIndex,
    /// The salt, 64 hex digits.
    pub salt: Digest,
    /// Its slot.
    pub slot: Slot,
}

impl PayloadEntry {
    /// The salt as the commitment takes it.
    pub fn salt(&self) -> Salt {
        Salt::from_random(*self.salt.as_bytes())
    }
}

/// A payload that is not in the bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnavailablePayload {
    /// The record that commits to it.
    pub leaf: LeafIndex,
    /// Why it is not here.
    pub reason: UnavailableReason,
    /// Its slot.
    pub slot: Slot,
}

/// Why a payload is not in the bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnavailableReason {
    /// The record is about another document and shown only for completeness of a certificate's or key's stream.
    OtherDocument,
    /// It names a person and the question does not need it.
    PersonalData,
    /// The exporter has not got it.
    Unavailable,
}

/// `ledger/streams.json`: the streams whose every record is accounted for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Streams {
    /// The streams, sorted.
    pub streams: Vec<StreamClaim>,
    /// [`STREAMS_TAG`].
    pub t: String,
}

/// All places of one stream and the proof that the sealed map says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StreamClaim {
    /// Number of records that name the stream.
    pub count: TreeSize,
    /// The proof in the map of the last seal.
    pub map: MapProofHex,
    /// Every record that names the stream, in log order.
    pub positions: Vec<StreamPosition>,
    /// The stream.
    pub stream: StreamId,
}

/// One place of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StreamPosition {
    /// Place in the log.
    pub index: LeafIndex,
    /// The leaf hash of a record that is withheld; a shown record is in `ledger/leaves` instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withheld: Option<Digest>,
}

/// The encoded proof of presence in the map, as lower-case hex.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MapProofHex(pub Vec<u8>);

impl MapProofHex {
    /// Encodes a proof.
    pub fn of(proof: &MapProof) -> Self {
        Self(proof.encode())
    }
}

impl std::fmt::Display for MapProofHex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&encode_hex(&self.0))
    }
}

impl std::str::FromStr for MapProofHex {
    type Err = HexError;

    fn from_str(text: &str) -> Result<Self, HexError> {
        parse_hex_vec(text, MAP_PROOF_BYTES_MAX).map(Self)
    }
}

/// A path has at most 256 steps of at most 34 bytes.
const MAP_PROOF_BYTES_MAX: usize = 256 * 34;

serde_as_text!(MapProofHex);

/// Why one of the two files is not what it must be.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// Not in the profile of canonical JSON.
    #[error(transparent)]
    Canonical(#[from] CanonicalError),
    /// A member is missing, unknown or of the wrong form.
    #[error("not of this format: {0}")]
    Schema(#[source] serde_json::Error),
    /// The members break a rule that the schema cannot say.
    #[error("not of this format: {0}")]
    Rule(&'static str),
}

impl Manifest {
    /// Reads `bundle.json`.
    pub fn decode(bytes: &[u8]) -> Result<Self, ManifestError> {
        canonical::check_any_length(bytes)?;
        let manifest: Self = serde_json::from_slice(bytes).map_err(ManifestError::Schema)?;
        rule(manifest.t == BUNDLE_TAG, "t is not edl/v1/bundle")?;
        rule(manifest.files.is_sorted_by(|a, b| a.name < b.name), "files are not sorted or doubled")?;
        let payload = |a: &PayloadEntry, b: &PayloadEntry| (a.leaf, &a.slot) < (b.leaf, &b.slot);
        rule(manifest.payloads.is_sorted_by(payload), "payloads are not sorted or doubled")?;
        let unavailable = |a: &UnavailablePayload, b: &UnavailablePayload| (a.leaf, &a.slot) < (b.leaf, &b.slot);
        rule(manifest.unavailable.is_sorted_by(unavailable), "unavailable payloads are not sorted or doubled")?;
        Ok(manifest)
    }

    /// The canonical bytes.
    pub fn encode(&self) -> Result<Vec<u8>, CanonicalError> {
        canonical::encode_any_length(self)
    }
}

impl Streams {
    /// Reads `ledger/streams.json`.
    pub fn decode(bytes: &[u8]) -> Result<Self, ManifestError> {
        canonical::check_any_length(bytes)?;
        let streams: Self = serde_json::from_slice(bytes).map_err(ManifestError::Schema)?;
        rule(streams.t == STREAMS_TAG, "t is not edl/v1/streams")?;
        rule(streams.streams.len() <= STREAMS_MAX, "more than 4096 streams")?;
        rule(streams.streams.is_sorted_by(|a, b| a.stream < b.stream), "streams are not sorted or doubled")?;
        Ok(streams)
    }

    /// The canonical bytes.
    pub fn encode(&self) -> Result<Vec<u8>, CanonicalError> {
        canonical::encode_any_length(self)
    }
}

fn rule(holds: bool, text: &'static str) -> Result<(), ManifestError> {
    if holds { Ok(()) } else { Err(ManifestError::Rule(text)) }
}
