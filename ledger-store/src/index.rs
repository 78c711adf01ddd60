//! The index behind the log: which leaves belong to a stream, and where an event is.
//!
//! Derived: everything here can be dropped and built again from the log, and nothing waits for it before an
//! acknowledgement. New entries stand in memory at once ([`StreamIndex::publish`]) and move to SQLite in big sorted
//! flushes ([`StreamIndex::flush`]); a reader sees both as one.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};

use ledger_core::digest::Digest;
use ledger_core::id::{EventId, LeafIndex, TreeSize};
use rusqlite::{Connection, OptionalExtension as _, params};

/// Bumped when the tables change; another number means: drop and build again.
const SCHEMA_VERSION: i64 = 1;

/// One leaf, as the index sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexEntry {
    /// Place in the log.
    pub index: LeafIndex,
    /// Leaf hash.
    pub leaf: Digest,
    /// The event; none for genesis and seals.
    pub event: Option<EventId>,
    /// Map keys of the streams that the leaf names, home first.
    pub streams: Vec<Digest>,
}

/// How far the index in SQLite has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Applied {
    /// Number of leaves applied.
    pub size: TreeSize,
    /// Hash of the last of them.
    pub last_leaf: Digest,
}

/// Which places of a stream are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Places {
    /// All records that name the stream.
    All,
    /// Those homed in it: what an aggregate folds.
    Homed,
}

/// Why the index did not answer. The log is not touched by any of this.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// SQLite failed. The index can be deleted; it is built again from the log.
    #[error("the index database failed")]
    Database(#[from] rusqlite::Error),
    /// Entries did not follow on what was applied.
    #[error("index entries begin at leaf {given}, expected {expected}")]
    Gap {
        /// First leaf given.
        given: u64,
        /// First leaf expected.
        expected: u64,
    },
}

#[derive(Debug, Default)]
struct Overlay {
    /// Entries that SQLite does not have yet, in log order.
    entries: Vec<IndexEntry>,
    positions: HashMap<Digest, Vec<(u64, bool)>>,
    events: HashMap<EventId, u64>,
}

impl Overlay {
    fn push(&mut self, entry: IndexEntry) {
        for (place, key) in entry.streams.iter().enumerate() {
            self.positions.entry(*key).or_default().push((entry.index.0, place == 0));
        }
        if let Some(event) = entry.event {
            self.events.insert(event, entry.index.0);
        }
        self.entries.push(entry);
    }
}

/// The index of one ledger.
#[derive(Debug)]
pub struct StreamIndex {
    writer: Mutex<Connection>,
    reader: Mutex<Connection>,
    overlay: RwLock<Overlay>,
}

impl StreamIndex {
    /// Opens or creates the index file; one of another schema or a damaged one is thrown away and starts empty.
    pub fn open(path: &Path) -> Result<Self, IndexError> {
        match Self::connect(path) {
            Ok(index) => Ok(index),
            Err(_) => {
                for suffix in ["", "-wal", "-shm"] {
                    let mut name = path.as_os_str().to_owned();
                    name.push(suffix);
                    // A file that is not there needs no removing; one that cannot be removed shows in the next line.
                    let _removed = std::fs::remove_file(name);
                }
                Self::connect(path)
            }
        }
    }

    fn connect(path: &Path) -> Result<Self, IndexError> {
        let writer = Connection::open(path)?;
        writer.pragma_update(None, "journal_mode", "WAL")?;
        writer.pragma_update(None, "synchronous", "NORMAL")?;
        let version: i64 = writer.pragma_query_value(None, "user_version", |row| row.get(0))?;
        if version == 0 {
            writer.execute_batch(
                "BEGIN;
                 CREATE TABLE applied(one INTEGER PRIMARY KEY CHECK (one = 1), size INTEGER NOT NULL, leaf BLOB NOT NULL);
                 CREATE TABLE streams(no INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE);
                 CREATE TABLE places(stream INTEGER NOT NULL, leaf INTEGER NOT NULL, homed INTEGER NOT NULL,
                                     PRIMARY KEY (stream, leaf)) WITHOUT ROWID;
                 CREATE INDEX homed_places ON places(stream, leaf) WHERE homed = 1;
                 CREATE TABLE events(id BLOB PRIMARY KEY, leaf INTEGER NOT NULL) WITHOUT ROWID;
                 PRAGMA user_version = 1;
                 COMMIT;",
            )?;
        } else if version != SCHEMA_VERSION {
            return Err(IndexError::Database(rusqlite::Error::InvalidQuery));
        }
        let reader = Connection::open(path)?;
        // Asking both tables shows a file that is no database or misses a table.
        reader.query_row("SELECT count(*) FROM applied", [], |row| row.get::<_, i64>(0))?;
        Ok(Self { writer: Mutex::new(writer), reader: Mutex::new(reader), overlay: RwLock::default() })
    }

