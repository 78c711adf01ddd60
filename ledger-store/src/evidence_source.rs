//! Where evidence about a signature comes from that neither its signer nor the operator hands in: OCSP answers and
//! time-stamps, fetched while a command is carried out.
//!
//! The ledger asks once for each command that would not be refused anyway, before it decides. It trusts nothing of what
//! comes back: every byte is checked like a stranger's, and what was used is kept beside the record. A source never
//! fails; what cannot be reached is absent, and a check without it stays indeterminate until somebody looks again.

mod status;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

pub use status::{HostStatus, ListStatus, ServiceStatus};

/// How long a command waits for a source that does not say otherwise.
pub const PATIENCE: Duration = Duration::from_secs(12);

/// The answer to [`EvidenceSource::gather`], some time later.
pub type Gathering<'a> = Pin<Box<dyn Future<Output = Gathered> + Send + 'a>>;

/// Someone who can ask OCSP responders and time-stamping authorities.
pub trait EvidenceSource: Send + Sync + fmt::Debug {
    /// How long one command may wait for all that it asks, in however many questions.
    fn patience(&self) -> Duration {
        PATIENCE
    }

    /// Gathers what can be had.
    ///
    /// 1. It returns within `limit`, what is left of its patience, however long the services take, and with what it has
    ///    by then: a command waits for it. A moment later the ledger goes on without it.
    /// 2. What could not be had is left out, and said in [`Gathered::failures`].
    /// 3. It changes nothing in the ledger.
    fn gather(&self, wanted: Wanted, limit: Duration) -> Gathering<'_>;

    /// How its services are. A source without services has nothing to say.
    fn status(&self) -> ServiceStatus {
        ServiceStatus::default()
    }
}

/// What a check could use.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Certificates whose revocation status is wanted.
    pub statuses: Vec<WantedStatus>,
    /// A signature value to be time-stamped: the octets that the token's imprint covers, whatever its digest. None if
    /// no time-stamp is wanted.
    pub signature_value: Option<Vec<u8>>,
}

/// A certificate whose revocation status is wanted, and who issued it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedStatus {
    /// The certificate, DER.
    pub certificate: Vec<u8>,
    /// The certificate of its issuer, DER.
    pub issuer: Vec<u8>,
}

/// What came back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gathered {
    /// OCSP responses, DER, as they came.
    pub ocsp: Vec<Vec<u8>>,
    /// RFC 3161 time-stamp tokens, DER `ContentInfo`, over the signature value.
    pub timestamps: Vec<Vec<u8>>,
    /// What was asked for in vain.
    pub failures: Vec<GatherFailure>,
}

/// A service that did not give what was wanted; names neither certificates nor their holders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatherFailure {
    /// Which kind of service.
    pub service: EvidenceService,
    /// Host and port as configured; none if no service is configured or allowed for what was wanted.
    pub host: Option<String>,
    /// Why, in a few words for the operator.
    pub reason: &'static str,
}

/// Kinds of services outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EvidenceService {
    /// Online certificate status (RFC 6960).
    Ocsp,
    /// Time-stamping authority (RFC 3161).
    Timestamp,
}
