//! The rules as a whole: built once with every fault named, then asked on every request.
//!
//! One route is chosen by host and path alone and there is no falling through. Within it any satisfied row suffices. Nothing
//! is allowed that no row allows.

use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::Arc;

use foldhash::fast::FixedState;
use serde::{Deserialize, Serialize};

use crate::allowed::{Action, Allowed, Permission};
use crate::circumstances::Unmet;
use crate::denied::Denied;
use crate::issuer::{IssuerId, IssuerSettings, Issuers};
use crate::path::{ObjectPath, PathFault};
use crate::question::{Evidence, HookAnswer, HookQuestion, Question};
use crate::routes::{Route, RouteId, RouteSettings, Tree};
use crate::rule::{Row, RowFact};
use crate::template::Captures;
use crate::token::Verified;
use crate::upload::UploadRules;
use crate::{build, link};

/// The number of a bucket in the order of the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BucketId(pub usize);

/// The longest key in bytes that S3 takes.
const MAX_KEY: usize = 1024;

#[derive(Debug)]
pub struct Rules {
    issuers: Issuers,
    routes: Vec<Route>,
    /// Routes of certain hosts.
    by_host: HashMap<String, Tree, FixedState>,
    /// Routes of all hosts, for paths that the host's own routes do not have.
    tree: Tree,
}

/// What the rest of the gateway needs to know of a route.
#[derive(Clone, Copy, Debug)]
pub struct RouteInfo<'a> {
    pub name: &'a str,
    pub placeholders: &'a [String],
    pub upload: Option<&'a UploadRules>,
    pub bucket: BucketId,
    pub any_origin: bool,
}

/// A route that has a question's path, and where its placeholders stand in it.
#[derive(Debug)]
pub(crate) struct Found<'r> {
    pub id: RouteId,
    pub route: &'r Route,
    pub captures: Captures,
}

impl Rules {
    /// Makes the rules ready, or lists everything that is wrong with them.
    pub fn build(issuers: Vec<IssuerSettings>, routes: &[RouteSettings]) -> Result<Self, Vec<build::RuleFault>> {
        let routes = build::routes(&issuers, routes)?;
        let (mut tree, mut by_host) = (Tree::default(), HashMap::<String, Tree, _>::default());
        for (number, route) in routes.iter().enumerate() {
            if route.hosts.is_empty() {
                tree.insert(&route.pattern, RouteId(number));
            }
            for host in &route.hosts {
                by_host.entry(host.clone()).or_default().insert(&route.pattern, RouteId(number));
            }
        }
        Ok(Self { issuers: Issuers::new(issuers), routes, by_host, tree })
    }

    /// With links to the site at this origin. Their secret is the last key set.
    #[must_use]
    pub fn with_links(mut self, origin: &str) -> Self {
        let mut issuers = self.issuers.all().to_vec();
        issuers.push(link::link_issuer(origin));
        self.issuers = Issuers::new(issuers);
        self
    }

    /// Whether any route is for certain hosts alone.
    pub fn ask_for_hosts(&self) -> bool {
        !self.by_host.is_empty()
    }

    pub fn issuers(&self) -> &Issuers {
        &self.issuers
    }

    pub fn issuer(&self, id: IssuerId) -> Option<&IssuerSettings> {
        self.issuers.get(id)
    }

    pub(crate) fn row(&self, id: RouteId, rule: usize) -> Option<&Row> {
        self.routes.get(id.0)?.rows.get(rule)
    }

