//! Lambda's Runtime API, for one instance on a port of its own.
//! https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};

use crate::lambda::Failure;
use crate::limits;

/// An event on its way to the instance.
pub struct Call {
    pub id: String,
    pub event: Bytes,
    pub timeout: Duration,
    pub answer: oneshot::Sender<Result<Bytes, Failure>>,
}

/// An event's id, and who waits for its answer.
type UnderWay = (String, oneshot::Sender<Result<Bytes, Failure>>);

/// What the instance's process and whoever calls it have between them.
pub struct Desk {
    arn: HeaderValue,
    calls: tokio::sync::Mutex<mpsc::Receiver<Call>>,
    current: Mutex<Option<UnderWay>>,
    /// Told once: the instance asks for its first event, or cannot.
    ready: Mutex<Option<oneshot::Sender<Result<(), Failure>>>>,
}

impl Desk {
    pub fn new(arn: &str, calls: mpsc::Receiver<Call>, ready: oneshot::Sender<Result<(), Failure>>) -> Arc<Self> {
        Arc::new(Self {
            arn: HeaderValue::from_str(arn).unwrap_or(HeaderValue::from_static("unknown")),
            calls: tokio::sync::Mutex::new(calls),
            current: Mutex::default(),
            ready: Mutex::new(Some(ready)),
        })
    }

    /// Answers until it is dropped.
    pub async fn serve(self: Arc<Self>, listener: TcpListener) {
        let mut connections = tokio::task::JoinSet::new();
        loop {
            let stream = tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => stream,
                    Err(_) => continue,
                },
                Some(_) = connections.join_next() => continue,
            };
            let desk = Arc::clone(&self);
            let service = service_fn(move |request| {
                let desk = Arc::clone(&desk);
                async move { Ok::<_, Infallible>(desk.answer(request).await) }
            });
            connections.spawn(async move {
                // The process ends its connections as it likes.
                let _ =
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
            });
        }
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (parts, body) = request.into_parts();
        let Some(path) = parts.uri.path().strip_prefix("/2018-06-01/runtime/").map(ToOwned::to_owned) else {
            return status(StatusCode::NOT_FOUND);
        };
        if parts.method == Method::GET && path == "invocation/next" {
            return self.next().await;
        }
        if parts.method != Method::POST {
            return status(StatusCode::METHOD_NOT_ALLOWED);
        }
        // More than Lambda takes is the function's error.
        let body = Limited::new(body, limits::RESULT).collect().await;
        let body = body
            .map_or_else(|_| Err(Failure::Error("the answer is larger than 6 MB".into())), |body| Ok(body.to_bytes()));
        if path == "init/error" {
            self.tell_ready(Err(failure(body)));
            return status(StatusCode::ACCEPTED);
        }
        match path.strip_prefix("invocation/").and_then(|rest| rest.split_once('/')) {
            Some((id, "response")) => self.end(id, body),
            Some((id, "error")) => self.end(id, Err(failure(body))),
            _ => status(StatusCode::NOT_FOUND),
        }
    }

    async fn next(&self) -> Response<Full<Bytes>> {
        self.tell_ready(Ok(()));
        let Some(call) = self.calls.lock().await.recv().await else {
            return status(StatusCode::GONE);
        };
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = Some((call.id.clone(), call.answer));
        let mut response = Response::new(Full::new(call.event));
        let headers = response.headers_mut();
        headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(HeaderName::from_static("lambda-runtime-invoked-function-arn"), self.arn.clone());
        for (name, value) in [
            ("lambda-runtime-aws-request-id", call.id),
            ("lambda-runtime-deadline-ms", deadline(call.timeout).to_string()),
            ("lambda-runtime-trace-id", "Root=1-00000000-000000000000000000000000;Sampled=0".to_owned()),
        ] {
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
        response
    }

    /// Lambda answers 400 `InvalidRequestID` to an answer that nobody waits for.
    fn end(&self, id: &str, outcome: Result<Bytes, Failure>) -> Response<Full<Bytes>> {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner).take_if(|(known, _)| known == id);
        match current {
            Some((_, answer)) => {
                // Nobody listens any more where the time is over.
                let _ = answer.send(outcome);
                status(StatusCode::ACCEPTED)
            }
            None => status(StatusCode::BAD_REQUEST),
        }
    }

    fn tell_ready(&self, ready: Result<(), Failure>) {
        if let Some(sender) = self.ready.lock().unwrap_or_else(PoisonError::into_inner).take() {
            let _ = sender.send(ready); // nobody waits when the emulator is stopping
        }
    }
}

/// `{"errorType": …, "errorMessage": …}` in one line.
fn failure(body: Result<Bytes, Failure>) -> Failure {
    let body = match body {
        Ok(body) => body,
        Err(failure) => return failure,
    };
    let error: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
    let member = |name: &str| error.get(name).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
    Failure::Error(format!("{}: {}", member("errorType"), member("errorMessage")))
}

fn status(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(b"{\"status\":\"\"}")));
    *response.status_mut() = status;
    response.headers_mut().insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Milliseconds since 1970.
fn deadline(timeout: Duration) -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |age| (age + timeout).as_millis())
}
