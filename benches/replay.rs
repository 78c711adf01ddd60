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
use ledger_core::log::stream::{StreamFrontier, stream_leaf_hash};
use ledger_store::StoreOptions;

#[allow(dead_code, reason = "other benchmarks use the rest")]
mod exchange;

const RUNS: usize = 3;
const EVENT_ID_BYTES: u64 = 16;

fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let records: u64 = arguments.next().map_or(Ok(200_000), |text| text.parse())?;
    if let Some(directory) = arguments.next() {
        // The child: its memory has held nothing else.
        let Memory { bytes, streams, events } = Memory::of_replay(Path::new(&directory), records)?;
        println!("{bytes} {streams} {events}");
        return Ok(());
    }
    let directory = std::env::temp_dir().join(format!("edl-bench-{}", std::process::id()));
    println!("load before: {}", std::fs::read_to_string("/proc/loadavg").unwrap_or_default().trim());
    let store = fill(&directory, records, StoreOptions::default())?;
    store.close()?;

    let (half, whole) = (Memory::of_child(&directory, records / 2)?, Memory::of_child(&directory, u64::MAX)?);
    let log = Log::read(&directory)?;
    let leaves = log.leaves.len();
    println!("{leaves} leaves in {} batches, {} bytes each on average", log.notes.len(), log.bytes / leaves.max(1));
    println!();
    let sha256 = median(|| log.sha256())?;
    let chain = median(|| log.chain())?;
    let alt = median(|| log.alt())?;
    let limit = median(|| log.limit())?;
    let signatures = median(|| log.signatures())?;
    let replay = median(|| replay(&directory))?;
    #[expect(clippy::cast_precision_loss, clippy::as_conversions, reason = "figures for people")]
    let rate = |seconds: f64| leaves as f64 / seconds;
    println!("SHA-256 of the bytes, one core:         {:>9.0} records/s", rate(sha256));
    println!(
        "leaf hashes and the tree, one core:     {:>9.0} records/s, {:.2} of it; by the blocks that are compressed no more than {:.2}",
        rate(chain),
        sha256 / chain,
        log.chain_blocks_ratio()
    );
    println!("the second tree (SHA3-256), one core:   {:>9.0} records/s", rate(alt));
    println!("stream trees and map, one core:         {:>9.0} records/s", rate(limit - chain - alt));
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
    let (streams, ids) = (whole.streams - half.streams, (whole.events - half.events) * EVENT_ID_BYTES);
    println!(
        "memory of a replay without rules, second half: {} KiB more for {streams} more streams and 16 bytes for each event: {} bytes a stream",
        whole.bytes.saturating_sub(half.bytes) / 1024,
        whole.bytes.saturating_sub(half.bytes + ids) / streams.max(1)
    );
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
            for (index, leaf) in (batch.first_index..).zip(batch.leaves()) {
                log.bytes += leaf.len();
                log.keys.push(match decode(LeafIndex(index), leaf).content {
                    Content::Event(event) => event.keys,
                    Content::Genesis(_) | Content::Seal(_) | Content::Malformed { .. } => Vec::new(),
                });
                log.leaves.push(leaf.to_vec());
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

    /// Blocks of SHA-256 for the bytes alone, of those that leaves with prefix and padding and one node for each need.
    #[expect(clippy::cast_precision_loss, clippy::as_conversions, reason = "figures for people")]
    fn chain_blocks_ratio(&self) -> f64 {
        let leaves: usize = self.leaves.iter().map(|leaf| (1 + leaf.len() + 9).div_ceil(64)).sum();
        self.bytes as f64 / 64.0 / (leaves + 2 * self.leaves.len()) as f64
    }

    #[expect(clippy::unnecessary_wraps, reason = "all that is measured has one shape")]
    fn alt(&self) -> Outcome<()> {
        let mut alt = Frontier::<Sha3Tree>::new();
        self.leaves.iter().for_each(|leaf| alt.push(alt_leaf_hash(leaf)));
        std::hint::black_box(alt.root());
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
            let stream_hash = stream_leaf_hash(LeafIndex(index), &hash);
            for key in keys {
                streams.entry(*key).or_default().push_hashed(LeafIndex(index), stream_hash)?;
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

/// What a replay holds in memory when it has read a part of the log, and of how much.
struct Memory {
    bytes: u64,
    streams: u64,
    events: u64,
}

impl Memory {
    /// Reads batches until there are so many leaves.
    fn of_replay(directory: &Path, leaves: u64) -> Outcome<Self> {
        let before = resident_bytes()?;
        let mut replay = Replay::new(None, Vec::new()).without_rules();
        segments::read(directory, &genesis()?.origin, &mut |batch| {
            for (index, leaf) in (batch.first_index..).zip(batch.leaves()) {
                replay.push(&decode(LeafIndex(index), leaf));
            }
            replay.note(&batch.note);
            replay.next_index().0 < leaves
        })?;
        let bytes = resident_bytes()?.saturating_sub(before);
        let report = replay.finish();
        Ok(Self { bytes, streams: report.streams, events: report.events })
    }

    /// In a process of its own, whose memory has held nothing else.
    fn of_child(directory: &Path, leaves: u64) -> Outcome<Self> {
        let child = Command::new(std::env::current_exe()?).arg(leaves.to_string()).arg(directory).output()?;
        let printed = String::from_utf8(child.stdout)?;
        let numbers: Vec<u64> = printed.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
        match *numbers {
            [bytes, streams, events] => Ok(Self { bytes, streams, events }),
            _ => Err(format!("the child says {printed:?}").into()),
        }
    }
}

fn resident_bytes() -> Outcome<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).ok_or("no VmRSS")?;
    let kib: u64 = line.split_whitespace().nth(1).ok_or("no number")?.parse()?;
    Ok(kib * 1024)
}
