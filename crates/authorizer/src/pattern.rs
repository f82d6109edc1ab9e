//! Path patterns: `/{workspace:uuid}/v{version:int}/{name...}`.
//!
//! A pattern is a list of segments, each a literal or one placeholder, which may have literal text before and after it;
//! `{x...}` takes one or more segments and stands last. Two patterns can be compared as sets of paths, which is how overlapping routes are found when rules are built.

use std::fmt;

/// The most placeholders one pattern may hold: captures live in a fixed array.
pub const MAX_PLACEHOLDERS: usize = 16;

/// What a placeholder takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// 8-4-4-4-12 hexadecimal digits (RFC 9562 section 4), in either case.
    Uuid,
    /// A decimal number from 0 to 9,223,372,036,854,775,807 without leading zeros.
    Int,
    /// `YYYY-MM-DD`, a month from 01 to 12 and a day from 01 to 31.
    Date,
    /// Lower-case letters, digits and single hyphens between them.
    Slug,
    /// Any one segment.
    Segment,
}

impl Kind {
    pub const NAMES: [&'static str; 4] = ["uuid", "int", "date", "slug"];

    fn name(self) -> Option<&'static str> {
        match self {
            Self::Uuid => Some("uuid"),
            Self::Int => Some("int"),
            Self::Date => Some("date"),
            Self::Slug => Some("slug"),
            Self::Segment => None,
        }
    }

    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "uuid" => Self::Uuid,
            "int" => Self::Int,
            "date" => Self::Date,
            "slug" => Self::Slug,
            _ => return None,
        })
    }

    pub fn takes(self, text: &str) -> bool {
        let bytes = text.as_bytes();
        match self {
            Self::Uuid => is_uuid(bytes),
            Self::Int => {
                bytes.iter().all(u8::is_ascii_digit)
                    && (text == "0" || !text.starts_with('0'))
                    && text.parse::<i64>().is_ok()
            }
            Self::Date => is_date(text),
            Self::Slug => {
                !text.is_empty()
                    && bytes.iter().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-')
                    && !text.starts_with('-')
                    && !text.ends_with('-')
                    && !text.contains("--")
            }
            Self::Segment => true,
        }
    }

    /// Whether a text of this kind can have these characters in it.
    fn may_hold(self, text: &str) -> bool {
        text.bytes().all(|byte| match self {
            Self::Uuid => byte.is_ascii_hexdigit() || byte == b'-',
            Self::Int => byte.is_ascii_digit(),
            Self::Date => byte.is_ascii_digit() || byte == b'-',
            Self::Slug => byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-',
            Self::Segment => true,
        })
    }
}

/// Hyphens at their places and 32 hexadecimal digits: every byte is looked at, without an early end and without a branch.
fn is_uuid(bytes: &[u8]) -> bool {
    let Ok(bytes) = <&[u8; 36]>::try_from(bytes) else {
        return false;
    };
    let is_digit = |byte: u8| (byte.wrapping_sub(b'0') < 10) | ((byte | 0x20).wrapping_sub(b'a') < 6);
    let digits = bytes.iter().fold(0_u8, |digits, byte| digits.wrapping_add(u8::from(is_digit(*byte))));
    let hyphens = [bytes[8], bytes[13], bytes[18], bytes[23]];
    digits == 32 && hyphens == [b'-'; 4]
}

