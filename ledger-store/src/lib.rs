//! To be written.
pub mod vault;
