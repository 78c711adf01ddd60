//! A certificate authority for demo, examples and tests: certificates that look like the national CA's, CRLs, and
//! CMS signatures, all from seeds.
//!
//! It is behind the feature `test-ca` because its keys are as good as public. It writes only what a correct CA and
//! correct signing tools write; wrong input for tests is made by changing these bytes.

use std::fmt;

use base64ct::{Base64, Encoding as _};
use ledger_core::time::Timestamp;
use sha2::{Digest as _, Sha256};

use self::der::{
    OCTET_STRING, PRINTABLE_STRING, TRUE, UTF8_STRING, bit_string, context, integer, named_bits, oid, sequence, set_of,
    time, tlv,
};
use self::key::PrivateKey;
pub use self::national::ContainerError;

mod cms;
mod der;
#[allow(dead_code, reason = "the tests of ledger-core use the rest of it")]
mod gost;
mod key;
mod national;
mod ocsp;

/// 20 years: the lifetime of the root.
const ROOT_LIFETIME_MS: u64 = 20 * 365 * 86_400_000;

/// A CA that issues certificates and CRLs: a root, or one below it.
#[derive(Clone)]
pub struct TestCa {
    key: PrivateKey,
    name: Vec<u8>,
    algorithm: Algorithm,
    seed: [u8; 32],
    issued: u64,
    certificate_der: Vec<u8>,
}

/// Key and signature algorithm of a party.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// RSA with 2048 bits, PKCS#1 v1.5 with SHA-256 (RFC 8017).
    Rsa2048,
    /// ECDSA over P-256 with SHA-256 (FIPS 186-5).
    P256,
    /// Ed25519; SHA-512 as the digest in CMS (RFC 8419).
    Ed25519,
    /// GOST 34.310-2004 with GOST 34.311-95, as the national authority issued until 2022.
    Gost2004,
    /// GOST R 34.10-2015 with 512 bits, as the national authority issues today.
    Gost2015,
}

/// What a certificate is for, by the national CA's key usages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Signs documents: digitalSignature and nonRepudiation, emailProtection.
    Signing,
    /// Logs in: digitalSignature and keyEncipherment, clientAuth. Documents signed with it are refused (clause 5.3.2).
    Authentication,
}

/// What to put into a certificate.
#[derive(Debug, Clone)]
pub struct PartySpec {
    /// Surname and name of the holder.
    pub common_name: String,
    /// The legal entity that the holder acts for; `None` for an individual.
    pub organization: Option<String>,
    /// BIN of the legal entity, twelve digits (not checked here).
    pub bin: Option<String>,
    /// IIN of the holder, twelve digits (not checked here).
    pub iin: String,
    /// The key.
    pub algorithm: Algorithm,
    /// Begin of validity; whole seconds.
    pub not_before: Timestamp,
    /// Last second of validity.
    pub not_after: Timestamp,
    /// What it is for.
    pub purpose: Purpose,
}

/// A holder with certificate and private key.
#[derive(Clone)]
pub struct Party {
    /// The certificate, DER.
    pub certificate_der: Vec<u8>,
    /// Its serial number, big-endian; what [`TestCa::crl`] revokes by.
    pub serial: Vec<u8>,
    key: PrivateKey,
    issuer: Vec<u8>,
}

impl TestCa {
    /// Makes a root CA with a P-256 key: `name` is its common name; one seed always gives one CA.
    pub fn new(name: &str, not_before: Timestamp, seed: [u8; 32]) -> Self {
        Self::with_algorithm(Algorithm::P256, name, not_before, seed)
    }

    /// Makes a root CA with another key.
    pub fn with_algorithm(algorithm: Algorithm, name: &str, not_before: Timestamp, seed: [u8; 32]) -> Self {
        let mut ca = Self::without_certificate(algorithm, name, seed);
        let serial = ca.next_serial();
        ca.certificate_der = ca.authority_certificate(&serial, &ca, not_before, &[]);
        ca
    }

