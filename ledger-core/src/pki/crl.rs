//! A certificate revocation list (RFC 5280 section 5): read once, its serial numbers indexed, nothing decoded twice.
//!
//! In scope: full CRLs, for all certificates or for user or CA certificates alone, for one distribution point.
//! Everything with another scope (delta, indirect, some reasons only) or with a critical extension not known here
//! parses, and is marked unusable: it never proves anything.

mod number;

use std::sync::OnceLock;

use const_oid::ObjectIdentifier;

pub use number::CrlNumber;

use super::alg::{AlgorithmError, AlgorithmRegistry, SignatureRequest};
use super::asn1::name::Name;
use super::asn1::{AlgorithmIdentifier, Asn1Error, Oid, Reader, Tlv, tag, time};
use super::certificate::{Certificate, CertificateError, Extension, authority_key_id, parse_extensions};
use super::limits::{CRL_BYTES_MAX, CRL_ENTRIES_MAX};
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
    authority_key_id: Option<Vec<u8>>,
    expired_certificates_since: Option<Timestamp>,
    entries: Vec<Entry>,
    /// The key under which the signature was found to hold: together with these bytes it covers signature,
    /// algorithm, message and key (pki.md section 5, pitfall 19).
    verified: OnceLock<KeyId>,
}

/// What a CRL speaks about.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Scope {
    Usable {
        /// DER of the `GeneralNames` of the distribution point; empty when it is for all.
        distribution_point: Vec<Vec<u8>>,
        only_users: bool,
        only_authorities: bool,
    },
    Unusable(&'static str),
}

/// One revoked certificate, small, for the lists have hundreds of thousands.
#[derive(Debug, Clone, Copy)]
struct Entry {
    serial_start: u32,
    serial_length: u8,
    reason: u8,
    /// Seconds since 1970, held at 2106.
    date: u32,
    /// Likewise; 0 is absent.
    invalidity: u32,
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

const DISTRIBUTION_POINT: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.28");
const CRL_NUMBER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.20");
const REASON: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.21");
const INVALIDITY_DATE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.24");
const DELTA_INDICATOR: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.27");
const CERTIFICATE_ISSUER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.29");
const CRL_DISTRIBUTION_POINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.31");
const AUTHORITY_KEY_ID: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.35");
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
        let mut unusable = None;
        let entries = match fields.optional(tag::SEQUENCE)? {
            Some(list) => index(der, list.reader(), &mut unusable)?,
            None => Vec::new(),
        };
        let extensions = match fields.optional(tag::context_constructed(0))? {
            Some(explicit) => {
                parse_extensions(Tlv::only(explicit.value)?).map_err(|source| CrlError::Extensions { source })?
            }
            None => Vec::new(),
        };
        fields.finish()?;
        let scope = match unusable {
            Some(why) => Scope::Unusable(why),
            None => Scope::of(&extensions)?,
        };
        let find = |oid: &ObjectIdentifier| extensions.iter().find(|extension| extension.oid == oid.as_bytes());
        let authority_key_id = match find(&AUTHORITY_KEY_ID) {
            Some(extension) => authority_key_id(&extension.value)?.map(<[u8]>::to_vec),
            None => None,
        };
        let number = find(&CRL_NUMBER).map(|extension| CrlNumber::parse(&extension.value)).transpose()?;
        let base_number = find(&DELTA_INDICATOR).map(|extension| CrlNumber::parse(&extension.value)).transpose()?;
        let expired_certificates_since =
            find(&EXPIRED_ON_CRL).map(|extension| time::parse(Tlv::only(&extension.value)?)).transpose()?;
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
            entries,
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

    /// The number of the full CRL that a delta CRL starts from (BaseCRLNumber, RFC 5280 5.2.4).
    pub const fn base_number(&self) -> Option<&CrlNumber> {
        self.base_number.as_ref()
    }

    /// How many certificates it lists.
    pub const fn entries(&self) -> usize {
        self.entries.len()
    }

    /// The issuer's name for people.
    pub fn issuer_display(&self) -> String {
        self.issuer.display()
    }

    /// Why it can prove nothing, if so.
    pub const fn unusable(&self) -> Option<&'static str> {
        match self.scope {
            Scope::Usable { .. } => None,
            Scope::Unusable(why) => Some(why),
        }
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

    /// Whether the certificate is within what the CRL speaks about.
    pub(crate) fn covers(&self, certificate: &Certificate) -> bool {
        let Scope::Usable { distribution_point, only_users, only_authorities } = &self.scope else { return false };
        if *only_users && certificate.is_ca() || *only_authorities && !certificate.is_ca() {
            return false;
        }
        distribution_point.is_empty()
            || certificate.extension(&CRL_DISTRIBUTION_POINTS).is_some_and(|extension| {
                let theirs = distribution_point_names(&extension.value).unwrap_or_default();
                distribution_point.iter().any(|name| theirs.contains(name))
            })
    }

