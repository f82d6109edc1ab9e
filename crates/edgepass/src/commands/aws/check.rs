//! `edgepass aws check`: is what is deployed safe, whoever wrote it?

use std::path::PathBuf;

use aws_check::live::{AwsError, AwsFault, Target, aws, live};
use aws_check::{Document, Finding, Severity};
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
  edgepass aws check --live --distribution E2QWRUHAPOMQZL     by the AWS CLI, with its credentials
  edgepass aws check --live --stack acme-files --region us-east-1")]
pub struct Args {
    /// Templates, YAML or JSON
    #[arg(value_name = "TEMPLATE", required_unless_present = "live", conflicts_with = "live")]
    templates: Vec<PathBuf>,
    /// Judge what is in an account
    #[arg(long, requires = "target")]
    live: bool,
    /// The distribution to judge
    #[arg(long, value_name = "ID", requires = "live", group = "target")]
    distribution: Option<String>,
    /// The stack whose distributions to judge
    #[arg(long, value_name = "NAME", requires = "live", group = "target")]
    stack: Option<String>,
    /// The stack's region; left out: the AWS CLI's own
    #[arg(long, value_name = "REGION", requires = "stack")]
    region: Option<String>,
    /// Print one JSON object to stdout
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> Result<Exit, Trouble> {
    match (&args.distribution, &args.stack) {
        (Some(id), _) => return check_live(Target::Distribution(id), args.json),
        (_, Some(name)) => return check_live(Target::Stack { name, region: args.region.as_deref() }, args.json),
        _ => {}
    }
    let mut found = Vec::new();
    for path in &args.templates {
        let text = std::fs::read_to_string(path)
            .map_err(|error| Trouble::failed(format_args!("cannot read `{}`: {error}", path.display())))?;
        let document =
            Document::parse(&text).map_err(|error| Trouble::usage(format_args!("{}: {error}", path.display())))?;
        found.push((path.display().to_string(), aws_check::check(&document)));
    }
    tell_findings(&found, args.json)
}

fn check_live(target: Target<'_>, as_json: bool) -> Result<Exit, Trouble> {
    let report = live(target, &aws).map_err(|error| with_aws_hint(&error))?;
    for unread in &report.unread {
        tell(format_args!("not judged: {unread}"));
    }
    tell_findings(&[(report.distributions.join(", "), report.findings)], as_json)
}

pub fn with_aws_hint(error: &AwsError) -> Trouble {
    let trouble = Trouble::failed(error);
    match &error.fault {
        AwsFault::Missing => trouble.with_hint("install the AWS CLI, and sign in with it: `aws configure`"),
        AwsFault::Failed(_) => trouble.with_hint("see that `aws sts get-caller-identity` works"),
        _ => trouble,
    }
}

/// Where it was found, and what.
type Found = (String, Vec<Finding>);

fn tell_findings(found: &[Found], as_json: bool) -> Result<Exit, Trouble> {
    let all = || found.iter().flat_map(|(name, findings)| findings.iter().map(move |finding| (name, finding)));
    if as_json {
        let list: Vec<_> = all()
            .map(|(name, finding)| {
                let mut json = finding.to_json();
                if let Some(members) = json.as_object_mut() {
                    members.insert("source".to_owned(), name.as_str().into());
                }
                json
            })
            .collect();
        say(json!({ "findings": list }))?;
    } else {
        for (name, finding) in all() {
            say(finding.render(name))?;
        }
    }
    let errors = all().filter(|(_, finding)| finding.severity() == Severity::Error).count();
    let warnings = all().count() - errors;
    tell(match (errors, warnings) {
        (0, 0) => "no mistakes found".to_owned(),
        _ => format!("{errors} errors, {warnings} warnings"),
    });
    Ok(if errors > 0 { Exit::Denied } else { Exit::Done })
}
