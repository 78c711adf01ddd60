//! The world around the quickstart: a certification authority and two companies; in life all three are elsewhere.

use std::error::Error;
use std::str::FromStr;
use std::time::{SystemTime, UNIX_EPOCH};

use ledger_core::domain::command::{Command, PublishTrust, RecordCrl, RegisterCertificate, RegisterParticipant};
use ledger_core::domain::event::ParticipantKind;
use ledger_core::id::{IdentityKind, ParticipantId, StreamKind};
use ledger_core::record::{Actor, Capacity, Record};
use ledger_core::signature::SignaturePolicy;
use ledger_core::time::Timestamp;
use ledger_store::test_ca::{Algorithm, Party, PartySpec, Purpose, TestCa};
use ledger_store::{Executed, Ledger};

const DAY_MS: u64 = 86_400_000;
const SELLER: (&str, &str) = ("Dala Grain LLP", "171140001255");
const BUYER: (&str, &str) = ("Aray Mill LLP", "190340018426");

pub(crate) struct Setting {
    ca: TestCa,
    director: Party,
    now: Timestamp,
}

impl Setting {
    pub(crate) fn new() -> Result<Self, Box<dyn Error>> {
        let now = u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?;
        let now = Timestamp::from_unix_ms(now).ok_or("a clock before the year 10000")?;
        let not_before = now.minus_ms(DAY_MS);
        let mut ca = TestCa::new("TEST CA", not_before, [1; 32]);
        let director = PartySpec {
            common_name: "AKHMETOV DAULET".into(),
            organization: Some(SELLER.0.into()),
            bin: Some(SELLER.1.into()),
            iin: "800512300477".into(),
            algorithm: Algorithm::P256,
            not_before,
            not_after: now.plus_ms(365 * DAY_MS),
            purpose: Purpose::Signing,
        };
        let director = ca.issue(&director, [2; 32]);
        Ok(Self { ca, director, now })
    }

    pub(crate) fn trust(&self) -> Result<Command, Box<dyn Error>> {
        let policy = SignaturePolicy::default_2026().to_canonical_bytes()?;
        let anchors = vec![self.ca.certificate_der().to_vec()];
        Ok(PublishTrust::of_anchors(anchors, policy).into())
    }

    pub(crate) fn crl(&self) -> Command {
        RecordCrl { crl: self.ca.crl(&[], self.now.minus_ms(DAY_MS), self.now.plus_ms(DAY_MS)) }.into()
    }

    pub(crate) fn certificate(&self, ledger: &Ledger, participant: ParticipantId) -> Result<Command, Box<dyn Error>> {
        let possession = self.sign(&ledger.possession_statement(participant)?);
        let certificate = self.director.certificate_der.clone();
        Ok(RegisterCertificate { participant, certificate, chain: vec![], possession }.into())
    }

    /// What `openssl cms -sign` does.
    pub(crate) fn sign(&self, document: &[u8]) -> Vec<u8> {
        self.director.sign_detached(document, self.now)
    }
}

pub(crate) fn seller() -> Result<Command, Box<dyn Error>> {
    company(SELLER)
}

pub(crate) fn buyer() -> Result<Command, Box<dyn Error>> {
    company(BUYER)
}

fn company((name, bin): (&str, &str)) -> Result<Command, Box<dyn Error>> {
    let command = RegisterParticipant {
        identity_kind: IdentityKind::Bin,
        number: bin.into(),
        name: name.into(),
        kind: ParticipantKind::LegalEntity,
        terms: "idocs-2021-10-11".parse()?,
    };
    Ok(command.into())
}

pub(crate) fn operator() -> Actor {
    Actor { capacity: Capacity::Operator, participant: None, user: None }
}

pub(crate) fn participant(id: ParticipantId) -> Actor {
    Actor { capacity: Capacity::Participant, participant: Some(id), user: None }
}

/// The id of what a command made.
pub(crate) fn made<T: FromStr>(kind: StreamKind, executed: &Executed) -> Result<T, Box<dyn Error>> {
    let made = executed.subjects.iter().find(|stream| stream.kind() == kind);
    made.and_then(|stream| stream.id().parse().ok()).ok_or_else(|| "the command made something else".into())
}

/// What a record says that happened.
pub(crate) fn event_type(leaf: &str) -> Result<String, Box<dyn Error>> {
    Ok(Record::decode(leaf.as_bytes())?.event_type.to_string())
}
