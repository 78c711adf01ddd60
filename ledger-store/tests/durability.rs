//! What must survive: power cuts anywhere (also in recovery), failing writes and syncs, full disks, damaged bytes.
//!
//! The disk is simulated ([`SimulatedFiles`]): what was not synced is lost, torn or reordered as the seed says.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    reason = "a test that meets something else is to stop"
)]

use std::collections::BTreeSet;
use std::sync::Arc;

use ledger_core::id::{EventId, LeafIndex};
use ledger_store::embedded::files::Files;
use ledger_store::embedded::{OpenError, SegmentError, audit_on};
use ledger_store::store::{StoreError, StreamState};
use ledger_store::testing::{
    EIO, ENOSPC, Fault, LOG_SEED, Operation, Planned, Seeded, SimulatedFiles, Workload, audit_naively, genesis, options,
};
use ledger_store::{EmbeddedStore, StoreOptions};

fn shared(files: &SimulatedFiles) -> Arc<dyn Files> {
    Arc::new(files.clone())
}

fn small(seed: u64) -> StoreOptions {
    StoreOptions { index: false, ..options(seed) }
}

fn create(files: &SimulatedFiles, seed: u64) -> Result<EmbeddedStore, OpenError> {
    EmbeddedStore::create_on(shared(files), &genesis(), &LOG_SEED, small(seed))
}

fn open(files: &SimulatedFiles, seed: u64) -> Result<EmbeddedStore, OpenError> {
    EmbeddedStore::open_on(shared(files), small(seed))
}

fn leaves(store: &EmbeddedStore) -> Vec<Vec<u8>> {
    store.read_range(LeafIndex(0), usize::MAX).unwrap().into_iter().map(|(_, leaf)| leaf).collect()
}

fn ids(planned: &Planned) -> impl Iterator<Item = EventId> {
    planned.records.iter().map(|record| record.id)
}

/// The log is in order, read naively; every acknowledged event is in it and every refused one is not.
fn check(store: &EmbeddedStore, stored: &BTreeSet<EventId>, refused: &BTreeSet<EventId>, what: &str) {
    let found = audit_naively(store.genesis(), &leaves(store)).unwrap_or_else(|error| panic!("{what}: {error}"));
    let lost: Vec<_> = stored.difference(&found).collect();
    assert!(lost.is_empty(), "{what}: lost {lost:?}");
    let undead: Vec<_> = refused.intersection(&found).collect();
    assert!(undead.is_empty(), "{what}: refused, but stored: {undead:?}");
}

/// What one life of a ledger left behind: acknowledged, refused for certain, and in flight when it ended.
#[derive(Default)]
struct Books {
    stored: BTreeSet<EventId>,
    refused: BTreeSet<EventId>,
    in_flight: Option<Planned>,
}

/// Appends, repeats, conflicts, snapshots and reopens until the disk gives up or the steps are done.
fn live(
    files: &SimulatedFiles,
    mut store: EmbeddedStore,
    workload: &mut Workload,
    random: &mut Seeded,
    steps: u64,
    books: &mut Books,
) {
    let mut last: Option<Planned> = None;
    for _ in 0..steps {
        match random.below(12) {
            0 => {
                let _ = store.snapshot_blocking();
            }
            1 => {
                let _ = store.seal_blocking();
            }
            2 => {
                let _ = store.close();
                match open(files, random.next_u64()) {
                    Ok(opened) => store = opened,
                    Err(_) => return,
                }
            }
            3 => {
                if let Some(planned) = &last {
                    match store.append_blocking(planned.append.clone()) {
                        Ok(done) => assert!(done.replayed),
                        Err(error) => assert!(is_end(&error), "{error}"),
                    }
                }
            }
            _ => {
                let planned = workload.plan();
                match store.append_blocking(planned.append.clone()) {
                    Ok(done) => {
                        assert!(!done.replayed);
                        workload.stored(&planned);
                        books.stored.extend(ids(&planned));
                        last = Some(planned);
                    }
                    Err(StoreError::Refused(_)) => books.refused.extend(ids(&planned)),
                    Err(error) => {
                        assert!(is_end(&error), "{error}");
                        books.in_flight = Some(planned);
                        return;
                    }
                }
            }
        }
    }
}

