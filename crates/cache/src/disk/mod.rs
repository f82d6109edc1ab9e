//! The disk tier: what the memory lets go of is still near, and found again after a restart.
//!
//! Records are appended to segments by one thread ([`writer`]), from a queue with bounds: a request never waits for the disk to
//! write. An index in memory tells where each record is. Reads go to a bounded number of threads. Nothing is synced: a
//! crash of the machine may lose the newest, and checksums tell what is torn. Whatever is wrong with a record, it is a miss.

mod bytes;
mod cleaning;
mod fault;
mod head;
mod identity;
mod index;
mod limits;
mod queue;
mod record;
mod segment;
mod shared;
mod volume;
mod writer;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64};
use std::time::{Duration, Instant};

use ::bytes::Bytes;
use http::HeaderValue;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use crate::object::{Entry, ObjectId, SLICE};
use identity::{Digest, Identity};
use index::{Found, Place};
use queue::Store;
use shared::{Counters, Shared};
use volume::Volume;
use writer::Writer;

pub use fault::DiskFault;
pub use identity::Named;
pub use limits::{LEAST as DISK_LEAST, MOST as DISK_MOST};
pub use shared::Tell;

#[derive(Clone)]
pub struct DiskSettings {
    /// A directory of its own.
    pub path: PathBuf,
    /// Bytes, between [`DISK_LEAST`] and [`DISK_MOST`].
    pub size: u64,
    /// What tells one bucket from all others, also after a restart: its store and its name there. In the order of the numbers
    /// in [`ObjectId`].
    pub buckets: Vec<Arc<str>>,
    pub tell: Tell,
}

/// What the disk tier does, for metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DiskFigures {
    pub bytes: u64,
    pub entries: u64,
    pub hits: u64,
    pub misses: u64,
    /// Records that were not written: too many waited, or the disk was in trouble.
    pub skipped: u64,
    /// Calls to the system that failed, and reads that took too long.
    pub errors: u64,
    /// Records whose bytes were not those that were written.
    pub damaged: u64,
    pub failing: bool,
}

pub struct Disk {
    shared: Arc<Shared>,
    buckets: Vec<Arc<str>>,
    reads: Arc<Semaphore>,
    runtime: Handle,
}

/// What was read, and by what it is seen whether it was removed since.
pub struct Recalled<T> {
    pub value: T,
    digest: Digest,
    found: Found,
}

impl<T> Recalled<T> {
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Recalled<U> {
        Recalled { value: change(self.value), digest: self.digest, found: self.found }
    }
}

/// A record's parts beside its identity.
struct Parts {
    head: Bytes,
    body: Bytes,
}

/// Why a record could not be read.
enum Unread {
    /// It is not there, or nobody had time to look.
    Missing,
    /// Its segment was removed.
    Gone(Place),
    Slow,
    /// The system did not give the bytes.
    Failed(Place),
    /// They are not what was written.
    Damaged(Place),
}

impl Disk {
    /// Takes the directory and reads what is there. It blocks. Trouble that may pass is no error: it is tried again.
    pub fn open(settings: DiskSettings, runtime: Handle) -> Result<Self, DiskFault> {
        let shared = Arc::new(Shared {
            path: settings.path,
            size: settings.size.clamp(limits::LEAST, limits::MOST),
            tell: settings.tell,
            index: index::Index::new(),
            queue: queue::Queue::default(),
            files: volume::Files::default(),
            counters: Counters::default(),
            failing: AtomicBool::new(false),
            rests_until: AtomicU64::new(0),
            opened: Instant::now(),
            used: AtomicU64::new(0),
            in_memory: std::sync::OnceLock::new(),
        });
        let volume = Volume::open(&shared.path, shared.size, &shared.index, &shared.files);
        let volume = match volume {
            Err(mistake) if mistake.is_mistake() => return Err(mistake),
            volume => volume,
        };
        let writer = Writer::new(Arc::clone(&shared), volume);
        let thread = std::thread::Builder::new().name("disk-cache".into());
        thread.spawn(move || writer.run()).map_err(DiskFault::io(&shared.path))?;
        let reads = Arc::new(Semaphore::new(limits::READS));
        Ok(Self { shared, buckets: settings.buckets, reads, runtime })
    }

