//! Why a text is not a template.

use std::fmt;

use super::limits;
use super::node::Place;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentError {
    /// None where the text as a whole is meant.
    pub place: Option<Place>,
    pub fault: Fault,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The reader's own words.
    Syntax(String),
    TooLong,
    TooDeep,
    /// More values or more text than the limits allow, most likely by aliases of aliases.
    TooLarge,
    DuplicateKey {
        key: String,
        first: Option<Place>,
    },
    KeyNotText,
    UnknownTag(String),
    /// `!GetAtt` without a dot, a tag on a map that has no long form.
    MisusedTag(String),
    AliasOfItself,
    SecondDocument,
    NotAMap,
    NoResources,
}

impl Fault {
    pub fn code(&self) -> &'static str {
        match self {
            Self::Syntax(_) => "syntax",
            Self::TooLong => "too_long",
            Self::TooDeep => "too_deep",
            Self::TooLarge => "too_large",
            Self::DuplicateKey { .. } => "duplicate_key",
            Self::KeyNotText => "key_not_text",
            Self::UnknownTag(_) => "unknown_tag",
            Self::MisusedTag(_) => "misused_tag",
            Self::AliasOfItself => "alias_of_itself",
            Self::SecondDocument => "second_document",
            Self::NotAMap => "not_a_map",
            Self::NoResources => "no_resources",
        }
    }

    pub(super) fn at(self, place: impl Into<Option<Place>>) -> DocumentError {
        DocumentError { place: place.into(), fault: self }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(words) => f.write_str(words),
            Self::TooLong => write!(f, "the template is longer than {} bytes", limits::TEXT_BYTES),
            Self::TooDeep => write!(f, "maps and lists are nested more than {} deep", limits::DEPTH),
            Self::TooLarge => f.write_str("written out, the aliases make the template too large"),
            Self::DuplicateKey { key, first: Some(first) } => {
                write!(f, "the key `{}` is there twice, first at {first}", printable(key))
            }
            Self::DuplicateKey { key, first: None } => write!(f, "the key `{}` is there twice", printable(key)),
            Self::KeyNotText => f.write_str("a key is not plain text"),
            Self::UnknownTag(tag) => write!(f, "CloudFormation has no tag `{}`", printable(tag)),
            Self::MisusedTag(tag) => write!(f, "`{}` does not fit the value that it stands before", printable(tag)),
            Self::AliasOfItself => f.write_str("an alias stands inside what it names"),
            Self::SecondDocument => f.write_str("a second document begins; a template is one"),
            Self::NotAMap => f.write_str("a template is a map with `Resources`"),
            Self::NoResources => f.write_str("the template has no `Resources`, or they are not a map"),
        }
    }
}

impl fmt::Display for DocumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Some(place) => write!(f, "{place}: {}", self.fault),
            None => self.fault.fmt(f),
        }
    }
}

impl std::error::Error for DocumentError {}

/// Words of somebody's file must not steer the terminal.
fn printable(text: &str) -> String {
    text.chars().take(200).map(|character| if character.is_control() { '\u{fffd}' } else { character }).collect()
}
