//! The signature policy: what is demanded, and which algorithms are good until when.

mod authority;

pub use authority::AuthorityRule;
use serde::{Deserialize, Serialize};

use super::alg::Verified;
use super::report::{Check, SubCode, codes};
use crate::canonical::{self, CanonicalError};
use crate::digest::{Digest, tagged};
use crate::id::IdentifierMode;
use crate::time::Timestamp;

/// A versioned set of rules. Its id goes into every report, so that old verdicts can be repeated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a demand of its own, by name in published policies")]
pub struct SignaturePolicy {
    /// Name for people.
    pub name: String,
    /// Whether a certificate without known revocation status is indeterminate (true) or passes with a warning.
    pub require_revocation: bool,
    /// Whether the attribute signing-certificate(-v2) must be there (CAdES-BES); else its absence is a warning.
    pub require_signing_certificate: bool,
    /// Whether the signer's certificate must have nonRepudiation (contentCommitment).
    pub require_content_commitment: bool,
    /// How long evidence without nextUpdate counts after its thisUpdate, in seconds.
    pub revocation_window_seconds: u64,
    /// Algorithms that are accepted; what is not listed is too weak.
    pub algorithms: Vec<AlgorithmRule>,
    /// Which roles may sign documents of which type; without any rule a role is not demanded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signing_authority: Vec<AuthorityRule>,
    /// How the identification numbers in certificates are judged; absent: not at all. A ledger takes the mode of
    /// its genesis.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identifiers: Option<IdentifierMode>,
    /// Whether paths to anchors of a test hierarchy count. Never for a ledger of real documents.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub accept_test_hierarchy: bool,
}

/// One accepted algorithm: any scheme whose name starts so, with a key of at least so many bits, until a date.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlgorithmRule {
    /// Beginning of the scheme's name (`rsa-`, `ecdsa-p256-`).
    pub scheme: String,
    /// Least key size in bits.
    pub key_bits_min: u32,
    /// Signatures up to this time are accepted.
    pub until: Timestamp,
}

impl SignaturePolicy {
    /// The rules of 2026 for a ledger: numbers in certificates are judged as those of its participants are, and test
    /// hierarchies count where test numbers do.
    pub fn for_ledger(identifiers: IdentifierMode) -> Self {
        let accept_test_hierarchy = identifiers == IdentifierMode::TestIdentifiers;
        Self { identifiers: Some(identifiers), accept_test_hierarchy, ..Self::default_2026() }
    }

    /// The rules of 2026 for somebody who checks again what a ledger recorded: roots that the auditor marks as tests count
    /// if the genesis says that the ledger is one of tests.
    pub fn for_auditor(identifiers: IdentifierMode) -> Self {
        Self { identifiers: None, ..Self::for_ledger(identifiers) }
    }

    /// Whether it lets something count that proves nothing about real persons.
    pub fn is_for_tests(&self) -> bool {
        self.accept_test_hierarchy || self.identifiers == Some(IdentifierMode::TestIdentifiers)
    }

    /// The rules of 2026: revocation status required; RSA from 2048 bits until the end of 2030 and from 3072 bits,
    /// P-256, P-384 and Ed25519 until the end of 2035 (SOG-IS agreed mechanisms, NIST SP 800-57).
    ///
    /// GOST 34.310-2004 until the end of 2030: its curve is as strong as P-256, but a collision in GOST 34.311-95
    /// costs 2^105 steps (Mendel and others, CRYPTO 2008), below the 112 bits that SP 800-57 ends in 2030. The
    /// national authority issues GOST of 2015 since 2022, but state bodies sign with that of 2004. GOST of 2015 with
    /// 512 bits until the end of 2035.
    pub fn default_2026() -> Self {
        const END_OF_2030: u64 = 1_924_991_999;
        const END_OF_2035: u64 = 2_082_758_399;
        let rule = |scheme: &str, key_bits_min, until| {
            let until = Timestamp::from_unix_seconds(until)?;
            Some(AlgorithmRule { scheme: scheme.to_owned(), key_bits_min, until })
        };
        Self {
            name: "default-2026".to_owned(),
            require_revocation: true,
            require_signing_certificate: false,
            require_content_commitment: false,
            // Three days: the window that national OCSP answers without nextUpdate get elsewhere.
            revocation_window_seconds: 3 * 24 * 3600,
            algorithms: [
                rule("rsa-", 2048, END_OF_2030),
                rule("rsa-", 3072, END_OF_2035),
                rule("ecdsa-p256-", 256, END_OF_2035),
                rule("ecdsa-p384-", 384, END_OF_2035),
                rule("ed25519", 256, END_OF_2035),
                rule("gost-34310-2004", 256, END_OF_2030),
                rule("gost-34310-2015-512", 512, END_OF_2035),
            ]
            .into_iter()
            .flatten()
            .collect(),
            signing_authority: Vec::new(),
            identifiers: None,
            accept_test_hierarchy: false,
        }
    }

