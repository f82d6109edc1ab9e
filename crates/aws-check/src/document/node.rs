//! The tree that a template is read into: JSON's values, each with its place in the text.

use std::fmt;

use serde_json::Value as Json;

/// Where something stands in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    pub value: Value,
    /// None where the document was put together from an account's answers.
    pub place: Option<Place>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    Bool(bool),
    /// As written, so that an account number keeps its zeros.
    Number(String),
    Text(String),
    List(Vec<Node>),
    Map(Map),
    /// Only after [`Document::resolve`](super::Document::resolve): what cannot be known, written as `Fn::Sub` would:
    /// `${Bucket.Arn}/*`, `${Stage}`, `${Fn::ImportValue ${Stack}-key}`.
    Unknown(String),
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Map {
    /// In the order of the text; the keys differ.
    pub entries: Vec<Entry>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub key: String,
    /// Where the key stands.
    pub place: Option<Place>,
    pub value: Node,
}

impl Map {
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }

    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|entry| &entry.value)
    }
}

impl Node {
    pub fn null() -> Self {
        Self { value: Value::Null, place: None }
    }

    /// The value of a map's key; None for what is not a map.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|entry| &entry.value)
    }

    pub fn entry(&self, key: &str) -> Option<&Entry> {
        match &self.value {
            Value::Map(map) => map.entry(key),
            _ => None,
        }
    }

    /// `at(&["Properties", "BucketName"])`: keys of maps inside one another.
    pub fn at(&self, keys: &[&str]) -> Option<&Node> {
        keys.iter().try_fold(self, |node, key| node.get(key))
    }

    /// The entries of a map; none for what is not a map.
    pub fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Map(map) => &map.entries,
            _ => &[],
        }
    }

    /// The items of a list; none for what is not a list.
    pub fn items(&self) -> &[Node] {
        match &self.value {
            Value::List(items) => items,
            _ => &[],
        }
    }

    /// A scalar as CloudFormation passes it on: text, a number as written, `true` or `false`. None for what is not wholly known.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) | Value::Number(text) => Some(text),
            Value::Bool(true) => Some("true"),
            Value::Bool(false) => Some("false"),
            _ => None,
        }
    }

    /// As [`Node::text`], and for the unknown what is known of it: `arn:aws:s3:::${Bucket}/*`.
    pub fn pattern(&self) -> Option<&str> {
        match &self.value {
            Value::Unknown(pattern) => Some(pattern),
            _ => self.text(),
        }
    }

    /// CloudFormation takes the words as well as the values.
    pub fn boolean(&self) -> Option<bool> {
        let text = self.text()?;
        if ["true", "yes", "on"].iter().any(|word| text.eq_ignore_ascii_case(word)) {
            return Some(true);
        }
        ["false", "no", "off"].iter().any(|word| text.eq_ignore_ascii_case(word)).then_some(false)
    }

    pub fn number(&self) -> Option<f64> {
        self.text()?.parse().ok().filter(|number: &f64| number.is_finite())
    }

    pub fn is_null(&self) -> bool {
        matches!(self.value, Value::Null)
    }

    pub fn is_unknown(&self) -> bool {
        matches!(self.value, Value::Unknown(_))
    }

    /// `Ref` or `Fn::…` and its argument, of a map that is nothing else.
    pub fn intrinsic(&self) -> Option<(&str, &Node)> {
        match self.entries() {
            [Entry { key, value, .. }] if key == "Ref" || key.starts_with("Fn::") => Some((key, value)),
            _ => None,
        }
    }

    /// Without the places. Numbers that JSON's reader would change stay text.
    pub fn to_json(&self) -> Json {
        match &self.value {
            Value::Null => Json::Null,
            Value::Bool(truth) => Json::Bool(*truth),
            Value::Number(number) => number_to_json(number),
            Value::Text(text) | Value::Unknown(text) => Json::String(text.clone()),
            Value::List(items) => Json::Array(items.iter().map(Node::to_json).collect()),
            Value::Map(map) => {
                Json::Object(map.entries.iter().map(|entry| (entry.key.clone(), entry.value.to_json())).collect())
            }
        }
    }
}

impl From<&Json> for Node {
    /// A tree without places. Not for text of strangers: its depth is that of the value.
    fn from(json: &Json) -> Self {
        let value = match json {
            Json::Null => Value::Null,
            Json::Bool(truth) => Value::Bool(*truth),
            Json::Number(number) => Value::Number(number.to_string()),
            Json::String(text) => Value::Text(text.clone()),
            Json::Array(items) => Value::List(items.iter().map(Node::from).collect()),
            Json::Object(object) => {
                let entries =
                    object.iter().map(|(key, value)| Entry { key: key.clone(), place: None, value: Node::from(value) });
                Value::Map(Map { entries: entries.collect() })
            }
        };
        Self { value, place: None }
    }
}

fn number_to_json(number: &str) -> Json {
    match serde_json::from_str(number) {
        Ok(Json::Number(read)) if read.to_string() == number => Json::Number(read),
        _ => Json::String(number.to_owned()),
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}
