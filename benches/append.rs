//! Durable appends with every proof on, against the limit of the same run: the smaller of what the disk takes and what
//! one core can encode and hash. `cargo run --release -p ledger-benches --bin append [seconds per row]`.

#![allow(clippy::float_arithmetic, reason = "rates and ratios")]

use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::{Duration, Instant};

use exchange::{Outcome, SEED, genesis};
use ledger_core::digest::Digest;
use ledger_core::id::{LeafIndex, StreamId, TreeSize};
use ledger_core::log::checkpoint::CheckpointBody;
use ledger_core::log::map::StreamMap;
use ledger_core::log::merkle::{Frontier, Sha3Tree, Sha256Tree, alt_leaf_hash, leaf_hash};
use ledger_core::log::note::SignerKey;
use ledger_core::log::stream::StreamFrontier;
use ledger_core::record::Record;
use ledger_core::time::Timestamp;
use ledger_store::store::{Append, Draft};
use ledger_store::{EmbeddedStore, StoreOptions};
use rusqlite::{Connection, params};

#[allow(dead_code, reason = "other benchmarks use the rest")]
mod exchange;
mod workload;

/// Records are made before the clock starts, for as many seconds as a row takes at this rate.
const RECORDS_PER_SECOND_MAX: usize = 60_000;
/// So many records are encoded and hashed for the limit.
const LIMIT_RECORDS: u32 = 20_000;

/// What one row came to.
struct Row {
    per_second: f64,
    /// Processor time of all threads for each record, the kernel's included; other processes do not change it much.
    cpu_us: f64,
    p50_ms: f64,
    p99_ms: f64,
}

fn main() -> Outcome<()> {
    let seconds: u64 = std::env::args().nth(1).map_or(Ok(10), |text| text.parse())?;
    let directory = std::env::temp_dir().join(format!("edl-bench-{}", std::process::id()));
    std::fs::create_dir_all(&directory)?;
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("load before: {}", load.trim());
    println!("directory:   {}", directory.parent().map_or_else(String::new, |path| path.display().to_string()));
    println!();
    println!(
        "callers |   floor/s |    CPU/s |   limit/s |  ledger/s | of limit | of floor | p50 ms (floor) | p99 ms (floor)"
    );
    let runs = 3;
    for callers in [1_usize, 64, 256] {
        let mut rows: Vec<(Row, f64, Row)> = Vec::new();
        let (mut peers, mut limits) = (Vec::new(), Vec::new());
        for run in 0..runs {
            let place = directory.join(format!("{callers}-{run}"));
            std::fs::create_dir_all(&place)?;
            let floor = floor(&place, callers, seconds)?;
            let before = processor_seconds()?;
            let cpu = cpu_limit(callers, true)?;
            limits.push((processor_seconds()? - before) * 1e6 / f64::from(LIMIT_RECORDS));
            let sqlite = sqlite(&place, callers, seconds)?;
            let ledger = ledger(&place.join("ledger"), callers, seconds)?;
            peers.push(sqlite);
            rows.push((floor, cpu, ledger));
            std::fs::remove_dir_all(&place)?;
        }
        // The median run by the ratio that counts.
        rows.sort_by(|a, b| ratio(a).total_cmp(&ratio(b)));
        let Some(row) = rows.get(runs / 2) else { continue };
        let (floor, cpu, ledger) = row;
        println!(
            "{callers:>7} | {:>9.0} | {cpu:>8.0} | {:>9.0} | {:>9.0} | {:>8.2} | {:>8.2} | {:>6.2} ({:.2}) | {:>6.2} ({:.2})",
            floor.per_second,
            floor.per_second.min(*cpu),
            ledger.per_second,
            ratio(row),
            ledger.per_second / floor.per_second,
            ledger.p50_ms,
            floor.p50_ms,
            ledger.p99_ms,
            floor.p99_ms,
        );
        peers.sort_by(f64::total_cmp);
        limits.sort_by(f64::total_cmp);
        if let (Some(peer), Some(limit)) = (peers.get(runs / 2), limits.get(runs / 2)) {
            println!(
                "        | processor time for each record: {:.0} us, for the limit's work {limit:.0} us",
                ledger.cpu_us
            );
            println!("        | SQLite, the bytes alone, a transaction for each batch of {callers}: {peer:.0}/s");
        }
    }
    let (with, without) = (cpu_limit(256, true)?, cpu_limit(256, false)?);
    println!();
    println!(
        "completeness (stream trees and map) costs {:.0} % of the encoding and hashing of one core",
        100.0 * (1.0 - with / without)
    );
    std::fs::remove_dir_all(&directory)?;
    Ok(())
}

