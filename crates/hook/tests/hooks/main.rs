//! Hooks asked over real sockets, by real rules with really signed tokens.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // the helpers of a test fail the test

mod answers;
mod app;
mod flights;
mod outages;
mod requests;
mod site;
mod times;

use std::sync::Arc;
use std::time::Duration;

use hook::{HookSettings, Hooks};
use tokio::runtime::Handle;

const YES: &str = r#"{"result":true}"#;
const NO: &str = r#"{"result":false}"#;

fn open(settings: impl IntoIterator<Item = HookSettings>) -> Arc<Hooks> {
    Hooks::open(settings.into_iter().collect(), vec!["app".to_owned()], Handle::current()).unwrap()
}

/// Waits for what happens on its own.
async fn until(what: &str, mut happened: impl FnMut() -> bool) {
    let waiting = async {
        while !happened() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waiting).await.unwrap_or_else(|_| panic!("never: {what}"));
}
