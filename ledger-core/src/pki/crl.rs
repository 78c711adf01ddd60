//! A certificate revocation list (RFC 5280 section 5): read once, its serial numbers indexed, nothing decoded twice.
//!
//! In scope: full and delta CRLs, with every scope of RFC 5280 5.2.5, indirect ones too. One with a critical extension
//! not known here parses, and is marked unusable: it never proves anything. Who may sign a list, how a delta changes
//! its base and what that says about a time is asked in [`super::revocation`].

mod index;
mod number;
mod scope;

use std::sync::OnceLock;

use const_oid::ObjectIdentifier;

pub use number::CrlNumber;
pub(crate) use scope::{Coverage, Reasons};

use index::Index;
use scope::Scope;

use super::alg::{AlgorithmError, AlgorithmRegistry, SignatureRequest, Verified};
use super::asn1::name::Name;
use super::asn1::{AlgorithmIdentifier, Asn1Error, Oid, Tlv, tag, time};
use super::certificate::{Certificate, CertificateError, Extension, authority_key_id, parse_extensions};
use super::limits::CRL_BYTES_MAX;
use crate::digest::Digest;
use crate::id::KeyId;
use crate::time::Timestamp;

/// Why bytes are not a CRL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CrlError {
    /// Larger than any CRL.
    #[error("a CRL of {bytes} bytes, at most {CRL_BYTES_MAX} are read")]
    TooLong {
        /// Length in bytes.
        bytes: usize,
    },
    /// Not DER, or not the structure of RFC 5280 5.1.
    #[error("not a CRL in DER")]
    Structure {
        /// What is wrong.
        #[from]
        source: Asn1Error,
    },
    /// The signed and the outer algorithm differ.
    #[error("the algorithm inside the CRL is not the one outside")]
    AlgorithmMismatch,
    /// An extension stands twice or is malformed.
    #[error("malformed CRL extensions")]
    Extensions {
        /// Why.
        source: CertificateError,
    },
}

/// A parsed and indexed CRL.
#[derive(Debug)]
pub struct Crl {
    der: Vec<u8>,
    digest: Digest,
    tbs: (usize, usize),
    algorithm: Vec<u8>,
    signature: Vec<u8>,
    issuer: Name,
    this_update: Timestamp,
    next_update: Option<Timestamp>,
    number: Option<CrlNumber>,
    /// The base that a delta CRL changes.
    base_number: Option<CrlNumber>,
    scope: Scope,
    unusable: Option<&'static str>,
    /// The issuer publishes deltas to this list (freshestCRL, RFC 5280 5.2.6).
    has_delta: bool,
    authority_key_id: Option<Vec<u8>>,
    expired_certificates_since: Option<Timestamp>,
    index: Index,
    /// The key under which the signature was found to hold, and how: together with these bytes it covers signature,
    /// algorithm, message and key (pki.md section 5, pitfall 19). Whether the algorithm is good enough is the
    /// policy's, every time.
    verified: OnceLock<(KeyId, Verified)>,
}

/// What a CRL says about a certificate that it lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revoked {
    /// Revocation date.
    pub at: Timestamp,
    /// `CRLReason`; 0 when absent.
    pub reason: u8,
    /// Invalidity date, if any.
    pub invalidity: Option<Timestamp>,
}

impl Revoked {
    /// `CRLReason` certificateHold (RFC 5280 5.3.1).
    const ON_HOLD: u8 = 6;
    /// `CRLReason` removeFromCRL, in delta CRLs alone.
    const REMOVE_FROM_CRL: u8 = 8;

    /// Whether it may be taken back: every other revocation is for good.
    pub(crate) const fn is_hold(&self) -> bool {
        self.reason == Self::ON_HOLD
    }

    /// Whether it is not a revocation but the end of one.
    pub(crate) const fn is_removal(&self) -> bool {
        self.reason == Self::REMOVE_FROM_CRL
    }

    /// How bad a reason is, worst first: what is for good, what lasts for a while, the end of that.
    const fn rank(reason: u8) -> u8 {
        match reason {
            Self::ON_HOLD => 1,
            Self::REMOVE_FROM_CRL => 2,
            _ => 0,
        }
    }
}