fn ratio((floor, cpu, ledger): &(Row, f64, Row)) -> f64 {
    ledger.per_second / floor.per_second.min(*cpu)
}

fn row(mut latencies: Vec<u64>, elapsed: Duration, processor_seconds: f64) -> Row {
    latencies.sort_unstable();
    let at = |share: f64| {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            clippy::as_conversions,
            reason = "a percentile"
        )]
        let place = (latencies.len() as f64 * share) as usize;
        latencies.get(place.min(latencies.len().saturating_sub(1))).copied().unwrap_or(0)
    };
    #[expect(clippy::cast_precision_loss, clippy::as_conversions, reason = "figures for people")]
    let (count, p50, p99) = (latencies.len() as f64, at(0.5) as f64, at(0.99) as f64);
    let (per_second, cpu_us) = (count / elapsed.as_secs_f64(), processor_seconds * 1e6 / count.max(1.0));
    Row { per_second, cpu_us, p50_ms: p50 / 1e6, p99_ms: p99 / 1e6 }
}

/// Processor time of this process up to now (proc(5): utime and stime, in hundredths of a second).
fn processor_seconds() -> Outcome<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let (_, fields) = stat.rsplit_once(')').ok_or("no stat")?;
    let ticks: Result<Vec<f64>, _> = fields.split_whitespace().skip(11).take(2).map(str::parse).collect();
    Ok(ticks?.iter().sum::<f64>() / 100.0)
}

fn nanoseconds(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// The disk: the same bytes from as many callers, one write and one fdatasync per batch into a zero-filled file, and
/// nothing else.
fn floor(directory: &Path, callers: usize, seconds: u64) -> Outcome<Row> {
    let mut file = File::create(directory.join("floor"))?;
    let zeros = vec![0; 1 << 20];
    for _ in 0..256 {
        file.write_all(&zeros)?;
    }
    file.sync_all()?;
    let bytes = workload::record(0, 0)?.encode()?.into_bytes();
    let (sender, receiver) = sync_channel::<(Vec<u8>, SyncSender<()>)>(4096);
    let stop = Arc::new(AtomicBool::new(false));
    let (started, before) = (Instant::now(), processor_seconds()?);
    let latencies = std::thread::scope(|scope| -> Outcome<Vec<u64>> {
        let writer = scope.spawn(move || -> std::io::Result<()> {
            let mut offset = 0;
            while let Ok((first, reply)) = receiver.recv() {
                let (mut batch, mut replies) = (first, vec![reply]);
                while let Ok((more, reply)) = receiver.try_recv() {
                    batch.extend_from_slice(&more);
                    replies.push(reply);
                }
                if offset + batch.len() > 256 << 20 {
                    offset = 0;
                }
                file.write_all_at(&batch, u64::try_from(offset).unwrap_or(0))?;
                file.sync_data()?;
                offset += batch.len();
                for reply in replies {
                    // A caller that has stopped does not wait for its answer.
                    let _gone = reply.send(());
                }
            }
            Ok(())
        });
        let mut handles = Vec::new();
        for _ in 0..callers {
            let (sender, bytes, stop) = (sender.clone(), bytes.clone(), Arc::clone(&stop));
            handles.push(scope.spawn(move || {
                let (reply, answer) = sync_channel(1);
                let mut latencies = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    let begun = Instant::now();
                    if sender.send((bytes.clone(), reply.clone())).is_err() || answer.recv().is_err() {
                        break;
                    }
                    latencies.push(nanoseconds(begun));
                }
                latencies
            }));
        }
        drop(sender);
        std::thread::sleep(Duration::from_secs(seconds));
        stop.store(true, Ordering::Relaxed);
        let latencies = handles.into_iter().flat_map(|handle| handle.join().unwrap_or_default()).collect();
        writer.join().map_err(|_| "the writer stopped")??;
        Ok(latencies)
    })?;
    Ok(row(latencies, started.elapsed(), processor_seconds()? - before))
}

