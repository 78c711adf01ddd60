//! Time and randomness, the two things that a ledger takes from outside.

use std::fmt;
use std::io;
use std::time::{SystemTime, UNIX_EPOCH};

use ledger_core::time::Timestamp;

/// A clock.
pub trait Clock: Send + Sync + fmt::Debug {
    /// The time now, to the millisecond.
    fn now(&self) -> Timestamp;
}

/// The system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let ms = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        Timestamp::EPOCH.plus_ms(ms)
    }
}

/// A source of random bytes.
pub trait Entropy: Send + Sync + fmt::Debug {
    /// Fills the buffer with bytes that nobody can guess.
    fn fill(&self, buffer: &mut [u8]) -> io::Result<()>;
}

/// The system's random bytes.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, buffer: &mut [u8]) -> io::Result<()> {
        getrandom::fill(buffer).map_err(io::Error::other)
    }
}
