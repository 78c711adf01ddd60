//! A document as one viewer sees it: the eight parts, times, findings, and what may be done now.
//!
//! Needed are the records of the document, of its deliveries and of the keys that signed (a compromise is homed in
//! the key). A recipient sees the document, its signatures and its own delivery; not that there are others.

use std::collections::BTreeMap;

use serde::Serialize;

use super::impact::{KeyHistory, Window};
use super::parts::{
    AnswerState, Awaiting, Badge, Custody, Dispatch, DisplayStatus, Formation, Notice, Receipt, Revocation, Signing,
    Validity,
};
use super::timeline::TimelineEntry;
use super::{EventRef, Logged, Viewer};
use crate::domain::Aggregate as _;
use crate::domain::command::CommandKind;
use crate::domain::delivery::{Delivery, Party};
use crate::domain::document::Document;
use crate::domain::event::{
    CheckedSignature, DeliveryOpened, DocumentFormed, DocumentType, Event, Format, Signed, Verdict, VersionName,
};
use crate::domain::refusal::RefusalCode;
use crate::id::{CertificateId, DeliveryId, DocumentId, KeyId, ParticipantId};
use crate::pki::certificate::Role;
use crate::time::Timestamp;

/// A document, for one viewer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DocumentView {
    /// What the viewer may ask for now, sorted; of the deliveries, see each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allowed_actions: Vec<CommandKind>,
    /// Who has to act, while something is awaited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub awaiting: Option<Awaiting>,
    /// Marks beside the status.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub badges: Vec<Badge>,
    /// Whether the viewer may have the content: a recipient only after its receipt, so that a recalled document
    /// is one that it never got.
    pub content_available: bool,
    /// K.
    pub custody: Custody,
    /// The deliveries that the viewer may see, in log order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub deliveries: Vec<DeliveryView>,
    /// T.
    pub dispatch: Dispatch,
    /// The status for people: the highest by precedence of the document and the deliveries shown.
    pub display_status: DisplayStatus,
    /// The document.
    pub document: DocumentId,
    /// Its type, if the sender gave one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub document_type: Option<DocumentType>,
    /// Its declared and checked format.
    pub format: Format,
    /// F.
    pub formation: Formation,
    /// Version of the format registry.
    pub formats: VersionName,
    /// The event that formed it.
    pub formed: EventRef,
    /// Who formed it and may send it.
    pub sender: ParticipantId,
    /// The event that sent it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent: Option<EventRef>,
    /// S, per slot.
    pub slots: Vec<SlotView>,
    /// What happened, as far as the viewer may see it, in log order.
    pub timeline: Vec<TimelineEntry>,
}

/// A place for a signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SlotView {
    /// Groups sign one after the other, from 1.
    pub group: u64,
    /// Whether the document cannot be sent without it.
    pub mandatory: bool,
    /// Who is to sign.
    pub participant: ParticipantId,
    /// The role that the signer's certificate must state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub required_role: Option<Role>,
    /// The signature.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signature: Option<SignatureView>,
    /// Number, from 1.
    pub slot: u64,
    /// S.
    pub state: Signing,
}

/// A signature as it was recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SignatureView {
    /// The signer's certificate.
    pub certificate: CertificateId,
    /// Its key.
    pub key: KeyId,
    /// The signer.
    pub participant: ParticipantId,
    /// The event; its time is the trusted time of the signature.
    pub signed: EventRef,
    /// The earlier time that a trusted time-stamp proves for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proven_at: Option<Timestamp>,
    /// What the check came to when it was recorded.
    pub verdict: Verdict,
    /// The last check that was made again, as of the same moments; it never changes the verdict of history.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finding: Option<FindingView>,
    /// Where it stands against a compromise of the key, if one is on record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
}

/// A later check of a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct FindingView {
    /// The event.
    pub recorded: EventRef,
    /// What the check came to.
    pub verdict: Verdict,
}

