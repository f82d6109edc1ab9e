//! Overlapping routes are found through a tree; every pair compared by hand finds the same ones.

use authorizer::{BucketId, Part, Pattern, Relation, RouteSettings, Rules};

use crate::explained::Random;
use crate::site::{issuer, read, route};

/// Patterns of few segments out of few, so that many meet.
fn pattern(random: &mut Random) -> String {
    const SEGMENTS: [&str; 12] =
        ["a", "b", "7", "{x}", "{x:int}", "{x:slug}", "{x:uuid}", "v{x:int}", "v{x}", "{x}.png", "v7", "{x:date}"];
    let length = 1 + random.below(3);
    let mut text = String::new();
    for number in 0..length {
        let segment = SEGMENTS[usize::try_from(random.below(12)).unwrap()];
        text.push('/');
        text.push_str(&segment.replace('x', &format!("x{number}")));
    }
    if random.below(4) == 0 { text + "/{rest...}" } else { text }
}

/// By the definition in `docs/reference/configuration.md`: two routes of one host whose paths are the same, or overlap and
/// neither is inside the other.
fn by_pairs(routes: &[RouteSettings]) -> Vec<(usize, String)> {
    let patterns: Vec<Pattern> = routes.iter().map(|route| Pattern::parse(&route.path).unwrap()).collect();
    let mut found = Vec::new();
    for (later, pattern) in patterns.iter().enumerate() {
        for earlier in 0..later {
            if matches!(pattern.relation(&patterns[earlier]), Relation::Equal | Relation::Crossing) {
                found.push((later, routes[earlier].name.clone()));
            }
        }
    }
    found
}

#[test]
fn the_tree_finds_what_all_pairs_find() {
    let mut random = Random(42);
    let (mut clean, mut clashing) = (0, 0);
    for _ in 0..4000 {
        let count = 2 + random.below(7);
        let routes: Vec<_> =
            (0..count).map(|number| route(&format!("r{number}"), &pattern(&mut random), vec![read(&[])])).collect();
        let expected = by_pairs(&routes);
        let found: Vec<(usize, String)> = match Rules::build(vec![issuer("app")], &routes) {
            Ok(_) => Vec::new(),
            Err(faults) => {
                let named = |message: &str| message.split('`').nth(1).unwrap().to_owned();
                assert!(faults.iter().all(|fault| fault.part == Part::Path), "{faults:?}");
                faults.iter().map(|fault| (fault.route, named(&fault.message))).collect()
            }
        };
        assert_eq!(found, expected, "{:?}", routes.iter().map(|route| &route.path).collect::<Vec<_>>());
        if expected.is_empty() { clean += 1 } else { clashing += 1 }
    }
    assert!(clean > 200 && clashing > 200, "{clean} without, {clashing} with");
}

/// What is said of two patterns is true of paths: none is of both where they are disjoint, and where one is inside the other
/// all of its paths are the other's.
#[test]
fn relations_hold_for_paths() {
    const SEGMENTS: [&str; 8] =
        ["a", "7", "v7", "vx", "x.png", "v7.png", "2026-11-22", "9f0c2d9e-1111-4222-8333-abcdefabcdef"];
    let mut paths: Vec<String> = vec![String::new()];
    let mut last = paths.clone();
    for _ in 0..3 {
        last = last.iter().flat_map(|path| SEGMENTS.map(|segment| format!("{path}/{segment}"))).collect();
        paths.extend(last.clone());
    }
    let paths: Vec<_> = paths[1..].iter().map(|text| crate::site::path(text)).collect();
    let mut random = Random(7);
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..300 {
        let (one, other) = (pattern(&mut random), pattern(&mut random));
        let of = |path: &str| Rules::build(vec![issuer("app")], &[route("r", path, vec![read(&[])])]).unwrap();
        let (rules, others) = (of(&one), of(&other));
        let relation = Pattern::parse(&one).unwrap().relation(&Pattern::parse(&other).unwrap());
        seen.insert(format!("{relation:?}"));
        for path in &paths {
            let (of_one, of_other) = (rules.route_of("", path).is_some(), others.route_of("", path).is_some());
            let holds = match relation {
                Relation::Disjoint => !(of_one && of_other),
                Relation::Equal => of_one == of_other,
                Relation::Inside => !of_one || of_other,
                Relation::Around => !of_other || of_one,
                Relation::Crossing => true,
            };
            assert!(holds, "{one} is {relation:?} {other}, but {path:?}");
        }
    }
    assert_eq!(seen.len(), 5, "{seen:?}");
}

/// One object under two sets of rules: keys of one bucket that can be equal.
#[test]
fn keys_that_can_be_equal() {
    let with_key = |name: &str, path: &str, key: &str, bucket| RouteSettings {
        key: Some(key.to_owned()),
        bucket: BucketId(bucket),
        ..route(name, path, vec![read(&[])])
    };
    let clash = |routes: &[RouteSettings]| match Rules::build(vec![issuer("app")], routes) {
        Ok(_) => false,
        Err(faults) => faults.iter().any(|fault| fault.part == Part::Key),
    };
    for (one, other, expected) in [
        ("x/{n}", "x/{n}", true),
        ("x/{n}", "x/a", true),
        ("x/{n}", "{n}/a", true),
        ("x/{n}", "y/{n}", false),
        ("x/{n}", "x/{n}/b", false),
        ("v{n}", "{n}.png", true),
    ] {
        let pair = |bucket| [with_key("one", "/one/{n}", one, 0), with_key("other", "/other/{n}", other, bucket)];
        assert_eq!(clash(&pair(0)), expected, "{one} {other}");
        assert!(!clash(&pair(1)), "{one} {other} in two buckets");
    }
}
