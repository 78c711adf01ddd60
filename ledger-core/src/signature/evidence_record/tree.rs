//! The arithmetic of reduced hash trees (RFC 4998 section 4.3).

use crate::pki::alg::{AlgorithmError, AlgorithmRegistry};

/// The root of a reduced hash tree: each list, with the digest of the list below, is sorted in binary ascending order,
/// concatenated and digested. A list of one digest stands for itself.
pub(super) fn root(
    lists: &[Vec<&[u8]>],
    algorithm: &[u8],
    registry: &AlgorithmRegistry,
) -> Result<Vec<u8>, AlgorithmError> {
    let mut below: Option<Vec<u8>> = None;
    for list in lists {
        let mut group: Vec<&[u8]> = list.iter().copied().chain(below.as_deref()).collect();
        group.sort_unstable();
        let node = match group.as_slice() {
            [one] => one.to_vec(),
            several => registry.digest(algorithm, several)?,
        };
        below = Some(node);
    }
    Ok(below.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;
    use crate::pki::asn1::encode;

    #[test]
    fn lists_are_sorted_before_they_are_digested_and_one_digest_is_not_digested_again() {
        let sha256 = encode::element(0x30, &[&[6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1]]);
        let registry = AlgorithmRegistry::standard();
        let (a, b, c) = ([1_u8; 32], [2_u8; 32], [3_u8; 32]);
        let of = |lists: &[Vec<&[u8]>]| root(lists, &sha256, registry).unwrap();
        assert_eq!(of(&[vec![&a]]), a);
        let ab = Digest::sha256(&[&a, &b]);
        assert_eq!(of(&[vec![&b, &a]]), ab.as_bytes());
        let mut pair: Vec<&[u8]> = vec![&c, ab.as_bytes()];
        pair.sort_unstable();
        assert_eq!(of(&[vec![&b, &a], vec![&c]]), Digest::sha256(&pair).as_bytes());
        assert_eq!(of(&[vec![&a], vec![]]), a);
    }
}
