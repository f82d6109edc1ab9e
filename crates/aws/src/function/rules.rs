//! The site's rules as the literal that `viewer-request.js` describes.

use authorizer::{Action, AllowSettings, ClaimValue, Kind, Pattern, RouteSettings, Who};
use front::{Carrier, SiteSettings};
use serde_json::json;

use crate::behaviours::Behaviour;

/// A placeholder that takes any one segment, and one that takes all that is left.
const ANY: usize = 4;
const REST: usize = 5;

/// The rules have been built once, so everything in them can be read.
pub fn literal(site: &SiteSettings, behaviours: &[Behaviour]) -> String {
    let mut routes: Vec<(Vec<Segment>, &RouteSettings, Pattern)> = site
        .routes
        .iter()
        .filter_map(|route| Pattern::parse(&route.path).ok().map(|pattern| (segments(route, &pattern), route, pattern)))
        .collect();
    routes.sort_by_cached_key(|(segments, _, _)| segments.iter().map(Segment::rank).collect::<Vec<_>>());
    let routes = routes.iter().map(|(segments, route, pattern)| route_literal(segments, route, pattern));
    let query: Vec<&str> = site.carriers.iter().filter_map(|carrier| named(carrier, false)).collect();
    let cookie = site.carriers.iter().find_map(|carrier| named(carrier, true));
    let issuers = site.issuers.iter().map(|issuer| {
        object([
            ("name", Some(text(&issuer.name))),
            ("iss", Some(text(&issuer.issuer))),
            ("aud", issuer.audiences.first().map(|audience| text(audience))),
            ("reads", flag(issuer.may.contains(&Action::Read))),
            ("leeway", Some(issuer.leeway.to_string())),
            ("age", issuer.max_age.map(|age| age.to_string())),
        ])
    });
    object([
        ("apps", Some(list(site.apps.iter().map(|app| text(app))))),
        ("policy", Some(text(front::resource_policy(&site.origin, &site.apps)))),
        ("header", flag(site.carriers.contains(&Carrier::Header))),
        ("query", Some(list(query.into_iter().map(text)))),
        ("cookie", cookie.map(text)),
        ("issuers", Some(list(issuers))),
        ("buckets", Some(buckets(behaviours))),
        ("routes", Some(list(routes))),
    ])
}

fn named(carrier: &Carrier, cookie: bool) -> Option<&str> {
    match carrier {
        Carrier::Cookie(name) if cookie => Some(name),
        Carrier::Query(name) if !cookie => Some(name),
        _ => None,
    }
}

/// The behaviours before the last, which takes every path from the first bucket; none where all do.
fn buckets(behaviours: &[Behaviour]) -> String {
    if behaviours.iter().all(|behaviour| behaviour.bucket.0 == 0) {
        return "[]".to_owned();
    }
    let listed = behaviours.iter().filter(|behaviour| behaviour.pattern != "*").map(|behaviour| {
        let beginning = behaviour.pattern.strip_suffix('*');
        let path = beginning.unwrap_or(&behaviour.pattern);
        list([text(path), i32::from(beginning.is_some()).to_string(), behaviour.bucket.0.to_string()])
    });
    list(listed)
}

enum Segment {
    Literal(String),
    /// Its number in the code.
    Placeholder(usize),
}

impl Segment {
    /// Literals before placeholders, the special ones first: the order in which [`authorizer::Rules`] tries them.
    fn rank(&self) -> usize {
        match self {
            Self::Literal(_) => 0,
            Self::Placeholder(number) => 1 + number,
        }
    }
}

fn segments(route: &RouteSettings, pattern: &Pattern) -> Vec<Segment> {
    let mut placeholders = 0..;
    let inner = route.path.strip_prefix('/').unwrap_or(&route.path);
    let segment = |segment: &str| {
        if !segment.starts_with('{') {
            return Segment::Literal(segment.to_owned());
        }
        let number = placeholders.next().unwrap_or(0);
        Segment::Placeholder(match pattern.kind(number) {
            _ if pattern.is_rest(number) => REST,
            Kind::Uuid => 0,
            Kind::Int => 1,
            Kind::Date => 2,
            Kind::Slug => 3,
            Kind::Segment => ANY,
        })
    };
    inner.split('/').map(segment).collect()
}

