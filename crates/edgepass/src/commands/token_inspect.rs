//! `edgepass token inspect`: what a token says, its times in words, and, for a configuration, which check it fails.

use std::io::{IsTerminal, Read};
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use authorizer::{Denied, UnixTime};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use keys::{Keyring, Native};
use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::cli::Exit;
use crate::config::{self, Config};
use crate::gateway_parts::open_keyring;
use crate::trouble::{Trouble, say, tell};

/// Show what a token says, and why a configuration would not take it
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Without TOKEN the token is read from stdin, where it does not end up in the shell's history.
Without --config nothing is verified: anyone can write such a token.

Examples:
  edgepass token mint … | edgepass token inspect
  edgepass token inspect --config edgepass.toml < token.txt

Exit codes: 0 decoded (with --config: valid), 1 not a token, 3 the configuration would not take it.")]
pub struct Args {
    token: Option<String>,
    /// Verify the token as this configuration would
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// The longest input that is read: a token has at most 8 KiB.
const MAX_INPUT: u64 = 64 * 1024;

pub fn run(args: Args) -> Result<Exit, Trouble> {
    let config = args.config.as_deref().map(config::load).transpose()?;
    let token = match args.token {
        Some(token) => token,
        None => read_stdin()?,
    };
    let token = token.trim();
    let token = token.strip_prefix("Bearer ").unwrap_or(token);
    let now = UnixTime(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs().cast_signed()));
    let decoded = decode(token);
    if let Some((header, claims)) = &decoded {
        say(format_args!("header\n{}\nclaims\n{}", indented(header), indented(claims)))?;
        let times = times(claims, now);
        if !times.is_empty() {
            say(format_args!("times\n{times}"))?;
        }
    }
    let Some(config) = config else {
        return match decoded {
            Some(_) => {
                tell("note: the signature was not verified; give --config to do so");
                Ok(Exit::Done)
            }
            None => Err(Trouble::failed("not a token: three parts of base64url JSON with dots between are wanted")),
        };
    };
    match judge(token, &config, now)? {
        Ok(issuer) => {
            say(format_args!("valid\n  for the issuer `{issuer}`; what it may read and upload is the routes' matter"))?;
            Ok(Exit::Done)
        }
        Err(denied) => {
            say(format_args!("not valid\n  {denied} ({})", denied.code()))?;
            Ok(Exit::Denied)
        }
    }
}

fn read_stdin() -> Result<String, Trouble> {
    if std::io::stdin().is_terminal() {
        tell("paste the token, then press Enter and Ctrl-D");
    }
    let mut text = String::new();
    match std::io::stdin().lock().take(MAX_INPUT).read_to_string(&mut text) {
        Ok(_) if text.trim().is_empty() => Err(Trouble::usage("no token: neither an argument nor anything on stdin")),
        Ok(_) => Ok(text),
        Err(error) => Err(Trouble::failed(format!("cannot read stdin: {error}"))),
    }
}

/// Header and claims, as leniently as can be: it is only for looking at.
fn decode(token: &str) -> Option<(Map<String, Value>, Map<String, Value>)> {
    let mut parts = token.split('.');
    let mut part = || match serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts.next()?).ok()?) {
        Ok(Value::Object(members)) => Some(members),
        _ => None,
    };
    Some((part()?, part()?))
}

fn indented(members: &Map<String, Value>) -> String {
    let text = serde_json::to_string_pretty(members).unwrap_or_default();
    text.lines().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}

/// Each registered time with its date and its distance from now.
fn times(claims: &Map<String, Value>, now: UnixTime) -> String {
    let named = [("iat", "issued"), ("nbf", "not before"), ("exp", "expires")];
    let lines: Vec<_> = named
        .into_iter()
        .filter_map(|(name, title)| {
            let value = claims.get(name)?;
            let words = value.as_i64().map_or_else(
                || format!("{value} (not a whole number of seconds)"),
                |seconds| {
                    let date =
                        OffsetDateTime::from_unix_timestamp(seconds).ok().and_then(|date| date.format(&Rfc3339).ok());
                    let date = date.unwrap_or_else(|| seconds.to_string());
                    format!("{date}, {}", distance(seconds.saturating_sub(now.0)))
                },
            );
            Some(format!("  {title:<10} {words}"))
        })
        .collect();
    lines.join("\n")
}

/// `in 7 h 59 min`, `3 d 2 h ago`.
fn distance(seconds: i64) -> String {
    let units = [("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)];
    let mut rest = seconds.unsigned_abs();
    let mut words = Vec::new();
    for (unit, length) in units {
        if rest >= length && words.len() < 2 {
            words.push(format!("{} {unit}", rest / length));
            rest %= length;
        }
    }
    match (words.is_empty(), seconds < 0) {
        (true, _) => "now".to_owned(),
        (false, true) => format!("{} ago", words.join(" ")),
        (false, false) => format!("in {}", words.join(" ")),
    }
}

/// The name of the issuer that takes it, or the first check that fails.
fn judge(token: &str, config: &Config, now: UnixTime) -> Result<Result<String, Denied>, Trouble> {
    let keyring = open(config)?;
    let issuers = config.rules.issuers();
    let judged = authorizer::verify(token, issuers, &keyring.snapshot().sets, &Native).and_then(|verified| {
        let issuer = config.rules.issuer(verified.issuer()).ok_or(Denied::UnknownIssuer)?;
        verified.check(issuer, now).map(|()| issuer.name.clone())
    });
    Ok(judged)
}

/// The issuers' keys; those behind URLs are fetched once, and a failure is told.
fn open(config: &Config) -> Result<std::sync::Arc<Keyring>, Trouble> {
    let keyring = open_keyring(config, None, None)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Trouble::failed(format!("cannot start: {error}")))?;
    runtime.block_on(async {
        keyring.spawn_refresh(runtime.handle());
        for issuer in 0..config.issuers.len() {
            keyring.refresh_unknown(issuer).await;
        }
    });
    for status in keyring.status() {
        if let Some(error) = status.last_error {
            tell(format_args!("warning: no keys from `{}`: {error}", status.source));
        }
    }
    Ok(keyring)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_in_words() {
        for (seconds, words) in [
            (0, "now"),
            (1, "in 1 s"),
            (-61, "1 min 1 s ago"),
            (8 * 3600, "in 8 h"),
            (-90_061, "1 d 1 h ago"),
            (i64::MIN, "106751991167300 d 15 h ago"),
        ] {
            assert_eq!(distance(seconds), words);
        }
    }
}
