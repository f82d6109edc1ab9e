//! Lambda@Edge: what a function is shown, and what becomes of what it does.

use crate::support::Site;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_event() {
    let site = Site::start(&[]).await;
    let headers =
        [("accept", "a"), ("accept", "b"), ("host", "files.example"), ("x-edge-y", "no"), ("x-real-ip", "no")];
    let answer = site.ask("GET", "/a%20b/%C3%A9?do=event&x=%20&x", &headers).await;
    let event = answer.json();
    let cf = &event["Records"][0]["cf"];
    let id = cf["config"]["requestId"].as_str().unwrap();
    assert_eq!(id, answer.header("x-amz-cf-id"));
    assert_eq!(cf["config"]["eventType"], "viewer-request");
    let request = &cf["request"];
    assert_eq!((&request["method"], &request["clientIp"]), (&"GET".into(), &"127.0.0.1".into()));
    assert_eq!((&request["uri"], &request["querystring"]), (&"/a%20b/%C3%A9".into(), &"do=event&x=%20&x".into()));
    let expected = serde_json::json!({
        "host": [{ "key": "Host", "value": "files.example" }],
        "accept": [{ "key": "Accept", "value": "a" }, { "key": "Accept", "value": "b" }],
    });
    assert_eq!(request["headers"], expected);
    assert_eq!(answer.header("x-cache"), "LambdaGeneratedResponse from cloudfront");
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clean_environment() {
    let site = Site::start(&[]).await;
    let environment = site.get("/?do=environment").await.json();
    let names: Vec<_> = environment.as_object().unwrap().keys().map(String::as_str).collect();
    for name in &names {
        let known = ["LAMBDA_TASK_ROOT", "PATH", "TZ", "_HANDLER"].contains(name) || name.starts_with("AWS_");
        assert!(known, "{name}");
        assert!(!name.contains("KEY") && !name.contains("TOKEN"), "{name}");
    }
    assert_eq!(environment["AWS_REGION"], "us-east-1");
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors() {
    let site = Site::start(&[]).await;
    for what in ["throw", "exit"] {
        let answer = site.get(&format!("/?do={what}")).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("x-cache")),
            (503, "LambdaExecutionError from cloudfront"),
            "{what}"
        );
        // What it threw is for the developer, not for viewers.
        assert!(!answer.text().contains("as asked"));
    }
    assert!(
        site.output.get().contains("EdgeFunction: the function failed: Error(\"Error: as asked\")"),
        "{}",
        site.output.get()
    );
    for what in ["number", "nothing", "host", "long", "relative", "header&name=x-edge-a", "header&name=Upper"] {
        let answer = site.get(&format!("/?do={what}")).await;
        assert_eq!((answer.status.as_u16(), answer.header("x-cache")), (502, "Error from cloudfront"), "{what}");
    }
    assert!(site.output.get().contains("the header host is read-only"), "{}", site.output.get());
    assert_eq!(site.get("/?do=teapot").await.header("x-made"), "here");
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_answers() {
    let site = Site::start(&[]).await;
    assert_eq!(site.get("/?do=big&size=40960").await.body.len(), 40_960);
    assert_eq!(site.get("/?do=big&size=40961").await.status, 502);
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn late_functions() {
    let site = Site::start(&[]).await;
    let before = site.get("/?do=pid").await.text().to_owned();
    assert_eq!(site.get("/?do=pid").await.text(), before, "an instance is used again");
    for what in ["hang", "spin"] {
        let answer = site.get(&format!("/?do={what}")).await;
        assert_eq!(answer.status, 503, "{what}");
        let took = site.log_lines().last().unwrap()["function_ms"].as_f64().unwrap();
        assert!((2_000.0..15_000.0).contains(&took), "{took}");
    }
    let after = site.get("/?do=pid").await;
    assert_eq!(after.status, 200);
    assert_ne!(after.text(), before);
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_function_that_cannot_be_loaded() {
    let site = Site::start(&[("Handler: index.handler", "Handler: index.other")]).await;
    let answer = site.get("/").await;
    assert_eq!((answer.status.as_u16(), answer.header("x-cache")), (503, "LambdaExecutionError from cloudfront"));
    assert!(site.output.get().contains("index.other is not a function"), "{}", site.output.get());
    site.stop().await;
}
