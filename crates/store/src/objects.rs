//! The rows of objects.

use crate::blobs::{BlobId, Freed};
use crate::buckets;
use crate::fault::Fault;
use crate::key::ObjectKey;
use crate::object::{Object, Precondition};
use crate::pieces;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

pub(crate) fn find(connection: &Connection, bucket: &str, key: &ObjectKey) -> Result<Object, Fault> {
    let bucket = buckets::id(connection, bucket)?;
    find_in(connection, bucket, key)?.ok_or(Fault::NoSuchKey)
}

/// Puts the object there, if the precondition holds. Gives the bytes that nothing names any more.
pub(crate) fn put(
    connection: &Connection,
    bucket: &str,
    key: &ObjectKey,
    object: &Object,
    precondition: &Precondition,
) -> Result<Option<Freed>, Fault> {
    let bucket = buckets::id(connection, bucket)?;
    let before = find_in(connection, bucket, key)?;
    precondition.check(before.as_ref())?;
    let headers = serde_json::to_string(&object.headers).map_err(|_| Fault::Corrupt("object headers"))?;
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO object (bucket, key, blob, size, etag, modified, headers, parts)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            bucket,
            key.as_bytes(),
            object.content.name(),
            i64::try_from(object.size).map_err(|_| Fault::Corrupt("object size"))?,
            object.etag,
            object.modified,
            headers,
            object.parts
        ])?;
    before.map_or(Ok(None), |before| pieces::release(connection, before.content))
}

/// Removes the object, if there is one and the precondition holds. Gives the bytes that nothing names any more.
pub(crate) fn delete(
    connection: &Connection,
    bucket: &str,
    key: &ObjectKey,
    precondition: &Precondition,
) -> Result<Option<Freed>, Fault> {
    let bucket = buckets::id(connection, bucket)?;
    let before = find_in(connection, bucket, key)?;
    precondition.check(before.as_ref())?;
    connection
        .prepare_cached("DELETE FROM object WHERE bucket = ?1 AND key = ?2")?
        .execute(params![bucket, key.as_bytes()])?;
    before.map_or(Ok(None), |before| pieces::release(connection, before.content))
}

fn find_in(connection: &Connection, bucket: i64, key: &ObjectKey) -> Result<Option<Object>, Fault> {
    connection
        .prepare_cached("SELECT blob, size, etag, modified, headers, parts FROM object WHERE bucket = ?1 AND key = ?2")?
        .query_row(params![bucket, key.as_bytes()], |row| Ok(object(row)))
        .optional()?
        .transpose()
}

fn object(row: &Row<'_>) -> Result<Object, Fault> {
    let blob: String = row.get(0)?;
    let size: i64 = row.get(1)?;
    let headers: String = row.get(4)?;
    Ok(Object {
        content: BlobId::parse(&blob).ok_or(Fault::Corrupt("blob id"))?,
        size: u64::try_from(size).map_err(|_| Fault::Corrupt("object size"))?,
        etag: row.get(2)?,
        modified: row.get(3)?,
        headers: serde_json::from_str(&headers).map_err(|_| Fault::Corrupt("object headers"))?,
        parts: row.get(5)?,
    })
}
