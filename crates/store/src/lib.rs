//! The embedded store: an S3-compatible server on a directory, for one laptop or one node.
//!
//! It speaks S3's protocol with path-style addresses, and keeps what it acknowledged: an answer to
//! an upload is sent only once the bytes and the row that names them are on disk. It does not know Edgepass's tokens,
//! routes or gateway; they reach it over HTTP like any other store.
//!
//! The way of a request: `server` -> `front` (CORS, forms, what `s3s` would let pass) -> `s3s` (signatures, XML) ->
//! `backend` -> `vault` (durability) -> `blobs` and `index`.

mod assembly;
mod attributes;
mod authentication;
mod aws_chunked;
mod backend;
mod blob_stream;
mod blobs;
mod bucket_settings;
mod buckets;
mod checked_body;
mod conditions;
mod copy;
mod cors;
mod digest;
mod download;
mod error_body;
mod fault;
mod form;
mod front;
mod given;
mod incoming;
mod index;
mod key;
mod key_file;
mod keys;
mod limits;
mod list_answer;
mod listing;
mod multipart;
mod multipart_lists;
mod object;
mod objects;
mod patience;
mod pieces;
mod policy;
mod post_form;
mod query;
mod receive;
mod request_body;
mod server;
mod sweep;
mod tagging;
mod tags;
#[cfg(test)]
mod testing;
mod upload;
mod uploads;
mod uploads_listing;
mod vault;
mod verify;

pub use cors::{CorsFault, CorsRule};
pub use key_file::{Access, KeyFault, StoredKey, add_key, keys, remove_key};
pub use verify::{Progress, Verified, VerifyError, verify};

use crate::backend::Backend;
use crate::blobs::Blobs;
use crate::fault::Fault;
use crate::front::Front;
use crate::index::{Index, OpenFault};
use crate::keys::{Keys, KnownKeys};
use crate::vault::Vault;
use s3s::config::{S3Config, StaticConfigProvider};
use s3s::service::{S3Service, S3ServiceBuilder};
use secrecy::SecretString;
use std::fs::{File, TryLockError};
use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

pub struct Settings {
    /// Made where it is missing. Belongs to one store at a time.
    pub dir: PathBuf,
    /// Signatures must name it.
    pub region: String,
    pub access_key: String,
    pub secret_key: SecretString,
}

pub struct Store {
    front: Arc<Front>,
    /// Held as long as the store lives.
    _lock: File,
}

/// Why a store does not open.
#[derive(Debug)]
pub enum OpenError {
    /// Another process, or another [`Store`] of this one, has the directory.
    InUse {
        dir: PathBuf,
    },
    /// The directory was written by a later release.
    Newer {
        dir: PathBuf,
        version: i64,
    },
    Disk {
        dir: PathBuf,
        error: io::Error,
    },
    /// The index does not open or read.
    Index {
        dir: PathBuf,
        reason: String,
    },
}

/// Why a bucket could not be made ready.
#[derive(Debug)]
pub enum BucketError {
    /// Not a bucket name by S3's rules.
    Name(String),
    Cors(CorsFault),
    TooMany,
    Disk(String),
}

