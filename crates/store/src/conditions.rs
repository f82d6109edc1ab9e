//! What a GET or HEAD gets of an object: all of it, a part, or only the news that it has (not) changed.
//!
//! RFC 9110: preconditions in the order of section 13.2.2, then `If-Range`, then `Range`. A header that makes no sense
//! is as good as absent. Like S3, one range or none: a list of ranges gets the whole object.

use http::HeaderMap;
use http::header::{IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, RANGE};
use s3s::dto::{Timestamp, TimestampFormat};
use time::OffsetDateTime;

/// The conditions of one request, as they came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    if_match: Option<String>,
    if_none_match: Option<String>,
    if_modified_since: Option<i64>,
    if_unmodified_since: Option<i64>,
    if_range: Option<String>,
    range: Option<String>,
}

/// The object the request is about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Version<'o> {
    /// Without quotes.
    pub(crate) etag: &'o str,
    /// Seconds since 1970.
    pub(crate) modified: i64,
    pub(crate) size: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Whole,
    Part(Part),
    NotModified,
    PreconditionFailed,
    Unsatisfiable,
    /// The object has not so many parts.
    NoSuchPart,
}

/// Never empty, never beyond the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) first: u64,
    pub(crate) last: u64,
}

impl Part {
    pub(crate) fn len(self) -> u64 {
        (self.last - self.first).saturating_add(1)
    }
}

/// The headers this module reads.
pub(crate) const HEADERS: [http::HeaderName; 6] =
    [IF_MATCH, IF_NONE_MATCH, IF_MODIFIED_SINCE, IF_UNMODIFIED_SINCE, IF_RANGE, RANGE];

