//! One row of a route's `allow`.

use authorizer::{AllowSettings, ClaimValue, IssuerId, Who};
use toml::de::DeValue;

use super::faults::{Faults, Mistake, Place};
use super::issuer::action;
use super::nearest::suggest;
use super::section::Node;

/// A row that is understood, with the places that its faults are reported at.
pub struct Row {
    pub settings: AllowSettings,
    pub place: Place,
    pub claims: Vec<Place>,
    /// The issuer's name leads nowhere; that is reported.
    pub unknown_issuer: bool,
}

pub fn read(node: Node<'_>, issuers: &[&str], faults: &mut Faults) -> Option<Row> {
    let mut section =
        node.section("a rule of `allow`", "a table such as `{ action = \"read\", claims = { … } }`", faults)?;
    let action_hint = "write `action = \"read\"`, \"upload\" or \"delete\"";
    let action = section
        .require("action", action_hint, faults)
        .and_then(|node| node.parse("\"read\", \"upload\" or \"delete\"", faults, action));
    let issuer = section.get("issuer");
    let issuer_name = issuer.map(|node| node.parse("the name of an issuer", faults, |text| issuer_id(text, issuers)));
    let claims = section.get("claims").map(|node| claims(node, faults));
    let anyone = section.get("anyone").map(|node| (node, node.boolean(faults)));

    if let Some((node, Some(false))) = anyone {
        let mistake = Mistake::new("`anyone = false` says nothing");
        faults.add(node.place, mistake.hint("remove it; `claims = {}` lets in every valid token"));
        return None;
    }
    if anyone.is_some() && (claims.is_some() || issuer.is_some()) {
        let mistake = Mistake::new("`anyone` beside `claims` or `issuer`");
        faults.add(section.place_of("anyone"), mistake.hint("write two rules, or remove one of them"));
        return None;
    }
    if anyone.is_none() && claims.is_none() {
        let mistake = Mistake::new("the rule does not say who: neither `claims` nor `anyone` is there");
        faults.missing(section.place, "claims", mistake.hint("write `claims = {}` to let in every valid token"));
    }
    let place = section.place;
    section.close(faults);
    let (who, claims) = match (claims, anyone) {
        (Some(claims), _) => {
            let (claims, places): (Vec<_>, Vec<_>) = claims?.into_iter().unzip();
            (Who::Claims(claims), places)
        }
        (None, Some((_, anyone))) => {
            anyone?;
            (Who::Anyone, Vec::new())
        }
        (None, None) => return None,
    };
    let unknown_issuer = issuer_name == Some(None);
    let issuer = issuer_name.map(|id| id.unwrap_or(IssuerId(usize::MAX)));
    Some(Row { settings: AllowSettings { action: action?, issuer, who }, place, claims, unknown_issuer })
}

fn issuer_id(text: &str, issuers: &[&str]) -> Result<IssuerId, Mistake> {
    issuers.iter().position(|name| *name == text).map(IssuerId).ok_or_else(|| Mistake {
        message: format!("unknown issuer `{text}`"),
        hint: suggest(text, issuers.iter().copied()).or_else(|| Some(format!("add a section `[issuer.{text}]`"))),
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
