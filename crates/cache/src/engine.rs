//! Keeps entries and slices in memory within a budget, and has each gap fetched once.
//!
//! It does not know where objects come from: whoever opens the cache hands in a [`Fetch`].

use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use foldhash::fast::RandomState;
use http::HeaderValue;
use quick_cache::sync::DefaultLifecycle;
use quick_cache::{Equivalent, OptionsBuilder, Weighter};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::disk::{Disk, DiskFault, DiskFigures, DiskSettings, Named};
use crate::flights::{Flights, NoFlight};
use crate::freshness::{Defaults, Lifetime, lifetime};
use crate::object::{Entry, Head, ObjectId, SLICE, slice_of};
use crate::ranges::WantedBytes;
use crate::reuse::{Reuse, Wishes, reuse};

/// Fetches at the origin at one time: each may hold a slice in memory that is not in the budget yet.
const FETCHES: usize = 256;
/// Fetches under way or waiting for their turn; beyond it requests are told to come back.
const WAITING_FETCHES: usize = 4096;
/// How long a request waits for an origin that does not answer where there is something to answer with: a reader notices more.
const PATIENCE: Duration = Duration::from_secs(3);
/// Seconds for which an origin in trouble is not asked again about an object that can be answered without it. Short, so that
/// its recovery is seen soon.
const REST: i64 = 2;

/// What a fetch asks the origin for.
#[derive(Clone, Debug)]
pub enum Probe {
    /// The object's head alone.
    Head,
    /// A slice of whatever version there is, unless it is the one of this entry, which has a validator.
    Any { slice: u64, unless: Option<Arc<Entry>> },
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
    /// The version is still that of `unless`; the head is what is known of it by now (RFC 9111 section 3.2).
    Unchanged(Head),
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
    /// The request wants no more than what is kept, and that does not answer it.
    NotKept,
}

impl CacheError {
    /// Trouble that says nothing about the object (RFC 5861 section 4).
    fn is_trouble(self) -> bool {
        matches!(self, Self::Failed | Self::Away | Self::Slow | Self::Overloaded)
    }
}

pub trait Fetch: Send + Sync + 'static {
    /// Asks the origin. A slice comes whole or not at all.
    fn fetch(&self, id: &ObjectId, probe: Probe) -> impl Future<Output = Result<Fetched, CacheError>> + Send;
}

#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes.
    pub memory: u64,
    /// For objects that say nothing themselves.
    pub defaults: Defaults,
    /// Seconds for which a missing object is not asked for again.
    pub missing_ttl: i64,
}

pub struct Cache<F> {
    kept: quick_cache::sync::Cache<Key, Value, ByBytes, RandomState>,
    opening: Arc<Flights<ObjectId, Result<Opened, CacheError>>>,
    filling: Arc<Flights<Key, Result<Bytes, CacheError>>>,
    permits: Arc<Semaphore>,
    fetch: F,
    disk: Option<Disk>,
    recalling: Arc<Flights<ObjectId, Option<Arc<Entry>>>>,
    defaults: Defaults,
    missing_ttl: i64,
    runtime: Handle,
}

