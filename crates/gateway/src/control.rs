//! What is changed while the gateway serves: the site as it is configured, and its certificates.

use std::io;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use authorizer::RevocableClaim;
use keys::{Keyring, SigningKey};

use crate::certificate::Certificate;
use crate::pipeline::{Live, Pipeline};
use crate::settings::Site;
use crate::tls::Tls;

/// A gateway, for whoever reloads it.
#[derive(Clone)]
pub struct Control {
    pub(crate) live: Arc<Live>,
    pub(crate) tls: Option<Arc<Tls>>,
}

impl Control {
    /// Requests that come from now on are answered by this site; those under way end with what they began with.
    pub fn replace_site(&self, site: Site) {
        let known = self.live.load_full();
        self.live.store(Arc::new(Pipeline { site: Arc::new(site), ..Pipeline::clone(&known) }));
    }

    /// Connections that begin from now on see these certificates. Whether anything changed.
    pub fn replace_certificates(&self, certificates: Vec<Arc<Certificate>>) -> io::Result<bool> {
        let changed = self.tls.as_ref().map_or(Ok(false), |tls| tls.replace(certificates))?;
        self.note_certificates();
        Ok(changed)
    }

    pub fn certificates(&self) -> Vec<Arc<Certificate>> {
        self.tls.as_ref().map(|tls| tls.certificates()).unwrap_or_default()
    }

    pub fn keyring(&self) -> Arc<Keyring> {
        Arc::clone(&self.live.load().keyring)
    }

    pub fn link_key(&self) -> Option<Arc<SigningKey>> {
        self.live.load().site.link_key.clone()
    }

    pub fn hooks(&self) -> Arc<hook::Hooks> {
        Arc::clone(&self.live.load().site.hooks)
    }

    /// The claims by which tokens can be revoked.
    pub fn revocable(&self) -> Vec<RevocableClaim> {
        self.live.load().revocations.claims().to_vec()
    }

    /// Counts a reload for the metrics.
    pub fn reloaded(&self, done: bool) {
        self.live.load().metrics.reloaded(done, now());
    }

    pub(crate) fn started(&self) {
        self.live.load().metrics.started(now());
        self.note_certificates();
    }

    fn note_certificates(&self) {
        let certificates = self.certificates();
        let expiries =
            certificates.iter().map(|certificate| (certificate.file.display().to_string(), certificate.expires));
        self.live.load().metrics.certificates(expiries);
    }
}

/// Seconds since 1970.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
