//! Decides what it reads, natively: for comparisons with other deciders (docs/testing.md).
//!
//! Lines of JSON on stdin: `{"site": …}`, a `site.json` for all questions behind it, answered with nothing or with what is
//! wrong; and `{"now": SECONDS, "question": …}`, answered with the decision, a tab, and for what the rules allow the route,
//! row, bucket and key, which a decision for CloudFront does not say.

use std::io::{BufRead, BufReader, BufWriter, Write, stdin, stdout};
use std::sync::Arc;

use authorizer::{KeySets, Read, UnixTime, verify};
use edge::{Edge, Question};
use front::{Admitted, Front, Listener, Package, admit, presented};
use keys::Native;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Line {
    site: Option<Value>,
    #[serde(default)]
    now: i64,
    question: Option<Value>,
}

/// The same site twice: as CloudFront asks it, and for what a decision does not say.
struct Site {
    edge: Edge,
    front: Front,
    keys: KeySets,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut out = BufWriter::with_capacity(1 << 16, stdout().lock());
    let mut site: Option<Site> = None;
    let mut lines = BufReader::with_capacity(1 << 16, stdin().lock());
    let mut text = String::new();
    while lines.read_line(&mut text)? > 0 {
        let line: Line = serde_json::from_str(&text)?;
        match (line.site, line.question, &site) {
            (Some(settings), ..) => match open(&settings.to_string()) {
                Ok(opened) => {
                    site = Some(opened);
                    writeln!(out)?;
                }
                Err(fault) => writeln!(out, "{}", fault.replace('\n', " "))?,
            },
            (None, Some(question), Some(site)) => {
                let (now, question) = (UnixTime(line.now), question.to_string());
                let decision = site.edge.decide(question.as_bytes(), now, &Native);
                let allowed = allowed(site, &question, now).unwrap_or(Value::Null);
                writeln!(out, "{}\t{allowed}", serde_json::to_string(&decision)?)?;
            }
            _ => return Err("neither a site nor a question of one".into()),
        }
        text.clear();
        // Whoever asks may wait for the answer before the next line.
        if lines.buffer().is_empty() {
            out.flush()?;
        }
    }
    Ok(out.flush()?)
}

fn open(settings: &str) -> Result<Site, String> {
    let edge = Edge::open(settings.as_bytes())?;
    let package: Package = serde_json::from_str(settings).map_err(|error| error.to_string())?;
    let keys = package.key_sets().map_err(|fault| fault.to_string())?;
    Ok(Site { edge, front: Front::open(package.site)?, keys })
}

fn allowed(site: &Site, question: &str, now: UnixTime) -> Option<Value> {
    let front = &site.front;
    let question: Question = serde_json::from_str(question).ok()?;
    let parts = question.parts()?;
    let Admitted::Object(path) = admit(&parts, Listener::Serves, &front.origin, &front.carriers).ok()? else {
        return None;
    };
    let presented = presented(&parts, &front.carriers).ok()?;
    let (host, tokens) = (front.host(&parts), presented.texts());
    let placed =
        front.rules.place(front::question(&parts, &host, &path, question.client_ip, &tokens, presented.carried(), now));
    let allowed = placed
        .allow::<Read>(&mut |token: &str| verify(token, front.rules.issuers(), &site.keys, &Native).map(Arc::new))
        .ok()?;
    let route = front.rules.route(allowed.route())?.name;
    Some(json!({ "route": route, "rule": allowed.rule(), "bucket": allowed.bucket().0, "key": allowed.key() }))
}
