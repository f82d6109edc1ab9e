//! What operators change through the admin listener: `POST /revocations`, `POST /reload`. It takes the admin secret, and JSON that says so.

use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::{SystemTime, UNIX_EPOCH};

use authorizer::{UnixTime, decimal, strict_object};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::{Bytes, Incoming};
use revocations::{Error, RevocationWish};
use secrecy::ExposeSecret;
use serde_json::{Map, Value, json};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::limits;
use crate::pipeline::Pipeline;
use crate::settings::ReloadRequest;

/// A revocation is far smaller.
const MOST_BODY: usize = 64 << 10;

/// The status, and a JSON object: the revocation, or `error` in words.
pub async fn revoke(pipeline: &Arc<Pipeline>, request: Request<Incoming>) -> (StatusCode, Value) {
    let wish = match read(pipeline, request).await {
        Ok(wish) => wish,
        Err((status, message)) => return (status, json!({ "error": message })),
    };
    let revocations = Arc::clone(&pipeline.revocations);
    // It waits for the disk.
    let revoked = tokio::task::spawn_blocking(move || revocations.revoke(wish, now())).await;
    match revoked {
        Ok(Ok(revocation)) => {
            let claim = revocation.claim.as_ref().map(|(name, value)| json!({ name: value }));
            let body = json!({
                "issuer": revocation.issuer,
                "claim": claim,
                "before": revocation.before,
                "until": revocation.until,
                "kept": pipeline.revocations.opened().is_some(),
            });
            (StatusCode::OK, body)
        }
        Ok(Err(error)) => {
            let status = match error {
                Error::UnknownIssuer { .. } | Error::UnknownClaim { .. } | Error::ValueTooLong { .. } => {
                    StatusCode::BAD_REQUEST
                }
                Error::Full { .. } => StatusCode::INSUFFICIENT_STORAGE,
                _ => StatusCode::INTERNAL_SERVER_ERROR,
            };
            (status, json!({ "error": error.to_string() }))
        }
        Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, json!({ "error": "the revocation was interrupted; repeat it" })),
    }
}

type Wrong = (StatusCode, String);

/// The status, and what was reloaded or why nothing was. It takes no body, or `{}`.
pub async fn reload(
    pipeline: &Pipeline,
    reload: Option<&SyncSender<ReloadRequest>>,
    request: Request<Incoming>,
) -> (StatusCode, Value) {
    let refused = |(status, message): Wrong| (status, json!({ "ok": false, "error": message }));
    if let Err(wrong) = check_secret(pipeline, &request) {
        return refused(wrong);
    }
    match body(request).await {
        Ok(bytes) if bytes.is_empty() || strict_object(&bytes).is_some_and(|members| members.is_empty()) => {}
        Ok(_) => return refused((StatusCode::BAD_REQUEST, "a reload takes no body, or `{}`".to_owned())),
        Err(wrong) => return refused(wrong),
    }
    let Some(reload) = reload else {
        return refused((StatusCode::NOT_FOUND, "this gateway is not reloaded: start it again".to_owned()));
    };
    let (answer, answered) = oneshot::channel();
    if reload.try_send(ReloadRequest { answer }).is_err() {
        return refused((StatusCode::SERVICE_UNAVAILABLE, "other reloads are under way".to_owned()));
    }
    let interrupted = || (StatusCode::INTERNAL_SERVER_ERROR, "the reload was interrupted; repeat it".to_owned());
    answered.await.unwrap_or_else(|_| refused(interrupted()))
}

/// Those who may change something have the secret.
fn check_secret(pipeline: &Pipeline, request: &Request<Incoming>) -> Result<(), Wrong> {
    let Some(secret) = &pipeline.site.admin_secret else {
        return Err((
            StatusCode::FORBIDDEN,
            "nothing can be changed here: the configuration has no `[admin]`".to_owned(),
        ));
    };
    let given = request.headers().get(AUTHORIZATION).and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
    if given.is_none_or(|given| verify_slices_are_equal(given, secret.expose_secret().as_bytes()).is_err()) {
        return Err((StatusCode::UNAUTHORIZED, "the admin secret is missing or wrong".to_owned()));
    }
    Ok(())
}

