//! Uploads by HTML form, as a browser sends them.

use crate::support::{APP, Answer, BUCKET, Site, object};
use aws_sigv4::sign::v4::{calculate_signature, generate_signing_key};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::time::{Duration, SystemTime};
use time::OffsetDateTime;
use time::macros::format_description;

struct Form {
    fields: Vec<(String, String)>,
    filename: String,
    file: Vec<u8>,
    behind: Vec<(String, String)>,
}

/// A form for PNGs of 1 to 100 bytes under `u/`, signed an hour ago.
fn form() -> Form {
    form_until(Duration::from_hours(1))
}

fn form_until(life: Duration) -> Form {
    let signed = SystemTime::now() - Duration::from_hours(1);
    let date = OffsetDateTime::from(signed).format(format_description!("[year][month][day]")).unwrap();
    let credential = format!("AK/{date}/us-east-1/s3/aws4_request");
    let stamp = format!("{date}T000000Z");
    let ends = OffsetDateTime::from(SystemTime::now() + life);
    let ends = ends.format(format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].000Z")).unwrap();
    let policy = format!(
        r#"{{"expiration":"{ends}","conditions":[{{"bucket":"{BUCKET}"}},["starts-with","$key","u/"],
           ["content-length-range",1,100],["eq","$Content-Type","image/png"],{{"x-amz-credential":"{credential}"}},
           {{"x-amz-algorithm":"AWS4-HMAC-SHA256"}},{{"x-amz-date":"{stamp}"}},
           ["starts-with","$success_action_status",""],["starts-with","$success_action_redirect",""],
           ["starts-with","$x-amz-meta-note",""],["starts-with","$x-amz-checksum-crc32",""]]}}"#
    );
    let policy = STANDARD.encode(policy);
    let signature = calculate_signature(generate_signing_key("SK", signed, "us-east-1", "s3"), policy.as_bytes());
    let fields = [
        ("key", "u/a.png"),
        ("Content-Type", "image/png"),
        ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
        ("X-Amz-Credential", &credential),
        ("X-Amz-Date", &stamp),
        ("Policy", &policy),
        ("X-Amz-Signature", &signature),
    ];
    Form {
        fields: fields.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        filename: "a.png".into(),
        file: b"bytes".to_vec(),
        behind: Vec::new(),
    }
}

impl Form {
    fn with(mut self, name: &str, value: &str) -> Self {
        match self.fields.iter_mut().find(|(found, _)| found == name) {
            Some(field) => value.clone_into(&mut field.1),
            None => self.fields.push((name.to_owned(), value.to_owned())),
        }
        self
    }

    fn file(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.file = bytes.into();
        self
    }

