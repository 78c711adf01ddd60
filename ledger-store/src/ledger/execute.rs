//! Commands: from the question to the acknowledged records, through the framework of `cqrs-es`.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use cqrs_es::{AggregateContext, AggregateError, CqrsFramework, EventEnvelope, EventStore};
use futures_util::future::join_all;
use ledger_core::domain::certificate::{Certificate, CertificateCommand, CertificateFacts};
use ledger_core::domain::command::{self, Command, CommandKind};
use ledger_core::domain::delivery::{Delivery, DeliveryCommand, ReceiptFacts, ReceiptFindingFacts, ReceivedSignature};
use ledger_core::domain::document::{Document, DocumentCommand, FindingFacts, FormFacts, RecipientFacts, SendFacts};
use ledger_core::domain::event::{Event, SignatureApplied};
use ledger_core::domain::key::{CompromiseFacts, Key, KeyCommand};
use ledger_core::domain::ledger_acts::{CrlContents, CrlFacts, LedgerActs, LedgerCommand, TrustFacts};
use ledger_core::domain::participant::{Participant, ParticipantCommand, RegistrationFacts};
use ledger_core::domain::refusal::Refusal;
use ledger_core::domain::{Aggregate, Circumstances, statement};
use ledger_core::evidence::used::UsedEvidence;
use ledger_core::id::{
    CertificateId, CommandId, DeliveryId, DocumentId, EventId, IdentityId, ParticipantId, RequestDigest, StreamId,
};
use ledger_core::log::receipt::Receipt;
use ledger_core::pki::crl::Crl;
use ledger_core::record::{Actor, Basis, Capacity, Cause, Record};
use ledger_core::signature::{SignaturePolicy, SignedContent, TrustSnapshot, private_key};
use ledger_core::time::Timestamp;

use super::facts::{Moments, check_signature};
use super::gather::{Outside, may_be_lifted};
use super::load::Reads;
use super::{Executed, Inner, Ledger, LedgerError, lock};
use crate::aggregate::{Cqrs, Decided, EventIds, Services};
use crate::store::{Append, Draft, Expectation, StoreError};
use crate::vault::random;

/// Version of the terms that every act discharges; their register comes with the whole agreement.
pub(super) const TERMS: &str = "idocs-2021-10-11";
/// How often a decision is made again because others were first. Two parties race; more is contention.
pub(super) const ATTEMPTS_MAX: u32 = 16;

/// A command on its way.
pub(super) struct Errand<'a> {
    pub(super) ledger: &'a Inner,
    pub(super) actor: &'a Actor,
    pub(super) command: CommandId,
    pub(super) request: RequestDigest,
    pub(super) now: Timestamp,
    pub(super) dry_run: bool,
    /// What was fetched for the command.
    pub(super) outside: &'a Outside,
}

impl Ledger {
    /// Carries out a command, or says why not with all reasons; returns when the records are durable and covered by
    /// a signed checkpoint. The same key and command again give the first receipts again, for ever.
    pub async fn execute(
        &self,
        actor: &Actor,
        idempotency_key: &str,
        command: Command,
    ) -> Result<Executed, LedgerError> {
        let well_formed = idempotency_key.bytes().all(|byte| byte.is_ascii_graphic());
        if !well_formed || !(1..=128).contains(&idempotency_key.len()) {
            return Err(LedgerError::IdempotencyKey);
        }
        let ledger = &*self.inner;
        let secret = &ledger.secrets.ledger_secret;
        let id = CommandId::of_idempotency_key(secret, acting_as(actor), idempotency_key);
        let request = command.request_digest(secret)?;
        if let Some(executed) = ledger.executed_before(id, request)? {
            return Ok(executed);
        }
        let kind = command.kind();
        let executed = self.attempt(actor, id, request, command, false).await;
        if let Err(LedgerError::Refused(refusal)) = &executed {
            ledger.record_refusal(actor, kind, request, refusal).await?;
        }
        if executed.is_ok() && matches!(kind, CommandKind::PublishTrust | CommandKind::RecordCrl) {
            ledger.refresh_checking().await?;
        }
        executed
    }

    /// Says what [`Ledger::execute`] would say, and changes nothing (not even a refusal is recorded). Nothing is fetched
    /// for it, so what only the services outside know is not in its answer.
    pub async fn check(&self, actor: &Actor, command: Command) -> Result<(), LedgerError> {
        let secret = &self.inner.secrets.ledger_secret;
        let id = CommandId::of_idempotency_key(secret, acting_as(actor), "dry-run");
        let request = command.request_digest(secret)?;
        self.attempt(actor, id, request, command, true).await.map(drop)
    }

