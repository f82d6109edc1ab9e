//! The conversation with one bucket.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{HOST, HeaderName, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, RANGE};
use http::uri::{Authority, Scheme};
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::time::timeout;

use crate::answer::{Found, ObjectHead, Piece, content_length, content_range};
use crate::key::encode_key;
use crate::keys::Keys;
use crate::limits;
use crate::sign::{Payload, sign_request};

/// Where a bucket is, and as whom it is asked.
#[derive(Clone, Debug)]
pub struct Bucket {
    /// `https://host[:port]`, without a path.
    pub endpoint: String,
    pub region: String,
    pub name: String,
    pub credentials: Keys,
    /// Headers of its answers that are read besides those of every object.
    pub passed: Vec<HeaderName>,
}

#[derive(Clone)]
pub struct Origin {
    pub(crate) client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    pub(crate) scheme: Scheme,
    pub(crate) authority: Authority,
    pub(crate) host: HeaderValue,
    pub(crate) bucket: Arc<Bucket>,
    signing: Signing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Signing {
    AsConfigured,
    Never,
}

/// What is asked for.
#[derive(Clone, Debug)]
pub enum Wanted {
    Head,
    /// At most `length` bytes from `first` on.
    Piece {
        first: u64,
        length: u64,
    },
}

/// Of which version.
#[derive(Clone, Debug)]
pub enum Version {
    Any,
    /// Exactly this one.
    Only(HeaderValue),
    /// Any but the one of this entity tag.
    Not(HeaderValue),
    /// Any that was changed after this date.
    Since(HeaderValue),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OriginError {
    NotFound,
    /// It is another version than the one asked for.
    Changed,
    /// The object ends before the piece.
    Beyond,
    /// The store refuses our credentials, or the bucket's policy refuses us.
    Denied,
    /// An error of the store's, after the tries that were allowed.
    Failed,
    /// An answer that contradicts itself or the question.
    Nonsense,
    Away,
    Slow,
}

/// An answer to either question.
pub enum Answer {
    Head(ObjectHead),
    Found(Found),
}

impl Origin {
    /// Fails on an endpoint that is no `http` or `https` origin, and where `https` is needed and the machine has no root
    /// certificates.
    pub fn open(bucket: Bucket) -> std::io::Result<Self> {
        let invalid = |what: &str| std::io::Error::other(format!("{what}: `{}`", bucket.endpoint));
        let uri: Uri = bucket.endpoint.parse().map_err(|_| invalid("not a URL"))?;
        let (Some(scheme), Some(authority)) = (uri.scheme().cloned(), uri.authority().cloned()) else {
            return Err(invalid("not an origin"));
        };
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(limits::CONNECT));
        let builder = HttpsConnectorBuilder::new();
        let connector = if scheme == Scheme::HTTPS {
            builder.with_native_roots()?.https_only().enable_all_versions().wrap_connector(tcp)
        } else {
            builder.with_tls_config(no_tls()?).https_or_http().enable_http1().wrap_connector(tcp)
        };
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(limits::IDLE)
            .pool_timer(TokioTimer::new())
            .pool_max_idle_per_host(limits::IDLE_CONNECTIONS)
            .build(connector);
        let host = HeaderValue::from_str(authority.as_str()).map_err(|_| invalid("not a host"))?;
        Ok(Self { client, scheme, authority, host, bucket: Arc::new(bucket), signing: Signing::AsConfigured })
    }

    /// Asks as a stranger: without a signature, whatever credentials the bucket has.
    #[must_use]
    pub fn unsigned(self) -> Self {
        Self { signing: Signing::Never, ..self }
    }

    pub async fn head(&self, key: &str) -> Result<ObjectHead, OriginError> {
        match self.ask(key, &Wanted::Head, &Version::Any).await? {
            Answer::Head(head) => Ok(head),
            Answer::Found(_) => Err(OriginError::Nonsense),
        }
    }

    pub async fn piece(&self, key: &str, first: u64, length: u64, version: &Version) -> Result<Found, OriginError> {
        match self.ask(key, &Wanted::Piece { first, length }, version).await? {
            Answer::Found(found) => Ok(found),
            Answer::Head(_) => Err(OriginError::Nonsense),
        }
    }

    async fn ask(&self, key: &str, wanted: &Wanted, version: &Version) -> Result<Answer, OriginError> {
        let mut wait = limits::BACKOFF;
        for _ in 0..limits::RETRIES {
            match self.ask_once(key, wanted, version).await {
                Err(OriginError::Failed | OriginError::Away | OriginError::Nonsense) => {}
                answer => return answer,
            }
            tokio::time::sleep(jittered(wait)).await;
            wait *= 4;
        }
        self.ask_once(key, wanted, version).await
    }

    async fn ask_once(&self, key: &str, wanted: &Wanted, version: &Version) -> Result<Answer, OriginError> {
        let request = self.request(key, wanted, version).ok_or(OriginError::Nonsense)?;
        let response = match timeout(limits::HEAD, self.client.request(request)).await {
            Err(_) => return Err(OriginError::Slow),
            Ok(Err(error)) if error.is_connect() => return Err(OriginError::Away),
            Ok(Err(_)) => return Err(OriginError::Failed),
            Ok(Ok(response)) => response,
        };
        if may_be_the_keys(response.status()) {
            self.bucket.credentials.refused();
        }
        read(response, wanted, version, &self.bucket.passed).await
    }

