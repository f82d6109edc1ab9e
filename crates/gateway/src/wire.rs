//! A connection as the HTTP library sees it, with what the library leaves out: an end to idle connections and to readers that
//! take nothing, and our own words in place of the bare answers that it gives to heads it cannot read.

use std::io::{self, IoSlice};
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

use crate::limits;

/// How far the requests of a connection have come; shared with their records.
#[derive(Debug, Default)]
pub struct Flow {
    /// Requests handed to the pipeline whose answers are not done with.
    open: AtomicU32,
    /// One was handed over since the connection last fell idle: what is written then may be a part of its answer.
    called: AtomicBool,
    /// The address at the other end; none where the system would not say.
    client: Option<IpAddr>,
}

impl Flow {
    pub fn new(client: Option<IpAddr>) -> Self {
        Self { client, ..Self::default() }
    }

    pub fn client(&self) -> Option<IpAddr> {
        self.client
    }

    pub fn asked(&self) {
        self.open.fetch_add(1, Ordering::Relaxed);
        self.called.store(true, Ordering::Relaxed);
    }

    pub fn answered(&self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }

    fn is_open(&self) -> bool {
        self.open.load(Ordering::Relaxed) > 0
    }
}

/// What to say in place of the library's own answer of this status.
pub trait Refuse: Send + Sync {
    /// The whole answer, head and body.
    fn refuse(&self, status: u16) -> Vec<u8>;
}

pub struct Wire<S> {
    stream: S,
    flow: Arc<Flow>,
    refuse: Arc<dyn Refuse>,
    /// Since when nothing is asked and nothing is to be sent.
    idle_since: Option<Instant>,
    /// Since when the other side has taken nothing.
    stalled_since: Option<Instant>,
    timer: Pin<Box<Sleep>>,
    /// Our own answer on its way, and how much of it has gone.
    own: Vec<u8>,
    sent: usize,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    pub fn new(stream: S, flow: Arc<Flow>, refuse: Arc<dyn Refuse>) -> Self {
        Self {
            stream,
            flow,
            refuse,
            idle_since: Some(Instant::now()),
            stalled_since: None,
            timer: Box::pin(sleep(limits::IDLE)),
            own: Vec::new(),
            sent: 0,
        }
    }

    /// Pending until the time of the current wait is up. The timer is moved only when it goes off, not on every request.
    fn poll_time(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        loop {
            let idle = self.idle_since.map(|since| since + limits::IDLE);
            let stalled = self.stalled_since.map(|since| since + limits::WRITE_STALL);
            let Some(deadline) = [idle, stalled].into_iter().flatten().min() else {
                return Poll::Pending;
            };
            if self.timer.deadline() > deadline {
                self.timer.as_mut().reset(deadline);
            }
            ready!(self.timer.as_mut().poll(context));
            if deadline <= Instant::now() {
                return Poll::Ready(io::ErrorKind::TimedOut.into());
            }
            self.timer.as_mut().reset(deadline);
        }
    }

    /// Whether these bytes are an answer of the library's own: no request is under way, and none was since the last flush, so
    /// they belong to none of ours.
    fn own_answer(&self, bytes: &[u8]) -> Option<u16> {
        if self.flow.is_open() || self.flow.called.load(Ordering::Relaxed) || !self.own.is_empty() {
            return None;
        }
        let status = bytes.strip_prefix(b"HTTP/1.1 ").or_else(|| bytes.strip_prefix(b"HTTP/1.0 "))?;
        let status: u16 = std::str::from_utf8(status.get(..3)?).ok()?.parse().ok()?;
        (400..500).contains(&status).then_some(status)
    }

    fn poll_own(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(rest) = self.own.get(self.sent..).filter(|rest| !rest.is_empty()) {
            let sent = ready!(Pin::new(&mut self.stream).poll_write(context, rest))?;
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.sent += sent;
        }
        Poll::Ready(Ok(()))
    }

    fn written(&mut self, result: Poll<io::Result<usize>>, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if result.is_ready() {
            self.stalled_since = None;
            return result;
        }
        self.stalled_since.get_or_insert_with(Instant::now);
        self.poll_time(context).map(Err)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Wire<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.flow.is_open() {
            self.idle_since = None;
        }
        match Pin::new(&mut self.stream).poll_read(context, buffer) {
            Poll::Ready(result) => Poll::Ready(result),
            Poll::Pending => self.poll_time(context).map(Err),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Wire<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if let Some(status) = self.own_answer(bytes) {
            self.own = self.refuse.refuse(status);
            return Poll::Ready(Ok(bytes.len()));
        }
        let result = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.written(result, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let Some(status) = slices.first().and_then(|first| self.own_answer(first)) {
            self.own = self.refuse.refuse(status);
            return Poll::Ready(Ok(slices.iter().map(|slice| slice.len()).sum()));
        }
        let result = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.written(result, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_own(context))?;
        // The library flushes when all that it had to write is written.
        if !self.flow.is_open() && self.flow.called.swap(false, Ordering::Relaxed) {
            self.idle_since = Some(Instant::now());
            // Nobody may read again until bytes come, so the timer is set going from here.
            if let Poll::Ready(error) = self.poll_time(context) {
                return Poll::Ready(Err(error));
            }
        }
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_own(context))?;
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
