//! The index behind the log: which records a stream has, in SQLite, for reads and for people who know SQL.
//!
//! Derived and never waited for: rows wait in memory (queries see them there) and are written in big sorted
//! transactions by a thread of its own. One row says how far the index has come; if that is beyond the log, or on
//! another log, the index is thrown away and built again.
//!
//! ```sql
//! streams(no, key)           -- number and map key (32 bytes, see docs/FORMAT.md)
//! positions(stream, homed, seq) -- the records that name a stream; homed = 1 for those that live in it
//! applied(size, leaf)        -- one row: size of the log as of the last flush, leaf hash of its last leaf
//! ```

use std::collections::{BTreeMap, HashMap};
use std::mem;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use ledger_core::digest::Digest;
use ledger_core::id::LeafIndex;
use rusqlite::{Connection, OptionalExtension as _, params};
use sha2::{Digest as _, Sha256};

/// Rows in one transaction; more make it cheaper for each, and what a crash makes the next start read again longer.
const FLUSH_ROWS: usize = 100_000;
/// A quiet ledger's index is brought up to date after so long.
const FLUSH_IDLE: Duration = Duration::from_secs(2);
const SCHEMA_VERSION: i64 = 3;
const SCHEMA: &str = "
    CREATE TABLE applied(one INTEGER PRIMARY KEY CHECK (one = 1), size INTEGER NOT NULL, leaf BLOB NOT NULL);
    CREATE TABLE streams(no INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE);
    CREATE TABLE positions(stream INTEGER NOT NULL, homed INTEGER NOT NULL, seq INTEGER NOT NULL,
        PRIMARY KEY (stream, homed, seq)) WITHOUT ROWID;
    PRAGMA user_version = 3;
";

/// What the index holds of a leaf that is in a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) index: u64,
    /// Map keys, the home stream's first; the genesis is at home nowhere.
    pub(crate) streams: Vec<Digest>,
}

/// A record that names a stream, from that stream's side.
#[derive(Debug, Clone, Copy)]
struct Place {
    index: u64,
    homed: bool,
}

/// How far the index has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Applied {
    /// Size of the log.
    pub(crate) size: u64,
    /// Leaf hash of the last leaf.
    pub(crate) leaf: Digest,
}

#[derive(Debug, Default)]
struct Waiting {
    rows: usize,
    by_stream: HashMap<Digest, Vec<Place>>,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: Waiting,
    /// What a transaction is just writing; still answered from here.
    flushing: Arc<Waiting>,
    applied: Option<Applied>,
    pushed_since_wake: bool,
    flush_now: bool,
    stop: bool,
    failed: Option<Arc<rusqlite::Error>>,
}

#[derive(Debug)]
struct Shared {
    queue: Mutex<Queue>,
    wake: Condvar,
    flushed: Condvar,
    reader: Arc<Mutex<Connection>>,
    writer: Arc<Mutex<Connection>>,
}

/// The index with its thread.
#[derive(Debug)]
pub(crate) struct Index {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Index {
    /// Opens the index in a file, or in memory. `leaf_of(size)` is the leaf hash of the last leaf of a log of that
    /// size, if the log is that long. Returns how far the index has come.
    pub(crate) fn open(
        path: Option<&Path>,
        leaf_of: &dyn Fn(u64) -> Option<Digest>,
    ) -> Result<(Self, u64), rusqlite::Error> {
        let (connection, size) = match path {
            None => (create(Connection::open_in_memory()?)?, 0),
            Some(path) => {
                if let Some(found) = open_existing(path, leaf_of) {
                    found
                } else {
                    for suffix in ["", "-wal", "-shm"] {
                        let mut name = path.as_os_str().to_owned();
                        name.push(suffix);
                        // Whatever cannot be removed makes the next step fail.
                        let _ = std::fs::remove_file(name);
                    }
                    (create(configure(Connection::open(path)?)?)?, 0)
                }
            }
        };
        let writer = Arc::new(Mutex::new(connection));
        let reader = match path {
            Some(path) => Arc::new(Mutex::new(configure(Connection::open(path)?)?)),
            None => Arc::clone(&writer),
        };
        let (queue, wake, flushed) = (Mutex::default(), Condvar::new(), Condvar::new());
        let shared = Arc::new(Shared { queue, wake, flushed, reader, writer });
        let background = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("ledger-index".to_owned()).spawn(move || run(&background));
        // Without a thread rows stay in memory, where they are found all the same.
        Ok((Self { shared, thread: thread.ok() }, size))
    }

    /// Takes the rows of a batch that was published.
    pub(crate) fn push(&self, rows: Vec<Row>, applied: Applied) {
        let mut queue = lock(&self.shared.queue);
        queue.waiting.rows += rows.len();
        for Row { index, streams } in rows {
            for (number, key) in streams.into_iter().enumerate() {
                let place = Place { index, homed: number == 0 && index > 0 };
                queue.waiting.by_stream.entry(key).or_default().push(place);
            }
        }
        queue.applied = Some(applied);
        queue.pushed_since_wake = true;
        if queue.waiting.rows >= FLUSH_ROWS {
            self.shared.wake.notify_one();
        }
    }

