//! By what signatures are checked: trust anchors, policy and revocation lists as the ledger's own stream has them.

use std::collections::BTreeMap;
use std::sync::Arc;

use ledger_core::digest::Digest;
use ledger_core::domain::check::CheckBasis;
use ledger_core::domain::ledger_acts::{LedgerActs, RecordedCrl};
use ledger_core::id::EventId;
use ledger_core::pki::crl::Crl;
use ledger_core::signature::{EvidenceSet, SignaturePolicy, TrustSnapshot};

use super::{Inner, LedgerError};

/// How many lists of one issuer checks go by: base and delta of a handful of scopes, each in two issues.
const LISTS_OF_ISSUER_MAX: usize = 16;
/// How many of one issuer are looked at for that: hourly deltas that are good for three days.
const CANDIDATES_OF_ISSUER_MAX: usize = 72;

/// Of each issuer the newest list, and every other that was not overdue when the newest was issued, newest first. So a
/// base stays beside its deltas, and the parts of a list that is published in parts beside one another.
fn current(acts: &LedgerActs) -> Vec<Vec<EventId>> {
    let mut by_issuer: BTreeMap<Digest, Vec<&RecordedCrl>> = BTreeMap::new();
    for recorded in &acts.crls {
        by_issuer.entry(recorded.crl.issuer).or_default().push(recorded);
    }
    let mut issuers = Vec::new();
    for mut lists in by_issuer.into_values() {
        // Of two that were issued at one time, the one recorded later comes first.
        lists.reverse();
        lists.sort_by_key(|list| std::cmp::Reverse(list.crl.this_update));
        let newest = lists.first().map(|list| list.crl.this_update);
        let current = |(place, list): &(usize, &RecordedCrl)| *place == 0 || list.crl.next_update >= newest;
        let lists = lists.into_iter().enumerate().filter(current).take(CANDIDATES_OF_ISSUER_MAX);
        issuers.push(lists.map(|(_, list)| list.event).collect());
    }
    issuers
}

/// Trust, policy and the revocation lists in force.
#[derive(Debug)]
pub(super) struct Checking {
    /// How many acts of the operator this was made from.
    pub(super) homed: u64,
    pub(super) trust: TrustSnapshot,
    pub(super) policy: SignaturePolicy,
    pub(super) evidence: EvidenceSet,
    pub(super) basis: CheckBasis,
    /// Every list that was looked at, those that later deltas have replaced too.
    opened: BTreeMap<EventId, Arc<Crl>>,
}

impl Default for Checking {
    /// Nobody is trusted yet, so every signature is indeterminate.
    fn default() -> Self {
        let trust = TrustSnapshot::nobody();
        let policy = SignaturePolicy::default_2026();
        let basis = CheckBasis { trust: trust.id(), policy: policy.id(), evidence: Vec::new() };
        Self { homed: 0, trust, policy, evidence: EvidenceSet::default(), basis, opened: BTreeMap::new() }
    }
}

impl Checking {
    /// Reads what is in force; lists that were opened before are not opened again.
    pub(super) async fn load(ledger: &Inner, old: &Self, acts: &LedgerActs, homed: u64) -> Result<Self, LedgerError> {
        let internal = |error: &dyn std::fmt::Display| LedgerError::Internal(error.to_string());
        let mut fresh = Self { homed, ..Self::default() };
        if let Some(published) = &acts.trust {
            let slot = |name: &str| name.parse().map_err(|error| internal(&error));
            let trust = ledger.payload_of_event(published.event, &slot("trust")?).await?;
            fresh.trust = TrustSnapshot::decode(&trust.bytes).map_err(|error| internal(&error))?;
            let policy = ledger.payload_of_event(published.event, &slot("policy")?).await?;
            fresh.policy = serde_json::from_slice(&policy.bytes).map_err(|error| internal(&error))?;
        }
        let mut in_force = Vec::new();
        for events in current(acts) {
            let mut kept: Vec<(EventId, Arc<Crl>)> = Vec::new();
            for event in events {
                let crl = if let Some(crl) = old.opened.get(&event) {
                    Arc::clone(crl)
                } else {
                    let slot = "crl".parse().map_err(|error| internal(&error))?;
                    let payload = ledger.payload_of_event(event, &slot).await?;
                    Arc::new(Crl::parse(&payload.bytes).map_err(|error| internal(&error))?)
                };
                fresh.opened.insert(event, Arc::clone(&crl));
                // Many deltas may be current at once; only the last matters, and none must push out their base.
                if kept.len() < LISTS_OF_ISSUER_MAX && !kept.iter().any(|(_, newer)| newer.supersedes(&crl)) {
                    kept.push((event, crl));
                }
            }
            in_force.extend(kept);
        }
        // By event: the order in which records name them.
        in_force.sort_unstable_by_key(|(event, _)| *event);
        for (_, crl) in &in_force {
            fresh.evidence.add_parsed_crl(Arc::clone(crl));
        }
        fresh.basis = CheckBasis {
            trust: fresh.trust.id(),
            policy: fresh.policy.id(),
            evidence: in_force.into_iter().map(|(event, _)| event).collect(),
        };
        Ok(fresh)
    }
}
