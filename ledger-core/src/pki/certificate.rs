//! A certificate, parsed once, with its original bytes: what a path, a signature or a register asks of it.

mod identity;
mod role;
mod urls;
mod usage;

pub use identity::SubjectIdentity;
pub use role::{Role, Roles, UnknownRole};
pub use usage::Purpose;
pub(crate) use usage::{CertificatePolicies, ExtendedKeyUsage, KeyUsage};

use super::asn1::name::Name;
use super::asn1::{AlgorithmIdentifier, Asn1Error, Oid, Reader, Tlv, tag, time};
use super::limits::{CERTIFICATE_BYTES_MAX, EXTENSIONS_MAX};
use crate::digest::{Digest, encode_hex};
use crate::id::{CertificateId, KeyId};
use crate::time::Timestamp;

/// Why bytes are not a certificate that may be used for anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// Longer than any certificate.
    #[error("a certificate of {bytes} bytes, at most {CERTIFICATE_BYTES_MAX} are read")]
    TooLong {
        /// Length in bytes.
        bytes: usize,
    },
    /// Not DER, not the structure of RFC 5280 4.1, or a time before 1970.
    #[error("not a certificate in DER")]
    Structure {
        /// What is wrong.
        #[from]
        source: Asn1Error,
    },
    /// The signed and the outer algorithm differ (RFC 5280 4.1.1.2; pki.md section 5, pitfall 11).
    #[error("the algorithm inside the certificate is not the one outside")]
    AlgorithmMismatch,
    /// An extension stands twice (RFC 5280 4.2).
    #[error("an extension stands twice")]
    DuplicateExtension,
    /// An extension that decides about use does not decode, or is empty.
    #[error("malformed extension: {name}")]
    Extension {
        /// Which.
        name: &'static str,
    },
}

/// A parsed certificate.
///
/// Parsed means: readable and of sound structure. Nothing about it is trusted yet; that is what
/// [`super::path`] and [`super::revocation`] find out.
#[derive(Debug, Clone)]
pub struct Certificate {
    der: Vec<u8>,
    tbs: Vec<u8>,
    algorithm: Vec<u8>,
    signature: Vec<u8>,
    serial: Vec<u8>,
    issuer: Name,
    subject: Name,
    not_before: Timestamp,
    not_after: Timestamp,
    spki: Vec<u8>,
    extensions: Extensions,
    raw_extensions: Vec<Extension>,
}

/// Same bytes.
impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.der == other.der
    }
}

impl Eq for Certificate {}

/// One extension as it stands.
#[derive(Debug, Clone)]
pub(crate) struct Extension {
    pub(crate) oid: Vec<u8>,
    pub(crate) critical: bool,
    pub(crate) value: Vec<u8>,
}

/// The extensions that are looked at here; the rest is the path validator's.
#[derive(Debug, Clone, Default)]
struct Extensions {
    is_ca: bool,
    key_usage: Option<KeyUsage>,
    extended_key_usage: Option<ExtendedKeyUsage>,
    policies: Option<CertificatePolicies>,
    subject_key_id: Option<Vec<u8>>,
    authority_key_id: Option<Vec<u8>>,
}

