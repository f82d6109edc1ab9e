//! Buckets that hold what a distribution serves.

use super::Rule;
use crate::at::At;
use crate::finding::Finding;
use crate::model::Model;
use crate::table::code;

pub const RULES: &[Rule] = &[public_acl, public_access, ownership, cors, retained];

fn public_acl(model: &Model<'_>, findings: &mut Vec<Finding>) {
    for bucket in model.buckets() {
        let Some(acl) = bucket.get("AccessControl") else { continue };
        if let Some(name @ ("PublicRead" | "PublicReadWrite" | "AuthenticatedRead")) = acl.text() {
            findings.push(acl.finding(code::bucket_public_acl, format!("the canned ACL `{name}` lets strangers read")));
        }
    }
}

const SWITCHES: [&str; 4] = ["BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"];

fn public_access(model: &Model<'_>, findings: &mut Vec<Finding>) {
    for bucket in model.buckets() {
        if bucket.lacks("PublicAccessBlockConfiguration") {
            let message = "`PublicAccessBlockConfiguration` is not there";
            findings.push(bucket.finding(code::bucket_public_access_unsaid, message));
        }
        let Some(block) = bucket.get("PublicAccessBlockConfiguration") else { continue };
        for switch in SWITCHES {
            if block.lacks(switch) {
                let message = format!("`{switch}` is not there, which is off");
                findings.push(block.finding(code::bucket_public_access_open, message));
            }
            if let Some(off) = block.get(switch).filter(|at| at.node.boolean() == Some(false)) {
                findings.push(off.finding(code::bucket_public_access_open, format!("`{switch}` is off")));
            }
        }
    }
}

fn ownership(model: &Model<'_>, findings: &mut Vec<Finding>) {
    for bucket in model.buckets() {
        if bucket.lacks("OwnershipControls") {
            findings.push(bucket.finding(code::bucket_ownership_unsaid, "`OwnershipControls` are not there"));
        }
        for rule in bucket.at(&["OwnershipControls", "Rules"]).map(|rules| rules.items()).unwrap_or_default() {
            let Some(ownership) = rule.get("ObjectOwnership") else { continue };
            if let Some(name) = ownership.text().filter(|name| *name != "BucketOwnerEnforced") {
                findings.push(ownership.finding(code::bucket_acls_enabled, format!("`{name}` leaves ACLs enabled")));
            }
        }
    }
}

fn cors(model: &Model<'_>, findings: &mut Vec<Finding>) {
    for bucket in model.buckets() {
        for rule in bucket.at(&["CorsConfiguration", "CorsRules"]).map(|rules| rules.items()).unwrap_or_default() {
            let writes = |method: &At<'_>| matches!(method.text(), Some("PUT" | "POST" | "DELETE"));
            let Some(method) = rule.list("AllowedMethods").into_iter().find(writes) else { continue };
            let any = |origin: &At<'_>| matches!(origin.text(), Some("*" | "http://*" | "https://*"));
            for origin in rule.list("AllowedOrigins").into_iter().filter(any) {
                let message = format!(
                    "pages of `{}` may send {}",
                    origin.text().unwrap_or_default(),
                    method.text().unwrap_or_default()
                );
                findings.push(origin.finding(code::bucket_cors_any_origin, message));
            }
        }
    }
}

fn retained(model: &Model<'_>, findings: &mut Vec<Finding>) {
    for bucket in model.buckets() {
        // Only templates have such an attribute.
        let policy = At::attribute(bucket.resource, "DeletionPolicy");
        if bucket.resource.place.is_some() && !policy.as_ref().is_some_and(keeps) {
            let at = policy.unwrap_or(bucket);
            findings.push(at.finding(code::bucket_not_retained, "`DeletionPolicy` is not `Retain`"));
        }
    }
}

/// What is not known may keep.
pub fn keeps(policy: &At<'_>) -> bool {
    policy.text().is_none_or(|text| matches!(text, "Retain" | "RetainExceptOnCreate"))
}