    /// Verifies the signature with the key of `issuer`; the mathematics runs once per key that holds.
    pub(crate) fn verify(&self, issuer: &Certificate, registry: &AlgorithmRegistry) -> Result<(), AlgorithmError> {
        let key = issuer.key();
        if self.verified.get() == Some(&key) {
            return Ok(());
        }
        registry.verify(&SignatureRequest {
            algorithm: &self.algorithm,
            key: issuer.spki_der(),
            cms_digest: None,
            message: self.der.get(self.tbs.0..self.tbs.1).unwrap_or_default(),
            signature: &self.signature,
        })?;
        let _ = self.verified.set(key);
        Ok(())
    }

    /// What it says about a serial number; `None` when it is not listed. Of doubled entries the earliest counts.
    pub(crate) fn find(&self, serial: &[u8]) -> Option<Revoked> {
        let start = self.entries.partition_point(|entry| entry.serial(&self.der) < serial);
        let same = self.entries.get(start..)?.iter().take_while(|entry| entry.serial(&self.der) == serial);
        let time = |seconds: u32| Timestamp::from_unix_seconds(u64::from(seconds));
        let entry = same.min_by_key(|entry| entry.date)?;
        let invalidity = (entry.invalidity != 0).then_some(entry.invalidity).and_then(time);
        Some(Revoked { at: time(entry.date)?, reason: entry.reason, invalidity })
    }
}

impl Entry {
    fn serial<'a>(&self, der: &'a [u8]) -> &'a [u8] {
        let start = usize::try_from(self.serial_start).unwrap_or(usize::MAX);
        der.get(start..start.saturating_add(usize::from(self.serial_length))).unwrap_or_default()
    }
}

/// Where `part` stands in `whole`, which it is a slice of.
fn offset(whole: &[u8], part: &[u8]) -> Result<usize, Asn1Error> {
    let at = part.as_ptr().addr().checked_sub(whole.as_ptr().addr());
    at.filter(|at| *at <= whole.len()).ok_or(Asn1Error::Truncated)
}

/// Walks the entries once and sorts them by serial number.
fn index(der: &[u8], mut list: Reader<'_>, unusable: &mut Option<&'static str>) -> Result<Vec<Entry>, Asn1Error> {
    let mut entries = Vec::new();
    while !list.is_empty() {
        if entries.len() == CRL_ENTRIES_MAX {
            return Err(Asn1Error::Limit { what: "CRL entries", max: CRL_ENTRIES_MAX });
        }
        let mut fields = list.take(tag::SEQUENCE, "revoked certificate")?.reader();
        let serial = fields.take(tag::INTEGER, "serial number")?.value;
        let date = time::parse(fields.any()?)?;
        let mut entry = Entry {
            serial_start: u32::try_from(offset(der, serial)?).map_err(|_| Asn1Error::Length)?,
            serial_length: u8::try_from(serial.len()).map_err(|_| Asn1Error::Value { what: "serial number" })?,
            reason: 0,
            date: seconds(date),
            invalidity: 0,
        };
        if let Some(extensions) = fields.optional(tag::SEQUENCE)? {
            let mut reader = extensions.reader();
            while !reader.is_empty() {
                entry_extension(reader.take(tag::SEQUENCE, "entry extension")?, &mut entry, unusable)?;
            }
        }
        fields.finish()?;
        entries.push(entry);
    }
    entries.sort_by(|one, other| one.serial(der).cmp(other.serial(der)));
    Ok(entries)
}

fn seconds(time: Timestamp) -> u32 {
    u32::try_from(time.unix_seconds()).unwrap_or(u32::MAX)
}

fn entry_extension(tlv: Tlv<'_>, entry: &mut Entry, unusable: &mut Option<&'static str>) -> Result<(), Asn1Error> {
    let mut reader = tlv.reader();
    let oid = reader.oid()?;
    let critical = reader.optional(tag::BOOLEAN)?.map(|tlv| tlv.boolean()).transpose()?.unwrap_or(false);
    let value = Tlv::only(reader.take(tag::OCTET_STRING, "extension value")?.value)?;
    reader.finish()?;
    if oid.is(&REASON) {
        let reason = value.expect(tag::ENUMERATED, "reason")?.small_integer()?;
        entry.reason = u8::try_from(reason).map_err(|_| Asn1Error::Value { what: "reason" })?;
    } else if oid.is(&INVALIDITY_DATE) {
        entry.invalidity = seconds(time::parse(value)?);
    } else if oid.is(&CERTIFICATE_ISSUER) {
        *unusable = Some("indirect");
    } else if critical {
        *unusable = Some("unknown critical entry extension");
    }
    Ok(())
}

impl Scope {
    fn of(extensions: &[Extension]) -> Result<Self, Asn1Error> {
        let mut scope = Self::Usable { distribution_point: Vec::new(), only_users: false, only_authorities: false };
        for extension in extensions {
            let oid = Oid::new(&extension.oid)?;
            if oid.is(&DELTA_INDICATOR) {
                return Ok(Self::Unusable("delta"));
            }
            if oid.is(&DISTRIBUTION_POINT) {
                scope = Self::issuing_distribution_point(&extension.value)?;
                if matches!(scope, Self::Unusable(_)) {
                    return Ok(scope);
                }
            } else if extension.critical && !oid.is_one_of(&[CRL_NUMBER, AUTHORITY_KEY_ID]) {
                return Ok(Self::Unusable("unknown critical extension"));
            }
        }
        Ok(scope)
    }

