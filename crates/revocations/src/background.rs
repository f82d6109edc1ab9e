//! Work that nobody waits for: one piece at a time, on a thread of its own, ended before its owner goes away.

use std::io;
use std::sync::Mutex;
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use crate::lock;

/// Between two pieces: where one fails because the disk is full, the next is not tried at every request.
const PAUSE: Duration = Duration::from_secs(5);

#[derive(Default)]
pub(crate) struct Background(Mutex<Option<(Instant, JoinHandle<()>)>>);

impl Background {
    /// Does nothing while the last piece is under way and a short while after it began.
    pub fn start(&self, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let mut last = lock(&self.0);
        if last.as_ref().is_some_and(|(begun, last)| !last.is_finished() || begun.elapsed() < PAUSE) {
            return Ok(());
        }
        *last = Some((Instant::now(), Builder::new().name("revocations".into()).spawn(work)?));
        Ok(())
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        // A panic of the thread was printed; there is nothing left to end.
        let _ = lock(&self.0).take().map(|(_, last)| last.join());
    }
}