    /// Makes a CA below this one, with a key of the same algorithm.
    #[must_use]
    pub fn subordinate(&mut self, name: &str, not_before: Timestamp, seed: [u8; 32]) -> Self {
        self.issued += 1;
        let mut ca = Self::without_certificate(self.algorithm, name, seed);
        let above = self.authority_key_identifier();
        ca.certificate_der = self.authority_certificate(&self.next_serial(), &ca, not_before, &[above]);
        ca
    }

    fn without_certificate(algorithm: Algorithm, name: &str, seed: [u8; 32]) -> Self {
        let key = PrivateKey::from_seed(algorithm, derive(seed, "key", 0));
        let name = rdns(&[(COUNTRY, PRINTABLE_STRING, "KZ"), (COMMON_NAME, UTF8_STRING, name)]);
        Self { key, name, algorithm, seed, issued: 0, certificate_der: Vec::new() }
    }

    fn authority_certificate(&self, serial: &[u8], ca: &Self, not_before: Timestamp, more: &[Vec<u8>]) -> Vec<u8> {
        let own = [
            extension(BASIC_CONSTRAINTS, true, &sequence(&[&TRUE])),
            extension(KEY_USAGE, true, &named_bits(0b0000_0110)),
            extension(SUBJECT_KEY_IDENTIFIER, false, &tlv(OCTET_STRING, &key_identifier(&ca.key))),
        ];
        let extensions = [&own, more].concat();
        self.certificate(serial, &ca.name, not_before, not_before.plus_ms(ROOT_LIFETIME_MS), &ca.key, &extensions)
    }

    /// The certificate of the CA, DER.
    pub fn certificate_der(&self) -> &[u8] {
        &self.certificate_der
    }

    /// The certificate of the CA, PEM.
    pub fn certificate_pem(&self) -> String {
        pem("CERTIFICATE", &self.certificate_der)
    }

    /// The private key, PKCS#8 PEM, for `openssl ocsp -rkey`: the CA answers for itself.
    pub fn private_key_pem(&self) -> String {
        pem("PRIVATE KEY", &self.key.to_pkcs8())
    }

    /// Issues a certificate for a new key made from `seed`. An RSA key takes a moment.
    pub fn issue(&mut self, spec: &PartySpec, seed: [u8; 32]) -> Party {
        self.issued += 1;
        let key = PrivateKey::from_seed(spec.algorithm, derive(seed, "key", 0));
        let serial = self.next_serial();
        let number = format!("IIN{}", spec.iin);
        let unit = spec.bin.as_ref().map(|bin| format!("BIN{bin}"));
        let mut subject = vec![
            (COMMON_NAME, UTF8_STRING, spec.common_name.as_str()),
            (SERIAL_NUMBER, PRINTABLE_STRING, &number),
            (COUNTRY, PRINTABLE_STRING, "KZ"),
        ];
        subject.extend(spec.organization.as_ref().map(|name| (ORGANIZATION, UTF8_STRING, name.as_str())));
        subject.extend(unit.as_ref().map(|unit| (ORGANIZATIONAL_UNIT, UTF8_STRING, unit.as_str())));
        // The national CA's profile (role and policy by holder and purpose).
        let (usage, extended, policy) = match (spec.purpose, unit.is_some()) {
            (Purpose::Signing, true) => (0b1100_0000, EMAIL_PROTECTION, "1.2.398.3.3.2.1"),
            (Purpose::Signing, false) => (0b1100_0000, EMAIL_PROTECTION, "1.2.398.3.3.2.3"),
            (Purpose::Authentication, true) => (0b1010_0000, CLIENT_AUTH, "1.2.398.3.3.2.2"),
            (Purpose::Authentication, false) => (0b1010_0000, CLIENT_AUTH, "1.2.398.3.3.2.4"),
        };
        let role = if unit.is_some() { "1.2.398.3.3.4.1.2" } else { "1.2.398.3.3.4.1.1" };
        let extensions = [
            extension(KEY_USAGE, true, &named_bits(usage)),
            extension(EXTENDED_KEY_USAGE, false, &sequence(&[&oid(extended), &oid(role)])),
            self.authority_key_identifier(),
            extension(SUBJECT_KEY_IDENTIFIER, false, &tlv(OCTET_STRING, &key_identifier(&key))),
            extension(CERTIFICATE_POLICIES, false, &sequence(&[&sequence(&[&oid(policy)])])),
        ];
        let certificate_der =
            self.certificate(&serial, &rdns(&subject), spec.not_before, spec.not_after, &key, &extensions);
        Party { certificate_der, serial, key, issuer: self.name.clone() }
    }

