//! `UTCTime` and `GeneralizedTime` in the forms of RFC 5280 4.1.2.5: seconds present, Z at the end, no fraction.

use super::{Asn1Error, Tlv, tag};
use crate::time::Timestamp;

/// A Time of a certificate or CRL. Times before 1970 cannot be said by [`Timestamp`] and are refused.
pub(crate) fn parse(tlv: Tlv<'_>) -> Result<Timestamp, Asn1Error> {
    match tlv.tag {
        // RFC 5280 4.1.2.5.1: 50 to 99 are of the twentieth century.
        tag::UTC_TIME if tlv.value.first().is_some_and(|digit| *digit >= b'5') => assemble(b"19", tlv.value),
        tag::UTC_TIME => assemble(b"20", tlv.value),
        tag::GENERALIZED_TIME => assemble(b"", tlv.value),
        _ => Err(MALFORMED),
    }
}

/// A revocation date. One before 1970 says "always", as the 1970-01-01 of some authorities does, so it is held there.
pub(crate) fn parse_held_at_1970(tlv: Tlv<'_>) -> Result<Timestamp, Asn1Error> {
    let early = match tlv.tag {
        tag::UTC_TIME => tlv.value.len() == 13 && (&b"50"[..]..&b"70"[..]).contains(&tlv.value),
        tag::GENERALIZED_TIME => tlv.value.len() == 15 && tlv.value < &b"1970"[..],
        _ => false,
    };
    if early && tlv.value.iter().rev().skip(1).all(u8::is_ascii_digit) {
        return Ok(Timestamp::EPOCH);
    }
    parse(tlv)
}

/// A `GeneralizedTime` that may have a fraction of a second (OCSP responders, RFC 3161 2.4.2), of which milliseconds
/// are kept; with `held`, as [`parse_held_at_1970`].
pub(crate) fn parse_with_fraction(tlv: Tlv<'_>, held: bool) -> Result<Timestamp, Asn1Error> {
    let whole = |tlv| if held { parse_held_at_1970(tlv) } else { parse(tlv) };
    let Some((seconds, fraction)) = tlv.value.split_at_checked(14) else { return Err(MALFORMED) };
    let [b'.', digits @ .., b'Z'] = fraction else {
        return whole(tlv.expect(tag::GENERALIZED_TIME, "GeneralizedTime")?);
    };
    // Nine digits are nanoseconds; nobody writes more.
    if tlv.tag != tag::GENERALIZED_TIME || !(1..=9).contains(&digits.len()) || !digits.iter().all(u8::is_ascii_digit) {
        return Err(MALFORMED);
    }
    let text = [seconds, b"Z"].concat();
    let time = whole(Tlv { value: &text, ..tlv })?;
    let ms = digits.iter().copied().chain(*b"00").take(3).fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0'));
    Ok(if time == Timestamp::EPOCH { time } else { time.plus_ms(ms) })
}

const MALFORMED: Asn1Error = Asn1Error::Value { what: "time" };

/// Puts `YYMMDDhhmmssZ` or `YYYYMMDDhhmmssZ` into the one form of a [`Timestamp`], without allocating: a CRL has
/// hundreds of thousands of dates.
fn assemble(century: &[u8], text: &[u8]) -> Result<Timestamp, Asn1Error> {
    let mut form = *b"YYYY-MM-DDThh:mm:ss.000Z";
    let mut digits = century.iter().chain(text);
    for place in &mut form {
        if place.is_ascii_alphabetic() && *place != b'T' && *place != b'Z' {
            *place = *digits.next().ok_or(MALFORMED)?;
        }
    }
    if digits.next() != Some(&b'Z') || digits.next().is_some() {
        return Err(MALFORMED);
    }
    std::str::from_utf8(&form).map_err(|_| MALFORMED)?.parse().map_err(|_| MALFORMED)
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

    #[test]
    fn revocation_dates_before_1970_say_always() {
        let cases: &[(u8, &str, Option<&str>)] = &[
            (tag::UTC_TIME, "500101000000Z", Some("1970-01-01T00:00:00.000Z")),
            (tag::UTC_TIME, "691231235959Z", Some("1970-01-01T00:00:00.000Z")),
            (tag::UTC_TIME, "700101000001Z", Some("1970-01-01T00:00:01.000Z")),
            (tag::GENERALIZED_TIME, "16010101000000Z", Some("1970-01-01T00:00:00.000Z")),
            (tag::GENERALIZED_TIME, "20220118044024Z", Some("2022-01-18T04:40:24.000Z")),
            (tag::GENERALIZED_TIME, "1969x231235959Z", None),
            (tag::GENERALIZED_TIME, "19691231235959", None),
        ];
        for (tag, text, expected) in cases {
            let tlv = Tlv { tag: *tag, value: text.as_bytes(), raw: &[] };
            assert_eq!(parse_held_at_1970(tlv).ok().map(|time| time.to_string()).as_deref(), *expected, "{text}");
        }
    }

    #[test]
    fn fractions_of_a_second_are_read_to_the_millisecond() {
        let cases: &[(&str, Option<&str>)] = &[
            ("20220118044024Z", Some("2022-01-18T04:40:24.000Z")),
            ("20220118044024.5Z", Some("2022-01-18T04:40:24.500Z")),
            ("20220118044024.123999Z", Some("2022-01-18T04:40:24.123Z")),
            ("20220118044024.Z", None),
            ("20220118044024.5", None),
            ("20220118044024.5x", None),
            ("20220118044024.1234567890Z", None),
            ("2022", None),
        ];
        for (text, expected) in cases {
            let tlv = Tlv { tag: tag::GENERALIZED_TIME, value: text.as_bytes(), raw: &[] };
            let parsed = parse_with_fraction(tlv, false).ok().map(|time| time.to_string());
            assert_eq!(parsed.as_deref(), *expected, "{text}");
        }
    }
}
