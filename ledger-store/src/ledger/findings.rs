//! Signatures that wait for revocation data, and the job that has them checked again (clause 8.2).

use futures_util::stream::{self, StreamExt};
use ledger_core::domain::command::{Command, RecordFinding};
use ledger_core::id::{DocumentId, EventId};
use ledger_core::record::{Actor, Capacity};

use super::{Ledger, LedgerError, lock};
use crate::vault::random;

/// Signatures that are looked at side by side: a responder that keeps one waiting must not keep all of them, and the
/// commands of others find their turn in between.
const AT_ONCE: usize = 8;

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
    /// time to time, and after a revocation list was recorded. One that cannot be looked at keeps none of the others
    /// waiting; the first such error is the answer when all were looked at.
    pub async fn resolve_pending(&self) -> Result<Resolved, LedgerError> {
        let pending = self.pending_signatures().await?;
        let outcomes: Vec<_> =
            stream::iter(pending).map(|one| self.look_again(one)).buffer_unordered(AT_ONCE).collect().await;
        let mut resolved = Resolved::default();
        for settled in outcomes.into_iter().collect::<Result<Vec<bool>, LedgerError>>()? {
            if settled {
                resolved.settled += 1;
            } else {
                resolved.waiting += 1;
            }
        }
        Ok(resolved)
    }

    /// Whether a finding settled it.
    async fn look_again(&self, one: PendingSignature) -> Result<bool, LedgerError> {
        let PendingSignature { document, signature } = one;
        let actor = Actor { capacity: Capacity::System, participant: None, user: None };
        let unique: [u8; 16] = random()?;
        let key = format!("finding-{}", ledger_core::digest::encode_hex(&unique));
        match self.execute(&actor, &key, Command::from(RecordFinding { document, signature })).await {
            Ok(_) => Ok(true),
            // Nothing new is known, somebody else was first, or others are busy: it is looked at the next time.
            Err(LedgerError::Refused(_) | LedgerError::Contended) => Ok(false),
            Err(error) => Err(error),
        }
    }
}
