//! Errors from the real system: strace lets one write or sync after the other fail in a child that appends.
//!
//! The child is this very program. What it says about each append must be true of the files afterwards: stored is
//! there, refused is not, and the ledger opens and goes on.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    reason = "a test that meets something else is to stop"
)]

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use ledger_core::id::{EventId, LeafIndex};
use ledger_store::embedded::{SegmentLimits, audit};
use ledger_store::store::StoreError;
use ledger_store::testing::{LOG_SEED, Workload, audit_naively, genesis, options};
use ledger_store::{EmbeddedStore, StoreOptions};

const CHILD: &str = "EDL_STRACE_TEST_DIRECTORY";

fn load_options() -> StoreOptions {
    StoreOptions {
        segments: SegmentLimits { segment_bytes_max: 20 << 10, fill_step_bytes: 4096 },
        index: false,
        snapshot_on_close: false,
        ..options(0)
    }
}

/// What the child does under strace. As a test of its own it does nothing.
#[test]
fn child_with_failing_calls() {
    let Ok(directory) = std::env::var(CHILD) else { return };
    let mut out = std::io::stdout().lock();
    let Ok(store) = EmbeddedStore::open(Path::new(&directory), load_options()) else {
        writeln!(out, "\nnot opened").unwrap();
        return;
    };
    let mut workload = Workload::new(1, 1500);
    for _ in 0..8 {
        let planned = workload.plan();
        let word = match store.append_blocking(planned.append.clone()) {
            Ok(_) => {
                workload.stored(&planned);
                "stored"
            }
            Err(StoreError::Refused(_)) => "refused",
            Err(StoreError::UnknownOutcome(_)) => "unknown",
            Err(StoreError::Broken) => "broken",
            Err(error) => panic!("{error}"),
        };
        for record in &planned.records {
            writeln!(out, "\n{word} {}", record.id).unwrap();
        }
    }
    writeln!(out, "\nended").unwrap();
}

/// Runs the child on a fresh ledger with one injected failure and checks its words; returns them.
fn run(call: &str, error: &str, when: u32) -> Vec<String> {
    let what = format!("{call} {error} at {when}");
    let directory = std::env::temp_dir().join(format!("edl-strace-{}-{call}-{error}-{when}", std::process::id()));
    let _ = std::fs::remove_dir_all(&directory);
    EmbeddedStore::create(&directory, &genesis(), &LOG_SEED, load_options()).unwrap().close().unwrap();
    let output = Command::new("strace")
        .args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={call}")])
        .args(["-e", &format!("inject={call}:error={error}:when={when}")])
        .arg(std::env::current_exe().unwrap())
        .args(["child_with_failing_calls", "--exact", "--nocapture", "--test-threads=1"])
        .env(CHILD, &directory)
        .output()
        .expect("this test needs strace: apt-get install strace");
    let text = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{what}: {text} {errors}");
    let mut words = Vec::new();
    let (mut stored, mut refused) = (BTreeSet::new(), BTreeSet::new());
    for line in text.lines() {
        let (word, id) = line.split_once(' ').unwrap_or((line, ""));
        let id = id.parse::<EventId>();
        match (word, id) {
            ("stored", Ok(id)) => assert!(stored.insert(id)),
            // Nothing was written after the writer had stopped.
            ("refused" | "broken", Ok(id)) => assert!(refused.insert(id)),
            ("unknown", Ok(_)) | ("ended", _) => {}
            ("not", _) if line == "not opened" => {}
            _ => continue,
        }
        words.push(word.to_owned());
    }
    assert!(!words.is_empty(), "{what}: {text} {errors}");
    let store = EmbeddedStore::open(&directory, load_options()).unwrap_or_else(|error| panic!("{what}: {error}"));
    let leaves: Vec<_> =
        store.read_range(LeafIndex(0), usize::MAX).unwrap().into_iter().map(|(_, leaf)| leaf).collect();
    let found = audit_naively(store.genesis(), &leaves).unwrap();
    assert!(stored.is_subset(&found), "{what}: lost");
    assert!(refused.is_disjoint(&found), "{what}: refused, but stored");
    store.append_blocking(Workload::new(2, 100).plan().append).unwrap_or_else(|error| panic!("{what}: {error}"));
    store.close().unwrap();
    audit(&directory).unwrap_or_else(|error| panic!("{what}: {error}"));
    std::fs::remove_dir_all(&directory).unwrap();
    words
}

/// Lets the first, second, ... call fail until the child no longer makes so many.
fn sweep(call: &str, error: &str) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    for when in 1..200 {
        let words = run(call, error, when);
        let untouched = words.iter().all(|word| matches!(word.as_str(), "stored" | "ended"));
        seen.extend(words);
        if untouched && when > 30 {
            return seen;
        }
    }
    panic!("the child makes more than 200 calls of {call}");
}

#[test]
fn a_sync_that_fails_stops_the_writer_and_the_outcome_is_unknown() {
    let seen = sweep("fdatasync", "EIO");
    assert!(seen.contains("unknown") && seen.contains("broken") && seen.contains("stored"), "{seen:?}");
}

#[test]
fn a_write_that_fails_is_refused_and_the_next_one_goes_on() {
    for error in ["EIO", "ENOSPC"] {
        let seen = sweep("pwrite64", error);
        assert!(seen.contains("refused") && seen.contains("stored"), "{seen:?}");
    }
}

#[test]
fn lengths_names_and_directories_that_cannot_be_set_leave_a_ledger_that_opens() {
    for call in ["ftruncate", "rename", "fsync"] {
        for when in 1..6 {
            run(call, "EIO", when);
        }
    }
}
