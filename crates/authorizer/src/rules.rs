//! The rules as a whole: built once with every fault named, then asked on every request.
//!
//! One route is chosen by path alone and there is no falling through. Within it any satisfied row suffices. Nothing is
//! allowed that no row allows.

use std::marker::PhantomData;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::UnixTime;
use crate::allowed::{Action, Allowed, Permission};
use crate::denied::Denied;
use crate::issuer::{IssuerId, IssuerSettings};
use crate::path::{ObjectPath, PathFault};
use crate::pattern::{Pattern, PatternFault, Relation};
use crate::routes::{KeyRule, Route, RouteId, RouteSettings, Tree};
use crate::rule::{AllowSettings, ClaimTest, Row, Who};
use crate::template::{Captures, Template, TemplateFault};
use crate::token::Verified;
use crate::upload::{TypePattern, UploadRules, UploadSettings, fills};

/// The number of a bucket in the order of the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BucketId(pub usize);

/// The longest key in bytes that S3 takes.
const MAX_KEY: usize = 1024;

#[derive(Debug)]
pub struct Rules {
    issuers: Vec<IssuerSettings>,
    routes: Vec<Route>,
    tree: Tree,
}

/// A mistake in a route, with the part of it that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleFault {
    /// The route's number, from 0.
    pub route: usize,
    pub part: Part,
    pub message: String,
    pub hint: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Name,
    Path,
    Key,
    Cors,
    /// The row's number, from 0.
    Allow(usize),
    /// The row's number and the claim's within it.
    Claim(usize, usize),
    Upload,
    /// The number of the entry of `fill`.
    Fill(usize),
    /// The number of the entry of `types`.
    Type(usize),
}

/// What the rest of the gateway needs to know of a route.
#[derive(Clone, Copy, Debug)]
pub struct RouteInfo<'a> {
    pub name: &'a str,
    pub placeholders: &'a [String],
    pub upload: Option<&'a UploadRules>,
    pub any_origin: bool,
}

impl Rules {
    /// Makes the rules ready, or lists everything that is wrong with them.
    pub fn build(issuers: Vec<IssuerSettings>, routes: &[RouteSettings]) -> Result<Self, Vec<RuleFault>> {
        let mut faults = Vec::new();
        let mut built: Vec<Route> = Vec::new();
        let mut numbers = Vec::new();
        for (number, settings) in routes.iter().enumerate() {
            let mut report = |part, message: String, hint: Option<&str>| {
                faults.push(RuleFault { route: number, part, message, hint: hint.map(str::to_owned) });
            };
            if let Some(route) = build_route(settings, &issuers, &mut report) {
                built.push(route);
                numbers.push(number);
            }
        }
        find_clashes(&built, &numbers, &mut faults);
        if !faults.is_empty() {
            return Err(faults);
        }
        let mut tree = Tree::default();
        for (number, route) in built.iter().enumerate() {
            tree.insert(&route.pattern, RouteId(number));
        }
        Ok(Self { issuers, routes: built, tree })
    }

    pub fn issuers(&self) -> &[IssuerSettings] {
        &self.issuers
    }

    pub fn issuer(&self, id: IssuerId) -> Option<&IssuerSettings> {
        self.issuers.get(id.0)
    }

