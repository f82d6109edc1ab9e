//! The rows of buckets.

use crate::blobs::Freed;
use crate::cors::CorsRule;
use crate::fault::Fault;
use crate::limits;
use crate::uploads;
use rusqlite::{Connection, OptionalExtension as _, params};

#[derive(Clone, Debug)]
pub(crate) struct Bucket {
    pub(crate) name: String,
    /// Seconds since 1970.
    pub(crate) created: i64,
    pub(crate) cors: Vec<CorsRule>,
}

pub(crate) fn all(connection: &Connection) -> Result<Vec<Bucket>, Fault> {
    let mut statement = connection.prepare_cached("SELECT name, created, cors FROM bucket ORDER BY name")?;
    let mut rows = statement.query([])?;
    let mut buckets = Vec::new();
    while let Some(row) = rows.next()? {
        let cors: String = row.get(2)?;
        let cors = serde_json::from_str(&cors).map_err(|_| Fault::Corrupt("CORS rules"))?;
        buckets.push(Bucket { name: row.get(0)?, created: row.get(1)?, cors });
    }
    Ok(buckets)
}

pub(crate) fn id(connection: &Connection, name: &str) -> Result<i64, Fault> {
    connection
        .prepare_cached("SELECT id FROM bucket WHERE name = ?1")?
        .query_row([name], |row| row.get(0))
        .optional()?
        .ok_or(Fault::NoSuchBucket)
}

pub(crate) fn create(connection: &Connection, name: &str, now: i64) -> Result<(), Fault> {
    let count: isize = connection.query_row("SELECT count(*) FROM bucket", [], |row| row.get(0))?;
    match id(connection, name) {
        Err(Fault::NoSuchBucket) if count.unsigned_abs() >= limits::BUCKETS => Err(Fault::TooManyBuckets),
        Err(Fault::NoSuchBucket) => {
            connection.execute("INSERT INTO bucket (name, created) VALUES (?1, ?2)", params![name, now])?;
            Ok(())
        }
        Err(other) => Err(other),
        Ok(_) => Err(Fault::BucketExists),
    }
}

/// An empty one. Uploads under way to it go with it; gives their files.
pub(crate) fn delete(connection: &Connection, name: &str) -> Result<Vec<Freed>, Fault> {
    let id = id(connection, name)?;
    let full: bool =
        connection.query_row("SELECT EXISTS (SELECT 1 FROM object WHERE bucket = ?1)", [id], |row| row.get(0))?;
    if full {
        return Err(Fault::BucketNotEmpty);
    }
    let freed = uploads::remove_all_of(connection, id)?;
    connection.execute("DELETE FROM bucket WHERE id = ?1", [id])?;
    Ok(freed)
}

pub(crate) fn set_cors(connection: &Connection, name: &str, rules: &[CorsRule]) -> Result<(), Fault> {
    let id = id(connection, name)?;
    let rules = serde_json::to_string(rules).map_err(|_| Fault::Corrupt("CORS rules"))?;
    connection.execute("UPDATE bucket SET cors = ?2 WHERE id = ?1", params![id, rules])?;
    Ok(())
}
