//! Which tokens are refused although nothing else is wrong with them: those that were revoked ([`Revocations`]) and those
//! that were good for one request and have had it ([`UsedTokens`]).
//!
//! Both answer from memory, without waiting for a disk or for another thread's disk, and both are shared by all threads.
//! What they remember lies in a journal: lines of JSON with a chained checksum, to which each change is appended, and which
//! is written anew when much of it is over. A journal belongs to one process.

mod background;
mod commit;
mod error;
mod journal;
mod line;
mod lives;
mod read;
mod revocations;
mod table;
mod used;
mod write;

pub use error::{Damage, Error, NotTaken};
pub use journal::Opened;
pub use lives::{IssuerLife, RevocationWish};
pub use revocations::{MOST_REVOCATIONS, Revocations, Settings};
pub use table::Status;
pub use used::{MOST_USED_TOKENS, UsedTokens};

#[cfg(test)]
#[path = "../tests/support/mod.rs"]
mod support;

/// Another thread's panic leaves nothing half done in what our locks guard.
fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
