//! Who may do what: signatures of every kind, right and wrong.

use crate::support::{Answer, BUCKET, Site, object};
use aws_sigv4::sign::v4::{calculate_signature, generate_signing_key};
use std::time::{Duration, SystemTime};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

const MINUTE: Duration = Duration::from_mins(1);

#[tokio::test]
async fn a_presigned_put_binds_type_and_length() {
    let site = Site::start().await;
    let presigned = |kind: &str, length: &str| {
        site.ask("PUT", &object("a")).header("content-type", kind).header("content-length", length).presigned(MINUTE)
    };
    assert_eq!(presigned("image/png", "5").body("hello").send().await.verdict(), "200");
    assert_eq!(site.get("a").await.header("content-type"), "image/png");

    let other_type = {
        let mut ask = presigned("image/png", "5").body("hello");
        ask.headers.insert("content-type", "text/html".parse().unwrap());
        ask
    };
    assert_eq!(other_type.send().await.verdict(), "403 SignatureDoesNotMatch");
    let longer = {
        let mut ask = presigned("image/png", "5").body("hello, world");
        ask.headers.insert("content-length", "12".parse().unwrap());
        ask
    };
    assert_eq!(longer.send().await.verdict(), "403 SignatureDoesNotMatch");
    let mut other_key = presigned("image/png", "5").body("hello");
    other_key.target = other_key.target.replace("/bucket/a", "/bucket/b");
    assert_eq!(other_key.send().await.verdict(), "403 SignatureDoesNotMatch");
    let mut other_method = site.ask("DELETE", &object("a"));
    other_method.target = presigned("image/png", "5").target;
    assert_eq!(other_method.send().await.verdict(), "403 SignatureDoesNotMatch");
}

#[tokio::test]
async fn a_chunked_body_does_not_outgrow_a_signed_length() {
    let site = Site::start().await;
    let ask = site.ask("PUT", &object("a")).header("content-length", "5").presigned(MINUTE);
    let head = format!("PUT {} HTTP/1.1\r\nHost: {}\r\n", ask.target, site.addr);
    for smuggled in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n14\r\n01234567890123456789\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n14\r\n01234567890123456789\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n14\r\n01234567890123456789\r\n0\r\n\r\n",
    ] {
        let answer = raw(&site, &format!("{head}{smuggled}")).await;
        assert!(!answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert_eq!(site.get("a").await.verdict(), "404 NoSuchKey");
    }
}

