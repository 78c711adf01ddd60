//! The content that signers and tokens speak about, digested once by each algorithm: one message may have hundreds of
//! them, over a document of 64 MiB.

use std::collections::BTreeMap;

use crate::pki::alg::{AlgorithmError, AlgorithmRegistry};
use crate::pki::asn1::AlgorithmIdentifier;

/// Bytes with the digests of them that were asked for.
#[derive(Debug)]
pub(super) struct Content<'a> {
    bytes: &'a [u8],
    /// By the contents of the algorithm's object identifier: parameters change nothing, and must buy no second pass.
    digests: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl<'a> Content<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, digests: BTreeMap::new() }
    }

    pub(super) const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The digest by an algorithm, given in DER.
    pub(super) fn digest(&mut self, algorithm: &[u8], registry: &AlgorithmRegistry) -> Result<Vec<u8>, AlgorithmError> {
        let key = AlgorithmIdentifier::parse(algorithm).map(|algorithm| algorithm.oid.as_bytes().to_vec());
        if let Some(known) = key.as_ref().ok().and_then(|key| self.digests.get(key)) {
            return Ok(known.clone());
        }
        let digest = registry.digest(algorithm, &[self.bytes])?;
        self.digests.extend(key.ok().map(|key| (key, digest.clone())));
        Ok(digest)
    }
}
