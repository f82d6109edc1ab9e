//! Templates in YAML. Aliases and merge keys (`<<`) are written out, within limits.

use std::collections::HashMap;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, StrInput, Tag};

use super::error::{DocumentError, Fault};
use super::limits;
use super::node::{Entry, Map, Node, Place, Value};
use super::tags;

pub fn read(text: &str) -> Result<Node, DocumentError> {
    let mut reader =
        Reader { parser: Parser::new_from_str(text), anchors: HashMap::new(), nodes: 0, bytes: limits::EXPANDED_BYTES };
    let root = reader.document()?;
    match reader.next()? {
        (Event::StreamEnd, _) => Ok(root),
        (_, place) => Err(Fault::SecondDocument.at(place)),
    }
}

struct Reader<'text> {
    parser: Parser<'text, StrInput<'text>>,
    /// None while what the anchor names is being read.
    anchors: HashMap<usize, Option<Node>>,
    nodes: usize,
    /// Left for the text of aliases.
    bytes: usize,
}

impl<'text> Reader<'text> {
    fn document(&mut self) -> Result<Node, DocumentError> {
        loop {
            let (event, place) = self.next()?;
            match event {
                Event::StreamStart | Event::DocumentStart(_) | Event::Nothing => {}
                Event::StreamEnd => return Err(Fault::NotAMap.at(None)),
                event => {
                    let root = self.node(event, place, 0)?;
                    // The end of the document.
                    self.next()?;
                    return Ok(root);
                }
            }
        }
    }

    fn next(&mut self) -> Result<(Event<'text>, Place), DocumentError> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => Ok((event, place(span.start))),
            Some(Err(error)) => Err(syntax(&error)),
            None => Ok((Event::StreamEnd, Place { line: 1, column: 1 })),
        }
    }

    fn node(&mut self, event: Event<'text>, place: Place, depth: usize) -> Result<Node, DocumentError> {
        if depth > limits::DEPTH {
            return Err(Fault::TooDeep.at(place));
        }
        self.count(1, place)?;
        let (node, anchor, tag) = match event {
            Event::Alias(anchor) => return self.alias(anchor, place, depth),
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain && tag.as_deref().is_none_or(|tag| !is_text(tag));
                (Node { value: scalar(&text, plain), place: Some(place) }, anchor, tag)
            }
            Event::SequenceStart(anchor, tag) => {
                self.anchors.insert(anchor, None);
                (Node { value: Value::List(self.list(depth)?), place: Some(place) }, anchor, tag)
            }
            Event::MappingStart(anchor, tag) => {
                self.anchors.insert(anchor, None);
                (Node { value: Value::Map(self.map(depth)?), place: Some(place) }, anchor, tag)
            }
            _ => return Err(Fault::Syntax("a value is missing".into()).at(place)),
        };
        let node = match tag {
            Some(tag) if !is_nothing_special(&tag) => tags::long_form(&tag_name(&tag), node, place)?,
            _ => node,
        };
        if anchor != 0 {
            self.anchors.insert(anchor, Some(node.clone()));
        }
        Ok(node)
    }

    fn list(&mut self, depth: usize) -> Result<Vec<Node>, DocumentError> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(items),
                (event, place) => items.push(self.node(event, place, depth + 1)?),
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Map, DocumentError> {
        let mut map = Map::default();
        let mut places: HashMap<String, Place> = HashMap::new();
        let mut merged = Vec::new();
        loop {
            let (event, key_place) = match self.next()? {
                (Event::MappingEnd, _) => break,
                other => other,
            };
            let (key, style) = match event {
                Event::Scalar(key, style, _, tag) if tag.as_deref().is_none_or(is_nothing_special) => (key, style),
                _ => return Err(Fault::KeyNotText.at(key_place)),
            };
            let (event, value_place) = self.next()?;
            let value = self.node(event, value_place, depth + 1)?;
            if key == "<<" && style == ScalarStyle::Plain {
                merged.push(value);
                continue;
            }
            if let Some(first) = places.insert(key.to_string(), key_place) {
                return Err(Fault::DuplicateKey { key: key.into(), first: Some(first) }.at(key_place));
            }
            map.entries.push(Entry { key: key.into(), place: Some(key_place), value });
        }
        merge(&mut map, &merged);
        Ok(map)
    }

    fn alias(&mut self, anchor: usize, place: Place, depth: usize) -> Result<Node, DocumentError> {
        let Some(Some(named)) = self.anchors.get(&anchor) else {
            return Err(Fault::AliasOfItself.at(place));
        };
        let node = named.clone();
        let size = Size::of(&node);
        if depth + size.depth > limits::DEPTH {
            return Err(Fault::TooDeep.at(place));
        }
        self.count(size.nodes, place)?;
        self.bytes = self.bytes.checked_sub(size.bytes).ok_or_else(|| Fault::TooLarge.at(place))?;
        Ok(node)
    }

    fn count(&mut self, nodes: usize, place: Place) -> Result<(), DocumentError> {
        self.nodes += nodes;
        if self.nodes > limits::NODES { Err(Fault::TooLarge.at(place)) } else { Ok(()) }
    }
}

/// Of `<<: *map` or `<<: [*map, *map]` the keys that are not there yet (<https://yaml.org/type/merge.html>).
fn merge(map: &mut Map, merged: &[Node]) {
    for node in merged {
        let single = std::slice::from_ref(node);
        for source in if node.items().is_empty() { single } else { node.items() } {
            for entry in source.entries() {
                if map.entry(&entry.key).is_none() {
                    map.entries.push(entry.clone());
                }
            }
        }
    }
}

/// Of a node with all that is below it.
struct Size {
    nodes: usize,
    bytes: usize,
    depth: usize,
}

impl Size {
    fn of(node: &Node) -> Self {
        let mut size = Self { nodes: 1, bytes: node.pattern().map_or(0, str::len), depth: 0 };
        for entry in node.entries() {
            size.bytes += entry.key.len();
            size.add(&Self::of(&entry.value));
        }
        for item in node.items() {
            size.add(&Self::of(item));
        }
        size
    }

    fn add(&mut self, child: &Self) {
        self.nodes += child.nodes;
        self.bytes += child.bytes;
        self.depth = self.depth.max(child.depth + 1);
    }
}

fn is_text(tag: &Tag) -> bool {
    !tag.is_yaml_core_schema() || matches!(tag.suffix.as_str(), "str" | "binary")
}

/// A type of YAML's own, or the lone `!`, which says that text is text.
fn is_nothing_special(tag: &Tag) -> bool {
    tag.is_yaml_core_schema() || (tag.handle.is_empty() && tag.suffix == "!")
}

fn tag_name(tag: &Tag) -> String {
    let name = tag.to_string();
    name.strip_prefix('!').unwrap_or(&name).to_owned()
}

/// YAML 1.2, 10.3.2, without octal and hexadecimal numbers.
fn scalar(text: &str, plain: bool) -> Value {
    if !plain {
        return Value::Text(text.to_owned());
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        _ if is_number(text) => Value::Number(text.to_owned()),
        _ => Value::Text(text.to_owned()),
    }
}

fn is_number(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    unsigned.starts_with(|first: char| first.is_ascii_digit() || first == '.')
        && unsigned.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-'))
        && text.parse::<f64>().is_ok()
}

fn place(marker: Marker) -> Place {
    Place { line: marker.line(), column: marker.col() + 1 }
}

fn syntax(error: &ScanError) -> DocumentError {
    Fault::Syntax(error.info().to_owned()).at(place(*error.marker()))
}
