//! What an origin's domain name is: a bucket, and by which of its names; a function URL; an API.

use crate::document::Node;
use crate::patterns::{reference, references};
use crate::worlds::{Resource, World};

/// A bucket, however it is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bucket {
    /// Of the template, by its logical id.
    Here(String),
    /// By its name.
    Elsewhere(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    Bucket(Bucket, Endpoint),
    FunctionUrl,
    /// API Gateway.
    Api,
    Other,
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    Regional,
    /// `bucket.s3.amazonaws.com`.
    Global,
    Website,
}

const APIS: [&str; 4] =
    ["AWS::ApiGateway::RestApi", "AWS::ApiGatewayV2::Api", "AWS::Serverless::Api", "AWS::Serverless::HttpApi"];

/// What a domain name with unknown parts is. A bucket that does nothing but redirect is none that holds files.
pub fn host(world: &World<'_>, domain: &str) -> Host {
    match by_name(world, domain) {
        Host::Bucket(Bucket::Here(id), Endpoint::Website) if redirects(world, &id) => Host::Other,
        host => host,
    }
}

fn redirects(world: &World<'_>, bucket: &str) -> bool {
    let website = ["Properties", "WebsiteConfiguration", "RedirectAllRequestsTo"];
    world.get(bucket).is_some_and(|bucket| bucket.node.at(&website).is_some())
}

fn by_name(world: &World<'_>, domain: &str) -> Host {
    let domain = domain.strip_prefix("https://").or_else(|| domain.strip_prefix("http://")).unwrap_or(domain);
    let is_api = |(id, _): (&str, Option<&str>)| world.get(id).is_some_and(|named| APIS.contains(&named.kind.as_str()));
    if domain.contains(".lambda-url.") || domain.contains(".FunctionUrl}") {
        return Host::FunctionUrl;
    }
    if domain.contains(".execute-api.") || references(domain).any(is_api) {
        return Host::Api;
    }
    if let Some((id, _)) = references(domain).find(|(_, attribute)| *attribute == Some("WebsiteURL")) {
        return Host::Bucket(bucket(world, &format!("${{{id}}}")), Endpoint::Website);
    }
    if let Some((id, Some(attribute))) = reference(domain) {
        let endpoint = match attribute {
            "RegionalDomainName" | "DualStackDomainName" => Endpoint::Regional,
            "DomainName" if world.is_a(id, "AWS::S3::Bucket") => Endpoint::Global,
            _ => return Host::Unknown,
        };
        return Host::Bucket(bucket(world, &format!("${{{id}}}")), endpoint);
    }
    match of_s3(domain) {
        Some((name, endpoint)) => Host::Bucket(bucket(world, name), endpoint),
        None if domain.contains("${") => Host::Unknown,
        None => Host::Other,
    }
}

/// The bucket's name in `NAME.s3.REGION.amazonaws.com` and the older forms of it. None for access points.
pub fn of_s3(domain: &str) -> Option<(&str, Endpoint)> {
    let at = [".s3.", ".s3-"].iter().filter_map(|mark| domain.rfind(mark)).max()?;
    let (name, rest) = (domain.get(..at)?, domain.get(at + 1..)?);
    if ["s3-accesspoint", "s3-object-lambda", "s3-global"].iter().any(|other| rest.starts_with(other)) {
        return None;
    }
    let endpoint = if rest.starts_with("s3-website") {
        Endpoint::Website
    } else if matches!(rest, "s3.amazonaws.com" | "s3-external-1.amazonaws.com") {
        Endpoint::Global
    } else if rest.contains("amazonaws.com") || rest.contains("${") {
        Endpoint::Regional
    } else {
        return None;
    };
    Some((name, endpoint))
}

/// The bucket that a name or a `Ref` names.
pub fn bucket(world: &World<'_>, name: &str) -> Bucket {
    let is_it = |bucket: &&Resource| {
        let named = bucket.node.at(&["Properties", "BucketName"]).and_then(Node::pattern);
        reference(name) == Some((&bucket.id, None)) || named == Some(name)
    };
    match world.of("AWS::S3::Bucket").find(is_it) {
        Some(bucket) => Bucket::Here(bucket.id.clone()),
        None => Bucket::Elsewhere(name.to_owned()),
    }
}
