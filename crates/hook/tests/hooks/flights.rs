//! Many who ask at one time.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::time::Instant;

use authorizer::HookAnswer;
use hook::limits::MAX_ASKING;
use hook::{HookSettings, Trouble};
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::app::{App, Reply};
use crate::site::Site;
use crate::{NO, YES, open, until};

/// Also where nothing may be remembered: whoever joins a flight gets its answer.
#[tokio::test]
async fn one_flight_for_a_thousand() {
    for fresh in [10, 0] {
        let (gate, waiting) = watch::channel(false);
        let app = App::start(move |_| Reply::Waits(waiting.clone(), YES)).await;
        let fresh = std::time::Duration::from_secs(fresh);
        let hooks = open([HookSettings { fresh, ..app.settings("app") }]);
        let (site, now) = (Site::new(&[0]), Instant::now());
        let mut asking = JoinSet::new();
        for _ in 0..1000 {
            let (hooks, asked) = (hooks.clone(), site.asked(&hooks, "/a", &json!({})));
            asking.spawn(async move { hooks.ask(&asked, now).await });
        }
        until("the question", || app.asked() == 1).await;
        gate.send(true).unwrap();
        assert!(asking.join_all().await.iter().all(|answer| *answer == HookAnswer::Yes));
        assert_eq!((app.asked(), app.connections.load(Ordering::Relaxed)), (1, 1));
    }
}

/// Each gets the answer to its own question, whatever the order and however many at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nobody_gets_anothers_answer() {
    let even = |name: &str| name.bytes().map(usize::from).sum::<usize>().is_multiple_of(2);
    let app = App::start(move |request| {
        let input = request.input();
        let name = format!("{}{}", input["path"].as_str().unwrap(), input["claims"]["sub"].as_str().unwrap());
        Reply::Says(if even(&name) { YES } else { NO })
    })
    .await;
    let (hooks, site, now) = (open([app.settings("app")]), Site::new(&[0]), Instant::now());
    let mut asking = JoinSet::new();
    for round in 0..3 {
        for user in 0..12 {
            for file in 0..20 {
                let (path, user) = (format!("/{file}"), format!("u{user}"));
                let (hooks, asked) = (hooks.clone(), site.asked(&hooks, &path, &json!({"sub": user})));
                let expected = if even(&format!("{path}{user}")) { HookAnswer::Yes } else { HookAnswer::No };
                asking.spawn(async move {
                    let known = hooks.known(&asked, now);
                    let answer = if known == HookAnswer::Unknown { hooks.ask(&asked, now).await } else { known };
                    assert_eq!(answer, expected, "{path} {user} in round {round}");
                });
            }
        }
        // Half of the rounds meet the others' flights, half their answers.
        if round == 1 {
            while let Some(asked) = asking.join_next().await {
                asked.unwrap();
            }
        }
    }
    assert_eq!(asking.join_all().await.len(), 240);
    assert_eq!((app.asked(), hooks.remembered()), (240, 240));
}

/// One claim, one byte of the path, another hook: another question.
#[tokio::test]
async fn what_differs_is_asked_apart() {
    let app = App::start(|_| Reply::Says(YES)).await;
    let hooks = open([app.settings("a"), app.settings("b")]);
    let site = Site::new(&[0]);
    let now = Instant::now();
    let first = site.asked(&hooks, "/a", &json!({"jti": "1"}));
    assert_eq!(hooks.ask(&first, now).await, HookAnswer::Yes);
    assert_eq!(hooks.known(&site.asked(&hooks, "/a", &json!({"jti": "1"})), now), HookAnswer::Yes);
    let other_hook = site.asked_at(1, &hooks, "/a", &json!({"jti": "1"})).unwrap();
    let others = [
        site.asked(&hooks, "/a", &json!({"jti": "2"})),
        site.asked(&hooks, "/a", &json!({"jti": "1", "x": null})),
        site.asked(&hooks, "/a/a", &json!({"jti": "1"})),
        site.asked(&hooks, "/A", &json!({"jti": "1"})),
        other_hook,
    ];
    for other in others {
        assert_ne!(other, first);
        assert_eq!(hooks.known(&other, now), HookAnswer::Unknown, "{other:?}");
    }
    let shown = format!("{first:?}");
    assert!(!shown.contains("app.example") && !shown.contains("jti"), "{shown}");
}

#[tokio::test]
async fn goes_on_when_the_first_hangs_up() {
    let (gate, waiting) = watch::channel(false);
    let app = App::start(move |_| Reply::Waits(waiting.clone(), YES)).await;
    let (hooks, site, now) = (open([app.settings("app")]), Site::new(&[0]), Instant::now());
    let asked = site.asked(&hooks, "/a", &json!({}));
    let first = tokio::spawn({
        let (hooks, asked) = (hooks.clone(), asked.clone());
        async move { hooks.ask(&asked, now).await }
    });
    until("the question", || app.asked() == 1).await;
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    gate.send(true).unwrap();
    until("the answer", || hooks.known(&asked, now) == HookAnswer::Yes).await;
    assert_eq!(app.asked(), 1);
}

#[tokio::test]
async fn as_many_as_are_allowed() {
    let (gate, waiting) = watch::channel(false);
    let slow = App::start(move |_| Reply::Waits(waiting.clone(), YES)).await;
    let quick = App::start(|_| Reply::Says(NO)).await;
    let timeout = hook::limits::TIMEOUT_MOST;
    let hooks = open([HookSettings { timeout, ..slow.settings("slow") }, quick.settings("quick")]);
    let (site, now) = (Site::new(&[0]), Instant::now());
    let mut asking = JoinSet::new();
    for number in 0..MAX_ASKING {
        let (hooks, asked) = (hooks.clone(), site.asked(&hooks, &format!("/{number}"), &json!({})));
        asking.spawn(async move { hooks.ask(&asked, now).await });
    }
    until("all questions", || slow.asked() == MAX_ASKING).await;
    let one_more = site.asked(&hooks, "/more", &json!({}));
    assert_eq!(hooks.ask(&one_more, now).await, HookAnswer::Away);
    assert_eq!(hooks.status(now)[0].last_trouble, Some(Trouble::TooManyAsking));
    assert_eq!(slow.asked(), MAX_ASKING);
    // The other hook has room of its own, and there is room again when one has landed.
    let other = site.asked_at(1, &hooks, "/more", &json!({})).unwrap();
    assert_eq!(hooks.ask(&other, now).await, HookAnswer::No);
    gate.send(true).unwrap();
    let mut answers = HashMap::new();
    for answer in asking.join_all().await {
        *answers.entry(format!("{answer:?}")).or_insert(0) += 1;
    }
    assert_eq!(answers, HashMap::from([("Yes".to_owned(), MAX_ASKING)]));
    assert_eq!(hooks.ask(&one_more, now).await, HookAnswer::Yes);
}
