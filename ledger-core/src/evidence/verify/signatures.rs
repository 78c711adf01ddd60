//! Signatures, verified again: as of the time of signing and as of each receipt, with the roots of the trust
//! directory; and once more with what the ledger says it used, to see that its recorded verdict can be repeated.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Case, Shown};
use crate::digest::Digest;
use crate::domain::Aggregate;
use crate::domain::delivery::Delivery;
use crate::domain::document::Document;
use crate::domain::event::{CertificateRegistered, DeliveryAccounted, DocumentType, Event, RecordedFinding, Signed};
use crate::domain::key::Key;
use crate::domain::refusal::RefusalCode;
use crate::domain::statement;
use crate::evidence::finding::Code;
use crate::evidence::outcome;
use crate::evidence::used::{AtSigning, UsedEvidence, at_signing};
use crate::id::{DeliveryId, EventId, IdentifierMode, LeafIndex, Origin, StreamId};
use crate::pki::crl::Crl;
use crate::signature::{
    self, EvidenceSet, SignaturePolicy, SignedContent, TrustSnapshot, Verdict, VerificationReport, VerifyInput,
};
use crate::time::Timestamp;

/// One signature and what the checks of it came to.
pub(in crate::evidence) struct Judged {
    pub(in crate::evidence) index: LeafIndex,
    pub(in crate::evidence) event: EventId,
    pub(in crate::evidence) signed: Signed,
    /// The slot of a signature on the document; acts on a delivery have none.
    pub(in crate::evidence) slot: Option<u64>,
    /// Whether it is over the document (by the sender's side or a countersignature), not over a statement.
    pub(in crate::evidence) over_document: bool,
    /// The verdict at the moment of signing.
    pub(in crate::evidence) at_signing: Verdict,
    /// The same without what is about the certificate alone (clause 5.2.3.1).
    pub(in crate::evidence) authentic: Verdict,
    /// The verdict for each delivery that was accounted: certificate in force at both moments.
    pub(in crate::evidence) at_receipt: BTreeMap<DeliveryId, Verdict>,
    /// Whether the content is the one that was signed; none if that could not be looked at.
    pub(in crate::evidence) content_matches: Option<bool>,
    /// Whether the key's compromise is claimed since before the signature.
    pub(in crate::evidence) contested: bool,
}

/// What the ledger's checks had to go by.
struct Pool {
    /// All certificates of the bundle; none of them trusted for being there.
    certificates: EvidenceSet,
    crls: Vec<(LeafIndex, EventId, Arc<Crl>)>,
    /// What the ledger gathered for its checks, by record and slot.
    used: BTreeMap<(LeafIndex, String), UsedEvidence>,
    trusts: BTreeMap<Digest, TrustSnapshot>,
    policies: BTreeMap<Digest, SignaturePolicy>,
}

/// The most verifications for one bundle: 32 signatures at 120 receipts, each of some milliseconds. A file made to
/// cost more has nothing to say that a reader would wait for.
const VERIFICATIONS_MAX: usize = 4096;

