//! Objects: what goes in comes out, and what was acknowledged stays.

use crate::support::{BUCKET, Site, object};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

#[tokio::test]
async fn an_object_comes_back_as_it_went_in() {
    let site = Site::start().await;
    let put = site
        .ask("PUT", &object("a/b"))
        .header("content-type", "image/png")
        .header("cache-control", "max-age=60")
        .header("content-disposition", "attachment; filename=\"a\"")
        .header("content-encoding", "gzip")
        .header("content-language", "de")
        .header("expires", "Sun, 06 Nov 1994 08:49:37 GMT")
        .header("x-amz-meta-colour", "blue")
        .body("hello")
        .signed()
        .send()
        .await;
    assert_eq!((put.status.as_u16(), put.header("etag")), (200, "\"5d41402abc4b2a76b9719d911017c592\""));
    for method in ["GET", "HEAD"] {
        let got = site.ask(method, &object("a/b")).signed().send().await;
        assert_eq!(got.text(), if method == "GET" { "hello" } else { "" });
        for (name, value) in [
            ("content-length", "5"),
            ("content-type", "image/png"),
            ("cache-control", "max-age=60"),
            ("content-disposition", "attachment; filename=\"a\""),
            ("content-encoding", "gzip"),
            ("content-language", "de"),
            ("expires", "Sun, 06 Nov 1994 08:49:37 GMT"),
            ("x-amz-meta-colour", "blue"),
            ("etag", "\"5d41402abc4b2a76b9719d911017c592\""),
            ("accept-ranges", "bytes"),
            ("server", "Edgepass"),
        ] {
            assert_eq!(got.header(name), value, "{method} {name}");
        }
        assert!(got.header("last-modified").ends_with(" GMT"));
    }
    site.put("plain", "").await;
    let plain = site.get("plain").await;
    assert_eq!((plain.header("content-type"), plain.header("content-length")), ("binary/octet-stream", "0"));
}

#[tokio::test]
async fn the_signer_may_choose_the_headers_of_an_answer() {
    let site = Site::start().await;
    site.put("a", "x").await;
    let target = format!("{}?response-content-type=text%2Fplain&response-content-disposition=attachment", object("a"));
    let got = site.ask("GET", &target).signed().send().await;
    assert_eq!((got.header("content-type"), got.header("content-disposition")), ("text/plain", "attachment"));
}

#[tokio::test]
async fn ranges_and_conditions() {
    let site = Site::start().await;
    let etag = site.put("a", "0123456789").await.header("etag").to_owned();
    for (name, value, status, body) in [
        ("range", "bytes=2-4", 206, "234"),
        ("range", "bytes=-3", 206, "789"),
        ("range", "bytes=7-", 206, "789"),
        ("range", "bytes=0-0,5-6", 200, "0123456789"),
        ("range", "octets=1-2", 200, "0123456789"),
        ("if-none-match", &etag, 304, ""),
        ("if-none-match", "\"x\", *", 304, ""),
        ("if-none-match", "\"x\"", 200, "0123456789"),
        ("if-modified-since", "Sun, 06 Nov 1994 08:49:37 GMT", 200, "0123456789"),
        ("if-modified-since", "nonsense", 200, "0123456789"),
    ] {
        let got = site.ask("GET", &object("a")).signed().header(name, value).send().await;
        assert_eq!((got.status.as_u16(), got.text()), (status, body), "{name}: {value}");
        assert_eq!(got.header("etag"), etag);
    }
    let part = site.ask("GET", &object("a")).signed().header("range", "bytes=2-4").send().await;
    assert_eq!((part.header("content-range"), part.header("content-length")), ("bytes 2-4/10", "3"));
    let signed = site.ask("GET", &object("a")).header("range", "bytes=2-4").signed().send().await;
    assert_eq!(signed.text(), "234");
    let beyond = site.ask("GET", &object("a")).signed().header("range", "bytes=10-").send().await;
    assert_eq!((beyond.verdict().as_str(), beyond.header("content-range")), ("416 InvalidRange", "bytes */10"));
    let other = site.ask("GET", &object("a")).signed().header("if-match", "\"x\"").send().await;
    assert_eq!(other.verdict(), "412 PreconditionFailed");
    let head = site.ask("HEAD", &object("a")).signed().header("if-none-match", &etag).send().await;
    assert_eq!(head.status, 304);
}

