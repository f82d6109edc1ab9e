//! The last good set of an issuer on disk, so that a gateway that starts while the provider is away has keys to begin with.
//!
//! Public keys alone are written. What is read is judged like an answer of the provider's, and trouble of any kind means
//! that nothing is remembered, never that nothing is served.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use authorizer::{Algorithm, JwkFault, Key, KeySet, parse_jwk_set, strict_object};
use serde_json::{Value, json};

use crate::error::KeysError;
use crate::limits::{REMEMBERED_AGAIN, REMEMBERED_AHEAD, REMEMBERED_MOST};
use crate::source::{Source, read, unusable};

/// The place of one issuer's set.
#[derive(Debug)]
pub struct Shelf {
    file: PathBuf,
    /// The source's URL as the configuration writes it.
    url: String,
    writing: Mutex<Writing>,
}

#[derive(Debug, Default)]
struct Writing {
    under_way: bool,
    /// The set changed while it was being written.
    overtaken: bool,
    /// When the set that is current was last written.
    written: Option<Instant>,
}

/// Whether a fetched set is to be written now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    Now,
    NotYet,
    /// It is, and the last write has not ended.
    Held,
}

#[derive(Debug)]
pub enum ShelfFault {
    Read(KeysError),
    /// Not what is written here.
    Strange {
        file: PathBuf,
    },
    JwkSet {
        file: PathBuf,
        fault: JwkFault,
    },
    Unusable {
        file: PathBuf,
        key: usize,
    },
    /// It was fetched from another URL than the configuration's.
    OtherUrl {
        file: PathBuf,
    },
    TooOld {
        file: PathBuf,
    },
    FromTheFuture {
        file: PathBuf,
    },
    Write {
        file: PathBuf,
        error: io::Error,
    },
}

impl fmt::Display for ShelfFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(error) => write!(f, "the remembered keys are not used: {error}"),
            Self::Strange { file } => {
                write!(f, "the remembered keys are not used: `{}` is torn or was not written here", file.display())
            }
            Self::JwkSet { file, fault } => {
                write!(f, "the remembered keys are not used: `{}`: {fault}", file.display())
            }
            Self::Unusable { file, key } => write!(
                f,
                "the remembered keys are not used: `{}`: key {key}: not a valid point of its curve",
                file.display()
            ),
            Self::OtherUrl { file } => write!(
                f,
                "the remembered keys are not used: those of `{}` were fetched from another URL",
                file.display()
            ),
            Self::TooOld { file } => write!(
                f,
                "the remembered keys are not used: those of `{}` are older than {} days",
                file.display(),
                REMEMBERED_MOST.as_secs() / 86_400
            ),
            Self::FromTheFuture { file } => write!(
                f,
                "the remembered keys are not used: those of `{}` were fetched later than now, says the clock",
                file.display()
            ),
            Self::Write { file, error } => write!(f, "the keys are not remembered: `{}`: {error}", file.display()),
        }
    }
}

impl Shelf {
    /// For the sets of sources that are fetched; `name` is the issuer's in the configuration, which is fit for a file's name.
    pub fn of(source: &Source, dir: &Path, name: &str) -> Option<Self> {
        let url = match source {
            Source::JwksUrl(url) | Source::Discovery { document: url, .. } => url.clone(),
            Source::JwksFile(_) | Source::SecretFile(_) => return None,
        };
        Some(Self { file: dir.join(format!("{name}.json")), url, writing: Mutex::default() })
    }

    /// The set and when it was fetched; none where nothing was remembered yet.
    pub fn load(&self, algorithms: &[Algorithm], now: SystemTime) -> Result<Option<(KeySet, SystemTime)>, ShelfFault> {
        let bytes = match read(&self.file) {
            Err(KeysError::Read { error, .. }) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other.map_err(ShelfFault::Read)?,
        };
        let file = || self.file.clone();
        let strange = || ShelfFault::Strange { file: file() };
        let members = strict_object(&bytes).ok_or_else(strange)?;
        let url = members.get("url").and_then(Value::as_str).ok_or_else(strange)?;
        let fetched = members.get("fetched").and_then(Value::as_u64).ok_or_else(strange)?;
        if url != self.url {
            return Err(ShelfFault::OtherUrl { file: file() });
        }
        let fetched = UNIX_EPOCH.checked_add(Duration::from_secs(fetched)).ok_or_else(strange)?;
        match now.duration_since(fetched) {
            Ok(age) if age > REMEMBERED_MOST => return Err(ShelfFault::TooOld { file: file() }),
            Err(ahead) if ahead.duration() > REMEMBERED_AHEAD => {
                return Err(ShelfFault::FromTheFuture { file: file() });
            }
            _ => {}
        }
        let set = parse_jwk_set(&bytes, algorithms).map_err(|fault| ShelfFault::JwkSet { file: file(), fault })?;
        match unusable(&set) {
            Some(key) => Err(ShelfFault::Unusable { file: file(), key }),
            None => Ok(Some((set, fetched))),
        }
    }

    /// A fetched set is written where it changed, and where what is on disk grows old or could not be written. Whoever is told
    /// [`Due::Now`] has to [`Self::end`] it.
    pub fn begin(&self, changed: bool) -> Due {
        let mut writing = self.lock();
        if writing.under_way {
            writing.overtaken |= changed;
            return Due::Held;
        }
        let due = changed || writing.written.is_none_or(|written| written.elapsed() > REMEMBERED_AGAIN);
        writing.under_way = due;
        if due { Due::Now } else { Due::NotYet }
    }

    pub fn end(&self, written: bool) {
        let mut writing = self.lock();
        let current = written && !writing.overtaken;
        *writing = Writing { under_way: false, overtaken: false, written: current.then(Instant::now) };
    }

    /// In one piece or not at all, and for its owner's eyes: a URL may hold a key of its own.
    pub fn write(&self, set: &KeySet, fetched: SystemTime) -> Result<(), ShelfFault> {
        let public = set.keys().iter().filter(|key| !key.algorithm().is_symmetric()).map(Key::expose_jwk);
        let fetched = fetched.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let content = json!({ "url": self.url, "fetched": fetched, "keys": public.collect::<Vec<_>>() });
        write_whole(&self.file, format!("{content:#}\n").as_bytes())
            .map_err(|error| ShelfFault::Write { file: self.file.clone(), error })
    }

    /// Nothing in here panics while it holds the lock.
    fn lock(&self) -> MutexGuard<'_, Writing> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn write_whole(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let dir = file.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(dir)?;
    // Two gateways may share a directory.
    let new = file.with_extension(format!("{}.new", std::process::id()));
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options
        .open(&new)
        .and_then(|mut open| open.write_all(bytes).and_then(|()| open.sync_all()))
        .and_then(|()| fs::rename(&new, file));
    if written.is_err() {
        // What is left of it is in nobody's way, if it cannot be removed either.
        let _ = fs::remove_file(&new);
    }
    written?;
    // The new name is on disk once the directory is.
    File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests;
