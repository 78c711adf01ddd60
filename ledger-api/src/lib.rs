//! The edge of the document ledger: what is said to people and programs.
//!
//! [`audit`] is the offline auditor, built without server and store. [`server`] is the HTTP service behind `ledgerd`:
//! what is true is decided in `ledger-core`, what is kept is kept in `ledger-store`; requests become commands, views
//! become JSON, refusals become problems (RFC 9457).

pub mod audit;
#[cfg(feature = "demo")]
pub mod demo;
#[cfg(feature = "server")]
pub mod server;
