//! Reads: views folded from the log for one viewer, journals, proofs, the feed.
//!
//! Document views are folded from the records on every read, so there is nothing that could differ from the log.
//! Journals and lists are read models in SQLite; they follow the log before every read of them.
#![expect(clippy::unused_async, reason = "other engines will wait where this one does not; callers need not change")]

use std::collections::BTreeSet;

use ledger_core::canonical;
use ledger_core::digest::Digest;
use ledger_core::domain::command::CommandKind;
use ledger_core::domain::delivery::Delivery;
use ledger_core::domain::document::ContentInfo;
use ledger_core::domain::event::{DocumentType, Event};
use ledger_core::domain::statement;
use ledger_core::id::{
    CertificateId, DeliveryId, DocumentId, EventId, KeyId, LeafIndex, ParticipantId, StreamId, StreamKind, TreeSize,
};
use ledger_core::log::extract::{Position, SealedCheckpoint, StreamExtract};
use ledger_core::log::merkle::{
    ConsistencyProof, InclusionProof, MerkleTree, Sha256Tree, leaf_hash, prove_consistency, prove_inclusion,
};
use ledger_core::log::note::Note;
use ledger_core::log::receipt::Receipt;
use ledger_core::log::stream::stream_leaf_hash;
use ledger_core::projection::certificate::CertificateView;
use ledger_core::projection::conditions::{self, FourConditions};
use ledger_core::projection::document::{self, DeliveryView, DocumentView};
use ledger_core::projection::impact::ImpactReport;
use ledger_core::projection::journal::{Direction, JournalEntry, JournalId};
use ledger_core::projection::participant::ParticipantView;
use ledger_core::projection::timeline::TimelineEntry;
use ledger_core::projection::{Logged, Viewer};
use ledger_core::signature::SignedContent;
use ledger_core::time::Timestamp;
use serde::Serialize;

use super::load::Entry;
use super::{Inner, Ledger, LedgerError, lock};
use crate::evidence_source::ServiceStatus;
use crate::projector::ProjectionReport;

/// How many leaves the views take in at a time.
const VIEW_BATCH: usize = 2000;

/// The bytes of a document, for those who may see them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// The document.
    pub bytes: Vec<u8>,
    /// Its media type by the format registry.
    pub media_type: String,
    /// SHA-256 of the bytes, what signatures cover.
    pub sha256: Digest,
    /// The title that the sender gave it. May name people.
    pub title: String,
}

/// A record in the feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedItem {
    /// Its place in the log: the cursor.
    pub position: LeafIndex,
    /// The canonical bytes of the record.
    pub record: String,
}

/// Where the ledger stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Status {
    /// When the last seal was made.
    pub sealed_at: Timestamp,
    /// Number of leaves.
    pub size: TreeSize,
    /// Number of leaves that the read models have taken in.
    pub views_size: TreeSize,
    /// The services that evidence is gathered from; none without a source, or for who should not know them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub services: Option<ServiceStatus>,
}

/// The operator's signed notice to the sender that its document was received (clause 5.2.4; law art. 7(4)).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReceiptNotice {
    /// A C2SP signed note by the operator's receipt key; its text is one line of canonical JSON.
    pub note: String,
    /// Proof that the accounting is in the log.
    pub receipt: Receipt,
}

#[derive(Serialize)]
struct NoticeText<'a> {
    accounted_at: Timestamp,
    content_sha256: Digest,
    delivery: DeliveryId,
    document: DocumentId,
    incoming: Numbered,
    leaf: Digest,
    leaf_index: LeafIndex,
    ledger: &'a ledger_core::id::Origin,
    outgoing: Numbered,
    recipient: ParticipantId,
    sender: ParticipantId,
    t: &'static str,
}

#[derive(Serialize)]
struct Numbered {
    number: u64,
    year: u64,
}

impl Ledger {
    /// What is known of a participant; a participant sees itself only.
    pub async fn participant(&self, id: ParticipantId, viewer: Viewer) -> Result<Option<ParticipantView>, LedgerError> {
        if !viewer.sees_all() && !viewer.is(id) {
            return Ok(None);
        }
        let entries = self.inner.entries(&StreamId::participant(id), usize::MAX)?;
        Ok(ParticipantView::fold(id, logged(&entries)))
    }