fn is_date(text: &str) -> bool {
    let mut parts = text.split('-');
    let (Some(year), Some(month), Some(day), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    let number = |part: &str, digits: usize| {
        (part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit()))
            .then(|| part.parse::<u32>().ok())
            .flatten()
    };
    number(year, 4).is_some()
        && number(month, 2).is_some_and(|month| (1..=12).contains(&month))
        && number(day, 2).is_some_and(|day| (1..=31).contains(&day))
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Segment {
    Literal(String),
    One(Kind),
    /// A placeholder between literal text: `v{version:int}`, `{name}.png`. The two texts are not both empty.
    Within(Box<Affixed>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Affixed {
    pub before: String,
    pub kind: Kind,
    pub after: String,
}

impl Affixed {
    /// The places of the placeholder's text in a segment. It is never `.` or `..`, which no whole segment is either: in a key
    /// it would stand for another object.
    pub fn place(&self, segment: &str) -> Option<(usize, usize)> {
        let inner = segment.strip_prefix(self.before.as_str())?.strip_suffix(self.after.as_str())?;
        let taken = !matches!(inner, "" | "." | "..") && self.kind.takes(inner);
        taken.then(|| (self.before.len(), self.before.len() + inner.len()))
    }

    /// The more special first; those that are equal in this share no segment, or were refused.
    pub fn order(&self) -> (std::cmp::Reverse<usize>, Kind) {
        (std::cmp::Reverse(self.before.len() + self.after.len()), self.kind)
    }
}

/// A parsed pattern. Placeholders are numbered in the order they stand in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    pub(crate) segments: Vec<Segment>,
    /// Whether a last placeholder takes the rest of the path: one or more segments.
    pub(crate) rest: bool,
    names: Vec<String>,
    kinds: Vec<Kind>,
}

/// Why a pattern cannot be read. The text of the offending part is inside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PatternFault {
    NotAbsolute,
    EmptySegment,
    DotSegment,
    BadBraces(String),
    BadName(String),
    UnknownKind(String),
    RestNotLast(String),
    RestWithKind(String),
    Repeated(String),
    TooMany,
    Reserved,
}

impl fmt::Display for PatternFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAbsolute => write!(f, "the pattern does not start with `/`"),
            Self::EmptySegment => write!(f, "the pattern has an empty segment"),
            Self::DotSegment => write!(f, "the pattern has a `.` or `..` segment"),
            Self::BadBraces(segment) => {
                write!(f, "`{segment}` is neither a literal nor text with one placeholder in it")
            }
            Self::BadName(name) => write!(f, "`{name}` is not a placeholder's name"),
            Self::UnknownKind(kind) => write!(f, "unknown placeholder type `{kind}`"),
            Self::RestNotLast(name) => write!(f, "`{{{name}...}}` is not the whole last segment"),
            Self::RestWithKind(name) => write!(f, "`{{{name}...}}` takes no type"),
            Self::Repeated(name) => write!(f, "the placeholder `{name}` stands there twice"),
            Self::TooMany => write!(f, "more than {MAX_PLACEHOLDERS} placeholders"),
            Self::Reserved => write!(f, "`/_edgepass/` is reserved"),
        }
    }
}

/// How the paths of one pattern relate to those of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    Disjoint,
    Equal,
    /// Every path of the first is one of the second's.
    Inside,
    Around,
    /// They share paths and neither holds the other.
    Crossing,
}

impl Pattern {
    /// Reads a path pattern, which starts with `/`.
    pub fn parse(text: &str) -> Result<Self, PatternFault> {
        let inner = text.strip_prefix('/').ok_or(PatternFault::NotAbsolute)?;
        let mut pattern = Self { segments: Vec::new(), rest: false, names: Vec::new(), kinds: Vec::new() };
        for segment in inner.split('/') {
            if pattern.rest {
                return Err(PatternFault::RestNotLast(pattern.names.last().cloned().unwrap_or_default()));
            }
            pattern.push(segment)?;
        }
        if pattern.segments.first() == Some(&Segment::Literal("_edgepass".to_owned())) {
            return Err(PatternFault::Reserved);
        }
        if pattern.names.len() > MAX_PLACEHOLDERS {
            return Err(PatternFault::TooMany);
        }
        Ok(pattern)
    }

