//! What a gateway is made from. Whoever reads the configuration fills these in.

use std::sync::Arc;

use front::Front;
use hook::Hooks;
use keys::{Keyring, SigningKey};
use revocations::{Revocations, UsedTokens};
use secrecy::SecretString;

pub struct Settings {
    pub front: Front,
    pub keyring: Arc<Keyring>,
    pub revocations: Arc<Revocations>,
    pub used: Arc<UsedTokens>,
    pub hooks: Arc<Hooks>,
    /// Signs links, where the site makes any; the last of the key sets verifies them.
    pub link_key: Option<SigningKey>,
    /// Of those who may change something through the admin listener; without it nobody may.
    pub admin_secret: Option<SecretString>,
    /// In the order of [`authorizer::BucketId`].
    pub buckets: Vec<Bucket>,
    pub cache: cache::Limits,
    /// For uploads in parts; none where the site takes none.
    pub seals: Option<uploads::Seals>,
    /// Threads that serve connections.
    pub workers: usize,
}

#[derive(Debug)]
pub struct Bucket {
    pub origin: origin::Bucket,
    pub uploads: uploads::Bucket,
    /// Seconds after which an upload that is neither completed nor aborted is given up.
    pub abandoned_after: i64,
}