fn is_segment(name: &str) -> bool {
    name.strip_suffix(".seg").is_some()
}

fn is_end(error: &StoreError) -> bool {
    matches!(
        error,
        StoreError::UnknownOutcome(_)
            | StoreError::Broken
            | StoreError::Closed
            | StoreError::Refused(_)
            | StoreError::Segment(_)
    )
}

#[test]
fn no_power_cut_loses_what_was_acknowledged_not_even_one_in_the_recovery_from_another() {
    let (mut cuts, mut cuts_in_recovery, mut torn, mut before_birth) = (0, 0, 0, 0);
    for seed in 0..160_u64 {
        // The same life without a cut tells how many operations there are.
        let life = |files: &SimulatedFiles, books: &mut Books| {
            let (mut workload, mut random) = (Workload::new(seed, 150), Seeded::new(seed));
            if let Ok(store) = create(files, seed) {
                live(files, store, &mut workload, &mut random, 25, books);
            }
            workload
        };
        let rehearsal = SimulatedFiles::new();
        life(&rehearsal, &mut Books::default());
        let mut random = Seeded::new(seed ^ 0xffff);
        let files = SimulatedFiles::new();
        let cut = usize::try_from(random.below(rehearsal.operations() as u64)).unwrap();
        files.fail_at(cut, Fault::PowerCut);
        let mut books = Books::default();
        let mut workload = life(&files, &mut books);
        let mut files = files.after_power_cut(random.next_u64());
        cuts += 1;
        // Half of the recoveries are cut as well, some of them twice.
        for _ in 0..random.below(3) {
            let rehearsal = files.copy();
            let _ = open(&rehearsal, seed).map(drop);
            let steps = rehearsal.operations() as u64;
            if steps == 0 {
                break;
            }
            files.fail_at(usize::try_from(random.below(steps)).unwrap(), Fault::PowerCut);
            let _ = open(&files, seed).map(drop);
            files = files.after_power_cut(random.next_u64());
            cuts_in_recovery += 1;
        }
        let what = format!("seed {seed}, cut at {cut} of {}", rehearsal.operations());
        let store = match open(&files, seed) {
            Err(OpenError::NoLedger) => {
                assert!(books.stored.is_empty(), "{what}: the ledger is gone");
                before_birth += 1;
                continue;
            }
            opened => opened.unwrap_or_else(|error| panic!("{what}: {error}")),
        };
        torn += usize::from(store.recovery().torn.is_some());
        check(&store, &books.stored, &books.refused, &what);
        if let Some(planned) = &books.in_flight {
            // Sent again, the command is stored exactly once.
            store.append_blocking(planned.append.clone()).unwrap_or_else(|error| panic!("{what}: {error}"));
            workload.stored(planned);
            books.stored.extend(ids(planned));
        }
        live(&files, store, &mut workload, &mut random, 10, &mut books);
        check(&open(&files, seed).unwrap(), &books.stored, &books.refused, &what);
        audit_on(&shared(&files)).unwrap_or_else(|error| panic!("{what}: {error}"));
    }
    assert!(cuts >= 120 && cuts_in_recovery >= 60, "{cuts} cuts, {cuts_in_recovery} in recovery");
    assert!(torn >= 10, "only {torn} torn tails were met");
    assert!(before_birth < 40, "{before_birth} cuts before there was a ledger");
}