    /// The log indexes of the records that name a stream, in order.
    pub(crate) fn positions(&self, stream: &Digest) -> Result<Vec<LeafIndex>, Arc<rusqlite::Error>> {
        const ALL: &str = "SELECT seq FROM positions WHERE stream = (SELECT no FROM streams WHERE key = ?1)";
        self.places(stream, ALL, |_| true)
    }

    /// The log indexes of the records that are homed in a stream, in order: what an aggregate is folded from. A busy
    /// participant is named by every record of its documents; none of those is touched.
    pub(crate) fn homed(&self, stream: &Digest) -> Result<Vec<LeafIndex>, Arc<rusqlite::Error>> {
        const HOMED: &str =
            "SELECT seq FROM positions WHERE stream = (SELECT no FROM streams WHERE key = ?1) AND homed = 1";
        self.places(stream, HOMED, |place| place.homed)
    }

    fn places(
        &self,
        stream: &Digest,
        written: &str,
        waiting: impl Fn(&Place) -> bool,
    ) -> Result<Vec<LeafIndex>, Arc<rusqlite::Error>> {
        let mut found: Vec<u64> = {
            let queue = lock(&self.shared.queue);
            if let Some(error) = &queue.failed {
                return Err(Arc::clone(error));
            }
            let both = [&*queue.flushing, &queue.waiting];
            let places = both.iter().filter_map(|waiting| waiting.by_stream.get(stream)).flatten();
            places.filter(|place| waiting(place)).map(|place| place.index).collect()
        };
        {
            let reader = lock(&self.shared.reader);
            let mut statement = reader.prepare_cached(written)?;
            let rows = statement.query_map([stream.as_bytes()], |row| row.get::<_, i64>(0))?;
            for row in rows {
                found.push(u64::try_from(row?).unwrap_or_default());
            }
        }
        // Homed and other records stand apart in the table, and a row may be both waiting and just written.
        found.sort_unstable();
        found.dedup();
        Ok(found.into_iter().map(LeafIndex).collect())
    }

    /// Writes what waits, and returns when it is written.
    pub(crate) fn flush(&self) -> Result<(), Arc<rusqlite::Error>> {
        let mut queue = lock(&self.shared.queue);
        queue.flush_now = true;
        self.shared.wake.notify_one();
        while queue.flush_now && queue.failed.is_none() && self.thread.is_some() {
            queue = self.shared.flushed.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        queue.failed.clone().map_or(Ok(()), Err)
    }

    /// A digest over all that the index says; two indexes of one log have the same.
    pub(crate) fn digest(&self) -> Result<Digest, Arc<rusqlite::Error>> {
        self.flush()?;
        let connection = lock(&self.shared.writer);
        let mut hasher = Sha256::new();
        let sql = "SELECT key, seq, homed FROM positions JOIN streams ON no = stream ORDER BY key, seq";
        let mut positions = connection.prepare(sql)?;
        let mut rows = positions.query([])?;
        while let Some(row) = rows.next()? {
            hasher.update(row.get::<_, Vec<u8>>(0)?);
            hasher.update(row.get::<_, i64>(1)?.to_be_bytes());
            hasher.update(row.get::<_, i64>(2)?.to_be_bytes());
        }
        Ok(Digest::new(hasher.finalize().into()))
    }
}

impl Drop for Index {
    fn drop(&mut self) {
        lock(&self.shared.queue).stop = true;
        self.shared.wake.notify_one();
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has written nothing it should not have: transactions.
            let _ = thread.join();
        }
    }
}

fn configure(connection: Connection) -> Result<Connection, rusqlite::Error> {
    connection.busy_timeout(Duration::from_secs(10))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    Ok(connection)
}

fn create(connection: Connection) -> Result<Connection, rusqlite::Error> {
    connection.execute_batch(SCHEMA)?;
    Ok(connection)
}

/// An existing index that is not ahead of the log and not of another one.
fn open_existing(path: &Path, leaf_of: &dyn Fn(u64) -> Option<Digest>) -> Option<(Connection, u64)> {
    if !path.exists() {
        return None;
    }
    let connection = configure(Connection::open(path).ok()?).ok()?;
    let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0)).ok()?;
    let applied = connection
        .query_row("SELECT size, leaf FROM applied", [], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?)))
        .optional()
        .ok()?;
    let (size, leaf) = match applied {
        None => return (version == SCHEMA_VERSION).then_some((connection, 0)),
        Some((size, leaf)) => (u64::try_from(size).ok()?, Digest::from_slice(&leaf)?),
    };
    (version == SCHEMA_VERSION && leaf_of(size) == Some(leaf)).then_some((connection, size))
}

