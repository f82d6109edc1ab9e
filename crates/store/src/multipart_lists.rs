//! `ListParts` and `ListMultipartUploads`, in S3's words.

use crate::digest::Algorithm;
use crate::download::timestamp;
use crate::key::ObjectKey;
use crate::list_answer::{self, Encoding, owner};
use crate::listing::Position;
use crate::uploads::{Part, UploadId};
use crate::vault::{Address, Vault};
use s3s::dto::{
    ChecksumAlgorithm, ChecksumType, CommonPrefix, ETag, Initiator, ListMultipartUploadsInput,
    ListMultipartUploadsOutput, ListPartsInput, ListPartsOutput, MultipartUpload, StorageClass,
};
use s3s::{S3Result, s3_error};
use std::sync::Arc;

pub(crate) async fn parts(vault: &Arc<Vault>, input: ListPartsInput) -> S3Result<ListPartsOutput> {
    let most = list_answer::most(input.max_parts)?;
    let after = u32::try_from(input.part_number_marker.unwrap_or(0))
        .map_err(|_| s3_error!(InvalidArgument, "part-number-marker is negative"))?;
    let at = Address { bucket: input.bucket.clone(), key: ObjectKey::parse(input.key.clone())? };
    let id = UploadId::asked(input.upload_id.clone());
    let (upload, mut parts) = vault.parts(at, id, after, most.saturating_add(1)).await?;
    let truncated = parts.len() > most;
    parts.truncate(most);
    let last = parts.last().map(|part| i32::from(part.piece.number));
    Ok(ListPartsOutput {
        bucket: Some(input.bucket),
        key: Some(input.key),
        upload_id: Some(input.upload_id),
        part_number_marker: Some(input.part_number_marker.unwrap_or(0)),
        next_part_number_marker: Some(last.unwrap_or(0)),
        max_parts: i32::try_from(most).ok(),
        is_truncated: Some(truncated),
        parts: Some(parts.into_iter().map(part).collect()),
        initiator: Some(initiator()),
        owner: Some(owner()),
        storage_class: Some(StorageClass::from_static(StorageClass::STANDARD)),
        checksum_algorithm: Some(ChecksumAlgorithm::from_static(upload.promise.algorithm.name())),
        checksum_type: Some(ChecksumType::from_static(upload.promise.kind.name())),
        ..ListPartsOutput::default()
    })
}

fn part(part: Part) -> s3s::dto::Part {
    let piece = part.piece;
    let sum = |algorithm: Algorithm| piece.checksums.get(&algorithm).cloned();
    s3s::dto::Part {
        checksum_crc32: sum(Algorithm::Crc32),
        checksum_crc32c: sum(Algorithm::Crc32c),
        checksum_crc64nvme: sum(Algorithm::Crc64Nvme),
        checksum_sha1: sum(Algorithm::Sha1),
        checksum_sha256: sum(Algorithm::Sha256),
        e_tag: Some(ETag::Strong(piece.etag)),
        last_modified: timestamp(part.modified),
        part_number: Some(i32::from(piece.number)),
        size: i64::try_from(piece.size).ok(),
    }
}

fn initiator() -> Initiator {
    let owner = owner();
    Initiator { id: owner.id, display_name: owner.display_name }
}

pub(crate) async fn uploads(
    vault: &Arc<Vault>,
    input: ListMultipartUploadsInput,
) -> S3Result<ListMultipartUploadsOutput> {
    let most = list_answer::most(input.max_uploads)?;
    let after = list_answer::behind(input.key_marker.as_deref());
    // S3 ignores this marker without the other.
    let after_id = input.upload_id_marker.clone().filter(|id| !id.is_empty() && after != Position::Start);
    let wanted = list_answer::wanted(input.prefix.as_deref(), input.delimiter.as_deref(), after, most);
    let page = vault.list_uploads(input.bucket.clone(), wanted, after_id.map(UploadId::asked)).await?;
    let text = Encoding::of(input.encoding_type.as_ref());
    let (next_key, next_id) = page.next.map_or((None, None), |(key, id)| (Some(key), Some(id)));
    let uploads = page.uploads.into_iter().map(|upload| MultipartUpload {
        key: Some(text.of_text(&upload.key)),
        upload_id: Some(upload.id.as_str().to_owned()),
        initiated: timestamp(upload.started),
        initiator: Some(initiator()),
        owner: Some(owner()),
        storage_class: Some(StorageClass::from_static(StorageClass::STANDARD)),
        checksum_algorithm: Some(ChecksumAlgorithm::from_static(upload.promise.algorithm.name())),
        checksum_type: Some(ChecksumType::from_static(upload.promise.kind.name())),
    });
    let prefixes = page.common_prefixes.iter();
    Ok(ListMultipartUploadsOutput {
        uploads: Some(uploads.collect()),
        common_prefixes: Some(prefixes.map(|prefix| CommonPrefix { prefix: Some(text.of_text(prefix)) }).collect()),
        bucket: Some(input.bucket),
        prefix: Some(text.of_text(input.prefix.as_deref().unwrap_or_default())),
        delimiter: input.delimiter.as_deref().map(|delimiter| text.of_text(delimiter)),
        key_marker: Some(text.of_text(input.key_marker.as_deref().unwrap_or_default())),
        upload_id_marker: Some(input.upload_id_marker.unwrap_or_default()),
        is_truncated: Some(next_key.is_some()),
        next_key_marker: next_key.map(|key| text.of_text(&key)),
        next_upload_id_marker: next_id.map(|id| id.map_or_else(String::new, |id| id.as_str().to_owned())),
        max_uploads: i32::try_from(most).ok(),
        encoding_type: input.encoding_type,
        ..ListMultipartUploadsOutput::default()
    })
}
