//! The feed: every record that the caller may see, by global position.
//!
//! For auditors and the operator it has no gaps; for a participant gaps are the records of others, and normal.

use actix_web::{HttpResponse, web};
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
    next: u64,
}

/// `GET /v1/events?after=&limit=`
pub(super) async fn events(caller: Caller, state: web::Data<State>, mut query: Query) -> Answer {
    let limit = query.limit();
    let after = query.cursor().unwrap_or(0);
    query.build(Some(()))?;
    let found = state.ledger.feed(after, limit, caller.viewer()).await?;
    let mut items = Vec::with_capacity(found.len());
    for item in found {
        // The record's own bytes: a reader can hash them to the leaf.
        let text = String::from_utf8(item.record).map_err(Problem::internal)?;
        items.push(Item {
            position: item.position.0,
            record: RawValue::from_string(text).map_err(Problem::internal)?,
        });
    }
    let next = items.last().map_or(after, |item| item.position);
    Ok(HttpResponse::Ok().json(Feed { items, next }))
}