/// The delivery of a document to one recipient, for one viewer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeliveryView {
    /// The event that accounted it: the moment of receipt (clauses 5.2.3.2, 5.2.4).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accounted: Option<EventRef>,
    /// What the viewer may ask for now, sorted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allowed_actions: Vec<CommandKind>,
    /// A.
    pub answer: AnswerState,
    /// The event that answered it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answered: Option<EventRef>,
    /// Who has to act, while something is awaited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub awaiting: Option<Awaiting>,
    /// The recipient's signature on the document.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub countersignature: Option<SignatureView>,
    /// The event that deemed it not received.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deemed_not_received: Option<EventRef>,
    /// The delivery.
    pub delivery: DeliveryId,
    /// The status for people.
    pub display_status: DisplayStatus,
    /// The document.
    pub document: DocumentId,
    /// L, per signature.
    pub findings: Vec<SignatureFinding>,
    /// The notice to the sender (a sub-state of R).
    pub notice: Notice,
    /// The event that opened it.
    pub opened: EventRef,
    /// Number of the last annulment proposal, from 1, and who made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proposal: Option<ProposalView>,
    /// All reasons for which it is deemed not received.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<RefusalCode>,
    /// R.
    pub receipt: Receipt,
    /// The event that issued the receipt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipt_issued: Option<EventRef>,
    /// The event that recorded that the sender has the receipt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipt_delivered: Option<EventRef>,
    /// To whom.
    pub recipient: ParticipantId,
    /// V.
    pub revocation: Revocation,
    /// The event that brought V where it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoked: Option<EventRef>,
    /// Who sent it.
    pub sender: ParticipantId,
}

/// A proposal of annulment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ProposalView {
    /// Who proposed.
    pub by: ParticipantId,
    /// Its number within the delivery.
    pub number: u64,
}

/// L, what is found about one signature towards one recipient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SignatureFinding {
    /// The last check of the signature that was made again as of its receipt; it never changes the receipt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_receipt: Option<FindingView>,
    /// Whether the signature was made in the time for which its key is reported as compromised.
    pub contested: bool,
    /// The slot; left out for the countersignature.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slot: Option<u64>,
    /// What the checks came to: the last one as of the receipt if there was one, or else the one at the signing; a later
    /// finding about the signing makes it worse, or settles what was open.
    pub validity: Validity,
    /// The window of a compromise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
}

/// Folds the records that concern a document into what a viewer sees; `None` if it is not there or not the viewer's.
pub fn fold<'a>(
    document: DocumentId,
    records: impl IntoIterator<Item = Logged<'a>>,
    viewer: Viewer,
) -> Option<DocumentView> {
    let mut folded = DocumentFold::new(document);
    for logged in records {
        folded.apply(logged);
    }
    folded.view(viewer)
}

/// The state of a document before anybody looks at it.
#[derive(Debug, Clone)]
pub struct DocumentFold {
    document: DocumentId,
    state: Document,
    formed: Option<(DocumentFormed, EventRef)>,
    slots: Vec<SlotView>,
    sent: Option<EventRef>,
    deliveries: BTreeMap<DeliveryId, DeliveryFold>,
    keys: BTreeMap<KeyId, (KeyHistory, Vec<TimelineEntry>)>,
    timeline: Vec<TimelineEntry>,
}

impl DocumentFold {
    /// Nothing is known of the document yet.
    pub fn new(document: DocumentId) -> Self {
        Self {
            document,
            state: Document::default(),
            formed: None,
            slots: Vec::new(),
            sent: None,
            deliveries: BTreeMap::new(),
            keys: BTreeMap::new(),
            timeline: Vec::new(),
        }
    }

