//! Conditional requests (RFC 9110 section 13), judged against what the cache knows, in the order of section 13.2.2. They come
//! before any range.

use http::HeaderMap;
use http::header::{HeaderName, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_UNMODIFIED_SINCE};

use crate::object::Head;

/// The conditions of a GET or HEAD request.
#[derive(Debug)]
pub struct Conditions<'a> {
    headers: &'a HeaderMap,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Go on with the request.
    Proceed,
    /// 304.
    NotModified,
    /// 412.
    Failed,
}

impl<'a> Conditions<'a> {
    pub fn new(headers: &'a HeaderMap) -> Self {
        Self { headers }
    }
}

pub fn evaluate(conditions: &Conditions<'_>, head: &Head) -> Outcome {
    let has = |name: &HeaderName| conditions.headers.contains_key(name);
    if has(&IF_MATCH) {
        if !lists(conditions.headers, &IF_MATCH, head, Comparison::Strong) {
            return Outcome::Failed;
        }
    } else if let (Some(limit), Some(modified)) = (date(conditions.headers, &IF_UNMODIFIED_SINCE), head.last_modified)
        && modified > limit
    {
        return Outcome::Failed;
    }
    if has(&IF_NONE_MATCH) {
        if lists(conditions.headers, &IF_NONE_MATCH, head, Comparison::Weak) {
            return Outcome::NotModified;
        }
    } else if let (Some(since), Some(modified)) =
        // RFC 9111 section 4.3.2: what says nothing of its last change is as old as its answer.
        (date(conditions.headers, &IF_MODIFIED_SINCE), head.last_modified.or(head.date))
        && modified <= since
    {
        return Outcome::NotModified;
    }
    Outcome::Proceed
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Strong,
    Weak,
}

fn lists(headers: &HeaderMap, name: &HeaderName, head: &Head, comparison: Comparison) -> bool {
    let (ours, version) = (head.etag.as_ref().map(|etag| opaque(etag.as_bytes())), head.version());
    headers.get_all(name).iter().any(|value| {
        let value = value.as_bytes().trim_ascii();
        value == b"*"
            || tags(value).any(|tag| match comparison {
                Comparison::Weak => ours == Some(opaque(tag)),
                Comparison::Strong => version.is_some_and(|version| version.as_bytes() == tag),
            })
    })
}

/// A tag without its weakness.
fn opaque(tag: &[u8]) -> &[u8] {
    tag.strip_prefix(b"W/").unwrap_or(tag)
}

/// The entity tags of a list: `"a", W/"b"`. An opaque tag may hold commas, so quotes are followed.
fn tags(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = list;
    std::iter::from_fn(move || {
        rest = rest.trim_ascii_start();
        while let Some(after) = rest.strip_prefix(b",") {
            rest = after.trim_ascii_start();
        }
        let open = rest.iter().position(|byte| *byte == b'"')?;
        let close = rest.iter().skip(open + 1).position(|byte| *byte == b'"')? + open + 1;
        let (tag, after) = rest.split_at_checked(close + 1)?;
        rest = after;
        Some(tag)
    })
}

/// A single HTTP date (RFC 9110 section 5.6.7); anything else is ignored, as section 13.1 asks.
pub fn date(headers: &HeaderMap, name: &HeaderName) -> Option<i64> {
    let mut values = headers.get_all(name).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return None;
    };
    parse_date(value.to_str().ok()?)
}

pub fn parse_date(text: &str) -> Option<i64> {
    let time = httpdate::parse_http_date(text).ok()?;
    i64::try_from(time.duration_since(std::time::UNIX_EPOCH).ok()?.as_secs()).ok()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn outcome(headers: &[(&'static str, &'static str)]) -> Outcome {
        let head = Head {
            etag: Some(HeaderValue::from_static("\"a,b\"")),
            last_modified: parse_date("Sun, 06 Nov 1994 08:49:37 GMT"),
            ..Head::default()
        };
        outcome_of(headers, &head)
    }

    fn outcome_of(headers: &[(&'static str, &'static str)], head: &Head) -> Outcome {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_static(value));
        }
        evaluate(&Conditions::new(&map), head)
    }

    #[test]
    fn without_a_strong_tag() {
        use Outcome::*;
        let weak = Head { etag: Some(HeaderValue::from_static("W/\"a\"")), ..Head::default() };
        let none = Head { date: parse_date("Sun, 06 Nov 1994 08:49:37 GMT"), ..Head::default() };
        for (head, name, value, expected) in [
            (&weak, "if-none-match", "W/\"a\"", NotModified),
            (&weak, "if-none-match", "\"a\"", NotModified),
            (&weak, "if-none-match", "\"b\"", Proceed),
            (&weak, "if-match", "W/\"a\"", Failed),
            (&weak, "if-match", "\"a\"", Failed),
            (&weak, "if-match", "*", Proceed),
            (&none, "if-none-match", "\"\"", Proceed),
            (&none, "if-none-match", "*", NotModified),
            (&none, "if-match", "\"a\"", Failed),
            (&none, "if-modified-since", "Sun, 06 Nov 1994 08:49:37 GMT", NotModified),
            (&none, "if-modified-since", "Sun, 06 Nov 1994 08:49:36 GMT", Proceed),
            (&none, "if-unmodified-since", "Sun, 06 Nov 1994 08:49:36 GMT", Proceed),
        ] {
            assert_eq!(outcome_of(&[(name, value)], head), expected, "{name}: {value}");
        }
    }

    #[test]
    fn order_and_comparison() {
        use Outcome::*;
        const SAME: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
        const EARLIER: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
        for (headers, expected) in [
            (vec![], Proceed),
            (vec![("if-none-match", "\"a,b\"")], NotModified),
            (vec![("if-none-match", "W/\"a,b\"")], NotModified),
            (vec![("if-none-match", "\"x\" , \"a,b\"")], NotModified),
            (vec![("if-none-match", "\"x\""), ("if-none-match", "\"a,b\"")], NotModified),
            (vec![("if-none-match", "*")], NotModified),
            (vec![("if-none-match", "\"x\"")], Proceed),
            (vec![("if-none-match", "a,b")], Proceed),
            (vec![("if-none-match", "\"x\""), ("if-modified-since", SAME)], Proceed),
            (vec![("if-modified-since", SAME)], NotModified),
            (vec![("if-modified-since", EARLIER)], Proceed),
            (vec![("if-modified-since", "yesterday")], Proceed),
            (vec![("if-modified-since", SAME), ("if-modified-since", SAME)], Proceed),
            (vec![("if-match", "\"a,b\"")], Proceed),
            (vec![("if-match", "W/\"a,b\"")], Failed),
            (vec![("if-match", "\"x\"")], Failed),
            (vec![("if-match", "*")], Proceed),
            (vec![("if-match", "\"a,b\""), ("if-none-match", "\"a,b\"")], NotModified),
            (vec![("if-match", "\"a,b\""), ("if-unmodified-since", EARLIER)], Proceed),
            (vec![("if-unmodified-since", EARLIER)], Failed),
            (vec![("if-unmodified-since", SAME)], Proceed),
        ] {
            assert_eq!(outcome(&headers), expected, "{headers:?}");
        }
    }
}
