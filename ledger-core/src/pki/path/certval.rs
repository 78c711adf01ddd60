//! The rules of RFC 5280 6.1 and RFC 9618, by the crate `certval`. The only file that knows it.
//!
//! Only its checks of names, policies, basic constraints, key usage and critical extensions are called. Signatures
//! are ours (it cannot tell an unsupported algorithm from a bad signature), time and revocation too.

use std::sync::Arc;

use certval::{
    CertificationPath, CertificationPathResults, CertificationPathSettings, Error, PDVCertificate,
    PDVTrustAnchorChoice, PathValidationStatus, PkiEnvironment, check_basic_constraints, check_critical_extensions,
    check_extended_key_usage, check_key_usage, check_names, enforce_trust_anchor_constraints,
};

use super::{PathError, PathSettings};
use crate::pki::certificate::Certificate;

/// Checks the path, target first and anchor last.
pub(super) fn check(path: &[Arc<Certificate>], settings: &PathSettings) -> Result<(), PathError> {
    let undecodable = |_| PathError::Constraint { what: "undecodable certificate".to_owned() };
    let (Some((anchor, rest)), true) = (path.split_last(), path.len() > 1) else { return Ok(()) };
    let anchor = PDVTrustAnchorChoice::try_from(anchor.der()).map_err(undecodable)?;
    let mut certificates = rest
        .iter()
        .map(|certificate| PDVCertificate::try_from(certificate.der()).map_err(undecodable))
        .collect::<Result<Vec<_>, _>>()?;
    let target = certificates.remove(0);
    certificates.reverse();

    let mut given = CertificationPathSettings::new();
    given.set_enforce_trust_anchor_constraints(true);
    given.set_initial_explicit_policy_indicator(settings.explicit_policy);
    given.set_initial_policy_mapping_inhibit_indicator(settings.inhibit_policy_mapping);
    given.set_initial_inhibit_any_policy_indicator(settings.inhibit_any_policy);
    if let Some(policies) = &settings.initial_policies {
        given.set_initial_policy_set(policies.clone());
    }
    // The setting alone does nothing: the constraints of the anchor have to be put in by the caller.
    let settings = enforce_trust_anchor_constraints(&given, &anchor).map_err(translate)?;
    let path = CertificationPath::new(anchor, certificates, target);
    let environment = PkiEnvironment::new();
    let mut results = CertificationPathResults::new();
    check_basic_constraints(&environment, &settings, &path, &mut results).map_err(translate)?;
    check_names(&environment, &settings, &path, &mut results).map_err(translate)?;
    certval::policy_graph::check_certificate_policies_graph(&environment, &settings, &path, &mut results)
        .map_err(translate)?;
    check_key_usage(&environment, &settings, &path, &mut results).map_err(translate)?;
    check_extended_key_usage(&environment, &settings, &path, &mut results).map_err(translate)?;
    check_critical_extensions(&environment, &settings, &path, &mut results).map_err(translate)
}

#[expect(clippy::wildcard_enum_match_arm, reason = "a foreign, non-exhaustive enum; anything new is a broken rule")]
fn translate(error: Error) -> PathError {
    match error {
        Error::PathValidation(status) => match status {
            PathValidationStatus::NameConstraintsViolation => PathError::NameConstraint,
            PathValidationStatus::NullPolicySet | PathValidationStatus::InvalidPolicyMapping => {
                PathError::Policy { what: status.to_string() }
            }
            PathValidationStatus::UnprocessedCriticalExtension => PathError::CriticalExtension,
            PathValidationStatus::ProcessingLimitExceeded => PathError::Limit,
            other => PathError::Constraint { what: other.to_string() },
        },
        other => PathError::Constraint { what: other.to_string() },
    }
}
