//! Puts one question: bounded in size, redirects not followed. The caller bounds its time.
//!
//! Servers are verified with the machine's own certificate authorities: hooks are a company's own, signed by a company's own
//! authority, which its machines know.

use std::error::Error;
use std::io;

use bytes::Bytes;
use http::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use http::{HeaderValue, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper_rustls::{ConfigBuilderExt, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore};

use crate::answer::{Keep, Verdict, verdict};
use crate::limits::{KEPT_CONNECTIONS, KEPT_FOR, MAX_ANSWER, MAX_ANSWER_HEAD};
use crate::settings::OpenError;
use crate::trouble::Trouble;

#[derive(Clone)]
pub struct Client(legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

pub enum Roots {
    /// The machine's certificate authorities.
    Native,
    /// No https hook is configured.
    None,
}

/// Whom to ask, and how long the answer is good for if it does not say.
pub struct Target {
    pub uri: Uri,
    pub authorization: Option<HeaderValue>,
    pub keep: Keep,
}

impl Client {
    pub fn new(roots: &Roots) -> Result<Self, OpenError> {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls(roots)?)
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        let client = legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(KEPT_FOR)
            .pool_max_idle_per_host(KEPT_CONNECTIONS)
            .http1_max_buf_size(MAX_ANSWER_HEAD)
            .build(connector);
        Ok(Self(client))
    }

    pub async fn ask(&self, target: &Target, body: Bytes) -> Result<(Verdict, Keep), Trouble> {
        let answer = match self.send(target, body.clone()).await {
            // The app may have closed a kept connection just as the question came: a question changes nothing, so it can
            // be put twice.
            Err(Trouble::Broken(_)) => self.send(target, body).await?,
            sent => sent?,
        };
        if answer.status() != StatusCode::OK {
            return Err(Trouble::Status(answer.status().as_u16()));
        }
        let keep = target.keep.shortened(answer.headers());
        let body = Limited::new(answer.into_body(), MAX_ANSWER).collect().await.map_err(|error| {
            if error.is::<LengthLimitError>() { Trouble::TooLarge } else { Trouble::Broken(innermost(&*error)) }
        })?;
        Ok((verdict(&body.to_bytes())?, keep))
    }

    async fn send(&self, target: &Target, body: Bytes) -> Result<Response<Incoming>, Trouble> {
        let mut request = Request::post(target.uri.clone())
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "application/json")
            .header(ACCEPT_ENCODING, "identity")
            .header(USER_AGENT, concat!("edgepass/", env!("CARGO_PKG_VERSION")))
            .body(Full::new(body))
            .map_err(|error| Trouble::Unreachable(error.to_string()))?;
        if let Some(authorization) = &target.authorization {
            request.headers_mut().insert(AUTHORIZATION, authorization.clone());
        }
        self.0.request(request).await.map_err(|error| {
            let reason = innermost(&error);
            if error.is_connect() { Trouble::Unreachable(reason) } else { Trouble::Broken(reason) }
        })
    }
}

fn tls(roots: &Roots) -> Result<ClientConfig, OpenError> {
    let builder = ClientConfig::builder_with_provider(aws_lc_rs::default_provider().into())
        .with_safe_default_protocol_versions()
        .map_err(|error| OpenError::NoRoots(error.to_string()))?;
    let builder = match roots {
        Roots::Native => builder.with_native_roots().map_err(|error| OpenError::NoRoots(error.to_string()))?,
        Roots::None => builder.with_root_certificates(RootCertStore::empty()),
    };
    Ok(builder.with_no_client_auth())
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
