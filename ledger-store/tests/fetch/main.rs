//! Fetching against real responders that the tests start, and what an outage does to a ledger.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops at the first thing that is not as it should be"
)]

mod authority;
mod clients;
mod lists;
mod outage;
mod server;
mod waiting;
