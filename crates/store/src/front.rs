//! Each request, from its arrival to its answer: CORS first and last, forms by our own hand, everything else to `s3s`
//! once it shows a signature worth checking. The one place that writes the headers common to all answers.

use crate::authentication;
use crate::aws_chunked::{AwsChunked, Framing};
use crate::checked_body;
use crate::conditions::{self, Asked};
use crate::cors::{self, CorsRule};
use crate::error_body;
use crate::fault::custom_error;
use crate::keys::Keys;
use crate::limits;
use crate::post_form;
use crate::query;
use crate::receive::BodyFault;
use crate::request_body::RequestBody;
use crate::vault::Vault;
use http::header::{
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE,
    HeaderName, ORIGIN, SERVER, VARY,
};
use http::request::Parts;
use http::{HeaderValue, Method, Request, StatusCode};
use hyper::body::Incoming;
use percent_encoding::percent_decode_str;
use s3s::service::S3Service;
use s3s::{Body, HttpResponse, S3Error, S3Result, s3_error};
use std::sync::Arc;
use tokio::sync::Semaphore;

pub(crate) struct Front {
    pub(crate) vault: Arc<Vault>,
    pub(crate) service: S3Service,
    pub(crate) keys: Arc<Keys>,
    pub(crate) slots: Semaphore,
}

/// What the path of a request names. `s3s` reads it again in the same way.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Target {
    Root,
    Bucket(String),
    Object { bucket: String, key: String },
}

impl Front {
    pub(crate) async fn answer(&self, request: Request<Incoming>) -> HttpResponse {
        let (parts, incoming) = request.into_parts();
        let body = RequestBody::new(incoming, &parts);
        let path = parts.uri.path().to_owned();
        let target = target(&path);
        let rules = target.as_ref().ok().and_then(Target::bucket).and_then(|bucket| self.vault.cors(bucket));
        let rules = rules.as_deref().unwrap_or_default();
        let (method, origin) = (parts.method.clone(), parts.headers.get(ORIGIN).cloned());

        let answer = match target {
            Ok(_) if method == Method::OPTIONS => preflight(&parts, rules),
            Ok(target) => self.operate(&target, parts, body).await,
            Err(refusal) => Err(refusal),
        };
        let mut response = answer.unwrap_or_else(refuse);
        finish(&mut response, &method, origin.as_ref(), rules);
        error_body::complete(&mut response, &path);
        response
    }

    async fn operate(&self, target: &Target, mut parts: Parts, body: RequestBody) -> S3Result<HttpResponse> {
        let Ok(_slot) = self.slots.try_acquire() else {
            return Err(s3_error!(SlowDown, "Please reduce your request rate."));
        };
        if ![Method::GET, Method::HEAD, Method::PUT, Method::POST, Method::DELETE].contains(&parts.method) {
            return Err(not_allowed());
        }
        if parts.headers.get_all(CONTENT_TYPE).iter().nth(1).is_some() {
            return Err(s3_error!(InvalidArgument, "A request has one Content-Type"));
        }
        if parts.method == Method::POST && post_form::is_form(&parts) {
            return match target {
                Target::Bucket(bucket) => post_form::accept(&self.vault, &self.keys, bucket, &parts, body).await,
                _ => Err(not_allowed()),
            };
        }
        let signed = authentication::presented(&parts, &self.keys.region)?;
        check_length(&parts, target)?;
        if matches!(parts.method, Method::GET | Method::HEAD) {
            let asked = Asked::of(&parts.headers);
            parts.extensions.insert(asked);
            // Nobody signed them, so `s3s` need not see them; it would refuse those that make no sense.
            for name in conditions::HEADERS.iter().filter(|name| !signed.covers(name.as_str())) {
                parts.headers.remove(name);
            }
        }
        let framing = Framing::of(&parts.headers);
        let body = if deletes_many(&parts, target) && framing == Framing::None {
            checked_body::whole(&parts, body).await?
        } else {
            Body::http_body(AwsChunked::new(body, framing))
        };
        self.service
            .call(Request::from_parts(parts, body))
            .await
            .map_err(|_| s3_error!(InternalError, "The store could not complete the request. Please try again."))
    }
}

impl Target {
    fn bucket(&self) -> Option<&str> {
        match self {
            Self::Root => None,
            Self::Bucket(bucket) | Self::Object { bucket, .. } => Some(bucket),
        }
    }
}

fn target(path: &str) -> S3Result<Target> {
    let invalid = || s3_error!(InvalidURI, "Couldn't parse the specified URI.");
    let path = percent_decode_str(path).decode_utf8().map_err(|_| invalid())?;
    if path == "*" {
        return Ok(Target::Root);
    }
    let path = path.strip_prefix('/').ok_or_else(invalid)?;
    let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
    Ok(match (bucket, key) {
        ("", "") => Target::Root,
        (bucket, "") => Target::Bucket(bucket.to_owned()),
        (bucket, key) => Target::Object { bucket: bucket.to_owned(), key: key.to_owned() },
    })
}