impl Certificate {
    /// Reads DER; nothing may follow it.
    pub fn parse(der: &[u8]) -> Result<Self, CertificateError> {
        if der.len() > CERTIFICATE_BYTES_MAX {
            return Err(CertificateError::TooLong { bytes: der.len() });
        }
        let mut outer = Tlv::only(der)?.expect(tag::SEQUENCE, "certificate")?.reader();
        let tbs = outer.take(tag::SEQUENCE, "TBSCertificate")?;
        let algorithm = outer.take(tag::SEQUENCE, "signature algorithm")?;
        AlgorithmIdentifier::from_tlv(algorithm)?;
        let signature = outer.any()?.bit_string_octets()?;
        outer.finish()?;

        let mut fields = tbs.reader();
        let version = match fields.optional(tag::context_constructed(0))? {
            Some(explicit) => Tlv::only(explicit.value)?.expect(tag::INTEGER, "version")?.small_integer()?,
            None => 0,
        };
        if version > 2 {
            return Err(Asn1Error::Value { what: "version" }.into());
        }
        let serial = fields.take(tag::INTEGER, "serial number")?.value;
        // RFC 5280 4.1.2.2: 20 octets; some issuers write 21. Longer ones serve nobody.
        if serial.is_empty() || serial.len() > 64 {
            return Err(Asn1Error::Value { what: "serial number" }.into());
        }
        if fields.any()?.raw != algorithm.raw {
            return Err(CertificateError::AlgorithmMismatch);
        }
        let issuer = Name::parse(fields.any()?)?;
        let mut validity = fields.take(tag::SEQUENCE, "validity")?.reader();
        let not_before = time::parse(validity.any()?)?;
        let not_after = time::parse(validity.any()?)?;
        validity.finish()?;
        let subject = Name::parse(fields.any()?)?;
        let spki = fields.take(tag::SEQUENCE, "subject public key info")?.raw;
        fields.optional(tag::context(1))?;
        fields.optional(tag::context(2))?;
        let raw_extensions = match fields.optional(tag::context_constructed(3))? {
            Some(_) if version != 2 => return Err(Asn1Error::Value { what: "version" }.into()),
            Some(explicit) => parse_extensions(Tlv::only(explicit.value)?)?,
            None => Vec::new(),
        };
        fields.finish()?;
        Ok(Self {
            der: der.to_vec(),
            tbs: tbs.raw.to_vec(),
            algorithm: algorithm.raw.to_vec(),
            signature: signature.to_vec(),
            serial: serial.to_vec(),
            issuer,
            subject,
            not_before,
            not_after,
            spki: spki.to_vec(),
            extensions: Extensions::decode(&raw_extensions)?,
            raw_extensions,
        })
    }

    /// The content address of the certificate in the ledger (format.md section 2).
    pub fn id(&self) -> CertificateId {
        CertificateId::of_der(&self.der)
    }

    /// The content address of its public key.
    pub fn key(&self) -> KeyId {
        KeyId::of_spki_der(&self.spki)
    }

    /// SHA-256 of the DER, by which evidence names it.
    pub fn digest(&self) -> Digest {
        Digest::sha256(&[&self.der])
    }

    /// The original bytes.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The `SubjectPublicKeyInfo`, DER.
    pub fn spki_der(&self) -> &[u8] {
        &self.spki
    }

    /// Start of validity.
    pub const fn not_before(&self) -> Timestamp {
        self.not_before
    }

    /// End of validity; the second it names still belongs to it.
    pub const fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// Whether `at` lies within the validity. Says nothing about revocation.
    pub const fn in_force_at(&self, at: Timestamp) -> bool {
        self.not_before.unix_ms() <= at.unix_ms() && at.unix_seconds() <= self.not_after.unix_seconds()
    }

    /// The serial number in lower-case hex, without the sign byte.
    pub fn serial_hex(&self) -> String {
        match self.serial.as_slice() {
            [0, rest @ ..] if !rest.is_empty() => encode_hex(rest),
            all => encode_hex(all),
        }
    }

    /// The issuer's name for people. Never decide by it.
    pub fn issuer_display(&self) -> String {
        self.issuer.display()
    }

    /// The subject's name for people. Never decide by it.
    pub fn subject_display(&self) -> String {
        self.subject.display()
    }

    /// The Kazakh identification numbers in the subject (product.md appendix 1).
    pub fn identity(&self) -> SubjectIdentity {
        SubjectIdentity::of(&self.subject)
    }

    /// What the certificate may be used for.
    pub fn purpose(&self) -> Purpose {
        let extensions = &self.extensions;
        let (extended, policies) = (extensions.extended_key_usage.as_ref(), extensions.policies.as_ref());
        usage::purpose(extensions.is_ca, extensions.key_usage, extended, policies)
    }

