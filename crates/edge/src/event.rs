//! CloudFront's words: the request of a viewer-request event, and what the function gives back (Amazon CloudFront Developer
//! Guide, "Lambda@Edge event structure" and "Generate HTTP responses in request triggers").

use std::collections::BTreeMap;
use std::net::IpAddr;

use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Version};
use serde::{Deserialize, Deserializer, Serialize};

/// `config.requestId` and what the decision needs of `request`.
#[derive(Debug, Deserialize)]
pub struct Question {
    #[serde(default)]
    pub id: String,
    pub method: String,
    /// The path as it came, undecoded.
    pub uri: String,
    /// Without `?`.
    #[serde(default)]
    pub querystring: String,
    #[serde(default)]
    pub headers: BTreeMap<String, Vec<Field>>,
    /// The viewer's address; none where it is none.
    #[serde(default, rename = "clientIp", deserialize_with = "address")]
    pub client_ip: Option<IpAddr>,
}

fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<IpAddr>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.and_then(|text| text.parse().ok()))
}

#[derive(Debug, Deserialize)]
pub struct Field {
    pub value: String,
}

impl Question {
    /// As the head of an HTTP request; none where it can be none.
    pub fn parts(&self) -> Option<Parts> {
        let target = match self.querystring.as_str() {
            "" => self.uri.clone(),
            query => format!("{}?{query}", self.uri),
        };
        let mut headers = HeaderMap::with_capacity(self.headers.len());
        for (name, fields) in &self.headers {
            let name: HeaderName = name.parse().ok()?;
            for field in fields {
                headers.append(&name, HeaderValue::from_bytes(field.value.as_bytes()).ok()?);
            }
        }
        let (mut parts, ()) = Request::new(()).into_parts();
        parts.method = Method::from_bytes(self.method.as_bytes()).ok()?;
        // A target has no fragment (RFC 9112 section 3.2); CloudFront would have chosen by what comes with it.
        parts.uri = target.parse().ok().filter(|_| target.starts_with('/') && !target.contains('#'))?;
        parts.version = Version::HTTP_11;
        parts.headers = headers;
        Some(parts)
    }
}

/// What the handler does with the request. `log` is a line for the function's log; it holds no token.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// On to the cache or the store, with this path, without query, `Authorization` and `Cookie`. At CloudFront the behaviour
    /// has chosen the bucket already; other hosts need its number.
    Pass {
        uri: String,
        bucket: usize,
    },
    Answer {
        response: Response,
        log: Option<String>,
    },
}

#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Response {
    /// CloudFront wants text.
    pub status: String,
    pub status_description: &'static str,
    pub headers: BTreeMap<String, Vec<Named>>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub body: String,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Named {
    pub key: String,
    pub value: String,
}

impl Response {
    pub fn new(status: http::StatusCode, headers: &HeaderMap, body: String) -> Self {
        let mut named: BTreeMap<String, Vec<Named>> = BTreeMap::new();
        for (name, value) in headers {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            named.entry(name.as_str().to_owned()).or_default().push(Named { key: name.as_str().to_owned(), value });
        }
        let status_description = status.canonical_reason().unwrap_or_default();
        Self { status: status.as_str().to_owned(), status_description, headers: named, body }
    }
}
