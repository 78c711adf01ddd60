//! `TSTInfo`: what a timestamp says (RFC 3161 2.4.2).

use crate::pki::asn1::{AlgorithmIdentifier, Asn1Error, Oid, Tlv, tag, time};
use crate::pki::certificate::parse_extensions;
use crate::time::Timestamp;

/// What a timestamp says, as it stands.
#[derive(Debug)]
pub(crate) struct TstInfo<'a> {
    pub(crate) policy: Oid<'a>,
    pub(crate) imprint: Imprint<'a>,
    /// The contents of the INTEGER.
    pub(crate) serial: &'a [u8],
    pub(crate) gen_time: Timestamp,
    /// `gen_time` plus the accuracy: the stamped bytes existed by then.
    pub(crate) latest: Timestamp,
    /// The contents of the INTEGER.
    pub(crate) nonce: Option<&'a [u8]>,
    /// An extension that must be understood, and is not.
    pub(crate) has_critical_extension: bool,
}

/// `MessageImprint`: a digest and by which algorithm.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Imprint<'a> {
    /// DER of the algorithm.
    pub(crate) algorithm: &'a [u8],
    pub(crate) oid: Oid<'a>,
    pub(crate) digest: &'a [u8],
}

impl<'a> Imprint<'a> {
    pub(super) fn parse(tlv: Tlv<'a>) -> Result<Self, Asn1Error> {
        let mut fields = tlv.expect(tag::SEQUENCE, "message imprint")?.reader();
        let algorithm = fields.take(tag::SEQUENCE, "digest algorithm")?;
        let oid = AlgorithmIdentifier::from_tlv(algorithm)?.oid;
        let digest = fields.take(tag::OCTET_STRING, "hashed message")?.value;
        fields.finish()?;
        Ok(Self { algorithm: algorithm.raw, oid, digest })
    }
}

impl<'a> TstInfo<'a> {
    /// Reads the octets of the content of a token; nothing may follow.
    pub(crate) fn parse(der: &'a [u8]) -> Result<Self, Asn1Error> {
        let mut fields = Tlv::only(der)?.expect(tag::SEQUENCE, "TSTInfo")?.reader();
        if fields.take(tag::INTEGER, "version")?.small_integer()? != 1 {
            return Err(Asn1Error::Value { what: "version" });
        }
        let policy = fields.oid()?;
        let imprint = Imprint::parse(fields.any()?)?;
        let serial = fields.take(tag::INTEGER, "serial number")?.value;
        // RFC 3161 2.4.2: up to 160 bits, and a sign byte.
        if serial.is_empty() || serial.len() > 21 {
            return Err(Asn1Error::Value { what: "serial number" });
        }
        let time = fields.any()?;
        let gen_time = time::parse_with_fraction(time, false)?;
        // More than three digits of a fraction were cut off.
        let rounded = time.value.len() > b"YYYYMMDDhhmmss.fffZ".len();
        let accuracy_ms = fields.optional(tag::SEQUENCE)?.map_or(Ok(0), accuracy_ms)?;
        if let Some(ordering) = fields.optional(tag::BOOLEAN)? {
            ordering.boolean()?;
        }
        let nonce = fields.optional(tag::INTEGER)?.map(|nonce| nonce.value);
        // `tsa` is a hint; the signing-certificate attribute names the authority.
        fields.optional(tag::context_constructed(0))?;
        let has_critical_extension = match fields.optional(tag::context_constructed(1))? {
            Some(implicit) => parse_extensions(Tlv { tag: tag::SEQUENCE, ..implicit })
                .map_err(|_| Asn1Error::Value { what: "extensions" })?
                .iter()
                .any(|extension| extension.critical),
            None => false,
        };
        fields.finish()?;
        let latest = gen_time.plus_ms(accuracy_ms.saturating_add(u64::from(rounded)));
        Ok(Self { policy, imprint, serial, gen_time, latest, nonce, has_critical_extension })
    }
}

/// `Accuracy` in milliseconds, rounded up. Absent parts are zero.
fn accuracy_ms(tlv: Tlv<'_>) -> Result<u64, Asn1Error> {
    let mut fields = tlv.reader();
    let seconds = fields.optional(tag::INTEGER)?.map_or(Ok(0), |tlv| tlv.small_integer())?;
    let millis = fields.optional(tag::context(0))?.map_or(Ok(0), |tlv| tlv.small_integer())?;
    let micros = fields.optional(tag::context(1))?.map_or(Ok(0), |tlv| tlv.small_integer())?;
    fields.finish()?;
    if millis > 999 || micros > 999 {
        return Err(Asn1Error::Value { what: "accuracy" });
    }
    Ok(u64::from(seconds) * 1000 + u64::from(millis) + u64::from(micros > 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::asn1::encode;

    fn info(time: &[u8], rest: &[&[u8]]) -> Vec<u8> {
        let policy = [&[6, 60, 0x2b][..], &[0x81; 58], &[1]].concat();
        let algorithm = encode::element(0x30, &[&[6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1]]);
        let imprint = encode::element(0x30, &[&algorithm, &encode::element(4, &[&[7; 32]])]);
        let rest = rest.concat();
        let time = encode::element(tag::GENERALIZED_TIME, &[time]);
        encode::element(0x30, &[&encode::integer(1), &policy, &imprint, &encode::integer(9), &time, &rest])
    }

    #[test]
    fn a_policy_of_sixty_bytes_and_fractions_of_a_second_are_read() {
        let der = info(b"20190412090032.615Z", &[]);
        let info = TstInfo::parse(&der).unwrap();
        assert_eq!(info.policy.as_bytes().len(), 60);
        assert_eq!(info.gen_time.to_string(), "2019-04-12T09:00:32.615Z");
        assert_eq!((info.latest, info.nonce, info.has_critical_extension), (info.gen_time, None, false));
    }

    #[test]
    fn accuracy_is_added_and_rounded_up() {
        let rows: &[(&[u8], u64)] = &[
            (&[0x30, 3, 2, 1, 1], 1000),
            (&[0x30, 4, 0x80, 2, 1, 0xf4], 500),
            (&[0x30, 9, 2, 1, 1, 0x80, 1, 5, 0x81, 1, 1], 1006),
            (&[0x30, 0], 0),
        ];
        for (accuracy, expected) in rows {
            let der = info(b"20190412090032Z", &[accuracy, &[1, 1, 0xff], &[2, 1, 5]]);
            let info = TstInfo::parse(&der).unwrap();
            assert_eq!(info.latest.unix_ms() - info.gen_time.unix_ms(), *expected, "{accuracy:02x?}");
            assert_eq!(info.nonce, Some(&[5][..]));
        }
    }

    #[test]
    fn odd_or_trailing_fields_are_refused_and_critical_extensions_are_seen() {
        for rest in [&[0x30, 4, 0x80, 2, 3, 0xe8][..], &[1, 1, 1], &[5, 0], &[0xa1, 2, 5, 0]] {
            assert!(TstInfo::parse(&info(b"20190412090032Z", &[rest])).is_err(), "{rest:02x?}");
        }
        let critical = [0xa1, 12, 0x30, 10, 6, 3, 0x2a, 3, 4, 1, 1, 0xff, 4, 0];
        let der = info(b"20190412090032Z", &[&critical]);
        assert!(TstInfo::parse(&der).unwrap().has_critical_extension);
    }
}
