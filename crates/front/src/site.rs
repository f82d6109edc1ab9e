//! What a front door is made from, as values that travel: in the gateway's settings, in a Lambda package.

use std::sync::Arc;

use authorizer::{IssuerSettings, JwkFault, KeySets, RouteSettings, baked_key_set};
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

/// What a function on AWS has beside its code, in `site.json`: it has no environment, no disk and no network to ask.
#[derive(Serialize, Deserialize)]
pub struct Package {
    pub site: SiteSettings,
    /// For each issuer its keys as JWKs, shared secrets among them.
    pub keys: Vec<Vec<serde_json::Value>>,
    /// Which bucket CloudFront asks for which paths, in its order; the first bucket for all others.
    #[serde(default)]
    pub behaviours: Vec<Behaviour>,
    /// Where uploads go; only those who sign need it.
    #[serde(default)]
    pub buckets: Vec<UploadBucket>,
    /// Seconds after which key sets are fetched again, and for each issuer where from.
    #[serde(default)]
    pub refresh: Option<Refresh>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Behaviour {
    /// A path as it comes, undecoded, with `*` at the end: `/public/*`.
    pub pattern: String,
    /// The number of the bucket.
    pub bucket: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadBucket {
    /// The name in S3.
    pub name: String,
    pub region: String,
    pub endpoint: String,
    /// Whether it takes POST forms.
    pub post: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refresh {
    pub seconds: u64,
    pub urls: Vec<Option<String>>,
}

impl Package {
    /// The key sets, judged anew.
    pub fn key_sets(&self) -> Result<KeySets, JwkFault> {
        if self.keys.len() != self.site.issuers.len() {
            return Err(JwkFault::NoKeys);
        }
        let sets = self.site.issuers.iter().zip(&self.keys);
        let sets = sets.map(|(issuer, keys)| baked_key_set(keys, &issuer.algorithms).map(Arc::new));
        sets.collect::<Result<_, _>>().map(KeySets)
    }
}

/// `same-site` where every app shares a domain with the files, else `cross-origin`: pages of another site must be able to embed
/// what they are allowed to read (Fetch standard, "cross-origin resource policy check").
pub fn resource_policy(site: &str, apps: &[String]) -> &'static str {
    let host = |origin: &str| {
        let authority = origin.split_once("://").map_or(origin, |(_, authority)| authority);
        authority.split(':').next().unwrap_or_default().to_owned()
    };
    let files = host(site);
    let parent = |name: &str| name.split_once('.').map(|(_, parent)| parent.to_owned());
    let shares = |app: &String| {
        let app = host(app);
        app == files
            || parent(&files).is_some_and(|parent| parent.contains('.') && app.ends_with(&format!(".{parent}")))
    };
    if apps.iter().all(shares) { "same-site" } else { "cross-origin" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resource_policies() {
        for (site, apps, expected) in [
            ("https://files.example.com", vec!["https://app.example.com"], "same-site"),
            ("https://files.example.com", vec!["https://app.example.com", "https://other.org"], "cross-origin"),
            ("http://localhost:8081", vec!["http://localhost:8080"], "same-site"),
            ("https://files.com", vec!["https://app.com"], "cross-origin"),
        ] {
            let apps: Vec<String> = apps.into_iter().map(str::to_owned).collect();
            assert_eq!(resource_policy(site, &apps), expected, "{site}");
        }
    }
}
