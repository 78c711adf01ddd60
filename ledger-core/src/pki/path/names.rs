//! A pre-check that the validator lacks: under name constraints, a DNS name that no constraint can be compared
//! with (a wildcard, an underscore, an empty label) must not slip through them (CVE-2025-61727 and its kin).

use std::sync::Arc;

use const_oid::ObjectIdentifier;

use super::PathError;
use crate::pki::asn1::{Tlv, tag};
use crate::pki::certificate::Certificate;

const SUBJECT_ALT_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.17");
const NAME_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.30");

pub(super) fn check(path: &[Arc<Certificate>]) -> Result<(), PathError> {
    let constrained = path.iter().any(|certificate| certificate.extension(&NAME_CONSTRAINTS).is_some());
    let sound = |certificate: &Arc<Certificate>| {
        certificate.extension(&SUBJECT_ALT_NAME).is_none_or(|names| all_dns_names_comparable(&names.value))
    };
    if constrained && !path.iter().all(sound) { Err(PathError::NameConstraint) } else { Ok(()) }
}

fn all_dns_names_comparable(value: &[u8]) -> bool {
    let Ok(names) = Tlv::only(value) else { return false };
    let mut reader = names.reader();
    while !reader.is_empty() {
        match reader.any() {
            Ok(name) if name.tag == tag::context(2) && !is_host_name(name.value) => return false,
            Ok(_) => {}
            Err(_) => return false,
        }
    }
    true
}

/// Letters, digits and hyphens in labels of 1 to 63 (RFC 5280 4.2.1.6, RFC 1123 2.1).
fn is_host_name(name: &[u8]) -> bool {
    let is_label = |label: &[u8]| {
        let edges = label.first() != Some(&b'-') && label.last() != Some(&b'-');
        (1..=63).contains(&label.len())
            && edges
            && label.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
    };
    name.len() <= 253 && name.split(|byte| *byte == b'.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_a_constraint_can_be_compared_with_are_host_names() {
        for (name, expected) in [
            ("example.com", true),
            ("xn--80ak6aa92e.com", true),
            ("*.example.com", false),
            ("a_b.example.com", false),
            ("example..com", false),
            ("example.com.", false),
            ("-a.com", false),
            ("", false),
        ] {
            assert_eq!(is_host_name(name.as_bytes()), expected, "{name}");
        }
    }
}
