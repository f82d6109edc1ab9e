//! What an object is called. A key is opaque: `..`, `//`, a leading or a trailing slash mean nothing here, and no key
//! ever becomes part of a path on disk.

use crate::limits;
use s3s::{S3Error, s3_error};

/// UTF-8, 1 to 1,024 bytes, without NUL.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ObjectKey(String);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyFault {
    Empty,
    TooLong,
    Nul,
}

impl ObjectKey {
    pub(crate) fn parse(text: impl Into<String>) -> Result<Self, KeyFault> {
        let text = text.into();
        if text.is_empty() {
            return Err(KeyFault::Empty);
        }
        if text.len() > limits::KEY_BYTES {
            return Err(KeyFault::TooLong);
        }
        if text.contains('\0') {
            return Err(KeyFault::Nul);
        }
        Ok(Self(text))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    pub(crate) fn into_string(self) -> String {
        self.0
    }
}

impl From<KeyFault> for S3Error {
    fn from(fault: KeyFault) -> Self {
        match fault {
            KeyFault::TooLong => s3_error!(KeyTooLongError, "Your key is too long"),
            KeyFault::Empty => s3_error!(InvalidArgument, "The key is empty"),
            KeyFault::Nul => s3_error!(InvalidArgument, "The key holds a NUL"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_any_text_up_to_its_limit() {
        for odd in ["..", "../../etc/passwd", "//", "/a", "a/", " ", "é/%2F?#+", "\u{1}"] {
            assert_eq!(ObjectKey::parse(odd).unwrap().as_str(), odd);
        }
        assert!(ObjectKey::parse("é".repeat(512)).is_ok());
        assert_eq!(ObjectKey::parse("é".repeat(513)), Err(KeyFault::TooLong));
        assert_eq!(ObjectKey::parse(""), Err(KeyFault::Empty));
        assert_eq!(ObjectKey::parse("a\0b"), Err(KeyFault::Nul));
    }
}
