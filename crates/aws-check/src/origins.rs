//! What an origin's domain name is: a bucket, and by which of its names; a function URL; an API.

use crate::patterns::{reference, references};
use crate::worlds::World;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// A bucket by its key (see [`bucket_key`]).
    Bucket(String, Endpoint),
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

/// What a domain name with unknown parts is.
pub fn host(world: &World<'_>, domain: &str) -> Host {
    let domain = domain.strip_prefix("https://").or_else(|| domain.strip_prefix("http://")).unwrap_or(domain);
    let is_api = |(id, _): (&str, Option<&str>)| world.get(id).is_some_and(|named| APIS.contains(&named.kind.as_str()));
    if domain.contains(".lambda-url.") || domain.contains(".FunctionUrl}") {
        return Host::FunctionUrl;
    }
    if domain.contains(".execute-api.") || references(domain).any(is_api) {
        return Host::Api;
    }
    if let Some((id, _)) = references(domain).find(|(_, attribute)| *attribute == Some("WebsiteURL")) {
        return Host::Bucket(bucket_key(world, &format!("${{{id}}}")), Endpoint::Website);
    }
    if let Some((id, Some(attribute))) = reference(domain) {
        let endpoint = match attribute {
            "RegionalDomainName" | "DualStackDomainName" => Endpoint::Regional,
            "DomainName" if world.is_a(id, "AWS::S3::Bucket") => Endpoint::Global,
            _ => return Host::Unknown,
        };
        return Host::Bucket(bucket_key(world, &format!("${{{id}}}")), endpoint);
    }
    of_s3(world, domain).unwrap_or(if domain.contains("${") { Host::Unknown } else { Host::Other })
}

/// `NAME.s3.REGION.amazonaws.com` and the older forms of it.
fn of_s3(world: &World<'_>, domain: &str) -> Option<Host> {
    let at = [".s3.", ".s3-"].iter().filter_map(|mark| domain.rfind(mark)).max()?;
    let (name, rest) = (domain.get(..at)?, domain.get(at + 1..)?);
    let endpoint = if rest.starts_with("s3-website") {
        Endpoint::Website
    } else if rest.starts_with("s3-accesspoint")
        || rest.starts_with("s3-object-lambda")
        || rest.starts_with("s3-global")
    {
        return Some(Host::Other);
    } else if matches!(rest, "s3.amazonaws.com" | "s3-external-1.amazonaws.com") {
        Endpoint::Global
    } else if rest.contains("amazonaws.com") || rest.contains("${") {
        Endpoint::Regional
    } else {
        return None;
    };
    Some(Host::Bucket(bucket_key(world, name), endpoint))
}

/// One key for a bucket however it is named: `${LogicalId}` where the template makes it, its name otherwise.
pub fn bucket_key(world: &World<'_>, name: &str) -> String {
    let is_it = |id: &str, node: &crate::document::Node| {
        let named = node.at(&["Properties", "BucketName"]).and_then(crate::document::Node::pattern);
        reference(name) == Some((id, None)) || named == Some(name)
    };
    let bucket = world.of("AWS::S3::Bucket").find(|bucket| is_it(&bucket.id, &bucket.node));
    bucket.map_or_else(|| name.to_owned(), |bucket| format!("${{{}}}", bucket.id))
}
