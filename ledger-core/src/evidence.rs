//! Evidence: what is handed to somebody who does not trust the ledger, and what that somebody does with it.
//!
//! A bundle ([`bundle`]) is one file about one document: records, payloads, proofs, certificates. The verifier
//! ([`verify()`]) checks it against a trust directory ([`trust`]) that never comes out of the bundle, and reports every
//! finding ([`finding`]), the answers to the five questions of clause 9.15 and the four conditions of clause 5.2.3.

pub mod bundle;
pub mod conditions;
pub mod container;
pub mod finding;
pub mod manifest;
pub mod outcome;
pub mod questions;
pub mod replay;
pub mod trust;
pub mod used;
pub mod verify;

pub use verify::signatures::der_sequence;
pub use verify::{Options, Report, Unusable, Verdict, verify};
