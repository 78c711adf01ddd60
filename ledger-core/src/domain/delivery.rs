//! Deliveries: one document to one recipient, from sending to receipt, answer and revocation (product.md C.3.2 to C.3.4).
//!
//! Receipt, notice, answer and revocation are four parts, each driven by events alone. Races (recall against
//! accounting, withdrawal against the answer) are decided by the order of the log: the one that came second is refused
//! and told which event came first. Two refusals are never mixed: *deemed not received* (a check failed) and *answer
//! refused* (received, content not accepted).

use serde::{Deserialize, Serialize};

use crate::domain::check::{CheckBasis, Pending, SignatureCheck, SignerFacts, push_once, reasons};
use crate::domain::command::{
    AcceptAnnulment, CommandKind, ConfirmReceiptDelivered, Countersign, ProposeAnnulment, Recall, Receive,
    RecordFinding, RefuseAnnulment, RefuseAnswer, Withdraw, WithdrawAnnulmentProposal,
};
use crate::domain::document::{FindingFacts, is_same_signer};
use crate::domain::event::{
    AnnulmentSigned, Answer, CheckedSignature, CountersignatureApplied, DeliveryAccounted, DeliveryActSigned,
    DeliveryAnnulled, DeliveryDeemedNotReceived, DeliveryFinding, DeliveryNoticed, DeliveryOpened, Event, NewEvent,
    Signed, Verdict,
};
use crate::domain::key::Key;
use crate::domain::refusal::{Detail, Finding, Refusal, RefusalCode, refuse_if_any};
use crate::domain::requisites::check_text;
use crate::domain::{Aggregate, Circumstances, FOREIGN, Recorded, rule};
use crate::id::{CertificateId, EventId, StreamKind};
use crate::record::Capacity;
use crate::time::Timestamp;

/// One of the two sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Party {
    /// Who sent the document.
    Sender,
    /// To whom.
    Recipient,
}

/// Part R: receipt (clause 5.2.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Receipt {
    /// Sent, not yet accounted.
    #[default]
    Pending,
    /// Accounted, and thereby received.
    Accounted,
    /// A check failed (clause 5.3.6).
    DeemedNotReceived,
}

/// The sender's notice of the result (law 370-II, art. 7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Notice {
    /// There is none.
    #[default]
    None,
    /// The receipt was issued.
    Issued,
    /// The sender has it.
    Delivered,
}

/// Part A: the recipient's answer (clause 5.3.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AnswerState {
    /// None is asked for.
    #[default]
    NotRequired,
    /// One is asked for.
    Awaiting,
    /// A countersignature is there and waits for revocation data; it is no answer yet, and no other may come before it.
    CountersignaturePending,
    /// Countersigned.
    Countersigned,
    /// Countersigned with reservations.
    CountersignedWithReservations,
    /// Received, content not accepted.
    Refused,
}

/// Part V: revocation (clause 5.3.1.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Revocation {
    /// None.
    #[default]
    None,
    /// Recalled by the sender before the accounting.
    Recalled,
    /// Withdrawn by the sender before the answer.
    Withdrawn,
    /// One side proposed annulment.
    AnnulmentProposed,
    /// The other side refused; the document is in force.
    AnnulmentRefused,
    /// The proposer took the proposal back; the document is in force.
    ProposalWithdrawn,
    /// Annulled by consent, from then on.
    Annulled,
}

/// State of one delivery.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// What was opened; none as long as it does not exist.
    pub opened: Option<DeliveryOpened>,
    /// When.
    pub opened_at: Option<Timestamp>,
    /// Part R.
    pub receipt: Receipt,
    /// When it was accounted: the moment of receipt.
    pub accounted_at: Option<Timestamp>,
    /// The signatures that were received, by slot.
    pub received: Vec<ReceiptCheck>,
    /// The notice to the sender.
    pub notice: Notice,
    /// Part A.
    pub answer: AnswerState,
    /// The countersignature that stands.
    pub countersignature: Option<Countersignature>,
    /// Part V.
    pub revocation: Revocation,
    /// Number of the last annulment proposal; 0 for none.
    pub proposals: u64,
    /// Number of the proposal that the other side consented to; 0 for none.
    pub consents: u64,
    /// Who made the last proposal.
    pub proposer: Option<Party>,
    /// The last event.
    pub last: Option<EventId>,
}

