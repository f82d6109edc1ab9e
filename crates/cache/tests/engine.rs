//! The engine against an origin made of memory: each gap is fetched once, versions are never mixed, trouble is a miss.

#![allow(clippy::unwrap_used)] // the helpers of a test fail the test

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use cache::{
    Cache, CacheError, Defaults, Fetch, Fetched, Head, Limits, Lookup, ObjectId, Opened, Probe, SLICE, Wanted,
    WantedBytes, Wishes,
};
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
            // Version 0 has no name.
            etag: (version > 0).then(|| HeaderValue::from_str(&format!("\"{version}\"")).unwrap()),
            size: bytes.len() as u64,
            cache_control: Some(HeaderValue::from_static(cache_control)),
            ..Head::default()
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
            Probe::Any { unless: Some(known), .. } if known.head.etag == head.etag => Fetched::Unchanged(head.clone()),
            Probe::Version { etag, .. } if Some(&etag) != head.etag.as_ref() => return Err(CacheError::Changed),
            Probe::Any { slice, .. } | Probe::Version { slice, .. } => cut(slice),
        })
    }
}

fn id(key: &str) -> ObjectId {
    ObjectId { bucket: 0, key: key.into() }
}

fn open(memory: u64) -> (Origin, Arc<Cache<Origin>>) {
    let origin = Origin::default();
    let defaults = Defaults { ttl: 60, stale_while_revalidate: 0, stale_if_error: 60 };
    let limits = Limits { memory, defaults, missing_ttl: 0 };
    let cache = Cache::open(limits, origin.clone(), Handle::current()).unwrap();
    (origin, cache)
}

/// At a moment so many seconds from now.
async fn find_in(cache: &Arc<Cache<Origin>>, key: &str, seconds: i64) -> Result<Opened, CacheError> {
    cache.find(id(key), WHOLE, &Wishes::NONE, now() + seconds).await
}

async fn find(cache: &Arc<Cache<Origin>>, key: &str) -> Result<Opened, CacheError> {
    find_in(cache, key, 0).await
}

fn now() -> i64 {
    i64::try_from(std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()).unwrap()
}

const WHOLE: Option<&WantedBytes> = Some(&WantedBytes::Whole);