pub(super) fn check(case: &mut Case<'_>) -> Vec<Judged> {
    let pool = collect(case);
    let document = case.bundle.manifest.document;
    let origin = case.trust.origin.clone();
    let indexes: Vec<LeafIndex> = case.records.keys().copied().collect();
    let mut deliveries: BTreeMap<DeliveryId, Delivery> = BTreeMap::new();
    let mut judged = Vec::new();
    let accounted = accounted(case);
    let set_aside = set_aside(case);
    let mut signed_events: BTreeMap<EventId, (LeafIndex, SignedContent<'_>)> = BTreeMap::new();
    let mut budget = VERIFICATIONS_MAX;
    for index in indexes {
        let Some(shown) = case.records.get(&index).cloned() else { continue };
        if let Event::CertificateRegistered(event) = &shown.event {
            check_certificate(case, &pool, index, &shown, event);
        }
        if shown.event.document() != Some(document) {
            continue;
        }
        let delivery = shown.event.delivery();
        if let Some(signed) = shown.event.signature() {
            let cost = accounted.len().saturating_add(2);
            let Some(left) = budget.checked_sub(cost) else {
                case.find_at(Code::SignatureIndeterminate, index, "more signatures than are verified for one document");
                continue;
            };
            budget = left;
            let before = delivery.and_then(|id| deliveries.get(&id));
            let covered = covered(case, index, &shown.event, before, &origin);
            if let Some((document, true)) = &covered {
                signed_events.insert(shown.record.id, (index, document.clone()));
            }
            let stands = !set_aside.contains(&shown.record.id);
            let one = check_signature(case, &pool, index, &shown, signed, covered, &accounted, stands);
            judged.extend(one.filter(|_| stands));
        }
        if let Some(found) = shown.event.finding() {
            let Some(left) = budget.checked_sub(1) else { continue };
            budget = left;
            let received = found.received_by.map(|delivery| accounted.get(&delivery).map(|(_, at, _)| *at));
            match (signed_events.get(&found.of), received) {
                // That there was no such receipt is found by the rules.
                (None, _) | (_, Some(None)) => {}
                (Some((signed_index, document)), received) => {
                    check_finding(case, &pool, index, &found, *signed_index, document, received.flatten());
                }
            }
        }
        if let Some(id) = delivery {
            deliveries.entry(id).or_default().apply(&shown.event, shown.recorded());
        }
    }
    check_compromise(case, &mut judged);
    judged
}

fn collect(case: &mut Case<'_>) -> Pool {
    let mut pool = Pool {
        certificates: EvidenceSet::default(),
        crls: Vec::new(),
        used: BTreeMap::new(),
        trusts: BTreeMap::new(),
        policies: BTreeMap::new(),
    };
    let mut broken = Vec::new();
    for (index, shown) in &case.records {
        for slot in shown.record.sealed.iter().map(|commitment| commitment.slot.as_str()) {
            if slot != "evidence" && !slot.starts_with("evidence-") {
                continue;
            }
            match case.bundle.payload(*index, slot).map(|(_, content)| UsedEvidence::decode(content)) {
                Some(Ok(used)) => drop(pool.used.insert((*index, slot.to_owned()), used)),
                Some(Err(error)) => broken.push((*index, format!("{slot}: {error}"))),
                // What is missing is a finding already.
                None => {}
            }
        }
        let payload = |slot| case.bundle.payload(*index, slot).map(|(_, content)| content);
        #[expect(clippy::wildcard_enum_match_arm, reason = "the other events carry nothing for the pool")]
        match &shown.event {
            Event::CertificateRegistered(_) => {
                let own = payload("certificate").into_iter();
                for der in own.chain(der_sequence(payload("chain").unwrap_or_default())) {
                    pool.certificates.add_certificate(der);
                }
            }
            Event::CrlRecorded(_) => {
                let crl = payload("crl").and_then(|der| Crl::parse(der).ok());
                pool.crls.extend(crl.map(|crl| (*index, shown.record.id, Arc::new(crl))));
            }
            Event::TrustPublished(event) => {
                let trust = payload("trust").and_then(|bytes| TrustSnapshot::decode(bytes).ok());
                for trust in trust.into_iter().filter(|trust| trust.id() == event.trust) {
                    for certificate in trust.intermediates().iter().chain(trust.anchors()) {
                        pool.certificates.add_parsed_certificate(Arc::clone(certificate));
                    }
                    pool.trusts.insert(event.trust, trust);
                }
                let policy = payload("policy").and_then(|bytes| serde_json::from_slice::<SignaturePolicy>(bytes).ok());
                pool.policies.extend(policy.map(|policy| (policy.id(), policy)));
            }
            _ => {}
        }
    }
    for (index, detail) in broken {
        case.find_at(Code::RecordMalformed, index, detail);
    }
    pool
}

/// Certificates in DER, one after the other. What is not a sequence ends the list.
pub fn der_sequence(bytes: &[u8]) -> Vec<&[u8]> {
    let (mut rest, mut found) = (bytes, Vec::new());
    while let [0x30, length, tail @ ..] = rest {
        let size = match *length {
            short @ 0..=0x7f => Some(usize::from(short) + 2),
            0x81 => tail.first().map(|byte| usize::from(*byte) + 3),
            0x82 => tail.first_chunk().map(|bytes| usize::from(u16::from_be_bytes(*bytes)) + 4),
            _ => None,
        };
        let Some((der, after)) = size.and_then(|size| rest.split_at_checked(size)) else { break };
        found.push(der);
        rest = after;
    }
    found
}

/// The auditor's own policy, beside those that the ledger published.
fn auditors_policy(case: &Case<'_>) -> SignaturePolicy {
    let mode = case.genesis.as_ref().map(|genesis| genesis.identifiers);
    SignaturePolicy::for_auditor(mode.unwrap_or(IdentifierMode::Strict))
}

impl Pool {
    /// Everything that there is, whoever used it.
    fn everything(&self) -> EvidenceSet {
        let mut set = self.evidence(|_, _| true);
        self.used.values().for_each(|used| used.add_to(&mut set));
        set
    }

    /// Exactly what a check says that it used, and all certificates.
    fn exactly(&self, index: LeafIndex, slot: &str, lists: &[EventId]) -> EvidenceSet {
        let mut set = self.evidence(|_, event| lists.binary_search(&event).is_ok());
        if let Some(used) = self.used.get(&(index, slot.to_owned())) {
            used.add_to(&mut set);
        }
        set
    }

    fn has_lists(&self, lists: &[EventId]) -> bool {
        lists.iter().all(|id| self.crls.iter().any(|(_, event, _)| event == id))
    }

    /// All certificates, and the lists for which `wanted` holds.
    fn evidence(&self, wanted: impl Fn(LeafIndex, EventId) -> bool) -> EvidenceSet {
        let mut set = self.certificates.clone();
        for (_, _, crl) in self.crls.iter().filter(|(index, event, _)| wanted(*index, *event)) {
            set.add_parsed_crl(Arc::clone(crl));
        }
        set
    }
}

/// When each delivery of the document was accounted, and where.
fn accounted(case: &Case<'_>) -> BTreeMap<DeliveryId, (LeafIndex, Timestamp, DeliveryAccounted)> {
    let document = case.bundle.manifest.document;
    let accounted = |(index, shown): (LeafIndex, &Shown)| {
        let Event::DeliveryAccounted(event) = &shown.event else { return None };
        (event.document == document).then_some((event.delivery, (index, shown.record.at, event.clone())))
    };
    case.considered().filter_map(accounted).collect()
}

/// What a signature covers: the document, or the statement of an act; and whether it is the document.
fn covered<'a>(
    case: &Case<'a>,
    index: LeafIndex,
    event: &Event,
    before: Option<&Delivery>,
    origin: &Origin,
) -> Option<(SignedContent<'a>, bool)> {
    let Some(act) = event.signed_act() else {
        let document = case.bundle.manifest.document;
        let formed = case.records.iter().find_map(|(index, shown)| {
            let Event::DocumentFormed(event) = &shown.event else { return None };
            (event.document == document).then_some((*index, event))
        });
        let (index, formed) = formed?;
        let document_type = formed.document_type.as_ref().map(DocumentType::as_str);
        let content = case.bundle.payload(index, "content").map(|(_, content)| content);
        let slot = if let Event::SignatureApplied(applied) = event { formed.slot(applied.slot) } else { None };
        let role = slot.and_then(|slot| slot.required_role);
        return content.map(|content| (SignedContent::document(content, document_type).in_slot(role), true));
    };
    let reason = case.bundle.payload(index, "reason").map(|(_, text)| text).unwrap_or_default();
    let reason = std::str::from_utf8(reason).ok()?;
    let statement = statement::of_act(origin, act, before?, reason)?.ok()?;
    Some((SignedContent::statement(statement), false))
}