    /// How far SQLite has come; the overlay is not counted.
    pub fn applied(&self) -> Result<Option<Applied>, IndexError> {
        let row = lock(&self.writer)
            .query_row("SELECT size, leaf FROM applied", [], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?))
            })
            .optional()?;
        Ok(row.and_then(|(size, leaf)| {
            Some(Applied { size: TreeSize(u64::try_from(size).ok()?), last_leaf: Digest::from_slice(&leaf)? })
        }))
    }

    /// Empties the index: it was ahead of the log, or belongs to another one.
    pub fn reset(&self) -> Result<(), IndexError> {
        *self.overlay.write().unwrap_or_else(PoisonError::into_inner) = Overlay::default();
        lock(&self.writer).execute_batch(
            "BEGIN; DELETE FROM applied; DELETE FROM streams; DELETE FROM places; DELETE FROM events; COMMIT;",
        )?;
        Ok(())
    }

    /// Makes entries visible; cheap, in memory. They follow on the ones before.
    pub fn publish(&self, entries: Vec<IndexEntry>) {
        let mut overlay = self.overlay.write().unwrap_or_else(PoisonError::into_inner);
        for entry in entries {
            overlay.push(entry);
        }
    }

    /// Number of entries that wait for [`StreamIndex::flush`].
    pub fn waiting(&self) -> usize {
        self.overlay.read().unwrap_or_else(PoisonError::into_inner).entries.len()
    }

    /// Moves what is in memory to SQLite, in one transaction sorted by stream.
    pub fn flush(&self) -> Result<(), IndexError> {
        let entries = self.overlay.read().unwrap_or_else(PoisonError::into_inner).entries.clone();
        let Some(last) = entries.last() else { return Ok(()) };
        self.write(&entries)?;
        let written = last.index.0;
        // One lock over the exchange: a reader never finds an entry in neither place.
        let mut overlay = self.overlay.write().unwrap_or_else(PoisonError::into_inner);
        let old = std::mem::take(&mut *overlay).entries;
        for entry in old.into_iter().filter(|entry| entry.index.0 > written) {
            overlay.push(entry);
        }
        Ok(())
    }

    fn write(&self, entries: &[IndexEntry]) -> Result<(), IndexError> {
        let (Some(first), Some(last)) = (entries.first(), entries.last()) else { return Ok(()) };
        let expected = self.applied()?.map_or(0, |applied| applied.size.0);
        if first.index.0 != expected {
            return Err(IndexError::Gap { given: first.index.0, expected });
        }
        let mut places: BTreeMap<Digest, Vec<(u64, bool)>> = BTreeMap::new();
        let mut events: Vec<(EventId, u64)> = Vec::new();
        for entry in entries {
            for (place, key) in entry.streams.iter().enumerate() {
                places.entry(*key).or_default().push((entry.index.0, place == 0));
            }
            events.extend(entry.event.map(|event| (event, entry.index.0)));
        }
        events.sort_unstable();
        let mut writer = lock(&self.writer);
        let transaction = writer.transaction()?;
        {
            let mut stream =
                transaction.prepare_cached("INSERT INTO streams(key) VALUES (?1) ON CONFLICT DO NOTHING")?;
            let mut number = transaction.prepare_cached("SELECT no FROM streams WHERE key = ?1")?;
            let mut place = transaction.prepare_cached("INSERT INTO places VALUES (?1, ?2, ?3)")?;
            for (key, leaves) in places {
                stream.execute(params![key.as_bytes().as_slice()])?;
                let no: i64 = number.query_row(params![key.as_bytes().as_slice()], |row| row.get(0))?;
                for (leaf, homed) in leaves {
                    place.execute(params![no, to_sql(leaf), homed])?;
                }
            }
            let mut event = transaction.prepare_cached("INSERT INTO events VALUES (?1, ?2)")?;
            for (id, leaf) in events {
                event.execute(params![id.as_bytes().as_slice(), to_sql(leaf)])?;
            }
        }
        transaction.execute(
            "INSERT INTO applied VALUES (1, ?1, ?2) ON CONFLICT(one) DO UPDATE SET size = ?1, leaf = ?2",
            params![to_sql(last.index.0 + 1), last.leaf.as_bytes().as_slice()],
        )?;
        transaction.commit()?;
        Ok(())
    }

    /// Leaves of a stream in log order, after a given one, at most `limit`.
    pub fn positions(
        &self,
        stream: &Digest,
        which: Places,
        after: Option<LeafIndex>,
        limit: usize,
    ) -> Result<Vec<LeafIndex>, IndexError> {
        // The overlay first: what moves to SQLite in between is then seen twice, not missed.
        let recent: Vec<u64> = {
            let overlay = self.overlay.read().unwrap_or_else(PoisonError::into_inner);
            let places = overlay.positions.get(stream).map(Vec::as_slice).unwrap_or_default();
            places.iter().filter(|(_, homed)| *homed || which == Places::All).map(|(leaf, _)| *leaf).collect()
        };
        let sql = match which {
            Places::All => {
                "SELECT leaf FROM places JOIN streams ON no = stream WHERE key = ?1 AND leaf > ?2 ORDER BY leaf LIMIT ?3"
            }
            Places::Homed => {
                "SELECT leaf FROM places JOIN streams ON no = stream WHERE key = ?1 AND leaf > ?2 AND homed = 1 ORDER BY leaf LIMIT ?3"
            }
        };
        let after = after.map_or(-1, |leaf| to_sql(leaf.0));
        let reader = lock(&self.reader);
        let mut statement = reader.prepare_cached(sql)?;
        let limit_sql = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows =
            statement.query_map(params![stream.as_bytes().as_slice(), after, limit_sql], |row| row.get::<_, i64>(0))?;
        let mut leaves = Vec::new();
        for row in rows {
            leaves.push(u64::try_from(row?).unwrap_or(0));
        }
        let last = leaves.last().copied();
        let wanted = |leaf: &u64| to_sql(*leaf) > after && last.is_none_or(|last| *leaf > last);
        leaves.extend(recent.into_iter().filter(wanted));
        leaves.truncate(limit);
        Ok(leaves.into_iter().map(LeafIndex).collect())
    }

    /// Where an event is.
    pub fn index_of_event(&self, event: EventId) -> Result<Option<LeafIndex>, IndexError> {
        if let Some(leaf) = self.overlay.read().unwrap_or_else(PoisonError::into_inner).events.get(&event) {
            return Ok(Some(LeafIndex(*leaf)));
        }
        let leaf = lock(&self.reader)
            .prepare_cached("SELECT leaf FROM events WHERE id = ?1")?
            .query_row(params![event.as_bytes().as_slice()], |row| row.get::<_, i64>(0))
            .optional()?;
        Ok(leaf.and_then(|leaf| u64::try_from(leaf).ok()).map(LeafIndex))
    }
}