    pub fn route(&self, id: RouteId) -> Option<RouteInfo<'_>> {
        self.routes.get(id.0).map(|route| RouteInfo {
            name: &route.name,
            placeholders: route.pattern.names(),
            upload: route.upload.as_ref(),
            bucket: route.bucket,
            any_origin: route.any_origin,
        })
    }

    pub fn routes(&self) -> impl Iterator<Item = (RouteId, RouteInfo<'_>)> {
        (0..self.routes.len()).filter_map(|number| self.route(RouteId(number)).map(|info| (RouteId(number), info)))
    }

    /// The one route of a path at a host.
    pub fn route_of(&self, host: &str, path: &ObjectPath) -> Option<RouteId> {
        self.find(host, path).map(|found| found.id)
    }

    /// The key that a route gives the object at a path. No leave to touch it: that is [`Rules::allow`]'s to give.
    pub fn key_in(&self, id: RouteId, path: &ObjectPath) -> Option<String> {
        let route = self.routes.get(id.0)?;
        let mut tree = Tree::default();
        tree.insert(&route.pattern, id);
        tree.find(path.as_str()).map(|(_, captures)| route.key.of(&captures, path))
    }

    /// Whether an upload route of this bucket may have made this key.
    pub fn is_upload_key(&self, bucket: BucketId, key: &str) -> bool {
        let makes = |route: &Route| {
            let mut tree = Tree::default();
            let pattern = route.key_pattern();
            if let Some(pattern) = &pattern {
                tree.insert(pattern, RouteId(0));
            }
            tree.find(&format!("/{key}")).is_some()
        };
        self.routes.iter().filter(|route| route.upload.is_some() && route.bucket == bucket).any(makes)
    }

    pub(crate) fn find(&self, host: &str, path: &ObjectPath) -> Option<Found<'_>> {
        if path.is_reserved() {
            return None;
        }
        let own = if self.by_host.is_empty() { None } else { self.by_host.get(host) };
        let (id, captures) = own.and_then(|tree| tree.find(path.as_str())).or_else(|| self.tree.find(path.as_str()))?;
        self.routes.get(id.0).map(|route| Found { id, route, captures })
    }

    /// The path that a route has for these placeholders' texts. It may turn out to be another route's; ask for leave.
    pub fn compose(&self, route: RouteId, values: &[String]) -> Result<ObjectPath, PathFault> {
        ObjectPath::from_decoded(self.routes.get(route.0).map(|route| route.pattern.fill(values)).unwrap_or_default())
    }

    /// Whether this text may stand for a placeholder: the route then has the path, if it is one.
    pub fn takes(&self, route: RouteId, placeholder: usize, text: &str) -> bool {
        self.routes.get(route.0).is_some_and(|route| {
            let dots = matches!(text, "." | "..");
            let refused = text.is_empty() || (dots && route.pattern.is_affixed(placeholder));
            !refused
                && (route.pattern.is_rest(placeholder) || !text.contains('/'))
                && route.pattern.kind(placeholder).takes(text)
        })
    }

    /// The question together with the route that its path has here.
    pub fn place<'a>(&'a self, question: Question<'a>) -> Placed<'a> {
        Placed { rules: self, question, found: self.find(question.host, question.path) }
    }

    /// Leave to act on the object of the question, or the fact that failed.
    pub fn allow<P: Permission>(
        &self,
        question: Question<'_>,
        evidence: &mut impl Evidence,
    ) -> Result<Allowed<P>, Denied> {
        self.place(question).allow(evidence)
    }
}

/// A question whose route is found. Nothing is decided yet.
#[derive(Debug)]
pub struct Placed<'a> {
    rules: &'a Rules,
    pub(crate) question: Question<'a>,
    pub(crate) found: Option<Found<'a>>,
}