    fn push(&mut self, segment: &str) -> Result<(), PatternFault> {
        match segment {
            "" => return Err(PatternFault::EmptySegment),
            "." | ".." => return Err(PatternFault::DotSegment),
            _ => {}
        }
        let Some((before, inner, after)) = split_placeholder(segment) else {
            if segment.contains(['{', '}', '\\', '\0']) {
                return Err(PatternFault::BadBraces(segment.to_owned()));
            }
            self.segments.push(Segment::Literal(segment.to_owned()));
            return Ok(());
        };
        if [before, after].iter().any(|text| text.contains(['\\', '\0'])) {
            return Err(PatternFault::BadBraces(segment.to_owned()));
        }
        let (inner, rest) = inner.strip_suffix("...").map_or((inner, false), |name| (name, true));
        let (name, kind) = inner.split_once(':').map_or((inner, None), |(name, kind)| (name, Some(kind)));
        if !is_name(name) {
            return Err(PatternFault::BadName(name.to_owned()));
        }
        if self.names.iter().any(|taken| taken == name) {
            return Err(PatternFault::Repeated(name.to_owned()));
        }
        let kind = match kind {
            Some(_) if rest => return Err(PatternFault::RestWithKind(name.to_owned())),
            Some(kind) => Kind::parse(kind).ok_or_else(|| PatternFault::UnknownKind(kind.to_owned()))?,
            None => Kind::Segment,
        };
        self.names.push(name.to_owned());
        self.kinds.push(kind);
        let whole = before.is_empty() && after.is_empty();
        match rest {
            true if !whole => return Err(PatternFault::RestNotLast(name.to_owned())),
            true => self.rest = true,
            false if whole => self.segments.push(Segment::One(kind)),
            false => {
                let (before, after) = (before.to_owned(), after.to_owned());
                self.segments.push(Segment::Within(Box::new(Affixed { before, kind, after })));
            }
        }
        Ok(())
    }

    /// The number of the placeholder of this name.
    pub fn placeholder(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|known| known == name)
    }

    pub fn names(&self) -> &[String] {
        &self.names
    }

    pub fn kind(&self, placeholder: usize) -> Kind {
        self.kinds.get(placeholder).copied().unwrap_or(Kind::Segment)
    }

    /// Whether this placeholder's text can have this in it.
    pub(crate) fn may_hold(&self, placeholder: usize, text: &str) -> bool {
        self.kind(placeholder).may_hold(text) && (self.is_rest(placeholder) || !text.contains('/'))
    }

    /// Whether this placeholder takes one segment or more.
    pub fn is_rest(&self, placeholder: usize) -> bool {
        self.rest && placeholder + 1 == self.names.len()
    }

    /// Whether text stands before or after this placeholder in its segment.
    pub fn is_affixed(&self, placeholder: usize) -> bool {
        let mut holders = self.segments.iter().filter(|segment| !matches!(segment, Segment::Literal(_)));
        matches!(holders.nth(placeholder), Some(Segment::Within(_)))
    }

    /// The path with these texts for the placeholders, in their order.
    pub fn fill(&self, values: &[String]) -> String {
        let mut path = String::new();
        let mut values = values.iter().map(String::as_str);
        for segment in &self.segments {
            path.push('/');
            match segment {
                Segment::Literal(text) => path.push_str(text),
                Segment::One(_) => path.push_str(values.next().unwrap_or_default()),
                Segment::Within(affixed) => {
                    path.push_str(&affixed.before);
                    path.push_str(values.next().unwrap_or_default());
                    path.push_str(&affixed.after);
                }
            }
        }
        if self.rest {
            path.push('/');
            path.push_str(values.next().unwrap_or_default());
        }
        path
    }

    /// The keys of a route whose paths have this pattern, as a pattern too: it shows which routes reach the same objects.
    pub fn of_keys(&self, key: &str) -> Result<Self, PatternFault> {
        let typed: Vec<String> = key.split('/').map(|segment| self.typed(segment)).collect();
        Self::parse(&format!("/{}", typed.join("/")))
    }

    /// A key's segment with its placeholder's type.
    fn typed(&self, segment: &str) -> String {
        let found = split_placeholder(segment)
            .and_then(|(before, name, after)| self.placeholder(name).map(|number| (before, name, number, after)));
        match found {
            Some((before, name, number, after)) if self.is_rest(number) => format!("{before}{{{name}...}}{after}"),
            Some((before, name, number, after)) => match self.kind(number).name() {
                Some(kind) => format!("{before}{{{name}:{kind}}}{after}"),
                None => segment.to_owned(),
            },
            None => segment.to_owned(),
        }
    }

    pub fn relation(&self, other: &Self) -> Relation {
        if !self.overlaps(other) {
            return Relation::Disjoint;
        }
        match (self.is_inside(other), other.is_inside(self)) {
            (true, true) => Relation::Equal,
            (true, false) => Relation::Inside,
            (false, true) => Relation::Around,
            (false, false) => Relation::Crossing,
        }
    }

    fn overlaps(&self, other: &Self) -> bool {
        let (ours, theirs) = (self.segments.len(), other.segments.len());
        let share_a_length = match (self.rest, other.rest) {
            (false, false) => ours == theirs,
            (false, true) => ours > theirs,
            (true, false) => theirs > ours,
            (true, true) => true,
        };
        share_a_length && (0..ours.max(theirs)).all(|at| may_meet(self.at(at), other.at(at)))
    }

    fn is_inside(&self, other: &Self) -> bool {
        let (ours, theirs) = (self.segments.len(), other.segments.len());
        let lengths = match (self.rest, other.rest) {
            (false, false) => ours == theirs,
            (false, true) => ours > theirs,
            (true, false) => false,
            (true, true) => ours >= theirs,
        };
        lengths && (0..ours.max(theirs)).all(|at| is_within(self.at(at), other.at(at)))
    }

    /// The segment at a position; beyond the fixed ones a rest takes any.
    fn at(&self, position: usize) -> &Segment {
        self.segments.get(position).unwrap_or(&Segment::One(Kind::Segment))
    }
}

