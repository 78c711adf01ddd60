//! The replay audit: how many records a second, against one core's hashing, and what a stream costs in memory.
//! `cargo run --release -p ledger-benches --bin replay [records]`.

#![allow(clippy::float_arithmetic, reason = "rates and ratios")]

use std::collections::HashMap;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use exchange::{Outcome, fill, genesis};
use ledger_api::audit::{self, segments};
use ledger_core::digest::Digest;
use ledger_core::evidence::replay::{Content, Replay, decode};
use ledger_core::id::{LeafIndex, TreeSize};
use ledger_core::log::checkpoint::VerifiedCheckpoint;
use ledger_core::log::map::StreamMap;
use ledger_core::log::merkle::{Frontier, Sha3Tree, Sha256Tree, alt_leaf_hash, leaf_hash};
use ledger_core::log::stream::StreamFrontier;
use ledger_store::StoreOptions;

#[allow(dead_code, reason = "other benchmarks use the rest")]
mod exchange;

const RUNS: usize = 3;

fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let records: u64 = arguments.next().map_or(Ok(200_000), |text| text.parse())?;
    if let Some(directory) = arguments.next() {
        // The child: its memory has held nothing else.
        println!("{}", memory(Path::new(&directory))?);
        return Ok(());
    }
    let directory = std::env::temp_dir().join(format!("edl-bench-{}", std::process::id()));
    println!("load before: {}", std::fs::read_to_string("/proc/loadavg").unwrap_or_default().trim());
    let store = fill(&directory, records, StoreOptions::default())?;
    store.close()?;

    let child = Command::new(std::env::current_exe()?).arg(records.to_string()).arg(&directory).output()?;
    let log = Log::read(&directory)?;
    let leaves = log.leaves.len();
    println!("{leaves} leaves in {} batches, {} bytes each on average", log.notes.len(), log.bytes / leaves.max(1));
    println!();
    let sha256 = median(|| log.sha256())?;
    let chain = median(|| log.chain())?;
    let limit = median(|| log.limit())?;
    let signatures = median(|| log.signatures())?;
    let replay = median(|| replay(&directory))?;
    #[expect(clippy::cast_precision_loss, clippy::as_conversions, reason = "figures for people")]
    let rate = |seconds: f64| leaves as f64 / seconds;
    println!("SHA-256 of the bytes, one core:         {:>9.0} records/s", rate(sha256));
    println!("leaf hashes and the chain, one core:    {:>9.0} records/s, {:.2} of it", rate(chain), sha256 / chain);
    println!("all hashing that is to be done, 1 core: {:>9.0} records/s (the limit of two is twice that)", rate(limit));
    println!(
        "`ledger-audit replay`, all rules:       {:>9.0} records/s, {:.2} of the limit of two cores",
        rate(replay),
        limit / 2.0 / replay
    );
    println!(
        "    without the time of the checkpoints' signatures ({:.0} ms on one core): {:>9.0} records/s",
        signatures * 1e3,
        rate(replay - signatures / 2.0)
    );
    println!();
    println!("{}", String::from_utf8_lossy(&child.stdout).trim());
    std::fs::remove_dir_all(&directory)?;
    Ok(())
}

/// The median time of some runs, in seconds.
fn median(mut run: impl FnMut() -> Outcome<()>) -> Outcome<f64> {
    let mut times = Vec::new();
    for _ in 0..RUNS {
        let begun = Instant::now();
        run()?;
        times.push(begun.elapsed().as_secs_f64());
    }
    times.sort_by(f64::total_cmp);
    Ok(times.get(RUNS / 2).copied().unwrap_or_default())
}

fn replay(directory: &Path) -> Outcome<()> {
    let (mut out, mut errors) = (Vec::new(), Vec::new());
    // Indeterminate: no trust directory is given, and payloads are not opened.
    let code = audit::replay::run(vec![directory.into(), "--json".into()], &mut out, &mut errors, false)?;
    if code == 2 { Ok(()) } else { Err(format!("exit code {code}: {}", String::from_utf8_lossy(&out)).into()) }
}

/// The log in memory.
struct Log {
    leaves: Vec<Vec<u8>>,
    /// Of each leaf, the keys of its streams; none for the genesis and the seals.
    keys: Vec<Vec<Digest>>,
    notes: Vec<(usize, Vec<u8>)>,
    bytes: usize,
}

