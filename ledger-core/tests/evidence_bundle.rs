//! The evidence bundle and its verifier: an honest exchange passes, and every lie that a bundle can show is found.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::wildcard_imports,
    dead_code,
    unreachable_pub,
    missing_docs,
    missing_debug_implementations,
    reason = "a test that cannot go on has failed"
)]

#[path = "evidence_bundle/ledger.rs"]
mod ledger;
#[path = "evidence_bundle/second_opinion.rs"]
mod second_opinion;

use ledger::*;
use ledger_core::domain::event::Verdict as Verdicts;
use ledger_core::domain::event::*;
use ledger_core::evidence::bundle::{BundleInput, build, open};
use ledger_core::evidence::conditions::Condition;
use ledger_core::evidence::container;
use ledger_core::evidence::finding::{Code, Outcome};
use ledger_core::evidence::manifest::{UnavailablePayload, UnavailableReason};
use ledger_core::evidence::questions::Establishment;
use ledger_core::evidence::{Options, Report, Verdict, verify};
use ledger_core::id::*;
use ledger_core::log::merkle::{Sha256Tree, leaf_hash, prove_batch};
use ledger_core::log::note::SignerKey;
use ledger_core::record::Record;

/// Our verifier's report; the second verifier must find the same.
fn check(ledger: &Ledger, bundle: &[u8]) -> Report {
    let report = verify(bundle, &ledger.trust(), Options::default()).unwrap();
    second_opinion::agrees(ledger, bundle, &report);
    report
}

fn codes(report: &Report, outcome: Outcome) -> Vec<&'static str> {
    let found = report.findings.iter().filter(|finding| finding.outcome == outcome);
    let mut codes: Vec<_> = found.map(|finding| finding.code.as_str()).collect();
    codes.dedup();
    codes
}

#[test]
fn an_honest_exchange_passes_with_all_questions_and_conditions() {
    let ledger = sealed();
    let report = check(&ledger, &ledger.bundle());
    assert_eq!(report.verdict, Verdict::Passed, "{:#?}", report.findings);
    assert_eq!(report.questions.len(), 5);
    for answer in &report.questions {
        assert_eq!(answer.answer, Establishment::Established, "{answer:?}");
    }
    assert_eq!(report.conditions.len(), 1);
    let one = &report.conditions[0];
    assert_eq!(one.all, Condition::Established, "{one:?}");
    assert_eq!((one.recipient, one.contested), (party(RECIPIENT), false));
    assert_eq!(report.timeline.len(), 7);
}

#[test]
fn the_same_input_gives_the_same_bytes_and_the_same_report() {
    let ledger = sealed();
    let bundle = ledger.bundle();
    assert_eq!(bundle, ledger.bundle());
    let text = |report: &Report| serde_json::to_string(report).unwrap();
    assert_eq!(text(&check(&ledger, &bundle)), text(&check(&ledger, &bundle)));
    let opened = open(&bundle).unwrap();
    assert!(opened.files.contains_key(format!("documents/{}/content.txt", document()).as_str()));
}

/// A flipped bit of every byte is found by the container alone (whose own test flips all bits of a small one); that
/// the verifier then fails and never panics is tried at every 997th byte, for a verification takes milliseconds.
#[test]
fn every_flipped_byte_is_found() {
    let ledger = sealed();
    let bundle = ledger.bundle();
    let trust = ledger.trust();
    let mut copy = bundle.clone();
    for place in 0..bundle.len() {
        let bit = 1 << (place % 8);
        copy[place] ^= bit;
        assert!(container::read(&copy).map_or(true, |contents| !contents.damaged.is_empty()), "byte {place}");
        if place % 997 == 0 {
            let verdict = verify(&copy, &trust, Options::default()).map(|report| report.verdict);
            assert!(!matches!(verdict, Ok(Verdict::Passed | Verdict::Indeterminate)), "byte {place}");
        }
        copy[place] ^= bit;
    }
    for end in (0..bundle.len()).step_by(4999) {
        let verdict = verify(&bundle[..end], &trust, Options::default()).map(|report| report.verdict);
        assert!(!matches!(verdict, Ok(Verdict::Passed | Verdict::Indeterminate)), "cut at {end}");
    }
}

