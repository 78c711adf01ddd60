//! The business rules: commands in, events or a refusal out, and the state that events fold into.
//!
//! `decide` may refuse and changes nothing; `apply` never refuses and knows no rules. Whatever a decision read
//! elsewhere (another stream, a signature check, the time) is handed in beside the command, so that a decision can be
//! repeated from the log.

pub mod command;
pub mod event;
pub mod refusal;