/// One of the document's signatures, as of the moments of its signing and of the receipt (clause 5.2.3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptCheck {
    /// Its slot.
    pub slot: u64,
    /// The signer's certificate.
    pub certificate: CertificateId,
    /// What the last check came to that is on record.
    pub verdict: Verdict,
    /// The last finding, if there was one.
    pub finding: Option<EventId>,
}

/// The recipient's signature on the document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Countersignature {
    /// Whose it is.
    pub signature: Signed,
    /// The event; its payloads hold the CMS and the report.
    pub event: EventId,
    /// When it was recorded.
    pub at: Timestamp,
    /// Whether the recipient stated reservations.
    pub reservations: bool,
    /// What the last check came to that is on record.
    pub verdict: Verdict,
    /// The last finding, if there was one.
    pub finding: Option<EventId>,
}

/// What can be asked of a delivery's stream.
#[derive(Debug, Clone)]
pub enum DeliveryCommand {
    /// Account it, or deem it not received.
    Receive(Receive, ReceiptFacts),
    /// Record that the sender has the receipt.
    ConfirmReceiptDelivered(ConfirmReceiptDelivered),
    /// Answer by signing.
    Countersign(Countersign, SignerFacts),
    /// Record what a new check of the countersignature comes to.
    RecordFinding(RecordFinding, FindingFacts),
    /// Record what a new check of a received signature comes to.
    RecordReceiptFinding(RecordFinding, ReceiptFindingFacts),
    /// Answer by refusing.
    RefuseAnswer(RefuseAnswer, SignerFacts),
    /// Recall it.
    Recall(Recall, SignerFacts),
    /// Withdraw it.
    Withdraw(Withdraw, SignerFacts),
    /// Propose annulment.
    ProposeAnnulment(ProposeAnnulment, SignerFacts),
    /// Consent to annulment.
    AcceptAnnulment(AcceptAnnulment, SignerFacts),
    /// Refuse annulment.
    RefuseAnnulment(RefuseAnnulment, SignerFacts),
    /// Take the proposal back.
    WithdrawAnnulmentProposal(WithdrawAnnulmentProposal, SignerFacts),
}

/// What a finding about a receipt read elsewhere.
#[derive(Debug, Clone)]
pub struct ReceiptFindingFacts {
    /// The signature as it is on record on the document.
    pub signature: Signed,
    /// Its slot.
    pub slot: u64,
    /// The check, as of the moments of the signing and of this receipt, with what is known now.
    pub finding: FindingFacts,
}

/// What a receipt read elsewhere: every signature of the document, checked at this moment (clause 5.2.3.2).
#[derive(Debug, Clone)]
pub struct ReceiptFacts {
    /// The signatures, in any order.
    pub signatures: Vec<ReceivedSignature>,
    /// By what they were checked.
    pub basis: CheckBasis,
}

/// One signature of the document, checked at the moment of receipt.
#[derive(Debug, Clone)]
pub struct ReceivedSignature {
    /// Its slot.
    pub slot: u64,
    /// The certificate that it was applied with.
    pub certificate: CertificateId,
    /// The trusted time of signing: of the record, or what a time-stamp proves.
    pub signed_at: Timestamp,
    /// The stream of its key now.
    pub key: Key,
    /// The check now.
    pub check: SignatureCheck,
}

/// A signed act with what is common to all of them.
struct SignedAct<'a> {
    kind: CommandKind,
    cms: &'a [u8],
    reason: Option<&'a str>,
    facts: &'a SignerFacts,
}