const DISTRIBUTION_POINT: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.28");
const CRL_NUMBER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.20");
const DELTA_INDICATOR: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.27");
const AUTHORITY_KEY_ID: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.35");
const FRESHEST_CRL: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.46");
const EXPIRED_ON_CRL: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.60");

impl Crl {
    /// Reads DER; nothing may follow it.
    pub fn parse(der: &[u8]) -> Result<Self, CrlError> {
        if der.len() > CRL_BYTES_MAX {
            return Err(CrlError::TooLong { bytes: der.len() });
        }
        let mut outer = Tlv::only(der)?.expect(tag::SEQUENCE, "CRL")?.reader();
        let tbs = outer.take(tag::SEQUENCE, "TBSCertList")?;
        let algorithm = outer.take(tag::SEQUENCE, "signature algorithm")?;
        AlgorithmIdentifier::from_tlv(algorithm)?;
        let signature = outer.any()?.bit_string_octets()?;
        outer.finish()?;

        let mut fields = tbs.reader();
        if let Some(version) = fields.optional(tag::INTEGER)?
            && version.small_integer()? != 1
        {
            return Err(Asn1Error::Value { what: "version" }.into());
        }
        if fields.any()?.raw != algorithm.raw {
            return Err(CrlError::AlgorithmMismatch);
        }
        let issuer = Name::parse(fields.any()?)?;
        let this_update = time::parse(fields.any()?)?;
        let next_update = match fields.peek() {
            Some(tag::UTC_TIME | tag::GENERALIZED_TIME) => Some(time::parse(fields.any()?)?),
            _ => None,
        };
        let index = match fields.optional(tag::SEQUENCE)? {
            Some(list) => Index::read(der, list.reader())?,
            None => Index::empty(),
        };
        let extensions = match fields.optional(tag::context_constructed(0))? {
            Some(explicit) => {
                parse_extensions(Tlv::only(explicit.value)?).map_err(|source| CrlError::Extensions { source })?
            }
            None => Vec::new(),
        };
        fields.finish()?;
        let find = |oid: &ObjectIdentifier| extensions.iter().find(|extension| extension.oid == oid.as_bytes());
        let scope = match find(&DISTRIBUTION_POINT) {
            Some(extension) => Scope::parse(&extension.value, &issuer)?,
            None => Scope::default(),
        };
        let unusable = match index.unusable {
            None if index.names_issuers() && !scope.indirect => {
                Some("issuers of entries in a list that is not indirect")
            }
            None => unknown_critical(&extensions)?,
            why => why,
        };
        let authority_key_id = match find(&AUTHORITY_KEY_ID) {
            Some(extension) => authority_key_id(&extension.value)?.map(<[u8]>::to_vec),
            None => None,
        };
        let number = find(&CRL_NUMBER).map(|extension| CrlNumber::parse(&extension.value)).transpose()?;
        let base_number = find(&DELTA_INDICATOR).map(|extension| CrlNumber::parse(&extension.value)).transpose()?;
        let expired_certificates_since = find(&EXPIRED_ON_CRL)
            .map(|extension| time::parse_with_fraction(Tlv::only(&extension.value)?, true))
            .transpose()?;
        let tbs_start = offset(der, tbs.raw)?;
        Ok(Self {
            digest: Digest::sha256(&[der]),
            tbs: (tbs_start, tbs_start.saturating_add(tbs.raw.len())),
            algorithm: algorithm.raw.to_vec(),
            signature: signature.to_vec(),
            der: der.to_vec(),
            issuer,
            this_update,
            next_update,
            number,
            base_number,
            scope,
            authority_key_id,
            expired_certificates_since,
            has_delta: find(&FRESHEST_CRL).is_some(),
            unusable,
            index,
            verified: OnceLock::new(),
        })
    }

    /// SHA-256 of the DER, by which evidence names it.
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// The original bytes.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// When it was issued.
    pub const fn this_update(&self) -> Timestamp {
        self.this_update
    }

