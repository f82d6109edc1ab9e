//! A keyring against a provider that behaves badly in every way.

mod discovery;
mod hostile;
mod provider;
mod remembering;
mod rotation;

use std::time::{Duration, Instant};

use http::StatusCode;
use provider::{Answer, ONE, Provider, TWO};

use super::*;
use crate::testing::Folder;

const ALGORITHMS: &[Algorithm] = &[Algorithm::EdDsa, Algorithm::Es256];

fn issuer(name: &str, source: Source) -> Issuer {
    Issuer { name: name.to_owned(), source, algorithms: ALGORITHMS.to_vec() }
}

/// A keyring of this one source, before its first fetch.
fn keyring_of(source: Source, remember: Option<&Path>) -> Arc<Keyring> {
    let keyring = Keyring::open(vec![issuer("app", source)], remember).unwrap();
    keyring.spawn_refresh(&Handle::current());
    keyring.spawn_refresh(&Handle::current());
    keyring
}

fn keys(keyring: &Keyring) -> usize {
    keyring.snapshot().sets.0[0].keys().len()
}

/// The first issuer's status.
fn status(keyring: &Keyring) -> Status {
    keyring.status().swap_remove(0)
}

async fn until(what: &str, within: Duration, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < within, "{what} did not come true within {within:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_storm_of_unknown_keys_is_one_fetch() {
    let provider = Provider::start(Answer::Set(ONE)).await;
    let keyring = provider.keyring().await;
    provider.now_answers(Answer::Slow(TWO));
    let storm = || async {
        let callers: Vec<_> = (0..1000)
            .map(|_| {
                let keyring = Arc::clone(&keyring);
                tokio::spawn(async move {
                    keyring.refresh_unknown(0).await;
                    keys(&keyring)
                })
            })
            .collect();
        for caller in callers {
            assert_eq!(caller.await.unwrap(), 2);
        }
    };
    storm().await;
    assert_eq!(provider.asked(), 2);
    let start = Instant::now();
    storm().await;
    assert_eq!(provider.asked(), 2);
    assert!(start.elapsed() < Duration::from_millis(1500), "nobody waits between two turns");
}

