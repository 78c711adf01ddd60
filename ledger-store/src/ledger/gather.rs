//! What is fetched for a command before anything is decided: once, however often the decision is made again, and never
//! for one that would be refused whatever is fetched.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use ledger_core::digest::Digest;
use ledger_core::domain::certificate::Certificate as Registered;
use ledger_core::domain::command::Command;
use ledger_core::domain::document::Document;
use ledger_core::domain::event::Event;
use ledger_core::domain::refusal::{Detail, Refusal, RefusalCode};
use ledger_core::evidence::used::UsedEvidence;
use ledger_core::id::{CertificateId, DeliveryId, EventId, StreamId};
use ledger_core::pki::certificate::Certificate;
use ledger_core::pki::ocsp::OcspResponse;
use ledger_core::signature::{self, EvidenceSet};
use ledger_core::time::Timestamp;
use tokio::time::{Instant, timeout};

use super::checking::Checking;
use super::load::Entry;
use super::{Inner, LedgerError};
use crate::evidence_source::{EvidenceSource, Gathered, Wanted, WantedStatus};

/// Tokens whose authority's status is asked for; a source gives one.
const AUTHORITIES_MAX: usize = 4;
/// A source that keeps within its limit needs a moment to hand over what it has.
const GRACE: Duration = Duration::from_secs(1);

/// What was gathered, by the SHA-256 of the signature or certificate that it is about.
#[derive(Debug, Default)]
pub(super) struct Outside {
    about: BTreeMap<Digest, UsedEvidence>,
}

impl Outside {
    pub(super) fn about(&self, bytes: &[u8]) -> UsedEvidence {
        self.about.get(&Digest::sha256(&[bytes])).cloned().unwrap_or_default()
    }
}

/// What evidence is gathered for.
pub(super) enum Subject {
    Certificate { der: Vec<u8>, chain: Vec<Vec<u8>> },
    Signature { cms: Vec<u8>, is_new: bool },
}

/// What is left of the time that a command waits for its source.
#[derive(Debug, Clone, Copy)]
struct Patience<'a> {
    source: &'a dyn EvidenceSource,
    deadline: Instant,
}

impl Inner {
    /// What fetched evidence would be about; nothing without a source. What cannot be read is left out: the decision
    /// will say so.
    pub(super) async fn fetched_about(&self, command: &Command) -> Vec<Subject> {
        match self.evidence_source {
            Some(_) => self.subjects(command).await.unwrap_or_default(),
            None => Vec::new(),
        }
    }

    /// Asks the source for what checks can use, about all subjects side by side and all within its patience. What cannot
    /// be had is absent.
    pub(super) async fn gather(&self, subjects: Vec<Subject>, now: Timestamp) -> Outside {
        let Some(source) = self.evidence_source.clone() else { return Outside::default() };
        let began = Instant::now();
        let deadline = began.checked_add(source.patience()).unwrap_or(began);
        let patience = Patience { source: source.as_ref(), deadline };
        let checking = self.checking();
        let gathering = subjects.iter().map(async |subject| match subject {
            Subject::Certificate { der, chain } => {
                let mut evidence = checking.evidence.clone();
                for der in chain {
                    evidence.add_certificate(der);
                }
                let certificate = Certificate::parse(der).ok().map(Arc::new);
                let statuses = certificate.map(|one| statuses(&checking, &one, &evidence, now)).unwrap_or_default();
                (Digest::sha256(&[der]), patience.ask(statuses, None).await)
            }
            Subject::Signature { cms, is_new } => {
                (Digest::sha256(&[cms]), self.gather_for(patience, &checking, cms, *is_new, now).await)
            }
        });
        Outside { about: join_all(gathering).await.into_iter().collect() }
    }

