//! The log: what makes every record provable, and every omission.
//!
//! Leaves are opaque bytes here; what a record means is said elsewhere. An auditor can therefore check
//! a ledger whose business vocabulary they have never heard of. Formats are those of the C2SP tlog
//! family, so that existing monitors, witnesses and verifiers can read them; the stream trees, the
//! map and the seals, which make streams provably complete, are ours (docs/FORMAT.md section 4).

pub(crate) mod arena;
pub mod checkpoint;
pub mod extract;
pub mod genesis;
pub mod leaf;
pub mod map;
pub mod merkle;
pub mod note;
pub mod proof;
pub mod receipt;
pub mod seal;
pub mod stream;
pub mod tile;
