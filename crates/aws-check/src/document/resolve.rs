//! Evaluates CloudFormation's functions as far as they are known. What is not stays [`Value::Unknown`], with its names.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use super::Document;
use super::limits;
use super::node::{Entry, Map, Node, Value};
use super::parameters::Parameters;

pub(super) struct Resolver<'a> {
    pub(super) document: &'a Document,
    pub(super) parameters: &'a Parameters,
    /// Left for text that the functions make.
    bytes: Cell<usize>,
    /// Conditions that were evaluated, or are being so.
    pub(super) truths: RefCell<HashMap<String, Option<bool>>>,
    /// Conditions within conditions, at this moment.
    pub(super) depth: Cell<usize>,
}

impl<'a> Resolver<'a> {
    pub(super) fn new(document: &'a Document, parameters: &'a Parameters) -> Self {
        let bytes = Cell::new(limits::EXPANDED_BYTES);
        Self { document, parameters, bytes, truths: RefCell::default(), depth: Cell::new(0) }
    }

    /// None for `AWS::NoValue`.
    pub(super) fn resolve(&self, node: &Node) -> Option<Node> {
        if let Some((function, argument)) = node.intrinsic() {
            let found = self.function(function, argument)?;
            // A branch of `Fn::If` keeps its own place.
            return Some(if function == "Fn::If" { found } else { Node { place: node.place, ..found } });
        }
        let value = match &node.value {
            Value::List(items) => Value::List(items.iter().filter_map(|item| self.resolve(item)).collect()),
            Value::Map(map) => Value::Map(self.map(map)),
            other => other.clone(),
        };
        Some(Node { value, place: node.place })
    }

    fn map(&self, map: &Map) -> Map {
        let entries = map.entries.iter().filter_map(|entry| {
            let value = self.resolve(&entry.value)?;
            Some(Entry { key: entry.key.clone(), place: entry.place, value })
        });
        Map { entries: entries.collect() }
    }

    fn function(&self, function: &str, argument: &Node) -> Option<Node> {
        let found = match function {
            "Ref" => return self.reference(argument.text().unwrap_or_default()),
            "Fn::If" => return self.branch(argument),
            "Fn::GetAtt" => self.attribute(argument),
            "Fn::Sub" => self.substitute(argument),
            "Fn::Join" => self.join(argument),
            "Fn::Select" => self.select(argument),
            "Fn::Split" => self.split(argument),
            "Fn::FindInMap" => self.find_in_map(argument),
            _ => None,
        };
        Some(found.unwrap_or_else(|| self.opaque(function, argument)))
    }

    /// A function that cannot be evaluated, with the names that stand in its arguments.
    fn opaque(&self, function: &str, argument: &Node) -> Node {
        let mut pattern = format!("${{{function}");
        if let Some(argument) = self.resolve(argument) {
            self.append_patterns(&argument, &mut pattern);
        }
        pattern.push('}');
        unknown(pattern)
    }

    fn append_patterns(&self, node: &Node, pattern: &mut String) {
        match (&node.value, node.pattern()) {
            (_, Some(text)) if self.spend(text.len()) => {
                pattern.push(' ');
                pattern.push_str(text);
            }
            (Value::List(items), _) => items.iter().for_each(|item| self.append_patterns(item, pattern)),
            (Value::Map(map), _) => map.entries.iter().for_each(|entry| self.append_patterns(&entry.value, pattern)),
            _ => {}
        }
    }

    fn reference(&self, name: &str) -> Option<Node> {
        if name == "AWS::NoValue" {
            return None;
        }
        Some(self.parameter(name).unwrap_or_else(|| unknown(format!("${{{name}}}"))))
    }

    /// A parameter or what a resource is known to be called.
    fn parameter(&self, name: &str) -> Option<Node> {
        if self.parameters.is_other(name) {
            return None;
        }
        let declared = self.document.root().at(&["Parameters", name]);
        let kind = declared.and_then(|parameter| parameter.get("Type")).and_then(Node::text).unwrap_or_default();
        let value = match (self.parameters.value(name), declared) {
            (Some(value), _) => value,
            // The default of such a parameter is a name in another service.
            (None, Some(_)) if kind.starts_with("AWS::SSM::Parameter::Value") => return None,
            (None, declared) => declared?.get("Default")?.text()?,
        };
        if value.len() > limits::PARAMETER_BYTES || !self.spend(value.len()) {
            return None;
        }
        if kind == "CommaDelimitedList" || kind.starts_with("List<") {
            return Some(bare(Value::List(value.split(',').map(|item| text(item.trim())).collect())));
        }
        Some(text(value))
    }

