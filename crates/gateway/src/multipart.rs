//! Uploads in parts: begun, signed for, completed and aborted. The parts go from the browser to the bucket; what makes the
//! object goes through here, because nothing else would bound its size.
//!
//! Nothing is kept between two requests. On each of them the token is verified, the seal opened, the owner compared, and the
//! rules are asked anew.

use authorizer::{Allowed, Fill, ObjectPath, RouteInfo, UnixTime, Upload};
use front::{Answer, Bearer, COMPLETION_BODY, Code, Refusal, S3, check_json, part_number, part_numbers, upload_id};
use http::header::{CONTENT_TYPE, IF_NONE_MATCH};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue};
use origin::{MARK, OriginError, UploadError};
use serde_json::Value;
use uploads::{
    Begun, ChecksumAlgorithm, Cutter, Direct, Named, Owner, Plan, Refused, Seals, Signable, Signed, StoredPart, Ticket,
    TypeSaid, Wanted, Wish,
};

use crate::own::{Place, bearer, bytes_of, json_body, leave, place};
use crate::pipeline::{Pipeline, timed};
use crate::record::Record;
use crate::request_body::RequestBody;

const CHECKSUM_TYPE: HeaderName = HeaderName::from_static("x-amz-checksum-type");
const CHECKSUM_ALGORITHM: HeaderName = HeaderName::from_static("x-amz-checksum-algorithm");

/// An upload that its owner may go on with.
struct Open<'p> {
    begun: Begun,
    /// What the route takes now.
    max_size: u64,
    /// Seconds for which the route's signatures are good.
    life: i64,
    place: Place<'p>,
}

pub async fn answer(
    pipeline: &Pipeline,
    s3: S3,
    parts: &Parts,
    body: RequestBody,
    now: UnixTime,
    record: &mut Record,
) -> Result<Answer, Refusal> {
    let front = &pipeline.site.front;
    if s3 == S3::Ticket {
        return ticket(pipeline, parts, body, now, record).await;
    }
    let bearer = &bearer(pipeline, parts, now, record).await?;
    match s3 {
        S3::Params => {
            let wish = Wish::of_query(parts.uri.query().unwrap_or_default()).map_err(Refused::from)?;
            let grant = single(pipeline, parts, bearer, &wish, now, record).await?;
            return Ok(front.companion_grant(&grant, now));
        }
        S3::Sign => {
            let (requests, form) = Signable::of_json(&json_body(parts, body).await?).map_err(Refused::from)?;
            let mut signed = Vec::with_capacity(requests.len());
            for request in &requests {
                signed.push(sign(pipeline, parts, bearer, request, now, record).await?);
            }
            return Ok(front.signed_answer(signed, form));
        }
        _ => {}
    }
    front.check_uploader(bearer)?;
    if s3 == S3::Begin {
        let wish = Wish::of_json(&json_body(parts, body).await?).map_err(Refused::from)?;
        let plan = front::plan_wish(front, &wish, random)?;
        let (allowed, place) = leave(pipeline, parts, bearer, plan.path(), now, record).await?;
        let (begun, id) = begin(pipeline, bearer, &allowed, &plan, Cutter::Uppy, &place, now, record).await?;
        return Ok(front.companion_begun(&begun, &id));
    }
    let (id, key) = (upload_id(parts)?, front::parameter(parts, "key"));
    let open = &open(pipeline, parts, bearer, (&id, key.as_deref()), now, record).await?;
    match s3 {
        S3::SignPart => {
            let signed = direct(open, Direct::Part { number: part_number(parts)?, size: None }, now)?;
            Ok(front.companion_part(&signed.url, signed.expires, now))
        }
        S3::SignParts => {
            let sign = |number| Ok((number, direct(open, Direct::Part { number, size: None }, now)?.url));
            let urls: Vec<_> = part_numbers(parts)?.into_iter().map(sign).collect::<Result<_, Refusal>>()?;
            Ok(front.companion_parts(&urls))
        }
        S3::Parts => Ok(front.companion_list(&list(open, record).await?)),
        S3::Complete => {
            let body = bytes_of(body, COMPLETION_BODY).await?;
            check_json(parts, &body)?;
            let named = uploads::parts_of_json(&body).map_err(Refused::from)?;
            complete(pipeline, &open.begun, open.max_size, &open.place, &named, record).await?;
            Ok(front.companion_made(&open.begun))
        }
        _ => {
            abort(&open.begun, &open.place, record).await?;
            Ok(front.companion_aborted())
        }
    }
}

