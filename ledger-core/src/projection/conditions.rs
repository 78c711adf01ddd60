//! The four-condition certificate: clause 5.2.3 for each signature and recipient.
//!
//! A document cannot be disputed while four conditions hold at once: the signature is authentic (5.2.3.1), the
//! certificate was in force at the signing and at the receipt (5.2.3.2), the document is accounted (5.2.3.3), and the
//! signature is used within the relations that the agreement regulates (5.2.3.4). There are as many moments of receipt
//! as recipients; the moment is the accounting (clause 5.2.4), also when a later finding says otherwise. What follows
//! is read from the log's own events: *established* means that they are on record, and a verifier of a bundle
//! re-computes the verdicts they name. What cannot be told from the events given is indeterminate. The one thing that the
//! events do not say comes beside them ([`Revoked`]): what the issuers' recorded lists say by now of an earlier time.
//!
//! A certificate that was not in force takes nothing from the signature's being authentic: it belongs to 5.2.3.2, not to
//! 5.2.3.1, whenever it became known.

use std::collections::BTreeMap;

use serde::Serialize;

use super::impact::{KeyHistory, Window};
use super::{EventRef, Logged, Viewer};
use crate::domain::event::{CertificateRegistered, CheckedSignature, Event, Signed, Verdict, words};
use crate::domain::refusal::RefusalCode;
use crate::id::{CertificateId, DeliveryId, DocumentId, KeyId, LeafIndex, ParticipantId};
use crate::time::Timestamp;

words! {
    /// What is known of a condition.
    Finding {
        /// The events on record establish it.
        Established = "established",
        /// The events on record do not establish it, or speak against it.
        NotEstablished = "not-established",
        /// It cannot be told from the events at hand.
        Indeterminate = "indeterminate",
    }
}

words! {
    /// The whole of the four conditions.
    Assessment {
        /// All four are established, and nothing on record contests the signature.
        Indisputable = "indisputable",
        /// A compromise of the key is claimed for a time that includes the signing.
        Contested = "contested",
        /// A condition cannot be told.
        Indeterminate = "indeterminate",
        /// A condition is not established.
        NotEstablished = "not-established",
    }
}

/// One condition with its evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Condition {
    /// The clause that states it.
    pub clause: &'static str,
    /// Leaves of the events that it rests on, sorted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<LeafIndex>,
    /// What is known of it.
    pub finding: Finding,
    /// The fact, in English.
    pub text: &'static str,
}

/// The four conditions for one signature and one recipient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FourConditions {
    /// The whole.
    pub assessment: Assessment,
    /// The certificate of the signature.
    pub certificate: CertificateId,
    /// The four, in the order of the clause.
    pub conditions: [Condition; 4],
    /// The delivery.
    pub delivery: DeliveryId,
    /// The document.
    pub document: DocumentId,
    /// The moment of receipt; left out as long as there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub received: Option<EventRef>,
    /// To whom the document went.
    pub recipient: ParticipantId,
    /// The moment of signing: the time of the record.
    pub signed: EventRef,
    /// Who signed.
    pub signer: ParticipantId,
    /// The slot on the document; left out for the recipient's countersignature.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slot: Option<u64>,
    /// Where the signing stands against a compromise of the key, if one is on record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
}

/// Since when certificates, or those above them, are revoked, by what the ledger has from their issuers by now, whether a
/// finding says so yet or not.
pub type Revoked = BTreeMap<CertificateId, Timestamp>;

/// Assesses every signature of a document towards every recipient that the viewer may see, by delivery and slot.
///
/// Needed are the records of the document, its deliveries, the certificates and keys of its signers, and the parties'
/// acceptance of the agreement; all others are ignored.
pub fn assess<'a>(
    document: DocumentId,
    records: impl IntoIterator<Item = Logged<'a>>,
    viewer: Viewer,
    revoked: &Revoked,
) -> Vec<FourConditions> {
    let mut known = Known { revoked: revoked.clone(), ..Known::default() };
    for logged in records {
        known.apply(document, logged);
    }
    let deliveries = known
        .deliveries
        .iter()
        .filter(|(_, one)| viewer.sees_all() || viewer.is(one.sender) || viewer.is(one.recipient));
    let mut assessed = Vec::new();
    for (delivery, course) in deliveries {
        let on_document = known.signatures.iter().map(|(slot, signature)| (Some(*slot), signature));
        let on_delivery = course.countersignature.iter().map(|signature| (None, signature));
        for (slot, signature) in on_document.chain(on_delivery) {
            assessed.push(known.assess_one(document, *delivery, course, slot, signature));
        }
    }
    assessed
}

