//! Where the cache's questions go: to the store of the object's bucket. What a store says of an object becomes here, once for
//! each version, the headers that every answer of it carries.

use cache::{CacheError, Fetch, Fetched, Head, ObjectId, Probe, SLICE};
use http::header::LAST_MODIFIED;
use origin::{ObjectHead, Origin, OriginError, Version};

use crate::content;

/// One for each bucket.
pub struct Origins(pub Vec<Origin>);

impl Fetch for Origins {
    async fn fetch(&self, id: &ObjectId, probe: Probe) -> Result<Fetched, CacheError> {
        let origin = self.0.get(id.bucket).ok_or(CacheError::Failed)?;
        let (slice, version) = match probe {
            Probe::Head => {
                let head = origin.head(&id.key).await.map_err(cache_error)?;
                return Ok(Fetched::Head(ready(&id.key, head)));
            }
            Probe::Any { slice, unless: None } => (slice, Version::Any),
            Probe::Any { slice, unless: Some(etag) } => (slice, Version::Not(etag)),
            Probe::Version { slice, etag } => (slice, Version::Only(etag)),
        };
        match origin.piece(&id.key, slice * SLICE, SLICE, &version).await {
            Ok(piece) => Ok(Fetched::Slice { head: ready(&id.key, piece.head), bytes: piece.bytes }),
            Err(OriginError::Unchanged) => Ok(Fetched::Unchanged),
            Err(OriginError::Beyond) => Ok(Fetched::Beyond),
            Err(error) => Err(cache_error(error)),
        }
    }
}

fn ready(key: &str, head: ObjectHead) -> Head {
    let last_modified = head.last_modified.as_ref().and_then(|value| value.to_str().ok()).and_then(unix_seconds);
    let mut headers = content::headers(key, &head);
    if let Some(value) = head.last_modified.filter(|_| last_modified.is_some()) {
        headers.push((LAST_MODIFIED, value));
    }
    Head { etag: head.etag, size: head.size, last_modified, cache_control: head.cache_control, headers }
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