    /// Takes in the next event; one that does not concern the document changes nothing.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the others are of deliveries, whose fold takes them")]
    pub fn apply(&mut self, logged: Logged<'_>) {
        let event = logged.2;
        if let Some(key) = KeyHistory::key_of(event) {
            let (history, timeline) = self.keys.entry(key).or_default();
            history.apply(logged);
            timeline.push(TimelineEntry::of(logged));
            return;
        }
        if event.document() != Some(self.document) {
            return;
        }
        self.timeline.push(TimelineEntry::of(logged));
        let at = EventRef::of(logged);
        if event.delivery().is_none() {
            self.state.apply(event, at.recorded());
        }
        match event {
            Event::DocumentFormed(e) => {
                self.slots = e
                    .slots
                    .iter()
                    .map(|slot| SlotView {
                        group: slot.group,
                        mandatory: slot.mandatory,
                        participant: slot.participant,
                        required_role: slot.required_role,
                        signature: None,
                        slot: slot.slot,
                        state: Signing::Waiting,
                    })
                    .collect();
                self.formed = Some((e.clone(), at));
            }
            Event::SignatureApplied(e) => {
                if let Some(slot) = self.slots.iter_mut().find(|slot| slot.slot == e.slot) {
                    slot.signature = Some(SignatureView::of(&e.signature, at));
                    slot.state = signing(&self.state, e.slot);
                }
            }
            Event::FindingRecorded(e) => {
                if let Some(slot) = self.slots.iter_mut().find(|slot| slot.slot == e.slot) {
                    slot.state = signing(&self.state, e.slot);
                    match &mut slot.signature {
                        // What failed before the sending stands for nothing; the slot is open again.
                        signature if slot.state == Signing::Waiting => *signature = None,
                        Some(signature) if signature.signed.event == e.event => signature.found(&e.signature, at),
                        Some(_) | None => {}
                    }
                }
            }
            Event::DocumentSent(_) => self.sent = Some(at),
            Event::DeliveryOpened(e) => {
                self.deliveries.insert(e.delivery, DeliveryFold::opened(e, at));
            }
            other => {
                let delivery = other.delivery().and_then(|id| self.deliveries.get_mut(&id));
                if let Some(delivery) = delivery {
                    delivery.apply(other, at);
                }
            }
        }
    }

    /// What the viewer sees.
    pub fn view(&self, viewer: Viewer) -> Option<DocumentView> {
        let (formed, formed_at) = self.formed.as_ref()?;
        let party = viewer.sees_all()
            || viewer.is(formed.sender)
            || formed.slots.iter().any(|slot| viewer.is(slot.participant));
        let slots: Vec<SlotView> = self.slots.iter().map(|slot| self.with_window(slot)).collect();
        let mut deliveries: Vec<DeliveryView> = self
            .deliveries
            .values()
            .filter(|fold| viewer.sees_all() || viewer.is(fold.view.sender) || viewer.is(fold.view.recipient))
            .map(|fold| fold.view(viewer, &slots, |key| self.history(key)))
            .collect();
        deliveries.sort_unstable_by_key(|delivery| delivery.opened);
        if !party && deliveries.is_empty() {
            return None;
        }

        let mut allowed_actions = match viewer {
            Viewer::Participant(me) => self.state.allowed(me),
            Viewer::Operator | Viewer::Auditor => Vec::new(),
        };
        allowed_actions.sort_unstable();
        let (display_status, awaiting) = self.display(viewer, &slots, &deliveries);
        let received =
            deliveries.iter().any(|delivery| viewer.is(delivery.recipient) && delivery.receipt == Receipt::Accounted);
        let timeline = self.timeline_of(&slots, &deliveries);
        Some(DocumentView {
            allowed_actions,
            awaiting,
            badges: badges(&slots, &deliveries),
            content_available: party || received,
            custody: Custody::Live,
            deliveries,
            dispatch: if self.sent.is_some() { Dispatch::Sent } else { Dispatch::NotSent },
            display_status,
            document: self.document,
            format: formed.format,
            formation: Formation::Formed,
            document_type: formed.document_type.clone(),
            formats: formed.formats.clone(),
            formed: *formed_at,
            sender: formed.sender,
            sent: self.sent,
            slots,
            timeline,
        })
    }

    fn history(&self, key: KeyId) -> Option<&KeyHistory> {
        self.keys.get(&key).map(|(history, _)| history)
    }

    fn with_window(&self, slot: &SlotView) -> SlotView {
        let mut slot = slot.clone();
        if let Some(signature) = &mut slot.signature {
            signature.window = signature.window_in(self.history(signature.key));
        }
        slot
    }