/// As an attacker would: each file changed and the bundle packed again, with fresh checksums and digests.
#[test]
fn a_repacked_change_in_any_file_is_found() {
    let ledger = sealed();
    let input = ledger.input();
    for payload in 0..input.payloads.len() {
        let mut changed = input.clone();
        let bytes = &mut changed.payloads[payload].bytes;
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        let report = check(&ledger, &build(&changed).unwrap());
        assert!(codes(&report, Outcome::Fail).contains(&"payload-mismatch"), "{:?}", input.payloads[payload].slot);
    }
    for index in input.leaves.keys() {
        let mut changed = input.clone();
        let leaf = changed.leaves.get_mut(index).unwrap();
        let text = String::from_utf8(leaf.clone()).unwrap();
        *leaf = text.replacen("2026-06-01T", "2026-06-02T", 1).into_bytes();
        let report = check(&ledger, &build(&changed).unwrap());
        assert_eq!(report.verdict, Verdict::Failed, "leaf {index}");
        assert!(codes(&report, Outcome::Fail).contains(&"inclusion-failed"), "leaf {index}");
    }
}

/// A lie in the export: the log is honest, what is handed out is not.
#[track_caller]
fn dishonest_export(expected: &[Code], change: impl Fn(&Ledger, &mut BundleInput)) {
    let ledger = sealed();
    let mut input = ledger.input();
    change(&ledger, &mut input);
    expect(&check(&ledger, &build(&input).unwrap()), expected);
}

/// A lie in the log: the operator's key signs it.
#[track_caller]
fn dishonest_log(expected: &[Code], make: impl Fn() -> Ledger) {
    let ledger = make();
    expect(&check(&ledger, &ledger.bundle()), expected);
}

#[track_caller]
fn expect(report: &Report, expected: &[Code]) {
    for code in expected {
        let found = report.findings.iter().any(|finding| finding.code == *code);
        assert!(found, "{code} not found in {:#?}", report.findings);
        if code.outcome() == Outcome::Fail {
            assert_eq!(report.verdict, Verdict::Failed);
        }
    }
    assert_ne!(report.verdict, Verdict::Passed);
}

fn prove_again(ledger: &Ledger, input: &mut BundleInput) {
    let indexes: Vec<_> = input.leaves.keys().copied().collect();
    input.inclusion = prove_batch::<Sha256Tree>(&ledger.tree(), &indexes, TreeSize(ledger.size())).unwrap();
}

fn of_type(ledger: &Ledger, name: &str) -> LeafIndex {
    let mut indexes = (2..ledger.size() - 1).map(LeafIndex);
    indexes.find(|index| ledger.record(*index).event_type.as_str() == name).unwrap()
}

#[test]
fn a_record_dropped_from_the_middle_of_a_stream_is_found() {
    dishonest_export(&[Code::StreamIncomplete, Code::ChainBroken], |ledger, input| {
        let index = of_type(ledger, "document.signature_applied");
        input.leaves.remove(&index);
        input.payloads.retain(|payload| payload.leaf != index);
        for stream in &mut input.streams {
            stream.positions.retain(|(place, _)| *place != index);
        }
        prove_again(ledger, input);
    });
}

#[test]
fn a_withheld_record_is_counted_and_leaves_the_answer_open() {
    dishonest_export(&[Code::StreamWithheld], |ledger, input| {
        let index = of_type(ledger, "delivery.countersignature_applied");
        input.leaves.remove(&index);
        input.payloads.retain(|payload| payload.leaf != index);
        prove_again(ledger, input);
    });
}

