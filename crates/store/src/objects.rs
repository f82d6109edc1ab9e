//! The rows of objects.

use crate::blobs::BlobId;
use crate::buckets;
use crate::fault::Fault;
use crate::key::ObjectKey;
use crate::object::{Object, Precondition};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

pub(crate) fn find(connection: &Connection, bucket: &str, key: &ObjectKey) -> Result<Object, Fault> {
    let bucket = buckets::id(connection, bucket)?;
    find_in(connection, bucket, key)?.ok_or(Fault::NoSuchKey)
}

/// Puts the object there, if the precondition holds. Gives the blob that it replaces.
pub(crate) fn put(
    connection: &Connection,
    bucket: &str,
    key: &ObjectKey,
    object: &Object,
    precondition: &Precondition,
) -> Result<Option<BlobId>, Fault> {
    let bucket = buckets::id(connection, bucket)?;
    let before = find_in(connection, bucket, key)?;
    match (precondition, &before) {
        (Precondition::None, _) | (Precondition::Absent, None) | (Precondition::Present, Some(_)) => {}
        (Precondition::Etag(wanted), Some(there)) if *wanted == there.etag => {}
        (Precondition::Etag(_) | Precondition::Present, None) => return Err(Fault::NoSuchKey),
        (Precondition::Etag(_) | Precondition::Absent, Some(_)) => return Err(Fault::PreconditionFailed),
    }
    let headers = serde_json::to_string(&object.headers).map_err(|_| Fault::Corrupt("object headers"))?;
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO object (bucket, key, blob, size, etag, modified, headers)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            bucket,
            key.as_bytes(),
            object.blob.name(),
            i64::try_from(object.size).map_err(|_| Fault::Corrupt("object size"))?,
            object.etag,
            object.modified,
            headers
        ])?;
    Ok(before.map(|object| object.blob))
}

/// Removes the object, if there is one. Gives its blob.
pub(crate) fn delete(connection: &Connection, bucket: &str, key: &ObjectKey) -> Result<Option<BlobId>, Fault> {
    let bucket = buckets::id(connection, bucket)?;
    let before = find_in(connection, bucket, key)?;
    connection
        .prepare_cached("DELETE FROM object WHERE bucket = ?1 AND key = ?2")?
        .execute(params![bucket, key.as_bytes()])?;
    Ok(before.map(|object| object.blob))
}

pub(crate) fn names(connection: &Connection, blob: BlobId) -> Result<bool, Fault> {
    Ok(connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM object WHERE blob = ?1)")?
        .query_row([blob.name()], |row| row.get(0))?)
}

fn find_in(connection: &Connection, bucket: i64, key: &ObjectKey) -> Result<Option<Object>, Fault> {
    connection
        .prepare_cached("SELECT blob, size, etag, modified, headers FROM object WHERE bucket = ?1 AND key = ?2")?
        .query_row(params![bucket, key.as_bytes()], |row| Ok(object(row)))
        .optional()?
        .transpose()
}

fn object(row: &Row<'_>) -> Result<Object, Fault> {
    let blob: String = row.get(0)?;
    let size: i64 = row.get(1)?;
    let headers: String = row.get(4)?;
    Ok(Object {
        blob: BlobId::parse(&blob).ok_or(Fault::Corrupt("blob id"))?,
        size: u64::try_from(size).map_err(|_| Fault::Corrupt("object size"))?,
        etag: row.get(2)?,
        modified: row.get(3)?,
        headers: serde_json::from_str(&headers).map_err(|_| Fault::Corrupt("object headers"))?,
    })
}
