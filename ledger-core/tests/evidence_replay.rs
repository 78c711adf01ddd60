//! The replay of a whole log: an honest one passes, and every lie that an operator can tell is found.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_imports,
    unreachable_pub,
    dead_code,
    missing_docs,
    missing_debug_implementations,
    reason = "a test that cannot go on has failed"
)]

#[path = "evidence_bundle/ledger.rs"]
mod ledger;

use std::collections::{BTreeMap, BTreeSet};

use ledger::*;
use ledger_core::digest::Digest;
use ledger_core::domain::event::*;
use ledger_core::evidence::Verdict;
use ledger_core::evidence::bundle::PayloadInput;
use ledger_core::evidence::finding::Code;
use ledger_core::evidence::replay::{Decoded, FINDINGS_MAX, Opened, PayloadSource, Replay, ReplayReport, decode};
use ledger_core::evidence::trust::TrustDirectory;
use ledger_core::id::*;
use ledger_core::log::checkpoint::CheckpointBody;
use ledger_core::log::genesis::Genesis;
use ledger_core::log::merkle::{MerkleTree, Sha256Tree, leaf_hash, prove_inclusion};
use ledger_core::log::note::SignerKey;
use ledger_core::log::receipt::Receipt;
use ledger_core::log::seal::Seal;
use ledger_core::payload::{Commitment, Salt};
use ledger_core::record::Record;

/// A log as somebody hands it out.
#[derive(Clone)]
struct Log {
    leaves: Vec<Vec<u8>>,
    /// By the index of the seal that each stands behind.
    notes: BTreeMap<usize, Vec<u8>>,
    trust: Option<TrustDirectory>,
    receipts: Vec<(String, Receipt)>,
}

fn is_seal(leaf: &[u8]) -> bool {
    leaf.ends_with(b"\"t\":\"edl/v1/seal\"}")
}

fn tree(leaves: &[Vec<u8>]) -> MerkleTree<Sha256Tree> {
    let mut tree = MerkleTree::new();
    for leaf in leaves {
        tree.push(leaf_hash(leaf));
    }
    tree
}

fn note(leaves: &[Vec<u8>], signer: &SignerKey) -> Vec<u8> {
    let size = TreeSize(u64::try_from(leaves.len()).unwrap());
    CheckpointBody::new(origin().as_str(), size, tree(leaves).root()).sign(signer).unwrap().to_string().into_bytes()
}

impl Log {
    fn of(ledger: &Ledger) -> Self {
        let trust = Some(ledger.trust_with(&[]));
        let mut log = Self { leaves: ledger.leaves.clone(), notes: BTreeMap::new(), trust, receipts: Vec::new() };
        log.sign();
        log
    }

    /// Signs behind every seal whatever stands before it: the operator that lies has the key.
    fn sign(&mut self) {
        let seals = (0..self.leaves.len()).filter(|index| is_seal(&self.leaves[*index]));
        self.notes = seals.map(|seal| (seal, note(&self.leaves[..=seal], &signer()))).collect();
    }

    fn decoded(&self) -> Vec<Decoded> {
        (0..).map(LeafIndex).zip(&self.leaves).map(|(index, leaf)| decode(index, leaf)).collect()
    }

    fn fold(&self, decoded: &[Decoded]) -> ReplayReport {
        let mut replay = Replay::new(self.trust.clone(), self.receipts.clone());
        for (at, leaf) in decoded.iter().enumerate() {
            replay.push(leaf);
            if let Some(note) = self.notes.get(&at) {
                replay.note(note);
            }
        }
        replay.finish()
    }

    fn replay(&self) -> ReplayReport {
        self.fold(&self.decoded())
    }

    fn record(&mut self, at: usize, change: impl FnOnce(&mut Record)) {
        let mut record = Record::decode(&self.leaves[at]).unwrap();
        change(&mut record);
        self.leaves[at] = record.encode().unwrap().into_bytes();
        self.sign();
    }

