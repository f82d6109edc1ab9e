//! One key set that is fetched: its task, which does all the fetching.
//!
//! The last good set stays for as long as the provider is away.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use authorizer::{Algorithm, KeySet};

use crate::address::{Address, Discovered, Good};
use crate::error::FetchError;
use crate::fetch::Fetcher;
use crate::limits::FAULT_WORDS;
use crate::published::Published;
use crate::remembered::{Due, Shelf};
use crate::schedule::{after_failure, after_success};
use crate::turns::Turns;

/// How an issuer's keys are, for operators.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// The issuer's name in the configuration.
    pub issuer: String,
    /// Where the keys come from; a URL without its query.
    pub source: String,
    pub keys: usize,
    /// The last time the keys were read or fetched; of a set from disk, when that one was. `None` before the first.
    pub last_success: Option<SystemTime>,
    /// What went wrong the last time; `None` after a success. Together with `failures` of 0: the keys could be fetched, and
    /// this is about the discovery document.
    pub last_error: Option<String>,
    /// Fetches that failed in a row.
    pub failures: u32,
    /// Why the set could not be taken from disk, or written there.
    pub disk_error: Option<String>,
}

#[derive(Debug)]
pub struct Remote {
    issuer: usize,
    address: Address,
    algorithms: Vec<Algorithm>,
    shelf: Option<Shelf>,
    pub turns: Turns,
    status: Mutex<Status>,
}

impl Remote {
    /// Not asked for yet. The set is the one from disk, if there is one.
    pub fn new(
        issuer: usize,
        address: Address,
        algorithms: Vec<Algorithm>,
        shelf: Option<Shelf>,
        mut status: Status,
    ) -> (Self, KeySet) {
        let mut set = KeySet::default();
        match shelf.as_ref().map(|shelf| shelf.load(&algorithms, SystemTime::now())) {
            Some(Ok(Some((remembered, fetched)))) => {
                status.keys = remembered.keys().len();
                status.last_success = Some(fetched);
                set = remembered;
            }
            Some(Err(fault)) => status.disk_error = Some(words(&fault)),
            Some(Ok(None)) | None => {}
        }
        (Self { issuer, address, algorithms, shelf, turns: Turns::new(), status: Mutex::new(status) }, set)
    }

    pub fn status(&self) -> Status {
        self.lock().clone()
    }

    /// Fetches now and for ever. Ends only by being dropped.
    pub async fn run(self: Arc<Self>, published: Arc<Published>, fetcher: Fetcher) {
        let mut discovered = Discovered::default();
        let mut failures = 0_u32;
        loop {
            let outcome = self.address.fetch(&fetcher, &self.algorithms, &mut discovered).await;
            let wait = match outcome {
                Ok(good) => {
                    failures = 0;
                    let wait = after_success(good.max_age, roll());
                    self.succeeded(good, &published);
                    wait
                }
                Err(error) => {
                    failures = failures.saturating_add(1);
                    self.failed(&error, failures);
                    after_failure(failures, roll())
                }
            };
            self.turns.next(wait).await;
        }
    }

    fn succeeded(self: &Arc<Self>, good: Good, published: &Published) {
        let now = SystemTime::now();
        let set = Arc::new(good.set);
        let changed = published.replace(self.issuer, &set);
        {
            let mut status = self.lock();
            status.keys = set.keys().len();
            status.last_success = Some(now);
            status.last_error = good.complaint.as_ref().map(|error| words(error));
            status.failures = 0;
        }
        self.turns.end();
        self.remember(changed, set, now);
    }

    fn failed(&self, error: &FetchError, failures: u32) {
        let mut status = self.lock();
        status.last_error = Some(words(error));
        status.failures = failures;
        drop(status);
        self.turns.end();
    }

    /// On a thread of its own: a disk that hangs holds neither requests nor fetches up.
    fn remember(self: &Arc<Self>, changed: bool, set: Arc<KeySet>, now: SystemTime) {
        match self.shelf.as_ref().map(|shelf| shelf.begin(changed)) {
            Some(Due::Now) => {}
            Some(Due::Held) => {
                self.lock().disk_error = Some("the keys are not remembered: the last write has not ended".to_owned());
                return;
            }
            Some(Due::NotYet) | None => return,
        }
        let remote = Arc::clone(self);
        let started = std::thread::Builder::new().name("remember-keys".into()).spawn(move || {
            if let Some(shelf) = &remote.shelf {
                let written = shelf.write(&set, now);
                shelf.end(written.is_ok());
                remote.lock().disk_error = written.err().map(|fault| words(&fault));
            }
        });
        if let (Err(error), Some(shelf)) = (started, &self.shelf) {
            shelf.end(false);
            self.lock().disk_error = Some(words(&error));
        }
    }

    /// Nothing in here panics while it holds the lock.
    fn lock(&self) -> MutexGuard<'_, Status> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// On one line, and not for ever.
fn words(fault: &dyn std::fmt::Display) -> String {
    let whole = fault.to_string();
    let shown = whole.chars().map(|character| if character.is_control() { ' ' } else { character });
    shown.take(FAULT_WORDS).collect()
}

fn roll() -> u16 {
    let mut bytes = [0; 2];
    // Without randomness the nodes merely keep step.
    let _ = aws_lc_rs::rand::fill(&mut bytes);
    u16::from_le_bytes(bytes)
}