    fn issuing_distribution_point(value: &[u8]) -> Result<Self, Asn1Error> {
        let mut reader = Tlv::only(value)?.expect(tag::SEQUENCE, "issuingDistributionPoint")?.reader();
        let mut names = Vec::new();
        if let Some(point) = reader.optional(tag::context_constructed(0))? {
            names = full_names(point)?;
            if names.is_empty() {
                return Ok(Self::Unusable("distribution point relative to the issuer"));
            }
        }
        let mut flag = |number: u8| -> Result<bool, Asn1Error> {
            match reader.optional(tag::context(number))?.map(|tlv| tlv.value) {
                None | Some([0]) => Ok(false),
                Some([0xff]) => Ok(true),
                Some(_) => Err(Asn1Error::Value { what: "boolean" }),
            }
        };
        let only_users = flag(1)?;
        let only_authorities = flag(2)?;
        let only_some_reasons = flag_bits(&mut reader)?;
        let mut flag = |number: u8| -> Result<bool, Asn1Error> {
            Ok(reader.optional(tag::context(number))?.is_some_and(|tlv| tlv.value != [0]))
        };
        let indirect = flag(4)?;
        let only_attributes = flag(5)?;
        reader.finish()?;
        Ok(match (only_some_reasons, indirect, only_attributes) {
            (true, _, _) => Self::Unusable("some reasons only"),
            (_, true, _) => Self::Unusable("indirect"),
            (_, _, true) => Self::Unusable("attribute certificates only"),
            _ => Self::Usable { distribution_point: names, only_users, only_authorities },
        })
    }
}

fn flag_bits(reader: &mut Reader<'_>) -> Result<bool, Asn1Error> {
    Ok(reader.optional(tag::context(3))?.is_some())
}

/// The DER of the names of a `DistributionPointName` `fullName`; empty for a relative name.
fn full_names(point: Tlv<'_>) -> Result<Vec<Vec<u8>>, Asn1Error> {
    let name = Tlv::only(point.value)?;
    if name.tag != tag::context_constructed(0) {
        return Ok(Vec::new());
    }
    let mut names = Vec::new();
    let mut reader = name.reader();
    while !reader.is_empty() {
        names.push(reader.any()?.raw.to_vec());
        if names.len() > 64 {
            return Err(Asn1Error::Limit { what: "names of a distribution point", max: 64 });
        }
    }
    Ok(names)
}

/// Every full name in a certificate's cRLDistributionPoints.
fn distribution_point_names(value: &[u8]) -> Result<Vec<Vec<u8>>, Asn1Error> {
    let mut all = Vec::new();
    let mut points = Tlv::only(value)?.expect(tag::SEQUENCE, "cRLDistributionPoints")?.reader();
    while !points.is_empty() {
        let mut fields = points.take(tag::SEQUENCE, "distribution point")?.reader();
        if let Some(point) = fields.optional(tag::context_constructed(0))? {
            all.extend(full_names(point)?);
        }
        if all.len() > 256 {
            return Err(Asn1Error::Limit { what: "distribution points", max: 256 });
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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
        assert_eq!(crl.find(listed.serial()), Some(revoked));
        assert_eq!(crl.find(&[1]), None);
        let issuer = Certificate::parse(&shared("ca/test/nca_rsa_test_2019.cer")).unwrap();
        let other = Certificate::parse(&shared("ca/test/root_rsa_test_2018.cer")).unwrap();
        assert_eq!(crl.verify(&issuer, AlgorithmRegistry::standard()), Ok(()));
        assert_eq!(crl.verify(&other, AlgorithmRegistry::standard()), Err(AlgorithmError::BadSignature));
    }

    #[test]
    fn a_delta_crl_is_never_taken_for_a_full_one() {
        let delta = Crl::parse(&shared("crl/nca_gost_test_2022_delta_20250429.crl")).unwrap();
        assert_eq!(delta.unusable(), Some("delta"));
    }

    #[test]
    fn a_national_gost_crl_is_signed_by_its_issuer_and_by_no_namesake() {
        let crl = Crl::parse(&shared("crl/nca_gost_test_2022_20250429.crl")).unwrap();
        assert_eq!(crl.entries(), 54);
        let issuer = Certificate::parse(&shared("ca/test/nca_gost_test_2022.cer")).unwrap();
        assert_eq!(crl.verify(&issuer, AlgorithmRegistry::standard()), Ok(()));
        let root = Certificate::parse(&shared("ca/test/root_gost_test_2022.cer")).unwrap();
        assert_eq!(crl.verify(&root, AlgorithmRegistry::standard()), Err(AlgorithmError::BadSignature));
    }

    proptest! {
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
