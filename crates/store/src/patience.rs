//! A connection whose peer moves no byte, in either direction, for a while is closed. Most of all it closes those that
//! never say anything, and those that ask for much and read nothing.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

pub(crate) struct Patient<S> {
    stream: S,
    stall: Duration,
    deadline: Instant,
    /// May ring early: the deadline moves without it.
    alarm: Pin<Box<Sleep>>,
}

impl<S> Patient<S> {
    /// `first` is the time for the first byte, `stall` that between two.
    pub(crate) fn new(stream: S, first: Duration, stall: Duration) -> Self {
        Self { stream, stall, deadline: Instant::now() + first, alarm: Box::pin(sleep(first)) }
    }

    fn judge<T>(&mut self, cx: &mut Context<'_>, progress: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if progress.is_ready() {
            self.deadline = Instant::now() + self.stall;
            return progress;
        }
        while self.alarm.as_mut().poll(cx).is_ready() {
            if Instant::now() >= self.deadline {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            self.alarm.as_mut().reset(self.deadline);
        }
        Poll::Pending
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let progress = Pin::new(&mut self.stream).poll_read(cx, buf);
        self.judge(cx, progress)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let progress = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.judge(cx, progress)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let progress = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.judge(cx, progress)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    const FIRST: Duration = Duration::from_millis(20);
    const STALL: Duration = Duration::from_millis(200);

    #[tokio::test]
    async fn a_silent_peer_is_given_up_and_a_slow_one_is_not() {
        let (_peer, ours) = tokio::io::duplex(64);
        let began = Instant::now();
        let silent = Patient::new(ours, FIRST, STALL).read_u8().await;
        assert_eq!(silent.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert!(began.elapsed() >= FIRST && began.elapsed() < STALL);

        let (mut peer, ours) = tokio::io::duplex(64);
        let mut ours = Patient::new(ours, FIRST, STALL);
        for _ in 0..3 {
            peer.write_u8(0).await.unwrap();
            ours.read_u8().await.unwrap();
            sleep(FIRST * 2).await;
        }
        let began = Instant::now();
        let deaf = ours.write_all(&[0; 65]).await;
        assert_eq!(deaf.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert!(began.elapsed() >= STALL);
    }
}
