//! Revocations of tokens: in effect on every thread at once, acknowledged when a disk has them.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use authorizer::{RevocableClaim, Revocation, UnixTime, Verified};
use serde::{Deserialize, Serialize};

use crate::background::Background;
use crate::commit::Commit;
use crate::error::Error;
use crate::journal::{Journal, Opened};
use crate::lives::{IssuerLife, Known, RevocationWish};
use crate::table::{Status, Table};

/// 140 MB: just under 7/8 of 2^22 places, where the tables would double. Whoever revokes more tokens than that at a time
/// wants a claim that they share.
pub const MOST_REVOCATIONS: usize = 3_500_000;

const WORD: &str = "edgepass revocations 1";

#[derive(Clone, Debug)]
pub struct Settings {
    /// In a directory that exists. `None`: what is revoked is forgotten when the process ends.
    pub journal: Option<PathBuf>,
    /// The claims by which tokens can be revoked.
    pub claims: Vec<String>,
    /// All issuers, that of the site's links among them.
    pub issuers: Vec<IssuerLife>,
    /// Entries in memory.
    pub most: usize,
}

impl Default for Settings {
    fn default() -> Self {
        let claims = ["jti", "sub", "sid"].map(str::to_owned).to_vec();
        Self { journal: None, claims, issuers: Vec::new(), most: MOST_REVOCATIONS }
    }
}

/// A line's part for one revocation.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    issuer: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    claim: Option<(String, String)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<UnixTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<UnixTime>,
}

impl From<Record> for Revocation {
    fn from(record: Record) -> Self {
        let Record { issuer, claim, before, until } = record;
        Self { issuer, claim, before, until }
    }
}

impl From<Revocation> for Record {
    fn from(revocation: Revocation) -> Self {
        let Revocation { issuer, claim, before, until } = revocation;
        Self { issuer, claim, before, until }
    }
}

struct Kept {
    journal: Arc<Journal>,
    opened: Opened,
    commit: Commit,
    background: Background,
}

pub struct Revocations {
    known: ArcSwap<Known>,
    table: Arc<Table>,
    kept: Option<Kept>,
}

impl Revocations {
    /// What is over by `now` is forgotten. A journal that is damaged anywhere but at its very end is an error.
    pub fn open(settings: Settings, now: UnixTime) -> Result<Arc<Self>, Error> {
        let Settings { journal, claims, issuers, most } = settings;
        let table = Arc::new(Table::new(most));
        let kept = journal.map(|path| open_journal(&path, &table, now)).transpose()?;
        let known = ArcSwap::from_pointee(Known::new(&claims, issuers));
        Ok(Arc::new(Self { known, table, kept }))
    }

    /// What was found in the journal, to be logged.
    pub fn opened(&self) -> Option<Opened> {
        self.kept.as_ref().map(|kept| kept.opened)
    }

    /// Takes on the claims and issuers of a new configuration. What is revoked stays so.
    pub fn change(&self, claims: &[String], issuers: Vec<IssuerLife>) {
        self.known.store(Arc::new(Known::new(claims, issuers)));
        self.table.new_version();
    }

    /// The claims by which tokens can be revoked, as links want them.
    pub fn claims(&self) -> Arc<[RevocableClaim]> {
        Arc::clone(&self.known.load().claims)
    }

    /// Refuses tokens from now on, and returns when the journal's disk has it. It blocks for an fsync, which concurrent
    /// calls share: an async caller wants `spawn_blocking`. After [`Error::NotKept`] it is in effect nevertheless.
    pub fn revoke(&self, wish: RevocationWish, now: UnixTime) -> Result<Revocation, Error> {
        let revocation = self.known.load().complete(wish, now)?;
        self.table.add(&revocation, now)?;
        match &self.kept {
            Some(kept) => kept.keep(&self.table, revocation),
            None => Ok(revocation),
        }
    }

    /// Whether a token of the issuer of this name is revoked. It waits for no disk.
    pub fn holds(&self, token: &Verified, issuer: &str) -> bool {
        self.table.holds(&self.known.load().claims, token, issuer)
    }

    /// Changes with every addition. A token that was found clean at a version that was read **before** asking
    /// [`holds`](Self::holds) is clean as long as it is the version.
    pub fn version(&self) -> u64 {
        self.table.version()
    }

    /// The version at which a token is found clean, `None` if it is revoked: the two calls in their right order.
    pub fn clean_at(&self, token: &Verified, issuer: &str) -> Option<u64> {
        let version = self.version();
        (!self.holds(token, issuer)).then_some(version)
    }

    /// Forgets what is over. `revoke` does it once a minute; a host that wants it sooner has a timer.
    pub fn expire(&self, now: UnixTime) {
        self.table.expire(now);
    }

    pub fn status(&self) -> Status {
        let (journal_bytes, fault) = self.kept.as_ref().map(|kept| kept.journal.state()).unwrap_or_default();
        Status { entries: self.table.len(), journal_bytes, fault }
    }
}

fn open_journal(path: &Path, table: &Arc<Table>, now: UnixTime) -> Result<Kept, Error> {
    let (journal, opened) = Journal::open(path, WORD, true, |record: Record| table.restore(&record.into(), now))?;
    if journal.is_long(table.len()) {
        journal.note(journal.rewrite(keep_once(table)));
    }
    let (commit, background) = (Commit::default(), Background::default());
    Ok(Kept { journal: Arc::new(journal), opened, commit, background })
}

impl Kept {
    fn keep(&self, table: &Arc<Table>, revocation: Revocation) -> Result<Revocation, Error> {
        let not_kept = |revocation: Revocation, error| {
            let path = self.journal.path().to_owned();
            Err(Error::NotKept { revocation: Box::new(revocation), path, error })
        };
        let record = match serde_json::to_vec(&Record::from(revocation.clone())) {
            Ok(record) => record,
            Err(error) => return not_kept(revocation, Arc::new(error.into())),
        };
        let write = |records: &[u8], count| {
            if self.journal.is_suspect() {
                self.journal.rewrite(keep_once(table)).map_err(Error::into_io)?;
            }
            self.journal.append(records, count).map_err(Arc::new)
        };
        if let Err(error) = self.commit.commit(&record, write) {
            return not_kept(revocation, error);
        }
        if self.journal.is_long(table.len()) {
            let (journal, table) = (Arc::clone(&self.journal), Arc::clone(table));
            let started = self.background.start(move || journal.note(journal.rewrite(keep_once(&table))));
            if let Err(error) = started {
                self.journal.note(Err(Error::journal("write anew", self.journal.path(), error)));
            }
        }
        Ok(revocation)
    }
}

/// Of each mark, once, what is revoked under it now.
fn keep_once(table: &Table) -> impl FnMut(Record) -> Vec<Record> {
    let mut seen = HashSet::new();
    move |record| {
        let (mark, now) = table.now(&record.into());
        if seen.insert(mark) { now.into_iter().map(Record::from).collect() } else { Vec::new() }
    }
}

#[cfg(test)]
mod tests;
