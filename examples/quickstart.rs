//! How do I keep documents in a ledger of my own? Open, register, form, sign, send, receive, check the receipt.
//!
//! The helpers that make a test CA and its signatures stand in `quickstart/setting.rs`; in life, signatures are made by
//! the signers' own tools.
