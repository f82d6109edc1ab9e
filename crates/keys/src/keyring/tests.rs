//! A keyring against a server of key sets that behaves badly in every way.

use std::convert::Infallible;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Response, StatusCode, header};
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use super::*;
use crate::limits::MAX_BODY;
use crate::testing::Folder;

#[derive(Clone)]
enum Answer {
    Set(&'static [&'static str]),
    Text(String),
    Status(StatusCode),
    Redirect(String),
    Hang,
    Slow(&'static [&'static str]),
}

/// RFC 8037's key under two names, and RFC 7515's.
const ONE: &[&str] = &[r#"{"kty":"OKP","crv":"Ed25519","kid":"1","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#];
const TWO: &[&str] = &[
    r#"{"kty":"EC","crv":"P-256","kid":"2","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#,
    r#"{"kty":"OKP","crv":"Ed25519","kid":"1","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
];

struct Provider {
    url: String,
    answer: Arc<Mutex<Answer>>,
    asked: Arc<AtomicUsize>,
}

impl Provider {
    async fn start(answer: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/jwks.json", listener.local_addr().unwrap());
        let (answer, asked) = (Arc::new(Mutex::new(answer)), Arc::new(AtomicUsize::new(0)));
        let provider = Self { url, answer: Arc::clone(&answer), asked: Arc::clone(&asked) };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (answer, asked) = (Arc::clone(&answer), Arc::clone(&asked));
                let service = service_fn(move |_| {
                    asked.fetch_add(1, Ordering::SeqCst);
                    let answer = answer.lock().unwrap().clone();
                    async move { Ok::<_, Infallible>(respond(answer).await) }
                });
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        provider
    }

    fn now_answers(&self, answer: Answer) {
        *self.answer.lock().unwrap() = answer;
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// A keyring that has made its first fetch.
    async fn keyring(&self) -> Arc<Keyring> {
        let algorithms = vec![Algorithm::EdDsa, Algorithm::Es256];
        let keyring = Keyring::open(vec![(Source::JwksUrl(self.url.clone()), algorithms)], None).unwrap();
        assert_eq!((keys(&keyring), keyring.generation()), (0, 1));
        keyring.spawn_refresh(&Handle::current());
        keyring.spawn_refresh(&Handle::current());
        keyring.refresh_unknown(0).await;
        keyring
    }
}

async fn respond(answer: Answer) -> Response<Full<Bytes>> {
    let set = |keys: &[&str]| Response::new(Full::from(format!("{{\"keys\":[{}]}}", keys.join(","))));
    match answer {
        Answer::Set(keys) => set(keys),
        Answer::Text(text) => Response::new(Full::from(text)),
        Answer::Status(status) => {
            let mut response = set(TWO);
            *response.status_mut() = status;
            response
        }
        Answer::Redirect(to) => {
            let redirect = Response::builder().status(StatusCode::FOUND).header(header::LOCATION, to);
            redirect.body(Full::default()).unwrap()
        }
        Answer::Hang => std::future::pending().await,
        Answer::Slow(keys) => {
            tokio::time::sleep(Duration::from_millis(200)).await;
            set(keys)
        }
    }
}

fn keys(keyring: &Keyring) -> usize {
    keyring.snapshot().sets.0[0].keys().len()
}

#[tokio::test]
async fn rotation() {
    let provider = Provider::start(Answer::Set(ONE)).await;
    let keyring = provider.keyring().await;
    assert_eq!((keys(&keyring), keyring.generation(), provider.asked()), (1, 2, 1));
    provider.now_answers(Answer::Set(TWO));
    keyring.refresh_unknown(0).await;
    assert_eq!((keys(&keyring), keyring.generation(), provider.asked()), (2, 3, 2));
    let status = &keyring.status()[0];
    assert_eq!((status.keys, &status.last_error, status.failures), (2, &None, 0));
    assert!(status.last_success.is_some());
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
    assert!(start.elapsed() < Duration::from_millis(200), "nobody waits between two turns");
}

#[tokio::test]
async fn the_last_good_set_outlives_bad_answers() {
    let elsewhere = Provider::start(Answer::Set(TWO)).await;
    let text = |text: &str| Answer::Text(text.to_owned());
    let cases = [
        (Answer::Status(StatusCode::INTERNAL_SERVER_ERROR), "status is 500"),
        (Answer::Status(StatusCode::CREATED), "status is 201"),
        (Answer::Redirect(elsewhere.url.clone()), "status is 302"),
        (Answer::Text(" ".repeat(MAX_BODY + 1)), "more than 262144 bytes"),
        (text("<html>"), "not one strict JSON object"),
        (text("{\"keys\":[]}"), "no key of one of the issuer's algorithms"),
        (text(r#"{"keys":[{"kty":"oct","k":"AA"}]}"#), "does not belong in a published key set"),
        (
            text(r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}]}"#),
            "a point of small order",
        ),
    ];
    for (answer, error) in cases {
        let provider = Provider::start(Answer::Set(ONE)).await;
        let keyring = provider.keyring().await;
        provider.now_answers(answer);
        keyring.refresh_unknown(0).await;
        assert_eq!((keys(&keyring), keyring.generation()), (1, 2), "{error}");
        let status = &keyring.status()[0];
        assert!(status.last_error.as_ref().is_some_and(|found| found.contains(error)), "{error}: {status:?}");
        assert_eq!((status.keys, status.failures), (1, 1));
    }
    assert_eq!(elsewhere.asked(), 0);
}

#[tokio::test]
async fn a_provider_that_hangs_holds_nobody_up_and_is_asked_again() {
    let provider = Provider::start(Answer::Set(ONE)).await;
    let keyring = provider.keyring().await;
    provider.now_answers(Answer::Hang);
    let start = Instant::now();
    keyring.refresh_unknown(0).await;
    let waited = start.elapsed();
    assert!((1900..2900).contains(&waited.as_millis()), "{waited:?}");
    assert_eq!(keys(&keyring), 1);
    provider.now_answers(Answer::Set(TWO));
    // The fetch is given up after 5 s and tried again after 1 s.
    while keys(&keyring) == 1 && start.elapsed() < Duration::from_secs(15) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(keys(&keyring), 2);
    assert!((5..9).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_provider_that_is_away_at_the_start() {
    let provider = Provider::start(Answer::Status(StatusCode::SERVICE_UNAVAILABLE)).await;
    let keyring = provider.keyring().await;
    assert_eq!((keys(&keyring), keyring.status()[0].last_success), (0, None));
    provider.now_answers(Answer::Set(ONE));
    keyring.refresh_unknown(0).await;
    assert_eq!((keys(&keyring), keyring.status()[0].failures), (1, 0));
}

#[tokio::test]
async fn nothing_fetches_before_it_is_told_to_nor_after_the_end() {
    let provider = Provider::start(Answer::Set(ONE)).await;
    let source = (Source::JwksUrl(provider.url.clone()), vec![Algorithm::EdDsa]);
    let keyring = Keyring::open(vec![source], None).unwrap();
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
    let algorithms = vec![Algorithm::EdDsa];
    let keyring = Keyring::open(vec![(good.clone(), algorithms.clone())], None).unwrap();
    assert_eq!((keys(&keyring), keyring.status()[0].keys), (1, 1));
    let bad = Source::JwksUrl("http://idp.example.com/".to_owned());
    let gone = Source::JwksFile(folder.path("gone"));
    let sources = [good, bad, gone].map(|source| (source, algorithms.clone()));
    let faults: Vec<_> = Keyring::open(sources.into()).unwrap_err().into_iter().map(|(issuer, _)| issuer).collect();
    assert_eq!(faults, [1, 2]);
}
