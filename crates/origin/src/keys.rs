//! Whose keys sign: given ones, or those of the AWS chain, which end and are renewed before they do.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use aws_credential_types::Credentials;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use crate::chain::Chain;
use crate::limits;

/// The keys as they are now. Cheap to clone: all clones are one.
#[derive(Clone)]
pub struct Keys(Arc<Kept>);

struct Kept {
    now: ArcSwap<Credentials>,
    /// Rung where a store refuses these.
    refused: Notify,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(…)")
    }
}

/// What was heard of the chain, for an operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    Renewed,
    /// What is there is used until it ends.
    NotRenewed(String),
}

impl From<Credentials> for Keys {
    fn from(credentials: Credentials) -> Self {
        Self(Arc::new(Kept { now: ArcSwap::from_pointee(credentials), refused: Notify::new() }))
    }
}

impl Keys {
    /// Those of the AWS chain, and the task that renews them for as long as it runs. The error lists what was tried.
    pub async fn of_chain(
        news: impl Fn(News) + Send + Sync + 'static,
    ) -> Result<(Self, impl Future<Output = ()> + Send), String> {
        let chain = Chain::open();
        let keys = Self::from(chain.load().await?);
        let kept = keys.clone();
        Ok((keys, async move { kept.renew(&chain, &news).await }))
    }

    pub fn now(&self) -> Arc<Credentials> {
        self.0.now.load_full()
    }

    /// A store refused these: others may be there by now.
    pub fn refused(&self) {
        self.0.refused.notify_one();
    }

    async fn renew(&self, chain: &Chain, news: &impl Fn(News)) {
        let mut wait = limits::RENEW_RETRY;
        let mut failed = false;
        loop {
            let due = if failed { Instant::now() + wait } else { self.due() };
            tokio::select! {
                () = sleep_until(due) => {}
                // Where keys are refused again and again the chain is asked no more often than this.
                () = self.refused_after(limits::RENEW_LEAST) => {}
            }
            match chain.load().await {
                Ok(renewed) => {
                    if failed || *self.now() != renewed {
                        news(News::Renewed);
                    }
                    self.0.now.store(Arc::new(renewed));
                    (failed, wait) = (false, limits::RENEW_RETRY);
                }
                Err(error) => {
                    if failed {
                        wait = (wait * 2).min(limits::RENEW_MOST);
                    } else {
                        news(News::NotRenewed(error));
                    }
                    failed = true;
                }
            }
        }
    }

    async fn refused_after(&self, rest: Duration) {
        tokio::time::sleep(rest).await;
        self.0.refused.notified().await;
    }

    /// When they are to be renewed: well before they end. Keys without an end are looked at again too: a file may have others.
    fn due(&self) -> Instant {
        let end = self.now().expiry().and_then(|end| end.duration_since(SystemTime::now()).ok());
        let left = end.unwrap_or(Duration::ZERO);
        let wait = match self.now().expiry() {
            None => limits::RENEW_UNENDING,
            Some(_) => left.saturating_sub(limits::RENEW_BEFORE).max(left / 2).max(limits::RENEW_LEAST),
        };
        Instant::now() + wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    async fn when_they_are_renewed() {
        let ending = |left: u64| {
            let end = SystemTime::now() + Duration::from_secs(left);
            Keys::from(Credentials::new("AK", "SK", None, Some(end), "test"))
        };
        let waits = |keys: &Keys| keys.due().duration_since(Instant::now()).as_secs_f64().round() as u64;
        assert_eq!(waits(&ending(3600)), 3300);
        assert_eq!(waits(&ending(400)), 200, "short ones half their life on");
        assert_eq!(waits(&ending(0)), 10, "ended ones soon, and not at once");
        assert_eq!(waits(&Keys::from(Credentials::from_keys("AK", "SK", None))), 300);
    }
}
