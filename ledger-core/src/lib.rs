//! What is true in a document ledger. Pure: no clock, no dice, no I/O, no async.
//!
//! The flow, in reading order; a module uses only what stands before it (`examples/tests/tidy.rs`):
//!
//! ```text
//! bytes ─▶ command ─▶ decision ─▶ event ─▶ record ─▶ log ─▶ projection ─▶ evidence
//! ```

pub mod digest;
pub mod time;
pub mod id;
pub mod canonical;
pub mod payload;
pub mod record;
pub mod log;
pub mod pki;
pub mod signature;
pub mod domain;
pub mod projection;
pub mod evidence;
