//! Functions as child processes that speak Lambda's Runtime API. An instance takes one event at a time; there are a few of
//! one function at most; one that is late is killed.

mod child;
mod instance;
mod runtime_api;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use crate::limits;
use crate::settings::FunctionOutput;

use instance::Instance;

/// How instances are started.
#[derive(Clone, Debug)]
pub struct Launch {
    /// The function's logical id.
    pub id: String,
    pub arn: String,
    pub program: PathBuf,
    pub arguments: Vec<String>,
    pub directory: PathBuf,
    /// All of it: nothing of ours is passed on.
    pub environment: Vec<(String, String)>,
    pub timeout: Duration,
}

/// Why a function gave no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It said so itself, or its process ended: the function's own words.
    Error(String),
    TimedOut,
    /// All instances were taken for as long as the function may run.
    Throttled,
}

pub struct Function {
    launch: Launch,
    output: FunctionOutput,
    idle: Mutex<Vec<Instance>>,
    places: Semaphore,
    runtime: Handle,
    stop: watch::Receiver<bool>,
    /// What looks after processes; ended when all of them are gone.
    keepers: Mutex<JoinSet<()>>,
}

impl Function {
    pub fn new(launch: Launch, output: FunctionOutput, runtime: Handle, stop: watch::Receiver<bool>) -> Arc<Self> {
        Arc::new(Self {
            launch,
            output,
            idle: Mutex::default(),
            places: Semaphore::new(limits::INSTANCES),
            runtime,
            stop,
            keepers: Mutex::default(),
        })
    }

    pub fn id(&self) -> &str {
        &self.launch.id
    }

    /// Goes on to its end when whoever asked hangs up, as Lambda does: the instance is kept.
    pub async fn invoke(self: &Arc<Self>, event: Bytes) -> Result<Bytes, Failure> {
        let function = Arc::clone(self);
        let call = self.runtime.spawn(async move { function.call(event).await });
        call.await.unwrap_or_else(|_| Err(Failure::Error("the emulator is stopping".into())))
    }

    async fn call(&self, event: Bytes) -> Result<Bytes, Failure> {
        let patience = Instant::now() + self.launch.timeout;
        let Ok(Ok(_place)) = timeout_at(patience, self.places.acquire()).await else {
            return Err(Failure::Throttled);
        };
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut instance = match idle.filter(Instance::is_alive) {
            Some(instance) => instance,
            None => self.start().await?,
        };
        let answer = instance.call(event, self.launch.timeout).await;
        // One that is late, or gone, is dropped, and by that killed.
        if answer != Err(Failure::TimedOut) && instance.is_alive() {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(instance);
        }
        answer
    }

    async fn start(&self) -> Result<Instance, Failure> {
        let (instance, keeper) = Instance::start(&self.launch, &self.output, self.stop.clone()).await?;
        {
            let mut keepers = self.keepers.lock().unwrap_or_else(PoisonError::into_inner);
            while keepers.try_join_next().is_some() {}
            keepers.spawn_on(keeper, &self.runtime);
        }
        instance.ready().await
    }

    /// Waits until no process is left. `stop` must have turned true.
    pub async fn end(&self) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
        loop {
            let mut keepers = std::mem::take(&mut *self.keepers.lock().unwrap_or_else(PoisonError::into_inner));
            if keepers.is_empty() {
                return;
            }
            while keepers.join_next().await.is_some() {}
        }
    }
}
