//! What of a request for an object is in the cache key, and what the bucket gets of it.

use super::Rule;
use crate::at::At;
use crate::finding::Finding;
use crate::forwarding::{Choice, Names, cache_key, origin_request};
use crate::model::{Model, Policy};
use crate::table::code;

pub const RULES: &[Rule] = &[key, origin, minimum_ttl];

fn key(model: &Model<'_>, findings: &mut Vec<Finding>) {
    for (_, behaviour) in model.object_behaviours() {
        let Some(key) = cache_key(behaviour) else { continue };
        if key.headers.names.has("Authorization") == Some(true) {
            findings.push(key.headers.at.finding(code::cache_key_token, "`Authorization` is in the cache key"));
        }
        let has_cookies = key.headers.names.has("Cookie") == Some(true);
        if let Some(which) =
            carried(&key.cookies, "cookie").or_else(|| has_cookies.then(|| "the header `Cookie`".to_owned()))
        {
            let at = if has_cookies { &key.headers.at } else { &key.cookies.at };
            findings.push(at.finding(code::cache_key_cookies, format!("{which} is in the cache key")));
        }
        if let Some(which) = carried(&key.query, "query parameter") {
            findings.push(key.query.at.finding(code::cache_key_query, format!("{which} is in the cache key")));
        }
    }
}

fn origin(model: &Model<'_>, findings: &mut Vec<Finding>) {
    for (_, behaviour) in model.object_behaviours() {
        let Some(sent) = origin_request(behaviour) else { continue };
        if sent.headers.names.has("Authorization") == Some(true) {
            let message = "the header `Authorization` goes to the bucket";
            findings.push(sent.headers.at.finding(code::origin_gets_token, message));
        }
        if let Some(which) = carried(&sent.cookies, "cookie") {
            findings.push(sent.cookies.at.finding(code::origin_gets_cookies, format!("{which} goes to the bucket")));
        }
        if let Some(which) = carried(&sent.query, "query parameter") {
            findings.push(sent.query.at.finding(code::origin_gets_query, format!("{which} goes to the bucket")));
        }
    }
}

/// Names of cookies and query parameters that carry tokens.
const TOKENS: [&str; 8] = ["token", "auth", "jwt", "session", "edgepass", "signature", "secret", "x-amz-"];

/// What is chosen that may be a token: all, or a name that says so.
fn carried(choice: &Choice<'_>, kind: &str) -> Option<String> {
    let is_token = |name: &String| {
        let name = name.to_ascii_lowercase();
        TOKENS.iter().any(|word| name.contains(word))
    };
    match &choice.names {
        Names::All => Some(format!("every {kind}")),
        Names::AllBut(_) => Some(format!("every {kind} but a few")),
        Names::These(names) => names.iter().find(|name| is_token(name)).map(|name| format!("the {kind} `{name}`")),
        Names::None | Names::Unknown => None,
    }
}

fn minimum_ttl(model: &Model<'_>, findings: &mut Vec<Finding>) {
    for (_, behaviour) in model.object_behaviours() {
        let config = match &behaviour.cache_policy {
            Policy::Own(config) => Some(config),
            Policy::Absent if behaviour.at.get("ForwardedValues").is_some() => Some(&behaviour.at),
            _ => None,
        };
        let ttl = config.and_then(|config: &At<'_>| config.get("MinTTL"));
        let seconds = ttl.as_ref().and_then(|ttl| ttl.node.number()).filter(|seconds| *seconds > 0.0);
        if let (Some(ttl), Some(seconds)) = (ttl, seconds) {
            let message = format!("everything is kept for {seconds} seconds at least");
            findings.push(ttl.finding(code::minimum_ttl, message));
        }
    }
}
