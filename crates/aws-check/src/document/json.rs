//! Templates in JSON (RFC 8259), with places. The YAML reader would take most of it, but not tabs everywhere nor surrogate pairs.

use super::error::{DocumentError, Fault};
use super::limits;
use super::node::{Entry, Map, Node, Place, Value};

pub fn read(text: &str) -> Result<Node, DocumentError> {
    let mut reader = Reader { rest: text, place: Place { line: 1, column: 1 } };
    reader.space();
    let root = reader.value(0)?;
    reader.space();
    if reader.rest.is_empty() { Ok(root) } else { Err(reader.wrong("text after the end of the template")) }
}

struct Reader<'text> {
    rest: &'text str,
    place: Place,
}

impl Reader<'_> {
    fn wrong(&self, words: &str) -> DocumentError {
        Fault::Syntax(words.to_owned()).at(self.place)
    }

    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn take(&mut self) -> Option<char> {
        let mut characters = self.rest.chars();
        let taken = characters.next()?;
        self.rest = characters.as_str();
        if taken == '\n' {
            self.place = Place { line: self.place.line + 1, column: 1 };
        } else {
            self.place.column += 1;
        }
        Some(taken)
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(' ' | '\t' | '\r' | '\n')) {
            self.take();
        }
    }

    fn expect(&mut self, wanted: char, words: &str) -> Result<(), DocumentError> {
        self.space();
        if self.peek() != Some(wanted) {
            return Err(self.wrong(words));
        }
        self.take();
        Ok(())
    }

    fn value(&mut self, depth: usize) -> Result<Node, DocumentError> {
        let place = self.place;
        if depth > limits::DEPTH {
            return Err(Fault::TooDeep.at(place));
        }
        let value = match self.peek() {
            Some('{') => Value::Map(self.map(depth)?),
            Some('[') => Value::List(self.list(depth)?),
            Some('"') => Value::Text(self.text()?),
            _ => self.word()?,
        };
        Ok(Node { value, place: Some(place) })
    }

    fn map(&mut self, depth: usize) -> Result<Map, DocumentError> {
        self.take();
        let mut map = Map::default();
        let mut places = std::collections::HashMap::new();
        self.space();
        if self.peek() == Some('}') {
            self.take();
            return Ok(map);
        }
        loop {
            self.space();
            let place = self.place;
            if self.peek() != Some('"') {
                return Err(self.wrong("a key in double quotes is wanted here"));
            }
            let key = self.text()?;
            self.expect(':', "`:` is wanted after a key")?;
            self.space();
            let value = self.value(depth + 1)?;
            if let Some(first) = places.insert(key.clone(), place) {
                return Err(Fault::DuplicateKey { key, first: Some(first) }.at(place));
            }
            map.entries.push(Entry { key, place: Some(place), value });
            if self.ends('}')? {
                return Ok(map);
            }
        }
    }

    fn list(&mut self, depth: usize) -> Result<Vec<Node>, DocumentError> {
        self.take();
        let mut items = Vec::new();
        self.space();
        if self.peek() == Some(']') {
            self.take();
            return Ok(items);
        }
        loop {
            self.space();
            items.push(self.value(depth + 1)?);
            if self.ends(']')? {
                return Ok(items);
            }
        }
    }

    /// Whether a map or list ends here rather than goes on after a comma.
    fn ends(&mut self, end: char) -> Result<bool, DocumentError> {
        self.space();
        match self.peek() {
            Some(',') => {
                self.take();
                Ok(false)
            }
            Some(found) if found == end => {
                self.take();
                Ok(true)
            }
            _ => Err(self.wrong(&format!("`,` or `{end}` is wanted here"))),
        }
    }

    /// From a quote to the next that is not escaped; what stands between is read by `serde_json`.
    fn text(&mut self) -> Result<String, DocumentError> {
        let (start, place) = (self.rest, self.place);
        self.take();
        let mut escaped = false;
        while let Some(character) = self.take() {
            match character {
                '\n' => break,
                '"' if !escaped => {
                    let written = start.get(..start.len() - self.rest.len()).unwrap_or_default();
                    return serde_json::from_str(written).map_err(|_| {
                        Fault::Syntax("the text has a character or an escape that JSON does not have".into()).at(place)
                    });
                }
                _ => escaped = character == '\\' && !escaped,
            }
        }
        Err(Fault::Syntax("the text does not end on its line".into()).at(place))
    }

    fn word(&mut self) -> Result<Value, DocumentError> {
        let place = self.place;
        let length = self.rest.find([',', ']', '}', ' ', '\t', '\r', '\n', ':']).unwrap_or(self.rest.len());
        let written = self.rest.get(..length).unwrap_or_default();
        let value = match serde_json::from_str(written) {
            Ok(serde_json::Value::Null) => Value::Null,
            Ok(serde_json::Value::Bool(truth)) => Value::Bool(truth),
            Ok(serde_json::Value::Number(_)) => Value::Number(written.to_owned()),
            _ => return Err(Fault::Syntax("a value is wanted here".into()).at(place)),
        };
        for _ in written.chars() {
            self.take();
        }
        Ok(value)
    }
}
