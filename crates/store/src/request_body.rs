//! The body of a request, with patience that ends: no byte for a while, and it breaks off. A refused upload is read on
//! and thrown away within limits: a sender that is cut off sees a broken connection and never the refusal.

use crate::limits;
use crate::receive::Stalled;
use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use s3s::StdError;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::time::{Instant, Sleep, sleep};

pub(crate) struct RequestBody {
    incoming: Option<Incoming>,
    patience: Pin<Box<Sleep>>,
    waiting: bool,
    on_refusal: OnRefusal,
}

/// What happens to a body that is dropped before its end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum OnRefusal {
    /// Its sender waits for a `100 Continue`, and has not begun to send.
    Unasked,
    Drain,
}

impl RequestBody {
    pub(crate) fn new(incoming: Incoming, request: &http::request::Parts) -> Self {
        let expects = request.headers.contains_key(http::header::EXPECT);
        let on_refusal = if expects { OnRefusal::Unasked } else { OnRefusal::Drain };
        Self { incoming: Some(incoming), patience: Box::pin(sleep(limits::BODY_STALL)), waiting: false, on_refusal }
    }
}

impl http_body::Body for RequestBody {
    type Data = Bytes;
    type Error = StdError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, StdError>>> {
        // Once asked for, a body comes, whatever its sender expected first.
        if self.on_refusal == OnRefusal::Unasked {
            self.on_refusal = OnRefusal::Drain;
        }
        let Some(incoming) = self.incoming.as_mut() else { return Poll::Ready(None) };
        if let Poll::Ready(frame) = Pin::new(incoming).poll_frame(cx) {
            self.waiting = false;
            if !matches!(frame, Some(Ok(_))) {
                self.incoming = None;
            }
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        if !self.waiting {
            self.waiting = true;
            self.patience.as_mut().reset(Instant::now() + limits::BODY_STALL);
        }
        if self.patience.as_mut().poll(cx).is_ready() {
            self.incoming = None;
            return Poll::Ready(Some(Err(Stalled.into())));
        }
        Poll::Pending
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.as_ref().is_none_or(Incoming::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.as_ref().map_or_else(|| SizeHint::with_exact(0), Incoming::size_hint)
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        let Some(incoming) = self.incoming.take().filter(|incoming| !incoming.is_end_stream()) else { return };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        if self.on_refusal == OnRefusal::Drain {
            runtime.spawn(tokio::time::timeout(limits::DRAIN_TIME, drain(incoming)));
        }
    }
}

async fn drain(mut incoming: Incoming) {
    let mut left = limits::DRAIN_BYTES;
    while let Some(Ok(frame)) = incoming.frame().await {
        let length = frame.data_ref().map_or(0, Bytes::len);
        match left.checked_sub(length) {
            Some(less) => left = less,
            None => return,
        }
    }
}
