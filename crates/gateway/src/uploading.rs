//! `POST /_edgepass/uploads`: what a file would become, whether the bearer may put it there, and the signed way to the bucket. No
//! byte of the file comes through here.

use authorizer::{UnixTime, Upload};
use http::StatusCode;
use http::request::Parts;
use hyper::body::Incoming;

use crate::pipeline::{Pipeline, authorise};
use crate::record::Record;
use crate::refusal::{Code, Refusal};
use crate::respond::Answer;
use crate::sessions::{check, check_origin, json_body};
use crate::token::presented_in_header;

pub async fn grant(
    pipeline: &Pipeline,
    parts: &Parts,
    body: Incoming,
    now: UnixTime,
    record: &mut Record,
) -> Result<Answer, Refusal> {
    let token = presented_in_header(parts)?;
    record.bearer = Some(check(pipeline, token.expose(), now).await?);
    check_origin(pipeline, parts)?;
    let body = json_body(parts, body).await?;
    let request = uploads::Request::parse(&body).map_err(uploads::Refused::from)?;
    let plan = uploads::plan(&pipeline.rules, request, || uuid::Uuid::new_v4().into_bytes())?;
    let allowed = authorise::<Upload>(pipeline, plan.path(), &[token.expose()], now, record).await?;
    let bucket =
        pipeline.buckets.get(allowed.bucket().0).ok_or_else(|| Refusal::new(Code::OriginFailed, "no_such_bucket"))?;
    let grant = uploads::grant(allowed, &plan, &pipeline.rules, &bucket.uploads, &bucket.origin.credentials, now)?;
    let body = serde_json::to_string(&grant).map_err(|_| Refusal::new(Code::OriginFailed, "upload_signing"))?;
    Ok(Answer::Json { status: StatusCode::CREATED, body: format!("{body}\n"), cookies: Vec::new() })
}
