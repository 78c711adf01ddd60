//! Certificates: registered to one participant, after proof of possession (clauses 3.5.1, 8.1, 8.4).

use serde::{Deserialize, Serialize};

use crate::domain::check::{CertificateCheck, CertificateContents, CheckBasis, SignatureCheck, push_once};
use crate::domain::command::RegisterCertificate;
use crate::domain::event::{CertificateRegistered, Event, NewEvent};
use crate::domain::participant::Participant;
use crate::domain::refusal::{Detail, Finding, Refusal, RefusalCode, refuse_if_any};
use crate::domain::{Aggregate, Circumstances, FOREIGN, Recorded, rule};
use crate::id::{IdentityKind, StreamKind};
use crate::time::Timestamp;

/// How many intermediate certificates may come along: no path is longer (pki.md 7.6).
pub const CHAIN_MAX: usize = 8;

/// State of one certificate.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// Its registration; none as long as it is not registered.
    pub registered: Option<CertificateRegistered>,
    /// When it was registered.
    pub registered_at: Option<Timestamp>,
}

/// What can be asked of a certificate's stream.
#[derive(Debug, Clone)]
pub enum CertificateCommand {
    /// Register it.
    Register(RegisterCertificate, CertificateFacts),
}

/// What a registration read elsewhere.
#[derive(Debug, Clone)]
pub struct CertificateFacts {
    /// The check of the certificate now.
    pub check: CertificateCheck,
    /// The check of the possession statement's signature now.
    pub possession: SignatureCheck,
    /// The participant's stream; as new if there is none.
    pub participant: Participant,
    /// Whether the key was suspended, under this or another certificate.
    pub key_is_suspended: bool,
    /// By what both were checked.
    pub basis: CheckBasis,
}

impl Certificate {
    /// Whether it is registered.
    pub const fn is_registered(&self) -> bool {
        self.registered.is_some()
    }

    fn register(
        &self,
        command: &RegisterCertificate,
        facts: &CertificateFacts,
        circumstances: &Circumstances,
    ) -> Result<Vec<NewEvent>, Refusal> {
        let mut findings = Vec::new();
        if !circumstances.is_operator_or_system() {
            circumstances.require_participant(command.participant, &mut findings);
        }
        facts.participant.require_agreement(command.participant, &mut findings);
        for (field, is_private) in
            [("certificate", facts.check.private_key_material), ("possession", facts.possession.private_key_material)]
        {
            if is_private {
                findings.push(Finding::at(RefusalCode::PrivateKeyMaterialRefused, field));
            }
        }
        if command.chain.len() > CHAIN_MAX {
            findings.push(Finding::at(RefusalCode::CertificateMalformed, "chain"));
        }
        if self.is_registered() {
            findings.push(Finding::new(RefusalCode::CertificateExists));
        }
        let contents = facts.check.contents.as_ref();
        if let Some(contents) = contents {
            facts.examine(contents, circumstances, &mut findings);
        } else if !facts.check.private_key_material {
            findings.push(Finding::at(RefusalCode::CertificateMalformed, "certificate"));
        }
        refuse_if_any(findings)?;
        let Some(contents) = contents else {
            return Err(Refusal::of(Finding::at(RefusalCode::CertificateMalformed, "certificate")));
        };
        let registered = CertificateRegistered {
            certificate: contents.certificate,
            key: contents.key,
            participant: command.participant,
            not_before: contents.not_before,
            not_after: contents.not_after,
            trust: facts.basis.trust,
            policy: facts.basis.policy,
        };
        let mut event = NewEvent::new(Event::CertificateRegistered(registered))
            .with("certificate", command.certificate.clone())
            .with("possession", command.possession.clone())
            .with("report", facts.check.outcome.report.clone());
        if !command.chain.is_empty() {
            event = event.with("chain", command.chain.concat());
        }
        if let Some(evidence) = &facts.check.evidence {
            event = event.with("evidence", evidence.clone());
        }
        Ok(vec![event])
    }
}

impl CertificateFacts {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the other codes mean the same for a certificate alone")]
    fn examine(&self, contents: &CertificateContents, circumstances: &Circumstances, findings: &mut Vec<Finding>) {
        for mut finding in self.check.outcome.findings() {
            // Words of signatures that say something else about a certificate alone.
            finding.code = match finding.code {
                RefusalCode::SignatureInvalid | RefusalCode::SignatureDigestMismatch => {
                    RefusalCode::CertificateUntrusted
                }
                RefusalCode::SignatureMalformed => RefusalCode::CertificateMalformed,
                RefusalCode::SignatureIndeterminate => RefusalCode::CertificateIndeterminate,
                code => code,
            };
            finding.clause = finding.code.clause();
            push_once(findings, finding);
        }
        let mut find = |holds: bool, code| {
            if !holds {
                push_once(findings, Finding::at(code, "certificate"));
            }
        };
        find(contents.purpose_is_signing, RefusalCode::CertificatePurpose);
        find(circumstances.now >= contents.not_before, RefusalCode::CertificateNotYetValid);
        find(circumstances.now <= contents.not_after, RefusalCode::CertificateExpired);
        find(!self.key_is_suspended, RefusalCode::CertificateSuspended);
        find(self.names_the_participant(contents), RefusalCode::CertificateSubjectMismatch);
        if self.possession.private_key_material {
            return;
        }
        let signed = self.possession.certificate == Some(contents.certificate);
        if !(signed && self.possession.outcome.passed()) {
            // What lacks nothing but revocation data is no reason to sign again.
            let waits = signed && self.possession.outcome.is_pending();
            let code = if waits { RefusalCode::SignatureIndeterminate } else { RefusalCode::PossessionMissing };
            let finding = Finding::at(code, "possession");
            let code = self.possession.outcome.shortfalls.first().map(|shortfall| shortfall.code.clone());
            findings.push(match code {
                Some(code) => finding.with(Detail::Check { code }),
                None => finding,
            });
        }
    }

    /// A certificate with a BIN speaks for the legal entity, whoever's IIN stands beside it (clause 2.11).
    fn names_the_participant(&self, contents: &CertificateContents) -> bool {
        let Some(registered) = &self.participant.registered else { return true };
        match registered.identity_kind {
            IdentityKind::Bin => contents.bin == Some(registered.identity),
            IdentityKind::Iin => contents.bin.is_none() && contents.iin == Some(registered.identity),
        }
    }
}

impl Aggregate for Certificate {
    const KIND: StreamKind = StreamKind::Certificate;
    type Command = CertificateCommand;

    fn decide(&self, command: &CertificateCommand, circumstances: &Circumstances) -> Result<Vec<NewEvent>, Refusal> {
        match command {
            CertificateCommand::Register(command, facts) => self.register(command, facts, circumstances),
        }
    }

    fn follows(&self, event: &Event) -> Result<(), &'static str> {
        let Event::CertificateRegistered(event) = event else { return Err(FOREIGN) };
        rule(!self.is_registered(), "the certificate is registered already")?;
        rule(event.not_before <= event.not_after, "the certificate's validity ends before it begins")
    }

    fn apply(&mut self, event: &Event, recorded: Recorded) {
        if let Event::CertificateRegistered(event) = event {
            self.registered = Some(event.clone());
            self.registered_at = Some(recorded.at);
        }
    }
}
