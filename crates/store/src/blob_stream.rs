//! The bytes of an object, or a part of them: a chunk at a time, read where it may wait. A file that is shorter than the
//! index says breaks the reading off: it never looks complete.

use crate::blobs::{BlobId, Blobs, Lease};
use crate::limits;
use bytes::Bytes;
use futures_util::Stream;
use s3s::StdError;
use s3s::stream::{ByteStream, RemainingLength};
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::task::{JoinHandle, spawn_blocking};

/// Bytes of one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) blob: BlobId,
    pub(crate) first: u64,
    /// Never 0.
    pub(crate) length: u64,
}

/// Reads segments one behind the other. All of it waits for the disk.
#[derive(Debug)]
pub(crate) struct Reader {
    blobs: Arc<Blobs>,
    open: Option<(File, u64)>,
    segments: VecDeque<Segment>,
    _lease: Lease,
}

impl Reader {
    /// Opens the first file; the lease keeps the others. Fails with `NotFound` where the bytes are gone.
    pub(crate) fn open(blobs: &Arc<Blobs>, lease: Lease, segments: VecDeque<Segment>) -> io::Result<Self> {
        let mut reader = Self { blobs: Arc::clone(blobs), open: None, segments, _lease: lease };
        reader.advance()?;
        Ok(reader)
    }

    fn advance(&mut self) -> io::Result<()> {
        self.open = None;
        if let Some(segment) = self.segments.pop_front() {
            let mut file = self.blobs.read(segment.blob)?;
            if segment.first > 0 {
                file.seek(SeekFrom::Start(segment.first))?;
            }
            self.open = Some((file, segment.length));
        }
        Ok(())
    }

    pub(crate) fn remaining(&self) -> u64 {
        let open = self.open.as_ref().map_or(0, |(_, left)| *left);
        self.segments.iter().fold(open, |sum, segment| sum.saturating_add(segment.length))
    }

    /// None at the end.
    pub(crate) fn chunk(&mut self) -> io::Result<Option<Bytes>> {
        let Some((file, left)) = self.open.as_mut() else { return Ok(None) };
        let length = usize::try_from(*left).map_or(limits::CHUNK_BYTES, |left| left.min(limits::CHUNK_BYTES));
        let mut chunk = vec![0; length];
        file.read_exact(&mut chunk)?;
        *left = left.saturating_sub(length as u64);
        if *left == 0 {
            self.advance()?;
        }
        Ok(Some(chunk.into()))
    }
}

pub(crate) struct BlobStream {
    state: State,
    remaining: u64,
}

enum State {
    Read(Bytes, Option<Reader>),
    Idle(Reader),
    Reading(JoinHandle<io::Result<(Reader, Option<Bytes>)>>),
    Done,
}

impl BlobStream {
    /// The first chunk of a short one is read at once: to be called where it may wait.
    pub(crate) fn new(mut reader: Reader) -> io::Result<Self> {
        let remaining = reader.remaining();
        let state = if remaining <= limits::CHUNK_BYTES as u64 {
            reader.chunk()?.map_or(State::Done, |chunk| State::Read(chunk, reader.open.is_some().then_some(reader)))
        } else {
            State::Idle(reader)
        };
        Ok(Self { state, remaining })
    }
}

impl Stream for BlobStream {
    type Item = Result<Bytes, StdError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            match std::mem::replace(&mut self.state, State::Done) {
                State::Done => return Poll::Ready(None),
                State::Read(chunk, rest) => {
                    self.remaining = self.remaining.saturating_sub(chunk.len() as u64);
                    self.state = rest.map_or(State::Done, State::Idle);
                    return Poll::Ready(Some(Ok(chunk)));
                }
                State::Idle(mut reader) => {
                    self.state = State::Reading(spawn_blocking(move || {
                        let chunk = reader.chunk()?;
                        Ok((reader, chunk))
                    }));
                }
                State::Reading(mut reading) => {
                    let Poll::Ready(done) = Pin::new(&mut reading).poll(cx) else {
                        self.state = State::Reading(reading);
                        return Poll::Pending;
                    };
                    let (reader, chunk) = done.map_err(io::Error::other).and_then(|read| read)?;
                    let Some(chunk) = chunk else { return Poll::Ready(None) };
                    self.remaining = self.remaining.saturating_sub(chunk.len() as u64);
                    if self.remaining > 0 {
                        self.state = State::Idle(reader);
                    }
                    return Poll::Ready(Some(Ok(chunk)));
                }
            }
        }
    }
}

impl ByteStream for BlobStream {
    fn remaining_length(&self) -> RemainingLength {
        usize::try_from(self.remaining).map_or_else(|_| RemainingLength::unknown(), RemainingLength::new_exact)
    }
}
