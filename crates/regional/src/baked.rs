//! The issuers' keys: those of the package, and where it says so those published since.
//!
//! Lambda stops the process between requests, so that nothing can go on beside them: whoever finds a key set due waits for it,
//! for a moment.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use authorizer::{IssuerId, IssuerSettings, Issuers, KeySet, KeySets, UnixTime};
use front::{Package, Refusal};
use keys::Source;
use tokio::time::timeout;

/// Seconds after which a key set is asked for again that could not be had, or did not have a token's `kid`: a stranger can
/// name any.
const AGAIN: i64 = 60;

/// For a key set's answer, while a user waits.
const WITHIN: Duration = Duration::from_secs(1);

pub struct Keys {
    sets: Mutex<Arc<KeySets>>,
    remotes: Vec<Option<Remote>>,
}

struct Remote {
    source: Source,
    /// Seconds.
    every: i64,
    due: Mutex<Due>,
}

/// When to ask: by age, and for an unknown `kid`.
#[derive(Clone, Copy, Default)]
struct Due {
    by_age: i64,
    for_unknown: i64,
}

impl Keys {
    pub fn open(package: &Package) -> Result<Self, String> {
        let sets = package.key_sets().map_err(|fault| fault.to_string())?;
        let remotes = package.refresh.iter().flat_map(|refresh| {
            let every = i64::try_from(refresh.seconds).unwrap_or(i64::MAX);
            let remote =
                move |url: &String| Remote { source: Source::JwksUrl(url.clone()), every, due: Mutex::default() };
            refresh.urls.iter().map(move |url| url.as_ref().map(remote))
        });
        Ok(Self { sets: Mutex::new(Arc::new(sets)), remotes: remotes.collect() })
    }

    pub fn sets(&self) -> Arc<KeySets> {
        Arc::clone(&self.sets.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Fetches the sets that are due by their age: the package's own at a process's first request.
    pub async fn refresh(&self, issuers: &Issuers, now: UnixTime) {
        for (number, issuer) in issuers.all().iter().enumerate() {
            if let Some(Some(remote)) = self.remotes.get(number)
                && remote.take_turn(now, |due| &mut due.by_age)
            {
                self.fetch(number, remote, issuer, now).await;
            }
        }
    }

    /// Asks once more where the token names a key that the issuer may have published since.
    pub async fn with_new_keys<T>(
        &self,
        issuers: &Issuers,
        now: UnixTime,
        mut ask: impl FnMut() -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        match ask() {
            Err(Refusal { unknown_key: Some(id @ IssuerId(number)), .. })
                if let (Some(Some(remote)), Some(issuer)) = (self.remotes.get(number), issuers.get(id))
                    && remote.take_turn(now, |due| &mut due.for_unknown) =>
            {
                self.fetch(number, remote, issuer, now).await;
                ask()
            }
            answer => answer,
        }
    }

    async fn fetch(&self, number: usize, remote: &Remote, issuer: &IssuerSettings, now: UnixTime) {
        let fetched = timeout(WITHIN, keys::load_once(&remote.source, &issuer.algorithms)).await;
        match fetched.unwrap_or_else(|_| Err(format!("the keys of `{}`: no answer in time", remote.source))) {
            Ok(loaded) => {
                self.replace(number, loaded.set);
                remote.due.lock().unwrap_or_else(PoisonError::into_inner).by_age = now.0.saturating_add(remote.every);
            }
            Err(fault) => eprintln!("{}", serde_json::json!({ "issuer": issuer.name, "error": fault })),
        }
    }

    fn replace(&self, number: usize, set: KeySet) {
        let mut sets = self.sets.lock().unwrap_or_else(PoisonError::into_inner);
        let mut list = sets.0.clone();
        if let Some(known) = list.get_mut(number) {
            *known = Arc::new(set);
        }
        *sets = Arc::new(KeySets(list));
    }
}

impl Remote {
    /// Whether it is due; if so, not again for [`AGAIN`], whatever comes of it.
    fn take_turn(&self, now: UnixTime, which: impl Fn(&mut Due) -> &mut i64) -> bool {
        let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        let time = which(&mut due);
        let is_due = now.0 >= *time;
        if is_due {
            *time = now.0.saturating_add(AGAIN.min(self.every));
        }
        is_due
    }
}
