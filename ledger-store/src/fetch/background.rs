//! What a running service does by itself: keep revocation lists recorded, and look again at pending verifications.

use std::time::Duration;

use ledger_core::domain::command::RecordCrl;
use ledger_core::domain::refusal::RefusalCode;
use ledger_core::record::{Actor, Capacity};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::Fetcher;
use super::lists::NewList;
use crate::ledger::{Ledger, LedgerError};

/// Who acts: nobody asked for it, the system did it.
const SYSTEM: Actor = Actor { capacity: Capacity::System, participant: None, user: None };
/// A clock that jumps, or a list that was never fetched, is looked at again after this, in milliseconds.
const LIST_WAIT_MS_MAX: u64 = 60_000;
/// The shortest pause between two rounds, in milliseconds.
const WAIT_MS_MIN: u64 = 10;

/// Its tasks. They stop when this is dropped or stopped, and their clones of the ledger end with them.
#[derive(Debug)]
pub struct Background {
    stop: watch::Sender<()>,
    tasks: Vec<JoinHandle<()>>,
}

impl Background {
    /// Starts them in the present runtime. `say` gets what an operator should read, without personal data.
    pub fn start(ledger: &Ledger, fetcher: &Fetcher, say: fn(&str)) -> Self {
        let (stop, stopped) = watch::channel(());
        let lists = until(stopped.clone(), keep_lists(ledger.clone(), fetcher.clone(), say));
        let pending = until(stopped, resolve(ledger.clone(), fetcher.inner.resolve_ms, say));
        Self { stop, tasks: vec![tokio::spawn(lists), tokio::spawn(pending)] }
    }

    /// Stops it, and returns when it is gone: then the ledger can be closed.
    pub async fn stop(self) {
        drop(self.stop);
        for task in self.tasks {
            // A task that panicked is gone as well.
            let _ = task.await;
        }
    }
}

/// Works until the sender is dropped. Work is let go at an await: a command that was handed to the log is carried out
/// nevertheless, as when a caller of the service goes away.
async fn until(mut stopped: watch::Receiver<()>, work: impl Future<Output = ()>) {
    tokio::select! {
        biased;
        _ = stopped.changed() => {}
        () = work => {}
    }
}

async fn resolve(ledger: Ledger, pause_ms: u64, say: fn(&str)) {
    loop {
        if let Err(error) = ledger.resolve_pending().await {
            say(&format!("pending verifications: {error}"));
        }
        tokio::time::sleep(Duration::from_millis(pause_ms)).await;
    }
}

async fn keep_lists(ledger: Ledger, fetcher: Fetcher, say: fn(&str)) {
    let (hosts, lists) = (&fetcher.inner.hosts, &fetcher.inner.lists);
    loop {
        for index in lists.due(hosts.now()) {
            let Some(new) = lists.fetch(hosts, index).await else { continue };
            match record(&ledger, &new).await {
                Ok(()) => lists.recorded(hosts, new),
                Err(error) => {
                    say(&format!("revocation list {}: {error}", new.digest));
                    lists.not_recorded(hosts, &new, error.to_string());
                }
            }
        }
        let Some(wait_ms) = lists.due_in_ms(hosts.now()) else { return };
        tokio::time::sleep(Duration::from_millis(wait_ms.clamp(WAIT_MS_MIN, LIST_WAIT_MS_MAX))).await;
    }
}

/// Records a list, unless the ledger has it. It is tried out first: a list that is refused each hour would fill the log
/// with refusals.
async fn record(ledger: &Ledger, new: &NewList) -> Result<(), LedgerError> {
    let command = RecordCrl { crl: new.der.clone() };
    match ledger.check(&SYSTEM, command.clone().into()).await {
        Ok(()) => ledger.execute(&SYSTEM, &format!("crl-{}", new.digest), command.into()).await.map(drop),
        Err(LedgerError::Refused(refusal)) if refusal.codes() == [RefusalCode::CrlExists] => Ok(()),
        Err(error) => Err(error),
    }
}
