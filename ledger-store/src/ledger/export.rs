//! The evidence file of a document, and what a verifier pins to check it.

use std::collections::{BTreeMap, BTreeSet};

use ledger_core::domain::event::Event;
use ledger_core::evidence::bundle::{self, BundleInput, PayloadInput, StreamInput};
use ledger_core::evidence::manifest::{UnavailablePayload, UnavailableReason};
use ledger_core::id::{DocumentId, LeafIndex, StreamId, StreamKind};
use ledger_core::log::merkle::{Sha256Tree, leaf_hash, prove_batch};
use ledger_core::pki::trust::directory::TERMS_FILE;
use ledger_core::projection::Viewer;
use ledger_core::record::Record;

use super::load::Entry;
use super::read::logged;
use super::{Ledger, LedgerError};

/// How many records of one certificate or key a bundle shows: a bundle has at most 10 000 files.
const SHOWN_OF_SIGNER_MAX: usize = 1000;

/// A file of the trust directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustFile {
    /// Its name, with `/` between folders.
    pub name: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl Ledger {
    /// One file that proves everything about a document to a third party without the ledger: records, payloads,
    /// proofs, completeness of its streams, certificates, revocation lists. The same ledger head gives the same bytes.
    ///
    /// A participant's bundle shows what that participant may know: other recipients' deliveries and other documents of
    /// the counterparty's keys are withheld (their places stay visible), and the verifier says what it therefore could
    /// not see. The operator's bundle, for a commission or court, shows them.
    pub async fn export(&self, document: DocumentId, viewer: Viewer) -> Result<Vec<u8>, LedgerError> {
        let ledger = &*self.inner;
        let internal = |error: &dyn std::fmt::Display| LedgerError::Internal(error.to_string());
        let mut entries = ledger.document_entries(document)?;
        if ledger_core::projection::document::fold(document, logged(&entries), viewer).is_none() {
            return Err(LedgerError::NotFound("document"));
        }
        if let Viewer::Participant(participant) = viewer {
            withhold(&mut entries, &StreamId::participant(participant));
        }
        let mut shown: BTreeMap<LeafIndex, Entry> = entries.into_iter().map(|entry| (entry.index, entry)).collect();
        for entry in self.checking_entries(&shown)? {
            shown.insert(entry.index, entry);
        }
        let complete = complete_streams(document, shown.values());
        let own: BTreeSet<LeafIndex> = shown.keys().copied().collect();
        for entry in self.others_of_signers(&complete, viewer)? {
            shown.entry(entry.index).or_insert(entry);
        }
        let view = ledger.store.view(&complete).await?;
        let size = view.head.size;
        // What came after the view belongs to a later bundle.
        shown.retain(|index, _| index.0 < size.0);

        let mut leaves = BTreeMap::new();
        let seal = LeafIndex(size.0.saturating_sub(1));
        for index in shown.keys().copied().chain([LeafIndex(0), seal]) {
            leaves.insert(index, ledger.store.read(index)?.ok_or(LedgerError::NotFound("leaf"))?);
        }
        let mut streams = Vec::new();
        for (stream, (_, proof)) in complete.into_iter().zip(view.streams) {
            let mut positions = Vec::new();
            for index in ledger.store.records_of_stream(&stream)?.into_iter().filter(|index| index.0 < size.0) {
                let bytes = match leaves.get(&index) {
                    Some(bytes) => bytes.clone(),
                    None => ledger.store.read(index)?.ok_or(LedgerError::NotFound("leaf"))?,
                };
                positions.push((index, leaf_hash(&bytes)));
            }
            streams.push(StreamInput { stream, positions, proof });
        }
        let indexes: Vec<LeafIndex> = leaves.keys().copied().collect();
        let inclusion = prove_batch::<Sha256Tree>(&ledger.store, &indexes, size).map_err(|error| internal(&error))?;
        let mut payloads = Vec::new();
        let mut unavailable = Vec::new();
        for (index, entry) in &shown {
            for commitment in &entry.record.sealed {
                if !own.contains(index) {
                    let slot = commitment.slot.clone();
                    unavailable.push(UnavailablePayload {
                        leaf: *index,
                        reason: UnavailableReason::OtherDocument,
                        slot,
                    });
                    continue;
                }
                // Names and numbers of the parties stay with the operator; their certificates say who signed.
                if commitment.slot.as_str() == "client-data" {
                    let slot = commitment.slot.clone();
                    unavailable.push(UnavailablePayload {
                        leaf: *index,
                        reason: UnavailableReason::PersonalData,
                        slot,
                    });
                    continue;
                }
                let opened = ledger.vault.get(entry.record.id, commitment).await?;
                payloads.push(PayloadInput {
                    leaf: *index,
                    slot: commitment.slot.clone(),
                    salt: opened.salt,
                    bytes: opened.bytes,
                });
            }
        }
        let input = BundleInput {
            document,
            origin: self.origin().clone(),
            checkpoint: view.head.checkpoint.clone(),
            leaves,
            inclusion,
            streams,
            payloads,
            unavailable,
        };
        bundle::build(&input).map_err(|error| internal(&error))
    }

    /// The other records that name the signers' certificates and keys: only when all are seen is it proven that no
    /// compromise is among them. They hold random ids; their payloads are not shown. A busy key's records are withheld
    /// instead, and the verifier says so.
    fn others_of_signers(&self, complete: &[StreamId], viewer: Viewer) -> Result<Vec<Entry>, LedgerError> {
        let mut others = Vec::new();
        for stream in complete.iter().filter(|one| matches!(one.kind(), StreamKind::Certificate | StreamKind::Key)) {
            let entries = self.inner.entries(stream, SHOWN_OF_SIGNER_MAX + 1)?;
            if entries.len() <= SHOWN_OF_SIGNER_MAX {
                others.extend(entries.into_iter().filter(|entry| match viewer {
                    Viewer::Operator | Viewer::Auditor => true,
                    Viewer::Participant(own) => entry.record.streams.contains(&StreamId::participant(own)),
                }));
            }
        }
        Ok(others)
    }

    /// Trust snapshots and revocation lists that the checks of the shown records used.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the other events name nothing that signatures are checked by")]
    fn checking_entries(&self, shown: &BTreeMap<LeafIndex, Entry>) -> Result<Vec<Entry>, LedgerError> {
        let mut used = BTreeSet::new();
        let mut lists = BTreeSet::new();
        for entry in shown.values() {
            let finding = entry.event.finding().map(|finding| finding.signature);
            for signature in entry.event.signature().into_iter().chain(finding) {
                used.insert((signature.trust, signature.policy));
                lists.extend(signature.evidence.iter().copied());
            }
            match &entry.event {
                Event::CertificateRegistered(e) => drop(used.insert((e.trust, e.policy))),
                Event::DeliveryAccounted(e) => drop(used.insert((e.trust, e.policy))),
                Event::DeliveryDeemedNotReceived(e) => drop(used.insert((e.trust, e.policy))),
                _ => {}
            }
        }
        let entries = self.inner.entries(&self.inner.ledger_stream(), usize::MAX)?;
        // The second moment used the lists that were newest then, so every list up to the last shown record goes along; and
        // those in force now, which may say more about the times of before.
        let in_force = self.inner.checking();
        lists.extend(in_force.basis.evidence.iter().copied());
        let last = shown.keys().next_back().copied().unwrap_or(LeafIndex(0));
        Ok(entries
            .into_iter()
            .filter(|entry| match &entry.event {
                Event::TrustPublished(e) => used.contains(&(e.trust, e.policy)),
                Event::CrlRecorded(_) => lists.contains(&entry.record.id) || entry.index <= last,
                _ => false,
            })
            .collect())
    }

    /// What a verifier must have from elsewhere than the bundle: origin, hash of the genesis, log key, CA roots with
    /// their terms.
    /// Hand it over on another way than the evidence, or have the verifier take it from a source of its own.
    pub fn export_trust(&self) -> Vec<TrustFile> {
        let text =
            |name: &str, text: String| TrustFile { name: name.to_owned(), bytes: format!("{text}\n").into_bytes() };
        let mut files = vec![
            text("origin", self.origin().to_string()),
            text("genesis.sha256", self.genesis_hash().to_string()),
            text("log.vkey", self.verifier_key().to_string()),
        ];
        let checking = self.inner.checking();
        let mut terms = BTreeMap::new();
        for anchor in checking.trust.anchors() {
            files.push(TrustFile { name: format!("ca/{}.der", anchor.digest()), bytes: anchor.der().to_vec() });
            terms.extend(checking.trust.terms().get_key_value(&anchor.digest()));
        }
        if !terms.is_empty() {
            let text = serde_json::to_string(&terms).unwrap_or_default();
            files.push(TrustFile { name: TERMS_FILE.to_owned(), bytes: text.into_bytes() });
        }
        files
    }
}