/// A signature on record.
#[derive(Debug)]
struct OnRecord {
    signature: Signed,
    at: EventRef,
    /// The last check that was made again.
    finding: Option<Found>,
}

/// A later check on record.
#[derive(Debug, Clone)]
struct Found {
    at: EventRef,
    verdict: Verdict,
    /// Whether it failed, and for no other reason than the certificate: that says nothing about the signature itself.
    of_certificate_alone: bool,
}

impl Found {
    fn new(signature: &Signed, reasons: &[RefusalCode], at: EventRef) -> Self {
        let alone = !reasons.is_empty() && reasons.iter().all(|code| code.is_about_certificate());
        Self { at, verdict: signature.verdict, of_certificate_alone: alone }
    }
}

impl OnRecord {
    fn new(signature: &Signed, at: EventRef) -> Self {
        Self { signature: signature.clone(), at, finding: None }
    }

    fn found(&mut self, found: &Signed, reasons: &[RefusalCode], at: EventRef) {
        self.finding = Some(Found::new(found, reasons, at));
        self.signature.proven_at = found.proven_at.or(self.signature.proven_at);
    }

    /// What the last check of the moment of signing came to.
    fn verdict(&self) -> Verdict {
        self.finding.as_ref().map_or(self.signature.verdict, |found| found.verdict)
    }

    /// What that check says about the signature itself.
    fn authentic(&self) -> Verdict {
        let of_certificate_alone = self.finding.as_ref().is_some_and(|found| found.of_certificate_alone);
        if of_certificate_alone { Verdict::Passed } else { self.verdict() }
    }

    /// The finding, where it is why the signature does not stand.
    fn against(&self) -> Option<EventRef> {
        self.finding.as_ref().filter(|found| found.verdict == Verdict::Failed).map(|found| found.at)
    }
}

/// How a delivery went.
#[derive(Debug)]
struct Course {
    sender: ParticipantId,
    recipient: ParticipantId,
    opened: EventRef,
    accounted: Option<EventRef>,
    deemed_not_received: Option<(EventRef, Vec<RefusalCode>)>,
    recalled: Option<EventRef>,
    checked: Vec<CheckedSignature>,
    /// The last checks that were made again as of the receipt, by slot.
    found_at_receipt: BTreeMap<u64, Found>,
    countersignature: Option<OnRecord>,
}

#[derive(Debug, Default)]
struct Known {
    formed: Option<EventRef>,
    signatures: BTreeMap<u64, OnRecord>,
    deliveries: BTreeMap<DeliveryId, Course>,
    certificates: BTreeMap<CertificateId, (CertificateRegistered, EventRef)>,
    keys: BTreeMap<KeyId, KeyHistory>,
    registered: BTreeMap<ParticipantId, EventRef>,
    agreements: BTreeMap<ParticipantId, EventRef>,
    revoked: Revoked,
}

