//! Tests of the read models, over records made without a store.

use ledger_core::domain::event::{
    Answer, CheckedSignature, DeliveryAccounted, DeliveryNoticed, DeliveryOpened, DocumentFormed, DocumentSent, Format,
    SignatureSlot, Verdict,
};
use ledger_core::id::{CertificateId, CommandId, RequestDigest};
use ledger_core::payload::{Commitment, Salt};
use ledger_core::projection::journal::Journals;
use ledger_core::record::{Actor, Basis, Capacity, Cause};
use proptest::prelude::*;

use super::*;

fn participant(n: u8) -> ParticipantId {
    ParticipantId::from_random([n; 16])
}

fn document(n: u8) -> DocumentId {
    DocumentId::from_random([n; 16])
}

fn record(index: u64, event: &Event) -> Record {
    let at = Timestamp::from_unix_seconds(1_798_743_600 - 3600 + index * 60).unwrap();
    let mut random = [0; 10];
    random[2..].copy_from_slice(&index.to_be_bytes());
    let id = EventId::from_time_and_random(at, random);
    #[expect(clippy::wildcard_enum_match_arm, reason = "the other samples carry no payload")]
    let slots: &[&str] = match event {
        Event::DocumentFormed(_) => &["content", "content-info"],
        Event::DeliveryAccounted(_) => &["report-1"],
        _ => &[],
    };
    let commit = |slot: &&str| Commitment::to_payload(id, &slot.parse().unwrap(), &Salt::from_random([1; 32]), b"x");
    Record {
        actor: Actor { capacity: Capacity::System, participant: None, user: None },
        at,
        basis: Basis { clauses: vec!["5.2.4".to_owned()], terms: "idocs-2021-10-11".to_owned() },
        cause: Cause {
            command: CommandId::of_idempotency_key(&[0; 32], participant(1), "k"),
            event: None,
            request: RequestDigest::of_request(&[0; 32], b"r"),
        },
        data: event.data().unwrap(),
        id,
        prev: Digest::default(),
        sealed: slots.iter().map(commit).collect::<Result<_, _>>().unwrap(),
        seq: 0,
        streams: event.streams(),
        event_type: event.event_type().unwrap(),
        version: event.version(),
    }
}

/// The life of one document: formed, sent, opened, accounted, receipt.
fn life(n: u8, sender: u8, recipient: u8) -> Vec<Event> {
    let (document, delivery) = (document(n), DeliveryId::from_random([n; 16]));
    let (sender, recipient) = (participant(sender), participant(recipient));
    let slot = SignatureSlot { slot: 1, participant: sender, mandatory: true, group: 1, required_role: None };
    let checked = CheckedSignature { slot: 1, certificate: CertificateId::of_der(b"c"), verdict: Verdict::Passed };
    let basis = Digest::sha256(&[b"basis"]);
    vec![
        Event::DocumentFormed(DocumentFormed {
            document_type: None,
            document,
            sender,
            format: Format::Text,
            formats: "2026-11".parse().unwrap(),
            slots: vec![slot],
        }),
        Event::DocumentSent(DocumentSent { document, sender }),
        Event::DeliveryOpened(DeliveryOpened { delivery, document, sender, recipient, answer: Answer::NotRequired }),
        Event::DeliveryAccounted(DeliveryAccounted {
            evidence: vec![],
            delivery,
            document,
            sender,
            recipient,
            trust: basis,
            policy: basis,
            signatures: vec![checked],
        }),
        Event::ReceiptIssued(DeliveryNoticed { delivery, document, sender, recipient }),
    ]
}

