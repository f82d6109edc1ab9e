//! Lambda@Edge at viewer-request: the event, and the reading of what comes back.
//! https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/lambda-event-structure.html
//! https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/lambda-generating-http-responses.html

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value, json};

use crate::event::{
    DISTRIBUTION, DOMAIN, Decision, Generated, Invalid, Viewed, is_disallowed, judge_answer, judge_request, read_name,
    read_value, shown,
};
use crate::limits;
use crate::policy::Asked;

pub fn event(viewed: &Viewed<'_>) -> Value {
    let asked = viewed.asked;
    let mut headers = Map::new();
    for name in asked.headers.keys().filter(|name| !is_disallowed(name.as_str())) {
        let values = asked.headers.get_all(name).iter();
        let values = values.map(|value| json!({ "key": spelled(name.as_str()), "value": shown(value) }));
        headers.insert(name.as_str().to_owned(), values.collect());
    }
    json!({ "Records": [{ "cf": {
        "config": {
            "distributionDomainName": DOMAIN,
            "distributionId": DISTRIBUTION,
            "eventType": "viewer-request",
            "requestId": viewed.id,
        },
        "request": {
            "clientIp": viewed.ip,
            "headers": headers,
            "method": viewed.method.as_str(),
            "querystring": asked.query,
            "uri": asked.uri,
        },
    } }] })
}

/// `content-type` as `Content-Type`: how the viewer spelled it is not known here any more.
fn spelled(name: &str) -> String {
    let words = name.split('-').map(|word| {
        let mut characters = word.chars();
        characters.next().map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + characters.as_str())
    });
    words.collect::<Vec<_>>().join("-")
}

pub fn read(answer: &[u8], viewed: &Viewed<'_>) -> Result<Decision, Invalid> {
    let invalid = |what: &str| Invalid(what.to_owned());
    let answer: Value = serde_json::from_slice(answer).map_err(|_| invalid("the answer is not JSON"))?;
    let Value::Object(answer) = answer else {
        return Err(invalid("the answer is not an object"));
    };
    if answer.contains_key("status") {
        return generated(&answer).map(Decision::Answer);
    }
    if answer.get("method").and_then(Value::as_str) != Some(viewed.method.as_str()) {
        return Err(invalid("the method is read-only"));
    }
    let text = |name: &str| answer.get(name).and_then(Value::as_str).map(ToOwned::to_owned);
    let back = Asked {
        uri: text("uri").ok_or_else(|| invalid("the request has no URI"))?,
        query: text("querystring").ok_or_else(|| invalid("the request has no querystring"))?,
        headers: headers(answer.get("headers").ok_or_else(|| invalid("the request has no headers"))?)?,
    };
    judge_request(back, viewed.asked).map(Decision::Forward)
}

fn generated(answer: &Map<String, Value>) -> Result<Generated, Invalid> {
    let invalid = |what: &str| Invalid(what.to_owned());
    let status = answer.get("status").and_then(Value::as_str).ok_or_else(|| invalid("the status is not a string"))?;
    let status: u16 = status.parse().map_err(|_| invalid("the status is no number"))?;
    let status =
        Some(status).filter(|status| (200..600).contains(status)).and_then(|status| StatusCode::from_u16(status).ok());
    let status = status.ok_or_else(|| invalid("the status is not between 200 and 599"))?;
    if !answer.get("statusDescription").is_none_or(|words| words.is_string() || words.is_null()) {
        return Err(invalid("statusDescription is not a string"));
    }
    let headers = match answer.get("headers") {
        None | Some(Value::Null) => HeaderMap::new(),
        Some(value) => headers(value)?,
    };
    let text = match answer.get("body") {
        None | Some(Value::Null) => "",
        Some(Value::String(text)) => text,
        Some(_) => return Err(invalid("the body is not a string")),
    };
    let size: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if size + text.len() > limits::GENERATED {
        return Err(invalid("a response made at viewer-request is larger than 40 KB"));
    }
    if status == StatusCode::NO_CONTENT && !text.is_empty() {
        return Err(invalid("a response of status 204 has a body"));
    }
    let body = match answer.get("bodyEncoding").and_then(Value::as_str).unwrap_or("text") {
        "text" => Bytes::from(text.to_owned()),
        "base64" => Bytes::from(STANDARD.decode(text).map_err(|_| invalid("the body is not base64"))?),
        _ => return Err(invalid("bodyEncoding is neither text nor base64")),
    };
    Ok(Generated { status, headers: judge_answer(headers)?, body })
}

