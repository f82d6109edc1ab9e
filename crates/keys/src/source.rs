//! Where an issuer's keys come from, and the reading of files. A file's fault names its path.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use authorizer::{Algorithm, Key, KeySet, Material, parse_jwk_set};
use secrecy::SecretSlice;

use crate::address::Address;
use crate::error::KeysError;
use crate::limits::MAX_KEY_FILE;
use crate::native::is_usable;
use crate::url::KeySetUrl;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A JWK set, fetched over https, or over http from this machine.
    JwksUrl(String),
    /// The document of this issuer that says where its JWK set is (OpenID Connect Discovery 1.0, RFC 8414).
    Discovery { document: String, issuer: String },
    /// A JWK set.
    JwksFile(PathBuf),
    /// A shared secret: the file's bytes without one line break at the end, at least as many as its algorithm's hash has.
    SecretFile(PathBuf),
}

impl Source {
    /// The document at its well-known place (OpenID Connect Discovery 1.0 section 4).
    pub fn discovery(issuer: &str) -> Result<Self, KeysError> {
        let document = KeySetUrl::document_of(issuer);
        let document = document.map_err(|fault| KeysError::Url { url: issuer.to_owned(), fault })?;
        Ok(Self::Discovery { document, issuer: issuer.to_owned() })
    }

    /// Whether its keys are fetched, now and again.
    pub fn is_remote(&self) -> bool {
        matches!(self, Self::JwksUrl(_) | Self::Discovery { .. })
    }

    /// Reads and judges a file's keys now. Of a URL only its form is judged: `None`, and no network.
    pub fn load(&self, algorithms: &[Algorithm]) -> Result<Option<KeySet>, KeysError> {
        match self {
            Self::JwksUrl(_) | Self::Discovery { .. } => Address::of(self).map(|_| None),
            Self::JwksFile(path) => {
                let set = parse_jwk_set(&read(path)?, algorithms)
                    .map_err(|fault| KeysError::JwkSet { path: path.clone(), fault })?;
                match unusable(&set) {
                    Some(key) => Err(KeysError::Unusable { path: path.clone(), key }),
                    None => Ok(Some(set)),
                }
            }
            Self::SecretFile(path) => {
                // The configuration lists one algorithm beside a secret, and refuses one that is not for secrets.
                let hmac = algorithms.iter().copied().find(|algorithm| algorithm.is_symmetric());
                let algorithm = hmac.unwrap_or(Algorithm::Hs256);
                let key = Key::new(None, algorithm, Material::Secret(read_secret(path)?))
                    .map_err(|fault| KeysError::Secret { path: path.clone(), fault })?;
                Ok(Some(KeySet::new(vec![key])))
            }
        }
    }
}

impl fmt::Display for Source {
    /// A URL is shown without its query, which may hold a key of its own.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::JwksUrl(url) | Self::Discovery { document: url, .. } => {
                f.write_str(url.split('?').next().unwrap_or_default())
            }
            Self::JwksFile(path) | Self::SecretFile(path) => write!(f, "{}", path.display()),
        }
    }
}

/// The number of the first key that no signature should be judged by.
pub fn unusable(set: &KeySet) -> Option<usize> {
    set.keys().iter().position(|key| !is_usable(key))
}

/// A shared secret's bytes. A file that holds a public or private key is refused.
pub fn read_secret(path: &Path) -> Result<SecretSlice<u8>, KeysError> {
    let mut bytes = read(path)?;
    if bytes.ends_with(b"\n") {
        bytes.pop();
        if bytes.ends_with(b"\r") {
            bytes.pop();
        }
    }
    let start = bytes.trim_ascii_start();
    if start.starts_with(b"-----BEGIN ")
        || (start.starts_with(b"{") && serde_json::from_slice::<serde_json::Value>(start).is_ok())
    {
        return Err(KeysError::NotASecret { path: path.to_owned() });
    }
    Ok(bytes.into())
}

/// A regular file's bytes, at most [`MAX_KEY_FILE`] of them.
pub fn read(path: &Path) -> Result<Vec<u8>, KeysError> {
    let failed = |error| KeysError::Read { path: path.to_owned(), error };
    // Opening a named pipe would wait for its writer.
    if !path.metadata().map_err(failed)?.is_file() {
        return Err(KeysError::NotAFile { path: path.to_owned() });
    }
    let mut bytes = Vec::new();
    File::open(path).map_err(failed)?.take(MAX_KEY_FILE + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MAX_KEY_FILE {
        return Err(KeysError::TooLarge { path: path.to_owned() });
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Folder;
    use secrecy::ExposeSecret;

    #[test]
    fn secrets() {
        let folder = Folder::new("secrets");
        let strong = "0123456789abcdef0123456789abcdef";
        for (content, bytes) in [
            (strong.to_owned(), Some(32)),
            (format!("{strong}\n"), Some(32)),
            (format!("{strong}\r\n"), Some(32)),
            (format!("{strong}\n\n"), Some(33)),
            (format!(" {strong}"), Some(33)),
            (strong[1..].to_owned(), None),
            (format!("{}\n", &strong[1..]), None),
            (String::new(), None),
            (format!("-----BEGIN PUBLIC KEY-----\n{strong}\n"), None),
            (format!("\n{{\"kty\":\"RSA\",\"n\":\"{strong}\"}}"), None),
            (format!("{{{strong}"), Some(33)),
        ] {
            let source = Source::SecretFile(folder.write("s", content.as_bytes()));
            let found = source.load(&[Algorithm::Hs256]).ok().flatten().map(|set| match set.keys()[0].material() {
                Material::Secret(secret) => secret.expose_secret().len(),
                other => panic!("{other:?}"),
            });
            assert_eq!(found, bytes, "{content:?}");
        }
    }

    #[test]
    fn files_that_are_none() {
        let folder = Folder::new("files");
        let message = |source: Source| source.load(&[Algorithm::Es256]).unwrap_err().to_string();
        let missing = folder.path("missing");
        assert_eq!(
            message(Source::JwksFile(missing.clone())),
            format!("cannot read `{}`: there is no such file", missing.display())
        );
        assert!(message(Source::SecretFile(folder.path(""))).ends_with("is not a file"));
        let huge = folder.write("huge", &vec![b'x'; 1024 * 1024 + 1]);
        assert!(message(Source::JwksFile(huge)).ends_with("has more than 1048576 bytes"));
        let rubbish = folder.write("rubbish", b"{}");
        assert!(message(Source::JwksFile(rubbish)).ends_with("no list `keys`"));
        let neutral = br#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}]}"#;
        let source = Source::JwksFile(folder.write("neutral", neutral));
        assert!(matches!(source.load(&[Algorithm::EdDsa]), Err(KeysError::JwkSet { .. })));
    }

    #[test]
    fn a_query_is_not_shown() {
        assert_eq!(Source::JwksUrl("https://a.example/k?secret=x".to_owned()).to_string(), "https://a.example/k");
    }
}
