//! Uploads in parts.

use crate::support::{Answer, BUCKET, Site, object};

const BIG: usize = 5 * 1024 * 1024;

/// An upload under way.
pub struct Upload<'s> {
    site: &'s Site,
    key: String,
    pub id: String,
}

impl<'s> Upload<'s> {
    pub async fn begin(site: &'s Site, key: &str, headers: &[(&str, &str)]) -> Self {
        let mut ask = site.ask("POST", &format!("{}?uploads", object(key)));
        for (name, value) in headers {
            ask = ask.header(name, value);
        }
        let begun = ask.signed().send().await;
        assert_eq!(begun.status, 200, "{}", begun.text());
        assert_eq!((begun.tag("Bucket"), begun.tag("Key")), (BUCKET, key));
        Self { site, key: key.into(), id: begun.tag("UploadId").to_owned() }
    }

    pub fn target(&self, query: &str) -> String {
        format!("{}?{query}uploadId={}", object(&self.key), self.id)
    }

    pub async fn part(&self, number: u32, body: Vec<u8>) -> Answer {
        self.site.ask("PUT", &self.target(&format!("partNumber={number}&"))).body(body).signed().send().await
    }

    pub async fn complete(&self, parts: &[(u32, String)]) -> Answer {
        self.complete_with(&list(parts), &[]).await
    }

    pub async fn complete_with(&self, xml: &str, headers: &[(&str, &str)]) -> Answer {
        let mut ask = self.site.ask("POST", &self.target("")).body(xml.to_owned());
        for (name, value) in headers {
            ask = ask.header(name, value);
        }
        ask.signed().send().await
    }
}

fn list(parts: &[(u32, String)]) -> String {
    let parts = parts.iter().map(|(n, etag)| format!("<Part><PartNumber>{n}</PartNumber><ETag>{etag}</ETag></Part>"));
    format!("<CompleteMultipartUpload>{}</CompleteMultipartUpload>", parts.collect::<String>())
}

/// Bytes that tell where they come from.
fn bytes(seed: usize, length: usize) -> Vec<u8> {
    (0..length).map(|n| u8::try_from((n.wrapping_mul(31) + seed) % 251).unwrap()).collect()
}

/// An object of three parts, the bytes of each.
async fn three_parts(site: &Site, key: &str) -> Vec<Vec<u8>> {
    let upload = Upload::begin(site, key, &[("content-type", "text/x"), ("x-amz-meta-a", "b")]).await;
    let bodies = vec![bytes(1, BIG), bytes(2, BIG + 1), bytes(3, 10)];
    let mut parts = Vec::new();
    for (number, body) in (1..).zip(&bodies) {
        parts.push((number, upload.part(number, body.clone()).await.header("etag").to_owned()));
    }
    let done = upload.complete(&parts).await;
    assert_eq!(done.status, 200, "{}", done.text());
    bodies
}

#[tokio::test]
async fn parts_become_an_object() {
    let site = Site::start().await;
    let bodies = three_parts(&site, "a/ü").await;
    let whole = bodies.concat();
    let got = site.get("a/ü").await;
    assert_eq!(got.body, whole);
    assert!(got.header("etag").ends_with("-3\""));
    assert_eq!((got.header("content-type"), got.header("x-amz-meta-a")), ("text/x", "b"));
    assert_eq!(got.header("x-amz-mp-parts-count"), "");
    assert_eq!(site.files(), 3);
    for (first, last) in
        [(0, 0), (BIG - 1, BIG), (BIG - 2, 2 * BIG + 3), (2 * BIG, 2 * BIG + 10), (2 * BIG + 1, 2 * BIG + 1)]
    {
        let range = format!("bytes={first}-{last}");
        let part = site.ask("GET", &object("a/ü")).signed().header("range", &range).send().await;
        assert_eq!((part.status.as_u16(), &part.body[..]), (206, &whole[first..=last]), "{range}");
    }
    let listed = site.ask("GET", &format!("/{BUCKET}?list-type=2")).signed().send().await;
    assert_eq!(listed.tag("Size"), whole.len().to_string());

    site.put("a/ü", "x").await;
    assert_eq!(site.files(), 1);
}

