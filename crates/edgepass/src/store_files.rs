//! The embedded store with its pair of keys, which are made at its first start and kept beside its data.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

use secrecy::SecretString;
use store::Store;
use uuid::Uuid;

use crate::config::read_line;
use crate::trouble::Trouble;

pub const ACCESS_KEY_FILE: &str = "access-key";
pub const SECRET_KEY_FILE: &str = "secret-key";
pub const REGION: &str = "us-east-1";

pub struct StoreKeys {
    pub access_key: String,
    pub secret_key: SecretString,
}

/// Opens the store in this directory.
pub fn open_store(dir: &Path) -> Result<(Arc<Store>, StoreKeys), Trouble> {
    fs::create_dir_all(dir)
        .map_err(|error| Trouble::failed(format_args!("cannot make the directory `{}`: {error}", dir.display())))?;
    let keys = StoreKeys {
        access_key: kept(&dir.join(ACCESS_KEY_FILE), new_access_key)?,
        secret_key: kept(&dir.join(SECRET_KEY_FILE), new_secret_key)?.into(),
    };
    let settings = store::Settings {
        dir: dir.to_owned(),
        region: REGION.to_owned(),
        access_key: keys.access_key.clone(),
        secret_key: keys.secret_key.clone(),
    };
    let store = Store::open(settings).map_err(Trouble::failed)?;
    Ok((store, keys))
}

pub fn new_access_key() -> String {
    format!("EP{}", digits().to_uppercase())
}

pub fn new_secret_key() -> String {
    format!("{}{}", digits(), digits())
}

/// 122 random bits, in 32 hexadecimal digits.
fn digits() -> String {
    Uuid::new_v4().simple().to_string()
}

/// The line in a file, which is made if it is missing, for its owner's eyes only.
fn kept(path: &Path, make: impl FnOnce() -> String) -> Result<String, Trouble> {
    use secrecy::ExposeSecret;
    let failed = |error: &dyn std::fmt::Display| Trouble::failed(format_args!("`{}`: {error}", path.display()));
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(mut file) => {
            let line = make();
            writeln!(file, "{line}").and_then(|()| file.sync_all()).map_err(|error| failed(&error))?;
            Ok(line)
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            read_line(path).map(|line| line.expose_secret().to_owned()).map_err(|fault| failed(&fault))
        }
        Err(error) => Err(failed(&error)),
    }
}
