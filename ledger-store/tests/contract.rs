//! The promises of the storage contract, on real files.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    reason = "a test that meets something else is to stop"
)]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ledger_core::id::{CommandId, LeafIndex, ParticipantId, RequestDigest, StreamId, TreeSize};
use ledger_core::log::checkpoint::VerifiedCheckpoint;
use ledger_core::log::seal::Seal;
use ledger_core::record::Record;
use ledger_store::embedded::{LockError, OpenError, audit};
use ledger_store::store::{Append, Draft, Expectation, StoreError, StreamState};
use ledger_store::testing::{LOG_SEED, Planned, Workload, audit_naively, genesis, naive_log_root, options};
use ledger_store::{EmbeddedStore, StoreOptions};

/// A directory that is removed when the test is over.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("edl-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        Self(path)
    }

    fn create(&self) -> EmbeddedStore {
        EmbeddedStore::create(&self.0, &genesis(), &LOG_SEED, options(1)).unwrap()
    }

    fn open(&self) -> EmbeddedStore {
        EmbeddedStore::open(&self.0, options(2)).unwrap()
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn fill(store: &EmbeddedStore, workload: &mut Workload, appends: usize) -> Vec<Planned> {
    let run = |_| {
        let planned = workload.plan();
        store.append_blocking(planned.append.clone()).unwrap();
        workload.stored(&planned);
        planned
    };
    (0..appends).map(run).collect()
}

fn leaves(store: &EmbeddedStore) -> Vec<Vec<u8>> {
    store.read_range(LeafIndex(0), usize::MAX).unwrap().into_iter().map(|(_, leaf)| leaf).collect()
}

/// All that a store says agrees with the workload's books and with a naive reading of the leaves.
fn check_all(store: &EmbeddedStore, workload: &Workload) {
    let leaves = leaves(store);
    let head = store.head();
    assert_eq!(head.size, TreeSize(leaves.len() as u64));
    assert_eq!(head.root, naive_log_root(&leaves));
    audit_naively(store.genesis(), &leaves).unwrap();
    let origin = store.genesis().origin.clone();
    let checkpoint = VerifiedCheckpoint::verify(head.checkpoint.as_bytes(), origin.as_str(), store.verifier()).unwrap();
    assert_eq!((checkpoint.size(), checkpoint.root()), (head.size, &head.root));
    let streams: Vec<_> = workload.streams().map(|(stream, ..)| stream.clone()).collect();
    let view = store.view_blocking(&streams).unwrap();
    let seal = Seal::decode(view.head.seal_leaf.as_bytes()).unwrap();
    for ((stream, revision, homed), (state, proof)) in workload.streams().zip(&view.streams) {
        assert_eq!((state.revision, state.homed), (revision, homed), "{stream}");
        assert_eq!(store.state_of(stream), *state);
        let places = store.records_of_stream(stream).unwrap();
        let naming: Vec<_> = (0..)
            .zip(&leaves)
            .filter(|(_, leaf)| Record::decode(leaf).is_ok_and(|record| record.streams.contains(stream)))
            .map(|(index, _)| LeafIndex(index))
            .collect();
        assert_eq!(places, naming, "{stream}");
        assert_eq!(places.len() as u64, revision);
        assert!(!matches!(proof, ledger_core::log::map::MapProof::Absent { .. }), "{stream}");
        assert_eq!(seal.size.0 + 1, head.size.0);
    }
    assert!(store.index_is_right().unwrap());
}

fn check_files(directory: &Path, store_head: TreeSize) {
    assert_eq!(audit(directory).unwrap().size, store_head);
}

#[test]
fn what_was_appended_is_read_proven_and_found_again_after_reopening() {
    let directory = Directory::new("reopen");
    let mut workload = Workload::new(11, 300);
    let mut store = directory.create();
    for round in 0..4 {
        let planned = fill(&store, &mut workload, 25);
        check_all(&store, &workload);
        for plan in &planned {
            for record in &plan.records {
                let index = store.index_of_event(record.id).unwrap().unwrap();
                let stored = Record::decode(&store.read(index).unwrap().unwrap()).unwrap();
                assert_eq!(stored, Record { at: stored.at, prev: stored.prev, ..record.clone() });
                let receipt = store.receipt(index).unwrap().unwrap();
                receipt.verify(&store.genesis().origin, store.verifier(), store.genesis_hash()).unwrap();
            }
        }
        let size = store.head().size;
        store.close().unwrap();
        check_files(&directory.0, size);
        store = directory.open();
        assert_eq!(store.recovery().snapshot, size.0, "round {round}: opened from the snapshot");
        assert!(store.recovery().unusable_snapshots.is_empty());
    }
    check_all(&store, &workload);
}

#[test]
fn an_unusable_snapshot_or_index_is_built_again_from_the_log() {
    let directory = Directory::new("derived");
    let mut workload = Workload::new(12, 100);
    let store = directory.create();
    fill(&store, &mut workload, 40);
    let size = store.head().size;
    store.close().unwrap();
    let snapshot = directory.0.join("snapshot").join(format!("{:016}.snap", size.0));
    let mut bytes = std::fs::read(&snapshot).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&snapshot, bytes).unwrap();
    std::fs::write(directory.0.join("index.sqlite"), b"rubbish").unwrap();
    let store = directory.open();
    assert_eq!((store.recovery().snapshot, store.recovery().unusable_snapshots.len()), (0, 1));
    check_all(&store, &workload);
    drop(store);
    std::fs::remove_dir_all(directory.0.join("snapshot")).unwrap();
    std::fs::remove_file(directory.0.join("index.sqlite")).unwrap();
    check_all(&directory.open(), &workload);
}

