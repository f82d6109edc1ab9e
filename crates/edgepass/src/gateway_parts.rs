//! From an understood configuration to a gateway that serves.

use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use authorizer::{Algorithm, RevocableClaim, link_issuer};
use aws_credential_types::Credentials;
use front::Front;
use gateway::{Door, Gateway, Listener, ReloadRequest, Tls};
use http::HeaderValue;
use keys::{Keyring, SigningKey};
use origin::{Keys, News};
use secrecy::{ExposeSecret, SecretString};
use tokio::runtime::Handle;
use uploads::Seals;

use crate::config::{self, AccessKey, Bucket, Config, HttpRole, PostForms};
use crate::key_news;
use crate::state::State;
use crate::trouble::{Trouble, tell};

/// The sockets of a gateway, bound.
pub struct Sockets {
    pub doors: Vec<Door>,
    pub admin: Option<TcpListener>,
}

impl Sockets {
    pub fn bind(config: &Config) -> Result<Self, Trouble> {
        let mut doors = Vec::new();
        if let (Some(address), Some(tls)) = (config.listen.https, &config.tls) {
            let tls = Some(Arc::new(Tls::open(tls.certificates()).map_err(Trouble::failed)?));
            let door = Door::bind(address, tls, Listener::Serves).map_err(|error| cannot_listen(address, &error))?;
            doors.push(if config.listen.http3 {
                door.with_http3().map_err(|error| cannot_listen_for_http3(address, &error))?
            } else {
                door
            });
        }
        if let Some(http) = config.listen.http {
            let listener = match http.role {
                HttpRole::Serve => Listener::Serves,
                HttpRole::Redirect => Listener::Redirects,
            };
            let address = http.address;
            doors.push(Door::bind(address, None, listener).map_err(|error| cannot_listen(address, &error))?);
        }
        let admin = config.listen.admin.map(listen).transpose()?;
        Ok(Self { doors, admin })
    }
}

pub fn listen(address: SocketAddr) -> Result<TcpListener, Trouble> {
    TcpListener::bind(address).map_err(|error| cannot_listen(address, &error))
}

fn cannot_listen(address: SocketAddr, error: &io::Error) -> Trouble {
    let trouble = Trouble::failed(format_args!("cannot listen on {address}: {error}"));
    match error.kind() {
        io::ErrorKind::AddrInUse => trouble.with_hint("another program has this port; stop it, or choose another port"),
        io::ErrorKind::PermissionDenied => trouble.with_hint(
            "ports below 1024 take a privilege: `setcap cap_net_bind_service=+ep` on the binary, or a port above",
        ),
        _ => trouble,
    }
}

fn cannot_listen_for_http3(address: SocketAddr, error: &io::Error) -> Trouble {
    Trouble::failed(format_args!("cannot listen on {address} by UDP, for HTTP/3: {error}"))
        .with_hint("another program has this port; stop it, or write `http3 = false` into `[listen]`")
}

/// What a site is made from beside the configuration.
pub struct Parts {
    pub link_key: Arc<SigningKey>,
    pub seals: Option<Seals>,
    pub hooks: Arc<hook::Hooks>,
    pub admin_secret: Option<SecretString>,
    pub revocable: Vec<RevocableClaim>,
}

/// The site as it is configured.
pub fn site(config: Config, parts: Parts) -> gateway::Site {
    let hsts = hsts(&config);
    let front = Front::new(config.site.origin, config.site.apps, config.carriers, config.rules);
    gateway::Site {
        front: front.with_links(parts.revocable),
        hooks: parts.hooks,
        link_key: Some(parts.link_key),
        seals: parts.seals,
        admin_secret: parts.admin_secret,
        hsts,
    }
}

/// RFC 6797 section 6.1. Not for this machine's own names: browsers would ask every port of it by https.
fn hsts(config: &Config) -> Option<HeaderValue> {
    let origin = &config.site.origin;
    let time = config.tls.as_ref()?.hsts.filter(|_| config::is_https(origin) && !config::is_loopback(origin))?;
    HeaderValue::try_from(format!("max-age={}", time.as_secs())).ok()
}

/// Loads the keys and starts. The access log goes to `log`; who asks for a reload is sent on.
pub fn start(
    mut config: Config,
    buckets: Vec<gateway::Bucket>,
    sockets: Sockets,
    log: Box<dyn Write + Send>,
    runtime: &Handle,
    reload: Option<SyncSender<ReloadRequest>>,
) -> Result<Gateway, Trouble> {
    let link_key = Arc::new(link_key(config.link_secret.as_deref())?);
    let remember = config.state.as_ref().map(|state| state.join("keys"));
    let keyring = open_keyring(&config, remember.as_deref(), Some(&link_key))?;
    key_news::tell_changes(&keyring);
    let issuers: Vec<_> = config.issuers.iter().map(|issuer| &issuer.settings).collect();
    let state = State::open(
        config.state.as_deref(),
        config.revocation.as_deref(),
        &issuers,
        &link_issuer(&config.site.origin),
    )?;
    // The site's links are the last of the issuers; no hook is asked about them.
    let names = issuers.iter().map(|issuer| issuer.name.clone()).collect();
    let hooks = std::mem::take(&mut config.hooks);
    let hooks = hook::Hooks::open(hooks, names, runtime.clone()).map_err(Trouble::failed)?;
    let admin_secret = config.admin_secret.as_deref().map(read_secret).transpose()?;
    let seals = seals(&config, &link_key)?;
    let cache = cache::Limits {
        memory: config.cache.memory,
        defaults: cache::Defaults {
            ttl: config::seconds(config.cache.ttl),
            stale_while_revalidate: config::seconds(config.cache.stale_while_revalidate),
            stale_if_error: config::seconds(config.cache.stale_if_error),
        },
        missing_ttl: config::seconds(config.cache.missing_ttl),
    };
    let disk = config.cache.disk.take().map(|disk| gateway::Disk {
        path: disk.path,
        size: disk.size,
        tell: Arc::new(|news| tell(news)),
    });
    let revocable = state.revocations.claims().to_vec();
    let settings = gateway::Settings {
        site: site(config, Parts { link_key, seals, hooks, admin_secret, revocable }),
        keyring,
        revocations: state.revocations,
        used: state.used,
        buckets,
        cache,
        disk,
        workers: std::thread::available_parallelism().map_or(1, usize::from),
        reload,
    };
    Gateway::start(settings, &sockets.doors, sockets.admin, log, runtime)
        .map_err(|error| Trouble::failed(format_args!("the gateway does not start: {error}")))
}

