//! To be written.
pub mod index;
pub mod vault;
