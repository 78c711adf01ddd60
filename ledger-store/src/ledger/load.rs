//! Reading records and folding aggregates from the log.

use ledger_core::domain::event::Event;
use ledger_core::domain::{Aggregate, Recorded};
use ledger_core::id::{LeafIndex, StreamId};
use ledger_core::payload::Slot;
use ledger_core::record::Record;

use super::{Inner, LedgerError, lock};
use crate::store::Expectation;
use crate::vault::OpenedPayload;

/// How many folded aggregates are kept; beyond it all are dropped and folded again as needed.
const FOLDED_MAX: usize = 100_000;

/// A record at its place, with the event that it records.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) index: LeafIndex,
    pub(super) record: Record,
    pub(super) event: Event,
}

/// What a decision read, and how it stood.
pub(super) type Reads = Vec<(StreamId, Expectation)>;

impl Inner {
    /// The record at a place; `None` for the genesis and seals.
    pub(super) fn entry(&self, index: LeafIndex) -> Result<Option<Entry>, LedgerError> {
        let bytes = self.store.read(index)?.ok_or(LedgerError::NotFound("leaf"))?;
        #[cfg(test)]
        tests::READS.set(tests::READS.get() + 1);
        if !is_event(&bytes) {
            return Ok(None);
        }
        let record = Record::decode(&bytes).map_err(LedgerError::record(index))?;
        let event = Event::decode(&record).map_err(LedgerError::event(index))?;
        Ok(Some(Entry { index, record, event }))
    }

    /// The records that name a stream, the first `limit` of them.
    pub(super) fn entries(&self, stream: &StreamId, limit: usize) -> Result<Vec<Entry>, LedgerError> {
        let mut entries = Vec::new();
        for index in self.store.records_of_stream(stream)?.into_iter().take(limit) {
            entries.extend(self.entry(index)?);
        }
        Ok(entries)
    }

    /// The records that are homed in a stream.
    pub(super) fn homed_entries(&self, stream: &StreamId) -> Result<Vec<Entry>, LedgerError> {
        let mut entries = Vec::new();
        for index in self.store.records_homed_in(stream)? {
            entries.extend(self.entry(index)?);
        }
        Ok(entries)
    }

    /// An aggregate as it stands, and the number of records that it was folded from.
    pub(super) fn load<A: Aggregate>(&self, stream: &StreamId) -> Result<(A, u64), LedgerError> {
        let homed = self.store.state_of(stream).homed;
        if let Some((folded, aggregate)) = lock(&self.folded).get(stream)
            && let (true, Some(aggregate)) = (*folded == homed, aggregate.downcast_ref::<A>())
        {
            return Ok((aggregate.clone(), homed));
        }
        let mut aggregate = A::default();
        let mut count = 0;
        if homed > 0 {
            // Not beyond the state above: the index may know of a batch that came since.
            for entry in self.homed_entries(stream)?.into_iter().take(usize::try_from(homed).unwrap_or(usize::MAX)) {
                aggregate.apply(&entry.event, Recorded { id: entry.record.id, at: entry.record.at });
                count += 1;
            }
        }
        let mut folded = lock(&self.folded);
        if folded.len() >= FOLDED_MAX {
            folded.clear();
        }
        folded.insert(stream.clone(), (count, Box::new(aggregate.clone())));
        Ok((aggregate, count))
    }

    /// As [`Self::load`], noting what was read.
    pub(super) fn read<A: Aggregate>(&self, stream: &StreamId, reads: &mut Reads) -> Result<A, LedgerError> {
        let (aggregate, homed) = self.load(stream)?;
        reads.push((stream.clone(), Expectation::Homed(homed)));
        Ok(aggregate)
    }

    /// A payload of a record.
    pub(super) async fn payload(&self, record: &Record, slot: &str) -> Result<OpenedPayload, LedgerError> {
        let commitment = record.sealed.iter().find(|commitment| commitment.slot.as_str() == slot);
        let commitment = commitment.ok_or(LedgerError::NotFound("payload"))?;
        Ok(self.vault.get(record.id, commitment).await?)
    }

    /// A payload of the record of an event.
    pub(super) async fn payload_of_event(
        &self,
        event: ledger_core::id::EventId,
        slot: &Slot,
    ) -> Result<OpenedPayload, LedgerError> {
        let index = self.store.index_of_event(event)?.ok_or(LedgerError::NotFound("event"))?;
        let entry = self.entry(index)?.ok_or(LedgerError::NotFound("event"))?;
        self.payload(&entry.record, slot.as_str()).await
    }
}

/// Genesis and seals have other tags; `"t"` stands at the end, so the bytes are looked through once.
fn is_event(bytes: &[u8]) -> bool {
    let tag = b"\"t\":\"edl/v1/event\"";
    bytes.windows(tag.len()).any(|window| window == tag)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use ledger_core::domain::command::{FormDocument, RegisterParticipant};
    use ledger_core::domain::event::{Format, ParticipantKind};
    use ledger_core::domain::participant::Participant;
    use ledger_core::id::{IdentityKind, ParticipantId};
    use ledger_core::record::{Actor, Capacity};

    use super::*;
    use crate::{Ledger, LedgerOptions};

    thread_local! {
        /// Records that this thread has read.
        pub(super) static READS: Cell<u64> = const { Cell::new(0) };
    }

    #[tokio::test]
    async fn a_cold_load_of_a_busy_participant_reads_only_its_own_records() {
        let directory = std::env::temp_dir().join(format!("edl-cold-load-{}", std::process::id()));
        let _left_over = std::fs::remove_dir_all(&directory);
        let ledger = Ledger::create(&directory, LedgerOptions::default()).await.unwrap();
        let register = RegisterParticipant {
            identity_kind: IdentityKind::Bin,
            number: "171140001255".into(),
            name: "Busy LLP".into(),
            kind: ParticipantKind::LegalEntity,
            terms: "idocs-2021-10-11".parse().unwrap(),
        };
        let operator = Actor { capacity: Capacity::Operator, participant: None, user: None };
        let registered = ledger.execute(&operator, "register", register.into()).await.unwrap();
        let stream = registered.subjects[0].clone();
        let sender: ParticipantId = stream.id().parse().unwrap();
        let busy = Actor { capacity: Capacity::Participant, participant: Some(sender), user: None };
        for number in 0..20 {
            let form = FormDocument {
                document_type: None,
                sender,
                format: Format::Text,
                title: "Contract".into(),
                content: b"text".to_vec(),
                declared_sha256: None,
                signers: vec![],
            };
            ledger.execute(&busy, &number.to_string(), form.into()).await.unwrap();
        }
        let named = ledger.store().records_of_stream(&stream).unwrap().len();
        assert!(named >= 22, "registration, acceptance and every document name it: {named}");
        for flushed in [false, true] {
            if flushed {
                assert!(ledger.store().index_is_right().unwrap(), "and writes what waits");
            }
            lock(&ledger.inner.folded).clear();
            READS.set(0);
            let (participant, homed) = ledger.inner.load::<Participant>(&stream).unwrap();
            assert!(participant.is(sender));
            assert_eq!((homed, READS.get()), (2, 2), "registration and acceptance (written: {flushed})");
        }
        ledger.close().await.unwrap();
        std::fs::remove_dir_all(&directory).unwrap();
    }
}
