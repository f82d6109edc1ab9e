//! One fetch however many wait for it. It runs on its own, so it goes on when whoever asked first hangs up.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::runtime::Handle;
use tokio::sync::watch;

/// Fetches under way, by what is fetched.
pub struct Flights<K, T> {
    under_way: Mutex<HashMap<K, watch::Receiver<Option<T>>>>,
    most: usize,
}

/// Why nobody is fetching.
#[derive(Debug, PartialEq, Eq)]
pub enum NoFlight {
    /// As many fetches are under way or waiting as are allowed.
    Full,
    /// The fetch ended without a result.
    Lost,
}

impl<K, T> Flights<K, T>
where
    K: Clone + Eq + Hash + Send + 'static,
    T: Clone + Send + Sync + 'static,
{
    pub fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { under_way: Mutex::new(HashMap::new()), most })
    }

    /// Waits for the fetch of `key`, starting it if nobody has. `known` looks once more, under the lock, whether a fetch that
    /// has just ended left the answer; `fetch` stores its result before it ends, so between the two nothing slips through.
    pub async fn join<F>(
        self: &Arc<Self>,
        key: &K,
        runtime: &Handle,
        known: impl FnOnce() -> Option<T>,
        fetch: impl FnOnce() -> F,
    ) -> Result<T, NoFlight>
    where
        F: Future<Output = T> + Send + 'static,
    {
        let mut result = match self.start(key, runtime, known, fetch)? {
            Started::Known(known) => return Ok(known),
            Started::UnderWay(result) => result,
        };
        let result = result.wait_for(Option::is_some).await.map_err(|_| NoFlight::Lost)?;
        result.clone().ok_or(NoFlight::Lost)
    }

    /// Starts the fetch of `key` if nobody has, and does not wait.
    pub fn start<F>(
        self: &Arc<Self>,
        key: &K,
        runtime: &Handle,
        known: impl FnOnce() -> Option<T>,
        fetch: impl FnOnce() -> F,
    ) -> Result<Started<T>, NoFlight>
    where
        F: Future<Output = T> + Send + 'static,
    {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(result) = under_way.get(key) {
            return Ok(Started::UnderWay(result.clone()));
        }
        if let Some(known) = known() {
            return Ok(Started::Known(known));
        }
        if under_way.len() >= self.most {
            return Err(NoFlight::Full);
        }
        let (sender, receiver) = watch::channel(None);
        under_way.insert(key.clone(), receiver.clone());
        drop(under_way);
        let landing = Landing { flights: Arc::clone(self), key: key.clone() };
        let fetch = fetch();
        runtime.spawn(async move {
            let result = fetch.await;
            drop(landing);
            sender.send_replace(Some(result));
        });
        Ok(Started::UnderWay(receiver))
    }

    fn land(&self, key: &K) {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}

pub enum Started<T> {
    Known(T),
    UnderWay(watch::Receiver<Option<T>>),
}

/// Takes the fetch off the list, also when it panics or is dropped.
struct Landing<K: Clone + Eq + Hash + Send + 'static, T: Clone + Send + Sync + 'static> {
    flights: Arc<Flights<K, T>>,
    key: K,
}

impl<K: Clone + Eq + Hash + Send + 'static, T: Clone + Send + Sync + 'static> Drop for Landing<K, T> {
    fn drop(&mut self) {
        self.flights.land(&self.key);
    }
}
