//! Response headers policies of object behaviours.

use super::Rule;
use crate::at::At;
use crate::finding::Finding;
use crate::model::{Model, Policy};
use crate::table::code;

pub const RULES: &[Rule] = &[credentials, overriding];

/// The CORS configurations of the policies that the behaviours name.
fn configurations<'a>(model: &Model<'a>) -> Vec<At<'a>> {
    let policies = model.behaviours().filter_map(|(_, behaviour)| match &behaviour.response_headers_policy {
        Policy::Own(config) => config.get("CorsConfig"),
        _ => None,
    });
    policies.collect()
}

fn credentials(model: &Model<'_>, findings: &mut Vec<Finding>) {
    for cors in configurations(model) {
        if cors.get("AccessControlAllowCredentials").and_then(|at| at.node.boolean()) != Some(true) {
            continue;
        }
        let any = |key: &str| {
            let items = cors.at(&[key, "Items"]).map(|items| items.items()).unwrap_or_default();
            items.into_iter().find(|item| item.text() == Some("*"))
        };
        if let Some(origin) = any("AccessControlAllowOrigins") {
            let message = "`*` with credentials";
            findings.push(origin.finding(code::cors_any_origin_with_credentials, message));
        }
        if let Some(header) = any("AccessControlAllowHeaders") {
            let message = "`*` with credentials";
            findings.push(header.finding(code::cors_any_header_with_credentials, message));
        }
    }
}

fn overriding(model: &Model<'_>, findings: &mut Vec<Finding>) {
    for cors in configurations(model) {
        let off = cors.get("OriginOverride").filter(|at| at.node.boolean() == Some(false));
        if let Some(off) = off {
            let message = "the origin's CORS headers stay when it sends some";
            findings.push(off.finding(code::cors_origin_not_overridden, message));
        }
    }
}
