//! A process of its own that revokes and uses up tokens, is killed at any moment or has no room left on its disk, and what
//! the next one finds. The process is this test again, run with a journal's path in its environment.

#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use authorizer::UnixTime;
use revocations::{Error, IssuerLife, MOST_USED_TOKENS, NotTaken, RevocationWish, Revocations, Settings, UsedTokens};
use support::{TempDir, Tokens};

const NOW: UnixTime = UnixTime(1_000_000);
const JOURNAL: &str = "EDGEPASS_TEST_JOURNAL";
const THREADS: usize = 8;

fn open(path: &Path) -> Arc<Revocations> {
    let issuers = vec![IssuerLife { name: "main".into(), max_age: None, leeway: 0 }];
    Revocations::open(Settings { journal: Some(path.into()), issuers, ..Settings::default() }, NOW).unwrap()
}

fn open_used(path: &Path) -> Arc<UsedTokens> {
    UsedTokens::open(Some(&path.with_extension("used")), 0, MOST_USED_TOKENS, NOW).unwrap()
}

fn wish(id: &str) -> RevocationWish {
    let claim = Some(("jti".to_owned(), id.to_owned()));
    RevocationWish { issuer: "main".into(), claim, before: None, expires: None }
}

/// Says `revoked ID` and `used ID` when it was told so, `not kept ID` and `not taken ID` when it was not.
#[test]
#[ignore = "run by the tests below"]
fn process() {
    let path = std::env::var(JOURNAL).unwrap();
    let (all, used) = (open(path.as_ref()), open_used(path.as_ref()));
    let say = |what: &str, id: &str| writeln!(std::io::stdout().lock(), "\n{what} {id}").unwrap();
    std::thread::scope(|scope| {
        for part in 0..THREADS {
            let (all, used) = (&all, &used);
            scope.spawn(move || {
                for number in 0.. {
                    let id = format!("{}-{part}-{number}", std::process::id());
                    match all.revoke(wish(&id), NOW) {
                        Ok(_) => say("revoked", &id),
                        Err(Error::NotKept { .. }) => say("not kept", &id),
                        Err(other) => panic!("{other}"),
                    }
                    let token = Tokens::new().of(&id, "", "", 0);
                    assert!(all.holds(&token, "main"), "in effect whether it could be kept or not");
                    match used.take("main", &id, UnixTime(NOW.0 + 60), NOW) {
                        Ok(()) => say("used", &id),
                        Err(NotTaken::Journal(_)) => say("not taken", &id),
                        Err(other) => panic!("{other}"),
                    }
                }
            });
        }
    });
}

fn start(path: &Path, before: &str) -> Child {
    let script = format!("{before} exec \"$0\" --exact process --ignored --nocapture");
    Command::new("bash")
        .args(["-c", &script])
        .arg(std::env::current_exe().unwrap())
        .env(JOURNAL, path)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// The ids of those whole lines that begin so.
fn said(lines: &[String], what: &str) -> Vec<String> {
    lines.iter().filter_map(|line| line.strip_prefix(what)?.strip_prefix(' ')).map(str::to_owned).collect()
}

fn check(path: &Path, revoked: &HashSet<String>, used: &HashSet<String>) {
    let (all, taken) = (open(path), open_used(path));
    let tokens = Tokens::new();
    for id in revoked {
        assert!(all.holds(&tokens.of(id, "", "", 0), "main"), "{id} was acknowledged and is lost");
    }
    assert!(!all.holds(&tokens.of("never", "", "", 0), "main"));
    for id in used {
        let again = taken.take("main", id, UnixTime(NOW.0 + 60), NOW);
        assert!(matches!(again, Err(NotTaken::Used)), "{id} is good again");
    }
}

#[test]
fn killed_at_any_moment_nothing_acknowledged_is_lost() {
    let dir = TempDir::new();
    let path = dir.file("revocations");
    let (mut revoked, mut used) = (HashSet::new(), HashSet::new());
    for round in 0..60_u64 {
        let mut child = start(&path, "");
        let output = child.stdout.take().unwrap();
        let reader = std::thread::spawn(move || BufReader::new(output).lines().map_while(Result::ok).collect());
        // From before the journal is open to a few hundred revocations later.
        std::thread::sleep(Duration::from_millis(3 + round * 37 % 140));
        child.kill().unwrap();
        child.wait().unwrap();
        let mut lines: Vec<String> = reader.join().unwrap();
        // The last may be cut off.
        lines.pop();
        assert_eq!(said(&lines, "not kept"), Vec::<String>::new());
        revoked.extend(said(&lines, "revoked"));
        used.extend(said(&lines, "used"));
        check(&path, &revoked, &used);
    }
    eprintln!("{} revoked, {} used", revoked.len(), used.len());
    assert!(revoked.len() > 200 && used.len() > 200, "{} revoked", revoked.len());
}

#[test]
fn without_room_it_is_in_effect_and_an_error_and_the_rest_stays() {
    let dir = TempDir::new();
    let path = dir.file("revocations");
    // Files of at most 32 KiB, and an error rather than a signal beyond.
    let mut child = start(&path, "trap '' XFSZ; ulimit -f 32;");
    let mut lines = Vec::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        lines.push(line.unwrap());
        if said(&lines[lines.len() - 1..], "not kept").len() == 1 && said(&lines, "not kept").len() > 100 {
            break;
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let revoked: HashSet<_> = said(&lines, "revoked").into_iter().collect();
    let used: HashSet<_> = said(&lines, "used").into_iter().collect();
    assert!(revoked.len() > 100 && used.len() > 100 && said(&lines, "not taken").len() > 10);
    check(&path, &revoked, &used);
    let all = open(&path);
    let again = &said(&lines, "not kept")[0];
    all.revoke(wish(again), NOW).unwrap();
    drop(all);
    check(&path, &HashSet::from([again.clone()]), &used);
}

#[test]
fn a_directory_that_takes_no_file() {
    let dir = TempDir::new();
    let settings = |path: &Path| Settings { journal: Some(path.into()), ..Settings::default() };
    std::fs::write(dir.file("file"), "").unwrap();
    // `/proc` takes no file even of those that every permission is given to.
    for path in [dir.file("missing/revocations"), dir.file("file/revocations"), "/proc/self/fdinfo/r".into()] {
        let Err(error) = Revocations::open(settings(&path), NOW) else { panic!("{}", path.display()) };
        let text = error.to_string();
        assert!(error.io().is_some() && text.contains(path.to_str().unwrap()), "{text}");
    }
}
