//! A question as the app reads it. The bytes that are sent are the key under which the answer is remembered: two questions
//! share an answer only where the app could not have told them apart.

use std::fmt;

use authorizer::{Action, HookId, HookQuestion};
use bytes::Bytes;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::limits::MAX_QUESTION;

/// A question to one hook, ready to be sent. It prints nothing of what it holds.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Asked {
    pub(crate) hook: HookId,
    pub(crate) body: Bytes,
}

/// The form that Open Policy Agent's data API takes.
#[derive(Serialize)]
struct Body<'a> {
    input: Input<'a>,
}

#[derive(Serialize)]
struct Input<'a> {
    action: Action,
    route: &'a str,
    path: &'a str,
    /// The name in the configuration; the token's own `iss` is among the claims.
    issuer: &'a str,
    claims: &'a Map<String, Value>,
}

impl Asked {
    /// `None` where it would be longer than [`MAX_QUESTION`].
    pub(crate) fn new(question: &HookQuestion<'_>, issuer: &str) -> Option<Self> {
        let input = Input {
            action: question.action,
            route: question.route,
            path: question.path.as_str(),
            issuer,
            claims: question.token.claims().all(),
        };
        let mut body = Vec::with_capacity(512);
        serde_json::to_writer(&mut body, &Body { input }).ok()?;
        Self::bounded(question.hook, body)
    }

    fn bounded(hook: HookId, body: Vec<u8>) -> Option<Self> {
        (body.len() <= MAX_QUESTION).then(|| Self { hook, body: body.into() })
    }
}

impl fmt::Debug for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Asked(hook {}, {} bytes)", self.hook.0, self.body.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounded() {
        let of = |length| Asked::bounded(HookId(0), vec![b' '; length]);
        assert!(of(MAX_QUESTION).is_some() && of(MAX_QUESTION + 1).is_none());
    }
}
