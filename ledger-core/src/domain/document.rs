//! Documents: formed once with frozen bytes and signers, signed in order, sent (clauses 5.3.1.1, 5.3.1.2, 5.3.2).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::canonical;
use crate::digest::Digest;
use crate::domain::check::{CheckBasis, Pending, SignatureCheck, SignerFacts};
use crate::domain::command::{ApplySignature, CommandKind, FormDocument, RecordFinding, SendDocument, SlotRequest};
use crate::domain::event::{
    DeliveryFinding, DeliveryOpened, DocumentFormed, DocumentSent, Event, FindingRecorded, NewEvent, SIGNERS_MAX,
    SignatureApplied, SignatureSlot, Signed, Verdict,
};
use crate::domain::format_registry;
use crate::domain::participant::Participant;
use crate::domain::refusal::{Detail, Finding, Refusal, RefusalCode, refuse_if_any};
use crate::domain::requisites::check_line;
use crate::domain::{Aggregate, Circumstances, FOREIGN, Recorded, rule};
use crate::id::{DeliveryId, DocumentId, EventId, ParticipantId, StreamKind};
use crate::pki::certificate::Role;
use crate::time::Timestamp;

/// How many recipients one sending may have: all deliveries are opened in one append, which is one batch at most.
pub const RECIPIENTS_MAX: usize = 256;

/// State of one document.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// What was formed; none as long as it does not exist.
    pub formed: Option<DocumentFormed>,
    /// When.
    pub formed_at: Option<Timestamp>,
    /// The signatures, in the order in which they were applied.
    pub signatures: Vec<AppliedSignature>,
    /// When it was sent.
    pub sent_at: Option<Timestamp>,
    /// The last event.
    pub last: Option<EventId>,
}

/// A signature on a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppliedSignature {
    /// The slot that it fills.
    pub slot: u64,
    /// Whose it is.
    pub signature: Signed,
    /// The event; its payloads hold the CMS and the report.
    pub event: EventId,
    /// When it was recorded: the trusted time of signing, as long as there is no better one.
    pub at: Timestamp,
    /// The time before which a trusted time-stamp proves that it existed.
    pub proven_at: Option<Timestamp>,
    /// What the last check came to that is on record.
    pub verdict: Verdict,
    /// The last finding, if there was one.
    pub finding: Option<EventId>,
    /// A check failed before the document was sent: the slot is open again, and the signature stands for nothing.
    pub set_aside: bool,
}

impl AppliedSignature {
    /// The trusted time of signing: the best proof that there is.
    pub fn signed_at(&self) -> Timestamp {
        self.proven_at.unwrap_or(self.at)
    }

    /// Whether a finding about a receipt is about this signature.
    pub fn is_found_by(&self, finding: &DeliveryFinding) -> bool {
        (Some(self.slot), self.event) == (finding.slot, finding.event)
            && is_same_signer(&self.signature, &finding.signature)
    }

    /// Whether it waits for revocation data.
    pub fn is_pending(&self) -> bool {
        !self.set_aside && self.verdict == Verdict::Indeterminate
    }
}

/// What can be asked of a document's stream.
#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "one command lives at a time, on the stack of its decision")]
pub enum DocumentCommand {
    /// Form it.
    Form(FormDocument, FormFacts),
    /// Sign it.
    Sign(ApplySignature, SignerFacts),
    /// Record what a new check of one of its signatures comes to.
    RecordFinding(RecordFinding, FindingFacts),
    /// Send it.
    Send(SendDocument, SendFacts),
}

/// What a finding read elsewhere.
#[derive(Debug, Clone)]
pub struct FindingFacts {
    /// The check of the signature, as of the moments of its recording, with what is known now.
    pub check: SignatureCheck,
    /// By what it was checked.
    pub basis: CheckBasis,
}

impl FindingFacts {
    /// The signature with what the check came to, and the reasons if it failed; `None` if that is on record already.
    pub(crate) fn found(&self, signed: &Signed, on_record: Verdict) -> Option<(Signed, Vec<RefusalCode>)> {
        let (verdict, reasons) = self.check.outcome.verdict_on(signed.certificate, self.check.certificate);
        let found = || Signed {
            verdict,
            trust: self.basis.trust,
            policy: self.basis.policy,
            evidence: self.basis.lists(),
            proven_at: self.check.proven_at,
            ..signed.clone()
        };
        (verdict != on_record).then(|| (found(), reasons))
    }

    /// The event with the payloads of the check.
    pub(crate) fn with_payloads(&self, event: Event) -> NewEvent {
        NewEvent::new(event)
            .with("report", self.check.outcome.report.clone())
            .with_evidence(self.check.evidence.as_ref())
    }
}

