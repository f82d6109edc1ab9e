//! `edgepass aws check`: is what is deployed safe, whoever wrote it?

use std::path::PathBuf;

use serde_json::json;

use crate::cli::Exit;
use crate::trouble::{Trouble, say, tell};

/// Judge CloudFormation templates, or an account: what linters do not see
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Any template with CloudFront in it, not only ours. Each finding has a code, its place, why it matters and how to mend it: \
docs/reference/aws-check.md. Exit code 3 when there are errors.

Examples:
  edgepass aws check aws/template.yaml aws/edge.yaml
  edgepass aws check template.json --json | jq '.findings[].code'
  edgepass aws check --live --distribution E2QWRUHAPOMQZL     with the AWS CLI and its credentials")]
pub struct Args {
    /// Templates, YAML or JSON
    #[arg(value_name = "TEMPLATE", required_unless_present = "live")]
    templates: Vec<PathBuf>,
    /// Ask an account by the AWS CLI
    #[arg(long, requires = "what")]
    live: bool,
    #[command(flatten)]
    what: What,
    /// Print one JSON object to stdout
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
#[group(id = "what", multiple = false)]
struct What {
    /// A distribution's id
    #[arg(long, value_name = "ID", requires = "live")]
    distribution: Option<String>,
    /// A stack with a distribution in it
    #[arg(long, value_name = "NAME", requires = "live")]
    stack: Option<String>,
}
