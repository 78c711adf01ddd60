//! Read models in SQLite behind the log: journals with their numbers, and whose documents there are.
//!
//! Everything here follows from the leaves alone: it can be dropped and made again ([`Projector::rebuild`]), and a
//! check replays the log into a fresh model and names every difference ([`Projector::compare`]). The position stands
//! in the same transaction as the rows, so a crash leaves neither a hole nor a line twice. A leaf that this program
//! does not know stops the projector; skipping it would make a journal that looks whole and is not.
//!
//! There are no threads here: whoever owns the log feeds the batches, in order.

use std::fmt;
use std::path::Path;

use ledger_core::digest::Digest;
use ledger_core::domain::event::{Event, EventError, Verdict};
use ledger_core::id::{DeliveryId, DocumentId, EventId, LeafIndex, ParticipantId, StreamKind, TreeSize};
use ledger_core::log::merkle::leaf_hash;
use ledger_core::projection::journal::{Direction, JournalEntry, JournalId, ZONE_TABLE};
use ledger_core::projection::{EventRef, Logged, Viewer};
use ledger_core::record::{EVENT_TAG, Record, RecordError};
use ledger_core::time::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};
use serde::{Deserialize, Serialize};

mod compare;
#[cfg(test)]
mod tests;

pub use compare::{Difference, ProjectionReport};

/// Bumped when the tables or the rules behind them change; another number means: drop and make again.
const SCHEMA_VERSION: i64 = 2;
/// File name within a ledger's directory.
pub const FILE_NAME: &str = "views.sqlite";
/// How many rows one page may have: an answer of the API stays below a megabyte.
pub const PAGE_ROWS_MAX: u32 = 1000;

const TABLES: &str = "
    CREATE TABLE position(one INTEGER PRIMARY KEY CHECK (one = 1), size INTEGER NOT NULL, leaf BLOB NOT NULL);
    CREATE TABLE journal(participant BLOB NOT NULL, direction TEXT NOT NULL, year INTEGER NOT NULL,
                         number INTEGER NOT NULL, leaf INTEGER NOT NULL, event BLOB NOT NULL, at INTEGER NOT NULL,
                         document BLOB NOT NULL, delivery BLOB, counterparty BLOB,
                         PRIMARY KEY (participant, direction, year, number)) WITHOUT ROWID;
    CREATE INDEX journal_documents ON journal(document);
    CREATE TABLE documents(viewer BLOB NOT NULL, document BLOB NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
                           PRIMARY KEY (viewer, document)) WITHOUT ROWID;
    CREATE INDEX documents_in_order ON documents(viewer, first);
    CREATE TABLE pending(event BLOB NOT NULL PRIMARY KEY, leaf INTEGER NOT NULL, document BLOB NOT NULL) WITHOUT ROWID;";

/// In `documents`, the viewer that sees all: operator and auditor.
const SEES_ALL: &[u8] = b"";

/// Why the projector did not go on. The log is not touched by any of this.
#[derive(Debug, thiserror::Error)]
pub enum ProjectorError {
    /// SQLite failed. The file can be deleted; it is made again from the log.
    #[error("the database of views failed")]
    Database(#[from] rusqlite::Error),
    /// The batch does not follow on what was applied. Give it from the expected leaf on, or rebuild.
    #[error("the batch has leaf {given}, expected {expected}")]
    Gap {
        /// The leaf given.
        given: LeafIndex,
        /// The leaf expected.
        expected: LeafIndex,
    },
    /// The leaf is none that this program knows. A newer program may go on from here.
    #[error("leaf {index} is of an unknown kind")]
    UnknownLeaf {
        /// Its place.
        index: LeafIndex,
        /// What the parser found, if it was no JSON with a known type.
        source: Option<serde_json::Error>,
    },
    /// The leaf says that it is a record and is none.
    #[error("leaf {index} is not a record")]
    Record {
        /// Its place.
        index: LeafIndex,
        /// Why.
        source: RecordError,
    },
    /// The record's event is unknown or malformed: never skipped.
    #[error("the event of leaf {index} cannot be read")]
    Event {
        /// Its place.
        index: LeafIndex,
        /// Why.
        source: EventError,
    },
    /// A row does not have the form that this program writes. Rebuild.
    #[error("a row of {table} is damaged")]
    Damaged {
        /// The table.
        table: &'static str,
    },
}

/// How far the views have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Position {
    /// Number of leaves applied.
    pub size: TreeSize,
    /// Hash of the last of them.
    pub leaf: Digest,
}

