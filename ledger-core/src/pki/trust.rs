//! The trust snapshot: which roots are trusted, and the intermediate certificates known beforehand.
//!
//! Trust anchors are a decision of the ledger's operator, or of the auditor on the command line; they never
//! come out of a signature or an evidence bundle.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64ct::{Base64, Encoding as _};
use serde::{Deserialize, Serialize};

use super::certificate::{Certificate, CertificateError};
use super::limits::EVIDENCE_ITEMS_MAX;
use crate::canonical::{self, CanonicalError};
use crate::digest::{Digest, tagged};

/// Why a trust snapshot cannot be made or read.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// A certificate does not parse: leave it out, or get the right file.
    #[error("certificate number {index} is not usable")]
    Certificate {
        /// Place in the list given, from 0.
        index: usize,
        /// Why.
        source: CertificateError,
    },
    /// Nobody would be trusted.
    #[error("no trust anchor among the certificates (a self-issued CA certificate)")]
    NoAnchor,
    /// More than anyone trusts.
    #[error("more than {EVIDENCE_ITEMS_MAX} certificates")]
    TooMany,
    /// The bytes are not a trust snapshot.
    #[error("not a trust snapshot: {what}")]
    Malformed {
        /// What is wrong.
        what: &'static str,
    },
    /// The bytes are not canonical JSON.
    #[error("not a trust snapshot")]
    Canonical(#[from] CanonicalError),
}

/// The certificates that are trusted, and those that help to build paths to them. Parsed once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustSnapshot {
    anchors: Vec<Arc<Certificate>>,
    intermediates: Vec<Arc<Certificate>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    schema: u64,
    anchors: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    intermediates: Vec<String>,
}

impl TrustSnapshot {
    /// Trust in nobody: what a ledger has before its operator publishes any. Every path ends indeterminate.
    pub const fn nobody() -> Self {
        Self { anchors: Vec::new(), intermediates: Vec::new() }
    }

    /// Sorts certificates into anchors (issuer and subject are the same) and intermediates.
    ///
    /// Whoever calls this trusts every self-issued certificate in the list.
    pub fn from_certificates<T: AsRef<[u8]>>(ders: impl IntoIterator<Item = T>) -> Result<Self, TrustError> {
        let (anchors, intermediates) = parse(ders)?.into_iter().partition(|certificate| certificate.is_self_issued());
        Self::sorted(anchors, intermediates)
    }

    /// Takes anchors as such, self-issued or not, and intermediates.
    pub fn from_parts<T: AsRef<[u8]>>(
        anchors: impl IntoIterator<Item = T>,
        intermediates: impl IntoIterator<Item = T>,
    ) -> Result<Self, TrustError> {
        Self::sorted(parse(anchors)?, parse(intermediates)?)
    }

    fn sorted(anchors: Vec<Arc<Certificate>>, intermediates: Vec<Arc<Certificate>>) -> Result<Self, TrustError> {
        // One order and no doubles, so that the same trust has one id.
        let sort = |list: Vec<Arc<Certificate>>| -> Vec<Arc<Certificate>> {
            let by_digest: BTreeMap<Digest, Arc<Certificate>> =
                list.into_iter().map(|certificate| (certificate.digest(), certificate)).collect();
            by_digest.into_values().collect()
        };
        if anchors.is_empty() {
            return Err(TrustError::NoAnchor);
        }
        Ok(Self { anchors: sort(anchors), intermediates: sort(intermediates) })
    }

    /// The trust anchors.
    pub fn anchors(&self) -> &[Arc<Certificate>] {
        &self.anchors
    }

    /// The intermediate certificates.
    pub fn intermediates(&self) -> &[Arc<Certificate>] {
        &self.intermediates
    }

    /// The payload bytes.
    pub fn encode(&self) -> Result<Vec<u8>, TrustError> {
        let texts = |list: &[Arc<Certificate>]| {
            list.iter().map(|certificate| Base64::encode_string(certificate.der())).collect()
        };
        let wire = Wire { schema: 1, anchors: texts(&self.anchors), intermediates: texts(&self.intermediates) };
        Ok(canonical::encode_any_length(&wire)?)
    }

    /// Reads payload bytes. Exactly what [`TrustSnapshot::encode`] writes is accepted.
    pub fn decode(bytes: &[u8]) -> Result<Self, TrustError> {
        canonical::check_any_length(bytes)?;
        let wire: Wire = serde_json::from_slice(bytes).map_err(|_| TrustError::Malformed { what: "members" })?;
        if wire.schema != 1 {
            return Err(TrustError::Malformed { what: "schema" });
        }
        let ders = |texts: &[String]| -> Result<Vec<Vec<u8>>, TrustError> {
            let malformed = |_| TrustError::Malformed { what: "base64" };
            texts.iter().map(|text| Base64::decode_vec(text).map_err(malformed)).collect()
        };
        let snapshot = Self::from_parts(ders(&wire.anchors)?, ders(&wire.intermediates)?)?;
        if snapshot.encode()? != bytes {
            return Err(TrustError::Malformed { what: "order" });
        }
        Ok(snapshot)
    }

    /// Names the snapshot in reports.
    pub fn id(&self) -> Digest {
        let digests = |list: &[Arc<Certificate>]| -> Vec<u8> {
            list.iter().flat_map(|certificate| *certificate.digest().as_bytes()).collect()
        };
        let count = u64::try_from(self.anchors.len()).unwrap_or(u64::MAX).to_be_bytes();
        tagged("edl/v1/trust-snapshot", &[&count, &digests(&self.anchors), &digests(&self.intermediates)])
    }
}

fn parse<T: AsRef<[u8]>>(ders: impl IntoIterator<Item = T>) -> Result<Vec<Arc<Certificate>>, TrustError> {
    let mut list = Vec::new();
    for (index, der) in ders.into_iter().enumerate() {
        if index >= EVIDENCE_ITEMS_MAX {
            return Err(TrustError::TooMany);
        }
        let certificate =
            Certificate::parse(der.as_ref()).map_err(|source| TrustError::Certificate { index, source })?;
        list.push(Arc::new(certificate));
    }
    Ok(list)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_is_written_and_read_in_one_order() {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/kz-pki/ca/");
        let read = |name: &str| std::fs::read(format!("{root}{name}")).unwrap();
        let (anchor, ca) = (read("test/root_rsa_test_2018.cer"), read("test/nca_rsa_test_2019.cer"));
        let one = TrustSnapshot::from_certificates([&anchor, &ca]).unwrap();
        let other = TrustSnapshot::from_certificates([&ca, &anchor, &ca]).unwrap();
        assert_eq!((one.anchors().len(), one.intermediates().len()), (1, 1));
        assert_eq!(one, other);
        assert_eq!(one.id(), other.id());
        let bytes = one.encode().unwrap();
        assert_eq!(TrustSnapshot::decode(&bytes).unwrap(), one);
        assert!(matches!(TrustSnapshot::from_certificates([&ca]), Err(TrustError::NoAnchor)));
        let as_anchor = TrustSnapshot::from_parts([&anchor, &ca], []).unwrap();
        assert_ne!(as_anchor.id(), one.id());
    }
}
