//! The issuers' keys: those of the package, and where it says so those published since.

use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use authorizer::{IssuerId, IssuerSettings, KeySets};
use front::{Package, Refusal};
use keys::Source;

/// Between two questions about an unknown `kid`: a stranger can name any.
const PAUSE: Duration = Duration::from_secs(60);

pub struct Keys {
    sets: RwLock<Arc<KeySets>>,
    urls: Vec<Option<String>>,
    asked: RwLock<Option<Instant>>,
}

impl Keys {
    pub fn open(package: &Package) -> Result<Self, String> {
        let sets = package.key_sets().map_err(|fault| fault.to_string())?;
        let urls = package.refresh.as_ref().map_or_else(Vec::new, |refresh| refresh.urls.clone());
        Ok(Self { sets: RwLock::new(Arc::new(sets)), urls, asked: RwLock::new(None) })
    }

    pub fn sets(&self) -> Arc<KeySets> {
        Arc::clone(&self.sets.read().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    /// Asks once more where the token names a key that the issuer may have published since.
    pub async fn with_new_keys<T>(
        &self,
        issuers: &[IssuerSettings],
        mut ask: impl FnMut() -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        match ask() {
            Err(Refusal { unknown_key: Some(issuer), .. }) if self.refresh(issuer, issuers).await => ask(),
            answer => answer,
        }
    }

    async fn refresh(&self, issuer: IssuerId, issuers: &[IssuerSettings]) -> bool {
        let (Some(Some(url)), Some(settings)) = (self.urls.get(issuer.0), issuers.get(issuer.0)) else {
            return false;
        };
        {
            let mut asked = self.asked.write().unwrap_or_else(std::sync::PoisonError::into_inner);
            if asked.is_some_and(|asked| asked.elapsed() < PAUSE) {
                return false;
            }
            *asked = Some(Instant::now());
        }
        match keys::load_once(&Source::JwksUrl(url.clone()), &settings.algorithms).await {
            Ok(set) => {
                let mut sets = self.sets.write().unwrap_or_else(std::sync::PoisonError::into_inner);
                let mut list = sets.0.clone();
                if let Some(known) = list.get_mut(issuer.0) {
                    *known = Arc::new(set);
                }
                *sets = Arc::new(KeySets(list));
                true
            }
            Err(fault) => {
                eprintln!("{}", serde_json::json!({ "issuer": settings.name, "error": fault }));
                false
            }
        }
    }
}