/// A document in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DocumentLine {
    /// The document.
    pub document: DocumentId,
    /// The first event about it that names the viewer: the cursor of the list.
    pub first: LeafIndex,
    /// The last one.
    pub last: LeafIndex,
}

/// The read models of one ledger.
pub struct Projector {
    connection: Connection,
}

impl fmt::Debug for Projector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Projector").finish_non_exhaustive()
    }
}

impl Projector {
    /// Opens the views; a file that cannot be used, or is of another version, is emptied: it holds nothing that the
    /// log does not hold.
    pub fn open(path: &Path) -> Result<Self, ProjectorError> {
        if let Ok(projector) = Self::connect(Connection::open(path)?) {
            return Ok(projector);
        }
        for suffix in ["", "-wal", "-shm"] {
            let mut name = path.as_os_str().to_owned();
            name.push(suffix);
            // A file that is not there needs no removing; one that cannot be removed shows in the next line.
            let _removed = std::fs::remove_file(name);
        }
        Self::connect(Connection::open(path)?)
    }

    /// Views that live in a temporary file and vanish with it.
    pub fn temporary() -> Result<Self, ProjectorError> {
        Self::connect(Connection::open("")?)
    }

    fn connect(connection: Connection) -> Result<Self, ProjectorError> {
        connection.pragma_update(None, "journal_mode", "WAL")?;
        // What is lost in a power cut is applied again from the log.
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        let projector = Self { connection };
        if version == 0 {
            let make = format!("BEGIN; {TABLES} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;");
            projector.connection.execute_batch(&make)?;
        } else if version != SCHEMA_VERSION {
            return Err(ProjectorError::Damaged { table: "user_version" });
        }
        // Asking shows a file that is no database or misses a table.
        projector.position()?;
        projector
            .connection
            .query_row("SELECT 1 FROM journal, documents, pending LIMIT 1", [], |_| Ok(()))
            .optional()?;
        Ok(projector)
    }

