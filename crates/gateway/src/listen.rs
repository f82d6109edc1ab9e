//! Accepts connections and hands their requests to the pipeline.
//!
//! Each worker is one thread with its own event loop; all accept from the same sockets, and a connection stays with the worker
//! that took it: no request crosses threads.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;

use front::Listener;
use http::header::{ALT_SVC, STRICT_TRANSPORT_SECURITY};
use http::{HeaderValue, Method};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Duration, Instant, sleep, timeout};

use crate::limits;
use crate::metrics::Metrics;
use crate::pipeline::{Live, serve};
use crate::quic::{self, Http3};
use crate::record::Record;
use crate::request_body::RequestBody;
use crate::respond::unreadable;
use crate::tls::Tls;
use crate::wire::{Flow, Refuse, Wire};

/// A bound socket and how requests on it are treated.
pub struct Door {
    pub socket: StdListener,
    pub tls: Option<Arc<Tls>>,
    pub listener: Listener,
    /// HTTP/3 on the UDP port of the same number; with `tls` alone.
    pub http3: Option<Http3>,
}

impl Door {
    pub fn bind(address: SocketAddr, tls: Option<Arc<Tls>>, listener: Listener) -> io::Result<Self> {
        let socket = StdListener::bind(address)?;
        socket.set_nonblocking(true)?;
        Ok(Self { socket, tls, listener, http3: None })
    }

    pub fn with_http3(self) -> io::Result<Self> {
        let http3 = Some(Http3::bind(self.socket.local_addr()?)?);
        Ok(Self { http3, ..self })
    }
}

/// Starts the workers. They end, with what they are serving, some time after `stop` turns true.
pub fn start_workers(
    live: &Arc<Live>,
    doors: &[Door],
    workers: usize,
    stop: &watch::Receiver<bool>,
) -> io::Result<Vec<JoinHandle<()>>> {
    let open = Arc::new(AtomicUsize::new(0));
    let sockets: Vec<_> = doors.iter().filter_map(|door| door.tls.as_ref().zip(door.http3.as_ref())).collect();
    (0..workers)
        .map(|number| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let mut listeners = Vec::new();
            for door in doors {
                let _entered = runtime.enter();
                let socket = TcpListener::from_std(door.socket.try_clone()?)?;
                let face = Face {
                    listener: door.listener,
                    over_tls: door.tls.is_some(),
                    alternative: door.http3.as_ref().map(|http3| http3.alternative.clone()),
                };
                listeners.push((socket, door.tls.clone(), face));
            }
            let mut endpoints = Vec::new();
            for (tls, http3) in &sockets {
                let _entered = runtime.enter();
                endpoints.push((http3.endpoint(number, tls)?, Arc::clone(tls)));
            }
            let worker = Worker { live: Arc::clone(live), open: Arc::clone(&open), stop: stop.clone() };
            std::thread::Builder::new()
                .name(format!("worker-{number}"))
                .spawn(move || runtime.block_on(worker.run(listeners, endpoints)))
        })
        .collect()
}

/// What the connections of a door are told.
#[derive(Clone)]
struct Face {
    listener: Listener,
    over_tls: bool,
    /// `Alt-Svc` (RFC 7838).
    alternative: Option<HeaderValue>,
}

#[derive(Clone)]
pub struct Worker {
    pub live: Arc<Live>,
    /// Connections of all workers.
    pub open: Arc<AtomicUsize>,
    pub stop: watch::Receiver<bool>,
}

impl Worker {
    async fn run(
        self,
        listeners: Vec<(TcpListener, Option<Arc<Tls>>, Face)>,
        endpoints: Vec<(quinn::Endpoint, Arc<Tls>)>,
    ) {
        let mut doors = JoinSet::new();
        for (socket, tls, face) in listeners {
            doors.spawn(self.clone().accept(socket, tls, face));
        }
        for (endpoint, tls) in endpoints {
            doors.spawn(quic::accept(self.clone(), endpoint, tls));
        }
        while doors.join_next().await.is_some() {}
    }

