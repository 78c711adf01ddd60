//! The little DER that is written here: requests to others, and what is hashed in another form than it came in. What
//! was received is never encoded again to be verified.

use super::tag;

/// One element: tag, shortest length, contents.
pub(crate) fn element(tag: u8, contents: &[&[u8]]) -> Vec<u8> {
    let length: usize = contents.iter().map(|part| part.len()).sum();
    let mut out = Vec::new();
    header(tag, length, &mut out);
    out.extend(contents.iter().flat_map(|part| part.iter()));
    out
}

/// Tag and shortest length.
pub(super) fn header(tag: u8, length: usize, out: &mut Vec<u8>) {
    out.push(tag);
    if let Ok(short @ 0..0x80) = u8::try_from(length) {
        out.push(short);
        return;
    }
    let digits: Vec<u8> = length.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
    out.push(0x80 | u8::try_from(digits.len()).unwrap_or_default());
    out.extend(digits);
}

/// A non-negative INTEGER in its shortest form.
pub(crate) fn integer(value: u64) -> Vec<u8> {
    let digits: Vec<u8> = value.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
    match digits.first() {
        Some(first) if *first < 0x80 => element(tag::INTEGER, &[&digits]),
        _ => element(tag::INTEGER, &[&[0], &digits]),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Tlv, tag};
    use super::*;

    #[test]
    fn elements_read_back_as_they_were_written() {
        for length in [0, 1, 127, 128, 255, 256, 70_000] {
            let contents = vec![7; length];
            let bytes = element(tag::OCTET_STRING, &[&contents]);
            assert_eq!(Tlv::only(&bytes).unwrap().value, contents, "{length}");
        }
    }

    #[test]
    fn integers_have_their_shortest_form() {
        let cases: [(u64, &[u8]); 5] = [
            (0, &[2, 1, 0]),
            (127, &[2, 1, 0x7f]),
            (128, &[2, 2, 0, 0x80]),
            (0x0100, &[2, 2, 1, 0]),
            (u64::MAX, &[2, 9, 0, 255, 255, 255, 255, 255, 255, 255, 255]),
        ];
        for (value, expected) in cases {
            assert_eq!(integer(value), expected, "{value}");
        }
    }
}
