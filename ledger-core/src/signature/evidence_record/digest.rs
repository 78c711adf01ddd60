//! SHA-224: old records have it in chains that were renewed long ago. For evidence records alone; nothing is signed
//! with it here.

use sha2::{Digest as _, Sha224 as Hasher};

use crate::pki::alg::DigestScheme;

/// SHA-224 (RFC 5754 2.1).
#[derive(Debug)]
pub(super) struct Sha224;

impl DigestScheme for Sha224 {
    fn oid(&self) -> &'static str {
        "2.16.840.1.101.3.4.2.4"
    }

    fn digest(&self, parts: &[&[u8]]) -> Vec<u8> {
        let mut hasher = Hasher::new();
        for part in parts {
            hasher.update(part);
        }
        hasher.finalize().to_vec()
    }
}
