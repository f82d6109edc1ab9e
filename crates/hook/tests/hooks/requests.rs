//! Whole requests: the rules, their evidence, and the hooks behind it.

use std::time::{Duration, Instant};

use authorizer::Denied;
use hook::limits::MAX_PER_REQUEST;
use hook::{HookSettings, Inquiry};
use serde_json::json;

use crate::app::{App, Reply};
use crate::site::Site;
use crate::{NO, YES, open};

/// Says yes to those whose `sub` is in the path.
async fn members() -> App {
    App::start(|request| {
        let input = request.input();
        let (path, subject) = (input["path"].as_str().unwrap(), input["claims"]["sub"].as_str().unwrap());
        Reply::Says(if path.contains(subject) { YES } else { NO })
    })
    .await
}

#[tokio::test]
async fn the_app_decides() {
    let app = members().await;
    let (hooks, site, now) = (open([app.settings("app")]), Site::new(&[0]), Instant::now());
    let (ann, bob) = (site.token(&json!({"sub": "ann"})), site.token(&json!({"sub": "bob"})));
    let decide = async |tokens: &[&str], path: &str| site.decide(Inquiry::new(&hooks, now), path, tokens).await;

    let (allowed, rounds) = decide(&[&ann], "/ann/a.png").await;
    assert_eq!((allowed.unwrap().key(), rounds), ("ann/a.png", 2));
    let (allowed, rounds) = decide(&[&ann], "/ann/a.png").await;
    assert_eq!((allowed.unwrap().key(), rounds), ("ann/a.png", 1));
    assert_eq!(decide(&[&bob], "/ann/a.png").await.0.unwrap_err(), Denied::HookRefused);
    assert_eq!(app.asked(), 2);
    // Of several tokens one that the app lets in suffices; both questions are put in one round.
    let (allowed, rounds) = decide(&[&bob, &ann], "/ann/b.png").await;
    assert_eq!((allowed.unwrap().bearer().unwrap().subject(), rounds), (Some("ann"), 2));
    // A token that is no good asks nobody.
    let asked = app.asked();
    let expired = site.token(&json!({"sub": "ann", "exp": crate::site::NOW - 1}));
    assert_eq!(decide(&[&expired], "/ann/c.png").await.0.unwrap_err(), Denied::Expired);
    assert!(decide(&["x.y.z"], "/ann/c.png").await.0.is_err());
    assert_eq!(app.asked(), asked);
}

/// Nothing is remembered, each request asks, and each is served by the answer that it asked for.
#[tokio::test]
async fn nothing_remembered() {
    let app = App::start(|_| Reply::With("Cache-Control: no-store\r\n", YES)).await;
    let zero = Duration::ZERO;
    let hooks = open([HookSettings { fresh: zero, ..app.settings("zero") }, app.settings("no-store")]);
    let now = Instant::now();
    for hook in [0, 1] {
        let (site, before) = (Site::new(&[hook]), app.asked());
        let token = site.token(&json!({}));
        for number in 1..=3 {
            let (allowed, rounds) = site.decide(Inquiry::new(&hooks, now), "/a", &[&token]).await;
            assert_eq!((allowed.is_ok(), rounds, app.asked() - before), (true, 2, number));
        }
    }
    assert_eq!(hooks.remembered(), 0);
}

#[tokio::test]
async fn away_is_told_apart_from_no() {
    let app = App::start(|_| Reply::Says("{}")).await;
    let (hooks, site) = (open([app.settings("app")]), Site::new(&[0]));
    let token = site.token(&json!({}));
    let (decision, rounds) = site.decide(Inquiry::new(&hooks, Instant::now()), "/a", &[&token]).await;
    assert_eq!((decision.unwrap_err(), rounds), (Denied::HookAway, 2));
}

/// Two hooks are asked at one time: the app of the first answers only when the second has been asked.
#[tokio::test]
async fn several_hooks_at_one_time() {
    let (second_asked, waiting) = tokio::sync::watch::channel(false);
    let first = App::start(move |_| Reply::Waits(waiting.clone(), NO)).await;
    let second = App::start(move |_| {
        second_asked.send_replace(true);
        Reply::Says(YES)
    })
    .await;
    let (hooks, site) = (open([first.settings("first"), second.settings("second")]), Site::new(&[0, 1]));
    let token = site.token(&json!({}));
    let (allowed, rounds) = site.decide(Inquiry::new(&hooks, Instant::now()), "/a", &[&token]).await;
    assert_eq!((allowed.unwrap().rule(), rounds), (1, 2));
}

#[tokio::test]
async fn a_request_asks_only_so_much() {
    let app = App::start(|_| Reply::Says(NO)).await;
    let count = MAX_PER_REQUEST + 1;
    let settings = (0..count).map(|number| app.settings(&number.to_string()));
    let (hooks, site) = (open(settings), Site::new(&(0..count).collect::<Vec<_>>()));
    let token = site.token(&json!({}));
    let (decision, rounds) = site.decide(Inquiry::new(&hooks, Instant::now()), "/a", &[&token]).await;
    assert_eq!((decision.unwrap_err(), rounds, app.asked()), (Denied::HookAway, 2, MAX_PER_REQUEST));
}

/// What a hit costs: `cargo test --release -p hook -- --ignored --nocapture`.
#[tokio::test]
#[ignore = "a measurement"]
async fn cost_of_a_hit() {
    const TIMES: u32 = 200_000;
    let app = App::start(|_| Reply::Says(YES)).await;
    let (hooks, site, now) = (open([app.settings("app")]), Site::new(&[0]), Instant::now());
    let members: serde_json::Map<_, _> =
        (0..20).map(|number| (format!("workspace-{number}"), json!("editor"))).collect();
    for (name, claims) in [("small", json!({"sub": "ann"})), ("20 memberships", json!({"members": members}))] {
        let asked = site.asked(&hooks, "/w/a.png", &claims);
        hooks.ask(&asked, now).await;
        let begun = Instant::now();
        for _ in 0..TIMES {
            assert_eq!(
                std::hint::black_box(hooks.known(std::hint::black_box(&asked), now)),
                authorizer::HookAnswer::Yes
            );
        }
        let known = begun.elapsed() / TIMES;
        let each = site.time_questions(&hooks, &claims, TIMES);
        println!("{name}: {asked:?}: known {known:?}, question {each:?}");
    }
    let begun = Instant::now();
    for number in 0..2000 {
        hooks.ask(&site.asked(&hooks, &format!("/{number}"), &json!({})), now).await;
    }
    println!("a question over a kept connection, token and all: {:?}", begun.elapsed() / 2000);
}
