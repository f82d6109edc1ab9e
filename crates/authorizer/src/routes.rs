//! Finds the one route of a path: a tree of segments, literals before typed placeholders before any segment before a rest.
//! Its cost is the path's length, not the number of routes.

use std::collections::HashMap;

use foldhash::fast::FixedState;
use serde::{Deserialize, Serialize};

use crate::pattern::{Kind, Pattern, Segment};
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

#[derive(Debug, Default)]
pub struct Tree {
    literals: HashMap<String, Tree, FixedState>,
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
        for (_, child) in self.kinds.iter().filter(|(kind, _)| kind.takes(segment)) {
            let before = captures.len();
            captures.push(start, end);
            if let Some(route) = child.find_from(path, end + 1, captures) {
                return Some(route);
            }
            captures.truncate(before);
        }
        self.rest.inspect(|_| captures.push(start, path.len()))
    }
}
