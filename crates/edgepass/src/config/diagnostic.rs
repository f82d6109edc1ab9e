//! Mistakes as people and machines read them: file, line, column, the line itself, a hint.

use std::fmt;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::faults::{Fault, Mistake, Place};

/// Everything that is wrong with one configuration, in the order of the text.
#[derive(Debug)]
pub struct Diagnostics {
    pub file: PathBuf,
    pub list: Vec<Diagnostic>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// None where the file itself cannot be read.
    pub position: Option<Position>,
    pub mistake: Mistake,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    /// Characters to underline, at least 1.
    width: usize,
    text: String,
}

impl Diagnostics {
    /// The file as a whole cannot be read.
    pub fn of_file(file: &Path, mistake: Mistake) -> Self {
        Self { file: file.to_owned(), list: vec![Diagnostic { position: None, mistake }] }
    }

    pub fn new(file: &Path, text: &str, mut faults: Vec<Fault>) -> Self {
        faults.sort_by_key(|fault| fault.place.start);
        let mut list: Vec<Diagnostic> = Vec::new();
        for Fault { place, mistake, .. } in faults {
            let diagnostic = Diagnostic { position: Some(position(text, place)), mistake };
            if !list.contains(&diagnostic) {
                list.push(diagnostic);
            }
        }
        Self { file: file.to_owned(), list }
    }

    pub fn to_json(&self) -> Value {
        json!({ "ok": false, "file": self.file.display().to_string(), "mistakes": in_json(&self.file, &self.list) })
    }
}

/// A list of objects with file, line, column, message and hint.
pub fn in_json(file: &Path, list: &[Diagnostic]) -> Value {
    let object = |Diagnostic { position, mistake }: &Diagnostic| {
        json!({
            "file": file.display().to_string(),
            "line": position.as_ref().map(|position| position.line),
            "column": position.as_ref().map(|position| position.column),
            "message": mistake.message,
            "hint": mistake.hint,
        })
    };
    Value::Array(list.iter().map(object).collect())
}

/// The line and column of a byte of the text.
fn position(text: &str, place: Place) -> Position {
    let start = text.floor_char_boundary(place.start.min(text.len()));
    let before = text.get(..start).unwrap_or_default();
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let line = text.get(line_start..).unwrap_or_default().lines().next().unwrap_or_default();
    let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
    let end = text.floor_char_boundary(place.end.clamp(start, text.len()));
    let marked = text.get(start..end).unwrap_or_default().lines().next().unwrap_or_default();
    Position {
        line: before.matches('\n').count() + 1,
        column,
        width: marked.chars().count().max(1),
        text: line.to_owned(),
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.display();
        for diagnostic in &self.list {
            writeln!(f, "{}", diagnostic.told("error", &self.file))?;
        }
        match self.list.len() {
            1 => writeln!(f, "1 mistake in {file}"),
            count => writeln!(f, "{count} mistakes in {file}"),
        }
    }
}

/// `error` or `warning`, the place, the line, the hint.
pub struct Told<'a> {
    word: &'static str,
    file: &'a Path,
    diagnostic: &'a Diagnostic,
}

impl Diagnostic {
    pub fn told<'a>(&'a self, word: &'static str, file: &'a Path) -> Told<'a> {
        Told { word, file, diagnostic: self }
    }
}

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (file, Diagnostic { position, mistake }) = (self.file.display(), self.diagnostic);
        writeln!(f, "{}: {}", self.word, mistake.message)?;
        match position {
            None => writeln!(f, "  --> {file}")?,
            Some(Position { line, column, width, text }) => {
                let number = line.to_string();
                let gutter = " ".repeat(number.len());
                // Tabs stay tabs, so that the caret stands under its word.
                let indent: String =
                    text.chars().take(column - 1).map(|character| if character == '\t' { '\t' } else { ' ' }).collect();
                writeln!(f, "{gutter}--> {file}:{line}:{column}")?;
                writeln!(f, "{gutter} |")?;
                writeln!(f, "{number} | {}", printable(text))?;
                writeln!(f, "{gutter} | {indent}{}", "^".repeat(*width))?;
            }
        }
        match &mistake.hint {
            Some(hint) => writeln!(f, "hint: {hint}"),
            None => Ok(()),
        }
    }
}

/// A line of somebody's file must not steer the terminal.
fn printable(text: &str) -> String {
    text.chars()
        .map(|character| if character.is_control() && character != '\t' { '\u{fffd}' } else { character })
        .collect()
}
