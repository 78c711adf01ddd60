//! The reads: views, contents, journals, reports. What a caller may not see is not there.

use actix_web::{HttpRequest, HttpResponse, web};
use ledger_core::domain::event::Format;
use ledger_core::domain::statement;
use ledger_core::id::{CertificateId, DeliveryId, DocumentId, EventId, KeyId, ParticipantId};
use ledger_core::record::{Actor, Capacity};
use ledger_store::ledger::{Direction, LedgerError};
use serde_json::{Value, json};

use super::auth::{Caller, Role};
use super::json::{Json, parsed, text};
use super::problem::Problem;
use super::request::{CONTENT_BYTES_MAX, Id, OWN_KEYS, PAGE_ITEMS_MAX, Query, SMALL_BYTES_MAX};
use super::{Answer, State, view};

/// `GET /v1/participants/{id}`
pub(super) async fn participant(caller: Caller, state: web::Data<State>, Id(id): Id<ParticipantId>) -> Answer {
    owned(caller, id)?;
    found(state.ledger.participant(id).await?.as_ref())
}

/// `GET /v1/participants/{id}/certificates/{cid}`
pub(super) async fn certificate(
    caller: Caller,
    state: web::Data<State>,
    Id(id): Id<ParticipantId>,
    request: HttpRequest,
) -> Answer {
    owned(caller, id)?;
    let certificate: CertificateId = path(&request, "cid")?;
    let view = state.ledger.certificate(certificate).await?.filter(|view| view.participant == id);
    found(view.as_ref())
}

/// `GET /v1/participants/{id}/possession`: the bytes whose signature proves that a key is the participant's.
pub(super) async fn possession(caller: Caller, state: web::Data<State>, Id(id): Id<ParticipantId>) -> Answer {
    owned(caller, id)?;
    state.ledger.participant(id).await?.ok_or_else(Problem::not_found)?;
    Ok(view::bytes("application/octet-stream", statement::possession(state.ledger.origin(), id)))
}

/// `GET /v1/documents?after=&limit=`
pub(super) async fn documents(caller: Caller, state: web::Data<State>, mut query: Query) -> Answer {
    let limit = query.limit();
    let after = query.0.optional("after", "the next of the page before", parsed);
    query.build(Some(()))?;
    Ok(page(&state.ledger.documents(caller.viewer(), after, limit).await?))
}

/// `GET /v1/documents/{id}`
pub(super) async fn document(caller: Caller, state: web::Data<State>, Id(id): Id<DocumentId>) -> Answer {
    found(state.ledger.document(id, caller.viewer()).await?.as_ref())
}

/// `GET /v1/documents/{id}/content`
pub(super) async fn content(
    caller: Caller,
    state: web::Data<State>,
    Id(id): Id<DocumentId>,
    request: HttpRequest,
) -> Answer {
    let content = state.ledger.content(id, caller.viewer()).await?.ok_or_else(Problem::not_found)?;
    Ok(view::content(&request, &content))
}

/// `GET /v1/documents/{id}/assessment`: the four conditions (clause 5.2.3) for each signature and recipient.
pub(super) async fn assessment(caller: Caller, state: web::Data<State>, Id(id): Id<DocumentId>) -> Answer {
    found(state.ledger.assessment(id, caller.viewer()).await?.as_ref())
}

/// `GET /v1/documents/{id}/evidence`: the bundle that an offline verifier checks.
pub(super) async fn evidence(caller: Caller, state: web::Data<State>, Id(id): Id<DocumentId>) -> Answer {
    state.ledger.document(id, caller.viewer()).await?.ok_or_else(Problem::not_found)?;
    Ok(view::file("application/zip", "evidence.zip", state.ledger.export(id).await?))
}

/// `GET /v1/documents/{id}/signatures/{event}`: one CMS, untouched.
pub(super) async fn signature(
    caller: Caller,
    state: web::Data<State>,
    Id(_): Id<DocumentId>,
    request: HttpRequest,
) -> Answer {
    let event: EventId = path(&request, "event")?;
    let cms = state.ledger.signature(event, caller.viewer()).await?.ok_or_else(Problem::not_found)?;
    Ok(view::file("application/pkcs7-signature", "signature.p7s", cms))
}