    /// The roles of the holder that the national authority states in the extended key usages.
    pub fn roles(&self) -> Roles {
        let names_a_person = self.identity().iin.is_some();
        self.extensions.extended_key_usage.as_ref().map(|usages| Roles::of(usages, names_a_person)).unwrap_or_default()
    }

    /// The certificate policies, dotted, in the order of the certificate; empty when there is no such extension.
    pub fn policies(&self) -> Vec<String> {
        self.extensions.policies.as_ref().map(CertificatePolicies::dotted).unwrap_or_default()
    }

    /// Whether nonRepudiation (contentCommitment) is among the key usages.
    pub fn has_content_commitment(&self) -> bool {
        self.extensions.key_usage.is_some_and(|usage| usage.has(KeyUsage::NON_REPUDIATION))
    }

    /// The extended key usages, dotted, in the order of the certificate; empty when there is no such extension.
    pub fn extended_key_usages(&self) -> Vec<String> {
        self.extensions.extended_key_usage.as_ref().map(ExtendedKeyUsage::dotted).unwrap_or_default()
    }

    pub(crate) fn tbs(&self) -> &[u8] {
        &self.tbs
    }

    pub(crate) fn algorithm(&self) -> &[u8] {
        &self.algorithm
    }

    pub(crate) fn signature(&self) -> &[u8] {
        &self.signature
    }

    pub(crate) fn serial(&self) -> &[u8] {
        &self.serial
    }

    pub(crate) const fn issuer(&self) -> &Name {
        &self.issuer
    }

    pub(crate) const fn subject(&self) -> &Name {
        &self.subject
    }

    pub(crate) const fn is_ca(&self) -> bool {
        self.extensions.is_ca
    }

    pub(crate) fn is_self_issued(&self) -> bool {
        self.issuer == self.subject
    }

    pub(crate) const fn key_usage(&self) -> Option<KeyUsage> {
        self.extensions.key_usage
    }

    pub(crate) fn subject_key_id(&self) -> Option<&[u8]> {
        self.extensions.subject_key_id.as_deref()
    }

    pub(crate) fn authority_key_id(&self) -> Option<&[u8]> {
        self.extensions.authority_key_id.as_deref()
    }

    /// Whether it was issued for answering about revocation (RFC 6960 4.2.2.2) and may sign; "any usage" is not enough.
    pub(crate) fn is_for_ocsp(&self) -> bool {
        // RFC 5280 4.2.1.12: with both extensions, both must allow it.
        let signs = |usage: KeyUsage| usage.has(KeyUsage::DIGITAL_SIGNATURE) || usage.has(KeyUsage::NON_REPUDIATION);
        self.extensions.key_usage.is_none_or(signs)
            && self.extensions.extended_key_usage.as_ref().is_some_and(ExtendedKeyUsage::has_ocsp_signing)
    }

    /// Whether its issuer publishes delta CRLs for it (freshestCRL).
    pub(crate) fn has_delta_crl(&self) -> bool {
        self.extension(&oids::FRESHEST_CRL).is_some()
    }

    pub(crate) fn has_unknown_critical_extension(&self, known: &[const_oid::ObjectIdentifier]) -> bool {
        let is_known = |extension: &Extension| known.iter().any(|oid| extension.oid == oid.as_bytes());
        self.raw_extensions.iter().any(|extension| extension.critical && !is_known(extension))
    }

    pub(crate) fn extension(&self, oid: &const_oid::ObjectIdentifier) -> Option<&Extension> {
        self.raw_extensions.iter().find(|extension| extension.oid == oid.as_bytes())
    }
}

