//! What a gateway is made from. Whoever reads the configuration fills these in.

use std::sync::Arc;

use authorizer::Rules;
use keys::Keyring;

#[derive(Debug)]
pub struct Settings {
    /// `https://files.example.com`: where browsers find the files.
    pub site: String,
    /// The origins whose pages may read answers.
    pub apps: Vec<String>,
    /// Where a request carries its token.
    pub carriers: Vec<Carrier>,
    pub rules: Rules,
    pub keyring: Arc<Keyring>,
    /// In the order of [`authorizer::BucketId`].
    pub buckets: Vec<Bucket>,
    pub cache: cache::Limits,
    /// Threads that serve connections.
    pub workers: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// `Authorization: Bearer …`
    Header,
    /// This cookie, and those whose names are it, a hyphen and a scope.
    Cookie(String),
    /// This parameter of the query.
    Query(String),
}

#[derive(Debug)]
pub struct Bucket {
    pub origin: origin::Bucket,
    pub uploads: uploads::Bucket,
}