pub fn is_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

/// The text before a segment's one placeholder, its inside, and the text after it.
pub fn split_placeholder(segment: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = segment.split_once('{')?;
    let (inner, after) = rest.split_once('}')?;
    let braces = [before, inner, after].iter().any(|text| text.contains(['{', '}']));
    (!braces).then_some((before, inner, after))
}

/// Whether there may be a text that both take. Where it is hard to tell, there may.
pub fn may_meet(a: &Segment, b: &Segment) -> bool {
    match (a, b) {
        (Segment::Literal(a), Segment::Literal(b)) => a == b,
        (Segment::Literal(text), Segment::One(kind)) | (Segment::One(kind), Segment::Literal(text)) => kind.takes(text),
        (Segment::Literal(text), Segment::Within(affixed)) | (Segment::Within(affixed), Segment::Literal(text)) => {
            affixed.place(text).is_some()
        }
        (Segment::One(a), Segment::One(b)) => {
            a == b || matches!((a, b), (Kind::Segment | Kind::Slug, _) | (_, Kind::Segment | Kind::Slug))
        }
        (Segment::One(kind), Segment::Within(affixed)) | (Segment::Within(affixed), Segment::One(kind)) => {
            kind.may_hold(&affixed.before) && kind.may_hold(&affixed.after)
        }
        (Segment::Within(a), Segment::Within(b)) => {
            (a.before.starts_with(&b.before) || b.before.starts_with(&a.before))
                && (a.after.ends_with(&b.after) || b.after.ends_with(&a.after))
        }
    }
}

