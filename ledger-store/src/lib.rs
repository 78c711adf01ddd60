//! To be written.

#[cfg(feature = "test-ca")]
pub mod test_ca;
