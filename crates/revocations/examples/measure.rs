//! What revocations cost: `cargo run --release -p revocations --example measure`, in the directory whose disk is meant.
#![allow(clippy::unwrap_used, clippy::cast_precision_loss)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use authorizer::UnixTime;
use revocations::{IssuerLife, MOST_REVOCATIONS, MOST_USED_TOKENS, RevocationWish, Revocations, Settings, UsedTokens};
use support::Tokens;

const NOW: UnixTime = UnixTime(1_800_000_000);
const MILLION: usize = 1_000_000;

fn open(journal: Option<PathBuf>) -> Arc<Revocations> {
    let issuers = vec![IssuerLife { name: "main".into(), max_age: Some(86400), leeway: 30 }];
    Revocations::open(Settings { journal, issuers, ..Settings::default() }, NOW).unwrap()
}

fn revoke(all: &Revocations, id: &str) {
    let claim = Some(("jti".to_owned(), id.to_owned()));
    all.revoke(RevocationWish { issuer: "main".into(), claim, before: None, expires: None }, NOW).unwrap();
}

/// As long as a UUID.
fn id(number: usize) -> String {
    format!("0b54f14e-7c1c-4fb8-9d10-{number:012}")
}

/// Bytes of memory that the process has.
fn resident() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

fn memory() {
    let before = resident();
    let all = open(None);
    let mut slowest = Duration::ZERO;
    for number in 0..MOST_REVOCATIONS {
        let id = id(number);
        let begun = Instant::now();
        revoke(&all, &id);
        slowest = slowest.max(begun.elapsed());
        if [MILLION, 2 * MILLION, MOST_REVOCATIONS].contains(&(number + 1)) {
            let bytes = resident() - before;
            println!("memory of {} entries: {} MB, {} bytes each", number + 1, bytes >> 20, bytes / (number + 1));
        }
        if number + 1 == MILLION {
            checks(&all);
        }
    }
    println!("slowest addition in memory: {slowest:?}");
    let begun = Instant::now();
    all.expire(NOW);
    println!("sweep of {MOST_REVOCATIONS}: {:?}", begun.elapsed());
}

/// Nanoseconds that this thread has had a processor: others may be at work on the machine.
fn busy() -> u64 {
    let times = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    times.split(' ').next().unwrap().parse().unwrap()
}

/// Few tokens lie in the processor's caches, as that of the request does; many do not, and each costs its own memory's time.
fn checks(all: &Revocations) {
    let tokens = Tokens::new();
    for count in [100, 10_000] {
        let clean: Vec<_> =
            (0..count).map(|n| tokens.of(&id(n + 5 * MILLION), &id(n + 6 * MILLION), &id(n), 0)).collect();
        for _ in 0..3 {
            let begun = busy();
            let held = (0..MILLION / count)
                .map(|_| clean.iter().filter(|token| all.holds(token, "main")).count())
                .sum::<usize>();
            println!("holds, {count} tokens: {} ns ({held} revoked)", (busy() - begun) / MILLION as u64);
        }
    }
    let begun = busy();
    let sum = (0..MILLION).fold(0, |sum, _| sum ^ std::hint::black_box(all).version());
    println!("version: {} ps ({sum})", (busy() - begun) * 1000 / MILLION as u64);
}

fn throughput(path: PathBuf) {
    let all = open(Some(path));
    for callers in [1_usize, 16, 64] {
        let begun = Instant::now();
        let count = std::thread::scope(|scope| {
            let run = |caller| {
                let all = &all;
                move || {
                    let mut count = 0_usize;
                    while begun.elapsed() < Duration::from_secs(3) {
                        revoke(all, &id(callers * 100_000_000 + caller * 1_000_000 + count));
                        count += 1;
                    }
                    count
                }
            };
            let callers: Vec<_> = (0..callers).map(|caller| scope.spawn(run(caller))).collect();
            callers.into_iter().map(|caller| caller.join().unwrap()).sum::<usize>()
        });
        println!("revoke with fsync, {callers} callers: {:.0}/s", count as f64 / begun.elapsed().as_secs_f64());
    }
}

fn opening(path: PathBuf) {
    let all = open(Some(path.clone()));
    std::thread::scope(|scope| {
        for part in 0..500 {
            let all = &all;
            scope.spawn(move || (part * 2000..(part + 1) * 2000).for_each(|number| revoke(all, &id(number))));
        }
    });
    println!("journal of a million: {} MB", all.status().journal_bytes >> 20);
    drop(all);
    let begun = Instant::now();
    let all = open(Some(path));
    println!("open of {}: {:?}", all.status().entries, begun.elapsed());
}

fn used(path: &Path) {
    let before = resident();
    let used = UsedTokens::open(Some(path), 30, MOST_USED_TOKENS, NOW).unwrap();
    let (begun, mut slowest) = (Instant::now(), Duration::ZERO);
    for number in 0..MOST_USED_TOKENS {
        let id = id(number);
        let begun = Instant::now();
        used.take("links", &id, UnixTime(NOW.0 + 60), NOW).unwrap();
        slowest = slowest.max(begun.elapsed());
    }
    let each = begun.elapsed() / u32::try_from(MOST_USED_TOKENS).unwrap();
    println!("take: {each:?} each, slowest {slowest:?}, {} MB of memory", (resident() - before) >> 20);
    drop(used);
    let begun = Instant::now();
    let used = UsedTokens::open(Some(path), 30, MOST_USED_TOKENS, NOW).unwrap();
    println!("open of {} used: {:?}", used.status().entries, begun.elapsed());
}

fn main() {
    if std::env::args().nth(1).as_deref() == Some("checks") {
        let all = open(None);
        (0..MILLION).for_each(|number| revoke(&all, &id(number)));
        return checks(&all);
    }
    let dir = PathBuf::from(format!("measure-revocations-{}", std::process::id()));
    std::fs::create_dir(&dir).unwrap();
    memory();
    throughput(dir.join("throughput"));
    opening(dir.join("opening"));
    used(&dir.join("used"));
    std::fs::remove_dir_all(&dir).unwrap();
}
