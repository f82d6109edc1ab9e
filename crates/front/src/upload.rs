//! `POST /_edgepass/uploads`: what a file would become, and the signed way to the bucket. Between the two stands
//! [`authorizer::Rules::allow`]. No byte of the file comes through here.

use authorizer::{Allowed, UnixTime, Upload};
use aws_credential_types::Credentials;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use uploads::Plan;

use crate::Front;
use crate::answer::Answer;
use crate::refusal::{Code, Refusal};

/// The body of a request to our own endpoints is JSON, and says so: no HTML form can send it.
pub fn check_json(parts: &Parts, body: &[u8]) -> Result<(), Refusal> {
    let media_type = parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default().trim_ascii();
    if !body.is_empty() && !essence.eq_ignore_ascii_case("application/json") {
        let detail = "the body is JSON, with `Content-Type: application/json`";
        return Err(Refusal::explained(Code::BadRequest, "body_not_json", detail));
    }
    Ok(())
}

/// Where a file would go. No leave to put it there.
pub fn plan(front: &Front, body: &[u8], random: impl FnMut() -> [u8; 16]) -> Result<Plan, Refusal> {
    let request = uploads::Request::parse(body).map_err(uploads::Refused::from)?;
    Ok(uploads::plan(&front.rules, request, random)?)
}

/// Where a file that a widget would like to upload would go. No leave to put it there.
pub fn plan_wish(front: &Front, wish: &uploads::Wish, random: impl FnMut() -> [u8; 16]) -> Result<Plan, Refusal> {
    Ok(uploads::plan(&front.rules, wish.request(&front.rules)?, random)?)
}

/// Signs what was planned and then allowed. `bucket` is the one that [`Allowed::bucket`] names.
pub fn grant(
    front: &Front,
    allowed: Allowed<Upload>,
    plan: &Plan,
    bucket: &uploads::Bucket,
    credentials: &Credentials,
    now: UnixTime,
) -> Result<Answer, Refusal> {
    let grant = uploads::grant(allowed, plan, &front.rules, bucket, credentials, now)?;
    let body = serde_json::to_string(&grant).map_err(|_| Refusal::new(Code::OriginFailed, "upload_signing"))?;
    Ok(Answer::Json { status: StatusCode::CREATED, body: format!("{body}\n"), cookies: Vec::new() })
}
