//! What is sent: nothing, bytes at hand, or a stretch of an object slice by slice.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use cache::{Cache, CacheError, Entry, Lookup, Part, SLICE, slice_of};
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use http_body::{Frame, SizeHint};

use crate::origins::Origins;
use crate::record::Record;

/// The body of an answer. When it is done with, sent or not, the request's record is written.
pub struct Body {
    kind: Kind,
    record: Option<Record>,
}

enum Kind {
    Empty,
    Bytes(Bytes),
    Object(Box<Stretch>),
    /// One after the other.
    Parts(Box<Parts>),
}

/// A `multipart/byteranges` body (RFC 9110 section 14.6).
struct Parts {
    boundary: String,
    rest: VecDeque<Kind>,
}

/// A stretch of one version of an object.
struct Stretch {
    cache: Arc<Cache<Origins>>,
    entry: Arc<Entry>,
    /// The next byte to send, and the one to stop before.
    next: u64,
    end: u64,
    at_hand: Option<(u64, Bytes)>,
    pending: Option<Pending>,
    /// Whether a slice had to be fetched.
    missed: bool,
}

/// A slice on its way.
type Pending = Pin<Box<dyn Future<Output = Result<Bytes, CacheError>> + Send>>;

/// The object cannot be sent to its end: the connection is cut, so that the client sees it.
#[derive(Debug)]
pub struct Cut(CacheError);

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the object could not be read to its end: {:?}", self.0)
    }
}

impl std::error::Error for Cut {}

impl From<Infallible> for Cut {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

impl Body {
    pub fn empty() -> Self {
        Self { kind: Kind::Empty, record: None }
    }

    pub fn bytes(bytes: impl Into<Bytes>) -> Self {
        Self { kind: Kind::Bytes(bytes.into()), record: None }
    }

    /// The bytes from `first` to before `end` of this version. `at_hand` is a slice that need not be looked up.
    pub fn object(
        cache: &Arc<Cache<Origins>>,
        entry: &Arc<Entry>,
        first: u64,
        end: u64,
        at_hand: Option<(u64, Bytes)>,
    ) -> Self {
        Self { kind: Kind::object(cache, entry, first, end, at_hand), record: None }
    }

    /// Several stretches of this version, each with a head of its own.
    pub fn parts(
        cache: &Arc<Cache<Origins>>,
        entry: &Arc<Entry>,
        parts: &[Part],
        mut at_hand: Option<(u64, Bytes)>,
    ) -> Self {
        // Random, so that nobody can have put it into an object.
        let boundary = uuid::Uuid::new_v4().simple().to_string();
        let content_type = entry.head.header(&CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let content_type = content_type.unwrap_or("application/octet-stream");
        let size = entry.head.size;
        let mut rest = VecDeque::with_capacity(2 * parts.len() + 1);
        for Part { first, last } in parts {
            let head = format!(
                "\r\n--{boundary}\r\nContent-Type: {content_type}\r\nContent-Range: bytes {first}-{last}/{size}\r\n\r\n"
            );
            rest.push_back(Kind::Bytes(head.into()));
            rest.push_back(Kind::object(cache, entry, *first, last + 1, at_hand.take()));
        }
        rest.push_back(Kind::Bytes(format!("\r\n--{boundary}--\r\n").into()));
        Self { kind: Kind::Parts(Box::new(Parts { boundary, rest })), record: None }
    }

    /// The type of the whole body, where it is one of parts.
    pub fn content_type(&self) -> Option<HeaderValue> {
        match &self.kind {
            Kind::Parts(parts) => {
                HeaderValue::try_from(format!("multipart/byteranges; boundary={}", parts.boundary)).ok()
            }
            _ => None,
        }
    }

    pub fn length(&self) -> u64 {
        self.kind.length()
    }

    pub fn with_record(mut self, record: Record) -> Self {
        self.record = Some(record);
        self
    }
}

impl Kind {
    fn object(
        cache: &Arc<Cache<Origins>>,
        entry: &Arc<Entry>,
        first: u64,
        end: u64,
        at_hand: Option<(u64, Bytes)>,
    ) -> Self {
        if let Some(whole) = entry.body() {
            return Self::Bytes(cut(whole, first, end));
        }
        let stretch = Stretch {
            cache: Arc::clone(cache),
            entry: Arc::clone(entry),
            next: first,
            end,
            at_hand,
            pending: None,
            missed: false,
        };
        Self::Object(Box::new(stretch))
    }

