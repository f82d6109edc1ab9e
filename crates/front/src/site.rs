//! What a front door is made from, as values that travel: in the gateway's settings, in a Lambda package.

use authorizer::{IssuerSettings, RouteSettings};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SiteSettings {
    /// `https://files.example.com`: where browsers find the files.
    pub origin: String,
    /// The origins whose pages may read answers.
    pub apps: Vec<String>,
    /// Where a request carries its token.
    pub carriers: Vec<Carrier>,
    pub issuers: Vec<IssuerSettings>,
    pub routes: Vec<RouteSettings>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Carrier {
    /// `Authorization: Bearer …`
    Header,
    /// This cookie, and those whose names are it, a hyphen and a scope.
    Cookie(String),
    /// This parameter of the query.
    Query(String),
}
