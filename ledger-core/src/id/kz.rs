//! IIN and BIN: twelve digits with a check digit (clauses 2.1, 2.19; rule ID-KZ of clauses.md A.1).

use std::fmt;

/// Whether identifiers of the national CA's test certificates, whose check digits are wrong, are let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IdentifierMode {
    /// The check digit must be right.
    Strict,
    /// Twelve digits are enough. For ledgers of test data only; the genesis says so for ever.
    TestIdentifiers,
}

/// Why twelve digits are not an IIN or BIN.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdentifierError {
    /// Ask for exactly twelve ASCII digits.
    #[error("must be exactly 12 digits, 0 to 9, without spaces")]
    NotTwelveDigits,
    /// The number is a placeholder that passes the arithmetic.
    #[error("is a placeholder (all digits alike), not an issued number")]
    Placeholder,
    /// A digit was mistyped.
    #[error("has a wrong check digit; was a digit mistyped?")]
    CheckDigit,
}

macro_rules! number {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 12]);

        impl $name {
            /// Checks a number from outside.
            pub fn parse(text: &str, mode: IdentifierMode) -> Result<Self, IdentifierError> {
                check(text, mode).map(Self)
            }

            /// The twelve digits. Personal data: payloads only, never a record, log line or error.
            pub fn digits(&self) -> &str {
                std::str::from_utf8(&self.0).unwrap_or_default()
            }
        }

        /// Shows the type only: the number must not reach a log by accident.
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }
    };
}

number! {
    /// Business identification number of a legal entity.
    Bin
}
number! {
    /// Individual identification number.
    Iin
}

fn check(text: &str, mode: IdentifierMode) -> Result<[u8; 12], IdentifierError> {
    let digits: [u8; 12] = text.as_bytes().try_into().map_err(|_| IdentifierError::NotTwelveDigits)?;
    if !digits.iter().all(u8::is_ascii_digit) {
        return Err(IdentifierError::NotTwelveDigits);
    }
    if digits.windows(2).all(|pair| pair.first() == pair.last()) {
        return Err(IdentifierError::Placeholder);
    }
    match mode {
        IdentifierMode::TestIdentifiers => Ok(digits),
        IdentifierMode::Strict => {
            let last = digits.last().map(|digit| u32::from(digit - b'0'));
            if check_digit(&digits) == last { Ok(digits) } else { Err(IdentifierError::CheckDigit) }
        }
    }
}

/// Weights 1..11; where that leaves 10, weights 3..11, 1, 2; where that leaves 10 as well, no number is issued.
fn check_digit(digits: &[u8; 12]) -> Option<u32> {
    let remainder = |shift: u32| {
        let weighted = (0_u32..).zip(digits.iter().take(11));
        weighted.map(|(place, digit)| ((place + shift) % 11 + 1) * u32::from(digit - b'0')).sum::<u32>() % 11
    };
    [remainder(0), remainder(2)].into_iter().find(|remainder| *remainder < 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_digits_follow_the_published_numbers() {
        use IdentifierError::{CheckDigit, NotTwelveDigits, Placeholder};
        for (text, strict) in [
            ("171140001255", Ok(())),
            ("931002451325", Ok(())),
            ("123456789011", Err(CheckDigit)),
            ("123456789021", Err(CheckDigit)),
            ("123456789013", Ok(())),
            ("000000000000", Err(Placeholder)),
            ("111111111111", Err(Placeholder)),
            ("17114000125", Err(NotTwelveDigits)),
            ("1711400012550", Err(NotTwelveDigits)),
            ("17114000125 ", Err(NotTwelveDigits)),
            ("17114000125O", Err(NotTwelveDigits)),
            ("１７１１", Err(NotTwelveDigits)),
            ("", Err(NotTwelveDigits)),
        ] {
            assert_eq!(Bin::parse(text, IdentifierMode::Strict).map(|_| ()), strict, "{text}");
        }
        assert!(Iin::parse("123456789011", IdentifierMode::TestIdentifiers).is_ok());
        assert!(Iin::parse("000000000000", IdentifierMode::TestIdentifiers).is_err());
    }

    #[test]
    fn a_number_does_not_reach_a_log_through_debug() {
        let bin = Bin::parse("171140001255", IdentifierMode::Strict).unwrap();
        assert_eq!(format!("{bin:?}"), "Bin(…)");
    }
}
