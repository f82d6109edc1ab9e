//! What a route says of uploads: how the placeholders are filled, how large, of which types.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::pattern::{Kind, Pattern};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct UploadSettings {
    /// Placeholder, and what fills it: `{uuid}`, `{filename}` or plain text.
    pub fill: Vec<(String, String)>,
    /// Bytes.
    pub max_size: u64,
    /// `image/*`, `application/pdf`, `*/*`.
    pub types: Vec<String>,
    /// Seconds for which a signed upload is good.
    pub life: i64,
}

/// What fills a placeholder of a path to upload to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fill {
    /// A new random UUID.
    Uuid,
    /// The name of the file, made safe for one segment.
    Filename,
    Text(String),
    /// The client's `params`.
    Param,
}

#[derive(Debug)]
pub struct UploadRules {
    /// One for each placeholder of the route's pattern, in its order.
    pub fill: Vec<Fill>,
    pub max_size: u64,
    pub types: Vec<TypePattern>,
    pub life: i64,
}

/// A media type (RFC 9110 section 8.3.1) with `*` for any subtype or for any type at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypePattern {
    kind: Option<String>,
    subtype: Option<String>,
}

impl TypePattern {
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, subtype) = text.split_once('/')?;
        let part = |part: &str| match part {
            "*" => Some(None),
            _ if is_token(part) => Some(Some(part.to_ascii_lowercase())),
            _ => None,
        };
        let pattern = Self { kind: part(kind)?, subtype: part(subtype)? };
        (pattern.kind.is_some() || pattern.subtype.is_none()).then_some(pattern)
    }

    /// Whether this media type, whose parameters do not count, is one of the pattern's.
    pub fn takes(&self, media_type: &str) -> bool {
        let essence = media_type.split(';').next().unwrap_or_default().trim_ascii();
        let Some((kind, subtype)) = essence.split_once('/') else {
            return false;
        };
        is_token(kind)
            && is_token(subtype)
            && self.kind.as_ref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(kind))
            && self.subtype.as_ref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(subtype))
    }
}

/// A token of RFC 9110 section 5.6.2, except that `*` is left to patterns.
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'+-.^_`|~".contains(&byte))
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FillFault {
    UnknownPlaceholder(String),
    UnknownFill(String),
    /// The placeholder's type or place does not take what would fill it.
    Mismatch(String),
    Twice(String),
}

impl fmt::Display for FillFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownPlaceholder(name) => write!(f, "the path has no placeholder `{name}`"),
            Self::UnknownFill(text) => write!(f, "`{text}` is neither `{{uuid}}`, `{{filename}}` nor plain text"),
            Self::Mismatch(name) => write!(f, "the placeholder `{name}` does not take what would fill it"),
            Self::Twice(name) => write!(f, "`{name}` is filled twice"),
        }
    }
}

/// One fill for each placeholder of the pattern; the fault's number is the entry's.
pub fn fills(entries: &[(String, String)], pattern: &Pattern) -> Result<Vec<Fill>, (usize, FillFault)> {
    let mut fills = vec![Fill::Param; pattern.names().len()];
    for (number, (name, text)) in entries.iter().enumerate() {
        let fault = |fault| Err((number, fault));
        let Some(placeholder) = pattern.placeholder(name) else {
            return fault(FillFault::UnknownPlaceholder(name.clone()));
        };
        let fill = match text.as_str() {
            "{uuid}" => Fill::Uuid,
            "{filename}" => Fill::Filename,
            text if text.contains(['{', '}', '/', '\\', '\0']) || matches!(text, "" | "." | "..") => {
                return fault(FillFault::UnknownFill(text.to_owned()));
            }
            text => Fill::Text(text.to_owned()),
        };
        let fits = match (&fill, pattern.kind(placeholder)) {
            (Fill::Uuid, kind) => matches!(kind, Kind::Uuid | Kind::Segment | Kind::Slug),
            (Fill::Filename, kind) => kind == Kind::Segment,
            (Fill::Text(text), kind) => kind.takes(text),
            (Fill::Param, _) => true,
        };
        if !fits {
            return fault(FillFault::Mismatch(name.clone()));
        }
        match fills.get_mut(placeholder) {
            Some(place @ Fill::Param) => *place = fill,
            _ => return fault(FillFault::Twice(name.clone())),
        }
    }
    Ok(fills)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn type_patterns() {
        let takes = |pattern: &str, media: &str| TypePattern::parse(pattern).unwrap().takes(media);
        assert!(takes("image/*", "image/png"));
        assert!(takes("image/*", "IMAGE/SVG+xml; charset=utf-8"));
        assert!(takes("*/*", "a/b"));
        assert!(takes("application/pdf", "application/pdf"));
        assert!(!takes("image/*", "text/html"));
        assert!(!takes("image/*", "image"));
        assert!(!takes("image/*", "image/"));
        assert!(!takes("*/*", "image/p ng"));
        assert!(!takes("image/*", "image/png\r\nx: y"));
        for bad in ["image", "*/png", "", "/", "a/b/c", "image/{x}"] {
            assert!(TypePattern::parse(bad).is_none(), "{bad}");
        }
    }
}
