//! Key usage, extended key usage, and what they add up to (pki.md section 5, pitfall 15; product.md appendix 1).

use const_oid::ObjectIdentifier;

use crate::pki::asn1::{Asn1Error, Oid, Tlv, tag};

/// What a certificate is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// Signing documents: digitalSignature or nonRepudiation, and no extended usage that says otherwise.
    Signing,
    /// Logging in (clientAuth without emailProtection, or a policy of the national authority for authentication): its
    /// AUTH keys. Must not sign.
    Authentication,
    /// Issuing certificates. Must not sign documents.
    CertificateAuthority,
    /// Answering about revocation. Must not sign documents.
    Ocsp,
    /// Timestamps. Must not sign documents.
    Timestamping,
    /// None of these (encryption only, code signing, usages unknown here).
    Other,
}

/// The bits of the keyUsage extension; bit 0 is the highest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KeyUsage(u16);

impl KeyUsage {
    pub(crate) const DIGITAL_SIGNATURE: u16 = 1 << 15;
    pub(crate) const NON_REPUDIATION: u16 = 1 << 14;
    pub(crate) const CRL_SIGN: u16 = 1 << 9;

    pub(super) fn parse(value: &[u8]) -> Result<Self, Asn1Error> {
        let error = Asn1Error::Value { what: "keyUsage" };
        let tlv = Tlv::only(value)?.expect(tag::BIT_STRING, "keyUsage")?;
        match tlv.value {
            [unused @ 0..=7, bits @ ..] if (1..=2).contains(&bits.len()) => {
                let high = bits.first().copied().unwrap_or_default();
                let low = bits.get(1).copied().unwrap_or_default();
                let all = u16::from_be_bytes([high, low]);
                let spare = if bits.len() == 1 { 8 + u32::from(*unused) } else { u32::from(*unused) };
                // RFC 5280 4.2.1.3: at least one bit; and no bit among the unused ones.
                if all == 0 || all.trailing_zeros() < spare { Err(error) } else { Ok(Self(all)) }
            }
            _ => Err(error),
        }
    }

    pub(crate) const fn has(self, bit: u16) -> bool {
        self.0 & bit != 0
    }
}

/// The purposes of the extKeyUsage extension; never empty.
#[derive(Debug, Clone)]
pub(crate) struct ExtendedKeyUsage(Vec<Vec<u8>>);

impl ExtendedKeyUsage {
    /// More purposes than anyone lists.
    const PURPOSES_MAX: usize = 64;

    pub(super) fn parse(value: &[u8]) -> Result<Self, Asn1Error> {
        let mut reader = Tlv::only(value)?.expect(tag::SEQUENCE, "extKeyUsage")?.reader();
        let mut purposes = Vec::new();
        while !reader.is_empty() {
            purposes.push(reader.oid()?.as_bytes().to_vec());
        }
        if purposes.is_empty() || purposes.len() > Self::PURPOSES_MAX {
            return Err(Asn1Error::Value { what: "extKeyUsage" });
        }
        Ok(Self(purposes))
    }

    pub(super) fn oids(&self) -> impl Iterator<Item = Oid<'_>> {
        self.0.iter().filter_map(|bytes| Oid::new(bytes).ok())
    }

    fn any(&self, test: impl Fn(Oid<'_>) -> bool) -> bool {
        self.oids().any(test)
    }

    pub(super) fn has_ocsp_signing(&self) -> bool {
        self.any(|oid| oid.is(&OCSP_SIGNING))
    }

    pub(super) fn dotted(&self) -> Vec<String> {
        self.oids().map(|oid| oid.to_string()).collect()
    }

    #[cfg(test)]
    pub(super) const fn of(oids: Vec<Vec<u8>>) -> Self {
        Self(oids)
    }
}

/// The policies of the certificatePolicies extension (RFC 5280 4.2.1.4), without their qualifiers; never empty.
#[derive(Debug, Clone)]
pub(crate) struct CertificatePolicies(Vec<Vec<u8>>);

impl CertificatePolicies {
    /// More policies than anyone lists; the test suites go to a few dozen.
    const POLICIES_MAX: usize = 256;

