//! A provider rotates its keys, and nobody with a good token is refused.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use authorizer::{Denied, IssuerSettings, Issuers, Verified, verify};
use serde_json::{Value, json};

use super::*;
use crate::native::Native;
use crate::signing::{SigningKey, jwk_set};

#[tokio::test]
async fn a_new_key_is_found_at_its_first_token() {
    let provider = Provider::start(Answer::Set(ONE)).await;
    let keyring = provider.keyring().await;
    assert_eq!((keys(&keyring), keyring.generation(0), provider.asked()), (1, 2, 1));
    provider.now_answers(Answer::Set(TWO));
    keyring.refresh_unknown(0).await;
    assert_eq!((keys(&keyring), keyring.generation(0), provider.asked()), (2, 3, 2));
    let status = &status(&keyring);
    assert_eq!((status.keys, &status.last_error, status.failures), (2, &None, 0));
    assert!(status.last_success.is_some());
}

const NAMES: [&str; 2] = ["https://one.example", "https://two.example"];

fn settings() -> Vec<IssuerSettings> {
    let of = |issuer: &str| IssuerSettings {
        name: issuer.to_owned(),
        issuer: issuer.to_owned(),
        audiences: vec!["files".to_owned()],
        algorithms: ALGORITHMS.to_vec(),
        may: Vec::new(),
        max_age: None,
        leeway: 0,
        once: false,
        links: false,
    };
    NAMES.map(of).to_vec()
}

fn token(key: &SigningKey, issuer: usize) -> String {
    let Value::Object(claims) = json!({ "iss": NAMES[issuer], "aud": "files", "exp": 4_000_000_000_u32 }) else {
        panic!()
    };
    key.sign(&claims).unwrap()
}

fn judge(keyring: &Keyring, token: &str) -> Result<Verified, Denied> {
    verify(token, &Issuers::new(settings()), &keyring.snapshot().sets, &Native)
}

/// As a gateway does: an unknown key is worth one question.
async fn judge_with_new_keys(keyring: &Keyring, token: &str) -> Result<Verified, Denied> {
    match judge(keyring, token) {
        Err(Denied::UnknownKey(issuer)) => {
            keyring.refresh_unknown(issuer.0).await;
            judge(keyring, token)
        }
        judged => judged,
    }
}

fn published(keys: &[&SigningKey]) -> Answer {
    Answer::Text(jwk_set(keys.iter().copied()).to_string())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_refused_while_keys_are_rotated() {
    let [old, new, other] = [(); 3].map(|()| Arc::new(SigningKey::generate(Algorithm::Es256).unwrap()));
    let provider = Provider::start(published(&[&old])).await;
    let elsewhere = Provider::start(published(&[&other])).await;
    let issuers =
        [("one", &provider), ("two", &elsewhere)].map(|(name, provider)| issuer(name, Source::JwksUrl(provider.url())));
    let keyring = Keyring::open(issuers.into(), None).unwrap();
    keyring.spawn_refresh(&Handle::current());
    // Without asking: a question that came after the first fetch would cause another, and the new key would have to wait.
    until("the first keys", Duration::from_secs(5), || (0..2).all(|issuer| keyring.generation(issuer) == 2)).await;
    let others = keyring.generation(1);

    // These go on all the while: tokens of the old key until it is withdrawn, of the new one from the moment it is published.
    let (rotated, withdrawn) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let judged = Arc::new(AtomicUsize::new(0));
    let readers: Vec<_> = (0..4)
        .map(|_| {
            let tokens = [token(&old, 0), token(&new, 0), token(&other, 1)];
            let (keyring, judged) = (Arc::clone(&keyring), Arc::clone(&judged));
            let (rotated, withdrawn) = (Arc::clone(&rotated), Arc::clone(&withdrawn));
            tokio::spawn(async move {
                while !withdrawn.load(Ordering::SeqCst) {
                    if rotated.load(Ordering::SeqCst) {
                        judge_with_new_keys(&keyring, &tokens[1]).await.unwrap();
                    }
                    judge(&keyring, &tokens[2]).unwrap();
                    let old = judge(&keyring, &tokens[0]);
                    assert!(old.is_ok() || withdrawn.load(Ordering::SeqCst), "{old:?}");
                    judged.fetch_add(1, Ordering::SeqCst);
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            })
        })
        .collect();
    let goes_on = || judged.load(Ordering::SeqCst);

    provider.now_answers(published(&[&old, &new]));
    rotated.store(true, Ordering::SeqCst);
    until("the new key", Duration::from_secs(5), || keyring.generation(0) == 3).await;
    let before = goes_on();
    until("more requests", Duration::from_secs(5), || goes_on() > before + 100).await;
    assert_eq!(provider.asked(), 2, "one fetch for the new key");

    withdrawn.store(true, Ordering::SeqCst);
    for reader in readers {
        reader.await.unwrap();
    }
    provider.now_answers(published(&[&new]));
    let stranger = token(&SigningKey::generate(Algorithm::Es256).unwrap(), 0);
    let start = Instant::now();
    while judge(&keyring, &token(&old, 0)).is_ok() {
        assert!(start.elapsed() < Duration::from_secs(12), "a withdrawn key is gone with the next fetch");
        assert!(judge_with_new_keys(&keyring, &stranger).await.is_err());
        judge(&keyring, &token(&new, 0)).unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(matches!(judge(&keyring, &token(&old, 0)), Err(Denied::UnknownKey(_))));
    assert_eq!((keyring.generation(0), keyring.generation(1)), (4, others), "the other issuer's tokens stay known");
    judge(&keyring, &token(&other, 1)).unwrap();
}