impl Known {
    #[expect(clippy::wildcard_enum_match_arm, reason = "other events say nothing about the four conditions")]
    fn apply(&mut self, document: DocumentId, logged: Logged<'_>) {
        let at = EventRef::of(logged);
        match logged.2 {
            Event::ParticipantRegistered(e) => {
                self.registered.entry(e.participant).or_insert(at);
            }
            Event::AgreementAccepted(e) => {
                self.agreements.entry(e.participant).or_insert(at);
            }
            Event::CertificateRegistered(e) => {
                self.certificates.entry(e.certificate).or_insert_with(|| (e.clone(), at));
            }
            Event::CompromiseReported(_)
            | Event::KeyUseSuspended(_)
            | Event::KeyAnnulled(_)
            | Event::KeyUseResumed(_) => {
                if let Some(key) = KeyHistory::key_of(logged.2) {
                    self.keys.entry(key).or_default().apply(logged);
                }
            }
            other if other.document() != Some(document) => {}
            Event::DocumentFormed(_) => self.formed = Some(at),
            Event::SignatureApplied(e) => {
                self.signatures.insert(e.slot, OnRecord::new(&e.signature, at));
            }
            Event::FindingRecorded(e) => {
                let of_event = |one: &&mut OnRecord| one.at.event == e.event;
                if let Some(signature) = self.signatures.get_mut(&e.slot).filter(of_event) {
                    signature.found(&e.signature, &e.reasons, at);
                }
            }
            Event::DeliveryOpened(e) => {
                let course = Course {
                    sender: e.sender,
                    recipient: e.recipient,
                    opened: at,
                    accounted: None,
                    deemed_not_received: None,
                    recalled: None,
                    checked: Vec::new(),
                    found_at_receipt: BTreeMap::new(),
                    countersignature: None,
                };
                self.deliveries.insert(e.delivery, course);
            }
            other => {
                let delivery = other.delivery();
                let Some(course) = delivery.and_then(|id| self.deliveries.get_mut(&id)) else { return };
                match other {
                    Event::DeliveryAccounted(e) => {
                        course.accounted = Some(at);
                        course.checked.clone_from(&e.signatures);
                    }
                    Event::DeliveryDeemedNotReceived(e) => {
                        course.deemed_not_received = Some((at, e.reasons.clone()));
                        course.checked.clone_from(&e.signatures);
                    }
                    Event::DeliveryRecalled(_) => course.recalled = Some(at),
                    Event::CountersignatureApplied(e) => {
                        course.countersignature = Some(OnRecord::new(&e.signature, at));
                    }
                    Event::DeliveryFinding(e) => {
                        let of_event = |one: &&mut OnRecord| one.at.event == e.event;
                        if let Some(slot) = e.slot {
                            course.found_at_receipt.insert(slot, Found::new(&e.signature, &e.reasons, at));
                        } else if let Some(signature) = course.countersignature.as_mut().filter(of_event) {
                            signature.found(&e.signature, &e.reasons, at);
                        }
                    }
                    _ => {}
                }
            }
        }
    }

    fn assess_one(
        &self,
        document: DocumentId,
        delivery: DeliveryId,
        course: &Course,
        slot: Option<u64>,
        on_record: &OnRecord,
    ) -> FourConditions {
        let OnRecord { signature, at, .. } = on_record;
        // A countersignature reaches the sender in the moment in which it is recorded.
        let received = if slot.is_some() { course.accounted } else { course.accounted.map(|_| *at) };
        let check = Check::of(course, slot);
        let window = self.keys.get(&signature.key).and_then(|history| history.window(*at, signature.proven_at));
        let conditions = [
            authentic(on_record, &check),
            self.in_force(on_record, received, &check),
            accounted(course),
            self.regulated(course, signature.participant, *at),
        ];
        let any = |finding| conditions.iter().any(|condition| condition.finding == finding);
        let assessment = if any(Finding::NotEstablished) {
            Assessment::NotEstablished
        } else if window.is_some_and(Window::is_contested) {
            Assessment::Contested
        } else if any(Finding::Indeterminate) {
            Assessment::Indeterminate
        } else {
            Assessment::Indisputable
        };
        FourConditions {
            assessment,
            certificate: signature.certificate,
            conditions,
            delivery,
            document,
            received,
            recipient: course.recipient,
            signed: *at,
            signer: signature.participant,
            slot,
            window,
        }
    }