    /// A full CRL (DER, version 2) that revokes the given serial numbers at the given times.
    ///
    /// Its CRL number is `this_update` in seconds, so that a later list has a higher one.
    pub fn crl(&self, revoked: &[(&[u8], Timestamp)], this_update: Timestamp, next_update: Timestamp) -> Vec<u8> {
        self.list(revoked, this_update, next_update, None)
    }

    /// A delta CRL (RFC 5280, 5.2.4) to the full one of the time `base`.
    pub fn delta_crl(
        &self,
        base: Timestamp,
        revoked: &[(&[u8], Timestamp)],
        this_update: Timestamp,
        next_update: Timestamp,
    ) -> Vec<u8> {
        self.list(revoked, this_update, next_update, Some(base))
    }

    fn list(
        &self,
        revoked: &[(&[u8], Timestamp)],
        this_update: Timestamp,
        next_update: Timestamp,
        base: Option<Timestamp>,
    ) -> Vec<u8> {
        let entries: Vec<_> = revoked.iter().map(|(serial, at)| sequence(&[&integer(serial), &time(*at)])).collect();
        // The list must be absent when it is empty (RFC 5280, 5.1.2.6).
        let entries = if entries.is_empty() { Vec::new() } else { sequence(&[&entries.concat()]) };
        let number = |at: Timestamp| integer(&at.unix_seconds().to_be_bytes());
        let indicator = base.map(|base| extension(DELTA_CRL_INDICATOR, true, &number(base))).unwrap_or_default();
        let number = extension(CRL_NUMBER, false, &number(this_update));
        let extensions = sequence(&[&self.authority_key_identifier(), &number, &indicator]);
        self.signed(&[
            &integer(&[1]),
            &self.key.signature_algorithm(),
            &self.name,
            &time(this_update),
            &time(next_update),
            &entries,
            &context(0, &extensions),
        ])
    }

    /// An OCSP response (DER) by the CA itself about one of its certificates: good, or revoked since a time.
    pub fn ocsp(
        &self,
        serial: &[u8],
        revoked_at: Option<Timestamp>,
        this_update: Timestamp,
        next_update: Timestamp,
    ) -> Vec<u8> {
        let issuer_key = &self.key.public_key();
        let issuer = &self.name;
        let statement = ocsp::Statement { issuer, issuer_key, serial, revoked_at, this_update, next_update };
        let data = ocsp::response_data(&statement);
        let signature = bit_string(&self.key.sign(&data));
        ocsp::response(&sequence(&[&data, &self.key.signature_algorithm(), &signature]))
    }

    fn certificate(
        &self,
        serial: &[u8],
        subject: &[u8],
        not_before: Timestamp,
        not_after: Timestamp,
        key: &PrivateKey,
        extensions: &[Vec<u8>],
    ) -> Vec<u8> {
        self.signed(&[
            &context(0, &integer(&[2])),
            &integer(serial),
            &self.key.signature_algorithm(),
            &self.name,
            &sequence(&[&time(not_before), &time(not_after)]),
            subject,
            &key.public_key_info(),
            &context(3, &sequence(&[&extensions.concat()])),
        ])
    }

    /// The outer SEQUENCE of certificates and CRLs: body, algorithm, signature over the body.
    fn signed(&self, body: &[&[u8]]) -> Vec<u8> {
        let body = sequence(body);
        let signature = bit_string(&self.key.sign(&body));
        sequence(&[&body, &self.key.signature_algorithm(), &signature])
    }

    fn authority_key_identifier(&self) -> Vec<u8> {
        extension(AUTHORITY_KEY_IDENTIFIER, false, &sequence(&[&tlv(0x80, &key_identifier(&self.key))]))
    }

