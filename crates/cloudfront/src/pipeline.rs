//! The way of a request at the edge, read from top to bottom: behaviour, limits, function, cache, origin, policies.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use bytes::Bytes;
use cache::{Cache, CacheError, Conditions, Lookup, ObjectId, Outcome, ServedBytes, WantedBytes};
use http::header::{ACCEPT_RANGES, AGE, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, DATE, ETAG, SERVER, VIA};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::answer::{Answer, From};
use crate::body::{self, Body};
use crate::bucket::{self, Buckets};
use crate::event::{Decision, Invalid, Viewed};
use crate::key::{cache_key, covers, normal, object_key, object_of};
use crate::lambda::{Failure, Function};
use crate::log::{Log, Record};
use crate::policy::{Asked, apply};
use crate::settings::FunctionOutput;
use crate::template::{ApiOrigin, Behaviour, BucketOrigin, Distribution, Origin};
use crate::{edge_event, forward, function_event, http_api, limits};

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

pub enum AtViewerRequest {
    LambdaEdge(Arc<Function>),
    Script(Arc<Function>),
}

/// Errors of origins, for as long as CloudFront would remember them.
#[derive(Default)]
pub struct Errors(Mutex<HashMap<ObjectId, (StatusCode, i64)>>);

/// A request after admission.
struct Arrival<'a> {
    parts: &'a Parts,
    id: &'a str,
    ip: String,
    /// The behaviour's number.
    number: usize,
    behaviour: &'a Behaviour,
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

    /// Runs the behaviour's function before the cache is looked at. What it answers itself is sent as it is, without custom errors or
    /// response headers policies.
    async fn viewer_request(
        &self,
        arrival: &Arrival<'_>,
        asked: Asked,
        record: &mut Record,
    ) -> Result<Asked, Box<Answer>> {
        let Some(Some(function)) = self.viewer_requests.get(arrival.number) else {
            return Ok(asked);
        };
        let method = &arrival.parts.method;
        let viewed = Viewed { id: arrival.id, ip: arrival.ip.clone(), method, asked: &asked };
        let began = Instant::now();
        let (outcome, function, generated, failed) = match function {
            AtViewerRequest::LambdaEdge(function) => {
                let result = function.invoke(edge_event::event(&viewed).to_string().into()).await;
                let read = |result: Bytes| edge_event::read(&result, &viewed);
                (result.map(read), function, From::LambdaGenerated, From::LambdaError)
            }
            AtViewerRequest::Script(function) => {
                let result = function.invoke(function_event::event(&viewed).to_string().into()).await;
                let read = |result: Bytes| function_event::read(&result, &viewed);
                (result.map(read), function, From::FunctionGenerated, From::FunctionError)
            }
        };
        record.function = Some(began.elapsed());
        let answer = match outcome {
            Ok(Ok(Decision::Forward(asked))) => return Ok(asked),
            Ok(Ok(Decision::Answer(made))) => Answer::generated(made, generated),
            // https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/http-502-lambda-validation-error.html
            Ok(Err(Invalid(why))) => {
                (self.output)(function.id(), &format!("CloudFront refuses the function's answer: {why}"));
                Answer::error(StatusCode::BAD_GATEWAY, From::Error, format!("the function's answer is refused: {why}"))
            }
            Err(failure) => {
                (self.output)(function.id(), &format!("the function failed: {failure:?}"));
                Answer::error(StatusCode::SERVICE_UNAVAILABLE, failed, words(&failure))
            }
        };
        Err(Box::new(answer))
    }

    async fn api(&self, arrival: &Arrival<'_>, api: &ApiOrigin, asked: &Asked, incoming: Incoming) -> Answer {
        let Some(Some(function)) = self.behind.get(arrival.behaviour.origin) else {
            return Answer::error(StatusCode::BAD_GATEWAY, From::Error, "the API has no function");
        };
        if !api.knows_host(&arrival.behaviour.cache.headers) || !api.knows_host(&arrival.behaviour.request.headers) {
            return http_api::refused(StatusCode::FORBIDDEN, "Forbidden", "the viewer's Host is sent to the API");
        }
        let collected = Limited::new(incoming, limits::BODY).collect();
        let body = match tokio::time::timeout(limits::BODY_WITHIN, collected).await {
            Ok(Ok(body)) => body.to_bytes(),
            Ok(Err(_)) => {
                let why = "the body was cut short, or is larger than the emulator takes";
                return http_api::refused(StatusCode::PAYLOAD_TOO_LARGE, "Request Too Long", why);
            }
            Err(_) => return Answer::error(StatusCode::REQUEST_TIMEOUT, From::Error, "the body did not arrive"),
        };
        let mut headers = forward::headers(arrival.behaviour, asked, arrival.id, &arrival.ip);
        for (name, value) in &api.headers {
            headers.insert(name, value.clone());
        }
        let incoming = http_api::Incoming {
            id: arrival.id,
            method: &arrival.parts.method,
            path: &asked.uri,
            query: &forward::query(arrival.behaviour, asked),
            headers: &headers,
            body,
            now: OffsetDateTime::now_utc(),
        };
        let outcome = function.invoke(http_api::event(api, &incoming).to_string().into()).await;
        if let Err(failure) = &outcome {
            (self.output)(function.id(), &format!("the function failed: {failure:?}"));
        }
        http_api::answer(&arrival.parts.method, outcome)
    }

    /// An object of a bucket: from the cache or the store, as far as it is asked for.
    async fn object(&self, arrival: &Arrival<'_>, bucket: &BucketOrigin, asked: &Asked) -> Answer {
        let method = &arrival.parts.method;
        let root = self.distribution.root_object.as_ref().filter(|_| asked.uri == "/");
        let uri = root.map_or_else(|| asked.uri.clone(), |name| format!("/{name}"));
        let Some(key) = object_key(&bucket.path, &uri) else {
            return s3_error(StatusCode::BAD_REQUEST, "the path is no key in UTF-8");
        };
        if method == Method::OPTIONS {
            return forward::preflight(arrival.behaviour, bucket, &key, asked).await;
        }
        if method != Method::GET && method != Method::HEAD {
            return s3_error(StatusCode::FORBIDDEN, "no policy lets CloudFront write to the bucket");
        }
        if key.is_empty() {
            return list(bucket);
        }
        if !bucket.may_read(&key) {
            return s3_error(StatusCode::FORBIDDEN, "the bucket's policy does not let CloudFront read this key");
        }
        let id = cache_key(&arrival.behaviour.cache, arrival.number, &key, asked);
        // An object that was replaced since the cache last looked is looked at once more: nothing has been sent yet.
        let mut read = self.read(&id, method, &asked.headers).await;
        if matches!(read, Err(CacheError::Changed)) {
            read = self.read(&id, method, &asked.headers).await;
        }
        match read {
            Ok(answer) => answer,
            Err(error) => {
                let status = bucket::status(error, bucket);
                self.remember(id, status, &arrival.behaviour.cache);
                match bucket::words(status) {
                    Some(_) => s3_error(status, &format!("the store: {error:?}")),
                    None => Answer::error(status, From::Error, format!("the store: {error:?}")),
                }
            }
        }
    }

    async fn read(&self, id: &ObjectId, method: &Method, headers: &HeaderMap) -> Result<Answer, CacheError> {
        let now = unix_now();
        let whole_answer = method == Method::GET;
        let wanted = if whole_answer { WantedBytes::of(headers) } else { WantedBytes::Whole };
        let known = self.cache.hit(id.bucket, &id.key, now);
        if known.is_none()
            && let Some(status) = self.errors.recall(id, now)
        {
            return Ok(s3_error(status, "remembered"));
        }
        let mut opened = self.cache.find(id.clone(), whole_answer.then_some(wanted), now).await?;
        let entry = &opened.entry;
        let from = match opened.lookup {
            Lookup::Hit => From::Hit,
            Lookup::Miss => From::Miss,
            Lookup::Revalidated => From::RefreshHit,
        };
        match cache::evaluate(&Conditions::new(headers), &entry.head) {
            Outcome::NotModified => return Ok(with_head(Answer::new(StatusCode::NOT_MODIFIED, from), entry, now)),
            Outcome::Failed => return Ok(s3_error(StatusCode::PRECONDITION_FAILED, "a condition does not hold")),
            Outcome::Proceed => {}
        }
        let served = cache::serve(wanted, headers, &entry.head);
        let size = entry.head.size;
        let (status, first, end) = match served {
            ServedBytes::Whole => (StatusCode::OK, 0, size),
            ServedBytes::Part { first, last } => (StatusCode::PARTIAL_CONTENT, first, last + 1),
            ServedBytes::Unsatisfiable => {
                let mut answer = s3_error(StatusCode::RANGE_NOT_SATISFIABLE, "the range is beyond the object");
                insert(&mut answer.headers, CONTENT_RANGE, format!("bytes */{size}"));
                return Ok(answer);
            }
        };
        let mut answer = with_head(Answer::new(status, from), entry, now);
        answer.headers.insert(CONTENT_LENGTH, (end - first).into());
        if status == StatusCode::PARTIAL_CONTENT {
            insert(&mut answer.headers, CONTENT_RANGE, format!("bytes {first}-{}/{size}", end - 1));
        }
        if whole_answer && first < end {
            if entry.body().is_none() && opened.at_hand.is_none() {
                // The first slice before the head: trouble with it is still an answer, not a cut connection.
                let number = cache::slice_of(first);
                opened.at_hand = Some((number, self.cache.slice(entry, number).await?));
            }
            answer.body = body::stretch(&self.cache, entry, first, end, opened.at_hand);
        }
        Ok(answer)
    }

    /// An error is kept for `ErrorCachingMinTTL`, or ten seconds. 416 and 412 never are; nothing is under a policy that keeps nothing.
    /// https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/custom-error-pages-expiration.html
    fn remember(&self, id: ObjectId, status: StatusCode, policy: &crate::policy::CachePolicy) {
        let custom = self.distribution.errors.iter().find(|custom| custom.status == status);
        let ttl = custom.and_then(|custom| custom.ttl).unwrap_or(limits::ERROR_TTL);
        if policy.max > 0 && ttl > 0 {
            self.errors.keep(id, status, unix_now() + ttl);
        }
    }

    /// The page that the distribution has in the place of an origin's error. Functions do not run for it; a page that cannot be had
    /// leaves the error as it is.
    async fn custom_error(&self, answer: Answer) -> Answer {
        let custom = self.distribution.errors.iter().find(|custom| custom.status == answer.status);
        let Some(page) = custom.and_then(|custom| custom.page.as_ref()) else {
            return answer;
        };
        let behaviours = &self.distribution.behaviours;
        let path = normal(&page.path);
        let Some(number) = behaviours.iter().position(|behaviour| covers(&behaviour.pattern, &path)) else {
            return answer;
        };
        let origin = behaviours.get(number).and_then(|behaviour| self.distribution.origins.get(behaviour.origin));
        let (Some(behaviour), Some(Origin::Bucket(bucket))) = (behaviours.get(number), origin) else {
            return answer;
        };
        let Some(key) = object_key(&bucket.path, &page.path).filter(|key| bucket.may_read(key)) else {
            return answer;
        };
        let plain = Asked { uri: page.path.clone(), query: String::new(), headers: HeaderMap::new() };
        let id = cache_key(&behaviour.cache, number, &key, &plain);
        match self.read(&id, &Method::GET, &plain.headers).await {
            Ok(found) if found.status == StatusCode::OK => {
                Answer { status: page.status, from: From::Error, why: answer.why, ..found }
            }
            _ => answer,
        }
    }
}

