//! Identification numbers in a subject, found by attribute type, never by order or by display text
//! (pki.md section 5, pitfall 16).

use const_oid::ObjectIdentifier;

use crate::pki::asn1::name::Name;

/// The Kazakh identification numbers that a certificate names.
///
/// Twelve digits each, as they stand in the certificate; check digits are the register's matter. Two different
/// numbers of one kind name nobody, so the kind is then absent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SubjectIdentity {
    /// Business identification number: `BIN…` in organizationalUnit or organizationIdentifier.
    pub bin: Option<String>,
    /// Individual identification number: `IIN…` in serialNumber.
    pub iin: Option<String>,
}

const SERIAL_NUMBER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.5");
const ORGANIZATIONAL_UNIT: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.11");
const ORGANIZATION_IDENTIFIER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.97");

impl SubjectIdentity {
    pub(super) fn of(subject: &Name) -> Self {
        Self {
            bin: the_one(subject, &[ORGANIZATIONAL_UNIT, ORGANIZATION_IDENTIFIER], "BIN"),
            iin: the_one(subject, &[SERIAL_NUMBER], "IIN"),
        }
    }
}

fn the_one(subject: &Name, types: &[ObjectIdentifier], prefix: &str) -> Option<String> {
    let mut found: Option<String> = None;
    for attribute in subject.attributes() {
        if !attribute.oid.is_one_of(types) {
            continue;
        }
        let Some(text) = attribute.text() else { continue };
        let Some(number) = text.strip_prefix(prefix) else { continue };
        let is_number = number.len() == 12 && number.bytes().all(|digit| digit.is_ascii_digit());
        if !is_number || found.as_deref().is_some_and(|other| other != number) {
            return None;
        }
        found = Some(number.to_owned());
    }
    found
}
