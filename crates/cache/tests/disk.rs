//! The disk tier against an origin made of memory: what is on disk is right or a miss, whatever happens to the files.

#![allow(clippy::unwrap_used)] // the helpers of a test fail the test

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use cache::{
    Cache, CacheError, DISK_LEAST, Defaults, DiskFault, DiskSettings, Fetch, Fetched, Head, Limits, Lookup, ObjectId,
    Probe, SLICE, WantedBytes, Wishes,
};
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use tokio::runtime::Handle;

const FRESH: &str = "max-age=1000";
const ASK: &str = "no-cache";
const NEVER: &str = "no-store";
const PATIENCE: Duration = Duration::from_secs(30);
/// So little memory that everything comes from the disk.
const NO_MEMORY: u64 = 1;

/// Objects by key: version, bytes, `Cache-Control`.
#[derive(Clone, Default)]
struct Origin(Arc<State>);

#[derive(Default)]
struct State {
    objects: Mutex<HashMap<String, (u32, Bytes, &'static str)>>,
    /// Bytes that were asked for, by key.
    sent: Mutex<HashMap<String, u64>>,
    fetches: AtomicUsize,
}

impl Origin {
    fn put(&self, key: &str, version: u32, bytes: impl Into<Bytes>, cache_control: &'static str) {
        self.0.objects.lock().unwrap().insert(key.to_owned(), (version, bytes.into(), cache_control));
    }

    fn bytes(&self, key: &str) -> Bytes {
        self.0.objects.lock().unwrap().get(key).unwrap().1.clone()
    }

    fn fetches(&self) -> usize {
        self.0.fetches.load(Ordering::SeqCst)
    }

    fn sent(&self, key: &str) -> u64 {
        self.0.sent.lock().unwrap().get(key).copied().unwrap_or(0)
    }
}

impl Fetch for Origin {
    async fn fetch(&self, id: &ObjectId, probe: Probe) -> Result<Fetched, CacheError> {
        self.0.fetches.fetch_add(1, Ordering::SeqCst);
        let (version, bytes, cache_control) =
            self.0.objects.lock().unwrap().get(&*id.key).ok_or(CacheError::NotFound)?.clone();
        let head = Head {
            etag: Some(HeaderValue::from_str(&format!("\"{version}\"")).unwrap()),
            size: bytes.len() as u64,
            last_modified: Some(i64::from(version)),
            cache_control: Some(HeaderValue::from_static(cache_control)),
            headers: vec![(CONTENT_TYPE, HeaderValue::from(version))],
            ..Head::default()
        };
        let slice = match probe {
            Probe::Head => return Ok(Fetched::Head(head)),
            Probe::Any { unless: Some(known), .. } if known.head.etag == head.etag => {
                return Ok(Fetched::Unchanged(head));
            }
            Probe::Version { etag, .. } if Some(&etag) != head.etag.as_ref() => return Err(CacheError::Changed),
            Probe::Any { slice, .. } | Probe::Version { slice, .. } => slice,
        };
        let first = usize::try_from(slice * SLICE).unwrap();
        if first >= bytes.len() {
            return Ok(Fetched::Beyond);
        }
        let bytes = bytes.slice(first..bytes.len().min(first + usize::try_from(SLICE).unwrap()));
        *self.0.sent.lock().unwrap().entry(id.key.to_string()).or_default() += bytes.len() as u64;
        Ok(Fetched::Slice { head, bytes })
    }
}

/// A directory that goes with the test.
struct Dir(PathBuf);

impl Dir {
    fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Self(std::env::temp_dir().join(format!("edgepass-disk-{}-{number}", std::process::id())))
    }

    fn segments(&self) -> Vec<PathBuf> {
        let names = fs::read_dir(&self.0).unwrap().map(|entry| entry.unwrap().path());
        let mut segments: Vec<PathBuf> = names.filter(|path| path.extension().is_some()).collect();
        segments.sort();
        segments
    }

