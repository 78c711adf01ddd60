//! The records that the benchmarks append: signatures over many documents, by some hundred participants.

use ledger_core::digest::Digest;
use ledger_core::id::{CertificateId, CommandId, DocumentId, EventId, KeyId, ParticipantId, RequestDigest, StreamId};
use ledger_core::payload::Commitment;
use ledger_core::record::{Actor, Basis, Capacity, Cause, Record, RecordError};
use ledger_core::time::Timestamp;

/// How many records each document gets before the next one is begun.
pub(crate) const RECORDS_PER_DOCUMENT: u64 = 4;
/// How many participants, each with one certificate and key.
const PARTICIPANTS: u64 = 500;

/// The n-th record of a caller: home stream, place in it and everything else follow from the two numbers.
pub(crate) fn record(caller: u64, n: u64) -> Result<Record, RecordError> {
    let unique = Digest::sha256(&[b"bench", &caller.to_be_bytes(), &n.to_be_bytes()]);
    let document_seed =
        Digest::sha256(&[b"document", &caller.to_be_bytes(), &(n / RECORDS_PER_DOCUMENT).to_be_bytes()]);
    let document = DocumentId::from_random(first(&document_seed));
    let who = (caller * 31 + n / RECORDS_PER_DOCUMENT) % PARTICIPANTS;
    let participant = ParticipantId::from_random(first(&Digest::sha256(&[b"participant", &who.to_be_bytes()])));
    let certificate = CertificateId::of_der(&who.to_be_bytes());
    let key = KeyId::of_spki_der(&who.to_be_bytes());
    let id = EventId::from_time_and_random(Timestamp::EPOCH, first(&unique));
    let commitment = |slot: &str| {
        let slot = slot.parse().map_err(|_| RecordError::Rule("slot"))?;
        Ok::<_, RecordError>(Commitment { bucket: 4096, sha256: unique, sha3: document_seed, slot })
    };
    let mut streams = vec![StreamId::certificate(certificate), StreamId::key(key), StreamId::participant(participant)];
    streams.sort();
    streams.insert(0, StreamId::document(document));
    let command = CommandId::of_idempotency_key(&[1; 32], participant, &unique.to_string());
    Ok(Record {
        actor: Actor { capacity: Capacity::Participant, participant: Some(participant), user: None },
        at: Timestamp::EPOCH,
        basis: Basis { clauses: vec!["5.3.2".into(), "8.2".into(), "8.4".into()], terms: "idocs-2021-10-11".into() },
        cause: Cause { command, event: None, request: RequestDigest::of_request(&[1; 32], &n.to_be_bytes()) },
        data: format!(
            "{{\"certificate\":\"{certificate}\",\"document\":\"{document}\",\"key\":\"{key}\",\"participant\":\"{participant}\",\
             \"policy\":\"{document_seed}\",\"slot\":1,\"trust\":\"{unique}\",\"verdict\":\"passed\"}}"
        )
        .into(),
        id,
        prev: Digest::default(),
        sealed: vec![commitment("cms")?, commitment("report")?],
        seq: n % RECORDS_PER_DOCUMENT,
        streams,
        event_type: "document.signature_applied".parse().map_err(|_| RecordError::Rule("type"))?,
        version: 1,
    })
}

fn first<const N: usize>(digest: &Digest) -> [u8; N] {
    let mut bytes = [0; N];
    for (place, byte) in bytes.iter_mut().zip(digest.as_bytes()) {
        *place = *byte;
    }
    bytes
}
