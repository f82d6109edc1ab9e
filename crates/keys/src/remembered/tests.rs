use super::*;
use crate::testing::Folder;

const URL: &str = "https://a.example/k?secret=1";
const KEY: &str = r#"{"kty":"OKP","crv":"Ed25519","kid":"1","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
const ALGORITHMS: &[Algorithm] = &[Algorithm::EdDsa, Algorithm::Es384];

fn shelf(folder: &Folder) -> Shelf {
    Shelf::of(&Source::JwksUrl(URL.to_owned()), &folder.path(""), "app").unwrap()
}

fn set() -> KeySet {
    parse_jwk_set(format!("{{\"keys\":[{KEY}]}}").as_bytes(), ALGORITHMS).unwrap()
}

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

const NOW: u64 = 1_800_000_000;

#[test]
fn what_is_written_is_read() {
    let folder = Folder::new("shelf");
    let shelf = Shelf::of(&Source::JwksUrl(URL.to_owned()), &folder.path("a/b"), "app").unwrap();
    assert!(shelf.load(ALGORITHMS, at(NOW)).unwrap().is_none(), "nothing yet");
    shelf.write(&set(), at(NOW)).unwrap();
    shelf.write(&set(), at(NOW + 1)).unwrap();
    let (loaded, fetched) = shelf.load(ALGORITHMS, at(NOW + 2)).unwrap().unwrap();
    assert_eq!((loaded.keys().len(), loaded.keys()[0].id(), fetched), (1, Some("1"), at(NOW + 1)));
    let files: Vec<_> = fs::read_dir(folder.path("a/b")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(files, ["app.json"]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(shelf.file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert!(Shelf::of(&Source::SecretFile("s".into()), &folder.path(""), "app").is_none());
}

#[test]
fn secrets_are_not_written() {
    let folder = Folder::new("shelf-secret");
    let secret = b"0123456789abcdef0123456789abcdef".to_vec();
    let key = Key::new(None, Algorithm::Hs256, authorizer::Material::Secret(secret.into())).unwrap();
    shelf(&folder).write(&KeySet::new(vec![key]), at(NOW)).unwrap();
    let text = fs::read_to_string(folder.path("app.json")).unwrap();
    assert!(text.contains("\"keys\": []") && !text.contains("\"k\""), "{text}");
}

#[test]
fn a_set_is_used_for_seven_days() {
    let folder = Folder::new("shelf-age");
    let shelf = shelf(&folder);
    shelf.write(&set(), at(NOW)).unwrap();
    let week = 7 * 86_400;
    let outcome = |now| shelf.load(ALGORITHMS, at(now)).map(|found| found.is_some());
    assert!(matches!(outcome(NOW + week), Ok(true)));
    assert!(matches!(outcome(NOW + week + 1), Err(ShelfFault::TooOld { .. })));
    assert!(matches!(outcome(NOW - 300), Ok(true)));
    assert!(matches!(outcome(NOW - 301), Err(ShelfFault::FromTheFuture { .. })));
}

#[test]
fn strange_files_are_ignored() {
    let folder = Folder::new("shelf-strange");
    let shelf = shelf(&folder);
    shelf.write(&set(), at(NOW)).unwrap();
    let whole = fs::read_to_string(&shelf.file).unwrap();
    let load = || shelf.load(ALGORITHMS, at(NOW)).map(|_| ()).unwrap_err();
    for end in 0..whole.len() - 2 {
        fs::write(&shelf.file, &whole[..end]).unwrap();
        assert!(matches!(load(), ShelfFault::Strange { .. }), "{end}");
    }
    let rest = format!("\"url\":\"{URL}\",\"fetched\":{NOW}");
    let off_the_curve = format!(r#"{{"kty":"EC","crv":"P-384","x":"{}","y":"{}"}}"#, "AQ".repeat(32), "AQ".repeat(32));
    for (content, words) in [
        (format!("{{\"keys\":[{KEY}],\"url\":\"https://b.example/k\",\"fetched\":{NOW}}}"), "another URL"),
        (format!("{{\"keys\":[{KEY}],\"url\":\"{URL}\",\"fetched\":{}}}", u64::MAX), "torn"),
        (format!("{{\"keys\":[{KEY}],\"url\":\"{URL}\",\"fetched\":\"now\"}}"), "torn"),
        (format!("{{\"keys\":[{KEY}],\"fetched\":{NOW}}}"), "torn"),
        (format!("{{\"keys\":[{KEY},{KEY}],{rest}}}"), "share the `kid`"),
        (format!("{{\"keys\":[{KEY}],\"keys\":[],{rest}}}"), "torn"),
        (format!("{{\"keys\":[],{rest}}}"), "no key of one"),
        (format!("{{\"keys\":[{off_the_curve}],{rest}}}"), "not a valid point"),
        (format!("{{\"keys\":[{{\"kty\":\"oct\",\"k\":\"AAAA\"}}],{rest}}}"), "does not belong"),
        ("\0".repeat(4096), "torn"),
        ("x".repeat(1024 * 1024 + 1), "more than 1048576 bytes"),
    ] {
        fs::write(&shelf.file, &content).unwrap();
        let said = load().to_string();
        assert!(said.contains(words), "{said}");
    }
    fs::remove_file(&shelf.file).unwrap();
    fs::create_dir(&shelf.file).unwrap();
    assert!(load().to_string().contains("is not a file"));
    assert!(matches!(shelf.write(&set(), at(NOW)), Err(ShelfFault::Write { .. })));
}

#[test]
fn one_write_at_a_time_and_only_when_due() {
    let folder = Folder::new("shelf-due");
    let shelf = shelf(&folder);
    assert_eq!(shelf.begin(false), Due::Now, "never written");
    assert_eq!(shelf.begin(false), Due::Held);
    shelf.end(true);
    assert_eq!(shelf.begin(false), Due::NotYet);
    assert_eq!(shelf.begin(true), Due::Now);
    shelf.end(false);
    assert_eq!(shelf.begin(false), Due::Now, "it failed");
    assert_eq!(shelf.begin(true), Due::Held);
    shelf.end(true);
    assert_eq!(shelf.begin(false), Due::Now, "the set changed meanwhile");
}
