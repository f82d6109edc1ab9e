//! A place in a resource: the value, the way to it, and where it stands in the text.

use crate::document::{Entry, Node, Place, Value};
use crate::finding::Finding;
use crate::table::Rule;
use crate::worlds::Resource;

#[derive(Clone)]
pub struct At<'a> {
    pub resource: &'a Resource,
    pub node: &'a Node,
    /// `DistributionConfig.Origins[0]`; empty for the properties as a whole.
    path: String,
    place: Option<Place>,
}

impl<'a> At<'a> {
    /// The resource's properties.
    pub fn properties(resource: &'a Resource) -> Self {
        Self::attribute(resource, "Properties").unwrap_or(Self {
            resource,
            node: &resource.node,
            path: String::new(),
            place: resource.place,
        })
    }

    /// What stands beside the properties: `DeletionPolicy`.
    pub fn attribute(resource: &'a Resource, name: &str) -> Option<Self> {
        let Entry { value, place, .. } = resource.node.entry(name)?;
        let path = if name == "Properties" { String::new() } else { name.to_owned() };
        // What is missing among the properties is missing from the resource.
        let place = if path.is_empty() { resource.place } else { value.place.or(*place) };
        Some(Self { resource, node: value, path, place })
    }

    pub fn get(&self, key: &str) -> Option<Self> {
        let Entry { value, place, .. } = self.node.entry(key)?;
        let path = if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) };
        // A block begins on the next line; its key says more.
        let inside = match &value.value {
            Value::Map(_) | Value::List(_) => true,
            Value::Text(text) => text.contains('\n'),
            _ => false,
        };
        Some(Self { resource: self.resource, node: value, path, place: if inside { *place } else { value.place } })
    }

    pub fn at(&self, keys: &[&str]) -> Option<Self> {
        keys.iter().try_fold(self.clone(), |at, key| at.get(key))
    }

    pub fn items(&self) -> Vec<Self> {
        let item = |(number, node): (usize, &'a Node)| Self {
            resource: self.resource,
            node,
            path: format!("{}[{number}]", self.path),
            place: node.place,
        };
        self.node.items().iter().enumerate().map(item).collect()
    }

    /// The items of the list under the key; none where there is no such list.
    pub fn list(&self, key: &str) -> Vec<Self> {
        self.get(key).map(|list| list.items()).unwrap_or_default()
    }

    /// A list, or the one value that may stand in its place.
    pub fn one_or_more(&self) -> Vec<Self> {
        if matches!(self.node.value, Value::List(_)) { self.items() } else { vec![self.clone()] }
    }

    pub fn text(&self) -> Option<&'a str> {
        self.node.text()
    }

    pub fn pattern(&self) -> Option<&'a str> {
        self.node.pattern()
    }

    /// The text under the key, where it is wholly known.
    pub fn text_of(&self, key: &str) -> Option<&'a str> {
        self.node.get(key)?.text()
    }

    /// The key is not there, and nothing unknown could bring it.
    pub fn lacks(&self, key: &str) -> bool {
        let Value::Map(map) = &self.node.value else { return self.node.is_null() };
        map.entries.iter().all(|entry| entry.key != key && !entry.key.starts_with("Fn::"))
    }

    /// The key's value is an empty list, map or text, or is not there; and this is known.
    pub fn lacks_items(&self, key: &str) -> bool {
        self.lacks(key) || self.node.get(key).is_some_and(is_empty)
    }

    pub fn finding(&self, rule: &'static Rule, message: impl Into<String>) -> Finding {
        Finding {
            rule,
            logical_id: self.resource.id.clone(),
            path: self.path.clone(),
            place: self.place,
            message: message.into(),
            when: None,
        }
    }
}

fn is_empty(node: &Node) -> bool {
    match &node.value {
        Value::Null => true,
        Value::Text(text) => text.is_empty(),
        Value::List(items) => items.is_empty(),
        Value::Map(map) => map.entries.is_empty(),
        _ => false,
    }
}
