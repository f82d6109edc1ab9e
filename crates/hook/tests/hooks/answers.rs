//! What is asked, what is an answer, and what is none.

use std::time::{Duration, Instant};

use authorizer::HookAnswer;
use hook::{HookSettings, HookUrl, Trouble};
use serde_json::json;

use crate::app::{App, Reply};
use crate::site::{NOW, Site};
use crate::{YES, open};

#[tokio::test]
async fn what_is_asked() {
    let app = App::start(|_| Reply::Says(YES)).await;
    let secret = Some("s3cret".to_owned().into());
    let hooks = open([HookSettings { secret, ..app.settings("app") }]);
    let (site, now) = (Site::new(&[0]), Instant::now());
    let claims = json!({"sub": "zoë", "teams": ["a", "b"], "deep": {"n": 1.5}});
    let asked = site.asked(&hooks, "/t/ü \"x\".png", &claims);
    assert_eq!(hooks.known(&asked, now), HookAnswer::Unknown);
    assert_eq!(hooks.ask(&asked, now).await, HookAnswer::Yes);
    assert_eq!(hooks.known(&asked, now), HookAnswer::Yes);

    let request = app.last();
    assert_eq!(request.line, "POST /ask?code=7 HTTP/1.1");
    assert_eq!(request.headers["authorization"], "Bearer s3cret");
    assert_eq!(request.headers["content-type"], "application/json");
    assert_eq!(request.headers["host"], app.address.to_string());
    let mut input = request.input();
    for number in 0..9 {
        assert_eq!(input["claims"].as_object_mut().unwrap().remove(&format!("role{number}")), Some(json!(true)));
    }
    let mut claims = claims;
    claims["iss"] = json!("https://app.example");
    claims["aud"] = json!("files");
    claims["exp"] = json!(NOW + 60);
    let expected =
        json!({"action": "read", "route": "files", "path": "/t/ü \"x\".png", "issuer": "app", "claims": claims});
    assert_eq!(input, expected);
    let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
    assert_eq!(body.as_object().unwrap().len(), 1);
}

#[tokio::test]
async fn no_token_and_nothing_unasked_for() {
    let app = App::start(|_| Reply::Says(YES)).await;
    let hooks = open([app.settings("app")]);
    let site = Site::new(&[0]);
    let token = site.token(&json!({}));
    let (decision, _) = site.decide(hook::Inquiry::new(&hooks, Instant::now()), "/a", &[&token]).await;
    decision.unwrap();
    let request = app.last();
    assert!(!request.headers.contains_key("authorization"));
    let sent = format!("{}{:?}{}", request.line, request.headers, String::from_utf8_lossy(&request.body));
    for part in token.split('.') {
        assert!(!sent.contains(part), "{part}");
    }
}

