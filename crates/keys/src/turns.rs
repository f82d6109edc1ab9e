//! Who fetches when: the schedule's own fetches, and those that unknown `kid`s ask for, which come one in a while and are
//! shared by all who wait.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, watch};

use crate::limits::{UNKNOWN_KEY_PAUSE, UNKNOWN_KEY_WAIT};

#[derive(Debug)]
pub struct Turns {
    state: Mutex<State>,
    wanted: Notify,
    /// The number of fetches that have ended; changed under the lock of `state`.
    ended: watch::Sender<u64>,
}

#[derive(Debug)]
struct State {
    work: Work,
    /// When an unknown `kid` last caused a fetch.
    asked: Option<Instant>,
    /// When requests last began to wait, for a fetch that they caused or one that was under way.
    waiting: Option<Instant>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Work {
    /// No task fetches.
    Away,
    Idle,
    /// A fetch is under way or about to start.
    Busy,
}

/// What a request does about an unknown `kid`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    GoOn,
    /// Until then, for the fetch under way.
    Wait(Instant),
    /// Until then, for a fetch that is to begin now.
    Begin(Instant),
}

impl Turns {
    pub fn new() -> Self {
        Self {
            state: Mutex::new(State { work: Work::Away, asked: None, waiting: None }),
            wanted: Notify::new(),
            ended: watch::Sender::new(0),
        }
    }

    /// Says that the task is about to run; false when there is one.
    pub fn begin(&self) -> bool {
        let mut state = self.lock();
        let away = state.work == Work::Away;
        if away {
            state.work = Work::Busy;
        }
        away
    }

    /// A fetch has ended: whoever waited goes on.
    pub fn end(&self) {
        let mut state = self.lock();
        state.work = Work::Idle;
        self.ended.send_modify(|count| *count += 1);
    }

    /// Until this much time has passed or somebody has asked for a fetch.
    pub async fn next(&self, wait: Duration) {
        let sleep = tokio::time::sleep(wait);
        tokio::pin!(sleep);
        loop {
            tokio::select! {
                () = &mut sleep => {
                    self.lock().work = Work::Busy;
                    return;
                }
                // A wish that the last fetch has met already is still in the box.
                () = self.wanted.notified() => if self.lock().work == Work::Busy {
                    return;
                }
            }
        }
    }

    /// Asks for a fetch because of an unknown `kid`, and waits for it.
    pub async fn ask(&self) {
        let (deadline, mut ended) = {
            let mut state = self.lock();
            let deadline = match state.ask(Instant::now()) {
                Answer::GoOn => return,
                Answer::Wait(deadline) => deadline,
                Answer::Begin(deadline) => {
                    self.wanted.notify_one();
                    deadline
                }
            };
            (deadline, self.ended.subscribe())
        };
        // Too late or done: the caller looks at the keys either way.
        let _ = tokio::time::timeout_at(deadline.into(), ended.changed()).await;
    }

    /// Nothing in here panics while it holds the lock.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// One fetch in [`UNKNOWN_KEY_PAUSE`], and [`UNKNOWN_KEY_WAIT`] of waiting for it. Whoever comes while another fetch is
    /// under way waits for that one, if nobody has waited within the pause: a provider that hangs holds nobody up
    /// time and again.
    fn ask(&mut self, now: Instant) -> Answer {
        let recent = |time: Option<Instant>| time.is_some_and(|time| now.duration_since(time) < UNKNOWN_KEY_PAUSE);
        match self.work {
            Work::Away => Answer::GoOn,
            Work::Idle if recent(self.asked) => Answer::GoOn,
            Work::Idle => {
                self.work = Work::Busy;
                self.asked = Some(now);
                self.waiting = Some(now);
                Answer::Begin(now + UNKNOWN_KEY_WAIT)
            }
            Work::Busy => {
                let since = self.waiting.filter(|_| recent(self.waiting)).unwrap_or(now);
                self.waiting = Some(since);
                let deadline = since + UNKNOWN_KEY_WAIT;
                if now < deadline { Answer::Wait(deadline) } else { Answer::GoOn }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seconds from the start, what goes on, and the answer: how long to wait.
    #[test]
    fn who_waits() {
        let start = Instant::now();
        let mut state = State { work: Work::Away, asked: None, waiting: None };
        let mut ask = |seconds: u64, work: Work| {
            let now = start + Duration::from_secs(seconds);
            state.work = work;
            match state.ask(now) {
                Answer::GoOn => (0, false),
                Answer::Wait(deadline) => (deadline.duration_since(now).as_secs(), false),
                Answer::Begin(deadline) => (deadline.duration_since(now).as_secs(), true),
            }
        };
        assert_eq!(ask(0, Work::Away), (0, false));
        assert_eq!(ask(100, Work::Busy), (2, false), "the fetch under way");
        assert_eq!(ask(100, Work::Idle), (2, true), "it had not caused that one");
        assert_eq!(ask(101, Work::Busy), (1, false), "shared");
        for second in 102..110 {
            assert_eq!(ask(second, Work::Busy), (0, false), "{second}: a provider that hangs");
            assert_eq!(ask(second, Work::Idle), (0, false), "{second}");
        }
        assert_eq!(ask(110, Work::Busy), (2, false), "a scheduled fetch in the next interval");
        assert_eq!(ask(112, Work::Busy), (0, false));
        assert_eq!(ask(112, Work::Idle), (2, true));
        assert_eq!(ask(121, Work::Idle), (0, false));
        assert_eq!(ask(122, Work::Idle), (2, true));
    }

    #[tokio::test]
    async fn a_wish_that_is_met_causes_no_second_fetch() {
        let turns = Turns::new();
        assert!(turns.begin() && !turns.begin());
        turns.end();
        turns.wanted.notify_one();
        let next = tokio::time::timeout(Duration::from_millis(50), turns.next(Duration::from_mins(1))).await;
        assert!(next.is_err(), "nobody asks any more");
    }
}
