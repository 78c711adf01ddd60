//! Payloads of a whole log, for an auditor who has the vault key: each the one that its record commits to, and every
//! signature verified again as of its times.
//!
//! An event is judged with what stood in the log before it, as the ledger had to judge it: revocation lists that came
//! later are not used against it.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;

use super::EventLeaf;
use crate::digest::Digest;
use crate::domain::delivery::Delivery;
use crate::domain::document::ContentInfo;
use crate::domain::event::{
    self, CertificateRegistered, DeliveryAccounted, DeliveryFinding, DocumentFormed, DocumentType, Event,
    RecordedFinding, Signed,
};
use crate::domain::refusal::RefusalCode;
use crate::domain::{Aggregate, Recorded, attempt, statement};
use crate::evidence::finding::Code;
use crate::evidence::outcome;
use crate::evidence::used::{AtSigning, UsedEvidence, at_signing};
use crate::evidence::verify::signatures::{der_sequence, run, words};
use crate::id::{CertificateId, DeliveryId, DocumentId, EventId, Origin};
use crate::log::genesis::Genesis;
use crate::payload::Commitment;
use crate::pki::certificate::Certificate;
use crate::pki::crl::Crl;
use crate::signature::{self, EvidenceSet, SignaturePolicy, SignedContent, TrustSnapshot, Verdict, VerifyInput};
use crate::time::Timestamp;

/// Where payloads come from.
pub trait PayloadSource: Debug {
    /// Opens a payload and checks it against the commitment.
    fn open(&self, event: EventId, commitment: &Commitment) -> Opened;
}

/// What became of a payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opened {
    /// Here it is, as committed.
    Right(Vec<u8>),
    /// It is not there.
    Missing,
    /// It is not what was committed to, or cannot be decrypted.
    Wrong(String),
}

/// Where a payload is to be had again.
type Place = (EventId, Commitment);

/// What later signatures need of earlier events.
#[derive(Debug)]
pub(super) struct PayloadAudit {
    source: Box<dyn PayloadSource>,
    authorities: Option<Arc<TrustSnapshot>>,
    /// The auditor's own, beside those that the ledger published.
    policy: SignaturePolicy,
    certificates: EvidenceSet,
    crls: BTreeMap<EventId, Arc<Crl>>,
    trusts: BTreeMap<Digest, TrustSnapshot>,
    policies: BTreeMap<Digest, SignaturePolicy>,
    contents: BTreeMap<DocumentId, (Place, DocumentFormed)>,
    signatures: BTreeMap<DocumentId, Vec<(u64, Timestamp, Place)>>,
    countersignatures: BTreeMap<DeliveryId, (Timestamp, Place)>,
    /// Signatures that wait for revocation data, as the ledger says too.
    pending: BTreeMap<EventId, String>,
    deliveries: BTreeMap<DeliveryId, Delivery>,
}

type Find<'a> = dyn FnMut(Code, String) + 'a;

impl PayloadAudit {
    pub(super) fn new(source: Box<dyn PayloadSource>, authorities: Option<Arc<TrustSnapshot>>) -> Self {
        Self {
            source,
            authorities,
            policy: SignaturePolicy::default_2026(),
            certificates: EvidenceSet::default(),
            crls: BTreeMap::new(),
            trusts: BTreeMap::new(),
            policies: BTreeMap::new(),
            contents: BTreeMap::new(),
            signatures: BTreeMap::new(),
            countersignatures: BTreeMap::new(),
            pending: BTreeMap::new(),
            deliveries: BTreeMap::new(),
        }
    }

    pub(super) fn begin(&mut self, genesis: &Genesis) {
        self.policy = SignaturePolicy::for_auditor(genesis.identifiers);
    }

