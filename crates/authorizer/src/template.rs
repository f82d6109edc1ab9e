//! Text with placeholders in it, filled from the path: `{workspace}/{file}`, `members.{workspace}`.

use crate::pattern::{MAX_PLACEHOLDERS, Pattern};

/// Where each placeholder's text stands in a path: byte positions, on the stack.
#[derive(Clone, Copy, Debug, Default)]
pub struct Captures {
    spans: [(u16, u16); MAX_PLACEHOLDERS],
    len: usize,
}

impl Captures {
    /// Positions fit 16 bits: a path has at most [`crate::MAX_PATH`] bytes.
    pub fn push(&mut self, start: usize, end: usize) {
        if let (Some(span), Ok(start), Ok(end)) =
            (self.spans.get_mut(self.len), u16::try_from(start), u16::try_from(end))
        {
            *span = (start, end);
            self.len += 1;
        }
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    pub fn get<'p>(&self, placeholder: usize, path: &'p str) -> &'p str {
        self.spans
            .get(placeholder)
            .filter(|_| placeholder < self.len)
            .and_then(|(start, end)| path.get(usize::from(*start)..usize::from(*end)))
            .unwrap_or_default()
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    Literal(String),
    Placeholder(usize),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(pub Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TemplateFault {
    Unknown(String),
    Unclosed,
}

impl Template {
    /// Reads text whose placeholders are those of a pattern.
    pub fn parse(text: &str, pattern: &Pattern) -> Result<Self, TemplateFault> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            if before.contains('}') {
                return Err(TemplateFault::Unclosed);
            }
            let (name, after) = after.split_once('}').ok_or(TemplateFault::Unclosed)?;
            let placeholder = pattern.placeholder(name).ok_or_else(|| TemplateFault::Unknown(name.to_owned()))?;
            if !before.is_empty() {
                pieces.push(Piece::Literal(before.to_owned()));
            }
            pieces.push(Piece::Placeholder(placeholder));
            rest = after;
        }
        if rest.contains('}') {
            return Err(TemplateFault::Unclosed);
        }
        if !rest.is_empty() {
            pieces.push(Piece::Literal(rest.to_owned()));
        }
        Ok(Self(pieces))
    }

    pub fn fill(&self, captures: &Captures, path: &str) -> String {
        self.parts(captures, path).collect()
    }

    /// Whether `text` is what filling would give, without making it.
    pub fn equals(&self, text: &str, captures: &Captures, path: &str) -> bool {
        let mut rest = text;
        for part in self.parts(captures, path) {
            let Some(after) = rest.strip_prefix(part) else {
                return false;
            };
            rest = after;
        }
        rest.is_empty()
    }

    /// The single placeholder that this is, if it is nothing else.
    pub fn only_placeholder(&self) -> Option<usize> {
        match self.0.as_slice() {
            [Piece::Placeholder(placeholder)] => Some(*placeholder),
            _ => None,
        }
    }

    pub fn placeholders(&self) -> impl Iterator<Item = usize> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Placeholder(placeholder) => Some(*placeholder),
            Piece::Literal(_) => None,
        })
    }

    /// Whether two paths could fill it with one text: between two placeholders there is nothing that the first cannot hold.
    pub fn is_ambiguous(&self, pattern: &Pattern) -> bool {
        let mut before: Option<usize> = None;
        let mut between = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Literal(text) => between.push_str(text),
                Piece::Placeholder(placeholder) => {
                    if before.is_some_and(|before| pattern.may_hold(before, &between)) {
                        return true;
                    }
                    before = Some(*placeholder);
                    between.clear();
                }
            }
        }
        false
    }

    fn parts<'a>(&'a self, captures: &'a Captures, path: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().map(move |piece| match piece {
            Piece::Literal(text) => text.as_str(),
            Piece::Placeholder(placeholder) => captures.get(*placeholder, path),
        })
    }
}

impl Template {
    /// The template as it was written.
    pub fn write(&self, pattern: &Pattern) -> String {
        let mut text = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Literal(literal) => text.push_str(literal),
                Piece::Placeholder(placeholder) => {
                    let name = pattern.names().get(*placeholder).map_or("", String::as_str);
                    text.push('{');
                    text.push_str(name);
                    text.push('}');
                }
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_that_nothing_keeps_apart() {
        let pattern = Pattern::parse("/{a}/{b}/{n:int}/{u:uuid}/{r...}").unwrap();
        for (text, ambiguous) in [
            ("{a}", false),
            ("{a}/{b}", false),
            ("{a}{b}", true),
            ("{a}-{b}", true),
            ("{n}-{a}", false),
            ("{n}0{a}", true),
            ("{u}-{a}", true),
            ("{u}_{a}", false),
            ("{a}/{r}", false),
            ("{r}/{a}", true),
            ("x-{n}.{a}/{b}", false),
        ] {
            assert_eq!(Template::parse(text, &pattern).unwrap().is_ambiguous(&pattern), ambiguous, "{text}");
        }
    }
}
