//! Behaviours: their order, methods, OPTIONS, and response headers policies.

use crate::support::{Site, send};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_pattern_counts() {
    let site = Site::start(&[]).await;
    for key in ["open/a.txt", "open/a", "opener"] {
        site.put(key, "1", &[]).await;
    }
    // /open/*.txt has no response headers policy, /open/* has one, and neither has a function.
    let first = site.get("/open/a.txt").await;
    assert_eq!((first.status.as_u16(), first.headers.contains_key("referrer-policy")), (200, false));
    let second = site.get("/open/a").await;
    assert_eq!((second.status.as_u16(), second.header("referrer-policy")), (200, "no-referrer"));
    assert_eq!(site.get("/opener").await.status, 403);
    assert_eq!(site.get("/Open/a").await.status, 403);
    // Patterns see the normal path, the origin the raw one.
    assert_eq!(site.get("/x/..//open/a").await.status, 404);
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn methods() {
    let site = Site::start(&[]).await;
    for (method, target) in [("PUT", "/a"), ("POST", "/a"), ("OPTIONS", "/open/a"), ("PROPFIND", "/a")] {
        let refused = site.ask(method, target, &[]).await;
        assert_eq!(
            (refused.status.as_u16(), refused.header("x-cache")),
            (403, "Error from cloudfront"),
            "{method} {target}"
        );
        assert!(refused.text().contains("HTTP request method"), "{method} {target}");
        assert!(!refused.headers.contains_key("referrer-policy"));
    }
    let with_body = send(site.address, "GET", "/open/a", &[], "body".into()).await;
    assert_eq!(with_body.status, 403);
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn preflights() {
    let asked = [("origin", "https://app.example"), ("access-control-request-method", "GET")];
    let site = Site::start(&[]).await;
    let by_function = site.ask("OPTIONS", "/a", &asked).await;
    assert_eq!((by_function.status.as_u16(), by_function.header("x-preflight")), (204, "function"));
    // No policy lets the headers through to the bucket, and S3 does not answer without them.
    let by_bucket = site.ask("OPTIONS", "/open/a.txt", &asked).await;
    assert_eq!(by_bucket.status, 400, "{}", by_bucket.text());
    site.stop().await;

    let policy = "CachePolicyId: !Ref CachePolicy\n            OriginRequestPolicyId: 88a5eaf4-2fd4-4709-b370-b4c650ea3fcf\n            ResponseHeadersPolicyId: !Ref ResponseHeaders";
    let forwarding = Site::start(&[("CachePolicyId: !Ref CachePolicy", policy)]).await;
    // The bucket has no rule for this origin: it refuses, and yet the response headers policy adds its own.
    let refused = forwarding.ask("OPTIONS", "/open/a.txt", &asked).await;
    assert_eq!((refused.status.as_u16(), refused.header("access-control-allow-methods")), (403, "GET, HEAD, OPTIONS"));
    forwarding.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn headers_for_viewers() {
    let own = [("cache-control", "max-age=60")];
    let site = Site::start(&[]).await;
    site.put("a", "1", &own).await;
    for (origin, allowed) in [("https://app.example", "https://app.example"), ("https://evil.example", "")] {
        let answer = site.read("/a", &[("origin", origin)]).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("access-control-allow-origin"), allowed, "{origin}");
        assert_eq!(answer.header("cache-control"), "private, no-cache");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("x-kind"), "files");
        assert!(!answer.headers.contains_key("access-control-allow-methods"));
    }
    // Errors of the origin have them, too; what the function makes has its own alone.
    assert_eq!(site.read("/none", &[("origin", "https://app.example")]).await.header("x-kind"), "files");
    let made = site.ask("GET", "/a", &[("origin", "https://app.example")]).await;
    assert!(!made.headers.contains_key("x-kind") && !made.headers.contains_key("access-control-allow-origin"));
    site.stop().await;

    let under =
        Site::start(&[("\"private, no-cache\", Override: true", "\"private, no-cache\", Override: false")]).await;
    under.put("a", "1", &own).await;
    assert_eq!(under.read("/a", &[]).await.header("cache-control"), "max-age=60");
    under.put("b", "1", &[]).await;
    assert_eq!(under.read("/b", &[]).await.header("cache-control"), "private, no-cache");
    under.stop().await;
}
