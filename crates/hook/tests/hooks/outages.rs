//! A hook that is down is not asked by every request, and one question that it cannot bear does not stand in the way of others.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use authorizer::HookAnswer;
use hook::limits::{FAILURES_BEFORE_PAUSE, PAUSE};
use hook::{HookSettings, Trouble};
use serde_json::json;

use crate::app::{App, Reply};
use crate::site::Site;
use crate::{YES, open};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_question_that_failed_is_not_asked_again_at_once() {
    let app = App::start(|_| Reply::Says("{}")).await;
    let (hooks, site, now) = (open([app.settings("app")]), Site::new(&[0]), Instant::now());
    let asked = site.asked(&hooks, "/a", &json!({}));
    for _ in 0..100 {
        assert_eq!(hooks.ask(&asked, now).await, HookAnswer::Away);
    }
    assert_eq!(app.asked(), 1);
    let later = now + PAUSE + 10 * SECOND;
    assert_eq!(hooks.known(&asked, later), HookAnswer::Unknown);
    hooks.ask(&asked, later).await;
    assert_eq!(app.asked(), 2);
}

#[tokio::test]
async fn an_outage_pauses_the_hook_and_ends() {
    let up = Arc::new(AtomicBool::new(false));
    let is_up = up.clone();
    let app = App::start(move |_| {
        if is_up.load(Ordering::Relaxed) {
            Reply::Says(YES)
        } else {
            Reply::Raw(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n".to_vec())
        }
    })
    .await;
    let other = App::start(|_| Reply::Says(YES)).await;
    let (hooks, site, now) = (open([app.settings("app"), other.settings("other")]), Site::new(&[0]), Instant::now());
    let asked = |name: &str| site.asked(&hooks, name, &json!({}));
    for number in 0..FAILURES_BEFORE_PAUSE {
        let question = asked(&format!("/{number}"));
        assert_eq!(hooks.known(&question, now), HookAnswer::Unknown, "{number}");
        assert_eq!(hooks.ask(&question, now).await, HookAnswer::Away);
    }
    assert!(hooks.status(now)[0].paused);
    for number in 0..100 {
        let question = asked(&format!("/new/{number}"));
        assert_eq!(hooks.known(&question, now), HookAnswer::Away);
        assert_eq!(hooks.ask(&question, now).await, HookAnswer::Away);
    }
    assert_eq!(app.asked(), FAILURES_BEFORE_PAUSE as usize);
    let elsewhere = site.asked_at(1, &hooks, "/a", &json!({})).unwrap();
    assert_eq!(hooks.ask(&elsewhere, now).await, HookAnswer::Yes, "another hook is not concerned");
    // After the pause one failure more pauses it again; a good answer ends it.
    let later = now + PAUSE + 10 * SECOND;
    assert_eq!(hooks.ask(&asked("/later"), later).await, HookAnswer::Away);
    assert_eq!(hooks.known(&asked("/new"), later), HookAnswer::Away);
    up.store(true, Ordering::Relaxed);
    let last = later + PAUSE + 10 * SECOND;
    assert_eq!(hooks.ask(&asked("/last"), last).await, HookAnswer::Yes);
    let status = &hooks.status(last)[0];
    assert_eq!((status.failures, status.paused, &status.last_trouble), (0, false, &None));
    assert_eq!((status.counts.yes, status.counts.failed), (1, u64::from(FAILURES_BEFORE_PAUSE) + 1));
    assert_eq!(hooks.known(&asked("/new"), last), HookAnswer::Unknown);
}

/// Whoever finds a path at which the app's handler breaks denies it to nobody else.
#[tokio::test]
async fn what_one_question_breaks_pauses_no_other() {
    let app = App::start(|request| match request.input()["path"].as_str() {
        Some("/good") => Reply::Says(YES),
        _ => Reply::Raw(b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n".to_vec()),
    })
    .await;
    let (hooks, site, now) = (open([app.settings("app")]), Site::new(&[0]), Instant::now());
    for number in 0..50 {
        let question = site.asked(&hooks, &format!("/bad/{number}"), &json!({}));
        assert_eq!(hooks.ask(&question, now).await, HookAnswer::Away);
    }
    assert_eq!(hooks.status(now)[0].last_trouble, Some(Trouble::Status(500)));
    assert_eq!(hooks.ask(&site.asked(&hooks, "/good", &json!({})), now).await, HookAnswer::Yes);
}

/// A pause serves the last answer where one may be used, also to questions that did not fail themselves.
#[tokio::test]
async fn old_answers_outlast_an_outage() {
    let app = App::start(|request| match request.input()["path"].as_str() {
        Some("/old") => Reply::Says(YES),
        _ => Reply::Raw(Vec::new()),
    })
    .await;
    let hooks = open([HookSettings { stale: 60 * SECOND, ..app.settings("app") }]);
    let (site, now) = (Site::new(&[0]), Instant::now());
    let asked = |name: &str| site.asked(&hooks, name, &json!({}));
    assert_eq!(hooks.ask(&asked("/old"), now).await, HookAnswer::Yes);
    let later = now + 30 * SECOND;
    assert_eq!(hooks.known(&asked("/old"), later), HookAnswer::Unknown);
    for number in 0..FAILURES_BEFORE_PAUSE {
        assert_eq!(hooks.ask(&asked(&format!("/{number}")), later).await, HookAnswer::Away);
    }
    let before = app.asked();
    assert_eq!(hooks.known(&asked("/old"), later), HookAnswer::Yes);
    assert_eq!(hooks.known(&asked("/new"), later), HookAnswer::Away);
    assert_eq!(app.asked(), before);
}
