//! The engine against an origin made of memory: each gap is fetched once, versions are never mixed, trouble is a miss.

#![allow(clippy::unwrap_used)] // the helpers of a test fail the test

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use cache::{Cache, CacheError, Fetch, Fetched, Head, Limits, Lookup, ObjectId, Probe, SLICE, WantedBytes};
use http::HeaderValue;
use tokio::runtime::Handle;

#[derive(Clone, Default)]
struct Origin(Arc<State>);

#[derive(Default)]
struct State {
    objects: Mutex<HashMap<String, (u32, Bytes, &'static str)>>,
    fetches: AtomicUsize,
    bytes: AtomicUsize,
    fail: Mutex<Option<CacheError>>,
}

impl Origin {
    fn put(&self, key: &str, version: u32, bytes: Vec<u8>, cache_control: &'static str) {
        self.0.objects.lock().unwrap().insert(key.to_owned(), (version, bytes.into(), cache_control));
    }

    fn fetches(&self) -> usize {
        self.0.fetches.load(Ordering::SeqCst)
    }
}

impl Fetch for Origin {
    async fn fetch(&self, id: &ObjectId, probe: Probe) -> Result<Fetched, CacheError> {
        self.0.fetches.fetch_add(1, Ordering::SeqCst);
        tokio::task::yield_now().await;
        if let Some(error) = *self.0.fail.lock().unwrap() {
            return Err(error);
        }
        let objects = self.0.objects.lock().unwrap();
        let (version, bytes, cache_control) = objects.get(&*id.key).ok_or(CacheError::NotFound)?.clone();
        let head = Head {
            etag: HeaderValue::from_str(&format!("\"{version}\"")).unwrap(),
            size: bytes.len() as u64,
            last_modified: None,
            cache_control: Some(HeaderValue::from_static(cache_control)),
            headers: Vec::new(),
        };
        let cut = |slice: u64| {
            let first = usize::try_from(slice * SLICE).unwrap();
            let last = bytes.len().min(first + usize::try_from(SLICE).unwrap());
            if first >= bytes.len() {
                return Fetched::Beyond;
            }
            self.0.bytes.fetch_add(last - first, Ordering::SeqCst);
            Fetched::Slice { head: head.clone(), bytes: bytes.slice(first..last) }
        };
        Ok(match probe {
            Probe::Head => Fetched::Head(head.clone()),
            Probe::Any { unless: Some(etag), .. } if etag == head.etag => Fetched::Unchanged,
            Probe::Version { etag, .. } if etag != head.etag => return Err(CacheError::Changed),
            Probe::Any { slice, .. } | Probe::Version { slice, .. } => cut(slice),
        })
    }
}

fn id(key: &str) -> ObjectId {
    ObjectId { bucket: 0, key: key.into() }
}

fn open(memory: u64) -> (Origin, Arc<Cache<Origin>>) {
    let origin = Origin::default();
    let cache = Cache::open(Limits { memory, default_ttl: 60 }, origin.clone(), Handle::current()).unwrap();
    (origin, cache)
}

fn now() -> i64 {
    i64::try_from(std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()).unwrap()
}

const WHOLE: Option<WantedBytes> = Some(WantedBytes::Whole);

async fn read(cache: &Arc<Cache<Origin>>, key: &str) -> Result<Vec<u8>, CacheError> {
    let opened = cache.find(id(key), WHOLE, now()).await?;
    let mut bytes = Vec::new();
    while (bytes.len() as u64) < opened.entry.head.size {
        let number = cache::slice_of(bytes.len() as u64);
        let slice = match &opened.at_hand {
            Some((at_hand, slice)) if *at_hand == number => slice.clone(),
            _ => cache.slice(&opened.entry, number).await?,
        };
        bytes.extend_from_slice(&slice);
    }
    Ok(bytes)
}

fn pattern(size: usize) -> Vec<u8> {
    (0..size).map(|at| u8::try_from(at % 251).unwrap()).collect()
}

#[tokio::test]
async fn a_thousand_readers_cause_one_fetch() {
    let (origin, cache) = open(64 << 20);
    origin.put("a", 1, pattern(1024), "");
    let readers: Vec<_> = (0..1000)
        .map(|_| {
            let cache = Arc::clone(&cache);
            tokio::spawn(async move { read(&cache, "a").await })
        })
        .collect();
    for reader in readers {
        assert_eq!(reader.await.unwrap().unwrap(), pattern(1024));
    }
    assert_eq!(origin.fetches(), 1);
    assert_eq!(cache.find(id("a"), WHOLE, now()).await.unwrap().lookup, Lookup::Hit);
}

#[tokio::test]
async fn sizes_around_a_slice() {
    let slice = usize::try_from(SLICE).unwrap();
    for size in [0, 1, slice - 1, slice, slice + 1, 3 * slice, 3 * slice + 7] {
        let (origin, cache) = open(64 << 20);
        origin.put("a", 1, pattern(size), "");
        assert_eq!(read(&cache, "a").await.unwrap(), pattern(size), "{size}");
        let before = origin.fetches();
        assert_eq!(read(&cache, "a").await.unwrap(), pattern(size), "{size}");
        assert_eq!(origin.fetches(), before, "{size}");
    }
}

#[tokio::test]
async fn a_hundred_bytes_of_a_large_object_cost_one_slice() {
    let (origin, cache) = open(64 << 20);
    origin.put("film", 1, pattern(40 << 20), "");
    let wanted = WantedBytes::From { first: 30 << 20, last: Some((30 << 20) + 99) };
    let opened = cache.find(id("film"), Some(wanted), now()).await.unwrap();
    cache.slice(&opened.entry, 30).await.unwrap();
    assert_eq!((origin.fetches(), origin.0.bytes.load(Ordering::SeqCst) as u64), (1, SLICE));
}

#[tokio::test]
async fn the_fetch_outlives_whoever_asked_first() {
    let (origin, cache) = open(64 << 20);
    origin.put("a", 1, pattern(10), "");
    let mut first = Box::pin(read(&cache, "a"));
    assert!(futures_poll_once(first.as_mut()).await.is_none());
    drop(first);
    assert_eq!(read(&cache, "a").await.unwrap(), pattern(10));
    assert_eq!(origin.fetches(), 1);
}

async fn futures_poll_once<F: Future + Unpin>(mut future: F) -> Option<F::Output> {
    std::future::poll_fn(|context| {
        std::task::Poll::Ready(match std::pin::Pin::new(&mut future).poll(context) {
            std::task::Poll::Ready(output) => Some(output),
            std::task::Poll::Pending => None,
        })
    })
    .await
}

#[tokio::test]
async fn a_replaced_object_is_never_spliced() {
    let (origin, cache) = open(64 << 20);
    origin.put("a", 1, vec![1; 3 << 20], "");
    let opened = cache.find(id("a"), WHOLE, now()).await.unwrap();
    cache.slice(&opened.entry, 0).await.unwrap();
    origin.put("a", 2, vec![2; 3 << 20], "");
    assert_eq!(cache.slice(&opened.entry, 1).await.unwrap_err(), CacheError::Changed);
    // The next reader finds the new version, whole.
    assert_eq!(read(&cache, "a").await.unwrap(), vec![2; 3 << 20]);
}

#[tokio::test]
async fn a_stale_object_is_asked_about_and_not_sent_again() {
    let (origin, cache) = open(64 << 20);
    origin.put("a", 1, pattern(100), "max-age=0");
    read(&cache, "a").await.unwrap();
    let opened = cache.find(id("a"), WHOLE, now()).await.unwrap();
    assert_eq!(opened.lookup, Lookup::Revalidated);
    assert_eq!(origin.0.bytes.load(Ordering::SeqCst), 100);
    origin.put("a", 2, pattern(7), "max-age=0");
    assert_eq!(read(&cache, "a").await.unwrap(), pattern(7));
    origin.0.objects.lock().unwrap().clear();
    assert_eq!(read(&cache, "a").await.unwrap_err(), CacheError::NotFound);
    assert_eq!(cache.items(), 0);
}

#[tokio::test]
async fn what_must_not_be_kept_is_read_through() {
    let (origin, cache) = open(64 << 20);
    for size in [10, 2 << 20] {
        origin.put("a", 1, pattern(size), "no-store");
        assert_eq!(read(&cache, "a").await.unwrap(), pattern(size));
        assert_eq!(cache.items(), 0);
    }
    assert_eq!(origin.fetches(), 1 + 2);
}

#[tokio::test]
async fn the_budget_holds() {
    let (origin, cache) = open(16 << 20);
    for number in 0..200 {
        origin.put(&number.to_string(), 1, pattern(1 << 20), "");
        read(&cache, &number.to_string()).await.unwrap();
        let (weight, most) = cache.weight();
        assert!(weight <= most, "{weight} > {most}");
    }
}

#[tokio::test]
async fn an_origin_in_trouble_leaves_nothing_behind() {
    let (origin, cache) = open(64 << 20);
    origin.put("a", 1, pattern(10), "");
    *origin.0.fail.lock().unwrap() = Some(CacheError::Away);
    assert_eq!(read(&cache, "a").await.unwrap_err(), CacheError::Away);
    *origin.0.fail.lock().unwrap() = None;
    assert_eq!(read(&cache, "a").await.unwrap(), pattern(10));
}
