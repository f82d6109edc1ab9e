use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::*;
use crate::support::{TempDir, Tokens};

const NOW: UnixTime = UnixTime(1_000_000);

fn settings(journal: Option<PathBuf>, max_age: Option<i64>) -> Settings {
    let life = |name: &str, max_age| IssuerLife { name: name.to_owned(), max_age, leeway: 5 };
    Settings { journal, issuers: vec![life("main", max_age), life("links", Some(900))], ..Settings::default() }
}

fn by(claim: &str, value: &str) -> RevocationWish {
    let claim = Some((claim.to_owned(), value.to_owned()));
    RevocationWish { issuer: "main".into(), claim, before: None, expires: None }
}

fn at(seconds: i64) -> UnixTime {
    UnixTime(NOW.0 + seconds)
}

#[test]
fn by_each_claim_by_time_and_by_issuer() {
    let all = Revocations::open(settings(None, Some(600)), NOW).unwrap();
    let tokens = Tokens::new();
    let token = tokens.of("t", "u", "s", NOW.0 - 10);
    assert_eq!(all.clean_at(&token, "main"), Some(0));
    for wish in [by("jti", "other"), by("sub", "t"), RevocationWish { before: Some(at(-10)), ..by("sub", "u") }] {
        all.revoke(wish, NOW).unwrap();
        assert!(!all.holds(&token, "main"));
    }
    for claim in [Some(("jti", "t")), Some(("sub", "u")), Some(("sid", "s")), None] {
        let all = Revocations::open(settings(None, Some(600)), NOW).unwrap();
        let claim = claim.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let wish = RevocationWish { issuer: "main".into(), claim, before: Some(at(-9)), expires: None };
        let before = all.version();
        let done = all.revoke(wish, NOW).unwrap();
        assert_eq!(done.until, Some(at(-9 + 600 + 5 + 60)));
        assert!(all.holds(&token, "main") && all.version() > before && all.clean_at(&token, "main").is_none());
        assert!(!all.holds(&tokens.of("t", "u", "s", NOW.0 - 9), "main"), "issued since");
        assert!(!all.holds(&token, "elsewhere"));
        all.expire(at(655));
        assert!(all.holds(&token, "main"));
        all.expire(at(656));
        assert!(!all.holds(&token, "main") && all.status().entries == 0);
    }
}

#[test]
fn a_link_goes_with_its_token_and_by_itself() {
    let tokens = Tokens::new();
    let link = tokens.token(
        r#"{"iss":"https://site/_edgepass/links","jti":"l","iat":5,
            "of":{"issuer":"main","iat":3,"claims":{"sub":"u","roles":["a",7]}}}"#,
    );
    let of = |issuer: &str, claim: Option<(&str, &str)>, before: i64| RevocationWish {
        issuer: issuer.into(),
        claim: claim.map(|(name, value)| (name.into(), value.into())),
        before: Some(UnixTime(before)),
        expires: None,
    };
    for (wish, held) in [
        (of("main", Some(("sub", "u")), 4), true),
        (of("main", Some(("sub", "u")), 3), false),
        (of("main", Some(("roles", "7")), 4), true),
        (of("main", None, 4), true),
        (of("links", Some(("jti", "l")), 6), true),
        (of("links", Some(("jti", "l")), 5), false),
        (of("links", None, 6), true),
        (of("links", Some(("sub", "u")), 6), false),
    ] {
        let mut settings = settings(None, None);
        settings.claims.push("roles".into());
        let all = Revocations::open(settings, NOW).unwrap();
        all.revoke(wish.clone(), UnixTime(10)).unwrap();
        assert_eq!(all.holds(&link, "links"), held, "{wish:?}");
    }
}

#[test]
fn survives_reopening_without_what_is_over() {
    let dir = TempDir::new();
    let path = dir.file("revocations");
    let tokens = Tokens::new();
    let open = |now| Revocations::open(settings(Some(path.clone()), None), now).unwrap();
    let all = open(NOW);
    assert!(all.opened().unwrap().new);
    all.revoke(by("jti", "ever \"\n\u{1f512}"), NOW).unwrap();
    all.revoke(RevocationWish { expires: Some(at(100)), ..by("jti", "short") }, NOW).unwrap();
    all.revoke(RevocationWish { before: Some(NOW), ..by("sub", "u") }, NOW).unwrap();
    drop(all);
    let all = open(at(100 + 65));
    assert_eq!((all.opened().unwrap().records, all.status().entries), (3, 2));
    assert!(all.holds(&tokens.of("ever \\\"\\n🔒", "", "", 0), "main"));
    assert!(all.holds(&tokens.of("", "u", "", NOW.0 - 1), "main"));
    assert!(!all.holds(&tokens.of("short", "u", "", NOW.0), "main"));
}