    /// 20 bytes that look random; the highest bit is clear and the next one set, so that the length never varies.
    fn next_serial(&self) -> Vec<u8> {
        let digest = derive(self.seed, "serial", self.issued);
        let mut serial: Vec<u8> = digest.into_iter().take(20).collect();
        if let Some(first) = serial.first_mut() {
            *first = *first & 0x3f | 0x40;
        }
        serial
    }
}

impl Party {
    /// A holder from a key container (PKCS#12) of the national authority: its published test keys.
    ///
    /// The container must fit the certificate, which is given beside it: its key is the private key's.
    pub fn from_container(container: &[u8], password: &str, certificate_der: &[u8]) -> Result<Self, ContainerError> {
        let key = national::open(container, password)?;
        let (issuer, serial) = national::issuer_and_serial(certificate_der).ok_or(ContainerError::Certificate)?;
        let info = key.public_key_info();
        if !certificate_der.windows(info.len()).any(|window| window == info) {
            return Err(ContainerError::OtherKey);
        }
        Ok(Self { certificate_der: certificate_der.to_vec(), serial, key, issuer })
    }

    /// Signs a document: detached CMS SignedData, CAdES-BES, DER, with the holder's certificate inside and `at`
    /// (whole seconds) as the claimed signing time.
    pub fn sign_detached(&self, document: &[u8], at: Timestamp) -> Vec<u8> {
        let Self { certificate_der: certificate, serial, key, issuer } = self;
        cms::sign_detached(&cms::Signer { key, certificate, issuer, serial }, document, at)
    }

    /// The certificate, PEM.
    pub fn certificate_pem(&self) -> String {
        pem("CERTIFICATE", &self.certificate_der)
    }

    /// The private key, PKCS#8 PEM, for `openssl cms -sign -inkey`.
    pub fn private_key_pem(&self) -> String {
        pem("PRIVATE KEY", &self.key.to_pkcs8())
    }
}

impl fmt::Debug for TestCa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestCa").field("issued", &self.issued).finish_non_exhaustive()
    }
}

impl fmt::Debug for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Party").field("serial", &self.serial).finish_non_exhaustive()
    }
}

// Attribute types of names (X.520) and extensions (RFC 5280, 4.2 and 5.2).
const COMMON_NAME: &str = "2.5.4.3";
const SERIAL_NUMBER: &str = "2.5.4.5";
const COUNTRY: &str = "2.5.4.6";
const ORGANIZATION: &str = "2.5.4.10";
const ORGANIZATIONAL_UNIT: &str = "2.5.4.11";
const SUBJECT_KEY_IDENTIFIER: &str = "2.5.29.14";
const KEY_USAGE: &str = "2.5.29.15";
const BASIC_CONSTRAINTS: &str = "2.5.29.19";
const CRL_NUMBER: &str = "2.5.29.20";
const DELTA_CRL_INDICATOR: &str = "2.5.29.27";
const CERTIFICATE_POLICIES: &str = "2.5.29.32";
const AUTHORITY_KEY_IDENTIFIER: &str = "2.5.29.35";
const EXTENDED_KEY_USAGE: &str = "2.5.29.37";
const CLIENT_AUTH: &str = "1.3.6.1.5.5.7.3.2";
const EMAIL_PROTECTION: &str = "1.3.6.1.5.5.7.3.4";

fn rdns(attributes: &[(&str, u8, &str)]) -> Vec<u8> {
    let one =
        |(kind, tag, value): &(&str, u8, &str)| set_of(vec![sequence(&[&oid(kind), &tlv(*tag, value.as_bytes())])]);
    sequence(&[&attributes.iter().map(one).collect::<Vec<_>>().concat()])
}

fn extension(kind: &str, critical: bool, value: &[u8]) -> Vec<u8> {
    let critical: &[u8] = if critical { &TRUE } else { &[] };
    sequence(&[&oid(kind), critical, &tlv(OCTET_STRING, value)])
}