/// `{"name": [{"key": "Name", "value": "…"}]}`; `key` may be left out.
fn headers(value: &Value) -> Result<HeaderMap, Invalid> {
    let Value::Object(members) = value else {
        return Err(Invalid("headers are not an object".into()));
    };
    let mut headers = HeaderMap::new();
    for (name, values) in members {
        let name = read_name(name)?;
        let values = values.as_array().ok_or_else(|| Invalid(format!("the header {name} is not a list")))?;
        for value in values {
            let key = value.get("key").and_then(Value::as_str).unwrap_or(name.as_str());
            if !key.eq_ignore_ascii_case(name.as_str()) {
                return Err(Invalid(format!("the key of the header {name} is another name")));
            }
            let text = value.get("value").and_then(Value::as_str);
            let text = text.ok_or_else(|| Invalid(format!("the header {name} has no text as its value")))?;
            headers.append(&name, read_value(&name, text)?);
        }
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderValue, Method};

    fn asked() -> Asked {
        let mut headers = HeaderMap::new();
        headers.append("host", HeaderValue::from_static("files.example"));
        headers.append("accept", HeaderValue::from_static("a/b"));
        headers.append("accept", HeaderValue::from_static("c/d"));
        headers.append("connection", HeaderValue::from_static("close"));
        Asked { uri: "/a%20b".into(), query: "x=1&x=2".into(), headers }
    }

    fn with<T>(check: impl FnOnce(&Viewed<'_>) -> T) -> T {
        let asked = asked();
        check(&Viewed { id: "R", ip: "127.0.0.1".into(), method: &Method::GET, asked: &asked })
    }

    #[test]
    fn as_documented() {
        let request = with(event)["Records"][0]["cf"]["request"].take();
        assert_eq!(
            request,
            json!({
                "clientIp": "127.0.0.1",
                "headers": {
                    "host": [{ "key": "Host", "value": "files.example" }],
                    "accept": [{ "key": "Accept", "value": "a/b" }, { "key": "Accept", "value": "c/d" }],
                },
                "method": "GET",
                "querystring": "x=1&x=2",
                "uri": "/a%20b",
            })
        );
    }

    fn back(change: impl FnOnce(&mut Value)) -> Result<Decision, Invalid> {
        with(|viewed| {
            let mut request = event(viewed)["Records"][0]["cf"]["request"].take();
            change(&mut request);
            read(request.to_string().as_bytes(), viewed)
        })
    }

    #[test]
    fn forwards() {
        let forwarded = back(|request| {
            request["uri"] = "/other".into();
            request["querystring"] = "".into();
            request["headers"]["x-new"] = json!([{ "value": "1" }]);
        });
        let Ok(Decision::Forward(asked)) = forwarded else { panic!("{forwarded:?}") };
        assert_eq!((asked.uri.as_str(), asked.query.as_str()), ("/other", ""));
        assert_eq!(asked.headers["x-new"], "1");
        assert_eq!(asked.headers.get_all("accept").iter().count(), 2);
        assert!(!asked.headers.contains_key("connection"));
    }

    #[test]
    fn refused_requests() {
        let long = "/".repeat(8192);
        for (pointer, value) in [
            ("/uri", json!("no-slash")),
            ("/uri", json!("/a b")),
            ("/uri", json!("/a#b")),
            ("/uri", json!("/a\nb")),
            ("/uri", json!(long)),
            ("/uri", json!(null)),
            ("/querystring", json!("a b")),
            ("/method", json!("PUT")),
            ("/headers", json!([])),
            ("/headers/host", json!([{ "key": "Host", "value": "other" }])),
            ("/headers/host", json!([{ "key": "Other", "value": "files.example" }])),
            ("/headers/accept", json!("a")),
            ("/headers/accept", json!([{ "key": "Accept", "value": "a\nb" }])),
            ("/headers/accept", json!([{ "key": "Accept", "value": 1 }])),
        ] {
            let answer = back(|request| *request.pointer_mut(pointer).unwrap() = value.clone());
            assert!(answer.is_err(), "{pointer} {value}");
        }
        for name in ["x-edge-a", "x-amz-cf-id", "x-real-ip", "connection", "via", "content-length", "X-New"] {
            let answer = back(|request| request["headers"][name] = json!([{ "value": "1" }]));
            assert!(answer.is_err(), "{name}");
        }
        // Just short enough.
        assert!(back(|request| request["uri"] = "/".repeat(8184).into()).is_ok());
    }

    #[test]
    fn answers() {
        let answer = |answer: &Value| with(|viewed| read(answer.to_string().as_bytes(), viewed));
        let made = answer(&json!({ "status": "403", "body": "aGk=", "bodyEncoding": "base64" }));
        let Ok(Decision::Answer(made)) = made else { panic!("{made:?}") };
        assert_eq!((made.status.as_u16(), &made.body[..]), (403, &b"hi"[..]));
        let most = "x".repeat(40 * 1024);
        assert!(answer(&json!({ "status": "200", "body": most })).is_ok());
        for refused in [
            json!({ "status": 403 }),
            json!({ "status": "99" }),
            json!({ "status": "600" }),
            json!({ "status": "abc" }),
            json!({ "status": "204", "body": "x" }),
            json!({ "status": "200", "body": "%", "bodyEncoding": "base64" }),
            json!({ "status": "200", "body": 1 }),
            json!({ "status": "200", "bodyEncoding": "gzip" }),
            json!({ "status": "200", "body": most, "headers": { "a": [{ "value": "" }] } }),
            json!({ "status": "200", "headers": { "x-cache": [{ "value": "a" }] } }),
            json!({ "status": "200", "statusDescription": 5 }),
            json!(null),
            json!("x"),
            json!([]),
            json!({}),
        ] {
            assert!(answer(&refused).is_err(), "{refused}");
        }
    }
}
