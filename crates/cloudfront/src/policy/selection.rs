//! Which headers, cookies or query strings a policy takes.

use http::HeaderMap;
use http::header::COOKIE;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    None,
    Only(Vec<String>),
    AllBut(Vec<String>),
    All,
}

impl Selection {
    pub fn takes(&self, name: &str) -> bool {
        match self {
            Self::None => false,
            Self::Only(names) => names.iter().any(|known| known == name),
            Self::AllBut(names) => names.iter().all(|known| known != name),
            Self::All => true,
        }
    }
}

/// A request as a viewer-request function left it.
#[derive(Clone, Debug)]
pub struct Asked {
    pub uri: String,
    /// Without `?`.
    pub query: String,
    pub headers: HeaderMap,
}

/// `name=value` pairs of a query, as they stand.
pub fn pairs(query: &str) -> impl Iterator<Item = (&str, &str)> {
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

/// The cookies of all `Cookie` headers, name and value.
pub fn cookies(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    let values = headers.get_all(COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    values
        .flat_map(|value| value.split(';'))
        .map(str::trim)
        .filter(|cookie| !cookie.is_empty())
        .map(|cookie| cookie.split_once('=').unwrap_or((cookie, "")))
}
