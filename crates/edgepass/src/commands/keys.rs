//! `edgepass keys`: private keys for signing tokens, and the key set to publish.

use std::path::PathBuf;

use authorizer::Algorithm;
use keys::{SigningError, SigningKey};

use crate::cli::Exit;
use crate::trouble::{Trouble, say, tell};

/// Make signing keys, and the key set to publish
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    New(NewArgs),
    Jwks(JwksArgs),
}

/// Make a private key (or a shared secret) in a new file that only you can read
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The file is a private JWK, which other tools read too; for HS256, HS384 and HS512 it is the plain secret.
An existing file is never overwritten.

Examples:
  edgepass keys new --algorithm ES256 --out app.jwk
  edgepass keys jwks --key app.jwk > jwks.json      # then: jwks_file = \"jwks.json\"
  edgepass keys new --algorithm HS256 --out app.secret   # then: secret_file = \"app.secret\"")]
pub struct NewArgs {
    /// ES256, ES384, ES512, `EdDSA`, RS256 to RS512, PS256 to PS512, HS256 to HS512
    #[arg(long, value_name = "NAME", default_value = "ES256", value_parser = algorithm)]
    algorithm: Algorithm,
    /// The file to make
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// Print the JWK set of these keys' public halves
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Publish it where `jwks_url` points, or name the file with `jwks_file`. While keys are rotated, publish the old and \
the new one together.

Examples:
  edgepass keys jwks --key app.jwk > jwks.json
  edgepass keys jwks --key old.jwk --key new.jwk > jwks.json")]
pub struct JwksArgs {
    /// A private key's file; repeat it for several
    #[arg(long = "key", value_name = "FILE", required = true, num_args = 1..)]
    keys: Vec<PathBuf>,
}

pub fn run(command: Command) -> Result<Exit, Trouble> {
    match command {
        Command::New(args) => new(&args),
        Command::Jwks(args) => jwks(&args),
    }
}

fn new(args: &NewArgs) -> Result<Exit, Trouble> {
    let key = SigningKey::generate(args.algorithm).map_err(Trouble::failed)?;
    key.save(&args.out).map_err(|error| match error {
        SigningError::Exists { .. } => {
            Trouble::failed(error).with_hint("a key that is overwritten cannot be had back: choose another file")
        }
        other => Trouble::failed(other),
    })?;
    let id = key.id().map(|id| format!(", kid {id}")).unwrap_or_default();
    tell(format_args!("wrote {} ({}{id})", args.out.display(), key.algorithm()));
    Ok(Exit::Done)
}

fn jwks(args: &JwksArgs) -> Result<Exit, Trouble> {
    let mut loaded = Vec::new();
    for path in &args.keys {
        let key = SigningKey::load(path, None).map_err(Trouble::failed)?;
        if key.algorithm().is_symmetric() {
            let message = format!("`{}` is a shared secret, which has no public half", path.display());
            return Err(Trouble::usage(message).with_hint("name it in the configuration with `secret_file`"));
        }
        if loaded.iter().any(|other: &SigningKey| other.id() == key.id()) {
            return Err(Trouble::usage(format!("`{}` has the same `kid` as an earlier key", path.display())));
        }
        loaded.push(key);
    }
    say(format_args!("{:#}", keys::jwk_set(&loaded)))?;
    Ok(Exit::Done)
}

pub fn algorithm(name: &str) -> Result<Algorithm, String> {
    let known = Algorithm::ALL;
    known
        .into_iter()
        .find(|algorithm| algorithm.as_str().eq_ignore_ascii_case(name))
        .or_else(|| Algorithm::parse(name))
        .ok_or_else(|| format!("known are {}", known.map(Algorithm::as_str).join(", ")))
}