    /// 5.2.3.2, at both moments.
    fn in_force(&self, on_record: &OnRecord, received: Option<EventRef>, check: &Check) -> Condition {
        let clause = "5.2.3.2";
        let OnRecord { signature, at: signed, .. } = on_record;
        let signed = *signed;
        if let Some(found) = on_record.against() {
            let text = "a later check as of the signing found the certificate not in force";
            return condition(clause, Finding::NotEstablished, text, [signed, found]);
        }
        if on_record.verdict() == Verdict::Indeterminate {
            let text = "the check of the certificate as of the signing came to no end";
            return condition(clause, Finding::Indeterminate, text, [signed]);
        }
        let Some((certificate, registered)) = self.certificates.get(&signature.certificate) else {
            return condition(clause, Finding::Indeterminate, "the registration of the certificate is not at hand", []);
        };
        let holds_at = |at: Timestamp| certificate.not_before <= at && at <= certificate.not_after;
        let signed_at = signature.proven_at.unwrap_or(signed.at);
        let evidence = [Some(*registered), Some(signed), received, check.at];
        let is_revoked = |at: Timestamp| self.revoked.get(&signature.certificate).is_some_and(|since| *since <= at);
        // Whether a suspension between signing and receipt matters depends on the time that is claimed for the
        // compromise, which the check at the receipt weighs (product.md C.3.6).
        let history = self.keys.get(&signature.key);
        let suspended = history.and_then(|history| history.suspended);
        let window = history.and_then(|history| history.window(signed, signature.proven_at));
        let (finding, text) = if registered.index > signed.index || !holds_at(signed_at) {
            (Finding::NotEstablished, "the certificate was not registered or not valid at the signing")
        } else if let (Some(suspended), Some(Window::AfterSuspension | Window::AfterAnnulment)) = (suspended, window) {
            let text = "the use of the certificate's key was suspended before the signing";
            let evidence = evidence.into_iter().chain([Some(suspended)]).flatten();
            return condition(clause, Finding::NotEstablished, text, evidence);
        } else if is_revoked(signed_at) {
            (Finding::NotEstablished, "by what the issuer says now, the certificate was revoked before the signing")
        } else if received.is_some_and(|received| is_revoked(received.at)) {
            (Finding::NotEstablished, "by what the issuer says now, the certificate was revoked before the receipt")
        } else if check.certificate == Finding::NotEstablished {
            (Finding::NotEstablished, "a check as of the receipt found the certificate not in force")
        } else if let Some(received) = received {
            if !holds_at(received.at) {
                (Finding::NotEstablished, "the certificate was not valid at the receipt")
            } else if check.certificate == Finding::Indeterminate {
                (Finding::Indeterminate, "the check of the certificate at the receipt is not at hand or came to no end")
            } else {
                (Finding::Established, "the certificate was found in force at the signing and at the receipt")
            }
        } else {
            (Finding::Indeterminate, "the certificate was found in force at the signing; there is no moment of receipt")
        };
        condition(clause, finding, text, evidence.into_iter().flatten())
    }

    /// 5.2.3.4: both ends of the signature are parties of the agreement, and the document is of a regulated kind.
    fn regulated(&self, course: &Course, by: ParticipantId, signed: EventRef) -> Condition {
        let receipt = course.accounted.unwrap_or(course.opened);
        let parties = [(by, signed), (course.sender, receipt), (course.recipient, receipt)];
        let mut evidence: Vec<EventRef> = self.formed.into_iter().collect();
        let mut finding = if self.formed.is_some() { Finding::Established } else { Finding::Indeterminate };
        for (party, moment) in parties {
            match self.agreements.get(&party) {
                Some(accepted) if accepted.index < moment.index => evidence.push(*accepted),
                // Without the party's own records, nothing can be said about what is not in them.
                None if !self.registered.contains_key(&party) => {
                    if finding == Finding::Established {
                        finding = Finding::Indeterminate;
                    }
                }
                Some(_) | None => finding = Finding::NotEstablished,
            }
        }
        let text = match finding {
            Finding::Established => {
                "signer, sender and recipient accepted the agreement before, and its format is registered"
            }
            Finding::NotEstablished => "a party's acceptance of the agreement before the act is not on record",
            Finding::Indeterminate => {
                "the records of a party's agreement, or of the document's forming, are not at hand"
            }
        };
        condition("5.2.3.4", finding, text, evidence)
    }
}

/// What the check at the receipt says about one signature, as far as the event tells.
struct Check {
    signature: Finding,
    certificate: Finding,
    at: Option<EventRef>,
}

impl Check {
    /// A later check as of the receipt.
    const fn again(found: &Found) -> Self {
        let (signature, certificate) = match found.verdict {
            Verdict::Passed => (Finding::Established, Finding::Established),
            Verdict::Indeterminate => (Finding::Indeterminate, Finding::Indeterminate),
            Verdict::Failed if found.of_certificate_alone => (Finding::Established, Finding::NotEstablished),
            Verdict::Failed => (Finding::NotEstablished, Finding::NotEstablished),
        };
        Self { signature, certificate, at: Some(found.at) }
    }

