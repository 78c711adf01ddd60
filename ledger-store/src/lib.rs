//! To be written.
pub mod index;
pub mod projector;
pub mod vault;
