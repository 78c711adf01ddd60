//! Just enough DER for tests to write keys, algorithm identifiers and signatures.

pub(crate) const NULL: [u8; 2] = [5, 0];

pub(crate) fn tlv(tag: u8, contents: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag];
    match u8::try_from(contents.len()) {
        Ok(length @ 0..=0x7f) => bytes.push(length),
        Ok(length) => bytes.extend([0x81, length]),
        Err(_) => bytes.extend([&[0x82], &u16::try_from(contents.len()).unwrap().to_be_bytes()[..]].concat()),
    }
    [bytes, contents.to_vec()].concat()
}

pub(crate) fn sequence(members: &[&[u8]]) -> Vec<u8> {
    tlv(0x30, &members.concat())
}

pub(crate) fn octet_string(octets: &[u8]) -> Vec<u8> {
    tlv(4, octets)
}

pub(crate) fn bit_string(octets: &[u8]) -> Vec<u8> {
    tlv(3, &[&[0], octets].concat())
}

/// From dotted text.
pub(crate) fn oid(dotted: &str) -> Vec<u8> {
    tlv(6, const_oid::ObjectIdentifier::new_unwrap(dotted).as_bytes())
}
