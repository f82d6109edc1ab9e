//! An explanation in words and as JSON.

use std::fmt::Write;

use authorizer::{
    AllowSettings, BucketId, ClaimValue, RouteId, RouteSettings, RowFact, RowTrace, TokenTrace, Trace, UnixTime, Unmet,
    Verified, Who,
};
use front::{Front, Refusal};
use serde_json::{Value, json};

pub struct Explained {
    pub outcome: Outcome,
    /// None where the request never came to the rules.
    pub trace: Option<Trace>,
}

pub enum Outcome {
    Allowed {
        route: RouteId,
        rule: usize,
        bucket: BucketId,
        key: String,
        public: bool,
    },
    /// Everything else is met.
    Hook,
    Refused {
        refusal: Refusal,
        why: String,
    },
}

impl Explained {
    pub fn refused(refusal: Refusal) -> Self {
        let why = refusal.detail.clone().unwrap_or_else(|| "the request itself is refused".to_owned());
        Self { outcome: Outcome::Refused { refusal, why }, trace: None }
    }

    pub fn to_text(&self, front: &Front, routes: &[RouteSettings], now: UnixTime) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let mut line = |words: String| {
            let _ = writeln!(text, "{}", printable(&words));
        };
        if let Some(trace) = &self.trace {
            let route = trace.route.and_then(|id| routes.get(id.0));
            line(format!("route    {}", route.map_or("none has this path", |route| &route.name)));
            for row in &trace.anyone {
                line(format!("  rule {}: anyone: {}", row.rule + 1, fact(row, route, None)));
            }
            for (number, token) in trace.tokens.iter().enumerate() {
                line(format!("token {}  {}", number + 1, about(token, front, now)));
                if let Some(bar) = token.bar {
                    line(format!("  {bar} ({})", bar.code()));
                }
                for row in token.rows.iter().filter(|_| token.bar.is_none()) {
                    line(format!("  rule {}: {}", row.rule + 1, fact(row, route, token.verified.as_deref())));
                }
            }
            if trace.tokens.is_empty() {
                line("token    none".to_owned());
            }
        }
        line(match &self.outcome {
            Outcome::Allowed { route, rule, key, public, .. } => {
                let name = routes.get(route.0).map_or("", |route| &route.name);
                let who = if *public { ", for anyone" } else { "" };
                format!("allowed  by rule {} of `{name}`{who}; the object's key is `{key}`", rule + 1)
            }
            Outcome::Hook => "open     everything else is met: the decision is the hook's".to_owned(),
            Outcome::Refused { refusal, why } => {
                let (status, code) = (refusal.code.status().as_u16(), refusal.code.as_str());
                format!("denied   {why} ({}); the client sees {status} {code}", refusal.reason)
            }
        });
        text
    }

    pub fn to_json(&self, front: &Front, routes: &[RouteSettings]) -> Value {
        let mut object = match &self.outcome {
            Outcome::Allowed { rule, key, bucket, public, .. } => {
                json!({ "decision": "allowed", "rule": rule + 1, "bucket": bucket.0, "key": key, "public": public })
            }
            Outcome::Hook => json!({ "decision": "hook" }),
            Outcome::Refused { refusal, .. } => json!({
                "decision": "denied",
                "status": refusal.code.status().as_u16(),
                "code": refusal.code.as_str(),
                "reason": refusal.reason,
            }),
        };
        if let (Some(trace), Some(members)) = (&self.trace, object.as_object_mut()) {
            let route = trace.route.and_then(|id| routes.get(id.0));
            members.insert("route".to_owned(), route.map(|route| route.name.as_str()).into());
            let rows = |rows: &[RowTrace], token: Option<&Verified>| -> Vec<Value> {
                rows.iter()
                    .map(|row| json!({ "rule": row.rule + 1, "met": row.failed.is_none(), "fact": fact(row, route, token) }))
                    .collect()
            };
            let token = |token: &TokenTrace| {
                json!({
                    "issuer": token.verified.as_deref().and_then(|verified| front.rules.issuer(verified.issuer())).map(|issuer| &issuer.name),
                    "subject": token.verified.as_deref().and_then(Verified::subject),
                    "fault": token.fault.or(token.bar).map(authorizer::Denied::code),
                    "rules": rows(&token.rows, token.verified.as_deref()),
                })
            };
            members.insert("anyone".to_owned(), rows(&trace.anyone, None).into());
            members.insert("tokens".to_owned(), trace.tokens.iter().map(token).collect());
        }
        object
    }
}

