//! Listens, and gives each connection its limits. HTTP/1.1, and HTTP/2 with prior knowledge.

use crate::front::Front;
use crate::limits;
use crate::patience::Patient;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// Until `stop` is ready; then requests in flight may finish, within `limits::STOP_TIME`.
pub(crate) async fn serve(front: Arc<Front>, listener: TcpListener, stop: impl Future<Output = ()>) -> io::Result<()> {
    let (stopping, stopped) = watch::channel(());
    let slots = Arc::new(Semaphore::new(limits::CONNECTIONS));
    let mut connections = JoinSet::new();
    let mut stop = pin!(stop);
    loop {
        let accepted = tokio::select! {
            () = &mut stop => break,
            accepted = accept(&listener, &slots) => accepted,
        };
        while connections.try_join_next().is_some() {}
        let Some((stream, slot)) = accepted else { continue };
        let (front, stopped) = (Arc::clone(&front), stopped.clone());
        connections.spawn(async move {
            connection(front, stream, stopped).await;
            drop(slot);
        });
    }
    drop(listener);
    drop(stopping);
    let all_done = async { while connections.join_next().await.is_some() {} };
    // Those that do not end in time are dropped with the set.
    let _ = timeout(limits::STOP_TIME, all_done).await;
    Ok(())
}

async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> Option<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let slot = Arc::clone(slots).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => Some((stream, slot)),
        Err(error) => {
            // The peer is gone already, or we are out of descriptors: wait for some to come back.
            eprintln!("store: accept: {error}");
            sleep(Duration::from_millis(50)).await;
            None
        }
    }
}

async fn connection(front: Arc<Front>, stream: TcpStream, mut stopped: watch::Receiver<()>) {
    let _ = stream.set_nodelay(true);
    let mut server = auto::Builder::new(TokioExecutor::new());
    server
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits::HEADER_TIME)
        .max_buf_size(limits::HEADER_BYTES)
        .max_headers(limits::HEADERS);
    server
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits::HTTP2_STREAMS)
        .max_header_list_size(u32::try_from(limits::HEADER_BYTES).unwrap_or(u32::MAX))
        .keep_alive_interval(limits::HEADER_TIME)
        .keep_alive_timeout(limits::HEADER_TIME);
    let service = service_fn(move |request| {
        let front = Arc::clone(&front);
        async move { Ok::<_, Infallible>(front.answer(request).await) }
    });
    let mut connection =
        pin!(server.serve_connection(
            TokioIo::new(Patient::new(stream, limits::HEADER_TIME, limits::CONNECTION_STALL)),
            service
        ));
    tokio::select! {
        // Whatever ends a connection early is the peer's affair.
        _ = connection.as_mut() => return,
        _ = stopped.changed() => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}
