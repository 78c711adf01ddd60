//! Distinguished names: original bytes, a form to compare by (RFC 5280 7.1) and a form to show.

use const_oid::ObjectIdentifier;

use super::{Asn1Error, Oid, Tlv, tag};
use crate::pki::limits::NAME_ATTRIBUTES_MAX;

/// A Name as it stands, and what two names are compared by.
#[derive(Debug, Clone)]
pub(crate) struct Name {
    raw: Vec<u8>,
    /// Every attribute with length in front; strings without case, outer and doubled spaces and string type.
    comparable: Vec<u8>,
}

/// RFC 5280 7.1: equal but for case, spaces and string type.
impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.comparable == other.comparable
    }
}

impl Eq for Name {}

impl Name {
    pub(crate) fn parse(tlv: Tlv<'_>) -> Result<Self, Asn1Error> {
        let mut comparable = Vec::new();
        let mut count = 0;
        let mut relative_names = tlv.expect(tag::SEQUENCE, "name")?.reader();
        while !relative_names.is_empty() {
            let set = relative_names.take(tag::SET, "relative distinguished name")?;
            let mut members = Vec::new();
            let mut reader = set.reader();
            while !reader.is_empty() {
                let attribute = Attribute::parse(reader.take(tag::SEQUENCE, "attribute")?)?;
                members.push(attribute.comparable());
                count += 1;
                if count > NAME_ATTRIBUTES_MAX {
                    return Err(Asn1Error::Limit { what: "attributes in a name", max: NAME_ATTRIBUTES_MAX });
                }
            }
            if members.is_empty() {
                return Err(Asn1Error::Value { what: "relative distinguished name" });
            }
            members.sort();
            push_with_length(&mut comparable, &members.concat());
        }
        Ok(Self { raw: tlv.raw.to_vec(), comparable })
    }

    /// The DER as it stood.
    pub(crate) fn der(&self) -> &[u8] {
        &self.raw
    }

    /// All attributes in order; `parse` has checked the structure.
    pub(crate) fn attributes(&self) -> Vec<Attribute<'_>> {
        let mut found = Vec::new();
        let Ok(name) = Tlv::only(&self.raw) else { return found };
        let mut relative_names = name.reader();
        while let Ok(set) = relative_names.any() {
            let mut reader = set.reader();
            while let Ok(tlv) = reader.any() {
                found.extend(Attribute::parse(tlv));
            }
        }
        found
    }

    /// Text for people, as RFC 4514 but in the order of the certificate. Never compare or decide by it.
    pub(crate) fn display(&self) -> String {
        let mut text = String::new();
        for attribute in self.attributes() {
            if !text.is_empty() {
                text.push_str(", ");
            }
            match SHORT_NAMES.iter().find(|(oid, _)| attribute.oid.is(oid)) {
                Some((_, short)) => text.push_str(short),
                None => text.push_str(&attribute.oid.to_string()),
            }
            text.push('=');
            let Some(value) = attribute.text() else {
                text.push('#');
                text.push_str(&crate::digest::encode_hex(attribute.value.raw));
                continue;
            };
            for character in value.chars() {
                if matches!(character, ',' | '+' | '"' | '\\' | '<' | '>' | ';' | '=') {
                    text.push('\\');
                }
                text.push(printable(character));
            }
        }
        text
    }
}

const SHORT_NAMES: [(ObjectIdentifier, &str); 10] = [
    (ObjectIdentifier::new_unwrap("2.5.4.3"), "CN"),
    (ObjectIdentifier::new_unwrap("2.5.4.4"), "SN"),
    (ObjectIdentifier::new_unwrap("2.5.4.5"), "SERIALNUMBER"),
    (ObjectIdentifier::new_unwrap("2.5.4.6"), "C"),
    (ObjectIdentifier::new_unwrap("2.5.4.7"), "L"),
    (ObjectIdentifier::new_unwrap("2.5.4.8"), "ST"),
    (ObjectIdentifier::new_unwrap("2.5.4.10"), "O"),
    (ObjectIdentifier::new_unwrap("2.5.4.11"), "OU"),
    (ObjectIdentifier::new_unwrap("2.5.4.42"), "G"),
    (ObjectIdentifier::new_unwrap("2.5.4.97"), "ORGANIZATIONIDENTIFIER"),
];

