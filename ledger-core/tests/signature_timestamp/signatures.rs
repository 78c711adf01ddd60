//! Signatures with timestamps: when a token proves the time of signing, and when it proves nothing.

use ledger_core::pki::report::codes;
use ledger_core::signature::report::TimeProof;
use ledger_core::signature::timestamp::{Stamped, TimestampKind, TimestampOrigin};
use ledger_core::signature::{
    EvidenceSet, Outcome, SignaturePolicy, SignatureReport, TrustSnapshot, Verdict, VerificationReport, VerifyInput,
    verify,
};
use ledger_core::time::Timestamp;
use proptest::prelude::*;

use super::authority::{World, world};
use super::der::{attribute, tlv, with_unsigned};
use super::{check, policy};

const SIGNATURE_TIMESTAMP: u8 = 14;

fn both_roots(world: &World) -> TrustSnapshot {
    TrustSnapshot::from_certificates([&world.signer_root, &world.tsa_root]).unwrap()
}

/// What the token of the world says, by OpenSSL's clock.
fn stamped_at(world: &World) -> Timestamp {
    let stamped = Stamped::Bytes(b"");
    check(&world.token, stamped, &both_roots(world), &EvidenceSet::default()).latest.unwrap()
}

/// Verifies with the ledger's receipt ten years after the token, and receipt by the addressee at the token's time.
fn late(world: &World, trust: &TrustSnapshot, signature: &[u8], evidence: &EvidenceSet) -> VerificationReport {
    let at = stamped_at(world);
    verify(&VerifyInput {
        document: &world.document,
        signature,
        evidence,
        trust,
        policy: &policy(),
        signing_time: at.plus_ms(10 * 365 * 86_400_000),
        receipt_time: at,
        known_until: None,
        document_type: None,
    })
}

fn with_token(world: &World, token: &[u8]) -> Vec<u8> {
    with_unsigned(&world.signature, &attribute(SIGNATURE_TIMESTAMP, &[token]))
}

fn is_by_receipt(report: &SignatureReport) -> bool {
    matches!(report.best_signature_time, TimeProof::Receipt { .. })
}

/// The signature of the world was received when its certificate had long run out.
fn is_too_late(report: &VerificationReport) -> bool {
    report.signatures[0].certificate_validity_at.at_signing.code.as_str() == codes::EXPIRED
        && matches!(report.overall, Verdict::Failed(_))
}

/// Pitfalls 5 to 8. The chain of the signer ends at one root, that of the authority at another.
#[test]
fn a_timestamp_over_the_signature_proves_a_time_before_the_receipt() {
    let world = world();
    let (trust, none) = (both_roots(world), EvidenceSet::default());
    let report = late(world, &trust, &world.signature, &none);
    assert!(is_too_late(&report), "{report:#?}");
    assert_eq!(report.signatures[0].timestamp.code.as_str(), codes::ABSENT);
    assert!(report.timestamps.is_empty());

    let report = late(world, &trust, &with_token(world, &world.token), &none);
    let one = &report.signatures[0];
    assert_eq!(report.overall, Verdict::Passed, "{report:#?}");
    let [token] = report.timestamps.as_slice() else { panic!("{report:#?}") };
    assert_eq!(one.best_signature_time, TimeProof::Timestamp { at: stamped_at(world), token: token.id });
    assert_eq!(one.timestamp.outcome, Outcome::Pass);
    assert_eq!((token.kind, token.origin), (TimestampKind::Signature, TimestampOrigin::UnsignedAttribute));
    assert_eq!(token.latest.unwrap().unix_ms() - token.gen_time.unwrap().unix_ms(), 1000, "the stated accuracy");
    assert_eq!(token.policy.as_deref(), Some("1.2.398.3.3.2.6.4"));
    // The report stays within the profile that goes into records.
    let bytes = report.to_canonical_bytes().unwrap();
    ledger_core::canonical::check_any_length(&bytes).unwrap();
    assert_eq!(serde_json::from_slice::<VerificationReport>(&bytes).unwrap(), report);
}

