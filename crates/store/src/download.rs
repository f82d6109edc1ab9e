//! Answers of `GetObject` and `HeadObject`: the stored headers, the `response-*` wishes of a signed request, and the status
//! that the conditions lead to.

use crate::conditions::{Asked, Part, Verdict};
use crate::fault::custom_error;
use crate::key::ObjectKey;
use crate::multipart;
use crate::object::Object;
use crate::vault::{Address, Found, Vault};
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
    only_version(input.version_id.as_deref())?;
    no_customer_key(input.sse_customer_algorithm.as_deref())?;
    let number = asked_part(input.part_number, &asked)?;
    let wishes = Wishes {
        content_type: input.response_content_type,
        content_disposition: input.response_content_disposition,
        content_encoding: input.response_content_encoding,
        content_language: input.response_content_language,
        cache_control: input.response_cache_control,
        expires: input.response_expires,
    };
    let at = Address { bucket: input.bucket, key: ObjectKey::parse(input.key)? };
    let found = vault.read(at, asked, number).await?;
    let part = match found.verdict {
        Verdict::Whole => None,
        Verdict::Part(part) => Some(part),
        other => return Err(refusal(other, &found.object)),
    };
    let mut headers = object_headers(&found.object, &wishes);
    if input.checksum_mode.as_ref().is_some_and(|mode| mode.as_str() == ChecksumMode::ENABLED) {
        add_checksums(&mut headers, &found);
    }
    add_parts_count(&mut headers, &found, number);
    let length = part.map_or(found.object.size, Part::len);
    let output = GetObjectOutput {
        body: found.body.map(StreamingBlob::new),
        content_length: i64::try_from(length).ok(),
        content_range: part.map(|part| content_range(part, &found.object)),
        metadata: metadata(&found.object),
        ..GetObjectOutput::default()
    };
    Ok(S3Response::with_headers(output, headers))
}

/// A HEAD is answered as the GET would be, ranges included, as in S3.
pub(crate) async fn head(
    vault: &Arc<Vault>,
    request: S3Request<HeadObjectInput>,
) -> S3Result<S3Response<HeadObjectOutput>> {
    let asked = asked(&request);
    let input = request.input;
    only_version(input.version_id.as_deref())?;
    no_customer_key(input.sse_customer_algorithm.as_deref())?;
    let number = asked_part(input.part_number, &asked)?;
    let wishes = Wishes {
        content_type: input.response_content_type,
        content_disposition: input.response_content_disposition,
        content_encoding: input.response_content_encoding,
        content_language: input.response_content_language,
        cache_control: input.response_cache_control,
        expires: input.response_expires,
    };
    let at = Address { bucket: input.bucket, key: ObjectKey::parse(input.key)? };
    let found = vault.look_at(at, asked, number).await?;
    let part = match found.verdict {
        Verdict::Whole => None,
        Verdict::Part(part) => Some(part),
        other => return Err(refusal(other, &found.object)),
    };
    let mut headers = object_headers(&found.object, &wishes);
    if input.checksum_mode.as_ref().is_some_and(|mode| mode.as_str() == ChecksumMode::ENABLED) {
        add_checksums(&mut headers, &found);
    }
    add_parts_count(&mut headers, &found, number);
    if let Some(part) = part {
        put(&mut headers, CONTENT_RANGE, &content_range(part, &found.object));
    }
    let output = HeadObjectOutput {
        content_length: i64::try_from(part.map_or(found.object.size, Part::len)).ok(),
        metadata: metadata(&found.object),
        ..HeadObjectOutput::default()
    };
    Ok(S3Response::with_headers(output, headers))
}

fn content_range(part: Part, object: &Object) -> String {
    format!("bytes {}-{}/{}", part.first, part.last, object.size)
}

/// The front lifts conditions out of the request, so that a header `s3s` would refuse counts as absent.
fn asked<T>(request: &S3Request<T>) -> Asked {
    request.extensions.get::<Asked>().cloned().unwrap_or_else(|| Asked::of(&request.headers))
}

/// There is one version of each object, and its name is `null`.
pub(crate) fn only_version(version: Option<&str>) -> S3Result<()> {
    match version {
        None | Some("null") => Ok(()),
        Some("") => Err(s3_error!(InvalidArgument, "Version id cannot be the empty string")),
        Some(_) => Err(s3_error!(NoSuchVersion, "The specified version does not exist.")),
    }
}

fn no_customer_key(algorithm: Option<&str>) -> S3Result<()> {
    match algorithm {
        Some(_) => Err(s3_error!(NotImplemented, "Keys of the customer (SSE-C) are not implemented")),
        None => Ok(()),
    }
}

fn asked_part(number: Option<i32>, asked: &Asked) -> S3Result<Option<u16>> {
    if number.is_some() && asked.names_a_range() {
        return Err(s3_error!(InvalidRequest, "Cannot specify both Range header and partNumber query parameter"));
    }
    number.map(multipart::part_number).transpose()
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

/// Those of what is sent: the whole, or one part by its number. Of any other range there are none.
fn add_checksums(headers: &mut HeaderMap, found: &Found) {
    let stored = &found.object.headers;
    let sums = match (&found.piece, found.verdict) {
        (Some(piece), _) => &piece.checksums,
        (None, Verdict::Whole) => &stored.checksums,
        (None, _) => return,
    };
    for (algorithm, sum) in sums.iter().filter(|(algorithm, _)| stored.checksums.contains_key(algorithm)) {
        put(headers, HeaderName::from_static(algorithm.header()), sum);
    }
    headers.insert("x-amz-checksum-type", HeaderValue::from_static(stored.checksum_kind.name()));
}

fn add_parts_count(headers: &mut HeaderMap, found: &Found, number: Option<u16>) {
    let parts = found.object.parts;
    if number.is_some() && parts > 0 {
        headers.insert("x-amz-mp-parts-count", HeaderValue::from(parts));
    }
    let tags = found.object.headers.tags.len();
    if tags > 0 {
        headers.insert("x-amz-tagging-count", HeaderValue::from(tags));
    }
}

fn metadata(object: &Object) -> Option<Metadata> {
    let metadata = &object.headers.metadata;
    (!metadata.is_empty()).then(|| metadata.iter().map(|(name, value)| (name.clone(), value.clone())).collect())
}

pub(crate) fn refusal(verdict: Verdict, object: &Object) -> S3Error {
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
        Verdict::NoSuchPart => custom_error(
            "InvalidPartNumber",
            http::StatusCode::RANGE_NOT_SATISFIABLE,
            "The requested partnumber is not satisfiable",
        ),
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