/// Signatures that stand for nothing: a later check failed before the document was sent, or before the countersignature
/// became an answer.
fn set_aside(case: &Case<'_>) -> BTreeSet<EventId> {
    let id = case.bundle.manifest.document;
    let mut document = Document::default();
    let mut deliveries: BTreeMap<DeliveryId, Delivery> = BTreeMap::new();
    let mut countersignatures = Vec::new();
    for shown in case.records.values().filter(|shown| shown.event.document() == Some(id)) {
        match (shown.event.delivery(), &shown.event) {
            (None, event) => document.apply(event, shown.recorded()),
            (Some(delivery), event) => {
                deliveries.entry(delivery).or_default().apply(event, shown.recorded());
                if let Event::CountersignatureApplied(_) = event {
                    countersignatures.push((delivery, shown.record.id));
                }
            }
        }
    }
    let stands = |delivery: &DeliveryId, event| {
        let standing = deliveries.get(delivery).and_then(|delivery| delivery.countersignature.as_ref());
        standing.is_some_and(|one| one.event == event)
    };
    let of_document = document.signatures.iter().filter(|one| one.set_aside).map(|one| one.event);
    let of_deliveries = countersignatures.iter().filter(|(delivery, event)| !stands(delivery, *event));
    of_document.chain(of_deliveries.map(|(_, event)| *event)).collect()
}