    async fn attempt(
        &self,
        actor: &Actor,
        id: CommandId,
        request: RequestDigest,
        command: Command,
        dry_run: bool,
    ) -> Result<Executed, LedgerError> {
        // A caller that went away between the append of a list and this may have left it out.
        self.inner.refresh_checking().await?;
        // Fetched once: a decision that is made again because others were first must not call the responders again.
        let outside = if dry_run { Outside::default() } else { self.fetch(actor, id, request, &command).await? };
        for _ in 0..ATTEMPTS_MAX {
            let now = self.inner.clock.now();
            let errand = Errand { ledger: &self.inner, actor, command: id, request, now, dry_run, outside: &outside };
            match errand.run(command.clone()).await {
                Err(LedgerError::Store(StoreError::Conflict { stream, .. })) => {
                    if stream == self.inner.ledger_stream() {
                        self.inner.refresh_checking().await?;
                    }
                }
                Err(LedgerError::Store(StoreError::CommandReused { .. })) => return Err(LedgerError::CommandReused),
                outcome => return outcome,
            }
        }
        Err(LedgerError::Contended)
    }

    /// Fetches what the checks of a command can use. The decision is rehearsed first, with what is known: who is refused
    /// anyway must not make the ledger call anybody, nor use up time-stamps.
    async fn fetch(
        &self,
        actor: &Actor,
        command: CommandId,
        request: RequestDigest,
        asked: &Command,
    ) -> Result<Outside, LedgerError> {
        let ledger = &*self.inner;
        let subjects = ledger.fetched_about(asked).await;
        let now = ledger.clock.now();
        if subjects.is_empty() {
            return Ok(Outside::default());
        }
        let rehearsal = Errand { ledger, actor, command, request, now, dry_run: true, outside: &Outside::default() };
        match rehearsal.run(asked.clone()).await {
            Err(LedgerError::Refused(refusal)) if may_be_lifted(&refusal) => {}
            rehearsed => drop(rehearsed?),
        }
        Ok(ledger.gather(subjects, now).await)
    }
}

/// Whose idempotency keys these are: a participant's, or an officer's own.
fn acting_as(actor: &Actor) -> ParticipantId {
    let officer = actor.user.map(|user| ParticipantId::from_random(*user.as_bytes()));
    actor.participant.or(officer).unwrap_or(ParticipantId::from_random([0; 16]))
}

impl Inner {
    /// What came of a command that was carried out before.
    fn executed_before(&self, id: CommandId, request: RequestDigest) -> Result<Option<Executed>, LedgerError> {
        match self.store.find_command(id)? {
            None => Ok(None),
            Some((_, before)) if before != request => Err(LedgerError::CommandReused),
            Some((first, _)) => Ok(Some(executed(self.store.receipts_of_command(first, id)?, true)?)),
        }
    }
}

fn executed(receipts: Vec<Receipt>, replayed: bool) -> Result<Executed, LedgerError> {
    let mut events = Vec::new();
    let mut subjects: Vec<StreamId> = Vec::new();
    for receipt in &receipts {
        let record = Record::decode(receipt.leaf.as_bytes()).map_err(LedgerError::record(receipt.index))?;
        events.push(record.id);
        subjects.extend(record.home().filter(|home| !subjects.contains(home)).cloned());
    }
    Ok(Executed { receipts, events, subjects, replayed })
}