impl Placed<'_> {
    pub(crate) fn rules(&self) -> &Rules {
        self.rules
    }

    pub fn route(&self) -> Option<RouteId> {
        self.found.as_ref().map(|found| found.id)
    }

    /// Leave to act on the object of the question, or the fact that failed. `evidence` is not asked where anyone may do it.
    pub fn allow<P: Permission>(&self, evidence: &mut impl Evidence) -> Result<Allowed<P>, Denied> {
        let mut failed = Failed::default();
        if let Some(found) = &self.found {
            for (rule, row) in rows_for(found.route, P::ACTION).filter(|(_, row)| row.tests.is_none()) {
                match row.check_circumstances(&self.question) {
                    Ok(()) => return leave(found, rule, None, self.question.path),
                    Err(fact) => failed.anyone = failed.anyone.max(Some(fact)),
                }
            }
        }
        for token in self.question.tokens {
            match self.judge::<P>(token, evidence) {
                Ok((found, rule, verified)) => return leave(found, rule, Some(verified), self.question.path),
                Err(judged) => failed.note(judged),
            }
        }
        // Where only circumstances stand between anyone and the object, a token would not help.
        let for_tokens = |found: &Found<'_>| rows_for(found.route, P::ACTION).any(|(_, row)| row.tests.is_some());
        match failed.anyone {
            Some(fact) if !self.found.as_ref().is_some_and(for_tokens) => Err(fact.denied()),
            _ => Err(failed.most_helpful()),
        }
    }

    /// The row that one token satisfies, or what it lacks.
    fn judge<P: Permission>(
        &self,
        token: &str,
        evidence: &mut impl Evidence,
    ) -> Result<(&Found<'_>, usize, Arc<Verified>), Judged> {
        let verified = evidence.verify(token).map_err(Judged::Invalid)?;
        let issuer = self.rules.issuer(verified.issuer()).ok_or(Judged::Invalid(Denied::UnknownIssuer))?;
        match verified.check(issuer, self.question.now) {
            Ok(()) => {}
            // Nobody is asked about a token that is no good any more.
            Err(denied @ (Denied::Expired | Denied::TooOld)) => {
                let covered = self.covering_row::<P>(&verified, issuer, &mut HookSaysYes);
                return Err(if covered.is_ok() { Judged::Expired(denied) } else { Judged::Invalid(denied) });
            }
            Err(denied) => return Err(Judged::Invalid(denied)),
        }
        // Before a hook is asked about it, and before it is used up.
        verified.check_carried(self.question.carried).map_err(|denied| match denied {
            Denied::LinkIsNoToken => Judged::Forbidden(denied),
            denied => Judged::Invalid(denied),
        })?;
        let (found, rule) = self.covering_row::<P>(&verified, issuer, evidence).map_err(Judged::Forbidden)?;
        if verified.is_once() {
            evidence.take(&verified).map_err(Judged::Invalid)?;
        }
        Ok((found, rule, verified))
    }

    /// The row that a token's claims and the question's circumstances satisfy, whatever the token's times.
    pub(crate) fn covering_row<P: Permission>(
        &self,
        verified: &Verified,
        issuer: &IssuerSettings,
        evidence: &mut impl Evidence,
    ) -> Result<(&Found<'_>, usize), Denied> {
        let found = self.found.as_ref().ok_or(Denied::NoRoute)?;
        if rows_for(found.route, P::ACTION).next().is_none() {
            return Err(Denied::NoRule(P::ACTION));
        }
        if !issuer.may.contains(&P::ACTION) {
            return Err(Denied::IssuerMayNot(P::ACTION));
        }
        let mut rows = rows_for(found.route, P::ACTION).filter(|(_, row)| row.tests.is_some());
        if verified.is_link() {
            // Its claims were judged when it was made, and the hook was asked; what may change since then is judged again.
            let linked = rows.find(|(rule, row)| verified.links(self.question.path, &found.route.name, *rule, row));
            let (rule, row) = linked.ok_or(Denied::LinkNotCovered)?;
            return row.check_circumstances(&self.question).map(|()| (found, rule)).map_err(RowFact::denied);
        }
        let mut furthest = None;
        for (rule, row) in rows {
            match row.judge::<P>(verified, found, &self.question, evidence) {
                Ok(()) => return Ok((found, rule)),
                Err(fact) => furthest = furthest.max(Some(fact)),
            }
        }
        Err(furthest.map_or(Denied::PathNotCovered, RowFact::denied))
    }
}

/// For a token that has expired: whether nothing else is wrong with it.
struct HookSaysYes;

impl Evidence for HookSaysYes {
    fn verify(&mut self, _: &str) -> Result<Arc<Verified>, Denied> {
        Err(Denied::TokenMissing)
    }

    fn hook(&mut self, _: &HookQuestion<'_>) -> HookAnswer {
        HookAnswer::Yes
    }
}

/// What one token lacked.
#[derive(Clone, Copy)]
enum Judged {
    /// Nothing but time.
    Expired(Denied),
    /// It is valid, and does not cover what is asked.
    Forbidden(Denied),
    Invalid(Denied),
}

/// Of several tokens that fail, the answer that helps most: one that waits for a hook, then one that has only expired, then one that is valid but does not
/// cover the path, then the first that is no good at all.
#[derive(Default)]
struct Failed {
    /// No answer yet.
    pending: Option<Denied>,
    expired: Option<Denied>,
    forbidden: Option<Denied>,
    invalid: Option<Denied>,
    /// How far a rule for anyone got.
    anyone: Option<RowFact>,
}

impl Failed {
    fn note(&mut self, judged: Judged) {
        let (slot, denied) = match judged {
            Judged::Expired(denied) => (&mut self.expired, denied),
            // A hook that is yet to be asked, or asked again, may still say yes.
            Judged::Forbidden(Denied::HookUnknown) => {
                self.pending = Some(Denied::HookUnknown);
                return;
            }
            Judged::Forbidden(Denied::HookAway) => (&mut self.pending, Denied::HookAway),
            Judged::Forbidden(denied) => (&mut self.forbidden, denied),
            Judged::Invalid(denied) => (&mut self.invalid, denied),
        };
        slot.get_or_insert(denied);
    }

    fn most_helpful(self) -> Denied {
        self.pending.or(self.expired).or(self.forbidden).or(self.invalid).unwrap_or(Denied::TokenMissing)
    }
}

