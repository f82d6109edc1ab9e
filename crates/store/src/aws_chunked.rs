//! Guards the framing of `aws-chunked` bodies before `s3s` reads it. `s3s` holds a whole chunk in memory, and a chunk
//! may announce 4 GiB. A signed chunk has to be held until its signature is checked: larger ones are refused. An
//! unsigned one need not: it is cut into small chunks. Knows nothing of signatures; never changes a byte of the content.

use crate::limits;
use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use http::HeaderMap;
use http_body::Frame;
use s3s::StdError;
use std::pin::Pin;
use std::task::{Context, Poll};

/// How `x-amz-content-sha256` says the body is framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    None,
    Signed,
    Unsigned,
}

impl Framing {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        match headers.get("x-amz-content-sha256").map(http::HeaderValue::as_bytes) {
            Some(b"STREAMING-UNSIGNED-PAYLOAD-TRAILER") => Self::Unsigned,
            Some(value) if value.starts_with(b"STREAMING-") => Self::Signed,
            _ => Self::None,
        }
    }
}

#[derive(Debug)]
struct BadFraming;

impl std::fmt::Display for BadFraming {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the framing of the body is broken, or a signed chunk is too large")
    }
}

impl std::error::Error for BadFraming {}

pub(crate) struct AwsChunked<B> {
    inner: B,
    framing: Framing,
    place: Place,
    line: BytesMut,
}

/// What the next byte belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// `SIZE[;chunk-signature=…]CRLF`
    Line,
    Data {
        left: u64,
    },
    /// The CRLF behind a chunk's data.
    End {
        left: u8,
    },
    /// Behind the last chunk.
    Trailer,
}

impl<B> AwsChunked<B> {
    pub(crate) fn new(inner: B, framing: Framing) -> Self {
        let place = if framing == Framing::None { Place::Trailer } else { Place::Line };
        Self { inner, framing, place, line: BytesMut::new() }
    }

    fn guard(&mut self, mut bytes: Bytes) -> Result<Bytes, BadFraming> {
        if self.place == Place::Trailer {
            return Ok(bytes);
        }
        let mut out = BytesMut::with_capacity(bytes.len().saturating_add(64));
        while !bytes.is_empty() {
            match self.place {
                Place::Trailer => {
                    out.put(&mut bytes);
                }
                Place::Line => self.read_line(&mut bytes, &mut out)?,
                Place::Data { left } => {
                    let here = usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len()));
                    let data = bytes.split_to(here);
                    match self.framing {
                        // Each piece as a chunk of its own.
                        Framing::Unsigned => {
                            out.put_slice(format!("{here:x}\r\n").as_bytes());
                            out.put(data);
                            out.put_slice(b"\r\n");
                        }
                        _ => out.put(data),
                    }
                    let left = left.saturating_sub(here as u64);
                    self.place = if left == 0 { Place::End { left: 2 } } else { Place::Data { left } };
                }
                Place::End { left } => {
                    let expected = if left == 2 { b'\r' } else { b'\n' };
                    if bytes.get_u8() != expected {
                        return Err(BadFraming);
                    }
                    if self.framing == Framing::Signed {
                        out.put_u8(expected);
                    }
                    self.place = if left == 2 { Place::End { left: 1 } } else { Place::Line };
                }
            }
        }
        Ok(out.freeze())
    }

    fn read_line(&mut self, bytes: &mut Bytes, out: &mut BytesMut) -> Result<(), BadFraming> {
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let piece = bytes.split_to(end.map_or(bytes.len(), |end| end.saturating_add(1)));
        self.line.put(piece);
        if self.line.len() > limits::CHUNK_LINE_BYTES {
            return Err(BadFraming);
        }
        if end.is_none() {
            return Ok(());
        }
        let line = self.line.split();
        let size = line.as_ref().split(|byte| matches!(byte, b';' | b'\r' | b'\n')).next().unwrap_or_default();
        let size = std::str::from_utf8(size).map_err(|_| BadFraming)?;
        let size = u64::from_str_radix(size, 16).map_err(|_| BadFraming)?;
        self.place = if size == 0 { Place::Trailer } else { Place::Data { left: size } };
        if self.framing == Framing::Signed && size > limits::SIGNED_CHUNK_BYTES {
            return Err(BadFraming);
        }
        // The line of an unsigned chunk is written anew for each of its pieces.
        if self.framing == Framing::Signed || size == 0 {
            out.put(line);
        }
        Ok(())
    }
}

impl<B> http_body::Body for AwsChunked<B>
where
    B: http_body::Body<Data = Bytes, Error = StdError> + Unpin,
{
    type Data = Bytes;
    type Error = StdError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, StdError>>> {
        let frame = match Pin::new(&mut self.inner).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => frame,
            other => return other,
        };
        Poll::Ready(Some(match frame.into_data() {
            Ok(bytes) => self.guard(bytes).map(Frame::data).map_err(Into::into),
            Err(trailers) => Ok(trailers),
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        match self.framing {
            Framing::Unsigned => http_body::SizeHint::default(),
            _ => self.inner.size_hint(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(framing: Framing, input: &[u8], step: usize) -> Result<Vec<u8>, String> {
        let mut body = AwsChunked::new((), framing);
        let mut out = Vec::new();
        for piece in input.chunks(step) {
            out.extend(body.guard(Bytes::copy_from_slice(piece)).map_err(|fault| fault.to_string())?);
        }
        Ok(out)
    }

    #[test]
    fn signed_framing_passes_unchanged_however_it_is_cut() {
        let input = b"5;chunk-signature=aa\r\nhello\r\n0;chunk-signature=bb\r\nx-amz-checksum-crc32:AA==\r\n\r\n";
        for step in 1..input.len() {
            assert_eq!(guard(Framing::Signed, input, step).unwrap(), input);
        }
    }

    #[test]
    fn unsigned_chunks_are_cut() {
        let input = b"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:AA==\r\n\r\n";
        assert_eq!(guard(Framing::Unsigned, input, 100).unwrap(), input);
        let cut = guard(Framing::Unsigned, input, 4).unwrap();
        assert_eq!(cut, b"1\r\nh\r\n4\r\nello\r\n0\r\nx-amz-checksum-crc32:AA==\r\n\r\n");
    }

    #[test]
    fn what_does_not_pass() {
        for input in [&b"zz\r\n"[..], b"-1\r\n", b"\r\n", b"5\r\nhelloXX", b"11111111111111111\r\n"] {
            assert!(guard(Framing::Unsigned, input, 3).is_err());
            assert!(guard(Framing::Signed, input, 3).is_err());
        }
        assert!(guard(Framing::Unsigned, &[b'1'; 2000], 7).is_err());
        assert!(guard(Framing::Signed, b"1000001;chunk-signature=00\r\n", 7).is_err());
        assert!(guard(Framing::Unsigned, b"ffffffff\r\n", 7).is_ok());
        assert_eq!(guard(Framing::None, b"zz\r\n", 1).unwrap(), b"zz\r\n");
    }
}
