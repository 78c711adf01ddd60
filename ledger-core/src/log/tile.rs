//! Tiles (C2SP tlog-tiles): the log as static files of at most 256 hashes or entries each.

use super::merkle::NodeSource;
use crate::digest::Digest;

/// Hashes or entries of a full tile.
pub const TILE_WIDTH: u16 = 256;

/// Why bytes are not an entry bundle, or entries cannot be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// An entry is cut, or bytes are left that are no entry.
    #[error("the entry bundle is cut at byte {at}")]
    Cut {
        /// Offset in bytes.
        at: usize,
    },
    /// A bundle holds 1 to 256 entries.
    #[error("the bundle does not have 1 to {TILE_WIDTH} entries")]
    Width,
    /// An entry is longer than its two length bytes can say.
    #[error("an entry of {bytes} bytes does not fit a bundle")]
    EntryTooLong {
        /// Length in bytes.
        bytes: usize,
    },
}

/// The bytes of a hash tile: `width` hashes of tile level `level` (tree level `8 * level`) from `256 * index` on;
/// `None` if the log does not have them or the width is not 1 to 256.
pub fn hash_tile(source: &(impl NodeSource + ?Sized), level: u8, index: u64, width: u16) -> Option<Vec<u8>> {
    if !(1..=TILE_WIDTH).contains(&width) {
        return None;
    }
    let tree_level = level.checked_mul(8)?;
    let first = index.checked_mul(u64::from(TILE_WIDTH))?;
    let mut bytes = Vec::with_capacity(usize::from(width) * Digest::LENGTH);
    for place in 0..u64::from(width) {
        bytes.extend_from_slice(source.node(tree_level, first.checked_add(place)?)?.as_bytes());
    }
    Some(bytes)
}

/// The path of a hash tile below the log's address, `.p/W` for a partial one.
pub fn hash_tile_path(level: u8, index: u64, width: u16) -> String {
    format!("tile/{level}/{}", index_path(index, width))
}

/// The path of an entry bundle below the log's address.
pub fn bundle_path(index: u64, width: u16) -> String {
    format!("tile/entries/{}", index_path(index, width))
}

/// The index in groups of three digits, all but the last with an `x`.
fn index_path(index: u64, width: u16) -> String {
    let mut path = format!("{:03}", index % 1000);
    let mut rest = index / 1000;
    while rest > 0 {
        path = format!("x{:03}/{path}", rest % 1000);
        rest /= 1000;
    }
    if width < TILE_WIDTH { format!("{path}.p/{width}") } else { path }
}

/// The bytes of an entry bundle: each leaf with its length in two big-endian bytes in front.
pub fn encode_bundle<'a>(entries: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<u8>, BundleError> {
    let mut bytes = Vec::new();
    let mut width = 0;
    for entry in entries {
        let length = u16::try_from(entry.len()).map_err(|_| BundleError::EntryTooLong { bytes: entry.len() })?;
        bytes.extend(length.to_be_bytes());
        bytes.extend_from_slice(entry);
        width += 1;
        if width > TILE_WIDTH {
            return Err(BundleError::Width);
        }
    }
    if width == 0 { Err(BundleError::Width) } else { Ok(bytes) }
}

/// The entries of a bundle.
pub fn decode_bundle(bytes: &[u8]) -> Result<Vec<&[u8]>, BundleError> {
    let mut entries = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let cut = BundleError::Cut { at: bytes.len() - rest.len() };
        let (length, after) = rest.split_first_chunk().ok_or(cut)?;
        let (entry, after) = after.split_at_checked(usize::from(u16::from_be_bytes(*length))).ok_or(cut)?;
        if entries.len() == usize::from(TILE_WIDTH) {
            return Err(BundleError::Width);
        }
        entries.push(entry);
        rest = after;
    }
    if entries.is_empty() { Err(BundleError::Width) } else { Ok(entries) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_the_specification() {
        assert_eq!(hash_tile_path(0, 1_234_067, 256), "tile/0/x001/x234/067");
        assert_eq!(hash_tile_path(1, 0, 3), "tile/1/000.p/3");
        assert_eq!(bundle_path(1000, 255), "tile/entries/x001/000.p/255");
    }

    #[test]
    fn bundles_are_read_as_written_and_cuts_are_found() {
        let entries: [&[u8]; 3] = [b"one", b"", b"three"];
        let bytes = encode_bundle(entries).unwrap();
        assert_eq!(decode_bundle(&bytes).unwrap(), entries);
        assert_eq!(decode_bundle(&bytes[..bytes.len() - 1]), Err(BundleError::Cut { at: 7 }));
        assert_eq!(decode_bundle(&bytes[..6]), Err(BundleError::Cut { at: 5 }));
        assert_eq!(decode_bundle(&[0; 2 * 257]), Err(BundleError::Width));
        assert_eq!(decode_bundle(&[0; 2 * 256]).unwrap().len(), 256);
        assert_eq!(encode_bundle([vec![0; 65536].as_slice()]), Err(BundleError::EntryTooLong { bytes: 65536 }));
        assert_eq!(encode_bundle([]), Err(BundleError::Width));
    }
}