    pub(super) fn parse(value: &[u8]) -> Result<Self, Asn1Error> {
        let mut reader = Tlv::only(value)?.expect(tag::SEQUENCE, "certificatePolicies")?.reader();
        let mut policies = Vec::new();
        while !reader.is_empty() {
            let mut information = reader.take(tag::SEQUENCE, "policy information")?.reader();
            policies.push(information.oid()?.as_bytes().to_vec());
            information.optional(tag::SEQUENCE)?;
            information.finish()?;
            if policies.len() > Self::POLICIES_MAX {
                return Err(Asn1Error::Limit { what: "certificate policies", max: Self::POLICIES_MAX });
            }
        }
        if policies.is_empty() { Err(Asn1Error::Value { what: "certificatePolicies" }) } else { Ok(Self(policies)) }
    }

    fn oids(&self) -> impl Iterator<Item = Oid<'_>> {
        self.0.iter().filter_map(|bytes| Oid::new(bytes).ok())
    }

    fn any(&self, test: impl Fn(Oid<'_>) -> bool) -> bool {
        self.oids().any(test)
    }

    pub(super) fn dotted(&self) -> Vec<String> {
        self.oids().map(|oid| oid.to_string()).collect()
    }
}

const ANY: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37.0");
const SERVER_AUTH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.1");
const CLIENT_AUTH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.2");
const TIMESTAMPING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.8");
const OCSP_SIGNING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.9");
/// emailProtection, RFC 9336 documentSigning, and the document signing usages of Microsoft and Adobe.
const DOCUMENTS: [ObjectIdentifier; 4] = [
    ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.4"),
    ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.36"),
    ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.10.3.12"),
    ObjectIdentifier::new_unwrap("1.2.840.113583.1.1.5"),
];
/// Roles of the national authority: individual, legal entity, head, information system and so on.
const KZ_ROLES: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.398.3.3.4.1");

/// The national authority's policies for signing, of legal entities and individuals.
const KZ_SIGNING_POLICIES: [ObjectIdentifier; 2] =
    [ObjectIdentifier::new_unwrap("1.2.398.3.3.2.1"), ObjectIdentifier::new_unwrap("1.2.398.3.3.2.3")];
/// Its policies for authentication, of legal entities and individuals.
const KZ_AUTHENTICATION_POLICIES: [ObjectIdentifier; 2] =
    [ObjectIdentifier::new_unwrap("1.2.398.3.3.2.2"), ObjectIdentifier::new_unwrap("1.2.398.3.3.2.4")];

pub(super) fn purpose(
    is_ca: bool,
    key_usage: Option<KeyUsage>,
    extended: Option<&ExtendedKeyUsage>,
    policies: Option<&CertificatePolicies>,
) -> Purpose {
    if is_ca {
        return Purpose::CertificateAuthority;
    }
    let under = |known: &[ObjectIdentifier]| policies.is_some_and(|policies| policies.any(|oid| oid.is_one_of(known)));
    if under(&KZ_AUTHENTICATION_POLICIES) && !under(&KZ_SIGNING_POLICIES) {
        return Purpose::Authentication;
    }
    if let Some(extended) = extended {
        let documents = extended.any(|oid| oid.is_one_of(&DOCUMENTS));
        if extended.any(|oid| oid.is(&TIMESTAMPING)) {
            return Purpose::Timestamping;
        }
        if extended.any(|oid| oid.is(&OCSP_SIGNING)) {
            return Purpose::Ocsp;
        }
        if !documents && extended.any(|oid| oid.is(&CLIENT_AUTH) || oid.is(&SERVER_AUTH)) {
            return Purpose::Authentication;
        }
        if !documents && !extended.any(|oid| oid.is(&ANY) || oid.is_under(&KZ_ROLES)) {
            return Purpose::Other;
        }
    }
    let signs =
        key_usage.is_none_or(|usage| usage.has(KeyUsage::DIGITAL_SIGNATURE) || usage.has(KeyUsage::NON_REPUDIATION));
    if signs { Purpose::Signing } else { Purpose::Other }
}