    pub fn route(&self, id: RouteId) -> Option<RouteInfo<'_>> {
        self.routes.get(id.0).map(|route| RouteInfo {
            name: &route.name,
            placeholders: route.pattern.names(),
            upload: route.upload.as_ref(),
            any_origin: route.any_origin,
        })
    }

    pub fn routes(&self) -> impl Iterator<Item = (RouteId, RouteInfo<'_>)> {
        (0..self.routes.len()).filter_map(|number| self.route(RouteId(number)).map(|info| (RouteId(number), info)))
    }

    /// The one route of a path.
    pub fn route_of(&self, path: &ObjectPath) -> Option<RouteId> {
        self.tree.find(path.as_str()).map(|(route, _)| route)
    }

    /// The key of the object at a path. No leave to touch it: that is [`Rules::allow`]'s to give.
    pub fn key_of(&self, path: &ObjectPath) -> Option<String> {
        let (route, captures) = self.tree.find(path.as_str())?;
        self.routes.get(route.0).map(|route| route.key.of(&captures, path))
    }

    /// The path that a route has for these placeholders' texts. It may turn out to be another route's; ask for leave.
    pub fn compose(&self, route: RouteId, values: &[String]) -> Result<ObjectPath, PathFault> {
        let mut path = String::new();
        if let Some(route) = self.routes.get(route.0) {
            let mut values = values.iter();
            for segment in &route.pattern.segments {
                path.push('/');
                match segment {
                    crate::pattern::Segment::Literal(text) => path.push_str(text),
                    crate::pattern::Segment::One(_) => path.push_str(values.next().map_or("", String::as_str)),
                }
            }
            if route.pattern.rest {
                path.push('/');
                path.push_str(values.next().map_or("", String::as_str));
            }
        }
        ObjectPath::from_decoded(path)
    }

    /// Whether this text may stand for a placeholder.
    pub fn takes(&self, route: RouteId, placeholder: usize, text: &str) -> bool {
        self.routes.get(route.0).is_some_and(|route| {
            !text.is_empty()
                && (route.pattern.is_rest(placeholder) || !text.contains('/'))
                && route.pattern.kind(placeholder).takes(text)
        })
    }

    /// Leave to act on the object at `path`, or the fact that failed.
    ///
    /// `tokens` are those the request carries, each judged alone; one that allows suffices. `verify` gives the verified form
    /// of one, from a memory or by [`crate::verify`]; it is not called where anyone may do it.
    pub fn allow<P: Permission>(
        &self,
        path: &ObjectPath,
        tokens: &[&str],
        now: UnixTime,
        mut verify: impl FnMut(&str) -> Result<Arc<Verified>, Denied>,
    ) -> Result<Allowed<P>, Denied> {
        let found = self.tree.find(path.as_str());
        let found = found.as_ref().and_then(|(id, captures)| self.routes.get(id.0).map(|route| (*id, route, captures)));
        let allowed = |(id, route, captures): (RouteId, &Route, &Captures), rule, bearer| {
            let key = route.key.of(captures, path);
            if key.len() > MAX_KEY {
                return Err(Denied::KeyTooLong);
            }
            Ok(Allowed { route: id, rule, bucket: route.bucket, key, bearer, permission: PhantomData })
        };
        if let Some(found) = found
            && let Some(rule) = rows_for(found.1, P::ACTION).find(|(_, row)| row.tests.is_none()).map(|(rule, _)| rule)
        {
            return allowed(found, rule, None);
        }

        // Of several tokens that fail, the answer that helps most: one that has only expired, then one that is valid but
        // does not cover the path, then the first that is no good at all.
        let (mut expired, mut forbidden, mut invalid) = (None, None, None);
        for token in tokens {
            let verified = match verify(token) {
                Ok(verified) => verified,
                Err(denied) => {
                    invalid.get_or_insert(denied);
                    continue;
                }
            };
            let Some(issuer) = self.issuer(verified.issuer()) else {
                invalid.get_or_insert(Denied::UnknownIssuer);
                continue;
            };
            let covered = covering_row::<P>(found, &verified, issuer, path);
            match (verified.check(issuer, now), covered, found) {
                (Ok(()), Ok(rule), Some(found)) => return allowed(found, rule, Some(verified)),
                (Ok(()), Ok(_), None) => forbidden = Some(Denied::NoRoute),
                (Ok(()), Err(denied), _) => {
                    forbidden.get_or_insert(denied);
                }
                (Err(denied @ (Denied::Expired | Denied::TooOld)), Ok(_), _) => {
                    expired.get_or_insert(denied);
                }
                (Err(denied), _, _) => {
                    invalid.get_or_insert(denied);
                }
            }
        }
        Err(expired.or(forbidden).or(invalid).unwrap_or(Denied::TokenMissing))
    }
}

