use std::sync::Barrier;
use std::thread;

use super::*;
use crate::support::TempDir;

const NOW: UnixTime = UnixTime(1_000_000);

fn at(seconds: i64) -> UnixTime {
    UnixTime(NOW.0 + seconds)
}

fn open(path: Option<&Path>, now: UnixTime) -> Arc<UsedTokens> {
    UsedTokens::open(path, 5, MOST_USED_TOKENS, now).unwrap()
}

#[test]
fn exactly_one_of_many() {
    let dir = TempDir::new();
    let used = open(Some(&dir.file("used")), NOW);
    let barrier = Barrier::new(16);
    for round in 0..200 {
        let id = round.to_string();
        let taken = thread::scope(|scope| {
            let takers: Vec<_> = (0..16)
                .map(|_| {
                    scope.spawn(|| {
                        barrier.wait();
                        used.take("main", &id, at(60), NOW)
                    })
                })
                .collect();
            takers.into_iter().map(|taker| taker.join().unwrap()).map(|taken| usize::from(taken.is_ok())).sum::<usize>()
        });
        assert_eq!(taken, 1, "round {round}");
    }
    assert!(used.take("other", "0", at(60), NOW).is_ok(), "an id is the issuer's own");
}

#[test]
fn a_restart_makes_nothing_good_again() {
    let dir = TempDir::new();
    let path = dir.file("used");
    open(Some(&path), NOW).take("main", "a", at(60), NOW).unwrap();
    let last = at(60 + 5 + LATER - 1);
    assert!(matches!(open(Some(&path), last).take("main", "a", at(60), last), Err(NotTaken::Used)));
    let later = at(60 + 5 + LATER);
    let used = open(Some(&path), later);
    assert_eq!((used.opened().unwrap().records, used.status().entries), (1, 0));
}

#[test]
fn honoured_late_by_the_leeway_is_remembered_too() {
    let used = open(None, NOW);
    used.take("main", "a", at(-4), NOW).unwrap();
    assert!(matches!(used.take("main", "a", at(-4), at(2 + SWEEP)), Err(NotTaken::Used)));
}

#[test]
fn full_refuses_and_what_is_over_makes_room() {
    let used = UsedTokens::open(None, 5, 2, NOW).unwrap();
    for id in ["a", "b"] {
        used.take("main", id, at(60), NOW).unwrap();
    }
    assert!(matches!(used.take("main", "c", at(60), NOW), Err(NotTaken::Full)));
    assert!(matches!(used.take("main", "a", at(60), NOW), Err(NotTaken::Used)));
    used.take("main", "c", at(300), at(200)).unwrap();
}

#[test]
fn the_journal_is_written_anew_beside_the_requests() {
    let dir = TempDir::new();
    let path = dir.file("used");
    let used = open(Some(&path), NOW);
    for number in 0..10_000 {
        used.take("main", &number.to_string(), at(60), NOW).unwrap();
    }
    let before = used.status().journal_bytes;
    for number in 0..10 {
        used.take("main", &format!("late {number}"), at(660), at(600)).unwrap();
    }
    drop(used);
    let used = open(Some(&path), at(600));
    assert!(used.status().journal_bytes < before / 50, "{:?}", used.status());
    assert_eq!(used.opened().unwrap().records, 10, "written anew by the earlier run");
    assert!(matches!(used.take("main", "late 3", at(660), at(601)), Err(NotTaken::Used)));
}
