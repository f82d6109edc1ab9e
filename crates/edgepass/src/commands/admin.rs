//! Asks the running gateway's admin listener to change something.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::runtime;
use crate::config;
use crate::trouble::Trouble;

/// The answer of the admin listener at this address, to those who have the secret in this file.
pub fn ask_admin(
    address: Option<SocketAddr>,
    secret_file: Option<&Path>,
    target: &str,
    body: &Value,
) -> Result<(StatusCode, Value), Trouble> {
    let address = address.ok_or_else(|| {
        Trouble::usage("the configuration has no admin listener")
            .with_hint("add `admin = \"127.0.0.1:9300\"` to `[listen]`")
    })?;
    let secret_file = secret_file.ok_or_else(|| {
        Trouble::usage("the configuration names no admin secret").with_hint("add `[admin]` with `secret_file = \"…\"`")
    })?;
    let secret = config::read_line(secret_file).map_err(Trouble::failed)?;
    runtime()?.block_on(post(&format!("http://{address}{target}"), &secret, body))
}

/// For the whole exchange: the gateway waits for its disk.
const WITHIN: Duration = Duration::from_secs(30);

async fn post(url: &str, secret: &SecretString, body: &Value) -> Result<(StatusCode, Value), Trouble> {
    let away = |error: &dyn std::fmt::Display| {
        Trouble::failed(format_args!("no answer from {url}: {error}"))
            .with_hint("is the gateway running with this configuration?")
    };
    let request = Request::post(url)
        .header(AUTHORIZATION, format!("Bearer {}", secret.expose_secret()))
        .header(CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(body.to_string())))
        .map_err(|error| away(&error))?;
    let exchange = async {
        let answer =
            Client::builder(TokioExecutor::new()).build_http().request(request).await.map_err(|error| away(&error))?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), 64 << 10).collect().await.map_err(|error| away(&error))?.to_bytes();
        Ok((status, serde_json::from_slice(&body).unwrap_or(Value::Null)))
    };
    tokio::time::timeout(WITHIN, exchange).await.map_err(|_| away(&"it took too long"))?
}
