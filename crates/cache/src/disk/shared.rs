//! What readers and the writer have together.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use super::identity::Named;
use super::index::Index;
use super::queue::Queue;
use super::volume::Files;

/// Tells the operator something.
pub type Tell = Arc<dyn Fn(&str) + Send + Sync>;

pub type InMemory = Box<dyn Fn(&Named<'_>) -> bool + Send + Sync>;

pub struct Shared {
    pub path: PathBuf,
    pub size: u64,
    pub tell: Tell,
    pub index: Index,
    pub queue: Queue,
    pub files: Files,
    pub counters: Counters,
    /// Nothing is written for now.
    pub failing: AtomicBool,
    /// Nothing is read before this moment, in milliseconds since `opened`.
    pub rests_until: AtomicU64,
    pub opened: Instant,
    /// Bytes of all segments.
    pub used: AtomicU64,
    /// Whether what a record holds is in memory as well.
    pub in_memory: OnceLock<InMemory>,
}

#[derive(Default)]
pub struct Counters {
    pub hits: AtomicU64,
    pub misses: AtomicU64,
    pub skipped: AtomicU64,
    pub errors: AtomicU64,
    pub damaged: AtomicU64,
}
