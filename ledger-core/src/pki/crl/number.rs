//! The number of a CRL (RFC 5280 5.2.3): up to 20 octets, ordered as a number.

use std::fmt;

use crate::digest::encode_hex;
use crate::pki::asn1::{Asn1Error, Tlv, tag};

/// A CRL number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CrlNumber {
    /// First, so that the derived order is that of numbers.
    length: usize,
    /// Big-endian, without leading zeros.
    octets: Vec<u8>,
}

impl CrlNumber {
    /// RFC 5280 5.2.3: users handle 20 octets; one more for the sign.
    const OCTETS_MAX: usize = 21;

    pub(super) fn parse(value: &[u8]) -> Result<Self, Asn1Error> {
        let octets = Tlv::only(value)?.expect(tag::INTEGER, "CRL number")?.value;
        match octets {
            [0..0x80, ..] if octets.len() <= Self::OCTETS_MAX => {}
            _ => return Err(Asn1Error::Value { what: "CRL number" }),
        }
        let octets: Vec<u8> = octets.iter().copied().skip_while(|octet| *octet == 0).collect();
        Ok(Self { length: octets.len(), octets })
    }
}

/// Decimal when it fits 128 bits, as people write it; else hexadecimal.
impl fmt::Display for CrlNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.length > 16 {
            return write!(f, "0x{}", encode_hex(&self.octets));
        }
        write!(f, "{}", self.octets.iter().fold(0_u128, |sum, octet| (sum << 8) | u128::from(*octet)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_ordered_as_numbers() {
        let number = |octets: &[u8]| CrlNumber::parse(&[&[2, u8::try_from(octets.len()).unwrap()], octets].concat());
        let rising =
            [&[0][..], &[9], &[0x7f], &[0, 0x80], &[1, 0], &[0x7f; 16], &[0x7f; 20]].map(|n| number(n).unwrap());
        assert!(rising.is_sorted());
        let shown: Vec<_> = rising.iter().take(5).map(ToString::to_string).collect();
        assert_eq!(shown, ["0", "9", "127", "128", "256"]);
        for wrong in [&[0x80][..], &[], &[0; 22]] {
            assert!(number(wrong).is_err(), "{wrong:02x?}");
        }
    }
}
