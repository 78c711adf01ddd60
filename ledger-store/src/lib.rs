//! What is kept: the durable document ledger. One directory is one ledger, and one process writes it.
//!
//! An embedder needs [`Ledger`] and a handful of its methods; [`store`] says what is promised underneath.

pub mod environment;
pub mod evidence_source;
pub mod store;
mod durable;
mod index;
mod sequencer;
pub mod embedded;
pub mod vault;
pub mod projector;
pub mod aggregate;
pub mod ledger;
#[cfg(feature = "fetch")]
pub mod fetch;
pub mod testing;
#[cfg(feature = "test-ca")]
pub mod test_ca;

pub use embedded::{EmbeddedStore, StoreOptions};
pub use ledger::{Executed, Ledger, LedgerError, LedgerOptions, PendingSignature, Resolved};
pub use sequencer::View;