fn run(shared: &Shared) {
    let mut queue = lock(&shared.queue);
    loop {
        let full = queue.waiting.rows >= FLUSH_ROWS;
        if !full && !queue.flush_now && !queue.stop {
            queue.pushed_since_wake = false;
            let (woken, timeout) = shared.wake.wait_timeout(queue, FLUSH_IDLE).unwrap_or_else(PoisonError::into_inner);
            queue = woken;
            let idle = timeout.timed_out() && !queue.pushed_since_wake && queue.waiting.rows > 0;
            let due = queue.waiting.rows >= FLUSH_ROWS || queue.flush_now || queue.stop;
            if !idle && !due {
                continue;
            }
        }
        let batch = Arc::new(mem::take(&mut queue.waiting));
        queue.flushing = Arc::clone(&batch);
        let applied = queue.applied;
        drop(queue);
        let result = match applied {
            Some(applied) if batch.rows > 0 => write(&mut lock(&shared.writer), &batch, applied),
            Some(_) | None => Ok(()),
        };
        queue = lock(&shared.queue);
        match result {
            Ok(()) => queue.flushing = Arc::default(),
            Err(error) => {
                queue.failed = Some(Arc::new(error));
                queue.flush_now = false;
                shared.flushed.notify_all();
                return;
            }
        }
        if queue.waiting.rows == 0 {
            queue.flush_now = false;
            shared.flushed.notify_all();
            if queue.stop {
                return;
            }
        }
    }
}

fn write(connection: &mut Connection, batch: &Waiting, applied: Applied) -> Result<(), rusqlite::Error> {
    let transaction = connection.transaction()?;
    {
        let mut find = transaction.prepare("SELECT no FROM streams WHERE key = ?1")?;
        let mut add = transaction.prepare("INSERT INTO streams(key) VALUES (?1)")?;
        let mut numbered = BTreeMap::new();
        // In the order of the keys, so that the pages of the index are visited one after the other.
        let sorted: BTreeMap<_, _> = batch.by_stream.iter().collect();
        for (key, places) in sorted {
            let found = find.query_row([key.as_bytes()], |row| row.get::<_, i64>(0)).optional()?;
            let number = match found {
                Some(number) => number,
                None => add.insert([key.as_bytes()])?,
            };
            numbered.insert(number, places);
        }
        let mut position = transaction.prepare("INSERT INTO positions(stream, homed, seq) VALUES (?1, ?2, ?3)")?;
        for (number, places) in numbered {
            for place in places {
                position.execute(params![number, place.homed, signed(place.index)])?;
            }
        }
        transaction.execute(
            "INSERT INTO applied(one, size, leaf) VALUES (1, ?1, ?2)
             ON CONFLICT(one) DO UPDATE SET size = excluded.size, leaf = excluded.leaf",
            params![signed(applied.size), applied.leaf.as_bytes()],
        )?;
    }
    transaction.commit()
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(index: u64, streams: &[u8]) -> Row {
        Row { index, streams: streams.iter().map(|byte| Digest::new([*byte; 32])).collect() }
    }

    fn leaf_of(size: u64) -> Option<Digest> {
        (size <= 10).then(|| Digest::sha256(&[&size.to_be_bytes()]))
    }

    #[test]
    fn records_are_found_before_and_after_they_are_written_and_after_reopening() {
        let path = std::env::temp_dir().join(format!("edl-index-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        let file = path.join("index.sqlite");
        let (index, size) = Index::open(Some(&file), &leaf_of).unwrap();
        assert_eq!(size, 0);
        index.push(vec![row(1, &[1, 2]), row(2, &[2])], Applied { size: 4, leaf: leaf_of(4).unwrap() });
        let of = |index: &Index, key: u8| index.positions(&Digest::new([key; 32])).unwrap();
        assert_eq!(of(&index, 2), [LeafIndex(1), LeafIndex(2)]);
        index.flush().unwrap();
        assert_eq!(of(&index, 2), [LeafIndex(1), LeafIndex(2)]);
        index.push(vec![row(4, &[2])], Applied { size: 6, leaf: leaf_of(6).unwrap() });
        assert_eq!(of(&index, 2), [LeafIndex(1), LeafIndex(2), LeafIndex(4)]);
        let homed = |index: &Index, key: u8| index.homed(&Digest::new([key; 32])).unwrap();
        assert_eq!((homed(&index, 1), homed(&index, 2)), (vec![LeafIndex(1)], vec![LeafIndex(2), LeafIndex(4)]));
        let digest = index.digest().unwrap();
        drop(index);
        let (index, size) = Index::open(Some(&file), &leaf_of).unwrap();
        assert_eq!((size, of(&index, 2).len(), of(&index, 1).len(), of(&index, 3).len()), (6, 3, 1, 0));
        assert_eq!(index.digest().unwrap(), digest);
        assert_eq!((homed(&index, 1), homed(&index, 2)), (vec![LeafIndex(1)], vec![LeafIndex(2), LeafIndex(4)]));
        drop(index);
        // Ahead of the log, or on another log: thrown away.
        let (index, size) = Index::open(Some(&file), &|size| leaf_of(size + 1)).unwrap();
        assert_eq!((size, of(&index, 2).len()), (0, 0));
        drop(index);
        std::fs::write(&file, b"not a database").unwrap();
        assert_eq!(Index::open(Some(&file), &leaf_of).unwrap().1, 0);
        std::fs::remove_dir_all(&path).unwrap();
    }
}
