//! Mistakes as they are found, each with its place in the text.

use std::ops::Range;

/// Bytes of the text, from and up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub start: usize,
    pub end: usize,
}

impl From<Range<usize>> for Place {
    fn from(range: Range<usize>) -> Self {
        Self { start: range.start, end: range.end }
    }
}

/// What is wrong with one value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    pub message: String,
    pub hint: Option<String>,
}

impl Mistake {
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None }
    }

    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

#[derive(Clone, Debug)]
pub struct Fault {
    pub place: Place,
    pub mistake: Mistake,
    /// The key that should be there and is not. Such a fault may follow from another: the key is misspelt, its line broken.
    pub missing: Option<&'static str>,
}

#[derive(Debug, Default)]
pub struct Faults {
    pub list: Vec<Fault>,
    /// What is no mistake and will trouble somebody.
    pub warnings: Vec<Fault>,
}

impl Faults {
    pub fn add(&mut self, place: Place, mistake: Mistake) {
        self.list.push(Fault { place, mistake, missing: None });
    }

    pub fn warn(&mut self, place: Place, mistake: Mistake) {
        self.warnings.push(Fault { place, mistake, missing: None });
    }

    pub fn missing(&mut self, place: Place, key: &'static str, mistake: Mistake) {
        self.list.push(Fault { place, mistake, missing: Some(key) });
    }

    /// What the mistake leaves: nothing.
    pub fn keep<T>(&mut self, place: Place, result: Result<T, Mistake>) -> Option<T> {
        result.map_err(|mistake| self.add(place, mistake)).ok()
    }
}
