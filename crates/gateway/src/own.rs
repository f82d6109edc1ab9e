//! Our own endpoints, `/_edgepass/*`: reads their bodies, and lets the front door answer. No byte of a file comes through here.

use authorizer::{Carried, Read, UnixTime, Upload};
use front::{Answer, Bearer, Code, Endpoint, Refusal, check_json};
use http::StatusCode;
use http::request::Parts;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use tokio::time::timeout;

use crate::evidence::{authorise, wait_for};
use crate::limits;
use crate::pipeline::Pipeline;
use crate::record::Record;

pub async fn answer(
    pipeline: &Pipeline,
    endpoint: Endpoint,
    parts: &Parts,
    body: Incoming,
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
        Endpoint::Health if pipeline.is_ready() => {
            Ok(Answer::Json { status: StatusCode::OK, body: "{\"status\":\"ready\"}\n".into(), cookies: Vec::new() })
        }
        Endpoint::Health => Err(Refusal::new(Code::Overloaded, "keys_not_loaded")),
    }
}

async fn upload(
    pipeline: &Pipeline,
    parts: &Parts,
    body: Incoming,
    now: UnixTime,
    record: &mut Record,
) -> Result<Answer, Refusal> {
    let bearer = bearer(pipeline, parts, now, record).await?;
    let body = json_body(parts, body).await?;
    let plan = front::plan(&pipeline.site.front, &body, || uuid::Uuid::new_v4().into_bytes())?;
    let (host, tokens) = (pipeline.site.front.host(parts), [bearer.token.expose()]);
    let question = front::question(parts, &host, plan.path(), record.flow.client(), &tokens, Carried::AsTokens, now);
    let allowed = authorise::<Upload>(pipeline, &pipeline.site.front.rules.place(question), now, record).await?;
    let bucket =
        pipeline.buckets.get(allowed.bucket().0).ok_or_else(|| Refusal::new(Code::OriginFailed, "no_such_bucket"))?;
    front::grant(&pipeline.site.front, allowed, &plan, &bucket.uploads, &bucket.origin.credentials, now)
}

async fn link(
    pipeline: &Pipeline,
    parts: &Parts,
    body: Incoming,
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

async fn bearer<'r>(
    pipeline: &Pipeline,
    parts: &'r Parts,
    now: UnixTime,
    record: &mut Record,
) -> Result<Bearer<'r>, Refusal> {
    wait_for(pipeline, now, record, |known| pipeline.site.front.bearer(parts, now, known)).await
}

/// The body of a request to our own endpoints: JSON, small and soon.
async fn json_body(parts: &Parts, body: Incoming) -> Result<Bytes, Refusal> {
    let read = timeout(limits::JSON_BODY_TIME, Limited::new(body, front::JSON_BODY).collect()).await;
    let bytes = match read {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) if error.is::<LengthLimitError>() => return Err(Refusal::new(Code::TooLarge, "body_too_large")),
        Ok(Err(_)) => return Err(Refusal::new(Code::BadRequest, "body_unreadable")),
        Err(_) => return Err(Refusal::new(Code::BadRequest, "body_too_slow")),
    };
    check_json(parts, &bytes)?;
    Ok(bytes)
}