impl Delivery {
    /// Name of the state, by what weighs most (product.md C.3.7).
    pub const fn state(&self) -> &'static str {
        match (self.revocation, self.receipt, self.answer) {
            _ if self.opened.is_none() => "absent",
            (Revocation::Annulled, ..) => "annulled",
            (Revocation::Withdrawn, ..) => "withdrawn",
            (Revocation::Recalled, ..) => "recalled",
            (_, Receipt::DeemedNotReceived, _) => "deemed-not-received",
            (_, _, AnswerState::Refused) => "answer-refused",
            (Revocation::AnnulmentProposed, ..) => "annulment-proposed",
            (_, Receipt::Pending, _) => "pending",
            (_, Receipt::Accounted, AnswerState::Awaiting) => "awaiting-answer",
            (_, Receipt::Accounted, AnswerState::CountersignaturePending) => "countersignature-pending",
            (_, Receipt::Accounted, AnswerState::Countersigned) => "countersigned",
            (_, Receipt::Accounted, AnswerState::CountersignedWithReservations) => "countersigned-with-reservations",
            (_, Receipt::Accounted, AnswerState::NotRequired) => "accounted",
        }
    }

    /// What a side may ask now.
    pub fn allowed(&self, party: Party) -> Vec<CommandKind> {
        CommandKind::ALL.iter().copied().filter(|kind| self.permits(*kind, party)).collect()
    }

    /// Whether the state permits an act of a side: the one table of C.3.2 and C.3.4.
    pub fn permits(&self, act: CommandKind, party: Party) -> bool {
        if self.opened.is_none() {
            return false;
        }
        let in_force =
            matches!(self.revocation, Revocation::None | Revocation::AnnulmentRefused | Revocation::ProposalWithdrawn);
        let pending = self.receipt == Receipt::Pending && self.revocation == Revocation::None;
        let accounted = self.receipt == Receipt::Accounted;
        let awaiting = accounted && self.answer == AnswerState::Awaiting && in_force;
        let pending_answer = self.answer == AnswerState::CountersignaturePending;
        let is_final =
            accounted && !pending_answer && !matches!(self.answer, AnswerState::Awaiting | AnswerState::Refused);
        let proposed = self.revocation == Revocation::AnnulmentProposed;
        match act {
            CommandKind::Receive => pending && party == Party::Recipient,
            CommandKind::ConfirmReceiptDelivered => self.notice == Notice::Issued && party == Party::Sender,
            CommandKind::Recall => pending && party == Party::Sender,
            CommandKind::Withdraw => awaiting && party == Party::Sender,
            CommandKind::Countersign | CommandKind::RefuseAnswer => awaiting && party == Party::Recipient,
            CommandKind::ProposeAnnulment => is_final && in_force,
            CommandKind::AcceptAnnulment | CommandKind::RefuseAnnulment => proposed && self.proposer != Some(party),
            CommandKind::WithdrawAnnulmentProposal => proposed && self.proposer == Some(party),
            // Anybody concerned may have it checked again at any time; what is waiting is what should be.
            CommandKind::RecordFinding => pending_answer,
            CommandKind::RegisterParticipant
            | CommandKind::RegisterCertificate
            | CommandKind::FormDocument
            | CommandKind::ApplySignature
            | CommandKind::SendDocument
            | CommandKind::ReportCompromise
            | CommandKind::AnnulKey
            | CommandKind::ResumeKey
            | CommandKind::PublishTrust
            | CommandKind::RecordCrl => false,
        }
    }

    /// Which side asks, if either.
    fn party(&self, circumstances: &Circumstances) -> Option<Party> {
        let opened = self.opened.as_ref()?;
        if circumstances.is_participant(opened.sender) {
            Some(Party::Sender)
        } else if circumstances.is_participant(opened.recipient) {
            Some(Party::Recipient)
        } else {
            None
        }
    }

    fn state_finding(&self, party: Option<Party>) -> Finding {
        let allowed = party.map(|party| self.allowed(party)).unwrap_or_default();
        Finding::new(RefusalCode::DocumentState).with(Detail::State { state: self.state(), event: self.last, allowed })
    }

    fn receive(&self, facts: &ReceiptFacts, circumstances: &Circumstances) -> Result<Vec<NewEvent>, Refusal> {
        let mut findings = Vec::new();
        let party = self.party(circumstances);
        if party != Some(Party::Recipient) && !circumstances.is_operator_or_system() {
            findings.push(Finding::new(RefusalCode::NotTheOwner));
        }
        if !self.permits(CommandKind::Receive, Party::Recipient) {
            findings.push(self.state_finding(party));
        }
        let (mut reasons, mut signatures, mut reports) = (Vec::new(), Vec::new(), Vec::new());
        let mut received: Vec<_> = facts.signatures.iter().collect();
        received.sort_unstable_by_key(|signature| signature.slot);
        if received.is_empty() {
            findings.push(Finding::new(RefusalCode::DocumentUnsigned));
        }
        for signature in received {
            let (failed, unfinished) = signature.shortfalls();
            let verdict = match (failed.is_empty(), unfinished.is_empty()) {
                (false, _) => Verdict::Failed,
                (true, false) => Verdict::Indeterminate,
                (true, true) => Verdict::Passed,
            };
            reasons.extend(failed);
            for finding in unfinished {
                push_once(&mut findings, Finding { field: Some(format!("signatures/{}", signature.slot)), ..finding });
            }
            signatures.push(CheckedSignature { slot: signature.slot, certificate: signature.certificate, verdict });
            reports.push((format!("report-{}", signature.slot), signature.check.outcome.report.clone()));
            let evidence = signature.check.evidence.iter().cloned();
            reports.extend(evidence.map(|evidence| (format!("evidence-{}", signature.slot), evidence)));
        }
        // A check without an end neither accounts nor rejects: it is made again (clause 8.2). One failed signature
        // decides, whatever the others may still turn out to be.
        if !reasons.is_empty() {
            findings.retain(|finding| {
                matches!(
                    finding.code,
                    RefusalCode::NotTheOwner | RefusalCode::DocumentState | RefusalCode::DocumentUnsigned
                )
            });
        }
        refuse_if_any(findings)?;
        let Some(opened) = &self.opened else { return Err(Refusal::of(self.state_finding(party))) };
        let DeliveryOpened { delivery, document, sender, recipient, .. } = *opened;
        let CheckBasis { trust, policy, .. } = facts.basis;
        let evidence = facts.basis.lists();
        let with_reports =
            |event| reports.iter().fold(NewEvent::new(event), |event, (slot, report)| event.with(slot, report.clone()));
        if reasons.is_empty() {
            let event =
                DeliveryAccounted { delivery, document, sender, recipient, trust, policy, signatures, evidence };
            let issued = DeliveryNoticed { delivery, document, sender, recipient };
            return Ok(vec![
                with_reports(Event::DeliveryAccounted(event)),
                NewEvent::new(Event::ReceiptIssued(issued)),
            ]);
        }
        reasons.sort_unstable_by_key(|code| code.as_str());
        reasons.dedup();
        let event = DeliveryDeemedNotReceived {
            delivery,
            document,
            sender,
            recipient,
            trust,
            policy,
            signatures,
            reasons,
            evidence,
        };
        Ok(vec![with_reports(Event::DeliveryDeemedNotReceived(event))])
    }

    fn confirm(&self, circumstances: &Circumstances) -> Result<Vec<NewEvent>, Refusal> {
        let mut findings = Vec::new();
        let party = self.party(circumstances);
        if party != Some(Party::Sender) && !circumstances.is_operator_or_system() {
            findings.push(Finding::new(RefusalCode::NotTheOwner));
        }
        if !self.permits(CommandKind::ConfirmReceiptDelivered, Party::Sender) {
            findings.push(self.state_finding(party));
        }
        refuse_if_any(findings)?;
        let Some(opened) = &self.opened else { return Err(Refusal::of(self.state_finding(party))) };
        let DeliveryOpened { delivery, document, sender, recipient, .. } = *opened;
        let event = DeliveryNoticed { delivery, document, sender, recipient };
        Ok(vec![NewEvent::new(Event::ReceiptDelivered(event))])
    }

    /// Applies the rules of every signed act; the event is made from the signature.
    fn act(
        &self,
        act: &SignedAct<'_>,
        circumstances: &Circumstances,
        event: impl FnOnce(&DeliveryOpened, Signed) -> Event,
    ) -> Result<NewEvent, Refusal> {
        let mut findings = Vec::new();
        let party = self.party(circumstances);
        match party {
            None => findings.push(Finding::new(RefusalCode::NotTheOwner)),
            Some(party) if !self.permits(act.kind, party) => findings.push(self.state_finding(Some(party))),
            Some(_) => {}
        }
        if circumstances.actor.capacity == Capacity::Participant && self.opened.is_none() {
            findings.push(self.state_finding(None));
        }
        if let Some(reason) = act.reason {
            check_text("reason", reason, &mut findings);
        }
        // Only a countersignature can wait: the other acts take effect with their record.
        let pending = if act.kind == CommandKind::Countersign { Pending::Recorded } else { Pending::Refused };
        let signed = act.facts.examine(circumstances, pending, &mut findings);
        if signed.as_ref().is_some_and(|signed| !circumstances.is_participant(signed.participant)) {
            findings.push(Finding::new(RefusalCode::SignerNotExpected));
        }
        refuse_if_any(findings)?;
        let (Some(opened), Some(signed)) = (&self.opened, signed) else {
            return Err(Refusal::of(self.state_finding(party)));
        };
        let new = NewEvent::new(event(opened, signed))
            .with("cms", act.cms)
            .with("report", act.facts.check.outcome.report.clone())
            .with_evidence(act.facts.check.evidence.as_ref());
        Ok(match act.reason {
            Some(reason) => new.with("reason", reason),
            None => new,
        })
    }

    fn countersign(
        &self,
        command: &Countersign,
        facts: &SignerFacts,
        circumstances: &Circumstances,
    ) -> Result<Vec<NewEvent>, Refusal> {
        let mut findings = Vec::new();
        if let Some(reservations) = &command.reservations {
            check_text("reservations", reservations, &mut findings);
        }
        let act = SignedAct { kind: CommandKind::Countersign, cms: &command.cms, reason: None, facts };
        let reservations = command.reservations.is_some();
        let decided = self.act(&act, circumstances, |opened, signature| {
            let DeliveryOpened { delivery, document, sender, recipient, .. } = *opened;
            Event::CountersignatureApplied(CountersignatureApplied {
                delivery,
                document,
                sender,
                recipient,
                reservations,
                signature,
            })
        });
        let event = match decided {
            Ok(event) => event,
            Err(refusal) => {
                findings.extend_from_slice(refusal.findings());
                return Err(Refusal::of_all(findings).unwrap_or(refusal));
            }
        };
        refuse_if_any(findings)?;
        Ok(vec![match &command.reservations {
            Some(text) => event.with("reservations", text.as_str()),
            None => event,
        }])
    }
}

