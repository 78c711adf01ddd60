//! A ledger that an auditor accepts, of any size: participants with certificates, then documents that are formed,
//! signed twice, sent and received.

use std::path::Path;

use ledger_core::digest::Digest;
use ledger_core::domain::event::{
    AcceptanceMethod, AgreementAccepted, Answer, CertificateRegistered, CheckedSignature, DeliveryAccounted,
    DeliveryNoticed, DeliveryOpened, DocumentFormed, DocumentSent, Event, Format, ParticipantKind,
    ParticipantRegistered, Presence, SignatureApplied, SignatureSlot, Signed, TrustPublished, Verdict,
};
use ledger_core::id::{
    CertificateId, CommandId, DeliveryId, DocumentId, EventId, IdentifierMode, IdentityId, IdentityKind, KeyId, Origin,
    ParticipantId, RequestDigest,
};
use ledger_core::log::genesis::{Genesis, GenesisType, Limits, TreeHashes, index_key_commitment};
use ledger_core::log::note::SignerKey;
use ledger_core::payload::Commitment;
use ledger_core::record::{Actor, Basis, Capacity, Cause, Record};
use ledger_core::time::Timestamp;
use ledger_store::store::{Append, Draft};
use ledger_store::{EmbeddedStore, StoreOptions};

pub(crate) type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// The seed of the log's key.
pub(crate) const SEED: [u8; 32] = [7; 32];
/// How many participants there are, each with one certificate and key.
const PARTICIPANTS: u64 = 500;
/// How many records a document and its delivery get.
const RECORDS_PER_DOCUMENT: u64 = 8;
/// Documents in one append: the records of one batch, then, are some hundred, as with as many callers.
const DOCUMENTS_PER_APPEND: u64 = 32;

/// A genesis for benchmarks.
pub(crate) fn genesis() -> Outcome<Genesis> {
    let origin: Origin = Origin::from_name_and_random("bench", [1; 16])?;
    Ok(Genesis {
        t: GenesisType::V1,
        at: Timestamp::EPOCH,
        log_keys: vec![SignerKey::from_seed(origin.as_str(), &SEED)?.verifier().clone()],
        origin,
        format: 1,
        hashes: TreeHashes::V1,
        recovery_keys: Vec::new(),
        policy: None,
        limits: Limits {
            batch_records_max: 1024,
            seal_interval_ms: 60_000,
            anchor_interval_ms: 60_000,
            clock_skew_ms: 60_000,
        },
        index_key: index_key_commitment(&[0; 32]),
        identifiers: IdentifierMode::TestIdentifiers,
        previous: None,
    })
}

/// Makes a ledger of at least so many records, in appends of 256 records; among them, all over the log, the twenty
/// of one document.
pub(crate) fn fill(directory: &Path, records: u64, options: StoreOptions) -> Outcome<EmbeddedStore> {
    let genesis = genesis()?;
    let store = EmbeddedStore::create(directory, &genesis, &SEED, options)?;
    let mut written = 0;
    for (number, events) in (0_u64..).zip(preparation(&genesis.origin)?.chunks(256).map(<[_]>::to_vec)) {
        written += append(&store, number, events)?;
    }
    let mut document = 0;
    let mut scattered = scattered()?.into_iter().peekable();
    let apart = records / 20;
    while written < records {
        let mut events = Vec::new();
        if let Some(one) = scattered.next_if(|(_, seq)| written >= seq * apart) {
            events.push(one);
        }
        for one in document..document + DOCUMENTS_PER_APPEND {
            events.extend(exchange(one)?);
        }
        document += DOCUMENTS_PER_APPEND;
        written += append(&store, 1_000_000_000 + document, events)?;
    }
    Ok(store)
}

/// An event with the place that it has in its home stream.
type Placed = (Event, u64);

fn append(store: &EmbeddedStore, number: u64, events: Vec<Placed>) -> Outcome<u64> {
    let command = CommandId::of_idempotency_key(&[1; 32], participant(0), &number.to_string());
    let request = RequestDigest::of_request(&[1; 32], &number.to_be_bytes());
    let records: Result<Vec<_>, Box<dyn std::error::Error + Send + Sync>> = (0_u64..)
        .zip(&events)
        .map(|(place, (event, seq))| Ok(Draft::encode(&record(number * 1024 + place, event, *seq, command, request)?)?))
        .collect();
    store.append_blocking(Append { records: records?, expect: Vec::new(), command, request })?;
    Ok(u64::try_from(events.len())?)
}

fn record(number: u64, event: &Event, seq: u64, command: CommandId, request: RequestDigest) -> Outcome<Record> {
    let unique = Digest::sha256(&[b"event", &number.to_be_bytes()]);
    let mut sealed = Vec::new();
    for (slot, presence) in event.slots() {
        match presence {
            Presence::Optional | Presence::OptionalPerSignature => {}
            Presence::Required => sealed.push(commitment(unique, slot)?),
            Presence::PerSignature => {
                for number in 1..=2 {
                    sealed.push(commitment(unique, &format!("{slot}-{number}"))?);
                }
            }
        }
    }
    Ok(Record {
        actor: Actor { capacity: Capacity::Participant, participant: Some(participant(number)), user: None },
        at: Timestamp::EPOCH,
        basis: Basis {
            clauses: event.clauses().iter().map(|clause| (*clause).to_owned()).collect(),
            terms: "idocs-2021-10-11".into(),
        },
        cause: Cause { command, event: None, request },
        data: event.data()?,
        id: EventId::from_time_and_random(Timestamp::EPOCH, first(&unique)),
        prev: Digest::default(),
        sealed,
        seq,
        streams: event.streams(),
        event_type: event.event_type()?,
        version: event.version(),
    })
}

