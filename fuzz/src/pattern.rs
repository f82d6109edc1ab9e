//! Patterns, templates and routes out of configuration text. Lines: two patterns, a key, a claim as `name=value`, and then
//! texts that serve as paths and as placeholders' values.
//!
//! What two patterns say of each other is what their paths do, what `compose` makes is found again on its route, and two
//! paths of a route never have one key.

use authorizer::{
    Action, AllowSettings, BucketId, ClaimValue, IssuerSettings, ObjectPath, Pattern, Relation, RouteId, RouteSettings,
    Rules, Who,
};

use crate::site::SITE_READY;

pub fn patterns(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let lines: Vec<&str> = text.lines().collect();
    let [one, other, key, claim, texts @ ..] = lines.as_slice() else { return };
    let Ok(pattern) = Pattern::parse(one) else { return };
    let single = rules(&[route("one", one, None, 0)]).expect("a good pattern makes a good route");
    composed(&single, &pattern, texts);
    keyed(one, key, &pattern, texts);
    let row = claimed(claim);
    let _ = rules(&[RouteSettings { allow: vec![row], ..route("one", one, Some(key), 0) }]);
    if let Ok(second) = Pattern::parse(other) {
        related((one, &pattern, &single), (other, &second), texts);
    }
}

fn issuers() -> Vec<IssuerSettings> {
    SITE_READY.front.rules.issuers().all().to_vec()
}

fn rules(routes: &[RouteSettings]) -> Option<Rules> {
    match Rules::build(issuers(), routes) {
        Ok(rules) => Some(rules),
        Err(faults) => {
            assert!(!faults.is_empty() && faults.iter().all(|fault| !fault.to_string().is_empty()));
            None
        }
    }
}

fn route(name: &str, path: &str, key: Option<&str>, bucket: usize) -> RouteSettings {
    RouteSettings {
        name: name.to_owned(),
        hosts: Vec::new(),
        path: path.to_owned(),
        bucket: BucketId(bucket),
        key: key.map(str::to_owned),
        allow: vec![AllowSettings::new(Action::Read, Who::Claims(Vec::new()))],
        upload: None,
        any_origin: false,
    }
}

fn claimed(claim: &str) -> AllowSettings {
    let (name, value) = claim.split_once('=').unwrap_or((claim, ""));
    let value = value.parse().map_or_else(|_| ClaimValue::Text(value.to_owned()), ClaimValue::Integer);
    let row = AllowSettings::new(Action::Read, Who::Claims(vec![(name.to_owned(), vec![value])]));
    AllowSettings { paths: Some(name.to_owned()), ..row }
}

fn paths(texts: &[&str]) -> impl Iterator<Item = ObjectPath> {
    texts.iter().filter_map(|text| ObjectPath::from_target(text).ok())
}

/// The path of a placeholder's values, where they fit.
fn compose(rules: &Rules, pattern: &Pattern, texts: &[&str]) -> Option<ObjectPath> {
    let values: Vec<String> = texts.iter().take(pattern.names().len()).map(|text| (*text).to_owned()).collect();
    let fit = values.len() == pattern.names().len()
        && values.iter().enumerate().all(|(at, value)| rules.takes(RouteId(0), at, value));
    fit.then(|| rules.compose(RouteId(0), &values).ok()).flatten()
}

fn composed(rules: &Rules, pattern: &Pattern, texts: &[&str]) {
    if let Some(path) = compose(rules, pattern, texts) {
        let reserved = path.as_str() == "/_edgepass" || path.as_str().starts_with("/_edgepass/");
        assert_eq!(rules.route_of("", &path), (!reserved).then_some(RouteId(0)), "{path:?}");
    }
}

fn keyed(one: &str, key: &str, pattern: &Pattern, texts: &[&str]) {
    let Some(rules) = rules(&[route("one", one, Some(key), 0)]) else { return };
    let keys = pattern.of_keys(key).expect("the key was taken");
    let whole = pattern.names().iter().all(|name| key.contains(&format!("{{{name}}}")));
    let composed = compose(&rules, pattern, texts);
    let mut known: Vec<(String, ObjectPath)> = Vec::new();
    for path in paths(texts).chain(composed) {
        let Some(key) = rules.key_in(RouteId(0), &path) else { continue };
        match ObjectPath::from_decoded(format!("/{key}")) {
            Ok(as_path) => assert_eq!(takes(&keys, &as_path), Some(true), "{keys:?} {key}"),
            Err(fault) => assert_eq!(fault, authorizer::PathFault::TooLong, "{key}"),
        }
        let same = known.iter().find(|(other, at)| *other == key && *at != path);
        assert!(!whole || same.is_none(), "{path:?} and {same:?} are one object");
        known.push((key, path));
    }
}

/// Whether a pattern has a path; none where it is one of our own, which no route has.
fn takes(pattern: &Pattern, path: &ObjectPath) -> Option<bool> {
    if path.as_str() == "/_edgepass" || path.as_str().starts_with("/_edgepass/") {
        return Some(true);
    }
    let text = written(pattern);
    Some(rules(&[route("keys", &text, None, 0)])?.route_of("", path).is_some())
}

/// The pattern's text, by filling each placeholder with itself.
fn written(pattern: &Pattern) -> String {
    let kinds = pattern.names().iter().enumerate().map(|(at, name)| match pattern.kind(at) {
        _ if pattern.is_rest(at) => format!("{{{name}...}}"),
        authorizer::Kind::Segment => format!("{{{name}}}"),
        kind => format!("{{{name}:{}}}", format!("{kind:?}").to_lowercase()),
    });
    pattern.fill(&kinds.collect::<Vec<_>>())
}

fn related((one, a, single): (&str, &Pattern, &Rules), (other, b): (&str, &Pattern), texts: &[&str]) {
    let relation = a.relation(b);
    let back = match relation {
        Relation::Inside => Relation::Around,
        Relation::Around => Relation::Inside,
        same => same,
    };
    assert_eq!(b.relation(a), back);
    assert_eq!((a.relation(a), b.relation(b)), (Relation::Equal, Relation::Equal));
    let second = rules(&[route("other", other, None, 0)]).expect("a good pattern makes a good route");
    let both = rules(&[route("one", one, None, 0), route("other", other, None, 1)]);
    assert_eq!(both.is_none(), matches!(relation, Relation::Equal | Relation::Crossing));
    for path in paths(texts).chain(compose(single, a, texts)).chain(compose(&second, b, texts)) {
        let (in_one, in_other) = (single.route_of("", &path).is_some(), second.route_of("", &path).is_some());
        let possible = match relation {
            Relation::Disjoint => !(in_one && in_other),
            Relation::Equal => in_one == in_other,
            Relation::Inside => in_other || !in_one,
            Relation::Around => in_one || !in_other,
            Relation::Crossing => true,
        };
        assert!(possible, "{one} is {relation:?} {other}: {path:?} is in the first {in_one}, the second {in_other}");
        if let Some(both) = &both {
            let expected = match (in_one, in_other) {
                (true, true) => Some(RouteId(usize::from(relation == Relation::Around))),
                (true, false) => Some(RouteId(0)),
                (false, true) => Some(RouteId(1)),
                (false, false) => None,
            };
            assert_eq!(both.route_of("", &path), expected, "the more special of {one} and {other} for {path:?}");
        }
    }
}