    /// A registered certificate; participants see their own.
    #[expect(clippy::wildcard_enum_match_arm, reason = "a certificate's stream begins with its registration")]
    pub async fn certificate(&self, id: CertificateId, viewer: Viewer) -> Result<Option<CertificateView>, LedgerError> {
        let mut entries = self.inner.entries(&StreamId::certificate(id), 1)?;
        let key = entries.first().and_then(|entry| match &entry.event {
            Event::CertificateRegistered(registered) => Some(registered.key),
            _ => None,
        });
        if let Some(key) = key {
            entries.extend(self.inner.compromise_entries(key)?);
        }
        let view = CertificateView::fold(id, logged(&entries));
        Ok(view.filter(|view| viewer.sees_all() || viewer.is(view.participant)))
    }

    /// A document with its eight parts and what the viewer may do; `None` if it is not there or not the viewer's.
    pub async fn document(&self, id: DocumentId, viewer: Viewer) -> Result<Option<DocumentView>, LedgerError> {
        let entries = self.inner.document_entries(id)?;
        Ok(document::fold(id, logged(&entries), viewer))
    }

    /// A page of the viewer's documents in the order of their first event, after that place.
    pub async fn documents(
        &self,
        viewer: Viewer,
        after: Option<LeafIndex>,
        limit: u32,
    ) -> Result<Vec<(LeafIndex, DocumentView)>, LedgerError> {
        self.inner.follow_views()?;
        let lines = lock(&self.inner.views).documents(viewer, after, limit)?;
        let mut page = Vec::new();
        for line in lines {
            page.extend(self.document(line.document, viewer).await?.map(|view| (line.first, view)));
        }
        Ok(page)
    }

    /// What happened to a document, event by event, as far as the viewer may see it.
    pub async fn timeline(&self, id: DocumentId, viewer: Viewer) -> Result<Option<Vec<TimelineEntry>>, LedgerError> {
        Ok(self.document(id, viewer).await?.map(|view| view.timeline))
    }

    /// A delivery; `None` if it is not there or not the viewer's.
    pub async fn delivery(&self, id: DeliveryId, viewer: Viewer) -> Result<Option<DeliveryView>, LedgerError> {
        let (state, _) = self.inner.load::<Delivery>(&StreamId::delivery(id))?;
        let Some(opened) = state.opened else { return Ok(None) };
        let view = self.document(opened.document, viewer).await?;
        Ok(view.and_then(|view| view.deliveries.into_iter().find(|delivery| delivery.delivery == id)))
    }

    /// The bytes of a document.
    pub async fn content(&self, id: DocumentId, viewer: Viewer) -> Result<Option<Content>, LedgerError> {
        if self.document(id, viewer).await?.is_none() {
            return Ok(None);
        }
        let Some(entry) = self.inner.formed_entry(id)? else { return Ok(None) };
        let bytes = self.inner.payload(&entry.record, "content").await?.bytes;
        let info = self.inner.payload(&entry.record, "content-info").await?.bytes;
        let info: ContentInfo =
            serde_json::from_slice(&info).map_err(|error| LedgerError::Internal(error.to_string()))?;
        let sha256 = Digest::sha256(&[&bytes]);
        Ok(Some(Content { bytes, media_type: info.media_type, sha256, title: info.title }))
    }

    /// The untouched CMS of a signature event, for those who see its document.
    pub async fn signature(&self, event: EventId, viewer: Viewer) -> Result<Option<Vec<u8>>, LedgerError> {
        let Some(index) = self.inner.store.index_of_event(event)? else { return Ok(None) };
        let Some(entry) = self.inner.entry(index)? else { return Ok(None) };
        let Some(document) = entry.event.document() else { return Ok(None) };
        let visible = self.document(document, viewer).await?;
        let seen = visible.is_some_and(|view| view.timeline.iter().any(|line| line.event.event == event));
        if !seen || !entry.record.sealed.iter().any(|commitment| commitment.slot.as_str() == "cms") {
            return Ok(None);
        }
        Ok(Some(self.inner.payload(&entry.record, "cms").await?.bytes))
    }