    /// The canonical bytes.
    pub fn to_canonical_bytes(&self) -> Result<Vec<u8>, CanonicalError> {
        canonical::encode_any_length(self)
    }

    /// Names the policy in reports.
    pub fn id(&self) -> Digest {
        tagged("edl/v1/signature-policy", &[&self.to_canonical_bytes().unwrap_or_default()])
    }

    /// Whether a signature by `verified` was acceptable at `at`.
    pub fn algorithm(&self, verified: &Verified, at: Timestamp) -> Check {
        let detail = format!("{} with {} bits", verified.scheme, verified.key_bits);
        let mut rules = self.algorithms.iter().filter(|rule| {
            verified.scheme.starts_with(&rule.scheme) && verified.key_bits >= rule.key_bits_min && at <= rule.until
        });
        if rules.next().is_none() || verified.weakness.as_deref() == Some("rsa-exponent-below-65537") {
            return Check::fail(codes::WEAK_ALGORITHM, SubCode::CryptoConstraintsFailure).with_detail(detail);
        }
        match &verified.weakness {
            Some(weakness) => Check::warning(codes::WEAK_PARAMETERS).with_detail(format!("{detail}, {weakness}")),
            None => Check::pass().with_detail(detail),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::report::Outcome;

    #[test]
    fn algorithms_are_good_from_a_size_and_until_a_date() {
        let policy = SignaturePolicy::default_2026();
        let cases = [
            ("rsa-pkcs1-sha256", 2048, None, "2026-11-22", Outcome::Pass),
            ("rsa-pkcs1-sha256", 2047, None, "2026-11-22", Outcome::Fail),
            ("rsa-pkcs1-sha256", 2048, None, "2031-01-01", Outcome::Fail),
            ("rsa-pkcs1-sha256", 3072, None, "2031-01-01", Outcome::Pass),
            ("rsa-pkcs1-sha256", 4096, Some("rsa-exponent-below-65537"), "2026-11-22", Outcome::Fail),
            ("rsa-pss-sha256", 2048, Some("pss-salt-short"), "2026-11-22", Outcome::Warning),
            ("ecdsa-p256-sha256", 256, None, "2026-11-22", Outcome::Pass),
            ("ed25519", 256, None, "2036-01-01", Outcome::Fail),
            ("gost-34310-2004", 256, None, "2026-11-22", Outcome::Pass),
            ("gost-34310-2004", 256, None, "2031-01-01", Outcome::Fail),
            ("gost-34310-2015-512", 512, None, "2031-01-01", Outcome::Pass),
            ("gost-34310-2015-512", 512, None, "2036-01-01", Outcome::Fail),
            ("gost-34310-2015-256", 256, None, "2026-11-22", Outcome::Fail),
            ("another", 512, None, "2026-11-22", Outcome::Fail),
        ];
        for (scheme, key_bits, weakness, day, outcome) in cases {
            let verified = Verified { scheme: scheme.to_owned(), key_bits, weakness: weakness.map(str::to_owned) };
            let at = format!("{day}T00:00:00.000Z").parse().unwrap();
            assert_eq!(policy.algorithm(&verified, at).outcome, outcome, "{scheme} {key_bits} {day}");
        }
    }

    /// Members that came later are left out when they say nothing: a policy published before keeps its id.
    #[test]
    fn a_policy_without_the_later_members_keeps_its_bytes() {
        let bytes = SignaturePolicy::default_2026().to_canonical_bytes().unwrap();
        let text = String::from_utf8(bytes).unwrap();
        for member in ["signing_authority", "identifiers", "accept_test_hierarchy"] {
            assert!(!text.contains(member), "{member}");
        }
        let full = SignaturePolicy {
            signing_authority: vec![AuthorityRule {
                document_type: Some("invoice".to_owned()),
                roles: [super::super::certificate::Role::Head].into_iter().collect(),
            }],
            identifiers: Some(IdentifierMode::Strict),
            accept_test_hierarchy: true,
            ..SignaturePolicy::default_2026()
        };
        let bytes = full.to_canonical_bytes().unwrap();
        assert_eq!(serde_json::from_slice::<SignaturePolicy>(&bytes).unwrap(), full);
        assert_ne!(full.id(), SignaturePolicy::default_2026().id());
    }

    #[test]
    fn a_changed_rule_changes_the_id() {
        let policy = SignaturePolicy::default_2026();
        let optional = SignaturePolicy { require_revocation: false, ..policy.clone() };
        assert_ne!(policy.id(), optional.id());
        let bytes = policy.to_canonical_bytes().unwrap();
        assert_eq!(serde_json::from_slice::<SignaturePolicy>(&bytes).unwrap(), policy);
    }
}
