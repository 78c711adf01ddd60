//! Just enough DER to write certificates, CRLs and CMS; reading is the business of `ledger-core`.

use ledger_core::time::Timestamp;

pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(super) const UTF8_STRING: u8 = 0x0c;
pub(super) const PRINTABLE_STRING: u8 = 0x13;
pub(super) const UTC_TIME: u8 = 0x17;
pub(super) const GENERALIZED_TIME: u8 = 0x18;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;
pub(super) const NULL: [u8; 2] = [0x05, 0x00];
pub(super) const TRUE: [u8; 3] = [0x01, 0x01, 0xff];

/// Tag, length in its shortest form, content.
pub(super) fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag];
    if let Ok(length @ 0..=0x7f) = u8::try_from(content.len()) {
        bytes.push(length);
    } else {
        let length: Vec<u8> = content.len().to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
        bytes.extend(u8::try_from(length.len()).map(|count| 0x80 | count));
        bytes.extend(length);
    }
    bytes.extend(content);
    bytes
}

pub(super) fn sequence(members: &[&[u8]]) -> Vec<u8> {
    tlv(SEQUENCE, &members.concat())
}

/// SET OF: the members in the order of their encodings (X.690, 11.6).
pub(super) fn set_of(mut members: Vec<Vec<u8>>) -> Vec<u8> {
    members.sort();
    tlv(SET, &members.concat())
}

/// Constructed, context-specific tag `number`.
pub(super) fn context(number: u8, content: &[u8]) -> Vec<u8> {
    tlv(0xa0 | number, content)
}

/// A non-negative integer from its big-endian bytes.
pub(super) fn integer(bytes: &[u8]) -> Vec<u8> {
    let digits: Vec<u8> = bytes.iter().copied().skip_while(|byte| *byte == 0).collect();
    let sign = if digits.first().is_none_or(|byte| *byte >= 0x80) { &[0][..] } else { &[] };
    tlv(INTEGER, &[sign, &digits].concat())
}

/// A bit string of whole bytes.
pub(super) fn bit_string(bytes: &[u8]) -> Vec<u8> {
    tlv(BIT_STRING, &[&[0], bytes].concat())
}

/// Named bits (X.690, 11.2.2): the first bit is the highest, zero bits at the end are cut off.
pub(super) fn named_bits(bits: u8) -> Vec<u8> {
    let unused = u8::try_from(bits.trailing_zeros()).unwrap_or(0);
    tlv(BIT_STRING, &[unused, bits])
}

/// An object identifier from its dotted text.
pub(super) fn oid(dotted: &str) -> Vec<u8> {
    let mut arcs = dotted.split('.').filter_map(|arc| arc.parse::<u64>().ok());
    let first = arcs.next().unwrap_or_default() * 40 + arcs.next().unwrap_or_default();
    let mut content = Vec::new();
    for arc in std::iter::once(first).chain(arcs) {
        let groups = (1..10).rev().map(|group| arc >> (7 * group)).skip_while(|rest| *rest == 0);
        content.extend(groups.filter_map(|rest| u8::try_from(rest & 0x7f).ok()).map(|group| 0x80 | group));
        content.extend(u8::try_from(arc & 0x7f));
    }
    tlv(OBJECT_IDENTIFIER, &content)
}

/// `UTCTime` up to 2049, `GeneralizedTime` from 2050 on (RFC 5280, 4.1.2.5); whole seconds.
pub(super) fn time(at: Timestamp) -> Vec<u8> {
    let digits: String = at.to_string().chars().filter(char::is_ascii_digit).take(14).collect();
    match digits.split_at_checked(2) {
        Some((century, short)) if (century, short) < ("20", "5") => tlv(UTC_TIME, format!("{short}Z").as_bytes()),
        _ => tlv(GENERALIZED_TIME, format!("{digits}Z").as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_encode_as_x690_says() {
        let at = |text: &str| time(text.parse().unwrap());
        for (encoded, expected) in [
            (oid("1.2.840.113549.1.7.2"), &b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"[..]),
            (oid("2.5.29.15"), b"\x06\x03\x55\x1d\x0f"),
            (oid("1.2.398.3.3.4.1.2"), b"\x06\x08\x2a\x83\x0e\x03\x03\x04\x01\x02"),
            (integer(&[]), b"\x02\x01\x00"),
            (integer(&[0, 0, 0x7f]), b"\x02\x01\x7f"),
            (integer(&[0x80]), b"\x02\x02\x00\x80"),
            (named_bits(0b1100_0000), b"\x03\x02\x06\xc0"),
            (at("2026-11-24T01:02:03.999Z"), b"\x17\x0d261124010203Z"),
            (at("2050-01-01T00:00:00.000Z"), b"\x18\x0f20500101000000Z"),
            (set_of(vec![vec![2, 1, 5], vec![2, 1, 3]]), b"\x31\x06\x02\x01\x03\x02\x01\x05"),
        ] {
            assert_eq!(encoded, expected);
        }
        for (length, head) in [(127, &[4, 127][..]), (128, &[4, 0x81, 128]), (300, &[4, 0x82, 1, 44])] {
            assert!(tlv(OCTET_STRING, &vec![0; length]).starts_with(head), "{length}");
        }
    }
}