/// The records of another document by the same key are shown without payloads, so that no compromise can hide there.
#[test]
fn records_of_another_document_by_the_same_key_need_no_payloads() {
    let mut ledger = exchange();
    let other = DocumentId::from_random([0xd1; 16]);
    let slots =
        vec![SignatureSlot { slot: 1, participant: party(SENDER), mandatory: true, group: 1, required_role: None }];
    let formed = DocumentFormed {
        document_type: None,
        document: other,
        sender: party(SENDER),
        format: Format::Text,
        formats: "2026-11".parse().unwrap(),
        slots,
    };
    let payload = |name| (name, b"{}".to_vec());
    let (first, _) = ledger.append(Event::DocumentFormed(formed), &[payload("content"), payload("content-info")]);
    let applied = SignatureApplied { document: other, slot: 1, signature: signed(SENDER, &[]) };
    let (second, _) = ledger.append(Event::SignatureApplied(applied), &[payload("cms"), payload("report")]);
    ledger.seal();
    let mut input = ledger.input();
    input.leaves.remove(&first);
    input.streams.retain(|one| one.stream != StreamId::document(other));
    for payload in input.payloads.extract_if(.., |payload| payload.leaf >= first) {
        if payload.leaf == second {
            input.unavailable.push(UnavailablePayload {
                leaf: second,
                reason: UnavailableReason::OtherDocument,
                slot: payload.slot,
            });
        }
    }
    prove_again(&ledger, &mut input);
    let report = check(&ledger, &build(&input).unwrap());
    assert_eq!(report.verdict, Verdict::Passed, "{:#?}", report.findings);
    assert!(codes(&report, Outcome::Info).contains(&"payload-withheld"));
    // Withheld altogether, they leave it open whether a compromise is among them.
    input.leaves.remove(&second);
    input.unavailable.retain(|one| one.leaf != second);
    prove_again(&ledger, &mut input);
    let report = check(&ledger, &build(&input).unwrap());
    assert_eq!(report.verdict, Verdict::Indeterminate, "{:#?}", report.findings);
    assert!(codes(&report, Outcome::Indeterminate).contains(&"stream-withheld"));
}

#[test]
fn swapped_foreign_and_doubled_positions_are_found() {
    dishonest_export(&[Code::StreamOrder, Code::StreamIncomplete], |_, input| input.streams[0].positions.swap(0, 1));
    dishonest_export(&[Code::StreamForeignLeaf, Code::StreamIncomplete], |ledger, input| {
        let index = of_type(ledger, "participant.registered");
        let leaf = leaf_hash(&input.leaves[&index]);
        let stream = input.streams.iter_mut().find(|one| one.stream.kind() == StreamKind::Document).unwrap();
        stream.positions.insert(0, (index, leaf));
    });
    dishonest_export(&[Code::StreamIncomplete], |_, input| {
        let one = input.streams[0].proof.clone();
        input.streams[1].proof = one;
    });
}

#[test]
fn swapped_leaves_are_found() {
    dishonest_export(&[Code::InclusionFailed, Code::StreamIncomplete], |ledger, input| {
        let (one, other) = (of_type(ledger, "document.sent"), of_type(ledger, "delivery.opened"));
        let (first, second) = (input.leaves[&one].clone(), input.leaves[&other].clone());
        input.leaves.extend([(one, second), (other, first)]);
    });
}

#[test]
fn a_missing_stream_leaves_the_answer_open() {
    for kind in [StreamKind::Document, StreamKind::Delivery, StreamKind::Certificate, StreamKind::Key] {
        dishonest_export(&[Code::StreamMissing], |_, input| input.streams.retain(|one| one.stream.kind() != kind));
    }
}

#[test]
fn an_old_checkpoint_with_an_old_seal_does_not_fit() {
    // The seal of an older checkpoint beside a newer note.
    dishonest_export(&[Code::InclusionFailed], |_, input| {
        let old = Ledger::new();
        let seal = old.leaves[1].clone();
        let last = *input.leaves.keys().last().unwrap();
        input.leaves.insert(last, seal);
    });
    // A log whose last leaf is no seal of its own place.
    dishonest_log(&[Code::SealInvalid, Code::StreamIncomplete], || {
        let mut ledger = sealed();
        let seal = ledger.leaves.last().unwrap().clone();
        ledger.seal();
        *ledger.leaves.last_mut().unwrap() = seal;
        ledger
    });
}

#[test]
fn a_record_that_the_map_leaves_out_is_shown_by_the_log_itself() {
    dishonest_log(&[Code::StreamOmitsRecord], || {
        let mut ledger = exchange();
        let key = StreamId::key(certificate("sender").key());
        ledger.streams.get_mut(&key).unwrap().pop();
        ledger.seal();
        ledger
    });
}

