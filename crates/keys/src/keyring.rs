//! The keys of all issuers. Files are read when it opens; sets that are fetched begin with the last good one on disk, or empty,
//! and are fetched by their tasks, so that no network is on the start path.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use authorizer::{Algorithm, KeySet};
use tokio::runtime::Handle;
use tokio::task::JoinSet;

use crate::address::Address;
use crate::error::KeysError;
use crate::fetch::Fetcher;
use crate::published::{Published, Snapshot};
use crate::remembered::Shelf;
use crate::remote::{Remote, Status};
use crate::signing::SigningKey;
use crate::source::Source;

/// An issuer as far as its keys are concerned.
#[derive(Clone, Debug)]
pub struct Issuer {
    /// Unique among the issuers, and fit for a file's name.
    pub name: String,
    pub source: Source,
    pub algorithms: Vec<Algorithm>,
}

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
    File(KeyFile),
    Remote(Arc<Remote>),
    /// The site's own secret.
    Own(Status),
}

#[derive(Debug)]
struct KeyFile {
    source: Source,
    algorithms: Vec<Algorithm>,
    status: Mutex<Status>,
}

/// Key sets that were read anew, judged, and are in use nowhere yet.
#[derive(Debug)]
pub struct ReadSets(Vec<(usize, Arc<KeySet>)>);

impl Keyring {
    /// Reads the files. Sets that are fetched are remembered in this directory, if one is given. The faults come each with its
    /// issuer's number.
    pub fn open(issuers: Vec<Issuer>, remember: Option<&Path>) -> Result<Arc<Self>, Vec<(usize, KeysError)>> {
        Self::open_with(issuers, remember, None)
    }

    /// With the site's own secret, whose set is the last.
    pub fn open_with(
        issuers: Vec<Issuer>,
        remember: Option<&Path>,
        own: Option<&SigningKey>,
    ) -> Result<Arc<Self>, Vec<(usize, KeysError)>> {
        let mut sets = Vec::new();
        let mut origins = Vec::new();
        let mut faults = Vec::new();
        for (number, issuer) in issuers.into_iter().enumerate() {
            match open(number, issuer, remember) {
                Ok((set, origin)) => {
                    sets.push(set);
                    origins.push(origin);
                }
                Err(error) => faults.push((number, error)),
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        if let Some(set) = own.and_then(SigningKey::secret_set) {
            sets.push(set);
            origins.push(Origin::Own(Status { source: "the site's own".to_owned(), keys: 1, ..Status::default() }));
        }
        Ok(Arc::new(Self { published: Arc::new(Published::new(sets)), origins, tasks: Mutex::default() }))
    }

    /// The keys as they are now. What is remembered of a verified token goes with its issuer's generation in this snapshot.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.published.snapshot()
    }

    /// An issuer's current generation, without taking part in the snapshot's count of holders.
    pub fn generation(&self, issuer: usize) -> u64 {
        self.published.generation(issuer)
    }

    /// Starts one task for each URL; a second call starts nothing more.
    pub fn spawn_refresh(&self, handle: &Handle) {
        let idle: Vec<_> = self.remotes().filter(|remote| remote.turns.begin()).collect();
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
            remote.turns.ask().await;
        }
    }

    /// Reads the files again, and takes `own` for the site's own secret. All that is wrong comes together, each fault with its
    /// issuer's number; nothing is in use before [`Self::take`].
    pub fn read_again(&self, own: Option<&SigningKey>) -> Result<ReadSets, Vec<(usize, KeysError)>> {
        let (mut sets, mut faults) = (Vec::new(), Vec::new());
        for (number, origin) in self.origins.iter().enumerate() {
            match origin {
                Origin::Remote(_) => {}
                Origin::Own(_) => sets.extend(own.and_then(SigningKey::secret_set).map(|set| (number, Arc::new(set)))),
                Origin::File(file) => match file.source.load(&file.algorithms) {
                    Ok(set) => sets.push((number, Arc::new(set.unwrap_or_default()))),
                    Err(error) => faults.push((number, error)),
                },
            }
        }
        if faults.is_empty() { Ok(ReadSets(sets)) } else { Err(faults) }
    }

    /// Puts sets that were read again in use. Gives the issuers whose keys changed; what those keys verified is forgotten.
    pub fn take(&self, sets: ReadSets) -> Vec<usize> {
        let mut changed = Vec::new();
        for (number, set) in sets.0 {
            if let Some(Origin::File(file)) = self.origins.get(number) {
                let mut status = file.status.lock().unwrap_or_else(PoisonError::into_inner);
                status.keys = set.keys().len();
                status.last_success = Some(SystemTime::now());
            }
            if self.published.replace(number, &set) {
                changed.push(number);
            }
        }
        changed
    }

    /// How each issuer's keys are, in the order of the issuers.
    pub fn status(&self) -> Vec<Status> {
        self.origins
            .iter()
            .map(|origin| match origin {
                Origin::File(file) => file.status.lock().unwrap_or_else(PoisonError::into_inner).clone(),
                Origin::Own(status) => status.clone(),
                Origin::Remote(remote) => remote.status(),
            })
            .collect()
    }

    fn remotes(&self) -> impl Iterator<Item = &Arc<Remote>> {
        self.origins.iter().filter_map(|origin| match origin {
            Origin::Remote(remote) => Some(remote),
            Origin::File(_) | Origin::Own(_) => None,
        })
    }
}

fn open(number: usize, issuer: Issuer, remember: Option<&Path>) -> Result<(KeySet, Origin), KeysError> {
    let Issuer { name, source, algorithms } = issuer;
    let mut status = Status { issuer: name, source: source.to_string(), ..Status::default() };
    if let Some(address) = Address::of(&source)? {
        let shelf = remember.and_then(|dir| Shelf::of(&source, dir, &status.issuer));
        let (remote, set) = Remote::new(number, address, algorithms, shelf, status);
        return Ok((set, Origin::Remote(Arc::new(remote))));
    }
    let set = source.load(&algorithms)?.unwrap_or_default();
    status.keys = set.keys().len();
    status.last_success = Some(SystemTime::now());
    Ok((set, Origin::File(KeyFile { source, algorithms, status: Mutex::new(status) })))
}

#[cfg(test)]
mod tests;
