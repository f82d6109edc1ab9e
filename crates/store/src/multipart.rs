//! Uploads in parts, in S3's words: begin, part, part by copy, complete, abort. The listings are in `multipart_lists.rs`.

use crate::assembly::{Expected, Named};
use crate::digest::{Algorithm, ChecksumKind, Checksums, Promise};
use crate::given;
use crate::incoming::{self, Saying};
use crate::key::ObjectKey;
use crate::limits;
use crate::upload::checksum_headers;
use crate::uploads::{Part, UploadId};
use crate::vault::{Address, Completion, Vault};
use http::header::HOST;
use http::{HeaderMap, HeaderName, StatusCode};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, ChecksumAlgorithm, ChecksumType,
    CompleteMultipartUploadInput, CompleteMultipartUploadOutput, CompletedPart, CreateMultipartUploadInput,
    CreateMultipartUploadOutput, ETag, UploadPartInput, UploadPartOutput,
};
use s3s::{S3Request, S3Response, S3Result, s3_error};
use std::sync::Arc;

const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/');

pub(crate) async fn create(
    vault: &Arc<Vault>,
    request: S3Request<CreateMultipartUploadInput>,
) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
    let S3Request { input, headers, .. } = request;
    given::no_unknown_promise(&headers)?;
    let promise = promise(input.checksum_algorithm.as_ref(), input.checksum_type.as_ref())?;
    let at = Address { bucket: input.bucket, key: ObjectKey::parse(input.key)? };
    let id = vault.begin_upload(at.clone(), given::kept_headers(&headers, input.metadata)?, promise).await?;
    Ok(S3Response::new(CreateMultipartUploadOutput {
        bucket: Some(at.bucket),
        key: Some(at.key.into_string()),
        upload_id: Some(id.as_str().to_owned()),
        checksum_algorithm: Some(ChecksumAlgorithm::from_static(promise.algorithm.name())),
        checksum_type: Some(ChecksumType::from_static(promise.kind.name())),
        ..CreateMultipartUploadOutput::default()
    }))
}

/// Without any wish CRC64NVME of the whole, as in S3.
fn promise(algorithm: Option<&ChecksumAlgorithm>, kind: Option<&ChecksumType>) -> S3Result<Promise> {
    use Algorithm::{Crc32, Crc32c, Crc64Nvme, Sha1, Sha256};
    use ChecksumKind::{Composite, FullObject};
    let algorithm = match algorithm {
        None if kind.is_some() => {
            return Err(s3_error!(InvalidRequest, "x-amz-checksum-type needs x-amz-checksum-algorithm"));
        }
        None => Crc64Nvme,
        Some(name) => Algorithm::from_name(name.as_str())
            .ok_or_else(|| s3_error!(InvalidRequest, "Checksum algorithm provided is unsupported."))?,
    };
    let kind = match (algorithm, kind.map(ChecksumType::as_str)) {
        (Crc64Nvme, None | Some("FULL_OBJECT")) | (Crc32 | Crc32c, Some("FULL_OBJECT")) => FullObject,
        (Crc32 | Crc32c | Sha1 | Sha256, None | Some("COMPOSITE")) => Composite,
        (_, Some(kind)) => {
            return Err(s3_error!(
                InvalidRequest,
                "The {kind} checksum type cannot be used with the {} checksum algorithm.",
                algorithm.name()
            ));
        }
    };
    Ok(Promise { algorithm, kind })
}

pub(crate) fn part_number(number: i32) -> S3Result<u16> {
    u16::try_from(number).ok().filter(|number| (1..=limits::PARTS).contains(number)).ok_or_else(|| {
        s3_error!(InvalidArgument, "Part number must be an integer between 1 and {}, inclusive", limits::PARTS)
    })
}

pub(crate) async fn put_part(
    vault: &Arc<Vault>,
    request: S3Request<UploadPartInput>,
) -> S3Result<S3Response<UploadPartOutput>> {
    let S3Request { mut input, headers, uri, trailing_headers, .. } = request;
    given::no_unknown_promise(&headers)?;
    let number = part_number(input.part_number)?;
    let at = Address { bucket: input.bucket, key: ObjectKey::parse(input.key)? };
    let id = UploadId::asked(input.upload_id);
    let upload = vault.upload(at.clone(), id.clone()).await?;
    let saying = Saying {
        headers: &headers,
        uri: &uri,
        trailing: trailing_headers.as_ref(),
        length: input.content_length,
        md5: input.content_md5.take(),
    };
    let wanted = [upload.promise.algorithm];
    let (received, announced) = incoming::take(vault, input.body.take(), saying, wanted).await?;
    let part = vault.put_part(at, id, number, received, announced).await?;
    let output = UploadPartOutput { e_tag: Some(ETag::Strong(part.piece.etag.clone())), ..UploadPartOutput::default() };
    Ok(S3Response::with_headers(output, part_headers(&part)))
}

fn part_headers(part: &Part) -> HeaderMap {
    let sums = part.piece.checksums.iter();
    sums.filter_map(|(algorithm, sum)| Some((HeaderName::from_static(algorithm.header()), sum.parse().ok()?))).collect()
}

