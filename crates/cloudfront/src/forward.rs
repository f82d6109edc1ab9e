//! What CloudFront sends to an origin of a viewer's request: what the policies take, and its own headers. And the one thing that a
//! bucket is asked as it came: a preflight.

use http::header::{COOKIE, HOST, USER_AGENT, VIA};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use origin::encode_key;

use crate::answer::{Answer, From};
use crate::body;
use crate::limits;
use crate::policy::{Asked, cookies, pairs};
use crate::template::{Behaviour, BucketOrigin};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The headers for a custom origin.
/// https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/RequestAndResponseBehaviorCustomOrigin.html
pub fn headers(behaviour: &Behaviour, asked: &Asked, id: &str, ip: &str) -> HeaderMap {
    let mut sent = HeaderMap::new();
    let takes = |name: &str| behaviour.cache.headers.takes(name) || behaviour.request.headers.takes(name);
    for (name, value) in &asked.headers {
        if takes(name.as_str()) && ![COOKIE, HOST].contains(name) && !is_of_connection(name) {
            sent.append(name, value.clone());
        }
    }
    let taken = |name: &str| behaviour.cache.cookies.takes(name) || behaviour.request.cookies.takes(name);
    let crumbs: Vec<String> = cookies(&asked.headers)
        .filter(|(name, _)| taken(name))
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    if let Some(value) = HeaderValue::try_from(crumbs.join("; ")).ok().filter(|_| !crumbs.is_empty()) {
        sent.insert(COOKIE, value);
    }
    sent.entry(USER_AGENT).or_insert(HeaderValue::from_static("Amazon CloudFront"));
    let before = asked.headers.get(X_FORWARDED_FOR).and_then(|value| value.to_str().ok());
    let forwarded = before.map_or_else(|| ip.to_owned(), |before| format!("{before},{ip}"));
    for (name, value) in [(X_FORWARDED_FOR, forwarded), (HeaderName::from_static("x-amz-cf-id"), id.to_owned())] {
        if let Ok(value) = HeaderValue::try_from(value) {
            sent.insert(name, value);
        }
    }
    sent.insert(VIA, HeaderValue::from_static(crate::pipeline::VIA_TEXT));
    sent
}

/// The query for a custom origin, in its order.
pub fn query(behaviour: &Behaviour, asked: &Asked) -> String {
    let takes = |name: &str| behaviour.cache.queries.takes(name) || behaviour.request.queries.takes(name);
    let pair = |pair: &&str| pairs(pair).next().is_some_and(|(name, _)| takes(name));
    asked.query.split('&').filter(pair).collect::<Vec<_>>().join("&")
}

fn is_of_connection(name: &HeaderName) -> bool {
    ["connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "content-length"]
        .contains(&name.as_str())
}

/// `OPTIONS` for a bucket: its own CORS rules answer, if the policies let the headers through that they are about.
pub async fn preflight(behaviour: &Behaviour, bucket: &BucketOrigin, key: &str, asked: &Asked) -> Answer {
    let Some(uri) = uri(bucket, key) else {
        return Answer::error(StatusCode::BAD_GATEWAY, From::Error, "the store's address is no http address");
    };
    let mut request = Request::new(Empty::<bytes::Bytes>::new());
    *request.method_mut() = Method::OPTIONS;
    *request.uri_mut() = uri;
    for name in ["origin", "access-control-request-method", "access-control-request-headers"] {
        let takes = behaviour.cache.headers.takes(name) || behaviour.request.headers.takes(name);
        if let Some(value) = asked.headers.get(name).filter(|_| takes) {
            request.headers_mut().insert(HeaderName::from_static(name), value.clone());
        }
    }
    let client: Client<HttpConnector, Empty<bytes::Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let asked = tokio::time::timeout(limits::HEAD_WITHIN, client.request(request)).await;
    let Ok(Ok(response)) = asked else {
        return Answer::error(StatusCode::BAD_GATEWAY, From::Error, "the store does not answer");
    };
    let (parts, incoming) = response.into_parts();
    let from = if parts.status.is_success() { From::Miss } else { From::Error };
    let mut answer = Answer::new(parts.status, from);
    answer.headers = parts.headers;
    for name in ["connection", "transfer-encoding", "content-length"] {
        answer.headers.remove(name);
    }
    let whole = Limited::new(incoming, limits::BODY).collect().await;
    answer.body = body::bytes(whole.map(http_body_util::Collected::to_bytes).unwrap_or_default());
    answer
}

/// An address over TLS would need certificates that this machine may not have.
fn uri(bucket: &BucketOrigin, key: &str) -> Option<Uri> {
    let endpoint = Some(bucket.store.endpoint.as_str()).filter(|endpoint| endpoint.starts_with("http://"))?;
    format!("{endpoint}/{}/{}", encode_key(&bucket.store.bucket), encode_key(key)).parse().ok()
}