    pub(super) fn event(&mut self, record: &EventLeaf, origin: &Origin, find: &mut Find<'_>) {
        let event = &record.event;
        let mut payloads: BTreeMap<&str, Vec<u8>> = BTreeMap::new();
        for commitment in &record.sealed {
            let slot = commitment.slot.as_str();
            match self.source.open(record.id, commitment) {
                Opened::Right(bytes) => drop(payloads.insert(slot, bytes)),
                Opened::Missing => find(Code::PayloadMissing, format!("{slot} of {}", event.type_name())),
                Opened::Wrong(why) => find(Code::PayloadMismatch, format!("{slot} of {}: {why}", event.type_name())),
            }
        }
        self.remember(record, event, &payloads, find);
        if let Event::CertificateRegistered(registered) = event {
            self.certificate(record.at, registered, &payloads, origin, find);
        }
        if let Some(signed) = event.signature() {
            let covered = self.covered(event, &payloads, origin);
            if let (Some(covered), Some(cms)) = (covered, payloads.get("cms")) {
                let moment = Moment { content: &covered, cms, at: record.at, used: &used(&payloads, "evidence", find) };
                self.signature(record.id, signed, &moment, event.type_name(), find);
            }
        }
        if let Some(found) = event.finding() {
            self.finding(event, &found, &used(&payloads, "evidence", find), find);
        }
        if let Event::DeliveryAccounted(accounted) = event {
            self.accounted(accounted, record.at, &payloads, find);
        }
        if let Some(id) = event.delivery() {
            self.deliveries.entry(id).or_default().apply(event, Recorded { id: record.id, at: record.at });
        }
    }

    /// Keeps what later events refer to, and checks the ids that follow from the content.
    #[expect(clippy::wildcard_enum_match_arm, reason = "nothing refers to the payloads of the other events")]
    fn remember(&mut self, record: &EventLeaf, event: &Event, payloads: &BTreeMap<&str, Vec<u8>>, find: &mut Find<'_>) {
        let place = |slot: &str| {
            let commitment = record.sealed.iter().find(|commitment| commitment.slot.as_str() == slot)?;
            Some((record.id, commitment.clone()))
        };
        let mut same = |holds: bool, what: &str| {
            if !holds {
                find(Code::IdMismatch, what.to_owned());
            }
        };
        match event {
            Event::DocumentFormed(e) => {
                self.contents.extend(place("content").map(|place| (e.document, (place, e.clone()))));
                let (Some(content), Some(info)) = (payloads.get("content"), payloads.get("content-info")) else {
                    return;
                };
                let info = serde_json::from_slice::<ContentInfo>(info);
                let right = info.is_ok_and(|info| {
                    u64::try_from(content.len()) == Ok(info.bytes) && Digest::sha256(&[content]) == info.sha256
                });
                if !right {
                    find(Code::ContentMismatch, "content-info is not that of the content".to_owned());
                }
            }
            Event::SignatureApplied(e) => {
                let cms = place("cms").map(|place| (e.slot, record.at, place));
                self.signatures.entry(e.document).or_default().extend(cms);
            }
            Event::CountersignatureApplied(e) => {
                self.countersignatures.extend(place("cms").map(|place| (e.delivery, (record.at, place))));
            }
            Event::CertificateRegistered(e) => {
                let Some(der) = payloads.get("certificate") else { return };
                self.certificates.add_certificate(der);
                for der in payloads.get("chain").map(|chain| der_sequence(chain)).unwrap_or_default() {
                    self.certificates.add_certificate(der);
                }
                same(CertificateId::of_der(der) == e.certificate, "the certificate has another id");
                let right = Certificate::parse(der).is_ok_and(|certificate| {
                    let times = (certificate.not_before(), certificate.not_after());
                    certificate.key() == e.key && times == (e.not_before, e.not_after)
                });
                same(right, "key or validity are not those of the certificate");
            }
            Event::CommandRefused(e) => {
                let Some(details) = payloads.get("details") else { return };
                same(attempt::is_list_of(e, details), "the refused attempts have another root");
            }
            Event::CrlRecorded(e) => {
                let Some(der) = payloads.get("crl") else { return };
                same(Digest::sha256(&[der]) == e.crl, "the revocation list has another digest");
                self.crls.extend(Crl::parse(der).ok().map(|crl| (record.id, Arc::new(crl))));
            }
            Event::TrustPublished(e) => {
                let trust = payloads.get("trust").and_then(|bytes| TrustSnapshot::decode(bytes).ok());
                same(trust.as_ref().is_none_or(|trust| trust.id() == e.trust), "the trust snapshot has another id");
                for trust in trust.into_iter().filter(|trust| trust.id() == e.trust) {
                    for certificate in trust.intermediates().iter().chain(trust.anchors()) {
                        self.certificates.add_parsed_certificate(Arc::clone(certificate));
                    }
                    self.trusts.insert(e.trust, trust);
                }
                let policy = payloads.get("policy");
                let policy = policy.and_then(|bytes| serde_json::from_slice::<SignaturePolicy>(bytes).ok());
                same(policy.as_ref().is_none_or(|policy| policy.id() == e.policy), "the policy has another id");
                self.policies.extend(policy.map(|policy| (policy.id(), policy)));
            }
            _ => {}
        }
    }