    /// How far the views have come; `None` before the first leaf.
    pub fn position(&self) -> Result<Option<Position>, ProjectorError> {
        let read = |row: &Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?));
        let row = self.connection.query_row("SELECT size, leaf FROM position", [], read).optional()?;
        let damaged = || ProjectorError::Damaged { table: "position" };
        row.map(|(size, leaf)| {
            let size = u64::try_from(size).map(TreeSize).map_err(|_| damaged())?;
            Ok(Position { size, leaf: Digest::from_slice(&leaf).ok_or_else(damaged)? })
        })
        .transpose()
    }

    /// Whether the views are of this log and not ahead of it; if not, [`Self::rebuild`] them.
    pub fn follows(
        &self,
        size: TreeSize,
        leaf_at: impl FnOnce(LeafIndex) -> Option<Digest>,
    ) -> Result<bool, ProjectorError> {
        Ok(match self.position()? {
            None => true,
            Some(position) if position.size > size => false,
            Some(position) => leaf_at(LeafIndex(position.size.0.saturating_sub(1))) == Some(position.leaf),
        })
    }

    /// Applies leaves that follow on the position, all or none; the bytes are those of the log.
    pub fn apply_batch(&mut self, leaves: &[(LeafIndex, &[u8])]) -> Result<(), ProjectorError> {
        let mut expected = LeafIndex(self.position()?.map_or(0, |position| position.size.0));
        let transaction = self.connection.transaction()?;
        for (index, bytes) in leaves {
            if *index != expected {
                return Err(ProjectorError::Gap { given: *index, expected });
            }
            apply_leaf(&transaction, *index, bytes)?;
            expected = LeafIndex(index.size_with().0);
        }
        if let Some((index, bytes)) = leaves.last() {
            transaction.execute(
                "INSERT INTO position(one, size, leaf) VALUES (1, ?1, ?2)
                 ON CONFLICT(one) DO UPDATE SET size = excluded.size, leaf = excluded.leaf",
                params![int(index.size_with().0), leaf_hash(bytes).as_bytes()],
            )?;
        }
        transaction.commit()?;
        Ok(())
    }

    /// Drops everything; the caller applies the log again from leaf 0.
    pub fn rebuild(&mut self) -> Result<(), ProjectorError> {
        let drop_and_make = format!(
            "BEGIN; DROP TABLE IF EXISTS position; DROP TABLE IF EXISTS journal; DROP TABLE IF EXISTS documents;
             DROP TABLE IF EXISTS pending; {TABLES} COMMIT;"
        );
        self.connection.execute_batch(&drop_and_make)?;
        Ok(())
    }

    /// A page of a journal: the lines after a number, at most `limit` and at most [`PAGE_ROWS_MAX`].
    pub fn journal(&self, journal: JournalId, after: u64, limit: u32) -> Result<Vec<JournalEntry>, ProjectorError> {
        let mut statement = self.connection.prepare_cached(&format!(
            "{JOURNAL_ROW} WHERE participant = ?1 AND direction = ?2 AND year = ?3 AND number > ?4 ORDER BY number LIMIT ?5"
        ))?;
        let JournalId { direction, participant, year } = journal;
        let parameters =
            params![participant.as_bytes(), direction.as_str(), int(year), int(after), limit.min(PAGE_ROWS_MAX)];
        let rows: Result<Vec<JournalRow>, _> = statement.query_map(parameters, JournalRow::read)?.collect();
        rows?.into_iter().map(JournalRow::entry).collect()
    }

    /// The lines of a document in all journals, in log order: its outgoing number and the incoming ones.
    pub fn journal_of_document(&self, document: DocumentId) -> Result<Vec<JournalEntry>, ProjectorError> {
        let mut statement =
            self.connection.prepare_cached(&format!("{JOURNAL_ROW} WHERE document = ?1 ORDER BY leaf"))?;
        let rows: Result<Vec<JournalRow>, _> = statement.query_map([document.as_bytes()], JournalRow::read)?.collect();
        rows?.into_iter().map(JournalRow::entry).collect()
    }

    /// A page of the signatures that wait for revocation data, by the record since which they wait: its place, the
    /// signature's event and its document. Those after a place, at most `limit` and at most [`PAGE_ROWS_MAX`].
    pub fn pending(
        &self,
        after: Option<LeafIndex>,
        limit: u32,
    ) -> Result<Vec<(LeafIndex, EventId, DocumentId)>, ProjectorError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT leaf, event, document FROM pending WHERE leaf > ?1 ORDER BY leaf LIMIT ?2")?;
        let after = after.map_or(-1, |index| int(index.0));
        let read = |row: &Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?, row.get::<_, Vec<u8>>(2)?));
        let rows: Result<Vec<_>, _> = statement.query_map(params![after, limit.min(PAGE_ROWS_MAX)], read)?.collect();
        let parse = |(leaf, event, document): (i64, Vec<u8>, Vec<u8>)| {
            let event = EventId::from_bytes(event.try_into().ok()?)?;
            let document = DocumentId::from_random(document.try_into().ok()?);
            Some((LeafIndex(u64::try_from(leaf).ok()?), event, document))
        };
        rows?.into_iter().map(|row| parse(row).ok_or(ProjectorError::Damaged { table: "pending" })).collect()
    }

    /// A page of the documents that a viewer is a party of (operator and auditor: of all), by their first event
    /// after a place, at most `limit` and at most [`PAGE_ROWS_MAX`].
    pub fn documents(
        &self,
        viewer: Viewer,
        after: Option<LeafIndex>,
        limit: u32,
    ) -> Result<Vec<DocumentLine>, ProjectorError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT document, first, last FROM documents WHERE viewer = ?1 AND first > ?2 ORDER BY first LIMIT ?3",
        )?;
        let after = after.map_or(-1, |index| int(index.0));
        let viewer: &[u8] = match &viewer {
            Viewer::Operator | Viewer::Auditor => SEES_ALL,
            Viewer::Participant(participant) => participant.as_bytes(),
        };
        let read = |row: &Row<'_>| Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?));
        let rows: Result<Vec<_>, _> =
            statement.query_map(params![viewer, after, limit.min(PAGE_ROWS_MAX)], read)?.collect();
        let line = |(document, first, last): (Vec<u8>, i64, i64)| {
            Some(DocumentLine {
                document: DocumentId::from_random(document.try_into().ok()?),
                first: LeafIndex(u64::try_from(first).ok()?),
                last: LeafIndex(u64::try_from(last).ok()?),
            })
        };
        rows?.into_iter().map(|row| line(row).ok_or(ProjectorError::Damaged { table: "documents" })).collect()
    }
}