/// A later check as of the moment of signing, or of that and a receipt: its verdict and reasons must come out again with
/// what it used.
fn check_finding(
    case: &mut Case<'_>,
    pool: &Pool,
    index: LeafIndex,
    found: &RecordedFinding<'_>,
    signed_index: LeafIndex,
    content: &SignedContent<'_>,
    received_at: Option<Timestamp>,
) {
    let Some(signed_at) = case.records.get(&signed_index).map(|signed| signed.record.at) else { return };
    let Some(cms) = case.bundle.payload(signed_index, "cms").map(|(_, content)| content) else { return };
    let name = if received_at.is_some() { "finding about a receipt" } else { "finding about a signature" };
    let moments = (signed_at, received_at);
    repeat(case, pool, index, found.signature, Some(found.reasons), name, content, cms, moments);
}

/// Once more with what the ledger used.
#[expect(clippy::too_many_arguments, reason = "two moments and four inputs, as the verification itself has")]
fn repeat(
    case: &mut Case<'_>,
    pool: &Pool,
    index: LeafIndex,
    signed: &Signed,
    reasons: Option<&[RefusalCode]>,
    name: &str,
    content: &SignedContent<'_>,
    signature: &[u8],
    (signed_at, received_at): (Timestamp, Option<Timestamp>),
) {
    let parts = (pool.trusts.get(&signed.trust), pool.policies.get(&signed.policy), pool.has_lists(&signed.evidence));
    let (Some(trust), Some(policy), true) = parts else {
        return case.find_at(Code::VerdictUnchecked, index, name);
    };
    let evidence = &pool.exactly(index, "evidence", &signed.evidence);
    let input = VerifyInput {
        document: &content.bytes,
        signature,
        evidence,
        trust,
        policy,
        signing_time: signed_at,
        receipt_time: received_at.unwrap_or(signed_at),
        known_until: None,
        document_type: content.document_type.as_deref(),
    };
    let AtSigning { report, proven_at } = match received_at {
        None => at_signing(&input, content.required_role),
        Some(_) => AtSigning { report: signature::verify(&input).with_role(content.required_role), proven_at: None },
    };
    if !outcome::is_as_recorded(&report, signed, reasons) || proven_at != signed.proven_at {
        case.find_at(Code::VerdictDiffers, index, format!("{name}: {}", words(report.overall)));
    }
}