/// A file in one request, as a widget wishes for it.
async fn single(
    pipeline: &Pipeline,
    parts: &Parts,
    bearer: &Bearer<'_>,
    wish: &Wish,
    now: UnixTime,
    record: &mut Record,
) -> Result<uploads::Grant, Refusal> {
    let plan = front::plan_wish(&pipeline.site.front, wish, random)?;
    let (allowed, Place { bucket, .. }) = leave(pipeline, parts, bearer, plan.path(), now, record).await?;
    Ok(uploads::grant(
        allowed,
        &plan,
        &pipeline.site.front.rules,
        &bucket.uploads,
        &bucket.upload_credentials.now(),
        now,
    )?)
}

/// One request of `signRequest`.
async fn sign(
    pipeline: &Pipeline,
    parts: &Parts,
    bearer: &Bearer<'_>,
    request: &Signable,
    now: UnixTime,
    record: &mut Record,
) -> Result<Value, Refusal> {
    let front = &pipeline.site.front;
    if let Signable::Object(wish) = request {
        return Ok(front::grant_body(&single(pipeline, parts, bearer, wish, now, record).await?));
    }
    front.check_uploader(bearer)?;
    let seals = seals(pipeline)?;
    if let Signable::Begin(wish) = request {
        let plan = front::plan_wish(front, wish, random)?;
        let (allowed, Place { bucket, .. }) = leave(pipeline, parts, bearer, plan.path(), now, record).await?;
        let owner = Owner::of(&bearer.verified, bearer.token.expose());
        let said = if wish.media_type.is_some() { TypeSaid::Now } else { TypeSaid::Later };
        let wanted = uploads::wanted(&allowed, &plan, &front.rules, &bucket.uploads, owner, Cutter::Uppy, said)?;
        let key = wanted.key().to_owned();
        let url = front.ticket_url(seals, &Ticket::Begin(wanted), now)?;
        return Ok(front::signed(&url, &key));
    }
    if let Signable::Complete { id } = request {
        let Open { mut begun, max_size, .. } = open(pipeline, parts, bearer, (id, None), now, record).await?;
        begun.wanted.max_size = max_size;
        let key = begun.wanted.key().to_owned();
        return Ok(front::signed(&front.ticket_url(seals, &Ticket::Complete(begun), now)?, &key));
    }
    let (id, what) = front::direct(request).ok_or_else(|| Refusal::from(Refused::Signing))?;
    let open = open(pipeline, parts, bearer, (id, None), now, record).await?;
    Ok(front::signed(&direct(&open, what, now)?.url, open.begun.wanted.key()))
}

/// A browser that takes us for the bucket: what it may do stands in the ticket, which was made a moment ago.
async fn ticket(
    pipeline: &Pipeline,
    parts: &Parts,
    body: RequestBody,
    now: UnixTime,
    record: &mut Record,
) -> Result<Answer, Refusal> {
    let front = &pipeline.site.front;
    front.check_origin(parts)?;
    match front.open_ticket(seals(pipeline)?, parts, now)? {
        Ticket::Begin(mut wanted) => {
            let text = parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
            if wanted.media_type.is_none() {
                wanted.media_type = Some(uploads::type_said(&front.rules, &wanted.route, text)?);
            }
            let place = place_of(pipeline, &wanted)?;
            let (begun, id) = begin_wanted(pipeline, wanted, &place, now, record).await?;
            Ok(front.begun_xml(&begun, &id))
        }
        Ticket::Complete(begun) => {
            let named = uploads::parts_of_xml(&bytes_of(body, COMPLETION_BODY).await?).map_err(Refused::from)?;
            let place = place_of(pipeline, &begun.wanted)?;
            let etag = complete(pipeline, &begun, begun.wanted.max_size, &place, &named, record).await?;
            Ok(front.made_xml(&begun, &etag))
        }
    }
}

/// The bucket that a ticket names, if the route still leads there. Two stores can have buckets of one name.
fn place_of<'p>(pipeline: &'p Pipeline, wanted: &Wanted) -> Result<Place<'p>, Refusal> {
    let route = route_of(pipeline, wanted).ok_or(Refused::OtherPath)?;
    let place = place(pipeline, route.bucket.0)?;
    if place.bucket.uploads.name() != wanted.bucket {
        return Err(Refused::OtherPath.into());
    }
    Ok(place)
}

fn route_of<'p>(pipeline: &'p Pipeline, wanted: &Wanted) -> Option<RouteInfo<'p>> {
    pipeline.site.front.rules.routes().find(|(_, info)| info.name == wanted.route).map(|(_, info)| info)
}

