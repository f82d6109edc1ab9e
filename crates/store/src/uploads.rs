//! The rows of multipart uploads and their parts.

use crate::blobs::{BlobId, Freed};
use crate::buckets;
use crate::digest::Promise;
use crate::fault::Fault;
use crate::object::ObjectHeaders;
use crate::pieces::Piece;
use crate::vault::Address;
use rusqlite::{Connection, OptionalExtension as _, params};
use serde::de::DeserializeOwned;
use uuid::Uuid;

/// In the order of time, so that uploads of one key are listed in the order of their beginnings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UploadId(String);

impl UploadId {
    pub(crate) fn new(now_ms: u64) -> Self {
        let random = Uuid::new_v4().simple().to_string();
        Self(format!("{:012x}{}", now_ms & 0xffff_ffff_ffff, random.get(12..).unwrap_or_default()))
    }

    /// What a client says; it may name nothing.
    pub(crate) fn asked(text: String) -> Self {
        Self(text)
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Upload {
    pub(crate) headers: ObjectHeaders,
    pub(crate) promise: Promise,
    /// Once it is completed: what it became.
    pub(crate) content: Option<BlobId>,
}

/// A part, and when it came.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Part {
    pub(crate) piece: Piece,
    /// Seconds since 1970.
    pub(crate) modified: i64,
}

pub(crate) fn create(
    connection: &Connection,
    at: &Address,
    id: &UploadId,
    headers: &ObjectHeaders,
    promise: Promise,
    now: i64,
) -> Result<(), Fault> {
    let bucket = buckets::id(connection, &at.bucket)?;
    let headers = serde_json::to_string(headers).map_err(|_| Fault::Corrupt("upload headers"))?;
    let promise = serde_json::to_string(&promise).map_err(|_| Fault::Corrupt("upload promise"))?;
    connection
        .prepare_cached(
            "INSERT INTO upload (id, bucket, key, started, headers, promise) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![id.as_str(), bucket, at.key.as_bytes(), now, headers, promise])?;
    Ok(())
}

/// Completed ones as well.
pub(crate) fn find(connection: &Connection, at: &Address, id: &UploadId) -> Result<Upload, Fault> {
    let bucket = buckets::id(connection, &at.bucket)?;
    connection
        .prepare_cached("SELECT headers, promise, content FROM upload WHERE id = ?1 AND bucket = ?2 AND key = ?3")?
        .query_row(params![id.as_str(), bucket, at.key.as_bytes()], |row| {
            let content: Option<String> = row.get(2)?;
            Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, content))
        })
        .optional()?
        .map_or(Err(Fault::NoSuchUpload), |(headers, promise, content)| {
            Ok(Upload {
                headers: json(&headers)?,
                promise: json(&promise)?,
                content: content.map(|id| BlobId::parse(&id).ok_or(Fault::Corrupt("upload"))).transpose()?,
            })
        })
}

fn json<T: DeserializeOwned>(text: &str) -> Result<T, Fault> {
    serde_json::from_str(text).map_err(|_| Fault::Corrupt("upload"))
}

/// One that takes parts.
pub(crate) fn find_open(connection: &Connection, at: &Address, id: &UploadId) -> Result<Upload, Fault> {
    let upload = find(connection, at, id)?;
    if upload.content.is_none() { Ok(upload) } else { Err(Fault::NoSuchUpload) }
}

/// Behind the number `after`, at most `most` of them.
pub(crate) fn parts(connection: &Connection, id: &UploadId, after: u32, most: usize) -> Result<Vec<Part>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT number, blob, size, etag, checksums, modified FROM part WHERE upload = ?1 AND number > ?2
         ORDER BY number LIMIT ?3",
    )?;
    let mut rows = statement.query(params![id.as_str(), after, i64::try_from(most).unwrap_or(i64::MAX)])?;
    let mut parts = Vec::new();
    while let Some(row) = rows.next()? {
        parts.push(Part { piece: Piece::of(row)?, modified: row.get(5)? });
    }
    Ok(parts)
}

/// Gives the file of the part that it replaces.
pub(crate) fn put_part(connection: &Connection, id: &UploadId, part: &Part) -> Result<Option<Freed>, Fault> {
    let before: Option<String> = connection
        .prepare_cached("SELECT blob FROM part WHERE upload = ?1 AND number = ?2")?
        .query_row(params![id.as_str(), part.piece.number], |row| row.get(0))
        .optional()?;
    let Part { piece, modified } = part;
    let checksums = serde_json::to_string(&piece.checksums).map_err(|_| Fault::Corrupt("part checksums"))?;
    let size = i64::try_from(piece.size).map_err(|_| Fault::Corrupt("part size"))?;
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO part (upload, number, blob, size, etag, modified, checksums)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![id.as_str(), piece.number, piece.blob.name(), size, piece.etag, modified, checksums])?;
    before.map(|blob| Ok(Freed::file(BlobId::parse(&blob).ok_or(Fault::Corrupt("blob id"))?))).transpose()
}

/// The parts become pieces or go; the row stays, so that a repeated completion gets the same answer.
pub(crate) fn complete(connection: &Connection, id: &UploadId, content: BlobId) -> Result<(), Fault> {
    connection.prepare_cached("DELETE FROM part WHERE upload = ?1")?.execute([id.as_str()])?;
    connection
        .prepare_cached("UPDATE upload SET content = ?2 WHERE id = ?1")?
        .execute(params![id.as_str(), content.name()])?;
    Ok(())
}

/// Removes an upload with its parts. Gives their files.
pub(crate) fn remove(connection: &Connection, id: &UploadId) -> Result<Vec<Freed>, Fault> {
    let parts = parts(connection, id, 0, usize::MAX)?;
    connection.prepare_cached("DELETE FROM part WHERE upload = ?1")?.execute([id.as_str()])?;
    connection.prepare_cached("DELETE FROM upload WHERE id = ?1")?.execute([id.as_str()])?;
    Ok(parts.into_iter().map(|part| Freed::file(part.piece.blob)).collect())
}

/// All of a bucket that is about to go.
pub(crate) fn remove_all_of(connection: &Connection, bucket: i64) -> Result<Vec<Freed>, Fault> {
    let uploads = ids(connection, "SELECT id FROM upload WHERE bucket = ?1", [bucket])?;
    remove_each(connection, &uploads)
}

/// Some of those that began before `open_before`, or before `completed_before` where they are completed. Gives how many.
pub(crate) fn remove_some_old(
    connection: &Connection,
    open_before: i64,
    completed_before: i64,
) -> Result<(usize, Vec<Freed>), Fault> {
    let old: Vec<UploadId> = ids(
        connection,
        "SELECT id FROM upload WHERE started < CASE WHEN content IS NULL THEN ?1 ELSE ?2 END LIMIT 100",
        [open_before, completed_before],
    )?;
    Ok((old.len(), remove_each(connection, &old)?))
}

fn ids<P: rusqlite::Params>(connection: &Connection, select: &str, params: P) -> Result<Vec<UploadId>, Fault> {
    let mut statement = connection.prepare(select)?;
    let ids = statement.query_map(params, |row| row.get(0).map(UploadId))?.collect::<Result<_, _>>()?;
    Ok(ids)
}

fn remove_each(connection: &Connection, uploads: &[UploadId]) -> Result<Vec<Freed>, Fault> {
    let mut freed = Vec::new();
    for id in uploads {
        freed.append(&mut remove(connection, id)?);
    }
    Ok(freed)
}