#[test]
fn a_receipt_before_the_timestamp_stays_the_time_of_signing() {
    let world = world();
    let at = stamped_at(world).minus_ms(500);
    let report = verify(&VerifyInput {
        document: &world.document,
        signature: &with_token(world, &world.token),
        evidence: &EvidenceSet::default(),
        trust: &both_roots(world),
        policy: &policy(),
        signing_time: at,
        receipt_time: at,
        known_until: None,
        document_type: None,
    });
    assert_eq!(report.signatures[0].best_signature_time, TimeProof::Receipt { at });
    assert_eq!(report.signatures[0].timestamp.outcome, Outcome::Pass);
}

#[test]
fn a_collected_token_counts_for_the_signature_that_it_stamps_and_for_no_other() {
    let world = world();
    let trust = both_roots(world);
    let mut evidence = EvidenceSet::default();
    for token in [&world.document_token, &world.token, &world.token] {
        evidence.add_timestamp(token);
    }
    evidence.add_timestamp(b"no token");
    evidence.add_timestamp(&vec![0; 300_000]);
    assert_eq!((evidence.timestamps().len(), evidence.unusable().len()), (3, 1));
    let report = late(world, &trust, &world.signature, &evidence);
    assert_eq!(report.overall, Verdict::Passed, "{report:#?}");
    assert_eq!(report.timestamps.len(), 1);
    assert_eq!(report.timestamps[0].origin, TimestampOrigin::Evidence);
    let report = late(world, &trust, &world.other_signature, &evidence);
    assert!(report.timestamps.is_empty() && is_too_late(&report), "{report:#?}");
}

#[test]
fn a_collected_token_made_later_than_what_may_be_known_is_not_looked_at() {
    let world = world();
    let (document, signature, trust, policy) = (&world.document, &world.signature, &both_roots(world), &policy());
    let mut evidence = EvidenceSet::default();
    evidence.add_timestamp(&world.token);
    let at = stamped_at(world);
    for (known_until, count) in [(None, 1), (Some(at), 1), (Some(at.minus_ms(5000)), 0)] {
        let evidence = &evidence;
        let (signing_time, receipt_time) = (at.plus_ms(1), at.plus_ms(1));
        let document_type = None;
        let report = verify(&VerifyInput {
            document,
            signature,
            evidence,
            trust,
            policy,
            signing_time,
            receipt_time,
            known_until,
            document_type,
        });
        assert_eq!(report.timestamps.len(), count, "{known_until:?}");
        assert_eq!(is_by_receipt(&report.signatures[0]), count == 0, "{known_until:?}");
    }
}

/// Pitfall 6: the same mistake as in `NEG_cades_t_over_content`, by an authority that is trusted.
#[test]
fn a_timestamp_over_anything_else_is_ignored_with_its_own_code() {
    let world = world();
    let report = late(world, &both_roots(world), &with_token(world, &world.document_token), &EvidenceSet::default());
    let one = &report.signatures[0];
    assert_eq!(report.timestamps[0].imprint_check.code.as_str(), codes::TIMESTAMP_IMPRINT);
    assert_eq!(report.timestamps[0].integrity.outcome, Outcome::Pass);
    assert_eq!((one.timestamp.outcome, one.timestamp.code.as_str()), (Outcome::Warning, codes::TIMESTAMP_NOT_COUNTED));
    assert!(is_by_receipt(one) && is_too_late(&report), "{report:#?}");
}

