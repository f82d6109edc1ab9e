//! `edgepass store verify`: reads everything, changes nothing.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::json;
use store::{Progress, Verified};

use crate::cli::Exit;
use crate::trouble::{Trouble, say, tell};

/// Read all of a store and name what is not as its index says; a store may run on the directory meanwhile
#[derive(Debug, clap::Args)]
#[command(after_help = "Exit: 0 nothing found, 3 faults, 1 it could not be read. Nothing is ever changed.")]
pub struct Args {
    /// The store's directory
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// Print one JSON object to stdout
    #[arg(long)]
    json: bool,
}

/// Faults kept for `--json`: beyond these a number says it.
const KEPT: usize = 10_000;

/// A terminal needs no more.
const REDRAW: Duration = Duration::from_millis(200);

pub fn run(args: &Args) -> Result<Exit, Trouble> {
    let bar = std::io::stderr().is_terminal();
    let mut faults: Vec<String> = Vec::new();
    let mut drawn = Instant::now();
    let mut draw = |progress: Progress| {
        if bar && drawn.elapsed() > REDRAW {
            drawn = Instant::now();
            let percent = progress.done.saturating_mul(100).checked_div(progress.of).unwrap_or(100).min(100);
            let filled = usize::try_from(percent / 4).unwrap_or_default();
            let line = format!("\r[{:<25}] {percent:>3} %", "#".repeat(filled));
            // A terminal that is gone changes nothing.
            let _ = std::io::stderr().write_all(line.as_bytes());
        }
    };
    let mut fault = |line: &str| {
        if !args.json {
            tell(format_args!("{}{line}", if bar { "\r\x1b[K" } else { "" }));
        }
        if faults.len() < KEPT {
            faults.push(line.to_owned());
        }
    };
    let verified = store::verify(&args.dir, &mut fault, &mut draw).map_err(Trouble::failed)?;
    if bar {
        let _ = std::io::stderr().write_all(b"\r\x1b[K");
    }
    report(&verified, &faults, args.json)?;
    Ok(if verified.faults == 0 { Exit::Done } else { Exit::Denied })
}

fn report(verified: &Verified, named: &[String], as_json: bool) -> Result<(), Trouble> {
    let Verified { objects, parts, bytes, faults } = verified;
    if as_json {
        let ok = *faults == 0;
        return say(json!({
            "ok": ok, "objects": objects, "parts": parts, "bytes": bytes, "faults": named, "fault_count": faults,
        }));
    }
    say(format_args!("{objects} objects, {parts} parts of uploads under way, {bytes} bytes: {faults} faults"))
}