impl Errand<'_> {
    /// Loads what the decision needs, and decides.
    async fn run(&self, command: Command) -> Result<Executed, LedgerError> {
        match command {
            Command::RegisterParticipant(command) => self.register_participant(command).await,
            Command::RegisterCertificate(command) => self.register_certificate(command).await,
            Command::FormDocument(command) => self.form_document(command).await,
            Command::ApplySignature(command) => self.apply_signature(command).await,
            Command::SendDocument(command) => self.send_document(command).await,
            Command::Receive(command) => self.receive(command).await,
            Command::ConfirmReceiptDelivered(command) => {
                let stream = StreamId::delivery(command.delivery);
                self.party_of_delivery(command.delivery)?;
                self.decide::<Delivery>(&stream, DeliveryCommand::ConfirmReceiptDelivered(command), Vec::new()).await
            }
            Command::Countersign(command) => {
                let mut reads = Vec::new();
                let delivery = self.party_of_delivery(command.delivery)?;
                let document = delivery.opened.as_ref().map(|opened| opened.document);
                let content = self.content(document.ok_or(LedgerError::NotFound("delivery"))?).await?;
                let facts = self.signer_facts(&content, &command.cms, &mut reads).await?;
                let stream = StreamId::delivery(command.delivery);
                self.decide::<Delivery>(&stream, DeliveryCommand::Countersign(command, facts), reads).await
            }
            Command::RefuseAnswer(c) => {
                self.signed_act(c.delivery, CommandKind::RefuseAnswer, &c.reason.clone(), c.cms.clone(), |facts| {
                    DeliveryCommand::RefuseAnswer(c, facts)
                })
                .await
            }
            Command::Recall(c) => {
                self.signed_act(c.delivery, CommandKind::Recall, "", c.cms.clone(), |facts| {
                    DeliveryCommand::Recall(c, facts)
                })
                .await
            }
            Command::Withdraw(c) => {
                self.signed_act(c.delivery, CommandKind::Withdraw, &c.reason.clone(), c.cms.clone(), |facts| {
                    DeliveryCommand::Withdraw(c, facts)
                })
                .await
            }
            Command::ProposeAnnulment(c) => {
                self.signed_act(c.delivery, CommandKind::ProposeAnnulment, &c.reason.clone(), c.cms.clone(), |facts| {
                    DeliveryCommand::ProposeAnnulment(c, facts)
                })
                .await
            }
            Command::AcceptAnnulment(c) => {
                self.signed_act(c.delivery, CommandKind::AcceptAnnulment, "", c.cms.clone(), |facts| {
                    DeliveryCommand::AcceptAnnulment(c, facts)
                })
                .await
            }
            Command::RefuseAnnulment(c) => {
                self.signed_act(c.delivery, CommandKind::RefuseAnnulment, &c.reason.clone(), c.cms.clone(), |facts| {
                    DeliveryCommand::RefuseAnnulment(c, facts)
                })
                .await
            }
            Command::WithdrawAnnulmentProposal(c) => {
                self.signed_act(c.delivery, CommandKind::WithdrawAnnulmentProposal, "", c.cms.clone(), |facts| {
                    DeliveryCommand::WithdrawAnnulmentProposal(c, facts)
                })
                .await
            }
            Command::ReportCompromise(command) => self.report_compromise(command).await,
            Command::AnnulKey(command) => {
                let stream = StreamId::key(command.key);
                self.decide::<Key>(&stream, KeyCommand::Annul(command), Vec::new()).await
            }
            Command::ResumeKey(command) => {
                let stream = StreamId::key(command.key);
                self.decide::<Key>(&stream, KeyCommand::Resume(command), Vec::new()).await
            }
            Command::RecordFinding(command) => self.record_finding(command).await,
            Command::PublishTrust(command) => self.publish_trust(command).await,
            Command::RecordCrl(command) => self.record_crl(command).await,
        }
    }

    async fn register_participant(&self, command: command::RegisterParticipant) -> Result<Executed, LedgerError> {
        let ledger = self.ledger;
        let participant = ParticipantId::from_random(random()?);
        let identity = IdentityId::of_number(&ledger.secrets.index_key, command.identity_kind, &command.number);
        let stream = StreamId::identity(identity);
        let revision = ledger.store.state_of(&stream).revision;
        let facts = RegistrationFacts {
            participant,
            identity,
            identity_is_registered: revision > 0,
            mode: ledger.store.genesis().identifiers,
            terms_in_force: vec![TERMS.parse().map_err(|_| LedgerError::Internal("terms".to_owned()))?],
        };
        let reads = vec![(stream, Expectation::Revision(revision))];
        let home = StreamId::participant(participant);
        self.decide::<Participant>(&home, ParticipantCommand::Register(command, facts), reads).await
    }

    async fn register_certificate(&self, command: command::RegisterCertificate) -> Result<Executed, LedgerError> {
        let ledger = self.ledger;
        let mut reads = Vec::new();
        let checking = ledger.checking();
        ledger.note_checking(&checking, &mut reads);
        let check = {
            let used = self.outside.about(&command.certificate);
            ledger.certificate_check(&checking, &command.certificate, &command.chain, &used, self.now)?
        };
        let challenge = statement::possession(ledger.origin(), command.participant)?;
        let possession = {
            let used = self.outside.about(&command.certificate);
            let mut evidence = checking.evidence.clone();
            used.add_to(&mut evidence);
            command.chain.iter().for_each(|der| evidence.add_certificate(der));
            let moments = Moments::Signing(self.now);
            check_signature(
                &checking,
                &evidence,
                &SignedContent::statement(challenge),
                &command.possession,
                None,
                moments,
            )?
        };
        let participant = ledger.read(&StreamId::participant(command.participant), &mut reads)?;
        let key: Key = match &check.contents {
            Some(contents) => ledger.read(&StreamId::key(contents.key), &mut reads)?,
            None => Key::default(),
        };
        let facts = CertificateFacts {
            check,
            possession,
            participant,
            key_is_suspended: key.is_suspended(),
            basis: checking.basis.clone(),
        };
        let stream = StreamId::certificate(CertificateId::of_der(&command.certificate));
        self.decide::<Certificate>(&stream, CertificateCommand::Register(command, facts), reads).await
    }

    async fn form_document(&self, command: command::FormDocument) -> Result<Executed, LedgerError> {
        let mut reads = Vec::new();
        let document = DocumentId::from_random(random()?);
        let mut signers = BTreeMap::new();
        for slot in &command.signers {
            let participant: Participant = self.ledger.read(&StreamId::participant(slot.participant), &mut reads)?;
            if participant.is_registered() {
                signers.insert(slot.participant, participant);
            }
        }
        let facts = FormFacts {
            document,
            sender: self.ledger.read(&StreamId::participant(command.sender), &mut reads)?,
            signers,
            private_key_material: private_key::looks_like_private_key(&command.content),
        };
        self.decide::<Document>(&StreamId::document(document), DocumentCommand::Form(command, facts), reads).await
    }

    async fn apply_signature(&self, command: command::ApplySignature) -> Result<Executed, LedgerError> {
        let mut reads = Vec::new();
        let document = self.party_of_document(command.document)?;
        // Nobody signs for another participant, so the slot is one of the asker's.
        let role = self.actor.participant.and_then(|participant| document.role_for(participant));
        let content = self.content(command.document).await?.in_slot(role);
        let facts = self.signer_facts(&content, &command.cms, &mut reads).await?;
        let stream = StreamId::document(command.document);
        self.decide::<Document>(&stream, DocumentCommand::Sign(command, facts), reads).await
    }

    async fn send_document(&self, command: command::SendDocument) -> Result<Executed, LedgerError> {
        let mut reads = Vec::new();
        let document = self.party_of_document(command.document)?;
        let sender = match &document.formed {
            Some(formed) => self.ledger.read(&StreamId::participant(formed.sender), &mut reads)?,
            None => Participant::default(),
        };
        let mut recipients = BTreeMap::new();
        for recipient in &command.recipients {
            let participant: Participant =
                self.ledger.read(&StreamId::participant(recipient.participant), &mut reads)?;
            if participant.is_registered() {
                let delivery = DeliveryId::from_random(random()?);
                recipients.insert(recipient.participant, RecipientFacts { participant, delivery });
            }
        }
        let stream = StreamId::document(command.document);
        let facts = SendFacts { sender, recipients };
        self.decide::<Document>(&stream, DocumentCommand::Send(command, facts), reads).await
    }

    /// The second moment of clause 5.2.3.2: every signature is checked again, as of now.
    async fn receive(&self, command: command::Receive) -> Result<Executed, LedgerError> {
        let ledger = self.ledger;
        let mut reads = Vec::new();
        let delivery = self.party_of_delivery(command.delivery)?;
        let document = delivery.opened.as_ref().map(|opened| opened.document);
        let document = document.ok_or(LedgerError::NotFound("delivery"))?;
        let state: Document = ledger.read(&StreamId::document(document), &mut reads)?;
        let mut content = self.content(document).await?;
        let checking = ledger.checking();
        ledger.note_checking(&checking, &mut reads);
        let mut signatures = Vec::new();
        for applied in state.standing() {
            let cms = ledger.cms_of(applied.event).await?;
            let used = self.used(&cms, applied.event, applied.finding).await?;
            let moments = Moments::Receipt { signed_at: applied.at, received_at: self.now };
            content.required_role = state.role_in(applied.slot);
            signatures.push(ReceivedSignature {
                slot: applied.slot,
                certificate: applied.signature.certificate,
                signed_at: applied.signed_at(),
                key: ledger.read(&StreamId::key(applied.signature.key), &mut reads)?,
                check: ledger.check_signature(&checking, &content, &cms, used, moments).await?,
            });
        }
        let facts = ReceiptFacts { signatures, basis: checking.basis.clone() };
        let stream = StreamId::delivery(command.delivery);
        self.decide::<Delivery>(&stream, DeliveryCommand::Receive(command, facts), reads).await
    }

    /// An act on a delivery that a party signs by a statement.
    async fn signed_act(
        &self,
        delivery: DeliveryId,
        kind: CommandKind,
        reason: &str,
        cms: Vec<u8>,
        command: impl FnOnce(ledger_core::domain::check::SignerFacts) -> DeliveryCommand,
    ) -> Result<Executed, LedgerError> {
        let mut reads = Vec::new();
        let state = self.party_of_delivery(delivery)?;
        let statement = statement::of_act(self.ledger.origin(), kind, &state, reason);
        let statement = statement.ok_or(LedgerError::NotFound("delivery"))??;
        let facts = self.signer_facts(&SignedContent::statement(statement), &cms, &mut reads).await?;
        self.decide::<Delivery>(&StreamId::delivery(delivery), command(facts), reads).await
    }

    async fn report_compromise(&self, command: command::ReportCompromise) -> Result<Executed, LedgerError> {
        let mut reads = Vec::new();
        let stream = StreamId::key(command.key);
        let mut certificates = Vec::new();
        let mut seen = Vec::new();
        for index in self.ledger.store.records_of_stream(&stream)? {
            let Some(entry) = self.ledger.entry(index)? else { continue };
            let Event::CertificateRegistered(registered) = &entry.event else { continue };
            if !seen.contains(&registered.certificate) {
                seen.push(registered.certificate);
                certificates.push(self.ledger.read(&StreamId::certificate(registered.certificate), &mut reads)?);
            }
        }
        let facts = CompromiseFacts { certificates };
        self.decide::<Key>(&stream, KeyCommand::ReportCompromise(command, facts), reads).await
    }

    /// Checks a signature on record again, as of the same moment.
    async fn record_finding(&self, command: command::RecordFinding) -> Result<Executed, LedgerError> {
        let ledger = self.ledger;
        let unknown = || LedgerError::NotFound("signature");
        let index = ledger.store.index_of_event(command.signature)?.ok_or_else(unknown)?;
        let entry = ledger.entry(index)?.ok_or_else(unknown)?;
        let over_document = matches!(entry.event, Event::SignatureApplied(_) | Event::CountersignatureApplied(_));
        if !over_document || entry.event.document() != Some(command.document) {
            return Err(unknown());
        }
        if let (Event::SignatureApplied(applied), Some(delivery)) = (&entry.event, command.delivery) {
            let (signed_at, applied) = (entry.record.at, applied.clone());
            return self.record_receipt_finding(command, delivery, applied, signed_at).await;
        }
        let mut reads = Vec::new();
        let stream = entry.record.home().cloned().ok_or_else(unknown)?;
        if command.delivery.is_some() && command.delivery != entry.event.delivery() {
            return Err(unknown());
        }
        let last_finding = if let Some(delivery) = entry.event.delivery() {
            self.party_of_delivery(delivery)?.countersignature.and_then(|one| one.finding)
        } else {
            let document = self.party_of_document(command.document)?;
            let applied = document.signatures.iter().find(|one| one.event == command.signature);
            applied.and_then(|one| one.finding)
        };
        let checking = ledger.checking();
        ledger.note_checking(&checking, &mut reads);
        let role = if let Event::SignatureApplied(applied) = &entry.event {
            self.party_of_document(command.document)?.role_in(applied.slot)
        } else {
            None
        };
        let content = self.content(command.document).await?.in_slot(role);
        let cms = ledger.cms_of(command.signature).await?;
        let used = self.used(&cms, command.signature, last_finding).await?;
        let moments = Moments::Signing(entry.record.at);
        let check = ledger.check_signature(&checking, &content, &cms, used, moments).await?;
        let facts = FindingFacts { check, basis: checking.basis.clone() };
        match entry.event.delivery() {
            Some(_) => self.decide::<Delivery>(&stream, DeliveryCommand::RecordFinding(command, facts), reads).await,
            None => self.decide::<Document>(&stream, DocumentCommand::RecordFinding(command, facts), reads).await,
        }
    }

    /// Checks a signature on record again, as of the moments of its signing and of a receipt.
    async fn record_receipt_finding(
        &self,
        command: command::RecordFinding,
        delivery: DeliveryId,
        applied: SignatureApplied,
        signed_at: Timestamp,
    ) -> Result<Executed, LedgerError> {
        let ledger = self.ledger;
        let unknown = || LedgerError::NotFound("signature");
        let state = self.party_of_delivery(delivery)?;
        let accounted_at = state.accounted_at.ok_or_else(unknown)?;
        if state.opened.as_ref().is_none_or(|opened| opened.document != command.document) {
            return Err(unknown());
        }
        let mut reads = Vec::new();
        let checking = ledger.checking();
        ledger.note_checking(&checking, &mut reads);
        let (document, _) = ledger.load::<Document>(&StreamId::document(command.document))?;
        let content = self.content(command.document).await?.in_slot(document.role_in(applied.slot));
        let cms = ledger.cms_of(command.signature).await?;
        let last_finding = state.received.iter().find(|one| one.slot == applied.slot).and_then(|one| one.finding);
        let mut used = self.used(&cms, command.signature, last_finding).await?;
        if let Some(accounted) = ledger.accounting_of(delivery)? {
            used.extend(&ledger.used_by(accounted, &format!("evidence-{}", applied.slot)).await?);
        }
        let moments = Moments::Receipt { signed_at, received_at: accounted_at };
        let check = ledger.check_signature(&checking, &content, &cms, used, moments).await?;
        let finding = FindingFacts { check, basis: checking.basis.clone() };
        let facts = ReceiptFindingFacts { signature: applied.signature, slot: applied.slot, finding };
        let stream = StreamId::delivery(delivery);
        self.decide::<Delivery>(&stream, DeliveryCommand::RecordReceiptFinding(command, facts), reads).await
    }

    /// What was kept when the signature was recorded, what the last finding kept, and what was fetched now.
    async fn used(
        &self,
        cms: &[u8],
        signature: EventId,
        finding: Option<EventId>,
    ) -> Result<UsedEvidence, LedgerError> {
        let mut used = self.ledger.used_by(signature, "evidence").await?;
        if let Some(finding) = finding {
            used.extend(&self.ledger.used_by(finding, "evidence").await?);
        }
        used.extend(&self.outside.about(cms));
        Ok(used)
    }

    async fn signer_facts(
        &self,
        signed: &SignedContent<'_>,
        cms: &[u8],
        reads: &mut Reads,
    ) -> Result<ledger_core::domain::check::SignerFacts, LedgerError> {
        self.ledger.signer_facts(signed, cms, self.outside, self.now, reads).await
    }

    async fn publish_trust(&self, command: command::PublishTrust) -> Result<Executed, LedgerError> {
        let snapshot = TrustSnapshot::from_parts(&command.anchors, &command.intermediates);
        let snapshot = snapshot.and_then(|snapshot| snapshot.with_terms(command.terms.clone())).ok();
        let policy: Option<SignaturePolicy> = serde_json::from_slice(&command.policy).ok();
        // A policy counts in its canonical form only: its id is a digest of that.
        let policy = policy.filter(|policy| policy.to_canonical_bytes().is_ok_and(|bytes| bytes == command.policy));
        let facts = TrustFacts {
            origin: self.ledger.origin().clone(),
            trust: snapshot.as_ref().map(TrustSnapshot::id).unwrap_or_default(),
            snapshot: snapshot.and_then(|snapshot| snapshot.encode().ok()),
            policy_is_for_tests: policy.as_ref().is_some_and(SignaturePolicy::is_for_tests),
            policy: policy.map(|policy| policy.id()),
            mode: self.ledger.store.genesis().identifiers,
        };
        let stream = self.ledger.ledger_stream();
        self.decide::<LedgerActs>(&stream, LedgerCommand::PublishTrust(command, facts), Vec::new()).await
    }

    async fn record_crl(&self, command: command::RecordCrl) -> Result<Executed, LedgerError> {
        let checking = self.ledger.checking();
        let contents = Crl::parse(&command.crl).ok().filter(|crl| crl.unusable().is_none()).map(|crl| CrlContents {
            issuer: crl.issuer_digest(),
            this_update: crl.this_update(),
            next_update: crl.next_update(),
            is_trusted: checking
                .trust
                .anchors()
                .iter()
                .chain(checking.trust.intermediates())
                .any(|issuer| crl.is_signed_by(issuer)),
        });
        let facts = CrlFacts { origin: self.ledger.origin().clone(), contents };
        let stream = self.ledger.ledger_stream();
        self.decide::<LedgerActs>(&stream, LedgerCommand::RecordCrl(command, facts), Vec::new()).await
    }

    /// The document, if the actor may know of it.
    fn party_of_document(&self, document: DocumentId) -> Result<Document, LedgerError> {
        let (state, _) = self.ledger.load::<Document>(&StreamId::document(document))?;
        let formed = state.formed.as_ref().ok_or(LedgerError::NotFound("document"))?;
        let party = |participant: ParticipantId| {
            formed.sender == participant || formed.slots.iter().any(|slot| slot.participant == participant)
        };
        self.may_know(party)
            .then_some(())
            .or_else(|| self.is_recipient(document).then_some(()))
            .ok_or(LedgerError::NotFound("document"))?;
        Ok(state)
    }

    /// A recipient knows of a document once it was sent to it, and then gets the rules' answer instead of "no such".
    #[expect(clippy::wildcard_enum_match_arm, reason = "only an opened delivery makes a recipient")]
    fn is_recipient(&self, document: DocumentId) -> bool {
        let entries = self.ledger.entries(&StreamId::document(document), usize::MAX).unwrap_or_default();
        entries.iter().any(|entry| match &entry.event {
            Event::DeliveryOpened(opened) => self.may_know(|participant| opened.recipient == participant),
            _ => false,
        })
    }

    /// The delivery, if the actor may know of it.
    fn party_of_delivery(&self, delivery: DeliveryId) -> Result<Delivery, LedgerError> {
        let (state, _) = self.ledger.load::<Delivery>(&StreamId::delivery(delivery))?;
        let opened = state.opened.as_ref().ok_or(LedgerError::NotFound("delivery"))?;
        let party = |participant: ParticipantId| opened.sender == participant || opened.recipient == participant;
        if self.may_know(party) { Ok(state) } else { Err(LedgerError::NotFound("delivery")) }
    }

    fn may_know(&self, party: impl Fn(ParticipantId) -> bool) -> bool {
        match self.actor.capacity {
            Capacity::Operator | Capacity::System => true,
            Capacity::Participant => self.actor.participant.is_some_and(party),
        }
    }

    async fn content(&self, document: DocumentId) -> Result<SignedContent<'static>, LedgerError> {
        self.ledger.document_content(document).await?.ok_or(LedgerError::NotFound("document"))
    }

    /// Decides through the framework, and appends.
    async fn decide<A: Aggregate>(
        &self,
        stream: &StreamId,
        command: A::Command,
        reads: Reads,
    ) -> Result<Executed, LedgerError>
    where
        A::Command: Send,
    {
        let circumstances = Circumstances { actor: self.actor.clone(), now: self.now };
        let services = Services { circumstances, ids: EventIds::from_random(self.now, random()?) };
        let outcome = Arc::new(Mutex::new(None));
        let store = Commit { errand: self, stream: stream.clone(), reads, outcome: Arc::clone(&outcome) };
        let framework = CqrsFramework::<Cqrs<A>, _>::new(store, Vec::new(), services);
        let result = framework.execute(&stream.to_string(), command).await;
        let committed = lock(&outcome).take();
        match (result, committed) {
            (_, Some(committed)) => committed,
            (Err(AggregateError::UserError(refusal)), None) => Err(LedgerError::Refused(refusal)),
            (Err(error), None) => Err(LedgerError::Internal(error.to_string())),
            (Ok(()), None) => Err(LedgerError::Internal("a decision was neither appended nor refused".to_owned())),
        }
    }

    /// Stores the payloads, then appends the records; what is stored for records that were not appended is removed.
    pub(super) async fn append(&self, decided: Vec<Decided>, mut reads: Reads) -> Result<Executed, LedgerError> {
        let ledger = self.ledger;
        let mut records = Vec::new();
        let mut stored = Vec::new();
        let mut homed: HashMap<StreamId, u64> = HashMap::new();
        for Decided { event: decided, recorded } in decided {
            let streams = decided.event.streams();
            let home = streams.first().cloned().ok_or(LedgerError::Internal("no home stream".to_owned()))?;
            let next = homed.entry(home.clone()).or_insert_with(|| {
                let known = reads.iter().find_map(|(stream, expectation)| match expectation {
                    Expectation::Homed(homed) if *stream == home => Some(*homed),
                    Expectation::Homed(_) | Expectation::Revision(_) | Expectation::Absent => None,
                });
                known.unwrap_or_else(|| ledger.store.state_of(&home).homed)
            });
            let puts = decided.payloads.iter().map(|(slot, bytes)| ledger.vault.put(recorded.id, slot, bytes));
            let (mut sealed, mut failed) = (Vec::new(), None);
            for put in join_all(puts).await {
                match put {
                    Ok(commitment) => sealed.push(commitment),
                    Err(error) => failed = Some(error),
                }
            }
            stored.extend(sealed.iter().cloned());
            if let Some(error) = failed {
                self.discard(&stored).await;
                return Err(error.into());
            }
            sealed.sort_by(|left, right| left.slot.cmp(&right.slot));
            let record = Record {
                actor: self.actor.clone(),
                at: self.now,
                basis: Basis {
                    clauses: decided.event.clauses().iter().map(|clause| (*clause).to_owned()).collect(),
                    terms: TERMS.to_owned(),
                },
                cause: Cause { command: self.command, event: None, request: self.request },
                data: decided.event.data()?,
                id: recorded.id,
                prev: ledger_core::digest::Digest::default(),
                sealed,
                seq: *next,
                streams,
                event_type: decided.event.event_type().map_err(|error| LedgerError::Internal(error.to_string()))?,
                version: decided.event.version(),
            };
            *next += 1;
            records.push(Draft::encode(&record).map_err(|error| LedgerError::Internal(error.to_string()))?);
        }
        reads.sort_by(|left, right| left.0.cmp(&right.0));
        reads.dedup();
        let append = Append { records, expect: reads, command: self.command, request: self.request };
        match ledger.store.append(append).await {
            Ok(appended) => {
                if appended.replayed {
                    self.discard(&stored).await;
                }
                executed(appended.receipts, appended.replayed)
            }
            // Whether the records are there is not known; so their payloads stay.
            Err(error @ (StoreError::UnknownOutcome(_) | StoreError::Broken)) => Err(error.into()),
            Err(error) => {
                self.discard(&stored).await;
                Err(error.into())
            }
        }
    }

    async fn discard(&self, stored: &[ledger_core::payload::Commitment]) {
        for commitment in stored {
            self.ledger.vault.discard(commitment).await;
        }
    }
}

