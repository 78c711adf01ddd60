//! Rules that several aggregates share: who asks, and texts of people.

use crate::domain::Circumstances;
use crate::domain::refusal::{Detail, Finding, RefusalCode};
use crate::id::ParticipantId;
use crate::record::Capacity;

/// Names and titles: a line that fits on a form.
pub(crate) const LINE_CHARS_MAX: usize = 300;
/// Reasons and reservations: a few pages.
pub(crate) const TEXT_CHARS_MAX: usize = 10_000;

impl Circumstances {
    /// Whether the participant itself asks.
    pub(crate) fn is_participant(&self, participant: ParticipantId) -> bool {
        self.actor.capacity == Capacity::Participant && self.actor.participant == Some(participant)
    }

    /// Whether the operator or the ledger itself asks.
    pub(crate) fn is_operator_or_system(&self) -> bool {
        matches!(self.actor.capacity, Capacity::Operator | Capacity::System)
    }

    /// Only the participant may.
    pub(crate) fn require_participant(&self, participant: ParticipantId, findings: &mut Vec<Finding>) {
        if !self.is_participant(participant) {
            findings.push(Finding::new(RefusalCode::NotTheOwner));
        }
    }

    /// Only the operator may.
    pub(crate) fn require_operator(&self, findings: &mut Vec<Finding>) {
        if self.actor.capacity != Capacity::Operator {
            findings.push(Finding::new(RefusalCode::OperatorOnly));
        }
    }
}

/// One line: not blank, not too long, nothing that a reader cannot see.
pub(crate) fn check_line(field: &str, text: &str, findings: &mut Vec<Finding>) {
    check(field, text, LINE_CHARS_MAX, |_| false, findings);
}

/// Several lines: as [`check_line`], with line ends and tabs.
pub(crate) fn check_text(field: &str, text: &str, findings: &mut Vec<Finding>) {
    check(field, text, TEXT_CHARS_MAX, |character| matches!(character, '\n' | '\r' | '\t'), findings);
}

fn check(field: &str, text: &str, max: usize, allowed: fn(char) -> bool, findings: &mut Vec<Finding>) {
    let length = text.chars().count();
    if length > max {
        let limit = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let detail = Detail::Limit { max: limit(max), given: limit(length) };
        findings.push(Finding::at(RefusalCode::RequisitesMissing, field).with(detail));
    } else if text.trim().is_empty() || text.chars().any(|one| is_unreadable(one) && !allowed(one)) {
        findings.push(Finding::at(RefusalCode::RequisitesMissing, field));
    }
}

/// Control characters and noncharacters, which canonical JSON does not carry, and the marks that turn the direction
/// of writing, by which a title can be made to look like another.
fn is_unreadable(character: char) -> bool {
    let code = u32::from(character);
    character.is_control()
        || (0xFDD0..=0xFDEF).contains(&code)
        || code & 0xFFFE == 0xFFFE
        || matches!(character, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_what_a_reader_can_see() {
        for (text, good) in [
            ("Договор поставки № 7", true),
            ("x", true),
            (" ", false),
            ("", false),
            ("a\nb", false),
            ("a\u{202E}fdp.exe", false),
            ("a\u{FFFF}", false),
            ("a\u{1FFFE}", false),
            (&"x".repeat(300), true),
            (&"x".repeat(301), false),
        ] {
            let mut findings = vec![];
            check_line("title", text, &mut findings);
            assert_eq!(findings.is_empty(), good, "{text:?}");
        }
    }

    #[test]
    fn a_text_may_have_lines() {
        let mut findings = vec![];
        check_text("reason", "a\r\n\tb", &mut findings);
        assert_eq!(findings, []);
        check_text("reason", "a\u{0}", &mut findings);
        assert_eq!(findings.len(), 1);
    }
}
