//! `ListObjects`, version 1 and 2: from S3's parameters to a page, and back to S3's words.

use crate::download::timestamp;
use crate::limits;
use crate::listing::{self, Entry, Page, Position, Wanted};
use crate::vault::Vault;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use s3s::dto::{
    CommonPrefix, ETag, EncodingType, ListObjectVersionsInput, ListObjectVersionsOutput, ListObjectsInput,
    ListObjectsOutput, ListObjectsV2Input, ListObjectsV2Output, Object, ObjectStorageClass, ObjectVersion,
    ObjectVersionStorageClass, Owner,
};
use s3s::{S3Result, s3_error};
use std::sync::Arc;

/// What `encoding-type=url` leaves as it is.
const PLAIN: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'*').remove(b'/').remove(b'~');

pub(crate) async fn v2(vault: &Arc<Vault>, input: ListObjectsV2Input) -> S3Result<ListObjectsV2Output> {
    let after = match (&input.continuation_token, &input.start_after) {
        (Some(token), _) => {
            listing::position(token).ok_or_else(|| s3_error!(InvalidArgument, "The continuation token is not ours"))?
        }
        (None, start_after) => behind(start_after.as_deref()),
    };
    let most = most(input.max_keys)?;
    let wanted = wanted(input.prefix.as_deref(), input.delimiter.as_deref(), after, most);
    let page = vault.list(input.bucket.clone(), wanted).await?;
    let text = Encoding::of(input.encoding_type.as_ref());
    let owner = input.fetch_owner.unwrap_or(false).then(owner);
    Ok(ListObjectsV2Output {
        key_count: i32::try_from(page.entries.len()).ok(),
        is_truncated: Some(page.next.is_some()),
        next_continuation_token: page.next.as_deref().map(listing::token),
        common_prefixes: prefixes(&page, text),
        contents: contents(page, text, owner.as_ref()),
        name: Some(input.bucket),
        prefix: Some(text.of_text(input.prefix.as_deref().unwrap_or_default())),
        delimiter: input.delimiter.as_deref().map(|delimiter| text.of_text(delimiter)),
        start_after: input.start_after.as_deref().map(|start| text.of_text(start)),
        max_keys: i32::try_from(most).ok(),
        continuation_token: input.continuation_token,
        encoding_type: input.encoding_type,
        ..ListObjectsV2Output::default()
    })
}

pub(crate) async fn v1(vault: &Arc<Vault>, input: ListObjectsInput) -> S3Result<ListObjectsOutput> {
    let most = most(input.max_keys)?;
    let wanted = wanted(input.prefix.as_deref(), input.delimiter.as_deref(), behind(input.marker.as_deref()), most);
    let page = vault.list(input.bucket.clone(), wanted).await?;
    let text = Encoding::of(input.encoding_type.as_ref());
    Ok(ListObjectsOutput {
        is_truncated: Some(page.next.is_some()),
        // Without a delimiter the last key is the marker, as in S3.
        next_marker: page.next.as_deref().filter(|_| input.delimiter.is_some()).map(|next| text.of_text(next)),
        common_prefixes: prefixes(&page, text),
        contents: contents(page, text, Some(&owner())),
        name: Some(input.bucket),
        prefix: Some(text.of_text(input.prefix.as_deref().unwrap_or_default())),
        marker: Some(text.of_text(input.marker.as_deref().unwrap_or_default())),
        delimiter: input.delimiter.as_deref().map(|delimiter| text.of_text(delimiter)),
        max_keys: i32::try_from(most).ok(),
        encoding_type: input.encoding_type,
        ..ListObjectsOutput::default()
    })
}

