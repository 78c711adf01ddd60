//! `UTCTime` and `GeneralizedTime` in the forms of RFC 5280 4.1.2.5: seconds present, Z at the end, no fraction.

use super::{Asn1Error, Tlv, tag};
use crate::time::Timestamp;

/// A Time of a certificate or CRL. Times before 1970 cannot be said by [`Timestamp`] and are refused.
pub(crate) fn parse(tlv: Tlv<'_>) -> Result<Timestamp, Asn1Error> {
    let error = Asn1Error::Value { what: "time" };
    let text = std::str::from_utf8(tlv.value).map_err(|_| error)?;
    let century = match (tlv.tag, text.len()) {
        (tag::UTC_TIME, 13) => {
            // RFC 5280 4.1.2.5.1: 50 to 99 are of the twentieth century.
            if text.as_bytes().first().is_some_and(|digit| *digit >= b'5') { "19" } else { "20" }
        }
        (tag::GENERALIZED_TIME, 15) => "",
        _ => return Err(error),
    };
    let full = format!("{century}{text}");
    let part = |from: usize, to: usize| full.get(from..to).ok_or(error);
    let (year, month, day) = (part(0, 4)?, part(4, 6)?, part(6, 8)?);
    let (hour, minute, second, zone) = (part(8, 10)?, part(10, 12)?, part(12, 14)?, part(14, 15)?);
    format!("{year}-{month}-{day}T{hour}:{minute}:{second}.000{zone}").parse().map_err(|_| error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_rfc_5280_parse_and_others_do_not() {
        let cases: &[(u8, &str, Option<&str>)] = &[
            (tag::UTC_TIME, "220118044024Z", Some("2022-01-18T04:40:24.000Z")),
            (tag::UTC_TIME, "700101000000Z", Some("1970-01-01T00:00:00.000Z")),
            (tag::UTC_TIME, "491231235959Z", Some("2049-12-31T23:59:59.000Z")),
            (tag::GENERALIZED_TIME, "99991231235959Z", Some("9999-12-31T23:59:59.000Z")),
            (tag::UTC_TIME, "500101000000Z", None),
            (tag::UTC_TIME, "2201180440Z", None),
            (tag::UTC_TIME, "220118044024+0500", None),
            (tag::UTC_TIME, "220230044024Z", None),
            (tag::GENERALIZED_TIME, "20220118044024.5Z", None),
            (tag::GENERALIZED_TIME, "20220118044060Z", None),
            (tag::OCTET_STRING, "220118044024Z", None),
        ];
        for (tag, text, expected) in cases {
            let tlv = Tlv { tag: *tag, value: text.as_bytes(), raw: &[] };
            assert_eq!(parse(tlv).ok().map(|time| time.to_string()).as_deref(), *expected, "{text}");
        }
    }
}
