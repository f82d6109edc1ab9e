//! The rows of the pieces that an object's bytes are read from, where it came in parts.

use crate::blobs::{BlobId, Freed};
use crate::digest::Checksums;
use crate::fault::Fault;
use rusqlite::{Connection, Row, params};

/// One part of an upload, or what it became: a file, and what was found as it came in.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Piece {
    /// From 1.
    pub(crate) number: u16,
    pub(crate) blob: BlobId,
    pub(crate) size: u64,
    /// MD5 in hexadecimal, without quotes.
    pub(crate) etag: String,
    pub(crate) checksums: Checksums,
}

impl Piece {
    /// From a row of `number, blob, size, etag, checksums`.
    pub(crate) fn of(row: &Row<'_>) -> Result<Self, Fault> {
        let blob: String = row.get(1)?;
        let size: i64 = row.get(2)?;
        let checksums: String = row.get(4)?;
        Ok(Self {
            number: row.get(0)?,
            blob: BlobId::parse(&blob).ok_or(Fault::Corrupt("blob id"))?,
            size: u64::try_from(size).map_err(|_| Fault::Corrupt("piece size"))?,
            etag: row.get(3)?,
            checksums: serde_json::from_str(&checksums).map_err(|_| Fault::Corrupt("piece checksums"))?,
        })
    }
}

/// In the order of their numbers.
pub(crate) fn all(connection: &Connection, content: BlobId) -> Result<Vec<Piece>, Fault> {
    let mut statement = connection
        .prepare_cached("SELECT number, blob, size, etag, checksums FROM piece WHERE content = ?1 ORDER BY number")?;
    let mut rows = statement.query([content.name()])?;
    let mut pieces = Vec::new();
    while let Some(row) = rows.next()? {
        pieces.push(Piece::of(row)?);
    }
    Ok(pieces)
}

/// Numbers them anew, from 1.
pub(crate) fn insert(connection: &Connection, content: BlobId, pieces: &[Piece]) -> Result<(), Fault> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO piece (content, number, blob, size, etag, checksums) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    for (number, piece) in (1_i64..).zip(pieces) {
        let checksums = serde_json::to_string(&piece.checksums).map_err(|_| Fault::Corrupt("piece checksums"))?;
        let size = i64::try_from(piece.size).map_err(|_| Fault::Corrupt("piece size"))?;
        statement.execute(params![content.name(), number, piece.blob.name(), size, piece.etag, checksums])?;
    }
    Ok(())
}

/// Lets go of bytes that an object has just stopped naming. None where a copy still names them.
pub(crate) fn release(connection: &Connection, content: BlobId) -> Result<Option<Freed>, Fault> {
    let named: bool = connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM object WHERE blob = ?1)")?
        .query_row([content.name()], |row| row.get(0))?;
    if named {
        return Ok(None);
    }
    let pieces = all(connection, content)?;
    if pieces.is_empty() {
        return Ok(Some(Freed { content, files: vec![content] }));
    }
    connection.prepare_cached("DELETE FROM piece WHERE content = ?1")?.execute([content.name()])?;
    Ok(Some(Freed { content, files: pieces.into_iter().map(|piece| piece.blob).collect() }))
}

/// Whether anything names this file: an object, a piece of one, or a part of an upload.
pub(crate) fn names(connection: &Connection, blob: BlobId) -> Result<bool, Fault> {
    Ok(connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM object WHERE blob = ?1) OR EXISTS (SELECT 1 FROM piece WHERE blob = ?1)
             OR EXISTS (SELECT 1 FROM part WHERE blob = ?1)",
        )?
        .query_row([blob.name()], |row| row.get(0))?)
}
