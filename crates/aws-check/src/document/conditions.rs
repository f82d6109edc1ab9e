//! Whether a condition holds: true, false, or None where it depends on what is not known.

use super::Document;
use super::limits;
use super::node::{Node, Value};
use super::parameters::Parameters;

impl Document {
    /// Whether the condition of that name holds.
    pub fn truth(&self, name: &str, parameters: &Parameters) -> Option<bool> {
        named(self, name, parameters, 0)
    }
}

fn named(document: &Document, name: &str, parameters: &Parameters, depth: usize) -> Option<bool> {
    if let Some(truth) = parameters.condition(name) {
        return Some(truth);
    }
    if depth > limits::CONDITION_DEPTH {
        return None;
    }
    expression(document, document.root().at(&["Conditions", name])?, parameters, depth + 1)
}

fn expression(document: &Document, node: &Node, parameters: &Parameters, depth: usize) -> Option<bool> {
    if depth > limits::CONDITION_DEPTH {
        return None;
    }
    let [entry] = node.entries() else { return None };
    let parts = || entry.value.items().iter().map(|part| expression(document, part, parameters, depth + 1));
    match entry.key.as_str() {
        "Condition" => named(document, entry.value.text()?, parameters, depth),
        "Fn::Not" => parts().next()?.map(|truth| !truth),
        "Fn::And" => all(parts()),
        "Fn::Or" => all(parts().map(|truth| truth.map(|truth| !truth))).map(|truth| !truth),
        "Fn::Equals" => equal(document, &entry.value, parameters),
        _ => None,
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

fn equal(document: &Document, argument: &Node, parameters: &Parameters) -> Option<bool> {
    let [left, right] = argument.items() else { return None };
    let (left, right) = (document.resolve(left, parameters), document.resolve(right, parameters));
    match (left.text(), right.text()) {
        (Some(left), Some(right)) => Some(left == right),
        (None, Some(_)) if is_other(&left, parameters) => Some(false),
        (Some(_), None) if is_other(&right, parameters) => Some(false),
        // The same unknown on both sides.
        _ if left.is_unknown() && left.value == right.value => Some(true),
        _ => None,
    }
}

fn is_other(node: &Node, parameters: &Parameters) -> bool {
    let Value::Unknown(pattern) = &node.value else { return false };
    let name = pattern.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
    name.is_some_and(|name| parameters.is_other(name))
}