    /// The event gives a verdict per signature and the reasons of all together. If only one signature fell short, the
    /// reasons are its own; if several did, they cannot be told apart here, and the reports must be read.
    fn of(course: &Course, slot: Option<u64>) -> Self {
        // The countersignature is checked once, when it is recorded.
        let Some(slot) = slot else {
            return Self { signature: Finding::Established, certificate: Finding::Established, at: None };
        };
        let rejected = course.deemed_not_received.as_ref();
        let at = course.accounted.or(rejected.map(|(at, _)| *at));
        let unknown = Self { signature: Finding::Indeterminate, certificate: Finding::Indeterminate, at };
        if let Some(found) = course.found_at_receipt.get(&slot) {
            return Self::again(found);
        }
        let Some(checked) = course.checked.iter().find(|checked| checked.slot == slot) else { return unknown };
        match checked.verdict {
            Verdict::Passed => Self { signature: Finding::Established, certificate: Finding::Established, at },
            Verdict::Indeterminate => unknown,
            Verdict::Failed => {
                let alone = course.checked.iter().filter(|one| one.verdict == Verdict::Failed).count() == 1;
                let reasons = rejected.map(|(_, reasons)| reasons.as_slice()).unwrap_or_default();
                let of_certificate = reasons.iter().any(|code| code.is_about_certificate());
                let of_signature = reasons.iter().any(|code| !code.is_about_certificate());
                let finding = |named: bool, other: bool| match (named, other, alone) {
                    (true, false, _) | (true, true, true) => Finding::NotEstablished,
                    (false, true, _) => Finding::Established,
                    (true, true, false) | (false, false, _) => Finding::Indeterminate,
                };
                Self {
                    signature: finding(of_signature, of_certificate),
                    certificate: match finding(of_certificate, of_signature) {
                        // A signature that is not authentic says nothing about the certificate.
                        Finding::Established => Finding::Indeterminate,
                        told @ (Finding::NotEstablished | Finding::Indeterminate) => told,
                    },
                    at,
                }
            }
        }
    }
}

/// 5.2.3.1: a check that passed is on record, and none that failed.
fn authentic(on_record: &OnRecord, check: &Check) -> Condition {
    let (finding, text) = match (on_record.authentic(), check.signature, check.at) {
        (Verdict::Failed, ..) | (_, Finding::NotEstablished, _) => {
            (Finding::NotEstablished, "a check of the signature failed")
        }
        (Verdict::Indeterminate, ..) => (Finding::Indeterminate, "the check of the signature came to no end"),
        (Verdict::Passed, Finding::Indeterminate, Some(_)) => (
            Finding::Indeterminate,
            "the check of the signature at the receipt came to no end, or cannot be told from others",
        ),
        (Verdict::Passed, _, _) => (Finding::Established, "the signature was checked and confirmed"),
    };
    let found = on_record.finding.as_ref().map(|found| found.at);
    condition("5.2.3.1", finding, text, [Some(on_record.at), check.at, found].into_iter().flatten())
}

/// 5.2.3.3.
fn accounted(course: &Course) -> Condition {
    let clause = "5.2.3.3";
    let not = Finding::NotEstablished;
    if let Some(at) = course.accounted {
        condition(clause, Finding::Established, "the document was accounted for this recipient", [at])
    } else if let Some((at, _)) = course.deemed_not_received {
        condition(clause, not, "the check at the receipt failed; the document is deemed not received", [at])
    } else if let Some(at) = course.recalled {
        condition(clause, not, "the document was recalled before it was accounted", [at])
    } else {
        condition(clause, not, "the document is not accounted", [course.opened])
    }
}

fn condition(
    clause: &'static str,
    finding: Finding,
    text: &'static str,
    evidence: impl IntoIterator<Item = EventRef>,
) -> Condition {
    let mut evidence: Vec<LeafIndex> = evidence.into_iter().map(|at| at.index).collect();
    evidence.sort_unstable();
    evidence.dedup();
    Condition { clause, evidence, finding, text }
}
