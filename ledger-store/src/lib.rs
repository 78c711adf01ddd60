//! To be written.
pub mod index;
pub mod vault;

#[cfg(feature = "test-ca")]
pub mod test_ca;
