//! The way of a request, read from top to bottom: admit, authorise, locate, cache, respond.

use std::sync::Arc;
use std::time::Instant;

use authorizer::{Allowed, Cors, Denied, ObjectPath, Permission, Read, Rules, UnixTime};
use cache::{Cache, CacheError, Conditions, Lookup, ObjectId, Opened, Outcome, ServedBytes, WantedBytes};
use http::header::ORIGIN;
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use keys::Keyring;

use crate::admit::{Admitted, Endpoint, Listener, admit, methods};
use crate::body::Body;
use crate::log::Log;
use crate::memory::TokenMemory;
use crate::metrics::{Ids, Metrics};
use crate::origins::Origins;
use crate::record::Record;
use crate::refusal::{Code, Refusal};
use crate::respond::{Answer, Audience, Refused, respond};
use crate::settings::{Bucket, Carrier};
use crate::token::presented;
use crate::wire::Flow;
use crate::{sessions, uploading};

/// Everything a request needs, made once and never changed.
pub struct Pipeline {
    pub site: String,
    pub cors: Cors,
    pub carriers: Vec<Carrier>,
    pub rules: Rules,
    pub keyring: Arc<Keyring>,
    pub buckets: Vec<Bucket>,
    pub memory: TokenMemory,
    pub cache: Arc<Cache<Origins>>,
    pub log: Arc<Log>,
    pub metrics: Metrics,
    pub ids: Ids,
    /// `Cross-Origin-Resource-Policy` of what is not public.
    pub resource_policy: HeaderValue,
}

/// Answers one request. Never fails: whatever goes wrong is an answer too.
pub async fn serve(
    pipeline: Arc<Pipeline>,
    listener: Listener,
    flow: Arc<Flow>,
    request: Request<Incoming>,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let mut record = Record::begin(&pipeline, flow, parts.method.clone(), shown_path(&parts));
    let now = UnixTime(record.time.div_euclid(1000));
    let answer = match answer(&pipeline, &parts, body, listener, now, &mut record).await {
        Ok(answer) => answer,
        Err(refused) => Answer::Refused(Refused { methods: methods(&parts), ..refused }),
    };
    respond(&pipeline, &parts.method, parts.headers.get(ORIGIN), answer, record)
}

async fn answer(
    pipeline: &Arc<Pipeline>,
    parts: &Parts,
    body: Incoming,
    listener: Listener,
    now: UnixTime,
    record: &mut Record,
) -> Result<Answer, Refused> {
    match admit(parts, listener, &pipeline.site, &pipeline.carriers)? {
        Admitted::Object(path) => object(pipeline, parts, path, now, record).await,
        Admitted::Own(Endpoint::Upload) => Ok(uploading::grant(pipeline, parts, body, now, record).await?),
        Admitted::Own(Endpoint::SignIn) => Ok(sessions::sign_in(pipeline, parts, body, now, record).await?),
        Admitted::Own(Endpoint::WhoAmI) => Ok(sessions::who_am_i(pipeline, parts, now, record).await?),
        Admitted::Own(Endpoint::SignOut) => Ok(sessions::sign_out(pipeline, parts)?),
        Admitted::Own(Endpoint::Health) => Ok(health(pipeline)?),
        Admitted::Preflight(path) => {
            record.route = path.and_then(|path| pipeline.rules.route_of(&path));
            Ok(Answer::Preflight { methods: methods(parts) })
        }
        Admitted::Redirect(location) => Ok(Answer::Redirect { location }),
    }
}

/// A file: may it be read, what of it is asked, what of it is there.
async fn object(
    pipeline: &Arc<Pipeline>,
    parts: &Parts,
    path: ObjectPath,
    now: UnixTime,
    record: &mut Record,
) -> Result<Answer, Refused> {
    let presented = presented(parts, &pipeline.carriers)?;
    let allowed = authorise::<Read>(pipeline, &path, &presented.texts(), now, record).await;
    record.path = path.into_string();
    let allowed = allowed?;
    let audience = if allowed.is_public() { Audience::Everyone } else { Audience::Bearer };

    // An object that was replaced since the cache last looked is looked at once more: nothing has been sent yet.
    for _ in 0..2 {
        if let Some(answer) = read(pipeline, parts, &allowed, audience, now, record).await? {
            return Ok(answer);
        }
    }
    Err(CacheError::Changed.into())
}

