//! Where the cache's questions go: to the store of the object's bucket. What a store says of an object becomes here, once for
//! each version, the headers that every answer of it carries.

use cache::{CacheError, Entry, Fetch, Fetched, ObjectId, Probe, SLICE};
use http::header::LAST_MODIFIED;
use origin::{Found, Origin, OriginError, Version};

use crate::content;

/// One for each bucket.
pub struct Origins(pub Vec<Origin>);

impl Fetch for Origins {
    async fn fetch(&self, id: &ObjectId, probe: Probe) -> Result<Fetched, CacheError> {
        let origin = self.0.get(id.bucket).ok_or(CacheError::Failed)?;
        let (slice, version, unless) = match probe {
            Probe::Head => {
                let head = origin.head(&id.key).await.map_err(cache_error)?;
                return Ok(Fetched::Head(content::ready(&id.key, head)));
            }
            Probe::Any { slice, unless } => (slice, but(unless.as_deref()), unless),
            Probe::Version { slice, etag } => (slice, Version::Only(etag), None),
        };
        match (origin.piece(&id.key, slice * SLICE, SLICE, &version).await, unless) {
            (Ok(Found::Piece(piece)), _) => {
                Ok(Fetched::Slice { head: content::ready(&id.key, piece.head), bytes: piece.bytes })
            }
            (Ok(Found::Unchanged(told)), Some(known)) => {
                Ok(Fetched::Unchanged(content::ready(&id.key, content::renewed(&known.head, told))))
            }
            (Ok(Found::Unchanged(_)), None) => Err(CacheError::Failed),
            (Err(OriginError::Beyond), _) => Ok(Fetched::Beyond),
            (Err(error), _) => Err(cache_error(error)),
        }
    }
}

/// RFC 9111 section 4.3.1: the entity tag, or the date where that is all there is.
fn but(known: Option<&Entry>) -> Version {
    let Some(Entry { head, .. }) = known else {
        return Version::Any;
    };
    let etag = head.etag.clone().map(Version::Not);
    etag.or_else(|| head.header(&LAST_MODIFIED).cloned().map(Version::Since)).unwrap_or(Version::Any)
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
