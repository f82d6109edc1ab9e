//! The regional function: `/_edgepass/*` of a site on AWS. CloudFront sends it sessions and upload grants, and no byte of a file.
//!
//! The decisions are the gateway's: `front`, `uploads`, `authorizer`. Here is what Lambda asks for: its Runtime API
//! (`runtime`), an HTTP API's events (`event`), settings from beside the code, and the role's credentials.

mod baked;
mod endpoints;
mod event;
mod runtime;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use authorizer::UnixTime;

use crate::endpoints::Endpoints;
use crate::event::Event;
use crate::runtime::Runtime;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let Ok(address) = std::env::var("AWS_LAMBDA_RUNTIME_API") else {
        eprintln!("error: this is a function of AWS Lambda: `AWS_LAMBDA_RUNTIME_API` is not set");
        return ExitCode::from(2);
    };
    let runtime = Runtime::at(address);
    let endpoints = match open() {
        Ok(endpoints) => endpoints,
        Err(fault) => {
            eprintln!("error: {fault}");
            runtime.failed_to_start(&fault).await;
            return ExitCode::FAILURE;
        }
    };
    // Ends when Lambda ends the process; an error here means that its Runtime API is gone.
    loop {
        let invocation = match runtime.next().await {
            Ok(invocation) => invocation,
            Err(fault) => {
                eprintln!("error: {fault}");
                return ExitCode::FAILURE;
            }
        };
        let answer = endpoints.answer(Event::read(&invocation.body), now()).await;
        if let Err(fault) = runtime.respond(&invocation.id, &answer.to_json()).await {
            eprintln!("error: {fault}");
            return ExitCode::FAILURE;
        }
    }
}

fn open() -> Result<Endpoints, String> {
    let root = std::env::var_os("LAMBDA_TASK_ROOT").map_or_else(PathBuf::new, PathBuf::from);
    let path = root.join("site.json");
    let site = std::fs::read(&path).map_err(|error| format!("cannot read `{}`: {error}", path.display()))?;
    Endpoints::open(&site, |name| std::env::var(name).ok())
}

fn now() -> UnixTime {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixTime(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}
