//! Object identifiers as raw bytes: foreign ones may be longer than any fixed buffer (a real policy has 60 bytes).

use std::fmt;

use const_oid::ObjectIdentifier;

use super::Asn1Error;

/// The contents of an OBJECT IDENTIFIER.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Oid<'a>(&'a [u8]);

impl<'a> Oid<'a> {
    /// Longer than any identifier in use; keeps messages readable.
    const BYTES_MAX: usize = 128;

    pub(crate) fn new(bytes: &'a [u8]) -> Result<Self, Asn1Error> {
        // The last byte of a number has its high bit clear; a number has no leading zero digit.
        let ends = bytes.last().is_some_and(|last| *last < 0x80);
        let starts = bytes.iter().scan(true, |first, byte| {
            let padded = *first && *byte == 0x80;
            *first = *byte < 0x80;
            Some(padded)
        });
        if !ends || bytes.len() > Self::BYTES_MAX || starts.into_iter().any(|padded| padded) {
            return Err(Asn1Error::Value { what: "object identifier" });
        }
        Ok(Self(bytes))
    }

    pub(crate) fn is(self, known: &ObjectIdentifier) -> bool {
        self.0 == known.as_bytes()
    }

    pub(crate) fn is_one_of(self, known: &[ObjectIdentifier]) -> bool {
        known.iter().any(|one| self.is(one))
    }

    /// Whether it stands in the arc.
    pub(crate) fn is_under(self, arc: &ObjectIdentifier) -> bool {
        self.0.starts_with(arc.as_bytes())
    }

    pub(crate) const fn as_bytes(self) -> &'a [u8] {
        self.0
    }
}

/// Dotted decimal; a number beyond 128 bits is shown as `?`.
impl fmt::Display for Oid<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut number: Option<u128> = Some(0);
        let mut first = true;
        for byte in self.0 {
            number = number.filter(|number| *number < (1 << 120)).map(|number| (number << 7) | u128::from(byte & 0x7f));
            if byte & 0x80 != 0 {
                continue;
            }
            match (first, number) {
                (true, Some(number)) => {
                    let root = (number / 40).min(2);
                    write!(f, "{root}.{}", number - root * 40)?;
                }
                (false, Some(number)) => write!(f, ".{number}")?,
                (_, None) => f.write_str(".?")?,
            }
            (first, number) = (false, Some(0));
        }
        Ok(())
    }
}

impl fmt::Debug for Oid<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_print_dotted() {
        for dotted in ["1.2.840.113549.1.1.11", "2.5.4.97", "1.2.398.3.3.4.1.2.1", "0.9.2342.19200300.100.1.1"] {
            let known = ObjectIdentifier::new_unwrap(dotted);
            assert_eq!(Oid::new(known.as_bytes()).unwrap().to_string(), dotted);
            assert!(Oid::new(known.as_bytes()).unwrap().is(&known));
        }
        assert_eq!(Oid::new(&[0x88, 0x37, 0x03]).unwrap().to_string(), "2.999.3");
        assert_eq!(Oid::new(&[&[0x2a], [0xff; 30].as_slice(), &[1]].concat()).unwrap().to_string(), "1.2.?");
    }

    #[test]
    fn malformed_identifiers_are_refused() {
        for bytes in [&[][..], &[0x2a, 0x86], &[0x80, 0x01], &[0x2a, 0x80, 0x01], &[1; 200]] {
            assert!(Oid::new(bytes).is_err(), "{bytes:02x?}");
        }
    }
}
