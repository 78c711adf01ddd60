//! The price of a whole verification, against the bare signature operations that it cannot do without; GOST in
//! milliseconds; a national-sized CRL. `cargo run --release -p ledger-benches --bin signature [rounds]`.

#![allow(clippy::float_arithmetic, reason = "rates and ratios")]

use std::error::Error;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ledger_core::pki::alg::{AlgorithmRegistry, SignatureRequest};
use ledger_core::pki::crl::Crl;
use ledger_core::signature::{EvidenceSet, SignaturePolicy, TrustSnapshot, VerifyInput, verify, verify_certificate};
use ledger_core::time::Timestamp;
use ledger_store::test_ca::{Algorithm, Party, PartySpec, Purpose, TestCa};

type Outcome<T> = Result<T, Box<dyn Error>>;

const DOCUMENT: &[u8] = b"%PDF-1.7 a contract";
const CRL_ENTRIES: u32 = 500_000;

fn main() -> Outcome<()> {
    let rounds: u32 = std::env::args().nth(1).map_or(Ok(201), |text| text.parse())?;
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("load before: {}; medians of {rounds} rounds", load.trim());
    println!();
    println!("algorithm       | one signature | five of them | whole verification | ratio");
    for (name, algorithm) in [
        ("RSA-2048", Algorithm::Rsa2048),
        ("P-256", Algorithm::P256),
        ("Ed25519", Algorithm::Ed25519),
        ("GOST-2004", Algorithm::Gost2004),
        ("GOST-2015-512", Algorithm::Gost2015),
    ] {
        let case = Case::new(algorithm)?;
        let whole = || case.verify();
        if !whole() {
            return Err(format!("{name}: the signature does not pass").into());
        }
        // One operation beside one verification in every round, so that both see the same machine.
        let (mut bare, mut full) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            bare.push(time(|| case.operations.iter().all(Operation::verify)));
            full.push(time(whole));
        }
        let (bare, full) = (median(bare), median(full));
        println!(
            "{name:<15} | {:>10.1} us | {:>9.1} us | {:>15.1} us | {:>5.2}",
            micros(bare) / 5.0,
            micros(bare),
            micros(full),
            micros(full) / micros(bare)
        );
    }
    println!();
    crl(rounds)
}

/// A chain of root, intermediate and leaf, with a list of each CA, all of one algorithm; and a signature by the leaf.
struct Case {
    trust: TrustSnapshot,
    evidence: EvidenceSet,
    policy: SignaturePolicy,
    signature: Vec<u8>,
    /// What the verification computes at the least: the signatures of document (here the leaf's certificate once
    /// more: the same algorithm over as many bytes), leaf, intermediate and two lists.
    operations: Vec<Operation>,
}

impl Case {
    fn new(algorithm: Algorithm) -> Outcome<Self> {
        let (party, root, intermediate) = chain(algorithm)?;
        let lists = [root.crl(&[], listed()?, next()?), intermediate.crl(&[], listed()?, next()?)];
        let [leaf, middle, top] = [&party.certificate_der[..], intermediate.certificate_der(), root.certificate_der()];
        let operation = |object: &[u8], issuer: &[u8]| Operation::new(object, issuer).ok_or("no certificate or list");
        let operations = vec![
            operation(leaf, middle)?,
            operation(leaf, middle)?,
            operation(middle, top)?,
            operation(&lists[0], top)?,
            operation(&lists[1], middle)?,
        ];
        Ok(Self {
            trust: TrustSnapshot::from_certificates([top])?,
            evidence: EvidenceSet::new(&[middle.to_vec()], &lists),
            policy: SignaturePolicy::default_2026(),
            signature: party.sign_detached(DOCUMENT, signed()?),
            operations,
        })
    }

    /// CAdES with chain and status at two moments. The lists are opened, and their signatures verified, anew: a
    /// service does that once for all signatures.
    fn verify(&self) -> bool {
        let lists: Vec<_> = self.evidence.crls().iter().map(|crl| crl.der().to_vec()).collect();
        let certificates: Vec<_> = self.evidence.certificates().iter().map(|one| one.der().to_vec()).collect();
        let (Ok(signing_time), Ok(receipt_time)) = (signed(), received()) else { return false };
        let report = verify(&VerifyInput {
            document: DOCUMENT,
            signature: &self.signature,
            evidence: &EvidenceSet::new(&certificates, &lists),
            trust: &self.trust,
            policy: &self.policy,
            signing_time,
            receipt_time,
            known_until: None,
            document_type: None,
        });
        report.overall.is_passed()
    }
}

fn chain(algorithm: Algorithm) -> Outcome<(Party, TestCa, TestCa)> {
    let begin: Timestamp = "2026-01-01T00:00:00.000Z".parse()?;
    let mut root = TestCa::with_algorithm(algorithm, "BENCH ROOT", begin, [1; 32]);
    let mut intermediate = root.subordinate("BENCH CA", begin, [2; 32]);
    let spec = PartySpec {
        common_name: "ТЕСТОВ ТЕСТ".into(),
        organization: Some("ТОО \"Отправитель\"".into()),
        bin: Some("171140001255".into()),
        iin: "931002451325".into(),
        algorithm,
        not_before: begin,
        not_after: "2027-01-01T00:00:00.000Z".parse()?,
        purpose: Purpose::Signing,
    };
    let party = intermediate.issue(&spec, [3; 32]);
    Ok((party, root, intermediate))
}

