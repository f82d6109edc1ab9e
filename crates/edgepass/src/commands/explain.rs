//! `edgepass explain`: which rule allows a request, or the first fact that failed in each. The question goes the way that it
//! goes in the gateway; only revocations, used tokens and hooks are not asked.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use authorizer::{
    Allowed, Denied, Evidence, HookAnswer, HookQuestion, KeySets, ObjectPath, Permission, Placed, Read, UnixTime,
    Upload, Verified,
};
use front::{Admitted, Carrier, Front, Listener, Refusal};
use http::request::Parts;
use keys::Native;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::explain_text::{Explained, Outcome};
use super::runtime;
use crate::cli::Exit;
use crate::config::{self, Config};
use crate::trouble::{Trouble, say, tell};

/// Say which rule allows a request, or what failed in each
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The token may also stand in the URL's query, where the configuration takes it there. Keys are read from their files and \
fetched from their URLs now. Revocations and used one-time tokens are the running gateway's, and hooks are not asked: where \
one would be, the answer says so.

Examples:
  edgepass explain --config edgepass.toml --url https://files.example.com/public/logo.png
  edgepass explain --config edgepass.toml --url /9f0c…/7d1a…/report.pdf --token \"$TOKEN\"
  edgepass explain --config edgepass.toml --url /a/b --token \"$TOKEN\" --at 2026-12-24T18:00:00Z --address 192.0.2.7
  edgepass explain --config edgepass.toml --url /a/b --token \"$TOKEN\" --json | jq .reason