/// Whether the second takes every text that the first takes. Where it is hard to tell, it does not.
fn is_within(a: &Segment, b: &Segment) -> bool {
    match (a, b) {
        (Segment::Literal(a), Segment::Literal(b)) => a == b,
        (Segment::Literal(text), Segment::One(kind)) => kind.takes(text),
        (Segment::Literal(text), Segment::Within(affixed)) => affixed.place(text).is_some(),
        (Segment::One(_), Segment::Literal(_) | Segment::Within(_)) | (Segment::Within(_), Segment::Literal(_)) => {
            false
        }
        // A UUID may have upper-case digits, which a slug has not.
        (Segment::One(a), Segment::One(b)) => {
            a == b || *b == Kind::Segment || (*b == Kind::Slug && matches!(a, Kind::Int | Kind::Date))
        }
        (Segment::Within(_), Segment::One(kind)) => *kind == Kind::Segment,
        (Segment::Within(a), Segment::Within(b)) => {
            let same_text = a.before == b.before && a.after == b.after;
            (same_text && is_within(&Segment::One(a.kind), &Segment::One(b.kind)))
                || (b.kind == Kind::Segment && a.before.starts_with(&b.before) && a.after.ends_with(&b.after))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Pattern {
        Pattern::parse(text).unwrap()
    }

    #[test]
    fn kinds() {
        for (kind, good, bad) in [
            (
                Kind::Uuid,
                vec!["9f0c2d9e-1111-4222-8333-abcdefABCDEF"],
                vec!["", "9f0c2d9e1111-4222-8333-abcdefABCDEF1", "g"],
            ),
            (
                Kind::Int,
                vec!["0", "7", "9223372036854775807"],
                vec!["", "00", "-1", "+1", "9223372036854775808", "1e3"],
            ),
            (
                Kind::Date,
                vec!["2026-11-22"],
                vec!["2026-13-01", "2026-1-1", "2026-11-32", "2026-11-22-1", "+026-11-22"],
            ),
            (Kind::Slug, vec!["a", "a-b-2"], vec!["", "-a", "a-", "a--b", "A", "a_b"]),
        ] {
            for text in good {
                assert!(kind.takes(text), "{kind:?} {text}");
            }
            for text in bad {
                assert!(!kind.takes(text), "{kind:?} {text}");
            }
        }
    }

    #[test]
    fn refuses_what_is_no_pattern() {
        for text in [
            "",
            "a",
            "/",
            "/a//b",
            "/..",
            "/{x}{y}",
            "/a{x...}",
            "/{x...}a",
            "/a}{x}",
            "/{x",
            "/{}",
            "/{X}",
            "/{x:word}",
            "/{x...}/a",
            "/{x:int...}",
            "/{x}/{x}",
            "/_edgepass/a",
            "/a\\b",
        ] {
            assert!(Pattern::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn placeholders_between_text() {
        let affixed = |text: &str| match pattern(text).segments.pop() {
            Some(Segment::Within(affixed)) => affixed,
            other => panic!("{other:?}"),
        };
        let version = affixed("/v{n:int}");
        assert_eq!(version.place("v42"), Some((1, 3)));
        for other in ["v", "42", "v04", "v4x", "w4"] {
            assert_eq!(version.place(other), None, "{other}");
        }
        let image = affixed("/a{n}a.png");
        assert_eq!(image.place("aéa.png"), Some((1, 3)));
        for other in ["a.png", "aa.png", "a.a.png", "a..a.png", "axa.PNG"] {
            assert_eq!(image.place(other), None, "{other}");
        }
    }

    #[test]
    fn relations() {
        use Relation::*;
        for (a, b, relation) in [
            ("/a", "/a", Equal),
            ("/{x}", "/{y}", Equal),
            ("/a", "/{x}", Inside),
            ("/{x:int}", "/{x:slug}", Inside),
            ("/{x:uuid}", "/{x:slug}", Crossing),
            ("/{x:uuid}", "/{x:int}", Disjoint),
            ("/public/{n...}", "/{w:uuid}/{f:uuid}/{n...}", Disjoint),
            ("/public/{n...}", "/{w}/{n...}", Inside),
            ("/{n...}", "/{w}/{n...}", Around),
            ("/public/{n...}", "/public/a/b/c", Around),
            ("/public/{n...}", "/public", Disjoint),
            ("/{w}/a", "/b/{x}", Crossing),
            ("/{w}/{x}", "/{n...}", Inside),
            ("/{w}", "/{w}/{n...}", Disjoint),
            ("/a/{n...}", "/{x}/b", Crossing),
            ("/9/{n...}", "/{x:int}/{n...}", Inside),
            ("/v{n:int}", "/{x}", Inside),
            ("/v{n:int}", "/{x:uuid}", Disjoint),
            ("/a{n}", "/{x:uuid}", Crossing),
            ("/v{n:int}", "/v7", Around),
            ("/v{n:int}", "/v07", Disjoint),
            ("/v{n:int}", "/v{n}", Inside),
            ("/va{n}", "/v{n}", Inside),
            ("/v{n}", "/{n}.png", Crossing),
            ("/v{n}.png", "/{n}.png", Inside),
            ("/v{n}", "/w{n}", Disjoint),
            ("/v{n:int}", "/v{n:uuid}", Crossing),
        ] {
            assert_eq!(pattern(a).relation(&pattern(b)), relation, "{a} {b}");
        }
    }
}
