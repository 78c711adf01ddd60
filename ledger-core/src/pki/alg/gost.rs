//! The national signatures of Kazakhstan: GOST 34.310-2004 and ST RK GOST R 34.10-2015.
//!
//! Written here because published libraries take the `CryptoPro` S-box or the byte orders of RFC 9215, and then
//! verify nothing that the national authority signed. What is written was established over its real certificates,
//! CRLs, OCSP responses, time-stamps and CMS: one combination of curve, S-box and byte orders per row holds for all.
//! Other parameter sets, and the older identifiers of before 2015, are *unsupported*.

mod curve;
mod digest;
mod parameters;

use const_oid::ObjectIdentifier;
use crypto_bigint::{U256, U512};

use self::curve::Rejection;
pub use self::digest::GostDigest;
use self::parameters::{CryptoProA, Tc26A256, Tc26A512};
use super::{
    AlgorithmError, AlgorithmIdentifier, DigestScheme as _, PublicKeyInfo, SignatureRequest, SignatureScheme, Verified,
    algorithm, claimed,
};
use crate::pki::asn1::{Asn1Error, Oid, Tlv, tag};

/// A row of the national registry: key, curve, digest and identifiers belong together, the key decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gost {
    /// GOST 34.310-2004, parameter set A, with GOST 34.311-95.
    Gost2004,
    /// GOST R 34.10-2015 with 256 bits. **Not in the standard registry**: its identifiers are registered, but no
    /// object signed so was ever seen, so curve and byte orders are only believed to be like those of 512 bits.
    Gost2015Bits256,
    /// GOST R 34.10-2015 with 512 bits: what the national authority issues today.
    Gost2015Bits512,
}

/// The identifiers of a row.
struct Row {
    scheme: &'static str,
    key_bits: u32,
    /// Algorithm of the public key; some signers write it as the signature algorithm of a CMS.
    key: ObjectIdentifier,
    /// Parameters of the public key: curve, then digest parameters.
    parameters: [ObjectIdentifier; 2],
    signature: ObjectIdentifier,
    digest: GostDigest,
}

impl Gost {
    const fn row(self) -> Row {
        const fn oid(dotted: &str) -> ObjectIdentifier {
            ObjectIdentifier::new_unwrap(dotted)
        }
        match self {
            Self::Gost2004 => Row {
                scheme: "gost-34310-2004",
                key_bits: 256,
                key: const { oid("1.2.398.3.10.1.1.1.1") },
                parameters: const { [oid("1.2.398.3.10.1.1.1.1.1"), oid("1.2.398.3.10.1.3.1.1.0")] },
                signature: const { oid("1.2.398.3.10.1.1.1.2") },
                digest: GostDigest::Gost34311,
            },
            Self::Gost2015Bits256 => Row {
                scheme: "gost-34310-2015-256",
                key_bits: 256,
                key: const { oid("1.2.398.3.10.1.1.2.1") },
                parameters: const { [oid("1.2.398.3.10.1.1.2.1.1"), oid("1.2.398.3.10.1.3.2")] },
                signature: const { oid("1.2.398.3.10.1.1.2.3.1") },
                digest: GostDigest::Streebog256,
            },
            Self::Gost2015Bits512 => Row {
                scheme: "gost-34310-2015-512",
                key_bits: 512,
                key: const { oid("1.2.398.3.10.1.1.2.2") },
                parameters: const { [oid("1.2.398.3.10.1.1.2.2.1"), oid("1.2.398.3.10.1.3.3")] },
                signature: const { oid("1.2.398.3.10.1.1.2.3.2") },
                digest: GostDigest::Streebog512,
            },
        }
    }
}

impl SignatureScheme for Gost {
    fn claims(&self, request: &SignatureRequest<'_>) -> bool {
        let row = self.row();
        claimed(request).is_some_and(|oid| oid.is(&row.signature) || request.cms_digest.is_some() && oid.is(&row.key))
    }

    fn verify(&self, request: &SignatureRequest<'_>) -> Result<Verified, AlgorithmError> {
        let row = self.row();
        // Every object seen has NULL; absent says the same.
        if !algorithm(request.algorithm)?.has_no_parameters() {
            return Err(AlgorithmError::BadParameters { what: "parameters of a GOST signature" });
        }
        if let Some(der) = request.cms_digest {
            let digest = algorithm(der)?;
            if digest.oid.to_string() != row.digest.oid() || !digest.has_no_parameters() {
                return Err(AlgorithmError::BadParameters { what: "digest is not that of the GOST key" });
            }
        }
        let info = PublicKeyInfo::parse(request.key)?;
        if !info.algorithm.oid.is(&row.key) {
            return Err(AlgorithmError::KeyMismatch);
        }
        let malformed = |_: Asn1Error| AlgorithmError::BadKey { what: "GOST key structure" };
        let [curve, digest] = key_parameters(&info.algorithm).map_err(malformed)?;
        if [curve, digest].iter().zip(&row.parameters).any(|(given, known)| !given.is(known)) {
            // Registered sets B, C and D, for example: nothing can be said about their signatures.
            return Err(AlgorithmError::Unsupported { oid: format!("GOST key with {curve} and {digest}") });
        }
        let key = Tlv::only(info.key).and_then(|tlv| tlv.expect(tag::OCTET_STRING, "point")).map_err(malformed)?.value;
        let digest = row.digest.digest(&[request.message]);
        match self {
            Self::Gost2004 => curve::verify::<CryptoProA, { U256::LIMBS }>(key, &digest, request.signature),
            Self::Gost2015Bits256 => curve::verify::<Tc26A256, { U256::LIMBS }>(key, &digest, request.signature),
            Self::Gost2015Bits512 => curve::verify::<Tc26A512, { U512::LIMBS }>(key, &digest, request.signature),
        }
        .map_err(|rejection| match rejection {
            Rejection::Key => AlgorithmError::BadKey { what: "no point of the GOST curve" },
            Rejection::Signature => AlgorithmError::BadSignature,
        })?;
        Ok(Verified { scheme: row.scheme.to_owned(), key_bits: row.key_bits, weakness: None })
    }
}

fn key_parameters<'a>(algorithm: &AlgorithmIdentifier<'a>) -> Result<[Oid<'a>; 2], Asn1Error> {
    let parameters = algorithm.parameters.ok_or(Asn1Error::Value { what: "parameters" })?;
    let mut reader = Tlv::only(parameters)?.expect(tag::SEQUENCE, "parameters")?.reader();
    let pair = [reader.oid()?, reader.oid()?];
    reader.finish()?;
    Ok(pair)
}
