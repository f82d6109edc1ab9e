//! The tags of an object, and whether there is one.

use crate::download::only_version;
use crate::key::ObjectKey;
use crate::object::Object;
use crate::tags::{self, Tags};
use crate::vault::{Address, Vault};
use s3s::S3Result;
use s3s::dto::{
    DeleteObjectTaggingInput, GetObjectTaggingInput, GetObjectTaggingOutput, PutObjectTaggingInput,
    PutObjectTaggingOutput,
};
use std::sync::Arc;

pub(crate) async fn find(vault: &Arc<Vault>, bucket: String, key: String, version: Option<&str>) -> S3Result<Object> {
    only_version(version)?;
    let (object, _) = vault.with_pieces(Address { bucket, key: ObjectKey::parse(key)? }).await?;
    Ok(object)
}

pub(crate) async fn get(vault: &Arc<Vault>, input: GetObjectTaggingInput) -> S3Result<GetObjectTaggingOutput> {
    let object = find(vault, input.bucket, input.key, input.version_id.as_deref()).await?;
    Ok(GetObjectTaggingOutput { tag_set: tags::to_set(&object.headers.tags), version_id: None })
}

pub(crate) async fn put(vault: &Arc<Vault>, input: PutObjectTaggingInput) -> S3Result<PutObjectTaggingOutput> {
    only_version(input.version_id.as_deref())?;
    let tags = tags::of_tagging(input.tagging)?;
    vault.set_tags(Address { bucket: input.bucket, key: ObjectKey::parse(input.key)? }, tags).await?;
    Ok(PutObjectTaggingOutput::default())
}

pub(crate) async fn delete(vault: &Arc<Vault>, input: DeleteObjectTaggingInput) -> S3Result<()> {
    only_version(input.version_id.as_deref())?;
    vault.set_tags(Address { bucket: input.bucket, key: ObjectKey::parse(input.key)? }, Tags::new()).await?;
    Ok(())
}