    /// The highest status by precedence, and who has to act in it.
    fn display(
        &self,
        viewer: Viewer,
        slots: &[SlotView],
        deliveries: &[DeliveryView],
    ) -> (DisplayStatus, Option<Awaiting>) {
        let own = if self.sent.is_some() {
            (DisplayStatus::Sent, None)
        } else if slots.iter().filter_map(|slot| slot.signature.as_ref()).any(SignatureView::is_contested) {
            (DisplayStatus::Contested, None)
        } else if !self.state.is_signed() {
            let due = |me| self.state.allowed(me).contains(&CommandKind::ApplySignature);
            (DisplayStatus::AwaitingSignatures, awaiting(viewer, due))
        } else {
            (DisplayStatus::Formed, None)
        };
        let all = deliveries.iter().map(|delivery| (delivery.display_status, delivery.awaiting));
        // Of several deliveries in one status, the one that waits for the viewer speaks for all.
        all.chain([own])
            .max_by_key(|(status, awaiting)| (*status, *awaiting == Some(Awaiting::You)))
            .unwrap_or((DisplayStatus::Formed, None))
    }

    /// The lines of the document, of the deliveries shown and of the keys of the signatures shown.
    fn timeline_of(&self, slots: &[SlotView], deliveries: &[DeliveryView]) -> Vec<TimelineEntry> {
        let shown = |entry: &&TimelineEntry| {
            entry.delivery.is_none_or(|id| deliveries.iter().any(|delivery| delivery.delivery == id))
        };
        let mut lines: Vec<TimelineEntry> = self.timeline.iter().filter(shown).cloned().collect();
        let on_document = slots.iter().filter_map(|slot| slot.signature.as_ref());
        let on_deliveries = deliveries.iter().filter_map(|delivery| delivery.countersignature.as_ref());
        let mut keys: Vec<KeyId> = on_document.chain(on_deliveries).map(|signature| signature.key).collect();
        keys.sort_unstable();
        keys.dedup();
        lines.extend(keys.iter().filter_map(|key| self.keys.get(key)).flat_map(|(_, lines)| lines.iter().cloned()));
        lines.sort_by_key(|entry| entry.event.index);
        lines
    }
}

/// S of a slot, from the aggregate's own state.
fn signing(state: &Document, slot: u64) -> Signing {
    match state.standing().find(|signature| signature.slot == slot) {
        None => Signing::Waiting,
        Some(signature) if signature.is_pending() => Signing::Pending,
        Some(_) => Signing::Signed,
    }
}

fn badges(slots: &[SlotView], deliveries: &[DeliveryView]) -> Vec<Badge> {
    let mut badges = Vec::new();
    if deliveries.iter().any(|delivery| delivery.notice == Notice::Issued) {
        badges.push(Badge::NoticeNotDelivered);
    }
    let open = |window: Option<Window>| window.is_some_and(|window| window != Window::FalseAlarm);
    let on_document = |signature: &SignatureView| open(signature.window) || signature.validity(None) != Validity::Valid;
    let contested = slots.iter().filter_map(|slot| slot.signature.as_ref()).any(on_document);
    let found = |finding: &SignatureFinding| finding.validity != Validity::Valid || open(finding.window);
    if contested || deliveries.iter().flat_map(|delivery| &delivery.findings).any(found) {
        badges.push(Badge::Finding);
    }
    badges
}

/// For a participant, whether it is the one awaited; the operator and auditors wait for nobody.
fn awaiting(viewer: Viewer, is_due: impl FnOnce(ParticipantId) -> bool) -> Option<Awaiting> {
    match viewer {
        Viewer::Operator | Viewer::Auditor => None,
        Viewer::Participant(me) if is_due(me) => Some(Awaiting::You),
        Viewer::Participant(_) => Some(Awaiting::Counterparty),
    }
}

impl SignatureView {
    fn of(signature: &Signed, signed: EventRef) -> Self {
        Self {
            certificate: signature.certificate,
            key: signature.key,
            participant: signature.participant,
            signed,
            proven_at: signature.proven_at,
            verdict: signature.verdict,
            finding: None,
            window: None,
        }
    }

    fn found(&mut self, found: &Signed, recorded: EventRef) {
        self.finding = Some(FindingView { recorded, verdict: found.verdict });
        self.proven_at = found.proven_at.or(self.proven_at);
    }

