//! The five questions that a commission must answer (clause 9.15), each with what the evidence says. Facts, no
//! appraisal (clause 9.17).

use serde::Serialize;

use super::finding::{Code, EventRef, Outcome};
use super::verify::signatures::Judged;
use super::verify::{Case, Shown};
use crate::domain::event::Event;
use crate::id::LeafIndex;
use crate::signature::Verdict;

/// What the evidence says to a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Establishment {
    /// It shows the fact.
    Established,
    /// It does not show the fact.
    NotEstablished,
    /// It contradicts itself or the ledger.
    Contradicted,
    /// It does not suffice.
    Indeterminate,
}

/// One question with its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// `Q1` to `Q5`.
    pub question: &'static str,
    /// The question.
    pub text: &'static str,
    /// What the evidence says.
    pub answer: Establishment,
    /// The facts.
    pub statement: String,
    /// The records that they rest on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<EventRef>,
}

/// Answers the questions from what a verification has found.
pub(super) fn answer(case: &Case<'_>, judged: &[Judged]) -> Vec<Answer> {
    vec![composing(case), sending(case), authenticity(case, judged), signing(case, judged), identity(case, judged)]
}

fn of_type<'a>(case: &'a Case<'_>, is: impl Fn(&Event) -> bool + 'a) -> Vec<(LeafIndex, &'a Shown)> {
    let document = case.bundle.manifest.document;
    case.considered().filter(|(_, shown)| shown.event.document() == Some(document) && is(&shown.event)).collect()
}

fn references(records: &[(LeafIndex, &Shown)]) -> Vec<EventRef> {
    records.iter().map(|(index, shown)| EventRef { index: *index, id: Some(shown.record.id) }).collect()
}

/// Established unless a finding speaks against one of the records, or what is proven does not suffice.
fn fact(case: &Case<'_>, records: &[(LeafIndex, &Shown)]) -> Establishment {
    let document = crate::id::StreamId::document(case.bundle.manifest.document);
    if records.iter().any(|(index, _)| case.is_contradicted(*index)) || case.findings.iter().any(is_general_failure) {
        Establishment::Contradicted
    } else if records.is_empty() && case.streams.contains_key(&document) {
        Establishment::NotEstablished
    } else if records.is_empty() || case.has(Code::StreamMissing) {
        Establishment::Indeterminate
    } else {
        Establishment::Established
    }
}

fn is_general_failure(finding: &super::finding::Finding) -> bool {
    finding.outcome == Outcome::Fail && finding.event.is_none()
}

fn composing(case: &Case<'_>) -> Answer {
    let formed = of_type(case, |event| matches!(event, Event::DocumentFormed(_)));
    let statement = match formed.first() {
        Some((index, shown)) => format!("the document was formed; recorded at {} as leaf {index}", shown.record.at),
        None => "no record that the document was formed".to_owned(),
    };
    let text = "Was the document composed, and when?";
    Answer { question: "Q1", text, answer: fact(case, &formed), statement, events: references(&formed) }
}

fn sending(case: &Case<'_>) -> Answer {
    let sent = of_type(case, |event| matches!(event, Event::DocumentSent(_)));
    let opened = of_type(case, |event| matches!(event, Event::DeliveryOpened(_)));
    let accounted = of_type(case, |event| matches!(event, Event::DeliveryAccounted(_)));
    let not_received = of_type(case, |event| matches!(event, Event::DeliveryDeemedNotReceived(_)));
    let mut parts = Vec::new();
    match sent.first() {
        Some((_, shown)) => parts.push(format!("sent at {} to {} recipients", shown.record.at, opened.len())),
        None => parts.push("no record that it was sent".to_owned()),
    }
    for (_, shown) in &accounted {
        if let Event::DeliveryAccounted(event) = &shown.event {
            parts.push(format!("received by {} at {}", event.recipient, shown.record.at));
        }
    }
    for (_, shown) in &not_received {
        if let Event::DeliveryDeemedNotReceived(event) = &shown.event {
            parts.push(format!("deemed not received by {} at {}", event.recipient, shown.record.at));
        }
    }
    let records = [&*sent, &*accounted, &*not_received].concat();
    let text = "Was it sent and delivered, and when?";
    let answer = if sent.is_empty() { fact(case, &sent) } else { fact(case, &records) };
    Answer { question: "Q2", text, answer, statement: parts.join("; "), events: references(&records) }
}

