//! QUIC's connections and streams as the HTTP/3 library wants them. A request's frames come whole and bounded, and the end of
//! an answer is when the client has all of it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use h3::error::Code;
use h3::quic::{self, ConnectionErrorIncoming, StreamErrorIncoming, StreamId, WriteBuf};
use quinn::{ConnectionError, ReadError, StoppedError, VarInt, WriteError};

use crate::limits;
use crate::whole_frames::WholeFrames;

type Waiting<T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send>>;

pub struct Connection {
    quic: quinn::Connection,
    request: Option<Waiting<(quinn::SendStream, quinn::RecvStream), ConnectionError>>,
    one_way: Option<Waiting<quinn::RecvStream, ConnectionError>>,
    opening: Option<Waiting<quinn::SendStream, ConnectionError>>,
}

impl Connection {
    pub fn new(quic: quinn::Connection) -> Self {
        Self { quic, request: None, one_way: None, opening: None }
    }

    fn received(&self, stream: quinn::RecvStream, frames: WholeFrames) -> Result<Received, ConnectionErrorIncoming> {
        Ok(Received { id: id(stream.id())?, stream, frames, quic: self.quic.clone() })
    }
}

/// The outcome of what is waited for, which is begun if it was not and forgotten when it is there.
fn poll_once<T, E>(
    waiting: &mut Option<Waiting<T, E>>,
    context: &mut Context<'_>,
    begin: impl FnOnce() -> Waiting<T, E>,
) -> Poll<Result<T, E>> {
    let outcome = ready!(waiting.get_or_insert_with(begin).as_mut().poll(context));
    *waiting = None;
    Poll::Ready(outcome)
}

impl quic::Connection<Bytes> for Connection {
    type RecvStream = Received;
    type OpenStreams = Self;

    fn poll_accept_recv(&mut self, context: &mut Context<'_>) -> Poll<Result<Received, ConnectionErrorIncoming>> {
        let quic = &self.quic;
        let accepted = ready!(poll_once(&mut self.one_way, context, || {
            let quic = quic.clone();
            Box::pin(async move { quic.accept_uni().await })
        }));
        let stream = accepted.map_err(connection_error)?;
        Poll::Ready(self.received(stream, WholeFrames::of_one_way_stream()))
    }

    fn poll_accept_bidi(&mut self, context: &mut Context<'_>) -> Poll<Result<Exchange, ConnectionErrorIncoming>> {
        let quic = &self.quic;
        let accepted = ready!(poll_once(&mut self.request, context, || {
            let quic = quic.clone();
            Box::pin(async move { quic.accept_bi().await })
        }));
        let (send, receive) = accepted.map_err(connection_error)?;
        Poll::Ready(Ok(Exchange {
            sent: Sent::new(send)?,
            received: self.received(receive, WholeFrames::of_request())?,
        }))
    }

    fn opener(&self) -> Self {
        Self::new(self.quic.clone())
    }
}

impl quic::OpenStreams<Bytes> for Connection {
    type BidiStream = Exchange;
    type SendStream = Sent;

    /// RFC 9114 section 6.1: a server opens none.
    fn poll_open_bidi(&mut self, _: &mut Context<'_>) -> Poll<Result<Exchange, StreamErrorIncoming>> {
        Poll::Ready(Err(StreamErrorIncoming::Unknown("a server opens no two-way stream".into())))
    }

    fn poll_open_send(&mut self, context: &mut Context<'_>) -> Poll<Result<Sent, StreamErrorIncoming>> {
        let quic = &self.quic;
        let opened = ready!(poll_once(&mut self.opening, context, || {
            let quic = quic.clone();
            Box::pin(async move { quic.open_uni().await })
        }));
        let sent = opened.map_err(connection_error).and_then(Sent::new);
        Poll::Ready(sent.map_err(|connection_error| StreamErrorIncoming::ConnectionErrorIncoming { connection_error }))
    }

    fn close(&mut self, code: Code, reason: &[u8]) {
        self.quic.close(number(code.value()), reason);
    }
}

/// Both ways of a request's stream.
pub struct Exchange {
    sent: Sent,
    received: Received,
}

impl quic::BidiStream<Bytes> for Exchange {
    type SendStream = Sent;
    type RecvStream = Received;

    fn split(self) -> (Sent, Received) {
        (self.sent, self.received)
    }
}

impl quic::RecvStream for Exchange {
    type Buf = Bytes;

    fn poll_data(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Bytes>, StreamErrorIncoming>> {
        self.received.poll_data(context)
    }

    fn stop_sending(&mut self, code: u64) {
        self.received.stop_sending(code);
    }

    fn recv_id(&self) -> StreamId {
        self.received.recv_id()
    }
}

impl quic::SendStream<Bytes> for Exchange {
    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), StreamErrorIncoming>> {
        self.sent.poll_ready(context)
    }

    fn send_data<T: Into<WriteBuf<Bytes>>>(&mut self, data: T) -> Result<(), StreamErrorIncoming> {
        self.sent.send_data(data)
    }

    fn poll_finish(&mut self, context: &mut Context<'_>) -> Poll<Result<(), StreamErrorIncoming>> {
        self.sent.poll_finish(context)
    }

    fn reset(&mut self, code: u64) {
        self.sent.reset(code);
    }

    fn send_id(&self) -> StreamId {
        self.sent.send_id()
    }
}

