//! Asks for the distributions, and for all that they name: policies, access controls, buckets and their keys, functions and their roles.

use std::collections::HashSet;

use serde_json::{Map, Value as Json, json};

use super::cli::{Aws, AwsError};
use super::{shapes, text};
use crate::forwarding::is_managed;
use crate::origins::of_s3;
use crate::patterns::arn_parts;

pub struct Gathered {
    pub template: Json,
    pub unread: Vec<AwsError>,
}

pub fn gather(distributions: &[String], aws: Aws<'_>) -> Result<Gathered, AwsError> {
    let mut gatherer = Gatherer { aws, resources: Map::new(), unread: Vec::new(), asked: HashSet::new() };
    for id in distributions {
        gatherer.distribution(id)?;
    }
    Ok(Gathered { template: json!({ "Resources": gatherer.resources }), unread: gatherer.unread })
}

struct Gatherer<'a> {
    aws: Aws<'a>,
    resources: Map<String, Json>,
    unread: Vec<AwsError>,
    /// Each thing is asked for once, however often it is named.
    asked: HashSet<String>,
}

/// Stands for what could not be read: a reference to nothing, which no rule judges.
fn unknown() -> Json {
    json!({ "Ref": "unread" })
}

impl Gatherer<'_> {
    /// The answer; None where it is refused, which is noted, or where there is none.
    fn ask(&mut self, words: &[&str]) -> Option<Json> {
        self.ask_or(words, || None)
    }

    /// As [`Gatherer::ask`], with what it means when AWS says that there is no such thing.
    fn ask_or(&mut self, words: &[&str], absent: impl FnOnce() -> Option<Json>) -> Option<Json> {
        match (self.aws)(words) {
            Ok(answer) => Some(answer),
            Err(error) if error.is_absence() => absent(),
            Err(error) => {
                self.unread.push(error);
                Some(unknown())
            }
        }
    }

    fn add(&mut self, name: String, kind: &str, physical: &str, properties: &Json) {
        self.resources.insert(name, json!({ "Type": kind, "PhysicalId": physical, "Properties": properties }));
    }

    fn is_new(&mut self, thing: &str) -> bool {
        self.asked.insert(thing.to_owned())
    }

    fn distribution(&mut self, id: &str) -> Result<(), AwsError> {
        let answer = (self.aws)(&["cloudfront", "get-distribution-config", "--id", id])?;
        let config = shapes::distribution(answer.get("DistributionConfig").unwrap_or(&Json::Null));
        let items = |key: &str| config.get(key).and_then(Json::as_array).cloned().unwrap_or_default();
        for origin in items("Origins") {
            self.origin(&origin);
        }
        for behaviour in config.get("DefaultCacheBehavior").cloned().into_iter().chain(items("CacheBehaviors")) {
            self.behaviour(&behaviour);
        }
        let kind = "AWS::CloudFront::Distribution";
        self.add(format!("distribution {id}"), kind, id, &json!({ "DistributionConfig": config }));
        Ok(())
    }

    fn origin(&mut self, origin: &Json) {
        if let Some(id) = text(origin, "OriginAccessControlId").filter(|id| !id.is_empty()) {
            self.policy(&ACCESS_CONTROL, id);
        }
        let bucket = text(origin, "DomainName").and_then(of_s3).map(|(name, _)| name.to_owned());
        if let Some(bucket) = bucket.filter(|bucket| self.is_new(&format!("bucket {bucket}"))) {
            self.bucket(&bucket);
        }
    }

    fn behaviour(&mut self, behaviour: &Json) {
        for (key, which) in [
            ("CachePolicyId", &CACHE),
            ("OriginRequestPolicyId", &ORIGIN_REQUEST),
            ("ResponseHeadersPolicyId", &RESPONSE_HEADERS),
        ] {
            if let Some(id) = text(behaviour, key).filter(|id| !id.is_empty() && !is_managed(id)) {
                self.policy(which, id);
            }
        }
        let arns = |list: &str, key: &str| -> Vec<String> {
            let items = behaviour.get(list).and_then(Json::as_array).into_iter().flatten();
            items.filter_map(|item| text(item, key)).map(str::to_owned).collect()
        };
        for arn in arns("LambdaFunctionAssociations", "LambdaFunctionARN") {
            if self.is_new(&arn) {
                self.lambda(&arn);
            }
        }
        for arn in arns("FunctionAssociations", "FunctionARN") {
            if self.is_new(&arn) {
                self.cloudfront_function(&arn);
            }
        }
    }

    fn policy(&mut self, which: &Policy, id: &str) {
        let name = format!("{} {id}", which.name);
        if !self.is_new(&name) {
            return;
        }
        let Some(answer) = self.ask(&["cloudfront", which.call, "--id", id]) else { return };
        let Some(config) = answer.pointer(which.config) else { return };
        let section = which.config.rsplit('/').next().unwrap_or_default();
        let config = if which.keeps_items { config.clone() } else { shapes::plain(config) };
        self.add(name, which.kind, id, &json!({ section: config }));
    }

    fn bucket(&mut self, name: &str) {
        let of = |call: &'static str| ["s3api", call, "--bucket", name];
        let mut properties = Map::new();
        properties.insert("BucketName".into(), json!(name));
        // What was never set is off, in an account.
        let off = json!({ "PublicAccessBlockConfiguration": {
            "BlockPublicAcls": false, "BlockPublicPolicy": false, "IgnorePublicAcls": false, "RestrictPublicBuckets": false } });
        let answer = self.ask_or(&of("get-public-access-block"), || Some(off));
        section(&mut properties, "PublicAccessBlockConfiguration", answer, |answer| {
            answer.get("PublicAccessBlockConfiguration").cloned()
        });
        let writer = json!({ "OwnershipControls": { "Rules": [{ "ObjectOwnership": "ObjectWriter" }] } });
        let answer = self.ask_or(&of("get-bucket-ownership-controls"), || Some(writer));
        section(&mut properties, "OwnershipControls", answer, |answer| answer.get("OwnershipControls").cloned());
        let answer = self.ask(&of("get-bucket-cors"));
        section(&mut properties, "CorsConfiguration", answer, |answer| Some(shapes::cors(answer)));
        let answer = self.ask(&of("get-bucket-encryption"));
        section(&mut properties, "BucketEncryption", answer, |answer| Some(shapes::encryption(answer)));
        let answer = self.ask(&of("get-bucket-acl"));
        section(&mut properties, "AccessControl", answer, |answer| shapes::canned_acl(answer).map(Json::from));
        self.key(&properties);
        self.bucket_policy(name);
        let region = self.region(name);
        let resource = json!({
            "Type": "AWS::S3::Bucket", "PhysicalId": name, "Region": region, "Properties": properties });
        self.resources.insert(format!("bucket {name}"), resource);
    }

    /// The oldest region has no name in the answer.
    fn region(&mut self, bucket: &str) -> Option<String> {
        let answer = self.ask(&["s3api", "get-bucket-location", "--bucket", bucket])?;
        match answer.get("LocationConstraint") {
            Some(Json::Null) => Some("us-east-1".to_owned()),
            Some(Json::String(region)) if region == "EU" => Some("eu-west-1".to_owned()),
            Some(Json::String(region)) => Some(region.clone()),
            _ => None,
        }
    }

    fn bucket_policy(&mut self, bucket: &str) {
        let Some(answer) = self.ask(&["s3api", "get-bucket-policy", "--bucket", bucket]) else { return };
        let document = shapes::policy(&answer).unwrap_or_else(unknown);
        let properties = json!({ "Bucket": bucket, "PolicyDocument": document });
        self.add(format!("policy of bucket {bucket}"), "AWS::S3::BucketPolicy", bucket, &properties);
    }

    /// The key that the bucket names, where it is one of the account's own.
    fn key(&mut self, bucket: &Map<String, Json>) {
        let default = "/ServerSideEncryptionConfiguration/0/ServerSideEncryptionByDefault/KMSMasterKeyID";
        let named = bucket.get("BucketEncryption").and_then(|encryption| encryption.pointer(default));
        let Some(key) = named.and_then(Json::as_str).filter(|key| !key.contains("alias/")).map(str::to_owned) else {
            return;
        };
        if !self.is_new(&key) {
            return;
        }
        let mut words = vec!["kms", "get-key-policy", "--policy-name", "default", "--key-id", &key];
        if let ["arn", _, "kms", region, ..] = arn_parts(&key).as_slice() {
            words.extend(["--region", region]);
        }
        let document = self.ask(&words).and_then(|answer| shapes::policy(&answer)).unwrap_or_else(unknown);
        self.add(format!("key {key}"), "AWS::KMS::Key", &key, &json!({ "KeyPolicy": document }));
    }

    fn lambda(&mut self, arn: &str) {
        let parts = arn_parts(arn);
        let ["arn", _, "lambda", region, _, "function", name, ..] = parts.as_slice() else { return };
        let words = ["lambda", "get-function-configuration", "--function-name", arn, "--region", region];
        let Some(answer) = self.ask(&words).filter(|answer| answer.get("FunctionName").is_some()) else { return };
        if let Some(role) = text(&answer, "Role").map(str::to_owned) {
            self.role(&role);
        }
        self.add(format!("function {name}"), "AWS::Lambda::Function", arn, &shapes::function(&answer));
    }

    fn role(&mut self, arn: &str) {
        let Some(name) = arn.rsplit('/').next().filter(|_| self.is_new(arn)) else { return };
        let Some(answer) = self.ask(&["iam", "get-role", "--role-name", name]) else { return };
        if let Some(document) = answer.pointer("/Role/AssumeRolePolicyDocument") {
            let properties = json!({ "AssumeRolePolicyDocument": document });
            self.add(format!("role {name}"), "AWS::IAM::Role", arn, &properties);
        }
    }

    fn cloudfront_function(&mut self, arn: &str) {
        let Some((_, name)) = arn.rsplit_once('/') else { return };
        let Some(answer) = self.ask(&["cloudfront", "describe-function", "--name", name, "--stage", "LIVE"]) else {
            return;
        };
        if let Some(config) = answer.pointer("/FunctionSummary/FunctionConfig") {
            self.add(
                format!("function {name}"),
                "AWS::CloudFront::Function",
                arn,
                &json!({ "FunctionConfig": config }),
            );
        }
    }
}