    fn bytes(&self) -> u64 {
        fs::read_dir(&self.0).unwrap().filter_map(|entry| entry.unwrap().metadata().ok()).map(|it| it.len()).sum()
    }

    /// What a process that is killed now leaves behind.
    fn as_it_is(&self) -> Self {
        let copy = Self::new();
        fs::create_dir(&copy.0).unwrap();
        for entry in fs::read_dir(&self.0).unwrap() {
            let path = entry.unwrap().path();
            let _ = fs::copy(&path, copy.0.join(path.file_name().unwrap())); // the oldest may be removed just now
        }
        copy
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

type Tested = Arc<Cache<Origin>>;

fn settings(path: &Path) -> DiskSettings {
    DiskSettings {
        path: path.to_owned(),
        size: DISK_LEAST,
        buckets: vec!["store\nbucket".into()],
        tell: Arc::new(|_| ()),
    }
}

fn open(dir: &Dir, origin: &Origin, memory: u64) -> Tested {
    let limits = limits(memory);
    Cache::open_with_disk(limits, settings(&dir.0), origin.clone(), Handle::current()).unwrap()
}

async fn reopen(cache: Tested, dir: &Dir, origin: &Origin, memory: u64) -> Tested {
    assert!(tokio::task::spawn_blocking(move || cache.close(PATIENCE)).await.unwrap());
    open(dir, origin, memory)
}

fn now() -> i64 {
    i64::try_from(std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()).unwrap()
}

fn limits(memory: u64) -> Limits {
    Limits { memory, defaults: Defaults { ttl: 60, ..Defaults::default() }, missing_ttl: 0 }
}

fn id(key: &str) -> ObjectId {
    ObjectId { bucket: 0, key: key.into() }
}

async fn read(cache: &Tested, key: &str) -> Result<(Lookup, Vec<u8>), CacheError> {
    let opened = cache.find(id(key), Some(&WantedBytes::Whole), &Wishes::NONE, now()).await?;
    let Head { etag, headers, .. } = &opened.entry.head;
    assert_eq!(
        format!("\"{}\"", headers.first().unwrap().1.to_str().unwrap()),
        etag.as_ref().unwrap().to_str().unwrap(),
        "one version's head"
    );
    let mut bytes = Vec::new();
    while (bytes.len() as u64) < opened.entry.head.size {
        let number = cache::slice_of(bytes.len() as u64);
        let slice = match &opened.at_hand {
            Some((at_hand, slice)) if *at_hand == number => slice.clone(),
            _ => cache.slice(&opened.entry, number).await?,
        };
        bytes.extend_from_slice(&slice);
    }
    Ok((opened.lookup, bytes))
}

/// Reads once more where the version that was known is gone, as the pipeline does.
async fn read_again(cache: &Tested, key: &str) -> Vec<u8> {
    match read(cache, key).await {
        Err(CacheError::Changed) => read(cache, key).await.unwrap().1,
        read => read.unwrap().1,
    }
}

/// Bytes that tell which object, version and place they are of.
fn pattern(seed: u64, size: usize) -> Vec<u8> {
    let mut dice = Dice(seed.wrapping_mul(2).wrapping_add(1));
    let mut bytes: Vec<u8> = (0..size.div_ceil(8)).flat_map(|_| dice.next().to_le_bytes()).collect();
    bytes.truncate(size);
    bytes
}

/// SplitMix64.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        *choices.get(usize::try_from(self.below(choices.len() as u64)).unwrap()).unwrap()
    }
}