#[test]
fn a_chain_of_another_ledger_is_found() {
    dishonest_log(&[Code::ChainBroken], || {
        let mut ledger = Ledger::new();
        let crl = prepare(&mut ledger);
        let foreign = leaf_hash(b"another genesis");
        ledger.homes.insert(StreamId::document(document()), (0, foreign));
        form_and_sign(&mut ledger, crl);
        ledger.seal();
        ledger
    });
    let other = sealed();
    let mut trust = other.trust();
    trust.genesis = leaf_hash(b"another genesis");
    let report = verify(&other.bundle(), &trust, Options::default()).unwrap();
    expect(&report, &[Code::GenesisMismatch]);
}

#[test]
fn a_forked_note_under_another_key_is_found() {
    let ledger = sealed();
    let forger = SignerKey::from_seed(origin().as_str(), &[99; 32]).unwrap();
    let input = ledger.input_signed_by(&forger);
    expect(&check(&ledger, &build(&input).unwrap()), &[Code::CheckpointInvalid]);
}

/// Appends a copy of the last record with a change, in a log that is hashed and signed as if nothing were wrong.
fn with_last_changed(change: impl Fn(&mut Record)) -> Ledger {
    let mut ledger = exchange();
    let index = LeafIndex(ledger.size() - 1);
    let mut record = ledger.record(index);
    ledger.leaves.pop();
    for positions in ledger.streams.values_mut() {
        positions.retain(|place| *place != index);
    }
    change(&mut record);
    ledger.push(&record);
    ledger.seal();
    ledger
}

#[test]
fn what_an_honest_sequencer_never_writes_is_found() {
    dishonest_log(&[Code::RecordOrder], || with_last_changed(|record| record.at = time(0)));
    dishonest_log(&[Code::RecordOrder], || with_last_changed(|record| record.at = time(100_000)));
    dishonest_log(&[Code::ChainBroken], || with_last_changed(|record| record.seq += 1));
    dishonest_log(&[Code::ChainBroken], || with_last_changed(|record| record.prev = leaf_hash(b"x")));
    dishonest_log(&[Code::RecordStreams], || with_last_changed(|record| drop(record.streams.pop())));
    dishonest_log(&[Code::RecordMalformed], || with_last_changed(|record| record.version = 2));
    dishonest_log(&[Code::RecordDoubled], || {
        let first = exchange().record(LeafIndex(2)).id;
        with_last_changed(move |record| record.id = first)
    });
    dishonest_log(&[Code::RecordMalformed], || {
        with_last_changed(|record| {
            record.data = record.data.replace("\"reservations\":false", "\"reservations\":0").into();
        })
    });
}

#[test]
fn events_against_the_rules_are_found() {
    dishonest_log(&[Code::EventNotAllowed], || {
        let mut ledger = exchange();
        receive(&mut ledger);
        ledger.seal();
        ledger
    });
    dishonest_log(&[Code::EventNotAllowed], || {
        // Sent without the mandatory signature, to a recipient, by a sender with no such document.
        let mut ledger = Ledger::new();
        prepare(&mut ledger);
        send(&mut ledger);
        ledger.seal();
        ledger
    });
}

#[test]
fn a_signature_that_waited_is_proven_by_the_finding() {
    let ledger = exchange_that_waited();
    let report = check(&ledger, &ledger.bundle());
    assert_eq!(report.verdict, Verdict::Passed, "{:#?}", report.findings);
}

#[test]
fn a_receipt_that_was_looked_at_again_is_verified_with_what_was_found() {
    let ledger = exchange_found_at_receipt();
    let report = check(&ledger, &ledger.bundle());
    assert_eq!(report.verdict, Verdict::Passed, "{:#?}", report.findings);
    for (name, ledger) in dishonest_findings_at_receipt() {
        let found = check(&ledger, &ledger.bundle()).findings;
        assert!(found.iter().any(|finding| finding.code == Code::EventNotAllowed), "{name}: {found:#?}");
    }
}