    pub(crate) fn request(&self, key: &str, wanted: &Wanted, version: &Version) -> Option<Request<Full<Bytes>>> {
        let uri = Uri::builder()
            .scheme(self.scheme.clone())
            .authority(self.authority.clone())
            .path_and_query(format!("/{}/{}", encode_key(&self.bucket.name), encode_key(key)))
            .build()
            .ok()?;
        let (mut parts, body) = Request::new(Full::default()).into_parts();
        parts.uri = uri;
        parts.headers.insert(HOST, self.host.clone());
        match wanted {
            Wanted::Head => parts.method = Method::HEAD,
            Wanted::Piece { first, length } => {
                let last = first.saturating_add(*length).saturating_sub(1);
                parts.headers.insert(RANGE, HeaderValue::from_str(&format!("bytes={first}-{last}")).ok()?);
            }
        }
        match version {
            Version::Any => None,
            Version::Only(etag) => parts.headers.insert(IF_MATCH, etag.clone()),
            Version::Not(etag) => parts.headers.insert(IF_NONE_MATCH, etag.clone()),
            Version::Since(date) => parts.headers.insert(IF_MODIFIED_SINCE, date.clone()),
        };
        if self.signing == Signing::AsConfigured {
            sign_request(
                &mut parts,
                Payload::Unsigned,
                &self.bucket.region,
                &self.bucket.credentials.now(),
                SystemTime::now(),
            )?;
        }
        Some(Request::from_parts(parts, body))
    }
}

/// Ended keys are 400 `ExpiredToken` to S3, unknown ones 403.
pub(crate) fn may_be_the_keys(status: StatusCode) -> bool {
    matches!(status, StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
}

/// For plain endpoints: a client that trusts nobody, so that a machine without root certificates serves too.
fn no_tls() -> std::io::Result<rustls::ClientConfig> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let versions = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(std::io::Error::other)?;
    Ok(versions.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth())
}

async fn read(
    response: Response<Incoming>,
    wanted: &Wanted,
    version: &Version,
    passed: &[HeaderName],
) -> Result<Answer, OriginError> {
    let (parts, body) = response.into_parts();
    let error = match (parts.status, wanted) {
        (StatusCode::OK, Wanted::Head) => {
            let size = content_length(&parts.headers).ok_or(OriginError::Nonsense)?;
            return Ok(Answer::Head(ObjectHead::read(&parts.headers, size, passed)));
        }
        (StatusCode::PARTIAL_CONTENT, Wanted::Piece { first, length }) => {
            let (from, to, size) = content_range(&parts.headers).ok_or(OriginError::Nonsense)?;
            let expected = (*length).min(size.saturating_sub(*first));
            if from != *first || to - from + 1 != expected {
                return Err(OriginError::Nonsense);
            }
            let head = ObjectHead::read(&parts.headers, size, passed);
            // What has no name cannot be asked for the rest of.
            if expected < size && !head.is_named() {
                return Err(OriginError::Nonsense);
            }
            return piece(head, body, from, expected).await;
        }
        // A store may answer with the whole where the whole fits the piece.
        (StatusCode::OK, Wanted::Piece { first: 0, length }) => {
            let size = content_length(&parts.headers).filter(|size| size <= length).ok_or(OriginError::Nonsense)?;
            return piece(ObjectHead::read(&parts.headers, size, passed), body, 0, size).await;
        }
        (StatusCode::NOT_MODIFIED, Wanted::Piece { .. }) if matches!(version, Version::Not(_) | Version::Since(_)) => {
            return Ok(Answer::Found(Found::Unchanged(ObjectHead::read(&parts.headers, 0, passed))));
        }
        (StatusCode::NOT_FOUND, _) => OriginError::NotFound,
        (StatusCode::PRECONDITION_FAILED, _) => OriginError::Changed,
        (StatusCode::RANGE_NOT_SATISFIABLE, _) => OriginError::Beyond,
        (StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED, _) => OriginError::Denied,
        (status, _) if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => OriginError::Failed,
        _ => OriginError::Nonsense,
    };
    // Reading a short error to its end keeps the connection; what it says is for the store's own log.
    let _ = timeout(Duration::from_secs(1), Limited::new(body, limits::ERROR_BODY).collect()).await;
    Err(error)
}

async fn piece(head: ObjectHead, body: Incoming, first: u64, expected: u64) -> Result<Answer, OriginError> {
    let room = usize::try_from(expected).map_err(|_| OriginError::Nonsense)?;
    // One buffer of the very size: what is kept is what is counted.
    let mut bytes = Vec::with_capacity(room);
    let mut body = Limited::new(body, room);
    let filled = timeout(limits::BODY, async {
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| OriginError::Failed)?;
            if let Some(data) = frame.data_ref() {
                bytes.extend_from_slice(data);
            }
        }
        Ok(())
    });
    filled.await.map_err(|_| OriginError::Slow)??;
    if bytes.len() != room {
        return Err(OriginError::Failed);
    }
    Ok(Answer::Found(Found::Piece(Piece { head, first, bytes: bytes.into() })))
}

/// Between a half and the whole of the wait, so that many do not come back at one moment.
pub(crate) fn jittered(wait: Duration) -> Duration {
    let nanoseconds = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |age| age.subsec_nanos());
    wait / 2 + (wait / 2) * (nanoseconds % 1000) / 1000
}