#[tokio::test]
async fn a_provider_that_hangs_holds_nobody_up_and_is_asked_again() {
    let provider = Provider::start(Answer::Set(ONE)).await;
    let keyring = provider.keyring().await;
    provider.now_answers(Answer::Hang);
    let start = Instant::now();
    keyring.refresh_unknown(0).await;
    let waited = start.elapsed();
    assert!((1900..4500).contains(&waited.as_millis()), "{waited:?}");
    assert_eq!(keys(&keyring), 1);
    provider.now_answers(Answer::Set(TWO));
    // The fetch is given up after 5 s and tried again after 1 s.
    while keys(&keyring) == 1 && start.elapsed() < Duration::from_secs(15) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(keys(&keyring), 2);
    assert!((5..14).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_provider_that_is_away_at_the_start() {
    let provider = Provider::start(Answer::Status(StatusCode::SERVICE_UNAVAILABLE)).await;
    let keyring = provider.keyring().await;
    assert_eq!((keys(&keyring), status(&keyring).last_success), (0, None));
    provider.now_answers(Answer::Set(ONE));
    keyring.refresh_unknown(0).await;
    assert_eq!((keys(&keyring), status(&keyring).failures), (1, 0));
}

#[tokio::test]
async fn nothing_fetches_before_it_is_told_to_nor_after_the_end() {
    let provider = Provider::start(Answer::Set(ONE)).await;
    let keyring = Keyring::open(vec![issuer("app", Source::JwksUrl(provider.url()))], None).unwrap();
    let start = Instant::now();
    keyring.refresh_unknown(0).await;
    keyring.refresh_unknown(7).await;
    assert_eq!((provider.asked(), start.elapsed() < Duration::from_secs(1)), (0, true));
    let keyring = provider.keyring().await;
    let published = Arc::downgrade(&keyring.published);
    drop(keyring);
    for _ in 0..100 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(published.upgrade().is_none(), "the task has ended");
}

#[test]
fn files_are_read_when_it_opens() {
    let folder = Folder::new("keyring");
    let set = format!("{{\"keys\":[{}]}}", ONE.join(","));
    let good = Source::JwksFile(folder.write("set", set.as_bytes()));
    let keyring = Keyring::open(vec![issuer("app", good.clone())], None).unwrap();
    assert_eq!((keys(&keyring), status(&keyring).keys), (1, 1));
    let bad = Source::JwksUrl("http://idp.example.com/".to_owned());
    let gone = Source::JwksFile(folder.path("gone"));
    let issuers = [good, bad, gone].map(|source| issuer("app", source));
    let faults = Keyring::open(issuers.into(), None).unwrap_err();
    assert_eq!(faults.into_iter().map(|(number, _)| number).collect::<Vec<_>>(), [1, 2]);
}

#[tokio::test]
async fn a_storm_waits_once_while_the_provider_hangs() {
    let provider = Provider::start(Answer::Set(ONE)).await;
    let keyring = provider.keyring().await;
    provider.now_answers(Answer::Hang);
    // Each asks again and again, as clients that try again do.
    let start = Instant::now();
    let callers: Vec<_> = (0..1000)
        .map(|_| {
            let keyring = Arc::clone(&keyring);
            tokio::spawn(async move {
                let start = Instant::now();
                for _ in 0..10 {
                    keyring.refresh_unknown(0).await;
                }
                start.elapsed()
            })
        })
        .collect();
    for caller in callers {
        let waited = caller.await.unwrap();
        assert!(waited < Duration::from_secs(8), "{waited:?}: one wait for ten questions");
    }
    assert!(start.elapsed() > Duration::from_millis(1900), "they did wait");
    assert_eq!(provider.asked(), 2);
}

/// All files are read before one set is replaced; a set that did not change verifies on.
#[test]
fn files_are_read_again_all_or_none() {
    let folder = Folder::new("again");
    let set = |keys: &[&str]| format!("{{\"keys\":[{}]}}", keys.join(","));
    let (one, two) = (folder.write("one", set(ONE).as_bytes()), folder.write("two", set(TWO).as_bytes()));
    let issuers = vec![issuer("a", Source::JwksFile(one.clone())), issuer("b", Source::JwksFile(two))];
    let own = SigningKey::generate(Algorithm::Hs256).unwrap();
    let keyring = Keyring::open_with(issuers, None, Some(&own)).unwrap();
    let generations = |keyring: &Keyring| [0, 1, 2].map(|issuer| keyring.generation(issuer));
    let began = generations(&keyring);
    assert_eq!(keyring.take(keyring.read_again(Some(&own)).unwrap()), Vec::<usize>::new());
    assert_eq!(generations(&keyring), began);

    folder.write("one", set(TWO).as_bytes());
    let read = keyring.read_again(Some(&own)).unwrap();
    assert_eq!(generations(&keyring), began, "nothing is in use before it is taken");
    assert_eq!(keyring.take(read), [0]);
    assert_eq!(generations(&keyring), [began[0] + 1, began[1], began[2]]);

    folder.write("one", b"nothing");
    folder.write("two", b"nothing");
    let faults = keyring.read_again(Some(&own)).unwrap_err();
    assert_eq!(faults.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [0, 1], "every fault at once");
    folder.write("one", set(ONE).as_bytes());
    folder.write("two", set(TWO).as_bytes());
    let other = SigningKey::generate(Algorithm::Hs256).unwrap();
    assert_eq!(keyring.take(keyring.read_again(Some(&other)).unwrap()), [0, 2]);
    assert_eq!(keyring.status().len(), 3);
    assert!(one.exists());
}
