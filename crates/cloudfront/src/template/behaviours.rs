//! A cache behaviour: for which paths, with which policies, and what runs at viewer-request.

use http::Method;

use crate::fault::Fault;
use crate::policy::{CachePolicy, OriginRequestPolicy, ResponseHeadersPolicy};
use crate::settings::Settings;
use crate::template::functions::{Lambda, Script, edge_function, script};
use crate::template::policies::{cache_policy, origin_request_policy, response_headers_policy};
use crate::template::{Section, Templates};

#[derive(Debug)]
pub struct Behaviour {
    pub pattern: String,
    /// A number into the distribution's origins.
    pub origin: usize,
    pub allowed: Vec<Method>,
    pub cache: CachePolicy,
    pub request: OriginRequestPolicy,
    pub response: Option<ResponseHeadersPolicy>,
    pub viewer_request: Option<ViewerRequest>,
}

#[derive(Clone, Debug)]
pub enum ViewerRequest {
    LambdaEdge(Lambda),
    Script(Script),
}

const READ: &[&str] = &[
    "AllowedMethods",
    "CachePolicyId",
    "CachedMethods",
    "FunctionAssociations",
    "LambdaFunctionAssociations",
    "OriginRequestPolicyId",
    "PathPattern",
    "ResponseHeadersPolicyId",
    "TargetOriginId",
    "ViewerProtocolPolicy",
];

pub fn behaviour(
    templates: &Templates,
    page: usize,
    section: &Section<'_>,
    pattern: &str,
    origins: &[&str],
    settings: &Settings,
) -> Result<Behaviour, Fault> {
    // Objects are served as they are stored.
    section.only(READ, &["Compress", "RealtimeLogConfigArn"])?;
    let target = section.get("TargetOriginId");
    let origin = target.text()?;
    let policy = section.get("ViewerProtocolPolicy");
    // Loopback over plain HTTP stands for https, so that there is nothing to redirect or refuse.
    if !["allow-all", "https-only", "redirect-to-https"].contains(&policy.text()?) {
        return Err(policy.wrong("must be allow-all, https-only or redirect-to-https"));
    }
    Ok(Behaviour {
        pattern: pattern.to_owned(),
        origin: origins.iter().position(|known| *known == origin).ok_or_else(|| target.wrong("names no origin"))?,
        allowed: methods(section)?,
        cache: cache_policy(templates, page, &section.get("CachePolicyId"))?,
        request: origin_request_policy(templates, page, &section.get("OriginRequestPolicyId"))?,
        response: response_headers_policy(templates, page, &section.get("ResponseHeadersPolicyId"))?,
        viewer_request: viewer_request(templates, page, section, settings)?,
    })
}

/// CloudFront takes three sets of methods and no other.
fn methods(section: &Section<'_>) -> Result<Vec<Method>, Fault> {
    const SETS: [&[&str]; 3] =
        [&["GET", "HEAD"], &["GET", "HEAD", "OPTIONS"], &["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"]];
    let allowed = section.get("AllowedMethods");
    let mut words = if allowed.is_there() { allowed.texts()? } else { vec!["GET", "HEAD"] };
    words.sort_unstable();
    if !SETS.contains(&words.as_slice()) {
        return Err(allowed.wrong("must be GET and HEAD; these and OPTIONS; or all seven methods"));
    }
    let cached = section.get("CachedMethods");
    let mut kept = if cached.is_there() { cached.texts()? } else { vec!["GET", "HEAD"] };
    kept.sort_unstable();
    match kept.as_slice() {
        ["GET", "HEAD"] => {}
        ["GET", "HEAD", "OPTIONS"] => return Err(cached.not_emulated("a cache for answers to OPTIONS")),
        _ => return Err(cached.wrong("must be GET and HEAD, or these and OPTIONS")),
    }
    words.into_iter().map(|word| word.parse().map_err(|_| allowed.wrong("names no method"))).collect()
}

fn viewer_request(
    templates: &Templates,
    page: usize,
    section: &Section<'_>,
    settings: &Settings,
) -> Result<Option<ViewerRequest>, Fault> {
    let mut made = None;
    for list in ["LambdaFunctionAssociations", "FunctionAssociations"] {
        for item in section.get(list).items() {
            let event = item.get("EventType");
            if event.text()? != "viewer-request" {
                return Err(event.not_emulated(format!("functions at {}", event.text()?)));
            }
            if made.is_some() {
                return Err(item.wrong("a behaviour can have one function at viewer-request"));
            }
            made = Some(if list == "FunctionAssociations" {
                ViewerRequest::Script(script(templates, page, &item, settings)?)
            } else {
                ViewerRequest::LambdaEdge(edge_function(templates, page, &item, settings)?)
            });
        }
    }
    Ok(made)
}
