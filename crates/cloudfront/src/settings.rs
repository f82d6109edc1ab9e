//! What the caller gives beside the templates.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use aws_credential_types::Credentials;

/// The text of a CloudFormation template.
#[derive(Clone, Debug)]
pub struct Template {
    /// As messages call it: `template.yaml`.
    pub name: String,
    pub text: String,
    /// Where its stack would be: `us-east-1`.
    pub region: String,
}

/// The store that plays a bucket.
#[derive(Clone, Debug)]
pub struct Store {
    /// `http://127.0.0.1:9000`, without a path.
    pub endpoint: String,
    pub region: String,
    /// The bucket's name there.
    pub bucket: String,
    /// For what CloudFront signs where the template lets it sign.
    pub credentials: Credentials,
}

/// Takes a function's logical id and a line that it wrote.
pub type FunctionOutput = Arc<dyn Fn(&str, &str) + Send + Sync>;

pub struct Settings {
    /// Those that a later one takes outputs from come first: a parameter without a value takes the output of its name.
    pub templates: Vec<Template>,
    pub parameters: BTreeMap<String, String>,
    /// Values of dynamic references, by the secret's logical id, name or ARN as the template has it.
    pub secrets: BTreeMap<String, String>,
    /// Directories with functions' unpacked code, by logical id.
    pub functions: BTreeMap<String, PathBuf>,
    /// The entries of key value stores, by logical id.
    pub key_values: BTreeMap<String, BTreeMap<String, String>>,
    /// By a bucket's logical id, or by its name where the template does not make it.
    pub stores: BTreeMap<String, Store>,
    /// What regional functions run as: `AWS_ACCESS_KEY_ID` and the like.
    pub function_credentials: Credentials,
    /// The program that runs functions in JavaScript: `node`.
    pub node: PathBuf,
    /// One line of JSON for each request.
    pub log: Box<dyn Write + Send>,
    pub output: FunctionOutput,
}
