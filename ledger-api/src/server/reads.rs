//! The reads: views, contents, journals, reports. What a caller may not see is not there.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, web};
use ledger_core::digest::Digest;
use ledger_core::domain::command::{CommandKind, ConfirmReceiptDelivered};
use ledger_core::domain::event::Format;
use ledger_core::id::{CertificateId, DeliveryId, DocumentId, EventId, KeyId, LeafIndex, ParticipantId};
use ledger_core::projection::journal::Direction;
use ledger_core::record::{Actor, Capacity};
use ledger_store::LedgerError;
use serde_json::{Value, json};

use super::auth::{Caller, Role};
use super::json::{parsed, text};
use super::problem::{Edge, Problem};
use super::request::{CONTENT_BYTES_MAX, Id, OWN_KEYS, PAGE_ITEMS_MAX, Query, SMALL_BYTES_MAX};
use super::{Answer, State, view};

/// `GET /v1/participants/{id}`
pub(super) async fn participant(caller: Caller, state: web::Data<State>, Id(id): Id<ParticipantId>) -> Answer {
    owned(caller, id)?;
    found(state.ledger.participant(id, caller.viewer()).await?.as_ref())
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
    let view = state.ledger.certificate(certificate, caller.viewer()).await?.filter(|view| view.participant == id);
    found(view.as_ref())
}

/// `GET /v1/participants/{id}/possession`: the bytes whose signature proves that a key is the participant's.
pub(super) async fn possession(caller: Caller, state: web::Data<State>, Id(id): Id<ParticipantId>) -> Answer {
    owned(caller, id)?;
    state.ledger.participant(id, caller.viewer()).await?.ok_or_else(Problem::not_found)?;
    Ok(view::bytes("application/octet-stream", state.ledger.possession_statement(id)?))
}

/// `GET /v1/participants/{id}/refusals?after=&limit=`: "I tried at T, and it was refused because", with proofs (5.3.6).
pub(super) async fn refusals(
    caller: Caller,
    state: web::Data<State>,
    Id(id): Id<ParticipantId>,
    mut query: Query,
) -> Answer {
    owned(caller, id)?;
    let limit = usize::try_from(query.limit()).unwrap_or(1);
    let after = query.cursor();
    query.build(Some(()))?;
    let found = state.ledger.refusals(id, caller.viewer(), after.map(LeafIndex), limit).await?;
    let found = found.ok_or_else(Problem::not_found)?;
    let next = found.last().map(|entry| entry.position.0);
    Ok(page(found, next))
}