impl Delivery {
    /// As for a signature on the document: see [`crate::domain::document::Document`].
    fn record_finding(
        &self,
        command: &RecordFinding,
        facts: &FindingFacts,
        circumstances: &Circumstances,
    ) -> Result<Vec<NewEvent>, Refusal> {
        let unknown = || Finding::at(RefusalCode::SignatureUnknown, "signature");
        let countersignature = self.countersignature.as_ref().filter(|one| one.event == command.signature);
        let (Some(opened), Some(countersignature)) = (&self.opened, countersignature) else {
            return Err(Refusal::of(unknown()));
        };
        let mut findings = Vec::new();
        if self.party(circumstances).is_none() && !circumstances.is_operator_or_system() {
            findings.push(Finding::new(RefusalCode::NotTheOwner));
        }
        let found = facts.found(&countersignature.signature, countersignature.verdict);
        if found.is_none() {
            findings.push(Finding::at(RefusalCode::FindingUnchanged, "signature"));
        }
        refuse_if_any(findings)?;
        let (signature, reasons) = found.ok_or_else(|| Refusal::of(unknown()))?;
        let DeliveryOpened { delivery, document, sender, recipient, .. } = *opened;
        let event = countersignature.event;
        let event = DeliveryFinding { delivery, document, sender, recipient, event, reasons, slot: None, signature };
        Ok(vec![facts.with_payloads(Event::DeliveryFinding(event))])
    }