#[tokio::test]
async fn large_objects_stream_in_and_out() {
    let site = Site::start().await;
    let lines: Vec<String> = (0..200_000).map(|n| format!("{n:07}\n")).collect();
    let body = lines.concat();
    site.put("large", &body).await;
    assert_eq!(site.get("large").await.text(), body);
    let part = site.ask("GET", &object("large")).signed().header("range", "bytes=8-1000007").send().await;
    assert_eq!(part.text(), &body[8..1_000_008]);
    assert_eq!(site.files(), 1);
}

#[tokio::test]
async fn deleting_is_idempotent_and_leaves_no_bytes() {
    let site = Site::start().await;
    site.put("a", "1").await;
    site.put("a", "2").await;
    assert_eq!(site.files(), 1);
    let xml = "<Delete><Object><Key>a</Key></Object></Delete>";
    let many = || site.ask("POST", &format!("/{BUCKET}?delete")).body(xml);
    assert_eq!(many().signed().send().await.verdict(), "400 InvalidRequest");
    let wrong = many().header("content-md5", "AAAAAAAAAAAAAAAAAAAAAA==").signed().send().await;
    assert_eq!(wrong.verdict(), "400 BadDigest");
    assert_eq!(site.get("a").await.text(), "2");
    for _ in 0..2 {
        assert_eq!(site.ask("DELETE", &object("a")).signed().send().await.status, 204);
    }
    assert_eq!(site.files(), 0);
    assert_eq!(site.get("a").await.verdict(), "404 NoSuchKey");
    assert_eq!(site.ask("HEAD", &object("a")).signed().send().await.status, 404);

    site.put("b", "1").await;
    let xml = "<Delete><Object><Key>b</Key></Object><Object><Key>none</Key></Object></Delete>";
    let deleted = site.ask("POST", &format!("/{BUCKET}?delete")).body(xml).digested().signed().send().await;
    assert!(deleted.text().contains("<Deleted><Key>b</Key></Deleted><Deleted><Key>none</Key></Deleted>"));
    assert_eq!(site.files(), 0);
}

#[tokio::test]
async fn any_key_is_its_own_object() {
    let site = Site::start().await;
    let long = "é".repeat(512);
    let keys = [
        "..",
        "../x",
        "a",
        "a/",
        "a//b",
        "a/../b",
        "/lead",
        "//",
        "é/ü",
        " ",
        "a+b",
        "a b",
        "%41",
        "A",
        "q?x=1#f",
        "back\\slash",
        "~!@$&*()=:;,'",
        "a.b",
        "[x]",
        "\u{1F600}",
        &long,
    ];
    for key in keys {
        assert_eq!(site.put(key, key).await.status, 200, "{key}");
    }
    for key in keys {
        assert_eq!(site.get(key).await.text(), key);
    }
    let listed = site.ask("GET", &format!("/{BUCKET}?list-type=2")).signed().send().await;
    let mut sorted = keys;
    sorted.sort_unstable();
    let escape = |key: &str| key.replace('&', "&amp;").replace('\'', "&apos;");
    let found: Vec<String> =
        listed.text().split("<Key>").skip(1).map(|rest| rest.split_once("</Key>").unwrap().0.to_owned()).collect();
    assert_eq!(found, sorted.map(escape));
    assert_eq!(site.put("a\0b", "").await.verdict(), "400 InvalidArgument");
    assert_eq!(site.put(&"x".repeat(1025), "").await.verdict(), "400 KeyTooLongError");
}

