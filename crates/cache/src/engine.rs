//! Keeps entries and slices in memory within a budget, and has each gap fetched once.
//!
//! It does not know where objects come from: whoever opens the cache hands in a [`Fetch`].

use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use foldhash::fast::RandomState;
use http::HeaderValue;
use quick_cache::sync::DefaultLifecycle;
use quick_cache::{Equivalent, OptionsBuilder, Weighter};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use crate::disk::{Disk, DiskFault, DiskFigures, DiskSettings, Named};
use crate::flights::{Flights, NoFlight};
use crate::freshness::{Storing, storing};
use crate::object::{Entry, Head, ObjectId, SLICE, slice_of};
use crate::ranges::WantedBytes;

/// Fetches at the origin at one time: each may hold a slice in memory that is not in the budget yet.
const FETCHES: usize = 256;
/// Fetches under way or waiting for their turn; beyond it requests are told to come back.
const WAITING_FETCHES: usize = 4096;

/// What a fetch asks the origin for.
#[derive(Clone, Debug)]
pub enum Probe {
    /// The object's head alone.
    Head,
    /// A slice of whatever version there is, unless it is this one.
    Any { slice: u64, unless: Option<HeaderValue> },
    /// A slice of exactly this version.
    Version { slice: u64, etag: HeaderValue },
}

#[derive(Clone, Debug)]
pub enum Fetched {
    Head(Head),
    Slice {
        head: Head,
        bytes: Bytes,
    },
    /// The version is still the one named by `unless`.
    Unchanged,
    /// The object ends before the slice.
    Beyond,
}

/// Why an object cannot be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheError {
    NotFound,
    /// The object was replaced while it was read.
    Changed,
    /// The origin refuses us.
    Denied,
    /// The origin answered with an error, or with what makes no sense.
    Failed,
    /// The origin cannot be reached.
    Away,
    /// The origin takes too long.
    Slow,
    /// Too many fetches are waiting.
    Overloaded,
}

pub trait Fetch: Send + Sync + 'static {
    /// Asks the origin. A slice comes whole or not at all.
    fn fetch(&self, id: &ObjectId, probe: Probe) -> impl Future<Output = Result<Fetched, CacheError>> + Send;
}

#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes.
    pub memory: u64,
    /// Seconds for which an object is fresh that says nothing itself.
    pub default_ttl: i64,
}

pub struct Cache<F> {
    kept: quick_cache::sync::Cache<Key, Value, ByBytes, RandomState>,
    opening: Arc<Flights<ObjectId, Result<Opened, CacheError>>>,
    filling: Arc<Flights<Key, Result<Bytes, CacheError>>>,
    permits: Arc<Semaphore>,
    fetch: F,
    disk: Option<Disk>,
    default_ttl: i64,
    runtime: Handle,
}

/// How an object was come by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup {
    Hit,
    Miss,
    Revalidated,
}

#[derive(Clone, Debug)]
pub struct Opened {
    pub entry: Arc<Entry>,
    pub lookup: Lookup,
    /// A slice that came along, of an object that is not kept.
    pub at_hand: Option<(u64, Bytes)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Key {
    Object(ObjectId),
    Slice { id: ObjectId, etag: HeaderValue, number: u64 },
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Self::Object(id) => ObjectQuery { bucket: id.bucket, key: &id.key }.hash(state),
            Self::Slice { id, etag, number } => {
                ObjectQuery { bucket: id.bucket, key: &id.key }.hash(state);
                etag.hash(state);
                number.hash(state);
            }
        }
    }
}

/// Looks an object up without owning its key.
#[derive(Hash)]
struct ObjectQuery<'a> {
    bucket: usize,
    key: &'a str,
}

impl Equivalent<Key> for ObjectQuery<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        matches!(key, Key::Object(id) if id.bucket == self.bucket && &*id.key == self.key)
    }
}

#[derive(Clone)]
enum Value {
    Object(Arc<Entry>),
    Slice(Bytes),
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<Key, Value> for ByBytes {
    fn weight(&self, _: &Key, value: &Value) -> u64 {
        match value {
            Value::Object(entry) => entry.weight(),
            Value::Slice(bytes) => bytes.len() as u64 + 512,
        }
    }
}

impl<F: Fetch> Cache<F> {
    /// `runtime` is where fetches run, apart from the requests that wait for them.
    pub fn open(limits: Limits, fetch: F, runtime: Handle) -> std::io::Result<Arc<Self>> {
        Self::build(limits, None, fetch, runtime)
    }

