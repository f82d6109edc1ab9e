//! A store, an emulator before it, and a viewer.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings, UriPathNormalizationMode,
    sign,
};
use aws_sigv4::sign::v4;
use bytes::Bytes;
use cloudfront::{Fault, Running, Settings, Template};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::templates::{BOOTSTRAP, EDGE, TEMPLATE};

pub const SECRET: &str = "between-edge-and-function";

pub struct Site {
    pub address: SocketAddr,
    pub store: SocketAddr,
    pub log: Text,
    pub output: Text,
    running: Running,
    stop_store: oneshot::Sender<()>,
    storing: JoinHandle<()>,
    dir: PathBuf,
}

/// What was written, as far as it came.
#[derive(Clone, Default)]
pub struct Text(Arc<Mutex<String>>);

impl Text {
    pub fn get(&self) -> String {
        self.0.lock().unwrap().clone()
    }

    fn push(&self, text: &str) {
        self.0.lock().unwrap().push_str(text);
    }
}

impl Write for Text {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.push(std::str::from_utf8(bytes).unwrap());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("{} {:?}", self.status, self.body))
    }
}

/// The template of the tests, with changes.
pub fn changed(changes: &[(&str, &str)]) -> String {
    changes.iter().fold(TEMPLATE.to_owned(), |template, (from, to)| {
        assert!(template.contains(from), "{from}");
        template.replacen(from, to, 1)
    })
}

pub fn template(text: impl Into<String>) -> Template {
    Template { name: "template.yaml".into(), text: text.into(), region: "us-east-1".into() }
}

fn write_functions(dir: &std::path::Path) -> BTreeMap<String, PathBuf> {
    let (edge, regional) = (dir.join("edge"), dir.join("regional"));
    std::fs::create_dir_all(&edge).unwrap();
    std::fs::create_dir_all(&regional).unwrap();
    std::fs::write(edge.join("index.mjs"), EDGE).unwrap();
    std::fs::write(regional.join("bootstrap"), BOOTSTRAP).unwrap();
    std::fs::set_permissions(regional.join("bootstrap"), PermissionsExt::from_mode(0o755)).unwrap();
    [("EdgeFunction".to_owned(), edge), ("RegionalFunction".to_owned(), regional)].into()
}

/// Settings whose store is at that address.
pub fn settings(
    templates: Vec<Template>,
    store: SocketAddr,
    dir: &std::path::Path,
    log: &Text,
    output: &Text,
) -> Settings {
    let store = cloudfront::Store {
        endpoint: format!("http://{store}"),
        region: "us-east-1".into(),
        bucket: "files".into(),
        credentials: Credentials::new("AK", "SK", None, None, "test"),
    };
    let output = output.clone();
    Settings {
        templates,
        parameters: BTreeMap::new(),
        secrets: [("OriginSecret".to_owned(), SECRET.to_owned())].into(),
        functions: write_functions(dir),
        key_values: [("KeyValueStore".to_owned(), [("app".to_owned(), "s3cret".to_owned())].into())].into(),
        stores: [("Bucket".to_owned(), store.clone()), ("second-bucket".to_owned(), store)].into(),
        function_credentials: Credentials::new(
            "FUNCTION-AK",
            "FUNCTION-SK",
            Some("FUNCTION-TOKEN".into()),
            None,
            "test",
        ),
        node: "node".into(),
        log: Box::new(log.clone()),
        output: Arc::new(move |id, line| output.push(&format!("{id}: {line}\n"))),
    }
}

/// Why the template does not start.
pub fn fault(changes: &[(&str, &str)]) -> Fault {
    fault_of(vec![template(changed(changes))])
}

pub fn fault_of(templates: Vec<Template>) -> Fault {
    let dir = scratch();
    let nowhere = "127.0.0.1:9".parse().unwrap();
    let settings = settings(templates, nowhere, &dir, &Text::default(), &Text::default());
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    // Asked within a runtime as well as without one.
    let start = || {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        cloudfront::start(settings, listener, runtime.handle()).err()
    };
    let fault = std::thread::scope(|scope| scope.spawn(start).join().unwrap());
    std::fs::remove_dir_all(dir).unwrap();
    fault.unwrap_or_else(|| panic!("it starts"))
}