    async fn accept(mut self, socket: TcpListener, tls: Option<Arc<Tls>>, face: Face) {
        let mut connections = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                accepted = socket.accept() => accepted,
                Some(_) = connections.join_next() => continue,
                () = told_to_stop(&mut self.stop) => break,
            };
            match accepted {
                Ok((stream, address)) => {
                    let Some(place) = Place::take(&self.open, &self.live.load().metrics) else {
                        continue; // dropped, and so closed
                    };
                    connections.spawn(self.clone().connection(stream, address.ip(), tls.clone(), face.clone(), place));
                }
                // Out of file descriptors, most likely: connections that end will free some.
                Err(_) => sleep(Duration::from_millis(50)).await,
            }
        }
        drop(socket);
        let deadline = Instant::now() + limits::DRAIN;
        while let Ok(Some(_)) = tokio::time::timeout_at(deadline, connections.join_next()).await {}
    }

    async fn connection(self, stream: TcpStream, client: IpAddr, tls: Option<Arc<Tls>>, face: Face, _place: Place) {
        // A connection that is gone already does not matter, and that it is shows at the next read.
        let _ = stream.set_nodelay(true);
        match tls {
            None => self.serve(stream, client, face).await,
            Some(tls) => match timeout(limits::HANDSHAKE, tls.acceptor().accept(stream)).await {
                Ok(Ok(stream)) => self.serve(stream, client, face).await,
                Ok(Err(_)) | Err(_) => {
                    self.live.load().metrics.failed_handshakes.inc();
                }
            },
        }
    }

    async fn serve<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
        mut self,
        stream: S,
        client: IpAddr,
        face: Face,
    ) {
        let flow = Arc::new(Flow::new(Some(client)));
        let refuse = Arc::new(Unreadable { live: Arc::clone(&self.live), flow: Arc::clone(&flow) });
        let wire = TokioIo::new(Wire::new(stream, Arc::clone(&flow), refuse));
        let live = Arc::clone(&self.live);
        let service = service_fn(move |request| {
            flow.asked();
            // The one look at what is configured now: the request ends with what it began with.
            let (pipeline, flow) = (live.load_full(), Arc::clone(&flow));
            let hsts = pipeline.site.hsts.clone().filter(|_| face.over_tls);
            let (listener, alternative) = (face.listener, face.alternative.clone());
            async move {
                let mut response = serve(pipeline, listener, flow, request.map(RequestBody::Wire)).await;
                if let Some(hsts) = hsts {
                    response.headers_mut().insert(STRICT_TRANSPORT_SECURITY, hsts);
                }
                if let Some(alternative) = alternative {
                    response.headers_mut().insert(ALT_SVC, alternative);
                }
                Ok::<_, std::convert::Infallible>(response)
            }
        });
        let mut builder = auto::Builder::new(TokioExecutor::new());
        // The library's own bound of 100 header fields is ours; setting it would cost an allocation for each request.
        builder.http1().max_buf_size(limits::HEAD).header_read_timeout(None);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(limits::STREAMS)
            .max_header_list_size(limits::HEADER_LIST)
            .max_send_buf_size(limits::SEND_BUFFER);
        let connection = builder.serve_connection(wire, service);
        tokio::pin!(connection);
        // What goes wrong on a connection is its client's affair: the request's record says how far it came.
        tokio::select! {
            _ = connection.as_mut() => {}
            () = told_to_stop(&mut self.stop) => {
                connection.as_mut().graceful_shutdown();
                let _ = connection.await;
            }
        }
    }
}

/// Returns when `stop` turns true, or when nobody is left to turn it.
pub async fn told_to_stop(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await; // an error means that the gateway is gone
}

/// A connection's place among those that may be open.
pub struct Place {
    open: Arc<AtomicUsize>,
    metrics: Arc<Metrics>,
}

impl Place {
    pub fn take(open: &Arc<AtomicUsize>, metrics: &Arc<Metrics>) -> Option<Self> {
        if open.fetch_add(1, Ordering::Relaxed) >= limits::CONNECTIONS {
            open.fetch_sub(1, Ordering::Relaxed);
            metrics.refused_connections.inc();
            return None;
        }
        metrics.connections.inc();
        Some(Self { open: Arc::clone(open), metrics: Arc::clone(metrics) })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
        self.metrics.connections.dec();
    }
}

/// Words for heads that the HTTP library could not read; they are logged and counted like every answer.
struct Unreadable {
    live: Arc<Live>,
    flow: Arc<Flow>,
}

impl Refuse for Unreadable {
    fn refuse(&self, status: u16) -> Vec<u8> {
        self.flow.asked();
        let mut record = Record::begin(&self.live.load_full(), Arc::clone(&self.flow), Method::GET, String::new());
        let (refusal, answer) = unreadable(status, record.id);
        record.answered(refusal.code.status(), Some(&refusal));
        answer
    }
}
