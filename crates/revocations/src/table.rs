//! All revocations in memory, divided between many sets, so that a set's growth or sweep holds up few requests and those
//! for no more than a millisecond or two.

use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use authorizer::{Mark, Marks, RevocableClaim, Revocation, RevocationSet, Sought, UnixTime, Verified};

use crate::error::Error;

/// With the most entries there can be each set has 54,700, which are swept within two milliseconds.
const SETS: usize = 64;

/// Seconds between two sweeps. Until it is swept what is over is still refused.
const SWEEP: i64 = 60;

/// For metrics.
#[derive(Clone, Debug, Default)]
pub struct Status {
    pub entries: usize,
    /// 0 where there is none.
    pub journal_bytes: u64,
    /// Why the journal could not be written anew the last time that this was tried in the background.
    pub fault: Option<Error>,
}

/// Marks of this process alone.
pub(crate) type RandomMarks = Marks<foldhash::quality::RandomState, std::hash::RandomState>;

pub(crate) fn random_marks() -> RandomMarks {
    Marks::new(foldhash::quality::RandomState::default(), std::hash::RandomState::new())
}

pub(crate) struct Table {
    marks: RandomMarks,
    sets: Vec<RwLock<RevocationSet>>,
    most: usize,
    entries: AtomicUsize,
    version: AtomicU64,
    swept: AtomicI64,
}

impl Table {
    pub fn new(most: usize) -> Self {
        let marks = random_marks();
        let sets = (0..SETS).map(|_| RwLock::default()).collect();
        let (entries, version, swept) = (AtomicUsize::new(0), AtomicU64::new(0), AtomicI64::new(i64::MIN));
        Self { marks, sets, most, entries, version, swept }
    }

    pub fn len(&self) -> usize {
        self.entries.load(Ordering::Relaxed)
    }

    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// What was found clean may no longer be.
    pub fn new_version(&self) {
        self.version.fetch_add(1, Ordering::AcqRel);
    }

    pub fn of<T>(&self, revocation: &Revocation, then: impl FnOnce(&Sought<'_>) -> T) -> T {
        let claim = revocation.claim.as_ref().map(|(name, value)| (name.as_str(), value.as_str()));
        self.marks.of(&revocation.issuer, claim, then)
    }

    /// Every check that begins after this sees it.
    pub fn add(&self, revocation: &Revocation, now: UnixTime) -> Result<(), Error> {
        let due = now.0.saturating_sub(self.swept.load(Ordering::Relaxed)) >= SWEEP;
        if due || self.len() >= self.most {
            self.expire(now);
        }
        self.of(revocation, |mark| self.put(mark, revocation, self.most))?;
        self.new_version();
        Ok(())
    }

    /// Of a journal that is replayed: whatever there is, if it is not over.
    pub fn restore(&self, revocation: &Revocation, now: UnixTime) {
        if revocation.until.is_none_or(|until| until > now) {
            // Without a bound it cannot fail.
            let _ = self.of(revocation, |mark| self.put(mark, revocation, usize::MAX));
        }
    }

    /// Counted while the set is locked, so that a sweep never takes away what was not yet counted.
    fn put(&self, mark: &Sought<'_>, revocation: &Revocation, most: usize) -> Result<(), Error> {
        let Some(mut set) = self.set_to_write(mark) else { return Ok(()) };
        if self.len() >= most && !set.holds(mark) {
            return Err(Error::Full { most });
        }
        let before = set.len();
        set.add(mark, revocation);
        self.entries.fetch_add(set.len() - before, Ordering::Relaxed);
        Ok(())
    }

    pub fn holds(&self, claims: &[RevocableClaim], token: &Verified, issuer: &str) -> bool {
        // Of an addition that has returned its caller knows, so this sees it.
        self.entries.load(Ordering::Acquire) > 0
            && self
                .marks
                .any(claims, token, issuer, |mark, issued| self.set(mark).is_none_or(|set| set.means(mark, issued)))
    }

    /// The mark of a revocation, and all that is revoked under it.
    pub fn now(&self, of: &Revocation) -> (Mark, Vec<Revocation>) {
        self.of(of, |mark| {
            let terms = self.set(mark).map(|set| set.terms(mark)).into_iter().flatten();
            (mark.mark(), terms.map(|(before, until)| Revocation { before, until, ..of.clone() }).collect())
        })
    }

    pub fn expire(&self, now: UnixTime) {
        self.swept.store(now.0, Ordering::Relaxed);
        for set in &self.sets {
            let mut set = set.write().unwrap_or_else(PoisonError::into_inner);
            let before = set.len();
            set.expire(now);
            self.entries.fetch_sub(before - set.len(), Ordering::Relaxed);
        }
    }

    /// There is always one.
    fn set(&self, mark: &Sought<'_>) -> Option<RwLockReadGuard<'_, RevocationSet>> {
        self.sets.get(mark.share(SETS)).map(|set| set.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn set_to_write(&self, mark: &Sought<'_>) -> Option<RwLockWriteGuard<'_, RevocationSet>> {
        self.sets.get(mark.share(SETS)).map(|set| set.write().unwrap_or_else(PoisonError::into_inner))
    }
}
