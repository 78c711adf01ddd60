//! Where a path ends, and whether the snapshot's terms let it count at a moment.

use std::sync::Arc;

use super::{Authority, Hierarchy, TrustPurpose, TrustSnapshot};
use crate::pki::certificate::Certificate;
use crate::pki::report::{Check, SubCode, codes};
use crate::time::Timestamp;

/// Under whom a path ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Ending {
    pub(crate) hierarchy: Option<Hierarchy>,
    /// The nearest authority above the target of which the snapshot says whose it is.
    pub(crate) authority: Option<Authority>,
}

impl TrustSnapshot {
    /// Says under whom the path (target first, anchor last) ends.
    pub(crate) fn ending(&self, path: &[Arc<Certificate>]) -> Ending {
        let hierarchy = path.last().and_then(|anchor| self.terms_of(anchor).find_map(|terms| terms.hierarchy));
        let authority =
            path.iter().find_map(|certificate| self.terms_of(certificate).find_map(|terms| terms.authority));
        Ending { hierarchy, authority }
    }

    /// Whether the path counts at the moment: the terms of every certificate on it, and the validity of each above
    /// the target. The target's own validity is a check of its own. Validity is judged for each certificate at the
    /// moment; that one lies within the other is not demanded (RFC 5280 6.1.3 (a)(2)).
    pub(crate) fn judge(&self, path: &[Arc<Certificate>], at: Timestamp, accept_test: bool) -> Check {
        let broken = |code| Check::fail(code, SubCode::ChainConstraintsFailure);
        let (Some(target), Some(anchor)) = (path.first(), path.last()) else { return Check::pass() };
        if self.ending(path).hierarchy == Some(Hierarchy::Test) && !accept_test {
            return broken(codes::PATH_TEST_HIERARCHY).with_detail(anchor.subject_display());
        }
        let purpose = TrustPurpose::of(target);
        for (index, certificate) in path.iter().enumerate() {
            for terms in self.terms_of(certificate) {
                if !terms.serve(purpose) {
                    return broken(codes::TRUST_PURPOSE).with_detail(certificate.subject_display());
                }
                if !terms.cover(at) {
                    return broken(codes::TRUST_WINDOW).with_detail(certificate.subject_display());
                }
            }
            let is_anchor = index + 1 == path.len();
            let decided = |time: Option<Timestamp>| is_anchor && time.is_some();
            let begun = certificate.not_before() <= at
                || decided(self.terms_of(certificate).find_map(|terms| terms.trusted_from));
            let lasts = at.unix_seconds() <= certificate.not_after().unix_seconds()
                || decided(self.terms_of(certificate).find_map(|terms| terms.trusted_until));
            if index > 0 && !(begun && lasts) {
                return broken(codes::PATH_VALIDITY).with_detail(certificate.subject_display());
            }
        }
        Check::pass()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::TrustTerms;
    use super::*;

    fn certificate(name: &str) -> Arc<Certificate> {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/kz-pki/");
        Arc::new(Certificate::parse(&std::fs::read(format!("{root}{name}")).unwrap()).unwrap())
    }

    /// User, issuing authority, root.
    fn path() -> Vec<Arc<Certificate>> {
        [
            "user/rsa_individual_sign_20220118_3f32db.cer",
            "ca/test/nca_rsa_test_2019.cer",
            "ca/test/root_rsa_test_2018.cer",
        ]
        .map(certificate)
        .to_vec()
    }

    fn snapshot(of_root: TrustTerms, of_authority: TrustTerms) -> TrustSnapshot {
        let path = path();
        let terms: BTreeMap<_, _> = [(path[2].digest(), of_root), (path[1].digest(), of_authority)].into();
        TrustSnapshot::from_parts([path[2].der()], [path[1].der()]).unwrap().with_terms(terms).unwrap()
    }

    fn time(text: &str) -> Timestamp {
        format!("{text}T00:00:00.000Z").parse().unwrap()
    }

    #[test]
    fn a_path_counts_only_on_the_terms_of_every_certificate_on_it() {
        let none = TrustTerms::default;
        let until = |day| TrustTerms { trusted_until: Some(time(day)), ..none() };
        let from = |day| TrustTerms { trusted_from: Some(time(day)), ..none() };
        let only = |purpose| TrustTerms { purposes: [purpose].into(), ..none() };
        let test = || TrustTerms::of_hierarchy(Hierarchy::Test);
        let cases = [
            (none(), none(), false, "2022-06-01", codes::OK),
            (test(), none(), false, "2022-06-01", codes::PATH_TEST_HIERARCHY),
            (test(), none(), true, "2022-06-01", codes::OK),
            (TrustTerms::of_hierarchy(Hierarchy::Production), none(), false, "2022-06-01", codes::OK),
            (only(TrustPurpose::Timestamping), none(), false, "2022-06-01", codes::TRUST_PURPOSE),
            (none(), only(TrustPurpose::Ocsp), false, "2022-06-01", codes::TRUST_PURPOSE),
            (only(TrustPurpose::DocumentSigning), none(), false, "2022-06-01", codes::OK),
            (until("2022-05-31"), none(), false, "2022-06-01", codes::TRUST_WINDOW),
            (none(), until("2022-05-31"), false, "2022-06-01", codes::TRUST_WINDOW),
            (until("2022-06-01"), none(), false, "2022-06-01", codes::OK),
            (from("2022-06-02"), none(), false, "2022-06-01", codes::TRUST_WINDOW),
            // The authority's certificate ends 2024-03-13, the root's 2038.
            (none(), none(), false, "2024-06-01", codes::PATH_VALIDITY),
            (none(), until("2030-01-01"), false, "2024-06-01", codes::PATH_VALIDITY),
            // The root's certificate begins 2018-11-23; a decision with a date takes its place, at the anchor only.
            (none(), none(), false, "2018-01-01", codes::PATH_VALIDITY),
        ];
        for (of_root, of_authority, accept_test, day, code) in cases {
            let words = format!("{of_root:?} {of_authority:?} {day}");
            let check = snapshot(of_root, of_authority).judge(&path(), time(day), accept_test);
            assert_eq!(check.code.as_str(), code, "{words}");
        }
    }

    /// Pitfall 5: whoever holds an ECDSA certificate can write its signature in a second form (r, n - s), and authorities
    /// issue certificates again under the same key. Such a copy out of a message used to be free of all terms.
    #[test]
    fn another_certificate_of_the_same_name_and_key_is_on_the_same_terms() {
        let mut path = path();
        let mut copy = path[1].der().to_vec();
        *copy.last_mut().unwrap() ^= 1;
        let until = TrustTerms { trusted_until: Some(time("2022-05-31")), ..TrustTerms::default() };
        let only = TrustTerms { purposes: [TrustPurpose::Ocsp].into(), ..TrustTerms::default() };
        let state_bodies = TrustTerms { authority: Some(Authority::StateBodies), ..TrustTerms::default() };
        path[1] = Arc::new(Certificate::parse(&copy).unwrap());
        let judge = |terms| snapshot(TrustTerms::default(), terms).judge(&path, time("2022-06-01"), false);
        assert_eq!(judge(until).code.as_str(), codes::TRUST_WINDOW);
        assert_eq!(judge(only).code.as_str(), codes::TRUST_PURPOSE);
        assert_eq!(judge(state_bodies.clone()).code.as_str(), codes::OK);
        let ending = snapshot(TrustTerms::default(), state_bodies).ending(&path);
        assert_eq!(ending.authority, Some(Authority::StateBodies));
    }

    #[test]
    fn a_decision_with_a_date_takes_the_place_of_the_roots_own_validity() {
        let root = certificate("ca/prod/root_rsa_2015.cer");
        let authority = certificate("ca/prod/nca_rsa_2018.cer");
        let path = [authority, Arc::clone(&root)];
        let judge = |terms, day| {
            let plain = TrustSnapshot::from_parts([root.der()], []).unwrap();
            plain.with_terms([(root.digest(), terms)].into()).unwrap().judge(&path, time(day), false)
        };
        let extended = TrustTerms { trusted_until: Some(time("2026-01-01")), ..TrustTerms::default() };
        assert_eq!(judge(TrustTerms::default(), "2025-12-01").code.as_str(), codes::PATH_VALIDITY);
        assert_eq!(judge(extended.clone(), "2025-12-01").code.as_str(), codes::OK);
        assert_eq!(judge(extended, "2026-02-01").code.as_str(), codes::TRUST_WINDOW);
    }

    #[test]
    fn the_report_can_say_under_whom_a_path_ends() {
        let national = TrustTerms { authority: Some(Authority::National), ..TrustTerms::default() };
        let root = TrustTerms { authority: Some(Authority::Root), ..TrustTerms::of_hierarchy(Hierarchy::Test) };
        let ending = snapshot(root, national).ending(&path());
        assert_eq!(ending, Ending { hierarchy: Some(Hierarchy::Test), authority: Some(Authority::National) });
        let plain = snapshot(TrustTerms::default(), TrustTerms::default()).ending(&path());
        assert_eq!(plain, Ending::default());
    }
}
