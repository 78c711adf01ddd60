//! What anybody needs to hold the operator to its word: checkpoints, proofs, genesis, trust; and extracts for those concerned.

use actix_web::{HttpRequest, web};
use base64ct::{Base64, Encoding as _};
use ledger_core::id::{DeliveryId, DocumentId, LeafIndex, StreamId, StreamKind, TreeSize};
use ledger_store::LedgerError;
use ledger_store::ledger::TrustFile;
use serde_json::{Value, json};

use super::auth::{Caller, Role};
use super::json::parsed;
use super::problem::Problem;
use super::request::Query;
use super::{Answer, State, reads, view};

/// `GET /v1/ledger/head`
pub(super) async fn head(state: web::Data<State>) -> Answer {
    Ok(view::shown(&json!({
        "origin": state.ledger.origin(),
        "verifier_key": state.ledger.verifier_key().to_string(),
        "checkpoint": state.ledger.checkpoint(),
    })))
}

/// `GET /v1/ledger/checkpoints/latest`: the signed note itself.
pub(super) async fn checkpoint(state: web::Data<State>) -> Answer {
    Ok(view::bytes("text/plain; charset=utf-8", state.ledger.checkpoint().into_bytes()))
}

/// `GET /v1/ledger/genesis`: leaf 0, whose hash verifiers pin.
pub(super) async fn genesis(state: web::Data<State>) -> Answer {
    let leaf = state.ledger.store().read(LeafIndex(0)).map_err(LedgerError::from)?;
    Ok(view::bytes("application/json", leaf.ok_or_else(Problem::not_found)?))
}

/// `GET /v1/ledger/trust-bundle`: what a verifier pins. Compare it with what you got by another way.
pub(super) async fn trust_bundle(state: web::Data<State>) -> Answer {
    let files = state.ledger.export_trust();
    let file = |file: TrustFile| json!({"name": file.name, "content_base64": Base64::encode_string(&file.bytes)});
    Ok(view::shown(&json!({"files": files.into_iter().map(file).collect::<Vec<Value>>()})))
}

/// `GET /v1/ledger/proofs/inclusion?index=&size=`
pub(super) async fn inclusion(state: web::Data<State>, mut query: Query) -> Answer {
    let index = query.0.required("index", "a leaf index", parsed).map(LeafIndex);
    let size = query.0.optional("size", "a tree size", parsed).map(TreeSize);
    let index = query.build(index)?;
    Ok(view::shown(&state.ledger.prove_inclusion(index, size)?))
}

/// `GET /v1/ledger/proofs/consistency?old=&new=`
pub(super) async fn consistency(state: web::Data<State>, mut query: Query) -> Answer {
    let old = query.0.required("old", "a tree size", parsed).map(TreeSize);
    let new = query.0.required("new", "a tree size", parsed).map(TreeSize);
    let (old, new) = query.build(old.zip(new))?;
    Ok(view::shown(&state.ledger.prove_consistency(old, new)?))
}

/// `GET /v1/ledger/streams/{kind}/{id}`: a stream with the proof that nothing is left out.
///
/// A stream shows everyone that it concerns. So participants get their own stream, the deliveries they are a party of
/// and the documents they sent; a recipient of a document gets the evidence bundle instead.
pub(super) async fn stream(caller: Caller, state: web::Data<State>, request: HttpRequest) -> Answer {
    let (kind, id): (String, String) = (reads::path(&request, "kind")?, reads::path(&request, "id")?);
    let stream = StreamId::parse(&kind, &id).map_err(|_| Problem::not_found())?;
    if let Role::Participant(own) = caller.role {
        let visible = match stream.kind() {
            StreamKind::Participant => stream == StreamId::participant(own),
            StreamKind::Delivery => {
                let id: DeliveryId = reads::path(&request, "id")?;
                state.ledger.delivery(id, caller.viewer()).await?.is_some()
            }
            StreamKind::Document => {
                let id: DocumentId = reads::path(&request, "id")?;
                state.ledger.document(id, caller.viewer()).await?.is_some_and(|view| view.sender == own)
            }
            StreamKind::Ledger => true,
            StreamKind::Certificate | StreamKind::Dispute | StreamKind::Identity | StreamKind::Key => false,
        };
        if !visible {
            return Err(Problem::not_found());
        }
    }
    Ok(view::shown(&state.ledger.extract(&stream).await?))
}

/// `GET /livez`: the process answers.
pub(super) async fn livez() -> &'static str {
    "ok\n"
}

/// `GET /readyz`: the ledger answers.
pub(super) async fn readyz(state: web::Data<State>) -> Answer {
    state.ledger.status().await?;
    Ok(view::bytes("text/plain; charset=utf-8", b"ok\n".to_vec()))
}

/// `GET /v1/status`; the services outside are shown to those who must look after them.
pub(super) async fn status(caller: Caller, state: web::Data<State>) -> Answer {
    let mut status = state.ledger.status().await?;
    if matches!(caller.role, Role::Participant(_)) {
        status.services = None;
    }
    Ok(view::shown(&status))
}