#[tokio::test]
async fn yes_and_no_in_all_forms() {
    for (body, expected) in [
        (r#"{"result":true}"#, HookAnswer::Yes),
        (r#"{"result":false}"#, HookAnswer::No),
        (r#"{"result":{"allow":true}}"#, HookAnswer::Yes),
        (r#"{"result":{"allow":false}}"#, HookAnswer::No),
        (r#"{"allow":true}"#, HookAnswer::Yes),
        (r#"{"allow":false}"#, HookAnswer::No),
        (r#"{"decision_id":"0b1","metrics":{"timer":1},"result":{"allow":true,"why":["member"]}}"#, HookAnswer::Yes),
    ] {
        let app = App::start(move |_| Reply::Says(body)).await;
        let (hooks, site, now) = (open([app.settings("app")]), Site::new(&[0]), Instant::now());
        let asked = site.asked(&hooks, "/a", &json!({}));
        assert_eq!(hooks.ask(&asked, now).await, expected, "{body}");
        assert_eq!(hooks.known(&asked, now), expected, "{body}");
    }
}

fn raw(text: &str) -> Vec<u8> {
    text.as_bytes().to_vec()
}

fn status(line: &str) -> Vec<u8> {
    format!("HTTP/1.1 {line}\r\nContent-Length: 15\r\n\r\n{YES}").into_bytes()
}

/// Every one of these has a yes in it, or could pass for one.
#[tokio::test]
async fn anything_else_is_away() {
    let huge = format!("HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n{}", " ".repeat(1 << 20));
    let just_too_large = format!("HTTP/1.1 200 OK\r\n\r\n{YES}{}", " ".repeat(hook::limits::MAX_ANSWER));
    let large_head = format!("HTTP/1.1 200 OK\r\nX: {}\r\nContent-Length: 15\r\n\r\n{YES}", "x".repeat(64 << 10));
    let deep = format!("HTTP/1.1 200 OK\r\n\r\n{{\"result\":{}true{}}}", "[".repeat(5000), "]".repeat(5000));
    let twice = r#"{"result":false,"result":true}"#;
    let broken = Trouble::Broken(String::new());
    for (answer, expected) in [
        (status("500 Internal Server Error"), Trouble::Status(500)),
        (status("201 Created"), Trouble::Status(201)),
        (raw("HTTP/1.1 204 No Content\r\n\r\n"), Trouble::Status(204)),
        (status("206 Partial Content"), Trouble::Status(206)),
        (status("304 Not Modified"), Trouble::Status(304)),
        (status("401 Unauthorized"), Trouble::Status(401)),
        (status("403 Forbidden"), Trouble::Status(403)),
        (status("404 Not Found"), Trouble::Status(404)),
        (status("503 Service Unavailable"), Trouble::Status(503)),
        (raw("HTTP/1.1 200 OK\r\n\r\n<html>true</html>"), Trouble::NotJson),
        (raw(&format!("HTTP/1.1 200 OK\r\n\r\n{twice}")), Trouble::NotJson),
        (raw("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), Trouble::NotJson),
        (raw("HTTP/1.1 200 OK\r\n\r\n{\"allow\":1}"), Trouble::NoVerdict),
        (raw("HTTP/1.1 200 OK\r\n\r\n{}"), Trouble::NoVerdict),
        (deep.into_bytes(), Trouble::NotJson),
        (huge.into_bytes(), Trouble::TooLarge),
        (just_too_large.into_bytes(), Trouble::TooLarge),
        (raw("HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n{\"result\":true}"), broken.clone()),
        (raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nf\r\n{\"result\":true}\r\n"), broken.clone()),
        (large_head.into_bytes(), broken.clone()),
        (raw(YES), broken.clone()),
        (raw("SSH-2.0-OpenSSH_9.6\r\n"), broken.clone()),
        (raw(""), broken.clone()),
    ] {
        let shown = String::from_utf8_lossy(&answer[..answer.len().min(80)]).into_owned();
        let app = App::start(move |_| Reply::Raw(answer.clone())).await;
        let (hooks, site, now) = (open([app.settings("app")]), Site::new(&[0]), Instant::now());
        let asked = site.asked(&hooks, "/a", &json!({}));
        assert_eq!(hooks.ask(&asked, now).await, HookAnswer::Away, "{shown}");
        assert_eq!(hooks.known(&asked, now), HookAnswer::Away, "{shown}");
        let trouble = hooks.status(now)[0].last_trouble.clone().unwrap();
        match (&trouble, &expected) {
            (Trouble::Broken(_), Trouble::Broken(_)) => {}
            _ => assert_eq!(trouble, expected, "{shown}"),
        }
    }
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let elsewhere = App::start(|_| Reply::Says(YES)).await;
    for code in [301, 302, 303, 307, 308] {
        let to = format!("HTTP/1.1 {code} R\r\nLocation: http://{}/\r\nContent-Length: 0\r\n\r\n", elsewhere.address);
        let app = App::start(move |_| Reply::Raw(raw(&to))).await;
        let hooks = open([app.settings("app")]);
        let asked = Site::new(&[0]).asked(&hooks, "/a", &json!({}));
        assert_eq!(hooks.ask(&asked, Instant::now()).await, HookAnswer::Away, "{code}");
    }
    assert_eq!(elsewhere.asked(), 0);
}

/// A hang before the head, heads without end, a body without end: each is over when the timeout is.
#[tokio::test]
async fn slow_answers() {
    type MakeReply = fn() -> Reply;
    const PACE: Duration = Duration::from_millis(20);
    let replies: [(&str, MakeReply); 4] = [
        ("hang", || Reply::Hangs),
        ("head", || Reply::Drips(b"HTTP/1.1 200 OK\r\nX: ", b"x", PACE)),
        ("heads", || Reply::Drips(b"", b"HTTP/1.1 100 Continue\r\n\r\n", PACE)),
        ("body", || Reply::Drips(b"HTTP/1.1 200 OK\r\n\r\n{\"result\":true}", b" ", PACE)),
    ];
    for (name, reply) in replies {
        let app = App::start(move |_| reply()).await;
        let timeout = Duration::from_millis(300);
        let hooks = open([HookSettings { timeout, ..app.settings("app") }]);
        let asked = Site::new(&[0]).asked(&hooks, "/a", &json!({}));
        let begun = Instant::now();
        assert_eq!(hooks.ask(&asked, begun).await, HookAnswer::Away, "{name}");
        let took = begun.elapsed();
        assert!(took >= timeout && took < timeout + Duration::from_secs(2), "{name}: {took:?}");
        assert_eq!(hooks.status(begun)[0].last_trouble, Some(Trouble::Slow), "{name}");
    }
}

#[tokio::test]
async fn nobody_there() {
    let address = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let url = HookUrl::parse(&format!("http://{address}/")).unwrap();
    let hooks = open([HookSettings::new("app".to_owned(), url)]);
    let (asked, now) = (Site::new(&[0]).asked(&hooks, "/a", &json!({})), Instant::now());
    assert_eq!(hooks.ask(&asked, now).await, HookAnswer::Away);
    let trouble = hooks.status(now)[0].last_trouble.clone();
    assert_eq!(trouble, Some(Trouble::Unreachable("connection refused".to_owned())));
}

/// What speaks plain HTTP behind an https URL is not believed.
#[tokio::test]
async fn https_is_https() {
    let app = App::start(|_| Reply::Says(YES)).await;
    let url = HookUrl::parse(&format!("https://{}/", app.address)).unwrap();
    let hooks = open([HookSettings::new("app".to_owned(), url)]);
    let (asked, now) = (Site::new(&[0]).asked(&hooks, "/a", &json!({})), Instant::now());
    let answer = tokio::time::timeout(Duration::from_secs(10), hooks.ask(&asked, now)).await.unwrap();
    assert_eq!(answer, HookAnswer::Away);
    assert_eq!(app.asked(), 0);
}

/// An app that closes a kept connection just as the next question comes is asked once more.
#[tokio::test]
async fn a_kept_connection_that_closes() {
    let app = App::start(|request| if request.number == 1 { Reply::Says(YES) } else { Reply::Raw(Vec::new()) }).await;
    let (hooks, site, now) = (open([app.settings("app")]), Site::new(&[0]), Instant::now());
    for path in ["/a", "/b", "/c"] {
        assert_eq!(hooks.ask(&site.asked(&hooks, path, &json!({})), now).await, HookAnswer::Yes, "{path}");
    }
    assert_eq!(hooks.status(now)[0].failures, 0);
}

#[tokio::test]
async fn what_nobody_can_be_asked() {
    let app = App::start(|_| Reply::Says(YES)).await;
    let (hooks, site) = (open([app.settings("app")]), Site::new(&[0]));
    let longest = json!({ "text": "x".repeat(5500) });
    assert!(site.asked_at(0, &hooks, "/a", &longest).is_some(), "a token of 8 KiB can be asked about");
    assert!(site.asked_at(1, &hooks, "/a", &json!({})).is_none(), "there is no such hook");
    let nameless = hook::Hooks::open(vec![app.settings("app")], Vec::new(), tokio::runtime::Handle::current()).unwrap();
    assert!(site.asked_at(0, &nameless, "/a", &json!({})).is_none(), "there is no such issuer");
}