    fn evidence(&self, used: &UsedEvidence, wanted: impl Fn(EventId) -> bool) -> EvidenceSet {
        let mut set = self.certificates.clone();
        used.add_to(&mut set);
        for (_, crl) in self.crls.iter().filter(|(event, _)| wanted(**event)) {
            set.add_parsed_crl(Arc::clone(crl));
        }
        set
    }

    /// What a signature covers: the document, or the statement of an act.
    fn covered(
        &self,
        event: &Event,
        payloads: &BTreeMap<&str, Vec<u8>>,
        origin: &Origin,
    ) -> Option<SignedContent<'static>> {
        let Some(act) = event.signed_act() else {
            let slot = if let Event::SignatureApplied(applied) = event { Some(applied.slot) } else { None };
            return self.content(event.document()?, slot);
        };
        let delivery = self.deliveries.get(&event.delivery()?)?;
        let reason = payloads.get("reason").map(Vec::as_slice).unwrap_or_default();
        let statement = statement::of_act(origin, act, delivery, std::str::from_utf8(reason).ok()?)?.ok()?;
        Some(SignedContent::statement(statement))
    }

    /// A document, as it is signed in a slot or countersigned.
    fn content(&self, document: DocumentId, slot: Option<u64>) -> Option<SignedContent<'static>> {
        let ((event, commitment), formed) = self.contents.get(&document)?;
        let role = slot.and_then(|slot| formed.slot(slot)?.required_role);
        match self.source.open(*event, commitment) {
            Opened::Right(bytes) => {
                let document_type = formed.document_type.as_ref().map(DocumentType::as_str);
                Some(SignedContent::document(bytes, document_type).in_slot(role))
            }
            // Found at its own event.
            Opened::Missing | Opened::Wrong(_) => None,
        }
    }

    fn signature(&mut self, event: EventId, signed: &Signed, moment: &Moment<'_>, name: &str, find: &mut Find<'_>) {
        self.repeat(signed, None, moment, name, find);
        match self.trusted_at_signing(moment) {
            // The ledger says so too, and must look again; at the end of the log it is said who still waits.
            Some(Verdict::Indeterminate(_)) if signed.verdict == event::Verdict::Indeterminate => {
                self.pending.insert(event, name.to_owned());
            }
            verdict => say(verdict, name, find),
        }
    }

    /// Once more with what the ledger used: the recorded verdict must come out again.
    fn repeat(
        &self,
        signed: &Signed,
        reasons: Option<&[RefusalCode]>,
        moment: &Moment<'_>,
        name: &str,
        find: &mut Find<'_>,
    ) {
        let (Some(trust), Some(policy)) = (self.trusts.get(&signed.trust), self.policies.get(&signed.policy)) else {
            return find(Code::VerdictUnchecked, name.to_owned());
        };
        let evidence = self.evidence(moment.used, |event| signed.evidence.binary_search(&event).is_ok());
        let AtSigning { report, proven_at } =
            at_signing(&moment.input(&evidence, trust, policy), moment.content.required_role);
        if !outcome::is_as_recorded(&report, signed, reasons) || proven_at != signed.proven_at {
            find(Code::VerdictDiffers, format!("{name}: {}", words(report.overall)));
        }
        let names = report.signatures.first().map(|one| (one.signer.certificate, one.signer.key));
        if report.signatures.len() != 1 || names != Some((Some(signed.certificate), Some(signed.key))) {
            find(Code::IdMismatch, format!("{name}: the signer's certificate is not the recorded one"));
        }
    }

    /// A later check as of the moment of signing.
    #[expect(clippy::wildcard_enum_match_arm, reason = "only these two are findings")]
    fn finding(&mut self, event: &Event, found: &RecordedFinding<'_>, used: &UsedEvidence, find: &mut Find<'_>) {
        let RecordedFinding { of, signature: signed, reasons, .. } = *found;
        let (document, slot, place) = match event {
            Event::FindingRecorded(e) => {
                let all = self.signatures.get(&e.document).map(Vec::as_slice).unwrap_or_default();
                (
                    e.document,
                    Some(e.slot),
                    all.iter().map(|(_, at, place)| (*at, place)).find(|(_, place)| place.0 == of),
                )
            }
            Event::DeliveryFinding(e) if e.slot.is_some() => return self.receipt_finding(e, found, used, find),
            Event::DeliveryFinding(e) => {
                let known = self.countersignatures.get(&e.delivery).map(|(at, place)| (*at, place));
                (e.document, None, known.filter(|(_, place)| place.0 == of))
            }
            _ => return,
        };
        // What is missing is found at its own event; that there was no such signature, by the rules.
        let (Some((at, (id, commitment))), Some(content)) = (place, self.content(document, slot)) else { return };
        let Opened::Right(cms) = self.source.open(*id, commitment) else { return };
        let moment = Moment { content: &content, cms: &cms, at, used };
        let name = event.type_name();
        self.repeat(signed, Some(reasons), &moment, name, find);
        match self.trusted_at_signing(&moment) {
            // An honest finding that the signature is bad speaks for the ledger.
            Some(Verdict::Failed(_)) if signed.verdict == event::Verdict::Failed => {}
            Some(Verdict::Indeterminate(_)) if signed.verdict == event::Verdict::Indeterminate => {
                self.pending.insert(of, name.to_owned());
                return;
            }
            verdict => say(verdict, name, find),
        }
        self.pending.remove(&of);
    }

    /// A later check as of the moments of signing and of a receipt.
    fn receipt_finding(
        &self,
        event: &DeliveryFinding,
        found: &RecordedFinding<'_>,
        used: &UsedEvidence,
        find: &mut Find<'_>,
    ) {
        let signed = found.signature;
        let all = self.signatures.get(&event.document).map(Vec::as_slice).unwrap_or_default();
        let place = all.iter().find(|(_, _, place)| place.0 == found.of);
        let received_at = self.deliveries.get(&event.delivery).and_then(|delivery| delivery.accounted_at);
        // What is missing is found at its own event; that there was no such signature or receipt, by the rules.
        let (Some((_, signed_at, (id, commitment))), Some(received_at)) = (place, received_at) else { return };
        let (Some(content), Opened::Right(cms)) =
            (self.content(event.document, event.slot), self.source.open(*id, commitment))
        else {
            return;
        };
        let name = "finding about a receipt";
        if let (Some(trust), Some(policy)) = (self.trusts.get(&signed.trust), self.policies.get(&signed.policy)) {
            let evidence = self.evidence(used, |list| signed.evidence.binary_search(&list).is_ok());
            let report = run(&content, &cms, &evidence, trust, policy, *signed_at, received_at);
            if !outcome::is_as_recorded(&report, signed, Some(found.reasons)) {
                find(Code::VerdictDiffers, format!("{name}: {}", words(report.overall)));
            }
        } else {
            find(Code::VerdictUnchecked, name.to_owned());
        }
        let verdict = self.authorities.as_ref().map(|trust| {
            let (policy, evidence) = (&self.policy, self.evidence(used, |_| true));
            run(&content, &cms, &evidence, trust, policy, *signed_at, received_at).overall
        });
        // An honest finding that the signature is bad speaks for the ledger.
        if !matches!((verdict, signed.verdict), (Some(Verdict::Failed(_)), event::Verdict::Failed)) {
            say(verdict, name, find);
        }
    }

    /// Signatures that still wait for revocation data when the log ends.
    pub(super) fn unresolved(self) -> impl Iterator<Item = (EventId, String)> {
        self.pending.into_iter()
    }

    /// Once more with the roots that the auditor trusts; `None` without any.
    fn trusted_at_signing(&self, moment: &Moment<'_>) -> Option<Verdict> {
        let trust = self.authorities.as_ref()?;
        let (policy, evidence) = (&self.policy, self.evidence(moment.used, |_| true));
        Some(at_signing(&moment.input(&evidence, trust, policy), moment.content.required_role).report.overall)
    }

    /// The signatures of a document at the moment of its receipt.
    fn accounted(
        &self,
        event: &DeliveryAccounted,
        at: Timestamp,
        payloads: &BTreeMap<&str, Vec<u8>>,
        find: &mut Find<'_>,
    ) {
        let signatures = self.signatures.get(&event.document).map(Vec::as_slice).unwrap_or_default();
        let Some(mut content) = self.content(event.document, None) else { return };
        for checked in &event.signatures {
            // Of several signatures in one slot the last one stands; the others were set aside.
            let standing = signatures.iter().rev().find(|(slot, ..)| *slot == checked.slot);
            let Some((slot, signed_at, (id, commitment))) = standing else { continue };
            let Opened::Right(cms) = self.source.open(*id, commitment) else { continue };
            let formed = self.contents.get(&event.document).map(|(_, formed)| formed);
            content.required_role = formed.and_then(|formed| formed.slot(*slot)?.required_role);
            let name = format!("slot {slot} at receipt");
            let used = used(payloads, &format!("evidence-{slot}"), find);
            if let (Some(trust), Some(policy)) = (self.trusts.get(&event.trust), self.policies.get(&event.policy)) {
                let evidence = self.evidence(&used, |list| event.evidence.binary_search(&list).is_ok());
                let report = run(&content, &cms, &evidence, trust, policy, *signed_at, at);
                if !report.overall.is_passed() {
                    find(Code::VerdictDiffers, format!("{name}: {}", words(report.overall)));
                }
            } else {
                find(Code::VerdictUnchecked, name.clone());
            }
            let verdict = self.authorities.as_ref().map(|trust| {
                let (policy, evidence) = (&self.policy, self.evidence(&used, |_| true));
                run(&content, &cms, &evidence, trust, policy, *signed_at, at).overall
            });
            say(verdict, &name, find);
        }
    }

    /// The registration of a certificate (clause 8.1).
    fn certificate(
        &self,
        at: Timestamp,
        event: &CertificateRegistered,
        payloads: &BTreeMap<&str, Vec<u8>>,
        origin: &Origin,
        find: &mut Find<'_>,
    ) {
        let (Some(der), Some(possession)) = (payloads.get("certificate"), payloads.get("possession")) else { return };
        let Some(trust) = &self.authorities else {
            let why = "NO_CERTIFICATE_CHAIN_FOUND, no root certificates are trusted";
            return find(Code::CertificateIndeterminate, why.to_owned());
        };
        let used = used(payloads, "evidence", find);
        let (policy, evidence) = (&self.policy, self.evidence(&used, |_| true));
        let certificate = signature::verify_certificate(der, &evidence, trust, policy, at, None).verdict;
        let statement = statement::possession(origin, event.participant).unwrap_or_default();
        let report = run(&SignedContent::statement(&statement), possession, &evidence, trust, policy, at, at);
        if report.signatures.first().is_none_or(|one| one.signer.certificate != Some(event.certificate)) {
            find(Code::CertificateFailed, "the proof of possession is by another certificate".to_owned());
        }
        let verdict = Verdict::worst([certificate, report.overall]);
        match verdict {
            Verdict::Passed => {}
            Verdict::Failed(_) => find(Code::CertificateFailed, words(verdict)),
            Verdict::Indeterminate(_) => find(Code::CertificateIndeterminate, words(verdict)),
        }
    }
}