    fn branch(&self, argument: &Node) -> Option<Node> {
        let [condition, then, otherwise] = argument.items() else {
            return Some(unknown("${Fn::If}".into()));
        };
        match condition.text().and_then(|name| self.truth(name)) {
            Some(true) => self.resolve(then),
            Some(false) => self.resolve(otherwise),
            None => Some(self.opaque("Fn::If", argument)),
        }
    }

    fn attribute(&self, argument: &Node) -> Option<Node> {
        let name = match argument.items() {
            [] => argument.text()?.to_owned(),
            [resource, attribute] => {
                format!("{}.{}", resource.text()?, self.resolve(attribute)?.pattern()?)
            }
            _ => return None,
        };
        Some(self.parameters.attribute(&name).map_or_else(|| unknown(format!("${{{name}}}")), text))
    }

    /// `${Name}`, `${Resource.Attribute}`, `${Variable}` of the map, `${!Literal}`.
    fn substitute(&self, argument: &Node) -> Option<Node> {
        let (template, variables) = match argument.items() {
            [] => (argument.text()?, None),
            [template, variables] => (template.text()?, Some(self.resolve(variables)?)),
            _ => return None,
        };
        let mut made = Pieces::default();
        let mut rest = template;
        while let Some((before, after)) = rest.split_once("${") {
            let Some((name, behind)) = after.split_once('}') else { break };
            self.push(&mut made, &text(before))?;
            self.push(&mut made, &self.named(name.trim(), variables.as_ref()))?;
            rest = behind;
        }
        self.push(&mut made, &text(rest))?;
        Some(made.into_node())
    }

    fn named(&self, name: &str, variables: Option<&Node>) -> Node {
        if let Some(literal) = name.strip_prefix('!') {
            return text(&format!("${{{literal}}}"));
        }
        if let Some(value) = variables.and_then(|variables| variables.get(name)) {
            return value.clone();
        }
        let known = if name.contains('.') { self.parameters.attribute(name).map(text) } else { self.parameter(name) };
        known.unwrap_or_else(|| unknown(format!("${{{name}}}")))
    }

    fn join(&self, argument: &Node) -> Option<Node> {
        let [delimiter, list] = argument.items() else { return None };
        let delimiter = text(delimiter.text()?);
        let list = self.resolve(list)?;
        let Value::List(items) = &list.value else { return None };
        let mut made = Pieces::default();
        for (number, item) in items.iter().enumerate() {
            if number > 0 {
                self.push(&mut made, &delimiter)?;
            }
            self.push(&mut made, item)?;
        }
        Some(made.into_node())
    }

    fn select(&self, argument: &Node) -> Option<Node> {
        let [index, list] = argument.items() else { return None };
        let index: usize = self.resolve(index)?.text()?.parse().ok()?;
        self.resolve(list)?.items().get(index).cloned()
    }

    /// Text that is not wholly known may have the delimiter in its unknown part.
    fn split(&self, argument: &Node) -> Option<Node> {
        let [delimiter, source] = argument.items() else { return None };
        let source = self.resolve(source)?;
        let whole = source.text()?;
        if !self.spend(whole.len()) {
            return None;
        }
        let items = match delimiter.text()? {
            "" => vec![text(whole)],
            delimiter => whole.split(delimiter).map(text).collect(),
        };
        Some(bare(Value::List(items)))
    }

    fn find_in_map(&self, argument: &Node) -> Option<Node> {
        let [map, first, second, ..] = argument.items() else { return None };
        let key = |node: &Node| Some(self.resolve(node)?.text()?.to_owned());
        let (map, first, second) = (key(map)?, key(first)?, key(second)?);
        let mappings = self.document.root().get("Mappings")?;
        let found = mappings.at(&[&map, &first, &second])?;
        // The values of mappings are scalars and lists of them.
        let length = found.items().iter().chain([found]).filter_map(Node::text).map(str::len).sum();
        (found.entries().is_empty() && self.spend(length)).then(|| found.clone())
    }

    fn push(&self, made: &mut Pieces, node: &Node) -> Option<()> {
        let piece = node.pattern()?;
        if !self.spend(piece.len()) {
            return None;
        }
        made.text.push_str(piece);
        made.unknown |= node.is_unknown();
        Some(())
    }

    fn spend(&self, bytes: usize) -> bool {
        match self.bytes.get().checked_sub(bytes) {
            Some(left) => {
                self.bytes.set(left);
                true
            }
            None => false,
        }
    }
}

#[derive(Default)]
struct Pieces {
    text: String,
    unknown: bool,
}

impl Pieces {
    fn into_node(self) -> Node {
        bare(if self.unknown { Value::Unknown(self.text) } else { Value::Text(self.text) })
    }
}

fn bare(value: Value) -> Node {
    Node { value, place: None }
}

fn text(text: &str) -> Node {
    bare(Value::Text(text.to_owned()))
}

fn unknown(pattern: String) -> Node {
    bare(Value::Unknown(pattern))
}
