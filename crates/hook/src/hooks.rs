//! All hooks of a configuration: what they answered, and asking them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use authorizer::{HookAnswer, HookQuestion};
use tokio::runtime::Handle;

use crate::answer::{Keep, Verdict};
use crate::client::{Client, Roots, Target};
use crate::flights::{Flight, Flights};
use crate::memory::{Memory, Remembered};
use crate::pause::Outage;
use crate::question::Asked;
use crate::settings::{HookSettings, OpenError};
use crate::trouble::Trouble;
use crate::url::HookUrl;

pub struct Hooks {
    configured: Vec<Hook>,
    /// The issuers' names in the order of the configuration.
    issuers: Vec<String>,
    memory: Memory,
    client: Client,
    runtime: Handle,
}

struct Hook {
    name: String,
    url: HookUrl,
    target: Target,
    timeout: Duration,
    flights: Arc<Flights>,
    health: Mutex<Health>,
}

#[derive(Default)]
struct Health {
    outage: Outage,
    counts: Counts,
    last_trouble: Option<Trouble>,
}

/// Since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub yes: u64,
    pub no: u64,
    /// Questions without an answer that may be used, those included that found no room.
    pub failed: u64,
}

/// How a hook is, for the health page and the metrics.
#[derive(Clone, Debug)]
pub struct Status {
    pub name: String,
    /// Without its query.
    pub url: String,
    pub counts: Counts,
    /// Failures in a row that look like an outage.
    pub failures: u32,
    /// It is left alone for the moment.
    pub paused: bool,
    /// What went wrong the last time; `None` after a good answer.
    pub last_trouble: Option<Trouble>,
}

impl Hooks {
    /// Hooks and the names of issuers stand in the order of the configuration. `runtime` is where questions are under way, apart
    /// from the requests that wait for them.
    pub fn open(settings: Vec<HookSettings>, issuers: Vec<String>, runtime: Handle) -> Result<Arc<Self>, OpenError> {
        let https = settings.iter().any(|hook| hook.url.is_https());
        let client = Client::new(if https { &Roots::Native } else { &Roots::None })?;
        let configured = settings.into_iter().map(Hook::new).collect::<Result<_, _>>()?;
        Ok(Arc::new(Self { configured, issuers, memory: Memory::new(), client, runtime }))
    }

    /// The question as it is sent. `None` where there is no such hook or issuer, or the question is too long: nobody can be
    /// asked, and the answer is [`HookAnswer::Away`].
    pub fn question(&self, question: &HookQuestion<'_>) -> Option<Asked> {
        self.configured.get(question.hook.0)?;
        Asked::new(question, self.issuers.get(question.token.issuer().0)?)
    }

    /// What is known at this moment, at once: `Unknown` where the hook is to be asked.
    pub fn known(&self, asked: &Asked, now: Instant) -> HookAnswer {
        let remembered = self.memory.get(asked);
        if let Some(verdict) = remembered.fresh(now) {
            return verdict.into();
        }
        let Some(hook) = self.configured.get(asked.hook.0) else {
            return HookAnswer::Away;
        };
        if remembered.is_paused(now) || hook.health().outage.is_on(now) {
            return remembered.when_away(now);
        }
        HookAnswer::Unknown
    }

    /// Asks the hook, or waits for whoever is asking it the same. Never `Unknown`; what came is the answer for the request
    /// that asked, also where it is not remembered. The question goes on when the caller hangs up.
    pub async fn ask(self: &Arc<Self>, asked: &Asked, now: Instant) -> HookAnswer {
        self.land(self.start(asked, now), asked, now).await
    }

    /// Starts to ask and does not wait.
    pub(crate) fn start(self: &Arc<Self>, asked: &Asked, now: Instant) -> Flight {
        let Some(hook) = self.configured.get(asked.hook.0) else {
            return Flight::Landed(HookAnswer::Away);
        };
        let flight = hook.flights.start(
            asked,
            &self.runtime,
            || self.known(asked, now),
            || {
                let (hooks, asked) = (Arc::clone(self), asked.clone());
                async move { hooks.fly(asked, now).await }
            },
        );
        if matches!(flight, Flight::Full) {
            hook.health().note(Err(Trouble::TooManyAsking), now);
        }
        flight
    }

    pub(crate) async fn land(&self, flight: Flight, asked: &Asked, now: Instant) -> HookAnswer {
        match flight.landed().await {
            Some(answer) => answer,
            None => self.memory.get(asked).when_away(now),
        }
    }

    async fn fly(&self, asked: Asked, now: Instant) -> HookAnswer {
        let Some(hook) = self.configured.get(asked.hook.0) else {
            return HookAnswer::Away;
        };
        let begun = Instant::now();
        let question = self.client.ask(&hook.target, asked.body.clone());
        let outcome = tokio::time::timeout(hook.timeout, question).await.unwrap_or(Err(Trouble::Slow));
        let ended = now + begun.elapsed();
        let answer = if let Ok((verdict, keep)) = outcome {
            self.memory.put(&asked, Remembered::answered(verdict, keep, now));
            verdict.into()
        } else {
            let remembered = self.memory.get(&asked).failed(ended);
            self.memory.put(&asked, remembered);
            remembered.when_away(ended)
        };
        hook.health().note(outcome.map(|(verdict, _)| verdict), ended);
        answer
    }

    pub fn status(&self, now: Instant) -> Vec<Status> {
        self.configured.iter().map(|hook| hook.status(now)).collect()
    }

    /// How many questions are remembered.
    pub fn remembered(&self) -> usize {
        self.memory.len()
    }
}

impl Hook {
    fn new(settings: HookSettings) -> Result<Self, OpenError> {
        if let Some(fault) = settings.faults().into_iter().next() {
            return Err(OpenError::Setting { hook: settings.name, fault });
        }
        let authorization = match settings.authorization() {
            Ok(authorization) => authorization,
            Err(fault) => return Err(OpenError::Setting { hook: settings.name, fault }),
        };
        let keep = Keep { fresh: settings.fresh, stale: settings.stale };
        Ok(Self {
            target: Target { uri: settings.url.uri().clone(), authorization, keep },
            name: settings.name,
            url: settings.url,
            timeout: settings.timeout,
            flights: Arc::default(),
            health: Mutex::default(),
        })
    }

    /// Nothing in here panics while it holds the lock.
    fn health(&self) -> MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn status(&self, now: Instant) -> Status {
        let health = self.health();
        Status {
            name: self.name.clone(),
            url: self.url.to_string(),
            counts: health.counts,
            failures: health.outage.failures(),
            paused: health.outage.is_on(now),
            last_trouble: health.last_trouble.clone(),
        }
    }
}

impl Health {
    fn note(&mut self, outcome: Result<Verdict, Trouble>, now: Instant) {
        let count = match &outcome {
            Ok(Verdict::Yes) => &mut self.counts.yes,
            Ok(Verdict::No) => &mut self.counts.no,
            Err(_) => &mut self.counts.failed,
        };
        *count = count.saturating_add(1);
        match &outcome {
            Ok(_) => self.outage.answered(),
            Err(trouble) if trouble.is_outage() => self.outage.failed(now),
            Err(_) => {}
        }
        self.last_trouble = outcome.err();
    }
}
