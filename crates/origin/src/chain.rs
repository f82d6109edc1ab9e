//! The AWS chain of credentials, in the order of the SDKs: environment, web identity, profile, single sign-on, a program,
//! container, instance. The providers are `reqsign`'s; files, requests and programs are run here, each within a time.

use std::fmt;
use std::process::{Command, Stdio};

use aws_credential_types::Credentials;
use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use reqsign_aws_core::{
    AssumeRoleWithWebIdentityCredentialProvider, Credential, ECSCredentialProvider, EnvCredentialProvider,
    IMDSv2CredentialProvider, ProcessCredentialProvider, ProfileCredentialProvider, SSOCredentialProvider,
};
use reqsign_core::{
    CommandExecute, CommandOutput, Context, Env, Error, FileRead, HttpSend, OsEnv, ProvideCredentialDyn,
};
use tokio::time::timeout;

use crate::inspect::innermost;
use crate::limits;

type Provider = Box<dyn ProvideCredentialDyn<Credential = Credential>>;

pub struct Chain {
    context: Context,
    /// What each is called in messages.
    providers: Vec<(&'static str, Provider)>,
}

impl Chain {
    pub fn open() -> Self {
        let context = Context::new()
            .with_env(OsEnv)
            .with_file_read(Files)
            .with_http_send(Web::open())
            .with_command_execute(Programs);
        let providers: Vec<(&'static str, Provider)> = vec![
            ("environment variables", Box::new(EnvCredentialProvider::new())),
            (
                "web identity",
                Box::new(AssumeRoleWithWebIdentityCredentialProvider::default().with_regional_sts_endpoint()),
            ),
            ("profile", Box::new(ProfileCredentialProvider::default())),
            ("single sign-on", Box::new(SSOCredentialProvider::default())),
            ("program", Box::new(ProcessCredentialProvider::default())),
            ("container", Box::new(ECSCredentialProvider::default())),
            ("instance", Box::new(IMDSv2CredentialProvider::default())),
        ];
        Self { context, providers }
    }

    /// The first that has any. The error says what became of each.
    pub async fn load(&self) -> Result<Credentials, String> {
        let mut tried = Vec::new();
        for (name, provider) in &self.providers {
            match timeout(limits::CHAIN_LINK, provider.provide_credential_dyn(&self.context)).await {
                Ok(Ok(Some(found))) => {
                    let end = found.expires_in.map(reqsign_core::time::Timestamp::as_system_time);
                    return Ok(Credentials::new(
                        found.access_key_id,
                        found.secret_access_key,
                        found.session_token,
                        end,
                        name,
                    ));
                }
                Ok(Ok(None)) => tried.push(format!("{name}: none")),
                Ok(Err(error)) => tried.push(format!("{name}: {}", in_words(&error))),
                Err(_) => tried.push(format!("{name}: no answer within {} s", limits::CHAIN_LINK.as_secs())),
            }
        }
        Err(format!("no credentials ({})", tried.join("; ")))
    }
}

/// The message and what it says of the circumstances, on one line.
fn in_words(error: &Error) -> String {
    let words: Vec<_> = std::iter::once(error.to_string()).chain(error.context().iter().cloned()).collect();
    words.join(", ").replace(['\n', '\r'], " ")
}

#[derive(Debug)]
struct Files;

impl FileRead for Files {
    async fn file_read(&self, path: &str) -> reqsign_core::Result<Vec<u8>> {
        Ok(tokio::fs::read(path).await?)
    }
}

#[derive(Debug)]
struct Programs;

impl CommandExecute for Programs {
    async fn command_execute(&self, program: &str, arguments: &[&str]) -> reqsign_core::Result<CommandOutput> {
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null());
        let done = tokio::task::spawn_blocking(move || command.output())
            .await
            .map_err(|_| Error::unexpected("the program was interrupted"))??;
        Ok(CommandOutput { status: done.status.code().unwrap_or(-1), stdout: done.stdout, stderr: done.stderr })
    }
}

/// Metadata services, by plain HTTP, and AWS's own, whose certificates are verified.
struct Web {
    client: Result<Client<HttpsConnector<HttpConnector>, Full<Bytes>>, String>,
}

impl fmt::Debug for Web {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Web")
    }
}

impl Web {
    fn open() -> Self {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_connect_timeout(Some(limits::CHAIN_CONNECT));
        let client = HttpsConnectorBuilder::new()
            .with_native_roots()
            .map(|builder| builder.https_or_http().enable_http1().wrap_connector(tcp))
            .map(|connector| Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector))
            .map_err(|error| error.to_string());
        Self { client }
    }
}

impl HttpSend for Web {
    async fn http_send(&self, mut request: Request<Bytes>) -> reqsign_core::Result<Response<Bytes>> {
        let client = self.client.as_ref().map_err(Error::unexpected)?;
        if let Some(uri) = OsEnv.var("AWS_ENDPOINT_URL_STS").and_then(|endpoint| elsewhere(request.uri(), &endpoint)) {
            *request.uri_mut() = uri;
        }
        let failed = |error: &(dyn std::error::Error + 'static)| Error::unexpected(innermost(error));
        let answer = client.request(request.map(Full::new)).await.map_err(|error| failed(&error))?;
        let (parts, body) = answer.into_parts();
        let body = Limited::new(body, limits::CHAIN_BODY).collect().await.map_err(|error| failed(&*error))?;
        Ok(Response::from_parts(parts, body.to_bytes()))
    }
}

/// Where requests to AWS's token service go instead, where the SDKs' variable says so.
fn elsewhere(uri: &Uri, endpoint: &str) -> Option<Uri> {
    let host = uri.host()?;
    if !(host.starts_with("sts.") && host.contains(".amazonaws.com")) {
        return None;
    }
    let path = uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    format!("{}{path}", endpoint.trim_end_matches('/')).parse().ok()
}
