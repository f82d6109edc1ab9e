-- Version 2. The bytes of an object lie in one blob, or in several that are read one behind the other; copies share them.

-- `object.blob` names the bytes: one file where `parts` is 0, else the pieces below.
ALTER TABLE object ADD COLUMN parts INTEGER NOT NULL DEFAULT 0;
DROP INDEX object_blob;
CREATE INDEX object_blob ON object (blob);

CREATE TABLE piece (
  content   TEXT    NOT NULL,            -- `object.blob`
  number    INTEGER NOT NULL,            -- from 1, without gaps, in the order of the bytes
  blob      TEXT    NOT NULL,            -- random id of the file
  size      INTEGER NOT NULL,
  etag      TEXT    NOT NULL,            -- MD5 in hexadecimal
  checksums TEXT    NOT NULL,            -- JSON
  PRIMARY KEY (content, number)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX piece_blob ON piece (blob);

CREATE TABLE upload (
  id      TEXT    PRIMARY KEY,           -- time and random digits: in the order of their beginnings
  bucket  INTEGER NOT NULL REFERENCES bucket (id),
  key     BLOB    NOT NULL,
  started INTEGER NOT NULL,              -- seconds since 1970
  headers TEXT    NOT NULL,              -- JSON, as in `object`
  promise TEXT    NOT NULL,              -- JSON: the checksum the object will have
  content TEXT                           -- once completed: what it became
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX upload_open ON upload (bucket, key, id) WHERE content IS NULL;

CREATE TABLE part (
  upload    TEXT    NOT NULL REFERENCES upload (id),
  number    INTEGER NOT NULL,            -- 1 to 10,000, as the uploader chose
  blob      TEXT    NOT NULL,
  size      INTEGER NOT NULL,
  etag      TEXT    NOT NULL,            -- MD5 in hexadecimal
  modified  INTEGER NOT NULL,            -- seconds since 1970
  checksums TEXT    NOT NULL,            -- JSON
  PRIMARY KEY (upload, number)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX part_blob ON part (blob);
