//! The edge of the document ledger: what is said to people and programs.
//!
//! [`audit`] is the offline auditor, built without server and store.

pub mod audit;
#[cfg(feature = "demo")]
pub mod demo;