/// Reads `Extensions`; each at most once.
pub(crate) fn parse_extensions(tlv: Tlv<'_>) -> Result<Vec<Extension>, CertificateError> {
    let mut found: Vec<Extension> = Vec::new();
    let mut reader = tlv.expect(tag::SEQUENCE, "extensions")?.reader();
    while !reader.is_empty() {
        if found.len() == EXTENSIONS_MAX {
            return Err(Asn1Error::Limit { what: "extensions", max: EXTENSIONS_MAX }.into());
        }
        let extension = parse_extension(reader.take(tag::SEQUENCE, "extension")?)?;
        if found.iter().any(|other| other.oid == extension.oid) {
            return Err(CertificateError::DuplicateExtension);
        }
        found.push(extension);
    }
    Ok(found)
}

fn parse_extension(tlv: Tlv<'_>) -> Result<Extension, Asn1Error> {
    let mut reader = tlv.reader();
    let oid = reader.oid()?.as_bytes().to_vec();
    // `critical FALSE` written out is not DER, yet many certificates have it.
    let critical = reader.optional(tag::BOOLEAN)?.map(|tlv| tlv.boolean()).transpose()?.unwrap_or(false);
    let value = reader.take(tag::OCTET_STRING, "extension value")?.value.to_vec();
    reader.finish()?;
    Ok(Extension { oid, critical, value })
}

mod oids {
    use const_oid::ObjectIdentifier;

    pub(super) const CERTIFICATE_POLICIES: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.32");
    pub(super) const SUBJECT_KEY_ID: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.14");
    pub(super) const KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.15");
    pub(super) const BASIC_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.19");
    pub(super) const AUTHORITY_KEY_ID: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.35");
    pub(super) const FRESHEST_CRL: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.46");
    pub(super) const EXTENDED_KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37");
}

impl Extensions {
    fn decode(raw: &[Extension]) -> Result<Self, CertificateError> {
        let mut this = Self::default();
        for extension in raw {
            let malformed = |name| move |_: Asn1Error| CertificateError::Extension { name };
            let oid = Oid::new(&extension.oid)?;
            if oid.is(&oids::BASIC_CONSTRAINTS) {
                this.is_ca = basic_constraints(&extension.value).map_err(malformed("basicConstraints"))?;
            } else if oid.is(&oids::KEY_USAGE) {
                this.key_usage = Some(KeyUsage::parse(&extension.value).map_err(malformed("keyUsage"))?);
            } else if oid.is(&oids::EXTENDED_KEY_USAGE) {
                let usage = ExtendedKeyUsage::parse(&extension.value).map_err(malformed("extKeyUsage"))?;
                this.extended_key_usage = Some(usage);
            } else if oid.is(&oids::CERTIFICATE_POLICIES) {
                let policies =
                    CertificatePolicies::parse(&extension.value).map_err(malformed("certificatePolicies"))?;
                this.policies = Some(policies);
            } else if oid.is(&oids::SUBJECT_KEY_ID) {
                let id = octets(&extension.value).map_err(malformed("subjectKeyIdentifier"))?;
                this.subject_key_id = Some(id.to_vec());
            } else if oid.is(&oids::AUTHORITY_KEY_ID) {
                this.authority_key_id = authority_key_id(&extension.value)
                    .map_err(malformed("authorityKeyIdentifier"))?
                    .map(<[u8]>::to_vec);
            }
        }
        Ok(this)
    }
}

fn basic_constraints(value: &[u8]) -> Result<bool, Asn1Error> {
    let mut reader = Tlv::only(value)?.expect(tag::SEQUENCE, "basicConstraints")?.reader();
    let is_ca = reader.optional(tag::BOOLEAN)?.map(|tlv| tlv.boolean()).transpose()?.unwrap_or(false);
    if let Some(length) = reader.optional(tag::INTEGER)? {
        length.small_integer()?;
    }
    reader.finish()?;
    Ok(is_ca)
}

fn octets(value: &[u8]) -> Result<&[u8], Asn1Error> {
    Ok(Tlv::only(value)?.expect(tag::OCTET_STRING, "octet string")?.value)
}