#[test]
fn whatever_operation_fails_the_outcome_is_told_truly_and_the_ledger_goes_on() {
    let seed = 5;
    let run = |files: &SimulatedFiles, until_refused: bool| -> (Books, Workload, Option<EmbeddedStore>) {
        let mut books = Books::default();
        let mut workload = Workload::new(seed, 2500);
        let Ok(store) = create(files, seed) else { return (books, workload, None) };
        for _ in 0..8 {
            let planned = workload.plan();
            match store.append_blocking(planned.append.clone()) {
                Ok(_) => {
                    workload.stored(&planned);
                    books.stored.extend(ids(&planned));
                }
                Err(StoreError::Refused(_)) => {
                    books.refused.extend(ids(&planned));
                    if until_refused {
                        break;
                    }
                }
                Err(error) => {
                    assert!(is_end(&error), "{error}");
                    books.in_flight = Some(planned);
                    break;
                }
            }
        }
        (books, workload, Some(store))
    };
    let rehearsal = SimulatedFiles::new();
    run(&rehearsal, false);
    let log = rehearsal.log();
    let rolls = log.iter().filter(|operation| matches!(operation, Operation::Rename(to) if is_segment(to))).count();
    assert!(rolls >= 2, "the segments are rolled in this run");
    let (mut refused, mut unknown) = (0, 0);
    for (at, operation) in log.iter().enumerate() {
        for fault in [Fault::Error(EIO), Fault::Error(ENOSPC), Fault::ErrorAfter(EIO)] {
            let what = format!("{fault:?} at {at} ({operation:?})");
            let files = SimulatedFiles::new();
            files.fail_at(at, fault);
            let (mut books, mut workload, store) = run(&files, fault == Fault::ErrorAfter(EIO));
            files.heal();
            let Some(store) = store else { continue };
            refused += usize::from(!books.refused.is_empty());
            // What is refused is gone at once, whether the power goes now or only the process.
            for image in [files.copy(), files.after_power_cut(at as u64)] {
                let store = open(&image, seed).unwrap_or_else(|error| panic!("{what}: {error}"));
                check(&store, &books.stored, &books.refused, &what);
            }
            unknown += usize::from(books.in_flight.is_some());
            if books.in_flight.is_none() && !books.refused.is_empty() {
                // Refused cleanly: what is refused is not stored, and the same store goes on.
                let planned = workload.plan();
                match store.append_blocking(planned.append.clone()) {
                    Ok(_) => {
                        workload.stored(&planned);
                        books.stored.extend(ids(&planned));
                    }
                    Err(error) => assert!(matches!(error, StoreError::Broken), "{what}: {error}"),
                }
            }
            check(&store, &books.stored, &books.refused, &what);
            drop(store);
            // Whatever the cache held, a power cut right now loses nothing that was acknowledged.
            for image in [files.after_power_cut(at as u64), files] {
                let store = open(&image, seed).unwrap_or_else(|error| panic!("{what}: {error}"));
                check(&store, &books.stored, &books.refused, &what);
                let mut workload = workload.clone();
                if let Some(planned) = &books.in_flight {
                    // Sent again, the command is stored exactly once.
                    store.append_blocking(planned.append.clone()).unwrap_or_else(|error| panic!("{what}: {error}"));
                    workload.stored(planned);
                }
                let planned = workload.plan();
                store.append_blocking(planned.append).unwrap_or_else(|error| panic!("{what}: {error}"));
                drop(store);
                audit_on(&shared(&image)).unwrap_or_else(|error| panic!("{what}: {error}"));
            }
        }
    }
    assert!(refused >= 20 && unknown >= 20, "{refused} runs with refusals, {unknown} with an unknown outcome");
}