/// What forming read elsewhere.
#[derive(Debug, Clone)]
pub struct FormFacts {
    /// Fresh random id for the document.
    pub document: DocumentId,
    /// The sender's stream; as new if there is none.
    pub sender: Participant,
    /// The streams of the signers that exist.
    pub signers: BTreeMap<ParticipantId, Participant>,
    /// Whether the content is a private key or a key store.
    pub private_key_material: bool,
}

/// What sending read elsewhere.
#[derive(Debug, Clone)]
pub struct SendFacts {
    /// The sender's stream.
    pub sender: Participant,
    /// The recipients that exist.
    pub recipients: BTreeMap<ParticipantId, RecipientFacts>,
}

/// What sending read about one recipient.
#[derive(Debug, Clone)]
pub struct RecipientFacts {
    /// Its stream.
    pub participant: Participant,
    /// Fresh random id for its delivery.
    pub delivery: DeliveryId,
}

/// The payload `content-info`: what is known of the content, outside the record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContentInfo {
    /// Length in bytes.
    pub bytes: u64,
    /// Media type by the format registry.
    pub media_type: String,
    /// SHA-256 of the content, which every signature covers.
    pub sha256: Digest,
    /// Title for people.
    pub title: String,
}

impl Document {
    /// Name of the state, by what came last.
    pub fn state(&self) -> &'static str {
        match (&self.formed, self.sent_at) {
            (None, _) => "absent",
            (Some(_), Some(_)) => "sent",
            (Some(_), None) if self.is_signed() => "signed",
            (Some(_), None) => "formed",
        }
    }

    /// Whether every mandatory slot is signed (clause 8.3).
    pub fn is_signed(&self) -> bool {
        self.formed.as_ref().is_some_and(|formed| {
            formed.slots.iter().filter(|slot| slot.mandatory).all(|slot| self.is_slot_signed(slot.slot))
        })
    }

    /// The signatures that stand: one for each slot at most.
    pub fn standing(&self) -> impl Iterator<Item = &AppliedSignature> {
        self.signatures.iter().filter(|signature| !signature.set_aside)
    }

    /// Whether a slot is signed: a signature stands there whose last check passed.
    pub fn is_slot_signed(&self, slot: u64) -> bool {
        self.in_slot(slot).is_some_and(|signature| signature.verdict == Verdict::Passed)
    }

    fn in_slot(&self, slot: u64) -> Option<&AppliedSignature> {
        self.standing().find(|signature| signature.slot == slot)
    }

    /// Whether it is this slot's turn: all mandatory ones of earlier groups are signed, nothing is there.
    pub fn is_slot_due(&self, slot: &SignatureSlot) -> bool {
        let earlier = |other: &&SignatureSlot| other.mandatory && other.group < slot.group;
        let slots = self.formed.as_ref().map(|formed| formed.slots.as_slice()).unwrap_or_default();
        self.in_slot(slot.slot).is_none() && slots.iter().filter(earlier).all(|other| self.is_slot_signed(other.slot))
    }

    /// What this participant may ask of the document now.
    pub fn allowed(&self, participant: ParticipantId) -> Vec<CommandKind> {
        let Some(formed) = &self.formed else { return vec![CommandKind::FormDocument] };
        let mut allowed = Vec::new();
        if self.sent_at.is_some() {
            return allowed;
        }
        if formed.slots.iter().any(|slot| slot.participant == participant && self.is_slot_due(slot)) {
            allowed.push(CommandKind::ApplySignature);
        }
        let pending = || self.standing().filter(|signature| signature.is_pending());
        if formed.sender == participant && self.is_signed() && pending().next().is_none() {
            allowed.push(CommandKind::SendDocument);
        }
        if pending().any(|one| formed.sender == participant || one.signature.participant == participant) {
            allowed.push(CommandKind::RecordFinding);
        }
        allowed
    }

    fn state_finding(&self, circumstances: &Circumstances) -> Finding {
        let allowed = circumstances.actor.participant.map(|participant| self.allowed(participant)).unwrap_or_default();
        Finding::new(RefusalCode::DocumentState).with(Detail::State { state: self.state(), event: self.last, allowed })
    }

    fn form(
        &self,
        command: &FormDocument,
        facts: &FormFacts,
        circumstances: &Circumstances,
    ) -> Result<Vec<NewEvent>, Refusal> {
        let mut findings = Vec::new();
        circumstances.require_participant(command.sender, &mut findings);
        facts.sender.require_agreement(command.sender, &mut findings);
        if self.formed.is_some() {
            findings.push(self.state_finding(circumstances));
        }
        check_line("title", &command.title, &mut findings);
        if facts.private_key_material {
            findings.push(Finding::at(RefusalCode::PrivateKeyMaterialRefused, "content"));
        }
        findings.extend(format_registry::check(command.format, &command.content));
        let sha256 = Digest::sha256(&[&command.content]);
        if command.declared_sha256.is_some_and(|declared| declared != sha256) {
            findings.push(Finding::at(RefusalCode::DigestMismatch, "declared_sha256"));
        }
        let slots = slots(command, facts, &mut findings);
        let info = ContentInfo {
            bytes: u64::try_from(command.content.len()).unwrap_or(u64::MAX),
            media_type: format_registry::media_type(command.format).to_owned(),
            sha256,
            title: command.title.clone(),
        };
        let info = canonical::encode(&info);
        let (Ok(info), Ok(formats)) = (info, format_registry::version()) else {
            findings.push(Finding::at(RefusalCode::RequisitesMissing, "title"));
            refuse_if_any(findings)?;
            return Err(Refusal::of(Finding::at(RefusalCode::RequisitesMissing, "title")));
        };
        refuse_if_any(findings)?;
        let formed = DocumentFormed {
            document: facts.document,
            document_type: command.document_type.clone(),
            sender: command.sender,
            format: command.format,
            formats,
            slots,
        };
        Ok(vec![
            NewEvent::new(Event::DocumentFormed(formed))
                .with("content", command.content.clone())
                .with("content-info", info),
        ])
    }

    fn sign(
        &self,
        command: &ApplySignature,
        facts: &SignerFacts,
        circumstances: &Circumstances,
    ) -> Result<Vec<NewEvent>, Refusal> {
        let mut findings = Vec::new();
        let signed = facts.examine(circumstances, Pending::Recorded, &mut findings);
        if self.formed.is_none() || self.sent_at.is_some() {
            findings.push(self.state_finding(circumstances));
        }
        if let Some(signed) = &signed {
            circumstances.require_participant(signed.participant, &mut findings);
        }
        let slot = match (&signed, &self.formed) {
            (Some(signed), Some(_)) => self.slot_for(signed.participant).map_err(|code| {
                findings.push(Finding::new(code));
            }),
            _ => Err(()),
        };
        // The check was made before the slot was chosen: for another role it says nothing about this one.
        let demanded = |slot: &u64| self.formed.as_ref().and_then(|formed| formed.slot(*slot)?.required_role);
        if slot.as_ref().is_ok_and(|slot| demanded(slot) != facts.check.required_role) {
            findings.push(Finding::new(RefusalCode::SignatureIndeterminate));
        }
        refuse_if_any(findings)?;
        let (Some(signature), Some(formed), Ok(slot)) = (signed, &self.formed, slot) else {
            return Err(Refusal::of(Finding::new(RefusalCode::SignatureIndeterminate)));
        };
        let event = SignatureApplied { document: formed.document, slot, signature };
        Ok(vec![
            NewEvent::new(Event::SignatureApplied(event))
                .with("cms", command.cms.clone())
                .with("report", facts.check.outcome.report.clone())
                .with_evidence(facts.check.evidence.as_ref()),
        ])
    }

    /// The ledger checked a signature again; what it comes to is recorded if it is something new. The verdict of history
    /// stays as it is.
    fn record_finding(
        &self,
        command: &RecordFinding,
        facts: &FindingFacts,
        circumstances: &Circumstances,
    ) -> Result<Vec<NewEvent>, Refusal> {
        let unknown = || Finding::at(RefusalCode::SignatureUnknown, "signature");
        let Some(formed) = &self.formed else { return Err(Refusal::of(self.state_finding(circumstances))) };
        let Some(applied) = self.standing().find(|one| one.event == command.signature) else {
            return Err(Refusal::of(unknown()));
        };
        let mut findings = Vec::new();
        let concerned = [formed.sender, applied.signature.participant];
        if !circumstances.is_operator_or_system() && !concerned.iter().any(|one| circumstances.is_participant(*one)) {
            findings.push(Finding::new(RefusalCode::NotTheOwner));
        }
        let found = facts.found(&applied.signature, applied.verdict);
        if found.is_none() {
            findings.push(Finding::at(RefusalCode::FindingUnchanged, "signature"));
        }
        refuse_if_any(findings)?;
        let (signature, reasons) = found.ok_or_else(|| Refusal::of(unknown()))?;
        let (document, event, slot) = (formed.document, applied.event, applied.slot);
        let event = FindingRecorded { document, event, reasons, slot, signature };
        Ok(vec![facts.with_payloads(Event::FindingRecorded(event))])
    }

    /// The role that the slot demands in which the participant would sign now.
    pub fn role_for(&self, participant: ParticipantId) -> Option<Role> {
        let slot = self.slot_for(participant).ok()?;
        self.formed.as_ref()?.slot(slot)?.required_role
    }

    /// The role that a slot demands.
    pub fn role_in(&self, slot: u64) -> Option<Role> {
        self.formed.as_ref()?.slot(slot)?.required_role
    }

    /// The first slot of the participant that is due, or why none is.
    fn slot_for(&self, participant: ParticipantId) -> Result<u64, RefusalCode> {
        let slots = self.formed.as_ref().map(|formed| formed.slots.as_slice()).unwrap_or_default();
        let mut own = slots.iter().filter(|slot| slot.participant == participant).peekable();
        if own.peek().is_none() {
            return Err(RefusalCode::SignerNotExpected);
        }
        let (mut waiting, mut pending) = (Vec::new(), false);
        for slot in own {
            match self.in_slot(slot.slot) {
                None => waiting.push(slot),
                Some(signature) => pending |= signature.is_pending(),
            }
        }
        if waiting.is_empty() {
            let code = if pending { RefusalCode::SignaturePending } else { RefusalCode::SignerAlreadySigned };
            return Err(code);
        }
        waiting.into_iter().find(|slot| self.is_slot_due(slot)).map(|slot| slot.slot).ok_or(RefusalCode::SigningOrder)
    }

    fn send(
        &self,
        command: &SendDocument,
        facts: &SendFacts,
        circumstances: &Circumstances,
    ) -> Result<Vec<NewEvent>, Refusal> {
        let mut findings = Vec::new();
        let Some(formed) = &self.formed else { return Err(Refusal::of(self.state_finding(circumstances))) };
        let (document, sender) = (formed.document, formed.sender);
        circumstances.require_participant(sender, &mut findings);
        facts.sender.require_agreement(sender, &mut findings);
        if self.sent_at.is_some() {
            findings.push(self.state_finding(circumstances));
        } else {
            let mandatory = |slot: &&SignatureSlot| slot.mandatory && !self.is_slot_signed(slot.slot);
            if formed.slots.iter().filter(mandatory).any(|slot| self.in_slot(slot.slot).is_none()) {
                findings.push(Finding::new(RefusalCode::DocumentUnsigned));
            }
            for pending in self.standing().filter(|signature| signature.is_pending()) {
                findings.push(Finding::at(RefusalCode::SignaturePending, format!("slots/{}", pending.slot)));
            }
        }
        if command.recipients.is_empty() || command.recipients.len() > RECIPIENTS_MAX {
            findings.push(Finding::at(RefusalCode::RecipientsMissing, "recipients"));
        }
        let mut events = vec![NewEvent::new(Event::DocumentSent(DocumentSent { document, sender }))];
        for (place, recipient) in command.recipients.iter().enumerate().take(RECIPIENTS_MAX) {
            let mut find = |code| findings.push(Finding::at(code, format!("recipients/{place}")));
            if recipient.participant == sender {
                find(RefusalCode::RecipientSelf);
            }
            let earlier = command.recipients.iter().take(place);
            if earlier.into_iter().any(|earlier| earlier.participant == recipient.participant) {
                find(RefusalCode::RecipientDuplicate);
            }
            match facts.recipients.get(&recipient.participant) {
                Some(known) if known.participant.is(recipient.participant) => {
                    let opened = DeliveryOpened {
                        delivery: known.delivery,
                        document,
                        sender,
                        recipient: recipient.participant,
                        answer: recipient.answer,
                    };
                    events.push(NewEvent::new(Event::DeliveryOpened(opened)));
                }
                Some(known) if known.participant.is_registered() => find(RefusalCode::RecipientSuspended),
                _ => find(RefusalCode::RecipientUnknown),
            }
        }
        refuse_if_any(findings)?;
        Ok(events)
    }
}