    /// With a disk tier. It blocks until what is on the disk is known.
    pub fn open_with_disk(
        limits: Limits,
        disk: DiskSettings,
        fetch: F,
        runtime: Handle,
    ) -> Result<Arc<Self>, DiskFault> {
        let path = disk.path.clone();
        let disk = Disk::open(disk, runtime.clone())?;
        let cache = Self::build(limits, Some(disk), fetch, runtime).map_err(DiskFault::io(&path))?;
        if let Some(disk) = &cache.disk {
            let memory = Arc::downgrade(&cache);
            disk.ask_memory(move |named| memory.upgrade().is_some_and(|cache| cache.has_in_memory(named)));
        }
        Ok(cache)
    }

    fn build(limits: Limits, disk: Option<Disk>, fetch: F, runtime: Handle) -> std::io::Result<Arc<Self>> {
        let options = OptionsBuilder::new()
            .weight_capacity(limits.memory)
            .estimated_items_capacity(usize::try_from(limits.memory / (16 << 10)).unwrap_or(usize::MAX).max(1024))
            // A shard must hold many slices, or one large object would sweep it clean.
            .shards(usize::try_from(limits.memory / (32 * SLICE)).unwrap_or(64).clamp(1, 64))
            .build()
            .map_err(|error| std::io::Error::other(error.to_string()))?;
        let kept = quick_cache::sync::Cache::with_options(
            options,
            ByBytes,
            RandomState::default(),
            DefaultLifecycle::default(),
        );
        Ok(Arc::new(Self {
            kept,
            opening: Flights::new(WAITING_FETCHES),
            filling: Flights::new(WAITING_FETCHES),
            permits: Arc::new(Semaphore::new(FETCHES)),
            fetch,
            disk,
            default_ttl: limits.default_ttl,
            runtime,
        }))
    }

    /// The entry that answers at once, if there is one and it is fresh.
    pub fn hit(&self, bucket: usize, key: &str, now: i64) -> Option<Arc<Entry>> {
        self.known(bucket, key).filter(|entry| entry.is_fresh(now))
    }

    /// The object's entry, fetched or asked about where needed. `wanted` tells which slice to bring along; `None` wants the
    /// head alone.
    pub async fn find(
        self: &Arc<Self>,
        id: ObjectId,
        wanted: Option<WantedBytes>,
        now: i64,
    ) -> Result<Opened, CacheError> {
        let hit = |entry| Opened { entry, lookup: Lookup::Hit, at_hand: None };
        if let Some(entry) = self.hit(id.bucket, &id.key, now) {
            return Ok(hit(entry));
        }
        let first = wanted.and_then(WantedBytes::first_byte).map(slice_of);
        let known = || self.hit(id.bucket, &id.key, now).map(|entry| Ok(hit(entry)));
        let (cache, object) = (Arc::clone(self), id.clone());
        self.opening
            .join(&id, &self.runtime, known, || async move { cache.bring(object, first).await })
            .await
            .unwrap_or_else(|missing| Err(missing.into()))
    }

    /// One slice of the entry's version.
    pub async fn slice(self: &Arc<Self>, entry: &Arc<Entry>, number: u64) -> Result<Bytes, CacheError> {
        if let Some(bytes) = self.at_hand(entry, number) {
            return Ok(bytes);
        }
        let key = Key::Slice { id: entry.id.clone(), etag: entry.head.etag.clone(), number };
        let (cache, version) = (Arc::clone(self), Arc::clone(entry));
        self.filling
            .join(
                &key,
                &self.runtime,
                || self.at_hand(entry, number).map(Ok),
                || async move { cache.fill(&version, number).await },
            )
            .await
            .unwrap_or_else(|missing| Err(missing.into()))
    }

    /// One slice of the entry's version, if nobody need be asked for it.
    pub fn at_hand(&self, entry: &Entry, number: u64) -> Option<Bytes> {
        if let Some(body) = &entry.body {
            return (number == 0).then(|| body.clone());
        }
        let key = Key::Slice { id: entry.id.clone(), etag: entry.head.etag.clone(), number };
        match self.kept.get(&key) {
            Some(Value::Slice(bytes)) => Some(bytes),
            _ => None,
        }
    }

    /// Begins to fetch a slice that will be wanted soon.
    pub fn read_ahead(self: &Arc<Self>, entry: &Arc<Entry>, number: u64) {
        if !entry.kept || self.at_hand(entry, number).is_some() {
            return;
        }
        let key = Key::Slice { id: entry.id.clone(), etag: entry.head.etag.clone(), number };
        let (cache, version) = (Arc::clone(self), Arc::clone(entry));
        // No room for it is no fault: whoever needs the slice will ask for it.
        let _ = self.filling.start(&key, &self.runtime, || None, || async move { cache.fill(&version, number).await });
    }

