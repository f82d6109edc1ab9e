//! `edgepass schema`: the configuration's shape, for editors.

use crate::cli::Exit;
use crate::trouble::{Trouble, say};

/// What the reference ships, so that both are one.
const SCHEMA: &str = include_str!("../../../../docs/reference/edgepass.schema.json");

/// Print the JSON schema of the configuration, for editors
#[derive(Debug, clap::Args)]
#[command(after_help = "\
JSON Schema draft-07. An editor with a TOML language server (Taplo; \"Even Better TOML\" in VS Code) then completes keys, shows \
what they mean and marks what is wrong while it is typed. `edgepass check` knows more: names that lead somewhere, files, \
rules that bear on each other.

Example:
  edgepass schema > edgepass.schema.json
  # and as the first line of edgepass.toml:
  #:schema ./edgepass.schema.json")]
pub struct Args {}

pub fn run(_: &Args) -> Result<Exit, Trouble> {
    say(SCHEMA.trim_end())?;
    Ok(Exit::Done)
}
