//! KMS keys of buckets that a distribution serves.

use super::Rule;
use crate::at::At;
use crate::document::Node;
use crate::finding::Finding;
use crate::model::{Model, Origin};
use crate::origins::Bucket;
use crate::patterns::references;
use crate::statements::{Principal, Statement, statements};
use crate::table::code;

pub const RULES: &[Rule] = &[identity, managed, key_policy];

/// Where the bucket says that it is encrypted with KMS.
fn encryption<'a>(bucket: &At<'a>) -> Option<At<'a>> {
    let rules = bucket.at(&["BucketEncryption", "ServerSideEncryptionConfiguration"])?;
    let mut defaults = rules.items().into_iter().filter_map(|rule| rule.get("ServerSideEncryptionByDefault"));
    defaults.find(|default| default.text_of("SSEAlgorithm").is_some_and(|algorithm| algorithm.starts_with("aws:kms")))
}

fn of_bucket<'m, 'a>(model: &'m Model<'a>, bucket: &At<'_>) -> impl Iterator<Item = &'m Origin<'a>> {
    let bucket = Bucket::Here(bucket.resource.id.clone());
    model.origins().filter(move |origin| origin.bucket() == Some(&bucket))
}

fn identity(model: &Model<'_>, findings: &mut Vec<Finding>) {
    for bucket in model.buckets().filter(|bucket| encryption(bucket).is_some()) {
        for origin in of_bucket(model, &bucket) {
            let named = origin.at.at(&["S3OriginConfig", "OriginAccessIdentity"]);
            if let Some(identity) = named.filter(|at| at.pattern().is_some_and(|text| !text.is_empty())) {
                let message = format!("`{}` is encrypted with KMS, which this identity cannot use", bucket.resource.id);
                findings.push(identity.finding(code::kms_with_identity, message));
            }
        }
    }
}

fn managed(model: &Model<'_>, findings: &mut Vec<Finding>) {
    for default in model.buckets().filter_map(|bucket| encryption(&bucket)) {
        let named = default.get("KMSMasterKeyID");
        let managed = named.as_ref().map(|key| key.text().is_some_and(|name| name.ends_with("alias/aws/s3")));
        if managed == Some(true) || (managed.is_none() && default.lacks("KMSMasterKeyID")) {
            let at = named.or_else(|| default.get("SSEAlgorithm")).unwrap_or(default);
            findings.push(at.finding(code::kms_managed_key, "KMS without a key of your own is the key `aws/s3`"));
        }
    }
}

fn key_policy(model: &Model<'_>, findings: &mut Vec<Finding>) {
    for bucket in model.buckets() {
        let signed = of_bucket(model, &bucket).any(|origin| !origin.at.lacks_items("OriginAccessControlId"));
        let key = encryption(&bucket).and_then(|default| default.get("KMSMasterKeyID")).and_then(|key| key.pattern());
        let Some(key) = key.filter(|_| signed).and_then(|key| key_named(model, key)) else { continue };
        let Some(document) = key.get("KeyPolicy").filter(|document| !document.node.is_unknown()) else { continue };
        let statements = statements(&document);
        let decrypts: Vec<&Statement<'_>> = statements
            .iter()
            .filter(|statement| {
                let lets_in = |one: Principal<'_>| one.is_cloudfront() || one == Principal::Anybody;
                statement.allows("kms:Decrypt") && statement.is_for(lets_in)
            })
            .collect();
        if decrypts.is_empty() && !is_completed(model, &key) {
            let message = format!("no statement lets CloudFront decrypt what is in `{}`", bucket.resource.id);
            findings.push(document.finding(code::key_policy_without_distribution, message));
        }
        for statement in decrypts.into_iter().filter(|statement| !statement.is_narrowed()) {
            let at = statement.at.get("Condition").or_else(|| statement.at.get("Principal"));
            let message = "every distribution of every account may decrypt";
            let at = at.unwrap_or_else(|| statement.at.clone());
            findings.push(at.finding(code::key_policy_any_distribution, message));
        }
    }
}

/// A custom resource gets the key, and may well add the statement: the usual way around the circle of key, bucket and distribution.
fn is_completed(model: &Model<'_>, key: &At<'_>) -> bool {
    let custom = |kind: &str| kind.starts_with("Custom::") || kind == "AWS::CloudFormation::CustomResource";
    let names_key = |at: &At<'_>| {
        let names =
            |node: &Node| node.pattern().is_some_and(|text| references(text).any(|(id, _)| id == key.resource.id));
        at.node.entries().iter().any(|entry| names(&entry.value))
    };
    model.world.resources.iter().filter(|one| custom(&one.kind)).any(|one| names_key(&At::properties(one)))
}

/// The key of the template that is named by itself or by its alias.
fn key_named<'a>(model: &Model<'a>, pattern: &str) -> Option<At<'a>> {
    let world = model.world;
    let named = world.named(pattern)?;
    let key = match named.kind.as_str() {
        "AWS::KMS::Alias" => world.named(At::properties(named).get("TargetKeyId")?.pattern()?)?,
        _ => named,
    };
    (key.kind == "AWS::KMS::Key").then(|| At::properties(key))
}