/// The certificates of the fixture state no role, so nobody can say that they lack one (clause 8.6).
#[test]
fn a_slot_that_demands_a_role_is_not_verified_without_it() {
    let ledger = signed_without_the_role();
    let report = check(&ledger, &ledger.bundle());
    let of = |code: Code| report.findings.iter().filter(|finding| finding.code == code).count();
    assert_eq!((of(Code::VerdictDiffers), of(Code::SignatureIndeterminate)), (2, 2), "{:#?}", report.findings);
}

#[test]
fn a_finding_about_a_receipt_that_is_not_what_the_check_comes_to_is_found() {
    for (verdict, with_list) in [(Verdicts::Failed, true), (Verdicts::Failed, false), (Verdicts::Indeterminate, true)] {
        dishonest_log(&[Code::VerdictDiffers], || {
            let mut ledger = Ledger::new();
            let crl = prepare(&mut ledger);
            let (_, event) = form_and_sign_as(&mut ledger, signed(SENDER, &[crl]));
            send(&mut ledger);
            receive(&mut ledger);
            let lists = if with_list { vec![crl] } else { vec![] };
            find_at_receipt(&mut ledger, event, 1, Signed { verdict, ..signed(SENDER, &lists) });
            ledger.seal();
            ledger
        });
    }
}

#[test]
fn a_finding_whose_check_comes_to_something_else_is_found() {
    // A good signature is called bad, and one that nobody could check is called good.
    for (first, then) in [(Verdicts::Passed, Verdicts::Failed), (Verdicts::Indeterminate, Verdicts::Passed)] {
        dishonest_log(&[Code::VerdictDiffers], || {
            let mut ledger = Ledger::new();
            let crl = prepare(&mut ledger);
            let lists = if first == Verdicts::Passed { vec![crl] } else { vec![] };
            let signature = Signed { verdict: first, ..signed(SENDER, &lists) };
            let (_, event) = form_and_sign_as(&mut ledger, signature);
            find(&mut ledger, event, Signed { verdict: then, ..signed(SENDER, &lists) });
            ledger.seal();
            ledger
        });
    }
}

#[test]
fn sending_what_waits_and_finding_what_is_known_are_against_the_rules() {
    dishonest_log(&[Code::EventNotAllowed], || {
        let mut ledger = Ledger::new();
        prepare(&mut ledger);
        let waits = Signed { verdict: Verdicts::Indeterminate, ..signed(SENDER, &[]) };
        form_and_sign_as(&mut ledger, waits);
        send(&mut ledger);
        ledger.seal();
        ledger
    });
    dishonest_log(&[Code::EventNotAllowed], || {
        let mut ledger = Ledger::new();
        let crl = prepare(&mut ledger);
        let (_, event) = form_and_sign_as(&mut ledger, signed(SENDER, &[crl]));
        find(&mut ledger, event, signed(SENDER, &[crl]));
        ledger.seal();
        ledger
    });
}

fn compromise(ledger: &mut Ledger, claimed_since: u64) {
    let certificate = certificate("sender");
    let (key, participant) = (certificate.key(), party(SENDER));
    let reported = CompromiseReported {
        key,
        certificate: certificate.id(),
        participant,
        channel: Channel::Api,
        learned_at: time(claimed_since),
        claimed_since: time(claimed_since),
        received_at: time(ledger.at),
    };
    ledger.append(Event::CompromiseReported(reported), &[]);
    let suspended = KeyUseSuspended { key, participant, ground: SuspensionGround::Compromise };
    ledger.append(Event::KeyUseSuspended(suspended), &[]);
}

#[test]
fn a_compromise_is_shown_in_its_window_and_a_suspended_key_may_not_sign() {
    let windows = [(1, Code::CompromiseContested), (14, Code::CompromiseLater)];
    for (claimed_since, code) in windows {
        let mut ledger = exchange();
        compromise(&mut ledger, claimed_since);
        ledger.seal();
        let report = check(&ledger, &ledger.bundle());
        assert_eq!(report.verdict, Verdict::Passed, "{:#?}", report.findings);
        assert!(report.findings.iter().any(|finding| finding.code == code), "{:#?}", report.findings);
        assert_eq!(report.conditions[0].contested, code == Code::CompromiseContested);
    }
    dishonest_log(&[Code::SuspendedKeyUsed], || {
        let mut ledger = Ledger::new();
        let crl = prepare(&mut ledger);
        compromise(&mut ledger, 1);
        form_and_sign(&mut ledger, crl);
        ledger.seal();
        ledger
    });
}

