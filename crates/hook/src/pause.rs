//! Leaves a hook alone for a while that has failed several times in a row. Pure.

use std::time::Instant;

use crate::limits::{FAILURES_BEFORE_PAUSE, PAUSE};

#[derive(Debug, Default)]
pub struct Outage {
    /// In a row, without a good answer between them.
    failures: u32,
    until: Option<Instant>,
}

impl Outage {
    pub fn answered(&mut self) {
        *self = Self::default();
    }

    /// Once there is an outage, each further failure prolongs it: after a pause the first question is a trial.
    pub fn failed(&mut self, now: Instant) {
        self.failures = self.failures.saturating_add(1);
        if self.failures >= FAILURES_BEFORE_PAUSE {
            self.until = Some(now + PAUSE);
        }
    }

    pub fn is_on(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| now < until)
    }

    pub fn failures(&self) -> u32 {
        self.failures
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn begins_and_ends() {
        let start = Instant::now();
        let before_its_end = start + PAUSE.checked_sub(std::time::Duration::from_nanos(1)).unwrap();
        let mut outage = Outage::default();
        for _ in 1..FAILURES_BEFORE_PAUSE {
            outage.failed(start);
            assert!(!outage.is_on(start));
        }
        outage.failed(start);
        assert!(outage.is_on(start) && outage.is_on(before_its_end));
        assert!(!outage.is_on(start + PAUSE));
        outage.failed(start + PAUSE);
        assert!(outage.is_on(start + PAUSE));
        outage.answered();
        assert!(!outage.is_on(start + PAUSE));
        outage.failed(start + PAUSE);
        assert!(!outage.is_on(start + PAUSE));
    }
}