    /// What came to be known later about a received signature. The receipt stays what it is; the four conditions are
    /// another matter (clause 5.2.3.2).
    fn record_receipt_finding(
        &self,
        command: &RecordFinding,
        facts: &ReceiptFindingFacts,
        circumstances: &Circumstances,
    ) -> Result<Vec<NewEvent>, Refusal> {
        let unknown = || Refusal::of(Finding::at(RefusalCode::SignatureUnknown, "signature"));
        let (Some(opened), Some(received)) = (&self.opened, self.received_in(facts.slot, facts.signature.certificate))
        else {
            return Err(unknown());
        };
        let mut findings = Vec::new();
        if self.party(circumstances).is_none() && !circumstances.is_operator_or_system() {
            findings.push(Finding::new(RefusalCode::NotTheOwner));
        }
        let found = facts.finding.found(&facts.signature, received.verdict);
        if found.is_none() {
            findings.push(Finding::at(RefusalCode::FindingUnchanged, "signature"));
        }
        refuse_if_any(findings)?;
        let (signature, reasons) = found.ok_or_else(unknown)?;
        let DeliveryOpened { delivery, document, sender, recipient, .. } = *opened;
        let (event, slot) = (command.signature, Some(facts.slot));
        let event = DeliveryFinding { delivery, document, sender, recipient, event, reasons, slot, signature };
        Ok(vec![facts.finding.with_payloads(Event::DeliveryFinding(event))])
    }