/// The leftmost 160 bits of the key's SHA-256 (RFC 7093, 2, method 1).
fn key_identifier(key: &PrivateKey) -> Vec<u8> {
    Sha256::digest(key.public_key()).into_iter().take(20).collect()
}

fn derive(seed: [u8; 32], label: &str, number: u64) -> [u8; 32] {
    let hasher = Sha256::new().chain_update(b"test-ca\0").chain_update(label).chain_update([0]);
    hasher.chain_update(seed).chain_update(number.to_be_bytes()).finalize().into()
}

/// RFC 7468, lines of 64 characters.
fn pem(label: &str, der: &[u8]) -> String {
    let lines: Vec<_> = der.chunks(48).map(Base64::encode_string).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};
    use std::process::{Command, Output};

    use ledger_core::signature;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn spec(algorithm: Algorithm) -> PartySpec {
        PartySpec {
            common_name: "ТЕСТОВ ТЕСТ".into(),
            organization: Some("ТОО \"Отправитель\"".into()),
            bin: Some("171140001255".into()),
            iin: "931002451325".into(),
            algorithm,
            not_before: at("2026-01-01T00:00:00.000Z"),
            not_after: at("2027-01-01T00:00:00.000Z"),
            purpose: Purpose::Signing,
        }
    }

    fn ca() -> TestCa {
        TestCa::new("TEST CA", at("2026-01-01T00:00:00.000Z"), [7; 32])
    }

    const SIGNED_AT: &str = "2026-06-01T12:00:00.000Z";
    /// What OpenSSL knows.
    const ALGORITHMS: [Algorithm; 3] = [Algorithm::Rsa2048, Algorithm::P256, Algorithm::Ed25519];
    const NATIONAL: [Algorithm; 2] = [Algorithm::Gost2004, Algorithm::Gost2015];

    /// A folder of one test, removed at its end.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("test-ca-{name}-{}", std::process::id()));
            std::fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
            std::fs::write(self.0.join(name), bytes).unwrap();
            self.0.join(name)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    fn openssl(arguments: &str, files: &[&Path]) -> Output {
        let mut files = files.iter();
        let words =
            arguments.split(' ').map(|word| if word == "@" { files.next().unwrap().to_str().unwrap() } else { word });
        Command::new("openssl").args(words).output().expect("openssl is installed")
    }

    #[track_caller]
    fn succeeds(output: &Output, says: &str) {
        let text = [output.stdout.as_slice(), &output.stderr].concat();
        let text = String::from_utf8_lossy(&text);
        assert!(output.status.success() && text.contains(says), "{text}");
    }

    // SIGNED_AT in seconds, for openssl.
    const ATTIME: &str = "-attime 1780315200";

    #[test]
    fn openssl_accepts_chain_and_signature_of_each_algorithm_and_refuses_another_document() {
        let folder = Folder::new("openssl");
        let mut ca = ca();
        let root = folder.write("root.pem", ca.certificate_pem());
        let document = folder.write("document", "contract");
        let other = folder.write("other", "contrabt");
        for algorithm in ALGORITHMS {
            let party = ca.issue(&spec(algorithm), [1; 32]);
            let certificate = folder.write("party.pem", party.certificate_pem());
            let cms = folder.write("cms.der", party.sign_detached(b"contract", at(SIGNED_AT)));
            let chain = format!("verify -x509_strict {ATTIME} -purpose smimesign -CAfile @ @");
            succeeds(&openssl(&chain, &[&root, &certificate]), "OK");
            let verify = format!("cms -verify -binary {ATTIME} -inform DER -in @ -CAfile @ -content @");
            // OpenSSL 3.0 has no Ed25519 in CMS; the test after this one looks at the bytes.
            if algorithm != Algorithm::Ed25519 {
                succeeds(&openssl(&format!("{verify} -cades"), &[&cms, &root, &document]), "successful");
                assert!(!openssl(&verify, &[&cms, &root, &other]).status.success(), "{algorithm:?}");
            }
        }
    }

    /// The signed attributes are the one thing under the signature: found in the bytes, checked with the key alone.
    #[test]
    fn an_ed25519_signature_covers_the_signed_attributes_with_sha512_inside() {
        let party = ca().issue(&spec(Algorithm::Ed25519), [1; 32]);
        let cms = party.sign_detached(b"contract", at(SIGNED_AT));
        let digest = sha2::Sha512::digest(b"contract");
        assert!(cms.windows(64).any(|window| window == digest.as_slice()));
        let start = cms.windows(2).rposition(|window| window == [0xa0, 0x81]).unwrap();
        let length = usize::from(cms[start + 2]);
        let mut attributes = cms[start..start + 3 + length].to_vec();
        attributes[0] = der::SET;
        let rest = &cms[start + 3 + length..];
        assert_eq!(rest[..9], *b"\x30\x05\x06\x03\x2b\x65\x70\x04\x40");
        let signature = ed25519_dalek::Signature::from_slice(&rest[9..]).unwrap();
        let PrivateKey::Ed25519(key) = &party.key else { panic!("another key") };
        assert!(key.verifying_key().verify_strict(&attributes, &signature).is_ok());
        attributes[20] ^= 1;
        assert!(key.verifying_key().verify_strict(&attributes, &signature).is_err());
    }

    #[test]
    fn the_ledger_passes_each_algorithm_and_fails_what_is_altered_revoked_or_meant_for_logging_in() {
        let mut ca = ca();
        let algorithms: Vec<_> = ALGORITHMS.into_iter().chain(NATIONAL).collect();
        let good: Vec<_> = algorithms.iter().map(|algorithm| ca.issue(&spec(*algorithm), [1; 32])).collect();
        let revoked = ca.issue(&spec(Algorithm::P256), [2; 32]);
        let login = ca.issue(&PartySpec { purpose: Purpose::Authentication, ..spec(Algorithm::P256) }, [3; 32]);
        let list = [(revoked.serial.as_slice(), at("2026-05-30T00:00:00.000Z"))];
        let crl = ca.crl(&list, at("2026-05-31T00:00:00.000Z"), at("2026-06-30T00:00:00.000Z"));
        let evidence = signature::EvidenceSet::new(&[], &[crl]);
        let trust = signature::TrustSnapshot::from_certificates([ca.certificate_der()]).unwrap();
        let verdict = |party: &Party, document: &[u8]| {
            let report = signature::verify(&signature::VerifyInput {
                document,
                signature: &party.sign_detached(b"contract", at(SIGNED_AT)),
                evidence: &evidence,
                trust: &trust,
                policy: &signature::SignaturePolicy::default_2026(),
                signing_time: at(SIGNED_AT),
                receipt_time: at("2026-06-01T12:00:01.000Z"),
                known_until: None,
                document_type: None,
            });
            (report.overall, serde_json::to_string(&report).unwrap())
        };
        for (party, algorithm) in good.iter().zip(algorithms) {
            let (passed, report) = verdict(party, b"contract");
            assert_eq!(passed, signature::Verdict::Passed, "{algorithm:?}: {report}");
            assert!(matches!(verdict(party, b"contrabt").0, signature::Verdict::Failed(_)), "{algorithm:?}");
        }
        for party in [&revoked, &login] {
            let (failed, report) = verdict(party, b"contract");
            assert!(matches!(failed, signature::Verdict::Failed(_)), "{report}");
        }
    }

    #[test]
    fn openssl_reads_the_certificate_as_the_national_profile() {
        let folder = Folder::new("profile");
        let party = ca().issue(&spec(Algorithm::P256), [1; 32]);
        let certificate = folder.write("party.pem", party.certificate_pem());
        let text = openssl("x509 -noout -text -nameopt utf8 -in @", &[&certificate]);
        for line in [
            "serialNumber=IIN931002451325",
            "OU=BIN171140001255",
            "CN=ТЕСТОВ ТЕСТ",
            "Digital Signature, Non Repudiation",
            "E-mail Protection, 1.2.398.3.3.4.1.2",
            "Policy: 1.2.398.3.3.2.1",
            "Not After : Jan  1 00:00:00 2027 GMT",
        ] {
            succeeds(&text, line);
        }
        let individual =
            PartySpec { organization: None, bin: None, purpose: Purpose::Authentication, ..spec(Algorithm::P256) };
        let certificate = folder.write("party.pem", ca().issue(&individual, [1; 32]).certificate_pem());
        let text = openssl("x509 -noout -text -in @", &[&certificate]);
        for line in ["Key Encipherment", "TLS Web Client Authentication, 1.2.398.3.3.4.1.1", "1.2.398.3.3.2.4"] {
            succeeds(&text, line);
        }
    }

    #[test]
    fn openssl_refuses_what_the_crl_revokes_and_accepts_the_rest() {
        let folder = Folder::new("crl");
        let mut ca = ca();
        let root = folder.write("root.pem", ca.certificate_pem());
        let revoked = ca.issue(&spec(Algorithm::P256), [1; 32]);
        let good = ca.issue(&spec(Algorithm::P256), [2; 32]);
        let (this, next) = (at("2026-05-31T00:00:00.000Z"), at("2026-06-30T00:00:00.000Z"));
        let list = [(revoked.serial.as_slice(), at("2026-05-30T00:00:00.000Z"))];
        for (list, revoked_passes) in [(&list[..], false), (&[], true)] {
            let crl = folder.write("crl.pem", pem("X509 CRL", &ca.crl(list, this, next)));
            for (party, passes) in [(&revoked, revoked_passes), (&good, true)] {
                let certificate = folder.write("party.pem", party.certificate_pem());
                let check = format!("verify {ATTIME} -crl_check -CAfile @ -CRLfile @ @");
                assert_eq!(openssl(&check, &[&root, &crl, &certificate]).status.success(), passes);
            }
        }
    }

    #[test]
    fn openssl_signs_with_the_exported_keys() {
        let folder = Folder::new("keys");
        let mut ca = ca();
        let root = folder.write("root.pem", ca.certificate_pem());
        let document = folder.write("document", "contract");
        for algorithm in ALGORITHMS {
            let party = ca.issue(&spec(algorithm), [3; 32]);
            let key = folder.write("key.pem", party.private_key_pem());
            succeeds(&openssl("pkey -noout -check -in @", &[&key]), "");
            if algorithm != Algorithm::Ed25519 {
                let certificate = folder.write("party.pem", party.certificate_pem());
                let sign = "cms -sign -binary -cades -outform DER -signer @ -inkey @ -in @";
                let cms = folder.write("cms.der", openssl(sign, &[&certificate, &key, &document]).stdout);
                // openssl signs now, on a clock that may be outside the certificate's year.
                let verify = "cms -verify -binary -no_check_time -inform DER -in @ -CAfile @ -content @";
                succeeds(&openssl(verify, &[&cms, &root, &document]), "successful");
            }
        }
    }

    #[test]
    fn one_seed_gives_one_party_and_another_seed_another() {
        for algorithm in ALGORITHMS.into_iter().chain(NATIONAL) {
            let make = |seed| ca().issue(&spec(algorithm), [seed; 32]);
            let (first, again, other) = (make(1), make(1), make(2));
            assert_eq!(first.certificate_der, again.certificate_der, "{algorithm:?}");
            let sign = |party: &Party| party.sign_detached(b"contract", at(SIGNED_AT));
            assert_eq!(sign(&first), sign(&again), "{algorithm:?}");
            assert_ne!(first.private_key_pem(), other.private_key_pem(), "{algorithm:?}");
        }
        let mut ca = ca();
        assert_ne!(ca.issue(&spec(Algorithm::P256), [1; 32]).serial, ca.issue(&spec(Algorithm::P256), [1; 32]).serial);
    }

    const NATIONAL_DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/kz-pki/");

    fn national(name: &str) -> Vec<u8> {
        std::fs::read(format!("{NATIONAL_DATA}{name}")).unwrap()
    }

    /// The published containers, each with its certificate.
    fn containers() -> Vec<(String, Vec<u8>, Vec<u8>)> {
        let entries = std::fs::read_dir(format!("{NATIONAL_DATA}p12")).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut containers: Vec<_> = names
            .filter_map(|name| name.strip_suffix(".p12").map(str::to_owned))
            .map(|name| (national(&format!("p12/{name}.p12")), national(&format!("user/{name}.cer")), name))
            .map(|(container, certificate, name)| (name, container, certificate))
            .collect();
        containers.sort();
        assert!(!containers.is_empty());
        containers
    }

    fn open(container: &[u8], certificate: &[u8]) -> Result<Party, ContainerError> {
        let passwords = ["Qwerty12", "Aa123456"];
        let opened = passwords.map(|password| Party::from_container(container, password, certificate));
        // A wrong password gives padding by chance once in 256 times, and then no key.
        let wrong = [ContainerError::Password, ContainerError::Algorithm];
        opened.into_iter().find(|party| party.as_ref().err().is_none_or(|error| !wrong.contains(error))).unwrap()
    }

    /// Every authority of the folder, production and test together: only tests may trust so much.
    fn national_trust() -> signature::TrustSnapshot {
        let folders =
            ["ca/prod", "ca/test"].map(|folder| std::fs::read_dir(format!("{NATIONAL_DATA}{folder}")).unwrap());
        let certificates = folders.into_iter().flatten().map(|entry| std::fs::read(entry.unwrap().path()).unwrap());
        signature::TrustSnapshot::from_certificates(certificates).unwrap()
    }

    #[test]
    fn every_published_key_signs_documents_that_verify_and_no_change_of_them_does() {
        let trust = national_trust();
        let policy =
            signature::SignaturePolicy { require_revocation: false, ..signature::SignaturePolicy::default_2026() };
        for (name, container, certificate) in containers() {
            let party = open(&container, &certificate).unwrap_or_else(|error| panic!("{name}: {error}"));
            let evidence = signature::EvidenceSet::default();
            let read = ledger_core::pki::certificate::Certificate::parse(&certificate).unwrap();
            let at = read.not_before().plus_ms(86_400_000);
            let cms = party.sign_detached(b"contract", at);
            let verdict = |document: &[u8], cms: &[u8]| {
                let report = signature::verify(&signature::VerifyInput {
                    document,
                    signature: cms,
                    evidence: &evidence,
                    trust: &trust,
                    policy: &policy,
                    signing_time: at,
                    receipt_time: at,
                    known_until: None,
                    document_type: None,
                });
                (report.overall, serde_json::to_string(&report).unwrap())
            };
            let (verified, report) = verdict(b"contract", &cms);
            if name.contains("_auth_") {
                assert_eq!(verified, signature::Verdict::Failed(signature::SubCode::SigConstraintsFailure), "{report}");
                continue;
            }
            assert_eq!(verified, signature::Verdict::Passed, "{name}: {report}");
            assert!(matches!(verdict(b"contrabt", &cms).0, signature::Verdict::Failed(_)), "{name}");
            // The value is the last thing in the message; the signed attributes stand before it.
            let length = cms.len();
            for place in [length - 1, length - 64, length - 200] {
                let mut changed = cms.clone();
                changed[place] ^= 4;
                let (verified, report) = verdict(b"contract", &changed);
                assert!(!verified.is_passed(), "{name} {place}: {report}");
            }
        }
    }

    #[test]
    fn a_container_opens_with_its_password_and_for_its_certificate_alone() {
        let containers = containers();
        for (name, container, certificate) in &containers {
            let party = open(container, certificate).unwrap();
            assert_eq!(&party.certificate_der, certificate);
            let wrong = Party::from_container(container, "qwerty12", certificate).unwrap_err();
            assert!(matches!(wrong, ContainerError::Password | ContainerError::Algorithm), "{name}: {wrong}");
            let (_, _, other) = containers.iter().find(|(_, _, other)| other != certificate).unwrap();
            assert_eq!(open(container, other).err(), Some(ContainerError::OtherKey), "{name}");
            assert_eq!(
                Party::from_container(certificate, "Qwerty12", certificate).err(),
                Some(ContainerError::NoKeyBag)
            );
        }
    }
}