/// Many threads, so that an fsync serves many.
fn revoke_many(all: &Revocations, each: impl Fn(i64) -> (String, UnixTime) + Sync) {
    thread::scope(|scope| {
        for part in 0..64 {
            let each = &each;
            scope.spawn(move || {
                for number in 0..75 {
                    let (id, now) = each(part * 75 + number);
                    all.revoke(by("jti", &id), now).unwrap();
                }
            });
        }
    });
}

#[test]
fn written_anew_while_running_when_much_is_said_again() {
    let dir = TempDir::new();
    let path = dir.file("revocations");
    let all = Revocations::open(settings(Some(path.clone()), Some(600)), NOW).unwrap();
    all.revoke(by("jti", "first"), NOW).unwrap();
    revoke_many(&all, |number| ("again".into(), at(number % 50)));
    assert_eq!(all.status().entries, 2);
    drop(all);
    let all = Revocations::open(settings(Some(path), Some(600)), at(60)).unwrap();
    assert!(all.opened().unwrap().records < 4096, "{:?} of 4801", all.opened());
    assert_eq!(all.status().entries, 2);
    assert!(all.holds(&Tokens::new().of("first", "", "", 0), "main"));
    all.expire(at(49 + 5 + 600 + 5 + 60 - 1));
    assert!(all.holds(&Tokens::new().of("again", "", "", 0), "main"), "the latest end of all");
}

#[test]
fn written_anew_at_start_when_much_is_over() {
    let dir = TempDir::new();
    let path = dir.file("revocations");
    let all = Revocations::open(settings(Some(path.clone()), Some(600)), NOW).unwrap();
    revoke_many(&all, |number| (number.to_string(), NOW));
    all.revoke(by("jti", "last"), at(50)).unwrap();
    assert!(all.status().journal_bytes > 4801 * 60);
    drop(all);
    let all = Revocations::open(settings(Some(path), Some(600)), at(700)).unwrap();
    assert_eq!((all.opened().unwrap().records, all.status().entries), (4801, 1));
    assert!(all.status().journal_bytes < 200, "{:?}", all.status());
    assert!(all.holds(&Tokens::new().of("last", "", "", 0), "main"));
}

#[test]
fn full_is_said_and_what_is_over_makes_room() {
    let all = Revocations::open(Settings { most: 3, ..settings(None, Some(600)) }, NOW).unwrap();
    for id in ["1", "2", "3", "3"] {
        all.revoke(by("jti", id), NOW).unwrap();
    }
    assert!(matches!(all.revoke(by("jti", "4"), NOW), Err(Error::Full { most: 3 })));
    all.revoke(by("jti", "4"), at(700)).unwrap();
    assert_eq!(all.status().entries, 1);
}

