//! The one place that writes the heads of our own answers: CORS for this request's `Origin`, safe headers, refusals, the
//! request's id.

use authorizer::{AllowedOrigin, PREFLIGHT_MAX_AGE, RouteId};
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ALLOW, CACHE_CONTROL,
    CONTENT_RANGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY, RETRY_AFTER, SET_COOKIE, VARY,
    WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde_json::{Value, json};

use crate::Front;
use crate::refusal::{Code, Refusal};
use crate::s3::{RefusalForm, message, refusal_xml};

pub const EDGEPASS_ID: HeaderName = HeaderName::from_static("edgepass-id");
const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const CLEAR_SITE_DATA: HeaderName = HeaderName::from_static("clear-site-data");

const EXPOSED: HeaderValue =
    HeaderValue::from_static("Edgepass-Id, ETag, Content-Range, Accept-Ranges, Content-Length, Content-Disposition");
const REQUEST_HEADERS: HeaderValue = HeaderValue::from_static("Authorization, Range, If-Range, Content-Type");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
const XML: HeaderValue = HeaderValue::from_static("application/xml");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// What is answered without the bucket.
#[derive(Debug)]
pub enum Answer {
    Json {
        status: StatusCode,
        body: String,
        cookies: Vec<String>,
    },
    SignedOut {
        cookies: Vec<String>,
    },
    /// As the bucket would answer.
    Xml {
        body: String,
    },
    Preflight {
        methods: &'static str,
    },
    Redirect {
        location: String,
    },
    Refused(Refused),
}

/// A refusal, with what the headers that its status asks for say.
#[derive(Debug)]
pub struct Refused {
    pub refusal: Refusal,
    pub methods: &'static str,
    pub form: RefusalForm,
    /// The size of the object that the range was beyond.
    pub size: Option<u64>,
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self { refusal, methods: "", form: RefusalForm::Ours, size: None }
    }
}

impl Answer {
    /// Puts the answer's own headers into `headers`; gives its status and body. [`Front::finish`] adds the rest.
    pub fn write(&self, front: &Front, id: &str, headers: &mut HeaderMap) -> (StatusCode, String) {
        // Nobody keeps what is not an object, and it does nothing in a browser.
        headers.insert(CACHE_CONTROL, NO_STORE);
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox; default-src 'none'"));
        headers.insert(CROSS_ORIGIN_RESOURCE_POLICY, front.resource_policy.clone());
        match self {
            Self::Json { status, body, cookies } => {
                headers.insert(CONTENT_TYPE, JSON);
                set_cookies(headers, cookies);
                (*status, body.clone())
            }
            Self::Xml { body } => {
                headers.insert(CONTENT_TYPE, XML);
                (StatusCode::OK, body.clone())
            }
            Self::SignedOut { cookies } => {
                set_cookies(headers, cookies);
                headers.insert(CLEAR_SITE_DATA, HeaderValue::from_static("\"cache\""));
                (StatusCode::NO_CONTENT, String::new())
            }
            Self::Preflight { methods } => {
                headers.insert(ALLOW, HeaderValue::from_static(methods));
                headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(methods));
                headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS);
                headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(PREFLIGHT_MAX_AGE));
                (StatusCode::NO_CONTENT, String::new())
            }
            Self::Redirect { location } => {
                insert(headers, LOCATION, location);
                (StatusCode::PERMANENT_REDIRECT, String::new())
            }
            Self::Refused(refused) => {
                refusal_headers(headers, refused);
                let body = match refused.form {
                    RefusalForm::Ours => refusal_body(&refused.refusal, id),
                    RefusalForm::Companion => companion_refusal(&refused.refusal, id),
                    RefusalForm::Xml => refusal_xml(&refused.refusal, id),
                };
                (refused.refusal.code.status(), body)
            }
        }
    }
}

impl Front {
    /// What every answer carries: CORS for this `Origin` and route, the safe headers, the id.
    pub fn finish(&self, headers: &mut HeaderMap, origin: Option<&HeaderValue>, route: Option<RouteId>, id: &str) {
        headers.insert(VARY, HeaderValue::from_static("Origin"));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        insert(headers, EDGEPASS_ID, id);
        let any_origin = route.and_then(|route| self.rules.route(route)).is_some_and(|route| route.any_origin);
        let text = origin.and_then(|origin| origin.to_str().ok());
        match (self.cors.decide(text, any_origin), origin) {
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
}

fn refusal_headers(headers: &mut HeaderMap, refused: &Refused) {
    headers.insert(CONTENT_TYPE, if refused.form == RefusalForm::Xml { XML } else { JSON });
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
            insert(headers, CONTENT_RANGE, &format!("bytes */{}", refused.size.unwrap_or(0)));
        }
        _ => {}
    }
    if let Some(seconds) = code.retry_after() {
        headers.insert(RETRY_AFTER, HeaderValue::from_static(seconds));
    }
}

/// `{"error":"<public code>","id":"…"}`, and for clients of our own endpoints which part of the request is wrong.
pub fn refusal_body(refusal: &Refusal, id: &str) -> String {
    format!("{}\n", refusal_json(refusal, id))
}

fn refusal_json(refusal: &Refusal, id: &str) -> Value {
    let mut body = json!({ "error": refusal.code.as_str(), "id": id });
    if let (Some(detail), Some(members)) = (&refusal.detail, body.as_object_mut()) {
        members.insert("detail".into(), detail.as_str().into());
    }
    body
}

/// The same with `message`, which widgets show.
fn companion_refusal(refusal: &Refusal, id: &str) -> String {
    let mut body = refusal_json(refusal, id);
    if let Some(members) = body.as_object_mut() {
        members.insert("message".into(), message(refusal).into());
    }
    format!("{body}\n")
}

fn set_cookies(headers: &mut HeaderMap, cookies: &[String]) {
    for cookie in cookies {
        if let Ok(mut value) = HeaderValue::from_str(cookie) {
            value.set_sensitive(true);
            headers.append(SET_COOKIE, value);
        }
    }
}

fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}
