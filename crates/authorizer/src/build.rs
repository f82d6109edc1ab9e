//! From routes as they are written to routes that are ready, or the list of everything that is wrong with them.

use std::fmt;

use crate::allowed::Action;
use crate::clashes::find_clashes;
use crate::issuer::IssuerSettings;
use crate::pattern::{Pattern, PatternFault};
use crate::routes::{KeyRule, Route, RouteSettings};
use crate::rule::{AllowSettings, ClaimName, ClaimTest, ClaimValue, Row, Who};
use crate::template::{Template, TemplateFault};
use crate::upload::{TypePattern, UploadRules, UploadSettings, fills};

/// A mistake in a route, with the part of it that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleFault {
    /// The route's number, from 0.
    pub route: usize,
    pub part: Part,
    pub message: String,
    pub hint: Option<String>,
}

impl fmt::Display for RuleFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Name,
    /// The number of the host.
    Host(usize),
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

type Report<'a> = dyn FnMut(Part, String, Option<&str>) + 'a;

/// The routes made ready, in the same order.
pub fn routes(issuers: &[IssuerSettings], settings: &[RouteSettings]) -> Result<Vec<Route>, Vec<RuleFault>> {
    let mut faults = Vec::new();
    let mut built: Vec<Route> = Vec::new();
    let mut numbers = Vec::new();
    for (number, settings) in settings.iter().enumerate() {
        let mut report = |part, message: String, hint: Option<&str>| {
            faults.push(RuleFault { route: number, part, message, hint: hint.map(str::to_owned) });
        };
        if let Some(route) = build_route(settings, issuers, &mut report) {
            built.push(route);
            numbers.push(number);
        }
    }
    find_clashes(&built, &numbers, &mut faults);
    if faults.is_empty() { Ok(built) } else { Err(faults) }
}

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
    check_hosts(settings, report);
    check_rows(settings, report);
    let upload = settings.upload.as_ref().and_then(|upload| build_upload(upload, &pattern, report));
    Some(Route {
        name: settings.name.clone(),
        hosts: settings.hosts.clone(),
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
        PatternFault::BadBraces(_) => {
            Some("a segment holds one placeholder at most: `/{workspace}/v{version:int}`".to_owned())
        }
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
    if let Err(fault) = pattern.of_keys(text) {
        report(
            Part::Key,
            format!("the key is ambiguous: {fault}"),
            Some(
                "a segment of the key holds one placeholder at most, and one that takes several stands alone and last",
            ),
        );
        return None;
    }
    let placeholders = template.placeholders().collect();
    Some((KeyRule::Template(template), placeholders))
}

fn build_row(
    number: usize,
    row: &AllowSettings,
    pattern: &Pattern,
    issuers: &[IssuerSettings],
    key_placeholders: &[usize],
    report: &mut Report<'_>,
) -> Option<Row> {
    check_circumstances(number, row, report);
    let Who::Claims(claims) = &row.who else {
        return build_anyone(number, row, report);
    };
    let mut tests = Vec::new();
    for (place, (name, values)) in claims.iter().enumerate() {
        if let Some((message, hint)) = impossible(name, values, row, issuers) {
            report(Part::Claim(number, place), message, Some(hint));
        }
        match ClaimTest::new(name, values, pattern) {
            Ok(test) => {
                if test.is_ambiguous(pattern) {
                    report(
                        Part::Claim(number, place),
                        format!("two paths could ask for the same `{name}`: nothing keeps its placeholders apart"),
                        Some(
                            "put a `/` between them, give them types that do not hold what stands between, or use two claims",
                        ),
                    );
                }
                tests.push(test);
            }
            Err(fault) => {
                let (message, hint) = template_fault(&fault, pattern);
                report(Part::Claim(number, place), message, Some(&hint));
                return None;
            }
        }
    }
    let paths = match row.paths.as_ref().map(|name| ClaimName::new(name, pattern)).transpose() {
        Ok(paths) => paths,
        Err(fault) => {
            let (message, hint) = template_fault(&fault, pattern);
            report(Part::Allow(number), format!("`paths`: {message}"), Some(&hint));
            return None;
        }
    };
    // A list of paths binds all of the path.
    let listed = paths.iter().flat_map(|_| 0..pattern.names().len());
    let bound = tests.iter().flat_map(ClaimTest::placeholders).chain(listed);
    let unbound = bound.into_iter().find(|placeholder| !key_placeholders.contains(placeholder));
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
    let circumstances = row.circumstances.clone();
    Some(Row {
        action: row.action,
        issuer: row.issuer,
        tests: Some(tests),
        paths,
        circumstances,
        hook: row.hook,
        mark: row.mark(),
    })
}

fn build_anyone(number: usize, row: &AllowSettings, report: &mut Report<'_>) -> Option<Row> {
    if row.action != Action::Read {
        report(
            Part::Allow(number),
            format!("`anyone` may not `{}`", row.action),
            Some("only `read` can be allowed without a token"),
        );
        return None;
    }
    if row.hook.is_some() || row.paths.is_some() {
        report(
            Part::Allow(number),
            "`anyone` has no token for a hook or a list of paths to look at".to_owned(),
            Some("write `claims = {}` to let in every valid token that they allow"),
        );
        return None;
    }
    let circumstances = row.circumstances.clone();
    Some(Row {
        action: row.action,
        issuer: None,
        tests: None,
        paths: None,
        circumstances,
        hook: None,
        mark: row.mark(),
    })
}

fn check_circumstances(number: usize, row: &AllowSettings, report: &mut Report<'_>) {
    if row.circumstances.never() {
        let message = "no request can meet these circumstances: a list is empty, or a time ends before it begins";
        report(Part::Allow(number), message.to_owned(), Some("remove the rule, or what is empty"));
    }
    if row.circumstances.methods.is_some() && row.action != Action::Read {
        let message = format!("`methods` is for `read`; whatever allows `{}` has one method", row.action);
        report(Part::Allow(number), message, Some("remove `methods`"));
    }
}

/// A claim that no token of the row's issuers can have.
fn impossible(
    name: &str,
    values: &[ClaimValue],
    row: &AllowSettings,
    issuers: &[IssuerSettings],
) -> Option<(String, &'static str)> {
    if values.is_empty() {
        return Some((format!("no value of `{name}` satisfies an empty list"), "name a value, or remove the claim"));
    }
    let is_one = |value: &ClaimValue, known: &str| matches!(value, ClaimValue::Text(text) if text == known || text.contains('{'));
    let mut wanted = issuers
        .iter()
        .enumerate()
        .filter(|(number, _)| row.issuer.is_none_or(|only| only.0 == *number))
        .map(|(_, issuer)| issuer.issuer.as_str());
    let wrong = name == "iss" && !wanted.any(|known| values.iter().any(|value| is_one(value, known)));
    wrong.then(|| {
        ("no token of this rule's issuers has such an `iss`".to_owned(), "use `issuer = \"…\"` with the issuer's name")
    })
}

fn check_hosts(settings: &RouteSettings, report: &mut Report<'_>) {
    for (number, host) in settings.hosts.iter().enumerate() {
        let part = |part: &str| {
            !part.is_empty()
                && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        };
        if !host.split('.').all(part) {
            let message = format!("`{host}` is not the name of a host");
            report(Part::Host(number), message, Some("lower-case, without scheme and port: `files.example.com`"));
        }
    }
}

fn check_rows(settings: &RouteSettings, report: &mut Report<'_>) {
    let is_anyone = |row: &AllowSettings| matches!(row.who, Who::Anyone) && row.circumstances.is_empty();
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
    for (number, row) in settings.allow.iter().enumerate() {
        let wider = |(other, wide): &(usize, &AllowSettings)| {
            *other != number && wide.is_wider(row) && (*other < number || !row.is_wider(wide))
        };
        if anyone.is_none()
            && let Some((other, _)) = settings.allow.iter().enumerate().find(wider)
        {
            report(
                Part::Allow(number),
                format!("this rule is never needed: rule {} of the route allows all that it allows", other + 1),
                Some("remove one of the two"),
            );
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
