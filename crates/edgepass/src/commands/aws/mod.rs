//! `edgepass aws …`: the deployment on AWS.

mod check;
mod destroy;
mod dev;
mod package;
mod render;

use crate::cli::Exit;
use crate::trouble::Trouble;

/// Deploy on AWS: CloudFront, S3 and the same authorizer at the edge
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "\
The way: `dev` to try it on this machine, `render` to write what is deployed, `check` to judge it, then the commands in the \
README.md beside it. `./build-aws` builds the functions once.

A guide from an empty account to a running site: docs/guides/aws.md")]
pub enum Command {
    Render(render::Args),
    Package(package::Args),
    Check(check::Args),
    Dev(dev::Args),
    Destroy(destroy::Args),
}

pub fn run(command: Command) -> Result<Exit, Trouble> {
    match command {
        Command::Render(args) => render::run(&args),
        Command::Package(args) => package::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Dev(args) => dev::run(&args),
        Command::Destroy(args) => destroy::run(&args),
    }
}