fn listed() -> Outcome<Timestamp> {
    Ok("2026-06-02T00:00:00.000Z".parse()?)
}

fn next() -> Outcome<Timestamp> {
    Ok("2026-07-02T00:00:00.000Z".parse()?)
}

fn signed() -> Outcome<Timestamp> {
    Ok("2026-06-01T12:00:00.000Z".parse()?)
}

fn received() -> Outcome<Timestamp> {
    Ok("2026-06-01T18:00:00.000Z".parse()?)
}

/// One signature as it stands in a certificate or list.
struct Operation {
    algorithm: Vec<u8>,
    key: Vec<u8>,
    message: Vec<u8>,
    signature: Vec<u8>,
}

impl Operation {
    fn new(object: &[u8], issuer: &[u8]) -> Option<Self> {
        let (outer, _) = contents(object)?;
        let (message, rest) = element(outer)?;
        let (algorithm, rest) = element(rest)?;
        let (signature, _) = contents(rest)?;
        Some(Self {
            algorithm: algorithm.to_vec(),
            key: public_key(issuer)?.to_vec(),
            message: message.to_vec(),
            signature: signature.get(1..)?.to_vec(),
        })
    }

    fn verify(&self) -> bool {
        let Self { algorithm, key, message, signature } = self;
        let request = SignatureRequest { algorithm, key, cms_digest: None, message, signature };
        AlgorithmRegistry::standard().verify(&request).is_ok()
    }
}

/// The seventh field of the body: version, serial number, algorithm, issuer, validity, subject, key.
fn public_key(certificate: &[u8]) -> Option<&[u8]> {
    let (mut fields, _) = contents(contents(certificate)?.0)?;
    for _ in 0..6 {
        fields = element(fields)?.1;
    }
    Some(element(fields)?.0)
}

/// The first element with its header, and what follows it.
fn element(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (value, rest) = contents(bytes)?;
    bytes.split_at_checked(bytes.len() - rest.len()).filter(|(whole, _)| whole.ends_with(value))
}

/// The contents of the first element, and what follows it.
fn contents(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&first, rest) = bytes.get(1..)?.split_first()?;
    let digits = if first < 0x80 { 0 } else { usize::from(first & 0x7f) };
    let (length, rest) = rest.split_at_checked(digits)?;
    let length = if digits == 0 {
        usize::from(first)
    } else {
        length.iter().fold(0, |sum, digit| (sum << 8) | usize::from(*digit))
    };
    rest.split_at_checked(length)
}

/// A list as large as the national one: opening it, and what a status costs more than with an empty list.
fn crl(rounds: u32) -> Outcome<()> {
    let (party, root, intermediate) = chain(Algorithm::P256)?;
    let serials: Vec<[u8; 20]> = (0..CRL_ENTRIES).map(serial).collect();
    let at = "2026-03-01T00:00:00.000Z".parse()?;
    let entries: Vec<(&[u8], Timestamp)> = serials.iter().map(|serial| (&serial[..], at)).collect();
    let der = intermediate.crl(&entries, listed()?, next()?);
    let opening = median((0..5).map(|_| time(|| Crl::parse(&der).is_ok())).collect());
    println!("list of {CRL_ENTRIES} entries, {:.1} MB: opened in {:.1} ms", mega(der.len()), micros(opening) / 1e3);

    let trust = TrustSnapshot::from_certificates([root.certificate_der()])?;
    let policy = SignaturePolicy::default_2026();
    let evidence = |list: Vec<u8>| -> Outcome<EvidenceSet> {
        let above = root.crl(&[], listed()?, next()?);
        let mut set = EvidenceSet::new(&[intermediate.certificate_der().to_vec()], &[above]);
        set.add_parsed_crl(Arc::new(Crl::parse(&list)?));
        Ok(set)
    };
    let (large, empty) = (evidence(der)?, evidence(intermediate.crl(&[], listed()?, next()?))?);
    let signed = signed()?;
    let status = |evidence: &EvidenceSet| {
        verify_certificate(&party.certificate_der, evidence, &trust, &policy, signed, None).verdict.is_passed()
    };
    if !status(&large) || !status(&empty) {
        return Err("the certificate does not pass".into());
    }
    let (mut with_large, mut with_empty) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        with_large.push(time(|| status(&large)));
        with_empty.push(time(|| status(&empty)));
    }
    let (with_large, with_empty) = (median(with_large), median(with_empty));
    println!(
        "status of a certificate with it {:.1} us, with an empty list {:.1} us: a look-up costs {:.2} us",
        micros(with_large),
        micros(with_empty),
        micros(with_large) - micros(with_empty)
    );
    Ok(())
}

/// 20 octets that look random, and of one length.
fn serial(number: u32) -> [u8; 20] {
    let mut serial = [0x40; 20];
    for (place, byte) in serial.iter_mut().skip(1).zip(number.wrapping_mul(0x9e37_79b1).to_be_bytes()) {
        *place = byte;
    }
    serial
}

fn time(work: impl FnOnce() -> bool) -> Duration {
    let begun = Instant::now();
    black_box(work());
    begun.elapsed()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

fn mega(bytes: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, clippy::as_conversions, reason = "figures for people")]
    let bytes = bytes as f64;
    bytes / 1e6
}