#[test]
fn a_full_disk_refuses_and_once_there_is_space_the_ledger_goes_on() {
    let files = SimulatedFiles::new();
    let store = create(&files, 1).unwrap();
    let mut workload = Workload::new(1, 600);
    let (mut stored, mut refused) = (BTreeSet::new(), BTreeSet::new());
    for round in 1..=3 {
        files.set_capacity(files.bytes() + round * 3000);
        let mut refusals = 0;
        while refusals < 5 {
            let planned = workload.plan();
            match store.append_blocking(planned.append.clone()) {
                Ok(_) => {
                    workload.stored(&planned);
                    stored.extend(ids(&planned));
                }
                Err(StoreError::Refused(error)) => {
                    assert_eq!(error.raw_os_error(), Some(ENOSPC));
                    refused.extend(ids(&planned));
                    refusals += 1;
                }
                Err(error) => panic!("{error}"),
            }
        }
        check(&store, &stored, &refused, "full");
        files.heal();
        for _ in 0..10 {
            let planned = workload.plan();
            store.append_blocking(planned.append.clone()).unwrap();
            workload.stored(&planned);
            stored.extend(ids(&planned));
        }
    }
    for (stream, revision, homed) in workload.streams() {
        let StreamState { revision: found, homed: found_homed, .. } = store.state_of(stream);
        assert_eq!((found, found_homed), (revision, homed));
    }
    drop(store);
    check(&open(&files, 1).unwrap(), &stored, &refused, "reopened");
}

/// A small ledger after a clean stop or a crash, with its leaves.
fn small_ledger(closed: bool) -> (SimulatedFiles, Vec<Vec<u8>>) {
    let files = SimulatedFiles::new();
    let tiny = StoreOptions {
        segments: ledger_store::embedded::SegmentLimits { segment_bytes_max: 4500, fill_step_bytes: 512 },
        snapshot_on_close: closed,
        ..small(3)
    };
    let store = EmbeddedStore::create_on(shared(&files), &genesis(), &LOG_SEED, tiny).unwrap();
    let mut workload = Workload::new(3, 16);
    for _ in 0..2 {
        let planned = workload.plan();
        store.append_blocking(planned.append.clone()).unwrap();
        workload.stored(&planned);
    }
    let leaves = leaves(&store);
    if closed {
        store.close().unwrap();
        return (files, leaves);
    }
    let crashed = files.copy();
    (crashed, leaves)
}

/// Opens a changed copy. Either it is refused, or nothing that can be read has changed; returns which.
fn opens_unchanged(files: &SimulatedFiles, expected: &[Vec<u8>], what: &str) -> Option<EmbeddedStore> {
    let store = open(files, 9).ok()?;
    // With a snapshot, old segments are not read before somebody asks for a record.
    let Ok(found) = store.read_range(LeafIndex(0), usize::MAX) else { return None };
    let found: Vec<_> = found.into_iter().map(|(_, leaf)| leaf).collect();
    assert!(found == expected, "{what}: opened with other records");
    assert_eq!(audit_naively(store.genesis(), expected).map(drop), Ok(()), "{what}");
    Some(store)
}

#[test]
fn any_flipped_byte_is_found_or_lies_where_nothing_is_ever_read_from() {
    for closed in [false, true] {
        let (files, expected) = small_ledger(closed);
        let segments = files.names().iter().filter(|name| is_segment(name)).count();
        assert!(segments >= 2, "{:?}", files.names());
        let (mut found, mut tail, mut derived) = (0, 0, 0);
        for name in files.names() {
            let bytes = files.contents(&name).unwrap();
            // After a clean stop the same files are read, but from the snapshot on.
            let segment = name.starts_with("segments/");
            for at in (0..bytes.len()).step_by(if closed && segment { 16 } else { 1 }) {
                let what = format!("closed {closed}, {name} byte {at}");
                let mut changed = bytes.clone();
                changed[at] ^= 1 << (at % 8);
                let copy = files.copy();
                copy.set_contents(&name, changed);
                let audited = audit_on(&shared(&copy));
                // Opening refuses what the audit refuses (in the files that both read); not tried for each byte.
                if audited.is_err() && at % 64 != 0 {
                    found += 1;
                    continue;
                }
                let Some(store) = opens_unchanged(&copy, &expected, &what) else {
                    found += 1;
                    continue;
                };
                if audited.is_err() {
                    // Opened from the snapshot without reading this byte; the audit reads all.
                    assert!(closed && segment || name == "head", "{what}: found by the audit only");
                    found += 1;
                    continue;
                }
                let report = store.recovery();
                if segment {
                    // Only the zeros written ahead: they are cut and reported, and were never read as records.
                    assert!(bytes[at..].iter().all(|byte| *byte == 0), "{what}: not found");
                    assert!(report.torn.is_some() && audited.unwrap().torn.is_some(), "{what}: not reported");
                    tail += 1;
                } else if name.starts_with("snapshot/") {
                    assert!(!report.unusable_snapshots.is_empty(), "{what}: not reported");
                    derived += 1;
                } else {
                    assert!(name == "head" && report.head_slot_damaged, "{what}: not found");
                    derived += 1;
                }
            }
        }
        assert!(found > 2000 || closed && found > 200, "{found} found");
        assert_eq!(tail > 0, !closed, "a clean stop leaves no zeros behind");
        assert!(derived > 0);
    }
}

