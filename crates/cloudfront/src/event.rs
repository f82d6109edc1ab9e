//! What both kinds of viewer-request function have in common: what they are shown, and what CloudFront refuses of their answers.
//! https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/edge-function-restrictions-all.html

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

use crate::limits;
use crate::policy::Asked;

/// The distribution's name and id in events.
pub const DOMAIN: &str = "dlocaledgepass.cloudfront.net";
pub const DISTRIBUTION: &str = "ELOCALEDGEPASS";

/// A viewer's request, before a function.
pub struct Viewed<'a> {
    pub id: &'a str,
    pub ip: String,
    pub method: &'a Method,
    pub asked: &'a Asked,
}

/// What a function decided.
#[derive(Debug)]
pub enum Decision {
    Forward(Asked),
    Answer(Generated),
}

/// An answer that a function made.
#[derive(Debug)]
pub struct Generated {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// An answer of a function that CloudFront refuses, with 502.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid(pub String);

/// Not shown to functions, which may not add them either.
pub fn is_disallowed(name: &str) -> bool {
    const NAMES: [&str; 24] = [
        "connection",
        "expect",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "trailer",
        "upgrade",
        "x-accel-buffering",
        "x-accel-charset",
        "x-accel-limit-rate",
        "x-accel-redirect",
        "x-amzn-auth",
        "x-amzn-cf-billing",
        "x-amzn-cf-id",
        "x-amzn-cf-xff",
        "x-amzn-errortype",
        "x-amzn-fle-profile",
        "x-amzn-header-count",
        "x-amzn-header-order",
        "x-amzn-lambda-integration-tag",
        "x-amzn-requestid",
        "x-cache",
        "x-forwarded-proto",
    ];
    NAMES.contains(&name) || name == "x-real-ip" || name.starts_with("x-amz-cf-") || name.starts_with("x-edge-")
}

/// A request as a function left it, judged against what it was shown.
pub fn judge_request(back: Asked, sent: &Asked) -> Result<Asked, Invalid> {
    if !back.uri.starts_with('/') {
        return Err(Invalid("the URI does not begin with a slash".into()));
    }
    let odd = |text: &str| text.chars().any(|character| character == ' ' || character == '#' || character.is_control());
    if odd(&back.uri) || odd(&back.query) || back.uri.contains('?') {
        return Err(Invalid(
            "the URI or the query string holds a space, a control character, `#` or a stray `?`".into(),
        ));
    }
    if back.uri.len() + back.query.len() >= limits::URI_AND_QUERY {
        return Err(Invalid("URI and query string together are not shorter than 8,192 characters".into()));
    }
    for name in back.headers.keys() {
        judge_name(name)?;
        if name == "cloudfront-viewer-country" {
            return Err(Invalid("a viewer-request function cannot add cloudfront-viewer-country".into()));
        }
    }
    for name in ["content-length", "host", "transfer-encoding", "via"] {
        let same = back.headers.get_all(name).iter().eq(sent.headers.get_all(name).iter());
        // To take one away is neither to add nor to edit it.
        if back.headers.contains_key(name) && !same {
            return Err(Invalid(format!("the header {name} is read-only")));
        }
    }
    Ok(back)
}

/// The headers of an answer that a function made. Its length is ours to say.
pub fn judge_answer(mut headers: HeaderMap) -> Result<HeaderMap, Invalid> {
    for name in headers.keys() {
        judge_name(name)?;
    }
    headers.remove(http::header::CONTENT_LENGTH);
    headers.remove(http::header::TRANSFER_ENCODING);
    Ok(headers)
}

fn judge_name(name: &HeaderName) -> Result<(), Invalid> {
    if is_disallowed(name.as_str()) { Err(Invalid(format!("the header {name} is not allowed"))) } else { Ok(()) }
}

/// A header's name as functions must write it: in lower case.
pub fn read_name(text: &str) -> Result<HeaderName, Invalid> {
    HeaderName::from_lowercase(text.as_bytes())
        .map_err(|_| Invalid(format!("`{}` is no header's name in lower case", brief(text))))
}

pub fn read_value(name: &HeaderName, text: &str) -> Result<HeaderValue, Invalid> {
    HeaderValue::from_str(text).map_err(|_| Invalid(format!("the value of {name} is no header's value")))
}

/// A header's value as text: what is not UTF-8 is taken for ISO-8859-1, as CloudFront does.
pub fn shown(value: &HeaderValue) -> String {
    let bytes = value.as_bytes();
    std::str::from_utf8(bytes).map_or_else(|_| bytes.iter().map(|byte| char::from(*byte)).collect(), ToOwned::to_owned)
}

/// Enough of a function's text for a message.
fn brief(text: &str) -> String {
    text.chars().take(40).filter(|character| !character.is_control()).collect()
}
