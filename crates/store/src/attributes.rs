//! `GetObjectAttributes`.

use crate::digest::{Algorithm, Checksums};
use crate::download::{only_version, timestamp};
use crate::key::ObjectKey;
use crate::list_answer;
use crate::object::Object;
use crate::pieces::Piece;
use crate::vault::{Address, Vault};
use s3s::dto::{
    Checksum, ChecksumType, ETag, GetObjectAttributesInput, GetObjectAttributesOutput, GetObjectAttributesParts,
    ObjectAttributes, ObjectPart, StorageClass,
};
use s3s::{S3Result, s3_error};
use std::sync::Arc;

pub(crate) async fn get(vault: &Arc<Vault>, input: GetObjectAttributesInput) -> S3Result<GetObjectAttributesOutput> {
    only_version(input.version_id.as_deref())?;
    let known = [
        ObjectAttributes::ETAG,
        ObjectAttributes::CHECKSUM,
        ObjectAttributes::OBJECT_PARTS,
        ObjectAttributes::STORAGE_CLASS,
        ObjectAttributes::OBJECT_SIZE,
    ];
    // `s3s` leaves a list as it stands in the header.
    let asked: Vec<&str> =
        input.object_attributes.iter().flat_map(|names| names.as_str().split(',')).map(str::trim).collect();
    if let Some(unknown) = asked.iter().find(|name| !known.contains(name)) {
        return Err(s3_error!(InvalidArgument, "Invalid attribute name specified: {unknown}"));
    }
    let wants = |name: &str| asked.contains(&name);
    let most = list_answer::most(input.max_parts)?;
    let after = u16::try_from(input.part_number_marker.unwrap_or(0).max(0)).unwrap_or(u16::MAX);
    let at = Address { bucket: input.bucket, key: ObjectKey::parse(input.key)? };
    let (object, pieces) = vault.with_pieces(at).await?;
    let parts = (wants(ObjectAttributes::OBJECT_PARTS) && object.parts > 0).then(|| parts(&pieces, after, most));
    Ok(GetObjectAttributesOutput {
        checksum: wants(ObjectAttributes::CHECKSUM).then(|| checksum(&object)),
        e_tag: wants(ObjectAttributes::ETAG).then(|| ETag::Strong(object.etag.clone())),
        last_modified: timestamp(object.modified),
        object_parts: parts,
        object_size: wants(ObjectAttributes::OBJECT_SIZE).then(|| i64::try_from(object.size).ok()).flatten(),
        storage_class: wants(ObjectAttributes::STORAGE_CLASS)
            .then(|| StorageClass::from_static(StorageClass::STANDARD)),
        ..GetObjectAttributesOutput::default()
    })
}

fn checksum(object: &Object) -> Checksum {
    let sum = of(&object.headers.checksums);
    Checksum {
        checksum_crc32: sum(Algorithm::Crc32),
        checksum_crc32c: sum(Algorithm::Crc32c),
        checksum_crc64nvme: sum(Algorithm::Crc64Nvme),
        checksum_sha1: sum(Algorithm::Sha1),
        checksum_sha256: sum(Algorithm::Sha256),
        checksum_type: Some(ChecksumType::from_static(object.headers.checksum_kind.name())),
    }
}

fn parts(pieces: &[Piece], after: u16, most: usize) -> GetObjectAttributesParts {
    let behind: Vec<&Piece> = pieces.iter().filter(|piece| piece.number > after).collect();
    let shown = behind.iter().take(most);
    let last = shown.clone().next_back().map_or(0, |piece| i32::from(piece.number));
    GetObjectAttributesParts {
        is_truncated: Some(behind.len() > most),
        max_parts: i32::try_from(most).ok(),
        next_part_number_marker: Some(last),
        part_number_marker: Some(i32::from(after)),
        total_parts_count: i32::try_from(pieces.len()).ok(),
        parts: Some(shown.map(|piece| part(piece)).collect()),
    }
}

fn part(piece: &Piece) -> ObjectPart {
    let sum = of(&piece.checksums);
    ObjectPart {
        checksum_crc32: sum(Algorithm::Crc32),
        checksum_crc32c: sum(Algorithm::Crc32c),
        checksum_crc64nvme: sum(Algorithm::Crc64Nvme),
        checksum_sha1: sum(Algorithm::Sha1),
        checksum_sha256: sum(Algorithm::Sha256),
        part_number: Some(i32::from(piece.number)),
        size: i64::try_from(piece.size).ok(),
    }
}

fn of(sums: &Checksums) -> impl Fn(Algorithm) -> Option<String> {
    move |algorithm| sums.get(&algorithm).cloned()
}
