//! The feed: every record that the caller may see, by global position.
//!
//! For auditors and the operator it has no gaps; for a participant gaps are the records of others, and normal.

use actix_web::{HttpResponse, web};
use ledger_core::id::LeafIndex;
use serde::Serialize;
use serde_json::value::RawValue;

use super::auth::Caller;
use super::problem::Problem;
use super::request::Query;
use super::{Answer, State};

#[derive(Serialize)]
struct Item {
    position: u64,
    record: Box<RawValue>,
}

#[derive(Serialize)]
struct Feed {
    items: Vec<Item>,
    /// The position to ask after next time: of the last item, or as asked when nothing is new.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<u64>,
}

/// `GET /v1/events?after=&limit=`
pub(super) async fn events(caller: Caller, state: web::Data<State>, mut query: Query) -> Answer {
    let limit = query.limit();
    let after = query.cursor();
    query.build(Some(()))?;
    let found = state.ledger.feed(after.map(LeafIndex), usize::try_from(limit).unwrap_or(1), caller.viewer()).await?;
    let mut items = Vec::with_capacity(found.len());
    for item in found {
        // The record's own bytes: a reader can hash them to the leaf.
        items.push(Item {
            position: item.position.0,
            record: RawValue::from_string(item.record).map_err(Problem::internal)?,
        });
    }
    let next = items.last().map(|item| item.position).or(after);
    Ok(HttpResponse::Ok().json(Feed { items, next }))
}
