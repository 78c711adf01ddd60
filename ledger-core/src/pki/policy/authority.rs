//! Who may sign what: rules from document types to the roles that certificates state (clauses 2.11, 8.6), and the
//! identification numbers that certificates name.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::SignaturePolicy;
use crate::id::{Bin, IdentifierError, IdentifierMode, Iin};
use crate::pki::certificate::{Role, Roles, SubjectIdentity};
use crate::pki::report::{Check, SubCode, codes};

/// A grant: certificates with one of the roles may sign documents of the type.
///
/// Several rules of one type add up. Name the precise role: every certificate of a legal entity, that of a machine
/// too, has the role `legal-entity`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthorityRule {
    /// The type of document; absent for the documents of all types without a rule of their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document_type: Option<String>,
    /// The roles of which one is needed; at least one.
    pub roles: BTreeSet<Role>,
}

impl SignaturePolicy {
    /// Whether a certificate with these roles may sign a document of the type.
    ///
    /// Not applicable when no rule concerns the type. Indeterminate when the certificate states no role, or a national
    /// usage that is not known here: then nobody can say that it lacks the role.
    pub fn authority(&self, document_type: Option<&str>, roles: &Roles) -> Check {
        let of = |wanted: Option<&str>| -> BTreeSet<Role> {
            let grants = self.signing_authority.iter().filter(|rule| rule.document_type.as_deref() == wanted);
            grants.flat_map(|grant| grant.roles.iter().copied()).collect()
        };
        let mut allowed = of(document_type);
        if allowed.is_empty() {
            allowed = of(None);
        }
        if allowed.is_empty() {
            return Check::not_applicable(codes::AUTHORITY_NOT_DEMANDED);
        }
        let names = |roles: &BTreeSet<Role>| roles.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(", ");
        if let Some(role) = allowed.intersection(&roles.known).next() {
            return Check::pass().with_detail(role.as_str());
        }
        let detail = format!("needed: {}; stated: {}", names(&allowed), names(&roles.known));
        if roles.known.is_empty() || !roles.unknown.is_empty() {
            // EN 319 102-1 5.2.8: a constraint that cannot be judged.
            Check::indeterminate(codes::SIGNER_ROLE_UNKNOWN, SubCode::SigConstraintsFailure).with_detail(detail)
        } else {
            Check::fail(codes::SIGNER_ROLE, SubCode::SigConstraintsFailure).with_detail(detail)
        }
    }

