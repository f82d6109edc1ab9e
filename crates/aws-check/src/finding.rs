//! One mistake, as people and machines read it.

use std::fmt;

use serde_json::{Value as Json, json};

use crate::document::Place;
use crate::table::{Rule, Severity};

#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    pub rule: &'static Rule,
    /// The resource's name in the template; in an account, what and which: `distribution E123`.
    pub logical_id: String,
    /// From the resource: `DistributionConfig.Origins[0].DomainName`. Empty where the resource as a whole is meant.
    pub path: String,
    /// None in an account.
    pub place: Option<Place>,
    /// What is wrong here.
    pub message: String,
    /// The conditions under which it is so, where it is not always so: `UseKey` is true.
    pub when: Option<String>,
}

impl Finding {
    pub fn code(&self) -> &'static str {
        self.rule.code
    }

    pub fn severity(&self) -> Severity {
        self.rule.severity
    }

    /// `Distribution: DistributionConfig.Origins[0]`.
    pub fn whereabouts(&self) -> String {
        match self.path.as_str() {
            "" => printable(&self.logical_id),
            path => format!("{}: {}", printable(&self.logical_id), printable(path)),
        }
    }

    pub fn to_json(&self) -> Json {
        json!({
            "code": self.rule.code,
            "severity": self.rule.severity.to_string(),
            "resource": self.logical_id,
            "path": self.path,
            "line": self.place.map(|place| place.line),
            "column": self.place.map(|place| place.column),
            "message": self.message,
            "when": self.when,
            "why": self.rule.why,
            "mend": self.rule.mend,
        })
    }

    /// For a terminal: the line, then why and how to mend it. `source` is the template's name; without a place it is left out.
    pub fn render(&self, source: &str) -> String {
        let place = self.place.map(|place| format!("{}:{place}: ", printable(source))).unwrap_or_default();
        let Rule { why, mend, .. } = self.rule;
        format!("{place}{self}\n  why: {why}\n  mend: {mend}\n")
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Rule { code, severity, .. } = self.rule;
        write!(f, "{severity}[{code}] {}: {}", self.whereabouts(), printable(&self.message))?;
        match &self.when {
            Some(when) => write!(f, " (where {})", printable(when)),
            None => Ok(()),
        }
    }
}

/// Words of somebody's file must not steer the terminal.
fn printable(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { '\u{fffd}' } else { character }).collect()
}