fn route_literal(segments: &[Segment], route: &RouteSettings, pattern: &Pattern) -> String {
    let same_as_path = numbered(&path_template(&route.path), pattern);
    let mut reads = route.allow.iter().filter(|row| row.action == Action::Read);
    let rows = if reads.clone().any(|row| matches!(row.who, Who::Anyone)) {
        None
    } else {
        Some(list(reads.by_ref().map(|row| row_literal(row, pattern))))
    };
    let key = route.key.as_deref().map(|key| numbered(key, pattern)).filter(|key| *key != same_as_path);
    let segments = segments.iter().map(|segment| match segment {
        Segment::Literal(literal) => text(literal),
        Segment::Placeholder(number) => number.to_string(),
    });
    object([
        ("segments", Some(list(segments))),
        ("rows", rows),
        ("key", key.as_deref().map(text)),
        ("bucket", (route.bucket.0 > 0).then(|| route.bucket.0.to_string())),
        ("any", flag(route.any_origin)),
    ])
}

/// The path as the key that it is when none is written: `{year:int}` becomes `{year}`, without the first slash.
fn path_template(path: &str) -> String {
    let name_of = |segment: &str| match segment.find([':', '.']) {
        Some(end) if segment.starts_with('{') => format!("{}}}", segment.get(..end).unwrap_or_default()),
        _ => segment.to_owned(),
    };
    path.trim_start_matches('/').split('/').map(name_of).collect::<Vec<_>>().join("/")
}

fn row_literal(row: &AllowSettings, pattern: &Pattern) -> String {
    let claims = match &row.who {
        Who::Claims(claims) => claims.as_slice(),
        Who::Anyone => &[],
    };
    let tests = claims.iter().map(|(name, wanted)| {
        let names = split_name(name).into_iter().map(|name| text(&numbered(&name, pattern)));
        list([list(names), list(wanted.iter().map(|value| value_literal(value, pattern)))])
    });
    object([("issuer", row.issuer.map(|issuer| issuer.0.to_string())), ("tests", Some(list(tests)))])
}

fn value_literal(value: &ClaimValue, pattern: &Pattern) -> String {
    match value {
        ClaimValue::Boolean(boolean) => boolean.to_string(),
        ClaimValue::Integer(integer) => format!("{{ n: {} }}", text(&integer.to_string())),
        ClaimValue::Text(wanted) => {
            let filled = text(&numbered(wanted, pattern));
            let only = wanted.strip_prefix('{').and_then(|wanted| wanted.strip_suffix('}'));
            let kind = only.and_then(|name| pattern.placeholder(name)).map(|number| pattern.kind(number));
            if kind == Some(Kind::Int) { format!("{{ t: {filled} }}") } else { filled }
        }
    }
}

/// A template with numbers for names: `{0}`.
fn numbered(template: &str, pattern: &Pattern) -> String {
    let mut numbered = String::new();
    let mut rest = template;
    while let Some((before, (name, after))) =
        rest.split_once('{').and_then(|(before, after)| Some((before, after.split_once('}')?)))
    {
        let number = pattern.placeholder(name).unwrap_or_default();
        numbered.extend([before, "{", &number.to_string(), "}"]);
        rest = after;
    }
    numbered + rest
}

/// Splits a claim's name at dots; `\.` is a dot in a name and `\\` a backslash.
fn split_name(name: &str) -> Vec<String> {
    let mut parts = Vec::new();
    let mut part = String::new();
    let mut characters = name.chars();
    while let Some(character) = characters.next() {
        match character {
            '.' => parts.push(std::mem::take(&mut part)),
            '\\' => part.push(characters.next().unwrap_or('\\')),
            plain => part.push(plain),
        }
    }
    parts.push(part);
    parts
}

/// What is `None` is left out.
fn object<const N: usize>(members: [(&str, Option<String>); N]) -> String {
    let written = members.into_iter().filter_map(|(name, value)| value.map(|value| format!("{name}: {value}")));
    format!("{{ {} }}", written.collect::<Vec<_>>().join(", "))
}

fn flag(holds: bool) -> Option<String> {
    holds.then(|| "1".to_owned())
}

fn list(items: impl IntoIterator<Item = String>) -> String {
    format!("[{}]", items.into_iter().collect::<Vec<_>>().join(", "))
}

/// JSON's texts are JavaScript's (ECMA-262, ECMAScript 2019), but for two line ends in engines that are older.
fn text(text: &str) -> String {
    json!(text).to_string().replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029")
}