#[tokio::test]
async fn listings_come_in_pages() {
    let site = Site::start().await;
    for key in ["a", "b/1", "b/2", "c", "d e"] {
        site.put(key, "x").await;
    }
    let mut seen = Vec::new();
    let mut token = String::new();
    loop {
        let target = format!("/{BUCKET}?delimiter=%2F&encoding-type=url&list-type=2&max-keys=1{token}");
        let page = site.ask("GET", &target).signed().send().await;
        let text = page.text().to_owned();
        for tag in ["<Key>", "<CommonPrefixes><Prefix>"] {
            seen.extend(text.split_once(tag).map(|(_, rest)| rest.split_once('<').unwrap().0.to_owned()));
        }
        let Some((_, rest)) = text.split_once("<NextContinuationToken>") else { break };
        token = format!("&continuation-token={}", rest.split_once('<').unwrap().0);
    }
    assert_eq!(seen, ["a", "b/", "c", "d%20e"]);
    let bad = site.ask("GET", &format!("/{BUCKET}?list-type=2&continuation-token=*")).signed().send().await;
    assert_eq!(bad.verdict(), "400 InvalidArgument");
}

#[tokio::test]
async fn of_racing_creations_one_wins() {
    let site = Site::start().await;
    let asks: Vec<_> = (0..16)
        .map(|n| site.ask("PUT", &object("once")).header("if-none-match", "*").body(format!("{n}")).signed().send())
        .collect();
    let answers = futures_util::future::join_all(asks).await;
    let won: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!(won.len(), 1);
    assert!(answers.iter().filter(|answer| answer.status != 200).all(|a| a.verdict() == "412 PreconditionFailed"));
    let etag = site.get("once").await.header("etag").to_owned();
    assert_eq!(won[0].header("etag"), etag);
    assert_eq!(site.files(), 1);

    for (key, value, verdict) in [
        ("once", "\"x\"", "412 PreconditionFailed"),
        ("none", "\"x\"", "404 NoSuchKey"),
        ("once", etag.as_str(), "200"),
    ] {
        let put = site.ask("PUT", &object(key)).header("if-match", value).body("new").signed().send().await;
        assert_eq!(put.verdict(), verdict);
    }
}

#[tokio::test]
async fn checksums_are_compared_and_given_back() {
    let site = Site::start().await;
    for (name, good, bad) in [
        ("content-md5", "XUFAKrxLKna5cZ2REBfFkg==", "AAAAAAAAAAAAAAAAAAAAAA=="),
        ("x-amz-checksum-crc32", "NhCmhg==", "AAAAAA=="),
        ("x-amz-checksum-crc32c", "mnG7TA==", "AAAAAA=="),
        ("x-amz-checksum-crc64nvme", "M3eFcAZSQlc=", "AAAAAAAAAAA="),
        ("x-amz-checksum-sha1", "qvTGHdzF6KLavt4PO0gs2a6pQ00=", "AAAA"),
        ("x-amz-checksum-sha256", "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=", "AAAA"),
    ] {
        let put = |value: &str| site.ask("PUT", &object("sum")).header(name, value).body("hello").signed().send();
        assert_eq!(put(bad).await.verdict(), "400 BadDigest", "{name}");
        assert_eq!(put(good).await.verdict(), "200", "{name}");
        if name != "content-md5" {
            let head = site.ask("HEAD", &object("sum")).header("x-amz-checksum-mode", "ENABLED").signed().send().await;
            assert_eq!((head.header(name), head.header("x-amz-checksum-type")), (good, "FULL_OBJECT"));
        }
    }
    // As some SDKs presign: the checksum of an empty body in the query.
    let target = format!("{}?x-amz-checksum-crc32=AAAAAA%3D%3D&x-amz-sdk-checksum-algorithm=CRC32", object("sum"));
    let put = site.ask("PUT", &target).presigned(Duration::from_mins(1)).body("hello").send().await;
    assert_eq!(put.verdict(), "400 BadDigest");
    assert!(put.text().contains("x-amz-checksum-crc32"));
}

