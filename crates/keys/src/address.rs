//! Where a key set is: at a URL that the configuration names, or at one that the issuer's discovery document names.

use std::time::{Duration, Instant};

use authorizer::{Algorithm, KeySet, parse_jwk_set, strict_object};
use serde_json::Value;

use crate::error::{DocumentFault, FetchError, KeysError, UrlFault};
use crate::fetch::Fetcher;
use crate::limits::DISCOVERY_AGAIN;
use crate::source::{Source, unusable};
use crate::url::KeySetUrl;

#[derive(Clone, Debug)]
pub enum Address {
    Fixed(KeySetUrl),
    /// OpenID Connect Discovery 1.0, RFC 8414.
    Discovered {
        document: KeySetUrl,
        issuer: String,
    },
}

/// What the discovery document said, for the next fetch.
#[derive(Debug, Default)]
pub struct Discovered {
    key_set: Option<KeySetUrl>,
    /// When; none once the key set could not be had from there.
    read: Option<Instant>,
}

/// A set that was fetched and judged.
#[derive(Debug)]
pub struct Good {
    pub set: KeySet,
    pub max_age: Option<Duration>,
    pub url: KeySetUrl,
    /// Why the discovery document was not read again; the set was had from where the last good one said.
    pub complaint: Option<FetchError>,
}

impl Address {
    /// Of a source that is fetched; judges the form alone.
    pub fn of(source: &Source) -> Result<Option<Self>, KeysError> {
        let parse = |url: &String| KeySetUrl::parse(url).map_err(|fault| KeysError::Url { url: url.clone(), fault });
        Ok(match source {
            Source::JwksUrl(url) => Some(Self::Fixed(parse(url)?)),
            Source::Discovery { document, issuer } => {
                Some(Self::Discovered { document: parse(document)?, issuer: issuer.clone() })
            }
            Source::JwksFile(_) | Source::SecretFile(_) => None,
        })
    }

    pub async fn fetch(
        &self,
        fetcher: &Fetcher,
        algorithms: &[Algorithm],
        discovered: &mut Discovered,
    ) -> Result<Good, FetchError> {
        let (url, complaint) = match self {
            Self::Fixed(url) => (url.clone(), None),
            Self::Discovered { document, issuer } => find(fetcher, document, issuer, discovered).await?,
        };
        let fetched = fetch_set(fetcher, &url, algorithms).await;
        if fetched.is_err() {
            discovered.read = None;
        }
        fetched.map(|(set, max_age)| Good { set, max_age, url, complaint })
    }
}

async fn fetch_set(
    fetcher: &Fetcher,
    url: &KeySetUrl,
    algorithms: &[Algorithm],
) -> Result<(KeySet, Option<Duration>), FetchError> {
    let fetched = fetcher.fetch(url).await?;
    let set = parse_jwk_set(&fetched.body, algorithms).map_err(FetchError::JwkSet)?;
    match unusable(&set) {
        Some(key) => Err(FetchError::Unusable { key }),
        None => Ok((set, fetched.max_age)),
    }
}

/// Reads the document where that is due. While it cannot be had, the set stays where the last good one said.
async fn find(
    fetcher: &Fetcher,
    document: &KeySetUrl,
    issuer: &str,
    discovered: &mut Discovered,
) -> Result<(KeySetUrl, Option<FetchError>), FetchError> {
    if let (Some(url), Some(read)) = (&discovered.key_set, discovered.read)
        && read.elapsed() < DISCOVERY_AGAIN
    {
        return Ok((url.clone(), None));
    }
    let read = match fetcher.fetch(document).await {
        Ok(fetched) => key_set_url(&fetched.body, document, issuer).map_err(FetchError::Document),
        Err(error) => Err(FetchError::NoDocument(Box::new(error))),
    };
    match (read, &discovered.key_set) {
        (Ok(url), _) => {
            *discovered = Discovered { key_set: Some(url.clone()), read: Some(Instant::now()) };
            Ok((url, None))
        }
        (Err(error), Some(url)) => Ok((url.clone(), Some(error))),
        (Err(error), None) => Err(error),
    }
}

/// Where a discovery document, had from this URL, says that its issuer's keys are. Pure.
pub fn discovered_key_set(body: &[u8], document: &str, issuer: &str) -> Result<String, DocumentFault> {
    let document = KeySetUrl::parse(document).map_err(DocumentFault::JwksUri)?;
    key_set_url(body, &document, issuer).map(|url| url.uri().to_string())
}

/// The `jwks_uri` of a document that is this issuer's own.
fn key_set_url(body: &[u8], document: &KeySetUrl, issuer: &str) -> Result<KeySetUrl, DocumentFault> {
    let members = strict_object(body).ok_or(DocumentFault::NotJson)?;
    let text = |member| members.get(member).and_then(Value::as_str).ok_or(DocumentFault::Member(member));
    let named = text("issuer")?;
    if named != issuer {
        return Err(DocumentFault::OtherIssuer(named.to_owned()));
    }
    let url = KeySetUrl::parse(text("jwks_uri")?).map_err(DocumentFault::JwksUri)?;
    // A provider elsewhere has nothing to say about this machine's own services.
    if document.is_https() && !url.is_https() {
        return Err(DocumentFault::JwksUri(UrlFault::PlainHttp));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents() {
        let far = KeySetUrl::parse("https://a.example/.well-known/openid-configuration").unwrap();
        let near = KeySetUrl::parse("http://127.0.0.1:9/.well-known/openid-configuration").unwrap();
        let judge = |text: &str, document| key_set_url(text.as_bytes(), document, "https://a.example/");
        let good = r#"{"issuer":"https://a.example/","jwks_uri":"https://keys.example/k?x=1","scopes_supported":[]}"#;
        assert_eq!(judge(good, &far).unwrap().uri(), "https://keys.example/k?x=1");
        let local = good.replace("https://keys.example", "http://127.0.0.1:8");
        assert!(judge(&local, &near).is_ok());
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(20_000), "]".repeat(20_000));
        for (text, fault) in [
            (local, DocumentFault::JwksUri(UrlFault::PlainHttp)),
            (good.replace("https://keys", "http://keys"), DocumentFault::JwksUri(UrlFault::PlainHttp)),
            (good.replace("https://keys", "file://keys"), DocumentFault::JwksUri(UrlFault::Scheme)),
            (good.replace("https://keys", "https://u@keys"), DocumentFault::JwksUri(UrlFault::UserInfo)),
            (good.replace("example/\"", "example\""), DocumentFault::OtherIssuer("https://a.example".to_owned())),
            (good.replace("a.example/\"", "A.example/\""), DocumentFault::OtherIssuer("https://A.example/".to_owned())),
            (good.replace("\"issuer\":", "\"x\":"), DocumentFault::Member("issuer")),
            (good.replace("\"https://keys.example/k?x=1\"", "[]"), DocumentFault::Member("jwks_uri")),
            (good.replace("{\"issuer\"", "{\"issuer\":\"https://b.example\",\"issuer\""), DocumentFault::NotJson),
            (deep, DocumentFault::NotJson),
            (String::new(), DocumentFault::NotJson),
        ] {
            assert_eq!(judge(&text, &far).unwrap_err(), fault, "{text}");
        }
    }
}
