//! The bundle: one reproducible file about one document, built and opened here (layout in docs/FORMAT.md).
//!
//! Building is a pure function: the same input gives the same bytes. Opening believes nothing; it only finds
//! the parts, and [`super::verify()`] checks them.

use std::collections::{BTreeMap, BTreeSet};

use super::container::{self, ContainerError, Damage, Entry};
use super::manifest::{
    BUNDLE_TAG, FileEntry, Manifest, ManifestError, MapProofHex, PayloadEntry, STREAMS_TAG, StreamClaim,
    StreamPosition, Streams, UnavailablePayload,
};
use crate::canonical::CanonicalError;
use crate::digest::Digest;
use crate::id::{DocumentId, LeafIndex, Origin, StreamId, StreamKind, TreeSize};
use crate::log::map::MapProof;
use crate::log::merkle::{BatchInclusion, leaf_hash};
use crate::payload::{Salt, Slot};
use crate::record::{Record, RecordError};

/// Name of the file that says what the bundle holds.
pub const MANIFEST: &str = "bundle.json";
/// Name of the genesis record's file.
pub const GENESIS: &str = "ledger/genesis.json";
/// Name of the signed checkpoint's file.
pub const CHECKPOINT: &str = "ledger/checkpoint.txt";
/// Name of the inclusion proof's file.
pub const INCLUSION: &str = "ledger/inclusion.bin";
/// Name of the file with the complete streams.
pub const STREAMS: &str = "ledger/streams.json";
/// Name of the file for people.
pub const README: &str = "README.txt";
/// Name of the list of files that ASiC-E wants.
pub const ASIC_MANIFEST: &str = "META-INF/manifest.xml";
/// Folder of the leaves.
const LEAVES: &str = "ledger/leaves/";
/// The text of [`README`].
pub const README_TEXT: &str = include_str!("README.txt");

/// Everything of a ledger that a bundle holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundleInput {
    /// The document.
    pub document: DocumentId,
    /// The ledger.
    pub origin: Origin,
    /// The signed checkpoint.
    pub checkpoint: String,
    /// Exact bytes of the shown leaves: the genesis (0), the seal (size - 1) and every shown record.
    pub leaves: BTreeMap<LeafIndex, Vec<u8>>,
    /// One proof for all of `leaves` under the checkpoint.
    pub inclusion: BatchInclusion,
    /// The streams that are complete: document, its deliveries, the signing certificates and keys.
    pub streams: Vec<StreamInput>,
    /// The payloads.
    pub payloads: Vec<PayloadInput>,
    /// Payloads of shown records that are not here. Each slot of each shown record stands in one of the two lists.
    pub unavailable: Vec<UnavailablePayload>,
}

/// All places of one stream and the proof of its head in the map of the seal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamInput {
    /// The stream.
    pub stream: StreamId,
    /// Log index and leaf hash of every record that names it. One that is among the leaves is shown, another withheld.
    pub positions: Vec<(LeafIndex, Digest)>,
    /// Proof of presence in the map.
    pub proof: MapProof,
}

