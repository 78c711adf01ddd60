//! Who a national certificate says its holder is: the roles among the extended key usages of the Kazakh authority
//! (product.md appendix 1; its published OID tree; clauses 2.11, 8.6).

use std::collections::BTreeSet;

use const_oid::ObjectIdentifier;
use serde::{Deserialize, Serialize};

use super::usage::ExtendedKeyUsage;

/// A role that a certificate states. What the role may sign is for the policy to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// A natural person, for himself.
    Individual,
    /// A legal entity, through the person or system that the other roles name.
    LegalEntity,
    /// First head of the legal entity, who signs for it by law.
    Head,
    /// Holder of the right to sign for the legal entity.
    MaySign,
    /// Holder of the right to sign financial documents for the legal entity.
    MaySignFinancial,
    /// Employee of its personnel department.
    HumanResources,
    /// Employee, without a right to sign for the legal entity.
    Employee,
    /// An information system: a machine signs, and no person.
    InformationSystem,
    /// Participant of the system "Treasury - Client".
    TreasuryClient,
    /// Staff of the certification authority, in its own systems.
    AuthorityStaff,
    /// Identification of persons (service centres, remote).
    Identification,
}

/// A text that names no role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a role")]
pub struct UnknownRole;

impl std::str::FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        Self::ALL.into_iter().find(|role| role.as_str() == text).ok_or(UnknownRole)
    }
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 11] = [
        Self::Individual,
        Self::LegalEntity,
        Self::Head,
        Self::MaySign,
        Self::MaySignFinancial,
        Self::HumanResources,
        Self::Employee,
        Self::InformationSystem,
        Self::TreasuryClient,
        Self::AuthorityStaff,
        Self::Identification,
    ];

    /// The name in policies and reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Individual => "individual",
            Self::LegalEntity => "legal-entity",
            Self::Head => "head",
            Self::MaySign => "may-sign",
            Self::MaySignFinancial => "may-sign-financial",
            Self::HumanResources => "human-resources",
            Self::Employee => "employee",
            Self::InformationSystem => "information-system",
            Self::TreasuryClient => "treasury-client",
            Self::AuthorityStaff => "authority-staff",
            Self::Identification => "identification",
        }
    }
}

/// The roles that a certificate states, and the national usages that name no role known here.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Roles {
    /// What is known; empty for a certificate of another country.
    pub known: BTreeSet<Role>,
    /// Usages in the Kazakh arc that mean nothing here, dotted. With one of them nobody can say that a certificate
    /// does *not* have a role.
    pub unknown: BTreeSet<String>,
}

/// Everything that Kazakhstan numbers.
const KAZAKHSTAN: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.398");
const INDIVIDUAL: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.398.3.3.4.1.1");
const LEGAL_ENTITY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.398.3.3.4.1.2");

const EXACT: [(ObjectIdentifier, Role); 8] = [
    (INDIVIDUAL, Role::Individual),
    (LEGAL_ENTITY, Role::LegalEntity),
    (ObjectIdentifier::new_unwrap("1.2.398.3.3.4.1.2.1"), Role::Head),
    (ObjectIdentifier::new_unwrap("1.2.398.3.3.4.1.2.2"), Role::MaySign),
    (ObjectIdentifier::new_unwrap("1.2.398.3.3.4.1.2.3"), Role::MaySignFinancial),
    (ObjectIdentifier::new_unwrap("1.2.398.3.3.4.1.2.4"), Role::HumanResources),
    (ObjectIdentifier::new_unwrap("1.2.398.3.3.4.1.2.5"), Role::Employee),
    (ObjectIdentifier::new_unwrap("1.2.398.5.19.1.2.2.1"), Role::TreasuryClient),
];

/// Arcs below which each system or service has a number of its own.
const ARCS: [(ObjectIdentifier, Role); 4] = [
    (ObjectIdentifier::new_unwrap("1.2.398.3.3.4.1.1.1"), Role::InformationSystem),
    (ObjectIdentifier::new_unwrap("1.2.398.3.3.4.1.2.6"), Role::InformationSystem),
    (ObjectIdentifier::new_unwrap("1.2.398.3.3.4.2"), Role::AuthorityStaff),
    (ObjectIdentifier::new_unwrap("1.2.398.3.3.4.3"), Role::Identification),
];

