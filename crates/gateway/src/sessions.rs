//! `/_edgepass/session`: a token becomes a cookie, so that pictures, films, frames and links of the site carry it by themselves.

use authorizer::{Denied, UnixTime, Verified};
use http::StatusCode;
use http::header::{CONTENT_TYPE, ORIGIN};
use http::request::Parts;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::time::timeout;

use crate::limits;
use crate::pipeline::Pipeline;
use crate::record::Record;
use crate::refusal::{Code, Refusal};
use crate::respond::Answer;
use crate::token::{CookieToken, Presented, cookie_name, cookies, presented, presented_in_header};

/// `POST`: the bearer's token as a cookie that no script reads, for as long as the token lives.
pub async fn sign_in(
    pipeline: &Pipeline,
    parts: &Parts,
    body: Incoming,
    now: UnixTime,
    record: &mut Record,
) -> Result<Answer, Refusal> {
    let token = presented_in_header(parts)?;
    let verified = check(pipeline, token.expose(), now).await?;
    record.bearer = Some(Arc::clone(&verified));
    check_origin(pipeline, parts)?;
    let scope = scope(&json_body(parts, body).await?)?;
    let Some(base) = cookie_name(&pipeline.carriers) else {
        return Err(Refusal::explained(Code::BadRequest, "no_cookie_carrier", "this site takes no cookies"));
    };
    if token.expose().len() > limits::COOKIE_TOKEN {
        let detail = "the token is too long for a cookie; send it in the header, or ask for one of this scope alone";
        return Err(Refusal::explained(Code::BadRequest, "token_too_long_for_cookie", detail));
    }
    let life = expires(pipeline, &verified).saturating_sub(now.0).max(0);
    let name = full_name(base, scope.as_deref());
    let cookie = format!("{name}={}; Max-Age={life}; {}", token.expose(), attributes(pipeline));
    let body = format!("{}\n", session(pipeline, scope.as_deref(), &verified));
    Ok(Answer::Json { status: StatusCode::OK, body, cookies: vec![cookie] })
}

/// `GET`: the sessions that this request's tokens are good for.
pub async fn who_am_i(
    pipeline: &Pipeline,
    parts: &Parts,
    now: UnixTime,
    record: &mut Record,
) -> Result<Answer, Refusal> {
    let presented = presented(parts, &pipeline.carriers)?;
    let tokens: Vec<(Option<&str>, &str)> = match &presented {
        Presented::Explicit(token) => vec![(None, token.expose())],
        Presented::Cookies(cookies) => {
            cookies.iter().map(|CookieToken { scope, token }| (*scope, token.expose())).collect()
        }
    };
    let (mut sessions, mut failed) = (Vec::new(), Denied::TokenMissing.into());
    for (scope, token) in tokens {
        match check(pipeline, token, now).await {
            Ok(verified) => {
                sessions.push(session(pipeline, scope, &verified));
                record.bearer = Some(verified);
            }
            Err(refusal) => failed = refusal,
        }
    }
    if sessions.is_empty() {
        return Err(failed);
    }
    let body = format!("{}\n", json!({ "sessions": sessions }));
    Ok(Answer::Json { status: StatusCode::OK, body, cookies: Vec::new() })
}

/// `DELETE`: all token cookies end, and what the browser kept of the site goes. It needs no token, since signing out must work
/// when the token has expired; a page of an allowed origin is enough.
pub fn sign_out(pipeline: &Pipeline, parts: &Parts) -> Result<Answer, Refusal> {
    if !parts.headers.contains_key(ORIGIN) {
        return Err(Refusal::explained(Code::Forbidden, "origin_missing", "signing out takes an allowed `Origin`"));
    }
    check_origin(pipeline, parts)?;
    let base = cookie_name(&pipeline.carriers).unwrap_or_default();
    let sent = cookies(parts, &pipeline.carriers, limits::HEADERS);
    let cookies = sent
        .iter()
        .map(|cookie| format!("{}=; Max-Age=0; {}", full_name(base, cookie.scope), attributes(pipeline)))
        .collect();
    Ok(Answer::SignedOut { cookies })
}

/// A token's form, signature, audience and times, whatever the path.
pub async fn check(pipeline: &Pipeline, token: &str, now: UnixTime) -> Result<Arc<Verified>, Refusal> {
    let issuers = pipeline.rules.issuers();
    let mut verified = pipeline.memory.verify(token, issuers);
    if let Err(Denied::UnknownKey(issuer)) = verified {
        pipeline.keyring.refresh_unknown(issuer.0).await;
        verified = pipeline.memory.verify(token, issuers);
    }
    let verified = verified?;
    let issuer = pipeline.rules.issuer(verified.issuer()).ok_or(Denied::UnknownIssuer)?;
    verified.check(issuer, now)?;
    Ok(verified)
}

/// A page that says where it comes from must come from an allowed place.
pub fn check_origin(pipeline: &Pipeline, parts: &Parts) -> Result<(), Refusal> {
    let allowed = |origin: &http::HeaderValue| {
        origin.to_str().is_ok_and(|origin| pipeline.cors.allows(origin) || origin == pipeline.site)
    };
    if parts.headers.get_all(ORIGIN).iter().all(allowed) {
        return Ok(());
    }
    Err(Refusal::new(Code::Forbidden, "origin_not_allowed"))
}

/// The body of a request to our own endpoints: JSON, small and soon.
pub async fn json_body(parts: &Parts, body: Incoming) -> Result<Bytes, Refusal> {
    let read = timeout(limits::JSON_BODY_TIME, Limited::new(body, limits::JSON_BODY).collect()).await;
    let bytes = match read {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) if error.is::<LengthLimitError>() => return Err(Refusal::new(Code::TooLarge, "body_too_large")),
        Ok(Err(_)) => return Err(Refusal::new(Code::BadRequest, "body_unreadable")),
        Err(_) => return Err(Refusal::new(Code::BadRequest, "body_too_slow")),
    };
    let media_type = parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default().trim_ascii();
    if !bytes.is_empty() && !essence.eq_ignore_ascii_case("application/json") {
        let detail = "the body is JSON, with `Content-Type: application/json`";
        return Err(Refusal::explained(Code::BadRequest, "body_not_json", detail));
    }
    Ok(bytes)
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

/// Host-only: it reaches no other host. On plain `http`, which is for development on one machine, without `Secure`.
fn attributes(pipeline: &Pipeline) -> &'static str {
    if pipeline.site.starts_with("https://") {
        "Path=/; HttpOnly; Secure; SameSite=Lax"
    } else {
        "Path=/; HttpOnly; SameSite=Lax"
    }
}

fn expires(pipeline: &Pipeline, verified: &Verified) -> i64 {
    let issuer = pipeline.rules.issuer(verified.issuer());
    issuer.and_then(|issuer| verified.expires(issuer)).map_or(0, |time| time.0)
}

fn session(pipeline: &Pipeline, scope: Option<&str>, verified: &Verified) -> Value {
    let issuer = pipeline.rules.issuer(verified.issuer()).map(|issuer| issuer.name.as_str());
    json!({ "scope": scope, "subject": verified.subject(), "issuer": issuer, "expires": expires(pipeline, verified) })
}