    /// When the next one is due.
    pub const fn next_update(&self) -> Option<Timestamp> {
        self.next_update
    }

    /// Its number in the issuer's sequence; a delta CRL has one of its own.
    pub const fn number(&self) -> Option<&CrlNumber> {
        self.number.as_ref()
    }

    /// Whether it is a delta CRL: what has changed since a base.
    pub const fn is_delta(&self) -> bool {
        self.base_number.is_some()
    }

    /// The number of the full CRL that a delta CRL starts from (`BaseCRLNumber`, RFC 5280 5.2.4).
    pub const fn base_number(&self) -> Option<&CrlNumber> {
        self.base_number.as_ref()
    }

    /// How many certificates it lists.
    pub const fn entries(&self) -> usize {
        self.index.len()
    }

    /// The issuer's name for people.
    pub fn issuer_display(&self) -> String {
        self.issuer.display()
    }

    /// Why it can prove nothing, if so.
    pub const fn unusable(&self) -> Option<&'static str> {
        self.unusable
    }

    /// Why it can prove nothing about a certificate of which it says `listed`, if so. An end of a hold may stand in
    /// delta CRLs only (RFC 5280 5.3.1): in a full list nobody knows what it means.
    pub(crate) fn unusable_about(&self, listed: Option<Revoked>) -> Option<&'static str> {
        let misplaced = !self.is_delta() && listed.is_some_and(|listed| listed.is_removal());
        self.unusable.or_else(|| misplaced.then_some("removal from a list that is not a delta"))
    }

    /// SHA-256 of the issuer's name in DER.
    pub fn issuer_digest(&self) -> Digest {
        Digest::sha256(&[self.issuer.der()])
    }

    /// Whether the certificate names the issuer and its key verifies the signature. Whether it may sign lists at a
    /// time is asked again, with its path, whenever the list is used.
    pub fn is_signed_by(&self, issuer: &Certificate) -> bool {
        issuer.subject() == &self.issuer && self.verify(issuer, AlgorithmRegistry::standard()).is_ok()
    }

    pub(crate) const fn issuer(&self) -> &Name {
        &self.issuer
    }

    /// Whether it names another key of the issuer than `issuer`'s.
    pub(crate) fn names_another_key(&self, issuer: &Certificate) -> bool {
        matches!((&self.authority_key_id, issuer.subject_key_id()), (Some(ours), Some(theirs)) if ours != theirs)
    }

    /// Whether the list would show a certificate that ran out at `not_after`: lists drop expired certificates.
    pub(crate) fn covers_expiry(&self, not_after: Timestamp) -> bool {
        self.this_update.unix_seconds() <= not_after.unix_seconds()
            || self.expired_certificates_since.is_some_and(|since| since <= not_after)
    }

    /// Whether it speaks about the certificate.
    pub(crate) fn coverage(&self, certificate: &Certificate) -> Coverage {
        self.scope.coverage(&self.issuer, certificate)
    }

    /// Whether the issuer publishes deltas to it.
    pub(crate) const fn has_delta(&self) -> bool {
        self.has_delta
    }

    /// Whether a delta CRL changes this one (RFC 5280 5.2.4, 6.3.3 c), leaving the signing keys to the caller.
    pub(crate) fn is_base_of(&self, delta: &Self) -> DeltaFit {
        let same = self.issuer == delta.issuer
            && self.scope == delta.scope
            && self.authority_key_id == delta.authority_key_id
            && self.this_update <= delta.this_update
            && !self.is_delta();
        let (true, Some(base), Some(own), Some(number)) = (same, &delta.base_number, &self.number, &delta.number)
        else {
            return DeltaFit::No;
        };
        match (base.cmp(own), own < number) {
            (std::cmp::Ordering::Less | std::cmp::Ordering::Equal, true) => DeltaFit::Yes,
            (std::cmp::Ordering::Equal, false) => DeltaFit::OutOfSequence,
            (std::cmp::Ordering::Greater, _) | (std::cmp::Ordering::Less, false) => DeltaFit::No,
        }
    }

    /// Whether an older delta has nothing to say beside this one: a delta has all changes since its base (RFC 5280 5.2.4),
    /// so a later one to the same base or an earlier has them too. Full lists are bases and never done with so.
    pub fn supersedes(&self, older: &Self) -> bool {
        let (Some(base), Some(older_base)) = (&self.base_number, &older.base_number) else { return false };
        self.issuer == older.issuer
            && self.scope == older.scope
            && self.authority_key_id == older.authority_key_id
            && self.this_update >= older.this_update
            && base <= older_base
    }

    /// Verifies the signature with the key of `issuer`; the mathematics runs once per key that holds.
    pub fn verify(&self, issuer: &Certificate, registry: &AlgorithmRegistry) -> Result<Verified, AlgorithmError> {
        let key = issuer.key();
        // Remembered for one registry only: what another one accepts proves nothing here (pki.md section 5, pitfall 19).
        let remembers = std::ptr::eq(registry, AlgorithmRegistry::standard());
        if let Some((known, verified)) = self.verified.get()
            && remembers
            && *known == key
        {
            return Ok(verified.clone());
        }
        let verified = registry.verify(&SignatureRequest {
            algorithm: &self.algorithm,
            key: issuer.spki_der(),
            cms_digest: None,
            message: self.der.get(self.tbs.0..self.tbs.1).unwrap_or_default(),
            signature: &self.signature,
        })?;
        if remembers {
            let _ = self.verified.set((key, verified.clone()));
        }
        Ok(verified)
    }

    /// What it says about a certificate; `None` when it is not listed.
    pub(crate) fn find(&self, certificate: &Certificate) -> Option<Revoked> {
        self.index.find(&self.der, certificate.serial(), certificate.issuer(), &self.issuer)
    }
}

