//! Uploads in parts. A part is as durable as an object when it is acknowledged; completing copies no byte: the files of
//! the parts become the pieces of the object.

use super::{Address, Vault, now};
use crate::assembly::{self, Assembled, Expected, Named};
use crate::blobs::{BlobId, Freed};
use crate::digest::{Announced, Promise};
use crate::fault::{Fault, blocking};
use crate::limits;
use crate::object::{Object, ObjectHeaders, Precondition};
use crate::objects;
use crate::pieces::{self, Piece};
use crate::receive::Received;
use crate::uploads::{self, Part, Upload, UploadId};
use rusqlite::Connection;
use std::sync::Arc;
use std::time::SystemTime;

/// What a completion says.
#[derive(Debug)]
pub(crate) struct Completion {
    pub(crate) named: Vec<Named>,
    pub(crate) expected: Expected,
    /// Must be that of the upload, where it is said.
    pub(crate) kind: Option<crate::digest::ChecksumKind>,
    pub(crate) precondition: Precondition,
}

impl Vault {
    pub(crate) async fn begin_upload(
        self: &Arc<Self>,
        at: Address,
        headers: ObjectHeaders,
        promise: Promise,
    ) -> Result<UploadId, Fault> {
        let vault = Arc::clone(self);
        blocking(move || {
            let since = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
            let id = UploadId::new(u64::try_from(since.as_millis()).unwrap_or(u64::MAX));
            vault.index.write(|tx| uploads::create(tx, &at, &id, &headers, promise, now()))?;
            Ok(id)
        })
        .await
    }

    /// One that takes parts.
    pub(crate) async fn upload(self: &Arc<Self>, at: Address, id: UploadId) -> Result<Upload, Fault> {
        let vault = Arc::clone(self);
        blocking(move || vault.index.read(|c| uploads::find_open(c, &at, &id))).await
    }

    /// When it returns, the part survives a loss of power. One of the same number is replaced.
    pub(crate) async fn put_part(
        self: &Arc<Self>,
        at: Address,
        id: UploadId,
        number: u16,
        received: Received,
        announced: Announced,
    ) -> Result<Part, Fault> {
        let vault = Arc::clone(self);
        blocking(move || {
            let size = received.size;
            vault.settle(received, &announced, |tx, blob, digested| {
                uploads::find_open(tx, &at, &id)?;
                let etag = digested.etag();
                let piece = Piece { number, blob, size, etag, checksums: digested.checksums };
                let part = Part { piece, modified: now() };
                let freed = uploads::put_part(tx, &id, &part)?;
                Ok((part, freed.into_iter().collect()))
            })
        })
        .await
    }

    pub(crate) async fn parts(
        self: &Arc<Self>,
        at: Address,
        id: UploadId,
        after: u32,
        most: usize,
    ) -> Result<(Upload, Vec<Part>), Fault> {
        let vault = Arc::clone(self);
        blocking(move || {
            vault.index.read(|c| Ok((uploads::find_open(c, &at, &id)?, uploads::parts(c, &id, after, most)?)))
        })
        .await
    }

    pub(crate) async fn abort_upload(self: &Arc<Self>, at: Address, id: UploadId) -> Result<(), Fault> {
        let vault = Arc::clone(self);
        blocking(move || {
            Ok(vault.commit(|tx| {
                uploads::find_open(tx, &at, &id)?;
                Ok(((), uploads::remove(tx, &id)?))
            })?)
        })
        .await
    }

    /// A repeated one gets the answer of the first, as long as its object is there.
    pub(crate) async fn complete_upload(
        self: &Arc<Self>,
        at: Address,
        id: UploadId,
        completion: Completion,
    ) -> Result<Object, Fault> {
        let vault = Arc::clone(self);
        blocking(move || {
            Ok(vault.commit(|tx| {
                let upload = uploads::find(tx, &at, &id)?;
                if completion.kind.is_some_and(|kind| kind != upload.promise.kind) {
                    return Err(Fault::OtherChecksumType);
                }
                match upload.content {
                    Some(content) => Ok((completed_before(tx, &at, content, &completion.named)?, Vec::new())),
                    None => complete(tx, &at, &id, upload, &completion),
                }
            })?)
        })
        .await
    }

    /// Removes uploads that were abandoned, a few in one transaction.
    pub(crate) fn sweep_uploads(&self, now: i64) -> Result<(), Fault> {
        loop {
            let removed = self.commit(|tx| {
                let open_before = now.saturating_sub(limits::UPLOAD_SECONDS);
                uploads::remove_some_old(tx, open_before, now.saturating_sub(limits::COMPLETED_SECONDS))
            })?;
            if removed == 0 {
                return Ok(());
            }
        }
    }
}

