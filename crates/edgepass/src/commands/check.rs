//! `edgepass check`: is the configuration wholly understood, and as what?

use std::fmt::Write;
use std::path::PathBuf;

use serde_json::json;

use front::Carrier;

use super::check_live::{self, Finding};
use crate::cli::Exit;
use crate::config::{self, Config, HttpRole, day, in_json};
use crate::trouble::{Trouble, say, tell};

/// Check a configuration: every mistake at once, with file, line and column
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Reads the configuration and the files it names; without --live it asks no network. Credentials that the environment lacks here are \
no mistake: it may be checked on another machine than it serves on. Warnings are no mistakes either: a certificate that has \
expired or will within a week, one that is not for the site's host or a route's `hosts`, one without its issuer's.

Examples:
  edgepass check --config edgepass.toml
  edgepass check --config edgepass.toml --json | jq '.mistakes[].message'
  edgepass check --config edgepass.toml --live      asks the stores, the issuers and the site; writes nothing

Exit codes: 0 no mistake, 2 mistakes, 3 --live found faults.")]
pub struct Args {
    /// The configuration file
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Ask the buckets, the issuers' key sets and the site as well
    #[arg(long)]
    live: bool,
    /// Print one JSON object to stdout instead of talking
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> Result<Exit, Trouble> {
    match config::load(&args.config) {
        Ok(config) => understood(config, args),
        Err(diagnostics) if args.json => {
            say(diagnostics.to_json())?;
            Ok(Exit::Usage)
        }
        Err(diagnostics) => Err(diagnostics.into()),
    }
}

fn understood(config: Config, args: &Args) -> Result<Exit, Trouble> {
    let file = config.file.display().to_string();
    let warnings = in_json(&config.file, &config.warnings);
    if !args.json {
        for warning in &config.warnings {
            tell(warning.told("warning", &config.file));
        }
        tell(summary(&config).trim_end());
        tell_missing_keys(&config);
    }
    let findings = if args.live { check_live::look(config)? } else { Vec::new() };
    let faults = findings.iter().any(Finding::is_fault);
    if args.json {
        let mut answer = json!({ "ok": !faults, "file": file, "mistakes": [], "warnings": warnings });
        if let Some(members) = answer.as_object_mut().filter(|_| args.live) {
            members.insert("live".to_owned(), findings.iter().map(Finding::to_json).collect());
        }
        say(answer)?;
    } else {
        findings.iter().for_each(tell);
    }
    Ok(if faults { Exit::Denied } else { Exit::Done })
}

fn tell_missing_keys(config: &Config) {
    for bucket in &config.buckets {
        for credentials in std::iter::once(&bucket.credentials).chain(&bucket.upload_credentials) {
            if let Err(fault) = credentials.read(|name| std::env::var(name).ok()) {
                tell(format_args!("note: bucket `{}`: {fault}; `edgepass serve` needs it", bucket.name));
            }
        }
    }
}

/// What was understood, so that a reader sees what was not meant.
fn summary(config: &Config) -> String {
    let mut text = format!("{}: no mistakes\n", config.file.display());
    let mut row = |title: &str, words: String| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {title:<8} {words}");
    };
    if let (Some(address), Some(tls)) = (config.listen.https, &config.tls) {
        let hsts = tls.hsts.map_or_else(String::new, |time| format!(", HSTS for {} s", time.as_secs()));
        row("https", format!("{address}{hsts}"));
        for certificate in tls.certificates() {
            let names: Vec<_> = certificate
                .names
                .iter()
                .cloned()
                .chain(certificate.addresses.iter().map(ToString::to_string))
                .collect();
            let (file, until) = (certificate.file.display(), day(certificate.expires));
            row("tls", format!("{file}: {}; until {until}", names.join(", ")));
        }
    }
    if let Some(http) = config.listen.http {
        let role = match http.role {
            HttpRole::Serve => "serves",
            HttpRole::Redirect => "redirects to https",
        };
        row("http", format!("{}, {role}", http.address));
    }
    if let Some(address) = config.listen.admin {
        row("admin", address.to_string());
    }
    row("site", config.site.origin.clone());
    for app in &config.site.apps {
        row("app", app.clone());
    }
    for bucket in &config.buckets {
        row("bucket", format!("{}: `{}` at {}", bucket.name, bucket.bucket, bucket.endpoint));
    }
    for issuer in &config.issuers {
        let algorithms: Vec<_> = issuer.settings.algorithms.iter().map(|algorithm| algorithm.as_str()).collect();
        let may: Vec<_> = issuer.settings.may.iter().map(|action| action.as_str()).collect();
        let (name, source) = (&issuer.settings.name, &issuer.source);
        row("issuer", format!("{name}: may {}; {} keys from {source}", may.join(", "), algorithms.join(", ")));
    }
    let carriers: Vec<_> = config
        .carriers
        .iter()
        .map(|carrier| match carrier {
            Carrier::Header => "header".to_owned(),
            Carrier::Cookie(name) => format!("cookies `{name}…`"),
            Carrier::Query(name) => format!("query `{name}`"),
        })
        .collect();
    row("tokens", carriers.join(", "));
    for (_, route) in config.rules.routes() {
        let upload = route.upload.map(|upload| format!(", uploads signed for {} s", upload.life)).unwrap_or_default();
        row("route", format!("{}{upload}", route.name));
    }
    if let Some(dir) = &config.state {
        row("state", format!("kept in {}", dir.display()));
    }
    let cache = &config.cache;
    let times = (cache.ttl.as_secs(), cache.stale_if_error.as_secs());
    row(
        "cache",
        format!(
            "{} bytes in memory, fresh for {} s, for {} s more while a store fails",
            cache.memory, times.0, times.1
        ),
    );
    if let Some(disk) = &cache.disk {
        row("cache", format!("{} bytes on disk in {}", disk.size, disk.path.display()));
    }
    text
}
