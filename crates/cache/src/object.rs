//! What is kept: one version of an object, and the slices it is cut into.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderName, HeaderValue};

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
#[derive(Clone, Debug)]
pub struct Head {
    /// A strong validator (RFC 9110 section 8.8.1): it names the version.
    pub etag: HeaderValue,
    /// Bytes.
    pub size: u64,
    /// Seconds since 1970.
    pub last_modified: Option<i64>,
    /// The object's own `Cache-Control`.
    pub cache_control: Option<HeaderValue>,
    /// The headers that every answer of this object carries as they are.
    pub headers: Vec<(HeaderName, HeaderValue)>,
}

/// A version of an object in the cache. A small object's bytes are inside, so that a hit is one look-up.
#[derive(Debug)]
pub struct Entry {
    pub id: ObjectId,
    pub head: Head,
    /// The first second at which the origin is asked again.
    pub fresh_until: i64,
    /// Whether the object may be kept at all.
    pub kept: bool,
    /// The whole object, where it fits one slice.
    pub(crate) body: Option<Bytes>,
}

impl Entry {
    pub fn is_fresh(&self, now: i64) -> bool {
        now < self.fresh_until
    }

    /// The whole object, where it fits one slice and is at hand.
    pub fn body(&self) -> Option<&Bytes> {
        self.body.as_ref()
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
