-- Version 1. Keys are blobs, so that their order is the order of their UTF-8 bytes.
CREATE TABLE bucket (
  id      INTEGER PRIMARY KEY AUTOINCREMENT,
  name    TEXT    NOT NULL UNIQUE,
  created INTEGER NOT NULL,              -- seconds since 1970
  cors    TEXT    NOT NULL DEFAULT '[]'  -- JSON list of rules
) STRICT;

CREATE TABLE object (
  bucket   INTEGER NOT NULL REFERENCES bucket (id),
  key      BLOB    NOT NULL,
  blob     TEXT    NOT NULL,             -- random id of the file that holds the bytes
  size     INTEGER NOT NULL,
  etag     TEXT    NOT NULL,             -- without quotes
  modified INTEGER NOT NULL,             -- seconds since 1970
  headers  TEXT    NOT NULL,             -- JSON: content headers, user metadata, checksums
  PRIMARY KEY (bucket, key)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX object_blob ON object (blob);
