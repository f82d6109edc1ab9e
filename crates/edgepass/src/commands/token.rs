//! `edgepass token`: mint and inspect tokens, for developers and scripts.

use crate::cli::Exit;
use crate::commands::{token_inspect, token_mint};
use crate::trouble::Trouble;

/// Mint and inspect tokens
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    Mint(token_mint::Args),
    Inspect(token_inspect::Args),
}

pub fn run(command: Command) -> Result<Exit, Trouble> {
    match command {
        Command::Mint(args) => token_mint::run(&args),
        Command::Inspect(args) => token_inspect::run(args),
    }
}