    /// The signature of a slot as it was received; nothing as long as the delivery is not accounted.
    fn received_in(&self, slot: u64, certificate: CertificateId) -> Option<&ReceiptCheck> {
        self.received.iter().find(|one| one.slot == slot && one.certificate == certificate)
    }
}

/// The answer that a countersignature gives.
const fn answer_of(countersignature: &Countersignature) -> AnswerState {
    match (countersignature.verdict, countersignature.reservations) {
        (Verdict::Indeterminate, _) => AnswerState::CountersignaturePending,
        (Verdict::Failed, _) => AnswerState::Awaiting,
        (Verdict::Passed, true) => AnswerState::CountersignedWithReservations,
        (Verdict::Passed, false) => AnswerState::Countersigned,
    }
}

impl ReceivedSignature {
    /// Reasons that the signature failed, and findings about checks that came to no end.
    fn shortfalls(&self) -> (Vec<RefusalCode>, Vec<Finding>) {
        let (mut failed, unfinished) = self.check.outcome.judge();
        if self.check.outcome.passed() && self.check.certificate != Some(self.certificate) {
            failed.push(RefusalCode::SignatureInvalid);
        }
        // Acceptance stops for what was signed after the time of the compromise; earlier signatures stand (clause 8.10).
        failed.extend(self.key.bars(self.signed_at));
        if !failed.is_empty() {
            failed = reasons(failed);
        }
        (failed, unfinished)
    }
}

/// The event of a signed act without more members.
fn signed_event(opened: &DeliveryOpened, signature: Signed) -> DeliveryActSigned {
    let DeliveryOpened { delivery, document, sender, recipient, .. } = *opened;
    DeliveryActSigned { delivery, document, sender, recipient, signature }
}

/// The event of an act about an annulment.
fn annulment_event(opened: &DeliveryOpened, proposal: u64, signature: Signed) -> AnnulmentSigned {
    let DeliveryOpened { delivery, document, sender, recipient, .. } = *opened;
    AnnulmentSigned { delivery, document, sender, recipient, proposal, signature }
}

impl Aggregate for Delivery {
    const KIND: StreamKind = StreamKind::Delivery;
    type Command = DeliveryCommand;

