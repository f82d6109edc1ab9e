//! An HTTP API of API Gateway with one function behind it: payload format 2.0.
//! https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HOST, SET_COOKIE, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use percent_encoding::percent_decode;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::macros::format_description;

use crate::answer::{Answer, From};
use crate::body;
use crate::event::shown;
use crate::lambda::Failure;
use crate::policy::pairs;
use crate::template::ApiOrigin;

/// A request as it reaches the API.
pub struct Incoming<'a> {
    pub id: &'a str,
    pub method: &'a Method,
    pub path: &'a str,
    pub query: &'a str,
    pub headers: &'a HeaderMap,
    pub body: Bytes,
    pub now: OffsetDateTime,
}

pub fn event(api: &ApiOrigin, incoming: &Incoming<'_>) -> Value {
    let text = is_text(incoming.headers);
    let mut event = json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": incoming.path,
        "rawQueryString": incoming.query,
        "headers": headers(api, incoming),
        "requestContext": {
            "accountId": crate::template::ACCOUNT,
            "apiId": api.id,
            "domainName": api.domain,
            "domainPrefix": api.domain.split('.').next(),
            "http": {
                "method": incoming.method.as_str(),
                "path": incoming.path,
                "protocol": "HTTP/1.1",
                // The edge's, as the API sees it.
                "sourceIp": "127.0.0.1",
                "userAgent": incoming.headers.get(USER_AGENT).map(shown),
            },
            "requestId": incoming.id,
            "routeKey": "$default",
            "stage": "$default",
            "time": incoming.now.format(format_description!("[day]/[month repr:short]/[year]:[hour]:[minute]:[second] +0000")).unwrap_or_default(),
            "timeEpoch": incoming.now.unix_timestamp() * 1000 + i64::from(incoming.now.millisecond()),
        },
        "isBase64Encoded": !text && !incoming.body.is_empty(),
    });
    let Some(members) = event.as_object_mut() else { return event };
    let cookies: Vec<String> = incoming.headers.get_all(COOKIE).iter().flat_map(crumbs).collect();
    if !cookies.is_empty() {
        members.insert("cookies".into(), cookies.into());
    }
    if !incoming.query.is_empty() {
        members.insert("queryStringParameters".into(), json!(parameters(incoming.query)));
    }
    if !incoming.body.is_empty() {
        let body =
            if text { String::from_utf8_lossy(&incoming.body).into_owned() } else { STANDARD.encode(&incoming.body) };
        members.insert("body".into(), body.into());
    }
    event
}

fn crumbs(value: &HeaderValue) -> Vec<String> {
    shown(value).split(';').map(|crumb| crumb.trim().to_owned()).filter(|crumb| !crumb.is_empty()).collect()
}

/// Several of one name are joined by commas; cookies have a place of their own.
fn headers(api: &ApiOrigin, incoming: &Incoming<'_>) -> Map<String, Value> {
    let mut headers: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in incoming.headers.iter().filter(|(name, _)| ![COOKIE, HOST].contains(name)) {
        let value = shown(value);
        headers
            .entry(name.as_str().to_owned())
            .and_modify(|known| *known = format!("{known},{value}"))
            .or_insert(value);
    }
    headers.insert("host".into(), api.domain.clone());
    headers.insert("content-length".into(), incoming.body.len().to_string());
    headers.insert("x-forwarded-port".into(), "443".into());
    headers.insert("x-forwarded-proto".into(), "https".into());
    headers.into_iter().map(|(name, value)| (name, value.into())).collect()
}

/// Decoded; several of one name are joined by commas.
fn parameters(query: &str) -> BTreeMap<String, String> {
    let decoded = |text: &str| percent_decode(text.replace('+', " ").as_bytes()).decode_utf8_lossy().into_owned();
    let mut parameters: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in pairs(query) {
        let value = decoded(value);
        parameters.entry(decoded(name)).and_modify(|known| *known = format!("{known},{value}")).or_insert(value);
    }
    parameters
}

/// What API Gateway passes on as it is; all else in base64.
fn is_text(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind.starts_with("text/")
        || ["application/json", "application/javascript", "application/xml"].contains(&kind.as_str())
}

