//! The headers that come with a new object, by `PutObject`, `CreateMultipartUpload` or `CopyObject`: what is kept of them,
//! and what is refused.

use crate::download::http_date;
use crate::limits;
use crate::object::{ObjectHeaders, Precondition};
use crate::tags;
use http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_TYPE, EXPIRES, HeaderName,
};
use http::{HeaderMap, HeaderValue};
use s3s::dto::{ETag, ETagCondition, Metadata, Timestamp, TimestampFormat};
use s3s::{S3Result, s3_error};
use std::collections::BTreeMap;

/// Headers that change what an object is, and that this store does not understand, are never just dropped.
pub(crate) fn no_unknown_promise(headers: &HeaderMap) -> S3Result<()> {
    private_acl(headers)?;
    let value = |name: &str| headers.get(name).map(HeaderValue::as_bytes);
    if value("x-amz-storage-class").is_some_and(|class| class != b"STANDARD") {
        return Err(s3_error!(InvalidStorageClass, "The storage class of this store is STANDARD"));
    }
    for (prefix, what) in [
        ("x-amz-server-side-encryption", "server-side encryption"),
        ("x-amz-copy-source-server-side-encryption", "server-side encryption"),
        ("x-amz-object-lock-", "object lock"),
        ("x-amz-website-redirect-location", "website redirects"),
        ("x-amz-write-offset-bytes", "appending"),
    ] {
        if headers.keys().any(|name| name.as_str().starts_with(prefix)) {
            return Err(s3_error!(NotImplemented, "A header you provided asks for {what}: not implemented"));
        }
    }
    Ok(())
}

/// There is one owner, and everything is private.
pub(crate) fn private_acl(headers: &HeaderMap) -> S3Result<()> {
    let private: [&[u8]; 2] = [b"private", b"bucket-owner-full-control"];
    let acl = headers.get("x-amz-acl").map(HeaderValue::as_bytes);
    if acl.is_some_and(|acl| !private.contains(&acl)) || headers.keys().any(|n| n.as_str().starts_with("x-amz-grant-"))
    {
        return Err(s3_error!(AccessControlListNotSupported, "The bucket does not allow ACLs"));
    }
    Ok(())
}

pub(crate) fn precondition(
    if_none_match: Option<&ETagCondition>,
    if_match: Option<&ETagCondition>,
) -> S3Result<Precondition> {
    match (if_none_match, if_match) {
        (None, None) => Ok(Precondition::None),
        (Some(ETagCondition::Any), None) => Ok(Precondition::Absent),
        (None, Some(ETagCondition::Any)) => Ok(Precondition::Present),
        (None, Some(ETagCondition::ETag(ETag::Strong(etag)))) => Ok(Precondition::Etag(etag.clone())),
        _ => Err(s3_error!(NotImplemented, "Of conditional writes, `If-None-Match: *` and `If-Match` are implemented")),
    }
}

/// What is given back with the object, its tags among them.
pub(crate) fn kept_headers(headers: &HeaderMap, metadata: Option<Metadata>) -> S3Result<ObjectHeaders> {
    let text = |name: HeaderName| {
        let values: Vec<&str> = headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
        (!values.is_empty()).then(|| values.join(","))
    };
    let metadata: BTreeMap<String, String> = metadata.into_iter().flatten().collect();
    check_metadata(&metadata)?;
    let expires = text(EXPIRES).and_then(|date| Timestamp::parse(TimestampFormat::HttpDate, &date).ok());
    Ok(ObjectHeaders {
        content_type: text(CONTENT_TYPE).filter(|value| !value.is_empty()),
        content_disposition: text(CONTENT_DISPOSITION),
        content_encoding: text(CONTENT_ENCODING).and_then(|value| without_aws_chunked(&value)),
        content_language: text(CONTENT_LANGUAGE),
        cache_control: text(CACHE_CONTROL),
        expires: expires.as_ref().map(http_date),
        metadata,
        tags: tags::of_header(headers)?,
        ..ObjectHeaders::default()
    })
}

pub(crate) fn check_metadata(metadata: &BTreeMap<String, String>) -> S3Result<()> {
    let size: usize = metadata.iter().map(|(name, value)| name.len() + value.len()).sum();
    if size > limits::METADATA_BYTES {
        return Err(s3_error!(MetadataTooLarge, "Your metadata headers exceed the maximum allowed metadata size"));
    }
    Ok(())
}

/// `aws-chunked` is how the bytes travelled, not what they are.
fn without_aws_chunked(encoding: &str) -> Option<String> {
    let kept: Vec<&str> = encoding
        .split(',')
        .map(str::trim)
        .filter(|e| !e.is_empty() && !e.eq_ignore_ascii_case("aws-chunked"))
        .collect();
    (!kept.is_empty()).then(|| kept.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_the_bytes_travelled_is_not_kept() {
        assert_eq!(without_aws_chunked("aws-chunked"), None);
        assert_eq!(without_aws_chunked("gzip,aws-chunked").as_deref(), Some("gzip"));
        assert_eq!(without_aws_chunked("AWS-Chunked, br").as_deref(), Some("br"));
    }
}
