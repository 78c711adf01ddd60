//! The check of the views: a fresh replay of the log against the rows that are stored, every difference named.

use std::cmp::Ordering;

use ledger_core::id::{LeafIndex, TreeSize};
use rusqlite::types::{FromSql, ValueRef};
use rusqlite::{Connection, Rows};
use serde::Serialize;

use super::{Position, Projector, ProjectorError};

/// How many differences are spelled out; the rest is counted. A damaged file may differ in every row.
const DIFFERENCES_MAX: usize = 1000;
/// Leaves applied in one transaction of the replay.
const BATCH_LEAVES: usize = 1024;

/// Each table with its rows as text, in the order of its key; the key comes first.
const DUMPS: [(&str, &str); 3] = [
    (
        "journal",
        "SELECT hex(participant) || '/' || direction || '/' || year || '/' || printf('%020d', number),
                leaf || ' ' || hex(event) || ' ' || at || ' ' || hex(document) || ' ' || ifnull(hex(delivery), '-')
                || ' ' || ifnull(hex(counterparty), '-')
         FROM journal ORDER BY 1",
    ),
    ("documents", "SELECT hex(viewer) || '/' || hex(document), first || ' ' || last FROM documents ORDER BY 1"),
    ("pending", "SELECT hex(event), leaf || ' ' || hex(document) FROM pending ORDER BY 1"),
];

/// What the check came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProjectionReport {
    /// The differences, by table and key; none means that the views are what the log says.
    pub differences: Vec<Difference>,
    /// How many more there are than are spelled out.
    pub more: u64,
    /// How many rows the replay has.
    pub rows: u64,
    /// Up to which size of the log the views and the replay were compared.
    pub size: TreeSize,
}

impl ProjectionReport {
    /// Whether the views are what the log says.
    pub fn agrees(&self) -> bool {
        self.differences.is_empty()
    }
}

/// A row that is not as the log says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// What the replay has; none for a row that should not be there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// The row's key.
    pub key: String,
    /// What is stored; none for a row that is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stored: Option<String>,
    /// The table.
    pub table: &'static str,
}

impl Projector {
    /// Replays the log from leaf 0 into fresh views, as far as these have come, and compares them row by row.
    pub fn compare<B: AsRef<[u8]>>(
        &self,
        leaves: impl IntoIterator<Item = (LeafIndex, B)>,
    ) -> Result<ProjectionReport, ProjectorError> {
        let stored = self.position()?;
        let size = stored.map_or(TreeSize(0), |position| position.size);
        let mut fresh = Self::temporary()?;
        let mut batch: Vec<(LeafIndex, B)> = Vec::new();
        for leaf in leaves {
            if leaf.0.0 >= size.0 {
                break;
            }
            batch.push(leaf);
            if batch.len() == BATCH_LEAVES {
                fresh.replay(&mut batch)?;
            }
        }
        fresh.replay(&mut batch)?;

        let mut report = ProjectionReport { differences: Vec::new(), more: 0, rows: 0, size };
        let expected = fresh.position()?;
        if stored != expected {
            let text = |position: Position| format!("{} {}", position.size, position.leaf);
            report.add("position", "1".to_owned(), stored.map(text), expected.map(text));
        }
        for (table, dump) in DUMPS {
            compare_table(&self.connection, &fresh.connection, table, dump, &mut report)?;
        }
        Ok(report)
    }

    fn replay<B: AsRef<[u8]>>(&mut self, batch: &mut Vec<(LeafIndex, B)>) -> Result<(), ProjectorError> {
        let leaves: Vec<_> = batch.iter().map(|(index, bytes)| (*index, bytes.as_ref())).collect();
        self.apply_batch(&leaves)?;
        batch.clear();
        Ok(())
    }
}

impl ProjectionReport {
    fn add(&mut self, table: &'static str, key: String, stored: Option<String>, expected: Option<String>) {
        if self.differences.len() < DIFFERENCES_MAX {
            self.differences.push(Difference { expected, key, stored, table });
        } else {
            self.more += 1;
        }
    }
}

/// Walks both tables in the order of their keys, side by side.
fn compare_table(
    stored: &Connection,
    fresh: &Connection,
    table: &'static str,
    dump: &str,
    report: &mut ProjectionReport,
) -> Result<(), ProjectorError> {
    let (mut stored, mut fresh) = (stored.prepare(dump)?, fresh.prepare(dump)?);
    let (mut stored, mut fresh) = (stored.query([])?, fresh.query([])?);
    let mut here = next(&mut stored)?;
    let mut there = next(&mut fresh)?;
    loop {
        let order = match (&here, &there) {
            (None, None) => return Ok(()),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some((stored, _)), Some((expected, _))) => stored.cmp(expected),
        };
        let row = if order.is_le() { here.take() } else { None };
        let expected = if order.is_ge() { there.take() } else { None };
        if expected.is_some() {
            report.rows += 1;
            there = next(&mut fresh)?;
        }
        if row.is_some() {
            here = next(&mut stored)?;
        }
        if row != expected {
            let key = row.as_ref().or(expected.as_ref()).map(|(key, _)| key.clone()).unwrap_or_default();
            report.add(table, key, row.map(|(_, rest)| rest), expected.map(|(_, rest)| rest));
        }
    }
}

/// A damaged row may hold anything; it is a difference, not an error.
struct Text(String);

impl FromSql for Text {
    fn column_result(value: ValueRef<'_>) -> rusqlite::types::FromSqlResult<Self> {
        Ok(Self(match value {
            ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
            ValueRef::Null | ValueRef::Integer(_) | ValueRef::Real(_) | ValueRef::Blob(_) => format!("{value:?}"),
        }))
    }
}

fn next(rows: &mut Rows<'_>) -> rusqlite::Result<Option<(String, String)>> {
    let Some(row) = rows.next()? else { return Ok(None) };
    let (Text(key), Text(rest)) = (row.get(0)?, row.get(1)?);
    Ok(Some((key, rest)))
}
