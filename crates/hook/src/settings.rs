//! One hook as it is configured, and what can be wrong with it.

use std::fmt;
use std::time::Duration;

use http::HeaderValue;
use secrecy::{ExposeSecret, SecretString};

use crate::limits::{FRESH_DEFAULT, FRESH_MOST, MAX_SECRET, STALE_MOST, TIMEOUT_DEFAULT, TIMEOUT_MOST};
use crate::url::HookUrl;

#[derive(Clone, Debug)]
pub struct HookSettings {
    /// The name in the configuration.
    pub name: String,
    pub url: HookUrl,
    /// Sent as `Authorization: Bearer`, so that the app knows who asks.
    pub secret: Option<SecretString>,
    /// For a question as a whole.
    pub timeout: Duration,
    /// How long an answer is used, from the moment at which it was asked for. Zero: every request asks.
    pub fresh: Duration,
    /// How long after that the answer is still used while the hook is away. Zero: not at all.
    pub stale: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettingFault {
    NoTimeout,
    TimeoutTooLong,
    FreshTooLong,
    StaleTooLong,
    /// Visible ASCII alone, and not empty.
    Secret,
    SecretTooLong,
}

/// Why the hooks cannot be opened.
#[derive(Debug)]
pub enum OpenError {
    Setting {
        hook: String,
        fault: SettingFault,
    },
    /// A hook is asked over https, and this machine's certificate authorities cannot be had.
    NoRoots(String),
}

impl PartialEq for HookSettings {
    fn eq(&self, other: &Self) -> bool {
        let secret = |settings: &Self| settings.secret.as_ref().map(|secret| secret.expose_secret().to_owned());
        (&self.name, &self.url, self.timeout, self.fresh, self.stale)
            == (&other.name, &other.url, other.timeout, other.fresh, other.stale)
            && secret(self) == secret(other)
    }
}

impl HookSettings {
    /// With all that may be left out left out.
    pub fn new(name: String, url: HookUrl) -> Self {
        Self { name, url, secret: None, timeout: TIMEOUT_DEFAULT, fresh: FRESH_DEFAULT, stale: Duration::ZERO }
    }

    /// Everything that is wrong.
    pub fn faults(&self) -> Vec<SettingFault> {
        let timeout = match self.timeout {
            Duration::ZERO => Some(SettingFault::NoTimeout),
            timeout => (timeout > TIMEOUT_MOST).then_some(SettingFault::TimeoutTooLong),
        };
        let fresh = (self.fresh > FRESH_MOST).then_some(SettingFault::FreshTooLong);
        let stale = (self.stale > STALE_MOST).then_some(SettingFault::StaleTooLong);
        let secret = self.authorization().err();
        [timeout, fresh, stale, secret].into_iter().flatten().collect()
    }

    pub(crate) fn authorization(&self) -> Result<Option<HeaderValue>, SettingFault> {
        let Some(secret) = &self.secret else {
            return Ok(None);
        };
        let secret = secret.expose_secret();
        if secret.len() > MAX_SECRET {
            return Err(SettingFault::SecretTooLong);
        }
        if secret.is_empty() || !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(SettingFault::Secret);
        }
        let mut value = HeaderValue::try_from(format!("Bearer {secret}")).map_err(|_| SettingFault::Secret)?;
        value.set_sensitive(true);
        Ok(Some(value))
    }
}

impl fmt::Display for SettingFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoTimeout => f.write_str("a hook must have some time to answer"),
            Self::TimeoutTooLong => write!(f, "the timeout is at most {} s", TIMEOUT_MOST.as_secs()),
            Self::FreshTooLong => write!(f, "an answer is fresh for at most {} s", FRESH_MOST.as_secs()),
            Self::StaleTooLong => write!(f, "an old answer is used for at most {} s", STALE_MOST.as_secs()),
            Self::Secret => f.write_str("the secret is empty or has other than visible ASCII characters"),
            Self::SecretTooLong => write!(f, "the secret has more than {MAX_SECRET} bytes"),
        }
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Setting { hook, fault } => write!(f, "hook `{hook}`: {fault}"),
            Self::NoRoots(reason) => write!(f, "no certificate authorities to verify https hooks with: {reason}"),
        }
    }
}

impl std::error::Error for OpenError {}

#[cfg(test)]
mod tests {
    use super::SettingFault::{FreshTooLong, NoTimeout, Secret, StaleTooLong, TimeoutTooLong};
    use super::*;

    fn settings() -> HookSettings {
        HookSettings::new("app".to_owned(), HookUrl::parse("http://localhost:8181/ask").unwrap())
    }

    #[test]
    fn bounds_at_their_edges() {
        assert_eq!(settings().faults(), []);
        let most = HookSettings { timeout: TIMEOUT_MOST, fresh: FRESH_MOST, stale: STALE_MOST, ..settings() };
        assert_eq!(most.faults(), []);
        assert_eq!(HookSettings { fresh: Duration::ZERO, ..settings() }.faults(), []);
        let bit = Duration::from_nanos(1);
        let all = HookSettings {
            timeout: TIMEOUT_MOST + bit,
            fresh: FRESH_MOST + bit,
            stale: STALE_MOST + bit,
            secret: Some(String::new().into()),
            ..settings()
        };
        assert_eq!(all.faults(), [TimeoutTooLong, FreshTooLong, StaleTooLong, Secret]);
        assert_eq!(HookSettings { timeout: Duration::ZERO, ..settings() }.faults(), [NoTimeout]);
    }

    #[test]
    fn secrets() {
        let with = |secret: &str| HookSettings { secret: Some(secret.to_owned().into()), ..settings() };
        let value = with("s3cr-et~+/=").authorization().unwrap().unwrap();
        assert_eq!(value.as_bytes(), b"Bearer s3cr-et~+/=");
        assert!(!format!("{value:?}{:?}", with("s3cr-et")).contains("s3cr"));
        for bad in ["", "a b", "a\r\nX: y", "ä", "\0"] {
            assert_eq!(with(bad).faults(), [SettingFault::Secret], "{bad:?}");
        }
        assert_eq!(with(&"a".repeat(MAX_SECRET)).faults(), []);
        assert_eq!(with(&"a".repeat(MAX_SECRET + 1)).faults(), [SettingFault::SecretTooLong]);
    }
}
