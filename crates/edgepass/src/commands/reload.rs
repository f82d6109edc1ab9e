//! `edgepass reload`: the running gateway reads its configuration again.

use std::path::PathBuf;

use http::StatusCode;
use serde_json::{Value, json};

use super::admin::ask_admin;
use crate::cli::Exit;
use crate::config;
use crate::trouble::{Trouble, say};

/// Reload the running gateway: its configuration, keys, certificates and secrets, all or nothing
#[derive(Debug, clap::Args)]
#[command(after_help = "\
No request and no connection is refused for it. Requests that come later are answered by the new rules and keys, \
connections that come later see the new certificates. Where anything is wrong, everything stays as it was.

What takes a new start: [listen], `origin` of [site], buckets, issuers, [cache], [state], [revocation].

It speaks to the admin listener, with the secret of [admin]. Where a new secret is to be taken, send SIGHUP instead: this \
command reads the new one, and the gateway still has the old one.

Examples:
  edgepass reload --config edgepass.toml
  kill -HUP $(pidof edgepass)                 # the same; what comes of it stands in the gateway's stderr

Exit codes: 0 reloaded, 1 no answer, 2 mistakes: nothing was reloaded.")]
pub struct Args {
    /// The gateway's configuration
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

pub fn run(args: &Args) -> Result<Exit, Trouble> {
    let config = config::load(&args.config)?;
    let (status, answer) = ask_admin(config.listen.admin, config.admin_secret.as_deref(), "/reload", &json!({}))?;
    match status {
        StatusCode::OK => {
            say(answer)?;
            Ok(Exit::Done)
        }
        StatusCode::UNPROCESSABLE_ENTITY => {
            let mistakes = answer.get("mistakes").and_then(Value::as_array);
            let messages = mistakes.into_iter().flatten().filter_map(|mistake| mistake.get("message")?.as_str());
            Err(Trouble::usage(messages.collect::<Vec<_>>().join("\nerror: ")))
        }
        _ => {
            let message = answer.get("error").and_then(Value::as_str).unwrap_or("the gateway refused");
            Err(Trouble::failed(message))
        }
    }
}
