//! The log against the vectors of others: RFC 6962, C2SP notes, checkpoints, tiles and proofs, Merkle Patricia
//! maps, RFC 8785. Where they come from stands in `data/tlog/README.md`.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test")]

use std::path::{Path, PathBuf};

use base64ct::{Base64, Encoding};
use ledger_core::digest::{Digest, parse_hex_vec};
use serde_json::Value;

#[path = "log_vectors/canonical.rs"]
mod canonical;
#[path = "log_vectors/map.rs"]
mod map;
#[path = "log_vectors/merkle.rs"]
mod merkle;
#[path = "log_vectors/note.rs"]
mod note;
#[path = "log_vectors/tlog.rs"]
mod tlog;

fn data(path: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/tlog")).join(path)
}

fn bytes(path: &str) -> Vec<u8> {
    std::fs::read(data(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn text(path: &str) -> String {
    String::from_utf8(bytes(path)).unwrap()
}

fn json(path: &str) -> Value {
    serde_json::from_slice(&bytes(path)).unwrap()
}

fn hex(text: &str) -> Vec<u8> {
    parse_hex_vec(text, 1 << 20).unwrap()
}

fn base64(value: &Value) -> Option<Digest> {
    Digest::from_slice(&Base64::decode_vec(value.as_str()?).ok()?)
}

/// All JSON files below a folder, sorted.
fn json_files(folder: &str) -> Vec<(String, Value)> {
    let mut folders = vec![data(folder)];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    let read = |path: &PathBuf| serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    files.iter().map(|path| (path.display().to_string(), read(path))).collect()
}