/// The function's answer in HTTP.
pub fn answer(method: &Method, outcome: Result<Bytes, Failure>) -> Answer {
    let result: Value = match outcome {
        Ok(result) => match serde_json::from_slice(&result) {
            Ok(result) => result,
            Err(_) => {
                return refused(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error", "the answer is not JSON");
            }
        },
        Err(Failure::Throttled) => return refused(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable", "throttled"),
        Err(Failure::TimedOut) => {
            return refused(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error", "the function timed out");
        }
        Err(Failure::Error(_)) => {
            return refused(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error", "the function failed");
        }
    };
    structured(method, &result)
        .unwrap_or_else(|why| refused(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error", why))
}

fn structured(method: &Method, result: &Value) -> Result<Answer, &'static str> {
    let Some(status) = result.get("statusCode") else {
        // "If your Lambda function returns valid JSON and doesn't return a statusCode": status 200, JSON.
        return Ok(Answer::new(StatusCode::OK, From::Miss).with_body("application/json", result.to_string()));
    };
    let number =
        status.as_u64().or_else(|| status.as_str()?.parse().ok()).and_then(|number| u16::try_from(number).ok());
    let status = number.and_then(|number| StatusCode::from_u16(number).ok()).ok_or("statusCode is no status")?;
    let mut answer = Answer::new(status, if status.as_u16() < 400 { From::Miss } else { From::Error });
    for (name, value) in result.get("headers").and_then(Value::as_object).into_iter().flatten() {
        let text = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
        let name: HeaderName = name.parse().map_err(|_| "a header's name is none")?;
        answer.headers.append(name, HeaderValue::try_from(text).map_err(|_| "a header's value is none")?);
    }
    for cookie in result.get("cookies").and_then(Value::as_array).into_iter().flatten() {
        let value = HeaderValue::try_from(cookie.as_str().unwrap_or_default()).map_err(|_| "a cookie is none")?;
        answer.headers.append(SET_COOKIE, value);
    }
    let body = match result.get("body") {
        None | Some(Value::Null) => Bytes::new(),
        Some(Value::String(text)) if result.get("isBase64Encoded").and_then(Value::as_bool) == Some(true) => {
            STANDARD.decode(text).map_err(|_| "the body is not base64")?.into()
        }
        Some(Value::String(text)) => text.clone().into(),
        Some(other) => other.to_string().into(),
    };
    let sized = status != StatusCode::NO_CONTENT && status != StatusCode::NOT_MODIFIED;
    answer.headers.remove(CONTENT_LENGTH);
    if sized {
        answer.headers.insert(CONTENT_LENGTH, body.len().into());
    }
    answer.body = body::bytes(if sized && method != Method::HEAD { body } else { Bytes::new() });
    Ok(answer)
}

/// API Gateway's own words.
pub fn refused(status: StatusCode, message: &str, why: &str) -> Answer {
    let body = json!({ "message": message }).to_string();
    Answer { why: Some(why.to_owned()), ..Answer::new(status, From::Error).with_body("application/json", body) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies() {
        let kind = |text: &'static str| HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(text))]);
        for (kind_of_body, expected) in [
            (kind("application/json; charset=utf-8"), true),
            (kind("Text/plain"), true),
            (kind("application/x-www-form-urlencoded"), false),
            (kind("application/octet-stream"), false),
            (HeaderMap::new(), false),
        ] {
            assert_eq!(is_text(&kind_of_body), expected);
        }
    }

    #[test]
    fn parameters_are_decoded() {
        let expected = BTreeMap::from([("a b".to_owned(), "1,2".to_owned()), ("c".to_owned(), String::new())]);
        assert_eq!(parameters("a%20b=1&c&a+b=2"), expected);
    }

    #[test]
    fn answers() {
        let status = |result: Value| answer(&Method::GET, Ok(result.to_string().into())).status.as_u16();
        assert_eq!(status(json!({ "statusCode": 201, "body": "x" })), 201);
        assert_eq!(status(json!({ "statusCode": "404" })), 404);
        assert_eq!(status(json!({ "hello": 1 })), 200);
        assert_eq!(status(json!({ "statusCode": 99 })), 500);
        assert_eq!(status(json!({ "statusCode": 200, "headers": { "a\nb": "c" } })), 500);
        assert_eq!(status(json!({ "statusCode": 200, "body": "%", "isBase64Encoded": true })), 500);
        assert_eq!(answer(&Method::GET, Err(Failure::Error("x".into()))).status.as_u16(), 500);
        assert_eq!(answer(&Method::GET, Ok("x".into())).status.as_u16(), 500);
    }
}
