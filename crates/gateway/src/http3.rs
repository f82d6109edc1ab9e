//! HTTP/3 (RFC 9114): the requests of a QUIC connection go the way of all others, through the pipeline.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use front::{Code as Refused, Listener, Refusal};
use h3::error::{Code, StreamError};
use h3::server::{self, RequestResolver, RequestStream};
use http::header::STRICT_TRANSPORT_SECURITY;
use http::{Method, Request, Response};
use http_body::Body as _;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::body::Body;
use crate::limits;
use crate::listen::told_to_stop;
use crate::pipeline::{self, Live};
use crate::quic_streams::{Connection, Exchange, Sent};
use crate::record::Record;
use crate::request_body::RequestBody;
use crate::wire::Flow;

/// Serves a connection to its end: the client's, ours when it rests too long, or after what is under way when told to stop.
pub async fn serve(quic: quinn::Connection, live: Arc<Live>, mut stop: watch::Receiver<bool>) {
    let mut builder = server::builder();
    builder.max_field_section_size(limits::HEADER_LIST.into()).send_grease(false);
    // A client that lets us open no streams would hold this up.
    let built = timeout(limits::HANDSHAKE, builder.build::<_, Bytes>(Connection::new(quic.clone())));
    let Ok(Ok(mut connection)) = built.await else { return };
    let heads = Arc::new(Semaphore::new(limits::HEADS));
    let mut requests = JoinSet::new();
    let mut stopping = false;
    while !(stopping && requests.is_empty()) {
        tokio::select! {
            accepted = connection.accept() => {
                let Ok(Some(resolver)) = accepted else { break };
                requests.spawn(exchange(resolver, quic.clone(), Arc::clone(&live), Arc::clone(&heads)));
            }
            Some(_) = requests.join_next() => {}
            () = told_to_stop(&mut stop), if !stopping => {
                stopping = true;
                // GOAWAY names the first request that will not be answered: the one after the last that came.
                if connection.shutdown(1).await.is_err() {
                    break;
                }
            }
            () = sleep(limits::IDLE), if requests.is_empty() => break,
        }
    }
}

/// One request and its answer. What goes wrong on a stream is its client's affair: the record says how far it came.
async fn exchange(
    resolver: RequestResolver<Connection, Bytes>,
    quic: quinn::Connection,
    live: Arc<Live>,
    heads: Arc<Semaphore>,
) {
    // Each request has its address: a connection may move to another (RFC 9000 section 9).
    let flow = Arc::new(Flow::new(Some(quic.remote_address().ip())));
    let Ok(resolved) = timeout(limits::IDLE, resolve(resolver, heads)).await else {
        return; // the stream is dropped, which stops it
    };
    flow.asked();
    let pipeline = live.load_full();
    let (request, stream) = match resolved {
        Ok(resolved) => resolved,
        Err(error) => {
            // The library has answered, or reset the stream; the record is ours.
            let refusal = match error {
                StreamError::HeaderTooBig { .. } => Refusal::new(Refused::HeadersTooLarge, "head_too_large"),
                _ => Refusal::new(Refused::BadRequest, "head_unreadable"),
            };
            let mut record = Record::begin(&pipeline, flow, Method::GET, String::new());
            record.answered(refusal.code.status(), Some(&refusal));
            return;
        }
    };
    let (mut sent, received) = stream.split();
    let request = request.map(|()| RequestBody::Quic(Box::new(received)));
    let hsts = pipeline.site.hsts.clone();
    let mut response = pipeline::serve(pipeline, Listener::Serves, flow, request).await;
    if let Some(hsts) = hsts {
        response.headers_mut().insert(STRICT_TRANSPORT_SECURITY, hsts);
    }
    if send(&mut sent, response).await.is_none() {
        // So that nobody takes what came for all of it.
        sent.stop_stream(Code::H3_INTERNAL_ERROR);
    }
}

type Resolved = Result<(Request<()>, RequestStream<Exchange, Bytes>), StreamError>;

async fn resolve(resolver: RequestResolver<Connection, Bytes>, heads: Arc<Semaphore>) -> Resolved {
    let _place = heads.acquire_owned().await; // nobody closes it
    resolver.resolve_request().await
}

/// None where it was not sent to its end.
async fn send(stream: &mut RequestStream<Sent, Bytes>, response: Response<Body>) -> Option<()> {
    let (head, mut body) = response.into_parts();
    soon(stream.send_response(Response::from_parts(head, ()))).await?;
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let mut data = frame.ok()?.into_data().unwrap_or_default();
        while !data.is_empty() {
            let piece = data.split_to(data.len().min(limits::QUIC_PIECE));
            soon(stream.send_data(piece)).await?;
        }
    }
    drop(body); // which writes the record
    // It returns when the client has all of it; what is not taken by then goes on as long as the connection does.
    let _ = timeout(limits::LAST_BYTES, stream.finish()).await;
    Some(())
}

async fn soon(write: impl Future<Output = Result<(), StreamError>>) -> Option<()> {
    timeout(limits::WRITE_STALL, write).await.ok()?.ok()
}
