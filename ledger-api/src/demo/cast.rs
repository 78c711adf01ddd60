//! Who plays in the demo: a certification authority, a seller with two signers, a buyer with one.

use ledger_core::time::Timestamp;
use ledger_store::test_ca::{Algorithm, Party, PartySpec, Purpose, TestCa};

/// Certificates are in force from a day ago for a year, as those of the national CA.
const DAY_MS: u64 = 86_400_000;

/// The people and companies; the companies are registered later.
pub(super) struct Cast {
    pub(super) ca: TestCa,
    /// Signs for the seller with RSA.
    pub(super) director: Party,
    /// Signs for the seller with Ed25519.
    pub(super) accountant: Party,
    /// Signs for the buyer with P-256.
    pub(super) buyer_director: Party,
    /// Signs everyday documents of the seller, with P-256.
    pub(super) seller_manager: Party,
    /// Signs everyday documents of the buyer, with Ed25519.
    pub(super) buyer_manager: Party,
}

/// A company as the public register has it. The numbers have right check digits and belong to nobody.
pub(super) struct Company {
    pub(super) name: &'static str,
    pub(super) bin: &'static str,
}

pub(super) const SELLER: Company = Company { name: "Dala Grain LLP", bin: "171140001255" };
pub(super) const BUYER: Company = Company { name: "Aray Mill LLP", bin: "190340018426" };

impl Cast {
    /// Keys come from fixed seeds: whoever has this program has them, so they are good for a demo only.
    pub(super) fn assemble(now: Timestamp) -> Self {
        let not_before = now.minus_ms(DAY_MS);
        let mut ca = TestCa::new("DEMO CERTIFICATION AUTHORITY", not_before, [1; 32]);
        let mut issue = |common_name: &str, company: &Company, iin: &str, algorithm, seed| {
            let spec = PartySpec {
                common_name: common_name.into(),
                organization: Some(company.name.into()),
                bin: Some(company.bin.into()),
                iin: iin.into(),
                algorithm,
                not_before,
                not_after: not_before.plus_ms(365 * DAY_MS),
                purpose: Purpose::Signing,
            };
            ca.issue(&spec, [seed; 32])
        };
        let director = issue("AKHMETOV DAULET", &SELLER, "800512300477", Algorithm::Rsa2048, 2);
        let accountant = issue("SERIKOVA AIGUL", &SELLER, "850912400289", Algorithm::Ed25519, 3);
        let buyer_director = issue("NURLANOV ERLAN", &BUYER, "910302300666", Algorithm::P256, 4);
        let seller_manager = issue("OSPANOV TIMUR", &SELLER, "931002451325", Algorithm::P256, 5);
        let buyer_manager = issue("KIM ALINA", &BUYER, "910302300666", Algorithm::Ed25519, 6);
        Self { ca, director, accountant, buyer_director, seller_manager, buyer_manager }
    }

    /// A list without entries, in force for a week: nobody is revoked.
    pub(super) fn crl(&self, now: Timestamp) -> Vec<u8> {
        self.ca.crl(&[], now.minus_ms(DAY_MS), now.plus_ms(7 * DAY_MS))
    }
}
