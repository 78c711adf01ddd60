//! Opening a big ledger, after a clean stop and after a kill; and how big the proof is that a document's records are
//! complete. `cargo run --release -p ledger-benches --bin open [records]`.

#![allow(clippy::float_arithmetic, reason = "rates and ratios")]

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use exchange::{Outcome, fill, genesis, scattered_document};
use ledger_core::digest::Digest;
use ledger_core::evidence::bundle::{self, BundleInput, StreamInput};
use ledger_core::evidence::manifest::{UnavailablePayload, UnavailableReason};
use ledger_core::id::{LeafIndex, StreamId};
use ledger_core::log::merkle::{Sha256Tree, leaf_hash, prove_batch};
use ledger_core::record::Record;
use ledger_store::{EmbeddedStore, StoreOptions};

#[allow(dead_code, reason = "other benchmarks use the rest")]
mod exchange;

fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let records: u64 = arguments.next().map_or(Ok(1_000_000), |text| text.parse())?;
    if let Some(directory) = arguments.next() {
        // The child: it is gone without closing anything.
        let _store = fill(Path::new(&directory), records, StoreOptions::default())?;
        std::process::abort();
    }
    let directory = std::env::temp_dir().join(format!("edl-bench-{}", std::process::id()));
    println!("load before: {}", std::fs::read_to_string("/proc/loadavg").unwrap_or_default().trim());
    let begun = Instant::now();
    let killed = Command::new(std::env::current_exe()?).arg(records.to_string()).arg(&directory).status()?;
    if killed.success() {
        return Err("the child was to be killed".into());
    }
    println!("{records} records written in {:.1} s by one caller, 256 in an append", begun.elapsed().as_secs_f64());

    let (store, time) = open(&directory)?;
    let tail = store.head().size.0 - store.recovery().snapshot;
    println!("opened after a kill in {time:?}: read {tail} leaves again");
    let begun = Instant::now();
    store.close()?;
    println!("closed in {:?}", begun.elapsed());
    let mut times = Vec::new();
    for _ in 0..3 {
        let (store, time) = open(&directory)?;
        times.push(time);
        drop(store);
    }
    times.sort_unstable();
    println!("opened after a clean stop in {:?}", times.get(1).copied().unwrap_or_default());
    let (store, _) = open(&directory)?;
    proof(&store)?;
    drop(store);
    std::fs::remove_dir_all(&directory)?;
    Ok(())
}

fn open(directory: &Path) -> Outcome<(EmbeddedStore, Duration)> {
    let begun = Instant::now();
    let store = EmbeddedStore::open(directory, StoreOptions::default())?;
    Ok((store, begun.elapsed()))
}

/// A bundle of a document whose twenty records lie all over the log; what in it is proof and what is content.
fn proof(store: &EmbeddedStore) -> Outcome<()> {
    let stream = StreamId::document(scattered_document());
    let view = store.view_blocking(std::slice::from_ref(&stream))?;
    let size = view.head.size;
    let read =
        |index: LeafIndex| Ok::<_, Box<dyn std::error::Error + Send + Sync>>(store.read(index)?.ok_or("no leaf")?);
    let indexes = store.records_of_stream(&stream)?;
    let mut leaves = std::collections::BTreeMap::new();
    for index in indexes.iter().copied().chain([LeafIndex(0), LeafIndex(size.0 - 1)]) {
        leaves.insert(index, read(index)?);
    }
    let shown: Vec<LeafIndex> = leaves.keys().copied().collect();
    let positions: Vec<(LeafIndex, Digest)> =
        indexes.iter().filter_map(|index| Some((*index, leaf_hash(leaves.get(index)?)))).collect();
    let mut unavailable = Vec::new();
    for index in &indexes {
        let record = Record::decode(leaves.get(index).ok_or("no leaf")?)?;
        unavailable.extend(record.sealed.iter().map(|commitment| UnavailablePayload {
            leaf: *index,
            reason: UnavailableReason::OtherDocument,
            slot: commitment.slot.clone(),
        }));
    }
    let (_, proof) = view.streams.into_iter().next().ok_or("no stream")?;
    let input = BundleInput {
        document: scattered_document(),
        origin: genesis()?.origin,
        checkpoint: view.head.checkpoint.clone(),
        leaves,
        inclusion: prove_batch::<Sha256Tree>(store, &shown, size)?,
        streams: vec![StreamInput { stream, positions, proof }],
        payloads: Vec::new(),
        unavailable,
    };
    let bytes = bundle::build(&input)?;
    let opened = bundle::open(&bytes)?;
    let length = |name: &str| opened.files.get(name).map_or(0, |content| content.len());
    let parts = [bundle::INCLUSION, bundle::STREAMS, bundle::CHECKPOINT];
    let seal = view.head.seal_leaf.len();
    let all: usize = parts.iter().map(|name| length(name)).sum::<usize>() + seal;
    println!(
        "a document with {} records in a log of {size} leaves: the proof of its completeness has {all} bytes",
        indexes.len()
    );
    for name in parts {
        println!("    {name}: {}", length(name));
    }
    println!("    the seal: {seal}");
    Ok(())
}