    async fn gather_for(
        &self,
        patience: Patience<'_>,
        checking: &Checking,
        cms: &[u8],
        is_new: bool,
        now: Timestamp,
    ) -> UsedEvidence {
        let Some(parts) = signature::parts(cms) else { return UsedEvidence::default() };
        let mut evidence = checking.evidence.clone();
        parts.certificates.iter().for_each(|one| evidence.add_parsed_certificate(Arc::clone(one)));
        let Some(signer) = signature::signer_certificate(cms, &evidence) else { return UsedEvidence::default() };
        // Only for certificates that are registered here: nobody else can make the ledger call somebody.
        let registered = self.load::<Registered>(&StreamId::certificate(signer.id()));
        if !registered.is_ok_and(|(registered, _)| registered.is_registered()) {
            return UsedEvidence::default();
        }
        for der in self.registered_certificates(signer.id()).await.unwrap_or_default() {
            evidence.add_certificate(&der);
        }
        let of_signer = statuses(checking, &signer, &evidence, now);
        let mut used = patience.ask(of_signer, is_new.then_some(parts.signature_value)).await;
        // A second and last round: a token counts only if the status of its authority's certificates is known.
        let of_authorities = used.timestamps().take(AUTHORITIES_MAX).flat_map(|token| {
            let mut evidence = evidence.clone();
            for one in signature::carried_certificates(token) {
                evidence.add_parsed_certificate(one);
            }
            let authority = signature::signer_certificate(token, &evidence);
            authority.map(|one| statuses(checking, &one, &evidence, now)).unwrap_or_default()
        });
        let of_authorities: Vec<WantedStatus> = of_authorities.collect();
        used.extend(&patience.ask(of_authorities, None).await);
        used
    }

    /// The signatures and certificates that a command has checked.
    async fn subjects(&self, command: &Command) -> Result<Vec<Subject>, LedgerError> {
        let new = |cms: &Vec<u8>| Ok(vec![Subject::Signature { cms: cms.clone(), is_new: true }]);
        match command {
            Command::RegisterCertificate(c) => {
                Ok(vec![Subject::Certificate { der: c.certificate.clone(), chain: c.chain.clone() }])
            }
            Command::ApplySignature(c) => new(&c.cms),
            Command::Countersign(c) => new(&c.cms),
            Command::RefuseAnswer(c) => new(&c.cms),
            Command::Recall(c) => new(&c.cms),
            Command::Withdraw(c) => new(&c.cms),
            Command::ProposeAnnulment(c) => new(&c.cms),
            Command::AcceptAnnulment(c) => new(&c.cms),
            Command::RefuseAnnulment(c) => new(&c.cms),
            Command::WithdrawAnnulmentProposal(c) => new(&c.cms),
            Command::Receive(c) => {
                let stream = StreamId::delivery(c.delivery);
                let (delivery, _) = self.load::<ledger_core::domain::delivery::Delivery>(&stream)?;
                let Some(opened) = delivery.opened else { return Ok(Vec::new()) };
                let (document, _) = self.load::<Document>(&StreamId::document(opened.document))?;
                let mut subjects = Vec::new();
                for applied in document.standing() {
                    subjects.push(Subject::Signature { cms: self.cms_of(applied.event).await?, is_new: false });
                }
                Ok(subjects)
            }
            Command::RecordFinding(c) => {
                Ok(vec![Subject::Signature { cms: self.cms_of(c.signature).await?, is_new: false }])
            }
            Command::RegisterParticipant(_)
            | Command::FormDocument(_)
            | Command::SendDocument(_)
            | Command::ConfirmReceiptDelivered(_)
            | Command::ReportCompromise(_)
            | Command::AnnulKey(_)
            | Command::ResumeKey(_)
            | Command::PublishTrust(_)
            | Command::RecordCrl(_) => Ok(Vec::new()),
        }
    }

    /// The CMS of a signature event.
    pub(super) async fn cms_of(&self, event: EventId) -> Result<Vec<u8>, LedgerError> {
        let slot = "cms".parse().map_err(|_| LedgerError::Internal("slot".to_owned()))?;
        Ok(self.payload_of_event(event, &slot).await?.bytes)
    }

    /// The event that accounted a delivery.
    pub(super) fn accounting_of(&self, delivery: DeliveryId) -> Result<Option<EventId>, LedgerError> {
        let entries = self.homed_entries(&StreamId::delivery(delivery))?;
        let accounted = |entry: &&Entry| matches!(entry.event, Event::DeliveryAccounted(_));
        Ok(entries.iter().find(accounted).map(|entry| entry.record.id))
    }

