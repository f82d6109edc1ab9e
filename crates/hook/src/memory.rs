//! Answers remembered within a budget of bytes, and what they are worth at a moment.

use std::time::Instant;

use authorizer::HookAnswer;
use foldhash::fast::RandomState;
use quick_cache::Weighter;
use quick_cache::sync::{Cache, DefaultLifecycle};

use crate::answer::{Keep, Verdict};
use crate::limits::{ANSWER_MEMORY, PAUSE};
use crate::question::Asked;

/// What is known of one question.
#[derive(Clone, Copy, Debug, Default)]
pub struct Remembered {
    kept: Option<Kept>,
    /// It failed, and is not asked again before then.
    paused_until: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
struct Kept {
    verdict: Verdict,
    fresh_until: Instant,
    stale_until: Instant,
}

impl Remembered {
    /// An answer's age counts from when it was asked for: the app may have looked at once and answered late.
    pub fn answered(verdict: Verdict, keep: Keep, asked_at: Instant) -> Self {
        let fresh_until = asked_at + keep.fresh;
        let kept = Kept { verdict, fresh_until, stale_until: fresh_until + keep.stale };
        Self { kept: (kept.stale_until > asked_at).then_some(kept), paused_until: None }
    }

    /// The last answer stays for as long as it was good for.
    #[must_use]
    pub fn failed(self, now: Instant) -> Self {
        Self { paused_until: Some(now + PAUSE), ..self }
    }

    pub fn fresh(&self, now: Instant) -> Option<Verdict> {
        self.kept.filter(|kept| now < kept.fresh_until).map(|kept| kept.verdict)
    }

    pub fn is_paused(&self, now: Instant) -> bool {
        self.paused_until.is_some_and(|until| now < until)
    }

    /// While the hook is away.
    pub fn when_away(&self, now: Instant) -> HookAnswer {
        self.kept.filter(|kept| now < kept.stale_until).map_or(HookAnswer::Away, |kept| kept.verdict.into())
    }

    fn is_worth_keeping(&self) -> bool {
        self.kept.is_some() || self.paused_until.is_some()
    }
}

pub struct Memory(Cache<Asked, Remembered, BySize, RandomState>);

#[derive(Clone)]
struct BySize;

impl Weighter<Asked, Remembered> for BySize {
    /// The question, and the fixed parts with the table's share.
    fn weight(&self, asked: &Asked, _: &Remembered) -> u64 {
        asked.body.len() as u64 + 256
    }
}

impl Memory {
    pub fn new() -> Self {
        let items = usize::try_from(ANSWER_MEMORY / 640).unwrap_or(50_000);
        Self(Cache::with(items, ANSWER_MEMORY, BySize, RandomState::default(), DefaultLifecycle::default()))
    }

    pub fn get(&self, asked: &Asked) -> Remembered {
        self.0.get(asked).unwrap_or_default()
    }

    pub fn put(&self, asked: &Asked, remembered: Remembered) {
        if remembered.is_worth_keeping() {
            self.0.insert(asked.clone(), remembered);
        } else {
            self.0.remove(asked);
        }
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use authorizer::HookId;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn fresh_then_stale_then_gone() {
        let asked_at = Instant::now();
        let keep = Keep { fresh: 10 * SECOND, stale: 60 * SECOND };
        let remembered = Remembered::answered(Verdict::No, keep, asked_at);
        assert_eq!(remembered.fresh(before(asked_at + 10 * SECOND)), Some(Verdict::No));
        assert_eq!(remembered.fresh(asked_at + 10 * SECOND), None);
        assert_eq!(remembered.when_away(before(asked_at + 70 * SECOND)), HookAnswer::No);
        assert_eq!(remembered.when_away(asked_at + 70 * SECOND), HookAnswer::Away);
        // Failures do not make it younger.
        let failed = remembered.failed(asked_at + 69 * SECOND);
        assert!(failed.is_paused(before(asked_at + 70 * SECOND)) && !failed.is_paused(asked_at + 70 * SECOND));
        assert_eq!(failed.when_away(asked_at + 70 * SECOND), HookAnswer::Away);
    }

    #[test]
    fn what_is_good_for_nothing_is_not_kept() {
        let (memory, asked) = (Memory::new(), asked(1, 100));
        let keep = |fresh, stale| Keep { fresh: fresh * SECOND, stale: stale * SECOND };
        let now = Instant::now();
        for (fresh, stale, kept) in [(10, 0, 1), (0, 0, 0), (0, 5, 1), (0, 0, 0)] {
            memory.put(&asked, Remembered::answered(Verdict::Yes, keep(fresh, stale), now));
            assert_eq!(memory.len(), kept);
        }
    }

    #[test]
    fn stays_within_its_budget() {
        let memory = Memory::new();
        for number in 0..20_000 {
            memory.put(&asked(number, 8 << 10), Remembered::default().failed(Instant::now()));
        }
        assert!(memory.0.weight() <= ANSWER_MEMORY);
        assert!(memory.len() > 1000, "{}", memory.len());
    }

    fn before(moment: Instant) -> Instant {
        moment.checked_sub(Duration::from_nanos(1)).unwrap()
    }

    fn asked(number: u32, length: usize) -> Asked {
        let mut body = number.to_string().into_bytes();
        body.resize(length, b' ');
        Asked { hook: HookId(0), body: body.into() }
    }
}
