//! One row of a route's `allow`.

use authorizer::{Action, AllowSettings, ClaimValue, HookId, IssuerId, Who};
use toml::de::DeValue;

use super::circumstances;
use super::faults::{Faults, Mistake, Place};
use super::issuer::action;
use super::nearest::suggest;
use super::section::{Node, Section};

/// A row that is understood, with the places that its faults are reported at.
pub struct Row {
    pub settings: AllowSettings,
    pub place: Place,
    pub claims: Vec<Place>,
    /// The issuer's name leads nowhere; that is reported.
    pub unknown_issuer: bool,
}

/// What a row can name.
pub struct Names<'a> {
    pub issuers: &'a [&'a str],
    pub hooks: &'a [&'a str],
    /// The roles of `[roles]`, and what each may do.
    pub roles: &'a [(String, Vec<Action>)],
    /// What some issuer may grant.
    pub granted: &'a [Action],
}

/// The rows that one table stands for: one, or with `role` one for each action. `None` if it is not understood.
pub fn read(node: Node<'_>, names: &Names<'_>, takes_uploads: bool, faults: &mut Faults) -> Option<Vec<Row>> {
    let mut section =
        node.section("a rule of `allow`", "a table such as `{ action = \"read\", claims = { … } }`", faults)?;
    let place = section.place;
    let actions = actions(&mut section, names, takes_uploads, faults);
    let issuer = section.get("issuer").map(|node| {
        node.parse("the name of an issuer", faults, |text| number_of(text, names.issuers, "issuer")).map(IssuerId)
    });
    let hook = section
        .get("hook")
        .map(|node| node.parse("the name of a hook", faults, |text| number_of(text, names.hooks, "hook")).map(HookId));
    let paths = section.get("paths").map(|node| node.text("the name of a claim", faults).map(str::to_owned));
    let circumstances = circumstances::read(&mut section, faults);
    let who = who(&mut section, issuer.is_some(), paths.is_some(), faults);
    section.close(faults);

    let (who, claims) = who?;
    let unknown_issuer = issuer == Some(None);
    let settings = AllowSettings {
        issuer: issuer.map(|id| id.unwrap_or(IssuerId(usize::MAX))),
        paths: flatten(paths)?,
        circumstances,
        hook: flatten(hook)?,
        ..AllowSettings::new(Action::Read, who)
    };
    let row = |(action, role): (Action, Option<Claim>)| {
        let mut settings = AllowSettings { action, ..settings.clone() };
        let mut claims = claims.clone();
        if let (Some(role), Who::Claims(tests)) = (role, &mut settings.who) {
            tests.push(role);
            claims.push(place);
        }
        Row { settings, place, claims, unknown_issuer }
    };
    Some(actions?.into_iter().map(row).collect())
}

/// A key that is not there is fine; one that is there and not understood is not.
#[allow(clippy::option_option)]
fn flatten<T>(read: Option<Option<T>>) -> Option<Option<T>> {
    match read {
        None => Some(None),
        Some(read) => read.map(Some),
    }
}

/// The actions of a row, with the claim that its `role` stands for.
fn actions(
    section: &mut Section<'_>,
    names: &Names<'_>,
    takes_uploads: bool,
    faults: &mut Faults,
) -> Option<Vec<(Action, Option<Claim>)>> {
    let Some(role) = section.get("role") else {
        let hint = "write `action = \"read\"`, \"upload\" or \"delete\"";
        let node = section.require("action", hint, faults)?;
        return Some(vec![(node.parse("\"read\", \"upload\" or \"delete\"", faults, action)?, None)]);
    };
    if section.has("action") {
        let mistake = Mistake::new("`action` beside `role`").hint("a role's actions stand in `[roles]`");
        faults.add(section.place_of("action"), mistake);
        return None;
    }
    let claim = role.text("the name of a claim whose value is a role", faults)?;
    if names.roles.is_empty() {
        let hint = "add `[roles]` with `reader = [\"read\"]`";
        faults.add(role.place, Mistake::new("no role says what it may do").hint(hint));
        return None;
    }
    let served = |action: &Action| names.granted.contains(action) && (takes_uploads || *action != Action::Upload);
    let of_action = |action: Action| {
        let roles = names.roles.iter().filter(|(_, may)| may.contains(&action));
        let roles: Vec<_> = roles.map(|(name, _)| ClaimValue::Text(name.clone())).collect();
        (!roles.is_empty()).then(|| (action, Some((claim.to_owned(), roles))))
    };
    Some(Action::ALL.into_iter().filter(served).filter_map(of_action).collect())
}