fn covering_row<P: Permission>(
    found: Option<(RouteId, &Route, &Captures)>,
    verified: &Verified,
    issuer: &IssuerSettings,
    path: &ObjectPath,
) -> Result<usize, Denied> {
    let (_, route, captures) = found.ok_or(Denied::NoRoute)?;
    let mut rows = rows_for(route, P::ACTION).peekable();
    if rows.peek().is_none() {
        return Err(Denied::NoRule(P::ACTION));
    }
    if !issuer.may.contains(&P::ACTION) {
        return Err(Denied::IssuerMayNot(P::ACTION));
    }
    rows.find(|(_, row)| row.covers(verified.issuer(), verified.claims(), captures, path.as_str()))
        .map(|(rule, _)| rule)
        .ok_or(Denied::PathNotCovered)
}

fn rows_for(route: &Route, action: Action) -> impl Iterator<Item = (usize, &Row)> {
    route.rows.iter().enumerate().filter(move |(_, row)| row.action == action)
}

type Report<'a> = dyn FnMut(Part, String, Option<&str>) + 'a;

fn build_route(settings: &RouteSettings, issuers: &[IssuerSettings], report: &mut Report<'_>) -> Option<Route> {
    let pattern = match Pattern::parse(&settings.path) {
        Ok(pattern) => pattern,
        Err(fault) => {
            report(Part::Path, fault.to_string(), pattern_hint(&fault).as_deref());
            return None;
        }
    };
    let (key, key_placeholders) = build_key(settings, &pattern, report)?;
    let rows: Vec<Row> = settings
        .allow
        .iter()
        .enumerate()
        .filter_map(|(number, row)| build_row(number, row, &pattern, issuers, &key_placeholders, report))
        .collect();
    check_rows(settings, report);
    let upload = settings.upload.as_ref().and_then(|upload| build_upload(upload, &pattern, report));
    Some(Route {
        name: settings.name.clone(),
        pattern,
        bucket: settings.bucket,
        key,
        rows,
        upload,
        any_origin: settings.any_origin,
    })
}

fn pattern_hint(fault: &PatternFault) -> Option<String> {
    match fault {
        PatternFault::NotAbsolute => Some("paths start with `/`".to_owned()),
        PatternFault::BadBraces(_) => Some("a placeholder takes a whole segment: `/{workspace}/{file}`".to_owned()),
        PatternFault::UnknownKind(_) => Some(format!("the types are {}", crate::Kind::NAMES.join(", "))),
        PatternFault::BadName(_) => Some("names are lower-case letters, digits and `_`, a letter first".to_owned()),
        _ => None,
    }
}

fn template_fault(fault: &TemplateFault, pattern: &Pattern) -> (String, String) {
    let message = match fault {
        TemplateFault::Unknown(name) => format!("unknown placeholder `{{{name}}}`"),
        TemplateFault::Unclosed => "a brace is not closed".to_owned(),
    };
    let known: Vec<_> = pattern.names().iter().map(|name| format!("`{{{name}}}`")).collect();
    (
        message,
        format!("the path's placeholders are {}", if known.is_empty() { "none".into() } else { known.join(", ") }),
    )
}

fn build_key(settings: &RouteSettings, pattern: &Pattern, report: &mut Report<'_>) -> Option<(KeyRule, Vec<usize>)> {
    let Some(text) = &settings.key else {
        return Some((KeyRule::SameAsPath, (0..pattern.names().len()).collect()));
    };
    let template = match Template::parse(text, pattern) {
        Ok(template) => template,
        Err(fault) => {
            let (message, hint) = template_fault(&fault, pattern);
            report(Part::Key, message, Some(&hint));
            return None;
        }
    };
    if let Err(fault) = key_pattern(text, pattern) {
        report(
            Part::Key,
            format!("the key is ambiguous: {fault}"),
            Some("each placeholder takes a whole segment of the key, and one that takes several stands last"),
        );
        return None;
    }
    let placeholders = template.placeholders().collect();
    Some((KeyRule::Template(template), placeholders))
}

