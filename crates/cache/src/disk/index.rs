//! Where each record is: a digest of its identity, and its place. Nobody holds a lock of it for long: it is in parts, so that the
//! growth of one is short.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use foldhash::fast::RandomState;

use super::identity::Digest;
use super::record::Spot;

const PARTS: usize = 64;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub spot: Spot,
    /// Bytes of the record.
    pub length: u32,
}

#[derive(Clone, Copy)]
struct Slot {
    place: Place,
    /// Read since it was written.
    used: bool,
    /// It could not be read: nobody finds it, and its bytes are written anew.
    bad: bool,
}

#[derive(Default)]
struct Part {
    slots: HashMap<Digest, Slot, RandomState>,
    /// Removals that wait for the writer: until then nobody finds these.
    leaving: HashMap<Digest, u32, RandomState>,
    /// Removals so far.
    removals: u64,
}

pub struct Index {
    first: Mutex<Part>,
    others: Vec<Mutex<Part>>,
    entries: AtomicUsize,
    /// Nobody finds anything.
    hidden: AtomicBool,
}

/// A place that was found, and by what it is seen that a removal came since.
#[derive(Clone, Copy, Debug)]
pub struct Found {
    pub place: Place,
    removals: u64,
}

impl Index {
    pub fn new() -> Self {
        let others = (1..PARTS).map(|_| Mutex::default()).collect();
        Self { first: Mutex::default(), others, entries: AtomicUsize::new(0), hidden: AtomicBool::new(false) }
    }

    pub fn entries(&self) -> usize {
        self.entries.load(Ordering::Relaxed)
    }

    /// Where the record is; it counts as used.
    pub fn find(&self, digest: Digest) -> Option<Found> {
        let mut part = self.part(digest);
        if self.hidden.load(Ordering::Acquire) || part.leaving.contains_key(&digest) {
            return None;
        }
        let removals = part.removals;
        let slot = part.slots.get_mut(&digest).filter(|slot| !slot.bad)?;
        slot.used = true;
        Some(Found { place: slot.place, removals })
    }

    /// Whether no removal came since it was found, perhaps its own.
    pub fn still(&self, digest: Digest, found: Found) -> bool {
        !self.hidden.load(Ordering::Acquire) && self.part(digest).removals == found.removals
    }

    /// Whether there is a record that can be read, as far as is known.
    pub fn holds(&self, digest: Digest) -> bool {
        self.part(digest).slots.get(&digest).is_some_and(|slot| !slot.bad)
    }

    /// Where the record is, bad or not.
    pub fn place(&self, digest: Digest) -> Option<Place> {
        self.part(digest).slots.get(&digest).map(|slot| slot.place)
    }

    pub fn put(&self, digest: Digest, place: Place) {
        if self.part(digest).slots.insert(digest, Slot { place, used: false, bad: false }).is_none() {
            self.entries.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Counts a record as used that is used without being read.
    pub fn use_of(&self, digest: Digest) {
        if let Some(slot) = self.part(digest).slots.get_mut(&digest) {
            slot.used = true;
        }
    }

    /// Whether the record at this place is the one that counts, and whether it was used.
    pub fn used_at(&self, digest: Digest, place: Place) -> Option<bool> {
        self.part(digest).slots.get(&digest).filter(|slot| slot.place == place && !slot.bad).map(|slot| slot.used)
    }

    /// The record at this place cannot be read. Whether it was still the one that counts.
    pub fn is_bad(&self, digest: Digest, place: Place) -> bool {
        let mut part = self.part(digest);
        let slot = part.slots.get_mut(&digest).filter(|slot| slot.place == place);
        slot.map(|slot| slot.bad = true).is_some()
    }

    /// The record was written again elsewhere.
    pub fn moved(&self, digest: Digest, from: Place, to: Place) {
        if let Some(slot) = self.part(digest).slots.get_mut(&digest).filter(|slot| slot.place == from) {
            *slot = Slot { place: to, used: false, bad: false };
        }
    }

    /// The record at this place is none any more.
    pub fn remove_at(&self, digest: Digest, place: Place) {
        let mut part = self.part(digest);
        if part.slots.get(&digest).is_some_and(|slot| slot.place == place) {
            part.slots.remove(&digest);
            self.entries.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// From now on nobody finds it; the writer ends the removal.
    pub fn begin_removal(&self, digest: Digest) {
        let mut part = self.part(digest);
        part.removals += 1;
        *part.leaving.entry(digest).or_default() += 1;
    }

    /// Takes it out. Whoever calls has the place from before and has made the record none.
    pub fn end_removal(&self, digest: Digest) {
        let mut part = self.part(digest);
        if part.slots.remove(&digest).is_some() {
            self.entries.fetch_sub(1, Ordering::Relaxed);
        }
        if let Some(waiting) = part.leaving.get_mut(&digest) {
            *waiting -= 1;
            if *waiting == 0 {
                part.leaving.remove(&digest);
            }
        }
    }

    /// Nobody finds anything until it is shown again.
    pub fn hide(&self) {
        self.hidden.store(true, Ordering::Release);
    }

    pub fn is_hidden(&self) -> bool {
        self.hidden.load(Ordering::Acquire)
    }

    pub fn show(&self) {
        self.hidden.store(false, Ordering::Release);
    }

    /// Removals that still wait go on hiding what they are of.
    pub fn clear(&self) {
        for part in std::iter::once(&self.first).chain(&self.others) {
            let mut part = part.lock().unwrap_or_else(PoisonError::into_inner);
            part.removals += 1;
            self.entries.fetch_sub(part.slots.len(), Ordering::Relaxed);
            part.slots = HashMap::default();
        }
    }

    fn part(&self, digest: Digest) -> MutexGuard<'_, Part> {
        let [byte, ..] = digest.0;
        let part = self.others.get(usize::from(byte) % PARTS).unwrap_or(&self.first);
        part.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