#[tokio::test]
async fn what_is_not_implemented_says_so() {
    let site = Site::start().await;
    site.put("a", "x").await;
    for (method, target, header) in [
        ("GET", format!("{}?torrent", object("a")), None),
        ("PUT", format!("/{BUCKET}?versioning"), None),
        ("PUT", object("sse"), Some(("x-amz-server-side-encryption", "AES256"))),
    ] {
        let mut ask = site.ask(method, &target);
        if let Some((name, value)) = header {
            ask = ask.header(name, value);
        }
        let verdict = ask.body("<VersioningConfiguration/>").signed().send().await.verdict();
        assert_eq!(verdict, "501 NotImplemented", "{method} {target}");
    }
    assert_eq!(site.ask("PATCH", &object("a")).signed().send().await.verdict(), "405 MethodNotAllowed");
}

#[tokio::test]
async fn buckets_come_and_go() {
    let site = Site::start().await;
    assert_eq!(site.ask("PUT", "/second").signed().send().await.status, 200);
    assert_eq!(site.ask("PUT", "/second").signed().send().await.verdict(), "409 BucketAlreadyOwnedByYou");
    let list = site.ask("GET", "/").signed().send().await;
    assert!(list.text().contains("<Name>bucket</Name>") && list.text().contains("<Name>second</Name>"));
    assert_eq!(site.ask("PUT", "/second/k").body("x").signed().send().await.status, 200);
    assert_eq!(site.ask("DELETE", "/second").signed().send().await.verdict(), "409 BucketNotEmpty");
    assert_eq!(site.ask("DELETE", "/second/k").signed().send().await.status, 204);
    assert_eq!(site.ask("DELETE", "/second").signed().send().await.status, 204);
    for (method, target) in [("GET", "/second"), ("GET", "/second/k"), ("PUT", "/second/k"), ("DELETE", "/second")] {
        assert_eq!(site.ask(method, target).signed().send().await.verdict(), "404 NoSuchBucket", "{method} {target}");
    }
    assert_eq!(site.ask("HEAD", "/second").signed().send().await.status, 404);
    assert_eq!(site.ask("PUT", "/No_Name").signed().send().await.verdict(), "400 InvalidBucketName");
    let location = site.ask("GET", &format!("/{BUCKET}?location")).signed().send().await;
    assert!(location.text().contains("LocationConstraint"));
}

#[tokio::test]
async fn a_restart_finds_everything() {
    let site = Site::start().await;
    site.put("a/b", "kept").await;
    let dir = site.stop().await;
    std::fs::write(dir.join("drafts").join("left"), "half").unwrap();
    let site = Site::start_in(dir).await;
    let got = site.get("a/b").await;
    assert_eq!(got.text(), "kept");
    assert_eq!(got.header("etag"), site.put("a/b", "kept").await.header("etag"));
}

#[tokio::test]
async fn an_upload_in_flight_may_finish_when_the_store_stops() {
    let site = Site::start().await;
    let target = site.ask("PUT", &object("late")).presigned(Duration::from_mins(1)).target;
    let mut stream = TcpStream::connect(site.addr).await.unwrap();
    let head = format!("PUT {target} HTTP/1.1\r\nHost: {}\r\nContent-Length: 8\r\n\r\nhalf", site.addr);
    stream.write_all(head.as_bytes()).await.unwrap();
    // Once this is answered, the one before has arrived.
    site.get("late").await;

    let (addr, stopping) = (site.addr, tokio::spawn(site.stop()));
    while TcpStream::connect(addr).await.is_ok() {
        tokio::task::yield_now().await;
    }
    stream.write_all(b"half").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    let site = Site::start_in(stopping.await.unwrap()).await;
    assert_eq!(site.get("late").await.text(), "halfhalf");
}

#[tokio::test]
async fn a_directory_belongs_to_one_store() {
    let site = Site::start().await;
    let settings = store::Settings {
        dir: site.dir.clone(),
        region: "us-east-1".into(),
        access_key: "AK".into(),
        secret_key: "SK".into(),
    };
    assert!(matches!(store::Store::open(settings), Err(store::OpenError::InUse { .. })));
}
