//! A growing table in chunks: growth never copies and never leaves more than one chunk unused.

use std::ops::{Index, IndexMut};

#[derive(Debug, Clone)]
pub(crate) struct Arena<T> {
    chunks: Vec<Vec<T>>,
}

/// 2^12 entries of at most 96 bytes are 384 KiB.
const CHUNK_BITS: u32 = 12;
const CHUNK: usize = 1 << CHUNK_BITS;

impl<T> Default for Arena<T> {
    fn default() -> Self {
        Self { chunks: Vec::new() }
    }
}

impl<T> Arena<T> {
    pub(crate) fn len(&self) -> usize {
        self.chunks.last().map_or(0, |last| (self.chunks.len() - 1) * CHUNK + last.len())
    }

    pub(crate) fn get(&self, place: u32) -> Option<&T> {
        let (chunk, at) = split(place);
        self.chunks.get(chunk)?.get(at)
    }

    pub(crate) fn get_mut(&mut self, place: u32) -> Option<&mut T> {
        let (chunk, at) = split(place);
        self.chunks.get_mut(chunk)?.get_mut(at)
    }

    /// The place of the new entry; `None` when it does not fit 32 bits.
    pub(crate) fn push(&mut self, entry: T) -> Option<u32> {
        let place = u32::try_from(self.len()).ok()?;
        match self.chunks.last_mut() {
            Some(last) if last.len() < CHUNK => last.push(entry),
            _ => {
                // The first chunk grows as it is needed, so that a small map is small.
                let mut chunk = Vec::with_capacity(if self.chunks.is_empty() { 4 } else { CHUNK });
                chunk.push(entry);
                self.chunks.push(chunk);
            }
        }
        Some(place)
    }
}

const fn split(place: u32) -> (usize, usize) {
    let low = place & ((1 << CHUNK_BITS) - 1);
    #[expect(clippy::as_conversions, reason = "u32 fits usize on every platform with 32 bits or more")]
    ((place >> CHUNK_BITS) as usize, low as usize)
}

impl<T> Index<u32> for Arena<T> {
    type Output = T;

    #[expect(clippy::indexing_slicing, reason = "places come from `push` of this table, which never shrinks")]
    fn index(&self, place: u32) -> &T {
        let (chunk, at) = split(place);
        &self.chunks[chunk][at]
    }
}

impl<T> IndexMut<u32> for Arena<T> {
    #[expect(clippy::indexing_slicing, reason = "places come from `push` of this table, which never shrinks")]
    fn index_mut(&mut self, place: u32) -> &mut T {
        let (chunk, at) = split(place);
        &mut self.chunks[chunk][at]
    }
}
