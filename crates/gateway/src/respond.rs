//! The one place that writes an object's answer. Those without an object are the front door's.

use std::sync::{Arc, LazyLock};

use cache::{Entry, Lookup, Part, ServedBytes};
use front::{Code, Refusal, refusal_body};
use http::header::{
    ACCEPT_RANGES, AGE, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, DATE, ETAG,
    EXPIRES, LAST_MODIFIED, VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};

use crate::body::Body;
use crate::pipeline::Pipeline;
use crate::record::{Id, Record};

const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// RFC 9111 section 3.5: strangers' caches keep nothing; the browser asks on every use and a changed token does not matter.
const PRIVATE: HeaderValue = HeaderValue::from_static("private, no-cache");
const PUBLIC: HeaderValue = HeaderValue::from_static("public, no-cache");

/// Ages that answers of the cache have all the time, ready made; the strings are made once and stay.
static AGES: LazyLock<Vec<HeaderValue>> = LazyLock::new(|| {
    let text = |seconds: u32| HeaderValue::from_static(Box::leak(seconds.to_string().into_boxed_str()));
    (0..1000).map(text).collect()
});

/// What the pipeline has found to say.
#[allow(clippy::large_enum_variant)] // the large one is the common one, and is moved once
pub enum Answer {
    Object {
        entry: Arc<Entry>,
        served: ServedBytes,
        body: Body,
        audience: Audience,
        /// `Content-Disposition` in place of the object's own.
        saved_as: Option<HeaderValue>,
    },
    NotModified {
        entry: Arc<Entry>,
        audience: Audience,
    },
    Own(front::Answer),
}

impl From<front::Answer> for Answer {
    fn from(answer: front::Answer) -> Self {
        Self::Own(answer)
    }
}

/// Who may read the object, which decides who may keep it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    Bearer,
    Everyone,
}

/// Writes the answer, and the record of it for when it has been sent.
pub fn respond(
    pipeline: &Pipeline,
    method: &Method,
    origin: Option<&HeaderValue>,
    answer: Answer,
    mut record: Record,
) -> Response<Body> {
    let mut headers = HeaderMap::with_capacity(24);
    let front = &pipeline.site.front;
    let digits = record.id.digits();
    let id = std::str::from_utf8(&digits).unwrap_or_default();
    let (mut refusal, mut varied) = (None, None);
    let (status, body) = match answer {
        Answer::Object { entry, served, body, audience, saved_as } => {
            object_headers(&mut headers, front, &entry, audience, &record);
            for (name, value) in &entry.head.headers {
                headers.append(name, value.clone());
            }
            if entry.head.varies {
                varied = headers.remove(VARY);
            }
            headers.insert(CONTENT_LENGTH, body.length().into());
            if let Some(saved_as) = saved_as {
                headers.insert(CONTENT_DISPOSITION, saved_as);
            }
            let status = match served {
                ServedBytes::Part(Part { first, last }) => {
                    if let Ok(range) = HeaderValue::try_from(format!("bytes {first}-{last}/{}", entry.head.size)) {
                        headers.insert(CONTENT_RANGE, range);
                    }
                    StatusCode::PARTIAL_CONTENT
                }
                ServedBytes::Parts(_) => {
                    if let Some(content_type) = body.content_type() {
                        headers.insert(CONTENT_TYPE, content_type);
                    }
                    StatusCode::PARTIAL_CONTENT
                }
                ServedBytes::Whole | ServedBytes::Unsatisfiable => StatusCode::OK,
            };
            (status, if *method == Method::HEAD { Body::empty() } else { body })
        }
        Answer::NotModified { entry, audience } => {
            object_headers(&mut headers, front, &entry, audience, &record);
            // RFC 9110 section 15.4.5: what a 200 would have said of these, and the only validator there is.
            headers.extend(entry.head.header(&DATE).map(|value| (DATE, value.clone())));
            if entry.head.etag.is_none() {
                headers.extend(entry.head.header(&LAST_MODIFIED).map(|value| (LAST_MODIFIED, value.clone())));
            }
            if entry.head.varies {
                varied = entry.head.header(&VARY).cloned();
            }
            (StatusCode::NOT_MODIFIED, Body::empty())
        }
        Answer::Own(answer) => {
            let (status, text) = answer.write(front, id, &mut headers);
            if let front::Answer::Refused(refused) = answer {
                refusal = Some(refused.refusal);
            }
            if status != StatusCode::NO_CONTENT {
                headers.insert(CONTENT_LENGTH, text.len().into());
            }
            (status, if *method == Method::HEAD { Body::empty() } else { Body::bytes(text) })
        }
    };
    front.finish(&mut headers, origin, record.route, id);
    if let Some(varied) = varied {
        headers.append(VARY, varied);
    }
    record.answered(status, refusal.as_ref());
    let mut response = Response::new(body.with_record(record));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

/// The whole HTTP/1.1 answer to a head that the HTTP library could not read.
pub fn unreadable(status: u16, id: Id) -> (Refusal, Vec<u8>) {
    let (code, reason) = match status {
        414 => (Code::UriTooLong, "target_too_long"),
        431 => (Code::HeadersTooLarge, "head_too_large"),
        _ => (Code::BadRequest, "head_unreadable"),
    };
    let refusal = Refusal::new(code, reason);
    let digits = id.digits();
    let id = std::str::from_utf8(&digits).unwrap_or_default();
    let body = refusal_body(&refusal, id);
    let status = code.status();
    let head = format!(
        "HTTP/1.1 {} {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\ncache-control: no-store\r\n\
         vary: Origin\r\nx-content-type-options: nosniff\r\nreferrer-policy: no-referrer\r\nedgepass-id: {id}\r\nconnection: close\r\n\r\n",
        status.as_u16(),
        status.canonical_reason().unwrap_or_default(),
        body.len(),
    );
    (refusal, [head.into_bytes(), body.into_bytes()].concat())
}

fn object_headers(headers: &mut HeaderMap, front: &front::Front, entry: &Entry, audience: Audience, record: &Record) {
    if let Some(etag) = &entry.head.etag {
        headers.insert(ETAG, etag.clone());
    }
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    let resource_policy = match audience {
        Audience::Bearer => {
            headers.insert(CACHE_CONTROL, PRIVATE);
            front.resource_policy.clone()
        }
        Audience::Everyone => {
            public_headers(headers, entry);
            HeaderValue::from_static("cross-origin")
        }
    };
    headers.insert(CROSS_ORIGIN_RESOURCE_POLICY, resource_policy);
    // RFC 9111 section 5.1: always where the origin was not asked, else where it said one.
    let unasked = matches!(record.lookup, Some(Lookup::Hit | Lookup::Stale));
    let seconds = entry.age(record.time.div_euclid(1000));
    if unasked || seconds > 0 && entry.head.age.is_some() {
        headers.insert(AGE, age(seconds));
    }
}

/// What the object says of its own use.
fn public_headers(headers: &mut HeaderMap, entry: &Entry) {
    let (cache_control, expires) = (&entry.head.cache_control, &entry.head.expires);
    if let Some(expires) = expires {
        headers.insert(EXPIRES, expires.clone());
    }
    let unsaid = if expires.is_some() { HeaderValue::from_static("public") } else { PUBLIC };
    headers.insert(CACHE_CONTROL, cache_control.clone().unwrap_or(unsaid));
}

fn age(seconds: i64) -> HeaderValue {
    let known = usize::try_from(seconds).ok().and_then(|seconds| AGES.get(seconds));
    known.cloned().unwrap_or_else(|| seconds.into())
}
