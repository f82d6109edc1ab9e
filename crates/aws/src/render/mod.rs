//! Writes the files that are deployed. Templates are text with places to fill (`pieces/`), so that what is written can be read
//! with its reasons.

// Text that is written once reads better as it will stand than it saves allocations.
#![allow(clippy::format_push_string, clippy::format_collect)]

mod access;
mod buckets;
mod code;
mod distribution;
mod edge;
mod fill;
mod headers;
mod names;
mod readme;
mod regional;
mod template;
mod terraform;
mod wrappers;

pub use code::{Code, Extra, File, Viewer};

use crate::fault::Fault;
use crate::judge::judge;
use crate::settings::Deployment;

/// The CloudFormation templates, how to deploy them and, for a CloudFront Function, the keys of its store.
pub fn render(deployment: &Deployment, code: &Code) -> Result<Vec<File>, Vec<Fault>> {
    let judged = judge(deployment, code)?;
    let mut files = vec![File::open("template.yaml", template::main(&judged))];
    if judged.is_split() {
        files.push(File::open("edge.yaml", template::edge(&judged)));
    }
    files.push(File::open("README.md", readme::readme(&judged)));
    if let Some(keys) = code.keys_file() {
        files.push(File { secret: true, ..File::open("keys.json", keys) });
    }
    Ok(files)
}

/// The files of another form, beside those of [`render`].
pub fn extra(deployment: &Deployment, code: &Code, extra: Extra) -> Result<Vec<File>, Vec<Fault>> {
    let judged = judge(deployment, code)?;
    match extra {
        Extra::Serverless => Ok(wrappers::serverless(&judged)),
        Extra::Sam => Ok(wrappers::sam(&judged)),
        Extra::Cdk => Ok(wrappers::cdk(&judged)),
        Extra::Terraform => terraform::module(&judged),
    }
}
