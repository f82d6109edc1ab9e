//! `CopyObject` and `UploadPartCopy`. A copied object shares the bytes of its source; a copied part has its own, because its
//! `ETag` has to be computed from them anyway.

use crate::conditions::{Asked, Part};
use crate::digest::{Algorithm, Announced, Digests};
use crate::download::{self, timestamp};
use crate::given;
use crate::key::ObjectKey;
use crate::limits;
use crate::multipart::part_number;
use crate::object::Precondition;
use crate::uploads::UploadId;
use crate::vault::{Address, CopyTerms, Vault};
use http::header::{IF_MATCH, IF_NONE_MATCH};
use http::{HeaderMap, HeaderName};
use s3s::dto::{
    ChecksumType, CopyObjectInput, CopyObjectOutput, CopyObjectResult, CopyPartResult, CopySource, ETag, ETagCondition,
    UploadPartCopyInput, UploadPartCopyOutput,
};
use s3s::{S3Request, S3Response, S3Result, s3_error};
use std::sync::Arc;

pub(crate) async fn object(
    vault: &Arc<Vault>,
    request: S3Request<CopyObjectInput>,
) -> S3Result<S3Response<CopyObjectOutput>> {
    let S3Request { input, headers, .. } = request;
    given::no_unknown_promise(&headers)?;
    let from = source(&input.copy_source)?;
    let to = Address { bucket: input.bucket, key: ObjectKey::parse(input.key)? };
    let replace_headers = replaces(input.metadata_directive.as_ref().map(s3s::dto::MetadataDirective::as_str))?;
    let replace_tags = replaces(input.tagging_directive.as_ref().map(s3s::dto::TaggingDirective::as_str))?;
    if from == to && !replace_headers && !headers.contains_key("x-amz-storage-class") {
        return Err(s3_error!(
            InvalidRequest,
            "This copy request is illegal because it is trying to copy an object to itself without changing the \
             object's metadata, storage class, website redirect location or encryption attributes."
        ));
    }
    let given = given::kept_headers(&headers, input.metadata)?;
    let terms = CopyTerms {
        asked: Asked::of_copy_source(&headers),
        tags: replace_tags.then(|| given.tags.clone()),
        headers: replace_headers.then_some(given),
        precondition: precondition(&headers)?,
        checksum: input.checksum_algorithm.as_ref().and_then(|name| Algorithm::from_name(name.as_str())),
    };
    let object = vault.copy(from, to, terms).await?;
    let sum = |algorithm: Algorithm| object.headers.checksums.get(&algorithm).cloned();
    let result = CopyObjectResult {
        checksum_crc32: sum(Algorithm::Crc32),
        checksum_crc32c: sum(Algorithm::Crc32c),
        checksum_crc64nvme: sum(Algorithm::Crc64Nvme),
        checksum_sha1: sum(Algorithm::Sha1),
        checksum_sha256: sum(Algorithm::Sha256),
        checksum_type: Some(ChecksumType::from_static(object.headers.checksum_kind.name())),
        last_modified: timestamp(object.modified),
        e_tag: Some(ETag::Strong(object.etag)),
    };
    Ok(S3Response::new(CopyObjectOutput { copy_object_result: Some(result), ..CopyObjectOutput::default() }))
}

fn source(source: &CopySource) -> S3Result<Address> {
    let CopySource::Bucket { bucket, key, version_id } = source else {
        return Err(s3_error!(InvalidArgument, "The copy source is not BUCKET/KEY"));
    };
    download::only_version(version_id.as_deref())?;
    Ok(Address { bucket: bucket.to_string(), key: ObjectKey::parse(key.to_string())? })
}

fn replaces(directive: Option<&str>) -> S3Result<bool> {
    match directive {
        None | Some("COPY") => Ok(false),
        Some("REPLACE") => Ok(true),
        Some(_) => Err(s3_error!(InvalidArgument, "A directive is COPY or REPLACE")),
    }
}

/// `s3s` does not read these of a copy.
fn precondition(headers: &HeaderMap) -> S3Result<Precondition> {
    let condition = |name: HeaderName| {
        let parsed = headers.get(&name).map(|value| ETagCondition::parse_http_header(value.as_bytes()));
        parsed.transpose().map_err(|_| s3_error!(InvalidArgument, "{name} is not an entity tag"))
    };
    given::precondition(condition(IF_NONE_MATCH)?.as_ref(), condition(IF_MATCH)?.as_ref())
}

pub(crate) async fn part(
    vault: &Arc<Vault>,
    request: S3Request<UploadPartCopyInput>,
) -> S3Result<S3Response<UploadPartCopyOutput>> {
    let S3Request { input, headers, .. } = request;
    given::no_unknown_promise(&headers)?;
    let number = part_number(input.part_number)?;
    let from = source(&input.copy_source)?;
    let at = Address { bucket: input.bucket, key: ObjectKey::parse(input.key)? };
    let id = UploadId::asked(input.upload_id);
    let range = input.copy_source_range.as_deref().map(range).transpose()?;
    let upload = vault.upload(at.clone(), id.clone()).await?;
    let digests = Digests::of([upload.promise.algorithm]);
    let received = vault.draft_of(from, Asked::of_copy_source(&headers), range, digests).await?;
    let part = vault.put_part(at, id, number, received, Announced::default()).await?;
    let sum = |algorithm: Algorithm| part.piece.checksums.get(&algorithm).cloned();
    let result = CopyPartResult {
        checksum_crc32: sum(Algorithm::Crc32),
        checksum_crc32c: sum(Algorithm::Crc32c),
        checksum_crc64nvme: sum(Algorithm::Crc64Nvme),
        checksum_sha1: sum(Algorithm::Sha1),
        checksum_sha256: sum(Algorithm::Sha256),
        e_tag: Some(ETag::Strong(part.piece.etag.clone())),
        last_modified: timestamp(part.modified),
    };
    Ok(S3Response::new(UploadPartCopyOutput { copy_part_result: Some(result), ..UploadPartCopyOutput::default() }))
}

/// `bytes=FIRST-LAST`, both of them.
fn range(text: &str) -> S3Result<Part> {
    let number =
        |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<u64>().ok()).flatten();
    let parsed = text.strip_prefix("bytes=").and_then(|range| range.split_once('-'));
    match parsed.and_then(|(first, last)| Some((number(first)?, number(last)?))) {
        Some((first, last)) if first <= last && last < u64::MAX => Ok(Part { first, last }),
        _ => Err(s3_error!(
            InvalidArgument,
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the \
             zero-based offsets of the first and last bytes to copy"
        )),
    }
}

/// A part is at most as large as one that is uploaded.
pub(crate) fn fits(part: Part) -> bool {
    part.len() <= limits::OBJECT_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_a_source_are_strict() {
        assert_eq!(range("bytes=2-5").unwrap(), Part { first: 2, last: 5 });
        for text in
            ["bytes=5-2", "bytes=2-", "bytes=-2", "2-5", "bytes=a-b", "bytes=+1-2", "bytes=0-99999999999999999999"]
        {
            assert!(range(text).is_err(), "{text}");
        }
    }
}
