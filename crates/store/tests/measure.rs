//! What a page of a listing costs, by the number of keys in the bucket. Not run by itself:
//! `cargo test --release -p store --test measure -- --ignored --nocapture`

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test that cannot go on has failed")]

#[allow(dead_code, reason = "shared with the other tests")]
#[path = "http/support.rs"]
mod support;

use rusqlite::{Connection, params};
use std::path::Path;
use std::time::{Duration, Instant};
use support::{BUCKET, Site};

/// Rows alone: a listing reads no bytes.
fn fill(dir: &Path, directories: u32, files: u32) {
    let mut index = Connection::open(dir.join("index.sqlite")).unwrap();
    let transaction = index.transaction().unwrap();
    {
        let insert = "INSERT INTO object (bucket, key, blob, size, etag, modified, headers)
                      VALUES (1, ?1, ?2, 5, '5d41402abc4b2a76b9719d911017c592', 0, '{}')";
        let mut insert = transaction.prepare(insert).unwrap();
        for n in 0..directories * files {
            let key = format!("{:04}/{:04}", n / files, n % files);
            // Random, as in life.
            insert.execute(params![key.as_bytes(), uuid::Uuid::new_v4().simple().to_string()]).unwrap();
        }
    }
    transaction.commit().unwrap();
}

#[tokio::test]
#[ignore = "a measurement"]
async fn a_page_by_the_number_of_keys() {
    for (directories, files) in [(10, 100), (1000, 1000)] {
        let dir = Site::start().await.stop().await;
        fill(&dir, directories, files);
        let began = Instant::now();
        let site = Site::start_in(dir).await;
        let opened = began.elapsed();
        let keys = directories * files;
        println!("{keys} keys: open in {opened:?}");
        for (name, query) in [
            ("first page", String::new()),
            ("page in the middle", format!("&start-after={:04}%2F", directories / 2)),
            ("delimiter", "&delimiter=%2F".to_owned()),
            ("delimiter, one prefix", format!("&delimiter=%2F&max-keys=1&start-after={:04}%2F", directories / 2)),
        ] {
            let mut query: Vec<String> = format!("list-type=2{query}").split('&').map(str::to_owned).collect();
            query.sort();
            let target = format!("/{BUCKET}?{}", query.join("&"));
            let mut took = Vec::new();
            for _ in 0..21 {
                let ask = site.ask("GET", &target).signed();
                let began = Instant::now();
                assert_eq!(ask.send().await.status, 200);
                took.push(began.elapsed());
            }
            took.sort();
            println!("{keys} keys, {name}: median {:?}", took[took.len() / 2]);
            assert!(took[took.len() / 2] < Duration::from_secs(1), "a page costs the bucket");
        }
    }
}
