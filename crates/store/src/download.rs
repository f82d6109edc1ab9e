//! Answers of `GetObject` and `HeadObject`: the stored headers, the `response-*` wishes of a signed request, and the status
//! that the conditions lead to.

use crate::conditions::{Asked, Part, Verdict};
use crate::key::ObjectKey;
use crate::object::Object;
use crate::vault::{Address, Vault};
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_RANGE, CONTENT_TYPE,
    ETAG, EXPIRES, LAST_MODIFIED,
};
use http::{HeaderMap, HeaderName, HeaderValue};
use s3s::dto::{
    ChecksumMode, GetObjectInput, GetObjectOutput, HeadObjectInput, HeadObjectOutput, Metadata, StreamingBlob,
    Timestamp, TimestampFormat,
};
use s3s::{S3Error, S3Request, S3Response, S3Result, s3_error};
use std::sync::Arc;
use time::OffsetDateTime;

pub(crate) async fn get(
    vault: &Arc<Vault>,
    request: S3Request<GetObjectInput>,
) -> S3Result<S3Response<GetObjectOutput>> {
    let asked = asked(&request);
    let input = request.input;
    no_other_version(input.version_id.as_deref(), input.part_number, input.sse_customer_algorithm.as_deref())?;
    let wishes = Wishes {
        content_type: input.response_content_type,
        content_disposition: input.response_content_disposition,
        content_encoding: input.response_content_encoding,
        content_language: input.response_content_language,
        cache_control: input.response_cache_control,
        expires: input.response_expires,
    };
    let at = Address { bucket: input.bucket, key: ObjectKey::parse(input.key)? };
    let found = vault.read(at, asked).await?;
    let part = match found.verdict {
        Verdict::Whole => None,
        Verdict::Part(part) => Some(part),
        other => return Err(refusal(other, &found.object)),
    };
    let mut headers = object_headers(&found.object, &wishes);
    if part.is_none() && input.checksum_mode.as_ref().is_some_and(|mode| mode.as_str() == ChecksumMode::ENABLED) {
        add_checksums(&mut headers, &found.object);
    }
    let length = part.map_or(found.object.size, Part::len);
    let output = GetObjectOutput {
        body: found.body.map(StreamingBlob::new),
        content_length: i64::try_from(length).ok(),
        content_range: part.map(|part| format!("bytes {}-{}/{}", part.first, part.last, found.object.size)),
        metadata: metadata(&found.object),
        ..GetObjectOutput::default()
    };
    Ok(S3Response::with_headers(output, headers))
}

/// A HEAD has no ranges (RFC 9110, 14.2), but all the other conditions.
pub(crate) async fn head(
    vault: &Arc<Vault>,
    request: S3Request<HeadObjectInput>,
) -> S3Result<S3Response<HeadObjectOutput>> {
    let asked = asked(&request).without_range();
    let input = request.input;
    no_other_version(input.version_id.as_deref(), input.part_number, input.sse_customer_algorithm.as_deref())?;
    let wishes = Wishes {
        content_type: input.response_content_type,
        content_disposition: input.response_content_disposition,
        content_encoding: input.response_content_encoding,
        content_language: input.response_content_language,
        cache_control: input.response_cache_control,
        expires: input.response_expires,
    };
    let object = vault.look(Address { bucket: input.bucket, key: ObjectKey::parse(input.key)? }).await?;
    match asked.decide(object.version()) {
        Verdict::Whole | Verdict::Part(_) => {}
        other => return Err(refusal(other, &object)),
    }
    let mut headers = object_headers(&object, &wishes);
    if input.checksum_mode.as_ref().is_some_and(|mode| mode.as_str() == ChecksumMode::ENABLED) {
        add_checksums(&mut headers, &object);
    }
    let output = HeadObjectOutput {
        content_length: i64::try_from(object.size).ok(),
        metadata: metadata(&object),
        ..HeadObjectOutput::default()
    };
    Ok(S3Response::with_headers(output, headers))
}

