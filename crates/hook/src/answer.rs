//! What an answer says, and for how long. Pure.

use std::time::Duration;

use authorizer::{HookAnswer, strict_object};
use http::HeaderMap;
use http::header::CACHE_CONTROL;
use serde_json::Value;

use crate::trouble::Trouble;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Yes,
    No,
}

impl From<Verdict> for HookAnswer {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Yes => Self::Yes,
            Verdict::No => Self::No,
        }
    }
}

/// How long an answer may be used: as long as the configuration says, or less.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep {
    pub fresh: Duration,
    /// After that, while the hook is away.
    pub stale: Duration,
}

/// `{"result":true}`, `{"result":{"allow":true}}` or `{"allow":true}`, and the same with false. Other members may stand
/// beside these; one that stands there twice, or `result` and `allow` side by side, could be read both ways.
pub fn verdict(body: &[u8]) -> Result<Verdict, Trouble> {
    let members = strict_object(body).ok_or(Trouble::NotJson)?;
    let said = match (members.get("result"), members.get("allow")) {
        (Some(Value::Object(result)), None) => result.get("allow"),
        (Some(said), None) | (None, Some(said)) => Some(said),
        _ => None,
    };
    match said {
        Some(Value::Bool(true)) => Ok(Verdict::Yes),
        Some(Value::Bool(false)) => Ok(Verdict::No),
        _ => Err(Trouble::NoVerdict),
    }
}

impl Keep {
    /// Shortened by the answer's `Cache-Control` (RFC 9111 section 5.2.2), never lengthened. A `max-age` that cannot be read
    /// is none at all (section 4.2.1); of several the shortest counts.
    #[must_use]
    pub fn shortened(self, headers: &HeaderMap) -> Self {
        let mut keep = self;
        for value in headers.get_all(CACHE_CONTROL) {
            let Ok(value) = value.to_str() else {
                return Self { fresh: Duration::ZERO, stale: Duration::ZERO };
            };
            for directive in value.split(',').map(str::trim) {
                keep.heed(directive);
            }
        }
        keep
    }

    fn heed(&mut self, directive: &str) {
        let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
        let is = |other: &str| name.trim().eq_ignore_ascii_case(other);
        if is("max-age") {
            let seconds = value.trim().trim_matches('"').parse().unwrap_or(0);
            self.fresh = self.fresh.min(Duration::from_secs(seconds));
        } else if is("no-store") || is("no-cache") {
            *self = Self { fresh: Duration::ZERO, stale: Duration::ZERO };
        } else if is("must-revalidate") {
            self.stale = Duration::ZERO;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts() {
        for (body, expected) in [
            (r#"{"result":true}"#, Ok(Verdict::Yes)),
            (r#"{"result":false}"#, Ok(Verdict::No)),
            (r#"{"result":{"allow":true}}"#, Ok(Verdict::Yes)),
            (r#"{"result":{"allow":false,"reason":"left"}}"#, Ok(Verdict::No)),
            (r#"{"allow":true}"#, Ok(Verdict::Yes)),
            (r#" {"allow":false} "#, Ok(Verdict::No)),
            (r#"{"decision_id":"4","result":true,"warning":{}}"#, Ok(Verdict::Yes)),
            // An undefined document of Open Policy Agent.
            ("{}", Err(Trouble::NoVerdict)),
            (r#"{"result":{}}"#, Err(Trouble::NoVerdict)),
            (r#"{"result":null}"#, Err(Trouble::NoVerdict)),
            (r#"{"result":"true"}"#, Err(Trouble::NoVerdict)),
            (r#"{"result":1}"#, Err(Trouble::NoVerdict)),
            (r#"{"result":[true]}"#, Err(Trouble::NoVerdict)),
            (r#"{"result":{"allow":"yes"}}"#, Err(Trouble::NoVerdict)),
            (r#"{"result":{"allow":{"allow":true}}}"#, Err(Trouble::NoVerdict)),
            (r#"{"allow":{"allow":true}}"#, Err(Trouble::NoVerdict)),
            (r#"{"result":true,"allow":true}"#, Err(Trouble::NoVerdict)),
            (r#"{"result":true,"allow":false}"#, Err(Trouble::NoVerdict)),
            (r#"{"Allow":true}"#, Err(Trouble::NoVerdict)),
            (r#"{"result":true,"result":true}"#, Err(Trouble::NotJson)),
            (r#"{"result":{"allow":false,"allow":true}}"#, Err(Trouble::NotJson)),
            (r#"{"allow":true}{"allow":true}"#, Err(Trouble::NotJson)),
            (r#"{"allow":true"#, Err(Trouble::NotJson)),
            ("true", Err(Trouble::NotJson)),
            ("[true]", Err(Trouble::NotJson)),
            ("", Err(Trouble::NotJson)),
        ] {
            assert_eq!(verdict(body.as_bytes()), expected, "{body}");
        }
    }

    /// `{"allow":true}` with any one byte changed to any other says yes only where the byte stands for the same.
    #[test]
    fn no_changed_byte_makes_a_yes() {
        let no = br#"{"allow":false}"#;
        for place in 0..no.len() {
            for byte in 0..=u8::MAX {
                let mut changed = *no;
                changed[place] = byte;
                assert_ne!(verdict(&changed), Ok(Verdict::Yes), "{changed:?}");
            }
        }
    }

    #[test]
    fn cache_control_only_shortens() {
        let second = Duration::from_secs;
        for (values, fresh, stale) in [
            (&[][..], 10, 60),
            (&["max-age=3"], 3, 60),
            (&["max-age=3600"], 10, 60),
            (&["Max-Age = \"3\""], 3, 60),
            (&["max-age=7, max-age=2", "max-age=5"], 2, 60),
            (&["max-age=0"], 0, 60),
            (&["max-age=x"], 0, 60),
            (&["max-age"], 0, 60),
            (&["max-age=-1"], 0, 60),
            (&["max-age=99999999999999999999"], 0, 60),
            (&["private, no-store"], 0, 0),
            (&["no-cache"], 0, 0),
            (&["max-age=9", "NO-STORE"], 0, 0),
            (&["must-revalidate"], 10, 0),
            (&["s-maxage=1, stale-if-error=9999, immutable"], 10, 60),
            (&["\u{e9}"], 0, 0),
        ] {
            let headers = values
                .iter()
                .map(|value| (CACHE_CONTROL, http::HeaderValue::from_bytes(value.as_bytes()).unwrap()))
                .collect();
            let keep = Keep { fresh: second(10), stale: second(60) }.shortened(&headers);
            assert_eq!(keep, Keep { fresh: second(fresh), stale: second(stale) }, "{values:?}");
        }
    }
}