pub fn scratch() -> PathBuf {
    let dir = std::env::temp_dir().join(format!("edgepass-cloudfront-test-{}", uuid::Uuid::new_v4()));
    std::fs::create_dir_all(&dir).unwrap();
    dir
}

impl Site {
    pub async fn start(changes: &[(&str, &str)]) -> Self {
        Self::of(vec![template(changed(changes))]).await
    }

    pub async fn of(templates: Vec<Template>) -> Self {
        let dir = scratch();
        let store = store::Store::open(store::Settings {
            dir: dir.join("store"),
            region: "us-east-1".into(),
            access_key: "AK".into(),
            secret_key: secrecy::SecretString::from("SK"),
        });
        let store = store.unwrap();
        store.ensure_bucket("files", &[]).unwrap();
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let store_address = socket.local_addr().unwrap();
        let (stop_store, stopped) = oneshot::channel::<()>();
        let storing = tokio::spawn(async move { store.serve(socket, async { drop(stopped.await) }).await.unwrap() });
        let (log, output) = (Text::default(), Text::default());
        let settings = settings(templates, store_address, &dir, &log, &output);
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let running =
            cloudfront::start(settings, listener, &Handle::current()).unwrap_or_else(|fault| panic!("{fault}"));
        Self { address, store: store_address, log, output, running, stop_store, storing, dir }
    }

    pub async fn stop(self) {
        self.running.stop().await;
        drop(self.stop_store);
        self.storing.await.unwrap();
        std::fs::remove_dir_all(self.dir).unwrap();
    }

    /// Puts an object into the store, behind the emulator's back. `headers` are those of the object.
    pub async fn put(&self, key: &str, body: impl Into<Bytes>, headers: &[(&str, &str)]) {
        let mut settings = SigningSettings::default();
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        let identity = Credentials::new("AK", "SK", None, None, "test").into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region("us-east-1")
            .name("s3")
            .time(SystemTime::now())
            .settings(settings)
            .build()
            .unwrap()
            .into();
        let host = self.store.to_string();
        let target = format!("/files/{key}");
        let url = format!("http://{host}{target}");
        let signed = [("host", host.as_str())].into_iter();
        let signable = SignableRequest::new("PUT", &url, signed, SignableBody::UnsignedPayload).unwrap();
        let (instructions, _) = sign(signable, &params).unwrap().into_parts();
        let mut all: Vec<(&str, &str)> = instructions.headers().collect();
        all.extend(headers);
        let answer = send(self.store, "PUT", &target, &all, body.into()).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }

    pub async fn ask(&self, method: &str, target: &str, headers: &[(&str, &str)]) -> Answer {
        send(self.address, method, target, headers, Bytes::new()).await
    }

    pub async fn get(&self, target: &str) -> Answer {
        self.ask("GET", target, &[]).await
    }

    /// As somebody with a token that is let through.
    pub async fn read(&self, target: &str, headers: &[(&str, &str)]) -> Answer {
        let mut all = vec![("authorization", "Bearer good-token")];
        all.extend(headers);
        self.ask("GET", target, &all).await
    }

    pub fn log_lines(&self) -> Vec<serde_json::Value> {
        self.log.get().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

pub async fn send(to: SocketAddr, method: &str, target: &str, headers: &[(&str, &str)], body: Bytes) -> Answer {
    let stream = TcpStream::connect(to).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    let connection = tokio::spawn(connection);
    let mut request = Request::builder().method(method).uri(target);
    if !headers.iter().any(|(name, _)| *name == "host") {
        request = request.header("host", to.to_string());
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = sender.send_request(request.body(Full::new(body)).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    drop(sender);
    let _ = connection.await;
    Answer { status: parts.status, headers: parts.headers, body }
}

/// Waits for something to become true, for at most ten seconds.
pub async fn until(mut holds: impl FnMut() -> bool) -> bool {
    let began = Instant::now();
    while !holds() {
        if began.elapsed() > Duration::from_secs(10) {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    true
}

/// Whether the process is there; one that nobody has reaped is not.
pub fn is_running(pid: u64) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|rest| !rest.trim_start().starts_with('Z') && !rest.is_empty())
}
