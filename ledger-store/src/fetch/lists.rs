//! Keeping revocation lists recorded: each is fetched when its successor is due, and a new one becomes a record.
//!
//! The last good list stays until a newer one is there. What a list is worth is decided by the ledger, which checks its
//! signature before it records it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use ledger_core::digest::Digest;
use ledger_core::pki::crl::Crl;
use ledger_core::pki::limits::CRL_BYTES_MAX;
use ledger_core::time::Timestamp;

use super::exchange::{FetchError, Question, Reply, Validators};
use super::hosts::Hosts;
use super::settings::FetchSettings;
use super::url::ServiceUrl;
use crate::evidence_source::ListStatus;

/// The pause after a failure is doubled at most so often, and never longer than the usual interval.
const RETRY_DOUBLINGS_MAX: u32 = 6;

/// The lists of a configuration.
#[derive(Debug)]
pub(super) struct Lists {
    kept: Vec<List>,
    list_ms: u64,
    interval_ms: u64,
    retry_ms: u64,
}

#[derive(Debug)]
struct List {
    url: ServiceUrl,
    state: Mutex<ListState>,
}

#[derive(Debug, Default)]
struct ListState {
    validators: Validators,
    current: Option<Current>,
    last_success: Option<Timestamp>,
    /// None: at once.
    next_fetch: Option<Timestamp>,
    failures: u32,
    failure: Option<String>,
}

/// What we have of a list.
#[derive(Debug, Clone, Copy)]
struct Current {
    digest: Digest,
    this_update: Timestamp,
    next_update: Option<Timestamp>,
}

/// A list that came and is not the one that we had.
#[derive(Debug)]
pub(super) struct NewList {
    index: usize,
    /// The list, DER.
    pub(super) der: Vec<u8>,
    /// Its SHA-256.
    pub(super) digest: Digest,
    current: Current,
    validators: Validators,
}

impl Lists {
    pub(super) fn new(settings: &FetchSettings) -> Self {
        let list = |url: &ServiceUrl| List { url: url.clone(), state: Mutex::default() };
        Self {
            kept: settings.crls.iter().map(list).collect(),
            list_ms: settings.list_ms,
            interval_ms: settings.list_interval_ms,
            retry_ms: settings.resolve_ms,
        }
    }

    /// The places of the lists that are due.
    pub(super) fn due(&self, now: Timestamp) -> Vec<usize> {
        let due = |list: &List| lock(&list.state).next_fetch.is_none_or(|next| next <= now);
        self.kept.iter().enumerate().filter(|(_, list)| due(list)).map(|(index, _)| index).collect()
    }

    /// Milliseconds until the next list is due; none without lists.
    pub(super) fn due_in_ms(&self, now: Timestamp) -> Option<u64> {
        let wait = |list: &List| {
            let next = lock(&list.state).next_fetch;
            next.map_or(0, |next| next.unix_ms().saturating_sub(now.unix_ms()))
        };
        self.kept.iter().map(wait).min()
    }

    /// Fetches a list; none if it is the one that we have.
    pub(super) async fn fetch(&self, hosts: &Hosts, index: usize) -> Option<NewList> {
        let list = self.kept.get(index)?;
        match self.fetch_newer(hosts, list).await {
            Ok(Some((der, current, validators))) => {
                Some(NewList { index, der, digest: current.digest, current, validators })
            }
            Ok(None) => {
                self.succeeded(hosts, &mut lock(&list.state));
                None
            }
            Err(error) => {
                if let FetchError::Answer { .. } = &error {
                    hosts.useless(&error, list.url.host());
                }
                self.failed(hosts, &mut lock(&list.state), error.to_string());
                None
            }
        }
    }

    async fn fetch_newer(
        &self,
        hosts: &Hosts,
        list: &List,
    ) -> Result<Option<(Vec<u8>, Current, Validators)>, FetchError> {
        let (known, current) = {
            let state = lock(&list.state);
            (state.validators.clone(), state.current)
        };
        let question = Question {
            url: list.url.clone(),
            post: None,
            accept: "application/pkix-crl",
            known,
            bytes_max: CRL_BYTES_MAX,
            ms_max: self.list_ms,
        };
        let (bytes, validators) = match hosts.ask(&question).await? {
            Reply::Body { bytes, validators } => (bytes, validators),
            Reply::Unchanged => return Ok(None),
        };
        let useless = |why| FetchError::Answer { host: list.url.host().clone(), why };
        // Large lists take a moment to read; other work goes on meanwhile.
        let read = tokio::task::spawn_blocking(move || Crl::parse(&bytes)).await;
        let crl = read.ok().and_then(Result::ok).ok_or_else(|| useless("not a revocation list"))?;
        let fetched = Current { digest: crl.digest(), this_update: crl.this_update(), next_update: crl.next_update() };
        match current {
            Some(current) if current.digest == fetched.digest => Ok(None),
            // A server that goes back, or somebody between who shows what was true once.
            Some(current) if fetched.this_update < current.this_update => Err(useless("older than the last list")),
            _ => Ok(Some((crl.der().to_vec(), fetched, validators))),
        }
    }

    /// Takes note that the ledger has the list.
    pub(super) fn recorded(&self, hosts: &Hosts, new: NewList) {
        if let Some(list) = self.kept.get(new.index) {
            let mut state = lock(&list.state);
            state.validators = new.validators;
            state.current = Some(new.current);
            self.succeeded(hosts, &mut state);
        }
    }

    /// Takes note that the ledger did not take the list.
    pub(super) fn not_recorded(&self, hosts: &Hosts, new: &NewList, why: String) {
        if let Some(list) = self.kept.get(new.index) {
            self.failed(hosts, &mut lock(&list.state), why);
        }
    }

    /// The next one is fetched when it is due, or after the interval; somewhat later, so that not all come at once.
    fn succeeded(&self, hosts: &Hosts, state: &mut ListState) {
        let now = hosts.now();
        let regular = now.plus_ms(self.interval_ms);
        let due = state.current.and_then(|current| current.next_update).filter(|next| now < *next);
        let next = due.map_or(regular, |due| due.min(regular));
        state.next_fetch = Some(next.plus_ms(hosts.jitter_ms(self.interval_ms / 16)));
        state.last_success = Some(now);
        state.failures = 0;
        state.failure = None;
    }

    fn failed(&self, hosts: &Hosts, state: &mut ListState, why: String) {
        let pause = self.retry_ms.saturating_mul(1 << state.failures.min(RETRY_DOUBLINGS_MAX)).min(self.interval_ms);
        state.next_fetch = Some(hosts.now().plus_ms(pause).plus_ms(hosts.jitter_ms(pause / 4)));
        state.failures = state.failures.saturating_add(1);
        state.failure = Some(why);
    }

    pub(super) fn status(&self) -> Vec<ListStatus> {
        let status = |list: &List| {
            let state = lock(&list.state);
            ListStatus {
                url: list.url.to_string(),
                last_success: state.last_success,
                this_update: state.current.map(|current| current.this_update),
                next_update: state.current.and_then(|current| current.next_update),
                next_fetch: state.next_fetch,
                failure: state.failure.clone(),
            }
        };
        self.kept.iter().map(status).collect()
    }
}

fn lock(state: &Mutex<ListState>) -> MutexGuard<'_, ListState> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
