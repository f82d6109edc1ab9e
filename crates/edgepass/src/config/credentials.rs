//! The store's credentials: what the configuration says of them, and their reading when the gateway starts. Checking a
//! configuration needs no environment.

use std::fmt;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credentials {
    /// The AWS chain.
    Default,
    /// The names of environment variables.
    Environment {
        access_key: String,
        secret_key: String,
        session_token: Option<String>,
    },
    Files {
        access_key: PathBuf,
        secret_key: PathBuf,
    },
}

#[derive(Clone, Debug)]
#[allow(clippy::struct_field_names)] // what S3 calls them
pub struct AccessKey {
    pub access_key: String,
    pub secret_key: SecretString,
    pub session_token: Option<SecretString>,
}

#[derive(Debug)]
pub enum CredentialsFault {
    NotSet(String),
    Empty(String),
    File(keys::KeysError),
    NotText(PathBuf),
}

impl fmt::Display for CredentialsFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSet(name) => write!(f, "the environment variable `{name}` is not set"),
            Self::Empty(name) => write!(f, "`{name}` is empty"),
            Self::File(error) => write!(f, "{error}"),
            Self::NotText(path) => write!(f, "`{}` is not text", path.display()),
        }
    }
}

impl Credentials {
    /// The credentials as they are now, none where the AWS chain has them; `variable` gives an environment variable.
    pub fn read(&self, variable: impl Fn(&str) -> Option<String>) -> Result<Option<AccessKey>, CredentialsFault> {
        let required = |name: &str| match variable(name) {
            Some(value) if value.is_empty() => Err(CredentialsFault::Empty(name.to_owned())),
            Some(value) => Ok(value),
            None => Err(CredentialsFault::NotSet(name.to_owned())),
        };
        Ok(match self {
            Self::Default => None,
            Self::Environment { access_key, secret_key, session_token } => Some(AccessKey {
                access_key: required(access_key)?,
                secret_key: required(secret_key)?.into(),
                session_token: session_token.as_deref().map(required).transpose()?.map(Into::into),
            }),
            Self::Files { access_key, secret_key } => Some(AccessKey {
                access_key: read_line(access_key)?.expose_secret().to_owned(),
                secret_key: read_line(secret_key)?,
                session_token: None,
            }),
        })
    }
}

/// A file's one line of text.
pub fn read_line(path: &Path) -> Result<SecretString, CredentialsFault> {
    let bytes = keys::read_file(path).map_err(CredentialsFault::File)?;
    let text = String::from_utf8(bytes).map_err(|_| CredentialsFault::NotText(path.to_owned()))?;
    let line = text.trim();
    if line.is_empty() {
        return Err(CredentialsFault::Empty(path.display().to_string()));
    }
    if line.contains(char::is_control) {
        return Err(CredentialsFault::NotText(path.to_owned()));
    }
    Ok(line.to_owned().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn environment() {
        let variable = |name: &str| match name {
            "ID" => Some("id".to_owned()),
            "SECRET" => Some("secret".to_owned()),
            _ => None,
        };
        assert!(Credentials::Default.read(variable).unwrap().is_none());
        let named = |token: Option<&str>| Credentials::Environment {
            access_key: "ID".to_owned(),
            secret_key: "SECRET".to_owned(),
            session_token: token.map(str::to_owned),
        };
        let read = named(None).read(variable).unwrap().unwrap();
        assert_eq!((read.access_key.as_str(), read.secret_key.expose_secret()), ("id", "secret"));
        assert!(read.session_token.is_none());
        assert_eq!(
            named(Some("TOKEN")).read(variable).unwrap_err().to_string(),
            "the environment variable `TOKEN` is not set"
        );
    }
}
