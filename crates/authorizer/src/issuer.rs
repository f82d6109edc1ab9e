//! Who may sign tokens, and how much a token of theirs can ever grant.

use std::collections::HashMap;

use foldhash::fast::FixedState;
use serde::{Deserialize, Serialize};

use crate::allowed::Action;
use crate::key::Algorithm;

/// The number of an issuer in the order of the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct IssuerId(pub usize);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssuerSettings {
    /// The name in the configuration.
    pub name: String,
    /// A token's `iss`, byte for byte.
    pub issuer: String,
    /// A token's `aud` equals or holds one of these.
    pub audiences: Vec<String>,
    pub algorithms: Vec<Algorithm>,
    /// The ceiling: no rule grants more to a token of this issuer.
    pub may: Vec<Action>,
    /// Seconds after its `iat` beyond which no token is honoured, whatever its `exp`.
    pub max_age: Option<i64>,
    /// Seconds by which clocks may differ.
    pub leeway: i64,
    /// Each token is good for one request, and has a `jti`.
    #[serde(default)]
    pub once: bool,
    /// Its tokens are links that the site made itself.
    #[serde(default)]
    pub links: bool,
}

/// All issuers, found by a token's `iss` whatever their number.
#[derive(Debug, Default)]
pub struct Issuers {
    settings: Vec<IssuerSettings>,
    by_name: HashMap<String, IssuerId, FixedState>,
}

impl Issuers {
    /// Of two with the same `iss` the first is found.
    pub fn new(settings: Vec<IssuerSettings>) -> Self {
        let mut by_name = HashMap::default();
        for (number, issuer) in settings.iter().enumerate() {
            by_name.entry(issuer.issuer.clone()).or_insert(IssuerId(number));
        }
        Self { settings, by_name }
    }

    pub fn get(&self, id: IssuerId) -> Option<&IssuerSettings> {
        self.settings.get(id.0)
    }

    /// The issuer of a token's `iss`.
    pub fn find(&self, issuer: &str) -> Option<(IssuerId, &IssuerSettings)> {
        let id = *self.by_name.get(issuer)?;
        self.get(id).map(|settings| (id, settings))
    }

    pub fn all(&self) -> &[IssuerSettings] {
        &self.settings
    }

    pub fn len(&self) -> usize {
        self.settings.len()
    }

    pub fn is_empty(&self) -> bool {
        self.settings.is_empty()
    }
}
