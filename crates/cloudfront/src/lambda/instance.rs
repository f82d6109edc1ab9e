//! One instance: a process, its Runtime API, and what keeps both until it is let go.

use std::net::Ipv4Addr;
use std::time::Duration;

use bytes::Bytes;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;
use uuid::Uuid;

use crate::lambda::child::Process;
use crate::lambda::runtime_api::{Call, Desk};
use crate::lambda::{Failure, Launch};
use crate::limits;
use crate::settings::FunctionOutput;

pub struct Instance {
    calls: mpsc::Sender<Call>,
    /// The keeper ends the process when it is dropped.
    _leash: oneshot::Sender<()>,
}

/// Before its process has asked for an event.
pub struct Starting {
    instance: Instance,
    ready: oneshot::Receiver<Result<(), Failure>>,
}

impl Instance {
    /// The second is to be run: it keeps the process.
    pub async fn start(
        launch: &Launch,
        output: &FunctionOutput,
        mut stop: watch::Receiver<bool>,
    ) -> Result<(Starting, impl Future<Output = ()> + use<>), Failure> {
        let failed =
            |error: std::io::Error| Failure::Error(format!("cannot run `{}`: {error}", launch.program.display()));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let (calls, waiting) = mpsc::channel(1);
        let (tell_ready, ready) = oneshot::channel();
        let (leash, let_go) = oneshot::channel::<()>();
        let desk = Desk::new(&launch.arn, waiting, tell_ready);
        let mut process = Process::start(launch, address, output).map_err(failed)?;
        let keeper = async move {
            tokio::select! {
                () = process.ended() => {}
                () = desk.serve(listener) => {}
                _ = let_go => {}
                () = told(&mut stop) => {}
            }
            process.kill().await;
        };
        Ok((Starting { instance: Self { calls, _leash: leash }, ready }, keeper))
    }

    pub fn is_alive(&self) -> bool {
        !self.calls.is_closed()
    }

    pub async fn call(&mut self, event: Bytes, time: Duration) -> Result<Bytes, Failure> {
        let ended = || Failure::Error("the function's process ended".into());
        let (answer, answered) = oneshot::channel();
        let call = Call { id: Uuid::new_v4().to_string(), event, timeout: time, answer };
        self.calls.send(call).await.map_err(|_| ended())?;
        match timeout(time, answered).await {
            Err(_) => Err(Failure::TimedOut),
            Ok(Err(_)) => Err(ended()),
            Ok(Ok(answer)) => answer,
        }
    }
}

impl Starting {
    /// Waits for the init phase to end.
    pub async fn ready(self) -> Result<Instance, Failure> {
        match timeout(limits::INIT, self.ready).await {
            Err(_) => Err(Failure::TimedOut),
            Ok(Err(_)) => Err(Failure::Error("the function's process ended before it asked for an event".into())),
            Ok(Ok(ready)) => ready.map(|()| self.instance),
        }
    }
}

/// Returns when `stop` turns true, or when nobody is left to turn it.
async fn told(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}
