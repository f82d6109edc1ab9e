//! One `allow` row: an action, and who may do it. All its claims must match; any row of a route suffices.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::allowed::Action;
use crate::claims::Claims;
use crate::issuer::IssuerId;
use crate::pattern::{Kind, Pattern};
use crate::template::{Captures, Template, TemplateFault};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AllowSettings {
    pub action: Action,
    /// Only tokens of this issuer.
    pub issuer: Option<IssuerId>,
    pub who: Who,
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
}

#[derive(Debug)]
pub struct ClaimTest {
    name: Vec<Template>,
    wanted: Vec<Wanted>,
}

#[derive(Debug)]
enum Wanted {
    Text(Template),
    /// `{x:int}` alone: equals the number too.
    Number(Template),
    Integer(i64),
    Boolean(bool),
}

impl Row {
    /// Whether these claims satisfy the row for this path.
    pub fn covers(&self, issuer: IssuerId, claims: &Claims, captures: &Captures, path: &str) -> bool {
        self.issuer.is_none_or(|only| only == issuer)
            && self.tests.as_ref().is_none_or(|tests| tests.iter().all(|test| test.holds(claims, captures, path)))
    }
}

impl ClaimTest {
    pub fn new(name: &str, wanted: &[ClaimValue], pattern: &Pattern) -> Result<Self, TemplateFault> {
        let name = split_name(name).iter().map(|part| Template::parse(part, pattern)).collect::<Result<Vec<_>, _>>()?;
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

    /// The placeholders that this test binds to a claim.
    pub fn placeholders(&self) -> impl Iterator<Item = usize> {
        let of_values = self.wanted.iter().filter_map(|wanted| match wanted {
            Wanted::Text(template) | Wanted::Number(template) => Some(template.placeholders()),
            Wanted::Integer(_) | Wanted::Boolean(_) => None,
        });
        self.name.iter().map(Template::placeholders).chain(of_values).flatten()
    }

    /// The claim equals a wanted value, or is a list that holds one.
    fn holds(&self, claims: &Claims, captures: &Captures, path: &str) -> bool {
        let mut parts = self.name.iter();
        let Some(mut claim) = parts.next().and_then(|first| match first.0.as_slice() {
            [crate::template::Piece::Literal(name)] => claims.get(name),
            _ => claims.get(&first.fill(captures, path)),
        }) else {
            return false;
        };
        for part in parts {
            let Value::Object(members) = claim else {
                return false;
            };
            let Some(member) = members.iter().find(|(name, _)| part.equals(name, captures, path)) else {
                return false;
            };
            claim = member.1;
        }
        match claim {
            Value::Array(items) => items.iter().any(|item| self.wants(item, captures, path)),
            one => self.wants(one, captures, path),
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
fn split_name(name: &str) -> Vec<String> {
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
        assert!(holds("n", &[ClaimValue::Boolean(true)], r#"{"n":true}"#, "a"));
        assert!(!holds("n", &[ClaimValue::Boolean(true)], r#"{"n":"true"}"#, "a"));
        assert!(!holds("n", &[ClaimValue::Boolean(true)], r#"{"n":1}"#, "a"));
    }
}
