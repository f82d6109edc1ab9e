//! `edgepass revoke`: tells a running gateway which tokens it honours no longer.

use std::path::PathBuf;

use http::StatusCode;
use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::admin::ask_admin;
use crate::cli::Exit;
use crate::config;
use crate::trouble::{Trouble, say, tell};

/// Revoke tokens: by id, subject, session, another claim, or by when they were issued
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The configuration says where the admin listener is and where its secret lies. When the command ends well the tokens are \
refused, for files in the cache too, and stay so over a restart (where the configuration has `[state]`).

Without --before every token with the claim is refused, whenever it was issued, until the last of those that exist now has \
expired. With --before now a person is signed out everywhere and can sign in again.

Examples:
  edgepass revoke --config edgepass.toml --jti 6d1f…              # one token
  edgepass revoke --config edgepass.toml --sub ada --before now   # sign ada out everywhere
  edgepass revoke --config edgepass.toml --claim device=7 --issuer app
  edgepass revoke --config edgepass.toml --all --before 2026-11-22T09:00:00Z   # after a key got out")]
pub struct Args {
    /// The gateway's configuration
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// The name of the issuer; it may be left out where there is one
    #[arg(long, value_name = "NAME")]
    issuer: Option<String>,
    #[command(flatten)]
    what: What,
    /// Only tokens issued before: `now`, or a date and time with its offset
    #[arg(long, value_name = "TIME", value_parser = moment, required_if_eq("all", "true"))]
    before: Option<Value>,
    /// The latest `exp` of the tokens that are meant, where the issuer has no `max_age`: the revocation is kept until then
    #[arg(long, value_name = "TIME", value_parser = moment)]
    expires: Option<Value>,
}

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct What {
    /// Tokens with this `jti`
    #[arg(long, value_name = "ID")]
    jti: Option<String>,
    /// Tokens with this `sub`
    #[arg(long, value_name = "SUBJECT")]
    sub: Option<String>,
    /// Tokens with this `sid`
    #[arg(long, value_name = "SESSION")]
    sid: Option<String>,
    /// Tokens with this claim; `[revocation]` lists which may be named
    #[arg(long, value_name = "NAME=VALUE", value_parser = claim)]
    claim: Option<(String, String)>,
    /// All tokens of the issuer that were issued before --before
    #[arg(long)]
    all: bool,
}

fn moment(text: &str) -> Result<Value, String> {
    if text == "now" {
        return Ok(text.into());
    }
    OffsetDateTime::parse(text, &Rfc3339)
        .map(|time| time.unix_timestamp().into())
        .map_err(|_| "write `now`, or a date and time with its offset, 2026-12-24T18:00:00Z".to_owned())
}

fn claim(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

pub fn run(args: &Args) -> Result<Exit, Trouble> {
    let config = config::load(&args.config)?;
    let (status, answer) = ask_admin(config.listen.admin, config.admin_secret.as_deref(), "/revocations", &wish(args))?;
    if status != StatusCode::OK {
        let message = answer.get("error").and_then(Value::as_str).unwrap_or("the gateway refused");
        return Err(Trouble::failed(message));
    }
    if answer.get("kept") == Some(&Value::Bool(false)) {
        tell("warning: a restart of the gateway forgets this: its configuration has no `[state]`");
    }
    say(answer)?;
    Ok(Exit::Done)
}

fn wish(args: &Args) -> Value {
    let What { jti, sub, sid, claim, .. } = &args.what;
    let mut members = Map::new();
    for (name, value) in [("issuer", &args.issuer), ("jti", jti), ("sub", sub), ("sid", sid)] {
        members.extend(value.as_ref().map(|value| (name.to_owned(), Value::from(value.as_str()))));
    }
    members.extend(claim.as_ref().map(|(name, value)| ("claims".to_owned(), serde_json::json!({ name: value }))));
    for (name, value) in [("before", &args.before), ("expires", &args.expires)] {
        members.extend(value.as_ref().map(|value| (name.to_owned(), value.clone())));
    }
    Value::Object(members)
}
