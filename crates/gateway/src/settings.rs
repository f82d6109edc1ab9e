//! What a gateway is made from. Whoever reads the configuration fills these in.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use front::Front;
use hook::Hooks;
use http::{HeaderValue, StatusCode};
use keys::{Keyring, SigningKey};
use origin::Keys;
use revocations::{Revocations, UsedTokens};
use secrecy::SecretString;
use serde_json::Value;
use tokio::sync::oneshot;

pub struct Settings {
    pub site: Site,
    pub keyring: Arc<Keyring>,
    pub revocations: Arc<Revocations>,
    pub used: Arc<UsedTokens>,
    /// In the order of [`authorizer::BucketId`].
    pub buckets: Vec<Bucket>,
    pub cache: cache::Limits,
    pub disk: Option<Disk>,
    /// Threads that serve connections.
    pub workers: usize,
    /// Whom `POST /reload` asks; without it the gateway is not reloaded.
    pub reload: Option<SyncSender<ReloadRequest>>,
}

/// The cache's disk tier.
pub struct Disk {
    /// A directory of its own.
    pub path: PathBuf,
    /// Bytes.
    pub size: u64,
    /// Tells the operator something.
    pub tell: cache::Tell,
}

/// What can be replaced while the gateway serves. A request is answered by the one that was there when it came.
pub struct Site {
    pub front: Front,
    pub hooks: Arc<Hooks>,
    /// Signs links, where the site makes any; the last of the key sets verifies them.
    pub link_key: Option<Arc<SigningKey>>,
    /// For uploads in parts; none where the site takes none.
    pub seals: Option<uploads::Seals>,
    /// Of those who may change something through the admin listener; without it nobody may.
    pub admin_secret: Option<SecretString>,
    /// The value of `Strict-Transport-Security` on connections with TLS.
    pub hsts: Option<HeaderValue>,
}

/// Asks whoever reads the configuration to read it again. The answer is a status and a JSON object.
pub struct ReloadRequest {
    pub answer: oneshot::Sender<(StatusCode, Value)>,
}

#[derive(Debug)]
pub struct Bucket {
    pub origin: origin::Bucket,
    pub uploads: uploads::Bucket,
    /// Sign what browsers send. They need no more than writing, and a store that takes headers nobody signed can then be made
    /// to copy nothing.
    pub upload_credentials: Keys,
    /// Seconds after which an upload that is neither completed nor aborted is given up.
    pub abandoned_after: i64,
}
