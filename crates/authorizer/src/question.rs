//! What is asked, and what the host knows that an answer needs.

use std::net::IpAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::UnixTime;
use crate::allowed::Action;
use crate::circumstances::Method;
use crate::denied::Denied;
use crate::path::ObjectPath;
use crate::token::Verified;

/// A request, as far as the rules look at it.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The name of the host that was asked: lower-case, without a port; empty where there is none.
    pub host: &'a str,
    pub path: &'a ObjectPath,
    pub method: Method,
    /// The client's, where it is known.
    pub address: Option<IpAddr>,
    pub now: UnixTime,
    /// The tokens that it carries: each is judged alone, one that allows suffices.
    pub tokens: &'a [&'a str],
    pub carried: Carried,
}

/// How a request's tokens came. Links are good in their own parameter of the query and nowhere else, and nothing else is good
/// there: a query ends up in histories, so a site has to ask for tokens in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carried {
    AsTokens,
    AsLinks,
}

/// The number of a decision hook in the order of the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct HookId(pub usize);

/// What a decision hook is asked: everything else the rule demands has been met.
#[derive(Clone, Copy, Debug)]
pub struct HookQuestion<'a> {
    pub hook: HookId,
    pub action: Action,
    pub route: &'a str,
    pub path: &'a ObjectPath,
    pub token: &'a Verified,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HookAnswer {
    Yes,
    No,
    /// It has not been asked yet: the host asks it and puts the same question again.
    Unknown,
    /// It was asked, and there is no answer that may be used.
    Away,
}

/// What the host verifies, remembers and asks on behalf of the rules.
pub trait Evidence {
    /// The verified form of a token that is not revoked, from a memory or by [`crate::verify`].
    fn verify(&mut self, token: &str) -> Result<Arc<Verified>, Denied>;

    /// Uses up a token that is good for one request. A host that cannot remember such tokens honours none.
    fn take(&mut self, _token: &Verified) -> Result<(), Denied> {
        Err(Denied::NotRememberedHere)
    }

    /// A decision hook's answer. A host that can ask none has none.
    fn hook(&mut self, _question: &HookQuestion<'_>) -> HookAnswer {
        HookAnswer::Away
    }
}

/// A host that only verifies.
impl<F: FnMut(&str) -> Result<Arc<Verified>, Denied>> Evidence for F {
    fn verify(&mut self, token: &str) -> Result<Arc<Verified>, Denied> {
        self(token)
    }
}
