//! What the ledger knows afterwards: timeline, journals, four conditions, affected documents.

use ledger_core::id::{DocumentId, ParticipantId};
use ledger_core::projection::Viewer;
use ledger_core::projection::conditions::{Assessment, Condition, Finding, FourConditions};
use ledger_core::projection::impact::AffectedSignature;
use ledger_core::projection::journal::{Direction, JournalEntry, journal_year};
use ledger_core::projection::timeline::TimelineEntry;
use ledger_core::record::Capacity;
use ledger_core::time::Timestamp;
use ledger_store::{Ledger, LedgerError};

use super::cast::{BUYER, SELLER};
use super::screen::{Cell, Paint, Screen, painted};
use super::story::Story;
use super::{DemoError, now};

/// More than the demo has of anything.
const ROWS: u32 = 100;

pub(super) async fn show(ledger: &Ledger, story: &Story, screen: &mut Screen<'_>) -> Result<(), DemoError> {
    timeline(ledger, story, screen).await?;
    journals(ledger, story, screen).await?;
    conditions(ledger, story, screen).await?;
    impact(ledger, story, screen).await
}

async fn timeline(ledger: &Ledger, story: &Story, screen: &mut Screen<'_>) -> Result<(), DemoError> {
    screen.heading("Timeline of the contract")?;
    let view = ledger.document(story.contract, Viewer::Operator).await;
    let view = found(view, "the contract")?;
    let row = |entry: &TimelineEntry| {
        let actor = match entry.actor {
            Capacity::Participant => "participant",
            Capacity::Operator => "operator",
            Capacity::System => "ledger",
        };
        vec![
            entry.event.index.to_string().into(),
            time(entry.event.at).into(),
            actor.into(),
            painted(Paint::Dim, entry.clauses.join(", ")),
            // The times of a compromise have a table of their own below.
            entry.text.split(" since ").next().unwrap_or_default().into(),
        ]
    };
    let rows: Vec<_> = view.timeline.iter().map(row).collect();
    screen.table(&["leaf", "recorded at", "by", "clauses", "what happened"], &rows)?;
    Ok(())
}

async fn journals(ledger: &Ledger, story: &Story, screen: &mut Screen<'_>) -> Result<(), DemoError> {
    for (participant, company, direction, what) in [
        (story.seller, SELLER.name, Direction::Outgoing, "Outgoing"),
        (story.buyer, BUYER.name, Direction::Incoming, "Incoming"),
    ] {
        let year = journal_year(now()?);
        screen.heading(&format!("{what} journal of {company}, {year}"))?;
        let lines = ledger.journal(participant, direction, year, None, ROWS).await;
        let lines = lines.map_err(|source| DemoError::Ledger { what: "show a journal".into(), source })?;
        let row = |entry: &JournalEntry| {
            vec![entry.number.to_string().into(), time(entry.event.at).into(), title(story, entry.document).into()]
        };
        let rows: Vec<_> = lines.iter().map(row).collect();
        screen.table(&["no.", "recorded at", "document"], &rows)?;
    }
    screen.note("Numbers follow from the order of the log: no gaps, and a replay gives the same.")?;
    Ok(())
}

fn name(story: &Story, participant: ParticipantId) -> &'static str {
    if participant == story.seller { SELLER.name } else { BUYER.name }
}

fn title(story: &Story, document: DocumentId) -> String {
    let known = story.titles.iter().find(|(id, _)| *id == document);
    known.map_or_else(|| document.to_string(), |(_, title)| title.clone())
}

fn found<T>(answer: Result<Option<T>, LedgerError>, what: &str) -> Result<T, DemoError> {
    let answer = answer.map_err(|source| DemoError::Ledger { what: format!("show {what}"), source })?;
    answer.ok_or_else(|| DemoError::Unexpected(format!("{what} to be there")))
}

/// As people read it, and with its zone.
fn time(at: Timestamp) -> String {
    at.to_string().replace('T', " ").replace('Z', " UTC")
}

async fn conditions(ledger: &Ledger, story: &Story, screen: &mut Screen<'_>) -> Result<(), DemoError> {
    screen.heading("Four conditions of clause 5.2.3 for the contract, per signature and recipient")?;
    let assessed = found(ledger.assessment(story.contract, Viewer::Operator).await, "the four conditions")?;
    let condition = |condition: &Condition| match condition.finding {
        Finding::Established => painted(Paint::Good, condition.finding.as_str()),
        Finding::NotEstablished => painted(Paint::Bad, condition.finding.as_str()),
        Finding::Indeterminate => painted(Paint::Warning, condition.finding.as_str()),
    };
    let row = |signature: &FourConditions| {
        let slot = signature.slot.map_or_else(|| "countersignature".into(), |slot| format!("slot {slot}"));
        let mut row: Vec<Cell> = vec![name(story, signature.signer).into(), slot.into()];
        row.extend(signature.conditions.iter().map(condition));
        row.push(match signature.assessment {
            Assessment::Indisputable => painted(Paint::Good, signature.assessment.as_str()),
            Assessment::Contested | Assessment::Indeterminate => painted(Paint::Warning, signature.assessment.as_str()),
            Assessment::NotEstablished => painted(Paint::Bad, signature.assessment.as_str()),
        });
        row
    };
    let rows: Vec<_> = assessed.iter().map(row).collect();
    let head = ["signer", "signature", "5.2.3.1", "5.2.3.2", "5.2.3.3", "5.2.3.4", "together"];
    screen.table(&head, &rows)?;
    screen.note(
        "5.2.3.1 authentic, 5.2.3.2 certificate in force at both moments, 5.2.3.3 received, 5.2.3.4 by the agreement",
    )?;
    Ok(())
}

async fn impact(ledger: &Ledger, story: &Story, screen: &mut Screen<'_>) -> Result<(), DemoError> {
    screen.heading("Documents that the compromise touches")?;
    let report = ledger.impact(story.compromised, Viewer::Operator).await;
    let report = found(report, "the impact report")?;
    for notice in &report.history.notices {
        screen.note(&format!("claimed since {}", time(notice.claimed_since)))?;
        screen.note(&format!("notice received {} by {}", time(notice.received_at), notice.channel))?;
    }
    if let Some(suspended) = report.history.suspended {
        screen.note(&format!("key suspended {}", time(suspended.at)))?;
    }
    let row = |signature: &AffectedSignature| {
        let window = match signature.window {
            None => painted(Paint::Dim, "no notice"),
            Some(window) if window.is_contested() => painted(Paint::Warning, window.as_str()),
            Some(window) => painted(Paint::Good, window.as_str()),
        };
        let recipients = signature.deliveries.iter().map(|delivery| name(story, delivery.recipient));
        vec![
            title(story, signature.document).into(),
            time(signature.signed.at).into(),
            recipients.collect::<Vec<_>>().join(", ").into(),
            window,
        ]
    };
    let rows: Vec<_> = report.signatures.iter().map(row).collect();
    screen.table(&["document", "signed at", "delivered to", "the signature was made"], &rows)?;
    screen.note("Nothing becomes invalid by itself: the report states facts for the parties (clauses 8.4, 8.10).")?;
    Ok(())
}