    fn window_in(&self, history: Option<&KeyHistory>) -> Option<Window> {
        history?.window(self.signed, self.proven_at)
    }

    fn validity(&self, at_receipt: Option<Verdict>) -> Validity {
        let found = self.finding.map(|finding| finding.verdict);
        let checks = [at_receipt.or_else(|| found.is_none().then_some(self.verdict)), found];
        let any = |verdict| checks.contains(&Some(verdict));
        if any(Verdict::Failed) {
            Validity::Invalid
        } else if any(Verdict::Indeterminate) {
            Validity::Indeterminate
        } else {
            Validity::Valid
        }
    }

    fn is_contested(&self) -> bool {
        self.window.is_some_and(Window::is_contested)
    }

    fn finding(&self, slot: Option<u64>, at_receipt: Option<Verdict>) -> SignatureFinding {
        let validity = self.validity(at_receipt);
        SignatureFinding { at_receipt: None, contested: self.is_contested(), slot, validity, window: self.window }
    }
}

/// A delivery before anybody looks at it; what depends on the viewer is filled in by [`Self::view`].
#[derive(Debug, Clone)]
struct DeliveryFold {
    state: Delivery,
    view: DeliveryView,
    checked: Vec<CheckedSignature>,
    found_at_receipt: BTreeMap<u64, FindingView>,
}

impl DeliveryFold {
    fn opened(opening: &DeliveryOpened, opened: EventRef) -> Self {
        let mut state = Delivery::default();
        state.apply(&Event::DeliveryOpened(opening.clone()), opened.recorded());
        let view = DeliveryView {
            accounted: None,
            allowed_actions: Vec::new(),
            answer: state.answer,
            answered: None,
            awaiting: None,
            countersignature: None,
            deemed_not_received: None,
            delivery: opening.delivery,
            display_status: DisplayStatus::Sent,
            document: opening.document,
            findings: Vec::new(),
            notice: Notice::None,
            opened,
            proposal: None,
            reasons: Vec::new(),
            receipt: Receipt::Pending,
            receipt_issued: None,
            receipt_delivered: None,
            recipient: opening.recipient,
            revocation: Revocation::None,
            revoked: None,
            sender: opening.sender,
        };
        Self { state, view, checked: Vec::new(), found_at_receipt: BTreeMap::new() }
    }

    /// The state is the aggregate's; kept beside it is which event brought it about.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the state is folded by the aggregate, which knows every event")]
    fn apply(&mut self, event: &Event, at: EventRef) {
        let before = self.state.revocation;
        self.state.apply(event, at.recorded());
        let view = &mut self.view;
        if self.state.revocation != before {
            view.revoked = Some(at);
        }
        match event {
            Event::DeliveryAccounted(e) => {
                view.accounted = Some(at);
                self.checked.clone_from(&e.signatures);
            }
            Event::DeliveryDeemedNotReceived(e) => {
                view.deemed_not_received = Some(at);
                view.reasons.clone_from(&e.reasons);
                self.checked.clone_from(&e.signatures);
            }
            Event::ReceiptIssued(_) => view.receipt_issued = Some(at),
            Event::ReceiptDelivered(_) => view.receipt_delivered = Some(at),
            Event::CountersignatureApplied(e) => {
                view.answered = Some(at);
                view.countersignature = Some(SignatureView::of(&e.signature, at));
            }
            Event::DeliveryFinding(e) if e.slot.is_some() => {
                let found = FindingView { recorded: at, verdict: e.signature.verdict };
                self.found_at_receipt.extend(e.slot.map(|slot| (slot, found)));
            }
            Event::DeliveryFinding(e) => match (&self.state.countersignature, &mut view.countersignature) {
                (Some(_), Some(signature)) => signature.found(&e.signature, at),
                // It was waiting and failed: there is no answer, and another may be given.
                (None, _) => (view.countersignature, view.answered) = (None, None),
                (Some(_), None) => {}
            },
            Event::AnswerRefused(_) => view.answered = Some(at),
            Event::AnnulmentProposed(e) => {
                view.proposal = Some(ProposalView { by: e.signature.participant, number: e.proposal });
            }
            _ => {}
        }
    }

