//! Templates of CloudFormation, in YAML or JSON, as a tree with places.
//!
//! Short tags are made equal to the long forms, so that there is one way to ask. Text of strangers is read within [`limits`]. Nothing here
//! knows what a resource means.

mod conditions;
mod error;
mod json;
pub mod limits;
mod node;
mod parameters;
mod resolve;
mod tags;
mod yaml;

pub use error::{DocumentError, Fault};
pub use node::{Entry, Map, Node, Place, Value};
pub use parameters::Parameters;

/// A template: a map that has `Resources`, a map.
#[derive(Clone, Debug)]
pub struct Document {
    root: Node,
}

/// One of a template's resources.
#[derive(Clone, Copy, Debug)]
pub struct Resource<'a> {
    pub id: &'a str,
    /// `AWS::S3::Bucket`; empty where the template does not say.
    pub kind: &'a str,
    /// Of the logical id.
    pub place: Option<Place>,
    /// The whole resource: `Type`, `Properties`, `DeletionPolicy` …
    pub node: &'a Node,
}

impl Document {
    /// What begins with `{` is read as JSON, all else as YAML.
    pub fn parse(text: &str) -> Result<Self, DocumentError> {
        if text.len() > limits::TEXT_BYTES {
            return Err(Fault::TooLong.at(None));
        }
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        if !text.trim_start().starts_with('{') {
            return Self::new(yaml::read(text)?);
        }
        // A map of YAML may begin with a brace, too; what is neither is told of as JSON.
        match json::read(text) {
            Err(error) if matches!(error.fault, Fault::Syntax(_)) => Self::new(yaml::read(text).map_err(|_| error)?),
            read => Self::new(read?),
        }
    }

    /// A template without places, put together by a program.
    pub fn from_json(json: &serde_json::Value) -> Result<Self, DocumentError> {
        Self::new(Node::from(json))
    }

    fn new(root: Node) -> Result<Self, DocumentError> {
        let Value::Map(map) = &root.value else {
            return Err(Fault::NotAMap.at(root.place));
        };
        match map.entry("Resources") {
            Some(Entry { value: Node { value: Value::Map(_), .. }, .. }) => Ok(Self { root }),
            Some(entry) => Err(Fault::NoResources.at(entry.place)),
            None => Err(Fault::NoResources.at(root.place)),
        }
    }

    pub fn root(&self) -> &Node {
        &self.root
    }

    /// In the order of the text.
    pub fn resources(&self) -> impl Iterator<Item = Resource<'_>> {
        let entries = self.root.get("Resources").map(Node::entries).unwrap_or_default();
        entries.iter().map(|Entry { key, place, value }| Resource {
            id: key,
            kind: value.get("Type").and_then(Node::text).unwrap_or_default(),
            place: *place,
            node: value,
        })
    }

    pub fn resources_of(&self, kind: &str) -> impl Iterator<Item = Resource<'_>> {
        self.resources().filter(move |resource| resource.kind == kind)
    }

    pub fn resource(&self, logical_id: &str) -> Option<Resource<'_>> {
        self.resources().find(|resource| resource.id == logical_id)
    }

    /// The node with `Ref`, `Fn::Sub`, `Fn::GetAtt`, `Fn::Join`, `Fn::If`, `Fn::Select`, `Fn::Split` and `Fn::FindInMap` evaluated as far as
    /// the parameters, their defaults and the conditions tell. What is not known is [`Value::Unknown`]; `AWS::NoValue` takes its key or
    /// item away (and is null where the node itself is that).
    pub fn resolve(&self, node: &Node, parameters: &Parameters) -> Node {
        resolve::Resolver::new(self, parameters).resolve(node).unwrap_or_else(Node::null)
    }

    /// Whether the resource is made at all: its `Condition`. None where that is not known.
    pub fn exists(&self, resource: Resource<'_>, parameters: &Parameters) -> Option<bool> {
        match resource.node.get("Condition") {
            None => Some(true),
            Some(condition) => self.truth(condition.text()?, parameters),
        }
    }
}

impl<'a> Resource<'a> {
    /// `property(&["DistributionConfig", "Enabled"])`, not resolved.
    pub fn property(&self, keys: &[&str]) -> Option<&'a Node> {
        self.node.get("Properties")?.at(keys)
    }
}
