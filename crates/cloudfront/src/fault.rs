//! Why the emulator does not start.

use std::fmt;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Not a template.
    Unreadable { template: String, reason: String },
    /// AWS refuses it, or it cannot work there.
    Wrong { place: String, what: String },
    /// AWS may take it; it is not emulated here.
    NotEmulated { place: String, what: String },
    /// The template needs something that the caller has not given: a parameter, a secret, a function's code, a store.
    Missing { place: String, what: String },
    /// This machine refuses.
    Machine { what: String, reason: String },
}

impl Fault {
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "unreadable",
            Self::Wrong { .. } => "wrong",
            Self::NotEmulated { .. } => "not_emulated",
            Self::Missing { .. } => "missing",
            Self::Machine { .. } => "machine",
        }
    }

    pub(crate) fn machine(what: impl Into<String>, error: impl fmt::Display) -> Self {
        Self::Machine { what: what.into(), reason: error.to_string() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { template, reason } => write!(f, "{template}: {reason}"),
            Self::Wrong { place, what } => write!(f, "{place}: {what}"),
            Self::NotEmulated { place, what } => write!(f, "{place}: not emulated: {what}"),
            Self::Missing { place, what } => write!(f, "{place}: missing: {what}"),
            Self::Machine { what, reason } => write!(f, "{what}: {reason}"),
        }
    }
}

impl std::error::Error for Fault {}
