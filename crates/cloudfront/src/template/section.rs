//! A part of a template, read key by key with words for what is wrong.

use aws_check::document::Node;

use crate::fault::Fault;

#[derive(Clone)]
pub struct Section<'a> {
    path: String,
    node: Option<&'a Node>,
}

impl<'a> Section<'a> {
    pub fn new(path: String, node: Option<&'a Node>) -> Self {
        Self { path, node: node.filter(|node| !node.is_null()) }
    }

    pub fn get(&self, key: &str) -> Self {
        let entry = self.node.and_then(|node| node.entry(key));
        Self::new(format!("{}.{key}", self.path), entry.map(|entry| &entry.value))
    }

    pub fn is_there(&self) -> bool {
        self.node.is_some()
    }

    /// Not there, or an empty text, list or map.
    pub fn is_empty(&self) -> bool {
        self.node.is_none_or(|node| {
            node.text() == Some("")
                || (node.pattern().is_none() && node.items().is_empty() && node.entries().is_empty())
        })
    }

    /// Text that is there and wholly known but for references to resources.
    pub fn text(&self) -> Result<&'a str, Fault> {
        let node = self.node.ok_or_else(|| self.wrong("is not there"))?;
        node.pattern().ok_or_else(|| self.wrong("must be text"))
    }

    pub fn text_or(&self, other: &'a str) -> Result<&'a str, Fault> {
        if self.is_there() { self.text() } else { Ok(other) }
    }

    pub fn flag(&self) -> Result<bool, Fault> {
        match self.node {
            None => Ok(false),
            Some(node) => node.boolean().ok_or_else(|| self.wrong("must be true or false")),
        }
    }

    pub fn number_or(&self, other: i64) -> Result<i64, Fault> {
        match self.node {
            None => Ok(other),
            Some(node) => {
                node.text().and_then(|text| text.parse().ok()).ok_or_else(|| self.wrong("must be a whole number"))
            }
        }
    }

    pub fn items(&self) -> impl Iterator<Item = Self> {
        let items = self.node.map(Node::items).unwrap_or_default();
        items.iter().enumerate().map(|(number, node)| Self::new(format!("{}[{number}]", self.path), Some(node)))
    }

    pub fn texts(&self) -> Result<Vec<&'a str>, Fault> {
        // One text where a list may stand, as in policies.
        if let Some(text) = self.node.and_then(Node::pattern) {
            return Ok(vec![text]);
        }
        self.items().map(|item| item.text()).collect()
    }

    pub fn keys(&self) -> impl Iterator<Item = &'a str> {
        self.node.map(Node::entries).unwrap_or_default().iter().map(|entry| entry.key.as_str())
    }

    /// Refuses keys that are neither read nor known to make no difference here.
    pub fn only(&self, read: &[&str], ignored: &[&str]) -> Result<(), Fault> {
        let known = |key: &str| read.contains(&key) || ignored.contains(&key) || self.get(key).is_empty();
        self.keys().find(|key| !known(key)).map_or(Ok(()), |key| Err(self.get(key).not_emulated("this setting")))
    }

    pub fn wrong(&self, what: impl Into<String>) -> Fault {
        Fault::Wrong { place: self.path.clone(), what: what.into() }
    }

    pub fn not_emulated(&self, what: impl Into<String>) -> Fault {
        Fault::NotEmulated { place: self.path.clone(), what: what.into() }
    }

    pub fn missing(&self, what: impl Into<String>) -> Fault {
        Fault::Missing { place: self.path.clone(), what: what.into() }
    }
}