#[test]
fn an_unknown_authority_leaves_signatures_open() {
    let ledger = sealed();
    for authorities in [vec![], vec![("ca/other.der", file("other-ca.der"))]] {
        let trust = ledger.trust_with(&authorities);
        let report = verify(&ledger.bundle(), &trust, Options::default()).unwrap();
        assert_eq!(report.verdict, Verdict::Indeterminate, "{:#?}", report.findings);
        let open = report.findings.iter().filter(|finding| finding.code == Code::SignatureIndeterminate);
        assert!(open.clone().count() >= 2);
        assert!(open.clone().all(|finding| finding.detail.contains("NO_CERTIFICATE_CHAIN_FOUND")), "{open:?}");
    }
}

#[test]
fn a_signature_over_something_else_is_found() {
    dishonest_log(&[Code::SignatureFailed, Code::VerdictDiffers], || {
        let mut ledger = Ledger::new();
        let crl = prepare(&mut ledger);
        let content = b"another content\n".to_vec();
        let info = format!(
            "{{\"bytes\":{},\"media_type\":\"text/plain\",\"sha256\":\"{}\",\"title\":\"Act\"}}",
            content.len(),
            ledger_core::digest::Digest::sha256(&[&content])
        );
        let formed = DocumentFormed {
            document_type: None,
            document: document(),
            sender: party(SENDER),
            format: Format::Text,
            formats: "2026-11".parse().unwrap(),
            slots: vec![SignatureSlot {
                slot: 1,
                participant: party(SENDER),
                mandatory: true,
                group: 1,
                required_role: None,
            }],
        };
        ledger.append(Event::DocumentFormed(formed), &[("content", content), ("content-info", info.into_bytes())]);
        let applied = SignatureApplied { document: document(), slot: 1, signature: signed(SENDER, &[crl]) };
        let payloads = [("cms", file("sender-content.p7s")), ("report", b"{\"schema\":1}".to_vec())];
        ledger.append(Event::SignatureApplied(applied), &payloads);
        ledger.seal();
        ledger
    });
}

#[test]
fn payloads_that_are_missing_too_many_or_misnamed_are_found() {
    dishonest_export(&[Code::PayloadMissing], |_, input| drop(input.payloads.pop()));
    dishonest_export(&[Code::PayloadMissing], |_, input| {
        // "Not of this document" does not excuse a payload that is.
        let payload = input.payloads.pop().unwrap();
        input.unavailable.push(UnavailablePayload {
            leaf: payload.leaf,
            reason: UnavailableReason::OtherDocument,
            slot: payload.slot,
        });
    });
    dishonest_export(&[Code::PayloadUnknown], |_, input| {
        let mut extra = input.payloads[0].clone();
        extra.slot = "extra".parse().unwrap();
        input.payloads.push(extra);
    });
    dishonest_export(&[Code::ManifestDiffers], |_, input| {
        input.origin = Origin::from_name_and_random("ledger.example", [8; 16]).unwrap();
    });
}

#[test]
fn answers_as_of_an_earlier_time_leave_out_what_came_later() {
    let ledger = sealed();
    let sent = ledger.record(of_type(&ledger, "document.sent")).at;
    let options = Options { as_of: Some(sent), now: Some(time(1_000_000)) };
    let report = verify(&ledger.bundle(), &ledger.trust(), options).unwrap();
    assert_eq!(report.verdict, Verdict::Passed);
    assert_eq!(report.timeline.len(), 3);
    assert_eq!(report.conditions.len(), 0);
    let codes = codes(&report, Outcome::Info);
    assert!(codes.contains(&"as-of") && codes.contains(&"checkpoint-old"), "{codes:?}");
}

#[test]
fn what_is_no_bundle_is_unusable() {
    let ledger = sealed();
    for bytes in [&b""[..], b"%PDF-1.7", b"PK", &[0; 1000]] {
        assert!(verify(bytes, &ledger.trust(), Options::default()).is_err());
    }
}