/// The keys of a route whose paths have this pattern, as a pattern too: it shows which routes reach the same objects.
pub fn key_pattern(key: &str, path: &Pattern) -> Result<Pattern, PatternFault> {
    let typed: Vec<String> = key
        .split('/')
        .map(|segment| {
            let name = segment.strip_prefix('{').and_then(|text| text.strip_suffix('}'));
            match name.and_then(|name| path.placeholder(name)) {
                Some(number) if path.is_rest(number) => segment.replace('}', "...}"),
                Some(number) => match path.kind(number) {
                    crate::Kind::Segment => segment.to_owned(),
                    kind => segment.replace('}', &format!(":{}}}", format!("{kind:?}").to_lowercase())),
                },
                None => segment.to_owned(),
            }
        })
        .collect();
    Pattern::parse(&format!("/{}", typed.join("/")))
}

fn build_row(
    number: usize,
    row: &AllowSettings,
    pattern: &Pattern,
    issuers: &[IssuerSettings],
    key_placeholders: &[usize],
    report: &mut Report<'_>,
) -> Option<Row> {
    let Who::Claims(claims) = &row.who else {
        if row.action != Action::Read {
            report(
                Part::Allow(number),
                format!("`anyone` may not `{}`", row.action),
                Some("only `read` can be allowed without a token"),
            );
            return None;
        }
        return Some(Row { action: row.action, issuer: None, tests: None });
    };
    let mut tests = Vec::new();
    for (place, (name, values)) in claims.iter().enumerate() {
        match ClaimTest::new(name, values, pattern) {
            Ok(test) => tests.push(test),
            Err(fault) => {
                let (message, hint) = template_fault(&fault, pattern);
                report(Part::Claim(number, place), message, Some(&hint));
                return None;
            }
        }
    }
    let unbound =
        tests.iter().flat_map(ClaimTest::placeholders).find(|placeholder| !key_placeholders.contains(placeholder));
    if let Some(name) = unbound.and_then(|placeholder| pattern.names().get(placeholder)) {
        report(
            Part::Allow(number),
            format!(
                "the rule binds `{{{name}}}`, which is not in the key: whoever has one `{name}` would reach every object"
            ),
            Some(&format!("put `{{{name}}}` into `key`")),
        );
    }
    if issuers.len() > 1 && row.issuer.is_none() && row.action != Action::Read {
        report(
            Part::Allow(number),
            format!("with several issuers, a rule that allows `{}` names its issuer", row.action),
            Some("add `issuer = \"…\"`"),
        );
    }
    let may = |issuer: &IssuerSettings| issuer.may.contains(&row.action);
    let reachable = match row.issuer {
        Some(id) => issuers.get(id.0).is_some_and(may),
        None => issuers.iter().any(may),
    };
    if !reachable {
        report(
            Part::Allow(number),
            format!("no token can satisfy this rule: its issuer may not `{}`", row.action),
            Some("add the action to the issuer's `may`, or remove the rule"),
        );
    }
    Some(Row { action: row.action, issuer: row.issuer, tests: Some(tests) })
}

fn check_rows(settings: &RouteSettings, report: &mut Report<'_>) {
    let is_anyone = |row: &AllowSettings| matches!(row.who, Who::Anyone);
    let anyone = settings.allow.iter().position(is_anyone);
    if let Some(anyone) = anyone {
        for (number, row) in settings.allow.iter().enumerate() {
            if number != anyone && row.action == Action::Read {
                report(
                    Part::Allow(number),
                    "this rule is never needed: another one lets anyone read".to_owned(),
                    Some("remove one of the two"),
                );
            }
        }
    }
    if settings.any_origin && anyone.is_none() {
        report(
            Part::Cors,
            "`cors = \"*\"` is for routes that anyone may read".to_owned(),
            Some("list the pages' origins in `apps` of `[site]`"),
        );
    }
    let uploads = settings.allow.iter().position(|row| row.action == Action::Upload);
    match (uploads, &settings.upload) {
        (Some(row), None) => report(
            Part::Allow(row),
            "the rule allows `upload`, and the route does not say what may be uploaded".to_owned(),
            Some("add `upload = { max_size = \"…\", types = [\"…\"] }`"),
        ),
        (None, Some(_)) => report(
            Part::Upload,
            "no rule of the route allows `upload`".to_owned(),
            Some("add a rule with `action = \"upload\"`, or remove `upload`"),
        ),
        _ => {}
    }
}

