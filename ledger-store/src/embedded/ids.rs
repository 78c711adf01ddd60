//! A compact table of ids: eight bytes of each, and the log index where it stands. The record itself confirms a hit.

use std::collections::HashMap;

use ledger_core::id::{CommandId, EventId};

/// From the eight most random bytes of an id to a log index; ids that share them stand at the next free number.
#[derive(Debug, Clone, Default)]
pub(crate) struct IdTable {
    places: HashMap<u64, u64>,
}

impl IdTable {
    pub(crate) fn insert(&mut self, prefix: u64, index: u64) {
        let mut key = prefix;
        while self.places.contains_key(&key) {
            key = key.wrapping_add(1);
        }
        self.places.insert(key, index);
    }

    /// Where an id of this prefix may stand; usually nowhere or in one place.
    pub(crate) fn candidates(&self, prefix: u64) -> impl Iterator<Item = u64> {
        (0..).map_while(move |step| self.places.get(&prefix.wrapping_add(step)).copied())
    }

    /// All entries, in no order; [`IdTable::restore`] takes them back.
    pub(crate) fn entries(&self) -> impl ExactSizeIterator<Item = (u64, u64)> {
        self.places.iter().map(|(key, index)| (*key, *index))
    }

    pub(crate) fn restore(entries: impl ExactSizeIterator<Item = (u64, u64)>) -> Self {
        Self { places: entries.collect() }
    }
}

/// The last eight bytes of an event id are random; the first are mostly time.
pub(crate) fn event_prefix(id: &EventId) -> u64 {
    id.as_bytes().last_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes))
}

pub(crate) fn command_prefix(id: CommandId) -> u64 {
    id.digest().as_bytes().first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_that_share_their_prefix_are_all_candidates() {
        let mut table = IdTable::default();
        for (prefix, index) in [(u64::MAX, 1), (u64::MAX, 2), (0, 3), (5, 4)] {
            table.insert(prefix, index);
        }
        let of = |table: &IdTable, prefix| table.candidates(prefix).collect::<Vec<_>>();
        assert_eq!(of(&table, u64::MAX), [1, 2, 3]);
        assert_eq!(of(&table, 0), [2, 3]);
        assert_eq!(of(&table, 5), [4]);
        assert!(of(&table, 6).is_empty());
        let restored = IdTable::restore(table.entries().collect::<Vec<_>>().into_iter());
        assert_eq!(of(&restored, u64::MAX), [1, 2, 3]);
    }
}