    fn view<'a>(
        &self,
        viewer: Viewer,
        slots: &[SlotView],
        history: impl Fn(KeyId) -> Option<&'a KeyHistory>,
    ) -> DeliveryView {
        let Delivery { answer, notice, receipt, revocation, .. } = self.state;
        let mut view = DeliveryView { answer, notice, receipt, revocation, ..self.view.clone() };
        if let Some(signature) = &mut view.countersignature {
            signature.window = signature.window_in(history(signature.key));
        }
        view.findings = slots
            .iter()
            .filter_map(|slot| {
                let checked = self.checked.iter().find(|checked| checked.slot == slot.slot);
                let at_receipt = self.found_at_receipt.get(&slot.slot).copied();
                let verdict = at_receipt.map(|found| found.verdict).or(checked.map(|checked| checked.verdict));
                let finding = slot.signature.as_ref()?.finding(Some(slot.slot), verdict);
                Some(SignatureFinding { at_receipt, ..finding })
            })
            .chain(view.countersignature.as_ref().map(|signature| signature.finding(None, None)))
            .collect();
        view.display_status = display_of(&view);
        view.awaiting = if view.answer == AnswerState::Awaiting && view.display_status == DisplayStatus::AwaitingAnswer
        {
            awaiting(viewer, |me| me == view.recipient)
        } else if view.display_status == DisplayStatus::AnnulmentProposed {
            awaiting(viewer, |me| view.proposal.is_some_and(|proposal| proposal.by != me))
        } else {
            None
        };
        view.allowed_actions = self.allowed_actions(viewer);
        view
    }

    /// What the viewer may ask: the aggregate's own table (product.md C.3.2, C.3.4).
    fn allowed_actions(&self, viewer: Viewer) -> Vec<CommandKind> {
        let parties = [(self.view.sender, Party::Sender), (self.view.recipient, Party::Recipient)];
        let own = parties.into_iter().find(|(participant, _)| viewer.is(*participant));
        let mut actions = match (viewer, own) {
            // The operator accounts, and nothing else of a delivery is its to decide.
            (Viewer::Operator, _) if self.state.permits(CommandKind::Receive, Party::Recipient) => {
                vec![CommandKind::Receive]
            }
            (_, Some((_, party))) => self.state.allowed(party),
            _ => Vec::new(),
        };
        actions.sort_unstable();
        actions
    }
}

/// The status of one delivery, by the precedence of product.md C.3.7, highest first.
fn display_of(view: &DeliveryView) -> DisplayStatus {
    match view.revocation {
        Revocation::Annulled => return DisplayStatus::Annulled,
        Revocation::Withdrawn => return DisplayStatus::Withdrawn,
        Revocation::Recalled => return DisplayStatus::Recalled,
        _ if view.findings.iter().any(|finding| finding.contested) => return DisplayStatus::Contested,
        Revocation::AnnulmentProposed
        | Revocation::None
        | Revocation::AnnulmentRefused
        | Revocation::ProposalWithdrawn => {}
    }
    match (view.receipt, view.answer) {
        (Receipt::DeemedNotReceived, _) => DisplayStatus::DeemedNotReceived,
        (Receipt::Pending, _) => DisplayStatus::Sent,
        (Receipt::Accounted, AnswerState::Refused) => DisplayStatus::Refused,
        _ if view.revocation == Revocation::AnnulmentProposed => DisplayStatus::AnnulmentProposed,
        (Receipt::Accounted, AnswerState::Awaiting | AnswerState::CountersignaturePending) => {
            DisplayStatus::AwaitingAnswer
        }
        (Receipt::Accounted, AnswerState::Countersigned | AnswerState::CountersignedWithReservations) => {
            DisplayStatus::Countersigned
        }
        (Receipt::Accounted, AnswerState::NotRequired) if view.notice == Notice::Delivered => DisplayStatus::Completed,
        (Receipt::Accounted, AnswerState::NotRequired) => DisplayStatus::Accounted,
    }
}
