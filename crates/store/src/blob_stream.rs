//! The bytes of a blob as a response body: a chunk at a time, read where it may wait. A blob that is shorter than the
//! index says breaks the response off: it never looks complete.

use crate::limits;
use bytes::Bytes;
use futures_util::Stream;
use s3s::StdError;
use s3s::stream::{ByteStream, RemainingLength};
use std::fs::File;
use std::io::{self, Read as _};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::task::{JoinHandle, spawn_blocking};

pub(crate) struct BlobStream {
    state: State,
    remaining: u64,
}

enum State {
    Read(Bytes),
    Idle(File),
    Reading(JoinHandle<io::Result<(File, Bytes)>>),
    Done,
}

impl BlobStream {
    /// `length` bytes from where the file stands. Short ones are read at once: to be called where it may wait.
    pub(crate) fn open(mut file: File, length: u64) -> io::Result<Self> {
        let state = if length == 0 {
            State::Done
        } else if chunk_of(length) as u64 == length {
            State::Read(read(&mut file, length)?)
        } else {
            State::Idle(file)
        };
        Ok(Self { state, remaining: length })
    }
}

fn chunk_of(remaining: u64) -> usize {
    usize::try_from(remaining).map_or(limits::CHUNK_BYTES, |length| length.min(limits::CHUNK_BYTES))
}

fn read(file: &mut File, remaining: u64) -> io::Result<Bytes> {
    let mut chunk = vec![0; chunk_of(remaining)];
    file.read_exact(&mut chunk)?;
    Ok(chunk.into())
}

impl Stream for BlobStream {
    type Item = Result<Bytes, StdError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            match std::mem::replace(&mut self.state, State::Done) {
                State::Done => return Poll::Ready(None),
                State::Read(chunk) => {
                    self.remaining = self.remaining.saturating_sub(chunk.len() as u64);
                    return Poll::Ready(Some(Ok(chunk)));
                }
                State::Idle(mut file) => {
                    let remaining = self.remaining;
                    self.state = State::Reading(spawn_blocking(move || {
                        let chunk = read(&mut file, remaining)?;
                        Ok((file, chunk))
                    }));
                }
                State::Reading(mut reading) => {
                    let Poll::Ready(done) = Pin::new(&mut reading).poll(cx) else {
                        self.state = State::Reading(reading);
                        return Poll::Pending;
                    };
                    let (file, chunk) = done.map_err(io::Error::other).and_then(|read| read)?;
                    self.remaining = self.remaining.saturating_sub(chunk.len() as u64);
                    if self.remaining > 0 {
                        self.state = State::Idle(file);
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
