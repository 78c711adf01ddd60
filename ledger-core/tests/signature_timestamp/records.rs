//! Evidence records whose authority is trusted: what the suite of `signature_evidence_record` cannot show.

use ledger_core::pki::report::codes;
use ledger_core::signature::evidence_record::{
    ArchivedObject, EvidenceRecordInput, EvidenceRecordReport, verify_evidence_record,
};
use ledger_core::signature::{EvidenceSet, Outcome, TrustSnapshot, Verdict};

use super::authority::{World, world};
use super::der::tlv;
use super::policy;

/// A record of one chain whose timestamps have no trees: the first over the object, each next over the one before.
fn record(tokens: &[&[u8]]) -> Vec<u8> {
    let timestamps: Vec<u8> = tokens.iter().flat_map(|token| tlv(0x30, &[token])).collect();
    let chain = tlv(0x30, &[&timestamps]);
    tlv(0x30, &[&[2, 1, 1, 0x30, 0], &tlv(0x30, &[&chain])])
}

fn judge(world: &World, record: &[u8], object: &[u8], years_later: u64) -> EvidenceRecordReport {
    let trust = TrustSnapshot::from_certificates([&world.tsa_root]).unwrap();
    let now = super::check(
        &world.document_token,
        ledger_core::signature::timestamp::Stamped::Bytes(b""),
        &trust,
        &EvidenceSet::default(),
    );
    verify_evidence_record(&EvidenceRecordInput {
        record,
        objects: &[ArchivedObject::Bytes(object)],
        evidence: &EvidenceSet::default(),
        trust: &trust,
        policy: &policy(),
        at: now.latest.unwrap().plus_ms(years_later * 366 * 86_400_000),
        known_until: None,
    })
}

#[test]
fn a_record_proves_since_when_an_object_exists_until_its_last_timestamp_runs_out() {
    let world = world();
    for tokens in [&[world.document_token.as_slice()][..], &[&world.document_token, &world.renewal_tokens[0]]] {
        let report = judge(world, &record(tokens), &world.document, 0);
        assert_eq!(report.verdict, Verdict::Passed, "{report:#?}");
        assert_eq!(report.existed_by, report.archive_timestamps[0].token.latest);
        assert!(report.existed_by.is_some());
        let other = judge(world, &record(tokens), b"another object", 0);
        assert_eq!(other.objects[0].code.as_str(), codes::ARCHIVED_OBJECT_NOT_COVERED);
        assert!(matches!(other.verdict, Verdict::Failed(_)) && other.existed_by.is_none());
        // The certificate of the authority is for one year, and nobody renewed in time.
        let late = judge(world, &record(tokens), &world.document, 5);
        assert_eq!(late.archive_timestamps.last().unwrap().held.code.as_str(), codes::EXPIRED);
        assert!(matches!(late.verdict, Verdict::Failed(_)), "{late:#?}");
    }
}

#[test]
fn a_timestamp_that_does_not_cover_the_one_before_it_renews_nothing() {
    let world = world();
    for tokens in [[&world.document_token, &world.token], [&world.document_token, &world.document_token]] {
        let report = judge(world, &record(&[tokens[0], tokens[1]]), &world.document, 0);
        assert_eq!(report.archive_timestamps[0].token.verdict, Verdict::Passed);
        assert_eq!(report.archive_timestamps[1].renewal.code.as_str(), codes::ARCHIVE_TIMESTAMP_RENEWAL);
        assert!(matches!(report.verdict, Verdict::Failed(_)), "{report:#?}");
    }
    let swapped = judge(world, &record(&[&world.renewal_tokens[0], &world.document_token]), &world.document, 0);
    assert_eq!(swapped.objects[0].outcome, Outcome::Fail);
}

/// Pitfall 10 has another side: half of the operations of a report are kept for signatures, and a record has none. A
/// record that was renewed some fifty times could not be verified to its end for that.
#[test]
fn a_record_of_sixty_renewals_is_verified_to_its_end() {
    let world = world();
    let tokens: Vec<&[u8]> =
        std::iter::once(&world.document_token).chain(&world.renewal_tokens).map(Vec::as_slice).collect();
    // The last of them may be some seconds younger than the time of verification.
    let report = judge(world, &record(&tokens), &world.document, 0);
    let obstacles: Vec<_> =
        report.archive_timestamps.iter().filter(|one| one.token.verdict != Verdict::Passed).collect();
    assert!(obstacles.is_empty(), "{obstacles:#?}");
    assert_eq!(report.archive_timestamps.len(), 61);
    assert!(report.archive_timestamps.iter().all(|one| one.renewal.outcome != Outcome::Fail));
}