/// A signature, and when and with what it is checked.
struct Moment<'a> {
    content: &'a SignedContent<'a>,
    cms: &'a [u8],
    at: Timestamp,
    used: &'a UsedEvidence,
}

impl<'a> Moment<'a> {
    fn input(
        &self,
        evidence: &'a EvidenceSet,
        trust: &'a TrustSnapshot,
        policy: &'a SignaturePolicy,
    ) -> VerifyInput<'a> {
        VerifyInput {
            document: &self.content.bytes,
            signature: self.cms,
            evidence,
            trust,
            policy,
            signing_time: self.at,
            receipt_time: self.at,
            known_until: None,
            document_type: self.content.document_type.as_deref(),
        }
    }
}

/// What the ledger gathered for a check; one that cannot be read is found, and is as if nothing had been gathered.
fn used(payloads: &BTreeMap<&str, Vec<u8>>, slot: &str, find: &mut Find<'_>) -> UsedEvidence {
    let Some(bytes) = payloads.get(slot) else { return UsedEvidence::default() };
    UsedEvidence::decode(bytes).unwrap_or_else(|error| {
        find(Code::RecordMalformed, format!("{slot}: {error}"));
        UsedEvidence::default()
    })
}

fn say(verdict: Option<Verdict>, name: &str, find: &mut Find<'_>) {
    match verdict {
        None => {
            let why = "NO_CERTIFICATE_CHAIN_FOUND, no root certificates are trusted";
            find(Code::SignatureIndeterminate, format!("{name}: {why}"));
        }
        Some(Verdict::Passed) => {}
        Some(verdict @ Verdict::Failed(_)) => find(Code::SignatureFailed, format!("{name}: {}", words(verdict))),
        Some(verdict @ Verdict::Indeterminate(_)) => {
            find(Code::SignatureIndeterminate, format!("{name}: {}", words(verdict)));
        }
    }
}
