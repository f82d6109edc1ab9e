//! What waits for the writer. Records beyond its bounds are not taken; removals are, up to a bound of their own.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::oneshot;

use super::identity::{Digest, Identity};
use super::limits;

#[derive(Debug)]
pub enum Job {
    Store(Store),
    Remove(Digest),
    /// Answered when all that came before is done.
    Settle(oneshot::Sender<()>),
}

#[derive(Debug)]
pub struct Store {
    pub identity: Identity,
    pub head: Vec<u8>,
    pub body: Bytes,
    pub stored_at: i64,
}

impl Store {
    fn bytes(&self) -> usize {
        self.identity.bytes.len() + self.head.len() + self.body.len() + 256
    }
}

#[derive(Default)]
pub struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    bytes: usize,
    stores: usize,
    removals: usize,
    /// Stores that the writer has taken and not yet done.
    in_hand: usize,
    closing: bool,
    closed: bool,
}

impl Queue {
    /// Whether there was room.
    pub fn store(&self, store: Store) -> bool {
        let mut state = self.state();
        let fits = state.bytes + store.bytes() <= limits::WAITING_BYTES && state.stores < limits::WAITING_RECORDS;
        if !fits || state.closing {
            return false;
        }
        state.bytes += store.bytes();
        state.stores += 1;
        state.jobs.push_back(Job::Store(store));
        self.changed.notify_all();
        true
    }

    /// Whether no record waits to be written.
    pub fn is_empty(&self) -> bool {
        let state = self.state();
        state.stores == 0 && state.in_hand == 0
    }

    /// Whether there was room.
    pub fn remove(&self, digest: Digest) -> bool {
        let mut state = self.state();
        if state.removals >= limits::WAITING_REMOVALS {
            return false;
        }
        state.removals += 1;
        state.jobs.push_back(Job::Remove(digest));
        self.changed.notify_all();
        true
    }

    /// Tells when all that waits now is done; never where the writer has ended.
    pub fn settle(&self) -> oneshot::Receiver<()> {
        let (sender, receiver) = oneshot::channel();
        let mut state = self.state();
        if !state.closed {
            state.jobs.push_back(Job::Settle(sender));
            self.changed.notify_all();
        }
        receiver
    }

    /// For the writer: some jobs, none after `patience`, or that it is to end.
    pub fn take(&self, patience: Duration) -> Option<Vec<Job>> {
        let mut state = self.state();
        state.in_hand = 0;
        if state.jobs.is_empty() && !state.closing && !patience.is_zero() {
            (state, _) = self
                .changed
                .wait_timeout_while(state, patience, |state| state.jobs.is_empty() && !state.closing)
                .unwrap_or_else(PoisonError::into_inner);
        }
        let (mut jobs, mut bytes) = (Vec::new(), 0);
        while bytes < limits::BATCH
            && let Some(job) = state.jobs.pop_front()
        {
            match &job {
                Job::Store(store) => {
                    bytes += store.bytes();
                    state.bytes -= store.bytes();
                    state.stores -= 1;
                    state.in_hand += 1;
                }
                Job::Remove(_) => state.removals -= 1,
                Job::Settle(_) => {}
            }
            jobs.push(job);
        }
        (!jobs.is_empty() || !state.closing).then_some(jobs)
    }

    /// The writer is to do what waits and end.
    pub fn close(&self) {
        self.state().closing = true;
        self.changed.notify_all();
    }

    /// The writer has ended.
    pub fn ended(&self) {
        let mut state = self.state();
        state.closed = true;
        state.jobs.clear();
        self.changed.notify_all();
    }

    /// Whether the writer ends within this time.
    pub fn wait_for_end(&self, patience: Duration) -> bool {
        let state = self.state();
        let waited = self.changed.wait_timeout_while(state, patience, |state| !state.closed);
        waited.unwrap_or_else(PoisonError::into_inner).0.closed
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
