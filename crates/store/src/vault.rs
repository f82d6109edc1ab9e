//! Buckets and objects, durable: joins blobs and index. Knows nothing of HTTP, signatures or who asks.
//!
//! A write is: draft, sync, rename, sync of the directory, commit of the row, and only then the answer. What a commit
//! replaces is removed after it.

use crate::blob_stream::BlobStream;
use crate::blobs::{BlobId, Blobs};
use crate::buckets::{self, Bucket};
use crate::conditions::{Asked, Verdict, Version};
use crate::cors::CorsRule;
use crate::digest::Announced;
use crate::fault::{Fault, blocking};
use crate::index::{Index, Unwritten};
use crate::key::ObjectKey;
use crate::limits;
use crate::listing::{self, Page, Wanted};
use crate::object::{Object, ObjectHeaders, Precondition};
use crate::objects;
use crate::receive::Received;
use rusqlite::Transaction;
use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use time::OffsetDateTime;

pub(crate) struct Vault {
    pub(crate) blobs: Arc<Blobs>,
    pub(crate) index: Arc<Index>,
    /// The CORS rules of every bucket, as committed: each request asks for some.
    cors: RwLock<HashMap<String, Arc<[CorsRule]>>>,
    /// One change of a bucket at a time, so that the rules in memory are those of the last commit.
    changing: Mutex<()>,
}

/// An object in a bucket.
#[derive(Clone, Debug)]
pub(crate) struct Address {
    pub(crate) bucket: String,
    pub(crate) key: ObjectKey,
}

/// All that is to be kept with the bytes of an upload, and all that must hold for it.
#[derive(Debug, Default)]
pub(crate) struct Terms {
    pub(crate) headers: ObjectHeaders,
    pub(crate) announced: Announced,
    pub(crate) precondition: Precondition,
}

/// What a read found.
pub(crate) struct Found {
    pub(crate) object: Object,
    pub(crate) verdict: Verdict,
    /// Where the verdict is to send bytes.
    pub(crate) body: Option<BlobStream>,
}

impl Vault {
    pub(crate) fn new(blobs: Arc<Blobs>, index: Arc<Index>) -> Result<Self, Fault> {
        let buckets = index.read(buckets::all)?;
        let cors = buckets.into_iter().map(|bucket| (bucket.name, bucket.cors.into())).collect();
        Ok(Self { blobs, index, cors: RwLock::new(cors), changing: Mutex::new(()) })
    }

    /// None where there is no such bucket.
    pub(crate) fn cors(&self, bucket: &str) -> Option<Arc<[CorsRule]>> {
        self.cors.read().unwrap_or_else(PoisonError::into_inner).get(bucket).cloned()
    }

    pub(crate) fn create_bucket(&self, name: &str) -> Result<(), Fault> {
        self.change(name, Some(Arc::default()), |tx| buckets::create(tx, name, now()))
    }

    pub(crate) fn delete_bucket(&self, name: &str) -> Result<(), Fault> {
        self.change(name, None, |tx| buckets::delete(tx, name))
    }

    pub(crate) fn set_cors(&self, name: &str, rules: &[CorsRule]) -> Result<(), Fault> {
        self.change(name, Some(rules.into()), |tx| buckets::set_cors(tx, name, rules))
    }

    pub(crate) async fn buckets(self: &Arc<Self>) -> Result<Vec<Bucket>, Fault> {
        let index = Arc::clone(&self.index);
        blocking(move || index.read(buckets::all)).await
    }

    /// When it returns, the object survives a loss of power.
    pub(crate) async fn put(self: &Arc<Self>, at: Address, received: Received, terms: Terms) -> Result<Object, Fault> {
        let vault = Arc::clone(self);
        blocking(move || vault.settle(&at, received, terms)).await
    }