#[expect(clippy::too_many_arguments, reason = "what is known of the signature and of its receipts")]
fn check_signature(
    case: &mut Case<'_>,
    pool: &Pool,
    index: LeafIndex,
    shown: &Shown,
    signed: &Signed,
    covered: Option<(SignedContent<'_>, bool)>,
    accounted: &BTreeMap<DeliveryId, (LeafIndex, Timestamp, DeliveryAccounted)>,
    stands: bool,
) -> Option<Judged> {
    let signed_at = shown.record.at;
    let cms = case.bundle.payload(index, "cms").map(|(_, content)| content);
    // What is missing is a finding already.
    let (Some(cms), Some((content, over_document))) = (cms, covered) else { return None };
    let slot = if let Event::SignatureApplied(event) = &shown.event { Some(event.slot) } else { None };
    let name = slot.map_or_else(|| shown.event.type_name().to_owned(), |slot| format!("slot {slot}"));

    repeat(case, pool, index, signed, None, &name, &content, cms, (signed_at, None));
    if !stands {
        // The finding that set it aside is checked at its own record.
        case.find_at(Code::SignatureSetAside, index, name);
        return None;
    }
    let mut judged = Judged {
        index,
        event: shown.record.id,
        signed: signed.clone(),
        slot,
        over_document,
        at_signing: Verdict::Indeterminate(signature::SubCode::NoCertificateChainFound),
        authentic: Verdict::Indeterminate(signature::SubCode::NoCertificateChainFound),
        at_receipt: BTreeMap::new(),
        content_matches: None,
        contested: false,
    };
    let Some(trust) = case.trust.authorities.clone() else {
        let detail = format!("{name}: NO_CERTIFICATE_CHAIN_FOUND, the trust directory has no root certificates");
        case.find_at(Code::SignatureIndeterminate, index, detail);
        return Some(judged);
    };
    let policy = auditors_policy(case);
    let evidence = pool.everything();
    let input = VerifyInput {
        document: &content.bytes,
        signature: cms,
        evidence: &evidence,
        trust: &trust,
        policy: &policy,
        signing_time: signed_at,
        receipt_time: signed_at,
        known_until: None,
        document_type: content.document_type.as_deref(),
    };
    let report = at_signing(&input, content.required_role).report;
    judged.at_signing = report.overall;
    judged.authentic = outcome::authentic(&report);
    judged.content_matches = Some(matches(&report));
    let found = report.signatures.first().map(|one| (one.signer.certificate, one.signer.key));
    if report.signatures.len() != 1 || found != Some((Some(signed.certificate), Some(signed.key))) {
        case.find_at(Code::IdMismatch, index, format!("{name}: the signer's certificate is not the recorded one"));
    }
    say(case, index, &format!("{name} at signing"), report.overall);
    if slot.is_some() {
        for (delivery, (received, at, event)) in accounted {
            // Signatures after a receipt did not take part in it.
            if *at >= signed_at {
                repeat_at_receipt(case, pool, *received, event, (&content, cms), signed_at, *at, slot);
                let report = run(&content, cms, &evidence, &trust, &policy, signed_at, *at);
                say(case, index, &format!("{name} at receipt by delivery {delivery}"), report.overall);
                judged.at_receipt.insert(*delivery, report.overall);
            }
        }
    }
    Some(judged)
}

/// The second moment, once more with what the ledger used then.
#[expect(clippy::too_many_arguments, reason = "two moments and four inputs, as the verification itself has")]
fn repeat_at_receipt(
    case: &mut Case<'_>,
    pool: &Pool,
    index: LeafIndex,
    event: &DeliveryAccounted,
    (content, cms): (&SignedContent<'_>, &[u8]),
    signed_at: Timestamp,
    received_at: Timestamp,
    slot: Option<u64>,
) {
    let name = format!("slot {} at receipt by delivery {}", slot.unwrap_or_default(), event.delivery);
    let parts = (pool.trusts.get(&event.trust), pool.policies.get(&event.policy), pool.has_lists(&event.evidence));
    let (Some(trust), Some(policy), true) = parts else {
        return case.find_at(Code::VerdictUnchecked, index, name);
    };
    let evidence = pool.exactly(index, &format!("evidence-{}", slot.unwrap_or_default()), &event.evidence);
    let report = run(content, cms, &evidence, trust, policy, signed_at, received_at);
    if !report.overall.is_passed() {
        case.find_at(Code::VerdictDiffers, index, format!("{name}: {}", words(report.overall)));
    }
}

pub(in crate::evidence) fn run(
    content: &SignedContent<'_>,
    signature: &[u8],
    evidence: &EvidenceSet,
    trust: &TrustSnapshot,
    policy: &SignaturePolicy,
    signing_time: Timestamp,
    receipt_time: Timestamp,
) -> VerificationReport {
    signature::verify(&VerifyInput {
        document: &content.bytes,
        signature,
        evidence,
        trust,
        policy,
        signing_time,
        receipt_time,
        known_until: None,
        document_type: content.document_type.as_deref(),
    })
    .with_role(content.required_role)
}

/// Whether the document is the one that the signature covers, whatever else is wrong.
fn matches(report: &VerificationReport) -> bool {
    let right = |check: &signature::Check| check.verdict().is_passed();
    !report.signatures.is_empty()
        && right(&report.format)
        && report.signatures.iter().all(|one| right(&one.integrity.message_digest))
}

fn say(case: &mut Case<'_>, index: LeafIndex, name: &str, verdict: Verdict) {
    let (code, detail) = match verdict {
        Verdict::Passed => (Code::SignatureVerified, name.to_owned()),
        Verdict::Failed(_) => (Code::SignatureFailed, format!("{name}: {}", words(verdict))),
        Verdict::Indeterminate(_) => (Code::SignatureIndeterminate, format!("{name}: {}", words(verdict))),
    };
    case.find_at(code, index, detail);
}

/// A verdict with its sub-indication as ETSI EN 319 102-1 spells it.
pub(in crate::evidence) fn words(verdict: Verdict) -> String {
    let text = |code: &signature::SubCode| match serde_json::to_value(code) {
        Ok(serde_json::Value::String(text)) => text,
        _ => String::new(),
    };
    match verdict {
        Verdict::Passed => "passed".to_owned(),
        Verdict::Failed(code) | Verdict::Indeterminate(code) => text(&code),
    }
}

/// The registration of a certificate whose payloads are shown (clause 8.1).
fn check_certificate(case: &mut Case<'_>, pool: &Pool, index: LeafIndex, shown: &Shown, event: &CertificateRegistered) {
    let payload = |slot| case.bundle.payload(index, slot).map(|(_, content)| content);
    let (Some(der), Some(possession)) = (payload("certificate"), payload("possession")) else { return };
    let Some(trust) = case.trust.authorities.clone() else {
        let detail = "NO_CERTIFICATE_CHAIN_FOUND, the trust directory has no root certificates";
        return case.find_at(Code::CertificateIndeterminate, index, detail);
    };
    let (policy, at) = (auditors_policy(case), shown.record.at);
    let evidence = pool.everything();
    let certificate = signature::verify_certificate(der, &evidence, &trust, &policy, at, None).verdict;
    let statement = statement::possession(&case.trust.origin, event.participant).unwrap_or_default();
    let report = run(&SignedContent::statement(&statement), possession, &evidence, &trust, &policy, at, at);
    let by_owner = report.signatures.first().is_some_and(|one| one.signer.certificate == Some(event.certificate));
    if !by_owner {
        case.find_at(Code::CertificateFailed, index, "the proof of possession is by another certificate");
    }
    let verdict = Verdict::worst([certificate, report.overall]);
    let which = if certificate.is_passed() { "proof of possession" } else { "certificate" };
    let (code, detail) = match verdict {
        Verdict::Passed => (Code::CertificateVerified, event.certificate.to_string()),
        Verdict::Failed(_) => (Code::CertificateFailed, format!("{which}: {}", words(verdict))),
        Verdict::Indeterminate(_) => (Code::CertificateIndeterminate, format!("{which}: {}", words(verdict))),
    };
    case.find_at(code, index, detail);
}

/// The windows of a compromise (product rule C.3.6). They add findings and never change a verdict.
fn check_compromise(case: &mut Case<'_>, judged: &mut [Judged]) {
    let mut none = std::collections::BTreeSet::new();
    for one in judged {
        let stream = StreamId::key(one.signed.key);
        let Some(complete) = case.streams.get(&stream) else { continue };
        let mut key = Key::default();
        let mut closed = None;
        for (_, shown) in case.homed(&stream) {
            if let Event::KeyUseResumed(_) = &shown.event {
                closed = Some(shown.record.at);
            }
            key.apply(&shown.event, shown.recorded());
        }
        let Some(recorded_at) = case.records.get(&one.index).map(|shown| shown.record.at) else { continue };
        let signed_at = one.signed.proven_at.unwrap_or(recorded_at);
        match &key.compromise {
            None if closed.is_some() => {
                let detail = closed.map(|at| format!("resumed at {at}")).unwrap_or_default();
                case.find_at(Code::CompromiseClosed, one.index, detail);
            }
            None if complete.withheld == 0 => drop(none.insert(one.signed.key)),
            None => {}
            Some(report) => {
                one.contested = key.is_compromised_at(signed_at);
                let detail = format!("claimed since {}, notice of {}", report.claimed_since, report.received_at);
                let code = if one.contested { Code::CompromiseContested } else { Code::CompromiseLater };
                case.find_at(code, one.index, detail);
            }
        }
    }
    for key in none {
        case.find(Code::CompromiseNone, format!("key {key}"));
    }
}