/// What is unknown stays unknown; what the shape makes nothing of is left out.
fn section(properties: &mut Map<String, Json>, key: &str, answer: Option<Json>, shape: impl Fn(&Json) -> Option<Json>) {
    let Some(answer) = answer else { return };
    let value = if answer == unknown() { Some(answer) } else { shape(&answer) };
    if let Some(value) = value {
        properties.insert(key.to_owned(), value);
    }
}

/// A policy of CloudFront's, and how it is asked for.
struct Policy {
    name: &'static str,
    kind: &'static str,
    call: &'static str,
    /// Where its configuration stands in the answer.
    config: &'static str,
    /// Whether lists keep their `Items`.
    keeps_items: bool,
}

const CACHE: Policy = Policy {
    name: "cache policy",
    kind: "AWS::CloudFront::CachePolicy",
    call: "get-cache-policy",
    config: "/CachePolicy/CachePolicyConfig",
    keeps_items: false,
};

const ORIGIN_REQUEST: Policy = Policy {
    name: "origin request policy",
    kind: "AWS::CloudFront::OriginRequestPolicy",
    call: "get-origin-request-policy",
    config: "/OriginRequestPolicy/OriginRequestPolicyConfig",
    keeps_items: false,
};

const RESPONSE_HEADERS: Policy = Policy {
    name: "response headers policy",
    kind: "AWS::CloudFront::ResponseHeadersPolicy",
    call: "get-response-headers-policy",
    config: "/ResponseHeadersPolicy/ResponseHeadersPolicyConfig",
    // CloudFormation has them, too.
    keeps_items: true,
};

const ACCESS_CONTROL: Policy = Policy {
    name: "origin access control",
    kind: "AWS::CloudFront::OriginAccessControl",
    call: "get-origin-access-control",
    config: "/OriginAccessControl/OriginAccessControlConfig",
    keeps_items: false,
};
