//! Refused attempts that share one record: beyond a number a minute, a participant's refusals are recorded together,
//! and the root of their list still proves each of them (format.md section 1).
//!
//! When a record is made for several is for the caller to say; here is what it says and how it is checked.

use serde::Serialize;

use crate::canonical;
use crate::domain::command::CommandKind;
use crate::domain::event::{CommandRefused, Event, NewEvent};
use crate::domain::participant::Participant;
use crate::domain::refusal::{Finding, Refusal};
use crate::id::{ParticipantId, RequestDigest};
use crate::log::merkle::{MerkleTree, leaf_hash};
use crate::time::Timestamp;

/// One refused attempt: an item of the list, as its canonical JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RefusedAttempt {
    /// When it was refused.
    pub at: Timestamp,
    /// All reasons.
    pub findings: Vec<Finding>,
    /// What was asked, under the ledger's secret: two attempts at the same thing have the same, and the list cannot
    /// be guessed from its root.
    pub request: RequestDigest,
}

impl RefusedAttempt {
    /// An attempt that was refused for these reasons.
    pub fn new(at: Timestamp, refusal: &Refusal, request: RequestDigest) -> Self {
        Self { at, findings: refusal.findings().to_vec(), request }
    }
}

/// The record of attempts of one participant at one kind of command. One attempt has the record that it would have
/// had alone; none has none.
pub fn refused(participant: ParticipantId, command: CommandKind, attempts: &[RefusedAttempt]) -> Option<NewEvent> {
    let findings = attempts.iter().flat_map(|attempt| attempt.findings.iter().cloned()).collect();
    let refusal = Refusal::of_all(findings)?;
    if attempts.len() == 1 {
        return Some(Participant::refused(participant, command, &refusal));
    }
    let mut details = Vec::new();
    for attempt in attempts {
        // Findings hold no text of the party, so they always have a canonical form.
        details.extend(canonical::encode(attempt).unwrap_or_default());
        details.push(b'\n');
    }
    let event = CommandRefused {
        participant,
        command,
        codes: refusal.codes(),
        attempts: u64::try_from(attempts.len()).unwrap_or(u64::MAX),
        root: Some(tree(&details).root()),
    };
    Some(NewEvent::new(Event::CommandRefused(event)).with("details", details))
}

/// The attempts in the `details` of a record that stands for several: one line each, without its line feed.
pub fn lines(details: &[u8]) -> impl Iterator<Item = &[u8]> {
    details.strip_suffix(b"\n").unwrap_or(details).split(|byte| *byte == b'\n')
}

/// The RFC 6962 tree over the attempts; a leaf is a line.
pub fn tree(details: &[u8]) -> MerkleTree {
    lines(details).map(leaf_hash).collect()
}

/// Whether the `details` hold the attempts that the record stands for. A record of one attempt has no list.
pub fn is_list_of(event: &CommandRefused, details: &[u8]) -> bool {
    event.root.is_none_or(|root| {
        let tree = tree(details);
        details.ends_with(b"\n") && tree.size().0 == event.attempts && tree.root() == root
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;
    use crate::domain::refusal::RefusalCode;
    use crate::id::LeafIndex;
    use crate::log::merkle::prove_inclusion;

    fn attempt(number: u64, code: RefusalCode) -> RefusedAttempt {
        let refusal = Refusal::of(Finding::new(code));
        RefusedAttempt::new(
            Timestamp::EPOCH.plus_ms(number),
            &refusal,
            RequestDigest::of_request(&[1; 32], &number.to_be_bytes()),
        )
    }

    fn aggregate(attempts: &[RefusedAttempt]) -> (CommandRefused, Vec<u8>) {
        let decided = refused(ParticipantId::from_random([7; 16]), CommandKind::SendDocument, attempts).unwrap();
        let Event::CommandRefused(event) = decided.event else { panic!("{decided:?}") };
        (event, decided.payloads[0].1.clone())
    }

    /// The root against RFC 6962 written out by hand.
    #[test]
    fn three_attempts_have_one_record_with_their_codes_and_the_root_of_their_lines() {
        let codes = [RefusalCode::RecipientSelf, RefusalCode::DocumentUnsigned, RefusalCode::RecipientSelf];
        let attempts: Vec<_> = (0..).zip(codes).map(|(number, code)| attempt(number, code)).collect();
        let (event, details) = aggregate(&attempts);
        assert_eq!(event.attempts, 3);
        assert_eq!(event.codes, [RefusalCode::DocumentUnsigned, RefusalCode::RecipientSelf]);
        let text = String::from_utf8(details.clone()).unwrap();
        let leaves: Vec<_> = text.lines().map(|line| Digest::sha256(&[&[0], line.as_bytes()])).collect();
        let left = Digest::sha256(&[&[1], leaves[0].as_bytes(), leaves[1].as_bytes()]);
        assert_eq!(event.root, Some(Digest::sha256(&[&[1], left.as_bytes(), leaves[2].as_bytes()])));
        assert!(text.starts_with("{\"at\":\"1970-01-01T00:00:00.000Z\",\"findings\":[{"), "{text}");
        assert!(is_list_of(&event, &details));
    }

    #[test]
    fn each_attempt_has_a_proof_and_a_changed_one_has_none() {
        for count in 2..20 {
            let attempts: Vec<_> = (0..count).map(|number| attempt(number, RefusalCode::DocumentState)).collect();
            let (event, details) = aggregate(&attempts);
            let (tree, root) = (tree(&details), event.root.unwrap());
            for (index, line) in (0..).zip(lines(&details)) {
                let proof = prove_inclusion::<crate::log::merkle::Sha256Tree>(&tree, LeafIndex(index), tree.size());
                let proof = proof.unwrap();
                assert_eq!(proof.verify(&leaf_hash(line), &root), Ok(()));
                assert!(proof.verify(&leaf_hash(&[line, b" "].concat()), &root).is_err());
            }
        }
    }

    #[test]
    fn a_list_with_an_attempt_more_less_or_changed_is_not_the_records() {
        let (event, details) = aggregate(&[1, 2, 3].map(|number| attempt(number, RefusalCode::DocumentState)));
        let line = lines(&details).next().unwrap().to_vec();
        assert!(!is_list_of(&event, &[&details[..], &line, b"\n"].concat()));
        assert!(!is_list_of(&event, &details[line.len() + 1..]));
        assert!(!is_list_of(&event, &details[..details.len() - 1]));
        for index in 0..details.len() {
            let mut changed = details.clone();
            changed[index] ^= 1;
            assert!(!is_list_of(&event, &changed), "byte {index}");
        }
    }

    #[test]
    fn one_attempt_has_the_record_that_it_would_have_had_alone() {
        let one = attempt(1, RefusalCode::DocumentState);
        let (participant, refusal) =
            (ParticipantId::from_random([7; 16]), Refusal::of(Finding::new(RefusalCode::DocumentState)));
        let alone = Participant::refused(participant, CommandKind::SendDocument, &refusal);
        assert_eq!(refused(participant, CommandKind::SendDocument, &[one]), Some(alone));
        assert_eq!(refused(participant, CommandKind::SendDocument, &[]), None);
    }
}