/// How an object was come by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup {
    Hit,
    Miss,
    Revalidated,
    /// What is kept answered though it is stale.
    Stale,
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
    /// There is no such object, until this second.
    Missing(i64),
    Slice(Bytes),
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<Key, Value> for ByBytes {
    fn weight(&self, _: &Key, value: &Value) -> u64 {
        match value {
            Value::Object(entry) => entry.weight(),
            Value::Missing(_) => 512,
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
            recalling: Flights::new(WAITING_FETCHES),
            defaults: limits.defaults,
            missing_ttl: limits.missing_ttl,
            runtime,
        }))
    }

    /// The entry that answers at once, if there is one and it is fresh.
    pub fn hit(&self, bucket: usize, key: &str, wishes: &Wishes, now: i64) -> Option<Arc<Entry>> {
        self.known(bucket, key).filter(|entry| reuse(&entry.lifetime, wishes, now) == Reuse::Now)
    }

    /// The object's entry, fetched or asked about where needed. `wanted` tells which slice to bring along; `None` wants the
    /// head alone.
    pub async fn find(
        self: &Arc<Self>,
        id: ObjectId,
        wanted: Option<&WantedBytes>,
        wishes: &Wishes,
        now: i64,
    ) -> Result<Opened, CacheError> {
        let opened = |entry, lookup| Opened { entry, lookup, at_hand: None };
        let first = wanted.and_then(WantedBytes::first_byte).map(slice_of);
        let kept = self.kept(&id).await;
        let found = kept.clone();
        let reuse = kept.as_ref().map_or(Reuse::Ask, |entry| reuse(&entry.lifetime, wishes, now));
        let mut instead = None;
        match (reuse, kept) {
            (Reuse::Now, Some(entry)) => return Ok(opened(entry, Lookup::Hit)),
            (Reuse::NowStale, Some(entry)) => return Ok(opened(entry, Lookup::Stale)),
            (Reuse::NowAndAsk, Some(entry)) => {
                self.ask_meanwhile(&id, first, &entry, now);
                return Ok(opened(entry, Lookup::Stale));
            }
            (Reuse::AskOrUse, Some(entry)) => {
                let lookup = if entry.lifetime.is_fresh(now) { Lookup::Hit } else { Lookup::Stale };
                if now < entry.rested.load(Ordering::Relaxed) {
                    return Ok(opened(entry, lookup));
                }
                instead = Some(opened(entry, lookup));
            }
            _ if self.is_missing(&id, now) => return Err(CacheError::NotFound),
            _ if wishes.only_if_cached() => return Err(CacheError::NotKept),
            _ => {}
        }
        let known = || self.hit(id.bucket, &id.key, wishes, now).map(|entry| Ok(opened(entry, Lookup::Hit)));
        let (cache, object) = (Arc::clone(self), id.clone());
        let asked =
            self.opening.join(&id, &self.runtime, known, || async move { cache.bring(object, first, found).await });
        let Some(instead) = instead else {
            return asked.await.unwrap_or_else(|missing| Err(missing.into()));
        };
        match timeout(PATIENCE, asked).await {
            Ok(Ok(Ok(opened))) => Ok(opened),
            Ok(Ok(Err(error))) if !error.is_trouble() => Err(error),
            _ => Ok(instead),
        }
    }

    /// Has the object's entry renewed while it answers.
    fn ask_meanwhile(self: &Arc<Self>, id: &ObjectId, first: Option<u64>, entry: &Arc<Entry>, now: i64) {
        if now < entry.rested.load(Ordering::Relaxed) {
            return;
        }
        let (cache, object, found) = (Arc::clone(self), id.clone(), Some(Arc::clone(entry)));
        // No room for it is no fault: the next reader asks, or waits.
        let _ =
            self.opening.start(id, &self.runtime, || None, || async move { cache.bring(object, first, found).await });
    }

    /// One slice of the entry's version.
    pub async fn slice(self: &Arc<Self>, entry: &Arc<Entry>, number: u64) -> Result<Bytes, CacheError> {
        if let Some(bytes) = self.at_hand(entry, number) {
            return Ok(bytes);
        }
        let etag = entry.head.version().cloned().ok_or(CacheError::Failed)?;
        let key = Key::Slice { id: entry.id.clone(), etag, number };
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
        let key = Key::Slice { id: entry.id.clone(), etag: entry.head.version()?.clone(), number };
        match self.kept.get(&key) {
            Some(Value::Slice(bytes)) => Some(bytes),
            _ => None,
        }
    }

    /// Begins to fetch a slice that will be wanted soon.
    pub fn read_ahead(self: &Arc<Self>, entry: &Arc<Entry>, number: u64) {
        let Some(etag) = entry.head.version().filter(|_| entry.kept && self.at_hand(entry, number).is_none()) else {
            return;
        };
        let key = Key::Slice { id: entry.id.clone(), etag: etag.clone(), number };
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

    fn is_missing(&self, id: &ObjectId, now: i64) -> bool {
        let query = ObjectQuery { bucket: id.bucket, key: &id.key };
        self.missing_ttl > 0 && matches!(self.kept.get(&query), Some(Value::Missing(until)) if now < until)
    }

    /// What is in memory, or on disk where there is nothing in memory.
    async fn kept(self: &Arc<Self>, id: &ObjectId) -> Option<Arc<Entry>> {
        let query = ObjectQuery { bucket: id.bucket, key: &id.key };
        match self.kept.get(&query) {
            Some(Value::Object(entry)) => return Some(entry),
            None if self.disk.is_some() => {}
            _ => return None,
        }
        let known = || self.known(id.bucket, &id.key).map(Some);
        let (cache, object) = (Arc::clone(self), id.clone());
        let recalled = self.recalling.join(id, &self.runtime, known, || async move { cache.recall(&object).await });
        recalled.await.ok().flatten()
    }

    /// `found` is what the caller found; memory may have had no room for what came from the disk.
    async fn bring(&self, id: ObjectId, first: Option<u64>, found: Option<Arc<Entry>>) -> Result<Opened, CacheError> {
        let stale = self.known(id.bucket, &id.key).or(found);
        let asked = unix_now();
        let fetched = match first {
            None => self.ask(&id, Probe::Head).await,
            Some(slice) => {
                let unless = stale.clone().filter(|entry| entry.head.has_validator());
                match self.ask(&id, Probe::Any { slice, unless }).await {
                    Ok(Fetched::Beyond) => self.ask(&id, Probe::Head).await,
                    other => other,
                }
            }
        };
        match (fetched, stale) {
            (Ok(Fetched::Unchanged(head)), Some(stale)) => Ok(self.keep_longer(&stale, head, asked)),
            (Ok(Fetched::Head(head)), Some(stale)) if is_same_version(&head, &stale.head) => {
                Ok(self.keep_longer(&stale, head, asked))
            }
            (Ok(Fetched::Head(head)), _) => Ok(self.keep(id, head, None, asked)),
            (Ok(Fetched::Slice { head, bytes }), _) => {
                // Without a name for the version there would be nothing to ask for the rest by.
                if head.version().is_none() && bytes.len() as u64 != head.size {
                    return Err(CacheError::Failed);
                }
                Ok(self.keep(id, head, first.zip(Some(bytes)), asked))
            }
            (Ok(Fetched::Unchanged(_) | Fetched::Beyond), _) => Err(CacheError::Failed),
            (Err(error), stale) => {
                if error == CacheError::NotFound {
                    self.keep_missing(id);
                } else if let Some(stale) = stale.filter(|_| error.is_trouble()) {
                    stale.rested.store(unix_now().saturating_add(REST), Ordering::Relaxed);
                }
                Err(error)
            }
        }
    }

    fn keep_missing(&self, id: ObjectId) {
        if self.missing_ttl > 0 {
            if let Some(disk) = &self.disk {
                disk.remove(id.bucket, &id.key);
            }
            let until = unix_now().saturating_add(self.missing_ttl);
            self.kept.insert(Key::Object(id), Value::Missing(until));
        } else {
            self.forget(id.bucket, &id.key);
        }
    }

    fn keep_longer(&self, stale: &Entry, head: Head, asked: i64) -> Opened {
        let mut opened = self.keep(stale.id.clone(), head, stale.body.clone().map(|body| (0, body)), asked);
        opened.lookup = Lookup::Revalidated;
        opened
    }

    /// `asked` is when the question left: the answer may be as old.
    fn keep(&self, id: ObjectId, head: Head, slice: Option<(u64, Bytes)>, asked: i64) -> Opened {
        let now = unix_now();
        let lifetime = lifetime(&head, &self.defaults, asked, now);
        let (body, at_hand) = match slice {
            _ if head.size == 0 => (Some(Bytes::new()), None),
            Some((0, bytes)) if bytes.len() as u64 == head.size => (Some(bytes), None),
            other => (None, other),
        };
        // A head without bytes and without a name for the version is of no use later, and takes no better entry's place.
        let useful = body.is_some() || head.version().is_some();
        let kept = lifetime.is_some() && useful;
        let lifetime = lifetime.unwrap_or_else(|| Lifetime::over(&head, now));
        let rested = AtomicI64::new(0);
        let entry = Arc::new(Entry { id: id.clone(), head, lifetime, kept, body, rested });
        if kept {
            if let (Some((number, bytes)), Some(version)) = (&at_hand, entry.head.version()) {
                let key = Key::Slice { id: id.clone(), etag: version.clone(), number: *number };
                self.kept.insert(key, Value::Slice(bytes.clone()));
                self.keep_slice_on_disk(&entry, *number, bytes, now);
            }
            self.kept.insert(Key::Object(id), Value::Object(Arc::clone(&entry)));
            if let Some(disk) = &self.disk {
                disk.keep_entry(&entry, now);
            }
        } else if useful {
            self.forget(id.bucket, &id.key);
        }
        Opened { entry, lookup: Lookup::Miss, at_hand: at_hand.filter(|_| !kept) }
    }

    async fn fill(&self, entry: &Entry, number: u64) -> Result<Bytes, CacheError> {
        if let Some(bytes) = self.recall_slice(entry, number).await {
            return Ok(bytes);
        }
        let etag = entry.head.version().cloned().ok_or(CacheError::Failed)?;
        let bytes = match self.ask(&entry.id, Probe::Version { slice: number, etag: etag.clone() }).await {
            Ok(Fetched::Slice { head, bytes }) if head.version() == Some(&etag) => bytes,
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
        let (id, etag) = (&entry.id, entry.head.version()?);
        let bytes = disk.slice(id, etag, number, slice_length(&entry.head, number)).await?.value;
        let key = Key::Slice { id: id.clone(), etag: etag.clone(), number };
        self.kept.insert(key, Value::Slice(bytes.clone()));
        Some(bytes)
    }

    fn keep_slice_on_disk(&self, entry: &Entry, number: u64, bytes: &Bytes, now: i64) {
        if let Some((disk, version)) = self.disk.as_ref().zip(entry.head.version()) {
            disk.keep_slice(&entry.id, version, number, bytes.clone(), now);
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
                entry.body.is_some() && entry.head.version().is_some_and(|version| version.as_bytes() == *etag)
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

/// Without a strong name on both sides it may be another version.
fn is_same_version(one: &Head, other: &Head) -> bool {
    one.version().is_some() && one.version() == other.version()
}

/// Freshness counts from when the origin answered, not from when the request came.
fn unix_now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |age| i64::try_from(age.as_secs()).unwrap_or(i64::MAX))
}