#[tokio::test]
async fn a_restart_finds_everything_again() {
    let (dir, origin) = (Dir::new(), Origin::default());
    let sizes = [0, 1, 100, 16 << 10, (16 << 10) + 1, 1 << 20, (1 << 20) + 1, (3 << 20) + 5];
    let cache = open(&dir, &origin, 64 << 20);
    for (number, size) in sizes.into_iter().enumerate() {
        origin.put(&format!("{size}"), u32::try_from(number).unwrap(), pattern(number as u64, size), FRESH);
        assert_eq!(read(&cache, &format!("{size}")).await.unwrap().1, origin.bytes(&format!("{size}")));
    }
    let asked = origin.fetches();
    cache.settled().await;
    let killed = dir.as_it_is();
    for (dir, cache) in [(&killed, None), (&dir, Some(cache))] {
        for memory in [NO_MEMORY, 64 << 20] {
            let cache = match &cache {
                Some(cache) => reopen(Arc::clone(cache), dir, &origin, memory).await,
                None => open(dir, &origin, memory),
            };
            for size in sizes {
                let (lookup, bytes) = read(&cache, &format!("{size}")).await.unwrap();
                assert_eq!((lookup, bytes.len()), (Lookup::Hit, size));
                assert!(bytes == origin.bytes(&format!("{size}")), "{size}");
            }
            assert!(tokio::task::spawn_blocking(move || cache.close(PATIENCE)).await.unwrap());
        }
    }
    assert_eq!(origin.fetches(), asked);
}