/// Takes out what concerns other recipients only: their deliveries, and the registrations of those who then appear no more.
fn withhold(entries: &mut Vec<Entry>, own: &StreamId) {
    let of_others = |entry: &Entry| {
        let delivery = entry.record.home().is_some_and(|home| home.kind() == StreamKind::Delivery);
        delivery && !entry.record.streams.contains(own)
    };
    entries.retain(|entry| !of_others(entry));
    let is_registration = |entry: &Entry| {
        entry.record.home().is_some_and(|home| matches!(home.kind(), StreamKind::Participant | StreamKind::Certificate))
    };
    let named: BTreeSet<StreamId> = entries
        .iter()
        .filter(|entry| !is_registration(entry))
        .flat_map(|entry| entry.record.streams.iter().cloned())
        .collect();
    entries.retain(|entry| !is_registration(entry) || entry.record.home().is_some_and(|home| named.contains(home)));
}

/// Streams of which the bundle shows that nothing is left out: the document, its deliveries, the signers'
/// certificates and keys.
fn complete_streams<'a>(document: DocumentId, shown: impl Iterator<Item = &'a Entry>) -> Vec<StreamId> {
    let mut streams = BTreeSet::from([StreamId::document(document)]);
    for entry in shown {
        let record: &Record = &entry.record;
        if entry.event.signature().is_some() {
            let of_signer = |stream: &&StreamId| matches!(stream.kind(), StreamKind::Certificate | StreamKind::Key);
            streams.extend(record.streams.iter().filter(of_signer).cloned());
        }
        streams.extend(record.home().filter(|home| home.kind() == StreamKind::Delivery).cloned());
    }
    streams.into_iter().collect()
}
