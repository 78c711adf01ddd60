//! How the services outside are: what an operator looks at when verifications stay pending.

use ledger_core::time::Timestamp;
use serde::Serialize;

/// The services of an evidence source.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ServiceStatus {
    /// Each host that may be talked to.
    pub hosts: Vec<HostStatus>,
    /// Each revocation list that is kept recorded.
    pub lists: Vec<ListStatus>,
}

/// A host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HostStatus {
    /// Name and port.
    pub host: String,
    /// When it last answered.
    pub last_success: Option<Timestamp>,
    /// When something last went wrong with it.
    pub last_failure: Option<Timestamp>,
    /// What that was, in a few words.
    pub last_failure_reason: Option<&'static str>,
    /// Failures since it last answered.
    pub failures_in_a_row: u32,
    /// It failed so often that it is not asked before then.
    pub left_alone_until: Option<Timestamp>,
}

/// A revocation list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ListStatus {
    /// Where it comes from.
    pub url: String,
    /// When it was last fetched, or found unchanged.
    pub last_success: Option<Timestamp>,
    /// When the list that we have was issued.
    pub this_update: Option<Timestamp>,
    /// When its successor is due.
    pub next_update: Option<Timestamp>,
    /// When it is fetched next.
    pub next_fetch: Option<Timestamp>,
    /// Why the last try failed; none if it did not.
    pub failure: Option<String>,
}