/// Pitfall 5: what cannot be judged makes nothing better and nothing worse.
#[test]
fn a_token_that_does_not_pass_changes_no_verdict() {
    let world = world();
    let none = EvidenceSet::default();
    let signer_only = TrustSnapshot::from_certificates([&world.signer_root]).unwrap();
    let trust = both_roots(world);
    let strict = SignaturePolicy::default_2026();
    let mut tokens = vec![
        (&trust, world.unnamed_token.clone(), "unnamed"),
        (&trust, world.double_token.clone(), "double"),
        (&trust, b"\x30\x03\x02\x01\x05".to_vec(), "no token"),
        (&signer_only, world.token.clone(), "nobody trusts the authority"),
    ];
    tokens.extend(world.unfit_tokens.iter().map(|(name, token)| (&trust, token.clone(), *name)));
    for (trust, token, what) in tokens {
        let signature = with_token(world, &token);
        let report = late(world, trust, &signature, &none);
        assert!(is_by_receipt(&report.signatures[0]) && is_too_late(&report), "{what}: {report:#?}");
        assert_eq!(report.signatures[0].timestamp.code.as_str(), codes::TIMESTAMP_NOT_COUNTED, "{what}");
        // Received in time, the signature is as good as without the token.
        let at = stamped_at(world);
        for (policy, document) in [(&policy(), &world.document), (&strict, &world.document), (&strict, &vec![1])] {
            let input = VerifyInput {
                document,
                signature: &world.signature,
                evidence: &none,
                trust,
                policy,
                signing_time: at,
                receipt_time: at,
                known_until: None,
                document_type: None,
            };
            let plain = verify(&input).overall;
            assert_eq!(verify(&VerifyInput { signature: &signature, ..input }).overall, plain, "{what}");
        }
    }
}

#[test]
fn a_token_by_a_certificate_that_is_not_for_timestamps_alone_fails_for_its_key_usage() {
    let world = world();
    for (name, token) in &world.unfit_tokens {
        let report = check(token, Stamped::Bytes(b""), &both_roots(world), &EvidenceSet::default());
        assert_eq!(report.integrity.outcome, Outcome::Pass, "{name}: {report:#?}");
        assert_eq!(report.key_usage.code.as_str(), codes::TIMESTAMP_KEY_USAGE, "{name}");
    }
    let of = |token| check(token, Stamped::Bytes(b""), &both_roots(world), &EvidenceSet::default());
    assert_eq!(of(&world.token).key_usage.outcome, Outcome::Pass);
    assert_eq!(of(&world.unnamed_token).signing_certificate_attr.code.as_str(), codes::SIGNING_CERTIFICATE_ABSENT);
    assert_eq!(of(&world.double_token).format.code.as_str(), codes::TIMESTAMP_SIGNERS);
}

/// Pitfall 11.
#[test]
fn bytes_after_a_token_are_refused() {
    let world = world();
    let longer = [world.token.as_slice(), &[0]].concat();
    let report = check(&longer, Stamped::Bytes(b""), &both_roots(world), &EvidenceSet::default());
    assert_eq!(report.format.code.as_str(), codes::PARSE);
    assert!(matches!(report.verdict, Verdict::Failed(_)));
}

/// Pitfall 10.
#[test]
fn more_tokens_than_anyone_collects_leave_the_signature_its_operations() {
    let world = world();
    let many: Vec<_> = (0..60).map(|_| attribute(SIGNATURE_TIMESTAMP, &[&world.document_token])).collect();
    let signature = with_unsigned(&world.signature, &many.concat());
    let at = stamped_at(world);
    let mut evidence = EvidenceSet::default();
    evidence.add_timestamp(&world.token);
    let report = verify(&VerifyInput {
        document: &world.document,
        signature: &signature,
        evidence: &evidence,
        trust: &both_roots(world),
        policy: &policy(),
        signing_time: at.plus_ms(1),
        receipt_time: at,
        known_until: None,
        document_type: None,
    });
    assert_eq!(report.timestamps.len(), 16);
    assert!(report.signatures[0].timestamp.detail.is_some());
    assert_eq!(report.overall, Verdict::Passed, "{report:#?}");
    // The collected token is not pushed out by those that somebody added.
    let proof = report.signatures[0].best_signature_time;
    assert!(matches!(proof, TimeProof::Timestamp { at: proven, .. } if proven == at), "{proof:?}");
}