#[tokio::test]
async fn one_part_by_its_number() {
    let site = Site::start().await;
    let bodies = three_parts(&site, "k").await;
    for method in ["GET", "HEAD"] {
        let part = site.ask(method, &format!("{}?partNumber=2", object("k"))).signed().send().await;
        assert_eq!(part.status, 206, "{method}");
        assert_eq!(part.header("x-amz-mp-parts-count"), "3");
        assert_eq!(part.header("content-length"), (BIG + 1).to_string());
        assert_eq!(part.header("content-range"), format!("bytes {BIG}-{}/{}", 2 * BIG, 2 * BIG + 11));
        assert_eq!(part.body, if method == "GET" { bodies[1].clone() } else { vec![] });
    }
    let ask = |query: &str| site.ask("GET", &format!("{}?{query}", object("k"))).signed();
    assert_eq!(ask("partNumber=4").send().await.verdict(), "416 InvalidPartNumber");
    assert_eq!(ask("partNumber=0").send().await.verdict(), "400 InvalidArgument");
    let both = ask("partNumber=1").header("range", "bytes=0-1").send().await;
    assert_eq!(both.verdict(), "400 InvalidRequest");
    site.put("plain", "hello").await;
    let plain = site.ask("GET", &format!("{}?partNumber=1", object("plain"))).signed().send().await;
    assert_eq!((plain.status.as_u16(), plain.text(), plain.header("x-amz-mp-parts-count")), (206, "hello", ""));
}

#[tokio::test]
async fn a_completion_is_checked() {
    let site = Site::start().await;
    let upload = Upload::begin(&site, "k", &[]).await;
    let mut etags = Vec::new();
    for (number, length) in [(2, BIG), (5, 9), (7, BIG)] {
        etags.push(upload.part(number, bytes(7, length)).await.header("etag").to_owned());
    }
    let unquoted = etags[0].trim_matches('"').to_owned();
    let good = [(2, etags[0].clone()), (5, etags[1].clone())];
    for (parts, verdict) in [
        (vec![], "400 MalformedXML"),
        (vec![(5, etags[1].clone()), (2, etags[0].clone())], "400 InvalidPartOrder"),
        (vec![(2, etags[1].clone())], "400 InvalidPart"),
        (vec![(3, etags[0].clone())], "400 InvalidPart"),
        (vec![(5, etags[1].clone()), (7, etags[2].clone())], "400 EntityTooSmall"),
        (vec![(0, etags[0].clone())], "400 InvalidArgument"),
    ] {
        assert_eq!(upload.complete(&parts).await.verdict(), verdict, "{parts:?}");
    }
    let size = upload.complete_with(&list(&good), &[("x-amz-mp-object-size", "7")]).await;
    assert_eq!(size.verdict(), "400 InvalidRequest");
    assert_eq!(site.get("k").await.verdict(), "404 NoSuchKey");

    let done = upload.complete(&[(2, unquoted.clone()), (5, etags[1].clone())]).await;
    assert_eq!(done.status, 200, "{}", done.text());
    assert_eq!(done.tag("Location"), format!("http://{}{}", site.addr, object("k")));
    // The part that was not named is gone.
    assert_eq!(site.files(), 2);
    let again = upload.complete(&good).await;
    assert_eq!((again.status.as_u16(), again.tag("ETag")), (200, done.tag("ETag")));
    assert_eq!(upload.complete(&[(2, unquoted)]).await.verdict(), "404 NoSuchUpload");
    assert_eq!(upload.part(1, vec![1]).await.verdict(), "404 NoSuchUpload");
    site.put("k", "other").await;
    assert_eq!(upload.complete(&good).await.verdict(), "404 NoSuchUpload");
    assert_eq!(site.get("k").await.text(), "other");
}

#[tokio::test]
async fn a_completion_may_have_a_condition() {
    let site = Site::start().await;
    let upload = Upload::begin(&site, "k", &[]).await;
    let xml = list(&[(1, upload.part(1, vec![1]).await.header("etag").to_owned())]);
    let none = upload.complete_with(&xml, &[("if-match", "\"x\"")]).await;
    assert_eq!(none.verdict(), "404 NoSuchKey");
    let etag = site.put("k", "there").await.header("etag").to_owned();
    let there = upload.complete_with(&xml, &[("if-none-match", "*")]).await;
    assert_eq!(there.verdict(), "412 PreconditionFailed");
    assert_eq!(upload.complete_with(&xml, &[("if-match", "\"x\"")]).await.verdict(), "412 PreconditionFailed");
    assert_eq!(upload.complete_with(&xml, &[("if-match", &etag)]).await.status, 200);
    // The answer may have been lost.
    assert_eq!(upload.complete_with(&xml, &[("if-match", &etag)]).await.status, 200);
}

