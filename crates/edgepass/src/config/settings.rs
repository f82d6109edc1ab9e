//! A configuration that is wholly understood, as plain values for the parts. No text is left to judge.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use authorizer::{IssuerSettings, RouteSettings, Rules};
use aws::Choices;
use front::Carrier;
use gateway::Certificate;

use super::credentials::Credentials;
use super::diagnostic::Diagnostic;

#[derive(Debug)]
pub struct Config {
    pub file: PathBuf,
    pub listen: Listen,
    /// There whenever `listen.https` is.
    pub tls: Option<Tls>,
    pub site: Site,
    /// In the order of [`authorizer::BucketId`].
    pub buckets: Vec<Bucket>,
    /// In the order of [`authorizer::IssuerId`].
    pub issuers: Vec<Issuer>,
    pub carriers: Vec<Carrier>,
    pub rules: Rules,
    /// What the rules were built from.
    pub routes: Vec<RouteSettings>,
    pub cache: Cache,
    /// The directory for what must outlive the process; none: it is lost with it.
    pub state: Option<PathBuf>,
    /// The claims by which tokens can be revoked, where a `[revocation]` is there.
    pub revocation: Option<Vec<String>>,
    /// In the order of [`authorizer::HookId`].
    pub hooks: Vec<::hook::HookSettings>,
    /// The secret that links are signed with; none: one is made at each start.
    pub link_secret: Option<PathBuf>,
    /// The secret that uploads in parts are sealed with; none: that of links, if it has a file.
    pub upload_secret: Option<PathBuf>,
    /// The secret of those who may change something through the admin listener.
    pub admin_secret: Option<PathBuf>,
    pub aws: Option<Aws>,
    /// What is no mistake and will trouble somebody.
    pub warnings: Vec<Diagnostic>,
}

/// `[aws]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aws {
    pub choices: Choices,
    /// Names of buckets that are there already.
    pub adopt: Vec<String>,
    /// How often the function fetches the issuers' key sets, out of band.
    pub refresh_keys: Option<Duration>,
}

/// At least one of `https` and `http` is there, unless the site is on AWS alone; and no address twice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listen {
    pub https: Option<SocketAddr>,
    /// HTTP/3 on the UDP port of `https`.
    pub http3: bool,
    pub http: Option<Http>,
    pub admin: Option<SocketAddr>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Http {
    pub address: SocketAddr,
    pub role: HttpRole,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpRole {
    /// Answers: somebody else has terminated TLS, or nobody else can listen in.
    Serve,
    /// Sends to the site's origin, token removed.
    Redirect,
}

/// At least one certificate; the first is for clients that name no host.
#[derive(Clone, Debug)]
pub struct Tls {
    pub pairs: Vec<Pair>,
    /// How long browsers shall ask by https alone; none: they are not told.
    pub hsts: Option<Duration>,
    /// Whether the files are looked at for change while the gateway serves.
    pub watch: bool,
}

/// PEM files, and what was read from them: the key is the certificate's.
#[derive(Clone, Debug)]
pub struct Pair {
    pub certificate: PathBuf,
    pub key: PathBuf,
    pub read: Arc<Certificate>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// As browsers write it: scheme, host, and a port that is not the scheme's own.
    pub origin: String,
    /// In the same form.
    pub apps: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::struct_field_names)] // what S3 calls it
pub struct Bucket {
    /// The name in the configuration.
    pub name: String,
    /// An origin: no path, no slash at the end.
    pub endpoint: String,
    /// The same store as browsers reach it.
    pub upload_endpoint: String,
    pub region: String,
    /// The name in the store.
    pub bucket: String,
    pub credentials: Credentials,
    /// Those that sign what browsers send, where they are others.
    pub upload_credentials: Option<Credentials>,
    /// Of the store's answers, passed on besides those of every object.
    pub headers: Vec<http::HeaderName>,
    pub post: PostForms,
    /// When an upload in parts that nobody completes is given up.
    pub abandoned_uploads: Duration,
}

/// Whether the store takes uploads as HTML forms (S3 POST policies).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PostForms {
    Taken,
    NotTaken,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer {
    pub settings: IssuerSettings,
    pub source: keys::Source,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cache {
    /// Bytes.
    pub memory: u64,
    /// How long an object is fresh that says nothing itself.
    pub ttl: Duration,
    /// How long it is used after that while the store is asked, where it says nothing itself.
    pub stale_while_revalidate: Duration,
    /// How long it is used after that where the store is in trouble, unless it says otherwise.
    pub stale_if_error: Duration,
    /// How long a missing object is not asked for again.
    pub missing_ttl: Duration,
    pub disk: Option<Disk>,
}

/// Where the cache keeps what memory has no room for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disk {
    /// A directory of its own.
    pub path: PathBuf,
    /// Bytes.
    pub size: u64,
}