async fn body(request: Request<Incoming>) -> Result<Bytes, Wrong> {
    let wrong = |message: &str| (StatusCode::BAD_REQUEST, message.to_owned());
    let body = timeout(limits::JSON_BODY_TIME, Limited::new(request.into_body(), MOST_BODY).collect()).await;
    let body =
        body.map_err(|_| wrong("the body came too slowly"))?.map_err(|_| wrong("the body is too large, or was cut"))?;
    Ok(body.to_bytes())
}

async fn read(pipeline: &Pipeline, request: Request<Incoming>) -> Result<RevocationWish, Wrong> {
    check_secret(pipeline, &request)?;
    let media_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !media_type.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json") {
        return Err((StatusCode::UNSUPPORTED_MEDIA_TYPE, "the body is JSON, with its `Content-Type`".to_owned()));
    }
    let members = strict_object(&body(request).await?)
        .ok_or_else(|| (StatusCode::BAD_REQUEST, "the body is not one JSON object".to_owned()))?;
    wish(&members, pipeline).map_err(|message| (StatusCode::BAD_REQUEST, message))
}

/// `{"issuer"?, "jti" | "sub" | "sid" | "claims": {name: value}, "before"?, "expires"?}`; without a claim all tokens of the issuer
/// that were issued before.
fn wish(members: &Map<String, Value>, pipeline: &Pipeline) -> Result<RevocationWish, String> {
    const KNOWN: [&str; 7] = ["issuer", "jti", "sub", "sid", "claims", "before", "expires"];
    if let Some(unknown) = members.keys().find(|name| !KNOWN.contains(&name.as_str())) {
        return Err(format!("unknown member `{unknown}`; known are `{}`", KNOWN.join("`, `")));
    }
    let mut claims: Vec<(String, &Value)> = ["jti", "sub", "sid"]
        .into_iter()
        .filter_map(|name| members.get(name).map(|value| (name.to_owned(), value)))
        .collect();
    match members.get("claims") {
        None => {}
        Some(Value::Object(more)) => claims.extend(more.iter().map(|(name, value)| (name.clone(), value))),
        Some(_) => return Err("`claims` is an object with one claim, `{\"sid\": \"…\"}`".to_owned()),
    }
    let claim = match claims.as_slice() {
        [] => None,
        [(name, Value::String(value))] => Some((name.clone(), value.clone())),
        [(name, Value::Number(value))] => Some((name.clone(), decimal(value))),
        [(name, _)] => return Err(format!("the value of `{name}` is text or a number")),
        _ => return Err("one claim at a time: two revocations are two requests".to_owned()),
    };
    let before = time(members, "before")?;
    if claim.is_none() && before.is_none() {
        return Err("name a claim (`jti`, `sub`, `sid`, `claims`), or `before` for all tokens of an issuer".to_owned());
    }
    let expires = time(members, "expires")?;
    if expires.is_some_and(|expires| expires <= now()) {
        return Err("`expires` is over: by then every token that is meant has expired".to_owned());
    }
    Ok(RevocationWish { issuer: issuer(members, pipeline)?, claim, before, expires })
}

/// The name of the issuer; it may be left out where there is one.
fn issuer(members: &Map<String, Value>, pipeline: &Pipeline) -> Result<String, String> {
    let mut names =
        pipeline.site.front.rules.issuers().all().iter().filter(|issuer| !issuer.links).map(|issuer| &issuer.name);
    match (members.get("issuer"), names.next(), names.next()) {
        (Some(Value::String(name)), _, _) => Ok(name.clone()),
        (Some(_), _, _) => Err("`issuer` is the name of an `[issuer.NAME]`".to_owned()),
        (None, Some(only), None) => Ok(only.clone()),
        (None, _, _) => Err("name the `issuer`: there is not exactly one".to_owned()),
    }
}

/// Seconds since 1970, or `"now"`: then tokens issued in this very second are meant as well.
fn time(members: &Map<String, Value>, name: &str) -> Result<Option<UnixTime>, String> {
    match members.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text == "now" => Ok(Some(UnixTime(now().0.saturating_add(1)))),
        Some(value) => value
            .as_i64()
            .map(|seconds| Some(UnixTime(seconds)))
            .ok_or_else(|| format!("`{name}` is a whole number of seconds since 1970, or \"now\"")),
    }
}

fn now() -> UnixTime {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixTime(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}
