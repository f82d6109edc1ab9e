//! CORS as a browser meets it.

use crate::support::{APP, BUCKET, Site, object};
use std::time::Duration;

#[tokio::test]
async fn preflights_need_no_signature() {
    let site = Site::start().await;
    let target = site.ask("PUT", &object("a")).presigned(Duration::from_mins(1)).target;
    let preflight = |origin: &str, method: &str| {
        site.ask("OPTIONS", &target)
            .header("origin", origin)
            .header("access-control-request-method", method)
            .header("access-control-request-headers", "content-type,x-amz-meta-a")
            .send()
    };
    let allowed = preflight(APP, "PUT").await;
    assert_eq!(allowed.status, 200);
    for (name, value) in [
        ("access-control-allow-origin", APP),
        ("access-control-allow-credentials", "true"),
        ("access-control-allow-methods", "GET, HEAD, PUT, POST"),
        ("access-control-allow-headers", "content-type, x-amz-meta-a"),
        ("access-control-expose-headers", "ETag"),
        ("access-control-max-age", "7200"),
        ("vary", "Origin"),
    ] {
        assert_eq!(allowed.header(name), value, "{name}");
    }
    for (origin, method) in [("https://evil.example", "PUT"), (APP, "DELETE"), ("null", "GET")] {
        let refused = preflight(origin, method).await;
        assert_eq!(refused.verdict(), "403 AccessForbidden");
        assert_eq!((refused.header("access-control-allow-origin"), refused.header("vary")), ("", "Origin"));
    }
    assert_eq!(site.ask("OPTIONS", &target).send().await.verdict(), "400 BadRequest");
    let elsewhere = site.ask("OPTIONS", "/no-bucket/a").header("origin", APP);
    let elsewhere = elsewhere.header("access-control-request-method", "GET").send().await;
    assert_eq!(elsewhere.verdict(), "403 AccessForbidden");
}

#[tokio::test]
async fn a_page_may_read_answers_and_refusals() {
    let site = Site::start().await;
    site.put("a", "x").await;
    let etag = site.get("a").await.header("etag").to_owned();
    let ask = || site.ask("GET", &object("a")).signed().header("origin", APP);
    for (answer, status) in [
        (ask().send().await, 200),
        (ask().header("range", "bytes=0-0").send().await, 206),
        (ask().header("if-none-match", &etag).send().await, 304),
        (ask().header("range", "bytes=9-").send().await, 416),
        (site.ask("GET", &object("a")).header("origin", APP).send().await, 403),
        (site.ask("GET", &object("none")).signed().header("origin", APP).send().await, 404),
    ] {
        assert_eq!(answer.status, status);
        assert_eq!(answer.header("access-control-allow-origin"), APP, "{status}");
        assert_eq!(answer.header("access-control-expose-headers"), "ETag", "{status}");
        assert_eq!(answer.header("vary"), "Origin", "{status}");
    }
    let evil = site.ask("GET", &object("a")).signed().header("origin", "https://evil.example").send().await;
    assert_eq!((evil.status.as_u16(), evil.header("access-control-allow-origin")), (200, ""));
    assert_eq!(site.get("a").await.header("vary"), "Origin");
}

#[tokio::test]
async fn rules_are_set_read_and_removed() {
    let site = Site::start().await;
    let cors = format!("/{BUCKET}?cors");
    let xml = "<CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod>\
               <MaxAgeSeconds>5</MaxAgeSeconds></CORSRule></CORSConfiguration>";
    assert_eq!(site.ask("PUT", &cors).body(xml).signed().send().await.status, 200);
    assert!(site.ask("GET", &cors).signed().send().await.text().contains("<AllowedOrigin>*</AllowedOrigin>"));
    let any = site.ask("GET", &object("a")).signed().header("origin", "https://any").send().await;
    assert_eq!(any.header("access-control-allow-origin"), "*");
    assert_eq!(any.header("access-control-allow-credentials"), "");

    let bad = xml.replace("GET", "PATCH");
    assert_eq!(site.ask("PUT", &cors).body(bad).signed().send().await.verdict(), "400 InvalidRequest");
    assert_eq!(site.ask("DELETE", &cors).signed().send().await.status, 204);
    assert_eq!(site.ask("GET", &cors).signed().send().await.verdict(), "404 NoSuchCORSConfiguration");
    let none = site.ask("GET", &object("a")).signed().header("origin", "https://any").send().await;
    assert_eq!(none.header("access-control-allow-origin"), "");
}
