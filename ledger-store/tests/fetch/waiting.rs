//! Waiting for what a background task does, without guessing how long it takes.

use std::time::{Duration, Instant};

/// A loaded machine is slow; a broken program never gets there.
const PATIENCE: Duration = Duration::from_mins(2);

/// Looks again and again until there is something.
#[track_caller]
pub(crate) fn eventually<T>(what: &str, look: impl FnMut() -> Option<T>) -> impl Future<Output = T> {
    let caller = std::panic::Location::caller();
    let (what, mut look) = (what.to_owned(), look);
    async move {
        let started = Instant::now();
        loop {
            if let Some(seen) = look() {
                return seen;
            }
            assert!(started.elapsed() < PATIENCE, "{caller}: {what} did not happen");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}
