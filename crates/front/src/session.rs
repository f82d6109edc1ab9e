//! `/_edgepass/session`: a token becomes a cookie, so that pictures, films, frames and links of the site carry it by themselves.

use std::sync::Arc;

use authorizer::{Denied, Evidence, UnixTime, Verified};
use http::StatusCode;
use http::header::ORIGIN;
use http::request::Parts;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::refusal::{Code, Refusal};
use crate::token::{CookieToken, Presented, Token, cookie_name, cookies, presented, presented_in_header};
use crate::{Front, limits};

/// Whoever asks for something that changes or grants: a token in the header, valid now, from an allowed page if from a page.
#[derive(Debug)]
pub struct Bearer<'r> {
    pub token: Token<'r>,
    pub verified: Arc<Verified>,
}

impl Front {
    pub fn bearer<'r>(
        &self,
        parts: &'r Parts,
        now: UnixTime,
        evidence: &mut impl Evidence,
    ) -> Result<Bearer<'r>, Refusal> {
        let token = presented_in_header(parts)?;
        let verified = self.check(token.expose(), now, evidence)?;
        self.check_origin(parts)?;
        Ok(Bearer { token, verified })
    }

    /// `POST`: the bearer's token as a cookie that no script reads, for as long as the token lives.
    pub fn sign_in(&self, bearer: &Bearer<'_>, body: &[u8], now: UnixTime) -> Result<Answer, Refusal> {
        let scope = scope(body)?;
        let Some(base) = cookie_name(&self.carriers) else {
            return Err(Refusal::explained(Code::BadRequest, "no_cookie_carrier", "this site takes no cookies"));
        };
        if bearer.verified.is_once() {
            let detail = "a token that is good for one request makes no session";
            return Err(Refusal::explained(Code::Forbidden, "token_for_one_request", detail));
        }
        let token = bearer.token.expose();
        if token.len() > limits::COOKIE_TOKEN {
            let detail =
                "the token is too long for a cookie; send it in the header, or ask for one of this scope alone";
            return Err(Refusal::explained(Code::BadRequest, "token_too_long_for_cookie", detail));
        }
        let life = self.expires(&bearer.verified).saturating_sub(now.0).max(0);
        let name = full_name(base, scope.as_deref());
        let cookie = format!("{name}={token}; Max-Age={life}; {}", self.cookie_attributes());
        let body = format!("{}\n", self.session(scope.as_deref(), &bearer.verified));
        Ok(Answer::Json { status: StatusCode::OK, body, cookies: vec![cookie] })
    }

    /// `GET`: the sessions that this request's tokens are good for.
    pub fn who_am_i(&self, parts: &Parts, now: UnixTime, evidence: &mut impl Evidence) -> Result<Answer, Refusal> {
        let presented = presented(parts, &self.carriers)?;
        let tokens: Vec<(Option<&str>, &str)> = match &presented {
            Presented::Explicit(token) | Presented::Link(token) => vec![(None, token.expose())],
            Presented::Cookies(cookies) => {
                cookies.iter().map(|CookieToken { scope, token }| (*scope, token.expose())).collect()
            }
        };
        let (mut sessions, mut failed) = (Vec::new(), Denied::TokenMissing.into());
        for (scope, token) in tokens {
            let checked = self.check(token, now, evidence);
            match checked.and_then(|verified| Ok(verified.check_carried(presented.carried()).map(|()| verified)?)) {
                Ok(verified) => sessions.push(self.session(scope, &verified)),
                Err(refusal) => failed = refusal,
            }
        }
        if sessions.is_empty() {
            return Err(failed);
        }
        let body = format!("{}\n", json!({ "sessions": sessions }));
        Ok(Answer::Json { status: StatusCode::OK, body, cookies: Vec::new() })
    }

    /// `DELETE`: all token cookies end, and what the browser kept of the site goes. It needs no token, since signing out must
    /// work when the token has expired; a page of an allowed origin is enough.
    pub fn sign_out(&self, parts: &Parts) -> Result<Answer, Refusal> {
        if !parts.headers.contains_key(ORIGIN) {
            return Err(Refusal::explained(Code::Forbidden, "origin_missing", "signing out takes an allowed `Origin`"));
        }
        self.check_origin(parts)?;
        let base = cookie_name(&self.carriers).unwrap_or_default();
        let cookies = cookies(parts, &self.carriers, limits::ENDED_COOKIES)
            .iter()
            .map(|cookie| format!("{}=; Max-Age=0; {}", full_name(base, cookie.scope), self.cookie_attributes()))
            .collect();
        Ok(Answer::SignedOut { cookies })
    }

    /// Host-only: it reaches no other host. On plain `http`, which is for development on one machine, without `Secure`.
    fn cookie_attributes(&self) -> &'static str {
        if self.origin.starts_with("https://") {
            "Path=/; HttpOnly; Secure; SameSite=Lax"
        } else {
            "Path=/; HttpOnly; SameSite=Lax"
        }
    }

    fn expires(&self, verified: &Verified) -> i64 {
        let issuer = self.rules.issuer(verified.issuer());
        issuer.and_then(|issuer| verified.expires(issuer)).map_or(0, |time| time.0)
    }

    fn session(&self, scope: Option<&str>, verified: &Verified) -> Value {
        let issuer = self.rules.issuer(verified.issuer()).map(|issuer| issuer.name.as_str());
        json!({ "scope": scope, "subject": verified.subject(), "issuer": issuer, "expires": self.expires(verified) })
    }
}

fn scope(body: &[u8]) -> Result<Option<String>, Refusal> {
    let refused = |detail: &'static str| Err(Refusal::explained(Code::BadRequest, "session_bad_request", detail));
    if body.is_empty() {
        return Ok(None);
    }
    let Some(members) = authorizer::strict_object(body) else {
        return refused("the body is not one JSON object");
    };
    if members.keys().any(|name| name != "scope") {
        return refused("the body has no member but `scope`");
    }
    match members.get("scope") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(scope)) if is_scope(scope) => Ok(Some(scope.clone())),
        Some(_) => refused("`scope` is 1 to 64 letters, digits, `-` and `_`"),
    }
}

fn is_scope(scope: &str) -> bool {
    (1..=64).contains(&scope.len()) && scope.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

fn full_name(base: &str, scope: Option<&str>) -> String {
    scope.map_or_else(|| base.to_owned(), |scope| format!("{base}-{scope}"))
}