    fn decide(&self, command: &DeliveryCommand, circumstances: &Circumstances) -> Result<Vec<NewEvent>, Refusal> {
        let one = |kind, cms, reason, facts, event: fn(DeliveryActSigned) -> Event| {
            let act = SignedAct { kind, cms, reason, facts };
            self.act(&act, circumstances, |opened, signed| event(signed_event(opened, signed))).map(|new| vec![new])
        };
        let annulment = |kind, cms, reason, facts, proposal, event: fn(AnnulmentSigned) -> Event| {
            let act = SignedAct { kind, cms, reason, facts };
            self.act(&act, circumstances, |opened, signed| event(annulment_event(opened, proposal, signed)))
                .map(|new| vec![new])
        };
        let current = self.proposals;
        match command {
            DeliveryCommand::Receive(_, facts) => self.receive(facts, circumstances),
            DeliveryCommand::ConfirmReceiptDelivered(_) => self.confirm(circumstances),
            DeliveryCommand::Countersign(command, facts) => self.countersign(command, facts, circumstances),
            DeliveryCommand::RecordFinding(command, facts) => self.record_finding(command, facts, circumstances),
            DeliveryCommand::RecordReceiptFinding(command, facts) => {
                self.record_receipt_finding(command, facts, circumstances)
            }
            DeliveryCommand::RefuseAnswer(RefuseAnswer { cms, reason, .. }, facts) => {
                one(CommandKind::RefuseAnswer, cms, Some(reason), facts, Event::AnswerRefused)
            }
            DeliveryCommand::Recall(Recall { cms, .. }, facts) => {
                one(CommandKind::Recall, cms, None, facts, Event::DeliveryRecalled)
            }
            DeliveryCommand::Withdraw(Withdraw { cms, reason, .. }, facts) => {
                one(CommandKind::Withdraw, cms, Some(reason), facts, Event::DeliveryWithdrawn)
            }
            DeliveryCommand::ProposeAnnulment(ProposeAnnulment { cms, reason, .. }, facts) => {
                let (kind, next) = (CommandKind::ProposeAnnulment, current.saturating_add(1));
                annulment(kind, cms, Some(reason), facts, next, Event::AnnulmentProposed)
            }
            DeliveryCommand::AcceptAnnulment(AcceptAnnulment { cms, .. }, facts) => {
                let kind = CommandKind::AcceptAnnulment;
                let mut events = annulment(kind, cms, None, facts, current, Event::AnnulmentAccepted)?;
                if let Some(DeliveryOpened { delivery, document, sender, recipient, .. }) = self.opened {
                    let annulled = DeliveryAnnulled { delivery, document, sender, recipient, proposal: current };
                    events.push(NewEvent::new(Event::DeliveryAnnulled(annulled)));
                }
                Ok(events)
            }
            DeliveryCommand::RefuseAnnulment(RefuseAnnulment { cms, reason, .. }, facts) => {
                annulment(CommandKind::RefuseAnnulment, cms, Some(reason), facts, current, Event::AnnulmentRefused)
            }
            DeliveryCommand::WithdrawAnnulmentProposal(WithdrawAnnulmentProposal { cms, .. }, facts) => {
                let kind = CommandKind::WithdrawAnnulmentProposal;
                annulment(kind, cms, None, facts, current, Event::AnnulmentProposalWithdrawn)
            }
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "events homed in other kinds of streams never follow")]
    fn follows(&self, event: &Event) -> Result<(), &'static str> {
        let of_this = |delivery, document, sender, recipient| {
            let same = self.opened.as_ref().is_some_and(|opened| {
                let ids = (opened.delivery, opened.document, opened.sender, opened.recipient);
                ids == (delivery, document, sender, recipient)
            });
            rule(same, "the delivery is not open, or was opened for others")
        };
        let act = |kind, sender, recipient, signature: &Signed| {
            let party = if signature.participant == sender { Party::Sender } else { Party::Recipient };
            rule([sender, recipient].contains(&signature.participant), "the signer is not a party")?;
            rule(self.permits(kind, party), "the state does not permit this act of this party")
        };
        let signed = |kind, e: &DeliveryActSigned| {
            of_this(e.delivery, e.document, e.sender, e.recipient)?;
            act(kind, e.sender, e.recipient, &e.signature)
        };
        let annulment = |kind, e: &AnnulmentSigned| {
            of_this(e.delivery, e.document, e.sender, e.recipient)?;
            let next = u64::from(kind == CommandKind::ProposeAnnulment);
            rule(e.proposal == self.proposals.saturating_add(next), "the proposal is another one")?;
            rule(self.consents != e.proposal, "the proposal was accepted already")?;
            act(kind, e.sender, e.recipient, &e.signature)
        };
        let pending = || rule(self.permits(CommandKind::Receive, Party::Recipient), "the delivery is not pending");
        match event {
            Event::DeliveryOpened(event) => {
                rule(self.opened.is_none(), "the delivery is open already")?;
                rule(event.sender != event.recipient, "the sender is the recipient")
            }
            Event::DeliveryAccounted(e) => {
                of_this(e.delivery, e.document, e.sender, e.recipient).and_then(|()| pending())
            }
            Event::DeliveryDeemedNotReceived(e) => {
                of_this(e.delivery, e.document, e.sender, e.recipient).and_then(|()| pending())
            }
            Event::ReceiptIssued(e) => {
                of_this(e.delivery, e.document, e.sender, e.recipient)?;
                let due = self.receipt == Receipt::Accounted && self.notice == Notice::None;
                rule(due, "the delivery is not accounted, or has a receipt already")
            }
            Event::ReceiptDelivered(e) => {
                of_this(e.delivery, e.document, e.sender, e.recipient)?;
                rule(self.notice == Notice::Issued, "no receipt is on its way")
            }
            Event::CountersignatureApplied(e) => {
                of_this(e.delivery, e.document, e.sender, e.recipient)?;
                act(CommandKind::Countersign, e.sender, e.recipient, &e.signature)
            }
            Event::DeliveryFinding(e) => {
                of_this(e.delivery, e.document, e.sender, e.recipient)?;
                if let Some(slot) = e.slot {
                    let known =
                        self.received_in(slot, e.signature.certificate).ok_or("no such signature was received")?;
                    return rule(known.verdict != e.signature.verdict, "the finding says what is on record already");
                }
                let known = self.countersignature.as_ref().filter(|one| one.event == e.event);
                let known = known.ok_or("no such countersignature stands")?;
                rule(is_same_signer(&known.signature, &e.signature), "the finding is about another signer")?;
                rule(known.verdict != e.signature.verdict, "the finding says what is on record already")
            }
            Event::AnswerRefused(event) => signed(CommandKind::RefuseAnswer, event),
            Event::DeliveryRecalled(event) => signed(CommandKind::Recall, event),
            Event::DeliveryWithdrawn(event) => signed(CommandKind::Withdraw, event),
            Event::AnnulmentProposed(event) => annulment(CommandKind::ProposeAnnulment, event),
            Event::AnnulmentAccepted(event) => annulment(CommandKind::AcceptAnnulment, event),
            Event::AnnulmentRefused(event) => annulment(CommandKind::RefuseAnnulment, event),
            Event::AnnulmentProposalWithdrawn(event) => annulment(CommandKind::WithdrawAnnulmentProposal, event),
            Event::DeliveryAnnulled(e) => {
                of_this(e.delivery, e.document, e.sender, e.recipient)?;
                let proposed = self.revocation == Revocation::AnnulmentProposed && self.proposals == e.proposal;
                rule(proposed && self.consents == e.proposal, "the other party did not consent")
            }
            _ => Err(FOREIGN),
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "events homed in other kinds of streams change nothing")]
    fn apply(&mut self, event: &Event, recorded: Recorded) {
        match event {
            Event::DeliveryOpened(event) => {
                self.answer = match event.answer {
                    Answer::Required => AnswerState::Awaiting,
                    Answer::NotRequired => AnswerState::NotRequired,
                };
                self.opened = Some(event.clone());
                self.opened_at = Some(recorded.at);
            }
            Event::DeliveryAccounted(event) => {
                self.receipt = Receipt::Accounted;
                self.accounted_at = Some(recorded.at);
                let received = |one: &CheckedSignature| ReceiptCheck {
                    slot: one.slot,
                    certificate: one.certificate,
                    verdict: one.verdict,
                    finding: None,
                };
                self.received = event.signatures.iter().map(received).collect();
            }
            Event::ReceiptIssued(_) => self.notice = Notice::Issued,
            Event::ReceiptDelivered(_) => self.notice = Notice::Delivered,
            Event::DeliveryDeemedNotReceived(_) => self.receipt = Receipt::DeemedNotReceived,
            Event::CountersignatureApplied(event) => {
                let countersignature = Countersignature {
                    signature: event.signature.clone(),
                    event: recorded.id,
                    at: recorded.at,
                    reservations: event.reservations,
                    verdict: event.signature.verdict,
                    finding: None,
                };
                self.answer = answer_of(&countersignature);
                self.countersignature = Some(countersignature);
            }
            Event::DeliveryFinding(event) if event.slot.is_some() => {
                for known in self.received.iter_mut().filter(|one| Some(one.slot) == event.slot) {
                    known.verdict = event.signature.verdict;
                    known.finding = Some(recorded.id);
                }
            }
            Event::DeliveryFinding(event) => {
                let Some(known) = self.countersignature.as_mut().filter(|one| one.event == event.event) else { return };
                known.verdict = event.signature.verdict;
                known.finding = Some(recorded.id);
                // What was an answer stays one; the overlay says what is found about it. What was waiting is decided.
                if self.answer == AnswerState::CountersignaturePending {
                    self.answer = answer_of(known);
                    if known.verdict == Verdict::Failed {
                        self.countersignature = None;
                    }
                }
            }
            Event::AnswerRefused(_) => self.answer = AnswerState::Refused,
            Event::DeliveryRecalled(_) => self.revocation = Revocation::Recalled,
            Event::DeliveryWithdrawn(_) => self.revocation = Revocation::Withdrawn,
            Event::AnnulmentProposed(event) => {
                self.revocation = Revocation::AnnulmentProposed;
                self.proposals = event.proposal;
                let by_sender = event.signature.participant == event.sender;
                self.proposer = Some(if by_sender { Party::Sender } else { Party::Recipient });
            }
            Event::AnnulmentRefused(_) => self.revocation = Revocation::AnnulmentRefused,
            Event::AnnulmentProposalWithdrawn(_) => self.revocation = Revocation::ProposalWithdrawn,
            // The consent is complete with it, but takes effect by the event that follows in the same append.
            Event::AnnulmentAccepted(event) => self.consents = event.proposal,
            Event::DeliveryAnnulled(_) => self.revocation = Revocation::Annulled,
            _ => return,
        }
        self.last = Some(recorded.id);
    }
}
