//! Answers of hooks, a body after a line of `Cache-Control`: yes only where yes was said, and never kept for longer than
//! the configuration allows.

use std::time::Duration;

use hook::{Keep, Verdict, verdict};
use http::header::CACHE_CONTROL;
use http::{HeaderMap, HeaderValue};
use serde_json::Value;

pub fn answer(data: &[u8]) {
    let cut = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let (line, body) = data.split_at(cut);
    let body = body.get(1..).unwrap_or_default();
    let said = verdict(body).ok();
    assert_eq!(said, plainly(body));

    let most = Keep { fresh: Duration::from_secs(10), stale: Duration::from_secs(60) };
    let mut headers = HeaderMap::new();
    for value in line.split(|byte| *byte == b';') {
        if let Ok(value) = HeaderValue::from_bytes(value) {
            headers.append(CACHE_CONTROL, value);
        }
    }
    let keep = most.shortened(&headers);
    assert!(keep.fresh <= most.fresh && keep.stale <= most.stale);
    let again = keep.shortened(&headers);
    assert_eq!(again, keep, "what is heeded twice says nothing new");
}

/// The three forms of docs/reference/hook.md, compared as whole texts of what counts in them.
fn plainly(body: &[u8]) -> Option<Verdict> {
    let members = authorizer::strict_object(body)?;
    let said = match (members.get("result"), members.get("allow")) {
        (Some(_), Some(_)) | (None, None) => return None,
        (Some(result), None) => result.as_object().map_or(Some(result), |result| result.get("allow")),
        (None, Some(allow)) => Some(allow),
    };
    match said? {
        Value::Bool(true) => Some(Verdict::Yes),
        Value::Bool(false) => Some(Verdict::No),
        _ => None,
    }
}
