//! What can be wrong with keys, one fact a variant.

use std::fmt;
use std::io;
use std::path::PathBuf;

use authorizer::{JwkFault, KeyFault};

use crate::limits::{FETCH_WITHIN, MAX_BODY, MAX_KEY_FILE};

/// Why a source gives no keys.
#[derive(Debug)]
pub enum KeysError {
    Read {
        path: PathBuf,
        error: io::Error,
    },
    NotAFile {
        path: PathBuf,
    },
    TooLarge {
        path: PathBuf,
    },
    JwkSet {
        path: PathBuf,
        fault: JwkFault,
    },
    Secret {
        path: PathBuf,
        fault: KeyFault,
    },
    /// A PEM or JWK file where a secret belongs: whoever knows the public key could sign.
    NotASecret {
        path: PathBuf,
    },
    /// A point that is not on its curve, or of small order.
    Unusable {
        path: PathBuf,
        key: usize,
    },
    Url {
        url: String,
        fault: UrlFault,
    },
}

impl fmt::Display for KeysError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read { path, error } => write!(f, "cannot read `{}`: {}", path.display(), in_words(error)),
            Self::NotAFile { path } => write!(f, "`{}` is not a file", path.display()),
            Self::TooLarge { path } => write!(f, "`{}` has more than {MAX_KEY_FILE} bytes", path.display()),
            Self::JwkSet { path, fault } => write!(f, "`{}`: {fault}", path.display()),
            Self::Secret { path, fault } => write!(f, "`{}`: {fault}", path.display()),
            Self::NotASecret { path } => write!(f, "`{}` holds a key, not a shared secret", path.display()),
            Self::Unusable { path, key } => {
                write!(f, "`{}`: key {key}: not a valid point of its curve", path.display())
            }
            Self::Url { url, fault } => write!(f, "`{url}`: {fault}"),
        }
    }
}

impl std::error::Error for KeysError {}

/// The system's message without its number.
fn in_words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    }
}

/// Why a URL is not one to fetch keys from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UrlFault {
    NotAUrl,
    Scheme,
    /// Anyone on the way could put in keys of their own.
    PlainHttp,
    UserInfo,
    Fragment,
    /// Of an issuer whose document is to be found.
    Query,
}

impl fmt::Display for UrlFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAUrl => "not an absolute URL",
            Self::Scheme => "the URL is neither https nor http on loopback",
            Self::PlainHttp => "http is taken on loopback only: whoever is on the way could put in other keys",
            Self::UserInfo => "the URL holds a user name or password",
            Self::Fragment => "the URL holds a fragment",
            Self::Query => "the URL holds a query",
        })
    }
}

/// Why a fetch gave no new set. The last good one stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FetchError {
    /// This machine has no certificate authorities to verify a server with.
    NoRoots(String),
    Connect(String),
    TooSlow,
    /// Any status but 200; redirects are not followed.
    Status(u16),
    TooLarge,
    JwkSet(JwkFault),
    Unusable {
        key: usize,
    },
    /// What is wrong with the discovery document.
    Document(DocumentFault),
    /// The fetch of the discovery document failed.
    NoDocument(Box<FetchError>),
}

/// Why a discovery document is not believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DocumentFault {
    NotJson,
    /// There is no such text.
    Member(&'static str),
    /// OpenID Connect Discovery 1.0 section 4.3, RFC 8414 section 3.3: the issuer is ours byte for byte.
    OtherIssuer(String),
    JwksUri(UrlFault),
}

impl fmt::Display for DocumentFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotJson => write!(f, "not one strict JSON object"),
            Self::Member(member) => write!(f, "no text `{member}`"),
            Self::OtherIssuer(issuer) => write!(f, "it is of another issuer: `{issuer}`"),
            Self::JwksUri(fault) => write!(f, "its `jwks_uri`: {fault}"),
        }
    }
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRoots(reason) => write!(f, "no certificate authorities on this machine: {reason}"),
            Self::Connect(reason) => write!(f, "no answer: {reason}"),
            Self::TooSlow => write!(f, "no whole answer within {} seconds", FETCH_WITHIN.as_secs()),
            Self::Status(status) => write!(f, "the answer's status is {status}; only 200 is taken"),
            Self::TooLarge => write!(f, "the answer has more than {MAX_BODY} bytes"),
            Self::JwkSet(fault) => write!(f, "{fault}"),
            Self::Unusable { key } => write!(f, "key {key}: not a valid point of its curve"),
            Self::Document(fault) => write!(f, "the discovery document: {fault}"),
            Self::NoDocument(error) => write!(f, "the discovery document: {error}"),
        }
    }
}
