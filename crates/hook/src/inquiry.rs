//! What one request has asked the hooks and been told.

use std::sync::Arc;
use std::time::Instant;

use authorizer::{HookAnswer, HookQuestion};

use crate::hooks::Hooks;
use crate::limits::MAX_PER_REQUEST;
use crate::question::Asked;

/// The rules ask [`Self::answer`]; where they come to nothing for want of an answer, [`Self::ask`] brings it, and the rules are
/// put the same question again:
///
/// ```text
/// let decision = loop {
///     match placed.allow(&mut evidence) {
///         Err(Denied::HookUnknown) if inquiry.ask().await => {}
///         decision => break decision,
///     }
/// };
/// ```
///
/// What a request was told once holds to its end: an answer that may not be remembered serves the request that asked.
pub struct Inquiry<'a> {
    hooks: &'a Arc<Hooks>,
    now: Instant,
    told: Vec<(Asked, HookAnswer)>,
    wanted: Vec<Asked>,
}

impl<'a> Inquiry<'a> {
    pub fn new(hooks: &'a Arc<Hooks>, now: Instant) -> Self {
        Self { hooks, now, told: Vec::new(), wanted: Vec::new() }
    }

    /// For `Evidence::hook`: at once. Beyond [`MAX_PER_REQUEST`] questions nobody is asked.
    pub fn answer(&mut self, question: &HookQuestion<'_>) -> HookAnswer {
        let Some(asked) = self.hooks.question(question) else {
            return HookAnswer::Away;
        };
        if let Some((_, answer)) = self.told.iter().find(|(told, _)| *told == asked) {
            return *answer;
        }
        let answer = self.hooks.known(&asked, self.now);
        if answer != HookAnswer::Unknown || self.wanted.contains(&asked) {
            return answer;
        }
        if self.told.len() + self.wanted.len() >= MAX_PER_REQUEST {
            return HookAnswer::Away;
        }
        self.wanted.push(asked);
        HookAnswer::Unknown
    }

    /// Asks all that has been wanted since, at one time: several hooks take no longer than the slowest. Whether anything was
    /// asked, so that the rules may decide otherwise now.
    pub async fn ask(&mut self) -> bool {
        let wanted = std::mem::take(&mut self.wanted);
        let asking = !wanted.is_empty();
        let flights: Vec<_> = wanted.iter().map(|asked| self.hooks.start(asked, self.now)).collect();
        for (asked, flight) in wanted.into_iter().zip(flights) {
            let answer = self.hooks.land(flight, &asked, self.now).await;
            self.told.push((asked, answer));
        }
        asking
    }
}
