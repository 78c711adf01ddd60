//! What a CMS is made of, for those who gather evidence about it. Nothing is verified here, and nothing is trusted.

use std::sync::Arc;

use super::cms::SignedData;
use super::definite;
use crate::pki::certificate::Certificate;

/// Parts of a CMS.
#[derive(Debug, Clone, Default)]
pub struct Parts {
    /// The certificates that it carries, those that can be read.
    pub certificates: Vec<Arc<Certificate>>,
    /// The signature value of its first signer: the octets that a time-stamp over the signature covers.
    pub signature_value: Vec<u8>,
}

/// The parts of a CMS; `None` when it does not parse or has no signer.
pub fn parts(signature: &[u8]) -> Option<Parts> {
    let der = definite(signature).ok()?;
    let data = SignedData::parse(&der).ok()?;
    let signer = data.signers.first()?;
    let certificates = data.certificates.iter().filter_map(|der| Certificate::parse(der).ok()).map(Arc::new);
    Some(Parts { certificates: certificates.collect(), signature_value: signer.signature.to_vec() })
}