impl Store {
    /// Opens a directory, making what is missing. Does file work: not to be called on a thread that must not wait.
    pub fn open(settings: Settings) -> Result<Arc<Self>, OpenError> {
        let Settings { dir, region, access_key, secret_key } = settings;
        let disk = |error| OpenError::Disk { dir: dir.clone(), error };
        make_durable(&dir).map_err(disk)?;
        let lock = File::create(dir.join("lock")).map_err(disk)?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => OpenError::InUse { dir: dir.clone() },
            TryLockError::Error(error) => disk(error),
        })?;
        let blobs = Arc::new(Blobs::open(&dir).map_err(disk)?);
        let index = Index::open(&dir.join("index.sqlite")).map_err(|fault| match fault {
            OpenFault::Newer { found } => OpenError::Newer { dir: dir.clone(), version: found },
            OpenFault::Sqlite(error) => OpenError::Index { dir: dir.clone(), reason: error.to_string() },
        })?;
        let index = Arc::new(index);
        // The names of all that was just made.
        blobs::sync_dir(&dir).map_err(disk)?;
        sweep::start(&blobs, &index).map_err(disk)?;
        let vault = Vault::new(blobs, index)
            .map_err(|fault| OpenError::Index { dir: dir.clone(), reason: format!("{fault:?}") })?;
        let vault = Arc::new(vault);
        let keys = Arc::new(Keys::new(access_key, secret_key, region.clone(), dir.join("keys")));
        let service = protocol(Backend { vault: Arc::clone(&vault), region }, KnownKeys(Arc::clone(&keys)));
        let front = Front { vault, service, keys, slots: Semaphore::new(limits::REQUESTS) };
        Ok(Arc::new(Self { front: Arc::new(front), _lock: lock }))
    }

    /// Makes a bucket if it is missing, and sets its CORS rules; no rules allow no other origin. Does file work.
    pub fn ensure_bucket(&self, name: &str, cors: &[CorsRule]) -> Result<(), BucketError> {
        if !s3s::path::check_bucket_name(name) {
            return Err(BucketError::Name(name.to_owned()));
        }
        cors::check(cors).map_err(BucketError::Cors)?;
        match self.front.vault.create_bucket(name) {
            Ok(()) | Err(Fault::BucketExists) => {}
            Err(Fault::TooManyBuckets) => return Err(BucketError::TooMany),
            Err(other) => return Err(BucketError::Disk(format!("{other:?}"))),
        }
        self.front.vault.set_cors(name, cors).map_err(|fault| BucketError::Disk(format!("{fault:?}")))
    }

    /// Answers on `listener` until `stop` is ready; then requests in flight may finish, for at most ten seconds.
    pub async fn serve(self: Arc<Self>, listener: TcpListener, stop: impl Future<Output = ()>) -> io::Result<()> {
        let sweeping = tokio::spawn(sweep::uploads(Arc::clone(&self.front.vault)));
        let served = server::serve(Arc::clone(&self.front), listener, stop).await;
        sweeping.abort();
        served
    }
}

/// Its name as well, where it is new.
fn make_durable(dir: &Path) -> io::Result<()> {
    if dir.is_dir() {
        return Ok(());
    }
    std::fs::create_dir_all(dir)?;
    dir.canonicalize()?.parent().map_or(Ok(()), blobs::sync_dir)
}

fn protocol(backend: Backend, keys: KnownKeys) -> S3Service {
    let mut config = S3Config::default();
    config.xml_max_body_size = limits::XML_BYTES;
    // Forms are ours: nothing of one gets into memory here, should it ever come this far.
    config.post_object_max_file_size = 0;
    config.form_max_fields_size = 0;
    config.form_max_field_size = 0;
    config.form_max_parts = 0;
    let mut builder = S3ServiceBuilder::new(backend);
    builder.set_config(Arc::new(StaticConfigProvider::new(Arc::new(config))));
    builder.set_auth(keys.clone());
    builder.set_access(keys);
    builder.build()
}

impl std::fmt::Display for OpenError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::InUse { dir } => write!(f, "another store has `{}` open", dir.display()),
            Self::Newer { dir, version } => {
                write!(f, "`{}` was written by a later release (index version {version})", dir.display())
            }
            Self::Disk { dir, error } => write!(f, "cannot use `{}`: {error}", dir.display()),
            Self::Index { dir, reason } => write!(f, "cannot read the index in `{}`: {reason}", dir.display()),
        }
    }
}

impl std::error::Error for OpenError {}

impl std::fmt::Display for BucketError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Name(name) => write!(f, "`{name}` cannot be a bucket name"),
            Self::Cors(fault) => fault.fmt(f),
            Self::TooMany => write!(f, "more than {} buckets", limits::BUCKETS),
            Self::Disk(reason) => write!(f, "the bucket could not be stored: {reason}"),
        }
    }
}

impl std::error::Error for BucketError {}