#[test]
fn a_repeated_command_gets_the_first_receipts_and_another_request_is_refused() {
    let directory = Directory::new("repeat");
    let mut workload = Workload::new(13, 100);
    let store = directory.create();
    let planned = workload.plan();
    let first = store.append_blocking(planned.append.clone()).unwrap();
    assert!(!first.replayed);
    workload.stored(&planned);
    fill(&store, &mut workload, 10);
    let size = store.head().size;
    // The expectations are out of date by now; they do not matter.
    let again = store.append_blocking(planned.append.clone()).unwrap();
    assert!(again.replayed);
    assert_eq!(again.receipts, first.receipts);
    let mut other = planned.append.clone();
    other.request = RequestDigest::of_request(&[1; 32], b"other");
    for (draft, record) in other.records.iter_mut().zip(&planned.records) {
        let mut record = record.clone();
        record.cause.request = other.request;
        *draft = Draft::encode(&record).unwrap();
    }
    let error = store.append_blocking(other).unwrap_err();
    assert!(matches!(error, StoreError::CommandReused { index } if index == first.receipts[0].index), "{error}");
    assert_eq!(store.head().size, size, "nothing was appended");
    store.close().unwrap();
    let again = directory.open().append_blocking(planned.append).unwrap();
    assert_eq!((again.replayed, again.receipts), (true, first.receipts));
}

#[test]
fn a_decision_whose_streams_have_moved_is_refused_with_their_state() {
    let directory = Directory::new("conflict");
    let mut workload = Workload::new(14, 100);
    let store = directory.create();
    let planned = workload.plan();
    let document = planned.records[0].home().unwrap().clone();
    store.append_blocking(planned.append.clone()).unwrap();
    workload.stored(&planned);
    let state = store.state_of(&document);
    let fresh = |expect: Vec<(StreamId, Expectation)>, seq: Option<u64>| {
        let mut next = Workload::new(15, 100).plan();
        next.append.expect = expect;
        if let Some(seq) = seq {
            next.records[0].seq = seq;
            next.append.records = vec![Draft::encode(&next.records[0]).unwrap()];
        }
        next.append
    };
    for (expect, holds) in [
        (Expectation::Absent, false),
        (Expectation::Homed(state.homed + 1), false),
        (Expectation::Revision(state.revision - 1), false),
    ] {
        let error = store.append_blocking(fresh(vec![(document.clone(), expect)], None)).unwrap_err();
        let StoreError::Conflict { stream, expected, actual } = error else { panic!("{error}") };
        assert_eq!((stream, expected, actual), (document.clone(), expect, state));
        assert!(!holds);
    }
    let error = store.append_blocking(fresh(Vec::new(), Some(1))).unwrap_err();
    assert!(
        matches!(error, StoreError::Conflict { expected: Expectation::Homed(1), actual, .. } if actual == StreamState::default())
    );
    let good =
        vec![(document.clone(), Expectation::Homed(state.homed)), (document, Expectation::Revision(state.revision))];
    store.append_blocking(fresh(good, None)).unwrap();
}