/// Whether two checks are of a signature by the same certificate of the same participant.
pub(crate) fn is_same_signer(one: &Signed, other: &Signed) -> bool {
    (one.participant, one.certificate, one.key) == (other.participant, other.certificate, other.key)
}

/// The slots that a command asks for; none means the sender alone.
fn slots(command: &FormDocument, facts: &FormFacts, findings: &mut Vec<Finding>) -> Vec<SignatureSlot> {
    let sender_alone = [SlotRequest { participant: command.sender, mandatory: true, group: 1, required_role: None }];
    let requests = if command.signers.is_empty() { &sender_alone[..] } else { &command.signers };
    let mandatory = requests.iter().any(|request| request.mandatory);
    // Groups are small numbers: a slot cannot wait for more groups than there are slots.
    let groups =
        requests.iter().all(|request| (1..=SIGNERS_MAX).contains(&usize::try_from(request.group).unwrap_or(0)));
    if !mandatory || !groups || requests.len() > SIGNERS_MAX {
        findings.push(Finding::at(RefusalCode::SignersInvalid, "signers"));
    }
    let slot = |(number, (place, request)): (u64, (usize, &SlotRequest))| {
        let known = request.participant == command.sender
            || facts.signers.get(&request.participant).is_some_and(|signer| signer.is(request.participant));
        if !known {
            findings.push(Finding::at(RefusalCode::ParticipantUnknown, format!("signers/{place}")));
        }
        SignatureSlot {
            slot: number,
            participant: request.participant,
            mandatory: request.mandatory,
            group: request.group,
            required_role: request.required_role,
        }
    };
    (1..).zip(requests.iter().enumerate().take(SIGNERS_MAX)).map(slot).collect()
}

