//! Buckets: where the cache's questions go, and what S3 itself answers.

use cache::{CacheError, Fetch, Fetched, Head, ObjectId, Probe, SLICE, Storing};
use http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_TYPE, LAST_MODIFIED,
};
use http::{HeaderValue, StatusCode};
use origin::{ObjectHead, Origin, OriginError, Version};

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
    });
    let origin = origin.map_err(|error| Fault::machine(format!("the store `{}`", store.endpoint), error))?;
    Ok(if bucket.access == Access::Signed { origin } else { origin.unsigned() })
}

impl Fetch for Buckets {
    async fn fetch(&self, id: &ObjectId, probe: Probe) -> Result<Fetched, CacheError> {
        let bucket = self.0.get(id.bucket).and_then(Option::as_ref);
        let (origin, policy) = bucket.ok_or(CacheError::Failed)?;
        let key = object_of(id);
        let (slice, version) = match probe {
            Probe::Head => {
                let head = origin.head(key).await.map_err(cache_error)?;
                return Ok(Fetched::Head(ready(policy, head)));
            }
            Probe::Any { slice, unless: None } => (slice, Version::Any),
            Probe::Any { slice, unless: Some(etag) } => (slice, Version::Not(etag)),
            Probe::Version { slice, etag } => (slice, Version::Only(etag)),
        };
        match origin.piece(key, slice * SLICE, SLICE, &version).await {
            Ok(piece) => Ok(Fetched::Slice { head: ready(policy, piece.head), bytes: piece.bytes }),
            Err(OriginError::Unchanged) => Ok(Fetched::Unchanged),
            Err(OriginError::Beyond) => Ok(Fetched::Beyond),
            Err(error) => Err(cache_error(error)),
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
        last_modified: head.last_modified.as_ref().and_then(|value| value.to_str().ok()).and_then(unix_seconds),
        cache_control: Some(told),
        headers: headers.into_iter().filter_map(|(name, value)| Some((name, value?))).collect(),
    }
}

fn unix_seconds(date: &str) -> Option<i64> {
    let time = httpdate::parse_http_date(date).ok()?;
    i64::try_from(time.duration_since(std::time::UNIX_EPOCH).ok()?.as_secs()).ok()
}

fn cache_error(error: OriginError) -> CacheError {
    match error {
        OriginError::NotFound => CacheError::NotFound,
        OriginError::Changed => CacheError::Changed,
        OriginError::Denied => CacheError::Denied,
        OriginError::Away => CacheError::Away,
        OriginError::Slow => CacheError::Slow,
        OriginError::Failed | OriginError::Nonsense | OriginError::Unchanged | OriginError::Beyond => {
            CacheError::Failed
        }
    }
}

/// What a viewer is told of trouble with a bucket. S3 hides from those who may not list that an object is not there.
pub fn status(error: CacheError, bucket: &BucketOrigin) -> StatusCode {
    match error {
        CacheError::NotFound if bucket.lists => StatusCode::NOT_FOUND,
        CacheError::NotFound | CacheError::Denied => StatusCode::FORBIDDEN,
        CacheError::Changed | CacheError::Failed | CacheError::Away => StatusCode::BAD_GATEWAY,
        CacheError::Slow => StatusCode::GATEWAY_TIMEOUT,
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