#[test]
fn an_event_id_is_stored_once() {
    let directory = Directory::new("event");
    let mut workload = Workload::new(16, 100);
    let store = directory.create();
    let planned = workload.plan();
    store.append_blocking(planned.append.clone()).unwrap();
    let mut other = Workload::new(17, 100).plan();
    other.records.truncate(1);
    other.records[0].id = planned.records[0].id;
    other.append.records = vec![Draft::encode(&other.records[0]).unwrap()];
    let error = store.append_blocking(other.append).unwrap_err();
    assert!(matches!(error, StoreError::DuplicateEvent { id } if id == planned.records[0].id), "{error}");
}

#[test]
fn an_append_that_does_not_name_its_command_is_refused() {
    let directory = Directory::new("invalid");
    let store = directory.create();
    let planned = Workload::new(18, 100).plan();
    let command = CommandId::of_idempotency_key(&[3; 32], ParticipantId::from_random([3; 16]), "x");
    let empty = Append { records: Vec::new(), ..planned.append.clone() };
    for append in [Append { command, ..planned.append }, empty] {
        assert!(matches!(store.append_blocking(append), Err(StoreError::Invalid(_))));
    }
}

#[test]
fn a_second_writer_is_refused_and_told_why() {
    let directory = Directory::new("lock");
    let store = directory.create();
    let error = EmbeddedStore::open(&directory.0, StoreOptions::default()).unwrap_err();
    let holder = std::process::id().to_string();
    assert!(matches!(&error, OpenError::Lock(LockError::Held { holder: found }) if *found == holder), "{error}");
    drop(store);
    directory.open();
}

#[test]
fn a_directory_with_a_ledger_or_anything_else_is_not_overwritten() {
    let directory = Directory::new("create");
    assert!(matches!(EmbeddedStore::open(&directory.0, options(1)).unwrap_err(), OpenError::NoLedger));
    directory.create();
    let again = EmbeddedStore::create(&directory.0, &genesis(), &LOG_SEED, options(1));
    assert!(matches!(again.unwrap_err(), OpenError::NotEmpty { .. }));
    let foreign = Directory::new("create-foreign");
    std::fs::create_dir_all(&foreign.0).unwrap();
    std::fs::write(foreign.0.join("letter.txt"), b"dear").unwrap();
    let created = EmbeddedStore::create(&foreign.0, &genesis(), &LOG_SEED, options(1));
    assert!(matches!(created.unwrap_err(), OpenError::NotEmpty { name } if name == "letter.txt"));
    let other_key = Directory::new("create-key");
    assert!(EmbeddedStore::create(&other_key.0, &genesis(), &[8; 32], options(1)).is_err());
}

#[test]
fn a_quiet_ledger_is_sealed_on_schedule() {
    let directory = Directory::new("idle");
    let quick = StoreOptions { seal_interval_ms: Some(20), ..options(1) };
    let store = EmbeddedStore::create(&directory.0, &genesis(), &LOG_SEED, quick).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let head = runtime.block_on(store.wait_for(TreeSize(5))).unwrap();
    assert!(head.size >= TreeSize(5));
    assert!(leaves(&store).iter().skip(1).all(|leaf| Seal::decode(leaf).is_ok()));
}

#[test]
fn many_callers_at_once_all_get_receipts_that_verify_and_equal_commands_are_stored_once() {
    let directory = Directory::new("many");
    let store = Arc::new(directory.create());
    let threads: Vec<_> = (0..16_u64)
        .map(|caller| {
            let store = Arc::clone(&store);
            std::thread::spawn(move || {
                // Two callers share each seed, so that each command is sent twice at about the same time.
                let mut workload = Workload::new(100 + caller / 2, 200);
                let mut fresh = 0;
                for _ in 0..30 {
                    let planned = workload.plan();
                    let done = store.append_blocking(planned.append.clone()).unwrap();
                    workload.stored(&planned);
                    fresh += usize::from(!done.replayed);
                    for receipt in &done.receipts {
                        receipt.verify(&store.genesis().origin, store.verifier(), store.genesis_hash()).unwrap();
                    }
                    assert_eq!(done.receipts.len(), planned.records.len());
                }
                fresh
            })
        })
        .collect();
    let fresh: usize = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
    assert_eq!(fresh, 8 * 30);
    audit_naively(store.genesis(), &leaves(&store)).unwrap();
    assert!(store.index_is_right().unwrap());
}
