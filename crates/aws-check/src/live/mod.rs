//! The rules over an account: what is there is read through the AWS CLI, put into CloudFormation's shape, and judged like a template.
//!
//! What the account does not let us see is not judged, and said ([`Report::unread`]).

mod cli;
mod gather;
mod shapes;

use serde_json::Value as Json;

pub use cli::{Aws, AwsError, AwsFault, aws};

use crate::document::Document;
use crate::finding::Finding;

/// What is to be judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target<'a> {
    /// By its id: `E2QWRUHAPOMQZL`.
    Distribution(&'a str),
    /// The distributions of a stack, and the region of the stack.
    Stack { name: &'a str, region: Option<&'a str> },
}

#[derive(Debug)]
pub struct Report {
    /// Resources are named as in `distribution E123`; there are no places.
    pub findings: Vec<Finding>,
    /// The distributions that were judged.
    pub distributions: Vec<String>,
    /// What could not be read, and is therefore not judged.
    pub unread: Vec<AwsError>,
}

/// Reads and judges. An error where not even the distribution can be read.
pub fn live(target: Target<'_>, aws: Aws<'_>) -> Result<Report, AwsError> {
    let distributions = match target {
        Target::Distribution(id) => vec![id.to_owned()],
        Target::Stack { name, region } => of_stack(name, region, aws)?,
    };
    let gathered = gather::gather(&distributions, aws)?;
    let document = Document::from_json(&gathered.template);
    let findings = document.map(|document| crate::check(&document)).unwrap_or_default();
    Ok(Report { findings, distributions, unread: gathered.unread })
}

fn of_stack(name: &str, region: Option<&str>, aws: Aws<'_>) -> Result<Vec<String>, AwsError> {
    let mut words = vec!["cloudformation", "describe-stack-resources", "--stack-name", name];
    words.extend(region.iter().flat_map(|region| ["--region", region]));
    let answer = aws(&words)?;
    let resources = answer.get("StackResources").and_then(Json::as_array).into_iter().flatten();
    let distributions: Vec<String> = resources
        .filter(|resource| text(resource, "ResourceType") == Some("AWS::CloudFront::Distribution"))
        .filter_map(|resource| text(resource, "PhysicalResourceId").map(str::to_owned))
        .collect();
    if distributions.is_empty() {
        let words = format!("the stack `{name}` has no distribution");
        let fault = AwsFault::Refused { code: "NoDistribution".into(), words };
        return Err(AwsError { call: "cloudformation describe-stack-resources".into(), fault });
    }
    Ok(distributions)
}

fn text<'a>(json: &'a Json, key: &str) -> Option<&'a str> {
    json.get(key).and_then(Json::as_str)
}