impl Log {
    fn read(directory: &Path) -> Outcome<Self> {
        let mut log = Self { leaves: Vec::new(), keys: Vec::new(), notes: Vec::new(), bytes: 0 };
        segments::read(directory, &genesis()?.origin, &mut |batch| {
            for (index, leaf) in (batch.first_index..).zip(batch.leaves) {
                log.bytes += leaf.len();
                log.keys.push(match decode(LeafIndex(index), &leaf).content {
                    Content::Event(event) => event.keys,
                    Content::Genesis(_) | Content::Seal(_) | Content::Malformed { .. } => Vec::new(),
                });
                log.leaves.push(leaf);
            }
            log.notes.push((log.leaves.len(), batch.note));
            true
        })?;
        Ok(log)
    }

    #[expect(clippy::unnecessary_wraps, reason = "all that is measured has one shape")]
    fn sha256(&self) -> Outcome<()> {
        let parts: Vec<&[u8]> = self.leaves.iter().map(Vec::as_slice).collect();
        std::hint::black_box(Digest::sha256(&parts));
        Ok(())
    }

    #[expect(clippy::unnecessary_wraps, reason = "all that is measured has one shape")]
    fn chain(&self) -> Outcome<()> {
        let mut log = Frontier::<Sha256Tree>::new();
        self.leaves.iter().for_each(|leaf| log.push(leaf_hash(leaf)));
        std::hint::black_box(log.root());
        Ok(())
    }

    /// Leaf hashes, both trees, stream trees, the map at each seal; nothing is parsed or compared.
    fn limit(&self) -> Outcome<()> {
        let (mut log, mut alt) = (Frontier::<Sha256Tree>::new(), Frontier::<Sha3Tree>::new());
        let mut streams: HashMap<Digest, StreamFrontier> = HashMap::new();
        let mut map = StreamMap::new();
        let mut touched = Vec::new();
        for (index, (leaf, keys)) in (0_u64..).zip(self.leaves.iter().zip(&self.keys)) {
            let hash = leaf_hash(leaf);
            for key in keys {
                streams.entry(*key).or_default().push(LeafIndex(index), &hash)?;
                touched.push(*key);
            }
            if keys.is_empty() {
                touched.sort_unstable();
                touched.dedup();
                for key in touched.drain(..) {
                    if let Some(stream) = streams.get(&key) {
                        map.insert(key, stream.head_value())?;
                    }
                }
                std::hint::black_box((map.root(), alt.root()));
            }
            log.push(hash);
            alt.push(alt_leaf_hash(leaf));
        }
        Ok(())
    }

    fn signatures(&self) -> Outcome<()> {
        let genesis = genesis()?;
        let key = genesis.log_keys.first().ok_or("no key")?;
        for (size, note) in &self.notes {
            let checkpoint = VerifiedCheckpoint::verify(note, genesis.origin.as_str(), key)?;
            if checkpoint.size() != TreeSize(u64::try_from(*size)?) {
                return Err("a checkpoint of another size".into());
            }
        }
        Ok(())
    }
}

/// Resident memory of a replay that has read everything, for each stream.
fn memory(directory: &Path) -> Outcome<String> {
    let before = resident_bytes()?;
    let mut replay = Replay::new(None, Vec::new()).without_rules();
    segments::read(directory, &genesis()?.origin, &mut |batch| {
        for (index, leaf) in (batch.first_index..).zip(&batch.leaves) {
            replay.push(&decode(LeafIndex(index), leaf));
        }
        replay.note(&batch.note);
        true
    })?;
    let grown = resident_bytes()?.saturating_sub(before);
    let report = replay.finish();
    let ids = report.events * 16;
    Ok(format!(
        "memory of a replay without rules: {} KiB for {} streams and {} events; less 16 bytes for each event: {} bytes a stream",
        grown / 1024,
        report.streams,
        report.events,
        grown.saturating_sub(ids) / report.streams.max(1)
    ))
}

fn resident_bytes() -> Outcome<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).ok_or("no VmRSS")?;
    let kib: u64 = line.split_whitespace().nth(1).ok_or("no number")?.parse()?;
    Ok(kib * 1024)
}