    /// The signed receipt to the sender, once the document is accounted, with both journal numbers.
    pub async fn receipt_notice(&self, id: DeliveryId, viewer: Viewer) -> Result<Option<ReceiptNotice>, LedgerError> {
        let Some(view) = self.delivery(id, viewer).await? else { return Ok(None) };
        let Some(accounted) = view.accounted else { return Ok(None) };
        self.inner.follow_views()?;
        let lines = lock(&self.inner.views).journal_of_document(view.document)?;
        let line = |direction: Direction, delivery: Option<DeliveryId>| {
            let found = lines.iter().find(|line| line.journal.direction == direction && line.delivery == delivery);
            found.map(|line| Numbered { number: line.number, year: line.journal.year })
        };
        let numbers = (line(Direction::Incoming, Some(id)), line(Direction::Outgoing, None));
        let (Some(incoming), Some(outgoing)) = numbers else {
            return Err(LedgerError::Internal("a received document is missing from a journal".to_owned()));
        };
        let receipt = self.receipt(accounted.index).await?.ok_or(LedgerError::NotFound("leaf"))?;
        let content = self.inner.document_content(view.document).await?.ok_or(LedgerError::NotFound("document"))?;
        let text = canonical::encode(&NoticeText {
            accounted_at: accounted.at,
            content_sha256: Digest::sha256(&[&content.bytes]),
            delivery: id,
            document: view.document,
            incoming,
            leaf: leaf_hash(receipt.leaf.as_bytes()),
            leaf_index: accounted.index,
            ledger: self.origin(),
            outgoing,
            recipient: view.recipient,
            sender: view.sender,
            t: "edl/v1/receipt-notice",
        })?;
        let text = String::from_utf8(text).map_err(|error| LedgerError::Internal(error.to_string()))?;
        let note = Note::sign(format!("{text}\n"), &self.inner.notice_key);
        let note = note.map_err(|error| LedgerError::Internal(error.to_string()))?.to_string();
        Ok(Some(ReceiptNotice { note, receipt }))
    }

    /// A page of a participant's journal: the lines after a number.
    pub async fn journal(
        &self,
        participant: ParticipantId,
        direction: Direction,
        year: u64,
        after: Option<u64>,
        limit: u32,
    ) -> Result<Vec<JournalEntry>, LedgerError> {
        self.inner.follow_views()?;
        let journal = JournalId { direction, participant, year };
        Ok(lock(&self.inner.views).journal(journal, after.unwrap_or(0), limit)?)
    }

    /// The four conditions of clause 5.2.3 for each signature towards each recipient.
    pub async fn assessment(&self, id: DocumentId, viewer: Viewer) -> Result<Option<Vec<FourConditions>>, LedgerError> {
        let entries = self.inner.document_entries(id)?;
        if document::fold(id, logged(&entries), viewer).is_none() {
            return Ok(None);
        }
        let revoked = self.inner.revoked(&entries).await?;
        Ok(Some(conditions::assess(id, logged(&entries), viewer, &revoked)))
    }

    /// The documents that a key's compromise affects (clause 8.10); `None` for a key that nobody registered.
    pub async fn impact(&self, key: KeyId, viewer: Viewer) -> Result<Option<ImpactReport>, LedgerError> {
        let mut entries = self.inner.entries(&StreamId::key(key), usize::MAX)?;
        let mut streams: BTreeSet<StreamId> = BTreeSet::new();
        for document in entries.iter().filter_map(|entry| entry.event.document()) {
            streams.insert(StreamId::document(document));
        }
        for stream in streams {
            entries.extend(self.inner.entries(&stream, usize::MAX)?);
        }
        sort(&mut entries);
        Ok(ImpactReport::fold(key, logged(&entries), viewer))
    }

    /// The bytes that a party signs for an act on a delivery, as things stand now; `None` for acts without a statement.
    pub async fn statement(
        &self,
        delivery: DeliveryId,
        act: CommandKind,
        reason: &str,
        viewer: Viewer,
    ) -> Result<Option<Vec<u8>>, LedgerError> {
        if self.delivery(delivery, viewer).await?.is_none() {
            return Err(LedgerError::NotFound("delivery"));
        }
        let (state, _) = self.inner.load::<Delivery>(&StreamId::delivery(delivery))?;
        Ok(statement::of_act(self.origin(), act, &state, reason).transpose()?)
    }

    /// The bytes that the owner of a certificate signs with it to register it.
    pub fn possession_statement(&self, participant: ParticipantId) -> Result<Vec<u8>, LedgerError> {
        Ok(statement::possession(self.origin(), participant)?)
    }

