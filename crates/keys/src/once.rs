//! An issuer's keys read or fetched once: for what is made from them now and carries them away.

use authorizer::{Algorithm, KeySet};

use crate::fetch::Fetcher;
use crate::remote::Remote;
use crate::source::Source;
use crate::url::KeySetUrl;

/// The message names the file or the URL and what is wrong with it.
pub async fn load_once(source: &Source, algorithms: &[Algorithm]) -> Result<KeySet, String> {
    if let Some(set) = source.load(algorithms).map_err(|error| error.to_string())? {
        return Ok(set);
    }
    let Source::JwksUrl(url) = source else {
        return Ok(KeySet::default());
    };
    let failed = |error: &dyn std::fmt::Display| format!("the key set `{source}`: {error}");
    let parsed = KeySetUrl::parse(url).map_err(|fault| failed(&fault))?;
    let fetcher = Fetcher::new().map_err(|error| failed(&error))?;
    let remote = Remote::new(0, parsed, algorithms.to_vec(), source.to_string());
    remote.fetch(&fetcher).await.map(|(set, _)| set).map_err(|error| failed(&error))
}
