//! One `allow` row: an action, and who may do it. All its claims must match; any row of a route suffices.

use std::hash::BuildHasher;

use foldhash::fast::FixedState;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::allowed::{Action, Permission};
use crate::circumstances::{Circumstances, Unmet};
use crate::claims::Claims;
use crate::issuer::IssuerId;
use crate::pattern::{Kind, Pattern};
use crate::question::{Evidence, HookAnswer, HookId, HookQuestion, Question};
use crate::rules::Found;
use crate::template::{Captures, Template, TemplateFault};
use crate::token::Verified;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AllowSettings {
    pub action: Action,
    /// Only tokens of this issuer.
    pub issuer: Option<IssuerId>,
    pub who: Who,
    /// The name of a claim that lists the paths a token is for: `/a/b.png`, or `/a/*` for all under it.
    #[serde(default)]
    pub paths: Option<String>,
    #[serde(default)]
    pub circumstances: Circumstances,
    /// Who is asked last, when all else is met.
    #[serde(default)]
    pub hook: Option<HookId>,
}

impl AllowSettings {
    /// A row that demands no more than this.
    pub fn new(action: Action, who: Who) -> Self {
        Self { action, issuer: None, who, paths: None, circumstances: Circumstances::default(), hook: None }
    }

    /// Whether it allows all that the other allows. Where that is hard to tell, it does not.
    pub(crate) fn is_wider(&self, other: &Self) -> bool {
        let (Who::Claims(claims), Who::Claims(others)) = (&self.who, &other.who) else {
            return false;
        };
        let implied = |(name, values): &(String, Vec<ClaimValue>)| {
            others.iter().any(|(other, fewer)| other == name && fewer.iter().all(|value| values.contains(value)))
        };
        self.action == other.action
            && (self.issuer.is_none() || self.issuer == other.issuer)
            && claims.iter().all(implied)
            && (self.paths.is_none() || self.paths == other.paths)
            && (self.circumstances.is_empty() || self.circumstances == other.circumstances)
            && (self.hook.is_none() || self.hook == other.hook)
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Who {
    /// With or without any token, good or bad.
    Anyone,
    /// Whoever holds a valid token in which each of these claims has one of the values beside it. The names walk into
    /// objects at dots, `\.` escapes; names and texts hold placeholders of the path.
    Claims(Vec<(String, Vec<ClaimValue>)>),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ClaimValue {
    Text(String),
    Integer(i64),
    Boolean(bool),
}

/// A row made ready for requests.
#[derive(Debug)]
pub struct Row {
    pub action: Action,
    pub issuer: Option<IssuerId>,
    /// `None` for anyone.
    pub tests: Option<Vec<ClaimTest>>,
    pub paths: Option<ClaimName>,
    pub circumstances: Circumstances,
    pub hook: Option<HookId>,
    /// A number made of all that the row says: after a change of the configuration, whether it is still this row that made a
    /// link.
    pub mark: u64,
}

/// The first fact of a row that failed, in the order in which they are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RowFact {
    OtherIssuer,
    /// The number of the claim in the row.
    Claim(usize),
    PathNotListed,
    Circumstances(Unmet),
    HookRefused,
    HookAway,
    HookUnknown,
}

#[derive(Debug)]
pub struct ClaimTest {
    name: ClaimName,
    wanted: Vec<Wanted>,
}

/// The name of a claim, which walks into objects.
#[derive(Debug)]
pub struct ClaimName(Vec<Template>);

#[derive(Debug)]
enum Wanted {
    Text(Template),
    /// `{x:int}` alone: equals the number too.
    Number(Template),
    Integer(i64),
    Boolean(bool),
}

impl AllowSettings {
    /// The same for equal rows, in every process; another one for others, but for accidents. Every JSON reader holds 53 bits.
    pub(crate) fn mark(&self) -> u64 {
        // It is made of texts, numbers and lists, which always become JSON.
        let text = serde_json::to_string(self).unwrap_or_default();
        FixedState::default().hash_one(text) & ((1 << 53) - 1)
    }
}

impl Row {
    /// Whether a token satisfies the row for this question. Its times and audience are judged elsewhere.
    pub fn judge<P: Permission>(
        &self,
        token: &Verified,
        found: &Found<'_>,
        question: &Question<'_>,
        evidence: &mut impl Evidence,
    ) -> Result<(), RowFact> {
        if self.issuer.is_some_and(|only| only != token.issuer()) {
            return Err(RowFact::OtherIssuer);
        }
        let (claims, captures, path) = (token.claims(), &found.captures, question.path.as_str());
        let tests = self.tests.iter().flatten();
        if let Some(failed) = tests.into_iter().position(|test| !test.holds(claims, captures, path)) {
            return Err(RowFact::Claim(failed));
        }
        if self.paths.as_ref().is_some_and(|name| !lists(name.value(claims, captures, path), path)) {
            return Err(RowFact::PathNotListed);
        }
        self.check_circumstances(question)?;
        let Some(hook) = self.hook else {
            return Ok(());
        };
        let asked = HookQuestion { hook, action: P::ACTION, route: &found.route.name, path: question.path, token };
        match evidence.hook(&asked) {
            HookAnswer::Yes => Ok(()),
            HookAnswer::No => Err(RowFact::HookRefused),
            HookAnswer::Away => Err(RowFact::HookAway),
            HookAnswer::Unknown => Err(RowFact::HookUnknown),
        }
    }

    pub fn check_circumstances(&self, question: &Question<'_>) -> Result<(), RowFact> {
        self.circumstances.check(question.method, question.address, question.now).map_err(RowFact::Circumstances)
    }
}

/// Whether a claim's list of paths holds this one: as it stands, or below a path that ends with `/*`.
fn lists(claim: Option<&Value>, path: &str) -> bool {
    let below = |folder: &str| path.strip_prefix(folder).is_some_and(|rest| !rest.is_empty());
    let covers = |listed: &Value| {
        listed.as_str().is_some_and(|listed| {
            let folder = listed.strip_suffix('*').filter(|folder| folder.ends_with('/'));
            listed == path || folder.is_some_and(below)
        })
    };
    match claim {
        Some(Value::Array(many)) => many.iter().any(covers),
        Some(one) => covers(one),
        None => false,
    }
}

impl ClaimName {
    pub fn new(name: &str, pattern: &Pattern) -> Result<Self, TemplateFault> {
        split_name(name).iter().map(|part| Template::parse(part, pattern)).collect::<Result<_, _>>().map(Self)
    }

    pub fn value<'c>(&self, claims: &'c Claims, captures: &Captures, path: &str) -> Option<&'c Value> {
        let mut parts = self.0.iter();
        let first = parts.next()?;
        let claim = match first.0.as_slice() {
            [crate::template::Piece::Literal(name)] => claims.get(name)?,
            _ => claims.get(&first.fill(captures, path))?,
        };
        parts.try_fold(claim, |claim, part| {
            let members = claim.as_object()?;
            members.iter().find(|(name, _)| part.equals(name, captures, path)).map(|(_, member)| member)
        })
    }

