//! What can be wrong with a disk cache's directory.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

#[derive(Debug)]
pub enum DiskFault {
    /// Another process has it.
    InUse(PathBuf),
    /// There are files in it that no disk cache has.
    Foreign(PathBuf),
    NotADirectory(PathBuf),
    Io {
        path: PathBuf,
        error: io::Error,
    },
}

impl DiskFault {
    pub fn io(path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |error| Self::Io { path, error }
    }

    /// Whether it is a mistake of whoever set it up, and no trouble that may pass.
    pub fn is_mistake(&self) -> bool {
        !matches!(self, Self::Io { .. })
    }
}

impl fmt::Display for DiskFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InUse(path) => write!(f, "`{}` is in use by another process", path.display()),
            Self::Foreign(path) => {
                write!(f, "`{}` holds other files: a disk cache wants a directory of its own", path.display())
            }
            Self::NotADirectory(path) => write!(f, "`{}` is not a directory", path.display()),
            Self::Io { path, error } => write!(f, "`{}`: {error}", path.display()),
        }
    }
}

impl std::error::Error for DiskFault {}
