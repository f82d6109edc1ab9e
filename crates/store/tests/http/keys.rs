//! Keys beside the first pair, and the verification of a directory.

use crate::multipart::Upload;
use crate::support::{BUCKET, Site, object};
use store::{Access, StoredKey};

fn key(name: &str, access: Access, bucket: Option<&str>) -> StoredKey {
    StoredKey { access_key: name.into(), secret: "secret".into(), access, bucket: bucket.map(str::to_owned) }
}

#[tokio::test]
async fn keys_may_as_much_as_they_are_for() {
    let dir = Site::start().await.stop().await;
    for (name, access, bucket) in [
        ("ALL", Access::ReadWrite, None),
        ("READER", Access::ReadOnly, None),
        ("ONE", Access::ReadWrite, Some(BUCKET)),
        ("OTHER", Access::ReadWrite, Some("other")),
    ] {
        store::add_key(&dir, key(name, access, bucket)).unwrap();
    }
    let site = Site::start_in(dir).await;
    site.put("a", "x").await;
    site.ask("PUT", "/other").signed().send().await;
    site.ask("PUT", "/other/a").body("x").signed().send().await;
    let source = object("a");
    for (name, put, get, root, copy_from_other) in [
        ("ALL", 200, 200, 200, 200),
        ("READER", 403, 200, 200, 403),
        ("ONE", 200, 200, 403, 403),
        ("OTHER", 403, 403, 403, 403),
        ("NOBODY", 403, 403, 403, 403),
    ] {
        let status = async |ask: crate::support::Ask| ask.signed_with(name, "secret").send().await.status.as_u16();
        assert_eq!(status(site.ask("PUT", &object("b")).body("x")).await, put, "{name}");
        assert_eq!(status(site.ask("GET", &source)).await, get, "{name}");
        assert_eq!(status(site.ask("GET", "/")).await, root, "{name}");
        let copy = site.ask("PUT", &object("c")).header("x-amz-copy-source", "/other/a");
        assert_eq!(status(copy).await, copy_from_other, "{name}");
    }
    store::remove_key(&site.dir, "ALL").unwrap();
    let gone = async || site.ask("GET", &source).signed_with("ALL", "secret").send().await.status == 403;
    let began = std::time::Instant::now();
    while !gone().await {
        assert!(began.elapsed().as_secs() < 5, "a removed key is still good");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

fn verify(dir: &std::path::Path) -> (store::Verified, Vec<String>) {
    let mut faults = Vec::new();
    let seen = store::verify(dir, &mut |line| faults.push(line.to_owned()), &mut |_| {}).unwrap();
    assert_eq!(usize::try_from(seen.faults).unwrap(), faults.len());
    (seen, faults)
}

#[tokio::test]
async fn every_byte_is_verified() {
    let site = Site::start().await;
    site.put("a", "hello").await;
    let copy = site.ask("PUT", &object("copy")).header("x-amz-copy-source", &object("a"));
    assert_eq!(copy.signed().send().await.status, 200);
    let done = Upload::begin(&site, "k", &[("x-amz-checksum-algorithm", "SHA256")]).await;
    let etag = done.part(1, b"of parts".to_vec()).await.header("etag").to_owned();
    assert_eq!(done.complete(&[(1, etag)]).await.status, 200);
    Upload::begin(&site, "open", &[]).await.part(1, b"under way".to_vec()).await;
    let (seen, faults) = verify(&site.dir);
    assert_eq!((seen.objects, seen.parts, seen.bytes), (3, 1, 5 + 5 + 8 + 9));
    assert!(faults.is_empty(), "{faults:?}");

    for (content, changed, fault) in [
        ("hello", Some("hullo"), "bucket/a: blobs/"),
        ("of parts", Some("of part"), "bucket/k: part 1: blobs/"),
        ("under way", None, ", part 1: blobs/"),
    ] {
        let path = blobs(&site.dir.join("blobs"))
            .into_iter()
            .find(|path| std::fs::read(path).unwrap() == content.as_bytes())
            .unwrap();
        match changed {
            Some(changed) => std::fs::write(&path, changed).unwrap(),
            None => std::fs::remove_file(&path).unwrap(),
        }
        let (_, faults) = verify(&site.dir);
        assert!(faults.len() == 1 && faults[0].contains(fault), "{faults:?}");
        std::fs::write(&path, content).unwrap();
    }
    let orphan = site.dir.join("blobs/a/b").join(format!("ab{}", "0".repeat(30)));
    std::fs::write(orphan, "x").unwrap();
    let (_, faults) = verify(&site.dir);
    assert!(faults.len() == 1 && faults[0].contains("nothing names it"), "{faults:?}");
}

fn blobs(dir: &std::path::Path) -> Vec<std::path::PathBuf> {
    let paths = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { blobs(&path) } else { vec![path] }).collect()
}