/// The issuers' keys: files are read, and what is fetched begins with what is remembered, if anything is.
///
/// `own` is the site's own secret, whose set is the last.
pub fn open_keyring(
    config: &Config,
    remember: Option<&Path>,
    own: Option<&SigningKey>,
) -> Result<Arc<Keyring>, Trouble> {
    let issuers = config.issuers.iter().map(|issuer| keys::Issuer {
        name: issuer.settings.name.clone(),
        source: issuer.source.clone(),
        algorithms: issuer.settings.algorithms.clone(),
    });
    Keyring::open_with(issuers.collect(), remember, own).map_err(|errors| {
        let errors: Vec<_> = errors.into_iter().map(|(_, error)| error.to_string()).collect();
        Trouble::failed(errors.join("\nerror: "))
    })
}

/// The secret of the site's links: from its file, or a new one that ends with the process.
pub fn link_key(file: Option<&Path>) -> Result<SigningKey, Trouble> {
    let algorithm = Algorithm::Hs256;
    match file {
        Some(file) => SigningKey::load(file, Some(algorithm)).map_err(Trouble::failed),
        None => SigningKey::generate(algorithm).map_err(Trouble::failed),
    }
}

/// Uploads in parts outlive the process, so their secret has to be in a file: `[uploads]`, else `[links]`.
pub fn seals(config: &Config, link_key: &SigningKey) -> Result<Option<Seals>, Trouble> {
    let derived = |key: &SigningKey| {
        let secret = key.derived("edgepass: uploads in parts");
        secret.map(|secret| Seals::new(&secret)).ok_or_else(|| Trouble::failed("the secret of uploads is none"))
    };
    match (&config.upload_secret, &config.link_secret) {
        (Some(file), _) => derived(&SigningKey::load(file, Some(Algorithm::Hs256)).map_err(Trouble::failed)?).map(Some),
        (None, Some(_)) => derived(link_key).map(Some),
        (None, None) => Ok(None),
    }
}

/// A secret of one line; at least as long as the configuration demands.
pub fn read_secret(file: &Path) -> Result<SecretString, Trouble> {
    config::read_line(file).map_err(Trouble::failed)
}

/// The buckets with the keys to them.
pub async fn buckets(config: &mut Config) -> Result<Vec<gateway::Bucket>, Trouble> {
    let mut buckets = Vec::new();
    for one in std::mem::take(&mut config.buckets) {
        buckets.push(bucket(one).await?);
    }
    Ok(buckets)
}

/// Fails where the keys are not there.
pub async fn bucket(bucket: Bucket) -> Result<gateway::Bucket, Trouble> {
    let of_bucket = |fault: &dyn std::fmt::Display| Trouble::failed(format_args!("bucket `{}`: {fault}", bucket.name));
    let reads_with = keys(&bucket.credentials, &bucket.name).await.map_err(|fault| of_bucket(&fault))?;
    let upload_credentials = match &bucket.upload_credentials {
        Some(others) => keys(others, &bucket.name).await.map_err(|fault| of_bucket(&fault))?,
        None => reads_with.clone(),
    };
    let post = bucket.post == PostForms::Taken;
    let uploads = uploads::Bucket::new(&bucket.bucket, &bucket.region, &bucket.upload_endpoint, post)
        .map_err(|fault| of_bucket(&fault))?;
    let origin = origin::Bucket {
        endpoint: bucket.endpoint,
        region: bucket.region,
        name: bucket.bucket,
        credentials: reads_with,
        passed: bucket.headers,
    };
    let abandoned_after = i64::try_from(bucket.abandoned_uploads.as_secs()).unwrap_or(i64::MAX);
    Ok(gateway::Bucket { origin, uploads, upload_credentials, abandoned_after })
}

/// Those of the AWS chain are renewed for as long as the runtime is there.
async fn keys(of: &config::Credentials, bucket: &str) -> Result<Keys, String> {
    if let Some(key) = of.read(|name| std::env::var(name).ok()).map_err(|fault| fault.to_string())? {
        return Ok(credentials(&key).into());
    }
    let bucket = bucket.to_owned();
    let news = move |news| match news {
        News::Renewed => tell(format_args!("bucket `{bucket}`: credentials renewed")),
        News::NotRenewed(error) => {
            tell(format_args!(
                "warning: bucket `{bucket}`: credentials not renewed, those there are stay in use: {error}"
            ));
        }
    };
    let (keys, renewal) = Keys::of_chain(news).await?;
    tokio::spawn(renewal);
    Ok(keys)
}

fn credentials(key: &AccessKey) -> Credentials {
    let session_token = key.session_token.as_ref().map(|token| token.expose_secret().to_owned());
    Credentials::new(&key.access_key, key.secret_key.expose_secret(), session_token, None, "configuration")
}
