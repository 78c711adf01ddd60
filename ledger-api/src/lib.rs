//! The edge of the document ledger: the HTTP service behind `ledgerd`.
//!
//! What is true is decided in `ledger-core`, what is kept is kept in `ledger-store`; here it is only said: requests
//! become commands, views become JSON, refusals become problems (RFC 9457).

#[cfg(feature = "server")]
pub mod server;