/// SQLite's integers are signed; places and times of a log stay far below the half that is lost.
fn int(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn apply_leaf(transaction: &Transaction<'_>, index: LeafIndex, bytes: &[u8]) -> Result<(), ProjectorError> {
    #[derive(Deserialize)]
    struct Tag<'a> {
        t: &'a str,
    }
    let tag: Tag<'_> =
        serde_json::from_slice(bytes).map_err(|source| ProjectorError::UnknownLeaf { index, source: Some(source) })?;
    match tag.t {
        EVENT_TAG => {}
        // The log's own leaves say nothing about documents.
        "edl/v1/genesis" | "edl/v1/seal" => return Ok(()),
        _ => return Err(ProjectorError::UnknownLeaf { index, source: None }),
    }
    let record = Record::decode(bytes).map_err(|source| ProjectorError::Record { index, source })?;
    let event = Event::decode(&record).map_err(|source| ProjectorError::Event { index, source })?;
    let logged = (index, &record, &event);
    insert_line(transaction, logged)?;
    touch_document(transaction, logged)?;
    follow_pending(transaction, logged)?;
    Ok(())
}

fn insert_line(transaction: &Transaction<'_>, logged: Logged<'_>) -> rusqlite::Result<()> {
    let next = |journal: JournalId| -> rusqlite::Result<u64> {
        let mut statement = transaction.prepare_cached(
            "SELECT coalesce(max(number), 0) FROM journal WHERE participant = ?1 AND direction = ?2 AND year = ?3",
        )?;
        let JournalId { direction, participant, year } = journal;
        let last: i64 =
            statement.query_row(params![participant.as_bytes(), direction.as_str(), int(year)], |row| row.get(0))?;
        Ok(u64::try_from(last).unwrap_or_default() + 1)
    };
    let Some(line) = JournalEntry::of(logged, next)? else { return Ok(()) };
    let mut statement = transaction.prepare_cached(
        "INSERT INTO journal(participant, direction, year, number, leaf, event, at, document, delivery, counterparty)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?;
    let JournalId { direction, participant, year } = line.journal;
    statement.execute(params![
        participant.as_bytes(),
        direction.as_str(),
        int(year),
        int(line.number),
        int(line.event.index.0),
        line.event.event.as_bytes(),
        int(line.event.at.unix_ms()),
        line.document.as_bytes(),
        line.delivery.as_ref().map(DeliveryId::as_bytes),
        line.counterparty.as_ref().map(ParticipantId::as_bytes),
    ])?;
    Ok(())
}

/// A signature waits from its record until a finding says more (clause 8.2).
fn follow_pending(transaction: &Transaction<'_>, (index, record, event): Logged<'_>) -> rusqlite::Result<()> {
    let Some(document) = event.document() else { return Ok(()) };
    let recorded = event.signature().map(|signature| (record.id, signature));
    // What is found about a receipt leaves the signature where it is.
    let found = event.finding().filter(|found| found.received_by.is_none()).map(|found| (found.of, found.signature));
    let Some((signature, check)) = recorded.or(found) else { return Ok(()) };
    if check.verdict == Verdict::Indeterminate {
        transaction
            .prepare_cached("INSERT OR REPLACE INTO pending(event, leaf, document) VALUES (?1, ?2, ?3)")?
            .execute(params![signature.as_bytes(), int(index.0), document.as_bytes()])?;
    } else {
        transaction.prepare_cached("DELETE FROM pending WHERE event = ?1")?.execute([signature.as_bytes()])?;
    }
    Ok(())
}

/// An event about a document concerns exactly the participants that its record names.
fn touch_document(transaction: &Transaction<'_>, (index, record, event): Logged<'_>) -> rusqlite::Result<()> {
    let Some(document) = event.document() else { return Ok(()) };
    let mut statement = transaction.prepare_cached(
        "INSERT INTO documents(viewer, document, first, last) VALUES (?1, ?2, ?3, ?3)
         ON CONFLICT(viewer, document) DO UPDATE SET last = excluded.last",
    )?;
    statement.execute(params![SEES_ALL, document.as_bytes(), int(index.0)])?;
    for stream in record.streams.iter().filter(|stream| stream.kind() == StreamKind::Participant) {
        let Ok(participant) = stream.id().parse::<ParticipantId>() else { continue };
        statement.execute(params![participant.as_bytes(), document.as_bytes(), int(index.0)])?;
    }
    Ok(())
}

const JOURNAL_ROW: &str =
    "SELECT participant, direction, year, number, leaf, event, at, document, delivery, counterparty FROM journal";

/// A row of `journal` as SQLite gives it.
struct JournalRow {
    participant: Vec<u8>,
    direction: String,
    year: i64,
    number: i64,
    leaf: i64,
    event: Vec<u8>,
    at: i64,
    document: Vec<u8>,
    delivery: Option<Vec<u8>>,
    counterparty: Option<Vec<u8>>,
}

impl JournalRow {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            participant: row.get(0)?,
            direction: row.get(1)?,
            year: row.get(2)?,
            number: row.get(3)?,
            leaf: row.get(4)?,
            event: row.get(5)?,
            at: row.get(6)?,
            document: row.get(7)?,
            delivery: row.get(8)?,
            counterparty: row.get(9)?,
        })
    }

    fn entry(self) -> Result<JournalEntry, ProjectorError> {
        self.checked().ok_or(ProjectorError::Damaged { table: "journal" })
    }

    fn checked(self) -> Option<JournalEntry> {
        let bytes = |bytes: Vec<u8>| -> Option<[u8; 16]> { bytes.try_into().ok() };
        let optional = |value: Option<Vec<u8>>| -> Option<Option<[u8; 16]>> {
            value.map_or(Some(None), |value| bytes(value).map(Some))
        };
        let number = |value: i64| u64::try_from(value).ok();
        Some(JournalEntry {
            counterparty: optional(self.counterparty)?.map(ParticipantId::from_random),
            delivery: optional(self.delivery)?.map(DeliveryId::from_random),
            document: DocumentId::from_random(bytes(self.document)?),
            event: EventRef {
                at: Timestamp::from_unix_ms(number(self.at)?)?,
                event: EventId::from_bytes(bytes(self.event)?)?,
                index: LeafIndex(number(self.leaf)?),
            },
            journal: JournalId {
                direction: Direction::ALL.iter().copied().find(|direction| direction.as_str() == self.direction)?,
                participant: ParticipantId::from_random(bytes(self.participant)?),
                year: number(self.year)?,
            },
            number: number(self.number)?,
            zone_table: ZONE_TABLE,
        })
    }
}
