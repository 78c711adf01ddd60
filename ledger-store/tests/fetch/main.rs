//! Fetching against real responders that the tests start, and what an outage does to a ledger.

mod authority;
mod clients;
mod lists;
mod server;
mod waiting;