    /// Forgets the object; its next reader asks the origin. A restart brings it back to nobody once [`Cache::settled`] returns.
    pub fn forget(&self, bucket: usize, key: &str) {
        // The disk first: what is being read from it is then not found in memory either.
        if let Some(disk) = &self.disk {
            disk.remove(bucket, key);
        }
        self.kept.remove(&ObjectQuery { bucket, key });
    }

    /// Returns when what was forgotten before is off the disk too.
    pub async fn settled(&self) {
        if let Some(disk) = &self.disk {
            disk.settled().await;
        }
    }

    /// What the disk tier does, if there is one.
    pub fn disk(&self) -> Option<DiskFigures> {
        self.disk.as_ref().map(Disk::figures)
    }

    /// Writes to the disk what waits for it and lets go of it, within this time. It blocks. Whether it is done.
    pub fn close(&self, patience: std::time::Duration) -> bool {
        self.disk.as_ref().is_none_or(|disk| disk.close(patience))
    }

    /// Bytes kept now, and at most.
    pub fn weight(&self) -> (u64, u64) {
        (self.kept.weight(), self.kept.capacity())
    }

    pub fn items(&self) -> usize {
        self.kept.len()
    }

    fn known(&self, bucket: usize, key: &str) -> Option<Arc<Entry>> {
        match self.kept.get(&ObjectQuery { bucket, key }) {
            Some(Value::Object(entry)) => Some(entry),
            _ => None,
        }
    }

    async fn bring(&self, id: ObjectId, first: Option<u64>) -> Result<Opened, CacheError> {
        let stale = match self.known(id.bucket, &id.key) {
            None => self.recall(&id).await,
            known => known,
        };
        if let Some(entry) = stale.as_ref().filter(|entry| entry.is_fresh(unix_now())) {
            return Ok(Opened { entry: Arc::clone(entry), lookup: Lookup::Hit, at_hand: None });
        }
        let fetched = match first {
            None => self.ask(&id, Probe::Head).await,
            Some(slice) => {
                let unless = stale.as_ref().map(|entry| entry.head.etag.clone());
                match self.ask(&id, Probe::Any { slice, unless }).await {
                    Ok(Fetched::Beyond) => self.ask(&id, Probe::Head).await,
                    other => other,
                }
            }
        };
        let now = unix_now();
        match (fetched, stale) {
            (Ok(Fetched::Unchanged), Some(stale)) => Ok(self.keep_longer(&stale, stale.head.clone(), now)),
            (Ok(Fetched::Head(head)), Some(stale)) if head.etag == stale.head.etag => {
                Ok(self.keep_longer(&stale, head, now))
            }
            (Ok(Fetched::Head(head)), _) => Ok(self.keep(id, head, None, now)),
            (Ok(Fetched::Slice { head, bytes }), _) => Ok(self.keep(id, head, first.zip(Some(bytes)), now)),
            (Ok(Fetched::Unchanged | Fetched::Beyond), _) => Err(CacheError::Failed),
            (Err(error), _) => {
                if error == CacheError::NotFound {
                    self.forget(id.bucket, &id.key);
                }
                Err(error)
            }
        }
    }

    fn keep_longer(&self, stale: &Entry, head: Head, now: i64) -> Opened {
        let mut opened = self.keep(stale.id.clone(), head, stale.body.clone().map(|body| (0, body)), now);
        opened.lookup = Lookup::Revalidated;
        opened
    }

    fn keep(&self, id: ObjectId, head: Head, slice: Option<(u64, Bytes)>, now: i64) -> Opened {
        let cache_control = head.cache_control.as_ref().and_then(|value| value.to_str().ok());
        let (kept, fresh_until) = match storing(cache_control, self.default_ttl) {
            Storing::Keep { seconds } => (true, now.saturating_add(seconds)),
            Storing::Pass => (false, now),
        };
        let (body, at_hand) = match slice {
            _ if head.size == 0 => (Some(Bytes::new()), None),
            Some((0, bytes)) if bytes.len() as u64 == head.size => (Some(bytes), None),
            other => (None, other),
        };
        let entry = Arc::new(Entry { id: id.clone(), head, fresh_until, kept, body });
        if kept {
            if let Some((number, bytes)) = &at_hand {
                let key = Key::Slice { id: id.clone(), etag: entry.head.etag.clone(), number: *number };
                self.kept.insert(key, Value::Slice(bytes.clone()));
                self.keep_slice_on_disk(&entry, *number, bytes, now);
            }
            self.kept.insert(Key::Object(id), Value::Object(Arc::clone(&entry)));
            if let Some(disk) = &self.disk {
                disk.keep_entry(&entry, now);
            }
        } else {
            self.forget(id.bucket, &id.key);
        }
        Opened { entry, lookup: Lookup::Miss, at_hand: at_hand.filter(|_| !kept) }
    }

