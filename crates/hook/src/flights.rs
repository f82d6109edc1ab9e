//! One flight however many wait for it. It runs on its own, so it goes on when whoever asked first hangs up.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use authorizer::HookAnswer;
use foldhash::fast::RandomState;
use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::limits::MAX_ASKING;
use crate::question::Asked;

/// The questions under way at one hook.
#[derive(Default)]
pub struct Flights(Mutex<HashMap<Asked, Waiting, RandomState>>);

type Waiting = watch::Receiver<Option<HookAnswer>>;

pub enum Flight {
    Landed(HookAnswer),
    UnderWay(Waiting),
    /// [`MAX_ASKING`] others are under way.
    Full,
}

impl Flight {
    /// `None` where there was no room, or the flight was lost with its runtime.
    pub async fn landed(self) -> Option<HookAnswer> {
        match self {
            Self::Landed(answer) => Some(answer),
            Self::UnderWay(mut waiting) => waiting.wait_for(Option::is_some).await.ok().and_then(|answer| *answer),
            Self::Full => None,
        }
    }
}

impl Flights {
    /// Joins the flight of a question, or starts it. `known` looks once more, under the lock, whether a flight that has just
    /// landed left the answer; a flight stores its answer before it lands, so between the two nothing slips through.
    pub fn start<F>(
        self: &Arc<Self>,
        asked: &Asked,
        runtime: &Handle,
        known: impl FnOnce() -> HookAnswer,
        flight: impl FnOnce() -> F,
    ) -> Flight
    where
        F: Future<Output = HookAnswer> + Send + 'static,
    {
        let mut under_way = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(waiting) = under_way.get(asked) {
            return Flight::UnderWay(waiting.clone());
        }
        match known() {
            HookAnswer::Unknown => {}
            answer => return Flight::Landed(answer),
        }
        if under_way.len() >= MAX_ASKING {
            return Flight::Full;
        }
        let (sender, waiting) = watch::channel(None);
        under_way.insert(asked.clone(), waiting.clone());
        drop(under_way);
        let landing = Landing { flights: Arc::clone(self), asked: asked.clone() };
        let flight = flight();
        runtime.spawn(async move {
            let answer = flight.await;
            drop(landing);
            sender.send_replace(Some(answer));
        });
        Flight::UnderWay(waiting)
    }
}

/// Takes the flight off the list, also when it panics or is dropped.
struct Landing {
    flights: Arc<Flights>,
    asked: Asked,
}

impl Drop for Landing {
    fn drop(&mut self) {
        self.flights.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.asked);
    }
}
