//! Signatures that wait for revocation data, and the job that has them checked again (clause 8.2).

use ledger_core::domain::command::{Command, RecordFinding};
use ledger_core::id::{DocumentId, EventId};
use ledger_core::record::{Actor, Capacity};

use super::{Ledger, LedgerError, lock};
use crate::vault::random;

/// A signature that waits for revocation data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PendingSignature {
    /// The document.
    pub document: DocumentId,
    /// The event that recorded the signature.
    pub signature: EventId,
}

/// What came of looking at all of them once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Resolved {
    /// How many were settled by a finding.
    pub settled: u64,
    /// How many still wait.
    pub waiting: u64,
}

impl Ledger {
    /// The signatures that wait for revocation data, the longest waiting first; a thousand at most.
    #[expect(clippy::unused_async, reason = "as all reads; another backend waits")]
    pub async fn pending_signatures(&self) -> Result<Vec<PendingSignature>, LedgerError> {
        self.inner.follow_views()?;
        let pending = lock(&self.inner.views).pending()?;
        Ok(pending.into_iter().map(|(signature, document)| PendingSignature { document, signature }).collect())
    }

    /// Has every waiting signature checked once more; what can be said by now is recorded as findings. To be called from
    /// time to time, and after a revocation list was recorded.
    pub async fn resolve_pending(&self) -> Result<Resolved, LedgerError> {
        let actor = Actor { capacity: Capacity::System, participant: None, user: None };
        let mut resolved = Resolved::default();
        for PendingSignature { document, signature } in self.pending_signatures().await? {
            let unique: [u8; 16] = random()?;
            let key = format!("finding-{}", ledger_core::digest::encode_hex(&unique));
            match self.execute(&actor, &key, Command::from(RecordFinding { document, signature })).await {
                Ok(_) => resolved.settled += 1,
                // Nothing new is known, somebody else was first, or others are busy: it is looked at the next time.
                Err(LedgerError::Refused(_) | LedgerError::Contended) => resolved.waiting += 1,
                Err(error) => return Err(error),
            }
        }
        Ok(resolved)
    }
}
