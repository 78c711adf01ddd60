//! Signatures that wait for revocation data, and the job that has them checked again (clause 8.2).

use futures_util::stream::{self, StreamExt};
use ledger_core::domain::command::{Command, RecordFinding};
use ledger_core::id::{DocumentId, EventId, LeafIndex};
use ledger_core::record::{Actor, Capacity};

use super::{Ledger, LedgerError, lock};
use crate::vault::random;

/// Signatures that are looked at side by side: a responder that keeps one waiting must not keep all of them, and the
/// commands of others find their turn in between.
const AT_ONCE: usize = 8;
/// Signatures that are looked at in one round. The next round goes on after them, so that those that are never settled
/// do not hide the others.
const ROUND_MAX: u32 = 1000;

/// A signature that waits for revocation data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PendingSignature {
    /// The document.
    pub document: DocumentId,
    /// The event that recorded the signature.
    pub signature: EventId,
    /// The record since which it waits: its own, or the last finding about it.
    pub since: LeafIndex,
}

/// What came of one round.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Resolved {
    /// How many were settled by a finding.
    pub settled: u64,
    /// How many still wait.
    pub waiting: u64,
}

impl Ledger {
    /// The signatures that wait for revocation data, the longest waiting first: those after a place in the log, at most
    /// so many.
    #[expect(clippy::unused_async, reason = "as all reads; another backend waits")]
    pub async fn pending_signatures(
        &self,
        after: Option<LeafIndex>,
        limit: u32,
    ) -> Result<Vec<PendingSignature>, LedgerError> {
        self.inner.follow_views()?;
        let pending = lock(&self.inner.views).pending(after, limit)?;
        let pending = pending.into_iter();
        Ok(pending.map(|(since, signature, document)| PendingSignature { document, signature, since }).collect())
    }

    /// Has waiting signatures checked once more, a thousand in a round and in the next round those that come after them;
    /// what can be said by now is recorded as findings. To be called from time to time, and after a revocation list was
    /// recorded. One that cannot be looked at keeps none of the others waiting; the first such error is the answer when
    /// all were looked at.
    pub async fn resolve_pending(&self) -> Result<Resolved, LedgerError> {
        self.resolve_round(ROUND_MAX).await
    }

    /// As [`Ledger::resolve_pending`], with at most so many in the round.
    pub async fn resolve_round(&self, limit: u32) -> Result<Resolved, LedgerError> {
        let after = *lock(&self.inner.resolved_until);
        let pending = self.pending_signatures(after, limit).await?;
        let is_full = u32::try_from(pending.len()).is_ok_and(|length| length >= limit);
        *lock(&self.inner.resolved_until) = pending.last().filter(|_| is_full).map(|one| one.since);
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
        let PendingSignature { document, signature, since: _ } = one;
        let actor = Actor { capacity: Capacity::System, participant: None, user: None };
        let unique: [u8; 16] = random()?;
        let key = format!("finding-{}", ledger_core::digest::encode_hex(&unique));
        match self.execute(&actor, &key, Command::from(RecordFinding { document, signature, delivery: None })).await {
            Ok(_) => Ok(true),
            // Nothing new is known, somebody else was first, or others are busy: it is looked at the next time.
            Err(LedgerError::Refused(_) | LedgerError::Contended) => Ok(false),
            Err(error) => Err(error),
        }
    }
}
