//! Copies of objects and of parts, and what is told of an object apart from its bytes.

use crate::multipart::Upload;
use crate::support::{Answer, BUCKET, Site, object};

const BIG: usize = 5 * 1024 * 1024;

async fn copy(site: &Site, from: &str, to: &str, headers: &[(&str, &str)]) -> Answer {
    let source = object(from);
    let mut ask = site.ask("PUT", &object(to)).header("x-amz-copy-source", &source);
    for (name, value) in headers {
        ask = ask.header(name, value);
    }
    ask.signed().send().await
}

#[tokio::test]
async fn a_copy_shares_the_bytes_and_outlives_its_source() {
    let site = Site::start().await;
    let put = site.ask("PUT", &object("a")).header("content-type", "text/x").header("x-amz-meta-a", "b").body("hello");
    let etag = put.signed().send().await.header("etag").to_owned();
    for odd in ["b", "ü ?versionId=x", "a+b%20c&d", "../x//", "%41"] {
        let copied = copy(&site, "a", odd, &[]).await;
        assert_eq!((copied.status.as_u16(), copied.tag("ETag")), (200, etag.as_str()), "{odd}: {}", copied.text());
        assert_eq!(copy(&site, odd, "back", &[]).await.status, 200, "{odd}");
        assert_eq!(site.get("back").await.text(), "hello", "{odd}");
    }
    assert_eq!(site.files(), 1);
    let got = site.get("b").await;
    assert_eq!((got.header("content-type"), got.header("x-amz-meta-a")), ("text/x", "b"));
    for key in ["a", "ü ?versionId=x", "a+b%20c&d", "../x//", "%41", "back"] {
        site.ask("DELETE", &object(key)).signed().send().await;
    }
    assert_eq!(site.get("b").await.text(), "hello");
    site.put("b", "other").await;
    assert_eq!(site.files(), 1);
    assert_eq!(copy(&site, "a", "c", &[]).await.verdict(), "404 NoSuchKey");
    let none = site.ask("PUT", &object("c")).header("x-amz-copy-source", "/none/a").signed().send().await;
    assert_eq!(none.verdict(), "404 NoSuchBucket");
}

#[tokio::test]
async fn headers_are_copied_or_replaced() {
    let site = Site::start().await;
    let put = site.ask("PUT", &object("a")).header("content-type", "text/x").header("x-amz-meta-a", "b").body("hello");
    put.signed().send().await;
    assert_eq!(copy(&site, "a", "a", &[]).await.verdict(), "400 InvalidRequest");
    let replace = [("x-amz-metadata-directive", "REPLACE"), ("content-type", "text/y"), ("x-amz-meta-c", "d")];
    assert_eq!(copy(&site, "a", "a", &replace).await.status, 200);
    let got = site.get("a").await;
    assert_eq!((got.text(), got.header("content-type")), ("hello", "text/y"));
    assert_eq!((got.header("x-amz-meta-a"), got.header("x-amz-meta-c")), ("", "d"));
    assert_eq!(copy(&site, "a", "b", &[("x-amz-metadata-directive", "MOVE")]).await.verdict(), "400 InvalidArgument");
    let checked = copy(&site, "a", "b", &[("x-amz-checksum-algorithm", "SHA256")]).await;
    assert_eq!(checked.tag("ChecksumSHA256"), "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=");
    assert_eq!(site.files(), 1);
}

#[tokio::test]
async fn conditions_of_a_copy() {
    let site = Site::start().await;
    let etag = site.put("a", "hello").await.header("etag").to_owned();
    let (before, after) = ("Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 2094 08:49:37 GMT");
    for (name, value, status) in [
        ("x-amz-copy-source-if-match", etag.as_str(), 200),
        ("x-amz-copy-source-if-match", "\"x\"", 412),
        ("x-amz-copy-source-if-none-match", etag.as_str(), 412),
        ("x-amz-copy-source-if-none-match", "\"x\"", 200),
        ("x-amz-copy-source-if-modified-since", before, 200),
        ("x-amz-copy-source-if-modified-since", after, 412),
        ("x-amz-copy-source-if-unmodified-since", before, 412),
        ("x-amz-copy-source-if-unmodified-since", after, 200),
        ("if-none-match", "*", 412),
    ] {
        assert_eq!(copy(&site, "a", "b", &[(name, value)]).await.status, status, "{name}: {value}");
    }
    assert_eq!(copy(&site, "a", "new", &[("if-none-match", "*")]).await.status, 200);
}