#[tokio::test]
async fn what_is_in_memory_is_not_read_from_disk_and_what_is_read_goes_there() {
    let (dir, origin) = (Dir::new(), Origin::default());
    origin.put("film", 1, pattern(1, 3 << 20), FRESH);
    let cache = open(&dir, &origin, 64 << 20);
    read(&cache, "film").await.unwrap();
    read(&cache, "film").await.unwrap();
    assert_eq!(cache.disk().unwrap().hits, 0);
    let cache = reopen(cache, &dir, &origin, 64 << 20).await;
    read(&cache, "film").await.unwrap();
    assert_eq!(cache.disk().unwrap().hits, 4);
    read(&cache, "film").await.unwrap();
    assert_eq!(cache.disk().unwrap().hits, 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_who_wait_cause_one_read_from_disk() {
    let (dir, origin) = (Dir::new(), Origin::default());
    origin.put("film", 1, pattern(1, 3 << 20), FRESH);
    let cache = open(&dir, &origin, 64 << 20);
    read(&cache, "film").await.unwrap();
    let cache = reopen(cache, &dir, &origin, 64 << 20).await;
    let readers: Vec<_> = (0..500)
        .map(|_| {
            let cache = Arc::clone(&cache);
            tokio::spawn(async move { read(&cache, "film").await })
        })
        .collect();
    for reader in readers {
        assert!(reader.await.unwrap().unwrap().1 == origin.bytes("film"));
    }
    assert_eq!((cache.disk().unwrap().hits, origin.sent("film")), (4, 3 << 20));
}

#[tokio::test]
async fn a_stale_object_is_asked_about_and_not_sent_again() {
    let (dir, origin) = (Dir::new(), Origin::default());
    for (key, size) in [("small", 100), ("middle", 500 << 10), ("large", 3 << 20)] {
        origin.put(key, 1, pattern(1, size), ASK);
        let cache = open(&dir, &origin, NO_MEMORY);
        read(&cache, key).await.unwrap();
        let sent = origin.sent(key);
        let cache = reopen(cache, &dir, &origin, NO_MEMORY).await;
        let (lookup, bytes) = read(&cache, key).await.unwrap();
        assert_eq!((lookup, origin.sent(key)), (Lookup::Revalidated, sent));
        assert!(bytes == origin.bytes(key));
        origin.put(key, 2, pattern(2, size), ASK);
        assert!(read_again(&cache, key).await == origin.bytes(key), "another version");
        assert!(tokio::task::spawn_blocking(move || cache.close(PATIENCE)).await.unwrap());
    }
}

#[tokio::test]
async fn what_may_not_be_kept_is_not_on_disk() {
    let (dir, origin) = (Dir::new(), Origin::default());
    let cache = open(&dir, &origin, 64 << 20);
    for (key, control) in [("no-store", NEVER), ("private", "private, max-age=60")] {
        origin.put(key, 1, pattern(1, (1 << 20) + 7), control);
        read(&cache, key).await.unwrap();
    }
    cache.settled().await;
    assert_eq!(cache.disk().unwrap().entries, 0);
    // Nor once it was kept, and then became private.
    origin.put("late", 1, pattern(1, 100), ASK);
    read(&cache, "late").await.unwrap();
    origin.put("late", 2, pattern(2, 100), NEVER);
    read(&cache, "late").await.unwrap();
    cache.settled().await;
    assert_eq!(cache.disk().unwrap().entries, 0);
}

#[tokio::test]
async fn what_was_forgotten_does_not_come_back() {
    let (dir, origin) = (Dir::new(), Origin::default());
    for key in ["small", "large"] {
        origin.put(key, 1, pattern(1, if key == "small" { 10 } else { 3 << 20 }), FRESH);
        let cache = open(&dir, &origin, NO_MEMORY);
        read(&cache, key).await.unwrap();
        cache.forget(0, key); // also what still waits to be written
        origin.put(key, 2, pattern(2, 50), FRESH);
        assert!(read_again(&cache, key).await == origin.bytes(key));
        cache.settled().await;
        cache.forget(0, key);
        cache.settled().await;
        origin.put(key, 3, pattern(3, 70), FRESH);
        let killed = dir.as_it_is();
        assert!(read(&open(&killed, &origin, NO_MEMORY), key).await.unwrap().1 == origin.bytes(key));
        // Without the end of the newest segment too.
        let killed = dir.as_it_is();
        let newest = OpenOptions::new().write(true).open(killed.segments().last().unwrap()).unwrap();
        newest.set_len(newest.metadata().unwrap().len() - 1).unwrap();
        assert!(read(&open(&killed, &origin, NO_MEMORY), key).await.unwrap().1 == origin.bytes(key));
        assert!(tokio::task::spawn_blocking(move || cache.close(PATIENCE)).await.unwrap());
    }
}

#[tokio::test]
async fn another_bucket_is_another_object() {
    let (dir, origin) = (Dir::new(), Origin::default());
    origin.put("a", 1, pattern(1, 10), FRESH);
    let cache = open(&dir, &origin, NO_MEMORY);
    read(&cache, "a").await.unwrap();
    assert!(tokio::task::spawn_blocking(move || cache.close(PATIENCE)).await.unwrap());
    let limits = limits(NO_MEMORY);
    let buckets = vec!["store\nother".into(), "store\nbucket".into()];
    let settings = DiskSettings { buckets, ..settings(&dir.0) };
    let cache = Cache::open_with_disk(limits, settings, origin.clone(), Handle::current()).unwrap();
    assert_eq!(read(&cache, "a").await.unwrap().0, Lookup::Miss);
    let moved = cache
        .find(ObjectId { bucket: 1, key: "a".into() }, Some(&WantedBytes::Whole), &Wishes::NONE, now())
        .await
        .unwrap();
    assert_eq!(moved.lookup, Lookup::Hit, "the bucket has another number now");
}

#[tokio::test]
async fn one_process_has_the_directory_and_nobody_else_reads_it() {
    let (dir, origin) = (Dir::new(), Origin::default());
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let cache = open(&dir, &origin, NO_MEMORY);
    origin.put("a", 1, pattern(1, 10), FRESH);
    read(&cache, "a").await.unwrap();
    cache.settled().await;
    assert_eq!((mode(&dir.0), mode(&dir.segments()[0]), mode(&dir.0.join("lock"))), (0o700, 0o600, 0o600));
    let again = || {
        let limits = limits(NO_MEMORY);
        Cache::open_with_disk(limits, settings(&dir.0), origin.clone(), Handle::current()).map(|_| ())
    };
    assert!(matches!(again(), Err(DiskFault::InUse(_))));
    assert!(tokio::task::spawn_blocking(move || cache.close(PATIENCE)).await.unwrap());
    fs::set_permissions(&dir.0, fs::Permissions::from_mode(0o755)).unwrap();
    again().unwrap();
    assert_eq!(mode(&dir.0), 0o700);

    let other = Dir::new();
    fs::create_dir(&other.0).unwrap();
    fs::write(other.0.join("holiday.jpg"), b"mine").unwrap();
    let limits = limits(NO_MEMORY);
    let opened =
        |path: &Path| Cache::open_with_disk(limits, settings(path), origin.clone(), Handle::current()).map(|_| ());
    assert!(matches!(opened(&other.0), Err(DiskFault::Foreign(_))));
    assert!(matches!(opened(&other.0.join("holiday.jpg")), Err(DiskFault::NotADirectory(_))));
}

/// Objects are read, replaced, removed; the process is ended or killed; files are cut and bytes changed. What is read is what the
/// origin has, always: each replaced object is forgotten or asked about.
#[tokio::test]
async fn never_a_wrong_byte() {
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(20_261_123);
    let steps = std::env::var("STEPS").ok().and_then(|steps| steps.parse().ok()).unwrap_or(1500);
    let mut dice = Dice(seed);
    let (mut dir, origin) = (Dir::new(), Origin::default());
    let keys = ["a", "b", "c", "d"];
    let sizes = [0, 1, 100, 20 << 10, 1 << 20, (2 << 20) + 9];
    let mut version = 0;
    let mut put = |dice: &mut Dice, key: &str| {
        version += 1;
        origin.put(key, version, pattern(dice.next(), dice.of(&sizes)), dice.of(&[FRESH, FRESH, ASK, NEVER]));
    };
    for key in keys {
        put(&mut dice, key);
    }
    let mut cache = open(&dir, &origin, NO_MEMORY);
    let (mut hits, mut damaged, mut restarts) = (0, 0, 0);
    for step in 0..steps {
        let key = dice.of(&keys);
        match dice.below(100) {
            0..60 => {
                let bytes = read_again(&cache, key).await;
                assert!(bytes == origin.bytes(key), "seed {seed}, step {step}, `{key}`");
            }
            60..75 => {
                put(&mut dice, key);
                cache.forget(0, key);
            }
            75..85 => cache.settled().await,
            85..92 => cache.forget(0, key),
            what => {
                hits += cache.disk().unwrap().hits;
                damaged += cache.disk().unwrap().damaged;
                restarts += 1;
                cache.settled().await;
                let memory = dice.of(&[NO_MEMORY, 8 << 20]);
                if what < 96 {
                    cache = reopen(cache, &dir, &origin, memory).await;
                } else {
                    let killed = dir.as_it_is();
                    assert!(tokio::task::spawn_blocking(move || cache.close(PATIENCE)).await.unwrap());
                    dir = killed;
                    if what >= 98 {
                        harm(&dir, &mut dice);
                    }
                    cache = open(&dir, &origin, memory);
                }
            }
        }
    }
    assert!(hits > steps / 10 && damaged > 0 && restarts > steps / 30, "{hits} {damaged} {restarts}");
}

fn harm(dir: &Dir, dice: &mut Dice) {
    for path in dir.segments() {
        let file = File::options().write(true).open(path).unwrap();
        let length = file.metadata().unwrap().len();
        match dice.below(6) {
            0 => file.set_len(dice.below(length + 1)).unwrap(),
            1 => file.set_len(length + dice.below(5000)).unwrap(),
            2..5 if length > 0 => {
                // Records begin near the start; their heads are hit as well as their bytes.
                let at = if dice.below(2) == 0 { dice.below(length) } else { dice.below(length.min(600)) };
                file.write_all_at(&dice.next().to_le_bytes()[..1], at).unwrap();
            }
            _ => {}
        }
    }
}

/// Ten times as much as fits, with small objects that are read again and again between: they stay, in memory or not, and the
/// directory keeps to its size.
#[tokio::test]
async fn a_film_does_not_sweep_out_what_is_read_often() {
    const SMALL: usize = 200;
    for memory in [NO_MEMORY, 16 << 20] {
        let (dir, origin) = (Dir::new(), Origin::default());
        let cache = open(&dir, &origin, memory);
        for number in 0..SMALL {
            origin.put(&format!("small {number}"), 1, pattern(number as u64, 2000 + 100 * number), FRESH);
            read(&cache, &format!("small {number}")).await.unwrap();
        }
        let small = || (0..SMALL).map(|number| origin.sent(&format!("small {number}"))).sum::<u64>();
        let sent = small();
        let mut most = 0;
        let films = 10 * DISK_LEAST / (8 << 20);
        for film in 0..films {
            let key = format!("film {film}");
            origin.put(&key, 1, pattern(film, 8 << 20), FRESH);
            assert!(read(&cache, &key).await.unwrap().1 == origin.bytes(&key));
            origin.0.objects.lock().unwrap().remove(&key);
            for number in 0..SMALL {
                let key = format!("small {number}");
                assert!(read(&cache, &key).await.unwrap().1 == origin.bytes(&key));
            }
            cache.settled().await; // in life, films come slower than a disk writes
            most = most.max(dir.bytes());
        }
        assert!(most <= DISK_LEAST * 105 / 100, "{most} bytes");
        assert!(most >= DISK_LEAST * 85 / 100, "{most} bytes: the room is used");
        assert_eq!(small(), sent, "with {memory} bytes of memory");
        let cache = reopen(cache, &dir, &origin, NO_MEMORY).await;
        for number in 0..SMALL {
            assert_eq!(read(&cache, &format!("small {number}")).await.unwrap().0, Lookup::Hit);
        }
    }
}

/// A cache that is made smaller keeps to its new size.
#[tokio::test]
async fn a_smaller_size_is_kept_to_after_a_restart() {
    let (dir, origin) = (Dir::new(), Origin::default());
    let limits = limits(NO_MEMORY);
    let large = DiskSettings { size: 4 * DISK_LEAST, ..settings(&dir.0) };
    let cache = Cache::open_with_disk(limits, large, origin.clone(), Handle::current()).unwrap();
    for number in 0..20_u64 {
        let key = format!("{number}");
        origin.put(&key, 1, pattern(number, 8 << 20), FRESH);
        read(&cache, &key).await.unwrap();
        cache.settled().await;
    }
    assert!(dir.bytes() > 150 << 20);
    let cache = reopen(cache, &dir, &origin, NO_MEMORY).await;
    for _ in 0..100 {
        cache.settled().await; // each lets the writer take a step
    }
    assert!(dir.bytes() <= DISK_LEAST, "{}", dir.bytes());
    assert_eq!(read(&cache, "19").await.unwrap().0, Lookup::Hit, "the newest are still there");
}

/// What is in the list of a segment and not in the segment, or the other way round, is a miss.
#[tokio::test]
async fn without_its_list_a_segment_is_read_record_by_record() {
    let (dir, origin) = (Dir::new(), Origin::default());
    let cache = open(&dir, &origin, NO_MEMORY);
    for number in 0..3000_u64 {
        let key = format!("{number}");
        origin.put(&key, 1, pattern(number, 8 << 10), FRESH);
        read(&cache, &key).await.unwrap();
        if number % 1000 == 0 {
            cache.settled().await;
        }
    }
    cache.settled().await;
    let entries = cache.disk().unwrap().entries;
    assert_eq!(entries, 3000);
    let killed = dir.as_it_is();
    for path in killed.segments() {
        let file = OpenOptions::new().write(true).open(path).unwrap();
        file.set_len(file.metadata().unwrap().len() - 1).unwrap();
    }
    let asked = origin.fetches();
    let cache = open(&killed, &origin, NO_MEMORY);
    let found = cache.disk().unwrap().entries;
    assert!(found >= 2999, "{found}: the last record of the segment that was appended to is torn");
    for number in 0..3000_u64 {
        assert!(read(&cache, &format!("{number}")).await.unwrap().1 == pattern(number, 8 << 10));
    }
    assert_eq!(origin.fetches() - asked, 3000 - usize::try_from(found).unwrap());
}