/// What stands in tokens and paths must neither steer the terminal nor pass for a line of ours.
fn printable(words: &str) -> String {
    words.chars().map(|character| if character.is_control() { '\u{fffd}' } else { character }).collect()
}

/// Whose a token is, and whether it is good for anything.
fn about(token: &TokenTrace, front: &Front, now: UnixTime) -> String {
    let words = match &token.verified {
        None => "not verified".to_owned(),
        Some(verified) => {
            let issuer = front.rules.issuer(verified.issuer());
            let subject = verified.subject().map(|subject| format!(", subject `{subject}`")).unwrap_or_default();
            let left = issuer.and_then(|issuer| verified.expires(issuer)).map(|end| end.0 - now.0);
            let life = left.map(|left| format!(", {left} s left")).unwrap_or_default();
            format!("of issuer `{}`{subject}{life}", issuer.map_or("", |issuer| &issuer.name))
        }
    };
    match token.fault {
        Some(fault) => format!("{words}: {fault} ({})", fault.code()),
        None => format!("{words}: valid"),
    }
}

/// What became of one rule.
fn fact(row: &RowTrace, route: Option<&RouteSettings>, token: Option<&Verified>) -> String {
    let settings = route.and_then(|route| route.allow.get(row.rule));
    let Some(failed) = row.failed else {
        return "met".to_owned();
    };
    match failed {
        RowFact::OtherIssuer => "is for another issuer's tokens".to_owned(),
        RowFact::Claim(number) => claim(number, settings, token),
        RowFact::PathNotListed => {
            let name = settings.and_then(|row| row.paths.as_deref()).unwrap_or_default();
            format!("the token's `{name}` does not list this path")
        }
        RowFact::Circumstances(unmet) => match unmet {
            Unmet::Method => "is for another method",
            Unmet::TooEarly => "begins later (`from`)",
            Unmet::TooLate => "is over (`until`)",
            Unmet::Hours => "is for other hours of the day (UTC)",
            Unmet::Day => "is for other days of the week (UTC)",
            Unmet::Address => "is for other client addresses, or the address is not known",
        }
        .to_owned(),
        RowFact::HookRefused => "its hook refuses".to_owned(),
        RowFact::HookAway => "its hook gives no answer".to_owned(),
        RowFact::HookUnknown => "all else is met; its hook would be asked".to_owned(),
    }
}

/// The claim that failed: what was wanted, and what the token has there.
fn claim(number: usize, row: Option<&AllowSettings>, token: Option<&Verified>) -> String {
    let Some(AllowSettings { who: Who::Claims(claims), .. }) = row else {
        return "a claim does not match".to_owned();
    };
    let Some((name, wanted)) = claims.get(number) else {
        return "a claim does not match".to_owned();
    };
    let shown = |value: &ClaimValue| match value {
        ClaimValue::Text(text) => format!("{text:?}"),
        ClaimValue::Integer(number) => number.to_string(),
        ClaimValue::Boolean(boolean) => boolean.to_string(),
    };
    let wanted: Vec<_> = wanted.iter().map(shown).collect();
    let first = name.split('.').next().unwrap_or_default();
    let has = match token.and_then(|token| token.claims().get(first)) {
        None => format!("the token has no `{first}`"),
        Some(value) => {
            let value = value.to_string();
            let short: String = value.chars().take(120).collect();
            format!("the token's `{first}` is {short}{}", if short.len() < value.len() { "…" } else { "" })
        }
    };
    format!("claim `{name}` = {} does not match: {has}", wanted.join(" or "))
}
