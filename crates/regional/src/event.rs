//! An HTTP API's events and answers (Amazon API Gateway Developer Guide, "AWS Lambda integrations for HTTP APIs", payload format
//! 2.0).

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{COOKIE, SET_COOKIE};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Version};
use serde::Deserialize;
use serde_json::json;

/// A request as it reached the API.
pub struct Event {
    pub parts: Parts,
    pub body: Vec<u8>,
    pub id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payload {
    raw_path: String,
    #[serde(default)]
    raw_query_string: String,
    #[serde(default)]
    cookies: Vec<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
    request_context: Context,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Context {
    #[serde(default)]
    request_id: String,
    http: Http,
}

#[derive(Deserialize)]
struct Http {
    method: String,
}

impl Event {
    /// None where the event is not a request that HTTP can carry.
    pub fn read(payload: &[u8]) -> Option<Self> {
        let payload: Payload = serde_json::from_slice(payload).ok()?;
        let mut headers = HeaderMap::with_capacity(payload.headers.len() + 1);
        for (name, value) in &payload.headers {
            let name: HeaderName = name.parse().ok()?;
            headers.append(name, HeaderValue::from_bytes(value.as_bytes()).ok()?);
        }
        for cookie in &payload.cookies {
            headers.append(COOKIE, HeaderValue::from_bytes(cookie.as_bytes()).ok()?);
        }
        // The id by which CloudFront's logs know the request.
        let id = headers.get("x-amz-cf-id").and_then(|id| id.to_str().ok());
        let id = id.map_or(payload.request_context.request_id, str::to_owned);
        let text = payload.body.unwrap_or_default();
        let body = if payload.is_base64_encoded { STANDARD.decode(text).ok()? } else { text.into_bytes() };
        let target = match payload.raw_query_string.as_str() {
            "" => payload.raw_path,
            query => format!("{}?{query}", payload.raw_path),
        };
        let (mut parts, ()) = Request::new(()).into_parts();
        parts.method = Method::from_bytes(payload.request_context.http.method.as_bytes()).ok()?;
        parts.uri = target.parse().ok().filter(|_| target.starts_with('/'))?;
        parts.version = Version::HTTP_11;
        parts.headers = headers;
        Some(Self { parts, body, id })
    }
}

/// What goes back through the API.
pub struct Response {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Response {
    pub fn to_json(&self) -> String {
        let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let cookies: Vec<_> = self.headers.get_all(SET_COOKIE).iter().map(text).collect();
        let others = self.headers.iter().filter(|(name, _)| *name != SET_COOKIE);
        let headers: BTreeMap<&str, String> = others.map(|(name, value)| (name.as_str(), text(value))).collect();
        json!({
            "statusCode": self.status.as_u16(),
            "headers": headers,
            "cookies": cookies,
            "body": self.body,
            "isBase64Encoded": false,
        })
        .to_string()
    }
}
