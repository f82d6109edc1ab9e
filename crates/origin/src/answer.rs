//! Reads a store's answer: which version, how large, which piece.

use bytes::Bytes;
use http::header::{
    AGE, CACHE_CONTROL, CONNECTION, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH,
    CONTENT_RANGE, CONTENT_TYPE, DATE, ETAG, EXPIRES, HeaderName, LAST_MODIFIED, VARY,
};
use http::{HeaderMap, HeaderValue};

/// What the store says of one version of an object. Where a field may stand once and stands twice, its lines are joined: that
/// is how it was meant, or it makes no sense any more.
#[derive(Clone, Debug, Default)]
pub struct ObjectHead {
    /// An entity tag, strong or weak.
    pub etag: Option<HeaderValue>,
    /// Bytes of the whole object.
    pub size: u64,
    pub last_modified: Option<HeaderValue>,
    pub date: Option<HeaderValue>,
    pub age: Option<HeaderValue>,
    pub cache_control: Option<HeaderValue>,
    pub expires: Option<HeaderValue>,
    pub vary: Option<HeaderValue>,
    pub content_type: Option<HeaderValue>,
    pub content_disposition: Option<HeaderValue>,
    pub content_encoding: Option<HeaderValue>,
    pub content_language: Option<HeaderValue>,
    /// Those that the bucket's settings name.
    pub passed: Vec<(HeaderName, HeaderValue)>,
}

/// What a store has to say of a piece.
#[derive(Clone, Debug)]
pub enum Found {
    Piece(Piece),
    /// It is still the version that was excluded. The size is not told.
    Unchanged(ObjectHead),
}

/// A piece of one version, whole.
#[derive(Clone, Debug)]
pub struct Piece {
    pub head: ObjectHead,
    /// The number of its first byte in the object.
    pub first: u64,
    pub bytes: Bytes,
}

impl ObjectHead {
    /// `passed` names further headers to read.
    pub fn read(headers: &HeaderMap, size: u64, passed: &[HeaderName]) -> Self {
        let get = |name: HeaderName| joined(headers, &name);
        let connection = get(CONNECTION);
        let of_the_connection = |name: &HeaderName| {
            let listed = connection.as_ref().and_then(|value| value.to_str().ok()).unwrap_or_default();
            listed.split(',').any(|listed| listed.trim().eq_ignore_ascii_case(name.as_str()))
        };
        let passed = passed.iter().filter(|name| !of_the_connection(name));
        Self {
            etag: get(ETAG).filter(is_tag),
            size,
            last_modified: get(LAST_MODIFIED),
            date: get(DATE),
            age: get(AGE),
            cache_control: get(CACHE_CONTROL),
            expires: get(EXPIRES),
            vary: get(VARY),
            content_type: get(CONTENT_TYPE),
            content_disposition: get(CONTENT_DISPOSITION),
            content_encoding: get(CONTENT_ENCODING),
            content_language: get(CONTENT_LANGUAGE),
            passed: passed.filter_map(|name| Some((name.clone(), joined(headers, name)?))).collect(),
        }
    }

    /// Whether the version has a name by which its pieces can be told from another's (RFC 9110 section 8.8.1).
    pub fn is_named(&self) -> bool {
        self.etag.as_ref().is_some_and(|etag| etag.as_bytes().starts_with(b"\""))
    }
}

/// RFC 9110 section 5.2: the lines of a field as one.
fn joined(headers: &HeaderMap, name: &HeaderName) -> Option<HeaderValue> {
    let mut lines = headers.get_all(name).iter();
    let first = lines.next()?;
    let Some(second) = lines.next() else {
        return Some(first.clone());
    };
    let mut text = first.as_bytes().to_vec();
    for line in std::iter::once(second).chain(lines) {
        text.extend_from_slice(b", ");
        text.extend_from_slice(line.as_bytes());
    }
    HeaderValue::from_bytes(&text).ok()
}

/// Section 8.8.3. What is no entity tag names nothing.
fn is_tag(value: &HeaderValue) -> bool {
    let tag = value.as_bytes();
    let opaque = tag.strip_prefix(b"W/").unwrap_or(tag);
    opaque.len() > 2
        && opaque.starts_with(b"\"")
        && opaque.iter().skip(1).position(|byte| *byte == b'"') == Some(opaque.len() - 2)
}

pub fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// `bytes 0-99/1234`: first, last, size.
pub fn content_range(headers: &HeaderMap) -> Option<(u64, u64, u64)> {
    let text = headers.get(CONTENT_RANGE)?.to_str().ok()?;
    let (range, size) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last, size) = (first.parse().ok()?, last.parse().ok()?, size.parse().ok()?);
    (first <= last && last < size).then_some((first, last, size))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[(&'static str, &'static str)], passed: &[&'static str]) -> ObjectHead {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_static(value));
        }
        let passed: Vec<_> = passed.iter().map(|name| HeaderName::from_static(name)).collect();
        ObjectHead::read(&headers, 0, &passed)
    }

    #[test]
    fn tags() {
        for (etag, known, named) in [
            ("\"a\"", true, true),
            ("W/\"a\"", true, false),
            ("a", false, false),
            ("\"\"", false, false),
            ("\"a", false, false),
            ("\"a\", \"b\"", false, false),
            ("w/\"a\"", false, false),
        ] {
            let head = read(&[("etag", etag)], &[]);
            assert_eq!((head.etag.is_some(), head.is_named()), (known, named), "{etag}");
        }
        assert_eq!(read(&[("etag", "\"a\""), ("etag", "\"b\"")], &[]).etag, None);
    }

    #[test]
    fn lines_are_joined_and_what_is_the_connections_stays_there() {
        let head = read(
            &[("cache-control", "a"), ("cache-control", "b"), ("x-a", "1"), ("x-b", "2"), ("connection", "close, X-B")],
            &["x-a", "x-b", "x-c"],
        );
        assert_eq!(head.cache_control.unwrap(), "a, b");
        assert_eq!(head.passed, [(HeaderName::from_static("x-a"), HeaderValue::from_static("1"))]);
    }
}
