//! The trust snapshot: which roots are trusted, and the intermediate certificates known beforehand.
//!
//! Trust anchors are a decision of the ledger's operator, or of the auditor on the command line; they never
//! come out of a signature or an evidence bundle.

pub mod directory;
mod ending;
mod terms;

use std::collections::BTreeMap;
use std::sync::Arc;

use base64ct::{Base64, Encoding as _};
use serde::{Deserialize, Serialize};
pub use terms::{Authority, Hierarchy, TrustPurpose, TrustTerms};

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
    /// Terms name a certificate that is not in the snapshot: they would have no effect.
    #[error("terms for {certificate}, which is not in the trust snapshot")]
    Terms {
        /// SHA-256 of the certificate.
        certificate: Digest,
    },
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
    terms: BTreeMap<Digest, TrustTerms>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    schema: u64,
    anchors: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    intermediates: Vec<String>,
    /// By SHA-256 of the certificate. A snapshot without terms is written as before there were any.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    terms: BTreeMap<String, TrustTerms>,
}

impl TrustSnapshot {
    /// Trust in nobody: what a ledger has before its operator publishes any. Every path ends indeterminate.
    pub const fn nobody() -> Self {
        Self { anchors: Vec::new(), intermediates: Vec::new(), terms: BTreeMap::new() }
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
        Ok(Self { anchors: sort(anchors), intermediates: sort(intermediates), terms: BTreeMap::new() })
    }

    /// The same certificates on these terms, by SHA-256; certificates without an entry are trusted without limits.
    pub fn with_terms(mut self, terms: BTreeMap<Digest, TrustTerms>) -> Result<Self, TrustError> {
        let all = || self.anchors.iter().chain(&self.intermediates);
        if let Some(stranger) = terms.keys().find(|digest| !all().any(|known| known.digest() == **digest)) {
            return Err(TrustError::Terms { certificate: *stranger });
        }
        self.terms = terms.into_iter().filter(|(_, terms)| !terms.is_empty()).collect();
        Ok(self)
    }

    /// The terms on which certificates are trusted, by SHA-256.
    pub const fn terms(&self) -> &BTreeMap<Digest, TrustTerms> {
        &self.terms
    }

    /// The terms of one certificate; none when it is trusted without limits.
    ///
    /// A certificate that is not of the snapshot is on the terms of those of its name and key: whoever holds a message
    /// can write an ECDSA signature in it in a second form, and authorities issue certificates again under the same
    /// key, so that terms by digest alone would bind only the honest. Mostly there is one of them.
    pub fn terms_of(&self, certificate: &Certificate) -> impl Iterator<Item = &TrustTerms> {
        // Most snapshots have no terms; then nothing is hashed and compared.
        let all = || self.anchors.iter().chain(&self.intermediates).filter(|_| !self.terms.is_empty());
        let is_known = all().any(|known| **known == *certificate);
        let same = move |known: &&Arc<Certificate>| {
            if is_known {
                ***known == *certificate
            } else {
                known.subject() == certificate.subject() && known.spki_der() == certificate.spki_der()
            }
        };
        all().filter(same).filter_map(|known| self.terms.get(&known.digest()))
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
        let wire = Wire {
            schema: 1,
            anchors: texts(&self.anchors),
            intermediates: texts(&self.intermediates),
            terms: self.terms.iter().map(|(digest, terms)| (digest.to_string(), terms.clone())).collect(),
        };
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
        let terms = wire.terms.into_iter().map(|(digest, terms)| {
            let digest = digest.parse().map_err(|_| TrustError::Malformed { what: "terms" })?;
            Ok((digest, terms))
        });
        let terms = terms.collect::<Result<_, TrustError>>()?;
        let snapshot = Self::from_parts(ders(&wire.anchors)?, ders(&wire.intermediates)?)?.with_terms(terms)?;
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
        let (anchors, intermediates) = (digests(&self.anchors), digests(&self.intermediates));
        if self.terms.is_empty() {
            return tagged("edl/v1/trust-snapshot", &[&count, &anchors, &intermediates]);
        }
        // Terms change the trust, so they change the id; a snapshot without any keeps the id that it always had.
        let terms = canonical::encode_any_length(&self.terms).unwrap_or_default();
        tagged("edl/v1/trust-snapshot-with-terms", &[&count, &anchors, &intermediates, &terms])
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

    #[test]
    fn terms_are_part_of_the_snapshot_and_of_its_id() {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/kz-pki/ca/");
        let read = |name: &str| std::fs::read(format!("{root}{name}")).unwrap();
        let (anchor, ca) = (read("test/root_rsa_test_2018.cer"), read("test/nca_rsa_test_2019.cer"));
        let plain = TrustSnapshot::from_certificates([&anchor, &ca]).unwrap();
        let digest = plain.anchors()[0].digest();
        let marked = |terms: TrustTerms| plain.clone().with_terms([(digest, terms)].into()).unwrap();
        let test = marked(TrustTerms::of_hierarchy(Hierarchy::Test));
        let full = marked(TrustTerms {
            hierarchy: Some(Hierarchy::Production),
            authority: Some(Authority::National),
            purposes: [TrustPurpose::DocumentSigning, TrustPurpose::Ocsp].into(),
            trusted_from: "2018-01-01T00:00:00.000Z".parse().ok(),
            trusted_until: "2030-01-01T00:00:00.000Z".parse().ok(),
        });
        for snapshot in [&plain, &test, &full] {
            assert_eq!(&TrustSnapshot::decode(&snapshot.encode().unwrap()).unwrap(), snapshot);
        }
        assert_ne!(plain.id(), test.id());
        assert_ne!(test.id(), full.id());
        // Terms that say nothing are none.
        assert_eq!(marked(TrustTerms::default()), plain);
        let written = String::from_utf8(plain.encode().unwrap()).unwrap();
        assert!(!written.contains("terms"));
        let stranger = [(Digest::sha256(&[b"x"]), TrustTerms::default())].into();
        assert!(matches!(plain.with_terms(stranger), Err(TrustError::Terms { .. })));
    }
}
