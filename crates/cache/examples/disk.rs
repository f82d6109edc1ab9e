//! Measures the disk tier: `disk DIRECTORY RECORDS` fills it with small objects, ends, starts again and reads some. Figures of it
//! stand in docs/performance.md.

#![allow(clippy::unwrap_used, clippy::print_stdout)] // a measurement that fails is none

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use cache::{
    Cache, CacheError, Defaults, DiskSettings, Fetch, Fetched, Head, Limits, Lookup, ObjectId, Probe, WantedBytes,
    Wishes,
};
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use tokio::runtime::Handle;

const BYTES: usize = 1000;

struct Origin;

impl Fetch for Origin {
    async fn fetch(&self, _: &ObjectId, _: Probe) -> Result<Fetched, CacheError> {
        let head = Head {
            etag: Some(HeaderValue::from_static("\"d41d8cd98f00b204e9800998ecf8427e\"")),
            size: BYTES as u64,
            last_modified: Some(1_700_000_000),
            cache_control: Some(HeaderValue::from_static("max-age=31536000")),
            headers: vec![(CONTENT_TYPE, HeaderValue::from_static("image/png"))],
            ..Head::default()
        };
        Ok(Fetched::Slice { head, bytes: Bytes::from(vec![7; BYTES]) })
    }
}

fn open(path: PathBuf) -> Arc<Cache<Origin>> {
    let limits = Limits { memory: 1, defaults: Defaults { ttl: 60, ..Defaults::default() }, missing_ttl: 0 };
    let tell = Arc::new(|news: &str| println!("{news}"));
    let settings = DiskSettings { path, size: 50 << 30, buckets: vec!["https://store\nbucket".into()], tell };
    Cache::open_with_disk(limits, settings, Origin, Handle::current()).unwrap()
}

async fn read(cache: &Arc<Cache<Origin>>, number: u64) -> Lookup {
    let key = format!("0c0e3a1e-7d7c-4e44-9d4c-5b2a4d1f0001/0c0e3a1e-7d7c-4e44-9d4c-5b2a4d1f0002/{number}.png");
    let now = i64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_secs()).unwrap();
    let id = ObjectId { bucket: 0, key: key.into() };
    cache.find(id, Some(&WantedBytes::Whole), &Wishes::NONE, now).await.unwrap().lookup
}

/// Resident MiB.
fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let path = PathBuf::from(arguments.next().unwrap());
    let records: u64 = arguments.next().unwrap().parse().unwrap();
    let known = path.exists();
    let (before, began) = (memory(), Instant::now());
    let cache = open(path);
    println!("opened in {:?}: {:?}", began.elapsed(), cache.disk().unwrap());
    println!("memory: {before} MiB before, {} MiB after", memory());
    if !known {
        let began = Instant::now();
        for number in 0..records {
            read(&cache, number).await;
            if number % 4000 == 0 {
                cache.settled().await;
            }
        }
        cache.settled().await;
        println!("{records} objects of {BYTES} bytes written in {:?}", began.elapsed());
        println!("memory: {} MiB; {:?}", memory(), cache.disk().unwrap());
    }
    let (began, reads) = (Instant::now(), 20_000.min(records));
    let mut hits = 0;
    for number in 0..reads {
        hits += u64::from(read(&cache, number * 7919 % records).await == Lookup::Hit);
    }
    println!(
        "{reads} reads one after the other, {hits} of them hits: {:?} each",
        began.elapsed() / u32::try_from(reads).unwrap()
    );
    let began = Instant::now();
    tokio::task::spawn_blocking(move || cache.close(Duration::from_secs(60))).await.unwrap();
    println!("closed in {:?}", began.elapsed());
}