pub(crate) async fn complete(
    vault: &Arc<Vault>,
    request: S3Request<CompleteMultipartUploadInput>,
) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
    let S3Request { input, headers, uri, .. } = request;
    let at = Address { bucket: input.bucket, key: ObjectKey::parse(input.key)? };
    let parts = input.multipart_upload.and_then(|upload| upload.parts).unwrap_or_default();
    if parts.len() > usize::from(limits::PARTS) {
        return Err(s3_error!(MalformedXML, "A completion names at most {} parts", limits::PARTS));
    }
    let size = input
        .mpu_object_size
        .map(|size| u64::try_from(size).map_err(|_| s3_error!(InvalidArgument, "x-amz-mp-object-size is negative")));
    let completion = Completion {
        named: parts.into_iter().map(named).collect::<S3Result<_>>()?,
        expected: Expected { size: size.transpose()?, checksums: incoming::in_head(&headers, &uri) },
        kind: input.checksum_type.as_ref().map(kind).transpose()?,
        precondition: given::precondition(input.if_none_match.as_ref(), input.if_match.as_ref())?,
    };
    let object = vault.complete_upload(at.clone(), UploadId::asked(input.upload_id), completion).await?;
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let host = host.or_else(|| uri.authority().map(http::uri::Authority::as_str)).unwrap_or_default();
    let location = format!("http://{host}/{}/{}", at.bucket, utf8_percent_encode(at.key.as_str(), PATH));
    let sum = |algorithm: Algorithm| object.headers.checksums.get(&algorithm).cloned();
    let output = CompleteMultipartUploadOutput {
        location: Some(location),
        e_tag: Some(ETag::Strong(object.etag.clone())),
        checksum_crc32: sum(Algorithm::Crc32),
        checksum_crc32c: sum(Algorithm::Crc32c),
        checksum_crc64nvme: sum(Algorithm::Crc64Nvme),
        checksum_sha1: sum(Algorithm::Sha1),
        checksum_sha256: sum(Algorithm::Sha256),
        checksum_type: Some(ChecksumType::from_static(object.headers.checksum_kind.name())),
        bucket: Some(at.bucket),
        key: Some(at.key.into_string()),
        ..CompleteMultipartUploadOutput::default()
    };
    Ok(S3Response::with_headers(output, checksum_headers(&object)))
}

fn kind(kind: &ChecksumType) -> S3Result<ChecksumKind> {
    match kind.as_str() {
        ChecksumType::COMPOSITE => Ok(ChecksumKind::Composite),
        ChecksumType::FULL_OBJECT => Ok(ChecksumKind::FullObject),
        _ => Err(s3_error!(InvalidRequest, "Value for x-amz-checksum-type header is invalid.")),
    }
}

fn named(part: CompletedPart) -> S3Result<Named> {
    let missing = |what: &str| s3_error!(MalformedXML, "A part of the completion lacks its {what}");
    let sums = [
        (Algorithm::Crc32, part.checksum_crc32),
        (Algorithm::Crc32c, part.checksum_crc32c),
        (Algorithm::Crc64Nvme, part.checksum_crc64nvme),
        (Algorithm::Sha1, part.checksum_sha1),
        (Algorithm::Sha256, part.checksum_sha256),
    ];
    Ok(Named {
        number: part_number(part.part_number.ok_or_else(|| missing("PartNumber"))?)?,
        etag: part.e_tag.ok_or_else(|| missing("ETag"))?.into_value(),
        checksums: sums.into_iter().filter_map(|(a, sum)| Some((a, sum?))).collect::<Checksums>(),
    })
}

pub(crate) async fn abort(
    vault: &Arc<Vault>,
    input: AbortMultipartUploadInput,
) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
    if input.if_match_initiated_time.is_some() {
        return Err(s3_error!(NotImplemented, "Conditional aborts are not implemented"));
    }
    let at = Address { bucket: input.bucket, key: ObjectKey::parse(input.key)? };
    vault.abort_upload(at, UploadId::asked(input.upload_id)).await?;
    Ok(S3Response::with_status(AbortMultipartUploadOutput::default(), StatusCode::NO_CONTENT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_checksum_an_upload_may_promise() {
        let ask = |algorithm: Option<&'static str>, kind: Option<&'static str>| {
            let (algorithm, kind) =
                (algorithm.map(ChecksumAlgorithm::from_static), kind.map(ChecksumType::from_static));
            promise(algorithm.as_ref(), kind.as_ref()).map(|p| (p.algorithm.name(), p.kind.name())).ok()
        };
        for (algorithm, kind, promised) in [
            (None, None, Some(("CRC64NVME", "FULL_OBJECT"))),
            (Some("CRC32"), None, Some(("CRC32", "COMPOSITE"))),
            (Some("CRC32"), Some("FULL_OBJECT"), Some(("CRC32", "FULL_OBJECT"))),
            (Some("SHA256"), None, Some(("SHA256", "COMPOSITE"))),
            (Some("SHA256"), Some("FULL_OBJECT"), None),
            (Some("CRC64NVME"), Some("COMPOSITE"), None),
            (Some("CRC64NVME"), None, Some(("CRC64NVME", "FULL_OBJECT"))),
            (Some("MD4"), None, None),
            (Some("CRC32"), Some("HALF"), None),
            (None, Some("COMPOSITE"), None),
        ] {
            assert_eq!(ask(algorithm, kind), promised, "{algorithm:?} {kind:?}");
        }
    }
}