pub struct Received {
    id: StreamId,
    stream: quinn::RecvStream,
    frames: WholeFrames,
    quic: quinn::Connection,
}

impl quic::RecvStream for Received {
    type Buf = Bytes;

    /// Copied out of the packets: a byte of a stream would keep its whole packet.
    fn poll_data(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Bytes>, StreamErrorIncoming>> {
        let mut buffer = [0; limits::QUIC_READ];
        loop {
            let read = ready!(self.stream.poll_read(context, &mut buffer)).map_err(read_error)?;
            if read == 0 {
                let rest = self.frames.rest();
                return Poll::Ready(Ok((!rest.is_empty()).then_some(rest)));
            }
            match self.frames.take(buffer.get(..read).unwrap_or_default()) {
                Ok(Some(bytes)) => return Poll::Ready(Ok(Some(bytes))),
                Ok(None) => {}
                Err(_) => {
                    let code = Code::H3_EXCESSIVE_LOAD.value();
                    self.quic.close(number(code), b"frame too long");
                    return Poll::Ready(Err(lost(ConnectionError::LocallyClosed)));
                }
            }
        }
    }

    fn stop_sending(&mut self, code: u64) {
        let _ = self.stream.stop(number(code)); // an error means that it has ended already
    }

    fn recv_id(&self) -> StreamId {
        self.id
    }
}

/// RFC 9114 section 4.1: what else the client may be sending is not wanted, and nothing is wrong with it.
impl Drop for Received {
    fn drop(&mut self) {
        quic::RecvStream::stop_sending(self, Code::H3_NO_ERROR.value());
    }
}

pub struct Sent {
    id: StreamId,
    stream: quinn::SendStream,
    waiting: Option<WriteBuf<Bytes>>,
    /// The client has all of it, or wants no more.
    taken: Option<Waiting<Option<VarInt>, StoppedError>>,
}

impl Sent {
    fn new(stream: quinn::SendStream) -> Result<Self, ConnectionErrorIncoming> {
        Ok(Self { id: id(stream.id())?, stream, waiting: None, taken: None })
    }
}

impl quic::SendStream<Bytes> for Sent {
    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), StreamErrorIncoming>> {
        while let Some(bytes) = self.waiting.as_mut().filter(Buf::has_remaining) {
            let sent = ready!(Pin::new(&mut self.stream).poll_write(context, bytes.chunk())).map_err(write_error)?;
            bytes.advance(sent);
        }
        self.waiting = None;
        Poll::Ready(Ok(()))
    }

    fn send_data<T: Into<WriteBuf<Bytes>>>(&mut self, data: T) -> Result<(), StreamErrorIncoming> {
        if self.waiting.is_some() {
            return Err(StreamErrorIncoming::Unknown("sent before the stream was ready".into()));
        }
        self.waiting = Some(data.into());
        Ok(())
    }

    fn poll_finish(&mut self, context: &mut Context<'_>) -> Poll<Result<(), StreamErrorIncoming>> {
        let stream = &mut self.stream;
        let taken = ready!(poll_once(&mut self.taken, context, || {
            let _ = stream.finish(); // an error means that it has ended already
            Box::pin(stream.stopped())
        }));
        Poll::Ready(match taken {
            Ok(None) => Ok(()),
            Ok(Some(code)) => Err(StreamErrorIncoming::StreamTerminated { error_code: code.into_inner() }),
            Err(StoppedError::ConnectionLost(error)) => Err(lost(error)),
            Err(error @ StoppedError::ZeroRttRejected) => Err(StreamErrorIncoming::Unknown(error.into())),
        })
    }

    fn reset(&mut self, code: u64) {
        let _ = self.stream.reset(number(code)); // an error means that it has ended already
    }

    fn send_id(&self) -> StreamId {
        self.id
    }
}

fn connection_error(error: ConnectionError) -> ConnectionErrorIncoming {
    match error {
        ConnectionError::ApplicationClosed(closed) => {
            ConnectionErrorIncoming::ApplicationClose { error_code: closed.error_code.into_inner() }
        }
        ConnectionError::TimedOut => ConnectionErrorIncoming::Timeout,
        error => ConnectionErrorIncoming::Undefined(Arc::new(error)),
    }
}

fn lost(error: ConnectionError) -> StreamErrorIncoming {
    StreamErrorIncoming::ConnectionErrorIncoming { connection_error: connection_error(error) }
}

fn read_error(error: ReadError) -> StreamErrorIncoming {
    match error {
        ReadError::Reset(code) => StreamErrorIncoming::StreamTerminated { error_code: code.into_inner() },
        ReadError::ConnectionLost(error) => lost(error),
        error => StreamErrorIncoming::Unknown(error.into()),
    }
}

fn write_error(error: WriteError) -> StreamErrorIncoming {
    match error {
        WriteError::Stopped(code) => StreamErrorIncoming::StreamTerminated { error_code: code.into_inner() },
        WriteError::ConnectionLost(error) => lost(error),
        error => StreamErrorIncoming::Unknown(error.into()),
    }
}

fn number(code: u64) -> VarInt {
    VarInt::from_u64(code).unwrap_or(VarInt::MAX)
}

fn id(id: quinn::StreamId) -> Result<StreamId, ConnectionErrorIncoming> {
    StreamId::try_from(u64::from(VarInt::from(id)))
        .map_err(|_| ConnectionErrorIncoming::InternalError("no stream has this number".to_owned()))
}