    fn placeholders(&self) -> impl Iterator<Item = usize> {
        self.0.iter().flat_map(Template::placeholders)
    }
}

impl ClaimTest {
    pub fn new(name: &str, wanted: &[ClaimValue], pattern: &Pattern) -> Result<Self, TemplateFault> {
        let name = ClaimName::new(name, pattern)?;
        let wanted = wanted
            .iter()
            .map(|value| {
                Ok(match value {
                    ClaimValue::Integer(integer) => Wanted::Integer(*integer),
                    ClaimValue::Boolean(boolean) => Wanted::Boolean(*boolean),
                    ClaimValue::Text(text) => {
                        let template = Template::parse(text, pattern)?;
                        match template.only_placeholder().map(|placeholder| pattern.kind(placeholder)) {
                            Some(Kind::Int) => Wanted::Number(template),
                            _ => Wanted::Text(template),
                        }
                    }
                })
            })
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self { name, wanted })
    }

    /// Whether two paths could ask for the same claim.
    pub fn is_ambiguous(&self, pattern: &Pattern) -> bool {
        self.name.0.iter().any(|part| part.is_ambiguous(pattern))
            || self.wanted.iter().any(|wanted| match wanted {
                Wanted::Text(template) | Wanted::Number(template) => template.is_ambiguous(pattern),
                Wanted::Integer(_) | Wanted::Boolean(_) => false,
            })
    }

    /// The placeholders that this test binds to a claim.
    pub fn placeholders(&self) -> impl Iterator<Item = usize> {
        let of_values = self.wanted.iter().filter_map(|wanted| match wanted {
            Wanted::Text(template) | Wanted::Number(template) => Some(template.placeholders()),
            Wanted::Integer(_) | Wanted::Boolean(_) => None,
        });
        self.name.placeholders().chain(of_values.flatten())
    }

    /// The claim equals a wanted value, or is a list that holds one.
    fn holds(&self, claims: &Claims, captures: &Captures, path: &str) -> bool {
        match self.name.value(claims, captures, path) {
            Some(Value::Array(items)) => items.iter().any(|item| self.wants(item, captures, path)),
            Some(one) => self.wants(one, captures, path),
            None => false,
        }
    }

    fn wants(&self, value: &Value, captures: &Captures, path: &str) -> bool {
        self.wanted.iter().any(|wanted| match (wanted, value) {
            (Wanted::Text(template) | Wanted::Number(template), Value::String(text)) => {
                template.equals(text, captures, path)
            }
            (Wanted::Number(template), Value::Number(number)) => {
                number.as_i64().is_some_and(|number| template.equals(&number.to_string(), captures, path))
            }
            (Wanted::Integer(integer), Value::Number(number)) => number.as_i64() == Some(*integer),
            (Wanted::Boolean(boolean), Value::Bool(value)) => boolean == value,
            _ => false,
        })
    }
}

