//! `edgepass token mint`: a signed token from a key's file and claims.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use authorizer::Algorithm;
use keys::{SigningKey, Source};
use serde_json::{Map, Value};

use crate::cli::Exit;
use crate::commands::keys::algorithm;
use crate::config;
use crate::trouble::{Trouble, say, tell};

/// Mint a token
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The token goes to stdout. It has `iat`, `exp` and a random `jti`; --claim adds claims or replaces these. A claim's \
value is JSON; what is not JSON is taken as text.

With --config, --issuer is the NAME of an [issuer.NAME]: its `iss` and `aud` are used, its algorithms are checked, \
and --key may be left out where it has a `secret_file`.

Examples:
  edgepass token mint --key app.jwk --issuer https://app.example.com \\
      --audience files --claim workspace=9f0c2d9e-1111-4222-8333-444455556666
  edgepass token mint --config edgepass.toml --issuer app --key app.jwk \\
      --subject ada --claim 'members={\"w1\":\"owner\"}' --expires 8h
  TOKEN=$(edgepass token mint …); curl -H \"Authorization: Bearer $TOKEN\" …")]
pub struct Args {
    /// The file of the private key or secret
    #[arg(long, value_name = "FILE", required_unless_present = "config")]
    key: Option<PathBuf>,
    /// What to sign with, where the key's file leaves it open: a plain secret (else HS256), an RSA key without `alg` (else RS256)
    #[arg(long, value_name = "NAME", value_parser = algorithm)]
    algorithm: Option<Algorithm>,
    /// The `iss` claim; with --config the name of an issuer
    #[arg(long, value_name = "ISSUER")]
    issuer: Option<String>,
    /// The `aud` claim
    #[arg(long, value_name = "AUDIENCE")]
    audience: Option<String>,
    /// The `sub` claim
    #[arg(long, value_name = "SUBJECT")]
    subject: Option<String>,
    /// A claim; repeat it for several
    #[arg(long = "claim", value_name = "NAME=JSON", value_parser = claim)]
    claims: Vec<(String, Value)>,
    /// How long the token is valid: 30s, 5m, 8h, 7d
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = duration)]
    expires: Duration,
    /// Take `iss`, `aud` and the algorithms from this configuration
    #[arg(long, value_name = "FILE", requires = "issuer")]
    config: Option<PathBuf>,
}

pub fn run(args: &Args) -> Result<Exit, Trouble> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let mut claims = Map::new();
    claims.insert("iat".to_owned(), Value::from(now));
    claims.insert("exp".to_owned(), Value::from(now.saturating_add(args.expires.as_secs())));
    claims.insert("jti".to_owned(), Value::from(uuid::Uuid::new_v4().to_string()));
    let mut text = |name: &str, value: Option<&str>| {
        if let Some(value) = value {
            claims.insert(name.to_owned(), Value::from(value));
        }
    };
    text("sub", args.subject.as_deref());
    let key = if let (Some(file), Some(name)) = (&args.config, &args.issuer) {
        let (key, issuer, audience) = of_issuer(file, name, args)?;
        text("iss", Some(&issuer));
        text("aud", Some(args.audience.as_deref().unwrap_or(&audience)));
        key
    } else {
        text("iss", args.issuer.as_deref());
        text("aud", args.audience.as_deref());
        let path = args.key.as_deref().ok_or_else(|| Trouble::usage("`--key` is missing"))?;
        load(path, args.algorithm)?
    };
    check_algorithm(&key, args.algorithm)?;
    claims.extend(args.claims.iter().cloned());
    for wanted in ["iss", "aud"].into_iter().filter(|wanted| !claims.contains_key(*wanted)) {
        tell(format_args!("warning: the token has no `{wanted}`; no issuer of a configuration will take it"));
    }
    say(key.sign(&claims).map_err(Trouble::failed)?)?;
    Ok(Exit::Done)
}

/// The key, `iss` and `aud` for an issuer of a configuration.
fn of_issuer(file: &Path, name: &str, args: &Args) -> Result<(SigningKey, String, String), Trouble> {
    let config = config::load(file)?;
    let Some(issuer) = config.issuers.iter().find(|issuer| issuer.settings.name == name) else {
        let known: Vec<_> = config.issuers.iter().map(|issuer| format!("`{}`", issuer.settings.name)).collect();
        let trouble = Trouble::usage(format!("`{}` has no issuer `{name}`", file.display()));
        return Err(trouble.with_hint(format!("its issuers are {}", known.join(", "))));
    };
    let settings = &issuer.settings;
    let only = match settings.algorithms.as_slice() {
        [only] => Some(*only),
        _ => None,
    };
    let key = match (args.key.as_deref(), &issuer.source) {
        (Some(path), _) => load(path, args.algorithm.or(only))?,
        (None, Source::SecretFile(path)) => load(path, args.algorithm.or(only))?,
        (None, _) => {
            let trouble = Trouble::usage(format!("the issuer `{name}` publishes public keys: `--key` is missing"));
            return Err(trouble.with_hint("name the file of the private key"));
        }
    };
    if !settings.algorithms.contains(&key.algorithm()) {
        let message = format!("the key signs with {}, which is not one of the issuer's algorithms", key.algorithm());
        return Err(Trouble::usage(message));
    }
    Ok((key, settings.issuer.clone(), settings.audiences.first().cloned().unwrap_or_default()))
}

fn load(path: &Path, algorithm: Option<Algorithm>) -> Result<SigningKey, Trouble> {
    SigningKey::load(path, algorithm).map_err(|error| {
        Trouble::failed(error).with_hint("`edgepass keys new --algorithm ES256 --out FILE` makes a key")
    })
}

/// A key has one algorithm for life: `--algorithm` can say what a file leaves open, and change nothing.
fn check_algorithm(key: &SigningKey, asked: Option<Algorithm>) -> Result<(), Trouble> {
    match asked {
        Some(asked) if asked != key.algorithm() => {
            let message = format!("the key signs with {}, not with {asked}", key.algorithm());
            Err(Trouble::usage(message).with_hint("leave `--algorithm` out, or name another key"))
        }
        _ => Ok(()),
    }
}

fn claim(text: &str) -> Result<(String, Value), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=JSON")?;
    if name.is_empty() {
        return Err("the claim has no name".to_owned());
    }
    let value = match serde_json::from_str(value) {
        Ok(value) => value,
        Err(error) if value.trim_start().starts_with(['{', '[', '"']) => return Err(format!("not JSON: {error}")),
        Err(_) => Value::from(value),
    };
    Ok((name.to_owned(), value))
}

fn duration(text: &str) -> Result<Duration, String> {
    config::duration(text).map_err(|mistake| mistake.hint.unwrap_or(mistake.message))
}