fn commitment(unique: Digest, slot: &str) -> Outcome<Commitment> {
    Ok(Commitment { bucket: 4096, sha256: unique, sha3: unique, slot: slot.parse()? })
}

fn participant(number: u64) -> ParticipantId {
    ParticipantId::from_random(first(&Digest::sha256(&[b"participant", &(number % PARTICIPANTS).to_be_bytes()])))
}

fn signed(number: u64) -> Signed {
    let (trust, policy) = snapshot();
    Signed {
        participant: participant(number),
        certificate: CertificateId::of_der(&(number % PARTICIPANTS).to_be_bytes()),
        key: KeyId::of_spki_der(&(number % PARTICIPANTS).to_be_bytes()),
        verdict: Verdict::Passed,
        trust,
        policy,
        evidence: Vec::new(),
        proven_at: None,
    }
}

fn snapshot() -> (Digest, Digest) {
    (Digest::sha256(&[b"trust"]), Digest::sha256(&[b"policy"]))
}

fn preparation(origin: &Origin) -> Outcome<Vec<Placed>> {
    let (trust, policy) = snapshot();
    let mut events = vec![(Event::TrustPublished(TrustPublished { origin: origin.clone(), trust, policy }), 0)];
    for number in 0..PARTICIPANTS {
        let Signed { participant, certificate, key, .. } = signed(number);
        let registered = ParticipantRegistered {
            participant,
            identity: IdentityId::of_number(&[0; 32], IdentityKind::Bin, &number.to_string()),
            identity_kind: IdentityKind::Bin,
            kind: ParticipantKind::LegalEntity,
        };
        let accepted = AgreementAccepted {
            participant,
            terms: "idocs-2021-10-11".parse()?,
            method: AcceptanceMethod::OperatorRegistration,
        };
        let (not_before, not_after) = (Timestamp::EPOCH, Timestamp::EPOCH.plus_ms(u64::MAX));
        let certified = CertificateRegistered { certificate, key, participant, not_before, not_after, trust, policy };
        events.push((Event::ParticipantRegistered(registered), 0));
        events.push((Event::AgreementAccepted(accepted), 1));
        events.push((Event::CertificateRegistered(certified), 0));
    }
    Ok(events)
}

/// The document whose twenty records lie all over the log.
pub(crate) fn scattered_document() -> DocumentId {
    DocumentId::from_random([0xdd; 16])
}

/// Its records: formed, signed by eighteen, sent.
fn scattered() -> Outcome<Vec<Placed>> {
    let (document, sender) = (scattered_document(), participant(0));
    let slot = |number| SignatureSlot {
        slot: number,
        participant: participant(number),
        mandatory: true,
        group: 1,
        required_role: None,
    };
    let formed = DocumentFormed {
        document_type: None,
        document,
        sender,
        format: Format::Pdf,
        formats: "2026-11".parse()?,
        slots: (1..=18).map(slot).collect(),
    };
    let signature = |slot| SignatureApplied { document, slot, signature: signed(slot) };
    let mut events = vec![(Event::DocumentFormed(formed), 0)];
    events.extend((1..=18).map(|slot| (Event::SignatureApplied(signature(slot)), slot)));
    events.push((Event::DocumentSent(DocumentSent { document, sender }), 19));
    Ok(events)
}

/// All events of one document.
fn exchange(number: u64) -> Outcome<Vec<Placed>> {
    let seed = Digest::sha256(&[b"delivery", &number.to_be_bytes()]);
    let document = DocumentId::from_random(first(&Digest::sha256(&[b"document", &number.to_be_bytes()])));
    let delivery = DeliveryId::from_random(first(&seed));
    let (one, two) = (signed(number * 31), signed(number * 31 + 1));
    let (sender, recipient) = (one.participant, participant(number * 17 + 251));
    let (trust, policy) = snapshot();
    let slot = |slot, signed: &Signed| SignatureSlot {
        slot,
        participant: signed.participant,
        mandatory: true,
        group: 1,
        required_role: None,
    };
    let checked =
        |slot, signed: &Signed| CheckedSignature { slot, certificate: signed.certificate, verdict: Verdict::Passed };
    let noticed = || DeliveryNoticed { delivery, document, sender, recipient };
    let formed = DocumentFormed {
        document_type: None,
        document,
        sender,
        format: Format::Pdf,
        formats: "2026-11".parse()?,
        slots: vec![slot(1, &one), slot(2, &two)],
    };
    let signatures = vec![checked(1, &one), checked(2, &two)];
    let opened = DeliveryOpened { delivery, document, sender, recipient, answer: Answer::NotRequired };
    let evidence = Vec::new();
    let accounted = DeliveryAccounted { delivery, document, sender, recipient, trust, policy, evidence, signatures };
    let events = vec![
        (Event::DocumentFormed(formed), 0),
        (Event::SignatureApplied(SignatureApplied { document, slot: 1, signature: one }), 1),
        (Event::SignatureApplied(SignatureApplied { document, slot: 2, signature: two }), 2),
        (Event::DocumentSent(DocumentSent { document, sender }), 3),
        (Event::DeliveryOpened(opened), 0),
        (Event::DeliveryAccounted(accounted), 1),
        (Event::ReceiptIssued(noticed()), 2),
        (Event::ReceiptDelivered(noticed()), 3),
    ];
    debug_assert_eq!(u64::try_from(events.len()), Ok(RECORDS_PER_DOCUMENT));
    Ok(events)
}

fn first<const N: usize>(digest: &Digest) -> [u8; N] {
    let mut bytes = [0; N];
    for (place, byte) in bytes.iter_mut().zip(digest.as_bytes()) {
        *place = *byte;
    }
    bytes
}