/// Pitfalls 5 and 10: certificates among the unsigned attributes filled the pool, and that of the authority, which is
/// inside the token, found no room.
#[test]
fn certificates_added_to_a_message_leave_room_for_those_of_a_collected_token() {
    let world = world();
    let forged: Vec<Vec<u8>> = (0..600_u32)
        .map(|number| {
            let mut der = world.signer_root.clone();
            let at = der.len() - 2;
            der[at..].copy_from_slice(&number.to_be_bytes()[2..]);
            der
        })
        .collect();
    let signature = with_unsigned(&world.signature, &attribute(23, &[&tlv(0x30, &[&forged.concat()])]));
    let mut evidence = EvidenceSet::default();
    evidence.add_timestamp(&world.token);
    let report = late(world, &both_roots(world), &signature, &evidence);
    assert_eq!(report.overall, Verdict::Passed, "{report:#?}");
}

/// Pitfalls 7 and 8; RFC 3161 section 4: whoever stole the key of an authority can write any time into a token. Its
/// certificate was good at the time that the token says, and that is all the check had asked.
#[test]
fn a_token_of_an_authority_whose_key_was_stolen_before_the_receipt_proves_no_time() {
    let world = world();
    let trust = both_roots(world);
    let signature = with_token(world, &world.token);
    for (reason, list) in &world.revocations {
        let evidence = EvidenceSet::new(&[], std::slice::from_ref(list));
        let report = late(world, &trust, &signature, &evidence);
        if *reason == ",superseded" {
            assert_eq!(report.overall, Verdict::Passed, "{reason} {report:#?}");
            continue;
        }
        assert!(is_by_receipt(&report.signatures[0]) && is_too_late(&report), "{reason} {report:#?}");
        assert_eq!(report.timestamps[0].revocation[0].check.code.as_str(), codes::REVOKED, "{reason}");
        assert_eq!(report.signatures[0].timestamp.code.as_str(), codes::TIMESTAMP_NOT_COUNTED, "{reason}");
        let alone = check(&world.token, Stamped::Bytes(b""), &trust, &evidence);
        assert_eq!(alone.revocation[0].check.code.as_str(), codes::REVOKED, "{reason}");
        // Received before the theft, the token was there when the key was still in good hands.
        let at = stamped_at(world).plus_ms(2000);
        let report = verify(&VerifyInput {
            document: &world.document,
            signature: &signature,
            evidence: &evidence,
            trust: &trust,
            policy: &policy(),
            signing_time: at,
            receipt_time: at,
            known_until: None,
            document_type: None,
        });
        assert!(!is_by_receipt(&report.signatures[0]), "{reason} {report:#?}");
    }
}

/// Pitfall 4, and archive timestamps: said to be there, counted for nothing.
#[test]
fn counter_signatures_and_archive_timestamps_are_reported_and_never_counted() {
    let world = world();
    let archive = attribute(27, &[&world.token]);
    let oid = tlv(6, &[&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 6]]);
    let counter = tlv(0x30, &[&oid, &tlv(0x31, &[&tlv(0x30, &[]), &tlv(0x30, &[])])]);
    let signature = with_unsigned(&world.signature, &[counter, archive].concat());
    let report = late(world, &both_roots(world), &signature, &EvidenceSet::default());
    let one = &report.signatures[0];
    assert_eq!(
        (one.counter_signatures.code.as_str(), one.counter_signatures.outcome),
        (codes::COUNTER_SIGNATURES, Outcome::NotApplicable)
    );
    assert_eq!(report.timestamps[0].kind, TimestampKind::Archive);
    assert_eq!(report.timestamps[0].format.code.as_str(), codes::TIMESTAMP_UNSUPPORTED);
    assert_eq!(one.timestamp.code.as_str(), codes::ABSENT);
    assert!(is_by_receipt(one) && is_too_late(&report), "{report:#?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Pitfall 5: whoever changes a token can make it useless, not make it say another time.
    #[test]
    fn a_changed_token_proves_the_same_time_or_none(at: prop::sample::Index, byte: u8) {
        let world = world();
        let mut token = world.token.clone();
        let at = at.index(token.len());
        token[at] = byte;
        let report = late(world, &both_roots(world), &with_token(world, &token), &EvidenceSet::default());
        if let Some(TimeProof::Timestamp { at, .. }) = report.signatures.first().map(|one| one.best_signature_time) {
            prop_assert_eq!(at, stamped_at(world));
        } else {
            prop_assert!(!report.overall.is_passed());
        }
    }
}