#[test]
fn a_log_cut_at_any_byte_is_refused_unless_only_zeros_are_gone() {
    for closed in [false, true] {
        let (files, expected) = small_ledger(closed);
        for name in files.names().into_iter().filter(|name| is_segment(name)) {
            let bytes = files.contents(&name).unwrap();
            let mut opened = 0;
            // After a clean stop the same files are read, but from the snapshot on.
            for length in (0..bytes.len()).step_by(if closed { 16 } else { 1 }) {
                let what = format!("closed {closed}, {name} cut to {length}");
                let copy = files.copy();
                copy.set_contents(&name, bytes[..length].to_vec());
                let audited = audit_on(&shared(&copy));
                if audited.is_err() && length % 64 != 0 {
                    continue;
                }
                if opens_unchanged(&copy, &expected, &what).is_some() {
                    // Opened from a snapshot, a note of an old batch may be missed; the audit misses nothing.
                    let zeros = bytes[length..].iter().all(|byte| *byte == 0);
                    assert!(zeros && !closed || closed && audited.is_err(), "{what}: not found");
                    opened += u32::from(audited.is_ok());
                } else {
                    assert!(closed || copy.operations() == 0, "{what}: refused, but changed");
                }
            }
            assert!(!closed || opened == 0);
        }
    }
}

#[test]
fn damage_before_the_last_batch_is_reported_with_its_place_and_nothing_is_cut() {
    let (files, _) = small_ledger(false);
    let newest = files.names().into_iter().rfind(|name| is_segment(name)).unwrap();
    let first = "segments/00000001.seg";
    for (name, segment) in [(first, 1), (newest.as_str(), 0)] {
        let mut bytes = files.contents(name).unwrap();
        // Inside the body of the first frame, which begins behind the segment's head of 132 bytes.
        bytes[132 + 60] ^= 1;
        let copy = files.copy();
        copy.set_contents(name, bytes.clone());
        let error = open(&copy, 1).unwrap_err();
        if segment == 1 {
            assert!(
                matches!(&error, OpenError::Segment(SegmentError::Corrupt { segment: 1, offset: 132, .. })),
                "{error}"
            );
        }
        assert_eq!(copy.contents(name).unwrap(), bytes, "{error}");
        assert_eq!(copy.operations(), 0);
    }
}

#[test]
fn a_lost_tail_is_noticed_by_the_head_file_and_by_snapshots() {
    let files = SimulatedFiles::new();
    let store = create(&files, 1).unwrap();
    let before = files.copy();
    let mut workload = Workload::new(1, 50);
    let planned = workload.plan();
    store.append_blocking(planned.append).unwrap();
    store.close().unwrap();
    // The segment of yesterday under the head of today.
    let segment = "segments/00000001.seg";
    let copy = files.copy();
    copy.set_contents(segment, before.contents(segment).unwrap());
    let error = open(&copy, 1).unwrap_err();
    assert!(matches!(error, OpenError::MissingRecords { .. }), "{error}");
    // And with the head of yesterday as well: the snapshot knows.
    copy.set_contents("head", before.contents("head").unwrap());
    let error = open(&copy, 1).unwrap_err();
    assert!(matches!(error, OpenError::MissingRecords { witness: "a snapshot", .. }), "{error}");
}
