//! A body on its way to a draft: bounded, digested as it passes, a chunk in memory at a time.

use crate::blob_stream::Reader;
use crate::blobs::{Blobs, Draft};
use crate::digest::Digests;
use crate::fault::{Fault, blocking};
use crate::limits;
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _};
use s3s::{S3Error, StdError, s3_error};
use std::ops::RangeInclusive;
use std::sync::Arc;

/// All of a body. Not durable yet.
pub(crate) struct Received {
    draft: Option<Draft>,
    /// What is not in the draft yet, nor digested.
    tail: BytesMut,
    digests: Digests,
    pub(crate) size: u64,
}

#[derive(Debug)]
pub(crate) enum BodyFault {
    TooLarge,
    TooSmall,
    /// The sender went away, or sent what it had not signed.
    Broken(StdError),
    Ours(Fault),
}

impl From<Fault> for BodyFault {
    fn from(fault: Fault) -> Self {
        Self::Ours(fault)
    }
}

/// No byte came in `limits::BODY_STALL`.
#[derive(Debug)]
pub(crate) struct Stalled;

impl std::fmt::Display for Stalled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the body stalled")
    }
}

impl std::error::Error for Stalled {}

impl From<BodyFault> for S3Error {
    fn from(fault: BodyFault) -> Self {
        match fault {
            BodyFault::TooLarge => {
                s3_error!(EntityTooLarge, "Your proposed upload exceeds the maximum allowed size")
            }
            BodyFault::TooSmall => {
                s3_error!(EntityTooSmall, "Your proposed upload is smaller than the minimum allowed size")
            }
            BodyFault::Ours(fault) => fault.into(),
            BodyFault::Broken(error) => broken(&error),
        }
    }
}

/// `s3s` checks signed bodies as they pass and keeps the types of its errors to itself: their text has to do.
fn broken(error: &StdError) -> S3Error {
    let text = error.to_string();
    if text.contains("SignatureMismatch") {
        s3_error!(SignatureDoesNotMatch, "The signature of a chunk does not match its content")
    } else if text.contains("Sha256Mismatch") {
        crate::fault::custom_error(
            "XAmzContentSHA256Mismatch",
            http::StatusCode::BAD_REQUEST,
            "The provided 'x-amz-content-sha256' header does not match what was computed.",
        )
    } else if text.contains(&Stalled.to_string()) {
        s3_error!(RequestTimeout, "Your socket connection to the server was not read from or written to in time")
    } else {
        s3_error!(IncompleteBody, "The body broke off, or is not framed as its headers say")
    }
}

pub(crate) async fn receive<S>(
    blobs: &Arc<Blobs>,
    mut body: S,
    mut digests: Digests,
    sizes: RangeInclusive<u64>,
) -> Result<Received, BodyFault>
where
    S: Stream<Item = Result<Bytes, StdError>> + Unpin,
{
    let (mut draft, mut tail) = (None, BytesMut::new());
    let mut size = 0_u64;
    while let Some(bytes) = body.next().await {
        let bytes = bytes.map_err(BodyFault::Broken)?;
        size = size.saturating_add(bytes.len() as u64);
        if size > *sizes.end() {
            return Err(BodyFault::TooLarge);
        }
        tail.extend_from_slice(&bytes);
        if tail.len() >= limits::CHUNK_BYTES {
            let (blobs, chunk) = (Arc::clone(blobs), tail.split());
            let (written, digested) = blocking(move || append(&blobs, draft, digests, &chunk)).await?;
            (draft, digests) = (Some(written), digested);
        }
    }
    if size < *sizes.start() {
        return Err(BodyFault::TooSmall);
    }
    Ok(Received { draft, tail, digests, size })
}

fn append(
    blobs: &Arc<Blobs>,
    draft: Option<Draft>,
    mut digests: Digests,
    chunk: &[u8],
) -> Result<(Draft, Digests), Fault> {
    let mut draft = match draft {
        Some(draft) => draft,
        None => blobs.draft()?,
    };
    digests.update(chunk);
    draft.write(chunk)?;
    Ok((draft, digests))
}

impl Received {
    /// Bytes that the store has already. Waits for the disk.
    pub(crate) fn of_reader(blobs: &Arc<Blobs>, mut reader: Reader, digests: Digests) -> Result<Self, Fault> {
        let mut received = Self { draft: None, tail: BytesMut::new(), digests, size: 0 };
        while let Some(chunk) = reader.chunk()? {
            let (draft, digests) = append(blobs, received.draft, received.digests, &chunk)?;
            let size = received.size.saturating_add(chunk.len() as u64);
            received = Self { draft: Some(draft), tail: BytesMut::new(), digests, size };
        }
        Ok(received)
    }

    /// Writes what is left. Where it may wait.
    pub(crate) fn complete(self, blobs: &Arc<Blobs>) -> Result<(Draft, Digests), Fault> {
        append(blobs, self.draft, self.digests, &self.tail)
    }
}