/// Leaf indexes stay below 2^63: a log grows by records, not by numbers from outside.
fn to_sql(leaf: u64) -> i64 {
    i64::try_from(leaf).unwrap_or(i64::MAX)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ledger_core::time::Timestamp;

    fn entry(index: u64, streams: &[u8]) -> IndexEntry {
        let at = Timestamp::from_unix_ms(index).unwrap();
        IndexEntry {
            index: LeafIndex(index),
            leaf: Digest::sha256(&[&index.to_be_bytes()]),
            event: (index > 0).then(|| EventId::from_time_and_random(at, [1; 10])),
            streams: streams.iter().map(|stream| Digest::new([*stream; 32])).collect(),
        }
    }

    fn leaves(index: &StreamIndex, stream: u8, which: Places, after: Option<u64>, limit: usize) -> Vec<u64> {
        let found = index.positions(&Digest::new([stream; 32]), which, after.map(LeafIndex), limit).unwrap();
        found.into_iter().map(|leaf| leaf.0).collect()
    }

    #[test]
    fn a_reader_sees_what_is_in_memory_and_in_the_file_as_one() {
        let directory = std::env::temp_dir().join(format!("edl-index-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let path = directory.join("index.sqlite");
        let index = StreamIndex::open(&path).unwrap();
        assert_eq!(index.applied().unwrap(), None);
        index.publish(vec![entry(0, &[9]), entry(1, &[1, 2]), entry(2, &[2, 1])]);
        let check = |index: &StreamIndex| {
            assert_eq!(leaves(index, 1, Places::All, None, 9), [1, 2]);
            assert_eq!(leaves(index, 1, Places::Homed, None, 9), [1]);
            assert_eq!(leaves(index, 2, Places::All, Some(1), 9), [2]);
            assert_eq!(leaves(index, 2, Places::All, None, 1), [1]);
            assert_eq!(leaves(index, 3, Places::All, None, 9), [0_u64; 0]);
            assert_eq!(index.index_of_event(entry(2, &[]).event.unwrap()).unwrap(), Some(LeafIndex(2)));
        };
        check(&index);
        index.flush().unwrap();
        assert_eq!(index.waiting(), 0);
        check(&index);
        index.publish(vec![entry(3, &[1])]);
        assert_eq!(leaves(&index, 1, Places::All, None, 9), [1, 2, 3]);
        index.flush().unwrap();
        assert_eq!(index.applied().unwrap().unwrap().size, TreeSize(4));
        drop(index);

        let index = StreamIndex::open(&path).unwrap();
        assert_eq!(leaves(&index, 1, Places::All, None, 9), [1, 2, 3]);
        index.publish(vec![entry(5, &[1])]);
        assert!(matches!(index.flush(), Err(IndexError::Gap { given: 5, expected: 4 })));
        index.reset().unwrap();
        assert_eq!(leaves(&index, 1, Places::All, None, 9), [0_u64; 0]);
        drop(index);

        std::fs::write(&path, b"this is no database at all, but text").unwrap();
        assert_eq!(StreamIndex::open(&path).unwrap().applied().unwrap(), None, "a damaged index starts empty");
        std::fs::remove_dir_all(&directory).unwrap();
    }
}