/// The keyIdentifier of an `AuthorityKeyIdentifier` extension value.
pub(crate) fn authority_key_id(value: &[u8]) -> Result<Option<&[u8]>, Asn1Error> {
    let mut reader: Reader<'_> = Tlv::only(value)?.expect(tag::SEQUENCE, "authorityKeyIdentifier")?.reader();
    Ok(reader.optional(tag::context(0))?.map(|tlv| tlv.value))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shared(path: &str) -> Vec<u8> {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/kz-pki/");
        std::fs::read(format!("{root}{path}")).unwrap()
    }

    #[test]
    fn a_national_certificate_reads_as_its_manifest_says() {
        let certificate = Certificate::parse(&shared("user/rsa_individual_sign_20220118_3f32db.cer")).unwrap();
        assert_eq!(certificate.serial_hex(), "46757a2158a604189c40fb1fcdab1143f83f32db");
        assert_eq!(certificate.identity(), SubjectIdentity { bin: None, iin: Some("123456789011".to_owned()) });
        assert_eq!(certificate.purpose(), Purpose::Signing);
        assert!(certificate.has_content_commitment());
        assert!(certificate.subject_display().contains("CN=ТЕСТОВ ТЕСТ"));
        assert_eq!(certificate.issuer_display(), "C=KZ, CN=ҰКО 3.0 (RSA TEST)");
        assert!(certificate.in_force_at("2022-06-01T00:00:00.000Z".parse().unwrap()));
        assert!(!certificate.in_force_at("2023-06-01T00:00:00.000Z".parse().unwrap()));
    }

    #[test]
    fn purposes_of_national_certificates_are_told_apart() {
        for (path, purpose) in [
            ("user/rsa_individual_auth_20220118_fa3f98.cer", Purpose::Authentication),
            ("user/gost2015_legal-head_sign_20241029_72218d.cer", Purpose::Signing),
            ("user/gost2015_legal-info-system_sign_20231201_3ab43f.cer", Purpose::Signing),
            ("ca/prod/tsa_2025.cer", Purpose::Timestamping),
            ("ca/prod/root_rsa_2020.cer", Purpose::CertificateAuthority),
            ("ca/prod/nca_gost_2022.cer", Purpose::CertificateAuthority),
        ] {
            assert_eq!(Certificate::parse(&shared(path)).unwrap().purpose(), purpose, "{path}");
        }
    }

    #[test]
    fn a_legal_entity_certificate_names_bin_and_iin_by_attribute_type() {
        let certificate = Certificate::parse(&shared("user/gost2015_legal-head_sign_20241029_72218d.cer")).unwrap();
        let identity = certificate.identity();
        assert_eq!(identity.bin.as_deref(), Some("123456789021"));
        assert_eq!(identity.iin.as_deref(), Some("123456789011"));
    }

    /// The file names of the suite say which template each certificate has.
    #[test]
    fn every_national_user_certificate_states_the_role_and_policy_of_its_template() {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/kz-pki/user");
        let mut seen = 0;
        for entry in std::fs::read_dir(root).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let certificate = Certificate::parse(&shared(&format!("user/{name}"))).unwrap();
            let expected: &[Role] = match name.split('_').nth(1).unwrap() {
                "individual" => &[Role::Individual],
                "legal-head" => &[Role::LegalEntity, Role::Head],
                "legal-right-of-sign" => &[Role::LegalEntity, Role::MaySign],
                "legal-employee" => &[Role::LegalEntity, Role::Employee],
                "legal-hr" => &[Role::LegalEntity, Role::HumanResources],
                "legal-info-system" => &[Role::LegalEntity, Role::InformationSystem],
                "treasury-client" => &[Role::LegalEntity, Role::TreasuryClient],
                _ => continue,
            };
            seen += 1;
            let roles = certificate.roles();
            assert_eq!(roles.known, expected.iter().copied().collect(), "{name}");
            assert!(roles.unknown.is_empty(), "{name}");
            assert!(certificate.policies().iter().all(|policy| policy.starts_with("1.2.398.3.3.2")), "{name}");
            let is_person = !name.contains("info-system");
            assert_eq!(certificate.identity().iin.is_some(), is_person, "{name}");
            assert_eq!(certificate.identity().bin.is_some(), !name.contains("individual"), "{name}");
            let purpose = if name.contains("_auth_") { Purpose::Authentication } else { Purpose::Signing };
            assert_eq!(certificate.purpose(), purpose, "{name}");
        }
        assert!(seen > 0);
    }

    #[test]
    fn a_certificate_under_an_authentication_policy_is_no_signing_certificate() {
        let der = shared("user/rsa_individual_sign_20220118_3f32db.cer");
        // 1.2.398.3.3.2.3 (signing, individual) becomes 1.2.398.3.3.2.4 (authentication); the usages stay.
        let policy = [0x2a, 0x83, 0x0e, 0x03, 0x03, 0x02, 0x03];
        let at = der.windows(7).position(|window| window == policy).unwrap();
        let mut changed = der.clone();
        changed[at + 6] = 0x04;
        assert_eq!(Certificate::parse(&der).unwrap().policies(), ["1.2.398.3.3.2.3"]);
        let changed = Certificate::parse(&changed).unwrap();
        assert_eq!(changed.policies(), ["1.2.398.3.3.2.4"]);
        assert_eq!(changed.purpose(), Purpose::Authentication);
    }

    #[test]
    fn trailing_bytes_after_a_certificate_are_refused() {
        let mut der = shared("user/rsa_individual_sign_20220118_3f32db.cer");
        der.push(0);
        assert_eq!(Certificate::parse(&der), Err(CertificateError::Structure { source: Asn1Error::Trailing }));
    }

    /// A trap of validators: the second of two equal extensions could say the opposite of the first.
    #[test]
    fn duplicate_extensions_are_refused() {
        let der = shared("user/rsa_individual_sign_20220118_3f32db.cer");
        // keyUsage (2.5.29.15) gets the number of extKeyUsage (2.5.29.37), which is there already.
        let at = der.windows(5).position(|window| window == [0x06, 0x03, 0x55, 0x1d, 0x0f]).unwrap();
        let mut changed = der.clone();
        changed[at + 4] = 0x25;
        assert_eq!(Certificate::parse(&changed), Err(CertificateError::DuplicateExtension));
    }

    /// Another: no usage at all is not every usage.
    #[test]
    fn empty_usages_and_policies_are_refused() {
        assert!(ExtendedKeyUsage::parse(&[0x30, 0]).is_err());
        assert!(CertificatePolicies::parse(&[0x30, 0]).is_err());
        assert!(KeyUsage::parse(&[0x03, 0x02, 0x07, 0x00]).is_err());
    }

    #[test]
    fn differing_inner_and_outer_algorithms_are_refused() {
        let der = shared("user/rsa_individual_sign_20220118_3f32db.cer");
        let sha256_with_rsa = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b];
        let at = der.windows(9).position(|window| window == sha256_with_rsa).unwrap();
        let mut changed = der.clone();
        changed[at + 8] = 0x0c;
        assert_eq!(Certificate::parse(&changed), Err(CertificateError::AlgorithmMismatch));
    }

    proptest! {
        #[test]
        fn mutated_certificates_never_panic(at in 0_usize..1500, byte: u8, cut in 0_usize..1600) {
            let mut der = shared("user/rsa_individual_sign_20220118_3f32db.cer");
            let length = der.len();
            der[at % length] = byte;
            let kept = der.get(..cut.min(length)).unwrap();
            for bytes in [der.as_slice(), kept] {
                if let Ok(certificate) = Certificate::parse(bytes) {
                    prop_assert_eq!(certificate.der(), bytes);
                    let _ = (certificate.purpose(), certificate.identity(), certificate.subject_display());
                }
            }
        }
    }
}
