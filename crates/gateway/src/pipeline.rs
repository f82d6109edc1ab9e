//! The way of a request, read from top to bottom: admit, authorise, locate, cache, respond.

use std::sync::Arc;
use std::time::Instant;

use arc_swap::ArcSwap;
use authorizer::{Allowed, ObjectPath, Read, UnixTime};
use cache::{Cache, CacheError, Conditions, Lookup, ObjectId, Opened, Outcome, Part, ServedBytes, WantedBytes, Wishes};
use front::{Admitted, Code, Listener, Refusal, Refused, admit, methods, presented, refusal_form, shown_path};
use http::header::ORIGIN;
use http::request::Parts;
use http::{Method, Request, Response};
use keys::Keyring;
use origin::Origin;
use revocations::{Revocations, UsedTokens};

use crate::body::Body;
use crate::content;
use crate::evidence::authorise;
use crate::log::Log;
use crate::memory::TokenMemory;
use crate::metrics::{Ids, Metrics};
use crate::origins::Origins;
use crate::own;
use crate::record::Record;
use crate::request_body::RequestBody;
use crate::respond::{Answer, Audience, respond};
use crate::settings::{Bucket, Site};
use crate::wire::Flow;

/// Everything a request needs. It never changes: a reload puts another in its place for the requests that come then, with the
/// same engines behind it.
#[derive(Clone)]
pub struct Pipeline {
    pub site: Arc<Site>,
    pub keyring: Arc<Keyring>,
    pub buckets: Arc<[Bucket]>,
    /// The same buckets, for what is done there beside reading.
    pub stores: Arc<[Origin]>,
    pub memory: Arc<TokenMemory>,
    pub revocations: Arc<Revocations>,
    pub used: Arc<UsedTokens>,
    pub cache: Arc<Cache<Origins>>,
    pub log: Arc<Log>,
    pub metrics: Arc<Metrics>,
    pub ids: Arc<Ids>,
}

/// The pipeline of the requests that come now.
pub type Live = ArcSwap<Pipeline>;

/// Answers one request. Never fails: whatever goes wrong is an answer too.
pub async fn serve(
    pipeline: Arc<Pipeline>,
    listener: Listener,
    flow: Arc<Flow>,
    request: Request<RequestBody>,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let mut record = Record::begin(&pipeline, flow, parts.method.clone(), shown_path(&parts).to_owned());
    let now = UnixTime(record.time.div_euclid(1000));
    let answer = match answer(&pipeline, &parts, body, listener, now, &mut record).await {
        Ok(answer) => answer,
        Err(refused) => {
            let refused = Refused { methods: methods(&parts), form: refusal_form(&parts), ..refused };
            front::Answer::Refused(refused).into()
        }
    };
    respond(&pipeline, &parts.method, parts.headers.get(ORIGIN), answer, record)
}

