//! The HTTP API and the native function behind it.

use serde_json::json;

use crate::support::{SECRET, Site, send};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_event_and_the_answer() {
    let site = Site::start(&[]).await;
    let headers = [
        ("content-type", "application/json"),
        ("authorization", "Bearer t"),
        ("cookie", "a=1; b=2"),
        ("x-several", "1"),
        ("x-several", "2"),
        ("host", "files.example"),
        ("edgepass-origin-secret", "a viewer's own"),
    ];
    let answer = send(site.address, "POST", "/_edgepass/session?x=1&x=2&y=%20", &headers, "{\"a\":1}".into()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("x-cache"), "Miss from cloudfront");
    let cookies: Vec<_> = answer.headers.get_all("set-cookie").iter().collect();
    assert_eq!(cookies, ["a=1; Path=/", "b=2"]);
    assert!(answer.header("x-deadline").parse::<u128>().unwrap() > 1_700_000_000_000);
    let told = answer.json();
    let event = &told["event"];
    assert_eq!((&event["version"], &event["routeKey"]), (&json!("2.0"), &json!("$default")));
    assert_eq!((&event["rawPath"], &event["rawQueryString"]), (&json!("/_edgepass/session"), &json!("x=1&x=2&y=%20")));
    assert_eq!(event["queryStringParameters"], json!({ "x": "1,2", "y": " " }));
    assert_eq!(event["cookies"], json!(["a=1", "b=2"]));
    assert_eq!((&event["body"], &event["isBase64Encoded"]), (&json!("{\"a\":1}"), &json!(false)));
    let headers = &event["headers"];
    assert_eq!((&headers["authorization"], &headers["x-several"]), (&json!("Bearer t"), &json!("1,2")));
    assert_eq!(headers["edgepass-origin-secret"], SECRET);
    assert_eq!(headers["host"], "regionalapi.execute-api.us-east-1.amazonaws.com");
    assert!(headers.get("cookie").is_none());
    let context = &event["requestContext"];
    assert_eq!((&context["http"]["method"], &context["stage"]), (&json!("POST"), &json!("$default")));
    let environment = &told["environment"];
    assert_eq!(
        (&environment["AWS_ACCESS_KEY_ID"], &environment["AWS_SESSION_TOKEN"]),
        (&json!("FUNCTION-AK"), &json!("FUNCTION-TOKEN"))
    );
    assert_eq!(environment["EDGEPASS_ORIGIN_SECRET"], SECRET);
    let log = site.log.get();
    assert!(!log.contains(SECRET) && !log.contains("x=1"), "{log}");
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_and_failures() {
    let site = Site::start(&[]).await;
    let binary = send(site.address, "PUT", "/_edgepass/a", &[("content-type", "image/png")], vec![0, 255].into()).await;
    assert_eq!(
        (&binary.json()["event"]["body"], &binary.json()["event"]["isBase64Encoded"]),
        (&json!("AP8="), &json!(true))
    );
    let none = site.get("/_edgepass/a").await;
    assert!(none.json()["event"].get("body").is_none());
    let failed = site.get("/_edgepass/fail").await;
    assert_eq!((failed.status.as_u16(), failed.text()), (500, "{\"message\":\"Internal Server Error\"}"));
    let large = send(site.address, "POST", "/_edgepass/a", &[], vec![0; (1 << 20) + 1].into()).await;
    assert_eq!(large.status, 413);
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_that_sends_the_host() {
    let site = Site::start(&[("Headers: [Host]", "Headers: [Accept]")]).await;
    assert_eq!(site.get("/_edgepass/a").await.status, 403);
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_that_drops_tokens() {
    let dropping = [
        ("HeaderBehavior: allExcept, Headers: [Host]", "HeaderBehavior: none"),
        ("CookieBehavior: all", "CookieBehavior: whitelist, Cookies: [b]"),
        ("QueryStringBehavior: all", "QueryStringBehavior: none"),
    ];
    let site = Site::start(&dropping).await;
    let headers = [("authorization", "Bearer t"), ("cookie", "a=1; b=2")];
    let event = site.ask("GET", "/_edgepass/a?x=1", &headers).await.json()["event"].take();
    assert!(event["headers"].get("authorization").is_none());
    assert_eq!((&event["cookies"], &event["rawQueryString"]), (&json!(["b=2"]), &json!("")));
    site.stop().await;
}
