//! What is sent: bytes at hand, or a stretch of an object slice by slice.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use cache::{Cache, CacheError, Entry, SLICE, slice_of};
use futures_util::stream;
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};

use crate::bucket::Buckets;

pub type Body = UnsyncBoxBody<Bytes, Cut>;

/// The object cannot be sent to its end: the connection is cut, so that the client sees it.
#[derive(Debug)]
pub struct Cut(CacheError);

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the object could not be read to its end: {:?}", self.0)
    }
}

impl std::error::Error for Cut {}

pub fn bytes(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// The bytes from `first` to before `end` of this version. `at_hand` is a slice that need not be looked up.
pub fn stretch(
    cache: &Arc<Cache<Buckets>>,
    entry: &Arc<Entry>,
    first: u64,
    end: u64,
    at_hand: Option<(u64, Bytes)>,
) -> Body {
    if let Some(whole) = entry.body() {
        return bytes(cut(whole, first, end));
    }
    let state = (Arc::clone(cache), Arc::clone(entry), first, at_hand);
    let slices = stream::try_unfold(state, move |(cache, entry, next, mut at_hand)| async move {
        if next >= end {
            return Ok(None);
        }
        let number = slice_of(next);
        let slice = match at_hand.take_if(|(known, _)| *known == number) {
            Some((_, slice)) => slice,
            None => cache.slice(&entry, number).await.map_err(Cut)?,
        };
        let start = number * SLICE;
        let bytes = cut(&slice, next - start, end.min(start + SLICE) - start);
        if bytes.is_empty() {
            return Err(Cut(CacheError::Failed));
        }
        let next = next + bytes.len() as u64;
        Ok(Some((Frame::data(bytes), (cache, entry, next, at_hand))))
    });
    StreamBody::new(slices).boxed_unsync()
}

/// The bytes from `first` to before `end`, as far as there are any.
fn cut(bytes: &Bytes, first: u64, end: u64) -> Bytes {
    let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
    let (first, end) = (place(first), place(end));
    if first < end { bytes.slice(first..end) } else { Bytes::new() }
}