/// A payload with its salt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayloadInput {
    /// The record that commits to it.
    pub leaf: LeafIndex,
    /// Its slot.
    pub slot: Slot,
    /// Its salt.
    pub salt: Salt,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// Why no bundle can be made of the input.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The genesis, the seal, or a record that a payload belongs to is not among the leaves.
    #[error("leaf {index} is not among the leaves")]
    LeafMissing {
        /// Its place in the log.
        index: LeafIndex,
    },
    /// A leaf that should be a record is none.
    #[error("leaf {index} is not a record")]
    Record {
        /// Its place in the log.
        index: LeafIndex,
        /// What is wrong with it.
        source: RecordError,
    },
    /// Something of our own cannot be encoded.
    #[error(transparent)]
    Canonical(#[from] CanonicalError),
    /// Two payloads would have the same name, or limits are exceeded.
    #[error(transparent)]
    Container(#[from] ContainerError),
}

/// Builds the bundle.
pub fn build(input: &BundleInput) -> Result<Vec<u8>, BuildError> {
    let missing = |index| BuildError::LeafMissing { index };
    let genesis = input.leaves.get(&LeafIndex(0)).ok_or(missing(LeafIndex(0)))?;
    let seal = LeafIndex(input.inclusion.size.0.saturating_sub(1));
    if !input.leaves.contains_key(&seal) {
        return Err(missing(seal));
    }
    let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for (index, leaf) in &input.leaves {
        files.insert(leaf_file(*index), leaf.clone());
    }
    let mut payloads = Vec::new();
    for payload in &input.payloads {
        let leaf = input.leaves.get(&payload.leaf).ok_or(missing(payload.leaf))?;
        let record = Record::decode(leaf).map_err(|source| BuildError::Record { index: payload.leaf, source })?;
        let file = payload_file(payload.leaf, &record, &payload.slot);
        let salt = Digest::new(*payload.salt.as_bytes());
        payloads.push(PayloadEntry { file: file.clone(), leaf: payload.leaf, salt, slot: payload.slot.clone() });
        files.insert(file, payload.bytes.clone());
    }
    payloads.sort_by(|a, b| (a.leaf, &a.slot).cmp(&(b.leaf, &b.slot)));
    let mut unavailable = input.unavailable.clone();
    unavailable.sort_by(|a, b| (a.leaf, &a.slot).cmp(&(b.leaf, &b.slot)));
    files.insert(CHECKPOINT.to_owned(), input.checkpoint.clone().into_bytes());
    files.insert(INCLUSION.to_owned(), input.inclusion.encode());
    files.insert(STREAMS.to_owned(), streams(input).encode()?);
    files.insert(README.to_owned(), README_TEXT.as_bytes().to_vec());
    let names: BTreeSet<&str> = files.keys().map(String::as_str).chain([MANIFEST]).collect();
    let asic = asic_manifest(&names);
    files.insert(ASIC_MANIFEST.to_owned(), asic.into_bytes());
    let manifest = Manifest {
        document: input.document,
        files: files.iter().map(|(name, content)| file_entry(name, content)).collect(),
        genesis: leaf_hash(genesis),
        origin: input.origin.clone(),
        payloads,
        size: input.inclusion.size,
        t: BUNDLE_TAG.to_owned(),
        unavailable,
    };
    files.insert(MANIFEST.to_owned(), manifest.encode()?);
    let entries: Vec<Entry<'_>> = files.iter().map(|(name, content)| Entry { name, content }).collect();
    Ok(container::write(&entries)?)
}

fn streams(input: &BundleInput) -> Streams {
    let position = |(index, leaf): &(LeafIndex, Digest)| StreamPosition {
        index: *index,
        withheld: (!input.leaves.contains_key(index)).then_some(*leaf),
    };
    let claim = |stream: &StreamInput| StreamClaim {
        count: TreeSize(u64::try_from(stream.positions.len()).unwrap_or(u64::MAX)),
        map: MapProofHex::of(&stream.proof),
        positions: stream.positions.iter().map(position).collect(),
        stream: stream.stream.clone(),
    };
    let mut streams: Vec<StreamClaim> = input.streams.iter().map(claim).collect();
    streams.sort_by(|a, b| a.stream.cmp(&b.stream));
    Streams { streams, t: STREAMS_TAG.to_owned() }
}

fn file_entry(name: &str, content: &[u8]) -> FileEntry {
    FileEntry {
        bytes: u64::try_from(content.len()).unwrap_or(u64::MAX),
        name: name.to_owned(),
        sha256: Digest::sha256(&[content]),
    }
}

/// Name of a leaf's file.
pub fn leaf_file(index: LeafIndex) -> String {
    if index.0 == 0 { GENESIS.to_owned() } else { format!("{LEAVES}{:012}.json", index.0) }
}

/// Name of a payload's file: a function of its record and slot, so that no file can pass for another.
pub fn payload_file(index: LeafIndex, record: &Record, slot: &Slot) -> String {
    let other = || format!("evidence/payloads/{:012}-{slot}.{}", index.0, ending(slot));
    let Some(home) = record.home() else { return other() };
    let member = |name: &str| {
        let data: serde_json::Value = serde_json::from_str(&record.data).ok()?;
        data.get(name).cloned()
    };
    let document = record.streams.iter().find(|stream| stream.kind() == StreamKind::Document);
    match (home.kind(), record.event_type.as_str(), slot.as_str()) {
        (StreamKind::Document, "document.formed", "content") => {
            let format = member("format");
            format!("documents/{}/content.{}", home.id(), format_ending(format.as_ref().and_then(|text| text.as_str())))
        }
        (StreamKind::Document, "document.formed", "content-info") => {
            format!("documents/{}/content-info.json", home.id())
        }
        (StreamKind::Document, "document.signature_applied", "cms" | "report") => {
            match member("slot").and_then(|number| number.as_u64()) {
                // A slot may have had several signatures: those that were set aside are shown too.
                Some(number) => {
                    format!("documents/{}/signatures/{number:02}-{:012}.{}", home.id(), index.0, ending(slot))
                }
                None => other(),
            }
        }
        (StreamKind::Delivery, ..) => match document {
            Some(document) => {
                let verb = record.event_type.as_str().trim_start_matches("delivery.");
                let (index, ending) = (index.0, ending(slot));
                format!("documents/{}/deliveries/{}/{index:012}-{verb}-{slot}.{ending}", document.id(), home.id())
            }
            None => other(),
        },
        (StreamKind::Certificate, "certificate.registered", "certificate") => {
            format!("evidence/certificates/{}.der", home.id())
        }
        (StreamKind::Certificate, "certificate.registered", _) => {
            format!("evidence/certificates/{}-{slot}.{}", home.id(), ending(slot))
        }
        (StreamKind::Ledger, "ledger.crl_recorded", "crl") => format!("evidence/crls/{:012}.crl", index.0),
        (StreamKind::Ledger, "ledger.trust_published", "trust" | "policy") => {
            format!("evidence/trust/{:012}-{slot}.json", index.0)
        }
        _ => other(),
    }
}

fn ending(slot: &Slot) -> &'static str {
    match slot.as_str() {
        "cms" | "possession" => "p7s",
        "reason" | "reservations" | "statement" => "txt",
        "client-data" | "content-info" | "details" | "policy" | "trust" => "json",
        text if ["report", "evidence"].into_iter().any(|name| is_numbered(text, name)) => "json",
        _ => "bin",
    }
}