    /// Whether the identification numbers in the certificate can be issued ones (rule ID-KZ of clauses.md A.1).
    ///
    /// A wrong check digit is a warning only in the mode for test identifiers. Not judged when the policy names no mode.
    pub fn identifiers(&self, identity: &SubjectIdentity) -> Check {
        let Some(mode) = self.identifiers else { return Check::not_applicable(codes::IDENTIFIERS_NOT_JUDGED) };
        let strict = IdentifierMode::Strict;
        let bin = identity.bin.as_deref().map(|bin| ("BIN", Bin::parse(bin, strict).err()));
        let iin = identity.iin.as_deref().map(|iin| ("IIN", Iin::parse(iin, strict).err()));
        if bin.is_none() && iin.is_none() {
            return Check::not_applicable(codes::ABSENT);
        }
        let mut found = Check::pass();
        for (what, error) in [bin, iin].into_iter().flatten() {
            // The number itself is personal data and stays out of the words.
            let Some(error) = error else { continue };
            let check = match (error, mode) {
                (IdentifierError::CheckDigit, IdentifierMode::TestIdentifiers) => Check::warning(codes::IDENTIFIER),
                (
                    IdentifierError::CheckDigit | IdentifierError::NotTwelveDigits | IdentifierError::Placeholder,
                    IdentifierMode::Strict | IdentifierMode::TestIdentifiers,
                ) => Check::fail(codes::IDENTIFIER, SubCode::SigConstraintsFailure),
            };
            if check.outcome > found.outcome {
                found = check.with_detail(format!("{what} {error}"));
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::report::Outcome;

    fn rule(document_type: Option<&str>, roles: &[Role]) -> AuthorityRule {
        AuthorityRule { document_type: document_type.map(str::to_owned), roles: roles.iter().copied().collect() }
    }

    fn roles(known: &[Role], unknown: &[&str]) -> Roles {
        Roles { known: known.iter().copied().collect(), unknown: unknown.iter().map(|oid| (*oid).to_owned()).collect() }
    }

    #[test]
    fn the_role_that_the_document_type_demands_is_needed() {
        use Outcome::{Fail, Indeterminate, NotApplicable, Pass};
        use Role::{Employee, Head, Individual, InformationSystem, LegalEntity, MaySign, MaySignFinancial};
        let with =
            |rules: Vec<AuthorityRule>| SignaturePolicy { signing_authority: rules, ..SignaturePolicy::default_2026() };
        let both = with(vec![
            rule(Some("invoice"), &[Head, MaySignFinancial]),
            rule(None, &[Head, MaySign]),
            rule(None, &[Individual]),
        ]);
        let typed = with(vec![rule(Some("invoice"), &[Head])]);
        let none = SignaturePolicy::default_2026();
        let unknown = "1.2.398.3.3.4.1.2.99";
        let cases: [(&SignaturePolicy, Option<&str>, Roles, Outcome); 14] = [
            (&both, Some("invoice"), roles(&[LegalEntity, Head], &[]), Pass),
            (&both, Some("invoice"), roles(&[LegalEntity, MaySignFinancial], &[]), Pass),
            (&both, Some("invoice"), roles(&[LegalEntity, MaySign], &[]), Fail),
            (&both, Some("invoice"), roles(&[LegalEntity, Employee], &[]), Fail),
            (&both, Some("contract"), roles(&[LegalEntity, MaySign], &[]), Pass),
            (&both, Some("contract"), roles(&[LegalEntity, InformationSystem], &[]), Fail),
            (&both, None, roles(&[Individual], &[]), Pass),
            (&both, None, roles(&[LegalEntity, MaySignFinancial], &[]), Fail),
            // Without a role, or with one that is not known, nobody can say.
            (&both, None, roles(&[], &[]), Indeterminate),
            (&both, None, roles(&[LegalEntity, Employee], &[unknown]), Indeterminate),
            (&both, None, roles(&[LegalEntity, Head], &[unknown]), Pass),
            (&typed, Some("contract"), roles(&[LegalEntity, Employee], &[]), NotApplicable),
            (&typed, None, roles(&[], &[]), NotApplicable),
            (&none, Some("invoice"), roles(&[LegalEntity, Employee], &[]), NotApplicable),
        ];
        for (policy, document_type, roles, outcome) in cases {
            assert_eq!(policy.authority(document_type, &roles).outcome, outcome, "{document_type:?} {roles:?}");
        }
    }

    #[test]
    fn wrong_check_digits_are_errors_and_in_the_test_mode_warnings() {
        use Outcome::{Fail, NotApplicable, Pass, Warning};
        let modes = [None, Some(IdentifierMode::Strict), Some(IdentifierMode::TestIdentifiers)];
        let cases = [
            (None, None, [NotApplicable, NotApplicable, NotApplicable]),
            (Some("171140001255"), None, [NotApplicable, Pass, Pass]),
            (Some("171140001255"), Some("931002451325"), [NotApplicable, Pass, Pass]),
            (Some("123456789021"), None, [NotApplicable, Fail, Warning]),
            (Some("171140001255"), Some("123456789011"), [NotApplicable, Fail, Warning]),
            (Some("000000000000"), None, [NotApplicable, Fail, Fail]),
        ];
        for (bin, iin, outcomes) in cases {
            let identity = SubjectIdentity { bin: bin.map(str::to_owned), iin: iin.map(str::to_owned) };
            for (mode, outcome) in modes.into_iter().zip(outcomes) {
                let policy = SignaturePolicy { identifiers: mode, ..SignaturePolicy::default_2026() };
                let check = policy.identifiers(&identity);
                assert_eq!(check.outcome, outcome, "{identity:?} {mode:?}");
                assert!(!check.detail.unwrap_or_default().contains("123456"), "{identity:?}");
            }
        }
    }
}