#[test]
fn a_new_configuration_keeps_what_is_revoked_and_asks_again() {
    let all = Revocations::open(settings(None, None), NOW).unwrap();
    let token = Tokens::new().token(r#"{"iss":"main","sub":"u","org":{"id":7}}"#);
    all.revoke(by("sub", "u"), NOW).unwrap();
    let version = all.version();
    all.change(&["org.id".into()], vec![IssuerLife { name: "main".into(), max_age: None, leeway: 0 }]);
    assert!(all.version() > version && !all.holds(&token, "main"));
    all.revoke(by("org.id", "7"), NOW).unwrap();
    assert!(all.holds(&token, "main"));
    assert!(matches!(all.revoke(by("sub", "u"), NOW), Err(Error::UnknownClaim { .. })));
}

#[test]
fn a_check_that_begins_after_a_revocation_returned_sees_it() {
    const EACH: usize = 400;
    let dir = TempDir::new();
    let all = Revocations::open(settings(Some(dir.file("revocations")), None), NOW).unwrap();
    let tokens = Tokens::new();
    let done: Vec<AtomicUsize> = (0..8).map(|_| AtomicUsize::new(0)).collect();
    let checked = AtomicUsize::new(0);
    thread::scope(|scope| {
        for (writer, done) in done.iter().enumerate() {
            let (all, tokens, checked) = (&all, &tokens, &checked);
            scope.spawn(move || {
                for number in 0..EACH {
                    all.revoke(by("jti", &format!("{writer}-{number}")), NOW).unwrap();
                    done.store(number + 1, Ordering::Release);
                }
            });
            scope.spawn(move || {
                // The memory of verified tokens: clean at a version.
                let mut number = 0;
                while number < EACH {
                    let token = tokens.of(&format!("{writer}-{number}"), "", "", 0);
                    let clean_at = all.clean_at(&token, "main");
                    while done.load(Ordering::Acquire) <= number {
                        thread::yield_now();
                    }
                    assert!(all.holds(&token, "main"));
                    assert_ne!(clean_at, Some(all.version()), "remembered as clean though revoked");
                    checked.fetch_add(1, Ordering::Relaxed);
                    number += 1;
                }
            });
        }
    });
    assert_eq!(checked.into_inner(), 8 * EACH);
}

/// Numbers that look random, the same every time (SplitMix64).
struct Random(u64);

impl Random {
    fn below(&mut self, end: i64) -> i64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        i64::try_from((mixed ^ (mixed >> 31)) >> 1).unwrap() % end
    }
}

/// Every revocation by itself, as its documentation says.
fn revoked(list: &[Revocation], (jti, sub, sid): (i64, i64, i64), issued: i64, now: i64) -> bool {
    list.iter().any(|revocation| {
        let meets = match &revocation.claim {
            None => true,
            Some((name, value)) => {
                let own = [("jti", jti), ("sub", sub), ("sid", sid)].iter().find(|(own, _)| own == name).unwrap().1;
                own.to_string() == *value
            }
        };
        meets
            && revocation.before.is_none_or(|before| issued < before.0)
            && revocation.until.is_none_or(|until| now < until.0)
    })
}

#[test]
fn as_a_naive_list_says() {
    let tokens = Tokens::new();
    let dir = TempDir::new();
    let (mut yes, mut no) = (0, 0);
    for seed in 0..60 {
        let path = dir.file(&seed.to_string());
        let mut random = Random(seed);
        let max_age = if seed % 2 == 0 { Some(100) } else { None };
        let open = |now| Revocations::open(settings(Some(path.clone()), max_age), UnixTime(now)).unwrap();
        let (mut now, mut list) = (5000, Vec::new());
        let mut all = open(now);
        for _ in 0..40 {
            match random.below(10) {
                0..4 => {
                    let claim = [None, Some("jti"), Some("sub"), Some("sid")]
                        [usize::try_from(random.below(40)).unwrap().min(3)];
                    let claim = claim.map(|name| (name.to_owned(), random.below(3).to_string()));
                    // With an end that is given, only what the list cannot judge otherwise than by its end.
                    let before = (random.below(2) == 0).then(|| UnixTime(now - 60 + random.below(80)));
                    let expires = (max_age.is_none() && before.is_none()).then(|| UnixTime(now + random.below(200)));
                    let wish = RevocationWish { issuer: "main".into(), claim, before, expires };
                    list.push(all.revoke(wish, UnixTime(now)).unwrap());
                }
                4 => {
                    drop(all);
                    all = open(now);
                }
                _ => now += random.below(30),
            }
            all.expire(UnixTime(now));
            for _ in 0..5 {
                let (jti, sub, sid) = (random.below(3), random.below(3), random.below(3));
                let issued = now - 100 + random.below(110);
                let token = tokens.of(&jti.to_string(), &sub.to_string(), &sid.to_string(), issued);
                let wanted = revoked(&list, (jti, sub, sid), issued, now);
                assert_eq!(
                    all.holds(&token, "main"),
                    wanted,
                    "seed {seed}: {list:#?} {jti} {sub} {sid} {issued} {now}"
                );
                if wanted { yes += 1 } else { no += 1 }
            }
        }
    }
    assert!(yes > 1000 && no > 1000, "{yes} {no}");
}
