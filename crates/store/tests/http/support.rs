//! A store on a free port in a directory of its own, and a client that signs as an SDK does.

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};
use store::{CorsRule, Settings, Store};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub const BUCKET: &str = "bucket";
pub const APP: &str = "https://app.example.com";

const VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
const PATH: &AsciiSet = &VALUE.remove(b'/');

pub struct Site {
    pub addr: SocketAddr,
    pub dir: PathBuf,
    stop: Option<oneshot::Sender<()>>,
    serving: Option<JoinHandle<()>>,
}

impl Site {
    pub async fn start() -> Self {
        let dir = std::env::temp_dir().join(format!("edgepass-store-{}", uuid::Uuid::new_v4().simple()));
        Self::start_in(dir).await
    }

    pub async fn start_in(dir: PathBuf) -> Self {
        let settings =
            Settings { dir: dir.clone(), region: "us-east-1".into(), access_key: "AK".into(), secret_key: "SK".into() };
        let store = Store::open(settings).unwrap();
        store.ensure_bucket(BUCKET, &[rule()]).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = tokio::spawn(async move {
            store.serve(listener, async { drop(stopped.await) }).await.unwrap();
        });
        Self { addr, dir, stop: Some(stop), serving: Some(serving) }
    }

    /// The directory stays.
    pub async fn stop(mut self) -> PathBuf {
        drop(self.stop.take());
        self.serving.take().unwrap().await.unwrap();
        std::mem::take(&mut self.dir)
    }

    /// Blobs and drafts on disk.
    pub fn files(&self) -> usize {
        count(&self.dir.join("blobs")) + count(&self.dir.join("drafts"))
    }

    pub fn ask(&self, method: &str, target: &str) -> Ask {
        Ask {
            addr: self.addr,
            method: method.parse().unwrap(),
            target: target.to_owned(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
        }
    }

    pub async fn put(&self, key: &str, body: &str) -> Answer {
        self.ask("PUT", &object(key)).body(body.to_owned()).signed().send().await
    }

    pub async fn get(&self, key: &str) -> Answer {
        self.ask("GET", &object(key)).signed().send().await
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if !self.dir.as_os_str().is_empty() {
            let _ = std::fs::remove_dir_all(&self.dir);
        }
    }
}

fn count(dir: &std::path::Path) -> usize {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| if path.is_dir() { count(&path) } else { 1 }).sum()
}

pub fn rule() -> CorsRule {
    CorsRule {
        allowed_origins: vec![APP.into()],
        allowed_methods: ["GET", "HEAD", "PUT", "POST"].map(String::from).into(),
        allowed_headers: vec!["*".into()],
        expose_headers: vec!["ETag".into()],
        max_age_seconds: Some(7200),
        ..CorsRule::default()
    }
}

/// The target of an object, its key encoded as SDKs do.
pub fn object(key: &str) -> String {
    format!("/{BUCKET}/{}", utf8_percent_encode(key, PATH))
}

pub struct Ask {
    addr: SocketAddr,
    method: Method,
    pub target: String,
    pub headers: HeaderMap,
    body: Bytes,
}