async fn raw(site: &Site, bytes: &str) -> String {
    let mut stream = tokio::net::TcpStream::connect(site.addr).await.unwrap();
    stream.write_all(bytes.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn a_presigned_address_lives_as_long_as_it_says_and_no_longer_than_seven_days() {
    let site = Site::start().await;
    site.put("a", "x").await;
    let get = |life: u64, age: u64| {
        site.ask("GET", &object("a")).presigned_as(Duration::from_secs(life), Duration::from_secs(age)).send()
    };
    assert_eq!(get(604_800, 604_000).await.verdict(), "200");
    assert_eq!(get(60, 120).await.verdict(), "403 AccessDenied");
    assert_eq!(get(8 * 86_400, 0).await.verdict(), "400 AuthorizationQueryParametersError");
    let mut word = site.ask("GET", &object("a")).presigned(MINUTE);
    word.target = word.target.replace("X-Amz-Expires=60", "X-Amz-Expires=never");
    assert_eq!(word.send().await.verdict(), "400 AuthorizationQueryParametersError");
    let old = site.ask("GET", &object("a")).signed_as(Duration::from_hours(1), "us-east-1").send().await;
    assert_eq!(old.verdict(), "403 RequestTimeTooSkewed");
}

#[tokio::test]
async fn version_2_signatures_and_strangers_are_refused() {
    let site = Site::start().await;
    site.put("a", "x").await;
    for (target, authorization, verdict) in [
        (object("a"), Some("AWS AK:c2lnbmF0dXJl"), "400 InvalidRequest"),
        (format!("{}?AWSAccessKeyId=AK&Expires=4102444800&Signature=x", object("a")), None, "400 InvalidRequest"),
        (object("a"), Some("Bearer token"), "400 InvalidArgument"),
        (object("a"), None, "403 AccessDenied"),
        (format!("/{BUCKET}"), None, "403 AccessDenied"),
        ("/".to_owned(), None, "403 AccessDenied"),
        ("/nothing-here".to_owned(), None, "403 AccessDenied"),
    ] {
        let mut ask = site.ask("GET", &target);
        if let Some(authorization) = authorization {
            ask = ask.header("authorization", authorization);
        }
        assert_eq!(ask.send().await.verdict(), verdict, "{target}");
    }
}

/// Every kind of authentication against every kind of request, with the signature of something else.
#[tokio::test]
async fn a_wrong_signature_does_nothing_anywhere() {
    let site = Site::start().await;
    site.put("kept", "x").await;
    let delete = "<Delete><Object><Key>kept</Key></Object></Delete>";
    let mut count = 0;
    for (method, target, body) in [
        ("PUT", object("kept"), "other"),
        ("PUT", format!("{}?partNumber=1&uploadId=x", object("kept")), "part"),
        ("POST", format!("{}?uploadId=x", object("kept")), "<CompleteMultipartUpload/>"),
        ("POST", format!("{}?uploads", object("kept")), ""),
        ("GET", object("kept"), ""),
        ("HEAD", object("kept"), ""),
        ("DELETE", object("kept"), ""),
        ("POST", format!("/{BUCKET}?delete"), delete),
        ("GET", format!("/{BUCKET}?list-type=2"), ""),
        ("PUT", format!("/{BUCKET}?cors"), "<CORSConfiguration/>"),
        ("PUT", "/other-bucket".to_owned(), ""),
        ("DELETE", format!("/{BUCKET}"), ""),
    ] {
        for kind in ["header", "presigned", "streaming", "unsigned-trailer", "copy", "anonymous", "unknown key"] {
            let ask = site.ask(method, &target).body(body);
            let ask = if target.ends_with("delete") { ask.digested() } else { ask };
            let mut ask = match kind {
                "header" | "unknown key" => ask.signed(),
                "presigned" => ask.presigned(MINUTE),
                "streaming" => ask
                    .header("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD")
                    .header("x-amz-decoded-content-length", "5")
                    .signed(),
                "unsigned-trailer" => ask
                    .header("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER")
                    .header("x-amz-trailer", "x-amz-checksum-crc32")
                    .header("x-amz-decoded-content-length", "5")
                    .signed(),
                "copy" => ask.header("x-amz-copy-source", "/bucket/kept").signed(),
                _ => ask,
            };
            let mut spoil = |name: &str| {
                if let Some(value) = ask.headers.get_mut(name) {
                    let text = value.to_str().unwrap();
                    let spoiled = if kind == "unknown key" {
                        text.replace("Credential=AK", "Credential=XX")
                    } else {
                        let end = text.len() - 8;
                        format!("{}{}", &text[..end], if text.ends_with("00000000") { "11111111" } else { "00000000" })
                    };
                    *value = spoiled.parse().unwrap();
                }
            };
            spoil("authorization");
            ask.target =
                ask.target.replace("X-Amz-Signature=", "X-Amz-Signature=0000").replace("Signature=0000", "Signature=");
            if kind == "presigned" {
                let end = ask.target.len() - 8;
                ask.target.replace_range(end.., "00000000");
            }
            let answer: Answer = ask.send().await;
            assert_eq!(answer.status, 403, "{kind} {method} {target}: {answer:?}");
            count += 1;
        }
    }
    assert_eq!(count, 84);
    assert_eq!(site.get("kept").await.text(), "x");
    assert_eq!(site.files(), 1);
}

#[tokio::test]
async fn a_body_that_is_not_the_signed_one_is_not_kept() {
    let site = Site::start().await;
    let mut ask = site.ask("PUT", &object("a")).body("hello").signed();
    ask = ask.body("jello");
    assert_eq!(ask.send().await.verdict(), "400 XAmzContentSHA256Mismatch");
    assert_eq!(site.get("a").await.verdict(), "404 NoSuchKey");
    assert_eq!(site.files(), 0);
}

#[tokio::test]
async fn signed_chunks_are_each_checked() {
    let site = Site::start().await;
    let sha256 = |bytes: &[u8]| {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
        digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
    };
    for (content, verdict) in [(&b"hello"[..], "200"), (b"jello", "403 SignatureDoesNotMatch")] {
        let ask = site
            .ask("PUT", &object("a"))
            .header("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD")
            .header("content-encoding", "aws-chunked")
            .header("x-amz-decoded-content-length", "5")
            .signed();
        let stamp = ask.headers["x-amz-date"].to_str().unwrap();
        let mut signature =
            ask.headers["authorization"].to_str().unwrap().split_once("Signature=").unwrap().1.to_owned();
        let mut body = Vec::new();
        for chunk in [&b"hello"[..], b""] {
            let scope = format!("{}/us-east-1/s3/aws4_request", &stamp[..8]);
            let signed =
                format!("AWS4-HMAC-SHA256-PAYLOAD\n{stamp}\n{scope}\n{signature}\n{}\n{}", sha256(b""), sha256(chunk));
            let key = generate_signing_key("SK", SystemTime::now(), "us-east-1", "s3");
            signature = calculate_signature(key, signed.as_bytes());
            let sent = if chunk.is_empty() { chunk } else { content };
            body.extend_from_slice(format!("{:x};chunk-signature={signature}\r\n", sent.len()).as_bytes());
            body.extend_from_slice(sent);
            body.extend_from_slice(b"\r\n");
        }
        assert_eq!(ask.body(body).send().await.verdict(), verdict);
        assert_eq!(site.get("a").await.text(), "hello");
    }
}

#[tokio::test]
async fn headers_nobody_signed_are_refused() {
    let site = Site::start().await;
    site.put("secret", "x").await;
    for (name, value) in [("x-amz-copy-source", "/bucket/secret"), ("x-amz-meta-a", "b"), ("x-amz-acl", "private")] {
        let put = site.ask("PUT", &object("a")).presigned(MINUTE).header(name, value).send().await;
        assert_eq!(put.verdict(), "403 AccessDenied", "{name}");
    }
}

#[tokio::test]
async fn unsigned_trailers_carry_a_checksum() {
    let site = Site::start().await;
    let put = |sum: &str, length: &str| {
        site.ask("PUT", &object("a"))
            .header("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER")
            .header("content-encoding", "aws-chunked")
            .header("x-amz-trailer", "x-amz-checksum-crc32")
            .header("x-amz-decoded-content-length", length)
            .body(format!("5\r\nhello\r\n0\r\n{sum}\r\n"))
            .signed()
            .send()
    };
    assert_eq!(put("x-amz-checksum-crc32:AAAAAA==\r\n", "5").await.verdict(), "400 BadDigest");
    assert_eq!(put("", "5").await.verdict(), "400 InvalidRequest");
    assert_eq!(put("x-amz-checksum-crc32:NhCmhg==\r\n", "6").await.verdict(), "400 IncompleteBody");
    assert_eq!(site.get("a").await.verdict(), "404 NoSuchKey");
    assert_eq!(put("x-amz-checksum-crc32:NhCmhg==\r\n", "5").await.verdict(), "200");
    let got = site.get("a").await;
    assert_eq!((got.text(), got.header("content-encoding")), ("hello", ""));
}

#[tokio::test]
async fn an_interrupted_upload_leaves_nothing() {
    let site = Site::start().await;
    let ask = site.ask("PUT", &object("a")).presigned(MINUTE);
    let mut stream = tokio::net::TcpStream::connect(site.addr).await.unwrap();
    let head = format!("PUT {} HTTP/1.1\r\nHost: {}\r\nContent-Length: 10000000\r\n\r\n", ask.target, site.addr);
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&vec![b'x'; 2_000_000]).await.unwrap();
    drop(stream);
    for _ in 0..100 {
        if site.files() == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(site.files(), 0);
    assert_eq!(site.get("a").await.verdict(), "404 NoSuchKey");
}

#[tokio::test]
async fn hostile_heads_get_an_answer_or_the_door() {
    let site = Site::start().await;
    let long = "x".repeat(100_000);
    let many = "X-A: b\r\n".repeat(200);
    for head in [
        format!("GET /{BUCKET}/a HTTP/1.1\r\nHost: h\r\nX: {long}\r\n\r\n"),
        format!("GET /{BUCKET}/a HTTP/1.1\r\nHost: h\r\n{many}\r\n"),
        format!("GET /{long} HTTP/1.1\r\nHost: h\r\n\r\n"),
        "GET /%FF/%FE HTTP/1.1\r\nHost: h\r\n\r\n".to_owned(),
        "GET /bucket/a?X-Amz-Signature=%FF&%=%&&&== HTTP/1.1\r\nHost: h\r\n\r\n".to_owned(),
        "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n".to_owned(),
        "CONNECT bucket:80 HTTP/1.1\r\nHost: h\r\n\r\n".to_owned(),
        "PUT /bucket/a HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999\r\n\r\n".to_owned(),
        "POST /bucket HTTP/1.1\r\nHost: h\r\nContent-Type: multipart/form-data\r\nContent-Length: 3\r\n\r\nabc"
            .to_owned(),
    ] {
        let answer = raw(&site, &head).await;
        assert!(answer.starts_with("HTTP/1.1 4"), "{head:.60} -> {answer}");
    }
    assert_eq!(site.put("a", "x").await.status, 200);
}