/// `GET /v1/deliveries/{id}`
pub(super) async fn delivery(caller: Caller, state: web::Data<State>, Id(id): Id<DeliveryId>) -> Answer {
    found(state.ledger.delivery(id, caller.viewer()).await?.as_ref())
}

/// `GET /v1/deliveries/{id}/receipt`: the notice to the sender; fetched by the sender, it counts as delivered (5.2.4).
pub(super) async fn receipt(caller: Caller, state: web::Data<State>, Id(id): Id<DeliveryId>) -> Answer {
    let notice = state.ledger.receipt_notice(id, caller.viewer()).await?.ok_or_else(Problem::not_found)?;
    if let Role::Participant(participant) = caller.role
        && participant == notice.sender
    {
        let actor = Actor { capacity: Capacity::Participant, participant: Some(participant), user: Some(caller.user) };
        let key = format!("{OWN_KEYS}receipt:{id}");
        let command = ledger_core::domain::command::ConfirmReceiptDelivered { delivery: id };
        match state.ledger.execute(&actor, &key, command.into()).await {
            // Refused: the delivery is recorded already.
            Ok(_) | Err(LedgerError::Refused(_) | LedgerError::CommandReused) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(view::shown(&notice))
}

/// `GET /v1/journals/{incoming,outgoing}?year=` (clause 5.3.7)
pub(super) async fn journal(
    caller: Caller,
    state: web::Data<State>,
    mut query: Query,
    request: HttpRequest,
) -> Answer {
    let direction = match request.match_info().get("direction") {
        Some("incoming") => Direction::Incoming,
        Some("outgoing") => Direction::Outgoing,
        _ => return Err(Problem::not_found()),
    };
    let limit = query.limit();
    let year = query.0.required("year", "a year, for example 2026", parsed);
    let after = query.0.optional("after", "the next of the page before", parsed);
    let participant = match caller.role {
        Role::Participant(id) => Some(id),
        Role::Operator | Role::Auditor => query.0.required("participant", "a participant id", parsed),
    };
    let (year, participant) = query.build(year.zip(participant))?;
    Ok(page(&state.ledger.journal(participant, direction, year, after, limit).await?))
}

/// `GET /v1/compromises/{key}/impact`: the documents that a compromise concerns.
pub(super) async fn impact(caller: Caller, state: web::Data<State>, Id(key): Id<KeyId>) -> Answer {
    found(state.ledger.impact(key, caller.viewer()).await?.as_ref())
}

/// `GET /v1/limits`: what this service accepts.
pub(super) async fn limits() -> HttpResponse {
    let formats: Vec<&str> = Format::ALL.iter().map(|format| format.as_str()).collect();
    view::shown(&json!({
        "content_bytes_max": CONTENT_BYTES_MAX,
        "body_bytes_max": SMALL_BYTES_MAX,
        "page_items_max": PAGE_ITEMS_MAX,
        "formats": formats,
    }))
}

/// A participant is there for itself, the operator and auditors only.
fn owned(caller: Caller, id: ParticipantId) -> Result<(), Problem> {
    if caller.sees(id) { Ok(()) } else { Err(Problem::not_found()) }
}

fn found(view: Option<&impl serde::Serialize>) -> Answer {
    view.map(|view| view::shown(view)).ok_or_else(Problem::not_found)
}

fn page<T: serde::Serialize>(page: &ledger_store::ledger::Page<T>) -> HttpResponse {
    view::shown(&json!({"items": page.items, "next": page.next}))
}

/// Another path parameter than the id.
pub(super) fn path<T: std::str::FromStr>(request: &HttpRequest, name: &str) -> Result<T, Problem> {
    request.match_info().get(name).and_then(|text| text.parse().ok()).ok_or_else(Problem::not_found)
}