/// Whom a row lets in, and the places of its claims.
fn who(section: &mut Section<'_>, has_issuer: bool, has_paths: bool, faults: &mut Faults) -> Option<(Who, Vec<Place>)> {
    let claims = section.get("claims").map(|node| claims(node, faults));
    let anyone = section.get("anyone").map(|node| (node, node.boolean(faults)));
    if let Some((node, Some(false))) = anyone {
        let mistake = Mistake::new("`anyone = false` says nothing");
        faults.add(node.place, mistake.hint("remove it; `claims = {}` lets in every valid token"));
        return None;
    }
    if anyone.is_some() && (claims.is_some() || has_issuer || section.has("role")) {
        let mistake = Mistake::new("`anyone` beside `claims`, `role` or `issuer`");
        faults.add(section.place_of("anyone"), mistake.hint("write two rules, or remove one of them"));
        return None;
    }
    match (claims, anyone) {
        (Some(claims), _) => {
            let (claims, places): (Vec<_>, Vec<_>) = claims?.into_iter().unzip();
            Some((Who::Claims(claims), places))
        }
        (None, Some((_, anyone))) => anyone.map(|_| (Who::Anyone, Vec::new())),
        (None, None) if has_paths || section.has("role") => Some((Who::Claims(Vec::new()), Vec::new())),
        (None, None) => {
            let mistake =
                Mistake::new("the rule does not say who: neither `claims` nor `role`, `paths` or `anyone` is there");
            faults.missing(section.place, "claims", mistake.hint("write `claims = {}` to let in every valid token"));
            None
        }
    }
}

fn number_of(text: &str, names: &[&str], kind: &str) -> Result<usize, Mistake> {
    names.iter().position(|name| *name == text).ok_or_else(|| Mistake {
        message: format!("unknown {kind} `{text}`"),
        hint: suggest(text, names.iter().copied()).or_else(|| Some(format!("add a section `[{kind}.{text}]`"))),
    })
}

type Claim = (String, Vec<ClaimValue>);

/// The claims in the order of the text; `None` if one is not understood.
fn claims(node: Node<'_>, faults: &mut Faults) -> Option<Vec<(Claim, Place)>> {
    let members = node.members("a table such as `{ workspace = \"{workspace}\" }`", faults)?;
    let read: Vec<_> = members
        .into_iter()
        .map(|member| {
            if member.name.is_empty() {
                faults.add(member.place, Mistake::new("a claim without a name"));
                return None;
            }
            if let DeValue::Table(_) = member.node.value {
                let mistake = Mistake::new(format!("a table where the value of the claim `{}` is wanted", member.name));
                faults.add(
                    member.place,
                    mistake.hint("to walk into an object put the whole name in quotes: `\"members.role\" = …`"),
                );
                return None;
            }
            Some(((member.name.to_owned(), claim_values(member.node, faults)?), member.place))
        })
        .collect();
    read.into_iter().collect()
}

fn claim_values(node: Node<'_>, faults: &mut Faults) -> Option<Vec<ClaimValue>> {
    let wanted = "text, a whole number, true or false, or a list of them";
    match node.value {
        DeValue::Array(_) => {
            let read: Vec<_> =
                node.list(wanted, faults)?.into_iter().map(|item| claim_value(item, wanted, faults)).collect();
            read.into_iter().collect()
        }
        _ => claim_value(node, wanted, faults).map(|value| vec![value]),
    }
}

fn claim_value(node: Node<'_>, wanted: &str, faults: &mut Faults) -> Option<ClaimValue> {
    match node.value {
        DeValue::String(_) => node.text("text", faults).map(|text| ClaimValue::Text(text.to_owned())),
        DeValue::Boolean(value) => Some(ClaimValue::Boolean(*value)),
        DeValue::Integer(number) => {
            if let Ok(number) = i64::from_str_radix(number.as_str(), number.radix()) {
                Some(ClaimValue::Integer(number))
            } else {
                faults.add(node.place, Mistake::new("the number is too large"));
                None
            }
        }
        _ => node.wrong_type(wanted, faults),
    }
}
