//! Participants: registered once per BIN or IIN, bound by the terms they accepted (clauses 2.1, 1.7).

use serde::{Deserialize, Serialize};

use crate::canonical;
use crate::domain::command::{CommandKind, RegisterParticipant};
use crate::domain::event::{
    AcceptanceMethod, AgreementAccepted, CommandRefused, Event, NewEvent, ParticipantKind, ParticipantRegistered,
    VersionName,
};
use crate::domain::refusal::{Finding, Refusal, RefusalCode, refuse_if_any};
use crate::domain::requisites::check_line;
use crate::domain::{Aggregate, Circumstances, FOREIGN, Recorded, rule};
use crate::id::{Bin, IdentifierMode, IdentityId, IdentityKind, Iin, ParticipantId, StreamKind};
use crate::time::Timestamp;

/// State of one participant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Participant {
    /// Its registration; none as long as it does not exist.
    pub registered: Option<ParticipantRegistered>,
    /// When it was registered.
    pub registered_at: Option<Timestamp>,
    /// The terms that it accepted last.
    pub agreement: Option<AgreementAccepted>,
    /// How many commands of it were refused.
    pub refused_commands: u64,
}

/// What can be asked of a participant's stream.
#[derive(Debug, Clone)]
pub enum ParticipantCommand {
    /// Register it.
    Register(RegisterParticipant, RegistrationFacts),
}

/// What a registration read elsewhere.
#[derive(Debug, Clone)]
pub struct RegistrationFacts {
    /// Fresh random id for the participant.
    pub participant: ParticipantId,
    /// The number of the command under the index key.
    pub identity: IdentityId,
    /// Whether the identity's stream has a record already.
    pub identity_is_registered: bool,
    /// Whether test identifiers are let in; from the genesis.
    pub mode: IdentifierMode,
    /// Versions of the terms that may be accepted now.
    pub terms_in_force: Vec<VersionName>,
}

/// The payload `client-data`: personal data, outside the record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientData {
    /// Name as registered.
    pub name: String,
    /// BIN or IIN.
    pub number: String,
}

impl Participant {
    /// Whether this is that participant, registered and with an agreement.
    pub fn is(&self, participant: ParticipantId) -> bool {
        self.has_agreement() && self.registered.as_ref().is_some_and(|registered| registered.participant == participant)
    }

    /// Whether it exists.
    pub const fn is_registered(&self) -> bool {
        self.registered.is_some()
    }

    /// Whether an agreement is in force (clause 1.16).
    pub const fn has_agreement(&self) -> bool {
        self.agreement.is_some()
    }

    /// What keeps it from acting, if anything.
    pub(crate) fn require_agreement(&self, participant: ParticipantId, findings: &mut Vec<Finding>) {
        if !self.is_registered() {
            findings.push(Finding::new(RefusalCode::ParticipantUnknown));
        } else if !self.is(participant) {
            findings.push(Finding::new(RefusalCode::AgreementNotActive));
        }
    }

    /// The record of a refused command: homed in the asking participant's own stream and naming nothing else, so
    /// that a refusal neither probes nor disturbs its target (format.md section 1).
    pub fn refused(participant: ParticipantId, command: CommandKind, refusal: &Refusal) -> NewEvent {
        let event = CommandRefused { participant, command, codes: refusal.codes(), attempts: 1, root: None };
        // Findings hold no text of the party, so they always have a canonical form.
        let details = canonical::encode(refusal).unwrap_or_default();
        NewEvent::new(Event::CommandRefused(event)).with("details", details)
    }

    fn register(
        &self,
        command: &RegisterParticipant,
        facts: &RegistrationFacts,
        circumstances: &Circumstances,
    ) -> Result<Vec<NewEvent>, Refusal> {
        let mut findings = Vec::new();
        circumstances.require_operator(&mut findings);
        let number_is_valid = match command.identity_kind {
            IdentityKind::Bin => Bin::parse(&command.number, facts.mode).is_ok(),
            IdentityKind::Iin => Iin::parse(&command.number, facts.mode).is_ok(),
        };
        let kind_fits = match command.kind {
            ParticipantKind::LegalEntity => command.identity_kind == IdentityKind::Bin,
            ParticipantKind::Individual => command.identity_kind == IdentityKind::Iin,
            ParticipantKind::IndividualEntrepreneur => true,
        };
        if !number_is_valid {
            findings.push(Finding::at(invalid(command.identity_kind), "number"));
        }
        if !kind_fits {
            findings.push(Finding::at(invalid(command.identity_kind), "identity_kind"));
        }
        check_line("name", &command.name, &mut findings);
        if facts.identity_is_registered || self.is_registered() {
            findings.push(Finding::new(RefusalCode::ParticipantExists));
        }
        if !facts.terms_in_force.contains(&command.terms) {
            findings.push(Finding::at(RefusalCode::TermsUnknown, "terms"));
        }
        let client_data = ClientData { name: command.name.clone(), number: command.number.clone() };
        let client_data = canonical::encode(&client_data).unwrap_or_else(|_| {
            findings.push(Finding::at(RefusalCode::RequisitesMissing, "name"));
            Vec::new()
        });
        refuse_if_any(findings)?;
        let participant = facts.participant;
        let registered = ParticipantRegistered {
            participant,
            identity: facts.identity,
            identity_kind: command.identity_kind,
            kind: command.kind,
        };
        let accepted = AgreementAccepted {
            participant,
            terms: command.terms.clone(),
            method: AcceptanceMethod::OperatorRegistration,
        };
        Ok(vec![
            NewEvent::new(Event::ParticipantRegistered(registered)).with("client-data", client_data),
            NewEvent::new(Event::AgreementAccepted(accepted)),
        ])
    }
}

const fn invalid(kind: IdentityKind) -> RefusalCode {
    match kind {
        IdentityKind::Bin => RefusalCode::InvalidBin,
        IdentityKind::Iin => RefusalCode::InvalidIin,
    }
}

impl Aggregate for Participant {
    const KIND: StreamKind = StreamKind::Participant;
    type Command = ParticipantCommand;

    fn decide(&self, command: &ParticipantCommand, circumstances: &Circumstances) -> Result<Vec<NewEvent>, Refusal> {
        match command {
            ParticipantCommand::Register(command, facts) => self.register(command, facts, circumstances),
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "events homed in other kinds of streams never follow")]
    fn follows(&self, event: &Event) -> Result<(), &'static str> {
        let is_self =
            |participant| self.registered.as_ref().is_some_and(|registered| registered.participant == participant);
        match event {
            Event::ParticipantRegistered(_) => rule(!self.is_registered(), "the participant is registered already"),
            Event::AgreementAccepted(event) => rule(is_self(event.participant), "the participant is not registered"),
            Event::CommandRefused(event) => rule(is_self(event.participant), "the participant is not registered"),
            _ => Err(FOREIGN),
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "events homed in other kinds of streams change nothing")]
    fn apply(&mut self, event: &Event, recorded: Recorded) {
        match event {
            Event::ParticipantRegistered(event) => {
                self.registered = Some(event.clone());
                self.registered_at = Some(recorded.at);
            }
            Event::AgreementAccepted(event) => self.agreement = Some(event.clone()),
            Event::CommandRefused(event) => {
                self.refused_commands = self.refused_commands.saturating_add(event.attempts);
            }
            _ => {}
        }
    }
}
