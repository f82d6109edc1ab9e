//! How long an answer is used. Time is handed in; no test waits for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use authorizer::HookAnswer;
use hook::limits::PAUSE;
use hook::{HookSettings, Hooks};
use serde_json::json;

use crate::app::{App, Reply};
use crate::site::Site;
use crate::{YES, open};

const SECOND: Duration = Duration::from_secs(1);

fn before(moment: Instant) -> Instant {
    moment.checked_sub(Duration::from_nanos(1)).unwrap()
}

/// An app that says yes with these headers while it is up, and 503 while it is not.
async fn app(headers: &'static str) -> (App, Arc<AtomicBool>) {
    let up = Arc::new(AtomicBool::new(true));
    let is_up = up.clone();
    let app = App::start(move |_| {
        if is_up.load(Ordering::Relaxed) {
            Reply::With(headers, YES)
        } else {
            Reply::Raw(b"HTTP/1.1 503 Down\r\nContent-Length: 0\r\n\r\n".to_vec())
        }
    })
    .await;
    (app, up)
}

fn known(hooks: &Hooks, asked: &hook::Asked, at: impl IntoIterator<Item = Instant>) -> Vec<HookAnswer> {
    at.into_iter().map(|now| hooks.known(asked, now)).collect()
}

#[tokio::test]
async fn fresh_to_its_edge() {
    let (app, _) = app("").await;
    let hooks = open([HookSettings { fresh: 10 * SECOND, stale: 60 * SECOND, ..app.settings("app") }]);
    let (asked, now) = (Site::new(&[0]).asked(&hooks, "/a", &json!({})), Instant::now());
    assert_eq!(hooks.ask(&asked, now).await, HookAnswer::Yes);
    let moments = [now, before(now + 10 * SECOND), now + 10 * SECOND, now + 60 * SECOND];
    // While the hook is not known to be away, an old answer is not used: it is asked again.
    let expected = [HookAnswer::Yes, HookAnswer::Yes, HookAnswer::Unknown, HookAnswer::Unknown];
    assert_eq!(known(&hooks, &asked, moments), expected);
    assert_eq!(hooks.ask(&asked, before(now + 10 * SECOND)).await, HookAnswer::Yes);
    assert_eq!(app.asked(), 1);
    assert_eq!(hooks.ask(&asked, now + 10 * SECOND).await, HookAnswer::Yes);
    assert_eq!(app.asked(), 2);
    assert_eq!(hooks.known(&asked, before(now + 20 * SECOND)), HookAnswer::Yes);
}

#[tokio::test]
async fn stale_to_its_edge() {
    let (app, up) = app("").await;
    let hooks = open([HookSettings { fresh: 10 * SECOND, stale: 60 * SECOND, ..app.settings("app") }]);
    let (asked, now) = (Site::new(&[0]).asked(&hooks, "/a", &json!({})), Instant::now());
    assert_eq!(hooks.ask(&asked, now).await, HookAnswer::Yes);
    up.store(false, Ordering::Relaxed);
    // The last answer serves while the pause lasts; then the hook is asked again.
    assert_eq!(hooks.ask(&asked, now + 30 * SECOND).await, HookAnswer::Yes);
    let after = now + 30 * SECOND + 20 * SECOND;
    assert_eq!(known(&hooks, &asked, [now + 30 * SECOND, after]), [HookAnswer::Yes, HookAnswer::Unknown]);
    // Failures make it no younger: 10 s fresh and 60 s stale after the moment at which it was asked for.
    assert_eq!(hooks.ask(&asked, now + 69 * SECOND + PAUSE / 2).await, HookAnswer::Yes);
    assert_eq!(
        known(&hooks, &asked, [before(now + 70 * SECOND), now + 70 * SECOND]),
        [HookAnswer::Yes, HookAnswer::Away]
    );
    assert_eq!(hooks.ask(&asked, now + 90 * SECOND).await, HookAnswer::Away);
    up.store(true, Ordering::Relaxed);
    assert_eq!(hooks.ask(&asked, now + 120 * SECOND).await, HookAnswer::Yes);
}

#[tokio::test]
async fn without_stale_a_failure_is_away_at_once() {
    let (app, up) = app("").await;
    let hooks = open([app.settings("app")]);
    let (asked, now) = (Site::new(&[0]).asked(&hooks, "/a", &json!({})), Instant::now());
    assert_eq!(hooks.ask(&asked, now).await, HookAnswer::Yes);
    up.store(false, Ordering::Relaxed);
    assert_eq!(hooks.ask(&asked, now + 10 * SECOND).await, HookAnswer::Away);
    assert_eq!(hooks.known(&asked, now + 10 * SECOND), HookAnswer::Away);
}

/// A later no takes the place of a yes, also of one that could still have been used while the hook is away.
#[tokio::test]
async fn the_last_answer_counts() {
    let no = Arc::new(AtomicBool::new(false));
    let says_no = no.clone();
    let refusing = App::start(move |_| {
        if says_no.load(Ordering::Relaxed) {
            Reply::With("Cache-Control: no-store\r\n", crate::NO)
        } else {
            Reply::Says(YES)
        }
    })
    .await;
    let hooks = open([HookSettings { stale: 60 * SECOND, ..refusing.settings("app") }]);
    let (asked, now) = (Site::new(&[0]).asked(&hooks, "/a", &json!({})), Instant::now());
    assert_eq!(hooks.ask(&asked, now).await, HookAnswer::Yes);
    no.store(true, Ordering::Relaxed);
    assert_eq!(hooks.ask(&asked, now + 10 * SECOND).await, HookAnswer::No);
    assert_eq!(hooks.remembered(), 0, "neither the no, which must not be stored, nor the yes before it");
}

#[tokio::test]
async fn the_answer_may_shorten_it() {
    for (headers, fresh, stale) in [
        ("Cache-Control: max-age=3\r\n", 3, 60),
        ("Cache-Control: private\r\nCache-Control: max-age=3\r\n", 3, 60),
        ("Cache-Control: max-age=86400\r\n", 10, 60),
        ("Cache-Control: no-store\r\n", 0, 0),
        ("Cache-Control: no-cache\r\n", 0, 0),
        ("Cache-Control: must-revalidate, max-age=5\r\n", 5, 0),
        ("Expires: Thu, 01 Jan 2099 00:00:00 GMT\r\n", 10, 60),
    ] {
        let (app, up) = app(headers).await;
        let hooks = open([HookSettings { fresh: 10 * SECOND, stale: 60 * SECOND, ..app.settings("app") }]);
        let (asked, now) = (Site::new(&[0]).asked(&hooks, "/a", &json!({})), Instant::now());
        assert_eq!(hooks.ask(&asked, now).await, HookAnswer::Yes, "{headers}");
        let end = now + fresh * SECOND;
        if fresh > 0 {
            assert_eq!(hooks.known(&asked, before(end)), HookAnswer::Yes, "{headers}");
        }
        assert_eq!(hooks.known(&asked, end), HookAnswer::Unknown, "{headers}");
        up.store(false, Ordering::Relaxed);
        let expected = if stale > 0 { HookAnswer::Yes } else { HookAnswer::Away };
        assert_eq!(hooks.ask(&asked, end).await, expected, "{headers}");
    }
}
