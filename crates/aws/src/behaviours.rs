//! Which of CloudFront's cache behaviours takes which paths, and from which bucket it is served.
//!
//! CloudFront chooses a behaviour by a path pattern before our code runs, and knows `*` where routes know types. So each route is
//! reduced to the literal beginning of its path, and what cannot be told apart by that is refused here rather than served from
//! the wrong bucket or with the wrong headers.
//!
//! Its cache, too, is keyed by path alone ("Understand the cache key", Amazon CloudFront Developer Guide): neither the origin nor
//! the behaviour is part of it. The authorizer has put the object's key in the path's place by then, so no two buckets may have
//! the same key within reach.

use authorizer::{Action, AllowSettings, BucketId, Pattern, Relation, RouteSettings, Who};
use serde::{Deserialize, Serialize};

use crate::fault::Fault;
use crate::settings::Deployment;

/// One behaviour. Of a list the first whose pattern matches the raw path counts, as in CloudFront.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Behaviour {
    /// A path, or the beginning of one and `*`. The last of a list is `*`.
    pub pattern: String,
    pub bucket: BucketId,
    pub audience: Audience,
}

/// For whom the answers' headers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    /// Whoever the rules allow: pages of the apps, nothing kept without asking again.
    Private,
    /// Anyone may read: pages of the apps, kept by the objects' own `Cache-Control`.
    Public,
    /// Anyone may read, and pages of every origin.
    AnyOrigin,
}

impl Behaviour {
    /// Whether this behaviour's pattern takes a raw path.
    pub fn takes(&self, path: &str) -> bool {
        match self.pattern.strip_suffix('*') {
            Some("") => true,
            Some(start) => path.starts_with(start),
            None => path == self.pattern,
        }
    }
}

/// As a package holds it.
impl From<&Behaviour> for front::Behaviour {
    fn from(behaviour: &Behaviour) -> Self {
        Self { pattern: behaviour.pattern.clone(), bucket: behaviour.bucket.0 }
    }
}

/// The behaviours of the object paths, the most special first; the last takes every path. `/_edgepass/*` stands before all of
/// them and is not among them.
pub fn behaviours(deployment: &Deployment) -> Result<Vec<Behaviour>, Vec<Fault>> {
    let mut faults = Vec::new();
    let routes: Vec<Reach<'_>> = deployment.site.routes.iter().filter_map(|route| reach(route, &mut faults)).collect();
    find_shared_keys(&routes, &mut faults);
    let mut beginnings: Vec<&Beginning> = routes.iter().map(|route| &route.beginning).collect();
    let everything = Beginning::everything();
    beginnings.push(&everything);
    beginnings.sort_by(|a, b| b.rank().cmp(&a.rank()).then_with(|| a.text.cmp(&b.text)));
    beginnings.dedup();
    let mut list: Vec<Behaviour> =
        beginnings.into_iter().map(|beginning| behaviour(beginning, &routes, &mut faults)).collect();
    if !faults.is_empty() {
        return Err(faults);
    }
    drop_needless(&mut list);
    Ok(list)
}

/// A route as CloudFront can see it.
struct Reach<'a> {
    route: &'a RouteSettings,
    path: Pattern,
    /// `None` where the key is no pattern of its own.
    key: Option<Pattern>,
    beginning: Beginning,
    audience: Audience,
}

/// The literal beginning of paths.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Beginning {
    /// `/`, or `/years/`, or a whole path.
    text: String,
    whole: bool,
}

impl Beginning {
    fn everything() -> Self {
        Self { text: "/".to_owned(), whole: false }
    }

    /// Literal segments of unreserved characters (RFC 3986 section 2.3): all others come encoded from one client and plain from
    /// the next, and a pattern takes one form only.
    fn of(path: &str) -> Self {
        let plain =
            |segment: &&str| segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte));
        let inner = path.strip_prefix('/').unwrap_or(path);
        let literals: Vec<&str> = inner.split('/').take_while(plain).collect();
        let whole = literals.len() == inner.split('/').count();
        let mut text = format!("/{}", literals.join("/"));
        if !whole && !literals.is_empty() {
            text.push('/');
        }
        Self { text, whole }
    }

    /// A whole path before a beginning, a longer one before a shorter.
    fn rank(&self) -> (bool, usize) {
        (self.whole, self.text.len())
    }

    fn holds(&self, other: &Self) -> bool {
        if self.whole { self == other } else { other.text.starts_with(&self.text) }
    }

    fn as_pattern(&self) -> String {
        match (self.whole, self.text.as_str()) {
            (true, text) => text.to_owned(),
            (false, "/") => "*".to_owned(),
            (false, text) => format!("{text}*"),
        }
    }

    /// Every path that begins so.
    fn paths(&self) -> Option<Pattern> {
        let rest = if self.whole { "" } else { "{rest...}" };
        Pattern::parse(&format!("{}{rest}", self.text)).ok()
    }
}

