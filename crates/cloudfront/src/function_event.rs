//! CloudFront Functions at viewer-request: the event, version 1.0, and the reading of what comes back.
//! https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/functions-event-structure.html

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderName, StatusCode};
use serde_json::{Map, Value, json};

use crate::event::{
    DISTRIBUTION, DOMAIN, Decision, Generated, Invalid, Viewed, is_disallowed, judge_answer, judge_request, read_name,
    read_value, shown,
};
use crate::limits;
use crate::policy::{Asked, cookies, pairs};

pub fn event(viewed: &Viewed<'_>) -> Value {
    let asked = viewed.asked;
    let visible = asked.headers.iter().filter(|(name, _)| **name != COOKIE && !is_disallowed(name.as_str()));
    json!({
        "version": "1.0",
        "context": {
            "distributionDomainName": DOMAIN,
            "distributionId": DISTRIBUTION,
            "eventType": "viewer-request",
            "requestId": viewed.id,
        },
        "viewer": { "ip": viewed.ip },
        "request": {
            "method": viewed.method.as_str(),
            "uri": asked.uri,
            "querystring": collapsed(pairs(&asked.query).map(|(name, value)| (name.to_owned(), value.to_owned()))),
            "headers": collapsed(visible.map(|(name, value)| (name.as_str().to_owned(), shown(value)))),
            "cookies": collapsed(cookies(&asked.headers).map(|(name, value)| (name.to_owned(), value.to_owned()))),
        },
    })
}

/// One member for each name; those that come several times have all their values in `multiValue`.
fn collapsed(pairs: impl Iterator<Item = (String, String)>) -> Value {
    let mut members = Map::new();
    for (name, value) in pairs {
        let one = json!({ "value": value });
        let Some(Value::Object(known)) = members.get_mut(&name) else {
            members.insert(name, one);
            continue;
        };
        let first = json!({ "value": known.get("value") });
        if let Value::Array(all) = known.entry("multiValue").or_insert_with(|| json!([first])) {
            all.push(one);
        }
    }
    Value::Object(members)
}

pub fn read(answer: &[u8], viewed: &Viewed<'_>) -> Result<Decision, Invalid> {
    let invalid = |what: &str| Invalid(what.to_owned());
    let answer: Value = serde_json::from_slice(answer).map_err(|_| invalid("the answer is not JSON"))?;
    let Value::Object(answer) = answer else {
        return Err(invalid("the answer is not an object"));
    };
    if answer.contains_key("statusCode") {
        return generated(&answer).map(Decision::Answer);
    }
    if answer.get("method").and_then(Value::as_str) != Some(viewed.method.as_str()) {
        return Err(invalid("the method is read-only"));
    }
    let uri = answer.get("uri").and_then(Value::as_str).ok_or_else(|| invalid("the request has no URI"))?;
    let mut headers = headers(answer.get("headers"))?;
    let cookies = expanded(answer.get("cookies"))?;
    if !cookies.is_empty() {
        let text = joined(&cookies, "; ");
        headers.insert(COOKIE, read_value(&COOKIE, &text)?);
    }
    let back = Asked { uri: uri.to_owned(), query: joined(&expanded(answer.get("querystring"))?, "&"), headers };
    judge_request(back, viewed.asked).map(Decision::Forward)
}

fn generated(answer: &Map<String, Value>) -> Result<Generated, Invalid> {
    let invalid = |what: &str| Invalid(what.to_owned());
    let status =
        answer.get("statusCode").and_then(Value::as_u64).ok_or_else(|| invalid("statusCode is not a number"))?;
    let status = u16::try_from(status).ok().filter(|status| (200..600).contains(status));
    let status = status.and_then(|status| StatusCode::from_u16(status).ok());
    let status = status.ok_or_else(|| invalid("statusCode is not between 200 and 599"))?;
    let mut headers = headers(answer.get("headers"))?;
    for (name, value) in answer.get("cookies").and_then(Value::as_object).into_iter().flatten() {
        let text = |member: &str| value.get(member).and_then(Value::as_str).unwrap_or_default();
        let attributes = text("attributes");
        let separator = if attributes.is_empty() { "" } else { "; " };
        let cookie = format!("{name}={}{separator}{attributes}", text("value"));
        headers.append(SET_COOKIE, read_value(&SET_COOKIE, &cookie)?);
    }
    let body = match answer.get("body") {
        None | Some(Value::Null) => Bytes::new(),
        Some(Value::String(text)) => Bytes::from(text.clone()),
        Some(body) => encoded(body)?,
    };
    let size: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if size + body.len() > limits::GENERATED {
        return Err(invalid("a response made at viewer-request is larger than 40 KB"));
    }
    Ok(Generated { status, headers: judge_answer(headers)?, body })
}

