//! `PutObject`: what the headers of a signed request promise, and what is kept of them.

use crate::digest::{Algorithm, Announced, Digests};
use crate::download::http_date;
use crate::fault::Fault;
use crate::key::ObjectKey;
use crate::limits;
use crate::object::{Object, ObjectHeaders, Precondition};
use crate::query;
use crate::receive;
use crate::vault::{Address, Terms, Vault};
use http::{HeaderMap, HeaderName, HeaderValue};
use s3s::dto::{ETag, ETagCondition, PutObjectInput, PutObjectOutput};
use s3s::{Body, S3Request, S3Response, S3Result, TrailingHeaders, s3_error};
use std::collections::BTreeMap;
use std::sync::Arc;

pub(crate) async fn put(
    vault: &Arc<Vault>,
    request: S3Request<PutObjectInput>,
) -> S3Result<S3Response<PutObjectOutput>> {
    let S3Request { mut input, headers, uri, trailing_headers, .. } = request;
    no_unknown_promise(&input)?;
    let at =
        Address { bucket: std::mem::take(&mut input.bucket), key: ObjectKey::parse(std::mem::take(&mut input.key))? };
    if vault.cors(&at.bucket).is_none() {
        return Err(Fault::NoSuchBucket.into());
    }
    let precondition = precondition(&input)?;
    let mut announced = Announced { md5: input.content_md5.take(), ..Announced::default() };
    // A presigned URL may carry its checksum in the query.
    let in_query = query::pairs(&uri).into_iter();
    let in_headers =
        headers.iter().filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())));
    for (name, sum) in in_headers.chain(in_query) {
        if let Some(algorithm) = Algorithm::from_header(&name) {
            announced.checksums.insert(algorithm, sum);
        }
    }
    let trailer = trailer_checksums(&headers);
    let wanted = input.checksum_algorithm.as_ref().and_then(|name| Algorithm::from_name(name.as_str()));
    let algorithms = announced.checksums.keys().copied().chain(trailer.iter().copied()).chain(wanted);
    let length = input.content_length.and_then(|length| u64::try_from(length).ok());
    if length.is_some_and(|length| length > limits::OBJECT_BYTES) {
        return Err(receive::BodyFault::TooLarge.into());
    }

    let body = input.body.take().map_or_else(Body::empty, Body::from);
    let received = receive::receive(&vault.blobs, body, Digests::of(algorithms), 0..=limits::OBJECT_BYTES).await?;
    if length.is_some_and(|length| length != received.size) {
        return Err(s3_error!(
            IncompleteBody,
            "You did not provide the number of bytes specified by the Content-Length HTTP header"
        ));
    }
    announce_trailer(&mut announced, &trailer, trailing_headers.as_ref())?;
    let terms = Terms { headers: kept_headers(input)?, announced, precondition };
    let object = vault.put(at, received, terms).await?;
    Ok(S3Response::with_headers(
        PutObjectOutput { e_tag: Some(ETag::Strong(object.etag.clone())), ..PutObjectOutput::default() },
        checksum_headers(&object),
    ))
}

/// Headers that change what an object is, and that this store does not understand, are never just dropped.
fn no_unknown_promise(input: &PutObjectInput) -> S3Result<()> {
    let private = ["private", "bucket-owner-full-control"];
    if input.acl.as_ref().is_some_and(|acl| !private.contains(&acl.as_str()))
        || input.grant_full_control.is_some()
        || input.grant_read.is_some()
        || input.grant_read_acp.is_some()
        || input.grant_write_acp.is_some()
    {
        return Err(s3_error!(AccessControlListNotSupported, "The bucket does not allow ACLs"));
    }
    let unknown = [
        (input.server_side_encryption.is_some() || input.sse_customer_algorithm.is_some(), "server-side encryption"),
        (input.ssekms_key_id.is_some(), "server-side encryption"),
        (input.tagging.is_some(), "tagging"),
        (input.object_lock_mode.is_some() || input.object_lock_legal_hold_status.is_some(), "object lock"),
        (input.website_redirect_location.is_some(), "website redirects"),
        (input.write_offset_bytes.is_some(), "appending"),
        (input.storage_class.as_ref().is_some_and(|class| class.as_str() != "STANDARD"), "storage classes"),
    ];
    match unknown.iter().find(|(asked, _)| *asked) {
        Some((_, what)) => Err(s3_error!(NotImplemented, "A header you provided asks for {what}: not implemented")),
        None => Ok(()),
    }
}

fn precondition(input: &PutObjectInput) -> S3Result<Precondition> {
    match (&input.if_none_match, &input.if_match) {
        (None, None) => Ok(Precondition::None),
        (Some(ETagCondition::Any), None) => Ok(Precondition::Absent),
        (None, Some(ETagCondition::Any)) => Ok(Precondition::Present),
        (None, Some(ETagCondition::ETag(ETag::Strong(etag)))) => Ok(Precondition::Etag(etag.clone())),
        _ => Err(s3_error!(NotImplemented, "Of conditional writes, `If-None-Match: *` and `If-Match` are implemented")),
    }
}

fn trailer_checksums(headers: &HeaderMap) -> Vec<Algorithm> {
    let names = headers.get_all("x-amz-trailer").iter().filter_map(|value| value.to_str().ok());
    names.flat_map(|names| names.split(',')).filter_map(|name| Algorithm::from_header(name.trim())).collect()
}

/// A checksum that was promised in the trailer must have come in it.
fn announce_trailer(
    announced: &mut Announced,
    promised: &[Algorithm],
    trailing: Option<&TrailingHeaders>,
) -> S3Result<()> {
    let trailers = trailing.and_then(TrailingHeaders::take).unwrap_or_default();
    for algorithm in promised {
        let sum = trailers.get(algorithm.header()).and_then(|value| value.to_str().ok());
        let sum = sum.ok_or_else(|| s3_error!(InvalidRequest, "The trailer lacks {}", algorithm.header()))?;
        announced.checksums.insert(*algorithm, sum.to_owned());
    }
    Ok(())
}

fn kept_headers(input: PutObjectInput) -> S3Result<ObjectHeaders> {
    let metadata: BTreeMap<String, String> = input.metadata.into_iter().flatten().collect();
    check_metadata(&metadata)?;
    Ok(ObjectHeaders {
        content_type: input.content_type.filter(|value| !value.is_empty()),
        content_disposition: input.content_disposition,
        content_encoding: input.content_encoding.and_then(|value| without_aws_chunked(&value)),
        content_language: input.content_language,
        cache_control: input.cache_control,
        expires: input.expires.as_ref().map(http_date),
        metadata,
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

pub(crate) fn checksum_headers(object: &Object) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (algorithm, sum) in &object.headers.checksums {
        if let Ok(sum) = HeaderValue::from_str(sum) {
            headers.insert(HeaderName::from_static(algorithm.header()), sum);
        }
    }
    headers.insert("x-amz-checksum-type", HeaderValue::from_static("FULL_OBJECT"));
    headers
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
