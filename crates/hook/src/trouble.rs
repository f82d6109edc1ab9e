//! Why a hook gave no answer that may be used.

use std::fmt;

use crate::limits::{MAX_ANSWER, MAX_ASKING};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// No connection: the name, the port or TLS.
    Unreachable(String),
    /// The connection ended early, or what came is not HTTP.
    Broken(String),
    /// The answer was not there within the hook's timeout.
    Slow,
    /// Any status but 200; redirects are not followed.
    Status(u16),
    TooLarge,
    /// Not one JSON object, or one with a member twice.
    NotJson,
    /// JSON that says neither yes nor no.
    NoVerdict,
    /// As many questions are under way as are allowed; it was not asked.
    TooManyAsking,
}

impl Trouble {
    /// Whether the hook as a whole may be down. An answer that cannot be used shows that somebody is there, and may be due to
    /// one question alone; what gateways and load balancers say of an app that is down (RFC 9110 section 15.6) is no answer
    /// of the app's.
    pub(crate) fn is_outage(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Broken(_) | Self::Slow | Self::Status(502..=504) => true,
            Self::Status(_) | Self::TooLarge | Self::NotJson | Self::NoVerdict | Self::TooManyAsking => false,
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(reason) => write!(f, "cannot be reached: {reason}"),
            Self::Broken(reason) => write!(f, "no whole HTTP answer: {reason}"),
            Self::Slow => f.write_str("no answer within its timeout"),
            Self::Status(status) => write!(f, "answered with status {status}"),
            Self::TooLarge => write!(f, "the answer has more than {MAX_ANSWER} bytes"),
            Self::NotJson => f.write_str("the answer is not one JSON object without repeated members"),
            Self::NoVerdict => f.write_str("the answer has neither `result` nor `allow` with true or false"),
            Self::TooManyAsking => write!(f, "{MAX_ASKING} questions are under way"),
        }
    }
}
