//! An issuer's keys read or fetched once: for what is made from them now and carries them away.

use authorizer::{Algorithm, KeySet};

use crate::address::{Address, Discovered};
use crate::fetch::Fetcher;
use crate::source::Source;

pub struct Loaded {
    pub set: KeySet,
    /// Where the set was fetched, by way of the discovery document if there is one; none for files.
    pub url: Option<String>,
}

/// The message names the file or the URL and what is wrong with it.
pub async fn load_once(source: &Source, algorithms: &[Algorithm]) -> Result<Loaded, String> {
    let Some(address) = Address::of(source).map_err(|error| error.to_string())? else {
        let set = source.load(algorithms).map_err(|error| error.to_string())?.unwrap_or_default();
        return Ok(Loaded { set, url: None });
    };
    let failed = |error: &dyn std::fmt::Display| format!("the keys of `{source}`: {error}");
    let fetcher = Fetcher::new().map_err(|error| failed(&error))?;
    let good = address.fetch(&fetcher, algorithms, &mut Discovered::default()).await.map_err(|error| failed(&error))?;
    Ok(Loaded { set: good.set, url: Some(good.url.uri().to_string()) })
}