    /// Who is asked whether a record's bytes are in memory too.
    pub fn ask_memory(&self, in_memory: impl Fn(&Named<'_>) -> bool + Send + Sync + 'static) {
        let _ = self.shared.in_memory.set(Box::new(in_memory)); // it is asked for once
    }

    /// The entry as it was kept, with its bytes where they fit one slice and are there.
    pub async fn entry(&self, id: &ObjectId) -> Option<Recalled<Entry>> {
        let identity = Identity::entry(self.bucket(id)?, &id.key)?;
        let Recalled { value: Parts { head, body }, digest, found } = self.read(identity).await?;
        let head::Stored { head, lifetime } = head::decode(&head)?;
        let body = match (head.size, head.version()) {
            (size, _) if size == body.len() as u64 => Some(body),
            (size, Some(version)) if size <= SLICE => self.slice(id, version, 0, size).await.map(|slice| slice.value),
            (_, Some(_)) => None,
            // Its bytes could not be asked for by themselves.
            (_, None) => return None,
        };
        let value = Entry { id: id.clone(), head, lifetime, kept: true, body, rested: AtomicI64::new(0) };
        Some(Recalled { value, digest, found })
    }

    /// `length` bytes of a slice.
    pub async fn slice(&self, id: &ObjectId, etag: &HeaderValue, number: u64, length: u64) -> Option<Recalled<Bytes>> {
        let identity = Identity::slice(self.bucket(id)?, &id.key, etag, number)?;
        let Recalled { value: Parts { body, .. }, digest, found } = self.read(identity).await?;
        (body.len() as u64 == length).then_some(Recalled { value: body, digest, found })
    }

    /// Whether nothing was removed since it was read.
    pub fn still<T>(&self, recalled: &Recalled<T>) -> bool {
        self.shared.index.still(recalled.digest, recalled.found)
    }

    /// Has an entry written, in place of the one before. One that cannot be written takes that one away.
    pub fn keep_entry(&self, entry: &Entry, now: i64) {
        let Some(bucket) = self.bucket(&entry.id) else { return };
        // What has no name for its version is kept whole or not at all.
        let inside = |body: &&Bytes| body.len() <= limits::INSIDE || entry.head.version().is_none();
        let body = entry.body.as_ref().filter(inside).cloned();
        if body.is_none()
            && let Some((body, version)) = entry.body.as_ref().zip(entry.head.version())
        {
            self.keep_slice(&entry.id, version, 0, body.clone(), now);
        }
        let written = Identity::entry(bucket, &entry.id.key)
            .zip(head::encode(entry))
            .is_some_and(|(identity, head)| self.keep(identity, head, body.unwrap_or_default(), now));
        if !written {
            self.remove(entry.id.bucket, &entry.id.key);
        }
    }

    pub fn keep_slice(&self, id: &ObjectId, etag: &HeaderValue, number: u64, bytes: Bytes, now: i64) {
        let identity = self.bucket(id).and_then(|bucket| Identity::slice(bucket, &id.key, etag, number));
        let Some(identity) = identity else { return };
        if !self.shared.index.holds(identity.digest) {
            self.keep(identity, Vec::new(), bytes, now);
        }
    }

    /// From now on nobody finds the object's entry, nor after a restart.
    pub fn remove(&self, bucket: usize, key: &str) {
        let Some(bucket) = self.buckets.get(bucket) else { return };
        let Some(identity) = Identity::entry(bucket, key) else { return };
        let shared = &self.shared;
        // In this order: a record that waited is in the index by the time that nothing waits.
        if shared.queue.is_empty() && shared.index.place(identity.digest).is_none() {
            return;
        }
        shared.index.begin_removal(identity.digest);
        if !shared.queue.remove(identity.digest) {
            shared.index.hide(); // until all of it is thrown away: no removal is lost
        }
    }

    /// Returns when the removals before it are written.
    pub async fn settled(&self) {
        let _ = self.shared.queue.settle().await; // a writer that has ended has nothing left to do
    }

    /// Writes what waits and lets go of the directory, within this time. It blocks. Whether it is done.
    pub fn close(&self, patience: Duration) -> bool {
        self.shared.queue.close();
        self.shared.queue.wait_for_end(patience)
    }

    pub fn figures(&self) -> DiskFigures {
        let counters = &self.shared.counters;
        DiskFigures {
            bytes: self.shared.used.load(Relaxed),
            entries: self.shared.index.entries() as u64,
            hits: counters.hits.load(Relaxed),
            misses: counters.misses.load(Relaxed),
            skipped: counters.skipped.load(Relaxed),
            errors: counters.errors.load(Relaxed),
            damaged: counters.damaged.load(Relaxed),
            failing: self.shared.failing.load(Relaxed),
        }
    }

    /// The number of a bucket's name.
    pub fn number_of(&self, bucket: &str) -> Option<usize> {
        self.buckets.iter().position(|name| &**name == bucket)
    }

    fn bucket(&self, id: &ObjectId) -> Option<&str> {
        self.buckets.get(id.bucket).map(|name| &**name)
    }

    /// Whether it will be written, as far as can be seen now.
    fn keep(&self, identity: Identity, head: Vec<u8>, body: Bytes, stored_at: i64) -> bool {
        let waits =
            !self.shared.failing.load(Relaxed) && self.shared.queue.store(Store { identity, head, body, stored_at });
        if !waits {
            self.shared.counters.skipped.fetch_add(1, Relaxed);
        }
        waits
    }

    async fn read(&self, identity: Identity) -> Option<Recalled<Parts>> {
        let digest = identity.digest;
        let (shared, counters) = (&self.shared, &self.shared.counters);
        let now = u64::try_from(shared.opened.elapsed().as_millis()).unwrap_or(u64::MAX);
        let rests = now < shared.rests_until.load(Relaxed);
        let mut read = Err(Unread::Missing);
        // A second look for one that was written again elsewhere between look-up and read.
        for _ in 0..2 {
            let Some(found) = shared.index.find(digest).filter(|_| !rests) else { break };
            let parts = self.read_at(identity.clone(), found.place).await;
            read = parts.map(|value| Recalled { value, digest, found });
            if !matches!(read, Err(Unread::Gone(_))) {
                break;
            }
        }
        match read {
            Ok(recalled) if self.still(&recalled) => {
                counters.hits.fetch_add(1, Relaxed);
                return Some(recalled);
            }
            Err(Unread::Damaged(place)) if shared.index.is_bad(digest, place) => {
                counters.damaged.fetch_add(1, Relaxed);
            }
            Err(Unread::Gone(place)) => {
                shared.index.is_bad(digest, place);
            }
            Err(Unread::Failed(place)) => {
                shared.index.is_bad(digest, place);
                counters.errors.fetch_add(1, Relaxed);
            }
            Err(Unread::Slow) => {
                let pause = u64::try_from(limits::RETRY.as_millis()).unwrap_or(u64::MAX);
                shared.rests_until.store(now.saturating_add(pause), Relaxed);
                counters.errors.fetch_add(1, Relaxed);
            }
            _ => {}
        }
        counters.misses.fetch_add(1, Relaxed);
        None
    }

    async fn read_at(&self, identity: Identity, place: Place) -> Result<Parts, Unread> {
        let turn = tokio::time::timeout(limits::READ, Arc::clone(&self.reads).acquire_owned()).await;
        let Ok(Ok(permit)) = turn else { return Err(Unread::Missing) };
        let shared = Arc::clone(&self.shared);
        let read = self.runtime.spawn_blocking(move || {
            let _permit = permit; // also when nobody waits any more
            // A segment that was removed meanwhile took its records along.
            let file = shared.files.get(place.spot.segment).ok_or(Unread::Gone(place))?;
            let bytes = bytes::read_at(&file, u64::from(place.spot.offset), bytes::size(place.length));
            let bytes = Bytes::from(bytes.map_err(|_| Unread::Failed(place))?);
            let content = record::decode(&bytes, place.spot).ok_or(Unread::Damaged(place))?;
            if content.kind != identity.kind || content.identity != identity.bytes {
                return Err(Unread::Damaged(place));
            }
            Ok(Parts { head: bytes.slice_ref(content.head), body: bytes.slice_ref(content.body) })
        });
        match tokio::time::timeout(limits::READ, read).await {
            Ok(read) => read.unwrap_or(Err(Unread::Missing)), // the runtime is ending
            Err(_) => Err(Unread::Slow),
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.shared.queue.close();
    }
}
