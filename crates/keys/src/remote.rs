//! One key set behind a URL: its task, which does all the fetching, and the turns that unknown `kid`s take.
//!
//! The last good set stays for as long as the provider is away.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use authorizer::{Algorithm, KeySet, parse_jwk_set};
use tokio::sync::{Notify, watch};

use crate::error::FetchError;
use crate::fetch::{Fetched, Fetcher};
use crate::limits::{UNKNOWN_KEY_PAUSE, UNKNOWN_KEY_WAIT};
use crate::published::Published;
use crate::schedule::{after_failure, after_success};
use crate::source::unusable;
use crate::url::KeySetUrl;

/// How an issuer's keys are, for the health page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Where the keys come from; a URL without its query.
    pub source: String,
    pub keys: usize,
    /// The last time the keys were read or fetched; `None` before the first fetch.
    pub last_success: Option<SystemTime>,
    /// What went wrong the last time; `None` after a success.
    pub last_error: Option<String>,
    /// Fetches that failed in a row.
    pub failures: u32,
}

#[derive(Debug)]
pub struct Remote {
    issuer: usize,
    url: KeySetUrl,
    algorithms: Vec<Algorithm>,
    turns: Mutex<Turns>,
    wanted: Notify,
    /// The number of fetches that have ended; changed under the lock of `turns`.
    ended: watch::Sender<u64>,
    status: Mutex<Status>,
}

#[derive(Debug)]
struct Turns {
    work: Work,
    /// When an unknown `kid` last caused a fetch.
    asked: Option<Instant>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Work {
    /// No task fetches.
    Away,
    Idle,
    /// A fetch is under way or about to start.
    Busy,
}

impl Remote {
    pub fn new(issuer: usize, url: KeySetUrl, algorithms: Vec<Algorithm>, source: String) -> Self {
        Self {
            issuer,
            url,
            algorithms,
            turns: Mutex::new(Turns { work: Work::Away, asked: None }),
            wanted: Notify::new(),
            ended: watch::Sender::new(0),
            status: Mutex::new(Status { source, ..Status::default() }),
        }
    }

    pub fn status(&self) -> Status {
        lock(&self.status).clone()
    }

    /// Says that the task is about to run; false when there is one.
    pub fn begin(&self) -> bool {
        let mut turns = lock(&self.turns);
        let away = turns.work == Work::Away;
        if away {
            turns.work = Work::Busy;
        }
        away
    }

    /// Fetches now and for ever. Ends only by being dropped.
    pub async fn run(self: Arc<Self>, published: Arc<Published>, fetcher: Fetcher) {
        let mut failures = 0_u32;
        loop {
            let outcome = self.fetch(&fetcher).await;
            let wait = if let Ok((_, max_age)) = &outcome {
                failures = 0;
                after_success(*max_age, roll())
            } else {
                failures = failures.saturating_add(1);
                after_failure(failures, roll())
            };
            self.record(outcome, failures, &published);
            tokio::select! {
                () = tokio::time::sleep(wait) => lock(&self.turns).work = Work::Busy,
                () = self.wanted.notified() => {}
            }
        }
    }

    pub async fn fetch(&self, fetcher: &Fetcher) -> Result<(KeySet, Option<Duration>), FetchError> {
        let Fetched { body, max_age } = fetcher.fetch(&self.url).await?;
        let set = parse_jwk_set(&body, &self.algorithms).map_err(FetchError::JwkSet)?;
        match unusable(&set) {
            Some(key) => Err(FetchError::Unusable { key }),
            None => Ok((set, max_age)),
        }
    }

    fn record(&self, outcome: Result<(KeySet, Option<Duration>), FetchError>, failures: u32, published: &Published) {
        let mut status = lock(&self.status);
        status.failures = failures;
        match outcome {
            Ok((set, _)) => {
                status.keys = set.keys().len();
                status.last_success = Some(SystemTime::now());
                status.last_error = None;
                published.replace(self.issuer, set);
            }
            Err(error) => status.last_error = Some(error.to_string()),
        }
        drop(status);
        let mut turns = lock(&self.turns);
        turns.work = Work::Idle;
        self.ended.send_modify(|count| *count += 1);
    }

    /// Asks for a fetch because of an unknown `kid`, and waits for it. Whoever comes while a fetch is under way waits for that
    /// one; whoever comes within [`UNKNOWN_KEY_PAUSE`] after another had asked goes on at once.
    pub async fn ask(&self) {
        let mut ended = {
            let mut turns = lock(&self.turns);
            match turns.work {
                Work::Away => return,
                Work::Busy => {}
                Work::Idle => {
                    let now = Instant::now();
                    if turns.asked.is_some_and(|asked| now.duration_since(asked) < UNKNOWN_KEY_PAUSE) {
                        return;
                    }
                    turns.asked = Some(now);
                    turns.work = Work::Busy;
                    self.wanted.notify_one();
                }
            }
            self.ended.subscribe()
        };
        // Too late or done: the caller looks at the keys either way.
        let _ = tokio::time::timeout(UNKNOWN_KEY_WAIT, ended.changed()).await;
    }
}

/// Nothing in here panics while it holds a lock.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn roll() -> u16 {
    let mut bytes = [0; 2];
    // Without randomness the nodes merely keep step.
    let _ = aws_lc_rs::rand::fill(&mut bytes);
    u16::from_le_bytes(bytes)
}