fn build_upload(settings: &UploadSettings, pattern: &Pattern, report: &mut Report<'_>) -> Option<UploadRules> {
    let fill = match fills(&settings.fill, pattern) {
        Ok(fill) => fill,
        Err((number, fault)) => {
            report(Part::Fill(number), fault.to_string(), None);
            return None;
        }
    };
    let mut types = Vec::new();
    for (number, text) in settings.types.iter().enumerate() {
        match TypePattern::parse(text) {
            Some(pattern) => types.push(pattern),
            None => report(
                Part::Type(number),
                format!("`{text}` is not a media type"),
                Some("write `image/png`, `image/*` or `*/*`"),
            ),
        }
    }
    Some(UploadRules { fill, max_size: settings.max_size, types, life: settings.life })
}

/// Routes that share paths without one being inside the other, or that reach the same object by different rules.
fn find_clashes(routes: &[Route], numbers: &[usize], faults: &mut Vec<RuleFault>) {
    let keys: Vec<Option<Pattern>> = routes.iter().map(Route::key_pattern).collect();
    for (at, (route, key)) in routes.iter().zip(&keys).enumerate() {
        for (earlier, earlier_key) in routes.iter().zip(&keys).take(at) {
            let mut report = |part, message: String, hint: &str| {
                faults.push(RuleFault {
                    route: numbers.get(at).copied().unwrap_or(at),
                    part,
                    message,
                    hint: Some(hint.to_owned()),
                });
            };
            if route.name == earlier.name {
                report(Part::Name, format!("a second route is named `{}`", route.name), "give it another name");
            }
            match route.pattern.relation(&earlier.pattern) {
                Relation::Equal => {
                    report(
                        Part::Path,
                        format!("the route `{}` has the same paths", earlier.name),
                        "put the rules of both into one route",
                    );
                    continue;
                }
                Relation::Crossing => {
                    report(
                        Part::Path,
                        format!("the path overlaps that of the route `{}`, and neither is more special", earlier.name),
                        "give one of them a literal or a type that sets it apart",
                    );
                    continue;
                }
                Relation::Disjoint | Relation::Inside | Relation::Around => {}
            }
            let both_same = matches!((&route.key, &earlier.key), (KeyRule::SameAsPath, KeyRule::SameAsPath));
            if !both_same
                && route.bucket == earlier.bucket
                && let (Some(key), Some(earlier_key)) = (key, earlier_key)
                && key.relation(earlier_key) != Relation::Disjoint
            {
                report(
                    Part::Key,
                    format!(
                        "the keys overlap those of the route `{}`: one object under two sets of rules",
                        earlier.name
                    ),
                    "give the keys of one of them a literal first segment of their own",
                );
            }
        }
    }
}

impl KeyRule {
    fn of(&self, captures: &Captures, path: &ObjectPath) -> String {
        match self {
            Self::SameAsPath => path.inner().to_owned(),
            Self::Template(template) => template.fill(captures, path.as_str()),
        }
    }
}

impl Route {
    fn key_pattern(&self) -> Option<Pattern> {
        match &self.key {
            KeyRule::SameAsPath => Some(self.pattern.clone()),
            KeyRule::Template(template) => key_pattern(&template.write(&self.pattern), &self.pattern).ok(),
        }
    }
}
