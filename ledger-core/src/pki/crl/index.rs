//! The entries of a CRL: walked once, sorted by serial number, never decoded as a whole.
//!
//! The list of the national authority has half a million entries in 22 MB; the index takes 24 bytes for each.

use std::collections::BTreeMap;

use const_oid::ObjectIdentifier;

use super::scope::directory_names;
use super::{Revoked, offset};
use crate::pki::asn1::name::Name;
use crate::pki::asn1::{Asn1Error, Reader, Tlv, magnitude, tag, time};
use crate::pki::limits::{CRL_ENTRIES_MAX, CRL_ENTRY_ISSUERS_MAX};
use crate::time::Timestamp;

const REASON: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.21");
const INVALIDITY_DATE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.24");
const CERTIFICATE_ISSUER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.29");

/// The index of one CRL.
#[derive(Debug)]
pub(super) struct Index {
    entries: Vec<Entry>,
    /// The issuers that entries of an indirect CRL name; entry issuer 0 is the issuer of the CRL, n is number n - 1.
    issuers: Vec<Vec<Name>>,
    /// Why the whole list proves nothing, if so (RFC 5280 5.3: an unknown critical entry extension).
    pub(super) unusable: Option<&'static str>,
}

/// One revoked certificate.
#[derive(Debug, Clone, Copy)]
struct Entry {
    /// The first eight octets of the serial number, so that sorting and searching rarely look at the list.
    head: u64,
    serial_start: u32,
    /// Seconds since 1970, held at 2106.
    date: u32,
    /// Likewise; 0 is absent.
    invalidity: u32,
    issuer: u16,
    serial_length: u8,
    reason: u8,
}

impl Entry {
    fn serial<'a>(&self, der: &'a [u8]) -> &'a [u8] {
        let start = usize::try_from(self.serial_start).unwrap_or(usize::MAX);
        der.get(start..start.saturating_add(usize::from(self.serial_length))).unwrap_or_default()
    }
}

fn head(serial: &[u8]) -> u64 {
    serial.iter().copied().chain([0; 8]).take(8).fold(0, |sum, octet| (sum << 8) | u64::from(octet))
}

impl Index {
    pub(super) const fn empty() -> Self {
        Self { entries: Vec::new(), issuers: Vec::new(), unusable: None }
    }

    /// Walks the entries once and sorts them by serial number.
    pub(super) fn read(der: &[u8], mut list: Reader<'_>) -> Result<Self, Asn1Error> {
        let mut index = Self::empty();
        let mut issuers = IssuerNumbers::default();
        // RFC 5280 5.3.3: an entry without certificateIssuer has that of the entry before it.
        let mut issuer = 0;
        while !list.is_empty() {
            if index.entries.len() == CRL_ENTRIES_MAX {
                return Err(Asn1Error::Limit { what: "CRL entries", max: CRL_ENTRIES_MAX });
            }
            let mut fields = list.take(tag::SEQUENCE, "revoked certificate")?.reader();
            let serial = magnitude(fields.take(tag::INTEGER, "serial number")?.value);
            let date = time::parse_held_at_1970(fields.any()?)?;
            let mut entry = Entry {
                head: head(serial),
                serial_start: u32::try_from(offset(der, serial)?).map_err(|_| Asn1Error::Length)?,
                serial_length: u8::try_from(serial.len()).map_err(|_| Asn1Error::Value { what: "serial number" })?,
                reason: 0,
                date: seconds(date),
                invalidity: 0,
                issuer: 0,
            };
            if let Some(extensions) = fields.optional(tag::SEQUENCE)? {
                let mut reader = extensions.reader();
                let mut seen = Seen::default();
                while !reader.is_empty() {
                    let extension = reader.take(tag::SEQUENCE, "entry extension")?;
                    index.extension(extension, &mut entry, &mut issuer, &mut issuers, &mut seen)?;
                }
            }
            fields.finish()?;
            entry.issuer = issuer;
            index.entries.push(entry);
        }
        index.entries.sort_unstable_by(|one, other| {
            one.head.cmp(&other.head).then_with(|| one.serial(der).cmp(other.serial(der)))
        });
        Ok(index)
    }

