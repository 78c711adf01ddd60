//! Finds paths, depth first, within limits. Every link is by name (RFC 5280 7.1) and by verified signature, so
//! whoever puts certificates into the pool can only offer links that the key holders made.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use super::{CertificationPath, PathError, PathSettings, certval, names};
use crate::digest::Digest;
use crate::id::KeyId;
use crate::pki::alg::{AlgorithmError, AlgorithmRegistry, SignatureRequest, Verified};
use crate::pki::certificate::Certificate;
use crate::pki::limits::{CANDIDATE_PATHS_MAX, PATH_LENGTH_MAX, PATH_STEPS_MAX, REFUTATIONS_MAX};

/// Finds paths from `target` to one of `anchors` through `pool`, until `enough` says so of one.
///
/// `operations` is what is left of signature operations. Returns the paths in the order found; the error is the
/// most telling one of all candidates.
pub fn find(
    target: &Arc<Certificate>,
    pool: &[Arc<Certificate>],
    anchors: &[Arc<Certificate>],
    registry: &AlgorithmRegistry,
    settings: &PathSettings,
    operations: &mut u32,
    enough: &mut dyn FnMut(&CertificationPath) -> bool,
) -> Result<Vec<CertificationPath>, PathError> {
    if let Some(anchor) = anchors.iter().find(|anchor| anchor == &target) {
        // Trusted by name: there is nothing to build.
        return Ok(vec![CertificationPath { certificates: vec![Arc::clone(anchor)], algorithms: Vec::new() }]);
    }
    let mut search = Search {
        target,
        pool,
        anchors,
        registry,
        settings,
        operations,
        enough,
        verified: BTreeMap::new(),
        candidates: 0,
        steps: 0,
        found: Vec::new(),
        refuted: Vec::new(),
        error: PathError::NoPath,
    };
    let _ = search.extend(&mut vec![Arc::clone(target)], &mut Vec::new());
    if !search.found.is_empty() {
        return Ok(search.found);
    }
    search.weigh_refutations();
    Err(search.error)
}

struct Search<'a> {
    target: &'a Certificate,
    pool: &'a [Arc<Certificate>],
    anchors: &'a [Arc<Certificate>],
    registry: &'a AlgorithmRegistry,
    settings: &'a PathSettings,
    operations: &'a mut u32,
    enough: &'a mut dyn FnMut(&CertificationPath) -> bool,
    /// Links already verified, by child and by the issuer's key.
    verified: BTreeMap<(Digest, KeyId), Result<Verified, AlgorithmError>>,
    candidates: usize,
    steps: u32,
    found: Vec<CertificationPath>,
    /// Certificates of the pool that the target names, whose key did not sign it.
    refuted: Vec<Arc<Certificate>>,
    error: PathError,
}