    fn seal(&mut self, at: usize, change: impl FnOnce(&mut Seal)) {
        let mut seal = Seal::decode(&self.leaves[at]).unwrap();
        change(&mut seal);
        self.leaves[at] = seal.encode().unwrap();
        self.sign();
    }

    fn receipt(&self, index: usize) -> (String, Receipt) {
        let (tree, seal) = (tree(&self.leaves), self.leaves.len() - 1);
        let size = TreeSize(u64::try_from(self.leaves.len()).unwrap());
        let place = |at: usize| LeafIndex(u64::try_from(at).unwrap());
        let path = |at: usize| prove_inclusion::<Sha256Tree>(&tree, place(at), size).unwrap().path;
        let text = |at: usize| String::from_utf8(self.leaves[at].clone()).unwrap();
        let receipt = Receipt {
            index: place(index),
            leaf: text(index),
            inclusion: path(index),
            checkpoint: String::from_utf8(note(&self.leaves, &signer())).unwrap(),
            seal_index: place(seal),
            seal_leaf: text(seal),
            seal_inclusion: path(seal),
        };
        ("receipt.json".to_owned(), receipt)
    }
}

fn codes(report: &ReplayReport) -> BTreeSet<Code> {
    report.findings.iter().map(|finding| finding.code).collect()
}

/// Two batches beside the genesis'.
fn two_batches() -> Ledger {
    let mut ledger = Ledger::new();
    let crl = prepare(&mut ledger);
    ledger.seal();
    form_and_sign(&mut ledger, crl);
    send(&mut ledger);
    receive(&mut ledger);
    countersign(&mut ledger, crl);
    ledger.seal();
    ledger
}

#[test]
fn an_honest_log_passes_with_the_roots_that_a_naive_reading_gives() {
    let ledger = two_batches();
    let mut log = Log::of(&ledger);
    log.receipts = vec![log.receipt(3), log.receipt(5)];
    let report = log.replay();
    assert_eq!(report.verdict, Verdict::Passed, "{:#?}", report.findings);
    assert_eq!(codes(&report), BTreeSet::from([Code::LogVerified]));
    assert_eq!(report.size.0, ledger.size());
    assert_eq!(report.root, ledger.tree().root());
    assert_eq!(report.map_root, ledger.map().root());
    assert_eq!(report.streams, u64::try_from(ledger.streams.len()).unwrap());
    assert_eq!(report.events, ledger.size() - 4);
}

#[test]
fn every_flipped_byte_of_leaves_and_notes_is_found() {
    let log = Log::of(&two_batches());
    let honest = log.decoded();
    for (at, leaf) in log.leaves.iter().enumerate() {
        for byte in 0..leaf.len() {
            let mut changed = leaf.clone();
            changed[byte] ^= 1 << (byte % 8);
            let mut decoded = honest.clone();
            decoded[at] = decode(LeafIndex(u64::try_from(at).unwrap()), &changed);
            assert_eq!(log.fold(&decoded).verdict, Verdict::Failed, "leaf {at} byte {byte}");
        }
    }
    for (at, note) in &log.notes {
        for byte in 0..note.len() {
            let mut changed = log.clone();
            changed.notes.get_mut(at).unwrap()[byte] ^= 1 << (byte % 8);
            assert_eq!(changed.fold(&honest).verdict, Verdict::Failed, "note {at} byte {byte}");
        }
    }
}

