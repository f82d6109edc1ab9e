//! Whether a condition holds: true, false, or None where it depends on what is not known.

use super::Document;
use super::limits;
use super::node::{Node, Value};
use super::parameters::Parameters;
use super::resolve::Resolver;

impl Document {
    /// Whether the condition of that name holds.
    pub fn truth(&self, name: &str, parameters: &Parameters) -> Option<bool> {
        Resolver::new(self, parameters).truth(name)
    }

    /// Every condition, in the order of the text.
    pub fn truths(&self, parameters: &Parameters) -> Vec<(&str, Option<bool>)> {
        let resolver = Resolver::new(self, parameters);
        let conditions = self.root().get("Conditions").map(Node::entries).unwrap_or_default();
        conditions.iter().map(|entry| (entry.key.as_str(), resolver.truth(&entry.key))).collect()
    }
}

impl Resolver<'_> {
    /// Each condition is evaluated once. One that leans on itself is unknown.
    pub(super) fn truth(&self, name: &str) -> Option<bool> {
        if let Some(truth) = self.parameters.condition(name) {
            return Some(truth);
        }
        if let Some(known) = self.truths.borrow().get(name) {
            return *known;
        }
        let depth = self.depth.get();
        if depth >= limits::CONDITION_DEPTH {
            return None;
        }
        self.truths.borrow_mut().insert(name.to_owned(), None);
        self.depth.set(depth + 1);
        let truth = self.document.root().at(&["Conditions", name]).and_then(|node| self.expression(node));
        self.depth.set(depth);
        self.truths.borrow_mut().insert(name.to_owned(), truth);
        truth
    }

    fn expression(&self, node: &Node) -> Option<bool> {
        let [entry] = node.entries() else { return None };
        let parts = || entry.value.items().iter().map(|part| self.expression(part));
        match entry.key.as_str() {
            "Condition" => self.truth(entry.value.text()?),
            "Fn::Not" => parts().next()?.map(|truth| !truth),
            "Fn::And" => all(parts()),
            "Fn::Or" => all(parts().map(|truth| truth.map(|truth| !truth))).map(|truth| !truth),
            "Fn::Equals" => self.equal(&entry.value),
            _ => None,
        }
    }

    fn equal(&self, argument: &Node) -> Option<bool> {
        let [left, right] = argument.items() else { return None };
        let (left, right) = (self.resolve(left)?, self.resolve(right)?);
        match (left.text(), right.text()) {
            (Some(left), Some(right)) => Some(left == right),
            (None, Some(_)) if self.is_other(&left) => Some(false),
            (Some(_), None) if self.is_other(&right) => Some(false),
            // The same unknown on both sides.
            _ if left.is_unknown() && left.value == right.value => Some(true),
            _ => None,
        }
    }

    fn is_other(&self, node: &Node) -> bool {
        let Value::Unknown(pattern) = &node.value else { return false };
        let name = pattern.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
        name.is_some_and(|name| self.parameters.is_other(name))
    }
}

/// False as soon as one is false, whatever the unknown ones are.
fn all(parts: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut sum = Some(true);
    for part in parts {
        match part {
            Some(false) => return Some(false),
            Some(true) => {}
            None => sum = None,
        }
    }
    sum
}
