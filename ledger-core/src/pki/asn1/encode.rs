//! The little DER that is written here: requests to others. What was received is never encoded again.

/// One element: tag, shortest length, contents.
pub(crate) fn element(tag: u8, contents: &[&[u8]]) -> Vec<u8> {
    let length: usize = contents.iter().map(|part| part.len()).sum();
    let mut out = vec![tag];
    match u8::try_from(length) {
        Ok(short @ 0..0x80) => out.push(short),
        _ => {
            let digits: Vec<u8> = length.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
            out.push(0x80 | u8::try_from(digits.len()).unwrap_or_default());
            out.extend(digits);
        }
    }
    out.extend(contents.iter().flat_map(|part| part.iter()));
    out
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
}