fn encoded(body: &Value) -> Result<Bytes, Invalid> {
    let member = |name: &str| body.get(name).and_then(Value::as_str);
    match (member("encoding"), member("data")) {
        (Some("text"), Some(data)) => Ok(Bytes::from(data.to_owned())),
        (Some("base64"), Some(data)) => {
            STANDARD.decode(data).map(Bytes::from).map_err(|_| Invalid("the body is not base64".into()))
        }
        _ => Err(Invalid("the body has no data in an encoding `text` or `base64`".into())),
    }
}

fn headers(value: Option<&Value>) -> Result<HeaderMap, Invalid> {
    let mut headers = HeaderMap::new();
    for (name, value) in expanded(value)? {
        let name: HeaderName = read_name(&name)?;
        headers.append(&name, read_value(&name, &value)?);
    }
    Ok(headers)
}

/// The opposite of [`collapsed`].
fn expanded(value: Option<&Value>) -> Result<Vec<(String, String)>, Invalid> {
    let members = match value {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Object(members)) => members,
        Some(_) => return Err(Invalid("headers, cookies or querystring are not an object".into())),
    };
    let mut pairs = Vec::new();
    for (name, member) in members {
        let one = std::slice::from_ref(member);
        let all = member.get("multiValue").and_then(Value::as_array).map_or(one, Vec::as_slice);
        for item in all {
            let text = item.get("value").and_then(Value::as_str);
            pairs.push((
                name.clone(),
                text.ok_or_else(|| Invalid(format!("`{name}` has no text as its value")))?.to_owned(),
            ));
        }
    }
    Ok(pairs)
}

fn joined(pairs: &[(String, String)], separator: &str) -> String {
    let pair =
        |(name, value): &(String, String)| if value.is_empty() { name.clone() } else { format!("{name}={value}") };
    pairs.iter().map(pair).collect::<Vec<_>>().join(separator)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderValue, Method};

    fn with<T>(check: impl FnOnce(&Viewed<'_>) -> T) -> T {
        let mut headers = HeaderMap::new();
        headers.append("accept", HeaderValue::from_static("a/b"));
        headers.append("accept", HeaderValue::from_static("c/d"));
        headers.append("cookie", HeaderValue::from_static("t=1; u=2"));
        let asked = Asked { uri: "/a".into(), query: "x=1&y&x=2".into(), headers };
        check(&Viewed { id: "R", ip: "::1".into(), method: &Method::GET, asked: &asked })
    }

    #[test]
    fn as_documented() {
        assert_eq!(
            with(event)["request"],
            json!({
                "method": "GET",
                "uri": "/a",
                "querystring": { "x": { "value": "1", "multiValue": [{ "value": "1" }, { "value": "2" }] }, "y": { "value": "" } },
                "headers": { "accept": { "value": "a/b", "multiValue": [{ "value": "a/b" }, { "value": "c/d" }] } },
                "cookies": { "t": { "value": "1" }, "u": { "value": "2" } },
            })
        );
    }

    #[test]
    fn there_and_back() {
        let decision = with(|viewed| read(event(viewed)["request"].to_string().as_bytes(), viewed));
        let Ok(Decision::Forward(asked)) = decision else { panic!("{decision:?}") };
        assert_eq!(asked.query, "x=1&x=2&y");
        assert_eq!(asked.headers["cookie"], "t=1; u=2");
        assert_eq!(asked.headers.get_all("accept").iter().count(), 2);
    }

    #[test]
    fn answers() {
        let answer = |answer: Value| with(|viewed| read(answer.to_string().as_bytes(), viewed));
        let made = answer(json!({
            "statusCode": 401,
            "headers": { "content-type": { "value": "text/plain" } },
            "cookies": { "a": { "value": "b", "attributes": "Secure" } },
            "body": { "encoding": "base64", "data": "aGk=" },
        }));
        let Ok(Decision::Answer(made)) = made else { panic!("{made:?}") };
        assert_eq!(made.headers["set-cookie"], "a=b; Secure");
        assert_eq!((made.status.as_u16(), &made.body[..]), (401, &b"hi"[..]));
        for refused in [
            json!({ "statusCode": "403" }),
            json!({ "statusCode": 100 }),
            json!({ "statusCode": 200, "headers": { "x-edge-a": { "value": "1" } } }),
            json!({ "statusCode": 200, "headers": { "A": { "value": "1" } } }),
            json!({ "statusCode": 200, "body": { "encoding": "hex", "data": "" } }),
            json!({ "method": "PUT", "uri": "/", "headers": {} }),
            json!({ "method": "GET", "uri": "x" }),
            json!(null),
        ] {
            assert!(answer(refused.clone()).is_err(), "{refused}");
        }
    }
}
