//! Who may sign tokens, and how much a token of theirs can ever grant.

use serde::{Deserialize, Serialize};

use crate::allowed::Action;
use crate::key::Algorithm;

/// The number of an issuer in the order of the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct IssuerId(pub usize);

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct IssuerSettings {
    /// The name in the configuration.
    pub name: String,
    /// A token's `iss`, byte for byte.
    pub issuer: String,
    /// A token's `aud` equals or holds this.
    pub audience: String,
    pub algorithms: Vec<Algorithm>,
    /// The ceiling: no rule grants more to a token of this issuer.
    pub may: Vec<Action>,
    /// Seconds after its `iat` beyond which no token is honoured, whatever its `exp`.
    pub max_age: Option<i64>,
    /// Seconds by which clocks may differ.
    pub leeway: i64,
}
