//! How CloudFront comes to its origins, and whether others do.

use super::Rule;
use crate::at::At;
use crate::document::Node;
use crate::finding::Finding;
use crate::model::{Model, Origin};
use crate::origins::{Bucket, Endpoint, Host};
use crate::table::code;

pub const RULES: &[Rule] = &[access, control, endpoint, region, plain_http, without_secret, secret_in_clear];

fn access(model: &Model<'_>, findings: &mut Vec<Finding>) {
    for origin in model.origins().filter(|origin| origin.is_bucket() && !is_website(origin)) {
        let config = origin.at.get("S3OriginConfig");
        let no_control = origin.at.lacks_items("OriginAccessControlId");
        let no_identity = match &config {
            Some(config) => config.lacks_items("OriginAccessIdentity"),
            None => origin.at.lacks("S3OriginConfig"),
        };
        if no_control && no_identity {
            let message = "CloudFront asks the bucket without a signature";
            findings.push(origin.at.finding(code::origin_access_missing, message));
        }
        let identity = config.and_then(|config| config.get("OriginAccessIdentity"));
        let identity = identity.filter(|at| at.pattern().is_some_and(|text| !text.is_empty()));
        if let Some(identity) = identity.filter(|_| is_named(&origin.at, "OriginAccessControlId")) {
            let message = "an origin access control is set as well as this identity";
            findings.push(identity.finding(code::origin_access_both, message));
        }
    }
}

fn is_website(origin: &Origin<'_>) -> bool {
    matches!(origin.host, Host::Bucket(_, Endpoint::Website))
}

fn is_named(at: &At<'_>, key: &str) -> bool {
    at.get(key).and_then(|value| value.pattern()).is_some_and(|text| !text.is_empty())
}

/// The origin access control that the origin names, where it is in the template.
fn control_of<'a>(model: &Model<'a>, origin: &Origin<'_>) -> Option<At<'a>> {
    let named = origin.at.get("OriginAccessControlId")?.pattern()?;
    let world = model.world;
    let resource = world.named(named).filter(|one| one.kind == "AWS::CloudFront::OriginAccessControl")?;
    At::properties(resource).get("OriginAccessControlConfig")
}

fn control(model: &Model<'_>, findings: &mut Vec<Finding>) {
    for origin in model.origins() {
        let Some(control) = control_of(model, origin) else { continue };
        let wanted_kind = match origin.host {
            Host::FunctionUrl => "lambda",
            _ if origin.is_bucket() => "s3",
            _ => continue,
        };
        let other = |key: &str, fits: &dyn Fn(&str) -> bool| {
            control.get(key).filter(|at| at.text().is_some_and(|text| !fits(text)))
        };
        if let Some(signing) = other("SigningBehavior", &|text| matches!(text, "always" | "always-amz-auth")) {
            let message = format!("`{}` does not sign every request", signing.text().unwrap_or_default());
            findings.push(signing.finding(code::access_control_signing, message));
        }
        if let Some(protocol) = other("SigningProtocol", &|text| text == "sigv4") {
            let message = format!("`{}` is not `sigv4`", protocol.text().unwrap_or_default());
            findings.push(protocol.finding(code::access_control_protocol, message));
        }
        if let Some(kind) = other("OriginAccessControlOriginType", &|text| text == wanted_kind) {
            let message =
                format!("`{}` signs for another service than `{wanted_kind}`", kind.text().unwrap_or_default());
            findings.push(kind.finding(code::access_control_origin_type, message));
        }
    }
}

fn endpoint(model: &Model<'_>, findings: &mut Vec<Finding>) {
    for origin in model.origins() {
        let Some(domain) = origin.at.get("DomainName") else { continue };
        match origin.host {
            Host::Bucket(_, Endpoint::Website) => {
                let message = "website endpoints are for public buckets";
                findings.push(domain.finding(code::origin_website_endpoint, message));
            }
            Host::Bucket(_, Endpoint::Global) => {
                findings.push(domain.finding(code::origin_global_endpoint, "the name has no region in it"));
            }
            _ => {}
        }
    }
}

/// Known in an account alone.
fn region(model: &Model<'_>, findings: &mut Vec<Finding>) {
    for origin in model.origins() {
        let Host::Bucket(Bucket::Here(id), Endpoint::Regional) = &origin.host else { continue };
        let region = model.world.get(id).and_then(|bucket| bucket.node.get("Region")).and_then(Node::text);
        let Some((domain, region)) = origin.at.get("DomainName").zip(region) else { continue };
        if !domain.text().is_none_or(|name| name.contains(&format!("{region}."))) {
            let message = format!("the bucket is in `{region}`");
            findings.push(domain.finding(code::origin_other_region, message));
        }
    }
}

fn plain_http(model: &Model<'_>, findings: &mut Vec<Finding>) {
    for origin in model.origins().filter(|origin| origin.is_endpoint()) {
        let protocol = origin.at.at(&["CustomOriginConfig", "OriginProtocolPolicy"]);
        let Some(protocol) = protocol else { continue };
        if let Some(name @ ("http-only" | "match-viewer")) = protocol.text() {
            findings.push(protocol.finding(code::origin_http, format!("`{name}` is not `https-only`")));
        }
    }
}

/// Whether the function URL demands IAM's signature; None where the template does not have it.
pub fn is_signed(model: &Model<'_>, origin: &Origin<'_>) -> Option<bool> {
    let domain = origin.at.get("DomainName")?.pattern()?;
    let named = crate::patterns::references(domain).find_map(|(id, _)| model.world.get(id))?;
    let kind = named.kind.as_str();
    let auth = At::properties(named).get("AuthType").filter(|_| kind == "AWS::Lambda::Url")?;
    Some(auth.text()? != "NONE")
}

fn without_secret(model: &Model<'_>, findings: &mut Vec<Finding>) {
    for origin in model.origins().filter(|origin| origin.is_endpoint()) {
        let open = origin.at.lacks_items("OriginCustomHeaders") && origin.at.lacks_items("OriginAccessControlId");
        // A function URL of the template has a rule of its own.
        if open && is_signed(model, origin).is_none() {
            let message = "neither a secret header nor an origin access control tells CloudFront from others";
            findings.push(origin.at.finding(code::origin_without_secret, message));
        }
    }
}

/// Words in the name of a header that holds a secret.
const SECRETS: [&str; 6] = ["secret", "token", "password", "verify", "auth", "api-key"];

fn secret_in_clear(model: &Model<'_>, findings: &mut Vec<Finding>) {
    for origin in model.origins() {
        for header in origin.at.list("OriginCustomHeaders") {
            let name = header.text_of("HeaderName").unwrap_or_default().to_ascii_lowercase();
            let Some(value) = header.get("HeaderValue") else { continue };
            let clear = value.text().is_some_and(|text| !text.is_empty() && !text.contains("{{resolve:"));
            if clear && value.resource.place.is_some() && SECRETS.iter().any(|word| name.contains(word)) {
                let message = format!("the value of `{name}` is in the template");
                findings.push(value.finding(code::secret_in_template, message));
            }
        }
    }
}
