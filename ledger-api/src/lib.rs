//! To be written.

#[cfg(feature = "server")]
pub mod demo;