fn complete(
    connection: &Connection,
    at: &Address,
    id: &UploadId,
    upload: Upload,
    completion: &Completion,
) -> Result<(Object, Vec<Freed>), Fault> {
    let parts = uploads::parts(connection, id, 0, usize::MAX)?;
    let stored: Vec<Piece> = parts.into_iter().map(|part| part.piece).collect();
    let made = assembly::assemble(&completion.named, &stored, upload.promise, &completion.expected)?;
    let Assembled { pieces, size, etag, checksums } = made;
    let unused = stored.iter().filter(|part| pieces.binary_search_by_key(&part.number, |piece| piece.number).is_err());
    let mut freed: Vec<Freed> = unused.map(|part| Freed::file(part.blob)).collect();

    let object = Object {
        content: BlobId::new(),
        parts: u16::try_from(pieces.len()).map_err(|_| Fault::InvalidPartOrder)?,
        size,
        etag,
        modified: now(),
        headers: ObjectHeaders { checksums, checksum_kind: upload.promise.kind, ..upload.headers },
    };
    uploads::complete(connection, id, object.content)?;
    pieces::insert(connection, object.content, &pieces)?;
    freed.extend(objects::put(connection, &at.bucket, &at.key, &object, &completion.precondition)?);
    Ok((object, freed))
}

fn completed_before(connection: &Connection, at: &Address, content: BlobId, named: &[Named]) -> Result<Object, Fault> {
    let object = match objects::find(connection, &at.bucket, &at.key) {
        Err(Fault::NoSuchKey) => return Err(Fault::NoSuchUpload),
        other => other?,
    };
    let etags: Vec<&str> = named.iter().map(|part| part.etag.as_str()).collect();
    let same = object.content == content && assembly::etag(&etags).as_deref() == Some(object.etag.as_str());
    if same { Ok(object) } else { Err(Fault::NoSuchUpload) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blobs::Blobs;
    use crate::digest::{Algorithm, ChecksumKind, Digests};
    use crate::index::Index;
    use crate::key::ObjectKey;
    use crate::receive;
    use crate::testing::TempDir;
    use bytes::Bytes;
    use futures_util::stream;

    const PROMISE: Promise = Promise { algorithm: Algorithm::Crc64Nvme, kind: ChecksumKind::FullObject };

    fn open(dir: &TempDir) -> Arc<Vault> {
        let blobs = Arc::new(Blobs::open(dir.path()).unwrap());
        let index = Arc::new(Index::open(&dir.path().join("index.sqlite")).unwrap());
        Arc::new(Vault::new(blobs, index).unwrap())
    }

    async fn part(vault: &Arc<Vault>, at: &Address, id: &UploadId, number: u16) -> BlobId {
        let body = stream::iter([Ok(Bytes::from_static(b"part"))]);
        let received = receive::receive(&vault.blobs, body, Digests::of([]), 0..=9).await.unwrap();
        let put = vault.put_part(at.clone(), id.clone(), number, received, Announced::default());
        put.await.unwrap().piece.blob
    }

    #[tokio::test]
    async fn abandoned_uploads_go_and_fresh_ones_stay() {
        let dir = TempDir::new();
        let vault = open(&dir);
        vault.create_bucket("bucket").unwrap();
        let at = Address { bucket: "bucket".into(), key: ObjectKey::parse("k").unwrap() };
        let id = vault.begin_upload(at.clone(), ObjectHeaders::default(), PROMISE).await.unwrap();
        let blob = part(&vault, &at, &id, 1).await;

        vault.sweep_uploads(now() + limits::UPLOAD_SECONDS - 60).unwrap();
        assert!(vault.blobs.read(blob).is_ok());
        assert!(vault.upload(at.clone(), id.clone()).await.is_ok());
        vault.sweep_uploads(now() + limits::UPLOAD_SECONDS + 60).unwrap();
        assert!(vault.blobs.read(blob).is_err());
        assert!(matches!(vault.upload(at, id).await, Err(Fault::NoSuchUpload)));
    }

    #[tokio::test]
    async fn a_bucket_takes_its_uploads_with_it() {
        let dir = TempDir::new();
        let vault = open(&dir);
        vault.create_bucket("bucket").unwrap();
        let at = Address { bucket: "bucket".into(), key: ObjectKey::parse("k").unwrap() };
        let id = vault.begin_upload(at.clone(), ObjectHeaders::default(), PROMISE).await.unwrap();
        let blob = part(&vault, &at, &id, 1).await;
        vault.delete_bucket("bucket").unwrap();
        assert!(vault.blobs.read(blob).is_err());
        assert!(matches!(vault.upload(at, id).await, Err(Fault::NoSuchBucket)));
    }
}
