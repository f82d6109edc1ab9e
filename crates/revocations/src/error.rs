//! What can go wrong, one fact a variant, and what to do about it.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use authorizer::{MAX_TOKEN, Revocation};

#[derive(Clone, Debug)]
pub enum Error {
    UnknownIssuer {
        issuer: String,
        known: Vec<String>,
    },
    UnknownClaim {
        claim: String,
        known: Vec<String>,
    },
    /// No token can hold it.
    ValueTooLong {
        bytes: usize,
    },
    Full {
        most: usize,
    },
    /// It is in effect on every thread of this process, and ends with it.
    NotKept {
        revocation: Box<Revocation>,
        path: PathBuf,
        error: Arc<io::Error>,
    },
    /// The journal could not be opened, read or written.
    Journal {
        doing: &'static str,
        path: PathBuf,
        error: Arc<io::Error>,
    },
    Locked {
        path: PathBuf,
    },
    Damaged {
        path: PathBuf,
        line: u64,
        damage: Damage,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Damage {
    /// The first line is not that of such a journal.
    NotAJournal { wanted: &'static str },
    /// The bytes are not those that were written, or a line before them is missing.
    Checksum,
    /// The bytes are as they were written, but their meaning is not known.
    Meaning(String),
}

impl Error {
    pub(crate) fn journal(doing: &'static str, path: impl Into<PathBuf>, error: io::Error) -> Self {
        Self::Journal { doing, path: path.into(), error: Arc::new(error) }
    }

    /// The fault of the system beneath, if it is one.
    pub fn io(&self) -> Option<&Arc<io::Error>> {
        match self {
            Self::NotKept { error, .. } | Self::Journal { error, .. } => Some(error),
            _ => None,
        }
    }

    pub(crate) fn into_io(self) -> Arc<io::Error> {
        match self {
            Self::NotKept { error, .. } | Self::Journal { error, .. } => error,
            other => Arc::new(io::Error::other(other.to_string())),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownIssuer { issuer, known } => {
                write!(f, "there is no issuer `{issuer}`; the configuration names {}", list(known))
            }
            Self::UnknownClaim { claim, known } => {
                write!(f, "tokens cannot be revoked by `{claim}`, only by {}: add it to the configuration", list(known))
            }
            Self::ValueTooLong { bytes } => {
                write!(f, "the value has {bytes} bytes; no token has more than {MAX_TOKEN}")
            }
            Self::Full { most } => write!(
                f,
                "{most} revocations are in effect, the most there can be: revoke by a claim that many tokens share, or \
                 set the issuer's `max_age` so that revocations end"
            ),
            Self::NotKept { path, error, .. } => write!(
                f,
                "revoked on this node until it stops, but not written to `{}`: {error}; repeat it once that is mended",
                path.display()
            ),
            Self::Journal { doing, path, error } => write!(f, "cannot {doing} `{}`: {error}", path.display()),
            Self::Locked { path } => {
                write!(f, "another process uses `{}`: stop it, or give this one a journal of its own", path.display())
            }
            Self::Damaged { path, line, damage } => {
                write!(f, "`{}`, line {line}: {damage}; restore the file from a backup, or ", path.display())?;
                match damage {
                    Damage::NotAJournal { .. } => write!(f, "give another path"),
                    _ => write!(f, "move it away and revoke again what must stay revoked"),
                }
            }
        }
    }
}

impl std::error::Error for Error {}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAJournal { wanted } => write!(f, "this is not a journal of `{wanted}`"),
            Self::Checksum => write!(f, "the checksum does not fit: the line was changed, or one before it is missing"),
            Self::Meaning(why) => write!(f, "not understood, perhaps of a later version: {why}"),
        }
    }
}

/// Why a token that is good for one request is not honoured.
#[derive(Clone, Debug)]
pub enum NotTaken {
    /// It has had its request.
    Used,
    /// So many are remembered that this one could not be.
    Full,
    /// It could not be written down; it is used up all the same.
    Journal(Arc<io::Error>),
}

impl fmt::Display for NotTaken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Used => write!(f, "the token was good for one request and has had it"),
            Self::Full => write!(f, "too many tokens that are good for one request have been used and not yet expired"),
            Self::Journal(error) => write!(f, "the use of a token could not be written down: {error}"),
        }
    }
}

impl std::error::Error for NotTaken {}

fn list(names: &[String]) -> String {
    if names.is_empty() {
        return "none".to_owned();
    }
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