    /// Records after a place in the log, as far as the viewer may see them; at most `limit` leaves are looked at for an
    /// auditor or operator, and as many returned for a participant.
    pub async fn feed(
        &self,
        after: Option<LeafIndex>,
        limit: usize,
        viewer: Viewer,
    ) -> Result<Vec<FeedItem>, LedgerError> {
        let first = after.map_or(0, |after| after.0 + 1);
        let text = |bytes| String::from_utf8(bytes).map_err(|error| LedgerError::Internal(error.to_string()));
        let mut items = Vec::new();
        let Viewer::Participant(participant) = viewer else {
            for (position, bytes) in self.inner.store.read_range(LeafIndex(first), limit)? {
                items.push(FeedItem { position, record: text(bytes)? });
            }
            return Ok(items);
        };
        for index in self.inner.store.records_of_stream(&StreamId::participant(participant))? {
            if index.0 >= first && items.len() < limit {
                let bytes = self.inner.store.read(index)?.ok_or(LedgerError::NotFound("leaf"))?;
                items.push(FeedItem { position: index, record: text(bytes)? });
            }
        }
        Ok(items)
    }

    /// The newest signed checkpoint.
    pub fn checkpoint(&self) -> String {
        self.inner.store.head().checkpoint.clone()
    }

    /// Where the ledger stands.
    pub async fn status(&self) -> Result<Status, LedgerError> {
        let head = self.inner.store.head();
        let seal = ledger_core::log::seal::Seal::decode(head.seal_leaf.as_bytes());
        let sealed_at = seal.map_or(Timestamp::EPOCH, |seal| seal.at);
        let views = lock(&self.inner.views).position()?;
        let views_size = views.map_or(TreeSize(0), |position| position.size);
        let services = self.inner.evidence_source.as_ref().map(|source| source.status());
        Ok(Status { sealed_at, size: head.size, views_size, services })
    }

    /// Proves a leaf to be in the tree of a size, or of the newest checkpoint.
    pub fn prove_inclusion(&self, index: LeafIndex, size: Option<TreeSize>) -> Result<InclusionProof, LedgerError> {
        let size = size.unwrap_or(self.inner.store.head().size);
        if size > self.inner.store.head().size {
            return Err(LedgerError::NotFound("tree of that size"));
        }
        prove_inclusion::<Sha256Tree>(&self.inner.store, index, size).map_err(|_| LedgerError::NotFound("leaf"))
    }

    /// Proves that the tree of one size extends that of another.
    pub fn prove_consistency(&self, old: TreeSize, new: TreeSize) -> Result<ConsistencyProof, LedgerError> {
        if new > self.inner.store.head().size {
            return Err(LedgerError::NotFound("tree of that size"));
        }
        prove_consistency::<Sha256Tree>(&self.inner.store, old, new)
            .map_err(|_| LedgerError::NotFound("tree of that size"))
    }

    /// The receipt of a record, the same as its caller got.
    pub async fn receipt(&self, index: LeafIndex) -> Result<Option<Receipt>, LedgerError> {
        Ok(self.inner.store.receipt(index)?)
    }

    /// All records that name a stream, with the proof that there are no others.
    pub async fn extract(&self, stream: &StreamId) -> Result<StreamExtract, LedgerError> {
        let internal = |error: &dyn std::fmt::Display| LedgerError::Internal(error.to_string());
        let view = self.inner.store.view(std::slice::from_ref(stream)).await?;
        let (state, proof) = view.streams.first().ok_or_else(|| internal(&"no view"))?;
        if state.revision == 0 {
            return Err(LedgerError::NotFound("stream"));
        }
        let mut tree = MerkleTree::<Sha256Tree>::new();
        let mut positions = Vec::new();
        let indexes = self.inner.store.records_of_stream(stream)?;
        for (position, index) in (0..).zip(indexes.into_iter().filter(|index| index.0 < view.head.size.0)) {
            let bytes = self.inner.store.read(index)?.ok_or(LedgerError::NotFound("leaf"))?;
            tree.push(stream_leaf_hash(index, &leaf_hash(&bytes)));
            let leaf = String::from_utf8(bytes).map_err(|error| internal(&error))?;
            positions.push(Position::Shown { position, index, leaf });
        }
        let sealed = SealedCheckpoint {
            size: view.head.size,
            note: view.head.checkpoint.clone(),
            seal: view.head.seal_leaf.clone(),
        };
        let count = tree.size();
        StreamExtract::prove(stream.clone(), sealed, positions, count, &self.inner.store, &tree, proof)
            .map_err(|error| internal(&error))
    }

    /// Drops the read models and builds them again from the log.
    pub async fn rebuild_views(&self) -> Result<(), LedgerError> {
        lock(&self.inner.views).rebuild()?;
        self.inner.follow_views()
    }