    fn length(&self) -> u64 {
        match self {
            Self::Empty => 0,
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Object(stretch) => stretch.end.saturating_sub(stretch.next),
            Self::Parts(parts) => parts.rest.iter().map(Self::length).sum(),
        }
    }

    /// The next bytes; none at the end. `missed` becomes true where a slice had to be fetched.
    fn poll(&mut self, context: &mut Context<'_>, missed: &mut bool) -> Poll<Result<Bytes, CacheError>> {
        match self {
            Self::Empty => Poll::Ready(Ok(Bytes::new())),
            Self::Bytes(bytes) => Poll::Ready(Ok(std::mem::take(bytes))),
            Self::Object(stretch) => {
                let slice = stretch.poll_slice(context);
                *missed |= stretch.missed;
                slice
            }
            Self::Parts(parts) => {
                while let Some(part) = parts.rest.front_mut() {
                    let bytes = ready!(part.poll(context, missed))?;
                    if !bytes.is_empty() {
                        return Poll::Ready(Ok(bytes));
                    }
                    parts.rest.pop_front();
                }
                Poll::Ready(Ok(Bytes::new()))
            }
        }
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = &mut *self;
        let mut missed = false;
        let polled = ready!(this.kind.poll(context, &mut missed));
        if let Some(record) = this.record.as_mut().filter(|_| missed) {
            record.lookup = Some(Lookup::Miss);
        }
        let bytes = match polled {
            Ok(bytes) => bytes,
            Err(error) => {
                if let Some(record) = &mut this.record {
                    record.cut(error);
                }
                this.kind = Kind::Empty;
                return Poll::Ready(Some(Err(Cut(error))));
            }
        };
        if bytes.is_empty() {
            this.kind = Kind::Empty;
            return Poll::Ready(None);
        }
        if let Some(record) = &mut this.record {
            record.bytes += bytes.len() as u64;
        }
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.length() == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.length())
    }
}

impl Stretch {
    /// The next bytes; none at the end.
    fn poll_slice(&mut self, context: &mut Context<'_>) -> Poll<Result<Bytes, CacheError>> {
        if self.next >= self.end {
            return Poll::Ready(Ok(Bytes::new()));
        }
        let number = slice_of(self.next);
        let slice = match self.slice_now(number) {
            Some(slice) => slice,
            None => ready!(self.pending(number).as_mut().poll(context))?,
        };
        self.pending = None;
        let start = number * SLICE;
        let bytes = cut(&slice, self.next - start, self.end.min(start + SLICE) - start);
        if bytes.is_empty() {
            return Poll::Ready(Err(CacheError::Failed));
        }
        self.next += bytes.len() as u64;
        Poll::Ready(Ok(bytes))
    }

    /// The slice, if nobody need be asked for it.
    fn slice_now(&mut self, number: u64) -> Option<Bytes> {
        if let Some((_, slice)) = self.at_hand.take_if(|(at_hand, _)| *at_hand == number) {
            return Some(slice);
        }
        if self.pending.is_some() {
            return None;
        }
        let slice = self.cache.at_hand(&self.entry, number);
        self.missed |= slice.is_none();
        slice
    }

    /// The slice being fetched, with the one after it begun as well where it will be wanted.
    fn pending(&mut self, number: u64) -> &mut Pending {
        self.pending.get_or_insert_with(|| {
            if (number + 1) * SLICE < self.end {
                self.cache.read_ahead(&self.entry, number + 1);
            }
            let (cache, entry) = (Arc::clone(&self.cache), Arc::clone(&self.entry));
            Box::pin(async move { cache.slice(&entry, number).await })
        })
    }
}

/// The bytes from `first` to before `end`, as far as there are any.
fn cut(bytes: &Bytes, first: u64, end: u64) -> Bytes {
    let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
    let (first, end) = (place(first), place(end));
    if first < end { bytes.slice(first..end) } else { Bytes::new() }
}