#[tokio::test]
async fn parts_are_copied_from_objects() {
    let site = Site::start().await;
    let source: String = "0123456789".repeat(BIG / 10 + 1);
    site.put("source", &source).await;
    let upload = Upload::begin(&site, "k", &[]).await;
    let mut parts = Vec::new();
    for (number, range) in [(1, Some((0, BIG - 1))), (2, Some((7, BIG + 6))), (3, None)] {
        let target = upload.target(&format!("partNumber={number}&"));
        let mut ask = site.ask("PUT", &target).header("x-amz-copy-source", &format!("{BUCKET}/source"));
        if let Some((first, last)) = range {
            ask = ask.header("x-amz-copy-source-range", &format!("bytes={first}-{last}"));
        }
        let copied = ask.signed().send().await;
        assert_eq!(copied.status, 200, "{}", copied.text());
        parts.push((number, copied.tag("ETag").to_owned()));
    }
    let target = upload.target("partNumber=4&");
    let ask = || site.ask("PUT", &target).header("x-amz-copy-source", &format!("{BUCKET}/source"));
    let beyond = ask().header("x-amz-copy-source-range", "bytes=0-99999999").signed().send().await;
    assert_eq!(beyond.verdict(), "400 InvalidRequest");
    let odd = ask().header("x-amz-copy-source-range", "bytes=1-").signed().send().await;
    assert_eq!(odd.verdict(), "400 InvalidArgument");
    let other = ask().header("x-amz-copy-source-if-match", "\"x\"").signed().send().await;
    assert_eq!(other.verdict(), "412 PreconditionFailed");

    let done = upload.complete(&parts).await;
    assert_eq!(done.status, 200, "{}", done.text());
    let expected = [&source[..BIG], &source[7..BIG + 7], &source].concat();
    assert_eq!(site.get("k").await.text(), expected);

    // A copy of an object in parts shares them all.
    let files = site.files();
    assert_eq!(copy(&site, "k", "copy", &[]).await.status, 200);
    assert_eq!(site.files(), files);
    site.ask("DELETE", &object("k")).signed().send().await;
    assert_eq!(site.get("copy").await.text(), expected);
    site.ask("DELETE", &object("copy")).signed().send().await;
    assert_eq!(site.files(), 1);
}

#[tokio::test]
async fn attributes_of_an_object() {
    let site = Site::start().await;
    site.put("plain", "hello").await;
    let ask = |key: &str, names: &str| {
        site.ask("GET", &format!("{}?attributes", object(key))).header("x-amz-object-attributes", names).signed().send()
    };
    let plain = ask("plain", "ETag,Checksum,ObjectParts,StorageClass,ObjectSize").await;
    assert_eq!((plain.tag("ObjectSize"), plain.tag("StorageClass")), ("5", "STANDARD"));
    assert_eq!((plain.tag("ChecksumCRC64NVME"), plain.tag("ChecksumType")), ("M3eFcAZSQlc=", "FULL_OBJECT"));
    assert!(!plain.text().contains("ObjectParts"));
    let upload = Upload::begin(&site, "k", &[("x-amz-checksum-algorithm", "SHA256")]).await;
    let mut parts = Vec::new();
    for (number, length) in [(1, BIG), (2, 3)] {
        parts.push((number, upload.part(number, vec![7; length]).await.header("etag").to_owned()));
    }
    upload.complete(&parts).await;
    let parts = ask("k", "ObjectParts").await;
    assert_eq!(
        (parts.tags("PartNumber"), parts.tags("Size")),
        (vec!["1".into(), "2".into()], vec![BIG.to_string(), "3".into()])
    );
    assert_eq!(parts.tag("IsTruncated"), "false");
    assert!(!parts.text().contains("ObjectSize"));
    assert_eq!(ask("k", "Colour").await.verdict(), "400 InvalidArgument");
}