/// Controls, direction marks and noncharacters could forge a line or break the record; they show as U+FFFD.
pub(crate) fn printable(character: char) -> char {
    let code = u32::from(character);
    let direction = matches!(code, 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x2069 | 0xfeff);
    let noncharacter = (0xfdd0..=0xfdef).contains(&code) || code & 0xfffe == 0xfffe;
    if character.is_control() || direction || noncharacter { '\u{fffd}' } else { character }
}

/// One attribute type with its value.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attribute<'a> {
    pub(crate) oid: Oid<'a>,
    pub(crate) value: Tlv<'a>,
}

impl<'a> Attribute<'a> {
    fn parse(tlv: Tlv<'a>) -> Result<Self, Asn1Error> {
        let mut reader = tlv.reader();
        let oid = reader.oid()?;
        let value = reader.any()?;
        reader.finish()?;
        Ok(Self { oid, value })
    }

    /// The string, whatever string type it is in.
    pub(crate) fn text(&self) -> Option<String> {
        let bytes = self.value.value;
        match self.value.tag {
            0x0c | 0x12 | 0x13 | 0x16 | 0x1a => String::from_utf8(bytes.to_vec()).ok(),
            // TeletexString: in practice Latin-1.
            0x14 => Some(bytes.iter().map(|byte| char::from(*byte)).collect()),
            0x1e => {
                let (pairs, rest) = bytes.as_chunks::<2>();
                let units = pairs.iter().map(|pair| u16::from_be_bytes(*pair));
                let text = char::decode_utf16(units).collect::<Result<String, _>>().ok()?;
                rest.is_empty().then_some(text)
            }
            0x1c => {
                let (quads, rest) = bytes.as_chunks::<4>();
                let text = quads.iter().map(|quad| char::from_u32(u32::from_be_bytes(*quad))).collect::<Option<_>>()?;
                rest.is_empty().then_some(text)
            }
            _ => None,
        }
    }

    fn comparable(&self) -> Vec<u8> {
        let mut out = Vec::new();
        push_with_length(&mut out, self.oid.as_bytes());
        if let Some(text) = self.text() {
            let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
            out.push(b's');
            push_with_length(&mut out, words.join(" ").as_bytes());
        } else {
            out.push(b'r');
            push_with_length(&mut out, self.value.raw);
        }
        out
    }
}

fn push_with_length(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(attributes: &[(&[u8], u8, &[u8])]) -> Name {
        let mut sets = Vec::new();
        for (oid, tag, value) in attributes {
            let mut pair = vec![0x06, u8::try_from(oid.len()).unwrap()];
            pair.extend_from_slice(oid);
            pair.extend([*tag, u8::try_from(value.len()).unwrap()]);
            pair.extend_from_slice(value);
            let length = u8::try_from(pair.len()).unwrap();
            sets.extend([0x31, length + 2, 0x30, length]);
            sets.extend(pair);
        }
        let mut bytes = vec![0x30, u8::try_from(sets.len()).unwrap()];
        bytes.extend(sets);
        Name::parse(Tlv::only(&bytes).unwrap()).unwrap()
    }

    const CN: &[u8] = &[0x55, 4, 3];
    const O: &[u8] = &[0x55, 4, 10];

    #[test]
    fn names_compare_without_case_spaces_and_string_type() {
        let one = name(&[(CN, 0x0c, b"Good  CA ")]);
        assert_eq!(one, name(&[(CN, 0x13, b" good CA")]));
        assert_eq!(one, name(&[(CN, 0x1e, &[0, b'G', 0, b'o', 0, b'o', 0, b'd', 0, b' ', 0, b'C', 0, b'A'])]));
        assert_ne!(one, name(&[(CN, 0x0c, b"GoodCA")]));
        assert_ne!(one, name(&[(O, 0x0c, b"Good CA")]));
        assert_ne!(one, name(&[(CN, 0x0c, b"Good CA"), (O, 0x0c, b"x")]));
    }

    #[test]
    fn what_is_shown_cannot_forge_another_attribute_or_line() {
        let shown = name(&[(CN, 0x0c, "a, O=b\n\u{202e}".as_bytes())]).display();
        assert_eq!(shown, "CN=a\\, O\\=b\u{fffd}\u{fffd}");
    }
}