impl Roles {
    /// Reads the extended key usages; `names_a_person` is whether an IIN stands in the subject.
    pub(super) fn of(usages: &ExtendedKeyUsage, names_a_person: bool) -> Self {
        let mut roles = Self::default();
        for oid in usages.oids().filter(|oid| oid.is_under(&KAZAKHSTAN)) {
            let exact = EXACT.iter().find(|(known, _)| oid.is(known));
            match exact.or_else(|| ARCS.iter().find(|(arc, _)| oid.is_under(arc))) {
                Some((_, role)) => drop(roles.known.insert(*role)),
                None => drop(roles.unknown.insert(oid.to_string())),
            }
        }
        // The older template of information systems has the mark of the legal entity alone, and no person's number.
        if !names_a_person && roles.unknown.is_empty() && roles.known.iter().eq([&Role::LegalEntity]) {
            roles.known.insert(Role::InformationSystem);
        }
        roles
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roles(usages: &[&str], names_a_person: bool) -> Roles {
        let oids = usages.iter().map(|text| ObjectIdentifier::new_unwrap(text).as_bytes().to_vec());
        Roles::of(&ExtendedKeyUsage::of(oids.collect()), names_a_person)
    }

    #[test]
    fn roles_are_read_from_the_usages_of_the_national_authority() {
        use Role::{
            AuthorityStaff, Employee, Head, HumanResources, Identification, Individual, InformationSystem, LegalEntity,
            MaySign, MaySignFinancial, TreasuryClient,
        };
        let cases: [(&[&str], bool, &[Role]); 14] = [
            (&["1.3.6.1.5.5.7.3.4", "1.2.398.3.3.4.1.1"], true, &[Individual]),
            (&["1.2.398.3.3.4.1.2", "1.2.398.3.3.4.1.2.1"], true, &[LegalEntity, Head]),
            (&["1.2.398.3.3.4.1.2.1", "1.2.398.3.3.4.1.2"], true, &[LegalEntity, Head]),
            (&["1.2.398.3.3.4.1.2", "1.2.398.3.3.4.1.2.2"], true, &[LegalEntity, MaySign]),
            (&["1.2.398.3.3.4.1.2", "1.2.398.3.3.4.1.2.3"], true, &[LegalEntity, MaySignFinancial]),
            (&["1.2.398.3.3.4.1.2", "1.2.398.3.3.4.1.2.4"], true, &[LegalEntity, HumanResources]),
            (&["1.2.398.3.3.4.1.2", "1.2.398.3.3.4.1.2.5"], true, &[LegalEntity, Employee]),
            (&["1.2.398.3.3.4.1.2", "1.2.398.3.3.4.1.2.6"], false, &[LegalEntity, InformationSystem]),
            (&["1.2.398.3.3.4.1.2", "1.2.398.3.3.4.1.2.6.71"], false, &[LegalEntity, InformationSystem]),
            (&["1.2.398.3.3.4.1.2"], false, &[LegalEntity, InformationSystem]),
            (&["1.2.398.3.3.4.1.2"], true, &[LegalEntity]),
            (&["1.2.398.3.3.4.1.2", "1.2.398.5.19.1.2.2.1"], true, &[LegalEntity, TreasuryClient]),
            (&["1.2.398.3.3.4.2.1", "1.2.398.3.3.4.3.2.1"], true, &[AuthorityStaff, Identification]),
            (&["1.3.6.1.5.5.7.3.4"], true, &[]),
        ];
        for (usages, names_a_person, expected) in cases {
            let found = roles(usages, names_a_person);
            assert_eq!(found.known, expected.iter().copied().collect(), "{usages:?}");
            assert!(found.unknown.is_empty(), "{usages:?}");
        }
    }

    #[test]
    fn a_national_usage_that_is_not_known_is_no_role_and_is_said() {
        let found = roles(&["1.2.398.3.3.4.1.2", "1.2.398.3.3.4.1.2.99", "1.2.398.6.1.1.1.1"], false);
        assert_eq!(found.known, [Role::LegalEntity].into_iter().collect());
        assert_eq!(found.unknown.len(), 2);
        // A longer number is another number: 4.1.2.11 is not below 4.1.2.1.
        assert!(roles(&["1.2.398.3.3.4.1.2.11"], true).known.is_empty());
    }
}
