//! The one place that writes answers: CORS for this request's `Origin`, safe headers, refusals, the request's id.

use std::sync::Arc;

use authorizer::{AllowedOrigin, PREFLIGHT_MAX_AGE};
use cache::{Entry, ServedBytes};
use http::header::{
    ACCEPT_RANGES, ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ALLOW, CACHE_CONTROL,
    CONTENT_LENGTH, CONTENT_RANGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, LOCATION, REFERRER_POLICY, RETRY_AFTER,
    SET_COOKIE, VARY, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};

use crate::body::Body;
use crate::pipeline::Pipeline;
use crate::record::{Id, Record};
use crate::refusal::{Code, Refusal};

const EDGEPASS_ID: HeaderName = HeaderName::from_static("edgepass-id");
const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const CLEAR_SITE_DATA: HeaderName = HeaderName::from_static("clear-site-data");

const EXPOSED: HeaderValue =
    HeaderValue::from_static("Edgepass-Id, ETag, Content-Range, Accept-Ranges, Content-Length, Content-Disposition");
const REQUEST_HEADERS: HeaderValue = HeaderValue::from_static("Authorization, Range, If-Range, Content-Type");
/// RFC 9111 section 3.5: strangers' caches keep nothing; the browser asks on every use and a changed token does not matter.
const PRIVATE: HeaderValue = HeaderValue::from_static("private, no-cache");
const PUBLIC: HeaderValue = HeaderValue::from_static("public, no-cache");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// What the pipeline has found to say.
#[allow(clippy::large_enum_variant)] // the large one is the common one, and is moved once
pub enum Answer {
    Object { entry: Arc<Entry>, served: ServedBytes, body: Body, audience: Audience },
    NotModified { entry: Arc<Entry>, audience: Audience },
    Json { status: StatusCode, body: String, cookies: Vec<String> },
    SignedOut { cookies: Vec<String> },
    Preflight { methods: &'static str },
    Redirect { location: String },
    Refused(Refused),
}

/// A refusal, with the headers that its status asks for.
pub struct Refused {
    pub refusal: Refusal,
    pub methods: &'static str,
    /// The size of the object that the range was beyond.
    pub size: Option<u64>,
}

/// Who may read the object, which decides who may keep it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    Bearer,
    Everyone,
}

/// Writes the answer, and the record of it for when it has been sent.
pub fn respond(
    pipeline: &Pipeline,
    method: &Method,
    origin: Option<&HeaderValue>,
    answer: Answer,
    mut record: Record,
) -> Response<Body> {
    let mut headers = HeaderMap::with_capacity(24);
    let any_origin = record.route.and_then(|route| pipeline.rules.route(route)).is_some_and(|route| route.any_origin);
    let mut refusal = None;
    let (status, body) = match answer {
        Answer::Object { entry, served, body, audience } => {
            object_headers(&mut headers, pipeline, &entry, audience);
            for (name, value) in &entry.head.headers {
                headers.append(name, value.clone());
            }
            headers.insert(CONTENT_LENGTH, body.length().into());
            let status = match served {
                ServedBytes::Part { first, last } => {
                    insert(&mut headers, CONTENT_RANGE, format!("bytes {first}-{last}/{}", entry.head.size));
                    StatusCode::PARTIAL_CONTENT
                }
                ServedBytes::Whole | ServedBytes::Unsatisfiable => StatusCode::OK,
            };
            (status, if *method == Method::HEAD { Body::empty() } else { body })
        }
        Answer::NotModified { entry, audience } => {
            object_headers(&mut headers, pipeline, &entry, audience);
            (StatusCode::NOT_MODIFIED, Body::empty())
        }
        Answer::Json { status, body, cookies } => {
            headers.insert(CONTENT_TYPE, JSON);
            set_cookies(&mut headers, &cookies);
            (status, text_body(method, &mut headers, body))
        }
        Answer::SignedOut { cookies } => {
            set_cookies(&mut headers, &cookies);
            headers.insert(CLEAR_SITE_DATA, HeaderValue::from_static("\"cache\""));
            (StatusCode::NO_CONTENT, Body::empty())
        }
        Answer::Preflight { methods } => {
            headers.insert(ALLOW, HeaderValue::from_static(methods));
            headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(methods));
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS);
            headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(PREFLIGHT_MAX_AGE));
            (StatusCode::NO_CONTENT, Body::empty())
        }
        Answer::Redirect { location } => {
            insert(&mut headers, LOCATION, location);
            headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
            (StatusCode::PERMANENT_REDIRECT, Body::empty())
        }
        Answer::Refused(refused) => {
            refusal_headers(&mut headers, &refused);
            let body = refusal_body(&refused.refusal, record.id);
            let status = refused.refusal.code.status();
            refusal = Some(refused.refusal);
            (status, text_body(method, &mut headers, body))
        }
    };
    if !headers.contains_key(CACHE_CONTROL) {
        own_headers(&mut headers, pipeline);
    }
    common_headers(&mut headers, pipeline, origin, any_origin, record.id);
    record.answered(status, refusal.as_ref());
    let mut response = Response::new(body.with_record(record));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

