//! The templates from top to bottom.

use crate::judge::{EDGE_REGION, Judged};

use super::code::Viewer;
use super::fill::{fill, quoted};
use super::{access, buckets, distribution, edge, headers, regional};

const HEAD: &str = include_str!("pieces/head.yaml");
const CODE_BUCKET: &str = include_str!("pieces/parameter-code-bucket.yaml");
const CODE_KEY: &str = include_str!("pieces/parameter-code-key.yaml");
const VERSION: &str = include_str!("pieces/parameter-version.yaml");
const RULES: &str = include_str!("pieces/rules.yaml");

pub fn main(judged: &Judged<'_>) -> String {
    let holds_edge = !judged.is_split();
    let mut parameters = CODE_BUCKET.to_owned();
    match judged.code.edge_key() {
        Some(key) if holds_edge => parameters.push_str(&code_key("EdgeCodeKey", "the edge function", &key)),
        Some(_) => parameters.push_str(VERSION),
        None => {}
    }
    parameters.push_str(&code_key("RegionalCodeKey", "the regional function", &judged.code.regional_key()));

    let hosts: Vec<&str> = judged.deployment.buckets.iter().map(|bucket| bucket.bucket.as_str()).collect();
    let description = format!("Edgepass: private files of {}, checked at the edge", hosts.join(", "));
    let mut text = head(&description, &parameters, judged.region);
    text.push_str(&buckets::buckets(judged));
    text.push_str(access::access(judged.deployment.choices.access));
    if holds_edge {
        text.push_str(&edge::function(judged.code));
    }
    text.push_str(&regional::regional(judged));
    text.push_str(&headers::policies(judged));
    text.push_str(&distribution::distribution(judged));
    text.push_str(&outputs(judged));
    text
}

/// The stack of the edge function alone.
pub fn edge(judged: &Judged<'_>) -> String {
    let key = judged.code.edge_key().unwrap_or_default();
    let parameters = format!("{CODE_BUCKET}{}", code_key("EdgeCodeKey", "the edge function", &key));
    let description = format!("Edgepass: the edge function of {}", judged.deployment.choices.stack);
    let mut text = head(&description, &parameters, EDGE_REGION);
    text.push_str(&edge::function(judged.code));
    text.push_str("\nOutputs:\n");
    text.push_str(&edge_output(judged));
    text
}

fn head(description: &str, parameters: &str, region: &str) -> String {
    let why = if region == EDGE_REGION {
        "Lambda@Edge functions can be made in us-east-1 alone"
    } else {
        "the buckets are there, and so is what their policies name"
    };
    let rules = fill(RULES, &[("region", region), ("why", why)]);
    fill(HEAD, &[("description", &quoted(description)), ("parameters", parameters), ("rules", &rules)])
}

fn code_key(id: &str, what: &str, key: &str) -> String {
    fill(CODE_KEY, &[("id", id), ("what", what), ("key", key)])
}

fn outputs(judged: &Judged<'_>) -> String {
    let bucket = super::names::of_buckets(judged).into_iter().next().map_or_else(String::new, |names| names.reference);
    let mut text = fill(include_str!("pieces/outputs.yaml"), &[("bucket", &bucket)]);
    match judged.code.viewer {
        Viewer::Edge(_) if !judged.is_split() => text.push_str(&edge_output(judged)),
        Viewer::Edge(_) => {}
        Viewer::Function { .. } => text.push_str(include_str!("pieces/output-store.yaml")),
    }
    text
}

fn edge_output(judged: &Judged<'_>) -> String {
    match &judged.code.viewer {
        Viewer::Edge(hash) => fill(include_str!("pieces/output-version.yaml"), &[("hash", &hash.short())]),
        Viewer::Function { .. } => String::new(),
    }
}
