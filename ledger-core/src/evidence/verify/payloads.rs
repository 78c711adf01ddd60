//! Payloads: each the one that its record commits to, none missing, and the ids that follow from their content.

use std::collections::{BTreeMap, BTreeSet};

use super::Case;
use crate::digest::Digest;
use crate::domain::document::ContentInfo;
use crate::domain::event::Event;
use crate::evidence::bundle::payload_file;
use crate::evidence::finding::{Code, Finding};
use crate::evidence::manifest::UnavailableReason;
use crate::id::{CertificateId, LeafIndex, StreamId, StreamKind};
use crate::pki::certificate::Certificate;

pub(super) fn check(case: &mut Case<'_>) {
    let mut findings = Vec::new();
    let mut found = |code, index: LeafIndex, detail: String| {
        let id = case.records.get(&index).map(|shown| shown.record.id);
        findings.push(Finding::new(code, detail).about(index, id));
    };
    let manifest = &case.bundle.manifest;
    let reasons: BTreeMap<(LeafIndex, &str), UnavailableReason> =
        manifest.unavailable.iter().map(|one| ((one.leaf, one.slot.as_str()), one.reason)).collect();
    let mut known: BTreeSet<(LeafIndex, &str)> = BTreeSet::new();
    let (mut verified, mut withheld) = (0_usize, 0_usize);
    for (index, shown) in &case.records {
        let own = is_about(shown, case);
        for commitment in &shown.record.sealed {
            let slot = commitment.slot.as_str();
            known.insert((*index, slot));
            let Some((entry, content)) = case.bundle.payload(*index, slot) else {
                match reasons.get(&(*index, slot)) {
                    Some(UnavailableReason::OtherDocument) if !own => withheld += 1,
                    Some(UnavailableReason::PersonalData) if is_personal(shown, slot) => withheld += 1,
                    _ => found(Code::PayloadMissing, *index, format!("{slot} of {}", shown.event.type_name())),
                }
                continue;
            };
            if entry.file != payload_file(*index, &shown.record, &commitment.slot) {
                found(Code::PayloadFile, *index, entry.file.clone());
            }
            match commitment.verify(shown.record.id, &entry.salt(), content) {
                Ok(()) => verified += 1,
                Err(error) => found(Code::PayloadMismatch, *index, format!("{}: {error}", entry.file)),
            }
        }
        for detail in ids(case, *index, &shown.event) {
            found(Code::IdMismatch, *index, detail.to_owned());
        }
        if let Some(detail) = content(case, *index, &shown.event) {
            found(Code::ContentMismatch, *index, detail.to_owned());
        }
    }
    let listed = manifest.payloads.iter().map(|entry| (entry.leaf, entry.slot.as_str()));
    let unavailable = manifest.unavailable.iter().map(|entry| (entry.leaf, entry.slot.as_str()));
    for (index, slot) in listed.chain(unavailable).filter(|place| !known.contains(place)) {
        found(Code::PayloadUnknown, index, slot.to_owned());
    }
    let clean = findings.is_empty();
    case.findings.extend(findings);
    if clean {
        case.find(Code::PayloadsVerified, format!("{verified} payloads"));
    }
    if withheld > 0 {
        case.find(Code::PayloadWithheld, format!("{withheld} payloads"));
    }
}

/// Whether the record bears on the document: only then its payloads are needed.
fn is_about(shown: &super::Shown, case: &Case<'_>) -> bool {
    let document = case.bundle.manifest.document;
    shown.event.document() == Some(document) || shown.record.streams.contains(&StreamId::document(document))
}

/// A name or number of a participant; no question needs it, for records bind signers by certificate.
fn is_personal(shown: &super::Shown, slot: &str) -> bool {
    let participant = shown.record.home().is_some_and(|home| home.kind() == StreamKind::Participant);
    participant || slot == "statement"
}

/// Ids in the record that are digests of what a payload holds.
fn ids(case: &Case<'_>, index: LeafIndex, event: &Event) -> Vec<&'static str> {
    let payload = |slot| case.bundle.payload(index, slot).map(|(_, content)| content);
    let mut wrong = Vec::new();
    #[expect(clippy::wildcard_enum_match_arm, reason = "the other events hold no such ids")]
    match event {
        Event::CertificateRegistered(data) => {
            let Some(der) = payload("certificate") else { return wrong };
            match Certificate::parse(der) {
                Ok(certificate) => {
                    let same_key = certificate.key() == data.key;
                    let same_times =
                        (certificate.not_before(), certificate.not_after()) == (data.not_before, data.not_after);
                    wrong.extend((!same_key).then_some("the key is not that of the certificate"));
                    wrong.extend((!same_times).then_some("the validity is not that of the certificate"));
                }
                Err(_) => wrong.push("the certificate cannot be read"),
            }
            let same = CertificateId::of_der(der) == data.certificate;
            wrong.extend((!same).then_some("the certificate has another id"));
        }
        Event::CrlRecorded(data) => {
            let same = payload("crl").is_none_or(|der| Digest::sha256(&[der]) == data.crl);
            wrong.extend((!same).then_some("the revocation list has another digest"));
        }
        _ => {}
    }
    wrong
}

fn content(case: &Case<'_>, index: LeafIndex, event: &Event) -> Option<&'static str> {
    let Event::DocumentFormed(_) = event else { return None };
    let (_, content) = case.bundle.payload(index, "content")?;
    let (_, info) = case.bundle.payload(index, "content-info")?;
    let Ok(info) = serde_json::from_slice::<ContentInfo>(info) else { return Some("content-info cannot be read") };
    if u64::try_from(content.len()) != Ok(info.bytes) {
        return Some("the content has another length");
    }
    (Digest::sha256(&[content]) != info.sha256).then_some("the content has another digest")
}
