//! Finds routes that share paths without one being more special, and objects that two routes reach by different rules.
//!
//! Each route is compared only with those whose patterns may meet its own, found in a tree: a table of ten thousand routes is
//! judged in the time that its clashes take, not in that of all its pairs.

use std::collections::{BTreeSet, HashMap};

use foldhash::fast::FixedState;

use crate::build::{Part, RuleFault};
use crate::pattern::{Pattern, Relation, Segment, may_meet};
use crate::routes::{KeyRule, Route};
use crate::rules::BucketId;

pub fn find_clashes(routes: &[Route], numbers: &[usize], faults: &mut Vec<RuleFault>) {
    let mut names = HashMap::<&str, usize, FixedState>::default();
    let mut paths = Index::default();
    let mut keys = HashMap::<BucketId, Index, FixedState>::default();
    let patterns: Vec<Option<Pattern>> = routes.iter().map(Route::key_pattern).collect();
    for (at, (route, key)) in routes.iter().zip(&patterns).enumerate() {
        let mut report = |part, message: String, hint: &str| {
            let route = numbers.get(at).copied().unwrap_or(at);
            faults.push(RuleFault { route, part, message, hint: Some(hint.to_owned()) });
        };
        if names.insert(&route.name, at).is_some() {
            report(Part::Name, format!("a second route is named `{}`", route.name), "give it another name");
        }
        let in_bucket = keys.entry(route.bucket).or_default();
        let mut near = paths.meeting(&route.pattern);
        near.extend(key.iter().flat_map(|key| in_bucket.meeting(key)));
        for earlier in near {
            let (Some(other), Some(other_key)) = (routes.get(earlier), patterns.get(earlier)) else { continue };
            compare((route, key.as_ref()), (other, other_key.as_ref()), &mut report);
        }
        paths.insert(&route.pattern, at);
        if let Some(key) = key {
            in_bucket.insert(key, at);
        }
    }
}

fn compare(
    (route, key): (&Route, Option<&Pattern>),
    (earlier, earlier_key): (&Route, Option<&Pattern>),
    report: &mut impl FnMut(Part, String, &str),
) {
    let same_hosts = route.hosts == earlier.hosts || route.hosts.iter().any(|host| earlier.hosts.contains(host));
    if same_hosts {
        match route.pattern.relation(&earlier.pattern) {
            Relation::Equal => {
                return report(
                    Part::Path,
                    format!("the route `{}` has the same paths", earlier.name),
                    "put the rules of both into one route",
                );
            }
            Relation::Crossing => {
                return report(
                    Part::Path,
                    format!("the path overlaps that of the route `{}`, and neither is more special", earlier.name),
                    "give one of them a literal or a type that sets it apart",
                );
            }
            Relation::Disjoint | Relation::Inside | Relation::Around => {}
        }
    }
    // Where both keys are the paths, two paths of one host are two objects.
    let both_same = matches!((&route.key, &earlier.key), (KeyRule::SameAsPath, KeyRule::SameAsPath));
    if !(both_same && route.hosts == earlier.hosts)
        && route.bucket == earlier.bucket
        && let (Some(key), Some(earlier_key)) = (key, earlier_key)
        && key.relation(earlier_key) != Relation::Disjoint
    {
        report(
            Part::Key,
            format!("the keys overlap those of the route `{}`: one object under two sets of rules", earlier.name),
            "give the keys of one of them a literal first segment of their own",
        );
    }
}

/// Patterns by their segments.
#[derive(Default)]
struct Index {
    literals: HashMap<String, Index, FixedState>,
    others: Vec<(Segment, Index)>,
    /// Patterns that end here, and those whose rest begins here.
    ends: Vec<usize>,
    rests: Vec<usize>,
}

impl Index {
    fn insert(&mut self, pattern: &Pattern, number: usize) {
        let mut node = self;
        for segment in &pattern.segments {
            node = match segment {
                Segment::Literal(text) => node.literals.entry(text.clone()).or_default(),
                other => node.child(other),
            };
        }
        if pattern.rest { &mut node.rests } else { &mut node.ends }.push(number);
    }

    fn child(&mut self, segment: &Segment) -> &mut Self {
        let at = self.others.iter().position(|(known, _)| known == segment).unwrap_or_else(|| {
            self.others.push((segment.clone(), Self::default()));
            self.others.len() - 1
        });
        #[allow(clippy::indexing_slicing)] // it was found or pushed just above
        &mut self.others[at].1
    }

    /// The patterns that may share a path with this one, in their order.
    fn meeting(&self, pattern: &Pattern) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        self.meet(&pattern.segments, pattern.rest, &mut found);
        found
    }

    fn meet(&self, segments: &[Segment], rest: bool, found: &mut BTreeSet<usize>) {
        let Some((segment, after)) = segments.split_first() else {
            if rest {
                self.below(found);
            } else {
                found.extend(&self.ends);
            }
            return;
        };
        found.extend(&self.rests);
        if let Segment::Literal(text) = segment {
            if let Some(child) = self.literals.get(text) {
                child.meet(after, rest, found);
            }
        } else {
            for (text, child) in &self.literals {
                if may_meet(segment, &Segment::Literal(text.clone())) {
                    child.meet(after, rest, found);
                }
            }
        }
        for (other, child) in &self.others {
            if may_meet(segment, other) {
                child.meet(after, rest, found);
            }
        }
    }

    /// Everything that has at least one more segment.
    fn below(&self, found: &mut BTreeSet<usize>) {
        found.extend(&self.rests);
        for child in self.literals.values().chain(self.others.iter().map(|(_, child)| child)) {
            found.extend(&child.ends);
            child.below(found);
        }
    }
}
