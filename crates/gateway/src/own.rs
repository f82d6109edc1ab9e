//! Our own endpoints, `/_edgepass/*`: reads their bodies, and lets the front door answer. No byte of a file comes through here.

use authorizer::{Allowed, Carried, ObjectPath, Read, UnixTime, Upload};
use front::{Answer, Bearer, Code, Endpoint, Refusal, check_json};
use http::StatusCode;
use http::request::Parts;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Bytes;
use origin::Origin;
use tokio::time::timeout;
use uploads::Cutter;

use crate::evidence::{authorise, wait_for};
use crate::limits;
use crate::multipart;
use crate::pipeline::Pipeline;
use crate::record::Record;
use crate::request_body::RequestBody;
use crate::settings::Bucket;

pub async fn answer(
    pipeline: &Pipeline,
    endpoint: Endpoint,
    parts: &Parts,
    body: RequestBody,
    now: UnixTime,
    record: &mut Record,
) -> Result<Answer, Refusal> {
    let front = &pipeline.site.front;
    match endpoint {
        Endpoint::SignIn => {
            let bearer = bearer(pipeline, parts, now, record).await?;
            front.sign_in(&bearer, &json_body(parts, body).await?, now)
        }
        Endpoint::WhoAmI => wait_for(pipeline, now, record, |known| front.who_am_i(parts, now, known)).await,
        Endpoint::SignOut => front.sign_out(parts),
        Endpoint::Upload => upload(pipeline, parts, body, now, record).await,
        Endpoint::Link => link(pipeline, parts, body, now, record).await,
        Endpoint::S3(s3) => multipart::answer(pipeline, s3, parts, body, now, record).await,
        Endpoint::Health if pipeline.is_ready() => {
            Ok(Answer::Json { status: StatusCode::OK, body: "{\"status\":\"ready\"}\n".into(), cookies: Vec::new() })
        }
        Endpoint::Health => Err(Refusal::new(Code::Overloaded, "keys_not_loaded")),
    }
}

async fn upload(
    pipeline: &Pipeline,
    parts: &Parts,
    body: RequestBody,
    now: UnixTime,
    record: &mut Record,
) -> Result<Answer, Refusal> {
    let bearer = bearer(pipeline, parts, now, record).await?;
    let body = json_body(parts, body).await?;
    let plan = front::plan(&pipeline.site.front, &body, || uuid::Uuid::new_v4().into_bytes())?;
    let (allowed, place) = leave(pipeline, parts, &bearer, plan.path(), now, record).await?;
    if uploads::in_parts(&plan, &pipeline.site.front.rules, pipeline.site.seals.is_some()) {
        let begun = multipart::begin(pipeline, &bearer, &allowed, &plan, Cutter::Ours, &place, now, record).await?;
        return Ok(pipeline.site.front.begun_answer(&begun.0, &begun.1));
    }
    front::grant(
        &pipeline.site.front,
        allowed,
        &plan,
        &place.bucket.uploads,
        &place.bucket.upload_credentials.now(),
        now,
    )
}

/// The bucket of an upload that was allowed.
pub struct Place<'p> {
    pub bucket: &'p Bucket,
    pub store: &'p Origin,
}

/// Leave to upload to this path, with the bearer's token as it is now.
pub async fn leave<'p>(
    pipeline: &'p Pipeline,
    parts: &Parts,
    bearer: &Bearer<'_>,
    path: &ObjectPath,
    now: UnixTime,
    record: &mut Record,
) -> Result<(Allowed<Upload>, Place<'p>), Refusal> {
    let (host, tokens) = (pipeline.site.front.host(parts), [bearer.token.expose()]);
    let question = front::question(parts, &host, path, record.flow.client(), &tokens, Carried::AsTokens, now);
    let allowed = authorise::<Upload>(pipeline, &pipeline.site.front.rules.place(question), now, record).await?;
    let place = place(pipeline, allowed.bucket().0)?;
    Ok((allowed, place))
}

pub fn place(pipeline: &Pipeline, bucket: usize) -> Result<Place<'_>, Refusal> {
    let found = pipeline.buckets.get(bucket).zip(pipeline.stores.get(bucket));
    let (bucket, store) = found.ok_or_else(|| Refusal::new(Code::OriginFailed, "no_such_bucket"))?;
    Ok(Place { bucket, store })
}

async fn link(
    pipeline: &Pipeline,
    parts: &Parts,
    body: RequestBody,
    now: UnixTime,
    record: &mut Record,
) -> Result<Answer, Refusal> {
    let front = &pipeline.site.front;
    let bearer = bearer(pipeline, parts, now, record).await?;
    front.check_linker(&bearer)?;
    let request = front.link_request(&json_body(parts, body).await?, || uuid::Uuid::new_v4().to_string())?;
    let (host, tokens) = (pipeline.site.front.host(parts), [bearer.token.expose()]);
    let question = front::question(parts, &host, &request.path, record.flow.client(), &tokens, Carried::AsTokens, now);
    let allowed = authorise::<Read>(pipeline, &front.rules.place(question), now, record).await?;
    let Some(unsigned) = front.link(&allowed, &request, now)? else {
        return Ok(front.link_answer(&request, None));
    };
    let failed = || Refusal::new(Code::Overloaded, "link_not_signed");
    let token = pipeline.site.link_key.as_ref().ok_or_else(failed)?.sign(&unsigned.claims).map_err(|_| failed())?;
    Ok(front.link_answer(&request, Some((&unsigned, &token))))
}

pub async fn bearer<'r>(
    pipeline: &Pipeline,
    parts: &'r Parts,
    now: UnixTime,
    record: &mut Record,
) -> Result<Bearer<'r>, Refusal> {
    wait_for(pipeline, now, record, |known| pipeline.site.front.bearer(parts, now, known)).await
}

/// The body of a request to our own endpoints: JSON, small and soon.
pub async fn json_body(parts: &Parts, body: RequestBody) -> Result<Bytes, Refusal> {
    let bytes = bytes_of(body, front::JSON_BODY).await?;
    check_json(parts, &bytes)?;
    Ok(bytes)
}

/// A body of at most so many bytes, soon.
pub async fn bytes_of(body: RequestBody, most: usize) -> Result<Bytes, Refusal> {
    match timeout(limits::JSON_BODY_TIME, Limited::new(body, most).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Refusal::new(Code::TooLarge, "body_too_large")),
        Ok(Err(_)) => Err(Refusal::new(Code::BadRequest, "body_unreadable")),
        Err(_) => Err(Refusal::new(Code::BadRequest, "body_too_slow")),
    }
}