/// Each lie with the code that must be among its findings.
type Lie = (&'static str, Code, fn(&mut Log));

const LIES: &[Lie] = &[
    ("another ledger", Code::GenesisMismatch, |log| log.trust.as_mut().unwrap().genesis = Digest::default()),
    ("no genesis", Code::GenesisInvalid, |log| drop(log.leaves.remove(0))),
    ("a second genesis", Code::RecordMalformed, |log| log.leaves[4] = log.leaves[0].clone()),
    ("another log key", Code::GenesisInvalid, |log| {
        let key = SignerKey::from_seed(origin().as_str(), &[8; 32]).unwrap();
        log.trust.as_mut().unwrap().log_key = key.verifier().clone();
    }),
    ("no trust", Code::GenesisUnpinned, |log| log.trust = None),
    ("bytes behind a record", Code::RecordMalformed, |log| log.leaves[3].push(b' ')),
    ("an unknown event", Code::RecordMalformed, |log| {
        log.record(3, |r| r.event_type = "crl.unheard_of".parse().unwrap());
    }),
    ("a foreign stream", Code::RecordStreams, |log| {
        log.record(3, |r| r.streams.push(StreamId::participant(party(9))));
    }),
    ("backdated", Code::RecordOrder, |log| log.record(6, |r| r.at = time(1))),
    ("a seal before its records", Code::RecordOrder, |log| log.seal(10, |s| s.at = time(1))),
    ("one id for two", Code::RecordDoubled, |log| {
        let id = Record::decode(&log.leaves[3]).unwrap().id;
        log.record(8, |r| r.id = id);
    }),
    ("a gap in a chain", Code::ChainBroken, |log| log.record(3, |r| r.seq += 1)),
    ("a chain of another ledger", Code::ChainBroken, |log| log.record(2, |r| r.prev = Digest::default())),
    ("a dropped event", Code::ChainBroken, |log| {
        log.leaves.remove(2);
        log.sign();
    }),
    ("swapped events", Code::ChainBroken, |log| {
        log.leaves.swap(2, 3);
        log.sign();
    }),
    ("a doubled leaf", Code::RecordDoubled, |log| {
        let leaf = log.leaves[3].clone();
        log.leaves.insert(4, leaf);
        log.sign();
    }),
    ("a seal of another genesis", Code::SealInvalid, |log| log.seal(10, |s| s.genesis = Digest::default())),
    ("an old seal", Code::SealInvalid, |log| {
        log.leaves[10] = log.leaves[1].clone();
        log.sign();
    }),
    ("a skipped seal", Code::SealInvalid, |log| log.seal(10, |s| s.prev_seal.leaf = Digest::default())),
    ("a map that leaves out", Code::MapMismatch, |log| log.seal(10, |s| s.map_root = Digest::default())),
    ("another second tree", Code::AltRootMismatch, |log| log.seal(10, |s| s.alt_root = Digest::default())),
    ("a note by somebody else", Code::CheckpointInvalid, |log| {
        let key = SignerKey::from_seed(origin().as_str(), &[8; 32]).unwrap();
        log.notes.insert(10, note(&log.leaves[..=10], &key));
    }),
    ("an old note", Code::CheckpointDiffers, |log| {
        let old = log.notes[&1].clone();
        log.notes.insert(10, old);
    }),
    ("no note", Code::BatchInvalid, |log| drop(log.notes.remove(&10))),
    ("a cut tail", Code::BatchInvalid, |log| drop(log.leaves.pop())),
    ("two notes", Code::BatchInvalid, |log| {
        let again = log.notes[&1].clone();
        log.notes.insert(0, again);
    }),
    ("sent twice", Code::EventNotAllowed, |log| {
        *log = with_event(|ledger| {
            ledger.append(Event::DocumentSent(DocumentSent { document: document(), sender: party(SENDER) }), &[]);
        });
    }),
    ("one number for two participants", Code::EventNotAllowed, |log| {
        *log = with_event(|ledger| {
            let registered = ParticipantRegistered {
                participant: party(77),
                identity: IdentityId::of_number(&[9; 32], IdentityKind::Bin, &SENDER.to_string()),
                identity_kind: IdentityKind::Bin,
                kind: ParticipantKind::LegalEntity,
            };
            ledger.append(Event::ParticipantRegistered(registered), &[("client-data", b"{}".to_vec())]);
        });
    }),
    ("a suspended key", Code::SuspendedKeyUsed, |log| {
        let mut ledger = Ledger::new();
        let crl = prepare(&mut ledger);
        let key = certificate("sender").key();
        ledger.append(
            Event::KeyUseSuspended(KeyUseSuspended {
                key,
                participant: party(SENDER),
                ground: SuspensionGround::Compromise,
            }),
            &[],
        );
        form_and_sign(&mut ledger, crl);
        ledger.seal();
        *log = Log::of(&ledger);
    }),
    ("a leaf exchanged after its receipt", Code::Fork, |log| {
        log.receipts = vec![log.receipt(3)];
        log.record(3, |r| r.cause.request = RequestDigest::of_request(&[4; 32], b"another"));
    }),
    ("a tail cut after its receipt", Code::Fork, |log| {
        log.receipts = vec![log.receipt(3)];
        log.leaves.truncate(11);
    }),
    ("a receipt by somebody else", Code::ReceiptInvalid, |log| {
        let (name, mut receipt) = log.receipt(3);
        receipt.inclusion.reverse();
        log.receipts = vec![(name, receipt)];
    }),
    ("too long a batch", Code::BatchInvalid, |log| {
        let mut genesis = Genesis::decode(&log.leaves[0]).unwrap();
        genesis.limits.batch_records_max = 1;
        log.leaves[0] = genesis.encode().unwrap();
    }),
    ("nothing but damage", Code::FindingsOmitted, |log| {
        log.leaves.splice(2..2, vec![b"{}".to_vec(); FINDINGS_MAX + 1]);
    }),
];

fn with_event(change: impl FnOnce(&mut Ledger)) -> Log {
    let mut ledger = two_batches();
    change(&mut ledger);
    ledger.seal();
    Log::of(&ledger)
}

#[test]
fn every_lie_has_its_own_reason() {
    for (name, code, tell) in LIES {
        let mut log = Log::of(&two_batches());
        tell(&mut log);
        let report = log.replay();
        assert!(codes(&report).contains(code), "{name}: {code} is not among {:#?}", report.findings);
        let expected = if code.outcome() == ledger_core::evidence::finding::Outcome::Indeterminate {
            Verdict::Indeterminate
        } else {
            Verdict::Failed
        };
        assert_eq!(report.verdict, expected, "{name}");
        assert!(report.findings.len() <= FINDINGS_MAX + 2);
    }
}

#[test]
fn a_log_rewritten_without_a_fault_is_found_by_a_receipt_alone() {
    let honest = Log::of(&two_batches());
    let mut ledger = Ledger::new();
    prepare(&mut ledger);
    ledger.seal();
    let mut rewritten = Log::of(&ledger);
    assert_eq!(rewritten.replay().verdict, Verdict::Passed);
    rewritten.receipts = vec![honest.receipt(12)];
    let report = rewritten.replay();
    assert_eq!(report.verdict, Verdict::Failed);
    assert_eq!(codes(&report), BTreeSet::from([Code::Fork]));
}

/// Payloads in the open, by the SHA-256 of their commitment.
#[derive(Debug, Clone)]
struct InTheOpen(BTreeMap<Digest, (Salt, Vec<u8>)>);

impl InTheOpen {
    fn of(ledger: &Ledger) -> Self {
        let place = |payload: &PayloadInput| {
            let record = ledger.record(payload.leaf);
            let commitment = record.sealed.iter().find(|commitment| commitment.slot == payload.slot).unwrap();
            (commitment.sha256, (payload.salt, payload.bytes.clone()))
        };
        Self(ledger.payloads.iter().map(place).collect())
    }
}

impl PayloadSource for InTheOpen {
    fn open(&self, event: EventId, commitment: &Commitment) -> Opened {
        match self.0.get(&commitment.sha256) {
            None => Opened::Missing,
            Some((salt, bytes)) => match commitment.verify(event, salt, bytes) {
                Ok(()) => Opened::Right(bytes.clone()),
                Err(error) => Opened::Wrong(error.to_string()),
            },
        }
    }
}

fn replay_with(ledger: &Ledger, trust: TrustDirectory, payloads: &InTheOpen) -> ReplayReport {
    let log = Log::of(ledger);
    let mut replay = Replay::new(Some(trust), Vec::new()).with_payloads(Box::new(payloads.clone()));
    for (at, leaf) in log.decoded().iter().enumerate() {
        replay.push(leaf);
        if let Some(note) = log.notes.get(&at) {
            replay.note(note);
        }
    }
    replay.finish()
}

#[test]
fn with_the_payloads_every_signature_is_verified_again() {
    let ledger = two_batches();
    let payloads = InTheOpen::of(&ledger);
    let report = replay_with(&ledger, ledger.trust(), &payloads);
    assert_eq!(codes(&report), BTreeSet::from([Code::LogVerified]), "{:#?}", report.findings);
    assert_eq!(report.verdict, Verdict::Passed);
    let without_roots = replay_with(&ledger, ledger.trust_with(&[]), &payloads);
    assert_eq!(without_roots.verdict, Verdict::Indeterminate);
    assert!(codes(&without_roots).contains(&Code::SignatureIndeterminate));
    for name in payloads.0.keys() {
        let mut changed = payloads.clone();
        changed.0.get_mut(name).unwrap().1.push(0);
        assert!(codes(&replay_with(&ledger, ledger.trust(), &changed)).contains(&Code::PayloadMismatch), "{name}");
        changed.0.remove(name);
        assert!(codes(&replay_with(&ledger, ledger.trust(), &changed)).contains(&Code::PayloadMissing), "{name}");
    }
}

#[test]
fn pending_signatures_and_findings_are_replayed_with_their_payloads() {
    for ledger in [exchange_that_waited(), exchange_found_at_receipt()] {
        let report = replay_with(&ledger, ledger.trust(), &InTheOpen::of(&ledger));
        assert_eq!(codes(&report), BTreeSet::from([Code::LogVerified]), "{:#?}", report.findings);
    }
    for (name, ledger) in dishonest_findings_at_receipt() {
        let report = replay_with(&ledger, ledger.trust(), &InTheOpen::of(&ledger));
        assert!(codes(&report).contains(&Code::EventNotAllowed), "{name}: {:#?}", report.findings);
    }
    let ledger = signed_without_the_role();
    let report = replay_with(&ledger, ledger.trust(), &InTheOpen::of(&ledger));
    let differing = report.findings.iter().filter(|finding| finding.code == Code::VerdictDiffers).count();
    assert_eq!(differing, 2, "{:#?}", report.findings);
    // What was found is not what the check comes to, about the signature and about its receipt.
    for at_receipt in [false, true] {
        let mut ledger = Ledger::new();
        let crl = prepare(&mut ledger);
        let (_, event) = form_and_sign_as(&mut ledger, signed(SENDER, &[crl]));
        send(&mut ledger);
        receive(&mut ledger);
        let lie = Signed { verdict: ledger_core::domain::event::Verdict::Failed, ..signed(SENDER, &[crl]) };
        if at_receipt {
            find_at_receipt(&mut ledger, event, 1, lie);
        } else {
            find(&mut ledger, event, lie);
        }
        ledger.seal();
        let report = replay_with(&ledger, ledger.trust(), &InTheOpen::of(&ledger));
        assert!(codes(&report).contains(&Code::VerdictDiffers), "{at_receipt}: {:#?}", report.findings);
    }
}

#[test]
fn a_signature_over_something_else_is_found_though_all_hashes_hold() {
    let mut ledger = Ledger::new();
    let crl = prepare(&mut ledger);
    form_and_sign(&mut ledger, crl);
    let applied = SignatureApplied { document: document(), slot: 1, signature: signed(SENDER, &[crl]) };
    let cms = ("cms", file("sender-possession.p7s"));
    ledger.append(Event::SignatureApplied(applied), &[cms, ("report", b"{\"schema\":1}".to_vec())]);
    ledger.seal();
    let report = replay_with(&ledger, ledger.trust(), &InTheOpen::of(&ledger));
    assert_eq!(report.verdict, Verdict::Failed);
    for code in [Code::SignatureFailed, Code::VerdictDiffers] {
        assert!(codes(&report).contains(&code), "{code}: {:#?}", report.findings);
    }
}