/// The front lifts conditions out of the request, so that a header `s3s` would refuse counts as absent.
fn asked<T>(request: &S3Request<T>) -> Asked {
    request.extensions.get::<Asked>().cloned().unwrap_or_else(|| Asked::of(&request.headers))
}

fn no_other_version(version: Option<&str>, part: Option<i32>, customer_key: Option<&str>) -> S3Result<()> {
    if version.is_some_and(|version| version != "null") {
        return Err(s3_error!(NotImplemented, "This store keeps one version of an object"));
    }
    if part.is_some() {
        return Err(s3_error!(NotImplemented, "partNumber is not implemented"));
    }
    if customer_key.is_some() {
        return Err(s3_error!(NotImplemented, "Keys of the customer (SSE-C) are not implemented"));
    }
    Ok(())
}

#[derive(Default)]
struct Wishes {
    content_type: Option<String>,
    content_disposition: Option<String>,
    content_encoding: Option<String>,
    content_language: Option<String>,
    cache_control: Option<String>,
    expires: Option<Timestamp>,
}

fn object_headers(object: &Object, wishes: &Wishes) -> HeaderMap {
    let stored = &object.headers;
    let mut headers = validators(object);
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("binary/octet-stream"));
    for (name, stored, wish) in [
        (CONTENT_TYPE, &stored.content_type, &wishes.content_type),
        (CONTENT_DISPOSITION, &stored.content_disposition, &wishes.content_disposition),
        (CONTENT_ENCODING, &stored.content_encoding, &wishes.content_encoding),
        (CONTENT_LANGUAGE, &stored.content_language, &wishes.content_language),
        (CACHE_CONTROL, &stored.cache_control, &wishes.cache_control),
        (EXPIRES, &stored.expires, &wishes.expires.as_ref().map(http_date)),
    ] {
        if let Some(value) = wish.as_ref().or(stored.as_ref()) {
            put(&mut headers, name, value);
        }
    }
    headers
}

fn validators(object: &Object) -> HeaderMap {
    let mut headers = HeaderMap::new();
    put(&mut headers, ETAG, &format!("\"{}\"", object.etag));
    if let Some(date) = timestamp(object.modified) {
        put(&mut headers, LAST_MODIFIED, &http_date(&date));
    }
    headers
}

fn add_checksums(headers: &mut HeaderMap, object: &Object) {
    for (algorithm, sum) in &object.headers.checksums {
        put(headers, HeaderName::from_static(algorithm.header()), sum);
    }
    headers.insert("x-amz-checksum-type", HeaderValue::from_static("FULL_OBJECT"));
}

fn metadata(object: &Object) -> Option<Metadata> {
    let metadata = &object.headers.metadata;
    (!metadata.is_empty()).then(|| metadata.iter().map(|(name, value)| (name.clone(), value.clone())).collect())
}

fn refusal(verdict: Verdict, object: &Object) -> S3Error {
    match verdict {
        Verdict::NotModified => {
            let mut error = s3_error!(NotModified);
            let mut headers = object_headers(object, &Wishes::default());
            for name in [CONTENT_TYPE, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LANGUAGE, ACCEPT_RANGES] {
                headers.remove(name);
            }
            error.set_headers(headers);
            error
        }
        Verdict::Unsatisfiable => {
            let mut error = s3_error!(InvalidRange, "The requested range is not satisfiable");
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
            put(&mut headers, CONTENT_RANGE, &format!("bytes */{}", object.size));
            error.set_headers(headers);
            error
        }
        _ => crate::fault::Fault::PreconditionFailed.into(),
    }
}

pub(crate) fn timestamp(seconds: i64) -> Option<Timestamp> {
    Some(OffsetDateTime::from_unix_timestamp(seconds).ok()?.into())
}

pub(crate) fn http_date(date: &Timestamp) -> String {
    let mut text = Vec::new();
    match date.format(TimestampFormat::HttpDate, &mut text) {
        Ok(()) => String::from_utf8(text).unwrap_or_default(),
        Err(_) => String::new(),
    }
}

fn put(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}