/// The framework's event store for one command: loads from the log, commits by an append.
struct Commit<'a> {
    errand: &'a Errand<'a>,
    stream: StreamId,
    reads: Reads,
    outcome: Arc<Mutex<Option<Result<Executed, LedgerError>>>>,
}

/// An aggregate as it was loaded.
struct Loaded<A: Aggregate> {
    aggregate: Cqrs<A>,
    homed: u64,
}

impl<A: Aggregate> AggregateContext<Cqrs<A>> for Loaded<A>
where
    A::Command: Send,
{
    fn aggregate(&mut self) -> &mut Cqrs<A> {
        &mut self.aggregate
    }
}

impl<A: Aggregate> EventStore<Cqrs<A>> for Commit<'_>
where
    A::Command: Send,
{
    type AC = Loaded<A>;

    async fn load_events(&self, _: &str) -> Result<Vec<EventEnvelope<Cqrs<A>>>, AggregateError<Refusal>> {
        Err(AggregateError::UnexpectedError("events are read through the ledger".into()))
    }

    async fn load_aggregate(&self, _: &str) -> Result<Loaded<A>, AggregateError<Refusal>> {
        let loaded = self.errand.ledger.load::<A>(&self.stream);
        let (aggregate, homed) = loaded.map_err(|error| AggregateError::UnexpectedError(error.into()))?;
        Ok(Loaded { aggregate: Cqrs(aggregate), homed })
    }

    async fn commit(
        &self,
        events: Vec<Decided>,
        context: Loaded<A>,
        _: HashMap<String, String>,
    ) -> Result<Vec<EventEnvelope<Cqrs<A>>>, AggregateError<Refusal>> {
        let mut reads = self.reads.clone();
        reads.push((self.stream.clone(), Expectation::Homed(context.homed)));
        let outcome = if self.errand.dry_run {
            Ok(Executed { receipts: Vec::new(), events: Vec::new(), subjects: Vec::new(), replayed: false })
        } else {
            self.errand.append(events, reads).await
        };
        // The framework's own answer has no room for receipts; they travel beside it.
        *lock(&self.outcome) = Some(outcome);
        Ok(Vec::new())
    }
}

/// Events of one command, for readers that think in events rather than receipts.
impl Executed {
    /// The id of the first event.
    pub fn event(&self) -> Option<EventId> {
        self.events.first().copied()
    }
}