fn not_allowed() -> S3Error {
    s3_error!(MethodNotAllowed, "The specified method is not allowed against this resource.")
}

/// An upload says how long it is: itself, or behind the framing of `aws-chunked`.
fn check_length(parts: &Parts, target: &Target) -> S3Result<()> {
    let number = |name: &str| parts.headers.get(name).map(|value| value.to_str().ok()?.parse::<u64>().ok());
    let length = number("x-amz-decoded-content-length").or_else(|| number(CONTENT_LENGTH.as_str()));
    match length {
        Some(None) => Err(s3_error!(InvalidArgument, "The length of the body is not a number")),
        Some(Some(length)) if length > limits::OBJECT_BYTES => Err(BodyFault::TooLarge.into()),
        None if parts.version < http::Version::HTTP_2 && (is_chunked(parts) || uploads(parts, target)) => {
            Err(s3_error!(MissingContentLength, "You must provide the Content-Length HTTP header."))
        }
        _ => Ok(()),
    }
}

/// Whether the body of this becomes an object or a part.
fn uploads(parts: &Parts, target: &Target) -> bool {
    let object = matches!(target, Target::Object { .. });
    let about = query::pairs(&parts.uri).iter().any(|(name, _)| matches!(name.as_str(), "acl" | "tagging"));
    parts.method == Method::PUT && object && !about && !parts.headers.contains_key("x-amz-copy-source")
}

fn deletes_many(parts: &Parts, target: &Target) -> bool {
    let bucket = matches!(target, Target::Bucket(_));
    parts.method == Method::POST && bucket && query::pairs(&parts.uri).iter().any(|(name, _)| name == "delete")
}

fn is_chunked(parts: &Parts) -> bool {
    parts.method == Method::PUT && parts.headers.contains_key(http::header::TRANSFER_ENCODING)
}

fn preflight(parts: &Parts, rules: &[CorsRule]) -> S3Result<HttpResponse> {
    let text = |name: HeaderName| parts.headers.get(name).and_then(|value| value.to_str().ok());
    let (Some(origin), Some(method)) = (text(ORIGIN), text(ACCESS_CONTROL_REQUEST_METHOD)) else {
        return Err(custom_error(
            "BadRequest",
            StatusCode::BAD_REQUEST,
            "Insufficient information. Origin and Access-Control-Request-Method headers needed.",
        ));
    };
    let wanted = text(ACCESS_CONTROL_REQUEST_HEADERS).unwrap_or_default();
    let headers = cors::preflight(rules, origin, method, wanted).ok_or_else(|| {
        custom_error("AccessForbidden", StatusCode::FORBIDDEN, "CORSResponse: This CORS request is not allowed.")
    })?;
    let mut response = HttpResponse::new(Body::empty());
    *response.headers_mut() = headers;
    Ok(response)
}

fn refuse(error: S3Error) -> HttpResponse {
    error.to_http_response().unwrap_or_else(|_| {
        let mut response = HttpResponse::new(Body::empty());
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        response
    })
}

fn finish(response: &mut HttpResponse, method: &Method, origin: Option<&HeaderValue>, rules: &[CorsRule]) {
    if let Some(origin) = origin.and_then(|origin| origin.to_str().ok()).filter(|_| method != Method::OPTIONS) {
        let allowed = cors::simple(rules, origin, method.as_str());
        response.headers_mut().extend(allowed.unwrap_or_default());
    }
    // `s3s` gives no HEAD this status: one part, asked for by its number.
    if method == Method::HEAD && response.status() == StatusCode::OK && response.headers().contains_key(CONTENT_RANGE) {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    let headers = response.headers_mut();
    headers.insert(SERVER, HeaderValue::from_static("Edgepass"));
    headers.append(VARY, HeaderValue::from_static("Origin"));
    if method == Method::OPTIONS {
        headers.append(VARY, HeaderValue::from_static("Access-Control-Request-Headers, Access-Control-Request-Method"));
    }
    if let Ok(id) = HeaderValue::try_from(uuid::Uuid::new_v4().simple().to_string()) {
        headers.insert("x-amz-request-id", id);
    }
    let bodiless = method == Method::HEAD || response.status() == StatusCode::NOT_MODIFIED;
    if bodiless {
        *response.body_mut() = Body::empty();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets() {
        let object = |bucket: &str, key: &str| Target::Object { bucket: bucket.into(), key: key.into() };
        for (path, expected) in [
            ("/", Target::Root),
            ("/b", Target::Bucket("b".into())),
            ("/b/", Target::Bucket("b".into())),
            ("/b/k", object("b", "k")),
            ("/b//k/", object("b", "/k/")),
            ("/b/../x", object("b", "../x")),
            ("/b%2Fk", object("b", "k")),
            ("/b/%252F+%20", object("b", "%2F+ ")),
        ] {
            assert_eq!(target(path).unwrap(), expected, "{path}");
        }
        assert!(target("/b/%FF").is_err());
        assert!(target("b").is_err());
    }
}
