//! The hosts that may be talked to, each with its health: tries, pauses, and a breaker that leaves a dead host alone.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ledger_core::time::Timestamp;
use tokio::sync::Semaphore;

use super::exchange::{FetchError, Question, Reply, converse};
use super::settings::FetchSettings;
use super::url::Host;
use crate::environment::{Clock, Entropy};
use crate::evidence_source::HostStatus;

/// The breaker's pause is doubled at most so often: sixteen times the first one.
const PAUSE_DOUBLINGS_MAX: u32 = 4;

/// Who is talked to, and how.
#[derive(Debug)]
pub(super) struct Hosts {
    listed: BTreeMap<Host, HostState>,
    connect: Duration,
    attempts: u32,
    pause_ms: u64,
    breaker_failures: u32,
    breaker_pause_ms: u64,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

#[derive(Debug)]
struct HostState {
    private_allowed: bool,
    places: Semaphore,
    health: Mutex<Health>,
}

#[derive(Debug, Clone, Default)]
struct Health {
    last_success: Option<Timestamp>,
    last_failure: Option<(Timestamp, &'static str)>,
    failures_in_a_row: u32,
    left_alone_until: Option<Timestamp>,
}

impl Hosts {
    pub(super) fn new(settings: &FetchSettings, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        let state = |private_allowed| HostState {
            private_allowed,
            places: Semaphore::new(usize::try_from(settings.parallel).unwrap_or(1)),
            health: Mutex::default(),
        };
        let public = settings.hosts.iter().map(|host| (host.clone(), state(false)));
        let private = settings.private_hosts.iter().map(|host| (host.clone(), state(true)));
        Self {
            listed: public.chain(private).collect(),
            connect: Duration::from_millis(settings.connect_ms),
            attempts: settings.attempts,
            pause_ms: settings.pause_ms,
            breaker_failures: settings.breaker_failures,
            breaker_pause_ms: settings.breaker_pause_ms,
            clock,
            entropy,
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Random bytes for a nonce.
    pub(super) fn random<const N: usize>(&self) -> Result<[u8; N], FetchError> {
        let mut bytes = [0; N];
        self.entropy.fill(&mut bytes).map_err(FetchError::Entropy)?;
        Ok(bytes)
    }

    /// Asks, and asks again after a pause where that may help.
    pub(super) async fn ask(&self, question: &Question) -> Result<Reply, FetchError> {
        let host = question.url.host();
        let state = self.listed.get(host).ok_or_else(|| FetchError::NotAllowed(host.clone()))?;
        let mut attempt = 1;
        loop {
            if !self.admit(state) {
                return Err(FetchError::LeftAlone(host.clone()));
            }
            let outcome = {
                // The semaphore is never closed; without a place the conversation would only be one more.
                let _place = state.places.acquire().await.ok();
                converse(question, self.connect, state.private_allowed).await
            };
            match outcome {
                Ok(reply) => {
                    self.succeeded(state);
                    return Ok(reply);
                }
                Err(error) => {
                    self.failed(state, &error);
                    if !error.may_pass() || attempt >= self.attempts {
                        return Err(error);
                    }
                }
            }
            tokio::time::sleep(self.pause(attempt)).await;
            attempt += 1;
        }
    }

    /// Says that a host's answer was no use; that leaves the breaker alone, because anybody can ask a responder about
    /// a certificate that it does not know.
    pub(super) fn useless(&self, error: &FetchError, host: &Host) {
        if let Some(state) = self.listed.get(host) {
            lock(&state.health).last_failure = Some((self.now(), error.reason()));
        }
    }

    /// Whether the host may be asked now. After a pause one question goes ahead; the others wait for what comes of it,
    /// or for another pause.
    fn admit(&self, state: &HostState) -> bool {
        let mut health = lock(&state.health);
        let now = self.now();
        let Some(until) = health.left_alone_until else { return true };
        let pause_ms = self.breaker_pause(health.failures_in_a_row);
        // A clock that was set back does not close a host for longer than the pause.
        if now < until && until <= now.plus_ms(pause_ms) {
            return false;
        }
        health.left_alone_until = Some(now.plus_ms(pause_ms));
        true
    }

    fn succeeded(&self, state: &HostState) {
        let mut health = lock(&state.health);
        health.last_success = Some(self.now());
        health.failures_in_a_row = 0;
        health.left_alone_until = None;
    }

    fn failed(&self, state: &HostState, error: &FetchError) {
        let mut health = lock(&state.health);
        let now = self.now();
        health.last_failure = Some((now, error.reason()));
        if error.may_pass() {
            health.failures_in_a_row = health.failures_in_a_row.saturating_add(1);
            if health.failures_in_a_row >= self.breaker_failures {
                health.left_alone_until = Some(now.plus_ms(self.breaker_pause(health.failures_in_a_row)));
            }
        }
    }

    fn breaker_pause(&self, failures: u32) -> u64 {
        let doublings = failures.saturating_sub(self.breaker_failures).min(PAUSE_DOUBLINGS_MAX);
        self.breaker_pause_ms.saturating_mul(1 << doublings)
    }

    /// Doubled with each attempt, and between half and the whole of that, so that many callers do not come back at once.
    fn pause(&self, attempt: u32) -> Duration {
        let whole = self.pause_ms.saturating_mul(1 << attempt.saturating_sub(1).min(16));
        Duration::from_millis((whole / 2).saturating_add(self.jitter_ms(whole / 2)))
    }

    /// Up to so many milliseconds. Without random bytes there is none, and nothing else suffers.
    pub(super) fn jitter_ms(&self, max: u64) -> u64 {
        let dice = self.random::<8>().map_or(0, u64::from_be_bytes);
        dice.checked_rem(max.saturating_add(1)).unwrap_or_default()
    }

    pub(super) fn status(&self) -> Vec<HostStatus> {
        let now = self.now();
        let status = |(host, state): (&Host, &HostState)| {
            let health = lock(&state.health).clone();
            HostStatus {
                host: host.to_string(),
                last_success: health.last_success,
                last_failure: health.last_failure.map(|(at, _)| at),
                last_failure_reason: health.last_failure.map(|(_, reason)| reason),
                failures_in_a_row: health.failures_in_a_row,
                left_alone_until: health.left_alone_until.filter(|until| now < *until),
            }
        };
        self.listed.iter().map(status).collect()
    }
}

fn lock(health: &Mutex<Health>) -> MutexGuard<'_, Health> {
    health.lock().unwrap_or_else(PoisonError::into_inner)
}
