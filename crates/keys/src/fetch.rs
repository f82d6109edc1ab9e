//! Fetches one key set or discovery document: one request, bounded in time and size, redirects not followed.
//!
//! Servers are verified with the machine's own certificate authorities, not with a list built in: many identity providers
//! are a company's own, signed by a company's own authority, which its machines know.

use std::error::Error;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, USER_AGENT};
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore};

use crate::error::FetchError;
use crate::limits::{FETCH_WITHIN, MAX_BODY};
use crate::schedule::max_age;
use crate::url::KeySetUrl;

#[derive(Clone, Debug)]
pub struct Fetcher {
    client: Client<HttpsConnector<HttpConnector>, Empty<Bytes>>,
    /// Why this machine's certificate authorities cannot be had: https is refused then, http on loopback is not.
    roots_missing: Option<String>,
}

#[derive(Debug)]
pub struct Fetched {
    pub body: Bytes,
    pub max_age: Option<Duration>,
}

impl Fetcher {
    pub fn new() -> Result<Self, FetchError> {
        let (builder, roots_missing) =
            match HttpsConnectorBuilder::new().with_provider_and_native_roots(aws_lc_rs::default_provider()) {
                Ok(builder) => (builder, None),
                Err(error) => (HttpsConnectorBuilder::new().with_tls_config(no_roots()?), Some(error.to_string())),
            };
        let connector = builder.https_or_http().enable_http1().build();
        let client = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector);
        Ok(Self { client, roots_missing })
    }

    pub async fn fetch(&self, url: &KeySetUrl) -> Result<Fetched, FetchError> {
        if let Some(reason) = self.roots_missing.as_ref().filter(|_| url.is_https()) {
            return Err(FetchError::NoRoots(reason.clone()));
        }
        tokio::time::timeout(FETCH_WITHIN, self.ask(url)).await.unwrap_or(Err(FetchError::TooSlow))
    }

    async fn ask(&self, url: &KeySetUrl) -> Result<Fetched, FetchError> {
        let request = Request::get(url.uri().clone())
            .header(ACCEPT, "application/jwk-set+json, application/json")
            .header(USER_AGENT, concat!("edgepass/", env!("CARGO_PKG_VERSION")))
            .body(Empty::new())
            .map_err(|error| FetchError::Connect(error.to_string()))?;
        let answer = self.client.request(request).await.map_err(|error| FetchError::Connect(innermost(&error)))?;
        if answer.status() != StatusCode::OK {
            return Err(FetchError::Status(answer.status().as_u16()));
        }
        let max_age = max_age(answer.headers());
        let body = Limited::new(answer.into_body(), MAX_BODY).collect().await.map_err(|error| {
            if error.is::<LengthLimitError>() { FetchError::TooLarge } else { FetchError::Connect(innermost(&*error)) }
        })?;
        Ok(Fetched { body: body.to_bytes(), max_age })
    }
}

fn no_roots() -> Result<ClientConfig, FetchError> {
    let builder = ClientConfig::builder_with_provider(aws_lc_rs::default_provider().into())
        .with_safe_default_protocol_versions()
        .map_err(|error| FetchError::NoRoots(error.to_string()))?;
    Ok(builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth())
}

/// The cause that says something: the outer errors of a client are all alike.
fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    match cause.downcast_ref::<io::Error>().map(io::Error::kind) {
        Some(io::ErrorKind::ConnectionRefused) => "connection refused".to_owned(),
        _ => cause.to_string(),
    }
}
