//! The body of a request, whichever version of HTTP brought it.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use h3::server::RequestStream;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use crate::quic_streams::Received;

pub enum RequestBody {
    /// HTTP/1.1 and HTTP/2.
    Wire(Incoming),
    /// HTTP/3. It is large, and the others shall not be moved about as if they were.
    Quic(Box<RequestStream<Received, Bytes>>),
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match &mut *self {
            Self::Wire(body) => Pin::new(body).poll_frame(context).map_err(Into::into),
            Self::Quic(stream) => Poll::Ready(match ready!(stream.poll_recv_data(context)) {
                Ok(Some(mut data)) => Some(Ok(Frame::data(data.copy_to_bytes(data.remaining())))),
                Ok(None) => None,
                Err(error) => Some(Err(error.into())),
            }),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Wire(body) => body.is_end_stream(),
            Self::Quic(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Wire(body) => body.size_hint(),
            Self::Quic(_) => SizeHint::default(),
        }
    }
}