impl Ask {
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.append(http::HeaderName::try_from(name).unwrap(), value.parse().unwrap());
        self
    }

    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// A `Content-MD5` that fits the body.
    pub fn digested(self) -> Self {
        use base64::Engine as _;
        use s3s::crypto::Checksum as _;
        let md5 = base64::engine::general_purpose::STANDARD.encode(s3s::crypto::Md5::checksum(&self.body));
        self.header("content-md5", &md5)
    }

    fn sign(
        &self,
        (access_key, secret_key): (&str, &str),
        settings: SigningSettings,
        age: Duration,
        region: &str,
        content: SignableBody<'_>,
    ) -> (HeaderMap, Vec<(String, String)>) {
        let identity = Credentials::new(access_key, secret_key, None, None, "test").into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(region)
            .name("s3")
            .time(SystemTime::now() - age)
            .settings(settings)
            .build()
            .unwrap()
            .into();
        let uri = format!("http://{}{}", self.addr, self.target);
        let headers = self.headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap()));
        let request = SignableRequest::new(self.method.as_str(), &uri, headers, content).unwrap();
        let (instructions, _) = sign(request, &params).unwrap().into_parts();
        let mut added = HeaderMap::new();
        for (name, value) in instructions.headers() {
            added.insert(http::HeaderName::try_from(name).unwrap(), value.parse().unwrap());
        }
        (added, instructions.params().iter().map(|(name, value)| ((*name).to_owned(), value.to_string())).collect())
    }

    /// By header. All headers given before are covered.
    pub fn signed(self) -> Self {
        self.signed_as(Duration::ZERO, "us-east-1")
    }

    pub fn signed_with(self, access_key: &str, secret_key: &str) -> Self {
        self.signed_by((access_key, secret_key), Duration::ZERO, "us-east-1")
    }

    pub fn signed_as(self, age: Duration, region: &str) -> Self {
        self.signed_by(("AK", "SK"), age, region)
    }

    fn signed_by(mut self, pair: (&str, &str), age: Duration, region: &str) -> Self {
        let mut settings = settings();
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        let content = match self.headers.get("x-amz-content-sha256") {
            Some(given) => SignableBody::Precomputed(given.to_str().unwrap().to_owned()),
            None => SignableBody::Bytes(&self.body),
        };
        let (added, _) = self.sign(pair, settings, age, region, content);
        self.headers.extend(added);
        self
    }

    /// By query. All headers given before are covered.
    pub fn presigned(self, life: Duration) -> Self {
        self.presigned_as(life, Duration::ZERO)
    }

    pub fn presigned_as(mut self, life: Duration, age: Duration) -> Self {
        let mut settings = settings();
        settings.signature_location = SignatureLocation::QueryParams;
        settings.expires_in = Some(life);
        let (_, query) = self.sign(("AK", "SK"), settings, age, "us-east-1", SignableBody::UnsignedPayload);
        let mut sign = if self.target.contains('?') { '&' } else { '?' };
        for (name, value) in query {
            self.target = format!("{}{sign}{name}={}", self.target, utf8_percent_encode(&value, VALUE));
            sign = '&';
        }
        self
    }

    pub async fn send(self) -> Answer {
        let stream = TcpStream::connect(self.addr).await.unwrap();
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let (put, length) = (self.method == Method::PUT, self.body.len());
        let mut request = Request::builder().method(self.method).uri(self.target).body(Full::new(self.body)).unwrap();
        *request.headers_mut() = self.headers;
        // The library says nothing of an empty body.
        if put && length == 0 {
            request.headers_mut().insert("content-length", "0".parse().unwrap());
        }
        if !request.headers().contains_key("host") {
            request.headers_mut().insert("host", self.addr.to_string().parse().unwrap());
        }
        let response = sender.send_request(request).await.unwrap();
        let (parts, body) = response.into_parts();
        Answer { status: parts.status, headers: parts.headers, body: body.collect().await.unwrap().to_bytes() }
    }
}

fn settings() -> SigningSettings {
    let mut settings = SigningSettings::default();
    settings.percent_encoding_mode = PercentEncodingMode::Single;
    settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    settings
}

#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// What stands between the first `<TAG>` and its end.
    pub fn tag(&self, name: &str) -> &str {
        let (start, end) = (format!("<{name}>"), format!("</{name}>"));
        let rest = self.text().split_once(&start).map(|(_, rest)| rest);
        rest.and_then(|rest| rest.split_once(&end)).map_or("", |(text, _)| text)
    }

    /// Of each `<TAG>`.
    pub fn tags(&self, name: &str) -> Vec<String> {
        let (start, end) = (format!("<{name}>"), format!("</{name}>"));
        self.text().split(&start).skip(1).map(|rest| rest.split_once(&end).unwrap().0.to_owned()).collect()
    }

    /// Status and the code of the error, as in `403 AccessDenied`.
    pub fn verdict(&self) -> String {
        let code = self.text().split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>"));
        match code {
            Some((code, _)) => format!("{} {code}", self.status.as_u16()),
            None => self.status.as_u16().to_string(),
        }
    }
}
