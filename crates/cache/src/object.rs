//! What is kept: one version of an object, and the slices it is cut into.

use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use bytes::Bytes;
use http::{HeaderName, HeaderValue};

use crate::freshness::Lifetime;

/// The size of a slice in bytes: large enough that a film costs few requests at the origin, small enough that 100 bytes of
/// it do not cost much.
pub const SLICE: u64 = 1 << 20;

/// An object, whatever its version.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ObjectId {
    pub bucket: usize,
    pub key: Arc<str>,
}

/// What the origin said of one version of an object, made ready for answers.
#[derive(Clone, Debug, Default)]
pub struct Head {
    /// The version's name where it is strong (RFC 9110 section 8.8.1).
    pub etag: Option<HeaderValue>,
    /// Bytes.
    pub size: u64,
    /// Seconds since 1970.
    pub last_modified: Option<i64>,
    /// The origin's `Date`, seconds since 1970.
    pub date: Option<i64>,
    /// The origin's `Age`, seconds.
    pub age: Option<i64>,
    /// The object's own `Cache-Control`.
    pub cache_control: Option<HeaderValue>,
    /// The object's own `Expires`.
    pub expires: Option<HeaderValue>,
    /// Whether the origin chose this answer by what the request said.
    pub varies: bool,
    /// The headers that every answer of this object carries as they are.
    pub headers: Vec<(HeaderName, HeaderValue)>,
}

impl Head {
    /// The name by which this version can be asked for again: a strong entity tag. An object without one is never put together
    /// from pieces.
    pub fn version(&self) -> Option<&HeaderValue> {
        self.etag.as_ref().filter(|etag| etag.as_bytes().starts_with(b"\""))
    }

    /// Whether the origin can say that the object has not changed.
    pub fn has_validator(&self) -> bool {
        self.etag.is_some() || self.last_modified.is_some()
    }

    pub fn header(&self, name: &HeaderName) -> Option<&HeaderValue> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }
}

/// A version of an object in the cache. A small object's bytes are inside, so that a hit is one look-up.
#[derive(Debug)]
pub struct Entry {
    pub id: ObjectId,
    pub head: Head,
    pub lifetime: Lifetime,
    /// Whether the object may be kept at all.
    pub kept: bool,
    /// The whole object, where it fits one slice.
    pub(crate) body: Option<Bytes>,
    /// The first second at which an origin in trouble is asked again about this entry.
    pub(crate) rested: AtomicI64,
}

impl Entry {
    /// The whole object, where it fits one slice and is at hand.
    pub fn body(&self) -> Option<&Bytes> {
        self.body.as_ref()
    }

    /// Seconds since the origin made or confirmed this answer.
    pub fn age(&self, now: i64) -> i64 {
        self.lifetime.age(now)
    }

    /// Bytes that keeping it takes, roughly.
    pub(crate) fn weight(&self) -> u64 {
        const FIXED: u64 = 768; // the entry itself, its map slot and the allocations of its headers
        let headers: usize = self.head.headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
        let body = self.body.as_ref().map_or(0, Bytes::len);
        FIXED + (self.id.key.len() + headers + body) as u64
    }
}

/// The slice that holds this byte.
pub fn slice_of(byte: u64) -> u64 {
    byte / SLICE
}