    fn body(&self) -> Vec<u8> {
        let mut body = Vec::new();
        let field = |body: &mut Vec<u8>, name: &str, value: &str| {
            let part = format!("--edge\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
            body.extend_from_slice(part.as_bytes());
        };
        for (name, value) in &self.fields {
            field(&mut body, name, value);
        }
        let head = format!(
            "--edge\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{}\"\r\nContent-Type: text/html\r\n\r\n",
            self.filename
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(&self.file);
        body.extend_from_slice(b"\r\n");
        for (name, value) in &self.behind {
            field(&mut body, name, value);
        }
        body.extend_from_slice(b"--edge--\r\n");
        body
    }

    async fn send(self, site: &Site) -> Answer {
        let ask = site.ask("POST", &format!("/{BUCKET}")).header("origin", APP);
        ask.header("content-type", "multipart/form-data; boundary=edge").body(self.body()).send().await
    }
}

#[tokio::test]
async fn a_form_uploads_what_its_policy_allows() {
    let site = Site::start().await;
    let sent = form().with("x-amz-meta-note", "grün").send(&site).await;
    assert_eq!(sent.status, 204);
    assert_eq!(sent.header("etag"), "\"4b3a6218bb3e3a7303e8a171a60fcf92\"");
    assert_eq!(sent.header("location"), format!("http://{}/{BUCKET}/u/a.png", site.addr));
    assert_eq!(sent.header("access-control-allow-origin"), APP);
    let got = site.get("u/a.png").await;
    // The field counts, not what the part says of itself.
    assert_eq!((got.text(), got.header("content-type")), ("bytes", "image/png"));
    assert!(got.header("x-amz-meta-note").starts_with("=?UTF-8?"));
    assert_eq!(site.files(), 1);
}

#[tokio::test]
async fn a_form_chooses_how_it_hears_of_success() {
    let site = Site::start().await;
    assert_eq!(form().with("success_action_status", "200").send(&site).await.status, 200);
    let created = form().with("success_action_status", "201").with("key", "u/a&<b>.png").send(&site).await;
    assert_eq!(created.status, 201);
    assert!(created.text().contains("<Key>u/a&amp;&lt;b&gt;.png</Key>"));
    assert!(created.text().contains("<ETag>&quot;4b3a6218bb3e3a7303e8a171a60fcf92&quot;</ETag>"));
    let redirected = form().with("success_action_redirect", "https://app.example.com/done?x=1").send(&site).await;
    assert_eq!(redirected.status, 303);
    assert_eq!(
        redirected.header("location"),
        "https://app.example.com/done?x=1&bucket=bucket&key=u%2Fa.png&etag=%224b3a6218bb3e3a7303e8a171a60fcf92%22"
    );
    let mut named = form().with("key", "u/${filename}");
    named.filename = "C:\\pictures\\grün.png".into();
    assert_eq!(named.send(&site).await.status, 204);
    assert_eq!(site.get("u/grün.png").await.text(), "bytes");
}

#[tokio::test]
async fn what_the_policy_does_not_allow_is_refused_and_leaves_nothing() {
    let site = Site::start().await;
    let open = STANDARD.encode(
        r#"{"expiration":"2099-01-01T00:00:00Z","conditions":[{"bucket":"bucket"},["starts-with","$key",""]]}"#,
    );
    for (form, verdict) in [
        (form().file(vec![b'x'; 101]), "400 EntityTooLarge"),
        (form().file(vec![b'x'; 3_000_000]), "400 EntityTooLarge"),
        (form().file(""), "400 EntityTooSmall"),
        (form().with("Content-Type", "text/html"), "403 AccessDenied"),
        (form().with("Content-Type", "IMAGE/PNG"), "403 AccessDenied"),
        (form().with("key", "other/a.png"), "403 AccessDenied"),
        (form().with("key", "U/a.png"), "403 AccessDenied"),
        (form().with("key", "../bucket/u/a.png"), "403 AccessDenied"),
        (form().with("key", "ｕ/a.png"), "403 AccessDenied"),
        (form().with("key", ""), "403 AccessDenied"),
        (form().with("key", &format!("u/{}", "x".repeat(1023))), "400 KeyTooLongError"),
        (form().with("acl", "private"), "403 AccessDenied"),
        (form().with("x-amz-meta-other", "x"), "403 AccessDenied"),
        (form().with("Cache-Control", "max-age=9"), "403 AccessDenied"),
        (form().with("Policy", &open), "403 SignatureDoesNotMatch"),
        (form().with("X-Amz-Signature", &"0".repeat(64)), "403 SignatureDoesNotMatch"),
        (form().with("X-Amz-Date", "20200101T000000Z"), "400 InvalidArgument"),
        (form().with("AWSAccessKeyId", "AK"), "400 InvalidRequest"),
        (form().with("x-amz-checksum-crc32", "AAAAAA=="), "400 BadDigest"),
        (form().with("x-ignore-big", &"x".repeat(200_000)), "400 MaxPostPreDataLengthExceededError"),
        (form_until(Duration::ZERO), "403 AccessDenied"),
    ] {
        let sent = form.send(&site).await;
        assert_eq!(sent.verdict(), verdict);
        assert_eq!(sent.header("access-control-allow-origin"), APP);
    }
    let mut twice = form();
    twice.fields.push(("KEY".into(), "u/b".into()));
    assert_eq!(twice.send(&site).await.verdict(), "400 InvalidArgument");
    assert_eq!(site.files(), 0);
}

#[tokio::test]
async fn fields_behind_the_file_are_ignored() {
    let site = Site::start().await;
    let mut sent = form();
    sent.behind = vec![("acl".into(), "public-read".into()), ("key".into(), "other".into())];
    assert_eq!(sent.send(&site).await.status, 204);
    assert_eq!(site.get("u/a.png").await.text(), "bytes");
    assert_eq!(site.get("other").await.verdict(), "404 NoSuchKey");
}

#[tokio::test]
async fn broken_forms_are_refused() {
    let site = Site::start().await;
    let body = form().body();
    let half = &body[..body.len() - 12];
    let headless = b"--edge\r\nContent-Disposition: form-data; name=\"key\"\r\n".repeat(3000);
    for (target, kind, body, verdict) in [
        (format!("/{BUCKET}"), "multipart/form-data", &body[..], "400 MalformedPOSTRequest"),
        (format!("/{BUCKET}"), "multipart/form-data; boundary=other", &body, "400 MalformedPOSTRequest"),
        (format!("/{BUCKET}"), "multipart/form-data; boundary=edge", half, "400 IncompleteBody"),
        (
            format!("/{BUCKET}"),
            "multipart/form-data; boundary=edge",
            &headless,
            "400 MaxPostPreDataLengthExceededError",
        ),
        (format!("/{BUCKET}"), "multipart/form-data; boundary=edge", b"", "400 MalformedPOSTRequest"),
        (format!("/{BUCKET}"), "multipart/form-data; boundary=edge", b"--edge--\r\n", "400 InvalidArgument"),
        (object("a"), "multipart/form-data; boundary=edge", &body, "405 MethodNotAllowed"),
        ("/".to_owned(), "multipart/form-data; boundary=edge", &body, "405 MethodNotAllowed"),
        (format!("/{BUCKET}"), "text/plain", &body, "403 AccessDenied"),
        ("/no-bucket".to_owned(), "multipart/form-data; boundary=edge", &body, "403 AccessDenied"),
    ] {
        let ask = site.ask("POST", &target).header("content-type", kind).body(body.to_vec());
        assert_eq!(ask.send().await.verdict(), verdict, "{target} {kind}");
    }
    let two = site.ask("POST", &format!("/{BUCKET}")).header("content-type", "text/plain");
    let two = two.header("content-type", "multipart/form-data; boundary=edge").body(body);
    assert_eq!(two.send().await.verdict(), "400 InvalidArgument");
    assert_eq!(site.files(), 0);
}
