//! The digests of the rows: GOST 34.311-95 and Streebog.

use gost94::Gost94Test;
use streebog::{Streebog256, Streebog512};

use super::super::DigestScheme;

/// A digest of Kazakh GOST signatures, also of message digests and imprints of time-stamps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GostDigest {
    /// GOST 34.311-95 (RFC 5831) with a zero starting vector and the *test* S-box (`id-GostR3411-94-TestParamSet`):
    /// every object of the national authority has it. The `CryptoPro` S-box, which Russia uses, verifies none.
    Gost34311,
    /// GOST R 34.11-2015 with 256 bits (RFC 6986). Not in the standard registry, as its signatures are not.
    Streebog256,
    /// GOST R 34.11-2015 with 512 bits (RFC 6986).
    Streebog512,
}

impl DigestScheme for GostDigest {
    fn oid(&self) -> &'static str {
        match self {
            Self::Gost34311 => "1.2.398.3.10.1.3.1",
            Self::Streebog256 => "1.2.398.3.10.1.3.2",
            Self::Streebog512 => "1.2.398.3.10.1.3.3",
        }
    }

    fn digest(&self, parts: &[&[u8]]) -> Vec<u8> {
        fn run<D: sha2::Digest>(parts: &[&[u8]]) -> Vec<u8> {
            parts.iter().fold(D::new(), sha2::Digest::chain_update).finalize().to_vec()
        }
        match self {
            Self::Gost34311 => run::<Gost94Test>(parts),
            Self::Streebog256 => run::<Streebog256>(parts),
            Self::Streebog512 => run::<Streebog512>(parts),
        }
    }
}