/// Splits at dots; `\.` is a dot in a name and `\\` a backslash.
pub fn split_name(name: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut characters = name.chars();
    while let Some(character) = characters.next() {
        let plain = match character {
            '.' => {
                parts.push(String::new());
                continue;
            }
            '\\' => characters.next().unwrap_or('\\'),
            other => other,
        };
        if let Some(last) = parts.last_mut() {
            last.push(plain);
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strict_json::object;

    fn holds(name: &str, wanted: &[ClaimValue], claims: &str, captured: &str) -> bool {
        let pattern = Pattern::parse("/{w}/{n:int}").unwrap();
        let claims = Claims::new(object(claims.as_bytes()).unwrap()).unwrap();
        let path = format!("/{captured}/42");
        let mut captures = Captures::default();
        captures.push(1, 1 + captured.len());
        captures.push(2 + captured.len(), path.len());
        ClaimTest::new(name, wanted, &pattern).unwrap().holds(&claims, &captures, &path)
    }

    fn text(text: &str) -> ClaimValue {
        ClaimValue::Text(text.to_owned())
    }

    #[test]
    fn equality_lists_and_walking() {
        let w = [text("{w}")];
        assert!(holds("w", &w, r#"{"w":"a"}"#, "a"));
        assert!(holds("w", &w, r#"{"w":["x","a"]}"#, "a"));
        assert!(!holds("w", &w, r#"{"w":["x","ab"]}"#, "a"));
        assert!(!holds("w", &w, r#"{"w":{"a":1}}"#, "a"));
        assert!(!holds("w", &w, r#"{"w":[["a"]]}"#, "a"));
        assert!(!holds("w", &w, r#"{"w":"*"}"#, "a"));
        assert!(!holds("w", &w, r#"{"w":null}"#, "a"));
        assert!(!holds("w", &w, r"{}", "a"));
        let roles = [text("owner"), text("editor")];
        assert!(holds("members.{w}", &roles, r#"{"members":{"a":"editor"}}"#, "a"));
        assert!(holds("members.{w}", &roles, r#"{"members":{"a":["reader","owner"]}}"#, "a"));
        assert!(!holds("members.{w}", &roles, r#"{"members":{"b":"editor"}}"#, "a"));
        assert!(holds("members.{w}", &roles, r#"{"members":{"a.b":"editor"}}"#, "a.b"));
        assert!(!holds("members.{w}", &roles, r#"{"members":{"a":{"b":"editor"}}}"#, "a.b"));
        assert!(holds(r"https://x\.y/r", &[text("q")], r#"{"https://x.y/r":"q"}"#, "a"));
        assert!(holds("t", &[text("ws-{w}!")], r#"{"t":"ws-a!"}"#, "a"));
        assert!(!holds("t", &[text("ws-{w}!")], r#"{"t":"ws-a"}"#, "a"));
    }

    #[test]
    fn types_do_not_mix() {
        assert!(holds("n", &[text("{n}")], r#"{"n":42}"#, "a"));
        assert!(holds("n", &[text("{n}")], r#"{"n":"42"}"#, "a"));
        assert!(!holds("n", &[text("{n}")], r#"{"n":42.0}"#, "a"));
        assert!(!holds("n", &[text("42")], r#"{"n":42}"#, "a"));
        assert!(holds("n", &[ClaimValue::Integer(42)], r#"{"n":42}"#, "a"));
        assert!(!holds("n", &[ClaimValue::Integer(42)], r#"{"n":"42"}"#, "a"));
        assert!(!holds("n", &[ClaimValue::Integer(42)], r#"{"n":42.0}"#, "a"));
        assert!(holds("n", &[ClaimValue::Boolean(true)], r#"{"n":true}"#, "a"));
        assert!(!holds("n", &[ClaimValue::Boolean(true)], r#"{"n":"true"}"#, "a"));
        assert!(!holds("n", &[ClaimValue::Boolean(true)], r#"{"n":1}"#, "a"));
    }
}
