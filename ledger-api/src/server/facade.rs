//! STUB of `ledger_store::ledger`, until it exists; then this file is deleted and its users import the real one.
#![allow(missing_docs, dead_code, unused_variables, clippy::all, clippy::pedantic, reason = "a stub")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use ledger_core::digest::Digest;
use ledger_core::domain::command::{Command, CommandKind};
use ledger_core::domain::refusal::{Finding, Refusal, RefusalCode};
use ledger_core::id::*;
use ledger_core::log::extract::StreamExtract;
use ledger_core::log::merkle::{ConsistencyProof, InclusionProof};
use ledger_core::log::receipt::Receipt;
pub use ledger_core::projection::Viewer;
use ledger_core::projection::certificate::CertificateView;
use ledger_core::projection::conditions::FourConditions;
use ledger_core::projection::document::{DeliveryView, DocumentView};
use ledger_core::projection::impact::ImpactReport;
pub use ledger_core::projection::journal::Direction;
use ledger_core::projection::journal::JournalEntry;
use ledger_core::projection::participant::ParticipantView;
use ledger_core::record::Actor;

#[derive(Debug, Clone)]
pub struct Ledger(Arc<Fake>);
#[derive(Debug)]
struct Fake {
    origin: Origin,
    done: Mutex<BTreeMap<String, (RequestDigest, Executed)>>,
}
#[derive(Debug, Clone)]
pub struct LedgerOptions {
    pub name: String,
    pub identifiers: IdentifierMode,
}
impl Default for LedgerOptions {
    fn default() -> Self {
        Self { name: "ledger.example".into(), identifiers: IdentifierMode::Strict }
    }
}
#[derive(Debug, Clone)]
pub struct Executed {
    pub receipts: Vec<Receipt>,
    pub events: Vec<EventId>,
    pub subjects: Vec<StreamId>,
    pub replayed: bool,
}
#[derive(Debug, serde::Serialize)]
pub struct Page<T> {
    pub items: Vec<T>,
    pub next: Option<u64>,
}
#[derive(Debug)]
pub struct Content {
    pub media_type: String,
    pub title: String,
    pub bytes: Vec<u8>,
    pub sha256: Digest,
}
#[derive(Debug, serde::Serialize)]
pub struct ReceiptNotice {
    pub sender: ParticipantId,
}
#[derive(Debug)]
pub struct FeedItem {
    pub position: LeafIndex,
    pub record: Vec<u8>,
}
#[derive(Debug, serde::Serialize)]
pub struct Status {
    pub size: TreeSize,
}
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    #[error("refused")]
    Refused(Refusal),
    #[error("command reused")]
    CommandReused,
    #[error("conflict")]
    Conflict { stream: StreamId },
    #[error("not found")]
    NotFound(&'static str),
    #[error("unavailable")]
    Unavailable {},
    #[error("outcome unknown")]
    OutcomeUnknown {},
    #[error("{0} is not a ledger")]
    NotALedger(PathBuf),
    #[error("{0} is in use")]
    Locked(PathBuf),
}
pub fn default_policy() -> Vec<u8> {
    b"{}".to_vec()
}
type R<T> = Result<T, LedgerError>;
impl Ledger {
    pub async fn open(path: &Path) -> R<Self> {
        Self::create(path, LedgerOptions::default()).await
    }
    pub async fn create(path: &Path, options: LedgerOptions) -> R<Self> {
        let origin = Origin::from_name_and_random(&options.name, [1; 16]).unwrap();
        Ok(Self(Arc::new(Fake { origin, done: Mutex::default() })))
    }
    pub async fn open_or_create(path: &Path, options: LedgerOptions) -> R<Self> {
        Self::create(path, options).await
    }
    pub async fn execute(&self, actor: &Actor, key: &str, command: Command) -> R<Executed> {
        let digest = command.request_digest(&[0; 32]).unwrap();
        let mut done = self.0.done.lock().unwrap();
        let key = format!("{:?}{key}", actor.participant);
        if let Some((first, executed)) = done.get(&key) {
            if *first != digest {
                return Err(LedgerError::CommandReused);
            }
            return Ok(Executed { replayed: true, ..executed.clone() });
        }
        self.check(actor, command.clone()).await?;
        let mut id = [0; 16];
        getrandom::fill(&mut id).unwrap();
        let subject = match command.kind() {
            CommandKind::RegisterParticipant => StreamId::participant(ParticipantId::from_random(id)),
            _ => StreamId::document(DocumentId::from_random(id)),
        };
        let executed = Executed { receipts: vec![], events: vec![], subjects: vec![subject], replayed: false };
        done.insert(key, (digest, executed.clone()));
        Ok(executed)
    }
    pub async fn check(&self, actor: &Actor, command: Command) -> R<()> {
        match &command {
            Command::RegisterParticipant(c) if Bin::parse(&c.number, IdentifierMode::Strict).is_err() => Err(
                LedgerError::Refused(Refusal::of(Finding::at(RefusalCode::InvalidBin, "number"))),
            ),
            Command::RegisterParticipant(_) | Command::FormDocument(_) => Ok(()),
            _ => Err(LedgerError::NotFound("it")),
        }
    }
    pub async fn participant(&self, id: ParticipantId) -> R<Option<ParticipantView>> {
        Ok(None)
    }
    pub async fn certificate(&self, id: CertificateId) -> R<Option<CertificateView>> {
        Ok(None)
    }
    pub async fn document(&self, id: DocumentId, viewer: Viewer) -> R<Option<DocumentView>> {
        Ok(None)
    }
    pub async fn documents(&self, viewer: Viewer, after: Option<u64>, limit: usize) -> R<Page<DocumentView>> {
        Ok(Page { items: vec![], next: None })
    }
    pub async fn delivery(&self, id: DeliveryId, viewer: Viewer) -> R<Option<DeliveryView>> {
        Ok(None)
    }
    pub async fn receipt_notice(&self, id: DeliveryId, viewer: Viewer) -> R<Option<ReceiptNotice>> {
        Ok(None)
    }
    pub async fn content(&self, id: DocumentId, viewer: Viewer) -> R<Option<Content>> {
        Ok(None)
    }
    pub async fn signature(&self, id: EventId, viewer: Viewer) -> R<Option<Vec<u8>>> {
        Ok(None)
    }
    pub async fn journal(
        &self,
        p: ParticipantId,
        d: Direction,
        year: u64,
        after: Option<u64>,
        limit: usize,
    ) -> R<Page<JournalEntry>> {
        Ok(Page { items: vec![], next: None })
    }
    pub async fn assessment(&self, id: DocumentId, viewer: Viewer) -> R<Option<Vec<FourConditions>>> {
        Ok(None)
    }
    pub async fn impact(&self, id: KeyId, viewer: Viewer) -> R<Option<ImpactReport>> {
        Ok(None)
    }
    pub async fn feed(&self, after: u64, limit: usize, viewer: Viewer) -> R<Vec<FeedItem>> {
        Ok(vec![])
    }
    pub async fn statement(&self, act: CommandKind, id: DeliveryId, reason: &str, viewer: Viewer) -> R<Option<Vec<u8>>> {
        Ok(None)
    }
    pub fn origin(&self) -> &Origin {
        &self.0.origin
    }
    pub fn genesis(&self) -> &[u8] {
        b"{}"
    }
    pub fn verifier_key(&self) -> String {
        String::new()
    }
    pub async fn checkpoint(&self) -> R<String> {
        Ok(String::new())
    }
    pub async fn prove_inclusion(&self, index: LeafIndex, size: Option<TreeSize>) -> R<InclusionProof> {
        Err(LedgerError::NotFound("leaf"))
    }
    pub async fn prove_consistency(&self, old: TreeSize, new: TreeSize) -> R<ConsistencyProof> {
        Err(LedgerError::NotFound("leaf"))
    }
    pub async fn receipt(&self, index: LeafIndex) -> R<Receipt> {
        Err(LedgerError::NotFound("leaf"))
    }
    pub async fn extract(&self, stream: &StreamId) -> R<StreamExtract> {
        Err(LedgerError::NotFound("stream"))
    }
    pub async fn export(&self, id: DocumentId) -> R<Vec<u8>> {
        Err(LedgerError::NotFound("document"))
    }
    pub async fn export_trust(&self) -> R<Vec<(String, Vec<u8>)>> {
        Ok(vec![])
    }
    pub async fn status(&self) -> R<Status> {
        Ok(Status { size: TreeSize(2) })
    }
    pub async fn close(self) -> R<()> {
        Ok(())
    }
}
