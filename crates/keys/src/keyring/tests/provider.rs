//! A real server that plays an identity provider: a key set at `/jwks.json`, another at `/moved.json`, and a discovery document.

use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Response, StatusCode, header};
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use super::{Keyring, keyring_of, keys};
use crate::source::Source;

#[derive(Clone)]
pub enum Answer {
    Set(&'static [&'static str]),
    Text(String),
    Status(StatusCode),
    Redirect(String),
    Hang,
    Slow(&'static [&'static str]),
}

/// RFC 8037's key under two names, and RFC 7515's.
pub const ONE: &[&str] =
    &[r#"{"kty":"OKP","crv":"Ed25519","kid":"1","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#];
pub const TWO: &[&str] = &[
    r#"{"kty":"EC","crv":"P-256","kid":"2","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#,
    r#"{"kty":"OKP","crv":"Ed25519","kid":"1","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
];

pub struct Provider {
    /// Without a slash at its end.
    pub origin: String,
    pages: Arc<Mutex<Pages>>,
    asked: Arc<[AtomicUsize; 3]>,
}

#[derive(Clone)]
struct Pages {
    set: Answer,
    moved: Answer,
    document: Answer,
}

impl Provider {
    pub async fn start(set: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let document = Answer::Text(document(&origin, "/jwks.json"));
        let pages = Arc::new(Mutex::new(Pages { set, moved: Answer::Status(StatusCode::NOT_FOUND), document }));
        let asked: Arc<[AtomicUsize; 3]> = Arc::default();
        let provider = Self { origin, pages: Arc::clone(&pages), asked: Arc::clone(&asked) };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (pages, asked) = (Arc::clone(&pages), Arc::clone(&asked));
                let service = service_fn(move |request: http::Request<_>| {
                    let pages = pages.lock().unwrap().clone();
                    let (number, answer) = match request.uri().path() {
                        "/jwks.json" => (0, pages.set),
                        "/moved.json" => (1, pages.moved),
                        _ => (2, pages.document),
                    };
                    asked[number].fetch_add(1, Ordering::SeqCst);
                    async move { Ok::<_, Infallible>(respond(answer).await) }
                });
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        provider
    }

    pub fn url(&self) -> String {
        format!("{}/jwks.json", self.origin)
    }

    pub fn now_answers(&self, answer: Answer) {
        self.pages.lock().unwrap().set = answer;
    }

    pub fn now_has_moved(&self, answer: Answer) {
        self.pages.lock().unwrap().moved = answer;
    }

    pub fn now_says(&self, document: Answer) {
        self.pages.lock().unwrap().document = document;
    }

    pub fn asked(&self) -> usize {
        self.asked[0].load(Ordering::SeqCst)
    }

    pub fn asked_for_document(&self) -> usize {
        self.asked[2].load(Ordering::SeqCst)
    }

    /// A keyring that has made its first fetch.
    pub async fn keyring(&self) -> Arc<Keyring> {
        let keyring = keyring_of(Source::JwksUrl(self.url()), None);
        assert_eq!((keys(&keyring), keyring.generation(0)), (0, 1));
        keyring.refresh_unknown(0).await;
        keyring
    }
}

pub fn document(origin: &str, path: &str) -> String {
    format!(r#"{{"issuer":"{origin}","jwks_uri":"{origin}{path}","response_types_supported":["code"]}}"#)
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