#[tokio::test]
async fn an_aborted_upload_leaves_nothing() {
    let site = Site::start().await;
    let upload = Upload::begin(&site, "k", &[]).await;
    upload.part(1, bytes(1, 100)).await;
    upload.part(1, bytes(2, 100)).await;
    upload.part(2, bytes(3, 100)).await;
    assert_eq!(site.files(), 2);
    assert_eq!(site.ask("DELETE", &upload.target("")).signed().send().await.status, 204);
    assert_eq!(site.files(), 0);
    assert_eq!(site.ask("DELETE", &upload.target("")).signed().send().await.verdict(), "404 NoSuchUpload");
    assert_eq!(upload.part(3, vec![1]).await.verdict(), "404 NoSuchUpload");
    let elsewhere = Upload { site: &site, key: "other".into(), id: Upload::begin(&site, "k", &[]).await.id };
    assert_eq!(elsewhere.part(1, vec![1]).await.verdict(), "404 NoSuchUpload");
    assert_eq!(site.ask("POST", &format!("/none{}", "/k?uploads")).signed().send().await.verdict(), "404 NoSuchBucket");
}

#[tokio::test]
async fn parts_are_listed_in_pages() {
    let site = Site::start().await;
    let upload = Upload::begin(&site, "k", &[]).await;
    let mut etags = Vec::new();
    for number in [1, 3, 10] {
        etags.push(upload.part(number, bytes(1, usize::try_from(number).unwrap())).await.header("etag").to_owned());
    }
    let (mut seen, mut marker) = (Vec::new(), "0".to_owned());
    loop {
        let query = format!("max-parts=2&part-number-marker={marker}&");
        let page = site.ask("GET", &upload.target(&query)).signed().send().await;
        assert_eq!(page.status, 200, "{}", page.text());
        seen.extend(page.tags("PartNumber").into_iter().zip(page.tags("ETag")).zip(page.tags("Size")));
        marker = page.tag("NextPartNumberMarker").to_owned();
        if page.tag("IsTruncated") == "false" {
            break;
        }
        assert_eq!(marker, "3");
    }
    let expected = ["1", "3", "10"].into_iter().zip(etags);
    let expected: Vec<_> = expected.map(|(n, etag)| ((n.to_owned(), etag), n.to_owned())).collect();
    assert_eq!(seen, expected);
    assert_eq!(marker, "10");
}

#[tokio::test]
async fn uploads_are_listed_in_pages() {
    let site = Site::start().await;
    let mut ids = Vec::new();
    for key in ["a", "a", "b/1", "b/2", "c"] {
        ids.push((key.to_owned(), Upload::begin(&site, key, &[]).await.id));
    }
    let done = Upload::begin(&site, "done", &[]).await;
    let etag = done.part(1, vec![1]).await.header("etag").to_owned();
    done.complete(&[(1, etag)]).await;
    let (mut seen, mut markers) = (Vec::new(), String::new());
    loop {
        let target = format!("/{BUCKET}?{markers}max-uploads=1&uploads");
        let page = site.ask("GET", &target).signed().send().await;
        seen.extend(page.tags("Key").into_iter().zip(page.tags("UploadId")));
        if page.tag("IsTruncated") == "false" {
            break;
        }
        let key = page.tag("NextKeyMarker").replace('/', "%2F");
        markers = format!("key-marker={key}&upload-id-marker={}&", page.tag("NextUploadIdMarker"));
    }
    assert_eq!(seen, ids);
    let folded = site.ask("GET", &format!("/{BUCKET}?delimiter=%2F&uploads")).signed().send().await;
    assert_eq!(folded.tags("Key"), ["a", "a", "c"]);
    assert!(folded.text().contains("<CommonPrefixes><Prefix>b/</Prefix></CommonPrefixes>"), "{}", folded.text());
    let some = site.ask("GET", &format!("/{BUCKET}?prefix=b%2F&uploads")).signed().send().await;
    assert_eq!(some.tags("Key"), ["b/1", "b/2"]);
}

