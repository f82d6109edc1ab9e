//! The floor under a cached hit: hyper on one thread with bodies in memory and nine fixed header fields. No tokens, no routes, no
//! cache, no log. `bench/run` measures it beside Edgepass; what Edgepass needs more than this is what its own work costs.
//!
//!     bare_hyper HTTP_ADDRESS HTTPS_ADDRESS CERTIFICATE.pem KEY.pem BODIES
//!
//! BODIES is a directory with a file for each body. The last segment of a path begins with the body's name and a hyphen:
//! `/any/where/64k-7.bin` is answered with what `64k` holds.

use std::convert::Infallible;
use std::error::Error;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{
    ACCEPT_RANGES, AGE, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, LAST_MODIFIED, RANGE, VARY,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [plain, tls, certificate, key, bodies] = arguments.as_slice() else {
        return Err("bare_hyper HTTP_ADDRESS HTTPS_ADDRESS CERTIFICATE.pem KEY.pem BODIES".into());
    };
    let acceptor = acceptor(Path::new(certificate), Path::new(key))?;
    let (plain, tls) = (plain.parse::<SocketAddr>()?, tls.parse::<SocketAddr>()?);
    let bodies = Arc::new(Bodies::read(Path::new(bodies))?);
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let (plain, tls) = (TcpListener::bind(plain).await?, TcpListener::bind(tls).await?);
        loop {
            let (stream, acceptor) = tokio::select! {
                taken = plain.accept() => (taken?.0, None),
                taken = tls.accept() => (taken?.0, Some(acceptor.clone())),
            };
            stream.set_nodelay(true)?;
            let bodies = Arc::clone(&bodies);
            tokio::spawn(async move {
                // A generator that hangs up in the middle of an answer is no fault of the server's.
                if let Err(error) = converse(stream, acceptor, bodies).await {
                    eprintln!("a connection ended: {error}");
                }
            });
        }
    })
}

fn acceptor(certificate: &Path, key: &Path) -> Result<TlsAcceptor, Failure> {
    let chain = CertificateDer::pem_file_iter(certificate)?.collect::<Result<Vec<_>, _>>()?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, PrivateKeyDer::from_pem_file(key)?)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

async fn converse(stream: TcpStream, acceptor: Option<TlsAcceptor>, bodies: Arc<Bodies>) -> Result<(), Failure> {
    let service = service_fn(move |request: Request<Incoming>| {
        let answer = bodies.answer(&request);
        async move { Ok::<_, Infallible>(answer) }
    });
    let Some(acceptor) = acceptor else {
        return Ok(http1::Builder::new().serve_connection(TokioIo::new(stream), service).await?);
    };
    let stream = acceptor.accept(stream).await?;
    if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
        Ok(http2::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await?)
    } else {
        Ok(http1::Builder::new().serve_connection(TokioIo::new(stream), service).await?)
    }
}

/// By name.
struct Bodies(Vec<(String, Bytes)>);

impl Bodies {
    fn read(directory: &Path) -> Result<Self, Failure> {
        let mut bodies = Vec::new();
        for file in fs::read_dir(directory)? {
            let file = file?;
            bodies.push((file.file_name().to_string_lossy().into_owned(), Bytes::from(fs::read(file.path())?)));
        }
        Ok(Self(bodies))
    }

    fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        let name = request.uri().path().rsplit('/').next().and_then(|segment| segment.split('-').next());
        let Some((_, body)) = self.0.iter().find(|(known, _)| name == Some(known.as_str())) else {
            return plain(StatusCode::NOT_FOUND);
        };
        let Some(range) = request.headers().get(RANGE) else {
            return full(StatusCode::OK, body.clone(), HeaderMap::new());
        };
        let Some((from, to)) = wanted(range).filter(|(from, to)| from <= to && *to < body.len()) else {
            return plain(StatusCode::RANGE_NOT_SATISFIABLE);
        };
        let Ok(place) = HeaderValue::try_from(format!("bytes {from}-{to}/{}", body.len())) else {
            return plain(StatusCode::INTERNAL_SERVER_ERROR);
        };
        full(StatusCode::PARTIAL_CONTENT, body.slice(from..=to), HeaderMap::from_iter([(CONTENT_RANGE, place)]))
    }
}

/// `bytes=FROM-TO`, the one form that the bench asks for.
fn wanted(range: &HeaderValue) -> Option<(usize, usize)> {
    let (from, to) = range.to_str().ok()?.strip_prefix("bytes=")?.split_once('-')?;
    Some((from.parse().ok()?, to.parse().ok()?))
}

/// Nine fields; `Date` is hyper's own.
fn full(status: StatusCode, body: Bytes, more: HeaderMap) -> Response<Full<Bytes>> {
    let length = HeaderValue::from(body.len());
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.reserve(9);
    headers.extend(more);
    headers.insert(CONTENT_LENGTH, length);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(ETAG, HeaderValue::from_static("\"0123456789abcdef0123456789abcdef\""));
    headers.insert(LAST_MODIFIED, HeaderValue::from_static("Sun, 01 Nov 2026 00:00:00 GMT"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(VARY, HeaderValue::from_static("Authorization, Cookie, Origin"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(AGE, HeaderValue::from_static("60"));
    response
}

fn plain(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}
