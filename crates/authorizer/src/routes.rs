//! Finds the one route of a path: a tree of segments, literals before placeholders between text before typed ones before any
//! segment before a rest.
//! Its cost is the path's length, not the number of routes.

use std::collections::HashMap;

use foldhash::fast::FixedState;
use serde::{Deserialize, Serialize};

use crate::path::ObjectPath;
use crate::pattern::{Affixed, Kind, Pattern, Segment};
use crate::rule::{AllowSettings, Row};
use crate::rules::BucketId;
use crate::template::{Captures, Template};
use crate::upload::{UploadRules, UploadSettings};

/// The number of a route in the order of the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RouteId(pub usize);

/// A route as it is written.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RouteSettings {
    pub name: String,
    /// Lower-case names of hosts; none for all.
    #[serde(default)]
    pub hosts: Vec<String>,
    pub path: String,
    pub bucket: BucketId,
    /// Left out: the path without its first slash.
    pub key: Option<String>,
    pub allow: Vec<AllowSettings>,
    pub upload: Option<UploadSettings>,
    /// `cors = "*"`: every page may read it, without credentials.
    pub any_origin: bool,
}

/// A route made ready for requests.
#[derive(Debug)]
pub struct Route {
    pub name: String,
    pub hosts: Vec<String>,
    pub pattern: Pattern,
    pub bucket: BucketId,
    pub key: KeyRule,
    pub rows: Vec<Row>,
    pub upload: Option<UploadRules>,
    pub any_origin: bool,
}

#[derive(Debug)]
pub enum KeyRule {
    SameAsPath,
    Template(Template),
}

impl KeyRule {
    pub fn of(&self, captures: &Captures, path: &ObjectPath) -> String {
        match self {
            Self::SameAsPath => path.inner().to_owned(),
            Self::Template(template) => template.fill(captures, path.as_str()),
        }
    }
}

impl Route {
    pub fn key_pattern(&self) -> Option<Pattern> {
        match &self.key {
            KeyRule::SameAsPath => Some(self.pattern.clone()),
            KeyRule::Template(template) => self.pattern.of_keys(&template.write(&self.pattern)).ok(),
        }
    }
}

#[derive(Debug, Default)]
pub struct Tree {
    literals: HashMap<String, Tree, FixedState>,
    /// In the order of [`Affixed::order`].
    affixed: Vec<(Affixed, Tree)>,
    /// In the order of [`Kind`]: the more special first.
    kinds: Vec<(Kind, Tree)>,
    route: Option<RouteId>,
    rest: Option<RouteId>,
}

impl Tree {
    pub fn insert(&mut self, pattern: &Pattern, route: RouteId) {
        let mut node = self;
        for segment in &pattern.segments {
            node = match segment {
                Segment::Literal(text) => node.literals.entry(text.clone()).or_default(),
                Segment::One(kind) => node.child_of(*kind),
                Segment::Within(affixed) => node.child_within(affixed),
            };
        }
        *(if pattern.rest { &mut node.rest } else { &mut node.route }) = Some(route);
    }

    fn child_of(&mut self, kind: Kind) -> &mut Self {
        let at = self.kinds.partition_point(|(known, _)| *known < kind);
        if self.kinds.get(at).is_none_or(|(known, _)| *known != kind) {
            self.kinds.insert(at, (kind, Self::default()));
        }
        #[allow(clippy::indexing_slicing)] // it was found or inserted at this place just above
        &mut self.kinds[at].1
    }

    fn child_within(&mut self, affixed: &Affixed) -> &mut Self {
        let at = self.affixed.iter().position(|(known, _)| known == affixed).unwrap_or_else(|| {
            let at = self.affixed.partition_point(|(known, _)| known.order() <= affixed.order());
            self.affixed.insert(at, (affixed.clone(), Self::default()));
            at
        });
        #[allow(clippy::indexing_slicing)] // it was found or inserted at this place just above
        &mut self.affixed[at].1
    }

    /// The most special route of this path, with the placeholders' places.
    pub fn find(&self, path: &str) -> Option<(RouteId, Captures)> {
        let mut captures = Captures::default();
        self.find_from(path, 1, &mut captures).map(|route| (route, captures))
    }

    fn find_from(&self, path: &str, start: usize, captures: &mut Captures) -> Option<RouteId> {
        let Some(rest) = path.get(start..) else {
            return self.route; // one beyond the end: every segment was taken
        };
        let end = rest.find('/').map_or(path.len(), |length| start + length);
        let segment = path.get(start..end)?;
        if let Some(child) = self.literals.get(segment)
            && let Some(route) = child.find_from(path, end + 1, captures)
        {
            return Some(route);
        }
        let within = self.affixed.iter().filter_map(|(affixed, child)| {
            let (from, to) = affixed.place(segment)?;
            Some((start + from, start + to, child))
        });
        let whole = self.kinds.iter().filter(|(kind, _)| kind.takes(segment)).map(|(_, child)| (start, end, child));
        for (from, to, child) in within.chain(whole) {
            let before = captures.len();
            captures.push(from, to);
            if let Some(route) = child.find_from(path, end + 1, captures) {
                return Some(route);
            }
            captures.truncate(before);
        }
        self.rest.inspect(|_| captures.push(start, path.len()))
    }
}