/// Leaves as a log has them: genesis, events, and a seal after every five.
fn leaves(events: &[Event]) -> Vec<Vec<u8>> {
    let mut leaves = vec![br#"{"t":"edl/v1/genesis"}"#.to_vec()];
    for (n, event) in events.iter().enumerate() {
        let index = u64::try_from(leaves.len()).unwrap();
        leaves.push(record(index, event).encode().unwrap().into_bytes());
        if n % 5 == 4 {
            leaves.push(br#"{"t":"edl/v1/seal"}"#.to_vec());
        }
    }
    leaves
}

fn indexed(leaves: &[Vec<u8>]) -> Vec<(LeafIndex, &[u8])> {
    leaves.iter().zip(0..).map(|(leaf, index)| (LeafIndex(index), leaf.as_slice())).collect()
}

fn three() -> Vec<Vec<u8>> {
    leaves(&[life(1, 1, 2), life(2, 1, 3), life(3, 2, 1)].concat())
}

fn applied(leaves: &[Vec<u8>]) -> Projector {
    let mut projector = Projector::temporary().unwrap();
    projector.apply_batch(&indexed(leaves)).unwrap();
    projector
}

const OUTGOING: JournalId =
    JournalId { direction: Direction::Outgoing, participant: ParticipantId::from_random([1; 16]), year: 2026 };

#[test]
fn journals_and_document_lists_are_read_by_page() {
    let projector = applied(&three());
    let page = projector.journal(OUTGOING, 0, 10).unwrap();
    assert_eq!(
        page.iter().map(|line| (line.number, line.document)).collect::<Vec<_>>(),
        [(1, document(1)), (2, document(2))]
    );
    assert_eq!(projector.journal(OUTGOING, 1, 10).unwrap(), page[1..]);
    assert_eq!(projector.journal(OUTGOING, 0, 1).unwrap(), page[..1]);
    let incoming = projector.journal(JournalId { direction: Direction::Incoming, ..OUTGOING }, 0, 10).unwrap();
    assert_eq!((incoming.len(), incoming[0].counterparty), (1, Some(participant(2))));
    let both = projector.journal_of_document(document(1)).unwrap();
    assert_eq!(
        both.iter().map(|line| line.journal.direction).collect::<Vec<_>>(),
        [Direction::Outgoing, Direction::Incoming]
    );

    let documents = |viewer, after| {
        let lines = projector.documents(viewer, after, 2).unwrap();
        lines.iter().map(|line| (line.document, line.first.0, line.last.0)).collect::<Vec<_>>()
    };
    assert_eq!(documents(Viewer::Operator, None), [(document(1), 1, 5), (document(2), 7, 11)]);
    assert_eq!(documents(Viewer::Auditor, Some(LeafIndex(7))), [(document(3), 13, 17)]);
    assert_eq!(documents(Viewer::Participant(participant(3)), None), [(document(2), 9, 11)]);
    assert_eq!(documents(Viewer::Participant(participant(2)), None), [(document(1), 3, 5), (document(3), 13, 17)]);
    assert_eq!(documents(Viewer::Participant(participant(9)), None), []);
}

#[test]
fn a_batch_that_does_not_follow_is_refused_whole() {
    let leaves = three();
    let all = indexed(&leaves);
    let mut projector = Projector::temporary().unwrap();
    projector.apply_batch(&all[..4]).unwrap();
    let before = projector.position().unwrap();
    let repeated = [&all[4..6], &all[5..7]].concat();
    for (batch, given, expected) in [(&all[5..], 5, 4), (&all[3..], 3, 4), (&repeated[..], 5, 6)] {
        let error = projector.apply_batch(batch).unwrap_err();
        let ProjectorError::Gap { given: found, expected: wanted } = error else { panic!("{error}") };
        assert_eq!((found.0, wanted.0), (given, expected));
        assert_eq!(projector.position().unwrap(), before);
    }
    projector.apply_batch(&all[4..]).unwrap();
    assert!(projector.compare(all).unwrap().agrees());
}

#[test]
fn an_unknown_leaf_or_event_stops_the_projector_and_is_not_skipped() {
    let leaves = three();
    let unknown_version = String::from_utf8(leaves[2].clone()).unwrap().replace(r#""v":1}"#, r#""v":2}"#);
    for (bytes, name) in [
        (unknown_version.as_bytes(), "event"),
        (br#"{"t":"edl/v2/event"}"#, "unknown"),
        (b"[]", "unknown"),
        (br#"{"t":"edl/v1/event"}"#, "record"),
    ] {
        let mut projector = Projector::temporary().unwrap();
        let (first, last) = (indexed(&leaves)[0], indexed(&leaves)[1]);
        let batch = [first, last, (LeafIndex(2), bytes)];
        let error = projector.apply_batch(&batch).unwrap_err();
        #[expect(clippy::wildcard_enum_match_arm, reason = "any other error fails the test")]
        let (found, at) = match error {
            ProjectorError::Event { index, .. } => ("event", index),
            ProjectorError::UnknownLeaf { index, .. } => ("unknown", index),
            ProjectorError::Record { index, .. } => ("record", index),
            other => panic!("{other}"),
        };
        assert_eq!((found, at), (name, LeafIndex(2)));
        assert_eq!(projector.position().unwrap(), None, "nothing of the batch was applied");
    }
}

#[test]
fn dropped_and_rebuilt_views_are_the_same() {
    let leaves = three();
    let mut projector = applied(&leaves);
    let page = projector.journal(OUTGOING, 0, 10).unwrap();
    projector.rebuild().unwrap();
    assert_eq!((projector.position().unwrap(), projector.journal(OUTGOING, 0, 10).unwrap()), (None, vec![]));
    for leaf in indexed(&leaves) {
        projector.apply_batch(&[leaf]).unwrap();
    }
    assert_eq!(projector.journal(OUTGOING, 0, 10).unwrap(), page);
    let report = projector.compare(indexed(&leaves)).unwrap();
    // Three outgoing and three incoming lines; three documents for all and two parties each.
    assert_eq!((report.differences, report.rows, report.size), (vec![], 15, TreeSize(19)));
}

#[test]
fn every_damaged_missing_or_added_row_is_named() {
    let leaves = three();
    for (damage, table) in [
        ("UPDATE journal SET number = 7 WHERE number = 2", "journal"),
        ("UPDATE journal SET at = at + 1 WHERE leaf = 4", "journal"),
        ("UPDATE journal SET document = 'x' WHERE leaf = 4", "journal"),
        ("UPDATE journal SET delivery = NULL WHERE leaf = 4", "journal"),
        ("UPDATE journal SET counterparty = x'00' WHERE leaf = 4", "journal"),
        ("UPDATE journal SET event = x'00' WHERE leaf = 4", "journal"),
        ("UPDATE journal SET year = 2027 WHERE leaf = 4", "journal"),
        ("DELETE FROM journal WHERE leaf = 4", "journal"),
        (
            "INSERT INTO journal SELECT participant, direction, year, number + 9, leaf, event, at, document, delivery, counterparty FROM journal WHERE leaf = 4",
            "journal",
        ),
        ("UPDATE documents SET last = 1 WHERE first = 3", "documents"),
        ("UPDATE documents SET first = 2 WHERE first = 3", "documents"),
        ("DELETE FROM documents WHERE first = 3", "documents"),
        ("UPDATE documents SET viewer = x'01' WHERE first = 3", "documents"),
        ("UPDATE position SET leaf = x'0000000000000000000000000000000000000000000000000000000000000000'", "position"),
    ] {
        let projector = applied(&leaves);
        assert!(projector.compare(indexed(&leaves)).unwrap().agrees());
        assert!(projector.connection.execute(damage, []).unwrap() >= 1, "{damage}");
        let report = projector.compare(indexed(&leaves)).unwrap();
        assert!(!report.agrees(), "{damage}");
        assert!(report.differences.iter().all(|difference| difference.table == table), "{damage}: {report:?}");
        assert!(report.differences.len() <= 2, "{damage}: {report:?}");
    }
}

#[test]
fn a_damaged_row_is_an_error_to_a_reader_and_never_a_panic() {
    let projector = applied(&three());
    projector.connection.execute("UPDATE journal SET event = x'00'", []).unwrap();
    assert!(matches!(projector.journal(OUTGOING, 0, 10), Err(ProjectorError::Damaged { table: "journal" })));
    projector.connection.execute("UPDATE documents SET document = x'00' WHERE first = 3 AND viewer = x''", []).unwrap();
    projector.connection.execute("UPDATE documents SET first = -1", []).unwrap();
    assert!(projector.documents(Viewer::Operator, None, 10).is_ok_and(|lines| lines.is_empty()));
}

#[test]
fn views_ahead_of_the_log_or_of_another_log_are_found() {
    let leaves = three();
    let projector = applied(&leaves);
    let size = TreeSize(u64::try_from(leaves.len()).unwrap());
    let hash = |index: LeafIndex| leaves.get(usize::try_from(index.0).unwrap()).map(|leaf| leaf_hash(leaf));
    assert!(projector.follows(size, hash).unwrap());
    assert!(projector.follows(TreeSize(size.0 + 5), hash).unwrap());
    assert!(!projector.follows(TreeSize(size.0 - 1), hash).unwrap());
    assert!(!projector.follows(size, |_| Some(Digest::default())).unwrap());
    assert!(Projector::temporary().unwrap().follows(TreeSize(0), |_| None).unwrap());
    let report = projector.compare(indexed(&leaves[..18])).unwrap();
    assert_eq!(report.differences[0].table, "position");
}

#[test]
fn a_file_that_cannot_be_used_is_made_again() {
    let directory = std::env::temp_dir().join(format!("edl-projector-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let path = directory.join(FILE_NAME);
    let leaves = three();
    let mut projector = Projector::open(&path).unwrap();
    projector.apply_batch(&indexed(&leaves)).unwrap();
    drop(projector);
    assert_eq!(Projector::open(&path).unwrap().position().unwrap().unwrap().size, TreeSize(19), "kept");
    for damage in [b"not a database, but long enough to be read as one".to_vec(), vec![0xff; 8192]] {
        std::fs::write(&path, damage).unwrap();
        assert_eq!(Projector::open(&path).unwrap().position().unwrap(), None);
    }
    let other_version = Projector::open(&path).unwrap();
    other_version.connection.pragma_update(None, "user_version", 99).unwrap();
    drop(other_version);
    assert_eq!(Projector::open(&path).unwrap().position().unwrap(), None);
    std::fs::remove_dir_all(&directory).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// The oracle is the fold in memory; the batches are cut anywhere, and the year ends in between.
    #[test]
    fn stored_journals_are_those_of_the_fold_however_the_log_is_cut(
        parties in proptest::collection::vec((1..4_u8, 4..7_u8), 1..20),
        cut in 1..30_usize,
    ) {
        let mut events = Vec::new();
        for ((sender, recipient), n) in parties.iter().zip(1..) {
            events.extend(life(n, *sender, *recipient));
        }
        let leaves = leaves(&events);
        let mut projector = Projector::temporary().unwrap();
        for batch in indexed(&leaves).chunks(cut) {
            projector.apply_batch(batch).unwrap();
        }
        let mut journals = Journals::default();
        let mut expected = Vec::new();
        for (index, bytes) in indexed(&leaves) {
            if let Ok(record) = Record::decode(bytes) {
                let event = Event::decode(&record).unwrap();
                expected.extend(journals.apply((index, &record, &event)));
            }
        }
        prop_assert_eq!(expected.len(), 2 * parties.len());
        let mut stored: Vec<JournalEntry> = Vec::new();
        for direction in Direction::ALL {
            for (n, year) in (1..7).flat_map(|n| [(n, 2026), (n, 2027)]) {
                let journal = JournalId { direction: *direction, participant: participant(n), year };
                stored.extend(projector.journal(journal, 0, PAGE_ROWS_MAX).unwrap());
            }
        }
        stored.sort_by_key(|line| line.event.index);
        prop_assert_eq!(stored, expected);
        prop_assert!(projector.compare(indexed(&leaves)).unwrap().agrees());
    }
}
