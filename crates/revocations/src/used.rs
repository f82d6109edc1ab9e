//! Tokens that are good for one request and have had it.
//!
//! A use is appended to the journal without an fsync: it survives the process however it ends, `kill -9` among them, but
//! a power cut may forget the last seconds' uses. An fsync for each download would cost more than the one more use that
//! somebody has who can cut the power within a token's short life.

use std::path::Path;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use authorizer::{ByMark, Sought, UnixTime};
use serde::{Deserialize, Serialize};

use crate::background::Background;
use crate::error::{Error, NotTaken};
use crate::journal::{Journal, Opened};
use crate::lock;
use crate::table::{RandomMarks, Status, random_marks};

/// 55 MB: just under 7/8 of 2^21 places, where the tables would double. It is 1,700 a second of the links that live longest
/// (900 s and what is added).
pub const MOST_USED_TOKENS: usize = 1_750_000;

const WORD: &str = "edgepass used tokens 1";

/// Each is swept within a millisecond.
const SETS: usize = 64;

/// Seconds between two sweeps.
const SWEEP: i64 = 60;

/// Seconds for which a use is remembered beyond the token's end: for a clock that is set back.
const LATER: i64 = 60;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    issuer: String,
    id: String,
    until: UnixTime,
}

struct Table {
    marks: RandomMarks,
    sets: Vec<Mutex<ByMark<i64>>>,
    most: usize,
    entries: AtomicUsize,
    swept: AtomicI64,
}

pub struct UsedTokens {
    table: Arc<Table>,
    /// Seconds by which clocks may differ.
    leeway: i64,
    kept: Option<(Arc<Journal>, Opened)>,
    background: Background,
}

impl UsedTokens {
    /// `journal` is a path in a directory that exists, `None`: a restart makes used tokens good again. `leeway` is the
    /// largest of the issuers'.
    pub fn open(journal: Option<&Path>, leeway: i64, most: usize, now: UnixTime) -> Result<Arc<Self>, Error> {
        let table = Arc::new(Table::new(most));
        let kept = journal.map(|path| open_journal(path, &table, now)).transpose()?;
        Ok(Arc::new(Self { table, leeway, kept, background: Background::default() }))
    }

    /// What was found in the journal, to be logged.
    pub fn opened(&self) -> Option<Opened> {
        self.kept.as_ref().map(|(_, opened)| *opened)
    }

    /// Uses a token up. Of all that ask, ever and at once, one gets `Ok`; if the use cannot be written down, none.
    /// `until` is when the token expires. It waits for a write to the system's memory, not for a disk.
    pub fn take(&self, issuer: &str, id: &str, until: UnixTime, now: UnixTime) -> Result<(), NotTaken> {
        let until = until.0.max(now.0).saturating_add(self.leeway).saturating_add(LATER);
        self.table.take(issuer, id, until, now)?;
        let Some((journal, _)) = &self.kept else { return Ok(()) };
        if journal.is_suspect() || journal.is_long(self.table.len()) {
            self.rewrite(journal, now);
        }
        let record = Record { issuer: issuer.to_owned(), id: id.to_owned(), until: UnixTime(until) };
        let appended = serde_json::to_vec(&[record]).map_err(Into::into).and_then(|line| journal.append(&line, 1));
        appended.map_err(|error| NotTaken::Journal(Arc::new(error)))
    }

    pub fn status(&self) -> Status {
        let (journal_bytes, fault) = self.kept.as_ref().map(|(journal, _)| journal.state()).unwrap_or_default();
        Status { entries: self.table.len(), journal_bytes, fault }
    }

    fn rewrite(&self, journal: &Arc<Journal>, now: UnixTime) {
        let (table, ours) = (Arc::clone(&self.table), Arc::clone(journal));
        let started = self.background.start(move || {
            table.expire(now);
            ours.note(ours.rewrite(|record| keep(&table, record)));
        });
        if let Err(error) = started {
            journal.note(Err(Error::journal("write anew", journal.path(), error)));
        }
    }
}

fn open_journal(path: &Path, table: &Table, now: UnixTime) -> Result<(Arc<Journal>, Opened), Error> {
    let (journal, opened) = Journal::open(path, WORD, false, |record: Record| {
        if record.until > now {
            table.restore(&record);
        }
    })?;
    if journal.is_long(table.len()) {
        journal.note(journal.rewrite(|record| keep(table, record)));
    }
    Ok((Arc::new(journal), opened))
}

fn keep(table: &Table, record: Record) -> Vec<Record> {
    let live = table.of(&record.issuer, &record.id, |mark, set| lock(set).contains_key(mark)).unwrap_or(false);
    live.then_some(record).into_iter().collect()
}

impl Table {
    fn new(most: usize) -> Self {
        let marks = random_marks();
        let sets = (0..SETS).map(|_| Mutex::new(ByMark::default())).collect();
        Self { marks, sets, most, entries: AtomicUsize::new(0), swept: AtomicI64::new(i64::MIN) }
    }

    fn len(&self) -> usize {
        self.entries.load(Ordering::Relaxed)
    }

    /// `None` never: there is always a set.
    fn of<T>(&self, issuer: &str, id: &str, then: impl FnOnce(&Sought<'_>, &Mutex<ByMark<i64>>) -> T) -> Option<T> {
        self.marks.of(issuer, Some(("jti", id)), |mark| Some(then(mark, self.sets.get(mark.share(SETS))?)))
    }

    fn take(&self, issuer: &str, id: &str, until: i64, now: UnixTime) -> Result<(), NotTaken> {
        if now.0.saturating_sub(self.swept.load(Ordering::Relaxed)) >= SWEEP {
            self.expire(now);
        }
        let taken = self.of(issuer, id, |mark, set| {
            let mut set = lock(set);
            if set.contains_key(mark) {
                return Err(NotTaken::Used);
            }
            if self.len() >= self.most {
                return Err(NotTaken::Full);
            }
            set.insert(mark.mark(), until);
            self.entries.fetch_add(1, Ordering::Relaxed);
            Ok(())
        });
        taken.unwrap_or(Err(NotTaken::Full))
    }

    fn restore(&self, record: &Record) {
        let new =
            self.of(&record.issuer, &record.id, |mark, set| lock(set).insert(mark.mark(), record.until.0).is_none());
        if new == Some(true) {
            self.entries.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn expire(&self, now: UnixTime) {
        self.swept.store(now.0, Ordering::Relaxed);
        for set in &self.sets {
            let mut set = lock(set);
            let before = set.len();
            set.retain(|_, until| *until > now.0);
            self.entries.fetch_sub(before - set.len(), Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests;