fn leave<P: Permission>(
    found: &Found<'_>,
    rule: usize,
    bearer: Option<Arc<Verified>>,
    path: &ObjectPath,
) -> Result<Allowed<P>, Denied> {
    let route = found.route;
    let key = route.key.of(&found.captures, path);
    if key.len() > MAX_KEY {
        return Err(Denied::KeyTooLong);
    }
    // What is public now and here only is not for shared caches.
    let public = bearer.is_none() && route.rows.get(rule).is_some_and(|row| row.circumstances.is_empty());
    Ok(Allowed { route: found.id, rule, bucket: route.bucket, key, bearer, public, permission: PhantomData })
}

pub(crate) fn rows_for(route: &Route, action: Action) -> impl Iterator<Item = (usize, &Row)> {
    route.rows.iter().enumerate().filter(move |(_, row)| row.action == action)
}

impl RowFact {
    /// The refusal that it comes to, if no row got further.
    pub fn denied(self) -> Denied {
        match self {
            Self::OtherIssuer | Self::Claim(_) | Self::PathNotListed => Denied::PathNotCovered,
            Self::Circumstances(Unmet::Method) => Denied::MethodNotCovered,
            Self::Circumstances(Unmet::TooEarly | Unmet::TooLate | Unmet::Hours | Unmet::Day) => Denied::OutsideTimes,
            Self::Circumstances(Unmet::Address) => Denied::AddressNotCovered,
            Self::HookRefused => Denied::HookRefused,
            Self::HookAway => Denied::HookAway,
            Self::HookUnknown => Denied::HookUnknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::allowed::Action;
    use crate::rule::{AllowSettings, ClaimValue, Who};
    use crate::upload::UploadSettings;

    #[test]
    fn keys_that_uploads_can_make() {
        let route = |name: &str, path: &str, key: Option<&str>, upload: bool| RouteSettings {
            name: name.to_owned(),
            hosts: Vec::new(),
            path: path.to_owned(),
            bucket: BucketId(1),
            key: key.map(str::to_owned),
            allow: vec![if upload {
                AllowSettings::new(
                    Action::Upload,
                    Who::Claims(vec![("w".to_owned(), vec![ClaimValue::Text("x".to_owned())])]),
                )
            } else {
                AllowSettings::new(Action::Read, Who::Anyone)
            }],
            upload: upload.then(|| UploadSettings {
                fill: Vec::new(),
                max_size: 1,
                types: vec!["*/*".to_owned()],
                life: 1,
            }),
            any_origin: false,
        };
        let routes = [
            route("in", "/in/{n:int}/{name}", None, true),
            route("kept", "/kept/{name}", Some("by-name/{name}.bin"), true),
            route("other", "/other/{name}", None, false),
        ];
        let issuer = IssuerSettings { may: vec![Action::Upload], links: false, ..link::link_issuer("app") };
        let rules = Rules::build(vec![issuer], &routes).unwrap_or_else(|faults| panic!("{faults:?}"));
        for (key, made) in [
            ("in/7/a", true),
            ("in/x/a", false),
            ("in/7/a/b", false),
            ("by-name/a.bin", true),
            ("kept/a", false),
            ("other/a", false),
            ("", false),
        ] {
            assert_eq!(rules.is_upload_key(BucketId(1), key), made, "{key}");
        }
        assert!(!rules.is_upload_key(BucketId(0), "in/7/a"));
    }

    /// A placeholder between text is never `.` or `..`, which no whole segment is either.
    #[test]
    fn a_path_that_is_composed_of_what_is_taken_is_found_again() {
        for (path, text, taken) in [
            ("/v{n}", "1", true),
            ("/v{n}", ".", false),
            ("/{n}.png", "..", false),
            ("/{n...}", "a/b", true),
            ("/{n}", "a/b", false),
            ("/{a:int}/{n}n", "x", false),
        ] {
            let route = RouteSettings {
                name: "one".to_owned(),
                hosts: Vec::new(),
                path: path.to_owned(),
                bucket: BucketId(0),
                key: None,
                allow: vec![AllowSettings::new(Action::Read, Who::Anyone)],
                upload: None,
                any_origin: false,
            };
            let rules = Rules::build(Vec::new(), &[route]).unwrap();
            assert_eq!(rules.takes(RouteId(0), 0, text), taken, "{path} {text}");
            if taken {
                let composed = rules.compose(RouteId(0), &[text.to_owned()]).unwrap();
                assert_eq!(rules.route_of("", &composed), Some(RouteId(0)), "{path} {text}");
            }
        }
    }
}