/// `GET /v1/documents?after=&limit=`
pub(super) async fn documents(caller: Caller, state: web::Data<State>, mut query: Query) -> Answer {
    let limit = query.limit();
    let after = query.cursor();
    query.build(Some(()))?;
    let found = state.ledger.documents(caller.viewer(), after.map(LeafIndex), limit).await?;
    let next = found.last().map(|(index, _)| index.0);
    Ok(page(found.into_iter().map(|(_, view)| view), next))
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

/// `GET /v1/documents/{id}/timeline`
pub(super) async fn timeline(caller: Caller, state: web::Data<State>, Id(id): Id<DocumentId>) -> Answer {
    let view = state.ledger.document(id, caller.viewer()).await?.ok_or_else(Problem::not_found)?;
    Ok(view::shown(&json!({"items": view.timeline})))
}

/// `GET /v1/documents/{id}/signatures`: who signed and countersigned, with what came of the checks.
pub(super) async fn signatures(caller: Caller, state: web::Data<State>, Id(id): Id<DocumentId>) -> Answer {
    let view = state.ledger.document(id, caller.viewer()).await?.ok_or_else(Problem::not_found)?;
    let signed = view.slots.iter().filter_map(|slot| slot.signature.as_ref());
    let answered = view.deliveries.iter().filter_map(|delivery| delivery.countersignature.as_ref());
    Ok(view::shown(&json!({"items": signed.chain(answered).collect::<Vec<_>>()})))
}

/// `GET /v1/documents/{id}/assessment`: the four conditions (clause 5.2.3) for each signature and recipient.
pub(super) async fn assessment(caller: Caller, state: web::Data<State>, Id(id): Id<DocumentId>) -> Answer {
    found(state.ledger.assessment(id, caller.viewer()).await?.as_ref())
}

/// `GET /v1/documents/{id}/evidence`: the bundle that an offline verifier checks.
pub(super) async fn evidence(caller: Caller, state: web::Data<State>, Id(id): Id<DocumentId>) -> Answer {
    state.ledger.document(id, caller.viewer()).await?.ok_or_else(Problem::not_found)?;
    Ok(view::file("application/zip", "evidence.zip", state.ledger.export(id, caller.viewer()).await?))
}

/// `GET /v1/documents/{id}/signatures/{event}`: one CMS, untouched.
pub(super) async fn signature(
    caller: Caller,
    state: web::Data<State>,
    Id(id): Id<DocumentId>,
    request: HttpRequest,
) -> Answer {
    let event: EventId = path(&request, "event")?;
    let view = state.ledger.document(id, caller.viewer()).await?.ok_or_else(Problem::not_found)?;
    // The event belongs to this document: a URL does not pretend otherwise.
    view.timeline.iter().find(|entry| entry.event.event == event).ok_or_else(Problem::not_found)?;
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
        && state.ledger.delivery(id, caller.viewer()).await?.is_some_and(|view| view.sender == participant)
    {
        let actor = Actor { capacity: Capacity::Participant, participant: Some(participant), user: Some(caller.user) };
        let key = format!("{OWN_KEYS}receipt:{id}");
        let command = ConfirmReceiptDelivered { delivery: id };
        match state.ledger.execute(&actor, &key, command.into()).await {
            // Refused: the delivery is recorded already.
            Ok(_) | Err(LedgerError::Refused(_) | LedgerError::CommandReused) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(view::shown(&notice))
}

/// `GET /v1/deliveries/{id}/statement?act=&reason_sha256=`: the bytes that a party signs for an act on a delivery.
///
/// A reason is somebody's text and URLs stand in logs, so the statement is asked for with the reason's SHA-256.
pub(super) async fn statement_of_act(
    caller: Caller,
    state: web::Data<State>,
    Id(id): Id<DeliveryId>,
    mut query: Query,
) -> Answer {
    let act = query.0.required("act", "an act that is signed by a statement, for example recall", |json| {
        let word = text(json)?;
        CommandKind::ALL.iter().copied().find(|kind| kind.as_str() == word)
    });
    let reason: Option<Digest> = query.0.optional("reason_sha256", "64 lower-case hex digits", parsed);
    let act = query.build(act)?;
    let bytes = state.ledger.statement(id, act, "", caller.viewer()).await?.ok_or_else(Problem::not_found)?;
    let mut members: BTreeMap<String, Value> = serde_json::from_slice(&bytes).map_err(Problem::internal)?;
    if let Some(place) = members.get_mut("reason_sha256") {
        let reason = reason.ok_or_else(|| Problem::with_detail(Edge::QueryInvalid, "this act needs reason_sha256"))?;
        *place = json!(reason);
    }
    let bytes = ledger_core::canonical::encode(&members).map_err(Problem::internal)?;
    Ok(view::bytes("application/octet-stream", bytes))
}

/// `GET /v1/journals/{incoming,outgoing}?year=` (clause 5.3.7)
pub(super) async fn journal(caller: Caller, state: web::Data<State>, mut query: Query, request: HttpRequest) -> Answer {
    let direction = match request.match_info().get("direction") {
        Some("incoming") => Direction::Incoming,
        Some("outgoing") => Direction::Outgoing,
        _ => return Err(Problem::not_found()),
    };
    let limit = query.limit();
    let year = query.0.required("year", "a year, for example 2026", parsed);
    let after = query.cursor();
    let participant = match caller.role {
        Role::Participant(id) => Some(id),
        Role::Operator | Role::Auditor => query.0.required("participant", "a participant id", parsed),
    };
    let (year, participant) = query.build(year.zip(participant))?;
    let found = state.ledger.journal(participant, direction, year, after, limit).await?;
    let next = found.last().map(|entry| entry.number);
    Ok(page(found, next))
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

/// A page of a list; without `next` it is the last.
fn page<T: serde::Serialize>(items: impl IntoIterator<Item = T>, next: Option<u64>) -> HttpResponse {
    let mut body = json!({"items": items.into_iter().collect::<Vec<T>>()});
    if let (Some(next), Value::Object(members)) = (next, &mut body) {
        members.insert("next".to_owned(), next.into());
    }
    view::shown(&body)
}

/// Another path parameter than the id.
pub(super) fn path<T: std::str::FromStr>(request: &HttpRequest, name: &str) -> Result<T, Problem> {
    request.match_info().get(name).and_then(|text| text.parse().ok()).ok_or_else(Problem::not_found)
}