/// Begins what was planned and allowed; with the id that leaves us.
#[allow(clippy::too_many_arguments)] // each is another fact, and nothing holds two of them together elsewhere
pub async fn begin(
    pipeline: &Pipeline,
    bearer: &Bearer<'_>,
    allowed: &Allowed<Upload>,
    plan: &Plan,
    cutter: Cutter,
    place: &Place<'_>,
    now: UnixTime,
    record: &mut Record,
) -> Result<(Begun, String), Refusal> {
    let front = &pipeline.site.front;
    front.check_uploader(bearer)?;
    seals(pipeline)?;
    let owner = Owner::of(&bearer.verified, bearer.token.expose());
    let uploads = &place.bucket.uploads;
    let wanted = uploads::wanted(allowed, plan, &front.rules, uploads, owner, cutter, TypeSaid::Now)?;
    begin_wanted(pipeline, wanted, place, now, record).await
}

async fn begin_wanted(
    pipeline: &Pipeline,
    wanted: Wanted,
    place: &Place<'_>,
    now: UnixTime,
    record: &mut Record,
) -> Result<(Begun, String), Refusal> {
    let mark = uuid::Uuid::new_v4().simple().to_string();
    let mut headers = checksum_headers(&wanted);
    if let Some((algorithm, _)) = checksum(&wanted) {
        headers.insert(CHECKSUM_ALGORITHM, HeaderValue::from_static(algorithm.as_str()));
    }
    headers.insert(CONTENT_TYPE, header(wanted.media_type.as_deref().unwrap_or_default())?);
    headers.insert(MARK, header(&mark)?);
    let store_id = timed(record, place.store.begin_upload(wanted.key(), headers)).await.map_err(refusal)?;
    if store_id.len() > uploads::MAX_STORE_ID {
        return Err(Refusal::new(Code::OriginFailed, "upload_id_too_long"));
    }
    let expires = now.0.saturating_add(place.bucket.abandoned_after);
    let begun = Begun { store_id, mark, at: now.0, expires, wanted };
    let id = pipeline.site.front.seal(seals(pipeline)?, &begun)?;
    Ok((begun, id))
}

/// What was begun before, for who began it, if the rules still allow it.
async fn open<'p>(
    pipeline: &'p Pipeline,
    parts: &Parts,
    bearer: &Bearer<'_>,
    (id, key): (&str, Option<&str>),
    now: UnixTime,
    record: &mut Record,
) -> Result<Open<'p>, Refusal> {
    let front = &pipeline.site.front;
    let begun = front.open_upload(seals(pipeline)?, id, key, now)?;
    let owner = Owner::of(&bearer.verified, bearer.token.expose());
    if begun.wanted.owner != owner {
        return Err(Refused::OtherOwner.into());
    }
    let path = ObjectPath::from_decoded(begun.wanted.path.clone())?;
    let (allowed, place) = leave(pipeline, parts, bearer, &path, now, record).await?;
    let max_size = uploads::still_wanted(&allowed, &begun, &front.rules, &place.bucket.uploads, owner)?;
    let life = front.rules.route(allowed.route()).and_then(|route| route.upload).map_or(0, |upload| upload.life);
    Ok(Open { begun, max_size, life, place })
}

fn direct(open: &Open<'_>, what: Direct, now: UnixTime) -> Result<Signed, Refusal> {
    let bucket = open.place.bucket;
    let credentials = match what {
        Direct::List => bucket.origin.credentials.now(), // the others need not be able to read
        Direct::Part { .. } | Direct::Abort => bucket.upload_credentials.now(),
    };
    Ok(uploads::direct(what, &open.begun, open.max_size, open.life, &bucket.uploads, &credentials, now)?)
}

async fn list(open: &Open<'_>, record: &mut Record) -> Result<Vec<StoredPart>, Refusal> {
    stored(&open.begun, &open.place, record).await.map_err(refusal)
}

async fn stored(begun: &Begun, place: &Place<'_>, record: &mut Record) -> Result<Vec<StoredPart>, UploadError> {
    let parts = timed(record, place.store.list_parts(begun.wanted.key(), &begun.store_id)).await?;
    Ok(parts.into_iter().map(|part| StoredPart { number: part.number, etag: part.etag, size: part.size }).collect())
}

/// One that is gone already is aborted too.
async fn abort(begun: &Begun, place: &Place<'_>, record: &mut Record) -> Result<(), Refusal> {
    match timed(record, place.store.abort_upload(begun.wanted.key(), &begun.store_id)).await {
        Err(error) if !is_gone(&error) => Err(refusal(error)),
        _ => Ok(()),
    }
}

