//! The one place that makes responses: every answer carries the same protective headers.

use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, LOCATION, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderName, Response, StatusCode};
use http_body_util::Full;
use serde::Serialize;

pub type Answer = Response<Full<Bytes>>;

/// Why a request is refused. The body is `{"error":"<code>"}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    BadRequest,
    NotSignedIn,
    ForeignOrigin,
    NotYours,
    NoSuchUser,
    NotFound,
    WrongMethod { allow: &'static str },
    TooSlow,
    TooLarge,
    WrongMediaType,
    Ourselves,
}

impl Refusal {
    fn status_and_code(self) -> (StatusCode, &'static str) {
        match self {
            Self::BadRequest => (StatusCode::BAD_REQUEST, "bad_request"),
            Self::NotSignedIn => (StatusCode::UNAUTHORIZED, "not_signed_in"),
            Self::ForeignOrigin => (StatusCode::FORBIDDEN, "foreign_origin"),
            Self::NotYours => (StatusCode::FORBIDDEN, "not_yours"),
            Self::NoSuchUser => (StatusCode::NOT_FOUND, "no_such_user"),
            Self::NotFound => (StatusCode::NOT_FOUND, "not_found"),
            Self::WrongMethod { .. } => (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"),
            Self::TooSlow => (StatusCode::REQUEST_TIMEOUT, "too_slow"),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "too_large"),
            Self::WrongMediaType => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "json_only"),
            Self::Ourselves => (StatusCode::INTERNAL_SERVER_ERROR, "failed"),
        }
    }

    pub fn answer(self) -> Answer {
        let (status, code) = self.status_and_code();
        let mut answer = json(status, &serde_json::json!({ "error": code }));
        if let Self::WrongMethod { allow } = self {
            answer.headers_mut().insert(http::header::ALLOW, HeaderValue::from_static(allow));
        }
        answer
    }
}

pub fn json(status: StatusCode, body: &impl Serialize) -> Answer {
    match serde_json::to_vec(body) {
        Ok(text) => of(status, "application/json", Bytes::from(text)),
        Err(_) => {
            of(StatusCode::INTERNAL_SERVER_ERROR, "application/json", Bytes::from_static(b"{\"error\":\"failed\"}"))
        }
    }
}

pub fn of(status: StatusCode, content_type: &'static str, body: Bytes) -> Answer {
    let mut answer = Response::new(Full::new(body));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"));
    headers.insert(HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin"));
    headers.insert(HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin"));
    headers.insert(
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static("camera=(), microphone=(), geolocation=()"),
    );
    answer
}

pub fn empty(status: StatusCode) -> Answer {
    let mut answer = of(status, "application/json", Bytes::new());
    answer.headers_mut().remove(CONTENT_TYPE);
    answer
}

pub fn redirect(to: &str) -> Answer {
    let Ok(location) = HeaderValue::from_str(to) else { return Refusal::BadRequest.answer() };
    let mut answer = empty(StatusCode::TEMPORARY_REDIRECT);
    answer.headers_mut().insert(LOCATION, location);
    answer
}