/// The whole HTTP/1.1 answer to a head that the HTTP library could not read.
pub fn unreadable(status: u16, id: Id) -> (Refusal, Vec<u8>) {
    let (code, reason) = match status {
        414 => (Code::UriTooLong, "target_too_long"),
        431 => (Code::HeadersTooLarge, "head_too_large"),
        _ => (Code::BadRequest, "head_unreadable"),
    };
    let refusal = Refusal::new(code, reason);
    let body = refusal_body(&refusal, id);
    let status = code.status();
    let head = format!(
        "HTTP/1.1 {} {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\ncache-control: no-store\r\n\
         vary: Origin\r\nx-content-type-options: nosniff\r\nreferrer-policy: no-referrer\r\nedgepass-id: {}\r\nconnection: close\r\n\r\n",
        status.as_u16(),
        status.canonical_reason().unwrap_or_default(),
        body.len(),
        String::from_utf8_lossy(&id.digits()),
    );
    (refusal, [head.into_bytes(), body.into_bytes()].concat())
}

/// Of answers that are not an object's: nobody keeps them, and they do nothing in a browser.
fn own_headers(headers: &mut HeaderMap, pipeline: &Pipeline) {
    headers.insert(CACHE_CONTROL, NO_STORE);
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox; default-src 'none'"));
    headers.insert(CROSS_ORIGIN_RESOURCE_POLICY, pipeline.resource_policy.clone());
}

fn object_headers(headers: &mut HeaderMap, pipeline: &Pipeline, entry: &Entry, audience: Audience) {
    headers.insert(ETAG, entry.head.etag.clone());
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    let (cache_control, resource_policy) = match audience {
        Audience::Bearer => (PRIVATE, pipeline.resource_policy.clone()),
        Audience::Everyone => {
            (entry.head.cache_control.clone().unwrap_or(PUBLIC), HeaderValue::from_static("cross-origin"))
        }
    };
    headers.insert(CACHE_CONTROL, cache_control);
    headers.insert(CROSS_ORIGIN_RESOURCE_POLICY, resource_policy);
}

fn common_headers(
    headers: &mut HeaderMap,
    pipeline: &Pipeline,
    origin: Option<&HeaderValue>,
    any_origin: bool,
    id: Id,
) {
    headers.insert(VARY, HeaderValue::from_static("Origin"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    if let Ok(id) = HeaderValue::from_bytes(&id.digits()) {
        headers.insert(EDGEPASS_ID, id);
    }
    let text = origin.and_then(|origin| origin.to_str().ok());
    match (pipeline.cors.decide(text, any_origin), origin) {
        (Some(AllowedOrigin::Exactly(_)), Some(origin)) => {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
        }
        (Some(AllowedOrigin::Any), _) => {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
        }
        _ => {
            headers.remove(ACCESS_CONTROL_ALLOW_METHODS);
            headers.remove(ACCESS_CONTROL_ALLOW_HEADERS);
            headers.remove(ACCESS_CONTROL_MAX_AGE);
        }
    }
}

fn refusal_headers(headers: &mut HeaderMap, refused: &Refused) {
    headers.insert(CONTENT_TYPE, JSON);
    let code = refused.refusal.code;
    match code.status() {
        StatusCode::UNAUTHORIZED => {
            // RFC 6750 section 3: without a token, the challenge alone.
            let challenge = if code == Code::TokenMissing { "Bearer" } else { "Bearer error=\"invalid_token\"" };
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        StatusCode::METHOD_NOT_ALLOWED => {
            headers.insert(ALLOW, HeaderValue::from_static(refused.methods));
        }
        StatusCode::RANGE_NOT_SATISFIABLE => {
            insert(headers, CONTENT_RANGE, format!("bytes */{}", refused.size.unwrap_or(0)));
        }
        _ => {}
    }
    if let Some(seconds) = code.retry_after() {
        headers.insert(RETRY_AFTER, HeaderValue::from_static(seconds));
    }
}

fn refusal_body(refusal: &Refusal, id: Id) -> String {
    let id = String::from_utf8_lossy(&id.digits()).into_owned();
    let mut body = serde_json::json!({ "error": refusal.code.as_str(), "id": id });
    if let (Some(detail), Some(members)) = (&refusal.detail, body.as_object_mut()) {
        members.insert("detail".into(), detail.as_str().into());
    }
    format!("{body}\n")
}

fn text_body(method: &Method, headers: &mut HeaderMap, text: String) -> Body {
    headers.insert(CONTENT_LENGTH, text.len().into());
    if *method == Method::HEAD { Body::empty() } else { Body::bytes(text) }
}

fn set_cookies(headers: &mut HeaderMap, cookies: &[String]) {
    for cookie in cookies {
        if let Ok(mut value) = HeaderValue::from_str(cookie) {
            value.set_sensitive(true);
            headers.append(SET_COOKIE, value);
        }
    }
}

fn insert(headers: &mut HeaderMap, name: HeaderName, value: String) {
    if let Ok(value) = HeaderValue::try_from(value) {
        headers.insert(name, value);
    }
}
