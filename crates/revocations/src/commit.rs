//! Group commit: whoever finds nobody writing writes the records of all who wait, and one fsync serves them. The others
//! wait for it.

use std::io;
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};

use crate::lock;

type Outcome = Result<(), Arc<io::Error>>;

/// Records that are written together: the inside of a JSON array.
#[derive(Default)]
struct Batch {
    records: Vec<u8>,
    count: u64,
    outcome: Arc<OnceLock<Outcome>>,
}

#[derive(Default)]
struct Queue {
    /// Grows with the callers that wait, each with one record, and with nothing else.
    next: Batch,
    writing: bool,
}

#[derive(Default)]
pub(crate) struct Commit {
    queue: Mutex<Queue>,
    written: Condvar,
}

impl Commit {
    /// Returns when `write` has written a batch that holds the record. It is given a JSON array and its length.
    pub fn commit(&self, record: &[u8], write: impl Fn(&[u8], u64) -> Outcome) -> Outcome {
        let mut queue = lock(&self.queue);
        let batch = &mut queue.next;
        batch.records.push(if batch.count == 0 { b'[' } else { b',' });
        batch.records.extend_from_slice(record);
        batch.count += 1;
        let outcome = Arc::clone(&batch.outcome);
        loop {
            if let Some(outcome) = outcome.get() {
                return outcome.clone();
            }
            if queue.writing {
                queue = self.written.wait(queue).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            queue.writing = true;
            let mut batch = std::mem::take(&mut queue.next);
            drop(queue);
            batch.records.push(b']');
            // It is set here alone.
            let _ = batch.outcome.set(write(&batch.records, batch.count));
            queue = lock(&self.queue);
            queue.writing = false;
            self.written.notify_all();
        }
    }
}
