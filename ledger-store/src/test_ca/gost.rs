//! GOST R 34.10 in plain big integers and affine points, as RFC 7091 states it: signs for tests, and is the second
//! opinion on the verification of `ledger-core`, whose tests include this file. Slow, and nothing in it stays secret.

use num_bigint::BigUint;

/// y² = x³ + ax + b modulo p; base point (x, y) of prime order q.
pub(super) struct Curve {
    pub(super) p: BigUint,
    pub(super) a: BigUint,
    pub(super) b: BigUint,
    pub(super) q: BigUint,
    pub(super) base: (BigUint, BigUint),
    /// Octets of one number.
    pub(super) length: usize,
}

/// `None` is infinity.
pub(super) type Point = Option<(BigUint, BigUint)>;

fn number(hex: &str) -> BigUint {
    BigUint::parse_bytes(hex.as_bytes(), 16).unwrap_or_default()
}

/// GOST 34.310-2004: id-GostR3410-2001-CryptoPro-A-ParamSet.
pub(super) fn crypto_pro_a() -> Curve {
    Curve {
        p: number("FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFD97"),
        a: number("FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFD94"),
        b: number("A6"),
        q: number("FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF6C611070995AD10045841B09B761B893"),
        base: (number("1"), number("8D91E471E0989CDA27DF505A453F2B7635294F2DDF23E3B122ACC99C9E9F1E14")),
        length: 32,
    }
}

/// GOST R 34.10-2015 with 256 bits: id-tc26-gost-3410-2012-256-paramSetA.
pub(super) fn tc26_a_256() -> Curve {
    Curve {
        p: number("FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFD97"),
        a: number("C2173F1513981673AF4892C23035A27CE25E2013BF95AA33B22C656F277E7335"),
        b: number("295F9BAE7428ED9CCC20E7C359A9D41A22FCCD9108E17BF7BA9337A6F8AE9513"),
        q: number("400000000000000000000000000000000FD8CDDFC87B6635C115AF556C360C67"),
        base: (
            number("91E38443A5E82C0D880923425712B2BB658B9196932E02C78B2582FE742DAA28"),
            number("32879423AB1A0375895786C4BB46E9565FDE0B5344766740AF268ADB32322E5C"),
        ),
        length: 32,
    }
}

/// GOST R 34.10-2015 with 512 bits: id-tc26-gost-3410-12-512-paramSetA.
pub(super) fn tc26_a_512() -> Curve {
    let p = (BigUint::from(1_u32) << 512_u32) - 569_u32;
    Curve {
        a: &p - 3_u32,
        p,
        b: number(concat!(
            "E8C2505DEDFC86DDC1BD0B2B6667F1DA34B82574761CB0E879BD081CFD0B6265",
            "EE3CB090F30D27614CB4574010DA90DD862EF9D4EBEE4761503190785A71C760"
        )),
        q: number(concat!(
            "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF",
            "27E69532F48D89116FF22B8D4E0560609B4B38ABFAD2B85DCACDB1411F10B275"
        )),
        base: (
            number("3"),
            number(concat!(
                "7503CFE87A836AE3A61B8816E25450E6CE5E1C93ACF1ABC1778064FDCBEFA921",
                "DF1626BE4FD036E93D75E6A50E3A41E98028FE5FC235F5B889A589CB5215F2A4"
            )),
        ),
        length: 64,
    }
}

impl Curve {
    fn minus(&self, left: &BigUint, right: &BigUint) -> BigUint {
        (left + &self.p - right % &self.p) % &self.p
    }

    pub(super) fn contains(&self, (x, y): &(BigUint, BigUint)) -> bool {
        x < &self.p && y < &self.p && y * y % &self.p == (x * x * x + &self.a * x + &self.b) % &self.p
    }

    pub(super) fn add(&self, left: &Point, right: &Point) -> Point {
        let (Some((x1, y1)), Some((x2, y2))) = (left, right) else { return left.clone().or_else(|| right.clone()) };
        let (over, under) = if x1 != x2 {
            (self.minus(y2, y1), self.minus(x2, x1))
        } else if y1 == y2 && *y1 != BigUint::ZERO {
            (3_u32 * x1 * x1 + &self.a, 2_u32 * y1)
        } else {
            return None;
        };
        let slope = over * under.modinv(&self.p).unwrap_or_default() % &self.p;
        let x = self.minus(&(&slope * &slope), &(x1 + x2));
        let y = self.minus(&(slope * self.minus(x1, &x)), y1);
        Some((x, y))
    }

    pub(super) fn multiply(&self, times: &BigUint, point: &Point) -> Point {
        let mut sum = None;
        for bit in (0..times.bits()).rev() {
            sum = self.add(&sum, &sum);
            if times.bit(bit) {
                sum = self.add(&sum, point);
            }
        }
        sum
    }

    /// The public key of a private one.
    pub(super) fn public(&self, private: &BigUint) -> Point {
        self.multiply(private, &Some(self.base.clone()))
    }

    fn e(&self, digest: &BigUint) -> BigUint {
        let e = digest % &self.q;
        if e == BigUint::ZERO { BigUint::from(1_u32) } else { e }
    }

    /// r and s, with the one-time number `k`; `None` when another `k` is needed.
    pub(super) fn sign(&self, private: &BigUint, digest: &BigUint, k: &BigUint) -> Option<(BigUint, BigUint)> {
        let k = k % &self.q;
        let r = self.multiply(&k, &Some(self.base.clone()))?.0 % &self.q;
        let s = (&r * private + k * self.e(digest)) % &self.q;
        (r != BigUint::ZERO && s != BigUint::ZERO).then_some((r, s))
    }

    /// RFC 7091 section 6.2, with the checks of the key.
    pub(super) fn verify(&self, key: &(BigUint, BigUint), digest: &BigUint, (r, s): (&BigUint, &BigUint)) -> bool {
        let in_range = |number: &BigUint| *number != BigUint::ZERO && number < &self.q;
        if !self.contains(key) || !in_range(r) || !in_range(s) || self.multiply(&self.q, &Some(key.clone())).is_some() {
            return false;
        }
        let v = self.e(digest).modinv(&self.q).unwrap_or_default();
        let (z1, z2) = (s * &v % &self.q, (&self.q - r) * &v % &self.q);
        let sum = self.add(&self.multiply(&z1, &Some(self.base.clone())), &self.multiply(&z2, &Some(key.clone())));
        sum.is_some_and(|(x, _)| x % &self.q == *r)
    }

    /// Two numbers one after the other, little-endian, as keys and signatures of the national authority have them.
    pub(super) fn octets(&self, (first, second): (&BigUint, &BigUint)) -> Vec<u8> {
        [first, second].iter().flat_map(|number| little_endian(number, self.length)).collect()
    }

    /// The reverse of [`Curve::octets`]; `None` for another length.
    pub(super) fn numbers(&self, octets: &[u8]) -> Option<(BigUint, BigUint)> {
        (octets.len() == 2 * self.length).then(|| {
            let (first, second) = octets.split_at(self.length);
            (BigUint::from_bytes_le(first), BigUint::from_bytes_le(second))
        })
    }
}

/// The number in exactly `length` octets.
pub(super) fn little_endian(number: &BigUint, length: usize) -> Vec<u8> {
    let mut octets = number.to_bytes_le();
    octets.resize(length, 0);
    octets
}