fn authenticity(case: &Case<'_>, judged: &[Judged]) -> Answer {
    let formed = of_type(case, |event| matches!(event, Event::DocumentFormed(_)));
    let content = formed.first().and_then(|(index, _)| case.bundle.payload(*index, "content"));
    let over_document: Vec<&Judged> = judged.iter().filter(|one| one.over_document).collect();
    let same = over_document.iter().filter(|one| one.content_matches == Some(true)).count();
    let different = over_document.iter().filter(|one| one.content_matches == Some(false)).count();
    let (answer, statement) = match content {
        None => (Establishment::Indeterminate, "the content is not in the bundle".to_owned()),
        Some(_) if different > 0 => {
            (Establishment::Contradicted, format!("{different} signatures cover another content than the one shown"))
        }
        Some((_, content)) => {
            let digest = crate::digest::Digest::sha256(&[content]);
            (
                fact(case, &formed),
                format!("the content (SHA-256 {digest}) is the one recorded and covered by {same} signatures"),
            )
        }
    };
    let text = "Is the document authentic (unchanged)?";
    Answer { question: "Q3", text, answer, statement, events: references(&formed) }
}

fn signing(case: &Case<'_>, judged: &[Judged]) -> Answer {
    let over_document: Vec<&Judged> = judged.iter().filter(|one| one.over_document).collect();
    let verdicts = over_document.iter().map(|one| one.at_signing);
    let contradicted = over_document.iter().any(|one| case.is_contradicted(one.index));
    let answer = match Verdict::worst(verdicts) {
        _ if over_document.is_empty() => Establishment::NotEstablished,
        _ if contradicted => Establishment::Contradicted,
        Verdict::Passed => Establishment::Established,
        Verdict::Failed(_) => Establishment::Contradicted,
        Verdict::Indeterminate(_) => Establishment::Indeterminate,
    };
    let describe = |one: &&Judged| {
        let who = one.slot.map_or_else(|| "countersignature".to_owned(), |slot| format!("slot {slot}"));
        let state = match one.at_signing {
            Verdict::Passed => "valid",
            Verdict::Failed(_) => "not valid",
            Verdict::Indeterminate(_) => "not checked to the end",
        };
        let contested = if one.contested { ", contested (compromise reported)" } else { "" };
        format!("{who} by certificate {}: {state}{contested}", one.signed.certificate)
    };
    let mut statement = over_document.iter().map(describe).collect::<Vec<_>>().join("; ");
    if statement.is_empty() {
        "no signature over the document".clone_into(&mut statement);
    }
    let events = over_document.iter().map(|one| EventRef { index: one.index, id: Some(one.event) }).collect();
    Answer { question: "Q4", text: "Was it signed by these signatures?", answer, statement, events }
}

fn identity(case: &Case<'_>, judged: &[Judged]) -> Answer {
    let accounted = of_type(case, |event| matches!(event, Event::DeliveryAccounted(_)));
    let authentic = authenticity(case, judged).answer;
    let answer = if authentic == Establishment::Established { fact(case, &accounted) } else { authentic };
    let statement = match accounted.len() {
        0 => "no recipient has received the document".to_owned(),
        count => {
            format!("one content is recorded; {count} recipients were given it, and its signatures were checked then")
        }
    };
    let text = "Is what was received identical to what was sent?";
    Answer { question: "Q5", text, answer, statement, events: references(&accounted) }
}
