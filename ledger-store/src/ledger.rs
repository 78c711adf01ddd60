//! The ledger: open, execute, read, prove. What an embedder calls.
//!
//! ```text
//! execute: command ─▶ was it asked before? ─▶ load and check (facts) ─▶ decide (cqrs-es) ─▶ payloads ─▶ append ─▶ receipts
//! ```
//!
//! Every decision names the streams that it read; if one moved before the append, it is made again from the start.

use std::any::Any;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use ledger_core::canonical::CanonicalError;
use ledger_core::digest::Digest;
use ledger_core::domain::event::EventError;
use ledger_core::domain::ledger_acts::LedgerActs;
use ledger_core::domain::refusal::Refusal;
use ledger_core::id::{EventId, IdentifierMode, LeafIndex, Origin, StreamId};
use ledger_core::log::genesis::{Genesis, GenesisType, Limits, TreeHashes, index_key_commitment};
use ledger_core::log::note::{SignerKey, VerifierKey};
use ledger_core::log::receipt::Receipt;
use ledger_core::record::RecordError;

use crate::embedded::{EmbeddedStore, LockError, OpenError, StoreOptions};
use crate::environment::{Clock, SystemClock};
use crate::evidence_source::EvidenceSource;
use crate::projector::{Projector, ProjectorError};
use crate::store::StoreError;
use crate::vault::{Vault, VaultError, random};
use checking::Checking;
use refusals::{Refusals, Watch};
use secrets::Secrets;

mod checking;
mod execute;
mod export;
mod facts;
mod findings;
mod gather;
mod load;
mod read;
mod refusals;
mod secrets;
mod status;

pub use export::TrustFile;
pub use findings::{PendingSignature, Resolved};
pub use read::{Content, FeedItem, ReceiptNotice, Status};
pub use refusals::{ProvenAttempt, RefusalEntry};
pub use secrets::SecretsError;

/// How a new ledger is made, and how any ledger runs.
#[derive(Debug, Clone)]
pub struct LedgerOptions {
    /// Name of the operator, like a host name: `[0-9a-z._-]`, the beginning of the origin. New ledgers only.
    pub name: String,
    /// Whether identification numbers are real ones. New ledgers only.
    pub identifiers: IdentifierMode,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// A seal is written after so long without one, in milliseconds; the genesis promises it.
    pub seal_interval_ms: u64,
    /// Who fetches OCSP answers and time-stamps; none if nothing is fetched, so that only what parties and operator
    /// hand in is used.
    pub evidence_source: Option<Arc<dyn EvidenceSource>>,
}

impl Default for LedgerOptions {
    fn default() -> Self {
        Self {
            name: "ledger.local".to_owned(),
            identifiers: IdentifierMode::Strict,
            clock: Arc::new(SystemClock),
            seal_interval_ms: 60_000,
            evidence_source: None,
        }
    }
}

/// A ledger, open for writing and reading. Cheap to clone; all clones are one ledger.
#[derive(Debug, Clone)]
pub struct Ledger {
    inner: Arc<Inner>,
    /// Every clone holds it, and nothing else does: the last one closes the ledger.
    watch: Arc<Watch>,
}

#[derive(Debug)]
struct Inner {
    directory: PathBuf,
    store: EmbeddedStore,
    vault: Vault,
    secrets: Secrets,
    notice_key: SignerKey,
    clock: Arc<dyn Clock>,
    evidence_source: Option<Arc<dyn EvidenceSource>>,
    /// Trust, policy and revocation lists in force, as the ledger's own stream has them.
    checking: RwLock<Arc<Checking>>,
    views: Mutex<Projector>,
    folded: Mutex<HashMap<StreamId, Folded>>,
    refusals: Mutex<Refusals>,
    /// Where the last round of looking at waiting signatures ended; none if it came to the end.
    resolved_until: Mutex<Option<LeafIndex>>,
}

/// A folded aggregate with the number of records that it was folded from.
type Folded = (u64, Box<dyn Any + Send>);

/// What came of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Executed {
    /// One receipt per record: proof that it is in the log.
    pub receipts: Vec<Receipt>,
    /// The events, in order.
    pub events: Vec<EventId>,
    /// The home streams of the events, each once; the first is what the command was about.
    pub subjects: Vec<StreamId>,
    /// The command had been carried out before; this is what came of it then.
    pub replayed: bool,
}

