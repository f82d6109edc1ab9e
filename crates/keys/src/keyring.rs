//! The keys of all issuers. Files are read when it opens; URLs begin empty and are fetched by their tasks, so that no
//! network is on the start path.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use authorizer::{Algorithm, KeySet};
use tokio::runtime::Handle;
use tokio::task::JoinSet;

use crate::error::KeysError;
use crate::fetch::Fetcher;
use crate::published::{Published, Snapshot};
use crate::remote::{Remote, Status};
use crate::signing::SigningKey;
use crate::source::Source;
use crate::url::KeySetUrl;

/// Dropping it ends its tasks.
#[derive(Debug)]
pub struct Keyring {
    published: Arc<Published>,
    /// One for each issuer.
    origins: Vec<Origin>,
    tasks: Mutex<JoinSet<()>>,
}

#[derive(Debug)]
enum Origin {
    File(Status),
    Remote(Arc<Remote>),
}

impl Keyring {
    /// Reads the files. The sources are in the order of the issuers; so are the faults, each with its issuer's number.
    ///
    /// `own` is the site's own secret, if it has one; its set is the last.
    pub fn open(
        sources: Vec<(Source, Vec<Algorithm>)>,
        own: Option<&SigningKey>,
    ) -> Result<Arc<Self>, Vec<(usize, KeysError)>> {
        let mut sets = Vec::new();
        let mut origins = Vec::new();
        let mut faults = Vec::new();
        for (issuer, (source, algorithms)) in sources.into_iter().enumerate() {
            match open(issuer, &source, algorithms) {
                Ok((set, origin)) => {
                    sets.push(set);
                    origins.push(origin);
                }
                Err(error) => faults.push((issuer, error)),
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        if let Some(set) = own.and_then(SigningKey::secret_set) {
            sets.push(set);
            origins.push(Origin::File(Status { source: "the site's own".to_owned(), keys: 1, ..Status::default() }));
        }
        Ok(Arc::new(Self { published: Arc::new(Published::new(sets)), origins, tasks: Mutex::default() }))
    }

    /// The keys as they are now. What is remembered of a verified token goes with this snapshot's generation.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.published.snapshot()
    }

    /// The current generation, without taking part in the snapshot's count of holders.
    pub fn generation(&self) -> u64 {
        self.published.generation()
    }

    /// Starts one task for each URL; a second call starts nothing more.
    pub fn spawn_refresh(&self, handle: &Handle) {
        let idle: Vec<_> = self.remotes().filter(|remote| remote.begin()).collect();
        if idle.is_empty() {
            return;
        }
        // Only a broken build has no TLS at all; the status then says that nothing was ever fetched.
        let Ok(fetcher) = Fetcher::new() else {
            return;
        };
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        for remote in idle {
            tasks.spawn_on(Arc::clone(remote).run(Arc::clone(&self.published), fetcher.clone()), handle);
        }
    }

    /// To be called when a token of this issuer names a key that it does not have: the set is fetched again, at most once in
    /// [`crate::limits::UNKNOWN_KEY_PAUSE`] and once for all who wait. Returns within
    /// [`crate::limits::UNKNOWN_KEY_WAIT`]; whether there are new keys is seen in [`Self::generation`].
    pub async fn refresh_unknown(&self, issuer: usize) {
        if let Some(Origin::Remote(remote)) = self.origins.get(issuer) {
            remote.ask().await;
        }
    }

    /// How each issuer's keys are, in the order of the issuers.
    pub fn status(&self) -> Vec<Status> {
        self.origins
            .iter()
            .map(|origin| match origin {
                Origin::File(status) => status.clone(),
                Origin::Remote(remote) => remote.status(),
            })
            .collect()
    }

    fn remotes(&self) -> impl Iterator<Item = &Arc<Remote>> {
        self.origins.iter().filter_map(|origin| match origin {
            Origin::Remote(remote) => Some(remote),
            Origin::File(_) => None,
        })
    }
}

fn open(issuer: usize, source: &Source, algorithms: Vec<Algorithm>) -> Result<(KeySet, Origin), KeysError> {
    let shown = source.to_string();
    if let Source::JwksUrl(url) = source {
        let parsed = KeySetUrl::parse(url).map_err(|fault| KeysError::Url { url: url.clone(), fault })?;
        return Ok((KeySet::default(), Origin::Remote(Arc::new(Remote::new(issuer, parsed, algorithms, shown)))));
    }
    let set = source.load(&algorithms)?.unwrap_or_default();
    let status =
        Status { source: shown, keys: set.keys().len(), last_success: Some(SystemTime::now()), ..Status::default() };
    Ok((set, Origin::File(status)))
}

#[cfg(test)]
mod tests;
