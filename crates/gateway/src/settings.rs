//! What a gateway is made from. Whoever reads the configuration fills these in.

use std::sync::Arc;

use front::Front;
use keys::Keyring;

#[derive(Debug)]
pub struct Settings {
    pub front: Front,
    pub keyring: Arc<Keyring>,
    /// In the order of [`authorizer::BucketId`].
    pub buckets: Vec<Bucket>,
    pub cache: cache::Limits,
    /// Threads that serve connections.
    pub workers: usize,
}

#[derive(Debug)]
pub struct Bucket {
    pub origin: origin::Bucket,
    pub uploads: uploads::Bucket,
}