    /// What the check of an event used; nothing if it kept nothing.
    pub(super) async fn used_by(&self, event: EventId, slot: &str) -> Result<UsedEvidence, LedgerError> {
        let index = self.store.index_of_event(event)?.ok_or(LedgerError::NotFound("event"))?;
        let entry = self.entry(index)?.ok_or(LedgerError::NotFound("event"))?;
        if !entry.record.sealed.iter().any(|commitment| commitment.slot.as_str() == slot) {
            return Ok(UsedEvidence::default());
        }
        let bytes = self.payload(&entry.record, slot).await?.bytes;
        UsedEvidence::decode(&bytes).map_err(|source| LedgerError::Record { index, source: Box::new(source) })
    }

    /// The certificate and the chain that were handed in at a registration.
    pub(super) async fn registered_certificates(&self, id: CertificateId) -> Result<Vec<Vec<u8>>, LedgerError> {
        let entries = self.entries(&StreamId::certificate(id), 1)?;
        let Some(entry) = entries.first() else { return Ok(Vec::new()) };
        if !matches!(entry.event, Event::CertificateRegistered(_)) {
            return Ok(Vec::new());
        }
        let mut certificates = vec![self.payload(&entry.record, "certificate").await?.bytes];
        if entry.record.sealed.iter().any(|commitment| commitment.slot.as_str() == "chain") {
            let chain = self.payload(&entry.record, "chain").await?.bytes;
            certificates.extend(ledger_core::evidence::der_sequence(&chain).into_iter().map(<[u8]>::to_vec));
        }
        Ok(certificates)
    }
}

/// Every certificate of the path but the anchor, each with its issuer; nothing where no path holds.
fn statuses(
    checking: &Checking,
    certificate: &Arc<Certificate>,
    evidence: &EvidenceSet,
    now: Timestamp,
) -> Vec<WantedStatus> {
    let der = certificate.der();
    let report = signature::verify_certificate(der, evidence, &checking.trust, &checking.policy, now, None);
    let pool = || {
        let trusted = checking.trust.intermediates().iter().chain(checking.trust.anchors());
        std::iter::once(certificate).chain(evidence.certificates()).chain(trusted)
    };
    let path: Vec<&Arc<Certificate>> =
        report.chain.path.iter().filter_map(|digest| pool().find(|one| one.digest() == *digest)).collect();
    if path.len() != report.chain.path.len() {
        return Vec::new();
    }
    let wanted = |pair: &[&Arc<Certificate>]| match pair {
        [certificate, issuer] => {
            Some(WantedStatus { certificate: certificate.der().to_vec(), issuer: issuer.der().to_vec() })
        }
        _ => None,
    };
    path.windows(2).filter_map(wanted).collect()
}

/// Whether evidence that is yet to be fetched may lift a refusal: all of its reasons are that too little is known, or that
/// the certificate was on hold when last heard of.
pub(super) fn may_be_lifted(refusal: &Refusal) -> bool {
    refusal.findings().iter().all(|finding| {
        let lacks_evidence = matches!(
            finding.code,
            RefusalCode::SignatureIndeterminate | RefusalCode::CertificateIndeterminate | RefusalCode::FindingUnchanged
        );
        let on_hold = matches!(&finding.detail, Some(Detail::Check { code }) if code == "certificate-on-hold");
        lacks_evidence || on_hold
    })
}

impl Patience<'_> {
    /// Asks, and keeps of the answers what is about what was asked: the source may be talking to anybody.
    async fn ask(self, statuses: Vec<WantedStatus>, signature_value: Option<Vec<u8>>) -> UsedEvidence {
        let limit = self.deadline.saturating_duration_since(Instant::now());
        if limit.is_zero() || statuses.is_empty() && signature_value.is_none() {
            return UsedEvidence::default();
        }
        let parsed = |wanted: &WantedStatus| {
            Some((Certificate::parse(&wanted.certificate).ok()?, Certificate::parse(&wanted.issuer).ok()?))
        };
        let about: Vec<(Certificate, Certificate)> = statuses.iter().filter_map(parsed).collect();
        let asked = self.source.gather(Wanted { statuses, signature_value }, limit);
        let Gathered { ocsp, timestamps, failures: _ } =
            timeout(limit.saturating_add(GRACE), asked).await.unwrap_or_default();
        let concerns = |der: &Vec<u8>| {
            OcspResponse::parse(der)
                .is_ok_and(|response| about.iter().any(|(certificate, issuer)| response.is_about(certificate, issuer)))
        };
        UsedEvidence::new([], ocsp.into_iter().filter(concerns), timestamps)
    }
}
