//! What authorises at viewer-request: the Lambda@Edge function with its role and version, or the CloudFront Function with its store.

use super::code::{Code, Viewer};
use super::fill::fill;
use crate::judge::Judged;

const LAMBDA: &str = include_str!("pieces/edge-function.yaml");
const FUNCTION: &str = include_str!("pieces/viewer-request-function.yaml");

/// The resources.
pub fn function(code: &Code) -> String {
    match &code.viewer {
        Viewer::Edge(hash) => fill(LAMBDA, &[("hash", &hash.short()), ("sha256", &hash.base64())]),
        Viewer::Function { source, .. } => fill(FUNCTION, &[("source", source.trim_start())]),
    }
}

/// How a behaviour names it.
pub fn association(judged: &Judged<'_>) -> String {
    match &judged.code.viewer {
        Viewer::Edge(hash) => {
            let version = if judged.is_split() {
                "EdgeFunctionVersionArn".to_owned()
            } else {
                format!("EdgeFunctionVersion{}", hash.short())
            };
            fill(include_str!("pieces/association-edge.yaml"), &[("version", &version)])
        }
        Viewer::Function { .. } => include_str!("pieces/association-function.yaml").to_owned(),
    }
}
