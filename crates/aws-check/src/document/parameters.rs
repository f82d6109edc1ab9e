//! What is known from outside when a template's functions are evaluated.

use std::collections::{BTreeMap, BTreeSet};

/// Values for [`Document::resolve`](super::Document::resolve). What is not named has its default; what has none stays unknown.
#[derive(Clone, Debug)]
pub struct Parameters {
    /// Of the template's parameters and of pseudo parameters (`AWS::Region`).
    values: BTreeMap<String, String>,
    /// What `Ref` gives of a resource, by logical id.
    references: BTreeMap<String, String>,
    /// What `Fn::GetAtt` gives, by `Resource.Attribute`.
    attributes: BTreeMap<String, String>,
    /// Truths that are not evaluated from `Conditions`.
    conditions: BTreeMap<String, bool>,
    /// Parameters with a value that is none of those that the template compares them with.
    others: BTreeSet<String>,
}

impl Default for Parameters {
    /// The partition `aws`; region, account and stack unknown.
    fn default() -> Self {
        let values = [("AWS::Partition", "aws"), ("AWS::URLSuffix", "amazonaws.com")];
        Self {
            values: values.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            references: BTreeMap::new(),
            attributes: BTreeMap::new(),
            conditions: BTreeMap::new(),
            others: BTreeSet::new(),
        }
    }
}

impl Parameters {
    /// A parameter's or a pseudo parameter's value.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.others.remove(name);
        self.values.insert(name.to_owned(), value.to_owned());
        self
    }

    /// What `Ref` gives of a resource: a bucket's name, a distribution's id.
    #[must_use]
    pub fn with_reference(mut self, logical_id: &str, value: &str) -> Self {
        self.references.insert(logical_id.to_owned(), value.to_owned());
        self
    }

    /// What `Fn::GetAtt` gives of a resource.
    #[must_use]
    pub fn with_attribute(mut self, logical_id: &str, attribute: &str, value: &str) -> Self {
        self.attributes.insert(format!("{logical_id}.{attribute}"), value.to_owned());
        self
    }

    /// The truth of a condition, whatever the template says of it.
    #[must_use]
    pub fn with_condition(mut self, name: &str, truth: bool) -> Self {
        self.conditions.insert(name.to_owned(), truth);
        self
    }

    /// The parameter has a value that is none of those that the template compares it with.
    #[must_use]
    pub fn with_other(mut self, name: &str) -> Self {
        self.values.remove(name);
        self.others.insert(name.to_owned());
        self
    }

    /// Whether the parameter has a value that is not its default.
    pub fn has(&self, name: &str) -> bool {
        self.values.contains_key(name) || self.others.contains(name)
    }

    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.values.get(name).or_else(|| self.references.get(name)).map(String::as_str)
    }

    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).map(String::as_str)
    }

    pub(super) fn condition(&self, name: &str) -> Option<bool> {
        self.conditions.get(name).copied()
    }

    pub(super) fn is_other(&self, name: &str) -> bool {
        self.others.contains(name)
    }
}