/// Why the ledger did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The rules said no. All reasons are inside, each with what to do about it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The idempotency key was used before for another command. Use a fresh key.
    #[error("the idempotency key was used before for another command")]
    CommandReused,
    /// The idempotency key is empty, too long or has characters outside visible ASCII.
    #[error("an idempotency key has 1 to 128 visible ASCII characters")]
    IdempotencyKey,
    /// There is no such thing, or the actor may not know of it.
    #[error("no such {0}")]
    NotFound(&'static str),
    /// Others changed the same things, again and again. Try again.
    #[error("others changed the same things at the same time; try again")]
    Contended,
    /// The directory holds no ledger. Create one, or name another directory.
    #[error("there is no ledger in {0}")]
    NotALedger(PathBuf),
    /// Another process has the ledger open. Stop it first.
    #[error("the ledger in {0} is open in another process")]
    Locked(PathBuf),
    /// The ledger cannot be opened; what is wrong is inside.
    #[error("the ledger cannot be opened")]
    Open(#[source] OpenError),
    /// The log did not take the records or cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A payload cannot be stored or read.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The keys beside the ledger cannot be used.
    #[error(transparent)]
    Secrets(#[from] SecretsError),
    /// The read models failed; they can be deleted and are built again.
    #[error(transparent)]
    Views(#[from] ProjectorError),
    /// Something in the log is not what this program writes. Audit the ledger.
    #[error("leaf {index} of the log is not a record of this program")]
    Record {
        /// The leaf.
        index: LeafIndex,
        /// What is wrong.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Something of our own has no form on the wire: a mistake of the program.
    #[error("internal: {0}")]
    Internal(String),
}

impl From<CanonicalError> for LedgerError {
    fn from(error: CanonicalError) -> Self {
        Self::Internal(error.to_string())
    }
}

impl LedgerError {
    fn record(index: LeafIndex) -> impl Fn(RecordError) -> Self {
        move |source| Self::Record { index, source: Box::new(source) }
    }

    fn event(index: LeafIndex) -> impl Fn(EventError) -> Self {
        move |source| Self::Record { index, source: Box::new(source) }
    }
}

impl Ledger {
    /// Makes a new ledger in a directory that is empty or does not exist yet.
    pub async fn create(directory: &Path, options: LedgerOptions) -> Result<Self, LedgerError> {
        let internal = |error: &dyn std::fmt::Display| LedgerError::Internal(error.to_string());
        let occupied = std::fs::read_dir(directory).is_ok_and(|mut entries| entries.next().is_some());
        if occupied {
            return Err(LedgerError::Internal(format!("{} is not empty; name a new directory", directory.display())));
        }
        let origin = Origin::from_name_and_random(&options.name, random()?).map_err(|error| internal(&error))?;
        let seed: [u8; 32] = random()?;
        let keys = [random()?, random()?, random()?, random()?];
        let log_key = SignerKey::from_seed(origin.as_str(), &seed).map_err(|error| internal(&error))?;
        let genesis = Genesis {
            t: GenesisType::V1,
            at: options.clock.now(),
            origin,
            format: 1,
            hashes: TreeHashes::V1,
            log_keys: vec![log_key.verifier().clone()],
            recovery_keys: Vec::new(),
            policy: None,
            limits: Limits {
                batch_records_max: 1024,
                seal_interval_ms: options.seal_interval_ms,
                anchor_interval_ms: 60_000,
                clock_skew_ms: 60_000,
            },
            index_key: index_key_commitment(&keys[0]),
            identifiers: options.identifiers,
            previous: None,
        };
        let store = EmbeddedStore::create(directory, &genesis, &seed, store_options(&options))
            .map_err(|error| open_error(directory, error))?;
        Secrets::create(&directory.join("keys"), keys)?;
        Self::start(directory, store, options).await
    }

    /// Opens a ledger. One process at a time.
    pub async fn open(directory: &Path, options: LedgerOptions) -> Result<Self, LedgerError> {
        let store =
            EmbeddedStore::open(directory, store_options(&options)).map_err(|error| open_error(directory, error))?;
        Self::start(directory, store, options).await
    }

    /// Opens the ledger in a directory, or makes one there.
    pub async fn open_or_create(directory: &Path, options: LedgerOptions) -> Result<Self, LedgerError> {
        match Self::open(directory, options.clone()).await {
            Err(LedgerError::NotALedger(_)) => Self::create(directory, options).await,
            opened => opened,
        }
    }

    async fn start(directory: &Path, store: EmbeddedStore, options: LedgerOptions) -> Result<Self, LedgerError> {
        let secrets = Secrets::open(&directory.join("keys"))?;
        let vault = Vault::local(&directory.join("payloads"), secrets.vault_key.clone())?;
        let name = format!("{}/receipts", store.genesis().origin);
        let notice_key = SignerKey::from_seed(&name, &secrets.notice_seed)
            .map_err(|error| LedgerError::Internal(error.to_string()))?;
        let views = Projector::open(&directory.join("views.sqlite"))?;
        let inner = Inner {
            directory: directory.to_owned(),
            store,
            vault,
            secrets,
            notice_key,
            clock: options.clock,
            evidence_source: options.evidence_source,
            checking: RwLock::default(),
            views: Mutex::new(views),
            folded: Mutex::default(),
            refusals: Mutex::default(),
            resolved_until: Mutex::default(),
        };
        let inner = Arc::new(inner);
        let watch = Arc::new(Watch::over(&inner));
        let ledger = Self { inner, watch };
        ledger.inner.follow_views()?;
        ledger.inner.refresh_checking().await?;
        Ok(ledger)
    }

    /// The name of the log.
    pub fn origin(&self) -> &Origin {
        &self.inner.store.genesis().origin
    }

    /// The first leaf, which says what the ledger is.
    pub fn genesis(&self) -> &Genesis {
        self.inner.store.genesis()
    }

    /// Leaf hash of the genesis, which verifiers pin.
    pub fn genesis_hash(&self) -> Digest {
        *self.inner.store.genesis_hash()
    }

    /// The key that verifies checkpoints.
    pub fn verifier_key(&self) -> &VerifierKey {
        self.inner.store.verifier()
    }

    /// The key that verifies receipt notices.
    pub fn notice_verifier_key(&self) -> &VerifierKey {
        self.inner.notice_key.verifier()
    }

    /// The log underneath, for benchmarks and for tools that need more than this facade.
    pub fn store(&self) -> &EmbeddedStore {
        &self.inner.store
    }

    /// The directory.
    pub fn directory(&self) -> &Path {
        &self.inner.directory
    }

    /// Makes everything durable and closes the log, when this is the last clone; else it closes with the last one.
    pub async fn close(self) -> Result<(), LedgerError> {
        let Ok(watch) = Arc::try_unwrap(self.watch) else { return Ok(()) };
        watch.stop().await;
        let recorded = self.inner.record_waiting_refusals().await;
        if let Ok(inner) = Arc::try_unwrap(self.inner) {
            let closed = tokio::task::spawn_blocking(move || inner.store.close()).await;
            closed.map_err(|error| LedgerError::Internal(error.to_string()))?.map_err(LedgerError::Store)?;
        }
        recorded
    }
}

impl Inner {
    fn origin(&self) -> &Origin {
        &self.store.genesis().origin
    }

    fn ledger_stream(&self) -> StreamId {
        StreamId::ledger(self.origin())
    }

    fn checking(&self) -> Arc<Checking> {
        Arc::clone(&self.checking.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes trust, policy and revocation lists from the ledger's own stream.
    async fn refresh_checking(&self) -> Result<(), LedgerError> {
        let old = self.checking();
        if old.homed == self.store.state_of(&self.ledger_stream()).homed {
            return Ok(());
        }
        let (acts, homed) = self.load::<LedgerActs>(&self.ledger_stream())?;
        let fresh = Checking::load(self, &old, &acts, homed).await?;
        *self.checking.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(fresh);
        Ok(())
    }
}

fn store_options(options: &LedgerOptions) -> StoreOptions {
    StoreOptions {
        clock: Arc::clone(&options.clock),
        seal_interval_ms: Some(options.seal_interval_ms),
        ..StoreOptions::default()
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "every other error of opening is told as it is")]
fn open_error(directory: &Path, error: OpenError) -> LedgerError {
    match error {
        OpenError::NoLedger => LedgerError::NotALedger(directory.to_owned()),
        OpenError::Lock(LockError::Held { .. }) => LedgerError::Locked(directory.to_owned()),
        error => LedgerError::Open(error),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
