//! Objects: the cache and its key, who asks the store, conditions, ranges, time to live, errors.

use crate::support::{Site, changed, template};

const MULTI: [(&str, &str); 1] = [("authorization", "Bearer good-other")];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_copy_for_all_readers() {
    let site = Site::start(&[]).await;
    site.put("a.txt", "hello", &[("content-type", "text/plain")]).await;
    let refused = site.get("/a.txt").await;
    assert_eq!((refused.status.as_u16(), refused.header("x-cache")), (403, "LambdaGeneratedResponse from cloudfront"));
    let first = site.read("/a.txt?authorization=a", &[("cookie", "t=1")]).await;
    assert_eq!((first.status.as_u16(), first.text()), (200, "hello"));
    assert_eq!(first.header("x-cache"), "Miss from cloudfront");
    assert_eq!(first.header("content-type"), "text/plain");
    assert!(first.header("via").ends_with("(CloudFront)") && first.header("x-amz-cf-id").len() == 56);
    let second = site.ask("GET", "/a.txt", &MULTI).await;
    assert_eq!((second.text(), second.header("x-cache")), ("hello", "Hit from cloudfront"));
    assert!(second.header("age").parse::<u64>().is_ok());
    // A cached object is not served unasked.
    assert_eq!(site.get("/a.txt").await.status, 403);
    let log = site.log.get();
    assert!(!log.contains("good-token") && !log.contains("authorization"), "{log}");
    let lines = site.log_lines();
    assert_eq!((lines[1]["path"].as_str(), lines[1]["status"].as_u64()), (Some("/a.txt"), Some(200)));
    assert!(lines[1]["function_ms"].as_f64().unwrap() > 0.0);
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_policy_makes_the_key() {
    let keyed = changed(&[
        ("QueryStringBehavior: none", "QueryStringBehavior: whitelist, QueryStrings: [v]"),
        ("HeaderBehavior: none", "HeaderBehavior: whitelist, Headers: [X-Kind]"),
    ]);
    let site = Site::of(vec![template(keyed)]).await;
    site.put("open/a", "hello", &[]).await;
    for (target, kind, expected) in [
        ("/open/a?v=1", "x", "Miss"),
        ("/open/a?v=1&other=2", "x", "Hit"),
        ("/open/a?v=2", "x", "Miss"),
        ("/open/a?v=1", "y", "Miss"),
        ("/open/a", "x", "Miss"),
        ("/open/a?other=3", "x", "Hit"),
    ] {
        let answer = site.ask("GET", target, &[("x-kind", kind), ("accept", target)]).await;
        assert_eq!(answer.header("x-cache"), format!("{expected} from cloudfront"), "{target} {kind}");
    }
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_access_control_the_store_refuses() {
    let unsigned =
        Site::start(&[("Signed: { Type: String, Default: \"yes\" }", "Signed: { Type: String, Default: \"no\" }")])
            .await;
    unsigned.put("a.txt", "hello", &[]).await;
    let refused = unsigned.read("/a.txt", &[]).await;
    assert_eq!((refused.status.as_u16(), refused.header("x-cache")), (403, "Error from cloudfront"));
    assert!(refused.text().contains("AccessDenied"));
    unsigned.stop().await;

    let never = Site::start(&[("SigningBehavior: always", "SigningBehavior: never")]).await;
    never.put("a.txt", "hello", &[]).await;
    assert_eq!(never.read("/a.txt", &[]).await.status, 403);
    never.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_buckets_policy_counts() {
    let narrow = Site::start(&[("${Bucket.Arn}/*", "${Bucket.Arn}/years/*")]).await;
    narrow.put("years/a", "hello", &[]).await;
    narrow.put("b", "hello", &[]).await;
    assert_eq!(narrow.read("/years/a", &[]).await.status, 200);
    assert_eq!(narrow.read("/b", &[]).await.status, 403);
    // S3 says that something is not there to those alone who may list.
    assert_eq!(narrow.read("/years/none", &[]).await.status, 404);
    assert!(narrow.read("/", &[]).await.text().contains("ListBucketResult"));
    narrow.stop().await;
    let no_list = Site::start(&[("s3:ListBucket", "s3:GetBucketLocation")]).await;
    assert_eq!(no_list.read("/none", &[]).await.status, 403);
    assert_eq!(no_list.read("/", &[]).await.status, 403);
    no_list.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ranges_and_conditions() {
    let site = Site::start(&[]).await;
    let large: Vec<u8> = (0..2_500_000_u32).map(|number| (number % 251) as u8).collect();
    site.put("open/large", large.clone(), &[("content-disposition", "attachment")]).await;
    let part = site.ask("GET", "/open/large", &[("range", "bytes=1048570-1048585")]).await;
    assert_eq!((part.status.as_u16(), part.header("content-range")), (206, "bytes 1048570-1048585/2500000"));
    assert_eq!(part.body, &large[1_048_570..1_048_586]);
    let whole = site.get("/open/large").await;
    assert_eq!((whole.status.as_u16(), whole.header("content-disposition")), (200, "attachment"));
    assert!(whole.body == large);
    let etag = whole.header("etag").to_owned();
    let last = site.ask("GET", "/open/large", &[("range", "bytes=-5"), ("if-range", &etag)]).await;
    assert_eq!((last.status.as_u16(), &last.body[..]), (206, &large[2_499_995..]));
    let beyond = site.ask("GET", "/open/large", &[("range", "bytes=2500000-")]).await;
    assert_eq!((beyond.status.as_u16(), beyond.header("content-range")), (416, "bytes */2500000"));
    let same = site.ask("GET", "/open/large", &[("if-none-match", &etag), ("range", "bytes=0-1")]).await;
    assert_eq!((same.status.as_u16(), same.body.len()), (304, 0));
    assert_eq!(site.ask("GET", "/open/large", &[("if-match", "\"other\"")]).await.status, 412);
    let head = site.ask("HEAD", "/open/large", &[]).await;
    assert_eq!((head.status.as_u16(), head.header("content-length"), head.body.len()), (200, "2500000", 0));
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn times_to_live() {
    let site = Site::start(&[]).await;
    site.put("open/kept", "1", &[]).await;
    site.put("open/private", "1", &[("cache-control", "private, max-age=60")]).await;
    site.put("open/stale", "1", &[("cache-control", "max-age=0")]).await;
    for target in ["/open/kept", "/open/private", "/open/stale"] {
        assert_eq!(site.get(target).await.header("x-cache"), "Miss from cloudfront");
    }
    assert_eq!(site.get("/open/kept").await.header("x-cache"), "Hit from cloudfront");
    assert_eq!(site.get("/open/private").await.header("x-cache"), "Miss from cloudfront");
    assert_eq!(site.get("/open/stale").await.header("x-cache"), "RefreshHit from cloudfront");
    // A new version is seen where the old one is stale, and only there.
    site.put("open/kept", "2", &[]).await;
    site.put("open/stale", "2", &[]).await;
    assert_eq!((site.get("/open/kept").await.text(), site.get("/open/stale").await.text()), ("1", "2"));
    site.stop().await;

    let disabled = Site::start(&[("DefaultTTL: 300", "DefaultTTL: 0"), ("MaxTTL: 31536000", "MaxTTL: 0")]).await;
    disabled.put("open/a", "1", &[]).await;
    disabled.get("/open/a").await;
    assert_eq!(disabled.get("/open/a").await.header("x-cache"), "Miss from cloudfront");
    disabled.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_are_remembered_unless_the_template_says_no() {
    let site = Site::start(&[]).await;
    assert_eq!(site.get("/open/late").await.status, 404);
    site.put("open/late", "here", &[]).await;
    assert_eq!(site.get("/open/late").await.text(), "here");
    site.stop().await;

    let default = Site::start(&[("\n          - { ErrorCode: 404, ErrorCachingMinTTL: 0 }", "")]).await;
    assert_eq!(default.get("/open/late").await.status, 404);
    default.put("open/late", "here", &[]).await;
    assert_eq!(default.get("/open/late").await.status, 404);
    default.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_in_the_place_of_errors() {
    let with_page =
        "{ ErrorCode: 404, ErrorCachingMinTTL: 0, ResponseCode: 200, ResponsePagePath: /open/missing.html }";
    let site = Site::start(&[("{ ErrorCode: 404, ErrorCachingMinTTL: 0 }", with_page)]).await;
    assert_eq!(site.get("/open/none").await.status, 404);
    site.put("open/missing.html", "<p>not here", &[("content-type", "text/html")]).await;
    let page = site.get("/open/none").await;
    assert_eq!((page.status.as_u16(), page.text(), page.header("content-type")), (200, "<p>not here", "text/html"));
    assert_eq!(page.header("x-cache"), "Error from cloudfront");
    // A function's own answer is not replaced.
    assert_eq!(site.get("/x?do=teapot").await.status, 418);
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_as_s3_reads_them() {
    let site = Site::start(&[]).await;
    site.put("open/a%20b", "space", &[]).await;
    site.put("open/a%2Bb", "plus", &[]).await;
    assert_eq!(site.get("/open/a%20b").await.text(), "space");
    assert_eq!(site.get("/open/a+b").await.text(), "space");
    assert_eq!(site.get("/open/a%2Bb").await.text(), "plus");
    assert_eq!(site.get("/open/%FF").await.status, 400);
    site.stop().await;
}
