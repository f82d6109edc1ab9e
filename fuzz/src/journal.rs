//! Journals as they may lie on a disk. `!` and a journal's bytes; or lines of records, to which their sums are added.
//!
//! What cannot be read is an error. What can is the same when it is read again, takes more, and holds what it took.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use authorizer::UnixTime;
use revocations::{IssuerLife, RevocationWish, Revocations, Settings, UsedTokens};

use crate::site::NOW;

/// In memory where there is such a place: a journal waits for its disk.
static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let memory = Path::new("/dev/shm");
    let base = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    let folder = base.join(format!("edgepass-fuzz-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    folder
});

pub fn journal(data: &[u8]) {
    let (revocations, used) = (FOLDER.join("revocations"), FOLDER.join("used"));
    match data.strip_prefix(b"!") {
        Some(raw) => {
            fs::write(&revocations, raw).expect("a file");
            fs::write(&used, raw).expect("a file");
        }
        None => {
            fs::write(&revocations, summed("edgepass revocations 1", data)).expect("a file");
            fs::write(&used, summed("edgepass used tokens 1", data)).expect("a file");
        }
    }
    revoked(&revocations);
    used_up(&used);
    let _ = fs::remove_dir_all(&*FOLDER);
    fs::create_dir_all(&*FOLDER).expect("a folder");
}

/// The form of `revocations/src/line.rs`.
fn summed(word: &str, lines: &[u8]) -> Vec<u8> {
    let heading = format!("[\"{word}\"]");
    let mut journal = Vec::new();
    let mut sum = 0;
    let records = lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    for records in std::iter::once(heading.as_bytes()).chain(records) {
        let mut hasher = crc32fast::Hasher::new_with_initial(sum);
        hasher.update(records);
        sum = hasher.finalize();
        journal.extend_from_slice(format!("{{\"sum\":\"{sum:08x}\",\"records\":").as_bytes());
        journal.extend_from_slice(records);
        journal.extend_from_slice(b"}\n");
    }
    journal
}

fn settings(path: &Path) -> Settings {
    let issuers = vec![IssuerLife { name: "main".to_owned(), max_age: Some(3600), leeway: 30 }];
    Settings { journal: Some(path.to_owned()), issuers, ..Settings::default() }
}

fn revoked(path: &Path) {
    let Ok(all) = Revocations::open(settings(path), NOW) else { return };
    let (entries, opened) = (all.status().entries, all.opened().expect("it has a journal"));
    drop(all);
    let again = Revocations::open(settings(path), NOW).unwrap_or_else(|error| panic!("what was read once: {error}"));
    let twice = again.opened().expect("it has a journal");
    assert_eq!((again.status().entries, twice.records, twice.torn), (entries, opened.records, None));
    let claim = Some(("jti".to_owned(), "a new one of its kind".to_owned()));
    let wish = RevocationWish { issuer: "main".to_owned(), claim, before: None, expires: None };
    again.revoke(wish, NOW).unwrap_or_else(|error| panic!("it takes more: {error}"));
    let with_it = again.status().entries;
    drop(again);
    let last = Revocations::open(settings(path), NOW).unwrap_or_else(|error| panic!("what was written: {error}"));
    assert_eq!((last.status().entries, last.opened().map(|opened| opened.records)), (with_it, Some(twice.records + 1)));
}

fn used_up(path: &Path) {
    let open = || UsedTokens::open(Some(path), 30, 1000, NOW);
    let Ok(all) = open() else { return };
    let first = all.take("main", "a new one of its kind", UnixTime(NOW.0 + 60), NOW);
    let entries = all.status().entries;
    drop(all);
    let again = open().unwrap_or_else(|error| panic!("what was read once: {error}"));
    assert_eq!(again.status().entries, entries);
    if first.is_ok() {
        assert!(again.take("main", "a new one of its kind", UnixTime(NOW.0 + 60), NOW).is_err(), "used is used");
    }
}