Exit codes: 0 allowed, 3 denied (or the decision is a hook's).")]
pub struct Args {
    /// The configuration file
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// The URL, or its path alone
    #[arg(long, value_name = "URL")]
    url: String,
    /// GET or HEAD; with --upload it does not matter
    #[arg(long, value_name = "METHOD", default_value = "GET")]
    method: String,
    /// A token, as the `Authorization` header would carry it; `-` reads it from stdin
    #[arg(long, value_name = "TOKEN", allow_hyphen_values = true)]
    token: Option<String>,
    /// Ask whether a file may be uploaded to this path
    #[arg(long)]
    upload: bool,
    /// The client's address
    #[arg(long, value_name = "ADDRESS")]
    address: Option<IpAddr>,
    /// The time of the request, with its offset; now if left out
    #[arg(long, value_name = "TIME", value_parser = moment)]
    at: Option<UnixTime>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

fn moment(text: &str) -> Result<UnixTime, String> {
    OffsetDateTime::parse(text, &Rfc3339)
        .map(|time| UnixTime(time.unix_timestamp()))
        .map_err(|_| "write a date and time with its offset, 2026-12-24T18:00:00Z".to_owned())
}

pub fn run(args: &Args) -> Result<Exit, Trouble> {
    let config = config::load(&args.config)?;
    let keys = runtime()?.block_on(load_keys(&config))?;
    let now = args.at.unwrap_or_else(|| {
        UnixTime(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs().cast_signed()))
    });
    let parts = request(args, &config)?;
    let Config { site, carriers, rules, routes, .. } = config;
    let front = Front::new(site.origin, site.apps, carriers, rules);
    let mut known = Known { front: &front, keys };
    let asked = path_of(&front, &parts, args.upload)
        .and_then(|path| front::presented(&parts, &front.carriers).map(|presented| (path, presented)));
    let explained = match asked {
        Err(refusal) => Explained::refused(refusal),
        Ok((path, presented)) => {
            let (host, tokens) = (front.host(&parts), presented.texts());
            let placed = front.rules.place(front::question(
                &parts,
                &host,
                &path,
                args.address,
                &tokens,
                presented.carried(),
                now,
            ));
            if args.upload { explain::<Upload>(&placed, &mut known) } else { explain::<Read>(&placed, &mut known) }
        }
    };
    if args.json {
        say(explained.to_json(&front, &routes))?;
    } else {
        say(explained.to_text(&front, &routes, now).trim_end())?;
    }
    Ok(if matches!(explained.outcome, Outcome::Allowed { .. }) { Exit::Done } else { Exit::Denied })
}

fn explain<P: Permission>(placed: &Placed<'_>, known: &mut Known<'_>) -> Explained {
    let trace = placed.explain::<P>(known);
    let answer: Result<Allowed<P>, Denied> = placed.allow(known);
    let outcome = match answer {
        Ok(allowed) => Outcome::Allowed {
            route: allowed.route(),
            rule: allowed.rule(),
            bucket: allowed.bucket(),
            public: allowed.is_public(),
            key: allowed.into_key(),
        },
        Err(Denied::HookUnknown) => Outcome::Hook,
        Err(denied) => Outcome::Refused { refusal: Refusal::from(denied), why: denied.to_string() },
    };
    Explained { outcome, trace: Some(trace) }
}

/// The way of a request's head, so that what is no path here is none there.
fn path_of(front: &Front, parts: &Parts, upload: bool) -> Result<ObjectPath, Refusal> {
    if upload {
        return Ok(ObjectPath::from_target(parts.uri.path())?);
    }
    match front::admit(parts, Listener::Serves, &front.origin, &front.carriers)? {
        Admitted::Object(path) => Ok(path),
        Admitted::Own(_) => {
            let detail = "the site's own endpoints have no rules";
            Err(Refusal::explained(front::Code::NotFound, "own_endpoint", detail))
        }
        Admitted::Preflight(_) | Admitted::Redirect(_) => {
            Err(Refusal::explained(front::Code::MethodNotAllowed, "preflight", "OPTIONS is answered without rules"))
        }
    }
}

/// The request as it would arrive.
fn request(args: &Args, config: &Config) -> Result<Parts, Trouble> {
    let target = match args.url.split_once("://") {
        Some((_, rest)) => rest.find('/').and_then(|slash| rest.get(slash..)).unwrap_or("/"),
        None => &args.url,
    };
    let target = target.split('#').next().unwrap_or_default();
    if !target.starts_with('/') {
        return Err(Trouble::usage(format!("`{}` is neither a URL nor a path", args.url))
            .with_hint("write `--url https://files.example.com/a/b.png`, or `--url /a/b.png`"));
    }
    let origin = if args.url.contains("://") { &args.url } else { &config.site.origin };
    let host = origin.split_once("://").map_or("", |(_, rest)| rest.split('/').next().unwrap_or_default());
    let mut request = http::Request::builder().method(args.method.as_str()).uri(target).header("host", host);
    if let Some(token) = &args.token {
        let token = if token == "-" { read_token()? } else { token.clone() };
        if !config.carriers.contains(&Carrier::Header) {
            tell("note: the configuration takes no token in the header; --token is put there all the same");
        }
        let token = token.trim();
        request = request.header("authorization", format!("Bearer {}", token.strip_prefix("Bearer ").unwrap_or(token)));
    }
    if target.split_once('?').is_some_and(|(_, query)| query.split('&').any(|pair| pair.starts_with("link="))) {
        tell("note: links are signed with the running gateway's secret and are not looked at here");
    }
    let request = request.body(()).map_err(|error| {
        Trouble::usage(format!("no such request can be sent: {error}")).with_hint("encode what a URL cannot hold")
    })?;
    Ok(request.into_parts().0)
}

fn read_token() -> Result<String, Trouble> {
    std::io::read_to_string(std::io::stdin()).map_err(|error| Trouble::failed(format!("cannot read stdin: {error}")))
}

async fn load_keys(config: &Config) -> Result<KeySets, Trouble> {
    let mut sets = Vec::new();
    for issuer in &config.issuers {
        let set = keys::load_once(&issuer.source, &issuer.settings.algorithms).await;
        sets.push(Arc::new(match set {
            Ok(loaded) => loaded.set,
            Err(fault) => {
                let name = &issuer.settings.name;
                tell(format_args!("note: issuer `{name}`: {fault}; its tokens cannot be verified here"));
                authorizer::KeySet::default()
            }
        }));
    }
    Ok(KeySets(sets))
}

/// What this command knows of tokens: their signatures.
struct Known<'a> {
    front: &'a Front,
    keys: KeySets,
}

impl Evidence for Known<'_> {
    fn verify(&mut self, token: &str) -> Result<Arc<Verified>, Denied> {
        authorizer::verify(token, self.front.rules.issuers(), &self.keys, &Native).map(Arc::new)
    }

    /// Whether it was used is the running gateway's to know; nothing is used up by asking here.
    fn take(&mut self, _: &Verified) -> Result<(), Denied> {
        Ok(())
    }

    fn hook(&mut self, _: &HookQuestion<'_>) -> HookAnswer {
        HookAnswer::Unknown
    }
}