impl Aggregate for Document {
    const KIND: StreamKind = StreamKind::Document;
    type Command = DocumentCommand;

    fn decide(&self, command: &DocumentCommand, circumstances: &Circumstances) -> Result<Vec<NewEvent>, Refusal> {
        match command {
            DocumentCommand::Form(command, facts) => self.form(command, facts, circumstances),
            DocumentCommand::Sign(command, facts) => self.sign(command, facts, circumstances),
            DocumentCommand::RecordFinding(command, facts) => self.record_finding(command, facts, circumstances),
            DocumentCommand::Send(command, facts) => self.send(command, facts, circumstances),
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "events homed in other kinds of streams never follow")]
    fn follows(&self, event: &Event) -> Result<(), &'static str> {
        let formed = |document| {
            let formed = self.formed.as_ref().filter(|formed| formed.document == document);
            formed.filter(|_| self.sent_at.is_none()).ok_or("the document is not formed, or is sent already")
        };
        match event {
            Event::DocumentFormed(_) => rule(self.formed.is_none(), "the document is formed already"),
            Event::SignatureApplied(event) => {
                let slots = &formed(event.document)?.slots;
                let slot = slots.iter().find(|slot| slot.slot == event.slot).ok_or("no such slot")?;
                rule(slot.participant == event.signature.participant, "the slot is another participant's")?;
                rule(self.is_slot_due(slot), "it is not the slot's turn, or it is signed")
            }
            Event::DocumentSent(event) => {
                rule(formed(event.document)?.sender == event.sender, "another participant formed the document")?;
                rule(self.is_signed(), "a mandatory signature is missing")?;
                rule(!self.standing().any(AppliedSignature::is_pending), "a signature is not checked to the end")
            }
            Event::FindingRecorded(event) => {
                let of_this = self.formed.as_ref().is_some_and(|formed| formed.document == event.document);
                rule(of_this, "the finding is about another document")?;
                let applied = self.standing().find(|one| one.event == event.event && one.slot == event.slot);
                let applied = applied.ok_or("no such signature stands in the slot")?;
                rule(is_same_signer(&applied.signature, &event.signature), "the finding is about another signer")?;
                rule(applied.verdict != event.signature.verdict, "the finding says what is on record already")
            }
            _ => Err(FOREIGN),
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "events homed in other kinds of streams change nothing")]
    fn apply(&mut self, event: &Event, recorded: Recorded) {
        match event {
            Event::DocumentFormed(event) => {
                self.formed = Some(event.clone());
                self.formed_at = Some(recorded.at);
            }
            Event::SignatureApplied(event) => self.signatures.push(AppliedSignature {
                slot: event.slot,
                signature: event.signature.clone(),
                event: recorded.id,
                at: recorded.at,
                proven_at: event.signature.proven_at,
                verdict: event.signature.verdict,
                finding: None,
                set_aside: false,
            }),
            Event::FindingRecorded(event) => {
                let is_sent = self.sent_at.is_some();
                let Some(applied) = self.signatures.iter_mut().find(|one| one.event == event.event) else { return };
                applied.verdict = event.signature.verdict;
                applied.proven_at = event.signature.proven_at.or(applied.proven_at);
                applied.finding = Some(recorded.id);
                applied.set_aside |= !is_sent && event.signature.verdict == Verdict::Failed;
            }
            Event::DocumentSent(_) => self.sent_at = Some(recorded.at),
            _ => return,
        }
        self.last = Some(recorded.id);
    }
}