async fn answer(
    pipeline: &Arc<Pipeline>,
    parts: &Parts,
    body: RequestBody,
    listener: Listener,
    now: UnixTime,
    record: &mut Record,
) -> Result<Answer, Refused> {
    let front = &pipeline.site.front;
    match admit(parts, listener, &front.origin, &front.carriers)? {
        Admitted::Object(path) => object(pipeline, parts, path, now, record).await,
        Admitted::Own(endpoint) => Ok(own::answer(pipeline, endpoint, parts, body, now, record).await?.into()),
        Admitted::Preflight(path) => {
            record.route = path.and_then(|path| front.rules.route_of(&front.host(parts), &path));
            Ok(front::Answer::Preflight { methods: methods(parts) }.into())
        }
        Admitted::Redirect(location) => Ok(front::Answer::Redirect { location }.into()),
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
    let presented = presented(parts, &pipeline.site.front.carriers)?;
    let (host, tokens) = (pipeline.site.front.host(parts), presented.texts());
    let question = front::question(parts, &host, &path, record.flow.client(), &tokens, presented.carried(), now);
    let allowed = authorise::<Read>(pipeline, &pipeline.site.front.rules.place(question), now, record).await;
    record.path = path.into_string();
    let allowed = allowed?;
    let audience = if allowed.is_public() { Audience::Everyone } else { Audience::Bearer };

    // An object that was replaced since the cache last looked is looked at once more: nothing has been sent yet.
    for _ in 0..2 {
        if let Some(answer) = read(pipeline, parts, &allowed, audience, now, record).await? {
            return Ok(answer);
        }
    }
    Err(refusal_of(CacheError::Changed).into())
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
    let wishes = Wishes::of(&parts.headers);
    let Opened { entry, mut at_hand, .. } =
        open(pipeline, allowed, whole_answer.then_some(&wanted), &wishes, now, record).await?;
    match cache::evaluate(&Conditions::new(&parts.headers), &entry.head) {
        Outcome::NotModified => return Ok(Some(Answer::NotModified { entry, audience })),
        Outcome::Failed => return Err(Refusal::new(Code::PreconditionFailed, "precondition_failed").into()),
        Outcome::Proceed => {}
    }
    let served = cache::serve(&wanted, &parts.headers, &entry.head);
    let (first, end) = match &served {
        ServedBytes::Whole => (0, entry.head.size),
        ServedBytes::Part(part) => (part.first, part.last + 1),
        ServedBytes::Parts(parts) => parts.first().map_or((0, 0), |Part { first, last }| (*first, last + 1)),
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
        } else if wishes.only_if_cached() {
            return Err(refusal_of(CacheError::NotKept).into());
        } else {
            record.lookup = Some(Lookup::Miss);
            match timed(record, pipeline.cache.slice(&entry, number)).await {
                Err(CacheError::Changed) => return Ok(None),
                slice => slice.map_err(refusal_of)?,
            }
        };
        at_hand = Some((number, slice));
    }
    let body = match &served {
        ServedBytes::Parts(parts) => Body::parts(&pipeline.cache, &entry, parts, at_hand),
        _ => Body::object(&pipeline.cache, &entry, first, end, at_hand),
    };
    let saved_as =
        allowed.bearer().and_then(|bearer| bearer.download()).map(|name| content::saved_as(name, allowed.key()));
    Ok(Some(Answer::Object { entry, served, body, audience, saved_as: saved_as.flatten() }))
}

/// The object that was allowed, and no other: bucket and key come out of the leave itself. `wanted` is none for the head alone.
async fn open(
    pipeline: &Arc<Pipeline>,
    allowed: &Allowed<Read>,
    wanted: Option<&WantedBytes>,
    wishes: &Wishes,
    now: UnixTime,
    record: &mut Record,
) -> Result<Opened, Refusal> {
    let bucket = allowed.bucket().0;
    if let Some(entry) = pipeline.cache.hit(bucket, allowed.key(), wishes, now.0) {
        record.lookup = Some(Lookup::Hit);
        return Ok(Opened { entry, lookup: Lookup::Hit, at_hand: None });
    }
    let id = ObjectId { bucket, key: allowed.key().into() };
    let opened = timed(record, pipeline.cache.find(id, wanted, wishes, now.0)).await;
    record.lookup = Some(opened.as_ref().map_or(Lookup::Miss, |opened| opened.lookup));
    opened.map_err(refusal_of)
}

/// Counts the wait as one for the origin.
pub async fn timed<T>(record: &mut Record, wait: impl Future<Output = T>) -> T {
    let asked = Instant::now();
    let output = wait.await;
    let micros = u64::try_from(asked.elapsed().as_micros()).unwrap_or(u64::MAX);
    record.origin_micros = Some(record.origin_micros.unwrap_or(0).saturating_add(micros));
    output
}

impl Pipeline {
    /// Whether every issuer has keys to verify with.
    pub fn is_ready(&self) -> bool {
        self.keyring.snapshot().sets.0.iter().all(|set| !set.is_empty())
    }
}

pub fn refusal_of(error: CacheError) -> Refusal {
    let (code, reason) = match error {
        CacheError::NotFound => (Code::NotFound, "object_missing"),
        CacheError::Changed => (Code::OriginFailed, "object_changing"),
        CacheError::Denied => (Code::OriginFailed, "origin_denied"),
        CacheError::Failed => (Code::OriginFailed, "origin_failed"),
        CacheError::Away => (Code::OriginAway, "origin_away"),
        CacheError::Slow => (Code::OriginSlow, "origin_slow"),
        CacheError::Overloaded => (Code::Overloaded, "too_many_fetches"),
        CacheError::NotKept => (Code::NotCached, "only_if_cached"),
    };
    Refusal::new(code, reason)
}
