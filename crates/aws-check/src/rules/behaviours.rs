//! Behaviours: who is asked before objects are served, and which methods get through.

use std::collections::HashSet;

use super::Rule;
use crate::at::At;
use crate::finding::Finding;
use crate::forwarding::cache_key;
use crate::model::{Authorisation, Behaviour, Kind, Model, Policy};
use crate::table::code;

pub const RULES: &[Rule] = &[
    plain_http,
    authorisation,
    functions_together,
    include_body,
    options_allowed,
    options_cached,
    cached_methods,
    writes,
    response_headers,
];

fn plain_http(model: &Model<'_>, findings: &mut Vec<Finding>) {
    for (_, behaviour) in model.behaviours() {
        if behaviour.at.lacks("ViewerProtocolPolicy") {
            let message = "`ViewerProtocolPolicy` is not there";
            findings.push(behaviour.at.finding(code::viewer_http_allowed, message));
        }
        let policy = behaviour.at.get("ViewerProtocolPolicy");
        if let Some(policy) = policy.filter(|at| at.text() == Some("allow-all")) {
            findings.push(policy.finding(code::viewer_http_allowed, "`allow-all` allows plain http"));
        }
    }
}

fn authorisation(model: &Model<'_>, findings: &mut Vec<Finding>) {
    for (_, behaviour) in model.object_behaviours() {
        match behaviour.authorisation() {
            Authorisation::Open => {
                let message = "no function at viewer-request, no trusted key groups";
                findings.push(behaviour.at.finding(code::behaviour_open, message));
            }
            Authorisation::AfterCache(function) => {
                let message = match function.event {
                    Some(event @ "viewer-response") => {
                        format!("`{event}` runs when the object is there, and cannot refuse")
                    }
                    event => format!("`{}` does not run for what is in the cache", event.unwrap_or_default()),
                };
                let at = function.at.get("EventType").unwrap_or(function.at);
                findings.push(at.finding(code::authorizer_after_cache, message));
            }
            Authorisation::Asked | Authorisation::Unknown => {}
        }
    }
}

fn functions_together(model: &Model<'_>, findings: &mut Vec<Finding>) {
    for (_, behaviour) in model.behaviours() {
        let functions = behaviour.functions();
        let mut events = HashSet::new();
        for function in &functions {
            let Some(event) = function.event else { continue };
            if !events.insert((function.kind, event)) {
                let message = format!("a second function for `{event}`");
                findings.push(function.at.finding(code::functions_twice, message));
            }
        }
        let at_viewer = |kind: Kind| {
            let is_viewers = |event: Option<&str>| event.is_some_and(|event| event.starts_with("viewer-"));
            functions.iter().find(move |function| function.kind == kind && is_viewers(function.event))
        };
        if let (Some(_), Some(function)) = (at_viewer(Kind::LambdaEdge), at_viewer(Kind::CloudFrontFunction)) {
            let message = "Lambda@Edge is at a viewer event of this behaviour, too";
            findings.push(function.at.finding(code::functions_mixed, message));
        }
    }
}

fn include_body(model: &Model<'_>, findings: &mut Vec<Finding>) {
    for (_, behaviour) in model.object_behaviours() {
        for function in behaviour.functions() {
            let body = function.at.get("IncludeBody").filter(|at| at.node.boolean() == Some(true));
            if let Some(body) = body.filter(|_| function.event == Some("viewer-request")) {
                findings.push(body.finding(code::include_body, "requests for objects have no body"));
            }
        }
    }
}

/// Where the behaviour's methods stand.
fn methods_at<'a>(behaviour: &Behaviour<'a>, key: &str) -> At<'a> {
    behaviour.at.get(key).unwrap_or_else(|| behaviour.at.clone())
}

fn options_allowed(model: &Model<'_>, findings: &mut Vec<Finding>) {
    for (_, behaviour) in model.object_behaviours() {
        // Where nobody asks for a token, no browser asks for leave to send one.
        let open = matches!(behaviour.authorisation(), Authorisation::Open | Authorisation::AfterCache(_));
        if behaviour.allows("OPTIONS") == Some(false) && !open {
            let message = "preflights are refused";
            findings.push(methods_at(behaviour, "AllowedMethods").finding(code::options_not_allowed, message));
        }
    }
}

fn options_cached(model: &Model<'_>, findings: &mut Vec<Finding>) {
    let needed = ["Origin", "Access-Control-Request-Method", "Access-Control-Request-Headers"];
    for (_, behaviour) in model.object_behaviours() {
        let cached = behaviour.at.list("CachedMethods").into_iter().find(|at| at.text() == Some("OPTIONS"));
        let Some((cached, key)) = cached.zip(cache_key(behaviour)) else { continue };
        if let Some(missing) = needed.iter().find(|name| key.headers.names.has(name) == Some(false)) {
            let message = format!("`{missing}` is not in the cache key");
            findings.push(cached.finding(code::options_cached, message));
        }
    }
}

fn cached_methods(model: &Model<'_>, findings: &mut Vec<Finding>) {
    for (_, behaviour) in model.behaviours() {
        for method in behaviour.at.list("CachedMethods") {
            let other = |name: &&str| !matches!(*name, "GET" | "HEAD" | "OPTIONS");
            if let Some(name) = method.text().filter(other) {
                let message = format!("`{name}` is never cached");
                findings.push(method.finding(code::cached_methods_unknown, message));
            }
        }
    }
}

fn writes(model: &Model<'_>, findings: &mut Vec<Finding>) {
    for (_, behaviour) in model.object_behaviours() {
        let writing = |at: &At<'_>| matches!(at.text(), Some("PUT" | "POST" | "PATCH" | "DELETE"));
        let found: Vec<_> = behaviour.at.list("AllowedMethods").into_iter().filter(writing).collect();
        if let Some(first) = found.first() {
            let names: Vec<_> = found.iter().filter_map(At::text).collect();
            findings.push(first.finding(code::writes_allowed, format!("{} to the bucket", names.join(", "))));
        }
    }
}

fn response_headers(model: &Model<'_>, findings: &mut Vec<Finding>) {
    for (_, behaviour) in model.object_behaviours() {
        // A function at the answer may set them.
        let by_function = behaviour.functions().iter().any(|function| function.event == Some("viewer-response"));
        if matches!(behaviour.response_headers_policy, Policy::Absent) && !by_function {
            let message = "`ResponseHeadersPolicyId` is not there";
            findings.push(behaviour.at.finding(code::response_headers_missing, message));
        }
    }
}