/// Whether a slot is the name, or the name with a number.
fn is_numbered(slot: &str, name: &str) -> bool {
    slot.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

fn format_ending(format: Option<&str>) -> &'static str {
    match format {
        Some("pdf" | "scan-pdf") => "pdf",
        Some("xml") => "xml",
        Some("json") => "json",
        Some("text") => "txt",
        Some("scan-jpeg") => "jpg",
        Some("scan-png") => "png",
        _ => "bin",
    }
}

/// The list of files that ASiC-E takes over from `OpenDocument` (ETSI EN 319 162-1 annex A).
pub(crate) fn asic_manifest(names: &BTreeSet<&str>) -> String {
    let mut out = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <manifest:manifest xmlns:manifest=\"urn:oasis:names:tc:opendocument:xmlns:manifest:1.0\" manifest:version=\"1.2\">\n\
         <manifest:file-entry manifest:full-path=\"/\" manifest:media-type=\"application/vnd.etsi.asic-e+zip\"/>\n",
    );
    for name in names.iter().filter(|name| !name.starts_with("META-INF/")) {
        let media_type = match name.rsplit('.').next() {
            Some("json") => "application/json",
            Some("txt") => "text/plain",
            Some("p7s") => "application/pkcs7-signature",
            Some("pdf") => "application/pdf",
            Some("xml") => "application/xml",
            Some("jpg") => "image/jpeg",
            Some("png") => "image/png",
            Some("der") => "application/pkix-cert",
            Some("crl") => "application/pkix-crl",
            _ => "application/octet-stream",
        };
        // Names have no character that XML would need escaped.
        out.push_str("<manifest:file-entry manifest:full-path=\"");
        out.push_str(name);
        out.push_str("\" manifest:media-type=\"");
        out.push_str(media_type);
        out.push_str("\"/>\n");
    }
    out.push_str("</manifest:manifest>\n");
    out
}

