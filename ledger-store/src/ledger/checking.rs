//! By what signatures are checked: trust anchors, policy and revocation lists as the ledger's own stream has them.

use std::collections::BTreeMap;
use std::sync::Arc;

use ledger_core::digest::Digest;
use ledger_core::domain::check::CheckBasis;
use ledger_core::domain::ledger_acts::LedgerActs;
use ledger_core::id::EventId;
use ledger_core::pki::crl::Crl;
use ledger_core::signature::{EvidenceSet, SignaturePolicy, TrustSnapshot};

use super::{Inner, LedgerError};

/// Trust, policy and the newest revocation list of each issuer.
#[derive(Debug)]
pub(super) struct Checking {
    /// How many acts of the operator this was made from.
    pub(super) homed: u64,
    pub(super) trust: TrustSnapshot,
    pub(super) policy: SignaturePolicy,
    pub(super) evidence: EvidenceSet,
    pub(super) basis: CheckBasis,
    crls: BTreeMap<EventId, Arc<Crl>>,
}

impl Default for Checking {
    /// Nobody is trusted yet, so every signature is indeterminate.
    fn default() -> Self {
        let trust = TrustSnapshot::nobody();
        let policy = SignaturePolicy::default_2026();
        let basis = CheckBasis { trust: trust.id(), policy: policy.id(), evidence: Vec::new() };
        Self { homed: 0, trust, policy, evidence: EvidenceSet::default(), basis, crls: BTreeMap::new() }
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
        let mut newest: BTreeMap<Digest, (ledger_core::time::Timestamp, EventId)> = BTreeMap::new();
        for recorded in &acts.crls {
            let entry = newest.entry(recorded.crl.issuer).or_insert((recorded.crl.this_update, recorded.event));
            if recorded.crl.this_update >= entry.0 {
                *entry = (recorded.crl.this_update, recorded.event);
            }
        }
        for (_, event) in newest.into_values() {
            let crl = if let Some(crl) = old.crls.get(&event) {
                Arc::clone(crl)
            } else {
                let slot = "crl".parse().map_err(|error| internal(&error))?;
                let payload = ledger.payload_of_event(event, &slot).await?;
                Arc::new(Crl::parse(&payload.bytes).map_err(|error| internal(&error))?)
            };
            fresh.evidence.add_parsed_crl(Arc::clone(&crl));
            fresh.crls.insert(event, crl);
        }
        fresh.basis = CheckBasis {
            trust: fresh.trust.id(),
            policy: fresh.policy.id(),
            evidence: fresh.crls.keys().copied().collect(),
        };
        Ok(fresh)
    }
}