fn reach<'a>(route: &'a RouteSettings, faults: &mut Vec<Fault>) -> Option<Reach<'a>> {
    let Ok(path) = Pattern::parse(&route.path) else {
        faults.push(Fault::Route { route: route.name.clone() });
        return None;
    };
    let key = match &route.key {
        None => Some(path.clone()),
        Some(key) => path.of_keys(key).ok(),
    };
    // What anyone may read now and here only is not for shared caches.
    let anyone = |row: &AllowSettings| {
        row.action == Action::Read && matches!(row.who, Who::Anyone) && row.circumstances.is_empty()
    };
    let audience = match (route.allow.iter().any(anyone), route.any_origin) {
        (true, true) => Audience::AnyOrigin,
        (true, false) => Audience::Public,
        (false, _) => Audience::Private,
    };
    Some(Reach { route, path, key, beginning: Beginning::of(&route.path), audience })
}

fn meet(a: Option<&Pattern>, b: Option<&Pattern>) -> bool {
    // What cannot be compared is taken to meet.
    a.zip(b).is_none_or(|(a, b)| a.relation(b) != Relation::Disjoint)
}

fn find_shared_keys(routes: &[Reach<'_>], faults: &mut Vec<Fault>) {
    for (at, route) in routes.iter().enumerate() {
        for earlier in routes.iter().take(at) {
            if route.route.bucket != earlier.route.bucket && meet(route.key.as_ref(), earlier.key.as_ref()) {
                faults.push(Fault::BucketsShareKeys {
                    route: route.route.name.clone(),
                    other: earlier.route.name.clone(),
                });
            }
        }
    }
}

fn behaviour(beginning: &Beginning, routes: &[Reach<'_>], faults: &mut Vec<Fault>) -> Behaviour {
    let pattern = beginning.as_pattern();
    let paths = beginning.paths();
    let (own, others): (Vec<&Reach<'_>>, Vec<&Reach<'_>>) =
        routes.iter().partition(|route| route.beginning == *beginning);
    // Where one route takes all that begins so, the routes with a shorter beginning never get there.
    let covered =
        own.iter().any(|route| paths.as_ref().is_some_and(|paths| route.path.relation(paths) == Relation::Equal));
    let strays = others
        .into_iter()
        .filter(|route| !covered && !beginning.holds(&route.beginning) && meet(Some(&route.path), paths.as_ref()));
    let served: Vec<&Reach<'_>> = own.iter().copied().chain(strays).collect();
    let is_default = pattern == "*";
    let bucket = if is_default { BucketId(0) } else { own.first().map_or(BucketId(0), |route| route.route.bucket) };
    for route in served.iter().filter(|route| route.route.bucket != bucket) {
        faults.push(if is_default {
            Fault::BucketNotToldApart { route: route.route.name.clone() }
        } else {
            Fault::BucketsSharePaths { route: route.route.name.clone(), pattern: pattern.clone() }
        });
    }
    let audience = audience_of(&served);
    if audience != Audience::AnyOrigin {
        for route in own.iter().filter(|route| route.audience == Audience::AnyOrigin) {
            faults.push(Fault::AnyOriginNotToldApart { route: route.route.name.clone(), pattern: pattern.clone() });
        }
    }
    Behaviour { pattern, bucket, audience }
}

/// The widest that is right for all of them.
fn audience_of(served: &[&Reach<'_>]) -> Audience {
    let all = |wanted: fn(Audience) -> bool| !served.is_empty() && served.iter().all(|route| wanted(route.audience));
    if all(|audience| audience == Audience::AnyOrigin) {
        Audience::AnyOrigin
    } else if all(|audience| audience != Audience::Private) {
        Audience::Public
    } else {
        Audience::Private
    }
}

/// Leaves out what the next behaviour that takes the same paths would do just so.
fn drop_needless(list: &mut Vec<Behaviour>) {
    let mut at = list.len();
    while at > 0 {
        at -= 1;
        let same = list.get(at).is_some_and(|one| {
            let start = one.pattern.strip_suffix('*').unwrap_or(&one.pattern);
            let mut later = list.iter().skip(at + 1);
            let next = later.find(|later| later.pattern.ends_with('*') && later.takes(start));
            next.is_some_and(|next| (next.bucket, next.audience) == (one.bucket, one.audience))
        });
        if same {
            list.remove(at);
        }
    }
}
