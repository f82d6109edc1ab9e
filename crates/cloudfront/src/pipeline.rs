//! The way of a request at the edge, read from top to bottom: behaviour, limits, function, origin, errors, policies.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use bytes::Bytes;
use cache::Cache;
use http::header::{CONTENT_LENGTH, DATE, SERVER, TRANSFER_ENCODING, VIA};
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use uuid::Uuid;

use crate::answer::{Answer, From, insert};
use crate::body::{self, Body};
use crate::bucket::Buckets;
use crate::errors::Errors;
use crate::key::{covers, normal};
use crate::lambda::Function;
use crate::limits;
use crate::log::{Log, Record};
use crate::policy::{Asked, apply};
use crate::settings::FunctionOutput;
use crate::template::{Behaviour, Distribution, Origin};
use crate::viewer_request::AtViewerRequest;

pub const VIA_TEXT: &str = "1.1 dlocaledgepass.cloudfront.net (CloudFront)";

/// Everything that a request needs, made once.
pub struct Edge {
    pub distribution: Distribution,
    /// One for each behaviour: what runs at viewer-request.
    pub viewer_requests: Vec<Option<AtViewerRequest>>,
    /// One for each origin: the function behind an API.
    pub behind: Vec<Option<Arc<Function>>>,
    pub cache: Arc<Cache<Buckets>>,
    pub errors: Errors,
    pub log: Log,
    pub output: FunctionOutput,
}

/// A request after admission.
pub struct Arrival<'a> {
    pub parts: &'a Parts,
    pub id: &'a str,
    pub ip: String,
    /// The behaviour's number.
    pub number: usize,
    pub behaviour: &'a Behaviour,
}

pub async fn serve(edge: Arc<Edge>, peer: SocketAddr, request: Request<Incoming>) -> Response<Body> {
    let (parts, incoming) = request.into_parts();
    let id = request_id();
    let path = parts.uri.path();
    let normal = normal(path);
    let number = edge.distribution.behaviours.iter().position(|behaviour| covers(&behaviour.pattern, &normal));
    // The default behaviour covers everything.
    let number = number.unwrap_or(edge.distribution.behaviours.len().saturating_sub(1));
    let mut record = Record {
        began: SystemTime::now(),
        id: id.clone(),
        method: parts.method.to_string(),
        path: path.get(..path.floor_char_boundary(1024)).unwrap_or(path).to_owned(),
        behaviour: String::new(),
        function: None,
    };
    let answer = match edge.distribution.behaviours.get(number) {
        Some(behaviour) => {
            record.behaviour.clone_from(&behaviour.pattern);
            let ip = peer.ip().to_string();
            let arrival = Arrival { parts: &parts, id: &id, ip, number, behaviour };
            edge.answer(&arrival, incoming, &mut record).await
        }
        None => Answer::error(StatusCode::BAD_GATEWAY, From::Error, "the distribution has no behaviour"),
    };
    edge.log.write(&record, answer.status.as_u16(), answer.from.as_str(), answer.why.as_deref());
    sent(&parts.method, answer, &id)
}

impl Edge {
    async fn answer(&self, arrival: &Arrival<'_>, incoming: Incoming, record: &mut Record) -> Answer {
        if let Some(refused) = refused(arrival) {
            return refused;
        }
        let asked = asked(arrival.parts);
        let asked = match self.viewer_request(arrival, asked, record).await {
            Ok(asked) => asked,
            Err(answer) => return *answer,
        };
        let mut answer = match self.distribution.origins.get(arrival.behaviour.origin) {
            Some(Origin::Bucket(bucket)) => self.object(arrival, bucket, &asked).await,
            Some(Origin::Api(api)) => self.api(arrival, api, &asked, incoming).await,
            None => Answer::error(StatusCode::BAD_GATEWAY, From::Error, "the behaviour has no origin"),
        };
        if answer.status.is_client_error() || answer.status.is_server_error() {
            answer = self.custom_error(answer).await;
        }
        if let Some(policy) = &arrival.behaviour.response {
            apply(policy, &arrival.parts.method, &asked.headers, &mut answer.headers);
        }
        answer
    }
}

/// What CloudFront refuses before anything else.
/// https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/RequestAndResponseBehaviorCustomOrigin.html
fn refused(arrival: &Arrival<'_>) -> Option<Answer> {
    let parts = arrival.parts;
    let error = |status, why: &str| Some(Answer::error(status, From::Error, why));
    let url = parts.uri.path_and_query().map_or(1, |target| target.as_str().len());
    let headers: usize = parts.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    if url > limits::URL || url + headers > limits::HEAD {
        return error(StatusCode::PAYLOAD_TOO_LARGE, "the URL is longer than 8,192 bytes or the head than 20,480");
    }
    if !arrival.behaviour.allowed.contains(&parts.method) {
        return error(
            StatusCode::FORBIDDEN,
            "this distribution is not configured to allow the HTTP request method that was used for this request",
        );
    }
    let has_body = parts.headers.get(CONTENT_LENGTH).is_some_and(|length| length != "0")
        || parts.headers.contains_key(TRANSFER_ENCODING);
    if parts.method == Method::GET && has_body {
        return error(StatusCode::FORBIDDEN, "a GET request has a body");
    }
    None
}

fn asked(parts: &Parts) -> Asked {
    let mut headers = parts.headers.clone();
    // HTTP/2 has the host in its target.
    if let Some(authority) = parts.uri.authority()
        && let Ok(host) = HeaderValue::from_str(authority.as_str())
    {
        headers.insert(http::header::HOST, host);
    }
    Asked { uri: parts.uri.path().to_owned(), query: parts.uri.query().unwrap_or_default().to_owned(), headers }
}

/// The answer with what every answer of CloudFront's has.
fn sent(method: &Method, answer: Answer, id: &str) -> Response<Body> {
    let Answer { status, mut headers, body, from, .. } = answer;
    headers.entry(SERVER).or_insert(HeaderValue::from_static("CloudFront"));
    insert(&mut headers, DATE, httpdate::fmt_http_date(SystemTime::now()));
    headers.insert(VIA, HeaderValue::from_static(VIA_TEXT));
    headers.insert(HeaderName::from_static("x-cache"), HeaderValue::from_static(from.as_str()));
    insert(&mut headers, HeaderName::from_static("x-amz-cf-id"), id.to_owned());
    let bare = method == Method::HEAD || status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED;
    if status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED {
        headers.remove(CONTENT_LENGTH);
    }
    let mut response = Response::new(if bare { body::bytes(Bytes::new()) } else { body });
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

/// 56 characters, as CloudFront's are.
fn request_id() -> String {
    let mut random = Vec::with_capacity(40);
    for _ in 0..3 {
        random.extend_from_slice(Uuid::new_v4().as_bytes());
    }
    random.truncate(40);
    URL_SAFE.encode(random)
}
