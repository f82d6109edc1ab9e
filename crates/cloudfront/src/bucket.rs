//! Buckets: where the cache's questions go, and what S3 itself answers.

use cache::{CacheError, Fetch, Fetched, Head, ObjectId, Probe, SLICE, Storing, parse_date};
use http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_TYPE, LAST_MODIFIED,
};
use http::{HeaderValue, StatusCode};
use origin::{Found, ObjectHead, Origin, OriginError, Version};

use crate::fault::Fault;
use crate::key::object_of;
use crate::policy::{CachePolicy, lifetime};
use crate::template::{Access, BucketOrigin};

/// One for each behaviour: `ObjectId::bucket` is the behaviour's number, because how long an object is fresh depends on the
/// behaviour's policy. No two behaviours cover the same path.
pub struct Buckets(pub Vec<Option<(Origin, CachePolicy)>>);

pub fn open(bucket: &BucketOrigin) -> Result<Origin, Fault> {
    let store = &bucket.store;
    let origin = Origin::open(origin::Bucket {
        endpoint: store.endpoint.clone(),
        region: store.region.clone(),
        name: store.bucket.clone(),
        credentials: store.credentials.clone().into(),
        passed: Vec::new(),
    });
    let origin = origin.map_err(|error| Fault::machine(format!("the store `{}`", store.endpoint), error))?;
    Ok(if bucket.access == Access::Signed { origin } else { origin.unsigned() })
}

impl Fetch for Buckets {
    async fn fetch(&self, id: &ObjectId, probe: Probe) -> Result<Fetched, CacheError> {
        let bucket = self.0.get(id.bucket).and_then(Option::as_ref);
        let (origin, policy) = bucket.ok_or(CacheError::Failed)?;
        let key = object_of(id);
        let (slice, version, unless) = match probe {
            Probe::Head => {
                let head = origin.head(key).await.map_err(cache_error)?;
                return Ok(Fetched::Head(ready(policy, head)));
            }
            Probe::Any { slice, unless } => {
                // S3 gives every object an ETag.
                let etag = unless.as_ref().and_then(|entry| entry.head.etag.clone());
                (slice, etag.map_or(Version::Any, Version::Not), unless)
            }
            Probe::Version { slice, etag } => (slice, Version::Only(etag), None),
        };
        match (origin.piece(key, slice * SLICE, SLICE, &version).await, unless) {
            (Ok(Found::Piece(piece)), _) => Ok(Fetched::Slice { head: ready(policy, piece.head), bytes: piece.bytes }),
            (Ok(Found::Unchanged(_)), Some(known)) => Ok(Fetched::Unchanged(known.head.clone())),
            (Ok(Found::Unchanged(_)), None) => Err(CacheError::Failed),
            (Err(OriginError::Beyond), _) => Ok(Fetched::Beyond),
            (Err(error), _) => Err(cache_error(error)),
        }
    }
}

/// The object's headers as S3 sends them. Freshness is the policy's: the cache is told it in the object's name.
fn ready(policy: &CachePolicy, head: ObjectHead) -> Head {
    let own = head.cache_control.as_ref().and_then(|value| value.to_str().ok());
    let told = match lifetime(policy, own) {
        Storing::Pass => HeaderValue::from_static("no-store"),
        Storing::Keep { seconds } => {
            HeaderValue::try_from(format!("max-age={seconds}")).unwrap_or(HeaderValue::from_static("no-store"))
        }
    };
    let headers = [
        (CONTENT_TYPE, head.content_type),
        (CACHE_CONTROL, head.cache_control),
        (CONTENT_DISPOSITION, head.content_disposition),
        (CONTENT_ENCODING, head.content_encoding),
        (CONTENT_LANGUAGE, head.content_language),
        (LAST_MODIFIED, head.last_modified.clone()),
    ];
    Head {
        etag: head.etag,
        size: head.size,
        last_modified: head.last_modified.as_ref().and_then(|value| value.to_str().ok()).and_then(parse_date),
        cache_control: Some(told),
        headers: headers.into_iter().filter_map(|(name, value)| Some((name, value?))).collect(),
        ..Head::default()
    }
}

fn cache_error(error: OriginError) -> CacheError {
    match error {
        OriginError::NotFound => CacheError::NotFound,
        OriginError::Changed => CacheError::Changed,
        OriginError::Denied => CacheError::Denied,
        OriginError::Away => CacheError::Away,
        OriginError::Slow => CacheError::Slow,
        OriginError::Failed | OriginError::Nonsense | OriginError::Beyond => CacheError::Failed,
    }
}

/// What a viewer is told of trouble with a bucket. S3 hides from those who may not list that an object is not there.
pub fn status(error: CacheError, bucket: &BucketOrigin) -> StatusCode {
    match error {
        CacheError::NotFound if bucket.lists => StatusCode::NOT_FOUND,
        CacheError::NotFound | CacheError::Denied => StatusCode::FORBIDDEN,
        CacheError::Changed | CacheError::Failed | CacheError::Away => StatusCode::BAD_GATEWAY,
        CacheError::Slow | CacheError::NotKept => StatusCode::GATEWAY_TIMEOUT,
        CacheError::Overloaded => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// S3's words for a refusal.
/// https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
pub fn words(status: StatusCode) -> Option<String> {
    let (code, message) = match status {
        StatusCode::BAD_REQUEST => ("InvalidURI", "Couldn't parse the specified URI."),
        StatusCode::FORBIDDEN => ("AccessDenied", "Access Denied"),
        StatusCode::NOT_FOUND => ("NoSuchKey", "The specified key does not exist."),
        StatusCode::PRECONDITION_FAILED => {
            ("PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
        }
        StatusCode::RANGE_NOT_SATISFIABLE => ("InvalidRange", "The requested range is not satisfiable"),
        _ => return None,
    };
    Some(format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    ))
}
