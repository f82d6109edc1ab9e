//! Lambda's Runtime API (AWS Lambda Developer Guide, "Using the Lambda runtime API"): one invocation at a time over plain HTTP on
//! the machine itself.

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::json;

/// Lambda's own limit for an event, in bytes.
const MOST_EVENT: usize = 6 << 20;

pub struct Runtime {
    client: Client<HttpConnector, Full<Bytes>>,
    address: String,
}

pub struct Invocation {
    pub id: String,
    pub body: Bytes,
}

impl Runtime {
    pub fn at(address: String) -> Self {
        Self { client: Client::builder(TokioExecutor::new()).build_http(), address }
    }

    /// Waits for the next event, for as long as it takes: Lambda freezes the process meanwhile.
    pub async fn next(&self) -> Result<Invocation, String> {
        let response = self.ask(Method::GET, "invocation/next", Bytes::new()).await?;
        let id = response.headers().get("lambda-runtime-aws-request-id").and_then(|id| id.to_str().ok());
        let id = id.ok_or("an invocation without an id")?.to_owned();
        let body = Limited::new(response.into_body(), MOST_EVENT).collect().await;
        Ok(Invocation { id, body: body.map_err(|error| error.to_string())?.to_bytes() })
    }

    pub async fn respond(&self, id: &str, answer: &str) -> Result<(), String> {
        self.ask(Method::POST, &format!("invocation/{id}/response"), answer.to_owned().into()).await.map(|_| ())
    }

    /// Tells Lambda why the process ends before its first invocation.
    pub async fn failed_to_start(&self, fault: &str) {
        let error = json!({ "errorMessage": fault, "errorType": "Edgepass.Settings" }).to_string();
        if let Err(fault) = self.ask(Method::POST, "init/error", error.into()).await {
            eprintln!("error: {fault}");
        }
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<http::Response<hyper::body::Incoming>, String> {
        let uri = format!("http://{}/2018-06-01/runtime/{path}", self.address);
        let request = Request::builder().method(method).uri(uri).body(Full::new(body));
        let response = self.client.request(request.map_err(|error| error.to_string())?).await;
        let response = response.map_err(|error| format!("the Runtime API: {error}"))?;
        if response.status().is_success() {
            return Ok(response);
        }
        Err(format!("the Runtime API answers {} to {path}", response.status()))
    }
}
