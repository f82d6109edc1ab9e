//! The command line: one variant a command, each with its own file in `commands/`.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::commands::{aws, check, dev, explain, keys, reload, revoke, schema, serve, store, token};

/// Private files, straight from the bucket, checked at the edge.
#[derive(Debug, Parser)]
#[command(name = "edgepass", version, propagate_version = true, after_help = EXIT_CODES)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  failed
  2  wrong usage or configuration
  3  the check found faults, or: denied";

#[derive(Debug, Subcommand)]
enum Command {
    Dev(dev::Args),
    Serve(serve::Args),
    Store(store::Args),
    Check(check::Args),
    Explain(explain::Args),
    Revoke(revoke::Args),
    Reload(reload::Args),
    Schema(schema::Args),
    #[command(subcommand)]
    Token(token::Command),
    #[command(subcommand)]
    Keys(keys::Command),
    #[command(subcommand)]
    Aws(aws::Command),
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    Done,
    Failed,
    /// Wrong usage or configuration.
    Usage,
    /// The check found faults, or: denied.
    Denied,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::Denied => 3,
        })
    }
}

impl Cli {
    pub fn run(self) -> Exit {
        let ended = match self.command {
            Command::Dev(args) => dev::run(&args),
            Command::Serve(args) => serve::run(&args),
            Command::Store(args) => store::run(&args),
            Command::Check(args) => check::run(&args),
            Command::Explain(args) => explain::run(&args),
            Command::Revoke(args) => revoke::run(&args),
            Command::Reload(args) => reload::run(&args),
            Command::Schema(args) => schema::run(&args),
            Command::Token(command) => token::run(command),
            Command::Keys(command) => keys::run(command),
            Command::Aws(command) => aws::run(command),
        };
        ended.unwrap_or_else(|trouble| trouble.tell())
    }
}