/// Makes the object, if the parts are the file that was allowed; gives its ETag. Asked again, it finds the object made.
async fn complete(
    pipeline: &Pipeline,
    begun: &Begun,
    max_size: u64,
    place: &Place<'_>,
    named: &[Named],
    record: &mut Record,
) -> Result<String, Refusal> {
    let stored = match stored(begun, place, record).await {
        Err(error) if is_gone(&error) => return made(begun, place, Refused::Gone.into(), record).await,
        stored => stored.map_err(refusal)?,
    };
    let parts = match uploads::settle(&begun.wanted, max_size, named, stored) {
        Err(refused @ Refused::TooLarge { .. }) => {
            // Its parts are not kept. Where the store does not answer now, they are swept with the abandoned.
            let _ = abort(begun, place, record).await;
            return Err(refused.into());
        }
        parts => parts?,
    };
    let mut headers = checksum_headers(&begun.wanted);
    if let Some((algorithm, value)) = checksum(&begun.wanted) {
        headers.insert(HeaderName::from_static(algorithm.header()), header(value)?);
    }
    // Where each upload has a key of its own, nothing is there; elsewhere a second upload replaces the first.
    if has_own_key(pipeline, &begun.wanted) {
        headers.insert(IF_NONE_MATCH, HeaderValue::from_static("*"));
    }
    let join = |headers| {
        let parts = parts.iter().map(|part| (part.number, part.etag.as_str()));
        place.store.complete_upload(begun.wanted.key(), &begun.store_id, parts, headers)
    };
    let mut answer = timed(record, join(headers.clone())).await;
    if headers.contains_key(IF_NONE_MATCH) && answer.as_ref().is_err_and(|error| is(error, "NotImplemented")) {
        headers.remove(IF_NONE_MATCH);
        answer = timed(record, join(headers)).await;
    }
    match answer {
        Ok(etag) => Ok(etag),
        Err(error) if is_gone(&error) => made(begun, place, Refused::Gone.into(), record).await,
        Err(error) if is(&error, "PreconditionFailed") => {
            made(begun, place, Refusal::new(Code::PreconditionFailed, "upload_key_taken"), record).await
        }
        Err(error) => Err(refusal(error)),
    }
}

/// The ETag of the object that this very upload has made, else the refusal.
async fn made(begun: &Begun, place: &Place<'_>, otherwise: Refusal, record: &mut Record) -> Result<String, Refusal> {
    let found = timed(record, place.store.made_by(begun.wanted.key(), &begun.mark)).await.map_err(refusal)?;
    found.ok_or(otherwise)
}

fn has_own_key(pipeline: &Pipeline, wanted: &Wanted) -> bool {
    let upload = route_of(pipeline, wanted).and_then(|route| route.upload);
    upload.is_some_and(|upload| upload.fill.contains(&Fill::Uuid))
}

fn checksum(wanted: &Wanted) -> Option<(ChecksumAlgorithm, &str)> {
    wanted.checksum.as_ref().map(|checksum| (checksum.algorithm, checksum.value.as_str()))
}

fn checksum_headers(wanted: &Wanted) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if wanted.checksum.is_some() {
        headers.insert(CHECKSUM_TYPE, HeaderValue::from_static("FULL_OBJECT"));
    }
    headers
}

fn header(text: &str) -> Result<HeaderValue, Refusal> {
    HeaderValue::from_str(text).map_err(|_| Refused::Signing.into())
}

fn seals(pipeline: &Pipeline) -> Result<&Seals, Refusal> {
    Ok(pipeline.site.seals.as_ref().ok_or(Refused::NoMultipart)?)
}

fn random() -> [u8; 16] {
    uuid::Uuid::new_v4().into_bytes()
}

/// Ceph RGW says of an upload that is over that there is no such key.
fn is_gone(error: &UploadError) -> bool {
    is(error, "NoSuchUpload") || is(error, "NoSuchKey")
}

fn is(error: &UploadError, wanted: &str) -> bool {
    matches!(error, UploadError::Refused { code, .. } if code == wanted)
}

fn refusal(error: UploadError) -> Refusal {
    let code = match error {
        UploadError::Origin(OriginError::Denied) => return Refusal::new(Code::OriginFailed, "origin_denied"),
        UploadError::Origin(OriginError::Away) => return Refusal::new(Code::OriginAway, "origin_away"),
        UploadError::Origin(OriginError::Slow) => return Refusal::new(Code::OriginSlow, "origin_slow"),
        UploadError::Origin(_) => return Refusal::new(Code::OriginFailed, "origin_failed"),
        UploadError::Refused { code, .. } => code,
    };
    match code.as_str() {
        "NoSuchUpload" | "NoSuchKey" => Refused::Gone.into(),
        "EntityTooSmall" => Refused::PartTooSmall.into(),
        "InvalidPart" | "InvalidPartOrder" => Refusal::explained(
            Code::BadRequest,
            "upload_other_parts",
            "the bucket does not have the parts as they are named",
        ),
        "BadDigest" | "XAmzContentChecksumMismatch" => {
            Refusal::explained(Code::BadRequest, "upload_checksum", "the file is not the one that `checksum` is of")
        }
        "EntityTooLarge" => Refusal::new(Code::TooLarge, "upload_too_large"),
        _ => Refusal::new(Code::OriginFailed, "origin_refused"),
    }
}
