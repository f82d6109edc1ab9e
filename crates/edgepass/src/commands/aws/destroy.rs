//! `edgepass aws destroy`: takes a deployment away, buckets excepted.

use aws_check::destroy::{DestroyError, Outcome, Patience, Stack, destroy, plan};
use aws_check::live::aws;

use super::check::with_aws_hint;
use crate::cli::Exit;
use crate::trouble::{Trouble, say, tell};

const EDGE_REGION: &str = "us-east-1";

/// Take a deployment away: its stacks, and the edge function once its copies are gone
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Says what it will do, and does it with --yes, by the AWS CLI. Buckets and keys are never deleted. AWS keeps copies of the edge \
function for hours after the distribution is gone: run the same command again then; what is done already is passed over.

Examples:
  edgepass aws destroy --stack acme-files
  edgepass aws destroy --stack acme-files --yes
  edgepass aws destroy --stack acme-files --region eu-west-1 --edge-stack acme-files-edge --yes")]
pub struct Args {
    /// The stack with the distribution
    #[arg(long, value_name = "NAME")]
    stack: String,
    /// Its region
    #[arg(long, value_name = "REGION", default_value = EDGE_REGION)]
    region: String,
    /// The edge function's own stack in us-east-1, where the layout is split
    #[arg(long, value_name = "NAME")]
    edge_stack: Option<String>,
    /// Do it
    #[arg(long)]
    yes: bool,
}

pub fn run(args: &Args) -> Result<Exit, Trouble> {
    let mut stacks = vec![Stack { name: &args.stack, region: &args.region }];
    stacks.extend(args.edge_stack.iter().map(|name| Stack { name, region: EDGE_REGION }));
    let plan = plan(&stacks, &aws).map_err(trouble)?;
    if plan.steps().is_empty() {
        tell(format_args!("nothing is left of the stack `{}` in {}", args.stack, args.region));
        return Ok(Exit::Done);
    }
    say(plan.to_string().trim_end())?;
    if plan.is_idle() {
        tell("nothing is left to delete");
        return Ok(Exit::Done);
    }
    if !args.yes {
        tell("nothing was done; add --yes to do it");
        return Ok(Exit::Done);
    }
    match destroy(&plan, &aws, Patience::default(), &mut |done| tell(done)).map_err(trouble)? {
        Outcome::Done => {
            tell("done");
            Ok(Exit::Done)
        }
        Outcome::ComeBack(wait) => {
            tell(wait);
            Ok(Exit::Failed)
        }
    }
}

fn trouble(error: DestroyError) -> Trouble {
    match error {
        DestroyError::Aws(error) => with_aws_hint(&error),
        other => Trouble::failed(other),
    }
}
