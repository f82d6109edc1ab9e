//! What is deployed beside the settings, and the files that come out.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use crate::package::Hash;
use crate::settings::Form;

#[derive(Debug)]
pub struct Code {
    /// Of the regional function's package.
    pub regional: Hash,
    pub viewer: Viewer,
}

/// What runs at viewer-request.
#[derive(Debug)]
pub enum Viewer {
    /// The package of the Lambda@Edge function.
    Edge(Hash),
    Function {
        /// JavaScript.
        source: String,
        /// What its KeyValueStore holds.
        keys: Vec<(String, SecretString)>,
    },
}

/// Another form of the same deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extra {
    /// Serverless Framework 3, around the template.
    Serverless,
    /// The configuration of the SAM command line, for the template.
    Sam,
    /// A CDK application that takes in the template.
    Cdk,
    /// A Terraform module instead of the template.
    Terraform,
}

/// A file to write.
#[derive(Clone, PartialEq, Eq)]
pub struct File {
    /// With `/` between folders.
    pub name: String,
    pub text: String,
    /// For the owner's eyes alone.
    pub secret: bool,
}

impl File {
    pub(crate) fn open(name: &str, text: String) -> Self {
        Self { name: name.to_owned(), text, secret: false }
    }
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} bytes)", self.name, self.text.len())
    }
}

impl Code {
    pub fn form(&self) -> Form {
        match self.viewer {
            Viewer::Edge(_) => Form::LambdaEdge,
            Viewer::Function { .. } => Form::CloudFrontFunction,
        }
    }

    pub(crate) fn edge_key(&self) -> Option<String> {
        match &self.viewer {
            Viewer::Edge(hash) => Some(format!("edgepass/edge-{}.zip", hash.short())),
            Viewer::Function { .. } => None,
        }
    }

    pub(crate) fn regional_key(&self) -> String {
        format!("edgepass/regional-{}.zip", self.regional.short())
    }

    /// As `aws cloudfront-keyvaluestore update-keys --puts` reads it.
    pub(crate) fn keys_file(&self) -> Option<String> {
        let Viewer::Function { keys, .. } = &self.viewer else { return None };
        let puts = keys.iter().map(|(key, value)| json!({"Key": key, "Value": value.expose_secret()}));
        let lines: Vec<String> = puts.map(|put| format!("  {put}")).collect();
        Some(format!("[\n{}\n]\n", lines.join(",\n")))
    }
}
