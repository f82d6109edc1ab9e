//! Behaviours with a bucket as their origin: conditions before ranges, the cache before the store.

use cache::{CacheError, Conditions, Lookup, ObjectId, Outcome, Part, ServedBytes, WantedBytes, Wishes};
use http::header::{ACCEPT_RANGES, AGE, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, SERVER};
use http::{HeaderMap, HeaderValue, Method, StatusCode};

use crate::answer::{Answer, From, insert};
use crate::errors::unix_now;
use crate::key::{cache_key, object_key};
use crate::pipeline::{Arrival, Edge};
use crate::policy::Asked;
use crate::template::BucketOrigin;
use crate::{body, bucket, forward, limits};

impl Edge {
    /// An object of a bucket: from the cache or the store, as far as it is asked for.
    pub async fn object(&self, arrival: &Arrival<'_>, bucket: &BucketOrigin, asked: &Asked) -> Answer {
        let method = &arrival.parts.method;
        let root = self.distribution.root_object.as_ref().filter(|_| asked.uri == "/");
        let uri = root.map_or_else(|| asked.uri.clone(), |name| format!("/{name}"));
        let Some(key) = object_key(&bucket.path, &uri) else {
            return s3_error(StatusCode::BAD_REQUEST, "the path is no key in UTF-8");
        };
        if key.len() > limits::KEY {
            return s3_error(StatusCode::BAD_REQUEST, "the key is longer than 1,024 bytes");
        }
        if method == Method::OPTIONS {
            return forward::preflight(arrival.behaviour, bucket, &key, asked).await;
        }
        if method != Method::GET && method != Method::HEAD {
            return s3_error(StatusCode::FORBIDDEN, "no policy lets CloudFront write to the bucket");
        }
        if key.is_empty() {
            return list(bucket);
        }
        if !bucket.may_read(&key) {
            return s3_error(StatusCode::FORBIDDEN, "the bucket's policy does not let CloudFront read this key");
        }
        let id = cache_key(&arrival.behaviour.cache, arrival.number, &key, asked);
        // An object that was replaced since the cache last looked is looked at once more: nothing has been sent yet.
        let mut read = self.read(&id, method, &asked.headers).await;
        if matches!(read, Err(CacheError::Changed)) {
            read = self.read(&id, method, &asked.headers).await;
        }
        match read {
            Ok(answer) => answer,
            Err(error) => {
                let status = bucket::status(error, bucket);
                self.remember(id, status, &arrival.behaviour.cache);
                s3_error(status, &format!("the store: {error:?}"))
            }
        }
    }

    pub async fn read(&self, id: &ObjectId, method: &Method, headers: &HeaderMap) -> Result<Answer, CacheError> {
        let now = unix_now();
        let whole_answer = method == Method::GET;
        let wanted = if whole_answer { WantedBytes::of(headers) } else { WantedBytes::Whole };
        let known = self.cache.hit(id.bucket, &id.key, &Wishes::NONE, now);
        if known.is_none()
            && let Some(status) = self.errors.recall(id, now)
        {
            return Ok(s3_error(status, "remembered"));
        }
        let mut opened = self.cache.find(id.clone(), whole_answer.then_some(&wanted), &Wishes::NONE, now).await?;
        let entry = &opened.entry;
        let from = match opened.lookup {
            Lookup::Hit | Lookup::Stale => From::Hit,
            Lookup::Miss => From::Miss,
            Lookup::Revalidated => From::RefreshHit,
        };
        match cache::evaluate(&Conditions::new(headers), &entry.head) {
            Outcome::NotModified => return Ok(with_head(Answer::new(StatusCode::NOT_MODIFIED, from), entry, now)),
            Outcome::Failed => return Ok(s3_error(StatusCode::PRECONDITION_FAILED, "a condition does not hold")),
            Outcome::Proceed => {}
        }
        let served = cache::serve(&wanted, headers, &entry.head);
        let size = entry.head.size;
        let (status, first, end) = match served {
            // Several ranges are answered with the whole, as RFC 9110 section 14.2 allows.
            ServedBytes::Whole | ServedBytes::Parts(_) => (StatusCode::OK, 0, size),
            ServedBytes::Part(Part { first, last }) => (StatusCode::PARTIAL_CONTENT, first, last + 1),
            ServedBytes::Unsatisfiable => {
                let mut answer = s3_error(StatusCode::RANGE_NOT_SATISFIABLE, "the range is beyond the object");
                insert(&mut answer.headers, CONTENT_RANGE, format!("bytes */{size}"));
                return Ok(answer);
            }
        };
        let mut answer = with_head(Answer::new(status, from), entry, now);
        answer.headers.insert(CONTENT_LENGTH, (end - first).into());
        if status == StatusCode::PARTIAL_CONTENT {
            insert(&mut answer.headers, CONTENT_RANGE, format!("bytes {first}-{}/{size}", end - 1));
        }
        if whole_answer && first < end {
            if entry.body().is_none() && opened.at_hand.is_none() {
                // The first slice before the head: trouble with it is still an answer, not a cut connection.
                let number = cache::slice_of(first);
                opened.at_hand = Some((number, self.cache.slice(entry, number).await?));
            }
            answer.body = body::stretch(&self.cache, entry, first, end, opened.at_hand);
        }
        Ok(answer)
    }
}

/// With `s3:ListBucket` the bucket's root is a list of its keys, which is not made here; that there would be one is said.
fn list(bucket: &BucketOrigin) -> Answer {
    if !bucket.lists {
        return s3_error(StatusCode::FORBIDDEN, "the bucket's root");
    }
    let text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult><!-- S3 would list the bucket's keys here --></ListBucketResult>";
    let why = Some("the bucket's root: S3 would list its keys".to_owned());
    Answer { why, ..Answer::new(StatusCode::OK, From::Miss).with_body("application/xml", text) }
}

/// S3's words, or CloudFront's where the store itself is in trouble.
fn s3_error(status: StatusCode, why: &str) -> Answer {
    let Some(text) = bucket::words(status) else {
        return Answer::error(status, From::Error, why);
    };
    let mut answer = Answer::new(status, From::Error).with_body("application/xml", text);
    answer.headers.insert(SERVER, HeaderValue::from_static("AmazonS3"));
    answer.why = Some(why.to_owned());
    answer
}

/// What S3 says of the object, and how long it has been here.
fn with_head(mut answer: Answer, entry: &cache::Entry, now: i64) -> Answer {
    let not_modified = answer.status == StatusCode::NOT_MODIFIED;
    for (name, value) in &entry.head.headers {
        if !not_modified || *name != CONTENT_TYPE {
            answer.headers.append(name, value.clone());
        }
    }
    answer.headers.extend(entry.head.etag.clone().map(|etag| (ETAG, etag)));
    answer.headers.insert(SERVER, HeaderValue::from_static("AmazonS3"));
    if !not_modified {
        answer.headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    }
    if answer.from == From::Hit {
        answer.headers.insert(AGE, entry.age(now).into());
    }
    answer
}
