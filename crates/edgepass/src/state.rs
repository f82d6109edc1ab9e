//! What a gateway keeps in the directory of `[state]`: revocations, and tokens for one request that were used.

use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use authorizer::{IssuerSettings, UnixTime};
use revocations::{IssuerLife, MOST_USED_TOKENS, Revocations, Settings, UsedTokens};

use crate::config::REVOCABLE;
use crate::trouble::{Trouble, tell};

pub struct State {
    pub revocations: Arc<Revocations>,
    pub used: Arc<UsedTokens>,
}

impl State {
    /// The directory is made if it is not there.
    pub fn open(
        directory: Option<&Path>,
        claims: Option<&[String]>,
        issuers: &[&IssuerSettings],
        links: &IssuerSettings,
    ) -> Result<Self, Trouble> {
        if let Some(directory) = directory {
            make(directory)?;
        }
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = UnixTime(i64::try_from(since.as_secs()).unwrap_or(i64::MAX));
        let settings = Settings {
            journal: directory.map(|directory| directory.join("revocations")),
            claims: claims.map_or_else(|| REVOCABLE.map(str::to_owned).to_vec(), <[String]>::to_vec),
            // Links too are revoked, by the token they were made with and by their own id.
            issuers: issuers.iter().copied().chain([links]).map(IssuerLife::from).collect(),
            ..Settings::default()
        };
        let revocations = Revocations::open(settings, now).map_err(Trouble::failed)?;
        let leeway = issuers.iter().map(|issuer| issuer.leeway).max().unwrap_or_default().max(links.leeway);
        let used = directory.map(|directory| directory.join("used-tokens"));
        let used = UsedTokens::open(used.as_deref(), leeway, MOST_USED_TOKENS, now).map_err(Trouble::failed)?;
        if directory.is_none() && issuers.iter().any(|issuer| issuer.once) {
            tell("note: without `[state]` a restart makes used one-time tokens good again");
        }
        Ok(Self { revocations, used })
    }
}

/// For its owner alone: the journals name people.
fn make(directory: &Path) -> Result<(), Trouble> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .map_err(|error| Trouble::failed(format_args!("cannot make the directory `{}`: {error}", directory.display())))
}