/// The one version of each object, which is called `null`.
pub(crate) async fn versions(vault: &Arc<Vault>, input: ListObjectVersionsInput) -> S3Result<ListObjectVersionsOutput> {
    let most = most(input.max_keys)?;
    let key_marker = input.key_marker.filter(|marker| !marker.is_empty());
    let version_marker = input.version_id_marker.filter(|marker| !marker.is_empty());
    if version_marker.is_some() && key_marker.is_none() {
        return Err(s3_error!(InvalidArgument, "A version-id marker cannot be specified without a key marker."));
    }
    let after = behind(key_marker.as_deref());
    let wanted = wanted(input.prefix.as_deref(), input.delimiter.as_deref(), after, most);
    let page = vault.list(input.bucket.clone(), wanted).await?;
    let text = Encoding::of(input.encoding_type.as_ref());
    let ends_with_object = matches!(page.entries.last(), Some(Entry::Object { .. }));
    let next = page.next.as_deref().map(|next| text.of_text(next));
    Ok(ListObjectVersionsOutput {
        is_truncated: Some(next.is_some()),
        next_version_id_marker: next.as_ref().filter(|_| ends_with_object).map(|_| "null".to_owned()),
        next_key_marker: next,
        common_prefixes: prefixes(&page, text),
        versions: contents(page, text, Some(&owner())).map(|objects| objects.into_iter().map(version).collect()),
        name: Some(input.bucket),
        prefix: Some(text.of_text(input.prefix.as_deref().unwrap_or_default())),
        key_marker: Some(text.of_text(key_marker.as_deref().unwrap_or_default())),
        version_id_marker: Some(version_marker.unwrap_or_default()),
        delimiter: input.delimiter.as_deref().map(|delimiter| text.of_text(delimiter)),
        max_keys: i32::try_from(most).ok(),
        encoding_type: input.encoding_type,
        ..ListObjectVersionsOutput::default()
    })
}

fn version(object: Object) -> ObjectVersion {
    ObjectVersion {
        key: object.key,
        size: object.size,
        e_tag: object.e_tag,
        last_modified: object.last_modified,
        owner: object.owner,
        is_latest: Some(true),
        version_id: Some("null".to_owned()),
        storage_class: Some(ObjectVersionStorageClass::from_static(ObjectVersionStorageClass::STANDARD)),
        ..ObjectVersion::default()
    }
}

pub(crate) fn behind(text: Option<&str>) -> Position {
    text.filter(|text| !text.is_empty()).map_or(Position::Start, |text| Position::Behind(text.to_owned()))
}

pub(crate) fn most(max_keys: Option<i32>) -> S3Result<usize> {
    let most = usize::try_from(max_keys.unwrap_or(i32::MAX))
        .map_err(|_| s3_error!(InvalidArgument, "max-keys is negative"))?;
    Ok(most.min(limits::LIST_PAGE))
}

pub(crate) fn wanted(prefix: Option<&str>, delimiter: Option<&str>, after: Position, most: usize) -> Wanted {
    Wanted {
        prefix: prefix.unwrap_or_default().to_owned(),
        delimiter: delimiter.filter(|delimiter| !delimiter.is_empty()).map(str::to_owned),
        after,
        most,
    }
}

#[derive(Clone, Copy)]
pub(crate) enum Encoding {
    Plain,
    Url,
}

impl Encoding {
    pub(crate) fn of(asked: Option<&EncodingType>) -> Self {
        if asked.is_some_and(|asked| asked.as_str() == EncodingType::URL) { Self::Url } else { Self::Plain }
    }

    pub(crate) fn of_text(self, text: &str) -> String {
        match self {
            Self::Plain => text.to_owned(),
            Self::Url => utf8_percent_encode(text, PLAIN).to_string(),
        }
    }
}

fn prefixes(page: &Page, text: Encoding) -> Option<Vec<CommonPrefix>> {
    let prefixes: Vec<CommonPrefix> = page
        .entries
        .iter()
        .filter_map(|entry| match entry {
            Entry::CommonPrefix(prefix) => Some(CommonPrefix { prefix: Some(text.of_text(prefix)) }),
            Entry::Object { .. } => None,
        })
        .collect();
    (!prefixes.is_empty()).then_some(prefixes)
}

fn contents(page: Page, text: Encoding, owner: Option<&Owner>) -> Option<Vec<Object>> {
    let objects: Vec<Object> = page
        .entries
        .into_iter()
        .filter_map(|entry| match entry {
            Entry::CommonPrefix(_) => None,
            Entry::Object { key, size, etag, modified } => Some(Object {
                key: Some(text.of_text(&key)),
                size: Some(size),
                e_tag: Some(ETag::Strong(etag)),
                last_modified: timestamp(modified),
                storage_class: Some(ObjectStorageClass::from_static(ObjectStorageClass::STANDARD)),
                owner: owner.cloned(),
                ..Object::default()
            }),
        })
        .collect();
    (!objects.is_empty()).then_some(objects)
}

pub(crate) fn owner() -> Owner {
    Owner { id: Some("edgepass".to_owned()), display_name: Some("edgepass".to_owned()) }
}
