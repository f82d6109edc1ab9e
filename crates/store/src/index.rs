//! The index: one `SQLite` file that says which buckets and objects there are. A change is durable when its transaction is
//! (`WAL`, `synchronous=FULL`). Knows nothing of the files that hold the bytes.

use crate::fault::Fault;
use crate::limits;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// In order; the number of a migration is its place, from 1. One that was ever released never changes.
const MIGRATIONS: &[&str] = &[include_str!("schema.sql"), include_str!("schema_2.sql")];

/// The version of the index that this release reads and writes.
pub(crate) const SCHEMA: i64 = 2;

pub(crate) struct Index {
    path: PathBuf,
    writer: Mutex<Connection>,
    idle_readers: Mutex<Vec<Connection>>,
}

#[derive(Debug)]
pub(crate) enum OpenFault {
    Sqlite(rusqlite::Error),
    /// Written by a later release.
    Newer {
        found: i64,
    },
}

/// A transaction that did not happen, or may not have.
#[derive(Debug)]
pub(crate) enum Unwritten {
    Refused(Fault),
    /// The commit itself failed: after the next start the change may be there or not.
    Uncertain(rusqlite::Error),
}

impl From<Unwritten> for Fault {
    fn from(unwritten: Unwritten) -> Self {
        match unwritten {
            Unwritten::Refused(fault) => fault,
            Unwritten::Uncertain(error) => Self::Index(error),
        }
    }
}

impl From<rusqlite::Error> for OpenFault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl Index {
    pub(crate) fn open(path: &Path) -> Result<Self, OpenFault> {
        let mut writer = Connection::open(path)?;
        settle(&writer)?;
        writer.pragma_update(None, "journal_mode", "WAL")?;
        writer.pragma_update(None, "synchronous", "FULL")?;
        migrate(&mut writer)?;
        Ok(Self { path: path.to_owned(), writer: Mutex::new(writer), idle_readers: Mutex::new(Vec::new()) })
    }

    /// One transaction. When it returns, the change is on disk.
    pub(crate) fn write<T>(&self, work: impl FnOnce(&Transaction<'_>) -> Result<T, Fault>) -> Result<T, Unwritten> {
        let refused = |error: rusqlite::Error| Unwritten::Refused(Fault::Index(error));
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate).map_err(refused)?;
        let answer = work(&transaction).map_err(Unwritten::Refused)?;
        transaction.commit().map_err(Unwritten::Uncertain)?;
        Ok(answer)
    }

    /// Sees every transaction that was committed before.
    pub(crate) fn read<T>(&self, work: impl FnOnce(&Connection) -> Result<T, Fault>) -> Result<T, Fault> {
        let idle = self.idle_readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let reader = match idle {
            Some(reader) => reader,
            None => self.open_reader()?,
        };
        let answer = work(&reader);
        let mut idle = self.idle_readers.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < limits::IDLE_READERS {
            idle.push(reader);
        }
        answer
    }

    fn open_reader(&self) -> rusqlite::Result<Connection> {
        let reader = Connection::open_with_flags(
            &self.path,
            OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )?;
        settle(&reader)?;
        Ok(reader)
    }
}

fn settle(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(Duration::from_secs(10))?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.set_prepared_statement_cache_capacity(32);
    Ok(())
}

fn migrate(connection: &mut Connection) -> Result<(), OpenFault> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(
        "CREATE TABLE IF NOT EXISTS migration (version INTEGER PRIMARY KEY, applied TEXT NOT NULL) STRICT",
    )?;
    let found: i64 = transaction.query_row("SELECT coalesce(max(version), 0) FROM migration", [], |row| row.get(0))?;
    let mut version = 0;
    for sql in MIGRATIONS {
        version += 1;
        if version > found {
            transaction.execute_batch(sql)?;
            transaction.execute("INSERT INTO migration (version, applied) VALUES (?1, datetime('now'))", [version])?;
        }
    }
    if found > version {
        return Err(OpenFault::Newer { found });
    }
    transaction.commit()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TempDir;

    #[test]
    fn migrations_run_once_and_a_newer_index_is_refused() {
        let dir = TempDir::new();
        let path = dir.path().join("index.sqlite");
        Index::open(&path).unwrap();
        let index = Index::open(&path).unwrap();
        index.write(|tx| Ok(tx.execute("INSERT INTO migration (version, applied) VALUES (99, '')", [])?)).unwrap();
        drop(index);
        assert!(matches!(Index::open(&path), Err(OpenFault::Newer { found: 99 })));
    }

    #[test]
    fn an_index_of_the_first_release_is_brought_up_to_date() {
        let dir = TempDir::new();
        let path = dir.path().join("index.sqlite");
        let blob = "a".repeat(32);
        let first = Connection::open(&path).unwrap();
        first.execute_batch(MIGRATIONS[0]).unwrap();
        first
            .execute_batch(&format!(
                "CREATE TABLE migration (version INTEGER PRIMARY KEY, applied TEXT NOT NULL) STRICT;
                 INSERT INTO migration VALUES (1, '2026-11-01 00:00:00');
                 INSERT INTO bucket (name, created) VALUES ('b', 7);
                 INSERT INTO object VALUES (1, x'6b', '{blob}', 5, 'etag', 9, '{{\"content_type\":\"text/x\"}}');"
            ))
            .unwrap();
        drop(first);
        let index = Index::open(&path).unwrap();
        let key = crate::key::ObjectKey::parse("k").unwrap();
        let object = index.read(|c| crate::objects::find(c, "b", &key)).unwrap();
        assert_eq!((object.content.name(), object.parts, object.size, object.modified), (blob, 0, 5, 9));
        assert_eq!(object.headers.content_type.as_deref(), Some("text/x"));
        let found: i64 =
            index.read(|c| Ok(c.query_row("SELECT max(version) FROM migration", [], |r| r.get(0))?)).unwrap();
        assert_eq!((found, MIGRATIONS.len()), (SCHEMA, 2));
    }

    #[test]
    fn a_refused_transaction_changes_nothing() {
        let dir = TempDir::new();
        let index = Index::open(&dir.path().join("index.sqlite")).unwrap();
        let refused = index.write(|tx| {
            tx.execute("INSERT INTO bucket (name, created) VALUES ('b', 0)", [])?;
            Err::<(), _>(Fault::BucketExists)
        });
        assert!(matches!(refused, Err(Unwritten::Refused(Fault::BucketExists))));
        let count: i64 = index.read(|c| Ok(c.query_row("SELECT count(*) FROM bucket", [], |r| r.get(0))?)).unwrap();
        assert_eq!(count, 0);
    }
}