    /// Compares the read models with a fresh replay of the log.
    pub async fn check_views(&self) -> Result<ProjectionReport, LedgerError> {
        self.inner.follow_views()?;
        let views = lock(&self.inner.views);
        let size = views.position()?.map_or(0, |position| position.size.0);
        let mut leaves = Vec::new();
        for index in 0..size {
            leaves.push((LeafIndex(index), self.inner.store.read(LeafIndex(index))?.unwrap_or_default()));
        }
        Ok(views.compare(leaves.iter().map(|(index, bytes)| (*index, bytes.as_slice())))?)
    }
}

impl Inner {
    /// Lets the read models take in what the log has that they do not have yet.
    pub(super) fn follow_views(&self) -> Result<(), LedgerError> {
        let mut views = lock(&self.views);
        let head = self.store.head().size;
        let leaf_at = |index| self.store.read(index).ok().flatten().map(|bytes| leaf_hash(&bytes));
        if !views.follows(head, leaf_at)? {
            views.rebuild()?;
        }
        loop {
            let next = views.position()?.map_or(0, |position| position.size.0);
            let leaves = self.store.read_range(LeafIndex(next), VIEW_BATCH)?;
            if leaves.is_empty() {
                return Ok(());
            }
            let borrowed: Vec<_> = leaves.iter().map(|(index, bytes)| (*index, bytes.as_slice())).collect();
            views.apply_batch(&borrowed)?;
        }
    }

    /// The record that formed a document.
    pub(super) fn formed_entry(&self, document: DocumentId) -> Result<Option<Entry>, LedgerError> {
        Ok(self.entries(&StreamId::document(document), 1)?.pop())
    }

    /// A document as signatures cover it; `None` if there is none.
    pub(super) async fn document_content(
        &self,
        document: DocumentId,
    ) -> Result<Option<SignedContent<'static>>, LedgerError> {
        let Some(entry) = self.formed_entry(document)? else { return Ok(None) };
        let content = self.payload(&entry.record, "content").await?.bytes;
        let formed = if let Event::DocumentFormed(formed) = &entry.event { Some(formed) } else { None };
        let document_type = formed.and_then(|formed| formed.document_type.as_ref()).map(DocumentType::as_str);
        Ok(Some(SignedContent::document(content, document_type)))
    }

    /// The records homed in a key's stream, where a compromise stands; none for a key without one.
    fn compromise_entries(&self, key: KeyId) -> Result<Vec<Entry>, LedgerError> {
        let stream = StreamId::key(key);
        if self.store.state_of(&stream).homed == 0 {
            return Ok(Vec::new());
        }
        self.homed_entries(&stream)
    }

    /// Everything that a view of a document, its assessment and its evidence rest on, in log order: its own records,
    /// those of its deliveries, the registrations of signers and parties, compromises of the keys.
    pub(super) fn document_entries(&self, document: DocumentId) -> Result<Vec<Entry>, LedgerError> {
        let mut entries = self.entries(&StreamId::document(document), usize::MAX)?;
        let mut deliveries = BTreeSet::new();
        let mut participants = BTreeSet::new();
        let mut certificates = BTreeSet::new();
        let mut keys = BTreeSet::new();
        for entry in &entries {
            for stream in &entry.record.streams {
                match stream.kind() {
                    StreamKind::Delivery => deliveries.insert(stream.clone()),
                    StreamKind::Participant => participants.insert(stream.clone()),
                    StreamKind::Certificate => certificates.insert(stream.clone()),
                    StreamKind::Document
                    | StreamKind::Dispute
                    | StreamKind::Identity
                    | StreamKind::Key
                    | StreamKind::Ledger => false,
                };
            }
            keys.extend(entry.event.signature().map(|signature| signature.key));
        }
        for stream in &deliveries {
            entries.extend(self.entries(stream, usize::MAX)?);
        }
        for stream in &participants {
            // Registration and acceptance are made together and first.
            entries.extend(self.entries(stream, 2)?);
        }
        for stream in &certificates {
            entries.extend(self.entries(stream, 1)?);
        }
        for key in keys {
            entries.extend(self.compromise_entries(key)?);
        }
        sort(&mut entries);
        Ok(entries)
    }
}

fn sort(entries: &mut Vec<Entry>) {
    entries.sort_by_key(|entry| entry.index);
    entries.dedup_by_key(|entry| entry.index);
}

pub(super) fn logged(entries: &[Entry]) -> impl Iterator<Item = Logged<'_>> {
    entries.iter().map(|entry| (entry.index, &entry.record, &entry.event))
}
