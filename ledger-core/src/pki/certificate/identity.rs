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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::asn1::Tlv;

    const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");

    fn tlv(tag: u8, value: &[u8]) -> Vec<u8> {
        [&[tag, u8::try_from(value.len()).unwrap()], value].concat()
    }

    /// A subject of one-valued relative names, with the string type given.
    fn identity(attributes: &[(ObjectIdentifier, u8, &[u8])]) -> SubjectIdentity {
        let sets = attributes.iter().flat_map(|(oid, string, value)| {
            let pair = [tlv(0x06, oid.as_bytes()), tlv(*string, value)].concat();
            tlv(0x31, &tlv(0x30, &pair))
        });
        let sets: Vec<u8> = sets.collect();
        let length = u8::try_from(sets.len()).unwrap();
        let name = [&[0x30, 0x81, length], sets.as_slice()].concat();
        let name = if length < 0x80 { tlv(0x30, &sets) } else { name };
        SubjectIdentity::of(&Name::parse(Tlv::only(&name).unwrap()).unwrap())
    }

    const UTF8: u8 = 0x0c;
    const PRINTABLE: u8 = 0x13;
    const BMP: u8 = 0x1e;
    const IIN: &[u8] = b"IIN123456789011";
    const BIN: &[u8] = b"BIN123456789021";

    #[test]
    fn numbers_are_found_by_attribute_type_whatever_the_order_and_string_type() {
        let both = SubjectIdentity { bin: Some("123456789021".to_owned()), iin: Some("123456789011".to_owned()) };
        let wide: Vec<u8> = BIN.iter().flat_map(|byte| [0, *byte]).collect();
        for attributes in [
            [(SERIAL_NUMBER, PRINTABLE, IIN), (ORGANIZATIONAL_UNIT, UTF8, BIN)],
            [(ORGANIZATIONAL_UNIT, UTF8, BIN), (SERIAL_NUMBER, UTF8, IIN)],
            [(ORGANIZATIONAL_UNIT, BMP, wide.as_slice()), (SERIAL_NUMBER, UTF8, IIN)],
            [(ORGANIZATION_IDENTIFIER, UTF8, BIN), (SERIAL_NUMBER, UTF8, IIN)],
        ] {
            assert_eq!(identity(&attributes), both);
        }
        // A department beside the number, the same number twice.
        let department = "Бухгалтерия".as_bytes();
        let units = [(ORGANIZATIONAL_UNIT, UTF8, department), (ORGANIZATIONAL_UNIT, UTF8, BIN)];
        assert_eq!(identity(&units).bin, both.bin);
        let twice = [(ORGANIZATIONAL_UNIT, UTF8, BIN), (ORGANIZATION_IDENTIFIER, PRINTABLE, BIN)];
        assert_eq!(identity(&twice).bin, both.bin);
    }

    #[test]
    fn two_different_numbers_name_nobody() {
        let other = b"BIN171140001255".as_slice();
        for attributes in [
            [(ORGANIZATIONAL_UNIT, UTF8, BIN), (ORGANIZATIONAL_UNIT, UTF8, other)],
            [(ORGANIZATIONAL_UNIT, UTF8, BIN), (ORGANIZATION_IDENTIFIER, UTF8, other)],
            [(ORGANIZATIONAL_UNIT, UTF8, BIN), (ORGANIZATIONAL_UNIT, UTF8, b"BIN12345678902")],
        ] {
            assert_eq!(identity(&attributes), SubjectIdentity::default());
        }
    }

    /// Pitfall 16: nothing is read out of another attribute, out of text that only looks alike, or out of a longer
    /// text that holds the number.
    #[test]
    fn look_alike_escaped_and_misplaced_numbers_name_nobody() {
        let look_alikes: [(ObjectIdentifier, &[u8]); 12] = [
            (COMMON_NAME, b"IIN123456789011"),
            (COMMON_NAME, b"x, OU=BIN123456789021"),
            (SERIAL_NUMBER, b"BIN123456789021"),
            (ORGANIZATIONAL_UNIT, b"IIN123456789011"),
            (ORGANIZATIONAL_UNIT, b"bin123456789021"),
            (ORGANIZATIONAL_UNIT, b"BIN 123456789021"),
            (ORGANIZATIONAL_UNIT, b" BIN123456789021"),
            (ORGANIZATIONAL_UNIT, b"BIN123456789021\\,"),
            (ORGANIZATIONAL_UNIT, b"BIN1234567890210"),
            // Cyrillic В, a zero-width space, Arabic-Indic digits.
            (ORGANIZATIONAL_UNIT, "ВIN123456789021".as_bytes()),
            (ORGANIZATIONAL_UNIT, "BIN\u{200b}123456789021".as_bytes()),
            (ORGANIZATIONAL_UNIT, "BIN١٢٣٤٥٦".as_bytes()),
        ];
        for (oid, value) in look_alikes {
            assert_eq!(identity(&[(oid, UTF8, value)]), SubjectIdentity::default(), "{value:?}");
        }
    }
}