async fn read(cache: &Arc<Cache<Origin>>, key: &str) -> Result<Vec<u8>, CacheError> {
    let opened = find(cache, key).await?;
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
    assert_eq!(find(&cache, "a").await.unwrap().lookup, Lookup::Hit);
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
    let wanted = WantedBytes::One(Wanted::From { first: 30 << 20, last: Some((30 << 20) + 99) });
    let opened = cache.find(id("film"), Some(&wanted), &Wishes::NONE, now()).await.unwrap();
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
    let opened = find(&cache, "a").await.unwrap();
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
    let opened = find(&cache, "a").await.unwrap();
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

/// Waits for a fetch that goes on behind an answer.
async fn comes(done: impl Fn() -> bool) -> bool {
    for _ in 0..1000 {
        if done() {
            return true;
        }
        tokio::task::yield_now().await;
    }
    false
}

#[tokio::test]
async fn while_it_is_asked_about_the_old_answers() {
    let (origin, cache) = open(64 << 20);
    origin.put("a", 1, pattern(10), "max-age=10, stale-while-revalidate=10");
    find(&cache, "a").await.unwrap();
    origin.put("a", 2, pattern(20), "max-age=10");
    // Readers at one moment cause one fetch, and none of them waits.
    for _ in 0..5 {
        let opened = find_in(&cache, "a", 15).await.unwrap();
        assert_eq!((opened.lookup, opened.entry.head.size), (Lookup::Stale, 10));
    }
    assert!(comes(|| cache.hit(0, "a", &Wishes::NONE, now()).is_some_and(|entry| entry.head.size == 20)).await);
    assert_eq!(origin.fetches(), 2);
    // Beyond that time the origin is asked first.
    origin.put("a", 3, pattern(30), "max-age=10");
    assert_eq!(find_in(&cache, "a", 25).await.unwrap().entry.head.size, 30);
}

#[tokio::test]
async fn an_origin_in_trouble_is_answered_for_and_left_in_peace() {
    let (origin, cache) = open(64 << 20);
    for (key, cache_control) in [("a", "max-age=10"), ("strict", "max-age=10, must-revalidate")] {
        origin.put(key, 1, pattern(10), cache_control);
        find(&cache, key).await.unwrap();
    }
    let before = origin.fetches();
    for error in [CacheError::Away, CacheError::Slow, CacheError::Failed] {
        *origin.0.fail.lock().unwrap() = Some(error);
        assert_eq!(find_in(&cache, "strict", 15).await.unwrap_err(), error);
    }
    assert_eq!(origin.fetches(), before + 3);
    for _ in 0..5 {
        assert_eq!(find_in(&cache, "a", 1).await.unwrap().lookup, Lookup::Hit);
    }
    *origin.0.fail.lock().unwrap() = Some(CacheError::Away);
    // One question, whose failure spares the origin the next ones.
    let opened = cache.find(id("a"), WHOLE, &no_cache(), now() + 1).await.unwrap();
    assert_eq!(opened.lookup, Lookup::Hit, "it is fresh still");
    for _ in 0..5 {
        assert_eq!(cache.find(id("a"), WHOLE, &no_cache(), now() + 1).await.unwrap().lookup, Lookup::Hit);
    }
    assert_eq!(origin.fetches(), before + 4);
    // Later it is asked again, and what it refuses is refused.
    assert_eq!(find_in(&cache, "a", 15).await.unwrap().lookup, Lookup::Stale);
    *origin.0.fail.lock().unwrap() = Some(CacheError::Denied);
    assert_eq!(find_in(&cache, "a", 30).await.unwrap_err(), CacheError::Denied);
    *origin.0.fail.lock().unwrap() = None;
    assert_eq!(find_in(&cache, "a", 40).await.unwrap().lookup, Lookup::Revalidated);
    *origin.0.fail.lock().unwrap() = Some(CacheError::Away);
    assert_eq!(find_in(&cache, "a", 71).await.unwrap_err(), CacheError::Away, "the time for it is over");
}

fn no_cache() -> Wishes {
    let mut headers = http::HeaderMap::new();
    headers.insert("cache-control", HeaderValue::from_static("no-cache"));
    Wishes::of(&headers)
}

#[tokio::test]
async fn clients_make_the_origin_work_once_a_second_at_most() {
    let (origin, cache) = open(64 << 20);
    origin.put("a", 1, pattern(10), "");
    for _ in 0..100 {
        cache.find(id("a"), WHOLE, &no_cache(), now()).await.unwrap();
    }
    // The clock may have moved on meanwhile.
    assert!(origin.fetches() <= 2, "{}", origin.fetches());
    let before = origin.fetches();
    let opened = cache.find(id("a"), WHOLE, &no_cache(), now() + 2).await.unwrap();
    assert_eq!((opened.lookup, origin.fetches()), (Lookup::Revalidated, before + 1));
}

#[tokio::test]
async fn nothing_is_asked_for_who_wants_only_what_is_kept() {
    let (origin, cache) = open(64 << 20);
    origin.put("a", 1, pattern(10), "max-age=10");
    let mut headers = http::HeaderMap::new();
    headers.insert("cache-control", HeaderValue::from_static("only-if-cached"));
    let wishes = Wishes::of(&headers);
    assert_eq!(cache.find(id("a"), WHOLE, &wishes, now()).await.unwrap_err(), CacheError::NotKept);
    assert_eq!(origin.fetches(), 0);
    find(&cache, "a").await.unwrap();
    assert_eq!(cache.find(id("a"), WHOLE, &wishes, now()).await.unwrap().lookup, Lookup::Hit);
    assert_eq!(cache.find(id("a"), WHOLE, &wishes, now() + 20).await.unwrap_err(), CacheError::NotKept);
    assert_eq!(origin.fetches(), 1);
}

#[tokio::test]
async fn what_is_missing_is_remembered_where_that_is_wanted() {
    let origin = Origin::default();
    let limits = Limits { memory: 64 << 20, defaults: Defaults { ttl: 60, ..Defaults::default() }, missing_ttl: 10 };
    let cache = Cache::open(limits, origin.clone(), Handle::current()).unwrap();
    for _ in 0..3 {
        assert_eq!(find(&cache, "a").await.unwrap_err(), CacheError::NotFound);
    }
    assert_eq!(origin.fetches(), 1);
    origin.put("a", 1, pattern(10), "");
    assert_eq!(find(&cache, "a").await.unwrap_err(), CacheError::NotFound);
    assert_eq!(find_in(&cache, "a", 11).await.unwrap().lookup, Lookup::Miss);
    // A refusal is not remembered, and purging forgets what is missing too.
    *origin.0.fail.lock().unwrap() = Some(CacheError::Denied);
    assert_eq!(find(&cache, "b").await.unwrap_err(), CacheError::Denied);
    *origin.0.fail.lock().unwrap() = None;
    assert_eq!(find(&cache, "b").await.unwrap_err(), CacheError::NotFound);
    cache.forget(0, "b");
    origin.put("b", 1, pattern(10), "");
    assert_eq!(find(&cache, "b").await.unwrap().lookup, Lookup::Miss);
}

#[tokio::test]
async fn an_object_without_a_name_is_kept_whole_or_not_at_all() {
    let (origin, cache) = open(64 << 20);
    origin.put("a", 0, pattern(10), "max-age=10");
    assert_eq!(read(&cache, "a").await.unwrap(), pattern(10));
    assert_eq!(find(&cache, "a").await.unwrap().lookup, Lookup::Hit);
    // Stale, it is fetched anew: the origin could not say that it has not changed.
    assert_eq!(find_in(&cache, "a", 20).await.unwrap().lookup, Lookup::Miss);
    // A head alone takes nothing's place.
    let head = cache.find(id("a"), None, &Wishes::NONE, now() + 40).await.unwrap();
    assert_eq!((head.entry.kept, head.entry.head.size), (false, 10));
    assert_eq!(find(&cache, "a").await.unwrap().lookup, Lookup::Hit);
    origin.put("large", 0, pattern(2 << 20), "");
    assert_eq!(find(&cache, "large").await.unwrap_err(), CacheError::Failed);
}
