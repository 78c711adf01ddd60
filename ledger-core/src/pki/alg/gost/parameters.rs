//! The curves of the rows, by the names of RFC 4357 and RFC 7836.

use std::sync::OnceLock;

use crypto_bigint::{U256, U512, Uint, const_monty_params};

use super::curve::{Curve, Point};

/// A curve from big-endian hexadecimal.
macro_rules! curve {
    ($(#[$documentation:meta])* $name:ident, $number:ty, modulo $field:ident and $order:ident, whole_group: $whole:expr,
     p: $p:expr, a: $a:expr, b: $b:expr, q: $q:expr, x: $x:expr, y: $y:expr) => {
        const_monty_params!($field, $number, $p, "The prime of the field.");
        const_monty_params!($order, $number, $q, "The order of the group.");

        $(#[$documentation])*
        #[derive(Debug, Clone, Copy)]
        pub(super) enum $name {}

        impl Curve<{ <$number>::LIMBS }> for $name {
            type Field = $field;
            type Order = $order;
            const A: $number = Uint::from_be_hex($a);
            const B: $number = Uint::from_be_hex($b);
            const BASE: [$number; 2] = [Uint::from_be_hex($x), Uint::from_be_hex($y)];
            const IS_WHOLE_GROUP: bool = $whole;

            fn base_multiples() -> &'static OnceLock<Vec<Point<Self, { <$number>::LIMBS }>>> {
                static MULTIPLES: OnceLock<Vec<Point<$name, { <$number>::LIMBS }>>> = OnceLock::new();
                &MULTIPLES
            }
        }
    };
}

curve! {
    /// id-GostR3410-2001-CryptoPro-A-ParamSet (RFC 4357 section 11.4); in Kazakhstan parameter set A of GOST 34.310-2004.
    CryptoProA, U256, modulo CryptoProAField and CryptoProAOrder, whole_group: true,
    p: "fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffd97",
    a: "fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffd94",
    b: "00000000000000000000000000000000000000000000000000000000000000a6",
    q: "ffffffffffffffffffffffffffffffff6c611070995ad10045841b09b761b893",
    x: "0000000000000000000000000000000000000000000000000000000000000001",
    y: "8d91e471e0989cda27df505a453f2b7635294f2ddf23e3b122acc99c9e9f1e14"
}

curve! {
    /// id-tc26-gost-3410-2012-256-paramSetA (RFC 7836 appendix A.2), of cofactor 4.
    Tc26A256, U256, modulo Tc26A256Field and Tc26A256Order, whole_group: false,
    p: "fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffd97",
    a: "c2173f1513981673af4892c23035a27ce25e2013bf95aa33b22c656f277e7335",
    b: "295f9bae7428ed9ccc20e7c359a9d41a22fccd9108e17bf7ba9337a6f8ae9513",
    q: "400000000000000000000000000000000fd8cddfc87b6635c115af556c360c67",
    x: "91e38443a5e82c0d880923425712b2bb658b9196932e02c78b2582fe742daa28",
    y: "32879423ab1a0375895786c4bb46e9565fde0b5344766740af268adb32322e5c"
}

curve! {
    /// id-tc26-gost-3410-12-512-paramSetA (RFC 7836 appendix A.1).
    Tc26A512, U512, modulo Tc26A512Field and Tc26A512Order, whole_group: true,
    p: "fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffdc7",
    a: "fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffdc4",
    b: "e8c2505dedfc86ddc1bd0b2b6667f1da34b82574761cb0e879bd081cfd0b6265ee3cb090f30d27614cb4574010da90dd862ef9d4ebee4761503190785a71c760",
    q: "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff27e69532f48d89116ff22b8d4e0560609b4b38abfad2b85dcacdb1411f10b275",
    x: "00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000003",
    y: "7503cfe87a836ae3a61b8816e25450e6ce5e1c93acf1abc1778064fdcbefa921df1626be4fd036e93d75e6a50e3a41e98028fe5fc235f5b889a589cb5215f2a4"
}

#[cfg(test)]
mod tests {
    use super::super::curve::{Rejection, verify};
    use super::*;

    curve! {
        /// The example of RFC 7091 section 7.1, of no use for anything else.
        Example256, U256, modulo Example256Field and Example256Order, whole_group: true,
        p: "8000000000000000000000000000000000000000000000000000000000000431",
        a: "0000000000000000000000000000000000000000000000000000000000000007",
        b: "5fbff498aa938ce739b8e022fbafef40563f6e6a3472fc2a514c0ce9dae23b7e",
        q: "8000000000000000000000000000000150fe8a1892976154c59cfc193accf5b3",
        x: "0000000000000000000000000000000000000000000000000000000000000002",
        y: "08e2a8a0e65147d4bd6316030e16d19c85c97f0a9ca267122b96abbcea7e8fc8"
    }

    curve! {
        /// The example of RFC 7091 section 7.2.
        Example512, U512, modulo Example512Field and Example512Order, whole_group: true,
        p: "4531acd1fe0023c7550d267b6b2fee80922b14b2ffb90f04d4eb7c09b5d2d15df1d852741af4704a0458047e80e4546d35b8336fac224dd81664bbf528be6373",
        a: "00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000007",
        b: "1cff0806a31116da29d8cfa54e57eb748bc5f377e49400fdd788b649eca1ac4361834013b2ad7322480a89ca58e0cf74bc9e540c2add6897fad0a3084f302adc",
        q: "4531acd1fe0023c7550d267b6b2fee80922b14b2ffb90f04d4eb7c09b5d2d15da82f2d7ecb1dbac719905c5eecc423f1d86e25edbe23c595d644aaf187e6e6df",
        x: "24d19cc64572ee30f396bf6ebbfd7a6c5213b3b3d7057cc825f91093a68cd762fd60611262cd838dc6b60aa7eee804e28bc849977fac33b4b530f1b120248a9a",
        y: "2bb312a43bd2ce6e0d020613c857acddcfbf061e91e5f2c3f32447c259f39b2c83ab156d77f1496bf7eb3351e1ee4e43dc1a18b91b24640b6dbb92cb1add371e"
    }

    /// Big-endian numbers, as standards print them, to the little-endian octets of the national authority.
    fn octets(numbers: [&str; 2]) -> Vec<u8> {
        numbers.iter().flat_map(|number| number_octets(number)).collect()
    }

    fn number_octets(number: &str) -> Vec<u8> {
        let digits = (0..number.len()).step_by(2).map(|at| u8::from_str_radix(&number[at..at + 2], 16).unwrap());
        digits.rev().collect()
    }

    #[track_caller]
    fn check<C: Curve<N>, const N: usize>(key: [&str; 2], e: &str, signature: [&str; 2]) {
        let (key, digest, signature) = (octets(key), number_octets(e), octets(signature));
        assert_eq!(verify::<C, N>(&key, &digest, &signature), Ok(()));
        for bit in 0..digest.len() * 8 {
            let flip = |octets: &[u8]| {
                let mut flipped = octets.to_vec();
                flipped[bit / 8] ^= 1 << (bit % 8);
                flipped
            };
            assert_eq!(verify::<C, N>(&key, &flip(&digest), &signature), Err(Rejection::Signature), "{bit}");
            assert_eq!(verify::<C, N>(&key, &digest, &flip(&signature)), Err(Rejection::Signature), "{bit}");
            assert_eq!(verify::<C, N>(&flip(&key), &digest, &signature), Err(Rejection::Key), "{bit}");
        }
    }

    #[test]
    fn the_examples_of_rfc_7091_hold_and_no_changed_bit_does() {
        check::<Example256, { U256::LIMBS }>(
            [
                "7f2b49e270db6d90d8595bec458b50c58585ba1d4e9b788f6689dbd8e56fd80b",
                "26f1b489d6701dd185c8413a977b3cbbaf64d1c593d26627dffb101a87ff77da",
            ],
            "2dfbc1b372d89a1188c09c52e0eec61fce52032ab1022e8e67ece6672b043ee5",
            [
                "41aa28d2f1ab148280cd9ed56feda41974053554a42767b83ad043fd39dc0493",
                "01456c64ba4642a1653c235a98a60249bcd6d3f746b631df928014f6c5bf9c40",
            ],
        );
        check::<Example512, { U512::LIMBS }>(
            [
                "115dc5bc96760c7b48598d8ab9e740d4c4a85a65be33c1815b5c320c854621dd5a515856d13314af69bc5b924c8b4ddff75c45415c1d9dd9dd33612cd530efe1",
                "37c7c90cd40b0f5621dc3ac1b751cfa0e2634fa0503b3d52639f5d7fb72afd61ea199441d943ffe7f0c70a2759a3cdb84c114e1f9339fdf27f35eca93677beec",
            ],
            "3754f3cfacc9e0615c4f4a7c4d8dab531b09b6f9c170c533a71d147035b0c5917184ee536593f4414339976c647c5d5a407adedb1d560c4fc6777d2972075b8c",
            [
                "2f86fa60a081091a23dd795e1e3c689ee512a3c82ee0dcc2643c78eea8fcacd35492558486b20f1c9ec197c90699850260c93bcbcd9c5c3317e19344e173ae36",
                "1081b394696ffe8e6585e7a9362d26b6325f56778aadbc081c0bfbe933d52ff5823ce288e8c4f362526080df7f70ce406a6eeb1f56919cb92a9853bde73e5b4a",
            ],
        );
    }
}
