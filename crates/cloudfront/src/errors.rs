//! Errors of origins: how long they are remembered, and the pages that are put in their place.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use cache::ObjectId;
use http::{HeaderMap, Method, StatusCode};

use crate::answer::{Answer, From};
use crate::key::{cache_key, covers, normal, object_key};
use crate::limits;
use crate::pipeline::Edge;
use crate::policy::{Asked, CachePolicy};
use crate::template::Origin;

/// Errors of origins, for as long as CloudFront would remember them.
#[derive(Default)]
pub struct Errors(Mutex<HashMap<ObjectId, (StatusCode, i64)>>);

impl Errors {
    pub fn recall(&self, id: &ObjectId, now: i64) -> Option<StatusCode> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (status, until) = *known.get(id)?;
        if now < until {
            return Some(status);
        }
        known.remove(id);
        None
    }

    fn keep(&self, id: ObjectId, status: StatusCode, until: i64) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= limits::ERRORS {
            known.clear();
        }
        known.insert(id, (status, until));
    }
}

impl Edge {
    /// An error is kept for `ErrorCachingMinTTL`, or ten seconds. 416 and 412 never are; nothing is under a policy that keeps nothing.
    /// https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/custom-error-pages-expiration.html
    pub fn remember(&self, id: ObjectId, status: StatusCode, policy: &CachePolicy) {
        let custom = self.distribution.errors.iter().find(|custom| custom.status == status);
        let ttl = custom.and_then(|custom| custom.ttl).unwrap_or(limits::ERROR_TTL);
        if policy.max > 0 && ttl > 0 {
            self.errors.keep(id, status, unix_now() + ttl);
        }
    }

    /// The page that the distribution has in the place of an origin's error. Functions do not run for it; a page that cannot be had
    /// leaves the error as it is.
    pub async fn custom_error(&self, answer: Answer) -> Answer {
        let custom = self.distribution.errors.iter().find(|custom| custom.status == answer.status);
        let Some(page) = custom.and_then(|custom| custom.page.as_ref()) else {
            return answer;
        };
        let behaviours = &self.distribution.behaviours;
        let path = normal(&page.path);
        let Some(number) = behaviours.iter().position(|behaviour| covers(&behaviour.pattern, &path)) else {
            return answer;
        };
        let origin = behaviours.get(number).and_then(|behaviour| self.distribution.origins.get(behaviour.origin));
        let (Some(behaviour), Some(Origin::Bucket(bucket))) = (behaviours.get(number), origin) else {
            return answer;
        };
        let Some(key) = object_key(&bucket.path, &page.path).filter(|key| bucket.may_read(key)) else {
            return answer;
        };
        let plain = Asked { uri: page.path.clone(), query: String::new(), headers: HeaderMap::new() };
        let id = cache_key(&behaviour.cache, number, &key, &plain);
        match self.read(&id, &Method::GET, &plain.headers).await {
            Ok(found) if found.status == StatusCode::OK => {
                Answer { status: page.status, from: From::Error, why: answer.why, ..found }
            }
            _ => answer,
        }
    }
}

pub fn unix_now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |age| i64::try_from(age.as_secs()).unwrap_or(i64::MAX))
}