/// A bundle whose parts have been found; nothing about them is known to be true.
#[derive(Debug, Clone)]
pub struct Bundle<'a> {
    /// `bundle.json`.
    pub manifest: Manifest,
    /// All files but `mimetype`, by name.
    pub files: BTreeMap<&'a str, &'a [u8]>,
    /// The leaves by their place in the log, genesis and seal among them.
    pub leaves: BTreeMap<LeafIndex, &'a [u8]>,
    /// One inclusion proof for all leaves.
    pub inclusion: BatchInclusion,
    /// The streams that are said to be complete.
    pub streams: Streams,
    /// Entries whose content does not have its checksum.
    pub damaged: Vec<Damage>,
}

/// Why bytes are not a bundle.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The container is damaged, or is not in the one spelling.
    #[error(transparent)]
    Container(#[from] ContainerError),
    /// A file that every bundle has is not there.
    #[error("{name} is missing")]
    FileMissing {
        /// Its name.
        name: &'static str,
    },
    /// A file of the bundle's own is not of its format.
    #[error("{name} is not of its format")]
    File {
        /// Its name.
        name: &'static str,
        /// What is wrong with it.
        source: ManifestError,
    },
    /// A file in the folder of leaves has no name of a leaf.
    #[error("{name} is not the name of a leaf")]
    LeafName {
        /// Its name.
        name: String,
    },
}

/// Finds the parts of a bundle.
pub fn open(bytes: &[u8]) -> Result<Bundle<'_>, BundleError> {
    let contents = container::read(bytes)?;
    let files: BTreeMap<&str, &[u8]> = contents.entries.iter().map(|entry| (entry.name, entry.content)).collect();
    let file = |name: &'static str| files.get(name).copied().ok_or(BundleError::FileMissing { name });
    let manifest = Manifest::decode(file(MANIFEST)?).map_err(|source| BundleError::File { name: MANIFEST, source })?;
    let streams = Streams::decode(file(STREAMS)?).map_err(|source| BundleError::File { name: STREAMS, source })?;
    let malformed = ManifestError::Rule("not a size and hashes of 32 bytes");
    let inclusion =
        BatchInclusion::decode(file(INCLUSION)?).ok_or(BundleError::File { name: INCLUSION, source: malformed })?;
    file(CHECKPOINT)?;
    let mut leaves = BTreeMap::from([(LeafIndex(0), file(GENESIS)?)]);
    for (name, content) in files.range(LEAVES..).take_while(|(name, _)| name.starts_with(LEAVES)) {
        let number = name.trim_start_matches(LEAVES).trim_end_matches(".json").parse().ok().map(LeafIndex);
        let index = number.filter(|index| leaf_file(*index) == **name);
        leaves.insert(index.ok_or_else(|| BundleError::LeafName { name: (*name).to_owned() })?, *content);
    }
    Ok(Bundle { manifest, files, leaves, inclusion, streams, damaged: contents.damaged })
}

impl<'a> Bundle<'a> {
    /// The signed checkpoint.
    pub fn checkpoint(&self) -> &'a [u8] {
        self.files.get(CHECKPOINT).copied().unwrap_or_default()
    }

    /// The payload of a record, if it is here.
    pub fn payload(&self, leaf: LeafIndex, slot: &str) -> Option<(&PayloadEntry, &'a [u8])> {
        let key = |entry: &PayloadEntry| (entry.leaf, entry.slot.as_str().to_owned());
        let place = self.manifest.payloads.binary_search_by(|entry| key(entry).cmp(&(leaf, slot.to_owned()))).ok()?;
        let entry = self.manifest.payloads.get(place)?;
        self.files.get(entry.file.as_str()).map(|content| (entry, *content))
    }
}