/// Whether a delta CRL can be put on a full one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DeltaFit {
    /// Another issuer, scope, key, or the numbers do not follow each other.
    No,
    /// `BaseCRLNumber` <= number of the full one < number of the delta.
    Yes,
    /// The delta names this very list as its base and is not older, yet its own number does not follow: the national
    /// authority counts its deltas apart. The content fits; a remark is due.
    OutOfSequence,
}

/// The first critical extension that is not understood.
fn unknown_critical(extensions: &[Extension]) -> Result<Option<&'static str>, Asn1Error> {
    for extension in extensions.iter().filter(|extension| extension.critical) {
        let known = [CRL_NUMBER, AUTHORITY_KEY_ID, DELTA_INDICATOR, DISTRIBUTION_POINT, FRESHEST_CRL];
        if !Oid::new(&extension.oid)?.is_one_of(&known) {
            return Ok(Some("unknown critical extension"));
        }
    }
    Ok(None)
}

/// Where `part` stands in `whole`, which it is a slice of.
fn offset(whole: &[u8], part: &[u8]) -> Result<usize, Asn1Error> {
    let at = part.as_ptr().addr().checked_sub(whole.as_ptr().addr());
    at.filter(|at| *at <= whole.len()).ok_or(Asn1Error::Truncated)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sha2::Digest as _;

    use super::*;

    fn shared(path: &str) -> Vec<u8> {
        std::fs::read(format!("{}{path}", concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/kz-pki/"))).unwrap()
    }

    #[test]
    fn a_national_crl_lists_what_its_manifest_says() {
        let crl = Crl::parse(&shared("crl/nca_rsa_test_2019_20220329.crl")).unwrap();
        assert_eq!(crl.entries(), 126);
        assert_eq!(crl.unusable(), None);
        let listed = Certificate::parse(&shared("user/rsa_individual_sign_20220118_3f32db.cer")).unwrap();
        let revoked = Revoked { at: "2022-01-18T04:40:24.000Z".parse().unwrap(), reason: 4, invalidity: None };
        assert_eq!(crl.find(&listed), Some(revoked));
        let other = Certificate::parse(&shared("user/rsa_individual_sign_20180822_b87c12.cer")).unwrap();
        assert_eq!(crl.find(&other), None);
        let issuer = Certificate::parse(&shared("ca/test/nca_rsa_test_2019.cer")).unwrap();
        let other = Certificate::parse(&shared("ca/test/root_rsa_test_2018.cer")).unwrap();
        assert!(crl.verify(&issuer, AlgorithmRegistry::standard()).is_ok());
        assert_eq!(crl.verify(&other, AlgorithmRegistry::standard()), Err(AlgorithmError::BadSignature));
    }

    /// Pitfall 19: what one set of algorithms accepted does not count for another.
    #[test]
    fn a_list_that_a_lenient_registry_accepted_is_verified_again_by_the_standard_one() {
        #[derive(Debug)]
        struct Lenient;

        impl crate::pki::alg::SignatureScheme for Lenient {
            fn claims(&self, _: &SignatureRequest<'_>) -> bool {
                true
            }

            fn verify(&self, _: &SignatureRequest<'_>) -> Result<Verified, AlgorithmError> {
                Ok(Verified { scheme: "rsa-lenient".to_owned(), key_bits: 4096, weakness: None })
            }
        }

        let crl = Crl::parse(&shared("crl/nca_rsa_test_2019_20220329.crl")).unwrap();
        let stranger = Certificate::parse(&shared("ca/test/root_rsa_test_2018.cer")).unwrap();
        let lenient = AlgorithmRegistry::default().with_scheme(std::sync::Arc::new(Lenient));
        assert!(crl.verify(&stranger, &lenient).is_ok());
        assert_eq!(crl.verify(&stranger, AlgorithmRegistry::standard()), Err(AlgorithmError::BadSignature));
    }

    #[test]
    fn a_national_delta_names_its_base_and_is_counted_apart() {
        let delta = Crl::parse(&shared("crl/nca_gost_test_2022_delta_20250429.crl")).unwrap();
        let numbers = [delta.base_number(), delta.number()].map(|number| number.unwrap().to_string());
        assert!(delta.is_delta());
        assert_eq!(numbers, ["14", "10"]);
        let full = Crl::parse(&shared("crl/nca_gost_test_2022_20250429.crl")).unwrap();
        assert!(!full.is_delta());
        assert_eq!(full.is_base_of(&delta), DeltaFit::OutOfSequence);
        let older = Crl::parse(&shared("crl/nca_gost_test_2022_20220727.crl")).unwrap();
        assert_eq!(older.is_base_of(&delta), DeltaFit::No);
        assert_eq!(delta.is_base_of(&full), DeltaFit::No);
    }

    #[test]
    fn a_national_gost_crl_is_signed_by_its_issuer_and_by_no_namesake() {
        let crl = Crl::parse(&shared("crl/nca_gost_test_2022_20250429.crl")).unwrap();
        assert_eq!(crl.entries(), 54);
        let issuer = Certificate::parse(&shared("ca/test/nca_gost_test_2022.cer")).unwrap();
        assert!(crl.verify(&issuer, AlgorithmRegistry::standard()).is_ok());
        let root = Certificate::parse(&shared("ca/test/root_gost_test_2022.cer")).unwrap();
        assert_eq!(crl.verify(&root, AlgorithmRegistry::standard()), Err(AlgorithmError::BadSignature));
    }

    /// A list, unsigned, of entries about one certificate: the day of January 2026, and the reason.
    fn list_about(certificate: &Certificate, entries: &[(u8, u8)]) -> Crl {
        use crate::pki::asn1::encode::element;
        let entry = |(day, reason): &(u8, u8)| {
            let date = element(tag::UTC_TIME, &[format!("2601{day:02}000000Z").as_bytes()]);
            let reason = element(tag::OCTET_STRING, &[&[tag::ENUMERATED, 1, *reason]]);
            let reason = element(tag::SEQUENCE, &[&element(tag::SEQUENCE, &[&[6, 3, 0x55, 0x1d, 21], &reason])]);
            element(tag::SEQUENCE, &[&element(tag::INTEGER, &[certificate.serial()]), &date, &reason])
        };
        let list = element(tag::SEQUENCE, &[&entries.iter().flat_map(entry).collect::<Vec<u8>>()]);
        let algorithm = element(tag::SEQUENCE, &[&[6, 3, 0x2b, 0x65, 0x70]]);
        let date = element(tag::UTC_TIME, &[b"260201000000Z"]);
        let issuer = certificate.issuer().der();
        let tbs = element(tag::SEQUENCE, &[&[tag::INTEGER, 1, 1], &algorithm, issuer, &date, &list]);
        Crl::parse(&element(tag::SEQUENCE, &[&tbs, &algorithm, &element(tag::BIT_STRING, &[&[0]])])).unwrap()
    }

    /// Pitfall 13: of entries that stand twice the worst counts. An end of a hold is the best of all, and used to win
    /// over the hold when its date was the earlier one.
    #[test]
    fn of_doubled_entries_the_worst_counts_in_any_order() {
        let listed = Certificate::parse(&shared("user/rsa_individual_sign_20220118_3f32db.cer")).unwrap();
        for (entries, worst) in [
            ([(3, 8), (5, 6)], (5, 6)),
            ([(5, 8), (3, 6)], (3, 6)),
            ([(3, 6), (5, 1)], (5, 1)),
            ([(3, 8), (5, 1)], (5, 1)),
            ([(5, 1), (3, 4)], (3, 4)),
            ([(5, 6), (3, 6)], (3, 6)),
        ] {
            for entries in [entries, [entries[1], entries[0]]] {
                let found = list_about(&listed, &entries).find(&listed).unwrap();
                let date = format!("2026-01-{:02}T00:00:00.000Z", worst.0);
                assert_eq!((found.at.to_string(), found.reason), (date, worst.1), "{entries:?}");
            }
        }
    }

    /// Pitfall 13: removeFromCRL may stand in delta CRLs only (RFC 5280 5.3.1). A full list that has it says nothing
    /// that can be understood, least of all that the certificate is good.
    #[test]
    fn a_full_list_with_the_end_of_a_hold_is_unusable_for_the_certificate() {
        let listed = Certificate::parse(&shared("user/rsa_individual_sign_20220118_3f32db.cer")).unwrap();
        for (reason, is_unusable) in [(8, true), (6, false), (1, false)] {
            let crl = list_about(&listed, &[(3, reason)]);
            assert_eq!(crl.unusable_about(crl.find(&listed)).is_some(), is_unusable, "{reason}");
            assert_eq!(crl.unusable_about(None), None);
        }
    }

    /// A list like that of the national authority: serial numbers of 20 octets in no order, some with a reason.
    #[test]
    fn a_serial_number_with_too_many_or_too_few_leading_zeros_is_found() {
        use crate::pki::asn1::encode::element;
        let listed = Certificate::parse(&shared("user/rsa_individual_sign_20220118_3f32db.cer")).unwrap();
        let serial = listed.serial();
        for spelling in [serial.to_vec(), [&[0], serial].concat(), [&[0, 0], serial].concat()] {
            let date = element(tag::UTC_TIME, &[b"260101000000Z"]);
            let entry = element(tag::SEQUENCE, &[&element(tag::INTEGER, &[&spelling]), &date]);
            let algorithm = element(tag::SEQUENCE, &[&[6, 3, 0x2b, 0x65, 0x70]]);
            let issuer = listed.issuer().der();
            let list = element(tag::SEQUENCE, &[&entry]);
            let tbs = element(tag::SEQUENCE, &[&[tag::INTEGER, 1, 1], &algorithm, issuer, &date, &list]);
            let der = element(tag::SEQUENCE, &[&tbs, &algorithm, &element(tag::BIT_STRING, &[&[0]])]);
            assert!(Crl::parse(&der).unwrap().find(&listed).is_some(), "{spelling:02x?}");
        }
    }

    fn large(entries: u32) -> Vec<u8> {
        use crate::pki::asn1::encode::element;
        let serial = |number: u32| {
            let mut octets = sha2::Sha256::digest(number.to_be_bytes()).to_vec();
            octets.truncate(20);
            octets[0] &= 0x7f;
            octets[0] |= 1;
            octets
        };
        let reason = element(
            tag::SEQUENCE,
            &[&element(
                tag::SEQUENCE,
                &[&[6, 3, 0x55, 0x1d, 21][..], &element(tag::OCTET_STRING, &[&[tag::ENUMERATED, 1, 4]])],
            )],
        );
        let list: Vec<u8> = (0..entries)
            .flat_map(|number| {
                let date = element(tag::UTC_TIME, &[b"260101000000Z"]);
                let extensions = if number % 2 == 0 { &reason[..] } else { &[] };
                element(tag::SEQUENCE, &[&element(tag::INTEGER, &[&serial(number)]), &date, extensions])
            })
            .collect();
        let algorithm = element(tag::SEQUENCE, &[&[6, 3, 0x2b, 0x65, 0x70]]);
        let tbs = element(
            tag::SEQUENCE,
            &[
                &[tag::INTEGER, 1, 1],
                &algorithm,
                &element(tag::SEQUENCE, &[]),
                &element(tag::UTC_TIME, &[b"260101000000Z"]),
                &element(tag::SEQUENCE, &[&list]),
            ],
        );
        element(tag::SEQUENCE, &[&tbs, &algorithm, &element(tag::BIT_STRING, &[&[0]])])
    }

    #[test]
    fn a_large_list_is_indexed_once_and_every_entry_is_found() {
        let entries = 20_000;
        let der = large(entries);
        let crl = Crl::parse(&der).unwrap();
        assert_eq!(crl.entries(), usize::try_from(entries).unwrap());
        let mut list = Tlv::only(&der).unwrap().reader().any().unwrap().reader();
        for _ in 0..4 {
            list.any().unwrap();
        }
        let mut listed = list.any().unwrap().reader();
        let mut found = 0_u32;
        while !listed.is_empty() {
            let serial = listed.any().unwrap().reader().any().unwrap().value;
            let revoked = crl.index.find(&der, serial, &crl.issuer, &crl.issuer).unwrap();
            assert_eq!(revoked.reason, if found.is_multiple_of(2) { 4 } else { 0 });
            let mut other = serial.to_vec();
            other[19] ^= 1;
            assert_eq!(crl.index.find(&der, &other, &crl.issuer, &crl.issuer), None);
            found += 1;
        }
        assert_eq!(found, entries);
    }

    proptest! {
        #[test]
        fn mutated_crls_of_every_scope_never_panic(suite in 0_usize..8, at in 0_usize..4096, bit in 0_u8..8) {
            let names = [
                "distributionPoint2CACRL", "onlySomeReasonsCA1compromiseCRL", "indirectCRLCA5CRL", "deltaCRLCA1deltaCRL",
                "indirectCRLCA3cRLIssuerCRL", "UnknownCRLExtensionCACRL", "NegativeSerialNumberCACRL", "deltaCRLCA2CRL",
            ];
            let path = format!("../pki-suites/pkits/crls/{}.crl", names[suite]);
            let mut der = shared(&path);
            let at = at % der.len();
            der[at] ^= 1 << bit;
            if let Ok(crl) = Crl::parse(&der) {
                let certificate = Certificate::parse(&shared("ca/test/nca_rsa_test_2019.cer")).unwrap();
                prop_assert!(crl.verify(&certificate, AlgorithmRegistry::standard()).is_err());
                crl.find(&certificate);
                crl.coverage(&certificate);
            }
        }

        #[test]
        fn mutated_crls_never_panic_and_never_verify(at in 0_usize..6288, bit in 0_u8..8) {
            let mut der = shared("crl/nca_rsa_test_2019_20220329.crl");
            der[at] ^= 1 << bit;
            if let Ok(crl) = Crl::parse(&der) {
                let issuer = Certificate::parse(&shared("ca/test/nca_rsa_test_2019.cer")).unwrap();
                prop_assert!(crl.verify(&issuer, AlgorithmRegistry::standard()).is_err());
            }
        }
    }
}
