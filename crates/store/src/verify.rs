//! `verify`: reads everything and says what is not as the index says. Changes nothing; a store may run on the directory
//! meanwhile, and what comes or goes while it is looked at is no fault.

use crate::assembly;
use crate::blobs::{BlobId, Blobs};
use crate::digest::{Algorithm, Checksums, Digests};
use crate::fault::Fault;
use crate::index::SCHEMA;
use crate::limits;
use crate::object::ObjectHeaders;
use crate::pieces::{self, Piece};
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, params};
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::time::Duration;

/// What `verify` found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    pub objects: u64,
    /// Of uploads under way.
    pub parts: u64,
    pub bytes: u64,
    pub faults: u64,
}

/// How far it is, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    pub done: u64,
    pub of: u64,
}

#[derive(Debug)]
pub enum VerifyError {
    /// No store, or of another release: a start of the store brings an older one up to date.
    Version {
        found: i64,
    },
    Failed(String),
}

impl std::fmt::Display for VerifyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Version { found } => write!(f, "the index has version {found}, this release reads {SCHEMA}"),
            Self::Failed(reason) => f.write_str(reason),
        }
    }
}

impl std::error::Error for VerifyError {}

impl From<Fault> for VerifyError {
    fn from(fault: Fault) -> Self {
        Self::Failed(format!("{fault:?}"))
    }
}

impl From<rusqlite::Error> for VerifyError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<io::Error> for VerifyError {
    fn from(error: io::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

/// Each fault is told as it is found, in one line.
pub fn verify(
    dir: &Path,
    tell: &mut dyn FnMut(&str),
    progress: &mut dyn FnMut(Progress),
) -> Result<Verified, VerifyError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let index = Connection::open_with_flags(dir.join("index.sqlite"), flags)?;
    index.busy_timeout(Duration::from_secs(10))?;
    let found: i64 = index.query_row("SELECT coalesce(max(version), 0) FROM migration", [], |row| row.get(0))?;
    if found != SCHEMA {
        return Err(VerifyError::Version { found });
    }
    // Before any row is read: a file that is there now and gets its row meanwhile is found named.
    let files = Blobs::files(dir)?;
    let of: i64 = index.query_row(
        "SELECT (SELECT coalesce(sum(size), 0) FROM object) + (SELECT coalesce(sum(size), 0) FROM part)",
        [],
        |row| row.get(0),
    )?;
    let progress = &mut |done| progress(Progress { done, of: u64::try_from(of).unwrap_or_default() });
    let mut look = Look { dir, index, tell, progress, seen: Verified::default() };
    look.database()?;
    look.objects()?;
    look.parts()?;
    look.orphans(&files)?;
    Ok(look.seen)
}

struct Look<'l> {
    dir: &'l Path,
    index: Connection,
    tell: &'l mut dyn FnMut(&str),
    progress: &'l mut dyn FnMut(u64),
    seen: Verified,
}

/// A row of an object, and where it stands in the order of the look.
struct Row {
    place: (String, i64, Vec<u8>),
    size: u64,
    etag: String,
    headers: String,
    parts: u16,
}

