//! The file `keys` in the store's directory: pairs of keys beside the first one, a line each.
//!
//! `ACCESS SECRET read-write|read-only [BUCKET]`. It is written anew and renamed, so that a reader sees the old or the new.

use secrecy::{ExposeSecret as _, SecretString};
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// One line of the file.
#[derive(Clone, Debug)]
pub struct StoredKey {
    pub access_key: String,
    pub secret: SecretString,
    pub access: Access,
    /// The only bucket it is for.
    pub bucket: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    ReadWrite,
    ReadOnly,
}

impl Access {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ReadWrite => "read-write",
            Self::ReadOnly => "read-only",
        }
    }
}

#[derive(Debug)]
pub enum KeyFault {
    Disk(io::Error),
    /// A line that does not read, from 1.
    Line(usize),
    /// No such access key.
    Unknown,
    Exists,
}

impl std::fmt::Display for KeyFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Disk(error) => error.fmt(f),
            Self::Line(line) => write!(f, "line {line} is not ACCESS SECRET read-write|read-only [BUCKET]"),
            Self::Unknown => f.write_str("there is no such access key"),
            Self::Exists => f.write_str("there is such an access key already"),
        }
    }
}

impl std::error::Error for KeyFault {}

impl From<io::Error> for KeyFault {
    fn from(error: io::Error) -> Self {
        Self::Disk(error)
    }
}

/// The pairs beside the first one.
pub fn keys(dir: &Path) -> Result<Vec<StoredKey>, KeyFault> {
    read(&dir.join("keys"))
}

/// A running store takes it up within a second.
pub fn add_key(dir: &Path, key: StoredKey) -> Result<(), KeyFault> {
    change(dir, |keys| {
        if keys.iter().any(|there| there.access_key == key.access_key) {
            return Err(KeyFault::Exists);
        }
        keys.push(key);
        Ok(())
    })
}

/// A running store refuses it within a second.
pub fn remove_key(dir: &Path, access_key: &str) -> Result<(), KeyFault> {
    change(dir, |keys| {
        let before = keys.len();
        keys.retain(|key| key.access_key != access_key);
        if keys.len() < before { Ok(()) } else { Err(KeyFault::Unknown) }
    })
}

/// None where there is no file.
pub(crate) fn read(file: &Path) -> Result<Vec<StoredKey>, KeyFault> {
    let text = match fs::read_to_string(file) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    lines.map(|(number, line)| parse(line).ok_or(KeyFault::Line(number))).collect()
}

fn parse(line: &str) -> Option<StoredKey> {
    let mut words = line.split_ascii_whitespace();
    let (access_key, secret) = (words.next()?.to_owned(), words.next()?.to_owned().into());
    let access = match words.next()? {
        "read-write" => Access::ReadWrite,
        "read-only" => Access::ReadOnly,
        _ => return None,
    };
    let bucket = words.next().map(str::to_owned);
    words.next().is_none().then_some(StoredKey { access_key, secret, access, bucket })
}

fn change(dir: &Path, edit: impl FnOnce(&mut Vec<StoredKey>) -> Result<(), KeyFault>) -> Result<(), KeyFault> {
    let lock = File::create(dir.join("keys.lock"))?;
    lock.lock()?;
    let file = dir.join("keys");
    let mut keys = read(&file)?;
    edit(&mut keys)?;
    let draft = dir.join("keys.new");
    let mut to = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    for key in keys {
        let bucket = key.bucket.map(|bucket| format!(" {bucket}")).unwrap_or_default();
        writeln!(to, "{} {} {}{bucket}", key.access_key, key.secret.expose_secret(), key.access.name())?;
    }
    to.sync_all()?;
    fs::rename(&draft, &file)?;
    Ok(crate::blobs::sync_dir(dir)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TempDir;

    #[test]
    fn keys_come_and_go() {
        let dir = TempDir::new();
        assert!(keys(dir.path()).unwrap().is_empty());
        let key = |name: &str, access, bucket: Option<&str>| StoredKey {
            access_key: name.into(),
            secret: "secret".into(),
            access,
            bucket: bucket.map(str::to_owned),
        };
        add_key(dir.path(), key("A", Access::ReadWrite, None)).unwrap();
        add_key(dir.path(), key("B", Access::ReadOnly, Some("files"))).unwrap();
        assert!(matches!(add_key(dir.path(), key("A", Access::ReadOnly, None)), Err(KeyFault::Exists)));
        let found = keys(dir.path()).unwrap();
        let found: Vec<_> = found.iter().map(|k| (k.access_key.as_str(), k.access, k.bucket.as_deref())).collect();
        assert_eq!(found, [("A", Access::ReadWrite, None), ("B", Access::ReadOnly, Some("files"))]);
        remove_key(dir.path(), "A").unwrap();
        assert!(matches!(remove_key(dir.path(), "A"), Err(KeyFault::Unknown)));
        fs::write(dir.path().join("keys"), "\nA secret sometimes\n").unwrap();
        assert!(matches!(keys(dir.path()), Err(KeyFault::Line(2))));
    }
}