#[tokio::test]
async fn checksums_of_parts_and_of_the_whole() {
    let site = Site::start().await;
    for (algorithm, kind, ending) in [
        ("CRC32", "COMPOSITE", "-2"),
        ("CRC32", "FULL_OBJECT", "="),
        ("CRC32C", "COMPOSITE", "-2"),
        ("CRC32C", "FULL_OBJECT", "="),
        ("CRC64NVME", "FULL_OBJECT", "="),
        ("SHA1", "COMPOSITE", "-2"),
        ("SHA256", "COMPOSITE", "-2"),
    ] {
        let header = format!("x-amz-checksum-{}", algorithm.to_lowercase());
        let wishes = [("x-amz-checksum-algorithm", algorithm), ("x-amz-checksum-type", kind)];
        let upload = Upload::begin(&site, "k", &wishes).await;
        let mut list = Vec::new();
        for (number, length) in [(1, BIG), (2, 77)] {
            let put = upload.part(number, bytes(5, length)).await;
            let (etag, sum) = (put.header("etag"), put.header(&header));
            assert!(!sum.is_empty(), "{algorithm}");
            let target = upload.target(&format!("partNumber={number}&"));
            let wrong = site.ask("PUT", &target).header(&header, "AAAA").body("x").signed().send().await;
            assert_eq!(wrong.verdict(), "400 BadDigest");
            list.push(format!(
                "<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag><Checksum{algorithm}>{sum}</Checksum{algorithm}></Part>"
            ));
        }
        let xml = format!("<CompleteMultipartUpload>{}</CompleteMultipartUpload>", list.concat());
        let wrong = upload.complete_with(&xml, &[(&header, "AAAA")]).await;
        assert_eq!(wrong.verdict(), "400 BadDigest", "{algorithm}");
        let other = if kind == "COMPOSITE" { "FULL_OBJECT" } else { "COMPOSITE" };
        let wrong = upload.complete_with(&xml, &[("x-amz-checksum-type", other)]).await;
        assert_eq!(wrong.verdict(), "400 InvalidRequest", "{algorithm}");
        let done = upload.complete_with(&xml, &[("x-amz-checksum-type", kind)]).await;
        assert_eq!(done.status, 200, "{}", done.text());
        let head = site.ask("HEAD", &object("k")).header("x-amz-checksum-mode", "ENABLED").signed().send().await;
        let sum = head.header(&header);
        assert_eq!((done.tag(&format!("Checksum{algorithm}")), done.tag("ChecksumType")), (sum, kind));
        assert_eq!(head.header("x-amz-checksum-type"), kind);
        assert!(sum.ends_with(ending), "{algorithm} {sum}");
        if kind == "FULL_OBJECT" {
            let whole = [bytes(5, BIG), bytes(5, 77)].concat();
            let put = site.ask("PUT", &object("w")).header(&header, sum).body(whole).signed().send().await;
            assert_eq!(put.status, 200, "{algorithm}");
        }
    }
}

#[tokio::test]
async fn parts_and_uploads_outlive_a_restart() {
    let site = Site::start().await;
    let upload = Upload::begin(&site, "k", &[]).await;
    let first = upload.part(1, bytes(1, BIG)).await.header("etag").to_owned();
    let id = upload.id.clone();
    let site = Site::start_in(site.stop().await).await;
    let upload = Upload { site: &site, key: "k".into(), id };
    let second = upload.part(2, bytes(2, 3)).await.header("etag").to_owned();
    assert_eq!(upload.complete(&[(1, first), (2, second)]).await.status, 200);
    let site = Site::start_in(site.stop().await).await;
    assert_eq!(site.get("k").await.body, [bytes(1, BIG), bytes(2, 3)].concat());
}

#[tokio::test]
async fn an_object_that_goes_while_it_is_read_is_read_to_its_end() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let site = Site::start().await;
    let whole = three_parts(&site, "k").await.concat();
    let target = site.ask("GET", &object("k")).presigned(std::time::Duration::from_mins(1)).target;
    let mut stream = tokio::net::TcpStream::connect(site.addr).await.unwrap();
    let head = format!("GET {target} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", site.addr);
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = vec![0; 1000];
    stream.read_exact(&mut answer).await.unwrap();
    site.put("k", "new").await;
    assert_eq!(site.get("k").await.text(), "new");
    stream.read_to_end(&mut answer).await.unwrap();
    assert!(answer.ends_with(&whole));
    while site.files() > 1 {
        tokio::task::yield_now().await;
    }
}