    fn settle(&self, at: &Address, received: Received, terms: Terms) -> Result<Object, Fault> {
        let size = received.size;
        let (draft, digests) = received.complete(&self.blobs)?;
        let digested = digests.finish();
        digested.check(&terms.announced)?;
        let sealed = draft.seal()?;
        let object = Object {
            blob: sealed.id(),
            size,
            etag: digested.etag(),
            modified: now(),
            headers: ObjectHeaders { checksums: digested.checksums, ..terms.headers },
        };
        let written = self.index.write(|tx| objects::put(tx, &at.bucket, &at.key, &object, &terms.precondition));
        match written {
            Ok(replaced) => {
                sealed.named();
                self.discard(replaced);
                Ok(object)
            }
            Err(Unwritten::Refused(fault)) => Err(fault),
            Err(Unwritten::Uncertain(error)) => {
                sealed.leave();
                Err(error.into())
            }
        }
    }

    /// Whether there was one or not.
    pub(crate) async fn delete(self: &Arc<Self>, at: Address) -> Result<(), Fault> {
        self.delete_all(at.bucket, vec![at.key]).await
    }

    pub(crate) async fn delete_all(self: &Arc<Self>, bucket: String, keys: Vec<ObjectKey>) -> Result<(), Fault> {
        let vault = Arc::clone(self);
        blocking(move || {
            let blobs: Vec<BlobId> = vault.index.write(|tx| {
                buckets::id(tx, &bucket)?;
                keys.iter().filter_map(|key| objects::delete(tx, &bucket, key).transpose()).collect()
            })?;
            vault.discard(blobs);
            Ok(())
        })
        .await
    }

    pub(crate) async fn look(self: &Arc<Self>, at: Address) -> Result<Object, Fault> {
        let vault = Arc::clone(self);
        blocking(move || vault.index.read(|c| objects::find(c, &at.bucket, &at.key))).await
    }

    pub(crate) async fn read(self: &Arc<Self>, at: Address, asked: Asked) -> Result<Found, Fault> {
        let vault = Arc::clone(self);
        blocking(move || {
            for _ in 0..limits::REPLACED_TRIES {
                let object = vault.index.read(|c| objects::find(c, &at.bucket, &at.key))?;
                let verdict = asked.decide(object.version());
                let (first, length) = match verdict {
                    Verdict::Whole => (0, object.size),
                    Verdict::Part(part) => (part.first, part.len()),
                    _ => return Ok(Found { object, verdict, body: None }),
                };
                match vault.open(object.blob, first, length) {
                    Ok(body) => return Ok(Found { object, verdict, body: Some(body) }),
                    // Replaced or deleted since: look again.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => return Err(error.into()),
                }
            }
            Err(Fault::Corrupt("blob: it is missing"))
        })
        .await
    }

    pub(crate) async fn list(self: &Arc<Self>, bucket: String, wanted: Wanted) -> Result<Page, Fault> {
        let index = Arc::clone(&self.index);
        blocking(move || index.read(|c| listing::page(c, &bucket, &wanted))).await
    }

    fn open(&self, blob: BlobId, first: u64, length: u64) -> io::Result<BlobStream> {
        use std::io::{Seek as _, SeekFrom};
        let mut file = self.blobs.read(blob)?;
        if first > 0 {
            file.seek(SeekFrom::Start(first))?;
        }
        BlobStream::open(file, length)
    }

    /// Blobs no row names any more. One that cannot be removed is an orphan for the sweeper.
    fn discard(&self, blobs: impl IntoIterator<Item = BlobId>) {
        for blob in blobs {
            if let Err(error) = self.blobs.remove(blob) {
                eprintln!("store: blob {}: {error}", blob.name());
            }
        }
    }

    /// Commits, and then keeps in memory what the bucket's rules are now; none where it is gone.
    fn change(
        &self,
        name: &str,
        rules: Option<Arc<[CorsRule]>>,
        commit: impl FnOnce(&Transaction<'_>) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let _one = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        self.index.write(commit)?;
        let mut cors = self.cors.write().unwrap_or_else(PoisonError::into_inner);
        match rules {
            Some(rules) => cors.insert(name.to_owned(), rules),
            None => cors.remove(name),
        };
        Ok(())
    }
}

impl Object {
    pub(crate) fn version(&self) -> Version<'_> {
        Version { etag: &self.etag, modified: self.modified, size: self.size }
    }
}

fn now() -> i64 {
    OffsetDateTime::now_utc().unix_timestamp()
}
