//! Endpoints beside the objects: function URLs and APIs behind the distribution.

use super::Rule;
use super::edge::FUNCTIONS;
use super::origins::is_signed;
use crate::at::At;
use crate::finding::Finding;
use crate::forwarding::{Choice, Forwarding, cache_key, origin_request};
use crate::model::{Behaviour, Model, Origin, Policy};
use crate::origins::Host;
use crate::patterns::references;
use crate::table::code;

pub const RULES: &[Rule] = &[url_open, unsigned_body, token_stripped, host_forwarded, cached];

/// Where function URLs say how they authenticate.
fn urls<'a>(model: &Model<'a>) -> Vec<At<'a>> {
    let world = model.world;
    let own = world.of("AWS::Lambda::Url").filter_map(|url| At::properties(url).get("AuthType"));
    let of_sam =
        world.of(FUNCTIONS[1]).filter_map(|function| At::properties(function).at(&["FunctionUrlConfig", "AuthType"]));
    own.chain(of_sam).collect()
}

fn url_open(model: &Model<'_>, findings: &mut Vec<Finding>) {
    for auth in urls(model).into_iter().filter(|auth| auth.text() == Some("NONE")) {
        let id = auth.resource.id.as_str();
        let is_its = |origin: &&Origin<'_>| {
            let domain = origin.at.get("DomainName").and_then(|domain| domain.pattern()).unwrap_or_default();
            // SAM calls the URL of a function `Function` `FunctionUrl`.
            references(domain).any(|(name, _)| name == id || name.strip_suffix("Url") == Some(id))
        };
        let guarded = model.origins().filter(is_its).any(|origin| !origin.at.lacks_items("OriginCustomHeaders"));
        if !guarded {
            let message = "`NONE` lets everybody call the function";
            findings.push(auth.finding(code::function_url_open, message));
        }
    }
}

fn endpoint_behaviours<'m, 'a>(model: &'m Model<'a>) -> impl Iterator<Item = &'m Behaviour<'a>> {
    let behaviours = model.behaviours().map(|(_, behaviour)| behaviour);
    behaviours.filter(|behaviour| behaviour.origins.iter().any(Origin::is_endpoint))
}

fn unsigned_body(model: &Model<'_>, findings: &mut Vec<Finding>) {
    for behaviour in endpoint_behaviours(model) {
        let signed = behaviour
            .origins
            .iter()
            .any(|origin| origin.host == Host::FunctionUrl && !origin.at.lacks_items("OriginAccessControlId"));
        let bodies = |at: &At<'_>| matches!(at.text(), Some("PUT" | "POST" | "PATCH"));
        let method = behaviour.at.list("AllowedMethods").into_iter().find(bodies);
        if let Some(method) = method.filter(|_| signed) {
            let message = format!("a {} without `x-amz-content-sha256` is refused", method.text().unwrap_or_default());
            findings.push(method.finding(code::function_url_unsigned_body, message));
        }
    }
}

/// The headers that get to the endpoint; None where that cannot be known.
fn headers_of<'a>(behaviour: &Behaviour<'a>) -> Option<Vec<Choice<'a>>> {
    let key = cache_key(behaviour);
    let sent = origin_request(behaviour);
    let known = (key.is_some() || matches!(behaviour.cache_policy, Policy::Absent))
        && (sent.is_some() || matches!(behaviour.origin_request_policy, Policy::Absent));
    known.then(|| [key, sent].into_iter().flatten().map(|Forwarding { headers, .. }| headers).collect())
}

fn token_stripped(model: &Model<'_>, findings: &mut Vec<Finding>) {
    for behaviour in endpoint_behaviours(model) {
        // With signing, Authorization is CloudFront's own.
        let signs = behaviour
            .origins
            .iter()
            .any(|origin| !origin.at.lacks_items("OriginAccessControlId") || is_signed(model, origin) == Some(true));
        let Some(headers) = headers_of(behaviour).filter(|_| !signs) else { continue };
        if headers.iter().all(|headers| headers.names.has("Authorization") == Some(false)) {
            let at = behaviour.at.get("OriginRequestPolicyId").unwrap_or_else(|| behaviour.at.clone());
            let message = "no policy forwards `Authorization`";
            findings.push(at.finding(code::api_token_stripped, message));
        }
    }
}

fn host_forwarded(model: &Model<'_>, findings: &mut Vec<Finding>) {
    for behaviour in endpoint_behaviours(model) {
        for headers in headers_of(behaviour).unwrap_or_default() {
            if headers.names.has("Host") == Some(true) {
                findings.push(headers.at.finding(code::api_host_forwarded, "`Host` goes to the endpoint"));
            }
        }
    }
}

/// Cached for a day where the origin says nothing.
const CACHING: [&str; 2] = ["658327ea-f89d-4fab-a63d-7e88639e58f6", "b2884449-e4de-46a7-ac36-70bc7f1ddd6d"];

fn cached(model: &Model<'_>, findings: &mut Vec<Finding>) {
    for behaviour in endpoint_behaviours(model) {
        let keyed = cache_key(behaviour).is_some_and(|key| key.headers.names.has("Authorization") == Some(true));
        let at = match &behaviour.cache_policy {
            Policy::Own(config) => kept(config),
            Policy::Managed(id, at) if CACHING.contains(id) => Some(at.clone()),
            Policy::Absent if behaviour.at.get("ForwardedValues").is_some() => kept(&behaviour.at),
            _ => None,
        };
        if let Some(at) = at.filter(|_| !keyed) {
            findings.push(at.finding(code::api_cached, "answers are kept, whoever asked"));
        }
    }
}

/// The time to live by which answers are kept.
fn kept<'a>(config: &At<'a>) -> Option<At<'a>> {
    let ttls = ["MinTTL", "DefaultTTL"].into_iter().filter_map(|key| config.get(key));
    let none_at_all = config.get("MaxTTL").and_then(|at| at.node.number()) == Some(0.0);
    ttls.filter(|_| !none_at_all).find(|ttl| ttl.node.number().is_some_and(|seconds| seconds > 0.0))
}
