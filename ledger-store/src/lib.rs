//! What is kept: the durable log of a document ledger, with the index and the snapshots derived from it.
//!
//! One directory is one ledger, and one process writes it ([`embedded`]). [`store`] says what is promised. What
//! records mean is not known here; `ledger-core` says that.

pub mod embedded;
pub mod environment;
mod index;
mod sequencer;
pub mod store;
pub mod testing;

pub use embedded::{EmbeddedStore, StoreOptions};
pub use sequencer::View;
