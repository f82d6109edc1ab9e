//! Functions' processes: at once, and gone with us.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use crate::support::{Site, is_running, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_at_once() {
    let site = Site::start(&[]).await;
    site.put("a", "1", &[]).await;
    let asked = (0..24).map(|_| site.read("/a", &[]));
    for answer in futures_util::future::join_all(asked).await {
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gone_after_a_stop() {
    let site = Site::start(&[]).await;
    let pids: Vec<u64> = serde_json::from_slice(&site.get("/?do=pids").await.body).unwrap();
    assert!(pids.iter().all(|pid| is_running(*pid)), "{pids:?}");
    site.stop().await;
    assert!(until(|| !pids.iter().any(|pid| is_running(*pid))).await, "{pids:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gone_after_a_stop_in_the_middle() {
    let site = Site::start(&[]).await;
    let pid: u64 = site.get("/?do=pid").await.text().parse().unwrap();
    let address = site.address;
    let hanging =
        tokio::spawn(async move { crate::support::send(address, "GET", "/?do=spin", &[], bytes::Bytes::new()).await });
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    site.stop().await;
    assert!(until(|| !is_running(pid)).await);
    hanging.abort();
}

/// A parent that is killed cannot end its children itself: here it is a run of this very program.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gone_when_we_are_killed() {
    // What it cannot clear away itself.
    let dir = crate::support::scratch();
    let mut parent = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "processes::a_parent", "--ignored", "--nocapture"])
        .env("TMPDIR", &dir)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(parent.stdout.take().unwrap()).lines();
    let pids = lines.map(Result::unwrap).find_map(|line| line.split_once("pids: ").map(|(_, pids)| pids.to_owned()));
    let pids: Vec<u64> = serde_json::from_str(&pids.unwrap()).unwrap();
    assert!(pids.iter().all(|pid| is_running(*pid)), "{pids:?}");
    parent.kill().unwrap();
    parent.wait().unwrap();
    assert!(until(|| !pids.iter().any(|pid| is_running(*pid))).await, "{pids:?}");
    std::fs::remove_dir_all(dir).unwrap();
}

/// Has a function that never gives up the processor, and waits to be killed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "run by gone_when_we_are_killed"]
async fn a_parent() {
    let site = Site::start(&[("Timeout: 2", "Timeout: 5")]).await;
    let pids = site.get("/?do=pids").await.text().to_owned();
    let address = site.address;
    tokio::spawn(async move { crate::support::send(address, "GET", "/?do=spin", &[], bytes::Bytes::new()).await });
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    println!("pids: {pids}");
    tokio::time::sleep(std::time::Duration::from_secs(60)).await;
}
