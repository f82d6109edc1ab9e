//! The pairs of keys this store knows, and the region it says it is in. Beside the first pair there are those of the file
//! `keys`; a change of it counts within a second.

use crate::key_file::{self, Access};
use crate::limits;
use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::{S3Auth, SecretKey};
use s3s::dto::CopySource;
use s3s::path::S3Path;
use s3s::{S3Result, s3_error};
use secrecy::{ExposeSecret as _, SecretString};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Instant, SystemTime};

#[derive(Debug)]
pub(crate) struct Keys {
    access_key: String,
    secret_key: SecretString,
    pub(crate) region: String,
    more: Mutex<More>,
}

/// What the file said when it was last looked at.
#[derive(Debug)]
struct More {
    file: PathBuf,
    looked: Option<Instant>,
    changed: Option<SystemTime>,
    keys: HashMap<String, Key>,
}

#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) secret: SecretString,
    pub(crate) access: Access,
    /// The only bucket it is for.
    pub(crate) bucket: Option<String>,
}

impl Keys {
    pub(crate) fn new(access_key: String, secret_key: SecretString, region: String, file: PathBuf) -> Self {
        let more = Mutex::new(More { file, looked: None, changed: None, keys: HashMap::new() });
        Self { access_key, secret_key, region, more }
    }

    pub(crate) fn find(&self, access_key: &str) -> Option<Key> {
        if access_key == self.access_key {
            return Some(Key { secret: self.secret_key.clone(), access: Access::ReadWrite, bucket: None });
        }
        let mut more = self.more.lock().unwrap_or_else(PoisonError::into_inner);
        more.look();
        more.keys.get(access_key).cloned()
    }
}

impl More {
    /// A file that does not read leaves things as they are: the operator is told.
    fn look(&mut self) {
        if self.looked.is_some_and(|looked| looked.elapsed() < limits::KEYS_LOOK) {
            return;
        }
        self.looked = Some(Instant::now());
        let changed = std::fs::metadata(&self.file).and_then(|meta| meta.modified()).ok();
        if changed == self.changed {
            return;
        }
        match key_file::read(&self.file) {
            Ok(keys) => {
                self.keys = keys
                    .into_iter()
                    .map(|key| (key.access_key, Key { secret: key.secret, access: key.access, bucket: key.bucket }))
                    .collect();
                self.changed = changed;
            }
            Err(fault) => eprintln!("store: {}: {fault}", self.file.display()),
        }
    }
}

impl Key {
    pub(crate) fn may_write(&self, bucket: &str) -> bool {
        self.access == Access::ReadWrite && self.bucket.as_deref().is_none_or(|only| only == bucket)
    }
}

/// The keys as `s3s` asks for them.
#[derive(Clone, Debug)]
pub(crate) struct KnownKeys(pub(crate) Arc<Keys>);

#[async_trait::async_trait]
impl S3Auth for KnownKeys {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        match self.0.find(access_key) {
            Some(key) => Ok(key.secret.expose_secret().into()),
            None => Err(s3_error!(InvalidAccessKeyId, "The access key you provided does not exist in our records.")),
        }
    }
}

#[async_trait::async_trait]
impl S3Access for KnownKeys {
    /// After the signature: what this key may do.
    async fn check(&self, context: &mut S3AccessContext<'_>) -> S3Result<()> {
        let denied = || s3_error!(AccessDenied, "Access Denied");
        let key = context.credentials().and_then(|credentials| self.0.find(&credentials.access_key));
        let key = key.ok_or_else(denied)?;
        let reads = matches!(*context.method(), http::Method::GET | http::Method::HEAD);
        if !reads && key.access == Access::ReadOnly {
            return Err(denied());
        }
        let Some(only) = key.bucket else { return Ok(()) };
        let bucket = match context.s3_path() {
            S3Path::Root => return Err(denied()),
            S3Path::Bucket { bucket } | S3Path::Object { bucket, .. } => bucket,
        };
        if **bucket != *only {
            return Err(denied());
        }
        match context.headers().get("x-amz-copy-source").map(|source| source.to_str().map(CopySource::parse)) {
            None => Ok(()),
            Some(Ok(Ok(CopySource::Bucket { bucket, .. }))) if *bucket == *only => Ok(()),
            Some(_) => Err(denied()),
        }
    }
}