/// What the leave covers, as far as it is asked for; none where the version that the cache knew is gone.
async fn read(
    pipeline: &Arc<Pipeline>,
    parts: &Parts,
    allowed: &Allowed<Read>,
    audience: Audience,
    now: UnixTime,
    record: &mut Record,
) -> Result<Option<Answer>, Refused> {
    let whole_answer = parts.method == Method::GET;
    let wanted = if whole_answer { WantedBytes::of(&parts.headers) } else { WantedBytes::Whole };
    let Opened { entry, mut at_hand, .. } =
        open(pipeline, allowed, whole_answer.then_some(wanted), now, record).await?;
    match cache::evaluate(&Conditions::new(&parts.headers), &entry.head) {
        Outcome::NotModified => return Ok(Some(Answer::NotModified { entry, audience })),
        Outcome::Failed => return Err(Refusal::new(Code::PreconditionFailed, "precondition_failed").into()),
        Outcome::Proceed => {}
    }
    let served = cache::serve(wanted, &parts.headers, &entry.head);
    let (first, end) = match served {
        ServedBytes::Whole => (0, entry.head.size),
        ServedBytes::Part { first, last } => (first, last + 1),
        ServedBytes::Unsatisfiable => {
            let refusal = Refusal::new(Code::RangeUnsatisfiable, "range_beyond_object");
            return Err(Refused { size: Some(entry.head.size), ..refusal.into() });
        }
    };
    if whole_answer && entry.body().is_none() && at_hand.is_none() && first < end {
        // The first slice before the head: trouble with it is still an answer, not a cut connection.
        let number = cache::slice_of(first);
        let slice = if let Some(slice) = pipeline.cache.at_hand(&entry, number) {
            slice
        } else {
            record.lookup = Some(Lookup::Miss);
            match timed(record, pipeline.cache.slice(&entry, number)).await {
                Err(CacheError::Changed) => return Ok(None),
                slice => slice?,
            }
        };
        at_hand = Some((number, slice));
    }
    let body = Body::object(&pipeline.cache, &entry, first, end, at_hand);
    Ok(Some(Answer::Object { entry, served, body, audience }))
}

/// Leave to act, from the rules alone. A token that names a key which its issuer may have published since then is worth one
/// question to the issuer.
pub async fn authorise<P: Permission>(
    pipeline: &Pipeline,
    path: &ObjectPath,
    tokens: &[&str],
    now: UnixTime,
    record: &mut Record,
) -> Result<Allowed<P>, Refusal> {
    record.route = pipeline.rules.route_of(path);
    // Who asks is logged even where the answer is no.
    let mut bearer = None;
    let mut ask = || {
        pipeline.rules.allow::<P>(path, tokens, now, |token| {
            let verified = pipeline.memory.verify(token, pipeline.rules.issuers());
            bearer = verified.as_ref().ok().cloned();
            verified
        })
    };
    let mut answer = ask();
    if let Err(Denied::UnknownKey(issuer)) = answer {
        pipeline.keyring.refresh_unknown(issuer.0).await;
        answer = ask();
    }
    record.bearer = bearer;
    let allowed = answer?;
    record.rule = Some(allowed.rule());
    Ok(allowed)
}

/// The object that was allowed, and no other: bucket and key come out of the leave itself. `wanted` is none for the head alone.
async fn open(
    pipeline: &Arc<Pipeline>,
    allowed: &Allowed<Read>,
    wanted: Option<WantedBytes>,
    now: UnixTime,
    record: &mut Record,
) -> Result<Opened, Refusal> {
    let bucket = allowed.bucket().0;
    if let Some(entry) = pipeline.cache.hit(bucket, allowed.key(), now.0) {
        record.lookup = Some(Lookup::Hit);
        return Ok(Opened { entry, lookup: Lookup::Hit, at_hand: None });
    }
    let id = ObjectId { bucket, key: allowed.key().into() };
    let opened = timed(record, pipeline.cache.find(id, wanted, now.0)).await;
    record.lookup = Some(opened.as_ref().map_or(Lookup::Miss, |opened| opened.lookup));
    Ok(opened?)
}

/// Counts the wait as one for the origin.
async fn timed<T>(record: &mut Record, wait: impl Future<Output = T>) -> T {
    let asked = Instant::now();
    let output = wait.await;
    let micros = u64::try_from(asked.elapsed().as_micros()).unwrap_or(u64::MAX);
    record.origin_micros = Some(record.origin_micros.unwrap_or(0).saturating_add(micros));
    output
}

fn health(pipeline: &Pipeline) -> Result<Answer, Refusal> {
    if !pipeline.is_ready() {
        return Err(Refusal::new(Code::Overloaded, "keys_not_loaded"));
    }
    Ok(Answer::Json { status: StatusCode::OK, body: "{\"status\":\"ready\"}\n".into(), cookies: Vec::new() })
}

impl Pipeline {
    /// Whether every issuer has keys to verify with.
    pub fn is_ready(&self) -> bool {
        self.keyring.snapshot().sets.0.iter().all(|set| !set.is_empty())
    }
}

/// The target's path as it came, for requests that are not admitted.
fn shown_path(parts: &Parts) -> String {
    let path = parts.uri.path();
    path.get(..path.floor_char_boundary(1024)).unwrap_or(path).to_owned()
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self { refusal, methods: "", size: None }
    }
}

impl From<CacheError> for Refused {
    fn from(error: CacheError) -> Self {
        Refusal::from(error).into()
    }
}