impl Search<'_> {
    fn extend(&mut self, chain: &mut Vec<Arc<Certificate>>, algorithms: &mut Vec<Verified>) -> ControlFlow<()> {
        let Some(child) = chain.last().map(Arc::clone) else { return ControlFlow::Break(()) };
        self.steps += 1;
        if self.steps > PATH_STEPS_MAX {
            self.note(PathError::Limit);
            return ControlFlow::Break(());
        }
        for anchor in by_likelihood(self.anchors, &child) {
            if let Some(verified) = self.link(&child, anchor, true)? {
                algorithms.push(verified);
                chain.push(Arc::clone(anchor));
                let flow = self.candidate(chain, algorithms);
                chain.pop();
                algorithms.pop();
                flow?;
            }
        }
        if chain.len() > PATH_LENGTH_MAX {
            return ControlFlow::Continue(());
        }
        for issuer in by_likelihood(self.pool, &child) {
            // The same key under the same name adds nothing but a loop.
            let repeats =
                |other: &Arc<Certificate>| other.spki_der() == issuer.spki_der() && other.subject() == issuer.subject();
            if chain.iter().any(repeats) || self.anchors.iter().any(repeats) {
                continue;
            }
            if let Some(verified) = self.link(&child, issuer, false)? {
                algorithms.push(verified);
                chain.push(Arc::clone(issuer));
                let flow = self.extend(chain, algorithms);
                chain.pop();
                algorithms.pop();
                flow?;
            }
        }
        ControlFlow::Continue(())
    }

    /// Verifies that `issuer`'s key signed `child`.
    fn link(
        &mut self,
        child: &Certificate,
        issuer: &Arc<Certificate>,
        is_anchor: bool,
    ) -> ControlFlow<(), Option<Verified>> {
        let key = (child.digest(), issuer.key());
        let known = self.verified.get(&key).cloned();
        let result = if let Some(known) = known {
            known
        } else {
            let Some(left) = self.operations.checked_sub(1) else {
                self.note(PathError::Limit);
                return ControlFlow::Break(());
            };
            *self.operations = left;
            let result = self.registry.verify(&SignatureRequest {
                algorithm: child.algorithm(),
                key: issuer.spki_der(),
                cms_digest: None,
                message: child.tbs(),
                signature: child.signature(),
            });
            self.verified.insert(key, result.clone());
            result
        };
        match result {
            Ok(verified) => return ControlFlow::Continue(Some(verified)),
            Err(AlgorithmError::Unsupported { oid }) => self.note(PathError::Unsupported { oid }),
            Err(AlgorithmError::Forbidden { what }) => self.note(PathError::Forbidden { what }),
            Err(_) => {
                // A namesake with another key says nothing against the certificate; its real issuer is just not here.
                let namesake =
                    matches!((child.authority_key_id(), issuer.subject_key_id()), (Some(a), Some(b)) if a != b);
                if child == self.target && !namesake {
                    if is_anchor {
                        self.note_forged_target();
                    } else if self.refuted.len() < REFUTATIONS_MAX {
                        self.refuted.push(Arc::clone(issuer));
                    }
                }
            }
        }
        ControlFlow::Continue(None)
    }

    /// Whoever holds a message can put a certificate of the issuer's name and another key into it. That the target's
    /// signature does not hold under such a key says nothing; it speaks against the target only if the key is the
    /// issuer's, that is if the certificate with the key leads to an anchor itself.
    fn weigh_refutations(&mut self) {
        for issuer in std::mem::take(&mut self.refuted) {
            let _ = self.extend(&mut vec![issuer], &mut Vec::new());
            if !std::mem::take(&mut self.found).is_empty() {
                self.note_forged_target();
            }
        }
    }

    fn note_forged_target(&mut self) {
        self.note(PathError::Signature { subject: self.target.subject_display() });
    }

    fn candidate(&mut self, chain: &[Arc<Certificate>], algorithms: &[Verified]) -> ControlFlow<()> {
        self.candidates += 1;
        if self.candidates > CANDIDATE_PATHS_MAX {
            self.note(PathError::Limit);
            return ControlFlow::Break(());
        }
        match names::check(chain).and_then(|()| certval::check(chain, self.settings)) {
            Ok(()) => {
                let path = CertificationPath { certificates: chain.to_vec(), algorithms: algorithms.to_vec() };
                let enough = (self.enough)(&path);
                self.found.push(path);
                if enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            }
            Err(error) => {
                self.note(error);
                ControlFlow::Continue(())
            }
        }
    }

    /// Keeps the error that says most: what cannot be judged before what is wrong, before what is missing.
    fn note(&mut self, error: PathError) {
        if rank(&error) > rank(&self.error) {
            self.error = error;
        }
    }
}

const fn rank(error: &PathError) -> u8 {
    match error {
        PathError::NoPath => 0,
        PathError::Signature { .. } => 1,
        PathError::Forbidden { .. } => 2,
        PathError::NameConstraint
        | PathError::Policy { .. }
        | PathError::CriticalExtension
        | PathError::Constraint { .. } => 3,
        PathError::Unsupported { .. } => 4,
        PathError::Limit => 5,
    }
}

/// The certificates whose subject is the child's issuer; those with the key that the child names come first.
fn by_likelihood<'a>(list: &'a [Arc<Certificate>], child: &Certificate) -> Vec<&'a Arc<Certificate>> {
    let mut issuers: Vec<_> = list.iter().filter(|issuer| issuer.subject() == child.issuer()).collect();
    issuers.sort_by_key(|issuer| {
        child.authority_key_id().is_none() || issuer.subject_key_id() != child.authority_key_id()
    });
    issuers
}
