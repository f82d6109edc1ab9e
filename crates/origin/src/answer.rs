//! Reads a store's answer: which version, how large, which piece.

use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_RANGE,
    CONTENT_TYPE, ETAG, HeaderName, LAST_MODIFIED,
};
use http::{HeaderMap, HeaderValue};

/// What the store says of one version of an object.
#[derive(Clone, Debug)]
pub struct ObjectHead {
    /// A strong entity tag.
    pub etag: HeaderValue,
    /// Bytes of the whole object.
    pub size: u64,
    pub last_modified: Option<HeaderValue>,
    pub cache_control: Option<HeaderValue>,
    pub content_type: Option<HeaderValue>,
    pub content_disposition: Option<HeaderValue>,
    pub content_encoding: Option<HeaderValue>,
    pub content_language: Option<HeaderValue>,
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
    /// `None` without a strong ETag: a version without a name cannot be kept apart from the next.
    pub fn read(headers: &HeaderMap, size: u64) -> Option<Self> {
        let get = |name: HeaderName| headers.get(name).cloned();
        let etag = get(ETAG)?;
        let tag = etag.as_bytes();
        if tag.len() < 3 || !tag.starts_with(b"\"") || !tag.ends_with(b"\"") {
            return None;
        }
        Some(Self {
            etag,
            size,
            last_modified: get(LAST_MODIFIED),
            cache_control: get(CACHE_CONTROL),
            content_type: get(CONTENT_TYPE),
            content_disposition: get(CONTENT_DISPOSITION),
            content_encoding: get(CONTENT_ENCODING),
            content_language: get(CONTENT_LANGUAGE),
        })
    }
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