    fn extension(
        &mut self,
        tlv: Tlv<'_>,
        entry: &mut Entry,
        issuer: &mut u16,
        issuers: &mut IssuerNumbers,
        seen: &mut Seen,
    ) -> Result<(), Asn1Error> {
        let mut reader = tlv.reader();
        let oid = reader.oid()?;
        let critical = reader.optional(tag::BOOLEAN)?.map(|tlv| tlv.boolean()).transpose()?.unwrap_or(false);
        let value = Tlv::only(reader.take(tag::OCTET_STRING, "extension value")?.value)?;
        reader.finish()?;
        let again = if oid.is(&REASON) {
            let reason = value.expect(tag::ENUMERATED, "reason")?.small_integer()?;
            entry.reason = u8::try_from(reason).map_err(|_| Asn1Error::Value { what: "reason" })?;
            std::mem::replace(&mut seen.reason, true)
        } else if oid.is(&INVALIDITY_DATE) {
            entry.invalidity = seconds(time::parse_with_fraction(value, true)?).max(1);
            std::mem::replace(&mut seen.invalidity, true)
        } else if oid.is(&CERTIFICATE_ISSUER) {
            *issuer = issuers.number(value.expect(tag::SEQUENCE, "certificate issuer")?, &mut self.issuers)?;
            std::mem::replace(&mut seen.issuer, true)
        } else {
            if critical {
                self.unusable = Some("unknown critical entry extension");
            }
            false
        };
        if again {
            self.unusable = Some("an entry extension stands twice");
        }
        Ok(())
    }

    pub(super) const fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether an entry names an issuer of its own.
    pub(super) const fn names_issuers(&self) -> bool {
        !self.issuers.is_empty()
    }

    /// What is said about a serial number of `issuer`. Of doubled entries the worst counts: one that revokes for good
    /// before a hold, that before the end of one, and of these the earliest.
    pub(super) fn find(&self, der: &[u8], serial: &[u8], issuer: &Name, crl_issuer: &Name) -> Option<Revoked> {
        let serial = magnitude(serial);
        let key = (head(serial), serial);
        let start = self
            .entries
            .partition_point(|entry| entry.head < key.0 || entry.head == key.0 && entry.serial(der) < key.1);
        let same = self.entries.get(start..)?.iter().take_while(|entry| entry.serial(der) == serial);
        let entry = same
            .filter(|entry| match usize::from(entry.issuer).checked_sub(1) {
                None => issuer == crl_issuer,
                Some(number) => self.issuers.get(number).is_some_and(|names| names.contains(issuer)),
            })
            .min_by_key(|entry| (Revoked::rank(entry.reason), entry.date))?;
        let time = |seconds: u32| Timestamp::from_unix_seconds(u64::from(seconds));
        let invalidity = (entry.invalidity != 0).then_some(entry.invalidity).and_then(time);
        Some(Revoked { at: time(entry.date)?, reason: entry.reason, invalidity })
    }
}

/// Which extensions an entry has had: each may stand once, for the last would hide the first.
#[derive(Default)]
struct Seen {
    reason: bool,
    invalidity: bool,
    issuer: bool,
}

/// Numbers for the issuers named, one for each spelling.
#[derive(Default)]
struct IssuerNumbers(BTreeMap<Vec<u8>, u16>);

impl IssuerNumbers {
    fn number(&mut self, names: Tlv<'_>, issuers: &mut Vec<Vec<Name>>) -> Result<u16, Asn1Error> {
        if let Some(number) = self.0.get(names.value) {
            return Ok(*number);
        }
        let limit = Asn1Error::Limit { what: "issuers of CRL entries", max: CRL_ENTRY_ISSUERS_MAX };
        if issuers.len() == CRL_ENTRY_ISSUERS_MAX {
            return Err(limit);
        }
        issuers.push(directory_names(names)?);
        let number = u16::try_from(issuers.len()).map_err(|_| limit)?;
        self.0.insert(names.value.to_vec(), number);
        Ok(number)
    }
}

fn seconds(time: Timestamp) -> u32 {
    u32::try_from(time.unix_seconds()).unwrap_or(u32::MAX)
}
