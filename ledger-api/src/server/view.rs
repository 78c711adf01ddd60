//! What a client sees: the ledger's answers as HTTP responses.

use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderName, HeaderValue,
    IF_NONE_MATCH, LOCATION,
};
use actix_web::{HttpRequest, HttpResponse};
use base64ct::{Base64, Encoding as _};
use ledger_core::digest::Digest;
use ledger_core::id::{StreamId, StreamKind};
use ledger_store::Executed;
use ledger_store::ledger::Content;
use serde::Serialize;
use serde_json::{Value, json};

use super::auth::{Grant, Role};

const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
const CONTENT_DIGEST: HeaderName = HeaderName::from_static("content-digest");

/// A view as JSON.
pub(super) fn shown(view: &impl Serialize) -> HttpResponse {
    HttpResponse::Ok().json(view)
}

/// What a command did. A repeated command gets the same body; only a header tells it from the first.
pub(super) fn executed(executed: &Executed) -> HttpResponse {
    let subject = |stream: &StreamId| json!({"kind": stream.kind().as_str(), "id": stream.id()});
    let main = executed.subjects.first();
    let body = json!({
        "id": main.map(StreamId::id),
        "kind": main.map(|stream| stream.kind().as_str()),
        "subjects": executed.subjects.iter().map(subject).collect::<Vec<_>>(),
        "events": executed.events,
        "receipts": executed.receipts,
    });
    let mut response = HttpResponse::Created().json(body);
    let headers = response.headers_mut();
    if let Some(place) = main.and_then(location).and_then(|place| HeaderValue::from_str(&place).ok()) {
        headers.insert(LOCATION, place);
    }
    if executed.replayed {
        headers.insert(REPLAYED, HeaderValue::from_static("true"));
    }
    response
}

fn location(stream: &StreamId) -> Option<String> {
    match stream.kind() {
        StreamKind::Document => Some(format!("/v1/documents/{}", stream.id())),
        StreamKind::Delivery => Some(format!("/v1/deliveries/{}", stream.id())),
        StreamKind::Participant => Some(format!("/v1/participants/{}", stream.id())),
        StreamKind::Key => Some(format!("/v1/compromises/{}/impact", stream.id())),
        StreamKind::Certificate | StreamKind::Dispute | StreamKind::Identity | StreamKind::Ledger => None,
    }
}

/// The answer to a dry run that found nothing against it.
pub(super) fn would_pass() -> HttpResponse {
    HttpResponse::Ok().json(json!({"dry_run": true, "would_pass": true}))
}

/// A new token: the only time that it is shown.
pub(super) fn token(token: &str, grant: &Grant) -> HttpResponse {
    let (role, participant) = match grant.role {
        Role::Participant(id) => ("participant", Some(id)),
        Role::Operator => ("operator", None),
        Role::Auditor => ("auditor", None),
    };
    let mut body = json!({"token": token, "user": grant.user, "role": role, "created_at": grant.created_at});
    if let (Some(id), Value::Object(members)) = (participant, &mut body) {
        members.insert("participant".to_owned(), id.to_string().into());
    }
    HttpResponse::Created().insert_header((CACHE_CONTROL, "no-store")).json(body)
}

/// The bytes of a document. They are somebody else's: a browser saves them and never runs them.
pub(super) fn content(request: &HttpRequest, content: &Content) -> HttpResponse {
    let etag = format!("\"sha256-{}\"", content.sha256);
    let unchanged = request.headers().get_all(IF_NONE_MATCH).any(|value| {
        value.to_str().is_ok_and(|value| value.split(',').any(|tag| tag.trim() == etag || tag.trim() == "*"))
    });
    if unchanged {
        return HttpResponse::NotModified().insert_header((ETAG, etag)).finish();
    }
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, content.media_type.as_str()))
        .insert_header((ETAG, etag))
        .insert_header((CONTENT_DIGEST, digest_field(&content.sha256)))
        .insert_header((CONTENT_DISPOSITION, "attachment"))
        .insert_header((CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'"))
        .insert_header((CACHE_CONTROL, "private, no-cache"))
        .body(content.bytes.clone())
}

/// RFC 9530 spelling of a SHA-256.
fn digest_field(sha256: &Digest) -> String {
    format!("sha-256=:{}:", Base64::encode_string(sha256.as_bytes()))
}

/// Bytes of ours, with their digest.
pub(super) fn bytes(media_type: &'static str, bytes: Vec<u8>) -> HttpResponse {
    let digest = Digest::sha256(&[&bytes]);
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, media_type))
        .insert_header((CONTENT_DIGEST, digest_field(&digest)))
        .body(bytes)
}

/// Bytes for a person to save under this name.
pub(super) fn file(media_type: &'static str, name: &'static str, content: Vec<u8>) -> HttpResponse {
    let mut response = bytes(media_type, content);
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
        response.headers_mut().insert(CONTENT_DISPOSITION, value);
    }
    response
}
