//! Paths in a configuration, and what is said of files that cannot be used.

use std::path::{Path, PathBuf};

use keys::KeysError;

use super::faults::Mistake;

/// Relative paths start at the configuration's directory.
pub fn path_in(dir: &Path, text: &str) -> PathBuf {
    dir.join(text)
}

pub fn file_mistake(error: &KeysError) -> Mistake {
    let mistake = Mistake::new(error.to_string());
    match error {
        KeysError::Read { error, .. } if error.kind() == std::io::ErrorKind::NotFound => {
            mistake.hint("relative paths start at the configuration file's directory")
        }
        KeysError::Secret { .. } => mistake.hint("`edgepass keys new --algorithm HS256 --out FILE` makes a strong one"),
        KeysError::NotASecret { .. } => mistake.hint("name a JWK set with `jwks_file`"),
        _ => mistake,
    }
}
