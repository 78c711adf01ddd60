//! Just enough DER to take samples apart and to put them together again.

/// Length of the tag and length octets.
pub(crate) fn header_length(bytes: &[u8]) -> usize {
    if bytes[1] < 0x80 { 2 } else { 2 + usize::from(bytes[1] & 0x7f) }
}

fn whole_length(bytes: &[u8]) -> usize {
    let header = header_length(bytes);
    let length = if header == 2 {
        usize::from(bytes[1])
    } else {
        bytes[2..header].iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte))
    };
    header + length
}

/// The contents of the first element.
pub(crate) fn value(bytes: &[u8]) -> &[u8] {
    &bytes[header_length(bytes)..whole_length(bytes)]
}

/// The elements one after the other.
pub(crate) fn children(mut bytes: &[u8]) -> Vec<&[u8]> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let (first, rest) = bytes.split_at(whole_length(bytes));
        found.push(first);
        bytes = rest;
    }
    found
}

/// One element around the parts.
pub(crate) fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    let length = u32::try_from(body.len()).unwrap();
    let header = match length {
        0..0x80 => vec![tag, length.to_be_bytes()[3]],
        0x80..0x100 => vec![tag, 0x81, length.to_be_bytes()[3]],
        0x100..0x1_0000 => [&[tag, 0x82], &length.to_be_bytes()[2..]].concat(),
        _ => [&[tag, 0x83], &length.to_be_bytes()[1..]].concat(),
    };
    [header, body].concat()
}

/// The parts of a `SignedData` in a `ContentInfo`: everything before the signers, and the signers.
fn split(cms: &[u8]) -> (Vec<&[u8]>, Vec<&[u8]>) {
    let info = children(value(cms));
    let mut fields = children(value(value(info[1])));
    let signers = children(value(fields.pop().unwrap()));
    (fields, signers)
}

/// The signature octets of the first signer.
pub(crate) fn signature_value(cms: &[u8]) -> Vec<u8> {
    let (_, signers) = split(cms);
    let fields = children(value(signers[0]));
    value(fields.iter().rfind(|field| field[0] == 4).unwrap()).to_vec()
}

/// The message with unsigned attributes (contents of a SET OF) at its first signer.
pub(crate) fn with_unsigned(cms: &[u8], attributes: &[u8]) -> Vec<u8> {
    let (fields, signers) = split(cms);
    let signer = tlv(0x30, &[value(signers[0]), &tlv(0xa1, &[attributes])]);
    let signers = [&[signer.as_slice()], &signers[1..]].concat().concat();
    let data = tlv(0x30, &[&fields.concat(), &tlv(0x31, &[&signers])]);
    let oid = children(value(cms))[0];
    tlv(0x30, &[oid, &tlv(0xa0, &[&data])])
}

/// An attribute under `1.2.840.113549.1.9.16.2`.
pub(crate) fn attribute(number: u8, values: &[&[u8]]) -> Vec<u8> {
    let oid = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 0x10, 2, number];
    tlv(0x30, &[&tlv(6, &[&oid]), &tlv(0x31, values)])
}
