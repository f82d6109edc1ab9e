//! The edge gateway: every request is authorised, then answered from the cache, and only then, where something is missing, from the
//! bucket.
//!
//! [`pipeline`] is the way of a request from top to bottom; the other files are its stations. This crate joins the engines
//! (cache, origin, keys), which know nothing of each other, and holds no rule of its own about who may do what.

mod abandoned;
mod admin;
mod admin_changes;
mod body;
mod certificate;
mod content;
mod control;
mod evidence;
mod http3;
mod limits;
mod listen;
mod log;
mod memory;
mod metrics;
mod multipart;
mod origins;
mod own;
mod pipeline;
mod quic;
mod quic_streams;
mod record;
mod request_body;
mod respond;
mod settings;
mod tls;
mod whole_frames;
mod wire;

use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::thread::JoinHandle;

use cache::{Cache, DiskSettings};
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::watch;

pub use certificate::{Certificate, CertificateFault, Side};
pub use control::Control;
pub use front::Listener;
pub use limits::WAITING_RELOADS;
pub use listen::Door;
pub use settings::{Bucket, Disk, ReloadRequest, Settings, Site};
pub use tls::Tls;

use log::Log;
use memory::TokenMemory;
use metrics::{Ids, Metrics};
use origins::Origins;
use pipeline::{Live, Pipeline};

/// A gateway that serves. Dropping it ends it; [`Gateway::stop`] ends it well.
pub struct Gateway {
    control: Control,
    stop: watch::Sender<bool>,
    workers: Vec<JoinHandle<()>>,
}

impl Gateway {
    /// Makes the parts and begins to serve. `runtime` is for what goes on beside the requests: fetches, keys, the admin
    /// listener. The access log goes to `log`.
    pub fn start(
        mut settings: Settings,
        doors: &[Door],
        admin: Option<StdListener>,
        log: Box<dyn Write + Send>,
        runtime: &Handle,
    ) -> io::Result<Self> {
        settings.keyring.spawn_refresh(runtime);
        let (workers, reload) = (settings.workers.max(1), settings.reload.take());
        let live = Arc::new(Live::from_pointee(build(settings, log, runtime)?));
        let tls = doors.iter().find_map(|door| door.tls.clone());
        let control = Control { live: Arc::clone(&live), tls };
        control.started();
        let (stop, stopping) = watch::channel(false);
        if let Some(admin) = admin {
            let _entered = runtime.enter();
            admin.set_nonblocking(true)?;
            let admin = TcpListener::from_std(admin)?;
            runtime.spawn(admin::serve(Arc::clone(&live), reload, admin, stopping.clone()));
        }
        abandoned::start(&live, runtime, &stopping);
        let workers = listen::start_workers(&live, doors, workers, &stopping)?;
        Ok(Self { control, stop, workers })
    }

    /// Whether every issuer has keys.
    pub fn is_ready(&self) -> bool {
        self.control.live.load().is_ready()
    }

    /// For whoever reloads it.
    pub fn control(&self) -> Control {
        self.control.clone()
    }

    /// Takes no more connections, lets requests under way end within a bound, and writes the rest of the cache and the log. It
    /// blocks.
    pub fn stop(self) {
        self.stop.send_replace(true);
        for worker in self.workers {
            let _ = worker.join(); // a worker that panicked has ended too
        }
        let live = self.control.live.load();
        live.cache.close(limits::DISK_CLOSE);
        live.log.flush();
    }
}

fn build(mut settings: Settings, log: Box<dyn Write + Send>, runtime: &Handle) -> io::Result<Pipeline> {
    let origins = settings
        .buckets
        .iter()
        .map(|bucket| origin::Origin::open(bucket.origin.clone()))
        .collect::<io::Result<Vec<_>>>()?;
    let disk = settings.disk.take();
    let cache = open_cache(settings.cache, disk, &settings.buckets, Origins(origins.clone()), runtime)?;
    Ok(Pipeline {
        site: Arc::new(settings.site),
        memory: Arc::new(TokenMemory::new(Arc::clone(&settings.keyring), Arc::clone(&settings.revocations))),
        revocations: settings.revocations,
        used: settings.used,
        keyring: settings.keyring,
        buckets: settings.buckets.into(),
        stores: origins.into(),
        cache,
        log: Log::open(log)?,
        metrics: Arc::new(Metrics::new()),
        ids: Arc::new(Ids::new()),
    })
}

fn open_cache(
    limits: cache::Limits,
    disk: Option<Disk>,
    buckets: &[Bucket],
    origins: Origins,
    runtime: &Handle,
) -> io::Result<Arc<Cache<Origins>>> {
    let Some(Disk { path, size, tell }) = disk else {
        return Cache::open(limits, origins, runtime.clone());
    };
    // Buckets may have other numbers and names in the next configuration; these are the same.
    let name = |bucket: &Bucket| format!("{}\n{}", bucket.origin.endpoint, bucket.origin.name).into();
    let disk = DiskSettings { path, size, buckets: buckets.iter().map(name).collect(), tell };
    Cache::open_with_disk(limits, disk, origins, runtime.clone())
        .map_err(|fault| io::Error::other(format!("the disk cache: {fault}")))
}

/// A socket for the admin listener.
pub fn bind_admin(address: SocketAddr) -> io::Result<StdListener> {
    StdListener::bind(address)
}
