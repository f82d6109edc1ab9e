//! The edge gateway: every request is authorised, then answered from the cache, and only then, where something is missing, from the
//! bucket.
//!
//! [`pipeline`] is the way of a request from top to bottom; the other files are its stations. This crate joins the engines
//! (cache, origin, keys), which know nothing of each other, and holds no rule of its own about who may do what.

mod abandoned;
mod admin;
mod admin_changes;
mod body;
mod content;
mod evidence;
mod limits;
mod listen;
mod log;
mod memory;
mod metrics;
mod multipart;
mod origins;
mod own;
mod pipeline;
mod record;
mod respond;
mod settings;
mod wire;

use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

pub use front::Listener;
pub use listen::Door;
pub use settings::{Bucket, Settings};

use log::Log;
use memory::TokenMemory;
use metrics::{Ids, Metrics};
use origins::Origins;
use pipeline::Pipeline;

/// A gateway that serves. Dropping it ends it; [`Gateway::stop`] ends it well.
pub struct Gateway {
    pipeline: Arc<Pipeline>,
    stop: watch::Sender<bool>,
    workers: Vec<JoinHandle<()>>,
}

impl Gateway {
    /// Makes the parts and begins to serve. `runtime` is for what goes on beside the requests: fetches, keys, the admin
    /// listener. The access log goes to `log`.
    pub fn start(
        settings: Settings,
        doors: &[Door],
        admin: Option<StdListener>,
        log: Box<dyn Write + Send>,
        runtime: &Handle,
    ) -> io::Result<Self> {
        settings.keyring.spawn_refresh(runtime);
        let workers = settings.workers.max(1);
        let pipeline = Arc::new(build(settings, log, runtime)?);
        let (stop, stopping) = watch::channel(false);
        if let Some(admin) = admin {
            let _entered = runtime.enter();
            admin.set_nonblocking(true)?;
            let admin = TcpListener::from_std(admin)?;
            runtime.spawn(admin::serve(Arc::clone(&pipeline), admin, stopping.clone()));
        }
        abandoned::start(&pipeline, runtime, &stopping);
        let workers = listen::start_workers(&pipeline, doors, workers, &stopping)?;
        Ok(Self { pipeline, stop, workers })
    }

    /// Whether every issuer has keys.
    pub fn is_ready(&self) -> bool {
        self.pipeline.is_ready()
    }

    /// Takes no more connections, lets requests under way end within a bound, and writes the rest of the log. It blocks.
    pub fn stop(self) {
        self.stop.send_replace(true);
        for worker in self.workers {
            let _ = worker.join(); // a worker that panicked has ended too
        }
        self.pipeline.log.flush();
    }
}

/// TLS with HTTP/2 and HTTP/1.1, from a chain of certificates and a key in PEM.
pub fn tls(certificate: &[u8], key: &[u8]) -> io::Result<TlsAcceptor> {
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    let bad = |what: &str, error: &dyn std::fmt::Display| io::Error::other(format!("{what}: {error}"));
    let chain = CertificateDer::pem_slice_iter(certificate)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| bad("the certificate", &error))?;
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| bad("the key", &error))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| bad("TLS", &error))?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| bad("the certificate and the key", &error))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn build(settings: Settings, log: Box<dyn Write + Send>, runtime: &Handle) -> io::Result<Pipeline> {
    let origins = settings
        .buckets
        .iter()
        .map(|bucket| origin::Origin::open(bucket.origin.clone()))
        .collect::<io::Result<Vec<_>>>()?;
    Ok(Pipeline {
        front: settings.front,
        memory: TokenMemory::new(Arc::clone(&settings.keyring), Arc::clone(&settings.revocations)),
        revocations: settings.revocations,
        used: settings.used,
        hooks: settings.hooks,
        link_key: settings.link_key,
        admin_secret: settings.admin_secret,
        keyring: settings.keyring,
        buckets: settings.buckets,
        stores: origins.clone(),
        seals: settings.seals,
        cache: cache::Cache::open(settings.cache, Origins(origins), runtime.clone())?,
        log: Log::open(log)?,
        metrics: Metrics::new(),
        ids: Ids::new(),
    })
}

/// A socket for the admin listener.
pub fn bind_admin(address: SocketAddr) -> io::Result<StdListener> {
    StdListener::bind(address)
}
