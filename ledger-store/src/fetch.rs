//! Fetching evidence over HTTP: OCSP answers, time-stamps and revocation lists. The only place with a network.
//!
//! Nothing is fetched unless it is configured, from hosts that are listed, within limits of size and time. What comes
//! back is checked against the question and otherwise taken as a stranger's bytes: the ledger verifies all of it. What
//! cannot be had is absent, never assumed.
//!
//! ```text
//! settings ─▶ hosts (tries, breaker) ─▶ exchange (one conversation)
//!                 ▲
//!   ocsp, timestamp, lists ◀─ Fetcher ◀─ the ledger (gather), background (lists, pending verifications)
//! ```
//!
//! Left to others: TLS (the services are plain HTTP and sign what they say), LDAP, fetching issuers' certificates.

mod background;
mod exchange;
mod hosts;
mod lists;
mod ocsp;
pub mod settings;
mod timestamp;
pub mod url;

use std::sync::Arc;
use std::time::Duration;

use ledger_core::pki::certificate::Certificate;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

pub use background::Background;
pub use exchange::FetchError;
pub use settings::{FetchSettings, SettingsError};

use self::hosts::Hosts;
use self::lists::Lists;
use self::ocsp::OcspClient;
use self::settings::TimestampSettings;
use crate::environment::{Clock, Entropy, SystemClock, SystemEntropy};
use crate::evidence_source::{
    EvidenceService, EvidenceSource, GatherFailure, Gathered, Gathering, ServiceStatus, Wanted, WantedStatus,
};

/// Certificates that are asked about for one command; paths are far shorter.
const STATUSES_MAX: usize = 16;

/// Asks the services of a configuration.
#[derive(Debug, Clone)]
pub struct Fetcher {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    hosts: Hosts,
    ocsp: OcspClient,
    authorities: Vec<TimestampSettings>,
    lists: Lists,
    exchange_ms: u64,
    gather_ms: u64,
    resolve_ms: u64,
    stopped: watch::Sender<bool>,
}

impl Fetcher {
    /// Makes ready to ask; asks nothing yet.
    pub fn new(settings: &FetchSettings) -> Result<Self, SettingsError> {
        Self::with_environment(settings, Arc::new(SystemClock), Arc::new(SystemEntropy))
    }

    /// As [`Fetcher::new`], with another clock and other dice.
    pub fn with_environment(
        settings: &FetchSettings,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, SettingsError> {
        settings.check()?;
        let inner = Inner {
            hosts: Hosts::new(settings, clock, entropy),
            ocsp: OcspClient::new(settings),
            authorities: settings.timestamps.clone(),
            lists: Lists::new(settings),
            exchange_ms: settings.exchange_ms,
            gather_ms: settings.gather_ms,
            resolve_ms: settings.resolve_ms,
            stopped: watch::Sender::new(false),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Lets go of all that is asked, and asks nothing any more: commands that wait go on without it. For a service that
    /// is told to stop.
    pub fn stop(&self) {
        self.inner.stopped.send_replace(true);
    }
}

impl EvidenceSource for Fetcher {
    fn patience(&self) -> Duration {
        Duration::from_millis(self.inner.gather_ms)
    }

    fn gather(&self, wanted: Wanted, limit: Duration) -> Gathering<'_> {
        Box::pin(async move {
            let deadline = Instant::now().checked_add(limit).unwrap_or_else(Instant::now);
            let mut gathered = Gathered::default();
            let mut questions = JoinSet::new();
            for status in wanted.statuses.into_iter().take(STATUSES_MAX) {
                let inner = Arc::clone(&self.inner);
                questions
                    .spawn(async move { inner.by(deadline, EvidenceService::Ocsp, inner.status_of(&status)).await });
            }
            if let Some(value) = wanted.signature_value.filter(|_| !self.inner.authorities.is_empty()) {
                let inner = Arc::clone(&self.inner);
                questions.spawn(async move {
                    inner.by(deadline, EvidenceService::Timestamp, inner.timestamp(&value)).await
                });
            }
            // In the order of arrival; the ledger names evidence by its digest. A caller that goes away ends them all.
            while let Some(joined) = questions.join_next().await {
                match joined {
                    Ok((EvidenceService::Ocsp, Ok(response))) => gathered.ocsp.push(response),
                    Ok((EvidenceService::Timestamp, Ok(token))) => gathered.timestamps.push(token),
                    Ok((_, Err(failure))) => gathered.failures.push(failure),
                    // A question that panicked or was aborted brought nothing.
                    Err(_) => {}
                }
            }
            gathered
        })
    }

    fn status(&self) -> ServiceStatus {
        ServiceStatus { hosts: self.inner.hosts.status(), lists: self.inner.lists.status() }
    }
}

impl Inner {
    /// Waits no longer than the deadline of the whole, nor for a service that stops.
    async fn by(
        &self,
        deadline: Instant,
        service: EvidenceService,
        question: impl Future<Output = Result<Vec<u8>, GatherFailure>>,
    ) -> (EvidenceService, Result<Vec<u8>, GatherFailure>) {
        let failed = |reason| Err(GatherFailure { service, host: None, reason });
        let mut stopped = self.stopped.subscribe();
        let answer = tokio::select! {
            biased;
            _ = stopped.wait_for(|stopped| *stopped) => failed("the service stops"),
            answer = timeout_at(deadline, question) => answer.unwrap_or_else(|_| failed("too late")),
        };
        (service, answer)
    }

    /// The first answer of a responder about a certificate.
    async fn status_of(&self, wanted: &WantedStatus) -> Result<Vec<u8>, GatherFailure> {
        let failure = |host, reason| GatherFailure { service: EvidenceService::Ocsp, host, reason };
        let parse = |der: &[u8]| Certificate::parse(der).map_err(|_| failure(None, "not a certificate"));
        let (certificate, issuer) = (parse(&wanted.certificate)?, parse(&wanted.issuer)?);
        let mut last = failure(None, "no responder configured");
        for url in self.ocsp.responders(&certificate, &issuer) {
            match self.ocsp.ask(&self.hosts, &url, &certificate, &issuer).await {
                Ok(response) => return Ok(response),
                Err(error) => last = failure(Some(url.host().to_string()), error.reason()),
            }
        }
        Err(last)
    }

    /// The first token of an authority over a signature value.
    async fn timestamp(&self, signature_value: &[u8]) -> Result<Vec<u8>, GatherFailure> {
        let failure = |host, reason| GatherFailure { service: EvidenceService::Timestamp, host, reason };
        let mut last = failure(None, "no authority configured");
        for authority in &self.authorities {
            match timestamp::ask(&self.hosts, authority, self.exchange_ms, signature_value).await {
                Ok(token) => return Ok(token),
                Err(error) => last = failure(Some(authority.url.host().to_string()), error.reason()),
            }
        }
        Err(last)
    }
}