/// One core: exactly the encoding and hashing that the format demands of a log with batches of this size.
fn cpu_limit(batch: usize, completeness: bool) -> Outcome<f64> {
    let signer = SignerKey::from_seed("bench", &[7; 32])?;
    let mut log = Frontier::<Sha256Tree>::new();
    let mut alt = Frontier::<Sha3Tree>::new();
    let mut map = StreamMap::new();
    let mut streams: std::collections::HashMap<Digest, StreamFrontier> = std::collections::HashMap::new();
    let records: Vec<_> = (0..u64::from(LIMIT_RECORDS)).map(|n| workload::record(1, n)).collect::<Result<_, _>>()?;
    let begun = Instant::now();
    let mut touched = Vec::new();
    for (n, record) in (0_u64..).zip(&records) {
        let mut encoded = record.encode()?;
        encoded.stamp(Timestamp::EPOCH.plus_ms(n), &Digest::default());
        let leaf = leaf_hash(encoded.as_bytes());
        log.push(leaf);
        alt.push(alt_leaf_hash(encoded.as_bytes()));
        if completeness {
            for key in record.streams.iter().map(StreamId::map_key) {
                streams.entry(key).or_default().push(LeafIndex(n), &leaf)?;
                touched.push(key);
            }
        }
        if usize::try_from(n)? % batch == batch - 1 {
            touched.sort_unstable();
            touched.dedup();
            for key in touched.drain(..) {
                if let Some(stream) = streams.get(&key) {
                    map.insert(key, stream.head_value())?;
                }
            }
            let seal = (map.root(), alt.root());
            let body = CheckpointBody::new("bench", TreeSize(n + 1), log.root());
            std::hint::black_box((seal, body.sign(&signer)?.to_string()));
        }
    }
    Ok(f64::from(LIMIT_RECORDS) / begun.elapsed().as_secs_f64())
}

/// The ledger's own log: from record to receipt, durable, with every proof on.
fn ledger(directory: &Path, callers: usize, seconds: u64) -> Outcome<Row> {
    let store = Arc::new(EmbeddedStore::create(directory, &genesis()?, &SEED, StoreOptions::default())?);
    let each = usize::try_from(seconds)? * (RECORDS_PER_SECOND_MAX / callers).min(10_000);
    let records = |caller| (0..each).map(move |n| Ok(workload::record(u64::try_from(caller)?, u64::try_from(n)?)?));
    let prepared: Vec<Vec<Record>> = (0..callers).map(|caller| records(caller).collect()).collect::<Outcome<_>>()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let stop = Arc::new(AtomicBool::new(false));
    let (started, before) = (Instant::now(), processor_seconds()?);
    let latencies = runtime.block_on(async {
        let mut tasks = Vec::new();
        for records in prepared {
            let (store, stop) = (Arc::clone(&store), Arc::clone(&stop));
            tasks.push(tokio::spawn(async move {
                let mut latencies = Vec::new();
                for record in records {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    let begun = Instant::now();
                    let (command, request) = (record.cause.command, record.cause.request);
                    let records = vec![Draft::encode(&record)?];
                    store.append(Append { records, expect: Vec::new(), command, request }).await?;
                    latencies.push(nanoseconds(begun));
                }
                Outcome::Ok(latencies)
            }));
        }
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        stop.store(true, Ordering::Relaxed);
        let mut all = Vec::new();
        for task in tasks {
            all.extend(task.await??);
        }
        Outcome::Ok(all)
    })?;
    let (elapsed, processor) = (started.elapsed(), processor_seconds()? - before);
    drop(runtime);
    drop(store);
    Ok(row(latencies, elapsed, processor))
}

/// A peer: SQLite takes the bytes of the records and nothing else, durably, as many in a transaction as there are callers.
fn sqlite(directory: &Path, callers: usize, seconds: u64) -> Outcome<f64> {
    let mut connection = Connection::open(directory.join("peer.sqlite"))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.execute_batch("CREATE TABLE events(seq INTEGER PRIMARY KEY, bytes BLOB NOT NULL)")?;
    let bytes = workload::record(0, 0)?.encode()?.into_bytes();
    let begun = Instant::now();
    let mut written = 0_u32;
    while begun.elapsed() < Duration::from_secs(seconds) {
        let transaction = connection.transaction()?;
        {
            let mut insert = transaction.prepare_cached("INSERT INTO events(bytes) VALUES (?1)")?;
            for _ in 0..callers {
                insert.execute(params![bytes])?;
                written += 1;
            }
        }
        transaction.commit()?;
    }
    Ok(f64::from(written) / begun.elapsed().as_secs_f64())
}