impl Errors {
    fn recall(&self, id: &ObjectId, now: i64) -> Option<StatusCode> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (status, until) = *known.get(id)?;
        if now < until {
            return Some(status);
        }
        known.remove(id);
        None
    }

    fn keep(&self, id: ObjectId, status: StatusCode, until: i64) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= limits::ERRORS {
            known.clear();
        }
        known.insert(id, (status, until));
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
        || parts.headers.contains_key(http::header::TRANSFER_ENCODING);
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

fn words(failure: &Failure) -> &'static str {
    match failure {
        Failure::Error(_) => "the function failed: see its output",
        Failure::TimedOut => "the function took longer than its timeout",
        Failure::Throttled => "all instances of the function are busy",
    }
}

/// With `s3:ListBucket` the bucket's root is a list of its keys, which is not made here; that there would be one is said.
fn list(bucket: &BucketOrigin) -> Answer {
    if !bucket.lists {
        return s3_error(StatusCode::FORBIDDEN, "the bucket's root");
    }
    let text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult><!-- S3 would list the bucket's keys here --></ListBucketResult>";
    let why = Some("the bucket's root: S3 would list its keys".to_owned());
    Answer { why, ..Answer::new(StatusCode::OK, From::Miss).with_body("application/xml", text) }
}

fn s3_error(status: StatusCode, why: &str) -> Answer {
    let text = bucket::words(status).unwrap_or_default();
    let mut answer = Answer::new(status, From::Error).with_body("application/xml", text);
    answer.headers.insert(SERVER, HeaderValue::from_static("AmazonS3"));
    answer.why = Some(why.to_owned());
    answer
}

/// What S3 says of the object, and how long it has been here.
fn with_head(mut answer: Answer, entry: &cache::Entry, now: i64) -> Answer {
    let not_modified = answer.status == StatusCode::NOT_MODIFIED;
    for (name, value) in &entry.head.headers {
        if !not_modified || *name != CONTENT_TYPE {
            answer.headers.append(name, value.clone());
        }
    }
    answer.headers.insert(ETAG, entry.head.etag.clone());
    answer.headers.insert(SERVER, HeaderValue::from_static("AmazonS3"));
    if !not_modified {
        answer.headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    }
    if answer.from == From::Hit {
        let told = entry.head.cache_control.as_ref().and_then(|value| value.to_str().ok());
        if let cache::Storing::Keep { seconds } = cache::storing(told, 0) {
            answer.headers.insert(AGE, (now - (entry.fresh_until - seconds)).max(0).into());
        }
    }
    answer
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

fn insert(headers: &mut HeaderMap, name: HeaderName, value: String) {
    if let Ok(value) = HeaderValue::try_from(value) {
        headers.insert(name, value);
    }
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

fn unix_now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |age| i64::try_from(age.as_secs()).unwrap_or(i64::MAX))
}
