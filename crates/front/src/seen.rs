//! What is learned of a request on the way to its answer, and the line that a function on AWS logs of it.

use std::sync::Arc;

use authorizer::{RouteId, Verified};
use http::request::Parts;
use serde_json::{Value, json};

use crate::Front;
use crate::refusal::Refusal;

#[derive(Default)]
pub struct Seen {
    pub route: Option<RouteId>,
    /// Who asks, also where the answer is no.
    pub bearer: Option<Arc<Verified>>,
}

impl Front {
    /// Without query and token.
    pub fn log_line(&self, parts: &Parts, id: &str, status: u16, refusal: Option<&Refusal>, seen: &Seen) -> Value {
        let issuer = seen.bearer.as_ref().and_then(|bearer| self.rules.issuer(bearer.issuer()));
        json!({
            "id": id,
            "method": parts.method.as_str(),
            "path": shown_path(parts),
            "status": status,
            "code": refusal.map(|refusal| refusal.code.as_str()),
            "reason": refusal.map(|refusal| refusal.reason),
            "culprit": refusal.map(|refusal| refusal.code.culprit().as_str()),
            "route": seen.route.and_then(|route| self.rules.route(route)).map(|route| route.name),
            "issuer": issuer.map(|issuer| issuer.name.as_str()),
            "subject": seen.bearer.as_ref().and_then(|bearer| bearer.subject()),
        })
    }
}

/// The target's path as it came, as much of it as a log takes.
pub fn shown_path(parts: &Parts) -> &str {
    let path = parts.uri.path();
    path.get(..path.floor_char_boundary(1024)).unwrap_or(path)
}
