//! What is true in a document ledger. Pure: no clock, no dice, no I/O, no async.
//!
//! The flow, in reading order; a module uses only what stands before it (`tests/tidy.rs`):
//!
//! ```text
//! bytes ─▶ command ─▶ decision ─▶ event ─▶ record ─▶ log ─▶ evidence ─▶ projection
//! ```

pub mod canonical;
pub mod digest;
pub mod id;
pub mod log;
pub mod payload;
pub mod record;
pub mod time;