    async fn fill(&self, entry: &Entry, number: u64) -> Result<Bytes, CacheError> {
        if let Some(bytes) = self.recall_slice(entry, number).await {
            return Ok(bytes);
        }
        let etag = entry.head.etag.clone();
        let bytes = match self.ask(&entry.id, Probe::Version { slice: number, etag: etag.clone() }).await {
            Ok(Fetched::Slice { head, bytes }) if head.etag == etag => bytes,
            Ok(_) | Err(CacheError::Changed | CacheError::NotFound) => return Err(self.changed(entry)),
            Err(error) => return Err(error),
        };
        if bytes.len() as u64 != slice_length(&entry.head, number) {
            return Err(CacheError::Failed);
        }
        if entry.kept {
            let key = Key::Slice { id: entry.id.clone(), etag, number };
            self.kept.insert(key, Value::Slice(bytes.clone()));
            self.keep_slice_on_disk(entry, number, &bytes, unix_now());
        }
        Ok(bytes)
    }

    /// The entry from the disk, into memory.
    async fn recall(&self, id: &ObjectId) -> Option<Arc<Entry>> {
        let disk = self.disk.as_ref()?;
        let recalled = disk.entry(id).await?.map(Arc::new);
        self.kept.insert(Key::Object(id.clone()), Value::Object(Arc::clone(&recalled.value)));
        if disk.still(&recalled) {
            return Some(recalled.value);
        }
        self.kept.remove(&ObjectQuery { bucket: id.bucket, key: &id.key });
        None
    }

    /// A slice from the disk, into memory.
    async fn recall_slice(&self, entry: &Entry, number: u64) -> Option<Bytes> {
        let disk = self.disk.as_ref().filter(|_| entry.kept)?;
        let (id, etag) = (&entry.id, &entry.head.etag);
        let bytes = disk.slice(id, etag, number, slice_length(&entry.head, number)).await?.value;
        let key = Key::Slice { id: id.clone(), etag: etag.clone(), number };
        self.kept.insert(key, Value::Slice(bytes.clone()));
        Some(bytes)
    }

    fn keep_slice_on_disk(&self, entry: &Entry, number: u64, bytes: &Bytes, now: i64) {
        if let Some(disk) = &self.disk {
            disk.keep_slice(&entry.id, &entry.head.etag, number, bytes.clone(), now);
        }
    }

    /// Whether a record on disk is of something small that is in memory, and so is in use without being read from there.
    fn has_in_memory(&self, named: &Named<'_>) -> bool {
        let (bucket, key) = match named {
            Named::Entry { bucket, key } | Named::Slice { bucket, key, number: 0, .. } => (bucket, key),
            Named::Slice { .. } => return false,
        };
        let Some(bucket) = self.disk.as_ref().and_then(|disk| disk.number_of(bucket)) else { return false };
        match (self.kept.peek(&ObjectQuery { bucket, key }), named) {
            (Some(Value::Object(_)), Named::Entry { .. }) => true,
            (Some(Value::Object(entry)), Named::Slice { etag, .. }) => {
                entry.body.is_some() && entry.head.etag.as_bytes() == *etag
            }
            _ => false,
        }
    }

    /// The version is gone: nobody is to find it any more.
    fn changed(&self, entry: &Entry) -> CacheError {
        let query = ObjectQuery { bucket: entry.id.bucket, key: &entry.id.key };
        // On the disk is what is in memory, or what was there last.
        if let Some(disk) = &self.disk
            && self.known(query.bucket, query.key).is_none_or(|known| known.head.etag == entry.head.etag)
        {
            disk.remove(query.bucket, query.key);
        }
        self.kept
            .remove_if(&query, |value| matches!(value, Value::Object(known) if known.head.etag == entry.head.etag));
        CacheError::Changed
    }

    async fn ask(&self, id: &ObjectId, probe: Probe) -> Result<Fetched, CacheError> {
        let _permit = self.permits.acquire().await.map_err(|_| CacheError::Overloaded)?;
        self.fetch.fetch(id, probe).await
    }
}

impl From<NoFlight> for CacheError {
    fn from(missing: NoFlight) -> Self {
        match missing {
            NoFlight::Full => Self::Overloaded,
            NoFlight::Lost => Self::Failed,
        }
    }
}

/// Bytes of a slice of this version.
fn slice_length(head: &Head, number: u64) -> u64 {
    number.checked_mul(SLICE).map_or(0, |start| head.size.saturating_sub(start).min(SLICE))
}

/// Freshness counts from when the origin answered, not from when the request came.
fn unix_now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |age| i64::try_from(age.as_secs()).unwrap_or(i64::MAX))
}