impl Look<'_> {
    fn fault(&mut self, text: &str) {
        self.seen.faults = self.seen.faults.saturating_add(1);
        (self.tell)(text);
    }

    fn database(&mut self) -> Result<(), VerifyError> {
        let mut lines: Vec<String> = Vec::new();
        for pragma in ["PRAGMA integrity_check", "PRAGMA foreign_key_check"] {
            let mut statement = self.index.prepare(pragma)?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                lines.push(row.get::<_, String>(0)?);
            }
        }
        for line in lines.iter().filter(|line| *line != "ok") {
            self.fault(&format!("index: {line}"));
        }
        Ok(())
    }

    /// In the order of their bytes' names: copies stand together, and their bytes are read once.
    fn objects(&mut self) -> Result<(), VerifyError> {
        let mut after = (String::new(), 0, Vec::new());
        let mut last = String::new();
        loop {
            let rows = self.some_objects(&after)?;
            if rows.is_empty() {
                return Ok(());
            }
            for row in rows {
                self.seen.objects = self.seen.objects.saturating_add(1);
                if row.place.0 != last {
                    self.object(&row)?;
                }
                self.seen.bytes = self.seen.bytes.saturating_add(row.size);
                (self.progress)(self.seen.bytes);
                last.clone_from(&row.place.0);
                after = row.place;
            }
        }
    }

    /// A few at a time, so that a running store can tidy its log between two looks.
    fn some_objects(&self, after: &(String, i64, Vec<u8>)) -> Result<Vec<Row>, VerifyError> {
        let mut statement = self.index.prepare_cached(
            "SELECT blob, bucket, key, size, etag, headers, parts FROM object
             WHERE (blob, bucket, key) > (?1, ?2, ?3) ORDER BY blob, bucket, key LIMIT 100",
        )?;
        let rows = statement.query_map(params![after.0, after.1, after.2], |row| {
            let size: i64 = row.get(3)?;
            let place = (row.get(0)?, row.get(1)?, row.get(2)?);
            let size = u64::try_from(size).unwrap_or_default();
            Ok(Row { place, size, etag: row.get(4)?, headers: row.get(5)?, parts: row.get(6)? })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn object(&mut self, row: &Row) -> Result<(), VerifyError> {
        let name = self.name(row.place.1, &row.place.2)?;
        let Some(content) = BlobId::parse(&row.place.0) else {
            self.fault(&format!("{name}: its bytes have no name"));
            return Ok(());
        };
        let Ok(headers) = serde_json::from_str::<ObjectHeaders>(&row.headers) else {
            self.fault(&format!("{name}: its headers do not read"));
            return Ok(());
        };
        let mut wrong = Vec::new();
        if row.parts == 0 {
            wrong.extend(self.file(content, row.size, &row.etag, &headers.checksums)?);
        } else {
            let pieces = pieces::all(&self.index, content)?;
            wrong.extend(pieces_wrong(row, &pieces));
            for piece in &pieces {
                let found = self.file(piece.blob, piece.size, &piece.etag, &piece.checksums)?;
                wrong.extend(found.into_iter().map(|wrong| format!("part {}: {wrong}", piece.number)));
            }
        }
        let (blob, bucket, key) = &row.place;
        let there = "SELECT 1 FROM object WHERE bucket = ?1 AND key = ?2 AND blob = ?3";
        if !wrong.is_empty() && self.index.prepare_cached(there)?.exists(params![bucket, key, blob])? {
            for wrong in wrong {
                self.fault(&format!("{name}: {wrong}"));
            }
        }
        Ok(())
    }

    fn name(&self, bucket: i64, key: &[u8]) -> Result<String, VerifyError> {
        let select = "SELECT name FROM bucket WHERE id = ?1";
        let bucket: Option<String> = self.index.query_row(select, [bucket], |row| row.get(0)).optional()?;
        // A key may hold anything, and this is a line.
        let key = String::from_utf8_lossy(key).escape_debug().to_string();
        Ok(format!("{}/{key}", bucket.unwrap_or_else(|| "(no bucket)".to_owned())))
    }

    fn parts(&mut self) -> Result<(), VerifyError> {
        let mut after = (String::new(), 0_u16);
        loop {
            let parts = self.some_parts(&after)?;
            if parts.is_empty() {
                return Ok(());
            }
            for (upload, piece) in parts {
                self.seen.parts = self.seen.parts.saturating_add(1);
                let wrong = self.file(piece.blob, piece.size, &piece.etag, &piece.checksums)?;
                let named = wrong.is_some() && pieces::names(&self.index, piece.blob)?;
                if let Some(wrong) = wrong.filter(|_| named) {
                    self.fault(&format!("upload {upload}, part {}: {wrong}", piece.number));
                }
                self.seen.bytes = self.seen.bytes.saturating_add(piece.size);
                (self.progress)(self.seen.bytes);
                after = (upload, piece.number);
            }
        }
    }

    fn some_parts(&self, after: &(String, u16)) -> Result<Vec<(String, Piece)>, VerifyError> {
        let mut statement = self.index.prepare_cached(
            "SELECT number, blob, size, etag, checksums, upload FROM part
             WHERE (upload, number) > (?1, ?2) ORDER BY upload, number LIMIT 100",
        )?;
        let mut rows = statement.query(params![after.0, after.1])?;
        let mut parts = Vec::new();
        while let Some(row) = rows.next()? {
            parts.push((row.get(5)?, Piece::of(row)?));
        }
        Ok(parts)
    }

    /// What is wrong with a file, if anything.
    fn file(&self, blob: BlobId, size: u64, md5: &str, checksums: &Checksums) -> Result<Option<String>, VerifyError> {
        let path = Blobs::path_in(self.dir, blob);
        let shown = path.strip_prefix(self.dir).unwrap_or(&path).display().to_string();
        let mut file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Some(format!("{shown} is missing"))),
            other => other?,
        };
        let found = file.metadata()?.len();
        if found != size {
            return Ok(Some(format!("{shown} has {found} bytes, not {size}")));
        }
        // Of a copy with a checksum of its own, or of CRC64NVME alone: at least the MD5.
        let mut digests = Digests::of(checksums.keys().copied().chain([Algorithm::Crc64Nvme]));
        let mut chunk = vec![0; limits::CHUNK_BYTES];
        loop {
            let length = match file.read(&mut chunk) {
                Ok(0) => break,
                Ok(length) => length,
                Err(error) => return Ok(Some(format!("{shown} does not read: {error}"))),
            };
            digests.update(chunk.get(..length).unwrap_or_default());
        }
        let digested = digests.finish();
        if digested.etag() != md5 {
            return Ok(Some(format!("{shown} has other bytes: their MD5 is {}, not {md5}", digested.etag())));
        }
        let differs = checksums.iter().find(|(algorithm, sum)| digested.checksums.get(algorithm) != Some(sum));
        Ok(differs.map(|(algorithm, _)| format!("{shown} has another {} than the index says", algorithm.name())))
    }

    fn orphans(&mut self, files: &[BlobId]) -> Result<(), VerifyError> {
        for file in files {
            // It may have gone since: then its row went too.
            if !pieces::names(&self.index, *file)? && Blobs::path_in(self.dir, *file).exists() {
                let name = file.name();
                self.fault(&format!("blob {name}: nothing names it; the next start of the store removes it"));
            }
        }
        Ok(())
    }
}

fn pieces_wrong(row: &Row, pieces: &[Piece]) -> Option<String> {
    let size = pieces.iter().fold(0_u64, |size, piece| size.saturating_add(piece.size));
    let etags: Vec<&str> = pieces.iter().map(|piece| piece.etag.as_str()).collect();
    if pieces.len() != usize::from(row.parts) {
        Some(format!("{} of {} parts are in the index", pieces.len(), row.parts))
    } else if size != row.size {
        Some(format!("its parts have {size} bytes, not {}", row.size))
    } else if assembly::etag(&etags).as_deref() != Some(row.etag.as_str()) {
        Some("its ETag is not that of its parts".to_owned())
    } else {
        None
    }
}
