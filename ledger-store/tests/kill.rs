//! Kill -9 in the middle of load, a hundred times: every acknowledged event is there and the ledger verifies.
//!
//! The child is this very program, started again with a variable set; it prints each event once it is acknowledged.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    reason = "a test that meets something else is to stop"
)]

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use ledger_core::id::{EventId, LeafIndex};
use ledger_core::record::Record;
use ledger_core::time::Timestamp;
use ledger_store::embedded::{SegmentLimits, audit};
use ledger_store::environment::SystemEntropy;
use ledger_store::testing::{LOG_SEED, Seeded, Workload, genesis, options};
use ledger_store::{EmbeddedStore, StoreOptions};

const CHILD: &str = "EDL_KILL_TEST_DIRECTORY";
const SEED: &str = "EDL_KILL_TEST_SEED";
const KILLS: u64 = 100;

fn load_options() -> StoreOptions {
    StoreOptions {
        segments: SegmentLimits { segment_bytes_max: 256 << 10, fill_step_bytes: 16 << 10 },
        head_sync_ms: Some(5),
        seal_interval_ms: Some(3),
        snapshot_leaves: 500,
        entropy: Arc::new(SystemEntropy),
        ..options(0)
    }
}

/// What the child does until it is killed. As a test of its own it does nothing.
#[test]
fn child_under_load() {
    let Ok(directory) = std::env::var(CHILD) else { return };
    let seed: u64 = std::env::var(SEED).unwrap().parse().unwrap();
    let store = Arc::new(EmbeddedStore::open(Path::new(&directory), load_options()).unwrap());
    let threads: Vec<_> = (0..8)
        .map(|caller| {
            let store = Arc::clone(&store);
            std::thread::spawn(move || {
                let mut workload = Workload::new(seed * 100 + caller, 400);
                loop {
                    let planned = workload.plan();
                    store.append_blocking(planned.append.clone()).unwrap();
                    workload.stored(&planned);
                    let ids: Vec<_> = planned.records.iter().map(|record| format!("stored {}\n", record.id)).collect();
                    std::io::stdout().lock().write_all(ids.concat().as_bytes()).unwrap();
                }
            })
        })
        .collect();
    #[expect(clippy::never_loop, reason = "the threads never end: the parent kills the process")]
    for thread in threads {
        thread.join().unwrap();
    }
}

#[test]
fn a_hundred_kills_in_the_middle_of_load_lose_nothing_that_was_acknowledged() {
    let directory = std::env::temp_dir().join(format!("edl-kill-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&directory);
    EmbeddedStore::create(&directory, &genesis(), &LOG_SEED, load_options()).unwrap().close().unwrap();
    let mut random = Seeded::new(Timestamp::EPOCH.unix_ms() + 42);
    let mut acknowledged: BTreeSet<EventId> = BTreeSet::new();
    let (mut working, mut unseen) = (0, BTreeSet::new());
    for round in 0..KILLS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["child_under_load", "--exact", "--nocapture", "--test-threads=1"])
            .env(CHILD, &directory)
            .env(SEED, round.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (first, working_now) = std::sync::mpsc::channel();
        let reader = std::thread::spawn(move || {
            let lines = stdout.lines().map_while(Result::ok);
            let ids = lines.filter_map(|line| line.strip_prefix("stored ")?.parse::<EventId>().ok());
            ids.inspect(|_| first.send(()).unwrap_or_default()).collect::<Vec<_>>()
        });
        // One in eight is killed while it starts and recovers, the others some time after their first event.
        if round % 8 != 0 {
            let _ = working_now.recv_timeout(Duration::from_secs(10));
        }
        std::thread::sleep(Duration::from_millis(random.below(60)));
        child.kill().unwrap();
        child.wait().unwrap();
        let ids = reader.join().unwrap();
        working += u64::from(!ids.is_empty());
        unseen.extend(ids.iter().copied());
        acknowledged.extend(ids);
        // The next child opens it anyway; here the new ones are looked up now and then, and all of them at the end.
        if round % 10 == 9 {
            let store = EmbeddedStore::open(&directory, load_options()).unwrap();
            for id in std::mem::take(&mut unseen) {
                let index = store.index_of_event(id).unwrap();
                let leaf = index.and_then(|index| store.read(index).unwrap());
                assert_eq!(leaf.map(|leaf| Record::decode(&leaf).unwrap().id), Some(id), "round {round}: lost");
            }
        }
    }
    let store = EmbeddedStore::open(&directory, load_options()).unwrap();
    assert!(store.index_is_right().unwrap());
    let leaves = store.read_range(LeafIndex(0), usize::MAX).unwrap();
    let found: BTreeSet<_> =
        leaves.iter().filter_map(|(_, leaf)| Record::decode(leaf).ok()).map(|record| record.id).collect();
    assert!(acknowledged.is_subset(&found));
    store.close().unwrap();
    audit(&directory).unwrap();
    assert!(working >= KILLS * 3 / 4, "only {working} of {KILLS} children got to work before they were killed");
    assert!(acknowledged.len() > 1000, "only {} events were acknowledged", acknowledged.len());
    std::fs::remove_dir_all(&directory).unwrap();
}
