//! SHA-2, and the digests that are refused.

use const_oid::ObjectIdentifier;
use sha2::{Sha256, Sha384, Sha512};

use super::{AlgorithmIdentifier, DigestScheme, Oid};

/// The digests for signatures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Digest {
    Sha256,
    Sha384,
    Sha512,
}

/// Object identifiers of [`Digest`], in its order (RFC 5754 section 2).
pub(crate) const OIDS: [ObjectIdentifier; 3] = [
    ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1"),
    ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2"),
    ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3"),
];

impl Digest {
    const ALL: [Self; 3] = [Self::Sha256, Self::Sha384, Self::Sha512];

    pub(crate) fn from_oid(oid: Oid<'_>) -> Option<Self> {
        OIDS.iter().position(|known| oid.is(known)).and_then(|index| Self::ALL.get(index)).copied()
    }

    /// From a DER `AlgorithmIdentifier` with absent or NULL parameters.
    pub(crate) fn from_algorithm(der: &[u8]) -> Option<Self> {
        let algorithm = AlgorithmIdentifier::parse(der).ok()?;
        algorithm.has_no_parameters().then(|| Self::from_oid(algorithm.oid)).flatten()
    }

    pub(crate) const fn length(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }

    pub(crate) fn of(self, parts: &[&[u8]]) -> Vec<u8> {
        fn run<D: sha2::Digest>(parts: &[&[u8]]) -> Vec<u8> {
            let mut hasher = D::new();
            for part in parts {
                hasher.update(part);
            }
            hasher.finalize().to_vec()
        }
        match self {
            Self::Sha256 => run::<Sha256>(parts),
            Self::Sha384 => run::<Sha384>(parts),
            Self::Sha512 => run::<Sha512>(parts),
        }
    }
}

impl DigestScheme for Digest {
    fn oid(&self) -> &'static str {
        match self {
            Self::Sha256 => "2.16.840.1.101.3.4.2.1",
            Self::Sha384 => "2.16.840.1.101.3.4.2.2",
            Self::Sha512 => "2.16.840.1.101.3.4.2.3",
        }
    }

    fn digest(&self, parts: &[&[u8]]) -> Vec<u8> {
        self.of(parts)
    }
}

/// Collisions can be made for these (pki.md section 5, pitfall 9).
pub(super) fn forbidden_digest(oid: Oid<'_>) -> Option<&'static str> {
    const FORBIDDEN: [(ObjectIdentifier, &str); 3] = [
        (ObjectIdentifier::new_unwrap("1.3.14.3.2.26"), "sha1"),
        (ObjectIdentifier::new_unwrap("1.2.840.113549.2.5"), "md5"),
        (ObjectIdentifier::new_unwrap("1.2.840.113549.2.2"), "md2"),
    ];
    FORBIDDEN.iter().find(|(known, _)| oid.is(known)).map(|(_, what)| *what)
}

/// Signature algorithms that name a forbidden digest.
pub(super) fn forbidden_signature(oid: Oid<'_>) -> Option<&'static str> {
    const FORBIDDEN: [(ObjectIdentifier, &str); 6] = [
        (ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.5"), "sha1"),
        (ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.4"), "md5"),
        (ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.2"), "md2"),
        (ObjectIdentifier::new_unwrap("1.3.14.3.2.29"), "sha1"),
        (ObjectIdentifier::new_unwrap("1.2.840.10045.4.1"), "sha1"),
        (ObjectIdentifier::new_unwrap("1.2.840.10040.4.3"), "sha1"),
    ];
    FORBIDDEN.iter().find(|(known, _)| oid.is(known)).map(|(_, what)| *what)
}