impl Asked {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let list = |name| {
            let values: Vec<&str> = headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
            (!values.is_empty()).then(|| values.join(","))
        };
        let one = |name| headers.get(name).and_then(|value| value.to_str().ok());
        Self {
            if_match: list(IF_MATCH),
            if_none_match: list(IF_NONE_MATCH),
            if_modified_since: one(IF_MODIFIED_SINCE).and_then(seconds),
            if_unmodified_since: one(IF_UNMODIFIED_SINCE).and_then(seconds),
            if_range: one(IF_RANGE).map(str::to_owned),
            range: one(RANGE).map(str::to_owned),
        }
    }

    /// The conditions under which a copy is made, of the object it is made from.
    pub(crate) fn of_copy_source(headers: &HeaderMap) -> Self {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        Self {
            if_match: text("x-amz-copy-source-if-match").map(str::to_owned),
            if_none_match: text("x-amz-copy-source-if-none-match").map(str::to_owned),
            if_modified_since: text("x-amz-copy-source-if-modified-since").and_then(seconds),
            if_unmodified_since: text("x-amz-copy-source-if-unmodified-since").and_then(seconds),
            if_range: None,
            range: None,
        }
    }

    pub(crate) fn names_a_range(&self) -> bool {
        self.range.is_some()
    }

    pub(crate) fn decide(&self, version: Version<'_>) -> Verdict {
        let unchanged = match (&self.if_match, self.if_unmodified_since) {
            (Some(etags), _) => names(etags, version.etag, Comparison::Strong),
            (None, Some(date)) => version.modified <= date,
            (None, None) => true,
        };
        if !unchanged {
            return Verdict::PreconditionFailed;
        }
        let changed = match (&self.if_none_match, self.if_modified_since) {
            (Some(etags), _) => !names(etags, version.etag, Comparison::Weak),
            (None, Some(date)) => version.modified > date,
            (None, None) => true,
        };
        if !changed {
            return Verdict::NotModified;
        }
        match &self.range {
            Some(range) if self.range_holds(version) => part(range, version.size),
            _ => Verdict::Whole,
        }
    }

    fn range_holds(&self, version: Version<'_>) -> bool {
        match self.if_range.as_deref() {
            None => true,
            Some(date) if !date.contains('"') => seconds(date) == Some(version.modified),
            Some(etag) => etag.trim() == format!("\"{}\"", version.etag),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Strong,
    Weak,
}

/// Whether a list of entity tags names this one. Bare tags without quotes are common among S3 clients.
fn names(list: &str, etag: &str, comparison: Comparison) -> bool {
    list.split(',').map(str::trim).any(|tag| {
        let (weak, tag) = tag.strip_prefix("W/").map_or((false, tag), |tag| (true, tag));
        let bare = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"')).unwrap_or(tag);
        tag == "*" || (bare == etag && !(weak && comparison == Comparison::Strong))
    })
}

fn part(range: &str, size: u64) -> Verdict {
    let Some((unit, ranges)) = range.split_once('=') else { return Verdict::Whole };
    let Some((first, last)) = ranges.trim().split_once('-') else { return Verdict::Whole };
    if !unit.trim().eq_ignore_ascii_case("bytes") || !digits(first) || !digits(last) {
        return Verdict::Whole;
    }
    let end = size.saturating_sub(1);
    let (first, last) = match (number(first), number(last)) {
        (None, None) => return Verdict::Whole,
        (Some(first), None) => (first, end),
        (Some(first), Some(last)) if last < first => return Verdict::Whole,
        (Some(first), Some(last)) => (first, last.min(end)),
        (None, Some(0)) => return Verdict::Unsatisfiable,
        (None, Some(suffix)) => (size.saturating_sub(suffix), end),
    };
    if first < size { Verdict::Part(Part { first, last }) } else { Verdict::Unsatisfiable }
}

fn digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A number too large to hold is larger than any object.
fn number(digits: &str) -> Option<u64> {
    (!digits.is_empty()).then(|| digits.parse().unwrap_or(u64::MAX))
}

fn seconds(http_date: &str) -> Option<i64> {
    let date = Timestamp::parse(TimestampFormat::HttpDate, http_date.trim()).ok()?;
    Some(OffsetDateTime::from(date).unix_timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ETAG: &str = "abc";
    /// Sun, 06 Nov 1994 08:49:37 GMT
    const MODIFIED: i64 = 784_111_777;

    fn decide(headers: &[(&str, &str)]) -> Verdict {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(http::HeaderName::try_from(*name).unwrap(), value.parse().unwrap());
        }
        Asked::of(&map).decide(Version { etag: ETAG, modified: MODIFIED, size: 10 })
    }

    fn bytes(first: u64, last: u64) -> Verdict {
        Verdict::Part(Part { first, last })
    }

    #[test]
    fn ranges() {
        for (range, verdict) in [
            ("bytes=0-0", bytes(0, 0)),
            ("bytes=2-", bytes(2, 9)),
            ("BYTES=2-3", bytes(2, 3)),
            ("bytes=-3", bytes(7, 9)),
            ("bytes=-30", bytes(0, 9)),
            ("bytes=0-99999999999999999999999", bytes(0, 9)),
            ("bytes=10-", Verdict::Unsatisfiable),
            ("bytes=99999999999999999999999-", Verdict::Unsatisfiable),
            ("bytes=-0", Verdict::Unsatisfiable),
            ("bytes=3-2", Verdict::Whole),
            ("bytes=0-1,4-5", Verdict::Whole),
            ("bytes=", Verdict::Whole),
            ("bytes=-", Verdict::Whole),
            ("bytes=+1-2", Verdict::Whole),
            ("octets=0-1", Verdict::Whole),
            ("0-1", Verdict::Whole),
        ] {
            assert_eq!(decide(&[("range", range)]), verdict, "{range}");
        }
        assert_eq!(part("bytes=-5", 0), Verdict::Unsatisfiable);
        assert_eq!(part("bytes=0-", 0), Verdict::Unsatisfiable);
    }

    #[test]
    fn conditions_come_before_ranges_and_tags_before_dates() {
        let same = "Sun, 06 Nov 1994 08:49:37 GMT";
        let before = "Sun, 06 Nov 1994 08:49:36 GMT";
        for (headers, verdict) in [
            (vec![("if-match", "\"abc\"")], Verdict::Whole),
            (vec![("if-match", "*")], Verdict::Whole),
            (vec![("if-match", "\"x\", \"abc\"")], Verdict::Whole),
            (vec![("if-match", "\"x\""), ("if-match", "abc")], Verdict::Whole),
            (vec![("if-match", "W/\"abc\"")], Verdict::PreconditionFailed),
            (vec![("if-match", "\"x\"")], Verdict::PreconditionFailed),
            (vec![("if-match", "\"abc\""), ("if-unmodified-since", before)], Verdict::Whole),
            (vec![("if-unmodified-since", same)], Verdict::Whole),
            (vec![("if-unmodified-since", before)], Verdict::PreconditionFailed),
            (vec![("if-unmodified-since", "yesterday")], Verdict::Whole),
            (vec![("if-none-match", "\"abc\"")], Verdict::NotModified),
            (vec![("if-none-match", "W/\"abc\"")], Verdict::NotModified),
            (vec![("if-none-match", "*")], Verdict::NotModified),
            (vec![("if-none-match", "\"x\""), ("if-modified-since", same)], Verdict::Whole),
            (vec![("if-modified-since", same)], Verdict::NotModified),
            (vec![("if-modified-since", before)], Verdict::Whole),
            (vec![("if-match", "\"x\""), ("range", "bytes=99-")], Verdict::PreconditionFailed),
            (vec![("if-none-match", "\"abc\""), ("range", "bytes=0-1")], Verdict::NotModified),
            (vec![("if-range", "\"abc\""), ("range", "bytes=0-1")], bytes(0, 1)),
            (vec![("if-range", same), ("range", "bytes=0-1")], bytes(0, 1)),
            (vec![("if-range", before), ("range", "bytes=0-1")], Verdict::Whole),
            (vec![("if-range", "W/\"abc\""), ("range", "bytes=0-1")], Verdict::Whole),
            (vec![("if-range", "\"x\""), ("range", "bytes=99-")], Verdict::Whole),
        ] {
            assert_eq!(decide(&headers), verdict, "{headers:?}");
        }
    }
}
