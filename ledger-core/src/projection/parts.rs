//! The eight orthogonal parts of a document's state and the one status that is displayed (product.md C.3.1, C.3.7).
//!
//! A document has no single status: formation, signing, dispatch, receipt, answer, revocation, validity findings and
//! custody move on their own, each by events only. The enums hold the states that an event of today can bring about;
//! drafts, held deliveries, expiry, forced annulment and erasure come with their events.

// R (with its notice), A and V are those of the delivery itself: one table of rules, here and there.
pub use crate::domain::delivery::{AnswerState, Notice, Receipt, Revocation};
use crate::domain::event::words;

words! {
    /// F, formation of the document.
    Formation {
        /// Bytes, signers and format are fixed (clause 5.3.2).
        Formed = "formed",
    }
}

words! {
    /// S, each signature slot.
    Signing {
        /// The signature is not there.
        Waiting = "waiting",
        /// A signature is there and waits for revocation data; it counts for nothing yet (clause 8.2).
        Pending = "pending",
        /// A signature whose check passed was applied (clause 8.2).
        Signed = "signed",
    }
}

words! {
    /// T, dispatch of the document.
    Dispatch {
        /// Not sent.
        NotSent = "not-sent",
        /// Sent: the moment of transmission (clause 5.3.1.2; law art. 7).
        Sent = "sent",
    }
}

words! {
    /// L, what is found about one signature towards one recipient; an overlay that never edits history.
    Validity {
        /// Every recorded check passed.
        Valid = "valid",
        /// A recorded check failed.
        Invalid = "invalid",
        /// A recorded check came to no end.
        Indeterminate = "indeterminate",
    }
}

words! {
    /// K, custody of the content.
    Custody {
        /// Kept.
        Live = "live",
    }
}

words! {
    /// The one status for people, from the lowest to the highest precedence (product.md C.3.7). Not for logic:
    /// programs look at the parts and at the allowed actions.
    DisplayStatus {
        /// Formed and signed, not sent.
        Formed = "formed",
        /// A mandatory signature is missing.
        AwaitingSignatures = "awaiting-signatures",
        /// Sent and not received.
        Sent = "sent",
        /// Received.
        Accounted = "accounted",
        /// Received, no answer asked for, and the sender has the notice.
        Completed = "completed",
        /// Answered by a signature.
        Countersigned = "countersigned",
        /// Received, and the answer is awaited.
        AwaitingAnswer = "awaiting-answer",
        /// Annulment is proposed.
        AnnulmentProposed = "annulment-proposed",
        /// Received, its content not accepted.
        Refused = "refused",
        /// The check failed: deemed not received.
        DeemedNotReceived = "deemed-not-received",
        /// A signature was made in the time for which its key is reported as compromised.
        Contested = "contested",
        /// Recalled before receipt.
        Recalled = "recalled",
        /// Withdrawn before the answer.
        Withdrawn = "withdrawn",
        /// Annulled by consent.
        Annulled = "annulled",
    }
}

words! {
    /// Who has to act, as the viewer sees it.
    Awaiting {
        /// The viewer.
        You = "you",
        /// Another party.
        Counterparty = "counterparty",
    }
}

words! {
    /// Marks beside the display status.
    Badge {
        /// A receipt was issued and the sender does not have it yet (law art. 7(4)).
        NoticeNotDelivered = "notice-not-delivered",
        /// There is a finding about a signature.
        Finding = "finding",
    }
}
