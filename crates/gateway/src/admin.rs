//! The admin listener: metrics, health and what can be changed, for operators alone.
//!
//! It answers only to names and addresses of its own, and to no web page, so that a page cannot reach it through a name that it
//! points here (DNS rebinding).

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HOST, ORIGIN, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::time::{Duration, sleep, timeout};

use crate::admin_changes;
use crate::listen::told_to_stop;
use crate::metrics::Size;
use crate::pipeline::{Live, Pipeline};
use crate::settings::ReloadRequest;

/// Connections of operators and scrapers at one time, and how long each may last.
const CONNECTIONS: usize = 64;
const CONNECTION: Duration = Duration::from_secs(60);
const HEAD: Duration = Duration::from_secs(10);

/// Whom a request to reload goes to.
type Reload = Option<SyncSender<ReloadRequest>>;

pub async fn serve(
    live: Arc<Live>,
    reload: Reload,
    socket: TcpListener,
    mut stop: watch::Receiver<bool>,
) -> io::Result<()> {
    let address = socket.local_addr()?;
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let accepted = tokio::select! {
            accepted = socket.accept() => accepted,
            () = told_to_stop(&mut stop) => return Ok(()),
        };
        let (Ok((stream, _)), Ok(place)) = (accepted, Arc::clone(&places).try_acquire_owned()) else {
            sleep(Duration::from_millis(10)).await;
            continue;
        };
        let (live, reload) = (Arc::clone(&live), reload.clone());
        tokio::spawn(async move {
            let _place = place;
            let service = service_fn(|request| {
                let (pipeline, reload) = (live.load_full(), reload.as_ref());
                async move { Ok::<_, Infallible>(answer(&pipeline, reload, address, request).await) }
            });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD)
                .serve_connection(TokioIo::new(stream), service);
            let _ = timeout(CONNECTION, connection).await; // a client that hung up, or stayed too long
        });
    }
}

async fn answer(
    pipeline: &Arc<Pipeline>,
    reload: Option<&SyncSender<ReloadRequest>>,
    address: SocketAddr,
    request: Request<Incoming>,
) -> Response<Full<Bytes>> {
    if request.headers().contains_key(ORIGIN) || !is_own_name(&request, address) {
        return text(StatusCode::FORBIDDEN, "text/plain", "not from a web page, and by this listener's own name\n");
    }
    if let change @ ("/revocations" | "/reload") = request.uri().path() {
        if request.method() != Method::POST {
            return text(StatusCode::METHOD_NOT_ALLOWED, "text/plain", "POST alone\n");
        }
        let (status, body) = match change {
            "/reload" => admin_changes::reload(pipeline, reload, request).await,
            _ => admin_changes::revoke(pipeline, request).await,
        };
        return text(status, "application/json", format!("{body}\n"));
    }
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return text(StatusCode::METHOD_NOT_ALLOWED, "text/plain", "GET and HEAD alone\n");
    }
    match request.uri().path() {
        "/metrics" => {
            let metrics = pipeline.metrics.text(|size| pipeline.size(size));
            text(StatusCode::OK, "application/openmetrics-text; version=1.0.0; charset=utf-8", metrics)
        }
        "/health/live" => text(StatusCode::OK, "text/plain", "live\n"),
        "/health/ready" if pipeline.is_ready() => text(StatusCode::OK, "text/plain", "ready\n"),
        "/health/ready" => text(StatusCode::SERVICE_UNAVAILABLE, "text/plain", "an issuer's keys are not loaded yet\n"),
        _ => text(
            StatusCode::NOT_FOUND,
            "text/plain",
            "there are /metrics, /health/live, /health/ready, POST /revocations and POST /reload\n",
        ),
    }
}

/// `localhost`, an address, or nothing that a page's name could be.
fn is_own_name(request: &Request<Incoming>, address: SocketAddr) -> bool {
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
    let name = name.map_or(host, |(name, _)| name);
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    name == "localhost" || bare.parse::<IpAddr>().is_ok() || host == address.to_string()
}

fn text(status: StatusCode, media_type: &'static str, text: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(text.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

impl Pipeline {
    /// Zeros without a disk cache.
    fn disk(&self) -> cache::DiskFigures {
        self.cache.disk().unwrap_or_default()
    }

    fn size(&self, size: Size) -> u64 {
        match size {
            Size::LogDropped => self.log.dropped(),
            Size::CacheBytes => self.cache.weight().0,
            Size::CacheItems => self.cache.items() as u64,
            Size::DiskBytes => self.disk().bytes,
            Size::DiskRecords => self.disk().entries,
            Size::DiskHits => self.disk().hits,
            Size::DiskMisses => self.disk().misses,
            Size::DiskSkipped => self.disk().skipped,
            Size::DiskErrors => self.disk().errors,
            Size::DiskDamaged => self.disk().damaged,
            Size::DiskFailing => u64::from(self.disk().failing),
            Size::Tokens => self.memory.len() as u64,
            Size::Revocations => self.revocations.status().entries as u64,
            Size::UsedTokens => self.used.status().entries as u64,
            Size::JournalFaults => {
                u64::from(self.revocations.status().fault.is_some()) + u64::from(self.used.status().fault.is_some())
            }
            Size::HookAnswers => self.site.hooks.remembered() as u64,
            Size::KeyFailures => self.keyring.status().iter().map(|status| u64::from(status.failures)).sum(),
        }
    }
}
